#include "sheaf/salvage.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "api/internal/build_file.h"
#include "catalog/salvage.h"
#include "pager/status_macros.h"

namespace sheaf {

absl::StatusOr<SalvageReport> Salvage(const std::string& from, const std::string& to,
                                      const SalvageOptions& options,
                                      const Progress& progress) {
  pager::FileSystem* const fs =
      options.file_system != nullptr ? options.file_system : pager::RealFileSystem();
  SHEAF_ASSIGN_OR_RETURN(const std::string source, fs->Canonical(from));
  SHEAF_ASSIGN_OR_RETURN(const std::string target, fs->Canonical(to));
  if (source == target)
    return absl::InvalidArgumentError(absl::StrCat(to, ": is the damaged file itself"));
  SHEAF_ASSIGN_OR_RETURN(const EncryptionKey key, options.key.Resolved());
  Options create;
  create.key = key;
  catalog::SalvageResult found;
  const auto fill = [&](catalog::Store* store) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(found, catalog::Salvage(fs, source, key, store, progress));
    return absl::OkStatus();
  };
  SHEAF_RETURN_IF_ERROR(
      internal::BuildFile(fs, target, options.overwrite, create, {}, fill).status());
  SalvageReport report;
  report.pages_damaged = found.pages_damaged;
  report.commits_replayed = found.commits_replayed;
  report.notes = std::move(found.notes);
  for (catalog::SalvagedTree& tree : found.trees) {
    SalvageReport::Tree& out = report.trees.emplace_back();
    out.name = std::move(tree.name);
    out.kind = static_cast<TreeKind>(tree.kind);
    out.entries = tree.entries;
    out.lost = tree.lost;
    out.adopted = tree.adopted;
    for (auto& [low, high] : tree.gaps)
      out.gaps.push_back({std::move(low), std::move(high)});
  }
  return report;
}

}  // namespace sheaf
