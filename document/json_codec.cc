#include "document/json_codec.h"

#include <simdjson.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "document/collection_codec.h"
#include "pager/status_macros.h"

namespace sheaf::document {
namespace {

namespace ondemand = simdjson::ondemand;

// Texts are copied with room behind them for simdjson to read into.
struct Parser {
  ondemand::parser parser;
  std::string padded;
};
Parser& OfThread() {
  thread_local Parser parser;
  return parser;
}
constexpr size_t kPaddedKept = size_t{1} << 20;  // between two texts

enum class Extended { kNone, kDate, kBinary, kUuid, kInt, kLong, kDouble, kVector };

Extended ExtendedOf(std::string_view name) {
  if (!name.starts_with('$')) return Extended::kNone;
  if (name == "$date") return Extended::kDate;
  if (name == "$binary") return Extended::kBinary;
  if (name == "$uuid") return Extended::kUuid;
  if (name == "$numberInt") return Extended::kInt;
  if (name == "$numberLong") return Extended::kLong;
  if (name == "$numberDouble") return Extended::kDouble;
  if (name == "$vector") return Extended::kVector;
  return Extended::kNone;
}

// False where the text is wrong: json.h tells better what and where. What only we refuse
// is in error().
class Reader {
 public:
  // `end`: of the room that the text is in.
  Reader(Writer* writer, size_t depth_max, const char* end)
      : writer_(*writer), depth_max_(depth_max), end_(end) {}

  bool Root(ondemand::document& document) {
    ondemand::json_type type;
    if (document.type().get(type)) return false;
    bool ok = false;
    if (type == ondemand::json_type::array || type == ondemand::json_type::object) {
      ondemand::value value;
      ok = !document.get_value().get(value) && Begin(value) && Contents();
    } else {
      ok = Scalar(document, type);
    }
    return ok && document.current_location().error() == simdjson::OUT_OF_BOUNDS;
  }
  const std::string& error() const { return error_; }

 private:
  // An array or object that is being read: where it is. Nothing recurses, since texts
  // nest deeper than small stacks go.
  struct Open {
    simdjson::simdjson_result<ondemand::array_iterator> element;
    simdjson::simdjson_result<ondemand::object_iterator> field;
    bool is_object = false, is_begun = false;
  };

  template <class Iterator>
  static bool AtEnd(const Iterator& iterator) {
    return iterator == Iterator();  // which it does not look at
  }

  // A scalar whole; of others the beginning. By reference: simdjson's values are copied in
  // pieces of other sizes than they were written, for which the processor waits.
  bool Begin(ondemand::value& value) {
    ondemand::json_type type;
    if (value.type().get(type)) return false;
    // What is not consumed is passed over.
    if (type == ondemand::json_type::number && ShortNumber(value.raw_json_token()))
      return true;
    const bool is_object = type == ondemand::json_type::object;
    if (!is_object && type != ondemand::json_type::array) return Scalar(value, type);
    if (open_.size() >= depth_max_) return false;
    Open open;
    open.is_object = is_object;
    if (is_object) {
      ondemand::object object;
      if (value.get_object().get(object)) return false;
      open.field = object.begin();
    } else {
      ondemand::array array;
      if (value.get_array().get(array)) return false;
      open.element = array.begin();
      writer_.BeginArray();
    }
    open_.push_back(open);
    return true;
  }

  bool Contents() {
    while (!open_.empty()) {
      Open& open = open_.back();
      if (open.is_begun) open.is_object ? void(++open.field) : void(++open.element);
      const bool ok = open.is_object ? NextField(&open) : NextElement(&open);
      if (!ok) return false;
    }
    return writer_.status().ok();
  }

  bool NextElement(Open* open) {
    open->is_begun = true;
    if (AtEnd(open->element)) return End();
    auto value = *open->element;
    return !value.error() && Begin(value.value_unsafe());
  }

