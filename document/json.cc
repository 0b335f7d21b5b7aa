#include "document/json.h"

#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace sheaf::document {
namespace {

// How many bytes the character at the front of `text` has; 0 when it is not
// UTF-8: overlong, a surrogate, above U+10FFFF, or cut off.
size_t Utf8Length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  if (text.empty()) return 0;
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  const size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  if (lead == 0xE0 && byte(1) < 0xA0) return 0;
  if (lead == 0xED && byte(1) > 0x9F) return 0;
  if (lead == 0xF0 && byte(1) < 0x90) return 0;
  if (lead == 0xF4 && byte(1) > 0x8F) return 0;
  return length;
}

// Requires: `text` is not valid UTF-8.
size_t FirstInvalidUtf8(std::string_view text) {
  size_t position = 0;
  while (const size_t length = Utf8Length(text.substr(position))) position += length;
  return position;
}

void AppendUtf8(std::string* out, uint32_t code) {
  const auto put = [out](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6), put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12), put(0x80 | (code >> 6 & 0x3F)), put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18), put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F)), put(0x80 | (code & 0x3F));
  }
}

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
// What ends a plain stretch of a string.
bool IsSpecial(char c) { return c == '"' || c == '\\' || static_cast<uint8_t>(c) < 0x20; }

// Whether any of eight bytes is special: finds a byte below n in a word, see
// "Bit Twiddling Hacks". Never misses one.
bool HasSpecial(const char* eight) {
  constexpr uint64_t kOnes = 0x0101010101010101, kHighs = 0x8080808080808080;
  uint64_t word;
  memcpy(&word, eight, sizeof word);
  const auto has_below = [](uint64_t w, uint64_t n) { return (w - kOnes * n) & ~w; };
  return ((has_below(word, 0x20) | has_below(word ^ kOnes * '"', 1) |
           has_below(word ^ kOnes * '\\', 1)) &
          kHighs) != 0;
}

// One pass over a text. It does not look whether bytes above 0x7F are UTF-8.
class Scanner {
 public:
  Scanner(std::string_view text, size_t depth_max, std::string* out)
      : text_(text), depth_max_(depth_max), out_(out) {}

  bool Run();
  // The string at the beginning.
  bool Unescape(std::string* out) {
    bool has_escapes = false;
    return At('"') && String(out, &has_escapes);
  }

  // After Run returned false.
  size_t error_position() const { return error_position_; }
  const std::string& error() const { return error_; }

 private:
  // What has to come, white space aside.
  enum class Next {
    kValue,
    kValueOrEnd,  // after '['
    kKey,
    kKeyOrEnd,  // after '{'
    kCommaOrEnd,
    kEndOfText,
    kDone,
    kError,
  };
  struct Key {
    uint32_t position;   // of the opening quote
    uint32_t size;       // without quotes, escapes resolved
    uint32_t unescaped;  // where it begins in unescaped_; kPlain: it is in text_
  };
  static constexpr uint32_t kPlain = std::numeric_limits<uint32_t>::max();
  struct Container {
    bool is_object;
    uint32_t first_key;        // in keys_
    uint32_t first_unescaped;  // in unescaped_
  };

  bool At(char c) const { return at_ < text_.size() && text_[at_] == c; }
  Next Fail(size_t position, std::string what);
  Next Expected(std::string_view what);
  std::string Found() const;

  void SkipSpace();
  void DropSpace();  // Requires: at white space.
  Next Step(Next next);
  Next Value();
  Next Open(bool is_object);
  Next Close();
  Next KeyAndColon();
  Next CommaOrEnd();
  Next AfterValue() const { return open_.empty() ? Next::kEndOfText : Next::kCommaOrEnd; }
  bool Literal(std::string_view word);
  bool Number();
  bool Digits();
  void SkipPlain();
  bool String(std::string* unescaped, bool* has_escapes);
  bool Escape(std::string* unescaped);
  bool UnicodeEscape(std::string* unescaped);
  bool FourHex(uint32_t* value);

  std::string_view Name(const Key& key) const;
  bool CheckDuplicates(Key* begin, Key* end);

  const std::string_view text_;
  const size_t depth_max_;
  std::string* const out_;
  size_t at_ = 0;    // next byte to look at
  size_t kept_ = 0;  // what of text_ is in out_ or dropped
  absl::InlinedVector<Container, 16> open_;
  absl::InlinedVector<Key, 32> keys_;  // of the open objects
  std::string unescaped_;
  size_t error_position_ = 0;
  std::string error_;
};

