// The door to OpenSSL by published vectors (the GCM specification's AES-256 cases, RFC
// 5869, RFC 7914), and by what must be refused: any changed bit of nonce, tag, bytes or
// what is authenticated beside them. (RELIABILITY R13)
#include "pager/cipher.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"

namespace sheaf::pager {
namespace {

std::string Hex(absl::string_view hex) { return absl::HexStringToBytes(hex); }
std::string ToHex(std::string_view bytes) {
  return absl::BytesToHexString(absl::string_view(bytes.data(), bytes.size()));
}

struct Vector {
  const char* key;
  const char* nonce;
  const char* authenticated;
  const char* plain;
  const char* sealed;
  const char* tag;
};

constexpr char kKey[] =
    "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
constexpr char kZeroKey[] =
    "0000000000000000000000000000000000000000000000000000000000000000";

// Test cases 13 to 16 of "The Galois/Counter Mode of Operation" (McGrew, Viega).
const Vector kVectors[] = {
    {kZeroKey, "000000000000000000000000", "", "", "",
     "530f8afbc74536b9a963b4f1c4cb738b"},
    {kZeroKey, "000000000000000000000000", "", "00000000000000000000000000000000",
     "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919"},
    {kKey, "cafebabefacedbaddecaf888", "",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
     "b094dac5d93471bdec1a502270e3cc6c"},
    {kKey, "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
     "76fc6ece0f4e1768cddf8853bb2d551b"},
};

TEST(Cipher, SealsAsPublished) {
  for (const Vector& v : kVectors) {
    Cipher cipher{SecretKey(Hex(v.key))};
    std::string data = Hex(v.plain), tag(kTagBytes, '\0');
    ASSERT_TRUE(cipher
                    .Seal(Hex(v.nonce).data(), Hex(v.authenticated), absl::MakeSpan(data),
                          tag.data())
                    .ok());
    EXPECT_EQ(absl::BytesToHexString(data), v.sealed);
    EXPECT_EQ(absl::BytesToHexString(tag), v.tag);
    ASSERT_TRUE(cipher
                    .Open(Hex(v.nonce).data(), Hex(v.authenticated), absl::MakeSpan(data),
                          tag.data())
                    .ok());
    EXPECT_EQ(absl::BytesToHexString(data), v.plain);
  }
}

TEST(Cipher, RefusesWhateverWasChanged) {
  for (const Vector& v : kVectors) {
    Cipher cipher{SecretKey(Hex(v.key))};
    const std::string parts[] = {Hex(v.nonce), Hex(v.authenticated), Hex(v.sealed),
                                 Hex(v.tag)};
    for (size_t part = 0; part < 4; ++part) {
      for (size_t bit = 0; bit < parts[part].size() * 8; ++bit) {
        std::string changed[] = {parts[0], parts[1], parts[2], parts[3]};
        changed[part][bit / 8] = static_cast<char>(changed[part][bit / 8] ^ 1 << bit % 8);
        const absl::Status opened = cipher.Open(
            changed[0].data(), changed[1], absl::MakeSpan(changed[2]), changed[3].data());
        ASSERT_TRUE(absl::IsDataLoss(opened)) << part << " bit " << bit;
        ASSERT_EQ(changed[2], std::string(changed[2].size(), '\0'));
      }
    }
    Cipher other{SecretKey(Hex(v.key).replace(31, 1, "x"))};
    std::string data = parts[2];
    EXPECT_TRUE(absl::IsDataLoss(
        other.Open(parts[0].data(), parts[1], absl::MakeSpan(data), parts[3].data())));
    if (parts[2].empty()) continue;
    data = parts[2].substr(1);  // cut, or more than was sealed
    EXPECT_FALSE(
        cipher.Open(parts[0].data(), parts[1], absl::MakeSpan(data), parts[3].data())
            .ok());
    data = parts[2] + '\0';
    EXPECT_FALSE(
        cipher.Open(parts[0].data(), parts[1], absl::MakeSpan(data), parts[3].data())
            .ok());
  }
}

TEST(Cipher, ManyThreadsShareOne) {
  Cipher cipher{*RandomKey()};
  std::vector<std::thread> threads;
  for (char t = 0; t < 4; ++t) {
    threads.emplace_back([&cipher, t] {
      for (int i = 0; i < 2000; ++i) {
        std::string nonce(kNonceBytes, t), data(4096, t), tag(kTagBytes, '\0');
        nonce.replace(0, 4, reinterpret_cast<const char*>(&i), 4);
        ASSERT_TRUE(
            cipher.Seal(nonce.data(), "a", absl::MakeSpan(data), tag.data()).ok());
        ASSERT_NE(data, std::string(4096, t));
        ASSERT_TRUE(
            cipher.Open(nonce.data(), "a", absl::MakeSpan(data), tag.data()).ok());
        ASSERT_EQ(data, std::string(4096, t));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

std::vector<std::pair<std::string, std::string>>* g_seen = nullptr;

TEST(Cipher, TheObserverSeesKeysApartAndNeverTheKey) {
  std::vector<std::pair<std::string, std::string>> seen;
  g_seen = &seen;
  Cipher::set_observer([](std::string_view key, std::string_view nonce) {
    g_seen->emplace_back(key, nonce);
  });
  const SecretKey keys[] = {*RandomKey(), *RandomKey()};
  Cipher first{keys[0]}, again{keys[0]}, second{keys[1]};
  const std::string nonce(kNonceBytes, 'n');
  char tag[kTagBytes];
  for (Cipher* cipher : {&first, &again, &second}) {
    std::string data = "text";
    ASSERT_TRUE(cipher->Seal(nonce.data(), "", absl::MakeSpan(data), tag).ok());
  }
  Cipher::set_observer(nullptr);
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[0], seen[1]);
  EXPECT_NE(seen[0].first, seen[2].first);
  EXPECT_EQ(seen[0].second, nonce);
  EXPECT_NE(seen[0].first, keys[0].bytes());
}

TEST(KeyDerivation, Hkdf) {  // RFC 5869, A.1 and A.3, their first 32 bytes
  EXPECT_EQ(ToHex(DeriveKey(std::string(22, '\x0b'), Hex("000102030405060708090a0b0c"),
                            Hex("f0f1f2f3f4f5f6f7f8f9"))
                      ->bytes()),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
  EXPECT_EQ(ToHex(DeriveKey(std::string(22, '\x0b'), "", "")->bytes()),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}

TEST(KeyDerivation, Scrypt) {  // RFC 7914, section 12, their first 32 bytes
  EXPECT_EQ(ToHex(DeriveFromPassphrase("", "", {4, 1, 1})->bytes()),
            "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442");
  EXPECT_EQ(ToHex(DeriveFromPassphrase("password", "NaCl", {10, 8, 16})->bytes()),
            "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162");
  EXPECT_EQ(
      ToHex(DeriveFromPassphrase("pleaseletmein", "SodiumChloride", {14, 8, 1})->bytes()),
      "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2");
}

TEST(KeyDerivation, CostsOfHostileFiles) {
  EXPECT_TRUE(CheckScryptCost({}).ok());
  for (const ScryptCost& good : {ScryptCost{1, 1, 1}, {20, 8, 1}, {15, 8, 16}})
    EXPECT_TRUE(CheckScryptCost(good).ok()) << good.log2_n;
  for (const ScryptCost& bad : {ScryptCost{0, 8, 1},
                                {25, 1, 1},
                                {15, 0, 1},
                                {15, 33, 1},
                                {15, 8, 0},
                                {15, 8, 17},
                                {21, 8, 1},
                                {24, 1, 1},
                                {23, 2, 1},
                                {16, 1, 1},
                                {0xffffffff, 0xffffffff, 0xffffffff}}) {
    const absl::Status status = CheckScryptCost(bad);
    EXPECT_TRUE(absl::IsInvalidArgument(status))
        << bad.log2_n << " " << bad.r << " " << bad.p << ": " << status;
  }
}

TEST(Random, GivesOtherBytesEachTime) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    std::string bytes(kNonceBytes, '\0');
    ASSERT_TRUE(FillRandom(absl::MakeSpan(bytes)).ok());
    EXPECT_TRUE(seen.insert(bytes).second);
  }
}

}  // namespace
}  // namespace sheaf::pager
