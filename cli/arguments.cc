#include "cli/arguments.h"

#include <algorithm>
#include <string_view>

#include <CLI/CLI.hpp>

#include "cli/failure.h"
#include "cli/validators.h"

namespace sheaf::cli {
namespace {

constexpr char kAbout[] =
    "sheaf keeps documents, graphs, vectors, blobs and tables in one file.\n"
    "FILE is such a file. Commands that only read open it read-only.\n\n";

constexpr char kExitCodes[] =
    "Exit codes: 0 done; 1 not found, or damage found; 2 wrong usage, key or document;\n"
    "  3 a damaged, foreign or newer file; 4 locked by another process; 5 anything "
    "else.\n"
    "`sheaf help COMMAND` tells more about a command.\n";

constexpr char kKeyForms[] =
    "KEY: an integer as JSON writes it (42, -7) is a number; \"…\" in JSON quotes is "
    "text\n"
    "  ('\"42\"' in a shell); '{\"$uuid\":\"…\"}' and "
    "'{\"$binary\":{\"base64\":\"…\",\"subType\":\"00\"}}'\n"
    "  are a UUID and bytes; anything else is text as it stands. A key that begins with "
    "a\n"
    "  dash goes after --.\n";

constexpr char kTableKeys[] =
    "  With --table keys are bytes, and \\xNN, \\n, \\r, \\t, \\0, \\\\ are "
    "understood.\n";

constexpr char kBytesForms[] =
    "KEY and other bytes: text as it stands; \\xNN, \\n, \\r, \\t, \\0, \\\\ are "
    "understood. What\n"
    "  begins with a dash goes after --.\n";

constexpr char kImportNotes[] =
    "Each line is one JSON document. A document whose key is there already replaces it.\n"
    "A wrong line ends the import with its number and position: what was committed "
    "before\n"
    "stays and is told, nothing of the unfinished transaction is stored. Ctrl-C commits\n"
    "what was read, tells where to go on and exits with 130.\n\n"
    "Examples:\n"
    "  sheaf import words.sheaf synsets --key id --in wordnet.jsonl\n"
    "  zcat log.jsonl.gz | sheaf import log.sheaf events --batch 10000\n";

constexpr char kScanNotes[] =
    "--from and --to bound the keys whichever way the scan runs. With --json each line "
    "is a\n"
    "document, with --keys a key, with --table an object.\n\n"
    "Examples:\n"
    "  sheaf scan words.sheaf synsets --prefix n0000 --limit 5\n"
    "  sheaf scan words.sheaf synsets --reverse --keys --limit 1\n"
    "  sheaf scan words.sheaf synsets --json | jq -r .gloss\n";

constexpr char kFindNotes[] =
    "FILTER is JSON in MongoDB's query language; without one every document is meant.\n"
    "There are $eq $ne $gt $gte $lt $lte $in $nin $and $or $nor $not $exists $type $all\n"
    "$elemMatch $size $regex $mod; \"_id\" is the key. FIELDS are paths with commas "
    "between,\n"
    "or JSON: year,-title sorts by year, then by title downwards. With --json each line "
    "is a\n"
    "document, or with --keys a key.\n\n"
    "References, which --expand follows, are {\"$ref\": COLLECTION, \"$id\": KEY},\n"
    "{\"$graph\": GRAPH, \"$vertex\": ID}, {\"$graph\": GRAPH, \"$edge\": {\"from\": …}} "
    "and\n"
    "{\"$table\": TABLE, \"$key\": KEY}.\n\n"
    "Examples:\n"
    "  sheaf find words.sheaf synsets '{\"lemmas\":\"sheaf\"}'\n"
    "  sheaf find shop.sheaf orders '{\"total\":{\"$gt\":100}}' --sort=-date --limit 5\n"
    "  sheaf find shop.sheaf orders --group "
    "'{\"_id\":\"$city\",\"sum\":{\"$sum\":\"$total\"}}'\n"
    "  sheaf find shop.sheaf orders '{\"city\":\"Prag\"}' --explain\n";

constexpr char kUpdateNotes[] =
    "UPDATE is JSON with MongoDB's operators: $set $unset $inc $mul $min $max $bit\n"
    "$push $addToSet $pull $pullAll $pop $rename $currentDate, and $merge:\n"
    "{\"$merge\":{\"hits\":{\"fn\":\"add_saturating\",\"value\":1}}}. All documents "
    "that FILTER\n"
    "means are changed in one transaction, or none.\n\n"
    "Example:\n"
    "  sheaf update shop.sheaf orders '{\"city\":\"Prag\"}' "
    "'{\"$set\":{\"country\":\"CZ\"}}'\n";

constexpr char kIndexNotes[] =
    "ACTION: create, with FIELDS; list; drop, rebuild, disable or enable, with the NAME\n"
    "of an index. A disabled one is kept up, but `find` does not use it.\n"
    "FIELDS are paths with commas between, -year downwards, or JSON: {\"year\":-1}. An "
    "index\n"
    "is kept up by every write from then on; `find` uses it where it helps. Ctrl-C ends "
    "the\n"
    "building, and there is no index then.\n\n"
    "Examples:\n"
    "  sheaf index create words.sheaf synsets lemmas\n"
    "  sheaf index create shop.sheaf orders customer,-date --unique\n"
    "  sheaf index list words.sheaf synsets\n"
    "  sheaf index create app.sheaf people name --vertices --filter "
    "'{\"_labels\":\"Person\"}'\n"
    "  sheaf index create app.sheaf meaning pos --vectors\n";

constexpr char kShellNotes[] =
    "A line is a command without the file: find orders {\"city\":\"Prag\"} --limit 3. "
    "JSON "
    "needs\n"
    "no quotes around it and may go on in the next line. Tab completes commands and "
    "names;\n"
    "the history is in ~/.sheaf_history. From a pipe the first command that fails ends "
    "it.\n";

constexpr char kPutExamples[] =
    "\nExamples:\n"
    "  sheaf put app.sheaf notes today '{\"text\":\"buy ink\"}'\n"
    "  sheaf put app.sheaf notes 17 < note.json\n";

constexpr char kCheckNotes[] =
    "Reads every page and compares every structure with every other. Changes nothing.\n"
    "Exit code 0: nothing wrong; 1: damage found; 3: too damaged to open.\n";

constexpr char kScrubNotes[] =
    "Verifies each page alone, as `check --level pages` does, at a rate that leaves the "
    "disk to\n"
    "others. Exit code 0: nothing wrong; 1: damage found. Programs have it in the "
    "background\n"
    "(<sheaf/scrubber.h>).\n\n"
    "Example:\n"
    "  sheaf scrub app.sheaf --rate 20MB\n";

constexpr char kDumpNotes[] =
    "Reads the page from the file itself, also when the file is too damaged to open.\n"
    "Exit code 1 when the page is damaged or does not exist.\n";

constexpr char kStatNotes[] =
    "--watch needs no lock, so it works while a program has the file open; it sees what "
    "is in\n"
    "the file: a commit shows in the size of the log, a checkpoint as a new version.\n\n"
    "Example:\n"
    "  sheaf stat app.sheaf --watch --interval 5\n";

constexpr char kBackupNotes[] =
    "The copy holds what is committed now and is a database of its own. Writers go on\n"
    "meanwhile (from within a program; two programs cannot have a file open for "
    "writing).\n"
    "Pages are verified on the way. An encrypted database has an encrypted copy that "
    "opens\n"
    "by the same key, or by the one that --new-key-file or --new-passphrase give; with\n"
    "--compact they also encrypt the copy of a plain database.\n\n"
    "Examples:\n"
    "  sheaf backup app.sheaf /backups/monday.sheaf\n"
    "  sheaf backup app.sheaf - | zstd > monday.sheaf.zst\n";

constexpr char kRestoreNotes[] =
    "Every page is verified before the copy gets its name; until then what was there "
    "stays.\n"
    "--key-file and --passphrase are those of the backup, and so of the database.\n\n"
    "Examples:\n"
    "  sheaf restore /backups/monday.sheaf app.sheaf --force\n"
    "  zstd -dc monday.sheaf.zst | sheaf restore - app.sheaf\n";

constexpr char kSalvageNotes[] =
    "FILE and its log stay as they are. Says what is lost, tree by tree. A backup, if "
    "there\n"
    "is one, is better. Exit code 0: everything was read; 1: something is lost.\n";

constexpr char kCompactNotes[] =
    "Moves pages from the end of the file to free places before it and cuts the end "
    "off,\n"
    "in steps; needs no more space meanwhile. Ctrl-C ends it after a step, and the file "
    "is\n"
    "as short as it got. `sheaf backup --compact` makes a copy that is smaller still.\n";

constexpr char kCompressNotes[] =
    "Without --with it only looks. Each value is compressed alone; with -dict together "
    "with\n"
    "a dictionary of what values have in common, which makes short ones less than half "
    "as\n"
    "large. lz4 is read faster, zstd is smaller. COLLECTION may be a table. It is built "
    "anew\n"
    "beside the old one, in one transaction; `sheaf compact` then shortens the file.\n\n"
    "Example:\n"
    "  sheaf compress words.sheaf synsets --with zstd-dict\n";

constexpr char kRekeyNotes[] =
    "The file opens by the new key from now on, and not by the old one. Its pages stay "
    "as\n"
    "they are, under a key of the file's own: whoever has the old key and an old copy "
    "can\n"
    "read that copy, and with skill what comes after. `sheaf rotate` ends that.\n\n"
    "Example:\n"
    "  sheaf rekey app.sheaf --key-file old.key --new-passphrase\n";

constexpr char kRotateNotes[] =
    "Gives the file a new key of its own and writes every page anew under it. Without a\n"
    "new key of yours it opens by the same one. Interrupted, the next `rotate` goes "
    "on.\n";

constexpr char kListHint[] = "`sheaf help` lists the commands";

class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter() {
    column_width(24);
    for (const char* name : {"REQUIRED", "TEXT", "UINT"}) label(name, "");
    label("Positionals", "Arguments");
    label("SUBCOMMAND", "COMMAND");
    label("OPTIONS", "options");
  }
};

class Parser {
 public:
  explicit Parser(Arguments* args) : args_(*args) {
    app_.name("sheaf");
    app_.formatter(std::make_shared<HelpFormatter>());
    app_.footer(kExitCodes);
    app_.require_subcommand(1);
    app_.set_help_flag("-h,--help", "Show this help");
    app_.set_version_flag("--version", "", "Show the version, as the command does");
    app_.add_flag("--json", args_.is_json, "Results and errors as JSON");
    AddWriting();
    AddReading();
    AddQuerying();
    AddGraph();
    AddVectors();
    AddBlobs();
    AddFileCommands();
    AddCopying();
    AddKeeping();
    help_ = Add("help", "Show help for a command");
    help_->add_option("COMMAND", help_topic_, "The command to explain");
  }

