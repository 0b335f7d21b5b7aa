#include "sheaf/reference.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/internal/handles.h"
#include "document/json.h"
#include "document/json_codec.h"
#include "pager/status_macros.h"

namespace sheaf {
namespace {

using document::AppendJson;
using document::AppendJsonString;
using Json = absl::StatusOr<std::optional<std::string>>;

// --- Parsing --------------------------------------------------------------------

absl::Status Wrong(const DocumentView& value, std::string_view what) {
  std::string json;
  if (!AppendJson(value, &json).ok()) json = "a damaged value";
  if (json.size() > 200) json = json.substr(0, 200) + "…";
  return absl::InvalidArgumentError(
      absl::StrCat("reference ", json, ": ", std::string(what)));
}

std::optional<std::string> TextOf(const std::optional<DocumentView>& value) {
  if (!value.has_value() || value->kind() != DocumentKind::kString) return std::nullopt;
  return std::string(value->string_value());
}

std::optional<VertexId> VertexOf(const std::optional<DocumentView>& value) {
  if (!value.has_value() || value->kind() != DocumentKind::kInt) return std::nullopt;
  const int64_t id = value->int_value();
  if (id < 0 || static_cast<VertexId>(id) >= kVertexIdEnd) return std::nullopt;
  return static_cast<VertexId>(id);
}

// Sixteen bytes are a UUID: documents do not tell the two apart.
std::optional<DocumentKey> KeyOf(const std::optional<DocumentView>& value) {
  if (!value.has_value()) return std::nullopt;
  std::optional<DocumentKey> key = internal::KeyOf(*value);
  Uuid uuid;
  if (!key.has_value() || !key->is_bytes() || key->bytes().size() != uuid.bytes.size())
    return key;
  std::copy(key->bytes().begin(), key->bytes().end(), uuid.bytes.begin());
  return DocumentKey(uuid);
}

std::optional<EdgeId> EdgeOf(const DocumentView& edge) {
  const auto from = VertexOf(edge.Field("from")), to = VertexOf(edge.Field("to"));
  const auto type = TextOf(edge.Field("type"));
  const std::optional<DocumentView> number = edge.Field("ordinal");
  const auto ordinal = number.has_value() ? VertexOf(number) : VertexId{0};
  if (!from.has_value() || !to.has_value() || !type.has_value() || !ordinal.has_value() ||
      *ordinal > UINT32_MAX)
    return std::nullopt;
  return EdgeId{*from, *type, *to, static_cast<uint32_t>(*ordinal)};
}

// --- Following ------------------------------------------------------------------

// Of what must be there to be read; none where it is not.
template <class T>
absl::StatusOr<std::optional<T>> IfThere(absl::StatusOr<T> value) {
  if (value.ok()) return std::optional<T>(*std::move(value));
  if (absl::IsNotFound(value.status())) return std::optional<T>();
  return value.status();
}

Json Find(const CollectionReader& collection, const DocumentKey& key) {
  SHEAF_ASSIGN_OR_RETURN(std::optional<std::string> json, collection.Find(key));
  if (json.has_value() || !key.is_uuid()) return json;
  // A document does not tell a UUID from other bytes.
  const auto& uuid = key.uuid().bytes;
  return collection.Find(
      DocumentKey::Bytes({reinterpret_cast<const char*>(uuid.data()), uuid.size()}));
}

Json Find(const GraphReader& graph, VertexId id) {
  SHEAF_ASSIGN_OR_RETURN(const std::optional<Vertex> vertex, graph.Find(id));
  if (!vertex.has_value()) return std::optional<std::string>();
  std::string json = absl::StrCat("{\"id\":", id, ",\"labels\":[");
  for (const std::string& label : vertex->labels) {
    if (json.back() != '[') json.push_back(',');
    AppendJsonString(label, &json);
  }
  return absl::StrCat(json, "],\"properties\":", vertex->properties, "}");
}

Json Find(const GraphReader& graph, const EdgeId& id) {
  SHEAF_ASSIGN_OR_RETURN(const std::optional<Edge> edge, graph.FindEdge(id));
  if (!edge.has_value()) return std::optional<std::string>();
  std::string json = absl::StrCat("{\"from\":", id.from, ",\"type\":");
  AppendJsonString(id.type, &json);
  absl::StrAppend(&json, ",\"to\":", id.to, ",\"ordinal\":", id.ordinal, ",\"weight\":");
  document::AppendJsonDouble(edge->weight, &json);
  return absl::StrCat(json, ",\"properties\":", edge->properties, "}");
}

Json Find(const TableReader& table, const Reference::RowKey& key) {
  SHEAF_ASSIGN_OR_RETURN(const std::optional<Value> value, table.Find(key.bytes));
  if (!value.has_value()) return std::optional<std::string>();
  DocumentBuilder builder;
  if (document::IsValidUtf8(value->view()))
    builder->String(value->view());
  else
    builder->Bytes(value->view());
  SHEAF_ASSIGN_OR_RETURN(const Document document, builder.Build());
  SHEAF_ASSIGN_OR_RETURN(std::string json, document.ToJson());
  return std::optional<std::string>(std::move(json));
}

template <class Reader, class Target>
Json FindIn(const absl::StatusOr<std::optional<Reader>>& reader, const Target& target) {
  SHEAF_RETURN_IF_ERROR(reader.status());
  if (!reader->has_value()) return std::optional<std::string>();
  return Find(**reader, target);
}

// --- Expanding ------------------------------------------------------------------

using PathsLeft =
    std::vector<std::string_view>;  // what is left of them; empty: it ends here

class Expander {
 public:
  explicit Expander(const ReadTransaction& txn) : txn_(txn) {}

