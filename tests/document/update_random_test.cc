// Random updates of random documents do what an implementation does that takes one
// operator after the other, in the simplest way; what it refuses is refused. (R10)
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "document/json_codec.h"
#include "document/update.h"

namespace sheaf::document {
namespace {

using Json = nlohmann::ordered_json;
using Parts = std::vector<std::string>;

struct Refused {};

bool IsIndex(const std::string& part) { return part[0] >= '0' && part[0] <= '9'; }

// Null where the path leads nowhere; made if `creates`.
Json* Lead(Json* at, const Parts& path, bool creates) {
  for (const std::string& part : path) {
    if (at->is_array() && IsIndex(part)) {
      const size_t index = std::stoul(part);
      if (index >= at->size() && !creates) return nullptr;
      while (at->size() < index) at->push_back(nullptr);
      if (at->size() == index) at->push_back(Json());
      at = &(*at)[index];
    } else if (at->is_object()) {
      if (!at->contains(part) && !creates) return nullptr;
      at = &(*at)[part];
    } else if (creates) {
      throw Refused();
    } else {
      return nullptr;
    }
  }
  return at;
}

// The same, step by step, where what is missing on the way is an object.
Json* Make(Json* at, const Parts& path, bool* is_new) {
  *is_new = false;
  for (size_t i = 0; i < path.size(); ++i) {
    const bool there = Lead(at, {path[i]}, false) != nullptr;
    at = Lead(at, {path[i]}, true);
    if (there) continue;
    *is_new = true;
    if (i + 1 < path.size()) *at = Json::object();
  }
  return at;
}

int Rank(const Json& v) { return v.is_null() ? 1 : v.is_number() ? 2 : 3; }

bool IsBelow(const Json& a, const Json& b) {
  if (Rank(a) != Rank(b)) return Rank(a) < Rank(b);
  return a.is_number() && a.get<double>() < b.get<double>();
}

void Arithmetic(bool adds, const Json& by, Json* at) {
  if (!at->is_number()) throw Refused();
  if (at->is_number_float() || by.is_number_float())
    *at = adds ? at->get<double>() + by.get<double>()
               : at->get<double>() * by.get<double>();
  else
    *at = adds ? at->get<int64_t>() + by.get<int64_t>()
               : at->get<int64_t>() * by.get<int64_t>();
}

bool IsPulled(const Json& element, const Json& condition) {
  if (!condition.is_object()) return element == condition;
  if (condition.contains("$gte") && element.is_array())
    return std::any_of(element.begin(), element.end(), [&](const Json& inner) {
      return !inner.is_array() && IsPulled(inner, condition);
    });
  if (condition.contains("$gte"))
    return element.is_number() &&
           element.get<double>() >= condition["$gte"].get<double>();
  if (!element.is_object()) return false;
  for (const auto& [name, value] : condition.items()) {
    const Json there = element.contains(name) ? element[name] : Json();
    const bool is_in =
        there.is_array() && std::find(there.begin(), there.end(), value) != there.end();
    if (there != value && !is_in) return false;
  }
  return true;
}

void TakeFrom(const std::string& op, const Json& operand, Json* at) {
  if (at == nullptr) return;
  if (!at->is_array()) throw Refused();
  if (op == "$pop") {
    if (!at->empty()) at->erase(operand == 1 ? at->size() - 1 : 0);
    return;
  }
  Json kept = Json::array();
  for (const Json& element : *at)
    if (!IsPulled(element, operand)) kept.push_back(element);
  *at = kept;
}

void Rename(const Parts& from, const Parts& to, Json* document) {
  for (const Parts* path : {&from, &to}) {
    if (path == &to && Lead(document, from, false) == nullptr) return;
    Json* at = document;
    for (const std::string& part : *path) {
      if (at->is_array()) throw Refused();
      at = Lead(at, {part}, false);
      if (at == nullptr) break;
    }
  }
  const Json value = *Lead(document, from, false);
  Lead(document, Parts(from.begin(), from.end() - 1), false)->erase(from.back());
  bool is_new = false;
  *Make(document, to, &is_new) = value;
}

void ApplyNaive(const std::string& op, const Parts& path, const Json& operand,
                Json* document) {
  if (op == "$unset") {
    Json* const parent = Lead(document, Parts(path.begin(), path.end() - 1), false);
    Json* const at = Lead(document, path, false);
    if (at == nullptr) return;
    if (parent->is_array())
      *at = nullptr;
    else
      parent->erase(path.back());
    return;
  }
  if (op == "$pull" || op == "$pop")
    return TakeFrom(op, operand, Lead(document, path, false));
  if (op == "$rename")
    return Rename(path, absl::StrSplit(operand.get<std::string>(), '.'), document);
  bool is_new = false;
  Json* const at = Make(document, path, &is_new);
  if (op == "$set") {
    *at = operand;
  } else if (op == "$inc" || op == "$mul") {
    if (is_new) *at = operand.is_number_float() ? Json(0.0) : Json(0);
    Arithmetic(op == "$inc", operand, at);
  } else if (op == "$min" || op == "$max") {
    if (is_new || (op == "$min" ? IsBelow(operand, *at) : IsBelow(*at, operand)))
      *at = operand;
  } else {
    if (is_new) *at = Json::array();
    if (!at->is_array()) throw Refused();
    const bool has = std::find(at->begin(), at->end(), operand) != at->end();
    if (op == "$push" || !has) at->push_back(operand);
  }
}

bool Conflict(const std::string& a, const std::string& b) {
  return (a + ".").starts_with(b + ".") || (b + ".").starts_with(a + ".");
}

class Random {
 public:
  explicit Random(uint64_t seed) : random_(seed) {}
  uint64_t Below(uint64_t n) { return random_() % n; }
  std::string Name() { return std::string(1, static_cast<char>('a' + Below(4))); }
  Json Scalar() {
    switch (Below(5)) {
      case 0:
        return nullptr;
      case 1:
        return "text";
      case 2:
        return static_cast<double>(Below(5)) + 0.5;
      default:
        return static_cast<int64_t>(Below(5)) - 2;
    }
  }
  Json Value(int depth) {
    const uint64_t kind = Below(depth > 0 ? 4 : 1);
    if (kind == 0) return Scalar();
    Json value = kind == 1 ? Json::array() : Json::object();
    for (uint64_t n = Below(4); n > 0; --n)
      if (kind == 1)
        value.push_back(Value(depth - 1));
      else
        value[Name()] = Value(depth - 1);
    return value;
  }
  std::string Path() {
    std::string path = Name();
    while (Below(2) == 0)
      absl::StrAppend(&path, ".", Below(3) == 0 ? absl::StrCat(Below(5)) : Name());
    return path;
  }
  Json Operand(const std::string& op) {
    if (op == "$inc" || op == "$mul" || op == "$min" || op == "$max") {
      Json number = Scalar();
      while (!number.is_number()) number = Scalar();
      return number;
    }
    if (op == "$pop") return Below(2) == 0 ? 1 : -1;
    if (op == "$rename") return Path();
    if (op != "$pull" || Below(3) > 0) return Below(2) == 0 ? Scalar() : Value(1);
    if (Below(2) == 0) return {{"$gte", 1}};
    return {{Name(), static_cast<int64_t>(Below(3))}};
  }

