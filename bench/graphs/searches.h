// Searcher: what a user writes who has lists of neighbours and nothing else: breadth-first
// search by a queue, and from both ends for paths. `Lists` has
//   template <class Fn> void ForEach(Way way, uint32_t v, Fn fn);   // fn(neighbour)
// and is LMDB or plain rows in memory.
//
// Ids are below `vertex_count`: a vertex was met if its stamp is that of the search, so
// nothing is cleared between two. Thread-compatible.
#ifndef BENCH_GRAPHS_SEARCHES_H_
#define BENCH_GRAPHS_SEARCHES_H_
#include <cstdint>
#include <vector>

#include "bench/graphs/dataset.h"

namespace sheaf::bench::graphs {

enum class Way { kOut = 0, kIn = 1 };

inline constexpr uint32_t kAnyHops = 0xffffffff;  // no bound; no path

class CsrLists {
 public:
  CsrLists(const Rows& out, const Rows& in) : rows_{&out, &in} {}
  template <class Fn>
  void ForEach(Way way, uint32_t v, Fn fn) const {
    for (const uint32_t end : rows_[int(way)]->Of(v)) fn(end);
  }

 private:
  const Rows* rows_[2];
};

template <class Lists>
class Searcher {
 public:
  Searcher(const Lists& lists, uint32_t vertex_count)
      : lists_(lists),
        sides_{Side(vertex_count, Way::kOut), Side(vertex_count, Way::kIn)} {}

  // Vertices at most `hops` away, `start` too.
  uint64_t Reach(uint32_t start, uint32_t hops) {
    Side& side = sides_[0];
    side.Begin(start);
    for (uint32_t hop = 0; hop < hops && side.level_begin < side.queue.size(); ++hop)
      Expand(side, nullptr);
    return side.queue.size();
  }

  // Edges of a shortest path; kAnyHops: there is none.
  uint32_t Hops(uint32_t from, uint32_t to) {
    if (from == to) return 0;
    sides_[0].Begin(from), sides_[1].Begin(to);
    for (uint32_t hops = 1;; ++hops) {
      const int smaller = sides_[1].LevelSize() < sides_[0].LevelSize();
      if (sides_[smaller].LevelSize() == 0) return kAnyHops;
      if (Expand(sides_[smaller], &sides_[1 - smaller])) return hops;
    }
  }

 private:
  struct Side {
    Side(uint32_t vertex_count, Way w) : way(w), stamps(vertex_count) {}
    void Begin(uint32_t start) {
      ++stamp, level_begin = 0;
      queue.assign(1, start);
      stamps[start] = stamp;
    }
    size_t LevelSize() const { return queue.size() - level_begin; }

    Way way;
    uint32_t stamp = 0;
    size_t level_begin = 0;
    std::vector<uint32_t> stamps, queue;
  };

  // Goes one level on. True: it met the other side.
  bool Expand(Side& side, const Side* other) {
    bool met = false;
    const size_t level_end = side.queue.size();
    for (size_t at = side.level_begin; at < level_end && !met; ++at)
      lists_.ForEach(side.way, side.queue[at], [&](uint32_t w) {
        if (side.stamps[w] == side.stamp) return;
        side.stamps[w] = side.stamp;
        side.queue.push_back(w);
        if (other != nullptr && other->stamps[w] == other->stamp) met = true;
      });
    side.level_begin = level_end;
    return met;
  }

  const Lists& lists_;
  Side sides_[2];
};

}  // namespace sheaf::bench::graphs
#endif  // BENCH_GRAPHS_SEARCHES_H_
