// ImportJsonLines, ExportJsonLines: collections from and to text with one JSON document a
// line.
//
//   std::ifstream in("notes.jsonl");
//   sheaf::ImportOptions options;
//   options.key_field = "id";
//   sheaf::ImportCounts counts;
//   SHEAF_RETURN_IF_ERROR(
//       sheaf::ImportJsonLines(db.get(), "notes", in, options, &counts));
//
// A second thread reads the lines and makes them binary while the calling one writes them,
// in transactions of their own: other writers come in between. Blank lines are passed over.
// Memory: some three transactions.
#ifndef SHEAF_JSON_LINES_H_
#define SHEAF_JSON_LINES_H_
#include <cstdint>
#include <istream>
#include <ostream>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "sheaf/collection.h"
#include "sheaf/database.h"
#include "sheaf/options.h"
#include "sheaf/query.h"

namespace sheaf {

struct ImportOptions {
  // The path of what is the key: text, a 64-bit integer or bytes; it stays in the document.
  // Empty: integers are counted up, as Collection::Append does.
  std::string key_field;
  uint64_t documents_a_commit = 1000;  // at most, and about 8 MiB of text
  TreeOptions collection;              // if it is made
  Progress progress;                   // of lines
};

struct ImportCounts {  // of what is committed
  uint64_t documents = 0;
  uint64_t replaced = 0;  // of them, that took the place of another
  uint64_t commits = 0;
  uint64_t last_line = 0;  // the last that is in the collection, from 1
};

// Ends at the first error, of which the message names the line; what `*counts` says is in the
// collection, and nothing of the lines behind it. kInvalidArgument: a line that is no JSON,
// has no key, or over 128 MiB. A stream that waits for its input is waited for.
absl::Status ImportJsonLines(Database* db, std::string_view collection, std::istream& in,
                             const ImportOptions& options, ImportCounts* counts);

struct ExportOptions {
  std::string filter = "{}";  // see <sheaf/query.h>
  // A field that gets the key, and comes first: UUIDs and bytes as text. Empty: no key.
  std::string key_field;
  Progress progress;
};

// In the order of keys. kUnavailable: the stream takes no more.
absl::Status ExportJsonLines(const CollectionReader& collection, std::ostream& out,
                             const ExportOptions& options, uint64_t* documents);

}  // namespace sheaf
#endif  // SHEAF_JSON_LINES_H_