  absl::Status Parse(int argc, const char* const* argv);

 private:
  CLI::App* Add(const char* name, const char* about) {
    CLI::App* command = app_.add_subcommand(name, about);
    command->add_flag("--json", args_.is_json, "Results and errors as JSON");
    return command;
  }

  CLI::App* AddForFile(const char* name, const char* about) {
    CLI::App* command = Add(name, about);
    command->add_option("FILE", args_.file, "The database")->required();
    AddKeyOptions(command);
    return command;
  }

  void AddKeyOptions(CLI::App* command) {
    CLI::Option* key_file =
        command
            ->add_option("--key-file", args_.key_file,
                         "Its key: a file of 32 bytes or 64 hexadecimal digits")
            ->type_name("PATH");
    command->add_flag("--passphrase", args_.asks_passphrase, "Ask for its passphrase")
        ->excludes(key_file);
  }

  void AddNewKeyOptions(CLI::App* command) {
    CLI::Option* key_file =
        command->add_option("--new-key-file", args_.new_key_file, "The new key")
            ->type_name("PATH");
    command
        ->add_flag("--new-passphrase", args_.asks_new_passphrase,
                   "Ask for a new passphrase")
        ->excludes(key_file);
  }

  void AddCompression(CLI::App* command, const char* option, const char* about) {
    command->add_option(option, args_.compression, about)
        ->type_name("KIND")
        ->check(CLI::IsMember({"none", "lz4", "lz4-dict", "zstd", "zstd-dict"})
                    .description(""));
    command->add_option("--level", args_.compression_level, "Of zstd: 1 to 19 [3]")
        ->type_name("N")
        ->check(CLI::Range(1, 19).description(""));
  }

