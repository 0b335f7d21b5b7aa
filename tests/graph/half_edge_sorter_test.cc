// HalfEdgeSorter: whatever the memory, what comes out is what a stable sort makes of what
// went in: in memory, in runs, in runs that are merged before the end; with weights that
// begin late.
#include "graph/half_edge_sorter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <tuple>

#include "tests/support/faulty_file.h"
#include "tests/support/sanitizers.h"

namespace sheaf::graph {
namespace {

auto KeyOf(const HalfEdge& half) {
  return std::tuple(half.vertex(), half.is_edge(), half.list().in, half.list().type,
                    half.neighbour());
}

std::vector<HalfEdge> RandomHalves(uint32_t seed, size_t count, bool weighted) {
  std::mt19937_64 random(seed);
  std::vector<HalfEdge> halves;
  const uint64_t far = seed % 2 == 0 ? 1 : uint64_t{1} << 33;
  for (size_t i = 0; i < count; ++i) {
    // Most of them at few vertices.
    const VertexId a = (random() % 3 == 0 ? random() % 5000 : random() % 3) * far;
    const VertexId b = random() % (random() % 2 == 0 ? 4 : 100'000) * far;
    if (random() % 9 == 0)
      halves.push_back(HalfEdge::OfVertex(a, random() % 10, i));
    else
      halves.push_back(HalfEdge::OfEdge(
          a, random() % 2 == 0, random() % 4096 % (1 + seed * 7), b,
          weighted && i > count / 2 && random() % 2 == 0 ? 0.5 * (random() % 9) : 1,
          random() % 5 == 0, i));
  }
  return halves;
}

void ExpectSorted(std::vector<HalfEdge> halves, const HalfEdgeSorterOptions& options,
                  bool spills) {
  test::FaultyFileSystem fs;
  HalfEdgeSorter sorter(options, [&] { return document::OpenSpillFile(&fs, "/x"); });
  for (const HalfEdge& half : halves) ASSERT_TRUE(sorter.Add(half).ok());
  ASSERT_TRUE(sorter.Finish().ok());
  EXPECT_EQ(sorter.count(), halves.size());
  EXPECT_EQ(sorter.spilled_bytes() > 0, spills);
  std::stable_sort(
      halves.begin(), halves.end(),
      [](const HalfEdge& a, const HalfEdge& b) { return KeyOf(a) < KeyOf(b); });
  size_t at = 0;
  while (true) {
    const auto chunk = sorter.Next();
    ASSERT_TRUE(chunk.ok()) << chunk.status();
    if (chunk->empty()) break;
    for (const HalfEdge& half : *chunk) {
      ASSERT_LT(at, halves.size());
      const HalfEdge& expected = halves[at++];
      ASSERT_TRUE(half.high == expected.high && half.low == expected.low &&
                  half.mark == expected.mark && half.weight == expected.weight)
          << at;
    }
  }
  EXPECT_EQ(at, halves.size());
}

TEST(HalfEdgeSorter, IsAStableSort) {
  constexpr size_t kHalves = test::kAddressSanitizer ? 60'000 : 200'000;
  for (uint32_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(seed);
    const auto halves = RandomHalves(seed, kHalves, seed >= 3);
    ExpectSorted(halves, {}, false);
    ExpectSorted(halves, {.memory_bytes_max = 20 * kHalves}, true);
    ExpectSorted(halves, {.memory_bytes_max = 100'000, .seal_spill = seed == 2}, true);
    ExpectSorted(RandomHalves(seed, seed - 1, true), {}, false);
  }
}

TEST(HalfEdgeSorter, TheBoundOfTheFileIsKept) {
  test::FaultyFileSystem fs;
  HalfEdgeSorter sorter({.memory_bytes_max = 30'000, .spill_bytes_max = 100'000},
                        [&] { return document::OpenSpillFile(&fs, "/x"); });
  absl::Status status;
  for (uint64_t i = 0; i < 20'000 && status.ok(); ++i)
    status = sorter.Add(HalfEdge::OfEdge(i, false, 1, i, 1, false, i));
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace sheaf::graph
