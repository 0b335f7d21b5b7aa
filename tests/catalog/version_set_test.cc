// Proves which pages are free: exactly those given up that no version somebody needs
// can reach. A random life of versions, readers and checkpoints (failed ones, too) is
// held against that sentence taken literally; checkpoints are told exactly which
// pages of the one before they lack. (RELIABILITY B13, R10, I7)
#include "catalog/version_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "btree/node.h"
#include "btree/tree_reader.h"
#include "pager/file.h"

namespace sheaf::catalog {
namespace {

using pager::PageId;
using pager::PageRef;
using pager::Stamp;

class VersionSetTest : public testing::Test {
 protected:
  VersionSetTest() : fs_(pager::NewMemoryFileSystem()) {
    auto pager = pager::Pager::Open(fs_.get(), "/v.sheaf", {}, &btree::TreePageOps());
    EXPECT_TRUE(pager.ok()) << pager.status();
    pager_ = *std::move(pager);
    set_ = std::make_unique<VersionSet>(pager_.get());
    Version first;
    first.number = 10;
    first.log.lsn = 100;
    set_->Start(first);
  }

  PageRef NewPage(Stamp birth) {
    const auto id = pager_->allocator().Allocate(1);
    EXPECT_TRUE(id.ok()) << id.status();
    return {*id, birth, 1, false};
  }
  Version Next(Stamp number, pager::Lsn lsn) {
    Version next;
    next.number = number;
    next.log.lsn = lsn;
    return next;
  }
  std::set<PageId> Waiting() {
    set_->Reap();
    std::set<PageId> ids;
    for (const PageRef& ref : set_->Waiting()) EXPECT_TRUE(ids.insert(ref.id).second);
    return ids;
  }
  static std::set<PageId> Ids(absl::Span<const PageRef> refs) {
    std::set<PageId> ids;
    for (const PageRef& ref : refs) EXPECT_TRUE(ids.insert(ref.id).second);
    return ids;
  }

