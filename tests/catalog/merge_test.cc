// Merge operators as pure functions: each against a naive model (128-bit arithmetic, sets,
// padded bit strings), the layouts that merge.h writes down, orders that do not matter, and
// what is refused. (R10)
#include "catalog/merge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <set>
#include <stdexcept>

#include "absl/strings/match.h"

namespace sheaf {
namespace {

using absl::StatusCode;
using Op = MergeOperator;
using Maybe = std::optional<std::string>;
constexpr int64_t kLow = std::numeric_limits<int64_t>::min();
constexpr int64_t kHigh = std::numeric_limits<int64_t>::max();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

absl::StatusOr<std::string> TryMerge(Op op, const Maybe& existing,
                                     std::string_view operand) {
  return MergeValues(
      op, "key",
      existing.has_value() ? std::optional<std::string_view>(*existing) : std::nullopt,
      operand);
}

std::string Merged(Op op, const Maybe& existing, std::string_view operand) {
  const auto merged = TryMerge(op, existing, operand);
  EXPECT_TRUE(merged.ok()) << NameOf(op) << ": " << merged.status();
  return merged.value_or("failed");
}

void ExpectRefused(Op op, const Maybe& existing, std::string_view operand,
                   StatusCode code, const char* message) {
  const absl::Status status = TryMerge(op, existing, operand).status();
  EXPECT_EQ(status.code(), code) << NameOf(op) << ": " << status;
  EXPECT_TRUE(absl::StrContains(status.message(), message)) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "\"key\"") ||
              code == StatusCode::kInternal)
      << status;
}

uint64_t Seed() {
  const uint64_t seed = std::random_device()();
  std::cout << "seed " << seed << "\n";
  return seed;
}

// --- Layouts ------------------------------------------------------------------

TEST(MergeValue, LayoutsAreAsWrittenDown) {
  EXPECT_EQ(MergeValue::Int(-2), std::string("\xfe\xff\xff\xff\xff\xff\xff\xff", 8));
  EXPECT_EQ(MergeValue::Int(0x0102), std::string("\x02\x01\0\0\0\0\0\0", 8));
  EXPECT_EQ(MergeValue::Double(1.5), std::string("\0\0\0\0\0\0\xf8\x3f", 8));
  EXPECT_EQ(MergeValue::Set({"b", "", "a", "b"}), std::string("\0\1a\1b", 5));
  EXPECT_EQ(MergeValue::Stamped(HybridTime(1, 2), "x"),
            std::string("\x02\0\x01\0\0\0\0\0x", 9));
  EXPECT_EQ(MergeValue::Average(1.5, 3), MergeValue::Double(1.5) + MergeValue::Int(3));
}

TEST(MergeValue, IsReadBack) {
  EXPECT_EQ(MergeValue::ReadInt(MergeValue::Int(kLow)), kLow);
  EXPECT_EQ(MergeValue::ReadDouble(MergeValue::Double(-kInfinity)), -kInfinity);
  EXPECT_EQ(MergeValue::ReadAverage(MergeValue::Average(2.5, 7)),
            std::pair(2.5, int64_t{7}));
  const std::string long_member(300, 'm');
  const std::string set = MergeValue::Set({long_member, ""});
  EXPECT_EQ(MergeValue::ReadSet(set), (std::vector<std::string_view>{"", long_member}));
  EXPECT_EQ(MergeValue::ReadStamped(MergeValue::Stamped(HybridTime(9, 1), "v")),
            std::pair(HybridTime(9, 1), std::string_view("v")));
}

TEST(MergeValue, DoubtsWhatItReads) {
  EXPECT_FALSE(MergeValue::ReadInt("1234567").has_value());
  EXPECT_FALSE(MergeValue::ReadInt("123456789").has_value());
  EXPECT_FALSE(MergeValue::ReadDouble(MergeValue::Double(NAN)).has_value());
  EXPECT_FALSE(MergeValue::ReadStamped("1234567").has_value());
  EXPECT_FALSE(MergeValue::ReadAverage(MergeValue::Average(1, -1)).has_value());
  EXPECT_FALSE(MergeValue::ReadAverage(MergeValue::Average(NAN, 1)).has_value());
  EXPECT_FALSE(MergeValue::ReadSet("\x02x").has_value());  // cut off
  EXPECT_FALSE(MergeValue::ReadSet("\xff").has_value());   // a size cut off
  EXPECT_FALSE(
      MergeValue::ReadSet(std::string("\x81\0x", 3)).has_value());  // 1 spelt long
  EXPECT_FALSE(
      MergeValue::ReadSet("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01").has_value());
  EXPECT_TRUE(MergeValue::ReadSet("").has_value());
}

