// Adjacency lists: bytes as the table in adjacency.h says; lists of all shapes come back;
// inserting and erasing make the bytes that encoding makes; all kernels say the same; of
// damaged bytes nothing outside is read, and what is accepted ascends.
#include "graph/adjacency.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "graph/adjacency_kernels.h"
#include "tests/support/exact_bytes.h"

namespace sheaf::graph {
namespace {

using test::ExactBytes;
using Edges = std::vector<AdjacentEdge>;
constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

std::string Encode(const Edges& edges, VertexId vertex) {
  std::string bytes;
  EncodeAdjacency(edges, vertex, &bytes);
  return bytes;
}

std::string HexOf(const Edges& edges, VertexId vertex = 0) {
  return absl::BytesToHexString(Encode(edges, vertex));
}

bool Ascends(const Edges& edges) {
  for (size_t i = 1; i < edges.size(); ++i)
    if (std::pair(edges[i - 1].neighbour, edges[i - 1].ordinal) >=
        std::pair(edges[i].neighbour, edges[i].ordinal))
      return false;
  return true;
}

bool Same(const Edges& a, const Edges& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), SameEdge);
}

// All that a view says of a list that is valid, against its edges.
void ExpectReads(const AdjacencyView& list, const Edges& edges) {
  ASSERT_EQ(list.count(), edges.size());
  Edges decoded;
  list.DecodeEdges(&decoded);
  EXPECT_TRUE(Same(decoded, edges));
  std::vector<VertexId> neighbours(edges.size() + kDecodeRoom);
  list.Decode(neighbours.data());
  for (size_t i = 0; i < edges.size(); ++i)
    ASSERT_EQ(neighbours[i], edges[i].neighbour) << i;
  AdjacencyCursor cursor(list);
  uint32_t index = 0;
  for (auto chunk = cursor.Next(); !chunk.empty(); chunk = cursor.Next()) {
    ASSERT_EQ(cursor.index(), index);
    ASSERT_LE(chunk.size(), AdjacencyCursor::kChunkMax);
    if (index > 0) {
      ASSERT_EQ(cursor.before(), edges[index - 1].neighbour);
    }
    for (const VertexId neighbour : chunk) ASSERT_EQ(neighbour, edges[index++].neighbour);
  }
  EXPECT_EQ(index, edges.size());
  EXPECT_TRUE(cursor.Next().empty());
}

// And of some of its edges, one by one.
void ExpectFinds(const AdjacencyView& list, const Edges& edges, std::mt19937_64* random) {
  for (int i = 0; i < 20 && !edges.empty(); ++i) {
    const size_t index = (*random)() % edges.size();
    const AdjacentEdge& edge = edges[index];
    const auto at = static_cast<uint32_t>(index);
    EXPECT_EQ(list.ordinal(at), edge.ordinal);
    EXPECT_EQ(list.has_properties(at), edge.has_properties);
    EXPECT_TRUE(SameEdge({0, list.weight(at)}, {0, edge.weight}));
    EXPECT_EQ(list.Find(edge.neighbour, edge.ordinal), at);
    EXPECT_TRUE(list.Contains(edge.neighbour));
    for (const VertexId sought :
         {edge.neighbour - 1, edge.neighbour, edge.neighbour + 1}) {
      const auto bound = std::lower_bound(
          edges.begin(), edges.end(), sought,
          [](const AdjacentEdge& e, VertexId v) { return e.neighbour < v; });
      EXPECT_EQ(list.LowerBound(sought), bound - edges.begin());
      EXPECT_EQ(list.Contains(sought),
                bound != edges.end() && bound->neighbour == sought);
    }
    const uint32_t other = edge.ordinal + 1;
    const bool has_other = index + 1 < edges.size() &&
                           edges[index + 1].neighbour == edge.neighbour &&
                           edges[index + 1].ordinal == other;
    EXPECT_EQ(list.Find(edge.neighbour, other).has_value(), has_other);
  }
}

