// Salvage: copies what can still be read of a damaged file into a new database.
//
// It goes down from the newest superblock that can be read, through intact pages only.
// Where an inner page is lost, the leaves below it are looked for among all intact pages
// of the file: each says whose it is (btree/node.h). If the page map can be read, it says
// which of them are part of the last checkpoint; otherwise the newest page that has a key
// wins, and what was deleted may come back: the result says so. Without a superblock the
// newest page of the catalog is taken for its root. At last the log is replayed, as far
// as it goes.
//
// Without the page map, pages of transactions that were never committed cannot be told
// apart from others where the superblocks are lost, too.
//
// The source is opened read-only and not changed.
#ifndef CATALOG_SALVAGE_H_
#define CATALOG_SALVAGE_H_
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "catalog/store.h"

namespace sheaf::catalog {

struct SalvagedTree {
  std::string name;
  TreeKind kind = TreeKind::kTable;
  uint64_t entries = 0;  // copied
  uint64_t lost = 0;     // as far as what referred to them says
  uint64_t adopted = 0;  // of those copied: from pages that nothing refers to any more
  // Ranges of keys in which something is lost, [first, second); the first 100.
  std::vector<std::pair<std::string, std::optional<std::string>>> gaps;
};

struct SalvageResult {
  std::vector<SalvagedTree> trees;
  uint64_t pages_damaged = 0;
  uint64_t commits_replayed = 0;
  std::vector<std::string> notes;  // what else there is to say
};

// `to` is empty. The errors are those of opening, of writing, and kCancelled.
absl::StatusOr<SalvageResult> Salvage(pager::FileSystem* fs, const std::string& path,
                                      const EncryptionKey& key, Store* to,
                                      const Progress& progress);

}  // namespace sheaf::catalog
#endif  // CATALOG_SALVAGE_H_