// --- Integers -----------------------------------------------------------------

int64_t Interesting(std::mt19937_64& random) {
  constexpr int64_t kEdges[] = {0, 1, -1, kLow, kLow + 1, kHigh, kHigh - 1};
  const uint64_t choice = random() % 3;
  if (choice == 0) return kEdges[random() % std::size(kEdges)];
  const auto number = static_cast<int64_t>(random());
  return choice == 1 ? number : number >> (random() % 63);
}

TEST(Merge, IntegersAgreeWithWideArithmetic) {
  std::mt19937_64 random(Seed());
  for (int i = 0; i < 50'000; ++i) {
    const int64_t a = Interesting(random), b = Interesting(random);
    const bool has_value = random() % 8 != 0;
    const Maybe existing = has_value ? Maybe(MergeValue::Int(a)) : std::nullopt;
    const std::string operand = MergeValue::Int(b);
    const __int128 sum = __int128{has_value ? a : 0} + b;
    const auto added = TryMerge(Op::kAdd, existing, operand);
    if (sum >= kLow && sum <= kHigh) {
      ASSERT_EQ(added.value_or(""), MergeValue::Int(static_cast<int64_t>(sum)));
    } else {
      ASSERT_EQ(added.status().code(), StatusCode::kOutOfRange) << a << " + " << b;
    }
    const __int128 clamped = std::clamp<__int128>(sum, kLow, kHigh);
    ASSERT_EQ(Merged(Op::kAddSaturating, existing, operand),
              MergeValue::Int(static_cast<int64_t>(clamped)));
    ASSERT_EQ(Merged(Op::kMin, existing, operand),
              MergeValue::Int(has_value ? std::min(a, b) : b));
    ASSERT_EQ(Merged(Op::kMax, existing, operand),
              MergeValue::Int(has_value ? std::max(a, b) : b));
  }
}

TEST(Merge, OverflowSaysWhatWouldNotFit) {
  ExpectRefused(Op::kAdd, MergeValue::Int(kHigh), MergeValue::Int(1),
                StatusCode::kOutOfRange, "9223372036854775807 + 1 does not fit");
  ExpectRefused(Op::kAdd, MergeValue::Int(-2), MergeValue::Int(kLow),
                StatusCode::kOutOfRange, "-2 - 9223372036854775808 does not fit");
  ExpectRefused(Op::kCount, MergeValue::Int(kHigh), "x", StatusCode::kOutOfRange, "fit");
}

TEST(Merge, CountLooksAtNoOperand) {
  Maybe count;
  for (const char* operand : {"", "a", "12345678"})
    count = Merged(Op::kCount, count, operand);
  EXPECT_EQ(count, MergeValue::Int(3));
}

TEST(Merge, NumbersOfOtherSizesAreRefused) {
  for (const Op op : {Op::kAdd, Op::kAddSaturating, Op::kMin, Op::kMax, Op::kAddDouble,
                      Op::kMinDouble, Op::kMaxDouble}) {
    for (const size_t size : {0, 1, 4, 7, 9, 16}) {
      ExpectRefused(op, std::nullopt, std::string(size, '\1'),
                    StatusCode::kInvalidArgument,
                    ("the operand of " + std::to_string(size) + " bytes").c_str());
      ExpectRefused(
          op, std::string(size, '\1'), MergeValue::Int(1),
          StatusCode::kFailedPrecondition,
          ("the value that is there, of " + std::to_string(size) + " bytes").c_str());
    }
  }
  ExpectRefused(Op::kCount, "1234", "", StatusCode::kFailedPrecondition, "of 4 bytes");
}

// --- Doubles ------------------------------------------------------------------

