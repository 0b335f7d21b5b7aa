// Proves the bytes of document keys and stored documents: golden first, then
// order, then that everything else is refused.
#include "document/collection_codec.h"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <random>
#include <vector>

#include "document/json_codec.h"
#include "gtest/gtest.h"

namespace sheaf::document {
namespace {

using std::string_literals::operator""s;

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

TEST(CollectionCodec, GoldenKeys) {
  EXPECT_EQ(EncodeNumberKey(0), "\x10\x80\0\0\0\0\0\0\0"s);
  EXPECT_EQ(EncodeNumberKey(-1), "\x10\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s);
  EXPECT_EQ(EncodeNumberKey(0x0102), "\x10\x80\0\0\0\0\0\x01\x02"s);
  EXPECT_EQ(*EncodeTextKey("ab"),
            "\x20"
            "ab");
  EXPECT_EQ(*EncodeTextKey("\0"s), "\x20\0"s);
  EXPECT_EQ(EncodeTextKeyPrefix(""), "\x20");
}

TEST(CollectionCodec, KeysAreReadBack) {
  for (const int64_t number : {kMin, int64_t{-1}, int64_t{0}, int64_t{1}, kMax}) {
    EXPECT_EQ(std::get<int64_t>(*DecodeCollectionKey(EncodeNumberKey(number))), number);
  }
  for (const std::string& text : {"a"s, "\0\xC3\xA9"s, std::string(1000, 'x')}) {
    const std::string bytes = *EncodeTextKey(text);
    EXPECT_EQ(std::get<std::string_view>(*DecodeCollectionKey(bytes)), text);
  }
}

TEST(CollectionCodec, NumbersByValueThenTextsByBytes) {
  const std::vector<std::string> ascending = {EncodeNumberKey(kMin),
                                              EncodeNumberKey(-256),
                                              EncodeNumberKey(-1),
                                              EncodeNumberKey(0),
                                              EncodeNumberKey(255),
                                              EncodeNumberKey(256),
                                              EncodeNumberKey(kMax),
                                              *EncodeTextKey("\0"s),
                                              *EncodeTextKey("\0\0"s),
                                              *EncodeTextKey("0"),
                                              *EncodeTextKey("a"),
                                              *EncodeTextKey("a\0"s),
                                              *EncodeTextKey("aa"),
                                              *EncodeTextKey("b"),
                                              *EncodeTextKey("\xC3\xA9"),
                                              *EncodeTextKey("\xEF\xBF\xBF"),
                                              *EncodeTextKey("\xF0\x90\x80\x80")};
  EXPECT_TRUE(std::is_sorted(ascending.begin(), ascending.end(), std::less_equal<>()));
}

TEST(CollectionCodec, RandomNumbersKeepTheirOrder) {
  constexpr uint64_t kSeed = 7;
  printf("seed %llu\n", static_cast<unsigned long long>(kSeed));
  std::mt19937_64 random(kSeed);
  for (int step = 0; step < 100000; ++step) {
    const int64_t a = static_cast<int64_t>(random()) >> (random() % 64);
    const int64_t b = static_cast<int64_t>(random()) >> (random() % 64);
    ASSERT_EQ(EncodeNumberKey(a) < EncodeNumberKey(b), a < b) << a << " " << b;
  }
}

TEST(CollectionCodec, RefusesTextsThatAreNoKeys) {
  EXPECT_EQ(EncodeTextKey("").status(),
            absl::InvalidArgumentError("the document key is empty"));
  EXPECT_EQ(EncodeTextKey(std::string(1001, 'x')).status(),
            absl::InvalidArgumentError(
                "the document key has 1001 bytes; at most 1000 are allowed"));
  EXPECT_EQ(EncodeTextKey("a\xFF").status(),
            absl::InvalidArgumentError("the document key is not valid UTF-8"));
}

TEST(CollectionCodec, DoubtsKeysFromDisk) {
  const std::string number = EncodeNumberKey(5);
  for (const std::string& bytes :
       {""s, "\x10"s, number.substr(0, 8), number + "x", "\x20"s, "\x20\xED\xA0\x80"s,
        "\x20" + std::string(1001, 'x'), "\0"s, "\x11" + number.substr(1),
        "\xFF"
        "a"s}) {
    EXPECT_EQ(DecodeCollectionKey(bytes).status().code(), absl::StatusCode::kDataLoss)
        << bytes.size();
  }
}

absl::Status Open(const std::string& stored, std::string* json = nullptr) {
  NameTable names, text_names;
  names.Intern("a");
  std::string buffer;
  View root;
  absl::Status status = OpenDocument(stored, names, &text_names, &buffer, &root);
  return status.ok() && json != nullptr ? AppendJson(root, json) : status;
}

TEST(CollectionCodec, Documents) {
  std::string json;
  EXPECT_TRUE(Open("\x01{\"a\":[1]}", &json).ok());
  EXPECT_EQ(json, "{\"a\":[1]}");
  json.clear();
  EXPECT_TRUE(Open("\x02\x0c\x02\0\x85"s, &json).ok());
  EXPECT_EQ(json, "{\"a\":5}");
  for (const std::string& bad :
       {""s, "\x01"s, "\0{}"s, "\x01{]"s, "\x02"s, "\x02\x85\x85"s})
    EXPECT_EQ(Open(bad).code(), absl::StatusCode::kDataLoss) << bad;
  EXPECT_EQ(Open("\x03{}").code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(Open("\xFF").code(), absl::StatusCode::kUnimplemented);
}

TEST(CollectionCodec, UuidsAndBytes) {
  Uuid uuid{};
  uuid[0] = 1, uuid[15] = 0xff;
  const std::string key = EncodeUuidKey(uuid);
  EXPECT_EQ(key, "\x28\x01"s + std::string(14, '\0') + "\xff");
  EXPECT_EQ(std::get<Uuid>(*DecodeCollectionKey(key)), uuid);
  EXPECT_EQ(*EncodeBytesKey("\xff\0"s), "\x30\xff\0"s);
  EXPECT_EQ(std::get<BytesKey>(*DecodeCollectionKey("\x30\xff")).bytes, "\xff");
  for (const std::string& bad :
       {key.substr(1), key + "x", "\x28"s, "\x30"s, "\x30" + std::string(1001, 'x')})
    EXPECT_EQ(DecodeCollectionKey(bad).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(EncodeBytesKey("").status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace sheaf::document
