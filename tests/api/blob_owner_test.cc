// Blobs that go with what they belong to, whoever deletes that and however; and blobs that
// expire: at the instant, on every path, across reopening, under old snapshots (RELIABILITY
// B33, B37).
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "sheaf/sheaf.h"
#include "tests/support/faulty_file.h"

namespace sheaf {
namespace {

const std::string kLong(1200000, 'x');

class BlobOwnerTest : public testing::Test {
 protected:
  void SetUp() override {
    options_.file_system = &fs_;
    options_.cache_bytes_max = 4 << 20;
    options_.background_expiry = false;
    options_.clock = [this] { return now_; };
    options_.on_expired = [this](const ExpiredRecord& record) {
      expired_.push_back(std::string(record.name) + " " + std::string(record.key));
    };
    Open();
  }
  void Open() {
    db_ = nullptr;
    db_ = *Database::Open("/b.sheaf", options_);
  }
  void Write(const std::function<absl::Status(WriteTransaction&)>& fn) {
    const absl::Status status = db_->Write(fn);
    ASSERT_TRUE(status.ok()) << status;
  }
  // Of each owner two blobs that go and one that stays; one of the blobs is long.
  void Attach(WriteTransaction& txn, const std::vector<BlobOwner>& owners) {
    BlobStore store = *txn.blobs("files");
    for (const BlobOwner& owner : owners) {
      const std::string name = owner.of + "/" + owner.key.ToString();
      BlobAttributes attributes;
      attributes.owner = owner;
      ASSERT_TRUE(store.Put(name + "/a", "short", attributes).ok());
      ASSERT_TRUE(store.Put(name + "/b", kLong, attributes).ok());
      attributes.owner->keep = true;
      ASSERT_TRUE(store.Put(name + "/kept", "x", attributes).ok());
    }
  }
  std::vector<std::string> Keys() {
    std::vector<std::string> keys;
    const ReadTransaction read = db_->BeginRead();
    const absl::StatusOr<BlobStoreReader> store = read.blobs("files");
    EXPECT_TRUE(store.ok());
    EXPECT_TRUE(store
                    ->ForEach({},
                              [&](const BlobInfo& info) {
                                keys.push_back(info.key.ToString());
                                EXPECT_TRUE(store->Get(info.key).ok());
                                return true;
                              })
                    .ok());
    std::sort(keys.begin(), keys.end());
    return keys;
  }
  void ExpectClean() {
    const CheckReport report = *db_->Check();
    for (const CheckFinding& f : report.findings) ADD_FAILURE() << f.what;
  }

