// What goes wrong easily with documents (RELIABILITY B31): keys that are there or are not,
// for each call that takes one; keys of different kinds whose bytes look alike; documents
// in memory that begins at any address, and whose numbers were written by another machine.
#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "document/compare.h"
#include "document/index_key.h"
#include "document/json_codec.h"
#include "sheaf/where.h"
#include "tests/api/api_fixture.h"

namespace sheaf::test {
namespace {

Uuid UuidOf(std::string_view bytes) {
  Uuid uuid;
  std::copy_n(bytes.begin(), std::min(bytes.size(), uuid.bytes.size()),
              uuid.bytes.begin());
  return uuid;
}

// In their order.
std::vector<DocumentKey> LookAlikes() {
  const std::string number_bytes("\x10\x80\0\0\0\0\0\0\x61", 9);  // as 97 is stored
  const std::string sixteen = "aaaaaaaaaaaaaaaa";
  return {
      DocumentKey(0),
      DocumentKey(97),
      DocumentKey(std::string("\0", 1)),
      DocumentKey("97"),
      DocumentKey("a"),
      DocumentKey(std::string("a\0", 2)),
      DocumentKey(sixteen),
      DocumentKey(Uuid()),
      DocumentKey(UuidOf("a")),
      DocumentKey(UuidOf(sixteen)),
      DocumentKey::Bytes(std::string("\0", 1)),
      DocumentKey::Bytes(std::string(16, '\0')),
      DocumentKey::Bytes(number_bytes),
      DocumentKey::Bytes("97"),
      DocumentKey::Bytes("a"),
      DocumentKey::Bytes(std::string("a\0", 2)),
      DocumentKey::Bytes(sixteen),
      DocumentKey::Bytes(number_bytes.substr(1)),
      DocumentKey::Bytes("\xff"),
  };
}

class DocumentsEdge : public ApiTest {
 protected:
  absl::Status Write(absl::FunctionRef<absl::Status(Collection&)> fn) {
    return db_->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(Collection c, txn.collection("c"));
      return fn(c);
    });
  }
  void CreateUnique() {
    ASSERT_TRUE(Write([](Collection& c) {
                  return c.CreateIndex(*IndexDefinition::Parse(
                      R"({"name":"u","fields":{"u":1},"unique":true,"sparse":true})"));
                }).ok());
  }
  // One document for each key, {"u": its place}.
  void PutLookAlikes() {
    ASSERT_TRUE(Write([](Collection& c) -> absl::Status {
                  int i = 0;
                  for (const DocumentKey& key : LookAlikes())
                    SHEAF_RETURN_IF_ERROR(
                        c.Insert(key, absl::StrCat(R"({"u":)", i++, "}")));
                  return absl::OkStatus();
                }).ok());
  }
};

// --- Keys that are there, and keys that are not --------------------------------

// There is none of this key: each call says so, and makes none.
void ExpectMissing(Collection& c, const DocumentKey& key) {
  const auto is_missing = [&](const absl::Status& status, const char* call) {
    EXPECT_TRUE(absl::IsNotFound(status)) << call << ": " << status;
    EXPECT_NE(status.message().find(key.ToString()), std::string_view::npos)
        << call << ": " << status;
  };
  is_missing(c.Get(key).status(), "Get");
  is_missing(c.GetDocument(key).status(), "GetDocument");
  is_missing(c.Replace(key, "{}"), "Replace");
  is_missing(c.Patch(key, R"([{"op":"add","path":"/a","value":1}])"), "Patch");
  is_missing(c.MergePatch(key, R"({"a":1})"), "MergePatch");
  EXPECT_FALSE(c.Find(key)->has_value());
  EXPECT_FALSE(c.FindDocument(key)->has_value());
  EXPECT_FALSE(*c.Contains(key));
  EXPECT_FALSE(*c.Visit(key, [](const DocumentView&) { ADD_FAILURE(); }));
  EXPECT_FALSE(*c.Update(key, R"({"$set":{"a":1}})"));
  EXPECT_FALSE(*c.Delete(key));
  bool called = false;
  const absl::Status modified = c.Modify(
      key,
      [&](const std::optional<Document>& old) -> absl::StatusOr<std::optional<Document>> {
        called = true;
        EXPECT_FALSE(old.has_value());
        return std::nullopt;
      });
  EXPECT_TRUE(modified.ok() && called) << modified;
  EXPECT_FALSE(*c.Contains(key)) << key.ToString();
}

