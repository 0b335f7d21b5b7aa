// Random operations on tables and collections whose records expire, against a std::map that
// knows instants: puts with all kinds of expiry, changes, touches, defaults, a clock that
// runs, stops, jumps and goes back, savepoints, rollbacks, old snapshots, sweeps, clean
// closes, kills and power cuts. What is read, counted and walked over must be the same, and
// Check() clean. (R9, R10, B33, B37)
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/api/expiry_fixture.h"

namespace sheaf {
namespace {

struct Record {
  int64_t value = 0;
  int64_t at = INT64_MAX, sliding = 0;  // microseconds
};
struct Model {
  std::map<std::string, Record> records;  // those that expired and were not removed, too
  int64_t default_after = 0;
  bool default_slides = false;

  std::map<std::string, int64_t> Seen(int64_t now) const {
    std::map<std::string, int64_t> seen;
    for (const auto& [key, r] : records)
      if (now < r.at) seen.emplace(key, r.value);
    return seen;
  }
};

// The same verbs for both.
struct TableVerbs {
  using Writer = Table;
  using Reader = TableReader;
  static absl::StatusOr<Writer> Open(WriteTransaction& txn) { return txn.table("t"); }
  static absl::StatusOr<Reader> Open(const ReadTransaction& txn) {
    return txn.table("t");
  }
  static std::string Text(int64_t value) { return absl::StrCat(value); }
  static absl::Status Put(Writer& t, const std::string& key, int64_t value,
                          const std::optional<Expiry>& expiry) {
    return expiry.has_value() ? t.Put(key, Text(value), *expiry)
                              : t.Put(key, Text(value));
  }
  static absl::Status Insert(Writer& t, const std::string& key, int64_t value) {
    return t.Insert(key, Text(value));
  }
  static absl::StatusOr<bool> Update(Writer& t, const std::string& key, int64_t value) {
    bool there = false;
    SHEAF_RETURN_IF_ERROR(t.Update(key, [&](std::optional<std::string_view> old) {
      there = old.has_value();
      return there ? std::optional(Text(value)) : std::nullopt;
    }));
    return there;
  }
  static std::map<std::string, int64_t> All(const Reader& t, bool reverse) {
    std::map<std::string, int64_t> all;
    const auto add = [&](std::string_view key, std::string_view value) {
      int64_t number = 0;
      EXPECT_TRUE(absl::SimpleAtoi(std::string(value), &number));
      EXPECT_TRUE(all.emplace(key, number).second);
      return true;
    };
    const absl::Status status = reverse ? t.ForEachReverse({}, add) : t.ForEach({}, add);
    EXPECT_TRUE(status.ok()) << status;
    return all;
  }
  static uint64_t Count(const Reader& t, const std::string& from, int64_t) {
    return *t.Count({from, std::nullopt});
  }
  static uint64_t Expected(const std::map<std::string, int64_t>& seen,
                           const std::string& from, int64_t) {
    return static_cast<uint64_t>(std::distance(seen.lower_bound(from), seen.end()));
  }
  static void More(const Reader& t, const std::map<std::string, int64_t>& seen) {
    uint64_t rank = 0;
    for (const auto& [key, value] : seen) {
      if (rank % 7 == 0) {
        ASSERT_EQ(*t.KeyAt(rank), key);
      }
      ++rank;
    }
    ASSERT_TRUE(absl::IsOutOfRange(t.KeyAt(rank).status()));
  }
};

struct DocumentVerbs {
  using Writer = Collection;
  using Reader = CollectionReader;
  static absl::StatusOr<Writer> Open(WriteTransaction& txn) {
    SHEAF_ASSIGN_OR_RETURN(Collection c, txn.collection("c"));
    SHEAF_ASSIGN_OR_RETURN(const auto definition,
                           IndexDefinition::Parse(R"({"fields": {"n": 1}})"));
    SHEAF_RETURN_IF_ERROR(c.CreateIndex(definition));
    return c;
  }
  static absl::StatusOr<Reader> Open(const ReadTransaction& txn) {
    return txn.collection("c");
  }
  static std::string Json(int64_t value) {
    return absl::StrCat(R"({"n":)", value % 10, R"(,"v":)", value, "}");
  }
  static absl::Status Put(Writer& c, const std::string& key, int64_t value,
                          const std::optional<Expiry>& expiry) {
    return c.Put(key, Json(value), expiry);
  }
  static absl::Status Insert(Writer& c, const std::string& key, int64_t value) {
    return c.Insert(key, Json(value));
  }
  static absl::StatusOr<bool> Update(Writer& c, const std::string& key, int64_t value) {
    SHEAF_ASSIGN_OR_RETURN(const bool there, c.Contains(key));
    SHEAF_ASSIGN_OR_RETURN(const bool changed,
                           c.Update(key, absl::StrCat(R"({"$set": )", Json(value), "}")));
    EXPECT_TRUE(there || !changed);
    return there;
  }
  static std::map<std::string, int64_t> All(const Reader& c, bool reverse) {
    std::map<std::string, int64_t> all;
    QueryOptions options;
    options.sort = reverse ? R"({"n": -1})" : R"({"_id": 1})";
    auto cursor = c.Query("{}", options);
    EXPECT_TRUE(cursor.ok()) << cursor.status();
    while (cursor->Next())
      EXPECT_TRUE(
          all.emplace(cursor->key().text(), cursor->document().Field("v")->int_value())
              .second);
    EXPECT_TRUE(cursor->status().ok()) << cursor->status();
    return all;
  }
  static uint64_t Count(const Reader& c, const std::string&, int64_t value) {
    return *c.Count(absl::StrCat(R"({"n":)", value % 10, "}"));
  }
  static uint64_t Expected(const std::map<std::string, int64_t>& seen, const std::string&,
                           int64_t value) {
    return static_cast<uint64_t>(std::count_if(
        seen.begin(), seen.end(),
        [&](const auto& entry) { return entry.second % 10 == value % 10; }));
  }
  static void More(const Reader&, const std::map<std::string, int64_t>&) {}
};

class ExpiryModelTest : public test::ExpiryTest {
 protected:
  uint64_t Below(uint64_t n) { return random_() % n; }
  std::string Key() { return absl::StrCat("k", Below(150)); }

