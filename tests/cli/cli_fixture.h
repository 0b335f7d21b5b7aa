// CliTest: a folder of its own for each test, and the command run in it.
#ifndef TESTS_CLI_CLI_FIXTURE_H_
#define TESTS_CLI_CLI_FIXTURE_H_
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/command.h"

namespace sheaf::cli {

class CliTest : public testing::Test {
 protected:
  using Words = std::vector<std::string>;

  CliTest() {
    char pattern[] = "/tmp/sheaf_cli_XXXXXX";
    folder_ = mkdtemp(pattern);
    // So that a test may run the command as another user.
    std::filesystem::permissions(folder_, std::filesystem::perms(0755));
  }
  ~CliTest() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return (folder_ / name).string(); }

  Words FilesInFolder() const {
    Words names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  static test::Outcome Run(Words args, std::string_view input = "") {
    return test::RunCommand({std::move(args)}, input);
  }

  // `args` with --json: it succeeds and prints one JSON value.
  static nlohmann::json RunJson(Words args, std::string_view input = "") {
    args.insert(args.begin() + 1, "--json");
    test::Outcome outcome = Run(args, input);
    EXPECT_EQ(outcome.exit, 0) << outcome.err;
    nlohmann::json value = nlohmann::json::parse(outcome.out, nullptr, false);
    EXPECT_FALSE(value.is_discarded()) << outcome.out;
    return value;
  }

  // `args` fail with `exit` and a message, which is returned; with --json the
  // same is said by an object.
  static std::string ExpectFailure(int exit, Words args, std::string_view input = "") {
    test::Outcome plain = Run(args, input);
    EXPECT_EQ(plain.exit, exit) << plain.err;
    EXPECT_TRUE(plain.err.starts_with("sheaf: ")) << plain.err;
    nlohmann::json error = ErrorOf(args, input);
    EXPECT_EQ(error.value("exit", -1), exit) << error;
    EXPECT_NE(error.value("message", ""), "") << error;
    return plain.err;
  }

  // What a command that fails prints with --json.
  static nlohmann::json ErrorOf(Words args, std::string_view input = "") {
    args.insert(args.begin(), "--json");
    test::Outcome outcome = Run(args, input);
    nlohmann::json json = nlohmann::json::parse(outcome.err, nullptr, false);
    EXPECT_TRUE(json.is_object() && json["error"].is_object()) << outcome.err;
    if (!json.is_object()) return nlohmann::json::object();
    EXPECT_EQ(json["error"].value("exit", -1), outcome.exit);
    return json["error"];
  }

  // A file with the collection "notes": keys 1 to 3, "42" and "today".
  std::string NotesFile() const {
    std::string file = Path("a.sheaf");
    std::string lines = "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n";
    EXPECT_EQ(Run({"import", file, "notes"}, lines).exit, 0);
    EXPECT_EQ(Run({"put", file, "notes", "\"42\"", "\"text\""}).exit, 0);
    EXPECT_EQ(Run({"put", file, "notes", "today", "{\"n\":5}"}).exit, 0);
    return file;
  }

  std::filesystem::path folder_;
};

}  // namespace sheaf::cli
#endif  // TESTS_CLI_CLI_FIXTURE_H_
