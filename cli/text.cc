#include "cli/text.h"

#include <algorithm>
#include <charconv>

#include "absl/strings/escaping.h"

namespace sheaf::cli {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsJsonInteger(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || !std::all_of(text.begin(), text.end(), IsDigit)) return false;
  return text.size() == 1 || text[0] != '0';
}

int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void AppendHex(char byte, std::string* out) {
  *out += "0123456789abcdef"[static_cast<uint8_t>(byte) >> 4];
  *out += "0123456789abcdef"[byte & 15];
}

// The length of the string, number or word that `json` begins with.
size_t ScalarLength(std::string_view json) {
  size_t i = 1;
  if (json[0] == '"') {
    while (i < json.size() && json[i] != '"') i += json[i] == '\\' ? 2 : 1;
    return std::min(i + 1, json.size());
  }
  while (i < json.size() && !IsSpace(json[i]) &&
         std::string_view(",:]}").find(json[i]) == std::string_view::npos)
    ++i;
  return i;
}

// Writes a JSON text again: an object or array that is short on one line, any
// other with a line for each member.
class PrettyPrinter {
 public:
  PrettyPrinter(std::string_view json, const Output& out) : rest_(json), out_(out) {}

  std::string Run() {
    for (SkipSpace(); !rest_.empty(); SkipSpace()) Token();
    return std::move(text_);
  }

 private:
  static constexpr size_t kShortBytes = 90;

  void SkipSpace() {
    while (!rest_.empty() && IsSpace(rest_[0])) rest_.remove_prefix(1);
  }

  void NewLine() {
    if (short_end_ != nullptr) return;
    text_ += '\n';
    text_.append(2 * depth_, ' ');
  }

  void Token() {
    char c = rest_[0];
    if (c == '{' || c == '[') {
      Open(c);
    } else if (c == '}' || c == ']') {
      Close(c);
    } else if (c == ',') {
      Punctuation(c);
      if (short_end_ != nullptr) text_ += ' ';
      NewLine();
    } else if (c == ':') {
      Punctuation(c);
      text_ += ' ';
    } else {
      Scalar();
    }
  }

  void Punctuation(char c) {
    text_ += c;
    rest_.remove_prefix(1);
  }

  void Open(char c) {
    if (short_end_ == nullptr) short_end_ = ShortEnd();
    Punctuation(c);
    ++depth_;
    NewLine();
  }

  void Close(char c) {
    if (depth_ > 0) --depth_;
    NewLine();
    if (rest_.data() == short_end_) short_end_ = nullptr;
    Punctuation(c);
  }

  // The closing bracket of what rest_ begins with, when it fits on this line.
  const char* ShortEnd() const {
    size_t brackets = 0;
    for (size_t i = 0; i < rest_.size() && i + 2 * depth_ < kShortBytes;) {
      bool is_close = rest_[i] == '}' || rest_[i] == ']';
      if (rest_[i] == '{' || rest_[i] == '[') ++brackets;
      if (is_close && --brackets == 0) return rest_.data() + i;
      i += rest_[i] == '"' ? ScalarLength(rest_.substr(i)) : 1;
    }
    return nullptr;
  }

  void Scalar() {
    std::string_view token = rest_.substr(0, ScalarLength(rest_));
    rest_.remove_prefix(token.size());
    SkipSpace();
    bool is_name = !rest_.empty() && rest_[0] == ':';
    Tone tone = is_name ? Tone::kKey : token[0] == '"' ? Tone::kText : Tone::kNumber;
    text_ += out_.Paint(tone, out_.is_terminal() ? Printable(token) : std::string(token));
  }

  std::string_view rest_;
  const Output& out_;
  std::string text_;
  size_t depth_ = 0;
  const char* short_end_ = nullptr;  // while inside one that goes on one line
};

// Keeps the position of the first error and builds nothing.
struct ErrorFinder : nlohmann::json_sax<nlohmann::json> {
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    byte = position;
    // A number too large for a double is valid JSON, and kept as written.
    is_syntax = error.id != 406;
    what = error.what();
    return false;
  }
  uint64_t byte = 0;
  bool is_syntax = false;
  std::string what;
};

