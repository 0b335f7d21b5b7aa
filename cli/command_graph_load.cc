// graph load, graph export: a graph from and to text.
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>

#include "cli/commands.h"
#include "cli/failure.h"
#include "cli/graph_vertices.h"
#include "cli/interrupt.h"

namespace sheaf::cli {
namespace {

absl::Status CannotOpen(const std::string& path) {
  return absl::NotFoundError(path + ": cannot be opened: " + std::strerror(errno));
}

GraphFormat FormatOf(const Arguments& args) {
  if (args.graph.format == "csv") return GraphFormat::kCsv;
  return args.graph.format == "edges" ? GraphFormat::kEdgeList : GraphFormat::kJsonLines;
}

void ShowCounts(const GraphImportCounts& counts, Session& session) {
  if (session.args.is_json) {
    session.out.WriteLine(Dump({{"vertices", counts.vertices},
                                {"edges", counts.edges},
                                {"created", counts.created},
                                {"lines", counts.lines},
                                {"bad_lines", counts.bad_lines},
                                {"bad", counts.bad}}));
    return;
  }
  std::string text = Counted(counts.vertices, "vertex", "vertices") + ", " +
                     Counted(counts.edges, "edge", "edges") + " added";
  if (counts.created > 0)
    text += "; " + Thousands(counts.created) + " of the vertices only for edges";
  session.out.WriteLine(text);
  if (counts.bad_lines == 0) return;
  session.out.WriteLine(Counted(counts.bad_lines, "line", "lines") + " left out:");
  for (const std::string& bad : counts.bad) session.out.WriteLine("  " + Printable(bad));
}

}  // namespace

CommandResult LoadGraph(Session& session) {
  const Arguments& args = session.args;
  std::vector<std::unique_ptr<std::ifstream>> files;
  std::vector<GraphSource> sources;
  for (const std::string& path : args.graph.inputs) {
    files.push_back(std::make_unique<std::ifstream>(path, std::ios::binary));
    if (!*files.back()) return CannotOpen(path);
    sources.push_back({FormatOf(args), files.back().get()});
    if (args.graph.inputs.size() > 1) sources.back().name = path;
  }
  if (sources.empty()) sources.push_back({FormatOf(args), &std::cin});
  const Interrupt interrupt;
  ProgressLine line(session.err);
  GraphImportOptions options;
  if (!args.graph.type.empty()) options.type = args.graph.type;
  options.create_vertices = !args.graph.refuses_unknown;
  options.vertex_key = args.graph.vertex_key;
  options.skip_bad = args.graph.skips_bad;
  options.progress = ShownOn(line, &interrupt);
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kWritingOrCreating));
  GraphImportCounts counts;
  const absl::Status loaded =
      ImportGraph(db.get(), args.collection, sources, options, &counts);
  line.Clear();
  if (absl::IsCancelled(loaded)) return kExitSignal + interrupt.signal_number();
  if (!loaded.ok()) return At(args.file, loaded);
  ShowCounts(counts, session);
  return kExitOk;
}

CommandResult ExportGraphCommand(Session& session) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kReading));
  const ReadTransaction read = db->BeginRead();
  const absl::StatusOr<GraphReader> graph = read.graph(args.collection);
  if (!graph.ok()) return NameError(args, graph.status());
  std::ofstream file, edges;
  OutputBuffer buffer(&session.out);
  std::ostream out(&buffer);
  const bool to_file = args.graph.output != "-";
  if (to_file) file.open(args.graph.output, std::ios::binary);
  if (to_file && !file) return CannotOpen(args.graph.output);
  std::ostream& target = to_file ? static_cast<std::ostream&>(file) : out;
  const Interrupt interrupt;
  ProgressLine line(session.err);
  const Progress progress = ShownOn(line, &interrupt);
  GraphExportCounts counts;
  absl::Status done;
  if (args.graph.edges_output.empty()) {
    done = ExportGraph(*graph, target, progress, &counts);
  } else {
    edges.open(args.graph.edges_output, std::ios::binary);
    if (!edges) return CannotOpen(args.graph.edges_output);
    done = ExportGraphCsv(*graph, target, edges, progress, &counts);
    edges.close();
  }
  if (to_file) file.close();
  line.Clear();
  if (absl::IsCancelled(done)) return kExitSignal + interrupt.signal_number();
  if (!done.ok() && !session.out.ok()) return kExitOk;  // who read has enough
  if (!done.ok()) return At(args.file, done);
  if (to_file && (!file || (!args.graph.edges_output.empty() && !edges)))
    return absl::UnavailableError(args.graph.output + ": cannot be written");
  if (to_file)
    session.out.WriteLine(
        args.is_json ? Dump({{"vertices", counts.vertices}, {"edges", counts.edges}})
                     : Counted(counts.vertices, "vertex", "vertices") + ", " +
                           Counted(counts.edges, "edge", "edges"));
  return kExitOk;
}

}  // namespace sheaf::cli
