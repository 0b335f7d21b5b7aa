// PageAllocator: which pages of the file are in use, in memory and on disk.
//
// In memory, a page is in use from Allocate to Free. On disk, the map of a
// checkpoint marks exactly the pages that its version can reach (and the map's
// own), so after a crash everything else is free and opening walks nothing. The
// two differ by what is in flight: pages of later commits and of the running
// transaction, and pages given up that a reader or the last checkpoint still
// needs.
//
// Map page (kMap), one for each chunk of 32,256 base pages (126 MiB):
//       52    12  reserved   zero
//       64  4032  bits       bit i of byte i/8: page chunk * 32256 + i is live
//
// Map index (kMapIndex), 1 to 16 base pages; the superblock refers to up to 64:
//       52     4  count      chunks described
//       56     8  reserved   zero
//       64  16*n  entries    page reference of the chunk's map page (12 bytes; none:
//                            no page of it is live), live pages in it (4)
//
// Chunks are loaded when first needed. Free pages are handed out lowest first
// from a hint, pages freed a moment ago first of all: their memory is warm.
//
// Thread-safe. Lock order: mu_ before the BufferManager's and File's.
#ifndef PAGER_PAGE_ALLOCATOR_H_
#define PAGER_PAGE_ALLOCATOR_H_
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "pager/buffer_manager.h"
#include "pager/file.h"
#include "pager/mutex.h"
#include "pager/page.h"

namespace sheaf::pager {

inline constexpr size_t kMapRootsMax = 64;
inline constexpr uint64_t kChunkPages = (kPageBytes - PageHeader::kSize) * 8;
inline constexpr uint64_t kIndexEntriesMax =
    (kNodePagesMax * kPageBytes - PageHeader::kSize) / 16;

// Where a checkpoint's map is: part of the superblock.
struct MapRoots {
  std::array<PageRef, kMapRootsMax> index{};
  uint32_t count = 0;
};

class PageAllocator {
 public:
  // First pages that may be handed out; before them lie the superblocks.
  static constexpr PageId kFirstPage = 2;

  // `codec` may be null: pages are plain then. All outlive it.
  PageAllocator(File* file, BufferManager* buffer, const PageCodec* codec = nullptr);

  // Takes over the map of the checkpoint that was opened. Reads its index only.
  absl::Status Open(const MapRoots& roots, PageId page_end) ABSL_LOCKS_EXCLUDED(mu_);

  // kResourceExhausted when the file cannot grow further; kDataLoss when a map
  // page cannot be read.
  absl::StatusOr<PageId> Allocate(uint32_t pages) ABSL_LOCKS_EXCLUDED(mu_);
  // Pages side by side, 1 to `pages_max` of them, each to be a node of its own.
  struct Run {
    PageId first = 0;
    uint32_t pages = 0;
  };
  absl::StatusOr<Run> AllocateRun(uint32_t pages_max) ABSL_LOCKS_EXCLUDED(mu_);
  // Requires: nothing durable and no snapshot can reach the page.
  void Free(const PageRef& ref) { FreeAll({&ref, 1}); }
  void FreeAll(absl::Span<const PageRef> refs) ABSL_LOCKS_EXCLUDED(mu_);

  // Applies what became live and what died since the last checkpoint to the
  // durable map and writes the changed map pages, to places that are free. The
  // caller syncs, writes the superblock, then calls FinishMap. Not synced.
  absl::StatusOr<MapRoots> WriteMap(absl::Span<const PageRef> born,
                                    absl::Span<const PageRef> died, Stamp birth)
      ABSL_LOCKS_EXCLUDED(mu_);
  // The superblock that refers to the map is durable: the old map's pages are free.
  void FinishMap() ABSL_LOCKS_EXCLUDED(mu_);

  PageId page_end() const ABSL_LOCKS_EXCLUDED(mu_);
  // Gives up free pages at the end; returns the new end.
  PageId TrimEnd() ABSL_LOCKS_EXCLUDED(mu_);
  struct Stats {
    PageId page_end = 0;
    uint64_t free = 0;  // reusable now
    uint64_t map = 0;   // pages of the map itself
    uint64_t live = 0;  // marked in the durable map
  };
  absl::StatusOr<Stats> stats() ABSL_LOCKS_EXCLUDED(mu_);

