// graph algo: an algorithm over the graph, its values shown or written back.
#include <algorithm>
#include <map>
#include <numeric>
#include <type_traits>

#include "cli/commands.h"
#include "cli/failure.h"
#include "cli/graph_vertices.h"

namespace sheaf::cli {
namespace {

using Numbers = std::vector<VertexIndex>;

// What an algorithm is run on, and what comes of it: one of the three.
struct Run {
  const Arguments& args;
  const GraphProjection& graph;
  VertexIndex source = kNoVertex, target = kNoVertex;
  AlgorithmOptions options;
  bool is_weighted() const { return args.graph.is_weighted; }

  std::vector<double> values;  // of each vertex
  bool are_whole = false;      // integers
  bool are_sets = false;       // they say which vertices belong together
  std::vector<GraphProjection::Edge> edges;
  Numbers vertices;
  std::vector<std::pair<std::string, double>> figures;  // of all of it

  template <class T>
  absl::Status Take(absl::StatusOr<std::vector<T>> result) {
    SHEAF_RETURN_IF_ERROR(result.status());
    values.assign(result->begin(), result->end());
    are_whole = std::is_integral_v<T>;
    return absl::OkStatus();
  }
  absl::Status TakeSets(absl::StatusOr<Numbers> labels) {
    are_sets = true;
    return Take(std::move(labels));
  }
  absl::Status TakeScores(absl::StatusOr<Scores> scores) {
    SHEAF_RETURN_IF_ERROR(scores.status());
    values = std::move(scores->scores);
    figures = {{"iterations", scores->iterations}, {"change", scores->change}};
    return absl::OkStatus();
  }
};

enum class Needs { kNothing, kSource, kSourceAndTarget };
enum class Gives { kValues, kEdges, kVertices };

struct Algorithm {
  const char* name;
  Needs needs;
  Gives gives;
  absl::Status (*run)(Run& r);
};

absl::Status RunLouvain(Run& r) {
  LouvainOptions louvain;
  louvain.modularity.weighted = r.is_weighted();
  absl::StatusOr<Communities> found = Louvain(r.graph, louvain, r.options);
  SHEAF_RETURN_IF_ERROR(found.status());
  r.figures = {{"modularity", found->levels.back().modularity}};
  return r.TakeSets(std::move(found->levels.back().labels));
}

absl::Status RunHits(Run& r, bool hubs) {
  IterationOptions iteration;
  iteration.weighted = r.is_weighted();
  SHEAF_ASSIGN_OR_RETURN(HitsScores scores, Hits(r.graph, iteration, r.options));
  r.values = std::move(hubs ? scores.hubs : scores.authorities);
  r.figures = {{"iterations", scores.iterations}};
  return absl::OkStatus();
}

absl::Status RunDistances(Run& r) {
  SHEAF_ASSIGN_OR_RETURN(PathTree tree,
                         Dijkstra(r.graph, r.source, DirectionOf(r.args), r.options));
  r.values = std::move(tree.distances);
  return absl::OkStatus();
}

absl::Status RunBfs(Run& r) {
  SHEAF_ASSIGN_OR_RETURN(
      BfsTree tree,
      BfsDepths(r.graph, r.source, {.direction = DirectionOf(r.args)}, r.options));
  r.are_whole = true;
  for (const uint32_t depth : tree.depths)
    r.values.push_back(depth == kUnreachedDepth ? kUnreachable : depth);
  return absl::OkStatus();
}

absl::Status RunDominators(Run& r) {
  SHEAF_ASSIGN_OR_RETURN(const DominatorTree tree,
                         Dominators(r.graph, r.source, r.options));
  r.are_whole = true;
  for (VertexIndex v = 0; v < r.graph.vertex_count(); ++v)
    r.values.push_back(tree.DominatedCount(v));
  return absl::OkStatus();
}

absl::Status RunTriangles(Run& r) {
  absl::StatusOr<Triangles> found = CountTriangles(r.graph, r.options);
  SHEAF_RETURN_IF_ERROR(found.status());
  r.figures = {{"triangles", static_cast<double>(found->total)}};
  return r.Take<uint64_t>(std::move(found->per_vertex));
}

absl::Status RunStrong(Run& r) {
  SHEAF_ASSIGN_OR_RETURN(StrongComponents found,
                         FindStrongComponents(r.graph, r.options));
  return r.TakeSets(std::move(found.component_of));
}

absl::Status RunSpanningTree(Run& r) {
  SHEAF_ASSIGN_OR_RETURN(SpanningForest found, MinimumSpanningForest(r.graph, r.options));
  r.edges = std::move(found.edges);
  r.figures = {{"weight", found.weight}, {"trees", found.tree_count}};
  return absl::OkStatus();
}

absl::Status RunReduction(Run& r) {
  SHEAF_ASSIGN_OR_RETURN(const GraphProjection reduced,
                         TransitiveReduction(r.graph, r.options));
  for (VertexIndex v = 0; v < reduced.vertex_count(); ++v)
    for (const VertexIndex to : reduced.Out(v)) r.edges.push_back({v, to, 1});
  return absl::OkStatus();
}

absl::Status RunMinCut(Run& r) {
  SHEAF_ASSIGN_OR_RETURN(EdgeCut cut, MinCut(r.graph, r.source, r.target, r.options));
  r.edges = std::move(cut.edges);
  r.figures = {{"capacity", cut.capacity}};
  return absl::OkStatus();
}

absl::Status TakeVertices(Run& r, absl::StatusOr<Numbers> found) {
  SHEAF_ASSIGN_OR_RETURN(r.vertices, std::move(found));
  return absl::OkStatus();
}

constexpr Algorithm kAlgorithms[] = {
    {"degree", Needs::kNothing, Gives::kValues,
     [](Run& r) { return r.Take(Degrees(r.graph, DirectionOf(r.args), r.options)); }},
    {"closeness", Needs::kNothing, Gives::kValues,
     [](Run& r) {
       return r.Take(Closeness(
           r.graph,
           {.direction = DirectionOf(r.args), .weighted = r.is_weighted(), .sample = {}},
           r.options));
     }},
    {"betweenness", Needs::kNothing, Gives::kValues,
     [](Run& r) {
       return r.Take(
           Betweenness(r.graph, {.weighted = r.is_weighted(), .sample = {}}, r.options));
     }},
    {"pagerank", Needs::kNothing, Gives::kValues,
     [](Run& r) { return r.TakeScores(PageRank(r.graph, {}, r.options)); }},
    {"personalized-pagerank", Needs::kSource, Gives::kValues,
     [](Run& r) {
       const WeightedVertex seed{r.source, 1};
       return r.TakeScores(PersonalizedPageRank(r.graph, {&seed, 1}, {}, r.options));
     }},
    {"eigenvector", Needs::kNothing, Gives::kValues,
     [](Run& r) {
       IterationOptions iteration;
       iteration.weighted = r.is_weighted();
       return r.TakeScores(EigenvectorCentrality(r.graph, iteration, r.options));
     }},
    {"hubs", Needs::kNothing, Gives::kValues, [](Run& r) { return RunHits(r, true); }},
    {"authorities", Needs::kNothing, Gives::kValues,
     [](Run& r) { return RunHits(r, false); }},
    {"label-propagation", Needs::kNothing, Gives::kValues,
     [](Run& r) { return r.TakeSets(LabelPropagation(r.graph, 10, r.options)); }},
    {"louvain", Needs::kNothing, Gives::kValues, RunLouvain},
    {"core", Needs::kNothing, Gives::kValues,
     [](Run& r) { return r.Take(CoreNumbers(r.graph, r.options)); }},
    {"triangles", Needs::kNothing, Gives::kValues, RunTriangles},
    {"clustering", Needs::kNothing, Gives::kValues,
     [](Run& r) { return r.Take(LocalClustering(r.graph, r.options)); }},
    {"wcc", Needs::kNothing, Gives::kValues,
     [](Run& r) { return r.TakeSets(WeakComponents(r.graph, r.options)); }},
    {"scc", Needs::kNothing, Gives::kValues, RunStrong},
    {"levels", Needs::kNothing, Gives::kValues,
     [](Run& r) { return r.Take(Levels(r.graph, r.options)); }},
    {"reachable-count", Needs::kNothing, Gives::kValues,
     [](Run& r) { return r.Take(ReachableCounts(r.graph, r.options)); }},
    {"bfs", Needs::kSource, Gives::kValues, RunBfs},
    {"sssp", Needs::kSource, Gives::kValues, RunDistances},
    {"dominators", Needs::kSource, Gives::kValues, RunDominators},
    {"bridges", Needs::kNothing, Gives::kEdges,
     [](Run& r) -> absl::Status {
       SHEAF_ASSIGN_OR_RETURN(r.edges, Bridges(r.graph, r.options));
       return absl::OkStatus();
     }},
    {"spanning-tree", Needs::kNothing, Gives::kEdges, RunSpanningTree},
    {"transitive-reduction", Needs::kNothing, Gives::kEdges, RunReduction},
    {"min-cut", Needs::kSourceAndTarget, Gives::kEdges, RunMinCut},
    {"topological-sort", Needs::kNothing, Gives::kVertices,
     [](Run& r) {
       return TakeVertices(r,
                           TopologicalSort(r.graph, ReadyOrder::kFirstReady, r.options));
     }},
    {"cycle", Needs::kNothing, Gives::kVertices,
     [](Run& r) { return TakeVertices(r, FindCycle(r.graph, r.options)); }},
    {"articulation-points", Needs::kNothing, Gives::kVertices,
     [](Run& r) { return TakeVertices(r, ArticulationPoints(r.graph, r.options)); }},
    {"reachable", Needs::kSource, Gives::kVertices,
     [](Run& r) {
       return TakeVertices(r, ReachableFrom(r.graph, {&r.source, 1}, DirectionOf(r.args),
                                            UINT32_MAX, r.options));
     }},
};

absl::StatusOr<const Algorithm*> FindAlgorithm(const Arguments& args) {
  for (const Algorithm& algorithm : kAlgorithms) {
    if (args.graph.algorithm != algorithm.name) continue;
    if (algorithm.needs != Needs::kNothing && args.graph.from.empty())
      return UsageError(std::string("graph algo ") + algorithm.name +
                        ": which --source?");
    if (algorithm.needs == Needs::kSourceAndTarget && args.graph.to.empty())
      return UsageError(std::string("graph algo ") + algorithm.name +
                        ": which --target?");
    if (!args.graph.write_to.empty() && algorithm.gives != Gives::kValues)
      return UsageError(std::string("graph algo ") + algorithm.name +
                        ": gives no values that --write could store");
    return &algorithm;
  }
  return WithHint(UsageError("there is no algorithm " + Printable(args.graph.algorithm)),
                  "`sheaf graph algo --help` lists them");
}

// --- Showing ------------------------------------------------------------------

class Shower {
 public:
  Shower(Session* session, const GraphReader& graph, const Run& run)
      : session_(*session), graph_(graph), run_(run) {}

