// KeyCodec: C++ values as key bytes whose memcmp order is the order of the
// values. Installed as <sheaf/key.h>; needs the standard library and Abseil only.
//
// What stays true of every codec, also of one an application adds:
//   - a < b exactly when bytes(a) < bytes(b); equal values have equal bytes;
//   - no encoding is the beginning of another one of the same type, so encodings
//     can be put one after another and the order is that of the tuple;
//   - Consume accepts what Append writes and nothing else, whatever the bytes.
//
// The bytes and the names are part of the file format:
//
//   type                 name             bytes
//   bool                 bool             00 false, 01 true
//   unsigned integers    u8 u16 u32 u64   big-endian
//   signed integers      i8 i16 i32 i64   big-endian, top bit inverted
//   float, double        f32 f64          IEEE 754, big-endian; then the top bit
//                                         inverted, or every bit when it was set.
//                                         -0 is stored as 0 and any NaN as 7FC00000,
//                                         7FF8000000000000: after infinity
//   enum                 as its underlying type
//   string               string           each 00 as 00 FF; at the end 00 00
//   vector<uint8_t>      bytes            as string
//   array<uint8_t, N>    bytesN           its N bytes (bytes16: a UUID)
//   array<T, N>          array<T,N>       its elements one after another
//   vector<T>            vector<T>        01 before each element; at the end 00
//   optional<T>          optional<T>      00 none; otherwise 01 and the value
//   pair, tuple          tuple<A,B,...>   its elements one after another
//   absl::Time, sys_time time             i64 nanoseconds since 1970-01-01 00:00 UTC;
//                                         what lies outside 1677 to 2262 is stored
//                                         as the nearest time inside
//   Descending<T>        desc<T>          the bytes of T, every bit inverted
//
// For a type of your own, specialise sheaf::KeyCodec with the three functions:
//
//   template <>
//   struct sheaf::KeyCodec<Version> {
//     using Parts = std::tuple<uint16_t, uint16_t>;
//     static void Append(std::string* out, const Version& v) {
//       KeyCodec<Parts>::Append(out, {v.major, v.minor});
//     }
//     static bool Consume(std::string_view* in, Version* v) { ... }
//     static std::string TypeName() { return "version"; }  // never changes again
//   };
//
// Pure functions: any thread, no state.
#ifndef SHEAF_KEY_H_
#define SHEAF_KEY_H_
#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <ratio>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace sheaf {

// Append adds the bytes of a value to `out`. Consume takes one value from the
// front of `in`; false when the bytes are not one, `in` and `out` are then
// unspecified. It reads nothing beyond `in` and allocates no more than a small
// multiple of its size. A codec whose encodings all have one size may say so in
// `kFixedSize`.
template <class T>
struct KeyCodec;

// Reverses the order of one component: EncodeKey(Descending{score}, name).
template <class T>
struct Descending {
  T value{};
  friend bool operator==(const Descending& a, const Descending& b) {
    return a.value == b.value;
  }
  friend bool operator<(const Descending& a, const Descending& b) {
    return b.value < a.value;
  }
};
template <class T>
Descending(T) -> Descending<T>;

// As the last part of a KeyPrefix: every string that begins with `text`.
struct StringPrefix {
  std::string_view text;
};

