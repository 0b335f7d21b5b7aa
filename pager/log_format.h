// LogFormat: the structures of the log file to bytes and back. The bytes are
// drawn in pager/log.h. Only for the log's own files.
//
// Decoders doubt everything: what they return is bounded and verified.
#ifndef PAGER_LOG_FORMAT_H_
#define PAGER_LOG_FORMAT_H_
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pager/cipher.h"
#include "pager/log.h"

namespace sheaf::pager {

inline constexpr uint64_t kLogFileHeaderBytes = 4096;
inline constexpr size_t kLogFileHeaderUsed = 64;  // the rest is zero
inline constexpr uint32_t kSegmentHeaderBytes = 64, kFrameHeaderBytes = 32,
                          kFrameAlignment = 8;
// A segment with less left is given up: a frame and at least as much payload.
inline constexpr uint32_t kFrameSpaceMin = 64;
static_assert(kSegmentHeaderBytes % kFrameAlignment == 0 &&
              kFrameHeaderBytes % kFrameAlignment == 0 &&
              kLogSegmentBytes % kFrameAlignment == 0);

// A file of 1 TiB. Bounds the search for segments in a hostile sparse file.
inline constexpr uint32_t kLogSlotsMax = 1 << 20;
// Nobody gets there; sums with sizes cannot overflow below.
inline constexpr uint64_t kLsnEnd = uint64_t{1} << 62, kSequenceEnd = uint64_t{1} << 62;

constexpr uint64_t SlotOffset(uint32_t slot) {
  return kLogFileHeaderBytes + uint64_t{slot} * kLogSegmentBytes;
}

struct LogSegmentHeader {
  uint64_t sequence = 0;
  Lsn start_lsn = 0;
  uint32_t previous = 0, salt = 0;
  Lsn durable_lsn = 0;
  std::array<char, 16> key_salt{};

  std::string_view key_salt_view() const { return {key_salt.data(), key_salt.size()}; }
  // The chain value that the segment's first frame builds on.
  uint32_t seed() const;
};

inline constexpr uint8_t kFrameFirst = 1, kFrameLast = 2;
static_assert((kFrameFirst & kFrameLast) == 0);

struct LogFrame {
  uint32_t chain = 0;
  Lsn lsn = 0;
  TxnId txn = 0;
  uint8_t flags = 0;
  bool reserved_is_zero = true;
  std::string_view payload;

  uint32_t size() const;  // header and padding included
};

constexpr uint32_t FrameBytes(uint32_t payload_bytes) {
  return (kFrameHeaderBytes + payload_bytes + kFrameAlignment - 1) &
         ~(kFrameAlignment - 1);
}
inline uint32_t LogFrame::size() const {
  return FrameBytes(static_cast<uint32_t>(payload.size()));
}

// Writes kLogFileHeaderUsed bytes.
void EncodeLogFileHeader(char* out, const LogIdentity& identity);
// Requires: kLogFileHeaderUsed bytes at `in`. Errors as Log::Recover has them.
absl::Status CheckLogFileHeader(const char* in, const LogIdentity& identity,
                                const std::string& path);

// Writes kSegmentHeaderBytes.
void EncodeSegmentHeader(char* out, uint64_t log_id, const LogSegmentHeader& header);
// Requires: kSegmentHeaderBytes at `in`. Nothing unless it verifies and belongs to
// the log.
// In an encrypted file it has a key salt, in a plain one it has none.
std::optional<LogSegmentHeader> DecodeSegmentHeader(const char* in, uint64_t log_id,
                                                    bool encrypted = false);

// Bytes that sealing adds to a frame's payload.
inline size_t SealedMore(const Cipher* cipher) {
  return cipher == nullptr ? 0 : kTagBytes;
}

// Writes FrameBytes(frame.payload.size() + SealedMore(cipher)) bytes, padding included,
// and returns the frame's chain value. `frame.chain` is ignored.
absl::StatusOr<uint32_t> EncodeFrame(char* out, const LogFrame& frame, uint32_t seed,
                                     Cipher* cipher = nullptr);
// Opens the payload of a frame that VerifyFrame found, in place, and takes its tag off.
// kDataLoss when it is not authentic. Requires: `frame` points into `frame_bytes`.
absl::Status OpenFrame(char* frame_bytes, LogFrame* frame, Cipher* cipher);
// The frame at the beginning of `in`, when it has this LSN and its chain value
// builds on `seed`. Its payload points into `in`. BytesToVerify: how many it must be shown
// for that, by what its header, the first kFrameHeaderBytes, says; nothing: no frame.
std::optional<uint64_t> BytesToVerify(std::string_view header, Lsn lsn);
std::optional<LogFrame> VerifyFrame(std::string_view in, Lsn lsn, uint32_t seed);

}  // namespace sheaf::pager
#endif  // PAGER_LOG_FORMAT_H_
