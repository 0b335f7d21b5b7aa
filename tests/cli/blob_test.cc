// blob: contents go in and out byte by byte, by files and by pipes, whole, in ranges, behind
// and over what is there; a put that is cut leaves nothing; what is known about blobs finds
// them; what the commands print, for people and for programs, and what they refuse
// (RELIABILITY R6, R14).
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>

#include "tests/cli/cli_fixture.h"

namespace sheaf::cli {
namespace {

using nlohmann::json;
using test::Pipe;

std::string RandomBytes(size_t size) {
  std::mt19937_64 random(size);
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random() >> 23);
  return bytes;
}

class BlobCommandTest : public CliTest {
 protected:
  std::string Out(const Words& args, std::string_view input = "") {
    const test::Outcome outcome = Run(args, input);
    EXPECT_EQ(outcome.exit, 0) << outcome.err;
    return outcome.out;
  }
  json Json(Words args, std::string_view input = "") {
    args.push_back("--json");
    return json::parse(Out(args, input), nullptr, false);
  }
  void Refuses(const Words& args, int exit, const std::string& message,
               std::string_view input = "") {
    const std::string said = ExpectFailure(exit, args, input);
    EXPECT_NE(said.find(message), std::string::npos) << said;
  }
  Words Blob(const std::string& action, const Words& more) const {
    Words words = {"blob", action, file_, "files"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  std::string Keys(const Words& more) {
    Words words = Blob("list", {"--keys"});
    words.insert(words.end(), more.begin(), more.end());
    return Out(words);
  }
  void ExpectChecked() {
    const test::Outcome check = Run({"check", file_});
    EXPECT_EQ(check.exit, 0) << check.out;
  }
  const std::string file_ = Path("b.sheaf");
};

// A put whose input comes from the test.
struct RunningPut {
  explicit RunningPut(std::vector<std::string> args) {
    test::Launch launch{std::move(args)};
    launch.in = in.read_end, launch.out = out.write_end, launch.err = err.write_end;
    pid = test::StartCommand(launch);
    in.CloseRead(), out.CloseWrite(), err.CloseWrite();
  }
  Pipe in, out, err;
  pid_t pid;
};

TEST_F(BlobCommandTest, TwentyMegabytesThroughPipes) {
  const std::string bytes = RandomBytes(20'000'003);
  RunningPut put(Blob("put", {"big", "-"}));
  test::WriteAll(put.in.write_end, bytes);
  put.in.CloseWrite();
  EXPECT_EQ(test::WaitForCommand(put.pid), 0) << test::ReadAll(put.err.read_end);
  EXPECT_TRUE(
      test::ReadAll(put.out.read_end).starts_with("files big: stored, 19.1 MiB in "));
  EXPECT_TRUE(Out(Blob("cat", {"big"})) == bytes);
  EXPECT_EQ(Json(Blob("info", {"big"}))["size"], bytes.size());
  // Borders of its pages, of the pieces it is read in, its end.
  for (const uint64_t offset : {0, 1, 4031, 4032, 196608, 10'000'000, 20'000'002})
    for (const uint64_t length : {0, 1, 4033, 200'000})
      EXPECT_TRUE(
          Out(Blob("range", {"big", std::to_string(offset), std::to_string(length)})) ==
          bytes.substr(offset, length))
          << offset << " " << length;
  EXPECT_EQ(Out(Blob("range", {"big", "20000003", "5"})), "");
  Refuses(Blob("range", {"big", "20000004", "5"}), 1,
          "byte 20000004 of a blob of 20000003 bytes");
  // The content takes what it has, and a page of 4 KiB in 4032 bytes of it.
  EXPECT_LT(std::filesystem::file_size(file_), bytes.size() / 4032 * 4096 + 400'000);
  ExpectChecked();
}

TEST_F(BlobCommandTest, FilesInAndOut) {
  const std::string cat = RandomBytes(100'000), note = "a note\n";
  test::WriteFile(Path("cat.png"), cat);
  test::WriteFile(Path("note.txt"), note);
  const json made = Json(Blob("put", {"cat", Path("cat.png")}));
  EXPECT_EQ(made["store"], "files");
  EXPECT_EQ(made["key"], "cat");
  EXPECT_EQ(made["replaced"], false);
  EXPECT_EQ(made["written"], cat.size());
  EXPECT_EQ(made["size"], cat.size());
  EXPECT_EQ(made["stored"], cat.size());
  EXPECT_EQ(made["number"], 1);
  json info = Json(Blob("info", {"cat"}));
  EXPECT_EQ(info["name"], "cat.png");
  EXPECT_EQ(info["type"], "image/png");
  // What is known is replaced with the content; number and links stay.
  Out(Blob("link", {"cat", "similar", "7"}));
  EXPECT_EQ(Json(Blob("put", {"cat", Path("note.txt"), "--tag", "t"}))["replaced"], true);
  info = Json(Blob("info", {"cat"}));
  EXPECT_EQ(info["name"], "note.txt");
  EXPECT_EQ(info["type"], "text/plain");
  EXPECT_EQ(info["number"], 1);
  EXPECT_EQ(info["links"].dump(), R"([{"relation":"similar","to":7}])");
  // By the key where the source has no name.
  Out(Blob("put", {"a/b.TAR.GZ"}), "x");
  info = Json(Blob("info", {"a/b.TAR.GZ"}));
  EXPECT_EQ(info["type"], "application/gzip");
  EXPECT_FALSE(info.contains("name"));
  Out(Blob("put", {"7", Path("note.txt"), "--name", "x.svg", "--type", "text/x"}));
  info = Json(Blob("info", {"--number", "3"}));
  EXPECT_EQ(info["key"], 7);
  EXPECT_EQ(info["name"], "x.svg");
  EXPECT_EQ(info["type"], "text/x");

  EXPECT_EQ(Out(Blob("cat", {"cat"})), note);
  EXPECT_EQ(Out(Blob("cat", {"cat", "--json"})),
            "{\"key\":\"cat\",\"offset\":0,\"size\":7,\"base64\":\"YSBub3RlCg==\"}\n");
  EXPECT_EQ(Out(Blob("range", {"cat", "2", "4", "--json"})),
            "{\"key\":\"cat\",\"offset\":2,\"size\":4,\"base64\":\"bm90ZQ==\"}\n");
  // A file is replaced, behind links, too, when all is there; a pipe is written to.
  test::WriteFile(Path("to"), "what was there, and is longer");
  std::filesystem::create_symlink(Path("to"), Path("link"));
  EXPECT_EQ(Out(Blob("cat", {"cat", "--output", Path("link")})),
            "files cat: 7 B into " + Path("link") + "\n");
  EXPECT_TRUE(std::filesystem::is_symlink(Path("link")));
  EXPECT_EQ(test::ReadFile(Path("to")), note);
  EXPECT_EQ(Json(Blob("range", {"cat", "0", "1", "--output", Path("to")})),
            (json{{"key", "cat"}, {"size", 1}, {"output", Path("to")}}));
  EXPECT_EQ(test::ReadFile(Path("to")), "a");
  EXPECT_EQ(Run(Blob("cat", {"cat", "--output", "/dev/null"})).exit, 0);
  Refuses(Blob("cat", {"cat", "--output", Path("none/to")}), 5, "No such file");
  Refuses(Blob("cat", {"cat", "--output", Path("")}), 5, "Is a directory");
  EXPECT_EQ(FilesInFolder(), (Words{"b.sheaf", "cat.png", "link", "note.txt", "to"}));
}

TEST_F(BlobCommandTest, PartsOfContents) {
  for (const Words& how : {Words{}, Words{"--zstd", "3"}, Words{"--namespace", "n"}}) {
    Out(Blob("share", {"n", "on"}));
    std::string bytes = RandomBytes(150'000);
    Words put = Blob("put", {"k", "-", "--tag", "t"});
    put.insert(put.end(), how.begin(), how.end());
    Out(put, bytes);
    const auto overwrite = [&](uint64_t at, const std::string& more) {
      const json done = Json(Blob("put", {"k", "--at", std::to_string(at)}), more);
      bytes.replace(at, more.size(), more);
      EXPECT_EQ(done["written"], more.size());
      EXPECT_EQ(done["size"], bytes.size());
      EXPECT_EQ(done["replaced"], false);
      EXPECT_TRUE(Out(Blob("cat", {"k"})) == bytes) << at;
    };
    overwrite(0, "beginning");
    overwrite(4030, "over a border of pages");
    overwrite(149'990, "over the end, and on behind it");
    overwrite(bytes.size(), "behind it");
    overwrite(5, "");
    overwrite(1000, RandomBytes(9 << 20));  // in more than one piece
    bytes += "more";
    EXPECT_EQ(Out(Blob("put", {"k", "--append"}), "more")
                  .starts_with("files k: 4 B appended, has 9.0 MiB"),
              true);
    EXPECT_TRUE(Out(Blob("cat", {"k"})) == bytes);
    EXPECT_EQ(Json(Blob("info", {"k"}))["tags"].dump(), R"(["t"])");
    Refuses(Blob("put", {"k", "--at", std::to_string(bytes.size() + 1)}), 1, "bytes",
            "x");
    EXPECT_TRUE(Out(Blob("cat", {"k"})) == bytes);
  }
  Refuses(Blob("put", {"none", "--append"}), 1,
          "files has no blob none\n  without --append and --at it is made", "x");
  Refuses(Blob("put", {"none", "--at", "0"}), 1, "files has no blob none", "x");
  Refuses(Blob("put", {"k", "--at", "0", "--append"}), 2, "--append", "x");
  Refuses(Blob("put", {"k", "--at", "-1"}), 2, "-1 is below 0", "x");
  Refuses(Blob("put", {"k", "--append", "--tag", "u"}), 2, "--append", "x");
  Refuses(Blob("put", {"k", "--at", "0", "--zstd", "1"}), 2,
          "--at changes the content, not what is known about it", "x");
  Refuses({"blob", "put", Path("none"), "files", "k", "--append"}, 1, "none", "x");
  EXPECT_FALSE(std::filesystem::exists(Path("none")));
  ExpectChecked();
}

TEST_F(BlobCommandTest, WhatIsCutLeavesNothing) {
  const std::string before = RandomBytes(90'000);
  Out(Blob("put", {"k"}), before);
  const auto expect_as_before = [&] {
    EXPECT_EQ(Keys({}), "k\n");
    EXPECT_TRUE(Out(Blob("cat", {"k"})) == before);
    EXPECT_EQ(FilesInFolder(), Words{"b.sheaf"});
    ExpectChecked();
  };
  const json pages = Json({"stat", file_})["pages_live"];
  for (const char* key : {"k", "new"}) {
    for (const int signal : {SIGINT, SIGTERM, SIGKILL}) {
      RunningPut put(Blob("put", {key, "-"}));
      test::WriteAll(put.in.write_end, RandomBytes(1'500'000));
      kill(put.pid, signal);
      EXPECT_EQ(test::WaitForCommand(put.pid), 128 + signal);
      if (signal != SIGKILL) {
        EXPECT_EQ(
            test::ReadAll(put.err.read_end),
            "sheaf: " + file_ + ": standard input: interrupted\n  nothing was stored\n");
      }
      if (signal == SIGKILL) Out({"checkpoint", file_});
      expect_as_before();
      EXPECT_EQ(Json({"stat", file_})["pages_live"], pages);
    }
    // A pipe that was cut looks like one that ended, unless it is known what must come.
    Refuses(Blob("put", {key, "--size", "300000"}), 5,
            "standard input has ended after 299,999 of 300,000 bytes\n  nothing was "
            "stored",
            RandomBytes(299'999));
    Refuses(Blob("put", {key, "--size", "299998"}), 5, "more than 299,998 bytes",
            RandomBytes(299'999));
    Refuses(Blob("put", {key, Path("")}), 2, "it is a directory");
    Refuses(Blob("put", {key, Path("none")}), 2, "No such file");
    expect_as_before();
  }
  Out(Blob("put", {"k", "--append", "--size", "3"}), "xyz");
  Refuses(Blob("put", {"k", "--append", "--size", "3"}), 5, "ended after 2 of 3", "xy");
  Refuses(Blob("put", {"k", "--at", "0", "--size", "3"}), 5, "more than 3", "xyzw");
  EXPECT_TRUE(Out(Blob("cat", {"k"})) == before + "xyz");
}

TEST_F(BlobCommandTest, WhatIsKnownFindsThem) {
  for (const char* key : {"17", "\"17\""}) Out({"put", file_, "notes", key, "{}"});
  Out(Blob("put", {"a", "-", "--tag", "red", "--tag", "big, old", "--owner", "notes:17",
                   "--metadata", R"({"width":640})"}),
      "aaaaa");
  Out(Blob("put", {"b", "-", "--tag", "red", "--namespace", "n", "--owner",
                   "notes:\"17\"", "--metadata", R"({"width":20})"}),
      "bbb");
  Out(Blob("put", {"3", "-", "--type", "text/plain", "--name", "three"}), "c");
  EXPECT_EQ(Keys({}), "a\nb\n3\n");
  EXPECT_EQ(Keys({"--json"}), "\"a\"\n\"b\"\n3\n");
  EXPECT_EQ(Keys({"--tag", "red"}), "a\nb\n");
  EXPECT_EQ(Keys({"--tag", "big, old"}), "a\n");
  EXPECT_EQ(Keys({"--namespace", "n"}), "b\n");
  EXPECT_EQ(Keys({"--namespace", ""}), "a\n3\n");
  EXPECT_EQ(Keys({"--owner", "notes:17"}), "a\n");
  EXPECT_EQ(Keys({"--owner", "notes:\"17\""}), "b\n");
  EXPECT_EQ(Keys({"--filter", R"({"metadata.width":{"$lt":100}})"}), "b\n");
  EXPECT_EQ(Keys({"--tag", "red", "--filter", R"({"size":{"$gt":3}})"}), "a\n");
  EXPECT_EQ(Keys({"--sort", "-size", "--limit", "2"}), "a\nb\n");
  EXPECT_EQ(Keys({"--sort", "size", "--skip", "1"}), "b\na\n");
  EXPECT_EQ(Keys({"--from", "2020-01-01", "--to", "2999-01-01T00:00:00Z"}), "a\nb\n3\n");
  EXPECT_EQ(Keys({"--from", "2999-01-01"}), "");
  EXPECT_EQ(Keys({"--to", "2020-01-01T01:00:00.5+02:00"}), "");
  EXPECT_EQ(Out(Blob("list", {"--count"})), "3\n");
  EXPECT_EQ(Out(Blob("list", {"--count", "--tag", "red", "--json"})), "{\"count\":2}\n");
  const std::string table = Out(Blob("list", {}));
  EXPECT_TRUE(
      table.starts_with("key  size  type        name   namespace  tags           "
                        "owner       created\n"))
      << table;
  EXPECT_NE(table.find("\na     5 B  " + std::string(30, ' ') +
                       "red, big, old  notes:17    20"),
            std::string::npos)
      << table;
  EXPECT_NE(table.find("\n3     1 B  text/plain  three"), std::string::npos) << table;
  // What is empty in all of them has no column.
  EXPECT_TRUE(Out(Blob("list", {"--tag", "big, old"}))
                  .starts_with("key  size  tags           owner     created\n"));

  json b = Json(Blob("list", {"--namespace", "n"}));
  EXPECT_EQ(b["created"], b["modified"]);
  EXPECT_EQ(b["created"].get<std::string>().size(), 27u);
  b.erase("created"), b.erase("modified");
  EXPECT_EQ(b.dump(),
            R"({"key":"b","metadata":{"width":20},"namespace":"n","number":2,)"
            R"("owner":{"key":"17","of":"notes"},"size":3,"stored":3,"tags":["red"]})");
  const std::string info = Out(Blob("info", {"a"}));
  for (const char* part :
       {"a  5 B\n", "tag       red\n", "tag       big, old\n", "owner     notes:17\n",
        "metadata  {\"width\":640}\n", "number    1\n", "created   20"})
    EXPECT_NE(info.find(part), std::string::npos) << part << info;

  // set: what is not named stays.
  EXPECT_EQ(Out(Blob("set", {"a", "--tag", "blue", "--name", "A"})),
            "files a: changed\n");
  const json a = Json(Blob("set", {"a", "--owner", ""}));
  EXPECT_EQ(a["tags"].dump(), R"(["blue"])");
  EXPECT_EQ(a["name"], "A");
  EXPECT_EQ(a["metadata"]["width"], 640);
  EXPECT_FALSE(a.contains("owner"));
  EXPECT_FALSE(Json(Blob("set", {"a", "--tag", "", "--metadata", ""})).contains("tags"));
  EXPECT_EQ(Out(Blob("cat", {"a"})), "aaaaa");

  EXPECT_EQ(Out(Blob("delete", {"a", "3"})), "files a: deleted\nfiles 3: deleted\n");
  Refuses(Blob("delete", {"b", "none"}), 1, "files has no blob none\n  nothing was");
  EXPECT_EQ(Out(Blob("delete", {"b", "--json"})),
            "{\"store\":\"files\",\"deleted\":[\"b\"]}\n");
  EXPECT_EQ(Out(Blob("list", {})), "");
  ExpectChecked();
}

TEST_F(BlobCommandTest, BlobsGoWithTheirOwnersAndExpire) {
  Out({"put", file_, "notes", "17", "{}"});
  Out(Blob("put", {"a", "-", "--owner", "notes:17"}), "a");
  Out(Blob("put", {"b", "-", "--owner", "notes:17", "--keep"}), "b");
  EXPECT_NE(Out(Blob("info", {"b"})).find("stays when its owner goes"),
            std::string::npos);
  Out({"delete", file_, "notes", "17"});
  EXPECT_EQ(Keys({}), "b\n");
  Out(Blob("put", {"c", "-", "--ttl", "24h"}), "c");
  EXPECT_TRUE(Json(Blob("info", {"c"})).contains("expires"));
  Out(Blob("set", {"c", "--expires-at", "2999-01-01T00:00:00Z"}));
  EXPECT_EQ(Json(Blob("info", {"c"}))["expires"], "2999-01-01T00:00:00.000000Z");
  // What has expired is not seen.
  EXPECT_EQ(
      Json(Blob("put", {"d", "-", "--expires-at", "2020-01-01T00:00:00Z", "--json"}),
           "old")["size"],
      3);
  EXPECT_EQ(Keys({}), "b\nc\n");
  Refuses(Blob("cat", {"d"}), 1, "no blob");
  Out({"expire", file_});
  Refuses(Blob("put", {"c", "-", "--append", "--ttl", "1h"}), 2, "--append");
}

TEST_F(BlobCommandTest, Links) {
  for (const char* key : {"raw", "photo", "thumb", "other"})
    Out(Blob("put", {key, "-", "--type", "image/x"}), key);
  EXPECT_EQ(Out(Blob("link", {"photo", "derived", "raw", "--context", "by hand"})),
            "files photo derived raw: linked\n");
  EXPECT_EQ(Json(Blob("link", {"thumb", "derived", "photo"})).dump(),
            R"({"key":"thumb","relation":"derived","store":"files","to":"photo",)"
            R"("to_exists":true})");
  EXPECT_EQ(Out(Blob("link", {"raw", "supports", "later"})),
            "files raw supports later: linked, though there is no later yet\n");
  EXPECT_EQ(Out(Blob("chain", {"thumb"})),
            "thumb  5 B  image/x\nphoto  5 B  image/x\nraw    3 B  image/x\n");
  EXPECT_EQ(Out(Blob("chain", {"thumb", "--json"})),
            "{\"keys\":[\"thumb\",\"photo\",\"raw\"]}\n");
  EXPECT_EQ(Out(Blob("chain", {"thumb", "similar", "--json"})),
            "{\"keys\":[\"thumb\"]}\n");
  EXPECT_EQ(Out(Blob("path", {"thumb", "raw", "--json"})),
            "{\"keys\":[\"thumb\",\"photo\",\"raw\"]}\n");
  Refuses(Blob("path", {"raw", "thumb"}), 1, "no links lead from raw to thumb");
  Refuses(Blob("path", {"raw", "none"}), 1, "files has no blob none");
  EXPECT_EQ(Json(Blob("children", {"raw"}))["key"], "photo");
  EXPECT_TRUE(
      Out(Blob("children", {"raw"})).starts_with("key    size  type     created"));
  EXPECT_EQ(Out(Blob("children", {"raw", "--relation", "similar"})), "");
  EXPECT_NE(Out(Blob("info", {"photo"})).find("link      derived raw  by hand\n"),
            std::string::npos);
  EXPECT_EQ(Out(Blob("unlink", {"photo", "derived", "raw"})),
            "files photo derived raw: link taken away\n");
  Refuses(Blob("unlink", {"photo", "derived", "raw"}), 1,
          "files photo has no link derived raw");
  for (const char* action : {"link", "unlink"})
    Refuses(Blob(action, {"photo", "made", "raw"}), 2, "derived, similar, contradicts");
  Refuses(Blob("chain", {"photo", "made"}), 2, "derived, similar, contradicts");
  Refuses(Blob("children", {"photo", "--relation", "made"}), 2, "relation \"made\"");
  Refuses(Blob("link", {"none", "derived", "raw"}), 1, "files has no blob none");
  Refuses(Blob("link", {"photo", "derived", "raw", "--context", std::string(256, 'x')}),
          2, "context of 256 bytes");
}

TEST_F(BlobCommandTest, SharedAndCompressed) {
  EXPECT_EQ(Out(Blob("share", {"mail", "on"})),
            "files: equal contents of namespace mail are stored once\n");
  EXPECT_EQ(Json(Blob("share", {"mail"})).dump(),
            R"({"namespace":"mail","shared":true,"store":"files"})");
  EXPECT_EQ(Out(Blob("share", {""})),
            "files: equal contents of blobs without a namespace are stored apart\n");
  const std::string bytes = RandomBytes(200'000);
  for (const char* key : {"1", "2", "3"})
    Out(Blob("put", {key, "-", "--namespace", "mail"}), bytes);
  EXPECT_EQ(Json(Blob("info", {"2"}))["sha256"].get<std::string>().size(), 64u);
  const std::string text(300'000, 'x');
  const std::string said = Out(Blob("put", {"log", "-", "--zstd", "9"}), text);
  EXPECT_TRUE(said.starts_with("files log: stored, 293.0 KiB, compressed to ")) << said;
  EXPECT_TRUE(Out(Blob("cat", {"log"})) == text);
  EXPECT_NE(Out(Blob("info", {"log"})).find(", zstd 9\n"), std::string::npos);
  const json stats = Json(Blob("stats", {}));
  EXPECT_EQ(stats["blobs"], 4);
  EXPECT_EQ(stats["content_bytes"], 900'000);
  EXPECT_LT(stats["stored_bytes"], 201'000);
  EXPECT_EQ(stats["shared_blobs"], 3);
  EXPECT_EQ(stats["shared_contents"], 1);
  EXPECT_EQ(stats["compressed_blobs"], 1);
  EXPECT_NE(Out(Blob("stats", {})).find("shared      3             have 1 content"),
            std::string::npos)
      << Out(Blob("stats", {}));
  EXPECT_EQ(Out(Blob("share", {"mail", "off"})),
            "files: equal contents of namespace mail are stored apart\n");
  Refuses(Blob("share", {"mail", "maybe"}), 2, "maybe");
  ExpectChecked();
}

TEST_F(BlobCommandTest, Refusals) {
  Out(Blob("put", {"k"}), "x");
  Out({"put", file_, "notes", "1", "{}"});
  Refuses(Blob("cat", {"none"}), 1, "files has no blob none");
  Refuses(Blob("cat", {"\"7\""}), 1, "files has no blob \"7\"");
  Refuses(Blob("info", {"none"}), 1, "files has no blob none");
  Refuses(Blob("info", {"--number", "9"}), 1, "no blob has number 9");
  Refuses(Blob("info", {}), 2, "needs a KEY");
  Refuses(Blob("info", {"k", "--number", "1"}), 2, "--number");
  Refuses(Blob("range", {"k", "0"}), 2, "LENGTH");
  Refuses(Blob("range", {"k", "-1", "5"}), 2, "");
  Refuses(Blob("range", {"k", "x", "5"}), 2, "OFFSET");
  Refuses(Blob("set", {"none", "--tag", "x"}), 1, "files has no blob none");
  Refuses(Blob("chain", {"none"}), 1, "files has no blob none");
  Refuses(Blob("children", {"none"}), 1, "files has no blob none");
  Refuses(Blob("children", {""}), 2, "key");
  Refuses(Blob("put", {std::string(1001, 'k')}), 2, "1001 bytes", "x");
  Refuses(Blob("put", {"k", "-", "--owner", "notes"}), 2, "notes is not OF:KEY", "x");
  Refuses(Blob("put", {"k", "-", "--owner", "notes:none"}), 1, "notes has no none", "x");
  Refuses(Blob("put", {"k", "-", "--owner", "none:1"}), 1,
          "there is no collection, graph or table none", "x");
  Refuses(Blob("set", {"k", "--owner", "notes:none"}), 1, "notes has no none");
  Refuses(Blob("put", {"k", "-", "--metadata", "[1]"}), 2, "not a JSON object", "x");
  Refuses(Blob("put", {"k", "-", "--metadata", "{"}), 2, "metadata", "x");
  Refuses(Blob("put", {"k", "-", "--tag", std::string(256, 't')}), 2, "tag of 256", "x");
  Refuses(Blob("put", {"k", "-", "--name", "\xff"}), 2, "UTF-8", "x");
  Refuses(Blob("put", {"k", "-", "--zstd", "20"}), 2, "--zstd", "x");
  Refuses(Blob("list", {"--from", "yesterday"}), 2, "--from: yesterday is no time");
  Refuses(Blob("list", {"--to", "infinite-future"}), 2, "is no time");
  Refuses(Blob("list", {"--filter", "{\"size\":{\"$near\":1}}"}), 2, "$near");
  Refuses(Blob("list", {"--owner", "notes"}), 2, "OF:KEY");
  Refuses(Blob("list", {"--limit", "-1"}), 2, "below 0");
  Refuses(Blob("list", {"--keys", "--count"}), 2, "--keys");
  Refuses({"blob", "list", file_, "none"}, 1, "no such blob store\n  `sheaf list FILE`");
  Refuses({"blob", "delete", file_, "none", "k"}, 1, "`sheaf blob put` makes one");
  Refuses({"blob", "list", Path("none"), "files"}, 1, "`sheaf blob put` creates it");
  for (const char* action : {"put", "cat", "info"})
    Refuses({"blob", action, file_, "notes", "1"}, 2,
            "notes: is a collection, not a blob store\n  `sheaf list FILE`", "x");
  Refuses({"get", file_, "files", "k"}, 2, "is a blob store");
  Refuses({"scan", file_, "files"}, 2, "`sheaf help blob`");
  Refuses({"blob"}, 2, "blob needs a command of its own");
  Refuses({"blob", "pt", file_, "files", "k"}, 2, "did you mean `sheaf blob put`?");
  EXPECT_EQ(Out(Blob("cat", {"k"})), "x");
  EXPECT_EQ(Json({"list", file_})["trees"].size(), 2u);
  ExpectChecked();
}

TEST_F(BlobCommandTest, OtherCommandsKnowThem) {
  Out(Blob("put", {"k"}), RandomBytes(100'000));
  Out(Blob("put", {"empty"}), "");
  EXPECT_EQ(Out(Blob("cat", {"empty"})), "");
  EXPECT_NE(Out({"list", file_}).find("files  blobs        2"), std::string::npos);
  const json stat = Json({"stat", file_, "files"});
  EXPECT_GE(stat["value_pages"], 25);
  EXPECT_NE(Out({"help", "blob"}).find("children"), std::string::npos);
  EXPECT_NE(Out({"blob", "put", "--help"}).find("--append"), std::string::npos);
  EXPECT_EQ(Out({"shell", file_}, "blob list files --keys\nblob range files k 0 0\n"),
            "k\nempty\n");
  Out({"backup", file_, Path("copy.sheaf"), "--compact"});
  EXPECT_TRUE(Out({"blob", "cat", Path("copy.sheaf"), "files", "k"}) ==
              RandomBytes(100'000));
}

TEST_F(BlobCommandTest, WhoReadsMayGo) {
  Out(Blob("put", {"k"}), RandomBytes(3'000'000));
  for (const char* mode : {"plain", "--json"}) {
    Pipe out;
    test::Launch launch{Blob("cat", {"k"})};
    if (mode[0] == '-') launch.args.push_back(mode);
    launch.out = out.write_end;
    const pid_t pid = test::StartCommand(launch);
    out.CloseWrite();
    char first = 0;
    EXPECT_EQ(read(out.read_end, &first, 1), 1);
    out.CloseRead();
    EXPECT_EQ(test::WaitForCommand(pid), 0);
  }
}

// What a command shows on a terminal, and its exit code.
std::pair<std::string, int> OnTerminal(const std::vector<std::string>& args) {
  int terminal = -1;
  const pid_t pid = forkpty(&terminal, nullptr, nullptr, nullptr);
  if (pid == 0) {
    std::vector<char*> argv = {const_cast<char*>(SHEAF_CLI_PATH)};
    for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
    argv.push_back(nullptr);
    setenv("NO_COLOR", "1", 1);
    execv(argv[0], argv.data());
    _exit(127);
  }
  std::string shown;
  char bytes[4096];
  for (ssize_t n; (n = read(terminal, bytes, sizeof(bytes))) > 0;)
    shown.append(bytes, static_cast<size_t>(n));
  close(terminal);
  int status = 0;
  waitpid(pid, &status, 0);
  return {shown, WIFEXITED(status) ? WEXITSTATUS(status) : -1};
}

TEST_F(BlobCommandTest, ATerminalIsShownTextOnly) {
  Out(Blob("put", {"text"}), "one\ntwo \x1b[2J, é\n\nthree");
  EXPECT_EQ(OnTerminal(Blob("cat", {"text"})),
            std::pair(std::string("one\r\ntwo \\x1b[2J, é\r\n\r\nthree\r\n"), 0));
  Out(Blob("put", {"long"}), std::string(300'000, 'x') + "\n" + std::string(9, 'y'));
  EXPECT_EQ(OnTerminal(Blob("cat", {"long"})).first,
            std::string(300'000, 'x') + "\r\n" + std::string(9, 'y') + "\r\n");
  Out(Blob("put", {"binary"}), std::string("\x7f\x45\x00\x01", 4));
  const auto [shown, exit] = OnTerminal(Blob("cat", {"binary"}));
  EXPECT_EQ(exit, 2);
  EXPECT_NE(shown.find("the content is no text"), std::string::npos) << shown;
  EXPECT_EQ(shown.find('\x7f'), std::string::npos);
}

}  // namespace
}  // namespace sheaf::cli
