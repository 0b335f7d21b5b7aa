// Bytes of their own on the heap, of their exact size, so that a sanitizer sees the first
// byte too many. And Require, which ends a fuzzer that found something.
#ifndef TESTS_SUPPORT_EXACT_BYTES_H_
#define TESTS_SUPPORT_EXACT_BYTES_H_
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "absl/status/status.h"

namespace sheaf::test {

class ExactBytes {
 public:
  explicit ExactBytes(std::string_view bytes)
      : size_(bytes.size()), bytes_(new char[bytes.size()]) {
    std::copy(bytes.begin(), bytes.end(), bytes_.get());
  }
  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  size_t size_;
  std::unique_ptr<char[]> bytes_;
};

inline void Require(bool fact, const char* what) {
  if (fact) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}
inline void Require(bool fact, const char* what, const absl::Status& status) {
  if (fact) return;
  std::fprintf(stderr, "%s: %s\n", what, status.ToString().c_str());
  std::abort();
}

}  // namespace sheaf::test
#endif  // TESTS_SUPPORT_EXACT_BYTES_H_
