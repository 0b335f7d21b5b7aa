// blob: which function is which of its commands; info, delete, share and stats.
#include "absl/strings/escaping.h"
#include "cli/blob_text.h"
#include "cli/commands.h"
#include "cli/expiry_text.h"
#include "cli/failure.h"

namespace sheaf::cli {
namespace {

std::string SizeText(uint64_t bytes) {
  const std::string text = ByteSize(bytes);
  return bytes < 1024 ? text : text + " (" + Thousands(bytes) + " bytes)";
}

void PrintInfo(const BlobInfo& info, Output& out) {
  const BlobAttributes& a = info.attributes;
  out.WriteLine(out.Paint(Tone::kKey, KeyText(info.key)) + "  " + SizeText(info.size));
  TextTable table({Align::kLeft, Align::kLeft});
  const auto add = [&](const char* what, const std::string& text) {
    if (!text.empty()) table.AddRow({what, text});
  };
  add("type", Printable(a.content_type));
  add("name", Printable(a.name));
  add("namespace", Printable(a.name_space));
  for (const std::string& tag : a.tags) add("tag", Printable(tag));
  if (a.owner.has_value()) add("owner", OwnerText(*a.owner));
  add("metadata", Printable(a.metadata));
  if (a.owner.has_value() && a.owner->keep) add("", "stays when its owner goes");
  if (info.expires_at != absl::InfiniteFuture())
    add("expires", InstantText(info.expires_at));
  add("number", Thousands(info.number));
  add("created", TimeText(info.created));
  add("modified", TimeText(info.modified));
  if (a.zstd_level != 0)
    add("stored", SizeText(info.stored_size) + ", zstd " + std::to_string(a.zstd_level));
  add("sha256", absl::BytesToHexString(info.sha256));
  for (const BlobLink& link : info.links)
    add("link", std::string(ToString(link.relation)) + " " + KeyText(link.to) +
                    (link.context.empty() ? "" : "  " + Printable(link.context)));
  table.Print(out, "  ");
}

CommandResult ShowBlobInfo(Session& session) {
  const Arguments& args = session.args;
  if (args.key.empty() && !args.blob.number.has_value())
    return UsageError("blob info needs a KEY, or --number");
  return LookAtBlobs(session, [&](const BlobStoreReader& store) -> absl::Status {
    absl::StatusOr<BlobInfo> info = absl::InternalError("");
    if (args.blob.number.has_value()) {
      info = store.InfoByNumber(*args.blob.number);
      SHEAF_RETURN_IF_ERROR(info.status());
    } else {
      SHEAF_ASSIGN_OR_RETURN(const DocumentKey key, ParseKey(args.key));
      info = store.Info(key);
      if (!info.ok()) return BlobError(args, key, info.status());
    }
    if (args.is_json)
      session.out.WriteLine(Dump(BlobJson(*info)));
    else
      PrintInfo(*info, session.out);
    return absl::OkStatus();
  });
}

CommandResult DeleteBlobs(Session& session) {
  const Arguments& args = session.args;
  std::vector<DocumentKey> keys;
  for (const std::string& text : args.blob.keys) {
    SHEAF_ASSIGN_OR_RETURN(DocumentKey key, ParseKey(text));
    keys.push_back(std::move(key));
  }
  SHEAF_RETURN_IF_ERROR(ChangeBlobs(args, [&](BlobStore& store) -> absl::Status {
    for (const DocumentKey& key : keys) {
      SHEAF_ASSIGN_OR_RETURN(const bool was_there, store.Delete(key));
      if (was_there) continue;
      return WithHint(BlobError(args, key, absl::NotFoundError("")),
                      keys.size() == 1 ? "`sheaf blob list` shows what there is"
                                       : "nothing was deleted");
    }
    return absl::OkStatus();
  }));
  Json json = {{"store", args.collection}, {"deleted", Json::array()}};
  for (const DocumentKey& key : keys) {
    json["deleted"].push_back(KeyJson(key));
    if (!args.is_json)
      session.out.WriteLine(Printable(args.collection) + " " + KeyText(key) +
                            ": deleted");
  }
  if (args.is_json) session.out.WriteLine(Dump(json));
  return kExitOk;
}

CommandResult ShareNamespace(Session& session) {
  const Arguments& args = session.args;
  const std::string& name_space = *args.blob.name_space;
  bool is_shared = args.blob.shared == "on";
  if (args.blob.shared.empty()) {
    const CommandResult done =
        LookAtBlobs(session, [&](const BlobStoreReader& store) -> absl::Status {
          SHEAF_ASSIGN_OR_RETURN(is_shared, store.IsShared(name_space));
          return absl::OkStatus();
        });
    SHEAF_RETURN_IF_ERROR(done.status());
  } else {
    // Before the first blob is the best time, so this makes the store as well.
    SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kWritingOrCreating));
    const absl::Status done = db->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(BlobStore store, txn.blobs(args.collection));
      return store.SetShared(name_space, is_shared);
    });
    if (!done.ok()) return NameError(args, done);
    SHEAF_RETURN_IF_ERROR(At(args.file, db->Close()));
  }
  const std::string of = name_space.empty() ? "blobs without a namespace"
                                            : "namespace " + Printable(name_space);
  session.out.WriteLine(args.is_json
                            ? Dump({{"store", args.collection},
                                    {"namespace", name_space},
                                    {"shared", is_shared}})
                            : Printable(args.collection) + ": equal contents of " + of +
                                  (is_shared ? " are stored once" : " are stored apart"));
  return kExitOk;
}

