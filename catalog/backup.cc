#include "catalog/backup.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "btree/tree_reader.h"
#include "catalog/compression.h"
#include "catalog/tick.h"
#include "catalog/tree_source.h"
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

absl::StatusOr<BackupResult> CopyTrees(Store* from, Store* to, const Progress& progress) {
  const Snapshot snapshot(from);
  SHEAF_ASSIGN_OR_RETURN(std::vector<TreeRecord> records, snapshot.ListTrees());
  // They keep their numbers, by which parts are found.
  std::sort(records.begin(), records.end(),
            [](const TreeRecord& a, const TreeRecord& b) { return a.id < b.id; });
  uint64_t total = 0, done = 0;
  for (const TreeRecord& record : records) total += record.root.entries;
  SHEAF_ASSIGN_OR_RETURN(std::unique_ptr<WriteTxn> txn,
                         to->BeginWrite(absl::InfiniteDuration()));
  for (const TreeRecord& record : records) {
    SHEAF_ASSIGN_OR_RETURN(OpenTree * tree,
                           txn->CreateTree(record.name, record.kind, record.key_type,
                                           record.value_type, record.id));
    SHEAF_RETURN_IF_ERROR(tree->SetCounter(record.counter));
    SHEAF_RETURN_IF_ERROR(tree->StoreCompression(record.compression));
    SHEAF_RETURN_IF_ERROR(
        ForEachDictionary(snapshot.context(), snapshot.version().catalog, record.id,
                          [&](uint32_t version, const std::string& bytes) {
                            return tree->AddDictionary(version, bytes);
                          }));
    TreeSource source(snapshot.context(), record.kind, &record.root);
    SHEAF_RETURN_IF_ERROR(tree->BulkLoadStored(
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