Scanner::Next Scanner::Fail(size_t position, std::string what) {
  error_position_ = position;
  error_ = std::move(what);
  return Next::kError;
}

std::string Scanner::Found() const {
  if (at_ >= text_.size()) return "the end of the text";
  const std::string_view rest = text_.substr(at_);
  const size_t length = Utf8Length(rest);
  const uint8_t byte = static_cast<uint8_t>(rest[0]);
  if (length == 0 || byte < 0x20 || byte == 0x7F)
    return absl::StrFormat("byte 0x%02X", byte);
  return "'" + std::string(rest.substr(0, length)) + "'";
}

Scanner::Next Scanner::Expected(std::string_view what) {
  return Fail(at_, "expected " + std::string(what) + ", found " + Found());
}

void Scanner::SkipSpace() {
  if (at_ < text_.size() && IsSpace(text_[at_])) DropSpace();
}

void Scanner::DropSpace() {
  out_->append(text_.substr(kept_, at_ - kept_));
  size_t at = at_ + 1;
  while (at < text_.size() && IsSpace(text_[at])) ++at;
  kept_ = at_ = at;
}

bool Scanner::Run() {
  out_->reserve(text_.size());
  Next next = Next::kValue;
  if (text_.substr(0, 3) == "\xEF\xBB\xBF") {
    next = Fail(0, "a byte order mark does not belong in JSON");
  }
  while (next != Next::kDone && next != Next::kError) {
    SkipSpace();
    next = Step(next);
  }
  out_->append(text_.substr(kept_, at_ - kept_));
  return next == Next::kDone;
}

Scanner::Next Scanner::Step(Next next) {
  switch (next) {
    case Next::kValue:
      return Value();
    case Next::kValueOrEnd:
      return At(']') ? Close() : Value();
    case Next::kKey:
      return KeyAndColon();
    case Next::kKeyOrEnd:
      return At('}') ? Close() : KeyAndColon();
    case Next::kCommaOrEnd:
      return CommaOrEnd();
    case Next::kEndOfText:
      return at_ == text_.size() ? Next::kDone
                                 : Expected("nothing more after the document");
    case Next::kDone:
    case Next::kError:
      break;
  }
  return next;
}

Scanner::Next Scanner::Value() {
  if (at_ == text_.size()) return Expected("a value");
  bool has_escapes, ok;
  switch (text_[at_]) {
    case '{':
      return Open(true);
    case '[':
      return Open(false);
    case '"':
      ok = String(nullptr, &has_escapes);
      break;
    case 't':
      ok = Literal("true");
      break;
    case 'f':
      ok = Literal("false");
      break;
    case 'n':
      ok = Literal("null");
      break;
    default:
      if (text_[at_] != '-' && !IsDigit(text_[at_])) return Expected("a value");
      ok = Number();
  }
  return ok ? AfterValue() : Next::kError;
}

Scanner::Next Scanner::Open(bool is_object) {
  if (open_.size() >= depth_max_) {
    return Fail(at_, absl::StrCat("nested more than ", depth_max_, " deep"));
  }
  open_.push_back({is_object, static_cast<uint32_t>(keys_.size()),
                   static_cast<uint32_t>(unescaped_.size())});
  ++at_;
  return is_object ? Next::kKeyOrEnd : Next::kValueOrEnd;
}

// Requires: at the bracket that ends the innermost container.
Scanner::Next Scanner::Close() {
  const Container& inner = open_.back();
  if (inner.is_object) {
    if (!CheckDuplicates(keys_.data() + inner.first_key, keys_.data() + keys_.size())) {
      return Next::kError;
    }
    keys_.resize(inner.first_key);
    unescaped_.resize(inner.first_unescaped);
  }
  open_.pop_back();
  ++at_;
  return AfterValue();
}

Scanner::Next Scanner::KeyAndColon() {
  if (!At('"')) return Expected("a key in quotes");
  const size_t begin = at_, unescaped = unescaped_.size();
  bool has_escapes = false;
  if (!String(&unescaped_, &has_escapes)) return Next::kError;
  Key key{static_cast<uint32_t>(begin), static_cast<uint32_t>(at_ - begin - 2), kPlain};
  if (has_escapes) {
    key.size = static_cast<uint32_t>(unescaped_.size() - unescaped);
    key.unescaped = static_cast<uint32_t>(unescaped);
  }
  keys_.push_back(key);
  SkipSpace();
  if (!At(':')) return Expected("':' after a key");
  ++at_;
  return Next::kValue;
}

