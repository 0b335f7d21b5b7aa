// ByteArena: bytes that stay where they are until all of them go.
//
// Thread-compatible. Of one that was moved nothing is taken.
#ifndef DOCUMENT_BYTE_ARENA_H_
#define DOCUMENT_BYTE_ARENA_H_
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace sheaf::document {

class ByteArena {
 public:
  // Chunks grow with what there is, from 512 bytes to `chunk_bytes_max`.
  explicit ByteArena(size_t chunk_bytes_max = size_t{1} << 20)
      : chunk_bytes_max_(std::max<size_t>(chunk_bytes_max, 512)) {}
  ByteArena(ByteArena&&) = default;
  ByteArena& operator=(ByteArena&&) = default;

  char* Take(size_t size) {
    if (size <= left_) {
      left_ -= size;
      return at_ + left_;  // from the end: the rest keeps its beginning
    }
    const size_t chunk = Growth(size);
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(chunk));
    bytes_ += chunk;
    if (chunk == size) return chunks_.back().get();  // a chunk of its own
    at_ = chunks_.back().get();
    left_ = chunk - size;
    return at_ + left_;
  }
  std::string_view Copy(std::string_view bytes) {
    char* const at = Take(bytes.size());
    if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
    return {at, bytes.size()};
  }
  void Clear() { *this = ByteArena(chunk_bytes_max_); }

  // Held, taken or not; and how many more Take(size) would need.
  size_t bytes() const { return bytes_; }
  size_t Growth(size_t size) const {
    if (size <= left_) return 0;
    return std::max(size, std::clamp<size_t>(bytes_ / 4, 512, chunk_bytes_max_));
  }

 private:
  size_t chunk_bytes_max_;
  std::vector<std::unique_ptr<char[]>> chunks_;
  char* at_ = nullptr;  // of the last chunk that is not whole
  size_t left_ = 0;     // at its beginning
  size_t bytes_ = 0;
};

}  // namespace sheaf::document
#endif  // DOCUMENT_BYTE_ARENA_H_
