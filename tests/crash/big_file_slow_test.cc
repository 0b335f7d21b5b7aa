// A database of more than 4 GiB: offsets past 2^32 are written, recovered, checked,
// given up and reused (B1). The file is held in memory without its zeros.
#include <gtest/gtest.h>

#include <cstdio>
#include <mutex>
#include <unordered_map>

#include "pager/file.h"
#include "sheaf/database.h"
#include "sheaf/status_macros.h"

namespace sheaf::test {
namespace {

constexpr uint64_t kBlock = 4096;
constexpr uint64_t kValueBytes = uint64_t{96} << 20;
constexpr int kValues = 48;

// One file's blocks that are not all zeros.
struct SparseBytes {
  std::mutex mu;
  std::unordered_map<uint64_t, std::string> blocks;
  uint64_t size = 0;

  void Write(uint64_t offset, std::string_view data) {
    const std::lock_guard<std::mutex> lock(mu);
    size = std::max(size, offset + data.size());
    while (!data.empty()) {
      const uint64_t index = offset / kBlock, at = offset % kBlock;
      const std::string_view part = data.substr(0, kBlock - at);
      const auto found = blocks.find(index);
      static constexpr char kZeros[kBlock] = {};
      if (found != blocks.end()) {
        found->second.replace(at, part.size(), part);
      } else if (part != std::string_view(kZeros, part.size())) {
        blocks.emplace(index, std::string(kBlock, '\0'))
            .first->second.replace(at, part.size(), part);
      }
      offset += part.size();
      data.remove_prefix(part.size());
    }
  }
  bool Read(uint64_t offset, absl::Span<char> out) {
    const std::lock_guard<std::mutex> lock(mu);
    if (offset + out.size() > size) return false;
    while (!out.empty()) {
      const uint64_t at = offset % kBlock;
      const size_t count = std::min<uint64_t>(kBlock - at, out.size());
      const auto found = blocks.find(offset / kBlock);
      if (found == blocks.end())
        std::fill_n(out.begin(), count, '\0');
      else
        std::copy_n(found->second.begin() + static_cast<ptrdiff_t>(at), count,
                    out.begin());
      offset += count;
      out.remove_prefix(count);
    }
    return true;
  }
  void Resize(uint64_t to) {
    const std::lock_guard<std::mutex> lock(mu);
    if (to < size)
      std::erase_if(blocks, [&](const auto& b) { return b.first * kBlock >= to; });
    size = to;
  }
};

class SparseFile : public pager::File {
 public:
  SparseFile(std::unique_ptr<pager::File> real, std::shared_ptr<SparseBytes> bytes)
      : real_(std::move(real)), bytes_(std::move(bytes)) {}
  absl::Status Read(uint64_t offset, absl::Span<char> out) const override {
    if (bytes_->Read(offset, out)) return absl::OkStatus();
    return absl::OutOfRangeError("past the end");
  }
  absl::Status Write(uint64_t offset, std::string_view data) override {
    bytes_->Write(offset, data);
    return absl::OkStatus();
  }
  absl::Status WriteGather(uint64_t offset,
                           absl::Span<const std::string_view> parts) override {
    for (const std::string_view part : parts) {
      bytes_->Write(offset, part);
      offset += part.size();
    }
    return absl::OkStatus();
  }
  absl::Status Sync() override { return absl::OkStatus(); }
  absl::StatusOr<uint64_t> Size() const override { return bytes_->size; }
  absl::Status Truncate(uint64_t size) override {
    bytes_->Resize(size);
    return absl::OkStatus();
  }
  void StartWriteback(uint64_t, uint64_t) override {}
  absl::Status Lock(pager::LockMode mode) override { return real_->Lock(mode); }
  absl::StatusOr<uint32_t> LinkCount() const override { return real_->LinkCount(); }

 private:
  std::unique_ptr<pager::File> real_;  // its name and its lock
  std::shared_ptr<SparseBytes> bytes_;
};

class SparseFileSystem : public pager::FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<pager::File>> Open(const std::string& path,
                                                    pager::OpenMode mode) override {
    SHEAF_ASSIGN_OR_RETURN(std::unique_ptr<pager::File> real, names_->Open(path, mode));
    auto& bytes = files_[path];
    if (bytes == nullptr || mode == pager::OpenMode::kCreateNew)
      bytes = std::make_shared<SparseBytes>();
    return std::make_unique<SparseFile>(std::move(real), bytes);
  }
  absl::StatusOr<bool> Exists(const std::string& path) override {
    return names_->Exists(path);
  }
  absl::Status Delete(const std::string& path) override {
    files_.erase(path);
    return names_->Delete(path);
  }
  absl::Status RenameNew(const std::string& from, const std::string& to) override {
    SHEAF_RETURN_IF_ERROR(names_->RenameNew(from, to));
    files_[to] = files_[from];
    files_.erase(from);
    return absl::OkStatus();
  }
  absl::Status SyncDirectory(const std::string& path) override {
    return names_->SyncDirectory(path);
  }
  absl::StatusOr<std::string> Canonical(const std::string& path) override {
    return names_->Canonical(path);
  }

