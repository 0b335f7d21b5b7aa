// The limit: compressed sparse rows in memory, built before the run, and the simple loops
// that one writes for them. One thread. Nothing is stored, nothing is a snapshot.
#include <algorithm>
#include <numeric>
#include <optional>

#include "bench/engine.h"  // Fail
#include "bench/graphs/store.h"

namespace sheaf::bench::graphs {
namespace {

class CsrStore final : public Store {
 public:
  explicit CsrStore(const Dataset& data)
      : data_(data), lists_(data.out, data.in), searcher_(lists_, data.vertex_count) {}

  void Load(absl::Span<const Edge>) override { Fail("csr", "is loaded"); }
  void AddEdges(absl::Span<const Edge>) override { Fail("csr", "does not change"); }
  void BeginReading() override {}
  Found Neighbours(uint32_t vertex) override {
    Found found;
    for (const uint32_t end : data_.out.Of(vertex)) ++found.count, found.sum += end;
    return found;
  }
  uint64_t Reach(uint32_t start, uint32_t hops) override {
    return searcher_.Reach(start, hops);
  }
  uint32_t Hops(uint32_t from, uint32_t to) override { return searcher_.Hops(from, to); }

 private:
  const Dataset& data_;
  CsrLists lists_;
  Searcher<CsrLists> searcher_;
};

std::vector<uint32_t> QueueBfs(const Rows& out, uint32_t vertices, uint32_t start) {
  std::vector<uint32_t> depths(vertices, kAnyHops), queue{start};
  depths[start] = 0;
  for (size_t at = 0; at < queue.size(); ++at)
    for (const uint32_t end : out.Of(queue[at]))
      if (depths[end] == kAnyHops) {
        depths[end] = depths[queue[at]] + 1;
        queue.push_back(end);
      }
  return depths;
}

std::vector<double> PullPageRank(const Rows& out, const Rows& in, uint32_t n) {
  constexpr double kDamping = 0.85;
  std::vector<double> ranks(n, 1.0 / n), given(n);
  for (int round = 0; round < 20; ++round) {
    double dangling = 0;
    for (uint32_t v = 0; v < n; ++v) {
      const size_t degree = out.Of(v).size();
      if (degree == 0)
        dangling += ranks[v];
      else
        given[v] = ranks[v] / double(degree);
    }
    const double base = (1 - kDamping) / n + kDamping * dangling / n;
    for (uint32_t v = 0; v < n; ++v) {
      double sum = 0;
      for (const uint32_t tail : in.Of(v)) sum += given[tail];
      ranks[v] = base + kDamping * sum;
    }
  }
  return ranks;
}

// Union-find by the smaller label, with path halving.
std::vector<uint32_t> Components(const Rows& out, uint32_t n) {
  std::vector<uint32_t> labels(n);
  std::iota(labels.begin(), labels.end(), 0);
  const auto find = [&](uint32_t v) {
    while (labels[v] != v) v = labels[v] = labels[labels[v]];
    return v;
  };
  for (uint32_t v = 0; v < n; ++v)
    for (const uint32_t end : out.Of(v)) {
      const uint32_t a = find(v), b = find(end);
      if (a != b) labels[std::max(a, b)] = std::min(a, b);
    }
  for (uint32_t v = 0; v < n; ++v) labels[v] = find(v);
  return labels;
}

}  // namespace

std::unique_ptr<Store> NewCsrStore(const StoreOptions& options) {
  return std::make_unique<CsrStore>(*options.data);
}

void MeasureCsrAlgorithms(const StoreOptions& options, Figures& figures) {
  const Dataset& data = *options.data;
  const uint32_t n = data.vertex_count;
  const auto edges = double(data.edges.size());
  double found = 0, sum = 0, total = 0;
  for (const uint32_t start : data.bfs_starts)
    for (const uint32_t depth : QueueBfs(data.out, n, start))
      if (depth != kAnyHops) found += 1 + depth;
  const double searches_per_second = CallsPerSecond(options.seconds, [&] {
    for (const uint32_t start : data.bfs_starts) QueueBfs(data.out, n, start);
  });
  figures["projected_bfs"] = double(data.bfs_starts.size()) * searches_per_second;
  figures["check:projected_bfs"] = found;

  std::vector<double> ranks;
  std::vector<uint32_t> labels;
  const double ranks_per_second = CallsPerSecond(
      options.seconds, [&] { ranks = PullPageRank(data.out, data.in, n); });
  const double labels_per_second =
      CallsPerSecond(options.seconds, [&] { labels = Components(data.out, n); });
  for (uint32_t v = 0; v < n; ++v) sum += ranks[v] * (v % 1000), total += labels[v];
  for (const char* threads : {"_1", "_2"}) {  // ours uses one, or two
    const std::string suffix = threads;
    figures["pagerank" + suffix] = 20 * edges * ranks_per_second;
    figures["near:pagerank" + suffix] = sum;
    figures["wcc" + suffix] = edges * labels_per_second;
    figures["check:wcc" + suffix] = total;
  }
}

}  // namespace sheaf::bench::graphs
