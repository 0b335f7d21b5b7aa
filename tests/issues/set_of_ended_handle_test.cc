// A set of vectors was told to belong to a handle by the handle's address, which the next
// handle may have again. Its slots, and a copy of codes of another length, were used then.
#include <gtest/gtest.h>

#include "tests/api/api_fixture.h"

namespace sheaf {
namespace {

using Floats = std::vector<float>;

class SetOfEndedHandleTest : public test::ApiTest {
 protected:
  void Fill(const char* name, uint32_t dimensions) {
    ASSERT_TRUE(db_->Write([&](WriteTransaction& txn) -> absl::Status {
                     VectorOptions options;
                     options.dimensions = dimensions;
                     options.metric = Metric::kL2;
                     SHEAF_ASSIGN_OR_RETURN(VectorIndex index,
                                            txn.vectors(name, options));
                     for (int i = 0; i < 50; ++i)
                       SHEAF_RETURN_IF_ERROR(
                           index.Put(i, Floats(dimensions, static_cast<float>(i))));
                     return absl::OkStatus();
                   })
                    .ok());
    ASSERT_TRUE(db_->OptimizeVectors(name).ok());
  }
};

TEST_F(SetOfEndedHandleTest, IsRefusedByTheNext) {
  Fill("short", 4);
  Fill("long", 300);
  for (int round = 0; round < 50; ++round) {
    VectorSet set;
    {
      const ReadTransaction read = db_->BeginRead();
      const VectorIndexReader index = *read.vectors("short");
      set = *index.Select({1, 2, 3});
      for (int use = 0; use < 3; ++use)
        ASSERT_EQ(index.Search(Floats(4, 0), {.among = &set})->matches.size(), 3u);
    }
    const ReadTransaction read = db_->BeginRead();
    const VectorIndexReader index = *read.vectors("long");
    EXPECT_TRUE(
        absl::IsInvalidArgument(index.Search(Floats(300, 0), {.among = &set}).status()));
  }
}

}  // namespace
}  // namespace sheaf