TEST_F(DocumentsEdge, MissingKeysAreSaidToBe) {
  CreateUnique();
  ASSERT_TRUE(Write([](Collection& c) -> absl::Status {
                for (const DocumentKey& key : LookAlikes()) ExpectMissing(c, key);
                EXPECT_EQ(*c.size(), 0u);
                EXPECT_FALSE(c.FindUnique("u", {0})->has_value());
                EXPECT_EQ(*c.DeleteWhere(R"({"_id":97})"), 0u);
                EXPECT_EQ(c.UpdateWhere("{}", R"({"$set":{"a":1}})")->matched, 0u);
                return absl::OkStatus();
              }).ok());
  // Nor is one that was there.
  PutLookAlikes();
  ASSERT_TRUE(Write([](Collection& c) -> absl::Status {
                for (const DocumentKey& key : LookAlikes()) {
                  EXPECT_TRUE(*c.Delete(key)) << key.ToString();
                  ExpectMissing(c, key);
                }
                EXPECT_EQ(*c.size(), 0u);
                return absl::OkStatus();
              }).ok());
  ExpectClean();
}

TEST_F(DocumentsEdge, UpsertOfKeysThatAreThereAndThatAreNot) {
  CreateUnique();
  constexpr char kUpdate[] = R"({"$inc":{"n":1},"$setOnInsert":{"first":true}})";
  for (const bool within_one : {true, false}) {
    ASSERT_TRUE(Write([&](Collection& c) -> absl::Status {
                  for (const DocumentKey& key : LookAlikes()) {
                    SHEAF_RETURN_IF_ERROR(c.Upsert(key, kUpdate));
                    EXPECT_EQ(*c.Get(key), R"({"n":1,"first":true})");
                    if (!within_one) continue;
                    SHEAF_RETURN_IF_ERROR(c.Upsert(key, kUpdate));
                    EXPECT_EQ(*c.Get(key), R"({"n":2,"first":true})");
                  }
                  return absl::OkStatus();
                }).ok());
    Reopen();
    ASSERT_TRUE(Write([&](Collection& c) -> absl::Status {
                  EXPECT_EQ(*c.size(), LookAlikes().size());
                  for (const DocumentKey& key : LookAlikes()) {
                    SHEAF_RETURN_IF_ERROR(c.Upsert(key, kUpdate));
                    EXPECT_EQ(*c.Get(key), within_one ? R"({"n":3,"first":true})"
                                                      : R"({"n":2,"first":true})");
                    SHEAF_RETURN_IF_ERROR(c.Delete(key).status());
                  }
                  return absl::OkStatus();
                }).ok());
  }
  ExpectClean();
}

TEST_F(DocumentsEdge, PutAndInsertOfKeysThatAreThere) {
  CreateUnique();
  PutLookAlikes();
  ASSERT_TRUE(
      Write([](Collection& c) -> absl::Status {
        int i = 0;
        for (const DocumentKey& key : LookAlikes()) {
          const std::string before = *c.Get(key);
          const absl::Status inserted = c.Insert(key, R"({"brandnew":1})");
          EXPECT_TRUE(absl::IsAlreadyExists(inserted)) << inserted;
          EXPECT_NE(inserted.message().find(key.ToString()), std::string_view::npos)
              << inserted;
          EXPECT_EQ(*c.Get(key), before);
          // What another has is refused, whether the key is there or not.
          const std::string others = absl::StrCat(R"({"u":)", i == 0 ? 1 : 0, "}");
          EXPECT_TRUE(absl::IsAlreadyExists(c.Put(key, others)));
          EXPECT_TRUE(absl::IsAlreadyExists(c.Put("not there", others)));
          EXPECT_TRUE(absl::IsAlreadyExists(
              c.Upsert("not there", absl::StrCat(R"({"$set":)", others, "}"))));
          EXPECT_FALSE(*c.Contains("not there"));
          EXPECT_EQ(*c.Get(key), before);
          // Its own is not.
          SHEAF_RETURN_IF_ERROR(c.Put(key, before));
          SHEAF_RETURN_IF_ERROR(c.Put(key, absl::StrCat(R"({"u":)", 1000 + i, "}")));
          SHEAF_RETURN_IF_ERROR(c.Replace(key, before));
          ++i;
        }
        EXPECT_EQ(*c.size(), LookAlikes().size());
        return absl::OkStatus();
      }).ok());
  ExpectClean();
}

