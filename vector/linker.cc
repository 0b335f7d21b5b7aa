#include "vector/linker.h"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "catalog/tick.h"
#include "catalog/write_txn.h"
#include "pager/status_macros.h"
#include "vector/bulk_build.h"
#include "vector/graph_editor.h"
#include "vector/index.h"
#include "vector/link_planner.h"

namespace sheaf::vectors {

using catalog::OpenTree;
using catalog::Snapshot;
using catalog::Store;
using catalog::TreeId;
using catalog::TreeRecord;

namespace {

absl::Status Gone(TreeId index) {
  return absl::NotFoundError(absl::StrCat("vector index ", index, ": was dropped"));
}

// A snapshot and the index in it.
struct View {
  std::optional<Snapshot> snapshot;
  std::unique_ptr<VectorReader> reader;

  static absl::StatusOr<std::unique_ptr<View>> Of(const Linker::Where& where) {
    auto view = std::make_unique<View>();
    view->snapshot.emplace(where.store);
    SHEAF_ASSIGN_OR_RETURN(
        const std::optional<TreeRecord> record,
        catalog::FindInCatalog(view->snapshot->context(),
                               view->snapshot->version().catalog, where.index));
    if (!record.has_value() || record->kind != catalog::TreeKind::kVectors)
      return Gone(where.index);
    SHEAF_ASSIGN_OR_RETURN(view->reader, OpenIndex(where.store, &*view->snapshot, *record,
                                                   where.directories));
    return view;
  }
};

// One a thread. The graph is the same in all.
using Views = std::vector<std::unique_ptr<View>>;

absl::Status OpenViews(const Linker::Where& where, size_t count, Views* views) {
  while (views->size() < count) {
    SHEAF_ASSIGN_OR_RETURN(std::unique_ptr<View> view, View::Of(where));
    views->push_back(std::move(view));
  }
  return absl::OkStatus();
}

struct Writing {
  std::unique_ptr<catalog::WriteTxn> txn;
  std::unique_ptr<VectorWriter> index;

