#include "tests/support/crash_images.h"

#include <algorithm>
#include <random>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"

namespace sheaf::test {
namespace {

using Random = std::mt19937_64;

constexpr uint64_t kSectorBytes = 512;
constexpr size_t kDescribedEventsMax = 60;
constexpr size_t kAllSubsetsMax = 4;  // so many events at once: 16 images

bool Chance(Random* random, uint64_t percent) { return (*random)() % 100 < percent; }

bool SectorSurvives(uint64_t seed, uint64_t sector) {
  uint64_t x = seed + sector * 0x9e3779b97f4a7c15;  // splitmix64
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return ((x ^ (x >> 31)) & 1) != 0;
}

void WriteScattered(const Event& event, uint64_t seed, SharedBytes* bytes) {
  std::string_view data = *event.data;
  uint64_t at = event.offset;
  while (!data.empty()) {
    const size_t count =
        std::min<uint64_t>(kSectorBytes - at % kSectorBytes, data.size());
    if (SectorSurvives(seed, at / kSectorBytes)) bytes->Write(at, data.substr(0, count));
    data.remove_prefix(count);
    at += count;
  }
}

void ApplyWrite(const Event& event, const Fate& fate, SharedBytes* bytes) {
  const std::string_view data = *event.data;
  const uint64_t end = event.offset + data.size();
  switch (fate.kind) {
    case Fate::Kind::kLost:
      return;
    case Fate::Kind::kKept:
      return bytes->Write(event.offset, data);
    case Fate::Kind::kHead:
      return bytes->Write(event.offset, data.substr(0, fate.detail));
    case Fate::Kind::kTail:
      return bytes->Write(event.offset + fate.detail, data.substr(fate.detail));
    case Fate::Kind::kScattered:
      return WriteScattered(event, fate.detail, bytes);
    case Fate::Kind::kSizeOnly:
      if (end > bytes->size()) bytes->Resize(end);
      return;
    case Fate::Kind::kClipped:
      if (event.offset >= bytes->size()) return;
      return bytes->Write(event.offset, data.substr(0, bytes->size() - event.offset));
  }
}

// Takes a name away, but only from the file the event was about: the name may
// lead elsewhere when an earlier event was lost.
bool Unlink(const std::string& path, FileId file, Disk* disk) {
  const auto found = disk->names.find(path);
  if (found == disk->names.end() || found->second != file) return false;
  disk->names.erase(found);
  return true;
}

void Apply(const Event& event, const Fate& fate, Disk* disk) {
  if (fate.kind == Fate::Kind::kLost) return;
  switch (event.kind) {
    case Event::Kind::kWrite:
      return ApplyWrite(event, fate, &disk->files[event.file]);
    case Event::Kind::kTruncate:
      return disk->files[event.file].Resize(event.offset);
    case Event::Kind::kCreate:
      disk->names[event.path] = event.file;
      return;
    case Event::Kind::kDelete:
      Unlink(event.path, event.file, disk);
      return;
    case Event::Kind::kRename:
      if (Unlink(event.path, event.file, disk)) disk->names[event.to] = event.file;
      return;
    case Event::Kind::kSync:
    case Event::Kind::kForget:
    case Event::Kind::kSyncDirectory:
      return;
  }
}

// The durable part of the disk and what is not durable yet, moved forward event
// by event.
class RollingDisk {
 public:
  explicit RollingDisk(const Recording& recording)
      : recording_(recording), durable_(recording.start) {}

  const Disk& durable() const { return durable_; }
  const std::vector<size_t>& pending() const { return pending_; }

  // Whether the next event takes something off the pending list.
  bool NextSettles() const {
    if (IsChange(Next())) return false;
    return std::any_of(pending_.begin(), pending_.end(),
                       [&](size_t index) { return Settles(Next(), Of(index)); });
  }

  void Advance() {
    const Event& event = Next();
    if (IsChange(event)) {
      pending_.push_back(point_++);
      return;
    }
    std::vector<size_t> still_pending;
    for (const size_t index : pending_) {
      if (!Settles(event, Of(index))) {
        still_pending.push_back(index);
      } else if (event.kind != Event::Kind::kForget) {
        Apply(Of(index), Fate{}, &durable_);
      }
    }
    pending_ = std::move(still_pending);
    ++point_;
  }

 private:
  const Event& Of(size_t index) const { return recording_.events[index]; }
  const Event& Next() const { return Of(point_); }

  static bool IsChange(const Event& event) {
    return event.IsDirectoryChange() || event.kind == Event::Kind::kWrite ||
           event.kind == Event::Kind::kTruncate;
  }

