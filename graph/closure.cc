#include "graph/closure.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "graph/depth_first.h"
#include "graph/strong_components.h"
#include "graph/work_meter.h"
#include "pager/status_macros.h"

namespace sheaf {
namespace {

using graph::Neighbors;
using graph::WorkMeter;

constexpr uint64_t kWordBits = 64;

uint64_t WordsOf(uint64_t bits) { return (bits + kWordBits - 1) / kWordBits; }

// Condense takes its memory from `meter`; what it returns stays taken.
absl::StatusOr<Condensation> CondenseWith(const GraphProjection& graph,
                                          WorkMeter* meter) {
  const AlgorithmOptions left = meter->OptionsLeft();
  SHEAF_ASSIGN_OR_RETURN(Condensation c, Condense(graph, left));
  SHEAF_RETURN_IF_ERROR(meter->Take(c.graph.bytes() + graph.vertex_count() * uint64_t{8} +
                                    c.members.size() * sizeof(uint64_t)));
  return c;
}

// Adds up the sizes of the components whose bits are set. Most are single vertices: those
// are counted a word at a time.
class SizeCounter {
 public:
  explicit SizeCounter(const VertexLists& members)
      : members_(&members), large_(WordsOf(members.size()), 0) {
    for (uint64_t c = 0; c < members.size(); ++c)
      if (members[c].size() > 1) large_[c / kWordBits] |= uint64_t{1} << (c % kWordBits);
  }
  // `bits` begin with component 64 * first_word.
  uint64_t Count(absl::Span<const uint64_t> bits, uint64_t first_word) const {
    uint64_t count = 0;
    for (uint64_t i = 0; i < bits.size(); ++i) {
      count += static_cast<uint64_t>(std::popcount(bits[i]));
      for (uint64_t word = bits[i] & large_[first_word + i]; word != 0; word &= word - 1)
        count += (*members_)[(first_word + i) * kWordBits +
                             static_cast<uint64_t>(std::countr_zero(word))]
                     .size() -
                 1;
    }
    return count;
  }

 private:
  const VertexLists* members_;
  std::vector<uint64_t> large_;  // bits: components of several vertices
};

// Which components are reached, for a few columns at a time: as many as fit the memory.
// The last component comes first, so what a component reaches is known of its heads; of
// those the nearest comes first, so one that is set already is no edge of the reduction.
class ColumnSweep {
 public:
  // edge(c, i, known): its i-th edge, whether another path leads there; each edge once.
  // row(c, bits, first_word): what it reaches of these columns.
  template <class EdgeFn, class RowFn>
  static absl::Status Run(const GraphProjection& dag, WorkMeter* meter,
                          const EdgeFn& edge, const RowFn& row) {
    constexpr uint64_t kWordsMax = 64;  // longer rows gain nothing more
    const uint64_t k = dag.vertex_count(), all = WordsOf(k);
    if (k == 0) return absl::OkStatus();
    const uint64_t fit = meter->bytes_left() / (k * sizeof(uint64_t));
    const uint64_t words = std::clamp(fit, uint64_t{1}, std::min(kWordsMax, all));
    SHEAF_RETURN_IF_ERROR(meter->Take(k * words * sizeof(uint64_t)));
    SHEAF_RETURN_IF_ERROR(
        meter->Begin("words of reachability", all * (dag.edge_count() + k)));
    ColumnSweep sweep(dag, words);
    for (uint64_t first = 0; first < all; first += words)
      SHEAF_RETURN_IF_ERROR(sweep.Pass(first, meter, edge, row));
    return absl::OkStatus();
  }

 private:
  ColumnSweep(const GraphProjection& dag, uint64_t words)
      : dag_(&dag), words_(words), rows_(dag.vertex_count() * words) {}