// --- Keys of all kinds ------------------------------------------------------------

TEST_F(DocumentsEdge, LookAlikesAreDifferentKeys) {
  CreateUnique();
  PutLookAlikes();
  Reopen();
  const std::vector<DocumentKey> keys = LookAlikes();
  {
    const ReadTransaction read = db_->BeginRead();
    const auto c = read.collection("c");
    std::vector<DocumentKey> in_order;
    ASSERT_TRUE(c->ForEach({}, [&](const DocumentKey& key, std::string_view) {
                   in_order.push_back(key);
                   return true;
                 }).ok());
    EXPECT_TRUE(in_order == keys);
    for (size_t i = 0; i < keys.size(); ++i) {
      EXPECT_EQ(*c->Get(keys[i]), absl::StrCat(R"({"u":)", i, "}"));
      EXPECT_TRUE(c->FindUnique("u", {i})->value() == keys[i]) << i;
      EXPECT_TRUE(*c->VisitUnique(
          "u", {i}, [&](const DocumentKey& key, const DocumentView& document) {
            EXPECT_TRUE(key == keys[i]);
            EXPECT_EQ(*ToJson(document), absl::StrCat(R"({"u":)", i, "}"));
          }));
      DocumentRange range;
      range.from = keys[i];
      if (i + 1 < keys.size()) range.to = keys[i + 1];
      size_t found = 0;
      ASSERT_TRUE(c->ForEach(range, [&](const DocumentKey& key, std::string_view) {
                     EXPECT_TRUE(key == keys[i]);
                     return ++found < 10;
                   }).ok());
      EXPECT_EQ(found, 1u) << i;
    }
    EXPECT_EQ(*c->Count(R"({"_id":97})"), 1u);
    EXPECT_EQ(*c->Count(R"({"_id":97.0})"), 1u);
    EXPECT_EQ(*c->Count(R"({"_id":"a"})"), 1u);
    EXPECT_EQ(*c->Count(R"({"_id":"97"})"), 1u);
    EXPECT_EQ(*c->Count(R"({"_id":{"$binary":{"base64":"YQ==","subType":"00"}}})"), 1u);
    EXPECT_EQ(*c->Count(R"({"_id":{"$in":[97,"a","97",true,null]}})"), 3u);
  }
  // One goes, and its look-alikes stay.
  for (size_t i = 0; i < keys.size(); ++i) {
    WriteTransaction txn = Begin();
    auto c = txn.collection("c");
    EXPECT_TRUE(*c->Delete(keys[i]));
    for (size_t k = 0; k < keys.size(); ++k) EXPECT_EQ(*c->Contains(keys[k]), k != i);
    EXPECT_FALSE(c->FindUnique("u", {i})->has_value());
    const auto none = [](const DocumentKey&, const DocumentView&) { FAIL(); };
    EXPECT_FALSE(*c->VisitUnique("u", {i}, none));
    EXPECT_TRUE(absl::IsInvalidArgument(c->VisitUnique("v", {i}, none).status()));
    // What the transaction has put is there.
    EXPECT_TRUE(c->Put(keys[i], R"({"u":-1})").ok());
    EXPECT_TRUE(
        *c->VisitUnique("u", {-1}, [&](const DocumentKey& key, const DocumentView& d) {
          EXPECT_TRUE(key == keys[i]);
          EXPECT_EQ(*ToJson(d), R"({"u":-1})");
        }));
  }
  ExpectClean();
}

