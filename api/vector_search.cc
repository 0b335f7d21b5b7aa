// Searches: filters become sets of slots, or are asked of each candidate.
#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/internal/vector_state.h"
#include "catalog/tick.h"
#include "document/filter.h"
#include "pager/status_macros.h"

namespace sheaf {

using internal::CheckHandle, internal::VectorState;
using vectors::Slot;

namespace {

// To estimate what share a filter lets pass so many are asked; where that is less than the
// least share, all that pass are looked up.
constexpr uint32_t kSampled = 96;
constexpr double kShareAsked = 0.1;
// Exceptions up to this share are looked for, one by one; more become the set of the others.
constexpr double kShareExcepted = 0.5;
// A search by radius begins so broad and doubles.
constexpr uint32_t kRadiusBreadth = 64;

absl::StatusOr<document::Filter> ParseFilter(const VectorState& state,
                                             std::string_view json) {
  SHEAF_ASSIGN_OR_RETURN(document::Filter filter, document::Filter::Parse(json));
  if (!filter.UsesKey() || state.owner.has_value()) return filter;
  return absl::InvalidArgumentError(
      "the filter asks for _id, which metadata do not have: choose keys by "
      "VectorSearchOptions::among or accept");
}

// Whether a slot passes all that a search asks for. An error is kept, and nothing passes
// behind it.
class Passing {
 public:
  Passing(const VectorState& state, const VectorSearchOptions& options)
      : state_(state), options_(options) {}

  absl::Status Prepare();
  bool is_needed() const {
    return set_.has_value() || except_ != nullptr || filter_.has_value() ||
           options_.accept != nullptr;
  }
  bool operator()(Slot slot) const;
  const absl::Status& status() const { return status_; }
  const std::vector<Slot>* slots() const { return set_.has_value() ? &slots_ : nullptr; }
  bool is_cheap() const { return !filter_.has_value() && options_.accept == nullptr; }
  double selectivity() const { return selectivity_; }

 private:
  absl::Status TakeSets();
  absl::Status TakeFilter();
  absl::Status Estimate();
  bool HasInSet(Slot slot) const {
    return slot / 64 < bits_.size() && (bits_[slot / 64] >> slot % 64 & 1) != 0;
  }
  bool Asked(Slot slot) const;