  Expiry Random() {
    const absl::Duration some = absl::Microseconds(1 + Below(200));
    switch (Below(4)) {
      case 0:
        return Expiry::Never();
      case 1:
        return Expiry::Sliding(some);
      case 2:
        return Expiry::At(absl::FromUnixMicros(latest_) + some - absl::Microseconds(20));
      default:
        return Expiry::After(some);
    }
  }
  static void Apply(const std::optional<Expiry>& expiry, const Model& model, int64_t now,
                    Record* r) {
    r->at = INT64_MAX, r->sliding = 0;
    if (!expiry.has_value()) {
      if (model.default_after == 0) return;
      r->at = now + model.default_after;
      r->sliding = model.default_slides ? model.default_after : 0;
    } else if (expiry->kind() == Expiry::Kind::kAt) {
      r->at = absl::ToUnixMicros(expiry->instant());
    } else if (expiry->kind() != Expiry::Kind::kNever) {
      const int64_t after = absl::ToInt64Microseconds(expiry->duration());
      r->at = now + after;
      r->sliding = expiry->kind() == Expiry::Kind::kSliding ? after : 0;
    }
  }

  template <class Verbs>
  void Operation(typename Verbs::Writer& w, Model* m, int64_t now) {
    const std::string key = Key();
    const auto value = static_cast<int64_t>(Below(1000));
    const auto it = m->records.find(key);
    const bool seen = it != m->records.end() && now < it->second.at;
    switch (Below(9)) {
      case 0:
      case 1: {
        const std::optional<Expiry> expiry =
            Below(3) == 0 ? std::optional<Expiry>() : Random();
        ASSERT_TRUE(Verbs::Put(w, key, value, expiry).ok());
        Record& r = m->records[key];
        r.value = value;
        Apply(expiry, *m, now, &r);
        break;
      }
      case 2: {
        const absl::Status inserted = Verbs::Insert(w, key, value);
        ASSERT_EQ(inserted.ok(), !seen) << inserted;
        if (seen) break;
        Record& r = m->records[key];
        r.value = value;
        Apply(std::nullopt, *m, now, &r);
        break;
      }
      case 3: {
        const absl::StatusOr<bool> gone = w.Delete(key);
        ASSERT_TRUE(gone.ok()) << gone.status();
        ASSERT_EQ(*gone, seen);
        if (seen) m->records.erase(it);
        break;
      }
      case 4: {
        const absl::StatusOr<bool> there = Verbs::Update(w, key, value);
        ASSERT_TRUE(there.ok()) << there.status();
        ASSERT_EQ(*there, seen);
        if (!seen) break;
        // One that changes nothing is none.
        if (std::is_same_v<Verbs, DocumentVerbs> && it->second.value == value) break;
        it->second.value = value;
        if (it->second.sliding > 0) it->second.at = now + it->second.sliding;
        break;
      }
      case 5: {
        const Expiry expiry = Random();
        const absl::Status set = w.SetExpiry(key, expiry);
        ASSERT_EQ(set.ok(), seen) << set;
        if (seen) Apply(expiry, *m, now, &it->second);
        break;
      }
      case 6: {
        const absl::StatusOr<bool> touched = w.Touch(key);
        ASSERT_TRUE(touched.ok()) << touched.status();
        ASSERT_EQ(*touched, seen && it->second.sliding > 0);
        if (*touched) it->second.at = now + it->second.sliding;
        break;
      }
      case 7: {
        if (Below(10) != 0) break;
        const Expiry usual = Below(2) == 0 ? Expiry::Never()
                             : Below(2) == 0
                                 ? Expiry::After(absl::Microseconds(1 + Below(300)))
                                 : Expiry::Sliding(absl::Microseconds(1 + Below(300)));
        ASSERT_TRUE(w.SetDefaultExpiry(usual).ok());
        m->default_slides = usual.kind() == Expiry::Kind::kSliding;
        m->default_after = usual.kind() == Expiry::Kind::kNever
                               ? 0
                               : absl::ToInt64Microseconds(usual.duration());
        break;
      }
      default:
        Compare<Verbs>(w, *m, now);
    }
  }

