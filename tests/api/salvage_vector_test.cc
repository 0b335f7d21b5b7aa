// Salvage of a vector index: of a file with any one page destroyed what comes back is an
// index that agrees with itself, has no vector that was not there, and misses little; what
// it has is found.
#include <gtest/gtest.h>

#include <random>

#include "pager/page.h"
#include "sheaf/salvage.h"
#include "tests/api/damage_util.h"
#include "tests/crash/vector_changes.h"

namespace sheaf::test {
namespace {

constexpr char kOut[] = "/saved.sheaf";
constexpr int kVectors = 1200;

absl::Status Fill(Database* db) {
  std::mt19937_64 random(1);
  const auto below = [&](uint64_t n) { return random() % n; };
  SHEAF_RETURN_IF_ERROR(db->Write([&](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(VectorIndex v, txn.vectors("v", SmallVectors()));
    for (int64_t i = 0; i < kVectors; ++i)
      SHEAF_RETURN_IF_ERROR(
          v.Put(i, RandomVector(below), absl::StrCat(R"({"n":)", i, "}")));
    SHEAF_ASSIGN_OR_RETURN(Collection c, txn.collection("c"));
    SHEAF_RETURN_IF_ERROR(c.CreateVectorIndex("field", "at", SmallVectors()));
    for (int i = 0; i < 50; ++i) SHEAF_RETURN_IF_ERROR(c.Put(i, R"({"at":[1,2,3]})"));
    return absl::OkStatus();
  }));
  SHEAF_RETURN_IF_ERROR(db->OptimizeVectors("v").status());
  // Some that are gone, and some that wait.
  return db->Write([&](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(VectorIndex v, txn.vectors("v"));
    for (int64_t i = 0; i < 20; ++i) SHEAF_RETURN_IF_ERROR(v.Delete(i * 7).status());
    for (int64_t i = 0; i < 20; ++i)
      SHEAF_RETURN_IF_ERROR(v.Put(kVectors + i, RandomVector(below)));
    return absl::OkStatus();
  });
}

TEST(SalvageVectors, AnyOnePageDestroyed) {
  auto fs = pager::NewMemoryFileSystem();
  VectorContents before;
  {
    auto db = *OpenSample(fs.get());
    const absl::Status filled = Fill(db.get());
    ASSERT_TRUE(filled.ok()) << filled;
    before = *ReadVectors(*db->BeginRead().vectors("v"));
    ASSERT_TRUE(db->Close().ok());
  }
  const std::string file = ReadWholeFile(fs.get(), kPath);
  SalvageOptions options;
  options.file_system = fs.get();
  options.overwrite = true;
  uint64_t whole = 0, repaired = 0;
  for (size_t page = 0; page < file.size() / pager::kPageBytes; page += kPageStep) {
    SCOPED_TRACE(page);
    std::string bytes = file;
    for (size_t at = 0; at < pager::kPageBytes; at += 512)
      bytes[page * pager::kPageBytes + at + 100] ^= 0x55;
    WriteWholeFile(fs.get(), kPath, bytes);
    const auto report = Salvage(kPath, kOut, options);
    ASSERT_TRUE(report.ok()) << report.status();
    Options open;
    open.file_system = fs.get();
    open.background_linking = false;
    auto db = *Database::Open(kOut, open);
    const CheckReport check = *db->Check();
    ASSERT_TRUE(check.ok()) << check.findings[0].what;
    const ReadTransaction read = db->BeginRead();
    const auto index = read.vectors("v");
    if (!index.ok()) continue;  // the catalog's only leaf
    const VectorContents after = *ReadVectors(*index);
    size_t without_metadata = 0;
    for (const auto& [key, content] : after) {
      ASSERT_TRUE(before.contains(key)) << key;
      ASSERT_EQ(content.vector, before[key].vector) << key;
      without_metadata += content.metadata != before[key].metadata;
    }
    // A page of the index of a tree is made up for by what lies below it.
    EXPECT_GE(after.size() + 600, before.size());
    const absl::Status found = FindsAll(*index, after);
    ASSERT_TRUE(found.ok()) << found;
    whole += after == before;
    repaired += after.size() < before.size() || without_metadata > 0;
  }
  EXPECT_GT(whole, 10 / kPageStep);
  EXPECT_GT(repaired, 10 / kPageStep);
}

}  // namespace
}  // namespace sheaf::test
