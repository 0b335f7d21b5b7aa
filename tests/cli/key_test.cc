// Keys on the command line: what a key file opens nothing else does, each mistake has a
// message of its own, and a passphrase is asked for without echo, twice for a new file.
// (RELIABILITY R13, B36)
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "tests/cli/cli_fixture.h"

namespace sheaf::cli {
namespace {

using test::ReadFile;
using test::WriteFile;

class KeyTest : public CliTest {
 protected:
  KeyTest() {
    WriteFile(key_, "\x01\xff\n" + std::string(29, '!'));  // bytes of every kind
    WriteFile(wrong_key_, std::string(64, 'a') + "\n");
  }
  const std::string file_ = Path("secret.sheaf");
  const std::string key_ = Path("key"), wrong_key_ = Path("wrong.key");
};

TEST_F(KeyTest, AKeyFileOpensWhatItMade) {
  ASSERT_EQ(ReadFile(key_).size(), 32u);
  ASSERT_EQ(Run({"put", file_, "notes", "k", "{\"a\":1}", "--key-file", key_}).exit, 0);
  EXPECT_EQ(ReadFile(file_).find("notes"), std::string::npos);
  EXPECT_EQ(Run({"get", file_, "notes", "k", "--key-file", key_}).out, "{\"a\": 1}\n");
  for (const char* command : {"list", "stat", "check", "checkpoint"})
    EXPECT_EQ(Run({command, file_, "--key-file", key_}).exit, 0) << command;
  EXPECT_EQ(Run({"scan", file_, "notes", "--key-file", key_}).exit, 0);
  EXPECT_EQ(Run({"dump", file_, "2", "--key-file", key_}).exit, 0);
  EXPECT_EQ(Run({"delete", file_, "notes", "k", "--key-file", key_}).exit, 0);
  EXPECT_EQ(Run({"import", file_, "notes", "--key-file", key_}, "{}\n{}\n").exit, 0);
}

TEST_F(KeyTest, EachMistakeIsTold) {
  ASSERT_EQ(Run({"put", file_, "notes", "k", "1", "--key-file", key_}).exit, 0);
  const std::string bytes = ReadFile(file_);
  const std::string missing = ExpectFailure(5, {"get", file_, "notes", "k"});
  EXPECT_NE(missing.find("is encrypted"), std::string::npos) << missing;
  EXPECT_NE(missing.find("--key-file"), std::string::npos) << missing;
  const std::string wrong =
      ExpectFailure(5, {"put", file_, "notes", "k", "2", "--key-file", wrong_key_});
  EXPECT_NE(wrong.find("the key is wrong"), std::string::npos) << wrong;
  EXPECT_EQ(ReadFile(file_), bytes);
  const std::string plain = Path("plain.sheaf");
  ASSERT_EQ(Run({"put", plain, "notes", "k", "1"}).exit, 0);
  const std::string too_many =
      ExpectFailure(2, {"get", plain, "notes", "k", "--key-file", key_});
  EXPECT_NE(too_many.find("is not encrypted"), std::string::npos) << too_many;
  WriteFile(Path("short"), "too short");
  EXPECT_NE(ExpectFailure(2, {"list", file_, "--key-file", Path("short")})
                .find("64 hexadecimal digits"),
            std::string::npos);
  EXPECT_NE(ExpectFailure(2, {"list", file_, "--key-file", Path("absent")})
                .find(Path("absent")),
            std::string::npos);
  ExpectFailure(2, {"list", file_, "--key-file", key_, "--passphrase"});
}

// Runs the command on a terminal of its own. Each of `lines` answers a prompt.
struct Dialogue {
  int exit = -1;
  std::string shown;
};
Dialogue OnTerminal(const std::vector<std::string>& args,
                    const std::vector<std::string>& lines) {
  int terminal = -1;
  const pid_t pid = forkpty(&terminal, nullptr, nullptr, nullptr);
  if (pid == 0) {
    std::vector<char*> argv = {const_cast<char*>(SHEAF_CLI_PATH)};
    for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
    argv.push_back(nullptr);
    execv(argv[0], argv.data());
    _exit(127);
  }
  Dialogue dialogue;
  size_t answered = 0, prompts_end = 0;
  char bytes[256];
  for (ssize_t n; (n = read(terminal, bytes, sizeof(bytes))) > 0;) {
    dialogue.shown.append(bytes, static_cast<size_t>(n));
    const size_t prompt = dialogue.shown.find(": ", prompts_end);
    const bool asks = prompt != std::string::npos && prompt + 2 == dialogue.shown.size();
    if (!asks || answered == lines.size()) continue;
    prompts_end = dialogue.shown.size();
    const std::string line = lines[answered++] + "\n";
    EXPECT_EQ(write(terminal, line.data(), line.size()),
              static_cast<ssize_t>(line.size()));
  }
  close(terminal);
  int status = 0;
  waitpid(pid, &status, 0);
  dialogue.exit = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return dialogue;
}

TEST_F(KeyTest, APassphraseIsAskedWithoutEcho) {
  const Dialogue differing =
      OnTerminal({"put", file_, "notes", "k", "1", "--passphrase"}, {"sesame", "sesamy"});
  EXPECT_EQ(differing.exit, 2) << differing.shown;
  EXPECT_NE(differing.shown.find("differ"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(file_));
  const Dialogue made =
      OnTerminal({"put", file_, "notes", "k", "1", "--passphrase"}, {"sesame", "sesame"});
  EXPECT_EQ(made.exit, 0) << made.shown;
  EXPECT_EQ(made.shown.find("sesame"), std::string::npos) << made.shown;
  const Dialogue opened =
      OnTerminal({"get", file_, "notes", "k", "--passphrase"}, {"sesame"});
  EXPECT_EQ(opened.exit, 0) << opened.shown;
  EXPECT_NE(opened.shown.find('1'), std::string::npos) << opened.shown;
  const Dialogue wrong =
      OnTerminal({"get", file_, "notes", "k", "--passphrase"}, {"sesamy"});
  EXPECT_EQ(wrong.exit, 5) << wrong.shown;
  EXPECT_NE(wrong.shown.find("the passphrase is wrong"), std::string::npos);
  EXPECT_NE(ExpectFailure(5, {"get", file_, "notes", "k", "--key-file", key_})
                .find("opened by a passphrase"),
            std::string::npos);
}

}  // namespace
}  // namespace sheaf::cli