  template <class EdgeFn, class RowFn>
  absl::Status Pass(uint64_t first_word, WorkMeter* meter, const EdgeFn& edge,
                    const RowFn& row) {
    const uint64_t k = dag_->vertex_count();
    const uint64_t words = std::min(words_, WordsOf(k) - first_word);
    const uint64_t lo = first_word * kWordBits;
    const uint64_t hi = std::min(k, lo + words * kWordBits);
    for (uint64_t c = hi; c-- > 0;) {
      uint64_t* bits = &rows_[c * words];
      std::fill(bits, bits + words, 0);
      if (c >= lo) bits[(c - lo) / kWordBits] |= uint64_t{1} << ((c - lo) % kWordBits);
      const absl::Span<const VertexIndex> heads = dag_->Out(static_cast<VertexIndex>(c));
      size_t i = 0;
      for (; i < heads.size() && heads[i] < hi; ++i) {
        const uint64_t d = heads[i];
        if (d >= lo) {
          const bool known =
              ((bits[(d - lo) / kWordBits] >> ((d - lo) % kWordBits)) & 1) != 0;
          edge(static_cast<VertexIndex>(c), i, known);
          if (known) continue;
        }
        const uint64_t* other = &rows_[d * words];
        for (uint64_t w = 0; w < words; ++w) bits[w] |= other[w];
      }
      row(static_cast<VertexIndex>(c), absl::MakeConstSpan(bits, words), first_word);
      SHEAF_RETURN_IF_ERROR(meter->Add((i + 1) * words));
    }
    return absl::OkStatus();
  }

