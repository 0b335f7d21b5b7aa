// The vertices and edges of a graph in their trees against a naive model: random changes
// with parallel edges, loops, hubs whose lists come into blocks and back, deleted vertices;
// through savepoints, rollbacks, commits and a reopened file. Both ends of every edge agree,
// degrees and counts are right, and every record and block is valid (RELIABILITY R9, R10).
#include "graph/graph_writer.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <set>
#include <tuple>

#include "pager/status_macros.h"
#include "tests/graph/graph_test_util.h"

namespace sheaf::graph {
namespace {

struct ModelEdge {
  double weight;
  bool has_properties;
  friend bool operator==(const ModelEdge&, const ModelEdge&) = default;
};
using ModelKey = std::tuple<VertexId, std::string, VertexId, uint32_t>;
struct Model {
  std::map<VertexId, std::set<std::string>> vertices;
  std::map<ModelKey, ModelEdge> edges;
  friend bool operator==(const Model&, const Model&) = default;
};

// What the trees hold, in full; and whether they agree with themselves.
absl::StatusOr<Model> Read(const GraphReader& reader, const document::NameTable& names) {
  Model model, in;
  std::map<NameId, uint64_t> counts;
  btree::DenseCursor cursor(reader.graph().context(), &reader.graph().root());
  for (bool valid = cursor.Seek(0); valid; valid = cursor.Next()) {
    SHEAF_RETURN_IF_ERROR(ValidateVertexRecord(cursor.key(), cursor.record()));
    const std::string record(cursor.record());
    const VertexView vertex(cursor.key(), record);
    auto& labels = model.vertices[vertex.id()];
    for (const NameId label : vertex.labels()) {
      labels.insert(std::string(names.NameOf(label)));
      EXPECT_TRUE(vertex.HasLabel(label));
    }
    std::map<std::pair<bool, NameId>, uint64_t> degrees;
    std::vector<AdjacentEdge> edges;
    SHEAF_RETURN_IF_ERROR(reader.VisitEdges(
        vertex, Direction::kBoth, std::nullopt,
        [&](const ListKey& list, const AdjacencyView& some) {
          some.DecodeEdges(&edges);
          degrees[{list.in, list.type}] += edges.size();
          for (const AdjacentEdge& e : edges) {
            const std::string type(names.NameOf(list.type));
            const ModelKey key =
                list.in ? ModelKey{e.neighbour, type, vertex.id(), e.ordinal}
                        : ModelKey{vertex.id(), type, e.neighbour, e.ordinal};
            EXPECT_TRUE((list.in ? in : model)
                            .edges.emplace(key, ModelEdge{e.weight, e.has_properties})
                            .second);
            if (!list.in) ++counts[list.type];
          }
          return true;
        }));
    uint64_t all = 0;
    for (const auto& [list, degree] : degrees) {
      all += degree;
      EXPECT_EQ(degree, vertex.Degree(list.first ? Direction::kIn : Direction::kOut,
                                      list.second));
    }
    EXPECT_EQ(all, vertex.Degree(Direction::kBoth, std::nullopt));
  }
  SHEAF_RETURN_IF_ERROR(cursor.status());
  EXPECT_TRUE(in.edges == model.edges);
  EXPECT_EQ(reader.vertex_count(), model.vertices.size());
  for (NameId name = 0; name < names.size(); ++name) {
    SHEAF_ASSIGN_OR_RETURN(const uint64_t count, reader.EdgeCount(name));
    EXPECT_EQ(count, counts[name]) << names.NameOf(name);
  }
  return model;
}

Model ReadCommitted(catalog::Store* store) {
  const Reading reading(store);
  if (!reading.reader.has_value()) return {};
  const auto model = Read(*reading.reader, reading.schema->names());
  EXPECT_TRUE(model.ok()) << model.status();
  const auto check = store->Check(CheckLevel::kFull, Progress());
  EXPECT_TRUE(check.ok() && check->problems.empty())
      << (check.ok() ? check->problems[0].what : check.status().ToString());
  return *model;
}

class Life {
 public:
  explicit Life(uint32_t seed) : random_(seed) {}

