#include "pager/replace_file.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "pager/page.h"
#include "pager/status_macros.h"
#include "pager/superblock.h"

namespace sheaf::pager {

namespace {

// Half of a copy begins with zeros, a whole one with a superblock.
absl::Status CheckIsOurs(const File& file, const std::string& path) {
  SHEAF_ASSIGN_OR_RETURN(const uint64_t size, file.Size());
  char head[kPageBytes] = {};
  SHEAF_RETURN_IF_ERROR(
      file.Read(0, absl::MakeSpan(head, std::min<uint64_t>(size, sizeof head))));
  const bool zeros = std::all_of(head, head + sizeof head, [](char c) { return c == 0; });
  if (zeros || !absl::IsInvalidArgument(DecodePlainSuperblock(head, 0).status()))
    return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat(
      path, ": is in the way of a new file's name for the time being; move it away"));
}

}  // namespace

absl::StatusOr<FileReplacer> FileReplacer::Begin(FileSystem* fs, const std::string& path,
                                                 Existing existing) {
  FileReplacer replacer(fs, path);
  SHEAF_ASSIGN_OR_RETURN(const bool exists, fs->Exists(path));
  if (exists && existing == Existing::kRefuse)
    return absl::AlreadyExistsError(absl::StrCat(path, ": exists already"));
  if (exists) {
    SHEAF_ASSIGN_OR_RETURN(replacer.replaced_, fs->Open(path, OpenMode::kReadWrite));
    SHEAF_RETURN_IF_ERROR(replacer.replaced_->Lock(LockMode::kExclusive));
  }
  replacer.replaces_ = exists;  // what appears in the meantime is somebody's, and stays
  const std::string temporary = path + "-new";
  absl::StatusOr<std::unique_ptr<File>> file = fs->Open(temporary, OpenMode::kCreateNew);
  if (absl::IsAlreadyExists(file.status())) {
    SHEAF_ASSIGN_OR_RETURN(const std::unique_ptr<File> old,
                           fs->Open(temporary, OpenMode::kReadWrite));
    SHEAF_RETURN_IF_ERROR(old->Lock(LockMode::kExclusive));  // somebody writes it now
    SHEAF_RETURN_IF_ERROR(CheckIsOurs(*old, temporary));
    SHEAF_RETURN_IF_ERROR(fs->Delete(temporary));
    file = fs->Open(temporary, OpenMode::kCreateNew);
  }
  if (!file.ok()) return file.status();
  SHEAF_RETURN_IF_ERROR((*file)->Lock(LockMode::kExclusive));
  replacer.file_ = *std::move(file);
  replacer.temporary_ = temporary;
  return replacer;
}

FileReplacer::~FileReplacer() {
  if (!temporary_.empty()) (void)fs_->Delete(temporary_);
}

absl::StatusOr<std::unique_ptr<File>> FileReplacer::Commit() {
  if (file_ != nullptr) SHEAF_RETURN_IF_ERROR(file_->Sync());
  SHEAF_RETURN_IF_ERROR(replaces_ ? fs_->RenameOver(temporary_, path_)
                                  : fs_->RenameNew(temporary_, path_));
  temporary_.clear();
  SHEAF_RETURN_IF_ERROR(fs_->SyncDirectory(path_));
  return std::move(file_);
}

}  // namespace sheaf::pager
