// A database file of arbitrary bytes (RELIABILITY R7, R8, R9, B8, B9): opening,
// reading, checking and changing it end, in little memory, with a result or with one
// of the errors that damage may have; reading changes nothing.
//
// The input's first byte chooses:
//   bit 0: page ids and checksums are set right, as somebody hostile would;
//   bit 1: so are the superblock's bounds, so that opening gets further;
//   bit 2: references between pages get the birth of the page they lead to;
//   bits 3-4: how the file is changed once it was read.
// The rest is the file.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "btree/node.h"
#include "pager/coding.h"
#include "pager/file.h"
#include "pager/page.h"
#include "pager/superblock.h"
#include "sheaf/database.h"
#include "sheaf/salvage.h"
#include "sheaf/status_macros.h"

namespace sheaf {
namespace {

using pager::kPageBytes;
using pager::PageHeader;

constexpr char kPath[] = "/fuzz.sheaf";
constexpr size_t kPagesMax = 96;
constexpr uint64_t kEntriesMax = 20000;

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}

void RequireDecent(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kOutOfRange:
      return;
    default:
      Fail("an error that damage cannot explain: " + status.ToString());
  }
}

// --- Making a file of the input -------------------------------------------------

size_t NodePages(const std::string& file, size_t id) {
  const size_t pages = static_cast<uint8_t>(file[id * kPageBytes + PageHeader::kPages]);
  return std::clamp<size_t>(pages, 1,
                            std::min<size_t>(16, file.size() / kPageBytes - id));
}

void RepairBounds(std::string* file) {
  for (const size_t id : {0, 1}) {
    char* const page = file->data() + id * kPageBytes;
    const uint64_t pages = file->size() / kPageBytes;
    std::copy_n("SheafDB\n", 8, page + 64);
    pager::EncodeFixed32(page + 72, 1);
    pager::EncodeFixed32(page + 76, kPageBytes);
    pager::EncodeFixed64(page + 120, pages);
    pager::EncodeFixed64(page + 152, 0);  // no log
    pager::EncodeFixed32(page + 172, 0);
    pager::EncodeFixed64(page + 104, pager::DecodeFixed64(page + 104) % (1 << 20));
    pager::EncodeFixed64(page + 112, (1 << 20) + 1);
  }
}

void RepairBirth(std::string* file, char* ref_at) {
  pager::PageRef ref = pager::DecodePageRef(ref_at);
  if (ref.id < 2 || ref.id >= file->size() / kPageBytes) return;
  const char* const to = file->data() + ref.id * kPageBytes;
  ref.birth = pager::BirthOf(to) % pager::kStampEnd;
  ref.pages = static_cast<uint32_t>(NodePages(*file, ref.id));
  pager::EncodePageRef(ref_at, ref);
}

// Of the superblocks, the map's index and inner nodes that can be understood.
void RepairBirths(std::string* file) {
  for (const size_t id : {0, 1}) {
    char* const page = file->data() + id * kPageBytes;
    RepairBirth(file, page + 136);
    RepairBirth(file, page + 192);
  }
  for (size_t id = 2; id < file->size() / kPageBytes; ++id) {
    char* const page = file->data() + id * kPageBytes;
    const pager::PageKind kind = pager::PageKindOf(page);
    if (kind == pager::PageKind::kMapIndex) RepairBirth(file, page + 64);
    if (kind != pager::PageKind::kInner || !btree::ValidateNode(page).ok()) continue;
    if (pager::PagesOf(page) != 1) continue;
    const btree::NodeView node(page);
    for (uint32_t i = 0; i < node.count(); ++i) {
      const size_t at =
          node.cell_offset(i) + node.cell_size(i) - btree::ChildRef::kEncodedSize;
      RepairBirth(file, page + at);
    }
  }
}

void Seal(std::string* file) {
  for (size_t id = 0; id < file->size() / kPageBytes;) {
    char* const page = file->data() + id * kPageBytes;
    const size_t pages = id < 2 ? 1 : NodePages(*file, id);
    page[PageHeader::kPages] = static_cast<char>(pages);
    if (id < 2) page[PageHeader::kKind] = static_cast<char>(pager::PageKind::kSuperblock);
    pager::EncodeFixed64(page + PageHeader::kPageId, id);
    pager::SealPage(page, pages * kPageBytes);
    id += pages;
  }
}

std::string MakeFile(std::string_view input, uint8_t mode) {
  std::string file(input.substr(0, kPagesMax * kPageBytes));
  if ((mode & 7) == 0) return file;
  file.resize((std::max(file.size(), 2 * kPageBytes) + kPageBytes - 1) / kPageBytes *
              kPageBytes);
  if ((mode & 2) != 0) RepairBounds(&file);
  if ((mode & 4) != 0) {
    Seal(&file);  // NodePages means something afterwards
    RepairBirths(&file);
  }
  if ((mode & 1) != 0) Seal(&file);
  return file;
}

// --- Using it ---------------------------------------------------------------------

