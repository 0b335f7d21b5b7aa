// list, stat, checkpoint, version: the file as a whole.
#include <poll.h>

#include <algorithm>
#include <filesystem>

#include "cli/commands.h"
#include "cli/failure.h"
#include "cli/text.h"
#include "cli/vector_text.h"

namespace sheaf::cli {
namespace {

// What a vector index is made with; nothing of others, and of one that cannot be opened.
std::optional<VectorOptions> VectorOptionsOfTree(const ReadTransaction& read,
                                                 const TreeInfo& tree) {
  if (tree.kind != TreeKind::kVectors) return std::nullopt;
  const absl::StatusOr<VectorIndexReader> index = read.vectors(tree.name);
  if (!index.ok()) return std::nullopt;
  return index->options();
}

Json TreeJson(const ReadTransaction& read, const TreeInfo& tree) {
  Json json = {
      {"name", tree.name}, {"kind", KindName(tree.kind)}, {"entries", tree.entry_count}};
  if (tree.expired_count > 0) json["expired"] = tree.expired_count;
  if (const auto options = VectorOptionsOfTree(read, tree); options.has_value())
    json["options"] = VectorOptionsJson(*options);
  const bool is_typed = tree.kind != TreeKind::kVectors;
  if (is_typed && !tree.key_type.empty()) json["key_type"] = tree.key_type;
  if (is_typed && !tree.value_type.empty()) json["value_type"] = tree.value_type;
  if (tree.compression != Compression{})
    json["compression"] = CompressionText(tree.compression);
  return json;
}

// Types, what an index is made with and compression, if there are any.
std::string MoreText(const ReadTransaction& read, const TreeInfo& tree) {
  std::string text;
  if (tree.kind != TreeKind::kVectors && !tree.key_type.empty())
    text = Printable(tree.key_type + " -> " + tree.value_type);
  if (const auto options = VectorOptionsOfTree(read, tree); options.has_value())
    text = VectorOptionsText(*options);
  const auto add = [&](const std::string& more) {
    text += (text.empty() ? "" : ", ") + more;
  };
  if (tree.expired_count > 0) add(Thousands(tree.expired_count) + " expired");
  if (tree.compression != Compression{}) add(CompressionText(tree.compression));
  return text;
}

void PrintTrees(const ReadTransaction& read, const std::vector<TreeInfo>& trees,
                Output& out) {
  if (trees.empty()) return out.WriteLine("no collections, no tables");
  bool has_more = false;
  for (const TreeInfo& tree : trees) has_more |= !MoreText(read, tree).empty();
  std::vector<Align> alignment = {Align::kLeft, Align::kLeft, Align::kRight};
  if (has_more) alignment.push_back(Align::kLeft);
  TextTable table(alignment);
  table.SetHeader({"NAME", "KIND", "ENTRIES"});
  for (const TreeInfo& tree : trees) {
    std::vector<std::string> row = {Printable(tree.name), KindName(tree.kind),
                                    Thousands(tree.entry_count)};
    if (has_more) row.push_back(MoreText(read, tree));
    table.AddRow(std::move(row));
  }
  table.Print(out);
}

Json StatsJson(const DatabaseStats& stats) {
  return {{"format_version", stats.format_version},
          {"file_bytes", stats.file_bytes},
          {"page_bytes", stats.page_bytes},
          {"pages_total", stats.pages_total},
          {"pages_live", stats.pages_live},
          {"pages_free", stats.pages_free},
          {"pages_waiting", stats.pages_waiting},
          {"pages_map", stats.pages_map},
          {"log_file_bytes", stats.log_file_bytes},
          {"log_live_bytes", stats.log_live_bytes},
          {"version", stats.version},
          {"checkpoint_version", stats.checkpoint_version},
          {"replayed_commits", stats.replayed_commits},
          {"trees", stats.trees},
          {"entries", stats.entries}};
}

void PrintStats(const std::string& path, const DatabaseStats& stats, Output& out) {
  out.WriteLine(out.Paint(Tone::kStrong, Printable(path)) + "  format " +
                std::to_string(stats.format_version) + ", version " +
                Thousands(stats.version));
  TextTable table({Align::kLeft, Align::kRight, Align::kRight, Align::kLeft});
  auto add_pages = [&](const char* name, uint64_t pages, const char* note) {
    table.AddRow({name, ByteSize(pages * stats.page_bytes), Thousands(pages), note});
  };
  table.AddRow({"file", ByteSize(stats.file_bytes), Thousands(stats.pages_total),
                "pages of " + ByteSize(stats.page_bytes)});
  add_pages("  live", stats.pages_live, "in use");
  add_pages("    map", stats.pages_map,
            "of these: superblocks, and which pages are in use");
  add_pages("  free", stats.pages_free, "can be used again");
  add_pages("  waiting", stats.pages_waiting, "free after the next checkpoint");
  table.AddRow({"log", ByteSize(stats.log_file_bytes), "",
                ByteSize(stats.log_live_bytes) + " in use"});
  table.AddRow(
      {"commits in it", "", Thousands(stats.replayed_commits), "read back when opened"});
  table.AddRow(
      {"trees", "", Thousands(stats.trees), "collections, tables and their like"});
  table.AddRow({"entries", "", Thousands(stats.entries), ""});
  table.Print(out, "  ");
}

}  // namespace

CommandResult List(Session& session) {
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(session.args, OpenFor::kReading));
  ReadTransaction read = db->BeginRead();
  auto trees = read.List();
  if (!trees.ok()) return At(session.args.file, trees.status());
  if (!session.args.is_json) {
    PrintTrees(read, *trees, session.out);
    return kExitOk;
  }
  Json list = Json::array();
  for (const TreeInfo& tree : *trees) list.push_back(TreeJson(read, tree));
  session.out.WriteLine(Dump({{"version", read.version()}, {"trees", list}}));
  return kExitOk;
}

