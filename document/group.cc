#include "document/group.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "document/canonical.h"
#include "document/compare.h"
#include "document/json_codec.h"
#include "document/nearest.h"
#include "pager/status_macros.h"

namespace sheaf::document {
namespace {

using Order = std::weak_ordering;

constexpr size_t kFieldsMax = 100;
constexpr const char* kAccumulators[] = {"$sum", "$avg", "$min", "$max", "$count"};

absl::Status Damaged() { return absl::DataLossError("a stored document is damaged"); }

absl::Status WrongGroup(std::string_view field, std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("group: ", std::string(field.substr(0, 80)), ": ", std::string(what)));
}

absl::Status UnknownAccumulator(std::string_view field, std::string_view name) {
  const std::string nearest(Nearest(name, kAccumulators));
  return WrongGroup(
      field,
      absl::StrCat("there is no accumulator ", std::string(name.substr(0, 40)), "; ",
                   nearest.empty() ? "there are $sum, $avg, $min, $max and $count"
                                   : absl::StrCat("did you mean ", nearest)));
}

// One more to a sum, and what was lost of it to the compensation.
void AddDouble(double value, double* sum, double* compensation) {
  const double total = *sum + value;
  *compensation +=
      std::abs(*sum) >= std::abs(value) ? (*sum - total) + value : (value - total) + *sum;
  *sum = total;
}

}  // namespace

// --- Parsing ----------------------------------------------------------------

class GroupBy::Parser {
 public:
  explicit Parser(GroupBy* out) : out_(*out) {}

  absl::Status Parse(const View& spec) {
    if (spec.kind() != Kind::kObject) return WrongGroup("a group", "expected an object");
    const std::optional<View> id = spec.Field("_id");
    if (!id.has_value())
      return WrongGroup("_id",
                        "is missing: null, a path as \"$path\", or an object of paths");
    SHEAF_RETURN_IF_ERROR(ParseId(*id));
    for (ObjectCursor c = spec.fields(); c.Valid(); c.Next()) {
      if (c.name() == "_id") continue;
      SHEAF_RETURN_IF_ERROR(CheckName(c.name(), out_.accumulators_.size()));
      SHEAF_RETURN_IF_ERROR(ParseAccumulator(c.name(), c.value()));
    }
    return absl::OkStatus();
  }

 private:
  static absl::Status CheckName(std::string_view name, size_t before) {
    if (name.empty() || name[0] == '$' || name.find('.') != std::string_view::npos)
      return WrongGroup(name,
                        "a result's name may not be empty, begin with a dollar or have "
                        "a point");
    if (before == kFieldsMax)
      return WrongGroup(name, absl::StrCat("is one of more than ", kFieldsMax));
    return absl::OkStatus();
  }

  static bool IsPath(const View& v) {
    return v.kind() == Kind::kString && !v.string_value().empty() &&
           v.string_value()[0] == '$';
  }

  static absl::StatusOr<Path> ParsePath(std::string_view field, const View& v) {
    if (!IsPath(v)) return WrongGroup(field, "expected a path, as \"$path\"");
    absl::StatusOr<Path> path = Path::Parse(v.string_value().substr(1));
    if (!path.ok()) return WrongGroup(field, std::string(path.status().message()));
    return path;
  }

  absl::Status ParseId(const View& id) {
    if (id.kind() == Kind::kNull) return absl::OkStatus();
    if (id.kind() != Kind::kObject || !id.fields().Valid()) {
      if (!IsPath(id))
        return WrongGroup("_id",
                          "expected null, a path as \"$path\", or an object of paths");
      SHEAF_ASSIGN_OR_RETURN(Path path, ParsePath("_id", id));
      out_.id_.push_back({"", std::move(path)});
      return absl::OkStatus();
    }
    for (ObjectCursor c = id.fields(); c.Valid(); c.Next()) {
      SHEAF_RETURN_IF_ERROR(CheckName(c.name(), out_.id_.size()));
      SHEAF_ASSIGN_OR_RETURN(
          Path path, ParsePath(absl::StrCat("_id.", std::string(c.name())), c.value()));
      out_.id_.push_back({std::string(c.name()), std::move(path)});
    }
    return absl::OkStatus();
  }

