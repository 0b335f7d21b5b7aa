#include "bench/graphs/runner.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>

#include "bench/engine.h"  // Fail

namespace sheaf::bench::graphs {
namespace {

constexpr unsigned kChildSecondsMax = 3600;
constexpr uint64_t kMib = uint64_t{1} << 20;
// GraphLoaderOptions::memory_bytes_max.
constexpr uint64_t kLoaderMib = 256, kSlackMib = 64;

std::unique_ptr<Store> NewStore(const std::string& name, const StoreOptions& options) {
  if (name == "sheaf") return NewSheafStore(options);
  if (name == "lmdb") return NewLmdbStore(options, LmdbReads::kMultiple);
  if (name == "cursor") return NewLmdbStore(options, LmdbReads::kCursor);
  if (name == "sqlite") return NewSqliteStore(options);
  return NewCsrStore(options);
}

std::unique_ptr<WordStore> NewWordStore(const std::string& name,
                                        const StoreOptions& options) {
  if (name == "sheaf") return NewSheafWordStore(options);
  if (name == "lmdb") return NewLmdbWordStore(options);
  return NewSqliteWordStore(options);
}

// Of the blocks in use.
double BytesOnDisk(const std::string& dir) {
  double bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir)) {
    struct stat info {};
    if (stat(entry.path().c_str(), &info) == 0) bytes += 512.0 * double(info.st_blocks);
  }
  return bytes;
}

double Checksum(const Found& found) {
  return double(found.count + found.sum % 1'000'000'007);
}

}  // namespace

double Now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

double CallsPerSecond(double seconds, absl::FunctionRef<void()> fn) {
  double begin = Now();
  fn();
  const double first = Now() - begin;
  if (first > 2 * seconds) return 1 / first;
  int calls = 0;
  begin = Now();
  do {
    fn(), ++calls;
  } while (Now() - begin < seconds);
  return calls / (Now() - begin);
}

Runner::Runner(const Settings& settings, const Dataset& data)
    : settings_(settings), data_(data) {
  std::filesystem::create_directories(settings_.dir);
}

Runner::~Runner() {
  for (const char* name : {"sheaf", "lmdb", "sqlite", "csr", "words"})
    std::filesystem::remove_all(settings_.dir + "/" + name);
  std::error_code not_empty;
  std::filesystem::remove(settings_.dir, not_empty);
}

Results Runner::Run() {
  for (int repeat = 0; repeat < settings_.repeats; ++repeat) RunRepeat(repeat);
  return results_;
}

bool Runner::Wants(const std::string& row) const {
  return settings_.only.empty() || row.starts_with(settings_.only);
}

void Runner::RunGroup(int repeat, std::vector<std::string> stores,
                      const std::function<void(const std::string&)>& run) {
  if (repeat > 0) std::erase(stores, "sqlite");
  std::rotate(stores.begin(), stores.begin() + repeat % stores.size(), stores.end());
  for (const std::string& store : stores) run(store);
}

void Runner::RunRepeat(int repeat) {
  RunGroup(repeat, {"sheaf", "lmdb", "sqlite"},
           [&](const std::string& store) { Load(store); });
  RunGroup(repeat, {"sheaf", "lmdb", "cursor", "csr", "sqlite"},
           [&](const std::string& name) {
             const std::string dir = name == "cursor" ? "lmdb" : name;
             Measure(name, dir, [&](const StoreOptions& options, Figures& figures) {
               const uint64_t before = ResidentBytes();
               const auto store = NewStore(name, options);
               MeasureReads(*store, name == "sqlite", name == "sheaf", figures);
               if (name != "sheaf") return;
               figures["memory_reads"] = double(PeakResidentBytes() - before) / kMib;
               figures["limit:memory_reads"] =
                   double(options.cache_bytes_max / kMib + kSlackMib);
             });
           });
  if (Wants("projection") || Wants("projected_bfs") || Wants("pagerank") || Wants("wcc"))
    RunGroup(repeat, {"sheaf", "csr"}, [&](const std::string& name) {
      Measure(name, name,
              name == "sheaf" ? MeasureSheafAlgorithms : MeasureCsrAlgorithms);
    });
  if (!data_.words.empty() && Wants("vertex"))
    RunGroup(repeat, {"sheaf", "lmdb", "sqlite"}, [&](const std::string& name) {
      std::filesystem::remove_all(settings_.dir + "/words");
      Measure(name, "words", [&](const StoreOptions& options, Figures& figures) {
        MeasureWords(*NewWordStore(name, options), figures);
      });
    });
  if (Wants("transactions"))
    RunGroup(repeat, {"sheaf", "lmdb", "sqlite"}, [&](const std::string& name) {
      Measure(name, name, [&](const StoreOptions& options, Figures& figures) {
        MeasureTransactions(*NewStore(name, options), figures);
      });
    });
}

