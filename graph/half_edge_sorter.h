// HalfEdgeSorter: vertices and ends of edges in the order in which the trees of a graph
// hold them, within a bound of memory.
//
// An edge is two half-edges, one for the lists of each of its ends. They are collected in
// memory; what does not fit is sorted by a second thread and goes to a temporary file in
// runs, which are merged. Equal ones keep the order in which they were added.
//
//   high  := vertex * 2^11 + is edge * 2^10 + in * 2^9 + type / 8
//   low   := type % 8 * 2^61 + neighbour * 2^8 + flags; bit 0: the edge has properties
//   mark  := of an edge where in the input it is; of a vertex the number of its set of
//            labels * 2^40 + that
//   weight   a double, only in runs that have one other than 1
//
// Runs are in host order: nobody else reads the file.
//
//   Add… Finish Next… until it has none. After an error there is nothing more to ask.
//
// Thread-compatible.
#ifndef GRAPH_HALF_EDGE_SORTER_H_
#define GRAPH_HALF_EDGE_SORTER_H_
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "document/spill.h"
#include "graph/vertex_record.h"
#include "pager/status_macros.h"

namespace sheaf::graph {

struct HalfEdge {
  static constexpr int kMarkBits = 40;
  static constexpr uint64_t kMarkMask = (uint64_t{1} << kMarkBits) - 1;
  static constexpr uint64_t kIsEdge = uint64_t{1} << 10, kIn = uint64_t{1} << 9;
  static constexpr uint64_t kHasProperties = 1, kFlagsMask = 0xff;

  uint64_t high = 0, low = 0, mark = 0;
  double weight = 1;

  static HalfEdge OfVertex(VertexId vertex, uint64_t label_set, uint64_t position) {
    return {vertex << 11, 0, label_set << kMarkBits | (position & kMarkMask), 1};
  }
  static HalfEdge OfEdge(VertexId vertex, bool in, NameId type, VertexId neighbour,
                         double weight, bool has_properties, uint64_t position) {
    return {
        vertex << 11 | kIsEdge | (in ? kIn : 0) | type >> 3,
        uint64_t{type & 7} << 61 | neighbour << 8 | (has_properties ? kHasProperties : 0),
        position & kMarkMask, weight};
  }

  VertexId vertex() const { return high >> 11; }
  bool is_edge() const { return (high & kIsEdge) != 0; }
  ListKey list() const {
    return {static_cast<NameId>((high & (kIn - 1)) << 3 | low >> 61), (high & kIn) != 0,
            false};
  }
  VertexId neighbour() const { return low << 3 >> 11; }
  bool has_properties() const { return (low & kHasProperties) != 0; }
  uint64_t position() const { return mark & kMarkMask; }
  uint64_t label_set() const { return mark >> kMarkBits; }
  bool SameList(const HalfEdge& o) const {
    return high == o.high && (low ^ o.low) >> 61 == 0;
  }
};

struct HalfEdgeSorterOptions {
  size_t memory_bytes_max = size_t{256} << 20;
  uint64_t spill_bytes_max = UINT64_MAX;
  bool seal_spill = false;  // of a database that is encrypted
};

class HalfEdgeSorter {
 public:
  // `open` is called once, if at all.
  HalfEdgeSorter(const HalfEdgeSorterOptions& options, document::SpillFile open);
  ~HalfEdgeSorter();
  HalfEdgeSorter(const HalfEdgeSorter&) = delete;
  HalfEdgeSorter& operator=(const HalfEdgeSorter&) = delete;

  // kResourceExhausted: spill_bytes_max is reached, or the disk is full.
  absl::Status Add(const HalfEdge& half) {
    if (used_ + kWordsMax > words_max_ || (half.weight != 1 && !weighted_))
      SHEAF_RETURN_IF_ERROR(MakeRoom(half.weight != 1));
    uint64_t* const row = collected_.get() + used_;
    row[0] = half.high, row[1] = half.low, row[2] = half.mark;
    if (weighted_) row[3] = std::bit_cast<uint64_t>(half.weight);
    used_ += words_a_row();
    ++count_;
    return absl::OkStatus();
  }
  absl::Status Finish();
  // Some more, none behind the last. Good until the next call.
  absl::StatusOr<absl::Span<const HalfEdge>> Next();

  uint64_t count() const { return count_; }  // that were added
  uint64_t spilled_bytes() const { return spill_ == nullptr ? 0 : spill_->bytes(); }

 private:
  static constexpr size_t kWordsMax = 4;
  struct Run {
    document::SpillRun place;
    bool weighted = false;
  };
  class Source;
  class Merger;
  class Prefetcher;

  size_t words_a_row() const { return weighted_ ? 4 : 3; }
  // For one row more. `weighted`: with a weight other than 1.
  absl::Status MakeRoom(bool weighted);
  void Widen();
  // Of the run that is being sorted; waits for it.
  absl::Status JoinSorting();
  void SortAndSpill(size_t words, bool weighted);
  absl::Status SpillRun(const uint64_t* rows, size_t words, bool weighted);
  absl::Status MergeDown();

  const HalfEdgeSorterOptions options_;
  const document::SpillFile open_;
  const size_t words_max_;    // of a run in memory
  const size_t block_bytes_;  // of the file: whole rows, of both sizes
  const size_t runs_max_;
  std::unique_ptr<uint64_t[]> collected_, sorting_, scratch_;
  size_t used_ = 0;  // words of collected_
  bool weighted_ = false;
  uint64_t count_ = 0;

  std::thread sorter_;  // of sorting_; then these are its own
  absl::Status sorted_status_;
  std::unique_ptr<document::Spill> spill_;
  std::vector<Run> runs_;  // in the order in which they were added
  std::unique_ptr<Merger> merger_;
  std::unique_ptr<Prefetcher> prefetcher_;  // of many
  std::vector<HalfEdge> chunk_;             // of few
};

}  // namespace sheaf::graph
#endif  // GRAPH_HALF_EDGE_SORTER_H_
