#include "catalog/salvage.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <unordered_set>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "btree/dense_node.h"
#include "btree/large_value.h"
#include "catalog/replayer.h"
#include "catalog/tick.h"
#include "catalog/write_txn.h"
#include "pager/status_macros.h"

namespace sheaf::catalog {

using btree::ChildRef;
using btree::NodeView;
using pager::kPageBytes;
using pager::PageId;
using pager::PageKind;
using pager::PageRef;
using pager::PinnedPage;

namespace {

constexpr size_t kGapsMax = 100, kNotesMax = 100;
constexpr uint64_t kReplayBytes = uint64_t{32} << 20;

using Bound = std::optional<std::string>;

// A range of keys whose pages are lost.
struct Gap {
  std::string low;
  Bound high;
  uint64_t entries = 0;    // there were, as far as is known
  bool has_leaves = true;  // that may be intact: what is lost is above them
};

// An intact page of a tree, wherever it lies in the file.
struct Stray {
  PageRef ref;
  uint32_t level = 0;
  bool live = true;  // as far as is known, part of the last checkpoint
  bool dense = false, vertices = false;
  btree::Values values{};
};

bool IsDensePage(PageKind kind) {
  return kind == PageKind::kDenseIndex || kind == PageKind::kDenseLeaf;
}
bool IsTreePage(PageKind kind) {
  return kind == PageKind::kLeaf || kind == PageKind::kInner || IsDensePage(kind);
}

btree::Values ValuesOf(const char* page) {
  return IsDensePage(pager::PageKindOf(page)) ? btree::Values::kPlain
                                              : NodeView(page).values();
}

using EntryFn =
    absl::FunctionRef<absl::Status(std::string_view key, const NodeView::LeafValue&)>;

class Salvager {
 public:
  Salvager(std::unique_ptr<pager::Pager> pager, pager::FileSystem* fs, Store* to,
           const Progress& progress)
      : pager_(std::move(pager)), fs_(*fs), to_(*to), progress_(progress) {}

  absl::Status Run();
  SalvageResult result;

 private:
  struct Tree {
    TreeRecord record;
    bool root_known = true;
    std::vector<Gap> gaps;
    SalvagedTree report;
    OpenTree* open = nullptr;
  };

  void Note(std::string text) {
    if (result.notes.size() < kNotesMax) result.notes.push_back(std::move(text));
  }
  absl::Status Walk(const PageRef& ref, int level, uint32_t tree, const std::string& low,
                    const Bound& high, uint64_t entries, std::vector<Gap>* gaps,
                    EntryFn entry);
  absl::StatusOr<bool> ReadNode(const PageRef& ref, int* level, uint32_t tree,
                                std::vector<std::pair<std::string, ChildRef>>* children,
                                EntryFn entry);
  absl::Status ReadDense(const char* page,
                         std::vector<std::pair<std::string, ChildRef>>* children,
                         EntryFn entry);
  absl::Status IndexPages();
  void Index(PageId id, const char* page, size_t bytes);
  PageRef NewestRoot(uint32_t tree);
  absl::Status FillGaps(uint32_t tree, const std::vector<Gap>& gaps, EntryFn entry);
  std::optional<TreeRecord> TakeCatalogEntry(std::string_view key,
                                             const NodeView::LeafValue& value);
  absl::Status AddDictionaries(const Tree& tree);
  absl::Status ReadCatalog();
  absl::Status AdoptNames();
  absl::Status CreateTrees(WriteTxn* txn);
  absl::Status CopyTree(Tree* tree);
  absl::Status PutEntry(Tree* tree, std::string_view key, const NodeView::LeafValue& v);
  absl::Status ReplayLog(WriteTxn* txn);
  absl::Status TickNow() {
    return Tick(progress_, "the salvage",
                {done_, pager_->allocator().page_end(), "pages read"});
  }

