// Indexes: that entries and documents agree whatever happens to either (Check compares
// both ways), what unique ones refuse, what is in sparse, partial and compound ones and
// those over arrays, and that they come through savepoints, reopening, copies and salvage.
#include <atomic>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "pager/file.h"
#include "pager/status_macros.h"
#include "sheaf/backup.h"
#include "sheaf/database.h"
#include "sheaf/salvage.h"

namespace sheaf {
namespace {

class IndexTest : public testing::Test {
 protected:
  IndexTest() { Open(); }
  void Open() { db_ = OpenFile("a.sheaf"); }
  std::unique_ptr<Database> OpenFile(const std::string& name) {
    Options options;
    options.file_system = fs_.get();
    auto db = Database::Open("/" + name, options);
    EXPECT_TRUE(db.ok()) << db.status();
    return db.ok() ? *std::move(db) : nullptr;
  }

  absl::Status Write(absl::FunctionRef<absl::Status(Collection&)> fn) {
    return db_->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(Collection c, txn.collection("c"));
      return fn(c);
    });
  }
  absl::Status Create(const std::string& json) {
    SHEAF_ASSIGN_OR_RETURN(const IndexDefinition definition,
                           IndexDefinition::Parse(json));
    return Write([&](Collection& c) { return c.CreateIndex(definition); });
  }
  std::map<std::string, IndexInfo> Indexes(Database* db = nullptr) {
    const ReadTransaction read = (db == nullptr ? db_.get() : db)->BeginRead();
    const auto c = read.collection("c");
    std::map<std::string, IndexInfo> indexes;
    const auto all = c->Indexes();
    for (const IndexInfo& info : *all) indexes[info.definition.name] = info;
    return indexes;
  }
  uint64_t Entries(const std::string& name) { return Indexes()[name].entries; }
  static void ExpectWhole(Database* db) {
    const auto report = db->Check();
    ASSERT_TRUE(report.ok()) << report.status();
    for (const CheckFinding& f : report->findings)
      ADD_FAILURE() << f.page << ": " << f.what;
  }
  void ExpectWhole() { ExpectWhole(db_.get()); }

  std::unique_ptr<pager::FileSystem> fs_ = pager::NewMemoryFileSystem();
  std::unique_ptr<Database> db_;
};

TEST_F(IndexTest, WhatIsInThem) {
  ASSERT_TRUE(Create(R"({"name": "plain", "fields": {"a": 1}})").ok());
  ASSERT_TRUE(Create(R"({"name": "sparse", "fields": {"a": -1}, "sparse": true})").ok());
  ASSERT_TRUE(
      Create(R"({"name": "partial", "fields": {"a": 1}, "filter": {"b": {"$gt": 1}}})")
          .ok());
  ASSERT_TRUE(Create(R"({"name": "both", "fields": {"a": 1, "b": -1}})").ok());
  EXPECT_FALSE(Indexes()["plain"].through_arrays);
  struct Case {
    const char* document;
    uint64_t plain, sparse, partial, both;  // entries it adds
  };
  int64_t key = 0;
  uint64_t plain = 0, sparse = 0, partial = 0, both = 0;
  for (const Case& c : {Case{R"({"a": 1})", 1, 1, 0, 1},
                        {R"({"b": 2})", 1, 0, 1, 1},
                        {R"({"a": null, "b": 0})", 1, 1, 0, 1},
                        {R"({"a": [1, 2, 2, 1.0], "b": 3})", 2, 2, 2, 2},
                        {R"({"a": [], "b": 3})", 1, 1, 1, 1},
                        {R"({"a": [[1, 2], 3], "b": [4, 5]})", 2, 2, 2, 4},
                        {R"({"a": {"b": 1}})", 1, 1, 0, 1},
                        {R"("text")", 1, 0, 0, 1}}) {
    ASSERT_TRUE(Write([&](Collection& d) { return d.Put(++key, c.document); }).ok());
    EXPECT_EQ(Entries("plain"), plain += c.plain) << c.document;
    EXPECT_EQ(Entries("sparse"), sparse += c.sparse) << c.document;
    EXPECT_EQ(Entries("partial"), partial += c.partial) << c.document;
    EXPECT_EQ(Entries("both"), both += c.both) << c.document;
  }
  EXPECT_TRUE(Indexes()["plain"].through_arrays);
  ExpectWhole();
  ASSERT_TRUE(Write([&](Collection& d) -> absl::Status {
                for (; key > 0; --key) SHEAF_RETURN_IF_ERROR(d.Delete(key).status());
                return absl::OkStatus();
              }).ok());
  for (const auto& [name, info] : Indexes()) EXPECT_EQ(info.entries, 0u) << name;
  const ReadTransaction read = db_->BeginRead();
  EXPECT_EQ(*read.collection("c")->size(), 0u);
  EXPECT_EQ(read.List()->size(), 1u);
}

