// Blobs against a map in memory: every way to write and read them, sharing, compression,
// savepoints, rollbacks, old snapshots, reopening, crashes; what their records say and find
// (RELIABILITY R1, R10, R14).
#include "sheaf/blob_store.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "pager/cipher.h"
#include "sheaf/sheaf.h"
#include "tests/support/faulty_file.h"

namespace sheaf {
namespace {

std::string RandomBytes(size_t size, std::mt19937_64* random) {
  std::string bytes(size, '\0');
  const bool text = (*random)() % 2 == 0;  // shrinks
  for (char& c : bytes)
    c = text ? static_cast<char>('a' + (*random)() % 4)
             : static_cast<char>((*random)() >> 11);
  return bytes;
}

struct ModelBlob {
  std::string bytes;
  BlobAttributes attributes;
  std::vector<BlobLink> links;
  uint64_t number = 0;
};
struct Model {
  std::map<int64_t, ModelBlob> blobs;
  std::set<std::string> shared;
  uint64_t number = 0;
};

class BlobStoreTest : public testing::Test {
 protected:
  void Open() {
    db_ = nullptr;
    absl::StatusOr<std::unique_ptr<Database>> db = Database::Open("/b.sheaf", options_);
    ASSERT_TRUE(db.ok()) << db.status();
    db_ = *std::move(db);
  }
  void SetUp() override {
    options_.file_system = &fs_;
    options_.cache_bytes_max = 2 << 20;
    Open();
  }
  template <class Fn>
  absl::Status Write(Fn fn) {
    return db_->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(BlobStore store, txn.blobs("files"));
      return fn(store);
    });
  }
  void ExpectChecked() {
    const absl::StatusOr<CheckReport> report = db_->Check();
    ASSERT_TRUE(report.ok()) << report.status();
    for (const CheckFinding& f : report->findings) ADD_FAILURE() << f.what;
  }

  test::FaultyFileSystem fs_;
  Options options_;
  std::unique_ptr<Database> db_;
};

void ExpectIs(const BlobStoreReader& store, const Model& model, std::mt19937_64* random) {
  EXPECT_EQ(*store.size(), model.blobs.size());
  std::map<uint64_t, int64_t> by_number;
  for (const auto& [key, blob] : model.blobs) {
    SCOPED_TRACE(key);
    by_number[blob.number] = key;
    const absl::StatusOr<std::string> bytes = store.Get(key);
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    ASSERT_TRUE(*bytes == blob.bytes);
    absl::StatusOr<BlobReader> reader = store.Open(key);
    ASSERT_TRUE(reader.ok());
    ASSERT_EQ(reader->size(), blob.bytes.size());
    for (int i = 0; i < 4; ++i) {
      const uint64_t offset = (*random)() % (blob.bytes.size() + 1);
      std::string out((*random)() % 9000, '?');
      const absl::StatusOr<uint64_t> n =
          reader->ReadAt(offset, absl::MakeSpan(out.data(), out.size()));
      ASSERT_TRUE(n.ok()) << n.status();
      ASSERT_TRUE(out.substr(0, *n) == blob.bytes.substr(offset, out.size()));
    }
    const absl::StatusOr<BlobInfo> info = store.Info(key);
    ASSERT_TRUE(info.ok()) << info.status();
    EXPECT_EQ(info->size, blob.bytes.size());
    EXPECT_EQ(info->number, blob.number);
    EXPECT_EQ(info->attributes.name_space, blob.attributes.name_space);
    EXPECT_EQ(info->attributes.tags, blob.attributes.tags);
    EXPECT_EQ(info->attributes.metadata, blob.attributes.metadata);
    EXPECT_EQ(info->attributes.zstd_level, blob.attributes.zstd_level);
    EXPECT_EQ(info->links, blob.links);
  }
  // By number, by namespace and by tag.
  auto next = by_number.begin();
  ASSERT_TRUE(store
                  .ForEach({},
                           [&](const BlobInfo& info) {
                             EXPECT_EQ(info.number, next->first);
                             EXPECT_EQ(info.key, DocumentKey(next->second));
                             ++next;
                             return true;
                           })
                  .ok());
  EXPECT_TRUE(next == by_number.end());
  for (const char* name : {"", "n0", "n1"}) {
    BlobQuery query;
    query.name_space = name;
    uint64_t count = 0;
    for (const auto& [key, blob] : model.blobs)
      count += blob.attributes.name_space == name;
    EXPECT_EQ(*store.Count(query), count);
    query = {};
    query.tag = "t1";
    query.filter = R"({"metadata.i":{"$gte":3}})";
    count = 0;
    for (const auto& [key, blob] : model.blobs)
      count += blob.attributes.tags == std::vector<std::string>{"t1"} &&
               blob.attributes.metadata >= R"({"i":3})";
    EXPECT_EQ(*store.Count(query), count);
  }
  uint64_t bytes = 0;
  for (const auto& [key, blob] : model.blobs) bytes += blob.bytes.size();
  EXPECT_EQ(store.Stats()->content_bytes, bytes);
}

