// Rows of keys and what they lead to, as `scan` and `find` show them.
#ifndef CLI_ROWS_H_
#define CLI_ROWS_H_
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/output.h"
#include "cli/text.h"

namespace sheaf::cli {

// Prints "key  content" lines with the contents below each other: the first
// rows wait until the width of their keys is known.
class RowPrinter {
 public:
  explicit RowPrinter(Output& out) : out_(out) {}
  ~RowPrinter() { PrintWaiting(); }

  void Add(std::string key, std::string content) {
    if (is_width_known_) return Print(key, content);
    width_ = std::max(width_, DisplayWidth(key));
    waiting_.emplace_back(std::move(key), std::move(content));
    if (waiting_.size() == kRowsToMeasure) PrintWaiting();
  }

 private:
  static constexpr size_t kRowsToMeasure = 100;

  void PrintWaiting() {
    is_width_known_ = true;
    for (const auto& [key, content] : waiting_) Print(key, content);
    waiting_.clear();
  }

  void Print(const std::string& key, const std::string& content) {
    uint64_t width = DisplayWidth(key);
    std::string line = key + std::string(width < width_ ? width_ - width : 0, ' ') + "  ";
    uint64_t left =
        out_.columns() > DisplayWidth(line) + 8 ? out_.columns() - DisplayWidth(line) : 0;
    out_.WriteLine(out_.Paint(Tone::kKey, line) + Shortened(content, left));
  }

  Output& out_;
  bool is_width_known_ = false;
  uint64_t width_ = 0;
  std::vector<std::pair<std::string, std::string>> waiting_;
};

// What a terminal shows of a document is one line, so its beginning is enough.
inline std::string Beginning(std::string_view text, const Output& out) {
  if (out.is_terminal()) text = text.substr(0, out.columns() * 4);
  return Printable(text);
}

}  // namespace sheaf::cli
#endif  // CLI_ROWS_H_
