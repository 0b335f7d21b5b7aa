// IndexDefinition: what an index of a collection is to hold. Installed as <sheaf/index.h>.
//
// An index has an entry for each document, of the values that its paths lead to, in the
// order of its fields; entries are added and removed in the transaction that changes the
// document, so index and documents never disagree. Where a path leads through an array,
// each element has an entry; at most one path of an index may. A path that leads nowhere
// is indexed as null.
//
// As JSON:
//   {"name": "by_author", "fields": {"author": 1, "year": -1}, "unique": true,
//    "sparse": true, "filter": {"year": {"$gt": 1900}}}
// 1 is ascending, -1 descending; what is not there is false or empty. Without a name it is
// called by its fields: author_1_year_-1.
#ifndef SHEAF_INDEX_H_
#define SHEAF_INDEX_H_
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "sheaf/binary.h"

namespace sheaf {

inline constexpr size_t kIndexFieldsMax = 32;
inline constexpr size_t kIndexesMax = 64;  // of a collection

struct IndexField {
  std::string path;  // "a.b": as in a filter
  bool descending = false;
  friend bool operator==(const IndexField&, const IndexField&) = default;
};

struct IndexDefinition {
  std::string name;  // 1 to 120 bytes of UTF-8
  std::vector<IndexField> fields;
  bool unique = false;  // no two documents have an entry in common
  bool sparse = false;  // documents in which no path leads anywhere have no entry
  std::string filter;   // JSON: only documents that match it are in it; empty: all

  // kInvalidArgument names the field.
  static absl::StatusOr<IndexDefinition> Parse(std::string_view json);
  std::string ToJson() const;
  // Fills in what follows from the rest: the name. kInvalidArgument names the field.
  absl::Status Complete();
  friend bool operator==(const IndexDefinition&, const IndexDefinition&) = default;
};

// kBuilding: entries are kept by every writer, those of older documents are still being
// added, and no query uses it. kFailed: it could not be built; drop it.
enum class IndexState : uint8_t { kBuilding = 1, kReady = 2, kFailed = 3 };

struct IndexInfo {
  IndexDefinition definition;
  IndexState state = IndexState::kBuilding;
  uint64_t entries = 0;
  bool through_arrays = false;  // a document has, or had, more than one entry or an array
  bool disabled = false;        // see Collection::DisableIndex
};

// A value to be found in an index; numbers are equal by value, whatever their type.
class IndexValue {
 public:
  template <std::signed_integral T>
  IndexValue(T value) : key_(KeyOf(static_cast<int64_t>(value))) {}
  template <std::unsigned_integral T>
  IndexValue(T value) : key_(KeyOf(static_cast<uint64_t>(value))) {}
  IndexValue(bool value);
  IndexValue(double value);
  IndexValue(std::nullptr_t);  // what is missing, too
  IndexValue(std::string_view text);
  IndexValue(const std::string& text) : IndexValue(std::string_view(text)) {}
  IndexValue(const char* text) : IndexValue(std::string_view(text)) {}
  IndexValue(absl::Time time);
  IndexValue(const document::View& value);

  const std::string& key() const { return key_; }  // document/index_key.h

 private:
  static std::string KeyOf(int64_t value);
  static std::string KeyOf(uint64_t value);
  std::string key_;
};

}  // namespace sheaf
#endif  // SHEAF_INDEX_H_
