#include "document/canonical.h"

#include <bit>
#include <cmath>
#include <cstdint>

#include "document/compare.h"
#include "pager/coding.h"

namespace sheaf::document {
namespace {

enum CanonicalTag : char {
  kWholeTag = 0x20,
  kDoubleTag = 0x21,
  kVectorTag = 0x22,
  kArrayTag = 0x23,
  kObjectTag = 0x24,
  kFieldTag = 0x25,
  kMissingTag = 0x2e,
  kEndTag = 0x2f,
};

void Append32(size_t value, std::string* out) {
  char bytes[4];
  pager::EncodeFixed32(bytes, static_cast<uint32_t>(value));
  out->append(bytes, sizeof bytes);
}

void Append64(uint64_t value, std::string* out) {
  char bytes[8];
  pager::EncodeFixed64(bytes, value);
  out->append(bytes, sizeof bytes);
}

void AppendWhole(bool is_negative, uint64_t magnitude, std::string* out) {
  out->push_back(kWholeTag);
  out->push_back(is_negative ? 1 : 0);
  Append64(magnitude, out);
}

void AppendDouble(double value, std::string* out) {
  if (std::abs(value) < kTwoTo64 && std::trunc(value) == value)
    return AppendWhole(value < 0, static_cast<uint64_t>(std::abs(value)), out);
  out->push_back(kDoubleTag);
  Append64(std::isnan(value) ? UINT64_MAX : std::bit_cast<uint64_t>(value), out);
}

void AppendVector(const View& v, std::string* out) {
  const std::vector<float> floats = v.vector_value();
  out->push_back(kVectorTag);
  Append32(floats.size(), out);
  for (const float f : floats) Append32(std::bit_cast<uint32_t>(f == 0 ? 0.0f : f), out);
}

// As deep as Compare looks.
void AppendAt(const View& value, size_t depth, std::string* out) {
  if (depth > kDepthMax) return out->push_back(kMissingTag);
  switch (value.kind()) {
    case Kind::kDamaged:
      return out->push_back(kMissingTag);
    case Kind::kNull:
    case Kind::kBool:
    case Kind::kTimestamp:
    case Kind::kString:
    case Kind::kBytes:
      out->append(value.bytes());
      return;
    case Kind::kInt: {
      const int64_t n = value.int_value();
      const auto bits = static_cast<uint64_t>(n);
      return AppendWhole(n < 0, n < 0 ? 0 - bits : bits, out);
    }
    case Kind::kUint:
      return AppendWhole(false, value.uint_value(), out);
    case Kind::kDouble:
      return AppendDouble(value.double_value(), out);
    case Kind::kVector:
      return AppendVector(value, out);
    case Kind::kArray:
      out->push_back(kArrayTag);
      for (ArrayCursor c = value.elements(); c.Valid(); c.Next())
        AppendAt(c.value(), depth + 1, out);
      return out->push_back(kEndTag);
    case Kind::kObject:
      out->push_back(kObjectTag);
      for (ObjectCursor c = value.fields(); c.Valid(); c.Next()) {
        out->push_back(kFieldTag);
        Append32(c.value().is_damaged() ? 0 : c.name().size(), out);
        if (!c.value().is_damaged()) out->append(c.name());
        AppendAt(c.value(), depth + 1, out);
      }
      return out->push_back(kEndTag);
  }
}

}  // namespace

void AppendCanonical(const View& value, std::string* out) { AppendAt(value, 0, out); }

std::string_view Canonical(const View& value, std::string* scratch) {
  switch (value.kind()) {
    case Kind::kNull:
    case Kind::kBool:
    case Kind::kTimestamp:
    case Kind::kString:
    case Kind::kBytes:
      return value.bytes();
    default:
      scratch->clear();
      AppendCanonical(value, scratch);
      return *scratch;
  }
}

}  // namespace sheaf::document
