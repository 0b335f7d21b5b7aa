// The command line of `sheaf vector`.
#include <CLI/CLI.hpp>

#include "cli/arguments.h"
#include "cli/validators.h"

namespace sheaf::cli {
namespace {

constexpr char kCreateNotes[] =
    "What it is made with stays; --ef-search is what searches do that name no --ef. An "
    "index\n"
    "of kind flat has no graph: every search compares with every vector.\n\n"
    "Example:\n"
    "  sheaf vector create app.sheaf meaning --dimensions 384 --metric cosine\n";

constexpr char kVectorImportNotes[] =
    "fvecs, bvecs: per vector its dimension, and so many float32 or uint8; npy: NumPy's, "
    "an\n"
    "  array of two axes, a vector a row. Their keys are the numbers of the rows.\n"
    "jsonl: {\"_id\":\"dog\",\"vector\":[0.1,0.2],\"pos\":\"noun\"}, one a line; all "
    "other fields\n"
    "  become the metadata, by which searches filter.\n"
    "INDEX is made if it is missing, with the dimensions of the first vector. All "
    "vectors come\n"
    "into it, or none. SOURCE may be -, standard input.\n\n"
    "Examples:\n"
    "  sheaf vector import app.sheaf sift sift.fvecs --metric l2 --optimize\n"
    "  sheaf vector import app.sheaf meaning words.jsonl\n";

constexpr char kVectorPutExamples[] =
    "\nExample:\n"
    "  sheaf vector put app.sheaf meaning dog '[0.1, 0.7]' --metadata "
    "'{\"pos\":\"noun\"}'\n";

constexpr char kSearchNotes[] =
    "\nThe query is a vector, that of a KEY, which is not found itself, or each vector "
    "of "
    "a\n"
    "file. FILTER is as `sheaf find` has it, of the metadata. With --radius all that are "
    "so\n"
    "near are found, with -k at most so many.\n\n"
    "Examples:\n"
    "  sheaf vector search app.sheaf meaning --vector '[0.1, 0.7]' -k 5\n"
    "  sheaf vector search app.sheaf meaning --key dog --filter '{\"pos\":\"noun\"}'\n"
    "  sheaf vector search app.sheaf sift --from queries.fvecs --json\n";

constexpr char kOptimizeNotes[] =
    "Links what was put since into the graph that searches go by; until then searches "
    "compare\n"
    "with it one by one. Ctrl-C ends it; what is linked stays so, a graph that was "
    "being\n"
    "built anew is given up.\n";

constexpr char kRecallNotes[] =
    "Searches from stored vectors, evenly chosen, and compares what is found with what "
    "is "
    "there:\n"
    "recall is the share of the -k nearest, by their distances. Several --ef, with "
    "commas\n"
    "between, are measured one after the other.\n\n"
    "Example:\n"
    "  sheaf vector recall app.sheaf sift --sample 200 --ef 16,64,256\n";

class VectorParser {
 public:
  VectorParser(CLI::App* vector, Arguments* args, const char* key_rule,
               const std::function<void(CLI::App*)>& common)
      : vector_(*vector),
        args_(*args),
        of_(args->vector),
        key_rule_(key_rule),
        common_(common) {}

  void Add() {
    AddMaking();
    AddEntries();
    AddSearch();
    AddKeeping();
  }

 private:
  CLI::App* AddCommand(const char* name, const char* about) {
    CLI::App* command = vector_.add_subcommand(name, about);
    common_(command);
    command->add_option("FILE", args_.file, "The database")->required();
    command->add_option("INDEX", args_.collection, "Its name in the database")
        ->required();
    return command;
  }
  template <class Number>
  void AddNumber(CLI::App* command, const char* name, Number* to, const char* about) {
    command->add_option(name, *to, about)->type_name("N")->check(NotNegative());
  }
  void AddWord(CLI::App* command, const char* name, std::optional<std::string>* to,
               const char* about, const std::vector<std::string>& words) {
    command->add_option(name, *to, about)
        ->type_name("WORD")
        ->check(CLI::IsMember(words).description(""));
  }

  void AddOptions(CLI::App* command) {
    AddWord(command, "--metric", &of_.metric,
            "cosine, l2 (squared), ip (1 - inner product), l1 or\n"
            "hamming [cosine; of bits hamming]",
            {"cosine", "l2", "ip", "l1", "hamming"});
    AddWord(command, "--element", &of_.element,
            "Store float32, float16, int8 or bit [float32]",
            {"float32", "float16", "int8", "bit"});
    AddWord(command, "--kind", &of_.kind, "hnsw, a graph, or flat, none [hnsw]",
            {"hnsw", "flat"});
    AddNumber(command, "--m", &of_.m, "Links of a node, 2 to 128 [16]");
    AddNumber(command, "--ef-construction", &of_.ef_construction,
              "Breadth of the search for them [200]");
    AddNumber(command, "--ef-search", &of_.ef_search, "Breadth of searches [64]");
    AddWord(command, "--code", &of_.code,
            "What leads a search: byte, a byte a component, or\nexact, the vector [byte]",
            {"byte", "exact"});
    AddNumber(command, "--seed", &of_.seed, "Of the graph's levels [1]");
  }

