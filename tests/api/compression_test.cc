// Compressed tables and collections hold what a map holds, however they are set, changed
// while they are used, rolled back, killed, copied, salvaged; take less room; and no
// setting that makes no sense is taken.
#include <cstdio>
#include <random>

#include "absl/strings/str_cat.h"
#include "sheaf/backup.h"
#include "sheaf/salvage.h"
#include "sheaf/typed_table.h"
#include "tests/api/api_fixture.h"

namespace sheaf::test {
namespace {

constexpr Compression kLz4{CompressionKind::kLz4};
constexpr Compression kZstd{CompressionKind::kZstd, 5};
constexpr Compression kLz4Dictionary{CompressionKind::kLz4, 3, true, 50};
constexpr Compression kDictionary{CompressionKind::kZstd, 3, true, 50};
constexpr Compression kNone{};

std::string Document(uint64_t i) {
  return absl::StrCat("{\"id\":", i * 7919, ",\"kind\":\"synset\",\"gloss\":\"a word of ",
                      i % 97, " letters that somebody wrote\",\"words\":[\"w", i % 53,
                      "\",\"v", i % 31,
                      "\"],\"also\":\"a word of letters that somebody\"}");
}
std::string Key(uint64_t i) { return absl::StrCat("key", 100000 + i); }

class CompressionTest : public ApiTest {
 protected:
  // Documents [from, to), one transaction.
  void Fill(const Compression& compression, uint64_t from, uint64_t to) {
    WriteTransaction txn = Begin();
    absl::StatusOr<Table> table = txn.table("t", {.compression = compression});
    ASSERT_TRUE(table.ok()) << table.status();
    for (uint64_t i = from; i < to; ++i) {
      const absl::Status put = table->Put(Key(i), Document(i));
      ASSERT_TRUE(put.ok()) << put;
      model_[Key(i)] = Document(i);
    }
    const absl::Status committed = txn.Commit();
    ASSERT_TRUE(committed.ok()) << committed;
  }
  TreeStats Measure(const char* name = "t") {
    const ReadTransaction read = db_->BeginRead();
    const auto stats = read.Measure(name);
    EXPECT_TRUE(stats.ok()) << stats.status();
    return stats.ok() ? *stats : TreeStats{};
  }
  void Recompress(const Compression& compression) {
    WriteTransaction txn = Begin();
    const absl::Status done = txn.Recompress("t", compression);
    ASSERT_TRUE(done.ok()) << done;
    ASSERT_TRUE(txn.Commit().ok());
  }
  void ExpectModel() {
    EXPECT_EQ(All(), model_);
    ExpectClean();
  }

