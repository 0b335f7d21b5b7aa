// Copies of a database made while it is in use, and what is done with them.
//
// A backup is a database file: it can be opened, read-only too, like any other. It holds
// every commit before the call, and none after. Encrypted databases have encrypted
// backups. Files appear under their name whole or not at all: what is not complete has
// the ending "-new", and the next attempt takes it away.
//
// Database::Backup and Database::BackupTo make them (database.h).
#ifndef SHEAF_BACKUP_H_
#define SHEAF_BACKUP_H_
#include <cstdint>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "sheaf/database.h"
#include "sheaf/encryption_key.h"
#include "sheaf/options.h"

namespace sheaf {

struct VerifyOptions {
  CheckLevel level = CheckLevel::kPages;
  EncryptionKey key;  // as for opening
  pager::FileSystem* file_system = nullptr;
};
// Opens the file read-only and looks at it; changes nothing. The errors are those of
// Database::Open, kDataLoss among them; damage further inside is in the report.
absl::StatusOr<CheckReport> VerifyBackup(const std::string& path,
                                         const VerifyOptions& options = {},
                                         const Progress& progress = {});

struct RestoreOptions {
  bool overwrite = false;  // a database at the destination; otherwise kAlreadyExists
  // What must be in order before the copy gets its name. kQuick trusts the pages.
  CheckLevel level = CheckLevel::kPages;
  EncryptionKey key;  // of the backup, and so of the database
  pager::FileSystem* file_system = nullptr;
};
// Copies a backup to where a database is to be, verified. kDataLoss when it is damaged
// (salvage.h reads what can be read); kUnavailable when the destination is in use;
// kFailedPrecondition when the source was not closed cleanly. Until it is complete what
// was there stays. Returns the bytes copied.
absl::StatusOr<uint64_t> Restore(const std::string& from, const std::string& to,
                                 const RestoreOptions& options = {},
                                 const Progress& progress = {});
// The same from a stream. `next` fills as much of the span as there is and returns how
// much that was; 0 at the end.
using ByteSource = absl::FunctionRef<absl::StatusOr<size_t>(absl::Span<char>)>;
absl::StatusOr<uint64_t> RestoreFrom(ByteSource next, const std::string& to,
                                     const RestoreOptions& options = {},
                                     const Progress& progress = {});

}  // namespace sheaf
#endif  // SHEAF_BACKUP_H_
