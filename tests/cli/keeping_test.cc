// backup, restore, verify-backup, compact, compress, rekey and rotate from the command line: what
// each does and prints, what it refuses, and the exit codes.
#include <cstdlib>
#include <string>

#include "tests/cli/cli_fixture.h"

namespace sheaf::cli {
namespace {

using test::ReadFile;
using test::WriteFile;

class KeepingTest : public CliTest {
 protected:
  KeepingTest() : file_(NotesFile()) { WriteFile(key_, std::string(32, 'k')); }
  std::string Scan(const std::string& file, Words key = {}) {
    Words args = {"scan", file, "notes", "--json"};
    args.insert(args.end(), key.begin(), key.end());
    const test::Outcome outcome = Run(args);
    EXPECT_EQ(outcome.exit, 0) << outcome.err;
    return outcome.out;
  }
  const std::string file_;
  const std::string copy_ = Path("copy.sheaf"), key_ = Path("key");
};

TEST_F(KeepingTest, ABackupComesBack) {
  const auto made = RunJson({"backup", file_, copy_});
  EXPECT_EQ(made["file"], copy_);
  EXPECT_EQ(made["bytes"], std::filesystem::file_size(copy_));
  EXPECT_EQ(Scan(copy_), Scan(file_));
  EXPECT_EQ(Run({"verify-backup", copy_}).exit, 0);
  EXPECT_TRUE(RunJson({"verify-backup", copy_, "--level", "full"})["ok"]);
  const std::string before = ReadFile(file_);
  const std::string there = ExpectFailure(5, {"backup", file_, copy_});
  EXPECT_NE(there.find("--force"), std::string::npos) << there;
  EXPECT_EQ(Run({"backup", file_, copy_, "--force"}).exit, 0);
  ExpectFailure(2, {"backup", file_, file_, "--force"});
  EXPECT_EQ(ReadFile(file_), before);
  const std::string expected = Scan(file_);
  ASSERT_EQ(Run({"put", file_, "notes", "later", "1"}).exit, 0);
  ExpectFailure(5, {"restore", copy_, file_});
  EXPECT_NE(Scan(file_), expected);
  EXPECT_EQ(RunJson({"restore", copy_, file_, "--force"})["bytes"],
            std::filesystem::file_size(copy_));
  EXPECT_EQ(Scan(file_), expected);
}

TEST_F(KeepingTest, ABackupGoesThroughAPipe) {
  const test::Outcome out = Run({"backup", file_, "-"});
  ASSERT_EQ(out.exit, 0) << out.err;
  EXPECT_EQ(out.out.size() % 4096, 0u);
  const std::string there = Path("there.sheaf");
  EXPECT_EQ(Run({"restore", "-", there}, out.out).exit, 0);
  EXPECT_EQ(Scan(there), Scan(file_));
  ExpectFailure(3, {"restore", "-", Path("half")},
                std::string_view(out.out).substr(0, out.out.size() / 2));
  ExpectFailure(3, {"restore", "-", Path("half")}, "no backup at all");
  EXPECT_FALSE(std::filesystem::exists(Path("half")));
  EXPECT_FALSE(std::filesystem::exists(Path("half-new")));
}

TEST_F(KeepingTest, CompressionIsChosenShownAndChanged) {
  std::string lines;
  for (int i = 0; i < 3000; ++i)
    lines +=
        "{\"n\":" + std::to_string(i * 7919) + ",\"text\":\"a note of many like it\"}\n";
  const std::string file = Path("compressed.sheaf");
  ASSERT_EQ(Run({"import", file, "notes", "--compress", "zstd-dict"}, lines).exit, 0);
  const std::string before = Scan(file);
  EXPECT_EQ(RunJson({"list", file})["trees"][0]["compression"], "zstd-dict");
  EXPECT_NE(Run({"list", file}).out.find("zstd-dict"), std::string::npos);
  auto use = RunJson({"compress", file, "notes"});
  EXPECT_EQ(use["values_with_dictionary"], 3000);
  EXPECT_LT(use["stored_bytes"].get<int>(), use["value_bytes"].get<int>() * 2 / 3);
  use = RunJson({"compress", file, "notes", "--with", "lz4", "--new-only"});
  EXPECT_EQ(use["compression"], "lz4");
  EXPECT_EQ(use["values_with_dictionary"], 3000);
  use = RunJson({"compress", file, "notes", "--with", "zstd", "--level", "9"});
  EXPECT_EQ(use["compression"], "zstd level 9");
  EXPECT_EQ(use["dictionaries"], 0);
  EXPECT_EQ(RunJson({"compress", file, "notes", "--with", "none"})["stored_bytes"],
            use["value_bytes"]);
  EXPECT_EQ(Scan(file), before);
  const std::string refused =
      ExpectFailure(2, {"compress", file, "notes", "--with", "lz4", "--new-only"});
  EXPECT_NE(refused.find("without --new-only"), std::string::npos) << refused;
  ExpectFailure(2, {"compress", file, "notes", "--with", "brotli"});
  ExpectFailure(2, {"compress", file, "notes", "--with", "lz4", "--level", "3"});
  ExpectFailure(2, {"compress", file, "notes", "--with", "zstd", "--level", "20"});
  ExpectFailure(2, {"compress", file, "notes", "--new-only"});
  ExpectFailure(2, {"import", file, "notes", "--level", "3"}, lines);
  ExpectFailure(2, {"import", Path("none.sheaf"), "notes", "--level", "3"}, lines);
  EXPECT_FALSE(std::filesystem::exists(Path("none.sheaf"))) << "a usage error";
  EXPECT_NE(ExpectFailure(1, {"compress", file, "other"}).find("other"),
            std::string::npos);
  EXPECT_EQ(Run({"check", file}).exit, 0);
  const test::Outcome shown = Run({"compress", file, "notes"});
  EXPECT_NE(shown.out.find("100 %"), std::string::npos) << shown.out;
}

TEST_F(KeepingTest, DamageIsFound) {
  ASSERT_EQ(Run({"backup", file_, copy_}).exit, 0);
  std::string bytes = ReadFile(copy_);
  bytes[2 * 4096 + 1000] ^= 1;  // the catalog, or a leaf
  WriteFile(copy_, bytes);
  const test::Outcome verified = Run({"verify-backup", copy_});
  EXPECT_TRUE(verified.exit == 1 || verified.exit == 3) << verified.out;
  ExpectFailure(3, {"restore", copy_, Path("x")});
  EXPECT_FALSE(std::filesystem::exists(Path("x")));
}

TEST_F(KeepingTest, SalvageTellsWhatIsLost) {
  const auto whole = RunJson({"salvage", file_, copy_});
  EXPECT_TRUE(whole["complete"]);
  EXPECT_EQ(Scan(copy_), Scan(file_));
  ExpectFailure(5, {"salvage", file_, copy_});
  ExpectFailure(2, {"salvage", file_, file_, "--force"});
  std::string bytes = ReadFile(file_);
  bytes.replace(0, 8192, std::string(8192, 'x'));  // both superblocks
  WriteFile(file_, bytes);
  ExpectFailure(3, {"list", file_});
  const test::Outcome saved = Run({"salvage", file_, copy_, "--force"});
  EXPECT_EQ(saved.exit, 1) << saved.err;
  EXPECT_NE(saved.out.find("superblocks are lost"), std::string::npos) << saved.out;
  EXPECT_NE(saved.out.find("notes"), std::string::npos) << saved.out;
  EXPECT_NE(Scan(copy_).find("\n"), std::string::npos);
}

TEST_F(KeepingTest, CompactShortensTheFile) {
  std::string lines;
  for (int i = 0; i < 5000; ++i) lines += "{\"n\":" + std::to_string(i) + "}\n";
  ASSERT_EQ(Run({"import", file_, "many"}, lines).exit, 0);
  const uint64_t full = std::filesystem::file_size(file_);
  for (int i = 0; i < 50; ++i) ASSERT_EQ(Run({"put", file_, "notes", "x", "1"}).exit, 0);
  const auto report = RunJson({"compact", file_});
  EXPECT_EQ(report["bytes_after"], std::filesystem::file_size(file_));
  EXPECT_LE(report["bytes_after"], full + 65536);
  EXPECT_EQ(Run({"check", file_}).exit, 0);
  const test::Outcome again = Run({"compact", file_});
  EXPECT_NE(again.out.find("0 pages moved"), std::string::npos) << again.out;
  ExpectFailure(1, {"compact", Path("absent")});
}

TEST_F(KeepingTest, KeysAreChanged) {
  const Words by_old = {"--key-file", key_};
  const std::string other = Path("other.key");
  WriteFile(other, std::string(64, 'a') + "\n");
  const std::string secret = Path("secret.sheaf");
  ASSERT_EQ(Run({"backup", file_, secret, "--compact", "--new-key-file", key_}).exit, 0);
  const std::string expected = Scan(file_);
  EXPECT_EQ(Scan(secret, by_old), expected);
  ExpectFailure(2, {"rekey", secret, "--key-file", key_});
  EXPECT_EQ(Run({"rekey", secret, "--key-file", key_, "--new-key-file", other}).exit, 0);
  ExpectFailure(5, {"list", secret, "--key-file", key_});
  EXPECT_EQ(Scan(secret, {"--key-file", other}), expected);
  EXPECT_EQ(Run({"rotate", secret, "--key-file", other}).exit, 0);
  EXPECT_EQ(Run({"rotate", secret, "--key-file", other, "--new-key-file", key_}).exit, 0);
  EXPECT_EQ(Scan(secret, by_old), expected);
  EXPECT_EQ(Run({"check", secret, "--key-file", key_}).exit, 0);
  ExpectFailure(2, {"backup", secret, copy_, "--key-file", key_, "--plain"});
  EXPECT_EQ(
      Run({"backup", secret, copy_, "--key-file", key_, "--plain", "--compact"}).exit, 0);
  EXPECT_EQ(Scan(copy_), expected);
  for (const char* command : {"rekey", "rotate"})  // a plain file
    EXPECT_NE(
        ExpectFailure(2, {command, file_, "--new-key-file", key_}).find("not encrypted"),
        std::string::npos);
  EXPECT_EQ(Run({"restore", secret, Path("r.sheaf"), "--key-file", key_}).exit, 0);
  EXPECT_EQ(Scan(Path("r.sheaf"), by_old), expected);
  ExpectFailure(5, {"restore", secret, Path("r2.sheaf")});
}

TEST_F(KeepingTest, StatWatchesWithoutALock) {
  const test::Outcome seen =
      Run({"stat", file_, "--watch", "--interval", "0.01", "--count", "3"});
  EXPECT_EQ(seen.exit, 0) << seen.err;
  EXPECT_EQ(std::count(seen.out.begin(), seen.out.end(), '\n'), 3) << seen.out;
  EXPECT_NE(seen.out.find("checkpoint of version"), std::string::npos);
  // Somebody writes.
  test::Pipe in, out;
  const pid_t writer =
      test::StartCommand({{"import", file_, "notes", "--acknowledge", "--batch", "1"},
                          in.read_end,
                          out.write_end});
  in.CloseRead();
  test::WriteAll(in.write_end, "{}\n");
  EXPECT_EQ(test::ReadLine(out.read_end), "committed 1");
  const auto line = RunJson({"stat", file_, "--watch", "--count", "1"});
  EXPECT_GT(line["log_bytes"], 0);
  EXPECT_EQ(line["file_bytes"], std::filesystem::file_size(file_));
  EXPECT_EQ(Run({"list", file_}).exit, 4);  // the lock is held all the while
  in.CloseWrite();
  EXPECT_EQ(test::WaitForCommand(writer), 0);
  ExpectFailure(2, {"stat", file_, "--watch", "--interval", "0"});
  ExpectFailure(1, {"stat", Path("absent"), "--watch"});
}

TEST_F(KeepingTest, ScrubFindsDamage) {
  EXPECT_EQ(Run({"scrub", file_}).exit, 0);
  EXPECT_TRUE(RunJson({"scrub", file_, "--rate", "100MB"})["ok"]);
  std::string bytes = ReadFile(file_);
  const auto pages = RunJson({"scrub", file_})["pages"].get<uint64_t>();
  EXPECT_GT(pages, 2u);
  int found = 0;
  for (size_t page = 2; page < bytes.size() / 4096; ++page) {
    std::string bad = bytes;
    bad[page * 4096 + 2000] ^= 4;
    WriteFile(file_, bad);
    const int exit = Run({"scrub", file_}).exit;
    found += exit == 1 || exit == 3;
  }
  EXPECT_GT(found, 2);
}

TEST_F(KeepingTest, LevelsOfCheck) {
  for (const char* level : {"quick", "pages", "full"})
    EXPECT_TRUE(RunJson({"check", file_, "--level", level})["ok"]) << level;
  ExpectFailure(2, {"check", file_, "--level", "deep"});
}

}  // namespace
}  // namespace sheaf::cli
