#include "catalog/measure.h"

#include <algorithm>
#include <string>
#include <vector>

#include "btree/dense_node.h"
#include "btree/large_value.h"
#include "catalog/compression.h"
#include "catalog/tick.h"
#include "pager/status_macros.h"

namespace sheaf::catalog {
namespace {

using btree::NodeView;
using pager::PageRef;

constexpr uint64_t kNodesATick = 64;

class Measurer {
 public:
  Measurer(pager::Pager* pager, const TreeRecord& record, const Progress& progress)
      : pager_(*pager), record_(record), progress_(progress) {}

  // `level`: what it must be, or negative.
  absl::Status Visit(const PageRef& ref, int level) {
    const uint64_t end = pager_.allocator().page_end();
    if (ref.id + ref.pages > end || m.leaf_pages + m.inner_pages > end)
      return pager::PageDamaged(ref.id, "the tree has more pages than the file");
    SHEAF_ASSIGN_OR_RETURN(const char* page, pager_.buffer().Pin(ref));
    const pager::PinnedPage pin(&pager_.buffer(), ref.id, page);
    const pager::PageKind kind = pager::PageKindOf(page);
    if (IsDense(record_.kind)) return VisitDense(page, ref, level);
    const NodeView node(page);
    if ((kind != pager::PageKind::kLeaf && kind != pager::PageKind::kInner) ||
        (level >= 0 && node.level() != static_cast<uint32_t>(level)))
      return pager::PageDamaged(ref.id, "is not a page of this tree");
    SHEAF_RETURN_IF_ERROR(TickNode());
    m.height = std::max(m.height, node.level() + 1);
    m.unused_bytes += node.free_bytes();
    (node.is_leaf() ? m.leaf_pages : m.inner_pages) += ref.pages;
    for (uint32_t i = 0; i < node.count(); ++i) {
      const absl::Status status =
          node.is_leaf() ? TakeValue(node.Value(i))
                         : Visit(node.ChildPage(i), static_cast<int>(node.level()) - 1);
      SHEAF_RETURN_IF_ERROR(status);
    }
    return absl::OkStatus();
  }

  TreeMeasure m;

 private:
  absl::Status VisitDense(const char* page, const PageRef& ref, int level) {
    const pager::PageKind kind = pager::PageKindOf(page);
    const btree::DenseView view(page);
    if ((kind != pager::PageKind::kDenseIndex && kind != pager::PageKind::kDenseLeaf) ||
        (level >= 0 && view.level() != static_cast<uint32_t>(level)))
      return pager::PageDamaged(ref.id, "is not a page of this tree");
    SHEAF_RETURN_IF_ERROR(TickNode());
    m.height = std::max(m.height, view.level() + 1);
    (view.level() == 0 ? m.leaf_pages : m.inner_pages) += ref.pages;
    if (view.level() > 0) {
      absl::Status status;
      btree::ForEachDenseRef(page, [&](const PageRef& child) {
        if (status.ok()) status = Visit(child, static_cast<int>(view.level()) - 1);
      });
      return status;
    }
    const btree::DenseLeafView leaf(page);
    m.unused_bytes += leaf.free_bytes();
    const uint64_t records = leaf.CountRecords();
    m.entries += records;
    m.as_is += records;
    m.stored_bytes += leaf.live_bytes();
    m.value_bytes += leaf.live_bytes();
    return absl::OkStatus();
  }

  absl::Status TickNode() {
    if (++nodes_ % kNodesATick != 0) return absl::OkStatus();
    return Tick(progress_, "the measurement",
                {m.entries, record_.root.entries, "entries measured"});
  }

  absl::Status TakeValue(const NodeView::LeafValue& v) {
    ++m.entries;
    m.stored_bytes += v.size;
    if (v.is_large) {
      ++m.large_values;
      SHEAF_RETURN_IF_ERROR(btree::WalkLarge(&pager_, btree::DecodeLargeRef(v.bytes),
                                             [&](const PageRef& page) {
                                               m.value_pages += page.pages;
                                               return absl::OkStatus();
                                             }));
    }
    pager::ValueCodec::Head head{.size = v.size, .as_is = true};
    if (record_.compression.encoded) {
      SHEAF_ASSIGN_OR_RETURN(head, ReadHead(&pager_, v));
    }
    m.value_bytes += head.size;
    m.as_is += head.as_is;
    m.with_dictionary += head.dictionary != 0;
    return absl::OkStatus();
  }

  pager::Pager& pager_;
  const TreeRecord& record_;
  const Progress& progress_;
  uint64_t nodes_ = 0;
};

}  // namespace

absl::StatusOr<TreeMeasure> MeasureTree(const Snapshot& snapshot,
                                        const TreeRecord& record,
                                        const Progress& progress) {
  Measurer measurer(snapshot.context().pager, record, progress);
  if (record.root.page) SHEAF_RETURN_IF_ERROR(measurer.Visit(record.root.page, -1));
  SHEAF_RETURN_IF_ERROR(
      ForEachDictionary(snapshot.context(), snapshot.version().catalog, record.id,
                        [&](uint32_t, const std::string& dictionary) {
                          ++measurer.m.dictionaries;
                          measurer.m.dictionary_bytes += dictionary.size();
                          return absl::OkStatus();
                        }));
  return measurer.m;
}

}  // namespace sheaf::catalog
