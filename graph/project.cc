#include "graph/project.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "graph/algorithm_run.h"
#include "pager/status_macros.h"

namespace sheaf::graph {
namespace {

using Rows = GraphProjection::Rows;

// Parts of the ids, each read by one thread at a time.
constexpr size_t kPartsMax = 256;
constexpr VertexId kIdsAPartMin = 4096;

// Vertices of one part of the ids: their rows are in the places from `out` and `in` on.
struct Part {
  VertexId begin = 0, end = 0;
  std::vector<VertexId> ids;
  uint64_t out = 0, in = 0;                // where the ends of edges begin
  uint64_t out_places = 0, in_places = 0;  // for so many
  uint64_t out_filled = 0, in_filled = 0;
  uint64_t loops = 0;
  VertexIndex first = 0;  // vertex
};

// Reads for one thread: a slot of its own, of the snapshot that somebody holds. In a write
// transaction, whose pages only its thread may read, the transaction's.
class ThreadContext {
 public:
  ThreadContext(const btree::ReadContext& shared, bool is_own)
      : context_(shared), is_own_(is_own) {
    if (is_own_) context_.slot = slots().Acquire();
  }
  ~ThreadContext() {
    if (is_own_) slots().Release(context_.slot);
  }
  ThreadContext(const ThreadContext&) = delete;
  ThreadContext& operator=(const ThreadContext&) = delete;
  const btree::ReadContext& get() const { return context_; }

 private:
  pager::ReaderSlots& slots() const { return context_.pager->buffer().slots(); }
  btree::ReadContext context_;
  const bool is_own_;
};

class Projector {
 public:
  Projector(const GraphReader& graph, const ProjectionOptions& options)
      : graph_(graph),
        options_(options),
        run_(options.run, "the projection", "vertices read", 2 * graph.vertex_count()) {}

  absl::StatusOr<GraphProjection> Run();

 private:
  class Filler;

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

  void CutIds() {
    const VertexId end = graph_.graph().record().counter;
    const VertexId step = std::max(kIdsAPartMin, end / kPartsMax + 1);
    for (VertexId id = 0; id < end; id += step)
      parts_.push_back({.begin = id, .end = std::min(end, id + step)});
  }

  template <class Fn>
  absl::Status ForEachPart(Fn fn) {
    const bool is_written = graph_.graph().is_written();
    const auto one = [&](size_t i, size_t, Meter& meter) {
      const ThreadContext context(graph_.graph().context(), !is_written);
      return fn(&parts_[i], context.get(), meter);
    };
    if (!is_written) return ForEachChunk(&run_, parts_.size(), one);
    Meter meter(&run_);
    for (size_t i = 0; i < parts_.size(); ++i) SHEAF_RETURN_IF_ERROR(one(i, 0, meter));
    return absl::OkStatus();
  }

  // Calls `fn(vertex)` for each vertex of a part.
  template <class Fn>
  absl::Status ForEachVertex(const Part& part, const btree::ReadContext& context,
                             Meter& meter, Fn fn) {
    btree::DenseCursor cursor(context, &graph_.graph().root());
    for (bool valid = cursor.Seek(part.begin); valid && cursor.key() < part.end;
         valid = cursor.Next()) {
      meter.Done(1);
      const std::string_view record = graph_.Shown(cursor.key(), cursor.record());
      if (!record.empty()) SHEAF_RETURN_IF_ERROR(fn(VertexView(cursor.key(), record)));
    }
    return cursor.status();
  }

  // Which vertices there are, and at most how many edges they have.
  absl::Status Number(Part* part, const btree::ReadContext& context, Meter& meter) {
    return ForEachVertex(*part, context, meter, [&](const VertexView& vertex) {
      if (!Takes(vertex)) return meter.Work(1);
      part->ids.push_back(vertex.id());
      uint64_t lists = 0;
      vertex.ForEachList([&](const VertexView::List& list) {
        ++lists;
        if (Takes(list.key))
          (list.key.in ? part->in_places : part->out_places) += list.count();
      });
      return meter.Work(lists + 1);
    });
  }

  absl::Status Allocate() {
    uint64_t out = 0, in = 0, vertices = 0;
    for (Part& part : parts_) {
      part.first = static_cast<VertexIndex>(vertices);
      vertices += part.ids.size();
      if (!is_directed()) part.out_places += std::exchange(part.in_places, 0);
      part.out = std::exchange(out, out + part.out_places);
      part.in = std::exchange(in, in + part.in_places);
    }
    SHEAF_RETURN_IF_ERROR(CheckMemory(vertices, out + in));
    ids_.reserve(vertices);
    for (Part& part : parts_) {
      ids_.insert(ids_.end(), part.ids.begin(), part.ids.end());
      part.ids = {};
    }
    // By id, where that is not much more than there are vertices; else they are searched.
    if (!ids_.empty() && ids_.back() / 4 <= ids_.size()) {
      index_of_.assign(ids_.back() + 1, kNoVertex);
      for (size_t i = 0; i < ids_.size(); ++i)
        index_of_[ids_[i]] = static_cast<VertexIndex>(i);
    }
    const auto size = [&](Rows* rows, uint64_t edges) {
      rows->offsets.assign(vertices + 1, 0);
      rows->ends.resize(edges);
      if (options_.weighted) rows->weights.resize(edges);
    };
    size(&out_, out);
    if (is_directed()) size(&in_, in);
    return absl::OkStatus();
  }

