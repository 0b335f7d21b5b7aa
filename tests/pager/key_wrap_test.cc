// The file key comes back for the key that wrapped it and for no other; who changes one
// bit of the wrap, or moves it to another database, gets no key; hostile costs are
// refused before any work is done. (RELIABILITY R13, B36)
#include "pager/key_wrap.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/time/clock.h"
#include "pager/coding.h"

namespace sheaf::pager {
namespace {

constexpr ScryptCost kCheap{4, 1, 1};
constexpr char kDatabaseId[] = "0123456789abcdef";

EncryptionKey Raw(char fill) { return *EncryptionKey::Raw(std::string(32, fill)); }
EncryptionKey Passphrase(const char* text) { return *EncryptionKey::Passphrase(text); }

class KeyWrap : public testing::TestWithParam<bool> {
 protected:
  EncryptionKey key() const { return GetParam() ? Passphrase("open sesame") : Raw('k'); }
  EncryptionKey other() const {
    return GetParam() ? Passphrase("open Sesame") : Raw('o');
  }
  std::string Wrap() const {
    std::string wrap(kKeyWrapBytes, '?');
    EXPECT_TRUE(WrapFileKey(file_key_, key(), kCheap, kDatabaseId, wrap.data()).ok());
    return wrap;
  }
  const SecretKey file_key_ = *RandomKey();
};

TEST_P(KeyWrap, OpensForItsKeyOnly) {
  const std::string wrap = Wrap();
  const absl::StatusOr<SecretKey> opened = UnwrapFileKey(wrap.data(), key(), kDatabaseId);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->bytes(), file_key_.bytes());
  EXPECT_EQ(wrap.find(file_key_.bytes()), std::string::npos);
  EXPECT_TRUE(absl::IsPermissionDenied(
      UnwrapFileKey(wrap.data(), other(), kDatabaseId).status()));
  EXPECT_TRUE(absl::IsPermissionDenied(
      UnwrapFileKey(wrap.data(), key(), "0123456789abcdeg").status()));
  const EncryptionKey another_kind = GetParam() ? Raw('k') : Passphrase("open sesame");
  const absl::Status status =
      UnwrapFileKey(wrap.data(), another_kind, kDatabaseId).status();
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  EXPECT_NE(status.message().find("opened by"), absl::string_view::npos) << status;
}

TEST_P(KeyWrap, EachIsAnother) { EXPECT_NE(Wrap(), Wrap()); }

TEST_P(KeyWrap, NoBitMayChange) {
  const std::string wrap = Wrap();
  for (size_t bit = 0; bit < wrap.size() * 8; ++bit) {
    std::string changed = wrap;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ 1 << bit % 8);
    const absl::Time begin = absl::Now();
    const absl::Status status =
        UnwrapFileKey(changed.data(), key(), kDatabaseId).status();
    ASSERT_FALSE(status.ok()) << "bit " << bit;
    ASSERT_LT(absl::Now() - begin, absl::Seconds(20)) << "bit " << bit;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, KeyWrap, testing::Bool(), [](const auto& info) {
  return info.param ? "Passphrase" : "Raw";
});

TEST(KeyWrapOfAnEnemy, CostsNothing) {
  std::string wrap(kKeyWrapBytes, '\0');
  ASSERT_TRUE(
      WrapFileKey(*RandomKey(), Passphrase("p"), kCheap, kDatabaseId, wrap.data()).ok());
  for (const uint32_t log2_n : {0u, 25u, 31u, 63u, 0xffffffffu}) {
    EncodeFixed32(wrap.data() + 8, log2_n);
    EXPECT_TRUE(absl::IsDataLoss(
        UnwrapFileKey(wrap.data(), Passphrase("p"), kDatabaseId).status()));
  }
}

TEST(EncryptionKeys, SizesAreChecked) {
  EXPECT_TRUE(EncryptionKey().is_none());
  EXPECT_TRUE(absl::IsInvalidArgument(EncryptionKey::Raw("short").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(EncryptionKey::Raw(std::string(33, 'k')).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(EncryptionKey::Passphrase("").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      EncryptionKey::Passphrase(std::string(1025, 'p')).status()));
  EXPECT_TRUE(EncryptionKey::Passphrase(std::string(1024, 'p'))->is_passphrase());
}

TEST(EncryptionKeys, FromAFile) {
  const std::string path = testing::TempDir() + "key" + std::to_string(getpid());
  const auto read = [&](const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
    return EncryptionKey::FromFile(path);
  };
  const std::string raw = "\n\xff binary, 32 bytes, as they are";
  ASSERT_EQ(raw.size(), 32u);
  EXPECT_EQ(read(raw)->secret(), raw);
  const std::string hex = absl::BytesToHexString(raw);
  EXPECT_EQ(read(hex)->secret(), raw);
  EXPECT_EQ(read(hex + "\n")->secret(), raw);
  EXPECT_EQ(read(hex + "\r\n")->secret(), raw);
  for (const std::string& bad :
       {std::string(), std::string("passphrase\n"), hex + "0", hex.substr(1),
        raw + raw.substr(1), raw + raw + "0000"}) {
    const absl::Status status = read(bad).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << bad << ": " << status;
    EXPECT_NE(status.message().find(path), absl::string_view::npos);
  }
  unlink(path.c_str());
  EXPECT_TRUE(absl::IsNotFound(EncryptionKey::FromFile(path).status()));
}

TEST(EncryptionKeys, FromACallback) {
  int asked = 0;
  const EncryptionKey lazy = EncryptionKey::FromCallback([&]() {
    ++asked;
    return EncryptionKey::Passphrase("p");
  });
  EXPECT_FALSE(lazy.is_none());
  EXPECT_EQ(asked, 0);
  EXPECT_EQ(lazy.Resolved()->secret(), "p");
  EXPECT_EQ(asked, 1);
  const EncryptionKey refusing = EncryptionKey::FromCallback(
      []() -> absl::StatusOr<EncryptionKey> { return absl::CancelledError("no"); });
  EXPECT_TRUE(absl::IsCancelled(refusing.Resolved().status()));
  const EncryptionKey endless = EncryptionKey::FromCallback(
      [&]() -> absl::StatusOr<EncryptionKey> { return lazy; });
  EXPECT_TRUE(absl::IsInvalidArgument(endless.Resolved().status()));
}

}  // namespace
}  // namespace sheaf::pager
