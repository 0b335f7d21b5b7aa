#include "vector/check.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pager/coding.h"
#include "pager/status_macros.h"
#include "vector/distance.h"
#include "vector/index.h"
#include "vector/query.h"

namespace sheaf::vectors {

using catalog::Snapshot;
using catalog::TreeKind;
using catalog::TreeRecord;
using ProblemFn = absl::FunctionRef<void(const std::string&)>;
using TickFn = absl::FunctionRef<absl::Status(uint64_t)>;

namespace {

constexpr uint64_t kLooksATick = 1024;

class IndexChecker {
 public:
  IndexChecker(const VectorReader* reader, const std::string& name, ProblemFn problem)
      : reader_(*reader), layout_(reader->layout()), name_(name), problem_(problem) {}

  absl::Status Run(uint64_t* looked_at, TickFn tick);

 private:
  struct Slots {
    Stamp stamp = 0;  // of its vector; 0: none
    bool has_key = false, is_free = false;
  };

  template <class... Parts>
  void Problem(const Parts&... parts) {
    problem_(absl::StrCat(name_, ": ", parts...));
  }
  absl::Status CheckVectorsThemselves();
  absl::Status CheckKeys();
  absl::Status CheckPending();
  absl::Status CheckNodes();
  absl::Status CheckLinks(Slot slot, uint32_t level);
  absl::Status CheckLevels(Slot slot, uint32_t level);
  absl::Status CheckReach();
  absl::Status Tick() {
    return ++*looked_at_ % kLooksATick == 0 ? (*tick_)(*looked_at_) : absl::OkStatus();
  }

