#include "vector/linker.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

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

  static absl::StatusOr<std::unique_ptr<View>> Of(Store* store, TreeId index,
                                                  Directories* directories) {
    auto view = std::make_unique<View>();
    view->snapshot.emplace(store);
    SHEAF_ASSIGN_OR_RETURN(
        const std::optional<TreeRecord> record,
        catalog::FindInCatalog(view->snapshot->context(),
                               view->snapshot->version().catalog, index));
    if (!record.has_value() || record->kind != catalog::TreeKind::kVectors)
      return Gone(index);
    SHEAF_ASSIGN_OR_RETURN(view->reader,
                           OpenIndex(store, &*view->snapshot, *record, directories));
    return view;
  }
};

struct Writing {
  std::unique_ptr<catalog::WriteTxn> txn;
  std::unique_ptr<VectorWriter> index;

  static absl::StatusOr<Writing> Of(Store* store, TreeId index, absl::Duration wait_max) {
    Writing writing;
    SHEAF_ASSIGN_OR_RETURN(writing.txn, store->BeginWrite(wait_max));
    SHEAF_ASSIGN_OR_RETURN(OpenTree* const vectors, writing.txn->FindTree(index));
    if (vectors == nullptr) return Gone(index);
    SHEAF_ASSIGN_OR_RETURN(writing.index, OpenIndex(writing.txn.get(), vectors));
    return writing;
  }
};

// By several threads, each with a view of its own.
absl::Status PlanAll(Store* store, TreeId index, Directories* directories,
                     const VectorReader& first, absl::Span<LinkPlan> batch,
                     unsigned threads) {
  SlotSet slots;
  slots.Reset(first.slot_end());
  for (const LinkPlan& plan : batch) slots.Insert(plan.slot);
  std::atomic<size_t> next{0};
  const auto work = [&](const VectorReader& reader) {
    LinkPlanner planner(&reader, &slots);
    for (size_t i; (i = next.fetch_add(1)) < batch.size();)
      SHEAF_RETURN_IF_ERROR(planner.Plan(batch, i));
    return absl::OkStatus();
  };
  const size_t helpers = std::min<size_t>(threads, batch.size() / 4 + 1) - 1;
  std::vector<absl::Status> failed(helpers);
  std::vector<std::thread> workers;
  for (size_t i = 0; i < helpers; ++i)
    workers.emplace_back([&, i] {
      const auto view = View::Of(store, index, directories);
      failed[i] = view.ok() ? work(*(*view)->reader) : view.status();
    });
  absl::Status status = work(first);
  for (std::thread& worker : workers) worker.join();
  for (const absl::Status& other : failed) status.Update(other);
  return status;
}

// What the plans say, where the vectors are still those they were made for.
absl::StatusOr<LinkCounts> Apply(Writing* writing, absl::Span<const LinkPlan> batch) {
  const VectorReader& reader = writing->index->reader();
  const VectorWriter::Trees& trees = writing->index->trees();
  GraphEditor editor(&reader, trees.nodes, trees.levels);
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
  return counts;
}

}  // namespace

absl::StatusOr<LinkCounts> Linker::LinkSome(unsigned threads, uint64_t count_min) {
  std::vector<LinkPlan> batch;
  {
    SHEAF_ASSIGN_OR_RETURN(const std::unique_ptr<View> view,
                           View::Of(&store_, index_, &directories_));
    SHEAF_ASSIGN_OR_RETURN(const std::vector<Pending> pending,
                           view->reader->ReadPending(kBatch));
    if (pending.empty() || pending.size() < count_min) return LinkCounts{};
    for (const Pending& p : pending) batch.push_back({.slot = p.slot, .stamp = p.stamp});
    const VectorReader& reader = *view->reader;
    SHEAF_RETURN_IF_ERROR(ReadVectors(reader, absl::MakeSpan(batch)));
    OrderByNearness(reader.layout(), absl::MakeSpan(batch));
    SHEAF_RETURN_IF_ERROR(PlanAll(&store_, index_, &directories_, reader,
                                  absl::MakeSpan(batch), std::max(threads, 1u)));
  }
  SHEAF_ASSIGN_OR_RETURN(Writing writing, Writing::Of(&store_, index_, wait_max_));
  SHEAF_ASSIGN_OR_RETURN(const LinkCounts counts, Apply(&writing, batch));
  SHEAF_RETURN_IF_ERROR(writing.txn->Commit(Durability::kNone));
  return counts;
}

absl::StatusOr<Linker::Sizes> Linker::Measure() const {
  SHEAF_ASSIGN_OR_RETURN(const std::unique_ptr<View> view,
                         View::Of(&store_, index_, &directories_));
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
    SHEAF_ASSIGN_OR_RETURN(const std::unique_ptr<View> view,
                           View::Of(&store_, index_, &directories_));
    total = view->reader->size();
    build.emplace(view->reader->layout());
    SHEAF_RETURN_IF_ERROR(build->Build(*view->reader, std::max(threads, 1u), tick));
  }
  what = "nodes stored";
  SHEAF_ASSIGN_OR_RETURN(Writing writing, Writing::Of(&store_, index_, wait_max_));
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
