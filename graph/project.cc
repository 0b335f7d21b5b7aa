#include "graph/project.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "catalog/tick.h"
#include "pager/status_macros.h"

namespace sheaf::graph {
namespace {

using Rows = GraphProjection::Rows;

constexpr uint64_t kVerticesATick = 4096;

class Projector {
 public:
  Projector(const GraphReader& graph, const ProjectionOptions& options)
      : graph_(graph), options_(options) {}

  absl::StatusOr<GraphProjection> Run() {
    SHEAF_RETURN_IF_ERROR(Number());
    SHEAF_RETURN_IF_ERROR(Allocate());
    SHEAF_RETURN_IF_ERROR(Fill());
    const uint64_t loops = is_directed() ? 0 : loops_;
    const uint64_t edges =
        is_directed() ? out_.ends.size() : (out_.ends.size() - loops) / 2 + loops;
    return GraphProjection::FromRows(std::move(ids_), std::move(out_), std::move(in_),
                                     edges, options_.edges, options_.weighted);
  }

 private:
  bool is_directed() const { return options_.edges == GraphProjection::Edges::kDirected; }
  bool Takes(const VertexView& vertex) const {
    if (options_.labels.empty()) return true;
    return std::any_of(options_.labels.begin(), options_.labels.end(),
                       [&](NameId label) { return vertex.HasLabel(label); });
  }
  bool Takes(const ListKey& list) const {
    return options_.types.empty() ||
           std::find(options_.types.begin(), options_.types.end(), list.type) !=
               options_.types.end();
  }

  // Calls `fn(vertex)` for each vertex.
  absl::Status ForEachVertex(absl::FunctionRef<absl::Status(const VertexView&)> fn) {
    btree::DenseCursor cursor(graph_.graph().context(), &graph_.graph().root());
    for (bool valid = cursor.Seek(0); valid; valid = cursor.Next()) {
      if (done_++ % kVerticesATick == 0)
        SHEAF_RETURN_IF_ERROR(
            catalog::Tick(options_.run.progress, "the projection",
                          {done_, 2 * graph_.vertex_count(), "vertices read"}));
      SHEAF_RETURN_IF_ERROR(fn(VertexView(cursor.key(), cursor.record())));
    }
    return cursor.status();
  }

  // Which vertices there are, by number, and at most how many edges each has.
  absl::Status Number() {
    if (graph_.vertex_count() >= kNoVertex)
      return absl::ResourceExhaustedError(absl::StrCat(
          graph_.vertex_count(), " vertices; a projection has at most ", kNoVertex - 1));
    return ForEachVertex([&](const VertexView& vertex) {
      if (!Takes(vertex)) return absl::OkStatus();
      ids_.push_back(vertex.id());
      uint64_t out = 0, in = 0;
      vertex.ForEachList([&](const VertexView::List& list) {
        if (Takes(list.key)) (list.key.in ? in : out) += list.count();
      });
      out_edges_ += out, in_edges_ += in;
      return CheckMemory();
    });
  }

  // Before and after the rows are there.
  absl::Status CheckMemory() const {
    const uint64_t edges = out_edges_ + in_edges_;
    const uint64_t need =
        ids_.size() * (sizeof(VertexId) + 2 * sizeof(uint64_t) + sizeof(VertexIndex)) +
        edges * (sizeof(VertexIndex) + (options_.weighted ? sizeof(double) : 0));
    if (need <= options_.run.memory_bytes_max) return absl::OkStatus();
    return absl::ResourceExhaustedError(
        absl::StrCat("the projection needs more than its ", options_.run.memory_bytes_max,
                     " bytes: ", ids_.size(), " vertices, ", edges, " ends of edges"));
  }

