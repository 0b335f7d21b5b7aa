// What options refuse, beside what CLI11 has.
#ifndef CLI_VALIDATORS_H_
#define CLI_VALIDATORS_H_
#include <CLI/CLI.hpp>
#include <string>

namespace sheaf::cli {

// CLI11 reads -1 as a very large unsigned number.
inline CLI::Validator NotNegative() {
  const auto check = [](const std::string& text) {
    return std::string(text.starts_with('-') ? text + " is below 0" : "");
  };
  return CLI::Validator(check, "");
}

}  // namespace sheaf::cli
#endif  // CLI_VALIDATORS_H_
