#include "graph/pattern.h"

#include <optional>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "document/filter.h"
#include "pager/status_macros.h"

namespace sheaf {
namespace {

bool IsNameByte(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' ||
         static_cast<signed char>(c) < 0;
}
bool IsNameBegin(char c) {
  return IsNameByte(c) && !absl::ascii_isdigit(static_cast<unsigned char>(c));
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  absl::StatusOr<GraphPattern> Parse() {
    if (text_.size() > GraphPattern::kTextBytesMax)
      return absl::InvalidArgumentError(absl::StrCat("pattern: it has ", text_.size(),
                                                     " bytes; at most ",
                                                     GraphPattern::kTextBytesMax));
    do {
      SHEAF_RETURN_IF_ERROR(Chain());
    } while (Take(","));
    if (at_ < text_.size()) return Expected("',' or an edge");
    for (size_t i = 0; i < filters_.size(); ++i) {
      const std::vector<std::string>& all = filters_[i];
      if (all.empty()) continue;
      pattern_.vertices[i].filter =
          all.size() == 1 ? all[0]
                          : absl::StrCat(R"({"$and":[)", absl::StrJoin(all, ","), "]}");
    }
    return std::move(pattern_);
  }

 private:
  static constexpr int kDepthMax = 100;  // of properties

  // --- Words

  void SkipSpace() {
    while (at_ < text_.size() &&
           absl::ascii_isspace(static_cast<unsigned char>(text_[at_])))
      ++at_;
  }
  bool Sees(char c) {
    SkipSpace();
    return at_ < text_.size() && text_[at_] == c;
  }
  bool Take(std::string_view word) {
    SkipSpace();
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  absl::Status WrongAt(size_t byte, const std::string& what) const {
    return absl::InvalidArgumentError(absl::StrCat("pattern, byte ", byte, ": ", what));
  }
  absl::Status Expected(const std::string& what) {
    SkipSpace();
    std::string found = "the end";
    if (at_ < text_.size()) {
      size_t end = at_ + 1;  // of the character
      while (end < text_.size() && (text_[end] & 0xc0) == 0x80) ++end;
      found = absl::StrCat("'", std::string(text_.substr(at_, end - at_)), "'");
    }
    return WrongAt(at_, absl::StrCat("expected ", what, ", found ", found));
  }

  bool SeesName() {
    SkipSpace();
    return at_ < text_.size() && (IsNameBegin(text_[at_]) || text_[at_] == '`');
  }
  absl::StatusOr<std::string> Name(const char* of_what) {
    if (!SeesName()) return Expected(of_what);
    const size_t begin = at_;
    if (text_[at_] != '`') {
      while (at_ < text_.size() && IsNameByte(text_[at_])) ++at_;
      return std::string(text_.substr(begin, at_ - begin));
    }
    std::string name;  // `` in it is one backquote
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] != '`') {
        name.push_back(text_[at_]);
      } else if (text_.substr(at_, 2) == "``") {
        name.push_back(text_[at_++]);
      } else {
        ++at_;
        if (name.empty()) return WrongAt(begin, "a name must not be empty");
        return name;
      }
    }
    return WrongAt(begin, "the backquote is not closed");
  }

  // --- Parts

  absl::Status Chain() {
    SHEAF_ASSIGN_OR_RETURN(size_t from, Vertex());
    while (Sees('-') || Sees('<')) {
      PatternEdge edge;
      SHEAF_RETURN_IF_ERROR(Edge(&edge));
      edge.from = from;
      SHEAF_ASSIGN_OR_RETURN(edge.to, Vertex());
      from = edge.to;
      pattern_.edges.push_back(std::move(edge));
      if (pattern_.edges.size() > GraphPattern::kPartsMax)
        return WrongAt(at_,
                       absl::StrCat("more than ", GraphPattern::kPartsMax, " edges"));
    }
    return absl::OkStatus();
  }

  // Its number in the pattern.
  absl::StatusOr<size_t> Vertex() {
    if (!Take("(")) return Expected("'(' and a vertex");
    SkipSpace();
    const size_t begin = at_;
    PatternVertex vertex;
    if (SeesName()) {
      SHEAF_ASSIGN_OR_RETURN(vertex.name, Name("a name"));
      if (edge_names_.contains(vertex.name))
        return WrongAt(begin, absl::StrCat(vertex.name, " is an edge"));
    }
    while (Take(":") || (!vertex.labels.empty() && Take("&"))) {
      std::vector<std::string>& any = vertex.labels.emplace_back();
      do {
        SHEAF_ASSIGN_OR_RETURN(any.emplace_back(), Name("a label"));
      } while (Take("|"));
    }
    SkipSpace();
    const size_t properties = at_;
    if (Sees('{')) {
      SHEAF_RETURN_IF_ERROR(Properties(&vertex.filter, &vertex.ids));
    }
    if (!Take(")")) return Expected("')'");
    return Place(std::move(vertex), properties);
  }

