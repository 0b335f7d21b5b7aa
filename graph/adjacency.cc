#include "graph/adjacency.h"

#include <algorithm>
#include <array>
#include <bit>

#include "absl/strings/str_cat.h"
#include "graph/adjacency_format.h"
#include "graph/adjacency_kernels.h"
#include "pager/assert.h"
#include "pager/coding.h"

namespace sheaf::graph {
namespace {

// Of heads without flags: the number of edges.
constexpr std::array<uint8_t, kHeadFlags> kCounts = [] {
  std::array<uint8_t, kHeadFlags> counts{};
  for (uint32_t head = 0; head < kHeadFlags; ++head) {
    const uint32_t more = head - kHeadMore + kTinyCountMax + 1;
    counts[head] = static_cast<uint8_t>(head >= kHeadMore    ? more
                                        : head == kHeadNone  ? 0
                                        : head == kHeadOne   ? 1
                                        : head >= kHeadTwo   ? 2
                                        : head >= kHeadThree ? 3
                                                             : 4);
  }
  return counts;
}();

// As pager::DecodeVarint64, but without a branch for each byte: how many they are cannot
// be foretold from list to list, and a wrong guess costs more than the rest of a head.
const char* DecodeFirst(const char* at, const char* end, uint64_t* value) {
  if (end - at < 8) return pager::DecodeVarint64(at, end, value);
  const uint64_t bytes = pager::DecodeFixed64(at);
  const uint64_t ends = ~bytes & 0x8080808080808080;
  if (ends == 0) [[unlikely]]
    return pager::DecodeVarint64(at, end, value);
  uint64_t v = bytes & (ends ^ (ends - 1)) & 0x7f7f7f7f7f7f7f7f;
  v = (v & 0x007f007f007f007f) | (v & 0x7f007f007f007f00) >> 1;
  v = (v & 0x00003fff00003fff) | (v & 0x3fff00003fff0000) >> 2;
  v = (v & 0x000000000fffffff) | (v & 0x0fffffff00000000) >> 4;
  *value = v;
  return at + (std::countr_zero(ends) + 1) / 8;
}

uint64_t Unzigzag(uint64_t code) { return code >> 1 ^ (~(code & 1) + 1); }

}  // namespace

bool SameEdge(const AdjacentEdge& a, const AdjacentEdge& b) {
  return a.neighbour == b.neighbour && a.ordinal == b.ordinal &&
         std::bit_cast<uint64_t>(a.weight) == std::bit_cast<uint64_t>(b.weight) &&
         a.has_properties == b.has_properties;
}

const char* AdjacencyView::ReadHead(std::string_view bytes, VertexId vertex) {
  if (bytes.empty()) return "head: no bytes";
  const char *const begin = bytes.data(), *const end = begin + bytes.size();
  vertex_ = vertex;
  const uint8_t head = ByteAt(begin);
  const char* at = begin + 1;
  if (head >= kHeadFlags) {
    flags_ = head - kHeadFlags;
    at = pager::DecodeVarint32(at, end, &count_);
    if (at == nullptr) return "number of edges: cut off or too large";
    if (count_ == 0) return "number of edges: 0 with flags";
  } else {
    count_ = kCounts[head];
    in_ = {at, at, begin, end};
    if (count_ == 0) return nullptr;
  }
  uint64_t first;
  at = DecodeFirst(at, end, &first);
  if (at == nullptr) return "first neighbour: cut off or too large";
  first_ = vertex + Unzigzag(first);
  const bool is_tiny = head < kHeadMore;
  const size_t control_bytes = is_tiny ? 0 : ControlBytes(count_);
  if (static_cast<size_t>(end - at) < control_bytes) return "controls: cut off";
  in_ = {is_tiny ? begin : at, at + control_bytes, begin, end};
  return nullptr;
}

// Requires: count_ > 0.
const char* AdjacencyView::DeltasEnd() const {
  const uint32_t count = count_ - 1;
  return in_.deltas + (is_wide() ? WideDeltasBytes(in_.controls, count)
                                 : DeltasBytes(in_.controls, count));
}

void AdjacencyView::FindColumns(const char* deltas_end) {
  ordinals_ = deltas_end;
  weights_ = ordinals_ + count_ * OrdinalBytes(OrdinalFormOf(flags_));
  properties_ =
      weights_ + (IsWeightOfAll(flags_) ? 1 : count_) * WeightBytes(WeightFormOf(flags_));
}

AdjacencyView::AdjacencyView(std::string_view bytes, VertexId vertex) {
  const char* const problem = ReadHead(bytes, vertex);
  SHEAF_ASSERT(problem == nullptr);
  if ((flags_ & kColumnsMask) != 0) FindColumns(DeltasEnd());
}

size_t AdjacencyView::size_bytes() const {
  if (empty()) return 1;
  if ((flags_ & kColumnsMask) == 0) return static_cast<size_t>(DeltasEnd() - in_.begin);
  const char* end = properties_;
  if (has_properties()) end += PropertyBytes(count_);
  return static_cast<size_t>(end - in_.begin);
}

// Each size is compared with what is left before a pointer moves by it.
const char* AdjacencyView::CheckSizes() {
  size_t left = static_cast<size_t>(in_.end - in_.deltas);
  const uint32_t further = count_ - 1;
  if (further > left) return "number of edges: more than there are bytes";
  // In a head, the bits left over are the head's.
  if (in_.controls != in_.begin && further % 4 != 0 &&
      ByteAt(in_.controls + further / 4) >> (2 * (further % 4)) != 0)
    return "controls: bits of no edge";
  const size_t deltas_bytes = is_wide() ? WideDeltasBytes(in_.controls, further)
                                        : DeltasBytes(in_.controls, further);
  if (deltas_bytes > left) return "deltas: cut off";
  left -= deltas_bytes;
  const char* const deltas_end = in_.deltas + deltas_bytes;
  const size_t ordinal_bytes = OrdinalBytes(OrdinalFormOf(flags_));
  if (ordinal_bytes != 0 && left / ordinal_bytes < count_) return "ordinals: cut off";
  left -= ordinal_bytes * count_;
  const WeightForm weights = WeightFormOf(flags_);
  if (IsWeightOfAll(flags_) && weights == WeightForm::kOne)
    return "flags: no such weights";
  const uint32_t weight_count = IsWeightOfAll(flags_) ? 1 : count_;
  if (weights != WeightForm::kOne && left / WeightBytes(weights) < weight_count)
    return "weights: cut off";
  left -= WeightBytes(weights) * weight_count;
  FindColumns(deltas_end);
  if (!has_properties()) return nullptr;
  if (left < PropertyBytes(count_)) return "properties: cut off";
  if (count_ % 8 != 0 && ByteAt(properties_ + count_ / 8) >> (count_ % 8) != 0)
    return "properties: bits of no edge";
  return nullptr;
}

// Sums that overflow descend.
const char* AdjacencyView::CheckOrder() const {
  constexpr const char* kDescend = "deltas: neighbours do not ascend";
  AdjacencyCursor cursor(*this);
  const OrdinalForm form = OrdinalFormOf(flags_);
  VertexId before = first_;
  for (absl::Span<const VertexId> chunk = cursor.Next(); !chunk.empty();
       chunk = cursor.Next()) {
    const size_t begin = cursor.index() == 0 ? 1 : 0;  // the first has none before it
    bool descends = false, repeats = false;
    for (size_t i = begin; i < chunk.size(); ++i) {
      descends |= chunk[i] < before;
      repeats |= chunk[i] == before;
      before = chunk[i];
    }
    if (descends) return kDescend;
    if (!repeats || form == OrdinalForm::kCounted) continue;
    if (form == OrdinalForm::kZero) return kDescend;
    before = cursor.index() == 0 ? first_ : cursor.before();
    for (size_t i = begin; i < chunk.size(); ++i) {
      const uint32_t index = cursor.index() + static_cast<uint32_t>(i);
      if (chunk[i] == before && StoredOrdinal(index) <= StoredOrdinal(index - 1))
        return "ordinals: they do not ascend";
      before = chunk[i];
    }
  }
  return nullptr;
}

absl::StatusOr<size_t> ValidateAdjacencyPrefix(std::string_view bytes, VertexId vertex) {
  AdjacencyView list;
  const char* problem = list.ReadHead(bytes, vertex);
  if (problem == nullptr && !list.empty()) {
    problem = list.CheckSizes();
    if (problem == nullptr) problem = list.CheckOrder();
  }
  if (problem != nullptr)
    return absl::DataLossError(absl::StrCat("adjacency list: ", problem));
  return list.size_bytes();
}

absl::Status ValidateAdjacency(std::string_view bytes, VertexId vertex) {
  const absl::StatusOr<size_t> size = ValidateAdjacencyPrefix(bytes, vertex);
  if (!size.ok()) return size.status();
  if (*size == bytes.size()) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("adjacency list: end: ", bytes.size() - *size, " bytes behind it"));
}

