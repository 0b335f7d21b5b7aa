// Where: filters written in C++, for who does not want to write JSON.
//
//   books.Query(Where("author") == "Rilke" && Where("year") >= 1902 && !Where("tags").In({"x"}))
//
// A Condition is its JSON: it goes where a filter does. Values are integers, doubles,
// strings, bools, null (nullptr), absl::Time, Uuid, or any JSON by Json(…).
//
// Values, cheap to copy while small. Thread-compatible.
#ifndef SHEAF_WHERE_H_
#define SHEAF_WHERE_H_
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "sheaf/document_key.h"

namespace sheaf {

// One value of a filter, as JSON.
class FilterValue {
 public:
  template <std::signed_integral T>
  FilterValue(T value) : FilterValue(Signed(static_cast<int64_t>(value))) {}
  template <std::unsigned_integral T>
  FilterValue(T value) : FilterValue(Unsigned(static_cast<uint64_t>(value))) {}
  FilterValue(bool value);
  FilterValue(double value);
  FilterValue(std::nullptr_t);
  FilterValue(std::string_view text);
  FilterValue(const std::string& text) : FilterValue(std::string_view(text)) {}
  FilterValue(const char* text) : FilterValue(std::string_view(text)) {}
  FilterValue(absl::Time time);
  FilterValue(const Uuid& uuid);
  static FilterValue Json(std::string json) { return FilterValue(Raw{std::move(json)}); }

  const std::string& json() const { return json_; }

 private:
  struct Raw {
    std::string json;
  };
  explicit FilterValue(Raw raw) : json_(std::move(raw.json)) {}
  static Raw Signed(int64_t value);
  static Raw Unsigned(uint64_t value);
  std::string json_;
};

class Condition {
 public:
  explicit Condition(std::string json) : json_(std::move(json)) {}
  const std::string& json() const { return json_; }
  operator std::string_view() const { return json_; }

  friend Condition operator&&(const Condition& a, const Condition& b);
  friend Condition operator||(const Condition& a, const Condition& b);
  friend Condition operator!(const Condition& a);

 private:
  std::string json_;
};

class Where {
 public:
  // A path: "author.name"; "_id" is the document's key.
  explicit Where(std::string_view path) : path_(path) {}

  Condition operator==(const FilterValue& value) const { return Is("$eq", value.json()); }
  Condition operator!=(const FilterValue& value) const { return Is("$ne", value.json()); }
  Condition operator<(const FilterValue& value) const { return Is("$lt", value.json()); }
  Condition operator<=(const FilterValue& value) const {
    return Is("$lte", value.json());
  }
  Condition operator>(const FilterValue& value) const { return Is("$gt", value.json()); }
  Condition operator>=(const FilterValue& value) const {
    return Is("$gte", value.json());
  }
  Condition In(std::initializer_list<FilterValue> values) const;
  Condition NotIn(std::initializer_list<FilterValue> values) const;
  Condition All(std::initializer_list<FilterValue> values) const;
  Condition Exists(bool there = true) const {
    return Is("$exists", there ? "true" : "false");
  }
  Condition Type(std::string_view name) const;
  Condition Size(uint64_t size) const;
  Condition Matches(std::string_view regex, std::string_view options = "") const;
  Condition Mod(int64_t divisor, int64_t remainder) const;
  Condition ElemMatch(const Condition& of_element) const;

 private:
  Condition Is(std::string_view op, std::string_view operand) const;
  std::string path_;
};

}  // namespace sheaf
#endif  // SHEAF_WHERE_H_
