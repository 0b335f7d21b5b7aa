#include "graph/half_edge_sorter.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <deque>
#include <new>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/inlined_vector.h"
#include "absl/synchronization/mutex.h"
#include "pager/assert.h"

namespace sheaf::graph {

using document::Spill;
using document::SpillReader;

namespace {

// Both sizes of rows fill blocks of so many bytes.
constexpr size_t kRowsUnit = 96;
constexpr size_t kChunkRows = 8192;
constexpr size_t kChunksAhead = 4;
// Of digits: in a cache, and where rows go to pages far apart.
constexpr int kDigitBits = 10, kPartBits = 8;
constexpr size_t kCachedRows = 1 << 14;
constexpr size_t kRadixMin = 256;

template <size_t kWords>
struct Row {
  uint64_t words[kWords];
};

bool Before(const uint64_t* a, const uint64_t* b) {
  if (a[0] != b[0]) return a[0] < b[0];
  return (a[1] | HalfEdge::kFlagsMask) < (b[1] | HalfEdge::kFlagsMask);
}

// Where a digit is: in one word of two.
struct Digit {
  size_t word;
  int shift;
  size_t mask;

  template <size_t kWords>
  size_t Of(const Row<kWords>& row) const {
    return row.words[word] >> shift & mask;
  }
};

// Digits that cover the bits that are set in `varying`, the lowest first.
absl::InlinedVector<Digit, 12> DigitsOf(const uint64_t (&varying)[2], int bits) {
  absl::InlinedVector<Digit, 12> digits;
  for (const size_t word : {1, 0})
    for (uint64_t left = varying[word]; left != 0;) {
      const int shift = std::countr_zero(left);
      const int width = std::min(bits, 64 - std::countl_zero(left) - shift);
      digits.push_back({word, shift, (size_t{1} << width) - 1});
      left = left >> shift >> width == 0 ? 0 : left >> (shift + width) << (shift + width);
    }
  return digits;
}

// Stable. Afterwards `ends` are where the rows of each value end in `to`.
template <size_t kWords>
void SortByDigit(const Row<kWords>* from, size_t count, const Digit& digit,
                 Row<kWords>* to, std::vector<size_t>* ends) {
  ends->assign(digit.mask + 2, 0);
  size_t* const begin = ends->data();
  for (size_t i = 0; i < count; ++i) ++begin[digit.Of(from[i]) + 1];
  for (size_t d = 1; d <= digit.mask; ++d) begin[d] += begin[d - 1];
  for (size_t i = 0; i < count; ++i) to[begin[digit.Of(from[i])]++] = from[i];
}

// Rows that differ in these bits at most, into `to` or, if `stays`, into where they are.
template <size_t kWords>
class RowSorter {
 public:
  using R = Row<kWords>;

  void Sort(R* rows, size_t count, R* other, bool stays) {
    if (count < kRadixMin) {
      std::stable_sort(rows, rows + count,
                       [](const R& a, const R& b) { return Before(a.words, b.words); });
      if (!stays) std::copy(rows, rows + count, other);
      return;
    }
    uint64_t varying[2] = {};
    for (size_t i = 1; i < count; ++i) {
      varying[0] |= rows[i].words[0] ^ rows[0].words[0];
      varying[1] |= rows[i].words[1] ^ rows[0].words[1];
    }
    varying[1] &= ~HalfEdge::kFlagsMask;
    if (count > kCachedRows && (varying[0] | varying[1]) != 0)
      return SortParts(rows, count, other, stays, varying);
    bool is_in_other = false;
    for (const Digit& digit : DigitsOf(varying, kDigitBits)) {
      SortByDigit(is_in_other ? other : rows, count, digit, is_in_other ? rows : other,
                  &ends_);
      is_in_other = !is_in_other;
    }
    if (is_in_other && stays) std::copy(other, other + count, rows);
    if (!is_in_other && !stays) std::copy(rows, rows + count, other);
  }

 private:
  // By the highest bits first: what is then sorted alone fits a cache.
  void SortParts(R* rows, size_t count, R* other, bool stays,
                 const uint64_t (&varying)[2]) {
    const size_t word = varying[0] != 0 ? 0 : 1;
    const int top = 64 - std::countl_zero(varying[word]);
    const int shift = std::max(top - kPartBits, word == 1 ? 8 : 0);
    std::vector<size_t> ends;
    SortByDigit(rows, count, {word, shift, (size_t{1} << (top - shift)) - 1}, other,
                &ends);
    for (size_t part = 0, begin = 0; begin < count; begin = ends[part++])
      Sort(other + begin, ends[part] - begin, rows + begin, !stays);
  }

