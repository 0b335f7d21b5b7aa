#include "document/covered.h"

#include <algorithm>

#include "document/index_key.h"

namespace sheaf::document {

std::optional<CoveredReader> CoveredReader::Of(const Index& index,
                                               const std::vector<std::string>& paths) {
  if (index.through_arrays || index.cut) return std::nullopt;
  CoveredReader reader;
  for (const Path& path : index.paths) {
    Field& field = reader.fields_.emplace_back();
    field.at = reader.descending_.size();
    for (size_t i = 0; i < path.size(); ++i) field.parts.emplace_back(path.part(i));
    reader.descending_.push_back(index.definition.fields[field.at].descending);
  }
  for (const std::string& wanted : paths) {
    const bool is_there =
        std::any_of(index.paths.begin(), index.paths.end(),
                    [&](const Path& path) { return path.text() == wanted; });
    if (!is_there) return std::nullopt;
  }
  std::sort(reader.fields_.begin(), reader.fields_.end(),
            [](const Field& a, const Field& b) { return a.parts < b.parts; });
  for (size_t i = 1; i < reader.fields_.size(); ++i) {
    // One inside the other: their values are not apart.
    const std::vector<std::string>& outer = reader.fields_[i - 1].parts;
    const std::vector<std::string>& inner = reader.fields_[i].parts;
    if (outer.size() < inner.size() &&
        std::equal(outer.begin(), outer.end(), inner.begin()))
      return std::nullopt;
  }
  return reader;
}

bool CoveredReader::Read(const EntryView& entry, std::string* document) {
  if (entry.flags != 0) return false;
  std::vector<std::string> values(descending_.size());
  std::string_view rest = entry.values;
  Writer one(names_.get());
  for (size_t i = 0; i < values.size(); ++i) {
    bool is_exact = false;
    if (!DecodeIndexKey(descending_[i], &rest, &one, &is_exact) || !is_exact)
      return false;
    absl::StatusOr<std::string> value = one.Finish();
    if (!value.ok()) return false;
    values[i] = *std::move(value);
  }
  Writer whole(names_.get());
  whole.BeginObject();
  const std::vector<std::string> none;
  const std::vector<std::string>* open = &none;  // its last part is no object
  for (const Field& field : fields_) {
    size_t shared = 0;
    while (shared + 1 < std::min(open->size(), field.parts.size()) &&
           (*open)[shared] == field.parts[shared])
      ++shared;
    for (size_t i = shared; i + 1 < open->size(); ++i) whole.End();
    for (size_t i = shared; i + 1 < field.parts.size(); ++i) {
      whole.Name(field.parts[i]);
      whole.BeginObject();
    }
    whole.Name(field.parts.back());
    whole.Copy(RootOf(values[field.at], *names_));
    open = &field.parts;
  }
  for (size_t i = 0; i + 1 < open->size(); ++i) whole.End();
  whole.End();
  absl::StatusOr<std::string> bytes = whole.Finish();
  if (!bytes.ok()) return false;
  *document = *std::move(bytes);
  return true;
}

}  // namespace sheaf::document
