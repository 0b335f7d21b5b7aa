// sheaf_merge_bench: counters by merges, Sheaf beside RocksDB's merge operator uint64add.
//
// Each engine in a fresh folder, in turn, in one process; a row is the median of the
// repeats. Merges a second of one thread and of eight, each merge a commit:
//   sync      on the device when it returns: kFull, WriteOptions::sync
//   process   survives kill -9: kProcess, the log without a sync
//   none      in memory: kNone, no log
// on many counters at random and on one that all threads want. After each measurement all
// counters are read, which must add up to the merges, and timed: RocksDB adds operands up
// when it reads. Sheaf merges when it writes, and can tell what came of it (increment).
// The tables are made with all counters before the clock starts.
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/merge_operator.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/version.h>
#include <sheaf/sheaf.h>

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace sheaf::bench {
namespace {

struct Settings {
  uint64_t counters = 10'000;
  double seconds = 1;
  uint64_t repeats = 3;
  std::string dir = "/tmp/sheaf-merge-bench";
  std::string only;  // rows whose names hold it; empty: all
};

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "sheaf_merge_bench: %s\n", what.c_str());
  std::exit(1);
}
void Check(const absl::Status& status) {
  if (!status.ok()) Fail(status.ToString());
}
void Check(const rocksdb::Status& status) {
  if (!status.ok()) Fail(status.ToString());
}

double Now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::string KeyOf(uint64_t counter) { return absl::StrFormat("counter-%08d", counter); }

class Engine {
 public:
  virtual ~Engine() = default;
  virtual const char* name() const = 0;
  virtual void Open(const std::string& dir, Durability durability) = 0;
  virtual void AddOne(const std::string& key) = 0;  // of any thread, a commit
  virtual int64_t Read(const std::string& key) = 0;
  virtual void Close() = 0;
};

// By batches, or by increments that return what came of them.
class Sheaf final : public Engine {
 public:
  explicit Sheaf(bool increments) : increments_(increments) {}
  const char* name() const override { return increments_ ? "sheaf incr" : "sheaf"; }
  void Open(const std::string& dir, Durability durability) override {
    Options options;
    options.durability = durability;
    absl::StatusOr<std::unique_ptr<Database>> db =
        Database::Open(dir + "/a.sheaf", options);
    Check(db.status());
    db_ = *std::move(db);
  }
  void AddOne(const std::string& key) override {
    if (increments_) return Check(db_->Increment("t", key).status());
    thread_local WriteBatch batch;
    batch.Clear();
    batch.Merge("t", key, MergeOperator::kAdd, one_);
    Check(db_->Apply(batch));
  }
  int64_t Read(const std::string& key) override {
    const ReadTransaction read = db_->BeginRead();
    const absl::StatusOr<TableReader> table = read.table("t");
    Check(table.status());
    const absl::StatusOr<Value> value = table->Get(key);
    Check(value.status());
    return *MergeValue::ReadInt(value->view());
  }
  void Close() override {
    Check(db_->Close());
    db_.reset();
  }

 private:
  const bool increments_;
  const std::string one_ = MergeValue::Int(1);
  std::unique_ptr<Database> db_;
};

// With the options of bench/rocksdb_engine.cc, which says why.
class RocksDb final : public Engine {
 public:
  const char* name() const override { return "rocksdb"; }
  void Open(const std::string& dir, Durability durability) override {
    write_.sync = durability == Durability::kFull;
    write_.disableWAL = durability == Durability::kNone;
    rocksdb::BlockBasedTableOptions table;
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    table.block_size = 16 << 10;
    rocksdb::Options options;
    options.create_if_missing = true;
    options.compression = rocksdb::kNoCompression;
    options.max_background_jobs = 2;
    options.allow_concurrent_memtable_write = false;
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    Check(rocksdb::MergeOperator::CreateFromString(rocksdb::ConfigOptions(), "uint64add",
                                                   &options.merge_operator));
    rocksdb::DB* db = nullptr;
    Check(rocksdb::DB::Open(options, dir, &db));
    db_.reset(db);
  }
  void AddOne(const std::string& key) override { Check(db_->Merge(write_, key, one_)); }
  int64_t Read(const std::string& key) override {
    std::string value;
    Check(db_->Get(rocksdb::ReadOptions(), key, &value));
    return MergeValue::ReadInt(value).value_or(-1);  // little-endian as well
  }
  void Close() override {
    Check(db_->Close());
    db_.reset();
  }

 private:
  const std::string one_ = MergeValue::Int(1);
  rocksdb::WriteOptions write_;
  std::unique_ptr<rocksdb::DB> db_;
};

struct Row {
  Durability durability;
  int threads;
  bool one_counter;
  std::string name;
};

struct Figures {
  double merges = 0, reads = 0;  // a second
};

