// Proves the buffer manager alone: four threads look at, load and pin the pages of a
// file four times its budget while a writer makes pages, changes them in place,
// publishes, frees and makes them again. Whoever looks at a page sees all of the
// version it asked for; what reaches the file is whole, and pages of the running
// writer get there by its own thread only. (RELIABILITY R11)
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <random>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "pager/buffer_manager.h"
#include "pager/coding.h"
#include "pager/file.h"

namespace sheaf::pager {
namespace {

#ifdef __SANITIZE_THREAD__
constexpr absl::Duration kTime = absl::Seconds(6);
#else
constexpr absl::Duration kTime = absl::Milliseconds(1500);
#endif

constexpr PageId kFirst = 2;
constexpr uint64_t kNodes = 500;  // of 1 to 4 base pages each, in places of 4
constexpr uint32_t kPlace = 4;

PageId IdOf(uint64_t node) { return kFirst + node * kPlace; }

// A page is whole when it says the same at both ends.
void Fill(char* page, uint32_t pages, uint64_t word) {
  EncodeFixed64(page + PageHeader::kSize, word);
  std::memset(page + PageHeader::kSize + 8, static_cast<int>(word % 251),
              pages * kPageBytes - PageHeader::kSize - 16);
  EncodeFixed64(page + pages * kPageBytes - 8, word);
}
bool IsWhole(const char* page, uint32_t pages) {
  return DecodeFixed64(page + PageHeader::kSize) ==
         DecodeFixed64(page + pages * kPageBytes - 8);
}

absl::Status Validate(const char* page) {
  return IsWhole(page, PagesOf(page)) ? absl::OkStatus()
                                      : PageDamaged(PageIdOf(page), "is torn");
}

const PageOps& Ops() {
  static const PageOps* const ops = [] {
    auto* o = new PageOps;
    o->kinds[static_cast<size_t>(PageKind::kValue)] = {"value", Validate};
    return o;
  }();
  return *ops;
}

// Looks at every page on its way to the file.
class WatchedFile : public File {
 public:
  explicit WatchedFile(std::unique_ptr<File> base) : base_(std::move(base)) {}

  std::atomic<Stamp> private_floor{kStampEnd};
  std::atomic<std::thread::id> writer{};

  absl::Status Read(uint64_t offset, absl::Span<char> out) const override {
    return base_->Read(offset, out);
  }
  absl::Status Write(uint64_t offset, std::string_view data) override {
    for (size_t at = 0; at < data.size();) {
      const char* page = data.data() + at;
      const uint32_t pages = PagesOf(page);
      const Stamp floor = private_floor.load();
      EXPECT_TRUE(IsWhole(page, pages)) << "page " << PageIdOf(page) << " is torn";
      if (std::this_thread::get_id() != writer.load()) {
        EXPECT_LT(BirthOf(page), floor) << "page " << PageIdOf(page) << " of the writer";
      }
      at += pages * kPageBytes;
    }
    return base_->Write(offset, data);
  }
  absl::Status WriteGather(uint64_t offset,
                           absl::Span<const std::string_view> parts) override {
    return base_->WriteGather(offset, parts);
  }
  absl::Status Sync() override { return base_->Sync(); }
  absl::StatusOr<uint64_t> Size() const override { return base_->Size(); }
  absl::Status Truncate(uint64_t size) override { return base_->Truncate(size); }
  void StartWriteback(uint64_t, uint64_t) override {}
  absl::Status Lock(LockMode mode) override { return base_->Lock(mode); }
  absl::StatusOr<uint32_t> LinkCount() const override { return base_->LinkCount(); }