  absl::StatusOr<size_t> Place(PatternVertex vertex, size_t properties) {
    std::vector<PatternVertex>& all = pattern_.vertices;
    size_t i = vertex.name.empty() ? all.size() : 0;
    while (i < all.size() && all[i].name != vertex.name) ++i;
    if (i == all.size()) {
      if (i == GraphPattern::kPartsMax)
        return WrongAt(at_,
                       absl::StrCat("more than ", GraphPattern::kPartsMax, " vertices"));
      filters_.emplace_back();
      if (!vertex.filter.empty()) filters_[i].push_back(std::exchange(vertex.filter, ""));
      all.push_back(std::move(vertex));
      return i;
    }
    PatternVertex& there = all[i];
    if (!vertex.ids.empty() && !there.ids.empty())
      return WrongAt(properties, absl::StrCat(there.name, " has an _id already"));
    if (there.ids.empty()) there.ids = std::move(vertex.ids);
    for (std::vector<std::string>& labels : vertex.labels)
      there.labels.push_back(std::move(labels));
    if (!vertex.filter.empty()) filters_[i].push_back(std::move(vertex.filter));
    return i;
  }

  absl::Status Edge(PatternEdge* edge) {
    const bool left = Take("<");
    if (!Take("-")) return Expected("'-'");
    if (Take("[")) {
      SHEAF_RETURN_IF_ERROR(Conditions(edge));
      if (!Take("]")) return Expected("']'");
    }
    if (!Take("-")) return Expected("'-'");
    const bool right = Take(">");
    if (left != right) edge->direction = left ? Direction::kIn : Direction::kOut;
    if (left == right) edge->direction = Direction::kBoth;
    return absl::OkStatus();
  }

  absl::Status Conditions(PatternEdge* edge) {
    SkipSpace();
    const size_t begin = at_;
    if (SeesName()) {
      SHEAF_ASSIGN_OR_RETURN(edge->name, Name("a name"));
      for (const PatternVertex& vertex : pattern_.vertices)
        if (vertex.name == edge->name)
          return WrongAt(begin, absl::StrCat(edge->name, " is a vertex"));
      if (!edge_names_.insert(edge->name).second)
        return WrongAt(begin, absl::StrCat("there is an edge ", edge->name, " already"));
    }
    if (Take(":")) {
      do {
        Take(":");
        SHEAF_ASSIGN_OR_RETURN(edge->types.emplace_back(), Name("a type"));
      } while (Take("|"));
    }
    if (Take("*")) SHEAF_RETURN_IF_ERROR(Hops(edge));
    if (Sees('{')) return Properties(&edge->filter, nullptr);
    return absl::OkStatus();
  }

  absl::Status Hops(PatternEdge* edge) {
    const size_t begin = at_ - 1;
    const std::optional<uint32_t> first = Number();
    if (Take("..")) {
      const std::optional<uint32_t> last = Number();
      if (!last.has_value())
        return WrongAt(begin, absl::StrCat("a path needs a greatest length: write *",
                                           first.value_or(1), "..N"));
      edge->hops_min = first.value_or(1);
      edge->hops_max = *last;
    } else if (first.has_value()) {
      edge->hops_min = edge->hops_max = *first;
    } else {
      return WrongAt(begin, "a path needs a greatest length: write *1..N");
    }
    if (edge->hops_max > GraphPattern::kHopsMax)
      return WrongAt(
          begin, absl::StrCat("a path has at most ", GraphPattern::kHopsMax, " edges"));
    if (edge->hops_min > edge->hops_max)
      return WrongAt(begin, "the least length is above the greatest");
    return absl::OkStatus();
  }

  // One that is too large is the largest.
  std::optional<uint32_t> Number() {
    SkipSpace();
    const size_t begin = at_;
    while (at_ < text_.size() &&
           absl::ascii_isdigit(static_cast<unsigned char>(text_[at_])))
      ++at_;
    uint32_t number = 0;
    if (at_ == begin) return std::nullopt;
    (void)absl::SimpleAtoi({text_.data() + begin, at_ - begin}, &number);
    return number;
  }

  // --- Properties: JSON, and a little more, becomes JSON

  absl::Status Properties(std::string* filter, std::vector<VertexId>* ids) {
    const size_t begin = at_;
    SHEAF_RETURN_IF_ERROR(Object(filter, 0, ids));
    if (*filter == "{}") filter->clear();
    const absl::Status valid =
        filter->empty() ? absl::OkStatus() : document::Filter::Parse(*filter).status();
    if (valid.ok()) return valid;
    return WrongAt(begin,
                   absl::StrCat("these properties: ", std::string(valid.message())));
  }

