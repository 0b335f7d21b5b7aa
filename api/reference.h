// References: values by which a document, or the properties of a vertex or an edge, name
// something else in the file. They are objects like any other, that of a document as MongoDB
// writes it (DBRef):
//
//   {"$ref": "authors", "$id": "rilke"}        a document: text, integer, $uuid or $binary
//   {"$graph": "people", "$vertex": 7}
//   {"$graph": "people", "$edge": {"from": 7, "type": "KNOWS", "to": 9, "ordinal": 0}}
//   {"$table": "visits", "$key": "home"}       a row: text or $binary
//
//   SHEAF_ASSIGN_OR_RETURN(Document book, books.GetDocument("duino"));
//   SHEAF_ASSIGN_OR_RETURN(std::string json, Expand(txn, book.root(), {"author"}));
//
// Nothing keeps what a reference leads to in its place: where it is gone, following finds
// nothing. One snapshot is read, so what is found belongs together.
//
// Functions: as the transaction.
#ifndef SHEAF_REFERENCE_H_
#define SHEAF_REFERENCE_H_
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "sheaf/document.h"
#include "sheaf/document_key.h"
#include "sheaf/graph.h"
#include "sheaf/transaction.h"

namespace sheaf {

struct Reference {
  struct RowKey {
    std::string bytes;
    friend bool operator==(const RowKey&, const RowKey&) = default;
  };
  std::string name;  // of the collection, graph or table
  std::variant<DocumentKey, VertexId, EdgeId, RowKey> target = VertexId{0};
  friend bool operator==(const Reference&, const Reference&) = default;

  absl::StatusOr<std::string> ToJson() const;  // kInvalidArgument: text that is no UTF-8
};

// None: the value is no object that has $ref, $graph or $table. kInvalidArgument: it has,
// but is no reference; says what is wrong.
absl::StatusOr<std::optional<Reference>> ParseReference(const DocumentView& value);

// What is there, as JSON; none where there is nothing.
//   a document   as it is
//   a vertex     {"id": 7, "labels": ["Person"], "properties": {…}}
//   an edge      {"from": 7, "type": "KNOWS", "to": 9, "ordinal": 0, "weight": 1,
//                 "properties": {…}}
//   a row        text, or {"$binary": …} where it is no UTF-8
// kFailedPrecondition: the name belongs to something of another kind.
absl::StatusOr<std::optional<std::string>> Follow(const ReadTransaction& txn,
                                                  const Reference& reference);

// The document as JSON, with what references at `paths` lead to in their place. A path goes
// on inside of what it found: "author.country" follows the author and then the country; it
// takes all elements of an array. References that lead to nothing stay as they are, as does
// what is none. kInvalidArgument: a malformed reference; kResourceExhausted: the result
// would be more than 64 MiB.
absl::StatusOr<std::string> Expand(const ReadTransaction& txn,
                                   const DocumentView& document,
                                   absl::Span<const std::string> paths);

}  // namespace sheaf
#endif  // SHEAF_REFERENCE_H_
