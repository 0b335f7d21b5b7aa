#include "pager/log_reader.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "pager/assert.h"
#include "pager/status_macros.h"

namespace sheaf::pager {

LogReader::LogReader(const File* file, const std::string& path,
                     const LogIdentity& identity)
    : file_(file), path_(path), identity_(identity) {}

absl::Status LogReader::Damaged(const std::string& what) const {
  return absl::DataLossError(absl::StrCat(path_, ": ", what));
}

absl::Status LogReader::Open() {
  SHEAF_ASSIGN_OR_RETURN(file_bytes_, file_->Size());
  char header[kLogFileHeaderUsed];
  if (file_bytes_ < sizeof(header)) {
    return Damaged(absl::StrCat("log file header: the file has ", file_bytes_, " bytes"));
  }
  SHEAF_RETURN_IF_ERROR(file_->Read(0, absl::MakeSpan(header)));
  SHEAF_RETURN_IF_ERROR(CheckLogFileHeader(header, identity_, path_));
  if (file_bytes_ > SlotOffset(kLogSlotsMax)) {
    return Damaged(
        absl::StrCat("log of ", file_bytes_, " bytes, more than was ever written"));
  }
  for (uint32_t slot = 0; SlotOffset(slot) + kSegmentHeaderBytes <= file_bytes_; ++slot) {
    char bytes[kSegmentHeaderBytes];
    SHEAF_RETURN_IF_ERROR(file_->Read(SlotOffset(slot), absl::MakeSpan(bytes)));
    const std::optional<LogSegmentHeader> found =
        DecodeSegmentHeader(bytes, identity_.log_id, identity_.keys != nullptr);
    if (found.has_value()) segments_.push_back({*found, slot});
  }
  std::sort(segments_.begin(), segments_.end(), [](const Segment& a, const Segment& b) {
    return std::tie(a.header.start_lsn, a.header.sequence) <
           std::tie(b.header.start_lsn, b.header.sequence);
  });
  return absl::OkStatus();
}

uint64_t LogReader::sequence_max() const {
  uint64_t max = 0;
  for (const Segment& segment : segments_) max = std::max(max, segment.header.sequence);
  return max;
}

// Reads on until the segment's first `end` bytes are there, or all it has.
absl::Status LogReader::Load(uint64_t end) {
  constexpr size_t kPiece = 64 << 10;  // a log may be a few commits long
  if (end <= loaded_ || loaded_ == segment_bytes_) return absl::OkStatus();
  const size_t begin = loaded_;
  const size_t until =
      std::min<uint64_t>(segment_bytes_, std::max<uint64_t>(end, begin + kPiece));
  SHEAF_RETURN_IF_ERROR(file_->Read(SlotOffset(segments_[way_.back()].slot) + begin,
                                    {bytes_.get() + begin, until - begin}));
  loaded_ = until;
  return absl::OkStatus();
}

// Stands before the segment's first frame.
absl::Status LogReader::Enter(size_t index) {
  const Segment& segment = segments_[index];
  const uint64_t offset = SlotOffset(segment.slot);
  SHEAF_ASSERT(offset + kSegmentHeaderBytes <= file_bytes_);
  segment_bytes_ = std::min<uint64_t>(kLogSegmentBytes, file_bytes_ - offset);
  loaded_ = 0;
  if (bytes_ == nullptr) bytes_.reset(new char[kLogSegmentBytes]);
  if (identity_.keys != nullptr) {
    SHEAF_ASSIGN_OR_RETURN(cipher_,
                           identity_.keys->ForLogSegment(segment.header.key_salt_view()));
  }
  position_ = {segment.header.start_lsn, segment.header.previous};
  seed_ = segment.header.seed();
  offset_ = kSegmentHeaderBytes;
  way_.push_back(index);
  return absl::OkStatus();
}

// The frame at the place reached, and steps behind it.
absl::StatusOr<std::optional<LogFrame>> LogReader::TakeFrame() {
  if (offset_ + kFrameSpaceMin > kLogSegmentBytes || offset_ > segment_bytes_)
    return std::nullopt;
  SHEAF_RETURN_IF_ERROR(Load(offset_ + kFrameHeaderBytes));
  const std::optional<uint64_t> size_said =
      BytesToVerify({bytes_.get() + offset_, loaded_ - offset_}, position_.lsn);
  if (!size_said.has_value()) return std::nullopt;
  SHEAF_RETURN_IF_ERROR(Load(offset_ + *size_said));
  std::optional<LogFrame> frame =
      VerifyFrame({bytes_.get() + offset_, loaded_ - offset_}, position_.lsn, seed_);
  if (!frame.has_value()) return std::nullopt;
  const uint32_t size = frame->size();
  const absl::Status opened = OpenFrame(bytes_.get() + offset_, &*frame, cipher_.get());
  if (absl::IsDataLoss(opened))
    return Damaged(absl::StrCat("log frame at lsn ", frame->lsn, ": ", opened.message()));
  SHEAF_RETURN_IF_ERROR(opened);
  offset_ += size;
  position_ = {position_.lsn + size, frame->chain};
  seed_ = frame->chain;
  return frame;
}

// Whether the segment verifies from its beginning to `start`. If so, stands there.
absl::StatusOr<bool> LogReader::Holds(size_t index, LogPosition start) {
  way_.clear();
  SHEAF_RETURN_IF_ERROR(Enter(index));
  while (position_.lsn < start.lsn) {
    SHEAF_ASSIGN_OR_RETURN(const std::optional<LogFrame> frame, TakeFrame());
    if (!frame.has_value()) return false;
  }
  return position_.lsn == start.lsn && position_.chain == start.chain;
}

absl::Status LogReader::SeekTo(LogPosition start) {
  std::vector<size_t> candidates;
  for (size_t i = 0; i < segments_.size(); ++i) {
    const Lsn begin = segments_[i].header.start_lsn;
    if (begin <= start.lsn && start.lsn - begin < kLogSegmentBytes)
      candidates.push_back(i);
  }
  std::sort(candidates.begin(), candidates.end(), [this](size_t a, size_t b) {
    return segments_[a].header.sequence > segments_[b].header.sequence;
  });
  for (const size_t index : candidates) {
    SHEAF_ASSIGN_OR_RETURN(const bool holds, Holds(index, start));
    if (holds) return absl::OkStatus();
  }
  return Damaged(absl::StrCat("no segment holds the log's start, lsn ", start.lsn, "; ",
                              segments_.size(), " segment headers verify"));
}

// Enters the segment that continues the log at the place reached, if there is one.
absl::StatusOr<bool> LogReader::EnterContinuation() {
  const uint64_t sequence = segments_[way_.back()].header.sequence;
  const auto end = std::upper_bound(
      segments_.begin(), segments_.end(), position_.lsn,
      [](Lsn lsn, const Segment& segment) { return lsn < segment.header.start_lsn; });
  for (auto it = end; it != segments_.begin();) {
    const LogSegmentHeader& header = (--it)->header;
    if (header.start_lsn != position_.lsn || header.sequence <= sequence) return false;
    if (header.previous != position_.chain) continue;
    SHEAF_RETURN_IF_ERROR(Enter(static_cast<size_t>(it - segments_.begin())));
    return true;
  }
  return false;
}

absl::StatusOr<std::optional<LogFrame>> LogReader::Next() {
  while (true) {
    SHEAF_ASSIGN_OR_RETURN(std::optional<LogFrame> frame, TakeFrame());
    if (frame.has_value()) return frame;
    SHEAF_ASSIGN_OR_RETURN(const bool entered, EnterContinuation());
    if (!entered) return std::optional<LogFrame>();
  }
}

// A frame that verifies is one that a writer wrote: here nothing is torn any more.
absl::Status LogReader::CheckFrame(const LogFrame& frame, bool in_group,
                                   TxnId txn) const {
  const auto wrong = [&](const char* what) {
    return Damaged(absl::StrCat("log frame at lsn ", frame.lsn, ": ", what));
  };
  if (frame.flags > (kFrameFirst | kFrameLast)) return wrong("unknown flag");
  if (!frame.reserved_is_zero) return wrong("reserved bytes are not zero");
  const bool first = (frame.flags & kFrameFirst) != 0;
  if (first && in_group) return wrong("begins a group inside a group");
  if (!first && !in_group) return wrong("continues a group that was not begun");
  if (in_group && frame.txn != txn) return wrong("txn changes inside a group");
  return absl::OkStatus();
}

absl::Status LogReader::CheckEnd() const {
  for (const Segment& segment : segments_) {
    if (segment.header.durable_lsn <= end_.lsn) continue;
    return Damaged(absl::StrCat("the log ends at lsn ", end_.lsn, ", but segment ",
                                segment.header.sequence, " says that it was durable to ",
                                segment.header.durable_lsn));
  }
  return absl::OkStatus();
}

absl::Status LogReader::Replay(LogPosition start, uint64_t group_bytes_max,
                               Log::GroupFn group) {
  SHEAF_RETURN_IF_ERROR(SeekTo(start));
  end_ = start;
  live_count_ = way_.size();
  std::string payload;  // of a group with several frames
  TxnId txn = 0;
  bool in_group = false;
  while (true) {
    SHEAF_ASSIGN_OR_RETURN(const std::optional<LogFrame> frame, Next());
    if (!frame.has_value()) break;
    SHEAF_RETURN_IF_ERROR(CheckFrame(*frame, in_group, txn));
    if (!in_group) payload.clear();
    if (payload.size() + frame->payload.size() > group_bytes_max) {
      return absl::ResourceExhaustedError(
          absl::StrCat(path_, ": the group with the log frame at lsn ", frame->lsn,
                       " has more than ", group_bytes_max, " bytes"));
    }
    const bool last = (frame->flags & kFrameLast) != 0;
    const bool whole = last && !in_group;
    in_group = !last;
    txn = frame->txn;
    if (!whole) {
      // Once, so that growing never needs room for two copies.
      payload.reserve(std::min(group_bytes_max, file_bytes_));
      payload.append(frame->payload);
    }
    if (!last) continue;
    SHEAF_RETURN_IF_ERROR(group(txn, whole ? frame->payload : payload, position_));
    end_ = position_;
    live_count_ = way_.size();
  }
  return CheckEnd();
}

}  // namespace sheaf::pager
