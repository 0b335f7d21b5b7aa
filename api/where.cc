#include "sheaf/where.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "document/json_codec.h"

namespace sheaf {

using document::AppendJsonString;

namespace {

std::string Quoted(std::string_view text) {
  std::string json;
  AppendJsonString(text, &json);
  return json;
}

std::string ListOf(std::initializer_list<FilterValue> values) {
  std::string json = "[";
  for (const FilterValue& value : values)
    absl::StrAppend(&json, json.size() > 1 ? "," : "", value.json());
  return json + "]";
}

Condition Join(std::string_view op, const Condition& a, const Condition& b) {
  return Condition(
      absl::StrCat("{\"", std::string(op), "\":[", a.json(), ",", b.json(), "]}"));
}

}  // namespace

FilterValue::Raw FilterValue::Signed(int64_t value) { return {absl::StrCat(value)}; }
FilterValue::Raw FilterValue::Unsigned(uint64_t value) { return {absl::StrCat(value)}; }
FilterValue::FilterValue(bool value) : json_(value ? "true" : "false") {}
FilterValue::FilterValue(double value) {
  if (std::isfinite(value))
    document::AppendJsonDouble(value, &json_);
  else
    json_ = absl::StrCat("{\"$numberDouble\":\"",
                         std::isnan(value) ? "NaN"
                         : value < 0       ? "-Infinity"
                                           : "Infinity",
                         "\"}");
}
FilterValue::FilterValue(std::nullptr_t) : json_("null") {}
FilterValue::FilterValue(std::string_view text) : json_(Quoted(text)) {}
FilterValue::FilterValue(absl::Time time)
    : json_(absl::StrCat(
          "{\"$date\":\"",
          absl::FormatTime("%E4Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone()), "\"}")) {
}
FilterValue::FilterValue(const Uuid& uuid)
    : json_(absl::StrCat("{\"$uuid\":\"", uuid.ToString(), "\"}")) {}

Condition operator&&(const Condition& a, const Condition& b) {
  return Join("$and", a, b);
}
Condition operator||(const Condition& a, const Condition& b) { return Join("$or", a, b); }
Condition operator!(const Condition& a) {
  return Condition(absl::StrCat("{\"$nor\":[", a.json(), "]}"));
}

Condition Where::Is(std::string_view op, std::string_view operand) const {
  return Condition(absl::StrCat("{", Quoted(path_), ":{\"", std::string(op),
                                "\":", std::string(operand), "}}"));
}
Condition Where::In(std::initializer_list<FilterValue> values) const {
  return Is("$in", ListOf(values));
}
Condition Where::NotIn(std::initializer_list<FilterValue> values) const {
  return Is("$nin", ListOf(values));
}
Condition Where::All(std::initializer_list<FilterValue> values) const {
  return Is("$all", ListOf(values));
}
Condition Where::Type(std::string_view name) const { return Is("$type", Quoted(name)); }
Condition Where::Size(uint64_t size) const { return Is("$size", absl::StrCat(size)); }
Condition Where::Matches(std::string_view regex, std::string_view options) const {
  return Condition(absl::StrCat("{", Quoted(path_), ":{\"$regex\":", Quoted(regex),
                                ",\"$options\":", Quoted(options), "}}"));
}
Condition Where::Mod(int64_t divisor, int64_t remainder) const {
  return Is("$mod", absl::StrCat("[", divisor, ",", remainder, "]"));
}
Condition Where::ElemMatch(const Condition& of_element) const {
  return Is("$elemMatch", of_element.json());
}

}  // namespace sheaf