 private:
  const std::unique_ptr<File> base_;
};

class BufferRace : public testing::Test {
 protected:
  void SetUp() override {
    auto file = fs_->Open("/pages", OpenMode::kCreateNew);
    ASSERT_TRUE(file.ok()) << file.status();
    file_ = std::make_unique<WatchedFile>(*std::move(file));
    for (uint64_t n = 0; n < kNodes; ++n) {
      Node& node = nodes_[n];
      node.ref = {IdOf(n), 1, static_cast<uint32_t>(1 + n % kPlace), false};
      node.word = n;
      std::string page(node.ref.pages * kPageBytes, '\0');
      InitPageHeader(page.data(), PageKind::kValue, node.ref.pages, node.ref.id, 1);
      Fill(page.data(), node.ref.pages, node.word);
      SealPage(page.data(), page.size());
      ASSERT_TRUE(file_->Write(node.ref.id * kPageBytes, page).ok());
    }
    ASSERT_TRUE(file_->Truncate(IdOf(kNodes) * kPageBytes).ok());
    buffer_ = std::make_unique<BufferManager>(file_.get(), &Ops(), 1 << 20);
    buffer_->set_page_end(IdOf(kNodes));
  }

  struct Node {
    std::shared_mutex mu;  // a version is not freed while somebody looks
    PageRef ref;
    uint64_t word = 0;
  };

  static bool Shows(const char* page, const Node& node) {
    return BirthOf(page) == node.ref.birth && PagesOf(page) == node.ref.pages &&
           DecodeFixed64(page + PageHeader::kSize) == node.word &&
           IsWhole(page, node.ref.pages);
  }

  // One look at a node, in one of the ways there are.
  void Look(ReaderSlot* slot, std::mt19937_64& random) {
    Node& node = nodes_[random() % kNodes];
    std::shared_lock lock(node.mu);
    if (random() % 4 == 0) {
      absl::StatusOr<const char*> page = buffer_->Pin(node.ref);
      ASSERT_TRUE(page.ok()) << page.status();
      const PinnedPage pin(buffer_.get(), node.ref.id, *page);
      ASSERT_TRUE(Shows(*page, node));
      if (random() % 8 == 0) std::this_thread::yield();
      ASSERT_TRUE(Shows(*page, node));
      return;
    }
    for (;;) {
      {
        EpochGuard guard(*buffer_, slot);
        if (const char* page = buffer_->Peek(node.ref.id)) {
          ASSERT_TRUE(Shows(page, node)) << "page " << node.ref.id;
          if (random() % 64 == 0) std::this_thread::yield();
          ASSERT_TRUE(Shows(page, node)) << "page " << node.ref.id;
          if (random() % 2 == 0) {
            ASSERT_TRUE(buffer_->TryPin(node.ref.id));  // as a look-up takes its leaf
            buffer_->Unpin(node.ref.id);
          }
          return;
        }
      }
      const absl::Status loaded = buffer_->Load(node.ref);
      ASSERT_TRUE(loaded.ok()) << loaded;
    }
  }

  // One transaction: some nodes are replaced by new versions of them.
  void Replace(Stamp stamp, std::mt19937_64& random) {
    std::vector<uint64_t> changed;
    for (uint64_t i = 1 + random() % 30; i > 0; --i) {
      const uint64_t n = random() % kNodes;
      if (std::find(changed.begin(), changed.end(), n) == changed.end())
        changed.push_back(n);
    }
    std::sort(changed.begin(), changed.end());  // they are locked in order
    std::vector<std::unique_lock<std::shared_mutex>> locks;
    buffer_->set_private_floor(stamp);
    file_->private_floor = stamp;
    for (uint64_t n : changed) {
      ASSERT_TRUE(buffer_->Reserve(2 * kPlace).ok());
      locks.emplace_back(nodes_[n].mu);
      Node& node = nodes_[n];
      // Whoever writes pages out pins them for a moment.
      while (!buffer_->Free(node.ref.id)) std::this_thread::yield();
      node.ref.birth = stamp;
      node.word = random();
      absl::StatusOr<char*> made = buffer_->NewPage(PageKind::kValue, node.ref);
      ASSERT_TRUE(made.ok()) << made.status();
      Fill(*made, node.ref.pages, node.word);
      // Changed again in place, unless it was written meanwhile.
      for (int again = static_cast<int>(random() % 3); again > 0; --again) {
        char* page = nullptr;
        for (int tries = 0; page == nullptr && tries < 1000; ++tries) {
          page = buffer_->WritablePage(node.ref, stamp);
          if (page == nullptr) std::this_thread::yield();
        }
        ASSERT_NE(page, nullptr);
        std::this_thread::yield();
        node.word = random();
        Fill(page, node.ref.pages, node.word);
      }
    }
    file_->private_floor = kStampEnd;
    buffer_->set_private_floor(kStampEnd);
    locks.clear();
    if (random() % 8 != 0) return;
    std::vector<PageRef> refs;  // as a checkpoint does
    for (uint64_t n : changed) {
      std::shared_lock lock(nodes_[n].mu);
      refs.push_back(nodes_[n].ref);
    }
    const absl::Status written = buffer_->WriteOut(refs);
    ASSERT_TRUE(written.ok()) << written;
  }

