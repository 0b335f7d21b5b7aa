// What a review of queries and indexes found before any of it was released.
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "catalog/store.h"
#include "document/collection_codec.h"
#include "document/path.h"
#include "document/schema.h"
#include "sheaf/salvage.h"
#include "sheaf/typed_collection.h"
#include "tests/api/api_fixture.h"

namespace sheaf::test {

struct Sample {
  float value = 0;
};
SHEAF_DOCUMENT(Sample, 1, value)

namespace {

class QueryReview : public ApiTest {
 protected:
  absl::Status Write(absl::FunctionRef<absl::Status(Collection&)> fn,
                     const std::string& name = "c") {
    return db_->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(Collection c, txn.collection(name));
      return fn(c);
    });
  }
  static IndexDefinition Definition(const std::string& json) {
    auto definition = IndexDefinition::Parse(json);
    EXPECT_TRUE(definition.ok()) << definition.status();
    return *definition;
  }
  absl::Status Create(const std::string& json) {
    return Write([&](Collection& c) { return c.CreateIndex(Definition(json)); });
  }
  static std::set<std::string> Keys(const CollectionReader& c, const std::string& filter,
                                    const std::string& index = "") {
    QueryOptions options;
    options.index = index;
    std::set<std::string> keys;
    auto cursor = c.Query(filter, options);
    EXPECT_TRUE(cursor.ok()) << cursor.status() << filter;
    while (cursor.ok() && cursor->Next()) keys.insert(cursor->key().ToString());
    EXPECT_TRUE(!cursor.ok() || cursor->status().ok()) << cursor->status();
    return keys;
  }
  static std::set<std::string> Keys(Database* db, const std::string& filter,
                                    const std::string& index = "") {
    const ReadTransaction read = db->BeginRead();
    return Keys(*read.collection("c"), filter, index);
  }
  // So many that an index over them is built in several transactions.
  void FillMany() {
    ASSERT_TRUE(Write([](Collection& c) -> absl::Status {
                  for (int i = 0; i < kMany; ++i)
                    SHEAF_RETURN_IF_ERROR(c.Put(i, absl::StrCat(R"({"u":)", i, "}")));
                  return absl::OkStatus();
                }).ok());
  }
  // Changes the tree of the collection, past the collection.
  void PutRaw(const std::string& key, const std::string& value) {
    ChangeRaw([&](catalog::OpenTree* tree) {
      bool existed = false;
      return tree->Put(key, value, btree::BTree::PutMode::kUpsert, &existed);
    });
  }
  void DeleteRaw(const std::string& from, const std::string& to) {
    ChangeRaw(
        [&](catalog::OpenTree* tree) { return tree->DeleteRange(from, &to).status(); });
  }
  void ChangeRaw(absl::FunctionRef<absl::Status(catalog::OpenTree*)> change) {
    ASSERT_TRUE(db_->Close().ok());
    db_.reset();
    {
      auto store = catalog::Store::Open(fs_.get(), "/t.sheaf", options_, false);
      ASSERT_TRUE(store.ok()) << store.status();
      auto txn = (*store)->BeginWrite(absl::InfiniteDuration());
      auto tree = (*txn)->FindTree("c");
      ASSERT_TRUE(change(*tree).ok());
      ASSERT_TRUE((*txn)->Commit(Durability::kFull).ok());
      txn->reset();
      ASSERT_TRUE((*store)->Close().ok());
    }
    Open();
  }
  // Calls `meanwhile` once while the index is built.
  absl::Status CreateBesides(const std::string& json,
                             absl::FunctionRef<absl::Status()> meanwhile) {
    int ticks = 0;
    Progress progress;
    progress.report = [&](const Progress::State&) {
      if (ticks++ == 0) {
        const absl::Status done = meanwhile();
        EXPECT_TRUE(done.ok()) << done;
      }
      return true;
    };
    const absl::Status created = db_->CreateIndex("c", Definition(json), progress);
    EXPECT_GT(ticks, 0);
    return created;
  }

  static constexpr int kMany = 20'000;
};

