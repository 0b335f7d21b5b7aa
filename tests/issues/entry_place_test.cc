// Two documents with one place in an index that is not unique. Where an entry is cut, what
// stands behind the cut was like the end of an entry that is not, if somebody chose it so.
// The later document took the entry of the earlier one.
#include <optional>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "document/collection_codec.h"
#include "document/index_key.h"
#include "pager/cipher.h"
#include "tests/api/api_fixture.h"

namespace sheaf::test {
namespace {

class EntryPlace : public ApiTest {
 protected:
  void SetUp() override {
    ASSERT_TRUE(Write([](Collection& c) {
                  return c.CreateIndex(
                      *IndexDefinition::Parse(R"({"name": "t", "fields": {"t": 1}})"));
                }).ok());
  }
  absl::Status Write(absl::FunctionRef<absl::Status(Collection&)> fn) {
    return db_->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(Collection c, txn.collection("c"));
      return fn(c);
    });
  }
  static Document WithText(const std::string& text) {
    DocumentBuilder b;
    b->BeginObject(), b->Name("t"), b->String(text), b->End();
    return *b.Build();
  }
  size_t Entries() {
    const ReadTransaction read = db_->BeginRead();
    return (*read.collection("c")->Indexes())[0].entries;
  }
};

std::string Hash(const std::string& bytes) {
  const auto hash = pager::Sha256(bytes);
  return std::string(hash.data(), 16);
}

TEST_F(EntryPlace, AKeyLikeOneThatIsCut) {
  const std::string longer(500, 'k');
  const std::string stored = *document::EncodeBytesKey(longer);
  const std::string like_it = stored.substr(1, 463) + Hash(stored);
  ASSERT_TRUE(Write([&](Collection& c) -> absl::Status {
                SHEAF_RETURN_IF_ERROR(
                    c.Put(DocumentKey::Bytes(longer), WithText("same")));
                return c.Put(DocumentKey::Bytes(like_it), WithText("same"));
              }).ok());
  EXPECT_EQ(Entries(), 2u);
  ExpectClean();
}

TEST_F(EntryPlace, ValuesLikeSomeThatAreCut) {
  const std::string begin(494, 'x');
  const std::string first_key(1, '\x01');
  std::string longer, hash;
  for (int i = 0; hash.substr(0, 2) != std::string("\0\x30", 2); ++i) {
    ASSERT_LT(i, 2'000'000);
    longer = begin + '\0' + absl::StrCat("something longer ", i);
    hash = Hash(document::KeyOfString(longer));
  }
  const std::string second_key = hash.substr(2) + '\x30' + first_key;
  ASSERT_TRUE(Write([&](Collection& c) -> absl::Status {
                SHEAF_RETURN_IF_ERROR(
                    c.Put(DocumentKey::Bytes(first_key), WithText(longer)));
                return c.Put(DocumentKey::Bytes(second_key), WithText(begin));
              }).ok());
  EXPECT_EQ(Entries(), 2u);
  ExpectClean();
}

}  // namespace
}  // namespace sheaf::test
