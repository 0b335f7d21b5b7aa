// Where databases are put: BuildFile makes one that appears under its name complete or not
// at all.
#ifndef API_INTERNAL_BUILD_FILE_H_
#define API_INTERNAL_BUILD_FILE_H_
#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "catalog/store.h"
#include "pager/file.h"
#include "pager/replace_file.h"

namespace sheaf::internal {

// The file system that was chosen; null: the system's.
inline pager::FileSystem* FileSystemOf(pager::FileSystem* chosen) {
  return chosen != nullptr ? chosen : pager::RealFileSystem();
}

inline pager::FileReplacer::Existing ExistingIf(bool overwrite) {
  return overwrite ? pager::FileReplacer::Existing::kReplace
                   : pager::FileReplacer::Existing::kRefuse;
}

// `path`, canonical, if a new database may get that name. kInvalidArgument: it is that of
// a log. kFailedPrecondition: a log lies beside it that belongs to no database there, but
// perhaps to one that was moved away.
absl::StatusOr<std::string> CheckDestination(pager::FileSystem* fs,
                                             const std::string& path);

// Calls `fill` with an empty store made by `options` and `keys` (Store::Open), closes it
// and gives it the name `path`, which is canonical. Returns its size in bytes.
absl::StatusOr<uint64_t> BuildFile(pager::FileSystem* fs, const std::string& path,
                                   bool overwrite, Options options,
                                   const pager::CopiedKeys& keys,
                                   absl::FunctionRef<absl::Status(catalog::Store*)> fill);

}  // namespace sheaf::internal
#endif  // API_INTERNAL_BUILD_FILE_H_
