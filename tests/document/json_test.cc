// Proves what MinifyJson accepts, what it refuses and where it says the mistake
// is: tables first, then the limits, then random damage judged by nlohmann::json.
#include "document/json.h"

#include <cstdio>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/json_oracle.h"

namespace sheaf::document {
namespace {

using std::string_literals::operator""s;

std::string Repeat(const std::string& text, size_t times) {
  std::string result;
  result.reserve(text.size() * times);
  for (size_t i = 0; i < times; ++i) result += text;
  return result;
}

// ---- accepted ----

// Texts without white space outside strings: they come back as they are.
const std::string kAccepted[] = {
    // literals and empty containers
    "null",
    "true",
    "false",
    "[]",
    "{}",
    "[[]]",
    "[{}]",
    R"({"a":[]})",
    R"("")",
    // numbers keep their digits
    "0",
    "-0",
    "-0.0",
    "1",
    "-1",
    "10",
    "1.0",
    "0.1",
    "1.50",
    "1e1",
    "1E1",
    "1e+1",
    "1e-1",
    "0e0",
    "0E-0",
    "1e0000001",
    "-0e-0",
    "123456789012345678901234567890",
    "0.00000000000000000000000000000000000000000000000000000000000001",
    "3.141592653589793238462643383279",
    "1e400",
    "-1e400",
    "1e-400",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "[1,2.5,-3]",
    // escapes stay as they were written
    R"("\"\\\/\b\f\n\r\t")",
    R"("\u0000")",
    R"("\u00e9\u00E9")",
    R"("\u001f")",
    R"("/")",
    R"("\\u0041")",
    R"("\uD83D\uDE00")",
    R"("\ud800\udc00")",
    R"("\udbff\udfff")",
    R"("\uffff")",
    R"("a\u0000b")",
    R"(["\\","\""])",
    // UTF-8 to the ends of each length
    "\"\x7F\"",
    "\"\xC2\x80\"",
    "\"\xDF\xBF\"",
    "\"\xE0\xA0\x80\"",
    "\"\xED\x9F\xBF\"",
    "\"\xEE\x80\x80\"",
    "\"\xEF\xBF\xBF\"",
    "\"\xF0\x90\x80\x80\"",
    "\"\xF4\x8F\xBF\xBF\"",
    "\"\xEF\xBB\xBF\"",
    // white space inside strings is text
    R"(" a  b ")",
    R"({" a ":" "})",
    // keys that differ
    R"({"a":1,"b":2})",
    R"({"":0,"a":1})",
    R"({"a":1,"A":2})",
    R"({"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]})",
    R"({"a":1,"a\u0000":2})",
    R"({"\u00e9":1,"e\u0301":2})",
    // what only looks like an error
    R"(["//","/*",",","]","}","NaN"])",
    R"({"true":true,"null":null})",
};

TEST(Json, AcceptsAndKeepsEveryByte) {
  for (const std::string& text : kAccepted) {
    const absl::StatusOr<std::string> minified = MinifyJson(text);
    ASSERT_TRUE(minified.ok()) << text << ": " << minified.status();
    EXPECT_EQ(*minified, text);
  }
}

TEST(Json, StripsWhiteSpaceBetweenTokens) {
  const std::pair<const char*, const char*> cases[] = {
      {" 1", "1"},
      {"1 ", "1"},
      {"\t\r\n 1 \n", "1"},
      {"[ ]", "[]"},
      {" { } ", "{}"},
      {"[ 1 , 2 ]", "[1,2]"},
      {"[1,2 , \n3]", "[1,2,3]"},
      {"{ \"a b\" : \"c  d\" , \"e\" : [ ] }", R"({"a b":"c  d","e":[]})"},
      {"{\r\n  \"a\": 1.50,\r\n  \"b\": \"\\u0020 \"\r\n}\r\n",
       R"({"a":1.50,"b":"\u0020 "})"},
      {"[ true , false , null ]", "[true,false,null]"},
  };
  for (const auto& [text, minified] : cases) {
    const absl::StatusOr<std::string> result = MinifyJson(text);
    ASSERT_TRUE(result.ok()) << text << ": " << result.status();
    EXPECT_EQ(*result, minified);
  }
}

// ---- refused ----

void ExpectRefused(const std::string& text, const std::string& message) {
  const absl::StatusOr<std::string> result = MinifyJson(text);
  EXPECT_EQ(result.status(), absl::InvalidArgumentError(message)) << text;
}

