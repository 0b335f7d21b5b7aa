// The commands. Each takes the parsed arguments, prints its result to `out` and
// returns the exit code, or the error that main.cc prints.
//
// Commands that only read open the file read-only: they work without write
// access, beside each other, and never create a file.
#ifndef CLI_COMMANDS_H_
#define CLI_COMMANDS_H_
#include <sheaf/sheaf.h>

#include <memory>
#include <optional>
#include <string>

#include "cli/arguments.h"
#include "cli/interrupt.h"
#include "cli/output.h"

namespace sheaf::cli {

struct Session {
  const Arguments& args;
  Output& out;
  Output& err;  // progress; errors are returned
};

using CommandResult = absl::StatusOr<int>;

CommandResult Import(Session& session);  // command_import.cc
CommandResult Put(Session& session);     // command_entry.cc
CommandResult Get(Session& session);
CommandResult Delete(Session& session);
CommandResult Merge(Session& session);  // command_merge.cc
CommandResult Increment(Session& session);
CommandResult Decrement(Session& session);
CommandResult CompareAndSet(Session& session);
CommandResult Scan(Session& session);  // command_scan.cc
CommandResult Find(Session& session);  // command_find.cc
CommandResult Count(Session& session);
CommandResult Export(Session& session);
CommandResult Update(Session& session);  // command_change.cc
CommandResult Remove(Session& session);
CommandResult Index(Session& session);          // command_index.cc
CommandResult GraphCommand(Session& session);   // command_graph.cc
CommandResult RunAlgorithm(Session& session);   // of it: command_graph_algo.cc
CommandResult FindGraphPath(Session& session);  // command_graph_path.cc
CommandResult FindGraphMatches(Session& session);
CommandResult LoadGraph(Session& session);  // command_graph_load.cc
CommandResult ExportGraphCommand(Session& session);
CommandResult VectorCommand(Session& session);     // command_vector.cc
CommandResult ImportVectorFile(Session& session);  // of it: command_vector_import.cc
CommandResult SearchVectors(Session& session);     // command_vector_search.cc
CommandResult MeasureRecall(Session& session);     // command_vector_recall.cc
CommandResult BlobCommand(Session& session);       // command_blob.cc
CommandResult PutBlob(Session& session);           // of it: command_blob_put.cc
CommandResult SetBlobAttributes(Session& session);
CommandResult CatBlob(Session& session);  // command_blob_read.cc
CommandResult ReadBlobRange(Session& session);
CommandResult ListBlobs(Session& session);  // command_blob_list.cc
CommandResult ShowBlobsPointingTo(Session& session);
CommandResult LinkBlobs(Session& session);  // command_blob_link.cc
CommandResult UnlinkBlobs(Session& session);
CommandResult ShowBlobChain(Session& session);
CommandResult ShowBlobPath(Session& session);
CommandResult Shell(Session& session);  // command_shell.cc
CommandResult List(Session& session);   // command_file.cc
CommandResult Stat(Session& session);
CommandResult Checkpoint(Session& session);
CommandResult Version(Session& session);
CommandResult Check(Session& session);  // command_check.cc
CommandResult DumpPage(Session& session);
CommandResult Scrub(Session& session);
CommandResult Backup(Session& session);  // command_backup.cc
CommandResult RestoreBackup(Session& session);
CommandResult VerifyBackup(Session& session);
CommandResult SalvageFile(Session& session);
CommandResult Compact(Session& session);          // command_keep.cc
CommandResult Compress(Session& session);         // command_compress.cc
CommandResult Expire(Session& session);           // command_expire.cc
CommandResult ShowOrSetExpiry(Session& session);  // command_expiry.cc
CommandResult Rekey(Session& session);
CommandResult Rotate(Session& session);

// The one that the arguments name.
CommandResult RunCommand(Session& session);

// What --sort, --skip and the like say.
QueryOptions QueryOptionsOf(const Arguments& args);
// "author,-year" as JSON: {"author":1,"year":-1}. What begins with { is JSON already.
std::string FieldsJson(std::string_view fields, std::string_view minus);

enum class OpenFor { kReading, kWriting, kWritingOrCreating };

// Errors name the file and carry the exit code of an open that failed.
absl::StatusOr<std::unique_ptr<Database>> OpenFile(const Arguments& args,
                                                   OpenFor purpose);
// What --key-file or --passphrase say; none without them.
absl::StatusOr<EncryptionKey> KeyOf(const Arguments& args, OpenFor purpose);
// What --new-key-file or --new-passphrase say; nothing without them.
absl::StatusOr<std::optional<EncryptionKey>> NewKeyOf(const Arguments& args);
// What --compress or --with say, with --level. A usage error when that is nothing.
absl::StatusOr<Compression> CompressionOf(const Arguments& args);
std::string CompressionText(const Compression& compression);
// What --level says, or what is usual.
CheckLevel LevelOf(const Arguments& args, CheckLevel usual);
// Shows on the terminal how far a call is, and lets Ctrl-C cancel it, if there is an
// `interrupt`. Both outlive it.
Progress ShownOn(ProgressLine& line, const Interrupt* interrupt = nullptr);
// Prints what a check found; the exit code for it.
int PrintReport(const std::string& path, const CheckReport& report, double seconds,
                Session& session);
// What OpenFile does to an error of the library about the file itself.
absl::Status FileError(const std::string& path, const absl::Status& status);
// Adds what helps when a collection or table is absent or of the other kind.
absl::Status NameError(const Arguments& args, const absl::Status& status);

}  // namespace sheaf::cli
#endif  // CLI_COMMANDS_H_
