// Proves that Crc32c is the CRC32C of RFC 3720 (published vectors, and a bitwise
// computation over random bytes), that it extends, and that data past 2 GiB, where
// the library below counts in int, comes out right.
#include "pager/checksum.h"

#include <sys/mman.h>

#include <algorithm>
#include <random>
#include <string>

#include "gtest/gtest.h"

namespace sheaf::pager {
namespace {

uint32_t Bitwise(const std::string& bytes) {
  uint32_t state = ~0u;
  for (const char byte : bytes) {
    state ^= static_cast<uint8_t>(byte);
    for (int bit = 0; bit < 8; ++bit) state = state >> 1 ^ (state & 1 ? 0x82f63b78 : 0);
  }
  return ~state;
}

uint32_t Of(const std::string& bytes) { return Crc32c(0, bytes.data(), bytes.size()); }

std::string RandomBytes(std::mt19937_64* random, size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>((*random)());
  return bytes;
}

TEST(Checksum, PublishedVectors) {
  EXPECT_EQ(Of("123456789"), 0xE3069283u);
  EXPECT_EQ(Of(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(Of(std::string(32, '\xff')), 0x62A8AB43u);
  std::string ascending(32, '\0');
  for (size_t i = 0; i < ascending.size(); ++i) ascending[i] = static_cast<char>(i);
  EXPECT_EQ(Of(ascending), 0x46DD794Eu);
  EXPECT_EQ(Crc32c(0, nullptr, 0), 0u);
}

TEST(Checksum, EqualsBitwiseAtEverySizeAndAlignment) {
  std::mt19937_64 random(1);
  const std::string bytes = RandomBytes(&random, 5000);
  for (size_t size = 0; size < 600; ++size) {
    const std::string part = bytes.substr(size % 16, size);
    EXPECT_EQ(Crc32c(0, bytes.data() + size % 16, size), Bitwise(part)) << size;
  }
  EXPECT_EQ(Of(bytes), Bitwise(bytes));
}

TEST(Checksum, Extends) {
  std::mt19937_64 random(2);
  const std::string bytes = RandomBytes(&random, 300);
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    const uint32_t head = Crc32c(0, bytes.data(), cut);
    EXPECT_EQ(Crc32c(head, bytes.data() + cut, bytes.size() - cut), Of(bytes)) << cut;
  }
}

// Zeros from the system's one zero page: 3 GiB of address space, no memory.
TEST(Checksum, PastTwoGibibytes) {
  const size_t size = (size_t{3} << 30) + 5;
  void* const zeros =
      mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(zeros, MAP_FAILED);
  uint32_t expected = 0;
  for (size_t left = size; left > 0;) {
    const size_t part = std::min<size_t>(left, 16 << 20);
    expected = Crc32c(expected, zeros, part);
    left -= part;
  }
  EXPECT_EQ(Crc32c(0, zeros, size), expected);
  munmap(zeros, size);
}

}  // namespace
}  // namespace sheaf::pager
