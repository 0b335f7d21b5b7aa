#include "document/compare.h"

#include <bit>
#include <cmath>

#include "absl/hash/hash.h"

namespace sheaf::document {
namespace {

using Order = std::weak_ordering;

template <class T>
Order OrderOf(const T& a, const T& b) {
  return a < b ? Order::less : b < a ? Order::greater : Order::equivalent;
}

// A number as sign and magnitude of its whole part, and what is behind the point.
struct Whole {
  bool is_negative = false;
  uint64_t magnitude = 0;
};

Whole WholeOf(const View& v) {  // of integers
  if (v.kind() == Kind::kUint) return {false, v.uint_value()};
  const int64_t value = v.int_value();
  return {value < 0,
          value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value)};
}

Order CompareWholes(const Whole& a, const Whole& b) {
  if (a.is_negative != b.is_negative) return a.is_negative ? Order::less : Order::greater;
  return a.is_negative ? OrderOf(b.magnitude, a.magnitude)
                       : OrderOf(a.magnitude, b.magnitude);
}

Order CompareWithDouble(const Whole& a, double b) {
  if (std::isnan(b)) return Order::greater;
  if (b >= kTwoTo64) return Order::less;
  if (b <= -kTwoTo64) return Order::greater;
  const double whole = std::trunc(b);
  const Whole other = {whole < 0, static_cast<uint64_t>(std::abs(whole))};
  const Order order = CompareWholes(a, other);
  return order != 0 ? order : OrderOf(whole, b);
}

Order CompareDoubles(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return OrderOf(!std::isnan(a), !std::isnan(b));
  return OrderOf(a, b);
}

Order Reverse(Order order) { return 0 <=> order; }

Order CompareNumbers(const View& a, const View& b) {
  const bool a_is_double = a.kind() == Kind::kDouble;
  const bool b_is_double = b.kind() == Kind::kDouble;
  if (a_is_double && b_is_double)
    return CompareDoubles(a.double_value(), b.double_value());
  if (a_is_double) return Reverse(CompareWithDouble(WholeOf(b), a.double_value()));
  if (b_is_double) return CompareWithDouble(WholeOf(a), b.double_value());
  return CompareWholes(WholeOf(a), WholeOf(b));
}

Order CompareText(std::string_view a, std::string_view b) {
  return OrderOf(a.compare(b), 0);
}

// Of what is below `depth` arrays and objects.
Order CompareAt(const View& a, const View& b, size_t depth);

Order CompareArrays(const View& a, const View& b, size_t depth) {
  ArrayCursor x = a.elements(), y = b.elements();
  for (; x.Valid() && y.Valid(); x.Next(), y.Next())
    if (const Order order = CompareAt(x.value(), y.value(), depth + 1); order != 0)
      return order;
  return OrderOf(x.Valid(), y.Valid());
}

Order CompareObjects(const View& a, const View& b, size_t depth) {
  ObjectCursor x = a.fields(), y = b.fields();
  for (; x.Valid() && y.Valid(); x.Next(), y.Next()) {
    Order order = OrderOf(RankOf(x.value().kind()), RankOf(y.value().kind()));
    if (order == 0) order = CompareText(x.name(), y.name());
    if (order == 0) order = CompareAt(x.value(), y.value(), depth + 1);
    if (order != 0) return order;
  }
  return OrderOf(x.Valid(), y.Valid());
}

Order CompareVectors(const View& a, const View& b) {
  const std::vector<float> x = a.vector_value(), y = b.vector_value();
  for (size_t i = 0; i < x.size() && i < y.size(); ++i)
    if (x[i] != y[i]) return CompareDoubles(x[i], y[i]);
  return OrderOf(x.size(), y.size());
}

uint64_t HashNumber(const View& v) {
  if (v.kind() != Kind::kDouble) {
    const Whole whole = WholeOf(v);
    return absl::HashOf(whole.is_negative, whole.magnitude);
  }
  const double value = v.double_value();
  if (std::isnan(value)) return absl::HashOf(1);
  const double whole = std::trunc(value);
  if (whole == value && std::abs(value) < kTwoTo64)
    return absl::HashOf(value < 0, static_cast<uint64_t>(std::abs(value)));
  return absl::HashOf(std::bit_cast<uint64_t>(value));
}

}  // namespace

