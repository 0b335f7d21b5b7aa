// Replays the operations of a log into one transaction, as fast as a sorted load.
//
// Puts and deletes are gathered, up to a bound in bytes, and applied tree by tree in
// key order: each leaf is then read, copied and written once, not once for each of
// its keys. The newest operation on a key wins. What does not commute with them
// (delete range, create, rename, drop) is applied after what came before it.
#ifndef CATALOG_REPLAYER_H_
#define CATALOG_REPLAYER_H_
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "catalog/tree_record.h"
#include "catalog/write_txn.h"

namespace sheaf::catalog {

// The largest group that can be in a log, whatever option wrote it.
inline constexpr uint64_t kGroupBytesMax = uint64_t{1} << 30;

class Replayer {
 public:
  // Gathers about `bytes_max` bytes at most. `txn` does not log, and outlives it.
  Replayer(WriteTxn* txn, uint64_t bytes_max);

  // The operations of one committed group. kDataLoss when they cannot be those of a
  // log of this file.
  absl::Status Apply(std::string_view group);
  // Applies what was gathered. Called once, after the last group.
  absl::Status Finish();

 private:
  struct Gathered {
    TreeId tree;
    uint64_t head;   // the key's first eight bytes as a number
    uint64_t order;  // of the log
    size_t at;       // key, then value, in bytes_
    uint32_t key_size;
    bool is_put;
    uint64_t value_size;
  };

  absl::Status Gather(const Op& op);
  absl::Status ApplyNow(OpenTree* tree, const Op& op);
  absl::StatusOr<OpenTree*> Open(TreeId id);
  std::string_view KeyOf(const Gathered& g) const {
    return {bytes_.get() + g.at, g.key_size};
  }
  bool Before(const Gathered& a, const Gathered& b) const;

  WriteTxn& txn_;
  const uint64_t bytes_max_;
  std::unique_ptr<char[]> bytes_;  // memory is used as far as it is filled
  size_t bytes_end_ = 0;
  std::vector<Gathered> gathered_;
};

}  // namespace sheaf::catalog
#endif  // CATALOG_REPLAYER_H_
