// The command line of `sheaf graph`.
#include <CLI/CLI.hpp>

#include "cli/arguments.h"

namespace sheaf::cli {
namespace {

constexpr char kVertexRule[] =
    "VERTEX: an id; a filter in JSON, {\"lemma\":\"dog\"}; or text, which the property\n"
    "  \"name\", or the one of --by, equals: with * and ? in it, of which it is made.\n"
    "  What leads to several vertices means all of them, where one is not needed.\n";

constexpr char kAddEdgeNotes[] =
    "\nExample:\n"
    "  sheaf graph add-edge app.sheaf people 1 KNOWS 2 '{\"since\":2010}' --weight 0.5\n";

constexpr char kGetNotes[] =
    "\nWithout a VERTEX it tells what the graph holds.\n\n"
    "Example:\n"
    "  sheaf graph get app.sheaf people Ann\n";

constexpr char kNeighborsNotes[] =
    "\nExamples:\n"
    "  sheaf graph neighbors app.sheaf people Ann --type KNOWS --depth 2\n"
    "  sheaf graph neighbors app.sheaf people Ann --dot | dot -Tsvg > ann.svg\n";

constexpr char kAlgoNotes[] =
    "NAME, of values for each vertex: degree closeness betweenness pagerank eigenvector\n"
    "hubs authorities label-propagation louvain core triangles clustering wcc scc "
    "levels\n"
    "reachable-count; with --source: personalized-pagerank bfs sssp dominators; of "
    "edges:\n"
    "bridges spanning-tree transitive-reduction; with --source and --target: min-cut;\n"
    "of vertices: topological-sort cycle articulation-points; with --source: reachable.\n"
    "Values are shown from the greatest down, --limit of them [20]; sets by their "
    "sizes.\n"
    "--write stores them as a property of the vertices, in one transaction.\n\n"
    "Examples:\n"
    "  sheaf graph algo app.sheaf people pagerank --type KNOWS --limit 10\n"
    "  sheaf graph algo app.sheaf people louvain --undirected --write community\n";

class GraphParser {
 public:
  GraphParser(CLI::App* graph, Arguments* args,
              const std::function<void(CLI::App*)>& common)
      : graph_(*graph), args_(*args), of_(args->graph), common_(common) {}

  void Add() {
    AddChanging();
    AddLooking();
    AddAlgorithms();
  }

 private:
  CLI::App* AddCommand(const char* name, const char* about) {
    CLI::App* command = graph_.add_subcommand(name, about);
    common_(command);
    command->add_option("FILE", args_.file, "The database")->required();
    command->add_option("GRAPH", args_.collection, "Its name in the database")
        ->required();
    return command;
  }
  CLI::Option* AddVertexArgument(CLI::App* command, const char* name, std::string* to,
                                 const char* about) {
    if (command->get_option_no_throw("--by") == nullptr)
      command->add_option("--by", of_.by, "Look texts up in this property [name]")
          ->type_name("FIELD");
    return command->add_option(name, *to, about);
  }
  void AddEdgeChoice(CLI::App* command) {
    command->add_option("--type", of_.types, "Only edges of this type; may be repeated")
        ->type_name("TYPE");
    command->add_option("--direction", of_.direction, "out, in or both [out]")
        ->type_name("WAY")
        ->check(CLI::IsMember({"out", "in", "both"}).description(""));
  }
  void AddLimit(CLI::App* command) {
    command->add_option("--limit", args_.limit, "At most so many")
        ->type_name("N")
        ->check(CLI::NonNegativeNumber.description(""));
    command->add_option("--timeout", args_.timeout_seconds, "Give up after so long")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.0, 1e9).description(""));
  }

  void AddEnds(CLI::App* command) {
    AddVertexArgument(command, "FROM", &of_.from, "A vertex; see below")->required();
    command->add_option("TYPE", of_.type, "The edge's type")->required();
    AddVertexArgument(command, "TO", &of_.to, "A vertex")->required();
  }