  const std::unique_ptr<FileSystem> fs_ = NewMemoryFileSystem();
  std::unique_ptr<WatchedFile> file_;
  std::unique_ptr<BufferManager> buffer_;
  Node nodes_[kNodes];
};

TEST_F(BufferRace, ReadersEvictWhileAWriterReplaces) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937_64 random(t);
      ReaderSlot* const slot = buffer_->slots().Acquire();
      while (!stop && !HasFailure()) Look(slot, random);
      buffer_->slots().Release(slot);
    });
  }
  threads.emplace_back([&] {
    std::mt19937_64 random(99);
    file_->writer = std::this_thread::get_id();
    for (Stamp stamp = 2; !stop && !HasFailure(); ++stamp) Replace(stamp, random);
    file_->writer = std::thread::id();
  });
  const absl::Time end = absl::Now() + kTime;
  while (absl::Now() < end && !HasFailure()) absl::SleepFor(absl::Milliseconds(10));
  stop = true;
  for (std::thread& t : threads) t.join();
  const absl::Status checked = buffer_->Check();
  EXPECT_TRUE(checked.ok()) << checked;
  const BufferStats stats = buffer_->stats();
  EXPECT_GT(stats.evictions, kNodes);
  EXPECT_GT(stats.pages_written, 0u);
  EXPECT_FALSE(buffer_->AnyPinned());
  std::printf("%llu misses, %llu evictions, %llu pages written\n",
              static_cast<unsigned long long>(stats.misses),
              static_cast<unsigned long long>(stats.evictions),
              static_cast<unsigned long long>(stats.pages_written));
}

// Only the pages that somebody holds are in the way of the others.
TEST_F(BufferRace, PinnedPagesStayAndTheRestGoesOn) {
  std::vector<PinnedPage> pins;
  for (uint64_t n = 0; n < 60; ++n) {
    absl::StatusOr<const char*> page = buffer_->Pin(nodes_[n].ref);
    ASSERT_TRUE(page.ok()) << page.status();
    pins.emplace_back(buffer_.get(), nodes_[n].ref.id, *page);
  }
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937_64 random(t);
      ReaderSlot* const slot = buffer_->slots().Acquire();
      for (int i = 0; i < 3000 && !HasFailure(); ++i) Look(slot, random);
      buffer_->slots().Release(slot);
    });
  }
  for (std::thread& t : threads) t.join();
  for (uint64_t n = 0; n < pins.size(); ++n)
    EXPECT_TRUE(Shows(pins[n].data(), nodes_[n]));
  // All of the budget pinned: an error, and work again when some are let go.
  absl::Status status;
  for (uint64_t n = 60; n < kNodes && status.ok(); ++n) {
    absl::StatusOr<const char*> page = buffer_->Pin(nodes_[n].ref);
    status = page.status();
    if (status.ok()) pins.emplace_back(buffer_.get(), nodes_[n].ref.id, *page);
  }
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  pins.clear();
  EXPECT_TRUE(buffer_->Load(nodes_[kNodes - 1].ref).ok());
  EXPECT_LE(buffer_->stats().bytes_used, buffer_->stats().bytes_max);
}

}  // namespace
}  // namespace sheaf::pager
