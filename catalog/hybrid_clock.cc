#include "catalog/hybrid_clock.h"

#include <algorithm>
#include <charconv>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace sheaf {
namespace {

uint64_t MillisecondsOf(absl::Time time) {
  const int64_t milliseconds = absl::ToUnixMillis(time);  // saturates
  if (milliseconds < 0) return 0;
  return std::min(static_cast<uint64_t>(milliseconds), HybridTime::kMillisecondsMax);
}

// All of `text` as a number.
template <class T>
bool ParseDecimal(std::string_view text, T* number) {
  const char* const end = text.data() + text.size();
  const std::from_chars_result result = std::from_chars(text.data(), end, *number);
  return result.ec == std::errc() && result.ptr == end;
}

}  // namespace

std::string HybridTime::ToString() const {
  return absl::StrCat(milliseconds(), ".", counter());
}

std::optional<HybridTime> HybridTime::Parse(std::string_view text) {
  const size_t point = text.find('.');
  if (point == std::string_view::npos) return std::nullopt;
  uint64_t milliseconds = 0;
  uint16_t counter = 0;
  if (!ParseDecimal(text.substr(0, point), &milliseconds) ||
      !ParseDecimal(text.substr(point + 1), &counter) || milliseconds > kMillisecondsMax)
    return std::nullopt;
  return HybridTime(milliseconds, counter);
}

HybridClock::HybridClock(absl::Duration ahead_max, HybridTime from)
    : ahead_max_(std::clamp(ahead_max, absl::ZeroDuration(), absl::Hours(24 * 36525))),
      last_(from.bits()) {}

// The paper keeps milliseconds and counter apart and treats four cases. In one number
// they are one: a step above the greater one, or the wall clock where that is higher. A
// counter that is full carries into the milliseconds.
HybridTime HybridClock::After(HybridTime above, absl::Time now) {
  const uint64_t wall = HybridTime(MillisecondsOf(now), 0).bits();
  uint64_t last = last_.load(std::memory_order_relaxed);
  uint64_t next = 0;
  do {
    const uint64_t top = std::max(last, above.bits());
    next = std::max(top == UINT64_MAX ? top : top + 1, wall);
  } while (!last_.compare_exchange_weak(last, next, std::memory_order_acq_rel,
                                        std::memory_order_relaxed));
  return HybridTime::FromBits(next);
}

HybridTime HybridClock::Tick(absl::Time now) { return After(HybridTime(), now); }

absl::StatusOr<HybridTime> HybridClock::Merge(HybridTime remote, absl::Time now) {
  const absl::Duration ahead = remote.time() - now;
  if (ahead > ahead_max_)
    return absl::OutOfRangeError(absl::StrCat(
        "the timestamp ", remote.ToString(), " is ", absl::FormatDuration(ahead),
        " ahead of this clock; ", absl::FormatDuration(ahead_max_),
        " are allowed: one of the two clocks is wrong"));
  return After(remote, now);
}

}  // namespace sheaf