  absl::Status CheckMemory(uint64_t vertices, uint64_t edges) const {
    const uint64_t need =
        vertices * (2 * sizeof(VertexId) + 2 * sizeof(uint64_t) + sizeof(VertexIndex)) +
        edges * (sizeof(VertexIndex) + (options_.weighted ? sizeof(double) : 0));
    if (need <= options_.run.memory_bytes_max) return absl::OkStatus();
    return absl::ResourceExhaustedError(
        absl::StrCat("the projection needs more than its ", options_.run.memory_bytes_max,
                     " bytes: ", vertices, " vertices, ", edges, " ends of edges"));
  }

  VertexIndex IndexOf(VertexId id) const {
    if (!index_of_.empty()) return id < index_of_.size() ? index_of_[id] : kNoVertex;
    const auto at = std::lower_bound(ids_.begin(), ids_.end(), id);
    return at != ids_.end() && *at == id ? static_cast<VertexIndex>(at - ids_.begin())
                                         : kNoVertex;
  }

  // Closes the gaps that edges left whose other end is not taken; offsets, which were
  // lengths, become what they are.
  void Close(Rows* rows, uint64_t Part::*begin, uint64_t Part::*filled) {
    uint64_t at = 0;
    for (const Part& part : parts_) {
      if (at != part.*begin) {
        const auto move = [&](auto* values) {
          const auto from = values->begin() + static_cast<ptrdiff_t>(part.*begin);
          std::copy(from, from + static_cast<ptrdiff_t>(part.*filled),
                    values->begin() + static_cast<ptrdiff_t>(at));
        };
        move(&rows->ends);
        if (options_.weighted) move(&rows->weights);
      }
      at += part.*filled;
    }
    rows->ends.resize(at);
    if (options_.weighted) rows->weights.resize(at);
    uint64_t sum = 0;
    for (uint64_t& offset : rows->offsets) offset = std::exchange(sum, sum + offset);
  }

  const GraphReader& graph_;
  const ProjectionOptions& options_;
  AlgorithmRun run_;
  std::vector<Part> parts_;
  std::vector<VertexId> ids_;
  std::vector<VertexIndex> index_of_;
  Rows out_, in_;
};

// The rows of one part, one behind the other.
class Projector::Filler {
 public:
  Filler(Projector* of, Part* part, const btree::ReadContext& context)
      : of_(*of), part_(*part), context_(context), next_(part->first) {
    out_.Begin(&of_.out_, part_.out, part_.out_places, of_.options_.weighted);
    if (of_.is_directed())
      in_.Begin(&of_.in_, part_.in, part_.in_places, of_.options_.weighted);
  }

  absl::Status Run(Meter& meter) {
    SHEAF_RETURN_IF_ERROR(of_.ForEachVertex(
        part_, context_, meter,
        [&](const VertexView& vertex) { return TakeVertex(vertex, meter); }));
    part_.out_filled = out_.at - part_.out;
    if (of_.is_directed()) part_.in_filled = in_.at - part_.in;
    return absl::OkStatus();
  }

 private:
  // Where the next ends of a direction go.
  struct Target {
    VertexIndex* ends = nullptr;
    double* weights = nullptr;
    uint64_t at = 0, row = 0;  // place of the next, of the first of the row
    uint64_t end = 0;          // of the part's places

    void Begin(Rows* rows, uint64_t begin, uint64_t places, bool weighted) {
      ends = rows->ends.data();
      weights = weighted ? rows->weights.data() : nullptr;
      at = row = begin;
      end = begin + places;
    }
  };

