// A file whose large values have tails in their leaves, of format version 1, stays
// readable. SHEAF_WRITE_GOLDEN=1 writes it anew.
#include <gtest/gtest.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "tests/api/damage_util.h"
#include "tests/support/command.h"

namespace sheaf::test {
namespace {

std::string GoldenPath() {
  return absl::StrCat(SHEAF_SOURCE_DIR, "/tests/golden/v1-tails.sheaf");
}

std::map<std::string, std::string> Values() {
  std::map<std::string, std::string> values;
  for (const size_t size : {4032, 4033, 4096, 4288, 4289, 8192, 65536, 65729}) {
    std::string& value = values[absl::StrCat("of ", size)];
    while (value.size() < size) absl::StrAppend(&value, value.size() * 7919, ",");
    value.resize(size);
  }
  return values;
}

void WriteGolden() {
  auto fs = pager::NewMemoryFileSystem();
  auto db = OpenSample(fs.get());
  ASSERT_TRUE(db.ok());
  const absl::Status written = (*db)->Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Table table, txn.table("t"));
    for (const auto& [key, value] : Values())
      SHEAF_RETURN_IF_ERROR(table.Put(key, value));
    return absl::OkStatus();
  });
  ASSERT_TRUE(written.ok()) << written;
  ASSERT_TRUE((*db)->Close().ok());
  db->reset();
  WriteFile(GoldenPath(), ReadWholeFile(fs.get(), kPath));
}

TEST(TailGolden, Version1Opens) {
  if (std::getenv("SHEAF_WRITE_GOLDEN") != nullptr) WriteGolden();
  auto fs = pager::NewMemoryFileSystem();
  WriteWholeFile(fs.get(), kPath, ReadFile(GoldenPath()));
  const Verdict v = Judge(fs.get(), kPath, true);
  EXPECT_TRUE(v.open.ok() && v.read.ok() && !v.noticed()) << v.ToString();
  Content expected;
  expected["t"] = Values();
  EXPECT_TRUE(v.content == expected);
  auto db = OpenSample(fs.get());
  ASSERT_TRUE(db.ok()) << db.status();
  const auto stats = (*db)->BeginRead().Measure("t");
  ASSERT_TRUE(stats.ok()) << stats.status();
  EXPECT_EQ(stats->large_values, 8u);
  EXPECT_EQ(stats->value_pages, 1u + 1 + 1 + 1 + 2 + 2 + 16 + 18);
}

}  // namespace
}  // namespace sheaf::test
