// Binary documents: bytes as the table in binary.h says, everything written comes back,
// fields are found, and of bytes that are no document nothing outside them is read. (R8)
#include "document/binary.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "document/json_codec.h"

namespace sheaf::document {
namespace {

std::string Hex(const absl::StatusOr<std::string>& document) {
  return document.ok() ? absl::BytesToHexString(*document)
                       : std::string(document.status().message());
}

TEST(BinaryDocument, BytesAreAsDocumented) {
  NameTable names;
  Writer w(&names);
  w.BeginObject();
  w.Name("a"), w.Int(127);
  w.Name("b"), w.Int(128);
  w.Name("c"), w.Int(-1);
  w.Name("d"), w.Uint(uint64_t{1} << 63);
  w.Name("e"), w.Double(0.5);
  w.Name("f"), w.Double(0.1);
  w.Name("g"), w.Timestamp(1);
  w.Name("h"), w.String("hi");
  w.Name("i"), w.String(std::string(64, 'x'));
  w.Name("j"), w.Bytes("\x01");
  w.Name("k"), w.Vector({1.0f});
  w.Name("l"), w.BeginArray(), w.Null(), w.Bool(false), w.Bool(true), w.End();
  w.Name(std::string(65, 'n')), w.Int(1);
  w.End();
  const auto document = w.Finish();
  ASSERT_TRUE(document.ok()) << document.status();
  EXPECT_EQ(Hex(document),
            absl::StrCat("020c", "c201",          // 194 bytes
                         "00ff",                  // a
                         "02038002",              // b
                         "040301",                // c
                         "06040000000000000080",  // d
                         "08060000003f",          // e
                         "0a059a9999999999b93f",  // f
                         "0c0702",                // g
                         "0e426869",              // h
                         "100840",                // i
                         absl::BytesToHexString(std::string(64, 'x')),
                         "12090101",        // j
                         "140a010000803f",  // k
                         "160b03000102",    // l
                         "8301", absl::BytesToHexString(std::string(65, 'n')), "81"));
  EXPECT_EQ(names.size(), 12u);
  EXPECT_TRUE(Validate(*document, names).ok()) << Validate(*document, names);
}

TEST(BinaryDocument, NumbersComeBack) {
  NameTable names;
  std::vector<int64_t> ints = {0, 1, 127, 128, -1, -64, -65, INT64_MAX, INT64_MIN};
  std::mt19937_64 random(1);
  for (int i = 0; i < 2000; ++i)
    ints.push_back(static_cast<int64_t>(random()) >> (random() % 64));
  for (const int64_t value : ints) {
    Writer w(&names);
    w.Int(value);
    const std::string document = *w.Finish();
    const View v = RootOf(document, names);
    ASSERT_EQ(v.kind(), Kind::kInt);
    ASSERT_EQ(v.int_value(), value);
    ASSERT_TRUE(Validate(document, names).ok());
    w.Timestamp(value);
    const std::string timestamp = *w.Finish();
    ASSERT_EQ(RootOf(timestamp, names).timestamp_micros(), value);
  }
  for (double value : {0.0, -0.0, 0.1, 1e300, -1e-300, 3.5, 1.0 / 3,
                       std::numeric_limits<double>::infinity(),
                       std::numeric_limits<double>::denorm_min(),
                       double{std::numeric_limits<float>::max()}}) {
    Writer w(&names);
    w.Double(value);
    const std::string document = *w.Finish();
    const View v = RootOf(document, names);
    EXPECT_EQ(v.kind(), Kind::kDouble);
    EXPECT_EQ(v.double_value(), value);
    EXPECT_EQ(std::signbit(v.double_value()), std::signbit(value));
    EXPECT_TRUE(Validate(document, names).ok()) << value;
  }
  Writer w(&names);
  w.Double(std::nan("7"));
  EXPECT_TRUE(std::isnan(RootOf(*w.Finish(), names).double_value()));
}

TEST(BinaryDocument, FieldsAndElementsAreFound) {
  NameTable names;
  const std::string long_name(100, 'n');
  const std::string document = *JsonToBinary(
      absl::StrCat(R"({"a":{"b":[10,{"c":"deep"},[]]},")", long_name, R"(":2,"":3})"),
      &names);
  const View root = RootOf(document, names);
  EXPECT_EQ(root.Field("a")->Field("b")->Element(0)->int_value(), 10);
  EXPECT_EQ(root.Field("a")->Field("b")->Element(1)->Field("c")->string_value(), "deep");
  EXPECT_EQ(root.Field("a")->Field("b")->Element(2)->kind(), Kind::kArray);
  EXPECT_FALSE(root.Field("a")->Field("b")->Element(3).has_value());
  EXPECT_EQ(root.Field(long_name)->int_value(), 2);
  EXPECT_EQ(root.Field("")->int_value(), 3);
  EXPECT_FALSE(root.Field("b").has_value()) << "it is further in";
  EXPECT_FALSE(root.Element(0).has_value());
  EXPECT_FALSE(root.Field("a")->Field("b")->Field("c").has_value());
}

TEST(BinaryDocument, NamesBeyondTheTableAreTheDocumentsOwn) {
  NameTable names;
  std::string json = "{";
  for (uint32_t i = 0; i < NameTable::kNamesMax + 500; ++i)
    absl::StrAppend(&json, i > 0 ? "," : "", "\"key", i, "\":", i);
  json += "}";
  const auto document = JsonToBinary(json, &names);
  ASSERT_TRUE(document.ok()) << document.status();
  EXPECT_EQ(names.size(), NameTable::kNamesMax);
  EXPECT_EQ(*BinaryToJson(*document, names), json);
  EXPECT_EQ(RootOf(*document, names).Field("key4500")->int_value(), 4500);
  EXPECT_TRUE(Validate(*document, names).ok());
  Writer w(&names);
  w.BeginObject();
  w.Name("key4500"), w.Int(1), w.Name("key4500"), w.Int(2);
  w.End();
  EXPECT_TRUE(absl::IsInvalidArgument(w.Finish().status()));
}

TEST(BinaryDocument, WhatIsNoneIsRefused) {
  NameTable names;
  const auto refused = [&](auto fill) {
    Writer w(&names);
    fill(w);
    const auto document = w.Finish();
    EXPECT_TRUE(absl::IsInvalidArgument(document.status())) << document.status();
    w.Null();
    EXPECT_TRUE(w.Finish().ok()) << "it can be used again";
  };
  refused([](Writer& w) { w.String("\xff"); });
  refused([](Writer& w) { w.Vector({}); });
  refused([](Writer& w) { w.Vector({std::numeric_limits<float>::infinity()}); });
  refused([](Writer& w) { w.Vector(std::vector<float>(kVectorSizeMax + 1)); });
  refused([](Writer& w) {
    for (size_t i = 0; i <= kDepthMax; ++i) w.BeginArray();
    for (size_t i = 0; i <= kDepthMax; ++i) w.End();
  });
  refused([](Writer& w) { w.Bytes(std::string(kDocumentBytesMax, 'b')); });
  for (const int fields : {2, 30})
    refused([&](Writer& w) {
      w.BeginObject();
      for (int i = 0; i < fields; ++i)
        w.Name(absl::StrCat("f", i % (fields - 1))), w.Null();
      w.End();
    });
}

// Every change of one byte, and every cut, of a document with all there is.
TEST(BinaryDocument, DamageStaysInside) {
  NameTable names;
  const std::string whole = *JsonToBinary(
      R"({"a":[1,-5,300,18446744073709551615,0.5,0.1,null,true,{"$date":"2026-01-02T03:04:05Z"},)"
      R"({"$binary":{"base64":"AAEC","subType":"00"}},{"$vector":[1,2]},"text"],"b":{"c":{"d":"more"}},)"
      R"("name":"0123456789012345678901234567890123456789012345678901234567890123456789"})",
      &names);
  const std::string json = *BinaryToJson(whole, names);
  std::mt19937_64 random(2);
  uint64_t noticed = 0, changed = 0;
  for (size_t at = 0; at < whole.size(); ++at)
    for (int k = 0; k < 40; ++k) {
      const std::string copy = whole;  // of its own, so that a sanitizer sees its end
      std::string bytes(copy.data(), copy.size());
      if (k == 0)
        bytes.resize(at);
      else
        bytes[at] = static_cast<char>(random());
      const absl::Status valid = Validate(bytes, names);
      EXPECT_TRUE(valid.ok() || absl::IsDataLoss(valid)) << valid;
      const auto printed = BinaryToJson(bytes, names);
      EXPECT_TRUE(printed.ok() || absl::IsDataLoss(printed.status()));
      EXPECT_TRUE(!valid.ok() || printed.ok()) << printed.status();
      const View root = RootOf(bytes, names);
      (void)root.Field("b");
      noticed += !valid.ok();
      changed += printed.ok() && *printed != json;
    }
  EXPECT_GT(noticed, 1000u);
  EXPECT_GT(changed, 1000u);
}

}  // namespace
}  // namespace sheaf::document