  bool NextField(Open* open) {
    const bool is_first = !std::exchange(open->is_begun, true);
    if (AtEnd(open->field)) {
      if (is_first) writer_.BeginObject();
      return End();
    }
    auto result = *open->field;
    if (result.error()) return false;
    ondemand::field& field = result.value_unsafe();
    const char* const raw = field.key().raw();
    if (is_first && *raw != '$' && *raw != '\\') writer_.BeginObject();
    if (*raw != '$' && writer_.NameAsBefore({raw, end_})) return Begin(field.value());
    std::string_view name;
    if (field.unescaped_key().get(name)) return false;
    if (is_first && (*raw == '$' || *raw == '\\')) {
      const Extended extended = ExtendedOf(name);
      if (extended != Extended::kNone) return ExtendedObject(open, field, extended);
      writer_.BeginObject();
    }
    writer_.Name(name);
    return Begin(field.value());
  }

  bool End() {
    writer_.End();
    open_.pop_back();
    return writer_.status().ok();
  }

  template <class V>
  bool Scalar(V& value, ondemand::json_type type) {
    switch (type) {
      case ondemand::json_type::string: {
        std::string_view text;
        if (value.get_string().get(text)) return false;
        writer_.String(text);
        return true;
      }
      case ondemand::json_type::number:
        return Number(value);
      case ondemand::json_type::boolean: {
        bool b = false;
        if (value.get_bool().get(b)) return false;
        writer_.Bool(b);
        return true;
      }
      default: {
        bool is_null = false;
        if (value.is_null().get(is_null) || !is_null) return false;
        writer_.Null();
        return true;
      }
    }
  }

  // Numbers of up to 15 digits without an exponent: their digits as an integer and the
  // power of ten under it are exact as doubles, so the quotient is the nearest to them.
  // False, and nothing is done: the long way must tell what it is.
  bool ShortNumber(std::string_view token) {
    static constexpr double kTens[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6, 1e7,
                                       1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14};
    constexpr ptrdiff_t kDigitsMax = 15;
    const char* at = token.data();
    const char* const end = at + std::min<size_t>(token.size(), 64);
    const bool is_negative = at != end && *at == '-';
    at += is_negative;
    uint64_t all_digits = 0;  // which may be too many, and then are not used
    const auto take_digits = [&] {
      const char* const begin = at;
      for (; at != end && *at >= '0' && *at <= '9' && at - begin <= kDigitsMax; ++at)
        all_digits = all_digits * 10 + static_cast<uint64_t>(*at - '0');
      return at - begin;
    };
    const char first = at == end ? '\0' : *at;
    const ptrdiff_t whole = take_digits();
    if (whole == 0 || whole > kDigitsMax || (first == '0' && whole > 1)) return false;
    const bool has_point = at != end && *at == '.';
    at += has_point;
    const ptrdiff_t places = has_point ? take_digits() : 0;
    if ((has_point && places == 0) || whole + places > kDigitsMax) return false;
    while (at != end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) ++at;
    if (at != token.data() + token.size()) return false;
    const auto digits = static_cast<int64_t>(all_digits);
    if (has_point) {
      const double value = static_cast<double>(digits) / kTens[places];
      writer_.Double(is_negative ? -value : value);
    } else {
      writer_.Int(is_negative ? -digits : digits);
    }
    return true;
  }

  template <class V>
  bool Number(V& value) {
    std::string_view token;
    if constexpr (requires { value.raw_json_token().length(); })
      token = value.raw_json_token();
    else if (value.raw_json_token().get(token))
      return false;
    // What is behind it, up to the next token, belongs to it here.
    const size_t end = token.find_first_not_of("0123456789+-.eE");
    token = token.substr(0, end);
    if (token.find_first_of(".eE") != token.npos) {
      // It checks the grammar and moves on. Its value is not taken: simdjson 3.0 reads
      // long fractions wrongly.
      double d = 0;
      if (value.get_double().get(d)) return OutOfRange(token);
      const auto [end, error] =
          std::from_chars(token.data(), token.data() + token.size(), d);
      if (error != std::errc() || (d == 0 && HasDigits(token))) return OutOfRange(token);
      writer_.Double(d);
      return true;
    }
    if (token.starts_with('-')) {
      int64_t number = 0;
      if (value.get_int64().get(number)) return OutOfRange(token);
      writer_.Int(number);
      return true;
    }
    uint64_t number = 0;
    if (value.get_uint64().get(number)) return OutOfRange(token);
    writer_.Uint(number);
    return true;
  }

  static bool HasDigits(std::string_view number) {  // other than zeros
    return number.substr(0, number.find_first_of("eE")).find_first_of("123456789") !=
           std::string_view::npos;
  }

