#include "vector/bulk_build.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <deque>
#include <exception>
#include <fstream>
#include <iostream>
#include <list>
#include <memory>
#include <mutex>
#include <new>
#include <queue>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "pager/status_macros.h"
#include "vector/candidates.h"
#include "vector/query.h"

// In a namespace of ours: an application may use hnswlib as well, another version of it or
// compiled otherwise, and whatever has the same name is one to the linker. So all that it
// includes comes first. It is not written for the warnings that we ask for.
#define NO_MANUAL_VECTORIZATION  // the distances are ours
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wsign-compare"
namespace sheaf::vectors::foreign {
namespace std {
using namespace ::std;
// hnswlib draws a level for each vector, from one engine for all threads and without a lock.
// We tell it the levels; so its engine has no state that they could race for.
class default_random_engine {
 public:
  using result_type = uint32_t;
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return UINT32_MAX; }
  void seed(size_t) {}
  result_type operator()() { return max() / 2; }
};
}  // namespace std
#include <hnswlib/hnswlib.h>
}  // namespace sheaf::vectors::foreign
#pragma GCC diagnostic pop

namespace sheaf::vectors {
namespace {

namespace hnswlib = foreign::hnswlib;
using Id = hnswlib::tableint;

// A node with so few links keeps them.
constexpr uint32_t kFewLinks = 4;
// Vectors that a thread takes at a time.
constexpr size_t kVectorsAtOnce = 64;

// Points are a norm and a vector as it is stored, made up to whole words: hnswlib's lists of
// links come behind them.
class Space : public hnswlib::SpaceInterface<float> {
 public:
  explicit Space(const Layout& layout)
      : distance_(layout.options.metric, layout.options.element,
                  layout.options.dimensions),
        bytes_((4 + layout.vector_bytes + 3) / 4 * 4) {}
  size_t get_data_size() override { return bytes_; }
  hnswlib::DISTFUNC<float> get_dist_func() override { return &Between; }
  void* get_dist_func_param() override { return &distance_; }

 private:
  static float Between(const void* a, const void* b, const void* distance) {
    const auto *p = static_cast<const char*>(a), *q = static_cast<const char*>(b);
    return static_cast<const Distance*>(distance)->Between(p + 4, DecodeFloat(p), q + 4,
                                                           DecodeFloat(q));
  }
  Distance distance_;
  const size_t bytes_;
};

// A list of links where it lies in hnswlib's memory: a count, then ids.
class Links {
 public:
  explicit Links(hnswlib::linklistsizeint* at)
      : count_(reinterpret_cast<uint16_t*>(at)), ids_(at + 1) {}
  uint32_t size() const { return *count_; }
  Id operator[](uint32_t i) const { return ids_[i]; }
  bool Has(Id id) const { return std::find(ids_, ids_ + size(), id) != ids_ + size(); }
  void Add(Id id) { ids_[(*count_)++] = id; }
  void Remove(Id id) {
    Id* const at = std::find(ids_, ids_ + size(), id);
    if (at == ids_ + size()) return;
    *at = ids_[--*count_];
  }

 private:
  uint16_t* count_;
  Id* ids_;
};

absl::Status NoMemory(
    const std::exception& e) {  // bad_alloc, or hnswlib's of that meaning
  return absl::ResourceExhaustedError(
      absl::StrCat("building a graph of vectors: ", e.what()));
}

struct PointBatch {
  std::vector<Slot> slots;
  std::vector<Stamp> stamps;
  std::string points;

  void Append(Slot slot, const StoredVector& v, size_t vector_bytes, size_t point_bytes) {
    slots.push_back(slot);
    stamps.push_back(v.stamp);
    char norm[4];
    EncodeFloat(norm, v.norm);
    points.append(norm, sizeof norm).append(v.vector, vector_bytes);
    points.resize(slots.size() * point_bytes);
  }
};

// From the thread that reads to those that add. Thread-safe.
class PointQueue {
 public:
  explicit PointQueue(size_t batches_max) : batches_max_(batches_max) {}

