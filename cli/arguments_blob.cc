// The command line of `sheaf blob`.
#include <CLI/CLI.hpp>

#include "cli/arguments.h"
#include "cli/validators.h"

namespace sheaf::cli {
namespace {

constexpr char kPutNotes[] =
    "\nA blob that is there is replaced, with what is known about it; its number, links "
    "and "
    "the\n"
    "time it was made stay. With --append or --at it stays as well, and so does its "
    "content "
    "but\n"
    "for what is written. Whatever ends a put before its end, nothing is stored. "
    "Until then\n"
    "the database is locked, also for a command on it that writes into the pipe.\n\n"
    "Examples:\n"
    "  sheaf blob put app.sheaf files cat.png ./cat.png --tag pet --owner people:ann\n"
    "  tar c src | sheaf blob put app.sheaf files backup/src.tar --zstd 3\n"
    "  journalctl -f | head -n 100 | sheaf blob put app.sheaf files log --append\n";

constexpr char kSetNotes[] =
    "\nWhat is not named stays; an empty text ('') takes away what there was.\n\n"
    "Example:\n"
    "  sheaf blob set app.sheaf files cat.png --tag pet --tag sleepy --owner ''\n";

constexpr char kCatNotes[] =
    "\nA file of that name is replaced when all is written. With --json the bytes are in "
    "base64.\n\n"
    "Examples:\n"
    "  sheaf blob cat app.sheaf files backup/src.tar | tar t\n"
    "  sheaf blob cat app.sheaf files cat.png --output cat.png\n";

constexpr char kRangeNotes[] =
    "\nWhat lies before and behind the range is not read. One that ends behind the end "
    "ends "
    "there.\n\n"
    "Example:\n"
    "  sheaf blob range app.sheaf files cat.png 0 8 | xxd\n";

constexpr char kListNotes[] =
    "Those that all of the options mean, by number: the order in which they were made. "
    "FILTER\n"
    "is as `sheaf find` has it; the fields are _id, number, size, stored, created, "
    "modified,\n"
    "type, name, namespace, tags, links.relation and metadata.… . A TIME is a "
    "day,\n"
    "2026-11-22, or 2026-11-22T19:30:00Z.\n\n"
    "Examples:\n"
    "  sheaf blob list app.sheaf files --tag pet --from 2026-01-01\n"
    "  sheaf blob list app.sheaf files --owner people:ann --sort=-size --limit 5\n"
    "  sheaf blob list app.sheaf files --filter '{\"metadata.width\":{\"$gt\":1000}}' "
    "--json\n";

constexpr char kRelations[] =
    "RELATION is derived (KEY was made from TO), similar, contradicts, supports or\n"
    "  supersedes (KEY takes the place of TO).\n";

constexpr char kLinkNotes[] =
    "\nThere is one link of each relation from one blob to another; TO may come "
    "later.\n\n"
    "Example:\n"
    "  sheaf blob link app.sheaf files thumb.png derived cat.png --context '64x64'\n";

constexpr char kShareNotes[] =
    "Equal contents of 4 KiB and more that are put into a namespace that is shared are "
    "stored\n"
    "once. Contents that are there stay as they are. '' is the namespace of blobs "
    "without "
    "one.\n\n"
    "Example:\n"
    "  sheaf blob share app.sheaf files mail on\n";

class BlobParser {
 public:
  BlobParser(CLI::App* blob, Arguments* args, const char* key_rule,
             const std::function<void(CLI::App*)>& common)
      : blob_(*blob),
        args_(*args),
        of_(args->blob),
        key_rule_(key_rule),
        common_(common) {}

  void Add() {
    AddPut();
    AddReading();
    AddList();
    AddLinks();
    AddKeeping();
  }

 private:
  CLI::App* AddCommand(const char* name, const char* about) {
    CLI::App* command = blob_.add_subcommand(name, about);
    common_(command);
    command->add_option("FILE", args_.file, "The database")->required();
    command->add_option("STORE", args_.collection, "The blob store's name in it")
        ->required();
    return command;
  }
  CLI::App* AddForKey(const char* name, const char* about,
                      const std::string& notes = "") {
    CLI::App* command = AddCommand(name, about);
    command->add_option("KEY", args_.key, "See below")->required();
    command->footer(std::string(key_rule_) + notes);
    return command;
  }
  template <class Number>
  CLI::Option* AddNumber(CLI::App* command, const char* name, Number* to,
                         const char* about) {
    return command->add_option(name, *to, about)->type_name("N")->check(NotNegative());
  }
  CLI::Option* AddText(CLI::App* command, const char* name,
                       std::optional<std::string>* to, const char* about,
                       const char* type = "TEXT") {
    return command->add_option(name, *to, about)->type_name(type);
  }
  CLI::Option* AddTag(CLI::App* command, const char* about) {
    return command->add_option("--tag", of_.tags, about)
        ->type_name("TEXT")
        ->allow_extra_args(false);
  }

  void AddAttributes(CLI::App* command, const char* type_about) {
    AddText(command, "--type", &of_.type, type_about, "TYPE");
    AddText(command, "--name", &of_.name, "As people call it [of put: SOURCE's]");
    AddText(command, "--namespace", &of_.name_space, "The part of the store");
    AddTag(command, "A word to find it by; may be given several times");
    AddText(command, "--owner", &of_.owner,
            "What it belongs to, and goes with: a collection,\ngraph or table, a colon, "
            "and the key there",
            "OF:KEY");
    command->add_flag("--keep", of_.keeps, "With --owner: the blob stays when that goes");
    AddExpiryOptions(command, &args_);
    AddText(command, "--metadata", &of_.metadata, "A JSON object", "JSON");
  }

