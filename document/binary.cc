#include "document/binary.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/base/attributes.h"
#include "absl/strings/str_cat.h"
#include "document/json.h"
#include "pager/coding.h"
#include "pager/status_macros.h"

namespace sheaf::document {

using pager::DecodeFixed32;
using pager::DecodeFixed64;
using pager::DecodeVarint64;
using pager::EncodeFixed32;
using pager::EncodeFixed64;
using pager::EncodeVarint64;
using pager::VarintBytes;

namespace {

enum Tag : uint8_t {
  kNull = 0x00,
  kFalse = 0x01,
  kTrue = 0x02,
  kInt = 0x03,
  kUint = 0x04,
  kDouble = 0x05,
  kFloat = 0x06,
  kTimestamp = 0x07,
  kString = 0x08,
  kBytes = 0x09,
  kVector = 0x0a,
  kArray = 0x0b,
  kObject = 0x0c,
  kShortString = 0x40,
  kSmallInt = 0x80,
};
constexpr size_t kShortStringMax = 63;
constexpr int64_t kSmallIntMax = 127;

uint64_t ZigZag(int64_t value) {
  return static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63);
}
int64_t UnZigZag(uint64_t value) {
  return static_cast<int64_t>(value >> 1 ^ (~(value & 1) + 1));
}

// Behind a varint that is as short as can be; null when there is none.
const char* ReadVarint(const char* at, const char* end, uint64_t* value) {
  if (at != end && static_cast<uint8_t>(*at) < 128) [[likely]] {
    *value = static_cast<uint8_t>(*at);
    return at + 1;
  }
  const char* const behind = DecodeVarint64(at, end, value);
  return behind != nullptr && behind[-1] != 0 ? behind : nullptr;
}

uint64_t VarintAt(const char* at) {  // that was measured
  uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = static_cast<uint8_t>(*at++);
    value |= uint64_t{byte & 127u} << shift;
    if (byte < 128) return value;
  }
}

bool IsFloat(double value) {
  return std::abs(value) <= std::numeric_limits<float>::max() &&
         static_cast<double>(static_cast<float>(value)) == value;
}

}  // namespace

// --- Views ------------------------------------------------------------------

namespace {

constexpr std::array<Kind, 256> KindsByTag() {
  std::array<Kind, 256> kinds{};
  for (size_t tag = 0; tag < 256; ++tag)
    kinds[tag] = tag >= kSmallInt      ? Kind::kInt
                 : tag >= kShortString ? Kind::kString
                                       : Kind::kDamaged;
  constexpr Kind kFirst[] = {
      Kind::kNull,   Kind::kBool,   Kind::kBool,      Kind::kInt,    Kind::kUint,
      Kind::kDouble, Kind::kDouble, Kind::kTimestamp, Kind::kString, Kind::kBytes,
      Kind::kVector, Kind::kArray,  Kind::kObject};
  for (size_t tag = 0; tag <= kObject; ++tag) kinds[tag] = kFirst[tag];
  return kinds;
}

struct Extent {
  uint64_t size;  // 0: no value
  uint8_t head;
};

// Of the value that begins at `at`, which is not the end.
inline Extent Measure(const char* at, const char* end) {
  const auto tag = static_cast<uint8_t>(*at);
  if (tag >= kSmallInt || tag <= kTrue) return {1, 1};
  const auto room = static_cast<uint64_t>(end - at);
  uint64_t size = 0, number = 0;
  uint8_t head = 1;
  switch (tag) {
    case kFloat:
      size = 5;
      break;
    case kUint:
    case kDouble:
      size = 9;
      break;
    case kInt:
    case kTimestamp:
      // Most have two bytes: the first goes on, the second does not, and is not zero.
      if (room > 2 && static_cast<uint8_t>(at[1]) >= 0x80 &&
          static_cast<uint8_t>(at[2] - 1) < 0x7f) {
        size = 3;
      } else if (const char* behind = ReadVarint(at + 1, end, &number)) {
        size = static_cast<uint64_t>(behind - at);
      } else {
        return {0, 0};
      }
      head = static_cast<uint8_t>(size);
      break;
    case kString:
    case kBytes:
    case kVector:
    case kArray:
    case kObject: {
      const char* const behind = ReadVarint(at + 1, end, &number);
      if (behind == nullptr || number > kDocumentBytesMax * 2) return {0, 0};
      head = static_cast<uint8_t>(behind - at);
      size = head + (tag == kVector ? number * sizeof(float) : number);
      break;
    }
    default:
      if (tag < kShortString) return {0, 0};
      size = 1u + tag - kShortString;
  }
  if (size > room || size > UINT32_MAX) return {0, 0};
  return {size, head};
}

}  // namespace

