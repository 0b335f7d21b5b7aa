#include "btree/large_reader.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "btree/large_index.h"
#include "pager/status_macros.h"

namespace sheaf::btree {

using pager::kPageBytes;
using pager::PageDamaged;
using pager::PinnedPage;

namespace {

// Runs of at least so many chunks are read past the cache, up to so many at once.
constexpr uint64_t kRunMin = 8, kRunMax = 64;

}  // namespace

// The page of level 1 that lists the chunk.
absl::Status LargeReader::FindIndex(uint64_t chunk) {
  if (index_ && index_begin_ <= chunk && chunk < index_end_) return absl::OkStatus();
  PageRef ref = ref_.page;
  uint64_t begin = 0;
  for (uint32_t above = 3;;) {
    SHEAF_ASSIGN_OR_RETURN(PinnedPage page, PinIndex(pager_, ref, above));
    above = pager::LevelOf(page.data());
    const uint64_t span = above == 2 ? kRefsPerIndex : 1;
    const uint64_t count = LargeCount(page.data());
    if ((chunk - begin) / span >= count)
      return PageDamaged(ref.id, absl::StrCat("lists too few chunks: ", count));
    if (above == 1) {
      index_ = std::move(page);
      index_begin_ = begin;
      index_end_ = begin + count;
      return absl::OkStatus();
    }
    const uint64_t child = (chunk - begin) / span;
    ref = IndexRef(page.data(), child);
    begin += child * span;
  }
}

absl::Status LargeReader::CopyFrom(const PageRef& ref, const char* page, uint64_t within,
                                   absl::Span<char> out) const {
  if (pager::PageKindOf(page) != pager::PageKind::kValue ||
      within + out.size() > LargeCount(page))
    return PageDamaged(ref.id, "is shorter than the value it is part of");
  std::memcpy(out.data(), page + PageHeader::kSize + within, out.size());
  return absl::OkStatus();
}

uint64_t LargeReader::MissingRun(uint64_t chunk, uint64_t end) const {
  if (chunk_bytes_ != ChunkBytesOf(1)) return 0;
  const uint64_t limit = std::min({end, index_end_, chunk + kRunMax});
  const PageRef first = IndexRef(index_.data(), chunk - index_begin_);
  uint64_t n = 0;
  for (; chunk + n < limit; ++n) {
    const PageRef ref = IndexRef(index_.data(), chunk + n - index_begin_);
    if (ref.id != first.id + n || ref.pages != 1 || pager_->buffer().IsResident(ref.id))
      break;
  }
  return n;
}

absl::Status LargeReader::ReadRun(uint64_t chunk, uint64_t chunks) {
  if (run_ == nullptr) run_.reset(new char[kRunMax * kPageBytes]);
  PageRef refs[kRunMax];
  for (uint64_t i = 0; i < chunks; ++i)
    refs[i] = IndexRef(index_.data(), chunk + i - index_begin_);
  return pager_->buffer().ReadPast({refs, chunks},
                                   absl::MakeSpan(run_.get(), chunks * kPageBytes));
}

absl::Status LargeReader::Read(uint64_t offset, absl::Span<char> out) {
  if (offset > ref_.size || out.size() > ref_.size - offset)
    return PageDamaged(ref_.page.id, "a value is shorter than asked for");
  if (chunk_bytes_ == 0) {
    SHEAF_RETURN_IF_ERROR(CheckLargeSize(pager_, ref_));
    SHEAF_ASSIGN_OR_RETURN(chunk_bytes_, ChunkBytesOf(pager_, ref_));
  }
  const uint64_t end = (offset + out.size() + chunk_bytes_ - 1) / chunk_bytes_;
  while (!out.empty()) {
    const uint64_t chunk = offset / chunk_bytes_;
    uint64_t past = 0;
    PageRef ref = ref_.page;
    if (ref_.size > kChunkBytes) {
      SHEAF_RETURN_IF_ERROR(FindIndex(chunk));
      past = MissingRun(chunk, end);
      ref = IndexRef(index_.data(), chunk - index_begin_);
    }
    if (past >= kRunMin) SHEAF_RETURN_IF_ERROR(ReadRun(chunk, past));
    for (uint64_t i = 0; i < (past >= kRunMin ? past : 1); ++i) {
      const uint64_t within = offset % chunk_bytes_;
      const uint64_t n = std::min<uint64_t>(out.size(), chunk_bytes_ - within);
      if (past >= kRunMin) {
        SHEAF_RETURN_IF_ERROR(
            CopyFrom(ref, run_.get() + i * kPageBytes, within, out.subspan(0, n)));
        ++ref.id;
      } else {
        SHEAF_ASSIGN_OR_RETURN(const char* page, pager_->buffer().Pin(ref));
        const PinnedPage pin(&pager_->buffer(), ref.id, page);
        SHEAF_RETURN_IF_ERROR(CopyFrom(ref, page, within, out.subspan(0, n)));
      }
      out.remove_prefix(n);
      offset += n;
    }
  }
  return absl::OkStatus();
}

}  // namespace sheaf::btree
