#include "vector/npy_header.h"

#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "pager/coding.h"
#include "pager/status_macros.h"

namespace sheaf::vectors {
namespace {

// The file begins so (numpy.lib.format):
//
//   offset  size  field
//        0     6  magic         "\x93NUMPY"
//        6     2  version       major, minor
//        8  2, 4  header_size   two bytes in version 1.0, four in 2.0 and 3.0
//        .     .  header        a literal of Python, padded with spaces and a line end
//
//   header := "{" [entry ("," entry)* [","]] "}"
//   entry  := "'descr'" ":" string | "'fortran_order'" ":" ("True" | "False") |
//             "'shape'" ":" shape
//   shape  := "(" [number "," [number ("," number)* [","]]] ")"
//
// Each of the three stands there once, in any order. Space is free between all of them,
// strings have single or double quotes and no escapes. (A descr may be a list as well, of
// an array of structures: it is refused by that.)
constexpr char kMagic[] = "\x93NUMPY";
constexpr size_t kMagicBytes = 6, kVersionBytes = 2;
// NumPy itself writes 118 and, unless told otherwise, reads no more than 10000.
constexpr uint32_t kHeaderBytesMax = 64 << 10;

absl::Status Wrong(const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("npy: ", what));
}

struct Fields {
  std::optional<std::string> descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<uint64_t>> shape;
};

class Parser {
 public:
  // `first_byte`: of the text in its file.
  Parser(std::string_view text, size_t first_byte)
      : text_(text), first_byte_(first_byte) {}

  absl::StatusOr<Fields> Run() {
    SHEAF_RETURN_IF_ERROR(Expect('{'));
    while (!Take('}')) {
      SHEAF_RETURN_IF_ERROR(TakeEntry());
      if (Take(',')) continue;
      SHEAF_RETURN_IF_ERROR(Expect('}'));
      break;
    }
    SkipSpace();
    if (at_ < text_.size()) return Fail("something behind the closing brace");
    if (!fields_.descr || !fields_.fortran_order || !fields_.shape)
      return Fail("one of descr, fortran_order and shape is missing");
    return fields_;
  }

