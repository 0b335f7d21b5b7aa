// A vector index whose rows say anything: each step puts, changes or deletes one row of one
// of its trees, whatever that breaks. Then it is searched, read, checked, linked and written
// to: all of it ends, answers or says that it is damaged, and looks nowhere else.
//
// A step is four bytes and more: which tree and what to do; which row; where in it; what.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "catalog/store.h"
#include "catalog/tree_view.h"
#include "catalog/write_txn.h"
#include "pager/file.h"
#include "sheaf/sheaf.h"
#include "vector/layout.h"

namespace sheaf {
namespace {

constexpr char kPath[] = "/v.sheaf";
constexpr uint32_t kDimensions = 4;
constexpr int kVectors = 60;

std::vector<float> VectorOf(int i) {
  return {static_cast<float>(i % 7) - 3, static_cast<float>(i % 5), static_cast<float>(i),
          1};
}

Options OptionsOf(pager::FileSystem* fs) {
  Options options;
  options.file_system = fs;
  options.background_linking = false;
  options.background_checkpoints = false;
  options.background_expiry = false;
  return options;
}

// Some linked, some not, some deleted.
void Make(pager::FileSystem* fs) {
  auto db = *Database::Open(kPath, OptionsOf(fs));
  const auto put = [&](int from, int to) {
    return db->Write([&](WriteTransaction& txn) -> absl::Status {
      VectorOptions options;
      options.dimensions = kDimensions;
      options.metric = Metric::kL2;
      options.m = 4;
      options.ef_construction = 10;
      SHEAF_ASSIGN_OR_RETURN(VectorIndex index, txn.vectors("v", options));
      for (int i = from; i < to; ++i)
        SHEAF_RETURN_IF_ERROR(index.Put(i, VectorOf(i), R"({"a":1})"));
      return index.Delete(from + 3).status();
    });
  };
  (void)put(0, kVectors - 10);
  (void)db->OptimizeVectors("v", {.threads = 1}).status();
  (void)put(kVectors - 10, kVectors);
  (void)db->Close();
}

class Input {
 public:
  explicit Input(std::string_view bytes) : bytes_(bytes) {}
  bool empty() const { return bytes_.empty(); }
  uint8_t Byte() {
    if (bytes_.empty()) return 0;
    const auto byte = static_cast<uint8_t>(bytes_[0]);
    bytes_.remove_prefix(1);
    return byte;
  }
  std::string Take(size_t n) {
    const std::string taken(bytes_.substr(0, n));
    bytes_.remove_prefix(taken.size());
    return taken;
  }

 private:
  std::string_view bytes_;
};

// The row with `rank` before it, or the last; empty: the tree is.
absl::Status RowAt(catalog::WriteTxn* txn, catalog::OpenTree* tree, uint8_t rank,
                   std::string* key, std::string* value) {
  const bool dense = catalog::IsDense(tree->record().kind);
  if (dense) {  // groups have gaps
    const vectors::Packing packing;
    *key = catalog::EncodeDenseKey(packing.KeyOf(rank % (kVectors + 4)));
    *value = std::string(rank, 'r');
    return absl::OkStatus();
  }
  const catalog::TreeView view(txn, tree);
  btree::TreeCursor cursor = view.NewCursor();
  cursor.SeekFirst();
  for (int i = 0; i < rank && cursor.Valid(); ++i) {
    *key = std::string(cursor.key());
    std::string_view bytes;
    std::string buffer;
    SHEAF_RETURN_IF_ERROR(view.ValueAt(cursor, &buffer, &bytes));
    *value = std::string(bytes);
    cursor.Next();
  }
  return cursor.status();
}

absl::Status Step(catalog::WriteTxn* txn, Input* input) {
  const uint8_t what = input->Byte(), which = input->Byte(), where = input->Byte(),
                byte = input->Byte();
  SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree* const vectors, txn->FindTree("v"));
  if (vectors == nullptr) return absl::OkStatus();
  const catalog::TreeId id = vectors->record().id;
  const std::string names[] = {"v", vectors::KeysName(id), vectors::NodesName(id),
                               vectors::LevelsName(id)};
  SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree* const tree, txn->FindTree(names[what % 4]));
  if (tree == nullptr) return absl::OkStatus();
  std::string key, value;
  SHEAF_RETURN_IF_ERROR(RowAt(txn, tree, which, &key, &value));
  if (key.empty()) return absl::OkStatus();
  bool existed = false;
  switch (what / 4 % 5) {
    case 0:
      if (!value.empty()) value[where % value.size()] = static_cast<char>(byte);
      break;
    case 1:
      value.resize(where % (value.size() + 1));
      break;
    case 2:
      value.append(input->Take(byte));
      break;
    case 3:
      return tree->Delete(key).status();
    default:
      if (!catalog::IsDense(tree->record().kind))
        key[where % key.size()] = static_cast<char>(byte);
      return tree->SetCounter(uint64_t{where} << byte % 60);
  }
  const absl::Status put =
      tree->PutStored(key, value, btree::BTree::PutMode::kUpsert, &existed);
  return absl::IsInvalidArgument(put) ? absl::OkStatus() : put;
}

