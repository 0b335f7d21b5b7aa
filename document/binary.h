// Binary documents: the bytes, a writer, and views that read a field without decoding the
// rest. Installed as <sheaf/binary.h>.
//
//   document := encoding 2 (1 byte), value
//   value    := tag (1 byte), and by tag:
//     00 null   01 false   02 true
//     03 integer     zigzag varint; of those that no tag of its own holds
//     04 integer     8 bytes; above 2^63 - 1
//     05 double      8 bytes
//     06 double      4 bytes, a float; of those that are one
//     07 timestamp   zigzag varint, microseconds since 1970
//     08 string      varint size, UTF-8; of 64 bytes or more
//     09 bytes       varint size, bytes
//     0a vector      varint number of floats, 4 bytes each; finite, at least one
//     0b array       varint size in bytes, its elements
//     0c object      varint size in bytes, its fields in the order they were given
//     40-7f string   of tag - 40 bytes
//     80-ff integer  tag - 80
//   field    := name, value
//   name     := varint number * 2: of the collection's names (document/names.h)
//               varint size * 2 + 1, UTF-8: its own
//
// Numbers are little-endian; each varint is as short as can be, each value has the first
// form that fits. No object has a name twice. At most kDepthMax arrays and objects are
// inside each other, and a document has at most kDocumentBytesMax bytes.
//
// Reading doubts the bytes: a view is inside its document, whatever that holds, and what
// is no value becomes one of kind kDamaged. Validate looks at everything at once.
//
// Views point into the bytes and the names. Thread-compatible.
#ifndef SHEAF_BINARY_H_
#define SHEAF_BINARY_H_
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "sheaf/names.h"

namespace sheaf::document {

inline constexpr char kBinaryEncoding = 2;
inline constexpr size_t kDepthMax = 1000;
inline constexpr uint64_t kDocumentBytesMax = uint64_t{64} << 20;
inline constexpr uint32_t kVectorSizeMax = 65536;

enum class Kind : uint8_t {
  kDamaged,
  kNull,
  kBool,
  kInt,   // fits int64_t
  kUint,  // is above it
  kDouble,
  kTimestamp,
  kString,
  kBytes,
  kVector,
  kArray,
  kObject,
};

class ObjectCursor;
class ArrayCursor;

// The name of a field, looked up once for many documents.
class FieldName {
 public:
  explicit FieldName(std::string text) : text_(std::move(text)) {}
  const std::string& text() const { return text_; }
  // Requires: the table outlives it and loses no names.
  void Bind(const NameTable& names);

 private:
  friend class View;
  std::string text_;
  const NameTable* names_ = nullptr;
  uint32_t id_ = 0;  // in names_; if it is not there, the first that it could get
  bool is_known_ = false;
};

// A value inside a document.
class View {
 public:
  View() = default;  // damaged
  // The value that begins at `at` and ends before `end`.
  static View At(const char* at, const char* end, const NameTable* names) {
    if (at == end) return {};
    const auto tag = static_cast<uint8_t>(*at);
    if (tag >= 0x80 || tag <= 0x02) return {at, 1, 1, names};
    if (tag < 0x40) return AtSized(at, end, names);
    const uint32_t size = 1u + tag - 0x40u;
    return size <= static_cast<uint64_t>(end - at) ? View(at, size, 1, names) : View();
  }
  static View Null();  // of no document

  Kind kind() const {
    return size_ == 0 ? Kind::kDamaged : kKinds[static_cast<uint8_t>(*at_)];
  }
  bool is_damaged() const { return size_ == 0; }
  bool is_number() const { return kind() >= Kind::kInt && kind() <= Kind::kDouble; }
  // Requires: the kind.
  bool bool_value() const { return *at_ == 2; }
  int64_t int_value() const;
  uint64_t uint_value() const;
  double double_value() const;
  int64_t timestamp_micros() const;
  std::string_view string_value() const { return Body(); }
  std::string_view bytes_value() const { return Body(); }
  std::vector<float> vector_value() const;
  ObjectCursor fields() const;
  ArrayCursor elements() const;

  // Of an object, or of an array; none where it is neither, or has none such.
  std::optional<View> Field(std::string_view name) const;
  std::optional<View> Field(const FieldName& name) const;
  std::optional<View> Element(uint64_t index) const;

  // Of an array or object: its elements or fields, one behind the other.
  std::string_view body() const { return Body(); }
  // All of it. Equal bytes are equal values only where both are of one collection.
  std::string_view bytes() const { return {at_, size_}; }
  const NameTable* names() const { return names_; }

 private:
  friend class ArrayCursor;
  View(const char* at, uint32_t size, uint8_t head, const NameTable* names)
      : at_(at), size_(size), head_(head), names_(names) {}
  static View AtSized(const char* at, const char* end, const NameTable* names);
  std::string_view Body() const { return {at_ + head_, size_ - head_}; }
  std::optional<View> FindField(std::string_view name, uint32_t id, bool is_known) const;
  static const std::array<Kind, 256> kKinds;  // by the tag

  const char* at_ = nullptr;  // the tag
  uint32_t size_ = 0;         // tag included; 0: damaged
  uint8_t head_ = 0;          // bytes before the body, of what has one
  const NameTable* names_ = nullptr;
};

//   for (ArrayCursor c = array.elements(); c.Valid(); c.Next()) … c.value() …
// What is no element comes as a damaged one, and is the last.
class ArrayCursor {
 public:
  ArrayCursor(std::string_view body, const NameTable* names)
      : at_(body.data()), end_(at_ + body.size()), names_(names) {
    Read();
  }
  bool Valid() const { return valid_; }
  void Next() {
    at_ = value_.is_damaged() ? end_ : at_ + value_.bytes().size();
    Read();
  }
  const View& value() const { return value_; }
  // The bytes from here on.
  std::string_view rest() const { return {at_, static_cast<size_t>(end_ - at_)}; }

