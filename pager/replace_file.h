// FileReplacer: a file that appears under its name whole or not at all. It is written
// under another name, `path`-new; a crash leaves that, which the next one takes over.
#ifndef PAGER_REPLACE_FILE_H_
#define PAGER_REPLACE_FILE_H_
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pager/file.h"

namespace sheaf::pager {

class FileReplacer {
 public:
  enum class Existing { kRefuse, kReplace };
  // `path` is canonical. kAlreadyExists; kUnavailable when somebody writes the new file,
  // or has the one that is to be replaced open.
  static absl::StatusOr<FileReplacer> Begin(FileSystem* fs, const std::string& path,
                                            Existing existing);
  // Takes the new file away unless it was committed.
  ~FileReplacer();
  FileReplacer(FileReplacer&&) = default;
  FileReplacer& operator=(FileReplacer&&) = delete;

  File& file() { return *file_; }  // empty and locked
  const std::string& temporary_path() const { return temporary_; }
  // Lets go of the new file, for somebody who opens it by its temporary name.
  void CloseFile() { file_.reset(); }
  // Durable under its name. The file is returned, unless it was closed.
  absl::StatusOr<std::unique_ptr<File>> Commit();

 private:
  FileReplacer(FileSystem* fs, std::string path) : fs_(fs), path_(std::move(path)) {}

  FileSystem* fs_;
  std::string path_, temporary_;
  std::unique_ptr<File> file_;      // the new one
  std::unique_ptr<File> replaced_;  // locked
  bool replaces_ = false;
};

}  // namespace sheaf::pager
#endif  // PAGER_REPLACE_FILE_H_
