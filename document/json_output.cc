// Binary documents to JSON text: the writing half of json_codec.h.
//
// Room in the text is asked for before it is filled, and then bytes are stored without
// looking: half the time of appending piece by piece (docs/decisions/0017).
#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include "absl/base/attributes.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "document/json_codec.h"

namespace sheaf::document {
namespace {

constexpr uint64_t Each(uint8_t byte) { return byte * uint64_t{0x0101010101010101}; }
constexpr uint64_t kHighs = Each(0x80);

// The high bit of the first byte (from the low end) that is 0, and perhaps of later ones.
constexpr uint64_t Zeros(uint64_t w) { return (w - Each(1)) & ~w & kHighs; }
// The same of those that a JSON string must not have as they are.
constexpr uint64_t Specials(uint64_t w) {
  return ((w - Each(0x20)) & ~w & kHighs) | Zeros(w ^ Each('"')) | Zeros(w ^ Each('\\'));
}

class Output {
 public:
  explicit Output(std::string* out) : out_(*out) { Attach(out->size()); }
  ~Output() { out_.resize(static_cast<size_t>(at_ - out_.data())); }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  // False: something in it is damaged.
  bool Value(const View& value, size_t depth) {
    switch (value.kind()) {
      case Kind::kNull:
        return Text("null");
      case Kind::kBool:
        return Text(value.bool_value() ? "true" : "false");
      case Kind::kInt:
        return Integer(value.int_value());
      case Kind::kUint:
        return Integer(value.uint_value());
      case Kind::kDouble:
        return AnyDouble(value.double_value());
      case Kind::kString:
        return String(value.string_value());
      case Kind::kArray:
        return depth <= kDepthMax && Array(value, depth);
      case Kind::kObject:
        return depth <= kDepthMax && Object(value, depth);
      case Kind::kDamaged:
        return false;
      default:
        return Extended(value);
    }
  }

  bool String(std::string_view text) {
    const char* from = text.data();
    const char* const end = from + text.size();
    Reserve(text.size() + 2);
    *at_++ = '"';
    while (true) {
      from = CopyPlain(from, end);
      if (from == end) break;
      Escape(static_cast<uint8_t>(*from++));
      Reserve(static_cast<size_t>(end - from) + 1);
    }
    *at_++ = '"';
    return true;
  }

  // Requires: it is finite.
  bool Double(double value) {
    Reserve(kNumberBytes);
    if (TwoPlaces(value)) return true;
    char* const text = at_;
    at_ = std::to_chars(at_, at_ + kNumberBytes, value).ptr;
    const std::string_view shortest(text, static_cast<size_t>(at_ - text));
    return shortest.find_first_of(".e") != shortest.npos || Text(".0");
  }

  // What was written is UTF-8, if this says so.
  bool IsAscii() const { return (seen_ & kHighs) == 0; }

 private:
  static constexpr size_t kNumberBytes = 40;

  void Attach(size_t size) {
    at_ = out_.data() + size;
    end_ = out_.data() + out_.size();
  }
  void Reserve(size_t bytes) {
    if (static_cast<size_t>(end_ - at_) < bytes) [[unlikely]]
      Grow(bytes);
  }
  ABSL_ATTRIBUTE_NOINLINE void Grow(size_t bytes) {
    const auto size = static_cast<size_t>(at_ - out_.data());
    out_.resize(size + std::max({bytes, size, size_t{256}}));
    Attach(size);
  }
  void Put(char c) {
    Reserve(1);
    *at_++ = c;
  }
  bool Text(std::string_view text) {
    Reserve(text.size());
    memcpy(at_, text.data(), text.size());
    at_ += text.size();
    return true;
  }

  // Up to the first byte that must be escaped; where that is. Requires: room for all.
  const char* CopyPlain(const char* from, const char* end) {
    if constexpr (std::endian::native == std::endian::little) {
      for (uint64_t w; end - from >= 8; from += 8, at_ += 8) {
        memcpy(&w, from, 8);
        memcpy(at_, &w, 8);
        seen_ |= w;
        if (const uint64_t special = Specials(w)) {
          const int plain = std::countr_zero(special) / 8;
          at_ += plain;
          return from + plain;
        }
      }
    }
    if (const auto left = static_cast<size_t>(end - from);
        std::endian::native == std::endian::little && left >= 4) {
      // The two halves meet or overlap.
      uint32_t low = 0, high = 0;
      memcpy(&low, from, 4);
      memcpy(&high, end - 4, 4);
      const uint64_t w = low | uint64_t{high} << 32;
      if (Specials(w) == 0) {
        seen_ |= w;
        memcpy(at_, &low, 4);
        memcpy(at_ + left - 4, &high, 4);
        at_ += left;
        return end;
      }
    }
    for (; from != end; ++from) {
      const auto c = static_cast<uint8_t>(*from);
      if (c < 0x20 || c == '"' || c == '\\') return from;
      seen_ |= c;
      *at_++ = *from;
    }
    return end;
  }

  void Escape(uint8_t c) {
    constexpr char kHex[] = "0123456789abcdef";
    constexpr std::string_view kShort = "\"\"\\\\\bb\ff\nn\rr\tt";
    size_t s = 0;
    while (s < kShort.size() && kShort[s] != static_cast<char>(c)) s += 2;
    if (s < kShort.size()) {
      const char text[] = {'\\', kShort[s + 1]};
      Text({text, sizeof text});
    } else {
      const char text[] = {'\\', 'u', '0', '0', kHex[c >> 4], kHex[c & 15]};
      Text({text, sizeof text});
    }
  }