struct Shape {
  size_t count = 0;
  int delta_bits = 8;
  int parallels = 0;  // percent
  int ordinals = 0;   // 0 counted, 1 small with gaps, 2 large with gaps
  int weights = 0;    // 0 ones, 1 bytes, 2 floats, 3 doubles, 4 strange, 5 all the same
  bool properties = false;
};

double RandomWeight(int kind, std::mt19937_64* random) {
  const double strange[] = {0.0,
                            -0.0,
                            255,
                            256,
                            -1,
                            0.5,
                            1e300,
                            -1e-300,
                            3.5e38,
                            std::nan(""),
                            std::numeric_limits<double>::infinity(),
                            std::numeric_limits<double>::signaling_NaN(),
                            0.1f,
                            1};
  switch (kind) {
    case 1:
      return static_cast<double>((*random)() % 256);
    case 2:
      return static_cast<float>((*random)() % 100000) / 8;
    case 3:
      return static_cast<double>((*random)() % 100000) / 10;
    case 4:
      return strange[(*random)() % std::size(strange)];
  }
  return 1;
}

Edges RandomEdges(const Shape& shape, std::mt19937_64* random) {
  Edges edges;
  VertexId neighbour = (*random)() >> ((*random)() % 64);
  const double weight_of_all = RandomWeight(4, random);
  for (size_t i = 0; i < shape.count; ++i) {
    const bool is_parallel =
        i > 0 && (*random)() % 100 < static_cast<unsigned>(shape.parallels);
    const uint64_t delta = is_parallel ? 0 : 1 + ((*random)() >> (64 - shape.delta_bits));
    if (i > 0 && neighbour + delta < neighbour) break;
    if (i > 0) neighbour += delta;
    AdjacentEdge edge{neighbour};
    const uint32_t gap = shape.ordinals == 0 ? 0 : (*random)() % 3;
    const uint32_t base = is_parallel ? edges.back().ordinal + 1 : 0;
    edge.ordinal = base + gap * (shape.ordinals == 2 ? 100'000 : 1);
    edge.weight =
        shape.weights == 5 ? weight_of_all : RandomWeight(shape.weights, random);
    edge.has_properties = shape.properties && (*random)() % 3 == 0;
    edges.push_back(edge);
  }
  return edges;
}

Shape RandomShape(size_t count_max, std::mt19937_64* random) {
  Shape shape;
  shape.count = (*random)() % (1 + ((*random)() % (count_max + 1)));
  shape.delta_bits = (*random)() % 8 == 0 ? 1 + static_cast<int>((*random)() % 60)
                                          : 1 + static_cast<int>((*random)() % 32);
  if ((*random)() % 2 == 0) return shape;
  shape.parallels = (*random)() % 2 == 0 ? 0 : static_cast<int>((*random)() % 60);
  shape.ordinals = static_cast<int>((*random)() % 3);
  shape.weights = static_cast<int>((*random)() % 6);
  shape.properties = (*random)() % 2 == 0;
  return shape;
}

TEST(AdjacencyList, BytesAreAsDocumented) {
  EXPECT_EQ(HexOf({}), "55");
  EXPECT_EQ(HexOf({{7}}), "540e");
  EXPECT_EQ(HexOf({{7}}, 8), "5401");
  EXPECT_EQ(HexOf({{0}}, kMax), "5402");
  EXPECT_EQ(HexOf({{100}, {101}}, 100), "500001");
  EXPECT_EQ(HexOf({{100}, {1000}}, 100), "51008403");
  EXPECT_EQ(HexOf({{5}, {6}, {0x10006}}, 5), "480001000001");
  EXPECT_EQ(HexOf({{5}, {6}, {7}, {0x1000007}}), "300a010100000001");
  EXPECT_EQ(HexOf({{1}, {2}, {3}, {4}, {5}}), "56020001010101");
  EXPECT_EQ(HexOf({{1}, {2}, {3}, {4}, {5}, {0x105}}), "57020001010101010001");
}

TEST(AdjacencyList, ColumnsAreAsDocumented) {
  EXPECT_EQ(HexOf({{1, 1, 0}, {1, 1, 1}}), "8102020000");        // counted
  EXPECT_EQ(HexOf({{1, 1, 0}, {1, 1, 2}}), "82020200000002");    // a byte each
  EXPECT_EQ(HexOf({{1, 1, 256}}), "83010200010000");             // four
  EXPECT_EQ(HexOf({{1, 200}}), "840102c8");                      // a byte
  EXPECT_EQ(HexOf({{1, 0.5}}), "8801020000003f");                // a float
  EXPECT_EQ(HexOf({{1, 0.1}}), "8c01029a9999999999b93f");        // a double
  EXPECT_EQ(HexOf({{1, 2}, {2, 2}}), "940202000102");            // one byte for all
  EXPECT_EQ(HexOf({{1, 0.5}, {2, 0.5}}), "98020200010000003f");  // one float
  EXPECT_EQ(HexOf({{1, 0.1}, {2, 0.1}}), "9c020200019a9999999999b93f");
  EXPECT_EQ(HexOf({{1, 1, 0, true}, {2}}), "a00202000101");  // properties
  EXPECT_EQ(HexOf({{1, 1, 1, true}, {2, 3}}), "a6020200010100010301");
  EXPECT_EQ(HexOf({{1}, {uint64_t{1} << 33}}), "c0020203ffffffff01000000");  // wide
}

TEST(AdjacencyList, CountsHaveTheShortestHead) {
  for (const uint32_t count : {5u, 46u, 47u, 127u, 128u, 5000u}) {
    Edges edges;
    for (uint32_t i = 0; i < count; ++i) edges.push_back({i});
    const size_t head = count <= 46 ? 1 : count <= 127 ? 2 : 3;
    const std::string bytes = Encode(edges, 0);
    EXPECT_EQ(bytes.size(), head + 1 + (count + 2) / 4 + count - 1);
    EXPECT_EQ(bytes.size(), EncodedAdjacencyBytes(edges, 0));
    ExpectReads(AdjacencyView(ExactBytes(bytes).view(), 0), edges);
  }
}

TEST(AdjacencyList, RandomListsComeBack) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 4000; ++round) {
    const Shape shape = RandomShape(round % 50 == 0 ? 5000 : 300, &random);
    const Edges edges = RandomEdges(shape, &random);
    const VertexId vertex = random() >> (random() % 64);
    const std::string bytes = Encode(edges, vertex);
    ASSERT_EQ(bytes.size(), EncodedAdjacencyBytes(edges, vertex));
    const ExactBytes exact(bytes);
    const absl::Status valid = ValidateAdjacency(exact.view(), vertex);
    ASSERT_TRUE(valid.ok()) << valid << " round " << round;
    const AdjacencyView list(exact.view(), vertex);
    EXPECT_EQ(list.size_bytes(), bytes.size());
    ExpectReads(list, edges);
    ExpectFinds(list, edges, &random);
    // The same with bytes behind it.
    const ExactBytes more(bytes + std::string(random() % 40, '\xff'));
    const auto size = ValidateAdjacencyPrefix(more.view(), vertex);
    ASSERT_TRUE(size.ok());
    EXPECT_EQ(*size, bytes.size());
    EXPECT_EQ(ValidateAdjacency(more.view(), vertex).ok(),
              more.view().size() == bytes.size());
    ExpectReads(AdjacencyView(more.view(), vertex), edges);
    if (HasFatalFailure()) FAIL() << "round " << round;
  }
}

