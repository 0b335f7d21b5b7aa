// Proves that replaying a log in key order gives what the operations gave in theirs: a
// random life of several trees is committed to the log only, the process is killed,
// and what opens must be the model, however often the gathering bound is reached in
// between. (RELIABILITY R1, B9)
#include "catalog/replayer.h"

#include <gtest/gtest.h>

#include <iterator>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "btree/large_value.h"
#include "catalog/store.h"
#include "catalog/write_txn.h"
#include "tests/support/faulty_file.h"

namespace sheaf::catalog {
namespace {

using btree::BTree;

constexpr char kPath[] = "/r.sheaf";
constexpr uint64_t kSmallest = uint64_t{1} << 20;
constexpr uint64_t kBoundOfSmallest = kSmallest / 8;
const uint64_t kDefault = Options().cache_bytes_max;

struct Tree {
  TreeId id = 0;
  uint64_t counter = 0;
  std::map<std::string, std::string> entries;
  friend bool operator==(const Tree&, const Tree&) = default;
};
using Model = std::map<std::string, Tree>;

std::string Summary(const Model& model) {
  std::string text;
  for (const auto& [name, tree] : model)
    absl::StrAppend(&text, name, "(", tree.id, "): ", tree.entries.size(), " entries, ",
                    tree.counter, "; ");
  return text;
}

std::unique_ptr<Store> OpenStore(test::FaultyFileSystem* fs, uint64_t cache_bytes) {
  Options options;
  options.background_checkpoints = false;
  options.cache_bytes_max = cache_bytes;
  absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(fs, kPath, options, false);
  EXPECT_TRUE(store.ok()) << store.status();
  return store.ok() ? *std::move(store) : nullptr;
}

std::string ValueOf(pager::Pager* pager, const btree::NodeView::LeafValue& value) {
  if (!value.is_large) return std::string(value.bytes);
  std::string bytes(value.size, '\0');
  const absl::Status read = btree::ReadLarge(pager, btree::DecodeLargeRef(value.bytes), 0,
                                             absl::MakeSpan(bytes.data(), bytes.size()));
  EXPECT_TRUE(read.ok()) << read;
  return bytes;
}

Model Read(Store* store) {
  Model model;
  const Snapshot snapshot(store);
  const auto trees = snapshot.ListTrees();
  EXPECT_TRUE(trees.ok()) << trees.status();
  for (const TreeRecord& record : *trees) {
    Tree& tree = model[record.name];
    tree.id = record.id;
    tree.counter = record.counter;
    btree::TreeCursor cursor(snapshot.context(), &record.root, nullptr);
    for (cursor.SeekFirst(); cursor.Valid(); cursor.Next())
      tree.entries[std::string(cursor.key())] = ValueOf(&store->pager(), cursor.value());
    EXPECT_TRUE(cursor.status().ok()) << cursor.status();
    EXPECT_EQ(record.root.entries, tree.entries.size()) << record.name;
  }
  return model;
}

// A store beside its model. What it is given stays in the log.
class Life {
 public:
  explicit Life(uint32_t seed) : random_(seed) {
    store_ = OpenStore(&fs_, kDefault);
    Begin();
    for (const char* name : {"a", "b", "c"}) Create(name);
  }

