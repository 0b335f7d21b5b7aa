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

// Of what awaits linking the first kBatch by slot but for those that are planned, in the
// order in which they are planned best.
absl::StatusOr<std::vector<LinkPlan>> ReadBatch(const VectorReader& reader,
                                                absl::Span<const LinkPlan> planned) {
  SHEAF_ASSIGN_OR_RETURN(const std::vector<Pending> pending,
                         reader.ReadPending(planned.size() + Linker::kBatch));
  absl::flat_hash_map<Slot, Stamp> known;
  for (const LinkPlan& plan : planned) known.emplace(plan.slot, plan.stamp);
  std::vector<LinkPlan> batch;
  for (const Pending& p : pending) {
    if (batch.size() == Linker::kBatch) break;
    const auto at = known.find(p.slot);
    if (at == known.end() || at->second != p.stamp)
      batch.push_back({.slot = p.slot, .stamp = p.stamp});
  }
  SHEAF_RETURN_IF_ERROR(ReadVectors(reader, absl::MakeSpan(batch)));
  OrderByNearness(reader.layout(), absl::MakeSpan(batch));
  return batch;
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

}  // namespace

absl::StatusOr<LinkCounts> Linker::LinkSome(uint64_t count_min) {
  Views views;
  SHEAF_RETURN_IF_ERROR(OpenViews(where_, 1, &views));
  SHEAF_ASSIGN_OR_RETURN(std::vector<LinkPlan> batch, ReadBatch(*views[0]->reader, {}));
  if (batch.empty() || batch.size() < count_min) return LinkCounts{};
  SHEAF_RETURN_IF_ERROR(
      PlanAll(views, absl::MakeSpan(batch), 0, [] { return absl::OkStatus(); }));
  return Apply(where_, *views[0], batch);
}

// While one batch is applied the next is planned, in the graph without the first and beside
// its vectors; by one thread, too, so that the graph does not depend on their number.
absl::StatusOr<LinkCounts> Linker::LinkAll(
    unsigned threads, absl::FunctionRef<absl::Status(const LinkCounts&)> tick) {
  LinkCounts all;
  std::vector<LinkPlan> batch;  // planned
  for (;;) {
    Views views;
    SHEAF_RETURN_IF_ERROR(OpenViews(where_, 1, &views));
    SHEAF_ASSIGN_OR_RETURN(std::vector<LinkPlan> next,
                           ReadBatch(*views[0]->reader, batch));
    const size_t planned = batch.size();
    if (planned == 0 && next.empty()) return all;
    SHEAF_RETURN_IF_ERROR(
        OpenViews(where_, std::min<size_t>(threads, next.size() / 4 + 1), &views));
    std::move(next.begin(), next.end(), std::back_inserter(batch));
    SHEAF_RETURN_IF_ERROR(PlanAll(views, absl::MakeSpan(batch), planned, [&] {
      if (planned == 0) return absl::OkStatus();
      SHEAF_ASSIGN_OR_RETURN(
          const LinkCounts counts,
          Apply(where_, *views[0], absl::MakeConstSpan(batch).first(planned)));
      all.linked += counts.linked;
      all.unlinked += counts.unlinked;
      all.looked_at += counts.looked_at;
      return tick(all);
    }));
    batch.erase(batch.begin(), batch.begin() + static_cast<ptrdiff_t>(planned));
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
