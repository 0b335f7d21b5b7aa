#include "btree/large_reader.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "btree/large_index.h"
#include "pager/prefetch.h"
#include "pager/status_macros.h"

namespace sheaf::btree {

using pager::kPageBytes;
using pager::PageDamaged;
using pager::PinnedPage;

namespace {

// Runs of at least so many chunks are read past the cache, up to so many at once.
constexpr uint64_t kRunMin = 8, kRunMax = 64;

// The header and the first of what is to be copied come from memory together; the processor
// goes on by itself then.
void PrefetchBytes(const char* page, uint64_t offset, uint64_t bytes) {
  __builtin_prefetch(page);
  pager::PrefetchLines(page + offset, std::min<uint64_t>(bytes, 1024));
}

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

absl::Status LargeReader::ReadAhead(uint64_t chunk, uint64_t end) {
  const uint64_t n = MissingRun(chunk, end);
  if (n < kRunMin) return absl::OkStatus();
  PageRef refs[kRunMax];
  for (uint64_t i = 0; i < n; ++i)
    refs[i] = IndexRef(index_.data(), chunk + i - index_begin_);
  SHEAF_ASSIGN_OR_RETURN(const uint64_t cached, pager_->buffer().LoadRun({refs, n}));
  if (cached > 0) return absl::OkStatus();
  if (run_ == nullptr) run_.reset(new char[kRunMax * kPageBytes]);
  run_end_ = run_begin_;
  SHEAF_RETURN_IF_ERROR(
      pager_->buffer().ReadPast({refs, n}, absl::MakeSpan(run_.get(), n * kPageBytes)));
  run_begin_ = chunk;
  run_end_ = chunk + n;
  return absl::OkStatus();
}

absl::Status LargeReader::Read(uint64_t offset, absl::Span<char> out) {
  if (offset > size() || out.size() > size() - offset)
    return PageDamaged(ref_.page.id, "a value is shorter than asked for");
  const uint64_t in_pages = offset < ref_.in_pages ? ref_.in_pages - offset : 0;
  const uint64_t n = std::min<uint64_t>(out.size(), in_pages);
  if (n < out.size())
    std::memcpy(out.data() + n, ref_.tail.data() + (offset + n - ref_.in_pages),
                out.size() - n);
  return n == 0 ? absl::OkStatus() : ReadPages(offset, out.subspan(0, n));
}

absl::Status LargeReader::ReadPages(uint64_t offset, absl::Span<char> out) {
  if (chunk_bytes_ == 0) {
    SHEAF_RETURN_IF_ERROR(CheckLargeSize(pager_, ref_));
    SHEAF_ASSIGN_OR_RETURN(chunk_bytes_, ChunkBytesOf(pager_, ref_));
  }
  pager::BufferManager& buffer = pager_->buffer();
  const bool small_chunks = chunk_bytes_ == ChunkBytesOf(1);
  const bool reads_on = offset == next_ && offset > 0;
  next_ = offset + out.size();
  const uint64_t end =
      ((reads_on ? ref_.in_pages : next_) + chunk_bytes_ - 1) / chunk_bytes_;
  while (!out.empty()) {
    const uint64_t chunk = offset / chunk_bytes_, within = offset % chunk_bytes_;
    const uint64_t n = std::min<uint64_t>(out.size(), chunk_bytes_ - within);
    PageRef ref = ref_.page;
    if (ref_.in_pages > kChunkBytes) {
      SHEAF_RETURN_IF_ERROR(FindIndex(chunk));
      ref = IndexRef(index_.data(), chunk - index_begin_);
    }
    const auto is_read = [&] { return run_begin_ <= chunk && chunk < run_end_; };
    if (small_chunks && !is_read() && !buffer.IsResident(ref.id))
      SHEAF_RETURN_IF_ERROR(ReadAhead(chunk, end));
    if (is_read()) {
      SHEAF_RETURN_IF_ERROR(CopyFrom(ref, run_.get() + (chunk - run_begin_) * kPageBytes,
                                     within, out.subspan(0, n)));
    } else {
      if (small_chunks && n < out.size() && chunk + 1 < index_end_)
        buffer.Prefetch(IndexRef(index_.data(), chunk + 1 - index_begin_).id);
      else
        PrefetchBytes(buffer.AddressHint(ref.id), PageHeader::kSize + within, n);
      SHEAF_ASSIGN_OR_RETURN(const char* page, buffer.Pin(ref));
      const PinnedPage pin(&buffer, ref.id, page);
      SHEAF_RETURN_IF_ERROR(CopyFrom(ref, page, within, out.subspan(0, n)));
    }
    out.remove_prefix(n);
    offset += n;
  }
  return absl::OkStatus();
}

}  // namespace sheaf::btree
