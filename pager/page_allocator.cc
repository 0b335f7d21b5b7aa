#include "pager/page_allocator.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "pager/assert.h"
#include "pager/coding.h"
#include "pager/status_macros.h"

namespace sheaf::pager {
namespace {

// Enough for the pages that a few small commits copy and give up again.
constexpr size_t kWarmMax = 512;
// A node must not cross the border of two segments of the buffer manager.
constexpr uint64_t kSegmentPages = uint64_t{1} << 22;
static_assert(kChunkPages % 64 == 0);

constexpr size_t kIndexCount = PageHeader::kKindFields;
constexpr size_t kIndexEntry = 16;

// Pages [0, kFirstPage) of chunk 0 are the superblocks: never free, never live.
constexpr uint64_t kReservedBits = (uint64_t{1} << PageAllocator::kFirstPage) - 1;

uint32_t CountBits(const std::array<uint64_t, kChunkPages / 64>& words) {
  uint32_t n = 0;
  for (uint64_t w : words) n += std::popcount(w);
  return n;
}

size_t ChunksFor(PageId end) { return (end + kChunkPages - 1) / kChunkPages; }

absl::Status CheckChunkCount(size_t count) {
  if (count <= kMapRootsMax * kIndexEntriesMax) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("the database file is at its largest: ",
                   kMapRootsMax * kIndexEntriesMax * kChunkPages * kPageBytes, " bytes"));
}

}  // namespace

PageAllocator::PageAllocator(File* file, BufferManager* buffer, const PageCodec* codec)
    : file_(file), buffer_(buffer), codec_(codec != nullptr ? codec : &PlainCodec()) {}

absl::Status PageAllocator::ReadMapNode(const PageRef& ref, PageKind kind,
                                        std::vector<char>* out) {
  if (ref.id < kFirstPage || ref.id + ref.pages > page_end_)
    return PageDamaged(ref.id, "the page map refers outside the file");
  out->resize(ref.pages * kPageBytes);
  SHEAF_RETURN_IF_ERROR(file_->Read(ref.id * kPageBytes, absl::MakeSpan(*out)));
  SHEAF_RETURN_IF_ERROR(codec_->Open(out->data(), out->size(), ref));
  if (PageKindOf(out->data()) != kind)
    return PageDamaged(ref.id, "kind is not that of the page map");
  return absl::OkStatus();
}

absl::Status PageAllocator::Open(const MapRoots& roots, PageId page_end) {
  MutexLock lock(&mu_);
  roots_ = roots;
  page_end_ = page_end;
  buffer_->set_page_end(page_end_);
  // Not loaded before they are needed, empty ones neither: opening a large file
  // costs no more than reading the index.
  SHEAF_RETURN_IF_ERROR(CheckChunkCount(ChunksFor(page_end)));
  chunks_.resize(ChunksFor(page_end));
  size_t chunk = 0;
  std::vector<char> node;
  for (uint32_t r = 0; r < roots.count; ++r) {
    SHEAF_RETURN_IF_ERROR(ReadMapNode(roots.index[r], PageKind::kMapIndex, &node));
    const uint32_t count = DecodeFixed32(node.data() + kIndexCount);
    if (count > (node.size() - PageHeader::kSize) / kIndexEntry)
      return PageDamaged(roots.index[r].id, absl::StrCat("count is ", count));
    for (uint32_t i = 0; i < count; ++i, ++chunk) {
      const char* entry = node.data() + PageHeader::kSize + i * kIndexEntry;
      // A file that shrank may still describe what lay behind its end.
      const bool behind = chunk * kChunkPages >= page_end;
      if (chunk == chunks_.size()) chunks_.emplace_back();
      Chunk& c = chunks_[chunk];
      c.map = DecodePageRef(entry);
      c.live_count = DecodeFixed32(entry + PageRef::kEncodedSize);
      c.used_count = c.live_count;
      if (c.live_count > kChunkPages || (!c.map && c.live_count != 0))
        return PageDamaged(roots.index[r].id, "a chunk's live count is impossible");
      if (behind && c.live_count != 0)
        return PageDamaged(roots.index[r].id,
                           "pages behind the end of the file are live");
    }
  }
  if (!chunks_.empty()) chunks_[0].used_count += kFirstPage;  // the superblocks
  return absl::OkStatus();
}

