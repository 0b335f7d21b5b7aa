// Adjacency lists (RELIABILITY R8). Of arbitrary bytes: validation ends and stays inside
// them; what it accepts ascends, reads the same in every way and by every kernel, and
// changes into lists that are valid again. Of edges that come and go: after each step the
// bytes are those of encoding what is there.
//
// The input's first byte chooses: 0 bytes, behind the vertex (8, little-endian); 1 steps
// of 4 bytes: what to do, how far the neighbour is, two bytes of its place.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "graph/adjacency.h"
#include "graph/adjacency_kernels.h"
#include "pager/coding.h"
#include "tests/support/exact_bytes.h"

namespace sheaf::graph {
namespace {

using test::ExactBytes, test::Require;

using Edges = std::vector<AdjacentEdge>;

Edges EdgesOf(const AdjacencyView& list) {
  Edges edges;
  list.DecodeEdges(&edges);
  return edges;
}

bool Same(const Edges& a, const Edges& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), SameEdge);
}

std::pair<VertexId, uint32_t> KeyOf(const AdjacentEdge& edge) {
  return {edge.neighbour, edge.ordinal};
}

void TryRead(const AdjacencyView& list, const Edges& edges) {
  for (size_t i = 1; i < edges.size(); ++i)
    Require(KeyOf(edges[i - 1]) < KeyOf(edges[i]), "edges do not ascend");
  std::vector<VertexId> all(list.count() + kDecodeRoom);
  list.Decode(all.data());
  for (size_t i = 0; i < edges.size(); ++i)
    Require(all[i] == edges[i].neighbour, "decoded otherwise");
  AdjacencyCursor cursor(list);
  size_t next = 0;
  for (auto chunk = cursor.Next(); !chunk.empty(); chunk = cursor.Next())
    for (const VertexId neighbour : chunk)
      Require(neighbour == edges[next++].neighbour, "the cursor says otherwise");
  Require(next == edges.size(), "the cursor ends elsewhere");
  for (size_t i = 0; i < edges.size(); i += 1 + i / 3) {
    const auto index = static_cast<uint32_t>(i);
    Require(list.Find(edges[i].neighbour, edges[i].ordinal) == index, "not found");
    Require(list.ordinal(index) == edges[i].ordinal, "another ordinal");
    Require(list.Contains(edges[i].neighbour), "not contained");
  }
}

void TryChanges(const AdjacencyView& list, const Edges& edges) {
  const auto valid = [&](const std::string& bytes) {
    const ExactBytes exact(bytes);
    Require(ValidateAdjacency(exact.view(), list.vertex()).ok(), "a change is invalid");
    return EdgesOf(AdjacencyView(exact.view(), list.vertex()));
  };
  std::string encoded;
  EncodeAdjacency(edges, list.vertex(), &encoded);
  Require(encoded.size() == EncodedAdjacencyBytes(edges, list.vertex()), "another size");
  Require(Same(valid(encoded), edges), "encoding changes the edges");
  const VertexId middle = edges.empty() ? 0 : edges[edges.size() / 2].neighbour;
  for (const VertexId neighbour :
       {VertexId{0}, list.vertex(), middle + 1, ~VertexId{0}}) {
    Edges expected = edges;
    const AdjacentEdge edge{neighbour};
    const auto at = std::lower_bound(
        expected.begin(), expected.end(), edge,
        [](const auto& a, const auto& b) { return KeyOf(a) < KeyOf(b); });
    const bool is_there = at != expected.end() && KeyOf(*at) == KeyOf(edge);
    if (is_there)
      *at = edge;
    else
      expected.insert(at, edge);
    std::string changed;
    Require(AdjacencyInsert(list, edge, &changed) != is_there, "inserted or not");
    Require(Same(valid(changed), expected), "inserting changes other edges");
  }
  for (const size_t index : {size_t{0}, edges.size() / 2, edges.size() - 1}) {
    if (edges.empty()) break;
    Edges expected = edges;
    expected.erase(expected.begin() + static_cast<int64_t>(index));
    std::string changed;
    Require(AdjacencyErase(list, edges[index].neighbour, edges[index].ordinal, &changed),
            "not erased");
    Require(Same(valid(changed), expected), "erasing changes other edges");
  }
  if (edges.size() < 2) return;
  std::string lower, upper;
  const AdjacentEdge first = AdjacencySplit(list, &lower, &upper);
  Edges halves = valid(lower), high = valid(upper);
  Require(SameEdge(first, high.front()), "another edge begins the upper half");
  halves.insert(halves.end(), high.begin(), high.end());
  Require(Same(halves, edges), "a split changes edges");
}

