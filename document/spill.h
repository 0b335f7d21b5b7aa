// Spill: a temporary file for what a query cannot hold in memory. It has no name, holds
// runs of bytes that are written once, one after the other, and goes with the object.
//
//   file  := block of each run, in the order written
//   block := tag (16 bytes, where it is sealed), content; all but a run's last have
//            block_bytes of content
//
// Sealed blocks are encrypted with AES-256-GCM under a key that only this object knows;
// the nonce is the block's offset in the file. Nothing is synced: nobody reads it later.
//
// Thread-compatible.
#ifndef DOCUMENT_SPILL_H_
#define DOCUMENT_SPILL_H_
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pager/cipher.h"
#include "pager/file.h"

namespace sheaf::document {

// Makes the file when it is needed first.
using SpillFile = std::function<absl::StatusOr<std::unique_ptr<pager::File>>()>;

// A new file beside `path`, `path`-spill-0 or a higher number, whose name is gone when this
// returns. A crash in between leaves an empty file, which the next one takes away.
absl::StatusOr<std::unique_ptr<pager::File>> OpenSpillFile(pager::FileSystem* fs,
                                                           const std::string& path);

struct SpillOptions {
  size_t block_bytes = size_t{256} << 10;
  uint64_t bytes_max = 0;  // of the file
  bool seal = false;
};

struct SpillRun {
  uint64_t offset = 0;  // in the file
  uint64_t size = 0;    // of its content
};

class Spill {
 public:
  static absl::StatusOr<std::unique_ptr<Spill>> Open(const SpillFile& open,
                                                     const SpillOptions& options);

  // One run at a time. kResourceExhausted: bytes_max is reached, or the disk is full.
  absl::Status Append(std::string_view bytes);
  absl::StatusOr<SpillRun> FinishRun();
  void Forget(const SpillRun& run);  // a hint

  uint64_t bytes() const { return end_; }

 private:
  friend class SpillReader;
  Spill(std::unique_ptr<pager::File> file, const SpillOptions& options)
      : file_(std::move(file)), options_(options) {}
  size_t tag_bytes() const { return cipher_ == nullptr ? 0 : pager::kTagBytes; }
  uint64_t FileBytes(const SpillRun& run) const;
  absl::Status WriteBlock();
  // The content of the block at `offset` into `block`, which has that size and a tag's.
  absl::Status ReadBlock(uint64_t offset, std::string* block) const;

  std::unique_ptr<pager::File> file_;
  const SpillOptions options_;
  std::unique_ptr<pager::Cipher> cipher_;
  std::string block_;  // being filled; a tag's place first
  SpillRun run_;       // being written
  uint64_t end_ = 0;   // of the file
};

// Reads one run. The spill outlives it, and has finished the run.
class SpillReader {
 public:
  SpillReader(const Spill* spill, const SpillRun& run)
      : spill_(spill), offset_(run.offset), left_(run.size) {}

  uint64_t left() const { return left_; }
  // The next bytes in one piece, valid until the next call; how many there are is told by
  // the first `head_bytes` of them. kDataLoss: there are less.
  absl::StatusOr<std::string_view> Take(size_t head_bytes,
                                        absl::FunctionRef<size_t(const char*)> size_of);

 private:
  absl::Status Join(size_t size);
  absl::Status LoadBlock();

  const Spill* spill_;
  uint64_t offset_;  // of the next block
  uint64_t left_;    // not taken yet
  std::string block_;
  size_t at_ = 0;       // in block_
  std::string joined_;  // what is in several blocks
};

}  // namespace sheaf::document
#endif  // DOCUMENT_SPILL_H_
