// Weak components and cores; triangles are in triangles.cc.
#include "graph/components.h"

#include <algorithm>
#include <atomic>
#include <numeric>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "graph/algorithm_run.h"
#include "graph/neighbors.h"
#include "graph/source_sample.h"
#include "pager/status_macros.h"

namespace sheaf {

using graph::AlgorithmRun;
using graph::Meter;

namespace {

// Trees of vertices, each below a smaller one, the root the smallest. Any number of
// threads may join and compress; the order does not change which roots are left.
class Forest {
 public:
  explicit Forest(VertexIndex n) : parents_(n) {
    std::iota(parents_.begin(), parents_.end(), 0);
  }

  void Join(VertexIndex u, VertexIndex v) {
    VertexIndex a = Parent(u), b = Parent(v);
    while (a != b) {
      const VertexIndex high = std::max(a, b), low = std::min(a, b);
      VertexIndex above = Parent(high);
      if (above == low) return;
      // Only a root is hung below another vertex.
      if (above == high &&
          std::atomic_ref(parents_[high])
              .compare_exchange_strong(above, low, std::memory_order_relaxed))
        return;
      a = Parent(Parent(high));
      b = Parent(low);
    }
  }

  // Hangs v directly below its root.
  void Compress(VertexIndex v) {
    VertexIndex root = Parent(v);
    while (Parent(root) != root) root = Parent(root);
    std::atomic_ref(parents_[v]).store(root, std::memory_order_relaxed);
  }

  VertexIndex Parent(VertexIndex v) {
    return std::atomic_ref(parents_[v]).load(std::memory_order_relaxed);
  }

  std::vector<VertexIndex> Take() { return std::move(parents_); }

 private:
  std::vector<VertexIndex> parents_;
};

VertexIndex GreatestHub(const GraphProjection& graph) {
  VertexIndex hub = 0;
  uint64_t most = 0;
  for (VertexIndex v = 0; v < graph.vertex_count(); ++v) {
    const uint64_t degree = graph::DegreeOf(graph, v, Direction::kBoth);
    if (degree > most) hub = v;
    most = std::max(most, degree);
  }
  return hub;
}

// The root that most of a sample has.
VertexIndex FrequentRoot(Forest& forest, VertexIndex n) {
  constexpr uint32_t kSample = 1024;
  absl::flat_hash_map<VertexIndex, uint32_t> counts;
  VertexIndex best = 0;
  for (const VertexIndex v : graph::SampleOf(n, kSample, 1)) {
    const VertexIndex root = forest.Parent(v);
    if (++counts[root] > counts[best]) best = root;
  }
  return best;
}

}  // namespace

absl::StatusOr<std::vector<VertexIndex>> WeakComponents(const GraphProjection& graph,
                                                        const AlgorithmOptions& options) {
  const VertexIndex n = graph.vertex_count();
  AlgorithmRun run(options, "WeakComponents", "vertices", 4 * uint64_t{n});
  SHEAF_RETURN_IF_ERROR(run.Begin(uint64_t{n} * sizeof(VertexIndex)));
  if (n == 0) return std::vector<VertexIndex>();
  Forest forest(n);
  const std::vector<VertexIndex> chunks = graph::ChunksOf(graph, Direction::kOut);
  const auto for_each = [&](auto fn) {
    return graph::ForEachChunk(
        &run, chunks.size() - 1, [&](size_t chunk, size_t, Meter& meter) {
          for (VertexIndex v = chunks[chunk]; v < chunks[chunk + 1]; ++v) fn(v);
          meter.Done(chunks[chunk + 1] - chunks[chunk]);
          return meter.Work(graph::kChunkWork);
        });
  };
  // The greatest hub first: with its neighbours below one root most joins after it have
  // nothing to do, and trees stay low. Then one edge of each vertex.
  const VertexIndex hub = GreatestHub(graph);
  graph::ForEachNeighbor(graph, hub, Direction::kBoth,
                         [&](VertexIndex u) { forest.Join(hub, u); });
  SHEAF_RETURN_IF_ERROR(for_each([&](VertexIndex v) {
    if (!graph.Out(v).empty()) forest.Join(v, graph.Out(v)[0]);
  }));
  SHEAF_RETURN_IF_ERROR(for_each([&](VertexIndex v) { forest.Compress(v); }));
  // An edge inside the greatest component joins nothing; one that leaves it is seen from
  // its other end, whichever way it goes.
  const VertexIndex greatest = FrequentRoot(forest, n);
  SHEAF_RETURN_IF_ERROR(for_each([&](VertexIndex v) {
    if (forest.Parent(v) == greatest) return;
    graph::ForEachNeighbor(graph, v, Direction::kBoth,
                           [&](VertexIndex u) { forest.Join(v, u); });
  }));
  SHEAF_RETURN_IF_ERROR(for_each([&](VertexIndex v) { forest.Compress(v); }));
  return forest.Take();
}

absl::StatusOr<std::vector<LabelSize>> SizesOf(absl::Span<const VertexIndex> labels) {
  std::vector<uint64_t> counts(labels.size());
  for (const VertexIndex label : labels) {
    if (label >= labels.size())
      return absl::InvalidArgumentError(absl::StrCat(
          "SizesOf: the label ", label, " among ", labels.size(), " vertices"));
    ++counts[label];
  }
  std::vector<LabelSize> sizes;
  for (VertexIndex label = 0; label < counts.size(); ++label)
    if (counts[label] > 0) sizes.push_back({label, counts[label]});
  std::stable_sort(
      sizes.begin(), sizes.end(),
      [](const LabelSize& a, const LabelSize& b) { return a.size > b.size; });
  return sizes;
}

namespace {

// The vertices by how many neighbours each has left; a bucket sort that is kept up as
// they are taken away.
class ByDegree {
 public:
  static constexpr uint64_t kBytesPerVertex = 4 * sizeof(uint32_t);