  absl::Status Write(const DocumentView& value, const PathsLeft& paths,
                     std::string* out) {
    if (paths.empty()) return Bounded(AppendJson(value, out), *out);
    if (value.kind() == DocumentKind::kArray) return WriteArray(value, paths, out);
    if (value.kind() != DocumentKind::kObject)
      return Bounded(AppendJson(value, out), *out);
    SHEAF_ASSIGN_OR_RETURN(const std::optional<Reference> reference,
                           ParseReference(value));
    if (!reference.has_value()) return WriteObject(value, paths, out);
    SHEAF_ASSIGN_OR_RETURN(const std::optional<std::string> json,
                           Follow(txn_, *reference));
    if (!json.has_value()) return Bounded(AppendJson(value, out), *out);
    SHEAF_ASSIGN_OR_RETURN(const Document found, Document::FromJson(*json));
    PathsLeft inside;
    for (const std::string_view path : paths)
      if (!path.empty()) inside.push_back(path);
    return Write(found.root(), inside, out);
  }

 private:
  absl::Status WriteArray(const DocumentView& array, const PathsLeft& paths,
                          std::string* out) {
    char before = '[';
    for (document::ArrayCursor c = array.elements(); c.Valid(); c.Next()) {
      out->push_back(std::exchange(before, ','));
      SHEAF_RETURN_IF_ERROR(Write(c.value(), paths, out));
    }
    out->append(before == '[' ? "[]" : "]");
    return absl::OkStatus();
  }

  absl::Status WriteObject(const DocumentView& object, const PathsLeft& paths,
                           std::string* out) {
    char before = '{';
    for (document::ObjectCursor c = object.fields(); c.Valid(); c.Next()) {
      if (c.value().is_damaged()) return AppendJson(c.value(), out);
      out->push_back(std::exchange(before, ','));
      AppendJsonString(c.name(), out);
      out->push_back(':');
      PathsLeft inside;
      for (const std::string_view path : paths) {
        const size_t dot = std::min(path.find('.'), path.size());
        if (!path.empty() && path.substr(0, dot) == c.name())
          inside.push_back(path.substr(std::min(dot + 1, path.size())));
      }
      SHEAF_RETURN_IF_ERROR(Write(c.value(), inside, out));
    }
    out->append(before == '{' ? "{}" : "}");
    return absl::OkStatus();
  }

  static absl::Status Bounded(absl::Status status, const std::string& out) {
    if (!status.ok() || out.size() <= document::kDocumentBytesMax) return status;
    return absl::ResourceExhaustedError(
        "the document with what its references lead to is larger than 64 MiB");
  }

