#include "graph/vertex_record.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "pager/status_macros.h"

namespace sheaf::graph {
namespace {

absl::Status Wrong(VertexId vertex, const std::string& what) {
  return absl::DataLossError(absl::StrCat("vertex ", vertex, ": ", what));
}

bool TakeVarint(std::string_view* in, uint64_t* value) {
  const char* end = pager::DecodeVarint64(in->data(), in->data() + in->size(), value);
  if (end == nullptr) return false;
  in->remove_prefix(static_cast<size_t>(end - in->data()));
  return true;
}

void AppendVarint(std::string* out, uint64_t value) {
  char bytes[pager::kVarint64BytesMax];
  out->append(bytes, static_cast<size_t>(pager::EncodeVarint64(bytes, value) - bytes));
}

constexpr uint64_t kNameIdEnd = uint64_t{1} << 28;

absl::Status ValidateList(VertexId vertex, const ListKey& key, std::string_view list) {
  if (!key.large) return ValidateAdjacency(list, vertex);
  uint64_t count = 0;
  if (!TakeVarint(&list, &count) || !list.empty() || count == 0)
    return Wrong(vertex, "the number of edges of a large list is malformed");
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateVertexRecord(VertexId vertex, std::string_view record) {
  uint64_t labels = 0, lists = 0, label = 0;
  if (!TakeVarint(&record, &labels) || labels > kLabelsMax)
    return Wrong(vertex, "the number of its labels is impossible");
  for (uint64_t i = 0, last = 0; i < labels; ++i, last = label)
    if (!TakeVarint(&record, &label) || label >= kNameIdEnd || (i > 0 && label <= last))
      return Wrong(vertex, "labels do not ascend");
  if (!TakeVarint(&record, &lists) || lists > record.size())
    return Wrong(vertex, "the number of its lists is impossible");
  std::string_view head = record;
  uint64_t number = 0;
  for (uint64_t i = 0; i < 2 * lists; ++i)
    if (!TakeVarint(&record, &number)) return Wrong(vertex, "its lists are cut off");
  ListKey last;
  for (uint64_t i = 0; i < lists; ++i) {
    uint64_t encoded = 0, size = 0;
    TakeVarint(&head, &encoded);
    TakeVarint(&head, &size);
    const ListKey key = ListKey::Decode(encoded);
    if (encoded >= 4 * kNameIdEnd || (i > 0 && !last.Before(key)))
      return Wrong(vertex, "lists do not ascend");
    if (size == 0 || size > record.size())
      return Wrong(vertex, "the size of a list is impossible");
    SHEAF_RETURN_IF_ERROR(ValidateList(vertex, key, record.substr(0, size)));
    record.remove_prefix(size);
    last = key;
  }
  return record.empty() ? absl::OkStatus() : Wrong(vertex, "bytes behind its lists");
}

uint64_t VertexView::List::count() const {
  if (!key.large) return AdjacencyView(bytes, 0).count();
  const char* at = bytes.data();
  return Take(&at);
}

absl::InlinedVector<NameId, 4> VertexView::labels() const {
  absl::InlinedVector<NameId, 4> out;
  const char* at = record_.data();
  for (uint64_t n = Take(&at); n > 0; --n) out.push_back(static_cast<NameId>(Take(&at)));
  return out;
}

bool VertexView::HasLabel(NameId label) const {
  const char* at = record_.data();
  for (uint64_t n = Take(&at); n > 0; --n)
    if (Take(&at) == label) return true;
  return false;
}

std::optional<VertexView::List> VertexView::FindList(const ListKey& key) const {
  std::optional<List> found;
  ForEachList([&](const List& list) {
    if (list.key.SameList(key)) found = list;
  });
  return found;
}

uint64_t VertexView::Degree(Direction direction, std::optional<NameId> type) const {
  uint64_t degree = 0;
  ForEachList([&](const List& list) {
    if (Includes(direction, list.key.in) && (!type.has_value() || *type == list.key.type))
      degree += list.count();
  });
  return degree;
}

VertexRecord::VertexRecord(const VertexView& view) : labels(view.labels()) {
  view.ForEachList([this](const VertexView::List& list) {
    lists.push_back({list.key, std::string(list.bytes)});
  });
}

std::vector<VertexRecord::List>::iterator VertexRecord::Find(const ListKey& key,
                                                             bool* found) {
  const auto at = std::find_if(lists.begin(), lists.end(),
                               [&](const List& l) { return !l.key.Before(key); });
  *found = at != lists.end() && at->key.SameList(key);
  return at;
}

std::string VertexRecord::Encode() const {
  std::string out;
  AppendVarint(&out, labels.size());
  for (const NameId label : labels) AppendVarint(&out, label);
  AppendVarint(&out, lists.size());
  for (const List& list : lists) {
    AppendVarint(&out, list.key.Encoded());
    AppendVarint(&out, list.bytes.size());
  }
  for (const List& list : lists) out.append(list.bytes);
  return out;
}

size_t VertexRecord::bytes_max() const {
  constexpr size_t kNumber = pager::kVarint32BytesMax;
  size_t bytes = 2 * kNumber + labels.size() * kNumber + lists.size() * 2 * kNumber;
  for (const List& list : lists) bytes += list.bytes.size();
  return bytes;
}

std::string EncodeCount(uint64_t count) {
  std::string out;
  AppendVarint(&out, count);
  return out;
}

}  // namespace sheaf::graph