 private:
  absl::Status Fail(const char* what) const {
    return Wrong(absl::StrCat("byte ", first_byte_ + at_, ": ", what));
  }
  void SkipSpace() {
    const size_t found = text_.find_first_not_of(" \t\n\r\f", at_);
    at_ = found == text_.npos ? text_.size() : found;
  }
  bool Take(char c) {
    SkipSpace();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool Take(std::string_view word) {
    SkipSpace();
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  absl::Status Expect(char c) {
    const char what[] = {'n', 'o', ' ', '\'', c, '\'', '\0'};
    return Take(c) ? absl::OkStatus() : Fail(what);
  }

  absl::Status TakeEntry() {
    SHEAF_ASSIGN_OR_RETURN(const std::string key, TakeString());
    SHEAF_RETURN_IF_ERROR(Expect(':'));
    if (key == "descr" && !fields_.descr) {
      SkipSpace();
      if (at_ < text_.size() && text_[at_] == '[')
        return Fail("an array of structures is not read");
      SHEAF_ASSIGN_OR_RETURN(fields_.descr, TakeString());
    } else if (key == "fortran_order" && !fields_.fortran_order) {
      fields_.fortran_order = Take("True");
      if (!*fields_.fortran_order && !Take("False")) return Fail("no True or False");
    } else if (key == "shape" && !fields_.shape) {
      SHEAF_ASSIGN_OR_RETURN(fields_.shape, TakeShape());
    } else {
      return Fail("behind a key that is unknown or there twice");
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> TakeString() {
    const bool is_single = Take('\'');
    if (!is_single && !Take('"')) return Fail("no string");
    const size_t end = text_.find(is_single ? '\'' : '"', at_);
    if (end == text_.npos) return Fail("a string without end");
    const std::string text(text_.substr(at_, end - at_));
    if (text.find_first_of("\\\n") != text.npos) return Fail("a string with escapes");
    at_ = end + 1;
    return text;
  }

  absl::StatusOr<std::vector<uint64_t>> TakeShape() {
    std::vector<uint64_t> shape;
    SHEAF_RETURN_IF_ERROR(Expect('('));
    while (!Take(')')) {
      SHEAF_ASSIGN_OR_RETURN(const uint64_t number, TakeNumber());
      shape.push_back(number);
      if (Take(',')) continue;
      if (shape.size() == 1) return Fail("no ',': one number in brackets is no shape");
      SHEAF_RETURN_IF_ERROR(Expect(')'));
      break;
    }
    return shape;
  }

  absl::StatusOr<uint64_t> TakeNumber() {
    SkipSpace();
    const size_t first = at_;
    uint64_t number = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      const uint64_t digit = static_cast<uint64_t>(text_[at_] - '0');
      if (number > (std::numeric_limits<uint64_t>::max() - digit) / 10)
        return Fail("a number of more than 64 bits");
      number = number * 10 + digit;
    }
    if (at_ == first) return Fail("no number");
    return number;
  }

  const std::string_view text_;
  const size_t first_byte_;
  size_t at_ = 0;
  Fields fields_;
};

absl::StatusOr<ComponentType> TypeOf(const std::string& descr) {
  if (descr == "<f4") return ComponentType::kFloat;
  if (descr == "<f2") return ComponentType::kHalf;
  if (descr == "<f8") return ComponentType::kDouble;
  if (descr == "|i1") return ComponentType::kInt8;
  if (descr == "|u1") return ComponentType::kUint8;
  return Wrong(absl::StrCat("components of type '", absl::CHexEscape(descr.substr(0, 20)),
                            "'", descr.starts_with('>') ? ", big-endian," : "",
                            " are not read; <f4, <f2, <f8, |i1 and |u1 are"));
}

absl::StatusOr<std::string> Read(std::istream* in, size_t size, const char* what) {
  std::string bytes(size, '\0');
  in->read(bytes.data(), static_cast<std::streamsize>(size));
  const auto got = static_cast<size_t>(in->gcount());
  if (got == size) return bytes;
  if (in->bad()) return absl::UnavailableError("npy: the stream cannot be read");
  return Wrong(absl::StrCat(what, " is cut short: ", got, " of ", size, " bytes"));
}

}  // namespace

absl::StatusOr<NpyHeader> ReadNpyHeader(std::istream* in) {
  SHEAF_ASSIGN_OR_RETURN(const std::string start,
                         Read(in, kMagicBytes + kVersionBytes, "the magic"));
  if (std::memcmp(start.data(), kMagic, kMagicBytes) != 0)
    return Wrong("the file does not begin as one of NumPy's");
  const int major = static_cast<uint8_t>(start[6]),
            minor = static_cast<uint8_t>(start[7]);
  if (major < 1 || major > 3 || minor != 0)
    return Wrong(absl::StrCat("version ", major, ".", minor, " is not known"));
  SHEAF_ASSIGN_OR_RETURN(const std::string size,
                         Read(in, major == 1 ? 2 : 4, "the header's size"));
  const uint32_t header_size =
      major == 1 ? pager::DecodeFixed16(size.data()) : pager::DecodeFixed32(size.data());
  if (header_size > kHeaderBytesMax) return Wrong("the header is longer than 64 KiB");
  SHEAF_ASSIGN_OR_RETURN(const std::string text, Read(in, header_size, "the header"));

  NpyHeader header;
  header.bytes = start.size() + size.size() + text.size();
  SHEAF_ASSIGN_OR_RETURN(const Fields fields,
                         Parser(text, start.size() + size.size()).Run());
  SHEAF_ASSIGN_OR_RETURN(header.component, TypeOf(*fields.descr));
  if (fields.shape->size() != 2)
    return Wrong(absl::StrCat("an array of ", fields.shape->size(),
                              " axes; one of two is read, a vector a row"));
  if (*fields.fortran_order)
    return Wrong("the array is in Fortran order; C order is read, row behind row");
  header.rows = fields.shape->at(0);
  header.columns = fields.shape->at(1);
  return header;
}

}  // namespace sheaf::vectors
