#include "vector/vector_reader.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "pager/coding.h"

namespace sheaf::vectors {

using btree::DenseCursor;
using btree::DenseKey;
using btree::Found;

namespace {

absl::Status MalformedPending() {
  return absl::DataLossError("vector index: a row of what awaits linking is malformed");
}

}  // namespace

absl::Status VectorReader::Malformed(const char* what, uint64_t slot) {
  return absl::DataLossError(
      absl::StrCat("vector index: the ", what, " of slot ", slot, " is malformed"));
}

Slot VectorReader::slot_end() const {
  return SlotEnd(layout_, vectors_.record().counter, vectors_.root().entries,
                 keys_.root().entries);
}

absl::StatusOr<std::optional<Slot>> VectorReader::FindSlot(std::string_view key) const {
  Found found;
  SHEAF_RETURN_IF_ERROR(keys_.reader().Find(KeyRow(key), &found));
  if (!found.found) return std::nullopt;
  if (found.is_large || found.bytes.size() != sizeof(Slot) ||
      pager::DecodeFixed32(found.bytes.data()) >= kSlotEnd)
    return absl::DataLossError("vector index: a row of a key is malformed");
  return pager::DecodeFixed32(found.bytes.data());
}

absl::StatusOr<bool> VectorReader::Holds(std::string_view key,
                                         std::string_view vector) const {
  SHEAF_ASSIGN_OR_RETURN(const std::optional<Slot> slot, FindSlot(key));
  bool is_same = false;
  if (slot.has_value())
    SHEAF_RETURN_IF_ERROR(ForVectors({&*slot, 1}, [&](size_t, const StoredVector& v) {
      is_same = std::string_view(v.vector, layout_.vector_bytes) == vector;
    }));
  return is_same;
}

absl::StatusOr<std::vector<Pending>> VectorReader::ReadPending(size_t count_max) const {
  std::vector<Pending> pending;
  btree::TreeCursor rows = keys_.NewCursor();
  for (rows.Seek(kPendingRows);
       rows.Valid() && rows.key() < kFreeRows && pending.size() < count_max;
       rows.Next()) {
    const std::optional<Slot> slot = SlotOfRow(rows.key());
    const auto value = rows.value();
    if (!slot.has_value() || value.is_large || value.bytes.size() != sizeof(Stamp))
      return MalformedPending();
    pending.push_back({*slot, pager::DecodeFixed64(value.bytes.data())});
  }
  SHEAF_RETURN_IF_ERROR(rows.status());
  return pending;
}

absl::StatusOr<std::optional<Stamp>> VectorReader::FindPending(Slot slot) const {
  Found found;
  SHEAF_RETURN_IF_ERROR(keys_.reader().Find(PendingRow(slot), &found));
  if (!found.found) return std::nullopt;
  if (found.is_large || found.bytes.size() != sizeof(Stamp)) return MalformedPending();
  return pager::DecodeFixed64(found.bytes.data());
}

absl::StatusOr<bool> VectorReader::GatherVector(Slot slot, StoredVector* out) const {
  const btree::DenseReader reader = ReaderOf(vectors_);
  Found found;
  SHEAF_RETURN_IF_ERROR(reader.Find(layout_.VectorKey(slot), &found));
  if (!found.found) return false;
  head_ = found.bytes;
  if (!TakeVectorRecord(head_, layout_, out)) return Malformed("vector", slot);
  gathered_.clear();
  for (uint32_t i = 1; i < layout_.vector_records; ++i) {
    SHEAF_RETURN_IF_ERROR(reader.Find(layout_.VectorKey(slot, i), &found));
    if (!found.found) return Malformed("vector", slot);
    gathered_.append(found.bytes);
  }
  if (gathered_.size() != layout_.vector_bytes) return Malformed("vector", slot);
  out->vector = gathered_.data();
  return true;
}

absl::StatusOr<bool> VectorReader::GatherNode(Slot slot) const {
  gathered_.clear();
  Found found;
  for (uint32_t i = 0; i < layout_.node_records; ++i) {
    SHEAF_RETURN_IF_ERROR(ReaderOf(nodes_).Find(layout_.NodeKey(slot, i), &found));
    if (!found.found && i == 0) return false;
    if (!found.found) return Malformed("node", slot);
    gathered_.append(found.bytes);
  }
  if (gathered_.size() != layout_.node_bytes) return Malformed("node", slot);
  return true;
}

absl::Status VectorReader::ForEachVector(
    absl::FunctionRef<absl::Status(Slot, const StoredVector&)> fn) const {
  DenseCursor cursor(vectors_.context(), &vectors_.root());
  StoredVector vector;
  std::string pieces;
  uint64_t next = 0;  // the record that is to come
  for (cursor.Seek(0); cursor.Valid(); cursor.Next()) {
    const std::optional<uint64_t> n = layout_.vector_packing.NumberOf(cursor.key());
    const uint64_t slot = n.value_or(0) / layout_.vector_records,
                   part = n.value_or(0) % layout_.vector_records;
    if (!n.has_value() || slot >= kSlotEnd || (part != 0 && *n != next))
      return Malformed("vector", slot);
    next = *n + 1;
    if (part == 0) {
      head_ = layout_.is_split ? cursor.record() : "";
      if (!TakeVectorRecord(layout_.is_split ? head_ : cursor.record(), layout_, &vector))
        return Malformed("vector", slot);
      pieces.clear();
    } else {
      pieces.append(cursor.record());
      vector.vector = pieces.data();
    }
    if (part + 1 < layout_.vector_records) continue;
    if (layout_.is_split && pieces.size() != layout_.vector_bytes)
      return Malformed("vector", slot);
    SHEAF_RETURN_IF_ERROR(fn(static_cast<Slot>(slot), vector));
  }
  return cursor.status();
}

absl::Status VectorReader::ForEachSlot(absl::FunctionRef<void(Slot)> fn) const {
  return ForEachVector([&](Slot slot, const StoredVector&) {
    fn(slot);
    return absl::OkStatus();
  });
}

absl::Status VectorReader::ForEachNode(
    absl::FunctionRef<absl::Status(Slot, NodeView)> fn) const {
  DenseCursor cursor(nodes_.context(), &nodes_.root());
  std::string pieces;
  uint64_t next = 0;
  for (cursor.Seek(0); cursor.Valid(); cursor.Next()) {
    const std::optional<uint64_t> n = layout_.node_packing.NumberOf(cursor.key());
    const uint64_t slot = n.value_or(0) / layout_.node_records,
                   part = n.value_or(0) % layout_.node_records;
    if (!n.has_value() || slot >= kSlotEnd || (part != 0 && *n != next))
      return Malformed("node", slot);
    next = *n + 1;
    const bool whole = layout_.node_records == 1;
    if (part == 0) pieces.clear();
    if (!whole) pieces.append(cursor.record());
    if (part + 1 < layout_.node_records) continue;
    const std::string_view node = whole ? cursor.record() : pieces;
    if (node.size() != layout_.node_bytes) return Malformed("node", slot);
    SHEAF_RETURN_IF_ERROR(fn(static_cast<Slot>(slot), NodeView(node.data())));
  }
  return cursor.status();
}

absl::Status VectorReader::ReadLevels(Slot slot, std::string* out) const {
  out->clear();
  Found found;
  SHEAF_RETURN_IF_ERROR(ReaderOf(levels_).Find(slot, &found));
  if (!found.found) return absl::OkStatus();
  *out = found.bytes;
  const size_t levels = out->size() / layout_.level_bytes;
  if (out->size() % layout_.level_bytes != 0 || levels > layout_.level_max)
    return Malformed("level record", slot);
  return absl::OkStatus();
}

absl::Status VectorReader::ReadLinks(absl::Span<const Slot> slots, uint32_t level,
                                     std::vector<Slot>* out) const {
  out->clear();
  const auto append = [&](uint32_t count, const auto& link) {
    const size_t before = out->size();
    out->resize(before + count);
    for (uint32_t i = 0; i < count; ++i) (*out)[before + i] = link(i);
  };
  size_t found = 0;
  if (level == 0) {
    SHEAF_RETURN_IF_ERROR(ForLinks(slots, [&](size_t, NodeView node) {
      ++found;
      const uint32_t count = node.link_count(layout_);
      if (layout_.format == 1)
        append(count, [&](uint32_t i) { return node.Link(layout_, i); });
      else
        append(count, [&](uint32_t i) { return node.PackedLink(layout_, i); });
    }));
    return found == slots.size() ? absl::OkStatus() : Malformed("node", slots[0]);
  }
  wanted_.assign(slots.begin(), slots.end());
  SHEAF_RETURN_IF_ERROR(
      ReaderOf(levels_).Visit(wanted_, [&](size_t, std::string_view record) {
        found += AppendLevel(record, level, out);
      }));
  return found == slots.size() ? absl::OkStatus() : Malformed("level record", slots[0]);
}

absl::Status VectorReader::ReadLinks(Slot slot, uint32_t high, uint32_t low,
                                     std::vector<Slot>* out, size_t* on_high) const {
  out->clear();
  bool is_there = false;
  wanted_.assign(1, slot);
  SHEAF_RETURN_IF_ERROR(
      ReaderOf(levels_).Visit(wanted_, [&](size_t, std::string_view record) {
        is_there = AppendLevel(record, high, out);
        *on_high = out->size();
        for (uint32_t level = high; is_there && level-- > low;)
          AppendLevel(record, level, out);
      }));
  return is_there ? absl::OkStatus() : Malformed("level record", slot);
}

bool VectorReader::AppendLevel(std::string_view record, uint32_t level,
                               std::vector<Slot>* out) const {
  if (level * layout_.level_bytes > record.size()) return false;
  const char* const at = record.data() + (level - 1) * layout_.level_bytes;
  const uint32_t count = std::min<uint32_t>(pager::DecodeFixed16(at), layout_.links_max);
  for (uint32_t i = 0; i < count; ++i)
    out->push_back(pager::DecodeFixed32(at + 2 + size_t{4} * i));
  return true;
}

}  // namespace sheaf::vectors
