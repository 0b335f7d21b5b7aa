// A fuzzer that must fail: the decoder below checks its bound wrongly by one. That a
// short run finds it shows that the fuzzers' harness feeds them, varies what it feeds
// and tells when they die (RELIABILITY R8); tests/fuzz/corpus_test.cc runs it. It has
// no corpus, so it is not among the fuzzers that must pass.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace {

constexpr size_t kRoom = 16;

// The planted bug: 17 bytes do not fit.
bool Fits(size_t size) { return size <= kRoom + 1; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1 || data[0] >= size) return 0;
  const size_t length = data[0];
  if (!Fits(length)) return 0;
  uint8_t out[kRoom] = {};
  for (size_t i = 0; i < length; ++i) {
    if (i >= kRoom) {
      std::fprintf(stderr, "the canary's bug was found\n");
      std::abort();
    }
    out[i] = data[1 + i];
  }
  return out[0] == 0 && length == 0xff;
}