 private:
  std::unique_ptr<pager::FileSystem> names_ = pager::NewMemoryFileSystem();
  std::unordered_map<std::string, std::shared_ptr<SparseBytes>> files_;
};

std::string Mark(int i) { return "this is value " + std::to_string(1000 + i); }

absl::Status PutBig(Database* db, int i, std::string* value) {
  value->replace(0, Mark(i).size(), Mark(i));
  value->replace(value->size() - Mark(i).size(), Mark(i).size(), Mark(i));
  return db->Write([&](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Table big, txn.table("big"));
    SHEAF_RETURN_IF_ERROR(big.Put(std::to_string(i), *value));
    SHEAF_ASSIGN_OR_RETURN(Table small, txn.table("small"));
    for (int k = 0; k < 20; ++k)
      SHEAF_RETURN_IF_ERROR(small.Put(Mark(i) + std::to_string(k), Mark(k)));
    return absl::OkStatus();
  });
}

absl::Status LooksWhole(Database* db, int from) {
  ReadTransaction read = db->BeginRead();
  SHEAF_ASSIGN_OR_RETURN(const TableReader big, read.table("big"));
  SHEAF_ASSIGN_OR_RETURN(const TableReader small, read.table("small"));
  for (int i = from; i < kValues; ++i) {
    std::string found(Mark(i).size(), '\0');
    for (const uint64_t offset : {uint64_t{0}, kValueBytes - found.size()}) {
      SHEAF_RETURN_IF_ERROR(
          big.ReadRange(std::to_string(i), offset, absl::MakeSpan(found)).status());
      if (found != Mark(i))
        return absl::InternalError("value " + Mark(i) + " is " + found);
    }
    for (int k = 0; k < 20; ++k) {
      SHEAF_ASSIGN_OR_RETURN(const Value value, small.Get(Mark(i) + std::to_string(k)));
      if (value.view() != Mark(k)) return absl::InternalError("small value differs");
    }
  }
  return absl::OkStatus();
}

TEST(BigFile, PastFourGigabytes) {
  SparseFileSystem fs;
  Options options;
  options.file_system = &fs;
  options.background_checkpoints = false;
  options.cache_bytes_max = 32 << 20;
  options.transaction_log_bytes_max = 1 << 20;
  auto db = Database::Open("/big.sheaf", options);
  ASSERT_TRUE(db.ok()) << db.status();
  std::string value(kValueBytes, '\0');
  for (int i = 0; i < kValues; ++i) {
    const absl::Status put = PutBig(db->get(), i, &value);
    ASSERT_TRUE(put.ok()) << i << ": " << put;
  }
  ASSERT_GT((*db)->stats().file_bytes, uint64_t{1} << 32);
  std::printf("%llu bytes\n", static_cast<unsigned long long>((*db)->stats().file_bytes));
  ASSERT_TRUE((*db)->Close().ok());
  db->reset();
  db = Database::Open("/big.sheaf", options);
  ASSERT_TRUE(db.ok()) << db.status();
  absl::Status whole = LooksWhole(db->get(), 0);
  ASSERT_TRUE(whole.ok()) << whole;
  absl::StatusOr<CheckReport> report = (*db)->Check();
  ASSERT_TRUE(report.ok() && report->ok()) << report.status();
  // Half of it is given up and used again; the pages above 4 GiB stay.
  const absl::Status deleted = (*db)->Write([&](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Table big, txn.table("big"));
    for (int i = 0; i < 4; ++i)
      SHEAF_RETURN_IF_ERROR(big.Delete(std::to_string(i)).status());
    return absl::OkStatus();
  });
  ASSERT_TRUE(deleted.ok()) << deleted;
  ASSERT_TRUE((*db)->Checkpoint().ok());
  const uint64_t before = (*db)->stats().file_bytes;
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(PutBig(db->get(), i, &value).ok());
  EXPECT_LT((*db)->stats().file_bytes, before + kValueBytes);
  ASSERT_TRUE((*db)->Close().ok());
  db->reset();
  db = Database::Open("/big.sheaf", options);
  ASSERT_TRUE(db.ok()) << db.status();
  whole = LooksWhole(db->get(), 0);
  EXPECT_TRUE(whole.ok()) << whole;
}

}  // namespace
}  // namespace sheaf::test