  const VectorReader& reader_;
  const Layout& layout_;
  const std::string name_;
  const ProblemFn problem_;
  uint64_t* looked_at_ = nullptr;
  TickFn* tick_ = nullptr;
  std::vector<Slots> slots_;
  std::vector<bool> has_node_, is_pending_;
  uint64_t nodes_ = 0, level_records_ = 0;
  std::vector<Slot> links_, others_;
  std::string key_;
};

absl::Status IndexChecker::CheckVectorsThemselves() {
  const Stamp last = reader_.keys().record().counter;
  return reader_.ForEachVector([&](Slot slot, const StoredVector& v) -> absl::Status {
    if (slot >= slots_.size()) {
      Problem("slot ", slot, " has a vector and was never given out");
      return absl::OkStatus();
    }
    const absl::Status valid =
        CheckVector(layout_.options.metric, layout_.options.element,
                    layout_.options.dimensions, {v.vector, layout_.vector_bytes});
    if (!valid.ok())
      Problem("the vector of slot ", slot, ": ", std::string(valid.message()));
    else if (v.norm != NormOf(layout_, v.vector))
      Problem("the norm of slot ", slot, " is not that of its vector");
    if (v.stamp == 0 || v.stamp > last)
      Problem("slot ", slot, " has stamp ", v.stamp, ", the last given out is ", last);
    slots_[slot].stamp = v.stamp;
    key_ = v.key;
    SHEAF_ASSIGN_OR_RETURN(const std::optional<Slot> leads_to, reader_.FindSlot(key_));
    if (leads_to != slot)
      Problem("the key of slot ", slot, " leads ",
              leads_to.has_value() ? absl::StrCat("to slot ", *leads_to) : "nowhere");
    else
      slots_[slot].has_key = true;
    return Tick();
  });
}

// As many keys as vectors: with the above each leads to one of its own.
absl::Status IndexChecker::CheckKeys() {
  uint64_t keys = 0;
  btree::TreeCursor rows = reader_.keys().NewCursor();
  for (rows.SeekFirst(); rows.Valid(); rows.Next()) {
    if (rows.key().starts_with(kKeyRows)) {
      ++keys;
    } else if (rows.key().starts_with(kFreeRows)) {
      const std::optional<Slot> slot = SlotOfRow(rows.key());
      if (!slot.has_value() || *slot >= slots_.size())
        Problem("a free slot that was never given out");
      else if (slots_[*slot].stamp != 0)
        Problem("slot ", *slot, " is free and has a vector");
      else
        slots_[*slot].is_free = true;
    } else if (!rows.key().starts_with(kPendingRows)) {
      Problem("a row of no kind");
    }
    SHEAF_RETURN_IF_ERROR(Tick());
  }
  SHEAF_RETURN_IF_ERROR(rows.status());
  if (keys != reader_.size())
    Problem("has ", keys, " keys, and ", reader_.size(), " vectors");
  for (size_t slot = 0; slot < slots_.size(); ++slot)
    if (slots_[slot].stamp == 0 && !slots_[slot].is_free)
      Problem("slot ", slot, " has no vector and is not free");
  return absl::OkStatus();
}

absl::Status IndexChecker::CheckPending() {
  SHEAF_ASSIGN_OR_RETURN(const std::vector<Pending> pending, reader_.ReadPending());
  for (const Pending& p : pending) {
    if (p.slot >= slots_.size()) {
      Problem("slot ", p.slot, " awaits linking and was never given out");
      continue;
    }
    if (p.stamp != slots_[p.slot].stamp)
      Problem("slot ", p.slot, " awaits linking with stamp ", p.stamp, ", and has ",
              slots_[p.slot].stamp);
    is_pending_[p.slot] = true;
  }
  return absl::OkStatus();
}

absl::Status IndexChecker::CheckLevels(Slot slot, uint32_t level) {
  std::string levels;
  SHEAF_RETURN_IF_ERROR(reader_.ReadLevels(slot, &levels));
  if (levels.size() != level * layout_.level_bytes) {
    Problem("the node of slot ", slot, " is of level ", level, ", and has links of ",
            levels.size() / layout_.level_bytes);
    return absl::OkStatus();
  }
  level_records_ += level > 0;
  for (uint32_t i = 0; i <= level; ++i) SHEAF_RETURN_IF_ERROR(CheckLinks(slot, i));
  return absl::OkStatus();
}

absl::Status IndexChecker::CheckLinks(Slot slot, uint32_t level) {
  SHEAF_RETURN_IF_ERROR(reader_.ReadLinks({&slot, 1}, level, &links_));
  std::sort(links_.begin(), links_.end());
  for (size_t i = 0; i < links_.size(); ++i) {
    const Slot to = links_[i];
    if (to == slot || (i > 0 && links_[i - 1] == to)) {
      Problem("slot ", slot, " is linked to ", to == slot ? "itself" : "one twice",
              " on level ", level);
      continue;
    }
    const absl::Status read = reader_.ReadLinks({&to, 1}, level, &others_);
    if (!read.ok() && !absl::IsDataLoss(read)) return read;
    if (!read.ok())
      Problem("slot ", slot, " is linked to slot ", to, " on level ", level,
              ", where that has no node");
    else if (std::find(others_.begin(), others_.end(), slot) == others_.end())
      Problem("the link of slot ", slot, " to slot ", to, " on level ", level,
              " is not mutual");
  }
  return absl::OkStatus();
}

absl::Status IndexChecker::CheckNodes() {
  const std::optional<EntryPoint> entry = reader_.entry();
  bool has_entry = false;
  struct Seen {
    Slot slot;
    uint32_t level;
    Stamp stamp;
    std::string code;
  } seen;
  std::string code(layout_.code_bytes, '\0');
  const auto look = [&]() -> absl::Status {
    if (seen.level > layout_.level_max || !entry.has_value() ||
        seen.level > entry->level) {
      Problem("the node of slot ", seen.slot, " is of level ", seen.level,
              ", above the entry point");
      return absl::OkStatus();
    }
    has_entry |= seen.slot == entry->slot && seen.level == entry->level;
    if (seen.stamp == slots_[seen.slot].stamp) {
      if (is_pending_[seen.slot])
        Problem("slot ", seen.slot, " awaits linking and is linked");
      SHEAF_RETURN_IF_ERROR(
          reader_.ForVectors({&seen.slot, 1}, [&](size_t, const StoredVector& v) {
            EncodeNodeCode(layout_, v.vector, v.norm, code.data());
          }));
      if (code != seen.code)
        Problem("the code of slot ", seen.slot, " is not that of its vector");
    } else if (!is_pending_[seen.slot]) {
      Problem("the node of slot ", seen.slot, " is of stamp ", seen.stamp,
              ", its vector of ", slots_[seen.slot].stamp, ", and awaits no linking");
    }
    return CheckLevels(seen.slot, seen.level);
  };
  SHEAF_RETURN_IF_ERROR(
      reader_.ForEachNode([&](Slot slot, NodeView node) -> absl::Status {
        ++nodes_;
        if (slot >= slots_.size()) {
          Problem("slot ", slot, " has a node and was never given out");
          return absl::OkStatus();
        }
        has_node_[slot] = true;
        seen = {slot, node.level(layout_), node.stamp(),
                std::string(node.code(layout_), layout_.code_bytes)};
        SHEAF_RETURN_IF_ERROR(look());
        return Tick();
      }));
  if (nodes_ > 0 && !has_entry) Problem("the entry point is no node");
  if (nodes_ == 0 && entry.has_value()) Problem("has an entry point and no nodes");
  if (level_records_ != reader_.levels().root().entries)
    Problem("has links above level 0 of ", reader_.levels().root().entries,
            " nodes, where ", level_records_, " are of such a level");
  for (size_t slot = 0; slot < slots_.size(); ++slot)
    if (layout_.options.kind == IndexKind::kHnsw && slots_[slot].stamp != 0 &&
        !has_node_[slot] && !is_pending_[slot])
      Problem("the vector of slot ", slot, " has no node and awaits no linking");
  return absl::OkStatus();
}

absl::Status IndexChecker::CheckReach() {
  const std::optional<EntryPoint> entry = reader_.entry();
  if (!entry.has_value() || entry->slot >= slots_.size() || !has_node_[entry->slot])
    return absl::OkStatus();
  std::vector<bool> is_reached(slots_.size());
  std::vector<Slot> next{entry->slot};
  is_reached[entry->slot] = true;
  uint64_t reached = 1;
  while (!next.empty()) {
    const Slot slot = next.back();
    next.pop_back();
    SHEAF_RETURN_IF_ERROR(reader_.ReadLinks({&slot, 1}, 0, &links_));
    for (const Slot to : links_) {
      if (to >= slots_.size() || !has_node_[to] || is_reached[to]) continue;
      is_reached[to] = true;
      ++reached;
      next.push_back(to);
    }
    SHEAF_RETURN_IF_ERROR(Tick());
  }
  if (reached != nodes_)
    Problem(nodes_ - reached, " nodes cannot be reached from the entry point");
  return absl::OkStatus();
}

absl::Status IndexChecker::Run(uint64_t* looked_at, TickFn tick) {
  looked_at_ = looked_at;
  tick_ = &tick;
  const uint64_t given_out = reader_.vectors().record().counter;
  const Slot slots = reader_.slot_end();
  if (given_out > slots)
    Problem("says that ", given_out, " slots were given out, of which it has no trace");
  slots_.resize(slots);
  has_node_.resize(slots);
  is_pending_.resize(slots);
  SHEAF_RETURN_IF_ERROR(CheckVectorsThemselves());
  SHEAF_RETURN_IF_ERROR(CheckKeys());
  SHEAF_RETURN_IF_ERROR(CheckPending());
  SHEAF_RETURN_IF_ERROR(CheckNodes());
  return CheckReach();
}

}  // namespace

absl::Status CheckVectors(catalog::Store* store, const Snapshot& snapshot,
                          ProblemFn problem, TickFn tick) {
  SHEAF_ASSIGN_OR_RETURN(const std::vector<TreeRecord> records, snapshot.ListTrees());
  uint64_t looked_at = 0;
  Directories directories;
  for (const TreeRecord& record : records) {
    if (record.kind != TreeKind::kVectors) continue;
    const auto reader = OpenIndex(store, &snapshot, record, &directories);
    absl::Status status = reader.status();
    if (status.ok())
      status = IndexChecker(reader->get(), record.name, problem).Run(&looked_at, tick);
    if (absl::IsDataLoss(status))
      problem(absl::StrCat(record.name, ": ", std::string(status.message())));
    else
      SHEAF_RETURN_IF_ERROR(status);
  }
  for (const TreeRecord& record : records) {
    if (record.kind != TreeKind::kVectorPart && record.kind != TreeKind::kVectorNodes)
      continue;
    const bool is_there =
        std::any_of(records.begin(), records.end(), [&](const TreeRecord& other) {
          if (catalog::IsCollection(other.kind) && record.name == FieldsName(other.id))
            return true;
          return other.kind == TreeKind::kVectors &&
                 (record.name == KeysName(other.id) ||
                  record.name == NodesName(other.id) ||
                  record.name == LevelsName(other.id));
        });
    if (!is_there)
      problem(absl::StrCat("tree ", record.id, ": a part that no vector index has"));
  }
  return absl::OkStatus();
}

}  // namespace sheaf::vectors
