// Every I/O call fails once, or from then on for ever (R4, R5, B4, B22): open, read,
// write (nothing or part of it written, disk full), sync (what was written lost,
// with reads that show it or not), truncate, delete, rename, folder sync, lock,
// questions. The operations go on as if nothing had happened. Afterwards
//   - the handle goes on without a loss, or every write returns the first error,
//     also once the fault is gone, and nothing more is written by it;
//   - what it shows is what it acknowledged;
//   - opened anew, what was acknowledged is there, after a power cut as well;
//   - Check() is clean and the next commit is kept.
#include <gtest/gtest.h>

#include <cstdio>

#include "absl/strings/match.h"
#include "tests/crash/images.h"
#include "tests/crash/workload.h"
#include "tests/support/sanitizers.h"

namespace sheaf::test {
namespace {

struct Case {
  const char* name;
  Fault fault;
};

std::vector<Case> Cases() {
  std::vector<Case> cases;
  const auto add = [&](const char* name, uint32_t calls) -> Fault& {
    cases.push_back({name, {}});
    cases.back().fault.calls = calls;
    return cases.back().fault;
  };
  for (const Fault::Repeat repeat : {Fault::Repeat::kOnce, Fault::Repeat::kForEver}) {
    add("open", kOpen).repeat = repeat;
    add("read", kRead).repeat = repeat;
    add("write", kWrite).repeat = repeat;
    Fault& part = add("part of a write", kWrite);
    part.repeat = repeat;
    part.short_bytes = 700;
    Fault& full = add("write, disk full", kWrite);
    full.repeat = repeat;
    full.short_bytes = 40;
    full.status = absl::ResourceExhaustedError("injected: the disk is full");
    add("truncate", kTruncate).repeat = repeat;
    for (const SyncLoss loss :
         {SyncLoss::kNothing, SyncLoss::kReadsOld, SyncLoss::kReadsNew}) {
      Fault& sync = add("sync", kSync);
      sync.repeat = repeat;
      sync.sync_loss = loss;
    }
    add("delete", kDelete).repeat = repeat;
    add("rename", kRename).repeat = repeat;
    add("folder sync", kSyncDirectory).repeat = repeat;
    add("lock", kLock).repeat = repeat;
    add("question", kQuery).repeat = repeat;
    add("any", kAnyCall).repeat = repeat;
  }
  return cases;
}

struct Scenario {
  const char* name;
  Options options;
  std::vector<Op> ops;
  Disk disk;       // to begin with
  Contents begin;  // and what is in it
};

std::string Describe(const Scenario& s, const Case& c, uint64_t nth) {
  return absl::StrCat(s.name, ", ", c.name, " loss ", static_cast<int>(c.fault.sync_loss),
                      c.fault.repeat == Fault::Repeat::kOnce ? ", once" : ", for ever",
                      ", call ", nth);
}

absl::Status Fail(const std::string& what) { return absl::InternalError(what); }

// The handle after the faults are gone.
absl::Status JudgeHandle(Workload* workload) {
  Database* db = workload->db();
  if (db == nullptr) return absl::OkStatus();
  absl::StatusOr<Contents> shown = ReadContents(db);
  // What was spilled early and then lost by the disk is missing, and that is said.
  if (absl::IsDataLoss(shown.status()) && workload->may_lose_process_commits)
    return absl::OkStatus();
  if (!shown.ok())
    return Fail(absl::StrCat("the handle cannot be read: ",
                             std::string(shown.status().message())));
  if (*shown != workload->states().back().contents)
    return Fail(absl::StrCat("the handle shows ", Brief(*shown), "\nexpected ",
                             Brief(workload->states().back().contents)));
  const size_t events = workload->event_count();
  const absl::Status first = workload->Run(Op::kPutSmall);
  if (first.ok()) {
    SHEAF_RETURN_IF_ERROR(workload->Run(Op::kCommitFull));
    return CheckClean(db);
  }
  const absl::Status second = workload->Run(Op::kCommitFull);
  const absl::Status third = db->Checkpoint();
  if (second != first || (!third.ok() && third != first))
    return Fail(absl::StrCat("poisoned with different errors: ", first.ToString(), "; ",
                             second.ToString(), "; ", third.ToString()));
  if (!absl::StrContains(std::string(first.message()), "injected"))
    return Fail(absl::StrCat("poisoned with ", first.ToString()));
  (void)workload->Close();
  if (workload->event_count() != events) return Fail("a poisoned handle wrote something");
  return absl::OkStatus();
}

// Another process opens what is there now.
absl::Status JudgeDisk(const Workload& workload, const Disk& disk, bool process_only) {
  FaultyFileSystem fs(disk);
  return workload.Verify(SIZE_MAX - 1, process_only, &fs);
}

// False when the fault did not strike any more.
absl::StatusOr<bool> Try(const Scenario& scenario, const Case& c, uint64_t nth) {
  FaultyFileSystem fs(scenario.disk);
  Workload workload(&fs, scenario.options);
  workload.StartWith(scenario.begin);
  workload.may_lose_process_commits = c.fault.sync_loss != SyncLoss::kNothing;
  Fault fault = c.fault;
  fault.nth = nth;
  fs.Inject(fault);
  for (const Op op : scenario.ops) (void)workload.RunInSequence(op, scenario.ops);
  const bool struck = fs.faults_fired() > 0;
  fs.ClearFaults();
  const bool loses = struck && c.fault.sync_loss != SyncLoss::kNothing;
  SHEAF_RETURN_IF_ERROR(workload.violation());
  SHEAF_RETURN_IF_ERROR(JudgeHandle(&workload));
  SHEAF_RETURN_IF_ERROR(workload.violation());
  workload.Abandon();
  // What a failed sync dropped was at most acknowledged as kProcess.
  SHEAF_RETURN_IF_ERROR(JudgeDisk(workload, fs.Contents(), !loses));
  const Recording recording = fs.recording();
  CrashImage cut = ImageAt(recording, recording.events.size());
  for (Fate& fate : cut.fates) fate.kind = Fate::Kind::kLost;
  const std::unique_ptr<FaultyFileSystem> after_cut = BuildImage(recording, cut);
  SHEAF_RETURN_IF_ERROR(JudgeDisk(workload, after_cut->Contents(), false));
  return struck;
}

// Numbers of the calls that only fill the log with zeros: the same 256 times.
std::vector<bool> ZeroWrites(const Scenario& scenario) {
  FaultyFileSystem fs(scenario.disk);
  Workload workload(&fs, scenario.options);
  workload.StartWith(scenario.begin);
  for (const Op op : scenario.ops) (void)workload.RunInSequence(op, scenario.ops);
  std::vector<bool> zero = {false};
  for (const Event& event : fs.recording().events)
    if (event.kind == Event::Kind::kWrite) zero.push_back(IsZeroWrite(event));
  return zero;
}

void RunScenario(const Scenario& scenario) {
  constexpr uint64_t kStep = kAddressSanitizer ? 5 : 1;
  const std::vector<bool> zero = ZeroWrites(scenario);
  uint64_t tried = 0, cases = 0;
  for (const Case& c : Cases()) {
    const bool writes = c.fault.calls == kWrite;
    for (uint64_t nth = 1 + cases++ % kStep;; nth += kStep) {
      if (writes && nth < zero.size() && zero[nth] && nth % 64 != 0) continue;
      if (c.fault.calls == kAnyCall && nth % 7 != 0 && nth > 50) continue;
      const absl::StatusOr<bool> struck = Try(scenario, c, nth);
      ++tried;
      EXPECT_TRUE(struck.ok()) << Describe(scenario, c, nth) << ": " << struck.status();
      if (!struck.ok() || !*struck) break;
    }
  }
  std::printf("%s: %llu faults tried\n", scenario.name,
              static_cast<unsigned long long>(tried));
}

Scenario Recovered(const char* name, Options options, std::vector<Op> ops) {
  FaultyFileSystem fs;
  Workload workload(&fs, options);
  EXPECT_TRUE(workload.Prepare().ok());
  Scenario scenario{name, options, std::move(ops), fs.Contents(),
                    workload.states().back().contents};
  workload.Abandon();
  return scenario;
}

TEST(FailNth, ANewDatabase) {
  RunScenario({"new",
               {},
               {Op::kPutSmall, Op::kCommitFull, Op::kPutLarge, Op::kCommitProcess,
                Op::kReopen, Op::kInsertDocument, Op::kCommitFull},
               {},
               {}});
}

TEST(FailNth, ADatabaseThatWasKilled) {
  RunScenario(Recovered(
      "killed", {},
      {Op::kPutSmall,       Op::kCommitFull,    Op::kPutLarge,   Op::kSavepoint,
       Op::kInsertDocument, Op::kCommitProcess, Op::kCheckpoint, Op::kDelete,
       Op::kCommitNone,     Op::kRename,        Op::kCommitFull, Op::kDeleteRange,
       Op::kCreate,         Op::kCommitFull,    Op::kCheckpoint, Op::kPutSmall,
       Op::kCommitFull,     Op::kReopen,        Op::kDrop,       Op::kCommitFull}));
}

TEST(FailNth, CommitsByCheckpointAndSpilledPages) {
  Options options;
  options.cache_bytes_max = 1 << 20;
  options.log_bytes_max = 1 << 20;
  options.transaction_log_bytes_max = 64 << 10;
  RunScenario(Recovered(
      "tiny", options,
      {Op::kPutLarge, Op::kPutLarge, Op::kPutLarge, Op::kPutLarge, Op::kPutLarge,
       Op::kSavepoint, Op::kPutLarge, Op::kCommitFull, Op::kBulkLoad, Op::kCommitNone,
       Op::kPutSmall, Op::kCommitProcess, Op::kDeleteRange, Op::kPutLarge,
       Op::kCommitFull, Op::kCheckpoint, Op::kPutSmall, Op::kCommitFull}));
}

// The disk has room for a little more each time (B22).
TEST(FailNth, DiskFull) {
  Options options;
  options.log_bytes_max = 1 << 20;
  Scenario scenario = Recovered(
      "disk full", options,
      {Op::kPutLarge, Op::kCommitFull, Op::kPutLarge, Op::kCheckpoint, Op::kCommitProcess,
       Op::kBulkLoad, Op::kCommitFull, Op::kCheckpoint, Op::kDeleteRange, Op::kCommitFull,
       Op::kPutLarge, Op::kCommitFull, Op::kReopen, Op::kPutSmall, Op::kCommitFull});
  uint64_t used = 0;
  for (const auto& [id, bytes] : scenario.disk.files) used += bytes.allocated_bytes();
  uint64_t tried = 0;
  for (uint64_t more = 0; more < (8 << 20); more += 36'864, ++tried) {
    SCOPED_TRACE(testing::Message() << more << " bytes free");
    FaultyFileSystem fs(scenario.disk);
    fs.LimitDisk(used + more);
    Workload workload(&fs, scenario.options);
    workload.StartWith(scenario.begin);
    bool failed = false;
    for (const Op op : scenario.ops) {
      const absl::Status status = workload.RunInSequence(op, scenario.ops);
      failed |= !status.ok();
      ASSERT_TRUE(status.ok() || absl::IsResourceExhausted(status)) << status;
    }
    if (workload.db() != nullptr) {
      absl::StatusOr<Contents> shown = ReadContents(workload.db());
      ASSERT_TRUE(shown.ok()) << shown.status();
      ASSERT_TRUE(*shown == workload.states().back().contents) << Brief(*shown);
    }
    workload.Abandon();
    fs.LimitDisk(FaultyFileSystem::kUnlimited);
    const absl::Status status = JudgeDisk(workload, fs.Contents(), true);
    ASSERT_TRUE(status.ok()) << status;
    if (!failed) break;
  }
  std::printf("%llu sizes of the disk tried\n", static_cast<unsigned long long>(tried));
}

}  // namespace
}  // namespace sheaf::test
