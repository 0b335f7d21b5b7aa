#include "api/internal/build_file.h"

#include <memory>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "pager/replace_file.h"
#include "pager/status_macros.h"

namespace sheaf::internal {

using pager::FileReplacer;

absl::StatusOr<uint64_t> BuildFile(
    pager::FileSystem* fs, const std::string& path, bool overwrite, Options options,
    const pager::CopiedKeys& keys,
    absl::FunctionRef<absl::Status(catalog::Store*)> fill) {
  SHEAF_ASSIGN_OR_RETURN(
      FileReplacer file,
      FileReplacer::Begin(fs, path,
                          overwrite ? FileReplacer::Existing::kReplace
                                    : FileReplacer::Existing::kRefuse));
  const std::string temporary = file.temporary_path();
  SHEAF_RETURN_IF_ERROR(fs->Delete(temporary));
  file.CloseFile();
  options.read_only = false;
  options.create_if_missing = options.error_if_exists = true;
  options.background_checkpoints = false;
  absl::Cleanup no_log = [&] { (void)fs->Delete(absl::StrCat(temporary, "-log")); };
  uint64_t bytes = 0;
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