constinit const std::array<Kind, 256> View::kKinds = KindsByTag();

View View::AtSized(const char* at, const char* end, const NameTable* names) {
  const Extent extent = Measure(at, end);
  if (extent.size == 0) return {};
  return {at, static_cast<uint32_t>(extent.size), extent.head, names};
}

View View::Null() {
  static constexpr char kBytes[] = {kNull};
  return {kBytes, 1, 1, nullptr};
}

int64_t View::int_value() const {
  const auto tag = static_cast<uint8_t>(*at_);
  return tag >= kSmallInt ? tag - kSmallInt : UnZigZag(VarintAt(at_ + 1));
}

uint64_t View::uint_value() const { return DecodeFixed64(at_ + 1); }
int64_t View::timestamp_micros() const { return UnZigZag(VarintAt(at_ + 1)); }

double View::double_value() const {
  if (static_cast<uint8_t>(*at_) == kFloat)
    return std::bit_cast<float>(DecodeFixed32(at_ + 1));
  return std::bit_cast<double>(DecodeFixed64(at_ + 1));
}

std::vector<float> View::vector_value() const {
  const std::string_view body = Body();
  std::vector<float> floats(body.size() / sizeof(float));
  for (size_t i = 0; i < floats.size(); ++i)
    floats[i] = std::bit_cast<float>(DecodeFixed32(body.data() + 4 * i));
  return floats;
}

void ObjectCursor::ReadLong() {
  value_ = View();
  is_own_ = true;
  own_name_ = {};
  uint64_t name = 0;
  const char* at = ReadVarint(at_, end_, &name);
  if (at == nullptr) return;
  number_ = name >> 1;
  if ((name & 1) == 0) {
    if (number_ >= names_->size()) return;
    is_own_ = false;
  } else {
    if (number_ > static_cast<uint64_t>(end_ - at)) return;
    own_name_ = {at, number_};
    at += number_;
  }
  value_ = View::At(at, end_, names_);
}

void FieldName::Bind(const NameTable& names) {
  const std::optional<uint32_t> id = names.Find(text_);
  names_ = &names;
  is_known_ = id.has_value();
  id_ = id.value_or(names.size());
}

std::optional<View> View::Field(std::string_view name) const {
  if (kind() != Kind::kObject) return std::nullopt;
  const std::optional<uint32_t> id = names_->Find(name);
  return FindField(name, id.value_or(names_->size()), id.has_value());
}

std::optional<View> View::Field(const FieldName& name) const {
  if (name.names_ != names_) return Field(name.text_);
  if (kind() != Kind::kObject) return std::nullopt;
  return FindField(name.text_, name.id_, name.is_known_);
}

// `id`: of the name; if that is not known, the first that it could have got since. Goes
// over other fields without making views of them.
std::optional<View> View::FindField(std::string_view name, uint32_t id,
                                    bool is_known) const {
  const uint64_t numbers_end = names_->size();
  const char* at = at_ + head_;
  const char* const end = at_ + size_;
  while (at != end) {
    uint64_t number = 0;
    at = ReadVarint(at, end, &number);
    if (at == nullptr) return View();
    const bool is_own = (number & 1) != 0;
    number >>= 1;
    if (number >= (is_own ? static_cast<uint64_t>(end - at) : numbers_end)) return View();
    bool same = number == id;
    if (is_own) {
      same = std::string_view(at, number) == name;
      at += number;
    } else if (!is_known) {
      same = number >= id && names_->NameOf(static_cast<uint32_t>(number)) == name;
    }
    const Extent extent = at == end ? Extent{0, 0} : Measure(at, end);
    if (extent.size == 0) return View();
    if (same) return View(at, static_cast<uint32_t>(extent.size), extent.head, names_);
    at += extent.size;
  }
  return std::nullopt;
}