  void Change(Writing* w, Model* model) {
    const uint32_t what = random_() % 100;
    if (model->vertices.size() < 5 || what < 6) return AddVertex(w, model);
    if (what < 8) return DeleteVertex(w, model);
    if (what < 10) return SetLabels(w, model);
    if (what < (shrinks ? 40u : 75u)) return AddEdge(w, model);
    if (model->edges.empty()) return;
    // One that is there, or is beside one that is.
    auto at = model->edges.lower_bound({AnyVertex(*model), "", random_() % 100, 0});
    if (at == model->edges.end()) at = model->edges.begin();
    const auto [from, type, to, ordinal] = at->first;
    const EdgeKey key{from, w->Name(type), to, ordinal};
    if (what < 85) {
      const ModelEdge edge{random_() % 4 / 2.0, random_() % 3 == 0};
      ASSERT_TRUE(*w->writer->SetEdge(key, edge.weight, edge.has_properties));
      at->second = edge;
    } else {
      ASSERT_TRUE(*w->writer->DeleteEdge(key));
      ASSERT_FALSE(*w->writer->DeleteEdge(key));
      model->edges.erase(at);
    }
  }

  bool shrinks = false;

 private:
  VertexId AnyVertex(const Model& model) {
    auto at = model.vertices.lower_bound(random_() % 3 == 0 ? 0 : random_() % 120);
    return at == model.vertices.end() ? model.vertices.begin()->first : at->first;
  }
  std::set<std::string> Labels() {
    std::set<std::string> labels;
    for (uint32_t n = random_() % 3; n > 0; --n)
      labels.insert("label" + std::to_string(random_() % 5));
    return labels;
  }
  std::vector<NameId> NamesOf(Writing* w, const std::set<std::string>& labels) {
    std::vector<NameId> names;
    for (const std::string& label : labels) names.push_back(w->Name(label));
    return names;
  }
  void AddVertex(Writing* w, Model* model) {
    const std::set<std::string> labels = Labels();
    const auto vertex = w->writer->AddVertex(NamesOf(w, labels));
    ASSERT_TRUE(vertex.ok()) << vertex.status();
    ASSERT_TRUE(model->vertices.emplace(*vertex, labels).second);
    ASSERT_TRUE(absl::IsAlreadyExists(w->writer->AddVertexAs(*vertex, {})));
  }
  void SetLabels(Writing* w, Model* model) {
    const VertexId vertex = AnyVertex(*model);
    model->vertices[vertex] = Labels();
    ASSERT_TRUE(w->writer->SetLabels(vertex, NamesOf(w, model->vertices[vertex])).ok());
  }
  void DeleteVertex(Writing* w, Model* model) {
    const VertexId vertex = random_() % 20 == 0 ? 0 : AnyVertex(*model);
    std::set<std::tuple<VertexId, NameId, VertexId, uint32_t>> told, expected;
    const auto deleted = w->writer->DeleteVertex(vertex, [&](const EdgeKey& e) {
      EXPECT_TRUE(told.emplace(e.from, e.type, e.to, e.ordinal).second);
      return absl::OkStatus();
    });
    ASSERT_TRUE(deleted.ok()) << deleted.status();
    ASSERT_EQ(*deleted, model->vertices.erase(vertex) == 1);
    std::erase_if(model->edges, [&](const auto& entry) {
      const auto& [from, type, to, ordinal] = entry.first;
      if (from != vertex && to != vertex) return false;
      if (entry.second.has_properties) expected.emplace(from, w->Name(type), to, ordinal);
      return true;
    });
    ASSERT_TRUE(told == expected);
  }
  void AddEdge(Writing* w, Model* model) {
    const std::string type = "type" + std::to_string(random_() % 3);
    const VertexId from = AnyVertex(*model), to = AnyVertex(*model);
    const ModelEdge edge{random_() % 5 == 0 ? 2.5 : 1.0, random_() % 9 == 0};
    const auto ordinal =
        w->writer->AddEdge(from, w->Name(type), to, edge.weight, edge.has_properties);
    ASSERT_TRUE(ordinal.ok()) << ordinal.status();
    auto last = model->edges.upper_bound({from, type, to, 0xffffffff});
    uint32_t expected = 0;
    if (last != model->edges.begin()) {
      --last;
      const auto& [f, t, n, o] = last->first;
      if (f == from && t == type && n == to) expected = o + 1;
    }
    ASSERT_EQ(*ordinal, expected);
    model->edges[{from, type, to, *ordinal}] = edge;
  }

