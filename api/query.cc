#include "sheaf/query.h"

#include <utility>

#include "absl/strings/str_split.h"
#include "api/internal/handles.h"
#include "document/distinct.h"
#include "document/group.h"
#include "document/projection.h"
#include "document/query.h"
#include "pager/status_macros.h"
#include "sheaf/collection.h"

namespace sheaf {

using document::NameTable;
using internal::CollectionState;
using internal::QueryState;

namespace internal {

struct QueryState {
  std::shared_ptr<CollectionState> collection;
  std::unique_ptr<document::QueryCursor> cursor;
  document::Projection projection;
  NameTable names;        // of what is projected
  std::string projected;  // bytes
  DocumentKey key = 0;
  DocumentView document;
  absl::Status status;
  uint64_t generation = 0;  // of a writer

  absl::Status Live() const {
    SHEAF_RETURN_IF_ERROR(collection->tree->Live());
    if (generation == collection->Generation()) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat(collection->tree->name,
                     ": the transaction went back to a savepoint; ask the query anew"));
  }

  absl::Status Project() {
    document::Writer writer(&names);
    SHEAF_RETURN_IF_ERROR(projection.Apply(cursor->document(), &writer));
    SHEAF_ASSIGN_OR_RETURN(projected, writer.Finish());
    document = document::RootOf(projected, names);
    return absl::OkStatus();
  }
};

absl::StatusOr<const catalog::TreeView*> CollectionState::OpenIndex(
    const document::Index& index) const {
  const auto it = index_views.find(index.row);
  if (writer == nullptr && it != index_views.end()) return &it->second;
  if (writer != nullptr) {
    // It may have been dropped, or come back, since.
    SHEAF_ASSIGN_OR_RETURN(catalog::TreeView view, writer->ViewOf(index));
    return &index_views.insert_or_assign(index.row, std::move(view)).first->second;
  }
  const catalog::Snapshot* const snapshot = &*tree->txn->snapshot;
  SHEAF_ASSIGN_OR_RETURN(std::optional<catalog::TreeRecord> record,
                         snapshot->FindTree(index.tree));
  if (!record.has_value() || record->kind != catalog::TreeKind::kIndex)
    return document::LostTree(index);
  return &index_views
              .emplace(index.row, catalog::TreeView(tree->txn->rep->store.get(), snapshot,
                                                    *std::move(record)))
              .first->second;
}

absl::StatusOr<document::Source> CollectionState::Source() const {
  SHEAF_RETURN_IF_ERROR(tree->Live());
  SHEAF_ASSIGN_OR_RETURN(std::shared_ptr<const document::Schema> known, Schema());
  TransactionState* const txn = tree->txn.get();
  catalog::Store* const store = txn->rep->store.get();
  return document::Source{
      writer != nullptr ? writer->view()
                        : catalog::TreeView(store, &*txn->snapshot, &tree->record),
      std::move(known),
      [this](const document::Index& index) -> absl::StatusOr<catalog::TreeView> {
        SHEAF_ASSIGN_OR_RETURN(const catalog::TreeView* view, OpenIndex(index));
        return *view;
      },
      [store] {
        return document::OpenSpillFile(store->file_system(), store->pager().path());
      }};
}

}  // namespace internal

namespace {

absl::StatusOr<document::Query> ToQuery(const CollectionState& collection,
                                        std::string_view filter,
                                        const QueryOptions& options) {
  document::Query query;
  SHEAF_ASSIGN_OR_RETURN(query.filter, document::Filter::Parse(filter));
  if (!options.sort.empty()) {
    SHEAF_ASSIGN_OR_RETURN(query.sort, document::ParseSort(options.sort));
  }
  query.skip = options.skip;
  query.limit = options.limit;
  query.index = options.index;
  query.sorter.memory_bytes_max = options.memory_bytes_max;
  query.sorter.spill_bytes_max = options.spill_bytes_max;
  // What is sorted must not lie about in the clear.
  query.sorter.seal_spill =
      collection.tree->txn->rep->store->pager().codec().keys() != nullptr;
  query.progress = options.progress;
  return query;
}

using Paths = std::vector<std::string>;

// Of one field without the key. (Of several the order would be another.)
std::optional<Paths> PathsRead(const document::Projection& projection) {
  const bool is_one = projection.is_inclusion() && !projection.wants_key() &&
                      projection.fields().size() == 1;
  if (!is_one) return std::nullopt;
  // "a.0" may be an element of an array.
  for (const absl::string_view part : absl::StrSplit(projection.fields()[0], '.'))
    if (part.find_first_not_of("0123456789") == part.npos) return std::nullopt;
  return projection.fields();
}

absl::StatusOr<std::unique_ptr<document::QueryCursor>> OpenCursor(
    const CollectionState* collection, std::string_view filter,
    const QueryOptions& options, std::optional<Paths> reads) {
  if (collection == nullptr) return internal::TransactionState::Ended();
  SHEAF_ASSIGN_OR_RETURN(document::Source source, collection->Source());
  absl::StatusOr<document::Query> query = ToQuery(*collection, filter, options);
  if (!query.ok()) return internal::At(collection->tree->name, query.status());
  query->reads = std::move(reads);
  absl::StatusOr<std::unique_ptr<document::QueryCursor>> cursor =
      document::QueryCursor::Open(std::move(source), *std::move(query));
  if (!cursor.ok()) return internal::At(collection->tree->name, cursor.status());
  return cursor;
}

}  // namespace

