// Store::Check: everything compared with everything.
#include <array>
#include <bit>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "btree/dense_reader.h"
#include "btree/large_value.h"
#include "catalog/compression.h"
#include "catalog/store.h"
#include "catalog/tick.h"
#include "pager/status_macros.h"

namespace sheaf::catalog {
namespace {

using pager::kPageBytes;
using pager::PageId;
using pager::PageRef;
using pager::Stamp;

constexpr size_t kProblemsMax = 1000;
constexpr uint64_t kPagesATick = 256;
constexpr uint64_t kBytesATick = uint64_t{4} << 20;

// A set of pages that costs memory only where it has some, so that a huge file of
// which little is used is no burden.
class PageSet {
 public:
  // False when it was there.
  bool Insert(PageId id) {
    uint64_t& word = blocks_[id / kBlockPages][id % kBlockPages / 64];
    const uint64_t bit = uint64_t{1} << id % 64;
    const bool fresh = (word & bit) == 0;
    word |= bit;
    return fresh;
  }
  // Calls `fn` for those that are not in `other`, in order.
  void ForEachNotIn(const PageSet& other, absl::FunctionRef<void(PageId)> fn) const {
    static const Block kNone{};
    for (const auto& [number, block] : blocks_) {
      const auto it = other.blocks_.find(number);
      const Block& there = it == other.blocks_.end() ? kNone : it->second;
      for (size_t w = 0; w < block.size(); ++w) {
        for (uint64_t left = block[w] & ~there[w]; left != 0; left &= left - 1)
          fn(number * kBlockPages + w * 64 + static_cast<PageId>(std::countr_zero(left)));
      }
    }
  }

 private:
  static constexpr uint64_t kBlockPages = 4096;
  using Block = std::array<uint64_t, kBlockPages / 64>;
  std::map<uint64_t, Block> blocks_;
};

class StoreChecker {
 public:
  StoreChecker(Store* store, const Progress& progress)
      : pager_(store->pager()), progress_(progress) {}

  // The pages of one version; `durable`: the one the superblock tells of.
  absl::Status CheckVersion(const btree::ReadContext& context, const Version& version,
                            Stamp durable_version) {
    durable_version_ = durable_version;
    const auto on_page = [this](const PageRef& ref) { return OnPage(ref); };
    const auto on_problem = [this](PageId page, const std::string& what) {
      Problem(page, what);
    };
    std::vector<TreeRecord> records;
    SHEAF_RETURN_IF_ERROR(ReadCatalog(context, version, &records));
    for (const TreeRecord& record : records) {
      const size_t problems = result.problems.size();
      const auto id = static_cast<uint32_t>(record.id);
      absl::StatusOr<btree::TreeCheck> tree =
          IsDense(record.kind)
              ? btree::CheckDenseTree(&pager_, record.root, RecordsOf(record.kind), id,
                                      on_page, on_problem)
              : btree::CheckTree(&pager_, record.root, record.values(), id, on_page,
                                 on_problem);
      if (!tree.ok()) {
        if (!absl::IsDataLoss(tree.status())) return tree.status();
        Problem(0, absl::StrCat(record.name, ": ", std::string(tree.status().message())));
        continue;
      }
      result.pages += tree->pages;
      result.entries += tree->entries;
      ++result.trees;
      if (problems == result.problems.size())
        SHEAF_RETURN_IF_ERROR(CheckValues(context, version, record));
    }
    return absl::OkStatus();
  }

  // The catalog's own tree and its records, not the trees they tell of.
  absl::Status CheckCatalog(const btree::ReadContext& context, const Version& version) {
    std::vector<TreeRecord> records;
    SHEAF_RETURN_IF_ERROR(ReadCatalog(context, version, &records));
    for (const TreeRecord& record : records) {
      result.entries += record.root.entries;
      ++result.trees;
    }
    return absl::OkStatus();
  }

