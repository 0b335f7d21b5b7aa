// The bytes of indexes and schemas, written out by the tables in document/index_key.h,
// index_entry.h and schema.h: what is stored in files may not change unnoticed (I10).
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "document/collection_codec.h"
#include "document/index_entry.h"
#include "document/index_key.h"
#include "document/json_codec.h"
#include "document/schema.h"

namespace sheaf::document {
namespace {

using std::string_literals::operator""s;

std::string Hex(std::string_view bytes) {
  return absl::BytesToHexString(absl::string_view(bytes.data(), bytes.size()));
}

std::string Repeat(std::string_view hex, size_t times) {
  std::string out;
  while (times-- > 0) out += hex;
  return out;
}

// --- Keys of values -----------------------------------------------------------

struct KeyCase {
  const char* json;
  std::string key;  // in hexadecimal
};

// In ascending order; those of one key have the same.
std::vector<KeyCase> KeyCases() {
  return {
      {"null", "10"},
      {R"({"$numberDouble":"NaN"})", "20"},
      {R"({"$numberDouble":"-Infinity"})", "26800fffffffffffff"},
      {"-1e20", "26bbea50e2874a73bf"},
      {"-9223372036854775808", "277fffffffffffffffff"},
      {"-256", "2dfeffff"},
      {"-255", "2e00ff"},
      {"-1.5", "2efefe7fffffffffffff"},
      {"-1", "2efeff"},
      {"-0.5", "2ffec01fffffffffffff"},
      {"-0.0", "3000"},
      {"0", "3000"},
      {"5e-324", "30010000000000000001"},
      {"0.1", "30013fb999999999999a"},
      {"0.5", "30013fe0000000000000"},
      {"1", "310100"},
      {"1.0", "310100"},
      {"1.5", "31010180000000000000"},
      {"127", "317f00"},
      {"255", "31ff00"},
      {"256", "32010000"},
      {"256.25", "3201000140000000000000"},
      {"65536", "3301000000"},
      {"9007199254740993", "372000000000000100"},
      {"9223372036854775807", "387fffffffffffffff00"},
      {"18446744073709551615", "38ffffffffffffffff00"},
      {"18446744073709551616.0", "3943f0000000000000"},
      {"1e20", "394415af1d78b58c40"},
      {R"({"$numberDouble":"Infinity"})", "397ff0000000000000"},
      {R"("")", "400000"},
      {R"("\u0000")", "4000ff0000"},
      {R"("a")", "40610000"},
      {R"("a\u0000b")", "406100ff620000"},
      {R"("ab")", "4061620000"},
      {R"("é")", "40c3a90000"},
      {"{}", "4800"},
      {R"({"a":null,"b":{"c":true}})", "48016100001004620000480863000069"s + "0000"},
      {R"({"a":1})", "48026100003101"s + "0000"},
      {R"({"a":"x"})", "48036100004078000000"},
      {"[]", "5000"},
      {R"([1,"a"])", "503101004061000000"},
      {"[[]]", "50500000"},
      {R"({"$binary":{"base64":"","subType":"00"}})", "580000"},
      {R"({"$binary":{"base64":"AAE=","subType":"00"}})", "5800ff010000"},
      {R"({"$binary":{"base64":"/w==","subType":"00"}})", "58ff0000"},
      {R"({"$vector":[-2.5]})", "60013fdfffff00"},
      {R"({"$vector":[1,-2.5]})", "6001bf800000013fdfffff00"},
      {"false", "68"},
      {"true", "69"},
      {R"({"$date":"1969-12-31T23:59:59.999999Z"})", "707fffffffffffffff"},
      {R"({"$date":"1970-01-01T00:00:00.000001Z"})", "708000000000000001"},
      {R"({"$date":"2026-01-02T03:04:05Z"})", "708006475ef64cf340"},
  };
}

std::string InvertedHex(std::string hex) {
  for (char& c : hex) {
    const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
    c = "fedcba9876543210"[digit];
  }
  return hex;
}

Index IndexOf(const std::string& json) {
  Index index;
  const absl::StatusOr<IndexDefinition> definition = IndexDefinition::Parse(json);
  EXPECT_TRUE(definition.ok()) << definition.status();
  index.definition = *definition;
  if (!definition->filter.empty()) index.filter = *Filter::Parse(definition->filter);
  for (const IndexField& field : definition->fields)
    index.paths.push_back(*Path::Parse(field.path));
  return index;
}

TEST(GoldenBytes, IndexKeys) {
  const Index up = IndexOf(R"({"fields":{"a":1}})");
  const Index down = IndexOf(R"({"fields":{"a":-1}})");
  std::string before;
  for (const KeyCase& c : KeyCases()) {
    NameTable names;
    const std::string document = *JsonToBinary(c.json, &names);
    const IndexValue value(RootOf(document, names));
    EXPECT_EQ(Hex(value.key()), c.key) << c.json;
    EXPECT_EQ(Hex(ValuesOf(up, {value})), c.key) << c.json;
    EXPECT_EQ(Hex(ValuesOf(down, {value})), InvertedHex(c.key)) << c.json;
    EXPECT_LE(before, c.key) << c.json;
    before = c.key;
  }
  EXPECT_EQ(Hex(ValuesOf(down, {IndexValue("a\0b"s)})), "bf9eff009dffff");
  EXPECT_EQ(Hex(ValuesOf(down, {IndexValue(256)})), "cdfeffff");
  EXPECT_EQ(Hex(ValuesOf(down, {IndexValue(-1)})), "d10100");
}

// --- Entries --------------------------------------------------------------------

struct EntryCase {
  const char* index;
  std::string json, document_key;  // the key as it is stored
  std::vector<std::string> keys, values;
};

const std::string& NumberKey() {
  static const std::string key = EncodeNumberKey(1);  // 10 80 00 … 01
  return key;
}
constexpr std::string_view kNumberKeyHex = "108000000000000001";

void ExpectEntries(const EntryCase& c) {
  const Index index = IndexOf(c.index);
  NameTable names;
  const std::string document = *JsonToBinary(c.json, &names);
  IndexEntries of;
  ASSERT_TRUE(EntriesOf(index, RootOf(document, names), &of).ok()) << c.json;
  ASSERT_EQ(of.entries.size(), c.keys.size()) << c.json;
  for (size_t i = 0; i < c.keys.size(); ++i) {
    const StoredEntry stored = EncodeEntry(index, of.entries[i], c.document_key);
    EXPECT_EQ(Hex(stored.key), c.keys[i]) << c.json;
    EXPECT_EQ(Hex(stored.value), c.values[i]) << c.json;
    const absl::StatusOr<EntryView> back = DecodeEntry(index, stored.key, stored.value);
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(back->values, of.entries[i].values) << c.json;
    EXPECT_EQ(back->document_key, c.document_key) << c.json;
  }
}

TEST(GoldenBytes, EntriesOfAnIndex) {
  constexpr char kPlain[] = R"({"fields":{"a":1}})";
  const std::string at(kNumberKeyHex);
  const EntryCase cases[] = {
      {kPlain, R"({"a":7})", NumberKey(), {"310700" + at}, {""}},
      {kPlain, R"({"a":7.0})", NumberKey(), {"310700" + at}, {"04"}},
      {kPlain, R"({"b":7})", NumberKey(), {"10" + at}, {""}},
      {kPlain, R"({"a":null})", NumberKey(), {"10" + at}, {""}},
      {kPlain, R"({"a":[]})", NumberKey(), {"08" + at}, {"04"}},
      {kPlain, R"([{"a":true}])", NumberKey(), {"69" + at}, {""}},
      {kPlain,
       R"({"a":[2,"x",1,2.0]})",
       NumberKey(),
       {"310100" + at, "310200" + at, "40780000" + at},
       {"", "04", ""}},
      {kPlain,
       R"({"a":{"b":1}})",
       NumberKey(),
       {"4802620000"s + "31010000" + at},
       {"04"}},
      {kPlain, R"({"a":"x"})", *EncodeTextKey("k"), {"40780000206b"}, {""}},
      {kPlain, R"({"a":"x"})", *EncodeBytesKey("k"), {"40780000306b"}, {""}},
      {R"({"fields":{"a":1,"b":-1}})",
       R"({"a":"x","b":1})",
       *EncodeTextKey("k"),
       {"40780000cefeff206b"},
       {""}},
      {R"({"fields":{"a":-1,"b":1}})",
       R"({"a":[1,2],"b":"y"})",
       *EncodeTextKey("k"),
       {"cefdff40790000206b", "cefeff40790000206b"},
       {"", ""}},
      {R"({"fields":{"a":1},"sparse":true})", R"({"b":1})", NumberKey(), {}, {}},
      {R"({"fields":{"a":1},"sparse":true})",
       R"({"a":null})",
       NumberKey(),
       {"10" + at},
       {""}},
      {R"({"fields":{"a":1},"filter":{"b":{"$gt":1}}})",
       R"({"a":1,"b":1})",
       NumberKey(),
       {},
       {}},
  };
  for (const EntryCase& c : cases) ExpectEntries(c);
}

TEST(GoldenBytes, EntriesOfAUniqueIndex) {
  constexpr char kUnique[] = R"({"fields":{"u":1},"unique":true})";
  Uuid uuid{};
  uuid[0] = 0xab, uuid[15] = 0x01;
  const EntryCase cases[] = {
      {kUnique,
       R"({"u":"x"})",
       EncodeUuidKey(uuid),
       {"40780000"},
       {"0028ab" + Repeat("00", 14) + "01"}},
      {kUnique, R"({"u":1.0})", *EncodeBytesKey("a"), {"310100"}, {"043061"}},
      {kUnique,
       "{}",
       NumberKey(),
       {"10"},
       {absl::StrCat("00", std::string(kNumberKeyHex))}},
      {R"({"fields":{"u":-1},"unique":true})",
       R"({"u":"x"})",
       *EncodeTextKey("k"),
       {"bf87ffff"},
       {"00206b"}},
  };
  for (const EntryCase& c : cases) ExpectEntries(c);
}

// The hashes are SHA-256, as any other program computes it.
TEST(GoldenBytes, EntriesThatAreCut) {
  constexpr char kPlain[] = R"({"fields":{"a":1}})";
  constexpr char kBoth[] = R"({"fields":{"n":1,"a":-1}})";
  constexpr char kUnique[] = R"({"fields":{"a":1},"unique":true})";
  const std::string text = absl::StrCat(R"({"n":1,"a":")", std::string(600, 't'), "\"}");
  const std::string cut_text =
      "40" + Repeat("74", 495) + "5b6ef22a56200d9a6ca254823fddef87";
  const std::string cut_both =
      "310100bf" + Repeat("8b", 492) + "263026447c892e49d60c4fc819d15c3e";
  const std::string long_key = *EncodeBytesKey(std::string(600, 'k'));
  const std::string long_key_hex = "30" + Repeat("6b", 600);
  const std::string cut_key =
      "30" + Repeat("6b", 463) + "87ce0da666e8678527ee3238f21e355a";
  const std::string at(kNumberKeyHex);
  const EntryCase cases[] = {
      {kPlain, text, NumberKey(), {cut_text + at}, {"01"}},
      {kBoth, text, NumberKey(), {cut_both + at}, {"01"}},
      {kPlain, R"({"a":1})", long_key, {"310100" + cut_key}, {"02" + long_key_hex}},
      {kPlain, R"({"a":1.0})", long_key, {"310100" + cut_key}, {"06" + long_key_hex}},
      {kPlain, text, long_key, {cut_text + cut_key}, {"03" + long_key_hex}},
      {kUnique, text, NumberKey(), {cut_text}, {"01" + at}},
      {kUnique, text, long_key, {cut_text}, {"01" + long_key_hex}},
      {kUnique, R"({"a":1})", long_key, {"310100"}, {"00" + long_key_hex}},
  };
  for (const EntryCase& c : cases) ExpectEntries(c);
}

// One byte more, and they are cut: an entry that is not is never like one that is.
TEST(GoldenBytes, EntriesThatAreAlmostCut) {
  constexpr char kPlain[] = R"({"fields":{"a":1}})";
  const auto text = [](size_t size) {
    return absl::StrCat(R"({"a":")", std::string(size, 't'), "\"}");
  };
  const auto key = [](size_t size) { return *EncodeBytesKey(std::string(size, 'k')); };
  const std::string at(kNumberKeyHex);
  const EntryCase cases[] = {
      {kPlain, text(493), NumberKey(), {"40" + Repeat("74", 493) + "0000" + at}, {""}},
      {kPlain,
       text(494),
       NumberKey(),
       {"40" + Repeat("74", 494) + "00" + "0691d94a829f168df09549b5c7f5e007" + at},
       {"01"}},
      {kPlain, R"({"a":1})", key(463), {"31010030" + Repeat("6b", 463)}, {""}},
      {kPlain,
       R"({"a":1})",
       key(464),
       {"31010030" + Repeat("6b", 463) + "a2af8a9860f56820aab4a04c8a8e5d5e"},
       {"0230" + Repeat("6b", 464)}},
  };
  for (const EntryCase& c : cases) ExpectEntries(c);
}

