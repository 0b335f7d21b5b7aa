#include "vector/repair.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pager/coding.h"
#include "pager/status_macros.h"
#include "vector/distance.h"
#include "vector/index.h"
#include "vector/query.h"

namespace sheaf::vectors {

using catalog::EncodeDenseKey;
using catalog::OpenTree;
using PutMode = btree::BTree::PutMode;

namespace {

class Repairer {
 public:
  explicit Repairer(const VectorWriter& writer)
      : reader_(writer.reader()), layout_(reader_.layout()), trees_(writer.trees()) {}

  absl::StatusOr<RepairCounts> Run();

 private:
  absl::Status Empty(OpenTree* tree);
  absl::Status Look(Slot slot);
  absl::Status Drop(Slot slot);
  absl::Status PutRow(const std::string& row, std::string_view value) {
    bool existed = false;
    return trees_.keys->PutStored(row, value, PutMode::kUpsert, &existed);
  }

  const VectorReader& reader_;
  const Layout& layout_;
  const VectorWriter::Trees trees_;
  RepairCounts counts_;
  Stamp last_ = 0;
};

absl::Status Repairer::Empty(OpenTree* tree) {
  return tree->ReplaceStored([](std::string_view*, std::string_view*) { return false; },
                             [](uint64_t) { return absl::OkStatus(); });
}

absl::Status Repairer::Drop(Slot slot) {
  ++counts_.dropped;
  for (uint32_t i = 0; i < layout_.vector_records; ++i)
    SHEAF_RETURN_IF_ERROR(
        trees_.vectors->Delete(EncodeDenseKey(layout_.VectorKey(slot, i))).status());
  return PutRow(FreeRow(slot), {});
}

absl::Status Repairer::Look(Slot slot) {
  Stamp stamp = 0;
  std::string key;
  const absl::Status read = reader_.ForVectors({&slot, 1}, [&](size_t,
                                                               const StoredVector& v) {
    const Options& o = layout_.options;
    if (CheckVector(o.metric, o.element, o.dimensions, {v.vector, layout_.vector_bytes})
            .ok() &&
        v.norm == NormOf(layout_, v.vector) && v.stamp < kStampEnd && !v.key.empty())
      stamp = v.stamp;
    key = v.key;
  });
  if (!read.ok() && !absl::IsDataLoss(read)) return read;
  if (!read.ok() || stamp == 0) return Drop(slot);
  SHEAF_ASSIGN_OR_RETURN(const std::optional<Slot> other, reader_.FindSlot(key));
  if (other.has_value()) {
    Stamp of_other = 0;
    SHEAF_RETURN_IF_ERROR(reader_.ForVectors(
        {&*other, 1}, [&](size_t, const StoredVector& v) { of_other = v.stamp; }));
    if (of_other > stamp) return Drop(slot);
    SHEAF_RETURN_IF_ERROR(trees_.keys->Delete(PendingRow(*other)).status());
    SHEAF_RETURN_IF_ERROR(Drop(*other));
    --counts_.kept;
  }
  ++counts_.kept;
  last_ = std::max(last_, stamp);
  char value[8];
  pager::EncodeFixed32(value, slot);
  SHEAF_RETURN_IF_ERROR(PutRow(KeyRow(key), {value, 4}));
  if (layout_.options.kind == IndexKind::kFlat) return absl::OkStatus();
  pager::EncodeFixed64(value, stamp);
  return PutRow(PendingRow(slot), {value, 8});
}

absl::StatusOr<RepairCounts> Repairer::Run() {
  for (OpenTree* const tree : {trees_.nodes, trees_.levels, trees_.keys})
    SHEAF_RETURN_IF_ERROR(Empty(tree));
  SHEAF_RETURN_IF_ERROR(trees_.nodes->SetCounter(0));
  // Slots of which there is anything, and what is no record of a slot.
  std::vector<bool> has_some;
  std::vector<btree::DenseKey> strange;
  btree::DenseCursor cursor(reader_.vectors().context(), &reader_.vectors().root());
  for (cursor.Seek(0); cursor.Valid(); cursor.Next()) {
    const std::optional<uint64_t> n = layout_.vector_packing.NumberOf(cursor.key());
    if (!n.has_value() || *n / layout_.vector_records >= kSlotEnd) {
      strange.push_back(cursor.key());
      continue;
    }
    const uint64_t slot = *n / layout_.vector_records;
    if (slot >= has_some.size()) has_some.resize(slot + 1);
    has_some[slot] = true;
  }
  SHEAF_RETURN_IF_ERROR(cursor.status());
  for (const btree::DenseKey key : strange)
    SHEAF_RETURN_IF_ERROR(trees_.vectors->Delete(EncodeDenseKey(key)).status());
  for (Slot slot = 0; slot < has_some.size(); ++slot)
    SHEAF_RETURN_IF_ERROR(has_some[slot] ? Look(slot) : PutRow(FreeRow(slot), {}));
  SHEAF_RETURN_IF_ERROR(trees_.vectors->SetCounter(has_some.size()));
  SHEAF_RETURN_IF_ERROR(trees_.keys->SetCounter(last_));
  return counts_;
}

}  // namespace

absl::StatusOr<RepairCounts> RepairIndex(catalog::WriteTxn* txn, OpenTree* vectors) {
  SHEAF_RETURN_IF_ERROR(ParseOptionsText(vectors->record().value_type).status());
  SHEAF_RETURN_IF_ERROR(MakeParts(txn, vectors->record().id));
  SHEAF_ASSIGN_OR_RETURN(const std::unique_ptr<VectorWriter> writer,
                         OpenIndex(txn, vectors));
  return Repairer(*writer).Run();
}

}  // namespace sheaf::vectors
