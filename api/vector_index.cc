#include "sheaf/vector_index.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/internal/vector_state.h"
#include "catalog/tick.h"
#include "pager/coding.h"
#include "pager/status_macros.h"
#include "vector/distance.h"
#include "vector/graph_stats.h"

namespace sheaf {

using internal::CheckHandle, internal::VectorState;
using vectors::Slot;
using vectors::StoredVector;

// --- VectorIndexReader --------------------------------------------------------

VectorIndexReader::VectorIndexReader(std::shared_ptr<VectorState> state)
    : state_(std::move(state)) {}

const VectorOptions& VectorIndexReader::options() const {
  static const VectorOptions kNone;
  return state_ == nullptr ? kNone : state_->options();
}

const std::string& VectorIndexReader::name() const {
  static const std::string kNone;
  return state_ == nullptr ? kNone : state_->tree->name;
}

absl::StatusOr<uint64_t> VectorIndexReader::size() const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  return state_->Size();
}

absl::StatusOr<uint64_t> VectorIndexReader::size_with_expired() const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  return state_->reader.size();
}

absl::StatusOr<bool> VectorIndexReader::Contains(const DocumentKey& key) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  const absl::StatusOr<Slot> slot = state_->SlotOf(key);
  if (absl::IsNotFound(slot.status())) return false;
  SHEAF_RETURN_IF_ERROR(slot.status());
  return true;
}

absl::StatusOr<std::string> VectorIndexReader::GetBytes(const DocumentKey& key) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const Slot slot, state_->SlotOf(key));
  std::optional<std::string> bytes;
  SHEAF_RETURN_IF_ERROR(
      state_->reader.ForVectors({&slot, 1}, [&](size_t, const StoredVector& v) {
        bytes.emplace(v.vector, state_->layout().vector_bytes);
      }));
  if (bytes.has_value()) return *std::move(bytes);
  return absl::DataLossError(
      absl::StrCat(name(), ": the vector of slot ", slot, " is missing"));
}

absl::StatusOr<std::vector<float>> VectorIndexReader::Get(const DocumentKey& key) const {
  SHEAF_ASSIGN_OR_RETURN(const std::string bytes, GetBytes(key));
  const VectorOptions& o = options();
  std::vector<float> floats(o.dimensions);
  if (o.element == Element::kBit) {
    for (size_t i = 0; i < floats.size(); ++i)
      floats[i] = static_cast<float>(bytes[i / 8] >> i % 8 & 1);
  } else {
    vectors::DecodeFloats(o.element, o.dimensions, bytes.data(), floats.data());
  }
  return floats;
}

absl::StatusOr<std::optional<std::string>> VectorIndexReader::Metadata(
    const DocumentKey& key) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const Slot slot, state_->SlotOf(key));
  SHEAF_ASSIGN_OR_RETURN(const CollectionReader metadata, state_->Metadata());
  SHEAF_ASSIGN_OR_RETURN(const DocumentKey found_by, state_->MetadataKey(slot));
  return metadata.Find(found_by);
}

absl::Status VectorIndexReader::ForEach(VectorFn fn) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  const absl::Status ended = absl::CancelledError();
  const absl::Status status = state_->reader.ForEachVector([&](Slot,
                                                               const StoredVector& v)
                                                               -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(const DocumentKey key, internal::DecodeKey(v.key));
    SHEAF_ASSIGN_OR_RETURN(const bool hidden, state_->IsHidden(v.key));
    if (hidden) return absl::OkStatus();
    return fn(key, {v.vector, state_->layout().vector_bytes}) ? absl::OkStatus() : ended;
  });
  return status == ended ? absl::OkStatus() : status;
}

absl::StatusOr<std::vector<IndexInfo>> VectorIndexReader::Indexes() const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const CollectionReader metadata, state_->Metadata());
  return metadata.Indexes();
}

absl::StatusOr<VectorStats> VectorIndexReader::Stats(const Progress& progress) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const vectors::GraphStats graph,
                         vectors::MeasureGraph(state_->reader, [&](uint64_t done) {
                           return catalog::Tick(
                               progress, "the statistics",
                               {done, state_->reader.node_count(), "nodes looked at"});
                         }));
  VectorStats stats;
  stats.vectors = state_->reader.size();
  stats.pending = graph.pending;
  const bool is_flat = options().kind == VectorIndexKind::kFlat;
  stats.linked = is_flat ? 0 : stats.vectors - graph.pending;
  stats.stale = graph.nodes - stats.linked;
  stats.nodes_by_level = graph.nodes_by_level;
  stats.mean_links = graph.nodes == 0 ? 0
                                      : static_cast<double>(graph.links) /
                                            static_cast<double>(graph.nodes);
  stats.unreachable = graph.unreachable;
  return stats;
}

