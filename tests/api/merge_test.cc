// Merges of table values through every door: handles, typed tables, batches that share
// commits, and what of Database is such a batch. Against a model with savepoints, rollbacks,
// reopening and kill -9; what is refused changes nothing, also beside others that are right.
// (R10, B6)
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <random>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "sheaf/merge.h"
#include "sheaf/typed_table.h"
#include "tests/api/api_fixture.h"

namespace sheaf::test {
namespace {

using Op = MergeOperator;
using Maybe = std::optional<std::string>;
constexpr int64_t kLow = std::numeric_limits<int64_t>::min();
constexpr int64_t kHigh = std::numeric_limits<int64_t>::max();

// Keeps the longest; an operand "" deletes, "bad" is refused, "throw" throws.
absl::StatusOr<Maybe> Longest(std::string_view key,
                              std::optional<std::string_view> existing,
                              std::string_view operand) {
  if (operand.empty()) return Maybe();
  if (operand == "bad")
    return absl::AbortedError(absl::StrCat("bad at ", std::string(key)));
  if (operand == "throw") throw std::runtime_error("thrown");
  const bool keeps = existing.has_value() && existing->size() >= operand.size();
  return Maybe(keeps ? *existing : operand);
}

class MergeTest : public ApiTest {
 protected:
  MergeTest() {
    options_.merge_functions["longest"] = Longest;
    Reopen();
  }
  int64_t Counter(const std::string& key, const char* table = "t") {
    const Contents all = All(table);
    const auto it = all.find(key);
    if (it == all.end()) return -1;
    return MergeValue::ReadInt(it->second).value_or(-2);
  }
};

TEST_F(MergeTest, OfATable) {
  WriteTransaction txn = Begin();
  Table table = *txn.table("t");
  ASSERT_TRUE(table.Merge("n", Op::kAdd, MergeValue::Int(5)).ok());
  ASSERT_TRUE(table.Merge("n", Op::kAdd, MergeValue::Int(-7)).ok());
  ASSERT_TRUE(table.Merge("tags", Op::kUnion, MergeValue::Set({"b", "a"})).ok());
  ASSERT_TRUE(table.Merge("tags", Op::kUnion, MergeValue::Set({"c", "a"})).ok());
  ASSERT_TRUE(table.Merge("log", Op::kAppend, "one,").ok());
  ASSERT_TRUE(table.Merge("log", Op::kAppend, "two,").ok());
  ASSERT_TRUE(table.MergeWith("word", "longest", "leaf").ok());
  ASSERT_TRUE(table.MergeWith("word", "longest", "ox").ok());
  EXPECT_EQ(table.Get("n")->view(), MergeValue::Int(-2));  // its own changes are seen
  ASSERT_TRUE(txn.Commit().ok());
  const Contents expected = {{"n", MergeValue::Int(-2)},
                             {"tags", MergeValue::Set({"a", "b", "c"})},
                             {"log", "one,two,"},
                             {"word", "leaf"}};
  EXPECT_EQ(All(), expected);
  Kill();  // what is logged is what came of them
  EXPECT_EQ(All(), expected);
  ExpectClean();
}

TEST_F(MergeTest, OfCompressedAndLargeValues) {
  options_.compression = {.kind = CompressionKind::kZstd};
  Reopen();
  const std::string part(40'000, 'x');
  WriteTransaction txn = Begin();
  Table table = *txn.table("z");
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(table.Merge("k", Op::kAppend, part).ok());
  ASSERT_TRUE(txn.Commit().ok());
  WriteBatch batch;
  batch.Merge("z", "k", Op::kAppend, part);
  batch.Merge("new", "k", Op::kAppend, part);
  ASSERT_TRUE(db_->Apply(batch).ok());
  EXPECT_EQ(All("z"), (Contents{{"k", part + part + part + part}}));
  EXPECT_EQ(All("new"), (Contents{{"k", part}}));
  ExpectClean();
}

TEST_F(MergeTest, FunctionsDeleteFailAndThrow) {
  Put("word", "leaf");
  WriteTransaction txn = Begin();
  Table table = *txn.table("t");
  const absl::Status bad = table.MergeWith("word", "longest", "bad");
  EXPECT_EQ(bad.code(), absl::StatusCode::kAborted) << bad;
  EXPECT_TRUE(absl::StrContains(bad.message(), "bad at word")) << bad;
  EXPECT_EQ(table.MergeWith("word", "longest", "throw").code(),
            absl::StatusCode::kInternal);
  EXPECT_EQ(table.Get("word")->view(), "leaf");
  ASSERT_TRUE(table.MergeWith("word", "longest", "").ok());
  EXPECT_FALSE(*table.Contains("word"));
  ASSERT_TRUE(table.MergeWith("word", "longest", "").ok());  // nothing to delete
  EXPECT_FALSE(*table.Contains("word"));
  ASSERT_TRUE(txn.Commit().ok());
}

TEST_F(MergeTest, FunctionIsMissingAfterReopening) {
  Put("word", "leaf");
  options_.merge_functions.clear();
  Reopen();
  const auto expect_missing = [](const absl::Status& status) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), "\"longest\"")) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), "Options::merge_functions"))
        << status;
  };
  {
    WriteTransaction txn = Begin();
    expect_missing(txn.table("t")->MergeWith("word", "longest", "x"));
  }
  WriteBatch batch;
  batch.MergeWith("t", "word", "longest", "x");
  expect_missing(db_->Apply(batch));
  EXPECT_EQ(All(), (Contents{{"word", "leaf"}}));
}