int RankOf(Kind kind) {
  switch (kind) {
    case Kind::kDamaged:
      return 0;
    case Kind::kNull:
      return 1;
    case Kind::kInt:
    case Kind::kUint:
    case Kind::kDouble:
      return 2;
    case Kind::kString:
      return 3;
    case Kind::kObject:
      return 4;
    case Kind::kArray:
      return 5;
    case Kind::kBytes:
      return 6;
    case Kind::kVector:
      return 7;
    case Kind::kBool:
      return 8;
    case Kind::kTimestamp:
      return 9;
  }
  return 0;
}

namespace {

Order CompareAt(const View& a, const View& b, size_t depth) {
  if (depth > kDepthMax) return Order::equivalent;
  const int rank = RankOf(a.kind());
  if (const Order order = OrderOf(rank, RankOf(b.kind())); order != 0) return order;
  switch (a.kind()) {
    case Kind::kDamaged:
    case Kind::kNull:
      return Order::equivalent;
    case Kind::kBool:
      return OrderOf(a.bool_value(), b.bool_value());
    case Kind::kInt:
    case Kind::kUint:
    case Kind::kDouble:
      return CompareNumbers(a, b);
    case Kind::kTimestamp:
      return OrderOf(a.timestamp_micros(), b.timestamp_micros());
    case Kind::kString:
      return CompareText(a.string_value(), b.string_value());
    case Kind::kBytes:
      return CompareText(a.bytes_value(), b.bytes_value());
    case Kind::kVector:
      return CompareVectors(a, b);
    case Kind::kArray:
      return CompareArrays(a, b, depth);
    case Kind::kObject:
      return CompareObjects(a, b, depth);
  }
  return Order::equivalent;
}

uint64_t HashAt(const View& v, size_t depth) {
  if (depth > kDepthMax) return 0;
  const int rank = RankOf(v.kind());
  switch (v.kind()) {
    case Kind::kDamaged:
    case Kind::kNull:
      return absl::HashOf(rank);
    case Kind::kBool:
      return absl::HashOf(rank, v.bool_value());
    case Kind::kInt:
    case Kind::kUint:
    case Kind::kDouble:
      return absl::HashOf(rank, HashNumber(v));
    case Kind::kTimestamp:
      return absl::HashOf(rank, v.timestamp_micros());
    case Kind::kString:
      return absl::HashOf(rank, v.string_value());
    case Kind::kBytes:
      return absl::HashOf(rank, v.bytes_value());
    case Kind::kVector: {
      uint64_t hash = absl::HashOf(rank);
      for (const float f : v.vector_value()) hash = absl::HashOf(hash, f == 0 ? 0.0f : f);
      return hash;
    }
    case Kind::kArray: {
      uint64_t hash = absl::HashOf(rank);
      for (ArrayCursor c = v.elements(); c.Valid(); c.Next())
        hash = absl::HashOf(hash, HashAt(c.value(), depth + 1));
      return hash;
    }
    case Kind::kObject: {
      uint64_t hash = absl::HashOf(rank);
      for (ObjectCursor c = v.fields(); c.Valid(); c.Next())
        hash = absl::HashOf(hash, c.name(), HashAt(c.value(), depth + 1));
      return hash;
    }
  }
  return 0;
}

}  // namespace

std::weak_ordering Compare(const View& a, const View& b) { return CompareAt(a, b, 0); }
uint64_t Hash(const View& value) { return HashAt(value, 0); }

}  // namespace sheaf::document
