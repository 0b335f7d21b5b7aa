// Vectors out of files: what is stored, that an error leaves nothing, that a transaction of
// the caller's stays the caller's, and that an import that is cancelled is none.
#include "sheaf/vector_import.h"

#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/api/api_fixture.h"

namespace sheaf::test {
namespace {

class VectorImportTest : public ApiTest {
 protected:
  static VectorImportOptions Making(uint32_t dimensions = 0) {
    VectorImportOptions options;
    options.index.emplace().metric = Metric::kL2;
    options.index->dimensions = dimensions;
    return options;
  }
  absl::Status Import(const std::string& bytes, VectorFormat format,
                      const VectorImportOptions& options) {
    std::istringstream in(bytes);
    return ImportVectors(db_.get(), "v", {.format = format, .in = &in, .lines = nullptr},
                         options, &counts_);
  }
  // Of bytes, each 1 to 9 as a digit.
  static std::string Bvecs(std::initializer_list<std::string> vectors) {
    std::string bytes;
    for (const std::string& digits : vectors) {
      bytes += std::string{static_cast<char>(digits.size()), 0, 0, 0};
      for (const char digit : digits) bytes.push_back(static_cast<char>(digit - '0'));
    }
    return bytes;
  }
  uint64_t Size() {
    const ReadTransaction read = db_->BeginRead();
    const auto index = read.vectors("v");
    return index.ok() ? index->size().value_or(0) : 0;
  }
  bool IsThere() { return db_->BeginRead().vectors("v").ok(); }

