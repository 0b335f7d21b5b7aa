// Database::OptimizeVectors.
#include <algorithm>
#include <thread>

#include "absl/strings/str_cat.h"
#include "api/internal/handles.h"
#include "catalog/tick.h"
#include "pager/status_macros.h"
#include "vector/layout.h"
#include "vector/linker.h"

namespace sheaf {
namespace {

// Of more vectors than this, and more than there are nodes, the graph is built anew.
constexpr uint64_t kRebuiltMin = 5000;

absl::StatusOr<catalog::TreeId> FindIndex(catalog::Store* store, std::string_view name,
                                          bool* is_flat) {
  const catalog::Snapshot snapshot(store);
  SHEAF_ASSIGN_OR_RETURN(const std::optional<catalog::TreeRecord> record,
                         snapshot.FindTree(name));
  if (!record.has_value())
    return absl::NotFoundError(absl::StrCat(std::string(name), ": no such vector index"));
  SHEAF_RETURN_IF_ERROR(internal::CheckKind(*record, catalog::TreeKind::kVectors));
  SHEAF_ASSIGN_OR_RETURN(const vectors::Layout layout,
                         vectors::ParseOptionsText(record->value_type));
  *is_flat = layout.options.kind == vectors::IndexKind::kFlat;
  return record->id;
}

}  // namespace

absl::StatusOr<VectorOptimizeReport> Database::OptimizeVectors(
    std::string_view name, const VectorOptimizeOptions& options,
    const Progress& progress) {
  if (rep_->closed.load()) return absl::FailedPreconditionError("the database is closed");
  catalog::Store* const store = rep_->store.get();
  bool is_flat = false;
  SHEAF_ASSIGN_OR_RETURN(const catalog::TreeId id, FindIndex(store, name, &is_flat));
  VectorOptimizeReport report;
  if (is_flat) return report;
  const unsigned threads = options.threads != 0
                               ? options.threads
                               : std::max(std::thread::hardware_concurrency(), 1u);
  absl::MutexLock lock(&rep_->linking_mu);
  vectors::Linker linker({store, id, &rep_->directories});
  SHEAF_ASSIGN_OR_RETURN(const vectors::Linker::Sizes sizes, linker.Measure());
  report.rebuilt = options.rebuild ||
                   (sizes.vectors >= kRebuiltMin && sizes.nodes < sizes.vectors / 2 &&
                    sizes.memory_to_rebuild <= options.memory_bytes_max);
  if (report.rebuilt) {
    SHEAF_ASSIGN_OR_RETURN(const vectors::LinkCounts counts,
                           linker.Rebuild(threads, progress));
    report.linked = counts.linked;
    report.unlinked = counts.unlinked;
  }
  const uint64_t built = report.linked;
  SHEAF_ASSIGN_OR_RETURN(const vectors::LinkCounts counts,
                         linker.LinkAll(threads, [&](const vectors::LinkCounts& so_far) {
                           return catalog::Tick(
                               progress, "linking",
                               {built + so_far.linked, 0, "vectors linked"});
                         }));
  report.linked += counts.linked;
  report.unlinked += counts.unlinked;
  if (report.linked + report.unlinked > 0) SHEAF_RETURN_IF_ERROR(Checkpoint());
  return report;
}

}  // namespace sheaf
