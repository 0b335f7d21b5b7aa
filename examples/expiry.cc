// Records that are there for a time: sessions that slide, a cache with a usual time to live.
#include <sheaf/sheaf.h>

#include <iostream>

#include "absl/time/clock.h"

absl::Status Fill(sheaf::WriteTransaction& txn) {
  SHEAF_ASSIGN_OR_RETURN(sheaf::Collection sessions, txn.collection("sessions"));
  SHEAF_RETURN_IF_ERROR(sessions.Put("ann", R"({"cart": ["ink"]})",
                                     sheaf::Expiry::Sliding(absl::Minutes(30))));
  SHEAF_RETURN_IF_ERROR(sessions.Put("bob", R"({"cart": []})",
                                     sheaf::Expiry::After(absl::Milliseconds(50))));

  SHEAF_ASSIGN_OR_RETURN(sheaf::Table pages, txn.table("pages"));
  SHEAF_RETURN_IF_ERROR(pages.SetDefaultExpiry(sheaf::Expiry::After(absl::Hours(1))));
  SHEAF_RETURN_IF_ERROR(pages.Put("/", "<h1>Welcome</h1>"));
  return pages.Put("/about", "<h1>Us</h1>", sheaf::Expiry::Never());
}

absl::Status Run() {
  sheaf::Options options;
  options.background_expiry = false;  // here somebody else says when
  options.on_expired = [](const sheaf::ExpiredRecord& record) {
    std::cout << record.name << " " << record.key << " goes\n";
  };
  SHEAF_ASSIGN_OR_RETURN(auto db, sheaf::Database::Open("expiry.sheaf", options));
  SHEAF_RETURN_IF_ERROR(db->Write(Fill));

  // Each request of a session begins its time anew.
  SHEAF_RETURN_IF_ERROR(db->Write([](sheaf::WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(sheaf::Collection sessions, txn.collection("sessions"));
    return sessions.Touch("ann").status();
  }));

  absl::SleepFor(absl::Milliseconds(60));
  const sheaf::ReadTransaction read = db->BeginRead();
  SHEAF_ASSIGN_OR_RETURN(const sheaf::CollectionReader now, read.collection("sessions"));
  SHEAF_ASSIGN_OR_RETURN(const uint64_t seen, now.size());
  SHEAF_ASSIGN_OR_RETURN(const uint64_t stored, now.size_with_expired());
  std::cout << seen << " session, " << stored << " stored\n";  // 1 session, 2 stored

  SHEAF_ASSIGN_OR_RETURN(const sheaf::ExpireResult result, db->Expire());
  std::cout << result.removed_total << " removed\n";
  return absl::OkStatus();
}

int main() {
  const absl::Status status = Run();
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
