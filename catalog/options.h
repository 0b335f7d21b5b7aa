// What an application can choose: how a database is opened, how much a commit
// promises, how long work may take. Installed as <sheaf/options.h>.
#ifndef SHEAF_OPTIONS_H_
#define SHEAF_OPTIONS_H_
#include <cstdint>
#include <functional>

#include "absl/time/time.h"
#include "sheaf/encryption_key.h"
#include "sheaf/merge.h"

namespace sheaf {

namespace pager {
class FileSystem;
}

// What a commit promises when it returns. Whatever is chosen, what is found
// after a crash is always the state after some commit, never half of one and
// never one without those before it.
enum class Durability : uint8_t {
  kFull = 1,     // on the device: survives power loss
  kProcess = 2,  // with the operating system: survives kill -9; a power loss may
                 // take the newest commits
  kNone = 3,     // in memory until the next checkpoint, kFull or kProcess commit
};

class Observer;        // <sheaf/observer.h>
struct ExpiredRecord;  // <sheaf/expiry.h>

enum class CompressionKind : uint8_t { kNone = 0, kLz4 = 1, kZstd = 2 };

// How the values of a table or collection are compressed: each alone, so that reading one
// opens no other. A value that does not shrink, or is longer than 65 MiB, is kept as it
// is. Reading a compressed value copies it; LZ4 opens some 1-2 GB/s, zstd half of that
// and is a third smaller.
struct Compression {
  CompressionKind kind = CompressionKind::kNone;
  int level = 3;  // of zstd: 1 to 19; higher is smaller, and slower to write
  // What the first values have in common is trained into a dictionary of up to 16 KiB,
  // which is kept in the file: short values of one shape come to half the size. That takes
  // some 0.1 s, with high levels seconds, in the transaction that puts value number
  // `dictionary_at`, 10 or more; where it does not work, in one that comes to four times
  // as many. Values of more than 16 KiB are not looked at.
  bool dictionary = false;
  uint64_t dictionary_at = 2000;
  friend bool operator==(const Compression&, const Compression&) = default;
};

struct Options {
  bool read_only = false;         // changes no byte on disk; shares the file with other
                                  // read-only opens
  bool create_if_missing = true;  // ignored when read_only
  bool error_if_exists = false;   // kAlreadyExists instead of opening
  uint64_t cache_bytes_max = 256ull << 20;  // hard budget for page memory; 1 MiB or more

  // Of the pages that are read from the file the checksum of one in so many is verified,
  // 1: of each; Observer::OnDamage hears of those that are wrong. More is for file systems
  // that verify what they read. The structure of each is checked all the same, and
  // encrypted pages are authenticated.
  uint32_t verify_one_in = 1;  // 1 to 1,000,000

  // A checkpoint starts when the log holds this much. It bounds the time that
  // opening takes after a crash and the size of the log file (about twice this).
  uint64_t log_bytes_max = 64ull << 20;  // 1 MiB to 64 GiB

  // A transaction whose operations take more log than this is written straight
  // into the file and commits with a checkpoint, so nothing is written twice.
  uint64_t transaction_log_bytes_max = 32ull << 20;  // 64 KiB or more

  // Vectors are linked into their indexes' graphs by a thread that begins when some are put.
  bool background_linking = true;
  bool background_checkpoints = true;  // false: only by call, at close, or when forced
  Durability durability = Durability::kFull;  // unless WriteOptions say otherwise
  absl::Duration write_wait_max = absl::InfiniteDuration();  // for other writers
  pager::FileSystem* file_system = nullptr;  // not owned; null: the system's
  Compression compression;  // of new tables and collections, unless TreeOptions say more
  // Merge operators of your own, by name: Table::MergeWith and "$merge" in updates. The file
  // does not know them: give them at each opening.
  MergeFunctions merge_functions;
  Observer* observer = nullptr;  // not owned; outlives the database
  absl::Duration slow_operation_min = absl::Seconds(1);  // the observer is told of these

  // Expiry: see <sheaf/expiry.h>. What time it is, for tests and simulations; empty: the
  // system's clock. Called by several threads at a time. Within one open database time does
  // not go back: where the clock does, the latest time that was read goes on.
  std::function<absl::Time()> clock;
  // What has expired is removed by a thread that sleeps until something has. A `clock` is
  // asked once a second. False: only by Database::Expire.
  bool background_expiry = true;
  // Told of each record that is about to be removed because it has expired.
  std::function<void(const ExpiredRecord&)> on_expired;

  // Opens an encrypted database; a new one is made encrypted by it. None: plain.
  EncryptionKey key;
  // What a new database makes guessing its passphrase cost: scrypt with N = 2^log2_n. As
  // they are: 32 MiB of memory and about 0.1 s for each opening.
  uint32_t scrypt_log2_n = 15, scrypt_r = 8, scrypt_p = 1;
};

struct WriteOptions {
  // Not set: what Options say.
  Durability durability = Durability{};
  absl::Duration wait_max = -absl::InfiniteDuration();
};

// What a check looks at.
enum class CheckLevel {
  kQuick,  // superblocks, page map, catalog: a moment, however large the file
  kPages,  // and every page of the file, alone: at the speed of the disk
  kFull,   // and everything against everything
};

// Passed to calls that may take long. Both may be empty. `report` is called from
// time to time on the calling thread; returning false cancels the call, which
// then fails with kCancelled and leaves the database as it was before it, unless the call
// says otherwise.
struct Progress {
  struct State {
    uint64_t done = 0;
    uint64_t total = 0;  // 0: not known
    const char* what = "";
  };
  std::function<bool(const State&)> report;
  absl::Time deadline = absl::InfiniteFuture();  // kDeadlineExceeded after it
};

}  // namespace sheaf
#endif  // SHEAF_OPTIONS_H_
