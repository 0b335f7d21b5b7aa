#include "graph/bulk_load.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "catalog/tick.h"
#include "pager/coding.h"
#include "pager/status_macros.h"

namespace sheaf::graph {

using btree::BTree;

namespace {

constexpr uint64_t kEdgesATick = 1 << 16;
constexpr uint64_t kRecordsATick = 1024;
// Fewer are better logged than committed by a checkpoint.
constexpr uint64_t kAnewMin = 20'000;
// One record is changed for what so many are copied.
constexpr uint64_t kCopiesAChange = 5;

absl::Status CheckId(VertexId vertex) {
  if (vertex < btree::kDenseKeyEnd) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the vertex id ", vertex, " is not below 2^53"));
}

}  // namespace

GraphLoader::GraphLoader(catalog::WriteTxn* txn, catalog::OpenTree* graph,
                         document::CollectionWriter* parts, document::SpillFile open,
                         GraphLoaderOptions options)
    : txn_(*txn),
      graph_(*graph),
      parts_(*parts),
      options_(std::move(options)),
      graph_view_(txn, graph),
      parts_view_(parts->view()),
      reader_(&graph_view_, &parts_view_),
      merger_(&reader_, parts),
      sorter_({options_.memory_bytes_max, options_.spill_bytes_max, options_.seal_spill},
              std::move(open)),
      until_tick_(kEdgesATick) {}

absl::Status GraphLoader::At(uint64_t position, const absl::Status& status) const {
  return absl::Status(status.code(), absl::StrCat(options_.position_name, " ", position,
                                                  ": ", status.message()));
}

absl::Status GraphLoader::TickAdding() {
  until_tick_ = kEdgesATick;
  return catalog::Tick(options_.progress, "the load",
                       {counts_.vertices + counts_.edges, 0, "vertices and edges read"});
}

absl::Status GraphLoader::TickWriting() {
  return catalog::Tick(options_.progress, "the load",
                       {taken_, sorter_.count(), "vertices and ends of edges written"});
}

// --- Collecting ---------------------------------------------------------------

absl::Status GraphLoader::AddVertex(VertexId vertex, absl::Span<const NameId> labels,
                                    uint64_t position) {
  SHEAF_RETURN_IF_ERROR(CheckId(vertex));
  if (labels.size() > kLabelsMax)
    return absl::InvalidArgumentError(absl::StrCat(
        labels.size(), " labels of one vertex; ", kLabelsMax, " are allowed"));
  std::string set;
  for (const NameId label : labels) set.append(EncodeCount(label));
  const auto [at, is_new] = label_set_numbers_.try_emplace(set, label_sets_.size());
  if (is_new) label_sets_.emplace_back(labels.begin(), labels.end());
  if (label_sets_.size() > uint64_t{1} << (64 - HalfEdge::kMarkBits))
    return absl::ResourceExhaustedError("too many different sets of labels in one load");
  SHEAF_RETURN_IF_ERROR(sorter_.Add(HalfEdge::OfVertex(vertex, at->second, position)));
  ++counts_.vertices;
  return --until_tick_ == 0 ? TickAdding() : absl::OkStatus();
}

absl::Status GraphLoader::AddEdge(VertexId from, NameId type, VertexId to, double weight,
                                  bool has_properties, uint64_t position) {
  SHEAF_RETURN_IF_ERROR(CheckId(from));
  SHEAF_RETURN_IF_ERROR(CheckId(to));
  if (!std::isfinite(weight))
    return absl::InvalidArgumentError(
        absl::StrCat("the weight ", weight, " is not a finite number"));
  if (type >= edges_by_type_.size()) edges_by_type_.resize(type + 1);
  SHEAF_RETURN_IF_ERROR(sorter_.Add(
      HalfEdge::OfEdge(from, false, type, to, weight, has_properties, position)));
  SHEAF_RETURN_IF_ERROR(sorter_.Add(
      HalfEdge::OfEdge(to, true, type, from, weight, has_properties, position)));
  ++edges_by_type_[type];
  ++counts_.edges;
  return --until_tick_ == 0 ? TickAdding() : absl::OkStatus();
}

// --- Writing ------------------------------------------------------------------

absl::Status GraphLoader::Finish(EdgeFn on_edge, VertexFn on_created) {
  SHEAF_ASSIGN_OR_RETURN(const uint64_t savepoint, txn_.SetSavepoint());
  const absl::Status loaded = Load({on_edge, on_created});
  if (!loaded.ok()) {
    SHEAF_RETURN_IF_ERROR(txn_.RollbackTo(savepoint));
    parts_.Forget();
  }
  SHEAF_RETURN_IF_ERROR(txn_.Release(savepoint));
  return loaded;
}

absl::Status GraphLoader::Load(const Listeners& listeners) {
  SHEAF_RETURN_IF_ERROR(parts_.StoreNames());
  SHEAF_RETURN_IF_ERROR(sorter_.Finish());
  counts_.spilled_bytes = sorter_.spilled_bytes();
  vertex_end_ = graph_.record().counter;
  SHEAF_ASSIGN_OR_RETURN(chunk_, sorter_.Next());
  if (Peek() == nullptr) return absl::OkStatus();
  SHEAF_RETURN_IF_ERROR(IsBetterAnew() ? LoadAnew(listeners) : LoadInPlace(listeners));
  return StoreCounts();
}

bool GraphLoader::IsBetterAnew() const {
  if (options_.way != GraphLoaderOptions::Way::kBest)
    return options_.way == GraphLoaderOptions::Way::kAnew;
  return sorter_.count() >= kAnewMin &&
         sorter_.count() * kCopiesAChange >= graph_.root().entries;
}

// One stream of records: those that stay, and those that are made.
absl::Status GraphLoader::LoadAnew(const Listeners& listeners) {
  btree::DenseCursor old(txn_.context(), &graph_.root());
  absl::Status status;
  std::string key;
  bool moves = false;
  const auto next = [&](std::string_view* number, std::string_view* record) {
    if (moves) old.Next();
    moves = false;
    if (status.ok()) status = old.status();
    const HalfEdge* const half = Peek();
    if (!status.ok() || (!old.Valid() && half == nullptr)) return false;
    if (half == nullptr || (old.Valid() && old.key() < half->vertex())) {
      key = catalog::EncodeDenseKey(old.key());
      *record = old.record();
      moves = true;
    } else {
      const VertexId vertex = half->vertex();
      const bool exists = old.Valid() && old.key() == vertex;
      status = MakeRecord(exists ? std::optional(old.record()) : std::nullopt, listeners);
      key = catalog::EncodeDenseKey(vertex);
      *record = record_;
      moves = exists;
    }
    *number = key;
    return status.ok();
  };
  old.Seek(0);
  return graph_.ReplaceStored(
      next, [&](uint64_t) { return status.ok() ? TickWriting() : status; });
}

absl::Status GraphLoader::LoadInPlace(const Listeners& listeners) {
  for (uint64_t vertices = 0; Peek() != nullptr; ++vertices) {
    if (vertices % kRecordsATick == 0) SHEAF_RETURN_IF_ERROR(TickWriting());
    const VertexId vertex = Peek()->vertex();
    {
      btree::Found found;
      SHEAF_ASSIGN_OR_RETURN(const std::optional<VertexView> view,
                             reader_.Find(vertex, &found));
      SHEAF_RETURN_IF_ERROR(MakeRecord(
          view.has_value() ? std::optional(view->record()) : std::nullopt, listeners));
    }
    bool existed = false;
    SHEAF_RETURN_IF_ERROR(graph_.PutStored(catalog::EncodeDenseKey(vertex), record_,
                                           BTree::PutMode::kUpsert, &existed));
  }
  return TickWriting();
}

absl::Status GraphLoader::StoreCounts() {
  for (NameId type = 0; type < edges_by_type_.size(); ++type) {
    if (edges_by_type_[type] == 0) continue;
    SHEAF_ASSIGN_OR_RETURN(const uint64_t before, reader_.EdgeCount(type));
    char bytes[sizeof(uint64_t)];
    pager::EncodeFixed64(bytes, before + edges_by_type_[type]);
    bool existed = false;
    SHEAF_RETURN_IF_ERROR(parts_.tree().Put(CountKey(type), {bytes, sizeof bytes},
                                            BTree::PutMode::kUpsert, &existed));
  }
  if (vertex_end_ <= graph_.record().counter) return absl::OkStatus();
  return graph_.SetCounter(vertex_end_);
}

absl::Status GraphLoader::Advance() {
  ++taken_;
  if (++at_ < chunk_.size()) return absl::OkStatus();
  at_ = 0;
  SHEAF_ASSIGN_OR_RETURN(chunk_, sorter_.Next());
  return absl::OkStatus();
}

// --- Records ------------------------------------------------------------------

absl::Status GraphLoader::MakeRecord(std::optional<std::string_view> old,
                                     const Listeners& listeners) {
  const VertexId vertex = Peek()->vertex();
  VertexRecord record;
  if (old.has_value()) record = VertexRecord(VertexView(vertex, *old));
  SHEAF_RETURN_IF_ERROR(
      TakeVertex(vertex, old.has_value(), &record, listeners.on_created));
  while (Peek() != nullptr && Peek()->vertex() == vertex)
    SHEAF_RETURN_IF_ERROR(TakeList(vertex, &record, listeners.on_edge));
  SHEAF_RETURN_IF_ERROR(merger_.Shrink(vertex, &record));
  record_ = record.Encode();
  return absl::OkStatus();
}

// The vertex itself, if it is to be added.
absl::Status GraphLoader::TakeVertex(VertexId vertex, bool exists, VertexRecord* record,
                                     VertexFn on_created) {
  for (; Peek() != nullptr && !Peek()->is_edge() && Peek()->vertex() == vertex;
       exists = true) {
    if (exists)
      return At(Peek()->position(), absl::AlreadyExistsError(absl::StrCat(
                                        "vertex ", vertex, " exists already")));
    record->labels = label_sets_[Peek()->label_set()];
    vertex_end_ = std::max(vertex_end_, vertex + 1);
    SHEAF_RETURN_IF_ERROR(Advance());
  }
  if (exists) return absl::OkStatus();
  if (options_.unknown_end == GraphLoaderOptions::UnknownEnd::kRefuse)
    return At(Peek()->position(),
              absl::NotFoundError(absl::StrCat("no vertex ", vertex)));
  ++counts_.vertices, ++counts_.created;
  vertex_end_ = std::max(vertex_end_, vertex + 1);
  return on_created(vertex);
}

absl::Status GraphLoader::TakeList(VertexId vertex, VertexRecord* record,
                                   EdgeFn on_edge) {
  const HalfEdge first = *Peek();
  const ListKey key = first.list();
  SHEAF_RETURN_IF_ERROR(merger_.Begin(vertex, record, key));
  for (uint64_t edges = 1; Peek() != nullptr && Peek()->SameList(first); ++edges) {
    const HalfEdge half = *Peek();
    SHEAF_ASSIGN_OR_RETURN(
        const uint32_t ordinal,
        merger_.Add(half.neighbour(), half.weight, half.has_properties()));
    if (half.has_properties() && !key.in)
      SHEAF_RETURN_IF_ERROR(on_edge({vertex, key.type, half.neighbour(), ordinal}));
    if (edges % kEdgesATick == 0) SHEAF_RETURN_IF_ERROR(TickWriting());
    SHEAF_RETURN_IF_ERROR(Advance());
  }
  return merger_.End();
}

}  // namespace sheaf::graph
