// ValueCodec: C++ values as the value bytes of a typed table. Installed as
// <sheaf/value_codec.h>; needs the standard library and Abseil only.
//
// Decode accepts what Append writes and nothing else, whatever the bytes. Order means
// nothing here, so the bytes are little-endian and text needs no escapes.
//
// The bytes and the names are part of the file format:
//
//   type                         name             bytes
//   bool                         bool             00 or 01
//   integers                     u8 ... i64       little-endian
//   float, double                f32 f64          IEEE 754, little-endian
//   enum                         as its underlying type
//   std::monostate               unit             none: the table is a set
//   string, string_view          string           as they are
//   vector<char, uint8_t, byte>  bytes            as they are
//   array<T, N>, vector<T>       array<T,N>,      their elements as parts
//                                vector<T>
//   optional<T>                  optional<T>      00 none; otherwise 01 and the value
//   pair, tuple                  tuple<A,B,...>   their elements as parts
//   absl::Time                   time             i64 nanoseconds since 1970, as for keys
//   HybridTime                   hybrid_time      u64, HybridTime::bits()
//
//   part := the value when all values of its type have one size; otherwise
//           varint size (7 bits a byte, low ones first, top bit: more), the value
//   Types of one size: those up to unit, time and hybrid_time.
#ifndef SHEAF_VALUE_CODEC_H_
#define SHEAF_VALUE_CODEC_H_
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "sheaf/hybrid_clock.h"
#include "sheaf/key.h"

