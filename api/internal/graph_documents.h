// What the properties of a graph's vertices and edges look like as documents. Not installed
// for use.
#ifndef API_INTERNAL_GRAPH_DOCUMENTS_H_
#define API_INTERNAL_GRAPH_DOCUMENTS_H_
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "api/internal/graph_state.h"
#include "sheaf/document.h"

namespace sheaf::internal {

// kInvalidArgument: no object, or one that has the field which is the graph's.
inline absl::Status CheckProperties(const DocumentView& properties,
                                    GraphState::Part part) {
  if (properties.kind() != DocumentKind::kObject)
    return absl::InvalidArgumentError("the properties are not a JSON object");
  const std::string_view own = GraphState::OwnField(part);
  if (!properties.Field(own).has_value()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the field ", std::string(own), " is the graph's own"));
}

// Opens an object with the fields of `properties`, but for that which is the graph's.
// Returns whether there is any.
inline bool BeginWithout(const DocumentView& properties, std::string_view own,
                         document::Writer* writer) {
  bool has_any = false;
  writer->BeginObject();
  for (document::ObjectCursor c = properties.fields(); c.Valid(); c.Next()) {
    if (c.name() == own) continue;
    has_any = true;
    writer->CopyName(c);
    writer->Copy(c.value());
  }
  return has_any;
}

// With the graph's field behind the others. Returns whether there is anything to be stored.
inline bool WriteWithLabels(const DocumentView& properties,
                            absl::Span<const std::string_view> labels,
                            document::Writer* writer) {
  const bool has_any = BeginWithout(properties, kLabelsField, writer);
  if (!labels.empty()) {
    writer->Name(kLabelsField), writer->BeginArray();
    for (const std::string_view label : labels) writer->String(label);
    writer->End();
  }
  writer->End();
  return has_any || !labels.empty();
}

inline bool WriteWithType(const DocumentView& properties, std::string_view type,
                          document::Writer* writer) {
  const bool has_any = BeginWithout(properties, kTypeField, writer);
  writer->Name(kTypeField), writer->String(type);
  writer->End();
  return has_any;
}

}  // namespace sheaf::internal
#endif  // API_INTERNAL_GRAPH_DOCUMENTS_H_
