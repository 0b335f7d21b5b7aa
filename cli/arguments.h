// The command line, parsed: which command, with what. All help text is written
// in arguments.cc and nowhere else.
#ifndef CLI_ARGUMENTS_H_
#define CLI_ARGUMENTS_H_
#include <sheaf/sheaf.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace sheaf::cli {

// Of the commands of `graph`; the graph's name is Arguments::collection.
struct GraphArguments {
  std::string from, type, to;  // vertices as they were written; an edge's ends
  std::string properties;      // JSON; of update the update
  std::string pattern, algorithm;
  std::vector<std::string> labels, types;
  std::optional<uint64_t> id;
  double weight = 1;
  std::optional<double> new_weight;  // of update-edge
  std::string merge;                 // how it comes into the weight that is there
  uint64_t ordinal = 0;
  std::string by = "name";  // the property that texts are looked up in
  std::string direction = "out";
  std::string edge_filter;
  uint32_t depth = 1;
  bool is_weighted = false, is_undirected = false, is_dot = false, is_edge = false;
  std::string write_to;             // the property that gets an algorithm's values
  std::vector<std::string> inputs;  // of load: files, in the format of --format
  std::string format = "jsonl", vertex_key;
  bool refuses_unknown = false, skips_bad = false;
  std::string output = "-", edges_output;  // of export
  uint32_t depth_max = 0;                  // of path; 0: any
  std::optional<uint64_t> shortest;        // so many paths
};

// Of the commands of `vector`; the index's name is Arguments::collection. What is not set
// is as the index has it, or as usual.
struct VectorArguments {
  std::optional<uint32_t> dimensions, m, ef_construction, ef_search;
  std::optional<uint64_t> seed;
  std::optional<std::string> metric, element, kind, code;
  std::string source, format;  // of import; an empty format: by the name
  std::string key_field = "_id", vector_field = "vector";
  int64_t first_key = 0;
  bool optimizes = false;
  std::string vector;  // JSON
  std::optional<std::string> metadata;
  std::optional<std::string> from_key, from_file;  // of search: or the vector
  std::optional<uint32_t> k;
  std::vector<uint32_t> efs;  // of search one
  bool is_exact = false;
  std::optional<float> radius;
  std::string filter;
  bool rebuilds = false;
  uint32_t threads = 0;
  uint64_t sample = 1000;  // of recall
};

// Of the commands of `blob`; the store's name is Arguments::collection.
struct BlobArguments {
  std::string source = "-";
  std::optional<std::string> type, name, name_space, owner, metadata;
  std::vector<std::string> tags;  // of list: the first
  bool keeps = false;             // when the owner goes
  int zstd_level = 0;             // 0: not compressed
  bool appends = false;
  std::optional<uint64_t> at;    // over what is there, from here on
  std::optional<uint64_t> size;  // that the source must have
  uint64_t offset = 0, length = 0;
  std::string output;  // empty: standard output
  std::optional<uint64_t> number;
  std::vector<std::string> keys;                        // of delete
  std::optional<std::string> created_from, created_to;  // times
  std::string filter;
  bool counts = false;
  std::string relation = "derived", to, context;
  std::optional<std::string> of_relation;
  std::string shared;  // "on", "off"; empty: it is asked
};

// Of merge, incr, decr and cas; the table's name is Arguments::collection. `get` uses the
// form as well.
struct MergeArguments {
  std::string op;
  std::optional<std::string> operand, at;
  int64_t by = 1;
  std::optional<std::string> expected, desired;
  bool is_absent = false, deletes = false;
  std::string form;  // merge_text.h
};

struct Arguments {
  std::string command;
  std::string file, collection;  // `collection` names the table with --table
  std::string key;
  std::string value = "-";  // of `put`; "-" is standard input
  uint64_t page = 0;

  std::optional<std::string> ttl, expires_at;  // of what puts something
  bool slides = false, is_forever = false;
  std::optional<std::string> record_key;  // of expiry
  bool reports = false;                   // expire

  std::string input = "-", key_field;  // import
  uint64_t batch_documents = 1000;
  bool acknowledges = false;

  std::optional<std::string> prefix, from, to;  // scan
  std::optional<uint64_t> limit;
  bool is_reverse = false, keys_only = false;

  std::string filter = "{}";  // find, count, update, remove, export
  std::string update;
  std::string sort, project, columns, expand, index_name, group, distinct;
  uint64_t skip = 0;
  bool explains = false;
  double timeout_seconds = 0;  // 0: none
  std::string action, fields;  // index; of drop and the like the fields are the name
  bool is_unique = false, is_sparse = false;
  bool of_vertices = false, of_edges = false;  // `collection` names a graph
  bool of_vectors = false;                     // or a vector index
  std::string index_filter;

  GraphArguments graph;
  VectorArguments vector;
  BlobArguments blob;
  MergeArguments merge;

  std::string other_file;  // of backup and restore: to where
  bool overwrites = false, is_compact = false, is_plain = false;
  uint64_t bytes_per_second = 0;
  bool watches = false;  // stat
  double watch_seconds = 1;
  uint64_t watch_count = 0;          // lines; 0: until interrupted
  std::optional<std::string> level;  // of check and verify-backup

  std::optional<std::string> compression;  // import and compress
  std::optional<int> compression_level;
  bool new_values_only = false;

  std::optional<std::string> key_file, new_key_file;
  std::optional<EncryptionKey> opened_by;  // of the shell, which asked for it
  bool asks_passphrase = false, asks_new_passphrase = false;
  bool is_json = false, is_table = false;
  std::string help;  // command `help`: the text to print
};

// The commands of `graph`, below it (arguments_graph.cc). `common`: adds to each what all
// commands have. Both outlive the parsing.
void AddGraphCommands(CLI::App* graph, Arguments* args,
                      const std::function<void(CLI::App*)>& common);
// The same of `vector` (arguments_vector.cc). `key_rule` says how keys are written.
void AddVectorCommands(CLI::App* vector, Arguments* args, const char* key_rule,
                       const std::function<void(CLI::App*)>& common);
// The same of `blob` (arguments_blob.cc).
void AddBlobCommands(CLI::App* blob, Arguments* args, const char* key_rule,
                     const std::function<void(CLI::App*)>& common);

// merge, incr, decr and cas (arguments_merge.cc). `table_keys` says how keys are written.
void AddMergeCommands(CLI::App* app, Arguments* args, const char* table_keys,
                      const std::function<void(CLI::App*)>& common);
void AddFormOption(CLI::App* command, Arguments* args);  // --as
// --ttl and the like of a command that puts something, and the options of `expire`
// (arguments_expiry.cc).
void AddExpiryOptions(CLI::App* command, Arguments* args);
void AddExpireOptions(CLI::App* command, Arguments* args);
void AddExpiryCommand(CLI::App* command, Arguments* args);

// An error is a usage error and says where help is.
absl::StatusOr<Arguments> ParseArguments(int argc, const char* const* argv);
// Also when the command line cannot be parsed: its error may have to be JSON.
bool AsksForJson(int argc, const char* const* argv);

}  // namespace sheaf::cli
#endif  // CLI_ARGUMENTS_H_