Scanner::Next Scanner::CommaOrEnd() {
  const bool is_object = open_.back().is_object;
  if (At(is_object ? '}' : ']')) return Close();
  if (!At(',')) {
    return Expected(is_object ? "',' or '}' after a value" : "',' or ']' after a value");
  }
  ++at_;
  return is_object ? Next::kKey : Next::kValue;
}

bool Scanner::Literal(std::string_view word) {
  if (text_.substr(at_, word.size()) != word) {
    Expected("a value");
    return false;
  }
  at_ += word.size();
  return true;
}

// Moves over at least one digit.
bool Scanner::Digits() {
  if (at_ == text_.size() || !IsDigit(text_[at_])) {
    Expected("a digit");
    return false;
  }
  size_t at = at_ + 1;
  while (at < text_.size() && IsDigit(text_[at])) ++at;
  at_ = at;
  return true;
}

bool Scanner::Number() {
  if (At('-')) ++at_;
  if (At('0')) {
    ++at_;
    if (at_ < text_.size() && IsDigit(text_[at_])) {
      Expected("no digit after a leading 0");
      return false;
    }
  } else if (!Digits()) {
    return false;
  }
  if (At('.')) {
    ++at_;
    if (!Digits()) return false;
  }
  if (At('e') || At('E')) {
    ++at_;
    if (At('+') || At('-')) ++at_;
    if (!Digits()) return false;
  }
  return true;
}

void Scanner::SkipPlain() {
  const char* const end = text_.data() + text_.size();
  const char* p = text_.data() + at_;
  while (end - p >= 8 && !HasSpecial(p)) p += 8;
  while (p < end && !IsSpecial(*p)) ++p;
  at_ = static_cast<size_t>(p - text_.data());
}

// Requires: at the opening quote. Appends what the string says to `unescaped`
// only if `has_escapes` comes out true.
bool Scanner::String(std::string* unescaped, bool* has_escapes) {
  const size_t quote = at_++;
  *has_escapes = false;
  while (true) {
    const size_t plain = at_;
    SkipPlain();
    const bool at_escape = At('\\');
    if (unescaped != nullptr && (*has_escapes || at_escape)) {
      unescaped->append(text_.substr(plain, at_ - plain));
    }
    if (!at_escape) break;
    *has_escapes = true;
    if (!Escape(unescaped)) return false;
  }
  if (At('"')) {
    ++at_;
    return true;
  }
  if (at_ == text_.size()) {
    Fail(at_, absl::StrCat("the string that begins at byte ", quote, " does not end"));
  } else {
    Fail(at_, absl::StrFormat("control character 0x%02X must be escaped in a string",
                              static_cast<uint8_t>(text_[at_])));
  }
  return false;
}

// Requires: at the backslash.
bool Scanner::Escape(std::string* unescaped) {
  constexpr std::string_view kLetters = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
  ++at_;
  if (At('u')) return UnicodeEscape(unescaped);
  const size_t letter =
      at_ < text_.size() ? kLetters.find(text_[at_]) : std::string_view::npos;
  if (letter == std::string_view::npos) {
    Expected("one of \"\\/bfnrtu after a backslash");
    return false;
  }
  if (unescaped != nullptr) unescaped->push_back(kMeanings[letter]);
  ++at_;
  return true;
}

