// ValidateNode on arbitrary bytes (RELIABILITY R8, R9): a node that it accepts can be
// read, searched, described and changed without leaving its page, and what changes
// make of it is accepted again.
//
// The input is the page from its kind on; the fields that VerifyPage would have
// looked at are set right. Its first byte says how many base pages, its second which
// changes are tried.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "btree/node.h"
#include "btree/separator.h"
#include "tests/support/exact_bytes.h"

namespace sheaf::btree {
namespace {

using test::Require;

using pager::kPageBytes;
using pager::PageKind;

// Of its exact size on the heap, so that a sanitizer sees the first byte too many.
using Page = std::unique_ptr<char[]>;

Page MakePage(std::string_view body, uint32_t pages) {
  const size_t bytes = pages * kPageBytes;
  Page page(new char[bytes]());
  body.copy(page.get() + PageHeader::kKind, bytes - PageHeader::kKind);
  const char kind = page[PageHeader::kKind];
  page[PageHeader::kKind] =
      static_cast<char>((kind & 1) == 0 ? PageKind::kLeaf : PageKind::kInner);
  page[PageHeader::kPages] = static_cast<char>(pages);
  return page;
}

void Read(const char* page) {
  const NodeView node(page);
  uint64_t sum = node.EntriesBelow() + node.FillPermille();
  std::string key, before;
  for (uint32_t i = 0; i < node.count(); ++i) {
    node.KeyTo(i, &key);
    Require(key.size() <= kKeyMax, "a key longer than keys may be");
    const bool routes = node.is_leaf() || i > 0;
    if (routes) {
      Require(i == (node.is_leaf() ? 0u : 1u) || before < key, "keys are not in order");
      const NodeView::Position at = node.LowerBound(key);
      Require(at.exact && at.index == i, "a key is not found");
      Require(node.is_leaf() || node.ChildIndex(key) == i, "a key leads elsewhere");
    }
    if (node.is_leaf()) {
      for (const char c : node.Value(i).bytes) sum += static_cast<uint8_t>(c);
    } else {
      sum += node.Child(i).entries;
    }
    before = key;
  }
  ForEachNodeRef(page, [&](const PageRef& ref) { sum += ref.id; });
  Require(DescribeNode(page).size() < (1 << 20), "a description without end");
  volatile uint64_t all_read = sum;
  (void)all_read;
}

void Change(char* page, uint8_t seed) {
  Node node(page);
  uint32_t x = seed * 2654435761u + 12345;
  const auto next = [&x](uint32_t bound) {
    x = x * 1664525 + 1013904223;
    return (x >> 8) % bound;
  };
  const size_t ref_bytes = node.values_are_refs() ? 20 : 0;
  for (int step = 0; step < 24; ++step) {
    std::string key;
    if (node.count() > 0 && next(2) == 0) node.KeyTo(next(node.count()), &key);
    if (key.empty() || next(3) == 0) key.push_back(static_cast<char>(next(256)));
    key.resize(std::min(key.size(), kKeyMax));
    const NodeView::Position at = node.LowerBound(key);
    if (node.is_leaf()) {
      const std::string value(std::max<size_t>(ref_bytes, next(400)), '\0');
      const LeafEntry entry{key, value, false};
      if (at.exact && next(2) == 0)
        node.Remove(at.index);
      else if (at.exact)
        node.Replace(at.index, entry);
      else
        node.Insert(at.index, entry);
    } else if (at.exact && node.count() > 2) {
      node.Remove(next(3) == 0 ? 0 : at.index);
    } else if (!at.exact) {
      node.InsertChild(at.index, key, {{9, 0, 1, false}, 1});
    }
    const absl::Status valid = ValidateNode(page);
    if (!valid.ok())
      std::fprintf(stderr, "step %d: %s\n", step, valid.ToString().c_str());
    Require(valid.ok(), "a change made a valid node invalid");
  }
}

// As a split does it.
void Halve(char* page, uint32_t pages) {
  Node node(page);
  const uint32_t n = node.count();
  if (n < 2) return;
  Page right_page = MakePage("", pages);
  right_page[PageHeader::kKind] = page[PageHeader::kKind];
  std::memcpy(right_page.get() + PageHeader::kBirth, page + PageHeader::kBirth, 8);
  Node right(right_page.get());
  const uint32_t p = MiddleSlot(node);
  Require(p >= 1 && p < n, "a middle outside");
  right.Init(node.level(), node.values(), CommonPrefixOf(node, p, n));
  right.AppendFrom(node, p, n, {});
  node.RemoveRange(p, n);
  Require(ValidateNode(page).ok() && ValidateNode(right_page.get()).ok(),
          "halves of a valid node are invalid");
}

void Run(std::string_view input) {
  if (input.size() < 2) return;
  const uint32_t pages = static_cast<uint8_t>(input[0]) % 16 + 1;
  const Page page = MakePage(input.substr(2), pages);
  if (!ValidateNode(page.get()).ok()) return;
  Read(page.get());
  ClearUnusedInNode(page.get());
  Require(ValidateNode(page.get()).ok(), "clearing what is unused made it invalid");
  if ((input[1] & 1) != 0) Halve(page.get(), pages);
  Change(page.get(), static_cast<uint8_t>(input[1]));
  Read(page.get());
}

}  // namespace
}  // namespace sheaf::btree

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sheaf::btree::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