TEST_F(IndexTest, UniqueRefusesAndChangesNothing) {
  ASSERT_TRUE(Create(R"({"fields": {"isbn": 1}, "unique": true, "sparse": true})").ok());
  const absl::Status status = Write([&](Collection& c) -> absl::Status {
    SHEAF_RETURN_IF_ERROR(c.Put("a", R"({"isbn": "978", "n": 1})"));
    SHEAF_RETURN_IF_ERROR(c.Put("b", R"({"n": 2})"));
    SHEAF_RETURN_IF_ERROR(c.Put("b2", R"({"n": 2})"));
    const absl::Status twice = c.Put("b", R"({"isbn": "978", "brandnew": 1})");
    EXPECT_TRUE(absl::IsAlreadyExists(twice)) << twice;
    for (const char* part : {"c: ", "isbn_1", R"({"isbn":"978"})"})
      EXPECT_NE(twice.message().find(part), std::string_view::npos) << twice;
    EXPECT_EQ(*c.Get("b"), R"({"n":2})");
    // The transaction stays usable; the same document may have it again.
    SHEAF_RETURN_IF_ERROR(c.Put("a", R"({"isbn": "978", "n": 3})"));
    SHEAF_RETURN_IF_ERROR(c.Put("b", R"({"isbn": ["979", "980", "979"]})"));
    EXPECT_TRUE(absl::IsAlreadyExists(c.Insert("d", R"({"isbn": ["1", "980"]})")));
    EXPECT_TRUE(absl::IsAlreadyExists(c.Insert("a", R"({"isbn": "1"})")));
    SHEAF_RETURN_IF_ERROR(c.Delete("a").status());
    return c.Put("e", R"({"isbn": "978"})");
  });
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(Entries("isbn_1"), 3u);
  ExpectWhole();
  // Over documents that are there already.
  const std::string late =
      R"({"name": "late", "fields": {"n": 1}, "unique": true, "sparse": true})";
  ASSERT_TRUE(Create(late).ok());
  ASSERT_TRUE(Write([&](Collection& c) { return c.DropIndex("late"); }).ok());
  ASSERT_TRUE(Write([&](Collection& c) { return c.Put("f", R"({"n": 2})"); }).ok());
  const absl::Status refused = Create(late);
  EXPECT_TRUE(absl::IsAlreadyExists(refused)) << refused;
  EXPECT_NE(refused.message().find(R"({"n":2})"), std::string_view::npos) << refused;
  EXPECT_FALSE(Indexes().contains("late"));
  ExpectWhole();
}

