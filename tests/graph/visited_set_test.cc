// VisitedSet against a std::set: ids near and far, few and many, so that they are in its
// table, in its bitmap, and in both.
#include "graph/visited_set.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace sheaf::graph {
namespace {

TEST(VisitedSet, AgreesWithASet) {
  std::mt19937_64 random(1);
  for (const uint64_t vertices :
       {uint64_t{0}, uint64_t{10}, uint64_t{5000}, uint64_t{1} << 40}) {
    for (const uint64_t end : {uint64_t{600}, uint64_t{100'000}, uint64_t{1} << 53}) {
      VisitedSet set(vertices % 1'000'000);
      std::set<VertexId> model;
      for (int i = 0; i < 20'000; ++i) {
        const VertexId id =
            random() % 4 == 0 ? random() % (uint64_t{1} << 53) : random() % end;
        ASSERT_EQ(set.Contains(id), model.contains(id));
        ASSERT_EQ(set.Insert(id), model.insert(id).second);
        ASSERT_TRUE(set.Contains(id));
      }
      std::vector<VertexId> ids(model.begin(), model.end()), more;
      for (int i = 0; i < 1000; ++i) ids.push_back(random() % end);
      for (const VertexId id : ids)
        if (model.insert(id).second) more.push_back(id);
      ids.resize(set.KeepFresh(ids.data(), ids.size()));
      EXPECT_EQ(ids, more);
      EXPECT_GT(set.bytes(), 0u);
    }
  }
}

TEST(VisitedSet, OfCloseIdsTakesLittleMemory) {
  VisitedSet set(1'000'000);
  for (VertexId id = 0; id < 1'000'000; ++id) ASSERT_TRUE(set.Insert(id));
  EXPECT_LT(set.bytes(), 200'000u);
}

}  // namespace
}  // namespace sheaf::graph
