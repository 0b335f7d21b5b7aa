// Options of what expires.
#include <CLI/CLI.hpp>

#include "cli/arguments.h"

namespace sheaf::cli {

namespace {

constexpr char kExpireNotes[] =
    "What has expired is not seen from its instant on, whether it was removed or not; "
    "it\n"
    "only takes space. Programs that have the file open remove it in the background.\n"
    "EXPIRED counts what is still there, EXPIRING what has an instant to come.\n\n"
    "Examples:\n"
    "  sheaf put app.sheaf sessions ann '{\"cart\":[]}' --ttl 30m --sliding\n"
    "  sheaf expire app.sheaf --report\n"
    "  sheaf expire app.sheaf\n";

constexpr char kExpiryNotes[] =
    "NAME is a collection, table, graph, vector index or blob store; KEY a record of "
    "it:\n"
    "of a graph a vertex, of a table bytes, as `sheaf get` takes them. Without KEY it "
    "is\n"
    "about the default: what is put from now on, and says nothing, expires after --ttl.\n"
    "What is there keeps what it has.\n\n"
    "Examples:\n"
    "  sheaf expiry app.sheaf sessions --ttl 30m --sliding\n"
    "  sheaf expiry app.sheaf sessions ann --never\n"
    "  sheaf expiry app.sheaf people --edges --ttl 7d\n";

}  // namespace

void AddExpiryOptions(CLI::App* command, Arguments* args) {
  CLI::Option* const ttl =
      command->add_option("--ttl", args->ttl, "Gone after so long: 90s, 24h, 7d")
          ->type_name("DURATION");
  command->add_flag("--sliding", args->slides, "The --ttl begins anew with each change")
      ->needs(ttl);
  command
      ->add_option("--expires-at", args->expires_at,
                   "Gone at this instant: 2030-01-31T12:00:00Z")
      ->type_name("TIME")
      ->excludes(ttl);
  command
      ->add_flag("--never", args->is_forever, "Never gone, also where there is a default")
      ->excludes(ttl)
      ->excludes("--expires-at");
}

void AddExpireOptions(CLI::App* command, Arguments* args) {
  command->add_flag("--report,--dry-run", args->reports,
                    "Remove nothing: show what expires, and when");
  command->add_option("--limit", args->limit, "Remove at most so many")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber.description(""));
  command->add_option("--batch", args->batch_documents, "Records a transaction [1000]")
      ->type_name("N")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1'000'000}).description(""));
  command->footer(kExpireNotes);
}

void AddExpiryCommand(CLI::App* command, Arguments* args) {
  command->add_option("NAME", args->collection, "Its name in the database")->required();
  command->add_option("KEY", args->record_key, "Of this record alone");
  AddExpiryOptions(command, args);
  command->add_flag("--edges", args->of_edges, "NAME is a graph: of its new edges");
  command->footer(kExpiryNotes);
}

}  // namespace sheaf::cli
