#include "document/index_key.h"

#include <bit>
#include <cmath>

#include "btree/key.h"
#include "document/compare.h"

namespace sheaf::document {
namespace {

constexpr double kTwoTo56 = 72057594037927936.0;
constexpr int kHugeClass = 9;

// A number's parts; of a huge one the whole is a double's bits, and so is the fraction of
// one whose whole is 0.
struct Number {
  bool is_negative = false;
  int size = 0;  // of the whole: 0 to 8, or kHugeClass
  uint64_t whole = 0;
  uint64_t fraction = 0;
};

int BytesOf(uint64_t value) { return (std::bit_width(value) + 7) / 8; }

Number NumberOf(double value) {
  Number n;
  n.is_negative = value < 0;
  value = std::abs(value);
  if (value >= kTwoTo64) {
    n.size = kHugeClass;
    n.whole = std::bit_cast<uint64_t>(value);
    return n;
  }
  n.whole = static_cast<uint64_t>(value);
  n.size = BytesOf(n.whole);
  const double behind = value - static_cast<double>(n.whole);
  n.fraction = n.whole == 0 ? std::bit_cast<uint64_t>(behind)
                            : static_cast<uint64_t>(behind * kTwoTo56);
  return n;
}

Number NumberOf(const View& v) {
  if (v.kind() == Kind::kDouble) return NumberOf(v.double_value());
  Number n;
  if (v.kind() == Kind::kUint) {
    n.whole = v.uint_value();
  } else {
    const int64_t value = v.int_value();
    n.is_negative = value < 0;
    n.whole =
        n.is_negative ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  }
  n.size = BytesOf(n.whole);
  return n;
}

void AppendBytes(uint64_t value, int bytes, std::string* out) {
  while (bytes-- > 0) out->push_back(static_cast<char>(value >> 8 * bytes));
}

void AppendNumber(const Number& n, std::string* out) {
  const size_t begin = out->size() + 1;
  out->push_back(
      static_cast<char>(n.is_negative ? kKeyZero - 1 - n.size : kKeyZero + n.size));
  if (n.size == kHugeClass) {
    AppendBytes(n.whole, 8, out);
  } else {
    AppendBytes(n.whole, n.size, out);
    out->push_back(n.fraction == 0 ? 0 : 1);
    if (n.fraction != 0) AppendBytes(n.fraction, n.size == 0 ? 8 : 7, out);
  }
  if (n.is_negative) InvertKey(out, begin);
}

void AppendText(std::string_view text, std::string* out) {
  KeyCodec<std::string_view>::Append(out, text);
}

void AppendVectorKey(const View& v, std::string* out) {
  out->push_back(kKeyVector);
  for (const float f : v.vector_value()) {
    out->push_back(1);
    KeyCodec<float>::Append(out, f);
  }
  out->push_back(0);
}

}  // namespace

void InvertKey(std::string* key, size_t begin) {
  for (size_t i = begin; i < key->size(); ++i) (*key)[i] = static_cast<char>(~(*key)[i]);
}

namespace {

void AppendKeyAt(const View& v, size_t depth, std::string* out) {
  if (depth > kDepthMax) return out->push_back(kKeyNull);  // of a hostile file
  switch (v.kind()) {
    case Kind::kDamaged:
    case Kind::kNull:
      return out->push_back(kKeyNull);
    case Kind::kBool:
      return out->push_back(static_cast<char>(v.bool_value() ? kKeyTrue : kKeyFalse));
    case Kind::kDouble:
      if (std::isnan(v.double_value())) return out->push_back(kKeyNaN);
      [[fallthrough]];
    case Kind::kInt:
    case Kind::kUint:
      return AppendNumber(NumberOf(v), out);
    case Kind::kTimestamp:
      out->push_back(kKeyTimestamp);
      return KeyCodec<int64_t>::Append(out, v.timestamp_micros());
    case Kind::kString:
      out->push_back(kKeyString);
      return AppendText(v.string_value(), out);
    case Kind::kBytes:
      out->push_back(kKeyBytes);
      return AppendText(v.bytes_value(), out);
    case Kind::kVector:
      return AppendVectorKey(v, out);
    case Kind::kArray:
      out->push_back(kKeyArray);
      for (ArrayCursor c = v.elements(); c.Valid(); c.Next())
        AppendKeyAt(c.value(), depth + 1, out);
      return out->push_back(0);
    case Kind::kObject:
      out->push_back(kKeyObject);
      for (ObjectCursor c = v.fields(); c.Valid(); c.Next()) {
        if (c.value().is_damaged()) break;
        out->push_back(static_cast<char>(RankOf(c.value().kind())));
        AppendText(c.name(), out);
        AppendKeyAt(c.value(), depth + 1, out);
      }
      return out->push_back(0);
  }
}

}  // namespace

void AppendIndexKey(const View& value, std::string* out) { AppendKeyAt(value, 1, out); }

std::string KeyOfString(std::string_view text) {
  std::string key(1, kKeyString);
  AppendText(text, &key);
  return key;
}

std::string KeyOfStringPrefix(std::string_view text) {
  std::string key = KeyOfString(text);
  key.resize(key.size() - 2);  // its end
  return key;
}

// --- Reading ------------------------------------------------------------------

namespace {

// Bytes taken off the front of a key; inverted where the key is.
class KeyReader {
 public:
  KeyReader(bool inverted, std::string_view* in) : mask_(inverted ? 0xff : 0), in_(*in) {}

