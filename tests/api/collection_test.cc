// Proves the rules of collections: keys and their order, what is stored and given
// back, errors that name the place, ranges, and the counter of Append, which
// survives deletes, rollbacks, reopening and crashes.
#include <limits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/api/api_fixture.h"

namespace sheaf::test {
namespace {

using Keys = std::vector<std::string>;

class CollectionTest : public ApiTest {
 protected:
  absl::Status Write(absl::FunctionRef<absl::Status(Collection&)> fn) {
    return db_->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(Collection c, txn.collection("c"));
      return fn(c);
    });
  }
  int64_t Append(std::string_view json) {
    int64_t key = -1;
    const absl::Status status = Write([&](Collection& c) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(key, c.Append(json));
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
    return key;
  }
  Keys KeysIn(const DocumentRange& range, size_t max = 100) {
    Keys keys;
    const ReadTransaction read = db_->BeginRead();
    const auto c = read.collection("c");
    EXPECT_TRUE(c.ok()) << c.status();
    const absl::Status status =
        c->ForEach(range, [&](const DocumentKey& key, std::string_view) {
          keys.push_back(key.ToString());
          return keys.size() < max;
        });
    EXPECT_TRUE(status.ok()) << status;
    return keys;
  }
};

TEST_F(CollectionTest, PutInsertReplaceDelete) {
  ASSERT_TRUE(Write([](Collection& c) -> absl::Status {
                EXPECT_TRUE(absl::IsNotFound(c.Get("k").status()));
                EXPECT_FALSE(c.Find("k")->has_value());
                EXPECT_TRUE(absl::IsNotFound(c.Replace("k", "1")));
                EXPECT_TRUE(c.Insert("k", " { \"a\" : [ 1 , 2.50, null ] } ").ok());
                EXPECT_EQ(*c.Get("k"), "{\"a\":[1,2.5,null]}");
                EXPECT_TRUE(absl::IsAlreadyExists(c.Insert("k", "2")));
                EXPECT_TRUE(c.Replace("k", "\"text\"").ok());
                EXPECT_EQ(*c.Get("k"), "\"text\"");
                EXPECT_TRUE(c.Put("k", "true").ok());
                EXPECT_TRUE(c.Put(7, "7").ok());
                EXPECT_EQ(*c.size(), 2u);
                EXPECT_TRUE(*c.Contains(7));
                EXPECT_FALSE(*c.Contains("7"));
                EXPECT_TRUE(*c.Delete("k"));
                EXPECT_FALSE(*c.Delete("k"));
                return absl::OkStatus();
              }).ok());
  const ReadTransaction read = db_->BeginRead();
  const auto c = read.collection("c");
  EXPECT_EQ(*c->Get(7), "7");
  EXPECT_EQ(*c->size(), 1u);
  EXPECT_EQ(c->name(), "c");
  const absl::Status none = c->Get("nobody").status();
  EXPECT_NE(none.message().find("nobody"), std::string_view::npos) << none;
}

TEST_F(CollectionTest, WithoutLoss) {
  // As it is put, and as it comes back: the same, in the shortest words.
  const std::pair<std::string_view, std::string_view> documents[] = {
      {"18446744073709551615", "18446744073709551615"},
      {"-9223372036854775808", "-9223372036854775808"},
      {"0.1000000000000000055511151231257827", "0.1"},
      {"12345678901234567890123456789e-5", "1.2345678901234569e+23"},
      {"{\"b\":1,\"a\":2,\"\":3}", "{\"b\":1,\"a\":2,\"\":3}"},
      {"\"\\u0000\\ud83c\\udf3e \xf0\x9f\x8c\xbe \\/\"",
       "\"\\u0000\xf0\x9f\x8c\xbe \xf0\x9f\x8c\xbe /\""},
      {"[[],{},\"\",null,true,false,-0,0.0,1E+2]",
       "[[],{},\"\",null,true,false,0,0.0,100.0]"}};
  const absl::Status written = Write([&](Collection& c) -> absl::Status {
    int64_t i = 0;
    for (const auto& [json, back] : documents) SHEAF_RETURN_IF_ERROR(c.Put(++i, json));
    return c.Put("large", absl::StrCat("\"", std::string(300'000, 'l'), "\""));
  });
  ASSERT_TRUE(written.ok()) << written;
  Reopen();
  const ReadTransaction read = db_->BeginRead();
  const auto c = read.collection("c");
  int64_t i = 0;
  for (const auto& [json, back] : documents) EXPECT_EQ(*c->Get(++i), back);
  EXPECT_EQ(c->Get("large")->size(), 300'002u);
}

TEST_F(CollectionTest, ErrorsOfJsonNameTheByte) {
  ASSERT_TRUE(Write([](Collection& c) -> absl::Status {
                for (const auto& [json, byte] :
                     {std::pair<std::string, const char*>{"", "0"},
                      {"{\"a\":1,}", "7"},
                      {"[1, 2", "5"},
                      {"truth", ""},
                      {"1 2", "2"},
                      {"{\"a\":1,\"a\":2}", "7"},
                      {"\"\x01\"", "1"},
                      {"{\"a\":\"\xff\"}", "6"},
                      {std::string(1100, '[') + std::string(1100, ']'), ""}}) {
                  for (const absl::Status& status :
                       {c.Put(1, json), c.Insert(2, json), c.Append(json).status()}) {
                    EXPECT_TRUE(absl::IsInvalidArgument(status))
                        << json << ": " << status;
                    EXPECT_NE(status.message().find(byte), std::string_view::npos)
                        << json << ": " << status;
                  }
                }
                EXPECT_EQ(*c.size(), 0u);
                return absl::OkStatus();
              }).ok());
}

TEST_F(CollectionTest, KeysThatAreRefused) {
  ASSERT_TRUE(Write([](Collection& c) -> absl::Status {
                for (const std::string& key :
                     {std::string(), std::string(1001, 'k'), std::string("\xff"),
                      std::string("\xed\xa0\x80")}) {
                  EXPECT_TRUE(absl::IsInvalidArgument(c.Put(key, "1"))) << key.size();
                  EXPECT_TRUE(absl::IsInvalidArgument(c.Get(key).status())) << key.size();
                  EXPECT_TRUE(absl::IsInvalidArgument(c.Delete(key).status()));
                }
                EXPECT_TRUE(c.Put(std::string(1000, 'k'), "1").ok());
                EXPECT_TRUE(c.Put(std::string("a\0b", 3), "2").ok());
                EXPECT_EQ(*c.Get(std::string("a\0b", 3)), "2");
                EXPECT_TRUE(absl::IsNotFound(c.Get("a").status()));
                return absl::OkStatus();
              }).ok());
}

TEST_F(CollectionTest, NumbersSortBeforeTextsAndByValue) {
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  ASSERT_TRUE(Write([&](Collection& c) -> absl::Status {
                for (const DocumentKey& key :
                     {DocumentKey("b"), DocumentKey(5), DocumentKey("ab"),
                      DocumentKey(kMax), DocumentKey(-5), DocumentKey("a"),
                      DocumentKey(0), DocumentKey(kMin), DocumentKey("5")})
                  SHEAF_RETURN_IF_ERROR(c.Put(key, "0"));
                return absl::OkStatus();
              }).ok());
  const Keys all = {
      absl::StrCat(kMin), "-5", "0", "5", absl::StrCat(kMax), "5", "a", "ab", "b"};
  EXPECT_EQ(KeysIn({}), all);
  DocumentRange range;
  range.reverse = true;
  EXPECT_EQ(KeysIn(range), Keys(all.rbegin(), all.rend()));
  EXPECT_EQ(KeysIn(range, 2), (Keys{"b", "ab"}));
  range.reverse = false;
  range.from = DocumentKey(0);
  range.to = DocumentKey("ab");
  EXPECT_EQ(KeysIn(range), (Keys{"0", "5", absl::StrCat(kMax), "5", "a"}));
  range = {};
  range.prefix = "a";
  EXPECT_EQ(KeysIn(range), (Keys{"a", "ab"}));
  range.reverse = true;
  range.from = DocumentKey("ab");
  EXPECT_EQ(KeysIn(range), (Keys{"ab"}));
  range.prefix = "";
  range.from.reset();
  EXPECT_EQ(KeysIn(range), (Keys{"b", "ab", "a", "5"}));
  range.from = DocumentKey("z"), range.to = DocumentKey("a");
  EXPECT_TRUE(KeysIn(range).empty());
}

TEST_F(CollectionTest, AppendGoesOnFromTheLargestKeyEverUsed) {
  EXPECT_EQ(Append("0"), 1);
  EXPECT_EQ(Append("0"), 2);
  ASSERT_TRUE(Write([](Collection& c) { return c.Put(10, "0"); }).ok());
  EXPECT_EQ(Append("0"), 11);
  ASSERT_TRUE(Write([](Collection& c) -> absl::Status {
                SHEAF_RETURN_IF_ERROR(c.Delete(11).status());
                return c.Put("text", "0");
              }).ok());
  EXPECT_EQ(Append("0"), 12);
  ASSERT_TRUE(Write([](Collection& c) { return c.Delete(12).status(); }).ok());
  Reopen();
  EXPECT_EQ(Append("0"), 13);
  ASSERT_TRUE(Write([](Collection& c) { return c.Delete(13).status(); }).ok());
  Kill();
  EXPECT_EQ(Append("0"), 14);
  ASSERT_TRUE(Write([](Collection& c) { return c.Delete(14).status(); }).ok());
  CutPower();
  EXPECT_EQ(Append("0"), 15);
  ASSERT_TRUE(db_->Checkpoint().ok());
  Kill();
  EXPECT_EQ(Append("0"), 16);
  ExpectClean();
}

TEST_F(CollectionTest, AppendAndRollback) {
  EXPECT_EQ(Append("0"), 1);
  {
    WriteTransaction txn = Begin();
    auto c = txn.collection("c");
    EXPECT_EQ(*c->Append("0"), 2);
    const Savepoint savepoint = *txn.SetSavepoint();
    EXPECT_EQ(*c->Append("0"), 3);
    ASSERT_TRUE(c->Put(50, "0").ok());
    ASSERT_TRUE(txn.RollbackTo(savepoint).ok());
    EXPECT_EQ(*c->Append("0"), 3);
    txn.Rollback();
  }
  EXPECT_EQ(Append("0"), 2);
  ASSERT_TRUE(Write([](Collection& c) -> absl::Status {
                EXPECT_FALSE(c.Append("not json").ok());
                EXPECT_EQ(*c.Append("0"), 3);
                return absl::OkStatus();
              }).ok());
  WriteTransaction txn = Begin();
  ASSERT_TRUE(txn.Drop("c").ok());
  EXPECT_EQ(*txn.collection("c")->Append("0"), 1);  // another collection
}

TEST_F(CollectionTest, AppendAtTheEndsOfTheNumbers) {
  ASSERT_TRUE(Write([](Collection& c) {
                return c.Put(std::numeric_limits<int64_t>::max(), "0");
              }).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(
      Write([](Collection& c) { return c.Append("0").status(); })));
  ASSERT_TRUE(db_->Write([](WriteTransaction& txn) -> absl::Status {
                   SHEAF_ASSIGN_OR_RETURN(Collection c, txn.collection("negative"));
                   SHEAF_RETURN_IF_ERROR(c.Put(-5, "0"));
                   EXPECT_EQ(*c.Append("0"), -4);
                   return absl::OkStatus();
                 })
                  .ok());
}

}  // namespace
}  // namespace sheaf::test