TEST(Merge, Doubles) {
  const auto d = MergeValue::Double;
  EXPECT_EQ(Merged(Op::kAddDouble, std::nullopt, d(1.5)), d(1.5));
  EXPECT_EQ(Merged(Op::kAddDouble, d(0.1), d(0.2)), d(0.1 + 0.2));
  EXPECT_EQ(Merged(Op::kAddDouble, d(1e308), d(1e308)), d(kInfinity));
  EXPECT_EQ(Merged(Op::kMinDouble, d(-1), d(2)), d(-1));
  EXPECT_EQ(Merged(Op::kMaxDouble, d(-1), d(2)), d(2));
  EXPECT_EQ(Merged(Op::kMaxDouble, d(-kInfinity), d(-5)), d(-5));
  for (const auto& [a, b] : {std::pair(0.0, -0.0), std::pair(-0.0, 0.0)}) {
    EXPECT_EQ(Merged(Op::kMinDouble, d(a), d(b)), d(-0.0));
    EXPECT_EQ(Merged(Op::kMaxDouble, d(a), d(b)), d(0.0));
  }
  for (const Op op : {Op::kAddDouble, Op::kMinDouble, Op::kMaxDouble, Op::kAverage})
    ExpectRefused(op, std::nullopt, d(NAN), StatusCode::kInvalidArgument, "is not");
  ExpectRefused(Op::kMinDouble, d(NAN), d(1), StatusCode::kFailedPrecondition, "NaN");
  ExpectRefused(Op::kAddDouble, d(kInfinity), d(-kInfinity), StatusCode::kOutOfRange,
                "no number");
}

TEST(Merge, AverageOfSamplesAndOfAverages) {
  Maybe average;
  for (const double sample : {1.0, 2.0, 6.0})
    average = Merged(Op::kAverage, average, MergeValue::Double(sample));
  EXPECT_EQ(average, MergeValue::Average(9, 3));
  average = Merged(Op::kAverage, average, MergeValue::Average(1, 2));
  EXPECT_EQ(average, MergeValue::Average(10, 5));
  ExpectRefused(Op::kAverage, average, "123", StatusCode::kInvalidArgument, "of 3 bytes");
  ExpectRefused(Op::kAverage, MergeValue::Double(1), MergeValue::Double(1),
                StatusCode::kFailedPrecondition, "of 8 bytes");
  ExpectRefused(Op::kAverage, MergeValue::Average(0, kHigh), MergeValue::Double(1),
                StatusCode::kOutOfRange, "count");
  ExpectRefused(Op::kAverage, MergeValue::Average(kInfinity, 1),
                MergeValue::Double(-kInfinity), StatusCode::kOutOfRange, "no number");
}

// --- Bytes --------------------------------------------------------------------

TEST(Merge, BytesAreComparedAsKeysAre) {
  EXPECT_EQ(Merged(Op::kMinBytes, "b", "a"), "a");
  EXPECT_EQ(Merged(Op::kMaxBytes, "b", "a"), "b");
  EXPECT_EQ(Merged(Op::kMaxBytes, "a", "a\xff"), "a\xff");
  EXPECT_EQ(Merged(Op::kMaxBytes, "\x7f", "\x80"), "\x80");
  EXPECT_EQ(Merged(Op::kMinBytes, std::nullopt, "z"), "z");
  EXPECT_EQ(Merged(Op::kAppend, std::nullopt, "ab"), "ab");
  EXPECT_EQ(Merged(Op::kAppend, "ab", "cd"), "abcd");
  EXPECT_EQ(Merged(Op::kLast, "ab", ""), "");
  EXPECT_EQ(Merged(Op::kLast, std::nullopt, "x"), "x");
}