BlobAttributes RandomAttributes(std::mt19937_64* random) {
  BlobAttributes a;
  const uint64_t r = (*random)();
  a.name_space = r % 3 == 0 ? "" : r % 3 == 1 ? "n0" : "n1";
  if (r / 3 % 2 == 0) a.tags = {"t" + std::to_string(r / 6 % 3)};
  if (r / 18 % 2 == 0) a.metadata = R"({"i":)" + std::to_string(r / 36 % 9) + "}";
  if (r / 360 % 4 == 0) a.zstd_level = 3;
  return a;
}

uint64_t RandomSize(std::mt19937_64* random) {
  switch ((*random)() % 6) {
    case 0:
      return (*random)() % 10;
    case 1:
      return (*random)() % 5000;
    case 2:
      return 4096 + (*random)() % 3;
    case 3:
      return (1 << 20) - 2 + (*random)() % 5;
    case 4:
      return (*random)() % 3000000;
    default:
      return (*random)() % 300000;
  }
}

// One change of one blob; the same of the model.
absl::Status Change(BlobStore& store, Model* model, std::mt19937_64* random) {
  const auto key = static_cast<int64_t>((*random)() % 12);
  const auto it = model->blobs.find(key);
  const bool there = it != model->blobs.end();
  switch ((*random)() % 12) {
    case 0: {
      const bool on = (*random)() % 2 == 0;
      const std::string name = (*random)() % 2 == 0 ? "n0" : "";
      SHEAF_RETURN_IF_ERROR(store.SetShared(name, on));
      on ? (void)model->shared.insert(name) : (void)model->shared.erase(name);
      return absl::OkStatus();
    }
    case 1: {
      SHEAF_ASSIGN_OR_RETURN(const bool gone, store.Delete(key));
      EXPECT_EQ(gone, there);
      model->blobs.erase(key);
      return absl::OkStatus();
    }
    case 2: {
      if (!there) return absl::OkStatus();
      const std::string more = RandomBytes(RandomSize(random), random);
      it->second.bytes += more;
      return store.Append(key, more);
    }
    case 3:
    case 4: {
      if (!there) return absl::OkStatus();
      std::string& bytes = it->second.bytes;
      const uint64_t offset = (*random)() % (bytes.size() + 1);
      const std::string over = RandomBytes(RandomSize(random) / 4, random);
      bytes.replace(offset, over.size(), over);
      return store.Overwrite(key, offset, over);
    }
    case 5: {
      if (!there) return absl::OkStatus();
      const BlobLink link{static_cast<BlobRelation>(1 + (*random)() % 5),
                          static_cast<int64_t>((*random)() % 12), "because"};
      for (const BlobLink& l : it->second.links)
        if (l == link) return absl::OkStatus();
      it->second.links.push_back(link);
      return store.Link(key, link);
    }
    case 6: {  // a writer that is given up
      SHEAF_ASSIGN_OR_RETURN(BlobWriter writer, store.NewWriter(key));
      return writer.Append(RandomBytes(RandomSize(random), random));
    }
    default: {
      // Of few contents, so that some are equal.
      std::mt19937_64 few((*random)() % 5);
      const std::string bytes = (*random)() % 2 == 0
                                    ? RandomBytes(RandomSize(&few), &few)
                                    : RandomBytes(RandomSize(random), random);
      const BlobAttributes attributes = RandomAttributes(random);
      SHEAF_ASSIGN_OR_RETURN(BlobWriter writer, store.NewWriter(key, attributes));
      for (size_t at = 0; at < bytes.size();) {
        const size_t n = std::min<size_t>(bytes.size() - at, (*random)() % 200000 + 1);
        SHEAF_RETURN_IF_ERROR(writer.Append(std::string_view(bytes).substr(at, n)));
        at += n;
      }
      SHEAF_RETURN_IF_ERROR(writer.Finish());
      ModelBlob& blob = model->blobs[key];
      if (!there) blob.number = ++model->number;
      blob.bytes = bytes;
      blob.attributes = attributes;
      return absl::OkStatus();
    }
  }
}