std::optional<View> View::Element(uint64_t index) const {
  if (kind() != Kind::kArray) return std::nullopt;
  for (ArrayCursor c = elements(); c.Valid(); c.Next(), --index)
    if (index == 0 || c.value().is_damaged()) return c.value();
  return std::nullopt;
}

View RootOf(std::string_view document, const NameTable& names) {
  if (document.empty() || document[0] != kBinaryEncoding) return {};
  const char* const end = document.data() + document.size();
  const View root = View::At(document.data() + 1, end, &names);
  return root.bytes().size() + 1 == document.size() ? root : View();
}

// --- Validation -------------------------------------------------------------

namespace {

class Validator {
 public:
  explicit Validator(std::string_view document) : begin_(document.data()) {}

  // Small frames: it recurses as deep as documents nest.
  absl::Status Visit(const View& v, size_t depth) {
    if (v.kind() < Kind::kArray) return Scalar(v);
    if (depth > kDepthMax) return Wrong(v.bytes().data(), "is too deep");
    return v.kind() == Kind::kArray ? Elements(v, depth) : Fields(v, depth);
  }

  ABSL_ATTRIBUTE_NOINLINE absl::Status Wrong(const char* at, const char* what) const {
    return absl::DataLossError(
        absl::StrCat("stored document: byte ", at - begin_, ": ", what));
  }

 private:
  ABSL_ATTRIBUTE_NOINLINE absl::Status Scalar(const View& v) const {
    const char* const at = v.bytes().data();
    switch (v.kind()) {
      case Kind::kDamaged:
        return Wrong(where_, "is no value");
      case Kind::kInt:
        return static_cast<uint8_t>(*at) == kInt && v.int_value() >= 0 &&
                       v.int_value() <= kSmallIntMax
                   ? Wrong(at, "is a small integer in a long form")
                   : absl::OkStatus();
      case Kind::kUint:
        return v.uint_value() <= INT64_MAX
                   ? Wrong(at, "is a small integer in a long form")
                   : absl::OkStatus();
      case Kind::kDouble:
        return *at == kDouble && IsFloat(v.double_value())
                   ? Wrong(at, "is a float in a long form")
                   : absl::OkStatus();
      case Kind::kString:
        if (*at == kString && v.string_value().size() <= kShortStringMax)
          return Wrong(at, "is a short string in a long form");
        return IsValidUtf8(v.string_value()) ? absl::OkStatus()
                                             : Wrong(at, "is no UTF-8");
      case Kind::kVector:
        return Floats(v);
      default:
        return absl::OkStatus();
    }
  }

  absl::Status Floats(const View& v) const {
    const std::vector<float> floats = v.vector_value();
    for (const float f : floats)
      if (!std::isfinite(f)) return Wrong(v.bytes().data(), "has numbers that are none");
    return floats.empty() || floats.size() > kVectorSizeMax
               ? Wrong(v.bytes().data(), "has no size that a vector can have")
               : absl::OkStatus();
  }

  absl::Status Elements(const View& v, size_t depth) {
    for (ArrayCursor c = v.elements(); c.Valid(); c.Next()) {
      where_ = v.bytes().data();
      SHEAF_RETURN_IF_ERROR(Visit(c.value(), depth + 1));
    }
    return absl::OkStatus();
  }

  absl::Status Fields(const View& v, size_t depth) {
    for (ObjectCursor c = v.fields(); c.Valid(); c.Next()) {
      where_ = v.bytes().data();
      SHEAF_RETURN_IF_ERROR(Visit(c.value(), depth + 1));
    }
    return Names(v);
  }

  ABSL_ATTRIBUTE_NOINLINE absl::Status Names(const View& v) const {
    const char* const at = v.bytes().data();
    std::vector<std::string_view> names;
    for (ObjectCursor c = v.fields(); c.Valid(); c.Next()) {
      names.push_back(c.name());
      if (!c.name_id().has_value() && !IsValidUtf8(c.name()))
        return Wrong(at, "has a name that is no UTF-8");
    }
    std::sort(names.begin(), names.end());
    return std::adjacent_find(names.begin(), names.end()) == names.end()
               ? absl::OkStatus()
               : Wrong(at, "has a name twice");
  }

  const char* const begin_;
  const char* where_ = nullptr;  // what holds the value
};

}  // namespace

