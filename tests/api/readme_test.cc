// Proves that the programs README.md and docs/ show are those of examples/, which are
// built and run by the tests: the code block behind the marker equals the file.
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

void ExpectShows(const std::string& page, const std::string& example) {
  const std::string marker = "<!-- " + example + " -->\n";
  const std::string text = ReadFile(page);
  const std::string program = ReadFile(example);
  ASSERT_FALSE(program.empty());
  const size_t at = text.find(marker);
  ASSERT_NE(at, std::string::npos) << page << " has no line " << marker;
  const size_t fence = text.find("```", at);
  ASSERT_NE(fence, std::string::npos) << "no code block behind the marker";
  const size_t begin = text.find('\n', fence) + 1;
  const size_t end = text.find("```", begin);
  ASSERT_NE(end, std::string::npos) << "the code block does not end";
  EXPECT_EQ(text.substr(begin, end - begin), program)
      << "copy " << example << " into " << page;
}

TEST(Readme, ShowsItsExamples) {
  ExpectShows("README.md", "examples/quickstart.cc");
  ExpectShows("docs/documents.md", "examples/documents.cc");
}

}  // namespace
}  // namespace sheaf