  void AddPut() {
    CLI::App* put = AddForKey("put", "Store one blob, as it comes", kPutNotes);
    put->add_option("SOURCE", of_.source, "A file; - or nothing: standard input");
    AddAttributes(put, "What the content is: image/png [by the ending of a name]");
    put->add_option("--zstd", of_.zstd_level,
                    "Compressed, in pieces of 64 KiB, so that ranges\nare read without "
                    "the rest: 1 to 19")
        ->type_name("LEVEL")
        ->check(CLI::Range(1, 19).description(""));
    put->add_flag("--append", of_.appends, "Behind what the blob has");
    AddNumber(put, "--at", &of_.at,
              "Over what the blob has, from this byte on; may go on\nbehind its end");
    AddNumber(put, "--size", &of_.size,
              "Fail unless SOURCE has so many bytes: a pipe that was\n"
              "cut looks like one that ended");
    CLI::App* set =
        AddForKey("set", "Change what is known about a blob, not its content", kSetNotes);
    AddAttributes(set, "What the content is: image/png");
  }

  void AddReading() {
    CLI::App* cat = AddForKey("cat", "Write out the content of a blob", kCatNotes);
    CLI::App* range = AddForKey("range", "Write out a part of a content", kRangeNotes);
    AddNumber(range, "OFFSET", &of_.offset, "Of the first byte, from 0")
        ->required()
        ->type_name("");
    AddNumber(range, "LENGTH", &of_.length, "So many bytes")->required()->type_name("");
    for (CLI::App* command : {cat, range})
      command->add_option("--output", of_.output, "Into this file [standard output]")
          ->type_name("PATH");
    CLI::App* info = AddCommand("info", "Show what is known about a blob");
    CLI::Option* key = info->add_option("KEY", args_.key, "See below");
    AddNumber(info, "--number", &of_.number, "The blob that was given this number")
        ->excludes(key);
    info->footer(key_rule_);
  }

  void AddList() {
    CLI::App* list = AddCommand("list", "Show blobs, and what is known about them");
    AddText(list, "--namespace", &of_.name_space, "Of this part of the store");
    AddTag(list, "With this tag")->expected(1);
    AddText(list, "--owner", &of_.owner, "That belong to this", "OF:KEY");
    AddText(list, "--from", &of_.created_from, "Made at this time or later", "TIME");
    AddText(list, "--to", &of_.created_to, "Made before this time", "TIME");
    list->add_option("--filter", of_.filter, "That this means")->type_name("JSON");
    list->add_option("--sort", args_.sort, "In the order of these [number]")
        ->type_name("FIELDS");
    AddNumber(list, "--skip", &args_.skip, "Without the first so many");
    AddNumber(list, "--limit", &args_.limit, "At most so many");
    CLI::Option* keys = list->add_flag("--keys", args_.keys_only, "Keys only");
    list->add_flag("--count", of_.counts, "Only how many")->excludes(keys);
    list->add_option("--timeout", args_.timeout_seconds, "Give up after so long")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.0, 1e9).description(""));
    list->footer(kListNotes);
  }

  void AddLinks() {
    for (const bool is_link : {true, false}) {
      CLI::App* command =
          is_link ? AddForKey("link", "Note that a blob has to do with another",
                              std::string(kRelations) + kLinkNotes)
                  : AddForKey("unlink", "Take a link away", kRelations);
      command->add_option("RELATION", of_.relation, "See below")->required();
      command->add_option("TO", of_.to, "The key of the other blob")->required();
      if (is_link)
        command->add_option("--context", of_.context, "A note on it")->type_name("TEXT");
    }
    CLI::App* chain = AddForKey(
        "chain", "Show what a blob was made from, and that, and so on", kRelations);
    chain->add_option("RELATION", of_.relation, "Which links to follow [derived]");
    CLI::App* path = AddForKey("path", "Show a shortest way along links");
    path->add_option("TO", of_.to, "The key of the blob where it ends")->required();
    CLI::App* children =
        AddForKey("children", "Show the blobs that point to a blob", kRelations);
    AddText(children, "--relation", &of_.of_relation, "By this relation [any]",
            "RELATION");
  }

  void AddKeeping() {
    CLI::App* erase = AddCommand("delete", "Delete blobs: all of them, or none");
    erase->add_option("KEY", of_.keys, "See below")->required();
    erase->footer(key_rule_);
    CLI::App* share = AddCommand("share", "Store equal contents once, or ask if so");
    share->add_option("NAMESPACE", of_.name_space, "The part of the store")->required();
    share->add_option("on|off", of_.shared, "From now on; nothing: show which it is")
        ->check(CLI::IsMember({"on", "off"}).description(""));
    share->footer(kShareNotes);
    AddCommand("stats", "Show what the blobs of a store take");
  }

  CLI::App& blob_;
  Arguments& args_;
  BlobArguments& of_;
  const char* key_rule_;
  const std::function<void(CLI::App*)>& common_;
};

}  // namespace

void AddBlobCommands(CLI::App* blob, Arguments* args, const char* key_rule,
                     const std::function<void(CLI::App*)>& common) {
  BlobParser(blob, args, key_rule, common).Add();
}

}  // namespace sheaf::cli
