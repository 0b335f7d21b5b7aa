#include "document/json_codec.h"

#include <simdjson.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "document/collection_codec.h"
#include "pager/status_macros.h"

namespace sheaf::document {
namespace {

// Where the tokens of a text begin, as simdjson's first stage finds them: brackets, colons,
// commas, strings, and whatever else stands between those and white space. It has seen then
// that the text is UTF-8, that strings end, and have no control characters.
class Tokens {
 public:
  // Copies the text, with room behind it for reading ahead. False: see above.
  bool Find(std::string_view text) {
    if ((parser_ == nullptr || text.size() > parser_->capacity()) &&
        !MakeRoom(text.size()))
      return false;
    padded_.reserve(text.size() + simdjson::SIMDJSON_PADDING);
    padded_.assign(text);
    return parser_->stage1(reinterpret_cast<const uint8_t*>(padded_.data()), text.size(),
                           simdjson::stage1_mode::regular) == simdjson::SUCCESS;
  }
  // Between two texts a thread keeps memory for such as most are.
  void ForgetLong() {
    if (padded_.capacity() <= kKept) return;
    padded_ = std::string();
    parser_.reset();
  }

  const char* text() const { return padded_.data(); }
  const char* text_end() const { return padded_.data() + padded_.size(); }
  const uint32_t* begin() const { return parser_->structural_indexes.get(); }
  const uint32_t* end() const { return begin() + parser_->n_structural_indexes; }

 private:
  static constexpr size_t kKept = size_t{1} << 20;

  bool MakeRoom(size_t bytes) {
    constexpr size_t kLeast = 4096, kDepth = 1;  // the second stage is our own
    return simdjson::get_active_implementation()->create_dom_parser_implementation(
               std::max(bytes, kLeast), kDepth, parser_) == simdjson::SUCCESS;
  }

  std::unique_ptr<simdjson::internal::dom_parser_implementation> parser_;
  std::string padded_;
};

Tokens& OfThread() {
  thread_local Tokens tokens;
  return tokens;
}

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

// What may stand behind a number, true, false or null.
bool EndsToken(char c) {
  return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\n' || c == '\r' ||
         c == '\t' || c == ':';
}

// Requires: there is one; eight bytes behind it can be read. Finds a zero byte in a word, of
// which the lowest is told rightly: see "Bit Twiddling Hacks".
const char* FindQuoteOrBackslash(const char* at) {
  static_assert(std::endian::native == std::endian::little);
  constexpr uint64_t kOnes = 0x0101010101010101, kHighs = 0x8080808080808080;
  const auto zeros = [](uint64_t w) { return (w - kOnes) & ~w & kHighs; };
  for (;; at += 8) {
    uint64_t word;
    std::memcpy(&word, at, 8);
    const uint64_t found = zeros(word ^ kOnes * '"') | zeros(word ^ kOnes * '\\');
    if (found != 0) return at + std::countr_zero(found) / 8;
  }
}

// As JSON has numbers.
bool IsNumber(std::string_view token) {
  size_t at = 0;
  const auto digits = [&] {
    const size_t begin = at;
    while (at < token.size() && absl::ascii_isdigit(token[at])) ++at;
    return at - begin;
  };
  const auto has = [&](std::string_view any) {
    return at < token.size() && any.find(token[at]) != any.npos;
  };
  at += has("-");
  const bool has_zero = has("0");
  const size_t whole = digits();
  if (whole == 0 || (has_zero && whole > 1)) return false;
  if (has(".") && (++at, digits() == 0)) return false;
  if (has("eE")) {
    ++at;
    at += has("+-");
    if (digits() == 0) return false;
  }
  return at == token.size();
}

// False where the text is wrong: json.h tells better what and where. What only we refuse
// is in error().
class Reader {
 public:
  Reader(Writer* writer, size_t depth_max, const Tokens& tokens)
      : writer_(*writer),
        depth_max_(depth_max),
        text_(tokens.text()),
        text_end_(tokens.text_end()),
        next_(tokens.begin()),
        last_(tokens.end()) {}

  bool Root() {
    if (!Value(Take())) return false;
    while (!open_.empty()) {
      const bool ok = open_.back().is_object ? Fields() : Elements();
      if (!ok) return false;
    }
    return next_ == last_ && writer_.status().ok();
  }
  const std::string& error() const { return error_; }