// A value went from a document that the builder had not come to to one that it had, and
// the change of the former took the entry of the latter.
TEST_F(QueryReview, AUniqueIndexBuiltWhileValuesAreSwapped) {
  FillMany();
  const absl::Status created =
      CreateBesides(R"({"fields": {"u": 1}, "unique": true})", [&] {
        return Write([](Collection& c) -> absl::Status {
          SHEAF_RETURN_IF_ERROR(c.Put(0, absl::StrCat(R"({"u":)", kMany - 1, "}")));
          return c.Put(kMany - 1, R"({"u":0})");
        });
      });
  ASSERT_TRUE(created.ok()) << created;
  ExpectClean();
  EXPECT_EQ(Keys(db_.get(), absl::StrCat(R"({"u":)", kMany - 1, "}"), "u_1"),
            std::set<std::string>{"0"});
}

TEST_F(QueryReview, TheKeyIsNoFieldOfAnIndex) {
  for (const char* json :
       {R"({"fields": {"_id": 1}})", R"({"fields": {"a": 1, "_id.x": 1}})",
        R"({"fields": {"a": 1}, "filter": {"_id": {"$gt": 3}}})",
        R"({"fields": {"a": 1}, "filter": {"$or": [{"b": 1}, {"_id": 3}]}})"}) {
    const auto definition = IndexDefinition::Parse(json);
    EXPECT_TRUE(absl::IsInvalidArgument(definition.status())) << json;
    EXPECT_NE(definition.status().message().find("_id"), std::string_view::npos);
  }
}

// The ranges of expressions that begin with ^ missed what they match.
TEST_F(QueryReview, AnchoredExpressionsByIndex) {
  const std::vector<std::string> texts = {"",       "a",
                                          "ab",     "abc",
                                          "abd",    "ac",
                                          "b",      "ba",
                                          "A",      "Abc",
                                          "aBC",    "\nabc",
                                          "x\nabc", "a.c",
                                          "a|b",    "^a",
                                          "ä",      "äb",
                                          "äöü",    "ac\nb",
                                          "zzz",    "\xF4\x8F\xBF\xBF",
                                          "abcabc", "aab"};
  ASSERT_TRUE(Write([&](Collection& c) -> absl::Status {
                for (const std::string& text : texts) {
                  DocumentBuilder b;
                  b->BeginObject();
                  b->Name("t"), b->String(text);
                  b->End();
                  SHEAF_RETURN_IF_ERROR(c.Append(*b.Build()).status());
                }
                return c.CreateIndex(Definition(R"({"fields": {"t": 1}, "name": "t"})"));
              }).ok());
  size_t found = 0;
  for (const char* regex :
       {"^abc",     "^ab?c",    "^ab*",     "^ab{0}",   "^ab+",     "^a|b",
        "^(a|b)",   "^",        "^^a",      "^a$",      "^ä?b",     "^ä",
        "^äö{0,1}", "^\\\\.",   "^a\\\\.c", "^.",       "^[ab]",    "^abc|x",
        "^a.c",     "^(?i)abc", "(?i)^abc", "(?m)^abc", "^a\\\\|b", "^\\\\Qa.c\\\\E",
        "^zz|^a",   "^a{2}",    "^a*?b",    "^\\\\x61"})
    for (const char* options : {"", "i", "m", "s", "ims"}) {
      const std::string filter = absl::StrCat(R"({"t": {"$regex": ")", regex,
                                              R"(", "$options": ")", options, "\"}}");
      const std::set<std::string> wanted = Keys(db_.get(), filter, "_id");
      EXPECT_EQ(Keys(db_.get(), filter, "t"), wanted) << filter;
      found += wanted.size();
    }
  EXPECT_GT(found, 500u);
}

TEST_F(QueryReview, KeysThatAreLargeDoubles) {
  constexpr int64_t kLarge = 9223372036854774784;  // the largest double below 2^63
  ASSERT_TRUE(Write([&](Collection& c) -> absl::Status {
                SHEAF_RETURN_IF_ERROR(c.Put(kLarge, "{}"));
                return c.Put(INT64_MIN, "{}");
              }).ok());
  EXPECT_EQ(Keys(db_.get(), R"({"_id": 9.223372036854774784e18})").size(), 1u);
  EXPECT_EQ(Keys(db_.get(), R"({"_id": -9.223372036854775808e18})").size(), 1u);
  EXPECT_EQ(Keys(db_.get(), R"({"_id": 9.3e18})").size(), 0u);
}

