// Salvage: of a file with any one page destroyed everything comes back but what was in
// that page; with more destroyed, never anything that was not there; the report says
// what is lost. The source is not changed. (Fuzzed: tests/fuzz.)
#include "sheaf/salvage.h"

#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "btree/node.h"
#include "pager/page.h"
#include "tests/api/damage_util.h"
#include "tests/support/sanitizers.h"

namespace sheaf::test {
namespace {

using pager::kPageBytes;

constexpr char kOut[] = "/saved.sheaf";

// Tables of several levels, with values of all sizes, and a collection.
absl::Status Fill(Database* db) {
  return db->Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Table big, txn.table("big"));
    SHEAF_ASSIGN_OR_RETURN(Table other, txn.table("other"));
    SHEAF_ASSIGN_OR_RETURN(Collection notes, txn.collection("notes"));
    for (int i = 0; i < 9000; ++i)
      SHEAF_RETURN_IF_ERROR(
          big.Put(absl::StrCat("key", 10000 + i), std::string(90, 'a' + i % 26)));
    for (int i = 0; i < 60; ++i)
      SHEAF_RETURN_IF_ERROR(other.Put(absl::StrCat("other", 100 + i),
                                      std::string(static_cast<size_t>(i * 200), 'o')));
    SHEAF_RETURN_IF_ERROR(other.Put("large", std::string(200'000, 'L')));
    for (int i = 0; i < 200; ++i)
      SHEAF_RETURN_IF_ERROR(notes.Append(absl::StrCat("{\"n\":", i, "}")).status());
    return txn.table("empty").status();
  });
}

class SalvageTest : public testing::Test {
 protected:
  // `key`: none for a plain one. Stale pages of two older states lie about.
  void Make(const EncryptionKey& key) {
    options_.key = key;
    options_.background_checkpoints = false;
    fs_ = pager::NewMemoryFileSystem();
    options_.file_system = fs_.get();
    auto db = Database::Open(kPath, options_);
    ASSERT_TRUE(db.ok() && Fill(db->get()).ok());
    ASSERT_TRUE((*db)->Checkpoint().ok());
    ASSERT_TRUE((*db)
                    ->Write([](WriteTransaction& txn) -> absl::Status {
                      SHEAF_ASSIGN_OR_RETURN(Table big, txn.table("big"));
                      for (int i = 0; i < 9000; i += 400)
                        SHEAF_RETURN_IF_ERROR(
                            big.Put(absl::StrCat("key", 10000 + i), "changed"));
                      return big.DeleteRange(KeyRange::Prefix("key11")).status();
                    })
                    .ok());
    content_ = *ReadContent(db->get());
    ASSERT_TRUE((*db)->Close().ok());
    file_ = ReadWholeFile(fs_.get(), kPath);
  }
  SalvageOptions ToSalvage() {
    SalvageOptions options;
    options.key = options_.key;
    options.file_system = fs_.get();
    options.overwrite = true;
    return options;
  }
  // Salvages `bytes`; `*content` is what the new database holds.
  absl::StatusOr<SalvageReport> Run(const std::string& bytes, Content* content) {
    WriteWholeFile(fs_.get(), kPath, bytes);
    absl::StatusOr<SalvageReport> report = Salvage(kPath, kOut, ToSalvage());
    EXPECT_TRUE(ReadWholeFile(fs_.get(), kPath) == bytes) << "the source was changed";
    if (!report.ok()) return report;
    auto db = Database::Open(kOut, options_);
    EXPECT_TRUE(db.ok()) << db.status();
    if (!db.ok()) return db.status();
    *content = *ReadContent(db->get());
    const auto check = (*db)->Check();
    EXPECT_TRUE(check.ok() && check->ok());
    return report;
  }
  // Everything that is in `found` is in the original; how many are missing.
  uint64_t Missing(const Content& found) {
    uint64_t missing = 0;
    for (const auto& [tree, entries] : found) {
      const auto original = content_.find(tree);
      EXPECT_NE(original, content_.end()) << tree;
      if (original == content_.end()) continue;
      for (const auto& [key, value] : entries) {
        const auto it = original->second.find(key);
        EXPECT_TRUE(it != original->second.end() && it->second == value) << tree << key;
      }
    }
    for (const auto& [tree, entries] : content_) {
      const auto it = found.find(tree);
      for (const auto& [key, value] : entries)
        if (it == found.end() || it->second.count(key) == 0) ++missing;
    }
    return missing;
  }
  static uint64_t Lost(const SalvageReport& report) {
    uint64_t lost = 0;
    for (const SalvageReport::Tree& tree : report.trees) lost += tree.lost;
    return lost;
  }