  VectorImportCounts counts_;
};

TEST_F(VectorImportTest, MakesTheIndexOfTheFirstVector) {
  ASSERT_TRUE(Import(Bvecs({"12", "34"}), VectorFormat::kBvecs, Making()).ok());
  EXPECT_TRUE(counts_.made);
  EXPECT_EQ(counts_.vectors, 2u);
  const ReadTransaction read = db_->BeginRead();
  const auto index = read.vectors("v");
  ASSERT_TRUE(index.ok());
  EXPECT_EQ(index->options().dimensions, 2u);
  EXPECT_EQ(index->options().metric, Metric::kL2);
  EXPECT_EQ(*index->Get(1), (std::vector<float>{3, 4}));
}

TEST_F(VectorImportTest, IntoOneThatIsThere) {
  ASSERT_TRUE(Import(Bvecs({"12"}), VectorFormat::kBvecs, Making()).ok());
  VectorImportOptions as_it_is;
  as_it_is.first_key = -1;
  ASSERT_TRUE(Import(Bvecs({"56", "78"}), VectorFormat::kBvecs, as_it_is).ok());
  EXPECT_FALSE(counts_.made);
  EXPECT_EQ(counts_.vectors, 2u);
  EXPECT_EQ(counts_.replaced, 1u);
  EXPECT_EQ(Size(), 2u);
  VectorImportOptions others = Making();
  others.index->m = 5;
  EXPECT_TRUE(
      absl::IsFailedPrecondition(Import(Bvecs({"12"}), VectorFormat::kBvecs, others)));
  EXPECT_TRUE(Import(Bvecs({"12"}), VectorFormat::kBvecs, Making()).ok());
}

TEST_F(VectorImportTest, AllOrNothing) {
  EXPECT_TRUE(absl::IsNotFound(
      Import(Bvecs({"12"}), VectorFormat::kBvecs, VectorImportOptions())));
  EXPECT_TRUE(absl::IsInvalidArgument(Import("", VectorFormat::kBvecs, Making())));
  EXPECT_FALSE(IsThere());
  EXPECT_TRUE(Import("", VectorFormat::kBvecs, Making(7)).ok());
  EXPECT_TRUE(IsThere());
  const absl::Status narrow = Import(Bvecs({"12"}), VectorFormat::kBvecs, Making());
  EXPECT_EQ(narrow.message(), "vector 0 (byte 0): vector of 2 components: v has 7");
  const absl::Status cut =
      Import(Bvecs({"1234567"}) + "\7", VectorFormat::kBvecs, Making());
  EXPECT_EQ(cut.message(), "vector 1 (byte 11): cut short: 1 of 4 bytes");
  EXPECT_EQ(counts_.vectors, 0u);
  EXPECT_EQ(Size(), 0u);
  EXPECT_TRUE(absl::IsInvalidArgument(
      ImportVectors(db_.get(), "v", VectorSource(), Making(), &counts_)));
}

TEST_F(VectorImportTest, Lines) {
  const std::string lines =
      "\xEF\xBB\xBF{\"_id\":\"a\",\"vector\":[1,2.5],\"x\":{\"y\":[1,null]}}\r\n \t\n"
      "{\"vector\":[8,-3],\"_id\":-9}";
  ASSERT_TRUE(Import(lines, VectorFormat::kJsonLines, Making()).ok());
  EXPECT_EQ(counts_.vectors, 2u);
  const ReadTransaction read = db_->BeginRead();
  const auto index = read.vectors("v");
  EXPECT_EQ(*index->Get("a"), (std::vector<float>{1, 2.5}));
  EXPECT_EQ(*index->Metadata("a"), R"({"x":{"y":[1,null]}})");
  EXPECT_EQ(*index->Get(-9), (std::vector<float>{8, -3}));
  EXPECT_EQ(*index->Metadata(-9), std::nullopt);
  const absl::Status wrong = Import("{\"_id\":1,\"vector\":[1,2]}\n{}",
                                    VectorFormat::kJsonLines, VectorImportOptions());
  EXPECT_EQ(wrong.message(), "line 2: has no field _id, its key");
  EXPECT_EQ(Size(), 2u);
}

TEST_F(VectorImportTest, InATransactionOfTheCallers) {
  WriteTransaction txn = Begin();
  auto index = txn.vectors("v", {.dimensions = 1});
  ASSERT_TRUE(index.ok());
  ASSERT_TRUE(index->Put("mine", std::vector<float>{1}).ok());
  std::istringstream in(Bvecs({"1", "2"}));
  ASSERT_TRUE(ImportVectors(&*index,
                            {.format = VectorFormat::kBvecs, .in = &in, .lines = nullptr},
                            VectorImportOptions(), &counts_)
                  .ok());
  EXPECT_EQ(*index->size(), 3u);
  EXPECT_EQ(Size(), 0u);
  ASSERT_TRUE(txn.Commit().ok());
  EXPECT_EQ(Size(), 3u);
}

TEST_F(VectorImportTest, CancelledIsNone) {
  std::string lines;
  for (int i = 0; i < 2000; ++i)
    lines += absl::StrCat("{\"_id\":", i, ",\"vector\":[", i, ",1]}\n");
  VectorImportOptions options = Making();
  uint64_t calls = 0;
  options.progress.report = [&](const Progress::State& state) {
    EXPECT_EQ(state.done, 256 * ++calls);
    return calls < 3;
  };
  EXPECT_TRUE(absl::IsCancelled(Import(lines, VectorFormat::kJsonLines, options)));
  EXPECT_EQ(calls, 3u);
  EXPECT_FALSE(IsThere());
  options.progress = {};
  options.progress.deadline = absl::InfinitePast();
  EXPECT_TRUE(absl::IsDeadlineExceeded(Import(lines, VectorFormat::kJsonLines, options)));
  EXPECT_FALSE(IsThere());
}

TEST_F(VectorImportTest, ReadsUntilToldToStop) {
  std::istringstream in(Bvecs({"12", "34", "56"}));
  std::vector<float> all;
  const absl::Status read =
      ReadVectors(in, VectorFormat::kBvecs, [&](absl::Span<const float> vector) {
        all.insert(all.end(), vector.begin(), vector.end());
        return all.size() < 4;
      });
  EXPECT_TRUE(read.ok()) << read;
  EXPECT_EQ(all, (std::vector<float>{1, 2, 3, 4}));
  EXPECT_TRUE(absl::IsInvalidArgument(ReadVectors(
      in, VectorFormat::kJsonLines, [](absl::Span<const float>) { return true; })));
}

TEST(VectorOf, Values) {
  const auto of = [](const char* json) {
    const auto document = Document::FromJson(json);
    EXPECT_TRUE(document.ok()) << json;
    return VectorOf(document->root());
  };
  EXPECT_EQ(*of("[1, -2.5, 18446744073709551615]"),
            (std::vector<float>{1, -2.5, 18446744073709551616.0f}));
  EXPECT_EQ(*of(R"({"$vector": [0.5]})"), (std::vector<float>{0.5}));
  EXPECT_TRUE(of("[]")->empty());
  EXPECT_TRUE(std::isnan(of(R"([{"$numberDouble": "NaN"}])")->at(0)));
  EXPECT_TRUE(std::isinf(of(R"([{"$numberDouble": "Infinity"}])")->at(0)));
  for (const char* wrong : {"1", "\"1\"", "{}", "null", "[null]", "[[1]]", "[\"1\"]"})
    EXPECT_TRUE(absl::IsInvalidArgument(of(wrong).status())) << wrong;
  EXPECT_EQ(of("[0, -1e39]").status().message(), "component 1 does not fit a float");
}

TEST(VectorFormat, OfNames) {
  EXPECT_EQ(VectorFormatOfName("a.fvecs"), VectorFormat::kFvecs);
  EXPECT_EQ(VectorFormatOfName("b/a.bvecs"), VectorFormat::kBvecs);
  EXPECT_EQ(VectorFormatOfName(".npy"), VectorFormat::kNpy);
  EXPECT_EQ(VectorFormatOfName("a.jsonl"), VectorFormat::kJsonLines);
  EXPECT_EQ(VectorFormatOfName("a.npy.gz"), std::nullopt);
  EXPECT_EQ(VectorFormatOfName(""), std::nullopt);
}

}  // namespace
}  // namespace sheaf::test
