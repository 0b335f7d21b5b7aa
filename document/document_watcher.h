// DocumentWatcher: hears of each document of a collection before it changes: what keeps
// something in step that this folder knows nothing of.
#ifndef DOCUMENT_DOCUMENT_WATCHER_H_
#define DOCUMENT_DOCUMENT_WATCHER_H_
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "document/binary.h"

namespace sheaf::document {

// Belongs to a CollectionWriter.
class DocumentWatcher {
 public:
  virtual ~DocumentWatcher() = default;

  // Asked at the first change, and again when the transaction went back to a savepoint:
  // false, nobody wants to hear of it.
  virtual absl::StatusOr<bool> Watches() = 0;
  // kInvalidArgument, and nothing has changed: the document is refused.
  virtual absl::Status BeforePut(std::string_view key, const View& document) = 0;
  virtual absl::Status BeforeDelete(std::string_view key) = 0;
};

}  // namespace sheaf::document
#endif  // DOCUMENT_DOCUMENT_WATCHER_H_