TEST_F(MergeTest, WrongFunctionsAreRefusedAtOpening) {
  Options options = options_;
  options.merge_functions["add"] = Longest;
  options.file_system = nullptr;
  const absl::Status status = Database::OpenInMemory(options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "merge_functions")) << status;
}

TEST_F(MergeTest, IncrementAndDecrement) {
  WriteTransaction txn = Begin();
  Table table = *txn.table("t");
  EXPECT_EQ(*table.Increment("n"), 1);
  EXPECT_EQ(*table.Increment("n", 41), 42);
  EXPECT_EQ(*table.Decrement("n"), 41);
  EXPECT_EQ(*table.Decrement("n", -9), 50);
  EXPECT_EQ(*table.Increment("high", kHigh), kHigh);
  EXPECT_EQ(table.Increment("high").status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(*table.Increment("low", kLow), kLow);
  EXPECT_EQ(table.Decrement("low").status().code(), absl::StatusCode::kOutOfRange);
  // The lowest number has no opposite.
  EXPECT_EQ(table.Decrement("zero", kLow).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_FALSE(*table.Contains("zero"));
  ASSERT_TRUE(table.Decrement("minus").ok());
  EXPECT_EQ(*table.Decrement("minus", kLow), kHigh);
  EXPECT_EQ(*table.Decrement("low", kLow), 0);
  ASSERT_TRUE(table.Put("text", "abc").ok());
  for (const absl::Status& status :
       {table.Increment("text").status(), table.Decrement("text", kLow).status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), "3 bytes")) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), "\"text\"")) << status;
  }
  EXPECT_EQ(table.Get("text")->view(), "abc");
  ASSERT_TRUE(txn.Commit().ok());
  EXPECT_EQ(table.Increment("n").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Table().Increment("n").status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(MergeTest, CompareAndSet) {
  WriteTransaction txn = Begin();
  Table table = *txn.table("t");
  EXPECT_FALSE(*table.CompareAndSet("k", "a", "b"));
  EXPECT_TRUE(*table.CompareAndSet("k", std::nullopt, "a"));
  EXPECT_FALSE(*table.CompareAndSet("k", std::nullopt, "b"));
  EXPECT_FALSE(*table.CompareAndSet("k", "", "b"));  // "" is a value
  EXPECT_TRUE(*table.CompareAndSet("k", "a", ""));
  EXPECT_FALSE(*table.CompareAndSet("k", std::nullopt, "b"));
  EXPECT_TRUE(*table.CompareAndSet("k", "", "c"));
  EXPECT_EQ(table.Get("k")->view(), "c");
  EXPECT_TRUE(*table.CompareAndSet("k", "c", std::nullopt));
  EXPECT_FALSE(*table.Contains("k"));
  EXPECT_TRUE(*table.CompareAndSet("k", std::nullopt, std::nullopt));
  EXPECT_FALSE(*table.CompareAndSet("k", "c", std::nullopt));
  ASSERT_TRUE(txn.Commit().ok());
}

TEST_F(MergeTest, TypedTables) {
  WriteTransaction txn = Begin();
  auto hits = *OpenTyped<std::string, int64_t>(txn, "hits");
  EXPECT_EQ(*hits.Increment("a"), 1);
  ASSERT_TRUE(hits.Merge("a", Op::kAdd, 4).ok());
  ASSERT_TRUE(hits.Merge("a", Op::kMax, 3).ok());
  EXPECT_EQ(*hits.Get("a"), 5);
  EXPECT_EQ(*hits.bytes().Increment(std::string("a\0\0", 3)), 6);  // the same bytes
  EXPECT_FALSE(*hits.CompareAndSet("a", 5, 7));
  EXPECT_TRUE(*hits.CompareAndSet("a", 6, std::nullopt));

  auto small = *OpenTyped<std::string, uint8_t>(txn, "small");
  EXPECT_EQ(*small.Increment("a", 255), 255);
  EXPECT_EQ(small.Increment("a").status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(*small.Decrement("a", 255), 0);
  EXPECT_EQ(small.Decrement("a").status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(*small.Get("a"), 0);
  const absl::Status wrong = small.Merge("a", Op::kAdd, 1);
  EXPECT_EQ(wrong.code(), absl::StatusCode::kFailedPrecondition) << wrong;
  EXPECT_TRUE(absl::StrContains(wrong.message(), "u8")) << wrong;

  auto weights = *OpenTyped<int64_t, double>(txn, "weights");
  EXPECT_EQ(*weights.Increment(1, 0.5), 0.5);
  EXPECT_EQ(*weights.Decrement(1), -0.5);
  ASSERT_TRUE(weights.Merge(1, Op::kMaxDouble, 2.0).ok());
  EXPECT_EQ(*weights.Get(1), 2.0);
  EXPECT_EQ(weights.Merge(1, Op::kAdd, 2.0).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(weights.bytes().Increment("k").status().code(),
            absl::StatusCode::kFailedPrecondition);

  auto tags = *OpenTyped<std::string, std::vector<std::string>>(txn, "tags");
  ASSERT_TRUE(tags.Merge("a", Op::kUnion, {"y", "x", "y"}).ok());
  ASSERT_TRUE(tags.Merge("a", Op::kUnion, {"z"}).ok());
  EXPECT_EQ(*tags.Get("a"), (std::vector<std::string>{"x", "y", "z"}));

  using Sum = std::pair<double, int64_t>;
  auto means = *OpenTyped<std::string, Sum>(txn, "means");
  ASSERT_TRUE(means.Merge("a", Op::kAverage, {3.0, 1}).ok());
  ASSERT_TRUE(means.Merge("a", Op::kAverage, {5.0, 1}).ok());
  EXPECT_EQ(*means.Get("a"), Sum(8.0, 2));

  using Stamped = std::pair<HybridTime, std::string>;
  auto last = *OpenTyped<std::string, Stamped>(txn, "last");
  ASSERT_TRUE(last.Merge("a", Op::kLastWriter, {HybridTime(7, 1), "new"}).ok());
  ASSERT_TRUE(last.Merge("a", Op::kLastWriter, {HybridTime(6, 9), "old"}).ok());
  EXPECT_EQ(*last.Get("a"), Stamped(HybridTime(7, 1), "new"));

  auto words = *OpenTyped<std::string, std::string>(txn, "words");
  ASSERT_TRUE(words.MergeWith("a", "longest", "leaf").ok());
  EXPECT_EQ(*words.Get("a"), "leaf");
  ASSERT_TRUE(txn.Commit().ok());
}

// --- Batches ------------------------------------------------------------------

TEST_F(MergeTest, BatchesMergeInOrder) {
  WriteBatch batch;
  batch.Merge("t", "n", Op::kAdd, MergeValue::Int(5));  // the table is not there yet
  batch.Merge("t", "n", Op::kAdd, MergeValue::Int(6));
  batch.Put("t", "log", "one,");
  batch.Merge("t", "log", Op::kAppend, "two,");
  batch.Delete("t", "log");
  batch.Merge("t", "log", Op::kAppend, "three,");
  batch.Merge("u", "n", Op::kAdd, MergeValue::Int(1));
  batch.MergeWith("t", "word", "longest", "leaf");
  batch.MergeWith("t", "word", "longest", "");
  batch.Merge("t", "n", Op::kMax, MergeValue::Int(3));
  ASSERT_TRUE(db_->Apply(batch).ok());
  EXPECT_EQ(All(), (Contents{{"n", MergeValue::Int(11)}, {"log", "three,"}}));
  EXPECT_EQ(Counter("n", "u"), 1);
  ASSERT_TRUE(db_->Apply(batch).ok());  // and again
  EXPECT_EQ(Counter("n"), 22);
  EXPECT_EQ(Counter("n", "u"), 2);
  Kill();
  EXPECT_EQ(Counter("n"), 22);
  ExpectClean();
}

TEST_F(MergeTest, WrongBatchesChangeNothing) {
  Put("n", MergeValue::Int(kHigh));
  {
    WriteTransaction txn = Begin();
    ASSERT_TRUE((OpenTyped<std::string, double>(txn, "typed")).ok());
    ASSERT_TRUE(txn.collection("c").ok());
    ASSERT_TRUE(txn.Commit().ok());
  }
  const auto expect = [&](absl::StatusCode code, const auto& add) {
    WriteBatch batch;
    batch.Put("t", "before", "1");
    batch.Merge("fresh", "n", Op::kAdd, MergeValue::Int(1));
    add(batch);
    batch.Put("t", "behind", "1");
    const absl::Status status = db_->Apply(batch);
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_EQ(All(), (Contents{{"n", MergeValue::Int(kHigh)}}));
    EXPECT_TRUE(absl::IsNotFound(db_->BeginRead().table("fresh").status()));
  };
  expect(absl::StatusCode::kOutOfRange,
         [](WriteBatch& b) { b.Merge("t", "n", Op::kAdd, MergeValue::Int(1)); });
  expect(absl::StatusCode::kFailedPrecondition,
         [](WriteBatch& b) { b.Merge("t", "before", Op::kAdd, MergeValue::Int(1)); });
  expect(absl::StatusCode::kInvalidArgument,
         [](WriteBatch& b) { b.Merge("t", "n", Op::kAdd, "1"); });
  expect(absl::StatusCode::kInvalidArgument,
         [](WriteBatch& b) { b.Merge("t", "", Op::kAppend, "1"); });
  expect(absl::StatusCode::kFailedPrecondition,
         [](WriteBatch& b) { b.Merge("typed", "n", Op::kAdd, MergeValue::Int(1)); });
  expect(absl::StatusCode::kFailedPrecondition,
         [](WriteBatch& b) { b.Merge("c", "n", Op::kAdd, MergeValue::Int(1)); });
  expect(absl::StatusCode::kAborted,
         [](WriteBatch& b) { b.MergeWith("t", "n", "longest", "bad"); });
  expect(absl::StatusCode::kInternal,
         [](WriteBatch& b) { b.MergeWith("t", "n", "longest", "throw"); });
  expect(absl::StatusCode::kFailedPrecondition,
         [](WriteBatch& b) { b.MergeWith("t", "n", "lost", ""); });
  expect(absl::StatusCode::kAborted, [](WriteBatch& b) { b.Require("t", "n", "x"); });
}

TEST_F(MergeTest, RequiredValues) {
  Put("version", "1");
  WriteBatch batch;
  batch.Require("t", "version", "1");
  batch.Require("t", "lock", std::nullopt);
  batch.Require("none", "k", std::nullopt);  // and makes no table
  batch.Put("t", "version", "2");
  batch.Require("t", "version", "2");  // sees what stands before it
  ASSERT_TRUE(db_->Apply(batch).ok());
  const absl::Status again = db_->Apply(batch);
  EXPECT_EQ(again.code(), absl::StatusCode::kAborted) << again;
  EXPECT_EQ(All(), (Contents{{"version", "2"}}));
  EXPECT_TRUE(absl::IsNotFound(db_->BeginRead().table("none").status()));
}

TEST_F(MergeTest, WhatPutsNothingMakesNoTable) {
  EXPECT_TRUE(*db_->CompareAndSet("t", "k", std::nullopt, std::nullopt));
  WriteBatch batch;
  batch.MergeWith("t", "k", "longest", "");
  batch.Delete("t", "k");
  ASSERT_TRUE(db_->Apply(batch).ok());
  EXPECT_TRUE(absl::IsNotFound(db_->BeginRead().table("t").status()));
}

TEST_F(MergeTest, OfTheDatabase) {
  EXPECT_EQ(*db_->Increment("t", "n"), 1);
  EXPECT_EQ(*db_->Increment("t", "n", -5), -4);
  EXPECT_EQ(db_->Increment("t", "").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(db_->Increment("t", "n", kLow).status().code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_TRUE(*db_->CompareAndSet("t", "k", std::nullopt, "a"));
  EXPECT_FALSE(*db_->CompareAndSet("t", "k", std::nullopt, "b"));
  EXPECT_TRUE(*db_->CompareAndSet("t", "k", "a", "b"));
  EXPECT_FALSE(*db_->CompareAndSet("t", "k", "a", std::nullopt));
  EXPECT_TRUE(*db_->CompareAndSet("t", "k", "b", std::nullopt));
  EXPECT_EQ(All(), (Contents{{"n", MergeValue::Int(-4)}}));
  Kill();
  EXPECT_EQ(Counter("n"), -4);
  db_.reset();
  options_.read_only = true;
  Open();
  EXPECT_EQ(db_->Increment("t", "n").status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(MergeTest, ThreadsCountExactly) {
  constexpr int kThreads = 8, kEach = 200;
  std::atomic<int64_t> sum_of_results{0};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      int64_t last = 0;
      for (int i = 0; i < kEach; ++i) {
        const absl::StatusOr<int64_t> value = db_->Increment("t", "all");
        ASSERT_TRUE(value.ok()) << value.status();
        ASSERT_GT(*value, last);  // a thread sees its own
        last = *value;
        sum_of_results += *value;
        WriteBatch batch;
        batch.Merge("t", absl::StrCat("of ", t), Op::kAdd, MergeValue::Int(i));
        // Beside those of others that are right, wrong ones fail alone.
        if (i % 10 == 3) {
          batch.Merge("t", "all", Op::kAdd, "wrong");
          wrong += db_->Apply(batch).ok() ? 0 : 1;
        } else {
          ASSERT_TRUE(db_->Apply(batch).ok());
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  constexpr int64_t kAll = kThreads * kEach;
  EXPECT_EQ(Counter("all"), kAll);
  EXPECT_EQ(sum_of_results, kAll * (kAll + 1) / 2);  // each number was given once
  EXPECT_EQ(wrong, kThreads * kEach / 10);
  for (int t = 0; t < kThreads; ++t) {
    int64_t expected = 0;
    for (int i = 0; i < kEach; ++i) expected += i % 10 == 3 ? 0 : i;
    EXPECT_EQ(Counter(absl::StrCat("of ", t)), expected);
  }
  ExpectClean();
}

// While the writer's turn is held, calls queue up, and one commit serves those that
// wait. Whether they got as far as the queue cannot be seen from outside: so it is
// tried with ever more time.
TEST_F(MergeTest, CallsThatWaitShareACommit) {
  constexpr uint64_t kThreads = 4;
  uint64_t commits = kThreads;
  int64_t sum = 0;
  for (int wait_ms = 5; commits == kThreads && wait_ms < 20'000; wait_ms *= 2) {
    absl::StatusOr<WriteTransaction> turn = db_->BeginWrite();
    ASSERT_TRUE(turn.ok()) << turn.status();
    std::vector<std::thread> threads;
    for (uint64_t t = 0; t < kThreads; ++t)
      threads.emplace_back([&] { EXPECT_TRUE(db_->Increment("t", "n").ok()); });
    std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms));
    const uint64_t before = db_->stats().commits;
    turn->Rollback();
    for (std::thread& thread : threads) thread.join();
    commits = db_->stats().commits - before;
    EXPECT_EQ(Counter("n"), sum += kThreads);
  }
  EXPECT_LT(commits, kThreads);
}

TEST_F(MergeTest, ThreadsTakeALockByCompareAndSet) {
  constexpr int kThreads = 6, kEach = 30;
  int64_t unguarded = 0;  // TSan would tell, and so would the sum
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      WriteOptions fast;
      fast.durability = Durability::kNone;
      for (int i = 0; i < kEach; ++i) {
        const std::string me = absl::StrCat("thread ", t);
        while (!*db_->CompareAndSet("t", "lock", std::nullopt, me, fast))
          std::this_thread::yield();
        ++unguarded;
        ASSERT_TRUE(*db_->CompareAndSet("t", "lock", me, std::nullopt, fast));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(unguarded, kThreads * kEach);
}

// --- Against a model ------------------------------------------------------------

// What each operator does, said again in the simplest way. None: refused.
std::optional<Maybe> Model(Op op, const Maybe& old, const std::string& operand) {
  const auto number = [](const std::string& bytes) { return MergeValue::ReadInt(bytes); };
  switch (op) {
    case Op::kAdd:
    case Op::kAddSaturating:
    case Op::kMax: {
      if (!number(operand) || (old && !number(*old))) return std::nullopt;
      const __int128 a = old ? *number(*old) : 0, b = *number(operand);
      if (op == Op::kMax)
        return Maybe(MergeValue::Int(static_cast<int64_t>(old ? std::max(a, b) : b)));
      const __int128 fit = std::clamp<__int128>(a + b, kLow, kHigh);
      if (op == Op::kAdd && fit != a + b) return std::nullopt;
      return Maybe(MergeValue::Int(static_cast<int64_t>(fit)));
    }
    case Op::kAppend:
      return Maybe(old.value_or("") + operand);
    case Op::kBitOr: {
      std::string bits = old.value_or("");
      if (bits.size() < operand.size()) bits.resize(operand.size());
      for (size_t i = 0; i < operand.size(); ++i) bits[i] |= operand[i];
      return Maybe(bits);
    }
    default:
      return Maybe(operand);
  }
}

class MergeModelTest : public MergeTest {
 protected:
  uint64_t Below(uint64_t n) { return random_() % n; }

  std::string Operand(Op op) {
    if (op == Op::kAppend || op == Op::kBitOr || op == Op::kLast || Below(30) == 0) {
      std::string bytes(Below(5), '\0');
      for (char& byte : bytes) byte = static_cast<char>(random_());
      return bytes;
    }
    const int64_t wide = static_cast<int64_t>(random_());
    return MergeValue::Int(Below(3) == 0 ? wide : static_cast<int64_t>(Below(100)) - 50);
  }

  void Step(Table* table, Contents* model) {
    static constexpr Op kOps[] = {Op::kAdd,    Op::kAddSaturating, Op::kMax,
                                  Op::kAppend, Op::kBitOr,         Op::kLast};
    const std::string key(1, static_cast<char>('a' + Below(6)));
    const auto at = model->find(key);
    const Maybe old = at == model->end() ? Maybe() : Maybe(at->second);
    const Op op = kOps[Below(std::size(kOps))];
    const std::string operand = Operand(op);
    std::optional<Maybe> expected = Model(op, old, operand);
    absl::Status done;
    switch (Below(5)) {
      case 0:  // by a function
        if (operand.empty()) {
          expected = Maybe();
        } else {
          const bool keeps = old.has_value() && old->size() >= operand.size();
          expected = keeps ? old : Maybe(operand);
        }
        done = table->MergeWith(key, "longest", operand);
        break;
      case 1: {  // compare and set, half of the time right
        const Maybe guess = Below(2) == 0 ? old : Maybe("guess");
        const Maybe desired = Below(4) == 0 ? Maybe() : Maybe(operand);
        const absl::StatusOr<bool> set = table->CompareAndSet(key, guess, desired);
        ASSERT_TRUE(set.ok()) << set.status();
        ASSERT_EQ(*set, guess == old);
        expected = *set ? desired : old;
        break;
      }
      default:
        done = table->Merge(key, op, operand);
    }
    ASSERT_EQ(done.ok(), expected.has_value()) << NameOf(op) << ": " << done;
    if (!expected.has_value()) return;
    if (expected->has_value())
      (*model)[key] = **expected;
    else
      model->erase(key);
  }

  void Transaction(Contents* model) {
    WriteTransaction txn =
        Begin(Below(2) == 0 ? Durability::kFull : Durability::kProcess);
    Contents next = *model;
    std::vector<std::pair<Savepoint, Contents>> points;
    for (uint64_t n = 1 + Below(12); n > 0; --n) {
      if (Below(6) == 0) points.emplace_back(*txn.SetSavepoint(), next);
      if (Below(6) == 0 && !points.empty()) {
        points.resize(1 + Below(points.size()));
        ASSERT_TRUE(txn.RollbackTo(points.back().first).ok());
        next = points.back().second;
      }
      absl::StatusOr<Table> table = txn.table("t");
      ASSERT_TRUE(table.ok()) << table.status();
      Step(&*table, &next);
      if (HasFatalFailure()) return;
      ASSERT_EQ(All(*table), next);
    }
    if (Below(5) == 0) return;  // rolled back
    ASSERT_TRUE(txn.Commit().ok());
    *model = next;
  }

  std::mt19937_64 random_;
};

TEST_F(MergeModelTest, RandomSequences) {
  const uint64_t seed = std::random_device()();
  std::cout << "seed " << seed << "\n";
  random_.seed(seed);
  Contents model;
  for (int i = 0; i < 300; ++i) {
    Transaction(&model);
    if (HasFatalFailure()) return;
    if (i % 20 == 7) Reopen();
    if (i % 20 == 17) Kill();
    ASSERT_EQ(All(), model) << "transaction " << i;
  }
  ExpectClean();
}

// The same by batches: each sees what stands before it, as if one came after the other.
TEST_F(MergeModelTest, RandomBatches) {
  const uint64_t seed = std::random_device()();
  std::cout << "seed " << seed << "\n";
  random_.seed(seed);
  Contents model;
  static constexpr Op kOps[] = {Op::kAdd, Op::kAddSaturating, Op::kMax, Op::kAppend};
  for (int i = 0; i < 400; ++i) {
    WriteBatch batch;
    Contents next = model;
    bool fits = true;
    for (uint64_t n = 1 + Below(6); n > 0; --n) {
      const std::string key(1, static_cast<char>('a' + Below(4)));
      const uint64_t choice = Below(8);
      const Op op = kOps[Below(std::size(kOps))];
      const std::string operand = Operand(op);
      const auto at = next.find(key);
      const Maybe old = at == next.end() ? Maybe() : Maybe(at->second);
      std::optional<Maybe> now;
      if (choice == 0) {
        batch.Put("t", key, operand);
        now = Maybe(operand);
      } else if (choice == 1) {
        batch.Delete("t", key);
        now = Maybe();
      } else if (choice == 2) {
        const bool right = Below(4) != 0;
        batch.Require("t", key, right ? old : Maybe("guess"));
        now = right ? std::optional<Maybe>(old) : std::nullopt;
      } else {
        batch.Merge("t", key, op, operand);
        now = Model(op, old, operand);
      }
      fits = fits && now.has_value();
      if (!fits) continue;  // the rest is never looked at
      if (now->has_value())
        next[key] = **now;
      else
        next.erase(key);
    }
    const absl::Status applied = db_->Apply(batch);
    ASSERT_EQ(applied.ok(), fits) << applied;
    if (fits) model = next;
    ASSERT_EQ(All(), model) << "batch " << i;
    if (i % 50 == 49) Kill();
  }
  ExpectClean();
}

}  // namespace
}  // namespace sheaf::test
