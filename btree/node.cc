#include "btree/node.h"

#include <algorithm>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "btree/cell_bytes.h"

namespace sheaf::btree {

using namespace pager;  // NOLINT: the coding functions

namespace {

constexpr uint32_t kLevelMax = 16;

uint32_t RestSize(uint32_t suffix_size) {
  return suffix_size > kHeadBytes ? suffix_size - kHeadBytes : 0;
}

}  // namespace

size_t CommonPrefix(std::string_view a, std::string_view b) {
  const size_t n = std::min(a.size(), b.size());
  size_t i = 0;
  while (i < n && a[i] == b[i]) ++i;
  return i;
}

// --- Reading ----------------------------------------------------------------

void NodeView::KeyTo(uint32_t i, std::string* out) const {
  const uint32_t size = suffix_size(i);
  if (size == 0 && i == 0 && !is_leaf()) {
    out->clear();
    return;
  }
  const std::string_view p = prefix();
  const std::string_view rest = Rest(i);
  char bytes[kHeadBytes];
  HeadTo(i, bytes);
  out->resize(p.size() + size);
  char* to = out->data();
  std::memcpy(to, p.data(), p.size());
  std::memcpy(to + p.size(), bytes, std::min<uint32_t>(size, kHeadBytes));
  if (!rest.empty()) std::memcpy(to + p.size() + kHeadBytes, rest.data(), rest.size());
}

// Requires: the heads are equal. Where one ends within its head, the other's
// bytes there are zeros, so the shorter is a prefix of the longer.
int NodeView::CompareSuffix(uint32_t i, std::string_view suffix) const {
  const uint32_t mine = suffix_size(i);
  const uint32_t other = static_cast<uint32_t>(suffix.size());
  if (mine <= kHeadBytes || other <= kHeadBytes)
    return mine < other ? -1 : mine > other ? 1 : 0;
  const std::string_view a = Rest(i);
  const std::string_view b = suffix.substr(kHeadBytes);
  const int c = std::memcmp(a.data(), b.data(), std::min(a.size(), b.size()));
  if (c != 0) return c;
  return a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0;
}

// Halves the slots without a branch, which could not be predicted, until a few are left;
// of these it counts the heads that are below. Their loads wait for none of the others.
uint32_t NodeView::LowerHead(uint32_t head) const {
  constexpr uint32_t kCounted = 16;
  const char* slots = page_ + slots_at();
  const auto below = [slots, head](uint32_t i) {
    return static_cast<uint32_t>(DecodeFixed32(slots + i * kSlotSize) < head);
  };
  const uint32_t n = count();
  const uint32_t first = is_leaf() ? 0 : 1;
  uint32_t base = first;
  uint32_t length = n > first ? n - first : 0;
  while (length > kCounted) {
    const uint32_t half = length / 2;
    base += half & (0u - below(base + half - 1));  // compilers make a branch of ?: here
    length -= half;
  }
  uint32_t smaller = 0;
  if (n >= first + kCounted) {  // as many as that: those before `base` are below
    base = std::min(base, n - kCounted);
    const char* const window = slots + size_t{base} * kSlotSize;
#pragma GCC unroll 16
    for (uint32_t i = 0; i < kCounted; ++i)
      smaller += static_cast<uint32_t>(DecodeFixed32(window + i * kSlotSize) < head);
  } else {
    for (uint32_t i = 0; i < length; ++i) smaller += below(base + i);
  }
  return base + smaller;
}

void NodeView::PrefetchCell(std::string_view key) const {
  const uint32_t at = LowerHead(HeadOf(key, std::min<size_t>(prefix_size(), key.size())));
  if (at >= count()) return;
  const char* cell = page_ + cell_offset(at);
  for (int line = 0; line < 4; ++line) __builtin_prefetch(cell + 64 * line);
}

NodeView::Position NodeView::LowerBound(std::string_view key) const {
  const uint32_t n = count();
  const uint32_t p = prefix_size();
  const int side = ComparePrefix(key);
  if (side < 0) return {std::min(is_leaf() ? 0u : 1u, n), false};
  if (side > 0) return {n, false};
  const uint32_t h = HeadOf(key, p);
  const uint32_t base = LowerHead(h);
  if (base >= n || head(base) != h) return {base, false};
  return LowerInRun(base, h, key.substr(p));
}

NodeView::Position NodeView::LowerInRun(uint32_t base, uint32_t head_there,
                                        std::string_view suffix) const {
  const uint32_t n = count();
  uint32_t lo = base, hi = base + 1;  // usually one
  if (hi < n && head(hi) == head_there) {
    uint32_t end = n;
    while (hi < end) {
      const uint32_t mid = (hi + end) / 2;
      if (head(mid) == head_there)
        hi = mid + 1;
      else
        end = mid;
    }
  }
  while (lo < hi) {
    const uint32_t mid = (lo + hi) / 2;
    const int c = CompareSuffix(mid, suffix);
    if (c == 0) return {mid, true};
    if (c < 0)
      lo = mid + 1;
    else
      hi = mid;
  }
  return {lo, false};
}

NodeView::LeafValue NodeView::Value(uint32_t i) const {
  const char* cell = page_ + cell_offset(i);
  uint64_t tag = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = static_cast<uint8_t>(*cell++);
    tag |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) break;
  }
  cell += RestSize(suffix_size(i));
  if ((tag & 1) == 0) return {{cell, tag >> 1}, false, tag >> 1};
  const std::string_view large(cell, LargeRef::kEncodedSize + (tag >> 1));
  return {large, true, DecodeLargeRef(large).size()};
}

