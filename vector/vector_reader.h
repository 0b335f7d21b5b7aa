// VectorReader: the vectors and nodes of one index as a transaction sees them.
//
// Belongs to its transaction and ends with it. Thread-compatible.
#ifndef VECTOR_VECTOR_READER_H_
#define VECTOR_VECTOR_READER_H_
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "btree/dense_directory.h"
#include "btree/dense_reader.h"
#include "catalog/tree_view.h"
#include "pager/status_macros.h"
#include "vector/layout.h"

namespace sheaf::vectors {

struct Pending {
  Slot slot = 0;
  Stamp stamp = 0;  // 0: its vector is gone
};

class VectorReader {
 public:
  // `places`: of the tree of nodes, where that does not change; null otherwise.
  VectorReader(Layout layout, catalog::TreeView vectors, catalog::TreeView keys,
               catalog::TreeView nodes, catalog::TreeView levels,
               std::shared_ptr<const btree::DenseDirectory> places = nullptr)
      : layout_(std::move(layout)),
        vectors_(std::move(vectors)),
        keys_(std::move(keys)),
        nodes_(std::move(nodes)),
        levels_(std::move(levels)),
        places_(std::move(places)) {}

  const Layout& layout() const { return layout_; }
  uint64_t size() const { return vectors_.root().entries / layout_.vector_records; }
  uint64_t node_count() const { return nodes_.root().entries / layout_.node_records; }
  // Above all slots that vectors or nodes have.
  Slot slot_end() const;
  std::optional<EntryPoint> entry() const {
    return DecodeEntryPoint(nodes_.record().counter);
  }

  absl::StatusOr<std::optional<Slot>> FindSlot(std::string_view key) const;
  // Whether the vector of a key is just this one.
  absl::StatusOr<bool> Holds(std::string_view key, std::string_view vector) const;
  // Those that await linking, by slot; the first so many.
  absl::StatusOr<std::vector<Pending>> ReadPending(size_t count_max = SIZE_MAX) const;
  absl::StatusOr<std::optional<Stamp>> FindPending(Slot slot) const;

  // Calls `fn(i, vector)` for each slot that has one, in about their order; what it gets is
  // good during the call, in which nothing may be read. kDataLoss: one is malformed.
  template <class Fn>
  absl::Status ForVectors(absl::Span<const Slot> slots, Fn&& fn) const;
  // The same of all vectors, by slot; `fn(slot, vector)` may read, and an error of its ends
  // the call.
  absl::Status ForEachVector(
      absl::FunctionRef<absl::Status(Slot, const StoredVector&)> fn) const;
  absl::Status ForEachSlot(absl::FunctionRef<void(Slot)> fn) const;  // of vectors
  // As ForVectors, `fn(i, node)`.
  template <class Fn>
  absl::Status ForNodes(absl::Span<const Slot> slots, Fn&& fn) const {
    return ForNodes(slots, BeforeLinks(), std::forward<Fn>(fn));
  }
  // The same for what wants their links.
  template <class Fn>
  absl::Status ForLinks(absl::Span<const Slot> slots, Fn&& fn) const {
    const btree::DenseDirectory::Part links{static_cast<uint32_t>(layout_.links_at),
                                            layout_.usual_links_bytes()};
    return ForNodes(slots, links, std::forward<Fn>(fn));
  }
  // Calls `fn(indexes, codes)` with the codes of several nodes at once, kLanes at most.
  static constexpr size_t kLanes = btree::DenseReader::kLanes;
  template <class Fn>
  absl::Status ForCodes(absl::Span<const Slot> slots, Fn&& fn) const;
  absl::Status ForEachNode(absl::FunctionRef<absl::Status(Slot, NodeView)> fn) const;

  // The links of nodes, one node's behind the other's, on a level that they have. kDataLoss:
  // one has none there.
  absl::Status ReadLinks(absl::Span<const Slot> slots, uint32_t level,
                         std::vector<Slot>* out) const;
  // Of one node those on levels `high` to `low`, each above 0 and one it has: `*on_high`
  // of them are on the first.
  absl::Status ReadLinks(Slot slot, uint32_t high, uint32_t low, std::vector<Slot>* out,
                         size_t* on_high) const;
  // Its level record; empty where there is none.
  absl::Status ReadLevels(Slot slot, std::string* out) const;

  const catalog::TreeView& vectors() const { return vectors_; }
  const catalog::TreeView& keys() const { return keys_; }
  const catalog::TreeView& nodes() const { return nodes_; }
  const catalog::TreeView& levels() const { return levels_; }

