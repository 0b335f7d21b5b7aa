// Stores of blobs that contradict themselves although every page is right: Check() says
// what is wrong, and salvage makes a store of it in which nothing is.
#include <gtest/gtest.h>

#include <functional>

#include "blob/layout.h"
#include "catalog/attachments.h"
#include "catalog/store.h"
#include "catalog/write_txn.h"
#include "document/collection_codec.h"
#include "pager/cipher.h"
#include "pager/coding.h"
#include "sheaf/salvage.h"
#include "tests/api/damage_util.h"

namespace sheaf::test {
namespace {

using blobs::Row;
using blobs::RowKey;

using document::EncodeTextKeyPrefix;

class BlobCheckTest : public testing::Test {
 protected:
  void SetUp() override {
    auto db = *OpenSample(fs_.get());
    const absl::Status filled = db->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(BlobStore b, txn.blobs("b"));
      SHEAF_RETURN_IF_ERROR(b.SetShared("n", true));
      SHEAF_ASSIGN_OR_RETURN(Table owners, txn.table("owners"));
      SHEAF_RETURN_IF_ERROR(owners.Put("o", "here"));
      SHEAF_RETURN_IF_ERROR(b.Put("own", "short"));
      SHEAF_RETURN_IF_ERROR(b.Put("long", std::string(1'200'000, 'x')));
      SHEAF_RETURN_IF_ERROR(b.Put("zstd", std::string(9000, 'z'), {.zstd_level = 1}));
      SHEAF_RETURN_IF_ERROR(
          b.Put("owned", "of o", {.owner = BlobOwner{.of = "owners", .key = "o"}}));
      for (const char* key : {"shared1", "shared2"})
        SHEAF_RETURN_IF_ERROR(b.Put(key, std::string(5000, 's'), {.name_space = "n"}));
      return absl::OkStatus();
    });
    ASSERT_TRUE(filled.ok()) << filled;
    ASSERT_TRUE(db->Close().ok());
    const std::array<char, 32> digest = pager::Sha256(std::string(5000, 's'));
    digest_.assign(digest.data(), digest.size());
  }

  using Tamper =
      std::function<absl::Status(catalog::WriteTxn* txn, catalog::OpenTree* store)>;
  void Change(const Tamper& tamper) {
    const auto store = *catalog::Store::Open(fs_.get(), kPath, {}, false);
    const auto txn = *store->BeginWrite(absl::InfiniteDuration());
    const absl::Status status = tamper(txn.get(), *txn->FindTree("b"));
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_TRUE(txn->Commit(Durability::kFull).ok());
    ASSERT_TRUE(store->Close().ok());
  }
  void ChangeRows(const std::function<absl::Status(catalog::OpenTree* store)>& tamper) {
    Change([&](catalog::WriteTxn*, catalog::OpenTree* store) { return tamper(store); });
  }

  std::string Findings(const std::string& path) {
    Options options;
    options.file_system = fs_.get();
    const auto db = *Database::Open(path, options);
    const absl::StatusOr<CheckReport> report = db->Check();
    EXPECT_TRUE(report.ok()) << report.status();
    std::string all;
    for (const CheckFinding& finding : report->findings)
      absl::StrAppend(&all, finding.what, "\n");
    return all;
  }
  // What Check() says has this in it; salvaged, there is nothing to say. The blobs that are
  // there then.
  std::vector<std::string> Expect(const std::string& what) {
    EXPECT_NE(Findings(kPath).find(what), std::string::npos)
        << what << " is not in " << Findings(kPath);
    SalvageOptions salvage;
    salvage.file_system = fs_.get();
    const auto saved = Salvage(kPath, "/saved.sheaf", salvage);
    EXPECT_TRUE(saved.ok()) << saved.status();
    EXPECT_EQ(Findings("/saved.sheaf"), "");
    Options options;
    options.file_system = fs_.get();
    const auto db = *Database::Open("/saved.sheaf", options);
    std::vector<std::string> keys;
    const ReadTransaction read = db->BeginRead();
    const BlobStoreReader store = *read.blobs("b");
    EXPECT_TRUE(store
                    .ForEach({.sort = R"({"_id":1})"},
                             [&](const BlobInfo& info) {
                               keys.push_back(info.key.text());
                               EXPECT_EQ(store.Get(info.key)->size(), info.size);
                               return true;
                             })
                    .ok());
    return keys;
  }