TEST(AdjacencyList, FormsFollowFromTheEdges) {
  const auto view_of = [](const Edges& edges, std::string* bytes) {
    *bytes = Encode(edges, 0);
    return AdjacencyView(*bytes, 0);
  };
  std::string bytes;
  EXPECT_EQ(view_of({{1}, {2}}, &bytes).flags(), 0);
  EXPECT_TRUE(view_of({{1}, {2}, {2, 1, 1}}, &bytes).has_ordinals());
  EXPECT_TRUE(view_of({{1}, {2, 3}}, &bytes).has_weights());
  EXPECT_TRUE(view_of({{1}, {2, 1, 0, true}}, &bytes).has_properties());
  EXPECT_FALSE(view_of({{1}, {uint64_t{1} << 32}}, &bytes).is_wide());
  EXPECT_TRUE(view_of({{0}, {uint64_t{1} << 32}}, &bytes).is_wide());
  EXPECT_FALSE(view_of({{kMax}}, &bytes).is_wide());
  EXPECT_TRUE(view_of({{0}, {kMax}}, &bytes).is_wide());
}

// What is inserted, replaced and erased one by one has the bytes of what is encoded.
void RunModel(const Shape& shape, int steps, std::mt19937_64* random) {
  std::map<std::pair<VertexId, uint32_t>, AdjacentEdge> model;
  const VertexId vertex = (*random)() >> 32;
  const Edges pool = RandomEdges(shape, random);
  std::string bytes = Encode({}, vertex);
  for (int step = 0; step < steps; ++step) {
    AdjacentEdge edge = pool[(*random)() % pool.size()];
    const auto key = std::pair(edge.neighbour, edge.ordinal);
    const ExactBytes exact(bytes);
    const AdjacencyView list(exact.view(), vertex);
    std::string changed = "before";
    if ((*random)() % 5 < (step / 200 % 2 == 0 ? 4u : 1u)) {
      EXPECT_EQ(AdjacencyInsert(list, edge, &changed), model.count(key) == 0);
      model[key] = edge;
    } else {
      const bool erased = model.erase(key) == 1;
      ASSERT_EQ(AdjacencyErase(list, edge.neighbour, edge.ordinal, &changed), erased);
      if (!erased) {
        ASSERT_EQ(changed, "before");
        continue;
      }
    }
    Edges edges;
    for (const auto& [at, stored] : model) edges.push_back(stored);
    ASSERT_EQ(changed, "before" + Encode(edges, vertex))
        << "step " << step << " of " << edges.size() << " edges";
    bytes = changed.substr(6);
    ASSERT_TRUE(ValidateAdjacency(bytes, vertex).ok());
  }
}

