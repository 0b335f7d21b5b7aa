// JSON to binary and back: what json.h takes is taken, and nothing else, except numbers
// that no document can hold; what comes back means the same. (R8, B34)
#include "document/json_codec.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"

namespace sheaf::document {
namespace {

std::string Back(std::string_view json) {
  NameTable names;
  const auto document = JsonToBinary(json, &names);
  if (!document.ok()) return std::string(document.status().message());
  EXPECT_TRUE(Validate(*document, names).ok())
      << json << ": " << Validate(*document, names);
  const auto back = BinaryToJson(*document, names);
  return back.ok() ? *back : std::string(back.status().message());
}

TEST(JsonCodec, ComesBackAsItWas) {
  for (const std::string json :
       {"null",
        "true",
        "false",
        "0",
        "-1",
        "127",
        "128",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "18446744073709551615",
        "0.5",
        "0.1",
        "-0.0",
        "1.0",
        "1e+300",
        "5e-324",
        "1.7976931348623157e+308",
        "\"\"",
        "\"a\"",
        "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001/\"",
        "\"größe \xf0\x9f\x8c\xbe\"",
        "[]",
        "{}",
        "[[],{}]",
        R"({"":1,"a":{"a":{"a":[1,2,[3]]}}})",
        R"({"z":1,"a":2,"m":3})",
        R"({"$other":1,"$date ":2})",
        R"({"$date":"2026-11-21T19:22:18.123456Z"})",
        R"({"$date":"1969-12-31T23:59:59Z"})",
        R"({"$binary":{"base64":"AAEC/w==","subType":"00"}})",
        R"({"$binary":{"base64":"","subType":"00"}})",
        R"({"$numberDouble":"NaN"})",
        R"({"$numberDouble":"-Infinity"})",
        R"({"$vector":[1,-0.5,3e+38]})",
        R"([{"$date":"2026-11-21T00:00:00Z"},{"$numberDouble":"Infinity"}])"})
    EXPECT_EQ(Back(json), json);
}

TEST(JsonCodec, OtherTextsOfTheSame) {
  EXPECT_EQ(Back(" { \"a\" : [ 1 , 2 ] } \n"), R"({"a":[1,2]})");
  EXPECT_EQ(Back("\"\\u00e4\\ud83c\\udf3e\\/\""), "\"ä\xf0\x9f\x8c\xbe/\"");
  EXPECT_EQ(Back("1e2"), "100.0");
  EXPECT_EQ(Back("1E-2"), "0.01");
  EXPECT_EQ(Back("0e99"), "0.0");
  EXPECT_EQ(Back("100000000000000000000.0"), "1e+20");
  EXPECT_EQ(Back("[100000000000000000000e-1,1]"), "[1e+19,1]");
  EXPECT_EQ(Back("0.1000000000000000055511151231257827021181583404541015625"), "0.1");
  EXPECT_EQ(Back(R"({"$numberInt":"-5"})"), "-5");
  EXPECT_EQ(Back(R"({"$numberLong":"9223372036854775807"})"), "9223372036854775807");
  EXPECT_EQ(Back(R"({"$numberDouble":"2"})"), "2.0");
  for (const char* uuid :
       {"018f4e1c-7b1a-7c3d-9e4f-0a1b2c3d4e5f", "018F4E1C-7B1A-7C3D-9E4F-0A1B2C3D4E5F",
        "018f4e1c7b1a7c3d9e4f0a1b2c3d4e5f"})
    EXPECT_EQ(Back(std::string(R"([{"$uuid":")") + uuid + "\"}]"),
              R"([{"$binary":{"base64":"AY9OHHsafD2eTwobLD1OXw==","subType":"00"}}])");
  EXPECT_EQ(Back(R"({"a":1,"$uuid":"x"})"), R"({"a":1,"$uuid":"x"})");
  EXPECT_EQ(Back(R"({"$date":{"$numberLong":"-1"}})"),
            R"({"$date":"1969-12-31T23:59:59.999Z"})");
  EXPECT_EQ(Back(R"({"$date":"2026-11-21T20:22:18+01:00"})"),
            R"({"$date":"2026-11-21T19:22:18Z"})");
}

TEST(JsonCodec, ErrorsSayWhatAndWhere) {
  const struct {
    const char* json;
    const char* part;
  } kBad[] = {
      {"", "byte 0"},
      {"{\"a\":1,}", "byte 7"},
      {"[1 2]", "byte 3"},
      {"1 2", "byte 2"},
      {"nul", "byte 0"},
      {"false=", "byte 5"},
      {" falsex", "byte 6"},
      {"true=", "byte 4"},
      {"\"\xff\"", "UTF-8"},
      {"\"\\ud800\"", "surrogate"},
      {"{\"a\":1,\"a\":2}", "byte 7"},
      {"{\"a\":1,\"\\u0061\":2}", "byte 7"},
      {"01", "byte 1"},
      {"\xEF\xBB\xBF{}", "byte order mark"},
      {"18446744073709551616", "18446744073709551616 is out of range"},
      {"{\"a\":[1,-9223372036854775809]}", "-9223372036854775809 is out of range"},
      {"[1e400]", "1e400 is out of range"},
      {"1e-400", "1e-400 is out of range"},
      {"{\"$date\":5}", "$date"},
      {"{\"$date\":\"yesterday\"}", "$date"},
      {"{\"$date\":\"infinite-future\"}", "$date"},
      {"{\"$date\":{\"$numberLong\":\"9223372036854775807\"}}", "$date"},
      {"{\"$date\":\"2026-11-21T00:00:00Z\",\"a\":1}", "no other field"},
      {"{\"$binary\":{\"base64\":\"?\"}}", "$binary"},
      {"{\"$binary\":\"AAE=\"}", "$binary"},
      {"{\"$binary\":{\"base64\":\"AAE=\",\"subType\":\"00\",\"subType\":\"00\"}}",
       "byte"},
      {"{\"$binary\":{\"base64\":\"AAE=\",\"other\":\"00\"}}", "$binary"},
      {"{\"$date\":{\"$numberLong\":\"1\",\"a\":2}}", "$date"},
      {R"({"$uuid":5})", "$uuid: expected text like"},
      {R"({"$uuid":{"a":1}})", "$uuid: expected text like"},
      {R"({"$uuid":""})", "$uuid"},
      {R"({"$uuid":"018f4e1c-7b1a-7c3d-9e4f-0a1b2c3d4e5"})", "$uuid"},
      {R"({"$uuid":"018f4e1c-7b1a-7c3d-9e4f-0a1b2c3d4e5g"})", "$uuid"},
      {R"({"$uuid":"018f4e1c7-b1a-7c3d-9e4f-0a1b2c3d4e5f"})", "$uuid"},
      {R"({"$uuid":"{18f4e1c7b1a7c3d9e4f0a1b2c3d4e5}"})", "$uuid"},
      {R"({"$uuid":"018f4e1c7b1a7c3d9e4f0a1b2c3d4e5f","a":1})", "no other field"},
      {R"({"$uuid":"018f4e1c7b1a7c3d9e4f0a1b2c3d4e5f" "a"})", "byte"},
      {"{\"$date\":{\"$numberLong\":\"1\" \"a\"}}", "byte"},
      {"{\"$numberInt\":\"2147483648\"}", "$numberInt"},
      {"{\"$numberLong\":5}", "$numberLong"},
      {"{\"$vector\":[]}", "vector"},
      {"{\"$vector\":[\"a\"]}", "$vector"},
      {"{\"$vector\":[1e39]}", "$vector"},
  };
  for (const auto& [json, part] : kBad) {
    NameTable names;
    const auto document = JsonToBinary(json, &names);
    EXPECT_TRUE(absl::IsInvalidArgument(document.status())) << json;
    EXPECT_NE(document.status().message().find(part), std::string::npos)
        << json << ": " << document.status();
  }
}

TEST(JsonCodec, NestingIsBounded) {
  NameTable names;
  for (const size_t depth : {size_t{1000}, size_t{1001}, size_t{100'000}}) {
    for (const bool objects : {false, true}) {
      std::string json;
      for (size_t i = 0; i < depth; ++i) json += objects ? "{\"a\":" : "[";
      json += "1";
      json.append(depth, objects ? '}' : ']');
      const auto document = JsonToBinary(json, &names);
      EXPECT_EQ(document.ok(), depth <= 1000) << depth << document.status();
      if (!document.ok()) continue;
      EXPECT_TRUE(Validate(*document, names).ok());
      EXPECT_EQ(*BinaryToJson(*document, names), json);
    }
  }
}

TEST(JsonCodec, DoublesAreThoseOfTheirText) {
  std::mt19937_64 random(4);
  for (int i = 0; i < 20'000; ++i) {
    std::string text = random() % 2 == 0 ? "-" : "";
    text += static_cast<char>('1' + random() % 9);
    for (uint64_t n = random() % 25; n > 0; --n)
      text += static_cast<char>('0' + random() % 10);
    text += '.';
    for (uint64_t n = 1 + random() % 40; n > 0; --n)
      text += static_cast<char>('0' + random() % 10);
    if (random() % 2 == 0)
      absl::StrAppend(&text, "e", static_cast<int>(random() % 500) - 250);
    const double expected = std::strtod(text.c_str(), nullptr);
    NameTable names;
    const auto document = JsonToBinary(text, &names);
    ASSERT_TRUE(document.ok()) << text << document.status();
    ASSERT_EQ(RootOf(*document, names).double_value(), expected) << text;
    ASSERT_EQ(std::strtod(BinaryToJson(*document, names)->c_str(), nullptr), expected);
  }
}

// What MinifyJson says of changed texts, this must say, too.
TEST(JsonCodec, AgreesWithTheGrammar) {
  const std::string seeds[] = {
      R"({"id":"n1","words":["a","b \u00e4"],"n":[1,-2.5e3,true,null],"deep":{"a":[{}]}})",
      R"([1,2,{"a":"\ud83c\udf3e","b":[[]]},"text with \"quotes\"",0.125,-0])",
      R"("just text")", "-12.5e-3"};
  std::mt19937_64 random(3);
  const std::string kBytes = "{}[],:\"\\ue0123456789.-+EtfnulrsaX \n\x01\xc3\xa4\xff";
  uint64_t taken = 0, refused = 0;
  for (int i = 0; i < 60'000; ++i) {
    std::string json = seeds[random() % 4];
    for (uint64_t n = random() % 4; n > 0; --n) {
      const size_t at = random() % (json.size() + 1);
      if (random() % 3 == 0)
        json.insert(at, 1, kBytes[random() % kBytes.size()]);
      else if (random() % 2 == 0)
        json.erase(at, 1 + random() % 3);
      else if (at < json.size())
        json[at] = kBytes[random() % kBytes.size()];
    }
    NameTable names;
    const auto document = JsonToBinary(json, &names);
    const auto minified = MinifyJson(json);
    const bool range = !document.ok() && document.status().message().find(
                                             "out of range") != std::string::npos;
    ASSERT_TRUE(document.ok() == minified.ok() || (range && minified.ok()))
        << json << "\n"
        << document.status() << "\n"
        << minified.status();
    taken += document.ok();
    refused += !document.ok();
    if (!document.ok()) continue;
    const auto back = BinaryToJson(*document, names);
    ASSERT_TRUE(back.ok()) << json;
    NameTable others;
    ASSERT_EQ(*BinaryToJson(*JsonToBinary(*back, &others), others), *back) << json;
  }
  EXPECT_GT(taken, 5'000u);
  EXPECT_GT(refused, 5'000u);
}

TEST(JsonCodec, TheFirstTextOfAThreadMayBeAny) {
  for (const std::string& text : {std::string(), std::string(" "), std::string("x"),
                                  std::string(3 << 20, ' '), std::string(3 << 20, '[')})
    std::thread([&] {
      NameTable names;
      EXPECT_FALSE(JsonToBinary(text, &names).ok());
      EXPECT_TRUE(JsonToBinary("{}", &names).ok());
      EXPECT_FALSE(JsonToBinary(text, &names).ok());
    }).join();
}

TEST(JsonCodec, VectorsTakeWhatRoundsToZero) {
  NameTable names;
  const auto document = JsonToBinary(R"({"$vector":[1e-400,1]})", &names);
  ASSERT_TRUE(document.ok()) << document.status();
  EXPECT_EQ(RootOf(*document, names).vector_value(), (std::vector<float>{0, 1}));
  for (const char* wrong : {R"({"$vector":[1,]})", R"({"$vector":[1e400]})",
                            R"({"$vector":[]})", R"({"$vector":["1"]})"})
    EXPECT_FALSE(JsonToBinary(wrong, &names).ok()) << wrong;
}

// Also inside of what is no object in the document.
TEST(JsonCodec, DepthIsThatOfTheText) {
  for (const char* inner :
       {R"({"$date":{"$numberLong":"1"}})", R"({"$vector":[1]})",
        R"({"$binary":{"base64":"AAE="}})", R"({"$date":"2026-11-21T19:22:18Z"})"})
    for (const size_t depth : {3, 4, 5}) {
      const std::string json =
          std::string(depth - 2, '[') + inner + std::string(depth - 2, ']');
      for (const size_t depth_max : {3, 4, 5}) {
        NameTable names;
        EXPECT_EQ(JsonToBinary(json, &names, {.depth_max = depth_max}).ok(),
                  MinifyJson(json, {.depth_max = depth_max}).ok())
            << json << depth_max;
      }
    }
}

// One table for documents whose names come in any order: those that are guessed by what
// came before are short or long, begin alike, and have to be escaped.
TEST(JsonCodec, NamesOfManyDocuments) {
  std::vector<std::string> pool = {"",
                                   "a",
                                   "ab",
                                   "b",
                                   "a\"b",
                                   "\\",
                                   "$set",
                                   "$x",
                                   "\x01",
                                   "\xc3\xa4",
                                   "name",
                                   "named",
                                   std::string("n\0", 2)};
  for (const size_t size : {7, 8, 14, 15, 16, 17, 30, 63, 64, 65, 200})
    for (const char* last : {"x", "y", ""}) pool.push_back(std::string(size, 'n') + last);
  std::mt19937_64 random(5);
  NameTable names;
  for (int i = 0; i < 5'000; ++i) {
    std::string json = "{\"list\":[";
    for (uint64_t inner = random() % 4; inner-- > 0;) {
      const size_t first = random() % 3 == 0 ? random() % pool.size() : 3;
      json += '{';
      for (size_t k = 0; k < 1 + random() % 6; ++k) {
        if (k > 0) json += ',';
        AppendJsonString(pool[(first + k) % pool.size()], &json);
        json += ":" + std::to_string(random() % 1000);
      }
      json += inner == 0 ? "}" : "},";
    }
    json += "],\"n\":" + std::to_string(i) + "}";
    const auto document = JsonToBinary(json, &names);
    ASSERT_TRUE(document.ok()) << json << document.status();
    ASSERT_TRUE(Validate(*document, names).ok()) << json;
    ASSERT_EQ(*BinaryToJson(*document, names), json);
  }
}

}  // namespace
}  // namespace sheaf::document
