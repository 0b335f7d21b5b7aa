// Copies of a database: page by page from its last checkpoint, or tree by tree.
//
// Single-threaded each; they run beside readers and writers of the source.
#ifndef CATALOG_BACKUP_H_
#define CATALOG_BACKUP_H_
#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "catalog/page_scan.h"
#include "catalog/store.h"

namespace sheaf::catalog {

struct BackupResult {
  uint64_t bytes = 0;  // length of the copy
  uint64_t pages = 0;  // that hold something
  pager::Stamp version = 0;
};

// Where a copy goes, from its first byte to its last, with gaps that read as zeros.
using SinkFn = absl::FunctionRef<absl::Status(uint64_t offset, std::string_view bytes)>;

// Writes a checkpoint, then copies its pages: the file as it would be after a clean close
// at this moment. Page checksums are verified; kDataLoss ends the copy. `key`: opens
// the copy, where another than that of the database shall. The superblocks, the first
// 8 KiB, come last if `superblocks_last`.
absl::StatusOr<BackupResult> CopyPages(Store* store,
                                       const std::optional<EncryptionKey>& key,
                                       bool superblocks_last, RateLimit* rate,
                                       const Progress& progress, SinkFn sink);

// Puts all trees of the newest version into `to`, which is empty: as small as it can be.
absl::StatusOr<BackupResult> CopyTrees(Store* from, Store* to, const Progress& progress);

}  // namespace sheaf::catalog
#endif  // CATALOG_BACKUP_H_
