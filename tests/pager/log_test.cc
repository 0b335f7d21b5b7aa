// Proves on undamaged and on hand-damaged files that the log gives back what was
// appended and synced, that recycled and cut-off frames never return (RELIABILITY
// B18), that a foreign log is refused (B17), that any truncation and any flipped
// bit leaves a prefix or a clear error (R7), and that the first error poisons it
// (R5). Crash images are in log_crash_test.cc, threads in tests/race/log_race_test.cc.
#include "pager/log.h"

#include <algorithm>
#include <random>
#include <set>

#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "pager/checksum.h"
#include "pager/coding.h"
#include "pager/log_format.h"
#include "tests/pager/log_test_util.h"
#include "tests/support/crash_images.h"
#include "tests/support/faulty_file.h"

namespace sheaf::pager {
namespace {

using test::Fault;
using test::FaultyFileSystem;

// The payload of a group that fills an empty segment to the last byte.
constexpr size_t kSegmentPayload =
    kLogSegmentBytes - kSegmentHeaderBytes - kFrameHeaderBytes;

// Only what was really synced is left.
std::unique_ptr<FaultyFileSystem> PowerOff(const FaultyFileSystem& fs) {
  const test::Recording recording = fs.recording();
  test::CrashImage image = test::ImageAt(recording, recording.events.size());
  for (test::Fate& fate : image.fates) fate.kind = test::Fate::Kind::kLost;
  return test::BuildImage(recording, image);
}

class LogTest : public testing::Test {
 protected:
  std::unique_ptr<Log> Create(LogPosition start = {}) {
    auto log = Log::Create(fs_.get(), kLogPath, kTestIdentity, start);
    EXPECT_TRUE(log.ok()) << log.status();
    return *std::move(log);
  }

  RecoveredLog MustRecover(LogPosition start,
                           Log::Access access = Log::Access::kReadOnly) {
    auto recovered = RecoverLog(fs_.get(), start, access);
    EXPECT_TRUE(recovered.ok()) << recovered.status();
    return recovered.ok() ? *std::move(recovered) : RecoveredLog();
  }

  std::unique_ptr<File> OpenFile() {
    auto file = fs_->Open(kLogPath, OpenMode::kReadWrite);
    EXPECT_TRUE(file.ok()) << file.status();
    return *std::move(file);
  }

  std::string ReadBytes(uint64_t offset, size_t size) {
    std::string bytes(size, '\0');
    EXPECT_TRUE(OpenFile()->Read(offset, absl::MakeSpan(bytes)).ok());
    return bytes;
  }

