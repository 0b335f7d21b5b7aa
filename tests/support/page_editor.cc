#include "tests/support/page_editor.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "btree/large_value.h"
#include "btree/tree_reader.h"
#include "pager/assert.h"
#include "pager/coding.h"
#include "pager/page_allocator.h"
#include "pager/status_macros.h"

namespace sheaf::test {

using btree::ChildRef;
using btree::Node;
using btree::NodeView;
using catalog::TreeRecord;
using pager::DecodeFixed32;
using pager::EncodeFixed32;
using pager::kPageBytes;
using pager::PageHeader;
using pager::PageId;
using pager::PageRef;
using pager::Superblock;

namespace {

constexpr size_t kMapEntries = PageHeader::kSize;

}  // namespace

void PageEditor::Seal(PageId id) {
  const uint64_t pages =
      std::clamp<uint64_t>(pager::PagesOf(page(id)), 1, page_count() - id);
  pager::SealPage(page(id), pages * kPageBytes);
}

void PageEditor::Edit(PageId id, const std::function<void(char*)>& edit) {
  edit(page(id));
  Seal(id);
}

Superblock PageEditor::superblock() const {
  absl::StatusOr<Superblock> s = pager::DecodeSuperblock(page(0), 0);
  SHEAF_ASSERT(s.ok());
  return *s;
}

void PageEditor::EditSuperblock(const std::function<void(Superblock*)>& edit) {
  Superblock s = superblock();
  edit(&s);
  SHEAF_ASSERT(pager::EncodeSuperblock(s, 0, page(0)).ok());
  SHEAF_ASSERT(pager::EncodeSuperblock(s, 1, page(1)).ok());
}

TreeRecord PageEditor::Tree(std::string_view name) const {
  const NodeView leaf(page(superblock().catalog_root.id));
  SHEAF_ASSERT(leaf.is_leaf());
  for (uint32_t i = 0; i < leaf.count(); ++i) {
    if (leaf.Key(i)[0] != 'i') continue;
    absl::StatusOr<TreeRecord> record =
        catalog::DecodeTreeRecord(leaf.Key(i), leaf.Value(i).bytes);
    SHEAF_ASSERT(record.ok());
    if (record->name == name) return *record;
  }
  SHEAF_ASSERT(!"no such tree");
  return {};
}

void PageEditor::EditTree(std::string_view name,
                          const std::function<void(TreeRecord*)>& edit) {
  const PageId id = superblock().catalog_root.id;
  TreeRecord record = Tree(name);
  const std::string key = catalog::TreeKey(record.id);
  edit(&record);
  const std::string value = catalog::EncodeTreeRecord(record);
  Node leaf(page(id));
  const NodeView::Position at = leaf.LowerBound(key);
  SHEAF_ASSERT(at.exact && leaf.Value(at.index).bytes.size() == value.size());
  SHEAF_ASSERT(leaf.Replace(at.index, {key, value, false}));
  Seal(id);
}

PageRef PageEditor::Descendant(const PageRef& root, int depth) const {
  PageRef ref = root;
  for (; depth > 0; --depth) ref = NodeView(page(ref.id)).ChildPage(0);
  return ref;
}

std::vector<PageRef> PageEditor::PagesOf(const PageRef& root) const {
  std::vector<PageRef> refs = {root};
  for (size_t i = 0; i < refs.size(); ++i) {
    const char* const at = page(refs[i].id);
    const pager::PageKindOps& ops =
        btree::TreePageOps().kinds[static_cast<size_t>(pager::PageKindOf(at))];
    if (ops.for_each_ref != nullptr)
      ops.for_each_ref(at, [&](const PageRef& ref) { refs.push_back(ref); });
  }
  return refs;
}

char* PageEditor::CellBody(PageId id, uint32_t slot) {
  const NodeView node(page(id));
  if (node.is_leaf()) return const_cast<char*>(node.Value(slot).bytes.data());
  return page(id) + node.cell_offset(slot) + node.cell_size(slot) -
         ChildRef::kEncodedSize;
}

void PageEditor::SetChild(PageId id, uint32_t slot, const ChildRef& child) {
  Node(page(id)).SetChild(slot, child);
  Seal(id);
}

PageRef PageEditor::AppendCopy(const PageRef& ref) {
  const PageId id = page_count();
  file_.append(page(ref.id), ref.pages * kPageBytes);
  pager::EncodeFixed64(page(id) + PageHeader::kPageId, id);
  Seal(id);
  EditSuperblock([&](Superblock* s) { s->page_end = page_count(); });
  for (uint32_t i = 0; i < ref.pages; ++i) SetLive(id + i, true);
  PageRef copy = ref;
  copy.id = id;
  return copy;
}

PageRef PageEditor::map_page() const {
  return pager::DecodePageRef(page(map_index().id) + kMapEntries);
}

bool PageEditor::IsLive(PageId id) const {
  return (page(map_page().id)[PageHeader::kSize + id / 8] >> id % 8 & 1) != 0;
}

void PageEditor::SetLive(PageId id, bool live) {
  if (IsLive(id) == live) return;
  page(map_page().id)[PageHeader::kSize + id / 8] ^= static_cast<char>(1 << id % 8);
  char* const count = page(map_index().id) + kMapEntries + PageRef::kEncodedSize;
  EncodeFixed32(count, live ? DecodeFixed32(count) + 1 : DecodeFixed32(count) - 1);
  Seal(map_page().id);
  Seal(map_index().id);
}

std::vector<PageId> PageEditor::LivePages() const {
  std::vector<PageId> ids;
  for (PageId id = 0; id < page_count(); ++id)
    if (IsLive(id)) ids.push_back(id);
  return ids;
}

// --- Whole files ------------------------------------------------------------

std::string ReadWholeFile(pager::FileSystem* fs, const std::string& path) {
  auto file = fs->Open(path, pager::OpenMode::kReadOnly);
  SHEAF_ASSERT(file.ok());
  std::string bytes((*file)->Size().value(), '\0');
  SHEAF_ASSERT((*file)->Read(0, absl::MakeSpan(bytes.data(), bytes.size())).ok());
  return bytes;
}

void WriteWholeFile(pager::FileSystem* fs, const std::string& path,
                    std::string_view bytes) {
  if (*fs->Exists(path)) SHEAF_ASSERT(fs->Delete(path).ok());
  auto file = fs->Open(path, pager::OpenMode::kCreateNew);
  SHEAF_ASSERT(file.ok());
  SHEAF_ASSERT((*file)->Write(0, bytes).ok());
}

// --- Judging ----------------------------------------------------------------

namespace {

absl::Status ReadTable(const TableReader& table,
                       std::map<std::string, std::string>* out) {
  SHEAF_RETURN_IF_ERROR(
      table.ForEach(KeyRange::All(), [&](std::string_view key, std::string_view value) {
        out->insert_or_assign(std::string(key), std::string(value));
        return true;
      }));
  for (const auto& [key, value] : *out) {
    SHEAF_ASSIGN_OR_RETURN(const Value found, table.Get(key));
    if (found.view() != value) return absl::InternalError("Get and ForEach differ");
  }
  return absl::OkStatus();
}

absl::Status ReadCollection(const CollectionReader& collection,
                            std::map<std::string, std::string>* out) {
  SHEAF_RETURN_IF_ERROR(
      collection.ForEach({}, [&](const DocumentKey& key, std::string_view json) {
        out->insert_or_assign(key.ToString(), std::string(json));
        return true;
      }));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Content> ReadContent(Database* db) {
  Content content;
  ReadTransaction read = db->BeginRead();
  SHEAF_ASSIGN_OR_RETURN(const std::vector<TreeInfo> trees, read.List());
  for (const TreeInfo& tree : trees) {
    std::map<std::string, std::string>& out = content[tree.name];
    if (tree.kind == TreeKind::kTable) {
      SHEAF_ASSIGN_OR_RETURN(const TableReader table, read.table(tree.name));
      SHEAF_RETURN_IF_ERROR(ReadTable(table, &out));
    } else {
      SHEAF_ASSIGN_OR_RETURN(const CollectionReader c, read.collection(tree.name));
      SHEAF_RETURN_IF_ERROR(ReadCollection(c, &out));
    }
  }
  return content;
}

std::string Verdict::ToString() const {
  std::string out = absl::StrCat("open: ", open.ToString(), "\nread: ", read.ToString(),
                                 "\ncheck: ", check.ToString(), "\n");
  for (size_t i = 0; i < std::min<size_t>(report.findings.size(), 5); ++i)
    absl::StrAppend(&out, "  page ", report.findings[i].page, ": ",
                    report.findings[i].what, "\n");
  return out;
}

Verdict Judge(pager::FileSystem* fs, const std::string& path, bool read_only) {
  Verdict verdict;
  Options options;
  options.read_only = read_only;
  options.create_if_missing = false;
  options.background_checkpoints = false;
  options.cache_bytes_max = 8 << 20;
  options.file_system = fs;
  absl::StatusOr<std::unique_ptr<Database>> db = Database::Open(path, options);
  verdict.open = db.status();
  if (!db.ok()) return verdict;
  absl::StatusOr<Content> content = ReadContent(db->get());
  verdict.read = content.status();
  if (content.ok()) verdict.content = *std::move(content);
  absl::StatusOr<CheckReport> report = (*db)->Check();
  verdict.check = report.status();
  if (report.ok()) verdict.report = *std::move(report);
  return verdict;
}

bool IsDamageCode(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsInvalidArgument(status) ||
         absl::IsUnimplemented(status) || absl::IsFailedPrecondition(status) ||
         absl::IsResourceExhausted(status) || absl::IsOutOfRange(status);
}

}  // namespace sheaf::test
