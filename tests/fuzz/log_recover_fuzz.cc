// Log::Recover on arbitrary bytes (RELIABILITY R7, R8): it neither crashes nor
// hangs nor takes much memory, and what it hands over can be appended again and is
// then read back the same, in the same file and in a new one.
//
// The input's first byte chooses what the file is made of:
//   bit 0 clear: the rest, as it is;
//   bit 0 set: the rest in pieces of 512 bytes, one at the beginning of each segment,
//     with the file header set right and, as somebody who knows the format would, all
//     checksums of segment headers and chain values of frames repaired. Only so does
//     the fuzzer get past them, to lengths, flags and sequences;
//   bit 1 set as well: each segment continues the one before it.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pager/checksum.h"
#include "pager/coding.h"
#include "pager/log.h"
#include "pager/log_format.h"

namespace sheaf::pager {
namespace {

constexpr char kPath[] = "/fuzz-log";
constexpr LogIdentity kIdentity = {{1, 2, 3, 4}, 42};
constexpr uint64_t kGroupBytesMax = 1 << 20;
constexpr size_t kPieceBytes = 512, kPiecesMax = 16;

struct Group {
  TxnId txn;
  std::string payload;
  friend bool operator==(const Group&, const Group&) = default;
};

void Require(bool fact, const char* what) {
  if (fact) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

enum class Links { kAsTheyAre, kRepaired };

// Makes the frames of one piece verify as far as their lengths make sense. Returns
// where the last one ends.
LogPosition RepairFrames(char* piece, const LogSegmentHeader& header) {
  LogPosition position = {header.start_lsn, header.previous};
  uint32_t seed = header.seed();
  size_t at = kSegmentHeaderBytes;
  while (at + kFrameHeaderBytes < kPieceBytes) {
    const uint32_t length = DecodeFixed32(piece + at + 4);
    if (length == 0 || length > kPieceBytes - at - kFrameHeaderBytes) break;
    const std::string payload(piece + at + kFrameHeaderBytes, length);
    LogFrame frame;
    frame.lsn = position.lsn;
    frame.txn = DecodeFixed64(piece + at + 16);
    frame.flags = static_cast<uint8_t>(piece[at + 24]);
    frame.payload = payload;
    if (frame.size() > kPieceBytes - at) break;
    seed = *EncodeFrame(piece + at, frame, seed);
    at += frame.size();
    position = {position.lsn + frame.size(), seed};
  }
  return position;
}

std::string RepairPiece(std::string_view bytes, Links links, LogPosition* reached) {
  std::string piece(kPieceBytes, '\0');
  bytes.copy(piece.data(), kPieceBytes);
  EncodeFixed32(piece.data() + 4, 0x67655353);
  EncodeFixed64(piece.data() + 8, kIdentity.log_id);
  if (links == Links::kRepaired) {
    EncodeFixed64(piece.data() + 24, reached->lsn);
    EncodeFixed32(piece.data() + 32, reached->chain);
  }
  EncodeFixed32(piece.data(), Crc32c(0, piece.data() + 4, kSegmentHeaderBytes - 4));
  const auto header = DecodeSegmentHeader(piece.data(), kIdentity.log_id);
  if (header.has_value()) *reached = RepairFrames(piece.data(), *header);
  return piece;
}

void MakeFile(File* file, std::string_view input) {
  const int mode = input.empty() ? 0 : input[0];
  if (!input.empty()) input.remove_prefix(1);
  if ((mode & 1) == 0) {
    Require(file->Write(0, input).ok(), "write");
    return;
  }
  std::string header(kLogFileHeaderBytes, '\0');
  EncodeLogFileHeader(header.data(), kIdentity);
  Require(file->Write(0, header).ok(), "write");
  const Links links = (mode & 2) == 0 ? Links::kAsTheyAre : Links::kRepaired;
  LogPosition reached;
  for (uint32_t slot = 0; slot < kPiecesMax && !input.empty(); ++slot) {
    const std::string_view bytes = input.substr(0, kPieceBytes);
    const std::string piece = RepairPiece(bytes, links, &reached);
    Require(file->Write(SlotOffset(slot), piece).ok(), "write");
    input.remove_prefix(bytes.size());
  }
}

absl::StatusOr<std::unique_ptr<Log>> Recover(FileSystem* fs, LogPosition start,
                                             Log::Access access,
                                             std::vector<Group>* groups) {
  return Log::Recover(
      fs, kPath, kIdentity, start, access, kGroupBytesMax,
      [&](TxnId txn, std::string_view payload, LogPosition end) {
        Require(!payload.empty(), "empty group");
        Require(payload.size() <= kGroupBytesMax, "group above the bound");
        Require(end.lsn > start.lsn, "a group that ends before the start");
        groups->push_back({txn, std::string(payload)});
        return absl::OkStatus();
      });
}

// Appends the groups, closes, and reads back what is behind `start`.
void AppendAndCompare(FileSystem* fs, std::unique_ptr<Log> log, LogPosition start,
                      const std::vector<Group>& append,
                      const std::vector<Group>& expected) {
  for (const Group& group : append) (void)log->Append(group.txn, group.payload);
  Require(log->SyncThrough(log->end().lsn).ok(), "sync");
  log.reset();
  std::vector<Group> again;
  const auto recovered = Recover(fs, start, Log::Access::kReadOnly, &again);
  Require(recovered.ok(), "what was appended cannot be recovered");
  Require(again == expected, "what was appended came back different");
}

void Run(std::string_view input) {
  const std::unique_ptr<FileSystem> fs = NewMemoryFileSystem();
  {
    auto file = fs->Open(kPath, OpenMode::kCreateNew);
    Require(file.ok(), "create");
    MakeFile(file->get(), input);
  }
  const LogPosition start = {0, 0};
  std::vector<Group> seen, groups;
  const auto read_only = Recover(fs.get(), start, Log::Access::kReadOnly, &seen);
  auto log = Recover(fs.get(), start, Log::Access::kReadWrite, &groups);
  Require(read_only.status().code() == log.status().code(), "access changes the outcome");
  Require(seen == groups, "access changes the groups");
  if (!log.ok()) return;
  std::vector<Group> twice = groups;
  twice.insert(twice.end(), groups.begin(), groups.end());
  twice.push_back({7, "one more"});
  std::vector<Group> appended(twice.begin() + static_cast<ptrdiff_t>(groups.size()),
                              twice.end());
  AppendAndCompare(fs.get(), *std::move(log), start, appended, twice);

  const std::unique_ptr<FileSystem> fresh = NewMemoryFileSystem();
  auto created = Log::Create(fresh.get(), kPath, kIdentity, start);
  Require(created.ok(), "create a new log");
  AppendAndCompare(fresh.get(), *std::move(created), start, appended, appended);
}

}  // namespace
}  // namespace sheaf::pager

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sheaf::pager::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