  const VectorState& state_;
  const VectorSearchOptions& options_;
  std::optional<Roaring> set_;
  const Roaring* except_ = nullptr;  // of few
  std::vector<uint64_t> bits_;       // the same
  std::vector<Slot> slots_;
  std::optional<document::Filter> filter_;
  CollectionReader metadata_;
  double selectivity_ = 1;
  mutable absl::Status status_;
};

absl::Status Passing::TakeSets() {
  for (const VectorSet* const set : {options_.among, options_.except}) {
    if (set == nullptr || set->rep() == nullptr) continue;
    if (set->rep()->of != &state_)
      return absl::InvalidArgumentError(
          "a set of vectors belongs to the handle that selected it");
  }
  if (options_.among != nullptr)
    set_ = options_.among->rep() == nullptr ? Roaring() : options_.among->rep()->slots;
  const bool has_exceptions =
      options_.except != nullptr && options_.except->rep() != nullptr;
  if (!has_exceptions) return absl::OkStatus();
  const Roaring& except = options_.except->rep()->slots;
  const double share = static_cast<double>(except.cardinality()) /
                       static_cast<double>(std::max<uint64_t>(state_.reader.size(), 1));
  if (!set_.has_value() && share < kShareExcepted) {
    except_ = &except;
    selectivity_ = 1 - share;
    return absl::OkStatus();
  }
  if (!set_.has_value()) {
    Roaring all;
    SHEAF_RETURN_IF_ERROR(state_.reader.ForEachSlot([&](Slot slot) { all.add(slot); }));
    set_ = std::move(all);
  }
  *set_ -= except;
  return absl::OkStatus();
}

absl::Status Passing::TakeFilter() {
  if (options_.filter.empty()) return absl::OkStatus();
  SHEAF_ASSIGN_OR_RETURN(filter_, ParseFilter(state_, options_.filter));
  SHEAF_ASSIGN_OR_RETURN(metadata_, state_.Metadata());
  return absl::OkStatus();
}

bool Passing::Asked(Slot slot) const {
  if (!status_.ok()) return false;
  if (filter_.has_value()) {
    bool matches = false;
    const absl::StatusOr<bool> there = metadata_.Visit(
        int64_t{slot},
        [&](const DocumentView& document) { matches = filter_->Matches(document); });
    status_.Update(there.status());
    if (!matches) return false;
  }
  if (options_.accept == nullptr) return true;
  const absl::StatusOr<DocumentKey> key = state_.KeyAt(slot);
  status_.Update(key.status());
  return key.ok() && options_.accept(*key);
}

bool Passing::operator()(Slot slot) const {
  if (set_.has_value() && !HasInSet(slot)) return false;
  if (except_ != nullptr && except_->contains(slot)) return false;
  return is_cheap() || Asked(slot);
}

absl::Status Passing::Estimate() {
  const uint64_t end = state_.reader.slot_end();
  const uint64_t step = std::max<uint64_t>(end / kSampled, 1);
  std::vector<Slot> sample, there;
  for (uint64_t slot = step / 2; slot < end; slot += step)
    sample.push_back(static_cast<Slot>(slot));
  SHEAF_RETURN_IF_ERROR(state_.reader.ForVectors(
      sample,
      [&](size_t i, const vectors::StoredVector&) { there.push_back(sample[i]); }));
  uint64_t passed = 0;
  for (const Slot slot : there) passed += (*this)(slot);
  selectivity_ =
      there.empty() ? 1 : static_cast<double>(passed) / static_cast<double>(there.size());
  return status_;
}

absl::Status Passing::Prepare() {
  SHEAF_RETURN_IF_ERROR(TakeSets());
  SHEAF_RETURN_IF_ERROR(TakeFilter());
  const auto fill = [this] {
    slots_.resize(set_->cardinality());
    set_->toUint32Array(slots_.data());
    bits_.assign(state_.reader.slot_end() / 64 + 1, 0);
    for (const Slot slot : slots_)
      if (slot / 64 < bits_.size()) bits_[slot / 64] |= uint64_t{1} << slot % 64;
    selectivity_ = static_cast<double>(slots_.size()) /
                   static_cast<double>(std::max<uint64_t>(state_.reader.size(), 1));
  };
  if (set_.has_value()) fill();
  if (is_cheap()) return absl::OkStatus();
  SHEAF_RETURN_IF_ERROR(Estimate());
  // Few: those that match are found at once, by an index on the metadata if there is one.
  if (!filter_.has_value() || (selectivity_ >= kShareAsked && !filter_->UsesKey()))
    return absl::OkStatus();
  Roaring matching;
  SHEAF_RETURN_IF_ERROR(state_.SelectWhere(options_.filter, &matching));
  set_ = set_.has_value() ? *set_ & matching : std::move(matching);
  filter_.reset();
  fill();
  return absl::OkStatus();
}

}  // namespace

namespace internal {

absl::Status VectorState::SelectWhere(std::string_view filter, Roaring* out) const {
  SHEAF_RETURN_IF_ERROR(ParseFilter(*this, filter).status());
  SHEAF_ASSIGN_OR_RETURN(const CollectionReader metadata, Metadata());
  QueryOptions options;
  options.project = R"({"_id": 1})";
  SHEAF_ASSIGN_OR_RETURN(DocumentCursor cursor, metadata.Query(filter, options));
  while (cursor.Next()) {
    SHEAF_ASSIGN_OR_RETURN(const std::optional<Slot> slot, SlotOfMetadata(cursor.key()));
    if (slot.has_value()) out->add(*slot);
  }
  return cursor.status();
}

}  // namespace internal

// --- VectorSet ----------------------------------------------------------------

VectorSet::VectorSet() = default;
VectorSet::~VectorSet() = default;
VectorSet::VectorSet(VectorSet&&) noexcept = default;
VectorSet& VectorSet::operator=(VectorSet&&) noexcept = default;
uint64_t VectorSet::size() const {
  return rep_ == nullptr ? 0 : rep_->slots.cardinality();
}

absl::StatusOr<VectorSet> VectorIndexReader::Select(
    absl::Span<const DocumentKey> keys) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  VectorSet set;
  set.rep_ = std::make_unique<VectorSet::Rep>();
  set.rep_->of = state_.get();
  for (const DocumentKey& key : keys) {
    SHEAF_ASSIGN_OR_RETURN(const std::string encoded, state_->KeyOf(key));
    SHEAF_ASSIGN_OR_RETURN(const std::optional<Slot> slot,
                           state_->reader.FindSlot(encoded));
    if (slot.has_value()) set.rep_->slots.add(*slot);
  }
  set.rep_->slots.runOptimize();
  return set;
}

absl::StatusOr<VectorSet> VectorIndexReader::SelectWhere(std::string_view filter) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  VectorSet set;
  set.rep_ = std::make_unique<VectorSet::Rep>();
  set.rep_->of = state_.get();
  SHEAF_RETURN_IF_ERROR(state_->SelectWhere(filter, &set.rep_->slots));
  set.rep_->slots.runOptimize();
  return set;
}

// --- Search -------------------------------------------------------------------

namespace {

absl::Status CheckSearch(const VectorSearchOptions& o) {
  if (o.k == 0) return absl::InvalidArgumentError("k: is 0; 1 or more are allowed");
  if (o.ef > vectors::kBreadthMax)
    return absl::InvalidArgumentError(
        absl::StrCat("ef: is ", o.ef, "; up to ", vectors::kBreadthMax, " are allowed"));
  if (o.ef != 0 && o.ef < o.k)
    return absl::InvalidArgumentError(
        absl::StrCat("ef: is ", o.ef, ", less than k, which is ", o.k));
  if (o.radius.has_value() && std::isnan(*o.radius))
    return absl::InvalidArgumentError("radius: is no number");
  return absl::OkStatus();
}

}  // namespace

