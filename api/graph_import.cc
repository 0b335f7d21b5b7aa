#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "api/internal/csv.h"
#include "api/internal/graph_state.h"
#include "api/internal/stream_lines.h"
#include "catalog/tick.h"
#include "document/json_codec.h"
#include "pager/status_macros.h"
#include "sheaf/graph_lines.h"
#include "sheaf/where.h"

namespace sheaf {

using document::NameTable;
using internal::CsvField;

namespace {

constexpr size_t kBadKept = 20;
constexpr uint64_t kLinesATick = 1 << 16;
// A table of names is given up when it has so many: those of a line must find room.
constexpr uint32_t kNamesKept = 2048;
constexpr size_t kKeyBytes = 96;  // of a text that calls a vertex, beside itself

using Names = absl::InlinedVector<std::string_view, 4>;

// What a vertex is called by: an id or a text.
struct Key {
  VertexId id = 0;
  std::optional<std::string_view> text;
};

// Lines of all sources are counted on; messages say which of which source it is.
class Positions {
 public:
  void BeginSource(std::string_view name, uint64_t before) {
    sources_.push_back({std::string(name), before});
  }
  // Requires: it is one of a source.
  std::string Describe(uint64_t position) const {
    auto source = sources_.end();
    do --source;
    while (source != sources_.begin() && source->before >= position);
    return absl::StrCat(source->name, source->name.empty() ? "" : ": ", "line ",
                        position - source->before);
  }
  absl::Status At(uint64_t position, const absl::Status& status) const {
    return absl::Status(status.code(),
                        absl::StrCat(Describe(position), ": ", status.message()));
  }

 private:
  struct Source {
    std::string name;
    uint64_t before;  // positions
  };
  std::vector<Source> sources_;
};

// From the texts by which vertices are called to their ids.
class VertexKeys {
 public:
  VertexKeys(const Graph* graph, const GraphImportOptions& options,
             const Positions* positions, GraphLoader* loader)
      : graph_(*graph), options_(options), positions_(*positions), loader_(*loader) {}

  // kFailedPrecondition: there are vertices, and no index to find them by.
  absl::Status Begin() {
    if (options_.vertex_key.empty()) return absl::OkStatus();
    SHEAF_ASSIGN_OR_RETURN(const uint64_t count, graph_.vertex_count());
    if (count == 0) return absl::OkStatus();
    SHEAF_ASSIGN_OR_RETURN(documents_, graph_.vertices());
    SHEAF_ASSIGN_OR_RETURN(const std::vector<IndexInfo> indexes, documents_->Indexes());
    for (const IndexInfo& index : indexes)
      if (index.definition.fields.size() == 1 && index.definition.filter.empty() &&
          index.definition.fields[0].path == options_.vertex_key)
        return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat(graph_.name(), ": vertices have no index on ", options_.vertex_key,
                     ", by which an import could find those that are there"));
  }
  absl::StatusOr<VertexId> Resolve(const Key& key, uint64_t line) {
    if (!key.text.has_value()) return key.id;
    SHEAF_ASSIGN_OR_RETURN(Entry * entry, EntryOf(*key.text, line));
    return entry->id;
  }
  // Of a vertex that is to be added. kAlreadyExists.
  absl::StatusOr<VertexId> Declare(const Key& key, uint64_t line) {
    if (!key.text.has_value()) return key.id;
    SHEAF_ASSIGN_OR_RETURN(Entry * entry, EntryOf(*key.text, line));
    if (entry->is_there)
      return absl::AlreadyExistsError(
          absl::StrCat("vertex \"", std::string(*key.text), "\" exists already"));
    entry->is_there = true;
    return entry->id;
  }
  void TakeBack(const Key& key) {
    if (key.text.has_value()) entries_.find(*key.text)->second->is_there = false;
  }
  // Those that edges named, and nothing else did.
  absl::Status AddOthers(uint64_t* created) {
    std::vector<const Entry*> others;
    for (const auto& [text, entry] : entries_)
      if (!entry->is_there) others.push_back(entry.get());
    std::sort(others.begin(), others.end(),
              [](const Entry* a, const Entry* b) { return a->id < b->id; });
    for (const Entry* other : others) {
      if (!options_.create_vertices)
        return positions_.At(other->line, absl::NotFoundError(absl::StrCat(
                                              "no vertex \"", other->text, "\"")));
      DocumentBuilder properties;
      properties->BeginObject(), properties->Name(options_.vertex_key);
      properties->String(other->text), properties->End();
      SHEAF_ASSIGN_OR_RETURN(const Document built, properties.Build());
      loader_.set_position(other->line);
      SHEAF_RETURN_IF_ERROR(loader_.AddVertex(
          other->id, absl::Span<const std::string_view>(), built.root()));
      ++*created;
    }
    return absl::OkStatus();
  }

