// VectorFields: vector indexes on fields of a collection's documents, or of a graph's
// vertices: what a document has there is in the index from the same moment.
//
// Which fields have one is kept beside the collection, N being its tree's id:
//
//   "\1N.fields"  kVectorPart: id of the index's tree (8, big-endian) to the path
//
// and the tree record of the index has "of N" as its key_type.
#ifndef API_INTERNAL_VECTOR_FIELDS_H_
#define API_INTERNAL_VECTOR_FIELDS_H_
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/internal/vector_state.h"
#include "catalog/tree_view.h"
#include "document/document_watcher.h"
#include "document/path.h"

namespace sheaf::internal {

class VectorFields : public document::DocumentWatcher {
 public:
  // Both outlive it.
  VectorFields(TransactionState* txn, catalog::OpenTree* collection)
      : txn_(*txn), collection_(*collection) {}

  absl::StatusOr<bool> Watches() override;
  absl::Status BeforePut(std::string_view key, const document::View& document) override;
  absl::Status BeforeDelete(std::string_view key) override;

  // Makes an index of that name and fills it. kAlreadyExists, kInvalidArgument: names the
  // document whose field is no vector of such an index.
  static absl::Status Create(const Collection& collection, std::string_view name,
                             std::string_view path, const VectorOptions& options,
                             const Progress& progress);
  // Those of a collection that is dropped.
  static absl::Status DropAll(TransactionState* txn, catalog::TreeId collection);
  // An index that is dropped.
  static absl::Status Forget(TransactionState* txn, const catalog::TreeRecord& index);

  // The collection that an index belongs to.
  static std::optional<catalog::TreeId> OwnerOf(const catalog::TreeRecord& index);
  // What an owned index has of a document. Nothing: no such field, or null.
  // kInvalidArgument: it is no vector of the index.
  static absl::StatusOr<std::optional<std::string>> BytesOf(
      const VectorOptions& options, const document::Path& path,
      const document::View& document);
  // The path of an owned index. `fields`: the tree of the owner's.
  static absl::StatusOr<document::Path> PathOf(const catalog::TreeView& fields,
                                               catalog::TreeId index);

 private:
  struct Field {
    document::Path path;
    std::unique_ptr<vectors::VectorWriter> writer;
    std::optional<std::string> bytes;  // of the document that is put
  };

  TransactionState& txn_;
  catalog::OpenTree& collection_;
  std::vector<Field> fields_;
};

}  // namespace sheaf::internal
#endif  // API_INTERNAL_VECTOR_FIELDS_H_