TEST(AdjacencyList, ChangesMakeTheSameBytes) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 300; ++round) {
    Shape shape = RandomShape(round % 10 == 0 ? 600 : 60, &random);
    if (round % 2 == 0) shape = {shape.count, shape.delta_bits};  // no columns
    shape.count = std::max<size_t>(shape.count, 3);
    RunModel(shape, round % 10 == 0 ? 1200 : 400, &random);
    if (HasFatalFailure()) FAIL() << "round " << round;
  }
}

TEST(AdjacencyList, ChangesAtTheEdges) {
  const auto inserted = [](const Edges& edges, const AdjacentEdge& edge) {
    std::string before = Encode(edges, 5), after;
    AdjacencyInsert(AdjacencyView(before, 5), edge, &after);
    return after;
  };
  EXPECT_EQ(inserted({}, {kMax}), Encode({{kMax}}, 5));
  EXPECT_EQ(inserted({{kMax}}, {0}), Encode({{0}, {kMax}}, 5));
  EXPECT_EQ(inserted({{0}}, {kMax}), Encode({{0}, {kMax}}, 5));
  EXPECT_EQ(inserted({{0}, {kMax}}, {9}), Encode({{0}, {9}, {kMax}}, 5));
  // A wide list is that no more when what lay far away is gone.
  std::string wide = Encode({{1}, {2}, {kMax}}, 5), narrow;
  EXPECT_TRUE(AdjacencyErase(AdjacencyView(wide, 5), kMax, 0, &narrow));
  EXPECT_EQ(narrow, Encode({{1}, {2}}, 5));
  // And one becomes that when what lay between is gone.
  const uint64_t far = uint64_t{1} << 31;
  std::string three = Encode({{0}, {far}, {2 * far}}, 5), two;
  EXPECT_TRUE(AdjacencyErase(AdjacencyView(three, 5), far, 0, &two));
  EXPECT_EQ(two, Encode({{0}, {2 * far}}, 5));
}

