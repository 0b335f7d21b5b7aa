// Sorted rows are what std::stable_sort makes of them, whatever the memory: with many runs,
// rows larger than the bound, limits, sealed files. Bounds and errors of the file are told,
// and no file is left behind.
#include "document/sorter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/faulty_file.h"

namespace sheaf::document {
namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;
using test::FaultyFileSystem;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

SpillFile In(pager::FileSystem* fs) {
  return [fs] { return OpenSpillFile(fs, "/db"); };
}

absl::StatusOr<Rows> TakeAll(Sorter* sorter) {
  Rows rows;
  for (;;) {
    const auto row = sorter->Next();
    if (!row.ok()) return row.status();
    if (!row->has_value()) return rows;
    rows.emplace_back((*row)->key, (*row)->payload);
  }
}

absl::StatusOr<Rows> SortRows(Sorter* sorter, const Rows& rows) {
  for (const auto& [key, payload] : rows)
    if (const absl::Status s = sorter->Add(key, payload); !s.ok()) return s;
  if (const absl::Status s = sorter->Finish(); !s.ok()) return s;
  return TakeAll(sorter);
}

Rows Expected(Rows rows, std::optional<uint64_t> limit) {
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  if (limit.has_value() && rows.size() > *limit) rows.resize(*limit);
  return rows;
}

Rows RandomRows(uint64_t seed, size_t count, size_t payload_max) {
  std::mt19937_64 random(seed);
  Rows rows(count);
  for (size_t i = 0; i < count; ++i) {
    auto& [key, payload] = rows[i];
    key = random() % 2 == 0 ? "a common beginning " : "";
    for (uint64_t n = random() % 4; n > 0; --n)
      key.push_back(static_cast<char>(random() % 3 * 127));  // 0 and 0xfe among them
    payload = absl::StrCat(i, " ", std::string(random() % (payload_max + 1), 'p'));
  }
  return rows;
}

TEST(Sorter, SortsAsStableSortDoes) {
  for (const size_t memory : {4096, 20000, 200000, 100000000}) {
    for (const std::optional<uint64_t> limit :
         {std::optional<uint64_t>(), std::optional<uint64_t>(0),
          std::optional<uint64_t>(1), std::optional<uint64_t>(100),
          std::optional<uint64_t>(1900), std::optional<uint64_t>(UINT64_MAX)}) {
      for (const bool seal : {false, true}) {
        const Rows rows = RandomRows(memory + limit.value_or(7), 2000, 100);
        FaultyFileSystem fs;
        Sorter sorter({memory, uint64_t{1} << 30, seal, limit}, In(&fs));
        const auto sorted = SortRows(&sorter, rows);
        ASSERT_TRUE(sorted.ok()) << sorted.status();
        ASSERT_EQ(*sorted, Expected(rows, limit)) << memory << " " << limit.value_or(0);
        EXPECT_THAT(fs.Contents().names, IsEmpty());
        if (!limit.has_value()) {
          EXPECT_EQ(sorter.spilled_bytes() > 0, memory <= 200000);
        }
      }
    }
  }
}

TEST(Sorter, SortsRowsLargerThanItsMemory) {
  for (const bool seal : {false, true}) {
    Rows rows = RandomRows(1, 300, 10000);
    rows[17].first = std::string(50000, 'k');
    rows[250].first = rows[17].first;
    rows[250].first.push_back('a');
    FaultyFileSystem fs;
    Sorter sorter({5000, uint64_t{1} << 30, seal, {}}, In(&fs));
    const auto sorted = SortRows(&sorter, rows);
    ASSERT_TRUE(sorted.ok()) << sorted.status();
    EXPECT_EQ(*sorted, Expected(rows, {}));
  }
}

TEST(Sorter, OfNothingHasNothing) {
  Sorter sorter({}, nullptr);
  ASSERT_TRUE(sorter.Finish().ok());
  EXPECT_THAT(*TakeAll(&sorter), IsEmpty());
  EXPECT_FALSE(sorter.Next()->has_value());
}

TEST(Sorter, WithALimitKeepsTheBestInMemory) {
  FaultyFileSystem fs;
  SorterOptions options;
  options.memory_bytes_max = 64 << 10;
  options.limit = 50;
  Sorter sorter(options, In(&fs));
  Rows rows;
  for (int i = 0; i < 20000; ++i)  // the worst case: each is better than those before
    rows.emplace_back(absl::StrCat("key ", 99999 - i), std::string(100, 'p'));
  EXPECT_EQ(*SortRows(&sorter, rows), Expected(rows, 50));
  EXPECT_EQ(sorter.spilled_bytes(), 0u);
  EXPECT_EQ(fs.calls(test::kAnyCall), 0u);
}

TEST(Sorter, SpillsLittleMoreThanTheLimit) {
  FaultyFileSystem fs;
  SorterOptions options;
  options.memory_bytes_max = 64 << 10;
  options.limit = 200;
  Sorter sorter(options, In(&fs));
  const Rows rows = RandomRows(3, 20000, 500);
  EXPECT_EQ(*SortRows(&sorter, rows), Expected(rows, 200));
  EXPECT_GT(sorter.spilled_bytes(), 0u);
  EXPECT_LT(sorter.spilled_bytes(), uint64_t{2} << 20);
}

TEST(Sorter, SaysWhichBoundItReached) {
  FaultyFileSystem fs;
  const Rows rows = RandomRows(4, 2000, 100);
  const auto why = [&](const SorterOptions& options, const SpillFile& open) {
    Sorter sorter(options, open);
    const absl::Status status = SortRows(&sorter, rows).status();
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
    return std::string(status.message());
  };
  const std::string advice =
      "; ask for fewer rows, give a limit, or sort by what an index has";
  EXPECT_EQ(why({10000, 50000, false, {}}, In(&fs)),
            "sort: more than 50000 bytes of temporary file (spill_bytes_max)" + advice);
  const std::string no_file =
      "sort: more than 10000 bytes of rows (memory_bytes_max), and no file may hold them";
  EXPECT_EQ(why({10000, 0, false, {}}, In(&fs)), no_file + advice);
  EXPECT_EQ(why({10000, 50000, false, {}}, nullptr), no_file + advice);
  test::Fault full;
  full.calls = test::kWrite, full.nth = 5;
  full.status = absl::ResourceExhaustedError("/db-spill-0: no space");
  fs.Inject(full);
  EXPECT_THAT(why({10000, 1 << 30, false, {}}, In(&fs)), HasSubstr("sort: /db-spill-0"));
  EXPECT_THAT(fs.Contents().names, IsEmpty());
}

TEST(Sorter, TellsErrorsOfTheFile) {
  const Rows rows = RandomRows(5, 1000, 100);
  for (const uint32_t calls : {test::kOpen, test::kWrite, test::kRead, test::kDelete}) {
    uint64_t nth = 1;
    for (;; nth += calls == test::kRead || calls == test::kWrite ? 7 : 1) {
      FaultyFileSystem fs;
      test::Fault fault;
      fault.calls = calls;
      fault.nth = nth;
      fs.Inject(fault);
      Sorter sorter({8000, uint64_t{1} << 30, false, {}}, In(&fs));
      const auto sorted = SortRows(&sorter, rows);
      if (fs.faults_fired() == 0) {
        EXPECT_EQ(*sorted, Expected(rows, {}));
        break;
      }
      EXPECT_EQ(sorted.status().code(), absl::StatusCode::kInternal) << sorted.status();
      if (calls != test::kDelete) {
        EXPECT_THAT(fs.Contents().names, IsEmpty());
      }
    }
    EXPECT_GT(nth, 1u);
  }
}

// --- The file ---------------------------------------------------------------

TEST(Spill, HasNoNameAndTakesStraysAway) {
  FaultyFileSystem fs;
  { const auto stray = fs.Open("/db-spill-0", pager::OpenMode::kCreateNew); }
  const auto file = OpenSpillFile(&fs, "/db");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT(fs.Contents().names, IsEmpty());
  EXPECT_EQ(*(*file)->LinkCount(), 0u);
  // Somebody's own file stays.
  auto foreign = *fs.Open("/db-spill-0", pager::OpenMode::kCreateNew);
  ASSERT_TRUE(foreign->Write(0, "text").ok());
  ASSERT_TRUE(OpenSpillFile(&fs, "/db").ok());
  EXPECT_EQ(fs.Contents().names.size(), 1u);
}

TEST(Spill, LeavesNothingOnADisk) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / "sheaf_spill_test";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directory(folder);
  {
    Sorter sorter({8000, uint64_t{1} << 30, true, {}}, [&] {
      return OpenSpillFile(pager::RealFileSystem(), (folder / "db").string());
    });
    const Rows rows = RandomRows(8, 1000, 100);
    EXPECT_EQ(*SortRows(&sorter, rows), Expected(rows, {}));
    EXPECT_GT(sorter.spilled_bytes(), 0u);
    EXPECT_TRUE(std::filesystem::is_empty(folder));
  }
  std::filesystem::remove_all(folder);
}