  absl::Status ParseAccumulator(std::string_view name, const View& value) {
    ObjectCursor c({}, nullptr);
    if (value.kind() == Kind::kObject) c = value.fields();
    if (!c.Valid())
      return WrongGroup(name, "expected an accumulator, as {\"$sum\": \"$path\"}");
    const std::string op(c.name());
    const View operand = c.value();
    c.Next();
    if (c.Valid()) return WrongGroup(name, "has more than one accumulator");
    Accumulator parsed;
    parsed.name = std::string(name);
    if (op == "$avg" || op == "$min" || op == "$max")
      parsed.op = op == "$avg" ? Op::kAvg : op == "$min" ? Op::kMin : Op::kMax;
    else if (op != "$sum" && op != "$count")
      return UnknownAccumulator(name, op);
    if (op == "$count") {
      if (operand.kind() != Kind::kObject || operand.fields().Valid())
        return WrongGroup(name, "$count: expected {}");
      static constexpr char kOne[] = {'\x81'};
      parsed.constant = View::At(kOne, kOne + 1, nullptr);
    } else if (op == "$sum" && operand.is_number()) {
      const std::string_view bytes = out_.arena_.Copy(operand.bytes());
      parsed.constant = View::At(bytes.data(), bytes.data() + bytes.size(), nullptr);
    } else {
      if (op == "$sum" && !IsPath(operand))
        return WrongGroup(name, "$sum: expected a path, as \"$path\", or a number");
      SHEAF_ASSIGN_OR_RETURN(parsed.path, ParsePath(name, operand));
    }
    out_.accumulators_.push_back(std::move(parsed));
    return absl::OkStatus();
  }

  GroupBy& out_;
};

absl::StatusOr<GroupBy> GroupBy::Parse(std::string_view json, size_t memory_bytes_max) {
  NameTable names;
  SHEAF_ASSIGN_OR_RETURN(const std::string binary, JsonToBinary(json, &names));
  GroupBy group;
  group.memory_bytes_max_ = memory_bytes_max;
  SHEAF_RETURN_IF_ERROR(Parser(&group).Parse(RootOf(binary, names)));
  group.key_.resize(group.id_.size());
  return group;
}

std::vector<std::string> GroupBy::fields() const {
  std::vector<std::string> fields;
  for (const IdField& field : id_) fields.push_back(field.path.text());
  for (const Accumulator& accumulator : accumulators_)
    if (accumulator.constant.is_damaged()) fields.push_back(accumulator.path.text());
  std::sort(fields.begin(), fields.end());
  fields.erase(std::unique(fields.begin(), fields.end()), fields.end());
  return fields;
}

void GroupBy::Bind(const NameTable& names) {
  for (IdField& field : id_) field.path.Bind(names);
  for (Accumulator& accumulator : accumulators_) accumulator.path.Bind(names);
}

// --- Adding -----------------------------------------------------------------

absl::Status GroupBy::Add(const View& document) {
  if (document.is_damaged()) return Damaged();
  SHEAF_RETURN_IF_ERROR(ReadKey(document));
  const Group& group = FindOrAdd();
  for (size_t i = 0; i < accumulators_.size(); ++i) {
    const Accumulator& accumulator = accumulators_[i];
    if (!accumulator.constant.is_damaged()) {
      AddNumber(accumulator.constant, &group.states[i]);
      continue;
    }
    const std::optional<View> value = accumulator.path.First(document);
    if (!value.has_value()) continue;
    if (value->is_damaged()) return Damaged();
    Accumulate(accumulator.op, *value, &group.states[i]);
  }
  return CheckMemory();
}

absl::Status GroupBy::ReadKey(const View& document) {
  for (size_t i = 0; i < id_.size(); ++i) {
    const std::optional<View> value = id_[i].path.First(document);
    if (value.has_value() && value->is_damaged()) return Damaged();
    key_[i] = value.value_or(id_[i].name.empty() ? View::Null() : View());
  }
  return absl::OkStatus();
}

const GroupBy::Group& GroupBy::FindOrAdd() {
  std::string_view canonical;
  if (id_.size() == 1) {
    canonical = Canonical(key_[0], &scratch_);
  } else {
    scratch_.clear();
    for (const View& value : key_) AppendCanonical(value, &scratch_);
    canonical = scratch_;
  }
  const auto found = index_.find(canonical);
  return found != index_.end() ? groups_[found->second] : AddGroup(canonical);
}

const GroupBy::Group& GroupBy::AddGroup(std::string_view canonical) {
  static_assert(std::is_trivially_destructible_v<State> &&
                std::is_trivially_destructible_v<View> &&
                alignof(State) >= alignof(View) && sizeof(State) % alignof(View) == 0);
  const size_t states = accumulators_.size() * sizeof(State);
  size_t room = states + id_.size() * sizeof(View) + alignof(State);
  void* at = arena_.Take(room);
  at = std::align(alignof(State), room - alignof(State), at, room);
  Group group{};
  group.states = static_cast<State*>(at);
  group.id = reinterpret_cast<View*>(static_cast<char*>(at) + states);
  std::uninitialized_value_construct_n(group.states, accumulators_.size());
  const std::string_view copy = arena_.Copy(canonical);
  for (size_t i = 0; i < id_.size(); ++i) {
    const View& value = key_[i];
    const std::string_view bytes =
        canonical.data() == value.bytes().data() ? copy : arena_.Copy(value.bytes());
    new (&group.id[i])
        View(View::At(bytes.data(), bytes.data() + bytes.size(), value.names()));
  }
  index_.emplace(copy, static_cast<uint32_t>(groups_.size()));
  groups_.push_back(group);
  return groups_.back();
}

