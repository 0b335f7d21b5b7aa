// Proves that the commands of docs/operations.md, documents.md, graphs.md, vectors.md,
// merge.md, expiry.md and blobs.md do what is said: each block runs in one folder, one
// after the other, and every command in it succeeds.
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/cli/cli_fixture.h"

namespace sheaf::cli {
namespace {

std::vector<std::string> ShellBlocks(const std::string& text) {
  constexpr char kFence[] = "```sh\n";
  std::vector<std::string> blocks;
  for (size_t at = 0; (at = text.find(kFence, at)) != std::string::npos;) {
    at += sizeof(kFence) - 1;
    blocks.push_back(text.substr(at, text.find("```", at) - at));
  }
  return blocks;
}

class OperationsTest : public CliTest, public testing::WithParamInterface<const char*> {};

INSTANTIATE_TEST_SUITE_P(Docs, OperationsTest,
                         testing::Values("operations", "documents", "graphs", "vectors",
                                         "merge", "expiry", "blobs"));

TEST_P(OperationsTest, EveryCommandSucceeds) {
  std::ifstream in(std::string(SHEAF_SOURCE_DIR "/docs/") + GetParam() + ".md");
  std::stringstream text;
  text << in.rdbuf();
  const std::vector<std::string> blocks = ShellBlocks(text.str());
  ASSERT_GE(blocks.size(), 4u);
  const std::string bin = std::filesystem::path(SHEAF_CLI_PATH).parent_path();
  for (const std::string& block : blocks) {
    test::WriteFile(Path("block.sh"), "set -eo pipefail\nexport PATH=" + bin +
                                          ":$PATH\ncd " + Path("") + "\n" + block);
    const std::string command =
        "bash " + Path("block.sh") + " > " + Path("out") + " 2>&1";
    const int status = std::system(command.c_str());
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0)
        << block << test::ReadFile(Path("out"));
  }
}

}  // namespace
}  // namespace sheaf::cli