TEST_F(IndexTest, DefinitionsAreChecked) {
  for (const auto& [json, word] : std::vector<std::pair<std::string, std::string>>{
           {"[]", "fields"},
           {"{}", "fields"},
           {R"({"fields": {}})", "fields"},
           {R"({"fields": {"a": 2}})", "1 or -1"},
           {R"({"fields": {"a..b": 1}})", "empty name"},
           {R"({"fields": {"$a": 1}})", "begins with a dollar"},
           {R"({"fields": {"a": 1}, "unqiue": true})", "unqiue"},
           {R"({"fields": {"a": 1}, "unique": 1})", "true or false"},
           {R"({"fields": {"a": 1}, "filter": {"a": {"$gtt": 1}}})", "$gt"},
           {R"({"fields": {"a": 1}, "name": ""})", ""},
           {absl::StrCat(R"({"fields": {")", std::string(200, 'a'), R"(": 1}})"),
            "name"}}) {
    const auto parsed = IndexDefinition::Parse(json);
    if (json.find("\"name\": \"\"") != json.npos) continue;
    EXPECT_TRUE(absl::IsInvalidArgument(parsed.status())) << json << parsed.status();
    EXPECT_NE(parsed.status().message().find(word), std::string_view::npos)
        << parsed.status();
  }
  const auto full = IndexDefinition::Parse(
      R"({"fields": {"a.b": 1, "c": -1}, "unique": true, "filter": {"x": 1}})");
  ASSERT_TRUE(full.ok()) << full.status();
  EXPECT_EQ(full->name, "a.b_1_c_-1");
  EXPECT_EQ(*IndexDefinition::Parse(full->ToJson()), *full);
  ASSERT_TRUE(Create(full->ToJson()).ok());
  EXPECT_TRUE(Create(full->ToJson()).ok());  // there already
  const absl::Status other = Create(R"({"name": "a.b_1_c_-1", "fields": {"z": 1}})");
  EXPECT_TRUE(absl::IsAlreadyExists(other)) << other;
  EXPECT_TRUE(absl::IsNotFound(Write([](Collection& c) { return c.DropIndex("no"); })));
}

std::string RandomDocument(std::mt19937_64* random) {
  const auto value = [&]() -> std::string {
    switch ((*random)() % 6) {
      case 0:
        return absl::StrCat((*random)() % 20);
      case 1:
        return absl::StrCat(
            "\"", std::string((*random)() % 3 * ((*random)() % 50 == 0 ? 400 : 1), 's'),
            (*random)() % 10, "\"");
      case 2:
        return absl::StrCat("[", (*random)() % 5, ",", (*random)() % 5, ".5]");
      case 3:
        return absl::StrCat("{\"x\":", (*random)() % 4, "}");
      case 4:
        return absl::StrCat("[{\"x\":", (*random)() % 4, "},{\"x\":[", (*random)() % 4,
                            "]}]");
      default:
        return "null";
    }
  };
  std::string json = "{";
  for (const char* name : {"a", "b", "c"})
    if ((*random)() % 3 != 0)
      absl::StrAppend(&json, json.size() > 1 ? "," : "", "\"", name, "\":", value());
  if ((*random)() % 8 == 0)
    absl::StrAppend(&json, json.size() > 1 ? "," : "", "\"n", (*random)() % 100, "\":1");
  return json + "}";
}

DocumentKey RandomKey(std::mt19937_64* random) {
  const uint64_t n = (*random)() % 60;
  if (n < 30) return static_cast<int64_t>(n);
  if (n < 50) return absl::StrCat("key ", n);
  if (n < 55) return absl::StrCat(std::string(900, 'k'), n);
  return DocumentKey::Bytes(std::string("\0\xff", 2) + std::to_string(n));
}

