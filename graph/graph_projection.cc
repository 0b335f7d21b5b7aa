#include "graph/graph_projection.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/str_cat.h"

namespace sheaf {

// Counting sort by one end; then each row by the other.
GraphProjection::Rows GraphProjection::RowsOf(absl::Span<const Edge> edges,
                                              VertexIndex vertices, End row, bool both,
                                              bool weighted) {
  Rows rows;
  rows.offsets.assign(size_t{vertices} + 1, 0);
  const auto for_each = [&](auto fn) {
    for (const Edge& e : edges) {
      if (row == End::kFrom || both) fn(e.from, e.to, e.weight);
      if (row == End::kTo || (both && e.from != e.to)) fn(e.to, e.from, e.weight);
    }
  };
  for_each([&](VertexIndex at, VertexIndex, double) { ++rows.offsets[at + 1]; });
  std::partial_sum(rows.offsets.begin(), rows.offsets.end(), rows.offsets.begin());
  rows.ends.resize(rows.offsets.back());
  if (weighted) rows.weights.resize(rows.offsets.back());
  std::vector<uint64_t> next(rows.offsets.begin(), rows.offsets.end() - 1);
  for_each([&](VertexIndex at, VertexIndex end, double weight) {
    if (weighted) rows.weights[next[at]] = weight;
    rows.ends[next[at]++] = end;
  });
  std::vector<std::pair<VertexIndex, double>> sorted;
  for (VertexIndex v = 0; v < vertices; ++v) {
    const uint64_t begin = rows.offsets[v], end = rows.offsets[v + 1];
    if (!weighted) {
      std::sort(rows.ends.begin() + static_cast<int64_t>(begin),
                rows.ends.begin() + static_cast<int64_t>(end));
      continue;
    }
    sorted.clear();
    for (uint64_t i = begin; i < end; ++i)
      sorted.emplace_back(rows.ends[i], rows.weights[i]);
    std::sort(sorted.begin(), sorted.end());
    for (uint64_t i = begin; i < end; ++i)
      std::tie(rows.ends[i], rows.weights[i]) = sorted[i - begin];
  }
  return rows;
}

absl::StatusOr<GraphProjection> GraphProjection::Of(std::vector<VertexId> ids,
                                                    absl::Span<const Edge> edges,
                                                    Edges kind, bool weighted) {
  if (ids.size() >= kNoVertex)
    return absl::InvalidArgumentError(absl::StrCat("a projection of ", ids.size(),
                                                   " vertices; at most ", kNoVertex - 1,
                                                   " have numbers"));
  for (size_t i = 1; i < ids.size(); ++i)
    if (ids[i] <= ids[i - 1])
      return absl::InvalidArgumentError(
          absl::StrCat("vertex ids do not ascend: ", ids[i - 1], ", ", ids[i]));
  for (const Edge& e : edges) {
    if (e.from >= ids.size() || e.to >= ids.size())
      return absl::InvalidArgumentError(absl::StrCat("an edge from ", e.from, " to ",
                                                     e.to, ", but there are ", ids.size(),
                                                     " vertices"));
    if (weighted && !std::isfinite(e.weight))
      return absl::InvalidArgumentError(absl::StrCat("the weight of the edge from ",
                                                     ids[e.from], " to ", ids[e.to],
                                                     " is not finite"));
  }
  const auto n = static_cast<VertexIndex>(ids.size());
  const bool is_directed = kind == Edges::kDirected;
  return FromRows(std::move(ids), RowsOf(edges, n, End::kFrom, !is_directed, weighted),
                  is_directed ? RowsOf(edges, n, End::kTo, false, weighted) : Rows(),
                  edges.size(), kind, weighted);
}

GraphProjection GraphProjection::FromRows(std::vector<VertexId> ids, Rows out, Rows in,
                                          uint64_t edge_count, Edges kind,
                                          bool weighted) {
  GraphProjection p;
  p.ids_ = std::move(ids);
  p.out_ = std::move(out);
  p.in_ = std::move(in);
  p.edge_count_ = edge_count;
  p.is_directed_ = kind == Edges::kDirected;
  p.is_weighted_ = weighted;
  return p;
}

std::optional<VertexIndex> GraphProjection::Find(VertexId id) const {
  const auto at = std::lower_bound(ids_.begin(), ids_.end(), id);
  if (at == ids_.end() || *at != id) return std::nullopt;
  return static_cast<VertexIndex>(at - ids_.begin());
}

uint64_t GraphProjection::bytes() const {
  return ids_.capacity() * sizeof(VertexId) + out_.bytes() + in_.bytes();
}

}  // namespace sheaf
