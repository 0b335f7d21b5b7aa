// Proves that handles used after what they belong to is gone say so and touch no
// memory that is gone (B7; run under AddressSanitizer): tables, cursors, values,
// collections and savepoints after their transaction, transactions after Close and
// after their database.
#include <optional>

#include "absl/strings/str_cat.h"
#include "tests/api/api_fixture.h"

namespace sheaf::test {
namespace {

class HandleTest : public ApiTest {
 protected:
  HandleTest() {
    WriteTransaction txn = Begin();
    auto t = txn.table("t");
    for (int i = 0; i < 500; ++i)
      EXPECT_TRUE(t->Put(absl::StrCat("key", i), std::string(100, 'v')).ok());
    EXPECT_TRUE(t->Put("large", std::string(200'000, 'l')).ok());
    EXPECT_TRUE(t->Put("medium", std::string(20'000, 'm')).ok());
    EXPECT_TRUE(txn.collection("c")->Put(1, "{}").ok());
    EXPECT_TRUE(txn.Commit().ok());
  }
};

#define EXPECT_GONE(expression) \
  EXPECT_TRUE(absl::IsFailedPrecondition(expression)) << #expression

void ExpectGone(const TableReader& t) {
  char out[8];
  std::optional<Value> found[1];
  const std::string_view keys[] = {"key1"};
  const auto all = [](std::string_view, std::string_view) { return true; };
  EXPECT_GONE(t.Get("key1").status());
  EXPECT_GONE(t.Find("key1").status());
  EXPECT_GONE(t.Contains("key1").status());
  EXPECT_GONE(t.MultiGet(keys, absl::MakeSpan(found)));
  EXPECT_GONE(t.ReadRange("key1", 0, absl::MakeSpan(out)).status());
  EXPECT_GONE(t.ForEach(KeyRange::All(), all));
  EXPECT_GONE(t.ForEachReverse(KeyRange::All(), all));
  EXPECT_GONE(t.size().status());
  EXPECT_GONE(t.Count(KeyRange::All()).status());
  EXPECT_GONE(t.KeyAt(0).status());
  Cursor c = t.NewCursor();
  EXPECT_GONE(c.status());
  EXPECT_FALSE(c.Valid());
  EXPECT_FALSE(c.SeekFirst());
  EXPECT_FALSE(c.SeekLast());
  EXPECT_FALSE(c.Seek("k"));
  EXPECT_FALSE(c.SeekAtOrBefore("k"));
  EXPECT_FALSE(c.Next());
  EXPECT_FALSE(c.Prev());
  EXPECT_GONE(c.status());
  (void)t.name();
}

void ExpectGone(Table t) {
  ExpectGone(static_cast<const TableReader&>(t));
  const auto all = [](std::string_view, std::string_view) { return true; };
  EXPECT_GONE(t.Put("key1", "v"));
  EXPECT_GONE(t.Insert("new", "v"));
  EXPECT_GONE(t.Delete("key1").status());
  EXPECT_GONE(t.PutReserved("key1", 3, [](absl::Span<char>) {}));
  EXPECT_GONE(
      t.Update("key1", [](std::optional<std::string_view>) { return std::nullopt; }));
  EXPECT_GONE(t.DeleteRange(KeyRange::All()).status());
  EXPECT_GONE(t.PopFirst().status());
  EXPECT_GONE(t.PopLast().status());
  EXPECT_GONE(t.ExtractIf(KeyRange::All(), all).status());
  EXPECT_GONE(t.Retain(KeyRange::All(), all).status());
  EXPECT_GONE(t.BulkLoad([](std::string_view*, std::string_view*) { return false; }));
}

void ExpectGone(const CollectionReader& c) {
  EXPECT_GONE(c.Get(1).status());
  EXPECT_GONE(c.Find(1).status());
  EXPECT_GONE(c.Contains(1).status());
  EXPECT_GONE(c.size().status());
  EXPECT_GONE(c.ForEach({}, [](const DocumentKey&, std::string_view) { return true; }));
  (void)c.name();
}

void ExpectGone(Collection c) {
  ExpectGone(static_cast<const CollectionReader&>(c));
  EXPECT_GONE(c.Put(1, "{}"));
  EXPECT_GONE(c.Insert(2, "{}"));
  EXPECT_GONE(c.Replace(1, "{}"));
  EXPECT_GONE(c.Append("{}").status());
  EXPECT_GONE(c.Delete(1).status());
}

// Cursors that stood somewhere: on a small and on a large value.
struct Standing {
  explicit Standing(const TableReader& t) : small(t.NewCursor()), large(t.NewCursor()) {
    EXPECT_TRUE(small.Seek("key1"));
    EXPECT_TRUE(large.Seek("large"));
  }
  void ExpectGone() {
    if (small.Valid()) {  // what it last stood on may still be looked at
      (void)small.key();
      (void)small.value();
      (void)small.value_size();
    }
    if (large.Valid()) {
      (void)large.key();
      (void)large.value_size();
      EXPECT_TRUE(large.value().empty());
    }
    EXPECT_FALSE(large.Valid());
    EXPECT_GONE(large.status());
    EXPECT_FALSE(small.Next());
    EXPECT_FALSE(small.Valid());
    EXPECT_GONE(small.status());
    EXPECT_FALSE(small.SeekFirst());
    EXPECT_GONE(small.status());
  }
  Cursor small, large;
};

TEST_F(HandleTest, HandlesOfNothing) {
  ExpectGone(TableReader());
  ExpectGone(Table());
  ExpectGone(CollectionReader());
  ExpectGone(Collection());
  EXPECT_TRUE(Value().empty());
  EXPECT_EQ(Value().ToString(), "");
}

TEST_F(HandleTest, AfterAReadTransactionEnded) {
  std::optional<ReadTransaction> read(db_->BeginRead());
  const TableReader t = *read->table("t");
  const CollectionReader c = *read->collection("c");
  Standing standing(t);
  read->End();
  ExpectGone(t);
  ExpectGone(c);
  standing.ExpectGone();
  EXPECT_GONE(read->table("t").status());
  EXPECT_GONE(read->List().status());
  EXPECT_EQ(read->version(), 0u);
  read->End();
  read.reset();
  ExpectGone(t);
  standing.ExpectGone();
}

TEST_F(HandleTest, AfterAWriteTransactionEnded) {
  for (const bool commit : {true, false}) {
    std::optional<WriteTransaction> txn(Begin());
    const Table t = *txn->table("t");
    const Collection c = *txn->collection("c");
    ASSERT_TRUE(txn->table("t")->Put("key1", "changed").ok());
    Standing standing(t);
    const Savepoint savepoint = *txn->SetSavepoint();
    if (!commit)
      txn->Rollback();
    else
      EXPECT_TRUE(txn->Commit().ok());
    ExpectGone(t);
    ExpectGone(c);
    standing.ExpectGone();
    EXPECT_GONE(txn->table("t").status());
    EXPECT_GONE(txn->collection("c").status());
    EXPECT_GONE(txn->typed_table("x", "u64", "u64").status());
    EXPECT_GONE(txn->List().status());
    EXPECT_GONE(txn->Rename("t", "u"));
    EXPECT_GONE(txn->Drop("t"));
    EXPECT_GONE(txn->SetSavepoint().status());
    EXPECT_GONE(txn->RollbackTo(savepoint));
    EXPECT_GONE(txn->Release(savepoint));
    EXPECT_GONE(txn->Commit());
    txn.reset();
    ExpectGone(t);
    standing.ExpectGone();
    for (int i = 0; i < 20; ++i) Put(absl::StrCat("later", i), "v");
  }
  ExpectClean();
}

TEST_F(HandleTest, AfterTheDatabase) {
  std::optional<ReadTransaction> read(db_->BeginRead());
  std::optional<WriteTransaction> txn(Begin());
  const TableReader reader = *read->table("t");
  const CollectionReader documents = *read->collection("c");
  const Table writer = *txn->table("t");
  Standing of_reader(reader), of_writer(writer);
  const Value small = *reader.Get("key1"), medium = *reader.Get("medium"),
              large = *reader.Get("large");
  db_.reset();
  ExpectGone(reader);
  ExpectGone(documents);
  ExpectGone(writer);
  EXPECT_GONE(read->table("t").status());
  EXPECT_GONE(read->List().status());
  EXPECT_GONE(txn->table("t").status());
  EXPECT_GONE(txn->Commit());
  txn->Rollback();
  of_reader.ExpectGone();
  read.reset();
  txn.reset();
  // The last transaction took the database down: it can be opened again.
  Open();
  ASSERT_NE(db_, nullptr);
  EXPECT_EQ(All().size(), 502u);
  // What still stands on a page of the old one has it.
  EXPECT_TRUE(small.view() == std::string(100, 'v'));
  EXPECT_TRUE(medium.view() == std::string(20'000, 'm'));
  EXPECT_TRUE(large.view() == std::string(200'000, 'l'));
  of_writer.ExpectGone();
  ExpectGone(reader);
  ExpectGone(writer);
}

TEST_F(HandleTest, ValuesAndCursorsAfterTheDatabase) {
  std::optional<Value> value;
  std::optional<Standing> standing, ended;
  {
    const ReadTransaction read = db_->BeginRead();
    const auto t = read.table("t");
    value = *t->Get("key7");
    standing.emplace(*t);
  }
  {
    WriteTransaction txn = Begin();
    const auto t = txn.table("t");
    ASSERT_TRUE(txn.table("t")->Put("key1", "never committed").ok());
    ended.emplace(*t);
  }
  for (int i = 0; i < 30; ++i) Put(absl::StrCat("key", i), "new");
  ASSERT_TRUE(db_->Close().ok());
  db_.reset();
  EXPECT_TRUE(value->view() == std::string(100, 'v'));
  standing->ExpectGone();
  ended->ExpectGone();
  Open();
  value.reset();
  standing.reset();
  ended.reset();
  Reopen();
  EXPECT_EQ(All()["key29"], "new");
}

TEST_F(HandleTest, CloseRefusesWhileTransactionsAreOpen) {
  {
    const ReadTransaction read = db_->BeginRead();
    const absl::Status refused = db_->Close();
    EXPECT_GONE(refused);
    EXPECT_NE(refused.message().find("1 transactions"), std::string_view::npos)
        << refused;
    EXPECT_TRUE(read.table("t").ok());
  }
  {
    WriteTransaction txn = Begin();
    EXPECT_GONE(db_->Close());
    EXPECT_TRUE(txn.table("t")->Put("k", "v").ok());
    EXPECT_TRUE(txn.Commit().ok());
  }
  EXPECT_TRUE(db_->Close().ok());
  EXPECT_TRUE(db_->Close().ok());
}

TEST_F(HandleTest, AfterClose) {
  ASSERT_TRUE(db_->Close().ok());
  ReadTransaction read = db_->BeginRead();
  EXPECT_GONE(read.table("t").status());
  EXPECT_GONE(read.collection("c").status());
  EXPECT_GONE(read.List().status());
  EXPECT_EQ(read.version(), 0u);
  EXPECT_GONE(db_->BeginWrite().status());
  EXPECT_GONE(db_->Write([](WriteTransaction&) { return absl::OkStatus(); }));
  EXPECT_GONE(db_->Checkpoint());
  EXPECT_GONE(db_->Check().status());
  WriteBatch batch;
  batch.Put("t", "k", "v");
  EXPECT_GONE(db_->Apply(batch));
  EXPECT_EQ(db_->stats().version, 0u);
  EXPECT_TRUE(db_->Close().ok());
}

TEST_F(HandleTest, InMemoryDatabaseGoesFirst) {
  auto db = Database::OpenInMemory();
  ASSERT_TRUE(db.ok());
  WriteTransaction txn = *(*db)->BeginWrite();
  Table t = *txn.table("t");
  ASSERT_TRUE(t.Put("k", "v").ok());
  ReadTransaction read = (*db)->BeginRead();
  db->reset();
  ExpectGone(t);
  EXPECT_GONE(txn.Commit());
  EXPECT_GONE(read.List().status());
}

}  // namespace
}  // namespace sheaf::test
