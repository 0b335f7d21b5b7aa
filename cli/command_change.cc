// update, remove: documents that a filter means, in one transaction.
#include "cli/commands.h"
#include "cli/failure.h"
#include "cli/text.h"

namespace sheaf::cli {
namespace {

// Without making a collection that is not there.
absl::StatusOr<Collection> OpenCollection(const Arguments& args, Database& db,
                                          WriteTransaction& txn) {
  const absl::Status there = db.BeginRead().collection(args.collection).status();
  if (!there.ok()) return NameError(args, there);
  return txn.collection(args.collection);
}

}  // namespace

CommandResult Update(Session& session) {
  const Arguments& args = session.args;
  const QueryOptions options = QueryOptionsOf(args);
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kWriting));
  SHEAF_ASSIGN_OR_RETURN(WriteTransaction txn, db->BeginWrite());
  SHEAF_ASSIGN_OR_RETURN(Collection collection, OpenCollection(args, *db, txn));
  const auto counts = collection.UpdateWhere(args.filter, args.update, options);
  if (!counts.ok()) return At(args.file, counts.status());
  if (absl::Status done = txn.Commit(); !done.ok()) return At(args.file, done);
  if (args.is_json)
    session.out.WriteLine(
        Dump({{"matched", counts->matched}, {"changed", counts->changed}}));
  else
    session.out.WriteLine(Counted(counts->changed, "document", "documents") +
                          " changed of " + Thousands(counts->matched) + " found");
  return kExitOk;
}

CommandResult Remove(Session& session) {
  const Arguments& args = session.args;
  const QueryOptions options = QueryOptionsOf(args);
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kWriting));
  SHEAF_ASSIGN_OR_RETURN(WriteTransaction txn, db->BeginWrite());
  SHEAF_ASSIGN_OR_RETURN(Collection collection, OpenCollection(args, *db, txn));
  const absl::StatusOr<uint64_t> removed = collection.DeleteWhere(args.filter, options);
  if (!removed.ok()) return At(args.file, removed.status());
  if (absl::Status done = txn.Commit(); !done.ok()) return At(args.file, done);
  session.out.WriteLine(args.is_json
                            ? Dump({{"removed", *removed}})
                            : Counted(*removed, "document", "documents") + " removed");
  return kExitOk;
}

}  // namespace sheaf::cli
