// An encrypted database: made by a passphrase, opened by it and by nothing else.
#include <sheaf/sheaf.h>

#include <cstdio>
#include <iostream>

absl::Status Run() {
  const std::string path = "encrypted-example.sheaf";
  std::remove(path.c_str());
  sheaf::Options options;
  SHEAF_ASSIGN_OR_RETURN(options.key,
                         sheaf::EncryptionKey::Passphrase("correct horse battery"));
  {
    SHEAF_ASSIGN_OR_RETURN(auto db, sheaf::Database::Open(path, options));
    SHEAF_RETURN_IF_ERROR(db->Write([](sheaf::WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(sheaf::Table diary, txn.table("diary"));
      return diary.Put("today", "nobody reads this");
    }));
    SHEAF_RETURN_IF_ERROR(db->Close());
  }
  std::cout << sheaf::Database::Open(path).status().message() << "\n";
  SHEAF_ASSIGN_OR_RETURN(auto db, sheaf::Database::Open(path, options));
  const sheaf::ReadTransaction read = db->BeginRead();
  SHEAF_ASSIGN_OR_RETURN(const sheaf::TableReader diary, read.table("diary"));
  SHEAF_ASSIGN_OR_RETURN(const sheaf::Value entry, diary.Get("today"));
  std::cout << entry.view() << "\n";
  return absl::OkStatus();
}

int main() {
  const absl::Status status = Run();
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
