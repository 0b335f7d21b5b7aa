// Proves the bytes of each encoding by hand-written examples, that decoding gives
// back what was encoded at every boundary of size, and that a varint which is cut
// off or too large is refused without a byte read past the limit.
#include "pager/coding.h"

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace sheaf::pager {
namespace {

// 2^k - 1, 2^k, 2^k + 1 for all k: every boundary of every encoding.
std::vector<uint64_t> Boundaries() {
  std::vector<uint64_t> values = {0};
  for (int bit = 0; bit < 64; ++bit) {
    const uint64_t power = uint64_t{1} << bit;
    for (const uint64_t value : {power - 1, power, power + 1}) values.push_back(value);
  }
  values.push_back(~uint64_t{0});
  return values;
}

TEST(Coding, FixedBytesAreLittleEndian) {
  char out[8];
  EncodeFixed16(out, 0x0201);
  EXPECT_EQ(std::string(out, 2), "\x01\x02");
  EncodeFixed32(out, 0x04030201);
  EXPECT_EQ(std::string(out, 4), "\x01\x02\x03\x04");
  EncodeFixed48(out, 0x060504030201);
  EXPECT_EQ(std::string(out, 6), "\x01\x02\x03\x04\x05\x06");
  EncodeFixed64(out, 0x0807060504030201);
  EXPECT_EQ(std::string(out, 8), "\x01\x02\x03\x04\x05\x06\x07\x08");
}

TEST(Coding, FixedGivesBack) {
  for (const uint64_t value : Boundaries()) {
    char out[9];
    EncodeFixed16(out + 1, static_cast<uint16_t>(value));  // at an odd address
    EXPECT_EQ(DecodeFixed16(out + 1), static_cast<uint16_t>(value));
    EncodeFixed32(out + 1, static_cast<uint32_t>(value));
    EXPECT_EQ(DecodeFixed32(out + 1), static_cast<uint32_t>(value));
    EncodeFixed48(out + 1, value & 0xffffffffffff);
    EXPECT_EQ(DecodeFixed48(out + 1), value & 0xffffffffffff);
    EncodeFixed64(out + 1, value);
    EXPECT_EQ(DecodeFixed64(out + 1), value);
  }
}

TEST(Coding, Fixed48LeavesTheNextByteAlone) {
  char out[7] = {0, 0, 0, 0, 0, 0, 'x'};
  EncodeFixed48(out, 0xffffffffffff);
  EXPECT_EQ(out[6], 'x');
}

TEST(Coding, VarintBytes) {
  char out[kVarint64BytesMax];
  EXPECT_EQ(std::string(out, EncodeVarint64(out, 300)), "\xac\x02");
  EXPECT_EQ(std::string(out, EncodeVarint32(out, 127)), "\x7f");
  EXPECT_EQ(EncodeVarint64(out, ~uint64_t{0}) - out, int{kVarint64BytesMax});
  EXPECT_EQ(EncodeVarint32(out, ~uint32_t{0}) - out, int{kVarint32BytesMax});
}

TEST(Coding, VarintGivesBackAndRefusesWhatIsCutOff) {
  for (const uint64_t value : Boundaries()) {
    char out[kVarint64BytesMax];
    const char* const end = EncodeVarint64(out, value);
    ASSERT_EQ(static_cast<size_t>(end - out), VarintBytes(value));
    uint64_t wide = 1234;
    uint32_t narrow = 1234;
    for (const char* limit = out; limit < end; ++limit) {
      ASSERT_EQ(DecodeVarint64(out, limit, &wide), nullptr);
      ASSERT_EQ(DecodeVarint32(out, limit, &narrow), nullptr);
    }
    EXPECT_EQ(wide, 1234u);
    ASSERT_EQ(DecodeVarint64(out, end, &wide), end);
    EXPECT_EQ(wide, value);
    if (value <= ~uint32_t{0}) {
      ASSERT_EQ(DecodeVarint32(out, end, &narrow), end);
      EXPECT_EQ(narrow, value);
    } else {
      ASSERT_EQ(DecodeVarint32(out, end, &narrow), nullptr) << value;
      EXPECT_EQ(narrow, 1234u);
    }
  }
}

TEST(Coding, VarintRefusesWhatDoesNotFit) {
  uint64_t wide = 0;
  uint32_t narrow = 0;
  const std::string too_wide = std::string(9, '\x80') + '\x02';  // 2^64
  EXPECT_EQ(DecodeVarint64(too_wide.data(), too_wide.data() + 10, &wide), nullptr);
  const std::string endless(20, '\xff');
  EXPECT_EQ(DecodeVarint64(endless.data(), endless.data() + 20, &wide), nullptr);
  EXPECT_EQ(DecodeVarint32(endless.data(), endless.data() + 20, &narrow), nullptr);
  const std::string too_narrow = std::string(4, '\x80') + '\x10';  // 2^32
  EXPECT_EQ(DecodeVarint32(too_narrow.data(), too_narrow.data() + 5, &narrow), nullptr);
}

// Longer than needed, as a careless writer might: read as what it says.
TEST(Coding, VarintAcceptsLeadingZeros) {
  const std::string padded("\x85\x80\x00", 3);
  uint64_t value = 0;
  EXPECT_EQ(DecodeVarint64(padded.data(), padded.data() + 3, &value), padded.data() + 3);
  EXPECT_EQ(value, 5u);
}

}  // namespace
}  // namespace sheaf::pager