  explicit ByDegree(std::vector<uint32_t> degrees)
      : degrees_(std::move(degrees)), places_(degrees_.size()), order_(degrees_.size()) {
    uint32_t greatest = 0;
    for (const uint32_t degree : degrees_) greatest = std::max(greatest, degree);
    begins_.assign(size_t{greatest} + 2, 0);
    for (const uint32_t degree : degrees_) ++begins_[degree + 1];
    std::partial_sum(begins_.begin(), begins_.end(), begins_.begin());
    std::vector<uint32_t> next = begins_;
    for (VertexIndex v = 0; v < degrees_.size(); ++v) {
      places_[v] = next[degrees_[v]]++;
      order_[places_[v]] = v;
    }
  }

  VertexIndex At(size_t place) const { return order_[place]; }
  uint32_t degree(VertexIndex v) const { return degrees_[v]; }
  std::vector<uint32_t> Take() { return std::move(degrees_); }

  // Changes places with the first of its bucket, and moves the bucket's begin behind it.
  void Lower(VertexIndex v) {
    const uint32_t degree = degrees_[v]--;
    const uint32_t begin = begins_[degree]++, place = places_[v];
    const VertexIndex first = order_[begin];
    std::swap(order_[begin], order_[place]);
    places_[first] = place;
    places_[v] = begin;
  }

 private:
  std::vector<uint32_t> degrees_, places_, begins_;
  std::vector<VertexIndex> order_;
};

}  // namespace

absl::StatusOr<std::vector<uint32_t>> CoreNumbers(const GraphProjection& graph,
                                                  const AlgorithmOptions& options) {
  const VertexIndex n = graph.vertex_count();
  AlgorithmRun run(options, "CoreNumbers", "vertices", uint64_t{n} * 2);
  SHEAF_RETURN_IF_ERROR(run.Begin(n * (ByDegree::kBytesPerVertex + sizeof(uint32_t))));
  Meter meter(&run);
  std::vector<uint32_t> degrees(n);
  for (VertexIndex v = 0; v < n; ++v) {
    graph::ForEachDistinctNeighbor(graph, v, [&](VertexIndex, int) { ++degrees[v]; });
    SHEAF_RETURN_IF_ERROR(meter.Work(degrees[v] + 1));
    meter.Done(1);
  }
  ByDegree vertices(std::move(degrees));
  for (size_t place = 0; place < n; ++place) {
    const VertexIndex v = vertices.At(place);
    const uint32_t core = vertices.degree(v);
    graph::ForEachDistinctNeighbor(graph, v, [&](VertexIndex u, int) {
      if (vertices.degree(u) > core) vertices.Lower(u);
    });
    SHEAF_RETURN_IF_ERROR(meter.Work(core + 1));
    meter.Done(1);
  }
  return vertices.Take();
}

}  // namespace sheaf