// The input is control bytes, the deltas follow: as many as there is room for.
void TryKernels(std::string_view bytes) {
  const ExactBytes exact(bytes);
  uint32_t count = 0;
  for (size_t used = 0; count / 4 < bytes.size(); ++count) {
    used += DeltaBytesOf(DeltaCode(exact.view().data(), count), false);
    if (count / 4 + 1 + used > bytes.size()) break;
  }
  const char *const begin = exact.view().data(), *const end = begin + bytes.size();
  const DeltaBytes in{begin, begin + (count + 3) / 4, begin, end};
  std::optional<std::vector<uint64_t>> plain;
  for (const auto kernel :
       {DeltaKernel::kPlain, DeltaKernel::kSsse3, DeltaKernel::kAvx2}) {
    if (!IsSupported(kernel)) continue;
    std::vector<uint64_t> out(count + kDecodeRoom);
    DecodeDeltasBy(kernel, in, count, 12345, out.data());
    out.resize(count);
    if (!plain.has_value()) plain = out;
    Require(out == *plain, "a kernel says otherwise");
  }
}

void TryBytes(std::string_view bytes) {
  if (bytes.size() < 8) return;
  const VertexId vertex = pager::DecodeFixed64(bytes.data());
  const ExactBytes exact(bytes.substr(8));
  TryKernels(exact.view());
  const auto size = ValidateAdjacencyPrefix(exact.view(), vertex);
  Require(size.ok() || absl::IsDataLoss(size.status()), "not said to be damaged");
  if (!size.ok()) return;
  Require(*size <= exact.view().size(), "larger than its bytes");
  const ExactBytes alone(exact.view().substr(0, *size));
  Require(ValidateAdjacency(alone.view(), vertex).ok(), "invalid without what is behind");
  const AdjacencyView list(alone.view(), vertex), longer(exact.view(), vertex);
  Require(list.size_bytes() == *size && longer.size_bytes() == *size, "another size");
  const Edges edges = EdgesOf(list);
  Require(Same(edges, EdgesOf(longer)), "what is behind changes edges");
  TryRead(list, edges);
  TryRead(longer, edges);
  TryChanges(list, edges);
}

AdjacentEdge EdgeOf(std::string_view step) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(step[i]); };
  const uint64_t place = byte(2) | uint64_t{byte(3)} << 8;
  AdjacentEdge edge{place << (byte(1) % 49)};
  const uint8_t what = byte(0) >> 1;
  if ((what & 1) != 0) edge.ordinal = byte(1) >> 6;
  if ((what & 2) != 0) edge.weight = byte(1) / 8.0;
  if ((what & 4) != 0) edge.weight = byte(1) / 10.0;
  edge.has_properties = (what & 8) != 0;
  return edge;
}

void TrySteps(std::string_view steps) {
  constexpr VertexId kVertex = 1000;
  std::map<std::pair<VertexId, uint32_t>, AdjacentEdge> model;
  std::string bytes;
  EncodeAdjacency({}, kVertex, &bytes);
  for (int i = 0; i < 300 && steps.size() >= 4; ++i, steps.remove_prefix(4)) {
    const AdjacentEdge edge = EdgeOf(steps);
    const bool is_there = model.count(KeyOf(edge)) == 1;
    const ExactBytes exact(bytes);
    const AdjacencyView list(exact.view(), kVertex);
    std::string changed;
    if ((steps[0] & 1) == 0) {
      Require(AdjacencyInsert(list, edge, &changed) != is_there, "inserted or not");
      model[KeyOf(edge)] = edge;
    } else {
      Require(AdjacencyErase(list, edge.neighbour, edge.ordinal, &changed) == is_there,
              "erased or not");
      model.erase(KeyOf(edge));
      if (!is_there) changed = bytes;
    }
    Edges edges;
    for (const auto& [key, stored] : model) edges.push_back(stored);
    bytes.clear();
    EncodeAdjacency(edges, kVertex, &bytes);
    Require(changed == bytes, "changed bytes are others than encoded ones");
    Require(ValidateAdjacency(changed, kVertex).ok(), "a list is invalid");
  }
}

}  // namespace
}  // namespace sheaf::graph

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0)
    sheaf::graph::TryBytes(rest);
  else
    sheaf::graph::TrySteps(rest);
  return 0;
}