// "[json.exception…] parse error at line 1, column 5: syntax error while parsing
// value - invalid literal; last read: 'x'" without what the caller says better.
std::string Plain(std::string what) {
  if (size_t at = what.find("column "); at != std::string::npos) {
    if (size_t colon = what.find(": ", at); colon != std::string::npos)
      what.erase(0, colon + 2);
  }
  if (size_t at = what.find("; last read:"); at != std::string::npos) {
    size_t end = what.find("; expected", at);
    what.erase(at, end == std::string::npos ? std::string::npos : end - at);
  }
  // "syntax error while parsing value - " names a state of the parser.
  if (size_t at = what.find(" - "); at != std::string::npos) what.erase(0, at + 3);
  return Printable(what);
}

// `offset` is where the caret points, counted from 0.
std::string Excerpt(std::string_view json, size_t offset) {
  constexpr size_t kAround = 36;
  offset = std::min(offset, json.size());
  size_t begin = json.rfind('\n', offset == 0 ? 0 : offset - 1);
  begin = begin == std::string_view::npos || begin >= offset ? 0 : begin + 1;
  size_t end = std::min(json.find('\n', offset), json.size());
  bool is_cut = offset - begin > kAround;
  if (is_cut) begin = offset - kAround;
  while (begin < offset && (json[begin] & 0xc0) == 0x80) ++begin;
  end = std::min(end, offset + kAround);
  std::string before =
      (is_cut ? "…" : "") + Printable(json.substr(begin, offset - begin));
  std::string after = Printable(json.substr(offset, end - offset));
  return before + after + "\n" + std::string(DisplayWidth(before), ' ') + "^";
}

// What stands for a UUID or bytes, right or wrong; none: it does not.
std::optional<Json> ExtendedKey(std::string_view text) {
  if (!text.starts_with('{')) return std::nullopt;
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const bool is_one = json.is_object() && json.size() == 1 &&
                      (json.contains("$uuid") || json.contains("$binary"));
  return is_one ? std::optional<Json>(std::move(json)) : std::nullopt;
}

absl::StatusOr<DocumentKey> KeyOfExtended(const Json& json, std::string_view argument) {
  const absl::StatusOr<Document> value = Document::FromJson(argument);
  if (!value.ok())
    return absl::InvalidArgumentError("the key " + Printable(argument) + ": " +
                                      std::string(value.status().message()));
  if (!json.contains("$uuid")) return DocumentKey::Bytes(value->root().bytes_value());
  SHEAF_ASSIGN_OR_RETURN(const Uuid uuid, Uuid::Parse(json["$uuid"].get<std::string>()));
  return DocumentKey(uuid);
}

}  // namespace

absl::StatusOr<DocumentKey> ParseKey(std::string_view argument) {
  if (IsJsonInteger(argument)) {
    int64_t number = 0;
    const char* end = argument.data() + argument.size();
    if (std::from_chars(argument.data(), end, number).ec == std::errc())
      return DocumentKey(number);
    return absl::InvalidArgumentError(
        "the key " + std::string(argument) +
        " does not fit a 64-bit integer; for text write '\"" + std::string(argument) +
        "\"'");
  }
  if (const auto json = ExtendedKey(argument)) return KeyOfExtended(*json, argument);
  if (!argument.starts_with('"')) return DocumentKey(argument);
  Json quoted = Json::parse(argument, nullptr, /*allow_exceptions=*/false);
  if (quoted.is_string()) return DocumentKey(quoted.get<std::string>());
  return absl::InvalidArgumentError(
      "the key " + Printable(argument) +
      " begins with a quotation mark but is not a JSON string");
}

std::string KeyText(const DocumentKey& key) {
  if (key.is_number()) return std::to_string(key.number());
  if (!key.is_text()) return Dump(KeyJson(key));
  const std::string& text = key.text();
  bool is_plain = !text.empty() && !IsJsonInteger(text) && text[0] != '"' &&
                  Printable(text) == text && !ExtendedKey(text).has_value();
  return is_plain ? text : Dump(Json(text));
}

Json KeyJson(const DocumentKey& key) {
  if (key.is_number()) return key.number();
  if (key.is_text()) return key.text();
  if (key.is_uuid()) return {{"$uuid", key.uuid().ToString()}};
  return {{"$binary", {{"base64", absl::Base64Escape(key.bytes())}, {"subType", "00"}}}};
}