  Options options_;
  std::unique_ptr<pager::FileSystem> fs_;
  Content content_;
  std::string file_;
};

TEST_F(SalvageTest, OfAnIntactFileEverything) {
  Make({});
  Content found;
  const auto report = Run(file_, &found);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->is_complete());
  EXPECT_TRUE(found == content_);
  EXPECT_EQ(report->trees.size(), 4u);
}

constexpr size_t kLeafStep = kAddressSanitizer ? 301 : 23;
constexpr size_t kOtherStep = kAddressSanitizer ? 3 : 1;

// One page after the other: of each, what the damage may cost is known.
TEST_F(SalvageTest, AnyOnePageDestroyed) {
  for (const bool encrypted : {false, true}) {
    Make(encrypted ? *EncryptionKey::Raw(std::string(32, 'k')) : EncryptionKey());
    uint64_t leaves = 0, others = 0;
    const size_t pages = file_.size() / kPageBytes;
    WriteWholeFile(fs_.get(), kPath, file_);
    for (size_t page = 0; page < pages; ++page) {
      const auto described = Database::DescribePage(kPath, page, options_);
      ASSERT_TRUE(described.ok()) << described.status();
      const bool is_leaf = described->kind == "leaf" || described->kind == "value";
      if (page % (is_leaf ? kLeafStep : kOtherStep) != 0) continue;
      std::string bytes = file_;
      for (size_t at = page * kPageBytes; at < (page + 1) * kPageBytes; at += 512)
        bytes[at + 100] = static_cast<char>(bytes[at + 100] ^ 0x55);
      Content found;
      const auto report = Run(bytes, &found);
      ASSERT_TRUE(report.ok()) << page << described->kind << report.status();
      WriteWholeFile(fs_.get(), kPath, file_);
      const uint64_t missing = Missing(found);
      EXPECT_LE(missing, 80u) << page << described->kind;
      EXPECT_EQ(missing, Lost(*report)) << page << " " << described->kind;
      if (described->intact &&
          (described->kind == "inner" || described->kind == "superblock" ||
           described->kind == "map" || described->kind == "map index")) {
        EXPECT_EQ(missing, 0u) << page << described->kind;
        ++others;
      } else if (missing > 0) {
        EXPECT_FALSE(report->is_complete());
        ++leaves;
      }
    }
    EXPECT_GT(leaves, kAddressSanitizer ? 0u : 2u);
    EXPECT_GT(others, 6u / kOtherStep);
  }
}

TEST_F(SalvageTest, WithoutSuperblocks) {
  Make({});
  std::string bytes = file_;
  bytes.replace(0, 2 * kPageBytes, std::string(2 * kPageBytes, '\xff'));
  Content found;
  const auto report = Run(bytes, &found);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(found == content_);
  EXPECT_FALSE(report->notes.empty());
  // And without the catalog: trees without their names.
  for (size_t page = 2; page < bytes.size() / kPageBytes; ++page) {
    const char* const at = bytes.data() + page * kPageBytes;
    if (pager::PageKindOf(at) == pager::PageKind::kLeaf &&
        btree::NodeView(at).values_are_refs())
      bytes[page * kPageBytes + 200] ^= 1;
  }
  Content nameless;
  const auto again = Run(bytes, &nameless);
  ASSERT_TRUE(again.ok()) << again.status();
  uint64_t entries = 0, wanted = 0;
  for (const SalvageReport::Tree& tree : again->trees) {
    EXPECT_TRUE(tree.name.starts_with("lost-")) << tree.name;
    entries += tree.entries;
  }
  for (const auto& [tree, all] : content_) wanted += all.size();
  EXPECT_EQ(entries, wanted + 1);  // and a name of the collection's schema
}

TEST_F(SalvageTest, RandomDamageNeverInventsAnything) {
  Make({});
  std::mt19937 random(7);
  for (int round = 0; round < (kAddressSanitizer ? 15 : 60); ++round) {
    std::string bytes = file_;
    for (uint32_t i = 1 + random() % 40; i > 0; --i) {
      // Not the map: with it gone deleted entries may come back; nor the names.
      const size_t at = random() % bytes.size();
      const auto kind = pager::PageKindOf(file_.data() + at / kPageBytes * kPageBytes);
      const char* const page = file_.data() + at / kPageBytes * kPageBytes;
      const bool is_catalog =
          kind == pager::PageKind::kLeaf && btree::NodeView(page).values_are_refs();
      if (at < 2 * kPageBytes || kind == pager::PageKind::kMap ||
          kind == pager::PageKind::kMapIndex || is_catalog)
        continue;
      bytes[at] = static_cast<char>(random());
    }
    Content found;
    const auto report = Run(bytes, &found);
    ASSERT_TRUE(report.ok()) << report.status();
    const uint64_t missing = Missing(found);
    EXPECT_LE(missing, Lost(*report) + 80);
    EXPECT_TRUE(missing == 0 || !report->is_complete());
  }
}

TEST_F(SalvageTest, TheLogIsReplayed) {
  const CrashedSample sample = MakeCrashedSample();
  fs_ = pager::NewMemoryFileSystem();
  options_.file_system = fs_.get();
  WriteWholeFile(fs_.get(), kLogPath, sample.log);
  Content found;
  auto report = Run(sample.file, &found);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->commits_replayed, 8u);
  EXPECT_TRUE(found == sample.versions.back());
  EXPECT_TRUE(report->is_complete());
  // The log damaged: what came before it.
  std::string log = sample.log;
  log[sample.log_used / 2] ^= 1;
  WriteWholeFile(fs_.get(), kLogPath, log);
  report = Run(sample.file, &found);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_LT(report->commits_replayed, 8u);
  EXPECT_TRUE(found == sample.versions[report->commits_replayed]);
  ASSERT_TRUE(fs_->Delete(kLogPath).ok());
  report = Run(sample.file, &found);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(found == sample.versions.front());
  EXPECT_FALSE(report->notes.empty());
}