// --- The schema -----------------------------------------------------------------

TEST(GoldenBytes, SchemaRows) {
  EXPECT_EQ(SchemaKey(0), "\x01\0\0\0\0"s);
  EXPECT_EQ(SchemaKey(0x01020304), "\x01\x01\x02\x03\x04"s);
  EXPECT_EQ(EncodeNameRow("author"), "\x01"s + "author");
  EXPECT_EQ(EncodeNameRow(""), "\x01"s);
  EXPECT_EQ(EncodeLostRow(), "\x04"s);
  EXPECT_EQ(EncodeFactRow(1, Fact::kReady), "\x03\x01\x01"s);
  EXPECT_EQ(EncodeFactRow(1, Fact::kFailed), "\x03\x01\x02"s);
  EXPECT_EQ(EncodeFactRow(1, Fact::kDropped), "\x03\x01\x03"s);
  EXPECT_EQ(EncodeFactRow(127, Fact::kThroughArrays), "\x03\x7f\x04"s);
  EXPECT_EQ(EncodeFactRow(300, Fact::kCut), "\x03\xac\x02\x05"s);
  EXPECT_EQ(EncodeFactRow(1, Fact::kDisabled), "\x03\x01\x06"s);
  EXPECT_EQ(EncodeFactRow(1, Fact::kEnabled), "\x03\x01\x07"s);
  Index index = IndexOf(R"({"fields":{"a":1}})");
  index.tree = "\x01"s + "7.0";
  EXPECT_EQ(EncodeIndexRow(index),
            "\x02\x04\x01"s + "7.0" + R"({"name":"a_1","fields":{"a":1}})");
  index = IndexOf(
      R"({"unique":true, "filter":{"b" : {"$gt":1.50}}, "sparse":true,
          "fields":{"a\"":1, "b.c":-1}, "name":"ö"})");
  index.tree = "\x01"s + std::string(129, '7');
  EXPECT_EQ(EncodeIndexRow(index),
            "\x02\x82\x01\x01"s + std::string(129, '7') +
                R"({"name":"ö","fields":{"a\"":1,"b.c":-1},"unique":true,"sparse":true,)"
                R"("filter":{"b":{"$gt":1.5}}})");
}

// And what such rows make.
TEST(GoldenBytes, SchemaIsRead) {
  Schema schema;
  for (const std::string& row :
       {"\x01"s + "author", "\x01"s + "year", "\x04"s,
        "\x02\x04\x01"s + "7.0" + R"({"name":"by","fields":{"author":1,"year":-1}})",
        "\x03\x03\x04"s, "\x03\x03\x01"s, "\x01"s + "tags"})
    ASSERT_TRUE(schema.TakeRow(row).ok()) << testing::PrintToString(row);
  EXPECT_EQ(schema.rows(), 7u);
  EXPECT_EQ(schema.names().Find("author"), 0u);
  EXPECT_EQ(schema.names().Find("tags"), 6u);
  const Index* const by = schema.FindIndex("by");
  ASSERT_NE(by, nullptr);
  EXPECT_EQ(by->tree, "\x01"s + "7.0");
  EXPECT_EQ(by->row, 3u);
  EXPECT_EQ(by->state, IndexState::kReady);
  EXPECT_TRUE(by->through_arrays && !by->cut && !by->definition.unique);
  EXPECT_TRUE(by->definition.fields[1].descending);
}

}  // namespace
}  // namespace sheaf::document
