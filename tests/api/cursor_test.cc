// Proves what cursors promise: both directions, changes by their own transaction
// underneath them (B14), tables dropped underneath them, values held across
// operations, and that an error in the middle of an iteration is seen (B11).
#include <set>

#include "absl/strings/str_cat.h"
#include "tests/api/api_fixture.h"

namespace sheaf::test {
namespace {

constexpr int kCount = 2000;  // enough for two levels

std::string Key(int i) { return absl::StrCat("key", 100000 + i); }

class CursorTest : public ApiTest {
 protected:
  // A table with the even keys, and the transaction that may go on with it.
  Table Fill(WriteTransaction& txn) {
    auto table = txn.table("t");
    EXPECT_TRUE(table.ok()) << table.status();
    for (int i = 0; i < kCount; i += 2)
      EXPECT_TRUE(table->Put(Key(i), absl::StrCat(i)).ok());
    return *table;
  }
};

TEST_F(CursorTest, MovesBothWays) {
  WriteTransaction txn = Begin();
  Table t = Fill(txn);
  Cursor c = t.NewCursor();
  EXPECT_FALSE(c.Valid());
  EXPECT_FALSE(c.Next());
  EXPECT_FALSE(c.Prev());
  ASSERT_TRUE(c.SeekFirst());
  EXPECT_EQ(c.key(), Key(0));
  EXPECT_FALSE(c.Prev());
  EXPECT_FALSE(c.Valid());
  ASSERT_TRUE(c.SeekLast());
  EXPECT_EQ(c.key(), Key(kCount - 2));
  EXPECT_FALSE(c.Next());
  EXPECT_FALSE(c.Next());
  EXPECT_TRUE(c.status().ok());
  for (int i = 0; i < kCount; ++i) {
    const bool there = i % 2 == 0;
    ASSERT_EQ(c.Seek(Key(i)), i < kCount - 1);
    if (c.Valid()) {
      ASSERT_EQ(c.key(), Key(there ? i : i + 1));
    }
    ASSERT_TRUE(c.SeekAtOrBefore(Key(i)));
    ASSERT_EQ(c.key(), Key(there ? i : i - 1));
    ASSERT_EQ(c.value(), absl::StrCat(there ? i : i - 1));
    ASSERT_EQ(c.value_size(), c.value().size());
    ASSERT_EQ(c.Prev(), i > 1);
    if (c.Valid()) {
      ASSERT_EQ(c.key(), Key((there ? i : i - 1) - 2));
    }
  }
  EXPECT_FALSE(c.SeekAtOrBefore("a"));
  EXPECT_FALSE(c.Seek("z"));
  EXPECT_TRUE(c.Seek(""));
  EXPECT_EQ(c.key(), Key(0));
  EXPECT_TRUE(c.SeekAtOrBefore("z"));
  EXPECT_EQ(c.key(), Key(kCount - 2));
}

TEST_F(CursorTest, EmptyTableAndEmptiedTable) {
  WriteTransaction txn = Begin();
  auto t = txn.table("t");
  Cursor c = t->NewCursor();
  for (int round = 0; round < 2; ++round) {
    EXPECT_FALSE(c.SeekFirst());
    EXPECT_FALSE(c.SeekLast());
    EXPECT_FALSE(c.Seek("k"));
    EXPECT_FALSE(c.SeekAtOrBefore("k"));
    EXPECT_TRUE(c.status().ok());
    ASSERT_TRUE(t->Put("k", "v").ok());
    ASSERT_TRUE(c.SeekFirst());
    ASSERT_TRUE(*t->Delete("k"));
    EXPECT_FALSE(c.Next());
    ASSERT_TRUE(t->Put("k", "v").ok());
    ASSERT_TRUE(c.SeekLast());
    ASSERT_TRUE(*t->Delete("k"));
    EXPECT_FALSE(c.Prev());
    EXPECT_TRUE(c.status().ok());
  }
}

TEST_F(CursorTest, DeleteAtTheCursorThenNext) {
  WriteTransaction txn = Begin();
  Table t = Fill(txn);
  Cursor c = t.NewCursor();
  int i = 0;
  for (c.SeekFirst(); c.Valid(); c.Next(), i += 2) {
    ASSERT_EQ(c.key(), Key(i));
    if (i % 3 == 0) continue;
    ASSERT_TRUE(*t.Delete(Key(i)));
    EXPECT_EQ(c.key(), Key(i));  // until it moves
  }
  EXPECT_EQ(i, kCount);
  EXPECT_TRUE(c.status().ok());
  for (i = kCount - 2, c.SeekLast(); c.Valid(); c.Prev()) {
    while (i % 3 != 0) i -= 2;
    ASSERT_EQ(c.key(), Key(i));
    ASSERT_TRUE(*t.Delete(c.key()));
    i -= 2;
  }
  EXPECT_EQ(*t.size(), 0u);
  EXPECT_TRUE(txn.Commit().ok());
  ExpectClean();
}

TEST_F(CursorTest, InsertBeforeAndBehindTheCursor) {
  WriteTransaction txn = Begin();
  Table t = Fill(txn);
  Cursor c = t.NewCursor();
  // Each step puts the odd key behind it, which is then visited, and one before it
  // that is not.
  int i = 0;
  for (c.SeekFirst(); c.Valid(); c.Next(), ++i) {
    ASSERT_EQ(c.key(), Key(i));
    if (i % 2 != 0) continue;
    ASSERT_TRUE(t.Put(Key(i + 1), std::string(100, 'n')).ok());
    ASSERT_TRUE(t.Put(absl::StrCat("before", i), std::string(100, 'n')).ok());
  }
  EXPECT_EQ(i, kCount);
  EXPECT_EQ(*t.size(), static_cast<uint64_t>(kCount + kCount / 2));
  // And the other way round.
  c.Seek(Key(0));
  ASSERT_TRUE(c.Seek(Key(100)));
  ASSERT_TRUE(t.Put(Key(99) + "+", "v").ok());
  ASSERT_TRUE(t.Put(Key(100) + "+", "v").ok());
  ASSERT_TRUE(c.Prev());
  EXPECT_EQ(c.key(), Key(99) + "+");
  ASSERT_TRUE(c.Next());
  EXPECT_EQ(c.key(), Key(100));
  ASSERT_TRUE(c.Next());
  EXPECT_EQ(c.key(), Key(100) + "+");
}

TEST_F(CursorTest, ReplacedValueIsSeen) {
  WriteTransaction txn = Begin();
  Table t = Fill(txn);
  Cursor c = t.NewCursor();
  ASSERT_TRUE(c.Seek(Key(500)));
  EXPECT_EQ(c.value(), "500");
  for (const size_t size : {0u, 3u, 1500u, 200'000u, 7u}) {
    ASSERT_TRUE(t.Put(Key(500), std::string(size, 'x')).ok());
    ASSERT_EQ(c.key(), Key(500));
    Cursor fresh = t.NewCursor();
    ASSERT_TRUE(fresh.Seek(Key(500)));
    EXPECT_TRUE(fresh.value() == std::string(size, 'x'));
    EXPECT_EQ(fresh.value_size(), size);
  }
  ASSERT_TRUE(c.Next());
  EXPECT_EQ(c.key(), Key(502));
}

TEST_F(CursorTest, DeleteRangeUnderACursor) {
  WriteTransaction txn = Begin();
  Table t = Fill(txn);
  for (const bool forward : {true, false}) {
    Cursor c = t.NewCursor();
    ASSERT_TRUE(c.Seek(Key(1000)));
    KeyRange range;
    range.from = Key(forward ? 400 : 300);
    range.to = Key(forward ? 1600 : 1700);
    ASSERT_TRUE(t.DeleteRange(range).ok());
    ASSERT_TRUE(forward ? c.Next() : c.Seek(Key(1600)));
    if (!forward) {
      EXPECT_EQ(c.key(), Key(1700));
      ASSERT_TRUE(c.Prev());
      EXPECT_EQ(c.key(), Key(298));
      break;
    }
    EXPECT_EQ(c.key(), Key(1600));
    ASSERT_TRUE(c.Prev());
    EXPECT_EQ(c.key(), Key(398));
    for (int i = 400; i < 1600; i += 2) ASSERT_TRUE(t.Put(Key(i), absl::StrCat(i)).ok());
  }
  Cursor c = t.NewCursor();
  ASSERT_TRUE(c.SeekFirst());
  ASSERT_TRUE(t.DeleteRange(KeyRange::All()).ok());
  EXPECT_FALSE(c.Next());
  EXPECT_TRUE(c.status().ok());
}

TEST_F(CursorTest, SavepointRolledBackUnderACursor) {
  WriteTransaction txn = Begin();
  Table t = Fill(txn);
  const Savepoint savepoint = *txn.SetSavepoint();
  for (int i = 1; i < kCount; i += 2) ASSERT_TRUE(t.Put(Key(i), "odd").ok());
  Cursor c = t.NewCursor();
  ASSERT_TRUE(c.Seek(Key(501)));
  ASSERT_TRUE(txn.RollbackTo(savepoint).ok());
  for (int i = 0; i < kCount; i += 4) ASSERT_TRUE(t.Put(Key(i), "again").ok());
  EXPECT_EQ(c.key(), Key(501));
  ASSERT_TRUE(c.Next());
  EXPECT_EQ(c.key(), Key(502));
  EXPECT_EQ(c.value(), "502");
  ASSERT_TRUE(c.Prev());
  EXPECT_EQ(c.key(), Key(500));
  EXPECT_EQ(c.value(), "again");
}

TEST_F(CursorTest, TableDroppedUnderACursor) {
  WriteTransaction txn = Begin();
  Table t = Fill(txn);
  const Savepoint savepoint = *txn.SetSavepoint();
  Cursor c = t.NewCursor();
  ASSERT_TRUE(c.Seek(Key(500)));
  ASSERT_TRUE(txn.Drop("t").ok());
  EXPECT_FALSE(c.Next());
  EXPECT_TRUE(absl::IsFailedPrecondition(c.status())) << c.status();
  EXPECT_FALSE(c.SeekFirst());
  EXPECT_TRUE(absl::IsFailedPrecondition(c.status())) << c.status();
  EXPECT_TRUE(absl::IsFailedPrecondition(t.NewCursor().status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(t.ForEach(
      KeyRange::All(), [](std::string_view, std::string_view) { return true; })));
  ASSERT_TRUE(txn.RollbackTo(savepoint).ok());
  EXPECT_TRUE(c.SeekFirst());  // the table is back
  EXPECT_TRUE(c.status().ok());
  EXPECT_EQ(c.key(), Key(0));
}

// Cursors of one snapshot beside each other, values kept while they move on.
TEST_F(CursorTest, ValuesAndCursorsHeldAcrossOperations) {
  options_.cache_bytes_max = 1 << 20;
  Reopen();
  {
    WriteTransaction txn = Begin();
    Table t = Fill(txn);
    for (int i = 0; i < 40; ++i)
      ASSERT_TRUE(t.Put(absl::StrCat("large", 100 + i), std::string(30'000, 'l')).ok());
    ASSERT_TRUE(txn.Commit().ok());
  }
  const ReadTransaction read = db_->BeginRead();
  const auto t = read.table("t");
  std::map<int, Value> values;
  for (int i = 0; i < kCount; i += 100) {
    auto value = t->Get(Key(i));
    ASSERT_TRUE(value.ok()) << value.status();
    values.emplace(i, *std::move(value));
  }
  Cursor first = t->NewCursor(), second = t->NewCursor();
  second.SeekLast();
  for (first.SeekFirst(); first.Valid(); first.Next(), second.Prev()) {
    ASSERT_TRUE(second.Valid());
    ASSERT_EQ(first.value().size(), first.value_size());
    ASSERT_EQ(second.value().size(), second.value_size());
  }
  EXPECT_FALSE(second.Valid());
  for (int round = 0; round < 10; ++round) Put(Key(round * 100), "changed");
  ASSERT_TRUE(db_->Checkpoint().ok());
  for (const auto& [i, value] : values) EXPECT_EQ(value.view(), absl::StrCat(i));
  Value moved = std::move(values.begin()->second);
  EXPECT_EQ(moved.ToString(), "0");
  EXPECT_TRUE(values.begin()->second.empty());
}

// A value read in a write transaction does not change with the page it came from.
TEST_F(CursorTest, ValueOfAWriterStaysAsItWas) {
  WriteTransaction txn = Begin();
  Table t = Fill(txn);
  const auto small = t.Get(Key(0));
  ASSERT_TRUE(t.Put("large", std::string(100'000, 'l')).ok());
  const auto large = t.Get("large");
  for (int i = 0; i < kCount; ++i) ASSERT_TRUE(t.Put(Key(i), std::string(50, 'n')).ok());
  ASSERT_TRUE(t.Delete("large").ok());
  ASSERT_TRUE(t.Put("other", std::string(100'000, 'o')).ok());
  EXPECT_EQ(small->view(), "0");
  EXPECT_TRUE(large->view() == std::string(100'000, 'l'));
}

TEST_F(CursorTest, RangesOfForEach) {
  WriteTransaction txn = Begin();
  Table t = Fill(txn);
  ASSERT_TRUE(t.Put("\xff", "1").ok());
  ASSERT_TRUE(t.Put("\xff\xff", "2").ok());
  const auto keys = [&](const KeyRange& range, bool reverse, size_t max) {
    std::vector<std::string> seen;
    const auto fn = [&](std::string_view key, std::string_view) {
      seen.emplace_back(key);
      return seen.size() < max;
    };
    const absl::Status status =
        reverse ? t.ForEachReverse(range, fn) : t.ForEach(range, fn);
    EXPECT_TRUE(status.ok()) << status;
    return seen;
  };
  using Keys = std::vector<std::string>;
  KeyRange range;
  range.from = Key(10), range.to = Key(14);
  EXPECT_EQ(keys(range, false, 9), (Keys{Key(10), Key(12)}));
  EXPECT_EQ(keys(range, true, 9), (Keys{Key(12), Key(10)}));
  EXPECT_EQ(keys(range, false, 1), (Keys{Key(10)}));
  EXPECT_EQ(keys(range, true, 1), (Keys{Key(12)}));
  EXPECT_EQ(*t.Count(range), 2u);
  range.from = Key(11), range.to = Key(15);
  EXPECT_EQ(keys(range, false, 9), (Keys{Key(12), Key(14)}));
  EXPECT_EQ(keys(range, true, 9), (Keys{Key(14), Key(12)}));
  std::swap(range.from, range.to);
  EXPECT_TRUE(keys(range, false, 9).empty());
  EXPECT_TRUE(keys(range, true, 9).empty());
  EXPECT_EQ(*t.Count(range), 0u);
  EXPECT_EQ(*t.DeleteRange(range), 0u);
  EXPECT_EQ(keys(KeyRange::Prefix("\xff"), false, 9), (Keys{"\xff", "\xff\xff"}));
  EXPECT_EQ(keys(KeyRange::Prefix("\xff\xff"), true, 9), (Keys{"\xff\xff"}));
  EXPECT_EQ(*t.Count(KeyRange::Prefix("key")), static_cast<uint64_t>(kCount / 2));
  EXPECT_EQ(*t.Count(KeyRange::Prefix("")), static_cast<uint64_t>(kCount / 2 + 2));
  EXPECT_EQ(*t.ExtractIf(KeyRange::Prefix("key"),
                         [](std::string_view, std::string_view value) {
                           return value.ends_with('0');
                         }),
            200u);
  EXPECT_EQ(*t.Retain(KeyRange::Prefix("key"),
                      [](std::string_view, std::string_view value) {
                        return value.ends_with('2');
                      }),
            600u);
  EXPECT_EQ((*t.PopLast())->key, "\xff\xff");
  EXPECT_EQ((*t.PopFirst())->value, "2");
}

// Reads fail at every place in turn: a loop that ends early says so, always.
TEST_F(CursorTest, AnErrorEndsTheLoopAndIsSeen) {
  options_.cache_bytes_max = 1 << 20;
  Reopen();
  {
    WriteTransaction txn = Begin();
    auto t = txn.table("t");
    for (int i = 0; i < 3000; ++i)
      ASSERT_TRUE(t->Put(Key(i), std::string(i % 50 == 0 ? 9000 : 700, 'v')).ok());
    ASSERT_TRUE(txn.Commit().ok());
  }
  Reopen();
  int failed = 0, passed = 0;
  for (uint64_t nth = 1; nth < 2000 && passed < 3; nth = nth * 5 / 4 + 1) {
    for (const int way : {0, 1, 2, 3, 4}) {
      const ReadTransaction read = db_->BeginRead();
      const auto t = read.table("t");
      ASSERT_TRUE(t.ok()) << t.status();
      Fault fault;
      fault.calls = kRead;
      fault.nth = nth;
      fs_->Inject(fault);
      const uint64_t fired = fs_->faults_fired();
      int seen = 0;
      const auto count = [&](std::string_view, std::string_view) {
        ++seen;
        return true;
      };
      absl::Status status;
      if (way == 0) {
        status = t->ForEach(KeyRange::All(), count);
      } else if (way == 1) {
        status = t->ForEachReverse(KeyRange::All(), count);
      } else if (way == 4) {
        std::vector<std::string> keys;
        for (int i = 0; i < 3000; ++i) keys.push_back(Key(i));
        const std::vector<std::string_view> views(keys.begin(), keys.end());
        for (size_t at = 0; at < views.size() && status.ok(); at += 50) {
          std::optional<Value> found[50];
          status =
              t->MultiGet(absl::MakeSpan(views).subspan(at, 50), absl::MakeSpan(found));
          for (const auto& value : found) seen += value.has_value() ? 1 : 0;
        }
      } else {
        Cursor c = t->NewCursor();
        way == 2 ? c.SeekFirst() : c.SeekLast();
        while (c.Valid()) {
          (void)c.value();
          if (!c.Valid()) break;  // an unreadable large value
          ++seen;
          way == 2 ? c.Next() : c.Prev();
        }
        status = c.status();
      }
      const bool hit = fs_->faults_fired() > fired;
      fs_->ClearFaults();
      ASSERT_EQ(status.ok(), !hit) << "read " << nth << ", way " << way;
      if (status.ok()) {
        ASSERT_EQ(seen, 3000);
        ++passed;
      } else {
        ASSERT_LT(seen, 3000);
        EXPECT_NE(std::string(status.message()).find("injected"), std::string::npos)
            << status;
        ++failed;
      }
    }
  }
  EXPECT_GT(failed, 50);
  EXPECT_EQ(All().size(), 3000u);  // nothing remains of it
  Put("k", "v");
}

}  // namespace
}  // namespace sheaf::test
