// The crash images of a recording: which are tried, and how many they were.
#ifndef TESTS_CRASH_IMAGES_H_
#define TESTS_CRASH_IMAGES_H_
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "tests/crash/workload.h"
#include "tests/support/crash_images.h"
#include "tests/support/faulty_file.h"

namespace sheaf::test {

// Counts of crash images over a test, printed at its end.
struct Tally {
  uint64_t sequences = 0, points = 0, images = 0, tried = 0;
  void Add(const Tally& other) {
    sequences += other.sequences, points += other.points;
    images += other.images, tried += other.tried;
  }
  std::string ToString() const {
    return absl::StrCat(sequences, " sequences, ", points, " crash points, ", images,
                        " images, ", tried, " of them tried");
  }
};

inline bool IsZeroWrite(const Event& event) {
  return event.kind == Event::Kind::kWrite && event.data->size() == 4096 &&
         event.path.ends_with("-log") &&
         event.data->find_first_not_of('\0') == std::string::npos;
}

// Filling a log segment with zeros is 256 writes, none of which tells recovery
// anything. Here they become three: the first, the last, and all between as one.
struct Condensed {
  Recording recording;
  std::vector<size_t> points;  // the crash point in the original for each one here
};

inline Condensed Condense(const Recording& original) {
  const std::vector<Event>& events = original.events;
  Condensed condensed{{original.start, {}}, {0}};
  const auto continues = [&](size_t i) {
    return i < events.size() && IsZeroWrite(events[i]) && IsZeroWrite(events[i - 1]) &&
           events[i].file == events[i - 1].file &&
           events[i].offset == events[i - 1].offset + 4096;
  };
  for (size_t i = 0; i < events.size(); ++i) {
    condensed.recording.events.push_back(events[i]);
    size_t last = i;
    if (i > 0 && continues(i))
      while (continues(last + 1) && continues(last + 2)) ++last;
    condensed.recording.events.back().data =
        last == i ? events[i].data
                  : std::make_shared<const std::string>((last - i + 1) * 4096, '\0');
    i = last;
    condensed.points.push_back(i + 1);
  }
  return condensed;
}

// Each image of a recording, or every `each`-th; `point` counts the events of the
// recording that had happened.
using ImageFn = absl::FunctionRef<absl::Status(const CrashImage& image, size_t point,
                                               FaultyFileSystem* crashed)>;
inline absl::StatusOr<CrashCounts> ForEachImage(const Recording& recording,
                                                size_t first_point, CrashOptions options,
                                                size_t each, ImageFn fn) {
  const Condensed condensed = Condense(recording);
  options.first_point = static_cast<size_t>(
      std::lower_bound(condensed.points.begin(), condensed.points.end(), first_point) -
      condensed.points.begin());
  size_t number = options.seed;
  return ForEachCrashImage(condensed.recording, options,
                           [&](const CrashImage& image, FaultyFileSystem* crashed) {
                             if (++number % each != 0) return absl::OkStatus();
                             return fn(image, condensed.points[image.point], crashed);
                           });
}

// Opens and judges the images of what was recorded, from `first_point` on.
inline absl::Status TryImages(const Workload& workload, const Recording& recording,
                              size_t first_point, const CrashOptions& options,
                              size_t each, Tally* tally) {
  const auto counts = ForEachImage(
      recording, first_point, options, each,
      [&](const CrashImage& image, size_t point, FaultyFileSystem* crashed) {
        ++tally->tried;
        const bool process_only = std::all_of(image.fates.begin(), image.fates.end(),
                                              [](const Fate& f) { return f == Fate{}; });
        return workload.Verify(point, process_only, crashed);
      });
  if (!counts.ok()) return counts.status();
  tally->points += counts->points;
  tally->images += counts->images;
  return absl::OkStatus();
}

}  // namespace sheaf::test
#endif  // TESTS_CRASH_IMAGES_H_
