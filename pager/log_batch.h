// LogBatch: frames and segment headers encoded and waiting to be written. Their
// bytes lie one behind the other; a piece is the run of them that goes to one
// segment, so writing a batch is one write a piece.
//
// The memory is kept from one batch to the next: in the steady state nothing is
// allocated. Thread-compatible.
#ifndef PAGER_LOG_BATCH_H_
#define PAGER_LOG_BATCH_H_
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "pager/log_format.h"

namespace sheaf::pager {

class LogBatch {
 public:
  struct Piece {
    Lsn start_lsn;            // of the segment; meant for a piece that begins one
    uint32_t segment_offset;  // 0: begins with the header of a new segment
    size_t begin;             // in the batch's bytes
  };

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  const std::vector<Piece>& pieces() const { return pieces_; }
  std::string_view bytes_of(size_t piece) const {
    const size_t begin = pieces_[piece].begin;
    const size_t end = piece + 1 < pieces_.size() ? pieces_[piece + 1].begin : size_;
    return {bytes_.get() + begin, end - begin};
  }

  void AddSegmentHeader(uint64_t log_id, const LogSegmentHeader& header) {
    pieces_.push_back({header.start_lsn, 0, size_});
    EncodeSegmentHeader(Grow(kSegmentHeaderBytes), log_id, header);
  }

  // Requires: `segment_offset` is where the last frame or header ended, in the
  // same segment. Returns the frame's chain value. After an error the batch is spoilt.
  absl::StatusOr<uint32_t> AddFrame(const LogFrame& frame, uint32_t seed,
                                    uint32_t segment_offset, Cipher* cipher) {
    if (pieces_.empty()) pieces_.push_back({0, segment_offset, 0});
    const size_t sealed = frame.payload.size() + SealedMore(cipher);
    return EncodeFrame(Grow(FrameBytes(static_cast<uint32_t>(sealed))), frame, seed,
                       cipher);
  }

  void Clear() {
    pieces_.clear();
    size_ = 0;
    if (capacity_ <= kKeptBytesMax) return;
    bytes_.reset();  // one huge group must not hold its memory for ever
    capacity_ = 0;
  }

 private:
  static constexpr size_t kCapacityMin = size_t{64} << 10,
                          kKeptBytesMax = size_t{4} << 20;

  char* Grow(size_t more) {
    if (capacity_ - size_ < more) [[unlikely]]
      Reallocate(size_ + more);
    char* const begin = bytes_.get() + size_;
    size_ += more;
    return begin;
  }

  void Reallocate(size_t needed) {
    size_t capacity = capacity_ < kCapacityMin ? kCapacityMin : capacity_;
    while (capacity < needed) capacity *= 2;
    std::unique_ptr<char[]> bytes(new char[capacity]);
    if (size_ > 0) std::memcpy(bytes.get(), bytes_.get(), size_);
    bytes_ = std::move(bytes);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> bytes_;
  size_t size_ = 0, capacity_ = 0;
  std::vector<Piece> pieces_;
};

}  // namespace sheaf::pager
#endif  // PAGER_LOG_BATCH_H_