TEST(AdjacencyList, Splits) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 500; ++round) {
    Shape shape = RandomShape(700, &random);
    shape.count += 2;
    shape.delta_bits = std::min(shape.delta_bits, 40);
    const Edges edges = RandomEdges(shape, &random);
    if (edges.size() < 2) continue;
    const std::string bytes = Encode(edges, 77);
    std::string lower, upper;
    const AdjacentEdge first = AdjacencySplit(AdjacencyView(bytes, 77), &lower, &upper);
    Edges low, high;
    AdjacencyView(lower, 77).DecodeEdges(&low);
    AdjacencyView(upper, 77).DecodeEdges(&high);
    EXPECT_TRUE(SameEdge(first, high.front()));
    EXPECT_LE(high.size() - low.size(), 1u);
    EXPECT_EQ(lower, Encode(low, 77));
    EXPECT_EQ(upper, Encode(high, 77));
    low.insert(low.end(), high.begin(), high.end());
    EXPECT_TRUE(Same(low, edges));
  }
}

TEST(AdjacencyKernels, SayTheSame) {
  std::mt19937_64 random(4);
  EXPECT_TRUE(IsSupported(DeltaKernel::kPlain));
  for (int round = 0; round < 4000; ++round) {
    // A place for the groups among other bytes, close to both ends or not.
    const uint32_t count = random() % (round % 10 == 0 ? 600 : 40);
    std::string controls((count + 3) / 4, '\0');
    const int kind = static_cast<int>(random() % 4);
    for (char& c : controls)
      c = static_cast<char>(kind == 0 ? 0 : kind == 1 ? 0xff : random());
    const size_t size = DeltasBytes(controls.data(), count);
    std::string bytes(random() % 20, 'b');
    const size_t begin = bytes.size();
    for (size_t i = 0; i < size; ++i) bytes += static_cast<char>(random());
    bytes.append(random() % 2 == 0 ? 0 : random() % 20, 'e');
    const ExactBytes exact(bytes), exact_controls(controls);
    const char* const at = exact.view().data();
    const DeltaBytes in{exact_controls.view().data(), at + begin, at, at + bytes.size()};
    const uint64_t base = random();
    const auto decoded = [&](DeltaKernel kernel) {
      std::vector<uint64_t> out(count + kDecodeRoom);
      const char* const end = DecodeDeltasBy(kernel, in, count, base, out.data());
      EXPECT_TRUE(count % 4 != 0 || end == in.deltas + size);
      out.resize(count);
      return out;
    };
    const std::vector<uint64_t> plain = decoded(DeltaKernel::kPlain);
    for (const DeltaKernel kernel : {DeltaKernel::kSsse3, DeltaKernel::kAvx2})
      ASSERT_TRUE(!IsSupported(kernel) || decoded(kernel) == plain)
          << static_cast<int>(kernel) << " of " << count;
    std::vector<uint64_t> out(count + kDecodeRoom);
    DecodeDeltas(in, count, base, out.data());
    out.resize(count);
    ASSERT_EQ(out, plain);
  }
}

TEST(AdjacencyList, DamageIsNamed) {
  const auto problem = [](const char* hex, VertexId vertex = 0) {
    const ExactBytes bytes(absl::HexStringToBytes(hex));
    const absl::Status status = ValidateAdjacency(bytes.view(), vertex);
    EXPECT_TRUE(status.ok() || absl::IsDataLoss(status));
    return std::string(status.message());
  };
  EXPECT_EQ(problem("5402"), "");
  EXPECT_EQ(problem(""), "adjacency list: head: no bytes");
  EXPECT_EQ(problem("54"), "adjacency list: first neighbour: cut off or too large");
  EXPECT_EQ(problem("5480"), "adjacency list: first neighbour: cut off or too large");
  EXPECT_EQ(problem("540255"), "adjacency list: end: 1 bytes behind it");
  EXPECT_EQ(problem("80"), "adjacency list: number of edges: cut off or too large");
  EXPECT_EQ(problem("a000"), "adjacency list: number of edges: 0 with flags");
  EXPECT_EQ(problem("80ffffffff0f02"), "adjacency list: controls: cut off");
  EXPECT_EQ(problem("5602"), "adjacency list: controls: cut off");
  EXPECT_EQ(problem("560200010101"),
            "adjacency list: number of edges: more than there are bytes");
  EXPECT_EQ(problem("56020101010101"), "adjacency list: deltas: cut off");
  EXPECT_EQ(problem("570200040101010101"), "adjacency list: controls: bits of no edge");
  EXPECT_EQ(problem("51020001"), "");  // a delta longer than need be
  EXPECT_EQ(problem("500200"), "adjacency list: deltas: neighbours do not ascend");
  EXPECT_EQ(problem("500001", kMax), "adjacency list: deltas: neighbours do not ascend");
  EXPECT_EQ(problem("8202020000"), "adjacency list: ordinals: cut off");
  EXPECT_EQ(problem("82020200000100"), "adjacency list: ordinals: they do not ascend");
  EXPECT_EQ(problem("90010202"), "adjacency list: flags: no such weights");
  EXPECT_EQ(problem("88010200003f"), "adjacency list: weights: cut off");
  EXPECT_EQ(problem("a002020001"), "adjacency list: properties: cut off");
  EXPECT_EQ(problem("a00202000105"), "adjacency list: properties: bits of no edge");
}

