#include "api/internal/vector_state.h"

#include <cmath>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "pager/coding.h"
#include "pager/status_macros.h"
#include "vector/distance.h"
#include "vector/half.h"

namespace sheaf::internal {

using vectors::Slot;
using vectors::VectorReader;
using vectors::VectorWriter;

namespace {

absl::Status LostMetadata(const std::string& index) {
  return absl::DataLossError(absl::StrCat(index, ": its metadata are lost"));
}

// What floats become: the bytes of the element. kInvalidArgument: what cannot.
absl::StatusOr<std::string> Convert(Element element, absl::Span<const float> floats) {
  const auto size = static_cast<uint32_t>(floats.size());
  std::string bytes(vectors::VectorBytes(element, size), '\0');
  const auto refuse = [](size_t i, float value, const char* what) {
    return absl::InvalidArgumentError(
        absl::StrCat("component ", i, " is ", value, ": ", what));
  };
  for (size_t i = 0; i < floats.size(); ++i) {
    const float value = floats[i];
    switch (element) {
      case Element::kFloat32:
        pager::EncodeFixed32(&bytes[4 * i], std::bit_cast<uint32_t>(value));
        break;
      case Element::kFloat16:
        pager::EncodeFixed16(&bytes[2 * i], vectors::HalfOf(value));
        break;
      case Element::kInt8:
        if (!(value >= -128 && value <= 127 && value == std::floor(value)))
          return refuse(i, value, "of int8 it must be a whole number from -128 to 127");
        bytes[i] = static_cast<char>(static_cast<int>(value));
        break;
      case Element::kBit:
        if (value != 0 && value != 1) return refuse(i, value, "of bit it must be 0 or 1");
        if (value == 1) bytes[i / 8] = static_cast<char>(bytes[i / 8] | 1 << i % 8);
        break;
    }
  }
  return bytes;
}

}  // namespace

VectorState::VectorState(std::shared_ptr<TableState> tree,
                         std::unique_ptr<VectorReader> reader,
                         std::unique_ptr<VectorWriter> writer)
    : tree(std::move(tree)),
      own_reader(std::move(reader)),
      writer(std::move(writer)),
      reader(own_reader != nullptr ? *own_reader : this->writer->reader()),
      searcher(&this->reader, own_reader != nullptr) {}

absl::StatusOr<std::shared_ptr<VectorState>> VectorState::Of(
    std::shared_ptr<TableState> tree) {
  TransactionState* const txn = tree->txn.get();
  if (tree->open != nullptr) {
    SHEAF_ASSIGN_OR_RETURN(std::unique_ptr<VectorWriter> writer,
                           vectors::OpenIndex(txn->write.get(), tree->open));
    return std::make_shared<VectorState>(std::move(tree), nullptr, std::move(writer));
  }
  SHEAF_ASSIGN_OR_RETURN(std::unique_ptr<VectorReader> reader,
                         vectors::OpenIndex(txn->rep->store.get(), &*txn->snapshot,
                                            tree->record, &txn->rep->directories));
  return std::make_shared<VectorState>(std::move(tree), std::move(reader), nullptr);
}

absl::StatusOr<catalog::OpenTree*> VectorState::Create(catalog::WriteTxn* write,
                                                       std::string_view name,
                                                       const VectorOptions& options,
                                                       const Compression& compression) {
  SHEAF_RETURN_IF_ERROR(vectors::CheckOptions(options));
  SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree* const vectors,
                         vectors::CreateIndex(write, name, options));
  SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree* const metadata,
                         write->CreateTree(vectors::MetadataName(vectors->record().id),
                                           catalog::TreeKind::kPartCollection, {}, {}));
  SHEAF_RETURN_IF_ERROR(metadata->SetCompression(compression));
  return vectors;
}

absl::Status VectorState::Drop(TransactionState* txn, catalog::TreeId index) {
  const std::string name = vectors::MetadataName(index);
  SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree* const tree, txn->write->FindTree(name));
  if (tree != nullptr) {
    SHEAF_RETURN_IF_ERROR(txn->WriterOf(tree)->DropAllIndexes());
    SHEAF_RETURN_IF_ERROR(txn->write->DropTree(name));
  }
  return vectors::DropParts(txn->write.get(), index);
}