uint32_t NodeView::cell_size(uint32_t i) const {
  const uint32_t rest = RestSize(suffix_size(i));
  if (!is_leaf()) return rest + ChildRef::kEncodedSize;
  const LeafValue v = Value(i);
  return static_cast<uint32_t>(v.bytes.data() + v.bytes.size() -
                               (page_ + cell_offset(i)));
}

uint64_t NodeView::EntriesBelow() const {
  if (is_leaf()) return count();
  uint64_t entries = 0;
  for (uint32_t i = 0; i < count(); ++i) entries += Child(i).entries;
  return entries;
}

// --- Changing ---------------------------------------------------------------

void Node::Init(uint32_t level, Values values, std::string_view prefix) {
  data()[PageHeader::kLevel] = static_cast<char>(level);
  data()[PageHeader::kFlags] = static_cast<char>(values);
  std::memset(data() + kSlotCount, 0, kTree - kSlotCount);
  Set16(kPrefixSize, static_cast<uint32_t>(prefix.size()));
  const uint32_t padded = slots_at() - kPayload;
  std::memset(data() + kPayload, 0, padded);
  if (!prefix.empty()) std::memcpy(data() + kPayload, prefix.data(), prefix.size());
}

uint32_t Node::SizeUnder(const NodeView& from, uint32_t begin, uint32_t end,
                         uint32_t prefix_size) {
  uint32_t bytes = 0;
  for (uint32_t i = begin; i < end; ++i) {
    const uint32_t suffix = from.suffix_size(i);
    const bool lowest = i == 0 && !from.is_leaf();
    const uint32_t renewed = lowest ? 0 : suffix + from.prefix_size() - prefix_size;
    bytes += kSlotSize + from.cell_size(i) - RestSize(suffix) + RestSize(renewed);
  }
  return bytes;
}

// Makes the prefix `prefix_size` bytes long (longer or shorter) and squeezes the
// dead bytes out. Requires: it fits.
void Node::Rebuild(uint32_t prefix_size) {
  char copy[kNodePagesMax * kPageBytes];
  const uint32_t bytes = end();
  std::memcpy(copy, page_, bytes);
  const NodeView old(copy);
  std::string prefix;
  if (prefix_size > 0) {
    old.KeyTo(old.is_leaf() ? 0 : 1, &prefix);
    prefix.resize(prefix_size);
  }
  Init(old.level(), old.values(), prefix);
  AppendFrom(old, 0, old.count(), {});
}

void Node::LengthenPrefix() {
  const uint32_t first = is_leaf() ? 0 : 1;
  if (count() < first + 2) return;
  const auto shared = static_cast<uint32_t>(CommonPrefix(Key(first), Key(count() - 1)));
  if (shared > prefix_size() &&
      kPayload + (shared + 7) / 8 * 8 + SizeUnder(*this, 0, count(), shared) <= end())
    Rebuild(shared);
}

