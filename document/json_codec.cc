#include "document/json_codec.h"

#include <simdjson.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
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

// --- Reading ----------------------------------------------------------------

enum class Extended { kNone, kDate, kBinary, kInt, kLong, kDouble, kVector };

Extended ExtendedOf(std::string_view name) {
  if (!name.starts_with('$')) return Extended::kNone;
  if (name == "$date") return Extended::kDate;
  if (name == "$binary") return Extended::kBinary;
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
  Reader(Writer* writer, size_t depth_max) : writer_(*writer), depth_max_(depth_max) {}

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

  // A scalar whole; of others the beginning.
  bool Begin(ondemand::value value) {
    ondemand::json_type type;
    if (value.type().get(type)) return false;
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
    ondemand::value value;
    return !(*open->element).get(value) && Begin(value);
  }

  bool NextField(Open* open) {
    const bool is_first = !std::exchange(open->is_begun, true);
    if (AtEnd(open->field)) {
      if (is_first) writer_.BeginObject();
      return End();
    }
    ondemand::field field;
    std::string_view name;
    if ((*open->field).get(field) || field.unescaped_key().get(name)) return false;
    if (is_first) {
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
          "an object with $date, $binary, $number… or $vector has no other field");
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
  std::vector<Open> open_;
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
  Reader reader(&writer, std::min(limits.depth_max, kDepthMax));
  bool ok = text.size() <= limits.bytes_max && text.substr(0, 3) != "\xEF\xBB\xBF";
  if (ok) {
    padded.reserve(text.size() + simdjson::SIMDJSON_PADDING);
    padded.assign(text);
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

// --- Writing ----------------------------------------------------------------

void AppendJsonString(std::string_view text, std::string* out) {
  constexpr char kHex[] = "0123456789abcdef";
  out->push_back('"');
  size_t plain = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<uint8_t>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') [[likely]]
      continue;
    out->append(text.substr(plain, i - plain));
    plain = i + 1;
    constexpr std::string_view kShort = "\"\"\\\\\bb\ff\nn\rr\tt";
    size_t s = 0;
    while (s < kShort.size() && kShort[s] != text[i]) s += 2;
    out->push_back('\\');
    if (s < kShort.size())
      out->push_back(kShort[s + 1]);
    else
      out->append({'u', '0', '0', kHex[c >> 4], kHex[c & 15]});
  }
  out->append(text.substr(plain));
  out->push_back('"');
}

void AppendJsonDouble(double value, std::string* out) {
  char text[32];
  const std::to_chars_result end = std::to_chars(text, text + sizeof text, value);
  const std::string_view shortest(text, static_cast<size_t>(end.ptr - text));
  out->append(shortest);
  if (shortest.find_first_of(".e") == std::string_view::npos) out->append(".0");
}

namespace {

void AppendDouble(double value, std::string* out) {
  if (std::isfinite(value)) return AppendJsonDouble(value, out);
  absl::StrAppend(out, "{\"$numberDouble\":\"",
                  std::isnan(value) ? "NaN"
                  : value < 0       ? "-Infinity"
                                    : "Infinity",
                  "\"}");
}

void AppendVector(const View& value, std::string* out) {
  out->append("{\"$vector\":[");
  bool is_first = true;
  for (const float f : value.vector_value()) {
    if (!std::exchange(is_first, false)) out->push_back(',');
    char text[32];
    out->append(text, std::to_chars(text, text + sizeof text, f).ptr);
  }
  out->append("]}");
}

absl::Status Append(const View& value, size_t depth, std::string* out) {
  switch (value.kind()) {
    case Kind::kNull:
      out->append("null");
      return absl::OkStatus();
    case Kind::kBool:
      out->append(value.bool_value() ? "true" : "false");
      return absl::OkStatus();
    case Kind::kInt:
      absl::StrAppend(out, value.int_value());
      return absl::OkStatus();
    case Kind::kUint:
      absl::StrAppend(out, value.uint_value());
      return absl::OkStatus();
    case Kind::kDouble:
      AppendDouble(value.double_value(), out);
      return absl::OkStatus();
    case Kind::kTimestamp:
      absl::StrAppend(out, "{\"$date\":\"",
                      absl::FormatTime("%E4Y-%m-%dT%H:%M:%E*SZ",
                                       absl::FromUnixMicros(value.timestamp_micros()),
                                       absl::UTCTimeZone()),
                      "\"}");
      return absl::OkStatus();
    case Kind::kString:
      AppendJsonString(value.string_value(), out);
      return absl::OkStatus();
    case Kind::kBytes:
      absl::StrAppend(out, "{\"$binary\":{\"base64\":\"",
                      absl::Base64Escape(std::string(value.bytes_value())),
                      "\",\"subType\":\"00\"}}");
      return absl::OkStatus();
    case Kind::kVector:
      AppendVector(value, out);
      return absl::OkStatus();
    case Kind::kDamaged:
      break;
    case Kind::kArray:
    case Kind::kObject: {
      if (depth > kDepthMax) break;
      const bool is_object = value.kind() == Kind::kObject;
      out->push_back(is_object ? '{' : '[');
      if (is_object) {
        for (ObjectCursor c = value.fields(); c.Valid(); c.Next()) {
          if (c.value().is_damaged()) return Append(c.value(), depth + 1, out);
          AppendJsonString(c.name(), out);
          out->push_back(':');
          SHEAF_RETURN_IF_ERROR(Append(c.value(), depth + 1, out));
          out->push_back(',');
        }
      } else {
        for (ArrayCursor c = value.elements(); c.Valid(); c.Next()) {
          SHEAF_RETURN_IF_ERROR(Append(c.value(), depth + 1, out));
          out->push_back(',');
        }
      }
      if (out->back() == ',') out->pop_back();
      out->push_back(is_object ? '}' : ']');
      return absl::OkStatus();
    }
  }
  return absl::DataLossError("stored document: a value in it is damaged");
}

}  // namespace

absl::Status AppendJson(const View& value, std::string* out) {
  const size_t before = out->size();
  SHEAF_RETURN_IF_ERROR(Append(value, 1, out));
  // Only a hostile file can hold such strings.
  if (IsValidUtf8(std::string_view(*out).substr(before))) return absl::OkStatus();
  return absl::DataLossError("stored document: a string in it is no UTF-8");
}

absl::StatusOr<std::string> BinaryToJson(std::string_view document,
                                         const NameTable& names) {
  std::string json;
  SHEAF_RETURN_IF_ERROR(AppendJson(RootOf(document, names), &json));
  return json;
}

}  // namespace sheaf::document