// A filter whose text was near a limit could be written and not be read again, and then
// nothing of the collection could.
TEST_F(QueryReview, ADefinitionThatCouldNotBeReadAgain) {
  ASSERT_TRUE(Write([](Collection& c) { return c.Put(1, "{}"); }).ok());
  bool refused = false, taken = false;
  for (int depth = 80; depth < 110; ++depth) {
    IndexDefinition definition;
    definition.fields = {{"a", false}};
    definition.name = absl::StrCat("deep", depth);
    definition.filter = "{\"b\":";
    for (int i = 0; i < depth; ++i) definition.filter += "[";
    definition.filter += "1" + std::string(static_cast<size_t>(depth), ']') + "}";
    const absl::Status created =
        Write([&](Collection& c) { return c.CreateIndex(definition); });
    (created.ok() ? taken : refused) = true;
    EXPECT_TRUE(created.ok() || absl::IsInvalidArgument(created)) << created;
    ASSERT_TRUE(Write([](Collection& c) { return c.Put(1, "{}"); }).ok()) << depth;
    Reopen();
    ASSERT_TRUE(Write([](Collection& c) { return c.Put(1, "{}"); }).ok()) << depth;
  }
  EXPECT_TRUE(refused && taken);
}

TEST_F(QueryReview, BlanksInAFilterDoNotMakeAnotherIndex) {
  IndexDefinition one, other;
  one.fields = other.fields = {{"a", false}};
  one.filter = R"({"b":{"$gt":1}})";
  other.filter = R"( { "b" : {"$gt" : 1} } )";
  EXPECT_TRUE(Write([&](Collection& c) { return c.CreateIndex(one); }).ok());
  EXPECT_TRUE(Write([&](Collection& c) { return c.CreateIndex(other); }).ok());
  const ReadTransaction read = db_->BeginRead();
  EXPECT_EQ(read.collection("c")->Indexes()->size(), 1u);
}

// Half of an index was taken for all of it.
TEST_F(QueryReview, ARebuildThatFailsLeavesNoHalfIndex) {
  options_.cache_bytes_max = 8 << 20;
  Restart(std::make_unique<FaultyFileSystem>());
  ASSERT_TRUE(Write([](Collection& c) -> absl::Status {
                const std::string filler(3000, 'f');
                for (int i = 0; i < 6000; ++i)
                  SHEAF_RETURN_IF_ERROR(c.Put(
                      i, absl::StrCat(R"({"n":)", i, R"(,"filler":")", filler, "\"}")));
                return c.CreateIndex(Definition(R"({"fields": {"n": 1}, "name": "n"})"));
              }).ok());
  int failed = 0;
  for (const uint64_t nth : {1, 20, 300, 3000}) {
    Reopen();
    Fault fault;
    fault.calls = kRead;
    fault.nth = nth;
    const absl::Status committed = Write([&](Collection& c) -> absl::Status {
      fs_->Inject(fault);
      const absl::Status rebuilt = c.RebuildIndex("n");
      fs_->ClearFaults();
      failed += !rebuilt.ok();
      return absl::OkStatus();  // and whatever is there is committed, if it can be
    });
    ExpectClean();
    // By the planner's choice, whatever it makes of the index.
    EXPECT_EQ(Keys(db_.get(), R"({"n": {"$gte": 5990}})").size(), 10u) << committed;
    ASSERT_TRUE(Write([&](Collection& c) { return c.RebuildIndex("n"); }).ok());
    EXPECT_EQ(Keys(db_.get(), R"({"n": {"$gte": 5990}})", "n").size(), 10u);
    ExpectClean();
  }
  EXPECT_GT(failed, 1);
}

TEST_F(QueryReview, EntriesAreBoundedInBytesToo) {
  ASSERT_TRUE(Create(R"({"fields": {"a": 1, "b": 1, "c": 1}})").ok());
  std::string many = "[", text(1 << 20, 't');
  for (int i = 0; i < 9000; ++i) absl::StrAppend(&many, i == 0 ? "" : ",", i);
  const std::string document = absl::StrCat(R"({"a":)", many, R"(],"b":")", text, "\"}");
  const absl::Status put = Write([&](Collection& c) { return c.Put(1, document); });
  EXPECT_TRUE(absl::IsInvalidArgument(put)) << put;
}