  test::FaultyFileSystem fs_;
  absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
  std::vector<std::string> expired_;
  Options options_;
  std::unique_ptr<Database> db_;
};

using Strings = std::vector<std::string>;

TEST_F(BlobOwnerTest, OfDocuments) {
  Write([&](WriteTransaction& txn) -> absl::Status {
    Collection c = *txn.collection("c");
    for (const char* key : {"1", "2", "3"})
      SHEAF_RETURN_IF_ERROR(c.Put(key, R"({"n":1})"));
    SHEAF_RETURN_IF_ERROR(c.Put(1, "{}"));
    Attach(txn, {{"c", "1"}, {"c", "2"}, {"c", "3"}, {"c", 1}});
    return absl::OkStatus();
  });
  {
    const ReadTransaction read = db_->BeginRead();
    const BlobStoreReader store = *read.blobs("files");
    EXPECT_EQ(store.Info("c/1/b")->attributes.owner, (BlobOwner{"c", 1}));
    BlobQuery query;
    query.owner = BlobOwner{"c", "2"};
    EXPECT_EQ(*store.Count(query), 3u);
  }
  const ReadTransaction old = db_->BeginRead();
  Write([](WriteTransaction& txn) -> absl::Status {
    Collection c = *txn.collection("c");
    SHEAF_RETURN_IF_ERROR(c.Delete("2").status());
    SHEAF_RETURN_IF_ERROR(c.Put("3", "{}"));  // replaced: it stays
    return c.Delete(77).status();
  });
  EXPECT_EQ(Keys(), (Strings{"c/1/a", "c/1/b", "c/1/kept", "c/2/kept", "c/3/a", "c/3/b",
                             "c/3/kept"}));
  EXPECT_TRUE(*old.blobs("files")->Get("c/2/b") == kLong);
  Write([](WriteTransaction& txn) {
    return txn.collection("c")->DeleteWhere(R"({"n":1})").status();
  });
  EXPECT_EQ(Keys().size(), 7u);  // "1", put twice under one name, is that of the number
  Write([](WriteTransaction& txn) { return txn.Drop("c"); });
  EXPECT_EQ(Keys(), (Strings{"c/1/kept", "c/2/kept", "c/3/kept"}));
  ExpectClean();
}

TEST_F(BlobOwnerTest, OfTables) {
  const auto fill = [&](WriteTransaction& txn) -> absl::Status {
    Table t = *txn.table("t");
    std::vector<BlobOwner> owners;
    for (const char* key : {"a", "b", "c", "d", "e", "f", "g", "h"}) {
      SHEAF_RETURN_IF_ERROR(t.Put(key, "1"));
      owners.push_back({"t", key});
    }
    Attach(txn, owners);
    return absl::OkStatus();
  };
  Write(fill);
  EXPECT_EQ(Keys().size(), 24u);
  Write([](WriteTransaction& txn) -> absl::Status {
    Table t = *txn.table("t");
    SHEAF_RETURN_IF_ERROR(t.Delete("a").status());
    SHEAF_RETURN_IF_ERROR(t.DeleteRange({"b", "d"}).status());
    SHEAF_RETURN_IF_ERROR(t.PopFirst().status());
    SHEAF_RETURN_IF_ERROR(
        t.Update("e", [](auto) { return std::optional<std::string>(); }));
    return t.CompareAndSet("f", "1", std::nullopt).status();
  });
  WriteBatch batch;
  batch.Delete("t", "g");
  ASSERT_TRUE(db_->Apply(batch).ok());
  Strings left;
  for (const std::string& key : Keys())
    if (!key.ends_with("kept")) left.push_back(key);
  EXPECT_EQ(left, (Strings{"t/h/a", "t/h/b"}));
  ExpectClean();
}

TEST_F(BlobOwnerTest, OfVertices) {
  VertexId ann = 0, bob = 0;
  Write([&](WriteTransaction& txn) -> absl::Status {
    Graph g = *txn.graph("g");
    SHEAF_ASSIGN_OR_RETURN(ann, g.AddVertex({"Person"}));
    SHEAF_ASSIGN_OR_RETURN(bob, g.AddVertex({"Person"}));
    Attach(txn, {{"g", static_cast<int64_t>(ann)}, {"g", static_cast<int64_t>(bob)}});
    return absl::OkStatus();
  });
  EXPECT_EQ(Keys().size(), 6u);
  Write(
      [&](WriteTransaction& txn) { return txn.graph("g")->DeleteVertex(ann).status(); });
  EXPECT_EQ(Keys().size(), 4u);
  Write([&](WriteTransaction& txn) { return txn.Drop("g"); });
  EXPECT_EQ(Keys().size(), 2u);
  ExpectClean();
}

TEST_F(BlobOwnerTest, OwnersChangeAndBlobsGo) {
  Write([&](WriteTransaction& txn) -> absl::Status {
    Collection c = *txn.collection("c");
    for (int key = 1; key <= 4; ++key) SHEAF_RETURN_IF_ERROR(c.Put(key, "{}"));
    BlobStore store = *txn.blobs("files");
    BlobAttributes of1{.owner = BlobOwner{"c", 1}}, of2{.owner = BlobOwner{"c", 2}};
    SHEAF_RETURN_IF_ERROR(store.Put("moved", "x", of1));
    SHEAF_RETURN_IF_ERROR(store.SetAttributes("moved", of2));
    SHEAF_RETURN_IF_ERROR(store.Put("freed", "x", of1));
    SHEAF_RETURN_IF_ERROR(store.SetAttributes("freed", {}));
    SHEAF_RETURN_IF_ERROR(store.Put("again", "x", of1));
    SHEAF_RETURN_IF_ERROR(store.Delete("again").status());
    SHEAF_RETURN_IF_ERROR(store.Put("again", "y"));
    SHEAF_RETURN_IF_ERROR(store.Put("kept", "x", {.owner = BlobOwner{"c", 1, true}}));
    // Changes of a part leave it whose it is.
    SHEAF_RETURN_IF_ERROR(store.Put("grown", kLong, of1));
    SHEAF_RETURN_IF_ERROR(store.Append("grown", "more"));
    SHEAF_RETURN_IF_ERROR(store.Link("grown", {BlobRelation::kSimilar, "moved", ""}));
    const Savepoint savepoint = *txn.SetSavepoint();
    SHEAF_RETURN_IF_ERROR(c.Delete(1).status());
    EXPECT_TRUE(absl::IsNotFound(store.Get("grown").status()));
    SHEAF_RETURN_IF_ERROR(txn.RollbackTo(savepoint));
    EXPECT_TRUE(store.Get("grown").ok());
    return absl::OkStatus();
  });
  Open();
  Write([](WriteTransaction& txn) { return txn.collection("c")->Delete(1).status(); });
  EXPECT_EQ(Keys(), (Strings{"again", "freed", "kept", "moved"}));
  Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_RETURN_IF_ERROR(txn.Rename("c", "renamed"));
    return txn.collection("renamed")->Delete(2).status();
  });
  EXPECT_EQ(Keys(), (Strings{"again", "freed", "kept"}));
  Write([](WriteTransaction& txn) { return txn.Drop("files"); });
  Write([](WriteTransaction& txn) { return txn.Drop("renamed"); });
  ExpectClean();
}

