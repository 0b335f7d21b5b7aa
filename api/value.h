// Value: bytes read from the database without copying them.
//
// A Value keeps the page that holds its bytes in memory for as long as it lives.
// Keep few: pages held this way cannot be evicted and count against the cache
// budget. Valid until it is destroyed, at most to the end of its transaction.
// Values above 64 KiB are put together in memory of their own, and so are those that fill
// pages and have up to 256 bytes more: 4,033 to 4,288, and each 4,096 further.
//
// Thread-compatible, movable.
#ifndef SHEAF_VALUE_H_
#define SHEAF_VALUE_H_
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace sheaf {

namespace internal {
void UnpinPage(void* pager, uint64_t page);
}

class Value {
 public:
  Value() = default;
  Value(Value&& other) noexcept { *this = std::move(other); }
  Value& operator=(Value&& other) noexcept {
    if (this == &other) return *this;
    Reset();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    pager_ = std::exchange(other.pager_, nullptr);
    page_ = other.page_;
    owned_ = std::move(other.owned_);
    return *this;
  }
  ~Value() { Reset(); }

  std::string_view view() const& { return {data_, size_}; }
  std::string_view view() && = delete;  // the bytes would be gone
  operator std::string_view() const& { return view(); }
  std::string ToString() const { return std::string(data_, size_); }
  const char* data() const { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // For the library. Takes over one pin of `page`.
  static Value Pinned(std::string_view bytes, void* pager, uint64_t page) {
    Value v;
    v.data_ = bytes.data(), v.size_ = bytes.size(), v.pager_ = pager, v.page_ = page;
    return v;
  }
  // For the library: the bytes behind the first `n`.
  void RemovePrefix(size_t n) { data_ += n, size_ -= n; }
  static Value Owned(std::unique_ptr<char[]> bytes, size_t size) {
    Value v;
    v.data_ = bytes.get(), v.size_ = size, v.owned_ = std::move(bytes);
    return v;
  }

 private:
  void Reset() {
    if (pager_ != nullptr) internal::UnpinPage(pager_, page_);
    pager_ = nullptr;
    owned_.reset();
  }
  const char* data_ = nullptr;
  size_t size_ = 0;
  void* pager_ = nullptr;
  uint64_t page_ = 0;
  std::unique_ptr<char[]> owned_;
};

}  // namespace sheaf
#endif  // SHEAF_VALUE_H_