 private:
  static absl::Status Malformed(const char* what, uint64_t slot);
  btree::DenseDirectory::Part BeforeLinks() const {
    return {0, static_cast<uint32_t>(layout_.links_at)};
  }
  // `part`: of a node, what is to be read.
  template <class Fn>
  absl::Status ForNodes(absl::Span<const Slot> slots, btree::DenseDirectory::Part part,
                        Fn&& fn) const;
  btree::DenseReader ReaderOf(const catalog::TreeView& tree) const {
    return {tree.context(), tree.root()};
  }
  // The links on a level, of a level record. False: it has none there.
  bool AppendLevel(std::string_view record, uint32_t level, std::vector<Slot>* out) const;
  // Of several records.
  absl::StatusOr<bool> GatherVector(Slot slot, StoredVector* out) const;
  absl::StatusOr<bool> GatherNode(Slot slot) const;

  const Layout layout_;
  const catalog::TreeView vectors_, keys_, nodes_, levels_;
  const std::shared_ptr<const btree::DenseDirectory> places_;
  mutable std::string head_, gathered_;
  mutable std::vector<btree::DenseKey> wanted_;
};

template <class Fn>
absl::Status VectorReader::ForVectors(absl::Span<const Slot> slots, Fn&& fn) const {
  if (layout_.vector_records > 1) {
    for (size_t i = 0; i < slots.size(); ++i) {
      StoredVector vector;
      SHEAF_ASSIGN_OR_RETURN(const bool there, GatherVector(slots[i], &vector));
      if (there) fn(i, vector);
    }
    return absl::OkStatus();
  }
  wanted_.clear();
  for (const Slot slot : slots) wanted_.push_back(layout_.VectorKey(slot));
  std::optional<Slot> wrong;
  SHEAF_RETURN_IF_ERROR(
      ReaderOf(vectors_).Visit(wanted_, [&](size_t i, std::string_view record) {
        StoredVector vector;
        if (TakeVectorRecord(record, layout_, &vector))
          fn(i, vector);
        else
          wrong = slots[i];
      }));
  return wrong.has_value() ? Malformed("vector", *wrong) : absl::OkStatus();
}

template <class Fn>
absl::Status VectorReader::ForNodes(absl::Span<const Slot> slots,
                                    btree::DenseDirectory::Part part, Fn&& fn) const {
  if (layout_.node_records > 1) {
    for (size_t i = 0; i < slots.size(); ++i) {
      SHEAF_ASSIGN_OR_RETURN(const bool there, GatherNode(slots[i]));
      if (there) fn(i, NodeView(gathered_.data()));
    }
    return absl::OkStatus();
  }
  if (places_ != nullptr)
    return places_->Visit(nodes_.context(), slots, part,
                          [&](size_t first, absl::Span<const char* const> nodes) {
                            for (size_t i = 0; i < nodes.size(); ++i)
                              if (nodes[i] != nullptr) fn(first + i, NodeView(nodes[i]));
                          });
  wanted_.clear();
  for (const Slot slot : slots) wanted_.push_back(layout_.NodeKey(slot));
  std::optional<Slot> wrong;
  SHEAF_RETURN_IF_ERROR(
      ReaderOf(nodes_).Visit(wanted_, [&](size_t i, std::string_view record) {
        if (record.size() == layout_.node_bytes)
          fn(i, NodeView(record.data()));
        else
          wrong = slots[i];
      }));
  return wrong.has_value() ? Malformed("node", *wrong) : absl::OkStatus();
}

template <class Fn>
absl::Status VectorReader::ForCodes(absl::Span<const Slot> slots, Fn&& fn) const {
  size_t indexes[kLanes];
  const char* codes[kLanes];
  if (places_ == nullptr)
    return ForNodes(slots, [&](size_t i, NodeView node) {
      indexes[0] = i;
      codes[0] = node.code(layout_);
      fn(absl::MakeConstSpan(indexes, 1), absl::MakeConstSpan(codes, 1));
    });
  return places_->Visit(nodes_.context(), slots, BeforeLinks(),
                        [&](size_t first, absl::Span<const char* const> nodes) {
                          size_t count = 0;
                          for (size_t i = 0; i < nodes.size(); ++i) {
                            if (nodes[i] == nullptr) continue;
                            indexes[count] = first + i;
                            codes[count++] = NodeView(nodes[i]).code(layout_);
                          }
                          fn(absl::MakeConstSpan(indexes, count),
                             absl::MakeConstSpan(codes, count));
                        });
}

}  // namespace sheaf::vectors
#endif  // VECTOR_VECTOR_READER_H_
