// index: create, list, drop, rebuild, disable, enable.
#include "cli/commands.h"
#include "cli/failure.h"
#include "cli/text.h"

namespace sheaf::cli {
namespace {

const char* StateName(IndexState state) {
  switch (state) {
    case IndexState::kBuilding:
      return "building";
    case IndexState::kReady:
      return "ready";
    case IndexState::kFailed:
      return "failed";
  }
  return "unknown";
}

std::string FieldsText(const IndexDefinition& definition) {
  std::string text;
  for (const IndexField& field : definition.fields)
    text += (text.empty() ? "" : ",") + std::string(field.descending ? "-" : "") +
            Printable(field.path);
  return text;
}

std::string TraitsText(const IndexInfo& info) {
  std::string text;
  const auto add = [&](bool is, const std::string& trait) {
    if (is) text += (text.empty() ? "" : ", ") + trait;
  };
  add(info.definition.unique, "unique");
  add(info.definition.sparse, "sparse");
  add(info.through_arrays, "over arrays");
  add(!info.definition.filter.empty(), "only " + Printable(info.definition.filter));
  add(info.state != IndexState::kReady, StateName(info.state));
  add(info.disabled, "disabled");
  return text;
}

// Of a collection, of a graph's vertices or edges, or of the metadata of vectors.
absl::StatusOr<std::vector<IndexInfo>> IndexesOf(const Arguments& args,
                                                 const ReadTransaction& read) {
  if (args.of_vectors) {
    SHEAF_ASSIGN_OR_RETURN(const VectorIndexReader vectors,
                           read.vectors(args.collection));
    return vectors.Indexes();
  }
  if (!args.of_vertices && !args.of_edges) {
    SHEAF_ASSIGN_OR_RETURN(const CollectionReader collection,
                           read.collection(args.collection));
    return collection.Indexes();
  }
  SHEAF_ASSIGN_OR_RETURN(const GraphReader graph, read.graph(args.collection));
  SHEAF_ASSIGN_OR_RETURN(const CollectionReader part,
                         args.of_vertices ? graph.vertices() : graph.edges());
  return part.Indexes();
}

CommandResult ListIndexes(Session& session) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kReading));
  const ReadTransaction read = db->BeginRead();
  const auto indexes = IndexesOf(args, read);
  if (!indexes.ok()) return NameError(args, indexes.status());
  if (args.is_json) {
    for (const IndexInfo& info : *indexes) {
      Json json = Json::parse(info.definition.ToJson());
      json["state"] = StateName(info.state);
      json["disabled"] = info.disabled;
      json["entries"] = info.entries;
      json["through_arrays"] = info.through_arrays;
      session.out.WriteLine(Dump(json));
    }
    return kExitOk;
  }
  TextTable table({Align::kLeft, Align::kLeft, Align::kRight, Align::kLeft});
  table.SetHeader({"name", "fields", "entries", ""});
  for (const IndexInfo& info : *indexes)
    table.AddRow({Printable(info.definition.name), FieldsText(info.definition),
                  Thousands(info.entries), TraitsText(info)});
  if (!indexes->empty()) table.Print(session.out);
  return kExitOk;
}

absl::StatusOr<IndexDefinition> DefinitionOf(const Arguments& args) {
  if (args.fields.empty()) return UsageError("index create: which fields?");
  std::string json = "{\"fields\":" + FieldsJson(args.fields, "-1");
  if (!args.index_name.empty()) json += ",\"name\":" + Dump(args.index_name);
  if (args.is_unique) json += ",\"unique\":true";
  if (args.is_sparse) json += ",\"sparse\":true";
  if (!args.index_filter.empty()) json += ",\"filter\":" + args.index_filter;
  return IndexDefinition::Parse(json + "}");
}

