// Proves that key bytes sort as their values do, that they are read back as they
// were, that nothing else is accepted, and that the format has not moved: golden
// bytes and names first, then pairs of random values of every type.
#include "btree/key.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <random>

#include "gtest/gtest.h"

namespace sheaf {

struct Version {
  uint16_t major = 0, minor = 0;
  friend auto operator<=>(const Version&, const Version&) = default;
};

template <>
struct KeyCodec<Version> {
  using Parts = std::tuple<uint16_t, uint16_t>;
  static void Append(std::string* out, const Version& v) {
    KeyCodec<Parts>::Append(out, {v.major, v.minor});
  }
  static bool Consume(std::string_view* in, Version* v) {
    Parts parts;
    if (!KeyCodec<Parts>::Consume(in, &parts)) return false;
    std::tie(v->major, v->minor) = parts;
    return true;
  }
  static std::string TypeName() { return "version"; }
};

namespace {

using std::chrono::sys_days;
using std::chrono::sys_seconds;

enum class Color : int16_t { kBlue = -2, kNone = 0, kRed = 7 };

constexpr uint64_t kSeed = 20240611;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string Hex(std::string_view bytes) {
  std::string hex;
  for (unsigned char c : bytes) {
    char digits[3];
    snprintf(digits, sizeof digits, "%02X", c);
    hex += digits;
  }
  return hex;
}

// ---- golden ----

template <class T>
void ExpectGolden(const T& value, const std::string& name, const std::string& hex) {
  EXPECT_EQ(KeyCodec<T>::TypeName(), name);
  const std::string bytes = EncodeKey(value);
  EXPECT_EQ(Hex(bytes), hex) << name;
  absl::StatusOr<T> back = DecodeKey<T>(bytes);
  ASSERT_TRUE(back.ok()) << name << ": " << back.status();
  EXPECT_EQ(Hex(EncodeKey(*back)), hex) << name;
}

TEST(Key, GoldenScalars) {
  ExpectGolden(false, "bool", "00");
  ExpectGolden(true, "bool", "01");
  ExpectGolden(uint8_t{0xAB}, "u8", "AB");
  ExpectGolden(uint16_t{0xABCD}, "u16", "ABCD");
  ExpectGolden(uint32_t{1}, "u32", "00000001");
  ExpectGolden(uint64_t{0x0102030405060708}, "u64", "0102030405060708");
  ExpectGolden(int8_t{-128}, "i8", "00");
  ExpectGolden(int16_t{-1}, "i16", "7FFF");
  ExpectGolden(int32_t{0}, "i32", "80000000");
  ExpectGolden(int64_t{1}, "i64", "8000000000000001");
  ExpectGolden(static_cast<long long>(1), "i64", "8000000000000001");
  ExpectGolden(Color::kBlue, "i16", "7FFE");
  ExpectGolden(1.0f, "f32", "BF800000");
  ExpectGolden(-1.0f, "f32", "407FFFFF");
  ExpectGolden(0.0, "f64", "8000000000000000");
  ExpectGolden(-0.0, "f64", "8000000000000000");
  ExpectGolden(-kInfinity, "f64", "000FFFFFFFFFFFFF");
  ExpectGolden(kInfinity, "f64", "FFF0000000000000");
  ExpectGolden(kNan, "f64", "FFF8000000000000");
  ExpectGolden(-kNan, "f64", "FFF8000000000000");
  ExpectGolden(std::bit_cast<double>(0x7FF8000000000123), "f64", "FFF8000000000000");
}

TEST(Key, GoldenStrings) {
  ExpectGolden(std::string(), "string", "0000");
  ExpectGolden(std::string("ab"), "string", "61620000");
  ExpectGolden(std::string("\0a\0\0", 4), "string", "00FF6100FF00FF0000");
  ExpectGolden(std::string("\xFF"), "string", "FF0000");
  ExpectGolden(std::vector<uint8_t>{0, 1, 255}, "bytes", "00FF01FF0000");
  ExpectGolden(std::array<uint8_t, 16>{1, 2, 3}, "bytes16",
               "01020300000000000000000000000000");
  EXPECT_EQ(EncodeKey("ab"), EncodeKey(std::string("ab")));
  EXPECT_EQ(EncodeKey(std::string_view("ab")), EncodeKey(std::string("ab")));
  EXPECT_EQ(KeyCodec<std::string_view>::TypeName(), "string");
}

TEST(Key, GoldenCompounds) {
  ExpectGolden(std::array<int8_t, 2>{-1, 1}, "array<i8,2>", "7F81");
  ExpectGolden(std::vector<uint16_t>{1, 2}, "vector<u16>",
               "010001010002"
               "00");
  ExpectGolden(std::vector<uint16_t>{}, "vector<u16>", "00");
  ExpectGolden(std::vector<bool>{true, false}, "vector<bool>", "0101010000");
  ExpectGolden(std::optional<uint8_t>(), "optional<u8>", "00");
  ExpectGolden(std::optional<uint8_t>(7), "optional<u8>", "0107");
  ExpectGolden(std::pair<uint8_t, std::string>(7, "a"), "tuple<u8,string>", "07610000");
  ExpectGolden(std::tuple<int32_t, std::string>(1, "a"), "tuple<i32,string>",
               "80000001610000");
  ExpectGolden(std::tuple<>(), "tuple<>", "");
  ExpectGolden(Descending<std::string>{"a"}, "desc<string>", "9EFFFF");
  ExpectGolden(Descending<uint16_t>{1}, "desc<u16>", "FFFE");
  ExpectGolden(std::vector<std::optional<std::string>>{std::nullopt, "b"},
               "vector<optional<string>>",
               "0100"
               "0101620000"
               "00");
  ExpectGolden(Version{1, 2}, "version", "00010002");
}

TEST(Key, GoldenTimes) {
  ExpectGolden(absl::UnixEpoch(), "time", "8000000000000000");
  ExpectGolden(absl::FromUnixNanos(-1), "time", "7FFFFFFFFFFFFFFF");
  ExpectGolden(absl::FromUnixSeconds(1), "time", "800000003B9ACA00");
  ExpectGolden(sys_seconds(std::chrono::seconds(1)), "time", "800000003B9ACA00");
  ExpectGolden(sys_days(std::chrono::days(-1)), "time", "7FFFB16B6EB10000");
  ExpectGolden(absl::InfiniteFuture(), "time", "FFFFFFFFFFFFFFFF");
  EXPECT_EQ(*DecodeKey<absl::Time>(EncodeKey(absl::InfiniteFuture())),
            absl::InfiniteFuture());
  EXPECT_EQ(*DecodeKey<absl::Time>(EncodeKey(absl::InfinitePast())),
            absl::InfinitePast());
}

TEST(Key, TimesOutsideTheRangeBecomeTheNearestInside) {
  const sys_seconds last = *DecodeKey<sys_seconds>(EncodeKey(sys_seconds::max()));
  EXPECT_EQ(last.time_since_epoch().count(), 9223372036);
  const sys_seconds first = *DecodeKey<sys_seconds>(EncodeKey(sys_seconds::min()));
  EXPECT_EQ(first.time_since_epoch().count(), -9223372036);
  EXPECT_LT(EncodeKey(absl::FromUnixSeconds(0)),
            EncodeKey(absl::FromUnixSeconds(99999999999)));
}

// ---- refusal ----

template <class T>
void ExpectRefused(std::string_view bytes) {
  const absl::StatusOr<T> value = DecodeKey<T>(bytes);
  EXPECT_EQ(value.status().code(), absl::StatusCode::kDataLoss)
      << KeyCodec<T>::TypeName() << " accepts " << Hex(bytes);
}

std::string Bytes(std::initializer_list<int> values) {
  std::string bytes;
  for (int value : values) bytes.push_back(static_cast<char>(value));
  return bytes;
}

TEST(Key, RefusesWhatAppendNeverWrites) {
  ExpectRefused<bool>("");
  ExpectRefused<bool>(Bytes({2}));
  ExpectRefused<uint32_t>(Bytes({0, 0, 0}));
  ExpectRefused<uint32_t>(Bytes({0, 0, 0, 0, 0}));
  ExpectRefused<double>(Bytes({0x7F, 255, 255, 255, 255, 255, 255, 255}));  // -0
  ExpectRefused<double>(Bytes({0xFF, 0xF8, 0, 0, 0, 0, 0, 1}));  // a NaN with payload
  ExpectRefused<double>(Bytes({0, 0, 0, 0, 0, 0, 0, 0}));        // a negative NaN
  ExpectRefused<std::string>("");
  ExpectRefused<std::string>("abc");
  ExpectRefused<std::string>(Bytes({'a', 0}));
  ExpectRefused<std::string>(Bytes({'a', 0, 1}));
  ExpectRefused<std::string>(Bytes({'a', 0, 0, 0}));
  ExpectRefused<std::string>(Bytes({'a', 0, 255}));
  ExpectRefused<std::vector<uint8_t>>(Bytes({1, 1, 0}));
  ExpectRefused<std::vector<uint16_t>>(Bytes({1, 0, 1}));
  ExpectRefused<std::vector<uint16_t>>(Bytes({1, 0, 1, 2}));
  ExpectRefused<std::optional<uint8_t>>(Bytes({1}));
  ExpectRefused<std::optional<uint8_t>>(Bytes({2, 2}));
  ExpectRefused<std::array<uint8_t, 16>>(std::string(15, 'x'));
  ExpectRefused<std::tuple<uint8_t, std::string>>(Bytes({7, 'a'}));
  ExpectRefused<Descending<std::string>>(Bytes({0x9E, 0xFF}));
  ExpectRefused<Descending<uint16_t>>(Bytes({1}));
  ExpectRefused<sys_seconds>(EncodeKey(int64_t{1500000000}));  // 1.5 s
}

TEST(Key, ErrorNamesTheType) {
  const auto key = DecodeKey<std::tuple<int32_t, std::string>>("abc");
  EXPECT_EQ(key.status().message(), "a key of 3 bytes is not tuple<i32,string>");
  EXPECT_EQ(DecodeKey<uint8_t>("abc").status().message(),
            "a key of 3 bytes has 2 bytes after its u8");
}

// ---- order ----

// Total order of values, as the codec promises it.
template <class T>
bool Less(const T& a, const T& b) {
  return a < b;
}
bool Less(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return !std::isnan(a);
  return a < b;
}
bool Less(float a, float b) { return Less(double{a}, double{b}); }
bool BothNan(double a, double b) { return std::isnan(a) && std::isnan(b); }

template <class T>
void ExpectOrder(const T& a, const T& b) {
  const std::string left = EncodeKey(a), right = EncodeKey(b);
  bool less = Less(a, b), greater = Less(b, a);
  if constexpr (std::is_floating_point_v<T>) {
    if (BothNan(a, b)) less = greater = false;
  }
  const std::string name = KeyCodec<T>::TypeName() + " " + Hex(left) + " " + Hex(right);
  EXPECT_EQ(left < right, less) << name;
  EXPECT_EQ(right < left, greater) << name;
  if (left != right) {
    EXPECT_FALSE(left.starts_with(right) || right.starts_with(left)) << name;
  }
}

class Random {
 public:
  explicit Random(uint64_t seed) : bits_(seed) {}
  uint64_t Below(uint64_t bound) { return bits_() % bound; }

