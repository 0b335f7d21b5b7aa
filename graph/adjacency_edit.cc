// The part of graph/adjacency.h that makes bytes.
#include <algorithm>
#include <array>
#include <bit>
#include <cfloat>
#include <cmath>
#include <cstring>

#include "graph/adjacency.h"
#include "graph/adjacency_format.h"
#include "graph/adjacency_kernels.h"
#include "pager/assert.h"
#include "pager/coding.h"

namespace sheaf::graph {
namespace {

uint64_t Zigzag(uint64_t difference) {
  return difference << 1 ^ (~(difference >> 63) + 1);
}

bool FitsByte(double weight) {
  return weight >= 0 && weight <= 255 && weight == std::floor(weight) &&
         !std::signbit(weight);
}

// Bit for bit. A finite double above all floats has no float to be converted to.
bool FitsFloat(double weight) {
  if (std::isfinite(weight) && std::fabs(weight) > FLT_MAX) return false;
  return std::bit_cast<uint64_t>(static_cast<double>(static_cast<float>(weight))) ==
         std::bit_cast<uint64_t>(weight);
}

uint32_t DeltaCodeOf(uint64_t delta, bool is_wide) {
  const auto more_bytes = static_cast<uint32_t>(std::bit_width(delta | 1) - 1) / 8;
  return is_wide ? static_cast<uint32_t>(std::bit_width(more_bytes)) : more_bytes;
}

// Encoders write the 8 bytes of a delta and then go on behind those that it has.
constexpr size_t kRoomBehind = sizeof(uint64_t);

char* WriteDelta(char* out, uint64_t delta, uint32_t code, bool is_wide) {
  pager::EncodeFixed64(out, delta);
  return out + DeltaBytesOf(code, is_wide);
}

// Requires: the bits are zero.
void SetCode(char* controls, uint32_t index, uint32_t code) {
  controls[index / 4] = static_cast<char>(static_cast<uint8_t>(controls[index / 4]) |
                                          code << (2 * (index % 4)));
}

size_t HeadBytes(uint32_t count, uint8_t flags) {
  return flags == 0 && count <= kHeadCountMax ? 1 : 1 + pager::VarintBytes(count);
}

bool IsTiny(uint32_t count, uint8_t flags) {
  return flags == 0 && count <= kTinyCountMax;
}

struct Start {
  char* controls;
  char* deltas;
};

// Head, first neighbour and room for the controls. Requires: count > 0; `out` is zero.
Start WriteStart(char* out, uint32_t count, uint8_t flags, uint64_t first) {
  constexpr uint8_t kTinyHeads[] = {kHeadNone, kHeadOne, kHeadTwo, kHeadThree, 0};
  char* const head = out;
  if (IsTiny(count, flags)) {
    *head = static_cast<char>(kTinyHeads[count]);
    return {head, pager::EncodeVarint64(head + 1, first)};
  }
  if (flags == 0 && count <= kHeadCountMax) {
    *out++ = static_cast<char>(kHeadMore + count - (kTinyCountMax + 1));
  } else {
    *out++ = static_cast<char>(kHeadFlags | flags);
    out = pager::EncodeVarint32(out, count);
  }
  out = pager::EncodeVarint64(out, first);
  return {out, out + ControlBytes(count)};
}

size_t StartBytes(uint32_t count, uint8_t flags, uint64_t first) {
  return HeadBytes(count, flags) + pager::VarintBytes(first) +
         (IsTiny(count, flags) ? 0 : ControlBytes(count));
}

uint8_t OrdinalFlags(absl::Span<const AdjacentEdge> edges) {
  uint32_t ordinal_max = 0;
  bool is_counted = true;
  for (size_t i = 0; i < edges.size(); ++i) {
    const bool is_parallel = i > 0 && edges[i].neighbour == edges[i - 1].neighbour;
    ordinal_max = std::max(ordinal_max, edges[i].ordinal);
    is_counted &= edges[i].ordinal == (is_parallel ? edges[i - 1].ordinal + 1 : 0);
  }
  const OrdinalForm form = ordinal_max == 0    ? OrdinalForm::kZero
                           : is_counted        ? OrdinalForm::kCounted
                           : ordinal_max < 256 ? OrdinalForm::kByte
                                               : OrdinalForm::kFixed32;
  return static_cast<uint8_t>(form);
}

uint8_t WeightFlags(absl::Span<const AdjacentEdge> edges) {
  const auto first = std::bit_cast<uint64_t>(edges[0].weight);
  bool fit_bytes = true, fit_floats = true, are_same = true;
  for (const AdjacentEdge& edge : edges) {
    fit_bytes = fit_bytes && FitsByte(edge.weight);
    fit_floats = fit_floats && FitsFloat(edge.weight);
    are_same &= std::bit_cast<uint64_t>(edge.weight) == first;
  }
  if (are_same && edges[0].weight == 1) return 0;
  const WeightForm form = fit_bytes    ? WeightForm::kByte
                          : fit_floats ? WeightForm::kFloat
                                       : WeightForm::kDouble;
  const uint8_t of_all = are_same && edges.size() > 1 ? kWeightOfAll : 0;
  return static_cast<uint8_t>((static_cast<uint8_t>(form) | of_all) << kWeightShift);
}

struct Shape {
  uint8_t flags;
  size_t columns_bytes;
};

// Asserts that the edges are in order. Most lists have no flags: what finds that out has
// no branches. Requires: there are edges.
Shape ShapeOf(absl::Span<const AdjacentEdge> edges) {
  constexpr auto kOne = std::bit_cast<uint64_t>(1.0);
  uint64_t deltas = 0, weights = std::bit_cast<uint64_t>(edges[0].weight) ^ kOne;
  uint32_t ordinals = edges[0].ordinal;
  bool has_properties = edges[0].has_properties, ascends = true;
  for (size_t i = 1; i < edges.size(); ++i) {
    const AdjacentEdge &edge = edges[i], &before = edges[i - 1];
    deltas |= edge.neighbour - before.neighbour;
    weights |= std::bit_cast<uint64_t>(edge.weight) ^ kOne;
    ordinals |= edge.ordinal;
    has_properties |= edge.has_properties;
    ascends &= static_cast<int>(before.neighbour < edge.neighbour) |
               (static_cast<int>(before.neighbour == edge.neighbour) &
                static_cast<int>(before.ordinal < edge.ordinal));
  }
  SHEAF_ASSERT(ascends);
  uint8_t flags = 0;
  if (ordinals != 0) flags |= OrdinalFlags(edges);
  if (weights != 0) flags |= WeightFlags(edges);
  if (has_properties) flags |= kPropertiesFlag;
  if (deltas >> 32 != 0) flags |= kWideFlag;
  const size_t count = edges.size();
  return {flags,
          count * OrdinalBytes(OrdinalFormOf(flags)) +
              (IsWeightOfAll(flags) ? 1 : count) * WeightBytes(WeightFormOf(flags)) +
              (has_properties ? PropertyBytes(static_cast<uint32_t>(count)) : 0)};
}

char* WriteDeltas(absl::Span<const AdjacentEdge> edges, bool is_wide, Start start) {
  char* out = start.deltas;
  char* control = start.controls;
  for (size_t group = 1; group < edges.size(); group += 4) {
    const size_t end = std::min(group + 4, edges.size());
    uint32_t codes = static_cast<uint8_t>(*control);  // a head has bits of its own
    for (size_t i = group; i < end; ++i) {
      const uint64_t delta = edges[i].neighbour - edges[i - 1].neighbour;
      const uint32_t code = DeltaCodeOf(delta, is_wide);
      codes |= code << (2 * (i - group));
      out = WriteDelta(out, delta, code, is_wide);
    }
    *control++ = static_cast<char>(codes);
  }
  return out;
}

char* WriteOrdinals(absl::Span<const AdjacentEdge> edges, OrdinalForm form, char* out) {
  const size_t bytes = OrdinalBytes(form);
  if (bytes == 0) return out;
  for (const AdjacentEdge& edge : edges) {
    pager::EncodeFixed32(out, edge.ordinal);  // the next one overwrites what it has not
    out += bytes;
  }
  return out;
}

char* WriteWeights(absl::Span<const AdjacentEdge> edges, uint8_t flags, char* out) {
  const WeightForm form = WeightFormOf(flags);
  for (const AdjacentEdge& edge : IsWeightOfAll(flags) ? edges.first(1) : edges) {
    switch (form) {
      case WeightForm::kOne:
        break;
      case WeightForm::kByte:
        *out = static_cast<char>(static_cast<uint8_t>(edge.weight));
        break;
      case WeightForm::kFloat:
        pager::EncodeFixed32(out,
                             std::bit_cast<uint32_t>(static_cast<float>(edge.weight)));
        break;
      case WeightForm::kDouble:
        pager::EncodeFixed64(out, std::bit_cast<uint64_t>(edge.weight));
        break;
    }
    out += WeightBytes(form);
  }
  return out;
}

char* WriteProperties(absl::Span<const AdjacentEdge> edges, char* out) {
  const size_t bytes = PropertyBytes(static_cast<uint32_t>(edges.size()));
  std::memset(out, 0, bytes);
  for (size_t i = 0; i < edges.size(); ++i)
    if (edges[i].has_properties)
      out[i / 8] = static_cast<char>(out[i / 8] | 1 << (i % 8));
  return out + bytes;
}

// Copies codes from bit to bit. Requires: those of the target are zero.
void CopyCodes(const char* from, uint32_t from_index, char* to, uint32_t to_index,
               uint32_t count) {
  const uint32_t to_end = to_index + count;
  const auto copy_one = [&] { SetCode(to, to_index++, DeltaCode(from, from_index++)); };
  while (to_index < to_end && to_index % 4 != 0) copy_one();
  const uint32_t shift = 2 * (from_index % 4);
  for (; to_end - to_index >= 4; to_index += 4, from_index += 4) {
    uint32_t codes = static_cast<uint8_t>(from[from_index / 4]);
    if (shift != 0)
      codes |= static_cast<uint32_t>(static_cast<uint8_t>(from[from_index / 4 + 1])) << 8;
    to[to_index / 4] = static_cast<char>(codes >> shift);
  }
  while (to_index < to_end) copy_one();
}

// Nothing of it has a column.
bool IsPlain(const AdjacentEdge& edge) {
  return edge.ordinal == 0 && edge.weight == 1 && !edge.has_properties;
}

struct KeyLess {
  bool operator()(const AdjacentEdge& a, const AdjacentEdge& b) const {
    return a.neighbour != b.neighbour ? a.neighbour < b.neighbour : a.ordinal < b.ordinal;
  }
};

}  // namespace

size_t EncodedAdjacencyBytes(absl::Span<const AdjacentEdge> edges, VertexId vertex) {
  if (edges.empty()) return 1;
  const Shape shape = ShapeOf(edges);
  const bool is_wide = (shape.flags & kWideFlag) != 0;
  size_t bytes = StartBytes(static_cast<uint32_t>(edges.size()), shape.flags,
                            Zigzag(edges[0].neighbour - vertex));
  for (size_t i = 1; i < edges.size(); ++i) {
    const uint64_t delta = edges[i].neighbour - edges[i - 1].neighbour;
    bytes += DeltaBytesOf(DeltaCodeOf(delta, is_wide), is_wide);
  }
  return bytes + shape.columns_bytes;
}

void EncodeAdjacency(absl::Span<const AdjacentEdge> edges, VertexId vertex,
                     std::string* out) {
  if (edges.empty()) return out->push_back(static_cast<char>(kHeadNone));
  SHEAF_ASSERT(edges.size() <= UINT32_MAX);
  const Shape shape = ShapeOf(edges);
  const bool is_wide = (shape.flags & kWideFlag) != 0;
  const auto count = static_cast<uint32_t>(edges.size());
  const uint64_t first = Zigzag(edges[0].neighbour - vertex);
  const size_t begin = out->size();
  const size_t bytes_max = StartBytes(count, shape.flags, first) +
                           count * DeltaBytesOf(3, is_wide) + shape.columns_bytes;
  out->resize(begin + bytes_max + kRoomBehind);
  const Start start = WriteStart(out->data() + begin, count, shape.flags, first);
  char* at = WriteDeltas(edges, is_wide, start);
  at = WriteOrdinals(edges, OrdinalFormOf(shape.flags), at);
  at = WriteWeights(edges, shape.flags, at);
  if ((shape.flags & kPropertiesFlag) != 0) at = WriteProperties(edges, at);
  SHEAF_ASSERT(at <= out->data() + begin + bytes_max);
  out->resize(static_cast<size_t>(at - out->data()));
}

// Changes a list without columns where one edge comes or goes: at most two deltas are
// other ones, what is before and behind them is copied.
class AdjacencySplicer {
 public:
  // The list without deltas [index, index + erased), with others there.
  struct Change {
    VertexId first;
    uint32_t index, erased, added;
    std::array<uint64_t, 2> deltas;
  };