absl::Status GroupBy::CheckMemory() const {
  const size_t memory =
      arena_.bytes() + groups_.capacity() * sizeof(Group) +
      index_.capacity() * (sizeof(std::pair<std::string_view, uint32_t>) + 1);
  if (memory <= memory_bytes_max_) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "group: ", groups_.size(), " groups need more than ", memory_bytes_max_,
      " bytes (memory_bytes_max); name fewer documents, or group by what has fewer "
      "values"));
}

// --- Accumulators -----------------------------------------------------------

void GroupBy::Accumulate(Op op, const View& value, State* state) {
  if (op == Op::kMin || op == Op::kMax) {
    if (value.kind() != Kind::kNull) KeepBest(op, value, state);
  } else if (value.is_number()) {
    AddNumber(value, state);
  }
}

void GroupBy::AddNumber(const View& number, State* state) {
  ++state->count;
  if (number.kind() == Kind::kInt) {
    state->whole += number.int_value();
  } else if (number.kind() == Kind::kUint) {
    state->whole += number.uint_value();
  } else {
    state->has_double = true;
    AddDouble(number.double_value(), &state->sum, &state->compensation);
  }
}

void GroupBy::KeepBest(Op op, const View& value, State* state) {
  if (!state->best.is_damaged()) {
    const Order order = Compare(value, state->best);
    if (op == Op::kMin ? order >= 0 : order <= 0) return;
  }
  const std::string_view bytes = value.bytes();
  char* at = const_cast<char*>(state->best.bytes().data());  // ours
  if (bytes.size() > state->best_room) {
    state->best_room = std::max(static_cast<uint32_t>(bytes.size()),
                                2 * std::min(state->best_room, UINT32_MAX / 2));
    at = arena_.Take(state->best_room);
  }
  std::copy(bytes.begin(), bytes.end(), at);
  state->best = View::At(at, at + bytes.size(), value.names());
}

double GroupBy::TotalOf(const State& state) {
  double sum = state.sum, compensation = state.compensation;
  const auto high = static_cast<double>(state.whole);
  const auto low = static_cast<double>(state.whole - absl::int128(high));
  AddDouble(high, &sum, &compensation);
  AddDouble(low, &sum, &compensation);
  // Infinite sums have no compensation that means anything.
  return std::isfinite(sum) ? sum + compensation : sum;
}

// --- Results ----------------------------------------------------------------

void GroupBy::WriteResult(Op op, const State& state, Writer* out) {
  if (op == Op::kMin || op == Op::kMax)
    return state.best.is_damaged() ? out->Null() : out->Copy(state.best);
  if (op == Op::kAvg)
    return state.count == 0
               ? out->Null()
               : out->Double(TotalOf(state) / static_cast<double>(state.count));
  if (state.has_double) return out->Double(TotalOf(state));
  if (state.whole >= INT64_MIN && state.whole <= INT64_MAX)
    return out->Int(static_cast<int64_t>(state.whole));
  if (state.whole > 0 && state.whole <= absl::int128(UINT64_MAX))
    return out->Uint(static_cast<uint64_t>(state.whole));
  out->Double(static_cast<double>(state.whole));
}

// As compare.h has objects: by kind, name and value of each field that there is.
Order GroupBy::CompareIds(const Group& a, const Group& b) const {
  size_t i = 0, j = 0;
  for (;; ++i, ++j) {
    while (i < id_.size() && a.id[i].is_damaged()) ++i;
    while (j < id_.size() && b.id[j].is_damaged()) ++j;
    if (i == id_.size() || j == id_.size()) return (i < id_.size()) <=> (j < id_.size());
    Order order = RankOf(a.id[i].kind()) <=> RankOf(b.id[j].kind());
    if (order == 0) order = id_[i].name.compare(id_[j].name) <=> 0;
    if (order == 0) order = Compare(a.id[i], b.id[j]);
    if (order != 0) return order;
  }
}

void GroupBy::Finish() {
  index_.clear();
  std::sort(groups_.begin(), groups_.end(),
            [this](const Group& a, const Group& b) { return CompareIds(a, b) < 0; });
}

bool GroupBy::Next(Writer* out) {
  if (returned_ == groups_.size()) return false;
  const Group& group = groups_[returned_++];
  out->BeginObject();
  out->Name("_id");
  if (id_.empty()) out->Null();
  if (id_.size() == 1 && id_[0].name.empty()) {
    out->Copy(group.id[0]);
  } else if (!id_.empty()) {
    out->BeginObject();
    for (size_t i = 0; i < id_.size(); ++i) {
      if (group.id[i].is_damaged()) continue;
      out->Name(id_[i].name);
      out->Copy(group.id[i]);
    }
    out->End();
  }
  for (size_t i = 0; i < accumulators_.size(); ++i) {
    out->Name(accumulators_[i].name);
    WriteResult(accumulators_[i].op, group.states[i], out);
  }
  out->End();
  return true;
}

}  // namespace sheaf::document
