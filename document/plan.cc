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
constexpr double kDecodeCost = 1;
// Two indexes are taken to be independent, which they may not be: only for so much less.
constexpr double kPartnerGain = 0.5;
constexpr uint64_t kKeyBytesSorted = 64;  // in memory
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

bool IsUsable(const Index& index) {
  return index.state == IndexState::kReady && !index.disabled;
}

// Are the paths that `a` bounds among those of `b`?
bool SaysNoMore(const Plan& a, const Plan& b) {
  const auto begin = a.index->definition.fields.begin();
  return std::all_of(begin, begin + static_cast<ptrdiff_t>(a.bounds.fields),
                     [&](const IndexField& field) {
                       const auto other = b.index->definition.fields.begin();
                       return std::any_of(
                           other, other + static_cast<ptrdiff_t>(b.bounds.fields),
                           [&](const IndexField& f) { return f.path == field.path; });
                     });
}

// What the rest costs once it is known how many documents match.
void PutPrice(const Query& query, uint64_t matches, Plan* plan) {
  const auto entries = static_cast<double>(plan->entries);
  double share = 1;
  if (plan->in_order && query.limit.has_value() && matches > 0)
    share = std::min(
        1.0, (static_cast<double>(query.skip) + static_cast<double>(*query.limit)) /
                 static_cast<double>(matches));
  const double each = plan->index == nullptr ? 1
                      : plan->is_covered     ? kEntryCost + kDecodeCost
                                             : kEntryCost + kFetchCost;
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
  plan.is_covered = index != nullptr && query_.reads.has_value() &&
                    CoveredReader::Of(*index, PathsRead(plan)).has_value();
  // An index that neither bounds nor orders is a long way round, unless it is small.
  const bool is_partial = index != nullptr && !index->definition.filter.empty();
  if (index != nullptr && plan.bounds.fields == 0 && !is_hinted && !is_partial &&
      !plan.is_covered && (query_.sort.empty() || !plan.in_order))
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
    if (!IsUsable(index) || !index.definition.unique) continue;
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
    if (!is_free && index.definition.name != query_.index) continue;
    if (!is_free && index.disabled)
      return absl::FailedPreconditionError(
          absl::StrCat("query: index ", query_.index, " is disabled"));
    if (!IsUsable(index)) continue;
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
  if (is_free) {
    ConsiderPartners();
    SHEAF_RETURN_IF_ERROR(ConsiderBranches());
  }
  plan_ =
      &*std::min_element(plans_.begin(), plans_.end(),
                         [](const Plan& a, const Plan& b) { return a.cost < b.cost; });
  if (!plan_->is_union) branches_.clear();
  return absl::OkStatus();
}

// What must be known of a document beside the bounds.
std::vector<std::string> QueryCursor::PathsRead(const Plan& plan) const {
  std::vector<std::string> paths = *query_.reads;
  for (const SortField& field : query_.sort)
    if (field.path.text() != kKeyPath) paths.push_back(field.path.text());
  if (plan.bounds.exact) return paths;
  for (std::string& path : filter_.Paths())
    if (path != kKeyPath) paths.push_back(std::move(path));
  return paths;
}

// Of two indexes that bound the filter: what both have. The keys of the one with fewer
// entries are collected, then the entries of the other are gone through.
void QueryCursor::ConsiderPartners() {
  if (query_.limit.has_value()) return;
  const auto n = static_cast<double>(std::max<uint64_t>(source_.tree.root().entries, 1));
  std::optional<Plan> best;
  for (const Plan& fewer : plans_) {
    for (const Plan& more : plans_) {
      const bool are_bounded = fewer.index != nullptr && more.index != nullptr &&
                               fewer.bounds.fields > 0 && more.bounds.fields > 0;
      if (!are_bounded || SaysNoMore(fewer, more) || SaysNoMore(more, fewer) ||
          fewer.entries > more.entries ||
          fewer.entries * kKeyBytesSorted > query_.sorter.memory_bytes_max / 2)
        continue;
      Plan both = more;
      both.partner = fewer.index;
      both.partner_ranges = fewer.bounds.ranges;
      both.bounds.exact = both.is_covered = both.is_counted = false;
      const auto a = static_cast<double>(fewer.entries);
      const auto b = static_cast<double>(more.entries);
      both.entries = static_cast<uint64_t>(std::ceil(a * b / n));
      const auto found = static_cast<double>(both.entries);
      const double seeks = static_cast<double>(fewer.bounds.ranges.size()) +
                           static_cast<double>(more.bounds.ranges.size());
      both.cost = kSeekCost * seeks + (a + b) * kEntryCost + found * kFetchCost;
      if (!both.in_order) both.cost += found * (1 + kSortCost * std::log2(found + 2));
      const double least = std::min(fewer.cost, more.cost);
      if (both.cost < least * kPartnerGain &&
          (!best.has_value() || both.cost < best->cost))
        best = std::move(both);
    }
  }
  if (best.has_value()) plans_.push_back(*std::move(best));
}

