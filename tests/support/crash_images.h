// Crash images: what a disk may hold after the power went, built from what a
// FaultyFileSystem recorded (RELIABILITY R1, R3).
//
// An image is everything that was durable at a point, plus, for each event that
// was not, its fate. Between two syncs the list of such events only grows, so
// the states a crash can leave at any point before a sync are among those it can
// leave just before it. They are built there, once: prefix by prefix (every
// event is a crash point), alone, all but one, torn, at random. There the test
// may also demand the most: all that was acknowledged before the sync began.
//
// Stateless functions; a Recording may be used by several threads.
#ifndef TESTS_SUPPORT_CRASH_IMAGES_H_
#define TESTS_SUPPORT_CRASH_IMAGES_H_
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/support/faulty_file.h"

namespace sheaf::test {

// What became of an event that was not durable.
struct Fate {
  enum class Kind : uint8_t {
    kLost = 1,
    kKept,
    kHead,       // a write: the first `detail` bytes
    kTail,       // a write: all but the first `detail` bytes
    kScattered,  // a write: some of its 512-byte sectors, by the seed `detail`
    kSizeOnly,   // a write past the end: zeros instead of the data
    kClipped,    // a write past the end: the file did not grow
  };
  Kind kind = Kind::kKept;
  uint64_t detail = 0;
  friend bool operator==(const Fate&, const Fate&) = default;
};

struct CrashImage {
  size_t point = 0;             // events [0, point) had happened
  std::vector<size_t> pending;  // those of them that were not durable, in order
  std::vector<Fate> fates;      // one for each
  std::string ToString(const Recording& recording) const;
};

struct CrashOptions {
  uint64_t seed = 1;
  // The mean over the points between two syncs. Every prefix, none and all come
  // first; a choice by the seed among the others fills the rest.
  size_t images_per_point_max = 20;
  size_t first_point = 0;  // only crashes at or after this one
};

struct CrashCounts {
  size_t points = 0;  // I/O events that served as crash point
  size_t images = 0;
};

// Calls `visit` with each image in an order that depends on the options alone.
// Stops at the first error and returns it with the image's description. The
// file system is a fresh one: what `visit` does there can be crashed again.
using CrashVisitor =
    absl::FunctionRef<absl::Status(const CrashImage& image, FaultyFileSystem* fs)>;
absl::StatusOr<CrashCounts> ForEachCrashImage(const Recording& recording,
                                              const CrashOptions& options,
                                              CrashVisitor visit);

// One image by itself. O(image.point), where ForEachCrashImage rolls along.
std::unique_ptr<FaultyFileSystem> BuildImage(const Recording& recording,
                                             const CrashImage& image);

// The pending events of a crash at `point`, all of them kept.
CrashImage ImageAt(const Recording& recording, size_t point);

}  // namespace sheaf::test
#endif  // TESTS_SUPPORT_CRASH_IMAGES_H_
