// VectorWriter: the vectors of one index in a write transaction. Their nodes are not its
// concern: it leaves rows of what awaits linking (vector/linker.h). Metadata are documents
// beside it, which whoever calls keeps in step (api/vector_index.cc).
//
// What is refused (kInvalidArgument, kResourceExhausted) changes nothing. Belongs to its
// transaction and ends with it. Thread-compatible.
#ifndef VECTOR_VECTOR_WRITER_H_
#define VECTOR_VECTOR_WRITER_H_
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "catalog/write_txn.h"
#include "vector/vector_reader.h"

namespace sheaf::vectors {

class VectorWriter {
 public:
  struct Trees {
    catalog::OpenTree *vectors, *keys, *nodes, *levels;
  };
  // All outlive it.
  VectorWriter(const Layout& layout, catalog::WriteTxn* txn, const Trees& trees)
      : trees_(trees),
        reader_(layout, {txn, trees.vectors}, {txn, trees.keys}, {txn, trees.nodes},
                {txn, trees.levels}) {}

  const VectorReader& reader() const { return reader_; }
  const Trees& trees() const { return trees_; }

  // Returns its slot. Requires: the vector passes CheckVector, 1 <= key.size() <= kKeyMax.
  // kResourceExhausted: as many others as slots.
  absl::StatusOr<Slot> Put(std::string_view key, std::string_view vector, bool* existed);
  // The slot that the next new key gets.
  absl::StatusOr<Slot> NextSlot() const;
  // None: there was none.
  absl::StatusOr<std::optional<Slot>> Delete(std::string_view key);

 private:
  const Layout& layout() const { return reader_.layout(); }
  absl::StatusOr<Slot> TakeSlot();
  absl::Status PutRow(const std::string& row, std::string_view value);
  absl::Status PutPending(Slot slot, Stamp stamp);

  const Trees trees_;
  const VectorReader reader_;
  std::string record_;
};

}  // namespace sheaf::vectors
#endif  // VECTOR_VECTOR_WRITER_H_
