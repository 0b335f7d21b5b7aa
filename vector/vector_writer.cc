#include "vector/vector_writer.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "pager/coding.h"
#include "pager/status_macros.h"
#include "vector/query.h"

namespace sheaf::vectors {

using catalog::EncodeDenseKey;
using PutMode = btree::BTree::PutMode;

absl::Status VectorWriter::PutRow(const std::string& row, std::string_view value) {
  bool existed = false;
  return trees_.keys->PutStored(row, value, PutMode::kUpsert, &existed);
}

absl::Status VectorWriter::PutPending(Slot slot, Stamp stamp) {
  if (layout().options.kind == IndexKind::kFlat) return absl::OkStatus();
  char value[8];
  pager::EncodeFixed64(value, stamp);
  return PutRow(PendingRow(slot), {value, sizeof value});
}

absl::StatusOr<Slot> VectorWriter::NextSlot() const {
  btree::TreeCursor free = reader_.keys().NewCursor();
  if (free.Seek(kFreeRows) && free.key() < kKeyRows) {
    const std::optional<Slot> slot = SlotOfRow(free.key());
    if (slot.has_value()) return *slot;
    return absl::DataLossError("vector index: a row of a free slot is malformed");
  }
  SHEAF_RETURN_IF_ERROR(free.status());
  const uint64_t slot = trees_.vectors->record().counter;
  if (slot < layout().slot_end) return static_cast<Slot>(slot);
  return absl::ResourceExhaustedError(
      absl::StrCat("a vector index holds ", layout().slot_end, " vectors"));
}

absl::StatusOr<Slot> VectorWriter::TakeSlot() {
  SHEAF_ASSIGN_OR_RETURN(const Slot slot, NextSlot());
  if (slot == trees_.vectors->record().counter)
    SHEAF_RETURN_IF_ERROR(trees_.vectors->SetCounter(uint64_t{slot} + 1));
  else
    SHEAF_RETURN_IF_ERROR(trees_.keys->Delete(FreeRow(slot)).status());
  return slot;
}

absl::StatusOr<Slot> VectorWriter::Put(std::string_view key, std::string_view vector,
                                       bool* existed) {
  SHEAF_ASSIGN_OR_RETURN(std::optional<Slot> slot, reader_.FindSlot(key));
  *existed = slot.has_value();
  const Stamp stamp = trees_.keys->record().counter + 1;
  if (stamp >= kStampEnd)
    return absl::ResourceExhaustedError("a vector index takes 2^48 vectors in its life");
  SHEAF_RETURN_IF_ERROR(trees_.keys->SetCounter(stamp));
  if (!*existed) {
    SHEAF_ASSIGN_OR_RETURN(slot, TakeSlot());
    char value[4];
    pager::EncodeFixed32(value, *slot);
    SHEAF_RETURN_IF_ERROR(PutRow(KeyRow(key), {value, sizeof value}));
  }
  record_.clear();
  AppendVectorRecord({stamp, NormOf(layout(), vector.data()), key, vector.data()},
                     layout(), &record_);
  bool replaced = false;
  SHEAF_RETURN_IF_ERROR(trees_.vectors->PutStored(
      EncodeDenseKey(layout().VectorKey(*slot)), record_, PutMode::kUpsert, &replaced));
  for (uint32_t i = 1; i < layout().vector_records; ++i)
    SHEAF_RETURN_IF_ERROR(trees_.vectors->PutStored(
        EncodeDenseKey(layout().VectorKey(*slot, i)),
        vector.substr((i - 1) * kRecordMax, kRecordMax), PutMode::kUpsert, &replaced));
  SHEAF_RETURN_IF_ERROR(PutPending(*slot, stamp));
  return *slot;
}

absl::StatusOr<std::optional<Slot>> VectorWriter::Delete(std::string_view key) {
  SHEAF_ASSIGN_OR_RETURN(const std::optional<Slot> slot, reader_.FindSlot(key));
  if (!slot.has_value()) return std::nullopt;
  SHEAF_RETURN_IF_ERROR(trees_.keys->Delete(KeyRow(key)).status());
  for (uint32_t i = 0; i < layout().vector_records; ++i) {
    SHEAF_ASSIGN_OR_RETURN(
        const bool there,
        trees_.vectors->Delete(EncodeDenseKey(layout().VectorKey(*slot, i))));
    if (!there)
      return absl::DataLossError(
          absl::StrCat("vector index: slot ", *slot, " of a key has no vector"));
  }
  SHEAF_RETURN_IF_ERROR(PutRow(FreeRow(*slot), {}));
  SHEAF_RETURN_IF_ERROR(PutPending(*slot, 0));
  return slot;
}

}  // namespace sheaf::vectors
