// What a review of compression found before it was released.
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "catalog/store.h"
#include "catalog/write_txn.h"
#include "sheaf/salvage.h"
#include "tests/api/api_fixture.h"
#include "tests/support/page_editor.h"

namespace sheaf::test {
namespace {

constexpr Compression kZstd{CompressionKind::kZstd};
constexpr Compression kDictionary{CompressionKind::kZstd, 3, true, 50};

std::string Document(uint64_t i) {
  return absl::StrCat("{\"id\":", i * 7919 % 100'003,
                      ",\"kind\":\"synset\",\"gloss\":\"a word of ", i % 97,
                      " letters that somebody wrote\",\"words\":[\"w", i % 53, "\"]}");
}
std::string Key(uint64_t i) { return absl::StrCat("key", 100000 + i); }

class CompressionReview : public ApiTest {
 protected:
  void Fill(const Compression& compression, uint64_t from, uint64_t to) {
    WriteTransaction txn = Begin();
    absl::StatusOr<Table> table = txn.table("t", {.compression = compression});
    for (uint64_t i = from; i < to; ++i)
      ASSERT_TRUE(table->Put(Key(i), Document(i)).ok()) << i;
    ASSERT_TRUE(txn.Commit().ok());
  }
  TreeStats Measure() { return *db_->BeginRead().Measure("t"); }
  // Salvages `whole` with each page destroyed in turn.
  void TryEachPage(const std::string& whole, int* with_loss, int* lost_names);
  // A file that no API makes.
  void Craft(absl::FunctionRef<void(catalog::WriteTxn*)> fn) {
    db_.reset();
    fs_ = std::make_unique<FaultyFileSystem>();
    options_.file_system = fs_.get();
    auto store = catalog::Store::Open(fs_.get(), "/t.sheaf", options_, false);
    ASSERT_TRUE(store.ok()) << store.status();
    auto txn = (*store)->BeginWrite(absl::InfiniteDuration());
    fn(txn->get());
    ASSERT_TRUE((*txn)->Commit(Durability::kFull).ok());
    ASSERT_TRUE((*store)->Close().ok());
    txn->reset();
    store->reset();
    Open();
  }
  static catalog::OpenTree* CraftTree(catalog::WriteTxn* txn) {
    return *txn->CreateTree("t", catalog::TreeKind::kTable, {}, {});
  }
  // The bytes behind zstd's magic number, sealed so that the page seems intact.
  void DestroyDictionary() {
    ASSERT_TRUE(db_->Close().ok());
    db_.reset();
    PageEditor editor(ReadWholeFile(fs_.get(), "/t.sheaf"));
    for (pager::PageId id = 2; id < editor.page_count(); ++id) {
      const std::string_view page(editor.page(id), 4096);
      const size_t at = page.find("\x37\xa4\x30\xec");
      if (at != std::string_view::npos)
        editor.Edit(id, [&](char* bytes) { bytes[at] ^= 1; });
    }
    WriteWholeFile(fs_.get(), "/t.sheaf", editor.file());
    Open();
  }
};

// Of whatever single page is lost: values came back wrong, as they were encoded, or became
// wrong with the next put, which gave out a dictionary's version again.
TEST_F(CompressionReview, SalvageReturnsNoWrongValue) {
  Fill({}, 0, 40);
  ASSERT_TRUE(db_->Checkpoint().ok());
  const ReadTransaction keeps_old_pages = db_->BeginRead();
  {
    WriteTransaction txn = Begin();
    ASSERT_TRUE(txn.Recompress("t", kDictionary).ok());
    ASSERT_TRUE(txn.Commit().ok());
  }
  Fill({}, 40, 400);
  ASSERT_TRUE(db_->Checkpoint().ok());
  ASSERT_TRUE(db_->Backup("/compact", {.compact = true}).ok());
  int with_loss = 0, lost_names = 0;
  for (const char* source : {"/t.sheaf", "/compact"})
    TryEachPage(ReadWholeFile(fs_.get(), source), &with_loss, &lost_names);
  EXPECT_GT(with_loss, 5);
  EXPECT_GT(lost_names, 0);
  std::printf("%d salvages with losses, %d without the name\n", with_loss, lost_names);
}

void CompressionReview::TryEachPage(const std::string& whole, int* with_loss,
                                    int* lost_names) {
  for (uint64_t page = 0; page < whole.size() / 4096; ++page) {
    std::string file = whole;
    for (size_t i = 0; i < 4096; ++i) file[page * 4096 + i] ^= 0x5a;
    FaultyFileSystem fs;
    WriteWholeFile(&fs, "/d", file);
    const auto report = Salvage("/d", "/s", {.file_system = &fs});
    ASSERT_TRUE(report.ok()) << page << ": " << report.status();
    Options options;
    options.file_system = &fs;
    auto db = Database::Open("/s", options);
    ASSERT_TRUE(db.ok()) << db.status();
    if (report->trees.empty()) continue;
    const std::string& name = report->trees.front().name;
    *lost_names += name != "t";
    const auto expect_right = [&](const char* when) {
      const ReadTransaction read = (*db)->BeginRead();
      uint64_t right = 0;
      for (const auto& [key, value] : All(*read.table(name))) {
        const uint64_t i = std::stoull(key.substr(3)) - 100000;
        ASSERT_EQ(value, Document(i)) << when << ", page " << page << " in " << name;
        ++right;
      }
      *with_loss += right < 400;
      const auto checked = (*db)->Check();
      ASSERT_TRUE(checked.ok() && checked->ok())
          << page << ": " << (checked.ok() ? checked->findings[0].what : "");
    };
    expect_right("salvaged");
    const absl::Status put = (*db)->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(Table table, txn.table(name));
      for (uint64_t i = 400; i < 460; ++i)
        SHEAF_RETURN_IF_ERROR(table.Put(Key(i), Document(i)));
      return absl::OkStatus();
    });
    ASSERT_TRUE(put.ok()) << page << ": " << put;
    expect_right("and used");
  }
}