  absl::Status TakeVertex(const VertexView& vertex, Meter& meter) {
    if (next_ == of_.ids_.size() || of_.ids_[next_] != vertex.id()) return meter.Work(1);
    const uint64_t before = out_.at + in_.at;
    absl::Status status;
    const auto take = [&](const ListKey& list, const AdjacencyView& some) {
      const Target& target = TargetOf(list.in);
      if (some.count() > target.end - target.at) {
        status = absl::DataLossError(absl::StrCat(
            "vertex ", vertex.id(), ": more edges in blocks than its record says"));
        return false;
      }
      Append(vertex.id(), list.in, some);
      return true;
    };
    vertex.ForEachList([&](const VertexView::List& list) {
      if (!of_.Takes(list.key) || !status.ok()) return;
      if (!list.key.large) {
        take(list.key, AdjacencyView(list.bytes, vertex.id()));
        return;
      }
      const btree::TreeRoot& root = of_.graph_.parts().root();
      const absl::StatusOr<bool> all =
          VisitBlocks({context_, &root, nullptr}, vertex.id(), list.key, take);
      if (status.ok()) status = all.status();
    });
    SHEAF_RETURN_IF_ERROR(status);
    of_.out_.offsets[next_] = FinishRow(&out_);
    if (of_.is_directed()) of_.in_.offsets[next_] = FinishRow(&in_);
    ++next_;
    return meter.Work(out_.at + in_.at - before + 1);
  }

  Target& TargetOf(bool in) { return in && of_.is_directed() ? in_ : out_; }

  void Append(VertexId vertex, bool in, const AdjacencyView& some) {
    const absl::Span<const VertexId> ids = decoded_.Decode(some);
    Target& target = TargetOf(in);
    if (of_.is_directed() && target.weights == nullptr && !of_.index_of_.empty())
      return AppendAll(ids, &target);
    for (uint32_t i = 0; i < some.count(); ++i) {
      const bool is_loop = ids[i] == vertex;
      // At both its ends an undirected loop would stand twice.
      if (is_loop && in && !of_.is_directed()) continue;
      const VertexIndex end = of_.IndexOf(ids[i]);
      if (end == kNoVertex) continue;
      part_.loops += is_loop && !in;
      target.ends[target.at] = end;
      if (target.weights != nullptr) target.weights[target.at] = some.weight(i);
      ++target.at;
    }
  }

  // The usual case, without branches.
  void AppendAll(absl::Span<const VertexId> ids, Target* target) {
    const VertexIndex* const index_of = of_.index_of_.data();
    const VertexId last = of_.index_of_.size() - 1;
    VertexIndex* const ends = target->ends;
    uint64_t at = target->at;
    for (const VertexId id : ids) {
      const VertexIndex end = index_of[std::min(id, last)];
      ends[at] = end;
      at += end != kNoVertex && id <= last;
    }
    target->at = at;
  }

  // Its length. Lists of several types and directions follow each other; together they
  // must ascend.
  uint64_t FinishRow(Target* target) {
    const uint64_t begin = std::exchange(target->row, target->at), end = target->at;
    VertexIndex* const ends = target->ends;
    if (std::is_sorted(ends + begin, ends + end)) return end - begin;
    if (target->weights == nullptr) {
      std::sort(ends + begin, ends + end);
      return end - begin;
    }
    row_.clear();
    for (uint64_t i = begin; i < end; ++i) row_.emplace_back(ends[i], target->weights[i]);
    std::sort(row_.begin(), row_.end());
    for (uint64_t i = begin; i < end; ++i)
      std::tie(ends[i], target->weights[i]) = row_[i - begin];
    return end - begin;
  }

  Projector& of_;
  Part& part_;
  const btree::ReadContext& context_;
  Target out_, in_;
  VertexIndex next_;  // vertex
  DecodeBuffer decoded_;
  std::vector<std::pair<VertexIndex, double>> row_;
};

absl::StatusOr<GraphProjection> Projector::Run() {
  if (graph_.vertex_count() >= kNoVertex)
    return absl::ResourceExhaustedError(absl::StrCat(
        graph_.vertex_count(), " vertices; a projection has at most ", kNoVertex - 1));
  SHEAF_RETURN_IF_ERROR(run_.Begin(0));
  CutIds();
  SHEAF_RETURN_IF_ERROR(
      ForEachPart([&](Part* part, const btree::ReadContext& context, Meter& meter) {
        return Number(part, context, meter);
      }));
  SHEAF_RETURN_IF_ERROR(Allocate());
  SHEAF_RETURN_IF_ERROR(
      ForEachPart([&](Part* part, const btree::ReadContext& context, Meter& meter) {
        return Filler(this, part, context).Run(meter);
      }));
  Close(&out_, &Part::out, &Part::out_filled);
  if (is_directed()) Close(&in_, &Part::in, &Part::in_filled);
  uint64_t loops = 0;
  for (const Part& part : parts_) loops += part.loops;
  const uint64_t edges =
      is_directed() ? out_.ends.size() : (out_.ends.size() - loops) / 2 + loops;
  return GraphProjection::FromRows(std::move(ids_), std::move(out_), std::move(in_),
                                   edges, options_.edges, options_.weighted);
}

}  // namespace

absl::StatusOr<GraphProjection> Project(const GraphReader& graph,
                                        const ProjectionOptions& options) {
  return Projector(graph, options).Run();
}

}  // namespace sheaf::graph