  absl::Status Show(Gives gives) {
    ShowFigures();
    switch (gives) {
      case Gives::kValues:
        return run_.are_sets ? ShowSets() : ShowValues();
      case Gives::kEdges:
        return ShowEdges();
      case Gives::kVertices:
        return ShowVertices();
    }
    return absl::OkStatus();
  }

 private:
  bool is_json() const { return session_.args.is_json; }
  size_t limit(size_t usual) const { return session_.args.limit.value_or(usual); }
  Output& out() { return session_.out; }

  static std::string NumberText(double value, bool is_whole) {
    if (value == kUnreachable) return "-";
    if (is_whole) return Thousands(static_cast<uint64_t>(value));
    char text[32];
    std::snprintf(text, sizeof text, "%.6g", value);
    return text;
  }
  Json NumberJson(double value) const {
    if (value == kUnreachable) return nullptr;
    return run_.are_whole ? Json(static_cast<uint64_t>(value)) : Json(value);
  }
  absl::StatusOr<std::string> CaptionOf(VertexIndex v) {
    SHEAF_ASSIGN_OR_RETURN(const Vertex vertex, graph_.Get(run_.graph.id(v)));
    return Shortened(Printable(Caption(vertex, session_.args.graph.by)), 60);
  }

  void ShowFigures() {
    if (run_.figures.empty()) return;
    Json json = Json::object();
    std::string text;
    for (const auto& [name, value] : run_.figures) {
      json[name] = value;
      text += (text.empty() ? "" : ", ") + name + " " + NumberText(value, false);
    }
    out().WriteLine(is_json() ? Dump(json) : out().Paint(Tone::kFaint, text));
  }

