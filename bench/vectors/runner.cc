#include "bench/vectors/runner.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "bench/vectors/sweep.h"

namespace sheaf::bench::vectors {
namespace {

constexpr unsigned kChildSecondsMax = 7200;
constexpr int kBuildThreads = 2;

std::unique_ptr<Index> NewIndex(const std::string& name, const IndexOptions& options) {
  if (name == "sheaf") return NewSheafIndex(options);
  if (name == "hnswlib") return NewHnswlibIndex(options);
  return NewFaissIndex(options, name == "faiss" ? FaissKind::kFlat : FaissKind::kBytes);
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

// Into the kernel's cache, which gives up what nobody has read for minutes.
void ReadThrough(const std::string& dir) {
  std::vector<char> piece(1 << 20);
  for (const auto& entry : std::filesystem::directory_iterator(dir)) {
    std::ifstream file(entry.path(), std::ios::binary);
    while (file.read(piece.data(), std::streamsize(piece.size()))) {
    }
  }
}

double MeasureFirstQuery(const Dataset& data, Index& index) {
  const Vectors first{.dimensions = data.queries.dimensions,
                      .values = {data.queries[0], data.queries[1]}};
  Found found(kNeighbours, kNone);
  const double begin = Now();
  index.Open();
  index.Search(first, 64, 1, &found);
  return 1e3 * (Now() - begin);
}

void MeasureQueries(const std::string& name, const IndexOptions& options,
                    Figures& figures) {
  const Dataset& data = *options.data;
  std::unique_ptr<Index> index = NewIndex(name, options);
  ReadThrough(options.dir);
  const uint64_t before = ResidentBytes();
  figures["first_query"] = MeasureFirstQuery(data, *index);
  Sweep sweep(options, data.truth, 0.99, Sweep::Full::kAny,
              [&](uint32_t breadth, int threads, Found* found) {
                index->Search(data.queries, breadth, threads, found);
              });
  for (const int threads : {1, 2})
    for (const int percent : {90, 95, 99})
      if (const auto rate = sweep.RateAt(percent / 100.0, threads))
        figures[absl::StrCat("queries_", percent, "_", threads)] = *rate;
  const double grown = double(ResidentBytes()) - double(before);
  const auto count = double(data.indexed.size());
  figures["memory_all"] = grown / count;
  figures["memory"] = (grown - double(index->CacheBytes())) / count;
  const auto breadth = sweep.BreadthAt(0.95);
  if (!breadth.has_value()) return;
  figures["breadth_95"] = *breadth;
  index.reset();
  if (name == "sheaf") MeasureSheafCache(options, *breadth, figures);
}

// What is not Sheaf knows no difference between inserting and linking.
void MeasureInserts(const std::string& name, const IndexOptions& options,
                    Figures& figures) {
  const std::unique_ptr<Index> index = NewIndex(name, options);
  index->Open();
  const size_t half = options.data->late.size() / 2;
  for (const int threads : {1, 2}) {
    const double begin = Now();
    index->Add(half * (threads - 1), half * threads, threads);
    figures[absl::StrCat("link_", threads)] = double(half) / (Now() - begin);
  }
  figures["insert"] = figures["link_1"];
}

// Filters by metadata and by a set of ids are the same to peers.
void MeasurePeerFilters(const std::string& name, const IndexOptions& options,
                        Figures& figures) {
  Figures measured;
  if (name == "hnswlib")
    MeasureHnswlibFilters(options, measured);
  else
    MeasureBruteFilters(options, measured);
  for (const auto& [row, value] : measured) {
    figures[row] = value;
    figures["filter_json_" + row.substr(row.rfind('_') + 1)] = value;
  }
}

}  // namespace

Runner::Runner(const Settings& settings, const Dataset& data)
    : settings_(settings), data_(data) {}

Runner::~Runner() {
  for (const std::string& index : settings_.indexes)
    std::filesystem::remove_all(DirOf(index));
  std::filesystem::remove_all(DirOf("brute"));
  std::error_code not_empty;
  std::filesystem::remove(settings_.dir, not_empty);
}

std::string Runner::DirOf(const std::string& index) const {
  return settings_.dir + "/" + index;
}

Results Runner::Run() {
  for (const std::string& index : settings_.indexes)
    std::filesystem::remove_all(DirOf(index));
  RunGroup(0, settings_.indexes, [](const std::string& name) -> Body {
    return [=](const IndexOptions& options, Figures& figures) {
      NewIndex(name, options)->Build(kBuildThreads, figures);
    };
  });
  for (const std::string& index : settings_.indexes)
    Record(index,
           {{"disk_bytes", BytesOnDisk(DirOf(index)) / double(data_.indexed.size())}});
  for (int repeat = 0; repeat < settings_.repeats; ++repeat) {
    RunGroup(repeat, settings_.indexes, [](const std::string& name) -> Body {
      return [=](const IndexOptions& options, Figures& figures) {
        MeasureQueries(name, options, figures);
      };
    });
    RunGroup(repeat, settings_.indexes, [](const std::string& name) -> Body {
      if (name == "sheaf") return MeasureSheafInserts;
      return [=](const IndexOptions& options, Figures& figures) {
        MeasureInserts(name, options, figures);
      };
    });
    std::vector<std::string> filtered = {"brute"};
    for (const std::string& index : settings_.indexes)
      if (index == "sheaf" || index == "hnswlib") filtered.push_back(index);
    RunGroup(repeat, filtered, [](const std::string& name) -> Body {
      if (name == "sheaf") return MeasureSheafFilters;
      return [=](const IndexOptions& options, Figures& figures) {
        MeasurePeerFilters(name, options, figures);
      };
    });
  }
  return results_;
}

void Runner::RunGroup(int repeat, std::vector<std::string> indexes,
                      const std::function<Body(const std::string&)>& body_of) {
  std::rotate(indexes.begin(), indexes.begin() + repeat % indexes.size(), indexes.end());
  for (const std::string& index : indexes) Measure(index, body_of(index));
}

void Runner::Measure(const std::string& index, const Body& body) {
  const IndexOptions options{
      .dir = DirOf(index), .data = &data_, .seconds = settings_.seconds};
  std::filesystem::create_directories(options.dir);
  sync();  // what others wrote is not written on our time
  const double begin = Now();
  const Figures figures = RunChild(kChildSecondsMax, [&](Figures& out) {
    body(options, out);
    out["done"] = 1;
  });
  if (figures.empty()) ++failure_count_;
  fprintf(stderr, "%-7s %6.1f s", index.c_str(), Now() - begin);
  for (const auto& [row, value] : figures)
    if (row != "done") fprintf(stderr, "  %s %.4g", row.c_str(), value);
  fprintf(stderr, "\n");
  Record(index, figures);
}

void Runner::Record(const std::string& index, const Figures& figures) {
  for (const auto& [row, value] : figures)
    if (row != "done") results_[row][index].push_back(value);
}

}  // namespace sheaf::bench::vectors