TEST_F(DocumentsEdge, UuidsInFilters) {
  std::vector<Uuid> keys;
  {
    WriteTransaction txn = Begin();
    auto c = txn.collection("c");
    for (int i = 0; i < 100; ++i)
      keys.push_back(*c->Add(absl::StrCat(R"({"n":)", i, "}")));
    // The same bytes, and no UUID.
    const std::string bytes(keys[7].bytes.begin(), keys[7].bytes.end());
    ASSERT_TRUE(c->Put(DocumentKey::Bytes(bytes), R"({"n":-7})").ok());
    ASSERT_TRUE(txn.Commit().ok());
  }
  const ReadTransaction read = db_->BeginRead();
  const auto c = read.collection("c");
  const auto as_filter = [](const std::string& uuid) {
    return absl::StrCat(R"({"_id":{"$uuid":")", uuid, "\"}}");
  };
  for (int i = 0; i < 100; ++i) {
    const std::string text = keys[static_cast<size_t>(i)].ToString();
    auto cursor = c->Query(as_filter(text));
    ASSERT_TRUE(cursor.ok() && cursor->Next()) << i;
    EXPECT_EQ(cursor->key().uuid().ToString(), text);
    EXPECT_EQ(cursor->document().Field("n")->int_value(), i);
    EXPECT_EQ(cursor->Next(), i == 7);
    EXPECT_NE(cursor->Explain().find("range of keys"), std::string::npos);
    EXPECT_EQ(*c->Count(as_filter(absl::StrReplaceAll(text, {{"-", ""}}))),
              i == 7 ? 2 : 1);
  }
  EXPECT_EQ(*c->Count(absl::StrCat(R"({"_id":{"$in":[{"$uuid":")", keys[1].ToString(),
                                   R"("},{"$uuid":")", keys[2].ToString(), "\"}]}}")),
            2u);
  EXPECT_EQ(*c->Count(Where("_id").In({keys[1], keys[2], Uuid()})), 2u);
  EXPECT_EQ(*c->Count(as_filter(Uuid().ToString())), 0u);
  for (const char* wrong : {"", "018f4e1c", "018f4e1c-7b1a-7c3d-9e4f-0a1b2c3d4e5g"}) {
    const absl::Status status = c->Count(as_filter(wrong)).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_NE(status.message().find("$uuid: expected text like"), std::string::npos)
        << status;
  }
}

// --- Documents at any address ---------------------------------------------------

// Calls `fn` with the same bytes at each of 16 addresses, with nothing behind them that
// belongs to them.
void AtEachAddress(const std::string& bytes,
                   absl::FunctionRef<void(std::string_view)> fn) {
  for (size_t shift = 0; shift < 16; ++shift) {
    // From the heap: aligned, and a sanitizer sees where it ends.
    const std::unique_ptr<char[]> room(new char[shift + bytes.size()]);
    std::memcpy(room.get() + shift, bytes.data(), bytes.size());
    fn({room.get() + shift, bytes.size()});
  }
}