TEST_F(BlobOwnerTest, WrongOwners) {
  WriteTransaction txn = *db_->BeginWrite();
  BlobStore store = *txn.blobs("files");
  ASSERT_TRUE(txn.collection("c").ok());
  ASSERT_TRUE(txn.table("t").ok());
  ASSERT_TRUE(txn.graph("g").ok());
  const auto put = [&](const std::string& of, const DocumentKey& key) {
    BlobAttributes attributes;
    attributes.owner = BlobOwner{of, key};
    return store.Put("x", "x", attributes);
  };
  EXPECT_TRUE(absl::IsNotFound(put("none", 1)));
  EXPECT_TRUE(absl::IsNotFound(put("c", 1)));
  EXPECT_TRUE(absl::IsNotFound(put("t", "k")));
  EXPECT_TRUE(absl::IsNotFound(put("g", 5)));
  EXPECT_TRUE(absl::IsInvalidArgument(put("t", 1)));
  EXPECT_TRUE(absl::IsInvalidArgument(put("g", "v")));
  EXPECT_TRUE(absl::IsInvalidArgument(put("g", -1)));
  EXPECT_TRUE(absl::IsInvalidArgument(put("files", "x")));
  EXPECT_EQ(*store.size(), 0u);
  ASSERT_TRUE(txn.Commit().ok());
}

