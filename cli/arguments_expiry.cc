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

}  // namespace sheaf::cli
