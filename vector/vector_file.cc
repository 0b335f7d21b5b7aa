#include "vector/vector_file.h"

#include <bit>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "pager/coding.h"
#include "pager/status_macros.h"
#include "vector/half.h"
#include "vector/metric.h"

namespace sheaf::vectors {
namespace {

constexpr size_t kDimensionBytes = 4;

size_t BytesOf(ComponentType component) {
  switch (component) {
    case ComponentType::kFloat:
      return 4;
    case ComponentType::kHalf:
      return 2;
    case ComponentType::kDouble:
      return 8;
    case ComponentType::kInt8:
    case ComponentType::kUint8:
      return 1;
  }
  return 0;
}

float ComponentAt(const char* in, ComponentType component) {
  switch (component) {
    case ComponentType::kFloat:
      return std::bit_cast<float>(pager::DecodeFixed32(in));
    case ComponentType::kHalf:
      return FloatOf(pager::DecodeFixed16(in));
    case ComponentType::kDouble:
      return static_cast<float>(std::bit_cast<double>(pager::DecodeFixed64(in)));
    case ComponentType::kInt8:
      return static_cast<float>(static_cast<int8_t>(*in));
    case ComponentType::kUint8:
      return static_cast<float>(static_cast<uint8_t>(*in));
  }
  return 0;
}

// Of one above the largest float the conversion is undefined.
bool FitsFloat(const char* in) {
  const double value = std::bit_cast<double>(pager::DecodeFixed64(in));
  return !std::isfinite(value) || std::abs(value) <= std::numeric_limits<float>::max();
}

}  // namespace

std::optional<VectorFileFormat> FormatOfName(std::string_view path) {
  if (path.ends_with(".fvecs")) return VectorFileFormat::kFvecs;
  if (path.ends_with(".bvecs")) return VectorFileFormat::kBvecs;
  if (path.ends_with(".npy")) return VectorFileFormat::kNpy;
  return std::nullopt;
}

absl::StatusOr<VectorFileReader> VectorFileReader::Open(std::istream* in,
                                                        VectorFileFormat format) {
  if (format == VectorFileFormat::kFvecs)
    return VectorFileReader(in, ComponentType::kFloat);
  if (format == VectorFileFormat::kBvecs)
    return VectorFileReader(in, ComponentType::kUint8);
  SHEAF_ASSIGN_OR_RETURN(const NpyHeader header, ReadNpyHeader(in));
  if (header.columns == 0 || header.columns > kDimensionsMax)
    return absl::InvalidArgumentError(absl::StrCat("npy: dimension ", header.columns,
                                                   " is not from 1 to ", kDimensionsMax));
  VectorFileReader reader(in, header.component);
  reader.dimensions_ = static_cast<uint32_t>(header.columns);
  reader.count_ = header.rows;
  reader.byte_ = header.bytes;
  return reader;
}

absl::StatusOr<bool> VectorFileReader::Next(std::vector<float>* out) {
  if (!status_.ok()) return status_;
  absl::StatusOr<bool> more = ReadVector(out);
  status_ = more.status();
  return more;
}

absl::StatusOr<bool> VectorFileReader::ReadVector(std::vector<float>* out) {
  SHEAF_ASSIGN_OR_RETURN(const bool is_end, AtEnd());
  if (is_end) return false;
  if (!count_.has_value()) SHEAF_RETURN_IF_ERROR(ReadDimension());
  SHEAF_RETURN_IF_ERROR(ReadBytes(dimensions_ * BytesOf(component_)));
  SHEAF_RETURN_IF_ERROR(Convert(out));
  ++number_;
  byte_ += bytes_.size() + (count_.has_value() ? 0 : kDimensionBytes);
  return true;
}

absl::StatusOr<bool> VectorFileReader::AtEnd() {
  const bool has_bytes = in_->peek() != std::istream::traits_type::eof();
  if (in_->bad()) return Unavailable();
  if (!count_.has_value()) return !has_bytes;
  if (number_ < *count_) return false;
  if (has_bytes)
    return Wrong(absl::StrCat("bytes behind the last of ", *count_, " rows"));
  return true;
}

absl::Status VectorFileReader::ReadDimension() {
  SHEAF_RETURN_IF_ERROR(ReadBytes(kDimensionBytes));
  const auto dimension = static_cast<int32_t>(pager::DecodeFixed32(bytes_.data()));
  if (dimension < 1 || dimension > static_cast<int32_t>(kDimensionsMax))
    return Wrong(
        absl::StrCat("dimension ", dimension, " is not from 1 to ", kDimensionsMax));
  const auto dimensions = static_cast<uint32_t>(dimension);
  if (number_ > 0 && dimensions != dimensions_)
    return Wrong(
        absl::StrCat("has ", dimensions, " components, those before have ", dimensions_));
  dimensions_ = dimensions;
  return absl::OkStatus();
}

absl::Status VectorFileReader::ReadBytes(size_t size) {
  bytes_.resize(size);
  in_->read(bytes_.data(), static_cast<std::streamsize>(size));
  const auto got = static_cast<size_t>(in_->gcount());
  if (got == size) return absl::OkStatus();
  if (in_->bad()) return Unavailable();
  return Wrong(absl::StrCat("cut short: ", got, " of ", size, " bytes"));
}

absl::Status VectorFileReader::Convert(std::vector<float>* out) const {
  const size_t step = BytesOf(component_);
  out->resize(dimensions_);
  for (size_t i = 0; i < dimensions_; ++i) {
    const char* in = bytes_.data() + i * step;
    if (component_ == ComponentType::kDouble && !FitsFloat(in))
      return Wrong(absl::StrCat("component ", i, " does not fit a float"));
    (*out)[i] = ComponentAt(in, component_);
  }
  return absl::OkStatus();
}

absl::Status VectorFileReader::Wrong(const std::string& what) const {
  return absl::InvalidArgumentError(
      absl::StrCat("vector ", number_, " (byte ", byte_, "): ", what));
}

absl::Status VectorFileReader::Unavailable() const {
  return absl::UnavailableError(
      absl::StrCat("vector ", number_, " (byte ", byte_, "): the stream cannot be read"));
}

}  // namespace sheaf::vectors