void PrintBlobStats(const BlobStats& stats, Output& out) {
  TextTable table({Align::kLeft, Align::kRight, Align::kRight, Align::kLeft});
  table.AddRow({"blobs", Thousands(stats.blobs), ByteSize(stats.content_bytes),
                "as they are read"});
  table.AddRow({"  shared", Thousands(stats.shared_blobs), "",
                stats.shared_blobs == 0
                    ? ""
                    : "have " + Counted(stats.shared_contents, "content", "contents") +
                          " between them"});
  table.AddRow({"  compressed", Thousands(stats.compressed_blobs), "", ""});
  table.AddRow({"stored", "", ByteSize(stats.stored_bytes),
                "shared contents once, compressed ones as they are"});
  table.Print(out, "  ");
}

CommandResult ShowBlobStats(Session& session) {
  return LookAtBlobs(session, [&](const BlobStoreReader& store) -> absl::Status {
    ProgressLine line(session.err);
    const absl::StatusOr<BlobStats> stats = store.Stats(ShownOn(line));
    line.Clear();
    SHEAF_RETURN_IF_ERROR(stats.status());
    if (!session.args.is_json) {
      PrintBlobStats(*stats, session.out);
      return absl::OkStatus();
    }
    session.out.WriteLine(Dump({{"blobs", stats->blobs},
                                {"content_bytes", stats->content_bytes},
                                {"stored_bytes", stats->stored_bytes},
                                {"shared_blobs", stats->shared_blobs},
                                {"shared_contents", stats->shared_contents},
                                {"compressed_blobs", stats->compressed_blobs}}));
    return absl::OkStatus();
  });
}

}  // namespace

CommandResult BlobCommand(Session& session) {
  static constexpr struct {
    const char* name;
    CommandResult (*run)(Session&);
  } kActions[] = {
      {"put", PutBlob},          {"set", SetBlobAttributes},
      {"cat", CatBlob},          {"range", ReadBlobRange},
      {"info", ShowBlobInfo},    {"list", ListBlobs},
      {"delete", DeleteBlobs},   {"link", LinkBlobs},
      {"unlink", UnlinkBlobs},   {"chain", ShowBlobChain},
      {"path", ShowBlobPath},    {"children", ShowBlobsPointingTo},
      {"share", ShareNamespace}, {"stats", ShowBlobStats},
  };
  for (const auto& action : kActions)
    if (session.args.action == action.name) return action.run(session);
  return absl::InternalError("blob " + session.args.action + " is not wired up");
}

}  // namespace sheaf::cli
