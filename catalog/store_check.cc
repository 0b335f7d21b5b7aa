// Store::Check: everything compared with everything.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "catalog/store.h"
#include "pager/status_macros.h"

namespace sheaf::catalog {
namespace {

using pager::kPageBytes;
using pager::PageId;
using pager::PageRef;
using pager::Stamp;

constexpr size_t kProblemsMax = 1000;
constexpr uint64_t kPagesATick = 256;

class StoreChecker {
 public:
  StoreChecker(Store* store, const Progress& progress)
      : store_(*store), pager_(store->pager()), progress_(progress) {}

  // The pages of one version; `durable`: the one the superblock tells of.
  absl::Status CheckVersion(const btree::ReadContext& context, const Version& version,
                            Stamp durable_version) {
    durable_version_ = durable_version;
    used_.assign(pager_.allocator().page_end(), false);
    const auto on_page = [this](const PageRef& ref) { return OnPage(ref); };
    const auto on_problem = [this](PageId page, const std::string& what) {
      Problem(page, what);
    };
    SHEAF_ASSIGN_OR_RETURN(const btree::TreeCheck catalog,
                           btree::CheckTree(&pager_, version.catalog, on_page, on_problem));
    result.pages += catalog.pages;
    std::vector<TreeRecord> records;
    SHEAF_RETURN_IF_ERROR(ReadRecords(context, version, &records));
    for (const TreeRecord& record : records) {
      absl::StatusOr<btree::TreeCheck> tree =
          btree::CheckTree(&pager_, record.root, on_page, on_problem);
      if (!tree.ok()) {
        if (!absl::IsDataLoss(tree.status())) return tree.status();
        Problem(0, absl::StrCat(record.name, ": ", std::string(tree.status().message())));
        continue;
      }
      result.pages += tree->pages;
      result.entries += tree->entries;
      ++result.trees;
    }
    return absl::OkStatus();
  }

  // Is what the map marks what the version reaches?
  absl::Status CompareMap() {
    for (const PageRef& ref : pager_.allocator().MapPages()) {
      SHEAF_RETURN_IF_ERROR(OnPage(ref));
      ++result.pages;
    }
    std::vector<bool> live(used_.size(), false);
    const absl::Status status =
        pager_.allocator().ForEachLive([&](PageId first, uint64_t count) {
          for (PageId p = first; p < first + count && p < live.size(); ++p) live[p] = true;
        });
    if (!status.ok()) {
      Problem(0, absl::StrCat("page map: ", std::string(status.message())));
      return absl::OkStatus();
    }
    for (PageId p = pager::PageAllocator::kFirstPage; p < live.size(); ++p) {
      if (live[p] && !used_[p]) Problem(p, "leaked: in use by the page map, part of no tree");
      if (!live[p] && used_[p]) Problem(p, "in use, but free by the page map");
    }
    return absl::OkStatus();
  }

  void CheckSuperblocks() {
    char page[kPageBytes];
    for (PageId id : {0, 1}) {
      absl::Status status = pager_.file().Read(id * kPageBytes, absl::MakeSpan(page));
      if (status.ok()) status = pager::DecodeSuperblock(page, id).status();
      if (!status.ok()) Problem(id, std::string(status.message()));
      ++result.pages;
    }
  }

  void Problem(PageId page, std::string what) {
    if (result.problems.size() < kProblemsMax)
      result.problems.push_back({page, std::move(what)});
  }

  CheckResult result;

 private:
  absl::Status ReadRecords(const btree::ReadContext& context, const Version& version,
                           std::vector<TreeRecord>* records) {
    btree::TreeCursor cursor(context, &version.catalog, nullptr);
    const btree::TreeReader catalog(context, version.catalog);
    uint64_t names = 0;
    for (cursor.SeekFirst(); cursor.Valid(); cursor.Next()) {
      if (cursor.key()[0] == 'n') {
        ++names;
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
      if (record->id >= version.next_tree_id)
        Problem(0, absl::StrCat("catalog: tree id ", record->id, " was never given out"));
      records->push_back(*std::move(record));
    }
    if (names != records->size())
      Problem(0, absl::StrCat("catalog: ", names, " names for ", records->size(), " trees"));
    if (absl::IsDataLoss(cursor.status())) {
      Problem(0, std::string(cursor.status().message()));
      return absl::OkStatus();
    }
    return cursor.status();
  }

  absl::Status OnPage(const PageRef& ref) {
    if (ref.id + ref.pages > used_.size()) {
      Problem(ref.id, "referred to, but behind the end of the file");
      return absl::OkStatus();
    }
    for (PageId p = ref.id; p < ref.id + ref.pages; ++p) {
      if (used_[p]) Problem(p, "belongs to two owners");
      used_[p] = true;
    }
    // The copy in the file, also when another is in memory.
    if (ref.birth <= durable_version_) {
      buffer_.resize(ref.pages * kPageBytes);
      absl::Status status =
          pager_.file().Read(ref.id * kPageBytes, absl::MakeSpan(buffer_));
      if (status.ok()) status = pager::VerifyPage(buffer_.data(), buffer_.size(), ref);
      if (!status.ok()) Problem(ref.id, std::string(status.message()));
    }
    if (++visited_ % kPagesATick != 0) return absl::OkStatus();
    if (absl::Now() > progress_.deadline)
      return absl::DeadlineExceededError("the check was not done in time");
    if (progress_.report != nullptr &&
        !progress_.report({visited_, used_.size(), "pages checked"}))
      return absl::CancelledError("the check was cancelled");
    return absl::OkStatus();
  }

  Store& store_;
  pager::Pager& pager_;
  const Progress& progress_;
  Stamp durable_version_ = 0;
  std::vector<bool> used_;
  std::vector<char> buffer_;
  uint64_t visited_ = 0;
};

}  // namespace

absl::StatusOr<CheckResult> Store::Check(const Progress& progress) {
  // Keeps the durable version where it is while the map is compared with it.
  absl::MutexLock lock(&checkpoint_mu_);
  const Stamp durable = in_memory_ ? 0 : pager_->superblock().version;
  StoreChecker checker(this, progress);
  checker.CheckSuperblocks();
  Snapshot snapshot(this);
  SHEAF_RETURN_IF_ERROR(
      checker.CheckVersion(snapshot.context(), snapshot.version(), durable));
  if (snapshot.version().number == durable) {
    SHEAF_RETURN_IF_ERROR(checker.CompareMap());
  } else if (durable != 0 || !in_memory_) {
    StoreChecker in_file(this, progress);
    Version version;
    version.number = durable;
    version.next_tree_id = pager_->superblock().next_tree_id;
    version.catalog = versions_->DurableCatalog();
    SHEAF_RETURN_IF_ERROR(in_file.CheckVersion(snapshot.context(), version, durable));
    SHEAF_RETURN_IF_ERROR(in_file.CompareMap());
    for (CheckProblem& p : in_file.result.problems)
      checker.Problem(p.page, absl::StrCat("last checkpoint: ", p.what));
  }
  return std::move(checker.result);
}

}  // namespace sheaf::catalog
