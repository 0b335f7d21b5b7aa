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
using vectors::SelectedSlots, vectors::Slot;

namespace {

// To estimate what share a filter lets pass so many are asked; where that is less than the
// least share, all that pass are looked up.
constexpr uint32_t kSampled = 96;
constexpr double kShareAsked = 0.1;
// So many searches by one filter ask candidates; then all that pass are looked up, for those
// that follow.
constexpr uint32_t kUsesBeforeSelecting = 3;
constexpr size_t kFiltersKept = 16;
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

std::shared_ptr<const SelectedSlots> ToSlots(const Roaring& set) {
  std::vector<Slot> slots(set.cardinality());
  set.toUint32Array(slots.data());
  return std::make_shared<SelectedSlots>(slots);
}

// Whether a slot passes all that a search asks for. An error is kept, and nothing passes
// behind it.
class Passing {
 public:
  Passing(const VectorState& state, const VectorSearchOptions& options)
      : state_(state), options_(options) {}

  absl::Status Prepare();
  bool is_needed() const {
    return selected_ != nullptr || except_ != nullptr || !is_cheap();
  }
  bool operator()(Slot slot) const {
    if (selected_ != nullptr && !selected_->Has(slot)) return false;
    if (except_ != nullptr && except_->contains(slot)) return false;
    return is_cheap() || Asked(slot);
  }
  const absl::Status& status() const { return status_; }
  const SelectedSlots* selected() const { return selected_.get(); }
  bool is_cheap() const { return !filter_.has_value() && options_.accept == nullptr; }
  double selectivity() const { return selectivity_; }

 private:
  double ShareOf(uint64_t count) const {
    return static_cast<double>(count) /
           static_cast<double>(std::max<uint64_t>(state_.reader.size(), 1));
  }
  absl::Status CheckSets() const;
  absl::StatusOr<bool> TakeFilter();
  absl::Status TakeExceptions();
  absl::Status SelectFilter();
  absl::Status Estimate();
  bool Asked(Slot slot) const;
  // To what was selected so far.
  void Narrow(const Roaring& set, std::shared_ptr<const SelectedSlots> selected);

