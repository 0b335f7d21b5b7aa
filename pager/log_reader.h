// LogReader: what a crash left in a log file, frame by frame. Finds the segments
// by their headers, finds the one that holds the start, follows the chain from
// there and decides where the log ends and whether that is damage, by the rule in
// pager/log.h. Changes nothing.
//
// Trusts no byte: lengths are bounded by the segment, the way goes to ever greater
// sequences, and memory is one segment and one group.
//
// Thread-compatible.
#ifndef PAGER_LOG_READER_H_
#define PAGER_LOG_READER_H_
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "pager/log.h"
#include "pager/log_format.h"

namespace sheaf::pager {

class LogReader {
 public:
  struct Segment {
    LogSegmentHeader header;
    uint32_t slot;
  };

  LogReader(const File* file, const std::string& path, const LogIdentity& identity);

  // Reads all headers. Errors as Log::Recover has them.
  absl::Status Open();
  uint64_t file_bytes() const { return file_bytes_; }

  // Hands over the groups behind `start`. Then end() is where the last one ends.
  absl::Status Replay(LogPosition start, uint64_t group_bytes_max, Log::GroupFn group);
  LogPosition end() const { return end_; }

  // By start_lsn, then sequence: every segment of this log whose header verifies.
  const std::vector<Segment>& segments() const { return segments_; }
  // Indexes of those from the start to the end, in order; never empty. The last
  // one has the frame that ends at end(), or is where the log was created.
  absl::Span<const size_t> live() const { return {way_.data(), live_count_}; }
  uint64_t sequence_max() const;

 private:
  absl::Status SeekTo(LogPosition start);
  absl::StatusOr<bool> Holds(size_t index, LogPosition start);
  absl::StatusOr<std::optional<LogFrame>> Next();
  absl::StatusOr<bool> EnterContinuation();
  absl::Status Enter(size_t index);
  absl::Status Load(uint64_t end);
  absl::StatusOr<std::optional<LogFrame>> TakeFrame();
  absl::Status CheckFrame(const LogFrame& frame, bool in_group, TxnId txn) const;
  absl::Status CheckEnd() const;
  absl::Status Damaged(const std::string& what) const;

  const File* const file_;
  const std::string path_;
  const LogIdentity identity_;
  uint64_t file_bytes_ = 0;
  std::vector<Segment> segments_;

  // The place reached, in the segment that is loaded.
  LogPosition position_;
  uint32_t seed_ = 0;  // what the next frame's chain value builds on
  size_t offset_ = 0;  // of the next frame in the segment
  std::unique_ptr<char[]> bytes_;
  std::shared_ptr<Cipher> cipher_;  // of that segment; null: plain
  size_t segment_bytes_ = 0;        // less than others only at a cut-off end of the file
  size_t loaded_ = 0;               // of them, the first so many are in bytes_
  std::vector<size_t> way_;         // indexes of the segments entered

  LogPosition end_;
  size_t live_count_ = 0;  // of way_, those entered up to end_
};

}  // namespace sheaf::pager
#endif  // PAGER_LOG_READER_H_