  void AddRate(CLI::App* command) {
    command
        ->add_option("--rate", args_.bytes_per_second,
                     "Read at most so many bytes a second, e.g. 50MB")
        ->type_name("BYTES")
        ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false).description(""));
  }

  void AddLevel(CLI::App* command, const char* usual) {
    command
        ->add_option("--level", args_.level,
                     std::string("quick: superblocks, page map, catalog; pages: and\n"
                                 "every page, alone; full: everything against\n"
                                 "everything [") +
                         usual + "]")
        ->type_name("LEVEL")
        ->check(CLI::IsMember({"quick", "pages", "full"}).description(""));
  }

  CLI::App* AddForCollection(const char* name, const char* about) {
    CLI::App* command = AddForFile(name, about);
    command->add_option("COLLECTION", args_.collection, "Its name in the database")
        ->required();
    return command;
  }

  // get, put and delete: the key is as kKeyForms says.
  CLI::App* AddForKey(const char* name, const char* about, const char* notes = "") {
    CLI::App* command = AddForCollection(name, about);
    command->add_option("KEY", args_.key, "See below")->required();
    AddTableFlag(command);
    command->footer(std::string(kKeyForms) + kTableKeys + notes);
    return command;
  }

  void AddTableFlag(CLI::App* command) {
    command->add_flag("--table", args_.is_table, "COLLECTION is a table of raw bytes");
  }

  void AddWriting() {
    CLI::App* import = AddForCollection("import", "Store JSON documents, one a line");
    import
        ->add_option("--key", args_.key_field,
                     "Take the key, text, an integer or bytes, from this field,\n"
                     "a.b: b inside a; otherwise keys are numbers, counted up")
        ->type_name("FIELD");
    import->add_option("--in", args_.input, "Read this file; otherwise standard input")
        ->type_name("PATH");
    import
        ->add_option("--batch", args_.batch_documents,
                     "Documents a durable transaction [1000]")
        ->type_name("N")
        ->check(CLI::Range(uint64_t{1}, uint64_t{10'000'000}).description(""));
    AddCompression(import, "--compress",
                   "Compress a collection that is new: none, lz4, lz4-dict,\n"
                   "zstd or zstd-dict; -dict trains a dictionary");
    import->add_flag("--acknowledge", args_.acknowledges,
                     "Print \"committed TOTAL\" after each transaction");
    import->footer(kImportNotes);

    CLI::App* put = AddForKey("put", "Store one document", kPutExamples);
    put->add_option("JSON", args_.value, "The document; - or nothing: standard input");
    AddExpiryOptions(put, &args_);
    AddForKey("delete", "Delete one document");
    AddMergeCommands(&app_, &args_, kBytesForms, [this](CLI::App* command) {
      command->add_flag("--json", args_.is_json, "Results and errors as JSON");
      AddKeyOptions(command);
    });
  }

  void AddReading() {
    AddFormOption(AddForKey("get", "Show one document"), &args_);
    CLI::App* scan = AddForCollection("scan", "Show documents in key order");
    scan->add_option("--prefix", args_.prefix, "Only text keys that begin so")
        ->type_name("TEXT");
    scan->add_option("--from", args_.from, "The smallest key to show")->type_name("KEY");
    scan->add_option("--to", args_.to, "End before this key")->type_name("KEY");
    scan->add_option("--limit", args_.limit, "At most so many")
        ->type_name("N")
        ->check(NotNegative());
    scan->add_flag("--reverse", args_.is_reverse, "From the largest key down");
    scan->add_flag("--keys", args_.keys_only, "Keys only");
    AddTableFlag(scan);
    scan->footer(std::string(kKeyForms) + kTableKeys + "\n" + kScanNotes);
  }

  CLI::App* AddForFilter(const char* name, const char* about) {
    CLI::App* command = AddForCollection(name, about);
    command->add_option("FILTER", args_.filter, "Which documents, as JSON");
    return command;
  }

  void AddLimits(CLI::App* command) {
    command->add_option("--limit", args_.limit, "At most so many")
        ->type_name("N")
        ->check(NotNegative());
    command
        ->add_option("--use", args_.index_name,
                     "Use this index, and no other; _id: use none")
        ->type_name("INDEX");
    command->add_option("--timeout", args_.timeout_seconds, "Give up after so long")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.0, 1e9).description(""));
  }

  void AddQuerying() {
    CLI::App* find = AddForFilter("find", "Show documents that a filter means");
    find->add_option("--sort", args_.sort, "In the order of these")->type_name("FIELDS");
    find->add_option("--project", args_.project,
                     "Only these fields; -notes: all but notes")
        ->type_name("FIELDS");
    find->add_option("--columns", args_.columns,
                     "As a table with a column for the key and each of these fields")
        ->type_name("FIELDS")
        ->excludes("--project");
    find->add_option("--expand", args_.expand,
                     "With what references at these paths lead to in their place")
        ->type_name("FIELDS")
        ->excludes("--columns");
    find->add_option("--skip", args_.skip, "Without the first so many")
        ->type_name("N")
        ->check(NotNegative());
    AddLimits(find);
    CLI::Option* group =
        find->add_option("--group", args_.group, "Sums over groups, as JSON")
            ->type_name("JSON");
    find->add_option("--distinct", args_.distinct, "The values of this path, each once")
        ->type_name("PATH")
        ->excludes(group);
    find->add_flag("--explain", args_.explains,
                   "Show how it is done, and how long it took");
    find->add_flag("--keys", args_.keys_only, "Keys only");
    find->footer(kFindNotes);
    CLI::App* count = AddForFilter("count", "Count documents that a filter means");
    AddLimits(count);
    CLI::App* update = AddForFilter("update", "Change documents that a filter means");
    update->get_option("FILTER")->required();
    update->add_option("UPDATE", args_.update, "How, as JSON; see below")->required();
    AddLimits(update);
    update->footer(kUpdateNotes);
    CLI::App* remove = AddForFilter("remove", "Delete documents that a filter means");
    remove->get_option("FILTER")->required();
    AddLimits(remove);
    CLI::App* exported = AddForFilter("export", "Write documents as JSON, one a line");
    exported->add_option("--key", args_.key_field, "Put the key into this field, first")
        ->type_name("FIELD");
    AddIndex();
    AddForFile("shell", "Type commands one after the other")->footer(kShellNotes);
  }

  void AddGraph() {
    CLI::App* graph = Add("graph", "Vertices, edges, paths, patterns and algorithms");
    graph->require_subcommand(1);
    AddGraphCommands(graph, &args_, [this](CLI::App* command) {
      command->add_flag("--json", args_.is_json, "Results and errors as JSON");
      AddKeyOptions(command);
    });
  }

  void AddVectors() {
    CLI::App* vector = Add("vector", "Vectors, and the nearest of them to a query");
    vector->require_subcommand(1);
    AddVectorCommands(vector, &args_, kKeyForms, [this](CLI::App* command) {
      command->add_flag("--json", args_.is_json, "Results and errors as JSON");
      AddKeyOptions(command);
    });
  }

  void AddBlobs() {
    CLI::App* blob = Add("blob", "Contents of any size, with what is known about them");
    blob->require_subcommand(1);
    AddBlobCommands(blob, &args_, kKeyForms, [this](CLI::App* command) {
      command->add_flag("--json", args_.is_json, "Results and errors as JSON");
      AddKeyOptions(command);
    });
  }

  void AddIndex() {
    CLI::App* index = Add("index", "Make, show or drop indexes of a collection");
    index
        ->add_option("ACTION", args_.action,
                     "create, list, drop, rebuild, disable or enable")
        ->required()
        ->check(CLI::IsMember({"create", "list", "drop", "rebuild", "disable", "enable"})
                    .description(""));
    index->add_option("FILE", args_.file, "The database")->required();
    AddKeyOptions(index);
    index->add_option("COLLECTION", args_.collection, "Its name in the database")
        ->required();
    index->add_option("FIELDS", args_.fields, "Of create; else the name of an index");
    index->add_option("--name", args_.index_name, "Its name [of its fields]")
        ->type_name("NAME");
    index->add_flag("--unique", args_.is_unique, "No two documents have the same");
    index->add_flag("--sparse", args_.is_sparse,
                    "Leave out documents that have none of the fields");
    index->add_option("--filter", args_.index_filter, "Only documents that this means")
        ->type_name("JSON");
    CLI::Option* vertices = index->add_flag("--vertices", args_.of_vertices,
                                            "COLLECTION is a graph; of its vertices");
    CLI::Option* edges =
        index->add_flag("--edges", args_.of_edges, "COLLECTION is a graph; of its edges")
            ->excludes(vertices);
    index
        ->add_flag("--vectors", args_.of_vectors,
                   "COLLECTION is a vector index; of its metadata")
        ->excludes(vertices)
        ->excludes(edges);
    index->footer(kIndexNotes);
  }

  void AddFileCommands() {
    AddForFile("list", "Show what there is: collections, graphs, vectors, blobs, tables");
    CLI::App* stat = AddForFile("stat", "Show where the space goes");
    CLI::Option* name =
        stat->add_option("COLLECTION", args_.collection, "Only this collection or table");
    stat->add_flag("--watch", args_.watches,
                   "Every second a line on what a writer does to the file")
        ->excludes(name);
    stat->add_option("--interval", args_.watch_seconds, "Seconds between two lines [1]")
        ->type_name("N")
        ->check(CLI::Range(0.01, 86400.0).description(""));
    stat->add_option("--count", args_.watch_count, "End after so many lines")
        ->type_name("N")
        ->check(NotNegative());
    stat->footer(kStatNotes);
    CLI::App* check = AddForFile("check", "Look for damage");
    AddLevel(check, "full");
    check->footer(kCheckNotes);
    AddForFile("checkpoint", "Fold the log into the file");
    CLI::App* scrub = AddForFile("scrub", "Look at every page of the file, gently");
    AddRate(scrub);
    scrub->footer(kScrubNotes);
    CLI::App* dump = AddForFile("dump", "Show a page of the file");
    dump->add_option("PAGE", args_.page, "Its number; 0 is the first superblock")
        ->required()
        ->check(NotNegative());
    dump->footer(kDumpNotes);
    Add("version", "Show the version");
  }

  void AddCopying() {
    CLI::App* backup = AddForFile("backup", "Copy the database, also while it is in use");
    backup->add_option("TO", args_.other_file, "The copy; - writes it to standard output")
        ->required();
    backup->add_flag("--force", args_.overwrites, "Replace a file that is there");
    backup->add_flag("--compact", args_.is_compact, "Rebuild it: smallest, but slower");
    AddNewKeyOptions(backup);
    backup->add_flag("--plain", args_.is_plain,
                     "Not encrypted, though the database is; needs --compact");
    AddRate(backup);
    backup->footer(kBackupNotes);

    CLI::App* restore = Add("restore", "Put a backup where a database is to be");
    restore->add_option("FROM", args_.file, "The backup; - reads standard input")
        ->required();
    restore->add_option("TO", args_.other_file, "The database")->required();
    AddKeyOptions(restore);
    restore->add_flag("--force", args_.overwrites, "Replace a database that is there");
    restore->footer(kRestoreNotes);

    CLI::App* verify = AddForFile("verify-backup", "Look whether a backup is intact");
    AddLevel(verify, "pages");
    verify->footer(kCheckNotes);

    CLI::App* salvage = AddForFile("salvage", "Copy what can be read of a damaged file");
    salvage->add_option("TO", args_.other_file, "The new database")->required();
    salvage->add_flag("--force", args_.overwrites, "Replace a file that is there");
    salvage->footer(kSalvageNotes);
  }

  void AddKeeping() {
    AddForFile("compact", "Shorten the file to what it holds")->footer(kCompactNotes);
    CLI::App* compress =
        AddForCollection("compress", "Show or change how values are compressed");
    AddCompression(compress, "--with",
                   "Compress all values anew: none, lz4, lz4-dict, zstd\n"
                   "or zstd-dict");
    compress->add_flag("--new-only", args_.new_values_only,
                       "Leave those that are there as they are");
    compress->footer(kCompressNotes);
    AddExpireOptions(AddForFile("expire", "Remove what has expired"), &args_);
    AddExpiryCommand(AddForFile("expiry", "Show or change when something expires"),
                     &args_);
    CLI::App* rekey = AddForFile("rekey", "Make another key open the file, at once");
    AddNewKeyOptions(rekey);
    rekey->footer(kRekeyNotes);
    CLI::App* rotate = AddForFile("rotate", "Encrypt every page anew");
    AddNewKeyOptions(rotate);
    rotate->footer(kRotateNotes);
  }

  const CLI::App* Find(const std::string& name) const {
    for (const CLI::App* command : app_.get_subcommands(nullptr)) {
      if (command->get_name() == name) return command;
    }
    return nullptr;
  }

  // Of those that the command line names.
  static const CLI::App* Innermost(const CLI::App* command) {
    const std::vector<const CLI::App*> below = command->get_subcommands(
        [](const CLI::App* sub) { return sub->parsed() || sub->count() > 0; });
    return below.empty() ? command : below[0];
  }

  void KeepHelp(const CLI::App* of) {
    args_.command = "help";
    args_.help = of == &app_ ? kAbout : "";
    // Not App::help(): it describes the command that was parsed instead.
    args_.help += of->get_formatter()->make_help(
        of, of == &app_ ? "sheaf" : UsageName(of), CLI::AppFormatMode::Normal);
  }

  static std::string UsageName(const CLI::App* command) {
    const std::string above =
        command->get_parent() == nullptr || command->get_parent()->get_name() == "sheaf"
            ? ""
            : command->get_parent()->get_name() + " ";
    return "sheaf " + above + command->get_name();
  }

  Arguments& args_;
  CLI::App app_;
  CLI::App* help_ = nullptr;
  std::string help_topic_;
};

