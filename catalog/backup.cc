#include "catalog/backup.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "btree/large_value.h"
#include "btree/tree_reader.h"
#include "catalog/tick.h"
#include "catalog/write_txn.h"
#include "pager/status_macros.h"
#include "pager/superblock.h"

namespace sheaf::catalog {

using pager::kPageBytes;
using pager::PageId;

absl::StatusOr<BackupResult> CopyPages(Store* store,
                                       const std::optional<EncryptionKey>& key,
                                       bool superblocks_last, RateLimit* rate,
                                       const Progress& progress, SinkFn sink) {
  ScanOptions options;
  options.for_copy = true;
  options.key = key;
  SHEAF_ASSIGN_OR_RETURN(const std::unique_ptr<PageScan> scan, store->BeginScan(options));
  const pager::Superblock& superblock = scan->superblock();
  const std::string& superblocks = scan->superblocks_of_copy();
  if (!superblocks_last) SHEAF_RETURN_IF_ERROR(sink(0, superblocks));
  uint64_t end = superblocks.size();
  SHEAF_RETURN_IF_ERROR(scan->Run(
      PageScan::Depth::kChecksums, rate,
      [&](PageId first, std::string_view bytes) {
        end = first * kPageBytes + bytes.size();
        return sink(first * kPageBytes, bytes);
      },
      [](PageId, const absl::Status& damage) { return damage; },
      [&](uint64_t done) {
        return Tick(progress, "the backup", {done, scan->pages(), "pages copied"});
      }));
  const uint64_t size = superblock.page_end * kPageBytes;
  if (end < size)  // free pages end the file: its length is part of it
    SHEAF_RETURN_IF_ERROR(sink(size - kPageBytes, std::string(kPageBytes, '\0')));
  if (superblocks_last) SHEAF_RETURN_IF_ERROR(sink(0, superblocks));
  return BackupResult{size, scan->pages(), superblock.version};
}

namespace {

// Reads a tree in order for the bulk load of another.
class TreeSource {
 public:
  TreeSource(const btree::ReadContext& context, const btree::TreeRoot* root)
      : pager_(*context.pager), cursor_(context, root, nullptr) {
    cursor_.SeekFirst();
  }
  bool Next(std::string_view* key, std::string_view* value) {
    if (!status_.ok()) return false;
    if (moves_) cursor_.Next();
    moves_ = true;
    if (!cursor_.Valid()) {
      status_ = cursor_.status();
      return false;
    }
    *key = cursor_.key();
    const btree::NodeView::LeafValue found = cursor_.value();
    *value = found.bytes;
    if (!found.is_large) return true;
    large_.resize(found.size);
    status_ = btree::ReadLarge(&pager_, btree::DecodeLargeRef(found.bytes.data()), 0,
                               absl::MakeSpan(large_.data(), large_.size()));
    *value = large_;
    return status_.ok();
  }
  const absl::Status& status() const { return status_; }

 private:
  pager::Pager& pager_;
  btree::TreeCursor cursor_;
  bool moves_ = false;
  std::string large_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<BackupResult> CopyTrees(Store* from, Store* to, const Progress& progress) {
  const Snapshot snapshot(from);
  SHEAF_ASSIGN_OR_RETURN(const std::vector<TreeRecord> records, snapshot.ListTrees());
  uint64_t total = 0, done = 0;
  for (const TreeRecord& record : records) total += record.root.entries;
  SHEAF_ASSIGN_OR_RETURN(std::unique_ptr<WriteTxn> txn,
                         to->BeginWrite(absl::InfiniteDuration()));
  for (const TreeRecord& record : records) {
    SHEAF_ASSIGN_OR_RETURN(
        OpenTree * tree,
        txn->CreateTree(record.name, record.kind, record.key_type, record.value_type));
    SHEAF_RETURN_IF_ERROR(tree->SetCounter(record.counter));
    TreeSource source(snapshot.context(), &record.root);
    SHEAF_RETURN_IF_ERROR(tree->BulkLoad(
        [&](std::string_view* key, std::string_view* value) {
          return source.Next(key, value);
        },
        [&](uint64_t loaded) {
          return Tick(progress, "the backup", {done + loaded, total, "entries copied"});
        }));
    SHEAF_RETURN_IF_ERROR(source.status());
    done += record.root.entries;
  }
  SHEAF_RETURN_IF_ERROR(txn->Commit(Durability::kFull));
  BackupResult result;
  result.version = snapshot.version().number;
  return result;
}

}  // namespace sheaf::catalog
