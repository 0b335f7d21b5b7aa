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

absl::Status Change(Database& db, const Arguments& args, const TreeInfo& tree,
                    const Expiry& expiry) {
  return db.Write([&](WriteTransaction& txn) {
    return With(txn, tree, [&](auto& writer) -> absl::Status {
      if (!args.record_key.has_value()) return SetDefault(writer, expiry, args.of_edges);
      SHEAF_ASSIGN_OR_RETURN(const auto key, ParseRecordKey(writer, *args.record_key));
      return writer.SetExpiry(key, expiry);
    });
  });
}

// When the record, KEY, is gone: as `set` says, which may have taken it away.
absl::StatusOr<absl::Time> Instant(const ReadTransaction& read, const TreeInfo& tree,
                                   const std::string& text,
                                   const std::optional<Expiry>& set) {
  if (set.has_value() && set->kind() == Expiry::Kind::kAt) return set->instant();
  absl::Time instant;
  SHEAF_RETURN_IF_ERROR(With(read, tree, [&](auto& reader) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(const auto key, ParseRecordKey(reader, text));
    SHEAF_ASSIGN_OR_RETURN(instant, InstantOf(reader, key));
    return absl::OkStatus();
  }));
  return instant;
}

absl::Status Print(Session& session, const ReadTransaction& read, const TreeInfo& tree,
                   const std::optional<Expiry>& set) {
  const Arguments& args = session.args;
  Json json = {{"name", tree.name}, {"kind", KindName(tree.kind)}};
  std::string line = session.out.Paint(Tone::kStrong, Printable(tree.name));
  if (args.record_key.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(const absl::Time instant,
                           Instant(read, tree, *args.record_key, set));
    json["key"] = *args.record_key;
    json["expires_at"] = InstantText(instant);
    line += " " + Printable(*args.record_key) + "  expires: " + InstantText(instant);
  } else {
    Expiry usual = Expiry::Never();
    SHEAF_RETURN_IF_ERROR(With(read, tree, [&](auto& reader) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(usual, DefaultOf(reader, args.of_edges));
      return absl::OkStatus();
    }));
    if (args.of_edges) json["of"] = "edges";
    json["default"] = ExpiryText(usual);
    line += std::string(args.of_edges ? "  new edges" : "  what is put") +
            " expires: " + ExpiryText(usual);
  }
  session.out.WriteLine(args.is_json ? Dump(json) : line);
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
  if (expiry.has_value())
    SHEAF_RETURN_IF_ERROR(At(args.file, Change(*db, args, tree, *expiry)));
  SHEAF_RETURN_IF_ERROR(At(args.file, Print(session, db->BeginRead(), tree, expiry)));
  SHEAF_RETURN_IF_ERROR(At(args.file, db->Close()));
  return kExitOk;
}

}  // namespace sheaf::cli