// Makes the node take a cell of `bytes` besides the key's rest and the slot.
bool Node::MakeRoom(std::string_view key, uint32_t bytes) {
  const uint32_t p = prefix_size();
  const auto needed = [&](uint32_t prefix) {
    return kSlotSize + bytes + RestSize(static_cast<uint32_t>(key.size()) - prefix);
  };
  const bool fits_prefix = key.substr(0, p) == prefix();
  if (fits_prefix && gap() >= needed(p)) return true;
  const auto total = [&](uint32_t prefix) {
    return kPayload + (prefix + 7) / 8 * 8 + SizeUnder(*this, 0, count(), prefix) +
           needed(prefix);
  };
  const uint32_t first = is_leaf() ? 0 : 1;
  uint32_t best = 0;
  if (count() > first) {
    const std::string low = Key(first), high = Key(count() - 1);
    best =
        static_cast<uint32_t>(std::min(CommonPrefix(low, high), CommonPrefix(low, key)));
  }
  if (fits_prefix && best == p && free_bytes() < needed(p)) return false;
  // Short suffixes lie in the slots, where a longer prefix only costs room.
  if (fits_prefix && total(p) < total(best)) best = p;
  if (total(best) > end()) return false;
  Rebuild(best);
  SHEAF_ASSERT(gap() >= needed(best));
  return true;
}

// Opens slot i for `key`, whose cell gets `tag_size` bytes before the key's rest
// and `body_size` behind it. Requires: there is room. Returns the cell.
char* Node::MakeCell(uint32_t i, std::string_view key, uint32_t tag_size,
                     uint32_t body_size) {
  const std::string_view suffix = key.substr(prefix_size());
  const uint32_t rest = RestSize(static_cast<uint32_t>(suffix.size()));
  const uint32_t size = tag_size + rest + body_size;
  const uint32_t n = count();
  SHEAF_ASSERT(i <= n);
  SHEAF_ASSERT(gap() >= kSlotSize + size);
  Set16(kHeapBytes, heap_bytes() + size);
  const uint32_t offset = end() - heap_bytes();
  char* at = data() + slots_at() + i * kSlotSize;
  std::memmove(at + kSlotSize, at, (n - i) * kSlotSize);
  EncodeFixed32(at, HeadOf(key, prefix_size()));
  EncodeFixed16(at + 4, static_cast<uint16_t>(offset));
  EncodeFixed16(at + 6, static_cast<uint16_t>(suffix.size()));
  Set16(kSlotCount, n + 1);
  char* cell = data() + offset;
  if (rest > 0) std::memcpy(cell + tag_size, suffix.data() + kHeadBytes, rest);
  return cell;
}

bool Node::Insert(uint32_t i, const LeafEntry& entry) {
  const uint64_t tag = entry.tag();
  const auto tag_size = static_cast<uint32_t>(VarintBytes(tag));
  const auto body = static_cast<uint32_t>(entry.value.size());
  if (!MakeRoom(entry.key, tag_size + body)) return false;
  char* cell = MakeCell(i, entry.key, tag_size, body);
  EncodeVarint64(cell, tag);
  char* value = cell + tag_size + RestSize(suffix_size(i));
  if (body > 0) std::memcpy(value, entry.value.data(), body);
  return true;
}

bool Node::Replace(uint32_t i, const LeafEntry& entry) {
  const LeafValue old = Value(i);
  if (old.is_large == entry.is_large && old.bytes.size() == entry.value.size()) {
    if (!entry.value.empty())
      std::memcpy(const_cast<char*>(old.bytes.data()), entry.value.data(),
                  entry.value.size());
    return true;
  }
  // Does it fit once the old one is gone? Only then is the old one removed.
  const uint64_t size =
      VarintBytes(entry.tag()) + RestSize(suffix_size(i)) + entry.value.size();
  if (free_bytes() + cell_size(i) < size) return false;
  Remove(i);
  const bool inserted = Insert(i, entry);
  SHEAF_ASSERT(inserted);
  return true;
}

