#include "document/sorter.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "pager/coding.h"
#include "pager/status_macros.h"

namespace sheaf::document {

using pager::DecodeFixed32;
using pager::EncodeFixed32;

namespace {

constexpr size_t kBlockBytesMin = size_t{4} << 10, kBlockBytesMax = size_t{256} << 10;
constexpr size_t kFanInMax = 128;
constexpr size_t kMarksOfARun = 16;

// A row, in memory and in the file: sizes of key and payload (4 bytes each), key, payload.
constexpr size_t kRowHeadBytes = 8;

std::string_view RowBytes(const char* row) {
  return {row, kRowHeadBytes + size_t{DecodeFixed32(row)} + DecodeFixed32(row + 4)};
}
std::string_view KeyOf(const char* row) {
  return {row + kRowHeadBytes, DecodeFixed32(row)};
}
std::string_view PayloadOf(const char* row) {
  return RowBytes(row).substr(kRowHeadBytes + DecodeFixed32(row));
}

uint64_t KeyPrefix(std::string_view key) {
  uint64_t prefix = 0;
  for (size_t i = 0; i < 8; ++i)
    prefix = prefix << 8 | (i < key.size() ? static_cast<uint8_t>(key[i]) : 0u);
  return prefix;
}

// For whom asked, with what can be done about it.
absl::Status Explain(const absl::Status& status) {
  if (!absl::IsResourceExhausted(status)) return status;
  return absl::ResourceExhaustedError(
      absl::StrCat("sort: ", status.message(),
                   "; ask for fewer rows, give a limit, or sort by what an index has"));
}

}  // namespace

// The first row of several runs that were not read yet.
class Sorter::Merger {
 public:
  // Requires: `runs` are in the order of their rows' numbers.
  static absl::StatusOr<std::unique_ptr<Merger>> Begin(const Spill* spill,
                                                       absl::Span<const SpillRun> runs) {
    auto merger = std::make_unique<Merger>();
    merger->sources_.reserve(runs.size());
    for (const SpillRun& run : runs) merger->sources_.push_back({{spill, run}, {}, 0});
    for (Source& source : merger->sources_) {
      SHEAF_RETURN_IF_ERROR(Load(&source));
      if (!source.row.empty()) merger->heap_.push_back(&source);
    }
    std::make_heap(merger->heap_.begin(), merger->heap_.end(), Behind);
    return merger;
  }

  bool empty() const { return heap_.empty(); }
  // Valid until Pop.
  std::string_view row() const { return heap_.front()->row; }
  absl::Status Pop() {
    std::pop_heap(heap_.begin(), heap_.end(), Behind);
    SHEAF_RETURN_IF_ERROR(Load(heap_.back()));
    if (heap_.back()->row.empty())
      heap_.pop_back();
    else
      std::push_heap(heap_.begin(), heap_.end(), Behind);
    return absl::OkStatus();
  }

 private:
  struct Source {
    SpillReader reader;
    std::string_view row;  // empty: there are no more
    uint64_t prefix;
  };

  static absl::Status Load(Source* source) {
    source->row = {};
    if (source->reader.left() == 0) return absl::OkStatus();
    SHEAF_ASSIGN_OR_RETURN(source->row,
                           source->reader.Take(kRowHeadBytes, [](const char* row) {
                             return RowBytes(row).size();
                           }));
    source->prefix = KeyPrefix(KeyOf(source->row.data()));
    return absl::OkStatus();
  }

  static bool Behind(const Source* a, const Source* b) {
    if (a->prefix != b->prefix) return a->prefix > b->prefix;
    const int order = KeyOf(a->row.data()).compare(KeyOf(b->row.data()));
    return order != 0 ? order > 0 : a > b;  // sources are in order in memory, too
  }