 private:
  // An array or object that is being read. Nothing recurses, since texts nest deeper than
  // small stacks go.
  struct Open {
    bool is_object = false, is_begun = false;
  };

  // The next token's first byte, which at_ then points to; behind the last one: 0.
  char Take() {
    if (next_ == last_) {
      at_ = text_end_;
      return '\0';
    }
    at_ = text_ + *next_++;
    return *at_;
  }
  bool TakeIs(char c) { return Take() == c; }

  // What begins with the token just taken: a scalar whole, of others the beginning.
  bool Value(char first) {
    switch (first) {
      case '"':
        return String();
      case '{':
      case '[':
        return BeginInner(first == '{');
      case 't':
        return Word("true") && (writer_.Bool(true), true);
      case 'f':
        return Word("false") && (writer_.Bool(false), true);
      case 'n':
        return Word("null") && (writer_.Null(), true);
      default:
        return (first == '-' || absl::ascii_isdigit(first)) &&
               (ShortNumber() || Number());
    }
  }

  bool BeginInner(bool is_object) {
    if (open_.size() >= depth_max_) return false;
    open_.push_back({is_object, false});
    if (!is_object) writer_.BeginArray();
    return true;
  }

  bool End() {
    writer_.End();
    open_.pop_back();
    return writer_.status().ok();
  }

  // On with the innermost array, up to its end or to one inside it.
  bool Elements() {
    const size_t depth = open_.size();
    char c = Take();
    if (!std::exchange(open_.back().is_begun, true)) {
      if (c == ']') return End();
      if (!Value(c)) return false;
      if (open_.size() != depth) return true;
      c = Take();
    }
    for (;; c = Take()) {
      if (c == ']') return End();
      if (c != ',' || !Value(Take())) return false;
      if (open_.size() != depth) return true;
    }
  }

  // The same of an object.
  bool Fields() {
    const size_t depth = open_.size();
    char c = Take();
    if (!std::exchange(open_.back().is_begun, true)) {
      if (c == '}') {
        writer_.BeginObject();
        return End();
      }
      if (c != '"' || !FirstField()) return false;
      if (open_.size() != depth) return true;
      c = Take();
    }
    for (;; c = Take()) {
      if (c == '}') return End();
      if (c != ',' || Take() != '"' || !Field()) return false;
      if (open_.size() != depth) return true;
    }
  }

  // At the name's quote.
  bool Field() {
    if (!writer_.NameAsBefore({at_ + 1, text_end_})) {
      std::string_view name;
      if (!Unquote(&name_, &name)) return false;
      writer_.Name(name);
    }
    return TakeIs(':') && Value(Take());
  }

  // Which may say that it is no object.
  bool FirstField() {
    if (at_[1] == '$' || at_[1] == '\\') {
      std::string_view name;
      if (!Unquote(&name_, &name)) return false;
      const Extended extended = ExtendedOf(name);
      if (extended != Extended::kNone) return ExtendedObject(extended);
    }
    writer_.BeginObject();
    return Field();
  }

  // What the string means whose quote is at at_: in place or, if it has escapes, in `*room`.
  bool Unquote(std::string* room, std::string_view* text) {
    const char* const begin = at_ + 1;
    const char* const end = FindQuoteOrBackslash(begin);
    if (*end == '"') {
      *text = {begin, static_cast<size_t>(end - begin)};
      return true;
    }
    room->clear();
    *text = *room;
    const bool ok = UnescapeJsonString({at_, text_end_}, room);
    *text = *room;
    return ok;
  }

  bool String() {
    std::string_view text;
    if (!Unquote(&string_, &text)) return false;
    writer_.Utf8(text);
    return true;
  }

  bool Word(std::string_view word) {
    return std::string_view(at_, std::min<size_t>(word.size(), text_end_ - at_)) ==
               word &&
           AtTokenEnd(at_ + word.size());
  }
  bool AtTokenEnd(const char* at) const { return at == text_end_ || EndsToken(*at); }

