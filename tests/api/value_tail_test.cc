// Values whose last bytes stay in the leaf because they would begin a page for a few
// (btree/large_value.h), as users meet them: 4,096 bytes, and what is near.
#include <gtest/gtest.h>

#include <random>

#include "absl/strings/str_cat.h"
#include "sheaf/blob_store.h"
#include "tests/api/api_fixture.h"

namespace sheaf {
namespace {

// Random bytes: nothing makes them shorter.
std::string Bytes(size_t size, std::mt19937* random) {
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>((*random)());
  return bytes;
}

struct Way {
  const char* name;
  bool encrypted;
  Compression compression;
};

class ValueTailTest : public test::ApiTest, public testing::WithParamInterface<Way> {
 protected:
  ValueTailTest() {
    if (!GetParam().encrypted) return;
    db_.reset();
    options_.key = *EncryptionKey::Raw(std::string(32, 'k'));
    Restart(std::make_unique<test::FaultyFileSystem>());
  }

  template <typename AnyReader>
  void ExpectReads(const AnyReader& table, const test::Contents& model) {
    std::string out;
    for (const auto& [key, value] : model) {
      const auto found = table.Get(key);
      ASSERT_TRUE(found.ok()) << key << " " << found.status();
      EXPECT_TRUE(found->view() == value) << key;
      for (size_t at = 0; at < value.size(); at += 1 + value.size() / 50) {
        out.assign(200, '?');
        const auto n = table.ReadRange(key, at, absl::MakeSpan(out.data(), out.size()));
        ASSERT_TRUE(n.ok()) << n.status();
        EXPECT_EQ(out.substr(0, *n), value.substr(at, 200)) << key << " at " << at;
      }
    }
  }

  std::mt19937 random_{7};
};

TEST_P(ValueTailTest, ComeBackWhateverHappens) {
  test::Contents model;
  for (int round = 0; round < 8; ++round) {
    WriteTransaction txn = Begin();
    auto table = txn.table("t", {.compression = GetParam().compression});
    ASSERT_TRUE(table.ok()) << table.status();
    for (int i = 0; i < 40; ++i) {
      const std::string key = absl::StrCat("k", random_() % 100);
      if (random_() % 8 == 0) {
        ASSERT_TRUE(table->Delete(key).ok());
        model.erase(key);
        continue;
      }
      const size_t pages = random_() % 6 == 0 ? 16 : 1 + random_() % 3;
      model[key] = Bytes(4096 * pages - 100 + random_() % 400, &random_);
      ASSERT_TRUE(table->Put(key, model[key]).ok());
    }
    ExpectReads(*table, model);
    ASSERT_TRUE(txn.Commit().ok());
    if (round % 3 == 0) {
      Kill();
    } else if (round % 3 == 1) {
      ASSERT_TRUE(db_->Checkpoint().ok());
    } else {
      Reopen();
    }
    const ReadTransaction read = db_->BeginRead();
    ExpectReads(*read.table("t"), model);
    EXPECT_TRUE(All() == model);
    if (HasFailure()) return;
  }
  for (auto it = model.begin(); it != model.end();) {
    if (random_() % 2 != 0) {
      ++it;
      continue;
    }
    WriteTransaction txn = Begin();
    ASSERT_TRUE(txn.table("t")->Delete(it->first).ok());
    ASSERT_TRUE(txn.Commit().ok());
    it = model.erase(it);
  }
  const auto compacted = db_->Compact();
  ASSERT_TRUE(compacted.ok()) << compacted.status();
  EXPECT_GT(compacted->pages_moved, 0u);
  EXPECT_TRUE(All() == model);
  ExpectClean();
}

TEST_P(ValueTailTest, FourKibibytesTakeOnePage) {
  WriteTransaction txn = Begin();
  auto table = txn.table("t", {.compression = GetParam().compression});
  for (int i = 0; i < 1000; ++i)
    ASSERT_TRUE(table->Put(absl::StrCat("key", i), Bytes(4096, &random_)).ok());
  ASSERT_TRUE(txn.Commit().ok());
  const auto stats = db_->BeginRead().Measure("t");
  ASSERT_TRUE(stats.ok()) << stats.status();
  EXPECT_EQ(stats->large_values, 1000u);
  EXPECT_EQ(stats->value_pages, 1000u);
  EXPECT_LT(stats->leaf_pages, 60u);
}

INSTANTIATE_TEST_SUITE_P(
    All, ValueTailTest,
    testing::Values(Way{"Plain", false, {}}, Way{"Encrypted", true, {}},
                    Way{"Compressed", false, {.kind = CompressionKind::kLz4}}),
    [](const auto& info) { return std::string(info.param.name); });

class BlobTailTest : public test::ApiTest {};

// Of contents, whose changes read what was there.
TEST_F(BlobTailTest, AreReadAndChangedInPlaces) {
  std::mt19937 random(9);
  test::Contents model;
  for (int i = 0; i < 200; ++i) {
    const std::string key = absl::StrCat("b", i % 20);
    WriteTransaction txn = Begin();
    auto blobs = txn.blobs("b");
    ASSERT_TRUE(blobs.ok()) << blobs.status();
    std::string& content = model[key];
    const std::string bytes = Bytes(random() % 300, &random);
    if (content.empty() || i % 5 == 0) {
      content = Bytes(4096 * (1 + random() % 2) - 50 + random() % 200, &random);
      ASSERT_TRUE(blobs->Put(key, content).ok());
    } else if (i % 2 == 0) {
      ASSERT_TRUE(blobs->Append(key, bytes).ok());
      content += bytes;
    } else {
      const size_t at = content.size() - random() % 400;
      const size_t n = std::min(bytes.size(), content.size() - at);
      ASSERT_TRUE(blobs->Overwrite(key, at, bytes.substr(0, n)).ok());
      content.replace(at, n, bytes.substr(0, n));
    }
    ASSERT_TRUE(txn.Commit().ok());
    if (i % 40 == 39) Kill();
  }
  const ReadTransaction read = db_->BeginRead();
  const auto blobs = read.blobs("b");
  for (const auto& [key, content] : model) {
    EXPECT_TRUE(*blobs->Get(key) == content) << key;
    for (size_t at = 0; at < content.size(); at += 37) {
      std::string out(100, '?');
      const auto n = blobs->ReadRange(key, at, absl::MakeSpan(out.data(), out.size()));
      ASSERT_TRUE(n.ok()) << n.status();
      EXPECT_EQ(out.substr(0, *n), content.substr(at, 100)) << key << " at " << at;
    }
  }
  ExpectClean();
}

}  // namespace
}  // namespace sheaf