  // Is what the map marks what the version reaches?
  absl::Status CompareMap() {
    for (const PageRef& ref : pager_.allocator().MapPages()) {
      SHEAF_RETURN_IF_ERROR(OnPage(ref).status());
      ++result.pages;
    }
    PageSet live;
    const absl::Status status =
        pager_.allocator().ForEachLive([&](PageId first, uint64_t count) {
          for (PageId p = first; p < first + count; ++p) live.Insert(p);
        });
    if (!status.ok()) {
      Problem(0, absl::StrCat("page map: ", std::string(status.message())));
      return absl::OkStatus();
    }
    live.ForEachNotIn(used_, [&](PageId p) {
      Problem(p, p < page_end_
                     ? "leaked: in use by the page map, part of no tree"
                     : "in use by the page map, but behind the end of the file");
    });
    used_.ForEachNotIn(live,
                       [&](PageId p) { Problem(p, "in use, but free by the page map"); });
    return absl::OkStatus();
  }

  void CheckSuperblocks() {
    char page[kPageBytes];
    for (PageId id : {0, 1}) {
      absl::Status status = pager_.file().Read(id * kPageBytes, absl::MakeSpan(page));
      if (status.ok())
        status = pager::DecodeSuperblock(page, id, pager_.codec().keys()).status();
      if (!status.ok()) Problem(id, std::string(status.message()));
      ++result.pages;
    }
  }

  void Problem(PageId page, std::string what) {
    // One page is looked at in the file and in memory.
    const bool told = !result.problems.empty() && result.problems.back().page == page &&
                      result.problems.back().what == what;
    if (!told && result.problems.size() < kProblemsMax)
      result.problems.push_back({page, std::move(what)});
  }

  CheckResult result;

 private:
  absl::Status ReadCatalog(const btree::ReadContext& context, const Version& version,
                           std::vector<TreeRecord>* records) {
    used_ = PageSet();
    page_end_ = pager_.allocator().page_end();
    SHEAF_ASSIGN_OR_RETURN(
        const btree::TreeCheck catalog,
        btree::CheckTree(
            &pager_, version.catalog, btree::Values::kRefs, /*tree=*/0,
            [this](const PageRef& ref) { return OnPage(ref); },
            [this](PageId page, const std::string& what) { Problem(page, what); }));
    result.pages += catalog.pages;
    return ReadRecords(context, version, records);
  }

  absl::Status ReadRecords(const btree::ReadContext& context, const Version& version,
                           std::vector<TreeRecord>* records) {
    btree::TreeCursor cursor(context, &version.catalog, nullptr);
    const btree::TreeReader catalog(context, version.catalog);
    uint64_t names = 0;
    std::map<TreeId, uint32_t> dictionaries;  // the newest of each tree; they come first
    for (cursor.SeekFirst(); cursor.Valid(); cursor.Next()) {
      if (cursor.key()[0] == 'n') {
        ++names;
        continue;
      }
      if (cursor.key().starts_with(kFirstDictionaryKey)) {
        absl::StatusOr<DictionaryPiece> piece =
            DecodeDictionaryPiece(cursor.key(), cursor.value().bytes);
        if (piece.ok())
          dictionaries[piece->tree] = piece->version;
        else
          Problem(cursor.leaf_ref().id, std::string(piece.status().message()));
        continue;
      }
      absl::StatusOr<TreeRecord> record =
          DecodeTreeRecord(cursor.key(), cursor.value().bytes);
      if (!record.ok()) {
        Problem(cursor.leaf_ref().id, std::string(record.status().message()));
        continue;
      }
      btree::Found name;
      SHEAF_RETURN_IF_ERROR(catalog.Find(NameKey(record->name), &name));
      absl::StatusOr<TreeId> id =
          name.found ? DecodeNameEntry(name.bytes) : absl::StatusOr<TreeId>(TreeId{0});
      if (!id.ok() || *id != record->id)
        Problem(0, absl::StrCat("catalog: the name ", record->name,
                                " does not lead to its tree"));
      if (!CheckTreeName(record->name, record->kind).ok())
        Problem(0, absl::StrCat("catalog: tree ", record->id, " has an impossible name"));
      if (record->id >= version.next_tree_id)
        Problem(0, absl::StrCat("catalog: tree id ", record->id, " was never given out"));
      const auto newest = dictionaries.find(record->id);
      if (newest != dictionaries.end() &&
          newest->second > record->compression.dictionaries)
        Problem(0, absl::StrCat("catalog: dictionary ", newest->second, " of tree ",
                                record->id, " was never given out"));
      if (newest != dictionaries.end()) dictionaries.erase(newest);
      records->push_back(*std::move(record));
    }
    for (const auto& [tree, version] : dictionaries)
      Problem(0, absl::StrCat("catalog: dictionary ", version, " is of tree ", tree,
                              ", which does not exist"));
    if (names != records->size())
      Problem(0,
              absl::StrCat("catalog: ", names, " names for ", records->size(), " trees"));
    if (absl::IsDataLoss(cursor.status())) {
      Problem(0, std::string(cursor.status().message()));
      return absl::OkStatus();
    }
    return cursor.status();
  }