  const GraphProjection* dag_;
  uint64_t words_;
  std::vector<uint64_t> rows_;
};

}  // namespace

absl::StatusOr<TransitiveClosure> TransitiveClosure::Of(const GraphProjection& graph,
                                                        const AlgorithmOptions& options) {
  WorkMeter meter(options, "the transitive closure");
  SHEAF_ASSIGN_OR_RETURN(Condensation c, CondenseWith(graph, &meter));
  TransitiveClosure t;
  const VertexIndex k = c.graph.vertex_count();
  t.row_words_ = WordsOf(k);
  const uint64_t words = t.RowBegin(k);
  SHEAF_RETURN_IF_ERROR(meter.Take((words + k + t.row_words_) * sizeof(uint64_t)));
  uint64_t work = words;
  for (VertexIndex v = 0; v < k; ++v)
    work += c.graph.In(v).size() * (t.row_words_ - v / kWordBits);
  SHEAF_RETURN_IF_ERROR(meter.Begin("words of reachability", work));
  t.component_of_ = std::move(c.component_of);
  t.members_ = std::move(c.members);
  t.counts_.resize(k);
  t.rows_.assign(words, 0);
  const SizeCounter sizes(t.members_);
  for (VertexIndex v = k; v-- > 0;) {
    uint64_t* row = &t.rows_[t.RowBegin(v)];
    row[0] |= uint64_t{1} << (v % kWordBits);
    for (VertexIndex w : c.graph.Out(v)) {
      const uint64_t length = t.row_words_ - w / kWordBits;
      SHEAF_RETURN_IF_ERROR(meter.Add(length));
      uint64_t* from_w_on = row + w / kWordBits - v / kWordBits;
      if (((*from_w_on >> (w % kWordBits)) & 1) != 0) continue;  // so are all behind it
      const uint64_t* other = &t.rows_[t.RowBegin(w)];
      for (uint64_t i = 0; i < length; ++i) from_w_on[i] |= other[i];
    }
    const uint64_t length = t.row_words_ - v / kWordBits;
    t.counts_[v] = sizes.Count(absl::MakeConstSpan(row, length), v / kWordBits);
    SHEAF_RETURN_IF_ERROR(meter.Add(length));
  }
  return t;
}

std::vector<VertexIndex> TransitiveClosure::Reachable(VertexIndex v) const {
  const uint64_t c = component_of_[v], begin = RowBegin(c);
  std::vector<VertexIndex> result;
  result.reserve(counts_[c]);
  for (uint64_t i = c / kWordBits; i < row_words_; ++i) {
    for (uint64_t word = rows_[begin + i - c / kWordBits]; word != 0; word &= word - 1) {
      const auto members =
          members_[i * kWordBits + static_cast<uint64_t>(std::countr_zero(word))];
      result.insert(result.end(), members.begin(), members.end());
    }
  }
  std::sort(result.begin(), result.end());
  return result;
}

uint64_t TransitiveClosure::pair_count() const {
  uint64_t count = 0;
  for (uint64_t c = 0; c < counts_.size(); ++c) count += counts_[c] * members_[c].size();
  return count;
}

uint64_t TransitiveClosure::bytes() const {
  return (component_of_.capacity() + members_.items.capacity()) * sizeof(VertexIndex) +
         (members_.offsets.capacity() + counts_.capacity() + rows_.capacity()) *
             sizeof(uint64_t);
}

absl::StatusOr<std::vector<uint64_t>> ReachableCounts(const GraphProjection& graph,
                                                      const AlgorithmOptions& options) {
  WorkMeter meter(options, "the counts of reachable vertices");
  SHEAF_ASSIGN_OR_RETURN(const Condensation c, CondenseWith(graph, &meter));
  const uint64_t k = c.graph.vertex_count();
  SHEAF_RETURN_IF_ERROR(
      meter.Take((graph.vertex_count() + k + WordsOf(k)) * sizeof(uint64_t)));
  std::vector<uint64_t> counts(k, 0);
  const SizeCounter sizes(c.members);
  SHEAF_RETURN_IF_ERROR(ColumnSweep::Run(
      c.graph, &meter, [](VertexIndex, size_t, bool) {},
      [&](VertexIndex v, absl::Span<const uint64_t> bits, uint64_t first_word) {
        counts[v] += sizes.Count(bits, first_word);
      }));
  std::vector<uint64_t> result(graph.vertex_count());
  for (VertexIndex v = 0; v < result.size(); ++v) result[v] = counts[c.component_of[v]];
  return result;
}

namespace {

// The edges of the reduction. `gone`: by the places of the condensation's edges.
absl::StatusOr<std::vector<GraphProjection::Edge>> ReducedEdges(
    const GraphProjection& graph, const Condensation& c, std::vector<bool> gone,
    WorkMeter* meter) {
  std::vector<GraphProjection::Edge> edges;
  const auto kept = static_cast<uint64_t>(std::count(gone.begin(), gone.end(), false));
  SHEAF_RETURN_IF_ERROR(meter->Take((kept + graph.vertex_count()) * 32));
  edges.reserve(kept + graph.vertex_count());
  for (VertexIndex from = 0; from < c.members.size(); ++from) {
    const absl::Span<const VertexIndex> members = c.members[from];
    const absl::Span<const VertexIndex> heads = c.graph.Out(from);
    for (size_t i = 0; i < members.size(); ++i) {
      const VertexIndex v = members[i];
      if (members.size() > 1)
        edges.push_back({.from = v, .to = members[(i + 1) % members.size()]});
      for (VertexIndex w : graph.Out(v)) {
        const VertexIndex to = c.component_of[w];
        if (to == from) continue;
        const auto at = std::lower_bound(heads.begin(), heads.end(), to);
        const uint64_t place =
            c.graph.OutBegin(from) + static_cast<uint64_t>(at - heads.begin());
        if (gone[place]) continue;
        gone[place] = true;  // one edge is enough
        edges.push_back({.from = v, .to = w});
      }
      SHEAF_RETURN_IF_ERROR(meter->Add(graph.Out(v).size() + 1));
    }
  }
  return edges;
}

}  // namespace

absl::StatusOr<GraphProjection> TransitiveReduction(const GraphProjection& graph,
                                                    const AlgorithmOptions& options) {
  if (!graph.is_directed())
    return absl::InvalidArgumentError("the transitive reduction of an undirected graph");
  WorkMeter meter(options, "the transitive reduction");
  SHEAF_ASSIGN_OR_RETURN(const Condensation c, CondenseWith(graph, &meter));
  const uint64_t dag_edges = c.graph.edge_count();
  // For the result: its vertices and, at the worst, all edges.
  const uint64_t result_bytes = graph.vertex_count() * uint64_t{64} + dag_edges * 32;
  SHEAF_RETURN_IF_ERROR(meter.Take(dag_edges / 8 + 8 + result_bytes));
  std::vector<bool> gone(dag_edges);
  SHEAF_RETURN_IF_ERROR(ColumnSweep::Run(
      c.graph, &meter,
      [&](VertexIndex v, size_t i, bool known) {
        if (known) gone[c.graph.OutBegin(v) + i] = true;
      },
      [](VertexIndex, absl::Span<const uint64_t>, uint64_t) {}));
  meter.Give(result_bytes);
  SHEAF_RETURN_IF_ERROR(meter.Begin("edges", graph::OutEntries(graph)));
  SHEAF_ASSIGN_OR_RETURN(const std::vector<GraphProjection::Edge> edges,
                         ReducedEdges(graph, c, std::move(gone), &meter));
  std::vector<VertexId> ids(graph.vertex_count());
  for (VertexIndex v = 0; v < ids.size(); ++v) ids[v] = graph.id(v);
  return GraphProjection::Of(std::move(ids), edges, GraphProjection::Edges::kDirected);
}

namespace {

// Breadth first; bits by vertex.
absl::StatusOr<std::vector<bool>> Reached(const GraphProjection& graph,
                                          absl::Span<const VertexIndex> sources,
                                          Direction direction, uint32_t depth_max,
                                          const AlgorithmOptions& options) {
  for (VertexIndex v : sources)
    SHEAF_RETURN_IF_ERROR(graph::CheckVertex(graph, v, "a source"));
  WorkMeter meter(options, "the reachable vertices");
  SHEAF_RETURN_IF_ERROR(
      meter.Take(graph.vertex_count() * uint64_t{2 * sizeof(VertexIndex)} +
                 graph.vertex_count() / 8));
  SHEAF_RETURN_IF_ERROR(meter.Begin("edges and vertices", 0));
  std::vector<bool> seen(graph.vertex_count());
  std::vector<VertexIndex> queue;
  queue.reserve(graph.vertex_count());
  const auto add = [&](VertexIndex v) {
    if (seen[v]) return;
    seen[v] = true;
    queue.push_back(v);
  };
  for (VertexIndex v : sources) add(v);
  size_t begin = 0;
  for (uint32_t depth = 0; depth < depth_max && begin < queue.size(); ++depth) {
    for (const size_t end = queue.size(); begin < end; ++begin) {
      const Neighbors neighbors(graph, queue[begin], direction);
      for (uint64_t i = 0; i < neighbors.size(); ++i) add(neighbors[i]);
      SHEAF_RETURN_IF_ERROR(meter.Add(neighbors.size() + 1));
    }
  }
  return seen;
}

std::vector<VertexIndex> Those(const std::vector<bool>& bits, bool value) {
  std::vector<VertexIndex> result;
  result.reserve(static_cast<size_t>(std::count(bits.begin(), bits.end(), value)));
  for (VertexIndex v = 0; v < bits.size(); ++v)
    if (bits[v] == value) result.push_back(v);
  return result;
}

}  // namespace

absl::StatusOr<std::vector<VertexIndex>> ReachableFrom(
    const GraphProjection& graph, absl::Span<const VertexIndex> sources,
    Direction direction, uint32_t depth_max, const AlgorithmOptions& options) {
  SHEAF_ASSIGN_OR_RETURN(const std::vector<bool> reached,
                         Reached(graph, sources, direction, depth_max, options));
  return Those(reached, true);
}

absl::StatusOr<std::vector<VertexIndex>> UnreachableFrom(
    const GraphProjection& graph, absl::Span<const VertexIndex> sources,
    Direction direction, uint32_t depth_max, const AlgorithmOptions& options) {
  SHEAF_ASSIGN_OR_RETURN(const std::vector<bool> reached,
                         Reached(graph, sources, direction, depth_max, options));
  return Those(reached, false);
}

}  // namespace sheaf
