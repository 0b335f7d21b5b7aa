// Proves that a node's record is what the format says, read bit by bit, in both formats, and
// that options as text come back, with their format.
#include "vector/layout.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace sheaf::vectors {
namespace {

Options OptionsOf(uint32_t dimensions, uint32_t m) {
  Options options;
  options.dimensions = dimensions;
  options.m = m;
  return options;
}

// The number in some bits of a record, by the definition.
uint64_t BitsAt(const std::string& record, size_t first, size_t count) {
  uint64_t value = 0;
  for (size_t i = 0; i < count; ++i) {
    const auto byte = static_cast<uint8_t>(record[(first + i) / 8]);
    value |= uint64_t{byte >> (first + i) % 8 & 1u} << i;
  }
  return value;
}

TEST(NodeRecord, IsWhatTheFormatSays) {
  std::mt19937 random(1);
  for (const uint32_t m : {2u, 3u, 4u, 5u, 16u, 21u, 128u}) {
    for (const uint32_t format : {1u, 2u}) {
      const Layout layout(OptionsOf(24, m), format);
      for (uint32_t count = 0; count <= 2 * m; ++count) {
        std::vector<std::vector<Slot>> links(1 + random() % 24);
        for (uint32_t i = 0; i < count; ++i)
          links[0].push_back(i % 3 == 0 ? layout.slot_end - 1
                                        : static_cast<Slot>(random()) % layout.slot_end);
        std::string code;
        for (size_t i = 0; i < layout.code_bytes; ++i)
          code.push_back(static_cast<char>(random()));
        const Stamp stamp = (uint64_t{random()} << 16 | 0xff) % kStampEnd;
        std::string record;
        EncodeNode({stamp, code, links.size() - 1, links[0]}, layout, &record);

        ASSERT_EQ(record.size(), layout.node_bytes);
        EXPECT_EQ(BitsAt(record, 0, 48), stamp);
        const size_t code_at = format == 1 ? 10 : 8;
        const size_t bits = format == 1 ? 32 : 27;
        if (format == 1) {
          EXPECT_EQ(BitsAt(record, 48, 16), links.size() - 1);
          EXPECT_EQ(BitsAt(record, 64, 16), count);
        } else {
          EXPECT_EQ(BitsAt(record, 48, 10), count);
          EXPECT_EQ(BitsAt(record, 58, 6), links.size() - 1);
        }
        EXPECT_EQ(record.substr(code_at, code.size()), code);
        const size_t links_at = code_at + code.size();
        EXPECT_EQ(record.size(),
                  links_at + (format == 1 ? 8 * m : (27 * 2 * m + 7) / 8 + 1));
        const NodeView node(record.data());
        EXPECT_EQ(node.stamp(), stamp);
        EXPECT_EQ(node.level(layout), links.size() - 1);
        EXPECT_EQ(std::string(node.code(layout), code.size()), code);
        ASSERT_EQ(node.link_count(layout), count);
        for (uint32_t i = 0; i < 2 * m; ++i) {
          const Slot link = i < count ? links[0][i] : 0;
          EXPECT_EQ(BitsAt(record, 8 * links_at + i * bits, bits), link) << i;
          EXPECT_EQ(node.Link(layout, i), link) << i;
        }
      }
    }
  }
}

TEST(NodeRecord, FifteenOfTheUsualFillAPage) {
  const Layout layout(OptionsOf(128, 16));
  EXPECT_EQ(layout.node_bytes, 261u);
  EXPECT_EQ(layout.node_packing.in_group, 5u);
  EXPECT_LE(btree::DenseView::kPayload + 3 * btree::DenseLeafView::kGroupBytes + 15 * 261,
            pager::kPageBytes);
}

TEST(OptionsText, ComesBackWithItsFormat) {
  for (const uint32_t format : {1u, 2u}) {
    const Layout layout(OptionsOf(128, 16), format);
    const auto parsed = ParseOptionsText(OptionsText(layout));
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(parsed->format, format);
    EXPECT_EQ(parsed->node_bytes, layout.node_bytes);
    EXPECT_EQ(parsed->slot_end, format == 1 ? 1u << 30 : 1u << 27);
  }
  const std::string text = OptionsText(Layout(OptionsOf(128, 16)));
  EXPECT_TRUE(absl::IsUnimplemented(ParseOptionsText("3" + text.substr(1)).status()));
  for (const char* first : {"0", "", "x", "-1"})
    EXPECT_TRUE(absl::IsDataLoss(ParseOptionsText(first + text.substr(1)).status()));
}

}  // namespace
}  // namespace sheaf::vectors
