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
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"

namespace sheaf::document {

// That of the map itself is slow where absl::string_view is another type.
struct TextHash {
  size_t operator()(std::string_view text) const {
    return absl::Hash<absl::string_view>()({text.data(), text.size()});
  }
};

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

  uint32_t size() const { return base_size_ + static_cast<uint32_t>(entries_.size()); }
  // Requires: id < size().
  std::string_view NameOf(uint32_t id) const { return EntryOf(id).name; }
  // As JSON writes it before a value: in quotes, with a colon. Behind it there are bytes up
  // to a multiple of kJsonStep. Of size 0: not prepared.
  static constexpr size_t kJsonStep = 16;
  struct Json {
    const char* data;
    size_t size;
  };
  Json JsonOf(uint32_t id) const {
    const Entry& entry = EntryOf(id);
    return {entry.json.data(), entry.json_size};
  }
  // For all that are its own.
  void PrepareJson();
  std::optional<uint32_t> Find(std::string_view name) const {
    if (base_ != nullptr)
      if (const std::optional<uint32_t> id = base_->Find(name)) return id;
    const auto it = ids_.find(name);
    if (it == ids_.end()) return std::nullopt;
    return it->second;
  }
  // Its number, a new one if need be; none when it is not taken.
  std::optional<uint32_t> Intern(std::string_view name) {
    for (const Follower& next : Followers())
      if (next.id < size() && NameOf(next.id) == name) return last_ = next.id;
    return InternUnguessed(name);
  }
  // The same, if `json` begins with a name that came behind the last one before, and a
  // quote. Requires: kGuessBytes can be read there.
  static constexpr size_t kGuessBytes = 16;
  std::optional<uint32_t> InternGuess(std::string_view json) {
    for (const Follower& next : Followers())
      if (next.Begins(json)) return last_ = next.id;
    return std::nullopt;
  }
  // The next number is that of no name that can be found; it is called lost-N.
  void Skip();
  // Forgets those from number `size` on. Requires: these are its own.
  void Truncate(uint32_t size);

 private:
  struct Entry {
    std::string name;
    bool is_escaped = false;  // in JSON, so that its bytes there are others
    std::string json;
    size_t json_size = 0;
  };
  const Entry& EntryOf(uint32_t id) const {
    return id < base_size_ ? base_->EntryOf(id) : *entries_[id - base_size_];
  }
  // A name that came behind another. Documents of a kind have their names in one order, but
  // for the ends of arrays.
  struct Follower {
    uint32_t id = kNamesMax;
    uint32_t long_size = 0;  // of a name that does not fit below
    // The name and a quote, and which bits are that; all zero: what no name matches.
    uint64_t json[2] = {}, mask[2] = {};
    const char* name = nullptr;

    bool Begins(std::string_view text) const {
      uint64_t there[2];
      std::memcpy(there, text.data(), sizeof there);
      if ((((there[0] ^ json[0]) & mask[0]) | ((there[1] ^ json[1]) & mask[1])) != 0)
        return false;
      if (long_size == 0) return mask[0] != 0;
      return long_size < text.size() &&
             text.substr(0, long_size) == std::string_view(name, long_size) &&
             text[long_size] == '"';
    }
  };
  using Pair = std::array<Follower, 2>;
  const Pair& Followers() const {
    static constexpr Pair kNone;
    return last_ < next_.size() && next_[last_] != nullptr ? *next_[last_] : kNone;
  }
  Follower FollowerOf(uint32_t id) const;
  std::optional<uint32_t> InternUnguessed(std::string_view name);
  void Add(std::string name);

  const NameTable* base_;
  uint32_t base_size_;
  // Which stay where they are; an empty table costs nothing.
  std::vector<std::unique_ptr<Entry>> entries_;
  absl::flat_hash_map<std::string_view, uint32_t, TextHash> ids_;
  // By number of a name, the two that came behind it, the newer first.
  std::vector<std::unique_ptr<Pair>> next_;
  uint32_t last_ = 0;
};

}  // namespace sheaf::document
#endif  // SHEAF_NAMES_H_