TEST(Json, RefusesWhatIsNoValue) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "byte 0 (line 1, column 1): expected a value, found the end of the text"},
      {" \n ", "byte 3 (line 2, column 2): expected a value, found the end of the text"},
      {"NaN", "byte 0 (line 1, column 1): expected a value, found 'N'"},
      {"[Infinity]", "byte 1 (line 1, column 2): expected a value, found 'I'"},
      {"-Infinity", "byte 1 (line 1, column 2): expected a digit, found 'I'"},
      {"nul", "byte 0 (line 1, column 1): expected a value, found 'n'"},
      {"True", "byte 0 (line 1, column 1): expected a value, found 'T'"},
      {"truefalse",
       "byte 4 (line 1, column 5): expected nothing more after the document, found 'f'"},
      {"'a'", "byte 0 (line 1, column 1): expected a value, found '''"},
      {"undefined", "byte 0 (line 1, column 1): expected a value, found 'u'"},
      {"\xC3\xA9", "byte 0 (line 1, column 1): expected a value, found '\xC3\xA9'"},
      {"\0"s, "byte 0 (line 1, column 1): expected a value, found byte 0x00"},
      {"1\0"s,
       "byte 1 (line 1, column 2): expected nothing more after the document, "
       "found byte 0x00"},
      {"[1]x",
       "byte 3 (line 1, column 4): expected nothing more after the document, found 'x'"},
      {"{} {}",
       "byte 3 (line 1, column 4): expected nothing more after the document, found '{'"},
      {"// c\n1", "byte 0 (line 1, column 1): expected a value, found '/'"},
      {"[1/* c */]",
       "byte 2 (line 1, column 3): expected ',' or ']' after a value, found '/'"},
      {"\xC2\xA0"
       "1",
       "byte 0 (line 1, column 1): expected a value, found '\xC2\xA0'"},
      {"\f1", "byte 0 (line 1, column 1): expected a value, found byte 0x0C"},
      {"\xEF\xBB\xBF{}",
       "byte 0 (line 1, column 1): a byte order mark does not belong in JSON"},
  };
  for (const auto& [text, message] : cases) ExpectRefused(text, message);
}

TEST(Json, RefusesWrongNumbers) {
  const std::pair<const char*, const char*> cases[] = {
      {"-", "byte 1 (line 1, column 2): expected a digit, found the end of the text"},
      {"+1", "byte 0 (line 1, column 1): expected a value, found '+'"},
      {".5", "byte 0 (line 1, column 1): expected a value, found '.'"},
      {"1.", "byte 2 (line 1, column 3): expected a digit, found the end of the text"},
      {"[1.]", "byte 3 (line 1, column 4): expected a digit, found ']'"},
      {"-.5", "byte 1 (line 1, column 2): expected a digit, found '.'"},
      {"01", "byte 1 (line 1, column 2): expected no digit after a leading 0, found '1'"},
      {"-00",
       "byte 2 (line 1, column 3): expected no digit after a leading 0, found '0'"},
      {"1e", "byte 2 (line 1, column 3): expected a digit, found the end of the text"},
      {"1e+", "byte 3 (line 1, column 4): expected a digit, found the end of the text"},
      {"1.e1", "byte 2 (line 1, column 3): expected a digit, found 'e'"},
      {"--1", "byte 1 (line 1, column 2): expected a digit, found '-'"},
      {"0x1",
       "byte 1 (line 1, column 2): expected nothing more after the document, found 'x'"},
      {"1_000",
       "byte 1 (line 1, column 2): expected nothing more after the document, found '_'"},
      {"1.5.5",
       "byte 3 (line 1, column 4): expected nothing more after the document, found '.'"},
      {"[1 2]",
       "byte 3 (line 1, column 4): expected ',' or ']' after a value, found '2'"},
  };
  for (const auto& [text, message] : cases) ExpectRefused(text, message);
}

