#include "document/patch.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "document/compare.h"
#include "document/json_codec.h"
#include "document/language.h"
#include "pager/status_macros.h"

namespace sheaf::document {
namespace {

constexpr size_t kPiecesMax = size_t{1} << 20;

// --- A document that is being changed ---------------------------------------

struct Piece;

// A value: a view, until a path leads into it. Then its children are in pieces.
struct PatchNode {
  View view;  // of an open one what it was, for its kind and names
  std::vector<Piece> pieces;
  bool is_open = false;
};

// One child, or a run of those that are as they were.
struct Piece {
  std::string_view text;  // of a child in an object its name, of a run the bytes
  std::optional<PatchNode> child;
};

std::string_view BodyOf(const View& container) {
  return container.kind() == Kind::kArray ? container.elements().rest()
                                          : container.fields().rest();
}

using ChildFn = absl::FunctionRef<bool(std::string_view name, const PatchNode& child)>;

// Until it returns false, or there is damage, which writing tells.
bool EachOfRun(const PatchNode& parent, std::string_view run, ChildFn fn) {
  const NameTable* const names = parent.view.names();
  if (parent.view.kind() == Kind::kArray) {
    for (ArrayCursor c(run, names); c.Valid(); c.Next())
      if (c.value().is_damaged() || !fn({}, {c.value(), {}, false})) return false;
  } else {
    for (ObjectCursor c(run, names); c.Valid(); c.Next())
      if (c.value().is_damaged() || !fn(c.name(), {c.value(), {}, false})) return false;
  }
  return true;
}

bool EachChild(const PatchNode& node, ChildFn fn) {
  if (!node.is_open) return EachOfRun(node, BodyOf(node.view), fn);
  for (const Piece& piece : node.pieces) {
    const bool goes_on = piece.child.has_value() ? fn(piece.text, *piece.child)
                                                 : EachOfRun(node, piece.text, fn);
    if (!goes_on) return false;
  }
  return true;
}

void WriteRun(const PatchNode& parent, std::string_view run, Writer* out) {
  const NameTable* const names = parent.view.names();
  if (parent.view.kind() == Kind::kArray) {
    for (ArrayCursor c(run, names); c.Valid(); c.Next()) out->Copy(c.value());
    return;
  }
  for (ObjectCursor c(run, names); c.Valid(); c.Next()) {
    out->CopyName(c);
    out->Copy(c.value());
  }
}

void Write(const PatchNode& node, Writer* out) {
  if (!node.is_open) return out->Copy(node.view);
  if (!out->status().ok()) return;  // it may be without end
  const bool is_array = node.view.kind() == Kind::kArray;
  is_array ? out->BeginArray() : out->BeginObject();
  for (const Piece& piece : node.pieces) {
    if (!piece.child.has_value()) {
      WriteRun(node, piece.text, out);
      continue;
    }
    if (!is_array) out->Name(piece.text);
    Write(*piece.child, out);
  }
  out->End();
}

// RFC 6902, section 4.6.
bool IsSame(const PatchNode& node, const View& value) {
  const Kind kind = node.view.kind();
  if (RankOf(kind) != RankOf(value.kind())) return false;
  if (kind == Kind::kArray) {
    ArrayCursor other = value.elements();
    const bool same = EachChild(node, [&](std::string_view, const PatchNode& child) {
      if (!other.Valid() || !IsSame(child, other.value())) return false;
      other.Next();
      return true;
    });
    return same && !other.Valid();
  }
  if (kind == Kind::kObject) {
    absl::flat_hash_map<std::string_view, View, TextHash> others;
    for (ObjectCursor c = value.fields(); c.Valid(); c.Next())
      others.emplace(c.name(), c.value());
    const bool same = EachChild(node, [&](std::string_view name, const PatchNode& child) {
      const auto it = others.find(name);
      if (it == others.end() || !IsSame(child, it->second)) return false;
      others.erase(it);
      return true;
    });
    return same && others.empty();
  }
  return Compare(node.view, value) == 0;
}

// What was taken apart in it.
struct Opened {
  size_t pieces = 0, depth = 0;
};
Opened OpenedOf(const PatchNode& node) {
  Opened opened;
  for (const Piece& piece : node.pieces) {
    ++opened.pieces;
    if (!piece.child.has_value()) continue;
    const Opened inner = OpenedOf(*piece.child);
    opened.pieces += inner.pieces;
    opened.depth = std::max(opened.depth, inner.depth);
  }
  opened.depth += node.is_open;
  return opened;
}

// --- JSON Patch -------------------------------------------------------------

using Pointer = std::vector<std::string>;
using Place = std::pair<PatchNode*, size_t>;  // a piece of an open node

// RFC 6901.
absl::StatusOr<Pointer> ParsePointer(std::string_view text) {
  Pointer path;
  if (!text.empty() && text[0] != '/')
    return absl::InvalidArgumentError("a path is empty or begins with /");
  if (static_cast<size_t>(std::count(text.begin(), text.end(), '/')) > kDepthMax)
    return absl::InvalidArgumentError(
        absl::StrCat("a path has more than ", kDepthMax, " parts"));
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '/') {
      path.emplace_back();
    } else if (text[i] != '~') {
      path.back().push_back(text[i]);
    } else {
      const char next = ++i < text.size() ? text[i] : '\0';
      if (next != '0' && next != '1')
        return absl::InvalidArgumentError("a path has ~ without 0 or 1 behind it");
      path.back().push_back(next == '0' ? '~' : '/');
    }
  }
  return path;
}

