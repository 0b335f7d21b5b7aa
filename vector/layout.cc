#include "vector/layout.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "pager/coding.h"
#include "pager/status_macros.h"

namespace sheaf::vectors {
namespace {

using btree::DenseKey;
using btree::kGroupKeys;

constexpr uint32_t kLevelEnd = 24;
constexpr size_t kVectorHead = 14, kLevelLinkBytes = 4, kCountBytes = 2;
// What packings count on.
constexpr size_t kUsualKey = 16;
// How much worse a leaf of one more page may be than a smaller one: each change copies it.
constexpr double kPageCost = 0.04;
// Groups of several pages are given an eighth more (btree/dense_tree.cc).
constexpr size_t kSpareDivisor = 8;

std::string PartName(catalog::TreeId index, const char* part) {
  return absl::StrCat(std::string(catalog::kPartNamePrefix), index, ".", part);
}

std::string SlotRow(std::string_view kind, Slot slot) {
  std::string row(kind);
  for (int shift = 24; shift >= 0; shift -= 8)
    row.push_back(static_cast<char>(slot >> shift));
  return row;
}

size_t Pieces(size_t bytes) { return (bytes + kRecordMax - 1) / kRecordMax; }

absl::Status Wrong(const std::string& option, uint64_t value, const std::string& range) {
  return absl::InvalidArgumentError(
      absl::StrCat(option, ": is ", value, "; ", range, " are allowed"));
}

// splitmix64 (Steele, Lea and Flood, OOPSLA 2014).
uint64_t Mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

template <class T>
std::optional<T> Named(std::string_view name, std::initializer_list<T> all) {
  for (const T value : all)
    if (NameOf(value) == name) return value;
  return std::nullopt;
}

}  // namespace

absl::Status CheckOptions(const Options& o) {
  if (o.dimensions < 1 || o.dimensions > kDimensionsMax)
    return Wrong("dimensions", o.dimensions, absl::StrCat("1 to ", kDimensionsMax));
  if (NameOf(o.metric).empty())
    return absl::InvalidArgumentError("metric: is none that there is");
  if (NameOf(o.element).empty())
    return absl::InvalidArgumentError("element: is none that there is");
  if (!Fits(o.metric, o.element))
    return absl::InvalidArgumentError(
        absl::StrCat("metric: ", std::string(NameOf(o.metric)), " does not measure ",
                     std::string(NameOf(o.element)), "; hamming goes with bit"));
  if (o.kind != IndexKind::kHnsw && o.kind != IndexKind::kFlat)
    return absl::InvalidArgumentError("kind: is none that there is");
  if (o.code != Code::kByte && o.code != Code::kExact)
    return absl::InvalidArgumentError("code: is none that there is");
  if (o.m < kMMin || o.m > kMMax)
    return Wrong("m", o.m, absl::StrCat(kMMin, " to ", kMMax));
  if (o.ef_construction < 1 || o.ef_construction > kBreadthMax)
    return Wrong("ef_construction", o.ef_construction,
                 absl::StrCat("1 to ", kBreadthMax));
  if (o.ef_search < 1 || o.ef_search > kBreadthMax)
    return Wrong("ef_search", o.ef_search, absl::StrCat("1 to ", kBreadthMax));
  return absl::OkStatus();
}

std::string KeysName(catalog::TreeId index) { return PartName(index, "keys"); }
std::string NodesName(catalog::TreeId index) { return PartName(index, "nodes"); }
std::string LevelsName(catalog::TreeId index) { return PartName(index, "levels"); }
std::string MetadataName(catalog::TreeId index) { return PartName(index, "metadata"); }

std::string FieldsName(catalog::TreeId collection) {
  return PartName(collection, "fields");
}

std::string KeyRow(std::string_view key) { return std::string(kKeyRows).append(key); }
std::string FreeRow(Slot slot) { return SlotRow(kFreeRows, slot); }
std::string PendingRow(Slot slot) { return SlotRow(kPendingRows, slot); }

std::optional<Slot> SlotOfRow(std::string_view row) {
  if (row.size() != 5) return std::nullopt;
  Slot slot = 0;
  for (const char c : row.substr(1)) slot = slot << 8 | static_cast<uint8_t>(c);
  if (slot >= kSlotEnd) return std::nullopt;
  return slot;
}

std::optional<uint64_t> Packing::NumberOf(DenseKey key) const {
  if (key % kGroupKeys >= in_group) return std::nullopt;
  return key / kGroupKeys * in_group + key % kGroupKeys;
}

Packing Packing::For(size_t record_bytes) {
  const size_t room = pager::kPageBytes - btree::DenseView::kPayload;
  Packing best;
  double best_cost = HUGE_VAL;
  for (uint32_t n = kGroupKeys; n > 0; --n) {
    const size_t records = n * record_bytes;
    const size_t group = btree::DenseLeafView::kGroupBytes + records;
    size_t pages = 1, taken = n;
    if (group <= room)
      taken = room / group * n;
    else
      pages = (btree::DenseView::kPayload + group + records / kSpareDivisor +
               pager::kPageBytes - 1) /
              pager::kPageBytes;
    const double cost = static_cast<double>(pages) / static_cast<double>(taken) *
                        (1 + kPageCost * static_cast<double>(pages));
    if (cost < best_cost) best = {n}, best_cost = cost;
  }
  return best;
}

Layout::Layout(const Options& o, uint32_t f)
    : options(o),
      format(f),
      slot_end(format == 1 ? kSlotEnd : NodeView::kLinkMask + 1),
      vector_bytes(VectorBytes(o.element, o.dimensions)),
      is_split(kVectorHead + kKeyMax + vector_bytes > kRecordMax),
      vector_records(static_cast<uint32_t>(is_split ? 1 + Pieces(vector_bytes) : 1)),
      code(o.element == Element::kBit ? Code::kExact : o.code),
      code_bytes(code == Code::kByte ? EncodedCodeBytes(o.dimensions) : 4 + vector_bytes),
      links_max(2 * o.m),
      code_at(format == 1 ? 10 : 8),
      links_at(code_at + code_bytes),
      node_bytes(links_at + (format == 1
                                 ? 4 * links_max
                                 : (NodeView::kLinkBits * links_max + 7) / 8 + 1)),
      node_records(static_cast<uint32_t>(Pieces(node_bytes))),
      level_bytes(kCountBytes + kLevelLinkBytes * links_max),
      level_max(
          static_cast<uint32_t>(std::min<size_t>(kLevelEnd, kRecordMax / level_bytes))) {
  options.code = code;
  const size_t all = kVectorHead + kUsualKey + vector_bytes;
  vector_packing = Packing::For(all / vector_records);
  node_packing = Packing::For(node_bytes / node_records);
}

std::string OptionsText(const Layout& l) {
  const Options& o = l.options;
  return absl::StrCat(l.format, " ", std::string(NameOf(o.kind)), " ",
                      std::string(NameOf(o.metric)), " ", std::string(NameOf(o.element)),
                      " ", o.dimensions, " ", o.m, " ", o.ef_construction, " ",
                      o.ef_search, " ", std::string(NameOf(o.code)), " ", o.seed, " ",
                      l.vector_packing.in_group, " ", l.node_packing.in_group);
}

absl::StatusOr<Layout> ParseOptionsText(std::string_view text) {
  const auto wrong = [](const std::string& why) {
    return absl::DataLossError(absl::StrCat("options of a vector index: ", why));
  };
  const std::vector<std::string> words =
      absl::StrSplit(std::string(text), absl::ByChar(' '));
  uint32_t format = 0;
  const bool is_number = absl::SimpleAtoi(words[0], &format);
  if (is_number && format > Layout::kFormat)
    return absl::UnimplementedError(
        absl::StrCat("a vector index of format ", words[0], ", made by a later version"));
  if (format == 0 || words.size() != 12) return wrong("are not whole");
  Options o;
  const auto kind = Named(words[1], {IndexKind::kHnsw, IndexKind::kFlat});
  const auto metric = MetricNamed(words[2]);
  const auto element = ElementNamed(words[3]);
  const auto code = Named(words[8], {Code::kByte, Code::kExact});
  uint32_t in_group[2];
  const bool parsed =
      kind && metric && element && code && absl::SimpleAtoi(words[4], &o.dimensions) &&
      absl::SimpleAtoi(words[5], &o.m) &&
      absl::SimpleAtoi(words[6], &o.ef_construction) &&
      absl::SimpleAtoi(words[7], &o.ef_search) && absl::SimpleAtoi(words[9], &o.seed) &&
      absl::SimpleAtoi(words[10], &in_group[0]) &&
      absl::SimpleAtoi(words[11], &in_group[1]);
  if (!parsed) return wrong("have a word that is none of theirs");
  o.kind = *kind, o.metric = *metric, o.element = *element, o.code = *code;
  const absl::Status checked = CheckOptions(o);
  if (!checked.ok()) return wrong(std::string(checked.message()));
  for (const uint32_t n : in_group)
    if (n < 1 || n > kGroupKeys) return wrong("a packing is out of range");
  Layout layout(o, format);
  layout.vector_packing = {in_group[0]};
  layout.node_packing = {in_group[1]};
  return layout;
}

void AppendVectorRecord(const StoredVector& v, const Layout& layout, std::string* out) {
  const size_t at = out->size();
  out->resize(at + kVectorHead);
  char* const head = out->data() + at;
  pager::EncodeFixed64(head, v.stamp);
  EncodeFloat(head + 8, v.norm);
  pager::EncodeFixed16(head + 12, static_cast<uint16_t>(v.key.size()));
  out->append(v.key);
  if (!layout.is_split) out->append(v.vector, layout.vector_bytes);
}

bool TakeVectorRecord(std::string_view record, const Layout& layout, StoredVector* out) {
  if (record.size() < kVectorHead) return false;
  const size_t key = pager::DecodeFixed16(record.data() + 12);
  const size_t behind = layout.is_split ? 0 : layout.vector_bytes;
  if (key > kKeyMax || record.size() != kVectorHead + key + behind) return false;
  out->stamp = pager::DecodeFixed64(record.data());
  out->norm = DecodeFloat(record.data() + 8);
  out->key = record.substr(kVectorHead, key);
  out->vector = layout.is_split ? nullptr : record.data() + kVectorHead + key;
  return true;
}

void EncodeNode(const NodeParts& node, const Layout& layout, std::string* out) {
  out->assign(layout.node_bytes, '\0');
  char* const at = out->data();
  pager::EncodeFixed48(at, node.stamp);
  const absl::Span<const Slot> links = node.links;
  std::copy(node.code.begin(), node.code.end(), at + layout.code_at);
  if (layout.format == 1) {
    at[NodeView::kCounts] = static_cast<char>(node.level);
    pager::EncodeFixed16(at + NodeView::kCountOfFormat1,
                         static_cast<uint16_t>(links.size()));
    for (size_t i = 0; i < links.size(); ++i)
      pager::EncodeFixed32(at + layout.links_at + 4 * i, links[i]);
    return;
  }
  pager::EncodeFixed16(
      at + NodeView::kCounts,
      static_cast<uint16_t>(links.size() | node.level << NodeView::kCountBits));
  for (size_t i = 0; i < links.size(); ++i) {
    const size_t bit = NodeView::kLinkBits * i;
    char* const word = at + layout.links_at + bit / 8 - NodeView::kBefore;
    pager::EncodeFixed64(
        word, pager::DecodeFixed64(word) | uint64_t{links[i]}
                                               << (bit % 8 + 8 * NodeView::kBefore));
  }
}

void EncodeLevels(absl::Span<const absl::Span<const Slot>> links, const Layout& layout,
                  std::string* out) {
  out->assign(links.size() * layout.level_bytes, '\0');
  char* at = out->data();
  for (const absl::Span<const Slot> level : links) {
    pager::EncodeFixed16(at, static_cast<uint16_t>(level.size()));
    for (size_t i = 0; i < level.size(); ++i)
      pager::EncodeFixed32(at + kCountBytes + kLevelLinkBytes * i, level[i]);
    at += layout.level_bytes;
  }
}

uint64_t EncodeEntryPoint(const std::optional<EntryPoint>& entry) {
  if (!entry.has_value()) return 0;
  return 1 + entry->slot + (uint64_t{entry->level} << 32);
}

Slot SlotEnd(const Layout& layout, uint64_t counter, uint64_t vector_entries,
             uint64_t key_rows) {
  return static_cast<Slot>(
      std::min({counter, vector_entries / layout.vector_records + key_rows,
                uint64_t{layout.slot_end}}));
}

std::optional<EntryPoint> DecodeEntryPoint(uint64_t counter) {
  const uint64_t slot = counter & 0xffffffff, level = counter >> 32;
  if (slot == 0 || slot > kSlotEnd || level > kLevelEnd) return std::nullopt;
  return EntryPoint{static_cast<Slot>(slot - 1), static_cast<uint32_t>(level)};
}

uint32_t LevelOf(const Layout& layout, Stamp stamp) {
  // In (0, 1], of 53 bits.
  const double uniform =
      static_cast<double>((Mix(Mix(layout.options.seed) ^ stamp) >> 11) + 1) * 0x1p-53;
  const double level =
      -std::log(uniform) / std::log(static_cast<double>(layout.options.m));
  return static_cast<uint32_t>(std::min(level, double(layout.level_max)));
}

}  // namespace sheaf::vectors
