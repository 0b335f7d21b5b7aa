#include "bench/workloads.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"

namespace sheaf::bench {
namespace {

constexpr int kReadsPerSnapshot = 1000;
constexpr int kOpsPerClockRead = 64;
constexpr uint64_t kMultiGetKeys = 16;
constexpr uint64_t kSeekScanEntries = 50;
constexpr uint64_t kYcsbScanEntriesMax = 100;
// Drawn before the clock starts and used in turn: pow() costs as much as a
// fast read.
constexpr uint64_t kZipfianIdsPerThread = uint64_t{1} << 20;
constexpr double kWarmSeconds = 0.5;

std::atomic<uint64_t> touched_sink;  // keeps the reads from being optimised away

// One thread of a measurement.
struct Worker {
  int index = 0;
  Session* session = nullptr;
  Random random{0};
  double deadline = 0;
  uint64_t ops = 0;
  Touched touched;
  std::vector<uint32_t> latency_ns;  // where the workload records it

  bool Running() const { return SecondsNow() < deadline; }
};

struct Outcome {
  double ops_per_second = 0;
  std::vector<uint32_t> latency_ns;  // sorted
};

using Body = std::function<void(Worker&)>;

// Runs `body` on `thread_count` threads that start together, each with a
// session of its own; the body stops soon after Worker::Running() turns false.
Outcome RunThreads(Context& context, int thread_count, const Body& body) {
  std::vector<Worker> workers(thread_count);
  std::vector<double> begins(thread_count), ends(thread_count);
  std::barrier start(thread_count);
  const auto run = [&](int index) {
    const std::unique_ptr<Session> session = context.engine.NewSession();
    Worker& worker = workers[index];
    worker.index = index;
    worker.session = session.get();
    worker.random = Random(context.data.seed() + 1000 + index);
    start.arrive_and_wait();
    begins[index] = SecondsNow();
    worker.deadline = begins[index] + context.seconds;
    body(worker);
    ends[index] = SecondsNow();
  };
  std::vector<std::thread> threads;
  for (int i = 1; i < thread_count; ++i) threads.emplace_back(run, i);
  run(0);
  for (std::thread& thread : threads) thread.join();

  Outcome outcome;
  uint64_t ops = 0;
  for (const Worker& worker : workers) {
    ops += worker.ops;
    touched_sink += worker.touched.sum;
    outcome.latency_ns.insert(outcome.latency_ns.end(), worker.latency_ns.begin(),
                              worker.latency_ns.end());
  }
  std::sort(outcome.latency_ns.begin(), outcome.latency_ns.end());
  outcome.ops_per_second =
      double(ops) / (*std::max_element(ends.begin(), ends.end()) -
                     *std::min_element(begins.begin(), begins.end()));
  return outcome;
}

// Repeats `read(worker)`, `per_snapshot` times between two snapshots.
template <typename Read>
double ReadLoop(Context& context, int thread_count, int per_snapshot, Read read) {
  return RunThreads(context, thread_count,
                    [&](Worker& worker) {
                      while (worker.Running()) {
                        worker.session->BeginSnapshot();
                        for (int i = 0; i < per_snapshot; ++i) read(worker);
                        worker.session->EndSnapshot();
                      }
                    })
      .ops_per_second;
}

void GetPresent(const Dataset& data, uint64_t id, Worker& worker) {
  const auto value = worker.session->Get(data.KeyOf(id));
  Require(value.has_value(), "get", "a key is missing");
  worker.touched.Value(*value);
}

double PointRead(Context& context, int thread_count) {
  const Dataset& data = context.data;
  return ReadLoop(context, thread_count, kReadsPerSnapshot, [&](Worker& worker) {
    const uint64_t id = worker.random.Below(data.entry_count());
    GetPresent(data, id, worker);
    ++worker.ops;
  });
}

double PointRead1(Context& context) { return PointRead(context, 1); }
double PointRead2(Context& context) { return PointRead(context, 2); }

double MultiGet(Context& context) {
  const Dataset& data = context.data;
  return ReadLoop(context, 1, kReadsPerSnapshot / kMultiGetKeys, [&](Worker& worker) {
    std::array<Key, kMultiGetKeys> keys;
    std::array<std::string_view, kMultiGetKeys> views;
    for (size_t i = 0; i < kMultiGetKeys; ++i) {
      keys[i] = data.KeyOf(worker.random.Below(data.entry_count()));
      views[i] = keys[i];
    }
    const Touched touched = worker.session->MultiGet(views);
    Require(touched.entries == kMultiGetKeys, "multi-get", "a key is missing");
    worker.touched.sum += touched.sum;
    worker.ops += kMultiGetKeys;
  });
}

double AbsentGet(Context& context) {
  const Dataset& data = context.data;
  return ReadLoop(context, 1, kReadsPerSnapshot, [&](Worker& worker) {
    const Key key = data.AbsentKey(worker.random.Next());
    Require(!worker.session->Get(key).has_value(), "get",
            "found a key that was never put");
    ++worker.ops;
  });
}

// Entries a second.
double FullScan(Context& context) {
  return ReadLoop(context, 1, 1, [&](Worker& worker) {
    const Touched touched = worker.session->ScanAll();
    Require(touched.entries == context.data.entry_count(), "scan",
            "wrong number of entries");
    worker.touched.sum += touched.sum;
    worker.ops += touched.entries;
  });
}

// Scans a second, each from a place between two keys.
double SeekScan(Context& context) {
  return ReadLoop(
      context, 1, kReadsPerSnapshot / int(kSeekScanEntries), [&](Worker& worker) {
        const Key key = context.data.AbsentKey(worker.random.Next());
        worker.touched.sum += worker.session->ScanFrom(key, kSeekScanEntries).sum;
        ++worker.ops;
      });
}

// Puts entries `position` 0, 1, … of some order; `id_of` gives their ids.
template <typename IdOf>
double Load(Context& context, WriteOrder order, IdOf id_of) {
  const Dataset& data = context.data;
  const std::unique_ptr<Session> session = context.engine.NewSession();
  const double begin = SecondsNow();
  for (uint64_t first = 0; first < data.entry_count(); first += kBatchEntries) {
    const uint64_t end = std::min(first + kBatchEntries, data.entry_count());
    session->BeginBatch(order);
    for (uint64_t position = first; position < end; ++position) {
      const uint64_t id = id_of(position);
      session->Put(data.KeyOf(id), data.ValueOf(id, 0));
    }
    session->CommitBatch();
  }
  context.engine.Sync();
  return double(data.entry_count()) / (SecondsNow() - begin);
}

double LoadAscending(Context& context) {
  const std::vector<uint32_t> ids = context.data.IdsByKey();
  return Load(context, WriteOrder::kAscending,
              [&](uint64_t position) { return ids[position]; });
}

// Repeats transactions of kBatchEntries calls of `write(worker)`, at most
// `ops_max` calls.
template <typename Write>
double BatchLoop(Context& context, uint64_t ops_max, Write write) {
  return RunThreads(context, 1,
                    [&](Worker& worker) {
                      while (worker.ops < ops_max && worker.Running()) {
                        worker.session->BeginBatch(WriteOrder::kRandom);
                        for (uint64_t i = 0; i < kBatchEntries; ++i) {
                          write(worker);
                          ++worker.ops;
                        }
                        worker.session->CommitBatch();
                      }
                    })
      .ops_per_second;
}

double UpdateBatches(Context& context) {
  const Dataset& data = context.data;
  return BatchLoop(context, UINT64_MAX, [&](Worker& worker) {
    const uint64_t id = worker.random.Below(data.entry_count());
    worker.session->Put(data.KeyOf(id), data.ValueOf(id, worker.ops + 1));
  });
}

// Half of the entries at most: a table that is nearly gone is another workload.
double DeleteBatches(Context& context) {
  const Dataset& data = context.data;
  return BatchLoop(context, data.entry_count() / 2, [&](Worker& worker) {
    worker.session->Delete(data.KeyOf(data.ShuffledId(worker.ops)));
  });
}

// New entries at random places of the loaded table, one a commit.
double PutProcess(Context& context) {
  const Dataset& data = context.data;
  return RunThreads(context, 1,
                    [&](Worker& worker) {
                      uint64_t id = data.entry_count();
                      while (worker.Running()) {
                        for (int i = 0; i < kOpsPerClockRead; ++i, ++id) {
                          worker.session->PutCommit(data.KeyOf(id), data.ValueOf(id, 0));
                        }
                        worker.ops += kOpsPerClockRead;
                      }
                    })
      .ops_per_second;
}

double PutDurable(Context& context, int thread_count) {
  const Dataset& data = context.data;
  const Outcome outcome = RunThreads(context, thread_count, [&](Worker& worker) {
    worker.latency_ns.reserve(size_t{1} << 20);
    uint64_t id = data.entry_count() + worker.index;
    double now = SecondsNow();
    for (; now < worker.deadline; id += thread_count, ++worker.ops) {
      worker.session->PutCommit(data.KeyOf(id), data.ValueOf(id, 0));
      const double end = SecondsNow();
      worker.latency_ns.push_back(uint32_t(std::min((end - now) * 1e9, 4e9)));
      now = end;
    }
  });
  const std::vector<uint32_t>& latency = outcome.latency_ns;
  for (int percent : {50, 99}) {
    const size_t rank = std::min(latency.size() - 1, latency.size() * percent / 100);
    context.figures[absl::StrCat("put_durable_", thread_count, "_p", percent)] =
        latency[rank] * 1e-3;
  }
  return outcome.ops_per_second;
}

double PutDurable1(Context& context) { return PutDurable(context, 1); }
double PutDurable8(Context& context) { return PutDurable(context, 8); }

// Percent of the operations; what is missing to 100 are reads.
struct YcsbMix {
  uint64_t update = 0, insert = 0, scan = 0, read_modify_write = 0;
};

class Ycsb {
 public:
  static constexpr int kThreads = 2;