void AdjacencyView::Decode(VertexId* out) const {
  if (empty()) return;
  *out = first_;
  if (count_ == 1) return;
  DecodeSome(in_, count_ - 1, first_, out + 1);
}

void AdjacencyView::DecodeEdges(std::vector<AdjacentEdge>* out) const {
  out->assign(count_, AdjacentEdge());
  AdjacencyCursor cursor(*this);
  for (absl::Span<const VertexId> chunk = cursor.Next(); !chunk.empty();
       chunk = cursor.Next()) {
    AdjacentEdge* edge = out->data() + cursor.index();
    for (const VertexId neighbour : chunk) edge++->neighbour = neighbour;
  }
  if ((flags_ & kColumnsMask) == 0) return;
  const OrdinalForm form = OrdinalFormOf(flags_);
  for (uint32_t i = 0; i < count_; ++i) {
    AdjacentEdge& edge = (*out)[i];
    edge.weight = weight(i);
    edge.has_properties = has_properties(i);
    if (form == OrdinalForm::kByte || form == OrdinalForm::kFixed32)
      edge.ordinal = StoredOrdinal(i);
    else if (i > 0 && edge.neighbour == (*out)[i - 1].neighbour)
      edge.ordinal = (*out)[i - 1].ordinal + 1;
  }
}

