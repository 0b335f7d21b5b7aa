// Query: documents of a collection by a filter, in an order, by the cheapest way to them.
//
// The planner looks at each index that is ready and not disabled, and at the collection's keys: what the
// filter wants of it (document/bounds.h), how many entries that is, counted in the tree
// itself, and whether the order comes with it; then at the parts of an $or, each by its own
// way, and at two indexes that both must have a document. What is found by an index is still
// asked whether it matches, unless the bounds say all of it. Where the index has all that
// is read, the documents are not looked at.
//
// A cursor reads as it goes, except that an order that no index has is sorted first, within
// a bound of memory and then in a temporary file. Belongs to its transaction.
#ifndef DOCUMENT_QUERY_H_
#define DOCUMENT_QUERY_H_
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "catalog/options.h"
#include "catalog/tree_view.h"
#include "document/bounds.h"
#include "document/covered.h"
#include "document/filter.h"
#include "document/path.h"
#include "document/schema.h"
#include "document/sorter.h"

namespace sheaf::document {

struct SortField {
  Path path;  // kKeyPath: the key
  bool descending = false;
};
// {"year": -1, "title": 1}. kInvalidArgument.
absl::StatusOr<std::vector<SortField>> ParseSort(std::string_view json);

struct Query {
  Filter filter;
  std::vector<SortField> sort;
  uint64_t skip = 0;
  std::optional<uint64_t> limit;
  std::string index;  // the only one to be used; "_id": none
  // The paths that who asks will read; none: all of the documents.
  std::optional<std::vector<std::string>> reads;
  SorterOptions sorter;
  Progress progress;
};

// Where documents are: as a transaction sees them.
struct Source {
  catalog::TreeView tree;
  std::shared_ptr<const Schema> schema;
  std::function<absl::StatusOr<catalog::TreeView>(const Index& index)> open_index;
  SpillFile spill;
};

// A way to the documents.
struct Plan {
  const Index* index = nullptr;  // null: the collection itself
  Bounds bounds;
  bool backwards = false;
  bool in_order = true;     // they come in the order that is wanted
  uint64_t entries = 0;     // inside the bounds
  bool is_counted = true;   // exactly
  bool is_covered = false;  // documents are made of what the index has
  bool is_union = false;    // of the parts of an $or, each by its own plan
  // An index that has the documents, too; only what both have is read.
  const Index* partner = nullptr;
  std::vector<ByteRange> partner_ranges;
  double cost = 0;  // about, in documents read in order
};

struct QueryCounts {
  uint64_t entries = 0;    // looked at: of the index, or documents
  uint64_t documents = 0;  // read
  uint64_t rows = 0;       // returned
  uint64_t spilled_bytes = 0;
  absl::Duration time;  // until the end, or now
};

class QueryCursor {
 public:
  // kInvalidArgument: there is no such index to be used. kFailedPrecondition: it is
  // disabled, or has not all that the filter can match.
  static absl::StatusOr<std::unique_ptr<QueryCursor>> Open(Source source, Query query);

  // False at the end and after an error: see status(). What it stands on is good until the
  // next call.
  bool Next();
  const absl::Status& status() const { return status_; }
  std::string_view key() const { return key_; }  // its bytes
  const View& document() const { return document_; }

  const Plan& plan() const { return *plan_; }
  const std::vector<Plan>& plans() const { return plans_; }  // all that were possible
  const std::vector<Index>& indexes() const { return *indexes_; }  // of the collection
  // Of the parts of an $or, if that is the plan.
  const std::vector<std::unique_ptr<QueryCursor>>& branches() const { return branches_; }
  QueryCounts counts() const;
  // How many match. Where the bounds say it all nothing is read.
  absl::StatusOr<uint64_t> Count();

 private:
  QueryCursor(Source source, Query query);
  absl::Status MakePlan();
  absl::Status Consider(const Index* index);
  absl::Status ConsiderBranches();
  void ConsiderPartners();
  std::vector<std::string> PathsRead(const Plan& plan) const;
  absl::Status Prepare();
  bool NextOfBranches();
  bool NextCovered();
  bool Find(const std::string& key);
  bool OpenFound(const btree::Found& found);
  absl::StatusOr<bool> IsNew(const std::string& key);
  absl::Status CollectPartner();
  bool CanOrder(const Index* index, const Bounds& bounds, bool* backwards) const;
  bool Fail(absl::Status status);
  std::optional<Plan> OneOfUniqueIndex() const;
  bool Match();  // the next one, in the order of the plan
  absl::StatusOr<bool> IsHidden(std::string_view key) const;
  // What counting without reading comes to; none: it takes reading.
  absl::StatusOr<std::optional<uint64_t>> CountByBounds() const;
  bool NextDocument();  // the next that the plan leads to
  bool NextEntry();     // of the tree of the plan
  bool Seek(size_t range);
  bool FetchSome();
  absl::Status TakeEntry(std::string* key);
  absl::Status Open(std::string_view stored);
  bool NextSorted();
  absl::Status SortAll();
  std::string SortKeyOf(const View& key) const;
  bool MayGoOn();

  Source source_;
  const Schema::Indexes indexes_;  // that plans point to
  Query query_;
  Filter filter_;  // bound, unless the bounds are exact
  std::vector<Plan> plans_;
  const Plan* plan_ = nullptr;  // one of them
  bool is_branch_ = false;
  std::vector<std::unique_ptr<QueryCursor>> branches_;
  size_t branch_ = 0;
  std::optional<CoveredReader> covered_;
  std::string covered_document_;
  bool is_partner_asked_ = false;
  std::optional<absl::flat_hash_set<std::string>> partner_keys_;
  std::optional<catalog::TreeView> index_;
  std::optional<btree::TreeCursor> cursor_;
  size_t range_ = 0;
  bool is_positioned_ = false, uses_key_ = false;
  // Documents that entries of an index lead to, looked up together.
  std::vector<std::string> fetched_keys_;
  std::vector<btree::Found> fetched_;
  size_t fetched_at_ = 0, fetch_ = 1;
  absl::flat_hash_set<std::string> seen_;  // keys, where a document has many entries
  size_t seen_bytes_ = 0;
  std::unique_ptr<Sorter> sorter_;
  uint64_t skipped_ = 0;
  uint64_t ticks_ = 0;
  const absl::Time begun_;

  std::string key_, value_, text_, entry_value_;
  NameTable own_text_names_;
  NameTable* text_names_ = &own_text_names_;  // of documents that are text; of the whole
  std::string key_document_;
  View key_view_, document_;
  QueryCounts counts_;
  absl::Status status_;
};

// The key as a value: a number, a string, or bytes. Into `*buffer`.
View KeyAsValue(std::string_view key, const NameTable& names, std::string* buffer);

// How the query is done, and what came of it: for people, and as JSON.
std::string DescribePlans(const QueryCursor& cursor);
std::string DescribePlansAsJson(const QueryCursor& cursor);

}  // namespace sheaf::document
#endif  // DOCUMENT_QUERY_H_
