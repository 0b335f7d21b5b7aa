// A table whose creation was rolled back gave its number to the next one created
// in the transaction, and its handle then led to freed memory or to the other
// table (RELIABILITY B6, B7).
#include <gtest/gtest.h>

#include "sheaf/database.h"

namespace sheaf {
namespace {

TEST(TreeIdReuse, HandleOfARolledBackTableStaysDead) {
  auto db = Database::OpenInMemory();
  ASSERT_TRUE(db.ok()) << db.status();
  auto txn = (*db)->BeginWrite();
  ASSERT_TRUE(txn.ok()) << txn.status();
  auto savepoint = txn->SetSavepoint();
  ASSERT_TRUE(savepoint.ok());
  auto gone = txn->table("gone");
  ASSERT_TRUE(gone.ok());
  ASSERT_TRUE(gone->Put("k", "v").ok());
  ASSERT_TRUE(txn->RollbackTo(*savepoint).ok());
  auto other = txn->table("other");
  ASSERT_TRUE(other.ok());
  ASSERT_TRUE(other->Put("mine", "1").ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(gone->Put("k", "v")));
  EXPECT_TRUE(absl::IsFailedPrecondition(gone->Get("mine").status()));
  EXPECT_EQ(*other->size(), 1u);
  EXPECT_TRUE(txn->Commit().ok());
}

}  // namespace
}  // namespace sheaf