  bool OutOfRange(std::string_view token) {
    error_ = absl::StrCat("the number ", std::string(token.substr(0, 40)),
                          token.size() > 40 ? "…" : "",
                          " is out of range: integers have 64 bits, others are doubles; "
                          "a string holds any");
    return false;
  }

  bool Refuse(std::string_view what) {
    error_ = std::string(what);
    return false;
  }

  // An object of one field, which is not an object in the document.
  bool ExtendedObject(Open* open, ondemand::field field, Extended extended) {
    if (!ExtendedValue(field.value(), extended)) return false;
    ++open->field;
    if (!AtEnd(open->field)) {
      return Refuse(
          "an object with $date, $binary, $uuid, $number… or $vector has no other field");
    }
    open_.pop_back();
    return true;
  }

  bool ExtendedValue(ondemand::value value, Extended extended) {
    switch (extended) {
      case Extended::kDate:
        return Date(value);
      case Extended::kBinary:
        return Binary(value);
      case Extended::kUuid:
        return UuidBytes(value);
      case Extended::kVector:
        return open_.size() < depth_max_ && Vector(value);
      default:
        return ExtendedNumber(value, extended);
    }
  }

  bool Text(ondemand::value value, std::string_view* text, std::string_view refusal) {
    ondemand::json_type type;
    if (value.type().get(type)) return false;
    if (type != ondemand::json_type::string) return Refuse(refusal);
    return !value.get_string().get(*text);
  }

  bool Date(ondemand::value value) {
    constexpr std::string_view kRefusal =
        "$date: expected text like \"2026-11-21T19:22:18.123Z\", or {\"$numberLong\": "
        "\"milliseconds since 1970\"}";
    ondemand::json_type type;
    if (value.type().get(type)) return false;
    std::string_view text;
    if (type == ondemand::json_type::object) {
      ondemand::object object;
      int64_t millis = 0, micros = 0;
      int fields = 0;
      if (value.get_object().get(object)) return false;
      for (auto field : object) {
        std::string_view name;
        ondemand::value inner;
        if (field.unescaped_key().get(name)) return false;
        const bool is_millis = name == "$numberLong" && ++fields == 1;
        if (!is_millis) return Refuse(kRefusal);
        if (field.value().get(inner) || !Text(inner, &text, kRefusal)) return false;
        if (!absl::SimpleAtoi(std::string(text), &millis)) return Refuse(kRefusal);
      }
      if (fields == 0 || __builtin_mul_overflow(millis, 1000, &micros))
        return Refuse(kRefusal);
      writer_.Timestamp(micros);
      return true;
    }
    if (!Text(value, &text, kRefusal)) return false;
    absl::Time time;
    std::string error;
    if (!absl::ParseTime(absl::RFC3339_full, std::string(text), &time, &error) ||
        time == absl::InfiniteFuture() || time == absl::InfinitePast())
      return Refuse(kRefusal);
    const int64_t micros = absl::ToUnixMicros(time);
    if (absl::FromUnixMicros(micros) != time && absl::ToUnixNanos(time) % 1000 == 0)
      return Refuse("$date: is out of range");
    writer_.Timestamp(micros);
    return true;
  }

  bool Binary(ondemand::value value) {
    constexpr std::string_view kRefusal =
        "$binary: expected {\"base64\": \"…\", \"subType\": \"00\"}";
    ondemand::json_type type;
    if (value.type().get(type)) return false;
    if (type != ondemand::json_type::object) return Refuse(kRefusal);
    ondemand::object object;
    std::string_view text;
    std::string bytes;
    int bytes_seen = 0, types_seen = 0;
    if (value.get_object().get(object)) return false;
    for (auto field : object) {
      std::string_view name;
      ondemand::value inner;
      if (field.unescaped_key().get(name)) return false;
      const bool is_bytes = name == "base64";
      if ((is_bytes ? ++bytes_seen : ++types_seen) > 1 ||
          !(is_bytes || name == "subType"))
        return Refuse(kRefusal);
      if (field.value().get(inner) || !Text(inner, &text, kRefusal)) return false;
      if (is_bytes && !absl::Base64Unescape(std::string(text), &bytes))
        return Refuse(kRefusal);
    }
    if (bytes_seen == 0) return Refuse(kRefusal);
    writer_.Bytes(bytes);
    return true;
  }

