// References: what is one, where it leads, and what stands in its place when expanded.
#include "sheaf/reference.h"

#include <gtest/gtest.h>

#include "tests/api/api_fixture.h"

namespace sheaf::test {
namespace {

using Found = std::optional<std::string>;

class ReferenceTest : public ApiTest {
 protected:
  ReferenceTest() {
    EXPECT_TRUE(
        db_->Write([&](WriteTransaction& txn) -> absl::Status {
             SHEAF_ASSIGN_OR_RETURN(Collection books, txn.collection("books"));
             SHEAF_ASSIGN_OR_RETURN(Collection authors, txn.collection("authors"));
             SHEAF_ASSIGN_OR_RETURN(Graph people, txn.graph("people"));
             SHEAF_ASSIGN_OR_RETURN(Table visits, txn.table("visits"));
             SHEAF_RETURN_IF_ERROR(visits.Put("home", "7 times"));
             SHEAF_RETURN_IF_ERROR(visits.Put("\xff", "\xfe"));
             SHEAF_ASSIGN_OR_RETURN(
                 ann_, people.AddVertex({"Person", "P\"oet"}, R"({"n":"Ann"})"));
             SHEAF_ASSIGN_OR_RETURN(bob_, people.AddVertex({}));
             SHEAF_ASSIGN_OR_RETURN(
                 knows_, people.AddEdge(ann_, "KNOWS", bob_, 0.5, R"({"since":1})"));
             SHEAF_RETURN_IF_ERROR(authors.Put(
                 "rilke", R"({"name":"Rilke","country":{"$ref":"books","$id":3}})"));
             SHEAF_RETURN_IF_ERROR(authors.Put(uuid_, R"("by uuid")"));
             SHEAF_RETURN_IF_ERROR(
                 authors.Put(DocumentKey::Bytes(std::string(16, 'b')), "16"));
             return books.Put(3, R"({"of":[1,"two"]})");
           })
            .ok());
  }

  Document Parse(const std::string& json) { return *Document::FromJson(json); }
  Found FollowJson(const std::string& json) {
    const auto reference = ParseReference(Parse(json).root());
    if (!reference.ok()) return std::string(reference.status().message());
    if (!reference->has_value()) return "no reference";
    // It can be written and read again.
    EXPECT_EQ(**ParseReference(Parse(*(*reference)->ToJson()).root()), **reference);
    const auto found = Follow(db_->BeginRead(), **reference);
    return found.ok() ? *found : std::string(found.status().message());
  }
  std::string ExpandJson(const std::string& json, const std::vector<std::string>& paths) {
    const auto expanded = Expand(db_->BeginRead(), Parse(json).root(), paths);
    return expanded.ok() ? *expanded : std::string(expanded.status().message());
  }

  const Uuid uuid_ = *Uuid::Parse("018f4e1c-7b1a-7c3d-9e4f-0a1b2c3d4e5f");
  VertexId ann_ = 0, bob_ = 0;
  EdgeId knows_;
};

TEST_F(ReferenceTest, LeadsToEachModel) {
  EXPECT_EQ(FollowJson(R"({"$ref":"books","$id":3})"), R"({"of":[1,"two"]})");
  EXPECT_EQ(FollowJson(R"({"$id":3,"$ref":"books","note":"any order, and more"})"),
            R"({"of":[1,"two"]})");
  EXPECT_EQ(
      FollowJson(
          R"({"$ref":"authors","$id":{"$uuid":"018f4e1c-7b1a-7c3d-9e4f-0a1b2c3d4e5f"}})"),
      R"("by uuid")");
  EXPECT_EQ(
      FollowJson(
          R"({"$ref":"authors","$id":{"$binary":{"base64":"YmJiYmJiYmJiYmJiYmJiYg==","subType":"00"}}})"),
      "16");
  EXPECT_EQ(FollowJson(R"({"$table":"visits","$key":"home"})"), R"("7 times")");
  EXPECT_EQ(
      FollowJson(
          R"({"$table":"visits","$key":{"$binary":{"base64":"/w==","subType":"00"}}})"),
      R"({"$binary":{"base64":"/g==","subType":"00"}})");
  const std::string ann = std::to_string(ann_), bob = std::to_string(bob_);
  EXPECT_EQ(
      FollowJson(R"({"$graph":"people","$vertex":)" + ann + "}"),
      R"({"id":)" + ann + R"(,"labels":["Person","P\"oet"],"properties":{"n":"Ann"}})");
  EXPECT_EQ(FollowJson(R"({"$graph":"people","$vertex":)" + bob + "}"),
            R"({"id":)" + bob + R"(,"labels":[],"properties":{}})");
  const std::string edge =
      R"({"from":)" + ann + R"(,"type":"KNOWS","to":)" + bob + R"(,"ordinal":0)";
  EXPECT_EQ(FollowJson(R"({"$graph":"people","$edge":)" + edge + "}}"),
            edge + R"(,"weight":0.5,"properties":{"since":1}})");
}