absl::Status MakeIndex(const Arguments& args, Database* db,
                       const IndexDefinition& definition, const Progress& progress) {
  const std::string& name = args.collection;
  if (args.of_vertices) return db->CreateVertexIndex(name, definition, progress);
  if (args.of_edges) return db->CreateEdgeIndex(name, definition, progress);
  if (!args.of_vectors) return db->CreateIndex(name, definition, progress);
  return db->Write([&](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(VectorIndex vectors, txn.vectors(name));
    return vectors.CreateIndex(definition, progress);
  });
}

CommandResult CreateIndex(Session& session) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(const IndexDefinition definition, DefinitionOf(args));
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kWriting));
  const absl::Status there = IndexesOf(args, db->BeginRead()).status();
  if (!there.ok()) return NameError(args, there);
  const Interrupt interrupt;
  ProgressLine line(session.err);
  const Progress progress = ShownOn(line, &interrupt);
  const absl::Status made = MakeIndex(args, db.get(), definition, progress);
  line.Clear();
  if (absl::IsCancelled(made)) return kExitSignal + interrupt.signal_number();
  if (!made.ok()) return At(args.file, made);
  const ReadTransaction read = db->BeginRead();
  SHEAF_ASSIGN_OR_RETURN(const std::vector<IndexInfo> indexes, IndexesOf(args, read));
  for (const IndexInfo& info : indexes) {
    if (info.definition.name != definition.name) continue;
    session.out.WriteLine(
        args.is_json ? Dump({{"index", definition.name}, {"entries", info.entries}})
                     : Printable(definition.name) + ": " +
                           Counted(info.entries, "entry", "entries"));
  }
  return kExitOk;
}

// What drop and the like do, and how that is told.
struct Action {
  absl::Status (Collection::*run)(std::string_view name);
  const char* done;
};

Action ActionOf(const std::string& word) {
  if (word == "drop") return {&Collection::DropIndex, "dropped"};
  if (word == "rebuild") return {&Collection::RebuildIndex, "rebuilt"};
  if (word == "disable") return {&Collection::DisableIndex, "disabled"};
  return {&Collection::EnableIndex, "enabled"};
}

// Of what is no collection.
absl::Status DropPartIndex(const Arguments& args, WriteTransaction& txn) {
  if (args.of_vectors) {
    SHEAF_ASSIGN_OR_RETURN(VectorIndex vectors, txn.vectors(args.collection));
    return vectors.DropIndex(args.fields);
  }
  SHEAF_ASSIGN_OR_RETURN(Graph graph, txn.graph(args.collection));
  return args.of_vertices ? graph.DropVertexIndex(args.fields)
                          : graph.DropEdgeIndex(args.fields);
}

CommandResult ChangeIndex(Session& session) {
  const Arguments& args = session.args;
  if (args.fields.empty()) return UsageError("index " + args.action + ": which index?");
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kWriting));
  const absl::Status there = IndexesOf(args, db->BeginRead()).status();
  if (!there.ok()) return NameError(args, there);
  const Action action = ActionOf(args.action);
  const bool is_part = args.of_vertices || args.of_edges || args.of_vectors;
  if (is_part && args.action != "drop")
    return UsageError("index " + args.action + ": not of a " +
                      (args.of_vectors ? "vector index" : "graph") +
                      "; drop and create it");
  const absl::Status done = db->Write([&](WriteTransaction& txn) -> absl::Status {
    if (is_part) return DropPartIndex(args, txn);
    SHEAF_ASSIGN_OR_RETURN(Collection collection, txn.collection(args.collection));
    return (collection.*action.run)(args.fields);
  });
  if (!done.ok()) return At(args.file, done);
  session.out.WriteLine(args.is_json ? Dump({{"index", args.fields}, {args.action, true}})
                                     : Printable(args.fields) + ": " + action.done);
  return kExitOk;
}

}  // namespace

CommandResult Index(Session& session) {
  if (session.args.action == "list") return ListIndexes(session);
  if (session.args.action == "create") return CreateIndex(session);
  return ChangeIndex(session);
}

}  // namespace sheaf::cli