 private:
  std::mt19937_64 random_;
};

constexpr const char* kOps[] = {"$set", "$unset", "$inc",    "$mul",
                                "$min", "$max",   "$push",   "$pull",
                                "$pop", "$set",   "$rename", "$addToSet"};

struct One {
  std::string op, path;
  Json operand;
};

struct Naive {
  Json update = Json::object();
  std::optional<Json> result;  // none: refused
  bool conflicts = false;
  bool is_ordered = true;  // new fields come in the order of the operators
};

// Nulls that fill an array must not be in the way of what goes into it: elements in
// ascending order. Those that take away may be the first that mention what another makes.
void ApplyAll(std::vector<One> all, Naive* naive) {
  for (const One& one : all) {
    const bool creates = one.op != "$unset" && one.op != "$pull" && one.op != "$pop" &&
                         one.op != "$rename";
    if (!creates || one.path.find_first_of("01234") != std::string::npos)
      naive->is_ordered = false;
  }
  if (!naive->is_ordered)
    std::sort(all.begin(), all.end(),
              [](const One& a, const One& b) { return a.path < b.path; });
  try {
    for (const One& one : all)
      ApplyNaive(one.op, absl::StrSplit(one.path, '.'), one.operand, &*naive->result);
  } catch (const Refused&) {
    naive->result.reset();
  }
}

Naive MakeUpdate(Random& random, const Json& document) {
  Naive naive;
  naive.result = document;
  for (uint64_t n = 1 + random.Below(4); n > 0; --n) {
    const std::string op = kOps[random.Below(std::size(kOps))];
    const std::string path = random.Path();
    if (naive.update.contains(op) && naive.update[op].contains(path)) continue;
    naive.update[op][path] = random.Operand(op);
  }
  std::vector<One> all;
  std::vector<std::string> paths;
  for (const auto& [op, changes] : naive.update.items())
    for (const auto& [path, operand] : changes.items()) {
      all.push_back({op, path, operand});
      paths.push_back(path);
      if (op == "$rename") paths.push_back(operand.get<std::string>());
    }
  for (size_t i = 0; i < paths.size(); ++i)
    for (size_t k = 0; k < i; ++k) naive.conflicts |= Conflict(paths[i], paths[k]);
  if (!naive.conflicts) ApplyAll(all, &naive);
  return naive;
}

TEST(Update, DoesWhatTheSimplestWayDoes) {
  Random random(1);
  NameTable names;
  int changed = 0, refused = 0, conflicts = 0;
  for (int i = 0; i < 30'000; ++i) {
    Json document = random.Value(4);
    while (!document.is_object()) document = random.Value(4);
    const Naive naive = MakeUpdate(random, document);
    const auto update = Update::Parse(naive.update.dump());
    ASSERT_EQ(update.ok(), !naive.conflicts) << naive.update << update.status();
    conflicts += naive.conflicts;
    if (naive.conflicts) continue;
    const std::string before = *JsonToBinary(document.dump(), &names);
    const auto after = update->Apply(RootOf(before, names), &names, 0);
    ASSERT_EQ(after.ok(), naive.result.has_value())
        << naive.update << " of " << document << ": " << after.status();
    if (!after.ok()) {
      ASSERT_TRUE(absl::IsFailedPrecondition(after.status())) << after.status();
      ++refused;
      continue;
    }
    ASSERT_TRUE(Validate(*after, names).ok()) << Validate(*after, names);
    const Json result = Json::parse(*BinaryToJson(*after, names));
    ASSERT_EQ(
        naive.is_ordered ? result.dump() : nlohmann::json(result).dump(),
        naive.is_ordered ? naive.result->dump() : nlohmann::json(*naive.result).dump())
        << naive.update << " of " << document;
    changed += result != document;
  }
  EXPECT_GT(changed, 5'000);
  EXPECT_GT(refused, 2'500);
  EXPECT_GT(conflicts, 1'500);
}

}  // namespace
}  // namespace sheaf::document