namespace internal {

template <class T>
concept KeyInteger =
    std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char> &&
    !std::same_as<T, wchar_t> && !std::same_as<T, char8_t> &&
    !std::same_as<T, char16_t> && !std::same_as<T, char32_t>;

template <std::unsigned_integral U>
void EncodeBigEndian(char* out, U value) {
  for (size_t i = 0; i < sizeof(U); ++i) {
    out[i] = static_cast<char>(value >> (8 * (sizeof(U) - 1 - i)));
  }
}

template <std::unsigned_integral U>
void AppendBigEndian(std::string* out, U value) {
  char bytes[sizeof(U)];
  EncodeBigEndian(bytes, value);
  out->append(bytes, sizeof(U));
}

template <std::unsigned_integral U>
bool ConsumeBigEndian(std::string_view* in, U* value) {
  if (in->size() < sizeof(U)) return false;
  U result = 0;
  for (size_t i = 0; i < sizeof(U); ++i) {
    result = static_cast<U>(uint64_t{result} << 8 | static_cast<uint8_t>((*in)[i]));
  }
  *value = result;
  in->remove_prefix(sizeof(U));
  return true;
}

inline void AppendEscaped(std::string* out, std::string_view text) {
  size_t nul;
  while ((nul = text.find('\0')) != std::string_view::npos) {
    out->append(text.substr(0, nul)).append("\x00\xFF", 2);
    text.remove_prefix(nul + 1);
  }
  out->append(text);
}

inline void AppendString(std::string* out, std::string_view text) {
  AppendEscaped(out, text);
  out->append("\x00\x00", 2);
}

template <class Bytes>  // std::string or std::vector<uint8_t>
bool ConsumeString(std::string_view* in, Bytes* out) {
  out->clear();
  while (true) {
    const size_t nul = in->find('\0');
    if (nul == std::string_view::npos || nul + 1 == in->size()) return false;
    out->insert(out->end(), in->begin(), in->begin() + nul);
    const char mark = (*in)[nul + 1];
    in->remove_prefix(nul + 2);
    if (mark == '\x00') return true;
    if (mark != '\xFF') return false;
    out->push_back(0);
  }
}

inline void InvertBits(char* bytes, size_t size) {
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(~bytes[i]);
}

// The greatest and the least nanosecond stand for infinity.
inline absl::Time TimeFromNanos(int64_t nanos) {
  if (nanos == std::numeric_limits<int64_t>::max()) return absl::InfiniteFuture();
  if (nanos == std::numeric_limits<int64_t>::min()) return absl::InfinitePast();
  return absl::FromUnixNanos(nanos);
}

template <class... Ts>
std::string TupleTypeName() {
  std::string name = "tuple<";
  size_t index = 0;
  ((name += (index++ == 0 ? "" : ",") + KeyCodec<Ts>::TypeName()), ...);
  return name + ">";
}

}  // namespace internal

template <>
struct KeyCodec<bool> {
  static constexpr size_t kFixedSize = 1;
  static void Append(std::string* out, bool value) { out->push_back(value ? 1 : 0); }
  static bool Consume(std::string_view* in, bool* out) {
    if (in->empty() || static_cast<uint8_t>(in->front()) > 1) return false;
    *out = in->front() == 1;
    in->remove_prefix(1);
    return true;
  }
  static std::string TypeName() { return "bool"; }
};

template <internal::KeyInteger T>
struct KeyCodec<T> {
  using Bits = std::make_unsigned_t<T>;
  // The least signed value becomes 0.
  static constexpr Bits kFlip =
      std::is_signed_v<T> ? static_cast<Bits>(std::numeric_limits<T>::min()) : Bits{0};
  static constexpr size_t kFixedSize = sizeof(T);

  static void Append(std::string* out, T value) {
    char bytes[kFixedSize];
    Encode(bytes, value);
    out->append(bytes, kFixedSize);
  }
  // `out` has kFixedSize bytes.
  static void Encode(char* out, T value) {
    internal::EncodeBigEndian(out, static_cast<Bits>(static_cast<Bits>(value) ^ kFlip));
  }
  static bool Consume(std::string_view* in, T* out) {
    Bits bits = 0;
    if (!internal::ConsumeBigEndian(in, &bits)) return false;
    *out = static_cast<T>(static_cast<Bits>(bits ^ kFlip));
    return true;
  }
  static std::string TypeName() {
    return absl::StrCat(std::is_signed_v<T> ? "i" : "u", 8 * sizeof(T));
  }
};

template <class T>
requires std::same_as<T, float> || std::same_as<T, double>
struct KeyCodec<T> {
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  static_assert(std::numeric_limits<T>::is_iec559 && sizeof(T) == sizeof(Bits));
  static constexpr Bits kSign = Bits{1} << (8 * sizeof(Bits) - 1);
  static constexpr Bits kNan =
      sizeof(T) == 4 ? Bits{0x7FC00000} : static_cast<Bits>(0x7FF8000000000000);
  static constexpr size_t kFixedSize = sizeof(T);

