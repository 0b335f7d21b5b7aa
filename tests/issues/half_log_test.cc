// When the creation of the log failed after its file was made (write, sync), the
// file stayed: Close had nothing to remove and left `-log` beside the database, where
// a clean close promises one file. (The next Open removed it.)
#include <gtest/gtest.h>

#include "tests/api/api_fixture.h"

namespace sheaf::test {
namespace {

class IssueHalfLog : public ApiTest {
 protected:
  bool LogExists() { return *fs_->Exists("/t.sheaf-log"); }
};

// A clean close leaves one file.
TEST_F(IssueHalfLog, IsLeftByAFailedCreation) {
  for (const uint32_t call : {kWrite, kSync}) {
    SCOPED_TRACE(call);
    Fault fault;
    fault.calls = call;
    fault.path_suffix = "-log";
    fs_->Inject(fault);
    {
      WriteTransaction txn = Begin();
      EXPECT_FALSE(txn.table("t").ok());
    }
    ASSERT_EQ(fs_->faults_fired(), 1u);
    fs_->ClearFaults();
    EXPECT_TRUE(db_->Close().ok());
    EXPECT_FALSE(LogExists());
    db_.reset();
    Restart(std::make_unique<FaultyFileSystem>(fs_->Contents()));
  }
}

}  // namespace
}  // namespace sheaf::test