bool Node::InsertChild(uint32_t i, std::string_view key, const ChildRef& child) {
  SHEAF_ASSERT(i > 0 || count() == 0);
  if (i == 0) {
    Init(level(), values(), {});
  } else if (!MakeRoom(key, ChildRef::kEncodedSize)) {
    return false;
  }
  MakeCell(i, i == 0 ? std::string_view() : key, 0, ChildRef::kEncodedSize);
  SetChild(i, child);
  return true;
}

void Node::SetChild(uint32_t i, const ChildRef& child) {
  char* at = const_cast<char*>(ChildAt(i));
  EncodePageRef(at, child.page);
  EncodeFixed48(at + PageRef::kEncodedSize, child.entries);
}

void Node::AddEntries(uint32_t i, int64_t delta) {
  char* at = const_cast<char*>(ChildAt(i)) + PageRef::kEncodedSize;
  EncodeFixed48(at, DecodeFixed48(at) + static_cast<uint64_t>(delta));
}

void Node::RemoveRange(uint32_t begin, uint32_t end_index) {
  const uint32_t n = count();
  SHEAF_ASSERT(begin <= end_index && end_index <= n);
  if (begin == end_index) return;
  uint32_t dead = 0;
  for (uint32_t i = begin; i < end_index; ++i) {
    const uint32_t size = cell_size(i);
    // The lowest cell of the heap gives its bytes straight back to the gap.
    if (cell_offset(i) == end() - heap_bytes())
      Set16(kHeapBytes, heap_bytes() - size);
    else
      dead += size;
  }
  Set16(kDeadBytes, dead_bytes() + dead);
  char* slots = data() + slots_at();
  std::memmove(slots + begin * kSlotSize, slots + end_index * kSlotSize,
               (n - end_index) * kSlotSize);
  Set16(kSlotCount, n - (end_index - begin));
  if (count() == 0) {
    Set16(kHeapBytes, 0);
    Set16(kDeadBytes, 0);
    return;
  }
  if (begin == 0 && !is_leaf() && suffix_size(0) != 0) {
    // The new slot 0 stands for everything below slot 1: it loses its key.
    const ChildRef child = Child(0);
    const uint32_t size = cell_size(0);
    const uint32_t offset = cell_offset(0) + size - ChildRef::kEncodedSize;
    std::memset(slots, 0, 4);
    EncodeFixed16(slots + 4, static_cast<uint16_t>(offset));
    EncodeFixed16(slots + 6, 0);
    Set16(kDeadBytes, dead_bytes() + size - ChildRef::kEncodedSize);
    SetChild(0, child);
  }
}

void Node::AppendFrom(const NodeView& from, uint32_t begin, uint32_t end_index,
                      std::string_view first_key) {
  const bool same_prefix = from.prefix() == prefix();
  std::string key;
  for (uint32_t i = begin; i < end_index; ++i) {
    const uint32_t at = count();
    const uint32_t size = from.cell_size(i);
    const uint32_t rest = RestSize(from.suffix_size(i));
    const char* cell = from.page() + from.cell_offset(i);
    if (!is_leaf()) {
      std::string_view k;
      if (at > 0 && i == 0)
        k = first_key;
      else if (at > 0)
        from.KeyTo(i, &key), k = key;
      // Slot 0 has no key, so it must not be cut at the prefix.
      if (at == 0) {
        const std::string_view blank = prefix();
        MakeCell(0, blank, 0, ChildRef::kEncodedSize);
      } else {
        MakeCell(at, k, 0, ChildRef::kEncodedSize);
      }
      SetChild(at, from.Child(i));
      continue;
    }
    const NodeView::LeafValue value = from.Value(i);
    const auto tag_size = static_cast<uint32_t>(size - rest - value.bytes.size());
    if (same_prefix) {
      Set16(kHeapBytes, heap_bytes() + size);
      const uint32_t offset = end() - heap_bytes();
      char* slot = data() + slots_at() + at * kSlotSize;
      std::memcpy(slot, from.slot(i), kSlotSize);
      EncodeFixed16(slot + 4, static_cast<uint16_t>(offset));
      std::memcpy(data() + offset, cell, size);
      Set16(kSlotCount, at + 1);
      continue;
    }
    from.KeyTo(i, &key);
    char* to = MakeCell(at, key, tag_size, static_cast<uint32_t>(value.bytes.size()));
    std::memcpy(to, cell, tag_size);
    std::memcpy(to + tag_size + RestSize(suffix_size(at)), value.bytes.data(),
                value.bytes.size());
  }
}

