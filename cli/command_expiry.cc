// expiry: when a record is gone, or what is put from now on.
#include <type_traits>

#include "cli/commands.h"
#include "cli/expiry_text.h"
#include "cli/failure.h"
#include "cli/graph_vertices.h"
#include "cli/text.h"

namespace sheaf::cli {
namespace {

// --- What differs between the kinds -------------------------------------------

template <class Handle, class Reader>
constexpr bool kIs = std::is_base_of_v<Reader, Handle>;

template <class Handle>
auto ParseRecordKey(const Handle& of, const std::string& text) {
  if constexpr (kIs<Handle, TableReader>)
    return ParseBytes(text);
  else if constexpr (kIs<Handle, GraphReader>)
    return FindVertex(of, text, "name");
  else
    return ParseKey(text);
}

template <class Reader, class Key>
absl::StatusOr<absl::Time> InstantOf(const Reader& reader, const Key& key) {
  if constexpr (kIs<Reader, BlobStoreReader>) {
    SHEAF_ASSIGN_OR_RETURN(const BlobInfo info, reader.Info(key));
    return info.expires_at;
  } else {
    return reader.ExpiresAt(key);
  }
}

template <class Reader>
absl::StatusOr<Expiry> DefaultOf(const Reader& reader, bool of_edges) {
  if constexpr (kIs<Reader, GraphReader>)
    if (of_edges) return reader.DefaultEdgeExpiry();
  return reader.DefaultExpiry();
}

template <class Writer>
absl::Status SetDefault(Writer& writer, const Expiry& expiry, bool of_edges) {
  if constexpr (kIs<Writer, GraphReader>)
    if (of_edges) return writer.SetDefaultEdgeExpiry(expiry);
  return writer.SetDefaultExpiry(expiry);
}

// Calls `fn` with what has that name, of a reading or a writing transaction.
template <class Transaction, class Fn>
absl::Status With(Transaction& txn, const TreeInfo& tree, Fn fn) {
  const auto open = [&](auto opened) -> absl::Status {
    return opened.ok() ? fn(*opened) : opened.status();
  };
  switch (tree.kind) {
    case TreeKind::kTable:
      return open(txn.typed_table(tree.name, tree.key_type, tree.value_type));
    case TreeKind::kCollection:
      return open(txn.collection(tree.name));
    case TreeKind::kGraph:
      return open(txn.graph(tree.name));
    case TreeKind::kVectors:
      return open(txn.vectors(tree.name));
    case TreeKind::kBlobs:
      return open(txn.blobs(tree.name));
  }
  return absl::UnimplementedError(tree.name + " is of a kind without expiry");
}

absl::StatusOr<TreeInfo> FindTree(const Arguments& args, const ReadTransaction& read) {
  SHEAF_ASSIGN_OR_RETURN(const std::vector<TreeInfo> trees, read.List());
  for (const TreeInfo& tree : trees)
    if (tree.name == args.collection) return tree;
  return NameError(args, absl::NotFoundError(Printable(args.collection) +
                                             ": there is nothing of that name"));
}

// --- The command --------------------------------------------------------------

// Of a record that has the expiry now: when it is gone.
absl::StatusOr<absl::Time> Change(Database& db, const Arguments& args,
                                  const TreeInfo& tree, const Expiry& expiry) {
  absl::Time instant = absl::InfiniteFuture();
  SHEAF_RETURN_IF_ERROR(db.Write([&](WriteTransaction& txn) {
    return With(txn, tree, [&](auto& writer) -> absl::Status {
      if (!args.record_key.has_value()) return SetDefault(writer, expiry, args.of_edges);
      SHEAF_ASSIGN_OR_RETURN(const auto key, ParseRecordKey(writer, *args.record_key));
      SHEAF_RETURN_IF_ERROR(writer.SetExpiry(key, expiry));
      const absl::StatusOr<absl::Time> now_at = InstantOf(writer, key);
      const bool is_gone = absl::IsNotFound(now_at.status()) &&
                           expiry.kind() == Expiry::Kind::kAt;  // one that is past
      if (!is_gone) SHEAF_RETURN_IF_ERROR(now_at.status());
      instant = is_gone ? expiry.instant() : *now_at;
      return absl::OkStatus();
    });
  }));
  return instant;
}

absl::StatusOr<absl::Time> InstantOfRecord(const ReadTransaction& read,
                                           const Arguments& args, const TreeInfo& tree) {
  absl::Time instant;
  SHEAF_RETURN_IF_ERROR(With(read, tree, [&](auto& reader) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(const auto key, ParseRecordKey(reader, *args.record_key));
    SHEAF_ASSIGN_OR_RETURN(instant, InstantOf(reader, key));
    return absl::OkStatus();
  }));
  return instant;
}

// The key as `get` shows it: a graph's as it was written.
absl::Status SetKey(const Arguments& args, const TreeInfo& tree, Json* json) {
  if (tree.kind == TreeKind::kTable) {
    SHEAF_ASSIGN_OR_RETURN(const std::string bytes, ParseBytes(*args.record_key));
    SetBytes("key", bytes, json);
  } else if (tree.kind == TreeKind::kGraph) {
    (*json)["key"] = *args.record_key;
  } else {
    SHEAF_ASSIGN_OR_RETURN(const DocumentKey key, ParseKey(*args.record_key));
    (*json)["key"] = KeyJson(key);
  }
  return absl::OkStatus();
}

absl::Status PrintRecord(Session& session, const TreeInfo& tree, absl::Time instant) {
  const Arguments& args = session.args;
  Json json = {{"name", tree.name}, {"kind", KindName(tree.kind)}};
  SHEAF_RETURN_IF_ERROR(SetKey(args, tree, &json));
  json["expires_at"] = InstantText(instant);
  session.out.WriteLine(args.is_json
                            ? Dump(json)
                            : session.out.Paint(Tone::kStrong, Printable(tree.name)) +
                                  " " + Printable(*args.record_key) +
                                  "  expires: " + InstantText(instant));
  return absl::OkStatus();
}

absl::Status PrintDefault(Session& session, const ReadTransaction& read,
                          const TreeInfo& tree) {
  const Arguments& args = session.args;
  Expiry usual = Expiry::Never();
  SHEAF_RETURN_IF_ERROR(With(read, tree, [&](auto& reader) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(usual, DefaultOf(reader, args.of_edges));
    return absl::OkStatus();
  }));
  Json json = {{"name", tree.name}, {"kind", KindName(tree.kind)}};
  if (args.of_edges) json["of"] = "edges";
  json["default"] = ExpiryText(usual);
  session.out.WriteLine(args.is_json
                            ? Dump(json)
                            : session.out.Paint(Tone::kStrong, Printable(tree.name)) +
                                  (args.of_edges ? "  new edges" : "  what is put") +
                                  " expires: " + ExpiryText(usual));
  return absl::OkStatus();
}

}  // namespace