  const std::unique_ptr<pager::FileSystem> fs_;
  std::unique_ptr<pager::Pager> pager_;
  std::unique_ptr<VersionSet> set_;
};

TEST_F(VersionSetTest, ReadersSeeWhatIsShown) {
  pager::ReaderSlots& slots = pager_->buffer().slots();
  set_->Append(Next(11, 200), {});
  pager::ReaderSlot* const before = slots.Acquire();
  EXPECT_EQ(set_->Acquire(before)->number, 10u);
  EXPECT_EQ(set_->newest().number, 11u);
  EXPECT_EQ(set_->shown().number, 10u);
  set_->Append(Next(12, 300), {});
  set_->ShowThrough(200, 11);
  EXPECT_EQ(set_->shown().number, 11u);
  set_->ShowThrough(300, 12);
  pager::ReaderSlot* const after = slots.Acquire();
  EXPECT_EQ(set_->Acquire(after)->number, 12u);
  EXPECT_EQ(set_->readers().open, 2u);
  EXPECT_EQ(set_->readers().oldest, 10u);
  slots.Release(before);
  EXPECT_EQ(set_->readers().oldest, 12u);
  slots.Release(after);
  EXPECT_EQ(set_->readers().open, 0u);
}

// A commit by checkpoint ends where the log already ended; until it is durable it is
// not shown, though an earlier commit's sync reaches that far.
TEST_F(VersionSetTest, CommitByCheckpointIsNotShownByAnEarlierSync) {
  set_->Append(Next(11, 200), {});
  set_->Append(Next(12, 200), {});
  set_->ShowThrough(200, 11);
  EXPECT_EQ(set_->shown().number, 11u);
  set_->ShowThrough(200, 12);
  EXPECT_EQ(set_->shown().number, 12u);
}

// The second checkpoint begins with the deaths that came while the first, which
// failed, was being written; pages the file never had are not among them.
TEST_F(VersionSetTest, FailedCheckpointLeavesNoDeathsOfPagesItWouldHaveWritten) {
  const PageRef page = NewPage(11);
  set_->Append(Next(11, 200), {});
  set_->ShowThrough(200, 11);
  absl::Span<const PageRef> died;
  EXPECT_EQ(set_->BeginCheckpoint(&died).number, 11u);
  set_->Append(Next(12, 300), {page});
  set_->ShowThrough(300, 12);
  set_->EndCheckpoint(VersionSet::Outcome::kFailed);
  EXPECT_EQ(set_->BeginCheckpoint(&died).number, 12u);
  EXPECT_TRUE(died.empty());
  set_->EndCheckpoint(VersionSet::Outcome::kDurable);
  EXPECT_TRUE(Waiting().empty());
}

// Pages that only the last checkpoint still needs leave memory at once. Not while somebody
// reads that version, or an older one that has them, too: he may be looking at one.
class RetiredPages : public VersionSetTest {
 protected:
  // In the file and in memory.
  PageRef NewResidentPage(Stamp birth) {
    const PageRef ref = NewPage(birth);
    absl::StatusOr<char*> page = pager_->buffer().NewPage(pager::PageKind::kLeaf, ref);
    EXPECT_TRUE(page.ok()) << page.status();
    btree::Node(*page).Init(0, btree::Values::kPlain, {});
    EXPECT_TRUE(pager_->buffer().WriteOut({&ref, 1}).ok());
    return ref;
  }
  bool Resident(const PageRef& ref) { return pager_->buffer().Peek(ref.id) != nullptr; }
  void Commit(Stamp number, std::vector<PageRef> given_up) {
    set_->Append(Next(number, number * 100), given_up);
    set_->ShowThrough(number * 100, number);
  }
  void Checkpoint() {
    absl::Span<const PageRef> died;
    set_->BeginCheckpoint(&died);
    set_->EndCheckpoint(VersionSet::Outcome::kDurable);
  }
};

TEST_F(RetiredPages, StayWhileAnOlderVersionIsRead) {
  const PageRef page = NewResidentPage(10), later = NewResidentPage(10);
  pager::ReaderSlots& slots = pager_->buffer().slots();
  pager::ReaderSlot* const reader = slots.Acquire();
  ASSERT_EQ(set_->Acquire(reader)->number, 10u);
  Commit(11, {});
  Checkpoint();
  Commit(12, {});
  Commit(13, {page});
  EXPECT_TRUE(Resident(page));
  slots.Release(reader);
  Commit(14, {later});
  EXPECT_TRUE(Waiting().contains(later.id));
  EXPECT_FALSE(Resident(later)) << "nobody reads it any more";
}

TEST_F(RetiredPages, StayWhileTheCheckpointIsLookedAt) {
  const PageRef page = NewResidentPage(10), later = NewResidentPage(10);
  pager::ReaderSlots& slots = pager_->buffer().slots();
  Commit(11, {});
  Checkpoint();
  pager::ReaderSlot* const reader = slots.Acquire();
  ASSERT_EQ(set_->AcquireDurable(reader)->number, 11u);
  Commit(12, {});
  Commit(13, {page});
  EXPECT_TRUE(Resident(page));
  slots.Release(reader);
  Commit(14, {later});
  EXPECT_FALSE(Resident(later));
}

// The set as its definition says, in O(everything).
class Naive {
 public:
  explicit Naive(Stamp first) : durable(first), shown(first) { versions.insert(first); }

  bool Needed(Stamp v) const {
    return v == durable || v == shown || (writing != 0 && v == writing) || v > shown ||
           readers.contains(v) || v == *versions.rbegin();
  }
  std::set<PageId> Waiting() const {
    std::set<PageId> ids;
    for (const auto& [id, life] : given_up)
      for (const Stamp v : versions)
        if (Needed(v) && life.birth <= v && v < life.death) ids.insert(id);
    return ids;
  }
  std::set<PageId> Died() const {  // of the durable version, by now
    std::set<PageId> ids;
    for (const auto& [id, life] : given_up)
      if (life.birth <= durable && life.death > durable) ids.insert(id);
    return ids;
  }

