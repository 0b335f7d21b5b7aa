// Bytes that end where a page ends behind which nothing may be read or written.
#ifndef TESTS_VECTOR_GUARDED_BYTES_H_
#define TESTS_VECTOR_GUARDED_BYTES_H_
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <string_view>

#include "pager/assert.h"

namespace sheaf::vectors {

class GuardedBytes {
 public:
  explicit GuardedBytes(size_t size) : size_(size) {
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t readable = (size + page - 1) / page * page;
    mapped_ = readable + page;
    void* const at = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    SHEAF_ASSERT(at != MAP_FAILED);
    base_ = static_cast<char*>(at);
    end_ = base_ + readable;
    SHEAF_ASSERT(mprotect(end_, page, PROT_NONE) == 0);
  }
  explicit GuardedBytes(std::string_view bytes) : GuardedBytes(bytes.size()) {
    std::memcpy(data(), bytes.data(), bytes.size());
  }
  ~GuardedBytes() { munmap(base_, mapped_); }
  GuardedBytes(const GuardedBytes&) = delete;
  GuardedBytes& operator=(const GuardedBytes&) = delete;

  char* data() { return end_ - size_; }
  const char* data() const { return end_ - size_; }
  std::string_view view() const { return {data(), size_}; }

 private:
  size_t size_, mapped_ = 0;
  char* base_ = nullptr;
  char* end_ = nullptr;
};

}  // namespace sheaf::vectors
#endif  // TESTS_VECTOR_GUARDED_BYTES_H_