absl::Status PageAllocator::EnsureChunks(PageId end) {
  const size_t want = ChunksFor(end);
  SHEAF_RETURN_IF_ERROR(CheckChunkCount(want));
  while (chunks_.size() < want) {
    chunks_.emplace_back();
    SHEAF_RETURN_IF_ERROR(LoadChunk(chunks_.size() - 1));
  }
  return absl::OkStatus();
}

absl::Status PageAllocator::LoadChunk(size_t index) {
  Chunk& c = chunks_[index];
  if (c.bits != nullptr) return absl::OkStatus();
  auto bits = std::make_unique<Bits>();
  if (c.map) {
    std::vector<char> node;
    SHEAF_RETURN_IF_ERROR(ReadMapNode(c.map, PageKind::kMap, &node));
    for (size_t w = 0; w < kWords; ++w)
      bits->live[w] = DecodeFixed64(node.data() + PageHeader::kSize + w * 8);
    if (CountBits(bits->live) != c.live_count)
      return PageDamaged(c.map.id, "live pages differ from the count in the map's index");
    const PageId base = index * kChunkPages;
    for (uint64_t bit = page_end_ > base ? page_end_ - base : 0; bit < kChunkPages;
         ++bit) {
      if ((bits->live[bit / 64] >> bit % 64 & 1) != 0)
        return PageDamaged(c.map.id, "pages behind the end of the file are live");
    }
    bits->used = bits->live;
  }
  if (index == 0) {
    if ((bits->live[0] & kReservedBits) != 0)
      return PageDamaged(c.map.id, "a superblock is marked as live");
    bits->used[0] |= kReservedBits;
    c.used_count = CountBits(bits->used);
  }
  bits->held = bits->used;
  if (assume_held_) bits->held.fill(~uint64_t{0});
  c.bits = std::move(bits);
  return absl::OkStatus();
}

// --- Allocate and free ------------------------------------------------------

absl::StatusOr<PageId> PageAllocator::Allocate(uint32_t pages) {
  SHEAF_ASSERT(pages >= 1 && pages <= kNodePagesMax);
  MutexLock lock(&mu_);
  if (warm_.empty() && !pinned_.empty()) RetryPinned();
  if (pages > 1 || warm_.empty()) return AllocateLocked(pages);
  const PageId id = warm_.back();
  warm_.pop_back();
  return id;
}

absl::StatusOr<PageId> PageAllocator::AllocateLocked(uint32_t pages) {
  PageId first = 0;
  for (size_t c = hint_chunk_; c < chunks_.size(); ++c) {
    if (kChunkPages - chunks_[c].used_count < pages) continue;
    SHEAF_RETURN_IF_ERROR(LoadChunk(c));
    if (!FindRun(c, pages, &first)) continue;
    SetUsed(first, pages);
    if (first + pages > page_end_) page_end_ = first + pages;
    buffer_->set_page_end(page_end_);
    return first;
  }
  SHEAF_RETURN_IF_ERROR(EnsureChunks(chunks_.size() * kChunkPages + 1));
  return AllocateLocked(pages);
}

absl::StatusOr<PageAllocator::Run> PageAllocator::AllocateRun(uint32_t pages_max) {
  SHEAF_ASSERT(pages_max >= 1);
  MutexLock lock(&mu_);
  SHEAF_ASSIGN_OR_RETURN(const PageId first, AllocateLocked(1));
  const auto& used = chunks_[first / kChunkPages].bits->used;
  const uint64_t begin = first % kChunkPages;
  uint32_t pages = 1;
  while (pages < pages_max && begin + pages < kChunkPages &&
         (used[(begin + pages) / 64] >> (begin + pages) % 64 & 1) == 0)
    ++pages;
  if (pages > 1) SetUsed(first + 1, pages - 1);
  page_end_ = std::max(page_end_, first + pages);
  buffer_->set_page_end(page_end_);
  return Run{first, pages};
}

