// Compression: the one door to LZ4 and zstd, and the bytes of a value that may be
// compressed.
//
// Encoded value (format version 1):
//   tag (1 byte) := 0: as it is     then the value
//                   1: LZ4 block    then varint size of the value, the block
//                   2: zstd         then varint size, a zstd frame without its magic number,
//                                   content size, checksum and dictionary id
//                   3: zstd with a dictionary
//                                   then varint version of the dictionary, varint size, such
//                                   a frame
//                   4: LZ4 with a dictionary
//                                   then varint version of the dictionary, varint size, the
//                                   block
//
// A value that does not shrink stays as it is, so encoding costs at most one byte; so does
// one of more than kCompressedMax bytes, which bounds what a value can claim to be.
//
// Thread-safe. Contexts of zstd are kept by each thread.
#ifndef PAGER_COMPRESSION_H_
#define PAGER_COMPRESSION_H_
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace sheaf::pager {

enum class Codec : uint8_t { kNone = 0, kLz4 = 1, kZstd = 2 };

inline constexpr int kZstdLevelMin = 1, kZstdLevelMax = 19;
inline constexpr size_t kDictionaryBytesMax = 64 << 10;
inline constexpr uint64_t kCompressedMax = uint64_t{65} << 20;

// What short values have in common, in zstd's format; LZ4 takes it, too. Immutable;
// shared. Decoding needs about twice its bytes, encoding some 100 KiB a level.
class Dictionary {
 public:
  // kInvalidArgument when it is empty, too large or no dictionary.
  static absl::StatusOr<std::shared_ptr<const Dictionary>> Make(std::string_view bytes,
                                                                uint32_t version);
  ~Dictionary();
  uint32_t version() const { return version_; }
  std::string_view bytes() const;

 private:
  friend class ValueCodec;
  struct Digested;
  Dictionary() = default;
  uint32_t version_ = 0;
  std::unique_ptr<Digested> digested_;
};

// Makes a dictionary of at most `bytes_max` bytes of samples (their bytes one after the
// other, and their sizes). kFailedPrecondition when they are too few or too different.
// Takes some 100 ms for a megabyte.
absl::StatusOr<std::string> TrainDictionary(std::string_view samples,
                                            const std::vector<size_t>& sizes,
                                            size_t bytes_max);

// Appends an ordinary zstd frame that says its content's size. kResourceExhausted.
absl::Status CompressFrame(std::string_view content, int level, std::string* out);
// Fills `out` with the content of one. kDataLoss: it is none of that size.
absl::Status DecompressFrame(std::string_view frame, absl::Span<char> out);

class ValueCodec {
 public:
  // Appends the encoded value to `*out`. `dictionary` may be null.
  static void Encode(std::string_view value, Codec codec, int level,
                     const Dictionary* dictionary, std::string* out);

  // Sets `*out` to the value; to a view into `encoded` where it is there as it is, of
  // `*buffer` otherwise. kDataLoss when no value was encoded so; kResourceExhausted.
  static absl::Status Decode(std::string_view encoded, const Dictionary* dictionary,
                             std::string* buffer, std::string_view* out);
  // What an encoded value of `encoded_size` bytes says of itself in its first
  // kHeadBytesMax bytes, or all; kDataLoss as above.
  static constexpr size_t kHeadBytesMax = 16;
  struct Head {
    uint64_t size = 0;  // of the value
    bool as_is = false;
    uint32_t dictionary = 0;
  };
  static absl::StatusOr<Head> ReadHead(std::string_view head, uint64_t encoded_size);
  static absl::StatusOr<bool> IsAsIs(std::string_view head);  // by the first byte
};

}  // namespace sheaf::pager
#endif  // PAGER_COMPRESSION_H_