TEST(QueryReviewPath, ManyNumbersAreRefused) {
  std::string path = "a";
  for (int i = 0; i < 40; ++i) path += ".0";
  EXPECT_TRUE(absl::IsInvalidArgument(document::Path::Parse(path).status()));
  EXPECT_TRUE(document::Path::Parse("a.0.1.2.3.b").ok());
}

// Rows of a schema whose numbers or trees a stranger chose.
TEST_F(QueryReview, HostileSchemaRows) {
  document::Index foreign;
  foreign.tree = "other";
  foreign.definition = Definition(R"({"fields": {"a": 1}})");
  struct Case {
    uint32_t row;
    std::string value;
  };
  for (const Case& c : {Case{0xffffffff, document::EncodeNameRow("x")},
                        {2'000'000'000, document::EncodeNameRow("x")},
                        {0, document::EncodeIndexRow(foreign)},
                        {0, document::EncodeFactRow(0, document::Fact::kReady)},
                        {0, std::string(1, '\x02')}}) {
    Restart(std::make_unique<FaultyFileSystem>());
    ASSERT_TRUE(Write([](Collection& d) { return d.Put(1, "[1]"); }).ok());
    ASSERT_TRUE(Write([](Collection& d) { return d.Put(1, "[1]"); }, "other").ok());
    PutRaw(document::SchemaKey(c.row), c.value);
    const ReadTransaction read = db_->BeginRead();
    auto reader = read.collection("c");
    EXPECT_TRUE(!reader.ok() || absl::IsDataLoss(reader->Get(1).status())) << c.row;
    EXPECT_TRUE(absl::IsDataLoss(Write([](Collection& d) { return d.Put(2, "[2]"); })));
    EXPECT_FALSE(Write([](Collection& d) { return d.DropIndex("a_1"); }).ok());
    EXPECT_EQ(*read.collection("other")->Get(1), "[1]");
    const auto report = db_->Check();
    EXPECT_TRUE(report.ok() && !report->findings.empty());
  }
}

TEST_F(QueryReview, SalvageGoesOnWhenAnIndexCannotBeBuilt) {
  ASSERT_TRUE(Create(R"({"name": "a", "fields": {"a": 1}})").ok());
  ASSERT_TRUE(Create(R"({"name": "z", "fields": {"z": 1}})").ok());
  ASSERT_TRUE(Write([](Collection& c) -> absl::Status {
                for (int i = 0; i < 100; ++i)
                  SHEAF_RETURN_IF_ERROR(c.Put(i, absl::StrCat(R"({"a":)", i, "}")));
                return absl::OkStatus();
              }).ok());
  // A document that no index takes.
  PutRaw(document::EncodeNumberKey(1000), std::string("\x02\xff\xff\xff", 4));
  ASSERT_TRUE(db_->Close().ok());
  SalvageOptions salvage;
  salvage.file_system = fs_.get();
  const auto report = Salvage("/t.sheaf", "/salvaged.sheaf", salvage);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_FALSE(report->notes.empty());
  auto salvaged = Database::Open("/salvaged.sheaf", options_);
  ASSERT_TRUE(salvaged.ok());
  const ReadTransaction read = (*salvaged)->BeginRead();
  const auto c = read.collection("c");
  EXPECT_EQ(*c->Get(7), R"({"a":7})");
  EXPECT_EQ(c->Indexes()->size(), 2u);
}

// The row that names an index was lost; its tree stayed for good.
TEST_F(QueryReview, SalvageLeavesOutIndexesThatNobodyNames) {
  ASSERT_TRUE(Create(R"({"name": "a", "fields": {"a": 1}})").ok());
  ASSERT_TRUE(Write([](Collection& c) { return c.Put(1, R"({"a":1})"); }).ok());
  for (uint32_t row = 0; row < 2; ++row)
    PutRaw(document::SchemaKey(row), document::EncodeLostRow());
  ASSERT_TRUE(db_->Close().ok());
  SalvageOptions salvage;
  salvage.file_system = fs_.get();
  const auto report = Salvage("/t.sheaf", "/salvaged.sheaf", salvage);
  ASSERT_TRUE(report.ok()) << report.status();
  auto store = catalog::Store::Open(fs_.get(), "/salvaged.sheaf", options_, false);
  auto txn = (*store)->BeginWrite(absl::InfiniteDuration());
  const auto trees = (*txn)->ListTrees();
  ASSERT_TRUE(trees.ok());
  EXPECT_EQ(trees->size(), 1u);
}

// A document that the index could not take could not be deleted either.
TEST_F(QueryReview, WhatAnIndexInTheMakingCannotTakeCanBeDeleted) {
  FillMany();
  std::string many = R"({"u":[)";
  for (int i = 0; i < 20'000; ++i) absl::StrAppend(&many, i == 0 ? "" : ",", i);
  many += "]}";
  ASSERT_TRUE(Write([&](Collection& c) { return c.Put(kMany, many); }).ok());
  const absl::Status created = CreateBesides(R"({"fields": {"u": 1}})", [&] {
    return Write([](Collection& c) { return c.Delete(kMany).status(); });
  });
  EXPECT_TRUE(created.ok()) << created;
  ExpectClean();
}

TEST_F(QueryReview, AFloatOutOfRangeIsRefused) {
  ASSERT_TRUE(Write([](Collection& c) -> absl::Status {
                SHEAF_RETURN_IF_ERROR(c.Put(1, R"({"value":1e300})"));
                return c.Put(2, R"({"value":1.5})");
              }).ok());
  const ReadTransaction read = db_->BeginRead();
  auto typed = TypedCollectionReader<Sample>::Open(read, "c");
  ASSERT_TRUE(typed.ok()) << typed.status();
  EXPECT_TRUE(absl::IsFailedPrecondition(typed->Get(1).status()))
      << typed->Get(1).status();
  EXPECT_EQ(typed->Get(2)->value, 1.5f);
}

// --- What goes away under what uses it ----------------------------------------

TEST_F(QueryReview, ACursorWhoseIndexIsDroppedSaysSo) {
  FillMany();
  ASSERT_TRUE(Create(R"({"fields": {"u": 1}, "name": "u"})").ok());
  WriteTransaction txn = Begin();
  Collection c = *txn.collection("c");
  QueryOptions by_index;
  by_index.index = "u";
  DocumentCursor cursor = *c.Query(R"({"u": {"$gte": 100}})", by_index);
  DocumentCursor other = *c.Query("{}");
  ASSERT_TRUE(cursor.Next() && other.Next());
  ASSERT_TRUE(c.DropIndex("u").ok());
  EXPECT_FALSE(cursor.Next());
  EXPECT_TRUE(absl::IsFailedPrecondition(cursor.status())) << cursor.status();
  EXPECT_TRUE(other.Next()) << other.status();
}

// Names that were given since were others afterwards.
TEST_F(QueryReview, ACursorThatOutlivesASavepointSaysSo) {
  FillMany();
  WriteTransaction txn = Begin();
  Collection c = *txn.collection("c");
  const auto savepoint = txn.SetSavepoint();
  ASSERT_TRUE(savepoint.ok());
  ASSERT_TRUE(c.Put(-2, R"({"one":1})").ok());
  ASSERT_TRUE(c.Put(-1, R"({"one":2})").ok());
  DocumentCursor cursor = *c.Query("{}");
  ASSERT_TRUE(cursor.Next());
  const Document kept = *c.GetDocument(-1);
  ASSERT_TRUE(txn.RollbackTo(*savepoint).ok());
  ASSERT_TRUE(c.Put(-1, R"({"two":2})").ok());
  EXPECT_FALSE(cursor.Next());
  EXPECT_TRUE(absl::IsFailedPrecondition(cursor.status())) << cursor.status();
  EXPECT_EQ(*kept.ToJson(), R"({"one":2})");
  EXPECT_EQ(*c.Get(-1), R"({"two":2})");
}

TEST_F(QueryReview, ACollectionRenamedWhileItsIndexIsBuilt) {
  FillMany();
  const absl::Status created = CreateBesides(R"({"fields": {"u": 1}})", [&] {
    return db_->Write([](WriteTransaction& txn) -> absl::Status {
      SHEAF_RETURN_IF_ERROR(txn.Rename("c", "d"));
      SHEAF_ASSIGN_OR_RETURN(Collection other, txn.collection("c"));
      return other.Put(1, R"({"u":1})");
    });
  });
  EXPECT_TRUE(created.ok()) << created;
  const ReadTransaction read = db_->BeginRead();
  EXPECT_EQ(read.collection("d")->Indexes()->at(0).entries, uint64_t{kMany});
  EXPECT_EQ(read.collection("d")->Indexes()->at(0).state, IndexState::kReady);
  EXPECT_TRUE(read.collection("c")->Indexes()->empty());
  ExpectClean();
}

TEST_F(QueryReview, AnIndexReplacedWhileItIsBuilt) {
  FillMany();
  const std::string definition = R"({"fields": {"u": 1}, "name": "u"})";
  const absl::Status created = CreateBesides(definition, [&] {
    return Write([&](Collection& c) -> absl::Status {
      SHEAF_RETURN_IF_ERROR(c.DropIndex("u"));
      return c.CreateIndex(Definition(R"({"fields": {"v": 1}, "name": "u"})"));
    });
  });
  EXPECT_TRUE(absl::IsFailedPrecondition(created)) << created;
  ExpectClean();
  const ReadTransaction read = db_->BeginRead();
  const auto indexes = *read.collection("c")->Indexes();
  ASSERT_EQ(indexes.size(), 1u);
  EXPECT_EQ(indexes[0].definition.fields[0].path, "v");
  EXPECT_EQ(indexes[0].state, IndexState::kReady);
}

TEST_F(QueryReview, ACollectionDroppedWhileItsIndexIsBuilt) {
  FillMany();
  const absl::Status created = CreateBesides(R"({"fields": {"u": 1}})", [&] {
    return db_->Write([](WriteTransaction& txn) { return txn.Drop("c"); });
  });
  EXPECT_TRUE(absl::IsFailedPrecondition(created)) << created;
  ExpectClean();
  EXPECT_TRUE(db_->BeginRead().List()->empty());
}

// --- What a second review found -----------------------------------------------

// A name with a quote was taken for the text of a shorter one.
TEST_F(QueryReview, NamesWithQuotesAreNotGuessed) {
  for (const std::string text : {R"([{"a\":1,\"b":0},{"a":1,"b":2}])",
                                 R"([{"a\":\"b":0},{"a":"b"},{"a\":\"b":1}])",
                                 R"([{"a\\b":0},{"a\\b":1},{"a\nb":2}])"}) {
    ASSERT_TRUE(Write([&](Collection& c) { return c.Put(1, text); }).ok());
    EXPECT_EQ(*db_->BeginRead().collection("c")->Get(1), text);
  }
  ASSERT_TRUE(Write([](Collection& c) -> absl::Status {
                SHEAF_RETURN_IF_ERROR(c.Put(1, R"({"x\":1,\"y":0})"));
                return c.Put(2, R"({"x":1,"y":2})");
              }).ok());
  EXPECT_EQ(*db_->BeginRead().collection("c")->Get(2), R"({"x":1,"y":2})");
}

