// The parts of the command that can be tried without a process: keys and bytes as
// text and back, JSON for the eye, the place of a JSON error, figures, tables,
// colours on a terminal.
#include <pty.h>
#include <signal.h>
#include <unistd.h>

#include <string>

#include <gtest/gtest.h>

#include "cli/line_reader.h"
#include "cli/output.h"
#include "cli/text.h"
#include "tests/support/command.h"

namespace sheaf::cli {
namespace {

// Collects what an Output that is no terminal receives.
struct Sink {
  test::Pipe pipe;
  Output out{pipe.write_end};
  std::string Take() {
    out.Flush();
    pipe.CloseWrite();
    return test::ReadAll(pipe.read_end);
  }
};

TEST(Text, KeysReadBackAsTheyArePrinted) {
  const DocumentKey keys[] = {Uuid::Next(),
                              DocumentKey::Bytes(std::string("\0\xff", 2)),
                              DocumentKey::Bytes("sixteen bytes ..."),
                              R"({"$uuid":"018f4e1c-7b1a-7c3d-9e4f-0a1b2c3d4e5f"})",
                              R"({"$binary":1})",
                              R"({"$uuid":"x","a":1})",
                              0,
                              42,
                              -7,
                              INT64_MIN,
                              INT64_MAX,
                              "a",
                              "42",
                              "-7",
                              "007",
                              "-0",
                              "+1",
                              "-",
                              "\"",
                              "\"x\"",
                              "a b",
                              "é",
                              "tab\there",
                              "\x1b[2J",
                              "{}",
                              "1e3"};
  for (const DocumentKey& key : keys) {
    auto parsed = ParseKey(KeyText(key));
    ASSERT_TRUE(parsed.ok()) << KeyText(key);
    EXPECT_TRUE(*parsed == key) << KeyText(key);
    EXPECT_EQ(Printable(KeyText(key)), KeyText(key));
  }
  EXPECT_FALSE(ParseKey("9223372036854775808").ok());
  EXPECT_FALSE(ParseKey("\"open").ok());
  EXPECT_TRUE(ParseKey(R"({ "$uuid" : "018F4E1C7B1A7C3D9E4F0A1B2C3D4E5F" })")->is_uuid());
  EXPECT_FALSE(ParseKey(R"({"$uuid":"018f4e1c"})").ok());
  EXPECT_FALSE(ParseKey(R"({"$uuid":1})").ok());
  EXPECT_FALSE(ParseKey(R"({"$binary":"AAE="})").ok());
  EXPECT_FALSE(ParseKey("\"a\"b").ok());
}

TEST(Text, BytesReadBackAsTheyArePrinted) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  for (const std::string& bytes : {all, std::string("\\x41"), std::string("é\xc3")}) {
    EXPECT_EQ(*ParseBytes(BytesText(bytes)), bytes);
  }
  EXPECT_EQ(*ParseBytes("\\n\\r\\t\\0\\\\\\x4a"), std::string("\n\r\t\0\\J", 6));
  for (const char* wrong : {"\\", "\\q", "\\x", "\\x4", "\\x4g"}) {
    EXPECT_FALSE(ParseBytes(wrong).ok()) << wrong;
  }
}

TEST(Text, Utf8IsTakenAsTheStandardSays) {
  for (const char* good : {"a", "é", "€", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf", "😀"}) {
    EXPECT_TRUE(IsUtf8(good)) << good;
  }
  for (const char* bad :
       {"\x80", "\xc0\x80", "\xc3", "\xe0\x9f\x80", "\xed\xa0\x80", "\xf0\x8f\x80\x80",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"}) {
    EXPECT_FALSE(IsUtf8(bad));
  }
}

TEST(Text, PrettyJsonKeepsEveryToken) {
  Sink sink;
  std::string wide(90, 'w');
  EXPECT_EQ(PrettyJson("{}", sink.out), "{}");
  EXPECT_EQ(PrettyJson(" [ 1 ,[ ] ,{\"a\":1e400}]", sink.out), "[1, [], {\"a\": 1e400}]");
  EXPECT_EQ(PrettyJson("{\"a,:]}\\\"\":\"" + wide + "\",\"b\":[1,2],\"c\":{}}", sink.out),
            "{\n  \"a,:]}\\\"\": \"" + wide + "\",\n  \"b\": [1, 2],\n  \"c\": {}\n}");
  std::string deep = std::string(1000, '[') + std::string(1000, ']');
  std::string pretty = PrettyJson(deep, sink.out);
  std::erase_if(pretty, [](char c) { return c == ' ' || c == '\n'; });
  EXPECT_EQ(pretty, deep);
}

TEST(Text, JsonErrorsArePlaced) {
  EXPECT_FALSE(FindJsonError("{\"a\":[1,2.5e3,null]}").has_value());
  EXPECT_FALSE(FindJsonError("1e999").has_value());  // valid, though no double holds it
  auto error = FindJsonError("{\n \"a\": 1,\n \"b\" 2}");
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->line, 3u);
  EXPECT_EQ(error->column, 6u);
  EXPECT_EQ(error->excerpt, " \"b\" 2}\n     ^");
  EXPECT_NE(error->what.find("expected ':'"), std::string::npos) << error->what;
  EXPECT_EQ(FindJsonError("")->byte, 0u);
  EXPECT_EQ(FindJsonError("[1,")->byte, 3u);
}

TEST(Text, ExcerptsOfLongLinesAreCut) {
  std::string before(1000, ' '), after(1000, 'z');
  auto error = FindJsonError("[" + before + "?" + after);
  ASSERT_TRUE(error.has_value());
  size_t end = error->excerpt.find('\n');
  EXPECT_LT(end, 120u);
  EXPECT_EQ(error->excerpt.find_first_not_of(' ', end + 1), end + 38);
  EXPECT_TRUE(error->excerpt.ends_with('^'));
}

TEST(Output, FiguresAreReadable) {
  EXPECT_EQ(Thousands(0), "0");
  EXPECT_EQ(Thousands(999), "999");
  EXPECT_EQ(Thousands(117'659), "117,659");
  EXPECT_EQ(Thousands(UINT64_MAX), "18,446,744,073,709,551,615");
  EXPECT_EQ(ByteSize(1023), "1023 B");
  EXPECT_EQ(ByteSize(4096), "4 KiB");
  EXPECT_EQ(ByteSize(1500), "1.5 KiB");
  EXPECT_EQ(ByteSize((1 << 20) - 1), "1.0 MiB");
  EXPECT_EQ(ByteSize(UINT64_MAX), "16.0 EiB");
  EXPECT_EQ(Counted(1, "page", "pages"), "1 page");
  EXPECT_EQ(Seconds(0.0123), "12.3 ms");
  EXPECT_EQ(Seconds(1.234), "1.23 s");
}

TEST(Output, TablesAlignWhatTheEyeSees) {
  Sink sink;
  TextTable table({Align::kLeft, Align::kRight});
  table.SetHeader({"NAME", "N"});
  table.AddRow({"é", "1,000"});
  table.AddRow({"longer", "1"});
  table.Print(sink.out, "> ");
  EXPECT_EQ(sink.Take(), "> NAME        N\n> é       1,000\n> longer      1\n");
}

TEST(Output, ShortenedCutsBetweenCharacters) {
  EXPECT_EQ(Shortened("abc", 3), "abc");
  EXPECT_EQ(Shortened("abcd", 3), "ab…");
  EXPECT_EQ(Shortened("ééééé", 3), "éé…");
  EXPECT_EQ(Shortened("abcd", 0), "abcd");
}

TEST(Output, RemembersThatTheReaderIsGone) {
  test::Pipe pipe;
  Output out(pipe.write_end);
  signal(SIGPIPE, SIG_IGN);
  pipe.CloseRead();
  out.WriteLine("lost");
  EXPECT_TRUE(out.ok());  // still in the buffer
  out.Flush();
  EXPECT_EQ(out.error(), EPIPE);
}

TEST(Output, ColoursOnlyOnATerminalThatWantsThem) {
  int master = -1, terminal = -1;
  winsize size{};
  size.ws_col = 60;
  ASSERT_EQ(openpty(&master, &terminal, nullptr, nullptr, &size), 0);
  setenv("TERM", "xterm", 1);
  unsetenv("NO_COLOR");
  EXPECT_EQ(Output(terminal).Paint(Tone::kStrong, "x"), "\033[1mx\033[0m");
  EXPECT_EQ(Output(terminal).columns(), 60u);
  EXPECT_EQ(DisplayWidth(Output(terminal).Paint(Tone::kBad, "abc")), 3u);
  setenv("NO_COLOR", "1", 1);
  EXPECT_EQ(Output(terminal).Paint(Tone::kStrong, "x"), "x");
  unsetenv("NO_COLOR");
  setenv("TERM", "dumb", 1);
  EXPECT_EQ(Output(terminal).Paint(Tone::kStrong, "x"), "x");
  EXPECT_EQ(Sink().out.Paint(Tone::kStrong, "x"), "x");
  close(master), close(terminal);
}

TEST(Output, ProgressIsForTerminals) {
  Sink sink;
  ProgressLine line(sink.out);
  EXPECT_FALSE(line.IsDue());
  line.Show("half way");
  line.Clear();
  EXPECT_EQ(sink.Take(), "");
}

}  // namespace
}  // namespace sheaf::cli