const char* KindName(TreeKind kind) {
  switch (kind) {
    case TreeKind::kTable:
      return "table";
    case TreeKind::kCollection:
      return "collection";
    case TreeKind::kGraph:
      return "graph";
    case TreeKind::kVectors:
      return "vectors";
    case TreeKind::kBlobs:
      return "blobs";
  }
  return "unknown";
}

absl::StatusOr<std::string> ParseBytes(std::string_view argument) {
  std::string bytes;
  for (size_t i = 0; i < argument.size(); ++i) {
    if (argument[i] != '\\') {
      bytes += argument[i];
      continue;
    }
    char kind = i + 1 < argument.size() ? argument[++i] : ' ';
    static constexpr std::string_view kNames = "nrt0\\", kBytes{"\n\r\t\0\\", 5};
    int high = i + 2 < argument.size() ? HexDigit(argument[i + 1]) : -1;
    int low = high >= 0 ? HexDigit(argument[i + 2]) : -1;
    if (size_t at = kNames.find(kind); at != std::string_view::npos) {
      bytes += kBytes[at];
    } else if (kind == 'x' && low >= 0) {
      bytes += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      return absl::InvalidArgumentError(
          "unknown escape at character " + std::to_string(i) + " of " +
          Printable(argument) + ": bytes are written \\xNN, \\n, \\r, \\t, \\0 or \\\\");
    }
  }
  return bytes;
}

std::string BytesText(std::string_view bytes) {
  std::string text;
  for (char c : bytes) c == '\\' ? text += "\\\\" : text += c;
  return Printable(text);
}

void SetBytes(std::string_view name, std::string_view bytes, Json* object) {
  if (IsUtf8(bytes)) {
    (*object)[std::string(name)] = bytes;
    return;
  }
  std::string hex;
  for (char c : bytes) AppendHex(c, &hex);
  (*object)[std::string(name) + "_hex"] = hex;
}

std::string Printable(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    size_t length = Utf8Length(bytes);
    bool is_control =
        length == 1 && (static_cast<uint8_t>(bytes[0]) < 0x20 || bytes[0] == 0x7f);
    bool is_c1 =
        length == 2 && bytes[0] == '\xc2' && static_cast<uint8_t>(bytes[1]) < 0xa0;
    if (length == 0 || is_control || is_c1) {
      length = std::max<size_t>(length, 1);
      for (char c : bytes.substr(0, length)) out += "\\x", AppendHex(c, &out);
    } else {
      out.append(bytes.substr(0, length));
    }
    bytes.remove_prefix(length);
  }
  return out;
}

size_t Utf8Length(std::string_view text) {
  if (text.empty()) return 0;
  auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  if (byte(0) < 0x80) return 1;
  size_t length = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  if (byte(0) < 0xc2 || byte(0) > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what lies above U+10FFFF.
  if (byte(0) == 0xe0 && byte(1) < 0xa0) return 0;
  if (byte(0) == 0xed && byte(1) > 0x9f) return 0;
  if (byte(0) == 0xf0 && byte(1) < 0x90) return 0;
  if (byte(0) == 0xf4 && byte(1) > 0x8f) return 0;
  return length;
}

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    size_t length = Utf8Length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string Dump(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string PrettyJson(std::string_view json, const Output& out) {
  return PrettyPrinter(json, out).Run();
}

std::optional<JsonError> FindJsonError(std::string_view json) {
  ErrorFinder finder;
  if (nlohmann::json::sax_parse(json.begin(), json.end(), &finder)) return std::nullopt;
  if (!finder.is_syntax) return std::nullopt;
  JsonError error;
  error.byte = std::clamp<uint64_t>(finder.byte, 1, json.size() + 1) - 1;
  std::string_view before = json.substr(0, error.byte);
  size_t line_end = before.rfind('\n');
  size_t line_begin = line_end == std::string_view::npos ? 0 : line_end + 1;
  error.line = 1 + static_cast<uint64_t>(std::count(before.begin(), before.end(), '\n'));
  error.column = error.byte - line_begin + 1;
  error.what = Plain(finder.what);
  error.excerpt = Excerpt(json, error.byte);
  return error;
}

}  // namespace sheaf::cli
