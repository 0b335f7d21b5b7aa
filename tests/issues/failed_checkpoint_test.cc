// A checkpoint that failed to read a page does not poison. Pages that a commit gave
// up while it ran, and that only it would have put into the file, were remembered
// as the file's all the same; the next checkpoint stopped at an assertion.
#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "sheaf/database.h"
#include "sheaf/status_macros.h"
#include "tests/support/faulty_file.h"

namespace sheaf::test {
namespace {

// Hands everything on; calls `before_read` once, before a read of the database.
class HookedFile : public pager::File {
 public:
  HookedFile(std::unique_ptr<pager::File> file, std::function<void()>* hook)
      : file_(std::move(file)), hook_(*hook) {}
  absl::Status Read(uint64_t offset, absl::Span<char> out) const override {
    if (hook_ == nullptr) return file_->Read(offset, out);
    std::function<void()> hook;
    hook.swap(hook_);
    hook();
    return absl::InternalError("injected read error");
  }
  absl::Status Write(uint64_t offset, std::string_view data) override {
    return file_->Write(offset, data);
  }
  absl::Status WriteGather(uint64_t offset,
                           absl::Span<const std::string_view> parts) override {
    return file_->WriteGather(offset, parts);
  }
  absl::Status Sync() override { return file_->Sync(); }
  absl::StatusOr<uint64_t> Size() const override { return file_->Size(); }
  absl::Status Truncate(uint64_t size) override { return file_->Truncate(size); }
  void StartWriteback(uint64_t, uint64_t) override {}
  absl::Status Lock(pager::LockMode mode) override { return file_->Lock(mode); }
  absl::StatusOr<uint32_t> LinkCount() const override { return file_->LinkCount(); }

 private:
  std::unique_ptr<pager::File> file_;
  std::function<void()>& hook_;
};

class HookedFileSystem : public FaultyFileSystem {
 public:
  std::function<void()> before_read;
  absl::StatusOr<std::unique_ptr<pager::File>> Open(const std::string& path,
                                                    pager::OpenMode mode) override {
    SHEAF_ASSIGN_OR_RETURN(std::unique_ptr<pager::File> file,
                           FaultyFileSystem::Open(path, mode));
    return std::make_unique<HookedFile>(std::move(file), &before_read);
  }
};

TEST(FailedCheckpoint, NextOneGoesOnFromTheLastDurableOne) {
  HookedFileSystem fs;
  Options options;
  options.file_system = &fs;
  options.background_checkpoints = false;
  options.cache_bytes_max = 1 << 20;
  auto db = Database::Open("/t.sheaf", options);
  ASSERT_TRUE(db.ok()) << db.status();
  const auto put = [&](const char* name, int from, int to) {
    const absl::Status status = (*db)->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(Table table, txn.table(name));
      for (int i = from; i < to; ++i)
        SHEAF_RETURN_IF_ERROR(
            table.Put(std::to_string(100'000 + i), std::string(900, 'v')));
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
  };
  put("big", 0, 2000);  // two levels, whose upper one the next ones push out
  for (int i = 0; i < 10; ++i) put("other", i * 500, i * 500 + 500);
  put("small", 0, 1);
  bool called = false;
  fs.before_read = [&] {
    called = true;
    std::thread([&] { put("small", 0, 1); }).join();
  };
  EXPECT_FALSE((*db)->Checkpoint().ok());
  ASSERT_TRUE(called);
  const absl::Status second = (*db)->Checkpoint();
  EXPECT_TRUE(second.ok()) << second;
  EXPECT_TRUE((*db)->Check()->ok());
  EXPECT_TRUE((*db)->Close().ok());
}

}  // namespace
}  // namespace sheaf::test