  void Put(const std::string& name, const std::string& key, const std::string& value) {
    bool existed = false;
    const absl::Status put =
        Open(name)->Put(key, value, BTree::PutMode::kUpsert, &existed);
    EXPECT_TRUE(put.ok()) << put;
    model_[name].entries[key] = value;
  }
  void Delete(const std::string& name, const std::string& key) {
    const absl::StatusOr<bool> existed = Open(name)->Delete(key);
    EXPECT_TRUE(existed.ok()) << existed.status();
    EXPECT_EQ(*existed, model_[name].entries.erase(key) == 1);
  }
  void DeleteRange(const std::string& name, const std::string& from,
                   const std::string* to) {
    auto& entries = model_[name].entries;
    const auto begin = entries.lower_bound(from);
    const auto end = to == nullptr ? entries.end() : entries.lower_bound(*to);
    const absl::StatusOr<uint64_t> gone = Open(name)->DeleteRange(from, to);
    EXPECT_TRUE(gone.ok()) << gone.status();
    EXPECT_EQ(*gone, static_cast<uint64_t>(std::distance(begin, end)));
    entries.erase(begin, end);
  }
  void Create(const std::string& name) {
    const auto tree = txn_->CreateTree(name, TreeKind::kTable, "", "");
    EXPECT_TRUE(tree.ok()) << tree.status();
    model_[name].id = (*tree)->record().id;
  }
  void Drop(const std::string& name) {
    EXPECT_TRUE(txn_->DropTree(name).ok());
    model_.erase(name);
  }
  void Rename(const std::string& from, const std::string& to) {
    EXPECT_TRUE(txn_->RenameTree(from, to).ok());
    auto node = model_.extract(from);
    node.key() = to;
    model_.insert(std::move(node));
  }
  void SetCounter(const std::string& name, uint64_t counter) {
    EXPECT_TRUE(Open(name)->SetCounter(counter).ok());
    model_[name].counter = counter;
  }
  void Commit() {
    const absl::Status committed = txn_->Commit(Durability::kProcess);
    EXPECT_TRUE(committed.ok()) << committed;
    Begin();
  }
  void Checkpoint() { EXPECT_TRUE(store_->Checkpoint().ok()); }

  void Step();
  // Is the model what is found after the process was killed?
  void ExpectRecovered(uint64_t cache_bytes) const {
    SCOPED_TRACE(absl::StrCat(cache_bytes, " bytes of cache"));
    test::FaultyFileSystem fs(fs_.Contents());
    const std::unique_ptr<Store> store = OpenStore(&fs, cache_bytes);
    ASSERT_NE(store, nullptr);
    EXPECT_GT(store->stats().replayed_commits, 0u);
    const Model found = Read(store.get());
    EXPECT_TRUE(found == model_) << Summary(found) << "\nexpected " << Summary(model_);
    const absl::StatusOr<CheckResult> check = store->Check(CheckLevel::kFull, {});
    ASSERT_TRUE(check.ok()) << check.status();
    for (const CheckProblem& p : check->problems)
      ADD_FAILURE() << p.page << ": " << p.what;
    // Identifiers go on where they were.
    const auto txn = store->BeginWrite(absl::ZeroDuration());
    ASSERT_TRUE(txn.ok()) << txn.status();
    const auto tree = (*txn)->CreateTree("the next", TreeKind::kTable, "", "");
    ASSERT_TRUE(tree.ok()) << tree.status();
    for (const auto& [name, known] : model_) EXPECT_LT(known.id, (*tree)->record().id);
  }
  void ExpectRecovered() const {
    ExpectRecovered(kSmallest);
    ExpectRecovered(kDefault);
  }
  uint64_t log_bytes() const { return store_->stats().log.live_bytes; }

 private:
  void Begin() {
    absl::StatusOr<std::unique_ptr<WriteTxn>> txn =
        store_->BeginWrite(absl::ZeroDuration());
    EXPECT_TRUE(txn.ok()) << txn.status();
    txn_ = *std::move(txn);
  }
  OpenTree* Open(const std::string& name) {
    const absl::StatusOr<OpenTree*> tree = txn_->FindTree(name);
    EXPECT_TRUE(tree.ok()) << tree.status();
    return *tree;
  }
  uint64_t Below(uint64_t n) { return random_() % n; }
  std::string SomeTree() {
    auto it = model_.begin();
    std::advance(it, Below(model_.size()));
    return it->first;
  }
  std::string SomeKey();
  std::string SomeValue();

