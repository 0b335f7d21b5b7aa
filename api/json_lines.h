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
// Memory: some 48 MiB of documents, or four of the longest.
#ifndef SHEAF_JSON_LINES_H_
#define SHEAF_JSON_LINES_H_
#include <cstdint>
#include <istream>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sheaf/collection.h"
#include "sheaf/database.h"
#include "sheaf/options.h"
#include "sheaf/query.h"

namespace sheaf {

struct ImportOptions {
  // The path of what is the key: text, a 64-bit integer or bytes; it stays in the document.
  // Empty: integers are counted up, as Collection::Append does.
  std::string key_field;
  // A commit comes after so many documents or so much text, before more input is waited for.
  // More than 8 MiB of text may keep other writers waiting for input, too.
  uint64_t documents_a_commit = 1000;
  uint64_t bytes_a_commit = 8 << 20;
  TreeOptions collection;  // if it is made
  // Of documents, those of the running transaction among them. After each commit, when the
  // counts have it already, and in a long transaction more often.
  Progress progress;
};

struct ImportCounts {  // of what is committed
  uint64_t documents = 0;
  uint64_t replaced = 0;  // of them, that took the place of another
  uint64_t commits = 0;
  uint64_t last_line = 0;    // the last that is in the collection, from 1
  uint64_t failed_line = 0;  // that ended the import; 0: none did
};

// Lines of something else than a stream.
class LineSource {
 public:
  virtual ~LineSource() = default;
  // The next line without its end, good until the next call; nothing at the end. Called on
  // another thread than the caller's of the import. An error ends the import as it is.
  virtual absl::StatusOr<std::optional<std::string_view>> Next() = 0;
  // The import has failed: a Next() that waits had better return. Called while it runs.
  virtual void Stop() {}
};

// Ends at the first error. If a line is at fault, the message begins with it: "line 7: ".
// What `*counts` says is in the collection, and nothing of the lines behind it.
// kInvalidArgument: a line that is no JSON, has no key, or, of a stream, is over 128 MiB. A
// stream that waits for its input is waited for.
absl::Status ImportJsonLines(Database* db, std::string_view collection, LineSource& lines,
                             const ImportOptions& options, ImportCounts* counts);
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
