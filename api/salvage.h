// Salvage: a new database of what can still be read of a damaged one.
//
// Restoring a backup is better where there is one: what salvage brings back is what
// happened to survive. The report says what is lost, tree by tree.
#ifndef SHEAF_SALVAGE_H_
#define SHEAF_SALVAGE_H_
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "sheaf/encryption_key.h"
#include "sheaf/options.h"
#include "sheaf/transaction.h"

namespace sheaf {

struct SalvageOptions {
  bool overwrite = false;  // a file at the destination; otherwise kAlreadyExists
  EncryptionKey key;       // opens the source, and the new database
  pager::FileSystem* file_system = nullptr;
};

struct SalvageReport {
  struct Range {
    std::string from;               // raw key bytes
    std::optional<std::string> to;  // not included; none: to the end
  };
  struct Tree {
    std::string name;  // lost-N where the name is lost
    TreeKind kind = TreeKind::kTable;
    uint64_t entries = 0;     // in the new database
    uint64_t lost = 0;        // as far as the pages that led to them say
    uint64_t adopted = 0;     // of the entries: from pages that nothing led to any more
    std::vector<Range> gaps;  // where something is lost; the first 100
  };
  std::vector<Tree> trees;
  uint64_t pages_damaged = 0;     // met on the way
  uint64_t commits_replayed = 0;  // from the log
  std::vector<std::string> notes;
  // Nothing was found wrong.
  bool is_complete() const {
    for (const Tree& tree : trees)
      if (tree.lost > 0 || !tree.gaps.empty()) return false;
    return pages_damaged == 0 && notes.empty();
  }
};

// Reads `from` and its log, which stay as they are; kUnavailable while a writer has it.
// kInvalidArgument when it is no database at all, kPermissionDenied for a wrong or
// missing key. Memory: twice the cache budget of Options, and some 50 bytes for each page
// of a tree.
absl::StatusOr<SalvageReport> Salvage(const std::string& from, const std::string& to,
                                      const SalvageOptions& options = {},
                                      const Progress& progress = {});

}  // namespace sheaf
#endif  // SHEAF_SALVAGE_H_
