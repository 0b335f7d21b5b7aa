// Coding: how integers become bytes in files. Fixed-size ones are little-endian
// on every host; varints are LEB128 (seven bits a byte, lowest first, the high
// bit set on all bytes but the last). Nothing else in Sheaf may put an integer
// into bytes that reach a file, so neither host order nor padding ever does.
//
// Encoders write to `out` and trust the caller for the room. Fixed decoders trust
// the caller for the length; varint decoders are given the limit and doubt.
#ifndef PAGER_CODING_H_
#define PAGER_CODING_H_
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace sheaf::pager {

inline constexpr size_t kVarint32BytesMax = 5, kVarint64BytesMax = 10;

// Its own inverse; the identity on little-endian hosts.
constexpr uint16_t LittleEndian16(uint16_t value) {
  return std::endian::native == std::endian::big ? __builtin_bswap16(value) : value;
}
constexpr uint32_t LittleEndian32(uint32_t value) {
  return std::endian::native == std::endian::big ? __builtin_bswap32(value) : value;
}
constexpr uint64_t LittleEndian64(uint64_t value) {
  return std::endian::native == std::endian::big ? __builtin_bswap64(value) : value;
}

inline void EncodeFixed16(char* out, uint16_t value) {
  value = LittleEndian16(value);
  std::memcpy(out, &value, sizeof(value));
}
inline void EncodeFixed32(char* out, uint32_t value) {
  value = LittleEndian32(value);
  std::memcpy(out, &value, sizeof(value));
}
inline void EncodeFixed64(char* out, uint64_t value) {
  value = LittleEndian64(value);
  std::memcpy(out, &value, sizeof(value));
}
// Requires: value < 2^48.
inline void EncodeFixed48(char* out, uint64_t value) {
  EncodeFixed32(out, static_cast<uint32_t>(value));
  EncodeFixed16(out + 4, static_cast<uint16_t>(value >> 32));
}

inline uint16_t DecodeFixed16(const char* in) {
  uint16_t value;
  std::memcpy(&value, in, sizeof(value));
  return LittleEndian16(value);
}
inline uint32_t DecodeFixed32(const char* in) {
  uint32_t value;
  std::memcpy(&value, in, sizeof(value));
  return LittleEndian32(value);
}
inline uint64_t DecodeFixed64(const char* in) {
  uint64_t value;
  std::memcpy(&value, in, sizeof(value));
  return LittleEndian64(value);
}
inline uint64_t DecodeFixed48(const char* in) {
  return DecodeFixed32(in) | static_cast<uint64_t>(DecodeFixed16(in + 4)) << 32;
}

constexpr size_t VarintBytes(uint64_t value) {
  return (static_cast<size_t>(std::bit_width(value | 1)) + 6) / 7;
}

// Return the first byte behind what was written: VarintBytes(value) bytes.
inline char* EncodeVarint64(char* out, uint64_t value) {
  while (value >= 0x80) {
    *out++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<char>(value);
  return out;
}
inline char* EncodeVarint32(char* out, uint32_t value) {
  return EncodeVarint64(out, value);
}

// Read one varint from [in, limit) and return the first byte behind it; nullptr,
// with `*value` untouched, when it is cut off or does not fit the type. Encodings
// longer than needed are accepted while they fit.
inline const char* DecodeVarint64(const char* in, const char* limit, uint64_t* value) {
  uint64_t result = 0;
  for (int shift = 0; shift < 64 && in < limit; shift += 7) {
    const uint8_t byte = static_cast<uint8_t>(*in++);
    if (shift == 63 && byte > 1) return nullptr;  // bit 64 and above
    result |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      *value = result;
      return in;
    }
  }
  return nullptr;
}
inline const char* DecodeVarint32(const char* in, const char* limit, uint32_t* value) {
  uint32_t result = 0;
  for (int shift = 0; shift < 32 && in < limit; shift += 7) {
    const uint8_t byte = static_cast<uint8_t>(*in++);
    if (shift == 28 && byte > 15) return nullptr;  // bit 32 and above
    result |= static_cast<uint32_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      *value = result;
      return in;
    }
  }
  return nullptr;
}

}  // namespace sheaf::pager
#endif  // PAGER_CODING_H_
