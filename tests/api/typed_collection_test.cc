// Typed documents: every kind of member comes back as it was, older versions are migrated
// when they are read, newer ones and what does not fit are refused with their place, and
// indexes follow the declaration.
#include "sheaf/typed_collection.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "sheaf/database.h"
#include "sheaf/where.h"

namespace shop {

enum class Colour : uint8_t { kRed = 1, kBlue = 2 };

struct Address {
  std::string city;
  std::optional<int> zip;
  friend bool operator==(const Address&, const Address&) = default;
};
SHEAF_DOCUMENT(Address, 1, city, zip)

struct Everything {
  bool yes = false;
  int8_t small = 0;
  uint64_t large = 0;
  float single = 0;
  double real = 0;
  std::string text;
  absl::Time when;
  sheaf::Uuid uuid;
  Colour colour = Colour::kRed;
  std::vector<uint8_t> bytes;
  std::vector<float> vector;
  std::optional<std::string> none, some;
  std::vector<Address> list;
  std::vector<bool> flags;
  std::map<std::string, std::vector<int64_t>> map;
  Address address;
  friend bool operator==(const Everything&, const Everything&) = default;
};
SHEAF_DOCUMENT(Everything, 1, yes, small, large, single, real, text, when, uuid, colour,
               bytes, vector, none, some, list, flags, map, address)

// The same documents, before and after.
namespace old {
struct Person {
  std::string name;
  int born = 0;
};
SHEAF_DOCUMENT(Person, 1, name, born)
}  // namespace old

struct Person {
  std::string first, last;
  int born = 0;
  std::string country = "AT";
};
SHEAF_DOCUMENT(Person, 3, first, last, born, country)

absl::Status SheafMigrate(Person& person, uint32_t from,
                          const sheaf::DocumentView& old_one) {
  if (from != 1) return absl::OkStatus();
  const std::string name(old_one.Field("name")->string_value());
  const size_t space = name.find(' ');
  if (space == name.npos) return absl::FailedPreconditionError("name: has no last name");
  person.first = name.substr(0, space), person.last = name.substr(space + 1);
  return absl::OkStatus();
}

std::vector<sheaf::IndexDefinition> SheafIndexes(const Person*) {
  sheaf::IndexDefinition by_last, by_born;
  by_last.fields = {{"last"}, {"first"}};
  by_born.fields = {{"born", true}};
  by_born.name = "born";
  return {by_last, by_born};
}

}  // namespace shop

