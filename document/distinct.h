// Distinct: the values that a path has in many documents, each once, by compare.h. Of an
// array each element is one, as MongoDB's distinct has it.
//
// Thread-compatible. The names of the documents outlive it.
#ifndef DOCUMENT_DISTINCT_H_
#define DOCUMENT_DISTINCT_H_
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "document/binary.h"
#include "document/byte_arena.h"
#include "document/path.h"

namespace sheaf::document {

class Distinct {
 public:
  Distinct(Path path, size_t memory_bytes_max)
      : path_(std::move(path)), memory_bytes_max_(memory_bytes_max) {}

  // kResourceExhausted: the values need more than the memory. kDataLoss: the document is
  // damaged.
  absl::Status Add(const View& document);
  // In their order. Of values that are equal (1 and 1.0) the first that was added.
  absl::Span<const View> Finish();

 private:
  absl::Status AddValue(const View& value);

  const Path path_;
  const size_t memory_bytes_max_;
  ByteArena arena_;
  absl::flat_hash_set<std::string_view, TextHash> seen_;  // canonical bytes
  std::vector<View> values_;
  std::string scratch_;
};

}  // namespace sheaf::document
#endif  // DOCUMENT_DISTINCT_H_