  static void Append(std::string* out, T value) {
    Bits bits = std::isnan(value) ? kNan : std::bit_cast<Bits>(value);
    if (bits == kSign) bits = 0;  // -0
    internal::AppendBigEndian(out, (bits & kSign) != 0 ? ~bits : bits ^ kSign);
  }
  static bool Consume(std::string_view* in, T* out) {
    Bits bits = 0;
    if (!internal::ConsumeBigEndian(in, &bits)) return false;
    bits = (bits & kSign) != 0 ? bits ^ kSign : ~bits;
    *out = std::bit_cast<T>(bits);
    return std::isnan(*out) ? bits == kNan : bits != kSign;
  }
  static std::string TypeName() { return sizeof(T) == 4 ? "f32" : "f64"; }
};

template <class T>
requires std::is_enum_v<T>
struct KeyCodec<T> {
  using Underlying = std::underlying_type_t<T>;
  static constexpr size_t kFixedSize = sizeof(Underlying);
  static void Append(std::string* out, T value) {
    KeyCodec<Underlying>::Append(out, static_cast<Underlying>(value));
  }
  static bool Consume(std::string_view* in, T* out) {
    Underlying value{};
    if (!KeyCodec<Underlying>::Consume(in, &value)) return false;
    *out = static_cast<T>(value);
    return true;
  }
  static std::string TypeName() { return KeyCodec<Underlying>::TypeName(); }
};

template <>
struct KeyCodec<std::string> {
  static void Append(std::string* out, std::string_view value) {
    internal::AppendString(out, value);
  }
  static bool Consume(std::string_view* in, std::string* out) {
    return internal::ConsumeString(in, out);
  }
  static std::string TypeName() { return "string"; }
};

// For encoding only: what is read back is a std::string, since escapes are
// resolved.
template <>
struct KeyCodec<std::string_view> {
  static void Append(std::string* out, std::string_view value) {
    internal::AppendString(out, value);
  }
  static std::string TypeName() { return "string"; }
};
template <>
struct KeyCodec<const char*> : KeyCodec<std::string_view> {};
template <>
struct KeyCodec<char*> : KeyCodec<std::string_view> {};
template <size_t N>
struct KeyCodec<char[N]> : KeyCodec<std::string_view> {};

template <>
struct KeyCodec<std::vector<uint8_t>> {
  static void Append(std::string* out, const std::vector<uint8_t>& value) {
    internal::AppendString(out,
                           {reinterpret_cast<const char*>(value.data()), value.size()});
  }
  static bool Consume(std::string_view* in, std::vector<uint8_t>* out) {
    return internal::ConsumeString(in, out);
  }
  static std::string TypeName() { return "bytes"; }
};

template <size_t N>
struct KeyCodec<std::array<uint8_t, N>> {
  static constexpr size_t kFixedSize = N;
  static void Append(std::string* out, const std::array<uint8_t, N>& value) {
    out->append(value.begin(), value.end());
  }
  static bool Consume(std::string_view* in, std::array<uint8_t, N>* out) {
    if (in->size() < N) return false;
    for (size_t i = 0; i < N; ++i) (*out)[i] = static_cast<uint8_t>((*in)[i]);
    in->remove_prefix(N);
    return true;
  }
  static std::string TypeName() { return absl::StrCat("bytes", N); }
};

template <class T, size_t N>
struct KeyCodec<std::array<T, N>> {
  static void Append(std::string* out, const std::array<T, N>& value) {
    for (const T& element : value) KeyCodec<T>::Append(out, element);
  }
  static bool Consume(std::string_view* in, std::array<T, N>* out) {
    for (T& element : *out) {
      if (!KeyCodec<T>::Consume(in, &element)) return false;
    }
    return true;
  }
  static std::string TypeName() {
    return absl::StrCat("array<", KeyCodec<T>::TypeName(), ",", N, ">");
  }
};

template <class T>
struct KeyCodec<std::vector<T>> {
  static void Append(std::string* out, const std::vector<T>& value) {
    for (const auto& element : value) {
      out->push_back(1);
      KeyCodec<T>::Append(out, element);
    }
    out->push_back(0);
  }
  static bool Consume(std::string_view* in, std::vector<T>* out) {
    out->clear();
    bool more = false;
    while (KeyCodec<bool>::Consume(in, &more)) {
      if (!more) return true;
      T element{};
      if (!KeyCodec<T>::Consume(in, &element)) return false;
      out->push_back(std::move(element));
    }
    return false;
  }
  static std::string TypeName() {
    return absl::StrCat("vector<", KeyCodec<T>::TypeName(), ">");
  }
};