  Contents model_;
};

TEST_F(CompressionTest, WhatIsPutComesBackSmaller) {
  for (const Compression& c : {kLz4, kZstd, kLz4Dictionary, kDictionary}) {
    Restart(std::make_unique<FaultyFileSystem>());
    model_.clear();
    Fill(c, 0, 400);
    ExpectModel();
    const TreeStats stats = Measure();
    EXPECT_EQ(stats.compression, c);
    EXPECT_EQ(stats.entries, 400u);
    EXPECT_EQ(stats.values_as_is, 0u);
    EXPECT_EQ(stats.values_with_dictionary, c.dictionary ? 400u : 0u);
    EXPECT_EQ(stats.dictionaries, c.dictionary ? 1u : 0u);
    uint64_t bytes = 0;
    for (const auto& [key, value] : model_) bytes += value.size();
    EXPECT_EQ(stats.value_bytes, bytes);
    EXPECT_LT(stats.stored_bytes, c.dictionary ? bytes / 2 : bytes);
    Kill();  // the log has it
    ExpectModel();
    Reopen();
    ExpectModel();
    Fill(c, 300, 600);
    CutPower();
    ExpectModel();
  }
}

TEST_F(CompressionTest, EveryWayToReadAValue) {
  std::mt19937_64 random(1);
  std::string noise(5'000, '\0'), large_noise(300'000, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  for (char& c : large_noise) c = static_cast<char>(random());
  Fill(kDictionary, 0, 100);
  const Contents extra = {{"empty", ""},
                          {"short", "x"},
                          {"noise", noise},
                          {"long noise", large_noise},
                          {"long", std::string(1'000'000, 'l')},
                          {"longer", std::string(70'000, 'l') + noise}};
  {
    WriteTransaction txn = Begin();
    absl::StatusOr<Table> table = txn.table("t");
    for (const auto& [key, value] : extra) ASSERT_TRUE(table->Put(key, value).ok());
    model_.insert(extra.begin(), extra.end());
    const auto read_all = [&](const TableReader& t) {
      EXPECT_EQ(All(t), model_);
      std::vector<std::string_view> keys;
      for (const auto& [key, value] : model_) {
        EXPECT_EQ(t.Get(key)->view(), value);
        EXPECT_EQ((*t.Find(key))->view(), value);
        keys.push_back(key);
        for (const uint64_t offset : {uint64_t{0}, value.size() / 2, value.size()}) {
          std::string part(1000, '?');
          const auto n = t.ReadRange(key, offset, absl::MakeSpan(part));
          ASSERT_TRUE(n.ok()) << n.status();
          EXPECT_EQ(part.substr(0, *n), value.substr(offset, 1000)) << key << offset;
        }
        Cursor cursor = t.NewCursor();
        ASSERT_TRUE(cursor.Seek(key));
        EXPECT_EQ(cursor.value_size(), value.size()) << key;
        EXPECT_EQ(cursor.value(), value);
        EXPECT_EQ(cursor.value(), value) << "asked a second time";
      }
      std::vector<std::optional<Value>> values(keys.size());
      ASSERT_TRUE(t.MultiGet(keys, absl::MakeSpan(values)).ok());
      for (size_t i = 0; i < keys.size(); ++i)
        EXPECT_EQ(values[i]->view(), model_[std::string(keys[i])]);
      Contents backwards;
      ASSERT_TRUE(t.ForEachReverse(KeyRange::All(), [&](auto key, auto value) {
                     return backwards.emplace(key, value).second;
                   }).ok());
      EXPECT_EQ(backwards, model_);
    };
    read_all(*table);
    // A value whose table changes under the cursor.
    Cursor cursor = table->NewCursor();
    ASSERT_TRUE(cursor.Seek(Key(5)));
    ASSERT_TRUE(table->Put(Key(4), "changed").ok());
    EXPECT_EQ(cursor.value(), model_[Key(5)]);
    model_[Key(4)] = "changed";
    ASSERT_TRUE(table
                    ->Update(Key(6),
                             [&](std::optional<std::string_view> old) {
                               EXPECT_EQ(*old, model_[Key(6)]);
                               return std::optional<std::string>("updated");
                             })
                    .ok());
    model_[Key(6)] = "updated";
    EXPECT_EQ((*table->PopLast())->value, model_.rbegin()->second);
    model_.erase(model_.rbegin()->first);
    read_all(*table);
    ASSERT_TRUE(txn.Commit().ok());
    const ReadTransaction read = db_->BeginRead();
    read_all(*read.table("t"));
  }
  const TreeStats stats = Measure();
  EXPECT_GE(stats.values_as_is, 4u) << "short ones, and noise";
  ExpectModel();
}

TEST_F(CompressionTest, DictionaryIsTrainedAtTheChosenNumber) {
  Fill(kDictionary, 0, 49);
  EXPECT_EQ(Measure().dictionaries, 0u);
  Fill(kDictionary, 49, 50);
  EXPECT_EQ(Measure().dictionaries, 1u);
  EXPECT_EQ(Measure().values_with_dictionary, 50u) << "those before it, too";
  // Where nothing can be learned it is tried again, later.
  WriteTransaction txn = Begin();
  absl::StatusOr<Table> table = txn.table("digits", {.compression = kDictionary});
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(table->Put(Key(i), absl::StrCat(i)).ok());
  ASSERT_TRUE(txn.Commit().ok());
  EXPECT_EQ(Measure("digits").dictionaries, 0u);
  EXPECT_EQ(Measure("digits").compression.dictionary_at, 200u);
  ExpectModel();
}

TEST_F(CompressionTest, BulkLoadTrainsAndCompresses) {
  WriteTransaction txn = Begin();
  absl::StatusOr<Table> table = txn.table("t", {.compression = kDictionary});
  const auto load = [&](uint64_t n, bool disorder) {
    uint64_t i = 0;
    std::string key, value;
    return table->BulkLoad([&](std::string_view* k, std::string_view* v) {
      if (i == n) return false;
      key = Key(disorder && i == n - 1 ? 0 : i), value = Document(i);
      ++i;
      *k = key, *v = value;
      return true;
    });
  };
  EXPECT_TRUE(absl::IsInvalidArgument(load(300, true)));
  EXPECT_EQ(*table->size(), 0u);
  ASSERT_TRUE(load(300, false).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(load(3, false)));
  ASSERT_TRUE(txn.Commit().ok());
  for (uint64_t i = 0; i < 300; ++i) model_[Key(i)] = Document(i);
  ExpectModel();
  EXPECT_EQ(Measure().values_with_dictionary, 300u);
  CutPower();
  ExpectModel();
}

TEST_F(CompressionTest, SettingsChangeForValuesToCome) {
  Fill(kLz4, 0, 100);
  for (const Compression& c : {kZstd, kDictionary, kNone, kLz4Dictionary, kLz4}) {
    WriteTransaction txn = Begin();
    ASSERT_TRUE(txn.SetCompression("t", c).ok());
    ASSERT_TRUE(txn.Commit().ok());
    Fill(kNone, model_.size(), model_.size() + 40);  // what it asks for is not looked at
    ExpectModel();
    Kill();
    EXPECT_EQ(Measure().compression.kind, c.kind);
    ExpectModel();
  }
  const ReadTransaction read = db_->BeginRead();
  EXPECT_EQ(read.List()->front().compression, kLz4);
}

TEST_F(CompressionTest, RecompressRewritesEverything) {
  Fill(kNone, 0, 500);
  EXPECT_EQ(Measure().stored_bytes, Measure().value_bytes);
  {
    WriteTransaction txn = Begin();
    const absl::Status refused = txn.SetCompression("t", kZstd);
    EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
    EXPECT_NE(refused.message().find("recompress"), std::string::npos) << refused;
    EXPECT_TRUE(absl::IsNotFound(txn.SetCompression("u", kZstd)));
    EXPECT_TRUE(absl::IsNotFound(txn.Recompress("u", kZstd)));
  }
  ReadTransaction old = db_->BeginRead();
  uint32_t round = 0;
  for (const Compression& c :
       {kDictionary, kDictionary, kLz4Dictionary, kNone, kDictionary, kLz4, kNone}) {
    Recompress(c);
    const TreeStats stats = Measure();
    EXPECT_EQ(stats.compression, c) << round;
    EXPECT_EQ(stats.dictionaries, c.dictionary ? 1u : 0u) << "older ones are gone";
    EXPECT_EQ(stats.values_with_dictionary, c.dictionary ? 500u : 0u);
    EXPECT_EQ(stats.values_as_is, c == kNone ? 500u : 0u);
    EXPECT_EQ(stats.stored_bytes == stats.value_bytes, c == kNone);
    ExpectModel();
    EXPECT_EQ(All(*old.table("t")), model_) << round << ": a reader's own version";
    if (++round % 2 == 0) {
      old.End();
      Kill();
      old = db_->BeginRead();  // of a version whose dictionary, if any, will go
    }
    ExpectModel();
  }
}

// Versions of dictionaries that were rolled back are given out again, with other bytes.
TEST_F(CompressionTest, RolledBackDictionariesAreForgotten) {
  Fill(kDictionary, 0, 20);
  for (int round = 0; round < 3; ++round) {
    WriteTransaction txn = Begin();
    Savepoint savepoint = *txn.SetSavepoint();
    absl::StatusOr<Table> table = txn.table("t");
    for (int side = 0; side < 2; ++side) {
      for (uint64_t i = 0; i < 60; ++i)
        ASSERT_TRUE(table
                        ->Put(absl::StrCat("other", i),
                              absl::StrCat("<round ", round, " side ", side,
                                           "> and quite another text, number ", i))
                        .ok());
      EXPECT_EQ(table->Get("other7")->view(),
                absl::StrCat("<round ", round, " side ", side,
                             "> and quite another text, number 7"));
      EXPECT_EQ(table->Get(Key(3))->view(), Document(3));
      if (side == 0) {
        ASSERT_TRUE(txn.RollbackTo(savepoint).ok());
      }
    }
    EXPECT_EQ(*table->size(), 80u);
    if (round == 1) {
      ASSERT_TRUE(txn.Recompress("t", kDictionary).ok());
      EXPECT_EQ(table->Get(Key(3))->view(), Document(3));
      ASSERT_TRUE(txn.RollbackTo(savepoint).ok());
      EXPECT_EQ(table->Get(Key(3))->view(), Document(3));
    }
    if (round < 2) continue;  // rolled back as a whole
    for (uint64_t i = 0; i < 60; ++i)
      model_[absl::StrCat("other", i)] =
          absl::StrCat("<round 2 side 1> and quite another text, number ", i);
    ASSERT_TRUE(txn.Commit().ok());
  }
  ExpectModel();
  EXPECT_EQ(Measure().dictionaries, 1u);
}

TEST_F(CompressionTest, DroppedTablesTakeTheirDictionariesAlong) {
  Fill(kDictionary, 0, 100);
  WriteTransaction txn = Begin();
  ASSERT_TRUE(txn.Rename("t", "old").ok());
  ASSERT_TRUE(txn.Drop("old").ok());
  ASSERT_TRUE(txn.Commit().ok());
  ExpectClean();  // also looks for dictionaries of no tree
  Reopen();
  model_.clear();
  Fill(kDictionary, 5, 100);
  ExpectModel();
}

TEST_F(CompressionTest, CancelledRecompressionChangesNothing) {
  Fill(kNone, 0, 3000);
  WriteTransaction txn = Begin();
  Progress progress;
  uint64_t seen = 0;
  progress.report = [&](const Progress::State& state) {
    seen = state.done;
    EXPECT_EQ(state.total, 3000u);
    return state.done < 1000;
  };
  EXPECT_TRUE(absl::IsCancelled(txn.Recompress("t", kDictionary, progress)));
  EXPECT_GE(seen, 1000u);
  ASSERT_TRUE(txn.table("t")->Put("one", "more").ok());
  model_["one"] = "more";
  ASSERT_TRUE(txn.Commit().ok());
  EXPECT_EQ(Measure().compression, kNone);
  ExpectModel();
}

TEST_F(CompressionTest, CollectionsTypedTablesAndBatches) {
  options_.compression = kDictionary;
  Reopen();
  {
    WriteTransaction txn = Begin();
    absl::StatusOr<Collection> documents = txn.collection("docs");
    auto typed = OpenTyped<uint64_t, std::string>(txn, "typed");
    ASSERT_TRUE(typed.ok());
    for (uint64_t i = 0; i < 120; ++i) {
      ASSERT_TRUE(documents->Append(Document(i)).ok());
      ASSERT_TRUE(typed->Put(i, Document(i)).ok());
    }
    auto plain =
        OpenTyped<uint64_t, std::string>(txn, "plain", {.compression = Compression{}});
    ASSERT_TRUE(plain->Put(1, Document(1)).ok());
    ASSERT_TRUE(txn.Commit().ok());
  }
  WriteBatch batch;
  for (uint64_t i = 0; i < 120; ++i) batch.Put("t", Key(i), Document(i));
  ASSERT_TRUE(db_->Apply(batch).ok());
  for (const char* name : {"docs", "typed", "t"})
    EXPECT_EQ(Measure(name).values_with_dictionary, 120u) << name;
  EXPECT_EQ(Measure("plain").values_as_is, 1u);
  const ReadTransaction read = db_->BeginRead();
  EXPECT_EQ(*read.collection("docs")->Get(17), Document(16));
  EXPECT_EQ(*(OpenTyped<uint64_t, std::string>(read, "typed")->Get(16)), Document(16));
  EXPECT_EQ(read.table("t")->Get(Key(16))->view(), Document(16));
  ExpectClean();
}

TEST_F(CompressionTest, CopiesAndSalvageCarryIt) {
  Fill(kDictionary, 0, 300);
  Recompress(kDictionary);  // so that the dictionary is not the first
  Fill(kDictionary, 300, 320);
  for (const bool compact : {false, true}) {
    const std::string copy = absl::StrCat("/copy", compact);
    ASSERT_TRUE(db_->Backup(copy, {.compact = compact}).ok());
    Options options = options_;
    auto db = Database::Open(copy, options);
    ASSERT_TRUE(db.ok()) << db.status();
    db_.swap(*db);
    EXPECT_EQ(Measure().values_with_dictionary, 320u);
    ExpectModel();
    Fill(kNone, 320, 330);
    EXPECT_EQ(Measure().values_with_dictionary, 330u);
    ExpectModel();
    db_.swap(*db);
    for (uint64_t i = 320; i < 330; ++i) model_.erase(Key(i));
  }
  ASSERT_TRUE(db_->Close().ok());
  const auto salvaged =
      Salvage("/t.sheaf", "/salvaged", {.file_system = options_.file_system});
  ASSERT_TRUE(salvaged.ok()) << salvaged.status();
  auto db = Database::Open("/salvaged", options_);
  ASSERT_TRUE(db.ok()) << db.status();
  db_ = *std::move(db);
  EXPECT_EQ(Measure().values_with_dictionary, 320u);
  ExpectModel();
}

TEST_F(CompressionTest, WhatMakesNoSenseIsRefused) {
  const struct {
    Compression compression;
    const char* field;
  } kBad[] = {{{static_cast<CompressionKind>(3)}, "compression.kind"},
              {{CompressionKind::kZstd, 0}, "compression.level"},
              {{CompressionKind::kZstd, 20}, "compression.level"},
              {{CompressionKind::kLz4, -1}, "compression.level"},
              {{CompressionKind::kNone, 3, true}, "compression.dictionary"},
              {{CompressionKind::kZstd, 3, true, 9}, "compression.dictionary_at"}};
  Fill(kLz4, 0, 10);
  for (const auto& [compression, field] : kBad) {
    WriteTransaction txn = Begin();
    Options options = options_;
    options.compression = compression;
    for (const absl::Status& status :
         {txn.table("new", {.compression = compression}).status(),
          txn.SetCompression("t", compression), txn.Recompress("t", compression),
          Database::Open("/other", options).status()}) {
      EXPECT_TRUE(absl::IsInvalidArgument(status)) << field << ": " << status;
      EXPECT_NE(status.message().find(field), std::string::npos) << status;
    }
    EXPECT_EQ(txn.List()->size(), 1u) << "nothing was made";
  }
  ExpectModel();
}

TEST_F(CompressionTest, ReadersOfManyVersionsBesideAWriter) {
  Fill(kDictionary, 0, 200);
  std::vector<ReadTransaction> readers;
  std::vector<Contents> seen;
  for (int round = 0; round < 8; ++round) {
    readers.push_back(db_->BeginRead());
    seen.push_back(model_);
    Recompress(round % 2 == 0 ? kDictionary : kLz4Dictionary);
    Fill(kNone, 200 + round * 10, 210 + round * 10);
  }
  for (size_t i = 0; i < readers.size(); ++i)
    EXPECT_EQ(All(*readers[i].table("t")), seen[i]) << i;
}

}  // namespace
}  // namespace sheaf::test