  // False, and nothing is taken: there are enough.
  bool TryPush(PointBatch* batch) ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    if (ready_.size() >= batches_max_) return false;
    ready_.push_back(std::move(*batch));
    return true;
  }
  std::optional<PointBatch> TryPop() ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    return Pop();
  }
  // None: it was closed, or somebody failed.
  std::optional<PointBatch> Wait() ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_, absl::Condition(this, &PointQueue::HasNews));
    return Pop();
  }
  void Fail(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    status_.Update(status);
    if (!status_.ok()) ready_.clear();
  }
  void Close(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mu_) {
    Fail(status);
    absl::MutexLock lock(&mu_);
    is_closed_ = true;
  }
  absl::Status status() const ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    return status_;
  }

 private:
  bool HasNews() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return !ready_.empty() || is_closed_ || !status_.ok();
  }
  std::optional<PointBatch> Pop() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (ready_.empty()) return std::nullopt;
    PointBatch batch = std::move(ready_.back());
    ready_.pop_back();
    return batch;
  }

  const size_t batches_max_;
  mutable absl::Mutex mu_;
  std::vector<PointBatch> ready_ ABSL_GUARDED_BY(mu_);
  bool is_closed_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

class BulkBuild::Graph {
 public:
  Graph(const Layout& layout, size_t count)
      : layout_(layout),
        space_(layout),
        hnsw_(&space_, std::max<size_t>(count, 1), layout.options.m,
              layout.options.ef_construction, layout.options.seed) {
    stamps_.resize(count);
    hnsw_.mult_ = 0;  // the level that it draws is 0: it takes ours, if that is higher
  }

  absl::Status AddAll(const VectorReader& reader, unsigned threads,
                      absl::FunctionRef<absl::Status(uint64_t)> tick);
  absl::Status MakeMutual(absl::FunctionRef<absl::Status(uint64_t)> tick);
  void Sort();

  size_t size() const { return size_; }
  uint32_t LevelOf(Id id) const {
    return static_cast<uint32_t>(hnsw_.element_levels_[id]);
  }
  Slot SlotOf(Id id) const { return static_cast<Slot>(hnsw_.getExternalLabel(id)); }
  Stamp stamp(Id id) const { return stamps_[id]; }
  // By slot.
  const std::vector<std::pair<Slot, Id>>& nodes() const { return by_slot_; }
  std::optional<EntryPoint> entry() const {
    if (size_ == 0) return std::nullopt;
    return EntryPoint{SlotOf(hnsw_.enterpoint_node_), LevelOf(hnsw_.enterpoint_node_)};
  }
  void CodeOf(Id id, std::string* code) const {
    const char* const point = hnsw_.getDataByInternalId(id);
    code->resize(layout_.code_bytes);
    EncodeNodeCode(layout_, point + 4, DecodeFloat(point), code->data());
  }
  Links LinksOf(Id id, uint32_t level) const {
    return Links(hnsw_.get_linklist_at_level(id, static_cast<int>(level)));
  }

 private:
  absl::Status Add(const PointBatch& batch);

  struct OneWay {
    float distance;
    Id from, to;
  };

  float Between(Id a, Id b) const {
    return hnsw_.fstdistfunc_(hnsw_.getDataByInternalId(a), hnsw_.getDataByInternalId(b),
                              hnsw_.dist_func_param_);
  }
  bool TryLink(Id a, Id b, uint32_t level);
  void ForceLink(Id a, Id b, uint32_t level);
  void Symmetrise(uint32_t level);
  void JoinParts();

  const Layout& layout_;
  Space space_;
  hnswlib::HierarchicalNSW<float> hnsw_;
  std::vector<Stamp> stamps_;  // by id
  std::atomic<uint64_t> added_{0};
  std::vector<std::pair<Slot, Id>> by_slot_;
  size_t size_ = 0;
};

absl::Status BulkBuild::Graph::Add(const PointBatch& batch) {
  try {
    for (size_t i = 0; i < batch.slots.size(); ++i) {
      const Id id =
          hnsw_.addPoint(batch.points.data() + i * space_.get_data_size(), batch.slots[i],
                         vectors::LevelOf(layout_, batch.stamps[i]));
      stamps_[id] = batch.stamps[i];
    }
    added_.fetch_add(batch.slots.size(), std::memory_order_relaxed);
    return absl::OkStatus();
  } catch (const std::exception& e) {
    return NoMemory(e);
  }
}

