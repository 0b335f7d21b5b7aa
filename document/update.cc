#include "document/update.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "document/change.h"
#include "document/json_codec.h"
#include "document/language.h"
#include "document/merge_change.h"
#include "pager/status_macros.h"

namespace sheaf::document {
namespace {

constexpr size_t kStepsMax = size_t{1} << 20;
constexpr uint32_t kRoot = 0;

// A part of a path. Those of all paths are one tree, whose leaves have the changes: a
// document is gone through once, along it.
struct Step {
  std::string name;
  uint32_t parent = kRoot;
  std::vector<uint32_t> children;        // in the order of the update
  std::string_view operation;            // of a leaf
  std::unique_ptr<const Change> change;  // of a leaf
};

}  // namespace

struct Update::Plan {
  NameTable names;
  std::string document;    // what operands point into
  std::deque<Step> steps;  // parents first; they stay where they are
  absl::flat_hash_map<std::pair<uint32_t, std::string_view>, uint32_t> by_name;

  std::optional<uint32_t> Child(uint32_t step, std::string_view name) const {
    const auto it = by_name.find({step, name});
    if (it == by_name.end()) return std::nullopt;
    return it->second;
  }
  std::vector<std::string_view> PathOf(uint32_t step) const {
    std::vector<std::string_view> path;
    for (; step != kRoot; step = steps[step].parent) path.push_back(steps[step].name);
    std::reverse(path.begin(), path.end());
    return path;
  }
  std::string TextOf(uint32_t step) const {
    std::string text;
    for (const std::string_view part : PathOf(step)) {
      if (!text.empty()) text.push_back('.');
      text.append(part);
    }
    return text;
  }
};

namespace {

using Plan = Update::Plan;

std::string Shown(std::string_view path) {
  return absl::StrCat(std::string(path.substr(0, 100)), path.size() > 100 ? "…" : "");
}

absl::Status Annotate(std::string_view operation, std::string_view path,
                      const absl::Status& status) {
  return {status.code(), absl::StrCat("update: ", std::string(operation), ": ",
                                      Shown(path), ": ", status.message())};
}

// --- Parsing ----------------------------------------------------------------

class UpdateParser {
 public:
  UpdateParser(const MergeFunctions& functions, Plan* plan)
      : functions_(functions), plan_(*plan) {
    plan_.steps.emplace_back();
  }

  absl::Status Parse(const View& update) {
    if (update.kind() != Kind::kObject)
      return absl::InvalidArgumentError("update: expected an object of operators");
    if (!update.fields().Valid()) return NoOperator("{}");
    for (ObjectCursor c = update.fields(); c.Valid(); c.Next())
      SHEAF_RETURN_IF_ERROR(ParseOperator(c.name(), c.value()));
    return absl::OkStatus();
  }

 private:
  static absl::Status NoOperator(std::string_view found) {
    return absl::InvalidArgumentError(absl::StrCat(
        "update: ", Shown(found),
        " is no operator: to change fields write {\"$set\": {\"",
        found == "{}" ? "field" : Shown(found),
        "\": …}}; to replace the whole document put the new one in its place"));
  }

  absl::Status ParseOperator(std::string_view name, const View& paths) {
    if (!IsOperator(name)) return NoOperator(name);
    const absl::Span<const OpName> known = UpdateOperators();
    const auto op = std::find_if(known.begin(), known.end(),
                                 [&](const OpName& one) { return one.name == name; });
    if (op == known.end()) {
      std::vector<const char*> names;
      for (const OpName& one : known) names.push_back(one.name);
      return UnknownOperator("update", name, names);
    }
    if (paths.kind() != Kind::kObject)
      return absl::InvalidArgumentError(absl::StrCat(
          "update: ", op->name, ": expected an object: {\"path\": operand}"));
    for (ObjectCursor c = paths.fields(); c.Valid(); c.Next())
      SHEAF_RETURN_IF_ERROR(ParsePath(*op, c.name(), c.value()));
    return absl::OkStatus();
  }

  absl::Status ParsePath(const OpName& op, std::string_view path, const View& operand) {
    Change change;
    change.op = op.op;
    change.operand = operand;
    const absl::Status parsed = ParseChange(functions_, &change);
    if (!parsed.ok()) return Annotate(op.name, path, parsed);
    SHEAF_ASSIGN_OR_RETURN(const uint32_t leaf, AddPath(op.name, path));
    plan_.steps[leaf].change = std::make_unique<Change>(std::move(change));
    if (op.op != Op::kRename) return absl::OkStatus();
    Change renamed;
    renamed.op = Op::kRenamed;
    renamed.renamed_from = leaf;
    SHEAF_ASSIGN_OR_RETURN(const uint32_t to, AddPath(op.name, operand.string_value()));
    plan_.steps[to].change = std::make_unique<Change>(std::move(renamed));
    return absl::OkStatus();
  }

