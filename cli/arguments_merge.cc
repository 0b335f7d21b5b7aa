// The command line of merge, incr, decr and cas.
#include <CLI/CLI.hpp>

#include "cli/arguments.h"

namespace sheaf::cli {
namespace {

constexpr char kMergeNotes[] =
    "OPERATOR and OPERAND:\n"
    "  add, add_saturating, min, max   an integer of 64 bits; 0 if there is none\n"
    "  count                           none: one more\n"
    "  add_double, min_double, max_double   a number\n"
    "  average                         a number; sum and count are kept\n"
    "  union                           a member, or a JSON array: '[\"a\",\"b\"]'\n"
    "  last_writer                     bytes; kept if their timestamp is the highest\n"
    "  append, last, min_bytes, max_bytes, bit_or, bit_and, bit_xor   bytes\n"
    "Prints what came of it. TABLE is made if it is missing. `sheaf get --table --as "
    "int`\n"
    "shows such values later. Documents are merged by `sheaf update` and $merge.\n\n"
    "Examples:\n"
    "  sheaf merge app.sheaf visits home add 3\n"
    "  sheaf merge app.sheaf tags page union '[\"new\",\"red\"]'\n";

constexpr char kIncrementNotes[] =
    "The value is an integer of 64 bits; 0 if there is none. Prints what came of it. A\n"
    "result that does not fit changes nothing. TABLE is made if it is missing.\n\n"
    "Examples:\n"
    "  sheaf incr app.sheaf visits home\n"
    "  sheaf decr app.sheaf stock ink 12\n";

constexpr char kCasNotes[] =
    "Compares and sets in one transaction. Exit code 1: the value is another, which is\n"
    "told, and nothing was changed.\n\n"
    "Examples:\n"
    "  sheaf cas app.sheaf locks job --absent worker-1\n"
    "  sheaf cas app.sheaf locks job worker-1 --delete\n"
    "  sheaf cas app.sheaf visits home 3 4 --as int\n";

}  // namespace

void AddMergeCommands(CLI::App* app, Arguments* args, const char* table_keys,
                      const std::function<void(CLI::App*)>& common) {
  MergeArguments& merge = args->merge;
  const auto add = [&](const char* name, const char* about, const char* notes) {
    CLI::App* command = app->add_subcommand(name, about);
    command->add_option("FILE", args->file, "The database")->required();
    common(command);
    command->add_option("TABLE", args->collection, "Its name in the database")
        ->required();
    command->add_option("KEY", args->key, "Bytes; see below")->required();
    // For hints: what is not there would be a table.
    command->parse_complete_callback([args] { args->is_table = true; });
    command->footer(std::string(table_keys) + "\n" + notes);
    return command;
  };
  CLI::App* of_merge =
      add("merge", "Merge an operand into a value of a table", kMergeNotes);
  of_merge->add_option("OPERATOR", merge.op, "See below")->required();
  of_merge->add_option("OPERAND", merge.operand, "See below");
  of_merge->add_option("--at", merge.at, "Of last_writer: the timestamp [now]")
      ->type_name("MS.COUNTER");
  for (const char* name : {"incr", "decr"}) {
    CLI::App* command = add(
        name,
        name[0] == 'i' ? "Add to a number of a table" : "Take off a number of a table",
        kIncrementNotes);
    command->add_option("BY", merge.by, "How much [1]");
  }
  CLI::App* cas = add("cas", "Set a value of a table if it is as expected", kCasNotes);
  cas->add_option("EXPECTED", merge.expected, "What must be there");
  cas->add_option("DESIRED", merge.desired, "What then is put in its place");
  cas->add_flag("--absent", merge.is_absent, "Nothing must be there; without EXPECTED");
  cas->add_flag("--delete", merge.deletes, "Delete what is there; without DESIRED");
  AddFormOption(cas, args);
}

void AddFormOption(CLI::App* command, Arguments* args) {
  command
      ->add_option("--as", args->merge.form,
                   "What the value of a table is: bytes, int, double, set,\n"
                   "stamped or average [bytes]")
      ->type_name("FORM")
      ->check(CLI::IsMember({"bytes", "int", "double", "set", "stamped", "average"})
                  .description(""));
}

}  // namespace sheaf::cli