  // Whether `event` decides for good what becomes of `earlier`. A rename from
  // one folder to another is durable with the folder it went to.
  static bool Settles(const Event& event, const Event& earlier) {
    if (event.kind == Event::Kind::kSyncDirectory) {
      const bool rename = earlier.kind == Event::Kind::kRename;
      return earlier.IsDirectoryChange() &&
             FolderOf(rename ? earlier.to : earlier.path) == event.path;
    }
    const bool of_file =
        event.kind == Event::Kind::kSync || event.kind == Event::Kind::kForget;
    return of_file && !earlier.IsDirectoryChange() && earlier.file == event.file;
  }

  const Recording& recording_;
  Disk durable_;
  std::vector<size_t> pending_;
  size_t point_ = 0;
};

// An image in short: fates are spelt out only when it is built.
struct Plan {
  enum class Shape : uint8_t {
    kUpTo = 1,    // all before event `index` kept; it has `fate`; the rest lost
    kOnly,        // event `index` has `fate`, all others lost
    kAllBut,      // event `index` has `fate`, all others kept
    kOnlyFile,    // the events of file `index` kept, all others lost
    kAllButFile,  // the other way round
    kOnlyNames,   // creations, deletions and renames kept, contents lost
    kOnlyContents,
    kSubset,  // the events whose bits are set in `index` kept, others lost
    kRandom,  // by the seed `index`
  };
  Shape shape;
  size_t index = 0;
  Fate fate;
};

// All images between one settling event and the next.
class Epoch {
 public:
  Epoch(const Recording& recording, const RollingDisk& disk, size_t begin, size_t end,
        const CrashOptions& options)
      : recording_(recording),
        disk_(disk),
        options_(options),
        begin_(begin),
        image_{end, disk.pending(), std::vector<Fate>(disk.pending().size())},
        random_(options.seed * 1000003 + end) {}

  absl::Status Visit(CrashVisitor visit, CrashCounts* counts) {
    MakePlans();
    Disk prefix = disk_.durable();
    size_t prefix_size = 0;
    for (const Plan& plan : plans_) {
      SpellOut(plan);
      if (!seen_.insert(HashOfFates()).second) continue;
      const size_t keep = KeptPrefix();
      for (; prefix_size < std::min(keep, SortKey(plan)); ++prefix_size) {
        Apply(Pending(prefix_size), Fate{}, &prefix);
      }
      Disk image = prefix;
      for (size_t i = prefix_size; i < image_.fates.size(); ++i) {
        Apply(Pending(i), image_.fates[i], &image);
      }
      FaultyFileSystem fs(std::move(image));
      ++counts->images;
      const absl::Status status = visit(image_, &fs);
      if (!status.ok()) return Describe(status, counts->images);
    }
    return absl::OkStatus();
  }

 private:
  const Event& Pending(size_t i) const { return recording_.events[image_.pending[i]]; }

  bool Grows(const Event& event) const {
    const auto found = disk_.durable().files.find(event.file);
    const uint64_t size = found == disk_.durable().files.end() ? 0 : found->second.size();
    return event.offset + event.data->size() > size;
  }

  // Where a write tears: between two sectors; inside, when it lies in one.
  uint64_t TearAt(const Event& event) {
    const uint64_t size = event.data->size();
    const uint64_t first = kSectorBytes - event.offset % kSectorBytes;
    if (first >= size) return 1 + random_() % (size - 1);
    const uint64_t boundaries = (size - first - 1) / kSectorBytes + 1;
    return first + random_() % boundaries * kSectorBytes;
  }

  std::vector<Fate> BrokenWrites(const Event& event) {
    if (event.kind != Event::Kind::kWrite) return {};
    std::vector<Fate> fates;
    if (event.data->size() > 1) {
      fates.push_back({Fate::Kind::kHead, TearAt(event)});
      fates.push_back({Fate::Kind::kTail, TearAt(event)});
    }
    if (event.data->size() > 2 * kSectorBytes) {
      fates.push_back({Fate::Kind::kScattered, random_()});
    }
    if (Grows(event)) {
      fates.push_back({Fate::Kind::kSizeOnly});
      fates.push_back({Fate::Kind::kClipped});
    }
    return fates;
  }

  void PlanEvent(size_t i, std::vector<Plan>* others) {
    others->push_back({Plan::Shape::kOnly, i, {}});
    others->push_back({Plan::Shape::kAllBut, i, {Fate::Kind::kLost}});
    if (Pending(i).kind == Event::Kind::kWrite && Grows(Pending(i))) {
      others->push_back({Plan::Shape::kOnly, i, {Fate::Kind::kSizeOnly}});
    }
    for (const Fate& fate : BrokenWrites(Pending(i))) {
      others->push_back({Plan::Shape::kUpTo, i, fate});
    }
    for (const Fate& fate : BrokenWrites(Pending(i))) {
      others->push_back({Plan::Shape::kAllBut, i, fate});
    }
  }

