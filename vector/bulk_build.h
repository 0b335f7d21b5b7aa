// BulkBuild: the graph of many vectors at once, by hnswlib in memory, with several threads.
//
// What hnswlib links one way is linked both ways where both ends have room, the shortest
// first, and dropped otherwise, but for nodes that would have few links; parts that do not
// hang together are joined. With one thread the same vectors in the same order give the
// same graph.
#ifndef VECTOR_BULK_BUILD_H_
#define VECTOR_BULK_BUILD_H_
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "catalog/write_txn.h"
#include "vector/vector_reader.h"

namespace sheaf::vectors {

class BulkBuild {
 public:
  // Of memory, what `count` vectors take.
  static uint64_t MemoryBytes(const Layout& layout, uint64_t count);

  explicit BulkBuild(const Layout& layout);
  ~BulkBuild();
  BulkBuild(const BulkBuild&) = delete;
  BulkBuild& operator=(const BulkBuild&) = delete;

  // Links all that `reader` has. `tick` is told how many are linked, and ends the call by an
  // error. kResourceExhausted: no memory.
  absl::Status Build(const VectorReader& reader, unsigned threads,
                     absl::FunctionRef<absl::Status(uint64_t)> tick);

  // Puts it in the place of what the trees hold.
  absl::Status Store(catalog::OpenTree* nodes, catalog::OpenTree* levels,
                     absl::FunctionRef<absl::Status(uint64_t)> tick) const;

  uint64_t size() const;
  // Of the vector that was linked from this slot; none: there was none.
  std::optional<Stamp> StampOf(Slot slot) const;

 private:
  class Graph;

  const Layout layout_;
  std::unique_ptr<Graph> graph_;
};

}  // namespace sheaf::vectors
#endif  // VECTOR_BULK_BUILD_H_
