// The smallest application: opens a database, puts, gets from a snapshot, closes.
#include <sheaf/database.h>
#include <sheaf/status_macros.h>
#include <sheaf/version.h>

#include <cstdio>
#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace {

absl::Status PutGreeting(sheaf::WriteTransaction& txn) {
  SHEAF_ASSIGN_OR_RETURN(sheaf::Table greetings, txn.table("greetings"));
  return greetings.Put("en", "hello");
}

absl::Status Run() {
  SHEAF_ASSIGN_OR_RETURN(std::unique_ptr<sheaf::Database> db,
                         sheaf::Database::Open("consumer.sheaf"));
  SHEAF_RETURN_IF_ERROR(db->Write(PutGreeting));
  SHEAF_RETURN_IF_ERROR(db->Read([](sheaf::ReadTransaction& read) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(sheaf::TableReader greetings, read.table("greetings"));
    SHEAF_ASSIGN_OR_RETURN(sheaf::Value value, greetings.Get("en"));
    const std::string_view found = value.view();
    return found == "hello" ? absl::OkStatus() : absl::InternalError("another value");
  }));
  return db->Close();
}

}  // namespace

int main() {
  const absl::Status status = Run();
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
    return 1;
  }
  std::printf("sheaf %s\n", SHEAF_VERSION);
  return 0;
}
