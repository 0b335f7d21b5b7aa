// Blobs written, gone on with, overwritten, shared and expiring beside readers that stream
// them, checkpoints, the reaper and compaction: each snapshot reads what it holds
// (ThreadSanitizer runs it).
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "sheaf/sheaf.h"
#include "tests/support/faulty_file.h"

namespace sheaf {
namespace {

constexpr int kKeys = 6;

// Bytes that tell from any part of them what they are: of one letter each.
std::string Bytes(std::mt19937* random) {
  const size_t sizes[] = {10, 5000, 100000, 1100000};
  return std::string(sizes[(*random)() % 4], static_cast<char>('a' + (*random)() % 26));
}

absl::Status Change(WriteTransaction& txn, std::mt19937* random) {
  SHEAF_ASSIGN_OR_RETURN(BlobStore store, txn.blobs("b"));
  const auto key = static_cast<int64_t>((*random)() % kKeys);
  SHEAF_ASSIGN_OR_RETURN(const bool there, store.Contains(key));
  switch ((*random)() % 5) {
    case 0:
      return store.Delete(key).status();
    case 1:
      if (there) {
        SHEAF_ASSIGN_OR_RETURN(const std::string old, store.Get(key));
        return store.Append(key, std::string(20000, old.empty() ? 'a' : old[0]));
      }
      break;
    case 2:
      if (there) {
        SHEAF_ASSIGN_OR_RETURN(const std::string old, store.Get(key));
        return store.Overwrite(key, 0, std::string(old.size(), 'z'));
      }
      break;
    default:
      break;
  }
  BlobAttributes attributes;
  if ((*random)() % 3 == 0) attributes.name_space = "shared";
  if ((*random)() % 3 == 0) attributes.expiry = Expiry::After(absl::Milliseconds(20));
  return store.Put(key, Bytes(random), attributes);
}

// Every content is of one letter, whole and in parts.
absl::Status Read(Database* db, std::mt19937* random) {
  const ReadTransaction read = db->BeginRead();
  SHEAF_ASSIGN_OR_RETURN(const BlobStoreReader store, read.blobs("b"));
  std::string piece(50000, '?');
  for (int key = 0; key < kKeys; ++key) {
    absl::StatusOr<BlobReader> reader = store.Open(key);
    if (absl::IsNotFound(reader.status())) continue;
    SHEAF_RETURN_IF_ERROR(reader.status());
    char letter = 0;
    if (reader->size() > 10)
      SHEAF_RETURN_IF_ERROR(reader->Seek((*random)() % (reader->size() / 2)));
    for (;;) {
      SHEAF_ASSIGN_OR_RETURN(const uint64_t n,
                             reader->Read(absl::MakeSpan(piece.data(), piece.size())));
      if (n == 0) break;
      if (letter == 0) letter = piece[0];
      if (piece.substr(0, n).find_first_not_of(letter) != std::string::npos)
        return absl::InternalError("a snapshot reads parts of two contents");
    }
  }
  return absl::OkStatus();
}

TEST(BlobRace, StreamsBesideWritersAndTheReaper) {
  test::FaultyFileSystem fs;
  Options options;
  options.file_system = &fs;
  options.durability = Durability::kNone;
  options.cache_bytes_max = 3 << 20;
  auto db = *Database::Open("/b.sheaf", options);
  std::mt19937 random(1);
  ASSERT_TRUE(db->Write([&](WriteTransaction& txn) -> absl::Status {
                  SHEAF_ASSIGN_OR_RETURN(BlobStore store, txn.blobs("b"));
                  return store.SetShared("shared", true);
                }).ok());
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  const auto run = [&](auto work) {
    threads.emplace_back([&stop, work, seed = threads.size()]() mutable {
      std::mt19937 own(static_cast<uint32_t>(seed + 7));
      while (!stop) {
        const absl::Status status = work(&own);
        ASSERT_TRUE(status.ok()) << status;
      }
    });
  };
  for (int i = 0; i < 2; ++i) run([&](std::mt19937* own) { return Read(db.get(), own); });
  run([&, round = 0](std::mt19937*) mutable {
    if (++round % 4 == 0) return db->Compact().status();
    return round % 4 == 1 ? db->Expire().status() : db->Checkpoint();
  });
  for (int i = 0; i < 400; ++i) {
    const absl::Status status =
        db->Write([&](WriteTransaction& txn) { return Change(txn, &random); });
    ASSERT_TRUE(status.ok()) << status;
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  const CheckReport report = *db->Check();
  for (const CheckFinding& f : report.findings) ADD_FAILURE() << f.what;
  ASSERT_TRUE(db->Close().ok());
}

}  // namespace
}  // namespace sheaf
