// Words of a line typed into the shell: apart by white space; '…' and "…" hold one together,
// and so do the brackets of JSON, which needs no quotes:
//
//   find orders {"city": "Prag", "total": {"$gt": 5}} --sort=-total
#ifndef CLI_SHELL_WORDS_H_
#define CLI_SHELL_WORDS_H_
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sheaf::cli {

// None: the line ends inside brackets or quotes, and goes on.
std::optional<std::vector<std::string>> SplitWords(std::string_view line);

}  // namespace sheaf::cli
#endif  // CLI_SHELL_WORDS_H_
