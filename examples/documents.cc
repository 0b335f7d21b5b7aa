// Documents: put, index, query, update.
#include <sheaf/sheaf.h>

#include <iostream>

using sheaf::Where;

absl::Status Run() {
  SHEAF_ASSIGN_OR_RETURN(auto db, sheaf::Database::Open("books.sheaf"));
  SHEAF_RETURN_IF_ERROR(db->Write([](sheaf::WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(sheaf::Collection books, txn.collection("books"));
    SHEAF_ASSIGN_OR_RETURN(
        const sheaf::IndexDefinition by_author,
        sheaf::IndexDefinition::Parse(R"({"fields": {"author": 1, "year": -1}})"));
    SHEAF_RETURN_IF_ERROR(books.CreateIndex(by_author));
    SHEAF_RETURN_IF_ERROR(
        books.Put("malte", R"({"author": "Rilke", "year": 1910, "tags": ["novel"]})"));
    SHEAF_RETURN_IF_ERROR(
        books.Put("elegien", R"({"author": "Rilke", "year": 1923, "tags": ["poems"]})"));
    // A key that is chosen for us: a UUID, later ones behind earlier ones.
    SHEAF_RETURN_IF_ERROR(books.Add(R"({"author": "Kafka", "year": 1915})").status());
    SHEAF_RETURN_IF_ERROR(
        books.Update("malte", R"({"$push": {"tags": "diary"}, "$inc": {"prints": 1}})")
            .status());
    return books
        .UpdateWhere(Where("year") < 1920 && !Where("tags").Exists(),
                     R"({"$set": {"tags": []}})")
        .status();
  }));

  sheaf::ReadTransaction read = db->BeginRead();
  SHEAF_ASSIGN_OR_RETURN(sheaf::CollectionReader books, read.collection("books"));
  sheaf::QueryOptions newest;
  newest.sort = R"({"year": -1})";
  SHEAF_ASSIGN_OR_RETURN(sheaf::DocumentCursor found,
                         books.Query(Where("author") == "Rilke", newest));
  while (found.Next()) {
    const auto year = found.document().Field("year");
    std::cout << found.key().ToString() << " " << year->int_value() << "\n";
  }
  SHEAF_RETURN_IF_ERROR(found.status());  // an error ends the loop: look
  std::cout << found.Explain();           // by which index, and what it took

  SHEAF_ASSIGN_OR_RETURN(const uint64_t old_ones,
                         books.Count(R"({"year": {"$lt": 1920}})"));
  std::cout << old_ones << " before 1920\n";
  return books.Group(
      R"({"_id": "$author", "books": {"$sum": 1}, "last": {"$max": "$year"}})", "{}",
      [](const sheaf::DocumentView& row) { std::cout << *sheaf::ToJson(row) << "\n"; });
}

int main() {
  const absl::Status status = Run();
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