// Single characters inserted, deleted or replaced between the two.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

// `app`: of all commands, or of one that has commands of its own.
absl::Status UnknownCommand(const CLI::App& app, const std::string& name) {
  const bool is_inner = app.get_parent() != nullptr;
  const std::string above = is_inner ? app.get_name() + " " : "";
  const CLI::App* nearest = nullptr;
  size_t distance_min = 3;  // further off is no typing error
  for (const CLI::App* command : app.get_subcommands(nullptr)) {
    size_t distance = EditDistance(name, command->get_name());
    if (distance < distance_min) distance_min = distance, nearest = command;
  }
  absl::Status error = name.empty()
                           ? UsageError(above + "needs a command of its own")
                           : UsageError("there is no command " + above + Printable(name));
  if (nearest == nullptr)
    return WithHint(error, is_inner ? "`sheaf help " + app.get_name() + "` lists them"
                                    : std::string(kListHint));
  return WithHint(error, "did you mean `sheaf " + above + nearest->get_name() + "`?");
}

// The word number `n`, from 0, of those that are no options; empty when there is none.
std::string WordAt(int n, int argc, const char* const* argv) {
  for (int i = 1; i < argc; ++i) {
    if (argv[i][0] != '-' && n-- == 0) return argv[i];
  }
  return "";
}