// The caller's thread reads, and adds when the others have enough to do.
absl::Status BulkBuild::Graph::AddAll(const VectorReader& reader, unsigned threads,
                                      absl::FunctionRef<absl::Status(uint64_t)> tick) {
  PointQueue queue(2 * (threads - 1));
  std::vector<std::thread> workers;
  for (unsigned i = 1; i < threads; ++i)
    workers.emplace_back([&] {
      while (std::optional<PointBatch> batch = queue.Wait()) queue.Fail(Add(*batch));
    });
  PointBatch batch;
  const auto hand_over = [&]() -> absl::Status {
    if (!queue.TryPush(&batch)) SHEAF_RETURN_IF_ERROR(Add(batch));
    batch = {};
    SHEAF_RETURN_IF_ERROR(queue.status());
    return tick(added_.load(std::memory_order_relaxed));
  };
  uint64_t count = 0;
  absl::Status status =
      reader.ForEachVector([&](Slot slot, const StoredVector& v) -> absl::Status {
        if (++count > stamps_.size())
          return absl::DataLossError("vector index: more vectors than it counts");
        batch.Append(slot, v, layout_.vector_bytes, space_.get_data_size());
        return batch.slots.size() < kVectorsAtOnce ? absl::OkStatus() : hand_over();
      });
  if (status.ok()) status = hand_over();
  while (std::optional<PointBatch> left = status.ok() ? queue.TryPop() : std::nullopt) {
    status = Add(*left);
    if (status.ok()) status = tick(added_.load(std::memory_order_relaxed));
  }
  queue.Close(status);
  for (std::thread& worker : workers) worker.join();
  size_ = hnsw_.cur_element_count;
  return queue.status();
}

bool BulkBuild::Graph::TryLink(Id a, Id b, uint32_t level) {
  Links of_a = LinksOf(a, level), of_b = LinksOf(b, level);
  if (of_a.size() >= layout_.LinksMax(level) || of_b.size() >= layout_.LinksMax(level))
    return false;
  of_a.Add(b);
  of_b.Add(a);
  return true;
}

// In place of the longest link of `b` that its other end can spare.
void BulkBuild::Graph::ForceLink(Id a, Id b, uint32_t level) {
  if (TryLink(a, b, level) || LinksOf(a, level).size() >= layout_.LinksMax(level)) return;
  Links of_b = LinksOf(b, level);
  std::optional<Near> longest;
  for (uint32_t i = 0; i < of_b.size(); ++i) {
    const Near near{Between(b, of_b[i]), of_b[i]};
    if (LinksOf(of_b[i], level).size() > kFewLinks &&
        (!longest.has_value() || *longest < near))
      longest = near;
  }
  if (!longest.has_value()) return;
  of_b.Remove(longest->slot);
  LinksOf(longest->slot, level).Remove(b);
  (void)TryLink(a, b, level);
}

void BulkBuild::Graph::Symmetrise(uint32_t level) {
  std::vector<OneWay> one_way;
  for (Id a = 0; a < size_; ++a) {
    if (LevelOf(a) < level) continue;
    const Links links = LinksOf(a, level);
    for (uint32_t i = 0; i < links.size(); ++i)
      if (!LinksOf(links[i], level).Has(a))
        one_way.push_back({Between(a, links[i]), a, links[i]});
  }
  for (const OneWay& link : one_way) LinksOf(link.from, level).Remove(link.to);
  std::sort(one_way.begin(), one_way.end(), [](const OneWay& a, const OneWay& b) {
    return std::tie(a.distance, a.from, a.to) < std::tie(b.distance, b.from, b.to);
  });
  for (const OneWay& link : one_way) (void)TryLink(link.from, link.to, level);
  for (const OneWay& link : one_way) {
    const Links links = LinksOf(link.from, level);
    if (links.size() < kFewLinks && !links.Has(link.to))
      ForceLink(link.from, link.to, level);
  }
}

// What cannot be reached on level 0 is linked to the nearest that can and has room.
void BulkBuild::Graph::JoinParts() {
  std::vector<bool> is_reached(size_);
  std::vector<Id> next;
  const auto reach_from = [&](Id begin) {
    is_reached[begin] = true;
    next.push_back(begin);
    while (!next.empty()) {
      const Links links = LinksOf(next.back(), 0);
      next.pop_back();
      for (uint32_t i = 0; i < links.size(); ++i)
        if (!is_reached[links[i]]) {
          is_reached[links[i]] = true;
          next.push_back(links[i]);
        }
    }
  };
  reach_from(hnsw_.enterpoint_node_);
  for (Id a = 0; a < size_; ++a) {
    if (is_reached[a]) continue;
    // There is a node with room: the mean of a graph that grows is far below it.
    std::optional<Near> nearest;
    if (LinksOf(a, 0).size() >= layout_.LinksMax(0)) {
      Links links = LinksOf(a, 0);
      const Id dropped = links[links.size() - 1];
      links.Remove(dropped);
      LinksOf(dropped, 0).Remove(a);
    }
    for (Id b = 0; b < size_; ++b) {
      if (!is_reached[b] || LinksOf(b, 0).size() >= layout_.LinksMax(0)) continue;
      const Near near{Between(a, b), b};
      if (!nearest.has_value() || near < *nearest) nearest = near;
    }
    if (nearest.has_value()) (void)TryLink(a, nearest->slot, 0);
    reach_from(a);
  }
}

