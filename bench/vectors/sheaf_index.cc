// Sheaf with its default options but for the cache, which holds all where nothing else is
// said, and linking in the background, which is off so that only what is measured runs.
// Searches are made in one read transaction a thread.
#include <sheaf/sheaf.h>

#include <filesystem>
#include <optional>

#include "absl/strings/str_cat.h"
#include "bench/engine.h"  // Fail
#include "bench/vectors/index.h"
#include "bench/vectors/parallel.h"
#include "bench/vectors/sweep.h"

namespace sheaf::bench::vectors {
namespace {

constexpr char kName[] = "v", kFile[] = "vectors.sheaf";
constexpr size_t kLoadedAtOnce = 10'000, kInsertedAtOnce = 100;
// Queries that find, all together, more of the graph than a small cache holds.
constexpr size_t kCacheQueries = 4000;
constexpr uint32_t kWarmingBreadth = 1000;

void Check(const absl::Status& status) {
  if (!status.ok()) [[unlikely]]
    Fail("sheaf", status.ToString());
}
template <class T>
T Take(absl::StatusOr<T> value) {
  Check(value.status());
  return *std::move(value);
}

VectorOptions OptionsOf(const Dataset& data) {
  return {
      .dimensions = data.indexed.dimensions,
      .metric = data.metric == Metric::kL2 ? sheaf::Metric::kL2 : sheaf::Metric::kCosine,
      .m = kLinks,
      .ef_construction = kBreadthOfConstruction};
}

class SheafIndex final : public Index {
 public:
  explicit SheafIndex(const IndexOptions& options, const char* file = kFile)
      : options_(options), data_(*options.data), path_(options.dir + "/" + file) {
    // Vectors, codes and links, and the metadata that filters are about.
    const uint64_t bytes =
        data_.indexed.size() * (6 * data_.indexed.dimensions + 1024) + (64 << 20);
    cache_bytes_max_ = bytes;
  }
  ~SheafIndex() override { Close(); }

  void Close() {
    readers_.clear();
    if (db_ != nullptr) Check(db_->Close());
    db_.reset();
  }
  void set_cache_bytes_max(uint64_t bytes) { cache_bytes_max_ = bytes; }
  const std::string& path() const { return path_; }
  Database& db() { return *db_; }

  void Open() override {
    sheaf::Options options;
    options.cache_bytes_max = cache_bytes_max_;
    options.background_linking = false;
    db_ = Take(Database::Open(path_, options));
  }

  void Build(int threads, Figures& figures) override {
    Open();
    const auto count = double(data_.indexed.size());
    const double begin = Now();
    Put(data_.indexed, 0, 0, data_.indexed.size(), kLoadedAtOnce);
    const double put = Now();
    figures["puts"] = count / (put - begin);
    Require(Link(threads) == data_.indexed.size(), "sheaf", "did not link all");
    figures["build"] = count / (Now() - put);
    figures["build_to_file"] = count / (Now() - begin);
    Close();
  }

  void Search(const Vectors& queries, uint32_t breadth, int threads,
              Found* found) override {
    SearchWith({.k = kNeighbours, .ef = breadth}, queries, found->size() / kNeighbours,
               threads, found);
  }
  // For the first `count` queries.
  void SearchWith(const VectorSearchOptions& options, const Vectors& queries,
                  size_t count, int threads, Found* found) {
    while (readers_.size() < size_t(threads)) AddReader();
    ForEach(threads, count, [&](int thread, size_t q) {
      const VectorResult result =
          Take(readers_[thread].index.Search(queries.Of(q), options));
      for (size_t i = 0; i < kNeighbours; ++i)
        (*found)[q * kNeighbours + i] =
            i < result.matches.size() ? uint32_t(result.matches[i].key.number()) : kNone;
    });
  }

  void Add(size_t begin, size_t end, int) override {
    Put(data_.late, data_.indexed.size(), begin, end, kInsertedAtOnce);
  }
  uint64_t Link(int threads) {
    return Take(db_->OptimizeVectors(kName, {.threads = uint32_t(threads)})).linked;
  }
  uint64_t CacheBytes() const override { return db_->stats().cache_bytes_used; }

  void SetMetadata() {
    Check(db_->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(VectorIndex index, txn.vectors(kName));
      return index.CreateIndex({.fields = {{.path = "u"}}});
    }));
    for (size_t from = 0; from < data_.u.size(); from += kLoadedAtOnce)
      Check(db_->Write([&](WriteTransaction& txn) -> absl::Status {
        SHEAF_ASSIGN_OR_RETURN(VectorIndex index, txn.vectors(kName));
        const size_t end = std::min(from + kLoadedAtOnce, data_.u.size());
        for (size_t i = from; i < end; ++i)
          SHEAF_RETURN_IF_ERROR(
              index.SetMetadata(int64_t(i), absl::StrCat("{\"u\":", data_.u[i], "}")));
        return absl::OkStatus();
      }));
  }
  VectorSet SelectWhere(const std::string& filter) {
    if (readers_.empty()) AddReader();
    return Take(readers_[0].index.SelectWhere(filter));
  }