// --- Pages from the file ----------------------------------------------------

namespace {

absl::Status NodeDamaged(const char* page, const std::string& what) {
  return PageDamaged(PageIdOf(page), what);
}

// Is the key of slot i above the one before it? Both may have the same head.
bool IsAscending(const NodeView& node, uint32_t i) {
  if (node.head(i) != node.head(i - 1)) return node.head(i) > node.head(i - 1);
  const uint32_t before = node.suffix_size(i - 1), size = node.suffix_size(i);
  if (before <= kHeadBytes || size <= kHeadBytes) return before < size;
  return node.Rest(i - 1) < node.Rest(i);
}

// The size of the cell of slot i, or an error when it leaves [.., end).
absl::StatusOr<uint32_t> ValidateCell(const NodeView& node, uint32_t i) {
  const uint32_t offset = node.cell_offset(i), end = node.end();
  const uint32_t suffix = node.suffix_size(i);
  const auto outside = [&](const char* what) {
    return NodeDamaged(node.page(), absl::StrCat("slot ", i, ": ", what));
  };
  if (offset < end - node.heap_bytes() || offset >= end)
    return outside("its cell lies outside the heap");
  if (suffix + node.prefix_size() > kKeyMax) return outside("key longer than 1024 bytes");
  if (suffix + node.prefix_size() == 0 && (i > 0 || node.is_leaf()))
    return outside("key is empty");
  if (suffix < kHeadBytes && node.head(i) << 8 * suffix != 0)
    return outside("its head goes on behind the key");
  const uint32_t rest = RestSize(suffix);
  if (!node.is_leaf()) {
    if (offset + rest + ChildRef::kEncodedSize > end) return outside("cell cut off");
    absl::Status ref = ValidateRef(node.page(), i, node.ChildPage(i));
    if (!ref.ok()) return ref;
    return rest + static_cast<uint32_t>(ChildRef::kEncodedSize);
  }
  uint64_t tag = 0;
  const char* cell = node.page() + offset;
  const char* p = DecodeVarint64(cell, node.page() + end, &tag);
  if (p == nullptr) return outside("cell cut off");
  const bool large = (tag & 1) != 0;
  if (large && tag >> 1 > LargeRef::kTailMax) return outside("tail too long");
  const uint64_t body = (large ? LargeRef::kEncodedSize : 0) + (tag >> 1);
  if (body > end || static_cast<uint64_t>(p - node.page()) + rest + body > end)
    return outside("value cut off");
  const char* value = p + rest;
  if (node.values_are_refs()) {
    if (large || body < PageRef::kEncodedSize)
      return outside("value lacks its reference");
    const PageRef ref = DecodePageRef(value);
    if (ref) {
      absl::Status status = ValidateRef(node.page(), i, ref);
      if (!status.ok()) return status;
    }
  } else if (large) {
    const LargeRef ref = DecodeLargeRef({value, body});
    if (ref.size() >> 32 != 0) return outside("value of 4 GiB or more");
    if (!ref.tail.empty() && ref.in_pages > kChunkBytes)
      return outside("tail of a value in chunks");
    absl::Status status = ValidateRef(node.page(), i, ref.page);
    if (!status.ok()) return status;
  }
  return static_cast<uint32_t>(p - cell + rest + body);
}

}  // namespace

absl::Status ValidateRef(const char* page, uint32_t slot, const PageRef& ref) {
  if (ref.id >= kPageIdEnd - kNodePagesMax || ref.id < 2)
    return NodeDamaged(page, absl::StrCat("slot ", slot, " refers to page ", ref.id));
  if (ref.birth > BirthOf(page))
    return NodeDamaged(page, absl::StrCat("slot ", slot, " refers to page ", ref.id,
                                          " of birth ", ref.birth, ", which is younger"));
  return absl::OkStatus();
}

