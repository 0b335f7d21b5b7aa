// NameTable: the field names of a collection by number, so that a document holds one or
// two bytes in place of each name. Installed as <sheaf/names.h>.
//
// Numbers are given out in order and never change. A table takes kNamesMax names of up to
// kNameBytesMax bytes; fields with others carry their name themselves, so that documents
// whose keys are data do not fill it.
//
// Thread-compatible.
#ifndef SHEAF_NAMES_H_
#define SHEAF_NAMES_H_
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

  // All that `base` has, which outlives it and does not change: its own numbers go on from
  // there.
  explicit NameTable(const NameTable* base = nullptr)
      : base_(base), base_size_(base == nullptr ? 0 : base->size()) {}
  NameTable(const NameTable&) = delete;
  NameTable& operator=(const NameTable&) = delete;

  uint32_t size() const { return base_size_ + static_cast<uint32_t>(names_.size()); }
  // Requires: id < size().
  std::string_view NameOf(uint32_t id) const {
    return id < base_size_ ? base_->NameOf(id) : names_[id - base_size_];
  }
  std::optional<uint32_t> Find(std::string_view name) const {
    if (base_ != nullptr)
      if (const std::optional<uint32_t> id = base_->Find(name)) return id;
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
  // The next number is that of no name that can be found; it is called lost-N.
  void Skip() {
    if (size() < kNamesMax) names_.push_back("lost-" + std::to_string(size()));
  }
  // Forgets those from number `size` on. Requires: these are its own.
  void Truncate(uint32_t size) {
    while (this->size() > size) {
      const auto it = ids_.find(names_.back());
      if (it != ids_.end() && it->second == this->size() - 1) ids_.erase(it);
      names_.pop_back();
    }
  }

 private:
  const NameTable* base_;
  uint32_t base_size_;
  std::deque<std::string> names_;  // which stay where they are
  absl::flat_hash_map<std::string_view, uint32_t> ids_;
};

}  // namespace sheaf::document
#endif  // SHEAF_NAMES_H_