  static absl::Status CheckPart(std::string_view part) {
    if (part.empty()) return absl::InvalidArgumentError("a part of the path is empty");
    if (part == "$" || part.starts_with("$["))
      return absl::InvalidArgumentError(
          "positions that a filter finds ($, $[]) are not supported; write the index");
    if (part[0] == '$')
      return absl::InvalidArgumentError("a part of the path begins with $");
    return absl::OkStatus();
  }

  // The leaf at the end of it, which is new.
  absl::StatusOr<uint32_t> AddPath(const char* operation, std::string_view path) {
    const auto wrong = [&](const absl::Status& why) {
      return Annotate(operation, path, why);
    };
    if (static_cast<size_t>(std::count(path.begin(), path.end(), '.')) >= kDepthMax)
      return wrong(absl::InvalidArgumentError(
          absl::StrCat("the path has more than ", kDepthMax, " parts")));
    uint32_t step = kRoot;
    bool is_new = false;
    std::vector<std::string> parts = absl::StrSplit(std::string(path), '.');
    for (std::string& part : parts) {
      const absl::Status checked = CheckPart(part);
      if (!checked.ok()) return wrong(checked);
      if (plan_.steps[step].change != nullptr) return wrong(Conflict(step));
      const std::optional<uint32_t> child = plan_.Child(step, part);
      is_new = !child.has_value();
      step = is_new ? AddStep(step, std::move(part)) : *child;
      if (plan_.steps.size() > kStepsMax)
        return wrong(absl::InvalidArgumentError("the update has too many paths"));
    }
    if (!is_new) return wrong(Conflict(step));
    plan_.steps[step].operation = operation;
    return step;
  }

  uint32_t AddStep(uint32_t parent, std::string name) {
    const auto step = static_cast<uint32_t>(plan_.steps.size());
    Step& added = plan_.steps.emplace_back();
    added.name = std::move(name);
    added.parent = parent;
    plan_.steps[parent].children.push_back(step);
    plan_.by_name.emplace(std::pair(parent, std::string_view(added.name)), step);
    return step;
  }

  absl::Status Conflict(uint32_t with) const {
    while (!plan_.steps[with].children.empty()) with = plan_.steps[with].children[0];
    const Step& other = plan_.steps[with];
    return absl::InvalidArgumentError(
        absl::StrCat("conflicts with ", std::string(other.operation), " of ",
                     Shown(plan_.TextOf(with)), "; each value has one operator"));
  }

  const MergeFunctions& functions_;
  Plan& plan_;
};

// --- Applying ---------------------------------------------------------------

enum class Of { kStored, kNew };

// Goes through the document and the steps at once and writes.
class Applier {
 public:
  Applier(const Plan& plan, Of of, int64_t now_micros, Writer* out)
      : plan_(plan), of_(of), now_micros_(now_micros), out_(*out) {}

  absl::Status Run(const View& root) {
    if (root.is_damaged()) return absl::DataLossError("stored document: is damaged");
    if (root.kind() != Kind::kObject)
      return absl::FailedPreconditionError(absl::StrCat(
          "update: the document is no object, it is of type ", NameOf(root.kind())));
    creates_.resize(plan_.steps.size());
    done_.resize(plan_.steps.size());
    for (auto step = static_cast<uint32_t>(plan_.steps.size() - 1); step > kRoot;
         --step) {
      const Step& here = plan_.steps[step];
      if (here.change != nullptr) {
        SHEAF_ASSIGN_OR_RETURN(creates_[step], Creates(step, root));
      }
      if (creates_[step]) creates_[here.parent] = true;
    }
    return Object(kRoot, root);
  }

 private:
  // Is there a value behind it, though there was none?
  absl::StatusOr<bool> Creates(uint32_t step, const View& root) {
    const Change& change = *plan_.steps[step].change;
    switch (change.op) {
      case Op::kSetOnInsert:
        return of_ == Of::kNew;
      case Op::kUnset:
      case Op::kRename:
      case Op::kPull:
      case Op::kPullAll:
      case Op::kPop:
        return false;
      case Op::kRenamed: {
        SHEAF_ASSIGN_OR_RETURN(const std::optional<View> from,
                               Renamed(change.renamed_from, root));
        if (!from.has_value()) return false;
        SHEAF_RETURN_IF_ERROR(Renamed(step, root).status());
        renamed_[step] = *from;
        return true;
      }
      case Op::kFunction: {
        SHEAF_RETURN_IF_ERROR(Make(step, root));
        return made_.contains(step);
      }
      default:
        return true;
    }
  }

