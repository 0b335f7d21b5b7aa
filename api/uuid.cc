#include <atomic>
#include <cstring>

#include "absl/base/thread_annotations.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "document/collection_codec.h"
#include "pager/cipher.h"
#include "pager/coding.h"
#include "sheaf/document_key.h"

namespace sheaf {
namespace {

// RFC 9562, 6.2, method 2: within a millisecond what follows it counts up from a random
// beginning, by random steps.
class Generator {
 public:
  Uuid Next() ABSL_LOCKS_EXCLUDED(mu_) {
    const absl::MutexLock lock(&mu_);
    const auto now = static_cast<uint64_t>(absl::ToUnixMillis(absl::Now()));
    if (now > millis_) {
      millis_ = now;
      high_ = Random() & 0x7ff;  // of 12 bits: room to count
      low_ = Random() & kLowMask;
    } else {
      low_ += 1 + (Random() & 0xffffffff);
      if (low_ > kLowMask) {
        low_ &= kLowMask;
        if (++high_ > 0xfff) high_ = 0, ++millis_;
      }
    }
    Uuid uuid;
    const uint64_t first = millis_ << 16 | uint64_t{7} << 12 | high_;
    const uint64_t second = uint64_t{1} << 63 | low_;
    for (int i = 0; i < 8; ++i) {
      uuid.bytes[static_cast<size_t>(i)] = static_cast<uint8_t>(first >> (56 - 8 * i));
      uuid.bytes[static_cast<size_t>(8 + i)] =
          static_cast<uint8_t>(second >> (56 - 8 * i));
    }
    return uuid;
  }

 private:
  static constexpr uint64_t kLowMask = (uint64_t{1} << 62) - 1;

  uint64_t Random() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (used_ == sizeof random_) {
      // Without randomness what counts up is still in order, and unique in this process.
      pager::FillRandom(random_).IgnoreError();
      used_ = 0;
    }
    uint64_t value = 0;
    std::memcpy(&value, random_ + used_, sizeof value);
    used_ += sizeof value;
    return value;
  }

  absl::Mutex mu_;
  uint64_t millis_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t high_ ABSL_GUARDED_BY(mu_) = 0, low_ ABSL_GUARDED_BY(mu_) = 0;
  char random_[512] ABSL_GUARDED_BY(mu_) = {};
  size_t used_ ABSL_GUARDED_BY(mu_) = sizeof random_;
};

}  // namespace

Uuid Uuid::Next() {
  static Generator* const generator = new Generator;
  return generator->Next();
}

std::string Uuid::ToString() const {
  const std::string hex = absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  return absl::StrCat(hex.substr(0, 8), "-", hex.substr(8, 4), "-", hex.substr(12, 4),
                      "-", hex.substr(16, 4), "-", hex.substr(20));
}

absl::StatusOr<Uuid> Uuid::Parse(std::string_view text) {
  const std::optional<document::Uuid> bytes = document::ParseUuid(text);
  if (bytes.has_value()) return Uuid{*bytes};
  return absl::InvalidArgumentError(
      absl::StrCat("\"", std::string(text.substr(0, 40)), "\" is no UUID"));
}

}  // namespace sheaf