TEST_F(IndexTest, AgreeWithDocumentsWhateverHappens) {
  constexpr uint64_t kSeed = 4;
  printf("seed %llu\n", static_cast<unsigned long long>(kSeed));
  std::mt19937_64 random(kSeed);
  const std::vector<std::string> definitions = {
      R"({"name": "a", "fields": {"a": 1}})",
      R"({"name": "ab", "fields": {"a": -1, "b.x": 1}})",
      R"({"name": "u", "fields": {"c": 1}, "unique": true, "filter": {"c": {"$type": "int"}}})",
      R"({"name": "s", "fields": {"b.x": 1, "c": 1}, "sparse": true})"};
  std::map<std::string, std::string> model;  // of committed documents
  for (int round = 0; round < 500; ++round) {
    std::map<std::string, std::string> now = model;
    auto txn = db_->BeginWrite();
    ASSERT_TRUE(txn.ok()) << txn.status();
    auto c = txn->collection("c");
    ASSERT_TRUE(c.ok()) << c.status();
    std::optional<Savepoint> savepoint;
    std::map<std::string, std::string> at_savepoint;
    for (int step = 0; step < 12; ++step) {
      const DocumentKey key = RandomKey(&random);
      const uint64_t op = random() % 20;
      if (op < 13) {
        const std::string json = RandomDocument(&random);
        const absl::Status put = c->Put(key, json);
        ASSERT_TRUE(put.ok() || absl::IsAlreadyExists(put)) << put << json;
        if (put.ok()) now[key.ToString()] = json;
      } else if (op < 17) {
        ASSERT_EQ(*c->Delete(key), now.erase(key.ToString()) > 0);
      } else if (op == 17) {
        savepoint = *txn->SetSavepoint();
        at_savepoint = now;
      } else if (op == 18 && savepoint.has_value()) {
        ASSERT_TRUE(txn->RollbackTo(*savepoint).ok());
        now = at_savepoint;
      } else {
        const auto definition = IndexDefinition::Parse(definitions[random() % 4]);
        const absl::Status dropped = c->DropIndex(definition->name);
        const absl::Status made = absl::IsNotFound(dropped) || random() % 2 == 0
                                      ? c->CreateIndex(*definition)
                                      : dropped;
        ASSERT_TRUE(made.ok() || absl::IsAlreadyExists(made)) << made;
      }
    }
    if (random() % 5 == 0) {
      txn->Rollback();
    } else {
      ASSERT_TRUE(txn->Commit().ok());
      model = now;
    }
    if (round % 10 == 9) {
      ExpectWhole();
      const ReadTransaction read = db_->BeginRead();
      const auto reader = read.collection("c");
      uint64_t seen = 0;
      ASSERT_TRUE(
          reader
              ->ForEach({},
                        [&](const DocumentKey& key, std::string_view json) {
                          EXPECT_EQ(*Document::FromJson(model[key.ToString()])->ToJson(),
                                    json);
                          ++seen;
                          return true;
                        })
              .ok());
      ASSERT_EQ(seen, model.size());
      ASSERT_EQ(*reader->size(), model.size());
    }
    if (round % 25 == 24) {
      db_.reset();
      Open();
    }
  }
}

TEST_F(IndexTest, ComeThroughCopiesAndSalvage) {
  for (const char* json :
       {R"({"name": "a", "fields": {"a": 1}})",
        R"({"name": "b", "fields": {"b": 1, "a": -1}, "unique": true})"})
    ASSERT_TRUE(Create(json).ok());
  ASSERT_TRUE(Write([&](Collection& c) -> absl::Status {
                for (int i = 0; i < 3000; ++i)
                  SHEAF_RETURN_IF_ERROR(
                      c.Put(i, absl::StrCat(R"({"a":)", i % 17, R"(,"b":)", i, "}")));
                return absl::OkStatus();
              }).ok());
  ASSERT_TRUE(db_->Backup("/pages").ok());
  BackupOptions compact;
  compact.compact = true;
  ASSERT_TRUE(db_->Backup("/compact", compact).ok());
  ASSERT_TRUE(db_->Close().ok());
  SalvageOptions salvage;
  salvage.file_system = fs_.get();
  ASSERT_TRUE(Salvage("/a.sheaf", "/salvaged", salvage).ok());
  for (const char* name : {"pages", "compact", "salvaged"}) {
    const std::unique_ptr<Database> copy = OpenFile(name);
    ASSERT_NE(copy, nullptr);
    ExpectWhole(copy.get());
    EXPECT_EQ(Indexes(copy.get())["a"].entries, 3000u) << name;
    // And they go on.
    const absl::Status more = copy->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(Collection c, txn.collection("c"));
      EXPECT_TRUE(absl::IsAlreadyExists(c.Put("x", R"({"a": 1, "b": 1})")));
      SHEAF_RETURN_IF_ERROR(
          c.CreateIndex(*IndexDefinition::Parse(R"({"fields": {"a": 1}})")));
      SHEAF_ASSIGN_OR_RETURN(Collection d, txn.collection("d"));
      SHEAF_RETURN_IF_ERROR(
          d.CreateIndex(*IndexDefinition::Parse(R"({"fields": {"a": 1}})")));
      return d.Put("x", R"({"a": 1, "b": 1})");
    });
    EXPECT_TRUE(more.ok()) << more;
    ExpectWhole(copy.get());
    ASSERT_TRUE(copy->Write([](WriteTransaction& txn) { return txn.Drop("c"); }).ok());
    ExpectWhole(copy.get());
  }
}