class BlobModelTest : public BlobStoreTest, public testing::WithParamInterface<bool> {};

TEST_P(BlobModelTest, RandomChanges) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    db_ = nullptr;
    fs_.Delete("/b.sheaf").IgnoreError();
    if (GetParam()) options_.key = *EncryptionKey::Raw(std::string(32, 'k'));
    Open();
    Model model;
    ASSERT_TRUE(
        Write([&](BlobStore& store) { return store.SetShared("n1", true); }).ok());
    std::optional<ReadTransaction> old;
    Model old_model;
    for (int round = 0; round < 40; ++round) {
      SCOPED_TRACE(round);
      Model next = model;
      auto txn = *db_->BeginWrite();
      {
        BlobStore store = *txn.blobs("files");
        for (uint64_t i = random() % 6; i-- > 0;) {
          const absl::Status status = Change(store, &next, &random);
          ASSERT_TRUE(status.ok()) << status;
        }
        if (random() % 3 == 0) {
          const Model before = next;
          const Savepoint savepoint = *txn.SetSavepoint();
          for (uint64_t i = random() % 5; i-- > 0;)
            ASSERT_TRUE(Change(store, &next, &random).ok());
          if (random() % 2 == 0) {
            ASSERT_TRUE(txn.RollbackTo(savepoint).ok());
            next = before;
          }
        }
        if (random() % 4 == 0) ExpectIs(store, next, &random);
      }
      if (random() % 5 == 0) {
        txn.Rollback();
      } else {
        const absl::Status status = txn.Commit();
        ASSERT_TRUE(status.ok()) << status;
        model = std::move(next);
      }
      if (old.has_value()) {
        ExpectIs(*old->blobs("files"), old_model, &random);
        if (random() % 4 == 0) old.reset();
      } else if (random() % 4 == 0) {
        old.emplace(db_->BeginRead());
        old_model = model;
      }
      if (random() % 6 == 0) {
        old.reset();
        Open();
      }
      if (random() % 6 == 0) ExpectChecked();
      if (random() % 9 == 0) {
        ASSERT_TRUE(db_->Compact().ok());
      }
      ExpectIs(*db_->BeginRead().blobs("files"), model, &random);
    }
    ExpectChecked();
    // All of it goes, and the space with it.
    ASSERT_TRUE(db_->Write([](WriteTransaction& txn) { return txn.Drop("files"); }).ok());
    old.reset();
    ExpectChecked();
    ASSERT_TRUE(db_->Compact().ok());
    EXPECT_LT(*(*fs_.Open("/b.sheaf", pager::OpenMode::kReadOnly))->Size(), 200u << 10);
  }
}
INSTANTIATE_TEST_SUITE_P(All, BlobModelTest, testing::Bool(), [](const auto& param) {
  return param.param ? "Encrypted" : "Plain";
});

}  // namespace
}  // namespace sheaf