  bool UuidBytes(ondemand::value value) {
    constexpr std::string_view kRefusal =
        "$uuid: expected text like \"018f4e1c-7b1a-7c3d-9e4f-0a1b2c3d4e5f\"";
    std::string_view text;
    if (!Text(value, &text, kRefusal)) return false;
    const std::optional<Uuid> uuid = ParseUuid(text);
    if (!uuid.has_value()) return Refuse(kRefusal);
    writer_.Bytes({reinterpret_cast<const char*>(uuid->data()), uuid->size()});
    return true;
  }

  bool ExtendedNumber(ondemand::value value, Extended extended) {
    constexpr std::string_view kRefusal =
        "$numberInt, $numberLong and $numberDouble: expected the number as text";
    std::string_view text;
    if (!Text(value, &text, kRefusal)) return false;
    int64_t number = 0;
    if (extended != Extended::kDouble) {
      if (!absl::SimpleAtoi(std::string(text), &number) ||
          (extended == Extended::kInt && number != static_cast<int32_t>(number)))
        return Refuse(kRefusal);
      writer_.Int(number);
      return true;
    }
    if (text == "NaN" || text == "Infinity" || text == "-Infinity") {
      constexpr double kInfinity = std::numeric_limits<double>::infinity();
      writer_.Double(text == "NaN"    ? std::nan("")
                     : text[0] == '-' ? -kInfinity
                                      : kInfinity);
      return true;
    }
    double d = 0;
    if (!absl::SimpleAtod(std::string(text), &d) || !std::isfinite(d))
      return Refuse(kRefusal);
    writer_.Double(d);
    return true;
  }

  bool Vector(ondemand::value value) {
    constexpr std::string_view kRefusal = "$vector: expected an array of numbers";
    ondemand::json_type type;
    if (value.type().get(type)) return false;
    if (type != ondemand::json_type::array) return Refuse(kRefusal);
    ondemand::array array;
    if (value.get_array().get(array)) return false;
    std::vector<float> floats;
    for (auto element : array) {
      double d = 0;
      ondemand::value number;
      if (element.get(number)) return false;
      if (number.get_double().get(d)) return Refuse(kRefusal);
      if (std::abs(d) > std::numeric_limits<float>::max())
        return Refuse("$vector: a number is out of a float's range");
      floats.push_back(static_cast<float>(d));
    }
    writer_.Vector(floats);
    return true;
  }

  Writer& writer_;
  const size_t depth_max_;
  const char* const end_;
  absl::InlinedVector<Open, 8> open_;
  std::string error_;
};

}  // namespace

namespace {

// simdjson 3.0 passes over what stands right behind a text that is only "false".
bool IsFalseAndMore(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n", kFalse = "false";
  const size_t at = text.find_first_not_of(kSpace);
  return at != text.npos && text.substr(at, kFalse.size()) == kFalse &&
         text.find_first_not_of(kSpace, at + kFalse.size()) != text.npos;
}

}  // namespace

absl::StatusOr<std::string> JsonToBinary(std::string_view text, NameTable* names,
                                         const JsonLimits& limits) {
  Parser& of_thread = OfThread();
  std::string& padded = of_thread.padded;
  Writer writer(names);
  bool ok = text.size() <= limits.bytes_max && text.substr(0, 3) != "\xEF\xBB\xBF";
  if (ok) {
    padded.reserve(text.size() + simdjson::SIMDJSON_PADDING);
    padded.assign(text);
    writer.Reserve(text.size());
  }
  Reader reader(&writer, std::min(limits.depth_max, kDepthMax),
                padded.data() + padded.size());
  if (ok) {
    ondemand::document document;
    ok = !of_thread.parser.iterate(padded.data(), text.size(), padded.capacity())
              .get(document) &&
         reader.Root(document) && !IsFalseAndMore(text);
  }
  if (padded.capacity() > kPaddedKept) padded = std::string();
  if (ok) return writer.Finish();
  // Once more, for the words: which byte, and what was expected there.
  SHEAF_RETURN_IF_ERROR(MinifyJson(text, limits).status());
  SHEAF_RETURN_IF_ERROR(writer.status());
  return absl::InvalidArgumentError(
      reader.error().empty() ? "it is no JSON that a document can hold" : reader.error());
}

}  // namespace sheaf::document
