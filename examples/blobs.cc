// Blobs: pictures of notes, streamed in, read by ranges, found by what is known about them,
// in the transaction that makes the notes.
#include <sheaf/sheaf.h>

#include <iostream>
#include <string>
#include <vector>

absl::Status Fill(sheaf::WriteTransaction& txn) {
  SHEAF_ASSIGN_OR_RETURN(sheaf::Collection notes, txn.collection("notes"));
  SHEAF_RETURN_IF_ERROR(notes.Put("harvest", R"({"text": "sheaves in a row"})"));
  SHEAF_ASSIGN_OR_RETURN(sheaf::BlobStore files, txn.blobs("files"));

  // As it comes: of these two megabytes 256 KiB at most are in memory.
  SHEAF_ASSIGN_OR_RETURN(sheaf::BlobWriter photo,
                         files.NewWriter("photo", {.content_type = "image/x-raw",
                                                   .tags = {"field"},
                                                   .owner = {{"notes", "harvest"}},
                                                   .metadata = R"({"width": 1024})"}));
  for (int row = 0; row < 2048; ++row) {
    const std::string pixels(1024, static_cast<char>('a' + row % 26));
    SHEAF_RETURN_IF_ERROR(photo.Append(pixels));
  }
  SHEAF_RETURN_IF_ERROR(photo.Finish());

  // All at once; compressed, and read by ranges all the same.
  SHEAF_RETURN_IF_ERROR(files.Put("log", std::string(500'000, '.'),
                                  {.content_type = "text/plain", .zstd_level = 3}));
  SHEAF_RETURN_IF_ERROR(files.Append("log", "the end"));

  // For a day.
  SHEAF_RETURN_IF_ERROR(files.Put("thumbnail", "a small picture",
                                  {.expiry = sheaf::Expiry::After(absl::Hours(24))}));
  return files.Link("thumbnail", {sheaf::BlobRelation::kDerived, "photo", "64x64"});
}

absl::Status Ask(const sheaf::ReadTransaction& read) {
  SHEAF_ASSIGN_OR_RETURN(const sheaf::BlobStoreReader files, read.blobs("files"));

  // One row of the picture; no other is read.
  SHEAF_ASSIGN_OR_RETURN(sheaf::BlobReader photo, files.Open("photo"));
  std::string row(1024, '\0');
  SHEAF_RETURN_IF_ERROR(
      photo.ReadAt(27 * 1024, absl::MakeSpan(row.data(), row.size())).status());
  std::cout << "row 27 of " << photo.size() / 1024 << " begins " << row.substr(0, 4)
            << "\n";

  sheaf::BlobQuery of_harvest;
  of_harvest.owner = {"notes", "harvest"};
  of_harvest.filter = (sheaf::Where("metadata.width") >= 1000).json();
  SHEAF_RETURN_IF_ERROR(files.ForEach(of_harvest, [](const sheaf::BlobInfo& info) {
    std::cout << info.key.ToString() << ", " << info.size << " bytes of "
              << info.attributes.content_type << "\n";
    return true;
  }));
  SHEAF_ASSIGN_OR_RETURN(const sheaf::BlobInfo log, files.Info("log"));
  std::cout << "log: " << log.size << " bytes, stored in fewer than "
            << (log.stored_size / 1000 + 1) * 1000 << "\n";
  SHEAF_ASSIGN_OR_RETURN(const std::vector<sheaf::DocumentKey> chain,
                         files.Chain("thumbnail"));
  for (const sheaf::DocumentKey& key : chain) std::cout << key.ToString() << "\n";
  return absl::OkStatus();
}

absl::Status Run() {
  SHEAF_ASSIGN_OR_RETURN(auto db, sheaf::Database::Open("blobs.sheaf"));
  SHEAF_RETURN_IF_ERROR(db->Write(Fill));
  SHEAF_RETURN_IF_ERROR(Ask(db->BeginRead()));
  // With the note go the blobs that belong to it.
  SHEAF_RETURN_IF_ERROR(db->Write([](sheaf::WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(sheaf::Collection notes, txn.collection("notes"));
    return notes.Delete("harvest").status();
  }));
  return db->Close();
}

int main() {
  const absl::Status status = Run();
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
