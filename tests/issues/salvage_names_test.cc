// Salvage of a collection whose names were in a page that is lost, while documents were in
// others: they were copied with numbers of names that the new file did not have, and its
// Check() found fault with each.
#include <gtest/gtest.h>

#include "pager/page.h"
#include "sheaf/salvage.h"
#include "tests/api/damage_util.h"

namespace sheaf::test {
namespace {

TEST(SalvageNames, DocumentsStayReadableWhicheverPageIsLost) {
  auto fs = pager::NewMemoryFileSystem();
  {
    auto db = *OpenSample(fs.get());
    ASSERT_TRUE(db->Write([](WriteTransaction& txn) -> absl::Status {
                    SHEAF_ASSIGN_OR_RETURN(Collection notes, txn.collection("notes"));
                    for (int i = 0; i < 600; ++i)
                      SHEAF_RETURN_IF_ERROR(
                          notes.Append(absl::StrCat("{\"n\":", i, ",\"a\":[{\"m\":1}]}"))
                              .status());
                    return absl::OkStatus();
                  }).ok());
    ASSERT_TRUE(db->Close().ok());
  }
  const std::string file = ReadWholeFile(fs.get(), kPath);
  SalvageOptions options;
  options.file_system = fs.get();
  options.overwrite = true;
  for (size_t page = 0; page < file.size() / pager::kPageBytes; ++page) {
    SCOPED_TRACE(page);
    std::string bytes = file;
    for (size_t at = 0; at < pager::kPageBytes; at += 512)
      bytes[page * pager::kPageBytes + at + 100] ^= 0x55;
    WriteWholeFile(fs.get(), kPath, bytes);
    const auto report = Salvage(kPath, "/saved.sheaf", options);
    ASSERT_TRUE(report.ok()) << report.status();
    Options open;
    open.file_system = fs.get();
    auto db = *Database::Open("/saved.sheaf", open);
    const CheckReport check = *db->Check();
    ASSERT_TRUE(check.ok()) << check.findings[0].what;
    const auto notes = db->BeginRead().collection("notes");
    if (!notes.ok()) continue;  // the catalog's page
    uint64_t found = 0;
    const ReadTransaction read = db->BeginRead();
    ASSERT_TRUE(read.collection("notes")
                    ->ForEach({},
                              [&](const DocumentKey&, std::string_view json) {
                                found += json.find("[{") != json.npos;
                                return true;
                              })
                    .ok());
    EXPECT_GT(found, 200u);
  }
}

}  // namespace
}  // namespace sheaf::test