// A batch whose table could not be written stored what it had put into others.
TEST_F(CompressionReview, BatchesAreAtomicWithoutTheirDictionary) {
  Fill(kDictionary, 0, 100);
  Fill(kDictionary, 100, 101);
  ASSERT_TRUE(db_->Write([](WriteTransaction& txn) {
                   return txn.table("p", {.compression = Compression{}})->Put("a", "1");
                 })
                  .ok());
  DestroyDictionary();
  WriteBatch batch;
  batch.Put("p", "half", "1");
  batch.Put("t", "other", Document(5));
  EXPECT_FALSE(db_->Apply(batch).ok());
  EXPECT_FALSE(*db_->BeginRead().table("p")->Contains("half"));
}

// The cursor gave the value that it had decompressed before the change.
TEST_F(CompressionReview, CursorsSeeChangesOfCompressedValues) {
  Fill(kDictionary, 0, 100);
  WriteTransaction txn = Begin();
  absl::StatusOr<Table> table = txn.table("t");
  Cursor cursor = table->NewCursor();
  ASSERT_TRUE(cursor.Seek(Key(5)));
  EXPECT_EQ(cursor.value(), Document(5));
  ASSERT_TRUE(table->Put(Key(5), Document(500)).ok());
  const std::string_view changed = cursor.value();
  EXPECT_EQ(changed, Document(500));
  EXPECT_EQ(cursor.value().data(), changed.data()) << "the view lives on";
  const Savepoint savepoint = *txn.SetSavepoint();
  ASSERT_TRUE(table->Put(Key(5), Document(600)).ok());
  ASSERT_TRUE(cursor.Seek(Key(5)));
  EXPECT_EQ(cursor.value(), Document(600));
  ASSERT_TRUE(txn.RollbackTo(savepoint).ok());
  EXPECT_EQ(cursor.value(), Document(500));
}

