// Changes of a blob store beside a model of it, for the crash workload: blobs short and
// streamed, own, shared and compressed; gone on with, overwritten, given up.
#ifndef TESTS_CRASH_BLOB_CHANGES_H_
#define TESTS_CRASH_BLOB_CHANGES_H_
#include <algorithm>
#include <map>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "pager/checksum.h"
#include "sheaf/blob_store.h"
#include "sheaf/status_macros.h"

namespace sheaf::test {

inline std::string BlobText(std::string_view bytes, const BlobAttributes& attributes) {
  return absl::StrCat(bytes.size(), " ", pager::Crc32c(0, bytes.data(), bytes.size()),
                      " ", attributes.name_space, " ", attributes.zstd_level);
}

inline absl::StatusOr<std::map<std::string, std::string>> ReadBlobs(
    const BlobStoreReader& store) {
  std::map<std::string, std::string> texts;
  absl::Status status;
  SHEAF_RETURN_IF_ERROR(store.ForEach({}, [&](const BlobInfo& info) {
    const absl::StatusOr<std::string> bytes = store.Get(info.key);
    status = bytes.status();
    if (!status.ok()) return false;
    texts[info.key.ToString()] = BlobText(*bytes, info.attributes);
    return true;
  }));
  SHEAF_RETURN_IF_ERROR(status);
  return texts;
}

class BlobChanges {
 public:
  using Below = absl::FunctionRef<uint64_t(uint64_t)>;
  BlobChanges(BlobStore store, std::map<std::string, std::string>* model, Below below)
      : store_(std::move(store)), model_(*model), below_(below) {}

  absl::Status Change(uint64_t step) {
    const auto key = static_cast<int64_t>(below_(8));
    const bool there = model_.contains(absl::StrCat(key));
    switch (below_(8)) {
      case 0: {
        SHEAF_ASSIGN_OR_RETURN(const bool existed, store_.Delete(key));
        model_.erase(absl::StrCat(key));
        return existed == there
                   ? absl::OkStatus()
                   : absl::InternalError("Delete does not say whether it was there");
      }
      case 1:
        if (there) return Append(key, Bytes(step));
        break;
      case 2:
        if (there) return Overwrite(key, Bytes(step));
        break;
      case 3: {  // given up
        SHEAF_ASSIGN_OR_RETURN(BlobWriter writer, store_.NewWriter(key));
        return writer.Append(Bytes(step));
      }
      case 4:
        return store_.SetShared("s", below_(4) != 0);
      default:
        break;
    }
    BlobAttributes attributes;
    if (below_(2) == 0) attributes.name_space = "s";
    if (below_(4) == 0) attributes.zstd_level = 1;
    // Of few, so that some are equal.
    return Put(key, Bytes(below_(3)), attributes);
  }

 private:
  std::string Bytes(uint64_t seed) {
    static constexpr uint64_t kSizes[] = {0, 100, 5000, 90000, 1 << 20, 1100000, 65473};
    std::string bytes(kSizes[seed % 7] + below_(3), '\0');
    uint64_t x = seed * 77 + 1;
    for (char& c : bytes) {
      x = x * 6364136223846793005 + 1442695040888963407;
      c = static_cast<char>(x >> 60);
    }
    return bytes;
  }
  // The bytes of a blob, which are those that the model knows of.
  absl::StatusOr<std::string> Get(int64_t key, BlobAttributes* attributes) {
    SHEAF_ASSIGN_OR_RETURN(std::string bytes, store_.Get(key));
    SHEAF_ASSIGN_OR_RETURN(BlobInfo info, store_.Info(key));
    *attributes = info.attributes;
    if (BlobText(bytes, *attributes) != model_[absl::StrCat(key)])
      return absl::InternalError(absl::StrCat("blob ", key, " has other bytes"));
    return bytes;
  }
  absl::Status Put(int64_t key, const std::string& bytes,
                   const BlobAttributes& attributes) {
    SHEAF_ASSIGN_OR_RETURN(BlobWriter writer, store_.NewWriter(key, attributes));
    for (size_t at = 0; at < bytes.size(); at += 100000)
      SHEAF_RETURN_IF_ERROR(writer.Append(std::string_view(bytes).substr(at, 100000)));
    SHEAF_RETURN_IF_ERROR(writer.Finish());
    model_[absl::StrCat(key)] = BlobText(bytes, attributes);
    return absl::OkStatus();
  }
  absl::Status Append(int64_t key, const std::string& more) {
    BlobAttributes attributes;
    SHEAF_ASSIGN_OR_RETURN(const std::string bytes, Get(key, &attributes));
    SHEAF_RETURN_IF_ERROR(store_.Append(key, more));
    model_[absl::StrCat(key)] = BlobText(bytes + more, attributes);
    return absl::OkStatus();
  }
  absl::Status Overwrite(int64_t key, const std::string& over) {
    BlobAttributes attributes;
    SHEAF_ASSIGN_OR_RETURN(std::string bytes, Get(key, &attributes));
    const uint64_t offset = below_(bytes.size() + 1);
    SHEAF_RETURN_IF_ERROR(store_.Overwrite(key, offset, over));
    bytes.replace(offset, std::min<size_t>(over.size(), bytes.size() - offset), over);
    model_[absl::StrCat(key)] = BlobText(bytes, attributes);
    return absl::OkStatus();
  }

  BlobStore store_;
  std::map<std::string, std::string>& model_;
  Below below_;
};

}  // namespace sheaf::test
#endif  // TESTS_CRASH_BLOB_CHANGES_H_