  std::unique_ptr<FileSystem> fs_ = NewMemoryFileSystem();
};

TEST_F(LogTest, GivesBackGroupsOfAllSizes) {
  std::vector<LogGroup> groups;
  {
    auto log = Create();
    TxnId txn = 0;
    std::mt19937_64 random(1);
    for (int i = 0; i < 300; ++i) {
      groups.push_back(AppendGroup(log.get(), ++txn, 1 + random() % 20000));
      if (i % 7 == 0) {
        ASSERT_TRUE(log->Write().ok());
      }
    }
    ASSERT_TRUE(log->SyncThrough(log->end().lsn).ok());
    EXPECT_EQ(log->durable_lsn(), log->end().lsn);
    EXPECT_EQ(log->stats().pending_bytes, 0u);
  }
  EXPECT_EQ(MustRecover({}).groups, groups);
}

// Every size at which a group just fits a segment, just does not, or leaves too
// little for another frame.
TEST_F(LogTest, SegmentBoundaries) {
  for (size_t less = 0; less < 200; less += 4) {
    for (const size_t more : {size_t{0}, size_t{1}, size_t{70}}) {
      auto log = Create();
      std::vector<LogGroup> groups;
      groups.push_back(AppendGroup(log.get(), 1, kSegmentPayload - less + more));
      groups.push_back(AppendGroup(log.get(), 2, 1 + less));
      groups.push_back(AppendGroup(log.get(), 3, 8));
      ASSERT_TRUE(log->SyncThrough(log->end().lsn).ok());
      log.reset();
      ASSERT_TRUE(MustRecover({}).groups == groups) << less << " " << more;
    }
  }
}

TEST_F(LogTest, GroupsSpanManySegments) {
  std::vector<LogGroup> groups;
  auto log = Create();
  for (const size_t size :
       {size_t{10} << 20, size_t{1}, 3 * kSegmentPayload, size_t{77}, size_t{33} << 20}) {
    groups.push_back(AppendGroup(log.get(), groups.size() + 1, size));
  }
  ASSERT_TRUE(log->SyncThrough(log->end().lsn).ok());
  EXPECT_TRUE(MustRecover({}).groups == groups);
  // From each boundary on.
  for (size_t i = 0; i < groups.size(); ++i) {
    const std::vector<LogGroup> rest(groups.begin() + static_cast<ptrdiff_t>(i) + 1,
                                     groups.end());
    EXPECT_TRUE(MustRecover(groups[i].end).groups == rest) << i;
  }
}

TEST_F(LogTest, BeginsAtAnyPosition) {
  const LogPosition start = {(uint64_t{1} << 40) + 8, 0x12345678};
  auto log = Create(start);
  const LogGroup group = AppendGroup(log.get(), 7, 100);
  ASSERT_TRUE(log->SyncThrough(group.end.lsn).ok());
  EXPECT_EQ(MustRecover(start).groups, std::vector<LogGroup>{group});
  EXPECT_TRUE(MustRecover(group.end).groups.empty());
  // A start that is no boundary, or whose chain is another's, is held by nobody.
  for (const LogPosition wrong :
       {LogPosition{start.lsn, 1}, LogPosition{start.lsn + 8, 0},
        LogPosition{group.end.lsn, start.chain},
        LogPosition{group.end.lsn + 8, group.end.chain}, LogPosition{}}) {
    EXPECT_TRUE(absl::IsDataLoss(RecoverLog(fs_.get(), wrong).status())) << wrong.lsn;
  }
}

TEST_F(LogTest, EmptyLogIsNoDamage) {
  Create().reset();
  for (int i = 0; i < 3; ++i) {
    const RecoveredLog recovered = MustRecover({}, Log::Access::kReadWrite);
    EXPECT_TRUE(recovered.groups.empty());
    EXPECT_EQ(recovered.log->end().lsn, 0u);
  }
}

// The checkpoint was the last thing that happened, at the very end of a segment.
TEST_F(LogTest, ReleasedAtTheEndOfASegmentIsNoDamage) {
  auto log = Create();
  LogPosition end;
  for (TxnId txn = 1; txn <= 3; ++txn) {
    end = AppendGroup(log.get(), txn, kSegmentPayload).end;
    ASSERT_TRUE(log->SyncThrough(end.lsn).ok());
    ASSERT_TRUE(log->Release(end, 0).ok());
    ASSERT_TRUE(MustRecover(end).groups.empty());
  }
  RecoveredLog again = MustRecover(end, Log::Access::kReadWrite);
  const LogGroup group = AppendGroup(again.log.get(), 4, 10);
  ASSERT_TRUE(again.log->SyncThrough(group.end.lsn).ok());
  EXPECT_EQ(MustRecover(end).groups, std::vector<LogGroup>{group});
}

TEST_F(LogTest, RecyclesItsSegments) {
  auto log = Create();
  std::mt19937_64 random(2);
  LogPosition released;
  std::vector<LogGroup> since;  // the last release
  for (TxnId txn = 1; txn <= 2000; ++txn) {
    since.push_back(AppendGroup(log.get(), txn, 1 + random() % 60000));
    if (random() % 50 != 0) continue;
    ASSERT_TRUE(log->SyncThrough(log->end().lsn).ok());
    ASSERT_TRUE(MustRecover(released).groups == since);
    const size_t middle = random() % since.size();
    released = since[middle].end;
    ASSERT_TRUE(log->Release(released, uint64_t{1} << 40).ok());
    since.erase(since.begin(), since.begin() + static_cast<ptrdiff_t>(middle) + 1);
    ASSERT_TRUE(MustRecover(released).groups == since);
  }
  EXPECT_GT(log->stats().appended_bytes, 50u << 20);
  EXPECT_LT(log->stats().file_bytes, 30u << 20);
}

TEST_F(LogTest, ReleaseCutsTheFile) {
  auto log = Create();
  LogPosition end = AppendGroup(log.get(), 1, 20 << 20).end;
  ASSERT_TRUE(log->SyncThrough(end.lsn).ok());
  EXPECT_GT(log->stats().file_bytes, 20u << 20);
  // The one live segment lies near the end of the file.
  ASSERT_TRUE(log->Release(end, 4 << 20).ok());
  end = AppendGroup(log.get(), 2, 2 << 20).end;  // goes to the front
  ASSERT_TRUE(log->SyncThrough(end.lsn).ok());
  ASSERT_TRUE(log->Release(end, 4 << 20).ok());
  EXPECT_EQ(log->stats().file_bytes, kLogFileHeaderBytes + (4 << 20));
  EXPECT_EQ(*OpenFile()->Size(), log->stats().file_bytes);
  EXPECT_EQ(log->stats().live_bytes, 0u);
  const LogGroup group = AppendGroup(log.get(), 3, 6 << 20);
  ASSERT_TRUE(log->SyncThrough(group.end.lsn).ok());
  EXPECT_TRUE(MustRecover(end).groups == std::vector<LogGroup>{group});
}

TEST_F(LogTest, ReleaseNeedsADurableLog) {
  auto log = Create();
  const LogPosition end = AppendGroup(log.get(), 1, 100).end;
  EXPECT_TRUE(absl::IsFailedPrecondition(log->Release(end, 0)));
  ASSERT_TRUE(log->Write().ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(log->Release(end, 0)));
  ASSERT_TRUE(log->SyncThrough(end.lsn).ok());
  EXPECT_TRUE(log->Release(end, 0).ok());
  EXPECT_TRUE(log->error().ok());
}

TEST_F(LogTest, ForeignLogsAreRefused) {  // B17
  Create().reset();
  const auto recover = [&](LogIdentity identity) {
    return Log::Recover(
               fs_.get(), kLogPath, identity, {}, Log::Access::kReadWrite,
               kTestGroupBytesMax,
               [](TxnId, std::string_view, LogPosition) { return absl::OkStatus(); })
        .status();
  };
  LogIdentity other = kTestIdentity;
  other.database_id[0] ^= 1;
  EXPECT_TRUE(absl::IsFailedPrecondition(recover(other))) << recover(other);
  other = kTestIdentity;
  other.log_id ^= 1;
  EXPECT_TRUE(absl::IsFailedPrecondition(recover(other))) << recover(other);
  EXPECT_TRUE(recover(kTestIdentity).ok());
  EXPECT_TRUE(absl::IsNotFound(
      RecoverLog(fs_.get(), {}, Log::Access::kReadWrite, "/none").status()));
}

TEST_F(LogTest, NewerVersionIsNamed) {
  Create().reset();
  std::string header = ReadBytes(0, kLogFileHeaderUsed);
  EncodeFixed32(header.data() + 8, kLogFormatVersion + 1);
  EncodeFixed32(header.data() + 60, Crc32c(0, header.data(), 60));
  ASSERT_TRUE(OpenFile()->Write(0, header).ok());
  EXPECT_TRUE(absl::IsUnimplemented(RecoverLog(fs_.get(), {}).status()));
}

// A segment of an earlier log of the same name, left behind in the blocks.
TEST_F(LogTest, SegmentsOfAnotherLogAreNotFollowed) {
  auto log = Create();
  const LogGroup first = AppendGroup(log.get(), 1, 100);
  ASSERT_TRUE(log->SyncThrough(first.end.lsn).ok());
  char header[kSegmentHeaderBytes];
  EncodeSegmentHeader(header, kTestIdentity.log_id + 1,
                      {.sequence = 9,
                       .start_lsn = first.end.lsn,
                       .previous = first.end.chain,
                       .salt = 5,
                       .durable_lsn = 0});
  ASSERT_TRUE(OpenFile()->Write(SlotOffset(1), {header, sizeof(header)}).ok());
  EXPECT_EQ(MustRecover({}).groups, std::vector<LogGroup>{first});
}

// Right place, right log, but it continues another history: neither followed nor
// in the way of the segment that does continue.
TEST_F(LogTest, SegmentsOfAnotherHistoryAreNotFollowed) {
  std::vector<LogGroup> groups;
  auto log = Create();
  groups.push_back(AppendGroup(log.get(), 1, kSegmentPayload));
  groups.push_back(AppendGroup(log.get(), 2, 100));
  ASSERT_TRUE(log->SyncThrough(log->end().lsn).ok());
  log.reset();
  std::string other = ReadBytes(SlotOffset(1), 4096);
  EncodeSegmentHeader(other.data(), kTestIdentity.log_id,
                      {.sequence = 9,
                       .start_lsn = groups[0].end.lsn,
                       .previous = groups[0].end.chain + 1,
                       .salt = 5,
                       .durable_lsn = 0});
  ASSERT_TRUE(OpenFile()->Write(SlotOffset(2), other).ok());
  EXPECT_TRUE(MustRecover({}).groups == groups);
}

TEST_F(LogTest, CallersErrorStopsRecoveryAndChangesNothing) {
  auto log = Create();
  AppendGroup(log.get(), 1, 100);
  AppendGroup(log.get(), 2, 100);
  ASSERT_TRUE(log->Write().ok());
  const std::string before = ReadBytes(0, 8192);
  int calls = 0;
  const absl::Status status = Log::Recover(fs_.get(), kLogPath, kTestIdentity, {},
                                           Log::Access::kReadWrite, kTestGroupBytesMax,
                                           [&](TxnId, std::string_view, LogPosition) {
                                             ++calls;
                                             return absl::AbortedError("enough");
                                           })
                                  .status();
  EXPECT_TRUE(absl::IsAborted(status)) << status;
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(ReadBytes(0, 8192), before);
}

TEST_F(LogTest, GroupAboveTheBoundIsAnErrorAndStays) {
  auto log = Create();
  const LogGroup group = AppendGroup(log.get(), 1, 3 << 20);
  ASSERT_TRUE(log->SyncThrough(group.end.lsn).ok());
  const auto recover = [&](uint64_t max) {
    return Log::Recover(
               fs_.get(), kLogPath, kTestIdentity, {}, Log::Access::kReadWrite, max,
               [](TxnId, std::string_view, LogPosition) { return absl::OkStatus(); })
        .status();
  };
  EXPECT_TRUE(absl::IsResourceExhausted(recover((3 << 20) - 1)));
  EXPECT_TRUE(recover(3 << 20).ok());
}

TEST_F(LogTest, ReadOnlyWritesNothing) {
  auto log = Create();
  const LogGroup whole = AppendGroup(log.get(), 1, 1000);
  AppendGroup(log.get(), 2, 1000);
  ASSERT_TRUE(log->SyncThrough(log->end().lsn).ok());
  auto file = OpenFile();
  const uint64_t tear = SlotOffset(0) + kSegmentHeaderBytes + whole.end.lsn + 500;
  ASSERT_TRUE(file->Write(tear, "torn").ok());
  const std::string before = ReadBytes(0, 8192);
  EXPECT_EQ(MustRecover({}).groups, std::vector<LogGroup>{whole});
  EXPECT_EQ(ReadBytes(0, 8192), before);
}

// B18: a torn tail is cut before anything is appended; what lay behind it does not
// come back, not even when the new groups reach exactly as far as the old ones did
// and the file loses the newest segment again.
TEST_F(LogTest, TornTailNeverReturns) {
  auto log = Create();
  const LogGroup first = AppendGroup(log.get(), 1, 1000);
  AppendGroup(log.get(), 2, 1000);  // will be torn
  AppendGroup(log.get(), 3, 1000);  // verifies only behind 2
  ASSERT_TRUE(log->Write().ok());
  log.reset();
  const uint64_t tail = SlotOffset(0) + kSegmentHeaderBytes + first.end.lsn;
  const std::string second_frame = ReadBytes(tail, FrameBytes(1000));
  ASSERT_TRUE(OpenFile()->Write(tail + 100, "torn").ok());

  RecoveredLog again = MustRecover({}, Log::Access::kReadWrite);
  EXPECT_EQ(again.groups, std::vector<LogGroup>{first});
  const LogGroup fourth = AppendGroup(again.log.get(), 4, 1000);
  ASSERT_TRUE(again.log->SyncThrough(fourth.end.lsn).ok());
  again.log.reset();
  EXPECT_EQ(MustRecover({}).groups, (std::vector<LogGroup>{first, fourth}));

  // The bytes of 2 reappear where 4's twin would stand in the new segment.
  ASSERT_TRUE(OpenFile()->Write(SlotOffset(1) + kSegmentHeaderBytes, second_frame).ok());
  EXPECT_EQ(MustRecover({}).groups, std::vector<LogGroup>{first});
  // And a second crash: cut, append, tear, cut.
  again = MustRecover({}, Log::Access::kReadWrite);
  const LogGroup fifth = AppendGroup(again.log.get(), 5, 1000);
  AppendGroup(again.log.get(), 6, 1000);
  ASSERT_TRUE(again.log->Write().ok());
  again.log.reset();
  const std::vector<LogGroup> both = MustRecover({}).groups;
  ASSERT_EQ(both.size(), 3u);
  EXPECT_EQ(both[1], fifth);
}

// An unfinished group whose first frame begins a segment of its own: there is
// nothing behind the end inside the segment before, so the header must go.
TEST_F(LogTest, UnfinishedGroupInTheNextSegmentNeverReturns) {
  auto log = Create();
  const LogGroup first = AppendGroup(log.get(), 1, kSegmentPayload);  // fills it
  const LogGroup lost = AppendGroup(log.get(), 2, 5 << 20);
  ASSERT_TRUE(log->Write().ok());
  log.reset();
  ASSERT_TRUE(OpenFile()->Write(SlotOffset(5), std::string(64, '\xee')).ok());
  for (TxnId txn = 3; txn < 6; ++txn) {
    RecoveredLog again = MustRecover({}, Log::Access::kReadWrite);
    for (uint32_t slot = 0; SlotOffset(slot + 1) <= *OpenFile()->Size(); ++slot) {
      const auto header = DecodeSegmentHeader(
          ReadBytes(SlotOffset(slot), kSegmentHeaderBytes).data(), kTestIdentity.log_id);
      if (header.has_value()) {
        EXPECT_LT(header->start_lsn, again.log->end().lsn);
      }
    }
    ASSERT_EQ(again.groups.size(), txn - 2) << txn;
    EXPECT_TRUE(again.groups[0] == first);
    const LogGroup next = AppendGroup(again.log.get(), txn, lost.payload.size() / 2);
    ASSERT_TRUE(again.log->SyncThrough(next.end.lsn).ok());
  }
}

// B18 at its worst: the caller repeats the very group whose segment header was lost,
// in the same place. Only the salt tells that what lies behind it is stale.
TEST_F(LogTest, SameGroupAgainDoesNotReviveTheNext) {
  Create().reset();
  LogPosition end;
  for (int round = 0; round < 3; ++round) {
    RecoveredLog recovered = MustRecover({}, Log::Access::kReadWrite);
    ASSERT_TRUE(recovered.groups.empty());
    end = AppendGroup(recovered.log.get(), 1, 100).end;
    AppendGroup(recovered.log.get(), 2, 100);
    ASSERT_TRUE(recovered.log->Write().ok());
    ASSERT_EQ(MustRecover({}).groups.size(), 2u);
    ASSERT_TRUE(OpenFile()->Write(SlotOffset(1), std::string(64, '\0')).ok());
  }
  RecoveredLog recovered = MustRecover({}, Log::Access::kReadWrite);
  const LogGroup first = AppendGroup(recovered.log.get(), 1, 100);
  EXPECT_EQ(first.end.lsn, end.lsn);
  ASSERT_TRUE(recovered.log->SyncThrough(first.end.lsn).ok());
  EXPECT_EQ(MustRecover({}).groups, std::vector<LogGroup>{first});
}

// Each commit's segments go back into use at once, at the same offsets and with
// payloads of the same size, so whatever is stale looks as right as it can.
TEST_F(LogTest, StaleFramesOfRecycledSegmentsAreNotFollowed) {
  auto log = Create();
  LogPosition released;
  for (TxnId txn = 1; txn <= 40; ++txn) {
    LogPosition end;
    for (int i = 0; i < 12; ++i) end = AppendGroup(log.get(), txn, 100 << 10).end;
    ASSERT_TRUE(log->SyncThrough(end.lsn).ok());
    ASSERT_TRUE(log->Release(end, 0).ok());
    released = end;
    const LogGroup last = AppendGroup(log.get(), txn, 100 << 10);
    ASSERT_TRUE(log->Write().ok());
    ASSERT_EQ(MustRecover(released).groups, std::vector<LogGroup>{last});
  }
}

// R7 on a log of two segments' headers and some groups.
class DamagedLogTest : public LogTest {
 protected:
  void SetUp() override {
    auto log = Create();
    for (TxnId txn = 1; txn <= 8; ++txn) {
      groups_.push_back(AppendGroup(log.get(), txn, 1 + txn * 13 % 90));
      ASSERT_TRUE(log->SyncThrough(log->end().lsn).ok());
    }
    log.reset();
    // A fresh segment, as after a crash.
    RecoveredLog again = MustRecover({}, Log::Access::kReadWrite);
    for (TxnId txn = 9; txn <= 12; ++txn) {
      groups_.push_back(AppendGroup(again.log.get(), txn, 1 + txn * 17 % 90));
      ASSERT_TRUE(again.log->SyncThrough(again.log->end().lsn).ok());
    }
    first_segment_bytes_ = kSegmentHeaderBytes + groups_[7].end.lsn;
    second_segment_bytes_ =
        kSegmentHeaderBytes + groups_[11].end.lsn - groups_[7].end.lsn;
  }