  absl::Status Allocate() {
    // By id, where that is not much more than there are vertices; else they are searched.
    if (!ids_.empty() && ids_.back() / 4 <= ids_.size()) {
      index_of_.assign(ids_.back() + 1, kNoVertex);
      for (size_t i = 0; i < ids_.size(); ++i)
        index_of_[ids_[i]] = static_cast<VertexIndex>(i);
    }
    const auto reserve = [&](Rows* rows, uint64_t edges) {
      rows->offsets.reserve(ids_.size() + 1);
      rows->offsets.push_back(0);
      rows->ends.reserve(edges);
      if (options_.weighted) rows->weights.reserve(edges);
    };
    reserve(&out_, is_directed() ? out_edges_ : out_edges_ + in_edges_);
    if (is_directed()) reserve(&in_, in_edges_);
    return absl::OkStatus();
  }

  VertexIndex IndexOf(VertexId id) const {
    if (!index_of_.empty()) return id < index_of_.size() ? index_of_[id] : kNoVertex;
    const auto at = std::lower_bound(ids_.begin(), ids_.end(), id);
    return at != ids_.end() && *at == id ? static_cast<VertexIndex>(at - ids_.begin())
                                         : kNoVertex;
  }

  absl::Status Fill() {
    size_t next = 0;
    return ForEachVertex([&](const VertexView& vertex) -> absl::Status {
      if (next == ids_.size() || ids_[next] != vertex.id()) return absl::OkStatus();
      ++next;
      SHEAF_RETURN_IF_ERROR(graph_.VisitEdges(
          vertex, Direction::kBoth, std::nullopt,
          [&](const ListKey& list, const AdjacencyView& some) {
            if (!Takes(list)) return true;
            Append(vertex.id(), list.in, some, list.in && is_directed() ? &in_ : &out_);
            return true;
          }));
      FinishRow(&out_);
      if (is_directed()) FinishRow(&in_);
      return absl::OkStatus();
    });
  }

  void Append(VertexId vertex, bool in, const AdjacencyView& some, Rows* rows) {
    decoded_.resize(some.count() + kDecodeRoom);
    some.Decode(decoded_.data());
    for (uint32_t i = 0; i < some.count(); ++i) {
      const bool is_loop = decoded_[i] == vertex;
      // At both its ends an undirected loop would stand twice.
      if (is_loop && in && !is_directed()) continue;
      const VertexIndex end = IndexOf(decoded_[i]);
      if (end == kNoVertex) continue;
      loops_ += is_loop && !in;
      rows->ends.push_back(end);
      if (options_.weighted) rows->weights.push_back(some.weight(i));
    }
  }

  // Lists of several types and directions follow each other; together they must ascend.
  void FinishRow(Rows* rows) {
    const auto begin = static_cast<int64_t>(rows->offsets.back());
    rows->offsets.push_back(rows->ends.size());
    if (std::is_sorted(rows->ends.begin() + begin, rows->ends.end())) return;
    if (!options_.weighted) {
      std::sort(rows->ends.begin() + begin, rows->ends.end());
      return;
    }
    row_.clear();
    for (size_t i = static_cast<size_t>(begin); i < rows->ends.size(); ++i)
      row_.emplace_back(rows->ends[i], rows->weights[i]);
    std::sort(row_.begin(), row_.end());
    for (size_t i = 0; i < row_.size(); ++i)
      std::tie(rows->ends[static_cast<size_t>(begin) + i],
               rows->weights[static_cast<size_t>(begin) + i]) = row_[i];
  }

  const GraphReader& graph_;
  const ProjectionOptions& options_;
  uint64_t done_ = 0, out_edges_ = 0, in_edges_ = 0, loops_ = 0;
  std::vector<VertexId> ids_;
  std::vector<VertexIndex> index_of_;
  Rows out_, in_;
  std::vector<VertexId> decoded_;
  std::vector<std::pair<VertexIndex, double>> row_;
};

}  // namespace

absl::StatusOr<GraphProjection> Project(const GraphReader& graph,
                                        const ProjectionOptions& options) {
  return Projector(graph, options).Run();
}

}  // namespace sheaf::graph
