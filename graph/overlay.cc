#include "graph/overlay.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "graph/graph_reader.h"
#include "pager/status_macros.h"

namespace sheaf::graph {

class Overlay::Maker {
 public:
  Maker(const GraphReader& reader, Overlay* out) : reader_(reader), out_(*out) {}

  absl::Status TakeVertices(absl::Span<const VertexId> vertices,
                            std::vector<EdgeKey>* with_them) {
    for (const VertexId vertex : vertices) {
      btree::Found found;
      SHEAF_ASSIGN_OR_RETURN(const auto view, reader_.Find(vertex, &found));
      if (view.has_value()) out_.records_.emplace(vertex, std::string());
    }
    out_.vertices_gone_ = out_.records_.size();
    for (const VertexId vertex : vertices)
      if (out_.IsGone(vertex)) SHEAF_RETURN_IF_ERROR(TakeEdgesOf(vertex, with_them));
    return absl::OkStatus();
  }

  absl::Status TakeEdge(const EdgeKey& edge) {
    if (out_.IsGone(edge.from) || out_.IsGone(edge.to)) return absl::OkStatus();
    btree::Found found;
    SHEAF_ASSIGN_OR_RETURN(const auto view, reader_.Find(edge.from, &found));
    if (!view.has_value()) return absl::OkStatus();
    SHEAF_ASSIGN_OR_RETURN(const auto there, reader_.FindEdge(*view, {edge.type, false},
                                                              edge.to, edge.ordinal));
    if (!there.has_value()) return absl::OkStatus();
    ++out_.edges_gone_[edge.type];
    lost_[edge.from].insert({edge.type, false, edge.to, edge.ordinal});
    lost_[edge.to].insert({edge.type, true, edge.from, edge.ordinal});
    return absl::OkStatus();
  }

  // Records of those that lost edges.
  absl::Status Finish() {
    for (const auto& [vertex, lost] : lost_) {
      btree::Found found;
      SHEAF_ASSIGN_OR_RETURN(const auto view, reader_.Find(vertex, &found));
      if (!view.has_value()) continue;
      SHEAF_ASSIGN_OR_RETURN(out_.records_[vertex], Without(*view, lost));
    }
    return absl::OkStatus();
  }

 private:
  using End =
      std::tuple<NameId, bool, VertexId, uint32_t>;  // type, in, neighbour, ordinal
  using Ends = absl::flat_hash_set<End>;

  // With a vertex.
  absl::Status TakeEdgesOf(VertexId vertex, std::vector<EdgeKey>* with_them) {
    btree::Found found;
    SHEAF_ASSIGN_OR_RETURN(const auto view, reader_.Find(vertex, &found));
    std::vector<AdjacentEdge> edges;
    return reader_.VisitEdges(
        *view, Direction::kBoth, std::nullopt,
        [&](const ListKey& list, const AdjacencyView& some) {
          some.DecodeEdges(&edges);
          for (const AdjacentEdge& edge : edges) {
            // Of two that go each edge counts at its beginning.
            if (list.in && out_.IsGone(edge.neighbour)) continue;
            ++out_.edges_gone_[list.type];
            if (edge.has_properties) with_them->push_back(EdgeOf(vertex, list, edge));
            if (!out_.IsGone(edge.neighbour))
              lost_[edge.neighbour].insert({list.type, !list.in, vertex, edge.ordinal});
          }
          return true;
        });
  }

  absl::StatusOr<std::string> Without(const VertexView& view, const Ends& lost) {
    VertexRecord record;
    record.labels = view.labels();
    absl::Status status;
    std::vector<AdjacentEdge> some_edges, kept;
    view.ForEachList([&](const VertexView::List& list) {
      if (!status.ok()) return;
      kept.clear();
      const absl::StatusOr<bool> all = reader_.VisitList(
          view.id(), list, [&](const ListKey& key, const AdjacencyView& some) {
            some.DecodeEdges(&some_edges);
            for (const AdjacentEdge& edge : some_edges)
              if (!lost.contains({key.type, key.in, edge.neighbour, edge.ordinal}))
                kept.push_back(edge);
            return true;
          });
      status = all.status();
      if (!status.ok() || kept.empty()) return;
      VertexRecord::List shown{{list.key.type, list.key.in, false}, {}};
      EncodeAdjacency(kept, view.id(), &shown.bytes);
      record.lists.push_back(std::move(shown));
    });
    SHEAF_RETURN_IF_ERROR(status);
    return record.Encode();
  }

  const GraphReader& reader_;
  Overlay& out_;
  absl::flat_hash_map<VertexId, Ends> lost_;
};

absl::StatusOr<std::unique_ptr<const Overlay>> Overlay::Make(
    const GraphReader& reader, absl::Span<const VertexId> vertices,
    absl::Span<const EdgeKey> edges, std::vector<EdgeKey>* with_them) {
  auto overlay = std::make_unique<Overlay>();
  Maker maker(reader, overlay.get());
  SHEAF_RETURN_IF_ERROR(maker.TakeVertices(vertices, with_them));
  for (const EdgeKey& edge : edges) SHEAF_RETURN_IF_ERROR(maker.TakeEdge(edge));
  SHEAF_RETURN_IF_ERROR(maker.Finish());
  return std::unique_ptr<const Overlay>(std::move(overlay));
}

}  // namespace sheaf::graph
