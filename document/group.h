// GroupBy: documents by what they have in common, and sums over them; the part of
// MongoDB's $group that is written
//
//   {"_id": "$author.name",             a path: its value; null where there is none
//    "books": {"$sum": 1},              a number, for each document
//    "pages": {"$sum": "$pages"},       of numbers; what is none is passed over
//    "mean": {"$avg": "$pages"},        the same; null of none
//    "first": {"$min": "$year"},        by compare.h, without nulls; null of none
//    "last": {"$max": "$year"},
//    "count": {"$count": {}}}           {"$sum": 1}
//
// "_id" may also be null, for one group of all, or an object of paths, {"by": "$author",
// "in": "$year"}; a name is left out where its path leads nowhere. A path goes through
// objects by name and through arrays by number, not into the objects of an array.
//
// Values are one group where compare.h has them equal: 1 and 1.0. The group shows the one
// that came first. A sum of integers is exact, and an integer as long as it fits 64 bits;
// with doubles among them it is a double, computed with compensation (Neumaier).
//
// Thread-compatible. The names of the documents outlive it.
#ifndef DOCUMENT_GROUP_H_
#define DOCUMENT_GROUP_H_
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/numeric/int128.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "document/binary.h"
#include "document/byte_arena.h"
#include "document/path.h"

namespace sheaf::document {

class GroupBy {
 public:
  // kInvalidArgument names the field and what is wrong with it, or the accumulator that
  // was meant.
  static absl::StatusOr<GroupBy> Parse(std::string_view json, size_t memory_bytes_max);
  GroupBy(GroupBy&&) = default;
  GroupBy& operator=(GroupBy&&) = default;

  // The paths it reads, each once.
  std::vector<std::string> fields() const;
  void Bind(const NameTable& names);  // see Path::Bind

  // kResourceExhausted: the groups need more than the memory. kDataLoss: the document is
  // damaged.
  absl::Status Add(const View& document);

  // Then the groups come in the order of their keys. Nothing more may be added.
  void Finish();
  size_t group_count() const { return groups_.size(); }
  // Writes {"_id": …, "books": …, …}; false when there are no more.
  bool Next(Writer* out);

 private:
  enum class Op : uint8_t { kSum, kAvg, kMin, kMax };
  struct Accumulator {
    std::string name;
    Op op = Op::kSum;
    Path path;
    View constant;  // in place of a path; damaged: none
  };
  struct IdField {
    std::string name;  // empty: the path is the key itself
    Path path;
  };
  // Of one accumulator in one group.
  struct State {
    absl::int128 whole = 0;            // of integers
    double sum = 0, compensation = 0;  // of doubles
    uint64_t count = 0;                // of numbers
    bool has_double = false;
    View best;  // damaged: none yet
    uint32_t best_room = 0;
  };
  // In the arena: neither is destroyed.
  struct Group {
    View* id;  // as many as id_; damaged: none
    State* states;
  };

  class Parser;
  GroupBy() = default;
  absl::Status ReadKey(const View& document);
  const Group& FindOrAdd();
  const Group& AddGroup(std::string_view canonical);
  void Accumulate(Op op, const View& value, State* state);
  absl::Status CheckMemory() const;
  void KeepBest(Op op, const View& value, State* state);
  static void AddNumber(const View& number, State* state);
  static double TotalOf(const State& state);
  static void WriteResult(Op op, const State& state, Writer* out);
  std::weak_ordering CompareIds(const Group& a, const Group& b) const;

  size_t memory_bytes_max_ = 0;
  std::vector<IdField> id_;  // none: all documents are one group
  std::vector<Accumulator> accumulators_;
  ByteArena arena_;
  absl::flat_hash_map<std::string_view, uint32_t, TextHash> index_;  // by canonical bytes
  std::vector<Group> groups_;
  std::vector<View> key_;  // of the document that is added; damaged: none
  std::string scratch_;
  size_t returned_ = 0;
};

}  // namespace sheaf::document
#endif  // DOCUMENT_GROUP_H_