 private:
  struct Entry {
    std::string text;
    VertexId id = 0;
    uint64_t line = 0;      // that named it first
    bool is_there = false;  // in the graph or among what is loaded
  };

  absl::StatusOr<Entry*> EntryOf(std::string_view text, uint64_t line) {
    const auto it = entries_.find(text);
    if (it != entries_.end()) return it->second.get();
    bytes_ += text.size() + kKeyBytes;
    if (bytes_ > options_.memory_bytes_max)
      return absl::ResourceExhaustedError(
          absl::StrCat("the names of ", entries_.size(), " vertices take more than ",
                       options_.memory_bytes_max, " bytes (memory_bytes_max)"));
    auto entry = std::make_unique<Entry>();
    entry->text = text;
    entry->line = line;
    if (documents_.has_value()) SHEAF_RETURN_IF_ERROR(Find(text, entry.get()));
    if (!entry->is_there) {
      next_ = std::max(next_, loader_.next_id());
      entry->id = next_++;
    }
    const std::string_view key = entry->text;
    return entries_.emplace(key, std::move(entry)).first->second.get();
  }
  absl::Status Find(std::string_view text, Entry* entry) {
    SHEAF_ASSIGN_OR_RETURN(
        DocumentCursor cursor,
        documents_->Query(Where(options_.vertex_key) == std::string(text)));
    if (cursor.Next()) {
      entry->id = static_cast<VertexId>(cursor.key().number());
      entry->is_there = true;
    }
    return cursor.status();
  }

  const Graph& graph_;
  const GraphImportOptions& options_;
  const Positions& positions_;
  GraphLoader& loader_;
  std::optional<CollectionReader> documents_;  // of a graph that has some
  absl::flat_hash_map<std::string_view, std::unique_ptr<Entry>, document::TextHash>
      entries_;  // by text
  size_t bytes_ = 0;
  VertexId next_ = 0;
};

class Importer {
 public:
  Importer(const Graph* graph, const GraphImportOptions& options,
           GraphImportCounts* counts)
      : graph_(*graph),
        options_(options),
        counts_(*counts),
        loader_(*graph, {.memory_bytes_max = options.memory_bytes_max,
                         .create_vertices = options.create_vertices,
                         .position_name = "line",
                         .progress = options.progress}),
        keys_(graph, options, &positions_, &loader_) {}

  absl::Status Run(absl::Span<const GraphSource> sources) {
    SHEAF_RETURN_IF_ERROR(keys_.Begin());
    for (const GraphSource& source : sources) {
      std::optional<internal::StreamLines> of_stream;
      LineSource* lines = source.lines;
      if (lines == nullptr && source.in != nullptr) lines = &of_stream.emplace(source.in);
      if (lines == nullptr)
        return absl::InvalidArgumentError("a source has neither lines nor a stream");
      positions_.BeginSource(source.name, line_);
      SHEAF_RETURN_IF_ERROR(source.format == GraphFormat::kCsv
                                ? ReadCsv(lines)
                                : ReadLines(source.format, lines));
    }
    uint64_t created = 0;
    SHEAF_RETURN_IF_ERROR(keys_.AddOthers(&created));
    SHEAF_RETURN_IF_ERROR(Finish());
    const GraphLoaderCounts& loaded = loader_.counts();
    counts_.vertices = loaded.vertices;
    counts_.edges = loaded.edges;
    counts_.created = loaded.created + created;
    return absl::OkStatus();
  }

