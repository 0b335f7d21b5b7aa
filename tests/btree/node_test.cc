// A node against a sorted map: every entry is found where it belongs, whatever the
// prefix and the order of changes; and a node that was tampered with is refused or
// harmless to read and to change (RELIABILITY R9, R12).
#include "btree/node.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "absl/strings/str_cat.h"

namespace sheaf::btree {
namespace {

using pager::EncodeFixed64;
using pager::kPageBytes;
using pager::PageKind;

class Page {
 public:
  explicit Page(uint32_t level = 0, uint32_t pages = 1, char fill = 0)
      : bytes_(pages * kPageBytes, fill) {
    pager::InitPageHeader(bytes_.data(), level == 0 ? PageKind::kLeaf : PageKind::kInner,
                          pages, 77, 1000);
    node().Init(level, Values::kPlain, {});
  }
  Node node() { return Node(bytes_.data()); }
  char* data() { return bytes_.data(); }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

using Entries = std::map<std::string, std::string>;

void ExpectIs(Page* page, const Entries& entries) {
  const NodeView node(page->data());
  const absl::Status valid = ValidateNode(page->data());
  ASSERT_TRUE(valid.ok()) << valid;
  ASSERT_EQ(node.count(), entries.size());
  uint32_t i = 0;
  for (const auto& [key, value] : entries) {
    ASSERT_EQ(node.Key(i), key);
    ASSERT_EQ(node.Value(i).bytes, value);
    const NodeView::Position at = node.LowerBound(key);
    ASSERT_TRUE(at.exact && at.index == i) << key;
    ++i;
  }
}

TEST(Node, RandomChangesMatchAMap) {
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    Page page(0, seed % 8 == 0 ? 4 : 1, static_cast<char>(seed));
    Entries entries;
    const std::string common(random() % 3 == 0 ? random() % 60 : 0, 'c');
    const auto make_key = [&] {
      std::string key = random() % 20 == 0 ? "" : common;
      for (uint32_t n = 1 + random() % 7; n > 0; --n) key += "ab\0\xff"[random() % 4];
      if (random() % 40 == 0) key.append(random() % 900, 'z');
      return key;
    };
    for (int step = 0; step < 400; ++step) {
      const std::string key = make_key(),
                        value(random() % 60, static_cast<char>('A' + step % 26));
      Node node = page.node();
      const NodeView::Position at = node.LowerBound(key);
      const auto bound = entries.lower_bound(key);
      ASSERT_EQ(at.exact, bound != entries.end() && bound->first == key);
      ASSERT_EQ(at.index, static_cast<uint32_t>(std::distance(entries.begin(), bound)));
      if (at.exact && random() % 2 == 0) {
        node.Remove(at.index);
        entries.erase(key);
      } else if (at.exact) {
        if (node.Replace(at.index, {key, value})) entries[key] = value;
      } else if (random() % 8 == 0 && node.count() > 3) {
        const uint32_t begin = random() % node.count();
        const uint32_t end = begin + random() % (node.count() - begin) / 2;
        node.RemoveRange(begin, end);
        entries.erase(std::next(entries.begin(), begin), std::next(entries.begin(), end));
      } else if (node.Insert(at.index, {key, value})) {
        entries[key] = value;
      }
      if (step % 16 == 0) ExpectIs(&page, entries);
      ASSERT_FALSE(testing::Test::HasFailure()) << "step " << step;
    }
    ExpectIs(&page, entries);
  }
}

TEST(Node, FullToTheLastByte) {
  for (const size_t value_size :
       {size_t{0}, size_t{1}, size_t{63}, size_t{64}, size_t{500}}) {
    Page page;
    Entries entries;
    for (int i = 0; i < 2000; ++i) {
      const std::string key = absl::StrCat(10000 + i);
      const uint32_t free = page.node().free_bytes();
      if (!page.node().Insert(page.node().count(), {key, std::string(value_size, 'v')})) {
        EXPECT_LT(free, 8 + 2 + 5 + value_size);
        break;
      }
      entries[key] = std::string(value_size, 'v');
    }
    ExpectIs(&page, entries);
    // Room is there again as soon as something goes.
    const auto middle = static_cast<uint32_t>(entries.size() / 2);
    const std::string key = page.node().Key(middle);
    page.node().Remove(middle);
    EXPECT_TRUE(page.node().Insert(middle, {key, std::string(value_size, 'v')}));
    EXPECT_TRUE(ValidateNode(page.data()).ok());
  }
}

TEST(Node, KeysThatDifferOnlyInLength) {
  Page page;
  Entries entries;
  for (const size_t size : {1u, 2u, 3u, 4u, 5u, 6u, 9u}) {
    for (const char c : {'\0', 'a'}) {
      const std::string key(size, c);
      const NodeView::Position at = page.node().LowerBound(key);
      ASSERT_FALSE(at.exact);
      ASSERT_TRUE(page.node().Insert(at.index, {key, absl::StrCat(size)}));
      entries[key] = absl::StrCat(size);
    }
  }
  ExpectIs(&page, entries);
  EXPECT_FALSE(page.node().LowerBound("").exact);
  EXPECT_EQ(page.node().LowerBound("").index, 0u);
}

TEST(Node, InnerNodesRoute) {
  std::mt19937 random(5);
  Page page(1);
  Node node = page.node();
  std::vector<std::string> separators = {""};
  ASSERT_TRUE(node.InsertChild(0, "", {{100, 5, 1, false}, 1}));
  std::map<std::string, uint64_t> children;
  for (int i = 1; i < 120; ++i) {
    std::string key = absl::StrCat("prefix", random() % 100000);
    const NodeView::Position at = node.LowerBound(key);
    if (at.exact || !node.InsertChild(at.index, key, {{100u + i, 5, 1, false}, 1}))
      continue;
    children[key] = 100 + i;
  }
  ASSERT_TRUE(ValidateNode(page.data()).ok()) << ValidateNode(page.data());
  for (const auto& [key, id] : children) {
    EXPECT_EQ(node.ChildPage(node.ChildIndex(key)).id, id);
    EXPECT_EQ(node.ChildPage(node.ChildIndex(key + "\x01")).id, id);
  }
  EXPECT_EQ(node.ChildPage(node.ChildIndex("a")).id, 100u);
  node.AddEntries(3, 41);
  EXPECT_EQ(node.EntriesBelow(), children.size() + 1 + 41);
  while (node.count() > 1) {
    node.Remove(random() % node.count());
    ASSERT_TRUE(ValidateNode(page.data()).ok()) << ValidateNode(page.data());
  }
}

// Keys of few letters, zero bytes among them, so that heads are alike and keys end within
// heads, under prefixes shorter and longer than a word.
TEST(Node, SearchesMatchALinearOne) {
  for (uint32_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const std::string common(random() % 2 == 0 ? random() % 13 : 0, 'c');
    const auto make_key = [&] {
      std::string key = random() % 10 == 0 ? common.substr(0, random() % 13) : common;
      for (uint32_t n = random() % 7; n > 0; --n) key.push_back("\0ac\xff"[random() % 4]);
      return key;
    };
    std::set<std::string> keys;
    for (uint32_t n = 1 + random() % 60; n > 0; --n) {
      const std::string key = make_key();
      if (!key.empty() && key.substr(0, common.size()) == common) keys.insert(key);
    }
    Page plain_leaf, plain_inner(1);
    Page leaf, inner(1);
    ASSERT_TRUE(plain_inner.node().InsertChild(0, "", {{10, 1, 1}, 1}));
    uint32_t i = 0;
    for (const std::string& key : keys) {
      ASSERT_TRUE(plain_leaf.node().Insert(i, {key, "v"}));
      ++i;
      ASSERT_TRUE(plain_inner.node().InsertChild(i, key, {{10 + i, 1, 1}, 1}));
    }
    leaf.node().Init(0, Values::kPlain, common);
    leaf.node().AppendFrom(plain_leaf.node(), 0, i, {});
    inner.node().Init(1, Values::kPlain, common);
    inner.node().AppendFrom(plain_inner.node(), 0, i + 1, {});
    for (int step = 0; step < 300; ++step) {
      const std::string key = make_key();
      const auto below =
          static_cast<uint32_t>(std::distance(keys.begin(), keys.lower_bound(key)));
      const NodeView::Position at = leaf.node().LowerBound(key);
      EXPECT_EQ(at.index, below);
      EXPECT_EQ(at.exact, keys.count(key) != 0);
      EXPECT_EQ(inner.node().ChildIndex(key), below + keys.count(key));
    }
  }
}

TEST(Node, ALongerPrefixChangesNothingElse) {
  for (uint32_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const std::string common(random() % 40, 'c');
    Page page(0), inner(1);
    Entries entries;
    std::set<std::string> separators;
    ASSERT_TRUE(inner.node().InsertChild(0, "", {{10, 1, 1}, 1}));
    for (uint32_t n = random() % 200; n > 0; --n) {
      const std::string key = absl::StrCat(common, random() % 100'000);
      const std::string value(random() % 20, 'v');
      const NodeView::Position at = page.node().LowerBound(key);
      if (!at.exact && page.node().Insert(at.index, {key, value})) entries[key] = value;
      const NodeView::Position child = inner.node().LowerBound(key);
      if (!child.exact && inner.node().InsertChild(child.index, key, {{11, 1, 1}, 1}))
        separators.insert(key);
    }
    page.node().LengthenPrefix();
    ExpectIs(&page, entries);
    inner.node().LengthenPrefix();
    ASSERT_TRUE(ValidateNode(inner.data()).ok()) << ValidateNode(inner.data());
    ASSERT_EQ(inner.node().count(), separators.size() + 1);
    uint32_t i = 0;
    for (const std::string& key : separators) EXPECT_EQ(inner.node().Key(++i), key);
    if (separators.size() > 1 && inner.node().free_bytes() > 64) {
      EXPECT_EQ(inner.node().prefix_size(),
                CommonPrefix(*separators.begin(), *separators.rbegin()));
    }
  }
}

// R12
TEST(Node, UnusedBytesAreCleared) {
  std::string images[2];
  for (int fill : {0, 1}) {
    Page page(0, 1, fill == 0 ? '\0' : '\xff');
    std::mt19937 random(9);
    for (int i = 0; i < 300; ++i) {
      const std::string key = absl::StrCat("k", random() % 80);
      const NodeView::Position at = page.node().LowerBound(key);
      if (at.exact)
        page.node().Remove(at.index);
      else
        page.node().Insert(at.index, {key, std::string(random() % 50, 'v')});
    }
    // Dead cells are content: they hold what was put there, not stale memory.
    ClearUnusedInNode(page.data());
    images[fill] = page.bytes();
  }
  EXPECT_TRUE(images[0] == images[1]);
}

// Any change to a valid node is refused or leaves a node that can be used.
TEST(Node, TamperedNodesAreRefusedOrHarmless) {
  std::mt19937 random(11);
  int accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    Page page(round % 3 == 0 ? 1 : 0);
    Node node = page.node();
    for (int i = 0; i < 12; ++i) {
      const std::string key = absl::StrCat("key", 100 + i, std::string(i % 4, 'x'));
      const bool inserted = node.is_leaf()
                                ? node.Insert(i, {key, std::string(20, 'v')})
                                : node.InsertChild(i, key, {{100u + i, 5, 1, false}, 1});
      ASSERT_TRUE(inserted);
    }
    const uint32_t slots_at = node.slots_at(), heap_bytes = node.heap_bytes();
    for (uint32_t n = 1 + random() % 3; n > 0; --n) {
      const uint32_t area = random() % 4;
      const size_t at = area == 0   ? 4 + random() % 60
                        : area == 1 ? slots_at + random() % (12 * 8)
                                    : kPageBytes - 1 - random() % heap_bytes;
      page.data()[at] = random() % 2 == 0
                            ? static_cast<char>(random())
                            : static_cast<char>(page.data()[at] ^ 1 << random() % 8);
    }
    if (static_cast<uint8_t>(page.data()[5]) != 1) continue;  // VerifyPage knows the size
    const auto kind = pager::PageKindOf(page.data());
    if (kind != PageKind::kLeaf && kind != PageKind::kInner) continue;
    if (!ValidateNode(page.data()).ok()) continue;
    ++accepted;
    Page copy(0);
    std::memcpy(copy.data(), page.data(), kPageBytes);
    uint64_t sum = 0;
    ForEachNodeRef(page.data(), [&](const PageRef& ref) { sum += ref.id; });
    EXPECT_FALSE(DescribeNode(page.data()).empty());
    std::string before;
    for (uint32_t i = 0; i < node.count(); ++i) {
      const std::string key = node.Key(i);
      EXPECT_TRUE(i == 0 || before < key);
      const NodeView::Position found = node.LowerBound(key);
      const bool has_key = node.is_leaf() || i > 0;
      EXPECT_TRUE(!has_key || (found.exact && found.index == i));
      if (node.is_leaf()) sum += node.Value(i).bytes.size();
      before = key;
    }
    // Changes, too, find their way.
    for (int change = 0; change < 40; ++change) {
      const std::string key = absl::StrCat("key", 100 + random() % 40);
      const NodeView::Position at = node.LowerBound(key);
      if (node.is_leaf() && at.exact && change % 2 == 0)
        node.Remove(at.index);
      else if (node.is_leaf() && at.exact)
        node.Replace(at.index, {key, std::string(change, 'w')});
      else if (node.is_leaf())
        node.Insert(at.index, {key, std::string(90, 'n')});
      else if (!at.exact)
        node.InsertChild(at.index, key, {{500, 5, 1, false}, 1});
      else if (node.count() > 2)
        node.Remove(at.index);
    }
    ClearUnusedInNode(page.data());
    const absl::Status valid = ValidateNode(page.data());
    EXPECT_TRUE(valid.ok()) << valid;
    if (HasFailure()) FAIL() << "round " << round;
  }
  EXPECT_GT(accepted, 1000);
}

}  // namespace
}  // namespace sheaf::btree