void Break(pager::FileSystem* fs, Input input) {
  auto store = catalog::Store::Open(fs, kPath, OptionsOf(fs), false);
  if (!store.ok()) return;
  auto txn = (*store)->BeginWrite(absl::InfiniteDuration());
  if (!txn.ok()) return;
  for (int steps = 0; !input.empty() && steps < 40; ++steps)
    if (!Step(txn->get(), &input).ok()) break;
  (void)(*txn)->Commit(Durability::kFull);
  txn->reset();
  (void)(*store)->Close();
}

void Use(Database* db) {
  {
    const ReadTransaction read = db->BeginRead();
    const auto index = read.vectors("v");
    if (index.ok()) {
      const std::vector<float> query = VectorOf(11);
      for (const auto plan : {VectorPlan::kGraph, VectorPlan::kExact}) {
        VectorSearchOptions options{.k = 70, .plan = plan};
        (void)index->Search(query, options).status();
        options.filter = R"({"a":1})";
        (void)index->Search(query, options).status();
      }
      for (int i = 0; i < kVectors; i += 7) (void)index->Get(i).status();
      (void)index->ForEach([](const DocumentKey&, std::string_view) { return true; });
      (void)index->Stats().status();
    }
  }
  (void)db->Check().status();
  (void)db->OptimizeVectors("v", {.threads = 1}).status();
  (void)db->Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(VectorIndex index, txn.vectors("v"));
    for (int i = 0; i < kVectors; i += 5) {
      SHEAF_RETURN_IF_ERROR(index.Delete(i).status());
      SHEAF_RETURN_IF_ERROR(index.Put(i + 1, VectorOf(i)));
    }
    return absl::OkStatus();
  });
  (void)db->OptimizeVectors("v", {.rebuild = true, .threads = 1}).status();
  (void)db->Check().status();
}

}  // namespace
}  // namespace sheaf

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sheaf;  // NOLINT
  static const std::string* const made = [] {
    const auto fs = pager::NewMemoryFileSystem();
    Make(fs.get());
    const auto file = *fs->Open(kPath, pager::OpenMode::kReadOnly);
    auto* bytes = new std::string(*file->Size(), '\0');
    (void)file->Read(0, absl::MakeSpan(bytes->data(), bytes->size()));
    return bytes;
  }();
  const auto fs = pager::NewMemoryFileSystem();
  {
    const auto file = *fs->Open(kPath, pager::OpenMode::kCreateNew);
    (void)file->Write(0, *made);
  }
  Break(fs.get(), Input({reinterpret_cast<const char*>(data), size}));
  const auto db = Database::Open(kPath, OptionsOf(fs.get()));
  if (db.ok()) Use(db->get());
  return 0;
}