TEST(Json, RefusesWrongContainers) {
  const std::pair<const char*, const char*> cases[] = {
      {"[", "byte 1 (line 1, column 2): expected a value, found the end of the text"},
      {"[1,]", "byte 3 (line 1, column 4): expected a value, found ']'"},
      {"[,1]", "byte 1 (line 1, column 2): expected a value, found ','"},
      {"[1,,2]", "byte 3 (line 1, column 4): expected a value, found ','"},
      {"[1}", "byte 2 (line 1, column 3): expected ',' or ']' after a value, found '}'"},
      {"[1",
       "byte 2 (line 1, column 3): expected ',' or ']' after a value, found the end "
       "of the text"},
      {"]", "byte 0 (line 1, column 1): expected a value, found ']'"},
      {"{",
       "byte 1 (line 1, column 2): expected a key in quotes, found the end of the text"},
      {"{\"a\":1,}", "byte 7 (line 1, column 8): expected a key in quotes, found '}'"},
      {"{,}", "byte 1 (line 1, column 2): expected a key in quotes, found ','"},
      {"{a:1}", "byte 1 (line 1, column 2): expected a key in quotes, found 'a'"},
      {"{1:1}", "byte 1 (line 1, column 2): expected a key in quotes, found '1'"},
      {"{\"a\"}", "byte 4 (line 1, column 5): expected ':' after a key, found '}'"},
      {"{\"a\" 1}", "byte 5 (line 1, column 6): expected ':' after a key, found '1'"},
      {"{\"a\":}", "byte 5 (line 1, column 6): expected a value, found '}'"},
      {"{\"a\"::1}", "byte 5 (line 1, column 6): expected a value, found ':'"},
      {"{\"a\":1]",
       "byte 6 (line 1, column 7): expected ',' or '}' after a value, found ']'"},
      {"{\"a\":1 \"b\":2}",
       "byte 7 (line 1, column 8): expected ',' or '}' after a value, found '\"'"},
      {"[\"a\":1]",
       "byte 4 (line 1, column 5): expected ',' or ']' after a value, found ':'"},
      {"[\n  1,\n  \"\xC3\xA9\" x\n]",
       "byte 14 (line 3, column 7): expected ',' or ']' after a value, found 'x'"},
  };
  for (const auto& [text, message] : cases) ExpectRefused(text, message);
}

TEST(Json, RefusesWrongStrings) {
  const std::pair<std::string, const char*> cases[] = {
      {"[\"abc",
       "byte 5 (line 1, column 6): the string that begins at byte 1 does not end"},
      {"\"abc\\\"",
       "byte 6 (line 1, column 7): the string that begins at byte 0 does not end"},
      {"\"\\",
       "byte 2 (line 1, column 3): expected one of \"\\/bfnrtu after a backslash, found "
       "the end of the text"},
      {"\"\\x41\"",
       "byte 2 (line 1, column 3): expected one of \"\\/bfnrtu after a "
       "backslash, found 'x'"},
      {"\"\\\0\""s,
       "byte 2 (line 1, column 3): expected one of \"\\/bfnrtu after a "
       "backslash, found byte 0x00"},
      {"\"a\nb\"",
       "byte 2 (line 1, column 3): control character 0x0A must be escaped in "
       "a string"},
      {"\"\t\"",
       "byte 1 (line 1, column 2): control character 0x09 must be escaped in a "
       "string"},
      {"\"12345678\0\""s,
       "byte 9 (line 1, column 10): control character 0x00 must be "
       "escaped in a string"},
      {"\"\\u12\"",
       "byte 5 (line 1, column 6): expected four hexadecimal digits after "
       "\\u, found '\"'"},
      {"\"\\u12G4\"",
       "byte 5 (line 1, column 6): expected four hexadecimal digits after "
       "\\u, found 'G'"},
      {"\"\\U0041\"",
       "byte 2 (line 1, column 3): expected one of \"\\/bfnrtu after a "
       "backslash, found 'U'"},
      {"\"\\ud800\"", "byte 1 (line 1, column 2): \\uD800 is half of a surrogate pair"},
      {"\"\\udc00\"", "byte 1 (line 1, column 2): \\uDC00 is half of a surrogate pair"},
      {"\"\\ud800x\"", "byte 1 (line 1, column 2): \\uD800 is half of a surrogate pair"},
      {"\"\\ud800\\n\"",
       "byte 1 (line 1, column 2): \\uD800 is half of a surrogate pair"},
      {"\"\\ud800\\u0041\"",
       "byte 1 (line 1, column 2): \\uD800 is half of a surrogate pair"},
      {"\"\\ud800\\ud800\"",
       "byte 1 (line 1, column 2): \\uD800 is half of a surrogate pair"},
      {"\"a\\udfff\\ud800\"",
       "byte 2 (line 1, column 3): \\uDFFF is half of a surrogate pair"},
  };
  for (const auto& [text, message] : cases) ExpectRefused(text, message);
}