  struct Life {
    Stamp birth, death;
  };
  std::set<Stamp> versions;
  std::map<PageId, Life> given_up;
  std::multiset<Stamp> readers;
  Stamp durable, shown, writing = 0;
};

TEST_F(VersionSetTest, RandomLivesMatchTheDefinition) {
  for (uint64_t seed = 1; seed <= 30 && !HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    set_ = std::make_unique<VersionSet>(pager_.get());
    Stamp number = 10;
    pager::Lsn lsn = 100;
    set_->Start(Next(number, lsn));
    Naive naive(number);
    std::map<Stamp, pager::Lsn> lsns = {{number, lsn}};
    std::vector<PageRef> live;
    std::vector<std::pair<Stamp, pager::ReaderSlot*>> readers;
    pager::ReaderSlots& slots = pager_->buffer().slots();
    for (int step = 0; step < 400 && !HasFailure(); ++step) {
      switch (random() % 8) {
        case 0:
        case 1:
        case 2: {  // a commit; savepoints may have used stamps of their own
          std::vector<PageRef> given_up;
          const Stamp next = number + 1 + random() % 3;
          for (uint64_t n = random() % 4; n > 0 && !live.empty(); --n) {
            const size_t i = random() % live.size();
            given_up.push_back(live[i]);
            naive.given_up[live[i].id] = {live[i].birth, next};
            live.erase(live.begin() + static_cast<ptrdiff_t>(i));
          }
          for (uint64_t n = random() % 4; n > 0; --n) {
            const PageRef page = NewPage(number + 1 + random() % (next - number));
            naive.given_up.erase(page.id);  // it was free, and is another page now
            live.push_back(page);
          }
          number = next;
          lsn += 1 + random() % 50;
          set_->Append(Next(number, lsn), given_up);
          naive.versions.insert(number);
          lsns[number] = lsn;
          break;
        }
        case 3: {  // the log is synced up to some commit
          const auto at = naive.versions.lower_bound(naive.shown);
          auto upto = at;
          for (uint64_t n = random() % 4;
               n > 0 && std::next(upto) != naive.versions.end(); --n)
            ++upto;
          set_->ShowThrough(lsns[*upto], *upto);
          naive.shown = *upto;
          break;
        }
        case 4: {
          pager::ReaderSlot* const slot = slots.Acquire();
          const Stamp seen = set_->Acquire(slot)->number;
          EXPECT_EQ(seen, naive.shown);
          readers.emplace_back(seen, slot);
          naive.readers.insert(seen);
          break;
        }
        case 5: {
          if (readers.empty()) break;
          const size_t i = random() % readers.size();
          slots.Release(readers[i].second);
          naive.readers.erase(naive.readers.find(readers[i].first));
          readers.erase(readers.begin() + static_cast<ptrdiff_t>(i));
          break;
        }
        case 6: {
          if (naive.writing != 0) break;
          absl::Span<const PageRef> died;
          const Version written = set_->BeginCheckpoint(&died);
          EXPECT_EQ(written.number, number);
          EXPECT_EQ(Ids(died), naive.Died());
          naive.writing = number;
          break;
        }
        case 7: {
          if (naive.writing == 0) break;
          const bool durable = random() % 3 != 0;
          set_->EndCheckpoint(durable ? VersionSet::Outcome::kDurable
                                      : VersionSet::Outcome::kFailed);
          if (durable) naive.durable = naive.writing;
          naive.writing = 0;
          break;
        }
      }
      EXPECT_EQ(Waiting(), naive.Waiting()) << "step " << step;
      EXPECT_EQ(set_->pages_waiting(), naive.Waiting().size());
      EXPECT_EQ(set_->readers().open, readers.size());
      EXPECT_EQ(set_->readers().oldest,
                naive.readers.empty() ? Stamp{0} : *naive.readers.begin());
      // Forget what nobody needs any more.
      const std::set<PageId> waiting = naive.Waiting();
      std::erase_if(naive.versions, [&](Stamp v) { return !naive.Needed(v); });
      std::erase_if(naive.given_up,
                    [&](const auto& p) { return !waiting.contains(p.first); });
    }
    for (const auto& [seen, slot] : readers) slots.Release(slot);
  }
}

}  // namespace
}  // namespace sheaf::catalog
