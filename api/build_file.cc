#include "api/internal/build_file.h"

#include <memory>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "graph/graph_reader.h"
#include "pager/status_macros.h"

namespace sheaf::internal {

using pager::FileReplacer;

absl::StatusOr<std::string> CheckDestination(pager::FileSystem* fs,
                                             const std::string& path) {
  SHEAF_ASSIGN_OR_RETURN(std::string to, fs->Canonical(path));
  if (absl::EndsWith(to, "-log"))
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": names that end in -log are those of logs"));
  SHEAF_ASSIGN_OR_RETURN(const bool exists, fs->Exists(to));
  SHEAF_ASSIGN_OR_RETURN(const bool has_log, fs->Exists(to + "-log"));
  if (has_log && !exists)
    return absl::FailedPreconditionError(absl::StrCat(
        to,
        "-log: is the log of a database that is not there; it may hold commits, and "
        "would be deleted: move it to where its database is"));
  return to;
}

absl::StatusOr<uint64_t> BuildFile(
    pager::FileSystem* fs, const std::string& path, bool overwrite, Options options,
    const pager::CopiedKeys& keys,
    absl::FunctionRef<absl::Status(catalog::Store*)> fill) {
  SHEAF_ASSIGN_OR_RETURN(FileReplacer file,
                         FileReplacer::Begin(fs, path, ExistingIf(overwrite)));
  const std::string temporary = file.temporary_path();
  SHEAF_RETURN_IF_ERROR(fs->Delete(temporary));
  file.CloseFile();
  options.read_only = false;
  options.create_if_missing = options.error_if_exists = true;
  options.background_checkpoints = false;
  absl::Cleanup no_log = [&] { (void)fs->Delete(absl::StrCat(temporary, "-log")); };
  uint64_t bytes = 0;
  graph::RegisterRecords();
  {
    SHEAF_ASSIGN_OR_RETURN(const std::unique_ptr<catalog::Store> store,
                           catalog::Store::Open(fs, temporary, options, false, keys));
    SHEAF_RETURN_IF_ERROR(fill(store.get()));
    SHEAF_RETURN_IF_ERROR(store->Close());
    SHEAF_ASSIGN_OR_RETURN(bytes, store->pager().file().Size());
  }
  SHEAF_RETURN_IF_ERROR(file.Commit().status());
  return bytes;
}

}  // namespace sheaf::internal
