// Files with vector indexes of formats 1 and 2 stay readable: a graph with levels, what
// awaits linking, free slots, vectors in pieces, bits, metadata, an index on a field. What
// this library writes today has the same records as the second. SHEAF_WRITE_GOLDEN=1 writes
// that anew.
#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/golden/golden_util.h"
#include "tests/support/command.h"

namespace sheaf::test {
namespace {

using Floats = std::vector<float>;

constexpr char kFormat1[] = "v1-vectors.sheaf", kFormat2[] = "v1-vectors2.sheaf";

std::string GoldenPath(const char* name) {
  return absl::StrCat(SHEAF_SOURCE_DIR, "/tests/golden/", name);
}

// Whole numbers, which every processor adds up alike.
Floats VectorOf(int number, int dimensions) {
  Floats vector;
  for (int i = 0; i < dimensions; ++i)
    vector.push_back(
        static_cast<float>((number * 37 + i * i * 11 + number * i) % 101 - 50));
  return vector;
}

absl::Status Fill(WriteTransaction& txn) {
  VectorOptions near{.dimensions = 5, .metric = Metric::kL2, .m = 4};
  SHEAF_ASSIGN_OR_RETURN(VectorIndex index, txn.vectors("near", near));
  for (int i = 0; i < 200; ++i)
    SHEAF_RETURN_IF_ERROR(index.Put(i, VectorOf(i, 5), absl::StrCat(R"({"n":)", i, "}")));
  VectorOptions large{.dimensions = 1100, .metric = Metric::kL2};
  SHEAF_ASSIGN_OR_RETURN(VectorIndex pieces, txn.vectors("pieces", large));
  for (const char* key : {"a", "b", "c"})
    SHEAF_RETURN_IF_ERROR(pieces.Put(key, VectorOf(key[0], 1100)));
  VectorOptions of_bits{
      .dimensions = 12, .metric = Metric::kHamming, .element = Element::kBit};
  SHEAF_ASSIGN_OR_RETURN(VectorIndex bits, txn.vectors("bits", of_bits));
  SHEAF_RETURN_IF_ERROR(bits.Put(1, VectorView::Bytes("\x5a\x03")));
  SHEAF_ASSIGN_OR_RETURN(Collection c, txn.collection("c"));
  SHEAF_RETURN_IF_ERROR(c.Put("x", R"({"at":[1,2,3,4,5]})"));
  return c.CreateVectorIndex("field", "at", near);
}

std::string MakeVectors() {
  auto fs = pager::NewMemoryFileSystem();
  WriteWholeFile(fs.get(), kPath, MakeFile(Fill));
  Options options;
  options.file_system = fs.get();
  options.background_linking = false;
  auto db = *Database::Open(kPath, options);
  for (const char* name : {"near", "pieces", "bits"})
    EXPECT_TRUE(db->OptimizeVectors(name, {.threads = 1}).ok());
  EXPECT_TRUE(db->Write([](WriteTransaction& txn) -> absl::Status {
                  SHEAF_ASSIGN_OR_RETURN(VectorIndex index, txn.vectors("near"));
                  for (const int key : {3, 50, 51})
                    SHEAF_RETURN_IF_ERROR(index.Delete(key).status());
                  return index.Put(1000, VectorOf(1000, 5));
                }).ok());
  EXPECT_TRUE(db->Close().ok());
  db.reset();
  return ReadWholeFile(fs.get(), kPath);
}

class WriteGolden : public testing::Environment {
  void SetUp() override {
    if (std::getenv("SHEAF_WRITE_GOLDEN") != nullptr)
      WriteFile(GoldenPath(kFormat2), MakeVectors());
  }
};
testing::Environment* const kWriteGolden =
    testing::AddGlobalTestEnvironment(new WriteGolden);

class VectorGolden : public testing::TestWithParam<const char*> {
 protected:
  VectorGolden() {
    WriteWholeFile(fs_.get(), kPath, ReadFile(GoldenPath(GetParam())));
    Options options;
    options.file_system = fs_.get();
    options.background_linking = false;
    db_ = *Database::Open(kPath, options);
  }
  void ExpectClean() {
    const CheckReport report = *db_->Check();
    for (const CheckFinding& f : report.findings) ADD_FAILURE() << f.what;
  }

  std::unique_ptr<pager::FileSystem> fs_ = pager::NewMemoryFileSystem();
  std::unique_ptr<Database> db_;
};

INSTANTIATE_TEST_SUITE_P(Formats, VectorGolden, testing::Values(kFormat1, kFormat2));

TEST_P(VectorGolden, Opens) {
  ExpectClean();
  const ReadTransaction read = db_->BeginRead();
  const VectorIndexReader near = *read.vectors("near");
  EXPECT_EQ(*near.size(), 198u);
  EXPECT_EQ(*near.Get(7), VectorOf(7, 5));
  EXPECT_EQ(*near.Metadata(7), R"({"n":7})");
  const VectorStats stats = *near.Stats();
  EXPECT_EQ(stats.pending, 1u);
  EXPECT_EQ(stats.stale, 3u);
  EXPECT_GT(stats.nodes_by_level.size(), 1u);
  EXPECT_EQ(near.Search(VectorOf(9, 5), {.k = 1, .ef = 200, .plan = VectorPlan::kGraph})
                ->matches.at(0)
                .key,
            DocumentKey(9));
  EXPECT_EQ(*read.vectors("pieces")->Get("b"), VectorOf('b', 1100));
  EXPECT_EQ(*read.vectors("bits")->GetBytes(1), "\x5a\x03");
  EXPECT_EQ(*read.vectors("field")->Get("x"), (Floats{1, 2, 3, 4, 5}));
}

TEST_P(VectorGolden, IsWritten) {
  const absl::Status written = db_->Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(VectorIndex near, txn.vectors("near"));
    for (int key = 100; key < 150; ++key)
      SHEAF_RETURN_IF_ERROR(near.Delete(key).status());
    SHEAF_RETURN_IF_ERROR(near.Put(9, VectorOf(10, 5)));
    return near.Put(2000, VectorOf(11, 5));
  });
  ASSERT_TRUE(written.ok()) << written;
  ASSERT_TRUE(db_->OptimizeVectors("near").ok());
  ExpectClean();
  // Of 5 dimensions and 8 links, in the format that it was made in.
  ASSERT_TRUE(db_->Close().ok());
  const Content trees = TreesOf(ReadWholeFile(fs_.get(), kPath));
  size_t count = 0;
  for (const auto& [name, records] : trees) {
    if (!absl::EndsWith(name, ".nodes") || records.size() < 100) continue;
    for (const auto& [key, record] : records) {
      EXPECT_EQ(record.size(), GetParam() == kFormat1 ? 10 + 21 + 32u : 8 + 21 + 27 + 1u);
      ++count;
    }
  }
  EXPECT_EQ(count, 149u);
}

TEST(VectorGoldenToday, HasTheSameRecords) {
  const Content golden = TreesOf(ReadFile(GoldenPath(kFormat2))),
                today = TreesOf(MakeVectors());
  EXPECT_EQ(golden.size(),
            15u);  // that are not empty
  EXPECT_TRUE(golden == today);
}

}  // namespace
}  // namespace sheaf::test