// The first run of free pages in the chunk; runs do not cross its end.
bool PageAllocator::FindRun(size_t chunk, uint32_t pages, PageId* first) {
  const auto& used = chunks_[chunk].bits->used;
  const bool hinted = chunk == hint_chunk_;
  uint32_t run = 0;
  for (size_t w = hinted ? hint_word_ : 0; w < kWords; ++w) {
    if (used[w] == ~uint64_t{0}) {
      run = 0;
      continue;
    }
    if (pages == 1) {
      if (hinted)
        hint_word_ = w;
      else
        hint_chunk_ = chunk, hint_word_ = w;
      *first = chunk * kChunkPages + w * 64 + std::countr_one(used[w]);
      return true;
    }
    for (uint32_t b = 0; b < 64; ++b) {
      const PageId page = chunk * kChunkPages + w * 64 + b;
      if (page % kSegmentPages == 0) run = 0;
      run = (used[w] >> b & 1) != 0 ? 0 : run + 1;
      if (run == pages) {
        *first = page + 1 - pages;
        return true;
      }
    }
  }
  return false;
}

void PageAllocator::SetUsed(PageId first, uint32_t pages) {
  Chunk& c = chunks_[first / kChunkPages];
  for (uint64_t bit = first % kChunkPages, end = bit + pages; bit < end; ++bit) {
    SHEAF_ASSERT((c.bits->used[bit / 64] >> bit % 64 & 1) == 0);
    c.bits->used[bit / 64] |= uint64_t{1} << bit % 64;
    c.bits->held[bit / 64] |= uint64_t{1} << bit % 64;
  }
  c.used_count += pages;
}

void PageAllocator::ClearUsed(PageId first, uint32_t pages) {
  const size_t index = first / kChunkPages;
  Chunk& c = chunks_[index];
  if (c.bits == nullptr && !LoadChunk(index).ok())
    return;  // stays in use: a leak, no harm
  for (uint64_t bit = first % kChunkPages, end = bit + pages; bit < end; ++bit) {
    SHEAF_ASSERT((c.bits->used[bit / 64] >> bit % 64 & 1) == 1);
    c.bits->used[bit / 64] &= ~(uint64_t{1} << bit % 64);
  }
  c.used_count -= pages;
  const size_t word = first % kChunkPages / 64;
  if (index < hint_chunk_)
    hint_chunk_ = index, hint_word_ = word;
  else if (index == hint_chunk_)
    hint_word_ = std::min(hint_word_, word);
}

void PageAllocator::FreeAll(absl::Span<const PageRef> refs) {
  if (refs.empty()) return;
  MutexLock lock(&mu_);
  FreeLocked(refs);
}

void PageAllocator::FreeLocked(absl::Span<const PageRef> refs) {
  const size_t pinned_before = pinned_.size();
  buffer_->FreeAll(refs, &pinned_);
  size_t next_pinned = pinned_before;  // they are there in the order of `refs`
  for (const PageRef& ref : refs) {
    SHEAF_ASSERT(ref.id >= kFirstPage && ref.id + ref.pages <= page_end_);
    if (next_pinned < pinned_.size() && pinned_[next_pinned].id == ref.id)
      ++next_pinned;
    else if (ref.pages > 1 || ref.id >= ceiling_)
      ClearUsed(ref.id, ref.pages);
    else
      warm_.push_back(ref.id);
  }
  if (warm_.size() > kWarmMax) DrainWarm(kWarmMax / 2);
}

void PageAllocator::RetryPinned() {
  std::vector<PageRef> pinned;
  pinned.swap(pinned_);
  FreeLocked(pinned);
}

void PageAllocator::DrainWarm(size_t keep) {
  // The front ones were freed first: their memory is coldest.
  const size_t drop = warm_.size() - std::min(keep, warm_.size());
  for (size_t i = 0; i < drop; ++i) ClearUsed(warm_[i], 1);
  warm_.erase(warm_.begin(), warm_.begin() + static_cast<ptrdiff_t>(drop));
}

// --- Compaction -------------------------------------------------------------

void PageAllocator::SetCeiling(PageId end) {
  MutexLock lock(&mu_);
  ceiling_ = end;
  DrainWarm(0);
}

