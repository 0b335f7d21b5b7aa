#include "btree/large_writer.h"

#include <algorithm>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "btree/large_index.h"
#include "btree/large_reader.h"
#include "pager/assert.h"
#include "pager/status_macros.h"

namespace sheaf::btree {

using pager::kPageBytes;
using pager::PageAllocator;
using pager::PageDamaged;
using pager::PageKind;
using pager::PageWriter;

namespace {

constexpr uint64_t kPayload = kPageBytes - PageHeader::kSize;  // of a chunk
constexpr uint32_t kBufferPages = 64;
static_assert(kStreamedSizeMax == kRefsPerIndex * kRefsPerIndex * kPayload);
static_assert(kStreamedSizeMin == kChunkBytes + 1);

char* PayloadAt(char* images, uint64_t chunk) {
  return images + chunk * kPageBytes + PageHeader::kSize;
}

// Makes pages of `images`, whose payloads hold `bytes` bytes of a value, and writes them.
// `made` hears of each.
absl::Status WriteImages(PageWriter* writer, char* images, uint64_t bytes,
                         absl::FunctionRef<absl::Status(const PageRef&)> made) {
  while (bytes > 0) {
    const uint64_t pages = (bytes + kPayload - 1) / kPayload;
    SHEAF_ASSIGN_OR_RETURN(const PageAllocator::Run run,
                           writer->NewRun(static_cast<uint32_t>(pages)));
    for (uint32_t i = 0; i < run.pages; ++i) {
      char* const page = images + i * kPageBytes;
      const uint64_t size = std::min(bytes, kPayload);
      pager::InitPageHeader(page, PageKind::kValue, 1, run.first + i, writer->stamp());
      pager::EncodeFixed32(page + kLargeSizeAt, static_cast<uint32_t>(size));
      std::memset(page + PageHeader::kSize + size, 0, kPayload - size);
      bytes -= size;
      SHEAF_RETURN_IF_ERROR(made({run.first + i, writer->stamp()}));
    }
    SHEAF_RETURN_IF_ERROR(
        writer->WriteRun(run, absl::MakeSpan(images, run.pages * kPageBytes)));
    images += run.pages * kPageBytes;
  }
  return absl::OkStatus();
}

absl::Status CheckStreamed(const LargeRef& ref, const char* root) {
  if (ref.in_pages >= kStreamedSizeMin && ChunkPagesOf(root) == 1)
    return absl::OkStatus();
  return PageDamaged(ref.page.id, "is not a value that came as a stream");
}

std::vector<PageRef> RefsOf(const char* index) {
  std::vector<PageRef> refs;
  for (uint32_t i = 0; i < LargeCount(index); ++i) refs.push_back(IndexRef(index, i));
  return refs;
}

}  // namespace

absl::StatusOr<bool> IsStreamed(pager::Pager* pager, const LargeRef& value) {
  if (value.in_pages < kStreamedSizeMin) return false;
  SHEAF_ASSIGN_OR_RETURN(const uint64_t chunk_bytes, ChunkBytesOf(pager, value));
  return chunk_bytes == kPayload;
}

LargeWriter::LargeWriter(PageWriter* writer)
    : writer_(*writer), transaction_(writer->transaction()), epoch_(writer->epoch()) {}

absl::Status LargeWriter::CheckUsable() const {
  SHEAF_RETURN_IF_ERROR(error_);
  if (!open_) return absl::FailedPreconditionError("the stream was ended before");
  if (writer_.epoch() != epoch_)
    return absl::FailedPreconditionError(
        "the stream began before a rollback to a savepoint, which ended it: begin anew");
  return absl::OkStatus();
}

absl::Status LargeWriter::Continue(const LargeRef& old) {
  SHEAF_ASSERT(size_ == 0);
  pager::Pager* const pager = &writer_.pager();
  SHEAF_RETURN_IF_ERROR(CheckLargeSize(pager, old));
  SHEAF_ASSIGN_OR_RETURN(const pager::PinnedPage root, PinIndex(pager, old.page, 3));
  SHEAF_RETURN_IF_ERROR(CheckStreamed(old, root.data()));
  replaced_.push_back(old.page);
  chunks_ = RefsOf(root.data());
  if (pager::LevelOf(root.data()) == 2) {
    indexes_.swap(chunks_);
    SHEAF_ASSIGN_OR_RETURN(const pager::PinnedPage last,
                           PinIndex(pager, indexes_.back(), 2));
    replaced_.push_back(indexes_.back());
    indexes_.pop_back();
    chunks_ = RefsOf(last.data());
  }
  const uint64_t whole = old.in_pages / kPayload, rest = old.in_pages % kPayload;
  if (indexes_.size() * kRefsPerIndex + chunks_.size() != whole + (rest > 0 ? 1 : 0))
    return PageDamaged(old.page.id, "lists another number of chunks than its size says");
  size_ = whole * kPayload;
  if (rest == 0) return absl::OkStatus();
  std::string tail(rest, '\0');
  SHEAF_RETURN_IF_ERROR(
      LargeReader(pager, old).Read(size_, absl::MakeSpan(tail.data(), tail.size())));
  replaced_.push_back(chunks_.back());
  chunks_.pop_back();
  return Append(tail);
}

absl::Status LargeWriter::Append(std::string_view bytes) {
  SHEAF_RETURN_IF_ERROR(CheckUsable());
  if (bytes.size() > kStreamedSizeMax - size_)
    return error_ = absl::ResourceExhaustedError(absl::StrCat(
               "a value of more than ", kStreamedSizeMax, " bytes is not possible"));
  if (images_ == nullptr) images_.reset(new char[kBufferPages * kPageBytes]);
  while (!bytes.empty()) {
    const uint64_t within = buffered_ % kPayload;
    const uint64_t n = std::min<uint64_t>(bytes.size(), kPayload - within);
    std::memcpy(PayloadAt(images_.get(), buffered_ / kPayload) + within, bytes.data(), n);
    buffered_ += n;
    size_ += n;
    bytes.remove_prefix(n);
    if (buffered_ == kBufferPages * kPayload) SHEAF_RETURN_IF_ERROR(error_ = Flush());
  }
  return absl::OkStatus();
}

absl::Status LargeWriter::Flush() {
  const uint64_t bytes = std::exchange(buffered_, 0);
  return WriteImages(&writer_, images_.get(), bytes,
                     [this](const PageRef& ref) { return AddChunk(ref); });
}

absl::Status LargeWriter::AddChunk(const PageRef& ref) {
  if (!made_.empty() && made_.back().birth == ref.birth &&
      made_.back().first + made_.back().pages == ref.id)
    ++made_.back().pages;
  else
    made_.push_back({ref.id, 1, ref.birth});
  // Full pages of the index are written when there is something for the next.
  if (chunks_.size() == kRefsPerIndex) SHEAF_RETURN_IF_ERROR(EndIndexPage());
  chunks_.push_back(ref);
  return absl::OkStatus();
}

absl::Status LargeWriter::EndIndexPage() {
  SHEAF_ASSIGN_OR_RETURN(const PageRef ref, WriteIndex(&writer_, 1, 1, chunks_));
  made_indexes_.push_back(ref);
  indexes_.push_back(ref);
  chunks_.clear();
  return absl::OkStatus();
}

absl::StatusOr<LargeRef> LargeWriter::Finish() {
  SHEAF_RETURN_IF_ERROR(CheckUsable());
  SHEAF_ASSERT(size_ >= kStreamedSizeMin);
  SHEAF_RETURN_IF_ERROR(error_ = Flush());
  SHEAF_RETURN_IF_ERROR(error_ = EndIndexPage());
  PageRef root = indexes_[0];
  if (indexes_.size() > 1) {
    absl::StatusOr<PageRef> above = WriteIndex(&writer_, 2, 1, indexes_);
    if (!above.ok()) return error_ = above.status();
    root = *above;
  }
  for (const PageRef& ref : replaced_) writer_.GiveUp(ref);
  open_ = false;
  return LargeRef{root, size_};
}

// What a rollback freed is not this writer's any more.
void LargeWriter::Abort() {
  if (!std::exchange(open_, false) || writer_.transaction() != transaction_) return;
  const bool rolled_back = writer_.epoch() != epoch_;
  for (const Run& run : made_) {
    if (rolled_back && !writer_.Holds({run.first, run.birth})) continue;
    for (uint64_t i = 0; i < run.pages; ++i) writer_.GiveUp({run.first + i, run.birth});
  }
  for (const PageRef& ref : made_indexes_)
    if (!rolled_back || writer_.Holds(ref)) writer_.GiveUp(ref);
  made_.clear();
  made_indexes_.clear();
}

namespace {

// Writes chunks [first, …) of the value anew, with `bytes` in them from `offset` on.
absl::Status WriteChunksOver(PageWriter* writer, const LargeRef& old, uint64_t offset,
                             std::string_view bytes, std::vector<PageRef>* made) {
  LargeReader reader(&writer->pager(), old);
  std::unique_ptr<char[]> images(new char[kBufferPages * kPageBytes]);
  const uint64_t end = offset + bytes.size();
  uint64_t begin = offset / kPayload * kPayload;  // of the first chunk in `images`
  while (begin < end) {
    const uint64_t behind = std::min(begin + kBufferPages * kPayload,
                                     (end + kPayload - 1) / kPayload * kPayload);
    const uint64_t chunks_end = std::min(behind, old.in_pages);
    for (uint64_t at = begin; at < chunks_end; at += kPayload) {
      char* const payload = PayloadAt(images.get(), (at - begin) / kPayload);
      const uint64_t size = std::min(kPayload, chunks_end - at);
      const uint64_t from = std::max(at, offset), to = std::min(at + size, end);
      if (from > at || to < at + size)
        SHEAF_RETURN_IF_ERROR(reader.Read(at, absl::MakeSpan(payload, size)));
      std::memcpy(payload + (from - at), bytes.data() + (from - offset), to - from);
    }
    SHEAF_RETURN_IF_ERROR(
        WriteImages(writer, images.get(), chunks_end - begin, [&](const PageRef& ref) {
          made->push_back(ref);
          return absl::OkStatus();
        }));
    begin = behind;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LargeRef> OverwriteLarge(PageWriter* writer, const LargeRef& old,
                                        uint64_t offset, std::string_view bytes) {
  SHEAF_ASSERT(offset <= old.in_pages && bytes.size() <= old.in_pages - offset);
  if (bytes.empty()) return old;
  pager::Pager* const pager = &writer->pager();
  SHEAF_RETURN_IF_ERROR(CheckLargeSize(pager, old));
  std::vector<PageRef> indexes = {old.page};
  bool two_levels = false;
  {
    SHEAF_ASSIGN_OR_RETURN(const pager::PinnedPage root, PinIndex(pager, old.page, 3));
    SHEAF_RETURN_IF_ERROR(CheckStreamed(old, root.data()));
    two_levels = pager::LevelOf(root.data()) == 2;
    if (two_levels) indexes = RefsOf(root.data());
  }
  // One of the two goes: what was made, unless all of it was.
  std::vector<PageRef> made, replaced;
  absl::Cleanup give_up = [&] {
    for (const PageRef& ref : made) writer->GiveUp(ref);
  };
  SHEAF_RETURN_IF_ERROR(WriteChunksOver(writer, old, offset, bytes, &made));
  const size_t chunks = made.size();
  uint64_t chunk = offset / kPayload;
  for (size_t next = 0; next < chunks;) {
    const uint64_t at = chunk / kRefsPerIndex;
    if (at >= indexes.size()) return PageDamaged(old.page.id, "lists too few chunks");
    std::vector<PageRef> refs;
    {
      SHEAF_ASSIGN_OR_RETURN(const pager::PinnedPage page,
                             PinIndex(pager, indexes[at], 2));
      refs = RefsOf(page.data());
    }
    for (uint64_t i = chunk % kRefsPerIndex; i < kRefsPerIndex && next < chunks;
         ++i, ++chunk) {
      if (i >= refs.size()) return PageDamaged(indexes[at].id, "lists too few chunks");
      replaced.push_back(std::exchange(refs[i], made[next++]));
    }
    replaced.push_back(indexes[at]);
    SHEAF_ASSIGN_OR_RETURN(indexes[at], WriteIndex(writer, 1, 1, refs));
    made.push_back(indexes[at]);
  }
  LargeRef changed{indexes[0], old.in_pages};
  if (two_levels) {
    replaced.push_back(old.page);
    SHEAF_ASSIGN_OR_RETURN(changed.page, WriteIndex(writer, 2, 1, indexes));
  }
  made.swap(replaced);
  return changed;
}

}  // namespace sheaf::btree