  using Keys = std::vector<std::string>;
  const Keys all_{"long", "own", "owned", "shared1", "shared2", "zstd"};
  std::unique_ptr<pager::FileSystem> fs_ = pager::NewMemoryFileSystem();
  std::string digest_;
};

TEST_F(BlobCheckTest, NothingWrong) { EXPECT_EQ(Findings(kPath), ""); }

TEST_F(BlobCheckTest, ContentLost) {
  ChangeRows([](catalog::OpenTree* store) {
    return store->Delete(RowKey(Row::kOwn, EncodeTextKeyPrefix("own"))).status();
  });
  EXPECT_EQ(Expect("blob own has no content"),
            (Keys{"long", "owned", "shared1", "shared2", "zstd"}));
}

TEST_F(BlobCheckTest, RecordLost) {
  Change([](catalog::WriteTxn* txn, catalog::OpenTree* store) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(catalog::OpenTree* const records,
                           txn->FindTree(blobs::RecordsName(store->record().id)));
    return records->Delete(EncodeTextKeyPrefix("zstd")).status();
  });
  EXPECT_EQ(Expect("has 6 contents and 5 records"), all_);
}

TEST_F(BlobCheckTest, SharedContentLost) {
  ChangeRows([this](catalog::OpenTree* store) {
    return store->Delete(RowKey(Row::kDigest, digest_)).status();
  });
  EXPECT_EQ(Expect("is lost"), (Keys{"long", "own", "owned", "zstd"}));
}

TEST_F(BlobCheckTest, WrongCount) {
  ChangeRows([this](catalog::OpenTree* store) {
    bool existed = false;
    return store->PutStored(RowKey(Row::kCount, digest_),
                            std::string("\5\0\0\0\0\0\0\0", 8),
                            btree::BTree::PutMode::kUpsert, &existed);
  });
  EXPECT_EQ(Expect("its count is not that of its blobs"), all_);
}

TEST_F(BlobCheckTest, TwoContents) {
  ChangeRows([](catalog::OpenTree* store) {
    bool existed = false;
    return store->PutStored(RowKey(Row::kOwn, EncodeTextKeyPrefix("shared1")), "another",
                            btree::BTree::PutMode::kUpsert, &existed);
  });
  EXPECT_EQ(Expect("a blob has two contents"), all_);
}

TEST_F(BlobCheckTest, KeyOfNoDocument) {
  ChangeRows([](catalog::OpenTree* store) {
    bool existed = false;
    return store->PutStored(RowKey(Row::kOwn, "?"), "whose?",
                            btree::BTree::PutMode::kUpsert, &existed);
  });
  EXPECT_EQ(Expect("has 7 contents and 6 records"), all_);
}

TEST_F(BlobCheckTest, NoFrames) {
  ChangeRows([](catalog::OpenTree* store) {
    bool existed = false;
    return store->PutStored(RowKey(Row::kCompressed, EncodeTextKeyPrefix("zstd")),
                            "no frames", btree::BTree::PutMode::kUpsert, &existed);
  });
  EXPECT_EQ(Expect("b: "), (Keys{"long", "own", "owned", "shared1", "shared2"}));
}

TEST_F(BlobCheckTest, AnotherSize) {
  ChangeRows([](catalog::OpenTree* store) {
    bool existed = false;
    return store->PutStored(RowKey(Row::kOwn, EncodeTextKeyPrefix("own")),
                            "longer than it was", btree::BTree::PutMode::kUpsert,
                            &existed);
  });
  EXPECT_EQ(Expect("its record says 5"), all_);
}

TEST_F(BlobCheckTest, NotAttached) {
  Change([](catalog::WriteTxn* txn, catalog::OpenTree*) {
    return txn->DropTree(catalog::kAttachmentsName);
  });
  EXPECT_EQ(Expect("blob owned is not attached to its owner"), all_);
}

TEST_F(BlobCheckTest, AttachedForNothing) {
  Change([](catalog::WriteTxn* txn, catalog::OpenTree* store) {
    return catalog::Attach(txn, 1, "o",
                           {store->record().id, 77, EncodeTextKeyPrefix("own")});
  });
  EXPECT_EQ(Expect("2 blobs are attached to owners, 1 have one"), all_);
}

}  // namespace
}  // namespace sheaf::test
