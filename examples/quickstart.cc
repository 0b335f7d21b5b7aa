#include <sheaf/sheaf.h>

#include <iostream>

absl::Status Run() {
  SHEAF_ASSIGN_OR_RETURN(auto db, sheaf::Database::Open("app.sheaf"));
  SHEAF_RETURN_IF_ERROR(db->Write([](sheaf::WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(sheaf::Collection notes, txn.collection("notes"));
    SHEAF_ASSIGN_OR_RETURN(sheaf::Table words, txn.table("words"));
    SHEAF_RETURN_IF_ERROR(notes.Put("first", R"({"text": "a sheaf of leaves"})"));
    return words.Put("leaf", "first");  // both, or neither
  }));
  sheaf::ReadTransaction read = db->BeginRead();
  SHEAF_ASSIGN_OR_RETURN(sheaf::TableReader words, read.table("words"));
  SHEAF_ASSIGN_OR_RETURN(const sheaf::Value key, words.Get("leaf"));
  SHEAF_ASSIGN_OR_RETURN(sheaf::CollectionReader notes, read.collection("notes"));
  SHEAF_ASSIGN_OR_RETURN(const std::string note, notes.Get(key.ToString()));
  std::cout << note << "\n";
  return absl::OkStatus();
}

int main() {
  const absl::Status status = Run();
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