  bool Byte(uint8_t* byte) {
    if (in_.empty()) return false;
    *byte = static_cast<uint8_t>(in_[0]) ^ mask_;
    in_.remove_prefix(1);
    return true;
  }
  bool Bytes(int bytes, uint64_t* value) {
    *value = 0;
    for (uint8_t byte; bytes-- > 0; *value = *value << 8 | byte)
      if (!Byte(&byte)) return false;
    return true;
  }
  bool Skip(size_t bytes) {
    if (in_.size() < bytes) return false;
    in_.remove_prefix(bytes);
    return true;
  }
  // Of a string; `out` may be null.
  bool Text(std::string* out) {
    const char zero = static_cast<char>(mask_);
    for (;;) {
      const size_t at = in_.find(zero);
      if (at == in_.npos || at + 1 == in_.size()) return false;
      const uint8_t behind = static_cast<uint8_t>(in_[at + 1]) ^ mask_;
      if (behind != 0 && behind != 0xff) return false;
      if (out != nullptr) {
        const size_t begin = out->size();
        out->append(in_.substr(0, behind == 0 ? at : at + 1));
        if (mask_ != 0) InvertKey(out, begin);
      }
      in_.remove_prefix(at + 2);
      if (behind == 0) return true;
    }
  }
  bool NumberOf(uint8_t tag, Number* n) {
    n->is_negative = tag < kKeyZero;
    n->size = n->is_negative ? kKeyZero - 1 - tag : tag - kKeyZero;
    if (n->is_negative) mask_ ^= 0xff;
    const bool ok = Parts(n);
    if (n->is_negative) mask_ ^= 0xff;
    return ok;
  }

 private:
  bool Parts(Number* n) {
    if (n->size == kHugeClass) return Bytes(8, &n->whole);
    uint8_t has_fraction = 0;
    if (!Bytes(n->size, &n->whole) || !Byte(&has_fraction) || has_fraction > 1)
      return false;
    return has_fraction == 0 || Bytes(n->size == 0 ? 8 : 7, &n->fraction);
  }
  uint8_t mask_;
  std::string_view& in_;
};

// Of what is no container, behind the tag.
bool SkipScalar(uint8_t tag, KeyReader* in) {
  Number number;
  switch (tag) {
    case kKeyEmptyArray:
    case kKeyNull:
    case kKeyNaN:
    case kKeyFalse:
    case kKeyTrue:
      return true;
    case kKeyString:
    case kKeyBytes:
      return in->Text(nullptr);
    case kKeyTimestamp:
      return in->Skip(8);
    case kKeyVector:
      for (uint8_t more;;) {
        if (!in->Byte(&more)) return false;
        if (more == 0) return true;
        if (!in->Skip(4)) return false;
      }
    default:
      return tag >= kKeyNumbers && tag < kKeyNumbersEnd && in->NumberOf(tag, &number);
  }
}

void WriteNumber(const Number& n, Writer* out) {
  if (n.size != kHugeClass && n.fraction == 0) {
    if (!n.is_negative) return out->Uint(n.whole);
    if (n.whole <= uint64_t{1} << 63) return out->Int(static_cast<int64_t>(0 - n.whole));
  }
  double value = 0;
  if (n.size == kHugeClass || n.size == 0)
    value = std::bit_cast<double>(n.size == 0 ? n.fraction : n.whole);
  else
    value = static_cast<double>(n.whole) + static_cast<double>(n.fraction) / kTwoTo56;
  out->Double(n.is_negative ? -value : value);
}

}  // namespace

bool SkipIndexKey(bool descending, std::string_view* in) {
  KeyReader reader(descending, in);
  // Of each container that is open: is it an object?
  std::string open;
  do {
    uint8_t tag = 0;
    if (!reader.Byte(&tag)) return false;
    if (!open.empty() && tag == 0) {
      open.pop_back();
      continue;
    }
    if (!open.empty() && open.back() == 'o') {
      // It was the rank of a field.
      if (!reader.Text(nullptr) || !reader.Byte(&tag)) return false;
    }
    if (tag == kKeyArray || tag == kKeyObject)
      open.push_back(tag == kKeyObject ? 'o' : 'a');
    else if (!SkipScalar(tag, &reader))
      return false;
  } while (!open.empty());
  return true;
}

bool DecodeIndexKey(bool descending, std::string_view* in, Writer* out, bool* exact) {
  KeyReader reader(descending, in);
  uint8_t tag = 0;
  if (!reader.Byte(&tag)) return false;
  *exact = true;
  uint64_t bits = 0;
  std::string text;
  Number number;
  switch (tag) {
    case kKeyNull:
      *exact = false;
      out->Null();
      return true;
    case kKeyNaN:
      out->Double(std::nan(""));
      return true;
    case kKeyFalse:
    case kKeyTrue:
      out->Bool(tag == kKeyTrue);
      return true;
    case kKeyString:
    case kKeyBytes:
      if (!reader.Text(&text)) return false;
      tag == kKeyString ? out->String(text) : out->Bytes(text);
      return true;
    case kKeyTimestamp:
      if (!reader.Bytes(8, &bits)) return false;
      out->Timestamp(static_cast<int64_t>(bits ^ uint64_t{1} << 63));
      return true;
    default:
      if (tag < kKeyNumbers || tag >= kKeyNumbersEnd || !reader.NumberOf(tag, &number))
        return false;
      WriteNumber(number, out);
      return true;
  }
}

bool IsExactAsKey(const View& v) {
  switch (v.kind()) {
    case Kind::kDouble: {
      const double value = v.double_value();
      return std::isnan(value) || std::abs(value) >= kTwoTo64 ||
             std::trunc(value) != value;
    }
    case Kind::kDamaged:
    case Kind::kVector:
    case Kind::kArray:
    case Kind::kObject:
      return false;
    default:
      return true;
  }
}

}  // namespace sheaf::document
