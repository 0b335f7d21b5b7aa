// find, count, export: documents by a filter.
#include <ostream>
#include <set>

#include "cli/commands.h"
#include "cli/failure.h"
#include "cli/rows.h"
#include "cli/text.h"

namespace sheaf::cli {
namespace {

// What is wrong with a filter, an update or an option is the user's.
absl::Status QueryError(const Arguments& args, const absl::Status& status) {
  return absl::IsNotFound(status) ? NameError(args, status) : At(args.file, status);
}

std::string JsonOf(const DocumentView& value) {
  absl::StatusOr<std::string> json = ToJson(value);
  return json.ok() ? *std::move(json) : std::string(json.status().message());
}

std::vector<std::string> Parts(std::string_view fields) {
  std::vector<std::string> parts;
  while (!fields.empty()) {
    const size_t comma = std::min(fields.find(','), fields.size());
    parts.emplace_back(fields.substr(0, comma));
    fields.remove_prefix(std::min(comma + 1, fields.size()));
  }
  return parts;
}

// A table is as wide as the widest of so many rows; then another one follows.
constexpr size_t kRowsOfATable = 500;

absl::Status FindTable(Session& session, const CollectionReader& collection,
                       const QueryOptions& options) {
  const std::vector<std::string> fields = Parts(session.args.columns);
  std::vector<std::string> titles = {"key"};
  for (const std::string& field : fields) titles.push_back(Printable(field));
  const uint64_t width =
      session.out.is_terminal()
          ? std::max<uint64_t>(10, session.out.columns() / titles.size()) - 2
          : 0;
  SHEAF_ASSIGN_OR_RETURN(DocumentCursor cursor,
                         collection.Query(session.args.filter, options));
  for (bool more = true; more && session.out.ok();) {
    std::vector<std::vector<std::string>> rows;
    std::vector<Align> alignment(titles.size(), Align::kRight);
    while (rows.size() < kRowsOfATable && (more = cursor.Next())) {
      std::vector<std::string>& row = rows.emplace_back();
      row.push_back(Shortened(KeyText(cursor.key()), width));
      if (!cursor.key().is_number()) alignment[0] = Align::kLeft;
      for (size_t i = 0; i < fields.size(); ++i) {
        const auto value = FindPath(cursor.document(), fields[i]);
        const bool is_text = value.has_value() && value->kind() == DocumentKind::kString;
        if (value.has_value() && !value->is_number()) alignment[i + 1] = Align::kLeft;
        row.push_back(Shortened(!value.has_value() ? ""
                                : is_text ? Beginning(value->string_value(), session.out)
                                          : Beginning(JsonOf(*value), session.out),
                                width));
      }
    }
    TextTable table(alignment);
    table.SetHeader(titles);
    for (std::vector<std::string>& row : rows) table.AddRow(std::move(row));
    if (!rows.empty()) table.Print(session.out);
  }
  return cursor.status();
}

absl::Status FindDocuments(Session& session, const ReadTransaction& read,
                           const CollectionReader& collection,
                           const QueryOptions& options) {
  const Arguments& args = session.args;
  const std::vector<std::string> expanded = Parts(args.expand);
  SHEAF_ASSIGN_OR_RETURN(DocumentCursor cursor, collection.Query(args.filter, options));
  {
    RowPrinter rows(session.out);
    while (session.out.ok() && cursor.Next()) {
      if (args.explains) continue;
      if (args.keys_only) {
        session.out.WriteLine(args.is_json ? Dump(KeyJson(cursor.key()))
                                           : KeyText(cursor.key()));
        continue;
      }
      SHEAF_ASSIGN_OR_RETURN(
          const std::string json,
          expanded.empty() ? cursor.Json() : Expand(read, cursor.document(), expanded));
      if (args.is_json)
        session.out.WriteLine(json);
      else
        rows.Add(KeyText(cursor.key()), Beginning(json, session.out));
    }
  }
  SHEAF_RETURN_IF_ERROR(cursor.status());
  if (args.explains && args.is_json) session.out.WriteLine(cursor.ExplainJson());
  if (args.explains && !args.is_json) session.out.Write(cursor.Explain());
  return absl::OkStatus();
}

absl::Status FindValues(Session& session, const CollectionReader& collection,
                        const QueryOptions& options) {
  const Arguments& args = session.args;
  const auto print = [&](const DocumentView& value) {
    session.out.WriteLine(args.is_json ? JsonOf(value)
                                       : Beginning(JsonOf(value), session.out));
  };
  return args.group.empty()
             ? collection.Distinct(args.distinct, args.filter, print, options)
             : collection.Group(args.group, args.filter, print, options);
}

// What must be read for the columns: of an element of an array all of it.
std::string ColumnsJson(std::string_view columns) {
  std::set<std::string> paths;
  for (std::string path : Parts(columns)) {
    for (size_t dot = path.find('.'); dot != path.npos; dot = path.find('.', dot + 1))
      if (dot + 1 < path.size() && path[dot + 1] >= '0' && path[dot + 1] <= '9')
        path.resize(dot);
    paths.insert(path);
  }
  Json json = Json::object();
  for (const std::string& path : paths) {
    // One inside another comes with it.
    bool is_inside = false;
    for (size_t dot = path.find('.'); dot != path.npos; dot = path.find('.', dot + 1))
      is_inside = is_inside || paths.contains(path.substr(0, dot));
    if (!is_inside) json[path] = 1;
  }
  return Dump(json);
}

absl::StatusOr<std::unique_ptr<Database>> OpenToRead(const Arguments& args) {
  return OpenFile(args, OpenFor::kReading);
}

}  // namespace

std::string FieldsJson(std::string_view fields, std::string_view minus) {
  if (fields.empty() || fields[0] == '{') return std::string(fields);
  Json json = Json::object();
  for (const std::string& field : Parts(fields)) {
    const bool is_minus = field.starts_with('-');
    json[is_minus ? field.substr(1) : field] = is_minus ? Json::parse(minus) : Json(1);
  }
  return Dump(json);
}

QueryOptions QueryOptionsOf(const Arguments& args) {
  QueryOptions options;
  options.sort = FieldsJson(args.sort, "-1");
  options.project =
      args.columns.empty() ? FieldsJson(args.project, "0") : ColumnsJson(args.columns);
  options.skip = args.skip;
  options.limit = args.limit;
  options.index = args.index_name;
  if (args.timeout_seconds > 0)
    options.progress.deadline = absl::Now() + absl::Seconds(args.timeout_seconds);
  return options;
}

CommandResult Find(Session& session) {
  const Arguments& args = session.args;
  const QueryOptions options = QueryOptionsOf(args);
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenToRead(args));
  const ReadTransaction read = db->BeginRead();
  const auto collection = read.collection(args.collection);
  if (!collection.ok()) return NameError(args, collection.status());
  const bool shows_values = !args.group.empty() || !args.distinct.empty();
  const bool is_table = !args.columns.empty() && !args.is_json && !args.explains;
  const absl::Status found = shows_values ? FindValues(session, *collection, options)
                             : is_table
                                 ? FindTable(session, *collection, options)
                                 : FindDocuments(session, read, *collection, options);
  if (!found.ok()) return QueryError(args, found);
  return kExitOk;
}