absl::StatusOr<bool> PageAllocator::HasRunBelow(uint32_t pages, PageId end) {
  MutexLock lock(&mu_);
  if (pages == 1 && !warm_.empty()) return warm_.back() < end;
  if (pages > 1) DrainWarm(0);
  PageId first = 0;
  for (size_t c = hint_chunk_; c < chunks_.size() && c * kChunkPages < end; ++c) {
    if (kChunkPages - chunks_[c].used_count < pages) continue;
    SHEAF_RETURN_IF_ERROR(LoadChunk(c));
    if (FindRun(c, pages, &first)) return first + pages <= end;
  }
  return false;
}

absl::Status PageAllocator::MoveMapPages(absl::FunctionRef<bool(const PageRef&)> moves) {
  MutexLock lock(&mu_);
  for (size_t c = 0; c < chunks_.size(); ++c) {
    if (!chunks_[c].map || !moves(chunks_[c].map)) continue;
    SHEAF_RETURN_IF_ERROR(LoadChunk(c));
    chunks_[c].changed = true;
  }
  return absl::OkStatus();
}

// --- The durable map --------------------------------------------------------

absl::Status PageAllocator::SetLive(const PageRef& ref, bool live) {
  const size_t index = ref.id / kChunkPages;
  if (index >= chunks_.size() || ref.id % kChunkPages + ref.pages > kChunkPages)
    return PageDamaged(ref.id,
                       absl::StrCat("no node of ", ref.pages, " pages begins here"));
  SHEAF_RETURN_IF_ERROR(LoadChunk(index));
  Chunk& c = chunks_[index];
  for (uint64_t bit = ref.id % kChunkPages, end = bit + ref.pages; bit < end; ++bit) {
    const uint64_t mask = uint64_t{1} << bit % 64;
    uint64_t& word = c.bits->live[bit / 64];
    // Both come from the file: the map, and what the trees said had died.
    if (((word & mask) != 0) == live)
      return PageDamaged(ref.id, live ? "just written, but in use by the page map"
                                      : "given up, but free by the page map");
    word ^= mask;
    if (live) SHEAF_ASSERT((c.bits->used[bit / 64] & mask) != 0);
  }
  c.live_count += live ? ref.pages : -ref.pages;
  c.changed = true;
  return absl::OkStatus();
}

absl::StatusOr<MapRoots> PageAllocator::WriteMap(absl::Span<const PageRef> born,
                                                 absl::Span<const PageRef> died,
                                                 Stamp birth) {
  MutexLock lock(&mu_);
  SHEAF_ASSERT(old_map_.empty());
  RetryPinned();
  for (const PageRef& ref : died) SHEAF_RETURN_IF_ERROR(SetLive(ref, false));
  for (const PageRef& ref : born) SHEAF_RETURN_IF_ERROR(SetLive(ref, true));
  MapRoots roots = roots_;
  SHEAF_RETURN_IF_ERROR(PlaceMapPages(birth, &roots));
  SHEAF_RETURN_IF_ERROR(WriteMapPages(birth, roots));
  roots_ = roots;
  return roots;
}

// `old` by value: the chunk that holds it may move when one is added.
absl::StatusOr<PageRef> PageAllocator::ReplaceMapPage(const PageRef old, uint32_t pages,
                                                      Stamp birth) {
  if (old) {
    SHEAF_RETURN_IF_ERROR(SetLive(old, false));
    old_map_.push_back(old);
  }
  SHEAF_ASSERT(pages >= 1);
  SHEAF_ASSIGN_OR_RETURN(const PageId id, AllocateLocked(pages));
  const PageRef ref{id, birth, pages, false};
  SHEAF_RETURN_IF_ERROR(SetLive(ref, true));
  return ref;
}