  // Numbers of up to 15 digits without an exponent: their digits as an integer and the
  // power of ten under it are exact as doubles, so the quotient is the nearest to them.
  // False, and nothing is done: the long way must tell what it is.
  bool ShortNumber() {
    static constexpr double kTens[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6, 1e7,
                                       1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14};
    constexpr ptrdiff_t kDigitsMax = 15;
    const char* at = at_;
    const bool is_negative = *at == '-';
    at += is_negative;
    uint64_t all_digits = 0;  // which may be too many, and then are not used
    const auto take_digits = [&] {
      const char* const begin = at;
      for (; absl::ascii_isdigit(*at) && at - begin <= kDigitsMax; ++at)
        all_digits = all_digits * 10 + static_cast<uint64_t>(*at - '0');
      return at - begin;
    };
    const char first = *at;
    const ptrdiff_t whole = take_digits();
    if (whole == 0 || whole > kDigitsMax || (first == '0' && whole > 1)) return false;
    const bool has_point = *at == '.';
    at += has_point;
    const ptrdiff_t places = has_point ? take_digits() : 0;
    if ((has_point && places == 0) || whole + places > kDigitsMax || !AtTokenEnd(at))
      return false;
    const auto digits = static_cast<int64_t>(all_digits);
    if (has_point) {
      const double value = static_cast<double>(digits) / kTens[places];
      writer_.Double(is_negative ? -value : value);
    } else {
      writer_.Int(is_negative ? -digits : digits);
    }
    return true;
  }

  // The number at at_; empty: there is none.
  std::string_view NumberToken() const {
    std::string_view token(at_, static_cast<size_t>(text_end_ - at_));
    token = token.substr(0, token.find_first_not_of("0123456789+-.eE"));
    return IsNumber(token) && AtTokenEnd(at_ + token.size()) ? token : std::string_view();
  }

