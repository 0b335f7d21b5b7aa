// VectorIndexReader, VectorIndex: vectors by key, and the nearest of them to a query.
//
//   SHEAF_ASSIGN_OR_RETURN(VectorIndex meaning, txn.vectors("meaning", {.dimensions = 128}));
//   SHEAF_RETURN_IF_ERROR(meaning.Put("dog", embedding, R"({"pos": "noun"})"));
//   …
//   SHEAF_ASSIGN_OR_RETURN(VectorResult near, meaning.Search(query, {.k = 10}));
//   for (const VectorMatch& m : near.matches) Use(m.key, m.distance);
//
// Keys are those of documents (document_key.h), of up to 500 bytes. With each vector there
// may be a document, its metadata, whose fields searches filter by; indexes on them help.
//
// A vector is found from its commit on, in the writing transaction at once, and is gone when
// it is deleted; a reader that began before still finds it. What an HNSW index has not yet
// linked into its graph is compared one by one, so it is found as surely; linking happens
// in the background (Options::background_linking) or by Database::OptimizeVectors.
//
// Searches of kHnsw are approximate: of the true nearest they find a share that grows with
// ef, the breadth of the search. Distances are exact always. What a search costs, by
// options, with figures: docs/vectors.md.
//
// Handles belong to their transaction, as for tables. Thread-compatible.
#ifndef SHEAF_VECTOR_INDEX_H_
#define SHEAF_VECTOR_INDEX_H_
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "sheaf/collection.h"
#include "sheaf/document.h"
#include "sheaf/document_key.h"
#include "sheaf/vector_options.h"

namespace sheaf {

namespace internal {
struct VectorState;
}

// A vector as it is given: floats, or bytes as the index's element has them (metric.h).
// Floats become that: halves by rounding to the nearest; int8 must be whole numbers from
// -128 to 127, bits 0 or 1. A view, not longer alive than what it is of.
class VectorView {
 public:
  VectorView(absl::Span<const float> floats) : floats_(floats) {}
  VectorView(const std::vector<float>& floats) : floats_(floats) {}
  static VectorView Bytes(std::string_view bytes) {
    VectorView view{absl::Span<const float>()};
    view.bytes_ = bytes;
    return view;
  }
  const std::optional<std::string_view>& bytes() const { return bytes_; }
  absl::Span<const float> floats() const { return floats_; }

 private:
  absl::Span<const float> floats_;
  std::optional<std::string_view> bytes_;
};

struct VectorMatch {
  DocumentKey key;
  float distance;
};

// How a search went.
enum class VectorPlan : uint8_t {
  kGraph = 1,     // by the graph
  kFiltered = 2,  // by the graph, of which only what passes the filter is found
  kExact = 3,     // all vectors, or all that pass the filter
};

struct VectorResult {
  std::vector<VectorMatch> matches;  // nearest first; of equal distances any order
  VectorPlan plan = VectorPlan::kGraph;
  // Of the vectors, the share that the filter was thought to let pass; 1 without one.
  double selectivity = 1;
  uint64_t estimates = 0;  // distances estimated from codes
  uint64_t exact = 0;      // distances computed from vectors
  uint64_t pending = 0;    // vectors that were not linked yet
};

// A set of vectors of one index, as one transaction sees it: allow and deny lists. Holds
// compressed bitmaps and, of a set that searches of a read transaction compare with one by
// one, a copy of the vectors, or of the codes, that takes up to 2 MiB. Made by Select; empty
// otherwise.
class VectorSet {
 public:
  VectorSet();
  ~VectorSet();
  VectorSet(VectorSet&&) noexcept;
  VectorSet& operator=(VectorSet&&) noexcept;
  uint64_t size() const;

  struct Rep;  // for the library
  const Rep* rep() const { return rep_.get(); }

 private:
  friend class VectorIndexReader;
  std::unique_ptr<Rep> rep_;
};

struct VectorSearchOptions {
  uint32_t k = 10;  // 1 or more; where there are fewer vectors all are found
  // Breadth of the search: at least k. 0: the index's, or k if that is more.
  uint32_t ef = 0;
  // Not set: the one thought quickest. kExact compares with every vector that may be found.
  std::optional<VectorPlan> plan;
  std::optional<float> radius;  // and none that is farther away
  // What is found passes all of these; k are found whenever k do.
  std::string filter;                                  // as <sheaf/query.h>, of metadata
  const VectorSet* among = nullptr;                    // is one of these
  const VectorSet* except = nullptr;                   // is none of these
  std::function<bool(const DocumentKey& key)> accept;  // costs a look at each candidate
  Progress progress;                                   // cancels, or ends at the deadline
};

struct VectorStats {
  uint64_t vectors = 0;
  uint64_t linked = 0;   // that the graph has
  uint64_t pending = 0;  // that it has not yet
  uint64_t stale = 0;    // nodes whose vector went, which linking takes out
  std::vector<uint64_t> nodes_by_level;  // those whose highest level it is
  double mean_links = 0;                 // a node on level 0
  uint64_t unreachable = 0;  // nodes that no way leads to from the entry point
};

class VectorIndexReader {
 public:
  VectorIndexReader() = default;

