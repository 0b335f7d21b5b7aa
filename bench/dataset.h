// Dataset: the entries every engine is given, computed from their number.
//
//   key    16 bytes: Mix(seed + id), big-endian, then id, big-endian. Mix is a
//          bijection, so keys differ, and ascending ids come in random order.
//   value  100 bytes: 50 random bytes twice, as db_bench makes them (half
//          compressible), taken from a pool by id and version. No engine
//          compresses.
//
// Immutable after construction.
#ifndef BENCH_DATASET_H_
#define BENCH_DATASET_H_
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sheaf::bench {

inline constexpr uint64_t kKeyBytes = 16;
inline constexpr uint64_t kValueBytes = 100;

// SplitMix64's finalizer: a bijection whose output looks random.
constexpr uint64_t Mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

class Random {
 public:
  explicit Random(uint64_t seed) : state_(Mix(seed)) {}
  uint64_t Next() { return Mix(state_++); }
  // Uniform in [0, bound), as far as 64 bits go.
  uint64_t Below(uint64_t bound) {
    return uint64_t((static_cast<unsigned __int128>(Next()) * bound) >> 64);
  }

 private:
  uint64_t state_;
};

struct Key {
  std::array<char, kKeyBytes> bytes;
  operator std::string_view() const { return {bytes.data(), bytes.size()}; }
};

class Dataset {
 public:
  Dataset(uint64_t entry_count, uint64_t seed);

  uint64_t entry_count() const { return entry_count_; }
  uint64_t seed() const { return seed_; }

  Key KeyOf(uint64_t id) const {
    const uint64_t high = __builtin_bswap64(Mix(seed_ + id));
    const uint64_t low = __builtin_bswap64(id);
    Key key;
    __builtin_memcpy(key.bytes.data(), &high, sizeof(high));
    __builtin_memcpy(key.bytes.data() + sizeof(high), &low, sizeof(low));
    return key;
  }
  // A key that is never put, between keys that are.
  Key AbsentKey(uint64_t number) const { return KeyOf(number | (uint64_t{1} << 63)); }
  std::string_view ValueOf(uint64_t id, uint64_t version) const {
    const uint64_t piece = Mix(id * 0x9e3779b1 + version) % kPieces;
    return std::string_view(pool_).substr(piece * kValueBytes, kValueBytes);
  }

  // All ids below entry_count() by ascending key.
  std::vector<uint32_t> IdsByKey() const;
  // A permutation of the ids: the one at `position`, in no useful order.
  uint64_t ShuffledId(uint64_t position) const {
    return position * kStride % entry_count_;
  }
  // `count` ids as YCSB's scrambled zipfian draws them, theta 0.99. Costs one
  // pow() for each entry and each id.
  std::vector<uint32_t> ZipfianIds(uint64_t count, uint64_t seed) const;

 private:
  static constexpr uint64_t kPieces = 4096;
  // A prime above every 32-bit id that is used: no entry_count shares a factor.
  static constexpr uint64_t kStride = 4294967291;

  uint64_t entry_count_;
  uint64_t seed_;
  std::string pool_;
};

}  // namespace sheaf::bench
#endif  // BENCH_DATASET_H_