  const VectorState& state_;
  const VectorSearchOptions& options_;
  std::optional<Roaring> narrowed_;                // of several sets
  const Roaring* set_ = nullptr;                   // the only one, or narrowed_
  std::shared_ptr<const SelectedSlots> selected_;  // the same
  const Roaring* except_ = nullptr;                // of few
  std::optional<Roaring> all_excepted_;            // those that have expired, too
  std::shared_ptr<const Roaring> of_filter_;
  std::optional<document::Filter> filter_;  // that candidates are asked
  CollectionReader metadata_;
  double selectivity_ = 1;
  mutable absl::Status status_;
};

absl::Status Passing::CheckSets() const {
  for (const VectorSet* const set : {options_.among, options_.except})
    if (set != nullptr && set->rep() != nullptr && set->rep()->of.lock().get() != &state_)
      return absl::InvalidArgumentError(
          "a set of vectors belongs to the handle that selected it");
  return absl::OkStatus();
}

void Passing::Narrow(const Roaring& set, std::shared_ptr<const SelectedSlots> selected) {
  if (set_ == nullptr) {
    set_ = &set;
    selected_ = selected != nullptr ? std::move(selected) : ToSlots(set);
  } else {
    narrowed_ = *set_ & set;
    set_ = &*narrowed_;
    selected_ = ToSlots(*narrowed_);
  }
  selectivity_ = ShareOf(selected_->slots().size());
}

absl::Status Passing::TakeExceptions() {
  SHEAF_ASSIGN_OR_RETURN(const Roaring* const hidden, state_.HiddenSlots());
  const Roaring* excepted = hidden;
  if (options_.except != nullptr && options_.except->rep() != nullptr) {
    excepted = &options_.except->rep()->slots;
    if (hidden != nullptr) {
      all_excepted_ = *excepted | *hidden;
      excepted = &*all_excepted_;
    }
  }
  if (excepted == nullptr) return absl::OkStatus();
  const Roaring& except = *excepted;
  const double share = ShareOf(except.cardinality());
  if (set_ == nullptr && share >= kShareExcepted) {
    Roaring others;
    SHEAF_RETURN_IF_ERROR(
        state_.reader.ForEachSlot([&](Slot slot) { others.add(slot); }));
    narrowed_ = others - except;
    Narrow(*narrowed_, nullptr);
    return absl::OkStatus();
  }
  except_ = &except;
  if (set_ == nullptr) selectivity_ = 1 - share;
  return absl::OkStatus();
}

// All that match are looked up, by an index on the metadata if there is one, and kept where
// they stay so.
absl::Status Passing::SelectFilter() {
  auto matching = std::make_shared<Roaring>();
  SHEAF_RETURN_IF_ERROR(state_.SelectWhere(options_.filter, matching.get()));
  of_filter_ = matching;
  std::shared_ptr<const SelectedSlots> selected;
  if (state_.writer == nullptr) {
    VectorState::UsedFilter& used = state_.filters[options_.filter];
    used.set = of_filter_;
    used.selected = selected = ToSlots(*of_filter_);
  }
  filter_.reset();
  Narrow(*of_filter_, std::move(selected));
  return absl::OkStatus();
}

// True: candidates are to be asked, or all that match looked up.
absl::StatusOr<bool> Passing::TakeFilter() {
  if (options_.filter.empty()) return false;
  if (state_.writer == nullptr) {
    if (state_.filters.size() >= kFiltersKept &&
        !state_.filters.contains(options_.filter))
      state_.filters.clear();
    VectorState::UsedFilter& used = state_.filters[options_.filter];
    if (used.set != nullptr) {
      of_filter_ = used.set;
      Narrow(*of_filter_, used.selected);
      return false;
    }
    ++used.uses;
  }
  SHEAF_ASSIGN_OR_RETURN(filter_, ParseFilter(state_, options_.filter));
  SHEAF_ASSIGN_OR_RETURN(metadata_, state_.Metadata());
  return true;
}

bool Passing::Asked(Slot slot) const {
  if (!status_.ok()) return false;
  if (filter_.has_value()) {
    bool matches = false;
    const absl::StatusOr<DocumentKey> key = state_.MetadataKey(slot);
    status_.Update(key.status());
    if (!key.ok()) return false;
    status_.Update(metadata_
                       .Visit(*key,
                              [&](const DocumentView& document) {
                                matches = filter_->Matches(document);
                              })
                       .status());
    if (!matches) return false;
  }
  if (options_.accept == nullptr) return true;
  const absl::StatusOr<DocumentKey> key = state_.KeyAt(slot);
  status_.Update(key.status());
  return key.ok() && options_.accept(*key);
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
  if (!there.empty())
    selectivity_ = static_cast<double>(passed) / static_cast<double>(there.size());
  return status_;
}

absl::Status Passing::Prepare() {
  SHEAF_RETURN_IF_ERROR(CheckSets());
  if (options_.among != nullptr) {
    static const Roaring* const kNone = new Roaring;
    const VectorSet::Rep* const rep = options_.among->rep();
    if (rep != nullptr && rep->selected == nullptr) rep->selected = ToSlots(rep->slots);
    Narrow(rep == nullptr ? *kNone : rep->slots,
           rep == nullptr ? nullptr : rep->selected);
  }
  SHEAF_ASSIGN_OR_RETURN(const bool asks, TakeFilter());
  SHEAF_RETURN_IF_ERROR(TakeExceptions());
  if (is_cheap()) return absl::OkStatus();
  const bool is_frequent = asks && state_.writer == nullptr &&
                           state_.filters[options_.filter].uses > kUsesBeforeSelecting;
  if (asks && (is_frequent || filter_->UsesKey())) return SelectFilter();
  SHEAF_RETURN_IF_ERROR(Estimate());
  return asks && selectivity_ < kShareAsked ? SelectFilter() : absl::OkStatus();
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
  SHEAF_ASSIGN_OR_RETURN(const Roaring* const hidden, HiddenSlots());
  if (hidden != nullptr) *out -= *hidden;
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
  set.rep_->of = state_;
  for (const DocumentKey& key : keys) {
    SHEAF_ASSIGN_OR_RETURN(const std::string encoded, state_->KeyOf(key));
    SHEAF_ASSIGN_OR_RETURN(const std::optional<Slot> slot,
                           state_->reader.FindSlot(encoded));
    if (slot.has_value()) set.rep_->slots.add(*slot);
  }
  SHEAF_ASSIGN_OR_RETURN(const Roaring* const hidden, state_->HiddenSlots());
  if (hidden != nullptr) set.rep_->slots -= *hidden;
  set.rep_->slots.runOptimize();
  return set;
}

absl::StatusOr<VectorSet> VectorIndexReader::SelectWhere(std::string_view filter) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  VectorSet set;
  set.rep_ = std::make_unique<VectorSet::Rep>();
  set.rep_->of = state_;
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

// The keys of what was found.
absl::Status ReadKeys(const vectors::VectorReader& reader,
                      const vectors::SearchAnswer& answer,
                      std::vector<std::optional<DocumentKey>>* out) {
  out->resize(answer.nearest.size());
  absl::Status malformed;
  const auto take = [&](size_t i, std::string_view encoded) {
    absl::StatusOr<DocumentKey> key = internal::DecodeKey(encoded);
    malformed.Update(key.status());
    if (key.ok()) (*out)[i] = *std::move(key);
  };
  for (size_t i = 0; i < answer.keys.size(); ++i) take(i, answer.keys[i]);
  if (!answer.keys.empty()) return malformed;
  std::vector<Slot> slots;
  slots.reserve(answer.nearest.size());
  for (const vectors::Near& near : answer.nearest) slots.push_back(near.slot);
  SHEAF_RETURN_IF_ERROR(reader.ForVectors(
      slots, [&](size_t i, const vectors::StoredVector& v) { take(i, v.key); }));
  return malformed;
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
                                   .selected = passing.selected(),
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
  std::vector<std::optional<DocumentKey>> keys;
  SHEAF_RETURN_IF_ERROR(ReadKeys(reader, answer, &keys));
  result.matches.reserve(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    const vectors::Near& near = answer.nearest[i];
    if (keys[i].has_value() && near.slot != without && result.matches.size() < options.k)
      result.matches.push_back({*std::move(keys[i]), near.distance});
  }
  return result;
}

}  // namespace internal

absl::StatusOr<VectorResult> VectorIndexReader::Search(
    VectorView query, const VectorSearchOptions& options) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const std::string bytes,
                         VectorState::ToBytes(state_->options(), query, name()));
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
                         VectorState::ToBytes(state_->options(), query, name()));
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