  // Compaction: pages from `end` on are to become free, so those freed there are not
  // handed out while there are others. kPageIdEnd, as at first: none.
  void SetCeiling(PageId end) ABSL_LOCKS_EXCLUDED(mu_);
  // Would Allocate find a place that ends before `end`?
  absl::StatusOr<bool> HasRunBelow(uint32_t pages, PageId end) ABSL_LOCKS_EXCLUDED(mu_);
  // The next WriteMap gives these pages of the map new places. (Those of its index get
  // new places each time.)
  absl::Status MoveMapPages(absl::FunctionRef<bool(const PageRef&)> moves)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Calls `fn(first, count)` for each run of pages the durable map marks.
  absl::Status ForEachLive(absl::FunctionRef<void(PageId, uint64_t)> fn)
      ABSL_LOCKS_EXCLUDED(mu_) {
    return ForEachLive(0, kPageIdEnd, fn);
  }
  // Only in the chunks that [begin, end) touches.
  absl::Status ForEachLive(PageId begin, PageId end,
                           absl::FunctionRef<void(PageId, uint64_t)> fn)
      ABSL_LOCKS_EXCLUDED(mu_);
  // The same for runs of pages that may be handed out, but for those that (nearly all)
  // were so since it was opened: they are holes, or were so when the file was closed.
  // After a crash call AssumeHeld first: nobody knows what a free page has.
  absl::Status ForEachFree(absl::FunctionRef<void(PageId, uint64_t)> fn)
      ABSL_LOCKS_EXCLUDED(mu_);
  void AssumeHeld() ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<PageRef> MapPages() const ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Check() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  static constexpr size_t kWords = kChunkPages / 64;
  struct Bits {
    std::array<uint64_t, kWords> used{};  // in memory: not to be handed out
    std::array<uint64_t, kWords> live{};  // on disk
    std::array<uint64_t, kWords> held{};  // the file may have bytes there
  };
  struct Chunk {
    std::unique_ptr<Bits> bits;  // null: not loaded; then `live_count` is all we know
    PageRef map;                 // of the last checkpoint
    uint32_t live_count = 0;
    uint32_t used_count = 0;
    bool changed = false;  // live differs from `map`
  };

  absl::Status LoadChunk(size_t index) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status EnsureChunks(PageId end) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::StatusOr<PageId> AllocateLocked(uint32_t pages)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool FindRun(size_t chunk, uint32_t pages, PageId* first)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void FreeLocked(absl::Span<const PageRef> refs) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ClearUsed(PageId first, uint32_t pages) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void RetryPinned() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void DrainWarm(size_t keep) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void SetUsed(PageId first, uint32_t pages) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status SetLive(const PageRef& ref, bool live) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  enum class Bit { kLive, kFree };
  absl::Status ForEachRun(Bit which, PageId begin, PageId end,
                          absl::FunctionRef<void(PageId, uint64_t)> fn)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status PlaceMapPages(Stamp birth, MapRoots* roots)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status WriteMapPages(Stamp birth, const MapRoots& roots)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::StatusOr<PageRef> ReplaceMapPage(PageRef old, uint32_t pages, Stamp birth)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  absl::Status ReadMapNode(const PageRef& ref, PageKind kind, std::vector<char>* out)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  File* const file_;
  BufferManager* const buffer_;
  const PageCodec* const codec_;
  mutable Mutex mu_;
  std::vector<Chunk> chunks_ ABSL_GUARDED_BY(mu_);
  MapRoots roots_ ABSL_GUARDED_BY(mu_);
  PageId page_end_ ABSL_GUARDED_BY(mu_) = kFirstPage;
  bool assume_held_ ABSL_GUARDED_BY(mu_) = false;
  PageId ceiling_ ABSL_GUARDED_BY(mu_) = kPageIdEnd;
  size_t hint_chunk_ ABSL_GUARDED_BY(mu_) = 0;  // none lower has a free page
  size_t hint_word_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<PageId> warm_ ABSL_GUARDED_BY(mu_);  // single pages, freed last at the back
  std::vector<PageRef> pinned_ ABSL_GUARDED_BY(mu_);    // freed, but somebody holds a pin
  std::vector<PageRef> old_map_ ABSL_GUARDED_BY(mu_);   // free after FinishMap
  std::vector<size_t> fresh_map_ ABSL_GUARDED_BY(mu_);  // chunks to be written
};

}  // namespace sheaf::pager
#endif  // PAGER_PAGE_ALLOCATOR_H_
