// GraphSearch: the nodes nearest to a query by the estimates of their codes, found by way of
// links (Malkov and Yashunin, arXiv 1603.09320, algorithms 2 and 5).
//
// Kept for many searches, it keeps its memory. Thread-compatible.
#ifndef VECTOR_GRAPH_SEARCH_H_
#define VECTOR_GRAPH_SEARCH_H_
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "vector/candidates.h"
#include "vector/query.h"
#include "vector/vector_reader.h"

namespace sheaf::vectors {

class GraphSearch {
 public:
  explicit GraphSearch(const VectorReader* reader) : reader_(*reader) {}

  // By greedy steps from the entry point down to `level`. None: there are no nodes.
  absl::StatusOr<std::optional<Slot>> Descend(const Query& query, uint32_t level);

  // The best of a level from `begin` on, nearest first; those that `may_be_found` refuses
  // only lead on. Null: it refuses none. An error of `tick`, which is called now and then,
  // ends it.
  using FindableFn = absl::FunctionRef<bool(Slot)>;
  using TickFn = absl::FunctionRef<absl::Status()>;
  absl::Status Run(const Query& query, uint32_t level, absl::Span<const Slot> begin,
                   uint32_t breadth, const FindableFn* may_be_found, TickFn tick,
                   std::vector<Near>* out);

  // Since it was made: distances estimated.
  uint64_t estimates() const { return estimates_; }

 private:
  template <class Fn>
  absl::Status Estimate(const Query& query, absl::Span<const Slot> slots, Fn&& fn);
  // Makes candidates of `wanted_`.
  absl::Status Meet(const Query& query, const FindableFn* may_be_found);
  absl::StatusOr<bool> Expand(uint32_t level);

  struct Estimated {
    Near near;
    const char* code;
  };

  const VectorReader& reader_;
  Candidates candidates_;
  SlotSet met_;
  std::vector<Slot> links_, wanted_;
  std::vector<Estimated> estimated_;
  size_t expanded_ = 0;
  uint64_t estimates_ = 0;
};

}  // namespace sheaf::vectors
#endif  // VECTOR_GRAPH_SEARCH_H_