// Gives every changed chunk and every index node a new place. Placing a page
// changes the chunk it lies in, so this goes on until no chunk is newly changed:
// at most once a chunk.
absl::Status PageAllocator::PlaceMapPages(Stamp birth, MapRoots* roots) {
  // The chunks that are there now, and those that placing pages below may add.
  const size_t chunks = chunks_.size() + 2 +
                        2 * (chunks_.size() + kMapRootsMax * kNodePagesMax) / kChunkPages;
  const size_t roots_needed = (chunks + kIndexEntriesMax - 1) / kIndexEntriesMax;
  for (size_t r = 0; r < roots_needed && r < kMapRootsMax; ++r) {
    const size_t last = std::min(chunks, (r + 1) * kIndexEntriesMax);
    const size_t bytes = PageHeader::kSize + (last - r * kIndexEntriesMax) * kIndexEntry;
    SHEAF_ASSIGN_OR_RETURN(
        roots->index[r],
        ReplaceMapPage(roots->index[r],
                       static_cast<uint32_t>((bytes + kPageBytes - 1) / kPageBytes),
                       birth));
    roots->count = static_cast<uint32_t>(r + 1);
  }
  fresh_map_.clear();
  std::vector<bool> placed(chunks);
  for (bool more = true; more;) {
    more = false;
    for (size_t c = 0; c < chunks_.size(); ++c) {
      SHEAF_ASSERT(c < placed.size());
      if (!chunks_[c].changed || placed[c]) continue;
      placed[c] = more = true;
      fresh_map_.push_back(c);
      SHEAF_ASSIGN_OR_RETURN(const PageRef map, ReplaceMapPage(chunks_[c].map, 1, birth));
      chunks_[c].map = map;
    }
  }
  return absl::OkStatus();
}

absl::Status PageAllocator::WriteMapPages(Stamp birth, const MapRoots& roots) {
  std::vector<char> node(kPageBytes);
  for (size_t c : fresh_map_) {
    Chunk& chunk = chunks_[c];
    InitPageHeader(node.data(), PageKind::kMap, 1, chunk.map.id, birth);
    for (size_t w = 0; w < kWords; ++w)
      EncodeFixed64(node.data() + PageHeader::kSize + w * 8, chunk.bits->live[w]);
    SHEAF_RETURN_IF_ERROR(codec_->Seal(node.data(), node.size()));
    SHEAF_RETURN_IF_ERROR(
        file_->Write(chunk.map.id * kPageBytes, {node.data(), node.size()}));
    chunk.changed = false;
  }
  for (uint32_t r = 0; r < roots.count; ++r) {
    const PageRef& ref = roots.index[r];
    node.assign(ref.pages * kPageBytes, 0);
    InitPageHeader(node.data(), PageKind::kMapIndex, ref.pages, ref.id, birth);
    const size_t begin = r * kIndexEntriesMax;
    const size_t end = std::min(chunks_.size(), begin + kIndexEntriesMax);
    EncodeFixed32(node.data() + kIndexCount, static_cast<uint32_t>(end - begin));
    for (size_t c = begin; c < end; ++c) {
      char* entry = node.data() + PageHeader::kSize + (c - begin) * kIndexEntry;
      EncodePageRef(entry, chunks_[c].map);
      EncodeFixed32(entry + PageRef::kEncodedSize, chunks_[c].live_count);
    }
    SHEAF_RETURN_IF_ERROR(codec_->Seal(node.data(), node.size()));
    SHEAF_RETURN_IF_ERROR(file_->Write(ref.id * kPageBytes, {node.data(), node.size()}));
  }
  return absl::OkStatus();
}

void PageAllocator::FinishMap() {
  MutexLock lock(&mu_);
  std::vector<PageRef> old;
  old.swap(old_map_);
  FreeLocked(old);
}

// --- Looking ----------------------------------------------------------------

PageId PageAllocator::page_end() const {
  MutexLock lock(&mu_);
  return page_end_;
}

PageId PageAllocator::TrimEnd() {
  MutexLock lock(&mu_);
  DrainWarm(0);
  while (page_end_ > kFirstPage) {
    const PageId last = page_end_ - 1;
    const size_t index = last / kChunkPages;
    if (index > 0 && chunks_[index].used_count == 0) {
      page_end_ = index * kChunkPages;
      continue;
    }
    if (!LoadChunk(index).ok()) break;
    const Chunk& c = chunks_[index];
    const uint64_t bit = last % kChunkPages;
    if ((c.bits->used[bit / 64] >> bit % 64 & 1) != 0) break;
    --page_end_;
  }
  return page_end_;
}

