// Values come back whatever codec encoded them; what does not shrink stays as it is; what
// was not encoded so, or claims too much, is an error and takes little memory.
#include "pager/compression.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"

namespace sheaf::pager {
namespace {

std::string Document(int i) {
  return absl::StrCat("{\"id\": ", i * 7919,
                      ", \"kind\": \"synset\", \"gloss\": \"a word of ", i % 97,
                      " letters that somebody wrote\", \"words\": [\"w", i % 53,
                      "\", \"v", i % 31, "\"]}");
}

struct Samples {
  std::string bytes;
  std::vector<size_t> sizes;
};
Samples MakeSamples(int n) {
  Samples samples;
  for (int i = 0; i < n; ++i) {
    const std::string document = Document(i);
    samples.bytes += document;
    samples.sizes.push_back(document.size());
  }
  return samples;
}

std::shared_ptr<const Dictionary> MakeDictionary(uint32_t version) {
  const Samples samples = MakeSamples(2000);
  const auto bytes = TrainDictionary(samples.bytes, samples.sizes, 8 << 10);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  const auto dictionary = Dictionary::Make(*bytes, version);
  EXPECT_TRUE(dictionary.ok()) << dictionary.status();
  return *dictionary;
}

void ExpectComesBack(const std::string& value, Codec codec, int level,
                     const Dictionary* dictionary) {
  std::string encoded = "before";
  ValueCodec::Encode(value, codec, level, dictionary, &encoded);
  ASSERT_EQ(encoded.substr(0, 6), "before");
  encoded.erase(0, 6);
  EXPECT_LE(encoded.size(), value.size() + 1);
  std::string buffer;
  std::string_view out;
  const absl::Status decoded = ValueCodec::Decode(encoded, dictionary, &buffer, &out);
  ASSERT_TRUE(decoded.ok()) << decoded;
  EXPECT_TRUE(out == value) << value.size();
  const std::string head = encoded.substr(0, ValueCodec::kHeadBytesMax);
  const auto read = ValueCodec::ReadHead(head, encoded.size());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->size, value.size());
  EXPECT_EQ(read->as_is, encoded[0] == 0);
}

TEST(Compression, EverythingComesBack) {
  const auto dictionary = MakeDictionary(7);
  std::mt19937_64 random(1);
  std::vector<std::string> values = {"", "a", std::string(15, 'x'), std::string(16, 'x'),
                                     std::string(3'000'000, 'z')};
  for (int i = 0; i < 200; ++i) values.push_back(Document(i));
  for (size_t size = 1; size < 2'000'000; size = size * 4 + 1) {
    std::string noise(size, '\0'), mixed(size, 'm');
    for (char& c : noise) c = static_cast<char>(random());
    for (size_t at = 0; at < size; at += 3) mixed[at] = static_cast<char>(random() % 7);
    values.push_back(noise);
    values.push_back(mixed);
  }
  for (const std::string& value : values) {
    ExpectComesBack(value, Codec::kNone, 0, nullptr);
    ExpectComesBack(value, Codec::kLz4, 0, nullptr);
    for (const int level : {1, 3, 19})
      ExpectComesBack(value, Codec::kZstd, level, nullptr);
    ExpectComesBack(value, Codec::kZstd, 3, dictionary.get());
    ExpectComesBack(value, Codec::kZstd, 7, dictionary.get());
    ExpectComesBack(value, Codec::kLz4, 0, dictionary.get());
  }
}

TEST(Compression, WhatDoesNotShrinkStaysAsItIs) {
  std::mt19937_64 random(2);
  std::string noise(5000, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  for (const Codec codec : {Codec::kLz4, Codec::kZstd}) {
    std::string encoded, buffer;
    ValueCodec::Encode(noise, codec, 3, nullptr, &encoded);
    EXPECT_EQ(encoded.size(), noise.size() + 1);
    std::string_view out;
    ASSERT_TRUE(ValueCodec::Decode(encoded, nullptr, &buffer, &out).ok());
    EXPECT_EQ(out.data(), encoded.data() + 1) << "it was copied";
  }
}

TEST(Compression, ADictionaryHalvesShortDocuments) {
  const auto dictionary = MakeDictionary(1);
  for (const Codec codec : {Codec::kLz4, Codec::kZstd}) {
    size_t plain = 0, without = 0, with = 0;
    for (int i = 5000; i < 6000; ++i) {
      const std::string document = Document(i);
      std::string a, b;
      ValueCodec::Encode(document, codec, 3, nullptr, &a);
      ValueCodec::Encode(document, codec, 3, dictionary.get(), &b);
      plain += document.size(), without += a.size(), with += b.size();
    }
    EXPECT_LT(with * 2, plain);
    EXPECT_LT(with, without);
  }
}

TEST(Compression, TheRightDictionaryIsAskedFor) {
  const auto one = MakeDictionary(1), two = MakeDictionary(2);
  for (const Codec codec : {Codec::kLz4, Codec::kZstd}) {
    std::string encoded, buffer;
    ValueCodec::Encode(Document(3), codec, 3, one.get(), &encoded);
    EXPECT_EQ(ValueCodec::ReadHead(encoded, encoded.size())->dictionary, 1u);
    std::string_view out;
    for (const Dictionary* wrong : {static_cast<const Dictionary*>(nullptr), two.get()}) {
      const absl::Status status = ValueCodec::Decode(encoded, wrong, &buffer, &out);
      EXPECT_TRUE(absl::IsDataLoss(status));
      EXPECT_NE(status.message().find("dictionary 1"), std::string::npos) << status;
    }
  }
  EXPECT_FALSE(Dictionary::Make("no dictionary at all", 1).ok());
  EXPECT_FALSE(Dictionary::Make("", 1).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(TrainDictionary("abc", {3}, 1000).status()));
}

// A window of 128 MiB: no memory is taken for it. And no level asks for more than is given.
TEST(Compression, WindowsAreBounded) {
  const std::string claim =
      std::string("\x02\x80\x80\x80\x01", 5) + std::string("\x00\x88", 2) + "some bytes";
  std::string buffer;
  std::string_view out;
  EXPECT_TRUE(absl::IsDataLoss(ValueCodec::Decode(claim, nullptr, &buffer, &out)));
  std::string value(kCompressedMax, 'v');
  std::mt19937_64 random(4);
  for (size_t at = 0; at < value.size(); at += 4096)
    value[at] = static_cast<char>(random());
  for (int level = kZstdLevelMin; level <= kZstdLevelMax; level += 9)
    ExpectComesBack(value, Codec::kZstd, level, nullptr);
}

TEST(Compression, HostileBytesEndInAnError) {
  const auto dictionary = MakeDictionary(1);
  std::mt19937_64 random(3);
  std::vector<std::string> seeds;
  for (const Codec codec : {Codec::kLz4, Codec::kZstd})
    for (const size_t size : {100, 5000, 2'000'000}) {
      seeds.emplace_back();
      ValueCodec::Encode(std::string(size, 'h') + Document(1), codec, 3,
                         size == 100 ? dictionary.get() : nullptr, &seeds.back());
    }
  std::string buffer;
  std::string_view out;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = seeds[random() % seeds.size()];
    for (uint64_t i = 1 + random() % 4; i > 0; --i)
      bytes[random() % std::min<size_t>(bytes.size(), 40)] = static_cast<char>(random());
    if (random() % 4 == 0) bytes.resize(random() % (bytes.size() + 1));
    const absl::Status status =
        ValueCodec::Decode(bytes, dictionary.get(), &buffer, &out);
    EXPECT_TRUE(status.ok() || absl::IsDataLoss(status)) << status;
    EXPECT_TRUE(!status.ok() || out.size() <= kCompressedMax);
  }
  // 65 MiB, it says.
  for (const char tag : {1, 2}) {
    std::string claim(1, tag);
    claim += std::string("\x80\x80\xc0\x20", 4) + "some bytes";
    std::string fresh;
    EXPECT_TRUE(absl::IsDataLoss(ValueCodec::Decode(claim, nullptr, &fresh, &out)));
    EXPECT_LE(fresh.capacity(), size_t{2} << 20);
  }
}

TEST(Compression, LongValuesStayAsTheyAre) {
  const std::string longest(kCompressedMax, 'l'), longer = longest + "l";
  for (const Codec codec : {Codec::kLz4, Codec::kZstd}) {
    std::string encoded;
    ValueCodec::Encode(longest, codec, 3, nullptr, &encoded);
    EXPECT_LT(encoded.size(), longest.size() / 100);
    std::string buffer;
    std::string_view out;
    ASSERT_TRUE(ValueCodec::Decode(encoded, nullptr, &buffer, &out).ok());
    EXPECT_TRUE(out == longest);
    encoded.clear();
    ValueCodec::Encode(longer, codec, 3, nullptr, &encoded);
    EXPECT_EQ(encoded.size(), longer.size() + 1);
  }
}

TEST(Compression, ThreadsShareADictionary) {
  const auto dictionary = MakeDictionary(1);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i)
        ExpectComesBack(Document(i), i % 2 == 0 ? Codec::kZstd : Codec::kLz4, 3 + i / 300,
                        dictionary.get());
    });
  for (std::thread& t : threads) t.join();
}

}  // namespace
}  // namespace sheaf::pager