namespace {

// What can be seen of a file that somebody else writes.
struct Glimpse {
  uint64_t version = 0, checkpoints = 0;  // superblocks written, ever
  uint64_t file_bytes = 0, log_bytes = 0;
};

absl::StatusOr<Glimpse> LookAt(const std::string& path, const Options& options) {
  Glimpse seen;
  absl::Status problem;
  int intact = 0;
  for (const uint64_t page : {0, 1}) {
    auto description = Database::DescribePage(path, page, options);
    if (!description.ok()) return FileError(path, description.status());
    if (!description->intact) {  // one of them may be being written just now
      problem = absl::DataLossError(description->problem);
      continue;
    }
    ++intact;
    const Json fields = Json::parse(description->json, nullptr, false);
    seen.version = std::max(seen.version, fields.value("version", uint64_t{0}));
    seen.checkpoints = std::max(seen.checkpoints, fields.value("sequence", uint64_t{0}));
  }
  if (intact == 0) return FileError(path, problem);
  std::error_code absent;
  seen.file_bytes = std::filesystem::file_size(path, absent);
  const uint64_t log = std::filesystem::file_size(path + "-log", absent);
  seen.log_bytes = absent ? 0 : log;
  return seen;
}

CommandResult Watch(Session& session) {
  const Arguments& args = session.args;
  Options options;
  SHEAF_ASSIGN_OR_RETURN(options.key, KeyOf(args, OpenFor::kReading));
  Interrupt interrupt;
  for (uint64_t line = 0; interrupt.signal_number() == 0; ++line) {
    SHEAF_ASSIGN_OR_RETURN(const Glimpse seen, LookAt(args.file, options));
    if (args.is_json) {
      session.out.WriteLine(Dump({{"version", seen.version},
                                  {"superblocks_written", seen.checkpoints},
                                  {"file_bytes", seen.file_bytes},
                                  {"log_bytes", seen.log_bytes}}));
    } else {
      session.out.WriteLine(
          absl::FormatTime("%H:%M:%S", absl::Now(), absl::LocalTimeZone()) +
          "  checkpoint of version " + Thousands(seen.version) + "  file " +
          ByteSize(seen.file_bytes) + "  log " + ByteSize(seen.log_bytes) +
          "  superblocks written " + Thousands(seen.checkpoints));
    }
    session.out.Flush();
    if (!session.out.ok() || line + 1 == args.watch_count) break;
    pollfd wake = {interrupt.fd(), POLLIN, 0};
    poll(&wake, 1, static_cast<int>(args.watch_seconds * 1000));
  }
  return kExitOk;
}

}  // namespace