template <class T>
struct KeyCodec<std::optional<T>> {
  static void Append(std::string* out, const std::optional<T>& value) {
    KeyCodec<bool>::Append(out, value.has_value());
    if (value.has_value()) KeyCodec<T>::Append(out, *value);
  }
  static bool Consume(std::string_view* in, std::optional<T>* out) {
    bool present = false;
    if (!KeyCodec<bool>::Consume(in, &present)) return false;
    out->reset();
    return !present || KeyCodec<T>::Consume(in, &out->emplace());
  }
  static std::string TypeName() {
    return absl::StrCat("optional<", KeyCodec<T>::TypeName(), ">");
  }
};

template <class... Ts>
struct KeyCodec<std::tuple<Ts...>> {
  static void Append(std::string* out, const std::tuple<Ts...>& value) {
    std::apply([&](const Ts&... part) { (KeyCodec<Ts>::Append(out, part), ...); }, value);
  }
  static bool Consume(std::string_view* in, std::tuple<Ts...>* out) {
    return std::apply(
        [&](Ts&... part) { return (KeyCodec<Ts>::Consume(in, &part) && ...); }, *out);
  }
  static std::string TypeName() { return internal::TupleTypeName<Ts...>(); }
};

template <class A, class B>
struct KeyCodec<std::pair<A, B>> {
  static void Append(std::string* out, const std::pair<A, B>& value) {
    KeyCodec<A>::Append(out, value.first);
    KeyCodec<B>::Append(out, value.second);
  }
  static bool Consume(std::string_view* in, std::pair<A, B>* out) {
    return KeyCodec<A>::Consume(in, &out->first) &&
           KeyCodec<B>::Consume(in, &out->second);
  }
  static std::string TypeName() { return internal::TupleTypeName<A, B>(); }
};

template <>
struct KeyCodec<absl::Time> {
  static constexpr size_t kFixedSize = sizeof(int64_t);
  static void Append(std::string* out, absl::Time value) {
    KeyCodec<int64_t>::Append(out, absl::ToUnixNanos(value));  // which saturates
  }
  static bool Consume(std::string_view* in, absl::Time* out) {
    int64_t nanos = 0;
    if (!KeyCodec<int64_t>::Consume(in, &nanos)) return false;
    *out = internal::TimeFromNanos(nanos);
    return true;
  }
  static std::string TypeName() { return "time"; }
};

// Consume refuses a time that Unit cannot say, such as half a second in seconds.
template <class Unit>
requires std::signed_integral<typename Unit::rep>
struct KeyCodec<std::chrono::time_point<std::chrono::system_clock, Unit>> {
  using Time = std::chrono::time_point<std::chrono::system_clock, Unit>;
  using Nanos = std::chrono::duration<int64_t, std::nano>;
  using Wide = std::chrono::duration<int64_t, typename Unit::period>;
  static_assert(std::ratio_greater_equal_v<typename Unit::period, std::nano>,
                "keys hold times to the nanosecond");
  static constexpr size_t kFixedSize = sizeof(int64_t);

  static void Append(std::string* out, Time value) {
    constexpr Wide kMin = std::chrono::ceil<Wide>(Nanos::min());
    constexpr Wide kMax = std::chrono::floor<Wide>(Nanos::max());
    Wide since(value.time_since_epoch().count());
    since = since < kMin ? kMin : since > kMax ? kMax : since;
    KeyCodec<int64_t>::Append(out, std::chrono::duration_cast<Nanos>(since).count());
  }
  static bool Consume(std::string_view* in, Time* out) {
    int64_t nanos = 0;
    if (!KeyCodec<int64_t>::Consume(in, &nanos)) return false;
    const Wide since = std::chrono::duration_cast<Wide>(Nanos(nanos));
    if (!std::in_range<typename Unit::rep>(since.count())) return false;
    *out = Time(Unit(static_cast<typename Unit::rep>(since.count())));
    return std::chrono::duration_cast<Nanos>(since).count() == nanos;
  }
  static std::string TypeName() { return "time"; }
};

