#include "pager/log.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <exception>
#include <functional>
#include <random>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "pager/assert.h"
#include "pager/log_batch.h"
#include "pager/log_format.h"
#include "pager/log_reader.h"
#include "pager/status_macros.h"

namespace sheaf::pager {
namespace {

// The page cache takes small writes 2-3 times faster into pages that came to it
// one by one than into the large folios that large writes leave.
constexpr size_t kZerosBytes = size_t{64} << 10;
constexpr char kZeros[kZerosBytes] = {};
static_assert(kLogSegmentBytes % kZerosBytes == 0);

// Growing doubles so that it is rare, to a bound so that no commit waits long.
constexpr uint32_t kExtendByMax = 8;

// Small writes that no sync follows go through memory where the file offers it:
// three times as many commits a second. What is synced soon is not: a sync must
// find the stored-to pages and protect them again. Larger writes gain nothing.
constexpr size_t kMappedBytesMax = 16384;

// The header of a frame that must not verify, and what could be read as one more.
constexpr uint64_t kCutBytes = 64;

uint64_t RandomSeed() {
  try {
    std::random_device device;
    return uint64_t{device()} << 32 | device();
  } catch (const std::exception&) {  // no source of randomness: differ at least
    return static_cast<uint64_t>(
        std::chrono::system_clock::now().time_since_epoch().count());
  }
}

// splitmix64: every open draws one seed, every segment a salt without a syscall.
uint32_t NextSalt(uint64_t* state) {
  uint64_t word = (*state += 0x9e3779b97f4a7c15);
  word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9;
  word = (word ^ word >> 27) * 0x94d049bb133111eb;
  return static_cast<uint32_t>((word ^ word >> 31) >> 32);
}

}  // namespace

Log::Log(std::unique_ptr<File> file, const LogIdentity& identity, Access access)
    : file_(std::move(file)),
      log_id_(identity.log_id),
      keys_(identity.keys),
      access_(access),
      salt_state_(RandomSeed()),
      pending_(std::make_unique<LogBatch>()),
      flushing_(std::make_unique<LogBatch>()) {}

Log::~Log() = default;

absl::StatusOr<std::unique_ptr<Log>> Log::Create(FileSystem* fs, const std::string& path,
                                                 const LogIdentity& identity,
                                                 LogPosition start) {
  SHEAF_ASSERT(start.lsn % kFrameAlignment == 0);
  SHEAF_ASSERT(start.lsn < kLsnEnd);
  SHEAF_ASSIGN_OR_RETURN(const bool exists, fs->Exists(path));
  if (exists) SHEAF_RETURN_IF_ERROR(fs->Delete(path));
  SHEAF_ASSIGN_OR_RETURN(std::unique_ptr<File> file,
                         fs->Open(path, OpenMode::kCreateNew));
  std::unique_ptr<Log> log(new Log(std::move(file), identity, Access::kReadWrite));
  SHEAF_RETURN_IF_ERROR(log->Format(identity, start));
  SHEAF_RETURN_IF_ERROR(fs->SyncDirectory(path));
  return log;
}

absl::Status Log::Format(const LogIdentity& identity, LogPosition start) {
  std::string header(kLogFileHeaderBytes, '\0');
  EncodeLogFileHeader(header.data(), identity);
  SHEAF_RETURN_IF_ERROR(file_->Write(0, header));
  MutexLock lock(&mu_);
  end_ = start;
  written_ = durable_ = released_ = start.lsn;
  SHEAF_RETURN_IF_ERROR(StartSegment());
  return WriteAndSync();
}

absl::StatusOr<std::unique_ptr<Log>> Log::Recover(FileSystem* fs, const std::string& path,
                                                  const LogIdentity& identity,
                                                  LogPosition start, Access access,
                                                  uint64_t group_bytes_max,
                                                  GroupFn group) {
  const OpenMode mode =
      access == Access::kReadOnly ? OpenMode::kReadOnly : OpenMode::kReadWrite;
  SHEAF_ASSIGN_OR_RETURN(std::unique_ptr<File> file, fs->Open(path, mode));
  LogReader reader(file.get(), path, identity);
  SHEAF_RETURN_IF_ERROR(reader.Open());
  SHEAF_RETURN_IF_ERROR(reader.Replay(start, group_bytes_max, group));
  std::unique_ptr<Log> log(new Log(std::move(file), identity, access));
  if (access == Access::kReadWrite) SHEAF_RETURN_IF_ERROR(log->CutAfter(reader));
  log->Adopt(reader, start.lsn);
  return log;
}

// What was found may be in the page cache only: after kill -9, or, worse, marked
// clean there by a sync that failed, so that no later sync would write it. Writing
// it again makes it dirty. What a segment header calls durable is spared.
absl::Status Log::RewriteUnsynced(const LogReader& reader) {
  Lsn durable = 0;
  for (const size_t index : reader.live()) {
    durable = std::max(durable, reader.segments()[index].header.durable_lsn);
  }
  std::string bytes;
  Lsn end = reader.end().lsn;
  for (size_t i = reader.live().size(); i-- > 0;) {
    const LogReader::Segment& segment = reader.segments()[reader.live()[i]];
    if (end < durable) break;  // at equality the header itself may be unsynced
    bytes.resize(kSegmentHeaderBytes + (end - segment.header.start_lsn));
    // Padding that the file's end cuts off stays so.
    bytes.resize(std::min(bytes.size(), reader.file_bytes() - SlotOffset(segment.slot)));
    SHEAF_RETURN_IF_ERROR(file_->Read(SlotOffset(segment.slot), absl::MakeSpan(bytes)));
    SHEAF_RETURN_IF_ERROR(file_->Write(SlotOffset(segment.slot), bytes));
    end = segment.header.start_lsn;
  }
  return absl::OkStatus();
}

absl::Status Log::CutAfter(const LogReader& reader) {
  SHEAF_RETURN_IF_ERROR(RewriteUnsynced(reader));
  const Lsn end = reader.end().lsn;
  const LogReader::Segment& last = reader.segments()[reader.live().back()];
  const uint64_t used = kSegmentHeaderBytes + (end - last.header.start_lsn);
  const uint64_t offset = SlotOffset(last.slot) + used;
  if (used + kFrameSpaceMin <= kLogSegmentBytes && offset < reader.file_bytes()) {
    const uint64_t size = std::min(kCutBytes, reader.file_bytes() - offset);
    SHEAF_RETURN_IF_ERROR(file_->Write(offset, {kZeros, size}));
  }
  for (size_t i = 0; i < reader.segments().size(); ++i) {
    const LogReader::Segment& segment = reader.segments()[i];
    if (segment.header.start_lsn < end || absl::c_linear_search(reader.live(), i))
      continue;
    SHEAF_RETURN_IF_ERROR(
        file_->Write(SlotOffset(segment.slot), {kZeros, kSegmentHeaderBytes}));
  }
  return file_->Sync();
}

// Goes on where the reader stopped. What is not live is free.
void Log::Adopt(const LogReader& reader, Lsn start) {
  MutexLock lock(&mu_);
  end_ = reader.end();
  written_ = durable_ = end_.lsn;
  released_ = start;
  next_sequence_ = reader.sequence_max() + 1;
  // A slot that the file's end cuts off does not count: growing writes it again.
  slot_count_ = static_cast<uint32_t>((reader.file_bytes() - kLogFileHeaderBytes) /
                                      kLogSegmentBytes);
  std::vector<uint32_t> taken;
  for (const size_t index : reader.live()) {
    const LogReader::Segment& segment = reader.segments()[index];
    live_.push_back({segment.header.start_lsn, segment.slot});
    taken.push_back(segment.slot);
    slot_count_ = std::max(slot_count_, segment.slot + 1);
  }
  std::sort(taken.begin(), taken.end());
  for (uint32_t slot = 0; slot < slot_count_; ++slot) {
    if (!std::binary_search(taken.begin(), taken.end(), slot))
      free_slots_.push_back(slot);
  }
  std::make_heap(free_slots_.begin(), free_slots_.end(), std::greater<>());
}

// The header waits in memory beside the frames; which slot of the file they go
// to is decided when they are written.
absl::Status Log::StartSegment() {
  LogSegmentHeader header = {.sequence = next_sequence_++,
                             .start_lsn = end_.lsn,
                             .previous = end_.chain,
                             .salt = NextSalt(&salt_state_),
                             .durable_lsn = durable_};
  if (keys_ != nullptr) {
    SHEAF_RETURN_IF_ERROR(FillRandom(absl::MakeSpan(header.key_salt)));
    SHEAF_ASSIGN_OR_RETURN(cipher_, keys_->ForLogSegment(header.key_salt_view()));
  }
  pending_->AddSegmentHeader(log_id_, header);
  seed_ = header.seed();
  segment_used_ = kSegmentHeaderBytes;
  return absl::OkStatus();
}

absl::Status Log::AppendFrame(TxnId txn, uint8_t flags, std::string_view payload) {
  const LogFrame frame = {
      .lsn = end_.lsn, .txn = txn, .flags = flags, .payload = payload};
  SHEAF_ASSIGN_OR_RETURN(seed_,
                         pending_->AddFrame(frame, seed_, segment_used_, cipher_.get()));
  const uint32_t size =
      FrameBytes(static_cast<uint32_t>(payload.size() + SealedMore(cipher_.get())));
  segment_used_ += size;
  end_ = {end_.lsn + size, seed_};
  stats_.appended_bytes += size;
  return absl::OkStatus();
}

absl::Status Log::AppendGroup(TxnId txn, std::string_view payload) {
  uint8_t flags = kFrameFirst;
  while (true) {
    if (segment_used_ + kFrameSpaceMin > kLogSegmentBytes)
      SHEAF_RETURN_IF_ERROR(StartSegment());
    const size_t room =
        kLogSegmentBytes - segment_used_ - kFrameHeaderBytes - SealedMore(cipher_.get());
    if (payload.size() <= room) break;
    SHEAF_RETURN_IF_ERROR(AppendFrame(txn, flags, payload.substr(0, room)));
    payload.remove_prefix(room);
    flags = 0;
  }
  return AppendFrame(txn, flags | kFrameLast, payload);
}

LogPosition Log::Append(TxnId txn, std::string_view payload) {
  SHEAF_ASSERT(access_ == Access::kReadWrite);
  SHEAF_ASSERT(!payload.empty());
  MutexLock lock(&mu_);
  // Only encryption can fail here; Write and SyncThrough tell.
  if (error_.ok()) [[likely]]
    if (absl::Status status = AppendGroup(txn, payload); !status.ok())
      (void)Poison(std::move(status));
  return end_;
}

absl::Status Log::Poison(absl::Status status) {
  if (error_.ok()) error_ = std::move(status);
  changed_.SignalAll();
  return error_;
}

absl::Status Log::Write() {
  MutexLock lock(&mu_);
  const Lsn target = end_.lsn;
  while (error_.ok() && written_ < target) {
    if (writing_) {
      changed_.Wait(&mu_);
    } else {
      SHEAF_RETURN_IF_ERROR(WritePending(Then::kNothing));
    }
  }
  return error_;
}

// Appends go to the other batch meanwhile.
absl::Status Log::WritePending(Then then) {
  SHEAF_ASSERT(!writing_);
  writing_ = true;
  pending_.swap(flushing_);
  const Lsn target = end_.lsn;
  mu_.Unlock();
  absl::Status status = WriteBatch(*flushing_, then);
  const size_t pieces = flushing_->pieces().size();
  flushing_->Clear();
  mu_.Lock();
  writing_ = false;
  stats_.writes += pieces;
  if (!status.ok() || !error_.ok()) return Poison(std::move(status));
  written_ = target;
  changed_.SignalAll();
  return absl::OkStatus();
}

absl::Status Log::SyncThrough(Lsn lsn) {
  MutexLock lock(&mu_);
  SHEAF_ASSERT(lsn <= end_.lsn);
  if (!error_.ok()) return error_;
  while (durable_ < lsn) {  // who became durable before the log was poisoned is
    if (!error_.ok()) return error_;
    if (syncing_) {
      changed_.Wait(&mu_);
    } else {
      SHEAF_RETURN_IF_ERROR(WriteAndSync());
    }
  }
  return absl::OkStatus();
}

// Others may write, but not sync, while this one syncs.
absl::Status Log::WriteAndSync() {
  SHEAF_ASSERT(!syncing_);
  syncing_ = true;
  while (writing_) changed_.Wait(&mu_);
  absl::Status status = error_;
  if (status.ok() && !pending_->empty()) status = WritePending(Then::kSync);
  const Lsn target = written_;
  if (status.ok()) {
    mu_.Unlock();
    const absl::Time begin = absl::Now();
    status = file_->Sync();
    sync_latency_.Record(absl::Now() - begin);
    mu_.Lock();
    ++stats_.syncs;
  }
  syncing_ = false;
  if (!status.ok()) return Poison(std::move(status));
  durable_ = target;
  changed_.SignalAll();
  return absl::OkStatus();
}

absl::Status Log::WriteBatch(const LogBatch& batch, Then then) {
  for (size_t i = 0; i < batch.pieces().size(); ++i) {
    const LogBatch::Piece& piece = batch.pieces()[i];
    if (piece.segment_offset == 0) {
      SHEAF_ASSIGN_OR_RETURN(slot_, TakeSlot(piece.start_lsn, then));
      mapped_ = nullptr;
      may_map_ = true;
    }
    const std::string_view bytes = batch.bytes_of(i);
    if (then == Then::kNothing && bytes.size() <= kMappedBytesMax) {
      if (may_map_) mapped_ = file_->MapForAppend(SlotOffset(slot_), kLogSegmentBytes);
      may_map_ = false;
      if (mapped_ != nullptr) {
        std::memcpy(mapped_ + piece.segment_offset, bytes.data(), bytes.size());
        continue;
      }
    }
    SHEAF_RETURN_IF_ERROR(file_->Write(SlotOffset(slot_) + piece.segment_offset, bytes));
  }
  return absl::OkStatus();
}

absl::StatusOr<uint32_t> Log::TakeSlot(Lsn start_lsn, Then then) {
  MutexLock lock(&mu_);
  if (free_slots_.empty()) {
    mu_.Unlock();
    const absl::Status status = Extend(then);
    mu_.Lock();
    SHEAF_RETURN_IF_ERROR(status);
  }
  std::pop_heap(free_slots_.begin(), free_slots_.end(), std::greater<>());
  const uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  live_.push_back({start_lsn, slot});
  return slot;
}

absl::Status Log::WriteZeroSegment(uint32_t slot) {
  const uint64_t begin = SlotOffset(slot);
  for (uint64_t offset = 0; offset < kLogSegmentBytes; offset += kZerosBytes) {
    SHEAF_RETURN_IF_ERROR(file_->Write(begin + offset, {kZeros, kZerosBytes}));
  }
  return absl::OkStatus();
}

// What will be synced is written and synced beforehand: then a sync has nothing but
// the bytes themselves to bring to the disk. For what will not be, a place is enough.
absl::StatusOr<uint32_t> Log::AddSegments(uint32_t slot, uint32_t count, Then then) {
  if (then == Then::kNothing) {
    for (uint32_t n = count; n > 0; n /= 2) {
      const absl::Status status =
          file_->Allocate(SlotOffset(slot), uint64_t{n} * kLogSegmentBytes);
      if (status.ok()) return n;
      if (absl::IsUnimplemented(status)) break;
      if (!absl::IsResourceExhausted(status) || n == 1) return status;
    }
  }
  uint32_t added = 0;
  absl::Status status;
  while (added < count && status.ok()) {
    status = WriteZeroSegment(slot + added);
    if (status.ok()) ++added;
  }
  // On a disk that is nearly full, as many as fit.
  if (absl::IsResourceExhausted(status) && added > 0) status = absl::OkStatus();
  SHEAF_RETURN_IF_ERROR(status);
  SHEAF_RETURN_IF_ERROR(file_->Sync());
  MutexLock lock(&mu_);
  ++stats_.syncs;
  return added;
}

absl::Status Log::Extend(Then then) {
  uint32_t first = 0;
  {
    MutexLock lock(&mu_);
    first = slot_count_;
  }
  if (first + extend_by_ > kLogSlotsMax) {
    return absl::ResourceExhaustedError(
        absl::StrCat("log has reached its bound of ", kLogSlotsMax, " segments"));
  }
  SHEAF_ASSIGN_OR_RETURN(const uint32_t added, AddSegments(first, extend_by_, then));
  extend_by_ = std::min(extend_by_ * 2, kExtendByMax);
  MutexLock lock(&mu_);
  slot_count_ = first + added;
  for (uint32_t slot = first; slot < slot_count_; ++slot) {
    free_slots_.push_back(slot);
    std::push_heap(free_slots_.begin(), free_slots_.end(), std::greater<>());
  }
  return absl::OkStatus();
}

absl::Status Log::Release(LogPosition position, uint64_t keep_bytes) {
  SHEAF_ASSERT(access_ == Access::kReadWrite);
  MutexLock lock(&mu_);
  while (writing_) changed_.Wait(&mu_);
  if (!error_.ok()) return error_;
  if (position.lsn > durable_) {
    return absl::FailedPreconditionError(
        absl::StrCat("release of the log to lsn ", position.lsn,
                     ": it is durable only to ", durable_));
  }
  released_ = std::max(released_, position.lsn);
  // A segment ends where the next begins. At exactly released_ the next one may
  // not be durable yet, so the one before it is what holds the position.
  size_t freed = 0;
  while (freed + 1 < live_.size() && live_[freed + 1].start_lsn < released_) {
    free_slots_.push_back(live_[freed].slot);
    std::push_heap(free_slots_.begin(), free_slots_.end(), std::greater<>());
    ++freed;
  }
  live_.erase(live_.begin(), live_.begin() + static_cast<ptrdiff_t>(freed));
  uint64_t keep = keep_bytes / kLogSegmentBytes;
  for (const LiveSegment& segment : live_)
    keep = std::max<uint64_t>(keep, segment.slot + 1);
  return keep < slot_count_ ? CutFile(static_cast<uint32_t>(keep)) : absl::OkStatus();
}

// Requires: no slot from `slot_count` on is live.
absl::Status Log::CutFile(uint32_t slot_count) {
  writing_ = true;
  mu_.Unlock();
  absl::Status status = file_->Truncate(SlotOffset(slot_count));
  mu_.Lock();
  writing_ = false;
  if (!status.ok()) return Poison(std::move(status));
  slot_count_ = slot_count;
  extend_by_ = 1;
  std::erase_if(free_slots_, [&](uint32_t slot) { return slot >= slot_count; });
  std::make_heap(free_slots_.begin(), free_slots_.end(), std::greater<>());
  changed_.SignalAll();
  return absl::OkStatus();
}

LogPosition Log::end() const {
  MutexLock lock(&mu_);
  return end_;
}

Lsn Log::durable_lsn() const {
  MutexLock lock(&mu_);
  return durable_;
}

LogStats Log::stats() const {
  MutexLock lock(&mu_);
  LogStats stats = stats_;
  stats.file_bytes = SlotOffset(slot_count_);
  stats.live_bytes = end_.lsn - released_;
  stats.pending_bytes = end_.lsn - written_;
  return stats;
}

absl::Status Log::error() const {
  MutexLock lock(&mu_);
  return error_;
}

absl::Status Log::Remove(FileSystem* fs, const std::string& path,
                         std::unique_ptr<Log> log) {
  log.reset();
  SHEAF_RETURN_IF_ERROR(fs->Delete(path));
  return fs->SyncDirectory(path);
}

}  // namespace sheaf::pager