  std::vector<size_t> ends_;
};

// Returns where they are.
template <size_t kWords>
uint64_t* SortRows(uint64_t* words, size_t size, uint64_t* scratch) {
  auto* const rows = reinterpret_cast<Row<kWords>*>(words);
  const size_t count = size / kWords;
  const auto descends = [](const auto& a, const auto& b) {
    return Before(a.words, b.words);
  };
  if (std::is_sorted(rows, rows + count, descends)) return words;
  RowSorter<kWords>().Sort(rows, count, reinterpret_cast<Row<kWords>*>(scratch), true);
  return words;
}

uint64_t* Sort(uint64_t* words, size_t size, bool weighted, uint64_t* scratch) {
  return weighted ? SortRows<4>(words, size, scratch) : SortRows<3>(words, size, scratch);
}

size_t BlockBytes(size_t memory_bytes) {
  return std::clamp<size_t>(memory_bytes / 64 / kRowsUnit, 16, 2560) * kRowsUnit;
}

}  // namespace

// --- Sources and how they are merged ------------------------------------------

// Rows of a run, in memory or in the file.
class HalfEdgeSorter::Source {
 public:
  Source(const uint64_t* rows, size_t words, bool weighted)
      : words_(weighted ? 4 : 3), at_(rows), end_(rows + words) {}
  Source(const Spill* spill, const Run& run, size_t block_bytes)
      : words_(run.weighted ? 4 : 3),
        block_bytes_(block_bytes),
        reader_(std::in_place, spill, run.place) {}

  const uint64_t* at() const { return at_; }
  bool done() const { return at_ == end_; }
  absl::Status Begin() { return done() ? Load() : absl::OkStatus(); }
  absl::Status Advance() {
    at_ += words_;
    return at_ == end_ ? Load() : absl::OkStatus();
  }
  HalfEdge Get() const {
    return {at_[0], at_[1], at_[2], words_ == 4 ? std::bit_cast<double>(at_[3]) : 1};
  }

 private:
  absl::Status Load() {
    if (!reader_.has_value() || reader_->left() == 0) return absl::OkStatus();
    const size_t size = std::min<uint64_t>(block_bytes_, reader_->left());
    SHEAF_ASSIGN_OR_RETURN(const std::string_view bytes,
                           reader_->Take(size, [&](const char*) { return size; }));
    block_.resize(size / sizeof(uint64_t));
    std::memcpy(block_.data(), bytes.data(), size);
    at_ = block_.data();
    end_ = at_ + block_.size();
    return absl::OkStatus();
  }

  const size_t words_;
  size_t block_bytes_ = 0;
  std::optional<SpillReader> reader_;
  std::vector<uint64_t> block_;
  const uint64_t *at_ = nullptr, *end_ = nullptr;
};

// A tournament: of each inner node of a binary tree over the sources the one that lost
// there is kept, and the winner of all.
class HalfEdgeSorter::Merger {
 public:
  explicit Merger(std::vector<Source> sources) : sources_(std::move(sources)) {}

  absl::Status Begin() {
    for (Source& source : sources_) SHEAF_RETURN_IF_ERROR(source.Begin());
    losers_.assign(sources_.size(), 0);
    winner_ = sources_.size() == 1 ? 0 : Play(1);
    return absl::OkStatus();
  }
  // Up to kChunkRows.
  absl::Status Fill(std::vector<HalfEdge>* out) {
    out->clear();
    while (out->size() < kChunkRows && !sources_[winner_].done()) {
      Source& source = sources_[winner_];
      out->push_back(source.Get());
      SHEAF_RETURN_IF_ERROR(source.Advance());
      for (size_t node = (winner_ + sources_.size()) / 2; node > 0; node /= 2)
        if (Wins(losers_[node], winner_)) std::swap(losers_[node], winner_);
    }
    return absl::OkStatus();
  }