// Accepted bytes can be read through and through.
void TryBytes(std::string_view bytes, VertexId vertex) {
  const ExactBytes exact(bytes);
  const absl::StatusOr<size_t> size = ValidateAdjacencyPrefix(exact.view(), vertex);
  if (!size.ok()) {
    ASSERT_TRUE(absl::IsDataLoss(size.status())) << size.status();
    return;
  }
  ASSERT_LE(*size, bytes.size());
  const AdjacencyView list(exact.view(), vertex);
  Edges edges;
  list.DecodeEdges(&edges);
  ASSERT_TRUE(Ascends(edges));
  ASSERT_EQ(list.size_bytes(), *size);
  std::mt19937_64 random(bytes.size());
  ExpectReads(list, edges);
  if (edges.size() < 100) ExpectFinds(list, edges, &random);
  std::string changed;
  AdjacencyInsert(list, {vertex + 1}, &changed);
  ASSERT_TRUE(ValidateAdjacency(changed, vertex).ok());
  if (edges.empty()) return;
  changed.clear();
  const AdjacentEdge& gone = edges[edges.size() / 2];
  ASSERT_TRUE(AdjacencyErase(list, gone.neighbour, gone.ordinal, &changed));
  ASSERT_TRUE(ValidateAdjacency(changed, vertex).ok());
}

TEST(AdjacencyDamage, TruncationsAndBitFlips) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 60; ++round) {
    Shape shape = RandomShape(round % 10 == 0 ? 200 : 30, &random);
    const std::string bytes = Encode(RandomEdges(shape, &random), 9);
    for (size_t size = 0; size < bytes.size(); ++size) {
      TryBytes(bytes.substr(0, size), 9);
      EXPECT_FALSE(ValidateAdjacency(ExactBytes(bytes.substr(0, size)).view(), 9).ok());
    }
    for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
      std::string flipped = bytes;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << (bit % 8));
      TryBytes(flipped, 9);
    }
    if (HasFatalFailure()) FAIL() << "round " << round;
  }
}

TEST(AdjacencyDamage, RandomBytes) {
  std::mt19937_64 random(6);
  int accepted = 0;
  for (int round = 0; round < 60000; ++round) {
    std::string bytes(random() % 80, '\0');
    const uint64_t mask = random() % 3 == 0 ? 0x0f : 0xff;
    for (char& c : bytes) c = static_cast<char>(random() & mask);
    if (!bytes.empty() && random() % 2 == 0) bytes[0] = static_cast<char>(random());
    const VertexId vertex = random() >> (random() % 64);
    accepted += ValidateAdjacencyPrefix(ExactBytes(bytes).view(), vertex).ok();
    TryBytes(bytes, vertex);
    if (HasFatalFailure()) FAIL() << absl::BytesToHexString(bytes);
  }
  EXPECT_GT(accepted, 5000);
}

}  // namespace
}  // namespace sheaf::graph