AdjacencyView::Place AdjacencyView::PlaceOf(VertexId neighbour) const {
  Place place;
  AdjacencyCursor cursor(*this);
  for (absl::Span<const VertexId> chunk = cursor.Next(); !chunk.empty();
       chunk = cursor.Next()) {
    place.index = cursor.index() + static_cast<uint32_t>(chunk.size());
    if (chunk.back() >= neighbour) {
      const auto at = std::lower_bound(chunk.begin(), chunk.end(), neighbour);
      place.index = cursor.index() + static_cast<uint32_t>(at - chunk.begin());
      place.at = *at;
      if (at != chunk.begin()) place.before = *(at - 1);
      break;
    }
    place.before = chunk.back();
  }
  return place;
}

uint32_t AdjacencyView::LowerBound(VertexId neighbour) const {
  return PlaceOf(neighbour).index;
}

bool AdjacencyView::Contains(VertexId neighbour) const {
  const Place place = PlaceOf(neighbour);
  return place.index < count_ && place.at == neighbour;
}

std::optional<uint32_t> AdjacencyView::Find(VertexId neighbour, uint32_t ordinal) const {
  const Place place = PlaceOf(neighbour);
  if (place.index == count_ || place.at != neighbour) return std::nullopt;
  const OrdinalForm form = OrdinalFormOf(flags_);
  if (form == OrdinalForm::kZero)
    return ordinal == 0 ? std::optional(place.index) : std::nullopt;
  const uint32_t end = neighbour + 1 == 0 ? count_ : LowerBound(neighbour + 1);
  if (form == OrdinalForm::kCounted)
    return ordinal < end - place.index ? std::optional(place.index + ordinal)
                                       : std::nullopt;
  for (uint32_t i = place.index; i < end; ++i)
    if (StoredOrdinal(i) == ordinal) return i;
  return std::nullopt;
}

// Requires: a form of its own for each.
uint32_t AdjacencyView::StoredOrdinal(uint32_t index) const {
  return OrdinalFormOf(flags_) == OrdinalForm::kByte
             ? ByteAt(ordinals_ + index)
             : pager::DecodeFixed32(ordinals_ + size_t{index} * 4);
}

uint32_t AdjacencyView::ordinal(uint32_t index) const {
  const OrdinalForm form = OrdinalFormOf(flags_);
  if (form == OrdinalForm::kZero) return 0;
  if (form != OrdinalForm::kCounted) return StoredOrdinal(index);
  AdjacencyCursor cursor(*this);
  absl::Span<const VertexId> chunk = cursor.Next();
  while (index - cursor.index() >= chunk.size()) chunk = cursor.Next();
  return index - LowerBound(chunk[index - cursor.index()]);
}

double AdjacencyView::weight(uint32_t index) const {
  const size_t i = IsWeightOfAll(flags_) ? 0 : index;
  switch (WeightFormOf(flags_)) {
    case WeightForm::kOne:
      return 1;
    case WeightForm::kByte:
      return ByteAt(weights_ + i);
    case WeightForm::kFloat:
      return std::bit_cast<float>(pager::DecodeFixed32(weights_ + 4 * i));
    case WeightForm::kDouble:
      return std::bit_cast<double>(pager::DecodeFixed64(weights_ + 8 * i));
  }
  __builtin_unreachable();
}

bool AdjacencyView::has_properties(uint32_t index) const {
  return has_properties() && (ByteAt(properties_ + index / 8) >> (index % 8) & 1) != 0;
}

const char* AdjacencyView::DecodeSome(const DeltaBytes& in, uint32_t count, VertexId base,
                                      VertexId* out) const {
  return is_wide() ? DecodeWideDeltas(in, count, base, out)
                   : DecodeDeltas(in, count, base, out);
}

// Decodes out of the list's own DeltaBytes: what has just been written in parts is copied
// as a whole with a delay that is as long as all else that is done for a short list.
absl::Span<const VertexId> AdjacencyCursor::First() {
  next_ = std::min(list_.count_, kChunkMax - kDecodeRoom);
  chunk_[0] = last_ = list_.first_;
  if (next_ == 1) return {chunk_, 1};
  const uint32_t deltas = next_ - 1;
  const char* const end = list_.DecodeSome(list_.in_, deltas, last_, chunk_ + 1);
  last_ = chunk_[deltas];
  if (next_ < list_.count_) {
    in_ = list_.in_;
    in_.controls += deltas / 4;
    in_.deltas = end;
  }
  return {chunk_, next_};
}

absl::Span<const VertexId> AdjacencyCursor::Next() {
  index_ = next_;
  before_ = last_;
  if (index_ == list_.count_) return {};
  if (index_ == 0) return First();
  const uint32_t count = std::min(list_.count_ - index_, kChunkMax);
  in_.deltas = list_.DecodeSome(in_, count, last_, chunk_);
  in_.controls += count / 4;
  last_ = chunk_[count - 1];
  next_ += count;
  return {chunk_, count};
}

}  // namespace sheaf::graph
