// HybridClock: timestamps that follow the wall clock and never contradict cause and effect,
// though the clocks of machines differ and are set back (Kulkarni et al., "Logical
// Physical Clocks", 2014). Installed as <sheaf/hybrid_clock.h>.
//
// A timestamp is 48 bits of milliseconds since 1970 and a 16-bit counter. Each one that a
// clock gives is above all it gave and all it was shown; as long as wall clocks agree
// within some milliseconds, so do the timestamps with them.
//
//   sheaf::HybridClock clock;
//   const sheaf::HybridTime sent = clock.Tick();             // of an event here
//   SHEAF_ASSIGN_OR_RETURN(sheaf::HybridTime received, clock.Merge(sent_by_another));
//
// The merge operator kLastWriter (<sheaf/merge.h>) keeps the value that has the highest.
// A clock knows nothing after a restart: show it the highest timestamp that was stored.
#ifndef SHEAF_HYBRID_CLOCK_H_
#define SHEAF_HYBRID_CLOCK_H_
#include <atomic>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace sheaf {

// Ordered as time is. Two clocks may give the same one: what must be told apart by it
// needs a name of its own besides, and kLastWriter falls back to the bytes of the value.
class HybridTime {
 public:
  static constexpr int kCounterBits = 16;
  static constexpr uint64_t kMillisecondsMax = (uint64_t{1} << 48) - 1;  // the year 10889

  constexpr HybridTime() = default;  // below all that a clock gives
  // Requires: milliseconds <= kMillisecondsMax.
  constexpr HybridTime(uint64_t milliseconds, uint16_t counter)
      : bits_(milliseconds << kCounterBits | counter) {}
  // What it is stored and sent as: milliseconds * 65,536 + counter.
  static constexpr HybridTime FromBits(uint64_t bits) {
    HybridTime time;
    time.bits_ = bits;
    return time;
  }
  constexpr uint64_t bits() const { return bits_; }

  constexpr uint64_t milliseconds() const { return bits_ >> kCounterBits; }
  constexpr uint16_t counter() const { return static_cast<uint16_t>(bits_); }
  absl::Time time() const {
    return absl::FromUnixMillis(static_cast<int64_t>(milliseconds()));
  }

  // "1763838775123.5": milliseconds and counter. None: it is not of this form.
  std::string ToString() const;
  static std::optional<HybridTime> Parse(std::string_view text);

  friend constexpr auto operator<=>(HybridTime, HybridTime) = default;

 private:
  uint64_t bits_ = 0;
};

// Thread-safe, without a lock.
class HybridClock {
 public:
  // Refuses timestamps from others that are further ahead of the wall clock than
  // `ahead_max`, up to 100 years: one machine whose clock is wrong would otherwise take
  // all others with it. `from`: the highest timestamp known, as after a restart.
  explicit HybridClock(absl::Duration ahead_max = absl::Minutes(1), HybridTime from = {});
  HybridClock(const HybridClock&) = delete;
  HybridClock& operator=(const HybridClock&) = delete;

  // Of an event here: above all before, also when the wall clock stands or goes back.
  // When 65,536 came in one millisecond the next millisecond is begun early.
  HybridTime Tick() { return Tick(absl::Now()); }
  // The same at a given time. Times before 1970 count as 1970, and those behind the last
  // millisecond that fits as that; a clock that gave the very last timestamp repeats it.
  HybridTime Tick(absl::Time now);

  // Of an event that follows from another's timestamp: above that as well. kOutOfRange:
  // it is too far ahead, and nothing changed.
  absl::StatusOr<HybridTime> Merge(HybridTime remote) {
    return Merge(remote, absl::Now());
  }
  absl::StatusOr<HybridTime> Merge(HybridTime remote, absl::Time now);

  // The highest it gave or was made with.
  HybridTime last() const {
    return HybridTime::FromBits(last_.load(std::memory_order_acquire));
  }

 private:
  // Above `above` and what was given.
  HybridTime After(HybridTime above, absl::Time now);

  const absl::Duration ahead_max_;
  std::atomic<uint64_t> last_;
};

}  // namespace sheaf
#endif  // SHEAF_HYBRID_CLOCK_H_
