// Proves that the instrument works before anything is measured with it: faults
// strike where they were armed, the recording is complete, and the crash images
// (RELIABILITY R1, R3, R5) catch a store whose commit protocol is wrong in one of
// six ways, while they find nothing in the same store without the mistake.
#include "tests/support/faulty_file.h"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gtest/gtest.h"
#include "pager/status_macros.h"
#include "tests/support/crash_images.h"
#include "tests/support/shared_bytes.h"

namespace sheaf::test {
namespace {

using absl::StatusCode;
using pager::File;
using pager::OpenMode;

absl::StatusOr<std::string> ReadText(const File& file, uint64_t offset, uint64_t size) {
  std::string text(size, '?');
  SHEAF_RETURN_IF_ERROR(file.Read(offset, absl::MakeSpan(text.data(), size)));
  return text;
}

// What a file of a small image holds; "-" when it is not there.
std::string Whole(FaultyFileSystem* fs, const std::string& path) {
  const absl::StatusOr<std::unique_ptr<File>> file = fs->Open(path, OpenMode::kReadOnly);
  return file.ok() ? *ReadText(**file, 0, *(*file)->Size()) : "-";
}

std::unique_ptr<File> Create(FaultyFileSystem* fs, const std::string& path) {
  return *fs->Open(path, OpenMode::kCreateNew);
}

// A random walk against a std::string; copies must keep what they had.
TEST(SharedBytes, AgreesWithAString) {
  std::mt19937_64 random(7);
  SharedBytes bytes;
  std::string model;
  std::vector<std::pair<SharedBytes, std::string>> copies;
  for (int step = 0; step < 3000; ++step) {
    const uint64_t offset = random() % 300'000;
    if (random() % 8 == 0) {
      bytes.Resize(offset);
      model.resize(offset);
    } else {
      const std::string data(random() % 9000 + 1, static_cast<char>('a' + step % 26));
      bytes.Write(offset, data);
      if (model.size() < offset + data.size()) model.resize(offset + data.size());
      model.replace(offset, data.size(), data);
    }
    if (step % 100 == 0) copies.emplace_back(bytes, model);
    if (step % 100 == 50) bytes = copies[random() % copies.size()].first;
    if (step % 100 == 50) model = bytes.Read(0, bytes.size());
    ASSERT_EQ(bytes.size(), model.size());
    if (step % 20 == 0) {
      ASSERT_EQ(bytes.Read(0, bytes.size()), model) << step;
    }
  }
  for (const auto& [copy, text] : copies) EXPECT_EQ(copy.Read(0, copy.size()), text);
}

TEST(SharedBytes, SparseAndCounted) {
  SharedBytes bytes;
  bytes.Resize(uint64_t{1} << 62);
  EXPECT_EQ(bytes.allocated_bytes(), 0u);
  for (const uint64_t offset : {uint64_t{0}, uint64_t{1} << 32, uint64_t{1} << 61}) {
    bytes.Write(offset, "x");
  }
  EXPECT_EQ(bytes.allocated_bytes(), 3 * SharedBytes::kBlockBytes);
  EXPECT_EQ(bytes.Read((uint64_t{1} << 61) - 1, 3), std::string("\0x\0", 3));
  bytes.Resize(uint64_t{1} << 32);
  EXPECT_EQ(bytes.allocated_bytes(), SharedBytes::kBlockBytes);
  bytes.Resize(0);
  EXPECT_EQ(bytes.allocated_bytes(), 0u);
  bytes.Resize(10);
  EXPECT_EQ(bytes.Read(0, 10), std::string(10, '\0'));
}

TEST(FaultyFile, RecordsEverythingInOrder) {
  FaultyFileSystem fs;
  const auto file = Create(&fs, "/d/a");
  const std::vector<std::string_view> parts = {"he", "llo"};
  ASSERT_TRUE(file->WriteGather(3, parts).ok());
  ASSERT_TRUE(file->Sync().ok());
  ASSERT_TRUE(file->Truncate(4).ok());
  ASSERT_TRUE(fs.RenameNew("/d/a", "/d/b").ok());
  ASSERT_TRUE(fs.SyncDirectory("/d/b").ok());
  ASSERT_TRUE(file->Write(0, "x").ok());
  ASSERT_TRUE(fs.Delete("/d/b").ok());
  std::vector<std::string> events;
  for (const Event& event : fs.recording().events) events.push_back(event.ToString());
  EXPECT_EQ(events, (std::vector<std::string>{"create /d/a", "write /d/a 3+5",
                                              "sync /d/a", "truncate /d/a to 4",
                                              "rename /d/a to /d/b", "sync of folder /d",
                                              "write /d/b 0+1", "delete /d/b"}));
  EXPECT_EQ(fs.event_count(), 8u);
}

TEST(FaultyFile, StrikesTheNthCallOnceOrForEver) {
  FaultyFileSystem fs;
  const auto file = Create(&fs, "/a");
  const auto other = Create(&fs, "/b");
  fs.Inject({.calls = kWrite | kSync, .nth = 2, .path_suffix = "/a"});
  EXPECT_TRUE(file->Write(0, "x").ok());
  EXPECT_TRUE(other->Write(0, "x").ok());
  EXPECT_EQ(file->Sync().ToString(), "INTERNAL: /a: sync: injected I/O error");
  EXPECT_TRUE(file->Sync().ok());
  EXPECT_EQ(fs.faults_fired(), 1u);
  fs.Inject({.nth = 1,
             .repeat = Fault::Repeat::kForEver,
             .status = absl::PermissionDeniedError("no")});
  EXPECT_EQ(file->Write(0, "x").code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(file->Size().status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(file->Truncate(0).code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(file->Lock(pager::LockMode::kShared).code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(fs.Delete("/a").code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(fs.RenameNew("/a", "/c").code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(fs.SyncDirectory("/a").code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(fs.Open("/a", OpenMode::kReadOnly).status().code(),
            StatusCode::kPermissionDenied);
  EXPECT_EQ(ReadText(*file, 0, 1).status().code(), StatusCode::kPermissionDenied);
  fs.ClearFaults();
  EXPECT_EQ(Whole(&fs, "/a"), "x");
  EXPECT_EQ(fs.calls(kWrite), 3u);
  EXPECT_EQ(fs.calls(kSync | kTruncate), 3u);
}

TEST(FaultyFile, ShortWriteIsOnDisk) {
  FaultyFileSystem fs;
  const auto file = Create(&fs, "/a");
  fs.Inject({.calls = kWrite, .short_bytes = 3});
  EXPECT_EQ(file->Write(0, "hello").code(), StatusCode::kInternal);
  EXPECT_EQ(Whole(&fs, "/a"), "hel");
  EXPECT_EQ(fs.recording().events.back().ToString(), "write /a 0+3");
}

TEST(FaultyFile, DiskFull) {
  FaultyFileSystem fs;
  fs.LimitDisk(8192);
  const auto file = Create(&fs, "/a");
  const std::string data(10'000, 'x');
  const absl::Status status = file->Write(0, data);
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(*file->Size(), 8192u);
  EXPECT_TRUE(file->Write(100, std::string(8000, 'y')).ok());  // nothing new
  EXPECT_EQ(Create(&fs, "/b")->Write(0, "x").code(), StatusCode::kResourceExhausted);
  ASSERT_TRUE(file->Truncate(4096).ok());
  EXPECT_TRUE((*fs.Open("/b", OpenMode::kReadWrite))->Write(0, "x").ok());
  fs.LimitDisk(FaultyFileSystem::kUnlimited);
  EXPECT_TRUE(file->Write(0, data).ok());
}

// R5, and the two other things that were seen on Linux.
TEST(FaultyFile, FailedSync) {
  const std::pair<SyncLoss, std::string> cases[] = {{SyncLoss::kNothing, "new"},
                                                    {SyncLoss::kReadsOld, "old"},
                                                    {SyncLoss::kReadsNew, "new"}};
  for (const auto& [loss, seen] : cases) {
    FaultyFileSystem fs;
    const auto file = Create(&fs, "/a");
    ASSERT_TRUE(file->Write(0, "old").ok());
    ASSERT_TRUE(file->Sync().ok());
    ASSERT_TRUE(fs.SyncDirectory("/a").ok());
    ASSERT_TRUE(file->Write(0, "new").ok());
    fs.Inject({.calls = kSync, .sync_loss = loss});
    EXPECT_EQ(file->Sync().code(), StatusCode::kInternal);
    EXPECT_EQ(Whole(&fs, "/a"), seen);
    ASSERT_TRUE(file->Sync().ok());  // says nothing about what was lost
    const Recording recording = fs.recording();
    const auto image = BuildImage(recording, ImageAt(recording, fs.event_count()));
    EXPECT_EQ(Whole(image.get(), "/a"), loss == SyncLoss::kNothing ? "new" : "old");
  }
}

TEST(FaultyFile, RestartRecordingMakesAllDurable) {
  FaultyFileSystem fs;
  const auto file = Create(&fs, "/a");
  ASSERT_TRUE(file->Write(0, "kept").ok());
  fs.RestartRecording();
  ASSERT_TRUE(file->Write(0, "lost").ok());
  const Recording recording = fs.recording();
  EXPECT_EQ(recording.events.size(), 1u);
  CrashImage image = ImageAt(recording, 1);
  image.fates[0].kind = Fate::Kind::kLost;
  EXPECT_EQ(Whole(BuildImage(recording, image).get(), "/a"), "kept");
  FaultyFileSystem copy(fs.Contents());
  EXPECT_EQ(Whole(&copy, "/a"), "lost");
}

// Each fate by itself, on a write that begins inside the file and grows it.
TEST(CrashImages, Fates) {
  FaultyFileSystem fs;
  const auto file = Create(&fs, "/a");
  ASSERT_TRUE(file->Write(0, "0123").ok());
  fs.RestartRecording();
  ASSERT_TRUE(file->Write(2, "abcd").ok());
  const Recording recording = fs.recording();
  const std::pair<Fate, std::string> cases[] = {
      {{Fate::Kind::kLost}, "0123"},
      {{Fate::Kind::kKept}, "01abcd"},
      {{Fate::Kind::kHead, 1}, "01a3"},
      {{Fate::Kind::kTail, 1}, "012bcd"},
      {{Fate::Kind::kSizeOnly}, std::string("0123\0\0", 6)},
      {{Fate::Kind::kClipped}, "01ab"}};
  for (const auto& [fate, text] : cases) {
    CrashImage image = ImageAt(recording, 1);
    image.fates[0] = fate;
    EXPECT_EQ(Whole(BuildImage(recording, image).get(), "/a"), text);
  }
}

std::set<std::string> AllImages(const Recording& recording, const CrashOptions& options) {
  std::set<std::string> images;
  const auto counts =
      ForEachCrashImage(recording, options, [&](const CrashImage&, FaultyFileSystem* fs) {
        images.insert(Whole(fs, "/a") + "|" + Whole(fs, "/b"));
        return absl::OkStatus();
      });
  EXPECT_TRUE(counts.ok());
  EXPECT_EQ(counts->points, recording.events.size() + 1 - options.first_point);
  return images;
}

// With few events the set of images is known: it must be reached whole, and
// nothing that was synced may be missing in any.
TEST(CrashImages, ReachesEveryStateOfAFewEvents) {
  FaultyFileSystem fs;
  const auto a = Create(&fs, "/a");
  ASSERT_TRUE(fs.SyncDirectory("/a").ok());
  ASSERT_TRUE(a->Write(0, "1").ok());
  ASSERT_TRUE(a->Sync().ok());
  ASSERT_TRUE(a->Write(0, "2").ok());
  ASSERT_TRUE(a->Write(1, "3").ok());
  EXPECT_EQ(
      AllImages(fs.recording(), {}),
      (std::set<std::string>{"-|-", "|-", std::string("\0|-", 3), "1|-", "2|-", "23|-",
                             "13|-", std::string("1\0|-", 4), std::string("2\0|-", 4)}));
  EXPECT_EQ(AllImages(fs.recording(), {.first_point = 4}),
            (std::set<std::string>{"1|-", "2|-", "23|-", "13|-", std::string("1\0|-", 4),
                                   std::string("2\0|-", 4)}));
}

// Without a sync of the folder the old name, the new one, both or none may be
// there, whatever was synced of the file.
TEST(CrashImages, NamesNeedTheFolderSynced) {
  FaultyFileSystem fs;
  const auto a = Create(&fs, "/a");
  ASSERT_TRUE(a->Write(0, "x").ok());
  ASSERT_TRUE(a->Sync().ok());
  fs.RestartRecording();
  ASSERT_TRUE(fs.RenameNew("/a", "/b").ok());
  ASSERT_TRUE(a->Sync().ok());
  EXPECT_EQ(AllImages(fs.recording(), {}), (std::set<std::string>{"x|-", "-|x"}));
  const auto again = Create(&fs, "/a");
  ASSERT_TRUE(again->Write(0, "y").ok());
  ASSERT_TRUE(again->Sync().ok());
  ASSERT_TRUE(fs.SyncDirectory("/a").ok());
  const std::set<std::string> images = AllImages(fs.recording(), {.first_point = 5});
  EXPECT_EQ(images, (std::set<std::string>{"x|-", "-|x", "y|x", "y|-"}));
  EXPECT_EQ(AllImages(fs.recording(), {.first_point = 6}),
            (std::set<std::string>{"y|x"}));
}

// Many random histories: images visited twice are the same, an image built by
// itself equals the one visited, and the budget is kept.
TEST(CrashImages, DeterministicAndReproducible) {
  FaultyFileSystem fs;
  std::mt19937_64 random(11);
  const auto a = Create(&fs, "/a");
  const auto b = Create(&fs, "/b");
  for (int i = 0; i < 60; ++i) {
    File* const file = random() % 2 == 0 ? a.get() : b.get();
    const std::string data(random() % 6000, static_cast<char>('a' + i % 26));
    ASSERT_TRUE(file->Write(random() % 20'000, data).ok());
    if (i % 9 == 8) {
      ASSERT_TRUE(file->Sync().ok());
    }
    if (i == 30) {
      ASSERT_TRUE(fs.SyncDirectory("/a").ok());
    }
  }
  const Recording recording = fs.recording();
  std::vector<std::string> first;
  std::vector<CrashImage> images;
  const CrashOptions options{.seed = 5, .images_per_point_max = 12};
  const auto counts = ForEachCrashImage(
      recording, options, [&](const CrashImage& image, FaultyFileSystem* visited) {
        first.push_back(Whole(visited, "/a") + "|" + Whole(visited, "/b"));
        images.push_back(image);
        return absl::OkStatus();
      });
  ASSERT_TRUE(counts.ok());
  EXPECT_EQ(counts->images, first.size());
  EXPECT_LE(counts->images, 2 * options.images_per_point_max * counts->points);
  EXPECT_GE(counts->images, 4 * counts->points);
  size_t next = 0;
  ASSERT_TRUE(ForEachCrashImage(recording, options,
                                [&](const CrashImage& image, FaultyFileSystem*) {
                                  EXPECT_EQ(image.fates, images[next++].fates);
                                  return absl::OkStatus();
                                })
                  .ok());
  for (size_t i = 0; i < images.size(); i += 7) {
    const auto built = BuildImage(recording, images[i]);
    EXPECT_EQ(Whole(built.get(), "/a") + "|" + Whole(built.get(), "/b"), first[i]);
  }
}

TEST(CrashImages, FailureNamesImageAndSeed) {
  FaultyFileSystem fs;
  ASSERT_TRUE(Create(&fs, "/a")->Write(0, "hello").ok());
  const auto counts =
      ForEachCrashImage(fs.recording(), {.seed = 3},
                        [](const CrashImage& image, FaultyFileSystem*) -> absl::Status {
                          if (image.fates[1].kind != Fate::Kind::kHead) return {};
                          return absl::DataLossError("wrong");
                        });
  const std::string text(counts.status().message());
  EXPECT_EQ(counts.status().code(), StatusCode::kDataLoss);
  EXPECT_NE(text.find("seed 3: crash after 2 of 2 events"), std::string::npos) << text;
  EXPECT_NE(text.find("#0 create /a: "), std::string::npos) << text;
  EXPECT_NE(text.find("#1 write /a 0+5: first "), std::string::npos) << text;
}

// A store of one value. Its file has two pointer records (sequence and place of
// the value, how often it was repaired, checksum of the record); a commit appends the value, then
// overwrites the older record. Seven ways to do it, one of them right.
enum class Mistake {
  kNone,
  kNoSyncBeforePointer,
  kNoSyncAfterPointer,
  kOneRecord,  // overwrites the only good one
  kNoFolderSync,
  kRepairsBothAtOnce,  // in recovery: seen only when that crashes too
  kRetriesFailedSync,
};

class ToyStore {
 public:
  static constexpr uint64_t kRecordBytes = 64, kValuesBegin = 8192;

  explicit ToyStore(FaultyFileSystem* fs, Mistake mistake) : fs_(fs), mistake_(mistake) {}

  static std::string ValueOf(uint64_t sequence) {
    return std::string(600 + sequence * 300, static_cast<char>('a' + sequence));
  }

  absl::Status Create() {
    SHEAF_ASSIGN_OR_RETURN(file_, fs_->Open("/toy", OpenMode::kCreateNew));
    SHEAF_RETURN_IF_ERROR(Commit());
    SHEAF_RETURN_IF_ERROR(Sync());  // also with mistakes: they show in later commits
    if (mistake_ == Mistake::kNoFolderSync) return absl::OkStatus();
    return fs_->SyncDirectory("/toy");
  }

  absl::Status Commit() {
    const std::string value = ValueOf(sequence_ + 1);
    SHEAF_RETURN_IF_ERROR(file_->Write(end_, value));
    if (mistake_ != Mistake::kNoSyncBeforePointer) SHEAF_RETURN_IF_ERROR(Sync());
    SHEAF_RETURN_IF_ERROR(
        file_->Write(PlaceOf(sequence_ + 1), Record(sequence_ + 1, end_, repairs_)));
    if (mistake_ != Mistake::kNoSyncAfterPointer) SHEAF_RETURN_IF_ERROR(Sync());
    ++sequence_;
    end_ += value.size();
    return absl::OkStatus();
  }

  // kNotFound when no store is there. Cuts off what no record leads to.
  absl::Status Recover() {
    SHEAF_ASSIGN_OR_RETURN(file_, fs_->Open("/toy", OpenMode::kReadWrite));
    uint64_t offset = 0;
    for (const uint64_t place : {0, 4096}) {
      SHEAF_RETURN_IF_ERROR(ReadRecord(place, &offset));
    }
    if (sequence_ == 0) return absl::DataLossError("neither record is whole");
    const std::string expected = ValueOf(sequence_);
    SHEAF_ASSIGN_OR_RETURN(const std::string value,
                           ReadText(*file_, offset, expected.size()));
    if (value != expected) return absl::DataLossError("the value is not the one written");
    end_ = offset + expected.size();
    SHEAF_RETURN_IF_ERROR(file_->Truncate(end_));
    if (mistake_ == Mistake::kRepairsBothAtOnce) {
      SHEAF_RETURN_IF_ERROR(file_->Write(0, Record(sequence_, offset, repairs_ + 1)));
      SHEAF_RETURN_IF_ERROR(file_->Write(4096, Record(sequence_, offset, repairs_ + 1)));
    }
    return Sync();
  }

  uint64_t sequence() const { return sequence_; }

 private:
  uint64_t PlaceOf(uint64_t sequence) const {
    return mistake_ == Mistake::kOneRecord ? 0 : sequence % 2 * 4096;
  }

  absl::Status Sync() {
    const absl::Status status = file_->Sync();
    return mistake_ == Mistake::kRetriesFailedSync && !status.ok() ? file_->Sync()
                                                                   : status;
  }

  static uint64_t Checksum(std::string_view text) {
    uint64_t hash = 0xcbf29ce484222325;
    for (const char c : text) {
      hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    }
    return hash;
  }

  static std::string Record(uint64_t sequence, uint64_t offset, uint64_t repairs) {
    const std::string body =
        absl::StrFormat("%020d %020d %04d ", sequence, offset, repairs);
    return absl::StrFormat("%s%017x", body, Checksum(body));
  }

  // Takes the record at `place` over when it is whole and newer. One that was
  // never written lies behind the end or is all zeros.
  absl::Status ReadRecord(uint64_t place, uint64_t* offset) {
    const absl::StatusOr<std::string> text = ReadText(*file_, place, kRecordBytes);
    if (text.status().code() == StatusCode::kOutOfRange) return absl::OkStatus();
    SHEAF_RETURN_IF_ERROR(text.status());
    const uint64_t sequence = std::strtoull(text->c_str(), nullptr, 10);
    const uint64_t where = std::strtoull(text->substr(20).c_str(), nullptr, 10);
    const uint64_t repairs = std::strtoull(text->substr(41).c_str(), nullptr, 10);
    if (*text != Record(sequence, where, repairs) || sequence <= sequence_) {
      return absl::OkStatus();
    }
    sequence_ = sequence;
    repairs_ = repairs;
    *offset = where;
    return absl::OkStatus();
  }

  FaultyFileSystem* const fs_;
  const Mistake mistake_;
  std::unique_ptr<File> file_;
  uint64_t sequence_ = 0;
  uint64_t repairs_ = 0;
  uint64_t end_ = kValuesBegin;
};

// What a recovered store must be, given the commits acknowledged by then.
absl::Status CheckRecovered(FaultyFileSystem* fs, Mistake mistake,
                            uint64_t acknowledged) {
  ToyStore store(fs, mistake);
  const absl::Status status = store.Recover();
  if (!status.ok() && acknowledged == 0) return absl::OkStatus();
  if (!status.ok()) return status;
  if (store.sequence() >= acknowledged) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("commit ", acknowledged, " was acknowledged, ",
                                          store.sequence(), " is the last one found"));
}

// Crashes `fs`, whose commits were acknowledged at these event counts, in every
// way, and the recovery from that again, `depth` times in all.
absl::StatusOr<size_t> CrashAndCheck(const FaultyFileSystem& fs, Mistake mistake,
                                     const std::vector<size_t>& acknowledged_at,
                                     int depth) {
  size_t images = 0;
  const auto counts = ForEachCrashImage(
      fs.recording(), {},
      [&](const CrashImage& image, FaultyFileSystem* crashed) -> absl::Status {
        uint64_t acknowledged = 0;
        for (const size_t at : acknowledged_at) acknowledged += at <= image.point ? 1 : 0;
        SHEAF_RETURN_IF_ERROR(CheckRecovered(crashed, mistake, acknowledged));
        if (depth == 1) return absl::OkStatus();
        // From here on all of them must be there at every point.
        const std::vector<size_t> all(acknowledged, 0);
        SHEAF_ASSIGN_OR_RETURN(const size_t again,
                               CrashAndCheck(*crashed, mistake, all, depth - 1));
        images += again;
        return absl::OkStatus();
      });
  if (!counts.ok()) return counts.status();
  return images + counts->images;
}

absl::StatusOr<size_t> CrashToyStore(Mistake mistake, int depth) {
  FaultyFileSystem fs;
  ToyStore store(&fs, mistake);
  std::vector<size_t> acknowledged_at;
  SHEAF_RETURN_IF_ERROR(store.Create());
  acknowledged_at.push_back(fs.event_count());
  for (int i = 0; i < 5; ++i) {
    SHEAF_RETURN_IF_ERROR(store.Commit());
    acknowledged_at.push_back(fs.event_count());
  }
  return CrashAndCheck(fs, mistake, acknowledged_at, depth);
}

TEST(CrashImages, FindNothingInTheRightProtocol) {
  for (const int depth : {1, 2, 3}) {
    const absl::StatusOr<size_t> images = CrashToyStore(Mistake::kNone, depth);
    ASSERT_TRUE(images.ok()) << images.status();
    EXPECT_GT(*images, 60u);
    std::printf("%zu images, %d crashes deep\n", *images, depth);
  }
}

// Each for its own reason: the value is not there, a commit is missing, the only
// record is torn, the file has no name.
TEST(CrashImages, CatchEveryWrongProtocol) {
  const std::pair<Mistake, std::string> cases[] = {
      {Mistake::kNoSyncBeforePointer, "OUT_OF_RANGE: /toy: read of"},
      {Mistake::kNoSyncAfterPointer, "DATA_LOSS: commit 2 was acknowledged, 1 is"},
      {Mistake::kOneRecord, "DATA_LOSS: neither record is whole"},
      {Mistake::kNoFolderSync, "NOT_FOUND: /toy: no such file"}};
  for (const auto& [mistake, text] : cases) {
    const std::string found = CrashToyStore(mistake, 1).status().ToString();
    EXPECT_EQ(found.substr(0, text.size()), text) << found;
  }
}

// R3: with one crash all is well.
TEST(CrashImages, CatchAWrongRecoveryOnlyInTheSecondCrash) {
  const absl::Status once = CrashToyStore(Mistake::kRepairsBothAtOnce, 1).status();
  EXPECT_TRUE(once.ok()) << once;
  const absl::Status twice = CrashToyStore(Mistake::kRepairsBothAtOnce, 2).status();
  EXPECT_TRUE(twice.message().find("neither record is whole") == 0) << twice;
}

// R4 and R5 on the toy: each call fails in turn; what was acknowledged is there
// after a crash, unless the store believes a sync that it tried again.
absl::Status FailEachCall(Mistake mistake, SyncLoss loss) {
  for (uint64_t nth = 1;; ++nth) {
    FaultyFileSystem fs;
    ToyStore store(&fs, mistake);
    SHEAF_RETURN_IF_ERROR(store.Create());
    std::vector<size_t> acknowledged_at = {fs.event_count()};
    fs.Inject({.nth = nth, .short_bytes = 100, .sync_loss = loss});
    while (acknowledged_at.size() < 4 && store.Commit().ok()) {
      acknowledged_at.push_back(fs.event_count());
    }
    if (fs.faults_fired() == 0) return absl::OkStatus();
    SHEAF_RETURN_IF_ERROR(CrashAndCheck(fs, mistake, acknowledged_at, 1).status());
  }
}

TEST(FaultyFile, EveryCallFailsInTurn) {
  for (const SyncLoss loss :
       {SyncLoss::kNothing, SyncLoss::kReadsOld, SyncLoss::kReadsNew}) {
    const absl::Status status = FailEachCall(Mistake::kNone, loss);
    EXPECT_TRUE(status.ok()) << status;
  }
  EXPECT_TRUE(FailEachCall(Mistake::kRetriesFailedSync, SyncLoss::kNothing).ok());
  EXPECT_FALSE(FailEachCall(Mistake::kRetriesFailedSync, SyncLoss::kReadsOld).ok());
  EXPECT_FALSE(FailEachCall(Mistake::kRetriesFailedSync, SyncLoss::kReadsNew).ok());
}

}  // namespace
}  // namespace sheaf::test