class Patcher {
 public:
  explicit Patcher(const View& document) { root_.view = document; }

  absl::Status Apply(const View& operation) {
    SHEAF_ASSIGN_OR_RETURN(const std::string_view op, Text(operation, "op"));
    SHEAF_ASSIGN_OR_RETURN(const std::string_view text, Text(operation, "path"));
    SHEAF_ASSIGN_OR_RETURN(const Pointer path, ParsePointer(text));
    if (op == "remove") return Remove(path);
    if (op == "move" || op == "copy") {
      SHEAF_ASSIGN_OR_RETURN(const std::string_view from_text, Text(operation, "from"));
      SHEAF_ASSIGN_OR_RETURN(const Pointer from, ParsePointer(from_text));
      return op == "move" ? Move(from, path) : Copy(from, path);
    }
    if (op != "add" && op != "replace" && op != "test")
      return absl::InvalidArgumentError(
          "expected \"op\" to be add, remove, replace, move, copy or test");
    const std::optional<View> value = operation.Field("value");
    if (!value.has_value())
      return absl::InvalidArgumentError("a member \"value\" is missing");
    if (op == "add") return Add(path, {*value, {}, false});
    return op == "test" ? Test(path, *value) : Replace(path, *value);
  }

  const PatchNode& root() const { return root_; }

 private:
  static absl::StatusOr<std::string_view> Text(const View& operation, const char* name) {
    const std::optional<View> text = operation.Field(name);
    if (text.has_value() && text->kind() == Kind::kString) return text->string_value();
    return absl::InvalidArgumentError(
        absl::StrCat("a member \"", name, "\" with text is missing"));
  }

  static absl::Status Nothing() {
    return absl::FailedPreconditionError("the path leads nowhere");
  }

  absl::Status CheckPieces() const {
    return pieces_ <= kPiecesMax
               ? absl::OkStatus()
               : absl::InvalidArgumentError("the patch makes too many parts");
  }

  void Open(PatchNode* node) {
    if (std::exchange(node->is_open, true)) return;
    node->pieces.emplace_back().text = BodyOf(node->view);
    ++pieces_;
  }

  // Makes the child that the cursor is at a piece of its own.
  template <class Cursor>
  size_t Split(PatchNode* node, size_t piece, const Cursor& at, std::string_view name) {
    const std::string_view run = node->pieces[piece].text, rest = at.rest();
    const char* const end = at.value().bytes().data() + at.value().bytes().size();
    const auto behind = static_cast<size_t>(run.data() + run.size() - end);
    Piece parts[3];
    parts[0].text = run.substr(0, run.size() - rest.size());
    parts[1].text = name;
    parts[1].child.emplace().view = at.value();
    parts[2].text = run.substr(run.size() - behind);
    node->pieces[piece] = parts[0];
    node->pieces.insert(node->pieces.begin() + static_cast<ptrdiff_t>(piece) + 1,
                        parts + 1, parts + 3);
    pieces_ += 2;
    return piece + 1;
  }

  // The piece of the child, if there is one.
  std::optional<size_t> FindField(PatchNode* object, std::string_view name) {
    Open(object);
    for (size_t i = 0; i < object->pieces.size(); ++i) {
      const Piece& piece = object->pieces[i];
      if (piece.child.has_value()) {
        if (piece.text == name) return i;
        continue;
      }
      ObjectCursor c(piece.text, object->view.names());
      for (; c.Valid() && !c.value().is_damaged(); c.Next())
        if (c.name() == name) return Split(object, i, c, c.name());
    }
    return std::nullopt;
  }

