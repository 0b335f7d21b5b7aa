// Document: a JSON-like value, in bytes whose fields are read where they lie.
//
// Beside what JSON has there are 64-bit integers, signed and unsigned, apart from doubles;
// timestamps in microseconds, bytes, and vectors of floats. Fields keep their order.
// <sheaf/binary.h> says what a View can tell.
//
//   SHEAF_ASSIGN_OR_RETURN(Document d, notes.GetDocument("n1"));
//   std::optional<DocumentView> title = d.Find("author.name");
//   if (title && title->kind() == DocumentKind::kString) Use(title->string_value());
//
// Copies share the bytes. Thread-compatible; one that was read in a write transaction is
// for its thread until it ends.
#ifndef SHEAF_DOCUMENT_H_
#define SHEAF_DOCUMENT_H_
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sheaf/binary.h"
#include "sheaf/value.h"

namespace sheaf {

using DocumentView = document::View;
using DocumentKind = document::Kind;

// kDataLoss: a stored document is damaged.
absl::StatusOr<std::string> ToJson(const DocumentView& value);

// What a path leads to: "author.name", "tags.0". None when it leads nowhere.
std::optional<DocumentView> FindPath(const DocumentView& value, std::string_view path);

class Document {
 public:
  Document() = default;  // holds null

  // kInvalidArgument names the byte at which it stops being JSON. What JSON has no type
  // for comes as in MongoDB's extended JSON: {"$date": "2026-11-21T19:22:18Z"},
  // {"$binary": {"base64": "…", "subType": "00"}}, {"$numberDouble": "NaN"}; and
  // {"$vector": [0.5, 1.25]}.
  static absl::StatusOr<Document> FromJson(std::string_view json);
  // kDataLoss: a stored document is damaged.
  absl::StatusOr<std::string> ToJson() const;

  // Views live as long as this Document or a copy of it.
  DocumentView root() const;
  std::optional<DocumentView> Find(std::string_view path) const {
    return FindPath(root(), path);
  }

  // For the library.
  Document(Value bytes, std::shared_ptr<const document::NameTable> names);
  Document(std::string bytes, std::shared_ptr<const document::NameTable> names);

 private:
  std::shared_ptr<const Value> value_;  // one of the two
  std::shared_ptr<const std::string> string_;
  std::shared_ptr<const document::NameTable> names_;
};

// Writes a document:
//   DocumentBuilder b;
//   b->BeginObject();
//   b->Name("title"), b->String("Duineser Elegien");
//   b->Name("tags"), b->BeginArray(), b->String("poem"), b->End();
//   b->End();
//   SHEAF_ASSIGN_OR_RETURN(Document d, b.Build());
class DocumentBuilder {
 public:
  DocumentBuilder();
  document::Writer* operator->() { return &*writer_; }
  // Empty again after it. kInvalidArgument says what no document can hold.
  absl::StatusOr<Document> Build();

 private:
  std::shared_ptr<document::NameTable> names_;
  std::optional<document::Writer> writer_;
};

}  // namespace sheaf
#endif  // SHEAF_DOCUMENT_H_