 private:
  // Messages begin with the line.
  absl::Status Finish() {
    const absl::Status finished = loader_.Finish();
    const std::string at = absl::StrCat(graph_.name(), ": line ");
    const std::string message(finished.message());
    if (!message.starts_with(at)) return finished;
    const size_t end = message.find(':', at.size());
    uint64_t position = 0;
    if (!absl::SimpleAtoi(message.substr(at.size(), end - at.size()), &position))
      return finished;
    return absl::Status(finished.code(),
                        absl::StrCat(positions_.Describe(position), message.substr(end)));
  }

  // What is made of what a line gave: whether it goes on.
  absl::Status Judge(uint64_t line, const absl::Status& status) {
    if (counts_.lines % kLinesATick == 0)
      SHEAF_RETURN_IF_ERROR(catalog::Tick(options_.progress, "the import",
                                          {counts_.lines, 0, "lines read"}));
    if (status.ok()) return status;
    if (absl::IsCancelled(status) || absl::IsDeadlineExceeded(status)) return status;
    const absl::Status bad = positions_.At(line, status);
    if (!options_.skip_bad ||
        !(absl::IsInvalidArgument(status) || absl::IsAlreadyExists(status)))
      return bad;
    ++counts_.bad_lines;
    if (counts_.bad.size() < kBadKept) counts_.bad.emplace_back(bad.message());
    return absl::OkStatus();
  }

  absl::Status ReadLines(GraphFormat format, LineSource* lines) {
    while (true) {
      SHEAF_ASSIGN_OR_RETURN(const std::optional<std::string_view> line, lines->Next());
      if (!line.has_value()) return absl::OkStatus();
      ++line_, ++counts_.lines;
      const size_t begin = line->find_first_not_of(" \t\r");
      if (begin == line->npos) continue;
      loader_.set_position(line_);
      SHEAF_RETURN_IF_ERROR(Judge(line_, format == GraphFormat::kEdgeList
                                             ? AddPair(line->substr(begin))
                                             : AddJson(*line)));
    }
  }

  absl::Status AddEdge(const Key& from, const Key& to, std::string_view type,
                       double weight, const std::optional<DocumentView>& properties) {
    SHEAF_ASSIGN_OR_RETURN(const VertexId from_id, keys_.Resolve(from, line_));
    SHEAF_ASSIGN_OR_RETURN(const VertexId to_id, keys_.Resolve(to, line_));
    if (type.empty()) type = options_.type;
    return properties.has_value()
               ? loader_.AddEdge(from_id, type, to_id, weight, *properties)
               : loader_.AddEdge(from_id, type, to_id, weight);
  }

  absl::Status AddVertex(const Key& key, absl::Span<const std::string_view> labels,
                         const DocumentView& properties) {
    SHEAF_ASSIGN_OR_RETURN(const VertexId id, keys_.Declare(key, line_));
    const absl::Status added = loader_.AddVertex(id, labels, properties);
    if (!added.ok()) keys_.TakeBack(key);
    return added;
  }

  // --- Text ---

