// What the commands of `vector` share: vectors as people write and read them, and what an
// index is made with.
#ifndef CLI_VECTOR_TEXT_H_
#define CLI_VECTOR_TEXT_H_
#include <sheaf/sheaf.h>

#include <string>
#include <string_view>
#include <vector>

#include "cli/commands.h"
#include "cli/text.h"

namespace sheaf::cli {

// A JSON array. kInvalidArgument says where it is none.
absl::StatusOr<std::vector<float>> ParseVector(std::string_view json);
// Each number as short as it can be read back; null where it is none.
Json FloatJson(float number);
Json VectorJson(absl::Span<const float> vector);

// `usual`, but for what the arguments say.
VectorOptions VectorOptionsOf(const Arguments& args, VectorOptions usual);
Json VectorOptionsJson(const VectorOptions& options);
std::string VectorOptionsText(const VectorOptions& options);
// kFailedPrecondition: an index that is there, and so made, is opened with `wanted`, which
// only in ef_search may differ. Names what does.
absl::Status CheckSameOptions(const std::string& index, const VectorOptions& there,
                              const VectorOptions& wanted);
// 85 µs; 1.2 ms.
std::string BriefSeconds(double seconds);

// What --format says, or the name. A usage error when that is nothing.
absl::StatusOr<VectorFormat> VectorFormatOf(const std::string& format,
                                            const std::string& path);

// Runs `look` on the index. Errors name the file.
CommandResult LookAtVectors(
    Session& session, absl::FunctionRef<absl::Status(const VectorIndexReader&)> look);

}  // namespace sheaf::cli
#endif  // CLI_VECTOR_TEXT_H_
