// ImportVectors, ReadVectors: vectors out of files whose bytes nobody vouches for.
//
//   std::ifstream in("sift.fvecs", std::ios::binary);
//   sheaf::VectorImportCounts counts;
//   SHEAF_RETURN_IF_ERROR(sheaf::ImportVectors(
//       db.get(), "sift", {.format = sheaf::VectorFormat::kFvecs, .in = &in},
//       {.index = sheaf::VectorOptions{.metric = sheaf::Metric::kL2}}, &counts));
//
// Formats. Numbers are little-endian.
//
//   kFvecs, kBvecs  of the ANN benchmarks of TEXMEX: per vector its dimension, an int32, and
//                   so many float32 or uint8; all vectors of a file are of one dimension
//   kNpy            NumPy's: one array of two axes in C order, a vector a row, of <f4, <f2,
//                   <f8, |i1 or |u1
//   kJsonLines      {"_id": "dog", "vector": [0.1, 0.2], "pos": "noun"}: what is neither the
//                   key nor the vector becomes the metadata. Blank lines are passed over.
//
// Memory: one vector, or line, beside the transaction.
#ifndef SHEAF_VECTOR_IMPORT_H_
#define SHEAF_VECTOR_IMPORT_H_
#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "sheaf/database.h"
#include "sheaf/document.h"
#include "sheaf/json_lines.h"
#include "sheaf/options.h"
#include "sheaf/vector_index.h"
#include "sheaf/vector_options.h"

namespace sheaf {

enum class VectorFormat : uint8_t { kFvecs = 1, kBvecs = 2, kNpy = 3, kJsonLines = 4 };

// By the extension of a name, .fvecs, .bvecs, .npy or .jsonl; nothing when it is none.
std::optional<VectorFormat> VectorFormatOfName(std::string_view path);

struct VectorSource {
  VectorFormat format = VectorFormat::kFvecs;
  std::istream* in = nullptr;   // binary
  LineSource* lines = nullptr;  // of kJsonLines may stand for it
};

struct VectorImportOptions {
  // What the index is made with if it is not there; with dimensions 0: those of the first
  // vector. One that is there must have been made with these (WriteTransaction::vectors).
  // Not set: it is there, and as it is.
  std::optional<VectorOptions> index;
  TreeOptions tree;               // if it is made
  int64_t first_key = 0;          // of vectors without keys: counted on from it
  std::string key_field = "_id";  // of JSON lines; another than this stays metadata
  std::string vector_field = "vector";
  Progress progress;
};

struct VectorImportCounts {
  uint64_t vectors = 0;
  uint64_t replaced = 0;  // of them, that took the place of another
  bool made = false;      // the index
};

// In a transaction of its own: all of it, or nothing. One of a key that is there takes its
// place; its metadata stay if there are no others.
// kInvalidArgument names what is at fault: "vector 7 (byte 3612): …", from 0, or
// "line 7: …", from 1. kNotFound: there is no index, and no options say what to make.
absl::Status ImportVectors(Database* db, std::string_view index,
                           const VectorSource& source, const VectorImportOptions& options,
                           VectorImportCounts* counts);
// In the transaction of the index; what came before an error is in it.
absl::Status ImportVectors(VectorIndex* index, const VectorSource& source,
                           const VectorImportOptions& options,
                           VectorImportCounts* counts);

// The vectors of a file, not of JSON lines, until `fn` returns false. Errors as above.
absl::Status ReadVectors(std::istream& in, VectorFormat format,
                         absl::FunctionRef<bool(absl::Span<const float> vector)> fn);

// What an array of numbers, or a vector, of a document is as floats. kInvalidArgument: it is
// neither, or a number fits no float. NaN and infinities are passed on.
absl::StatusOr<std::vector<float>> VectorOf(const DocumentView& value);

}  // namespace sheaf
#endif  // SHEAF_VECTOR_IMPORT_H_