  void PlanFiles(std::vector<Plan>* others) {
    absl::flat_hash_set<FileId> files;
    bool names = false;
    for (size_t i = 0; i < image_.pending.size(); ++i) {
      if (Pending(i).IsDirectoryChange()) names = true;
      if (!files.insert(Pending(i).file).second) continue;
      others->push_back({Plan::Shape::kOnlyFile, Pending(i).file, {}});
      others->push_back({Plan::Shape::kAllButFile, Pending(i).file, {}});
    }
    if (!names) return;
    others->push_back({Plan::Shape::kOnlyNames, 0, {}});
    others->push_back({Plan::Shape::kOnlyContents, 0, {}});
  }

  // None, each prefix up to all, and each subset of few, whatever the budget.
  // Two thirds of the rest go to single events, the new ones first; then chance.
  void MakePlans() {
    const size_t count = image_.pending.size();
    std::vector<Plan> others, older;
    plans_.push_back({Plan::Shape::kOnly, count, {}});
    if (count == 0) return;
    size_t fresh = 0;
    for (size_t i = 0; i < count; ++i) {
      const bool is_fresh = image_.pending[i] >= begin_;
      fresh += is_fresh ? 1 : 0;
      if (is_fresh || i + 1 == count) plans_.push_back({Plan::Shape::kUpTo, i, {}});
      PlanEvent(i, is_fresh ? &others : &older);
    }
    if (count <= kAllSubsetsMax) {
      for (size_t bits = 0; bits < (size_t{1} << count); ++bits) {
        plans_.push_back({Plan::Shape::kSubset, bits, {}});
      }
    }
    PlanFiles(&others);
    std::shuffle(others.begin(), others.end(), random_);
    std::shuffle(older.begin(), older.end(), random_);
    others.insert(others.end(), older.begin(), older.end());
    const size_t budget = options_.images_per_point_max * (fresh + 1);
    const size_t rest = budget > plans_.size() ? budget - plans_.size() : 0;
    const size_t taken = std::min(others.size(), rest - rest / 3);
    plans_.insert(plans_.end(), others.begin(),
                  others.begin() + static_cast<std::ptrdiff_t>(taken));
    const size_t randoms = std::min<size_t>(budget - std::min(budget, plans_.size()),
                                            count < 2 ? 0 : 4 * (fresh + 1));
    for (size_t i = 0; i < randoms; ++i) {
      plans_.push_back({Plan::Shape::kRandom, random_(), {}});
    }
    std::stable_sort(plans_.begin(), plans_.end(), [&](const Plan& a, const Plan& b) {
      return SortKey(a) < SortKey(b);
    });
  }

  // A plan keeps at least so many events whole, from the first on. In this
  // order of the plans the common prefix has to be applied once.
  size_t SortKey(const Plan& plan) const {
    const bool prefix =
        plan.shape == Plan::Shape::kUpTo || plan.shape == Plan::Shape::kAllBut;
    return prefix ? plan.index : 0;
  }

  size_t KeptPrefix() const {
    const auto first = std::find_if(image_.fates.begin(), image_.fates.end(),
                                    [](const Fate& fate) { return fate != Fate{}; });
    return static_cast<size_t>(first - image_.fates.begin());
  }

  Fate FateIn(const Plan& plan, size_t i) const {
    const Fate kept, lost{Fate::Kind::kLost};
    switch (plan.shape) {
      case Plan::Shape::kUpTo:
        return i < plan.index ? kept : i == plan.index ? plan.fate : lost;
      case Plan::Shape::kOnly:
        return i == plan.index ? plan.fate : lost;
      case Plan::Shape::kAllBut:
        return i == plan.index ? plan.fate : kept;
      case Plan::Shape::kOnlyFile:
        return Pending(i).file == plan.index ? kept : lost;
      case Plan::Shape::kAllButFile:
        return Pending(i).file == plan.index ? lost : kept;
      case Plan::Shape::kOnlyNames:
        return Pending(i).IsDirectoryChange() ? kept : lost;
      case Plan::Shape::kOnlyContents:
        return Pending(i).IsDirectoryChange() ? lost : kept;
      case Plan::Shape::kSubset:
        return ((plan.index >> i) & 1) != 0 ? kept : lost;
      case Plan::Shape::kRandom:
        return lost;
    }
    return lost;
  }

