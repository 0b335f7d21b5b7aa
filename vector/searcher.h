// Searcher: the vectors of an index nearest to a query, exactly ranked: by way of the graph,
// or one by one, whichever is thought to be quicker; what has no node yet always one by one.
//
// Kept for many searches of one transaction, it keeps its memory. Thread-compatible.
#ifndef VECTOR_SEARCHER_H_
#define VECTOR_SEARCHER_H_
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "vector/candidates.h"
#include "vector/graph_search.h"
#include "vector/selected_slots.h"
#include "vector/vector_reader.h"

namespace sheaf::vectors {

enum class Plan : uint8_t {
  kGraph = 1,     // by the graph
  kFiltered = 2,  // by the graph, of which only what passes the filter is found
  kExact = 3,     // all vectors, or all that pass the filter
};

// Which slots may be found.
struct SlotFilter {
  absl::FunctionRef<bool(Slot)> passes;
  const SelectedSlots* selected = nullptr;  // those that may pass, where they are known
  double selectivity = 1;                   // of all, the share that does, or a guess
};

struct SearchRequest {
  std::string_view vector;   // passes CheckVector
  uint32_t k = 10;           // at least 1
  uint32_t ef = 64;          // at least k
  std::optional<Plan> plan;  // not set: the one thought quickest
  float radius = std::numeric_limits<float>::infinity();
  const SlotFilter* filter = nullptr;
  // Called now and then; an error ends the search.
  absl::FunctionRef<absl::Status()> tick;
};

struct SearchAnswer {
  std::vector<Near> nearest;
  // Theirs, if the search came by them: views into what the filter has selected.
  std::vector<std::string_view> keys;
  Plan plan = Plan::kGraph;
  uint64_t estimates = 0;  // from codes
  uint64_t exact = 0;      // from vectors
  uint64_t pending = 0;
};

class Searcher {
 public:
  // Outlived by `reader`. `is_fixed`: it reads what does not change.
  Searcher(const VectorReader* reader, bool is_fixed)
      : reader_(*reader), is_fixed_(is_fixed), graph_(reader) {}

  absl::StatusOr<SearchAnswer> Search(const SearchRequest& request);

 private:
  absl::Status ReadPending();
  Plan Choose(const SearchRequest& request) const;
  absl::Status ByGraph(const SearchRequest& request, const Query& query,
                       SearchAnswer* answer);
  absl::Status Exactly(const SearchRequest& request, const Query& query,
                       SearchAnswer* answer);
  absl::Status AmongCopied(const SearchRequest& request,
                           const SelectedSlots::Vectors& copied, SearchAnswer* answer);
  // Ranks those that await linking.
  absl::Status RankPending(const SearchRequest& request, const Query& query,
                           SearchAnswer* answer);
  // Compares with the codes of slots first, and with the vectors of those that may be near.
  // `codes`: theirs, one behind the other; null: they are in the pages.
  absl::Status ByCodes(const SearchRequest& request, const Query& query,
                       absl::Span<const Slot> slots, const char* codes,
                       SearchAnswer* answer);
  absl::Status ByVectors(const SearchRequest& request, const Query& query,
                         SearchAnswer* answer);
  // Ranks slots by their vectors.
  absl::Status Rank(const SearchRequest& request, const Query& query,
                    absl::Span<const Slot> slots, SearchAnswer* answer);

  const VectorReader& reader_;
  const bool is_fixed_;
  GraphSearch graph_;
  bool has_pending_ = false;
  SlotSet pending_;
  std::vector<Slot> pending_vectors_, slots_;
  std::vector<Near> found_;
};

}  // namespace sheaf::vectors
#endif  // VECTOR_SEARCHER_H_