bool AsksForHelp(int argc, const char* const* argv) {
  return std::any_of(argv + 1, argv + argc, [](std::string_view word) {
    return word == "--help" || word == "-h";
  });
}

absl::Status Parser::Parse(int argc, const char* const* argv) {
  std::string name = WordAt(0, argc, argv);
  const CLI::App* command = Find(name);
  if (!name.empty() && command == nullptr) return UnknownCommand(app_, name);
  if (argc < 2) return WithHint(UsageError("which command?"), kListHint);
  const bool has_inner = name == "graph" || name == "vector" || name == "blob";
  if (has_inner && !AsksForHelp(argc, argv)) {
    const std::string inner = WordAt(1, argc, argv);
    const auto below = command->get_subcommands(nullptr);
    if (std::none_of(below.begin(), below.end(),
                     [&](const CLI::App* app) { return app->get_name() == inner; }))
      return UnknownCommand(*command, inner);
  }
  try {
    app_.parse(argc, argv);
  } catch (const CLI::CallForVersion&) {
    args_.command = "version";
    return absl::OkStatus();
  } catch (const CLI::CallForHelp&) {
    KeepHelp(name.empty() ? &app_ : Innermost(command));
    return absl::OkStatus();
  } catch (const CLI::ParseError& error) {
    return WithHint(
        UsageError(Printable(error.what())),
        "`sheaf help" + (name.empty() ? "" : " " + name) + "` shows what it takes");
  }
  args_.command = name;
  if (has_inner) args_.action = Innermost(command)->get_name();
  if (command != help_) return absl::OkStatus();
  const CLI::App* topic = help_topic_.empty() ? &app_ : Find(help_topic_);
  if (topic == nullptr) return UnknownCommand(app_, help_topic_);
  KeepHelp(topic);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Arguments> ParseArguments(int argc, const char* const* argv) {
  Arguments args;
  Parser parser(&args);
  SHEAF_RETURN_IF_ERROR(parser.Parse(argc, argv));
  return args;
}

bool AsksForJson(int argc, const char* const* argv) {
  for (int i = 1; i < argc && std::string_view(argv[i]) != "--"; ++i) {
    if (std::string_view(argv[i]) == "--json") return true;
  }
  return false;
}

}  // namespace sheaf::cli