absl::Status ReadTable(const TableReader& table) {
  uint64_t entries = 0, bytes = 0;
  std::string last;
  const auto visit = [&](std::string_view key, std::string_view value) {
    bytes += value.size();
    last = key;
    return ++entries < kEntriesMax && bytes < (64 << 20);
  };
  SHEAF_RETURN_IF_ERROR(table.ForEach(KeyRange::All(), visit));
  RequireDecent(table.ForEachReverse(KeyRange::All(), visit));
  RequireDecent(table.Find(last).status());
  RequireDecent(table.KeyAt(entries / 2).status());
  RequireDecent(table.Count(KeyRange::Prefix(last.substr(0, 2))).status());
  const std::string_view keys[] = {"a", last, "key1", "zzz"};
  std::optional<Value> out[4];
  RequireDecent(table.MultiGet(keys, absl::MakeSpan(out)));
  return absl::OkStatus();
}

void ReadAll(Database* db) {
  const ReadTransaction read = db->BeginRead();
  const absl::StatusOr<std::vector<TreeInfo>> trees = read.List();
  RequireDecent(trees.status());
  if (!trees.ok()) return;
  for (const TreeInfo& tree : *trees) {
    if (tree.kind == TreeKind::kTable) {
      const absl::StatusOr<TableReader> table = read.table(tree.name);
      RequireDecent(table.ok() ? ReadTable(*table) : table.status());
    } else {
      const absl::StatusOr<CollectionReader> collection = read.collection(tree.name);
      uint64_t left = kEntriesMax;
      RequireDecent(collection.ok()
                        ? collection->ForEach({}, [&](auto&, auto) { return --left > 0; })
                        : collection.status());
    }
  }
}

absl::Status ChangeTable(Table table, int how) {
  for (int i = 0; i < 60; ++i)
    SHEAF_RETURN_IF_ERROR(
        table.Put(absl::StrCat("key", i * 37 % 200), std::string(i * 11 % 700, 'w')));
  SHEAF_RETURN_IF_ERROR(table.Put("big", std::string(how == 1 ? 70000 : 5000, 'w')));
  for (int i = 0; i < 200; i += 3)
    SHEAF_RETURN_IF_ERROR(table.Delete(absl::StrCat("key", i)).status());
  KeyRange range;
  if (how != 2) range.from = "key1";
  if (how != 3) range.to = "key8";
  SHEAF_RETURN_IF_ERROR(table.DeleteRange(range).status());
  return table.PopFirst().status();
}

void ChangeAll(Database* db, int how) {
  std::vector<std::string> names = {"fresh"};
  if (auto trees = db->BeginRead().List(); trees.ok())
    for (const TreeInfo& tree : *trees) names.push_back(tree.name);
  names.resize(std::min<size_t>(names.size(), 6));
  for (const std::string& name : names) {
    RequireDecent(db->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(const Table table, txn.table(name));
      return ChangeTable(table, how);
    }));
    if (how == 1) RequireDecent(db->Checkpoint());
  }
  RequireDecent(db->Write([&](WriteTransaction& txn) -> absl::Status {
    for (const std::string& name : names) {
      const absl::Status dropped = txn.Drop(name);
      if (!dropped.ok() && !absl::IsNotFound(dropped)) return dropped;
    }
    return absl::OkStatus();
  }));
  RequireDecent(db->Checkpoint());
  RequireDecent(db->Compact().status());
  RequireDecent(db->Close());
}

void Run(std::string_view input) {
  const auto mode = static_cast<uint8_t>(input.empty() ? 0 : input[0]);
  if (!input.empty()) input.remove_prefix(1);
  const std::string bytes = MakeFile(input, mode);
  const std::unique_ptr<pager::FileSystem> fs = pager::NewMemoryFileSystem();
  const auto file = fs->Open(kPath, pager::OpenMode::kCreateNew);
  if (!(*file)->Write(0, bytes).ok()) Fail("write");
  for (size_t page = 0; page < bytes.size() / kPageBytes && page < 4; ++page) {
    Options options;
    options.file_system = fs.get();
    RequireDecent(Database::DescribePage(kPath, page, options).status());
  }
  SalvageOptions salvage;
  salvage.file_system = fs.get();
  RequireDecent(Salvage(kPath, "/saved.sheaf", salvage).status());
  for (const bool read_only : {true, false}) {
    Options options;
    options.read_only = read_only;
    options.create_if_missing = false;
    options.background_checkpoints = false;
    options.cache_bytes_max = 1 << 20;
    options.file_system = fs.get();
    absl::StatusOr<std::unique_ptr<Database>> db = Database::Open(kPath, options);
    RequireDecent(db.status());
    if (!db.ok()) continue;
    ReadAll(db->get());
    for (const CheckLevel level :
         {CheckLevel::kQuick, CheckLevel::kPages, CheckLevel::kFull})
      RequireDecent((*db)->Check(level).status());
    RequireDecent((*db)->Backup("/copy.sheaf", {.overwrite = true}).status());
    (void)(*db)->stats();
    if (!read_only) {
      ChangeAll(db->get(), mode >> 3 & 3);
      continue;
    }
    std::string now(bytes.size(), '\0');
    if ((*file)->Size().value() != bytes.size() ||
        !(*file)->Read(0, absl::MakeSpan(now.data(), now.size())).ok() || now != bytes)
      Fail("reading changed the file");
  }
}

}  // namespace
}  // namespace sheaf

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sheaf::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
