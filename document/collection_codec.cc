#include "document/collection_codec.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "btree/key.h"
#include "document/json.h"
#include "document/json_codec.h"

namespace sheaf::document {
namespace {

std::optional<std::string> SizeProblem(std::string_view text) {
  if (text.empty()) return "is empty";
  if (text.size() > kTextKeyBytesMax) {
    return absl::StrCat("has ", text.size(), " bytes; at most ", kTextKeyBytesMax,
                        " are allowed");
  }
  return std::nullopt;
}

// What is wrong with a text as a key; none when nothing is.
std::optional<std::string> TextKeyProblem(std::string_view text) {
  if (std::optional<std::string> problem = SizeProblem(text)) return problem;
  if (!IsValidUtf8(text)) return "is not valid UTF-8";
  return std::nullopt;
}

}  // namespace

std::string EncodeNumberKey(int64_t number) {
  char bytes[1 + KeyCodec<int64_t>::kFixedSize];
  bytes[0] = static_cast<char>(KeyTag::kNumber);
  KeyCodec<int64_t>::Encode(bytes + 1, number);
  return {bytes, sizeof bytes};
}

absl::StatusOr<std::string> EncodeTextKey(std::string_view text) {
  if (const std::optional<std::string> problem = TextKeyProblem(text)) {
    return absl::InvalidArgumentError("the document key " + *problem);
  }
  return EncodeTextKeyPrefix(text);
}

absl::StatusOr<std::string> EncodeBytesKey(std::string_view bytes) {
  if (const std::optional<std::string> problem = SizeProblem(bytes))
    return absl::InvalidArgumentError("the document key " + *problem);
  return std::string(1, static_cast<char>(KeyTag::kBytes)).append(bytes);
}

std::optional<Uuid> ParseUuid(std::string_view text) {
  const bool has_dashes = text.size() == 36;
  if (!has_dashes && text.size() != 32) return std::nullopt;
  std::string digits;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool is_dash = has_dashes && (i == 8 || i == 13 || i == 18 || i == 23);
    if (is_dash ? text[i] != '-'
                : !absl::ascii_isxdigit(static_cast<unsigned char>(text[i])))
      return std::nullopt;
    if (!is_dash) digits.push_back(text[i]);
  }
  const std::string bytes = absl::HexStringToBytes(digits);
  Uuid uuid;
  std::copy(bytes.begin(), bytes.end(), uuid.begin());
  return uuid;
}

std::string EncodeUuidKey(const Uuid& uuid) {
  std::string bytes(1, static_cast<char>(KeyTag::kUuid));
  return bytes.append(uuid.begin(), uuid.end());
}

std::string EncodeTextKeyPrefix(std::string_view text) {
  std::string bytes;
  bytes.reserve(1 + text.size());
  bytes.push_back(static_cast<char>(KeyTag::kText));
  return bytes.append(text);
}

absl::StatusOr<CollectionKey> DecodeCollectionKey(std::string_view bytes) {
  if (bytes.empty()) return absl::DataLossError("document key: it is empty");
  const uint8_t tag = static_cast<uint8_t>(bytes[0]);
  bytes.remove_prefix(1);
  switch (KeyTag{tag}) {
    case KeyTag::kNumber: {
      int64_t number = 0;
      if (!KeyCodec<int64_t>::Consume(&bytes, &number) || !bytes.empty()) {
        return absl::DataLossError("document key: a number that is not of 8 bytes");
      }
      return number;
    }
    case KeyTag::kText:
      if (const std::optional<std::string> problem = TextKeyProblem(bytes)) {
        return absl::DataLossError("document key: its text " + *problem);
      }
      return bytes;
    case KeyTag::kUuid: {
      Uuid uuid;
      if (bytes.size() != uuid.size())
        return absl::DataLossError("document key: a UUID that is not of 16 bytes");
      std::copy(bytes.begin(), bytes.end(), uuid.begin());
      return uuid;
    }
    case KeyTag::kBytes:
      if (const std::optional<std::string> problem = SizeProblem(bytes))
        return absl::DataLossError("document key: it " + *problem);
      return BytesKey{bytes};
  }
  return absl::DataLossError(
      absl::StrFormat("document key: tag 0x%02X is that of no key", tag));
}

absl::Status OpenDocument(std::string_view stored, const NameTable& names,
                          NameTable* text_names, std::string* buffer, View* out) {
  if (stored.empty()) return absl::DataLossError("stored document: it is empty");
  const uint8_t encoding = static_cast<uint8_t>(stored[0]);
  switch (DocumentEncoding{encoding}) {
    case DocumentEncoding::kBinary:
      *out = RootOf(stored, names);
      return out->is_damaged() ? absl::DataLossError("stored document: it is damaged")
                               : absl::OkStatus();
    case DocumentEncoding::kJsonText: {
      absl::StatusOr<std::string> binary = JsonToBinary(stored.substr(1), text_names);
      if (!binary.ok())
        return absl::DataLossError(
            absl::StrCat("stored document: ", binary.status().message()));
      *buffer = *std::move(binary);
      *out = RootOf(*buffer, *text_names);
      return absl::OkStatus();
    }
  }
  if (encoding == 0) return absl::DataLossError("stored document: encoding 0");
  return absl::UnimplementedError(absl::StrCat("stored document: encoding ", encoding,
                                               " is newer than this library"));
}

}  // namespace sheaf::document