  absl::Status ShowValues() {
    Numbers order(run_.graph.vertex_count());
    std::iota(order.begin(), order.end(), 0);
    const size_t shown = std::min(order.size(), limit(20));
    // The greatest first, what is not reached last.
    const auto key = [&](VertexIndex v) {
      return run_.values[v] == kUnreachable ? -1 : run_.values[v];
    };
    std::partial_sort(order.begin(), order.begin() + static_cast<ptrdiff_t>(shown),
                      order.end(), [&](VertexIndex a, VertexIndex b) {
                        return key(a) != key(b) ? key(a) > key(b) : a < b;
                      });
    TextTable table({Align::kRight, Align::kRight, Align::kLeft});
    for (size_t i = 0; i < shown; ++i) {
      const VertexIndex v = order[i];
      if (is_json()) {
        out().WriteLine(
            Dump({{"id", run_.graph.id(v)}, {"value", NumberJson(run_.values[v])}}));
        continue;
      }
      SHEAF_ASSIGN_OR_RETURN(std::string caption, CaptionOf(v));
      table.AddRow({NumberText(run_.values[v], run_.are_whole),
                    std::to_string(run_.graph.id(v)), std::move(caption)});
    }
    if (!is_json()) table.Print(out());
    return absl::OkStatus();
  }