  Ycsb(Context& context, YcsbMix mix)
      : context_(context), data_(context.data), mix_(mix), next_id_(data_.entry_count()) {
    for (int i = 0; i < kThreads; ++i) {
      ids_[i] = data_.ZipfianIds(kZipfianIdsPerThread, data_.seed() + i);
    }
  }

  double Measure() {
    return RunThreads(context_, kThreads,
                      [&](Worker& worker) {
                        while (worker.Running()) {
                          for (int i = 0; i < kOpsPerClockRead; ++i) {
                            Operation(worker);
                            ++worker.ops;
                          }
                        }
                      })
        .ops_per_second;
  }

 private:
  void Operation(Worker& worker) {
    const std::vector<uint32_t>& ids = ids_[worker.index];
    const uint64_t id = ids[worker.ops % kZipfianIdsPerThread];
    uint64_t percent = worker.random.Below(100);
    const auto chosen = [&percent](uint64_t share) {
      const bool hit = percent < share;
      percent -= hit ? 0 : share;
      return hit;
    };
    if (chosen(mix_.update)) {
      Update(worker, id);
    } else if (chosen(mix_.insert)) {
      const uint64_t added = next_id_.fetch_add(1);
      worker.session->PutCommit(data_.KeyOf(added), data_.ValueOf(added, 0));
    } else if (chosen(mix_.scan)) {
      const uint64_t limit = 1 + worker.random.Below(kYcsbScanEntriesMax);
      worker.touched.sum += worker.session->ScanFrom(data_.KeyOf(id), limit).sum;
    } else if (chosen(mix_.read_modify_write)) {
      GetPresent(data_, id, worker);
      Update(worker, id);
    } else {
      GetPresent(data_, id, worker);
    }
  }
  void Update(Worker& worker, uint64_t id) {
    worker.session->PutCommit(data_.KeyOf(id), data_.ValueOf(id, worker.ops + 1));
  }

