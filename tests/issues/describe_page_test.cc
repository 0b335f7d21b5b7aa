// DescribePage believed the number of base pages that a page with a right checksum
// gave for itself, and read up to 1 MiB behind the 4 KiB it had in memory.
#include <gtest/gtest.h>

#include "tests/api/damage_util.h"

namespace sheaf::test {
namespace {

TEST(Issue, DescribePageReadBehindThePage) {
  auto fs = pager::NewMemoryFileSystem();
  PageEditor editor(MakeSample().file);
  const pager::PageId leaf = editor.Descendant(editor.Tree("table").root.page, 1).id;
  char* const page = editor.page(leaf);
  page[pager::PageHeader::kPages] = static_cast<char>(200);
  for (uint32_t i = 0; i < 20; ++i)  // cells far outside
    pager::EncodeFixed16(const_cast<char*>(btree::NodeView(page).slot(i)) + 4, 0xfff0);
  pager::SealPage(page, pager::kPageBytes);
  WriteWholeFile(fs.get(), kPath, editor.file());
  Options options;
  options.file_system = fs.get();
  const auto description = Database::DescribePage(kPath, leaf, options);
  ASSERT_TRUE(description.ok());
  EXPECT_FALSE(description->intact);
  EXPECT_NE(description->problem.find("pages is 200"), std::string::npos)
      << description->problem;
}

}  // namespace
}  // namespace sheaf::test