TEST(Json, RefusesInvalidUtf8) {
  const std::string sequences[] = {
      "\x80",              // a continuation alone
      "\xC0\x80",          // overlong NUL
      "\xC1\xBF",          // overlong
      "\xE0\x9F\xBF",      // overlong
      "\xF0\x8F\xBF\xBF",  // overlong
      "\xED\xA0\x80",      // a surrogate
      "\xED\xBF\xBF",      // a surrogate
      "\xF4\x90\x80\x80",  // above U+10FFFF
      "\xF5\x80\x80\x80",
      "\xFE",
      "\xFF",
      "\xC3",  // cut off
      "\xE2\x82",
      "\xF0\x9F\x98",
  };
  for (const std::string& bytes : sequences) {
    char hex[3];
    snprintf(hex, sizeof hex, "%02X", static_cast<uint8_t>(bytes[0]));
    ExpectRefused("[\"ab" + bytes + "\"]", "byte 4 (line 1, column 5): byte 0x"s + hex +
                                               " is not valid UTF-8 here");
    ExpectRefused(
        bytes, "byte 0 (line 1, column 1): byte 0x"s + hex + " is not valid UTF-8 here");
    EXPECT_FALSE(IsValidUtf8(bytes));
  }
  // The first mistake is the one that is told.
  ExpectRefused("[1,] \xFF", "byte 3 (line 1, column 4): expected a value, found ']'");
  ExpectRefused("{\"a\":1,\"\xFF\":2,\"a\":3}",
                "byte 8 (line 1, column 9): byte 0xFF is not valid UTF-8 here");
}

TEST(Json, RefusesKeysThatAreTwiceInOneObject) {
  const std::pair<std::string, const char*> cases[] = {
      {R"({"a":1,"a":2})",
       "byte 7 (line 1, column 8): the key \"a\" is in this object already, at byte 1"},
      {R"({"":1,"":2})",
       "byte 6 (line 1, column 7): the key \"\" is in this object already, at byte 1"},
      {"{\"a\":1,\n \"b\":2,\n \"a\":3}",
       "byte 17 (line 3, column 2): the key \"a\" is in this object already, at byte 1"},
      {R"({"a":1,"\u0061":2})",
       "byte 7 (line 1, column 8): the key \"a\" is in this object already, at byte 1"},
      {R"({"\u0061":1,"a":2})",
       "byte 12 (line 1, column 13): the key \"a\" is in this object already, at byte 1"},
      {R"({"\u006a":1,"\u006A":2})",
       "byte 12 (line 1, column 13): the key \"j\" is in this object already, at byte 1"},
      {"{\"\xC3\xA9\":1,\"\\u00e9\":2}",
       "byte 8 (line 1, column 8): the key \"\xC3\xA9\" is in this object already, at "
       "byte 1"},
      {"{\"\xF0\x9F\x98\x80\":1,\"\\uD83D\\ude00\":2}",
       "byte 10 (line 1, column 8): the key \"\xF0\x9F\x98\x80\" is in this object "
       "already, "
       "at byte 1"},
      {R"({"/":1,"\/":2})",
       "byte 7 (line 1, column 8): the key \"/\" is in this object already, at byte 1"},
      {R"({"\n":1,"\u000a":2})",
       "byte 8 (line 1, column 9): the key \"\\n\" is in this object already, at byte 1"},
      {R"({"a":{"b":1,"b":2},"a":3})",
       "byte 12 (line 1, column 13): the key \"b\" is in this object already, at byte 6"},
      {R"([{"x":{"y":0},"z":[{"x":0}],"x":1}])",
       "byte 28 (line 1, column 29): the key \"x\" is in this object already, at byte 2"},
      {R"({"a":0,"b":0,"b":0,"a":0})",
       "byte 13 (line 1, column 14): the key \"b\" is in this object already, at byte 7"},
      {"{\"" + std::string(70, 'k') + "\":1,\"" + std::string(70, 'k') + "\":2}",
       "byte 76 (line 1, column 77): the key "
       "\"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk...\" is in "
       "this "
       "object already, at byte 1"},
  };
  for (const auto& [text, message] : cases) ExpectRefused(text, message);
}

TEST(Json, FindsDuplicatesInObjectsOfEverySize) {
  for (const int count : {2, 15, 16, 17, 18, 100, 5000}) {
    std::string text = "{";
    for (int i = 0; i < count; ++i) text += "\"k" + std::to_string(i) + "\":0,";
    const size_t last = text.size();
    EXPECT_TRUE(MinifyJson(text + "\"K\":0}").ok()) << count;
    ExpectRefused(text + "\"k\\u0031\":0}",
                  "byte " + std::to_string(last) + " (line 1, column " +
                      std::to_string(last + 1) +
                      "): the key \"k1\" is in this object already, at byte 8");
  }
}

// ---- limits ----