absl::StatusOr<Collection> VectorState::Metadata() const {
  if (metadata_.has_value()) return *metadata_;
  const std::string name = vectors::MetadataName(id());
  auto table = std::make_shared<TableState>();
  if (tree->open != nullptr) {
    SHEAF_ASSIGN_OR_RETURN(table->open, tree->txn->write->FindTree(name));
    if (table->open == nullptr) return LostMetadata(tree->name);
    table->txn = tree->txn;
  } else {
    const absl::StatusOr<std::shared_ptr<TableState>> found =
        OpenForReading(tree->txn, name, catalog::TreeKind::kPartCollection);
    if (absl::IsNotFound(found.status())) return LostMetadata(tree->name);
    SHEAF_RETURN_IF_ERROR(found.status());
    table = *found;
  }
  table->name = absl::StrCat(tree->name, " (metadata)");
  return metadata_.emplace(Collection(CollectionState::Of(std::move(table))));
}

absl::Status VectorState::CheckMetadata(
    const ReadTransaction& txn,
    absl::FunctionRef<void(const std::string& what)> problem) {
  SHEAF_ASSIGN_OR_RETURN(const std::vector<TreeInfo> trees, txn.List());
  for (const TreeInfo& tree : trees) {
    if (tree.kind != TreeKind::kVectors) continue;
    const absl::StatusOr<VectorIndexReader> index = txn.vectors(tree.name);
    if (absl::IsDataLoss(index.status())) continue;  // which was found already
    SHEAF_RETURN_IF_ERROR(index.status());
    const VectorState& state = *index->state_;
    SHEAF_ASSIGN_OR_RETURN(const CollectionReader metadata, state.Metadata());
    absl::Status status;
    const auto look = [&](const DocumentKey& key, const DocumentView&) {
      bool is_there = false;
      const auto slot =
          static_cast<Slot>(key.is_number() ? key.number() : vectors::kSlotEnd);
      status = state.reader.ForVectors(
          {&slot, 1}, [&](size_t, const vectors::StoredVector&) { is_there = true; });
      if (!is_there)
        problem(absl::StrCat(tree.name, ": metadata of slot ", key.ToString(),
                             ", which has no vector"));
      return status.ok();
    };
    SHEAF_RETURN_IF_ERROR(metadata.ForEachDocument({}, look));
    SHEAF_RETURN_IF_ERROR(status);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> VectorState::KeyOf(const DocumentKey& key) const {
  SHEAF_ASSIGN_OR_RETURN(std::string encoded, EncodeKey(key));
  if (encoded.size() <= vectors::kKeyMax) return encoded;
  return absl::InvalidArgumentError(absl::StrCat("key of ", encoded.size(),
                                                 " bytes: of a vector up to ",
                                                 vectors::kKeyMax, " are allowed"));
}

absl::StatusOr<Slot> VectorState::SlotOf(const DocumentKey& key) const {
  SHEAF_ASSIGN_OR_RETURN(const std::string encoded, KeyOf(key));
  SHEAF_ASSIGN_OR_RETURN(const std::optional<Slot> slot, reader.FindSlot(encoded));
  if (slot.has_value()) return *slot;
  return absl::NotFoundError(
      absl::StrCat(tree->name, ": no vector with key ", key.ToString()));
}

absl::StatusOr<DocumentKey> VectorState::KeyAt(Slot slot) const {
  std::optional<std::string> encoded;
  SHEAF_RETURN_IF_ERROR(reader.ForVectors(
      {&slot, 1},
      [&](size_t, const vectors::StoredVector& v) { encoded = std::string(v.key); }));
  if (encoded.has_value()) return DecodeKey(*encoded);
  return absl::DataLossError(
      absl::StrCat(tree->name, ": the vector of slot ", slot, " is missing"));
}

absl::StatusOr<std::string> VectorState::BytesOf(const VectorView& view) const {
  const VectorOptions& o = options();
  std::string bytes;
  if (view.bytes().has_value()) {
    bytes = *view.bytes();
  } else {
    if (view.floats().size() != o.dimensions)
      return absl::InvalidArgumentError(absl::StrCat("vector of ", view.floats().size(),
                                                     " components: ", tree->name, " has ",
                                                     o.dimensions));
    SHEAF_ASSIGN_OR_RETURN(bytes, Convert(o.element, view.floats()));
  }
  SHEAF_RETURN_IF_ERROR(vectors::CheckVector(o.metric, o.element, o.dimensions, bytes));
  return bytes;
}

}  // namespace sheaf::internal