  absl::Status ShowSets() {
    std::map<double, std::pair<uint64_t, VertexIndex>> sets;  // size, one of it
    for (VertexIndex v = 0; v < run_.graph.vertex_count(); ++v)
      if (++sets[run_.values[v]].first == 1) sets[run_.values[v]].second = v;
    std::vector<std::pair<uint64_t, VertexIndex>> by_size;
    for (const auto& [label, set] : sets) by_size.push_back(set);
    std::stable_sort(by_size.begin(), by_size.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    if (!is_json()) out().WriteLine(Counted(by_size.size(), "set", "sets"));
    TextTable table({Align::kRight, Align::kRight, Align::kLeft});
    for (size_t i = 0; i < by_size.size() && i < limit(20); ++i) {
      const auto [size, first] = by_size[i];
      if (is_json()) {
        out().WriteLine(Dump({{"size", size}, {"first", run_.graph.id(first)}}));
        continue;
      }
      SHEAF_ASSIGN_OR_RETURN(std::string caption, CaptionOf(first));
      table.AddRow(
          {Thousands(size), std::to_string(run_.graph.id(first)), std::move(caption)});
    }
    if (!is_json()) table.Print(out());
    return absl::OkStatus();
  }

  absl::Status ShowEdges() {
    if (!is_json()) out().WriteLine(Counted(run_.edges.size(), "edge", "edges"));
    for (size_t i = 0; i < run_.edges.size() && i < limit(1000) && out().ok(); ++i) {
      const GraphProjection::Edge& edge = run_.edges[i];
      const VertexId from = run_.graph.id(edge.from), to = run_.graph.id(edge.to);
      out().WriteLine(is_json()
                          ? Dump({{"from", from}, {"to", to}, {"weight", edge.weight}})
                          : std::to_string(from) + " -> " + std::to_string(to));
    }
    return absl::OkStatus();
  }

  absl::Status ShowVertices() {
    if (!is_json()) out().WriteLine(Counted(run_.vertices.size(), "vertex", "vertices"));
    for (size_t i = 0; i < run_.vertices.size() && i < limit(1000) && out().ok(); ++i) {
      const VertexIndex v = run_.vertices[i];
      SHEAF_ASSIGN_OR_RETURN(const std::string caption, CaptionOf(v));
      out().WriteLine(is_json() ? Dump({{"id", run_.graph.id(v)}})
                                : std::to_string(run_.graph.id(v)) + "  " + caption);
    }
    return absl::OkStatus();
  }

  Session& session_;
  const GraphReader& graph_;
  const Run& run_;
};

absl::StatusOr<VertexIndex> IndexOf(const GraphReader& graph, const Arguments& args,
                                    const GraphProjection& projection,
                                    const std::string& text) {
  if (text.empty()) return kNoVertex;
  SHEAF_ASSIGN_OR_RETURN(const VertexId id, FindVertex(graph, text, args.graph.by));
  if (const auto index = projection.Find(id)) return *index;
  return absl::NotFoundError(graph.name() + ": vertex " + std::to_string(id) +
                             " has none of these labels");
}

absl::Status RunOn(Session& session, const Algorithm& algorithm, const GraphReader& graph,
                   Graph* written) {
  const Arguments& args = session.args;
  const Interrupt interrupt;
  ProgressLine line(session.err);
  AlgorithmOptions options;
  options.memory_bytes_max = uint64_t{16} << 30;
  options.progress = ProgressOf(args, ShownOn(line, &interrupt));
  ProjectionSelection selection;
  selection.labels = args.graph.labels;
  selection.types = args.graph.types;
  selection.weighted = args.graph.is_weighted;
  if (args.graph.is_undirected) selection.edges = GraphProjection::Edges::kUndirected;
  SHEAF_ASSIGN_OR_RETURN(const GraphProjection projection,
                         graph.Project(selection, options));
  Run run{.args = args, .graph = projection, .options = options};
  SHEAF_ASSIGN_OR_RETURN(run.source, IndexOf(graph, args, projection, args.graph.from));
  SHEAF_ASSIGN_OR_RETURN(run.target, IndexOf(graph, args, projection, args.graph.to));
  SHEAF_RETURN_IF_ERROR(algorithm.run(run));
  if (written != nullptr) {
    const bool are_whole =
        run.are_whole &&
        std::find(run.values.begin(), run.values.end(), kUnreachable) == run.values.end();
    const std::vector<uint64_t> whole(run.values.begin(),
                                      are_whole ? run.values.end() : run.values.begin());
    const std::string& property = args.graph.write_to;
    SHEAF_RETURN_IF_ERROR(
        are_whole
            ? written->WriteBack(projection, property, absl::MakeConstSpan(whole),
                                 options.progress)
            : written->WriteBack(projection, property, absl::MakeConstSpan(run.values),
                                 options.progress));
  }
  line.Clear();
  return Shower(&session, graph, run).Show(algorithm.gives);
}

}  // namespace

CommandResult RunAlgorithm(Session& session) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(const Algorithm* const algorithm, FindAlgorithm(args));
  const bool writes = !args.graph.write_to.empty();
  SHEAF_ASSIGN_OR_RETURN(auto db,
                         OpenFile(args, writes ? OpenFor::kWriting : OpenFor::kReading));
  const ReadTransaction read = db->BeginRead();
  const absl::StatusOr<GraphReader> graph = read.graph(args.collection);
  if (!graph.ok()) return NameError(args, graph.status());
  if (!writes) {
    const absl::Status done = RunOn(session, *algorithm, *graph, nullptr);
    return done.ok() ? CommandResult(kExitOk) : At(args.file, done);
  }
  SHEAF_ASSIGN_OR_RETURN(WriteTransaction txn, db->BeginWrite());
  SHEAF_ASSIGN_OR_RETURN(Graph written, txn.graph(args.collection));
  const absl::Status done = RunOn(session, *algorithm, written, &written);
  if (!done.ok()) return At(args.file, done);
  if (absl::Status committed = txn.Commit(); !committed.ok())
    return At(args.file, committed);
  return kExitOk;
}

}  // namespace sheaf::cli
