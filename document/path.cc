#include "document/path.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "document/language.h"

namespace sheaf::document {
namespace {

absl::Status WrongPath(std::string_view path, std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(
      "path \"", std::string(path.substr(0, 80)), "\": ", std::string(what)));
}

}  // namespace

absl::StatusOr<Path> Path::Parse(std::string_view text) {
  if (text.size() > kBytesMax)
    return WrongPath(text, absl::StrCat("longer than ", kBytesMax, " bytes"));
  Path path;
  path.text_ = std::string(text);
  size_t numbers = 0;
  for (std::string part : std::vector<std::string>(absl::StrSplit(path.text_, '.'))) {
    if (part.empty()) return WrongPath(text, "has an empty name");
    if (part[0] == '$') return WrongPath(text, "has a name that begins with a dollar");
    const std::optional<uint64_t> index = IndexOf(part);
    // Each may be a number and a name, so the ways double.
    if (index.has_value() && ++numbers > kNumbersMax)
      return WrongPath(text, absl::StrCat("more than ", kNumbersMax, " numbers"));
    path.steps_.push_back({FieldName(std::move(part)), index});
  }
  if (path.size() > kPartsMax)
    return WrongPath(text, absl::StrCat("more than ", kPartsMax, " names"));
  return path;
}

void Path::Bind(const NameTable& names) {
  for (Step& step : steps_) step.name.Bind(names);
}

std::optional<View> Path::First(const View& root) const {
  std::optional<View> value = root;
  for (const Step& step : steps_) {
    if (value->kind() == Kind::kObject)
      value = value->Field(step.name);
    else if (value->kind() == Kind::kArray && step.index.has_value())
      value = value->Element(*step.index);
    else
      return std::nullopt;
    if (!value.has_value()) return std::nullopt;
  }
  return value;
}

bool Path::Walk(View value, size_t step, ArrayEnd end, VisitFn visit,
                bool* through_array) const {
  for (; step < steps_.size(); ++step) {
    if (value.kind() == Kind::kArray)
      return WalkArray(value, step, end, visit, through_array);
    if (value.kind() != Kind::kObject) return visit(nullptr);
    const std::optional<View> field = value.Field(steps_[step].name);
    if (!field.has_value()) return visit(nullptr);
    value = *field;
  }
  if (value.kind() != Kind::kArray || end == ArrayEnd::kWhole) return visit(&value);
  for (ArrayCursor c = value.elements(); c.Valid(); c.Next())
    if (visit(&c.value())) return true;
  return end == ArrayEnd::kElementsAndWhole && visit(&value);
}

bool Path::WalkArray(const View& array, size_t step, ArrayEnd end, VisitFn visit,
                     bool* through_array) const {
  if (through_array != nullptr) *through_array = true;
  if (steps_[step].index.has_value()) {
    const std::optional<View> element = array.Element(*steps_[step].index);
    if (element.has_value() && Walk(*element, step + 1, end, visit, through_array))
      return true;
  }
  for (ArrayCursor c = array.elements(); c.Valid(); c.Next())
    if (c.value().kind() == Kind::kObject &&
        Walk(c.value(), step, end, visit, through_array))
      return true;
  return false;
}

}  // namespace sheaf::document