  // If there is none, `*index` is how far it is behind the end.
  std::optional<size_t> FindElement(PatchNode* array, uint64_t* index) {
    Open(array);
    for (size_t i = 0; i < array->pieces.size(); ++i) {
      const Piece& piece = array->pieces[i];
      if (piece.child.has_value()) {
        if ((*index)-- == 0) return i;
        continue;
      }
      ArrayCursor c(piece.text, array->view.names());
      for (; c.Valid() && !c.value().is_damaged(); c.Next())
        if ((*index)-- == 0) return Split(array, i, c, {});
    }
    return std::nullopt;
  }

  std::optional<size_t> FindChild(PatchNode* node, const std::string& name) {
    if (node->view.kind() == Kind::kObject) return FindField(node, name);
    std::optional<uint64_t> index = IndexOf(name);
    if (node->view.kind() != Kind::kArray || !index.has_value()) return std::nullopt;
    return FindElement(node, &*index);
  }

  // Null where the first `parts` of the path lead nowhere.
  PatchNode* Find(const Pointer& path, size_t parts) {
    PatchNode* node = &root_;
    for (size_t i = 0; i < parts; ++i) {
      const std::optional<size_t> piece = FindChild(node, path[i]);
      if (!piece.has_value()) return nullptr;
      node = &*node->pieces[*piece].child;
    }
    return node;
  }

  absl::StatusOr<Place> FindPlace(const Pointer& path) {
    if (path.empty()) return absl::InvalidArgumentError("the root cannot be removed");
    PatchNode* const parent = Find(path, path.size() - 1);
    if (parent == nullptr) return Nothing();
    const std::optional<size_t> piece = FindChild(parent, path.back());
    if (!piece.has_value()) return Nothing();
    return Place(parent, *piece);
  }

  static void Erase(const Place& place) {
    place.first->pieces.erase(place.first->pieces.begin() +
                              static_cast<ptrdiff_t>(place.second));
  }

  absl::Status Add(const Pointer& path, PatchNode value) {
    if (path.size() + OpenedOf(value).depth > kDepthMax)
      return absl::InvalidArgumentError(
          absl::StrCat("nested more than ", kDepthMax, " deep"));
    if (path.empty()) return root_ = std::move(value), absl::OkStatus();
    PatchNode* const parent = Find(path, path.size() - 1);
    if (parent == nullptr) return Nothing();
    if (parent->view.kind() == Kind::kObject) {
      const std::optional<size_t> there = FindField(parent, path.back());
      if (there.has_value())
        parent->pieces[*there].child = std::move(value);
      else
        parent->pieces.push_back({Keep(path.back()), std::move(value)});
    } else if (parent->view.kind() == Kind::kArray) {
      SHEAF_RETURN_IF_ERROR(Insert(parent, path.back(), std::move(value)));
    } else {
      return Nothing();
    }
    ++pieces_;
    return CheckPieces();
  }

  absl::Status Insert(PatchNode* array, const std::string& name, PatchNode value) {
    Open(array);
    std::optional<size_t> there;
    if (name != "-") {
      std::optional<uint64_t> index = IndexOf(name);
      if (!index.has_value()) return Nothing();
      there = FindElement(array, &*index);
      if (!there.has_value() && *index != 0) return Nothing();
    }
    const size_t piece = there.value_or(array->pieces.size());
    array->pieces.insert(array->pieces.begin() + static_cast<ptrdiff_t>(piece),
                         {{}, std::move(value)});
    return absl::OkStatus();
  }

  absl::Status Remove(const Pointer& path) {
    SHEAF_ASSIGN_OR_RETURN(const Place place, FindPlace(path));
    Erase(place);
    return CheckPieces();
  }

  absl::Status Replace(const Pointer& path, const View& value) {
    PatchNode* const node = Find(path, path.size());
    if (node == nullptr) return Nothing();
    *node = {value, {}, false};
    return CheckPieces();
  }

  absl::Status Test(const Pointer& path, const View& value) {
    const PatchNode* const node = Find(path, path.size());
    if (node == nullptr) return Nothing();
    if (!IsSame(*node, value)) return absl::FailedPreconditionError("the test fails");
    return CheckPieces();
  }

  absl::Status Copy(const Pointer& from, const Pointer& to) {
    const PatchNode* const source = Find(from, from.size());
    if (source == nullptr) return NothingFrom();
    pieces_ += OpenedOf(*source).pieces;
    SHEAF_RETURN_IF_ERROR(CheckPieces());
    return Add(to, *source);
  }

