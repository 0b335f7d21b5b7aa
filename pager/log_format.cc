#include "pager/log_format.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "pager/checksum.h"
#include "pager/coding.h"
#include "pager/status_macros.h"

namespace sheaf::pager {
namespace {

constexpr std::string_view kLogMagic = "SheafLog";
constexpr uint32_t kSegmentMagic = 0x67655353;

// Offsets in the file header, the segment header and the frame.
constexpr size_t kFileMagic = 0, kFileVersion = 8, kFileSegmentSize = 12,
                 kFileDatabaseId = 16, kFileLogId = 32, kFileReserved = 40,
                 kFileChecksum = 60;
static_assert(kFileChecksum + sizeof(uint32_t) == kLogFileHeaderUsed);
static_assert(kFileDatabaseId + sizeof(DatabaseId) == kFileLogId);

constexpr size_t kSegmentChecksum = 0, kSegmentMagicAt = 4, kSegmentLogId = 8,
                 kSegmentSequence = 16, kSegmentStartLsn = 24, kSegmentPrevious = 32,
                 kSegmentSalt = 36, kSegmentDurableLsn = 40, kSegmentKeySalt = 48;
static_assert(kSegmentKeySalt + 16 == kSegmentHeaderBytes);

constexpr size_t kFrameChain = 0, kFrameLength = 4, kFrameLsn = 8, kFrameTxn = 16,
                 kFrameFlags = 24, kFrameReserved = 25;
static_assert(kFrameReserved + 7 == kFrameHeaderBytes);

bool AllZero(const char* in, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    if (in[i] != 0) return false;
  }
  return true;
}

}  // namespace

void EncodeLogFileHeader(char* out, const LogIdentity& identity) {
  std::memset(out, 0, kLogFileHeaderUsed);
  std::memcpy(out + kFileMagic, kLogMagic.data(), kLogMagic.size());
  EncodeFixed32(out + kFileVersion, kLogFormatVersion);
  EncodeFixed32(out + kFileSegmentSize, kLogSegmentBytes);
  std::memcpy(out + kFileDatabaseId, identity.database_id.data(),
              identity.database_id.size());
  EncodeFixed64(out + kFileLogId, identity.log_id);
  EncodeFixed32(out + kFileChecksum, Crc32c(0, out, kFileChecksum));
}

absl::Status CheckLogFileHeader(const char* in, const LogIdentity& identity,
                                const std::string& path) {
  const auto damaged = [&](const std::string& what) {
    return absl::DataLossError(absl::StrCat(path, ": log file header: ", what));
  };
  if (std::string_view(in, kLogMagic.size()) != kLogMagic)
    return damaged("not a Sheaf log");
  if (DecodeFixed32(in + kFileChecksum) != Crc32c(0, in, kFileChecksum)) {
    return damaged("checksum does not match");
  }
  const uint32_t version = DecodeFixed32(in + kFileVersion);
  if (version > kLogFormatVersion) {
    return absl::UnimplementedError(
        absl::StrCat(path, ": log format version ", version,
                     " is newer than this library, which knows ", kLogFormatVersion));
  }
  if (version != kLogFormatVersion) return damaged(absl::StrCat("version is ", version));
  if (DecodeFixed32(in + kFileSegmentSize) != kLogSegmentBytes) {
    return damaged(
        absl::StrCat("segment_size is ", DecodeFixed32(in + kFileSegmentSize)));
  }
  if (std::memcmp(in + kFileDatabaseId, identity.database_id.data(),
                  identity.database_id.size()) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": the log of another database"));
  }
  if (DecodeFixed64(in + kFileLogId) != identity.log_id) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": another log of this database: its log_id is ",
                     absl::Hex(DecodeFixed64(in + kFileLogId)), ", expected ",
                     absl::Hex(identity.log_id)));
  }
  if (!AllZero(in + kFileReserved, kFileChecksum - kFileReserved)) {
    return damaged("reserved bytes are not zero");
  }
  return absl::OkStatus();
}

uint32_t LogSegmentHeader::seed() const {
  char bytes[8];
  EncodeFixed32(bytes, previous);
  EncodeFixed32(bytes + 4, salt);
  return Crc32c(0, bytes, sizeof(bytes));
}

void EncodeSegmentHeader(char* out, uint64_t log_id, const LogSegmentHeader& header) {
  std::memset(out, 0, kSegmentHeaderBytes);
  EncodeFixed32(out + kSegmentMagicAt, kSegmentMagic);
  EncodeFixed64(out + kSegmentLogId, log_id);
  EncodeFixed64(out + kSegmentSequence, header.sequence);
  EncodeFixed64(out + kSegmentStartLsn, header.start_lsn);
  EncodeFixed32(out + kSegmentPrevious, header.previous);
  EncodeFixed32(out + kSegmentSalt, header.salt);
  EncodeFixed64(out + kSegmentDurableLsn, header.durable_lsn);
  std::memcpy(out + kSegmentKeySalt, header.key_salt.data(), header.key_salt.size());
  EncodeFixed32(out + kSegmentChecksum,
                Crc32c(0, out + kSegmentMagicAt, kSegmentHeaderBytes - kSegmentMagicAt));
}