  template <class Verbs>
  void Compare(const typename Verbs::Reader& reader, const Model& m, int64_t now) {
    const std::map<std::string, int64_t> seen = m.Seen(now);
    ASSERT_EQ(Verbs::All(reader, false), seen);
    ASSERT_EQ(Verbs::All(reader, true), seen);
    ASSERT_EQ(*reader.size(), seen.size());
    ASSERT_EQ(*reader.size_with_expired(), m.records.size());
    const std::string from = Key();
    const auto value = static_cast<int64_t>(Below(10));
    ASSERT_EQ(Verbs::Count(reader, from, value), Verbs::Expected(seen, from, value));
    for (int i = 0; i < 5; ++i) {
      const std::string key = Key();
      ASSERT_EQ(*reader.Contains(key), seen.contains(key));
      const absl::StatusOr<absl::Time> at = reader.ExpiresAt(key);
      ASSERT_EQ(at.ok(), seen.contains(key));
      if (!at.ok()) continue;
      const int64_t expected = m.records.at(key).at;
      ASSERT_EQ(*at, expected == INT64_MAX ? absl::InfiniteFuture()
                                           : absl::FromUnixMicros(expected));
    }
    Verbs::More(reader, seen);
  }

  // As the database reads it; and it does.
  int64_t Latest() {
    EXPECT_EQ(*db_->BeginRead().table("clock")->size(), 1u);
    return latest_ = std::max(latest_, now_.load());
  }

  template <class Verbs>
  void Transaction(Model* model) {
    WriteTransaction txn = Begin();
    auto writer = Verbs::Open(txn);
    ASSERT_TRUE(writer.ok()) << writer.status();
    Model next = *model, at_savepoint;
    std::optional<Savepoint> savepoint;
    const int64_t now = Latest();
    // It reads the clock when it first needs it.
    ASSERT_TRUE(writer
                    ->SetDefaultExpiry(
                        next.default_after == 0 ? Expiry::Never()
                        : next.default_slides
                            ? Expiry::Sliding(absl::Microseconds(next.default_after))
                            : Expiry::After(absl::Microseconds(next.default_after)))
                    .ok());
    for (uint64_t n = 1 + Below(20); n > 0; --n) {
      if (Below(20) == 0) now_ += static_cast<int64_t>(Below(50));
      if (Below(15) == 0) {
        savepoint = *txn.SetSavepoint();
        at_savepoint = next;
      } else if (savepoint.has_value() && Below(10) == 0) {
        ASSERT_TRUE(txn.RollbackTo(*savepoint).ok());
        next = at_savepoint;
      } else {
        Operation<Verbs>(*writer, &next, now);
        if (HasFatalFailure()) return;
      }
    }
    if (Below(6) == 0) return;  // rolled back
    ASSERT_TRUE(txn.Commit().ok());
    *model = std::move(next);
  }

