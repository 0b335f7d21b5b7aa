#include "cli/commands.h"
#include "cli/failure.h"

namespace sheaf::cli {

absl::Status FileError(const std::string& path, const absl::Status& status) {
  // Not a Sheaf file; a folder or a device.
  bool is_foreign = absl::IsInvalidArgument(status) || absl::IsFailedPrecondition(status);
  if (!is_foreign) return At(path, status);
  return WithDetails(At(path, status), {{"exit", kExitBadFile}});
}

absl::StatusOr<std::unique_ptr<Database>> OpenFile(const std::string& path,
                                                   OpenFor purpose) {
  Options options;
  options.read_only = purpose == OpenFor::kReading;
  options.create_if_missing = purpose == OpenFor::kWritingOrCreating;
  auto db = Database::Open(path, options);
  if (db.ok()) return db;
  absl::Status error = FileError(path, db.status());
  if (!absl::IsNotFound(error)) return error;
  return WithHint(error, options.create_if_missing
                             ? "create the folder first"
                             : "`sheaf import` and `sheaf put` create a file");
}

absl::Status NameError(const Arguments& args, const absl::Status& status) {
  if (status.code() == absl::StatusCode::kNotFound) {
    return WithHint(At(args.file, status), "`sheaf list FILE` shows what it holds");
  }
  if (status.code() == absl::StatusCode::kFailedPrecondition) {
    return WithHint(At(args.file, status), args.is_table
                                               ? "leave --table out for a collection"
                                               : "add --table to reach a table");
  }
  return At(args.file, status);
}

}  // namespace sheaf::cli