// --- VectorIndex --------------------------------------------------------------

absl::Status VectorIndex::Write(const DocumentKey& key, const VectorView& vector,
                                const std::optional<std::string_view>& metadata,
                                bool insert_only, const std::optional<Expiry>& expiry) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_RETURN_IF_ERROR(state_->CheckOwn());
  SHEAF_ASSIGN_OR_RETURN(const std::string encoded, state_->KeyOf(key));
  absl::StatusOr<std::string> bytes =
      VectorState::ToBytes(state_->options(), vector, name());
  if (!bytes.ok())
    return internal::At(absl::StrCat(name(), ": vector ", key.ToString()),
                        bytes.status());
  // Before anything changes.
  SHEAF_ASSIGN_OR_RETURN(Collection documents, state_->Metadata());
  std::optional<Document> document;
  if (metadata.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(document, Document::FromJson(*metadata));
    SHEAF_RETURN_IF_ERROR(CheckMetadata(*document));
  }
  SHEAF_ASSIGN_OR_RETURN(const catalog::ExpiryChange change,
                         PrepareToExpire(encoded, expiry));
  SHEAF_ASSIGN_OR_RETURN(const std::optional<Slot> old, state_->reader.FindSlot(encoded));
  if (insert_only && old.has_value())
    return absl::AlreadyExistsError(
        absl::StrCat(name(), ": a vector with key ", key.ToString(), " exists already"));
  // A unique index may refuse the metadata: then the vector must not be there.
  SHEAF_ASSIGN_OR_RETURN(const Slot slot, old.has_value() ? absl::StatusOr<Slot>(*old)
                                                          : state_->writer->NextSlot());
  if (document.has_value())
    SHEAF_RETURN_IF_ERROR(documents.Put(int64_t{slot}, *document));
  bool existed = false;
  state_->NoteChange();
  SHEAF_RETURN_IF_ERROR(state_->writer->Put(encoded, *bytes, &existed).status());
  return state_->tree->open->ChangeExpiry(encoded, change);
}

absl::Status VectorIndex::CheckMetadata(const Document& document) {
  if (document.root().kind() == DocumentKind::kObject) return absl::OkStatus();
  return absl::InvalidArgumentError("the metadata are not a JSON object");
}

absl::Status VectorIndex::Put(const DocumentKey& key, VectorView vector) {
  return Write(key, vector, std::nullopt, false, {});
}
absl::Status VectorIndex::Put(const DocumentKey& key, VectorView vector,
                              std::string_view metadata,
                              const std::optional<Expiry>& expiry) {
  return Write(key, vector, metadata, false, expiry);
}
absl::Status VectorIndex::Insert(const DocumentKey& key, VectorView vector,
                                 std::string_view metadata,
                                 const std::optional<Expiry>& expiry) {
  return Write(key, vector, metadata.empty() ? std::nullopt : std::optional(metadata),
               true, expiry);
}

absl::StatusOr<bool> VectorIndex::Delete(const DocumentKey& key) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_RETURN_IF_ERROR(state_->CheckOwn());
  SHEAF_ASSIGN_OR_RETURN(const std::string encoded, state_->KeyOf(key));
  SHEAF_ASSIGN_OR_RETURN(const bool hidden, state_->IsHidden(encoded));
  if (hidden) return false;  // whoever removes what has expired is told of it
  SHEAF_ASSIGN_OR_RETURN(const bool existed, state_->Remove(encoded));
  if (existed) SHEAF_RETURN_IF_ERROR(state_->tree->open->ClearExpiry(encoded));
  return existed;
}

absl::Status VectorIndex::SetMetadata(const DocumentKey& key, std::string_view json) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_RETURN_IF_ERROR(state_->CheckOwn());
  SHEAF_ASSIGN_OR_RETURN(const Slot slot, state_->SlotOf(key));
  SHEAF_ASSIGN_OR_RETURN(Collection documents, state_->Metadata());
  SHEAF_ASSIGN_OR_RETURN(const Document document, Document::FromJson(json));
  SHEAF_RETURN_IF_ERROR(CheckMetadata(document));
  return documents.Put(int64_t{slot}, document);
}

absl::Status VectorIndex::CreateIndex(const IndexDefinition& definition,
                                      const Progress& progress) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_RETURN_IF_ERROR(state_->CheckOwn());
  SHEAF_ASSIGN_OR_RETURN(Collection documents, state_->Metadata());
  return documents.CreateIndex(definition, progress);
}

absl::Status VectorIndex::DropIndex(std::string_view name) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_RETURN_IF_ERROR(state_->CheckOwn());
  SHEAF_ASSIGN_OR_RETURN(Collection documents, state_->Metadata());
  return documents.DropIndex(name);
}

}  // namespace sheaf