void Runner::Measure(const std::string& store, const std::string& dir, const Body& body) {
  const StoreOptions options{.dir = settings_.dir + "/" + dir,
                             .cache_bytes_max = settings_.cache_bytes_max,
                             .data = &data_,
                             .seconds = settings_.seconds};
  std::filesystem::create_directories(options.dir);
  sync();  // what others wrote is not written on our time
  const double begin = Now();
  const Figures figures = RunChild(kChildSecondsMax, [&](Figures& out) {
    ResetPeakMemory();
    body(options, out);
    out["done"] = 1;
  });
  if (figures.empty()) ++failure_count_;
  fprintf(stderr, "%-7s %6.1f s", store.c_str(), Now() - begin);
  for (const auto& [row, value] : figures)
    if (row.find(':') == std::string::npos && row != "done")
      fprintf(stderr, "  %s %.4g", row.c_str(), value);
  fprintf(stderr, "\n");
  Record(store, figures);
}

void Runner::Record(const std::string& store, const Figures& figures) {
  for (const auto& [name, value] : figures) {
    if (name == "done") continue;
    const size_t colon = name.find(':');
    const std::string row = colon == std::string::npos ? name : name.substr(colon + 1);
    if (name.starts_with("check:") || name.starts_with("near:")) {
      const auto& [who, agreed] = agreed_.try_emplace(name, store, value).first->second;
      const double tolerance = name[0] == 'n' ? 1e-9 * std::abs(agreed) : 0;
      if (std::abs(value - agreed) <= tolerance) continue;
      fprintf(stderr, "%s: %s says %.17g, %s says %.17g\n", row.c_str(), who.c_str(),
              agreed, store.c_str(), value);
      ++failure_count_;
    } else {
      results_[row][name.starts_with("limit:") ? "limit" : store].push_back(value);
    }
  }
}

void Runner::Load(const std::string& name) {
  const std::string dir = settings_.dir + "/" + name;
  std::filesystem::remove_all(dir);
  Measure(name, name, [&](const StoreOptions& options, Figures& figures) {
    const uint64_t before = ResidentBytes();
    const auto store = NewStore(name, options);
    const double begin = Now();
    store->Load(data_.edges);
    figures["load"] = double(data_.edges.size()) / (Now() - begin);
    if (name != "sheaf") return;
    figures["memory_load"] = double(PeakResidentBytes() - before) / kMib;
    figures["limit:memory_load"] =
        double(options.cache_bytes_max / kMib + kLoaderMib + kSlackMib);
  });
  Record(name, {{"disk_bytes", BytesOnDisk(dir) / double(data_.edges.size())},
                {"limit:disk_bytes", 6}});
}

void Runner::MeasureNeighbours(const std::string& row, absl::FunctionRef<Found()> look_up,
                               Figures& figures) const {
  if (!Wants(row)) return;
  const Found once = look_up();
  figures[row] =
      double(once.count) * CallsPerSecond(settings_.seconds, [&] { (void)look_up(); });
  figures["check:neighbours"] = Checksum(once);
}

