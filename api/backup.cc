#include "sheaf/backup.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/internal/build_file.h"
#include "api/internal/handles.h"
#include "catalog/backup.h"
#include "catalog/tick.h"
#include "pager/status_macros.h"

namespace sheaf {
namespace {

using internal::ExistingIf;
using internal::FileSystemOf;
using pager::FileReplacer;

// Beside the database's own.
constexpr uint64_t kCopyCacheBytes = uint64_t{64} << 20;
constexpr size_t kStreamBytes = size_t{1} << 20;
// So much is written before the device is told to begin with it.
constexpr uint64_t kWritebackBytes = uint64_t{8} << 20;

// Writes a file from its beginning on and keeps the device busy.
class FileSink {
 public:
  explicit FileSink(pager::File* file) : file_(*file) {}
  absl::Status Write(uint64_t offset, std::string_view bytes) {
    SHEAF_RETURN_IF_ERROR(file_.Write(offset, bytes));
    const uint64_t end = offset + bytes.size();
    if (end < begun_ + kWritebackBytes) return absl::OkStatus();
    file_.StartWriteback(begun_, end - begun_);
    begun_ = end;
    return absl::OkStatus();
  }

 private:
  pager::File& file_;
  uint64_t begun_ = 0;
};

absl::StatusOr<BackupReport> CopyPagesTo(catalog::Store* store, FileReplacer* to,
                                         const BackupOptions& options,
                                         const Progress& progress) {
  catalog::RateLimit rate(options.bytes_per_second_max);
  FileSink sink(&to->file());
  SHEAF_ASSIGN_OR_RETURN(
      const catalog::BackupResult copied,
      catalog::CopyPages(store, options.key, /*superblocks_last=*/true, &rate, progress,
                         [&](uint64_t offset, std::string_view bytes) {
                           return sink.Write(offset, bytes);
                         }));
  return BackupReport{copied.bytes, copied.pages, copied.version};
}

absl::StatusOr<BackupReport> CopyTreesTo(catalog::Store* store, pager::FileSystem* fs,
                                         const std::string& to,
                                         const BackupOptions& options,
                                         const Progress& progress) {
  Options copy = store->options();
  copy.key = options.key.value_or(EncryptionKey());
  copy.observer = nullptr;
  copy.cache_bytes_max = std::min(copy.cache_bytes_max, kCopyCacheBytes);
  BackupReport report;
  SHEAF_ASSIGN_OR_RETURN(
      report.bytes,
      internal::BuildFile(
          fs, to, options.overwrite, copy,
          options.key.has_value() ? pager::CopiedKeys() : store->KeysForCopy(),
          [&](catalog::Store* target) -> absl::Status {
            SHEAF_ASSIGN_OR_RETURN(const catalog::BackupResult copied,
                                   catalog::CopyTrees(store, target, progress));
            report.version = copied.version;
            return absl::OkStatus();
          }));
  return report;
}

}  // namespace

absl::StatusOr<BackupReport> Database::Backup(const std::string& path,
                                              const BackupOptions& options,
                                              const Progress& progress) {
  catalog::Store& store = *rep_->store;
  if (rep_->closed.load()) return absl::FailedPreconditionError("the database is closed");
  pager::FileSystem* const fs = FileSystemOf(store.options().file_system);
  SHEAF_ASSIGN_OR_RETURN(const std::string to, internal::CheckDestination(fs, path));
  if (to == store.pager().path())
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is the database itself, not a place for its copy"));
  if (options.compact) return CopyTreesTo(&store, fs, to, options, progress);
  SHEAF_ASSIGN_OR_RETURN(FileReplacer file,
                         FileReplacer::Begin(fs, to, ExistingIf(options.overwrite)));
  SHEAF_ASSIGN_OR_RETURN(const BackupReport report,
                         CopyPagesTo(&store, &file, options, progress));
  SHEAF_RETURN_IF_ERROR(file.Commit().status());
  return report;
}

absl::StatusOr<BackupReport> Database::BackupTo(ByteSink sink,
                                                const BackupOptions& options,
                                                const Progress& progress) {
  catalog::Store& store = *rep_->store;
  if (rep_->closed.load()) return absl::FailedPreconditionError("the database is closed");
  if (options.compact)
    return absl::InvalidArgumentError(
        "BackupOptions::compact: such a copy cannot be streamed, it is a file first");
  catalog::RateLimit rate(options.bytes_per_second_max);
  const std::string zeros(kStreamBytes, '\0');
  uint64_t end = 0;
  SHEAF_ASSIGN_OR_RETURN(
      const catalog::BackupResult copied,
      catalog::CopyPages(
          &store, options.key, /*superblocks_last=*/false, &rate, progress,
          [&](uint64_t offset, std::string_view bytes) -> absl::Status {
            while (end < offset) {
              const uint64_t gap = std::min<uint64_t>(offset - end, zeros.size());
              SHEAF_RETURN_IF_ERROR(sink(std::string_view(zeros).substr(0, gap)));
              end += gap;
            }
            end += bytes.size();
            return sink(bytes);
          }));
  return BackupReport{copied.bytes, copied.pages, copied.version};
}

absl::StatusOr<CheckReport> VerifyBackup(const std::string& path,
                                         const VerifyOptions& options,
                                         const Progress& progress) {
  Options open;
  open.read_only = true;
  open.create_if_missing = false;
  open.key = options.key;
  open.file_system = options.file_system;
  SHEAF_ASSIGN_OR_RETURN(const std::unique_ptr<Database> db, Database::Open(path, open));
  return db->Check(options.level, progress);
}

namespace {

// Verified by its temporary name, then given its own.
absl::Status VerifyAndCommit(FileReplacer* file, const std::string& to,
                             const RestoreOptions& options, const Progress& progress) {
  SHEAF_RETURN_IF_ERROR(file->file().Sync());
  file->CloseFile();
  VerifyOptions verify;
  verify.level = options.level;
  verify.key = options.key;
  verify.file_system = options.file_system;
  SHEAF_ASSIGN_OR_RETURN(const CheckReport report,
                         VerifyBackup(file->temporary_path(), verify, progress));
  if (!report.ok())
    return absl::DataLossError(
        absl::StrCat(to, ": the backup is damaged, page ", report.findings[0].page, ": ",
                     report.findings[0].what, "; nothing was put in its place"));
  return file->Commit().status();
}

}  // namespace

absl::StatusOr<uint64_t> RestoreFrom(ByteSource next, const std::string& path,
                                     const RestoreOptions& options,
                                     const Progress& progress) {
  pager::FileSystem* const fs = FileSystemOf(options.file_system);
  SHEAF_ASSIGN_OR_RETURN(const std::string to, internal::CheckDestination(fs, path));
  SHEAF_ASSIGN_OR_RETURN(FileReplacer file,
                         FileReplacer::Begin(fs, to, ExistingIf(options.overwrite)));
  FileSink sink(&file.file());
  std::string buffer(kStreamBytes, '\0');
  uint64_t bytes = 0;
  for (;;) {
    SHEAF_RETURN_IF_ERROR(
        catalog::Tick(progress, "the restoring", {bytes, 0, "bytes copied"}));
    SHEAF_ASSIGN_OR_RETURN(const size_t n,
                           next(absl::MakeSpan(buffer.data(), buffer.size())));
    if (n == 0) break;
    SHEAF_RETURN_IF_ERROR(sink.Write(bytes, std::string_view(buffer).substr(0, n)));
    bytes += n;
  }
  SHEAF_RETURN_IF_ERROR(VerifyAndCommit(&file, to, options, progress));
  return bytes;
}

absl::StatusOr<uint64_t> Restore(const std::string& from, const std::string& to,
                                 const RestoreOptions& options,
                                 const Progress& progress) {
  pager::FileSystem* const fs = FileSystemOf(options.file_system);
  SHEAF_ASSIGN_OR_RETURN(const std::string source, fs->Canonical(from));
  SHEAF_ASSIGN_OR_RETURN(const std::string target, fs->Canonical(to));
  if (source == target)
    return absl::InvalidArgumentError(absl::StrCat(to, ": is the backup itself"));
  SHEAF_ASSIGN_OR_RETURN(const std::unique_ptr<pager::File> file,
                         fs->Open(source, pager::OpenMode::kReadOnly));
  SHEAF_RETURN_IF_ERROR(file->Lock(pager::LockMode::kShared));
  SHEAF_ASSIGN_OR_RETURN(const bool has_log, fs->Exists(absl::StrCat(source, "-log")));
  if (has_log)
    return absl::FailedPreconditionError(
        absl::StrCat(source, ": was not closed cleanly, its newest commits are in ",
                     source, "-log: open it for writing once, or make a backup of it"));
  SHEAF_ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  uint64_t at = 0;
  return RestoreFrom(
      [&](absl::Span<char> out) -> absl::StatusOr<size_t> {
        const size_t n = std::min<uint64_t>(out.size(), size - at);
        if (n > 0) SHEAF_RETURN_IF_ERROR(file->Read(at, out.subspan(0, n)));
        at += n;
        return n;
      },
      to, options, progress);
}

}  // namespace sheaf
