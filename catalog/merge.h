// Merge operators: what becomes of a value when an operand is merged into it. Installed
// as <sheaf/merge.h>; Table::Merge, WriteBatch::Merge and Database::Merge use them.
//
// A merge is a read-modify-write in the turn of the writer: it is checked at once, and
// what is logged and stored is the value that came of it. So a merged value is read like
// any other, and merges of several threads, which share commits, are never lost.
//
//   operator         value, and operand                absent counts as   wrong result
//   kAdd             int64                             0                  kOutOfRange
//   kAddSaturating   int64; stays at the ends          0
//   kMin kMax        int64                             the operand
//   kCount           int64; +1, whatever the operand   0                  kOutOfRange
//   kAddDouble       double                            0                  kOutOfRange: NaN
//   kMinDouble kMaxDouble      double                  the operand
//   kMinBytes kMaxBytes        bytes, as keys sort     the operand
//   kBitOr kBitAnd kBitXor     bytes; those that the shorter one lacks are 0
//                                                      the operand
//   kAppend          bytes, the operand behind         empty
//   kUnion           set of byte strings               the empty set
//   kLastWriter      timestamp, bytes: the higher      the operand
//   kAverage         sum, count; operand also a double no values          kOutOfRange
//   kLast            bytes: the operand, like a put    the operand
//
// Bytes, as ValueCodec (<sheaf/value_codec.h>) has them, so that typed tables merge too:
//   int64         8 bytes, little-endian                          int64_t
//   double        8 bytes, IEEE 754, little-endian; never NaN     double
//   set           of each member, in ascending order and once:    std::vector<std::string>
//                 varint size, bytes. An operand may be in any order.
//   timestamp     8 bytes, little-endian, HybridTime::bits();     a pair of HybridTime and
//                 what follows is any value                       anything
//   sum, count    double, int64 of 0 or more                      std::pair<double, int64_t>
//
// All but kAppend, kLast and kCount give the same in whatever order operands come, of
// kAdd and kAverage as long as nothing overflows, of doubles up to their rounding.
//
// Errors: kInvalidArgument, the operand is not what the operator takes; kFailedPrecondition,
// the value that is there is not; kOutOfRange, the result would not fit. They name the key
// and the sizes, and nothing has changed.
//
// Pure functions: any thread.
#ifndef SHEAF_MERGE_H_
#define SHEAF_MERGE_H_
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "sheaf/hybrid_clock.h"

namespace sheaf {

enum class MergeOperator : uint8_t {
  kAdd = 1,
  kAddSaturating = 2,
  kMin = 3,
  kMax = 4,
  kCount = 5,
  kAddDouble = 6,
  kMinDouble = 7,
  kMaxDouble = 8,
  kMinBytes = 9,
  kMaxBytes = 10,
  kBitOr = 11,
  kBitAnd = 12,
  kBitXor = 13,
  kAppend = 14,
  kUnion = 15,
  kLastWriter = 16,
  kAverage = 17,
  kLast = 18,
};

// "add", "add_saturating", "min_bytes": as on the command line and in updates.
std::string_view NameOf(MergeOperator op);
// kInvalidArgument: there is none of that name; lists those there are.
absl::StatusOr<MergeOperator> MergeOperatorOf(std::string_view name);
absl::Span<const MergeOperator> AllMergeOperators();

// A function of your own, or an object that has operator(). It sees the key, the value if
// there is one, and the operand, and returns the new value, or none: the entry is deleted.
// An error changes nothing and is handed on. It runs in the writer's turn, in one thread at
// a time but not always the same: it must not use the database, which would wait for
// itself, should be quick, and should depend on nothing but its arguments. What it throws
// becomes kInternal.
using MergeFunction = std::function<absl::StatusOr<std::optional<std::string>>(
    std::string_view key, std::optional<std::string_view> existing,
    std::string_view operand)>;
// By name: Options::merge_functions. Names of operators are taken.
using MergeFunctions = std::map<std::string, MergeFunction, std::less<>>;
// kInvalidArgument: a name is empty or that of an operator, or has no function.
absl::Status CheckMergeFunctions(const MergeFunctions& functions);

// What becomes of `existing`. `key` is for messages.
absl::StatusOr<std::string> MergeValues(MergeOperator op, std::string_view key,
                                        std::optional<std::string_view> existing,
                                        std::string_view operand);
// By the function of that name. kFailedPrecondition: there is none, and says what to do.
absl::StatusOr<std::optional<std::string>> MergeValuesBy(
    const MergeFunctions& functions, std::string_view function, std::string_view key,
    std::optional<std::string_view> existing, std::string_view operand);
// The function of that name; kFailedPrecondition as above.
absl::StatusOr<const MergeFunction*> FindMergeFunction(const MergeFunctions& functions,
                                                       std::string_view function);

// May a table whose values have this type (ValueCodec::TypeName; empty: plain bytes) be
// merged by `op`? kFailedPrecondition names both: adding an int64 to a double would spoil it.
absl::Status CheckMergeType(MergeOperator op, std::string_view value_type);

// Operands, and values, as bytes.
struct MergeValue {
  static std::string Int(int64_t value);
  static std::string Double(double value);
  static std::string Set(absl::Span<const std::string_view> members);
  static std::string Stamped(HybridTime time, std::string_view value);
  static std::string Average(double sum, int64_t count = 1);

  // And back. None: the bytes are not of that form.
  static std::optional<int64_t> ReadInt(std::string_view bytes);
  static std::optional<double> ReadDouble(std::string_view bytes);
  // Views into `bytes`, as they stand there.
  static std::optional<std::vector<std::string_view>> ReadSet(std::string_view bytes);
  static std::optional<std::pair<HybridTime, std::string_view>> ReadStamped(
      std::string_view bytes);
  static std::optional<std::pair<double, int64_t>> ReadAverage(std::string_view bytes);
};

}  // namespace sheaf
#endif  // SHEAF_MERGE_H_
