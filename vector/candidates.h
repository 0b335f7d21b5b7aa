// Candidates: the nodes that a search through the graph has met and may go on from, nearest
// first, and the slots that it has met at all.
#ifndef VECTOR_CANDIDATES_H_
#define VECTOR_CANDIDATES_H_
#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "vector/layout.h"

namespace sheaf::vectors {

struct Near {
  float distance = 0;
  Slot slot = 0;
  // Of equal distances the lower slot first, so that results do not depend on the way.
  friend bool operator<(const Near& a, const Near& b) {
    return a.distance != b.distance ? a.distance < b.distance : a.slot < b.slot;
  }
};

// As many as there are with `breadth` of them that may be found; nodes that only lead on are
// kept among these and not counted. Requires: no distance is NaN.
class Candidates {
 public:
  void Reset(uint32_t breadth) {
    breadth_ = breadth;
    found_ = 0;
    next_ = 0;
    entries_.clear();
    offered_.clear();
  }

  bool IsNear(float distance) const { return found_ < breadth_ || distance <= worst_; }
  // Of a node that is near; a candidate after Settle.
  void Offer(float distance, Slot slot, bool may_be_found) {
    offered_.push_back(uint64_t{OrderOf(distance)} << 32 | uint64_t{slot} << 2 |
                       (may_be_found ? kFindable : 0));
  }
  // Puts those that were offered among the others, each of which moves once at most, and
  // drops what is too far then.
  void Settle() {
    if (offered_.empty()) return;
    std::sort(offered_.begin(), offered_.end());
    size_t end = entries_.size();  // of those that have not moved
    entries_.resize(end + offered_.size());
    uint64_t* const begin = entries_.data();
    for (size_t i = offered_.size(); i-- > 0;) {
      const size_t at = PlaceOf(offered_[i], end);
      std::copy_backward(begin + at, begin + end, begin + end + i + 1);
      begin[at + i] = offered_[i];
      found_ += IsFindable(offered_[i]);
      end = at;
    }
    next_ = std::min(next_, end);
    offered_.clear();
    // What is behind the last that can be found leads nowhere.
    while (found_ > breadth_ || (found_ == breadth_ && !IsFindable(entries_.back()))) {
      found_ -= IsFindable(entries_.back());
      entries_.pop_back();
    }
    if (found_ == breadth_) worst_ = DistanceOf(entries_.back());
  }

  // The nearest that was not taken before.
  std::optional<Slot> Take() {
    while (next_ < entries_.size() && (entries_[next_] & kTaken) != 0) ++next_;
    if (next_ == entries_.size()) return std::nullopt;
    entries_[next_] |= kTaken;
    return SlotOf(entries_[next_++]);
  }

  // Those that may be found, nearest first.
  template <class Fn>
  void ForEachFound(Fn&& fn) const {
    for (const uint64_t entry : entries_)
      if (IsFindable(entry)) fn(Near{DistanceOf(entry), SlotOf(entry)});
  }

 private:
  static constexpr uint64_t kTaken = 1, kFindable = 2;

  // How many of the first `count` are before it. By blocks, then in one: comparisons that do
  // not wait for each other, and no branches that nobody could foretell.
  size_t PlaceOf(uint64_t entry, size_t count) const {
    constexpr size_t kBlock = 8;
    const uint64_t* const begin = entries_.data();
    const size_t blocks = count / kBlock;
    size_t before = 0;
    for (size_t i = 0; i < blocks; ++i) before += begin[i * kBlock + kBlock - 1] < entry;
    size_t place = before * kBlock;
    const size_t first = place, end = std::min(place + kBlock, count);
    for (size_t i = first; i < end; ++i) place += begin[i] < entry;
    return place;
  }
  // In the order of floats.
  static uint32_t OrderOf(float distance) {
    const auto bits = std::bit_cast<uint32_t>(distance + 0.0f);  // no -0
    return (bits & 0x80000000) != 0 ? ~bits : bits | 0x80000000;
  }
  static float DistanceOf(uint64_t entry) {
    const auto order = static_cast<uint32_t>(entry >> 32);
    return std::bit_cast<float>((order & 0x80000000) != 0 ? order & 0x7fffffff : ~order);
  }
  static Slot SlotOf(uint64_t entry) { return static_cast<uint32_t>(entry) >> 2; }
  static bool IsFindable(uint64_t entry) { return (entry & kFindable) != 0; }

  uint32_t breadth_ = 0, found_ = 0;
  float worst_ = 0;  // of as many as there may be
  size_t next_ = 0;  // all before it were taken
  std::vector<uint64_t> entries_, offered_;
};

// A set of slots: a bit for each slot of the index, and which were set.
class SlotSet {
 public:
  // Empty, of slots below `end`.
  void Reset(Slot end) {
    for (const Slot slot : slots_) bits_[slot / 64] = 0;
    slots_.clear();
    if (bits_.size() * 64 < end) bits_.resize(end / 64 + 1);
  }
  bool Contains(Slot slot) const {
    return slot / 64 < bits_.size() && (bits_[slot / 64] >> slot % 64 & 1) != 0;
  }
  void Insert(Slot slot) {
    if (!Contains(slot)) InsertAll({&slot, 1}, nullptr);
  }
  // Writes those that are new to `added`, if it is not null, and returns how many they are:
  // there is room for all. What is not below the end is left out. Without branches, since
  // nobody could foretell which are new.
  size_t InsertAll(absl::Span<const Slot> slots, Slot* added) {
    const size_t before = slots_.size();
    slots_.resize(before + slots.size());
    Slot* const out = slots_.data() + before;
    size_t count = 0;
    for (const Slot slot : slots) {
      if (slot / 64 >= bits_.size()) [[unlikely]]
        continue;
      uint64_t& word = bits_[slot / 64];
      const uint64_t bit = uint64_t{1} << slot % 64;
      out[count] = slot;
      count += (word & bit) == 0;
      word |= bit;
    }
    if (added != nullptr) std::copy(out, out + count, added);
    slots_.resize(before + count);
    return count;
  }
  bool empty() const { return slots_.empty(); }
  const std::vector<Slot>& slots() const { return slots_; }  // as they were inserted

 private:
  std::vector<uint64_t> bits_;
  std::vector<Slot> slots_;
};

}  // namespace sheaf::vectors
#endif  // VECTOR_CANDIDATES_H_
