#include "document/index.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "document/filter.h"
#include "document/index_key.h"
#include "document/json.h"
#include "document/json_codec.h"
#include "document/path.h"
#include "pager/status_macros.h"

namespace sheaf {

using document::Kind;
using document::ObjectCursor;
using document::View;

namespace {

constexpr size_t kNameBytesMax = 120, kFilterBytesMax = 16 << 10;

absl::Status WrongIndex(std::string_view field, std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("index: ", std::string(field), ": ", std::string(what)));
}

absl::Status CheckPath(const std::string& text) {
  if (text == document::kKeyPath || text.starts_with("_id."))
    return WrongIndex("fields",
                      "\"_id\" is the key, by which the collection itself is ordered");
  const absl::Status parsed = document::Path::Parse(text).status();
  if (!parsed.ok()) return WrongIndex("fields", std::string(parsed.message()));
  return document::IsValidUtf8(text) ? parsed
                                     : WrongIndex("fields", "a path is not valid UTF-8");
}

absl::Status ParseFields(const View& fields, IndexDefinition* out) {
  if (fields.kind() != Kind::kObject)
    return WrongIndex("fields", "expected an object like {\"author\": 1, \"year\": -1}");
  for (ObjectCursor c = fields.fields(); c.Valid(); c.Next()) {
    const bool is_direction = c.value().kind() == Kind::kInt &&
                              (c.value().int_value() == 1 || c.value().int_value() == -1);
    if (!is_direction)
      return WrongIndex("fields", absl::StrCat("the direction of \"",
                                               std::string(c.name()), "\" is 1 or -1"));
    out->fields.push_back({std::string(c.name()), c.value().int_value() < 0});
  }
  return absl::OkStatus();
}

absl::Status ParseField(std::string_view name, const View& value, IndexDefinition* out) {
  if (name == "fields") return ParseFields(value, out);
  if (name == "name") {
    if (value.kind() != Kind::kString) return WrongIndex("name", "expected a string");
    out->name = std::string(value.string_value());
    return absl::OkStatus();
  }
  if (name == "unique" || name == "sparse") {
    if (value.kind() != Kind::kBool) return WrongIndex(name, "expected true or false");
    (name == "unique" ? out->unique : out->sparse) = value.bool_value();
    return absl::OkStatus();
  }
  if (name != "filter")
    return WrongIndex(name,
                      "there is no such setting; there are name, fields, unique, sparse "
                      "and filter");
  if (value.kind() != Kind::kObject) return WrongIndex("filter", "expected an object");
  return document::AppendJson(value, &out->filter);
}

}  // namespace

absl::Status IndexDefinition::Complete() {
  if (fields.empty()) return WrongIndex("fields", "there is none");
  if (fields.size() > kIndexFieldsMax)
    return WrongIndex("fields",
                      absl::StrCat("at most ", kIndexFieldsMax, " are possible"));
  for (const IndexField& field : fields) SHEAF_RETURN_IF_ERROR(CheckPath(field.path));
  for (auto it = fields.begin(); it != fields.end(); ++it) {
    const bool is_twice = std::any_of(it + 1, fields.end(), [&](const IndexField& other) {
      return other.path == it->path;
    });
    if (is_twice)
      return WrongIndex("fields", absl::StrCat("\"", it->path, "\" is there twice"));
  }
  if (filter.size() > kFilterBytesMax)
    return WrongIndex("filter", absl::StrCat("it has over ", kFilterBytesMax, " bytes"));
  if (!filter.empty()) {
    const absl::StatusOr<document::Filter> parsed = document::Filter::Parse(filter);
    if (!parsed.ok()) return WrongIndex("filter", std::string(parsed.status().message()));
    if (parsed->UsesKey())
      return WrongIndex("filter", "\"_id\" is the key, and no field");
    // One text of those that mean the same.
    document::NameTable names;
    SHEAF_ASSIGN_OR_RETURN(const std::string bytes,
                           document::JsonToBinary(filter, &names));
    SHEAF_ASSIGN_OR_RETURN(filter, document::BinaryToJson(bytes, names));
  }
  if (name.empty()) {
    for (const IndexField& f : fields)
      absl::StrAppend(&name, name.empty() ? "" : "_", f.path,
                      f.descending ? "_-1" : "_1");
    if (name.size() > kNameBytesMax)
      return WrongIndex("name", "the one that its fields give is too long; choose one");
  }
  if (name.size() > kNameBytesMax || !document::IsValidUtf8(name) ||
      std::any_of(name.begin(), name.end(), [](char c) { return c >= 0 && c < ' '; }))
    return WrongIndex("name", absl::StrCat("expected 1 to ", kNameBytesMax,
                                           " bytes of UTF-8 without control characters"));
  return absl::OkStatus();
}