  std::mt19937 random_;
};

TEST(GraphWriter, RandomLivesMatchTheModel) {
  for (uint32_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed * 77);
    Life life(seed);
    test::FaultyFileSystem fs;
    auto store = OpenStore(&fs);
    Model committed;
    for (int round = 0; round < 24; ++round) {
      life.shrinks = round % 8 >= 5;
      Model model = committed;
      {
        Writing w(store.get());
        for (int i = 0; i < 150 && !testing::Test::HasFailure(); ++i)
          life.Change(&w, &model);
        const uint64_t savepoint = *w.txn->SetSavepoint();
        Model lost = model;
        for (int i = 0; i < 40 && !testing::Test::HasFailure(); ++i)
          life.Change(&w, &lost);
        ASSERT_TRUE(w.txn->RollbackTo(savepoint).ok());
        w.parts->Forget();
        for (int i = 0; i < 40 && !testing::Test::HasFailure(); ++i)
          life.Change(&w, &model);
        ASSERT_FALSE(testing::Test::HasFailure());
        const auto read = Read(w.writer->reader(), (*w.parts->schema())->names());
        ASSERT_TRUE(read.ok()) << read.status();
        ASSERT_TRUE(*read == model);
        if (random() % 5 == 0) continue;  // rolled back
        ASSERT_TRUE(w.txn->Commit(Durability::kProcess).ok());
      }
      committed = model;
      if (random() % 3 == 0) {
        store.reset();
        store = OpenStore(&fs);
      } else if (random() % 3 == 0) {
        ASSERT_TRUE(store->Checkpoint().ok());
      }
      ASSERT_TRUE(ReadCommitted(store.get()) == committed);
      ASSERT_FALSE(testing::Test::HasFailure());
    }
  }
}

// A hub whose edges come and go one by one: its list becomes large and small again.
TEST(GraphWriter, AHubGrowsAndShrinks) {
  test::FaultyFileSystem fs;
  auto store = OpenStore(&fs);
  Writing w(store.get());
  const NameId type = w.Name("knows");
  for (int i = 0; i < 3000; ++i) ASSERT_TRUE(w.writer->AddVertex({}).ok());
  std::mt19937 random(1);
  std::vector<VertexId> others;
  for (VertexId v = 1; v < 3000; ++v) others.push_back(v);
  std::shuffle(others.begin(), others.end(), random);
  Model model;
  for (VertexId v = 0; v < 3000; ++v) model.vertices[v];
  for (const VertexId v : others) {
    ASSERT_EQ(*w.writer->AddEdge(0, type, v, 1, false), 0u);
    model.edges[{0, "knows", v, 0}] = {1, false};
  }
  const document::NameTable& names = (*w.parts->schema())->names();
  EXPECT_TRUE(*Read(w.writer->reader(), names) == model);
  std::shuffle(others.begin(), others.end(), random);
  while (!others.empty()) {
    ASSERT_TRUE(*w.writer->DeleteEdge({0, type, others.back(), 0}));
    model.edges.erase({0, "knows", others.back(), 0});
    others.pop_back();
    if (others.size() % 500 == 0) {
      ASSERT_TRUE(*Read(w.writer->reader(), names) == model);
    }
  }
  // Names and the count are left of the parts.
  EXPECT_EQ(w.parts->tree().root().entries, 2u);
}

// A page whose blocks were all found valid is not looked at again while it is in memory;
// that holds for no page that was written since, and for no page with a block that is not.
TEST(GraphWriter, DamagedBlocksAreFoundInEachVersion) {
  test::FaultyFileSystem fs;
  auto store = OpenStore(&fs);
  {
    Writing w(store.get());
    const NameId type = w.Name("knows");
    for (int i = 0; i < 3000; ++i) ASSERT_TRUE(w.writer->AddVertex({}).ok());
    for (const VertexId hub : {VertexId{0}, VertexId{1}})
      for (VertexId v = 2; v < 3000; ++v)
        ASSERT_TRUE(w.writer->AddEdge(hub, type, v, 1, false).ok());
    ASSERT_TRUE(w.txn->Commit(Durability::kFull).ok());
  }
  // How many edges of a hub there are.
  const auto count = [](const Reading& reading,
                        VertexId hub) -> absl::StatusOr<uint64_t> {
    btree::Found found;
    SHEAF_ASSIGN_OR_RETURN(const auto vertex, reading.reader->Find(hub, &found));
    uint64_t edges = 0;
    SHEAF_RETURN_IF_ERROR(
        reading.reader->VisitEdges(*vertex, Direction::kOut, std::nullopt,
                                   [&](const ListKey&, const AdjacencyView& some) {
                                     edges += some.count();
                                     return true;
                                   }));
    return edges;
  };
  const Reading sound(store.get());
  for (int again = 0; again < 2; ++again)
    for (const VertexId hub : {VertexId{0}, VertexId{1}})
      EXPECT_EQ(*count(sound, hub), 2998u);
  std::string key, block;
  {
    btree::TreeCursor cursor = sound.parts->NewCursor();
    ASSERT_TRUE(cursor.SeekAtOrBefore(VertexPrefix(1)));  // the last of hub 0
    EXPECT_TRUE(cursor.LeafIsChecked());
    key = cursor.key(), block = cursor.value().bytes;
  }
  const auto put = [&](std::string_view bytes) {
    Writing w(store.get());
    bool existed = false;
    ASSERT_TRUE(
        w.parts->tree().Put(key, bytes, btree::BTree::PutMode::kUpsert, &existed).ok());
    ASSERT_TRUE(existed);
    ASSERT_TRUE(w.txn->Commit(Durability::kFull).ok());
  };
  std::string damaged = block;
  damaged.resize(damaged.size() - 1);
  put(damaged);
  const Reading later(store.get());
  for (int again = 0; again < 3; ++again) {
    EXPECT_EQ(count(later, 0).status().code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(*count(later, 1), 2998u);  // of which some are in the same page
    EXPECT_EQ(*count(sound, 0), 2998u);
  }
  put(block);
  EXPECT_EQ(*count(Reading(store.get()), 0), 2998u);
}

TEST(GraphWriter, RefusalsChangeNothing) {
  test::FaultyFileSystem fs;
  auto store = OpenStore(&fs);
  Writing w(store.get());
  ASSERT_EQ(*w.writer->AddVertex({}), 0u);
  ASSERT_EQ(*w.writer->AddVertex({}), 1u);
  const NameId type = w.Name("t");
  EXPECT_TRUE(absl::IsNotFound(w.writer->AddEdge(0, type, 7, 1, false).status()));
  EXPECT_TRUE(absl::IsNotFound(w.writer->AddEdge(7, type, 0, 1, false).status()));
  EXPECT_TRUE(absl::IsNotFound(w.writer->SetLabels(7, {})));
  EXPECT_FALSE(*w.writer->SetEdge({0, type, 1, 0}, 1, false));
  EXPECT_FALSE(
      *w.writer->DeleteVertex(7, [](const EdgeKey&) { return absl::OkStatus(); }));
  EXPECT_TRUE(absl::IsInvalidArgument(w.writer->NameOf("").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(w.writer->NameOf(std::string(65, 'x')).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(w.writer->AddVertexAs(btree::kDenseKeyEnd, {})));
  std::vector<NameId> many;
  for (uint32_t i = 0; i <= kLabelsMax; ++i)
    many.push_back(w.Name("l" + std::to_string(i)));
  EXPECT_TRUE(absl::IsInvalidArgument(w.writer->AddVertex(many).status()));
  // Edges of so many types: as far as the record goes, and no further.
  Model model;
  model.vertices[0], model.vertices[1];
  for (uint32_t i = 0; i <= kListsMax; ++i) {
    const std::string name = "t" + std::to_string(i);
    const auto added = w.writer->AddEdge(0, w.Name(name), 1, i, false);
    ASSERT_EQ(added.ok(), i < kListsMax) << i << added.status();
    if (added.ok()) model.edges[{0, name, 1, 0}] = {static_cast<double>(i), false};
  }
  EXPECT_TRUE(*Read(w.writer->reader(), (*w.parts->schema())->names()) == model);
}

}  // namespace
}  // namespace sheaf::graph
