// DocumentCursor, QueryOptions: documents of a collection by a filter.
//
// A filter is JSON in MongoDB's query language:
//   {"author": "Rilke", "year": {"$gte": 1902, "$lt": 1910}, "$or": [{…}, {…}]}
// with $eq $ne $gt $gte $lt $lte $in $nin $and $or $nor $not $exists $type $all $elemMatch
// $size $regex $mod and their meaning there; "_id" is the document's key. <sheaf/where.h>
// writes it in C++. {} matches everything.
//
//   SHEAF_ASSIGN_OR_RETURN(DocumentCursor c, books.Query(R"({"year": {"$lt": 1910}})"));
//   while (c.Next()) Use(c.key(), c.document());
//   SHEAF_RETURN_IF_ERROR(c.status());   // an error ends the loop: look
//
// Indexes are used where they help; Explain says how. A cursor belongs to its transaction;
// one of a write transaction may be gone on with after documents were changed, and then
// may find a document that moved twice, or not at all.
#ifndef SHEAF_QUERY_H_
#define SHEAF_QUERY_H_
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sheaf/document.h"
#include "sheaf/document_key.h"
#include "sheaf/options.h"

namespace sheaf {

namespace internal {
struct QueryState;
}

struct QueryOptions {
  std::string sort;     // {"year": -1, "title": 1}; empty: any order
  std::string project;  // {"title": 1, "author.name": 1}, or {"notes": 0}; empty: all
  uint64_t skip = 0;
  std::optional<uint64_t> limit;
  std::string index;  // the only one to be used; "_id": none. Empty: the best one
  // A sort that no index gives, groups and distinct values take so much memory; a sort goes
  // on in a temporary file. kResourceExhausted beyond both.
  size_t memory_bytes_max = size_t{64} << 20;
  uint64_t spill_bytes_max = uint64_t{4} << 30;
  Progress progress;  // cancels, or ends at the deadline
};

class DocumentCursor {
 public:
  DocumentCursor(DocumentCursor&&) noexcept;
  DocumentCursor& operator=(DocumentCursor&&) noexcept;
  ~DocumentCursor();

  // False at the end and after an error. What it stands on is good until the next call,
  // and until the collection changes.
  bool Next();
  absl::Status status() const;
  const DocumentKey& key() const;
  const DocumentView& document() const;  // what is projected of it
  absl::StatusOr<std::string> Json() const;

  // The plan, what it was expected to cost, and what came of it so far.
  std::string Explain() const;
  std::string ExplainJson() const;

 private:
  friend class CollectionReader;
  explicit DocumentCursor(std::unique_ptr<internal::QueryState> state);
  std::unique_ptr<internal::QueryState> state_;
};

}  // namespace sheaf
#endif  // SHEAF_QUERY_H_