// The parts of an $or, each by its own way; not where one of them goes over everything.
absl::Status QueryCursor::ConsiderBranches() {
  if (is_branch_) return absl::OkStatus();
  Plan plan;
  plan.is_union = true;
  plan.in_order = query_.sort.empty();
  plan.bounds.exact = true;
  plan.bounds.one_entry_each = plan.is_counted = false;
  for (Filter& filter : query_.filter.Branches()) {
    Query part;
    part.filter = std::move(filter);
    part.sorter = query_.sorter;
    part.progress = query_.progress;
    std::unique_ptr<QueryCursor> branch(new QueryCursor(source_, std::move(part)));
    branch->is_branch_ = true;
    branch->text_names_ = text_names_;
    SHEAF_RETURN_IF_ERROR(branch->MakePlan());
    if (branch->plan_->index == nullptr && branch->plan_->bounds.fields == 0)
      return absl::OkStatus();
    SHEAF_RETURN_IF_ERROR(branch->Prepare());
    plan.entries += branch->plan_->entries;
    plan.cost += branch->plan_->cost;
    branches_.push_back(std::move(branch));
  }
  // The keys that were given are remembered.
  const bool is_too_much =
      plan.entries * kKeyBytesSorted > query_.sorter.memory_bytes_max / 2;
  if (branches_.empty() || is_too_much) return absl::OkStatus();
  if (!plan.in_order) {
    const auto n = static_cast<double>(plan.entries + 2);
    plan.cost += n * (1 + kSortCost * std::log2(n));
  }
  plans_.push_back(std::move(plan));
  return absl::OkStatus();
}

// --- Words ----------------------------------------------------------------------

namespace {

std::string WayOf(const Plan& plan) {
  if (plan.is_union) return "each part of $or by its own index";
  const bool all = plan.bounds.fields == 0;
  if (plan.index == nullptr) return all ? "scan of the collection" : "range of keys";
  std::string way = absl::StrCat(all ? "scan of index " : "range of index ",
                                 plan.index->definition.name);
  if (plan.partner != nullptr)
    absl::StrAppend(&way, " of what index ", plan.partner->definition.name, " has, too");
  if (plan.is_covered) way += ", which has all that is read";
  return way;
}

void AppendPlan(const Plan& plan, std::string* json) {
  const auto name = [&](const char* field, const Index* index) {
    if (index == nullptr) return;
    absl::StrAppend(json, ",\"", field, "\":");
    AppendJsonString(index->definition.name, json);
  };
  absl::StrAppend(json, "{\"way\":");
  AppendJsonString(plan.is_union             ? "or"
                   : plan.partner != nullptr ? "intersection"
                   : plan.index != nullptr   ? "index"
                   : plan.bounds.fields == 0 ? "scan"
                                             : "keys",
                   json);
  name("index", plan.index);
  name("with", plan.partner);
  const auto boolean = [](bool value) { return value ? "true" : "false"; };
  absl::StrAppend(json, ",\"fields_bounded\":", plan.bounds.fields,
                  ",\"ranges\":", plan.bounds.ranges.size(),
                  ",\"exact\":", boolean(plan.bounds.exact),
                  ",\"covered\":", boolean(plan.is_covered),
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
  std::string text =
      absl::StrCat("plan      ", WayOf(plan), plan.backwards ? ", backwards" : "",
                   plan.in_order ? "" : ", then a sort", "\n");
  if (!plan.is_union)
    absl::StrAppend(&text, "bounds    ", plan.bounds.ranges.size(), " ranges over ",
                    plan.bounds.fields, " fields",
                    plan.bounds.exact ? ", which is all of the filter" : "", "\n");
  absl::StrAppend(&text, "expected  ", plan.is_counted ? "" : "about ", plan.entries,
                  " entries\n", "actual    ", c.entries, " entries looked at, ",
                  c.documents, " documents read, ", c.rows, " rows, ",
                  absl::FormatDuration(absl::Trunc(c.time, absl::Microseconds(1))), "\n");
  if (c.spilled_bytes > 0)
    absl::StrAppend(&text, "sorted    ", c.spilled_bytes, " bytes in a file\n");
  for (const std::unique_ptr<QueryCursor>& branch : cursor.branches())
    absl::StrAppend(&text, "part      ", WayOf(branch->plan()), ": ",
                    branch->plan().entries, " entries\n");
  for (const Plan& other : cursor.plans()) {
    if (&other == &plan) continue;
    absl::StrAppend(&text, "not taken ", WayOf(other), ": ", other.entries, " entries",
                    other.in_order ? "" : " and a sort", "\n");
  }
  for (const Index& index : cursor.indexes())
    if (index.disabled)
      absl::StrAppend(&text, "disabled  index ", index.definition.name, "\n");
  return text;
}

std::string DescribePlansAsJson(const QueryCursor& cursor) {
  const QueryCounts c = cursor.counts();
  std::string json = "{\"plan\":";
  AppendPlan(cursor.plan(), &json);
  if (!cursor.branches().empty()) {
    absl::StrAppend(&json, ",\"parts\":[");
    for (const std::unique_ptr<QueryCursor>& branch : cursor.branches()) {
      if (json.back() != '[') json.push_back(',');
      AppendPlan(branch->plan(), &json);
    }
    json.push_back(']');
  }
  absl::StrAppend(&json, ",\"considered\":[");
  for (const Plan& plan : cursor.plans()) {
    if (json.back() != '[') json.push_back(',');
    AppendPlan(plan, &json);
  }
  absl::StrAppend(&json, "],\"disabled\":[");
  for (const Index& index : cursor.indexes()) {
    if (!index.disabled) continue;
    if (json.back() != '[') json.push_back(',');
    AppendJsonString(index.definition.name, &json);
  }
  absl::StrAppend(&json, "],\"actual\":{\"entries\":", c.entries,
                  ",\"documents\":", c.documents, ",\"rows\":", c.rows,
                  ",\"spilled_bytes\":", c.spilled_bytes,
                  ",\"micros\":", absl::ToInt64Microseconds(c.time), "}}");
  return json;
}

}  // namespace sheaf::document
