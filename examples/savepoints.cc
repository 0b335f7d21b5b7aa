// Savepoints: try something inside a transaction and take back only that. Here each
// line of an import is tried by itself; the lines that are wrong leave no trace.
#include <sheaf/sheaf.h>

#include <iostream>
#include <string>
#include <string_view>

// Two puts that belong together; the second may be refused when the first is done.
absl::Status ImportLine(sheaf::WriteTransaction& txn, std::string_view line) {
  SHEAF_ASSIGN_OR_RETURN(sheaf::Table seen, txn.table("seen"));
  SHEAF_ASSIGN_OR_RETURN(sheaf::Collection people, txn.collection("people"));
  SHEAF_RETURN_IF_ERROR(seen.Insert(line, "yes"));
  return people.Append(line).status();
}

absl::Status Run() {
  SHEAF_ASSIGN_OR_RETURN(auto db, sheaf::Database::OpenInMemory());
  SHEAF_RETURN_IF_ERROR(db->Write([](sheaf::WriteTransaction& txn) -> absl::Status {
    for (const std::string_view line : {R"({"name": "Ada"})", R"({"name": "Grace")",
                                        R"({"name": "Ada"})", R"({"name": "Edith"})"}) {
      SHEAF_ASSIGN_OR_RETURN(const sheaf::Savepoint before, txn.SetSavepoint());
      const absl::Status status = ImportLine(txn, line);
      if (!status.ok()) {
        std::cout << "left out " << line << ": " << status.message() << "\n";
        SHEAF_RETURN_IF_ERROR(txn.RollbackTo(before));
      }
      SHEAF_RETURN_IF_ERROR(txn.Release(before));
    }
    return absl::OkStatus();  // commits what was right
  }));

  const sheaf::ReadTransaction read = db->BeginRead();
  SHEAF_ASSIGN_OR_RETURN(const sheaf::TableReader seen, read.table("seen"));
  SHEAF_ASSIGN_OR_RETURN(const uint64_t lines, seen.size());
  std::cout << lines << " lines imported\n";
  SHEAF_ASSIGN_OR_RETURN(const sheaf::CollectionReader people, read.collection("people"));
  return people.ForEach({}, [](const sheaf::DocumentKey& key, std::string_view json) {
    std::cout << key.ToString() << " " << json << "\n";
    return true;
  });
}

int main() {
  const absl::Status status = Run();
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