// Behind 80,000 elements values were not indexed.
TEST_F(QueryReview, LongArraysOfFewValues) {
  ASSERT_TRUE(Create(R"({"fields": {"r": 1}, "name": "r"})").ok());
  std::string zeros = R"({"r":[0)", many = R"({"r":[0)";
  for (int i = 0; i < 100'000; ++i) zeros += ",0";
  for (int i = 0; i < 100'000; ++i) absl::StrAppend(&many, ",", i < 85'000 ? i % 100 : i);
  ASSERT_TRUE(Write([&](Collection& c) { return c.Put(1, zeros + ",7]}"); }).ok());
  EXPECT_EQ(Keys(db_.get(), R"({"r": 7})", "r").size(), 1u);
  EXPECT_FALSE(Write([&](Collection& c) { return c.Put(2, many + "]}"); }).ok());
  ExpectClean();
}

// A salvaged schema with gaps had more rows than the tree entries.
TEST_F(QueryReview, SalvageOfASchemaWithGaps) {
  std::string document = "{";
  for (int i = 0; i < 200; ++i)
    absl::StrAppend(&document, i == 0 ? "" : ",", "\"name", i, "\":", i);
  ASSERT_TRUE(Write([&](Collection& c) { return c.Put(1, document + "}"); }).ok());
  ASSERT_TRUE(Write([](Collection& c) { return c.Put(1, "[1]"); }, "other").ok());
  DeleteRaw(document::SchemaKey(3), document::SchemaKey(190));
  PutRaw(document::SchemaKey(4'000'000'000), document::EncodeNameRow("far"));
  ASSERT_TRUE(db_->Close().ok());
  SalvageOptions salvage;
  salvage.file_system = fs_.get();
  const auto report = Salvage("/t.sheaf", "/salvaged.sheaf", salvage);
  ASSERT_TRUE(report.ok()) << report.status();
  auto salvaged = Database::Open("/salvaged.sheaf", options_);
  ASSERT_TRUE(salvaged.ok());
  const ReadTransaction read = (*salvaged)->BeginRead();
  EXPECT_EQ(*read.collection("other")->Get(1), "[1]");
  const auto found = read.collection("c")->GetDocument(1);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->Find("name1")->int_value(), 1);
  EXPECT_EQ(found->Find("name195")->int_value(), 195);
}

// Long keys are remembered within the memory, or not at all.
TEST_F(QueryReview, WaysThatRememberKeysKeepToTheirMemory) {
  ASSERT_TRUE(Create(R"({"fields": {"a": 1}, "name": "a"})").ok());
  ASSERT_TRUE(Create(R"({"fields": {"b": 1}, "name": "b"})").ok());
  ASSERT_TRUE(Write([](Collection& c) -> absl::Status {
                for (int i = 0; i < 20'000; ++i)
                  SHEAF_RETURN_IF_ERROR(c.Put(
                      absl::StrCat(std::string(300, 'k'), i),
                      absl::StrCat(R"({"a":)", i % 10, R"(,"b":)", i / 10 % 10, "}")));
                return absl::OkStatus();
              }).ok());
  QueryOptions little;
  little.memory_bytes_max = 300'000;
  const ReadTransaction read = db_->BeginRead();
  const auto c = read.collection("c");
  EXPECT_EQ(*c->Count(R"({"a": 1, "b": 2})", little), 200u);
  EXPECT_EQ(*c->Count(R"({"$or": [{"a": 1}, {"b": 2}]})", little), 3800u);
}

TEST_F(QueryReview, LongFractions) {
  for (const char* text : {"[1234.1234567890123456]", "[0.9999999999999999999999]",
                           "[123456789012345.6789012345678901]"}) {
    ASSERT_TRUE(Write([&](Collection& c) { return c.Put(1, text); }).ok());
    const auto stored = db_->BeginRead().collection("c")->GetDocument(1);
    EXPECT_EQ(stored->Find("0")->double_value(), strtod(text + 1, nullptr)) << text;
  }
}

// A document became an array under a cursor, and its elements came as documents.
TEST_F(QueryReview, WhatAnIndexHasIsNotBelievedWhileItChanges) {
  ASSERT_TRUE(Create(R"({"fields": {"a": 1}, "name": "a"})").ok());
  WriteTransaction txn = Begin();
  Collection c = *txn.collection("c");
  ASSERT_TRUE(c.Put(1, R"({"a":1})").ok() && c.Put(2, R"({"a":2})").ok());
  QueryOptions options;
  options.project = R"({"a":1,"_id":0})";
  options.index = "a";
  DocumentCursor cursor = *c.Query(R"({"a": {"$gte": 1}})", options);
  ASSERT_TRUE(cursor.Next());
  ASSERT_TRUE(c.Put(2, R"({"a":[50,60]})").ok());
  while (cursor.Next()) EXPECT_EQ(*cursor.Json(), R"({"a":[50,60]})");
  EXPECT_TRUE(cursor.status().ok());
}

}  // namespace
}  // namespace sheaf::test