absl::Status Validate(std::string_view document, const NameTable& names) {
  Validator validator(document);
  if (document.size() > kDocumentBytesMax)
    return validator.Wrong(document.data(), "is too large");
  const View root = RootOf(document, names);
  if (root.is_damaged()) return validator.Wrong(document.data(), "is no document");
  return validator.Visit(root, 1);
}

// --- Writing ----------------------------------------------------------------

void Writer::Clear() {
  out_.clear();
  out_.resize(out_.capacity());
  size_ = 0;
  Tag(kBinaryEncoding);
  open_.clear();
  seen_.clear();
  own_.clear();
  status_ = absl::OkStatus();
}

void Writer::Fail(std::string what) {
  if (status_.ok()) status_ = absl::InvalidArgumentError(what);
}

void Writer::Grow(size_t bytes) {
  out_.resize(std::max(size_ + bytes + 64, out_.size() * 2));
}

void Writer::Append(std::string_view bytes) {
  if (bytes.empty()) return;  // it may have no address
  std::memcpy(Room(bytes.size()), bytes.data(), bytes.size());
  size_ += bytes.size();
}

void Writer::Varint(uint64_t value) {
  if (value < 0x80) return Tag(static_cast<uint8_t>(value));
  char* const at = Room(pager::kVarint64BytesMax);
  size_ += static_cast<size_t>(EncodeVarint64(at, value) - at);
}

void Writer::Int(int64_t value) {
  if (value >= 0 && value <= kSmallIntMax)
    return Tag(static_cast<uint8_t>(kSmallInt + value));
  Tag(kInt);
  Varint(ZigZag(value));
}

void Writer::Uint(uint64_t value) {
  if (value <= INT64_MAX) return Int(static_cast<int64_t>(value));
  Tag(kUint);
  EncodeFixed64(Room(8), value);
  size_ += 8;
}

void Writer::Double(double value) {
  if (IsFloat(value)) {
    Tag(kFloat);
    EncodeFixed32(Room(4), std::bit_cast<uint32_t>(static_cast<float>(value)));
    size_ += 4;
    return;
  }
  Tag(kDouble);
  // One pattern for what is not a number.
  if (std::isnan(value)) value = std::bit_cast<double>(uint64_t{0x7ff8} << 48);
  EncodeFixed64(Room(8), std::bit_cast<uint64_t>(value));
  size_ += 8;
}

void Writer::Timestamp(int64_t micros) {
  Tag(kTimestamp);
  Varint(ZigZag(micros));
}

void Writer::Sized(uint8_t tag, std::string_view bytes) {
  if (bytes.size() > kDocumentBytesMax) return Fail("a document has at most 64 MiB");
  Tag(tag);
  Varint(bytes.size());
  Append(bytes);
}

void Writer::String(std::string_view value) {
  if (!IsValidUtf8(value)) return Fail("a string is not valid UTF-8");
  Utf8(value);
}

void Writer::Utf8(std::string_view value) {
  if (value.size() > kShortStringMax) return Sized(kString, value);
  Tag(static_cast<uint8_t>(kShortString + value.size()));
  Append(value);
}

void Writer::Vector(absl::Span<const float> value) {
  if (value.empty() || value.size() > kVectorSizeMax)
    return Fail(absl::StrCat("a vector of ", value.size(), " numbers; 1 to ",
                             kVectorSizeMax, " are possible"));
  Tag(kVector);
  Varint(value.size());
  for (const float f : value) {
    if (!std::isfinite(f)) return Fail("a vector holds a number that is not finite");
    EncodeFixed32(Room(4), std::bit_cast<uint32_t>(f));
    size_ += 4;
  }
}

void Writer::Begin(uint8_t tag) {
  if (open_.size() >= kDepthMax)
    Fail(absl::StrCat("nested more than ", kDepthMax, " deep"));
  Tag(tag);
  Tag(0);
  open_.push_back({size_, seen_.size(), tag == kObject});
}

void Writer::Name(std::string_view name) {
  uint64_t number = 0;
  const uint32_t known = names_.size();
  const std::optional<uint32_t> id = names_.Intern(name);
  if (id.value_or(known) >= known && !IsValidUtf8(name))
    return Fail("a field's name is not valid UTF-8");
  if (id.has_value()) {
    number = *id;
    Varint(number << 1);
  } else {
    number = own_.emplace(name, NameTable::kNamesMax + own_.size()).first->second;
    Varint(name.size() << 1 | 1);
    Append(name);
  }
  seen_.push_back(number);
}

