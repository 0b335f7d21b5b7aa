#include "document/schema.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "document/json.h"
#include "pager/coding.h"
#include "pager/status_macros.h"

namespace sheaf::document {

using pager::DecodeVarint64;

namespace {

enum RowKind : char { kName = 1, kIndex = 2, kFact = 3, kLost = 4 };
constexpr size_t kSchemaKeyBytes = 5;
constexpr size_t kSchemasKept = 256;

void AppendVarint(std::string* out, uint64_t value) {
  char bytes[pager::kVarint64BytesMax];
  out->append(bytes, static_cast<size_t>(pager::EncodeVarint64(bytes, value) - bytes));
}

bool TakeVarint(std::string_view* in, uint64_t* value) {
  const char* const behind = DecodeVarint64(in->data(), in->data() + in->size(), value);
  if (behind == nullptr) return false;
  in->remove_prefix(static_cast<size_t>(behind - in->data()));
  return true;
}

absl::Status Wrong(uint32_t row, std::string_view what) {
  return absl::DataLossError(
      absl::StrCat("collection schema: row ", row, ": ", std::string(what)));
}

}  // namespace

std::string SchemaKey(uint32_t row) {
  std::string key(kSchemaKeys);
  for (int shift = 24; shift >= 0; shift -= 8)
    key.push_back(static_cast<char>(row >> shift & 0xff));
  return key;
}

absl::StatusOr<uint32_t> EndOfSchemaRows(const catalog::TreeView& tree) {
  btree::TreeCursor cursor = tree.NewCursor();
  if (!cursor.SeekAtOrBefore(kSchemaKeysEnd)) {
    SHEAF_RETURN_IF_ERROR(cursor.status());
    return 0;
  }
  const std::string_view key = cursor.key();
  if (key.size() != kSchemaKeyBytes || !key.starts_with(kSchemaKeys))
    return absl::DataLossError("collection schema: a key is none of its own");
  uint32_t row = 0;
  for (const char c : key.substr(1)) row = row << 8 | static_cast<uint8_t>(c);
  if (row == UINT32_MAX)
    return absl::DataLossError("collection schema: a row's number is too large");
  return row + 1;
}

absl::StatusOr<uint32_t> CountSchemaRows(const catalog::TreeView& tree) {
  SHEAF_ASSIGN_OR_RETURN(const uint32_t end, EndOfSchemaRows(tree));
  if (end <= tree.root().entries) return end;
  return absl::DataLossError("collection schema: rows are missing");
}

std::string EncodeNameRow(std::string_view name) {
  return std::string(1, kName).append(name);
}

std::string EncodeIndexRow(const Index& index) {
  std::string row(1, kIndex);
  AppendVarint(&row, index.tree.size());
  return row.append(index.tree).append(index.definition.ToJson());
}

std::string EncodeFactRow(uint32_t index_row, Fact fact) {
  std::string row(1, kFact);
  AppendVarint(&row, index_row);
  row.push_back(static_cast<char>(fact));
  return row;
}

absl::Status LostTree(const Index& index) {
  return absl::DataLossError(
      absl::StrCat("index ", index.definition.name, ": its tree is lost"));
}

std::string EncodeLostRow() { return std::string(1, kLost); }

// --- Schema -------------------------------------------------------------------

Schema::Schema(std::shared_ptr<const Schema> base)
    : base_(std::move(base)), names_(base_ == nullptr ? nullptr : &base_->names_) {
  if (base_ == nullptr) return;
  indexes_ = base_->indexes_;
  rows_ = base_->rows_;
  BindIndexes();
}

// Names that have rows do not go, so what is bound here stays right.
void Schema::BindIndexes() {
  if (indexes_->empty()) return;
  auto bound = std::make_shared<std::vector<Index>>(*indexes_);
  for (Index& index : *bound) {
    for (Path& path : index.paths) path.Bind(names_);
    index.filter = index.filter.BoundTo(names_);
  }
  indexes_ = std::move(bound);
}

std::shared_ptr<const Schema> Schema::Flatten() const {
  auto flat = std::make_shared<Schema>();
  for (uint32_t id = 0; id < names_.size() && id < rows_; ++id) {
    if (names_.Find(names_.NameOf(id)) == id)
      flat->names_.Intern(names_.NameOf(id));
    else
      flat->names_.Skip();
  }
  flat->names_.PrepareJson();
  flat->indexes_ = indexes_;
  flat->rows_ = rows_;
  flat->BindIndexes();
  return flat;
}

const Index* Schema::FindIndex(std::string_view name) const {
  for (const Index& index : *indexes_)
    if (index.definition.name == name) return &index;
  return nullptr;
}

absl::Status Schema::TakeIndex(std::string_view row) {
  uint64_t size = 0;
  if (!TakeVarint(&row, &size) || size > row.size() ||
      !row.substr(0, size).starts_with(catalog::kPartNamePrefix))
    return Wrong(rows_, "an index without a tree");
  Index index;
  index.tree = std::string(row.substr(0, size));
  absl::StatusOr<IndexDefinition> definition = IndexDefinition::Parse(row.substr(size));
  if (!definition.ok())
    return Wrong(rows_, "an index: " + std::string(definition.status().message()));
  index.definition = *std::move(definition);
  if (!index.definition.filter.empty()) {
    absl::StatusOr<Filter> filter = Filter::Parse(index.definition.filter);
    if (!filter.ok())
      return Wrong(rows_, "an index: " + std::string(filter.status().message()));
    index.filter = *std::move(filter);
  }
  for (const IndexField& field : index.definition.fields) {
    absl::StatusOr<Path> path = Path::Parse(field.path);
    if (!path.ok())
      return Wrong(rows_, "an index: " + std::string(path.status().message()));
    index.paths.push_back(*std::move(path));
  }
  if (FindIndex(index.definition.name) != nullptr || indexes_->size() >= kIndexesMax)
    return Wrong(rows_, "an index too many");
  index.row = rows_;
  auto more = std::make_shared<std::vector<Index>>(*indexes_);
  more->push_back(std::move(index));
  indexes_ = std::move(more);
  return absl::OkStatus();
}

absl::Status Schema::TakeFact(std::string_view row) {
  uint64_t index_row = 0;
  if (!TakeVarint(&row, &index_row) || row.size() != 1)
    return Wrong(rows_, "a fact that is none");
  auto changed = std::make_shared<std::vector<Index>>(*indexes_);
  const auto it = std::find_if(changed->begin(), changed->end(), [&](const Index& index) {
    return index.row == index_row;
  });
  if (it == changed->end()) return Wrong(rows_, "a fact of no index");
  switch (Fact{static_cast<uint8_t>(row[0])}) {
    case Fact::kReady:
      it->state = IndexState::kReady;
      break;
    case Fact::kFailed:
      it->state = IndexState::kFailed;
      break;
    case Fact::kDropped:
      changed->erase(it);
      break;
    case Fact::kThroughArrays:
      it->through_arrays = true;
      break;
    case Fact::kCut:
      it->cut = true;
      break;
    case Fact::kDisabled:
      it->disabled = true;
      break;
    case Fact::kEnabled:
      it->disabled = false;
      break;
    default:
      return absl::UnimplementedError(absl::StrCat("collection schema: row ", rows_,
                                                   ": a fact newer than this library"));
  }
  indexes_ = std::move(changed);
  return absl::OkStatus();
}

absl::Status Schema::TakeRow(std::string_view value) {
  if (value.empty()) return Wrong(rows_, "it is empty");
  const char kind = value[0];
  value.remove_prefix(1);
  if (kind == kName) {
    if (!IsValidUtf8(value)) return Wrong(rows_, "a name that is no UTF-8");
    if (names_.Intern(value) != rows_) return Wrong(rows_, "a name too many");
  } else if (kind == kIndex) {
    SHEAF_RETURN_IF_ERROR(TakeIndex(value));
  } else if (kind == kFact) {
    SHEAF_RETURN_IF_ERROR(TakeFact(value));
  } else if (kind != kLost) {
    return absl::UnimplementedError(
        absl::StrCat("collection schema: row ", rows_, " is newer than this library"));
  }
  if (kind != kName) names_.Skip();
  ++rows_;
  return absl::OkStatus();
}

absl::Status Schema::Load(const catalog::TreeView& tree, uint32_t end) {
  if (rows_ >= end) return absl::OkStatus();
  btree::TreeCursor cursor = tree.NewCursor();
  std::string buffer;
  cursor.Seek(SchemaKey(rows_));
  for (; rows_ < end && cursor.Valid(); cursor.Next()) {
    if (cursor.key() != SchemaKey(rows_)) break;
    std::string_view value;
    SHEAF_RETURN_IF_ERROR(tree.ValueAt(cursor, &buffer, &value));
    SHEAF_RETURN_IF_ERROR(TakeRow(value));
  }
  SHEAF_RETURN_IF_ERROR(cursor.status());
  BindIndexes();
  return rows_ == end ? absl::OkStatus() : Wrong(rows_, "it is missing");
}

// --- SchemaCache ----------------------------------------------------------------

std::shared_ptr<const Schema> SchemaCache::Peek(catalog::TreeId tree) {
  absl::MutexLock lock(&mu_);
  const auto it = schemas_.find(tree);
  return it == schemas_.end() ? nullptr : it->second;
}

absl::StatusOr<std::shared_ptr<const Schema>> SchemaCache::Get(
    const catalog::TreeView& tree) {
  SHEAF_ASSIGN_OR_RETURN(const uint32_t rows, CountSchemaRows(tree));
  const catalog::TreeId id = tree.record().id;
  std::shared_ptr<const Schema> known = Peek(id);
  if (known != nullptr && known->rows() == rows) return known;
  const bool is_older = known != nullptr && known->rows() > rows;
  Schema schema(is_older ? nullptr : known);
  SHEAF_RETURN_IF_ERROR(schema.Load(tree, rows));
  std::shared_ptr<const Schema> loaded = schema.Flatten();
  if (is_older) return loaded;
  absl::MutexLock lock(&mu_);
  if (schemas_.size() >= kSchemasKept && !schemas_.contains(id)) schemas_.clear();
  std::shared_ptr<const Schema>& kept = schemas_[id];
  if (kept == nullptr || kept->rows() < rows) kept = loaded;
  return loaded;
}

}  // namespace sheaf::document