absl::Status ValidateNode(const char* page) {
  const NodeView node(page);
  const bool leaf_kind = PageKindOf(page) == PageKind::kLeaf;
  if (leaf_kind != node.is_leaf() || node.level() > kLevelMax)
    return NodeDamaged(page, absl::StrCat("level is ", node.level()));
  const auto flags = static_cast<uint8_t>(page[PageHeader::kFlags]);
  if (flags > static_cast<uint8_t>(Values::kEncoded))
    return NodeDamaged(page, absl::StrCat("flags are ", flags));
  const uint32_t n = node.count();
  if (node.prefix_size() > kKeyMax || node.heap_bytes() > node.end() - PageHeader::kSize)
    return NodeDamaged(page, "prefix_size or heap_bytes is impossible");
  if (node.slots_at() + n * NodeView::kSlotSize > node.end() - node.heap_bytes())
    return NodeDamaged(page, absl::StrCat("slot_count ", n, " runs into the heap"));
  if (!node.is_leaf() && (n == 0 || node.suffix_size(0) != 0 || node.head(0) != 0))
    return NodeDamaged(page, "slot 0 of an inner node has a key");
  uint32_t bytes = node.dead_bytes();
  CellBytes cells(node.end());
  for (uint32_t i = 0; i < n; ++i) {
    absl::StatusOr<uint32_t> size = ValidateCell(node, i);
    if (!size.ok()) return size.status();
    bytes += *size;
    if (!cells.Add(node.cell_offset(i), node.cell_offset(i) + *size))
      return NodeDamaged(page, absl::StrCat("slot ", i, ": its cell overlaps another"));
    if (i > (node.is_leaf() ? 0u : 1u) && !IsAscending(node, i))
      return NodeDamaged(page, absl::StrCat("slot ", i, " is out of order"));
  }
  if (bytes != node.heap_bytes())
    return NodeDamaged(page, absl::StrCat("cells and dead_bytes take ", bytes,
                                          ", heap_bytes is ", node.heap_bytes()));
  return absl::OkStatus();
}

void ForEachNodeRef(const char* page, absl::FunctionRef<void(const PageRef&)> fn) {
  const NodeView node(page);
  for (uint32_t i = 0; i < node.count(); ++i) {
    if (!node.is_leaf()) {
      fn(node.ChildPage(i));
      continue;
    }
    const NodeView::LeafValue value = node.Value(i);
    PageRef ref;
    if (node.values_are_refs())
      ref = DecodePageRef(value.bytes.data());
    else if (value.is_large)
      ref = DecodeLargeRef(value.bytes).page;
    if (ref) fn(ref);
  }
}

void ClearUnusedInNode(char* page) {
  const NodeView node(page);
  const uint32_t at = node.slots_at() + node.count() * NodeView::kSlotSize;
  std::memset(page + at, 0, node.gap());
}

std::string DescribeNode(const char* page) {
  const NodeView node(page);
  std::string out = absl::StrCat(
      "\"tree\":", node.tree(), ",\"slot_count\":", node.count(),
      ",\"heap_bytes\":", node.heap_bytes(), ",\"dead_bytes\":", node.dead_bytes(),
      ",\"prefix_size\":", node.prefix_size(), ",\"fill_permille\":", node.FillPermille(),
      ",\"slots\":[");
  for (uint32_t i = 0; i < node.count(); ++i) {
    std::string key, hex;
    node.KeyTo(i, &key);
    for (unsigned char c : key) absl::StrAppend(&hex, absl::Hex(c, absl::kZeroPad2));
    absl::StrAppend(&out, i == 0 ? "" : ",", "{\"key_hex\":\"", hex, "\"");
    if (node.is_leaf()) {
      const NodeView::LeafValue v = node.Value(i);
      absl::StrAppend(&out, ",\"value_size\":", v.size,
                      ",\"large\":", v.is_large ? "true" : "false", "}");
    } else {
      const ChildRef child = node.Child(i);
      absl::StrAppend(&out, ",\"child\":", child.page.id, ",\"entries\":", child.entries,
                      "}");
    }
  }
  return out + "]";
}

}  // namespace sheaf::btree