  void SpellOutRandom(uint64_t seed) {
    random_.seed(seed);
    const uint64_t kept_percents[] = {15, 50, 85};
    const uint64_t kept_percent = kept_percents[random_() % 3];
    for (size_t i = 0; i < image_.fates.size(); ++i) {
      image_.fates[i] = Fate{Fate::Kind::kLost};
      if (!Chance(&random_, kept_percent)) continue;
      const std::vector<Fate> broken = BrokenWrites(Pending(i));
      const bool is_broken = !broken.empty() && Chance(&random_, 15);
      image_.fates[i] = is_broken ? broken[random_() % broken.size()] : Fate{};
    }
  }

  void SpellOut(const Plan& plan) {
    if (plan.shape == Plan::Shape::kRandom) return SpellOutRandom(plan.index);
    for (size_t i = 0; i < image_.fates.size(); ++i) {
      image_.fates[i] = FateIn(plan, i);
    }
  }

  uint64_t HashOfFates() const {
    uint64_t hash = 0xcbf29ce484222325;
    for (const Fate& fate : image_.fates) {
      hash = (hash ^ static_cast<uint64_t>(fate.kind)) * 0x9e3779b97f4a7c15;
      hash = (hash ^ (hash >> 29) ^ fate.detail) * 0xbf58476d1ce4e5b9;
      hash ^= hash >> 32;
    }
    return hash;
  }

  absl::Status Describe(const absl::Status& status, size_t image_number) const {
    return absl::Status(
        status.code(),
        absl::StrCat(std::string(status.message()), "\nin crash image ", image_number,
                     ", seed ", options_.seed, ": ", image_.ToString(recording_)));
  }

  const Recording& recording_;
  const RollingDisk& disk_;
  const CrashOptions& options_;
  const size_t begin_;  // events from here on are new in this epoch
  CrashImage image_;    // the one at hand
  Random random_;
  std::vector<Plan> plans_;
  absl::flat_hash_set<uint64_t> seen_;
};

std::string ToString(const Fate& fate) {
  switch (fate.kind) {
    case Fate::Kind::kLost:
      return "lost";
    case Fate::Kind::kKept:
      return "kept";
    case Fate::Kind::kHead:
      return absl::StrCat("first ", fate.detail, " bytes kept");
    case Fate::Kind::kTail:
      return absl::StrCat("first ", fate.detail, " bytes lost");
    case Fate::Kind::kScattered:
      return absl::StrCat("some sectors lost, seed ", fate.detail);
    case Fate::Kind::kSizeOnly:
      return "size kept, zeros in place of data";
    case Fate::Kind::kClipped:
      return "growth lost";
  }
  return "?";
}

}  // namespace

std::string CrashImage::ToString(const Recording& recording) const {
  std::string text = absl::StrCat("crash after ", point, " of ", recording.events.size(),
                                  " events, ", pending.size(), " of them not durable:");
  const size_t first =
      pending.size() > kDescribedEventsMax ? pending.size() - kDescribedEventsMax : 0;
  if (first > 0) absl::StrAppend(&text, "\n  (", first, " older ones not shown)");
  for (size_t i = first; i < pending.size(); ++i) {
    absl::StrAppend(&text, "\n  #", pending[i], " ",
                    recording.events[pending[i]].ToString(), ": ",
                    test::ToString(fates[i]));
  }
  return text;
}

absl::StatusOr<CrashCounts> ForEachCrashImage(const Recording& recording,
                                              const CrashOptions& options,
                                              CrashVisitor visit) {
  RollingDisk disk(recording);
  CrashCounts counts;
  size_t begin = 0;
  for (size_t point = 0; point <= recording.events.size(); ++point) {
    const bool last = point == recording.events.size();
    if (point >= options.first_point) {
      ++counts.points;
      if (last || disk.NextSettles()) {
        const absl::Status status =
            Epoch(recording, disk, begin, point, options).Visit(visit, &counts);
        if (!status.ok()) return status;
        begin = point;
      }
    }
    if (!last) disk.Advance();
  }
  return counts;
}

CrashImage ImageAt(const Recording& recording, size_t point) {
  RollingDisk disk(recording);
  for (size_t i = 0; i < point; ++i) disk.Advance();
  return CrashImage{point, disk.pending(), std::vector<Fate>(disk.pending().size())};
}

std::unique_ptr<FaultyFileSystem> BuildImage(const Recording& recording,
                                             const CrashImage& image) {
  RollingDisk disk(recording);
  for (size_t i = 0; i < image.point; ++i) disk.Advance();
  Disk result = disk.durable();
  for (size_t i = 0; i < image.pending.size(); ++i) {
    Apply(recording.events[image.pending[i]], image.fates[i], &result);
  }
  return std::make_unique<FaultyFileSystem>(std::move(result));
}

}  // namespace sheaf::test