  bool Number() {
    const std::string_view token = NumberToken();
    if (token.empty()) return false;
    const char* const end = token.data() + token.size();
    if (token.find_first_of(".eE") != token.npos) {
      double d = 0;
      const auto [behind, error] = std::from_chars(token.data(), end, d);
      if (error != std::errc() || (d == 0 && HasDigits(token))) return OutOfRange(token);
      writer_.Double(d);
      return true;
    }
    if (token.starts_with('-')) {
      int64_t number = 0;
      if (std::from_chars(token.data(), end, number).ec != std::errc())
        return OutOfRange(token);
      writer_.Int(number);
      return true;
    }
    uint64_t number = 0;
    if (std::from_chars(token.data(), end, number).ec != std::errc())
      return OutOfRange(token);
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

  // An object of one field, which is not an object in the document. Behind the name.
  bool ExtendedObject(Extended extended) {
    if (!TakeIs(':') || !ExtendedValue(extended)) return false;
    const char c = Take();
    if (c == ',')
      return Refuse(
          "an object with $date, $binary, $uuid, $number… or $vector has no other field");
    open_.pop_back();
    return c == '}';
  }

  bool ExtendedValue(Extended extended) {
    switch (extended) {
      case Extended::kDate:
        return Date();
      case Extended::kBinary:
        return Binary();
      case Extended::kUuid:
        return UuidBytes();
      case Extended::kVector:
        return open_.size() < depth_max_ && Vector();
      default:
        return ExtendedNumber(extended);
    }
  }

  // A string, the next token.
  bool Text(std::string_view* text, std::string_view refusal) {
    return TakeIs('"') ? Unquote(&string_, text) : Refuse(refusal);
  }

  bool Date() {
    constexpr std::string_view kRefusal =
        "$date: expected text like \"2026-11-21T19:22:18.123Z\", or {\"$numberLong\": "
        "\"milliseconds since 1970\"}";
    const char first = Take();
    std::string_view text;
    if (first == '{') {
      int64_t millis = 0, micros = 0;
      if (open_.size() >= depth_max_) return false;
      if (!TakeIs('"')) return Refuse(kRefusal);
      if (!Unquote(&name_, &text)) return false;
      if (text != "$numberLong") return Refuse(kRefusal);
      if (!TakeIs(':') || !Text(&text, kRefusal)) return false;
      if (!TakeIs('}') || !absl::SimpleAtoi(std::string(text), &millis) ||
          __builtin_mul_overflow(millis, 1000, &micros))
        return Refuse(kRefusal);
      writer_.Timestamp(micros);
      return true;
    }
    if (first != '"') return Refuse(kRefusal);
    if (!Unquote(&string_, &text)) return false;
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

  bool Binary() {
    constexpr std::string_view kRefusal =
        "$binary: expected {\"base64\": \"…\", \"subType\": \"00\"}";
    if (!TakeIs('{')) return Refuse(kRefusal);
    if (open_.size() >= depth_max_) return false;
    std::string bytes;
    int bytes_seen = 0, types_seen = 0;
    for (char c = ','; c == ',';) {
      std::string_view name, text;
      if (!TakeIs('"')) return Refuse(kRefusal);
      if (!Unquote(&name_, &name)) return false;
      const bool is_bytes = name == "base64";
      if ((is_bytes ? ++bytes_seen : ++types_seen) > 1 ||
          !(is_bytes || name == "subType"))
        return Refuse(kRefusal);
      if (!TakeIs(':') || !Text(&text, kRefusal)) return false;
      if (is_bytes && !absl::Base64Unescape(std::string(text), &bytes))
        return Refuse(kRefusal);
      c = Take();
      if (c != ',' && c != '}') return false;
    }
    if (bytes_seen == 0) return Refuse(kRefusal);
    writer_.Bytes(bytes);
    return true;
  }

  bool UuidBytes() {
    constexpr std::string_view kRefusal =
        "$uuid: expected text like \"018f4e1c-7b1a-7c3d-9e4f-0a1b2c3d4e5f\"";
    std::string_view text;
    if (!Text(&text, kRefusal)) return false;
    const std::optional<Uuid> uuid = ParseUuid(text);
    if (!uuid.has_value()) return Refuse(kRefusal);
    writer_.Bytes({reinterpret_cast<const char*>(uuid->data()), uuid->size()});
    return true;
  }

  bool ExtendedNumber(Extended extended) {
    constexpr std::string_view kRefusal =
        "$numberInt, $numberLong and $numberDouble: expected the number as text";
    std::string_view text;
    if (!Text(&text, kRefusal)) return false;
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

  bool Vector() {
    constexpr std::string_view kRefusal = "$vector: expected an array of numbers";
    if (!TakeIs('[')) return Refuse(kRefusal);
    std::vector<float> floats;
    char c = Take();
    while (c != ']') {
      const std::string_view token = NumberToken();
      double d = 0;  // also of what is too small for one: 0
      if (token.empty() || !absl::SimpleAtod(std::string(token), &d))
        return Refuse(kRefusal);
      if (std::abs(d) > std::numeric_limits<float>::max())
        return Refuse("$vector: a number is out of a float's range");
      floats.push_back(static_cast<float>(d));
      c = Take();
      if (c == ',' ? (c = Take()) == ']' : c != ']') return Refuse(kRefusal);
    }
    writer_.Vector(floats);
    return true;
  }

  Writer& writer_;
  const size_t depth_max_;
  const char* const text_;
  const char* const text_end_;
  const uint32_t* next_;  // where the next token is
  const uint32_t* const last_;
  const char* at_ = nullptr;   // where the one taken is
  std::string name_, string_;  // with escapes resolved
  absl::InlinedVector<Open, 8> open_;
  std::string error_;
};

}  // namespace

absl::StatusOr<std::string> JsonToBinary(std::string_view text, NameTable* names,
                                         const JsonLimits& limits) {
  Tokens& tokens = OfThread();
  Writer writer(names);
  std::string error;
  bool ok = text.size() <= limits.bytes_max && text.substr(0, 3) != "\xEF\xBB\xBF" &&
            tokens.Find(text);
  if (ok) {
    writer.Reserve(text.size());
    Reader reader(&writer, std::min(limits.depth_max, kDepthMax), tokens);
    ok = reader.Root();
    if (!ok) error = reader.error();
  }
  tokens.ForgetLong();
  if (ok) return writer.Finish();
  // Once more, for the words: which byte, and what was expected there.
  SHEAF_RETURN_IF_ERROR(MinifyJson(text, limits).status());
  SHEAF_RETURN_IF_ERROR(writer.status());
  return absl::InvalidArgumentError(
      error.empty() ? "it is no JSON that a document can hold" : error);
}

}  // namespace sheaf::document
