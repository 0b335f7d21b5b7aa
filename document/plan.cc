// How QueryCursor chooses its way: see document/query.h.
#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "document/json_codec.h"
#include "document/query.h"
#include "pager/status_macros.h"

namespace sheaf::document {

using catalog::TreeView;

namespace {

// In documents that are read one after the other.
constexpr double kEntryCost = 0.25, kFetchCost = 3, kSortCost = 0.15, kSeekCost = 3;
// What is left of entries by conditions that bounds do not express; nothing is known of it.
constexpr double kMatchingShare = 0.25;
// Of more ranges the others are taken to be like the first.
constexpr size_t kRangesCounted = 64;

absl::Status CountEntries(const TreeView& tree, Plan* plan) {
  const std::vector<ByteRange>& ranges = plan->bounds.ranges;
  const size_t counted = std::min(ranges.size(), kRangesCounted);
  plan->is_counted = counted == ranges.size();
  for (size_t i = 0; i < counted; ++i) {
    uint64_t below = 0, end = tree.root().entries;
    if (!ranges[i].from.empty()) {
      SHEAF_ASSIGN_OR_RETURN(below, tree.reader().Rank(ranges[i].from));
    }
    if (!ranges[i].to.empty()) {
      SHEAF_ASSIGN_OR_RETURN(end, tree.reader().Rank(ranges[i].to));
    }
    plan->entries += end - std::min(below, end);
  }
  if (!plan->is_counted) plan->entries = plan->entries * ranges.size() / counted;
  return absl::OkStatus();
}

// What the rest costs once it is known how many documents match.
void PutPrice(const Query& query, uint64_t matches, Plan* plan) {
  const auto entries = static_cast<double>(plan->entries);
  double share = 1;
  if (plan->in_order && query.limit.has_value() && matches > 0)
    share = std::min(
        1.0, (static_cast<double>(query.skip) + static_cast<double>(*query.limit)) /
                 static_cast<double>(matches));
  const double each = plan->index == nullptr ? 1 : kEntryCost + kFetchCost;
  plan->cost = kSeekCost * static_cast<double>(plan->bounds.ranges.size()) +
               entries * share * each;
  if (!plan->in_order) {
    const auto n = static_cast<double>(std::max<uint64_t>(matches, 2));
    plan->cost += n * (1 + kSortCost * std::log2(n));
  }
}

}  // namespace

bool QueryCursor::CanOrder(const Index* index, const Bounds& bounds,
                           bool* backwards) const {
  if (query_.sort.empty()) return true;
  if (index == nullptr) {
    if (query_.sort[0].path.text() != kKeyPath) return false;
    *backwards = query_.sort[0].descending;
    return true;
  }
  // Of several entries of a document the order is that of one; cut ones have none.
  if (index->through_arrays || index->cut) return false;
  const std::vector<IndexField>& fields = index->definition.fields;
  size_t at = 0;
  std::optional<bool> turned;
  for (const SortField& wanted : query_.sort) {
    const auto has_one_value = [&](size_t field) { return field < bounds.points; };
    while (at < fields.size() && fields[at].path != wanted.path.text() &&
           has_one_value(at))
      ++at;
    if (at == fields.size() || fields[at].path != wanted.path.text()) {
      const bool is_constant = std::any_of(
          fields.begin(), fields.begin() + static_cast<ptrdiff_t>(bounds.points),
          [&](const IndexField& f) { return f.path == wanted.path.text(); });
      if (is_constant) continue;
      return false;
    }
    const bool turns = fields[at].descending != wanted.descending;
    if (!has_one_value(at)) {
      if (turned.has_value() && *turned != turns) return false;
      turned = turns;
    }
    ++at;
  }
  *backwards = turned.value_or(false);
  return true;
}

absl::Status QueryCursor::Consider(const Index* index) {
  Plan plan;
  plan.index = index;
  if (index == nullptr) {
    plan.bounds = KeyBoundsOf(filter_);
  } else {
    std::optional<Bounds> bounds = BoundsOf(filter_, *index);
    if (!bounds.has_value()) return absl::OkStatus();
    plan.bounds = *std::move(bounds);
  }
  plan.in_order = CanOrder(index, plan.bounds, &plan.backwards);
  const bool is_hinted = index != nullptr && query_.index == index->definition.name;
  // An index that neither bounds nor orders is a long way round, unless it is small.
  const bool is_partial = index != nullptr && !index->definition.filter.empty();
  if (index != nullptr && plan.bounds.fields == 0 && !is_hinted && !is_partial &&
      (query_.sort.empty() || !plan.in_order))
    return absl::OkStatus();
  if (index == nullptr) {
    SHEAF_RETURN_IF_ERROR(CountEntries(source_.tree, &plan));
  } else {
    SHEAF_ASSIGN_OR_RETURN(const TreeView tree, source_.open_index(*index));
    SHEAF_RETURN_IF_ERROR(CountEntries(tree, &plan));
  }
  plans_.push_back(std::move(plan));
  return absl::OkStatus();
}

// An index that has at most one document for the filter: nothing is better.
std::optional<Plan> QueryCursor::OneOfUniqueIndex() const {
  if (!query_.index.empty()) return std::nullopt;
  for (const Index& index : *indexes_) {
    if (index.state != IndexState::kReady || !index.definition.unique) continue;
    std::optional<Bounds> bounds = BoundsOf(filter_, index);
    if (!bounds.has_value() || bounds->points != index.paths.size()) continue;
    Plan plan;
    plan.index = &index;
    plan.bounds = *std::move(bounds);
    plan.entries = 1;
    plan.is_counted = false;
    plan.cost = kSeekCost + kFetchCost;
    return plan;
  }
  return std::nullopt;
}

absl::Status QueryCursor::MakePlan() {
  uses_key_ = filter_.UsesKey() ||
              std::any_of(query_.sort.begin(), query_.sort.end(),
                          [](const SortField& f) { return f.path.text() == kKeyPath; });
  if (std::optional<Plan> plan = OneOfUniqueIndex()) {
    plan_ = &plans_.emplace_back(*std::move(plan));
    return absl::OkStatus();
  }
  const bool is_free = query_.index.empty();
  if (is_free || query_.index == kKeyPath) SHEAF_RETURN_IF_ERROR(Consider(nullptr));
  bool is_there = is_free || query_.index == kKeyPath;
  for (const Index& index : *indexes_) {
    if (index.state != IndexState::kReady) continue;
    if (!is_free && index.definition.name != query_.index) continue;
    is_there = true;
    SHEAF_RETURN_IF_ERROR(Consider(&index));
  }
  if (!is_there)
    return absl::InvalidArgumentError(
        absl::StrCat("query: there is no index ", query_.index, " that is ready"));
  if (plans_.empty())
    return absl::FailedPreconditionError(
        absl::StrCat("query: index ", query_.index,
                     " has not all documents that the filter can match"));
  uint64_t matches = UINT64_MAX;
  for (const Plan& plan : plans_) {
    const double share = plan.bounds.exact ? 1 : kMatchingShare;
    matches = std::min(
        matches,
        static_cast<uint64_t>(std::ceil(static_cast<double>(plan.entries) * share)));
  }
  for (Plan& plan : plans_) PutPrice(query_, matches, &plan);
  plan_ =
      &*std::min_element(plans_.begin(), plans_.end(),
                         [](const Plan& a, const Plan& b) { return a.cost < b.cost; });
  return absl::OkStatus();
}

// --- Words ----------------------------------------------------------------------

namespace {

std::string WayOf(const Plan& plan) {
  const bool all = plan.bounds.fields == 0;
  if (plan.index == nullptr) return all ? "scan of the collection" : "range of keys";
  return absl::StrCat(all ? "scan of index " : "range of index ",
                      plan.index->definition.name);
}

void AppendPlan(const Plan& plan, std::string* json) {
  absl::StrAppend(json, "{\"way\":");
  AppendJsonString(plan.index != nullptr     ? "index"
                   : plan.bounds.fields == 0 ? "scan"
                                             : "keys",
                   json);
  if (plan.index != nullptr) {
    absl::StrAppend(json, ",\"index\":");
    AppendJsonString(plan.index->definition.name, json);
  }
  const auto boolean = [](bool value) { return value ? "true" : "false"; };
  absl::StrAppend(json, ",\"fields_bounded\":", plan.bounds.fields,
                  ",\"ranges\":", plan.bounds.ranges.size(),
                  ",\"exact\":", boolean(plan.bounds.exact),
                  ",\"in_order\":", boolean(plan.in_order),
                  ",\"backwards\":", boolean(plan.backwards),
                  ",\"entries\":", plan.entries, ",\"cost\":");
  AppendJsonDouble(plan.cost, json);
  json->push_back('}');
}

}  // namespace

std::string DescribePlans(const QueryCursor& cursor) {
  const Plan& plan = cursor.plan();
  const QueryCounts c = cursor.counts();
  std::string text = absl::StrCat(
      "plan      ", WayOf(plan), plan.backwards ? ", backwards" : "",
      plan.in_order ? "" : ", then a sort", "\n", "bounds    ", plan.bounds.ranges.size(),
      " ranges over ", plan.bounds.fields, " fields",
      plan.bounds.exact ? ", which is all of the filter" : "", "\n", "expected  ",
      plan.is_counted ? "" : "about ", plan.entries, " entries\n", "actual    ",
      c.entries, " entries looked at, ", c.documents, " documents read, ", c.rows,
      " rows, ", absl::FormatDuration(absl::Trunc(c.time, absl::Microseconds(1))), "\n");
  if (c.spilled_bytes > 0)
    absl::StrAppend(&text, "sorted    ", c.spilled_bytes, " bytes in a file\n");
  for (const Plan& other : cursor.plans()) {
    if (other.index == plan.index) continue;
    absl::StrAppend(&text, "not taken ", WayOf(other), ": ", other.entries, " entries",
                    other.in_order ? "" : " and a sort", "\n");
  }
  return text;
}

std::string DescribePlansAsJson(const QueryCursor& cursor) {
  const QueryCounts c = cursor.counts();
  std::string json = "{\"plan\":";
  AppendPlan(cursor.plan(), &json);
  absl::StrAppend(&json, ",\"considered\":[");
  for (const Plan& plan : cursor.plans()) {
    if (json.back() != '[') json.push_back(',');
    AppendPlan(plan, &json);
  }
  absl::StrAppend(&json, "],\"actual\":{\"entries\":", c.entries,
                  ",\"documents\":", c.documents, ",\"rows\":", c.rows,
                  ",\"spilled_bytes\":", c.spilled_bytes,
                  ",\"micros\":", absl::ToInt64Microseconds(c.time), "}}");
  return json;
}

}  // namespace sheaf::document