TEST_F(ReferenceTest, LeadsToNothingWhereNothingIs) {
  for (const char* json :
       {R"({"$ref":"books","$id":4})", R"({"$ref":"none","$id":4})",
        R"({"$table":"visits","$key":""})", R"({"$graph":"people","$vertex":99})",
        R"({"$graph":"none","$vertex":1})",
        R"({"$graph":"people","$edge":{"from":1,"type":"KNOWS","to":1}})",
        R"({"$graph":"people","$edge":{"from":1,"type":"EATS","to":2,"ordinal":4}})"})
    EXPECT_EQ(FollowJson(json), Found()) << json;
  EXPECT_EQ(FollowJson(R"({"$ref":"people","$id":4})")->substr(0, 6), "people");
}

TEST_F(ReferenceTest, SaysWhatIsWrong) {
  for (const char* json : {"3", "null", "[]", "{}", R"({"$id":3})", R"({"ref":"books"})"})
    EXPECT_EQ(FollowJson(json), "no reference") << json;
  EXPECT_EQ(FollowJson(R"({"$ref":"books"})"),
            R"(reference {"$ref":"books"}: $id must be text, a 64-bit integer, $uuid or )"
            "$binary");
  for (const char* json :
       {R"({"$ref":7,"$id":3})", R"({"$ref":"books","$id":1.5})",
        R"({"$ref":"books","$id":18446744073709551615})",
        R"({"$ref":"books","$id":null})", R"({"$table":"t"})",
        R"({"$table":"t","$key":7})", R"({"$graph":"g"})",
        R"({"$graph":"g","$vertex":-1})", R"({"$graph":"g","$vertex":9007199254740992})",
        R"({"$graph":"g","$vertex":"7"})", R"({"$graph":"g","$edge":7})",
        R"({"$graph":"g","$edge":{"from":1,"to":2}})",
        R"({"$graph":"g","$edge":{"from":1,"type":"T","to":2,"ordinal":4294967296}})",
        R"({"$graph":"g","$edge":{"from":1,"type":"T","to":2,"ordinal":null}})"})
    EXPECT_TRUE(absl::IsInvalidArgument(ParseReference(Parse(json).root()).status()))
        << json;
  EXPECT_TRUE(absl::IsInvalidArgument(Reference{"\xff", VertexId{1}}.ToJson().status()));
  // Of what is refused no more is shown than helps.
  const std::string long_one =
      R"({"$ref":"books","x":")" + std::string(5000, 'x') + "\"}";
  EXPECT_LT(FollowJson(long_one)->size(), 400u);
}

TEST_F(ReferenceTest, ExpandsAlongPaths) {
  const std::string book =
      R"({"t":"Elegien","author":{"$ref":"authors","$id":"rilke"},)"
      R"("seen":[{"$table":"visits","$key":"home"},{"$ref":"none","$id":1},5]})";
  EXPECT_EQ(ExpandJson(book, {}), book);
  EXPECT_EQ(ExpandJson(book, {"t", "no.such.path", "author.x"}),
            R"({"t":"Elegien","author":{"name":"Rilke",)"
            R"("country":{"$ref":"books","$id":3}},)"
            R"("seen":[{"$table":"visits","$key":"home"},{"$ref":"none","$id":1},5]})");
  EXPECT_EQ(ExpandJson(book, {"author.country", "seen"}),
            R"({"t":"Elegien","author":{"name":"Rilke","country":{"of":[1,"two"]}},)"
            R"("seen":["7 times",{"$ref":"none","$id":1},5]})");
  EXPECT_EQ(ExpandJson(R"([{"a":{}},{"a":[]},{"a":{"$ref":"books","$id":3}}])", {"a"}),
            R"([{"a":{}},{"a":[]},{"a":{"of":[1,"two"]}}])");
  EXPECT_EQ(ExpandJson(R"({"$ref":"books","$id":3})", {"of"}), R"({"of":[1,"two"]})");
  for (const char* path : {"", ".", "a.", ".a", "a..b"})
    EXPECT_TRUE(absl::IsInvalidArgument(
        Expand(db_->BeginRead(), Parse("{}").root(), {std::string(path)}).status()))
        << path;
  EXPECT_NE(ExpandJson(R"({"a":{"$ref":7}})", {"a"}).find("is no text"),
            std::string::npos);
}

// A circle goes as far as the path does, and no further than memory.
TEST_F(ReferenceTest, CirclesAreBounded) {
  const std::string twice = R"("r":[{"$ref":"c","$id":1},{"$ref":"c","$id":1}]})";
  const std::string large = R"({"pad":")" + std::string(1 << 20, 'x') + "\"," + twice;
  const auto put = [&](const std::string& json) {
    return db_->Write(
        [&](WriteTransaction& txn) { return txn.collection("c")->Put(1, json); });
  };
  ASSERT_TRUE(put("{" + twice).ok());
  const std::string start = R"({"$ref":"c","$id":1})";
  EXPECT_EQ(ExpandJson(start, {"r"}), R"({"r":[{)" + twice + R"(,{)" + twice + "]}");
  ASSERT_TRUE(put(large).ok());
  std::string path = "r";
  for (int i = 1; i < 1000; ++i) path += ".r";
  EXPECT_EQ(ExpandJson(start, {path}),
            "the document with what its references lead to is larger than 64 MiB");
  EXPECT_EQ(ExpandJson(start, {path + ".r"}), "a path has more than 1,000 parts");
}

}  // namespace
}  // namespace sheaf::test
