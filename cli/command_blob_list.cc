// blob list, blob children: blobs by what is known about them.
#include "cli/blob_text.h"
#include "cli/commands.h"
#include "cli/failure.h"
#include "cli/graph_vertices.h"

namespace sheaf::cli {
namespace {

absl::StatusOr<BlobQuery> QueryOf(const Arguments& args, const Progress& shown) {
  const BlobArguments& of = args.blob;
  BlobQuery query;
  query.name_space = of.name_space;
  if (!of.tags.empty()) query.tag = of.tags[0];
  if (of.owner.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(query.owner, ParseBlobOwner(*of.owner));
  }
  if (of.created_from.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(query.created_from, ParseBlobTime("--from", *of.created_from));
  }
  if (of.created_to.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(query.created_to, ParseBlobTime("--to", *of.created_to));
  }
  query.filter = of.filter;
  query.sort = FieldsJson(args.sort, "-1");
  query.skip = args.skip;
  query.limit = args.limit;
  query.progress = ProgressOf(args, shown);
  return query;
}

}  // namespace

CommandResult ListBlobs(Session& session) {
  const Arguments& args = session.args;
  const Interrupt interrupt;
  ProgressLine line(session.err);
  SHEAF_ASSIGN_OR_RETURN(const BlobQuery query, QueryOf(args, ShownOn(line, &interrupt)));
  const CommandResult done =
      LookAtBlobs(session, [&](const BlobStoreReader& store) -> absl::Status {
        if (args.blob.counts) {
          SHEAF_ASSIGN_OR_RETURN(const uint64_t count, store.Count(query));
          session.out.WriteLine(args.is_json ? Dump({{"count", count}})
                                             : std::to_string(count));
          return absl::OkStatus();
        }
        BlobRows rows(session);
        return store.ForEach(query, [&](const BlobInfo& info) { return rows.Add(info); });
      });
  line.Clear();
  if (absl::IsCancelled(done.status())) return kExitSignal + interrupt.signal_number();
  return done;
}

CommandResult ShowBlobsPointingTo(Session& session) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(const DocumentKey key, ParseKey(args.key));
  std::optional<BlobRelation> relation;
  if (args.blob.of_relation.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(relation, ParseBlobRelation(*args.blob.of_relation));
  }
  return LookAtBlobs(session, [&](const BlobStoreReader& store) -> absl::Status {
    const absl::Status there = store.Info(key).status();
    if (!there.ok()) return BlobError(args, key, there);
    SHEAF_ASSIGN_OR_RETURN(const std::vector<BlobInfo> found,
                           store.PointingTo(key, relation));
    BlobRows rows(session);
    for (const BlobInfo& info : found) rows.Add(info);
    return absl::OkStatus();
  });
}

}  // namespace sheaf::cli