TEST(Spill, OfAnEncryptedDatabaseShowsNothing) {
  for (const bool seal : {false, true}) {
    FaultyFileSystem fs;
    Sorter sorter({8000, uint64_t{1} << 30, seal, {}}, In(&fs));
    const Rows rows(500, {"the key", "a secret payload"});
    EXPECT_EQ(*SortRows(&sorter, rows), rows);
    bool shown = false;
    for (const test::Event& event : fs.recording().events)
      shown |=
          event.data != nullptr && event.data->find("secret pay") != std::string::npos;
    EXPECT_EQ(shown, !seal);
  }
}

// Changed bytes: a sealed file is refused; of another, rows come or it is refused, and
// nothing outside of it is touched.
TEST(Spill, DoubtsWhatItReads) {
  const Rows rows = RandomRows(6, 500, 60);
  std::mt19937_64 random(7);
  for (int i = 0; i < 300; ++i) {
    const bool seal = i % 3 == 0;
    FaultyFileSystem fs;
    pager::File* file = nullptr;
    Sorter sorter({8000, uint64_t{1} << 30, seal, {}}, [&] {
      auto opened = OpenSpillFile(&fs, "/db");
      file = opened->get();
      return opened;
    });
    for (const auto& [key, payload] : rows) ASSERT_TRUE(sorter.Add(key, payload).ok());
    ASSERT_NE(file, nullptr);
    char byte;
    const uint64_t offset = random() % sorter.spilled_bytes();
    ASSERT_TRUE(file->Read(offset, absl::MakeSpan(&byte, 1)).ok());
    byte = static_cast<char>(byte ^ (1 + random() % 255));
    ASSERT_TRUE(file->Write(offset, {&byte, 1}).ok());
    absl::Status status = sorter.Finish();
    if (status.ok()) status = TakeAll(&sorter).status();
    EXPECT_TRUE((status.ok() && !seal) || absl::IsDataLoss(status)) << status;
  }
}

}  // namespace
}  // namespace sheaf::document
