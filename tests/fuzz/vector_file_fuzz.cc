// VectorFileReader on arbitrary bytes: whatever the file, it ends, takes no more memory than
// a vector, says where it is wrong, and tells the same of a file that ends at a vector of it:
//   fvecs and bvecs: what was read, written again, is the file up to where the error is;
//   npy: if all promised rows came, one more byte is an error, and one less is.
//
// The input's first byte chooses the format; the rest is the file.
#include <bit>
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "pager/coding.h"
#include "tests/support/exact_bytes.h"
#include "vector/metric.h"
#include "vector/vector_file.h"

namespace sheaf::vectors {
namespace {

using test::Require;

struct Outcome {
  absl::Status status;
  uint64_t vectors = 0;
  std::string again;  // as fvecs or bvecs would have them
};

void Append(const std::vector<float>& vector, VectorFileFormat format, std::string* out) {
  char bytes[4];
  pager::EncodeFixed32(bytes, static_cast<uint32_t>(vector.size()));
  out->append(bytes, 4);
  for (const float value : vector) {
    pager::EncodeFixed32(bytes, std::bit_cast<uint32_t>(value));
    if (format == VectorFileFormat::kBvecs) {
      bytes[0] = static_cast<char>(static_cast<uint8_t>(value));
    }
    out->append(bytes, format == VectorFileFormat::kBvecs ? 1 : 4);
  }
}

Outcome ReadAll(const std::string& file, VectorFileFormat format) {
  Outcome outcome;
  std::istringstream in(file);
  auto reader = VectorFileReader::Open(&in, format);
  outcome.status = reader.status();
  std::vector<float> vector;
  while (outcome.status.ok()) {
    const absl::StatusOr<bool> more = reader->Next(&vector);
    outcome.status = more.status();
    if (!more.ok() || !*more) break;
    Require(!vector.empty() && vector.size() <= kDimensionsMax &&
                vector.size() == reader->dimensions(),
            "a vector of another dimension", more.status());
    ++outcome.vectors;
    Require(outcome.vectors <= file.size(), "more vectors than bytes", more.status());
    if (format != VectorFileFormat::kNpy) Append(vector, format, &outcome.again);
  }
  if (!outcome.status.ok()) {
    const std::string message(outcome.status.message());
    Require(message.starts_with("npy: ") || message.starts_with("vector "),
            "an error that does not say where", outcome.status);
  } else if (reader->count().has_value()) {
    Require(outcome.vectors == *reader->count(), "not so many rows", outcome.status);
  }
  return outcome;
}

void CheckFile(const std::string& file, VectorFileFormat format) {
  const Outcome outcome = ReadAll(file, format);
  const std::string& again = outcome.again;
  if (format != VectorFileFormat::kNpy) {
    Require(file.starts_with(again), "written again it is another", outcome.status);
    Require(outcome.status.ok() == (again.size() == file.size()), "bytes are left over",
            outcome.status);
    return;
  }
  if (!outcome.status.ok()) return;
  Require(!ReadAll(file + '\0', format).status.ok(), "a byte behind it", outcome.status);
  Require(!ReadAll(file.substr(0, file.size() - 1), format).status.ok(), "a byte less",
          outcome.status);
}

}  // namespace
}  // namespace sheaf::vectors

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using enum sheaf::vectors::VectorFileFormat;
  if (size == 0) return 0;
  const std::string file(reinterpret_cast<const char*>(data) + 1, size - 1);
  sheaf::vectors::CheckFile(file, data[0] % 3 == 0   ? kNpy
                                  : data[0] % 3 == 1 ? kFvecs
                                                     : kBvecs);
  return 0;
}