  // The number of groups recovered; -1 for a clear error.
  int PrefixOrError() {
    const auto recovered = RecoverLog(fs_.get(), {});
    if (!recovered.ok()) {
      EXPECT_TRUE(absl::IsDataLoss(recovered.status())) << recovered.status();
      return -1;
    }
    EXPECT_TRUE(IsPrefix(recovered->groups, groups_));
    return static_cast<int>(recovered->groups.size());
  }

  void FlipEveryBit(uint64_t begin, uint64_t size, std::set<int>* outcomes) {
    auto file = OpenFile();
    for (uint64_t offset = begin; offset < begin + size; ++offset) {
      const std::string byte = ReadBytes(offset, 1);
      for (int bit = 0; bit < 8; ++bit) {
        const std::string flipped(1, static_cast<char>(byte[0] ^ (1 << bit)));
        ASSERT_TRUE(file->Write(offset, flipped).ok());
        outcomes->insert(PrefixOrError());
        if (HasFailure()) FAIL() << "bit " << bit << " of byte " << offset;
      }
      ASSERT_TRUE(file->Write(offset, byte).ok());
    }
  }

  std::vector<LogGroup> groups_;
  uint64_t first_segment_bytes_ = 0, second_segment_bytes_ = 0;
};

TEST_F(DamagedLogTest, EveryBitFlipped) {
  ASSERT_EQ(PrefixOrError(), 12);
  std::set<int> outcomes;
  FlipEveryBit(0, kLogFileHeaderUsed, &outcomes);
  EXPECT_EQ(outcomes, std::set<int>{-1});
  outcomes.clear();
  // All of the first segment was durable before the second was begun, and the
  // second says so: damage there is noticed, except in padding.
  FlipEveryBit(SlotOffset(0), first_segment_bytes_, &outcomes);
  EXPECT_EQ(outcomes, (std::set<int>{-1, 12}));
  outcomes.clear();
  FlipEveryBit(SlotOffset(1), second_segment_bytes_, &outcomes);
  EXPECT_EQ(outcomes, (std::set<int>{8, 9, 10, 11, 12}));
}

TEST_F(DamagedLogTest, TruncatedAtEveryByte) {
  auto file = OpenFile();
  std::set<int> outcomes;
  const auto truncate_down = [&](uint64_t from, uint64_t to) {
    for (uint64_t size = from; size-- > to;) {
      ASSERT_TRUE(file->Truncate(size).ok());
      outcomes.insert(PrefixOrError());
      ASSERT_FALSE(HasFailure()) << "at " << size;
    }
  };
  truncate_down(SlotOffset(1) + second_segment_bytes_, SlotOffset(1));
  EXPECT_EQ(outcomes, (std::set<int>{8, 9, 10, 11, 12}));
  outcomes.clear();
  truncate_down(SlotOffset(0) + first_segment_bytes_,
                SlotOffset(0) + kSegmentHeaderBytes);
  EXPECT_EQ(outcomes, (std::set<int>{0, 1, 2, 3, 4, 5, 6, 7, 8}));
  outcomes.clear();
  truncate_down(SlotOffset(0) + kSegmentHeaderBytes, 0);
  EXPECT_EQ(outcomes, std::set<int>{-1});
}

// Whatever is left can be written on, and is then read back whole.
TEST_F(DamagedLogTest, WritesOnAfterTruncation) {
  auto file = OpenFile();
  for (uint64_t size = SlotOffset(0) + first_segment_bytes_;
       size >= SlotOffset(0) + kSegmentHeaderBytes; size -= 3) {
    ASSERT_TRUE(file->Truncate(size).ok());
    RecoveredLog recovered = MustRecover({}, Log::Access::kReadWrite);
    ASSERT_NE(recovered.log, nullptr);
    std::vector<LogGroup> expected = recovered.groups;
    expected.push_back(AppendGroup(recovered.log.get(), 99, 2 << 20));
    ASSERT_TRUE(recovered.log->SyncThrough(recovered.log->end().lsn).ok());
    ASSERT_TRUE(MustRecover({}).groups == expected) << size;
  }
}

TEST_F(DamagedLogTest, SegmentsSwappedOrRepeated) {
  const std::string first = ReadBytes(SlotOffset(0), kLogSegmentBytes);
  const std::string second = ReadBytes(SlotOffset(1), kLogSegmentBytes);
  auto file = OpenFile();
  ASSERT_TRUE(file->Write(SlotOffset(0), second).ok());
  ASSERT_TRUE(file->Write(SlotOffset(1), first).ok());
  ASSERT_TRUE(file->Write(SlotOffset(2), second).ok());
  EXPECT_EQ(PrefixOrError(), 12);  // a slot means nothing, sequence and chain do
}

TEST_F(LogTest, PoisonedByTheFirstError) {  // R5, B4
  for (const uint32_t calls : {test::kWrite, test::kSync}) {
    FaultyFileSystem faulty;
    auto log = *Log::Create(&faulty, kLogPath, kTestIdentity, {});
    const LogGroup good = AppendGroup(log.get(), 1, 100);
    ASSERT_TRUE(log->SyncThrough(good.end.lsn).ok());
    Fault fault;
    fault.calls = calls;
    fault.status = absl::InternalError("first");
    faulty.Inject(fault);
    const LogGroup bad = AppendGroup(log.get(), 2, 100);
    const absl::Status first = log->SyncThrough(bad.end.lsn);
    EXPECT_TRUE(absl::IsInternal(first)) << first;
    EXPECT_EQ(faulty.faults_fired(), 1u);
    fault.calls = test::kAnyCall;
    fault.repeat = Fault::Repeat::kForEver;
    fault.status = absl::InternalError("second");
    faulty.Inject(fault);
    EXPECT_EQ(log->Append(3, "more").lsn, bad.end.lsn);
    EXPECT_EQ(log->Write(), first);
    EXPECT_EQ(log->SyncThrough(good.end.lsn), first);
    EXPECT_EQ(log->Release(good.end, 0), first);
    EXPECT_EQ(log->error(), first);
    EXPECT_EQ(log->durable_lsn(), good.end.lsn);
    EXPECT_EQ(faulty.faults_fired(), 1u);  // the file was left alone
  }
}

// The kernel marked pages clean that it could not write: the next process reads
// them, and a sync writes nothing. What recovery hands over must become durable.
TEST_F(LogTest, RecoversDurablyAfterAFailedSync) {  // R5
  FaultyFileSystem faulty;
  auto log = *Log::Create(&faulty, kLogPath, kTestIdentity, {});
  std::vector<LogGroup> groups = {AppendGroup(log.get(), 1, 100)};
  ASSERT_TRUE(log->SyncThrough(groups[0].end.lsn).ok());
  groups.push_back(AppendGroup(log.get(), 2, 3 << 20));
  Fault fault;
  fault.calls = test::kSync;
  fault.nth = 3;  // two grow the file
  fault.sync_loss = test::SyncLoss::kReadsNew;
  faulty.Inject(fault);
  ASSERT_FALSE(log->SyncThrough(groups[1].end.lsn).ok());
  log.reset();
  auto again = RecoverLog(&faulty, {}, Log::Access::kReadWrite);
  ASSERT_TRUE(again.ok()) << again.status();
  ASSERT_TRUE(IsPrefix(again->groups, groups));
  std::vector<LogGroup> expected = again->groups;
  expected.push_back(AppendGroup(again->log.get(), 3, 100));
  ASSERT_TRUE(again->log->SyncThrough(again->log->end().lsn).ok());
  const auto after = PowerOff(faulty);
  const auto last = RecoverLog(after.get(), {});
  ASSERT_TRUE(last.ok()) << last.status();
  EXPECT_TRUE(last->groups == expected);
}

// After kill -9 the groups are in the page cache only; recovery makes them durable.
TEST_F(LogTest, RecoversDurablyAfterAKill) {
  FaultyFileSystem faulty;
  auto log = *Log::Create(&faulty, kLogPath, kTestIdentity, {});
  std::vector<LogGroup> groups;
  for (TxnId txn = 1; txn <= 5; ++txn) {
    groups.push_back(AppendGroup(log.get(), txn, 600 << 10));
    ASSERT_TRUE(log->Write().ok());
  }
  log.reset();
  auto again = RecoverLog(&faulty, {}, Log::Access::kReadWrite);
  ASSERT_TRUE(again.ok()) << again.status();
  ASSERT_TRUE(again->groups == groups);
  ASSERT_EQ(again->log->durable_lsn(), groups.back().end.lsn);
  const auto after = PowerOff(faulty);
  const auto last = RecoverLog(after.get(), {});
  ASSERT_TRUE(last.ok()) << last.status();
  EXPECT_TRUE(last->groups == groups);
}

// A position at the very end of a segment stays held by it: the header of the next
// one may get lost, even when a third one reaches the disk.
TEST_F(LogTest, ReleaseAtASegmentsEndSurvivesEveryCrash) {
  FaultyFileSystem faulty;
  auto log = *Log::Create(&faulty, kLogPath, kTestIdentity, {});
  const LogGroup first = AppendGroup(log.get(), 1, kSegmentPayload);
  ASSERT_TRUE(log->SyncThrough(first.end.lsn).ok());
  const LogGroup second = AppendGroup(log.get(), 2, kSegmentPayload);
  ASSERT_TRUE(log->Write().ok());
  test::CrashOptions options;
  options.first_point = faulty.event_count();
  options.images_per_point_max = 30;
  ASSERT_TRUE(log->Release(first.end, 0).ok());
  const LogGroup third = AppendGroup(log.get(), 3, 1000);
  ASSERT_TRUE(log->Write().ok());
  const auto counts = test::ForEachCrashImage(
      faulty.recording(), options,
      [&](const test::CrashImage&, FaultyFileSystem* crashed) -> absl::Status {
        const auto recovered = RecoverLog(crashed, first.end);
        if (!recovered.ok()) return recovered.status();
        return IsPrefix(recovered->groups, {second, third})
                   ? absl::OkStatus()
                   : absl::InternalError("not a prefix");
      });
  EXPECT_TRUE(counts.ok()) << counts.status();
}

TEST_F(LogTest, FullDiskPoisonsAndKeepsWhatWasSynced) {
  FaultyFileSystem faulty;
  auto log = *Log::Create(&faulty, kLogPath, kTestIdentity, {});
  faulty.LimitDisk(6 << 20);
  std::vector<LogGroup> durable;
  for (TxnId txn = 1;; ++txn) {
    const LogGroup group = AppendGroup(log.get(), txn, 100 << 10);
    const absl::Status status = log->SyncThrough(group.end.lsn);
    if (!status.ok()) {
      EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
      break;
    }
    durable.push_back(group);
  }
  EXPECT_GT(durable.size(), 45u);  // growing by several did not waste the rest
  log.reset();
  auto recovered = RecoverLog(&faulty, {}, Log::Access::kReadWrite);
  ASSERT_TRUE(recovered.ok()) << recovered.status();
  EXPECT_TRUE(recovered->groups == durable);
  // A checkpoint makes room without a byte more of disk.
  ASSERT_TRUE(recovered->log->Release(durable.back().end, 0).ok());
  const LogGroup group = AppendGroup(recovered->log.get(), 99, 3 << 20);
  EXPECT_TRUE(recovered->log->SyncThrough(group.end.lsn).ok());
}

// The operating system's files, where small writes go through a mapping.
TEST(LogRealFile, WriteIsSeenByTheNextReader) {
  FileSystem* const fs = RealFileSystem();
  const std::string path = testing::TempDir() + "/log_test-log";
  std::vector<LogGroup> groups;
  auto created = Log::Create(fs, path, kTestIdentity, {});
  ASSERT_TRUE(created.ok()) << created.status();
  auto log = *std::move(created);
  for (TxnId txn = 1; txn <= 3000; ++txn) {
    groups.push_back(AppendGroup(log.get(), txn, 1 + txn * 7919 % 2000));
    ASSERT_TRUE(log->Write().ok());
    const Lsn end = txn % 100 == 0 ? log->end().lsn : 0;
    ASSERT_TRUE(log->SyncThrough(end).ok());
    if (txn % 500 != 0) continue;
    const auto seen = RecoverLog(fs, {}, Log::Access::kReadOnly, path);
    ASSERT_TRUE(seen.ok()) << seen.status();
    ASSERT_TRUE(seen->groups == groups);
  }
  log.reset();
  auto again = RecoverLog(fs, {}, Log::Access::kReadWrite, path);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->groups == groups);
  ASSERT_TRUE(Log::Remove(fs, path, std::move(again->log)).ok());
  EXPECT_FALSE(*fs->Exists(path));
}

}  // namespace
}  // namespace sheaf::pager