CommandResult ShowOrSetExpiry(Session& session) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(const std::optional<Expiry> expiry, ExpiryOf(args));
  if (args.of_edges && args.record_key.has_value())
    return WithHint(UsageError("--edges is of what edges get by default: without KEY"),
                    "`sheaf graph update-edge` changes one edge's");
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, expiry.has_value() ? OpenFor::kWriting
                                                                    : OpenFor::kReading));
  SHEAF_ASSIGN_OR_RETURN(const TreeInfo tree, FindTree(args, db->BeginRead()));
  if (args.of_edges && tree.kind != TreeKind::kGraph)
    return UsageError("--edges: " + Printable(tree.name) + " is no graph");
  absl::StatusOr<absl::Time> instant =
      expiry.has_value()            ? Change(*db, args, tree, *expiry)
      : args.record_key.has_value() ? InstantOfRecord(db->BeginRead(), args, tree)
                                    : absl::InfiniteFuture();
  if (!instant.ok()) return At(args.file, instant.status());
  SHEAF_RETURN_IF_ERROR(
      At(args.file, args.record_key.has_value()
                        ? PrintRecord(session, tree, *instant)
                        : PrintDefault(session, db->BeginRead(), tree)));
  SHEAF_RETURN_IF_ERROR(At(args.file, db->Close()));
  return kExitOk;
}

}  // namespace sheaf::cli
