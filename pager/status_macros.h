// Early return for absl::Status and absl::StatusOr. Installed as
// <sheaf/status_macros.h>, because every application wants them too.
//
//   SHEAF_RETURN_IF_ERROR(expr);            returns the status unless it is OK
//   SHEAF_ASSIGN_OR_RETURN(auto x, expr);   declares or assigns x, or returns
//
// The assignment form expands to several statements: give it braces.
#ifndef SHEAF_STATUS_MACROS_H_
#define SHEAF_STATUS_MACROS_H_
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define SHEAF_RETURN_IF_ERROR(expr)        \
  do {                                     \
    ::absl::Status sheaf_status_ = (expr); \
    if (!sheaf_status_.ok()) [[unlikely]]  \
      return sheaf_status_;                \
  } while (false)

#define SHEAF_CONCAT_INNER_(a, b) a##b
#define SHEAF_CONCAT_(a, b) SHEAF_CONCAT_INNER_(a, b)
#define SHEAF_ASSIGN_OR_RETURN_INNER_(result, lhs, expr) \
  auto result = (expr);                                  \
  if (!result.ok()) [[unlikely]]                         \
    return std::move(result).status();                   \
  lhs = *std::move(result)
#define SHEAF_ASSIGN_OR_RETURN(lhs, expr) \
  SHEAF_ASSIGN_OR_RETURN_INNER_(SHEAF_CONCAT_(sheaf_or_, __COUNTER__), lhs, expr)
#endif  // SHEAF_STATUS_MACROS_H_