  static absl::Status NoId(std::string_view text) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", std::string(text.substr(0, 80)), "\" is no vertex id"));
  }
  absl::StatusOr<Key> KeyOf(std::string_view text) const {
    if (text.empty()) return absl::InvalidArgumentError("a vertex id is missing");
    if (!options_.vertex_key.empty()) return Key{0, text};
    Key key;
    const auto [at, error] =
        std::from_chars(text.data(), text.data() + text.size(), key.id);
    if (error != std::errc() || at != text.data() + text.size()) return NoId(text);
    return key;
  }
  static absl::StatusOr<double> WeightOf(std::string_view text) {
    double weight = 0;
    const auto [at, error] =
        std::from_chars(text.data(), text.data() + text.size(), weight);
    if (error == std::errc() && at == text.data() + text.size()) return weight;
    return absl::InvalidArgumentError(
        absl::StrCat("\"", std::string(text.substr(0, 80)), "\" is no weight"));
  }

  // Requires: it begins with no white space.
  absl::Status AddPair(std::string_view line) {
    if (line[0] == '#' || line[0] == '%') return absl::OkStatus();
    std::string_view parts[3];
    size_t n = 0;
    while (!line.empty()) {
      if (n == 3) return absl::InvalidArgumentError("has more than \"from to weight\"");
      const size_t end = std::min(line.find_first_of(" \t\r"), line.size());
      parts[n++] = line.substr(0, end);
      line.remove_prefix(std::min(line.find_first_not_of(" \t\r", end), line.size()));
    }
    if (n < 2) return absl::InvalidArgumentError("has no \"from to\"");
    SHEAF_ASSIGN_OR_RETURN(const Key from, KeyOf(parts[0]));
    SHEAF_ASSIGN_OR_RETURN(const Key to, KeyOf(parts[1]));
    double weight = 1;
    if (n == 3) {
      SHEAF_ASSIGN_OR_RETURN(weight, WeightOf(parts[2]));
    }
    return AddEdge(from, to, {}, weight, std::nullopt);
  }

  // --- CSV ---

  struct Columns {
    std::vector<std::string> names;
    std::optional<size_t> id, labels, from, to, type, weight;
    std::vector<size_t> properties;
  };

  absl::StatusOr<Columns> TakeHeader(const std::vector<CsvField>& fields) const {
    Columns columns;
    bool is_edges = false;
    for (const CsvField& field : fields) is_edges = is_edges || field.text == "from";
    for (size_t i = 0; i < fields.size(); ++i) {
      const std::string& name = fields[i].text;
      if (name.empty())
        return absl::InvalidArgumentError(absl::StrCat("column ", i + 1, " has no name"));
      for (size_t j = 0; j < i; ++j)
        if (fields[j].text == name)
          return absl::InvalidArgumentError(
              absl::StrCat("two columns are called ", name));
      columns.names.push_back(name);
      if (is_edges && name == "from")
        columns.from = i;
      else if (is_edges && name == "to")
        columns.to = i;
      else if (is_edges && name == "type")
        columns.type = i;
      else if (is_edges && name == "weight")
        columns.weight = i;
      else if (!is_edges && name == "id")
        columns.id = i;
      else if (!is_edges && name == "labels")
        columns.labels = i;
      else
        columns.properties.push_back(i);
    }
    if (columns.id.has_value() || (columns.from.has_value() && columns.to.has_value()))
      return columns;
    return absl::InvalidArgumentError("the header has neither id nor from and to");
  }

  absl::Status ReadCsv(LineSource* lines) {
    internal::CsvReader reader(lines, options_.separator);
    std::vector<CsvField> fields;
    std::optional<Columns> columns;
    const uint64_t lines_before = line_;
    while (true) {
      const absl::StatusOr<bool> more = reader.Next(&fields);
      SHEAF_RETURN_IF_ERROR(reader.status());
      counts_.lines = line_ = lines_before + reader.line();
      if (more.ok() && !*more) return absl::OkStatus();
      line_ = lines_before + reader.first_line();
      if (!columns.has_value()) {
        if (!more.ok()) return positions_.At(line_, more.status());
        absl::StatusOr<Columns> header = TakeHeader(fields);
        if (!header.ok()) return positions_.At(line_, header.status());
        columns = *std::move(header);
        continue;
      }
      loader_.set_position(line_);
      SHEAF_RETURN_IF_ERROR(
          Judge(line_, more.ok() ? AddRecord(*columns, fields) : more.status()));
    }
  }

  absl::StatusOr<Document> PropertiesOf(const Columns& columns,
                                        const std::vector<CsvField>& fields,
                                        const std::optional<Key>& key) const {
    DocumentBuilder builder;
    builder->BeginObject();
    if (key.has_value() && key->text.has_value())
      builder->Name(options_.vertex_key), builder->String(*key->text);
    for (const size_t i : columns.properties) {
      if (fields[i].text.empty() && !fields[i].quoted) continue;
      builder->Name(columns.names[i]);
      internal::WriteCsvValue(fields[i], builder.operator->());
    }
    builder->End();
    return builder.Build();
  }

  absl::Status AddRecord(const Columns& columns, const std::vector<CsvField>& fields) {
    if (fields.size() != columns.names.size())
      return absl::InvalidArgumentError(absl::StrCat(
          "has ", fields.size(), " fields; the header has ", columns.names.size()));
    const auto text = [&](const std::optional<size_t>& column) {
      return column.has_value() ? std::string_view(fields[*column].text)
                                : std::string_view();
    };
    if (columns.id.has_value()) {
      SHEAF_ASSIGN_OR_RETURN(const Key key, KeyOf(text(columns.id)));
      Names labels;
      for (std::string_view left = text(columns.labels); !left.empty();) {
        const std::string_view label = left.substr(0, left.find(';'));
        if (!label.empty()) labels.push_back(label);
        left.remove_prefix(std::min(label.size() + 1, left.size()));
      }
      SHEAF_ASSIGN_OR_RETURN(const Document properties,
                             PropertiesOf(columns, fields, key));
      return AddVertex(key, labels, properties.root());
    }
    SHEAF_ASSIGN_OR_RETURN(const Key from, KeyOf(text(columns.from)));
    SHEAF_ASSIGN_OR_RETURN(const Key to, KeyOf(text(columns.to)));
    double weight = 1;
    if (!text(columns.weight).empty()) {
      SHEAF_ASSIGN_OR_RETURN(weight, WeightOf(text(columns.weight)));
    }
    if (columns.properties.empty())
      return AddEdge(from, to, text(columns.type), weight, std::nullopt);
    SHEAF_ASSIGN_OR_RETURN(const Document properties,
                           PropertiesOf(columns, fields, std::nullopt));
    return AddEdge(from, to, text(columns.type), weight, properties.root());
  }

  // --- JSON ---

  struct Line {
    std::optional<DocumentView> id, labels, from, to, type, weight, ordinal, properties;
  };

  static absl::Status Wrong(std::string_view field, const char* what) {
    return absl::InvalidArgumentError(
        absl::StrCat("the field ", std::string(field), " is not ", what));
  }

  static absl::StatusOr<Line> Fields(const DocumentView& object) {
    if (object.kind() != DocumentKind::kObject)
      return absl::InvalidArgumentError("is no object");
    Line line;
    const std::pair<std::string_view, std::optional<DocumentView>*> known[] = {
        {"id", &line.id},           {"labels", &line.labels},
        {"from", &line.from},       {"to", &line.to},
        {"type", &line.type},       {"weight", &line.weight},
        {"ordinal", &line.ordinal}, {"properties", &line.properties}};
    for (document::ObjectCursor c = object.fields(); c.Valid(); c.Next()) {
      const auto* const at = std::find_if(std::begin(known), std::end(known),
                                          [&](auto& k) { return k.first == c.name(); });
      if (at == std::end(known))
        return absl::InvalidArgumentError(absl::StrCat(
            "the field ", std::string(c.name().substr(0, 80)), " has no meaning"));
      *at->second = c.value();
    }
    const bool is_edge = line.from.has_value() && line.to.has_value();
    if (line.id.has_value() == is_edge || line.from.has_value() != line.to.has_value())
      return absl::InvalidArgumentError("needs either id or from and to");
    if (is_edge ? line.labels.has_value()
                : line.type.has_value() || line.weight.has_value() ||
                      line.ordinal.has_value())
      return absl::InvalidArgumentError("has fields of a vertex and of an edge");
    if (line.properties.has_value() && line.properties->kind() != DocumentKind::kObject)
      return Wrong("properties", "an object");
    return line;
  }

  absl::StatusOr<Key> KeyOf(std::string_view field, const DocumentView& value) const {
    if (value.kind() == DocumentKind::kInt && value.int_value() >= 0)
      return Key{static_cast<VertexId>(value.int_value()), {}};
    if (value.kind() == DocumentKind::kString && !options_.vertex_key.empty())
      return Key{0, value.string_value()};
    return Wrong(field,
                 options_.vertex_key.empty() ? "a vertex id" : "a vertex id or a text");
  }
  static absl::StatusOr<double> WeightOf(const DocumentView& value) {
    switch (value.kind()) {
      case DocumentKind::kInt:
        return static_cast<double>(value.int_value());
      case DocumentKind::kUint:
        return static_cast<double>(value.uint_value());
      case DocumentKind::kDouble:
        return value.double_value();
      default:
        return Wrong("weight", "a number");
    }
  }

  absl::Status AddJson(std::string_view text) {
    if (!names_.has_value() || names_->size() > kNamesKept) names_.emplace();
    SHEAF_ASSIGN_OR_RETURN(const std::string bytes,
                           document::JsonToBinary(text, &*names_));
    SHEAF_ASSIGN_OR_RETURN(const Line line, Fields(document::RootOf(bytes, *names_)));
    return line.id.has_value() ? AddVertexOf(line) : AddEdgeOf(line);
  }

  absl::Status AddVertexOf(const Line& line) {
    SHEAF_ASSIGN_OR_RETURN(const Key key, KeyOf("id", *line.id));
    Names labels;
    if (line.labels.has_value()) {
      if (line.labels->kind() != DocumentKind::kArray) return Wrong("labels", "an array");
      for (document::ArrayCursor c = line.labels->elements(); c.Valid(); c.Next()) {
        if (c.value().kind() != DocumentKind::kString)
          return Wrong("labels", "an array of texts");
        labels.push_back(c.value().string_value());
      }
    }
    DocumentBuilder builder;
    builder->BeginObject();
    if (key.text.has_value())
      builder->Name(options_.vertex_key), builder->String(*key.text);
    if (line.properties.has_value())
      for (document::ObjectCursor c = line.properties->fields(); c.Valid(); c.Next()) {
        if (key.text.has_value() && c.name() == options_.vertex_key) continue;
        builder->CopyName(c);
        builder->Copy(c.value());
      }
    builder->End();
    SHEAF_ASSIGN_OR_RETURN(const Document properties, builder.Build());
    return AddVertex(key, labels, properties.root());
  }

  absl::Status AddEdgeOf(const Line& line) {
    SHEAF_ASSIGN_OR_RETURN(const Key from, KeyOf("from", *line.from));
    SHEAF_ASSIGN_OR_RETURN(const Key to, KeyOf("to", *line.to));
    if (line.type.has_value() && line.type->kind() != DocumentKind::kString)
      return Wrong("type", "a text");
    double weight = 1;
    if (line.weight.has_value()) {
      SHEAF_ASSIGN_OR_RETURN(weight, WeightOf(*line.weight));
    }
    return AddEdge(from, to,
                   line.type.has_value() ? line.type->string_value() : std::string_view(),
                   weight, line.properties);
  }

  const Graph& graph_;
  const GraphImportOptions& options_;
  GraphImportCounts& counts_;
  Positions positions_;
  GraphLoader loader_;
  VertexKeys keys_;
  std::optional<NameTable> names_;  // of lines of JSON
  uint64_t line_ = 0;               // of all sources together
};

}  // namespace

absl::Status ImportGraph(const Graph& graph, absl::Span<const GraphSource> sources,
                         const GraphImportOptions& options, GraphImportCounts* counts) {
  *counts = {};
  return Importer(&graph, options, counts).Run(sources);
}

absl::Status ImportGraph(Database* db, std::string_view graph,
                         absl::Span<const GraphSource> sources,
                         const GraphImportOptions& options, GraphImportCounts* counts) {
  *counts = {};
  SHEAF_ASSIGN_OR_RETURN(WriteTransaction txn, db->BeginWrite());
  SHEAF_ASSIGN_OR_RETURN(const Graph opened, txn.graph(graph, options.graph));
  SHEAF_RETURN_IF_ERROR(ImportGraph(opened, sources, options, counts));
  return txn.Commit();
}

absl::Status ImportGraph(Database* db, std::string_view graph,
                         std::initializer_list<GraphSource> sources,
                         const GraphImportOptions& options, GraphImportCounts* counts) {
  return ImportGraph(db, graph, absl::MakeConstSpan(sources.begin(), sources.size()),
                     options, counts);
}

}  // namespace sheaf