TEST(Json, NestingUpToTheLimit) {
  for (const size_t depth_max : {size_t{0}, size_t{1}, size_t{3}, size_t{1000}}) {
    const JsonLimits limits{.depth_max = depth_max};
    const std::string inside = Repeat("[", depth_max) + "1" + Repeat("]", depth_max);
    EXPECT_EQ(MinifyJson(inside, limits).value_or("refused"), inside);
    EXPECT_EQ(MinifyJson("[" + inside + "]", limits).status(),
              absl::InvalidArgumentError(
                  "byte " + std::to_string(depth_max) + " (line 1, column " +
                  std::to_string(depth_max + 1) + "): nested more than " +
                  std::to_string(depth_max) + " deep"));
  }
  const std::string objects = Repeat("{\"a\":", 1000) + "1" + Repeat("}", 1000);
  EXPECT_TRUE(MinifyJson(objects).ok());
  EXPECT_FALSE(MinifyJson("[" + objects + "]").ok());
}

TEST(Json, NestingFarBeyondTheLimit) {
  const std::string message =
      "byte 1000 (line 1, column 1001): nested more than 1000 deep";
  ExpectRefused(Repeat("[", 100000), message);
  ExpectRefused(Repeat("[", 100000) + Repeat("]", 100000), message);
  ExpectRefused(Repeat("{\"a\":", 100000),
                "byte 5000 (line 1, column 5001): nested more "
                "than 1000 deep");
  // Nothing recurses: where the limit allows it, depth costs memory only.
  const std::string deep = Repeat("[", 1000000) + Repeat("]", 1000000);
  EXPECT_TRUE(MinifyJson(deep, {.depth_max = 1000000}).ok());
}

TEST(Json, SizeLimitIsOfTheTextAsItCame) {
  EXPECT_TRUE(MinifyJson("[1, 2]", {.bytes_max = 6}).ok());
  EXPECT_EQ(
      MinifyJson("[1, 2] ", {.bytes_max = 6}).status(),
      absl::InvalidArgumentError("the JSON text has 7 bytes; at most 6 are allowed"));
  const std::string large = "\"" + std::string((64 << 20) - 2, 'x') + "\"";
  EXPECT_TRUE(MinifyJson(large).ok());
  EXPECT_FALSE(MinifyJson(large + " ").ok());
}

// Strings are looked at eight bytes at a time: each special byte at each offset,
// at the end of memory of exactly the size of the text.
TEST(Json, SpecialBytesAtEveryOffset) {
  for (size_t before = 0; before < 20; ++before) {
    for (int byte = 0; byte < 256; ++byte) {
      const std::string text =
          "\"" + std::string(before, 'a') + static_cast<char>(byte) + "\"";
      const std::vector<char> exact(text.begin(), text.end());
      const bool is_fine = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
      EXPECT_EQ(MinifyJson({exact.data(), exact.size()}).ok(), is_fine)
          << before << " " << byte;
    }
  }
}

// ---- random damage ----

TEST(Json, EveryBeginningIsRefused) {
  const std::string text = R"({"a":[1.5e-7,true,"\ud83d\ude00"],"b":{"c":null,"d":[]}})";
  for (size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(MinifyJson(std::string_view(text).substr(0, size)).ok()) << size;
  }
}

TEST(Json, AgreesWithAnotherParserOnDamagedTexts) {
  constexpr uint64_t kSeed = 42;
  constexpr std::string_view kBytes =
      "{}[]\",:\\ \n\t0123456789-+.eEtrufalsn/bDd8C\x01\x80\xC3";
  printf("seed %llu\n", static_cast<unsigned long long>(kSeed));
  std::mt19937_64 random(kSeed);
  const size_t texts = std::size(kAccepted);
  int accepted = 0;
  for (int step = 0; step < 100000 && !HasFailure(); ++step) {
    std::string text = "[" + kAccepted[random() % texts] + "," +
                       kAccepted[random() % texts] +
                       ",{\"a\":" + kAccepted[random() % texts] + ",\"b\":0}]";
    for (uint64_t damage = random() % 3; damage > 0; --damage) {
      const size_t at = random() % text.size();
      const char byte = kBytes[random() % kBytes.size()];
      const uint64_t kind = random() % 3;
      if (kind == 0) text[at] = byte;
      if (kind == 1) text.insert(at, 1, byte);
      if (kind == 2) text.erase(at, 1 + random() % 3);
      if (text.empty()) break;
    }
    const std::optional<bool> expected = test::ShouldAcceptJson(text, 1000);
    const absl::StatusOr<std::string> minified = MinifyJson(text);
    if (expected.has_value()) {
      EXPECT_EQ(minified.ok(), *expected) << text << "\n" << minified.status();
    }
    accepted += minified.ok();
  }
  EXPECT_GT(accepted, 30000);
  EXPECT_LT(accepted, 90000);
}

}  // namespace
}  // namespace sheaf::document