  void AddChanging() {
    CLI::App* add = AddCommand("add-vertex", "Add a vertex, print its id");
    add->add_option("PROPERTIES", of_.properties, "A JSON object");
    add->add_option("--label", of_.labels, "May be repeated")->type_name("LABEL");
    add->add_option("--id", of_.id, "Its id [the next one]")->type_name("N");
    CLI::App* edge = AddCommand("add-edge", "Add an edge between two vertices");
    AddEnds(edge);
    edge->add_option("PROPERTIES", of_.properties, "A JSON object");
    edge->add_option("--weight", of_.weight, "Its weight [1]")->type_name("W");
    edge->footer(std::string(kVertexRule) + kAddEdgeNotes);
    CLI::App* update = AddCommand("update", "Change the properties of vertices");
    AddVertexArgument(update, "VERTEX", &of_.from, "See below")->required();
    update->add_option("UPDATE", of_.properties, "As `sheaf update` takes it");
    update->add_option("--label", of_.labels, "Give them this label, too")
        ->type_name("LABEL");
    update->footer(kVertexRule);
    CLI::App* remove = AddCommand("delete-vertex", "Delete vertices with their edges");
    AddVertexArgument(remove, "VERTEX", &of_.from, "See below")->required();
    remove->footer(kVertexRule);
    CLI::App* cut = AddCommand("delete-edge", "Delete an edge");
    AddEnds(cut);
    cut->add_option("--ordinal", of_.ordinal, "Which of several [0]")->type_name("N");
    cut->footer(kVertexRule);
  }

  void AddLooking() {
    CLI::App* get = AddCommand("get", "Show vertices, or what the graph holds");
    AddVertexArgument(get, "VERTEX", &of_.from, "See below");
    AddLimit(get);
    get->footer(std::string(kVertexRule) + kGetNotes);
    CLI::App* neighbors = AddCommand("neighbors", "Show where edges lead");
    AddVertexArgument(neighbors, "VERTEX", &of_.from, "See below")->required();
    AddEdgeChoice(neighbors);
    neighbors->add_option("--filter", of_.edge_filter, "Only edges that this means")
        ->type_name("JSON");
    neighbors->add_option("--depth", of_.depth, "Over so many edges [1]")
        ->type_name("N")
        ->check(CLI::Range(uint32_t{1}, uint32_t{1'000'000}).description(""));
    neighbors->add_flag("--dot", of_.is_dot, "As a picture for GraphViz");
    AddLimit(neighbors);
    neighbors->footer(std::string(kVertexRule) + kNeighborsNotes);
  }

  void AddAlgorithms() {
    CLI::App* algo = AddCommand("algo", "Run an algorithm over the graph");
    algo->add_option("NAME", of_.algorithm, "See below")->required();
    algo->add_option("--label", of_.labels,
                     "Only vertices with this label, repeated:\n"
                     "or that one")
        ->type_name("LABEL");
    AddEdgeChoice(algo);
    algo->add_flag("--undirected", of_.is_undirected, "Edges go both ways");
    algo->add_flag("--weighted", of_.is_weighted, "By the weights of the edges");
    AddVertexArgument(algo, "--source", &of_.from, "A vertex to begin with")
        ->type_name("VERTEX");
    AddVertexArgument(algo, "--target", &of_.to, "A vertex to end with")
        ->type_name("VERTEX");
    algo->add_option("--write", of_.write_to, "Store the values as this property")
        ->type_name("FIELD");
    AddLimit(algo);
    algo->footer(std::string(kAlgoNotes) + "\n" + kVertexRule);
  }

  CLI::App& graph_;
  Arguments& args_;
  GraphArguments& of_;
  const std::function<void(CLI::App*)>& common_;
};

}  // namespace

void AddGraphCommands(CLI::App* graph, Arguments* args,
                      const std::function<void(CLI::App*)>& common) {
  GraphParser(graph, args, common).Add();
}

}  // namespace sheaf::cli
