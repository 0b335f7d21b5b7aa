// NameTable: the field names of a collection by number, so that a document holds one or
// two bytes in place of each name.
//
// Numbers are given out in order and never change. A table takes kNamesMax names of up to
// kNameBytesMax bytes; fields with others carry their name themselves, so that documents
// whose keys are data do not fill it.
//
// Thread-compatible.
#ifndef DOCUMENT_NAMES_H_
#define DOCUMENT_NAMES_H_
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"

namespace sheaf::document {

class NameTable {
 public:
  static constexpr uint32_t kNamesMax = 4096;
  static constexpr size_t kNameBytesMax = 64;

  NameTable() = default;
  NameTable(const NameTable&) = delete;
  NameTable& operator=(const NameTable&) = delete;

  uint32_t size() const { return static_cast<uint32_t>(names_.size()); }
  // Requires: id < size().
  std::string_view NameOf(uint32_t id) const { return names_[id]; }
  std::optional<uint32_t> Find(std::string_view name) const {
    const auto it = ids_.find(name);
    if (it == ids_.end()) return std::nullopt;
    return it->second;
  }
  // Its number, a new one if need be; none when it is not taken.
  std::optional<uint32_t> Intern(std::string_view name) {
    if (const std::optional<uint32_t> id = Find(name)) return id;
    if (size() >= kNamesMax || name.size() > kNameBytesMax) return std::nullopt;
    names_.emplace_back(name);
    ids_.emplace(names_.back(), size() - 1);
    return size() - 1;
  }
  // Forgets those from number `size` on.
  void Truncate(uint32_t size) {
    while (this->size() > size) {
      ids_.erase(names_.back());
      names_.pop_back();
    }
  }

 private:
  std::deque<std::string> names_;  // which stay where they are
  absl::flat_hash_map<std::string_view, uint32_t> ids_;
};

}  // namespace sheaf::document
#endif  // DOCUMENT_NAMES_H_