  // What a function makes of the value at the end of a path, or of none.
  absl::Status Make(uint32_t step, const View& root) {
    std::optional<View> at = root;
    for (const std::string_view part : plan_.PathOf(step)) {
      const std::optional<uint64_t> index = IndexOf(part);
      if (at->kind() != Kind::kArray)
        at = at->Field(part);
      else
        at = index.has_value() ? at->Element(*index) : std::nullopt;
      if (!at.has_value()) break;
    }
    const absl::StatusOr<std::optional<std::string>> json =
        RunFunction(*plan_.steps[step].change, plan_.TextOf(step), at);
    if (!json.ok()) return Wrong(step, json.status());
    if (!json->has_value()) return absl::OkStatus();
    auto made = std::make_unique<Made>();
    const absl::StatusOr<std::string> bytes = JsonToBinary(**json, &made->names);
    if (!bytes.ok()) return Wrong(step, bytes.status());
    made->bytes = *bytes;
    made_[step] = std::move(made);
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<View>> Renamed(uint32_t step, const View& root) const {
    std::optional<View> at = root;
    for (const std::string_view part : plan_.PathOf(step)) {
      if (at->kind() == Kind::kArray)
        return Wrong(step, absl::FailedPreconditionError("leads through an array"));
      at = at->Field(part);
      if (!at.has_value()) break;
    }
    return at;
  }

  absl::Status Wrong(uint32_t step, const absl::Status& status) const {
    return Annotate(plan_.steps[step].operation, plan_.TextOf(step), status);
  }

  // A leaf below it, of those that need `step` to be what it is not.
  absl::Status NoWay(uint32_t step, const View& found) const {
    while (plan_.steps[step].change == nullptr) {
      const std::vector<uint32_t>& below = plan_.steps[step].children;
      step = *std::find_if(below.begin(), below.end(),
                           [&](uint32_t child) { return creates_[child]; });
    }
    return Wrong(step, absl::FailedPreconditionError(absl::StrCat(
                           "leads through a value of type ", NameOf(found.kind()),
                           found.kind() == Kind::kArray ? ", and not by an index" : "")));
  }

  bool Removes(uint32_t step) const {
    const Change* const change = plan_.steps[step].change.get();
    if (change == nullptr) return false;
    if (change->op == Op::kFunction) return !made_.contains(step);
    return change->op == Op::kUnset || change->op == Op::kRename;
  }

  absl::Status Leaf(uint32_t step, const View* old) {
    const Change& change = *plan_.steps[step].change;
    if (change.op == Op::kSetOnInsert && of_ == Of::kStored) {
      out_.Copy(*old);
    } else if (change.op == Op::kRenamed) {
      const auto it = renamed_.find(step);
      out_.Copy(it == renamed_.end() ? *old : it->second);
    } else if (change.op == Op::kFunction) {
      const Made& made = *made_.at(step);
      out_.Copy(RootOf(made.bytes, made.names));
    } else {
      const absl::Status status = WriteChanged(change, old, now_micros_, &out_);
      if (!status.ok()) return Wrong(step, status);
    }
    return absl::OkStatus();
  }

  absl::Status Existing(uint32_t step, const View& old) {
    if (old.is_damaged()) return out_.Copy(old), absl::OkStatus();
    if (plan_.steps[step].change != nullptr) return Leaf(step, &old);
    if (old.kind() == Kind::kObject) return Object(step, old);
    if (old.kind() == Kind::kArray) return Array(step, old);
    if (creates_[step]) return NoWay(step, old);
    out_.Copy(old);
    return absl::OkStatus();
  }

  // Requires: it creates.
  absl::Status Missing(uint32_t step) {
    if (plan_.steps[step].change != nullptr) return Leaf(step, nullptr);
    out_.BeginObject();
    SHEAF_RETURN_IF_ERROR(MissingBelow(step));
    out_.End();
    return absl::OkStatus();
  }

  absl::Status MissingBelow(uint32_t step) {
    for (const uint32_t child : plan_.steps[step].children) {
      if (done_[child] || !creates_[child]) continue;
      out_.Name(plan_.steps[child].name);
      SHEAF_RETURN_IF_ERROR(Missing(child));
    }
    return absl::OkStatus();
  }

  absl::Status Object(uint32_t step, const View& object) {
    out_.BeginObject();
    for (ObjectCursor c = object.fields(); c.Valid(); c.Next()) {
      const std::optional<uint32_t> child = plan_.Child(step, c.name());
      if (child.has_value()) done_[*child] = true;
      if (child.has_value() && Removes(*child) && !c.value().is_damaged()) continue;
      out_.CopyName(c);
      if (!child.has_value())
        out_.Copy(c.value());
      else
        SHEAF_RETURN_IF_ERROR(Existing(*child, c.value()));
    }
    SHEAF_RETURN_IF_ERROR(MissingBelow(step));
    out_.End();
    return absl::OkStatus();
  }

  using Targets = std::vector<std::pair<uint64_t, uint32_t>>;  // by index

  absl::StatusOr<Targets> TargetsOf(uint32_t step, const View& array) const {
    Targets targets;
    for (const uint32_t child : plan_.steps[step].children) {
      if (const auto index = IndexOf(plan_.steps[child].name))
        targets.emplace_back(*index, child);
      else if (creates_[child])
        return NoWay(child, array);
    }
    std::sort(targets.begin(), targets.end());
    return targets;
  }

  absl::Status Array(uint32_t step, const View& array) {
    SHEAF_ASSIGN_OR_RETURN(const Targets targets, TargetsOf(step, array));
    auto target = targets.begin();
    uint64_t size = 0;
    out_.BeginArray();
    for (ArrayCursor c = array.elements(); c.Valid(); c.Next(), ++size) {
      if (target == targets.end() || target->first != size)
        out_.Copy(c.value());
      else if (const uint32_t child = (target++)->second; !Removes(child))
        SHEAF_RETURN_IF_ERROR(Existing(child, c.value()));
      else if (c.value().is_damaged())
        out_.Copy(c.value());
      else
        out_.Null();
    }
    SHEAF_RETURN_IF_ERROR(Beyond(target, targets.end(), size));
    out_.End();
    return absl::OkStatus();
  }

  absl::Status Beyond(Targets::const_iterator target, Targets::const_iterator end,
                      uint64_t size) {
    for (uint64_t at = size; target != end; ++target) {
      const auto [index, child] = *target;
      if (!creates_[child]) continue;
      if (index - size >= Update::kBeyondMax)
        return Wrong(child, absl::InvalidArgumentError(absl::StrCat(
                                "the array has ", size, " elements, and grows by ",
                                Update::kBeyondMax, " at most")));
      for (; at < index; ++at) out_.Null();
      SHEAF_RETURN_IF_ERROR(Missing(child));
      ++at;
    }
    return absl::OkStatus();
  }

  const Plan& plan_;
  const Of of_;
  const int64_t now_micros_;
  Writer& out_;
  std::vector<char> creates_;  // by step: it, or one below it, makes what is missing
  std::vector<char> done_;     // by step: the document has it
  absl::flat_hash_map<uint32_t, View> renamed_;  // what comes there
  // The same of functions that did not delete.
  struct Made {
    NameTable names;
    std::string bytes;
  };
  absl::flat_hash_map<uint32_t, std::unique_ptr<Made>> made_;
};

absl::StatusOr<std::string> Run(const Plan& plan, Of of, const View& root,
                                NameTable* names, int64_t now_micros) {
  Writer writer(names);
  Applier applier(plan, of, now_micros, &writer);
  SHEAF_RETURN_IF_ERROR(applier.Run(root));
  return writer.Finish();
}

}  // namespace

const MergeFunctions& Update::NoFunctions() {
  static const auto* const none = new MergeFunctions;
  return *none;
}

absl::StatusOr<Update> Update::Parse(std::string_view json,
                                     const MergeFunctions& functions) {
  auto plan = std::make_shared<Plan>();
  SHEAF_ASSIGN_OR_RETURN(plan->document, JsonToBinary(json, &plan->names));
  UpdateParser parser(functions, plan.get());
  SHEAF_RETURN_IF_ERROR(parser.Parse(RootOf(plan->document, plan->names)));
  Update update;
  update.plan_ = std::move(plan);
  return update;
}

absl::StatusOr<std::string> Update::Apply(const View& old, NameTable* names,
                                          int64_t now_micros) const {
  return Run(*plan_, Of::kStored, old, names, now_micros);
}

absl::StatusOr<std::string> Update::ApplyToNew(const View& base, NameTable* names,
                                               int64_t now_micros) const {
  return Run(*plan_, Of::kNew, base, names, now_micros);
}

}  // namespace sheaf::document