TEST_F(SalvageTest, TruncatedFiles) {
  Make({});
  for (size_t size = 3 * kPageBytes; size < file_.size(); size += 17 * kPageBytes + 99) {
    Content found;
    const auto report = Run(file_.substr(0, size), &found);
    ASSERT_TRUE(report.ok()) << size << report.status();
    EXPECT_FALSE(report->is_complete()) << size;
  }
}

TEST_F(SalvageTest, WhatItRefuses) {
  Make(*EncryptionKey::Raw(std::string(32, 'k')));
  SalvageOptions options = ToSalvage();
  EXPECT_TRUE(absl::IsInvalidArgument(Salvage(kPath, kPath, options).status()));
  options.key = EncryptionKey();
  EXPECT_TRUE(absl::IsPermissionDenied(Salvage(kPath, kOut, options).status()));
  options.key = *EncryptionKey::Raw(std::string(32, 'x'));
  EXPECT_TRUE(absl::IsPermissionDenied(Salvage(kPath, kOut, options).status()));
  EXPECT_FALSE(*fs_->Exists(kOut));
  options = ToSalvage();
  options.overwrite = false;
  WriteWholeFile(fs_.get(), kOut, "precious");
  EXPECT_TRUE(absl::IsAlreadyExists(Salvage(kPath, kOut, options).status()));
  EXPECT_EQ(ReadWholeFile(fs_.get(), kOut), "precious");
  EXPECT_TRUE(absl::IsNotFound(Salvage("/absent", kOut, ToSalvage()).status()));
  WriteWholeFile(fs_.get(), "/foreign", "not a database");
  options = ToSalvage();
  options.key = EncryptionKey();
  EXPECT_TRUE(absl::IsInvalidArgument(Salvage("/foreign", kOut, options).status()));
  WriteWholeFile(fs_.get(), "/foreign", std::string(50'000, 'f'));
  EXPECT_TRUE(absl::IsInvalidArgument(Salvage("/foreign", kOut, options).status()));
  auto db = Database::Open(kPath, options_);  // in use
  ASSERT_TRUE(db.ok());
  EXPECT_TRUE(absl::IsUnavailable(Salvage(kPath, kOut, ToSalvage()).status()));
}

}  // namespace
}  // namespace sheaf::test