  // Every dictionary is one, and every value can be opened. Requires: the tree is whole.
  absl::Status CheckValues(const btree::ReadContext& context, const Version& version,
                           const TreeRecord& record) {
    std::set<uint32_t> dictionaries;
    const absl::Status read = ForEachDictionary(
        context, version.catalog, record.id, [&](uint32_t number, const std::string& d) {
          dictionaries.insert(number);
          return pager::Dictionary::Make(d, number).status();
        });
    if (absl::IsDataLoss(read) || absl::IsInvalidArgument(read))
      Problem(0, absl::StrCat(record.name, ": ", std::string(read.message())));
    else if (!read.ok())
      return read;
    const uint32_t current = record.compression.dictionary;
    if (current != 0 && !dictionaries.contains(current))
      Problem(0, absl::StrCat(record.name, ": dictionary ", current, " is missing"));
    return record.compression.encoded ? OpenValues(context, version, record)
                                      : absl::OkStatus();
  }

  absl::Status OpenValues(const btree::ReadContext& context, const Version& version,
                          const TreeRecord& record) {
    const auto load = [&](uint32_t number) {
      return LoadDictionary(context, version.catalog, record.id, number);
    };
    ValueOpener opener;
    std::string_view stored, value;
    std::string large, buffer;
    uint64_t bad = 0;
    absl::Status first;
    btree::TreeCursor cursor(context, &record.root, nullptr);
    for (cursor.SeekFirst(); cursor.Valid(); cursor.Next()) {
      const btree::NodeView::LeafValue v = cursor.value();
      absl::StatusOr<pager::ValueCodec::Head> head = ReadHead(&pager_, v);
      absl::Status opened = head.status();
      if (opened.ok() && !head->as_is) {
        opened = btree::WholeValue(&pager_, v, &large, &stored);
        if (opened.ok()) opened = opener.Open(stored, load, &buffer, &value);
        SHEAF_RETURN_IF_ERROR(TickValues(v.size + head->size));
      }
      if (!opened.ok() && !absl::IsDataLoss(opened)) return opened;
      if (!opened.ok() && ++bad == 1) first = opened;
      SHEAF_RETURN_IF_ERROR(TickValues(1));
    }
    if (bad > 0)
      Problem(0, absl::StrCat(record.name, ": ", bad, " values cannot be opened: ",
                              std::string(first.message())));
    if (!absl::IsDataLoss(cursor.status())) return cursor.status();
    Problem(0, absl::StrCat(record.name, ": ", std::string(cursor.status().message())));
    return absl::OkStatus();
  }

  absl::Status TickValues(uint64_t bytes) {
    value_bytes_ += bytes;
    if (value_bytes_ / kBytesATick == ticked_) return absl::OkStatus();
    ticked_ = value_bytes_ / kBytesATick;
    return Tick(progress_, "the check", {value_bytes_, 0, "bytes of values checked"});
  }

  absl::StatusOr<btree::Seen> OnPage(const PageRef& ref) {
    if (ref.id < pager::PageAllocator::kFirstPage || ref.id + ref.pages > page_end_) {
      Problem(ref.id, "referred to, but outside the file");
      return btree::Seen::kBefore;
    }
    btree::Seen seen = btree::Seen::kFirstTime;
    for (PageId p = ref.id; p < ref.id + ref.pages; ++p) {
      if (used_.Insert(p)) continue;
      Problem(p, "belongs to two owners");
      seen = btree::Seen::kBefore;
    }
    // The copy in the file, also when another is in memory.
    if (ref.birth <= durable_version_) {
      buffer_.resize(ref.pages * kPageBytes);
      absl::Status status =
          pager_.file().Read(ref.id * kPageBytes, absl::MakeSpan(buffer_));
      if (status.ok()) status = pager_.codec().Open(buffer_.data(), buffer_.size(), ref);
      if (!status.ok()) Problem(ref.id, std::string(status.message()));
    }
    if (++visited_ % kPagesATick != 0) return seen;
    SHEAF_RETURN_IF_ERROR(
        Tick(progress_, "the check", {visited_, page_end_, "pages checked"}));
    return seen;
  }

