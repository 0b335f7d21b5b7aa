// Proves that the programs README.md and docs/ show are those of examples/, which are
// built and run by the tests: the code block behind the marker equals the file, or stands
// in it word for word where the marker says "part of".
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

namespace sheaf {
namespace {

std::string ReadFile(const std::string& name) {
  std::ifstream in(std::string(SHEAF_SOURCE_DIR) + "/" + name, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// The code block behind `marker`; empty, and a failure, when there is none.
std::string BlockBehind(const std::string& page, const std::string& marker) {
  const std::string text = ReadFile(page);
  const size_t at = text.find(marker);
  const size_t fence = at == std::string::npos ? at : text.find("```", at);
  const size_t begin = fence == std::string::npos ? fence : text.find('\n', fence);
  const size_t end = begin == std::string::npos ? begin : text.find("```", begin);
  if (end == std::string::npos) {
    ADD_FAILURE() << page << " has no line " << marker << "with a code block behind it";
    return "";
  }
  return text.substr(begin + 1, end - begin - 1);
}

void ExpectShows(const std::string& page, const std::string& example) {
  const std::string program = ReadFile(example);
  ASSERT_FALSE(program.empty());
  EXPECT_EQ(BlockBehind(page, "<!-- " + example + " -->\n"), program)
      << "copy " << example << " into " << page;
}

void ExpectShowsPartOf(const std::string& page, const std::string& example) {
  const std::string block = BlockBehind(page, "<!-- part of " + example + " -->\n");
  ASSERT_FALSE(block.empty());
  EXPECT_NE(ReadFile(example).find(block), std::string::npos)
      << "what " << page << " shows is not in " << example << ":\n"
      << block;
}

TEST(Readme, ShowsItsExamples) {
  ExpectShows("README.md", "examples/quickstart.cc");
  ExpectShows("docs/documents.md", "examples/documents.cc");
  ExpectShows("docs/graphs.md", "examples/graph.cc");
  ExpectShows("docs/vectors.md", "examples/vectors.cc");
  ExpectShows("docs/merge.md", "examples/merge.cc");
  ExpectShows("docs/expiry.md", "examples/expiry.cc");
  ExpectShows("docs/blobs.md", "examples/blobs.cc");
  ExpectShowsPartOf("README.md", "examples/multimap_table.cc");
}

}  // namespace
}  // namespace sheaf
