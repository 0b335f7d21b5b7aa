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

constexpr char kUpdateEdgeNotes[] =
    "\nExamples:\n"
    "  sheaf graph update-edge app.sheaf people 1 KNOWS 2 '{\"$set\":{\"since\":2011}}'\n"
    "  sheaf graph update-edge app.sheaf people 1 CALLED 2 --weight 1 --merge add\n";

constexpr char kGetNotes[] =
    "\nWithout a VERTEX it tells what the graph holds.\n\n"
    "Example:\n"
    "  sheaf graph get app.sheaf people Ann\n";

constexpr char kNeighborsNotes[] =
    "\nExamples:\n"
    "  sheaf graph neighbors app.sheaf people Ann --type KNOWS --depth 2\n"
    "  sheaf graph neighbors app.sheaf people Ann --dot | dot -Tsvg > ann.svg\n";

constexpr char kPathNotes[] =
    "\nExamples:\n"
    "  sheaf graph path app.sheaf people Ann Bob --direction both\n"
    "  sheaf graph path app.sheaf roads Prag Wien --weighted --shortest 3\n";

constexpr char kMatchNotes[] =
    "PATTERN as in Cypher: (a:Person {name: 'Ann'})-[:KNOWS]->(b)<-[:KNOWS*1..3]-(c).\n"
    "In braces stands a filter of the properties, as `sheaf find` has it; several\n"
    "patterns with commas between share vertices of one name. Each line is a match.\n\n"
    "Example:\n"
    "  sheaf graph match app.sheaf people \"(a)-[:KNOWS]->(b)-[:KNOWS]->(a)\" --limit "
    "9\n";

constexpr char kLoadNotes[] =
    "jsonl: {\"id\":1,\"labels\":[\"Person\"],\"properties\":{…}} and\n"
    "  {\"from\":1,\"to\":2,\"type\":\"KNOWS\",\"weight\":1,\"properties\":{…}}, in any "
    "order.\n"
    "csv: with a header; columns from, to, type and weight, or id and labels, which "
    "\";\"\n"
    "  parts; all others are properties. edges: FROM TO [WEIGHT], # begins a comment.\n"
    "All of it comes into the graph, or nothing.\n\n"
    "Examples:\n"
    "  sheaf graph load app.sheaf people people.csv knows.csv --format csv\n"
    "  sheaf graph load web.sheaf links web-Google.txt --format edges --type LINK\n";

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
    AddPaths();
    AddAlgorithms();
    AddText();
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

  void AddOrdinal(CLI::App* command) {
    command->add_option("--ordinal", of_.ordinal, "Which of several [0]")
        ->type_name("N")
        ->check(CLI::Range(uint64_t{0}, uint64_t{UINT32_MAX}).description(""));
  }

  void AddChanging() {
    CLI::App* add = AddCommand("add-vertex", "Add a vertex, print its id");
    add->add_option("PROPERTIES", of_.properties, "A JSON object");
    add->add_option("--label", of_.labels, "May be repeated")->type_name("LABEL");
    add->add_option("--id", of_.id, "Its id [the next one]")->type_name("N");
    AddExpiryOptions(add, &args_);
    CLI::App* edge = AddCommand("add-edge", "Add an edge between two vertices");
    AddEnds(edge);
    edge->add_option("PROPERTIES", of_.properties, "A JSON object");
    edge->add_option("--weight", of_.weight, "Its weight [1]")->type_name("W");
    AddExpiryOptions(edge, &args_);
    edge->footer(std::string(kVertexRule) + kAddEdgeNotes);
    CLI::App* update = AddCommand("update", "Change the properties of vertices");
    AddVertexArgument(update, "VERTEX", &of_.from, "See below")->required();
    update->add_option("UPDATE", of_.properties, "As `sheaf update` takes it");
    update->add_option("--label", of_.labels, "Give them this label, too")
        ->type_name("LABEL");
    update->footer(kVertexRule);
    CLI::App* change = AddCommand("update-edge", "Change an edge, print its weight");
    AddEnds(change);
    change->add_option("UPDATE", of_.properties,
                       "Of its properties, as `sheaf update` takes it");
    AddOrdinal(change);
    change->add_option("--weight", of_.new_weight, "Its weight from now on")
        ->type_name("W");
    change
        ->add_option("--merge", of_.merge,
                     "Not from now on W, but the weight that is there add, min or\n"
                     "max W; an edge that is not there is made")
        ->type_name("OPERATOR")
        ->check(CLI::IsMember({"add", "min", "max"}).description(""))
        ->needs("--weight");
    AddExpiryOptions(change, &args_);
    change->footer(std::string(kVertexRule) + kUpdateEdgeNotes);
    CLI::App* remove = AddCommand("delete-vertex", "Delete vertices with their edges");
    AddVertexArgument(remove, "VERTEX", &of_.from, "See below")->required();
    remove->footer(kVertexRule);
    CLI::App* cut = AddCommand("delete-edge", "Delete an edge");
    AddEnds(cut);
    AddOrdinal(cut);
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

  void AddPaths() {
    CLI::App* path = AddCommand("path", "Show a shortest path between two vertices");
    AddVertexArgument(path, "FROM", &of_.from, "A vertex; see below")->required();
    AddVertexArgument(path, "TO", &of_.to, "A vertex")->required();
    AddEdgeChoice(path);
    path->add_option("--filter", of_.edge_filter, "Only edges that this means")
        ->type_name("JSON");
    path->add_flag("--weighted", of_.is_weighted, "The lightest, by the edges' weights");
    path->add_option("--depth", of_.depth_max, "Over at most so many edges [any]")
        ->type_name("N");
    path->add_option("--shortest", of_.shortest,
                     "So many paths, the shortest first; looks at the whole graph")
        ->type_name("N");
    path->add_flag("--dot", of_.is_dot, "As a picture for GraphViz");
    AddLimit(path);
    path->footer(std::string(kVertexRule) + kPathNotes);
    CLI::App* match = AddCommand("match", "Find the places where a pattern fits");
    match->add_option("PATTERN", of_.pattern, "See below")->required();
    match->add_option("--by", of_.by, "Show vertices by this property [name]")
        ->type_name("FIELD");
    match->add_flag("--explain", args_.explains, "Show how it is done");
    match->add_flag("--dot", of_.is_dot, "As a picture for GraphViz");
    AddLimit(match);
    match->footer(kMatchNotes);
  }

  void AddText() {
    CLI::App* load = AddCommand("load", "Add vertices and edges from text");
    load->add_option("INPUT", of_.inputs, "Files; none: standard input");
    load->add_option("--format", of_.format, "jsonl, csv or edges [jsonl]")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"jsonl", "csv", "edges"}).description(""));
    load->add_option("--type", of_.type, "Of edges whose lines name none [EDGE]")
        ->type_name("TYPE");
    load->add_option("--key", of_.vertex_key,
                     "Vertices are called by the texts of this property")
        ->type_name("FIELD");
    load->add_flag("--known-only", of_.refuses_unknown,
                   "An edge to a vertex that is not there is an error;\n"
                   "otherwise it becomes one");
    load->add_flag("--skip-bad", of_.skips_bad, "Leave lines out that are wrong");
    load->footer(kLoadNotes);
    CLI::App* exported = AddCommand("export", "Write the graph as text");
    exported->add_option("--out", of_.output, "To this file; otherwise standard output")
        ->type_name("PATH");
    exported
        ->add_option("--edges", of_.edges_output,
                     "As CSV: edges to this file, vertices to --out")
        ->type_name("PATH");
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