  // Nothing where a delta would be too large.
  static std::optional<Change> Inserting(const AdjacencyView& list, VertexId neighbour,
                                         const AdjacencyView::Place& place);
  static std::optional<Change> Erasing(const AdjacencyView& list, uint32_t index);
  static void Apply(const AdjacencyView& list, const Change& change, std::string* out);
  static AdjacencyView::Place PlaceOf(const AdjacencyView& list, VertexId neighbour) {
    return list.PlaceOf(neighbour);
  }
  static bool Holds(const AdjacencyView& list, const AdjacencyView::Place& place,
                    VertexId neighbour) {
    return place.index < list.count() && place.at == neighbour;
  }

 private:
  static std::optional<Change> IfNarrow(const Change& change) {
    for (uint32_t i = 0; i < change.added; ++i)
      if (change.deltas[i] >> 32 != 0) return std::nullopt;
    return change;
  }
};

std::optional<AdjacencySplicer::Change> AdjacencySplicer::Inserting(
    const AdjacencyView& list, VertexId neighbour, const AdjacencyView::Place& place) {
  if (list.empty()) return Change{neighbour, 0, 0, 0, {}};
  if (place.index == 0) return IfNarrow({neighbour, 0, 0, 1, {list.first() - neighbour}});
  const uint32_t index = place.index - 1;
  if (place.index == list.count())
    return IfNarrow({list.first(), index, 0, 1, {neighbour - place.before}});
  return Change{
      list.first(), index, 1, 2, {neighbour - place.before, place.at - neighbour}};
}

std::optional<AdjacencySplicer::Change> AdjacencySplicer::Erasing(
    const AdjacencyView& list, uint32_t index) {
  if (list.count() == 1) return std::nullopt;
  const auto delta_at = [&](uint32_t i) {
    const size_t at = DeltasBytes(list.in_.controls, i);
    uint64_t delta = 0;
    for (uint32_t byte = 0; byte <= DeltaCode(list.in_.controls, i); ++byte)
      delta |= uint64_t{static_cast<uint8_t>(list.in_.deltas[at + byte])} << (8 * byte);
    return delta;
  };
  if (index == 0) return Change{list.first() + delta_at(0), 0, 1, 0, {}};
  if (index == list.count() - 1) return Change{list.first(), index - 1, 1, 0, {}};
  return IfNarrow(
      {list.first(), index - 1, 2, 1, {delta_at(index - 1) + delta_at(index)}});
}

void AdjacencySplicer::Apply(const AdjacencyView& list, const Change& change,
                             std::string* out) {
  const uint32_t deltas = list.empty() ? 0 : list.count() - 1;
  const uint32_t count = list.empty() ? 1 : list.count() - change.erased + change.added;
  const uint32_t rest = change.index + change.erased;
  const size_t before_bytes = DeltasBytes(list.in_.controls, change.index);
  const size_t rest_begin = DeltasBytes(list.in_.controls, rest);
  const size_t rest_bytes = DeltasBytes(list.in_.controls, deltas) - rest_begin;
  const uint64_t first = Zigzag(change.first - list.vertex());

  const size_t begin = out->size();
  out->resize(begin + StartBytes(count, 0, first) + before_bytes + rest_bytes +
              change.added * sizeof(uint32_t) + kRoomBehind);
  const Start start = WriteStart(out->data() + begin, count, 0, first);
  CopyCodes(list.in_.controls, 0, start.controls, 0, change.index);
  std::memcpy(start.deltas, list.in_.deltas, before_bytes);
  char* at = start.deltas + before_bytes;
  for (uint32_t i = 0; i < change.added; ++i) {
    const uint32_t code = DeltaCodeOf(change.deltas[i], false);
    SetCode(start.controls, change.index + i, code);
    at = WriteDelta(at, change.deltas[i], code, false);
  }
  CopyCodes(list.in_.controls, rest, start.controls, change.index + change.added,
            deltas - rest);
  std::memcpy(at, list.in_.deltas + rest_begin, rest_bytes);
  out->resize(static_cast<size_t>(at - out->data()) + rest_bytes);
}

bool AdjacencyInsert(const AdjacencyView& list, const AdjacentEdge& edge,
                     std::string* out) {
  if (list.flags() == 0 && IsPlain(edge)) {
    const auto place = AdjacencySplicer::PlaceOf(list, edge.neighbour);
    if (AdjacencySplicer::Holds(list, place, edge.neighbour)) {
      out->append(list.bytes());
      return false;
    }
    const auto change = AdjacencySplicer::Inserting(list, edge.neighbour, place);
    if (change.has_value()) {
      AdjacencySplicer::Apply(list, *change, out);
      return true;
    }
  }
  std::vector<AdjacentEdge> edges;
  list.DecodeEdges(&edges);
  const auto at = std::lower_bound(edges.begin(), edges.end(), edge, KeyLess());
  const bool is_there = at != edges.end() && !KeyLess()(edge, *at);
  if (is_there)
    *at = edge;
  else
    edges.insert(at, edge);
  EncodeAdjacency(edges, list.vertex(), out);
  return !is_there;
}

bool AdjacencyErase(const AdjacencyView& list, VertexId neighbour, uint32_t ordinal,
                    std::string* out) {
  const std::optional<uint32_t> index = list.Find(neighbour, ordinal);
  if (!index.has_value()) return false;
  if (list.flags() == 0) {
    const auto change = AdjacencySplicer::Erasing(list, *index);
    if (change.has_value()) {
      AdjacencySplicer::Apply(list, *change, out);
      return true;
    }
  }
  std::vector<AdjacentEdge> edges;
  list.DecodeEdges(&edges);
  edges.erase(edges.begin() + *index);
  EncodeAdjacency(edges, list.vertex(), out);
  return true;
}

AdjacentEdge AdjacencySplit(const AdjacencyView& list, std::string* lower,
                            std::string* upper) {
  SHEAF_ASSERT(list.count() >= 2);
  std::vector<AdjacentEdge> edges;
  list.DecodeEdges(&edges);
  const absl::Span<const AdjacentEdge> all(edges);
  const size_t middle = all.size() / 2;
  EncodeAdjacency(all.first(middle), list.vertex(), lower);
  EncodeAdjacency(all.subspan(middle), list.vertex(), upper);
  return edges[middle];
}

}  // namespace sheaf::graph
