// Every crash image of puts with expiries, changes of them, sweeps and checkpoints: what is
// found is the state after some commit at or after the last one acknowledged, entries and
// instants together; what was swept stays away whatever the clock says, what has expired
// is hidden, and everything agrees with everything. (R1, R2, B33, B37)
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sheaf/database.h"
#include "sheaf/status_macros.h"
#include "tests/support/crash_images.h"
#include "tests/support/faulty_file.h"

namespace sheaf::test {
namespace {

constexpr int64_t kBegin = 1'893'456'000'000'000;

// Key to instant, microseconds after kBegin; -1: never. Of the table, and of documents.
using State = std::map<std::string, int64_t>;

class ExpiryCrash : public testing::Test {
 protected:
  Options OptionsFor(FaultyFileSystem* fs) {
    Options options;
    options.file_system = fs;
    options.background_checkpoints = options.background_expiry = false;
    options.clock = [this] { return absl::FromUnixMicros(kBegin + now_); };
    return options;
  }

  template <class Handle>
  static absl::Status Put(Handle& handle, const std::string& key, int64_t after) {
    const Expiry expiry =
        after < 0 ? Expiry::Never() : Expiry::At(absl::FromUnixMicros(kBegin + after));
    return handle.Put(key, R"({"n":1})", expiry);
  }
  void Commit(const std::vector<std::pair<std::string, int64_t>>& puts,
              const std::vector<std::string>& deletes = {}) {
    const absl::Status status = db_->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(Table t, txn.table("t"));
      SHEAF_ASSIGN_OR_RETURN(Collection c, txn.collection("c"));
      SHEAF_ASSIGN_OR_RETURN(const auto index,
                             IndexDefinition::Parse(R"({"fields":{"n":1}})"));
      SHEAF_RETURN_IF_ERROR(c.CreateIndex(index));
      for (const auto& [key, after] : puts) {
        SHEAF_RETURN_IF_ERROR(Put(t, key, after));
        SHEAF_RETURN_IF_ERROR(Put(c, key, after));
        state_[key] = after;
      }
      for (const std::string& key : deletes) {
        SHEAF_RETURN_IF_ERROR(t.Delete(key).status());
        SHEAF_RETURN_IF_ERROR(c.Delete(key).status());
        state_.erase(key);
      }
      return absl::OkStatus();
    });
    ASSERT_TRUE(status.ok()) << status;
    Acknowledge();
  }
  // Tables and collections go one after the other: so do their states.
  void Sweep() {
    const absl::StatusOr<ExpireResult> result = db_->Expire();
    ASSERT_TRUE(result.ok()) << result.status();
    std::erase_if(state_, [&](const auto& entry) {
      return entry.second >= 0 && entry.second <= now_;
    });
    Acknowledge();
  }
  void Acknowledge() {
    acknowledged_.emplace_back(fs_.recording().events.size(), state_);
  }

  // What the file has, swept or not: seen from the beginning of time. Of the table, and of
  // the collection.
  absl::StatusOr<std::pair<State, State>> Read(Database* db) {
    const ReadTransaction read = db->BeginRead();
    std::pair<State, State> found;
    const auto add = [&](State* to, const std::string& key,
                         const absl::StatusOr<absl::Time>& at) {
      (*to)[key] = !at.ok()                        ? -2
                   : *at == absl::InfiniteFuture() ? -1
                                                   : absl::ToUnixMicros(*at) - kBegin;
    };
    const absl::StatusOr<TableReader> t = read.table("t");
    if (!t.ok()) return found;  // before the first commit
    SHEAF_RETURN_IF_ERROR(t->ForEach({}, [&](std::string_view key, std::string_view) {
      add(&found.first, std::string(key), t->ExpiresAt(key));
      return true;
    }));
    SHEAF_ASSIGN_OR_RETURN(const CollectionReader c, read.collection("c"));
    SHEAF_RETURN_IF_ERROR(c.ForEach({}, [&](const DocumentKey& key, std::string_view) {
      add(&found.second, key.text(), c.ExpiresAt(key));
      return true;
    }));
    return found;
  }

  absl::Status Look(const CrashImage& image, FaultyFileSystem* fs) {
    size_t first = 0;
    while (first + 1 < acknowledged_.size() &&
           acknowledged_[first + 1].first <= image.point)
      ++first;
    now_ = 0;
    SHEAF_ASSIGN_OR_RETURN(auto db, Database::Open("/e.sheaf", OptionsFor(fs)));
    SHEAF_ASSIGN_OR_RETURN(const auto found, Read(db.get()));
    bool known = false;
    for (size_t i = first; i < acknowledged_.size(); ++i) {
      // A sweep commits once for each of the two, in any order.
      const State& before = acknowledged_[i].second;
      const State& next = acknowledged_[std::min(i + 1, acknowledged_.size() - 1)].second;
      known |= (found.first == before || found.first == next) &&
               (found.second == before || found.second == next);
    }
    if (!known) return absl::InternalError("a state that never was");
    SHEAF_ASSIGN_OR_RETURN(const CheckReport report, db->Check());
    if (!report.ok()) return absl::InternalError(report.findings[0].what);
    // All that expires is hidden, and can be swept.
    now_ = 1'000'000;
    SHEAF_ASSIGN_OR_RETURN(const auto seen, Read(db.get()));
    for (const auto& [key, at] : seen.first)
      if (at >= 0) return absl::InternalError(absl::StrCat(key, " is seen"));
    SHEAF_RETURN_IF_ERROR(db->Expire().status());
    now_ = 0;  // for the next open
    SHEAF_RETURN_IF_ERROR(db->Close());
    SHEAF_ASSIGN_OR_RETURN(db, Database::Open("/e.sheaf", OptionsFor(fs)));
    SHEAF_ASSIGN_OR_RETURN(const auto swept, Read(db.get()));
    if (swept != seen) return absl::InternalError("what was swept is there again");
    SHEAF_ASSIGN_OR_RETURN(const CheckReport again, db->Check());
    return again.ok() ? db->Close() : absl::InternalError(again.findings[0].what);
  }

  FaultyFileSystem fs_;
  std::unique_ptr<Database> db_;
  int64_t now_ = 0;
  State state_;
  std::vector<std::pair<size_t, State>> acknowledged_ = {{0, {}}};
};

TEST_F(ExpiryCrash, EveryImageIsAStateThatWas) {
  db_ = *Database::Open("/e.sheaf", OptionsFor(&fs_));
  Commit({{"a", -1}, {"b", 100}});
  Commit({{"c", 200}, {"a", 300}});
  ASSERT_TRUE(db_->Checkpoint().ok());
  Commit({{"b", 250}, {"d", 120}, {"e", -1}}, {"c"});
  now_ = 150;
  Sweep();
  Commit({{"f", 400}, {"d", -1}});
  now_ = 260;
  ASSERT_TRUE(db_->Checkpoint().ok());
  Sweep();
  Commit({{"a", -1}, {"g", 270}}, {"f"});
  now_ = 300;
  Sweep();
  ASSERT_TRUE(db_->Close().ok());
  Acknowledge();
  CrashOptions options;
  options.images_per_point_max = 6;
  const Recording recording = fs_.recording();
  const absl::StatusOr<CrashCounts> counts = ForEachCrashImage(
      recording, options,
      [this](const CrashImage& image, FaultyFileSystem* fs) { return Look(image, fs); });
  ASSERT_TRUE(counts.ok()) << counts.status();
  EXPECT_GT(counts->images, 100u);
  std::printf("%zu images\n", counts->images);
}

}  // namespace
}  // namespace sheaf::test
