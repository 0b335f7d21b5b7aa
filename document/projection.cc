#include "document/projection.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "document/json_codec.h"
#include "document/path.h"
#include "pager/status_macros.h"

namespace sheaf::document {
namespace {

constexpr std::string_view kKey = "_id";
constexpr size_t kPathsMax = 1000;

absl::Status Wrong(std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("projection: ", std::string(what)));
}

absl::Status Conflict(std::string_view whole, std::string_view part) {
  return Wrong(absl::StrCat(std::string(part), " is a part of ", std::string(whole),
                            ": name one of them"));
}

// Is the path wanted? None when the operand says neither.
std::optional<bool> OperandOf(const View& v) {
  switch (v.kind()) {
    case Kind::kBool:
      return v.bool_value();
    case Kind::kInt:
      return v.int_value() != 0;
    case Kind::kUint:
      return true;
    case Kind::kDouble:
      return v.double_value() != 0;
    default:
      return std::nullopt;
  }
}

}  // namespace

// --- Parsing ----------------------------------------------------------------

absl::StatusOr<Projection> Projection::Parse(std::string_view json) {
  NameTable names;
  SHEAF_ASSIGN_OR_RETURN(const std::string binary, JsonToBinary(json, &names));
  const View root = RootOf(binary, names);
  if (root.kind() != Kind::kObject) return Wrong("expected an object");
  Projection projection;
  std::optional<bool> is_inclusion, key;
  std::string first;  // path, which said which kind it is
  for (ObjectCursor c = root.fields(); c.Valid(); c.Next()) {
    const std::string path(c.name());
    const std::optional<bool> wanted = OperandOf(c.value());
    if (!wanted.has_value())
      return Wrong(absl::StrCat(path.substr(0, 80), ": expected 1 or 0, true or false"));
    if (path == kKey) {
      key = wanted;
      continue;
    }
    if (path.rfind("_id.", 0) == 0)
      return Wrong(absl::StrCat(path.substr(0, 80), ": the key is wanted whole, or not"));
    if (!is_inclusion.has_value()) is_inclusion = wanted, first = path;
    if (wanted != is_inclusion)
      return Wrong(absl::StrCat(first.substr(0, 80), " and ", path.substr(0, 80),
                                ": fields are wanted, or not wanted; not both in one"));
    if (projection.fields_.size() == kPathsMax)
      return Wrong(absl::StrCat("names more than ", kPathsMax, " paths"));
    SHEAF_RETURN_IF_ERROR(projection.Add(path));
    projection.fields_.push_back(path);
  }
  projection.wants_key_ = key.value_or(true);
  projection.is_inclusion_ = is_inclusion.value_or(key.value_or(false));
  if (!projection.is_inclusion_) projection.fields_.clear();
  if (projection.is_inclusion_ == projection.wants_key_)
    SHEAF_RETURN_IF_ERROR(projection.Add(kKey));
  return projection;
}

absl::Status Projection::Add(std::string_view text) {
  const absl::StatusOr<Path> path = Path::Parse(text);
  if (!path.ok()) return Wrong(std::string(path.status().message()));
  Node* node = &root_;
  bool is_new = true;
  std::string whole;  // the way so far
  for (size_t i = 0; i < path->size(); ++i) {
    if (i > 0 && !is_new && node->children.empty()) return Conflict(whole, text);
    const std::string_view name = path->part(i);
    absl::StrAppend(&whole, i == 0 ? "" : ".", std::string(name));
    const auto at = std::lower_bound(
        node->children.begin(), node->children.end(), name,
        [](const Node& child, std::string_view n) { return child.name < n; });
    is_new = at == node->children.end() || at->name != name;
    node = is_new ? &*node->children.insert(at, Node{std::string(name), {}}) : &*at;
  }
  if (!is_new)
    return Conflict(text, absl::StrCat(whole, ".", node->children.front().name));
  return absl::OkStatus();
}

const Projection::Node* Projection::Node::Find(std::string_view child) const {
  const auto at = std::lower_bound(
      children.begin(), children.end(), child,
      [](const Node& node, std::string_view n) { return node.name < n; });
  return at == children.end() || at->name != child ? nullptr : &*at;
}

// --- Applying ---------------------------------------------------------------

absl::Status Projection::Apply(const View& document, Writer* out) const {
  if (wants_all()) {
    out->Copy(document);
  } else if (document.kind() >= Kind::kArray) {
    WriteValue(document, root_, out);
  } else if (is_inclusion_ && !document.is_damaged()) {
    out->BeginObject();
    out->End();
  } else {
    out->Copy(document);
  }
  return out->status();
}

absl::Status Projection::ApplyFields(const View& document, Writer* out) const {
  if (document.is_damaged()) out->Copy(document);  // which tells
  if (document.kind() == Kind::kObject) WriteFields(document, root_, out);
  return out->status();
}

void Projection::WriteFields(const View& object, const Node& node, Writer* out) const {
  for (ObjectCursor c = object.fields(); c.Valid(); c.Next()) {
    if (c.value().is_damaged()) return out->Copy(c.value());
    const Node* const child = node.Find(c.name());
    const bool whole = child == nullptr || child->children.empty();
    if (whole && (child != nullptr) != is_inclusion_) continue;
    if (!whole && is_inclusion_ && c.value().kind() < Kind::kArray) continue;
    out->CopyName(c);
    if (whole)
      out->Copy(c.value());
    else
      WriteValue(c.value(), *child, out);
  }
}

// Recurses as deep as documents nest: the writer fails where they nest too deep.
void Projection::WriteValue(const View& value, const Node& node, Writer* out) const {
  if (!out->status().ok()) return;
  if (value.kind() < Kind::kArray) return out->Copy(value);
  if (value.kind() == Kind::kObject) {
    out->BeginObject();
    WriteFields(value, node, out);
  } else {
    out->BeginArray();
    for (ArrayCursor c = value.elements(); c.Valid(); c.Next()) {
      const bool is_left_out = is_inclusion_ && c.value().kind() < Kind::kArray;
      if (!is_left_out || c.value().is_damaged()) WriteValue(c.value(), node, out);
    }
  }
  out->End();
}

}  // namespace sheaf::document