  void AddMaking() {
    CLI::App* create = AddCommand("create", "Make an index");
    AddNumber(create, "--dimensions", &of_.dimensions, "Components of its vectors");
    create->get_option("--dimensions")->required();
    AddOptions(create);
    create->footer(kCreateNotes);
    CLI::App* import = AddCommand("import", "Store the vectors of a file");
    import->add_option("SOURCE", of_.source, "The file; - is standard input")->required();
    import
        ->add_option("--format", of_.format,
                     "fvecs, bvecs, npy or jsonl [by the file's name]")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"fvecs", "bvecs", "npy", "jsonl"}).description(""));
    import->add_option("--first-key", of_.first_key, "The key of the first row [0]")
        ->type_name("N");
    import->add_option("--key", of_.key_field, "Of JSON, the field of the key [_id]")
        ->type_name("FIELD");
    import
        ->add_option("--vector-field", of_.vector_field,
                     "Of JSON, the field of the vector [vector]")
        ->type_name("FIELD");
    import->add_flag("--optimize", of_.optimizes, "Link them all into the graph, too");
    AddNumber(import, "--dimensions", &of_.dimensions,
              "Components of its vectors [of the first one]");
    AddOptions(import);
    import->footer(kVectorImportNotes);
  }

  CLI::App* AddForKey(const char* name, const char* about, const char* notes = "") {
    CLI::App* command = AddCommand(name, about);
    command->add_option("KEY", args_.key, "See below")->required();
    command->footer(std::string(key_rule_) + notes);
    return command;
  }

  void AddEntries() {
    CLI::App* put = AddForKey("put", "Store one vector", kVectorPutExamples);
    put->add_option("VECTOR", of_.vector, "A JSON array")->required();
    put->add_option("--metadata", of_.metadata, "A JSON object to be stored with it")
        ->type_name("JSON");
    AddExpiryOptions(put, &args_);
    AddForKey("get", "Show one vector, with its metadata");
    AddForKey("delete", "Delete one vector, with its metadata");
  }

  void AddSearch() {
    CLI::App* search = AddCommand("search", "Show the nearest vectors to a query");
    search->add_option("--vector", of_.vector, "Nearest to this one, a JSON array")
        ->type_name("JSON");
    search->add_option("--key", of_.from_key, "Or to that of this key")->type_name("KEY");
    search
        ->add_option("--from", of_.from_file,
                     "Or to each of this file, .fvecs, .bvecs or .npy")
        ->type_name("PATH");
    AddNumber(search, "-k,--k", &of_.k, "So many [10]");
    search->add_option("--ef", of_.efs, "Breadth of the search [of the index]")
        ->type_name("N")
        ->expected(1)
        ->check(NotNegative());
    search->add_flag("--exact", of_.is_exact, "Compare with every vector");
    search->add_option("--radius", of_.radius, "None that is farther away")
        ->type_name("DISTANCE");
    search->add_option("--filter", of_.filter, "Only those whose metadata this means")
        ->type_name("JSON");
    search->add_flag("--explain", args_.explains,
                     "Show how it is done, and how long it took");
    AddTimeout(search);
    search->footer(std::string(key_rule_) + kSearchNotes);
  }

  void AddTimeout(CLI::App* command) {
    command->add_option("--timeout", args_.timeout_seconds, "Give up after so long")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.0, 1e9).description(""));
  }

  void AddKeeping() {
    AddCommand("stats", "Show what the index holds, and its graph");
    CLI::App* optimize = AddCommand("optimize", "Bring the graph up to its vectors");
    optimize->add_flag("--rebuild", of_.rebuilds, "Build the graph anew");
    AddNumber(optimize, "--threads", &of_.threads, "On so many [one a processor]");
    optimize->footer(kOptimizeNotes);
    CLI::App* recall = AddCommand("recall", "Measure what searches find");
    AddNumber(recall, "--sample", &of_.sample, "So many queries [1000]");
    AddNumber(recall, "-k,--k", &of_.k, "The nearest so many [10]");
    recall->add_option("--ef", of_.efs, "Breadths of the search [of the index]")
        ->type_name("N")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->check(NotNegative());
    AddTimeout(recall);
    recall->footer(kRecallNotes);
  }

  CLI::App& vector_;
  Arguments& args_;
  VectorArguments& of_;
  const char* key_rule_;
  const std::function<void(CLI::App*)>& common_;
};

}  // namespace

void AddVectorCommands(CLI::App* vector, Arguments* args, const char* key_rule,
                       const std::function<void(CLI::App*)>& common) {
  VectorParser(vector, args, key_rule, common).Add();
}

}  // namespace sheaf::cli
