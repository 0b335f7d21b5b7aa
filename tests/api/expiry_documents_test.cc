// Documents that expire: whatever is asked of a collection in which some have expired, and
// wait to be removed, the answer is that of one which never had them; indexes, unique ones
// too, go with what is removed. (B21, B37)
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/api/expiry_fixture.h"

namespace sheaf {
namespace {

constexpr absl::Duration kHour = absl::Hours(1);

class ExpiryDocumentsTest : public test::ExpiryTest {
 protected:
  void Change(const char* collection, absl::FunctionRef<absl::Status(Collection&)> fn) {
    Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(Collection c, txn.collection(collection));
      return fn(c);
    });
  }
  static absl::Status AddIndexes(Collection& c) {
    for (const char* json :
         {R"({"fields": {"n": 1}})", R"({"fields": {"tags": 1, "n": -1}})",
          R"({"fields": {"u": 1}, "unique": true})"}) {
      SHEAF_ASSIGN_OR_RETURN(const IndexDefinition definition,
                             IndexDefinition::Parse(json));
      SHEAF_RETURN_IF_ERROR(c.CreateIndex(definition));
    }
    return absl::OkStatus();
  }
  static std::string Document(int i) {
    return absl::StrCat(R"({"n":)", i % 7, R"(,"u":)", i, R"(,"tags":["t)", i % 3,
                        R"(","t)", i % 5, R"("],"text":"document )", i, R"("})");
  }
  // 100 documents; of "c" every other one expires, "r" never has those.
  void Fill(bool with_indexes) {
    for (const char* name : {"c", "r"})
      Change(name, [&](Collection& c) -> absl::Status {
        if (with_indexes) SHEAF_RETURN_IF_ERROR(AddIndexes(c));
        for (int i = 0; i < 100; ++i) {
          const bool expires = i % 2 == 1;
          if (expires && name[0] == 'r') continue;
          SHEAF_RETURN_IF_ERROR(
              c.Put(i, Document(i), expires ? Expiry::After(kHour) : Expiry::Never()));
        }
        return absl::OkStatus();
      });
  }

  // The answers to everything that can be asked.
  static std::string Answers(const CollectionReader& c) {
    std::string out = absl::StrCat("size ", *c.size(), "\n");
    const auto row = [&](const DocumentKey& key, std::string_view json) {
      absl::StrAppend(&out, key.ToString(), " ", std::string(json), "\n");
      return true;
    };
    EXPECT_TRUE(c.ForEach({}, row).ok());
    EXPECT_TRUE(c.ForEach({.from = 20, .to = 40, .reverse = true}, row).ok());
    std::vector<DocumentKey> keys;
    for (int i = 0; i < 30; ++i) {
      keys.push_back(i);
      const auto found = c.Find(i);
      absl::StrAppend(
          &out, i, *c.Contains(i), found->has_value(), c.FindDocument(i)->has_value(),
          c.Get(i).ok(), c.GetDocument(i).ok(), c.ExpiresAt(i).ok(),
          *c.Visit(i, [](const DocumentView&) {}),
          c.FindUnique("u_1", {int64_t{i}}).value_or(std::nullopt).has_value(),
          *c.VisitUnique("u_1", {int64_t{i}},
                         [](const DocumentKey&, const DocumentView&) {}),
          "\n");
    }
    EXPECT_TRUE(c.VisitMany(keys, [&](size_t i, const DocumentView&) {
                   absl::StrAppend(&out, i, " ");
                 }).ok());
    for (const char* filter :
         {"{}", R"({"n": 3})", R"({"n": {"$gte": 2, "$lt": 5}})", R"({"u": 31})",
          R"({"u": 30})", R"({"tags": "t1"})", R"({"tags": "t1", "n": 4})",
          R"({"$or": [{"n": 1}, {"u": {"$lt": 9}}]})", R"({"_id": {"$gt": 50}})",
          R"({"text": {"$regex": "3"}})"}) {
      for (const char* sort :
           {"", R"({"n": -1, "_id": 1})", R"({"u": 1})", R"({"_id": -1})"})
        for (const char* project : {"", R"({"n": 1, "_id": 0})"})
          for (const std::optional<uint64_t> limit : {std::optional<uint64_t>(), {3}}) {
            QueryOptions options;
            options.sort = sort;
            options.project = project;
            options.limit = limit;
            options.skip = limit.has_value() ? 1 : 0;
            if (sort[0] == '\0') options.limit.reset(), options.skip = 0;
            auto cursor = c.Query(filter, options);
            EXPECT_TRUE(cursor.ok()) << cursor.status();
            std::vector<std::string> rows;
            while (cursor->Next())
              rows.push_back(absl::StrCat(
                  project[0] == '\0' ? cursor->key().ToString() : "", *cursor->Json()));
            EXPECT_TRUE(cursor->status().ok()) << cursor->status();
            // Without an order it is that of the plan, which may differ.
            if (sort[0] == '\0' || project[0] != '\0')
              std::sort(rows.begin(), rows.end());
            absl::StrAppend(&out, filter, sort, project, ": ", rows.size(), "\n");
            for (const std::string& r : rows) absl::StrAppend(&out, "  ", r, "\n");
          }
      QueryOptions part;
      part.skip = 2;
      part.limit = 4;
      absl::StrAppend(&out, filter, *c.Count(filter), " ", *c.Count(filter, part), "\n");
      EXPECT_TRUE(c.Distinct("tags", filter, [&](const DocumentView& v) {
                     absl::StrAppend(&out, *ToJson(v), ",");
                   }).ok());
      EXPECT_TRUE(
          c.Group(R"({"_id": "$n", "count": {"$sum": 1}, "u": {"$max": "$u"}})", filter,
                  [&](const DocumentView& v) { absl::StrAppend(&out, *ToJson(v), "\n"); })
              .ok());
    }
    return out;
  }
  void ExpectSame() {
    const ReadTransaction read = db_->BeginRead();
    EXPECT_EQ(Answers(*read.collection("c")), Answers(*read.collection("r")));
    WriteTransaction txn = Begin();
    EXPECT_EQ(Answers(*txn.collection("c")), Answers(*txn.collection("r")));
  }
};

