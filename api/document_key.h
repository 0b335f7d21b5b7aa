// DocumentKey: what a document of a collection is found by: a 64-bit integer, a string (1
// to 1,000 bytes of UTF-8), a UUID, or bytes (1 to 1,000); they sort in this order.
#ifndef SHEAF_DOCUMENT_KEY_H_
#define SHEAF_DOCUMENT_KEY_H_
#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "absl/status/statusor.h"

namespace sheaf {

struct Uuid {
  std::array<uint8_t, 16> bytes{};

  // Of version 7 (RFC 9562): later ones are larger, also those of one millisecond.
  static Uuid Next();
  // 018f4e1c-…: 32 hexadecimal digits, dashes where they belong or none. kInvalidArgument.
  static absl::StatusOr<Uuid> Parse(std::string_view text);
  std::string ToString() const;
  friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

class DocumentKey {
 public:
  DocumentKey(int64_t number) : key_(number) {}
  DocumentKey(int number) : key_(int64_t{number}) {}
  DocumentKey(std::string text) : key_(std::move(text)) {}
  DocumentKey(std::string_view text) : key_(std::string(text)) {}
  DocumentKey(const char* text) : key_(std::string(text)) {}
  DocumentKey(const Uuid& uuid) : key_(uuid) {}
  static DocumentKey Bytes(std::string_view bytes);

  bool is_number() const { return std::holds_alternative<int64_t>(key_); }
  bool is_text() const { return std::holds_alternative<std::string>(key_); }
  bool is_uuid() const { return std::holds_alternative<Uuid>(key_); }
  bool is_bytes() const { return std::holds_alternative<ByteString>(key_); }
  int64_t number() const { return std::get<int64_t>(key_); }
  const std::string& text() const { return std::get<std::string>(key_); }
  const Uuid& uuid() const { return std::get<Uuid>(key_); }
  const std::string& bytes() const { return std::get<ByteString>(key_).bytes; }
  std::string ToString() const;  // as a person reads it; bytes in hexadecimal
  friend bool operator==(const DocumentKey&, const DocumentKey&) = default;

 private:
  struct ByteString {
    std::string bytes;
    friend bool operator==(const ByteString&, const ByteString&) = default;
  };
  std::variant<int64_t, std::string, Uuid, ByteString> key_;
};

}  // namespace sheaf
#endif  // SHEAF_DOCUMENT_KEY_H_