 private:
  size_t Play(size_t node) {
    if (node >= sources_.size()) return node - sources_.size();
    const size_t left = Play(2 * node), right = Play(2 * node + 1);
    const bool left_wins = Wins(left, right);
    losers_[node] = left_wins ? right : left;
    return left_wins ? left : right;
  }
  // Of equal ones the earlier source.
  bool Wins(size_t a, size_t b) const {
    if (sources_[a].done() || sources_[b].done()) return !sources_[a].done();
    const uint64_t *x = sources_[a].at(), *y = sources_[b].at();
    if (Before(x, y)) return true;
    return a < b && !Before(y, x);
  }

  std::vector<Source> sources_;
  std::vector<size_t> losers_;
  size_t winner_ = 0;
};

// A thread that is some chunks ahead.
class HalfEdgeSorter::Prefetcher {
 public:
  explicit Prefetcher(Merger* merger) : merger_(*merger), thread_([this] { Run(); }) {}
  ~Prefetcher() {
    {
      absl::MutexLock lock(&mu_);
      is_stopped_ = true;
    }
    thread_.join();
  }
  absl::StatusOr<absl::Span<const HalfEdge>> Next() ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    if (!current_.empty()) free_.push_back(std::move(current_));
    current_.clear();
    mu_.Await(absl::Condition(this, &Prefetcher::HasSome));
    if (ready_.empty() && !status_.ok()) return status_;
    if (!ready_.empty()) {
      current_ = std::move(ready_.front());
      ready_.pop_front();
    }
    return absl::Span<const HalfEdge>(current_);
  }

 private:
  bool HasSome() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return !ready_.empty() || is_done_;
  }
  bool HasRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return ready_.size() < kChunksAhead || is_stopped_;
  }
  void Run() ABSL_LOCKS_EXCLUDED(mu_) {
    std::vector<HalfEdge> chunk;
    for (bool more = true; more;) {
      absl::Status status;
      try {
        chunk.reserve(kChunkRows);
        status = merger_.Fill(&chunk);
      } catch (const std::bad_alloc&) {  // no exception may leave the thread
        status = absl::ResourceExhaustedError("out of memory");
      }
      absl::MutexLock lock(&mu_);
      more = status.ok() && !chunk.empty();
      if (more)
        ready_.push_back(std::move(chunk));
      else
        status_ = status, is_done_ = true;
      mu_.Await(absl::Condition(this, &Prefetcher::HasRoom));
      if (is_stopped_) return;
      chunk = {};
      if (free_.empty()) continue;
      chunk = std::move(free_.back());
      free_.pop_back();
    }
  }

  Merger& merger_;
  absl::Mutex mu_;
  std::deque<std::vector<HalfEdge>> ready_ ABSL_GUARDED_BY(mu_);
  std::vector<std::vector<HalfEdge>> free_ ABSL_GUARDED_BY(mu_);
  absl::Status status_ ABSL_GUARDED_BY(mu_);
  bool is_done_ ABSL_GUARDED_BY(mu_) = false, is_stopped_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<HalfEdge> current_;  // the caller's
  std::thread thread_;             // last: it uses the others
};

// --- Collecting ---------------------------------------------------------------

// Three runs: one is collected, one sorted, one is where that is sorted to.
HalfEdgeSorter::HalfEdgeSorter(const HalfEdgeSorterOptions& options,
                               document::SpillFile open)
    : options_(options),
      open_(std::move(open)),
      words_max_(std::max<size_t>(options.memory_bytes_max / 3 / sizeof(uint64_t), 1024)),
      block_bytes_(BlockBytes(options.memory_bytes_max)),
      runs_max_(std::max<size_t>(options.memory_bytes_max / 3 / block_bytes_, 32)),
      collected_(new uint64_t[words_max_]) {}

HalfEdgeSorter::~HalfEdgeSorter() {
  prefetcher_.reset();
  if (sorter_.joinable()) sorter_.join();
}

absl::Status HalfEdgeSorter::JoinSorting() {
  if (sorter_.joinable()) sorter_.join();
  return sorted_status_;
}

// From the last to the first, so that none is overwritten before it is moved.
void HalfEdgeSorter::Widen() {
  uint64_t* const rows = collected_.get();
  for (size_t row = used_ / 3; row-- > 0;) {
    for (size_t word = 3; word-- > 0;) rows[4 * row + word] = rows[3 * row + word];
    rows[4 * row + 3] = std::bit_cast<uint64_t>(1.0);
  }
  used_ = used_ / 3 * 4;
}