TEST_F(ExpiryDocumentsTest, AllAnswersWithIndexes) {
  Fill(true);
  Advance(kHour - absl::Microseconds(1));
  EXPECT_EQ(*db_->BeginRead().collection("c")->size(), 100u);
  Advance(absl::Microseconds(1));
  EXPECT_EQ(*db_->BeginRead().collection("c")->size_with_expired(), 100u);
  ExpectSame();
  ExpectClean();
  ExpireOptions some;
  some.batch = 7;
  some.records_max = 21;
  Expire(some);
  ExpectSame();
  ExpectClean();
  EXPECT_EQ(Expire().removed[TreeKind::kCollection], 29u);
  EXPECT_EQ(*db_->BeginRead().collection("c")->size_with_expired(), 50u);
  ExpectSame();
  ExpectClean();
}

TEST_F(ExpiryDocumentsTest, AllAnswersWithoutIndexes) {
  Fill(false);
  Advance(kHour);
  const auto answers = [&](const char* name) {
    // There is no unique index to be asked.
    const ReadTransaction read = db_->BeginRead();
    std::string all;
    EXPECT_TRUE(read.collection(name)
                    ->ForEach({},
                              [&](const auto& key, auto json) {
                                absl::StrAppend(&all, key.ToString(), std::string(json));
                                return true;
                              })
                    .ok());
    for (const char* filter : {"{}", R"({"n": 3})", R"({"_id": {"$lt": 20}})"})
      absl::StrAppend(&all, *read.collection(name)->Count(filter), " ");
    return all;
  };
  EXPECT_EQ(answers("c"), answers("r"));
  EXPECT_EQ(Expire().removed_total, 50u);
  EXPECT_EQ(answers("c"), answers("r"));
  ExpectClean();
}

TEST_F(ExpiryDocumentsTest, WritersFindThemGone) {
  Fill(true);
  Advance(kHour);
  for (const char* name : {"c", "r"})
    Change(name, [&](Collection& c) -> absl::Status {
      EXPECT_TRUE(absl::IsNotFound(c.Replace(1, "{}")));
      EXPECT_FALSE(*c.Delete(1));
      EXPECT_FALSE(*c.Update(3, R"({"$set": {"n": 1}})"));
      EXPECT_TRUE(absl::IsNotFound(c.MergePatch(3, R"({"n": 1})")));
      SHEAF_RETURN_IF_ERROR(c.Insert(5, R"({"n": 100, "u": 1000})"));
      SHEAF_RETURN_IF_ERROR(
          c.Upsert(7, R"({"$set": {"n": 101}, "$setOnInsert": {"u": 7}})"));
      SHEAF_RETURN_IF_ERROR(c.Modify(9, [](const auto& old) {
        EXPECT_FALSE(old.has_value());
        return *Document::FromJson(R"({"u": 11})");  // that 11 had
      }));
      EXPECT_TRUE(absl::IsAlreadyExists(c.Put(200, R"({"u": 12})")));
      const auto changed =
          c.UpdateWhere(R"({"n": {"$lt": 3}})", R"({"$inc": {"n": 50}})");
      EXPECT_TRUE(changed.ok()) << changed.status();
      EXPECT_EQ(changed->matched, name[0] == 'c' ? changed->changed : changed->matched);
      EXPECT_TRUE(c.DeleteWhere(R"({"n": 4})").ok());
      return absl::OkStatus();
    });
  ExpectSame();
  ExpectClean();
  Expire();
  ExpectSame();
  ExpectClean();
}

// Two documents may have the same value of a unique index if one of them has expired.
TEST_F(ExpiryDocumentsTest, UniqueIndexesHoldNothingThatExpired) {
  Change("c", [&](Collection& c) -> absl::Status {
    SHEAF_RETURN_IF_ERROR(AddIndexes(c));
    return c.Put("old", R"({"u": 1, "tags": ["x"]})", Expiry::After(kHour));
  });
  Change("c", [&](Collection& c) -> absl::Status {
    EXPECT_TRUE(absl::IsAlreadyExists(c.Put("new", R"({"u": 1})")));
    return absl::OkStatus();
  });
  Advance(kHour);
  Change("c", [&](Collection& c) { return c.Put("new", R"({"u": 1})"); });
  ExpectClean();
  EXPECT_EQ(Expire().removed_total, 0u);
  EXPECT_EQ(*db_->BeginRead().collection("c")->Get("new"), R"({"u":1})");
  EXPECT_EQ(
      (*db_->BeginRead().collection("c")->FindUnique("u_1", {int64_t{1}}))->ToString(),
      "new");
}

