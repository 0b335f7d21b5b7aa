// FileKeys: the keys of one encrypted database, all made of its file key (cipher.h).
//
// While the database moves to a new file key it has two: pages of a birth below
// `since` are still sealed by what was made of the one before. That one is known as long
// as the database is open: a reader may hold an old page.
//
// Thread-safe.
#ifndef PAGER_FILE_KEYS_H_
#define PAGER_FILE_KEYS_H_
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pager/cipher.h"
#include "pager/mutex.h"
#include "pager/page.h"

namespace sheaf::pager {

class FileKeys {
 public:
  // `salt`: of the database; its id and the superblock's key_salt.
  FileKeys(const SecretKey& file_key, std::string_view salt)
      : salt_(salt), generations_{{file_key, 0}} {}

  // `previous` was the file key of pages born before `since`.
  void AddPrevious(const SecretKey& previous, Stamp since) ABSL_LOCKS_EXCLUDED(mu_);
  // From now on superblocks, log segments and pages born at `since` or later are sealed
  // by keys made of `next`.
  void Rotate(const SecretKey& next, Stamp since) ABSL_LOCKS_EXCLUDED(mu_);

  absl::StatusOr<std::shared_ptr<Cipher>> ForSuperblocks();
  absl::StatusOr<std::shared_ptr<Cipher>> ForPages(Stamp birth);
  absl::StatusOr<std::shared_ptr<Cipher>> ForLogSegment(std::string_view salt);

  // Random; writes kNonceBytes.
  absl::Status NextNonce(char* out) ABSL_LOCKS_EXCLUDED(mu_);

  SecretKey file_key() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Generation {
    SecretKey file_key;
    Stamp since;  // births from here on
  };
  absl::StatusOr<std::shared_ptr<Cipher>> Make(const SecretKey& file_key,
                                               std::string_view info) const;

  const std::string salt_;
  mutable Mutex mu_;
  std::vector<Generation> generations_ ABSL_GUARDED_BY(mu_);  // ascending
  std::shared_ptr<Cipher> superblocks_ ABSL_GUARDED_BY(mu_);
  // By generation and epoch.
  absl::flat_hash_map<std::pair<size_t, uint64_t>, std::shared_ptr<Cipher>> epochs_
      ABSL_GUARDED_BY(mu_);
  // Random bytes fetched together: asking for a few costs as much as for many.
  std::array<char, 1020> nonces_ ABSL_GUARDED_BY(mu_);
  size_t nonces_left_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace sheaf::pager
#endif  // PAGER_FILE_KEYS_H_