  pager::Pager& pager_;
  const Progress& progress_;
  Stamp durable_version_ = 0;
  PageSet used_;
  PageId page_end_ = 0;
  std::vector<char> buffer_;
  uint64_t visited_ = 0, value_bytes_ = 0, ticked_ = 0;
};

}  // namespace

absl::StatusOr<CheckResult> Store::Check(CheckLevel level, const Progress& progress) {
  if (level == CheckLevel::kQuick) return CheckQuick();
  return level == CheckLevel::kPages && !in_memory_ ? CheckPages(progress)
                                                    : CheckFull(progress);
}

absl::StatusOr<CheckResult> Store::CheckQuick() {
  absl::MutexLock lock(&checkpoint_mu_);
  const Progress silent;
  StoreChecker checker(this, silent);
  if (!in_memory_) checker.CheckSuperblocks();
  const absl::Status map = pager_->allocator().Check();
  if (!map.ok()) checker.Problem(0, std::string(map.message()));
  const Snapshot snapshot(this);
  SHEAF_RETURN_IF_ERROR(checker.CheckCatalog(snapshot.context(), snapshot.version()));
  return std::move(checker.result);
}

absl::StatusOr<CheckResult> Store::CheckPages(const Progress& progress) {
  SHEAF_ASSIGN_OR_RETURN(CheckResult result, CheckQuick());
  ScanOptions last_checkpoint;
  last_checkpoint.checkpoints = false;
  absl::StatusOr<std::unique_ptr<PageScan>> begun = BeginScan(last_checkpoint);
  if (absl::IsDataLoss(begun.status())) {
    result.problems.push_back({0, std::string(begun.status().message())});
    return result;
  }
  SHEAF_RETURN_IF_ERROR(begun.status());
  const std::unique_ptr<PageScan> scan = *std::move(begun);
  RateLimit no_limit(0);
  SHEAF_RETURN_IF_ERROR(scan->Run(
      PageScan::Depth::kTags, &no_limit,
      [](PageId, std::string_view) { return absl::OkStatus(); },
      [&](PageId page, const absl::Status& damage) {
        if (result.problems.size() < kProblemsMax)
          result.problems.push_back({page, std::string(damage.message())});
        return absl::OkStatus();
      },
      [&](uint64_t done) {
        return Tick(progress, "the check", {done, scan->pages(), "pages checked"});
      }));
  result.pages += scan->pages();
  return result;
}

absl::StatusOr<CheckResult> Store::CheckFull(const Progress& progress) {
  // Keeps the durable version where it is while the map is compared with it.
  absl::MutexLock lock(&checkpoint_mu_);
  const Stamp durable = in_memory_ ? 0 : pager_->superblock().version;
  StoreChecker checker(this, progress);
  checker.CheckSuperblocks();
  Snapshot snapshot(this);
  // A checkpoint may be ahead of what readers are shown; then pages of theirs that
  // it lacks were never written, and what it has is looked at below.
  const Stamp written = snapshot.version().number < durable ? 0 : durable;
  SHEAF_RETURN_IF_ERROR(
      checker.CheckVersion(snapshot.context(), snapshot.version(), written));
  if (snapshot.version().number == durable) {
    SHEAF_RETURN_IF_ERROR(checker.CompareMap());
  } else if (durable != 0 || !in_memory_) {
    StoreChecker in_file(this, progress);
    pager::ReaderSlots& slots = pager_->buffer().slots();
    const btree::ReadContext context{pager_.get(), slots.Acquire(), nullptr};
    absl::Cleanup release = [&] { slots.Release(context.slot); };
    Version version = *versions_->AcquireDurable(context.slot);
    version.number = durable;
    version.next_tree_id = pager_->superblock().next_tree_id;
    SHEAF_RETURN_IF_ERROR(in_file.CheckVersion(context, version, durable));
    SHEAF_RETURN_IF_ERROR(in_file.CompareMap());
    for (CheckProblem& p : in_file.result.problems)
      checker.Problem(p.page, absl::StrCat("last checkpoint: ", p.what));
  }
  return std::move(checker.result);
}

}  // namespace sheaf::catalog