template <class T>
struct KeyCodec<Descending<T>> {
  static constexpr bool kIsFixed = requires { KeyCodec<T>::kFixedSize; };

  static void Append(std::string* out, const Descending<T>& value) {
    const size_t begin = out->size();
    KeyCodec<T>::Append(out, value.value);
    internal::InvertBits(out->data() + begin, out->size() - begin);
  }
  // Where the value ends is known only once it is read, so all that is left is
  // inverted: at most 1 KiB in a table.
  static bool Consume(std::string_view* in, Descending<T>* out) {
    std::string inverted;
    if constexpr (kIsFixed) {
      inverted = in->substr(0, KeyCodec<T>::kFixedSize);
    } else {
      inverted = *in;
    }
    internal::InvertBits(inverted.data(), inverted.size());
    std::string_view rest = inverted;
    if (!KeyCodec<T>::Consume(&rest, &out->value)) return false;
    in->remove_prefix(inverted.size() - rest.size());
    return true;
  }
  static std::string TypeName() {
    return absl::StrCat("desc<", KeyCodec<T>::TypeName(), ">");
  }
};

// Several parts give the key of the tuple of their types. Types count: the key
// 5 is four bytes, int64_t{5} eight. KeyPrefix and TypedTable convert for you.
template <class... Parts>
std::string EncodeKey(const Parts&... parts) {
  std::string out;
  (KeyCodec<Parts>::Append(&out, parts), ...);
  return out;
}

// kDataLoss when `bytes` is not exactly one T.
template <class T>
absl::StatusOr<T> DecodeKey(std::string_view bytes) {
  T value{};
  std::string_view rest = bytes;
  if (!KeyCodec<T>::Consume(&rest, &value)) {
    return absl::DataLossError(absl::StrCat("a key of ", bytes.size(), " bytes is not ",
                                            KeyCodec<T>::TypeName()));
  }
  if (!rest.empty()) {
    return absl::DataLossError(absl::StrCat("a key of ", bytes.size(), " bytes has ",
                                            rest.size(), " bytes after its ",
                                            KeyCodec<T>::TypeName()));
  }
  return value;
}

namespace internal {

template <class K>
struct KeyParts {
  using type = std::tuple<K>;
};
template <class... Ts>
struct KeyParts<std::tuple<Ts...>> {
  using type = std::tuple<Ts...>;
};
template <class A, class B>
struct KeyParts<std::pair<A, B>> {
  using type = std::tuple<A, B>;
};

template <class Element, class Part>
void AppendKeyPart(std::string* out, const Part& part) {
  if constexpr (std::same_as<Part, StringPrefix>) {
    static_assert(std::same_as<Element, std::string>,
                  "StringPrefix stands for a std::string of the key");
    AppendEscaped(out, part.text);
  } else if constexpr (std::same_as<Element, std::string>) {
    KeyCodec<std::string_view>::Append(out, part);
  } else {
    const Element& element = part;  // converts 5 to the integer of the key
    KeyCodec<Element>::Append(out, element);
  }
}

template <class K, class... Parts, size_t... kIndex>
std::string KeyPrefixOf(std::index_sequence<kIndex...>, const Parts&... parts) {
  static_assert(
      ((kIndex + 1 == sizeof...(Parts) || !std::same_as<Parts, StringPrefix>)&&...),
      "only the last part can be a StringPrefix");
  std::string out;
  (AppendKeyPart<std::tuple_element_t<kIndex, typename KeyParts<K>::type>>(&out, parts),
   ...);
  return out;
}

}  // namespace internal

// The bytes with which all keys K begin whose first elements are `parts`; for
// KeyRange::Prefix. With K = std::tuple<int64_t, std::string>:
//
//   KeyPrefix<K>(7)                      (7, anything)
//   KeyPrefix<K>(7, StringPrefix{"ab"})  (7, "ab"), (7, "abc"), ...
template <class K, class... Parts>
std::string KeyPrefix(const Parts&... parts) {
  static_assert(
      sizeof...(Parts) <= std::tuple_size_v<typename internal::KeyParts<K>::type>,
      "more parts than the key has elements");
  return internal::KeyPrefixOf<K, Parts...>(std::index_sequence_for<Parts...>{},
                                            parts...);
}

}  // namespace sheaf
#endif  // SHEAF_KEY_H_