  absl::Status Move(const Pointer& from, const Pointer& to) {
    if (from == to) return Find(from, from.size()) ? absl::OkStatus() : NothingFrom();
    if (from.size() < to.size() && std::equal(from.begin(), from.end(), to.begin()))
      return absl::InvalidArgumentError("a value cannot be moved into itself");
    absl::StatusOr<Place> place = FindPlace(from);
    if (!place.ok())
      return absl::IsFailedPrecondition(place.status()) ? NothingFrom() : place.status();
    PatchNode moved = std::move(*place->first->pieces[place->second].child);
    Erase(*place);
    return Add(to, std::move(moved));
  }

  static absl::Status NothingFrom() {
    return absl::FailedPreconditionError("\"from\" leads nowhere");
  }

  std::string_view Keep(const std::string& name) { return names_.emplace_back(name); }

  PatchNode root_;
  size_t pieces_ = 0;  // that were ever made
  std::deque<std::string> names_;
};

// "move /from /path", as far as it is one.
std::string Described(const View& operation) {
  std::string shown;
  for (const char* name : {"op", "from", "path"}) {
    const std::optional<View> text = operation.Field(name);
    if (!text.has_value() || text->kind() != Kind::kString) continue;
    if (name == std::string_view("from") && shown != "move" && shown != "copy") continue;
    const std::string_view value = text->string_value();
    absl::StrAppend(&shown, shown.empty() ? "" : " ",
                    std::string(value.empty() ? "\"\"" : value.substr(0, 100)),
                    value.size() > 100 ? "…" : "");
  }
  return shown;
}

// --- JSON Merge Patch -------------------------------------------------------

// Writes what becomes of `old`, where there is one.
void Merge(const View* old, const View& patch, Writer* out) {
  if (patch.kind() != Kind::kObject || !out->status().ok()) return out->Copy(patch);
  absl::flat_hash_map<std::string_view, View, TextHash> changes;
  for (ObjectCursor c = patch.fields(); c.Valid(); c.Next())
    changes.emplace(c.name(), c.value());
  out->BeginObject();
  if (old != nullptr && old->kind() == Kind::kObject) {
    for (ObjectCursor c = old->fields(); c.Valid(); c.Next()) {
      const auto it = c.value().is_damaged() ? changes.end() : changes.find(c.name());
      if (it != changes.end() && it->second.kind() == Kind::kNull) continue;
      out->CopyName(c);
      if (it == changes.end()) {
        out->Copy(c.value());
        continue;
      }
      Merge(&c.value(), it->second, out);
      changes.erase(it);
    }
  }
  for (ObjectCursor c = patch.fields(); c.Valid(); c.Next()) {
    if (c.value().kind() == Kind::kNull || !changes.contains(c.name())) continue;
    out->CopyName(c);
    Merge(nullptr, c.value(), out);
  }
  out->End();
}

absl::Status CheckDocument(const View& document) {
  return document.is_damaged() ? absl::DataLossError("stored document: is damaged")
                               : absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ApplyJsonPatch(const View& document,
                                           std::string_view patch_json,
                                           NameTable* names) {
  SHEAF_RETURN_IF_ERROR(CheckDocument(document));
  NameTable patch_names;
  SHEAF_ASSIGN_OR_RETURN(const std::string patch, JsonToBinary(patch_json, &patch_names));
  const View operations = RootOf(patch, patch_names);
  if (operations.kind() != Kind::kArray)
    return absl::InvalidArgumentError("patch: expected an array of operations");
  Patcher patcher(document);
  uint64_t number = 0;
  for (ArrayCursor c = operations.elements(); c.Valid(); c.Next(), ++number) {
    const absl::Status status = patcher.Apply(c.value());
    if (status.ok()) continue;
    return absl::Status(status.code(),
                        absl::StrCat("patch: operation ", number, " (",
                                     Described(c.value()), "): ", status.message()));
  }
  Writer writer(names);
  Write(patcher.root(), &writer);
  return writer.Finish();
}

absl::StatusOr<std::string> ApplyMergePatch(const View& document,
                                            std::string_view patch_json,
                                            NameTable* names) {
  SHEAF_RETURN_IF_ERROR(CheckDocument(document));
  NameTable patch_names;
  SHEAF_ASSIGN_OR_RETURN(const std::string patch, JsonToBinary(patch_json, &patch_names));
  Writer writer(names);
  Merge(&document, RootOf(patch, patch_names), &writer);
  return writer.Finish();
}

}  // namespace sheaf::document
