// PageScan: every page of the last checkpoint as it lies in the file, in the order of the
// file: for copying it and for looking whether it is intact. Nothing is decoded but page
// headers, so damage to a page stops nothing; only the page map must be readable.
//
// While one lives the pages of that checkpoint stay where they are, as for a reader.
// Single-threaded; runs beside readers, writers and checkpoints.
#ifndef CATALOG_PAGE_SCAN_H_
#define CATALOG_PAGE_SCAN_H_
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "catalog/options.h"
#include "pager/pager.h"

namespace sheaf::catalog {

class Store;

// Keeps work to so many bytes a second on the average since it began. 0: as fast as it
// goes.
class RateLimit {
 public:
  explicit RateLimit(uint64_t bytes_per_second) : bytes_per_second_(bytes_per_second) {}
  // How long to wait before going on.
  absl::Duration Spend(uint64_t bytes);

 private:
  const uint64_t bytes_per_second_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  uint64_t spent_ = 0;
};

struct ScanOptions {
  // Pages [begin, end) only; both multiples of kChunkPages, so that no node is cut.
  pager::PageId begin = 0, end = pager::kPageIdEnd;
  bool checkpoints = true;  // first writes one, so that all that was committed is there
  bool for_copy = false;
  std::optional<EncryptionKey> key;  // of the copy; not given: as the database
};

class PageScan {
 public:
  // Requires: the store's checkpoint lock is held.
  static absl::StatusOr<std::unique_ptr<PageScan>> Begin(Store* store,
                                                         const ScanOptions& options);
  ~PageScan();
  PageScan(const PageScan&) = delete;
  PageScan& operator=(const PageScan&) = delete;

  enum class Depth {
    kChecksums,  // rot is found
    kTags,       // in an encrypted file forgery, too
  };
  // Whole pages of the file, up to a megabyte.
  using BytesFn = absl::FunctionRef<absl::Status(pager::PageId, std::string_view)>;
  using DamageFn = absl::FunctionRef<absl::Status(pager::PageId, const absl::Status&)>;
  // `tick`: called with the pages done, often.
  absl::Status Run(Depth depth, RateLimit* rate, BytesFn bytes, DamageFn damage,
                   absl::FunctionRef<absl::Status(uint64_t)> tick);

  // Of the checkpoint.
  const pager::Superblock& superblock() const { return superblock_; }
  uint64_t pages() const { return pages_; }
  // Pages 0 and 1 of a copy: that of a database which was closed cleanly.
  const std::string& superblocks_of_copy() const { return superblocks_; }

 private:
  explicit PageScan(Store* store);
  absl::Status CopyMapPages(const ScanOptions& options);
  absl::Status MakeSuperblocks(Store* store, const std::optional<EncryptionKey>& key);
  absl::Status ReadPages(pager::PageId first, absl::Span<char> out);
  absl::Status OpenCopy(const char* page, size_t bytes, const pager::PageRef& ref);
  // Verifies the nodes that begin in `bytes`; returns how many bytes they take, which is
  // less than all where the last of them goes on behind.
  absl::StatusOr<size_t> Verify(pager::PageId first, std::string_view bytes, bool is_last,
                                Depth depth, DamageFn damage);

  pager::Pager& pager_;
  pager::ReaderSlot* const slot_;
  pager::Superblock superblock_;
  std::string superblocks_;
  std::vector<std::pair<pager::PageId, uint64_t>> runs_;
  uint64_t pages_ = 0;
  // The map's own pages as they were: a checkpoint gives them up without asking readers.
  absl::flat_hash_map<pager::PageId, std::string> map_pages_;
  bool damaged_before_ = false;  // the page before the next one
  std::vector<char> scratch_;
};

}  // namespace sheaf::catalog
#endif  // CATALOG_PAGE_SCAN_H_