CommandResult Count(Session& session) {
  const Arguments& args = session.args;
  const QueryOptions options = QueryOptionsOf(args);
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenToRead(args));
  const ReadTransaction read = db->BeginRead();
  const auto collection = read.collection(args.collection);
  if (!collection.ok()) return NameError(args, collection.status());
  const absl::StatusOr<uint64_t> count = collection->Count(args.filter, options);
  if (!count.ok()) return QueryError(args, count.status());
  session.out.WriteLine(args.is_json ? Dump({{"count", *count}})
                                     : std::to_string(*count));
  return kExitOk;
}

CommandResult Export(Session& session) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenToRead(args));
  const ReadTransaction read = db->BeginRead();
  const auto collection = read.collection(args.collection);
  if (!collection.ok()) return NameError(args, collection.status());
  ProgressLine progress(session.err);
  uint64_t documents = 0;
  ExportOptions options;
  options.filter = args.filter;
  options.key_field = args.key_field;
  options.progress.report = [&](const Progress::State&) {
    if (progress.IsDue()) progress.Show(Thousands(documents) + " documents");
    return true;
  };
  OutputBuffer buffer(&session.out);
  std::ostream stream(&buffer);
  const absl::Status status = ExportJsonLines(*collection, stream, options, &documents);
  // main.cc says why nothing more can be written.
  if (!status.ok() && session.out.ok()) return QueryError(args, status);
  return kExitOk;
}

}  // namespace sheaf::cli
