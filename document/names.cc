#include "document/names.h"

#include <utility>

#include "document/json_codec.h"

namespace sheaf::document {

void NameTable::Add(std::string name) {
  const bool is_escaped = name.find_first_of("\"\\") != name.npos;
  entries_.push_back(std::make_unique<Entry>(Entry{std::move(name), is_escaped, {}, 0}));
}

void NameTable::PrepareJson() {
  for (const std::unique_ptr<Entry>& entry : entries_) {
    if (entry->json_size != 0) continue;
    AppendJsonString(entry->name, &entry->json);
    entry->json.push_back(':');
    entry->json_size = entry->json.size();
    entry->json.resize((entry->json_size + kJsonStep - 1) / kJsonStep * kJsonStep);
  }
}

std::optional<uint32_t> NameTable::InternUnguessed(std::string_view name) {
  std::optional<uint32_t> id = Find(name);
  if (!id.has_value()) {
    if (size() >= kNamesMax || name.size() > kNameBytesMax) return std::nullopt;
    Add(std::string(name));
    id = size() - 1;
    ids_.emplace(entries_.back()->name, *id);
  }
  if (next_.size() < size()) next_.resize(size(), kNamesMax);
  next_[last_] = *id;
  last_ = *id;
  return id;
}

void NameTable::Skip() {
  if (size() < kNamesMax) Add("lost-" + std::to_string(size()));
}

void NameTable::Truncate(uint32_t size) {
  next_.clear();
  last_ = 0;
  while (this->size() > size) {
    const auto it = ids_.find(entries_.back()->name);
    if (it != ids_.end() && it->second == this->size() - 1) ids_.erase(it);
    entries_.pop_back();
  }
}

}  // namespace sheaf::document