namespace sheaf {
namespace {

using shop::Everything;
using shop::Person;

class TypedCollectionTest : public testing::Test {
 protected:
  absl::Status Write(absl::FunctionRef<absl::Status(WriteTransaction&)> fn) {
    return db_->Write(fn);
  }
  std::unique_ptr<Database> db_ = *Database::OpenInMemory();
};

TEST_F(TypedCollectionTest, EveryMemberComesBack) {
  Everything e;
  e.yes = true, e.small = -128, e.large = UINT64_MAX, e.single = 0.1f, e.real = 0.1;
  e.text = "a \"text\" ü", e.when = absl::FromUnixMicros(-5), e.uuid = Uuid::Next();
  e.colour = shop::Colour::kBlue, e.bytes = {0, 255}, e.vector = {1.5f, -2};
  e.some = "", e.list = {{"Wien", 1010}, {"Prag", std::nullopt}}, e.flags = {true, false};
  e.map = {{"", {}}, {"x", {INT64_MIN, 1}}}, e.address = {"Bern", 3000};
  const absl::Status status = Write([&](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(auto all, TypedCollection<Everything>::Open(txn, "all"));
    SHEAF_RETURN_IF_ERROR(all.Put("full", e));
    SHEAF_RETURN_IF_ERROR(all.Put("empty", Everything()));
    EXPECT_TRUE(absl::IsAlreadyExists(all.Insert("full", e)));
    EXPECT_EQ(*all.Append(e), 1);
    return all.Update("empty", [](Everything& old) {
      old.address.city = "Rom";
      return absl::OkStatus();
    });
  });
  ASSERT_TRUE(status.ok()) << status;
  const ReadTransaction read = db_->BeginRead();
  const auto all = TypedCollectionReader<Everything>::Open(read, "all");
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(*all->Get("full"), e);
  EXPECT_EQ(all->Get("empty")->address.city, "Rom");
  EXPECT_FALSE(all->Find("nobody")->has_value());
  EXPECT_TRUE(absl::IsNotFound(all->Get("nobody").status()));
  int found = 0;
  ASSERT_TRUE(all->ForEach(Where("list.city") == "Prag",
                           [&](const DocumentKey&, const Everything& one) {
                             EXPECT_EQ(one, e);
                             return ++found > 0;
                           })
                  .ok());
  EXPECT_EQ(found, 2);
  EXPECT_EQ(all->documents().GetDocument("full")->Find("_v"), std::nullopt);
}

TEST_F(TypedCollectionTest, OlderVersionsAreMigratedNewerOnesRefused) {
  ASSERT_TRUE(
      Write([](WriteTransaction& txn) -> absl::Status {
        SHEAF_ASSIGN_OR_RETURN(auto people,
                               TypedCollection<shop::old::Person>::Open(txn, "p"));
        SHEAF_RETURN_IF_ERROR(people.Put(1, {"Franz Kafka", 1883}));
        SHEAF_RETURN_IF_ERROR(people.Put(2, {"Voltaire", 1694}));
        SHEAF_ASSIGN_OR_RETURN(Collection raw, txn.collection("p"));
        SHEAF_RETURN_IF_ERROR(raw.Put(3, R"({"_v": 2, "first": "A", "last": "B"})"));
        SHEAF_RETURN_IF_ERROR(raw.Put(4, R"({"_v": 4, "first": "A"})"));
        return raw.CreateIndex(
            *IndexDefinition::Parse(R"({"fields": {"born": 1}, "name": "born"})"));
      }).ok());
  const absl::Status status = Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(auto people, TypedCollection<Person>::Open(txn, "p"));
    const auto kafka = people.Get(1);
    EXPECT_TRUE(kafka.ok()) << kafka.status();
    EXPECT_EQ(kafka->first + "|" + kafka->last + "|" + kafka->country, "Franz|Kafka|AT");
    EXPECT_EQ(kafka->born, 1883);
    EXPECT_EQ(people.Get(2).status(),
              absl::FailedPreconditionError("p: 2: name: has no last name"));
    EXPECT_EQ(people.Get(3)->country, "AT");
    EXPECT_EQ(people.Get(4).status(),
              absl::UnimplementedError(
                  "p: 4: the document is of version 4, this program knows 3 and "
                  "older ones; it takes a newer program"));
    // It is written in its new shape when it is put, and not before.
    EXPECT_EQ(*people.documents().Get(1), R"({"name":"Franz Kafka","born":1883})");
    SHEAF_RETURN_IF_ERROR(people.Update(1, [](Person&) { return absl::OkStatus(); }));
    EXPECT_EQ(*people.documents().Get(1),
              R"({"_v":3,"first":"Franz","last":"Kafka","born":1883,"country":"AT"})");
    SHEAF_RETURN_IF_ERROR(people.Delete(2).status());
    SHEAF_RETURN_IF_ERROR(people.Delete(4).status());
    EXPECT_EQ(*people.MigrateAll(), 1u);
    EXPECT_EQ(*people.MigrateAll(), 0u);
    // Indexes are what the declaration says.
    std::string indexes;
    const auto infos = people.documents().Indexes();
    for (const IndexInfo& info : *infos) indexes += info.definition.ToJson();
    EXPECT_EQ(indexes, R"({"name":"last_1_first_1","fields":{"last":1,"first":1}})"
                       R"({"name":"born","fields":{"born":-1}})");
    return absl::OkStatus();
  });
  ASSERT_TRUE(status.ok()) << status;
}

TEST_F(TypedCollectionTest, WhatDoesNotFitIsToldWithItsPlace) {
  const auto error = [](const char* json) {
    return FromDocument<Everything>(Document::FromJson(json)->root()).status().ToString();
  };
  EXPECT_EQ(
      error(R"({"small": 128})"),
      "FAILED_PRECONDITION: small: expected an integer from -128 to 127, found 128");
  EXPECT_EQ(error(R"({"list": [{"city": 5}]})"),
            "FAILED_PRECONDITION: list: city: expected a string, found 5");
  EXPECT_EQ(error(R"({"yes": null})"),
            "FAILED_PRECONDITION: yes: expected true or false, found null");
  EXPECT_EQ(error(R"({"uuid": "x"})"),
            "FAILED_PRECONDITION: uuid: expected 16 bytes of a UUID, found \"x\"");
  EXPECT_EQ(error("[]"), "FAILED_PRECONDITION: expected an object, found []");
  EXPECT_EQ(error(R"({"real": 5, "large": 7, "unknown": 1})"), "OK");
  Everything wrong;
  wrong.text = "\xff";
  EXPECT_TRUE(absl::IsInvalidArgument(ToDocument(wrong).status()));
}

}  // namespace
}  // namespace sheaf
