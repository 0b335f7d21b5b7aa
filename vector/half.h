// IEEE binary16, as vectors of kFloat16 hold it, from and to float.
#ifndef VECTOR_HALF_H_
#define VECTOR_HALF_H_
#include <bit>
#include <cstdint>

namespace sheaf::vectors {

// From here on a float rounds to an infinity.
inline constexpr float kHalfOverflow = 65520;

// To the nearest, ties to even. Beyond kHalfOverflow: infinity.
constexpr uint16_t HalfOf(float value) {
  const auto all = std::bit_cast<uint32_t>(value);
  const uint32_t sign = all >> 16 & 0x8000;
  uint32_t bits = all & 0x7fffffff;
  if (bits >= 0x47800000) {  // 2^16, infinities, NaN
    bits = bits > 0x7f800000 ? 0x7e00 : 0x7c00;
  } else if (bits < 0x38800000) {
    // Below 2^-14 halves are multiples of 2^-24, which is the last bit of floats from 0.5
    // on: the addition rounds.
    constexpr float kUnit = 0.5f;
    bits = std::bit_cast<uint32_t>(std::bit_cast<float>(bits) + kUnit) -
           std::bit_cast<uint32_t>(kUnit);
  } else {
    bits = (bits - 0x38000000 + 0xfff + (bits >> 13 & 1)) >> 13;
  }
  return static_cast<uint16_t>(sign | bits);
}

// Exact. Without a branch, as compilers vectorise it.
constexpr float FloatOf(uint16_t half) {
  const auto extended = static_cast<uint32_t>(static_cast<int16_t>(half));
  const uint32_t placed = extended << 13 & 0x8fffe000;  // the sign stays the highest bit
  // The exponents' biases differ by 112; a product also normalises what is subnormal.
  const float scaled = std::bit_cast<float>(placed) * 0x1p112f;
  const uint32_t is_special = (half & 0x7c00) == 0x7c00;  // infinities, NaN
  return std::bit_cast<float>(std::bit_cast<uint32_t>(scaled) |
                              (-is_special & 0x7f800000));
}

}  // namespace sheaf::vectors
#endif  // VECTOR_HALF_H_
