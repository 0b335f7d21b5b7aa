// GraphLoader against GraphWriter: the same random input gives the same content, whatever
// the memory, the way and what the graph has already; with parallel edges, loops, hubs,
// weights and several types. What is refused or cancelled, at whatever tick, leaves the
// graph as it was (RELIABILITY R1, R9, R10).
#include "graph/bulk_load.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <filesystem>
#include <limits>
#include <map>
#include <random>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "pager/status_macros.h"
#include "tests/graph/graph_test_util.h"

namespace sheaf::graph {
namespace {

using UnknownEnd = GraphLoaderOptions::UnknownEnd;
using Way = GraphLoaderOptions::Way;

struct InputEdge {
  VertexId from;
  std::string type;
  VertexId to;
  double weight = 1;
  bool has_properties = false;
};
struct InputVertex {
  VertexId id;
  std::vector<std::string> labels;
};
struct Input {
  std::vector<InputVertex> vertices;
  std::vector<InputEdge> edges;
};

// All that a graph holds, as text; out-edges and in-edges.
using Content = std::map<VertexId, std::string>;

Content Read(const GraphReader& reader, const document::NameTable& names) {
  Content content;
  btree::DenseCursor cursor(reader.graph().context(), &reader.graph().root());
  std::vector<AdjacentEdge> edges;
  for (bool valid = cursor.Seek(0); valid; valid = cursor.Next()) {
    EXPECT_TRUE(ValidateVertexRecord(cursor.key(), cursor.record()).ok());
    const VertexView vertex(cursor.key(), cursor.record());
    std::string& text = content[vertex.id()];
    for (const NameId label : vertex.labels())
      absl::StrAppend(&text, std::string(names.NameOf(label)), " ");
    std::map<std::string, std::string> lists;  // by type: numbers may differ
    const absl::Status visited = reader.VisitEdges(
        vertex, Direction::kBoth, std::nullopt,
        [&](const ListKey& list, const AdjacencyView& some) {
          std::string& l =
              lists[absl::StrCat(list.in, std::string(names.NameOf(list.type)))];
          EXPECT_LE(some.bytes().size(), kBlockBytesMax);
          some.DecodeEdges(&edges);
          for (const AdjacentEdge& e : edges)
            absl::StrAppend(&l, e.neighbour, "/", e.ordinal, "/", e.weight,
                            e.has_properties ? "p " : " ");
          return true;
        });
    EXPECT_TRUE(visited.ok()) << visited;
    for (const auto& [name, list] : lists) absl::StrAppend(&text, name, ": ", list, "\n");
  }
  EXPECT_TRUE(cursor.status().ok());
  return content;
}
Content Read(Writing* w) {
  return Read(w->writer->reader(), (*w->parts->schema())->names());
}

void ExpectClean(catalog::Store* store) {
  const auto check = store->Check(CheckLevel::kFull, Progress());
  ASSERT_TRUE(check.ok()) << check.status();
  for (const auto& problem : check->problems) ADD_FAILURE() << problem.what;
  const Reading reading(store);
  if (!reading.reader.has_value()) return;
  std::map<NameId, uint64_t> out, in;
  btree::DenseCursor cursor(reading.snapshot.context(), &reading.graph->root());
  for (bool valid = cursor.Seek(0); valid; valid = cursor.Next())
    VertexView(cursor.key(), cursor.record()).ForEachList([&](const auto& list) {
      (list.key.in ? in : out)[list.key.type] += list.count();
    });
  EXPECT_EQ(out, in);
  for (const auto& [type, count] : out)
    EXPECT_EQ(*reading.reader->EdgeCount(type), count);
}

Input RandomInput(uint32_t seed, size_t edges, VertexId vertices) {
  std::mt19937 random(seed);
  Input input;
  for (VertexId v = 0; v < vertices; ++v) {
    InputVertex vertex{v * (1 + seed % 3), {}};
    for (int l = 0; l < 3; ++l)
      if (random() % 3 == 0) vertex.labels.push_back(absl::StrCat("label", l));
    input.vertices.push_back(vertex);
  }
  std::shuffle(input.vertices.begin(), input.vertices.end(), random);
  const auto any = [&] {
    const VertexId v = random() % 4 == 0 ? random() % 3 : random() % vertices;  // hubs
    return v * (1 + seed % 3);
  };
  for (size_t i = 0; i < edges; ++i) {
    InputEdge edge{any(), absl::StrCat("type", random() % 3), any()};
    if (seed % 2 == 0 && i > edges / 3 && random() % 4 == 0)
      edge.weight = random() % 3 == 0 ? 0.1 * (random() % 100) : random() % 9;
    edge.has_properties = random() % 50 == 0;
    input.edges.push_back(edge);
  }
  return input;
}

std::vector<NameId> Numbers(Writing* w, const std::vector<std::string>& names) {
  std::vector<NameId> numbers;
  for (const std::string& name : names) numbers.push_back(w->Name(name));
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

// Keys of edges with properties, as they are reported.
using Reported = std::vector<std::string>;

Reported AddSingly(Writing* w, const Input& input) {
  Reported reported;
  for (const InputVertex& v : input.vertices)
    EXPECT_TRUE(w->writer->AddVertexAs(v.id, Numbers(w, v.labels)).ok());
  for (const InputEdge& e : input.edges) {
    const NameId type = w->Name(e.type);
    const auto ordinal =
        w->writer->AddEdge(e.from, type, e.to, e.weight, e.has_properties);
    EXPECT_TRUE(ordinal.ok()) << ordinal.status();
    if (e.has_properties)
      reported.push_back(EncodeEdgeKey({e.from, type, e.to, *ordinal}));
  }
  std::sort(reported.begin(), reported.end());
  return reported;
}

struct Loaded {
  absl::Status status;
  Reported reported;
  std::vector<VertexId> created;
  GraphLoaderCounts counts;
};

Loaded Load(Writing* w, test::FaultyFileSystem* fs, const Input& input,
            const GraphLoaderOptions& options) {
  Loaded loaded;
  GraphLoader loader(
      w->txn.get(), w->graph, w->parts.get(),
      [fs] { return document::OpenSpillFile(fs, "/g.sheaf"); }, options);
  const auto load = [&]() -> absl::Status {
    uint64_t position = 0;
    // Edges may come before their ends.
    for (const InputEdge& e : input.edges)
      SHEAF_RETURN_IF_ERROR(loader.AddEdge(e.from, w->Name(e.type), e.to, e.weight,
                                           e.has_properties, position++));
    for (const InputVertex& v : input.vertices)
      SHEAF_RETURN_IF_ERROR(loader.AddVertex(v.id, Numbers(w, v.labels), position++));
    return loader.Finish(
        [&](const EdgeKey& key) {
          loaded.reported.push_back(EncodeEdgeKey(key));
          return absl::OkStatus();
        },
        [&](VertexId vertex) {
          loaded.created.push_back(vertex);
          return absl::OkStatus();
        });
  };
  loaded.status = load();
  loaded.counts = loader.counts();
  EXPECT_TRUE(std::is_sorted(loaded.created.begin(), loaded.created.end()));
  if (loaded.status.ok()) {
    EXPECT_EQ(loaded.created.size(), loaded.counts.created);
  }
  return loaded;
}

TEST(GraphLoader, GivesWhatTheWriterGives) {
  uint64_t spilled = 0;
  for (uint32_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    const Input first = RandomInput(seed, 100 << seed % 7, 60);
    Input second = RandomInput(seed + 100, seed % 3 == 0 ? 40 : 4000, 60);
    second.vertices.clear();
    for (InputEdge& e : second.edges)  // to vertices of the first
      e.from = e.from / (1 + (seed + 100) % 3) * (1 + seed % 3),
      e.to = e.to / (1 + (seed + 100) % 3) * (1 + seed % 3);
    second.vertices.push_back({5000, {"late"}});
    second.edges.push_back({5000, "type9", 0});
    test::FaultyFileSystem fs, other_fs;
    auto store = OpenStore(&fs), other = OpenStore(&other_fs);
    GraphLoaderOptions options;
    if (seed % 2 == 0) options.memory_bytes_max = 30'000;
    options.seal_spill = seed % 4 == 0;
    int i = 0;
    for (const Input& input : {first, second}) {
      options.way = (seed + ++i) % 2 == 0 ? Way::kAnew : Way::kInPlace;
      Writing loading(store.get()), adding(other.get());
      const Loaded loaded = Load(&loading, &fs, input, options);
      ASSERT_TRUE(loaded.status.ok()) << loaded.status;
      Reported expected = AddSingly(&adding, input);
      // Types may have other numbers: only their count is compared where they do.
      EXPECT_EQ(loaded.reported.size(), expected.size());
      EXPECT_TRUE(std::is_sorted(loaded.reported.begin(), loaded.reported.end()));
      EXPECT_EQ(loaded.counts.edges, input.edges.size());
      EXPECT_EQ(loaded.counts.vertices, input.vertices.size());
      spilled += loaded.counts.spilled_bytes;
      ASSERT_TRUE(Read(&loading) == Read(&adding));
      EXPECT_EQ(loading.graph->record().counter, adding.graph->record().counter);
      ASSERT_TRUE(loading.txn->Commit(Durability::kFull).ok());
      ASSERT_TRUE(adding.txn->Commit(Durability::kFull).ok());
      ExpectClean(store.get());
    }
    // What comes after by single edges finds all as it should be.
    Writing loading(store.get()), adding(other.get());
    Input third = RandomInput(seed, 300, 60);
    third.vertices.clear();
    AddSingly(&loading, third);
    AddSingly(&adding, third);
    EXPECT_TRUE(Read(&loading) == Read(&adding));
  }
  EXPECT_GT(spilled, 100'000u);
}

TEST(GraphLoader, HubsAreCutIntoFullBlocks) {
  test::FaultyFileSystem fs;
  auto store = OpenStore(&fs);
  Input input;
  std::mt19937 random(1);
  constexpr VertexId kLeaves = 100'000;
  for (VertexId v = 0; v <= kLeaves; ++v) input.vertices.push_back({v, {}});
  for (VertexId v = 1; v <= kLeaves; ++v) input.edges.push_back({0, "a", v});
  for (int i = 0; i < 3000; ++i) input.edges.push_back({1, "a", 2});  // parallel
  std::shuffle(input.edges.begin(), input.edges.end(), random);
  Writing w(store.get());
  const Loaded loaded = Load(&w, &fs, input, {});
  ASSERT_TRUE(loaded.status.ok()) << loaded.status;
  uint64_t blocks = 0, bytes = 0;
  btree::TreeCursor cursor = w.parts->view().NewCursor();
  for (cursor.Seek(kBlockKeys); cursor.Valid(); cursor.Next()) {
    ++blocks;
    bytes += cursor.value().bytes.size();
    ASSERT_LE(cursor.value().bytes.size(), kBlockBytesMax);
  }
  EXPECT_GT(bytes, blocks * 860);
  ASSERT_TRUE(w.txn->Commit(Durability::kFull).ok());
  ExpectClean(store.get());
}

TEST(GraphLoader, UnknownEndsAreRefusedOrMade) {
  for (const Way way : {Way::kAnew, Way::kInPlace}) {
    test::FaultyFileSystem fs;
    auto store = OpenStore(&fs);
    Writing w(store.get());
    ASSERT_TRUE(w.writer->AddVertexAs(1, {}).ok());
    const Content before = Read(&w);
    GraphLoaderOptions options;
    options.way = way;
    Input input{{{2, {"L"}}}, {{1, "t", 2}, {1, "t", 9}, {7, "t", 7}}};
    Loaded loaded = Load(&w, &fs, input, options);
    EXPECT_EQ(loaded.status.code(), absl::StatusCode::kNotFound);
    EXPECT_EQ(loaded.status.message(), "edge 2: no vertex 7");
    EXPECT_TRUE(Read(&w) == before);
    EXPECT_EQ(w.graph->record().counter, 2u);
    options.unknown_end = UnknownEnd::kCreate;
    loaded = Load(&w, &fs, input, options);
    ASSERT_TRUE(loaded.status.ok()) << loaded.status;
    EXPECT_EQ(loaded.counts.created, 2u);
    EXPECT_EQ(loaded.counts.vertices, 3u);
    EXPECT_EQ(w.graph->record().counter, 10u);
    EXPECT_EQ(Read(&w).size(), 4u);
    // A vertex that is there, and one that comes twice.
    loaded = Load(&w, &fs, {{{2, {}}}, {}}, options);
    EXPECT_EQ(loaded.status.code(), absl::StatusCode::kAlreadyExists);
    EXPECT_EQ(loaded.status.message(), "edge 0: vertex 2 exists already");
    loaded = Load(&w, &fs, {{{70, {}}, {70, {}}}, {}}, options);
    EXPECT_EQ(loaded.status.code(), absl::StatusCode::kAlreadyExists);
    ASSERT_TRUE(w.txn->Commit(Durability::kFull).ok());
    ExpectClean(store.get());
  }
}

TEST(GraphLoader, BadArgumentsAreRefused) {
  test::FaultyFileSystem fs;
  auto store = OpenStore(&fs);
  Writing w(store.get());
  GraphLoader loader(w.txn.get(), w.graph, w.parts.get(),
                     [&] { return document::OpenSpillFile(&fs, "/g.sheaf"); }, {});
  const NameId type = w.Name("t");
  constexpr double kInfinite = std::numeric_limits<double>::infinity();
  EXPECT_FALSE(loader.AddEdge(btree::kDenseKeyEnd, type, 1, 1, false, 0).ok());
  EXPECT_FALSE(loader.AddEdge(1, type, btree::kDenseKeyEnd, 1, false, 0).ok());
  EXPECT_FALSE(loader.AddEdge(1, type, 1, kInfinite, false, 0).ok());
  EXPECT_FALSE(loader.AddVertex(btree::kDenseKeyEnd, {}, 0).ok());
  EXPECT_FALSE(loader.AddVertex(1, std::vector<NameId>(65), 0).ok());
}

TEST(GraphLoader, CancelledAtAnyTickItLeavesTheGraphAsItWas) {
  const Input first = RandomInput(4, 3000, 3000), second = RandomInput(5, 150'000, 9000);
  for (const Way way : {Way::kAnew, Way::kInPlace}) {
    test::FaultyFileSystem fs;
    auto store = OpenStore(&fs);
    {
      Writing w(store.get());
      AddSingly(&w, first);
      ASSERT_TRUE(w.txn->Commit(Durability::kFull).ok());
    }
    Writing w(store.get());
    ASSERT_TRUE(w.writer->AddVertexAs(1'000'000, Numbers(&w, {"mine"})).ok());
    const Content before = Read(&w);
    Input input = second;
    input.vertices.clear();
    GraphLoaderOptions options;
    options.way = way;
    options.unknown_end = UnknownEnd::kCreate;
    options.memory_bytes_max = 1 << 20;
    int ticks = 0, last = 1 << 30;
    for (int stop = 0; stop < last; stop += stop < 4 ? 1 : 3) {
      ticks = 0;
      options.progress.report = [&](const Progress::State&) { return ticks++ != stop; };
      const Loaded loaded = Load(&w, &fs, input, options);
      if (loaded.status.ok()) {
        last = stop;
        break;
      }
      ASSERT_EQ(loaded.status.code(), absl::StatusCode::kCancelled);
      ASSERT_TRUE(Read(&w) == before) << stop;
      ASSERT_EQ(w.graph->record().counter, 1'000'001u);
    }
    EXPECT_GT(ticks, 8);
    ASSERT_TRUE(w.txn->Commit(Durability::kFull).ok());
    ExpectClean(store.get());
    Writing again(store.get());
    EXPECT_FALSE(Read(&again) == before);
  }
}

TEST(GraphLoader, SavepointsTakeItBack) {
  for (const Way way : {Way::kAnew, Way::kInPlace}) {
    test::FaultyFileSystem fs;
    auto store = OpenStore(&fs);
    Writing w(store.get());
    AddSingly(&w, RandomInput(1, 2000, 60));
    const Content before = Read(&w);
    const uint64_t savepoint = *w.txn->SetSavepoint();
    GraphLoaderOptions options;
    options.way = way;
    Input input = RandomInput(7, 5000, 60);  // the same ids
    input.vertices.clear();
    ASSERT_TRUE(Load(&w, &fs, input, options).status.ok());
    const Content after = Read(&w);
    EXPECT_FALSE(after == before);
    ASSERT_TRUE(w.txn->RollbackTo(savepoint).ok());
    w.parts->Forget();
    EXPECT_TRUE(Read(&w) == before);
    ASSERT_TRUE(Load(&w, &fs, input, options).status.ok());
    EXPECT_TRUE(Read(&w) == after);
    ASSERT_TRUE(w.txn->Commit(Durability::kFull).ok());
    ExpectClean(store.get());
    store.reset();
    store = OpenStore(&fs);
    Writing again(store.get());
    EXPECT_TRUE(Read(&again) == after);
    again.txn->Rollback();
    ASSERT_TRUE(store->Compact(Progress()).ok());
    ExpectClean(store.get());
  }
}

TEST(GraphLoader, AFailingTemporaryFileLeavesTheGraphAsItWas) {
  Input input = RandomInput(3, 6000, 60);
  for (const Way way : {Way::kAnew, Way::kInPlace}) {
    test::FaultyFileSystem fs;
    auto store = OpenStore(&fs);
    Writing w(store.get());
    AddSingly(&w, {input.vertices, {input.edges.begin(), input.edges.begin() + 500}});
    const Content before = Read(&w);
    const Input more{{}, input.edges};
    GraphLoaderOptions options;
    options.way = way;
    options.memory_bytes_max = 60'000;
    int failed = 0;
    for (uint64_t nth = 1;; nth += 1 + nth / 8, ++failed) {
      fs.Inject({.calls = test::kOpen | test::kRead | test::kWrite,
                 .nth = nth,
                 .path_suffix = "-spill-0"});
      const Loaded loaded = Load(&w, &fs, more, options);
      fs.ClearFaults();
      if (loaded.status.ok()) break;
      ASSERT_EQ(loaded.status.code(), absl::StatusCode::kInternal) << loaded.status;
      ASSERT_TRUE(Read(&w) == before) << nth;
    }
    EXPECT_GT(failed, 10);
    ASSERT_TRUE(w.txn->Commit(Durability::kFull).ok());
    ExpectClean(store.get());
  }
}

// 1 million edges, 48 MB of half-edges, in 8 MiB; one vertex has a quarter of them. (What
// sanitizers have in place of malloc tells nothing.)
TEST(GraphLoader, NeedsNoMoreMemoryThanItSays) {
  RegisterRecords();
  const std::string folder = testing::TempDir() + "/graph_loader_memory";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  Options options;
  options.cache_bytes_max = 4 << 20;
  const std::string path = folder + "/g.sheaf";
  auto store =
      *catalog::Store::Open(pager::RealFileSystem(), path, options, /*in_memory=*/false);
  {
    Writing w(store.get());
    const NameId type = w.Name("t");
    const auto in_use = [] {
      const struct mallinfo2 info = mallinfo2();
      return info.uordblks + info.hblkhd;
    };
    const size_t before = in_use();
    size_t most = 0;
    GraphLoaderOptions load;
    load.memory_bytes_max = 8 << 20;
    load.unknown_end = UnknownEnd::kCreate;
    load.progress.report = [&](const Progress::State&) {
      most = std::max<size_t>(most, in_use() - before);
      return true;
    };
    GraphLoader loader(
        w.txn.get(), w.graph, w.parts.get(),
        [&] { return document::OpenSpillFile(pager::RealFileSystem(), path); }, load);
    std::mt19937 random(1);
    for (uint64_t i = 0; i < 1'000'000; ++i)
      ASSERT_TRUE(loader
                      .AddEdge(random() % 4 == 0 ? 0 : random() % 50'000, type,
                               random() % 1'000'000, 1, false, i)
                      .ok());
    const absl::Status status = loader.Finish([](auto&) { return absl::OkStatus(); },
                                              [](VertexId) { return absl::OkStatus(); });
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_GT(loader.counts().spilled_bytes, 40u << 20);
    EXPECT_LT(most, 20u << 20);
    ASSERT_TRUE(w.txn->Commit(Durability::kProcess).ok());
  }
  ExpectClean(store.get());
  store.reset();
  std::filesystem::remove_all(folder);
}

// A large list of parallel edges of which some are gone: the ordinal goes on behind the
// highest there is, though the block that would hold it has none of them.
TEST(GraphLoader, OrdinalsGoOnInBlocksBefore) {
  for (const bool singly : {true, false}) {
    SCOPED_TRACE(singly);
    test::FaultyFileSystem fs;
    auto store = OpenStore(&fs);
    Writing w(store.get());
    Input input;
    for (VertexId v = 0; v < 700; ++v) input.vertices.push_back({v, {}});
    for (int i = 0; i < 1500; ++i) input.edges.push_back({5, "t", 100, 0.1 * i});
    for (VertexId v = 0; v < 700; ++v) input.edges.push_back({5, "t", v});
    AddSingly(&w, input);
    const NameId type = w.Name("t");
    // Down to a place in the middle of a block: of each there are about 100 edges.
    for (uint32_t last = 1500; last > 1000; --last) {
      ASSERT_TRUE(*w.writer->DeleteEdge({5, type, 100, last}));
      if (last % 37 != 0) continue;
      const Input one{{}, {{5, "t", 100, 7}}};
      Reported reported;
      if (singly) {
        EXPECT_EQ(*w.writer->AddEdge(5, type, 100, 7, false), last);
      } else {
        GraphLoaderOptions options;
        options.way = Way::kInPlace;
        ASSERT_TRUE(Load(&w, &fs, one, options).status.ok());
      }
      ASSERT_TRUE(*w.writer->DeleteEdge({5, type, 100, last})) << last;
      ASSERT_TRUE(*w.writer->DeleteEdge({5, type, 100, last - 1})) << last;
      ASSERT_EQ(*w.writer->AddEdge(5, type, 100, 1, false), last - 1);
    }
    ASSERT_TRUE(w.txn->Commit(Durability::kFull).ok());
    ExpectClean(store.get());
  }
}

}  // namespace
}  // namespace sheaf::graph