  static absl::StatusOr<Writing> Of(const Linker::Where& where) {
    Writing writing;
    SHEAF_ASSIGN_OR_RETURN(writing.txn, where.store->BeginWrite(where.wait_max));
    SHEAF_ASSIGN_OR_RETURN(OpenTree* const vectors, writing.txn->FindTree(where.index));
    if (vectors == nullptr) return Gone(where.index);
    SHEAF_ASSIGN_OR_RETURN(writing.index, OpenIndex(writing.txn.get(), vectors));
    return writing;
  }
};

// --- Planning -----------------------------------------------------------------

// Appends to `batch`, which is planned, of what awaits linking the first kBatch by slot that
// it does not have, in the order in which they are planned best. What was replaced since it
// was planned goes, so that no slot is in it twice. Returns how many are planned then.
absl::StatusOr<size_t> ReadBatch(const VectorReader& reader,
                                 std::vector<LinkPlan>* batch) {
  SHEAF_ASSIGN_OR_RETURN(const std::vector<Pending> pending,
                         reader.ReadPending(batch->size() + Linker::kBatch));
  absl::flat_hash_map<Slot, Stamp> planned;
  for (const LinkPlan& plan : *batch) planned.emplace(plan.slot, plan.stamp);
  std::vector<LinkPlan> next;
  absl::flat_hash_set<Slot> replaced;
  for (const Pending& p : pending) {
    if (next.size() == Linker::kBatch) break;
    const auto at = planned.find(p.slot);
    if (at != planned.end() && at->second == p.stamp) continue;
    if (at != planned.end()) replaced.insert(p.slot);
    next.push_back({.slot = p.slot, .stamp = p.stamp});
  }
  SHEAF_RETURN_IF_ERROR(ReadVectors(reader, absl::MakeSpan(next)));
  OrderByNearness(reader.layout(), absl::MakeSpan(next));
  std::erase_if(*batch,
                [&](const LinkPlan& plan) { return replaced.contains(plan.slot); });
  const size_t count = batch->size();
  std::move(next.begin(), next.end(), std::back_inserter(*batch));
  return count;
}

// Plans batch[begin] and all behind it, a thread a view. This one calls `first` before.
absl::Status PlanAll(const Views& views, absl::Span<LinkPlan> batch, size_t begin,
                     absl::FunctionRef<absl::Status()> first) {
  SlotSet slots;
  slots.Reset(views[0]->reader->slot_end());
  for (const LinkPlan& plan : batch) slots.Insert(plan.slot);
  std::atomic<size_t> next{begin};
  const auto work = [&](const View& view) {
    LinkPlanner planner(view.reader.get(), &slots);
    for (size_t i; (i = next.fetch_add(1)) < batch.size();)
      SHEAF_RETURN_IF_ERROR(planner.Plan(batch, i));
    return absl::OkStatus();
  };
  std::vector<absl::Status> failed(views.size());
  std::vector<std::thread> workers;
  for (size_t i = 1; i < views.size(); ++i)
    workers.emplace_back([&, i] { failed[i] = work(*views[i]); });
  absl::Status status = first();
  if (!status.ok()) next = batch.size();
  status.Update(work(*views[0]));
  for (std::thread& worker : workers) worker.join();
  for (const absl::Status& other : failed) status.Update(other);
  return status;
}

// --- Applying -----------------------------------------------------------------

// What the plans say, where the vectors are still those they were made for. `view`: if the
// graph is still the same nodes are read there, where it is known where they lie.
absl::StatusOr<LinkCounts> Apply(const Linker::Where& where, const View& view,
                                 absl::Span<const LinkPlan> batch) {
  SHEAF_ASSIGN_OR_RETURN(const Writing writing, Writing::Of(where));
  const VectorReader& reader = writing.index->reader();
  const VectorWriter::Trees& trees = writing.index->trees();
  const bool is_same = view.reader->nodes().root().page == reader.nodes().root().page &&
                       view.reader->levels().root().page == reader.levels().root().page;
  GraphEditor editor(is_same ? view.reader.get() : &reader, trees.nodes, trees.levels);
  LinkCounts counts{.looked_at = batch.size()};
  std::vector<const LinkPlan*> valid;
  for (const LinkPlan& plan : batch) {
    SHEAF_ASSIGN_OR_RETURN(const std::optional<Stamp> stamp,
                           reader.FindPending(plan.slot));
    if (stamp != plan.stamp) continue;
    if (plan.stamp != 0 && plan.code.empty())
      return absl::DataLossError(
          absl::StrCat("vector index: slot ", plan.slot,
                       " awaits linking, but has no vector of that stamp"));
    SHEAF_ASSIGN_OR_RETURN(const bool removed, editor.Remove(plan.slot));
    counts.unlinked += removed;
    valid.push_back(&plan);
  }
  for (const LinkPlan* const plan : valid) {
    if (plan->stamp != 0) {
      SHEAF_RETURN_IF_ERROR(
          editor.Insert(plan->slot, plan->stamp, plan->code, plan->wanted));
      ++counts.linked;
    }
    SHEAF_RETURN_IF_ERROR(trees.keys->DeleteUnlogged(PendingRow(plan->slot)).status());
  }
  SHEAF_RETURN_IF_ERROR(editor.Flush());
  SHEAF_RETURN_IF_ERROR(writing.txn->Commit(Durability::kNone));
  return counts;
}

// Applies what is planned and plans the next, which takes its place: in the graph without the
// first and beside its vectors. By one thread, too, so that the graph does not depend on how
// many there are.
absl::StatusOr<LinkCounts> Step(const Linker::Where& where, unsigned threads,
                                std::vector<LinkPlan>* batch) {
  Views views;
  SHEAF_RETURN_IF_ERROR(OpenViews(where, 1, &views));
  const View& first = *views[0];
  SHEAF_ASSIGN_OR_RETURN(const size_t planned, ReadBatch(*first.reader, batch));
  const size_t useful = (batch->size() - planned) / 4 + 1;
  SHEAF_RETURN_IF_ERROR(OpenViews(where, std::min<size_t>(threads, useful), &views));
  LinkCounts counts;
  SHEAF_RETURN_IF_ERROR(PlanAll(views, absl::MakeSpan(*batch), planned, [&] {
    if (planned == 0) return absl::OkStatus();
    SHEAF_ASSIGN_OR_RETURN(
        counts, Apply(where, first, absl::MakeConstSpan(*batch).first(planned)));
    return absl::OkStatus();
  }));
  batch->erase(batch->begin(), batch->begin() + static_cast<ptrdiff_t>(planned));
  return counts;
}

}  // namespace

absl::StatusOr<LinkCounts> Linker::LinkSome(uint64_t count_min) {
  Views views;
  SHEAF_RETURN_IF_ERROR(OpenViews(where_, 1, &views));
  std::vector<LinkPlan> batch;
  SHEAF_RETURN_IF_ERROR(ReadBatch(*views[0]->reader, &batch).status());
  if (batch.empty() || batch.size() < count_min) return LinkCounts{};
  SHEAF_RETURN_IF_ERROR(
      PlanAll(views, absl::MakeSpan(batch), 0, [] { return absl::OkStatus(); }));
  return Apply(where_, *views[0], batch);
}

absl::StatusOr<LinkCounts> Linker::LinkAll(
    unsigned threads, absl::FunctionRef<absl::Status(const LinkCounts&)> tick) {
  LinkCounts all;
  std::vector<LinkPlan> batch;  // planned
  for (;;) {
    const bool is_first = batch.empty();
    SHEAF_ASSIGN_OR_RETURN(const LinkCounts counts, Step(where_, threads, &batch));
    if (is_first && batch.empty()) return all;
    all.linked += counts.linked;
    all.unlinked += counts.unlinked;
    all.looked_at += counts.looked_at;
    if (counts.looked_at > 0) SHEAF_RETURN_IF_ERROR(tick(all));
  }
}

absl::StatusOr<Linker::Sizes> Linker::Measure() const {
  SHEAF_ASSIGN_OR_RETURN(const std::unique_ptr<View> view, View::Of(where_));
  const VectorReader& reader = *view->reader;
  return Sizes{reader.size(), reader.node_count(),
               BulkBuild::MemoryBytes(reader.layout(), reader.size())};
}

absl::StatusOr<LinkCounts> Linker::Rebuild(unsigned threads, const Progress& progress) {
  std::optional<BulkBuild> build;
  uint64_t total = 0;
  const char* what = "vectors linked";
  const auto tick = [&](uint64_t done) {
    return catalog::Tick(progress, "building the graph", {done, total, what});
  };
  {
    SHEAF_ASSIGN_OR_RETURN(const std::unique_ptr<View> view, View::Of(where_));
    total = view->reader->size();
    build.emplace(view->reader->layout());
    SHEAF_RETURN_IF_ERROR(build->Build(*view->reader, std::max(threads, 1u), tick));
  }
  what = "nodes stored";
  SHEAF_ASSIGN_OR_RETURN(Writing writing, Writing::Of(where_));
  const VectorWriter::Trees& trees = writing.index->trees();
  LinkCounts counts{.linked = build->size(),
                    .unlinked = writing.index->reader().node_count(),
                    .looked_at = build->size()};
  SHEAF_RETURN_IF_ERROR(build->Store(trees.nodes, trees.levels, tick));
  SHEAF_ASSIGN_OR_RETURN(const std::vector<Pending> pending,
                         writing.index->reader().ReadPending());
  for (const Pending& p : pending)
    if (build->StampOf(p.slot).value_or(0) == p.stamp)
      SHEAF_RETURN_IF_ERROR(trees.keys->DeleteUnlogged(PendingRow(p.slot)).status());
  SHEAF_RETURN_IF_ERROR(writing.txn->Commit(Durability::kFull));
  return counts;
}

}  // namespace sheaf::vectors