class DisabledIndexTest : public IndexTest {
 protected:
  DisabledIndexTest() {
    EXPECT_TRUE(Create(R"({"fields": {"a": 1}})").ok());
    EXPECT_TRUE(Create(R"({"fields": {"u": 1}, "unique": true})").ok());
    EXPECT_TRUE(Write([&](Collection& c) -> absl::Status {
                  for (int i = 0; i < 2000; ++i)
                    SHEAF_RETURN_IF_ERROR(c.Put(i, Json(i % 50, i)));
                  return absl::OkStatus();
                }).ok());
  }
  static std::string Json(int a, int u) {
    return absl::StrCat(R"({"a":)", a, R"(,"u":)", u, "}");
  }
  // The first line of how it is done.
  static std::string Plan(const CollectionReader& c, const std::string& filter,
                          const QueryOptions& options = {}) {
    auto cursor = c.Query(filter, options);
    if (!cursor.ok()) return cursor.status().ToString();
    while (cursor->Next()) continue;
    return cursor->Explain().substr(0, cursor->Explain().find('\n'));
  }
  std::string Plan(const std::string& filter, const QueryOptions& options = {}) {
    const ReadTransaction read = db_->BeginRead();
    return Plan(*read.collection("c"), filter, options);
  }
  absl::Status Disable(const std::string& name) {
    return Write([&](Collection& c) { return c.DisableIndex(name); });
  }

  static constexpr char kByA[] = "plan      range of index a_1";
  static constexpr char kByU[] = "plan      range of index u_1";
  static constexpr char kScan[] = "plan      scan of the collection";
};

TEST_F(DisabledIndexTest, QueriesPassItOverUntilItIsEnabled) {
  EXPECT_EQ(Plan(R"({"a":7})"), kByA);
  EXPECT_EQ(Plan(R"({"u":7})"), kByU);
  ASSERT_TRUE(Disable("a_1").ok());
  ASSERT_TRUE(Disable("a_1").ok());  // which it is
  EXPECT_TRUE(Indexes()["a_1"].disabled);
  EXPECT_FALSE(Indexes()["u_1"].disabled);
  EXPECT_EQ(Indexes()["a_1"].state, IndexState::kReady);
  EXPECT_EQ(Plan(R"({"a":7})"), kScan);
  EXPECT_EQ(Plan(R"({"a":7,"u":57})"), kByU);
  ASSERT_TRUE(Disable("u_1").ok());
  EXPECT_EQ(Plan(R"({"u":7})"), kScan);
  EXPECT_EQ(Plan(R"({"$or":[{"u":7},{"a":7}]})"), kScan);
  QueryOptions sorted;
  sorted.sort = R"({"u":1})";
  sorted.limit = 1;
  EXPECT_EQ(Plan("{}", sorted), std::string(kScan) + ", then a sort");
  const ReadTransaction read = db_->BeginRead();
  const auto c = read.collection("c");
  EXPECT_EQ(*c->Count(R"({"a":7})"), 40u);
  uint64_t values = 0;
  EXPECT_TRUE(c->Distinct("a", "{}", [&](const DocumentView&) { ++values; }).ok());
  EXPECT_EQ(values, 50u);
  // It is told, and to name it is an error.
  auto cursor = c->Query(R"({"a":7})");
  EXPECT_NE(cursor->Explain().find("disabled  index a_1\ndisabled  index u_1\n"),
            std::string::npos);
  EXPECT_NE(cursor->ExplainJson().find(R"("disabled":["a_1","u_1"])"), std::string::npos);
  QueryOptions by;
  by.index = "a_1";
  const absl::Status named = c->Query(R"({"a":7})", by).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(named)) << named;
  EXPECT_NE(named.message().find("index a_1 is disabled"), std::string::npos) << named;
  EXPECT_TRUE(absl::IsFailedPrecondition(c->FindUnique("u_1", {7}).status()));
  ASSERT_TRUE(Write([](Collection& d) -> absl::Status {
                SHEAF_RETURN_IF_ERROR(d.EnableIndex("a_1"));
                EXPECT_EQ(Plan(d, R"({"a":7})"), kByA);  // at once
                return d.EnableIndex("u_1");
              }).ok());
  EXPECT_EQ(Plan(R"({"a":7})"), kByA);
  EXPECT_EQ(Plan(R"({"u":7})"), kByU);
  EXPECT_TRUE(absl::IsNotFound(Disable("none")));
  EXPECT_TRUE(
      absl::IsNotFound(Write([](Collection& d) { return d.EnableIndex("none"); })));
  ExpectWhole();
}