// --- DocumentCursor -----------------------------------------------------------

DocumentCursor::DocumentCursor(std::unique_ptr<QueryState> state)
    : state_(std::move(state)) {}
DocumentCursor::DocumentCursor(DocumentCursor&&) noexcept = default;
DocumentCursor& DocumentCursor::operator=(DocumentCursor&&) noexcept = default;
DocumentCursor::~DocumentCursor() = default;

bool DocumentCursor::Next() {
  QueryState& s = *state_;
  if (!s.status.ok()) return false;
  s.status = s.Live();
  if (!s.status.ok()) return false;
  if (!s.cursor->Next()) {
    if (!s.cursor->status().ok())
      s.status = internal::At(s.collection->tree->name, s.cursor->status());
    return false;
  }
  absl::StatusOr<DocumentKey> key = internal::DecodeKey(s.cursor->key());
  s.status = key.status();
  if (!s.status.ok()) return false;
  s.key = *std::move(key);
  s.document = s.cursor->document();
  if (!s.projection.wants_all()) s.status = s.Project();
  return s.status.ok();
}

absl::Status DocumentCursor::status() const { return state_->status; }
const DocumentKey& DocumentCursor::key() const { return state_->key; }
const DocumentView& DocumentCursor::document() const { return state_->document; }

absl::StatusOr<std::string> DocumentCursor::Json() const {
  return ToJson(state_->document);
}

std::string DocumentCursor::Explain() const {
  return document::DescribePlans(*state_->cursor);
}
std::string DocumentCursor::ExplainJson() const {
  return document::DescribePlansAsJson(*state_->cursor);
}

// --- CollectionReader ---------------------------------------------------------

absl::StatusOr<DocumentCursor> CollectionReader::Query(
    std::string_view filter, const QueryOptions& options) const {
  auto state = std::make_unique<QueryState>();
  if (!options.project.empty()) {
    SHEAF_ASSIGN_OR_RETURN(state->projection,
                           document::Projection::Parse(options.project));
  }
  std::optional<Paths> reads = PathsRead(state->projection);
  // A writer may give a document more entries while the cursor stands.
  if (state_ == nullptr || state_->writer != nullptr) reads.reset();
  SHEAF_ASSIGN_OR_RETURN(state->cursor,
                         OpenCursor(state_.get(), filter, options, std::move(reads)));
  state->collection = state_;
  state->generation = state_->Generation();
  return DocumentCursor(std::move(state));
}

absl::StatusOr<uint64_t> CollectionReader::Count(std::string_view filter,
                                                 const QueryOptions& options) const {
  QueryOptions unsorted = options;
  unsorted.sort.clear();
  SHEAF_ASSIGN_OR_RETURN(const std::unique_ptr<document::QueryCursor> cursor,
                         OpenCursor(state_.get(), filter, unsorted, Paths()));
  return cursor->Count();
}

absl::Status CollectionReader::Distinct(std::string_view path, std::string_view filter,
                                        ValueFn fn, const QueryOptions& options) const {
  SHEAF_ASSIGN_OR_RETURN(document::Path parsed, document::Path::Parse(path));
  SHEAF_ASSIGN_OR_RETURN(const std::unique_ptr<document::QueryCursor> cursor,
                         OpenCursor(state_.get(), filter, options, Paths{parsed.text()}));
  document::Distinct distinct(std::move(parsed), options.memory_bytes_max);
  while (cursor->Next()) SHEAF_RETURN_IF_ERROR(distinct.Add(cursor->document()));
  SHEAF_RETURN_IF_ERROR(cursor->status());
  for (const DocumentView& value : distinct.Finish()) fn(value);
  return absl::OkStatus();
}

absl::Status CollectionReader::Group(std::string_view groups, std::string_view filter,
                                     ValueFn fn, const QueryOptions& options) const {
  SHEAF_ASSIGN_OR_RETURN(document::GroupBy group_by,
                         document::GroupBy::Parse(groups, options.memory_bytes_max));
  SHEAF_ASSIGN_OR_RETURN(const std::unique_ptr<document::QueryCursor> cursor,
                         OpenCursor(state_.get(), filter, options, group_by.fields()));
  SHEAF_ASSIGN_OR_RETURN(const std::shared_ptr<const document::Schema> schema,
                         state_->Schema());
  group_by.Bind(schema->names());
  while (cursor->Next()) SHEAF_RETURN_IF_ERROR(group_by.Add(cursor->document()));
  SHEAF_RETURN_IF_ERROR(cursor->status());
  group_by.Finish();
  NameTable names;
  document::Writer writer(&names);
  while (group_by.Next(&writer)) {
    SHEAF_ASSIGN_OR_RETURN(const std::string row, writer.Finish());
    fn(document::RootOf(row, names));
  }
  return absl::OkStatus();
}

}  // namespace sheaf