  std::vector<Source> sources_;
  std::vector<Source*> heap_;
};

Sorter::Sorter(const SorterOptions& options, SpillFile open)
    : options_(options),
      open_(std::move(open)),
      block_bytes_(
          std::clamp(options.memory_bytes_max / 64, kBlockBytesMin, kBlockBytesMax)),
      room_(options.memory_bytes_max -
            std::min(block_bytes_, options.memory_bytes_max / 2)),
      arena_(std::min(options.memory_bytes_max / 16, size_t{1} << 20)) {
  if (options.limit.has_value()) room_ /= 2;  // Prune copies what it keeps
}

Sorter::~Sorter() = default;

bool Sorter::Before(const Entry& a, const Entry& b) {
  if (a.prefix != b.prefix) return a.prefix < b.prefix;
  const int order = KeyOf(a.row).compare(KeyOf(b.row));
  return order != 0 ? order < 0 : a.number < b.number;
}

// --- Adding -----------------------------------------------------------------

size_t Sorter::MemoryBytes() const {
  return arena_.bytes() + entries_.capacity() * sizeof(Entry);
}

bool Sorter::Fits(size_t row_bytes) const {
  if (entries_.empty()) return true;
  size_t bytes = MemoryBytes() + arena_.Growth(row_bytes);
  if (entries_.size() ==
      entries_.capacity())  // twice as large, and the old one beside it
    bytes += 2 * entries_.capacity() * sizeof(Entry);
  return bytes <= room_;
}

absl::Status Sorter::Add(std::string_view key, std::string_view payload) {
  if (key.size() > UINT32_MAX || payload.size() > UINT32_MAX)
    return absl::InvalidArgumentError("sort: a row of 4 GiB or more");
  if (options_.limit == 0 || (cut_.has_value() && key >= *cut_)) return absl::OkStatus();
  const size_t size = kRowHeadBytes + key.size() + payload.size();
  if (!Fits(size)) SHEAF_RETURN_IF_ERROR(MakeRoom(size));
  char* const row = arena_.Take(size);
  EncodeFixed32(row, static_cast<uint32_t>(key.size()));
  EncodeFixed32(row + 4, static_cast<uint32_t>(payload.size()));
  std::copy(key.begin(), key.end(), row + kRowHeadBytes);
  std::copy(payload.begin(), payload.end(), row + kRowHeadBytes + key.size());
  entries_.push_back({KeyPrefix(key), row, added_++});
  row_bytes_max_ = std::max(row_bytes_max_, size);
  if (options_.limit.has_value() && entries_.size() >= 64 &&
      entries_.size() / 2 >= *options_.limit)
    Prune();
  return absl::OkStatus();
}

absl::Status Sorter::MakeRoom(size_t row_bytes) {
  if (options_.limit.has_value() && entries_.size() > *options_.limit) {
    Prune();
    if (MemoryBytes() <= room_ / 2 && Fits(row_bytes)) return absl::OkStatus();
  }
  return SpillRows();
}

// Keeps the rows that may come out.
void Sorter::Prune() {
  const size_t limit = *options_.limit;
  if (entries_.size() <= limit) return;
  const auto last = entries_.begin() + static_cast<ptrdiff_t>(limit - 1);
  std::nth_element(entries_.begin(), last, entries_.end(), Before);
  cut_ = std::string(KeyOf(last->row));
  entries_.resize(limit);
  ByteArena kept(std::min(options_.memory_bytes_max / 16, size_t{1} << 20));
  for (Entry& entry : entries_) entry.row = kept.Copy(RowBytes(entry.row)).data();
  arena_ = std::move(kept);
}

// --- Sorting ----------------------------------------------------------------

void Sorter::Sort() {
  if (options_.limit.has_value()) Prune();
  std::sort(entries_.begin(), entries_.end(), Before);
}

absl::Status Sorter::SpillRows() {
  if (options_.spill_bytes_max == 0 || open_ == nullptr)
    return Explain(absl::ResourceExhaustedError(
        absl::StrCat("more than ", options_.memory_bytes_max,
                     " bytes of rows (memory_bytes_max), and no file may hold them")));
  if (spill_ == nullptr) {
    SpillOptions options;
    options.block_bytes = block_bytes_;
    options.bytes_max = options_.spill_bytes_max;
    options.seal = options_.seal_spill;
    SHEAF_ASSIGN_OR_RETURN(spill_, Spill::Open(open_, options));
  }
  Sort();
  for (const Entry& entry : entries_)
    if (absl::Status s = spill_->Append(RowBytes(entry.row)); !s.ok()) return Explain(s);
  absl::StatusOr<SpillRun> run = spill_->FinishRun();
  if (!run.ok()) return Explain(run.status());
  runs_.push_back(*run);
  if (options_.limit.has_value()) Mark();
  entries_.clear();
  arena_.Clear();
  return absl::OkStatus();
}

// Of the rows that are sorted: a mark for every sixteenth part of them. Those before the
// cut are kept.
void Sorter::Mark() {
  const size_t count = entries_.size();
  size_t marked = 0;
  for (size_t i = 1; i <= kMarksOfARun; ++i) {
    const size_t end = count * i / kMarksOfARun;
    if (end == marked) continue;
    marks_.emplace_back(KeyOf(entries_[end - 1].row), end - marked);
    marked = end;
  }
  std::sort(marks_.begin(), marks_.end());
  uint64_t before = 0;
  for (size_t i = 0; i < marks_.size(); ++i) {
    before += marks_[i].second;
    if (before < *options_.limit) continue;
    if (!cut_.has_value() || marks_[i].first < *cut_) cut_ = marks_[i].first;
    marks_.resize(i + 1);
  }
}

absl::Status Sorter::Finish() {
  if (runs_.empty()) {
    Sort();
    return absl::OkStatus();
  }
  if (!entries_.empty()) SHEAF_RETURN_IF_ERROR(SpillRows());
  std::vector<Entry>().swap(entries_);
  SHEAF_RETURN_IF_ERROR(MergeDown());
  SHEAF_ASSIGN_OR_RETURN(merger_, Merger::Begin(spill_.get(), runs_));
  return absl::OkStatus();
}

// Until all runs can be read at once. Neighbours are merged, so that runs stay in the
// order of their rows' numbers; from the first to the last, so that none is much larger.
absl::Status Sorter::MergeDown() {
  const size_t fan_in = std::clamp<size_t>(
      options_.memory_bytes_max / (block_bytes_ + row_bytes_max_), 2, kFanInMax);
  for (size_t first = 0; runs_.size() > fan_in; ++first) {
    if (first + 1 >= runs_.size()) first = 0;
    const size_t count =
        std::min({fan_in, runs_.size() - fan_in + 1, runs_.size() - first});
    const auto merged = absl::MakeConstSpan(runs_).subspan(first, count);
    absl::StatusOr<SpillRun> run = MergeRuns(merged);
    if (!run.ok()) return Explain(run.status());
    for (const SpillRun& old : merged) spill_->Forget(old);
    runs_[first] = *run;
    const auto behind = runs_.begin() + static_cast<ptrdiff_t>(first + 1);
    runs_.erase(behind, behind + static_cast<ptrdiff_t>(count - 1));
  }
  return absl::OkStatus();
}

absl::StatusOr<SpillRun> Sorter::MergeRuns(absl::Span<const SpillRun> runs) {
  SHEAF_ASSIGN_OR_RETURN(const std::unique_ptr<Merger> merger,
                         Merger::Begin(spill_.get(), runs));
  for (uint64_t n = 0; !merger->empty() && n < options_.limit.value_or(UINT64_MAX); ++n) {
    SHEAF_RETURN_IF_ERROR(spill_->Append(merger->row()));
    SHEAF_RETURN_IF_ERROR(merger->Pop());
  }
  return spill_->FinishRun();
}

absl::StatusOr<std::optional<Sorter::Row>> Sorter::Next() {
  const char* row = nullptr;
  if (merger_ == nullptr) {
    if (returned_ == entries_.size()) return std::nullopt;
    row = entries_[returned_].row;
  } else {
    if (returned_ > 0 && !merger_->empty()) SHEAF_RETURN_IF_ERROR(merger_->Pop());
    if (merger_->empty() || returned_ >= options_.limit.value_or(UINT64_MAX))
      return std::nullopt;
    row = merger_->row().data();
  }
  ++returned_;
  return Row{KeyOf(row), PayloadOf(row)};
}

}  // namespace sheaf::document
