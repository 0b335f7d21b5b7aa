// A table in which one key has many values: which notes bear a tag. The values of a tag
// are sorted, each is there once, and all of them go in one step.
#include <sheaf/sheaf.h>

#include <cstdint>
#include <iostream>
#include <string>

absl::Status Tag(sheaf::WriteTransaction& txn) {
  SHEAF_ASSIGN_OR_RETURN(auto tags,
                         (sheaf::OpenMultimap<std::string, int64_t>(txn, "tags")));
  for (const int64_t note : {12, 3, 7, 3}) {  // the second 3 changes nothing
    SHEAF_RETURN_IF_ERROR(tags.Insert("poem", note).status());
  }
  SHEAF_RETURN_IF_ERROR(tags.Insert("draft", 7).status());
  SHEAF_RETURN_IF_ERROR(tags.RemoveAll("draft").status());
  return tags.ForEachValue("poem", {.from = 5}, [](int64_t note) {
    std::cout << "note " << note << " is a poem\n";  // 7 and 12
  });
}

absl::Status Run() {
  SHEAF_ASSIGN_OR_RETURN(auto db, sheaf::Database::Open("notes.sheaf"));
  SHEAF_RETURN_IF_ERROR(db->Write(Tag));

  const sheaf::ReadTransaction read = db->BeginRead();
  SHEAF_ASSIGN_OR_RETURN(const auto tags,
                         (sheaf::OpenMultimap<std::string, int64_t>(read, "tags")));
  return tags.ForEachKey({}, [&](const std::string& tag) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(const uint64_t count, tags.Count(tag));
    std::cout << tag << ": " << count << " notes\n";
    return absl::OkStatus();
  });
}

int main() {
  const absl::Status status = Run();
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
