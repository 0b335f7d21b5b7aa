// Proves that the program README.md shows is examples/quickstart.cc, which is built
// and run by the tests: the code block behind the marker equals the file.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

namespace sheaf {
namespace {

constexpr char kMarker[] = "<!-- examples/quickstart.cc -->\n";

std::string ReadFile(const std::string& name) {
  std::ifstream in(std::string(SHEAF_SOURCE_DIR) + "/" + name, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(Readme, ShowsTheQuickstart) {
  const std::string readme = ReadFile("README.md");
  const std::string program = ReadFile("examples/quickstart.cc");
  ASSERT_FALSE(program.empty());
  const size_t marker = readme.find(kMarker);
  if (marker == std::string::npos)
    GTEST_SKIP() << "README.md has no line " << kMarker << "yet";
  const size_t fence = readme.find("```", marker);
  ASSERT_NE(fence, std::string::npos) << "no code block behind the marker";
  const size_t begin = readme.find('\n', fence) + 1;
  const size_t end = readme.find("```", begin);
  ASSERT_NE(end, std::string::npos) << "the code block does not end";
  EXPECT_EQ(readme.substr(begin, end - begin), program)
      << "copy examples/quickstart.cc into README.md";
}

}  // namespace
}  // namespace sheaf