// Crashed.
TEST_F(CompressionReview, CursorsOfEndedTransactions) {
  Fill(kDictionary, 0, 100);
  ASSERT_TRUE(db_->Write([](WriteTransaction& txn) {
                   return txn.table("t")->Put("long", std::string(200'000, 'l'));
                 })
                  .ok());
  Reopen();
  for (const char* key : {"key100003", "long"}) {
    ReadTransaction read = db_->BeginRead();
    Cursor cursor = read.table("t")->NewCursor();
    ASSERT_TRUE(cursor.Seek(key));
    read.End();
    (void)cursor.value();
    EXPECT_FALSE(cursor.status().ok());
    Cursor sized = db_->BeginRead().table("t")->NewCursor();
    EXPECT_EQ(sized.Valid() ? sized.value_size() : 0, 0u);
    WriteTransaction txn = Begin();
    Cursor writes = txn.table("t")->NewCursor();
    ASSERT_TRUE(writes.Seek(key));
    txn.Rollback();
    (void)writes.value();
    (void)writes.value_size();
  }
}

// One damaged value kept its table from ever being written again.
TEST_F(CompressionReview, ADamagedValueDoesNotStopTraining) {
  Craft([](catalog::WriteTxn* txn) {
    catalog::OpenTree* tree = CraftTree(txn);
    ASSERT_TRUE(tree->SetCompression(kDictionary).ok());
    bool existed = false;
    ASSERT_TRUE(tree->PutStored("bad", std::string("\x09garbage", 8),
                                btree::BTree::PutMode::kUpsert, &existed)
                    .ok());
  });
  Fill(kDictionary, 0, 100);
  EXPECT_FALSE(db_->BeginRead().table("t")->Get("bad").ok());
  EXPECT_EQ(db_->BeginRead().table("t")->Get(Key(7))->view(), Document(7));
  ASSERT_TRUE(db_->Write([](WriteTransaction& txn) {
                   return txn.table("t")->Delete("bad").status();
                 })
                  .ok());
  EXPECT_EQ(Measure().dictionaries, 1u);
  ASSERT_TRUE(db_->Checkpoint().ok());
  ExpectClean();
}

// Eight values, or those of a load that was refused, became the dictionary of all to come.
TEST_F(CompressionReview, FewValuesMakeNoDictionary) {
  for (const bool refused : {false, true}) {
    Restart(std::make_unique<FaultyFileSystem>());
    WriteTransaction txn = Begin();
    absl::StatusOr<Table> table = txn.table("t", {.compression = kDictionary});
    uint64_t i = 0;
    std::string key, value;
    const absl::Status loaded =
        table->BulkLoad([&](std::string_view* k, std::string_view* v) {
          if (i == (refused ? 300u : 8u)) return false;
          key = i == 299 ? "a" : absl::StrCat("b", 1000 + i);
          value = absl::StrCat("<other> things than those to come: ", i * 31, "</other>");
          ++i;
          *k = key, *v = value;
          return true;
        });
    EXPECT_EQ(loaded.ok(), !refused) << loaded;
    ASSERT_TRUE(txn.Commit().ok());
    EXPECT_EQ(Measure().dictionaries, 0u) << refused;
    Fill(kDictionary, 0, 300);
    EXPECT_EQ(Measure().dictionaries, 1u);
    EXPECT_LT(Measure().stored_bytes * 2, Measure().value_bytes);
    ExpectClean();
  }
}

// A load that was refused, since there are values, deleted what they need (salvage leaves
// dictionaries that are of no use for new values).
TEST_F(CompressionReview, RefusedLoadsDeleteNoDictionary) {
  Craft([](catalog::WriteTxn* txn) {
    catalog::OpenTree* tree = CraftTree(txn);
    ASSERT_TRUE(tree->SetCompression(kDictionary).ok());
    bool existed = false;
    for (uint64_t i = 0; i < 60; ++i)
      ASSERT_TRUE(
          tree->Put(Key(i), Document(i), btree::BTree::PutMode::kUpsert, &existed).ok());
    catalog::TreeCompression c = tree->record().compression;
    ASSERT_EQ(std::exchange(c.dictionary, 0), 1u);
    ASSERT_TRUE(tree->StoreCompression(c).ok());
  });
  ASSERT_TRUE(db_->Write([](WriteTransaction& txn) {
                   const absl::Status refused = txn.table("t")->BulkLoad(
                       [](std::string_view*, std::string_view*) { return false; });
                   EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
                   return txn.table("t")->Put("a", "1");
                 })
                  .ok());
  for (uint64_t i = 0; i < 60; ++i)
    EXPECT_EQ(db_->BeginRead().table("t")->Get(Key(i))->view(), Document(i));
  ASSERT_TRUE(db_->Checkpoint().ok());
  ExpectClean();
}

TEST_F(CompressionReview, VersionsAreNotUsedUp) {
  Craft([](catalog::WriteTxn* txn) {
    catalog::TreeCompression c;
    c.encoded = true;
    c.wanted = kDictionary;
    c.dictionaries = UINT32_MAX;
    ASSERT_TRUE(CraftTree(txn)->StoreCompression(c).ok());
  });
  WriteBatch batch;
  for (uint64_t i = 0; i < 60; ++i) batch.Put("t", Key(i), Document(i));
  EXPECT_FALSE(db_->Apply(batch).ok());
  const auto report = db_->Check();
  EXPECT_TRUE(report.ok() && !report->ok());
}

TEST_F(CompressionReview, CheckMissesNoDictionary) {
  Craft([](catalog::WriteTxn* txn) {
    catalog::TreeCompression c;
    c.encoded = true;
    c.wanted = kDictionary;
    c.dictionary = c.dictionaries = 1;
    ASSERT_TRUE(CraftTree(txn)->StoreCompression(c).ok());
  });
  const auto report = db_->Check();
  ASSERT_TRUE(report.ok());
  ASSERT_EQ(report->findings.size(), 1u);
  EXPECT_NE(report->findings[0].what.find("dictionary 1"), std::string::npos);
}

// A file of 200 KB took the check through gigabytes without a question.
TEST_F(CompressionReview, CheckAsksWhileItDecompresses) {
  std::string bomb;
  pager::ValueCodec::Encode(std::string(30 << 20, 'x'), pager::Codec::kZstd, 3, nullptr,
                            &bomb);
  Craft([&](catalog::WriteTxn* txn) {
    catalog::OpenTree* tree = CraftTree(txn);
    ASSERT_TRUE(tree->SetCompression(kZstd).ok());
    bool existed = false;
    for (uint64_t i = 0; i < 30; ++i)
      ASSERT_TRUE(
          tree->PutStored(Key(i), bomb, btree::BTree::PutMode::kUpsert, &existed).ok());
  });
  uint64_t asked = 0;
  Progress progress;
  progress.report = [&](const Progress::State&) { return ++asked < 3; };
  EXPECT_TRUE(absl::IsCancelled(db_->Check(CheckLevel::kFull, progress).status()));
}

}  // namespace
}  // namespace sheaf::test
