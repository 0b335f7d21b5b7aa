#include "api/internal/vector_state.h"

#include <cmath>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/internal/vector_fields.h"
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
  if (element == Element::kFloat32) {
    for (size_t i = 0; i < floats.size(); ++i)
      pager::EncodeFixed32(&bytes[4 * i], std::bit_cast<uint32_t>(floats[i]));
    return bytes;
  }
  for (size_t i = 0; i < floats.size(); ++i) {
    const float value = floats[i];
    switch (element) {
      case Element::kFloat32:
        break;  // above
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
      searcher(&this->reader, own_reader != nullptr),
      owner(VectorFields::OwnerOf(record())) {}

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
                                                       const Compression& compression,
                                                       std::string_view owner) {
  SHEAF_RETURN_IF_ERROR(vectors::CheckOptions(options));
  SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree* const vectors,
                         vectors::CreateIndex(write, name, options, owner));
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

absl::Status VectorState::CheckOwn() const {
  if (!owner.has_value()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      tree->name, ": its vectors are those of documents: change the documents"));
}

absl::StatusOr<Collection> VectorState::Metadata() const {
  if (metadata_.has_value()) return *metadata_;
  auto table = std::make_shared<TableState>();
  table->txn = tree->txn;
  const std::string name = vectors::MetadataName(id());
  if (tree->open != nullptr) {
    catalog::WriteTxn& write = *tree->txn->write;
    SHEAF_ASSIGN_OR_RETURN(
        table->open, owner.has_value() ? write.FindTree(*owner) : write.FindTree(name));
    if (table->open == nullptr) return LostMetadata(tree->name);
  } else {
    const catalog::Snapshot& snapshot = *tree->txn->snapshot;
    SHEAF_ASSIGN_OR_RETURN(
        std::optional<catalog::TreeRecord> record,
        owner.has_value() ? catalog::FindInCatalog(snapshot.context(),
                                                   snapshot.version().catalog, *owner)
                          : snapshot.FindTree(name));
    if (!record.has_value()) return LostMetadata(tree->name);
    table->record = *std::move(record);
  }
  table->name =
      absl::StrCat(tree->name, owner.has_value() ? " (documents)" : " (metadata)");
  return metadata_.emplace(Collection(CollectionState::Of(std::move(table))));
}

absl::StatusOr<DocumentKey> VectorState::MetadataKey(Slot slot) const {
  if (owner.has_value()) return KeyAt(slot);
  return DocumentKey(int64_t{slot});
}

absl::StatusOr<std::optional<Slot>> VectorState::SlotOfMetadata(
    const DocumentKey& key) const {
  if (!owner.has_value()) return std::optional(static_cast<Slot>(key.number()));
  const absl::StatusOr<Slot> slot = SlotOf(key);
  // Too long a key, or a document without a vector.
  if (absl::IsNotFound(slot.status()) || absl::IsInvalidArgument(slot.status()))
    return std::optional<Slot>();
  SHEAF_RETURN_IF_ERROR(slot.status());
  return std::optional(*slot);
}

namespace {

// Every document's vector is in the index as the document has it, and no other.
absl::Status CheckFields(const VectorState& state,
                         absl::FunctionRef<void(const std::string& what)> problem) {
  const TransactionState& txn = *state.tree->txn;
  SHEAF_ASSIGN_OR_RETURN(std::optional<catalog::TreeRecord> record,
                         txn.snapshot->FindTree(vectors::FieldsName(*state.owner)));
  const absl::StatusOr<Collection> documents = state.Metadata();
  if (!record.has_value() || !documents.ok()) {
    problem(absl::StrCat(state.tree->name, ": the collection of its vectors is lost"));
    return absl::OkStatus();
  }
  const absl::StatusOr<document::Path> path = VectorFields::PathOf(
      catalog::TreeView(txn.rep->store.get(), &*txn.snapshot, *std::move(record)),
      state.id());
  if (!path.ok()) {
    problem(absl::StrCat(state.tree->name, ": ", std::string(path.status().message())));
    return absl::OkStatus();
  }
  uint64_t count = 0;
  absl::Status status;
  const auto look = [&](const DocumentKey& key, const DocumentView& document) {
    const auto bytes = VectorFields::BytesOf(state.options(), *path, document);
    if (bytes.ok() && !bytes->has_value()) return true;
    ++count;
    const absl::StatusOr<std::string> encoded = EncodeKey(key);
    const absl::StatusOr<bool> holds =
        bytes.ok() && encoded.ok() ? state.reader.Holds(*encoded, **bytes) : false;
    status = holds.status();
    if (status.ok() && !*holds)
      problem(absl::StrCat(state.tree->name, ": has not the vector of document ",
                           key.ToString()));
    return status.ok();
  };
  SHEAF_RETURN_IF_ERROR(documents->ForEachDocument({}, look));
  SHEAF_RETURN_IF_ERROR(status);
  if (count != state.reader.size())
    problem(absl::StrCat(state.tree->name, ": has ", state.reader.size(),
                         " vectors, its documents ", count));
  return absl::OkStatus();
}

}  // namespace

absl::Status VectorState::CheckMetadata(
    const ReadTransaction& txn,
    absl::FunctionRef<void(const std::string& what)> problem) {
  const absl::StatusOr<std::vector<TreeInfo>> trees = txn.List();
  if (absl::IsDataLoss(trees.status()))
    return absl::OkStatus();  // which was found already
  SHEAF_RETURN_IF_ERROR(trees.status());
  for (const TreeInfo& tree : *trees) {
    if (tree.kind != sheaf::TreeKind::kVectors) continue;
    const absl::StatusOr<VectorIndexReader> index = txn.vectors(tree.name);
    if (absl::IsDataLoss(index.status())) continue;  // which was found already
    SHEAF_RETURN_IF_ERROR(index.status());
    const VectorState& state = *index->state_;
    if (state.owner.has_value()) {
      SHEAF_RETURN_IF_ERROR(CheckFields(state, problem));
      continue;
    }
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
  SHEAF_ASSIGN_OR_RETURN(const bool hidden, IsHidden(encoded));
  if (slot.has_value() && !hidden) return *slot;
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

absl::StatusOr<std::string> VectorState::ToBytes(const VectorOptions& o,
                                                 const VectorView& view,
                                                 const std::string& index) {
  std::string bytes;
  if (view.bytes().has_value()) {
    bytes = *view.bytes();
  } else {
    if (view.floats().size() != o.dimensions)
      return absl::InvalidArgumentError(absl::StrCat("vector of ", view.floats().size(),
                                                     " components: ", index, " has ",
                                                     o.dimensions));
    SHEAF_ASSIGN_OR_RETURN(bytes, Convert(o.element, view.floats()));
  }
  SHEAF_RETURN_IF_ERROR(vectors::CheckVector(o.metric, o.element, o.dimensions, bytes));
  return bytes;
}

}  // namespace sheaf::internal