absl::StatusOr<PageAllocator::Stats> PageAllocator::stats() {
  MutexLock lock(&mu_);
  Stats s;
  s.page_end = page_end_;
  uint64_t used = 0;
  for (const Chunk& c : chunks_) {
    used += c.used_count;
    s.live += c.live_count;
    s.map += c.map ? 1 : 0;
  }
  for (uint32_t r = 0; r < roots_.count; ++r) s.map += roots_.index[r].pages;
  s.free = page_end_ - std::min<uint64_t>(page_end_, used - warm_.size());
  return s;
}

absl::Status PageAllocator::ForEachRun(Bit which, PageId from, PageId to,
                                       absl::FunctionRef<void(PageId, uint64_t)> fn) {
  for (size_t c = from / kChunkPages; c < chunks_.size() && c * kChunkPages < to; ++c) {
    if (which == Bit::kLive && chunks_[c].live_count == 0) continue;
    if (which == Bit::kFree && chunks_[c].used_count == kChunkPages) continue;
    if (which == Bit::kFree && chunks_[c].bits == nullptr && !assume_held_) continue;
    if (which == Bit::kFree && chunks_[c].bits == nullptr && chunks_[c].used_count == 0) {
      if (c * kChunkPages < page_end_)
        fn(c * kChunkPages, std::min(kChunkPages, page_end_ - c * kChunkPages));
      continue;
    }
    const uint64_t end =
        std::min(kChunkPages, page_end_ - std::min(page_end_, c * kChunkPages));
    SHEAF_RETURN_IF_ERROR(LoadChunk(c));
    const Bits& bits = *chunks_[c].bits;
    uint64_t run = 0;
    for (uint64_t bit = 0; bit <= end; ++bit) {
      const uint64_t mask = uint64_t{1} << bit % 64;
      const bool in_run =
          bit < end && (which == Bit::kLive
                            ? (bits.live[bit / 64] & mask) != 0
                            : (~bits.used[bit / 64] & bits.held[bit / 64] & mask) != 0);
      if (in_run) {
        ++run;
      } else if (run > 0) {
        fn(c * kChunkPages + bit - run, run);
        run = 0;
      }
    }
  }
  return absl::OkStatus();
}

absl::Status PageAllocator::ForEachLive(PageId begin, PageId end,
                                        absl::FunctionRef<void(PageId, uint64_t)> fn) {
  MutexLock lock(&mu_);
  return ForEachRun(Bit::kLive, begin, end, fn);
}

absl::Status PageAllocator::ForEachFree(absl::FunctionRef<void(PageId, uint64_t)> fn) {
  MutexLock lock(&mu_);
  DrainWarm(0);
  return ForEachRun(Bit::kFree, 0, kPageIdEnd, fn);
}

void PageAllocator::AssumeHeld() {
  MutexLock lock(&mu_);
  assume_held_ = true;
  for (Chunk& c : chunks_)
    if (c.bits != nullptr) c.bits->held.fill(~uint64_t{0});
}

std::vector<PageRef> PageAllocator::MapPages() const {
  MutexLock lock(&mu_);
  std::vector<PageRef> pages(roots_.index.begin(), roots_.index.begin() + roots_.count);
  for (const Chunk& c : chunks_)
    if (c.map) pages.push_back(c.map);
  return pages;
}

absl::Status PageAllocator::Check() {
  MutexLock lock(&mu_);
  for (size_t i = 0; i < chunks_.size(); ++i) {
    SHEAF_RETURN_IF_ERROR(LoadChunk(i));
    const Chunk& c = chunks_[i];
    if (CountBits(c.bits->used) != c.used_count ||
        CountBits(c.bits->live) != c.live_count)
      return absl::InternalError(
          absl::StrCat("page map chunk ", i, ": counts are wrong"));
    for (size_t w = 0; w < kWords; ++w)
      if ((c.bits->live[w] & ~c.bits->used[w]) != 0)
        return absl::InternalError(
            absl::StrCat("page map chunk ", i, ": a live page may be handed out"));
  }
  for (PageId id : warm_)
    if ((chunks_[id / kChunkPages].bits->live[id % kChunkPages / 64] >> id % 64 & 1) != 0)
      return absl::InternalError(absl::StrCat("page ", id, " is live and to be reused"));
  return absl::OkStatus();
}

}  // namespace sheaf::pager
