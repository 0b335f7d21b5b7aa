// What the commands of `blob` share: what is known about a blob, as people write and read
// it.
#ifndef CLI_BLOB_TEXT_H_
#define CLI_BLOB_TEXT_H_
#include <sheaf/sheaf.h>

#include <string>
#include <string_view>
#include <vector>

#include "cli/commands.h"
#include "cli/text.h"

namespace sheaf::cli {

// {"key": …, "number": …, …}; what there is none of is left out.
Json BlobJson(const BlobInfo& info);
std::string OwnerText(const BlobOwner& owner);  // notes:today
std::string TimeText(absl::Time time);          // 2026-11-22T19:30:00Z

// A usage error, which names `option`.
absl::StatusOr<absl::Time> ParseBlobTime(std::string_view option, std::string_view text);
absl::StatusOr<BlobOwner> ParseBlobOwner(std::string_view text);
// Puts those that the arguments name into `*attributes`; an empty text takes one away.
absl::Status SetAttributes(const BlobArguments& given, BlobAttributes* attributes);
// "image/png" of a name that ends in .png; empty where the ending says nothing.
std::string ContentTypeOfName(std::string_view name);

// What the library says, with the key as it can be written again.
absl::Status BlobError(const Arguments& args, const DocumentKey& key,
                       const absl::Status& status);
// Runs `look` on the store. Errors name the file.
CommandResult LookAtBlobs(Session& session,
                          absl::FunctionRef<absl::Status(const BlobStoreReader&)> look);
// Runs `change` on a store that is there, in a transaction of its own.
absl::Status ChangeBlobs(const Arguments& args,
                         absl::FunctionRef<absl::Status(BlobStore&)> change);

// Rows of blobs: a table for people, an object a line as JSON, or keys.
class BlobRows {
 public:
  explicit BlobRows(Session& session) : session_(session) {}
  ~BlobRows() { Print(); }
  // False: nobody reads any more.
  bool Add(const BlobInfo& info);

 private:
  void Print();
  Session& session_;
  std::vector<BlobInfo> waiting_;
};

}  // namespace sheaf::cli
#endif  // CLI_BLOB_TEXT_H_