  const VectorOptions& options() const;
  const std::string& name() const;
  absl::StatusOr<uint64_t> size() const;
  absl::StatusOr<uint64_t> size_with_expired() const;  // and what is still there
  // When it expires; InfiniteFuture: never. kNotFound: also when it has. Of an index on a
  // field of documents: when the document does.
  absl::StatusOr<absl::Time> ExpiresAt(const DocumentKey& key) const;
  absl::StatusOr<Expiry> DefaultExpiry() const;

  absl::StatusOr<bool> Contains(const DocumentKey& key) const;
  // Its components; of kBit 0 and 1. kNotFound.
  absl::StatusOr<std::vector<float>> Get(const DocumentKey& key) const;
  absl::StatusOr<std::string> GetBytes(const DocumentKey& key) const;
  // As JSON; none: the vector has none. kNotFound: there is no such vector.
  absl::StatusOr<std::optional<std::string>> Metadata(const DocumentKey& key) const;
  // In the order of slots, until `fn` returns false. What it gets is good during the call.
  using VectorFn =
      absl::FunctionRef<bool(const DocumentKey& key, std::string_view bytes)>;
  absl::Status ForEach(VectorFn fn) const;

  // kInvalidArgument: the vector is none of this index (says why), k is 0, ef below k, or
  // the filter wrong.
  absl::StatusOr<VectorResult> Search(VectorView query,
                                      const VectorSearchOptions& options = {}) const;
  // From the vector of a key, which is not among the matches. kNotFound.
  absl::StatusOr<VectorResult> SearchByKey(const DocumentKey& key,
                                           const VectorSearchOptions& options = {}) const;
  // All that are at most `radius` away; of kHnsw as far as a search that widens until it
  // stops finding more gets.
  absl::StatusOr<VectorResult> SearchRadius(
      VectorView query, float radius, const VectorSearchOptions& options = {}) const;
  absl::StatusOr<std::vector<VectorResult>> SearchMany(
      absl::Span<const VectorView> queries,
      const VectorSearchOptions& options = {}) const;

  // Keys that have no vector are left out.
  absl::StatusOr<VectorSet> Select(absl::Span<const DocumentKey> keys) const;
  absl::StatusOr<VectorSet> SelectWhere(std::string_view filter) const;
  // The indexes on metadata.
  absl::StatusOr<std::vector<IndexInfo>> Indexes() const;

  // Looks at every node.
  absl::StatusOr<VectorStats> Stats(const Progress& progress = {}) const;

 protected:
  friend class ReadTransaction;
  friend class WriteTransaction;
  friend struct internal::VectorState;
  explicit VectorIndexReader(std::shared_ptr<internal::VectorState> state);
  std::shared_ptr<internal::VectorState> state_;
};

class VectorIndex : public VectorIndexReader {
 public:
  VectorIndex() = default;

  // Instead of the vector of that key, if there is one; that one's metadata stay unless
  // others are given. kInvalidArgument: the vector is none of this index (says why).
  // `expiry`: expiry.h; not given: the index's default, mostly none.
  absl::Status Put(const DocumentKey& key, VectorView vector);
  absl::Status Put(const DocumentKey& key, VectorView vector, std::string_view metadata,
                   const std::optional<Expiry>& expiry = {});
  absl::Status Insert(const DocumentKey& key, VectorView vector,
                      std::string_view metadata = {},
                      const std::optional<Expiry>& expiry = {});         // kAlreadyExists
  absl::Status SetExpiry(const DocumentKey& key, const Expiry& expiry);  // kNotFound
  // Begins a sliding expiry anew. False: there is no such vector, or its does not slide.
  absl::StatusOr<bool> Touch(const DocumentKey& key);
  // Of vectors to come: After, Sliding or Never.
  absl::Status SetDefaultExpiry(const Expiry& expiry);
  // With its metadata. False: there is none.
  absl::StatusOr<bool> Delete(const DocumentKey& key);
  absl::Status SetMetadata(const DocumentKey& key, std::string_view json);  // kNotFound
  absl::Status CreateIndex(const IndexDefinition& definition,
                           const Progress& progress = {});  // on metadata
  absl::Status DropIndex(std::string_view name);            // kNotFound

 private:
  friend class WriteTransaction;
  using VectorIndexReader::VectorIndexReader;
  absl::Status Write(const DocumentKey& key, const VectorView& vector,
                     const std::optional<std::string_view>& metadata, bool insert_only,
                     const std::optional<Expiry>& expiry);
  // What `expiry` comes to; and what has expired is out of the way of a put.
  absl::StatusOr<catalog::ExpiryChange> PrepareToExpire(
      const std::string& key, const std::optional<Expiry>& expiry);
  static absl::Status CheckMetadata(const Document& document);
};

struct VectorOptimizeOptions {
  // Builds the graph anew, from all vectors at once. Otherwise what is pending is linked
  // into it; where that is most of the index it is built anew all the same.
  bool rebuild = false;
  uint32_t threads = 0;  // 0: one a processor. The same graph comes of one thread only
  // What building anew may take beside the cache; beyond, vectors are linked in batches.
  uint64_t memory_bytes_max = uint64_t{4} << 30;
};

struct VectorOptimizeReport {
  uint64_t linked = 0, unlinked = 0;
  bool rebuilt = false;
};

}  // namespace sheaf
#endif  // SHEAF_VECTOR_INDEX_H_