  void Fill(bool* v) { *v = Below(2) == 1; }
  // Near the ends, near zero, or anywhere.
  template <internal::KeyInteger T>
  void Fill(T* v) {
    const T small = static_cast<T>(Below(4));
    const T base[] = {T{0}, std::numeric_limits<T>::min(), std::numeric_limits<T>::max(),
                      static_cast<T>(bits_())};
    *v = static_cast<T>(static_cast<uint64_t>(base[Below(4)]) +
                        static_cast<uint64_t>(small) - 2);
  }
  void Fill(double* v) {
    const double special[] = {0.0,   -0.0,   kInfinity, -kInfinity, kNan,
                              -kNan, 5e-324, -5e-324,   1.0,        -1.0};
    *v = Below(2) == 0 ? special[Below(std::size(special))]
                       : std::bit_cast<double>(bits_());
  }
  void Fill(float* v) {
    double wide = 0;
    Fill(&wide);
    *v = Below(2) == 0         ? std::bit_cast<float>(static_cast<uint32_t>(bits_()))
         : std::isfinite(wide) ? 0.0f
                               : static_cast<float>(wide);
  }
  // Short strings over few letters: common beginnings and NULs are the hard case.
  void Fill(std::string* v) {
    static constexpr char kLetters[] = {'\0', '\x01', 'a', 'b', '\xFE', '\xFF'};
    v->resize(Below(6));
    for (char& c : *v) c = kLetters[Below(std::size(kLetters))];
  }
  void Fill(Color* v) {
    int16_t value = 0;
    Fill(&value);
    *v = static_cast<Color>(value);
  }
  void Fill(absl::Time* v) {
    int64_t nanos = 0;
    Fill(&nanos);
    *v = absl::FromUnixNanos(nanos);
  }
  void Fill(sys_seconds* v) {
    *v = sys_seconds(std::chrono::seconds(static_cast<int64_t>(Below(2000)) - 1000));
  }
  void Fill(Version* v) { Fill(&v->major), Fill(&v->minor); }
  template <class T>
  void Fill(Descending<T>* v) {
    Fill(&v->value);
  }
  template <class T, size_t N>
  void Fill(std::array<T, N>* v) {
    for (T& element : *v) Fill(&element);
    if (N > 1 && Below(2) == 0) std::fill(v->begin(), v->end() - 1, T{});
  }
  template <class T>
  void Fill(std::vector<T>* v) {
    v->clear();
    for (uint64_t left = Below(4); left > 0; --left) {
      T element{};
      Fill(&element);
      v->push_back(element);
    }
  }
  template <class T>
  void Fill(std::optional<T>* v) {
    v->reset();
    if (Below(4) != 0) Fill(&v->emplace());
  }
  template <class A, class B>
  void Fill(std::pair<A, B>* v) {
    Fill(&v->first), Fill(&v->second);
  }
  template <class... Ts>
  void Fill(std::tuple<Ts...>* v) {
    std::apply([this](Ts&... part) { (Fill(&part), ...); }, *v);
  }

