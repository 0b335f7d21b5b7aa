// Linker: brings the graph of an index up to its vectors, in short write transactions that
// are not logged: after a crash it is done again.
//
// Thread-safe, but one at a time for an index: who calls sees to that.
#ifndef VECTOR_LINKER_H_
#define VECTOR_LINKER_H_
#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "catalog/options.h"
#include "catalog/store.h"
#include "vector/index.h"

namespace sheaf::vectors {

struct LinkCounts {
  uint64_t linked = 0, unlinked = 0;  // nodes made and taken out
  uint64_t looked_at = 0;             // 0: nothing awaits linking
};

class Linker {
 public:
  struct Where {
    catalog::Store* store;
    catalog::TreeId index;
    Directories* directories;
    // For the writer's turn, or kDeadlineExceeded.
    absl::Duration wait_max = absl::InfiniteDuration();
  };
  explicit Linker(const Where& where) : where_(where) {}

  // Nodes a transaction, so that other writers do not wait long.
  static constexpr size_t kBatch = 512;

  // Of what awaits linking, the first kBatch by slot, if there are as many as `count_min`.
  // kNotFound: there is no such index any more.
  absl::StatusOr<LinkCounts> LinkSome(uint64_t count_min = 1);

  // All of it, by so many threads. Calls `tick` with what was done so far; an error of its
  // ends the call, and what is linked stays so.
  absl::StatusOr<LinkCounts> LinkAll(
      unsigned threads, absl::FunctionRef<absl::Status(const LinkCounts&)> tick);

  // Builds the graph anew. Beside writers: what they change meanwhile awaits linking then.
  absl::StatusOr<LinkCounts> Rebuild(unsigned threads, const Progress& progress);

  struct Sizes {
    uint64_t vectors = 0, nodes = 0;
    uint64_t memory_to_rebuild = 0;
  };
  absl::StatusOr<Sizes> Measure() const;

 private:
  const Where where_;
};

}  // namespace sheaf::vectors
#endif  // VECTOR_LINKER_H_