  absl::Status Object(std::string* out, int depth, std::vector<VertexId>* ids) {
    if (!Take("{")) return Expected("'{'");
    *out += '{';
    bool any = false;
    if (!Take("}")) {
      do {
        const size_t before = out->size();
        if (any) *out += ',';
        const size_t name = out->size();
        SHEAF_RETURN_IF_ERROR(FieldName(out));
        if (!Take(":")) return Expected("':'");
        const bool is_id = ids != nullptr && out->substr(name) == R"("_id")";
        *out += ':';
        const size_t value = out->size();
        SHEAF_RETURN_IF_ERROR(Value(out, depth + 1));
        VertexId id = 0;
        if (is_id && ids->empty() && IsId(out->substr(value), &id)) {
          ids->push_back(id);
          out->resize(before);
        } else {
          any = true;
        }
      } while (Take(","));
      if (!Take("}")) return Expected("',' or '}'");
    }
    *out += '}';
    return absl::OkStatus();
  }

  static bool IsId(const std::string& json, VertexId* id) {
    return json.find_first_not_of("0123456789") == json.npos &&
           absl::SimpleAtoi(json, id) && *id < VertexId{1} << 53;
  }

  absl::Status FieldName(std::string* out) {
    SkipSpace();
    if (Sees('"') || Sees('\'')) return String(out);
    const size_t begin = at_;
    if (at_ < text_.size() && (IsNameBegin(text_[at_]) || text_[at_] == '$'))
      for (++at_; at_ < text_.size() && (IsNameByte(text_[at_]) || text_[at_] == '.');)
        ++at_;
    if (at_ == begin) return Expected("the name of a property");
    absl::StrAppend(out, "\"", std::string(text_.substr(begin, at_ - begin)), "\"");
    return absl::OkStatus();
  }

  absl::Status Value(std::string* out, int depth) {
    if (depth > kDepthMax) return WrongAt(at_, "properties nested too deep");
    SkipSpace();
    if (Sees('{')) return Object(out, depth, nullptr);
    if (Sees('"') || Sees('\'')) return String(out);
    if (Take("[")) {
      *out += '[';
      if (!Take("]")) {
        do {
          if (out->back() != '[') *out += ',';
          SHEAF_RETURN_IF_ERROR(Value(out, depth + 1));
        } while (Take(","));
        if (!Take("]")) return Expected("',' or ']'");
      }
      *out += ']';
      return absl::OkStatus();
    }
    const size_t begin = at_;
    while (at_ < text_.size() && (IsNameByte(text_[at_]) || text_[at_] == '-' ||
                                  text_[at_] == '+' || text_[at_] == '.'))
      ++at_;
    if (at_ == begin) return Expected("a value");
    std::string word(text_.substr(begin, at_ - begin));
    const std::string lower = absl::AsciiStrToLower(word);
    if (lower == "true" || lower == "false" || lower == "null") word = lower;
    *out += word;
    return absl::OkStatus();
  }

  absl::Status String(std::string* out) {
    const size_t begin = at_;
    const char quote = text_[at_];
    *out += '"';
    for (++at_; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == quote) {
        ++at_;
        *out += '"';
        return absl::OkStatus();
      }
      if (c == '\\' && at_ + 1 < text_.size()) {
        if (text_[++at_] != '\'') *out += '\\';
        *out += text_[at_];
      } else {
        if (c == '"') *out += '\\';
        *out += c;
      }
    }
    return WrongAt(begin, "the string is not closed");
  }

  const std::string_view text_;
  size_t at_ = 0;
  GraphPattern pattern_;
  std::vector<std::vector<std::string>> filters_;  // of the vertices, where they stand
  std::set<std::string> edge_names_;
};

absl::Status Wrong(const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("pattern: ", what));
}

}  // namespace

absl::StatusOr<GraphPattern> GraphPattern::Parse(std::string_view text) {
  return Parser(text).Parse();
}

absl::Status GraphPattern::Check() const {
  if (vertices.empty()) return Wrong("it has no vertices");
  if (vertices.size() > kPartsMax || edges.size() > kPartsMax)
    return Wrong(absl::StrCat("more than ", kPartsMax, " vertices or edges"));
  std::set<std::string> names;
  for (const PatternVertex& vertex : vertices) {
    if (!vertex.name.empty() && !names.insert(vertex.name).second)
      return Wrong(absl::StrCat("two parts are called ", vertex.name));
    for (const std::vector<std::string>& any : vertex.labels)
      if (any.empty()) return Wrong("one of no labels");
    if (!vertex.filter.empty())
      SHEAF_RETURN_IF_ERROR(document::Filter::Parse(vertex.filter).status());
  }
  for (const PatternEdge& edge : edges) {
    if (!edge.name.empty() && !names.insert(edge.name).second)
      return Wrong(absl::StrCat("two parts are called ", edge.name));
    if (edge.from >= vertices.size() || edge.to >= vertices.size())
      return Wrong(absl::StrCat("an edge from vertex ", edge.from, " to ", edge.to,
                                " of ", vertices.size()));
    if (edge.hops_min > edge.hops_max || edge.hops_max > kHopsMax)
      return Wrong(absl::StrCat("a path of ", edge.hops_min, " to ", edge.hops_max,
                                " edges; at most ", kHopsMax));
    if (!edge.filter.empty())
      SHEAF_RETURN_IF_ERROR(document::Filter::Parse(edge.filter).status());
  }
  return absl::OkStatus();
}

}  // namespace sheaf
