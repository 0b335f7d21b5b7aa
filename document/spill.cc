#include "document/spill.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "pager/coding.h"
#include "pager/status_macros.h"

namespace sheaf::document {

using pager::File;
using pager::kNonceBytes;
using pager::kTagBytes;

namespace {

constexpr int kNamesTried = 1000;

struct Nonce {
  explicit Nonce(uint64_t offset) { pager::EncodeFixed64(bytes, offset); }
  char bytes[kNonceBytes] = {};
};

// Of a process that crashed before it deleted the name: then it is empty and not locked.
absl::Status DeleteStray(pager::FileSystem* fs, const std::string& name) {
  SHEAF_ASSIGN_OR_RETURN(const std::unique_ptr<File> stray,
                         fs->Open(name, pager::OpenMode::kReadWrite));
  SHEAF_RETURN_IF_ERROR(stray->Lock(pager::LockMode::kExclusive));
  SHEAF_ASSIGN_OR_RETURN(const uint64_t size, stray->Size());
  if (size != 0) return absl::AlreadyExistsError(name);
  return fs->Delete(name);
}

absl::Status EndsWithin() {
  return absl::DataLossError("temporary file: a run ends within a row");
}

}  // namespace

absl::StatusOr<std::unique_ptr<File>> OpenSpillFile(pager::FileSystem* fs,
                                                    const std::string& path) {
  for (int i = 0; i < kNamesTried; ++i) {
    const std::string name = absl::StrCat(path, "-spill-", i);
    absl::StatusOr<std::unique_ptr<File>> file =
        fs->Open(name, pager::OpenMode::kCreateNew);
    if (absl::IsAlreadyExists(file.status()) && DeleteStray(fs, name).ok())
      file = fs->Open(name, pager::OpenMode::kCreateNew);
    if (absl::IsAlreadyExists(file.status())) continue;
    if (!file.ok()) return file.status();
    const absl::Status deleted = fs->Delete(name);
    if (!deleted.ok() && !absl::IsNotFound(deleted)) return deleted;
    return file;
  }
  return absl::AlreadyExistsError(absl::StrCat(
      path, "-spill-0 to -spill-", kNamesTried - 1, ": all of them exist already"));
}

// --- Writing ----------------------------------------------------------------

absl::StatusOr<std::unique_ptr<Spill>> Spill::Open(const SpillFile& open,
                                                   const SpillOptions& options) {
  SHEAF_ASSIGN_OR_RETURN(std::unique_ptr<File> file, open());
  std::unique_ptr<Spill> spill(new Spill(std::move(file), options));
  if (options.seal) {
    SHEAF_ASSIGN_OR_RETURN(const pager::SecretKey key, pager::RandomKey());
    spill->cipher_ = std::make_unique<pager::Cipher>(key);
  }
  spill->block_.reserve(spill->tag_bytes() + options.block_bytes);
  spill->block_.assign(spill->tag_bytes(), '\0');
  return spill;
}

uint64_t Spill::FileBytes(const SpillRun& run) const {
  const uint64_t blocks = (run.size + options_.block_bytes - 1) / options_.block_bytes;
  return run.size + blocks * tag_bytes();
}

absl::Status Spill::Append(std::string_view bytes) {
  run_.size += bytes.size();
  while (!bytes.empty()) {
    const size_t room = tag_bytes() + options_.block_bytes - block_.size();
    const size_t part = std::min(room, bytes.size());
    block_.append(bytes.substr(0, part));
    bytes.remove_prefix(part);
    if (part == room) SHEAF_RETURN_IF_ERROR(WriteBlock());
  }
  return absl::OkStatus();
}

absl::Status Spill::WriteBlock() {
  if (block_.size() > options_.bytes_max || end_ > options_.bytes_max - block_.size())
    return absl::ResourceExhaustedError(absl::StrCat(
        "more than ", options_.bytes_max, " bytes of temporary file (spill_bytes_max)"));
  if (cipher_ != nullptr) {
    const absl::Span<char> content = absl::MakeSpan(block_).subspan(kTagBytes);
    SHEAF_RETURN_IF_ERROR(cipher_->Seal(Nonce(end_).bytes, {}, content, block_.data()));
  }
  SHEAF_RETURN_IF_ERROR(file_->Write(end_, block_));
  end_ += block_.size();
  block_.assign(tag_bytes(), '\0');
  return absl::OkStatus();
}

absl::StatusOr<SpillRun> Spill::FinishRun() {
  if (block_.size() > tag_bytes()) SHEAF_RETURN_IF_ERROR(WriteBlock());
  return std::exchange(run_, SpillRun{end_, 0});
}

void Spill::Forget(const SpillRun& run) { file_->PunchHole(run.offset, FileBytes(run)); }

// --- Reading ----------------------------------------------------------------

absl::Status Spill::ReadBlock(uint64_t offset, std::string* block) const {
  SHEAF_RETURN_IF_ERROR(file_->Read(offset, absl::MakeSpan(*block)));
  if (cipher_ == nullptr) return absl::OkStatus();
  const absl::Status opened = cipher_->Open(
      Nonce(offset).bytes, {}, absl::MakeSpan(*block).subspan(kTagBytes), block->data());
  return absl::IsDataLoss(opened)
             ? absl::DataLossError("temporary file: a block is not what was written")
             : opened;
}

// Requires: something is left, and all of block_ has been taken.
absl::Status SpillReader::LoadBlock() {
  const size_t tag = spill_->tag_bytes();
  block_.resize(tag + std::min<uint64_t>(left_, spill_->options_.block_bytes));
  SHEAF_RETURN_IF_ERROR(spill_->ReadBlock(offset_, &block_));
  offset_ += block_.size();
  at_ = tag;
  return absl::OkStatus();
}

absl::StatusOr<std::string_view> SpillReader::Take(
    size_t head_bytes, absl::FunctionRef<size_t(const char*)> size_of) {
  if (head_bytes > left_) return EndsWithin();
  if (at_ == block_.size()) SHEAF_RETURN_IF_ERROR(LoadBlock());
  if (const size_t here = block_.size() - at_; here >= head_bytes) {
    const size_t size = size_of(block_.data() + at_);
    if (size <= here) {
      left_ -= size;
      return std::string_view(block_).substr(std::exchange(at_, at_ + size), size);
    }
  }
  if (joined_.capacity() > block_.capacity()) joined_ = std::string();
  joined_.clear();
  SHEAF_RETURN_IF_ERROR(Join(head_bytes));
  const size_t size = size_of(joined_.data());
  if (size - head_bytes > left_) return EndsWithin();
  joined_.reserve(size);
  SHEAF_RETURN_IF_ERROR(Join(size));
  return joined_;
}

// Requires: so much is left.
absl::Status SpillReader::Join(size_t size) {
  while (joined_.size() < size) {
    if (at_ == block_.size()) SHEAF_RETURN_IF_ERROR(LoadBlock());
    const size_t part = std::min(size - joined_.size(), block_.size() - at_);
    joined_.append(block_, at_, part);
    at_ += part;
    left_ -= part;
  }
  return absl::OkStatus();
}

}  // namespace sheaf::document
