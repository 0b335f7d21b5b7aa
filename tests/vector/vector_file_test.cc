// Files of vectors, made byte by byte: what is read of good ones, and that whatever is cut,
// changed or promised ends in an error that says where, never in a crash or much memory.
#include "vector/vector_file.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <sstream>
#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "pager/coding.h"

namespace sheaf::vectors {
namespace {

using Rows = std::vector<std::vector<float>>;
using enum VectorFileFormat;

std::string Fixed(uint64_t value, size_t size) {
  std::string bytes(8, '\0');
  pager::EncodeFixed64(bytes.data(), value);
  return bytes.substr(0, size);
}
std::string Float(float value) { return Fixed(std::bit_cast<uint32_t>(value), 4); }
std::string Double(double value) { return Fixed(std::bit_cast<uint64_t>(value), 8); }

std::string Fvec(std::initializer_list<float> values) {
  std::string bytes = Fixed(values.size(), 4);
  for (const float value : values) bytes += Float(value);
  return bytes;
}

// A file whose header is `dict`, padded as NumPy does.
std::string Npy(const std::string& dict, const std::string& rows, int version = 1) {
  std::string header = dict;
  const size_t before = version == 1 ? 10 : 12;
  header.resize((before + dict.size() + 64) / 64 * 64 - before - 1, ' ');
  header += '\n';
  return absl::StrCat("\x93NUMPY", std::string{static_cast<char>(version), '\0'},
                      Fixed(header.size(), version == 1 ? 2 : 4), header, rows);
}
std::string Dict(const std::string& descr, const std::string& shape) {
  return absl::StrCat("{'descr': '", descr, "', 'fortran_order': False, 'shape': ", shape,
                      ", }");
}

struct Outcome {
  absl::Status status;
  Rows rows;
  uint32_t dimensions = 0;
  std::optional<uint64_t> count;
};

Outcome ReadAll(const std::string& file, VectorFileFormat format) {
  Outcome outcome;
  std::istringstream in(file);
  auto reader = VectorFileReader::Open(&in, format);
  outcome.status = reader.status();
  if (!reader.ok()) return outcome;
  outcome.count = reader->count();
  std::vector<float> row;
  while (true) {
    const absl::StatusOr<bool> more = reader->Next(&row);
    outcome.dimensions = reader->dimensions();
    if (!more.ok() || !*more) {
      outcome.status = more.status();
      EXPECT_EQ(reader->Next(&row).status(), more.status()) << "not the same again";
      return outcome;
    }
    outcome.rows.push_back(row);
  }
}

std::string ErrorOf(const std::string& file, VectorFileFormat format) {
  const Outcome outcome = ReadAll(file, format);
  EXPECT_TRUE(absl::IsInvalidArgument(outcome.status)) << outcome.status;
  return std::string(outcome.status.message());
}

TEST(VectorFile, FormatIsToldByTheName) {
  EXPECT_EQ(FormatOfName("a/base.fvecs"), kFvecs);
  EXPECT_EQ(FormatOfName("base.tar.bvecs"), kBvecs);
  EXPECT_EQ(FormatOfName(".npy"), kNpy);
  for (const char* name : {"", "npy", "a.npz", "a.fvecs.gz", "a.ivecs", "a.npy/"})
    EXPECT_EQ(FormatOfName(name), std::nullopt) << name;
}

TEST(VectorFile, Fvecs) {
  const Outcome outcome = ReadAll(Fvec({1, -2.5f, 1e-40f}) + Fvec({0, 3e38f, 7}), kFvecs);
  EXPECT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_EQ(outcome.rows, (Rows{{1, -2.5f, 1e-40f}, {0, 3e38f, 7}}));
  EXPECT_EQ(outcome.dimensions, 3u);
  EXPECT_EQ(outcome.count, std::nullopt);
}

TEST(VectorFile, Bvecs) {
  const Outcome outcome = ReadAll(
      Fixed(2, 4) + "\x01\xff" + Fixed(2, 4) + std::string("\x00\x80", 2), kBvecs);
  EXPECT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_EQ(outcome.rows, (Rows{{1, 255}, {0, 128}}));
}

TEST(VectorFile, AnEmptyFileHasNoVectors) {
  for (const VectorFileFormat format : {kFvecs, kBvecs}) {
    const Outcome outcome = ReadAll("", format);
    EXPECT_TRUE(outcome.status.ok() && outcome.rows.empty());
    EXPECT_EQ(outcome.dimensions, 0u);
  }
  const Outcome outcome = ReadAll(Npy(Dict("<f4", "(0, 5)"), ""), kNpy);
  EXPECT_TRUE(outcome.status.ok() && outcome.rows.empty());
  EXPECT_EQ(outcome.dimensions, 5u);
  EXPECT_EQ(outcome.count, 0u);
}

// What is not a number goes through as it is.
TEST(VectorFile, NaNAndInfinitiesPass) {
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto expect = [&](const std::string& file, VectorFileFormat format) {
    const Outcome outcome = ReadAll(file, format);
    ASSERT_TRUE(outcome.status.ok()) << outcome.status;
    EXPECT_TRUE(std::isnan(outcome.rows[0][0]));
    EXPECT_EQ(outcome.rows[0][1], -inf);
  };
  expect(Fvec({nan, -inf}), kFvecs);
  expect(Npy(Dict("<f8", "(1, 2)"), Double(nan) + Double(-inf)), kNpy);
  expect(Npy(Dict("<f2", "(1, 2)"), Fixed(0x7e01, 2) + Fixed(0xfc00, 2)), kNpy);
}

TEST(VectorFile, NpyOfEachType) {
  const Rows rows = {{1, -2}, {0.5f, 3}, {0, 127}};
  const Rows integers = {{1, -2}, {-128, 3}, {0, 127}};
  std::string halves, floats, doubles;
  for (const uint64_t half : {0x3c00, 0xc000, 0x3800, 0x4200, 0x0000, 0x57f0})
    halves += Fixed(half, 2);
  for (const auto& row : rows)
    for (const float value : row) floats += Float(value), doubles += Double(value);
  const auto read = [](const char* descr, const std::string& bytes) {
    const Outcome outcome = ReadAll(Npy(Dict(descr, "(3, 2)"), bytes), kNpy);
    EXPECT_TRUE(outcome.status.ok()) << outcome.status;
    EXPECT_EQ(outcome.dimensions, 2u);
    EXPECT_EQ(outcome.count, 3u);
    return outcome.rows;
  };
  EXPECT_EQ(read("<f4", floats), rows);
  EXPECT_EQ(read("<f2", halves), rows);
  EXPECT_EQ(read("<f8", doubles), rows);
  EXPECT_EQ(read("|i1", std::string("\x01\xfe\x80\x03\x00\x7f", 6)), integers);
  EXPECT_EQ(read("|u1", std::string("\x01\xfe\x80\x03\x00\x7f", 6)),
            (Rows{{1, 254}, {128, 3}, {0, 127}}));
}

// All of them, against arithmetic.
TEST(VectorFile, HalvesAreExact) {
  std::string bytes;
  for (uint32_t half = 0; half < 0x10000; ++half) bytes += Fixed(half, 2);
  const Outcome outcome = ReadAll(Npy(Dict("<f2", "(64, 1024)"), bytes), kNpy);
  ASSERT_EQ(outcome.rows.size(), 64u) << outcome.status;
  for (uint32_t half = 0; half < 0x10000; ++half) {
    const float value = outcome.rows[half >> 10][half & 0x3ff];
    const int exponent = static_cast<int>(half >> 10 & 0x1f);
    const double fraction = (half & 0x3ff) / 1024.0;
    double size = exponent == 0 ? std::ldexp(fraction, -14)
                                : std::ldexp(1 + fraction, exponent - 15);
    if (exponent == 31) size = fraction == 0 ? INFINITY : NAN;
    EXPECT_EQ(std::signbit(value), half >= 0x8000) << half;
    EXPECT_TRUE(std::isnan(size) ? std::isnan(value) : std::abs(value) == size) << half;
  }
}

TEST(VectorFile, DoublesThatFitNoFloatAreRefused) {
  const double max = std::numeric_limits<float>::max();
  const Outcome fits = ReadAll(
      Npy(Dict("<f8", "(1, 3)"), Double(max) + Double(1e-300) + Double(0.1)), kNpy);
  EXPECT_EQ(fits.rows, (Rows{{std::numeric_limits<float>::max(), 0, 0.1f}}));
  for (const double large : {std::nextafter(max, INFINITY), -1e300}) {
    EXPECT_EQ(ErrorOf(Npy(Dict("<f8", "(1, 2)"), Double(1) + Double(large)), kNpy),
              "vector 0 (byte 128): component 1 does not fit a float");
  }
}

TEST(VectorFile, NpyHeadersAsOthersWriteThem) {
  const std::string row = Float(1) + Float(2);
  for (const char* dict :
       {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }",
        "{'shape': (1, 2), 'fortran_order': False, 'descr': '<f4'}",
        "{\"shape\":(1,2,),\"descr\":\"<f4\",\"fortran_order\":False}",
        " \n{ 'fortran_order' :\tFalse , 'shape' : ( 1 , 2 ) , 'descr' : '<f4' , } \n"}) {
    for (const int version : {1, 2, 3}) {
      const Outcome outcome = ReadAll(Npy(dict, row, version), kNpy);
      EXPECT_EQ(outcome.rows, (Rows{{1, 2}})) << dict << outcome.status;
    }
  }
  // As large as is read, and no larger.
  const std::string dict = Dict("<f4", "(1, 2)");
  const auto padded = [&](size_t size) {
    return absl::StrCat(std::string("\x93NUMPY\x02\0", 8), Fixed(size, 4), dict,
                        std::string(size - dict.size(), ' '), row);
  };
  EXPECT_EQ(ReadAll(padded(65536), kNpy).rows, (Rows{{1, 2}}));
  EXPECT_EQ(ErrorOf(padded(65537), kNpy), "npy: the header is longer than 64 KiB");
}

TEST(VectorFile, NpyArraysThatAreNotRead) {
  const std::pair<std::string, const char*> cases[] = {
      {Dict("<f4", "(4,)"),
       "npy: an array of 1 axes; one of two is read, a vector a row"},
      {Dict("<f4", "()"), "npy: an array of 0 axes; one of two is read, a vector a row"},
      {Dict("<f4", "(1, 2, 2)"),
       "npy: an array of 3 axes; one of two is read, a vector a row"},
      {Dict(">f4", "(1, 4)"),
       "npy: components of type '>f4', big-endian, are not read; <f4, <f2, <f8, |i1 and "
       "|u1 are"},
      {Dict("<\xff" + std::string(90, '~'), "(1, 4)"),
       "npy: components of type '<\\xff~~~~~~~~~~~~~~~~~~' are not read; <f4, <f2, <f8, "
       "|i1 "
       "and |u1 are"},
      {Dict("<i8", "(1, 4)"),
       "npy: components of type '<i8' are not read; <f4, <f2, <f8, |i1 and |u1 are"},
      {"{'descr': '<f4', 'fortran_order': True, 'shape': (1, 4)}",
       "npy: the array is in Fortran order; C order is read, row behind row"},
      {"{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (1, 4)}",
       "npy: byte 20: an array of structures is not read"},
      {Dict("<f4", "(1, 0)"), "npy: dimension 0 is not from 1 to 16384"},
      {Dict("<f4", "(1, 16385)"), "npy: dimension 16385 is not from 1 to 16384"},
      {Dict("<f4", "(1, 18446744073709551615)"),
       "npy: dimension 18446744073709551615 is not from 1 to 16384"}};
  for (const auto& [dict, error] : cases)
    EXPECT_EQ(ErrorOf(Npy(dict, std::string(16, '\0')), kNpy), error);
}

TEST(VectorFile, NpyHeadersThatAreNone) {
  const std::string rest = ", 'fortran_order': False, 'shape': (1, 1)}";
  for (const std::string& dict : std::initializer_list<std::string>{
           "",
           "{",
           "}",
           "{}",
           "{,}",
           "{'descr'}",
           "{'descr':}",
           "{'descr': '<f4'",
           "{'descr': '<f4}",
           "{'descr': '<f4'}",
           "{'descr': '\\x3cf4'" + rest,
           "{'descr': <f4" + rest,
           "{'descr': '<f4\"" + rest,
           "{descr: '<f4'" + rest,
           "{'descr': '<f4'" + rest + "}",
           "{'descr': '<f4'" + rest + " x",
           "{'descr': '<f4',," + rest,
           "{'descr': '<f4', 'descr': '<f4'" + rest,
           "{'descr': '<f4', 'more': 1" + rest,
           "{'Descr': '<f4'" + rest,
           "{'descr': '<f4'" + rest + std::string(1, '\0'),
           "{'descr': '<f4', 'fortran_order': false, 'shape': (1, 1)}",
           "{'descr': '<f4', 'fortran_order': 0, 'shape': (1, 1)}",
           "{'descr': '<f4', 'fortran_order': Falsey, 'shape': (1, 1)}",
           Dict("<f4", "1, 1"),
           Dict("<f4", "[1, 1]"),
           Dict("<f4", "(1)"),
           Dict("<f4", "(1 1)"),
           Dict("<f4", "(1, -1)"),
           Dict("<f4", "(,)"),
           Dict("<f4", "(1,, 1)"),
           Dict("<f4", "(1, 1.0)"),
           Dict("<f4", "(1, 0x1)"),
           Dict("<f4", "(1, 18446744073709551616)"),
           Dict("<f4", "(1, 1"),
           Dict("<f4", "(" + std::string(70, '9') + ", 1)")}) {
    EXPECT_TRUE(ErrorOf(Npy(dict, Float(1)), kNpy).starts_with("npy: byte ")) << dict;
  }
  EXPECT_EQ(ErrorOf(Npy(Dict("<f4", "(1 1)"), ""), kNpy),
            "npy: byte 63: no ',': one number in brackets is no shape");
}

TEST(VectorFile, NpyBeginningsThatAreNone) {
  const std::string file = Npy(Dict("<f4", "(1, 1)"), Float(1));
  const auto with = [&](size_t at, char c) {
    std::string changed = file;
    changed[at] = c;
    return ErrorOf(changed, kNpy);
  };
  EXPECT_EQ(with(0, 'N'), "npy: the file does not begin as one of NumPy's");
  EXPECT_EQ(with(6, 0), "npy: version 0.0 is not known");
  EXPECT_EQ(with(6, 4), "npy: version 4.0 is not known");
  EXPECT_EQ(with(7, 1), "npy: version 1.1 is not known");
  EXPECT_EQ(with(9, '\xff'), "npy: the header is cut short: 122 of 65398 bytes");
  EXPECT_EQ(with(6, 2), "npy: the header is longer than 64 KiB");
}

TEST(VectorFile, WrongDimensionsSayWhere) {
  const auto dimension = [](uint32_t value) {
    return ErrorOf(Fixed(value, 4) + std::string(64, '\0'), kFvecs);
  };
  EXPECT_EQ(dimension(0), "vector 0 (byte 0): dimension 0 is not from 1 to 16384");
  EXPECT_EQ(dimension(-5u), "vector 0 (byte 0): dimension -5 is not from 1 to 16384");
  EXPECT_EQ(dimension(16385),
            "vector 0 (byte 0): dimension 16385 is not from 1 to 16384");
  EXPECT_EQ(dimension(0x7fffffff),
            "vector 0 (byte 0): dimension 2147483647 is not from 1 to 16384");
  EXPECT_EQ(dimension(0x80000000),
            "vector 0 (byte 0): dimension -2147483648 is not from 1 to 16384");
  EXPECT_EQ(dimension(16384), "vector 0 (byte 0): cut short: 64 of 65536 bytes");
  EXPECT_EQ(ErrorOf(Fvec({1, 2}) + Fvec({3, 4}) + Fvec({5}), kFvecs),
            "vector 2 (byte 24): has 1 components, those before have 2");
  EXPECT_EQ(ErrorOf(Fvec({1, 2}) + Fixed(0, 4), kFvecs),
            "vector 1 (byte 12): dimension 0 is not from 1 to 16384");
}

TEST(VectorFile, TheLargestDimension) {
  std::string file = Fixed(16384, 4);
  for (int i = 0; i < 16384; ++i) file += Float(static_cast<float>(i));
  const Outcome outcome = ReadAll(file + file, kFvecs);
  ASSERT_EQ(outcome.rows.size(), 2u) << outcome.status;
  EXPECT_EQ(outcome.rows[1][16383], 16383);
}

// A file ends where a vector of it does, or there is an error.
TEST(VectorFile, EveryTruncation) {
  const std::string fvecs = Fvec({1, 2, 3}) + Fvec({4, 5, 6}) + Fvec({7, 8, 9});
  for (size_t size = 0; size < fvecs.size(); ++size) {
    const Outcome outcome = ReadAll(fvecs.substr(0, size), kFvecs);
    EXPECT_EQ(outcome.status.ok(), size % 16 == 0) << size << outcome.status;
    EXPECT_EQ(outcome.rows.size(), size / 16) << size;
  }
  EXPECT_EQ(ErrorOf(fvecs.substr(0, 18), kFvecs),
            "vector 1 (byte 16): cut short: 2 of 4 bytes");
  EXPECT_EQ(ErrorOf(fvecs.substr(0, 39), kFvecs),
            "vector 2 (byte 32): cut short: 3 of 12 bytes");
  for (const int version : {1, 2}) {
    const std::string npy =
        Npy(Dict("<f4", "(3, 2)"), std::string(3 * 2 * 4, '\1'), version);
    for (size_t size = 0; size < npy.size(); ++size)
      EXPECT_NE(ErrorOf(npy.substr(0, size), kNpy), "") << size;
    EXPECT_EQ(ErrorOf(npy.substr(0, 128 + 8), kNpy),
              "vector 1 (byte 136): cut short: 0 of 8 bytes");
    EXPECT_EQ(ReadAll(npy, kNpy).rows.size(), 3u);
  }
}

TEST(VectorFile, NpyCountsThatAreWrong) {
  const std::string rows = Float(1) + Float(2);
  EXPECT_EQ(ErrorOf(Npy(Dict("<f4", "(1, 1)"), rows), kNpy),
            "vector 1 (byte 132): bytes behind the last of 1 rows");
  EXPECT_EQ(ErrorOf(Npy(Dict("<f4", "(2, 1)"), rows + "\n"), kNpy),
            "vector 2 (byte 136): bytes behind the last of 2 rows");
  EXPECT_EQ(ErrorOf(Npy(Dict("<f4", "(0, 1)"), rows), kNpy),
            "vector 0 (byte 128): bytes behind the last of 0 rows");
  // 2^60 rows take no more memory than the two that are there.
  const Outcome outcome =
      ReadAll(Npy(Dict("<f4", "(1152921504606846976, 1)"), rows), kNpy);
  EXPECT_EQ(outcome.count, uint64_t{1} << 60);
  EXPECT_EQ(outcome.rows, (Rows{{1}, {2}}));
  EXPECT_EQ(outcome.status.message(), "vector 2 (byte 136): cut short: 0 of 4 bytes");
}

// One byte changed, to anything: as many rows, or others, or an error.
TEST(VectorFile, EveryMutationOfOneByte) {
  const std::string npy = Npy(Dict("<f4", "(2, 2)"), std::string(16, '\1'));
  const std::string fvecs = Fvec({1, 2}) + Fvec({3, 4});
  for (const auto& [file, format] : {std::pair(npy, kNpy), {fvecs, kFvecs}}) {
    for (size_t at = 0; at < file.size(); ++at) {
      for (int value = 0; value < 256; ++value) {
        std::string changed = file;
        changed[at] = static_cast<char>(value);
        const Outcome outcome = ReadAll(changed, format);
        EXPECT_LE(outcome.rows.size(), file.size());
        const std::string message(outcome.status.message());
        EXPECT_TRUE(outcome.status.ok() || message.starts_with("npy: ") ||
                    message.starts_with("vector "))
            << outcome.status;
      }
    }
  }
}

// A disk that fails is not a file that is cut short.
class FailingBuffer : public std::streambuf {
 public:
  explicit FailingBuffer(std::string bytes) : bytes_(std::move(bytes)) {
    setg(bytes_.data(), bytes_.data(), bytes_.data() + bytes_.size());
  }

 protected:
  int_type underflow() override { throw std::runtime_error("the disk is gone"); }

 private:
  std::string bytes_;
};

TEST(VectorFile, AStreamThatFails) {
  const std::string npy = Npy(Dict("<f4", "(3, 1)"), Float(1) + Float(2) + Float(3));
  const std::string fvecs = Fvec({1}) + Fvec({2});
  for (const auto& [file, format] : {std::pair(npy, kNpy), {fvecs, kFvecs}}) {
    for (size_t size = 0; size <= file.size(); ++size) {
      FailingBuffer buffer(file.substr(0, size));
      std::istream in(&buffer);
      auto reader = VectorFileReader::Open(&in, format);
      absl::Status status = reader.status();
      std::vector<float> row;
      for (absl::StatusOr<bool> more = true; status.ok() && *more;) {
        more = reader->Next(&row);
        status = more.status();
      }
      EXPECT_TRUE(absl::IsUnavailable(status)) << size << " " << status;
    }
  }
}

}  // namespace
}  // namespace sheaf::vectors
