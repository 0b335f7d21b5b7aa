// hnswlib 0.6.2, compiled with all vector instructions of this machine, which it chooses
// by macros. Inserts and searches by two threads each, never the two together, as it asks
// for. It has no filters: the search takes as many as hold k that match, if they are
// spread evenly, and doubles that until there are k.
#include <algorithm>
#include <atomic>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <iostream>
#include <limits>
#include <list>
#include <memory>
#include <mutex>
#include <queue>
#include <random>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>
#if defined(__x86_64__)
#include <cpuid.h>
#include <x86intrin.h>
#endif

#include "bench/engine.h"  // Require
#include "bench/vectors/index.h"
#include "bench/vectors/parallel.h"
#include "bench/vectors/sweep.h"

// In a namespace of its own, with all that it includes before: Sheaf has another hnswlib,
// compiled otherwise, and neither may get the other's functions. See
// vector/bulk_build.cc.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wsign-compare"
namespace sheaf::bench::vectors::foreign {
#include <hnswlib/hnswlib.h>
}  // namespace sheaf::bench::vectors::foreign
#pragma GCC diagnostic pop

namespace sheaf::bench::vectors {
namespace {

namespace hnswlib = foreign::hnswlib;
using Graph = hnswlib::HierarchicalNSW<float>;

std::unique_ptr<hnswlib::SpaceInterface<float>> SpaceOf(const Dataset& data) {
  const size_t dimensions = data.indexed.dimensions;
  if (data.metric == Metric::kL2) return std::make_unique<hnswlib::L2Space>(dimensions);
  return std::make_unique<hnswlib::InnerProductSpace>(dimensions);
}

class HnswlibIndex final : public Index {
 public:
  explicit HnswlibIndex(const IndexOptions& options)
      : data_(*options.data),
        path_(options.dir + "/index.hnsw"),
        space_(SpaceOf(*options.data)) {}

  void Build(int threads, Figures& figures) override {
    const size_t count = data_.indexed.size();
    const double begin = Now();
    graph_ = std::make_unique<Graph>(space_.get(), count, kLinks, kBreadthOfConstruction);
    AddAll(data_.indexed, 0, 0, count, threads);
    figures["build"] = double(count) / (Now() - begin);
    graph_->saveIndex(path_);
    figures["build_to_file"] = double(count) / (Now() - begin);
  }
  void Open() override {
    graph_ = std::make_unique<Graph>(space_.get(), path_, false,
                                     data_.indexed.size() + data_.late.size());
  }
  void Search(const Vectors& queries, uint32_t breadth, int threads,
              Found* found) override {
    graph_->setEf(breadth);
    ForEach(threads, found->size() / kNeighbours, [&](int, size_t q) {
      auto nearest = graph_->searchKnn(queries[q], kNeighbours);
      uint32_t* const ids = found->data() + q * kNeighbours;
      std::fill_n(ids, kNeighbours, kNone);
      for (size_t i = 0; !nearest.empty(); nearest.pop(), ++i)
        ids[i] = uint32_t(nearest.top().second);
    });
  }
  void Add(size_t begin, size_t end, int threads) override {
    AddAll(data_.late, data_.indexed.size(), begin, end, threads);
  }

  // Looks at `breadth` vectors first.
  void SearchBelow(uint32_t bound, const float* query, size_t breadth, uint32_t* found) {
    std::vector<uint32_t> ids;
    for (;; breadth *= 2) {
      breadth = std::min(breadth, data_.indexed.size());
      ids.clear();
      auto nearest = graph_->searchKnn(query, breadth);  // the farthest comes first
      for (; !nearest.empty(); nearest.pop())
        if (data_.u[nearest.top().second] < bound)
          ids.push_back(uint32_t(nearest.top().second));
      if (ids.size() >= kNeighbours || breadth == data_.indexed.size()) break;
    }
    const size_t count = std::min<size_t>(ids.size(), kNeighbours);
    std::fill_n(found, kNeighbours, kNone);
    std::copy(ids.end() - count, ids.end(), found);
  }

 private:
  void AddAll(const Vectors& vectors, size_t first_label, size_t begin, size_t end,
              int threads) {
    ForEach(threads, end - begin, [&](int, size_t i) {
      graph_->addPoint(vectors[begin + i], first_label + begin + i);
    });
  }

  const Dataset& data_;
  const std::string path_;
  const std::unique_ptr<hnswlib::SpaceInterface<float>> space_;
  std::unique_ptr<Graph> graph_;
};

}  // namespace

std::unique_ptr<Index> NewHnswlibIndex(const IndexOptions& options) {
  return std::make_unique<HnswlibIndex>(options);
}

void MeasureHnswlibFilters(const IndexOptions& options, Figures& figures) {
  const Dataset& data = *options.data;
  HnswlibIndex index(options);
  index.Open();
  for (const Truth& truth : data.filter_truths) {
    Sweep sweep(options, truth, 0.95, Sweep::Full::kAny,
                [&](uint32_t breadth, int threads, Found* found) {
                  const size_t first = size_t{breadth} * kBounds / truth.bound;
                  ForEach(threads, kFilterQueries, [&](int, size_t q) {
                    index.SearchBelow(truth.bound, data.queries[q], first,
                                      found->data() + q * kNeighbours);
                  });
                });
    if (const auto rate = sweep.RateAt(0.95, 1))
      figures["filter_" + FilterName(truth)] = *rate;
  }
}

}  // namespace sheaf::bench::vectors
