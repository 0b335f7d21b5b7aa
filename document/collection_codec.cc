#include "document/collection_codec.h"

#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "btree/key.h"
#include "document/json.h"

namespace sheaf::document {
namespace {

// What is wrong with a text as a key; none when nothing is.
std::optional<std::string> TextKeyProblem(std::string_view text) {
  if (text.empty()) return "is empty";
  if (text.size() > kTextKeyBytesMax) {
    return absl::StrCat("has ", text.size(), " bytes; at most ", kTextKeyBytesMax,
                        " are allowed");
  }
  if (!IsValidUtf8(text)) return "is not valid UTF-8";
  return std::nullopt;
}

}  // namespace

std::string EncodeNumberKey(int64_t number) {
  std::string bytes(1, static_cast<char>(KeyTag::kNumber));
  KeyCodec<int64_t>::Append(&bytes, number);
  return bytes;
}

absl::StatusOr<std::string> EncodeTextKey(std::string_view text) {
  if (const std::optional<std::string> problem = TextKeyProblem(text)) {
    return absl::InvalidArgumentError("the document key " + *problem);
  }
  return EncodeTextKeyPrefix(text);
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
  }
  return absl::DataLossError(
      absl::StrFormat("document key: tag 0x%02X is neither number nor text", tag));
}

std::string EncodeJsonDocument(std::string_view json) {
  std::string bytes;
  bytes.reserve(1 + json.size());
  bytes.push_back(static_cast<char>(DocumentEncoding::kJsonText));
  return bytes.append(json);
}

absl::StatusOr<std::string_view> DecodeJsonDocument(std::string_view bytes) {
  if (bytes.empty()) return absl::DataLossError("stored document: it is empty");
  const uint8_t encoding = static_cast<uint8_t>(bytes[0]);
  bytes.remove_prefix(1);
  switch (DocumentEncoding{encoding}) {
    case DocumentEncoding::kJsonText:
      if (bytes.empty()) return absl::DataLossError("stored document: no JSON text");
      return bytes;
  }
  if (encoding == 0) return absl::DataLossError("stored document: encoding 0");
  return absl::UnimplementedError(absl::StrCat("stored document: encoding ", encoding,
                                               " is newer than this library"));
}

}  // namespace sheaf::document
