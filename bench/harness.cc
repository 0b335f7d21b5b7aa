#include "bench/harness.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <utility>

namespace sheaf::bench {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kKilledLogBytes = uint64_t{64} << 20;
constexpr double kBytesPerMiB = 1 << 20;

// With `cp`, which keeps holes: LMDB and logs have large ones.
void CopyTree(const std::string& from, const std::string& to) {
  const pid_t pid = fork();
  if (pid == 0) {
    execlp("cp", "cp", "-a", "--sparse=auto", from.c_str(), to.c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  Require(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0, "cp", to);
}

// Blocks, not sizes: a hole takes no space.
uint64_t DiskBytes(const std::string& dir) {
  uint64_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(dir)) {
    struct stat info {};
    const bool known = stat(entry.path().c_str(), &info) == 0;
    if (known && S_ISREG(info.st_mode)) bytes += uint64_t(info.st_blocks) * 512;
  }
  return bytes;
}

// What one measurement left dirty is not written during the next.
void WriteOutDirtyPages(const std::string& dir) {
  const int fd = open(dir.c_str(), O_RDONLY | O_DIRECTORY);
  Require(fd >= 0 && syncfs(fd) == 0, "syncfs", dir);
  close(fd);
}

}  // namespace

std::vector<std::string> WorkloadNames() {
  // The load is always run, and memory and disk space are read off it.
  std::vector<std::string> names = {std::string(kLoadRandom), std::string(kDiskBytes),
                                    std::string(kPeakMemory), std::string(kOpenClean),
                                    std::string(kOpenKilled)};
  for (const Workload& workload : Workloads()) names.emplace_back(workload.name);
  return names;
}

Harness::Harness(Settings settings)
    : settings_(std::move(settings)),
      data_(settings_.entry_count, settings_.seed),
      child_seconds_max_(600 + unsigned(settings_.entry_count / 10'000)) {
  fs::create_directories(settings_.dir);
}

Harness::~Harness() {
  for (const std::string& engine : settings_.engines) {
    fs::remove_all(LoadedDir(engine));
  }
  std::error_code not_empty;
  fs::remove(settings_.dir, not_empty);
}

Results Harness::Run() {
  for (int repeat = 0; repeat < settings_.repeats; ++repeat) RunRepeat(repeat);
  return results_;
}

bool Harness::Wants(std::string_view workload) const {
  return settings_.workloads.empty() ||
         settings_.workloads.contains(std::string(workload));
}

std::vector<std::string> Harness::RotatedEngines(int repeat) const {
  std::vector<std::string> engines = settings_.engines;
  std::rotate(engines.begin(), engines.begin() + repeat % engines.size(), engines.end());
  return engines;
}

void Harness::RunRepeat(int repeat) {
  std::fprintf(stderr, "repeat %d of %d\n", repeat + 1, settings_.repeats);
  std::vector<std::string> engines = RotatedEngines(repeat);
  std::vector<Workload> alone, loaded;
  for (const Workload& workload : Workloads()) {
    if (!Wants(workload.name)) continue;
    (workload.base == Base::kLoaded ? loaded : alone).push_back(workload);
  }
  std::erase_if(engines, [&](const std::string& engine) { return !RunLoad(engine); });
  if (Wants(kOpenClean)) {
    for (const std::string& engine : engines) RunOpenClean(engine);
  }
  if (!loaded.empty()) {
    for (const std::string& engine : engines) RunLoaded(engine, loaded);
  }
  for (const Workload& workload : alone) {
    for (const std::string& engine : engines) RunAlone(engine, workload);
  }
  if (Wants(kOpenKilled)) {
    for (const std::string& engine : engines) RunOpenKilled(engine);
  }
}

// Memory is measured here because this is the process that both loads and
// reads. What the harness itself holds is there before the engine opens.
bool Harness::RunLoad(const std::string& engine_name) {
  const std::string dir = LoadedDir(engine_name);
  fs::remove_all(dir);
  fs::create_directories(dir);
  const EngineOptions options = OptionsIn(dir, Durability::kProcess);
  WriteOutDirtyPages(dir);
  Figures loaded = RunChild(child_seconds_max_, [&](Figures& figures) {
    const auto engine = NewEngine(engine_name);
    Context context{*engine, data_, settings_.seconds, figures};
    ResetPeakMemory();
    const uint64_t before = ResidentBytes();
    engine->Open(options);
    figures[std::string(kLoadRandom)] = LoadRandom(context);
    VerifySample(context, 0, data_.entry_count());
    Warm(context);
    figures[std::string(kPeakMemory)] =
        double(PeakResidentBytes() - before) / kBytesPerMiB;
    engine->Close();
  });
  if (!loaded.empty()) {
    loaded[std::string(kDiskBytes)] = double(DiskBytes(dir)) / 1e6;
  }
  if (!Record(engine_name, loaded)) return false;
  const Figures settled = RunChild(child_seconds_max_, [&](Figures& figures) {
    const auto engine = NewEngine(engine_name);
    engine->Open(options);
    const double begin = SecondsNow();
    engine->Settle();
    figures["settle_seconds"] = SecondsNow() - begin;
    engine->Close();
  });
  return Record(engine_name, settled);
}

void Harness::RunLoaded(const std::string& engine_name,
                        const std::vector<Workload>& workloads) {
  const std::string dir = LoadedDir(engine_name);
  WriteOutDirtyPages(dir);
  Record(engine_name, RunChild(child_seconds_max_, [&](Figures& figures) {
           const auto engine = NewEngine(engine_name);
           Context context{*engine, data_, settings_.seconds, figures};
           engine->Open(OptionsIn(dir, Durability::kProcess));
           Warm(context);
           for (const Workload& workload : workloads) {
             figures[std::string(workload.name)] = workload.measure(context);
           }
           engine->Close();
         }));
}

void Harness::RunAlone(const std::string& engine_name, const Workload& workload) {
  const std::string dir = FreshDir(engine_name, workload.base);
  WriteOutDirtyPages(dir);
  Record(engine_name, RunChild(child_seconds_max_, [&](Figures& figures) {
           const auto engine = NewEngine(engine_name);
           Context context{*engine, data_, settings_.seconds, figures};
           engine->Open(OptionsIn(dir, workload.durability));
           if (workload.base == Base::kCopy) Warm(context);
           figures[std::string(workload.name)] = workload.measure(context);
           engine->Close();
         }));
  fs::remove_all(dir);
}

void Harness::RunOpenClean(const std::string& engine) {
  const EngineOptions options = OptionsIn(LoadedDir(engine), Durability::kProcess);
  Record(engine, RunChild(child_seconds_max_, [&](Figures& figures) {
           figures[std::string(kOpenClean)] =
               MeasureOpen(engine, options, 0, data_.entry_count());
         }));
}

void Harness::RunOpenKilled(const std::string& engine_name) {
  const std::string dir = FreshDir(engine_name, Base::kCopy);
  EngineOptions options = OptionsIn(dir, Durability::kProcess);
  // Room for what is committed between `enough` and the kill.
  options.log_bytes_min = 2 * kKilledLogBytes;
  const uint64_t first_id = data_.entry_count();
  const uint64_t enough = kKilledLogBytes / (kKeyBytes + kValueBytes);
  WriteOutDirtyPages(dir);
  const uint64_t acknowledged =
      KillChild(child_seconds_max_, enough, [&](std::atomic<uint64_t>& count) {
        const auto engine = NewEngine(engine_name);
        engine->Open(options);
        const auto session = engine->NewSession();
        // The bound keeps a child that outlives its parent from filling the
        // disk.
        while (count < 4 * enough) {
          session->BeginBatch(WriteOrder::kRandom);
          for (uint64_t i = 0; i < kBatchEntries; ++i) {
            const uint64_t id = first_id + count + i;
            session->Put(data_.KeyOf(id), data_.ValueOf(id, 0));
          }
          session->CommitBatch();
          count += kBatchEntries;
        }
      });
  WriteOutDirtyPages(dir);  // so that the engine is measured, not the disk
  Figures opened;
  if (acknowledged > 0) {
    opened = RunChild(child_seconds_max_, [&](Figures& figures) {
      figures[std::string(kOpenKilled)] =
          MeasureOpen(engine_name, options, first_id, acknowledged);
    });
  }
  Record(engine_name, opened);
  fs::remove_all(dir);
}

// Milliseconds until the newest of `count` entries was read; then looks at
// others of them, untimed.
double Harness::MeasureOpen(const std::string& engine_name, const EngineOptions& options,
                            uint64_t first_id, uint64_t count) const {
  const auto engine = NewEngine(engine_name);
  const Key newest = data_.KeyOf(first_id + count - 1);
  const double begin = SecondsNow();
  engine->Open(options);
  {
    const auto session = engine->NewSession();
    Require(session->Get(newest).has_value(), engine_name, "lost an acknowledged entry");
  }
  const double milliseconds = (SecondsNow() - begin) * 1e3;
  Figures unused;
  Context context{*engine, data_, settings_.seconds, unused};
  VerifySample(context, first_id, count);
  engine->Close();
  return milliseconds;
}

EngineOptions Harness::OptionsIn(const std::string& dir, Durability durability) const {
  EngineOptions options;
  options.dir = dir;
  options.cache_bytes_max = settings_.cache_bytes_max;
  options.durability = durability;
  return options;
}

std::string Harness::LoadedDir(const std::string& engine) const {
  return settings_.dir + "/loaded-" + engine;
}

std::string Harness::FreshDir(const std::string& engine, Base base) const {
  const std::string dir = settings_.dir + "/fresh-" + engine;
  fs::remove_all(dir);
  if (base == Base::kCopy) {
    CopyTree(LoadedDir(engine), dir);
  } else {
    fs::create_directories(dir);
  }
  return dir;
}

// False when there are none.
bool Harness::Record(const std::string& engine, const Figures& figures) {
  for (const auto& [workload, value] : figures) {
    std::fprintf(stderr, "  %-18s %-11s %.6g\n", workload.c_str(), engine.c_str(), value);
    results_[workload][engine].push_back(value);
  }
  if (figures.empty()) {
    ++failure_count_;
    std::fprintf(stderr, "  %s: no figure\n", engine.c_str());
  }
  return !figures.empty();
}

}  // namespace sheaf::bench
