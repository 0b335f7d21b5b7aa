// What MinifyJson has to say of a text, worked out by nlohmann::json: its SAX
// parser decides on the grammar, this adds the depth and the duplicate keys.
//
// Two habits of that parser are not ours and are decided here: it takes a NUL for
// the end of the text and skips a byte order mark. It also refuses numbers beyond
// double, which RFC 8259 does not: then there is no opinion.
#ifndef TESTS_SUPPORT_JSON_ORACLE_H_
#define TESTS_SUPPORT_JSON_ORACLE_H_
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sheaf::test {

class JsonJudge : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit JsonJudge(size_t depth_max) : depth_max_(depth_max) {}
  bool is_fine() const { return is_fine_; }
  bool has_huge_number() const { return has_huge_number_; }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(size_t) override { return Open(); }
  bool start_array(size_t) override { return Open(); }
  bool key(string_t& name) override {
    if (!open_.back().insert(name).second) is_fine_ = false;
    return true;
  }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }
  bool parse_error(size_t, const std::string&,
                   const nlohmann::json::exception& error) override {
    constexpr int kNumberOverflow = 406;
    has_huge_number_ = error.id == kNumberOverflow;
    return false;
  }

 private:
  bool Open() {
    open_.emplace_back();
    if (open_.size() > depth_max_) is_fine_ = false;
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }
  const size_t depth_max_;
  std::vector<std::set<std::string>> open_;
  bool is_fine_ = true;
  bool has_huge_number_ = false;
};

// None: no opinion.
inline std::optional<bool> ShouldAcceptJson(std::string_view text, size_t depth_max) {
  if (text.find('\0') != std::string_view::npos) return false;
  if (text.substr(0, 3) == "\xEF\xBB\xBF") return false;
  JsonJudge judge(depth_max);
  const bool parsed = nlohmann::json::sax_parse(text.begin(), text.end(), &judge);
  if (judge.has_huge_number()) return std::nullopt;
  return parsed && judge.is_fine();
}

}  // namespace sheaf::test
#endif  // TESTS_SUPPORT_JSON_ORACLE_H_