absl::Status BulkBuild::Graph::MakeMutual(
    absl::FunctionRef<absl::Status(uint64_t)> tick) {
  if (size_ == 0) return absl::OkStatus();
  for (uint32_t level = 0; level <= LevelOf(hnsw_.enterpoint_node_); ++level) {
    Symmetrise(level);
    SHEAF_RETURN_IF_ERROR(tick(size_));
  }
  JoinParts();
  return absl::OkStatus();
}

void BulkBuild::Graph::Sort() {
  for (Id id = 0; id < size_; ++id) by_slot_.push_back({SlotOf(id), id});
  std::sort(by_slot_.begin(), by_slot_.end());
}

// --- BulkBuild ------------------------------------------------------------------

uint64_t BulkBuild::MemoryBytes(const Layout& layout, uint64_t count) {
  // Beside points and links: label, level, mutex, a hash table's node, visited lists, the
  // list by slot, stamps, and of links one way about four a node.
  constexpr uint64_t kOthers = 220;
  return count * (4 + layout.vector_bytes + 4 * (layout.links_max + 1) + kOthers);
}

BulkBuild::BulkBuild(const Layout& layout) : layout_(layout) {}
BulkBuild::~BulkBuild() = default;

absl::Status BulkBuild::Build(const VectorReader& reader, unsigned threads,
                              absl::FunctionRef<absl::Status(uint64_t)> tick) {
  try {
    graph_ = std::make_unique<Graph>(layout_, reader.size());
    SHEAF_RETURN_IF_ERROR(graph_->AddAll(reader, threads, tick));
    SHEAF_RETURN_IF_ERROR(graph_->MakeMutual(tick));
    graph_->Sort();
    return absl::OkStatus();
  } catch (const std::exception& e) {
    return NoMemory(e);
  }
}

absl::Status BulkBuild::Store(catalog::OpenTree* nodes, catalog::OpenTree* levels,
                              absl::FunctionRef<absl::Status(uint64_t)> tick) const {
  const auto& all = graph_->nodes();
  size_t next = 0;
  uint32_t part = layout_.node_records;  // of the node before `next`
  std::string key, record, code;
  std::vector<std::vector<Slot>> links;
  const auto gather = [&](Id id, uint32_t first, uint32_t last) {
    links.assign(last + 1, {});
    for (uint32_t level = first; level <= last; ++level) {
      const Links of = graph_->LinksOf(id, level);
      for (uint32_t i = 0; i < of.size(); ++i)
        links[level].push_back(graph_->SlotOf(of[i]));
    }
  };
  const auto next_node = [&](std::string_view* k, std::string_view* value) {
    if (part == layout_.node_records) {
      if (next == all.size()) return false;
      const Id id = all[next++].second;
      gather(id, 0, 0);
      graph_->CodeOf(id, &code);
      EncodeNode({graph_->stamp(id), code, graph_->LevelOf(id), links[0]}, layout_,
                 &record);
      part = 0;
    }
    key = catalog::EncodeDenseKey(layout_.NodeKey(all[next - 1].first, part));
    *k = key;
    *value = std::string_view(record).substr(part++ * kRecordMax, kRecordMax);
    return true;
  };
  SHEAF_RETURN_IF_ERROR(nodes->ReplaceStored(next_node, tick));
  next = 0;
  const auto next_levels = [&](std::string_view* k, std::string_view* value) {
    while (next < all.size() && graph_->LevelOf(all[next].second) == 0) ++next;
    if (next == all.size()) return false;
    const auto [slot, id] = all[next++];
    gather(id, 1, graph_->LevelOf(id));
    const std::vector<absl::Span<const Slot>> spans(links.begin() + 1, links.end());
    EncodeLevels(spans, layout_, &record);
    key = catalog::EncodeDenseKey(slot);
    *k = key;
    *value = record;
    return true;
  };
  SHEAF_RETURN_IF_ERROR(levels->ReplaceStored(next_levels, tick));
  return nodes->SetCounter(EncodeEntryPoint(graph_->entry()));
}

uint64_t BulkBuild::size() const { return graph_ == nullptr ? 0 : graph_->size(); }

std::optional<Stamp> BulkBuild::StampOf(Slot slot) const {
  const auto& all = graph_->nodes();
  const auto at = std::lower_bound(all.begin(), all.end(), std::pair(slot, Id{0}));
  if (at == all.end() || at->first != slot) return std::nullopt;
  return graph_->stamp(at->second);
}

}  // namespace sheaf::vectors