  Context& context_;
  const Dataset& data_;
  const YcsbMix mix_;
  std::atomic<uint64_t> next_id_;
  std::array<std::vector<uint32_t>, kThreads> ids_;
};

double YcsbA(Context& context) { return Ycsb(context, {.update = 50}).Measure(); }
double YcsbB(Context& context) { return Ycsb(context, {.update = 5}).Measure(); }
double YcsbC(Context& context) { return Ycsb(context, {}).Measure(); }
double YcsbE(Context& context) {
  return Ycsb(context, {.insert = 5, .scan = 95}).Measure();
}
double YcsbF(Context& context) {
  return Ycsb(context, {.read_modify_write = 50}).Measure();
}

constexpr Durability kProcess = Durability::kProcess;
constexpr Durability kSync = Durability::kSync;

constexpr Workload kWorkloads[] = {
    {"load_ascending", Base::kEmpty, kProcess, LoadAscending},
    {"point_read_1", Base::kLoaded, kProcess, PointRead1},
    {"point_read_2", Base::kLoaded, kProcess, PointRead2},
    {"multi_get_16", Base::kLoaded, kProcess, MultiGet},
    {"absent_get", Base::kLoaded, kProcess, AbsentGet},
    {"full_scan", Base::kLoaded, kProcess, FullScan},
    {"seek_scan_50", Base::kLoaded, kProcess, SeekScan},
    {"ycsb_c", Base::kLoaded, kProcess, YcsbC},
    {"update_batches", Base::kCopy, kProcess, UpdateBatches},
    {"delete_batches", Base::kCopy, kProcess, DeleteBatches},
    {"put_process", Base::kCopy, kProcess, PutProcess},
    {"put_durable_1", Base::kCopy, kSync, PutDurable1},
    {"put_durable_8", Base::kCopy, kSync, PutDurable8},
    {"ycsb_a", Base::kCopy, kProcess, YcsbA},
    {"ycsb_b", Base::kCopy, kProcess, YcsbB},
    {"ycsb_e", Base::kCopy, kProcess, YcsbE},
    {"ycsb_f", Base::kCopy, kProcess, YcsbF},
};

}  // namespace

std::span<const Workload> Workloads() { return kWorkloads; }

double LoadRandom(Context& context) {
  // Ascending ids are keys in random order.
  return Load(context, WriteOrder::kRandom, [](uint64_t position) { return position; });
}

void Warm(Context& context) {
  Context warming{context.engine, context.data, std::min(kWarmSeconds, context.seconds),
                  context.figures};
  RunThreads(warming, 1,
             [](Worker& worker) { worker.touched.sum += worker.session->ScanAll().sum; });
  PointRead(warming, 1);
}

void VerifySample(Context& context, uint64_t first_id, uint64_t count) {
  const Dataset& data = context.data;
  const std::unique_ptr<Session> session = context.engine.NewSession();
  Random random(data.seed());
  for (int i = 0; i < 1000; ++i) {
    const uint64_t id = first_id + random.Below(count);
    const auto value = session->Get(data.KeyOf(id));
    Require(value == data.ValueOf(id, 0), "verify",
            absl::StrCat("entry ", id, value ? " has wrong bytes" : " is lost"));
  }
}

double SecondsNow() {
  using Clock = std::chrono::steady_clock;
  return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

}  // namespace sheaf::bench