TEST_F(BlobOwnerTest, BlobsExpireAtTheInstant) {
  const absl::Time at = now_ + absl::Hours(24);
  Write([&](WriteTransaction& txn) -> absl::Status {
    SHEAF_RETURN_IF_ERROR(txn.collection("c")->Put(1, "{}"));
    BlobStore store = *txn.blobs("files");
    SHEAF_RETURN_IF_ERROR(store.SetShared("s", true));
    SHEAF_RETURN_IF_ERROR(store.Put("never", "x"));
    SHEAF_RETURN_IF_ERROR(store.Put("short", "x", {.expiry = Expiry::At(at)}));
    SHEAF_RETURN_IF_ERROR(
        store.Put("long", kLong, {.expiry = Expiry::After(absl::Hours(24))}));
    SHEAF_RETURN_IF_ERROR(store.Put("owned", kLong,
                                    {.name_space = "s",
                                     .owner = BlobOwner{"c", 1},
                                     .expiry = Expiry::Sliding(absl::Hours(24))}));
    return store.SetExpiry("never", Expiry::Never());
  });
  Open();
  const auto expect_visible = [&](const ReadTransaction& read, uint64_t visible) {
    const BlobStoreReader store = *read.blobs("files");
    char out[4];
    EXPECT_EQ(*store.size(), visible);
    EXPECT_EQ(*store.Count({}), visible);
    EXPECT_EQ(read.List()->back().entry_count, visible);
    for (const char* key : {"short", "long", "owned"}) {
      const bool there = visible == 4;
      EXPECT_EQ(*store.Contains(key), there) << key;
      EXPECT_EQ(store.Get(key).ok(), there) << key;
      EXPECT_EQ(store.Open(key).ok(), there) << key;
      EXPECT_EQ(store.Info(key).ok(), there) << key;
      EXPECT_EQ(store.ReadRange(key, 0, absl::MakeSpan(out)).ok(), there) << key;
    }
  };
  now_ = at - absl::Microseconds(1);
  ReadTransaction before = db_->BeginRead();
  expect_visible(before, 4);
  EXPECT_EQ(before.blobs("files")->Info("long")->expires_at, at);
  now_ = at;
  expect_visible(before, 4);  // judged by one reading of the clock
  expect_visible(db_->BeginRead(), 1);
  ExpectClean();
  before.End();
  Open();
  expect_visible(db_->BeginRead(), 1);
  EXPECT_EQ(*db_->BeginRead().blobs("files")->size_with_expired(), 4u);
  // Another in the place of one that has expired.
  Write([&](WriteTransaction& txn) -> absl::Status {
    BlobStore store = *txn.blobs("files");
    EXPECT_FALSE(*store.Delete("long"));
    EXPECT_TRUE(absl::IsNotFound(store.Append("long", "x")));
    EXPECT_TRUE(absl::IsNotFound(store.SetExpiry("long", Expiry::Never())));
    EXPECT_FALSE(*store.Touch("owned"));
    return store.Put("owned", "new");
  });
  const ExpireResult removed = *db_->Expire();
  EXPECT_EQ(removed.removed.at(TreeKind::kBlobs), 2u);
  std::sort(expired_.begin(), expired_.end());
  EXPECT_EQ(expired_, (Strings{"files long", "files short"}));
  EXPECT_EQ(Keys(), (Strings{"never", "owned"}));
  EXPECT_EQ(*db_->BeginRead().blobs("files")->size_with_expired(), 2u);
  EXPECT_EQ(db_->BeginRead().blobs("files")->Stats()->stored_bytes, 4u);
  // The owner that the expired one had takes nothing with it.
  Write([](WriteTransaction& txn) { return txn.collection("c")->Delete(1).status(); });
  EXPECT_EQ(Keys(), (Strings{"never", "owned"}));
  now_ = at - absl::Hours(10);  // time does not go back
  EXPECT_EQ(Keys(), (Strings{"never", "owned"}));
  ExpectClean();
}

TEST_F(BlobOwnerTest, SlidingDefaultsAndParts) {
  Write([&](WriteTransaction& txn) -> absl::Status {
    BlobStore store = *txn.blobs("files");
    SHEAF_RETURN_IF_ERROR(store.SetDefaultExpiry(Expiry::Sliding(absl::Hours(1))));
    SHEAF_RETURN_IF_ERROR(store.Put("slides", kLong));
    SHEAF_RETURN_IF_ERROR(store.Put("touched", "x"));
    return store.Put("fixed", "x", {.expiry = Expiry::After(absl::Hours(1))});
  });
  now_ += absl::Minutes(50);
  Write([&](WriteTransaction& txn) -> absl::Status {
    BlobStore store = *txn.blobs("files");
    SHEAF_RETURN_IF_ERROR(store.Append("slides", "x"));
    SHEAF_RETURN_IF_ERROR(store.Overwrite("fixed", 0, "yz"));
    EXPECT_TRUE(*store.Touch("touched"));
    EXPECT_FALSE(*store.Touch("fixed"));
    return absl::OkStatus();
  });
  now_ += absl::Minutes(50);
  EXPECT_EQ(Keys(), (Strings{"slides", "touched"}));
  now_ += absl::Minutes(11);
  EXPECT_EQ(Keys(), Strings{});
  EXPECT_EQ(db_->Expire()->removed_total, 3u);
  ExpectClean();
}

TEST_F(BlobOwnerTest, BlobsGoWithWhatExpires) {
  Write([&](WriteTransaction& txn) -> absl::Status {
    SHEAF_RETURN_IF_ERROR(
        txn.collection("c")->Put(1, "{}", Expiry::After(absl::Hours(1))));
    SHEAF_RETURN_IF_ERROR(txn.table("t")->Put("k", "v", Expiry::After(absl::Hours(1))));
    Attach(txn, {{"c", 1}, {"t", "k"}});
    return absl::OkStatus();
  });
  EXPECT_EQ(Keys().size(), 6u);
  now_ += absl::Hours(2);
  EXPECT_EQ(db_->Expire()->removed_total, 2u);
  EXPECT_EQ(Keys(), (Strings{"c/1/kept", "t/k/kept"}));
  ExpectClean();
}

}  // namespace
}  // namespace sheaf
