#include "cli/shell_words.h"

#include "cli/text.h"

namespace sheaf::cli {
namespace {

// Behind the JSON that begins at `at`; npos when it does not end.
size_t EndOfJson(std::string_view line, size_t at) {
  size_t depth = 0;
  for (bool in_string = false; at < line.size(); ++at) {
    const char c = line[at];
    if (in_string) {
      if (c == '\\') ++at;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (--depth == 0) return at + 1;
    }
  }
  return std::string_view::npos;
}

}  // namespace

std::optional<std::vector<std::string>> SplitWords(std::string_view line) {
  std::vector<std::string> words;
  for (size_t at = 0; at < line.size();) {
    if (IsSpace(line[at])) {
      ++at;
      continue;
    }
    std::string word;
    while (at < line.size() && !IsSpace(line[at])) {
      const char c = line[at];
      // Behind "=", too: --group={…}.
      const bool begins = word.empty() || word.back() == '=';
      if (begins && (c == '{' || c == '[')) {
        const size_t end = EndOfJson(line, at);
        if (end == line.npos) return std::nullopt;
        word.append(line.substr(at, end - at));
        at = end;
      } else if (begins && (c == '\'' || c == '"')) {
        const size_t end = line.find(c, at + 1);
        if (end == line.npos) return std::nullopt;
        word.append(line.substr(at + 1, end - at - 1));
        at = end + 1;
      } else {
        word.push_back(c);
        ++at;
      }
    }
    words.push_back(std::move(word));
  }
  return words;
}

}  // namespace sheaf::cli
