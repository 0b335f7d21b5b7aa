// Changes of a vector index beside a model of it, for the crash workload: vectors put,
// replaced, deleted and put again, with metadata and without.
#ifndef TESTS_CRASH_VECTOR_CHANGES_H_
#define TESTS_CRASH_VECTOR_CHANGES_H_
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "sheaf/database.h"
#include "sheaf/status_macros.h"
#include "sheaf/vector_index.h"

namespace sheaf::test {

struct VectorContent {
  std::vector<float> vector;
  std::string metadata;  // empty: none
  friend bool operator==(const VectorContent&, const VectorContent&) = default;
};
using VectorContents = std::map<int64_t, VectorContent>;

inline VectorOptions SmallVectors() {
  VectorOptions options;
  options.dimensions = 3;
  options.metric = Metric::kL2;
  options.m = 3;
  options.ef_construction = 10;
  options.ef_search = 5;
  return options;
}

inline absl::StatusOr<VectorContents> ReadVectors(const VectorIndexReader& index) {
  VectorContents contents;
  std::vector<int64_t> keys;
  SHEAF_RETURN_IF_ERROR(index.ForEach([&](const DocumentKey& key, std::string_view) {
    keys.push_back(key.number());
    return true;
  }));
  for (const int64_t key : keys) {
    SHEAF_ASSIGN_OR_RETURN(std::vector<float> vector, index.Get(key));
    SHEAF_ASSIGN_OR_RETURN(const std::optional<std::string> metadata,
                           index.Metadata(key));
    contents[key] = {std::move(vector), metadata.value_or("")};
  }
  SHEAF_ASSIGN_OR_RETURN(const uint64_t size, index.size());
  if (size != contents.size())
    return absl::InternalError(absl::StrCat("size ", size, " of ", contents.size()));
  return contents;
}

inline float SquaredDistance(const std::vector<float>& a, const std::vector<float>& b) {
  float sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

// The distances of the nearest `k` of those that `passes` lets pass.
inline std::vector<float> NearestDistances(
    const VectorContents& contents, const std::vector<float>& query, size_t k,
    absl::FunctionRef<bool(int64_t, const VectorContent&)> passes) {
  std::vector<float> distances;
  for (const auto& [key, content] : contents)
    if (passes(key, content)) distances.push_back(SquaredDistance(content.vector, query));
  std::sort(distances.begin(), distances.end());
  if (distances.size() > k) distances.resize(k);
  return distances;
}

// Components are small integers: every distance is exact, and equal ones are frequent.
inline std::vector<float> RandomVector(absl::FunctionRef<uint64_t(uint64_t)> below) {
  std::vector<float> vector;
  for (int i = 0; i < 3; ++i) vector.push_back(static_cast<float>(below(12)) - 6);
  return vector;
}

// A broad search by the graph finds every vector.
inline absl::Status FindsAll(const VectorIndexReader& index,
                             const VectorContents& contents) {
  const std::vector<float> query = {1, -2, 3};
  VectorSearchOptions options;
  options.k = static_cast<uint32_t>(contents.size() + 1);
  options.plan = VectorPlan::kGraph;
  SHEAF_ASSIGN_OR_RETURN(const VectorResult found, index.Search(query, options));
  std::vector<float> distances;
  for (const VectorMatch& match : found.matches) distances.push_back(match.distance);
  if (distances == NearestDistances(contents, query, options.k,
                                    [](int64_t, const auto&) { return true; }))
    return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("a search finds ", distances.size(), " of ", contents.size()));
}

// For the crash workload, whose contents are texts: "7" to "1,-2,3 {metadata}".
inline std::map<std::string, std::string> ToStrings(const VectorContents& contents) {
  std::map<std::string, std::string> strings;
  for (const auto& [key, content] : contents)
    strings[absl::StrCat(key)] =
        absl::StrCat(absl::StrJoin(content.vector, ","), " ", content.metadata);
  return strings;
}
inline VectorContents FromStrings(const std::map<std::string, std::string>& strings) {
  VectorContents contents;
  for (const auto& [key, text] : strings) {
    const size_t space = text.find(' ');
    VectorContent& content = contents[std::stoll(key)];
    for (const auto part : absl::StrSplit(text.substr(0, space), ','))
      content.vector.push_back(std::stof(std::string(part)));
    content.metadata = text.substr(space + 1);
  }
  return contents;
}

class VectorChanges {
 public:
  VectorChanges(VectorIndex index, VectorContents* model,
                absl::FunctionRef<uint64_t(uint64_t)> below)
      : index_(std::move(index)), model_(*model), below_(below) {}

  absl::Status Change(uint64_t step) {
    const int64_t key = static_cast<int64_t>(below_(40));
    if (below_(4) == 0) {
      SHEAF_ASSIGN_OR_RETURN(const bool existed, index_.Delete(key));
      if (existed != (model_.erase(key) > 0))
        return absl::InternalError("Delete does not say whether it was there");
      return absl::OkStatus();
    }
    const std::vector<float> vector = RandomVector(below_);
    if (below_(3) == 0) {  // those that are there stay
      SHEAF_RETURN_IF_ERROR(index_.Put(key, vector));
      model_[key].vector = vector;
      return absl::OkStatus();
    }
    const std::string metadata =
        absl::StrCat(R"({"step":)", step, R"(,"parity":)", key % 2, "}");
    SHEAF_RETURN_IF_ERROR(index_.Put(key, vector, metadata));
    model_[key] = {vector, metadata};
    return absl::OkStatus();
  }

 private:
  VectorIndex index_;
  VectorContents& model_;
  absl::FunctionRef<uint64_t(uint64_t)> below_;
};

inline absl::Status ChangeVectorTexts(VectorIndex index,
                                      std::map<std::string, std::string>* texts,
                                      absl::FunctionRef<uint64_t(uint64_t)> below,
                                      uint64_t step) {
  VectorContents model = FromStrings(*texts);
  const absl::Status changed =
      VectorChanges(std::move(index), &model, below).Change(step);
  *texts = ToStrings(model);
  return changed;
}

// Into the graph, or all of it anew; whatever of that a crash takes back, no vector goes.
// False: there was nothing to do.
inline absl::StatusOr<bool> LinkAllVectors(Database* db, std::string_view index,
                                           uint64_t step) {
  VectorOptimizeOptions how;
  how.rebuild = step % 3 == 0;
  how.threads = 1;
  const auto linked = db->OptimizeVectors(index, how);
  if (absl::IsNotFound(linked.status())) return false;
  SHEAF_RETURN_IF_ERROR(linked.status());
  return linked->linked + linked->unlinked > 0;
}

}  // namespace sheaf::test
#endif  // TESTS_CRASH_VECTOR_CHANGES_H_