TEST_F(ExpiryDocumentsTest, UniqueIndexesAreBuiltOfWhatIsLeft) {
  Change("c", [&](Collection& c) -> absl::Status {
    for (int i = 0; i < 1000; ++i)
      SHEAF_RETURN_IF_ERROR(c.Put(i, absl::StrCat(R"({"u":)", i % 500, "}"),
                                  i < 500 ? Expiry::After(kHour) : Expiry::Never()));
    return absl::OkStatus();
  });
  const auto definition =
      IndexDefinition::Parse(R"({"fields": {"u": 1}, "unique": true})");
  EXPECT_TRUE(absl::IsAlreadyExists(db_->CreateIndex("c", *definition)));
  Advance(kHour);
  const absl::Status made = db_->CreateIndex("c", *definition);
  EXPECT_TRUE(made.ok()) << made;
  EXPECT_EQ(*db_->BeginRead().collection("c")->size(), 500u);
  ExpectClean();
  Advance(kHour);
  Change("c", [&](Collection& c) { return c.RebuildIndex("u_1"); });
  ExpectClean();
}

TEST_F(ExpiryDocumentsTest, PartsThatChangeKeepIt) {
  Change("c", [&](Collection& c) -> absl::Status {
    for (const char* key :
         {"updated", "patched", "merged", "modified", "put", "upserted"})
      SHEAF_RETURN_IF_ERROR(c.Put(key, R"({"a": 1})", Expiry::After(kHour)));
    return c.Put("sliding", R"({"a": 1})", Expiry::Sliding(kHour));
  });
  Advance(kHour / 2);
  Change("c", [&](Collection& c) -> absl::Status {
    SHEAF_RETURN_IF_ERROR(c.Update("updated", R"({"$set": {"a": 2}})").status());
    SHEAF_RETURN_IF_ERROR(c.Update("sliding", R"({"$set": {"a": 2}})").status());
    SHEAF_RETURN_IF_ERROR(c.Upsert("upserted", R"({"$set": {"a": 2}})"));
    SHEAF_RETURN_IF_ERROR(
        c.Patch("patched", R"([{"op": "replace", "path": "/a", "value": 2}])"));
    SHEAF_RETURN_IF_ERROR(c.MergePatch("merged", R"({"a": 2})"));
    SHEAF_RETURN_IF_ERROR(c.Modify(
        "modified", [](const auto&) { return *Document::FromJson(R"({"a": 2})"); }));
    return c.Put("put", R"({"a": 2})");
  });
  Advance(kHour / 2);
  std::string left;
  ASSERT_TRUE(db_->BeginRead()
                  .collection("c")
                  ->ForEach({},
                            [&](const auto& key, auto) {
                              left += key.ToString() + " ";
                              return true;
                            })
                  .ok());
  EXPECT_EQ(left, "put sliding ");
  ExpectClean();
}

TEST_F(ExpiryDocumentsTest, DefaultTouchAndHook) {
  std::vector<std::string> told;
  options_.on_expired = [&](const ExpiredRecord& record) {
    EXPECT_EQ(record.kind, TreeKind::kCollection);
    told.push_back(std::string(record.key));
  };
  Reopen();
  Change("c", [&](Collection& c) -> absl::Status {
    SHEAF_RETURN_IF_ERROR(c.SetDefaultExpiry(Expiry::After(kHour)));
    EXPECT_EQ(*c.DefaultExpiry(), Expiry::After(kHour));
    SHEAF_RETURN_IF_ERROR(c.Put("text", "{}"));
    SHEAF_RETURN_IF_ERROR(c.Append("{}").status());
    SHEAF_RETURN_IF_ERROR(c.Put("slides", "{}", Expiry::Sliding(kHour)));
    return c.Put("stays", "{}", Expiry::Never());
  });
  Advance(kHour / 2);
  Change("c", [&](Collection& c) -> absl::Status {
    EXPECT_TRUE(*c.Touch("slides"));
    EXPECT_FALSE(*c.Touch("text"));
    EXPECT_FALSE(*c.Touch("stays"));
    return c.SetExpiry(1, Expiry::Never());
  });
  Advance(kHour / 2);
  EXPECT_EQ(*db_->BeginRead().collection("c")->size(), 3u);
  Expire();
  EXPECT_EQ(told, std::vector<std::string>{"text"});
  ExpectClean();
}

TEST_F(ExpiryDocumentsTest, AfterACrash) {
  Fill(true);
  Kill();
  Advance(kHour);
  ExpectSame();
  Expire();
  Advance(-kHour);
  CutPower();
  ExpectSame();
  ExpectClean();
}

}  // namespace
}  // namespace sheaf