void Runner::MeasureReads(Store& store, bool is_sqlite, bool is_sheaf,
                          Figures& figures) const {
  store.BeginReading();
  const absl::Span<const uint32_t> looked_up = data_.looked_up;
  const auto one_by_one = [&] { return store.Store::NeighboursOfMany(looked_up); };
  const auto together = [&] { return store.NeighboursOfMany(looked_up); };
  MeasureNeighbours("neighbours", one_by_one, figures);
  if (!is_sqlite) MeasureNeighbours("neighbours_many", together, figures);
  const absl::Span<const uint32_t> hops = data_.hop_starts, bfs = data_.bfs_starts;
  const absl::Span<const Edge> pairs = data_.pairs;
  if (!is_sqlite) {
    MeasureReach("two_hops", hops, 2, store, figures);
    MeasureReach("three_hops", hops.first(hops.size() / 5), 3, store, figures);
    MeasureReach("bfs", bfs, kAnyHops, store, figures);
    MeasurePaths("path", pairs, store, figures);
  }
  if (!is_sqlite && !is_sheaf) return;
  MeasureReach("two_hops_few", hops.first(kFewHops), 2, store, figures);
  MeasureReach("bfs_few", bfs.first(kFewSearches), kAnyHops, store, figures);
  MeasurePaths("path_few", pairs.first(kFewPairs), store, figures);
}

void Runner::MeasureReach(const std::string& row, absl::Span<const uint32_t> starts,
                          uint32_t hops, Store& store, Figures& figures) const {
  if (!Wants(row)) return;
  uint64_t reached = 0;
  const double per_second = CallsPerSecond(settings_.seconds, [&] {
    reached = 0;
    for (const uint32_t start : starts) reached += store.Reach(start, hops);
  });
  figures[row] = double(starts.size()) * per_second;
  figures["check:" + row] = double(reached);
}

void Runner::MeasurePaths(const std::string& row, absl::Span<const Edge> pairs,
                          Store& store, Figures& figures) const {
  if (!Wants(row)) return;
  uint64_t hops = 0;
  const double per_second = CallsPerSecond(settings_.seconds, [&] {
    hops = 0;
    for (const Edge& pair : pairs) hops += store.Hops(pair.from, pair.to);
  });
  figures[row] = double(pairs.size()) * per_second;
  figures["check:" + row] = double(hops);
}

void Runner::MeasureWords(WordStore& store, Figures& figures) const {
  store.Load(data_.words);
  store.BeginReading();
  const auto count = uint32_t(data_.words.size());
  for (uint32_t v = 0; v < count; ++v) store.GetGloss(v);
  uint64_t bytes = 0, json_bytes = 0;
  const auto reads = double(data_.looked_up.size());
  const double json_per_second = CallsPerSecond(settings_.seconds, [&] {
    for (const uint32_t v : data_.looked_up) json_bytes += store.GetJson(v % count);
  });
  Require(json_bytes > 0, "words", "empty");
  std::vector<uint32_t> looked_up;
  for (const uint32_t v : data_.looked_up) looked_up.push_back(v % count);
  const double one_by_one = CallsPerSecond(
      settings_.seconds, [&] { bytes = store.WordStore::GetGlosses(looked_up); });
  figures["check:vertex_property"] = double(bytes);
  const double together =
      CallsPerSecond(settings_.seconds, [&] { bytes = store.GetGlosses(looked_up); });
  figures["check:vertex_properties"] = double(bytes);
  figures["vertex_json"] = reads * json_per_second;
  figures["vertex_property"] = reads * one_by_one;
  figures["vertex_properties"] = reads * together;
}

void Runner::MeasureTransactions(Store& store, Figures& figures) const {
  uint64_t edges = 0;
  const double begin = Now();
  for (const auto& transaction : data_.transactions) {
    store.AddEdges(transaction);
    edges += transaction.size();
  }
  figures["transactions"] = double(edges) / (Now() - begin);
  store.BeginReading();
  figures["check:transactions"] = Checksum(store.NeighboursOfMany(data_.looked_up));
}

}  // namespace sheaf::bench::graphs
