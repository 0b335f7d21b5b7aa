// vector: make an index, its entries one by one, what it holds and its graph.
#include "cli/commands.h"
#include "cli/expiry_text.h"
#include "cli/failure.h"
#include "cli/vector_text.h"

namespace sheaf::cli {
namespace {

CommandResult CreateVectors(Session& session) {
  const Arguments& args = session.args;
  const VectorOptions wanted = VectorOptionsOf(args, {});
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kWritingOrCreating));
  bool is_there = false;
  VectorOptions made;
  const absl::Status done = db->Write([&](WriteTransaction& txn) -> absl::Status {
    const absl::StatusOr<VectorIndex> there = txn.vectors(args.collection);
    is_there = there.ok();
    if (is_there)
      SHEAF_RETURN_IF_ERROR(CheckSameOptions(args.collection, there->options(), wanted));
    SHEAF_ASSIGN_OR_RETURN(const VectorIndex index, txn.vectors(args.collection, wanted));
    made = index.options();
    return absl::OkStatus();
  });
  if (!done.ok()) return is_there ? At(args.file, done) : NameError(args, done);
  SHEAF_RETURN_IF_ERROR(At(args.file, db->Close()));
  if (args.is_json) {
    Json json = {{"index", args.collection}, {"made", !is_there}};
    json.update(VectorOptionsJson(made));
    session.out.WriteLine(Dump(json));
    return kExitOk;
  }
  session.out.WriteLine(Printable(args.collection) +
                        (is_there ? ": is there, " : ": made, ") +
                        VectorOptionsText(made));
  return kExitOk;
}

// Runs `change` on an index that is there, in a transaction of its own.
absl::Status ChangeVectors(const Arguments& args,
                           absl::FunctionRef<absl::Status(VectorIndex&)> change) {
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kWriting));
  const absl::Status there = db->BeginRead().vectors(args.collection).status();
  if (absl::IsNotFound(there))
    return WithHint(At(args.file, there), "`sheaf vector create` makes one");
  if (!there.ok()) return NameError(args, there);
  const absl::Status done = db->Write([&](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(VectorIndex index, txn.vectors(args.collection));
    return change(index);
  });
  if (!done.ok()) return At(args.file, done);
  return At(args.file, db->Close());
}

absl::Status NoSuchVector(const Arguments& args, const DocumentKey& key) {
  return absl::NotFoundError(args.file + ": " + Printable(args.collection) +
                             " has no key " + KeyText(key));
}

// {"index": …, "key": …, "<what>": true or false}, or a line for a person.
void PrintDone(Session& session, const DocumentKey& key, const char* what, bool holds,
               const char* done) {
  const Arguments& args = session.args;
  session.out.WriteLine(
      args.is_json
          ? Dump({{"index", args.collection}, {"key", KeyJson(key)}, {what, holds}})
          : Printable(args.collection) + " " + KeyText(key) + ": " + done);
}

CommandResult PutVector(Session& session) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(const DocumentKey key, ParseKey(args.key));
  SHEAF_ASSIGN_OR_RETURN(const std::vector<float> vector,
                         ParseVector(args.vector.vector));
  SHEAF_ASSIGN_OR_RETURN(const std::optional<Expiry> expiry, ExpiryOf(args));
  bool is_replaced = false;
  SHEAF_RETURN_IF_ERROR(ChangeVectors(args, [&](VectorIndex& index) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(is_replaced, index.Contains(key));
    SHEAF_RETURN_IF_ERROR(args.vector.metadata.has_value()
                              ? index.Put(key, vector, *args.vector.metadata)
                              : index.Put(key, vector));
    return expiry.has_value() ? index.SetExpiry(key, *expiry) : absl::OkStatus();
  }));
  PrintDone(session, key, "replaced", is_replaced, is_replaced ? "replaced" : "stored");
  return kExitOk;
}

CommandResult GetVector(Session& session) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(const DocumentKey key, ParseKey(args.key));
  return LookAtVectors(session, [&](const VectorIndexReader& index) -> absl::Status {
    const absl::StatusOr<std::vector<float>> vector = index.Get(key);
    if (absl::IsNotFound(vector.status())) return NoSuchVector(args, key);
    SHEAF_RETURN_IF_ERROR(vector.status());
    SHEAF_ASSIGN_OR_RETURN(const std::optional<std::string> metadata,
                           index.Metadata(key));
    if (args.is_json) {
      Json json = {{"key", KeyJson(key)}, {"vector", VectorJson(*vector)}};
      if (metadata.has_value()) json["metadata"] = Json::parse(*metadata);
      session.out.WriteLine(Dump(json));
      return absl::OkStatus();
    }
    session.out.WriteLine(Dump(VectorJson(*vector)));
    if (metadata.has_value()) session.out.WriteLine(PrettyJson(*metadata, session.out));
    return absl::OkStatus();
  });
}

