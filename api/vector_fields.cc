#include "api/internal/vector_fields.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "catalog/tick.h"
#include "pager/status_macros.h"
#include "vector/distance.h"

namespace sheaf::internal {

using catalog::OpenTree;
using catalog::TreeId;
using document::Path;
using document::View;
using vectors::VectorWriter;

namespace {

constexpr std::string_view kOwner = "of ";
constexpr uint64_t kDocumentsATick = 256;

std::string RowOf(TreeId index) {
  std::string row;
  for (int shift = 56; shift >= 0; shift -= 8)
    row.push_back(static_cast<char>(index >> shift));
  return row;
}

std::optional<TreeId> IndexOf(std::string_view row) {
  if (row.size() != 8) return std::nullopt;
  TreeId id = 0;
  for (const char c : row) id = id << 8 | static_cast<uint8_t>(c);
  return id;
}

// Of all rows.
absl::StatusOr<std::vector<std::pair<TreeId, std::string>>> ReadFields(
    const catalog::TreeView& tree) {
  std::vector<std::pair<TreeId, std::string>> fields;
  btree::TreeCursor rows = tree.NewCursor();
  for (rows.SeekFirst(); rows.Valid(); rows.Next()) {
    const std::optional<TreeId> index = IndexOf(rows.key());
    if (!index.has_value() || rows.value().is_large)
      return absl::DataLossError("a row of a field with vectors is malformed");
    fields.emplace_back(*index, rows.value().bytes);
  }
  SHEAF_RETURN_IF_ERROR(rows.status());
  return fields;
}

float NumberOf(const View& number) {
  if (number.kind() == document::Kind::kInt)
    return static_cast<float>(number.int_value());
  if (number.kind() == document::Kind::kUint)
    return static_cast<float>(number.uint_value());
  return static_cast<float>(number.double_value());
}

absl::StatusOr<std::vector<float>> FloatsOf(const View& value) {
  if (value.kind() == document::Kind::kVector) return value.vector_value();
  std::vector<float> floats;
  if (value.kind() != document::Kind::kArray)
    return absl::InvalidArgumentError("is neither a vector nor an array of numbers");
  for (document::ArrayCursor c = value.elements(); c.Valid(); c.Next()) {
    if (!c.value().is_number())
      return absl::InvalidArgumentError(
          absl::StrCat("element ", floats.size(), " is no number"));
    floats.push_back(NumberOf(c.value()));
  }
  return floats;
}

}  // namespace

std::optional<TreeId> VectorFields::OwnerOf(const catalog::TreeRecord& index) {
  TreeId id = 0;
  const std::string_view type = index.key_type;
  if (!type.starts_with(kOwner) ||
      !absl::SimpleAtoi(std::string(type.substr(kOwner.size())), &id))
    return std::nullopt;
  return id;
}

absl::StatusOr<Path> VectorFields::PathOf(const catalog::TreeView& fields, TreeId index) {
  btree::Found found;
  SHEAF_RETURN_IF_ERROR(fields.reader().Find(RowOf(index), &found));
  if (!found.found || found.is_large)
    return absl::DataLossError("the path of a field with vectors is lost");
  return Path::Parse(found.bytes);
}

absl::StatusOr<std::optional<std::string>> VectorFields::BytesOf(
    const VectorOptions& options, const Path& path, const View& document) {
  const std::optional<View> value = path.First(document);
  if (!value.has_value() || value->kind() == document::Kind::kNull)
    return std::optional<std::string>();
  absl::StatusOr<std::string> bytes;
  if (absl::StatusOr<std::vector<float>> floats = FloatsOf(*value); floats.ok())
    bytes = VectorState::ToBytes(options, *floats);
  else
    bytes = floats.status();
  if (bytes.ok()) return std::optional<std::string>(*std::move(bytes));
  return absl::InvalidArgumentError(
      absl::StrCat(path.text(), ": ", std::string(bytes.status().message())));
}

absl::StatusOr<bool> VectorFields::Watches() {
  fields_.clear();
  SHEAF_ASSIGN_OR_RETURN(
      OpenTree* const tree,
      txn_.write->FindTree(vectors::FieldsName(collection_.record().id)));
  if (tree == nullptr) return false;
  SHEAF_ASSIGN_OR_RETURN(const auto rows,
                         ReadFields(catalog::TreeView(txn_.write.get(), tree)));
  for (const auto& [id, text] : rows) {
    SHEAF_ASSIGN_OR_RETURN(OpenTree* const index, txn_.write->FindTree(id));
    if (index == nullptr || index->record().kind != catalog::TreeKind::kVectors)
      return absl::DataLossError(absl::StrCat(collection_.record().name,
                                              ": the vectors of ", text, " are lost"));
    Field field;
    SHEAF_ASSIGN_OR_RETURN(field.path, Path::Parse(text));
    SHEAF_ASSIGN_OR_RETURN(field.writer, vectors::OpenIndex(txn_.write.get(), index));
    fields_.push_back(std::move(field));
  }
  return !fields_.empty();
}

absl::Status VectorFields::BeforePut(std::string_view key, const View& document) {
  for (Field& field : fields_) {
    SHEAF_ASSIGN_OR_RETURN(field.bytes, BytesOf(field.writer->reader().layout().options,
                                                field.path, document));
    if (field.bytes.has_value() && key.size() > vectors::kKeyMax)
      return absl::InvalidArgumentError(
          absl::StrCat(field.path.text(), ": the key has ", key.size(),
                       " bytes: of a document with a vector up to ", vectors::kKeyMax,
                       " are allowed"));
  }
  for (Field& field : fields_) {
    if (!field.bytes.has_value()) {
      SHEAF_RETURN_IF_ERROR(field.writer->Delete(key).status());
    } else {
      SHEAF_ASSIGN_OR_RETURN(const bool is_same,
                             field.writer->reader().Holds(key, *field.bytes));
      if (is_same) continue;
      bool existed = false;
      SHEAF_RETURN_IF_ERROR(field.writer->Put(key, *field.bytes, &existed).status());
    }
    txn_.vectors_changed.insert(field.writer->trees().vectors->record().id);
  }
  return absl::OkStatus();
}

absl::Status VectorFields::BeforeDelete(std::string_view key) {
  for (Field& field : fields_) {
    SHEAF_RETURN_IF_ERROR(field.writer->Delete(key).status());
    txn_.vectors_changed.insert(field.writer->trees().vectors->record().id);
  }
  return absl::OkStatus();
}

absl::Status VectorFields::Create(const Collection& documents, std::string_view name,
                                  std::string_view path, const VectorOptions& options,
                                  const Progress& progress) {
  CollectionState& collection = *documents.state_;
  TransactionState& txn = *collection.tree->txn;
  catalog::WriteTxn& write = *txn.write;
  const TreeId owner = collection.tree->open->record().id;
  SHEAF_RETURN_IF_ERROR(Path::Parse(path).status());
  SHEAF_ASSIGN_OR_RETURN(OpenTree* const index,
                         VectorState::Create(&write, name, options, Compression(),
                                             absl::StrCat(std::string(kOwner), owner)));
  const std::string fields = vectors::FieldsName(owner);
  SHEAF_ASSIGN_OR_RETURN(OpenTree * tree, write.FindTree(fields));
  if (tree == nullptr) {
    SHEAF_ASSIGN_OR_RETURN(
        tree, write.CreateTree(fields, catalog::TreeKind::kVectorPart, {}, {}));
  }
  bool existed = false;
  SHEAF_RETURN_IF_ERROR(tree->PutStored(RowOf(index->record().id), path,
                                        btree::BTree::PutMode::kUpsert, &existed));
  collection.writer->Forget();  // it asks anew who watches
  VectorFields filler(&txn, collection.tree->open);
  SHEAF_RETURN_IF_ERROR(filler.Watches().status());
  std::erase_if(filler.fields_, [&](const Field& field) {
    return field.writer->trees().vectors != index;
  });
  uint64_t done = 0;
  SHEAF_ASSIGN_OR_RETURN(const uint64_t total, collection.writer->size());
  absl::Status status;
  SHEAF_RETURN_IF_ERROR(documents.ForEachDocument({}, [&](const DocumentKey& key,
                                                          const DocumentView& document) {
    const absl::StatusOr<std::string> encoded = EncodeKey(key);
    status = encoded.ok() ? filler.BeforePut(*encoded, document) : encoded.status();
    if (!status.ok()) status = At(key.ToString(), status);
    if (status.ok() && ++done % kDocumentsATick == 0)
      status = catalog::Tick(progress, "the index", {done, total, "documents indexed"});
    return status.ok();
  }));
  return status;
}

absl::Status VectorFields::DropAll(TransactionState* txn, TreeId collection) {
  const std::string name = vectors::FieldsName(collection);
  SHEAF_ASSIGN_OR_RETURN(OpenTree* const tree, txn->write->FindTree(name));
  if (tree == nullptr) return absl::OkStatus();
  SHEAF_ASSIGN_OR_RETURN(const auto rows,
                         ReadFields(catalog::TreeView(txn->write.get(), tree)));
  for (const auto& [id, path] : rows) {
    SHEAF_ASSIGN_OR_RETURN(OpenTree* const index, txn->write->FindTree(id));
    if (index == nullptr) continue;
    SHEAF_RETURN_IF_ERROR(VectorState::Drop(txn, id));
    SHEAF_RETURN_IF_ERROR(txn->write->DropTree(std::string(index->record().name)));
  }
  return txn->write->DropTree(name);
}

absl::Status VectorFields::Forget(TransactionState* txn,
                                  const catalog::TreeRecord& index) {
  const std::optional<TreeId> owner = OwnerOf(index);
  if (!owner.has_value()) return absl::OkStatus();
  SHEAF_ASSIGN_OR_RETURN(OpenTree* const tree,
                         txn->write->FindTree(vectors::FieldsName(*owner)));
  if (tree == nullptr) return absl::OkStatus();
  SHEAF_RETURN_IF_ERROR(tree->Delete(RowOf(index.id)).status());
  if (const auto writer = txn->collections.find(*owner); writer != txn->collections.end())
    writer->second->Forget();
  return absl::OkStatus();
}

}  // namespace sheaf::internal