  void Sweep(Model* model) {
    ExpireOptions options;
    options.batch = 1 + Below(40);
    options.records_max = Below(3) == 0 ? Below(30) : UINT64_MAX;
    const int64_t now = Latest();
    const ExpireResult result = Expire(options);
    std::vector<std::pair<int64_t, std::string>> expired;
    for (const auto& [key, r] : model->records)
      if (r.at <= now) expired.emplace_back(r.at, key);
    std::sort(expired.begin(), expired.end());
    ASSERT_EQ(result.removed_total,
              std::min<uint64_t>(options.records_max, expired.size()));
    ASSERT_EQ(result.remaining, expired.size() - result.removed_total);
    expired.resize(result.removed_total);  // the first first
    for (const auto& [at, key] : expired) model->records.erase(key);
  }

  template <class Verbs>
  void Run(uint64_t seed, int steps) {
    std::printf("seed %d, steps %d\n", static_cast<int>(seed), steps);
    random_.seed(seed);
    Write([](WriteTransaction& txn) {
      return txn.table("clock")->Put("k", "v", Expiry::After(Expiry::DurationMax()));
    });
    Model model;
    struct Old {
      ReadTransaction txn;
      Model model;
      int64_t now;
    };
    std::vector<Old> snapshots;
    for (int step = 0; step < steps && !HasFatalFailure(); ++step) {
      if (Below(3) == 0) now_ += static_cast<int64_t>(Below(60));
      if (Below(40) == 0) now_ -= static_cast<int64_t>(Below(200));  // it was wrong
      if (Below(100) == 0) now_ += 500;
      const uint64_t what = Below(30);
      if (what < 18) {
        Transaction<Verbs>(&model);
      } else if (what < 22) {
        Sweep(&model);
      } else if (what == 22 && snapshots.size() < 4) {
        ReadTransaction read = db_->BeginRead();
        auto reader = Verbs::Open(read);
        if (!reader.ok()) continue;
        const int64_t now = Latest();
        Compare<Verbs>(*reader, model, now);
        snapshots.push_back({std::move(read), model, now});
      } else if (what == 23 && !snapshots.empty()) {
        Old& old = snapshots[Below(snapshots.size())];
        Compare<Verbs>(*Verbs::Open(old.txn), old.model, old.now);
      } else if (what == 24 && Below(4) == 0) {
        snapshots.clear();
        Below(2) == 0 ? Kill() : Below(2) == 0 ? CutPower() : Reopen();
        latest_ = 0;  // it knows nothing of the time before
      } else if (what == 25) {
        ExpectClean();
      } else if (what == 26 && Below(4) == 0) {
        ASSERT_TRUE(db_->Checkpoint().ok());
      } else {
        const ReadTransaction read = db_->BeginRead();
        auto reader = Verbs::Open(read);
        if (reader.ok()) Compare<Verbs>(*reader, model, Latest());
      }
    }
    snapshots.clear();
    ExpectClean();
  }

  std::mt19937_64 random_;
  int64_t latest_ = 0;
};

TEST_F(ExpiryModelTest, Tables) { Run<TableVerbs>(1, 3000); }
TEST_F(ExpiryModelTest, TablesAgain) { Run<TableVerbs>(2, 3000); }
TEST_F(ExpiryModelTest, Documents) { Run<DocumentVerbs>(3, 1500); }
TEST_F(ExpiryModelTest, DocumentsAgain) { Run<DocumentVerbs>(4, 1500); }

}  // namespace
}  // namespace sheaf
