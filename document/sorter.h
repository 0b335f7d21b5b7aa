// Sorter: rows in the order of their keys, within a bound of memory.
//
// A row is a key, compared byte by byte, and a payload. Rows of equal keys keep the order
// in which they were added. What does not fit memory goes to a temporary file in sorted
// runs, which are merged. With a limit only so many rows come out, and as long as twice as
// many fit half of the memory, nothing goes to a file; where they do not fit, some marks of
// each run tell which later rows need not be kept (Chronis et al., SIGMOD 2020).
//
//   Add… Finish Next… until it has none. After an error there is nothing more to ask.
//
// One row may be larger than the bound; merging holds a few rows at least. Thread-compatible.
#ifndef DOCUMENT_SORTER_H_
#define DOCUMENT_SORTER_H_
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "document/byte_arena.h"
#include "document/spill.h"

namespace sheaf::document {

struct SorterOptions {
  size_t memory_bytes_max = size_t{64} << 20;
  uint64_t spill_bytes_max = uint64_t{4} << 30;  // 0: never to a file
  bool seal_spill = false;                       // of a database that is encrypted
  std::optional<uint64_t> limit;                 // rows wanted
};

class Sorter {
 public:
  struct Row {
    std::string_view key, payload;
  };

  // `open` is called once, if at all.
  Sorter(const SorterOptions& options, SpillFile open);
  ~Sorter();
  Sorter(const Sorter&) = delete;
  Sorter& operator=(const Sorter&) = delete;

  // kResourceExhausted says which bound was reached, and what can be done; else what the
  // file says.
  absl::Status Add(std::string_view key, std::string_view payload);
  absl::Status Finish();
  // None after the last. Valid until the next call.
  absl::StatusOr<std::optional<Row>> Next();

  uint64_t spilled_bytes() const { return spill_ == nullptr ? 0 : spill_->bytes(); }

 private:
  struct Entry {
    uint64_t prefix;  // the key's first eight bytes
    const char* row;
    uint64_t number;  // of the rows that were added
  };
  class Merger;
  static bool Before(const Entry& a, const Entry& b);
  bool Fits(size_t row_bytes) const;
  size_t MemoryBytes() const;
  absl::Status MakeRoom(size_t row_bytes);
  void Prune();
  void Sort();
  absl::Status SpillRows();
  void Mark();
  absl::Status MergeDown();
  absl::StatusOr<SpillRun> MergeRuns(absl::Span<const SpillRun> runs);

  const SorterOptions options_;
  const SpillFile open_;
  const size_t block_bytes_;
  size_t room_;  // for rows
  ByteArena arena_;
  std::vector<Entry> entries_;
  uint64_t added_ = 0;
  size_t row_bytes_max_ = 0;        // of the largest
  std::optional<std::string> cut_;  // `limit` rows come before one that has it
  std::vector<std::pair<std::string, uint64_t>> marks_;  // so many rows, up to the key

  std::unique_ptr<Spill> spill_;
  std::vector<SpillRun> runs_;  // in the order of their rows' numbers
  std::unique_ptr<Merger> merger_;
  uint64_t returned_ = 0;
};

}  // namespace sheaf::document
#endif  // DOCUMENT_SORTER_H_
