#include "graph/list_merger.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "pager/assert.h"
#include "pager/status_macros.h"

namespace sheaf::graph {
namespace {

// Merged edges are put into blocks once there are so many: more than any block holds, for
// an edge has more than a byte.
constexpr size_t kMergedMax = 4096;
static_assert(kMergedMax > 4 * kBlockBytesMax);
// A block of so many bytes is full.
constexpr size_t kBlockFull = kBlockBytesMax - 24;

std::pair<VertexId, uint32_t> PlaceOf(const AdjacentEdge& edge) {
  return {edge.neighbour, edge.ordinal};
}

}  // namespace

absl::Status ListMerger::Begin(VertexId vertex, VertexRecord* record,
                               const ListKey& key) {
  vertex_ = vertex;
  neighbour_.reset();
  old_.clear(), merged_.clear();
  old_at_ = 0;
  loaded_ = false;
  end_.reset();
  bool found = false;
  auto at = record->Find(key, &found);
  if (!found) {
    if (record->lists.size() >= kListsMax)
      return absl::InvalidArgumentError(
          absl::StrCat("vertex ", vertex, " has edges of ", kListsMax,
                       " types and directions; more are not allowed"));
    at = record->lists.insert(at, {key, {}});
  }
  list_ = &*at;
  count_ = found ? VertexView::List{list_->key, list_->bytes}.count() : 0;
  if (found && !list_->key.large) AdjacencyView(list_->bytes, vertex).DecodeEdges(&old_);
  return absl::OkStatus();
}

absl::Status ListMerger::LoadBlock(const Place& place) {
  if (loaded_) SHEAF_RETURN_IF_ERROR(WriteBlocks(/*to_end=*/true));
  std::string key;
  SHEAF_RETURN_IF_ERROR(
      reader_.FindBlock(vertex_, list_->key, place.first, place.second, &key, &block_));
  const std::string prefix = ListPrefix(vertex_, list_->key);
  begin_ = PlaceOfBlockKey(key);
  AdjacencyView(block_, vertex_).DecodeEdges(&old_);
  old_at_ = 0;
  btree::TreeCursor next = reader_.parts().NewCursor();
  next.Seek(BlockKey(vertex_, list_->key, begin_.first, begin_.second) + '\0');
  SHEAF_RETURN_IF_ERROR(next.status());
  end_.reset();
  if (next.Valid() && next.key().starts_with(prefix)) end_ = PlaceOfBlockKey(next.key());
  loaded_ = true;
  return absl::OkStatus();
}

void ListMerger::TakeOldBelow(const Place& place) {
  while (old_at_ < old_.size() && PlaceOf(old_[old_at_]) < place)
    merged_.push_back(old_[old_at_++]);
}

// Finds out the ordinal, and goes to the block of the edge.
absl::Status ListMerger::BeginNeighbour(VertexId neighbour) {
  neighbour_ = neighbour;
  ordinal_ = 0;
  constexpr uint32_t kLast = UINT32_MAX;
  if (list_->key.large && (!loaded_ || (end_.has_value() && end_->first <= neighbour)))
    SHEAF_RETURN_IF_ERROR(LoadBlock({neighbour, kLast}));
  TakeOldBelow({neighbour, 0});
  size_t at = old_at_;
  while (at < old_.size() && old_[at].neighbour == neighbour) ++at;
  if (at > old_at_) {
    ordinal_ = uint64_t{old_[at - 1].ordinal} + 1;
  } else if (loaded_ && begin_.first == neighbour && begin_.second > 0) {
    SHEAF_ASSIGN_OR_RETURN(
        ordinal_, reader_.OrdinalEnd(vertex_, list_->key, neighbour, begin_.second - 1));
    if (ordinal_ < begin_.second)
      SHEAF_RETURN_IF_ERROR(LoadBlock({neighbour, static_cast<uint32_t>(ordinal_)}));
  }
  return absl::OkStatus();
}

absl::StatusOr<uint32_t> ListMerger::Add(VertexId neighbour, double weight,
                                         bool has_properties) {
  if (neighbour_ != neighbour) SHEAF_RETURN_IF_ERROR(BeginNeighbour(neighbour));
  if (ordinal_ > UINT32_MAX)
    return absl::ResourceExhaustedError(absl::StrCat(
        "the edges between ", vertex_, " and ", neighbour, " have no ordinal left"));
  const auto ordinal = static_cast<uint32_t>(ordinal_++);
  if (end_.has_value() && Place(neighbour, ordinal) >= *end_)
    SHEAF_RETURN_IF_ERROR(LoadBlock({neighbour, ordinal}));
  TakeOldBelow({neighbour, ordinal});
  merged_.push_back({neighbour, weight, ordinal, has_properties});
  ++count_;
  if (merged_.size() >= kMergedMax) {
    if (!list_->key.large) {
      list_->key.large = loaded_ = true;
      begin_ = {};
    }
    SHEAF_RETURN_IF_ERROR(WriteBlocks(/*to_end=*/false));
  }
  return ordinal;
}

absl::Status ListMerger::End() {
  if (!list_->key.large) {
    merged_.insert(merged_.end(), old_.begin() + static_cast<ptrdiff_t>(old_at_),
                   old_.end());
    old_at_ = old_.size();
    list_->bytes.clear();
    if (merged_.size() <= kListBytesMax) {
      EncodeAdjacency(merged_, vertex_, &list_->bytes);
      if (list_->bytes.size() <= kListBytesMax) return absl::OkStatus();
    }
    list_->key.large = loaded_ = true;
    begin_ = {};
  }
  if (loaded_) SHEAF_RETURN_IF_ERROR(WriteBlocks(/*to_end=*/true));
  list_->bytes = EncodeCount(count_);
  return absl::OkStatus();
}

// --- Blocks -------------------------------------------------------------------

// At least one does.
size_t ListMerger::CountThatFits(size_t begin, size_t count) {
  const absl::Span<const AdjacentEdge> edges =
      absl::MakeConstSpan(merged_).subspan(begin, count);
  size_t fits = 1, over = edges.size() + 1;
  auto guess = static_cast<size_t>(edges_a_byte_ * kBlockBytesMax);
  while (fits + 1 < over) {
    guess = std::clamp(guess, fits + 1, over - 1);
    const size_t bytes = EncodedAdjacencyBytes(edges.first(guess), vertex_);
    edges_a_byte_ = static_cast<double>(guess) / static_cast<double>(bytes);
    (bytes <= kBlockBytesMax ? fits : over) = guess;
    if (bytes >= kBlockFull && bytes <= kBlockBytesMax) break;
    guess = static_cast<size_t>(edges_a_byte_ * (kBlockBytesMax - 8));
  }
  return fits;
}

// What is merged in the loaded block's place: full blocks, and what is left over stays, or,
// with all old edges behind it, goes into blocks of about the same size.
absl::Status ListMerger::WriteBlocks(bool to_end) {
  if (to_end) {
    merged_.insert(merged_.end(), old_.begin() + static_cast<ptrdiff_t>(old_at_),
                   old_.end());
    old_at_ = old_.size();
  }
  size_t begin = 0;
  while (begin < merged_.size()) {
    const size_t left = merged_.size() - begin;
    if (!to_end && left <= kMergedMax / 2) break;
    size_t count = left;
    if (left <= kMergedMax / 2) {
      const size_t bytes =
          EncodedAdjacencyBytes(absl::MakeConstSpan(merged_).subspan(begin), vertex_);
      const size_t blocks = (bytes + kBlockFull - 1) / kBlockFull;
      if (bytes > kBlockBytesMax) count = (left + blocks - 1) / blocks;
    }
    count = CountThatFits(begin, count);
    SHEAF_RETURN_IF_ERROR(WriteBlock(begin, count));
    begin += count;
    if (begin < merged_.size()) begin_ = PlaceOf(merged_[begin]);
  }
  merged_.erase(merged_.begin(), merged_.begin() + static_cast<ptrdiff_t>(begin));
  return absl::OkStatus();
}

absl::Status ListMerger::WriteBlock(size_t begin, size_t count) {
  const absl::Span<const AdjacentEdge> all = merged_;
  block_.clear();
  EncodeAdjacency(all.subspan(begin, count), vertex_, &block_);
  SHEAF_ASSERT(block_.size() <= kBlockBytesMax);
  bool existed = false;
  SHEAF_RETURN_IF_ERROR(
      parts_.tree().Put(BlockKey(vertex_, list_->key, begin_.first, begin_.second),
                        block_, btree::BTree::PutMode::kUpsert, &existed));
  return absl::OkStatus();
}

absl::Status ListMerger::Shrink(VertexId vertex, VertexRecord* record) {
  while (record->bytes_max() > kRecordBytesMax) {
    VertexRecord::List* largest = nullptr;
    for (VertexRecord::List& list : record->lists)
      if (!list.key.large &&
          (largest == nullptr || list.bytes.size() > largest->bytes.size()))
        largest = &list;
    if (largest == nullptr) break;
    SHEAF_RETURN_IF_ERROR(Begin(vertex, record, largest->key));
    list_->key.large = loaded_ = true;
    begin_ = {};
    SHEAF_RETURN_IF_ERROR(End());
  }
  return absl::OkStatus();
}

}  // namespace sheaf::graph