namespace sheaf {

// A codec of your own has
//   static void Append(std::string* out, const V&);
//   static bool Decode(std::string_view bytes, V* out);  // all of `bytes`; doubts them
//   static std::string TypeName();
// and may have
//   static constexpr size_t kFixedSize = ...;  // of all; not 0 inside a vector
//   static constexpr bool kBorrows = true;     // V points into the decoded bytes
// The bytes, the name and kFixedSize never change once a table was written.
template <class V>
struct ValueCodec;

namespace internal {

template <class T>
inline constexpr bool kValueIsFixed = requires {
  ValueCodec<T>::kFixedSize;
};
template <class T>
inline constexpr bool kValueBorrows = requires {
  requires ValueCodec<T>::kBorrows;
};

template <class T>
concept ByteLike =
    std::same_as<T, char> || std::same_as<T, uint8_t> || std::same_as<T, std::byte>;

// Writes `size` of the bytes just appended in front of them.
inline void InsertVarint(std::string* out, size_t at, uint64_t size) {
  char bytes[10];
  size_t count = 0;
  for (; size >= 0x80; size >>= 7) bytes[count++] = static_cast<char>(size | 0x80);
  bytes[count++] = static_cast<char>(size);
  out->insert(at, bytes, count);
}

// Only the shortest spelling of a number is one.
inline bool ConsumeVarint(std::string_view* in, uint64_t* value) {
  *value = 0;
  for (size_t i = 0; i < in->size() && i < 9; ++i) {
    const uint64_t byte = static_cast<uint8_t>((*in)[i]);
    *value |= (byte & 0x7F) << (7 * i);
    if (byte >= 0x80) continue;
    in->remove_prefix(i + 1);
    return byte != 0 || i == 0;
  }
  return false;
}

template <class T>
consteval size_t PartBytesMin() {
  if constexpr (kValueIsFixed<T>) return ValueCodec<T>::kFixedSize;
  return 1;
}

template <class T>
void AppendPart(std::string* out, const T& value) {
  const size_t begin = out->size();
  ValueCodec<T>::Append(out, value);
  if constexpr (!kValueIsFixed<T>) InsertVarint(out, begin, out->size() - begin);
}

template <class T>
bool ConsumePart(std::string_view* in, T* out) {
  uint64_t size = 0;
  if constexpr (kValueIsFixed<T>) {
    size = ValueCodec<T>::kFixedSize;
  } else if (!ConsumeVarint(in, &size)) {
    return false;
  }
  if (size > in->size()) return false;
  const std::string_view part = in->substr(0, size);
  in->remove_prefix(size);
  return ValueCodec<T>::Decode(part, out);
}

// A value that is its bytes.
template <class V>
struct BytesCodec {
  static void Append(std::string* out, const V& value) {
    out->append(reinterpret_cast<const char*>(value.data()), value.size());
  }
  static bool Decode(std::string_view bytes, V* out) {
    out->resize(bytes.size());
    if (!bytes.empty()) memcpy(out->data(), bytes.data(), bytes.size());
    return true;
  }
};

template <class V, class... Ts>
struct TupleCodec {
  static constexpr bool kBorrows = (kValueBorrows<Ts> || ...);
  static void Append(std::string* out, const V& value) {
    std::apply([&](const Ts&... part) { (AppendPart(out, part), ...); }, value);
  }
  static bool Decode(std::string_view bytes, V* out) {
    const auto consume = [&](Ts&... part) { return (ConsumePart(&bytes, &part) && ...); };
    return std::apply(consume, *out) && bytes.empty();
  }
  static std::string TypeName() {
    std::string name = "tuple<";
    size_t index = 0;
    ((name += (index++ == 0 ? "" : ",") + ValueCodec<Ts>::TypeName()), ...);
    return name + ">";
  }
};

}  // namespace internal

template <>
struct ValueCodec<bool> {
  static constexpr size_t kFixedSize = 1;
  static void Append(std::string* out, bool value) { out->push_back(value ? 1 : 0); }
  static bool Decode(std::string_view bytes, bool* out) {
    if (bytes.size() != 1 || static_cast<uint8_t>(bytes[0]) > 1) return false;
    *out = bytes[0] == 1;
    return true;
  }
  static std::string TypeName() { return "bool"; }
};

template <internal::KeyInteger T>
struct ValueCodec<T> {
  static constexpr size_t kFixedSize = sizeof(T);
  static void Append(std::string* out, T value) {
    const uint64_t bits = static_cast<uint64_t>(value);
    char bytes[sizeof(T)];
    for (size_t i = 0; i < sizeof(T); ++i) bytes[i] = static_cast<char>(bits >> (8 * i));
    out->append(bytes, sizeof(T));
  }
  static bool Decode(std::string_view bytes, T* out) {
    if (bytes.size() != sizeof(T)) return false;
    uint64_t bits = 0;
    for (size_t i = 0; i < sizeof(T); ++i) {
      bits |= uint64_t{static_cast<uint8_t>(bytes[i])} << (8 * i);
    }
    *out = static_cast<T>(bits);
    return true;
  }
  static std::string TypeName() { return KeyCodec<T>::TypeName(); }
};

template <class T>
requires std::same_as<T, float> || std::same_as<T, double>
struct ValueCodec<T> {
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  static constexpr size_t kFixedSize = sizeof(T);
  static void Append(std::string* out, T value) {
    ValueCodec<Bits>::Append(out, std::bit_cast<Bits>(value));
  }
  static bool Decode(std::string_view bytes, T* out) {
    Bits bits = 0;
    if (!ValueCodec<Bits>::Decode(bytes, &bits)) return false;
    *out = std::bit_cast<T>(bits);
    return true;
  }
  static std::string TypeName() { return KeyCodec<T>::TypeName(); }
};

template <class T>
requires std::is_enum_v<T>
struct ValueCodec<T> {
  using Underlying = std::underlying_type_t<T>;
  static constexpr size_t kFixedSize = sizeof(Underlying);
  static void Append(std::string* out, T value) {
    ValueCodec<Underlying>::Append(out, static_cast<Underlying>(value));
  }
  static bool Decode(std::string_view bytes, T* out) {
    Underlying value{};
    if (!ValueCodec<Underlying>::Decode(bytes, &value)) return false;
    *out = static_cast<T>(value);
    return true;
  }
  static std::string TypeName() { return ValueCodec<Underlying>::TypeName(); }
};

template <>
struct ValueCodec<std::monostate> {
  static constexpr size_t kFixedSize = 0;
  static void Append(std::string*, std::monostate) {}
  static bool Decode(std::string_view bytes, std::monostate*) { return bytes.empty(); }
  static std::string TypeName() { return "unit"; }
};

template <>
struct ValueCodec<std::string> : internal::BytesCodec<std::string> {
  static std::string TypeName() { return "string"; }
};

template <>
struct ValueCodec<std::string_view> {
  static constexpr bool kBorrows = true;
  static void Append(std::string* out, std::string_view value) { out->append(value); }
  static bool Decode(std::string_view bytes, std::string_view* out) {
    *out = bytes;
    return true;
  }
  static std::string TypeName() { return "string"; }
};

template <internal::ByteLike T>
struct ValueCodec<std::vector<T>> : internal::BytesCodec<std::vector<T>> {
  static std::string TypeName() { return "bytes"; }
};

template <class T>
struct ValueCodec<std::vector<T>> {
  static constexpr bool kBorrows = internal::kValueBorrows<T>;
  static_assert(internal::PartBytesMin<T>() > 0, "elements are counted by their bytes");
  static void Append(std::string* out, const std::vector<T>& value) {
    for (const T& element : value) internal::AppendPart(out, element);
  }
  static bool Decode(std::string_view bytes, std::vector<T>* out) {
    out->clear();
    if (internal::kValueIsFixed<T>)
      out->reserve(bytes.size() / internal::PartBytesMin<T>());
    while (!bytes.empty()) {
      T element{};
      if (!internal::ConsumePart(&bytes, &element)) return false;
      out->push_back(std::move(element));
    }
    return true;
  }
  static std::string TypeName() {
    return absl::StrCat("vector<", ValueCodec<T>::TypeName(), ">");
  }
};

template <class T, size_t N>
struct ValueCodec<std::array<T, N>> {
  static constexpr bool kBorrows = internal::kValueBorrows<T>;
  static void Append(std::string* out, const std::array<T, N>& value) {
    for (const T& element : value) internal::AppendPart(out, element);
  }
  static bool Decode(std::string_view bytes, std::array<T, N>* out) {
    for (T& element : *out) {
      if (!internal::ConsumePart(&bytes, &element)) return false;
    }
    return bytes.empty();
  }
  static std::string TypeName() {
    return absl::StrCat("array<", ValueCodec<T>::TypeName(), ",", N, ">");
  }
};

template <class T>
struct ValueCodec<std::optional<T>> {
  static constexpr bool kBorrows = internal::kValueBorrows<T>;
  static void Append(std::string* out, const std::optional<T>& value) {
    out->push_back(value.has_value() ? 1 : 0);
    if (value.has_value()) ValueCodec<T>::Append(out, *value);
  }
  static bool Decode(std::string_view bytes, std::optional<T>* out) {
    out->reset();
    bool present = false;
    if (!ValueCodec<bool>::Decode(bytes.substr(0, 1), &present)) return false;
    if (!present) return bytes.size() == 1;
    return ValueCodec<T>::Decode(bytes.substr(1), &out->emplace());
  }
  static std::string TypeName() {
    return absl::StrCat("optional<", ValueCodec<T>::TypeName(), ">");
  }
};

template <class... Ts>
struct ValueCodec<std::tuple<Ts...>> : internal::TupleCodec<std::tuple<Ts...>, Ts...> {};
template <class A, class B>
struct ValueCodec<std::pair<A, B>> : internal::TupleCodec<std::pair<A, B>, A, B> {};

template <>
struct ValueCodec<absl::Time> {
  static constexpr size_t kFixedSize = sizeof(int64_t);
  static void Append(std::string* out, absl::Time value) {
    ValueCodec<int64_t>::Append(out, absl::ToUnixNanos(value));
  }
  static bool Decode(std::string_view bytes, absl::Time* out) {
    int64_t nanos = 0;
    if (!ValueCodec<int64_t>::Decode(bytes, &nanos)) return false;
    *out = internal::TimeFromNanos(nanos);
    return true;
  }
  static std::string TypeName() { return "time"; }
};

template <>
struct ValueCodec<HybridTime> {
  static constexpr size_t kFixedSize = sizeof(uint64_t);
  static void Append(std::string* out, HybridTime value) {
    ValueCodec<uint64_t>::Append(out, value.bits());
  }
  static bool Decode(std::string_view bytes, HybridTime* out) {
    uint64_t bits = 0;
    if (!ValueCodec<uint64_t>::Decode(bytes, &bits)) return false;
    *out = HybridTime::FromBits(bits);
    return true;
  }
  static std::string TypeName() { return "hybrid_time"; }
};

}  // namespace sheaf
#endif  // SHEAF_VALUE_CODEC_H_