bool Writer::NameAsBefore(std::string_view json) {
  const std::optional<uint32_t> id = names_.InternGuess(json);
  if (!id.has_value()) return false;
  Varint(uint64_t{*id} << 1);
  seen_.push_back(*id);
  return true;
}

void Writer::CheckNames(size_t first) {
  uint64_t bits = 0;
  bool may_be_twice = false;
  for (size_t i = first; i < seen_.size(); ++i) {
    const uint64_t bit = uint64_t{1} << (seen_[i] & 63);
    may_be_twice |= (bits & bit) != 0;
    bits |= bit;
  }
  if (!may_be_twice) return;
  const auto begin = seen_.begin() + static_cast<ptrdiff_t>(first);
  bool twice = false;
  if (seen_.size() - first <= 12) {
    for (auto a = begin; a != seen_.end() && !twice; ++a)
      twice = std::find(a + 1, seen_.end(), *a) != seen_.end();
  } else {
    std::sort(begin, seen_.end());
    twice = std::adjacent_find(begin, seen_.end()) != seen_.end();
  }
  if (twice) Fail("an object has a name twice");
}

void Writer::End() {
  const Open inner = open_.back();
  open_.pop_back();
  if (inner.is_object) CheckNames(inner.first_name);
  seen_.resize(inner.first_name);
  const uint64_t size = size_ - inner.body;
  const size_t bytes = VarintBytes(size);
  if (bytes > 1) {
    Room(bytes - 1);
    char* const body = out_.data() + inner.body;
    std::memmove(body + bytes - 1, body, size);
    size_ += bytes - 1;
  }
  EncodeVarint64(out_.data() + inner.body - 1, size);
}

namespace {

// Can all of it be reached, and none of it too deep?
bool IsSound(const View& v, size_t depth) {
  if (v.kind() < Kind::kArray) return !v.is_damaged();
  if (depth > kDepthMax) return false;
  if (v.kind() == Kind::kArray) {
    for (ArrayCursor c = v.elements(); c.Valid(); c.Next())
      if (!IsSound(c.value(), depth + 1)) return false;
    return true;
  }
  for (ObjectCursor c = v.fields(); c.Valid(); c.Next())
    if (!IsSound(c.value(), depth + 1)) return false;
  return true;
}

}  // namespace

void Writer::Copy(const View& value) {
  if (size_ > kDocumentBytesMax) Fail("a document has at most 64 MiB");
  if (!status_.ok()) return;  // it may be too deep, or without end
  const bool is_same = value.kind() < Kind::kArray || value.names() == &names_;
  if (is_same && IsSound(value, open_.size() + 1))
    Append(value.bytes());
  else
    CopyParts(value);
}

void Writer::CopyParts(const View& value) {
  if (!status_.ok()) return;
  switch (value.kind()) {
    case Kind::kDamaged:
      status_ = absl::DataLossError("stored document: a value in it is damaged");
      return;
    case Kind::kArray:
      BeginArray();
      for (ArrayCursor c = value.elements(); c.Valid(); c.Next()) CopyParts(c.value());
      return End();
    case Kind::kObject:
      BeginObject();
      for (ObjectCursor c = value.fields(); c.Valid(); c.Next()) {
        CopyName(c);
        CopyParts(c.value());
      }
      return End();
    default:
      Append(value.bytes());
  }
}

void Writer::CopyName(const ObjectCursor& field) {
  const std::optional<uint32_t> id = field.name_id();
  if (!id.has_value() && !IsValidUtf8(field.name())) {
    if (status_.ok())
      status_ = absl::DataLossError("stored document: a name in it is no UTF-8");
    return;
  }
  if (!id.has_value() || field.names() != &names_) return Name(field.name());
  Varint(uint64_t{*id} << 1);
  seen_.push_back(*id);
}

absl::StatusOr<std::string> Writer::Finish() {
  if (size_ > kDocumentBytesMax) Fail("a document has at most 64 MiB");
  out_.resize(size_);
  std::string document = std::move(out_);
  absl::Status status = std::move(status_);
  Clear();
  if (!status.ok()) return status;
  return document;
}

}  // namespace sheaf::document
