// What the tests of damaged files start from: a small file with every kind of page
// in it, the same a few commits earlier, and one with the log of a crash.
#ifndef TESTS_API_DAMAGE_UTIL_H_
#define TESTS_API_DAMAGE_UTIL_H_
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pager/file.h"
#include "sheaf/database.h"
#include "sheaf/status_macros.h"
#include "tests/support/page_editor.h"
#include "tests/support/sanitizers.h"

namespace sheaf::test {

inline constexpr char kPath[] = "/damage.sheaf";
inline constexpr char kLogPath[] = "/damage.sheaf-log";
// Of the pages of a file, those that are destroyed in turn.
inline constexpr size_t kPageStep = kAddressSanitizer ? 5 : 1;

struct Sample {
  std::string file;                // closed cleanly
  std::vector<std::string> older;  // the same, earlier
  Content content;
};

inline absl::StatusOr<std::unique_ptr<Database>> OpenSample(pager::FileSystem* fs) {
  Options options;
  options.background_checkpoints = false;
  options.cache_bytes_max = 8 << 20;
  options.file_system = fs;
  return Database::Open(kPath, options);
}

inline std::string SampleKey(int i) { return absl::StrCat("key", 10000 + i); }

inline absl::Status FillSample(Database* db) {
  return db->Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Table table, txn.table("table"));
    for (int i = 0; i < 240; ++i)
      SHEAF_RETURN_IF_ERROR(
          table.Put(SampleKey(i), std::string(static_cast<size_t>(40 + i % 90), 'v')));
    SHEAF_RETURN_IF_ERROR(table.Put("large", std::string(9000, 'L')));
    SHEAF_RETURN_IF_ERROR(table.Put("larger", std::string(70000, 'M')));
    SHEAF_ASSIGN_OR_RETURN(Collection notes, txn.collection("notes"));
    for (int i = 0; i < 30; ++i)
      SHEAF_RETURN_IF_ERROR(notes.Append(absl::StrCat("{\"n\":", i, "}")).status());
    return txn.table("empty").status();
  });
}

inline absl::Status AddSomething(Database* db) {
  return db->Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Table table, txn.table("table"));
    for (int i = 0; i < 240; i += 7)
      SHEAF_RETURN_IF_ERROR(table.Put(SampleKey(i) + "+", std::string(100, 'w')));
    SHEAF_RETURN_IF_ERROR(table.Put("larger", std::string(80000, 'N')));
    SHEAF_ASSIGN_OR_RETURN(Collection notes, txn.collection("notes"));
    return notes.Append("[1,2,3]").status();
  });
}

inline absl::Status DeleteSomething(Database* db) {
  return db->Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Table table, txn.table("table"));
    SHEAF_RETURN_IF_ERROR(table.Delete(SampleKey(3)).status());
    KeyRange range;
    range.from = SampleKey(20);
    range.to = SampleKey(200);
    SHEAF_RETURN_IF_ERROR(table.DeleteRange(range).status());
    return txn.Drop("notes");
  });
}

inline Sample MakeSample() {
  Sample sample;
  auto fs = pager::NewMemoryFileSystem();
  auto db = OpenSample(fs.get());
  EXPECT_TRUE(db.ok() && FillSample(db->get()).ok());
  EXPECT_TRUE((*db)->Close().ok());
  db->reset();
  for (int round = 0; round < 3; ++round) {
    sample.older.push_back(ReadWholeFile(fs.get(), kPath));
    db = OpenSample(fs.get());
    EXPECT_TRUE(db.ok() && AddSomething(db->get()).ok());
    EXPECT_TRUE((*db)->Close().ok());
    db->reset();
  }
  sample.file = ReadWholeFile(fs.get(), kPath);
  db = OpenSample(fs.get());
  sample.content = *ReadContent(db->get());
  return sample;
}

struct CrashedSample {
  std::string file, log;
  size_t log_used = 0;            // behind it there are only zeros
  std::vector<Content> versions;  // after the checkpoint, then after each commit
};

inline CrashedSample MakeCrashedSample() {
  CrashedSample sample;
  auto fs = pager::NewMemoryFileSystem();
  auto db = OpenSample(fs.get());
  EXPECT_TRUE(db.ok() && FillSample(db->get()).ok());
  EXPECT_TRUE((*db)->Checkpoint().ok());
  sample.versions.push_back(*ReadContent(db->get()));
  for (int i = 0; i < 8; ++i) {
    EXPECT_TRUE((*db)
                    ->Write([&](WriteTransaction& txn) -> absl::Status {
                      SHEAF_ASSIGN_OR_RETURN(Table table, txn.table("table"));
                      SHEAF_RETURN_IF_ERROR(
                          table.Put(absl::StrCat("after", i), std::string(60, 'a')));
                      if (i == 3) SHEAF_RETURN_IF_ERROR(txn.Rename("empty", "moved"));
                      if (i == 4) SHEAF_RETURN_IF_ERROR(txn.Drop("moved"));
                      if (i == 5) {
                        KeyRange range;
                        range.from = SampleKey(7);
                        range.to = SampleKey(9);
                        SHEAF_RETURN_IF_ERROR(table.DeleteRange(range).status());
                      }
                      SHEAF_ASSIGN_OR_RETURN(Collection c, txn.collection("notes"));
                      return c.Append("true").status();
                    })
                    .ok());
    sample.versions.push_back(*ReadContent(db->get()));
  }
  // What kill -9 leaves.
  sample.file = ReadWholeFile(fs.get(), kPath);
  sample.log = ReadWholeFile(fs.get(), kLogPath);
  sample.log_used = sample.log.find_last_not_of('\0') + 1;
  return sample;
}

inline void Flip(std::string* bytes, uint64_t bit) {
  (*bytes)[bit / 8] = static_cast<char>((*bytes)[bit / 8] ^ 1 << bit % 8);
}

enum class Change {
  kHarmless,    // nobody needs what was changed
  kTouchesUse,  // Check() must find it, if the file opens
  kUnknown,
};

// A right answer or a clear error.
inline Verdict ExpectHonest(const std::string& file, const std::string& log,
                            const Content& content, Change change) {
  auto fs = pager::NewMemoryFileSystem();
  WriteWholeFile(fs.get(), kPath, file);
  if (!log.empty()) WriteWholeFile(fs.get(), kLogPath, log);
  const Verdict v = Judge(fs.get(), kPath, /*read_only=*/true);
  EXPECT_TRUE(v.open.ok() || IsDamageCode(v.open)) << v.open;
  EXPECT_TRUE(v.check.ok() || IsDamageCode(v.check)) << v.check;
  if (v.open.ok() && v.read.ok()) {
    EXPECT_TRUE(v.content == content) << "a wrong answer\n" << v.ToString();
  } else if (v.open.ok()) {
    EXPECT_TRUE(absl::IsDataLoss(v.read)) << v.read;
    EXPECT_TRUE(v.noticed()) << "reading failed, Check() found nothing: " << v.read;
  }
  if (change == Change::kTouchesUse) {
    EXPECT_TRUE(v.noticed()) << "not noticed\n" << v.ToString();
  }
  if (change == Change::kHarmless) {
    EXPECT_TRUE(v.open.ok() && v.read.ok()) << v.ToString();
  }
  EXPECT_TRUE(ReadWholeFile(fs.get(), kPath) == file) << "read-only wrote";
  return v;
}

}  // namespace sheaf::test
#endif  // TESTS_API_DAMAGE_UTIL_H_
