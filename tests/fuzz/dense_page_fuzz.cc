// Pages of dense trees of arbitrary bytes (RELIABILITY R8, R9): one that validation accepts
// can be read, described and changed without leaving its page, and what changes make of it
// is accepted again; where its records are vertices, their labels, edges and degrees can be
// read, and a vertex written again is the same.
//
// The input is the page from its kind on; the fields that VerifyPage would have looked at
// are set right. Its first byte says how many base pages, its second which changes are tried.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "btree/dense_node.h"
#include "graph/graph_reader.h"
#include "graph/vertex_record.h"
#include "tests/support/exact_bytes.h"

namespace sheaf::btree {
namespace {

using test::Require;

using pager::kPageBytes;
using pager::PageHeader;
using pager::PageKind;

// Of its exact size on the heap, so that a sanitizer sees the first byte too many.
using Page = std::unique_ptr<char[]>;

Page MakePage(std::string_view body, uint32_t pages) {
  const size_t bytes = pages * kPageBytes;
  Page page(new char[bytes]());
  body.copy(page.get() + PageHeader::kKind, bytes - PageHeader::kKind);
  const bool is_leaf = (page[PageHeader::kKind] & 1) == 0;
  page[PageHeader::kKind] =
      static_cast<char>(is_leaf ? PageKind::kDenseLeaf : PageKind::kDenseIndex);
  page[PageHeader::kPages] = static_cast<char>(pages);
  return page;
}

void ReadVertex(VertexId id, std::string_view record) {
  const graph::VertexView vertex(id, record);
  uint64_t edges = 0;
  for (const graph::NameId label : vertex.labels())
    Require(vertex.HasLabel(label), "a label that is not there");
  std::vector<graph::AdjacentEdge> ends;
  vertex.ForEachList([&](const graph::VertexView::List& list) {
    edges += list.count();
    Require(vertex.FindList(list.key).has_value(), "a list that is not found");
    if (list.key.large) return;
    graph::AdjacencyView(list.bytes, id).DecodeEdges(&ends);
    Require(ends.size() == list.count(), "a list of another length");
  });
  Require(vertex.Degree(Direction::kBoth, std::nullopt) == edges, "another degree");
  const std::string again = graph::VertexRecord(vertex).Encode();
  const absl::Status valid = graph::ValidateVertexRecord(id, again);
  Require(valid.ok(), "a vertex written again is invalid");
  Require(graph::VertexRecord(graph::VertexView(id, again)).Encode() == again,
          "a vertex written twice differs");
}

void Read(const char* page) {
  uint64_t sum = DescribeDense(page).size();
  const DenseLeafView leaf(page);
  for (uint32_t slot = leaf.NextRecord(0); slot < leaf.slot_count();
       slot = leaf.NextRecord(slot + 1)) {
    for (const char c : leaf.Record(slot)) sum += static_cast<uint8_t>(c);
    if (leaf.records() == DenseRecords::kVertices)
      ReadVertex(leaf.first_key() + slot, leaf.Record(slot));
  }
  volatile uint64_t all_read = sum;
  (void)all_read;
}

void Change(char* page, uint8_t seed) {
  DenseLeaf leaf(page);
  uint32_t x = seed * 2654435761u + 12345;
  const auto next = [&x](uint32_t bound) {
    x = x * 1664525 + 1013904223;
    return (x >> 8) % bound;
  };
  std::vector<std::string> model;
  for (uint32_t slot = 0; slot < leaf.slot_count(); ++slot)
    model.emplace_back(leaf.Record(slot));
  for (int step = 0; step < 40; ++step) {
    const uint32_t slot = next(leaf.slot_count());
    const std::string record(1 + next(next(8) == 0 ? kDenseRecordMax : 90),
                             static_cast<char>('a' + step % 26));
    if (next(3) == 0 && !model[slot].empty()) {
      leaf.Remove(slot);
      model[slot].clear();
    } else if (leaf.Set(slot, record)) {
      model[slot] = record;
    }
    Require(ValidateDenseLeaf(page).ok(), "a change made a valid leaf invalid");
  }
  for (uint32_t slot = 0; slot < leaf.slot_count(); ++slot)
    Require(leaf.Record(slot) == model[slot], "a record is another");
}

// Into a page of its own, as a split does it.
void CopyHalf(const char* page) {
  const DenseLeafView leaf(page);
  const uint64_t end = leaf.first_group() + leaf.groups(),
                 middle = leaf.first_group() + leaf.groups() / 2;
  Page half = MakePage("", pager::PagesOf(page));
  DenseLeaf copy(half.get());
  copy.Init(middle, static_cast<uint32_t>(end - middle), leaf.tree(), leaf.records());
  copy.TakeFrom(leaf, middle, end);
  Require(ValidateDenseLeaf(half.get()).ok(), "half of a valid leaf is invalid");
}

void Run(std::string_view input) {
  if (input.size() < 2) return;
  graph::RegisterRecords();
  const uint32_t pages = static_cast<uint8_t>(input[0]) % 16 + 1;
  const Page page = MakePage(input.substr(2), pages);
  if (pager::PageKindOf(page.get()) == PageKind::kDenseIndex) {
    if (!ValidateDenseIndex(page.get()).ok()) return;
    uint64_t sum = DescribeDense(page.get()).size();
    ForEachDenseRef(page.get(), [&](const pager::PageRef& ref) { sum += ref.id; });
    Require(sum > 0, "an index page says nothing");
    return;
  }
  if (!ValidateDenseLeaf(page.get()).ok()) return;
  Read(page.get());
  ClearUnusedInDenseLeaf(page.get());
  Require(ValidateDenseLeaf(page.get()).ok(), "clearing what is unused made it invalid");
  CopyHalf(page.get());
  page[PageHeader::kFlags] = static_cast<char>(DenseRecords::kBytes);
  Change(page.get(), static_cast<uint8_t>(input[1]));
}

}  // namespace
}  // namespace sheaf::btree

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sheaf::btree::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