CommandResult DeleteVector(Session& session) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(const DocumentKey key, ParseKey(args.key));
  SHEAF_RETURN_IF_ERROR(ChangeVectors(args, [&](VectorIndex& index) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(const bool was_there, index.Delete(key));
    return was_there ? absl::OkStatus() : NoSuchVector(args, key);
  }));
  PrintDone(session, key, "deleted", true, "deleted");
  return kExitOk;
}

void PrintVectorStats(const VectorOptions& options, const VectorStats& stats,
                      Output& out) {
  out.WriteLine(VectorOptionsText(options));
  TextTable table({Align::kLeft, Align::kRight, Align::kLeft});
  const auto add = [&](const std::string& name, uint64_t count, const char* note) {
    table.AddRow({name, Thousands(count), note});
  };
  add("vectors", stats.vectors, "");
  if (options.kind == VectorIndexKind::kHnsw) {
    add("  linked", stats.linked, "that the graph has");
    add("  pending", stats.pending,
        "that it has not yet; `sheaf vector optimize` links them");
    add("stale nodes", stats.stale, "whose vectors went");
    for (size_t level = 0; level < stats.nodes_by_level.size(); ++level)
      add("  level " + std::to_string(level), stats.nodes_by_level[level],
          level == 0 ? "nodes whose highest level it is" : "");
    char mean[32];
    snprintf(mean, sizeof(mean), "%.1f", stats.mean_links);
    table.AddRow({"links", mean, "of a node on level 0, in the mean"});
    add("unreachable", stats.unreachable, "nodes that no way leads to");
  }
  table.Print(out, "  ");
}

CommandResult ShowVectorStats(Session& session) {
  return LookAtVectors(session, [&](const VectorIndexReader& index) -> absl::Status {
    ProgressLine line(session.err);
    const absl::StatusOr<VectorStats> stats = index.Stats(ShownOn(line));
    line.Clear();
    SHEAF_RETURN_IF_ERROR(stats.status());
    if (!session.args.is_json) {
      PrintVectorStats(index.options(), *stats, session.out);
      return absl::OkStatus();
    }
    Json json = VectorOptionsJson(index.options());
    json["vectors"] = stats->vectors;
    json["linked"] = stats->linked;
    json["pending"] = stats->pending;
    json["stale"] = stats->stale;
    json["nodes_by_level"] = stats->nodes_by_level;
    json["mean_links"] = stats->mean_links;
    json["unreachable"] = stats->unreachable;
    session.out.WriteLine(Dump(json));
    return absl::OkStatus();
  });
}

CommandResult OptimizeVectorIndex(Session& session) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kWriting));
  const absl::Status there = db->BeginRead().vectors(args.collection).status();
  if (!there.ok()) return NameError(args, there);
  const Interrupt interrupt;
  ProgressLine line(session.err);
  const int64_t begun = MonotonicMicros();
  VectorOptimizeOptions options;
  options.rebuild = args.vector.rebuilds;
  options.threads = args.vector.threads;
  const absl::StatusOr<VectorOptimizeReport> report =
      db->OptimizeVectors(args.collection, options, ShownOn(line, &interrupt));
  line.Clear();
  if (absl::IsCancelled(report.status())) return kExitSignal + interrupt.signal_number();
  if (!report.ok()) return At(args.file, report.status());
  SHEAF_RETURN_IF_ERROR(At(args.file, db->Close()));
  const double seconds = static_cast<double>(MonotonicMicros() - begun) / 1e6;
  session.out.WriteLine(args.is_json
                            ? Dump({{"linked", report->linked},
                                    {"unlinked", report->unlinked},
                                    {"rebuilt", report->rebuilt},
                                    {"seconds", seconds}})
                            : Counted(report->linked, "vector", "vectors") + " linked, " +
                                  Thousands(report->unlinked) + " unlinked in " +
                                  Seconds(seconds) +
                                  (report->rebuilt ? "; the graph was built anew" : ""));
  return kExitOk;
}

}  // namespace

CommandResult VectorCommand(Session& session) {
  static constexpr struct {
    const char* name;
    CommandResult (*run)(Session&);
  } kActions[] = {
      {"create", CreateVectors},  {"import", ImportVectorFile},
      {"put", PutVector},         {"get", GetVector},
      {"delete", DeleteVector},   {"search", SearchVectors},
      {"stats", ShowVectorStats}, {"optimize", OptimizeVectorIndex},
      {"recall", MeasureRecall},
  };
  for (const auto& action : kActions)
    if (session.args.action == action.name) return action.run(session);
  return absl::InternalError("vector " + session.args.action + " is not wired up");
}

}  // namespace sheaf::cli
