// What VectorIndex and VectorIndexReader stand for. Not installed for use.
#ifndef API_INTERNAL_VECTOR_STATE_H_
#define API_INTERNAL_VECTOR_STATE_H_
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <roaring/roaring.hh>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/internal/handles.h"
#include "sheaf/vector_index.h"
#include "vector/index.h"
#include "vector/searcher.h"

namespace sheaf {

struct VectorSet::Rep {
  std::weak_ptr<const internal::VectorState> of;  // whose slots they are
  Roaring slots;
  mutable std::shared_ptr<const vectors::SelectedSlots> selected;  // once searched
};

namespace internal {

struct VectorState {
  // Of an index that is there, for reading or writing as `tree` is. kDataLoss: not all of
  // its trees are.
  static absl::StatusOr<std::shared_ptr<VectorState>> Of(
      std::shared_ptr<TableState> tree);
  // kAlreadyExists.
  static absl::StatusOr<catalog::OpenTree*> Create(catalog::WriteTxn* write,
                                                   std::string_view name,
                                                   const VectorOptions& options,
                                                   const Compression& compression,
                                                   std::string_view owner = {});
  // All but the tree of the vectors.
  static absl::Status Drop(TransactionState* txn, catalog::TreeId index);
  // Each document of metadata belongs to a vector.
  static absl::Status CheckMetadata(
      const ReadTransaction& txn,
      absl::FunctionRef<void(const std::string& what)> problem);
  VectorState(std::shared_ptr<TableState> tree,
              std::unique_ptr<vectors::VectorReader> reader,
              std::unique_ptr<vectors::VectorWriter> writer);
  VectorState(const VectorState&) = delete;
  VectorState& operator=(const VectorState&) = delete;

  absl::Status Live() const { return tree->Live(); }
  const vectors::Layout& layout() const { return reader.layout(); }
  const VectorOptions& options() const { return layout().options; }
  catalog::TreeId id() const {
    return tree->open != nullptr ? tree->open->record().id : tree->record.id;
  }
  const catalog::TreeRecord& record() const {
    return tree->open != nullptr ? tree->open->record() : tree->record;
  }
  // kFailedPrecondition: the vectors are those of documents.
  absl::Status CheckOwn() const;
  // Documents by slot, or those whose vectors these are. Of a reader, for reading only.
  absl::StatusOr<Collection> Metadata() const;
  // What a vector's is found by there.
  absl::StatusOr<DocumentKey> MetadataKey(vectors::Slot slot) const;
  absl::StatusOr<std::optional<vectors::Slot>> SlotOfMetadata(
      const DocumentKey& key) const;

  absl::StatusOr<std::string> KeyOf(const DocumentKey& key) const;  // kInvalidArgument
  // kNotFound.
  absl::StatusOr<vectors::Slot> SlotOf(const DocumentKey& key) const;
  absl::StatusOr<DocumentKey> KeyAt(vectors::Slot slot) const;
  // As it is stored. kInvalidArgument.
  static absl::StatusOr<std::string> ToBytes(const VectorOptions& options,
                                             const VectorView& vector,
                                             const std::string& index = "the index");
  // There will be something to link once the transaction is committed.
  void NoteChange() const {
    if (options().kind == VectorIndexKind::kHnsw) tree->txn->vectors_changed.insert(id());
  }
  // Adds the slots whose metadata match. kInvalidArgument.
  absl::Status SelectWhere(std::string_view filter, Roaring* out) const;
  // What hides vectors that have expired, by key: theirs, or that of the documents that they
  // are of. Null: nothing does. Not to be kept.
  absl::StatusOr<catalog::Expiries*> Expiries() const;
  absl::StatusOr<bool> IsHidden(std::string_view encoded_key) const;
  // Of vectors that have expired; null: there is none. Good until something changes.
  absl::StatusOr<const Roaring*> HiddenSlots() const;
  absl::StatusOr<uint64_t> Size() const;  // without those
  // Of a writer: with its metadata, whether it has expired or not. False: there is none.
  absl::StatusOr<bool> Remove(std::string_view encoded_key) const;
  // `without`: what is not to be among the matches.
  absl::StatusOr<VectorResult> Search(std::string_view bytes,
                                      const VectorSearchOptions& options,
                                      std::optional<vectors::Slot> without) const;

  const std::shared_ptr<TableState> tree;                   // the vectors
  const std::unique_ptr<vectors::VectorReader> own_reader;  // of a reader
  const std::unique_ptr<vectors::VectorWriter> writer;      // of a writer
  const vectors::VectorReader& reader;
  mutable vectors::Searcher searcher;
  const std::optional<catalog::TreeId> owner;  // a collection

  // Filters that were searched by, of a reader: how often, and what they let pass once that
  // is known.
  struct UsedFilter {
    uint32_t uses = 0;
    std::shared_ptr<const Roaring> set;
    std::shared_ptr<const vectors::SelectedSlots> selected;
  };
  mutable std::map<std::string, UsedFilter, std::less<>> filters;

 private:
  mutable std::optional<Collection> metadata_;  // once opened
  mutable Roaring hidden_;                      // of Expiries::changes()
  mutable std::optional<uint64_t> hidden_at_;
};

}  // namespace internal
}  // namespace sheaf
#endif  // API_INTERNAL_VECTOR_STATE_H_