absl::Status HalfEdgeSorter::MakeRoom(bool weighted) {
  const bool was_weighted = std::exchange(weighted_, weighted_ || weighted);
  if (!was_weighted && weighted_ && used_ / 3 * 4 + kWordsMax <= words_max_) {
    Widen();
    return absl::OkStatus();
  }
  SHEAF_RETURN_IF_ERROR(JoinSorting());
  if (sorting_ == nullptr) {
    sorting_.reset(new uint64_t[words_max_]);
    scratch_.reset(new uint64_t[words_max_]);
  }
  collected_.swap(sorting_);
  sorter_ = std::thread([this, words = std::exchange(used_, 0), was_weighted] {
    SortAndSpill(words, was_weighted);
  });
  return absl::OkStatus();
}

void HalfEdgeSorter::SortAndSpill(size_t words, bool weighted) {
  try {
    const uint64_t* const rows = Sort(sorting_.get(), words, weighted, scratch_.get());
    sorted_status_ = SpillRun(rows, words, weighted);
  } catch (const std::bad_alloc&) {  // no exception may leave the thread
    sorted_status_ = absl::ResourceExhaustedError("out of memory");
  }
}

absl::Status HalfEdgeSorter::SpillRun(const uint64_t* rows, size_t words, bool weighted) {
  if (spill_ == nullptr) {
    SHEAF_ASSIGN_OR_RETURN(spill_,
                           Spill::Open(open_, {.block_bytes = block_bytes_,
                                               .bytes_max = options_.spill_bytes_max,
                                               .seal = options_.seal_spill}));
  }
  SHEAF_RETURN_IF_ERROR(
      spill_->Append({reinterpret_cast<const char*>(rows), words * sizeof(uint64_t)}));
  SHEAF_ASSIGN_OR_RETURN(const document::SpillRun place, spill_->FinishRun());
  runs_.push_back({place, weighted});
  return runs_.size() < runs_max_ ? absl::OkStatus() : MergeDown();
}

// All runs of the file into one.
absl::Status HalfEdgeSorter::MergeDown() {
  std::vector<Source> sources;
  bool weighted = false;
  for (const Run& run : runs_) {
    sources.emplace_back(spill_.get(), run, block_bytes_);
    weighted = weighted || run.weighted;
  }
  Merger merger(std::move(sources));
  SHEAF_RETURN_IF_ERROR(merger.Begin());
  std::vector<HalfEdge> chunk;
  std::vector<uint64_t> rows;
  do {
    SHEAF_RETURN_IF_ERROR(merger.Fill(&chunk));
    rows.clear();
    for (const HalfEdge& half : chunk) {
      rows.insert(rows.end(), {half.high, half.low, half.mark});
      if (weighted) rows.push_back(std::bit_cast<uint64_t>(half.weight));
    }
    SHEAF_RETURN_IF_ERROR(spill_->Append(
        {reinterpret_cast<const char*>(rows.data()), rows.size() * sizeof(uint64_t)}));
  } while (!chunk.empty());
  SHEAF_ASSIGN_OR_RETURN(const document::SpillRun place, spill_->FinishRun());
  for (const Run& run : runs_) spill_->Forget(run.place);
  runs_ = {{place, weighted}};
  return absl::OkStatus();
}

absl::Status HalfEdgeSorter::Finish() {
  SHEAF_RETURN_IF_ERROR(JoinSorting());
  sorting_.reset();
  if (scratch_ == nullptr) scratch_.reset(new uint64_t[used_]);
  if (Sort(collected_.get(), used_, weighted_, scratch_.get()) == scratch_.get())
    collected_.swap(scratch_);
  scratch_.reset();
  std::vector<Source> sources;
  for (const Run& run : runs_) sources.emplace_back(spill_.get(), run, block_bytes_);
  sources.emplace_back(collected_.get(), used_, weighted_);
  merger_ = std::make_unique<Merger>(std::move(sources));
  SHEAF_RETURN_IF_ERROR(merger_->Begin());
  if (count_ > kChunksAhead * kChunkRows)
    prefetcher_ = std::make_unique<Prefetcher>(merger_.get());
  return absl::OkStatus();
}

absl::StatusOr<absl::Span<const HalfEdge>> HalfEdgeSorter::Next() {
  if (prefetcher_ != nullptr) return prefetcher_->Next();
  SHEAF_RETURN_IF_ERROR(merger_->Fill(&chunk_));
  return absl::Span<const HalfEdge>(chunk_);
}

}  // namespace sheaf::graph