  template <class T>
  bool Integer(T value) {
    Reserve(kNumberBytes);
    at_ = std::to_chars(at_, at_ + kNumberBytes, value).ptr;
    return true;
  }

  // Numbers with at most two places behind the point, such as prices: no text of so few
  // digits means another double, so theirs is the shortest. False: it is none.
  bool TwoPlaces(double value) {
    if (!(std::abs(value) < 1e5)) return false;  // larger ones may have exponents
    const auto hundredths = static_cast<int64_t>(value * 100 + (value < 0 ? -0.5 : 0.5));
    if (static_cast<double>(hundredths) / 100 != value || hundredths == 0) return false;
    const int64_t places = std::abs(hundredths) % 100;
    if (value < 0) *at_++ = '-';
    at_ = std::to_chars(at_, at_ + kNumberBytes, std::abs(hundredths) / 100).ptr;
    *at_++ = '.';
    *at_++ = static_cast<char>('0' + places / 10);
    if (places % 10 != 0) *at_++ = static_cast<char>('0' + places % 10);
    return true;
  }

  bool AnyDouble(double value) {
    if (std::isfinite(value)) return Double(value);
    return Text(std::isnan(value) ? R"({"$numberDouble":"NaN"})"
                : value < 0       ? R"({"$numberDouble":"-Infinity"})"
                                  : R"({"$numberDouble":"Infinity"})");
  }

  bool Array(const View& value, size_t depth) {
    Put('[');
    const auto offset = at_ - out_.data();
    const std::string_view body = value.body();
    const char* const end = body.data() + body.size();
    for (const char* from = body.data(); from != end; Put(','))
      if (!TakeValue(&from, end, value.names(), depth + 1)) return false;
    return Close(offset, ']');
  }

  bool Object(const View& value, size_t depth) {
    Put('{');
    const auto offset = at_ - out_.data();
    const NameTable& names = *value.names();
    const uint32_t known = names.size();
    const std::string_view body = value.body();
    const char* const end = body.data() + body.size();
    for (const char* from = body.data(); from != end; Put(',')) {
      const auto first = static_cast<uint8_t>(*from);
      if ((first & 0x81) == 0 && first / 2u < known && PreparedName(names, first / 2u)) {
        ++from;
      } else {
        const ObjectCursor field({from, static_cast<size_t>(end - from)}, &names);
        if (field.value().is_damaged()) return false;
        String(field.name());
        Put(':');
        from = field.value().bytes().data();
      }
      if (!TakeValue(&from, end, &names, depth + 1)) return false;
    }
    return Close(offset, '}');
  }

  // False: nothing is done.
  bool PreparedName(const NameTable& names, uint32_t id) {
    const NameTable::Json json = names.JsonOf(id);
    if (json.size == 0) return false;
    Reserve(json.size + NameTable::kJsonStep);
    for (size_t i = 0; i < json.size; i += NameTable::kJsonStep)
      memcpy(at_ + i, json.data + i, NameTable::kJsonStep);
    at_ += json.size;
    return true;
  }

  // The value at `*from`, and moves behind it.
  bool TakeValue(const char** from, const char* end, const NameTable* names,
                 size_t depth) {
    const View value = View::At(*from, end, names);
    *from += value.bytes().size();
    return Value(value, depth);
  }

  // In the place of the last comma, if there is one behind `offset`.
  bool Close(ptrdiff_t offset, char c) {
    if (at_ - out_.data() > offset) --at_;
    Put(c);
    return true;
  }

  bool Extended(const View& value) {
    if (value.kind() == Kind::kTimestamp)
      return Text(
          absl::StrCat(R"({"$date":")",
                       absl::FormatTime("%E4Y-%m-%dT%H:%M:%E*SZ",
                                        absl::FromUnixMicros(value.timestamp_micros()),
                                        absl::UTCTimeZone()),
                       "\"}"));
    if (value.kind() == Kind::kBytes)
      return Text(absl::StrCat(R"({"$binary":{"base64":")",
                               absl::Base64Escape(std::string(value.bytes_value())),
                               R"(","subType":"00"}})"));
    Text(R"({"$vector":[)");
    const auto offset = at_ - out_.data();
    for (const float f : value.vector_value()) {
      Reserve(kNumberBytes);
      at_ = std::to_chars(at_, at_ + kNumberBytes, f).ptr;
      Put(',');
    }
    return Close(offset, ']') && Text("}");
  }

  std::string& out_;
  char* at_ = nullptr;   // is written next
  char* end_ = nullptr;  // of the room
  uint64_t seen_ = 0;    // the bytes of strings, or'ed
};

}  // namespace

void AppendJsonString(std::string_view text, std::string* out) {
  Output(out).String(text);
}

void AppendJsonDouble(double value, std::string* out) { Output(out).Double(value); }

absl::Status AppendJson(const View& value, std::string* out) {
  const size_t before = out->size();
  bool is_whole = false, is_ascii = false;
  {
    Output output(out);
    is_whole = output.Value(value, 1);
    is_ascii = output.IsAscii();
  }
  if (!is_whole) return absl::DataLossError("stored document: a value in it is damaged");
  // Only a hostile file can hold such strings.
  if (is_ascii || IsValidUtf8(std::string_view(*out).substr(before)))
    return absl::OkStatus();
  return absl::DataLossError("stored document: a string in it is no UTF-8");
}

absl::StatusOr<std::string> BinaryToJson(std::string_view document,
                                         const NameTable& names) {
  std::string json;
  const absl::Status status = AppendJson(RootOf(document, names), &json);
  if (!status.ok()) return status;
  return json;
}

}  // namespace sheaf::document