  const std::unique_ptr<pager::Pager> pager_;
  pager::FileSystem& fs_;
  Store& to_;
  const Progress& progress_;
  std::map<TreeId, Tree> trees_;
  struct LostAndFound {
    uint32_t size = 0;
    std::map<uint16_t, std::string> pieces;
  };
  std::map<std::pair<TreeId, uint32_t>, LostAndFound> dictionaries_;
  absl::flat_hash_set<PageId> seen_;  // pages of trees that were walked
  bool indexed_ = false, map_known_ = false;
  std::map<uint32_t, std::vector<Stray>> strays_;
  std::vector<bool> live_;  // by page id, if the map is known
  uint64_t done_ = 0;
  btree::Values values_ = btree::Values::kPlain;  // of the leaf whose entries are read
  std::string large_, opened_;
};

// One node: its children, or its entries. False: it is lost. `*level`: what it must be,
// or negative; then what it is.
absl::StatusOr<bool> Salvager::ReadNode(
    const PageRef& ref, int* level, uint32_t tree,
    std::vector<std::pair<std::string, ChildRef>>* children, EntryFn entry) {
  if (ref.id + ref.pages > pager_->allocator().page_end() || !seen_.insert(ref.id).second)
    return false;
  const absl::StatusOr<const char*> page = pager_->buffer().Pin(ref);
  if (!page.ok()) {
    if (absl::IsResourceExhausted(page.status())) return page.status();
    Note(std::string(page.status().message()));
    ++result.pages_damaged;
    return false;
  }
  const PinnedPage pin(&pager_->buffer(), ref.id, *page);
  const PageKind kind = pager::PageKindOf(*page);
  const NodeView node(*page);  // the tree's mark and level are where all have them
  const bool is_catalog = ValuesOf(*page) == btree::Values::kRefs;
  if (!IsTreePage(kind) || node.tree() != tree || is_catalog != (tree == 0) ||
      (*level >= 0 && node.level() != static_cast<uint32_t>(*level)))
    return false;
  *level = static_cast<int>(node.level());
  values_ = ValuesOf(*page);
  if (++done_ % 64 == 0) SHEAF_RETURN_IF_ERROR(TickNow());
  if (IsDensePage(kind)) {
    SHEAF_RETURN_IF_ERROR(ReadDense(*page, children, entry));
    return true;
  }
  std::string key;
  for (uint32_t i = 0; i < node.count(); ++i) {
    node.KeyTo(i, &key);
    if (node.is_leaf())
      SHEAF_RETURN_IF_ERROR(entry(key, node.Value(i)));
    else
      children->emplace_back(key, node.Child(i));
  }
  return true;
}

absl::Status Salvager::ReadDense(const char* page,
                                 std::vector<std::pair<std::string, ChildRef>>* children,
                                 EntryFn entry) {
  const auto key_of = [](uint64_t group) {
    return EncodeDenseKey(group << btree::kGroupBits);
  };
  if (pager::LevelOf(page) > 0) {
    const btree::DenseIndexView index(page);
    for (uint32_t i = index.NextChild(0); i < btree::kDenseFanout;
         i = index.NextChild(index.EndOfRun(i)))
      children->emplace_back(key_of(index.GroupAt(i)), ChildRef{index.Child(i)});
    return absl::OkStatus();
  }
  const btree::DenseLeafView leaf(page);
  for (uint32_t slot = leaf.NextRecord(0); slot < leaf.slot_count();
       slot = leaf.NextRecord(slot + 1)) {
    const std::string_view record = leaf.Record(slot);
    SHEAF_RETURN_IF_ERROR(entry(EncodeDenseKey(leaf.first_key() + slot),
                                {record, /*is_large=*/false, record.size()}));
  }
  return absl::OkStatus();
}

absl::Status Salvager::Walk(const PageRef& ref, int level, uint32_t tree,
                            const std::string& low, const Bound& high, uint64_t entries,
                            std::vector<Gap>* gaps, EntryFn entry) {
  std::vector<std::pair<std::string, ChildRef>> children;
  SHEAF_ASSIGN_OR_RETURN(const bool read, ReadNode(ref, &level, tree, &children, entry));
  if (!read) gaps->push_back({low, high, entries, level != 0});
  for (size_t i = 0; i < children.size(); ++i) {
    const ChildRef& child = children[i].second;
    const Bound end = i + 1 < children.size() ? Bound(children[i + 1].first) : high;
    SHEAF_RETURN_IF_ERROR(Walk(child.page, level - 1, tree,
                               i == 0 ? low : children[i].first, end, child.entries, gaps,
                               entry));
  }
  return absl::OkStatus();
}

// --- Pages that nothing leads to ----------------------------------------------

void Salvager::Index(PageId id, const char* page, size_t bytes) {
  std::vector<char> copy(page, page + bytes);
  const PageRef ref{id, pager::BirthOf(page), pager::PagesOf(page), true};
  // Of a transaction that never came into a checkpoint.
  const pager::Superblock& superblock = pager_->superblock();
  if (superblock.sequence > 0 && ref.birth > superblock.version) return;
  if (!pager_->codec().Open(copy.data(), bytes, ref).ok()) return;
  const PageKind kind = pager::PageKindOf(copy.data());
  if (!IsTreePage(kind) ||
      !btree::TreePageOps().kinds[static_cast<size_t>(kind)].validate(copy.data()).ok())
    return;
  const NodeView node(copy.data());
  // Older catalogs are good for the names of trees.
  const bool live = !map_known_ || live_[id];
  if (live || node.tree() == 0)
    strays_[node.tree()].push_back(
        {ref, node.level(), live, IsDensePage(kind),
         btree::DenseView(copy.data()).records() == btree::DenseRecords::kVertices,
         ValuesOf(copy.data())});
}

absl::Status Salvager::IndexPages() {
  if (std::exchange(indexed_, true)) return absl::OkStatus();
  const PageId end = pager_->allocator().page_end();
  // The map, if it can be read: of an allocator of its own, so that this one may fail.
  pager::PageAllocator map(&pager_->file(), &pager_->buffer(), &pager_->codec());
  absl::Status known = map.Open(pager_->superblock().map, pager_->superblock().page_end);
  live_.assign(end, false);
  if (known.ok())
    known = map.ForEachLive([&](PageId first, uint64_t count) {
      for (PageId p = first; p < first + count && p < end; ++p) live_[p] = true;
    });
  map_known_ = known.ok() && pager_->superblock().sequence > 0;
  pager_->buffer().set_page_end(end);  // the map's allocator has its own opinion
  if (!map_known_)
    Note(
        "the page map is lost: deleted entries, or older ones, may come back where "
        "pages are taken that nothing refers to");
  std::vector<char> node(pager::kNodePagesMax * kPageBytes);
  for (PageId id = pager::PageAllocator::kFirstPage; id < end; ++id) {
    if (id % 64 == 0) SHEAF_RETURN_IF_ERROR(TickNow());
    const auto read = [&](size_t from, size_t bytes) {
      return pager_->file().Read(id * kPageBytes + from,
                                 absl::MakeSpan(node.data() + from, bytes));
    };
    if (!read(0, kPageBytes).ok() || pager::PageIdOf(node.data()) != id) continue;
    const uint32_t pages = pager::PagesOf(node.data());
    if (pages < 1 || pages > pager::kNodePagesMax || id + pages > end) continue;
    if (pages > 1 && !read(kPageBytes, (pages - 1) * kPageBytes).ok()) continue;
    Index(id, node.data(), pages * kPageBytes);
  }
  return absl::OkStatus();
}

// A root is as young as anything below it, and of those as young the highest.
PageRef Salvager::NewestRoot(uint32_t tree) {
  const auto it = strays_.find(tree);
  if (it == strays_.end()) return {};
  return std::max_element(it->second.begin(), it->second.end(),
                          [](const Stray& a, const Stray& b) {
                            return std::pair(a.ref.birth, a.level) <
                                   std::pair(b.ref.birth, b.level);
                          })
      ->ref;
}

// Leaves of the tree that lie in gaps, older ones first: a newer entry replaces them.
absl::Status Salvager::FillGaps(uint32_t tree, const std::vector<Gap>& gaps,
                                EntryFn entry) {
  const bool any = std::any_of(gaps.begin(), gaps.end(),
                               [](const Gap& gap) { return gap.has_leaves; });
  if (!any) return absl::OkStatus();
  SHEAF_RETURN_IF_ERROR(IndexPages());
  std::vector<Stray>& strays = strays_[tree];
  std::sort(strays.begin(), strays.end(),
            [](const Stray& a, const Stray& b) { return a.ref.birth < b.ref.birth; });
  const auto in_gap = [&](std::string_view key) {
    return std::any_of(gaps.begin(), gaps.end(), [&](const Gap& gap) {
      return gap.has_leaves && key >= gap.low &&
             (!gap.high.has_value() || key < *gap.high);
    });
  };
  for (const Stray& stray : strays) {
    int level = 0;
    if (stray.level > 0 || seen_.contains(stray.ref.id)) continue;
    std::vector<std::pair<std::string, ChildRef>> none;
    SHEAF_RETURN_IF_ERROR(
        ReadNode(stray.ref, &level, tree, &none,
                 [&](std::string_view key, const NodeView::LeafValue& value) {
                   return in_gap(key) ? entry(key, value) : absl::OkStatus();
                 })
            .status());
  }
  return absl::OkStatus();
}

// --- Trees --------------------------------------------------------------------

// Keeps pieces of dictionaries; returns the record of a tree.
std::optional<TreeRecord> Salvager::TakeCatalogEntry(std::string_view key,
                                                     const NodeView::LeafValue& value) {
  if (key.empty() || value.is_large) return std::nullopt;
  if (key.starts_with(kFirstDictionaryKey)) {
    const absl::StatusOr<DictionaryPiece> p = DecodeDictionaryPiece(key, value.bytes);
    if (!p.ok()) return std::nullopt;
    LostAndFound& dictionary = dictionaries_[{p->tree, p->version}];
    dictionary.size = p->size;
    dictionary.pieces[p->piece] = std::string(p->bytes);
  }
  if (!key.starts_with(kFirstTreeKey)) return std::nullopt;
  absl::StatusOr<TreeRecord> record = DecodeTreeRecord(key, value.bytes);
  absl::Status status = record.status();
  if (status.ok()) status = CheckTreeName(record->name, record->kind);
  if (status.ok()) return *std::move(record);
  Note(absl::StrCat("catalog: ", std::string(status.message())));
  return std::nullopt;
}

absl::Status Salvager::ReadCatalog() {
  PageRef root = pager_->superblock().catalog_root;
  std::vector<Gap> gaps;
  if (pager_->superblock().sequence == 0) {
    Note("both superblocks are lost: what is newest is taken for the database");
    SHEAF_RETURN_IF_ERROR(IndexPages());
    root = NewestRoot(0);
  }
  const auto entry = [&](std::string_view key,
                         const NodeView::LeafValue& value) -> absl::Status {
    if (std::optional<TreeRecord> record = TakeCatalogEntry(key, value))
      trees_[record->id].record = *std::move(record);
    return absl::OkStatus();
  };
  if (root) SHEAF_RETURN_IF_ERROR(Walk(root, -1, 0, "", {}, 0, &gaps, entry));
  const bool is_whole = gaps.empty() && (root || pager_->superblock().sequence > 0);
  if (is_whole) return absl::OkStatus();
  if (pager_->superblock().sequence == 0 && strays_.empty())
    return absl::InvalidArgumentError(
        absl::StrCat(pager_->path(), ": no page of it is one of a Sheaf database"));
  Note("part of the catalog is lost: names of trees may be older ones, or lost-N");
  SHEAF_RETURN_IF_ERROR(AdoptNames());
  for (const auto& [id, strays] : strays_) {
    if (id == 0 || trees_.contains(id)) continue;
    Tree& tree = trees_[id];
    tree.record.id = id;
    tree.record.name = absl::StrCat("lost-", id);
    tree.record.compression.encoded = std::any_of(
        strays.begin(), strays.end(),
        [](const Stray& stray) { return stray.values == btree::Values::kEncoded; });
    if (std::any_of(strays.begin(), strays.end(),
                    [](const Stray& stray) { return stray.dense; })) {
      tree.record.kind = strays.front().vertices ? TreeKind::kGraph : TreeKind::kVectors;
      tree.record.compression.encoded = false;
    }
    tree.root_known = false;
  }
  return absl::OkStatus();
}

// Takes the names of trees that have pages from what is left of catalogs, whatever their
// age: the newest name that is found.
absl::Status Salvager::AdoptNames() {
  SHEAF_RETURN_IF_ERROR(IndexPages());
  std::map<TreeId, TreeRecord> records;
  std::vector<Stray>& strays = strays_[0];
  std::sort(strays.begin(), strays.end(),
            [](const Stray& a, const Stray& b) { return a.ref.birth < b.ref.birth; });
  for (const Stray& stray : strays) {
    int level = 0;
    std::vector<std::pair<std::string, ChildRef>> none;
    if (stray.level > 0) continue;
    const auto entry = [&](std::string_view key, const NodeView::LeafValue& value) {
      if (std::optional<TreeRecord> record = TakeCatalogEntry(key, value))
        records[record->id] = *std::move(record);
      return absl::OkStatus();
    };
    SHEAF_RETURN_IF_ERROR(ReadNode(stray.ref, &level, 0, &none, entry).status());
  }
  for (auto& [id, record] : records) {
    const bool has_pages = strays_.contains(static_cast<uint32_t>(id));
    if (trees_.contains(id) || !(has_pages || !record.root.page)) continue;
    trees_[id].record = std::move(record);
    trees_[id].root_known = false;
  }
  return absl::OkStatus();
}

absl::Status Salvager::CreateTrees(WriteTxn* txn) {
  std::set<std::string> names;
  for (auto& [id, tree] : trees_) {
    TreeRecord& record = tree.record;
    while (!names.insert(record.name).second) absl::StrAppend(&record.name, "-", id);
    SHEAF_ASSIGN_OR_RETURN(tree.open,
                           txn->CreateTree(record.name, record.kind, record.key_type,
                                           record.value_type, id));
    if (record.counter != 0) SHEAF_RETURN_IF_ERROR(tree.open->SetCounter(record.counter));
    tree.report.name = record.name;
    tree.report.kind = record.kind;
    SHEAF_RETURN_IF_ERROR(AddDictionaries(tree));
  }
  return absl::OkStatus();
}

absl::Status Salvager::AddDictionaries(const Tree& tree) {
  const TreeId id = tree.record.id;
  TreeCompression compression = tree.record.compression;
  bool has_current = false;
  for (auto it = dictionaries_.lower_bound({id, 0});
       it != dictionaries_.end() && it->first.first == id; ++it) {
    const uint32_t version = it->first.second;
    std::string bytes;
    for (const auto& [number, piece] : it->second.pieces) bytes += piece;
    absl::Status added = absl::DataLossError("pieces are missing");
    if (bytes.size() == it->second.size) added = tree.open->AddDictionary(version, bytes);
    if (!added.ok() && !absl::IsDataLoss(added)) return added;
    has_current = has_current || (added.ok() && version == compression.dictionary);
    compression.dictionaries = std::max(compression.dictionaries, version);
    if (!added.ok())
      Note(absl::StrCat(
          tree.report.name, ": dictionary ", version,
          " is lost, and what was compressed with it: ", std::string(added.message())));
  }
  if (!has_current) compression.dictionary = 0;  // another is trained
  return tree.open->StoreCompression(compression);
}

absl::Status Salvager::PutEntry(Tree* tree, std::string_view key,
                                const NodeView::LeafValue& v) {
  std::string_view stored, value;
  const bool is_encoded = values_ == btree::Values::kEncoded;
  absl::Status read = btree::WholeValue(pager_.get(), v, &large_, &stored);
  value = stored;
  if (read.ok() && is_encoded) read = tree->open->OpenEncoded(stored, &opened_, &value);
  if (!read.ok()) {
    if (absl::IsResourceExhausted(read)) return read;
    ++tree->report.lost;
    if (tree->report.gaps.size() < kGapsMax)
      tree->report.gaps.push_back({std::string(key), std::string(key) + '\0'});
    Note(absl::StrCat(tree->report.name,
                      ": a value is lost: ", std::string(read.message())));
    return absl::OkStatus();
  }
  bool existed = false;
  // A leaf may be older than the last change of how values are kept.
  constexpr auto kUpsert = btree::BTree::PutMode::kUpsert;
  const bool as_stored = is_encoded == tree->open->record().compression.encoded;
  const absl::Status put = as_stored
                               ? tree->open->PutStored(key, stored, kUpsert, &existed)
                               : tree->open->Put(key, value, kUpsert, &existed);
  if (absl::IsInvalidArgument(put)) return absl::OkStatus();  // no key anybody could give
  SHEAF_RETURN_IF_ERROR(put);
  if (!existed) ++tree->report.entries;
  return absl::OkStatus();
}

absl::Status Salvager::CopyTree(Tree* tree) {
  const auto number = static_cast<uint32_t>(tree->record.id);
  const auto entry = [&](std::string_view key, const NodeView::LeafValue& value) {
    return PutEntry(tree, key, value);
  };
  PageRef root = tree->record.root.page;
  if (!tree->root_known) root = NewestRoot(number);
  if (root)
    SHEAF_RETURN_IF_ERROR(
        Walk(root, -1, number, "", {}, tree->record.root.entries, &tree->gaps, entry));
  uint64_t lost = 0;
  for (const Gap& gap : tree->gaps) lost += gap.entries;
  const uint64_t before = tree->report.entries;
  SHEAF_RETURN_IF_ERROR(FillGaps(number, tree->gaps, entry));
  tree->report.adopted = tree->report.entries - before;
  tree->report.lost += lost - std::min(lost, tree->report.adopted);
  for (Gap& gap : tree->gaps)
    if (tree->report.gaps.size() < kGapsMax)
      tree->report.gaps.push_back({std::move(gap.low), std::move(gap.high)});
  return absl::OkStatus();
}

absl::Status Salvager::ReplayLog(WriteTxn* txn) {
  const pager::Superblock& superblock = pager_->superblock();
  if (superblock.sequence == 0 || superblock.log_id == 0) return absl::OkStatus();
  Replayer replayer(txn, kReplayBytes);
  absl::Status applied;
  const absl::Status read =
      pager::Log::Recover(
          &fs_, absl::StrCat(pager_->path(), "-log"),
          {superblock.database_id, superblock.log_id, pager_->codec().keys()},
          superblock.log, pager::Log::Access::kReadOnly, kGroupBytesMax,
          [&](pager::TxnId, std::string_view group, pager::LogPosition) {
            applied = replayer.Apply(group);
            if (applied.ok()) ++result.commits_replayed;
            return applied;
          })
          .status();
  if (!read.ok())
    Note(absl::StrCat("the log: ", std::string(read.message()), "; ",
                      result.commits_replayed, " commits were taken from it"));
  // What was gathered for a tree that is lost is no reason to give up the rest.
  const absl::Status finished = replayer.Finish();
  if (!absl::IsDataLoss(finished)) return finished;
  Note(absl::StrCat("the log: ", std::string(finished.message())));
  return absl::OkStatus();
}

absl::Status Salvager::Run() {
  SHEAF_RETURN_IF_ERROR(ReadCatalog());
  SHEAF_ASSIGN_OR_RETURN(std::unique_ptr<WriteTxn> txn,
                         to_.BeginWrite(absl::InfiniteDuration()));
  SHEAF_RETURN_IF_ERROR(CreateTrees(txn.get()));
  for (auto& [id, tree] : trees_) SHEAF_RETURN_IF_ERROR(CopyTree(&tree));
  SHEAF_RETURN_IF_ERROR(ReplayLog(txn.get()));
  SHEAF_ASSIGN_OR_RETURN(const std::vector<TreeRecord> records, txn->ListTrees());
  for (const TreeRecord& record : records) {
    SalvagedTree report;
    if (const auto it = trees_.find(record.id); it != trees_.end())
      report = std::move(it->second.report);
    report.name = record.name;  // the log may have renamed it, or made it
    report.kind = record.kind;
    report.entries = record.root.entries;
    result.trees.push_back(std::move(report));
  }
  return txn->Commit(Durability::kFull);
}

}  // namespace

absl::StatusOr<SalvageResult> Salvage(pager::FileSystem* fs, const std::string& path,
                                      const EncryptionKey& key, Store* to,
                                      const Progress& progress) {
  SHEAF_ASSIGN_OR_RETURN(std::unique_ptr<pager::Pager> pager,
                         pager::Pager::OpenDamaged(fs, path, key, &btree::TreePageOps()));
  Salvager salvager(std::move(pager), fs, to, progress);
  SHEAF_RETURN_IF_ERROR(salvager.Run());
  return std::move(salvager.result);
}

}  // namespace sheaf::catalog