namespace internal {

absl::StatusOr<VectorResult> VectorState::Search(std::string_view bytes,
                                                 const VectorSearchOptions& options,
                                                 std::optional<Slot> without) const {
  SHEAF_RETURN_IF_ERROR(CheckSearch(options));
  Passing passing(*this, options);
  SHEAF_RETURN_IF_ERROR(passing.Prepare());
  const auto tick = [&] { return catalog::Tick(options.progress, "the search", {}); };
  vectors::SearchRequest request{.vector = bytes, .tick = tick};
  // One more than there are finds them all.
  const uint64_t all = std::max<uint64_t>(reader.size(), 1);
  request.k = static_cast<uint32_t>(
      std::min<uint64_t>(uint64_t{options.k} + without.has_value(), all));
  request.ef = options.ef != 0 ? options.ef : this->options().ef_search;
  request.ef = std::max(request.ef, request.k);
  if (options.plan.has_value()) request.plan = static_cast<vectors::Plan>(*options.plan);
  if (request.ef > vectors::kBreadthMax) request.plan = vectors::Plan::kExact;
  if (options.radius.has_value()) request.radius = *options.radius;
  const vectors::SlotFilter filter{.passes = passing,
                                   .is_cheap = passing.is_cheap(),
                                   .slots = passing.slots(),
                                   .selectivity = passing.selectivity()};
  if (passing.is_needed()) request.filter = &filter;
  SHEAF_ASSIGN_OR_RETURN(const vectors::SearchAnswer answer, searcher.Search(request));
  SHEAF_RETURN_IF_ERROR(passing.status());
  if (answer.pending >= BackgroundLinker::kPendingMin && writer == nullptr &&
      this->options().kind == VectorIndexKind::kHnsw)
    tree->txn->rep->Link(id());
  VectorResult result;
  result.plan = static_cast<VectorPlan>(answer.plan);
  result.selectivity = passing.selectivity();
  result.estimates = answer.estimates;
  result.exact = answer.exact;
  result.pending = answer.pending;
  std::vector<Slot> slots;
  std::vector<std::optional<DocumentKey>> keys(answer.nearest.size());
  for (const vectors::Near& near : answer.nearest) slots.push_back(near.slot);
  absl::Status malformed;
  SHEAF_RETURN_IF_ERROR(
      reader.ForVectors(slots, [&](size_t i, const vectors::StoredVector& v) {
        absl::StatusOr<DocumentKey> key = DecodeKey(v.key);
        malformed.Update(key.status());
        if (key.ok()) keys[i] = *std::move(key);
      }));
  SHEAF_RETURN_IF_ERROR(malformed);
  for (size_t i = 0; i < slots.size(); ++i)
    if (keys[i].has_value() && slots[i] != without && result.matches.size() < options.k)
      result.matches.push_back({*std::move(keys[i]), answer.nearest[i].distance});
  return result;
}

}  // namespace internal

absl::StatusOr<VectorResult> VectorIndexReader::Search(
    VectorView query, const VectorSearchOptions& options) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const std::string bytes,
                         VectorState::ToBytes(state_->options(), query));
  return state_->Search(bytes, options, std::nullopt);
}

absl::StatusOr<VectorResult> VectorIndexReader::SearchByKey(
    const DocumentKey& key, const VectorSearchOptions& options) const {
  SHEAF_ASSIGN_OR_RETURN(const std::string bytes, GetBytes(key));
  SHEAF_ASSIGN_OR_RETURN(const Slot slot, state_->SlotOf(key));
  return state_->Search(bytes, options, slot);
}

absl::StatusOr<VectorResult> VectorIndexReader::SearchRadius(
    VectorView query, float radius, const VectorSearchOptions& options) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const std::string bytes,
                         VectorState::ToBytes(state_->options(), query));
  VectorSearchOptions wider = options;
  wider.radius = radius;
  wider.k = std::max(options.ef, kRadiusBreadth);
  for (;; wider.k *= 2) {
    wider.ef = 0;
    SHEAF_ASSIGN_OR_RETURN(VectorResult result,
                           state_->Search(bytes, wider, std::nullopt));
    if (result.matches.size() < wider.k || wider.k > vectors::kBreadthMax / 2) {
      if (result.matches.size() < wider.k) return result;
      wider.plan = VectorPlan::kExact;
      wider.k = static_cast<uint32_t>(
          std::min<uint64_t>(state_->reader.size() + 1, UINT32_MAX));
      return state_->Search(bytes, wider, std::nullopt);
    }
  }
}

absl::StatusOr<std::vector<VectorResult>> VectorIndexReader::SearchMany(
    absl::Span<const VectorView> queries, const VectorSearchOptions& options) const {
  std::vector<VectorResult> results;
  results.reserve(queries.size());
  for (const VectorView& query : queries) {
    SHEAF_ASSIGN_OR_RETURN(VectorResult result, Search(query, options));
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace sheaf
