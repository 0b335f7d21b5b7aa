#include "document/names.h"

#include <algorithm>
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

NameTable::Follower NameTable::FollowerOf(uint32_t id) const {
  const Entry& entry = EntryOf(id);
  const size_t size = entry.name.size();
  Follower follower;
  follower.id = id;
  if (entry.is_escaped) return follower;
  char text[kGuessBytes] = {}, mask[kGuessBytes] = {};
  entry.name.copy(text, kGuessBytes);
  std::memset(mask, 0xff, std::min(size + 1, kGuessBytes));
  if (size < kGuessBytes) {
    text[size] = '"';
  } else {
    follower.name = entry.name.data();
    follower.long_size = static_cast<uint32_t>(size);
  }
  std::memcpy(follower.json, text, sizeof text);
  std::memcpy(follower.mask, mask, sizeof mask);
  return follower;
}

std::optional<uint32_t> NameTable::InternUnguessed(std::string_view name) {
  std::optional<uint32_t> id = Find(name);
  if (!id.has_value()) {
    if (size() >= kNamesMax || name.size() > kNameBytesMax) return std::nullopt;
    Add(std::string(name));
    id = size() - 1;
    ids_.emplace(entries_.back()->name, *id);
  }
  if (next_.size() < size()) next_.resize(size());
  std::unique_ptr<Pair>& pair = next_[last_];
  if (pair == nullptr) pair = std::make_unique<Pair>();
  *pair = {FollowerOf(*id), (*pair)[0]};
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