 private:
  void Read() {
    valid_ = at_ != end_;
    if (valid_) value_ = View::At(at_, end_, names_);
  }
  const char* at_;
  const char* end_;
  const NameTable* names_;
  View value_;
  bool valid_ = false;
};

// The same of fields; one whose name is none has a damaged value.
class ObjectCursor {
 public:
  ObjectCursor(std::string_view body, const NameTable* names)
      : at_(body.data()), end_(at_ + body.size()), names_(names) {
    Read();
  }
  bool Valid() const { return valid_; }
  void Next() {
    at_ = value_.is_damaged() ? end_ : value_.bytes().data() + value_.bytes().size();
    Read();
  }
  std::string_view name() const {
    return is_own_ ? own_name_ : names_->NameOf(static_cast<uint32_t>(number_));
  }
  // Of the collection's names, if it is one of them.
  std::optional<uint32_t> name_id() const {
    if (is_own_) return std::nullopt;
    return static_cast<uint32_t>(number_);
  }
  const NameTable* names() const { return names_; }
  const View& value() const { return value_; }
  std::string_view rest() const { return {at_, static_cast<size_t>(end_ - at_)}; }

 private:
  void Read() {
    valid_ = at_ != end_;
    if (!valid_) return;
    const auto name = static_cast<uint8_t>(*at_);
    number_ = name >> 1;
    is_own_ = (name & 0x81) != 0 || number_ >= names_->size();
    if (is_own_) [[unlikely]]
      return ReadLong();
    value_ = View::At(at_ + 1, end_, names_);
  }
  void ReadLong();  // of a name that is not in one byte
  const char* at_;
  const char* end_;
  const NameTable* names_;
  uint64_t number_ = 0;
  std::string_view own_name_;
  bool is_own_ = false, valid_ = false;
  View value_;
};

inline ObjectCursor View::fields() const { return {Body(), names_}; }
inline ArrayCursor View::elements() const { return {Body(), names_}; }

// The root of a document; damaged when it is none.
View RootOf(std::string_view document, const NameTable& names);
// kDataLoss names the first thing that is wrong, and the byte.
absl::Status Validate(std::string_view document, const NameTable& names);

// Builds a document. Calls must come in an order that makes one; what is wrong with the
// content is told by Finish. Names that are new are added to `names`, whatever comes of it.
class Writer {
 public:
  explicit Writer(NameTable* names) : names_(*names) { Clear(); }

  void Null() { Tag(0); }
  void Bool(bool value) { Tag(value ? 2 : 1); }
  void Int(int64_t value);
  void Uint(uint64_t value);
  void Double(double value);
  void Timestamp(int64_t micros);
  void String(std::string_view value);
  void Utf8(std::string_view value);  // the same, when it is known to be valid
  void Bytes(std::string_view value) { Sized(0x09, value); }
  void Vector(absl::Span<const float> value);
  void BeginArray() { Begin(0x0b); }
  void BeginObject() { Begin(0x0c); }
  void Name(std::string_view name);  // of the field whose value comes next
  // The same, if that is a name that came behind the last one before, and in `json` it
  // stands right here, up to its closing quote. False: nothing is done. Requires:
  // NameTable::kGuessBytes can be read there.
  bool NameAsBefore(std::string_view json);
  void End();  // of the innermost array or object
  // Of any document. Of one with the same names the bytes are taken whole, once all of
  // them can be reached: what is wrong in strings and with names twice stays as it is.
  void Copy(const View& value);
  void CopyName(const ObjectCursor& field);

  // Empty again after it. kInvalidArgument: a name that is twice in one object, no UTF-8,
  // too deep, too large, a vector without numbers or with some that are not finite.
  // kDataLoss: what was copied is damaged.
  absl::StatusOr<std::string> Finish();
  const absl::Status& status() const { return status_; }  // so far
  void Reserve(size_t bytes) { Room(bytes); }

 private:
  struct Open {
    size_t body;        // begins behind a place for its size, of one byte
    size_t first_name;  // in seen_
    bool is_object;
  };
  void Clear();
  // Where the next bytes go; for so many.
  char* Room(size_t bytes) {
    if (out_.size() - size_ < bytes) [[unlikely]]
      Grow(bytes);
    return out_.data() + size_;
  }
  void Grow(size_t bytes);
  void Append(std::string_view bytes);
  void Tag(uint8_t tag) {
    *Room(1) = static_cast<char>(tag);
    ++size_;
  }
  void Varint(uint64_t value);
  void Sized(uint8_t tag, std::string_view bytes);
  void Begin(uint8_t tag);
  void Fail(std::string what);
  void CheckNames(size_t first);
  void CopyParts(const View& value);

  NameTable& names_;
  std::string out_;  // and behind the first size_ bytes of it room for more
  size_t size_ = 0;
  absl::InlinedVector<Open, 8> open_;
  absl::InlinedVector<uint64_t, 32> seen_;  // names of the open objects, by number
  // Numbers, above those of the table, of names that it did not take.
  absl::flat_hash_map<std::string, uint64_t> own_;
  absl::Status status_;
};

}  // namespace sheaf::document
#endif  // SHEAF_BINARY_H_