std::optional<LogSegmentHeader> DecodeSegmentHeader(const char* in, uint64_t log_id,
                                                    bool encrypted) {
  if (DecodeFixed32(in + kSegmentMagicAt) != kSegmentMagic) return std::nullopt;
  if (DecodeFixed32(in + kSegmentChecksum) !=
      Crc32c(0, in + kSegmentMagicAt, kSegmentHeaderBytes - kSegmentMagicAt)) {
    return std::nullopt;
  }
  if (DecodeFixed64(in + kSegmentLogId) != log_id) return std::nullopt;
  LogSegmentHeader header = {.sequence = DecodeFixed64(in + kSegmentSequence),
                             .start_lsn = DecodeFixed64(in + kSegmentStartLsn),
                             .previous = DecodeFixed32(in + kSegmentPrevious),
                             .salt = DecodeFixed32(in + kSegmentSalt),
                             .durable_lsn = DecodeFixed64(in + kSegmentDurableLsn)};
  std::memcpy(header.key_salt.data(), in + kSegmentKeySalt, header.key_salt.size());
  const bool sane = header.sequence > 0 && header.sequence < kSequenceEnd &&
                    header.start_lsn < kLsnEnd &&
                    header.start_lsn % kFrameAlignment == 0 &&
                    header.durable_lsn <= header.start_lsn &&
                    encrypted != AllZero(in + kSegmentKeySalt, header.key_salt.size());
  if (!sane) return std::nullopt;
  return header;
}

namespace {

// Of the frame at this LSN; another one lies there only under another key.
std::array<char, kNonceBytes> FrameNonce(Lsn lsn) {
  std::array<char, kNonceBytes> nonce{};
  EncodeFixed64(nonce.data(), lsn);
  return nonce;
}

std::string_view FrameAuthenticated(const char* frame) {
  return {frame + kFrameLength, kFrameHeaderBytes - kFrameLength};
}

}  // namespace

// The seed stands in the place of the chain value while that is computed, so the
// checksum is one pass over bytes that lie together.
absl::StatusOr<uint32_t> EncodeFrame(char* out, const LogFrame& frame, uint32_t seed,
                                     Cipher* cipher) {
  const size_t plain = frame.payload.size();
  const uint32_t length = static_cast<uint32_t>(plain + SealedMore(cipher));
  const uint32_t used = kFrameHeaderBytes + length;
  EncodeFixed32(out + kFrameChain, seed);
  EncodeFixed32(out + kFrameLength, length);
  EncodeFixed64(out + kFrameLsn, frame.lsn);
  EncodeFixed64(out + kFrameTxn, frame.txn);
  EncodeFixed64(out + kFrameFlags, frame.flags);  // and the reserved bytes
  char* const payload = out + kFrameHeaderBytes;
  std::memcpy(payload, frame.payload.data(), plain);
  std::memset(out + used, 0, FrameBytes(length) - used);
  if (cipher != nullptr)
    SHEAF_RETURN_IF_ERROR(cipher->Seal(FrameNonce(frame.lsn).data(),
                                       FrameAuthenticated(out),
                                       absl::MakeSpan(payload, plain), payload + plain));
  const uint32_t chain = Crc32c(0, out, used);
  EncodeFixed32(out + kFrameChain, chain);
  return chain;
}

absl::Status OpenFrame(char* frame_bytes, LogFrame* frame, Cipher* cipher) {
  if (cipher == nullptr) return absl::OkStatus();
  if (frame->payload.size() <= kTagBytes)
    return absl::DataLossError("it is too short to have a tag");
  const size_t plain = frame->payload.size() - kTagBytes;
  char* const payload = frame_bytes + kFrameHeaderBytes;
  SHEAF_RETURN_IF_ERROR(cipher->Open(FrameNonce(frame->lsn).data(),
                                     FrameAuthenticated(frame_bytes),
                                     absl::MakeSpan(payload, plain), payload + plain));
  frame->payload = {payload, plain};
  return absl::OkStatus();
}

std::optional<uint64_t> BytesToVerify(std::string_view header, Lsn lsn) {
  if (header.size() < kFrameHeaderBytes) return std::nullopt;
  const uint32_t length = DecodeFixed32(header.data() + kFrameLength);
  if (length == 0 || DecodeFixed64(header.data() + kFrameLsn) != lsn) return std::nullopt;
  return uint64_t{kFrameHeaderBytes} + length;
}

std::optional<LogFrame> VerifyFrame(std::string_view in, Lsn lsn, uint32_t seed) {
  const std::optional<uint64_t> size = BytesToVerify(in, lsn);
  if (!size.has_value() || *size > in.size()) return std::nullopt;
  const char* const bytes = in.data();
  const uint64_t length = *size - kFrameHeaderBytes;
  const uint32_t chain = DecodeFixed32(bytes + kFrameChain);
  char seed_bytes[sizeof(seed)];
  EncodeFixed32(seed_bytes, seed);
  const uint32_t computed =
      Crc32c(Crc32c(0, seed_bytes, sizeof(seed_bytes)), bytes + kFrameLength,
             kFrameHeaderBytes - kFrameLength + length);
  if (chain != computed) return std::nullopt;
  return LogFrame{.chain = chain,
                  .lsn = lsn,
                  .txn = DecodeFixed64(bytes + kFrameTxn),
                  .flags = static_cast<uint8_t>(bytes[kFrameFlags]),
                  .reserved_is_zero =
                      AllZero(bytes + kFrameReserved, kFrameHeaderBytes - kFrameReserved),
                  .payload = in.substr(kFrameHeaderBytes, length)};
}

}  // namespace sheaf::pager