namespace {

void PrintTree(const std::string& name, const TreeStats& tree, Output& out) {
  constexpr uint64_t kPage = 4096;
  out.WriteLine(out.Paint(Tone::kStrong, Printable(name)) + "  " +
                Counted(tree.height, "level", "levels"));
  TextTable table({Align::kLeft, Align::kRight, Align::kRight, Align::kLeft});
  const auto add_pages = [&](const char* what, uint64_t pages, const char* note) {
    table.AddRow({what, ByteSize(pages * kPage), Thousands(pages), note});
  };
  add_pages("pages", tree.leaf_pages + tree.inner_pages + tree.value_pages, "");
  add_pages("  leaves", tree.leaf_pages, "keys, and values of up to about 1 KB");
  add_pages("  above them", tree.inner_pages, "the ways to the leaves");
  add_pages("  values", tree.value_pages, "longer ones");
  table.AddRow({"unused", ByteSize(tree.unused_bytes), "", "of leaves and above"});
  table.AddRow({"entries", "", Thousands(tree.entries), ""});
  if (tree.expired > 0)
    table.AddRow(
        {"  expired", "", Thousands(tree.expired), "`sheaf expire` removes them"});
  table.AddRow({"  long values", "", Thousands(tree.large_values), ""});
  table.AddRow({"values", ByteSize(tree.value_bytes), "", "as they were put"});
  table.AddRow(
      {"  stored", ByteSize(tree.stored_bytes), "", "`sheaf compress` tells more"});
  table.Print(out, "  ");
}

CommandResult StatTree(Session& session) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kReading));
  ProgressLine line(session.err);
  const auto tree =
      db->BeginRead().Measure(args.collection, ShownOn(line, /*interrupt=*/nullptr));
  line.Clear();
  if (!tree.ok()) return NameError(args, tree.status());
  if (!args.is_json) {
    PrintTree(args.collection, *tree, session.out);
    return kExitOk;
  }
  session.out.WriteLine(Dump({{"name", args.collection},
                              {"entries", tree->entries},
                              {"expired", tree->expired},
                              {"height", tree->height},
                              {"leaf_pages", tree->leaf_pages},
                              {"inner_pages", tree->inner_pages},
                              {"value_pages", tree->value_pages},
                              {"unused_bytes", tree->unused_bytes},
                              {"large_values", tree->large_values},
                              {"value_bytes", tree->value_bytes},
                              {"stored_bytes", tree->stored_bytes}}));
  return kExitOk;
}

}  // namespace

CommandResult Stat(Session& session) {
  if (session.args.watches) return Watch(session);
  if (!session.args.collection.empty()) return StatTree(session);
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(session.args, OpenFor::kReading));
  DatabaseStats stats = db->stats();
  if (session.args.is_json) {
    session.out.WriteLine(Dump(StatsJson(stats)));
  } else {
    PrintStats(session.args.file, stats, session.out);
  }
  return kExitOk;
}

CommandResult Checkpoint(Session& session) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kWriting));
  DatabaseStats before = db->stats();
  SHEAF_RETURN_IF_ERROR(At(args.file, db->Checkpoint()));
  DatabaseStats after = db->stats();
  SHEAF_RETURN_IF_ERROR(At(args.file, db->Close()));
  uint64_t pages = after.pages_written - before.pages_written;
  if (args.is_json) {
    session.out.WriteLine(Dump({{"version", after.checkpoint_version},
                                {"replayed_commits", before.replayed_commits},
                                {"pages_written", pages}}));
  } else {
    session.out.WriteLine(
        "version " + Thousands(after.checkpoint_version) +
        " is in the file: " + Counted(before.replayed_commits, "commit", "commits") +
        " taken from the log, " + Counted(pages, "page", "pages") + " written");
  }
  return kExitOk;
}

CommandResult Version(Session& session) {
  // The library knows its format; an empty database says it.
  Options options;
  options.cache_bytes_max = 1 << 20;
  SHEAF_ASSIGN_OR_RETURN(auto db, Database::OpenInMemory(options));
  uint64_t format_version = db->stats().format_version;
  if (session.args.is_json) {
    session.out.WriteLine(
        Dump({{"version", SHEAF_VERSION}, {"format_version", format_version}}));
  } else {
    session.out.WriteLine("sheaf " SHEAF_VERSION ", file format " +
                          std::to_string(format_version));
  }
  return kExitOk;
}

}  // namespace sheaf::cli