  const ReadTransaction& txn_;
};

}  // namespace

absl::StatusOr<std::optional<Reference>> ParseReference(const DocumentView& value) {
  if (value.kind() != DocumentKind::kObject) return std::optional<Reference>();
  const auto collection = value.Field("$ref"), graph = value.Field("$graph"),
             table = value.Field("$table");
  if (!collection.has_value() && !graph.has_value() && !table.has_value())
    return std::optional<Reference>();
  const auto name = TextOf(collection.has_value() ? collection
                           : graph.has_value()    ? graph
                                                  : table);
  if (!name.has_value()) return Wrong(value, "the name in it is no text");
  if (collection.has_value()) {
    const std::optional<DocumentKey> key = KeyOf(value.Field("$id"));
    if (key.has_value()) return Reference{*name, *key};
    return Wrong(value, "$id must be text, a 64-bit integer, $uuid or $binary");
  }
  if (table.has_value()) {
    const std::optional<DocumentView> key = value.Field("$key");
    if (const auto text = TextOf(key)) return Reference{*name, Reference::RowKey{*text}};
    if (key.has_value() && key->kind() == DocumentKind::kBytes)
      return Reference{*name, Reference::RowKey{std::string(key->bytes_value())}};
    return Wrong(value, "$key must be text or $binary");
  }
  if (const std::optional<DocumentView> edge = value.Field("$edge")) {
    if (const std::optional<EdgeId> id = EdgeOf(*edge)) return Reference{*name, *id};
    return Wrong(value, "$edge must have from, type and to, and may have ordinal");
  }
  const std::optional<VertexId> vertex = VertexOf(value.Field("$vertex"));
  if (vertex.has_value()) return Reference{*name, *vertex};
  return Wrong(value, "$vertex must be the id of a vertex, or there be $edge");
}

absl::StatusOr<std::string> Reference::ToJson() const {
  DocumentBuilder b;
  const auto name_as = [&](std::string_view field) { b->Name(field), b->String(name); };
  b->BeginObject();
  if (const auto* key = std::get_if<DocumentKey>(&target)) {
    name_as("$ref"), b->Name("$id");
    if (key->is_number())
      b->Int(key->number());
    else if (key->is_text())
      b->String(key->text());
    else if (key->is_bytes())
      b->Bytes(key->bytes());
    else
      b->Bytes({reinterpret_cast<const char*>(key->uuid().bytes.data()),
                key->uuid().bytes.size()});
  } else if (const auto* row = std::get_if<RowKey>(&target)) {
    name_as("$table"), b->Name("$key");
    if (document::IsValidUtf8(row->bytes))
      b->String(row->bytes);
    else
      b->Bytes(row->bytes);
  } else if (const auto* edge = std::get_if<EdgeId>(&target)) {
    name_as("$graph"), b->Name("$edge"), b->BeginObject();
    b->Name("from"), b->Uint(edge->from), b->Name("type"), b->String(edge->type);
    b->Name("to"), b->Uint(edge->to), b->Name("ordinal"), b->Uint(edge->ordinal);
    b->End();
  } else {
    name_as("$graph"), b->Name("$vertex"), b->Uint(std::get<VertexId>(target));
  }
  b->End();
  SHEAF_ASSIGN_OR_RETURN(const Document document, b.Build());
  return document.ToJson();
}

absl::StatusOr<std::optional<std::string>> Follow(const ReadTransaction& txn,
                                                  const Reference& reference) {
  const std::string& name = reference.name;
  if (const auto* key = std::get_if<DocumentKey>(&reference.target))
    return FindIn(IfThere(txn.collection(name)), *key);
  if (const auto* row = std::get_if<Reference::RowKey>(&reference.target))
    return FindIn(IfThere(txn.table(name)), *row);
  if (const auto* edge = std::get_if<EdgeId>(&reference.target))
    return FindIn(IfThere(txn.graph(name)), *edge);
  return FindIn(IfThere(txn.graph(name)), std::get<VertexId>(reference.target));
}

absl::StatusOr<std::string> Expand(const ReadTransaction& txn,
                                   const DocumentView& document,
                                   absl::Span<const std::string> paths) {
  PathsLeft all;
  for (const std::string& path : paths) {
    if (static_cast<size_t>(std::count(path.begin(), path.end(), '.')) >=
        document::kDepthMax)
      return absl::InvalidArgumentError("a path has more than 1,000 parts");
    if (path.empty() || path.front() == '.' || path.back() == '.' ||
        path.find("..") != path.npos)
      return absl::InvalidArgumentError(
          absl::StrCat("the path \"", path, "\" has an empty part"));
    all.push_back(path);
  }
  std::string json;
  SHEAF_RETURN_IF_ERROR(Expander(txn).Write(document, all, &json));
  return json;
}

}  // namespace sheaf