std::string RandomBytes(std::mt19937_64& random, size_t size_max) {
  std::string bytes(random() % (size_max + 1), '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

TEST(Merge, BitsOfStringsPaddedToOneSize) {
  std::mt19937_64 random(Seed());
  for (int i = 0; i < 2'000; ++i) {
    std::string a = RandomBytes(random, 9), b = RandomBytes(random, 9);
    const std::string is_or = Merged(Op::kBitOr, a, b),
                      is_and = Merged(Op::kBitAnd, a, b),
                      is_xor = Merged(Op::kBitXor, a, b);
    const size_t size = std::max(a.size(), b.size());
    a.resize(size), b.resize(size);
    for (size_t k = 0; k < size; ++k) {
      ASSERT_EQ(is_or[k], static_cast<char>(a[k] | b[k]));
      ASSERT_EQ(is_and[k], static_cast<char>(a[k] & b[k]));
      ASSERT_EQ(is_xor[k], static_cast<char>(a[k] ^ b[k]));
    }
    ASSERT_EQ(is_or.size(), size);
  }
}

TEST(Merge, UnionIsASet) {
  std::mt19937_64 random(Seed());
  Maybe stored;
  std::set<std::string> model;
  for (int i = 0; i < 500; ++i) {
    std::vector<std::string> members;
    for (uint64_t n = random() % 4; n > 0; --n) members.push_back(RandomBytes(random, 2));
    model.insert(members.begin(), members.end());
    // In the order and as often as they come: an operand need not be sorted.
    std::string operand;
    for (const std::string& member : members) {
      operand.push_back(static_cast<char>(member.size()));
      operand.append(member);
    }
    stored = Merged(Op::kUnion, stored, operand);
    const auto read = MergeValue::ReadSet(*stored);
    ASSERT_TRUE(read.has_value());
    ASSERT_TRUE(std::equal(read->begin(), read->end(), model.begin(), model.end()));
  }
  ExpectRefused(Op::kUnion, stored, "\x05", StatusCode::kInvalidArgument, "set");
  ExpectRefused(Op::kUnion, "\x05", "", StatusCode::kFailedPrecondition, "set");
}

TEST(Merge, TheLastWriterWins) {
  const std::string early = MergeValue::Stamped(HybridTime(5, 1), "z"),
                    late = MergeValue::Stamped(HybridTime(5, 2), "a"),
                    tie = MergeValue::Stamped(HybridTime(5, 2), "b");
  EXPECT_EQ(Merged(Op::kLastWriter, std::nullopt, early), early);
  EXPECT_EQ(Merged(Op::kLastWriter, early, late), late);
  EXPECT_EQ(Merged(Op::kLastWriter, late, early), late);
  EXPECT_EQ(Merged(Op::kLastWriter, late, tie), tie);
  EXPECT_EQ(Merged(Op::kLastWriter, tie, late), tie);
  // Little-endian bytes do not sort as numbers do.
  const std::string big = MergeValue::Stamped(HybridTime::FromBits(0x100), ""),
                    small = MergeValue::Stamped(HybridTime::FromBits(0xff), "");
  EXPECT_EQ(Merged(Op::kLastWriter, small, big), big);
  ExpectRefused(Op::kLastWriter, early, "short", StatusCode::kInvalidArgument, "5 bytes");
  ExpectRefused(Op::kLastWriter, "short", early, StatusCode::kFailedPrecondition,
                "5 bytes");
}

// --- Order --------------------------------------------------------------------

// Operands of which the order must not matter.
std::string RandomOperand(Op op, std::mt19937_64& random) {
  switch (op) {
    case Op::kAddDouble:
    case Op::kMinDouble:
    case Op::kMaxDouble:  // integers: sums of those are exact
      return MergeValue::Double(
          static_cast<double>(static_cast<int64_t>(random() % 2001)) - 1000);
    case Op::kAverage:
      return MergeValue::Average(static_cast<double>(random() % 100),
                                 static_cast<int64_t>(random() % 5));
    case Op::kUnion:
      return MergeValue::Set({RandomBytes(random, 1), RandomBytes(random, 1)});
    case Op::kLastWriter:
      return MergeValue::Stamped(HybridTime::FromBits(random() % 5),
                                 RandomBytes(random, 1));
    case Op::kAdd:
    case Op::kAddSaturating:
    case Op::kMin:
    case Op::kMax:
      return MergeValue::Int(static_cast<int64_t>(random() % 2001) - 1000);
    default:
      return RandomBytes(random, 4);
  }
}

// kAddSaturating has it too while the ends are not reached, as here.
TEST(Merge, OrderDoesNotMatterWhereItIsSaid) {
  std::mt19937_64 random(Seed());
  for (const Op op : AllMergeOperators()) {
    if (op == Op::kAppend || op == Op::kLast || op == Op::kCount) continue;
    for (int i = 0; i < 300; ++i) {
      const std::string a = RandomOperand(op, random), b = RandomOperand(op, random),
                        c = RandomOperand(op, random);
      const std::string ab_c = Merged(op, Merged(op, a, b), c);
      ASSERT_EQ(ab_c, Merged(op, a, Merged(op, b, c))) << NameOf(op) << ": associative";
      ASSERT_EQ(ab_c, Merged(op, Merged(op, c, b), a)) << NameOf(op) << ": commutative";
    }
  }
}

// --- Names, types, functions ----------------------------------------------------

TEST(Merge, OperatorsHaveNames) {
  std::set<std::string> names;
  for (const Op op : AllMergeOperators()) {
    EXPECT_TRUE(names.insert(std::string(NameOf(op))).second) << NameOf(op);
    const auto found = MergeOperatorOf(NameOf(op));
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(*found, op);
  }
  EXPECT_EQ(names.size(), 18u);
  const absl::Status none = MergeOperatorOf("plus").status();
  EXPECT_EQ(none.code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(none.message(), "add_saturating")) << none;
  EXPECT_EQ(TryMerge(static_cast<Op>(99), std::nullopt, "").status().code(),
            StatusCode::kInvalidArgument);
}

TEST(Merge, TypesOfTables) {
  EXPECT_TRUE(CheckMergeType(Op::kAdd, "").ok());
  EXPECT_TRUE(CheckMergeType(Op::kAdd, "i64").ok());
  EXPECT_TRUE(CheckMergeType(Op::kMax, "time").ok());
  EXPECT_TRUE(CheckMergeType(Op::kAddDouble, "f64").ok());
  EXPECT_TRUE(CheckMergeType(Op::kUnion, "vector<string>").ok());
  EXPECT_TRUE(CheckMergeType(Op::kAverage, "tuple<f64,i64>").ok());
  EXPECT_TRUE(CheckMergeType(Op::kLastWriter, "tuple<hybrid_time,string>").ok());
  EXPECT_TRUE(CheckMergeType(Op::kAppend, "bytes").ok());
  for (const auto& [op, type] :
       {std::pair(Op::kAdd, "f64"), std::pair(Op::kAdd, "u64"),
        std::pair(Op::kAdd, "time"), std::pair(Op::kAddDouble, "i64"),
        std::pair(Op::kUnion, "vector<i64>"), std::pair(Op::kAverage, "f64"),
        std::pair(Op::kLastWriter, "i64")}) {
    const absl::Status status = CheckMergeType(op, type);
    EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition) << type;
    EXPECT_TRUE(absl::StrContains(status.message(), type)) << status;
  }
}

absl::StatusOr<Maybe> By(const MergeFunctions& functions, const char* name,
                         std::optional<std::string_view> existing) {
  return MergeValuesBy(functions, name, "key", existing, "operand");
}

TEST(Merge, FunctionsSeeAllAndMayDeleteAndFail) {
  std::string seen;
  const MergeFunctions functions = {
      {"look",
       [&](std::string_view key, std::optional<std::string_view> existing,
           std::string_view operand) -> absl::StatusOr<Maybe> {
         seen = std::string(key) + "|" + std::string(existing.value_or("none")) + "|" +
                std::string(operand);
         return Maybe(seen);
       }},
      {"delete", [](auto...) -> absl::StatusOr<Maybe> { return Maybe(); }},
      {"refuse",
       [](auto...) -> absl::StatusOr<Maybe> { return absl::AbortedError("not today"); }},
      {"throw",
       [](auto...) -> absl::StatusOr<Maybe> { throw std::runtime_error("out of luck"); }},
      {"throw a number", [](auto...) -> absl::StatusOr<Maybe> { throw 5; }},
  };
  EXPECT_EQ(*By(functions, "look", "old"), "key|old|operand");
  EXPECT_EQ(*By(functions, "look", std::nullopt), "key|none|operand");
  EXPECT_EQ(*By(functions, "delete", "old"), std::nullopt);
  EXPECT_EQ(By(functions, "refuse", "old").status(), absl::AbortedError("not today"));
  const absl::Status thrown = By(functions, "throw", "old").status();
  EXPECT_EQ(thrown.code(), StatusCode::kInternal);
  EXPECT_TRUE(absl::StrContains(thrown.message(), "out of luck")) << thrown;
  EXPECT_EQ(By(functions, "throw a number", "old").status().code(),
            StatusCode::kInternal);
  const absl::Status missing = By(functions, "lost", "old").status();
  EXPECT_EQ(missing.code(), StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::StrContains(missing.message(), "\"lost\"")) << missing;
  EXPECT_TRUE(absl::StrContains(missing.message(), "Options::merge_functions"))
      << missing;
}

TEST(Merge, FunctionsOfWrongNamesAreRefused) {
  const MergeFunction fine = [](auto...) -> absl::StatusOr<Maybe> { return Maybe(); };
  EXPECT_TRUE(CheckMergeFunctions({{"mine", fine}}).ok());
  for (const MergeFunctions& wrong :
       {MergeFunctions{{"", fine}}, {{"add", fine}}, {{"mine", nullptr}}})
    EXPECT_EQ(CheckMergeFunctions(wrong).code(), StatusCode::kInvalidArgument)
        << wrong.begin()->first;
}

TEST(Merge, KeysAreShownSafely) {
  const absl::Status status =
      MergeValues(Op::kAdd, std::string("\x1b[2J\n") + std::string(500, 'k'),
                  std::nullopt, "")
          .status();
  EXPECT_FALSE(absl::StrContains(status.message(), "\x1b")) << status;
  EXPECT_LT(status.message().size(), 250u);
}

}  // namespace
}  // namespace sheaf
