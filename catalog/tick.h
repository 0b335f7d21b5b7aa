// Tick: reports progress of a long call and hears whether it is to go on.
#ifndef CATALOG_TICK_H_
#define CATALOG_TICK_H_
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "catalog/options.h"

namespace sheaf::catalog {

// `call`: "the check", for the message. kDeadlineExceeded or kCancelled end it.
inline absl::Status Tick(const Progress& progress, std::string_view call,
                         const Progress::State& state) {
  if (absl::Now() > progress.deadline)
    return absl::DeadlineExceededError(
        absl::StrCat(std::string(call), " was not done in time"));
  if (progress.report != nullptr && !progress.report(state))
    return absl::CancelledError(absl::StrCat(std::string(call), " was cancelled"));
  return absl::OkStatus();
}

}  // namespace sheaf::catalog
#endif  // CATALOG_TICK_H_