 private:
  struct Reader {
    ReadTransaction read;
    VectorIndexReader index;
  };

  void AddReader() {
    ReadTransaction read = db_->BeginRead();
    VectorIndexReader index = Take(read.vectors(kName));
    readers_.push_back({std::move(read), std::move(index)});
  }
  void Put(const Vectors& vectors, size_t first_key, size_t begin, size_t end,
           size_t at_once) {
    for (size_t from = begin; from < end; from += at_once)
      Check(db_->Write([&](WriteTransaction& txn) -> absl::Status {
        SHEAF_ASSIGN_OR_RETURN(VectorIndex index, txn.vectors(kName, OptionsOf(data_)));
        for (size_t i = from; i < std::min(from + at_once, end); ++i)
          SHEAF_RETURN_IF_ERROR(index.Put(int64_t(first_key + i), vectors.Of(i)));
        return absl::OkStatus();
      }));
  }

  const IndexOptions options_;
  const Dataset& data_;
  const std::string path_;
  uint64_t cache_bytes_max_ = 0;
  std::unique_ptr<Database> db_;
  std::vector<Reader> readers_;
};

// One that may be changed, and is gone afterwards.
class Copy {
 public:
  explicit Copy(const IndexOptions& options) : index_(options, "copy.sheaf") {
    std::filesystem::copy_file(options.dir + "/" + kFile, index_.path(),
                               std::filesystem::copy_options::overwrite_existing);
    index_.Open();
  }
  ~Copy() {
    index_.Close();
    std::filesystem::remove(index_.path());
  }
  SheafIndex& operator*() { return index_; }
  SheafIndex* operator->() { return &index_; }

 private:
  SheafIndex index_;
};

}  // namespace

std::unique_ptr<Index> NewSheafIndex(const IndexOptions& options) {
  return std::make_unique<SheafIndex>(options);
}

// Queries that were not asked before, once to fill the cache, once to measure.
void MeasureSheafCache(const IndexOptions& options, uint32_t breadth, Figures& figures) {
  SheafIndex index(options);
  const uint64_t bytes = std::filesystem::file_size(index.path());
  const size_t count = std::min(kCacheQueries, options.data->late.size());
  const auto seconds = [&] {
    index.Open();
    Found found(count * kNeighbours);
    index.Search(options.data->late, breadth, 1, &found);
    const double begin = Now();
    index.Search(options.data->late, breadth, 1, &found);
    const double end = Now();
    index.Close();
    return end - begin;
  };
  const double all = seconds();
  index.set_cache_bytes_max(std::max(bytes / 4, uint64_t{1} << 20));
  figures["quarter_cache"] = all / seconds();
}

// Into an index that has been searched, so that its pages are in memory as peers' indexes are.
void MeasureSheafInserts(const IndexOptions& options, Figures& figures) {
  Copy index(options);
  Found found(options.data->queries.size() * kNeighbours);
  index->Search(options.data->queries, kWarmingBreadth, 1, &found);
  const size_t half = options.data->late.size() / 2;
  double inserting = 0;
  for (const int threads : {1, 2}) {
    double begin = Now();
    index->Add(half * (threads - 1), half * threads, 1);
    inserting += Now() - begin;
    begin = Now();
    Require(index->Link(threads) == half, "sheaf", "did not link all that are new");
    figures[absl::StrCat("link_", threads)] = double(half) / (Now() - begin);
  }
  figures["insert"] = 2 * double(half) / inserting;
}

void MeasureSheafFilters(const IndexOptions& options, Figures& figures) {
  const Dataset& data = *options.data;
  Copy index(options);
  index->SetMetadata();
  for (const Truth& truth : data.filter_truths) {
    const std::string filter = absl::StrCat(R"({"u":{"$lt":)", truth.bound, "}}");
    const double begin = Now();
    const VectorSet among = index->SelectWhere(filter);
    figures["select_" + FilterName(truth)] = 1e3 * (Now() - begin);
    const auto measure = [&](const std::string& row, VectorSearchOptions how) {
      how.k = kNeighbours;
      Sweep sweep(options, truth, 0.95, Sweep::Full::kRequired,
                  [&](uint32_t breadth, int threads, Found* found) {
                    how.ef = breadth;
                    index->SearchWith(how, data.queries, kFilterQueries, threads, found);
                  });
      if (const auto rate = sweep.RateAt(0.95, 1)) figures[row] = *rate;
    };
    measure("filter_" + FilterName(truth), {.among = &among});
    measure("filter_json_" + FilterName(truth), {.filter = filter});
  }
}

}  // namespace sheaf::bench::vectors