TEST_F(DisabledIndexTest, ItIsKeptUpAndRefuses) {
  ASSERT_TRUE(Disable("a_1").ok());
  ASSERT_TRUE(Disable("u_1").ok());
  EXPECT_TRUE(absl::IsAlreadyExists(
      Write([](Collection& c) { return c.Put(5000, Json(1, 7)); })));
  ASSERT_TRUE(Write([](Collection& c) -> absl::Status {
                for (int i = 0; i < 1000; ++i)
                  SHEAF_RETURN_IF_ERROR(c.Put(i, Json(100 + i % 100, 10'000 + i)));
                for (int i = 1000; i < 1500; ++i)
                  SHEAF_RETURN_IF_ERROR(c.Delete(i).status());
                return absl::OkStatus();
              }).ok());
  EXPECT_EQ(Entries("a_1"), 1500u);
  ExpectWhole();
  ASSERT_TRUE(Write([](Collection& c) { return c.EnableIndex("a_1"); }).ok());
  EXPECT_EQ(Plan(R"({"a":150})"), kByA);
  EXPECT_EQ(*db_->BeginRead().collection("c")->Count(R"({"a":150})"), 10u);
}

TEST_F(DisabledIndexTest, BelongsToItsTransaction) {
  {
    auto txn = db_->BeginWrite();
    auto c = txn->collection("c");
    const auto savepoint = txn->SetSavepoint();
    ASSERT_TRUE(c->DisableIndex("a_1").ok());
    EXPECT_EQ(Plan(*c, R"({"a":7})"), kScan);
    EXPECT_EQ(Plan(R"({"a":7})"), kByA);  // of what is committed
    ASSERT_TRUE(txn->RollbackTo(*savepoint).ok());
    EXPECT_EQ(Plan(*c, R"({"a":7})"), kByA);
    ASSERT_TRUE(c->DisableIndex("a_1").ok());
  }
  EXPECT_EQ(Plan(R"({"a":7})"), kByA);
  const ReadTransaction before = db_->BeginRead();
  ASSERT_TRUE(Disable("a_1").ok());
  EXPECT_EQ(Plan(*before.collection("c"), R"({"a":7})"), kByA);
  EXPECT_EQ(Plan(R"({"a":7})"), kScan);
}

TEST_F(DisabledIndexTest, StaysSoWhateverBecomesOfTheFile) {
  ASSERT_TRUE(Disable("a_1").ok());
  ASSERT_TRUE(Write([](Collection& c) { return c.RebuildIndex("a_1"); }).ok());
  // What is there is not made again.
  ASSERT_TRUE(Create(R"({"fields": {"a": 1}})").ok());
  ASSERT_TRUE(
      db_->CreateIndex("c", *IndexDefinition::Parse(R"({"fields": {"a": 1}})")).ok());
  ASSERT_TRUE(db_->Write([](WriteTransaction& txn) -> absl::Status {
                   SHEAF_RETURN_IF_ERROR(txn.Rename("c", "d"));
                   return txn.Rename("d", "c");
                 })
                  .ok());
  EXPECT_EQ(Plan(R"({"a":7})"), kScan);
  db_.reset();
  Open();
  EXPECT_EQ(Plan(R"({"a":7})"), kScan);
  ASSERT_TRUE(db_->Write([](WriteTransaction& txn) {
                   return txn.Recompress("c", {.kind = CompressionKind::kZstd});
                 })
                  .ok());
  BackupOptions compact;
  compact.compact = true;
  ASSERT_TRUE(db_->Backup("/compact", compact).ok());
  ASSERT_TRUE(db_->Close().ok());
  SalvageOptions salvage;
  salvage.file_system = fs_.get();
  ASSERT_TRUE(Salvage("/a.sheaf", "/salvaged", salvage).ok());
  for (const char* name : {"a.sheaf", "compact", "salvaged"}) {
    db_ = OpenFile(name);
    EXPECT_TRUE(Indexes()["a_1"].disabled) << name;
    EXPECT_FALSE(Indexes()["u_1"].disabled) << name;
    EXPECT_EQ(Plan(R"({"a":7})"), kScan) << name;
    ExpectWhole();
    ASSERT_TRUE(Write([](Collection& c) { return c.EnableIndex("a_1"); }).ok());
    EXPECT_EQ(Plan(R"({"a":7})"), kByA) << name;
    ASSERT_TRUE(Disable("a_1").ok());
    // A new one of the same name is none of the old.
    ASSERT_TRUE(Write([](Collection& c) { return c.DropIndex("a_1"); }).ok());
    ASSERT_TRUE(Create(R"({"fields": {"a": 1}})").ok());
    EXPECT_EQ(Plan(R"({"a":7})"), kByA) << name;
  }
}

TEST_F(IndexTest, BuiltBesideWriters) {
  ASSERT_TRUE(Write([&](Collection& c) -> absl::Status {
                for (int i = 0; i < 20000; ++i)
                  SHEAF_RETURN_IF_ERROR(c.Put(i, absl::StrCat(R"({"a":)", i % 100, "}")));
                return absl::OkStatus();
              }).ok());
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    std::mt19937_64 random(3);
    while (!stop) {
      const absl::Status status = Write([&](Collection& c) -> absl::Status {
        for (int i = 0; i < 5; ++i) {
          const auto key = static_cast<int64_t>(random() % 25000);
          if (random() % 3 == 0)
            SHEAF_RETURN_IF_ERROR(c.Delete(key).status());
          else
            SHEAF_RETURN_IF_ERROR(
                c.Put(key, absl::StrCat(R"({"a":[)", random() % 100, ",1000]}")));
        }
        return absl::OkStatus();
      });
      if (!status.ok()) return (void)(ADD_FAILURE() << status);
    }
  });
  uint64_t reports = 0;
  Progress progress;
  progress.report = [&](const Progress::State& state) {
    ++reports;
    return state.done <= state.total + 25000;
  };
  const absl::Status built =
      db_->CreateIndex("c", *IndexDefinition::Parse(R"({"fields": {"a": 1}})"), progress);
  EXPECT_TRUE(built.ok()) << built;
  EXPECT_GT(reports, 2u);
  // One that is cancelled leaves none.
  progress.report = [&](const Progress::State&) { return false; };
  const absl::Status cancelled =
      db_->CreateIndex("c", *IndexDefinition::Parse(R"({"fields": {"b": 1}})"), progress);
  EXPECT_TRUE(absl::IsCancelled(cancelled)) << cancelled;
  stop = true;
  writer.join();
  EXPECT_EQ(Indexes().size(), 1u);
  EXPECT_EQ(Indexes()["a_1"].state, IndexState::kReady);
  ExpectWhole();
}

TEST_F(IndexTest, ACollectionThatGoesEndsTheBuild) {
  ASSERT_TRUE(Write([&](Collection& c) -> absl::Status {
                for (int i = 0; i < 20000; ++i)
                  SHEAF_RETURN_IF_ERROR(c.Put(i, R"({"a":1})"));
                return absl::OkStatus();
              }).ok());
  Progress progress;
  progress.report = [&](const Progress::State&) {
    EXPECT_TRUE(db_->Write([](WriteTransaction& txn) { return txn.Drop("c"); }).ok());
    return true;
  };
  const absl::Status built =
      db_->CreateIndex("c", *IndexDefinition::Parse(R"({"fields": {"a": 1}})"), progress);
  EXPECT_TRUE(absl::IsFailedPrecondition(built)) << built;
  ExpectWhole();
}

}  // namespace
}  // namespace sheaf