  std::mt19937 random_;
  test::FaultyFileSystem fs_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<WriteTxn> txn_;
  Model model_;
  int names_ = 0;
};

// Few enough that most are met again: short ones that are prefixes of each other and
// differ in zeros only, and some whose first eight bytes are the same.
std::string Life::SomeKey() {
  static constexpr char kBytes[] = {'\0', 'a', '\x7f', '\x80', '\xff'};
  std::string key;
  if (Below(3) == 0) key.append("the same");
  for (uint64_t n = 1 + Below(10); n > 0; --n)
    key.push_back(Below(2) == 0 ? kBytes[0] : kBytes[Below(5)]);
  if (Below(50) == 0) key.resize(btree::kKeyMax, 'k');
  return key;
}

std::string Life::SomeValue() {
  constexpr uint64_t kSizes[] = {0, 10, 10, 100, 100, 900, 5'000};
  const uint64_t size = Below(100) == 0 ? 40'000 : kSizes[Below(std::size(kSizes))];
  std::string value = absl::StrCat(random_(), " ", random_());
  value.resize(size, static_cast<char>(random_()));
  return value;
}

void Life::Step() {
  const std::string name = SomeTree();
  const uint64_t what = Below(1000);
  if (what < 650) return Put(name, SomeKey(), SomeValue());
  if (what < 900) return Delete(name, SomeKey());
  if (what < 960) return SetCounter(name, random_());
  if (what < 980) {
    const std::string from = SomeKey(), to = from + std::string(1 + Below(2), '\x01');
    return DeleteRange(name, from, &to);
  }
  if (what < 982) return DeleteRange(name, SomeKey(), nullptr);
  const std::string fresh = absl::StrCat("n", ++names_ % 5);
  if (model_.contains(fresh)) return model_.size() > 1 ? Drop(fresh) : Commit();
  if (what < 991) return Create(fresh);
  Rename(name, fresh);
}

TEST(Replayer, RandomLives) {
  for (const uint32_t seed : {1u, 2u, 3u}) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Life life(seed);
    std::mt19937 sizes(seed);
    for (int commit = 0; commit < 120 && !testing::Test::HasFailure(); ++commit) {
      for (uint32_t n = sizes() % 60; n > 0; --n) life.Step();
      life.Commit();
      if (commit == 30 && seed == 2) life.Checkpoint();
    }
    EXPECT_GT(life.log_bytes(), 8 * kBoundOfSmallest);
    life.ExpectRecovered();
  }
}

TEST(Replayer, TheNewestOfOneKeyWins) {
  Life life(1);
  for (int i = 0; i < 2000; ++i) {
    const std::string key(1 + static_cast<size_t>(i % 3), '\0');
    life.Put("a", key, absl::StrCat(i));
    life.Put("b", key, absl::StrCat(i));
    if (i % 7 < 3) life.Delete("b", key);
    if (i % 50 == 0) life.Commit();
  }
  life.Commit();
  life.ExpectRecovered();
}

TEST(Replayer, ValuesLargerThanTheBound) {
  Life life(1);
  const std::string larger(3 * kBoundOfSmallest, 'l'), largest(3 * kSmallest, 'L');
  for (const size_t near : {kBoundOfSmallest - 100, kBoundOfSmallest - 1,
                            kBoundOfSmallest, kBoundOfSmallest + 1})
    life.Put("a", absl::StrCat("near", near), std::string(near, 'n'));
  life.Put("a", "k", "before");
  life.Put("a", "k", larger);
  life.Put("b", "k", larger);
  life.Put("b", "k", "after");
  life.Put("b", "l", larger);
  life.Delete("b", "l");
  life.Commit();
  life.Put("c", "k", "before");
  life.Put("c", "k", largest);
  life.Put("c", "j", "beside");
  life.Commit();
  life.ExpectRecovered();
}

// What does not commute with puts and deletes is applied after those before it.
TEST(Replayer, WhatDoesNotCommute) {
  Life life(1);
  const std::string end = "m";
  for (const char* key : {"b", "k", "x"}) life.Put("a", key, "before");
  life.DeleteRange("a", "c", &end);
  life.Put("a", "d", "after");
  life.Put("b", "k", "of b");
  life.Drop("b");
  life.Create("b");
  life.Put("b", "j", "of the next b");
  life.SetCounter("b", 7);
  life.Rename("a", "x");
  life.Rename("b", "a");
  life.Rename("x", "b");
  life.Put("a", "k", "was b");
  life.Delete("b", "x");
  life.Commit();
  life.DeleteRange("c", "a", nullptr);
  life.Put("c", "k", "last");
  life.SetCounter("c", 1);
  life.SetCounter("c", 2);
  life.Drop("a");
  life.Commit();
  life.ExpectRecovered();
}

}  // namespace
}  // namespace sheaf::catalog