 private:
  std::mt19937_64 bits_;
};

template <class T>
class KeyOrder : public testing::Test {};

using AllTypes = testing::Types<
    bool, int8_t, uint8_t, int16_t, uint16_t, int32_t, uint32_t, int64_t, uint64_t,
    long long, float, double, Color, std::string, std::vector<uint8_t>,
    std::array<uint8_t, 16>, std::array<int32_t, 3>, std::array<std::string, 2>,
    std::vector<int16_t>, std::vector<std::string>, std::vector<bool>,
    std::vector<std::vector<std::string>>, std::optional<int32_t>,
    std::optional<std::string>, std::pair<std::string, int32_t>,
    std::tuple<std::string, std::string>, std::tuple<int32_t, std::string, bool>,
    std::tuple<std::string, std::optional<std::vector<uint8_t>>, int64_t>, absl::Time,
    sys_seconds, Descending<int64_t>, Descending<std::string>,
    Descending<std::tuple<std::string, int8_t>>,
    std::tuple<Descending<std::string>, std::string>,
    std::vector<Descending<std::string>>, Descending<Descending<std::string>>, Version>;
TYPED_TEST_SUITE(KeyOrder, AllTypes);

TYPED_TEST(KeyOrder, OfBytesIsThatOfValues) {
  printf("seed %llu\n", static_cast<unsigned long long>(kSeed));
  Random random(kSeed);
  for (int step = 0; step < 20000 && !this->HasFailure(); ++step) {
    TypeParam a{}, b{};
    random.Fill(&a);
    random.Fill(&b);
    ExpectOrder(a, b);
  }
}

TYPED_TEST(KeyOrder, IsReadBackAndNothingElseIs) {
  printf("seed %llu\n", static_cast<unsigned long long>(kSeed));
  Random random(kSeed + 1);
  for (int step = 0; step < 5000 && !this->HasFailure(); ++step) {
    TypeParam value{};
    random.Fill(&value);
    std::string bytes = EncodeKey(value);
    const absl::StatusOr<TypeParam> back = DecodeKey<TypeParam>(bytes);
    ASSERT_TRUE(back.ok()) << Hex(bytes) << " " << back.status();
    ASSERT_EQ(Hex(EncodeKey(*back)), Hex(bytes));

    std::string_view followed = bytes.append("rest");
    TypeParam again{};
    ASSERT_TRUE(KeyCodec<TypeParam>::Consume(&followed, &again));
    ASSERT_EQ(followed, "rest");

    bytes.resize(random.Below(bytes.size() + 1));
    if (!bytes.empty())
      bytes[random.Below(bytes.size())] = static_cast<char>(random.Below(256));
    const absl::StatusOr<TypeParam> damaged = DecodeKey<TypeParam>(bytes);
    if (damaged.ok()) {
      ASSERT_EQ(Hex(EncodeKey(*damaged)), Hex(bytes));
    }
  }
}

TEST(KeyPrefix, CoversExactlyTheTuplesThatBeginSo) {
  using Row = std::tuple<int64_t, std::string, int32_t>;
  printf("seed %llu\n", static_cast<unsigned long long>(kSeed));
  Random random(kSeed + 2);
  for (int step = 0; step < 20000 && !HasFailure(); ++step) {
    std::pair<Row, Row> rows;
    random.Fill(&rows);
    const auto& [a, b] = rows;
    const std::string bytes = EncodeKey(b);
    const auto& [number, text, rest] = a;
    EXPECT_EQ(bytes.starts_with(KeyPrefix<Row>(number)), std::get<0>(b) == number);
    EXPECT_EQ(bytes.starts_with(KeyPrefix<Row>(number, text)),
              std::get<0>(b) == number && std::get<1>(b) == text);
    EXPECT_EQ(bytes.starts_with(KeyPrefix<Row>(number, StringPrefix{text})),
              std::get<0>(b) == number && std::get<1>(b).starts_with(text));
  }
}

TEST(KeyPrefix, ConvertsToTheElementsOfTheKey) {
  using Row = std::pair<int64_t, std::string>;
  EXPECT_EQ(KeyPrefix<Row>(5), EncodeKey(int64_t{5}));
  EXPECT_EQ(KeyPrefix<Row>(5, "a"), EncodeKey(Row(5, "a")));
  EXPECT_EQ(KeyPrefix<std::string>(StringPrefix{"ab"}), "ab");
  EXPECT_EQ(KeyPrefix<Row>(), "");
}

}  // namespace
}  // namespace sheaf
