// A file with compressed tables, of format version 1, stays readable: every kind of
// encoded value, with and without dictionaries, one of which was replaced by another.
// SHEAF_WRITE_GOLDEN=1 writes it anew.
#include <gtest/gtest.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "tests/api/damage_util.h"
#include "tests/support/command.h"

namespace sheaf::test {
namespace {

std::string GoldenPath() {
  return absl::StrCat(SHEAF_SOURCE_DIR, "/tests/golden/v1-compressed.sheaf");
}

struct Kind {
  const char* table;
  Compression compression;
  uint64_t as_is, with_dictionary;
};
constexpr Kind kKinds[] = {
    {"lz4", {CompressionKind::kLz4}, 2, 0},
    {"lz4-dictionary", {CompressionKind::kLz4, 3, true, 20}, 2, 41},
    {"zstd", {CompressionKind::kZstd, 9}, 2, 0},
    {"zstd-dictionary", {CompressionKind::kZstd, 3, true, 20}, 2, 41},
};

std::map<std::string, std::string> Values() {
  std::map<std::string, std::string> values = {{"empty", ""}, {"short", "a few"}};
  for (int i = 0; i < 40; ++i)
    values[absl::StrCat("key", 100 + i)] = absl::StrCat(
        "{\"number\":", i * 7919, ",\"what\":\"one of many values\",\"more\":\"",
        "one of many values and of those that are like it\"}");
  std::string& large = values["large"];
  while (large.size() < 100'000)
    absl::StrAppend(&large, "line ", large.size() * 7919, "\n");
  return values;
}

void WriteGolden() {
  auto fs = pager::NewMemoryFileSystem();
  auto db = OpenSample(fs.get());
  ASSERT_TRUE(db.ok());
  for (const bool again : {false, true})
    for (const Kind& kind : kKinds) {
      const absl::Status written =
          (*db)->Write([&](WriteTransaction& txn) -> absl::Status {
            SHEAF_ASSIGN_OR_RETURN(
                Table table, txn.table(kind.table, {.compression = kind.compression}));
            if (again && kind.compression.dictionary)
              return txn.Recompress(kind.table, kind.compression);
            for (const auto& [key, value] : Values())
              SHEAF_RETURN_IF_ERROR(table.Put(key, value));
            return absl::OkStatus();
          });
      ASSERT_TRUE(written.ok()) << written;
    }
  ASSERT_TRUE((*db)->Close().ok());
  db->reset();
  WriteFile(GoldenPath(), ReadWholeFile(fs.get(), kPath));
}

TEST(CompressedGolden, Version1Opens) {
  if (std::getenv("SHEAF_WRITE_GOLDEN") != nullptr) WriteGolden();
  auto fs = pager::NewMemoryFileSystem();
  WriteWholeFile(fs.get(), kPath, ReadFile(GoldenPath()));
  const Verdict v = Judge(fs.get(), kPath, true);
  EXPECT_TRUE(v.open.ok() && v.read.ok() && !v.noticed()) << v.ToString();
  Content expected;
  for (const Kind& kind : kKinds) expected[kind.table] = Values();
  EXPECT_TRUE(v.content == expected);
  auto db = OpenSample(fs.get());
  ASSERT_TRUE(db.ok()) << db.status();
  const ReadTransaction read = (*db)->BeginRead();
  for (const Kind& kind : kKinds) {
    const auto stats = read.Measure(kind.table);
    ASSERT_TRUE(stats.ok()) << stats.status();
    EXPECT_EQ(stats->compression, kind.compression);
    EXPECT_EQ(stats->entries, 43u);
    EXPECT_EQ(stats->values_as_is, kind.as_is) << kind.table;
    EXPECT_EQ(stats->values_with_dictionary, kind.with_dictionary) << kind.table;
    EXPECT_EQ(stats->dictionaries, kind.compression.dictionary ? 1u : 0u);
  }
}

}  // namespace
}  // namespace sheaf::test