Figures Measure(Engine& engine, const Row& row, const Settings& settings) {
  const std::string dir = absl::StrCat(settings.dir, "/", engine.name());
  std::filesystem::remove_all(dir);
  std::filesystem::create_directories(dir);
  const uint64_t counters = row.one_counter ? 1 : settings.counters;
  std::vector<std::string> keys;
  for (uint64_t i = 0; i < counters; ++i) keys.push_back(KeyOf(i));
  engine.Open(dir, Durability::kProcess);
  for (const std::string& key : keys) engine.AddOne(key);
  engine.Close();
  engine.Open(dir, row.durability);

  std::vector<uint64_t> merges(row.threads);
  std::vector<double> ends(row.threads);
  std::barrier start(row.threads);
  double begin = 0;
  const auto run = [&](int t) {
    uint64_t random = 0x9e3779b97f4a7c15 * (static_cast<uint64_t>(t) + 1);
    start.arrive_and_wait();
    if (t == 0) begin = Now();
    const double deadline = Now() + settings.seconds;
    while (ends[t] < deadline) {
      for (int i = 0; i < 16; ++i, ++merges[t]) {
        random = random * 6364136223846793005 + 1442695040888963407;
        engine.AddOne(keys[(random >> 33) % counters]);
      }
      ends[t] = Now();
    }
  };
  std::vector<std::thread> threads;
  for (int t = 1; t < row.threads; ++t) threads.emplace_back(run, t);
  run(0);
  for (std::thread& thread : threads) thread.join();

  uint64_t all = 0;
  for (const uint64_t n : merges) all += n;
  Figures figures;
  figures.merges =
      static_cast<double>(all) / (*std::max_element(ends.begin(), ends.end()) - begin);
  const double before_reads = Now();
  uint64_t sum = 0;
  for (const std::string& key : keys) sum += static_cast<uint64_t>(engine.Read(key));
  figures.reads = static_cast<double>(counters) / (Now() - before_reads);
  if (sum != all + counters)
    Fail(absl::StrCat(engine.name(), ": counters add up to ", sum, ", not ",
                      all + counters));
  engine.Close();
  std::filesystem::remove_all(dir);
  return figures;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::vector<Row> Rows() {
  std::vector<Row> rows;
  for (const auto& [durability, name] :
       {std::pair(Durability::kFull, "sync"), std::pair(Durability::kProcess, "process"),
        std::pair(Durability::kNone, "none")})
    for (const int threads : {1, 8})
      for (const bool one_counter : {false, true})
        rows.push_back(
            {durability, threads, one_counter,
             absl::StrCat(name, ", ", threads, threads == 1 ? " thread" : " threads",
                          one_counter ? ", one counter" : "")});
  return rows;
}

void RunRow(const Row& row, const Settings& settings) {
  std::vector<std::unique_ptr<Engine>> engines;
  engines.push_back(std::make_unique<RocksDb>());
  engines.push_back(std::make_unique<Sheaf>(false));
  engines.push_back(std::make_unique<Sheaf>(true));
  std::map<std::string, std::vector<double>> merges, reads;
  for (uint64_t repeat = 0; repeat < settings.repeats; ++repeat) {
    for (size_t i = 0; i < engines.size(); ++i) {
      Engine& engine = *engines[(i + repeat) % engines.size()];
      const Figures figures = Measure(engine, row, settings);
      merges[engine.name()].push_back(figures.merges);
      reads[engine.name()].push_back(figures.reads);
    }
  }
  const double peer = Median(merges["rocksdb"]), ours = Median(merges["sheaf"]),
               incr = Median(merges["sheaf incr"]);
  std::printf("%-28s %10.0f %10.0f %10.0f %7.2f %7.2f %14.0f %14.0f\n", row.name.c_str(),
              peer, ours, incr, ours / peer, incr / peer, Median(reads["rocksdb"]),
              Median(reads["sheaf"]));
  std::fflush(stdout);
}

void Run(const Settings& settings) {
  std::printf(
      "RocksDB %s; %d counters, %g s a measurement, %d repeats; merges/s, and "
      "ratios to RocksDB's\n",
      rocksdb::GetRocksVersionAsString(false).c_str(),
      static_cast<int>(settings.counters), settings.seconds,
      static_cast<int>(settings.repeats));
  std::printf("%-28s %10s %10s %10s %7s %7s %14s %14s\n", "row", "rocksdb", "sheaf",
              "sheaf incr", "ratio", "incr", "reads rocksdb", "reads sheaf");
  for (const Row& row : Rows())
    if (row.name.find(settings.only) != std::string::npos) RunRow(row, settings);
  std::error_code not_empty;
  std::filesystem::remove(settings.dir, not_empty);
}

Settings ParseFlags(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    const size_t equals = flag.find('=');
    const std::string name = flag.substr(0, equals),
                      value = equals == std::string::npos ? "" : flag.substr(equals + 1);
    bool ok = !value.empty();
    if (name == "--counters")
      ok = ok && absl::SimpleAtoi(value, &settings.counters) && settings.counters > 0;
    else if (name == "--seconds")
      ok = ok && absl::SimpleAtod(value, &settings.seconds) && settings.seconds > 0;
    else if (name == "--repeats")
      ok = ok && absl::SimpleAtoi(value, &settings.repeats) && settings.repeats > 0;
    else if (name == "--only")
      settings.only = value;
    else if (name == "--dir")
      settings.dir = value;
    else
      ok = false;
    if (!ok)
      Fail(
          "usage: sheaf_merge_bench [--counters=10000] [--seconds=1] [--repeats=3] "
          "[--only=ROW] [--dir=/tmp/sheaf-merge-bench]");
  }
  return settings;
}

}  // namespace
}  // namespace sheaf::bench

int main(int argc, char** argv) {
  sheaf::bench::Run(sheaf::bench::ParseFlags(argc, argv));
  return 0;
}