// By hand, after the table in binary.h: little-endian whatever the machine.
TEST(DocumentBytes, NumbersAreReadAtAnyAddress) {
  const std::string bytes =
      absl::HexStringToBytes(absl::StrCat("020c3f",                  // 63 bytes
                                          "00ff",                    // a: 127
                                          "02038002",                // b: 128
                                          "040301",                  // c: -1
                                          "06040000000000000080",    // d: 2^63
                                          "08060000003f",            // e: 0.5
                                          "0a059a9999999999b93f",    // f: 0.1
                                          "0c0702",                  // g: 1 microsecond
                                          "0e426869",                // h: hi
                                          "10090101",                // i: 01
                                          "120a020000803f000020c0",  // j: 1, -2.5
                                          "140b03000102"));  // k: null, false, true
  document::NameTable names;
  for (const char* name : {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"})
    names.Intern(name);
  AtEachAddress(bytes, [&](std::string_view at) {
    EXPECT_TRUE(document::Validate(at, names).ok()) << document::Validate(at, names);
    const DocumentView root = document::RootOf(at, names);
    EXPECT_EQ(root.Field("a")->int_value(), 127);
    EXPECT_EQ(root.Field("b")->int_value(), 128);
    EXPECT_EQ(root.Field("c")->int_value(), -1);
    EXPECT_EQ(root.Field("d")->uint_value(), uint64_t{1} << 63);
    EXPECT_EQ(root.Field("e")->double_value(), 0.5);
    EXPECT_EQ(root.Field("f")->double_value(), 0.1);
    EXPECT_EQ(root.Field("g")->timestamp_micros(), 1);
    EXPECT_EQ(root.Field("h")->string_value(), "hi");
    EXPECT_EQ(root.Field("i")->bytes_value(), "\x01");
    EXPECT_EQ(root.Field("j")->vector_value(), (std::vector<float>{1.0f, -2.5f}));
    EXPECT_EQ(root.Field("k")->Element(0)->kind(), DocumentKind::kNull);
    EXPECT_FALSE(root.Field("k")->Element(1)->bool_value());
    EXPECT_TRUE(root.Field("k")->Element(2)->bool_value());
    EXPECT_FALSE(root.Field("k")->Element(3).has_value());
    EXPECT_FALSE(root.Field("l").has_value());
  });
}

TEST(DocumentBytes, DocumentsMeanTheSameAtAnyAddress) {
  for (const std::string& json :
       {std::string(
            R"({"a":[1,-5,300,18446744073709551615,0.5,0.1,null,true],"b":{"c":"x"}})"),
        std::string(
            R"([{"$date":"2026-01-02T03:04:05.000006Z"},-1e+300,{"$vector":[1,2.5]}])"),
        std::string(R"({"$binary":{"base64":"AAECAwQFBgc=","subType":"00"}})"),
        absl::StrCat("{\"", std::string(100, 'n'), "\":\"", std::string(300, 't'), "\"}"),
        std::string("{}"), std::string("-9223372036854775808")}) {
    document::NameTable names;
    const std::string bytes = *document::JsonToBinary(json, &names);
    const DocumentView here = document::RootOf(bytes, names);
    std::string key;
    document::AppendIndexKey(here, &key);
    AtEachAddress(bytes, [&](std::string_view at) {
      EXPECT_TRUE(document::Validate(at, names).ok()) << json;
      const DocumentView there = document::RootOf(at, names);
      EXPECT_TRUE(document::Compare(here, there) == 0) << json;
      EXPECT_EQ(document::Hash(there), document::Hash(here)) << json;
      EXPECT_EQ(*ToJson(there), json);
      std::string key_there;
      document::AppendIndexKey(there, &key_there);
      EXPECT_EQ(key_there, key) << json;
      document::NameTable others;
      document::Writer writer(&others);
      writer.Copy(there);
      const std::string copy = *writer.Finish();
      EXPECT_EQ(*ToJson(document::RootOf(copy, others)), json);
    });
  }
}

TEST_F(DocumentsEdge, VisitManyFindsWhatVisitFinds) {
  PutLookAlikes();
  std::vector<DocumentKey> keys;
  for (int round = 0; round < 20; ++round)
    for (const DocumentKey& key : LookAlikes()) {
      keys.push_back(key);
      keys.push_back(DocumentKey(absl::StrCat("none", round)));
    }
  ASSERT_GT(keys.size(), 130u);
  const auto expect_found = [&](const CollectionReader& c) {
    std::vector<std::string> found(keys.size());
    size_t last = 0;
    ASSERT_TRUE(c.VisitMany(keys, [&](size_t i, const DocumentView& document) {
                   EXPECT_LE(last, i);
                   found[last = i] = *ToJson(document);
                 }).ok());
    for (size_t i = 0; i < keys.size(); ++i)
      EXPECT_EQ(found[i], c.Find(keys[i])->value_or("")) << i;
  };
  expect_found(*db_->BeginRead().collection("c"));
  // Of large documents and those of a running transaction, too.
  ASSERT_TRUE(Write([&](Collection& c) -> absl::Status {
                SHEAF_RETURN_IF_ERROR(
                    c.Put(keys[0], "\"" + std::string(100'000, 'x') + "\""));
                expect_found(c);
                return absl::OkStatus();
              }).ok());
  expect_found(*db_->BeginRead().collection("c"));
  keys.push_back(DocumentKey(""));
  EXPECT_TRUE(absl::IsInvalidArgument(db_->BeginRead().collection("c")->VisitMany(
      keys, [](size_t, const DocumentView&) {})));
  EXPECT_TRUE(
      CollectionReader().VisitMany({}, [](size_t, const DocumentView&) {}).code() ==
      absl::StatusCode::kFailedPrecondition);
}

// A call of VisitMany reads what it shows before it shows any of it, sixteen at a time.
TEST_F(DocumentsEdge, VisitManyMayChangeWhatItVisits) {
  std::vector<DocumentKey> keys;
  for (int i = 0; i < 40; ++i) keys.emplace_back(i);
  ASSERT_TRUE(
      Write([&](Collection& c) -> absl::Status {
        for (int i = 0; i < 40; ++i)
          SHEAF_RETURN_IF_ERROR(
              c.Put(i, absl::StrCat("{\"n\":", i, R"(,"t":")",
                                    std::string(i == 5 ? 100'000 : 10, 'x'), "\"}")));
        // They have gone, or are as they were, and the names are new ones.
        size_t shown = 0;
        SHEAF_RETURN_IF_ERROR(c.VisitMany(keys, [&](size_t i, const DocumentView& d) {
          ++shown;
          EXPECT_EQ(FindPath(d, "n")->int_value(), int64_t(i));
          EXPECT_TRUE(*c.Delete(int(i)));
          EXPECT_TRUE(c.Put(int(i) + 100, absl::StrCat("{\"name", i, "\":1}")).ok());
        }));
        EXPECT_EQ(shown, 40u);
        EXPECT_EQ(*c.size(), 40u);
        for (int i = 0; i < 40; ++i)
          SHEAF_RETURN_IF_ERROR(c.Put(i, absl::StrCat("{\"n\":", i, "}")));
        return absl::OkStatus();
      }).ok());
  for (const size_t count : {3u, 40u}) {
    ReadTransaction read = db_->BeginRead();
    CollectionReader c = *read.collection("c");
    size_t shown = 0;
    const absl::Status status = c.VisitMany(
        absl::MakeConstSpan(keys).first(count), [&](size_t i, const DocumentView& d) {
          EXPECT_EQ(FindPath(d, "n")->int_value(), int64_t(i));
          if (shown++ == 0) read.End();
          c = CollectionReader();
        });
    EXPECT_EQ(shown, std::min<size_t>(count, 16));
    EXPECT_EQ(status.code(),
              count > 16 ? absl::StatusCode::kFailedPrecondition : absl::StatusCode::kOk)
        << status;
  }
}

// Where they lie in a file is at any address, too: sizes differ by one.
TEST_F(DocumentsEdge, StoredDocumentsLieAnywhere) {
  const auto json_of = [](int i) {
    return absl::StrCat(
        R"({"t":")", std::string(static_cast<size_t>(i), 't'),
        R"(","d":0.1,"u":18446744073709551615,"v":{"$vector":[1,-2.5]}})");
  };
  ASSERT_TRUE(Write([&](Collection& c) -> absl::Status {
                for (int i = 0; i < 70; ++i) SHEAF_RETURN_IF_ERROR(c.Put(i, json_of(i)));
                return absl::OkStatus();
              }).ok());
  Reopen();
  const ReadTransaction read = db_->BeginRead();
  const auto c = read.collection("c");
  uint64_t addresses = 0;  // one bit each
  for (int i = 0; i < 70; ++i) {
    EXPECT_EQ(*c->Get(i), json_of(i));
    const auto visited = c->Visit(i, [&](const DocumentView& root) {
      EXPECT_EQ(root.Field("d")->double_value(), 0.1);
      EXPECT_EQ(root.Field("u")->uint_value(), std::numeric_limits<uint64_t>::max());
      EXPECT_EQ(root.Field("v")->vector_value(), (std::vector<float>{1.0f, -2.5f}));
      const auto at = reinterpret_cast<uintptr_t>(root.Field("u")->bytes().data());
      addresses |= uint64_t{1} << at % 8;
    });
    EXPECT_TRUE(visited.ok() && *visited);
  }
  EXPECT_EQ(addresses, 0xffu);
}

}  // namespace
}  // namespace sheaf::test