// Requires: at the 'u'.
bool Scanner::UnicodeEscape(std::string* unescaped) {
  const size_t backslash = at_ - 1;
  uint32_t code = 0, low = 0;
  if (!FourHex(&code)) return false;
  if (code >= 0xD800 && code < 0xDC00 && text_.substr(at_, 2) == "\\u") {
    ++at_;
    if (!FourHex(&low)) return false;
    if (low >= 0xDC00 && low < 0xE000) {
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
  }
  if (code >= 0xD800 && code < 0xE000) {
    Fail(backslash, absl::StrFormat("\\u%04X is half of a surrogate pair", code));
    return false;
  }
  if (unescaped != nullptr) AppendUtf8(unescaped, code);
  return true;
}

// Requires: at the 'u'.
bool Scanner::FourHex(uint32_t* value) {
  *value = 0;
  ++at_;
  for (int i = 0; i < 4; ++i, ++at_) {
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    const char lower = static_cast<char>(c | 0x20);
    if (!IsDigit(c) && !(lower >= 'a' && lower <= 'f')) {
      Expected("four hexadecimal digits after \\u");
      return false;
    }
    *value = *value << 4 | static_cast<uint32_t>(IsDigit(c) ? c - '0' : lower - 'a' + 10);
  }
  return true;
}

std::string_view Scanner::Name(const Key& key) const {
  if (key.unescaped == kPlain) return text_.substr(key.position + 1, key.size);
  return std::string_view(unescaped_).substr(key.unescaped, key.size);
}

// Compares pairs while the object is small, neighbours in order otherwise.
bool Scanner::CheckDuplicates(Key* begin, Key* end) {
  constexpr ptrdiff_t kPairwiseMax = 16;
  const Key* first = nullptr;
  const Key* second = nullptr;
  const auto compare = [&](const Key& a, const Key& b) {
    if (a.size != b.size || Name(a) != Name(b)) return;
    if (second == nullptr || b.position < second->position) first = &a, second = &b;
  };
  if (end - begin <= kPairwiseMax) {
    for (const Key* b = begin; b < end; ++b) {
      for (const Key* a = begin; a < b; ++a) compare(*a, *b);
    }
  } else {
    std::sort(begin, end, [this](const Key& a, const Key& b) {
      if (a.size != b.size) return a.size < b.size;
      const int order = Name(a).compare(Name(b));
      return order != 0 ? order < 0 : a.position < b.position;
    });
    for (const Key* b = begin + 1; b < end; ++b) compare(b[-1], *b);
  }
  if (second == nullptr) return true;

  constexpr size_t kShownMax = 64;
  std::string_view shown = Name(*second);
  size_t size = 0;
  while (size < shown.size() && size < kShownMax) {
    size += std::max<size_t>(1, Utf8Length(shown.substr(size)));
  }
  std::string name = absl::Utf8SafeCHexEscape(std::string(shown.substr(0, size)));
  if (size < shown.size()) name += "...";
  Fail(second->position,
       absl::StrCat("the key \"", name, "\" is in this object already, at byte ",
                    first->position));
  return false;
}

absl::Status ErrorAt(std::string_view text, size_t position, const std::string& what) {
  size_t line = 1, column = 1;
  for (const char c : text.substr(0, position)) {
    if (c == '\n')
      ++line, column = 1;
    else if ((static_cast<uint8_t>(c) & 0xC0) != 0x80)
      ++column;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("byte ", position, " (line ", line, ", column ", column, "): ", what));
}

}  // namespace

bool UnescapeJsonString(std::string_view json, std::string* out) {
  return Scanner(json, 0, nullptr).Unescape(out);
}

bool IsValidUtf8(std::string_view text) {
  // Of short texts, most are ASCII, and seen to be so sooner than simdjson is called.
  constexpr size_t kShort = 64;
  if (text.size() <= kShort) {
    uint64_t seen = 0, eight = 0;
    size_t at = 0;
    for (; at + 8 <= text.size(); at += 8) {
      memcpy(&eight, text.data() + at, 8);
      seen |= eight;
    }
    for (; at < text.size(); ++at) seen |= static_cast<uint8_t>(text[at]);
    if ((seen & 0x8080808080808080) == 0) return true;
  }
  return simdjson::validate_utf8(text.data(), text.size());
}

absl::StatusOr<std::string> MinifyJson(std::string_view text, const JsonLimits& limits) {
  const size_t bytes_max =
      std::min<size_t>(limits.bytes_max, std::numeric_limits<uint32_t>::max());
  if (text.size() > bytes_max) {
    return absl::InvalidArgumentError(absl::StrCat("the JSON text has ", text.size(),
                                                   " bytes; at most ", bytes_max,
                                                   " are allowed"));
  }
  std::string result;
  Scanner scanner(text, limits.depth_max, &result);
  const bool is_json = scanner.Run();
  if (!IsValidUtf8(text)) {
    const size_t position = FirstInvalidUtf8(text);
    if (is_json || position <= scanner.error_position()) {
      return ErrorAt(text, position,
                     absl::StrFormat("byte 0x%02X is not valid UTF-8 here",
                                     static_cast<uint8_t>(text[position])));
    }
  }
  if (!is_json) return ErrorAt(text, scanner.error_position(), scanner.error());
  return result;
}

}  // namespace sheaf::document