absl::StatusOr<IndexDefinition> IndexDefinition::Parse(std::string_view json) {
  document::NameTable names;
  document::JsonLimits limits;
  limits.depth_max = 100;
  limits.bytes_max = 64 << 10;
  absl::StatusOr<std::string> bytes = document::JsonToBinary(json, &names, limits);
  if (!bytes.ok())
    return absl::InvalidArgumentError(absl::StrCat("index: ", bytes.status().message()));
  const View root = document::RootOf(*bytes, names);
  IndexDefinition definition;
  if (root.kind() != Kind::kObject)
    return absl::InvalidArgumentError("index: expected an object with \"fields\"");
  for (ObjectCursor c = root.fields(); c.Valid(); c.Next())
    SHEAF_RETURN_IF_ERROR(ParseField(c.name(), c.value(), &definition));
  SHEAF_RETURN_IF_ERROR(definition.Complete());
  return definition;
}

std::string IndexDefinition::ToJson() const {
  std::string json = "{\"name\":";
  document::AppendJsonString(name, &json);
  absl::StrAppend(&json, ",\"fields\":{");
  for (const IndexField& field : fields) {
    if (json.back() != '{') json.push_back(',');
    document::AppendJsonString(field.path, &json);
    absl::StrAppend(&json, field.descending ? ":-1" : ":1");
  }
  absl::StrAppend(&json, "}", unique ? ",\"unique\":true" : "",
                  sparse ? ",\"sparse\":true" : "");
  if (!filter.empty()) absl::StrAppend(&json, ",\"filter\":", filter);
  return json.append("}");
}

// --- IndexValue ---------------------------------------------------------------

namespace {

template <class Write>
std::string KeyOfWritten(Write write) {
  document::NameTable names;
  document::Writer writer(&names);
  write(&writer);
  const absl::StatusOr<std::string> bytes = writer.Finish();
  std::string key;
  document::AppendIndexKey(bytes.ok() ? document::RootOf(*bytes, names) : View::Null(),
                           &key);
  return key;
}

}  // namespace

std::string IndexValue::KeyOf(int64_t value) {
  return KeyOfWritten([&](document::Writer* w) { w->Int(value); });
}
std::string IndexValue::KeyOf(uint64_t value) {
  return KeyOfWritten([&](document::Writer* w) { w->Uint(value); });
}
IndexValue::IndexValue(bool value)
    : key_(KeyOfWritten([&](document::Writer* w) { w->Bool(value); })) {}
IndexValue::IndexValue(double value)
    : key_(KeyOfWritten([&](document::Writer* w) { w->Double(value); })) {}
IndexValue::IndexValue(std::nullptr_t) { document::AppendIndexKey(View::Null(), &key_); }
IndexValue::IndexValue(std::string_view text) : key_(document::KeyOfString(text)) {}
IndexValue::IndexValue(absl::Time time)
    : key_(KeyOfWritten(
          [&](document::Writer* w) { w->Timestamp(absl::ToUnixMicros(time)); })) {}
IndexValue::IndexValue(const View& value) { document::AppendIndexKey(value, &key_); }

}  // namespace sheaf
