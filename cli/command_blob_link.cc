// blob link, unlink, chain, path: which blob has to do with which.
#include "cli/blob_text.h"
#include "cli/commands.h"
#include "cli/failure.h"
#include "cli/rows.h"

namespace sheaf::cli {
namespace {

struct LinkArguments {
  DocumentKey key = 0, to = 0;
  BlobRelation relation = BlobRelation::kDerived;
};

absl::StatusOr<LinkArguments> LinkOf(const Arguments& args) {
  LinkArguments link;
  SHEAF_ASSIGN_OR_RETURN(link.key, ParseKey(args.key));
  SHEAF_ASSIGN_OR_RETURN(link.to, ParseKey(args.blob.to));
  SHEAF_ASSIGN_OR_RETURN(link.relation, ParseBlobRelation(args.blob.relation));
  return link;
}

// {"store": …, "key": …, "relation": …, "to": …, "<what>": …}, or a line for a person.
void PrintLink(Session& session, const LinkArguments& link, const char* what, bool holds,
               const std::string& done) {
  const Arguments& args = session.args;
  const std::string relation(ToString(link.relation));
  session.out.WriteLine(args.is_json
                            ? Dump({{"store", args.collection},
                                    {"key", KeyJson(link.key)},
                                    {"relation", relation},
                                    {"to", KeyJson(link.to)},
                                    {what, holds}})
                            : Printable(args.collection) + " " + KeyText(link.key) + " " +
                                  relation + " " + KeyText(link.to) + ": " + done);
}

// One blob a line, with what is known about it.
absl::Status PrintKeys(Session& session, const BlobStoreReader& store,
                       const std::vector<DocumentKey>& keys) {
  if (session.args.is_json) {
    Json json = Json::array();
    for (const DocumentKey& key : keys) json.push_back(KeyJson(key));
    session.out.WriteLine(Dump({{"keys", json}}));
    return absl::OkStatus();
  }
  RowPrinter rows(session.out);
  for (const DocumentKey& key : keys) {
    SHEAF_ASSIGN_OR_RETURN(const BlobInfo info, store.Info(key));
    const BlobAttributes& a = info.attributes;
    std::string text = ByteSize(info.size);
    for (const std::string& more : {a.content_type, a.name})
      if (!more.empty()) text += "  " + Printable(more);
    rows.Add(KeyText(key), std::move(text));
  }
  return absl::OkStatus();
}

}  // namespace

CommandResult LinkBlobs(Session& session) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(const LinkArguments link, LinkOf(args));
  bool is_there = false;
  SHEAF_RETURN_IF_ERROR(ChangeBlobs(args, [&](BlobStore& store) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(is_there, store.Contains(link.to));
    const absl::Status status =
        store.Link(link.key, {link.relation, link.to, args.blob.context});
    return BlobError(args, link.key, status);
  }));
  PrintLink(
      session, link, "to_exists", is_there,
      is_there ? "linked" : "linked, though there is no " + KeyText(link.to) + " yet");
  return kExitOk;
}

CommandResult UnlinkBlobs(Session& session) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(const LinkArguments link, LinkOf(args));
  SHEAF_RETURN_IF_ERROR(ChangeBlobs(args, [&](BlobStore& store) -> absl::Status {
    const absl::StatusOr<bool> gone = store.Unlink(link.key, link.relation, link.to);
    if (!gone.ok()) return BlobError(args, link.key, gone.status());
    if (*gone) return absl::OkStatus();
    return absl::NotFoundError(Printable(args.collection) + " " + KeyText(link.key) +
                               " has no link " + std::string(ToString(link.relation)) +
                               " " + KeyText(link.to));
  }));
  PrintLink(session, link, "unlinked", true, "link taken away");
  return kExitOk;
}

CommandResult ShowBlobChain(Session& session) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(const DocumentKey key, ParseKey(args.key));
  SHEAF_ASSIGN_OR_RETURN(const BlobRelation relation,
                         ParseBlobRelation(args.blob.relation));
  return LookAtBlobs(session, [&](const BlobStoreReader& store) -> absl::Status {
    const absl::StatusOr<std::vector<DocumentKey>> chain = store.Chain(key, relation);
    if (!chain.ok()) return BlobError(args, key, chain.status());
    return PrintKeys(session, store, *chain);
  });
}

CommandResult ShowBlobPath(Session& session) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(const DocumentKey from, ParseKey(args.key));
  SHEAF_ASSIGN_OR_RETURN(const DocumentKey to, ParseKey(args.blob.to));
  return LookAtBlobs(session, [&](const BlobStoreReader& store) -> absl::Status {
    for (const DocumentKey& key : {from, to})
      if (const absl::Status there = store.Info(key).status(); !there.ok())
        return BlobError(args, key, there);
    SHEAF_ASSIGN_OR_RETURN(const std::vector<DocumentKey> path, store.Path(from, to));
    if (!path.empty()) return PrintKeys(session, store, path);
    return absl::NotFoundError("no links lead from " + KeyText(from) + " to " +
                               KeyText(to));
  });
}

}  // namespace sheaf::cli
