// sheaf_expiry_bench [keys] [folder]: of `keys` keys (1,000,000) one tenth expires at once. What
// a reader waits for before, while that waits to be removed, and while it is; how long the
// removal takes, of keys that are scattered and of neighbours; what expiries cost writers.
// Prints a line a measurement, with keys and seed.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "sheaf/sheaf.h"

namespace sheaf {
namespace {

constexpr uint64_t kSeed = 1;
constexpr absl::Duration kHour = absl::Hours(1), kLook = absl::Seconds(4);
constexpr uint64_t kBatch = 10'000;

std::atomic<int64_t> now{1'893'456'000'000'000};

std::string KeyOf(uint64_t i) { return absl::StrFormat("key%012d", i); }
bool Expires(uint64_t i, uint64_t keys, bool is_run) {
  return is_run ? i >= keys / 2 && i < keys / 2 + keys / 10
                : (i * 0x9e3779b97f4a7c15u >> 32) % 10 == 0;
}

struct Latencies {
  std::vector<double> micros;
  void Print(const char* what) {
    if (micros.empty()) return;
    std::sort(micros.begin(), micros.end());
    const auto at = [&](double q) {
      return micros[static_cast<size_t>(q * static_cast<double>(micros.size() - 1))];
    };
    std::printf("%-44s %9zu reads  p50 %6.2f  p99 %6.2f  p99.9 %7.2f us\n", what,
                micros.size(), at(0.5), at(0.99), at(0.999));
  }
};

// A transaction and ten look-ups each, until told to stop.
void Read(Database* db, uint64_t keys, const std::atomic<bool>* stop, Latencies* out) {
  std::mt19937_64 random(kSeed);
  while (!*stop) {
    const absl::Time begin = absl::Now();
    {
      const ReadTransaction read = db->BeginRead();
      const TableReader t = *read.table("t");
      for (int i = 0; i < 10; ++i)
        if (!t.Find(KeyOf(random() % keys)).ok()) std::abort();
    }
    out->micros.push_back(absl::ToDoubleMicroseconds(absl::Now() - begin));
  }
}

template <class Work>
double ReadWhile(Database* db, uint64_t keys, const char* what, Work work) {
  std::atomic<bool> stop{false};
  Latencies latencies;
  std::thread reader([&] { Read(db, keys, &stop, &latencies); });
  const absl::Time begin = absl::Now();
  work();
  const double seconds = absl::ToDoubleSeconds(absl::Now() - begin);
  stop = true;
  reader.join();
  latencies.Print(what);
  return seconds;
}

double Fill(Database* db, uint64_t keys, bool is_run, bool expire) {
  const absl::Time begin = absl::Now();
  for (uint64_t at = 0; at < keys; at += kBatch) {
    const absl::Status put = db->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(Table t, txn.table("t"));
      const std::string value(100, 'v');
      for (uint64_t i = at; i < std::min(at + kBatch, keys); ++i) {
        const absl::Status status = expire && Expires(i, keys, is_run)
                                        ? t.Put(KeyOf(i), value, Expiry::After(kHour))
                                        : t.Put(KeyOf(i), value);
        if (!status.ok()) return status;
      }
      return absl::OkStatus();
    });
    if (!put.ok()) std::abort();
  }
  return absl::ToDoubleSeconds(absl::Now() - begin);
}

// What filling left to be done is no reader's concern.
void Settle(Database* db, uint64_t keys) {
  if (!db->Checkpoint().ok()) std::abort();
  ReadWhile(db, keys, "settling, not to be counted", [] { absl::SleepFor(kLook); });
}

void Run(const std::string& path, uint64_t keys, bool is_run, bool in_background) {
  for (const char* end : {"", "-log"}) std::filesystem::remove(path + end);
  Options options;
  options.clock = [] { return absl::FromUnixMicros(now.load()); };
  options.durability = Durability::kProcess;
  options.cache_bytes_max = uint64_t{1} << 30;
  options.background_expiry = in_background;
  auto db = *Database::Open(path, options);
  std::printf("--- %llu keys, a tenth expires: %s; removed %s; seed %llu\n",
              static_cast<unsigned long long>(keys), is_run ? "neighbours" : "scattered",
              in_background ? "in the background" : "by call",
              static_cast<unsigned long long>(kSeed));
  const double filled = Fill(db.get(), keys, is_run, true);
  std::printf("%-44s %9.2f s\n", "filled", filled);
  Settle(db.get(), keys);
  ReadWhile(db.get(), keys, "before", [] { absl::SleepFor(kLook); });
  const auto count = [&] { return *db->BeginRead().table("t")->size_with_expired(); };
  const uint64_t before = count();
  if (!in_background) {
    now += 2 * absl::ToInt64Microseconds(kHour);
    ReadWhile(db.get(), keys, "expired, not removed", [] { absl::SleepFor(kLook); });
  }
  uint64_t removed = 0;
  const double seconds = ReadWhile(db.get(), keys, "while it is removed", [&] {
    if (!in_background) {
      removed = db->Expire()->removed_total;
      return;
    }
    const uint64_t left = before - before / 10;
    now += 2 * absl::ToInt64Microseconds(kHour);
    while (count() > left + left / 50 && removed < 3000) {
      absl::SleepFor(absl::Milliseconds(20));
      ++removed;
    }
    while (db->BeginRead().ListExpiring()->at(0).expired > 0)
      absl::SleepFor(absl::Milliseconds(20));
    removed = before - count();
  });
  std::printf("%-44s %9.2f s  %.2f us each\n", "removed", seconds,
              seconds * 1e6 / static_cast<double>(std::max<uint64_t>(removed, 1)));
  ReadWhile(db.get(), keys, "after", [] { absl::SleepFor(kLook); });
  (void)db->Close();
  for (const char* end : {"", "-log"}) std::filesystem::remove(path + end);
}

void RunWithout(const std::string& path, uint64_t keys) {
  for (const char* end : {"", "-log"}) std::filesystem::remove(path + end);
  Options options;
  options.durability = Durability::kProcess;
  options.cache_bytes_max = uint64_t{1} << 30;
  auto db = *Database::Open(path, options);
  std::printf("--- %llu keys, none expires; seed %llu\n",
              static_cast<unsigned long long>(keys),
              static_cast<unsigned long long>(kSeed));
  std::printf("%-44s %9.2f s\n", "filled", Fill(db.get(), keys, false, false));
  Settle(db.get(), keys);
  ReadWhile(db.get(), keys, "read", [] { absl::SleepFor(kLook); });
  const absl::Time begin = absl::Now();
  if (!db->Write([&](WriteTransaction& txn) {
           return txn.table("t")
               ->DeleteRange({KeyOf(keys / 2), KeyOf(keys / 2 + keys / 10)})
               .status();
         }).ok())
    std::abort();
  std::printf("%-44s %9.4f s\n", "the same neighbours, by DeleteRange",
              absl::ToDoubleSeconds(absl::Now() - begin));
  (void)db->Close();
  for (const char* end : {"", "-log"}) std::filesystem::remove(path + end);
}

}  // namespace
}  // namespace sheaf

int main(int argc, char** argv) {
  uint64_t keys = 1'000'000;
  if (argc > 3 || (argc > 1 && (!absl::SimpleAtoi(argv[1], &keys) || keys < 10'000))) {
    std::fprintf(stderr, "usage: sheaf_expiry_bench [keys, at least 10000] [folder]\n");
    return 2;
  }
  const std::string path =
      (argc > 2 ? std::string(argv[2]) : ".") + "/expiry_bench.sheaf";
  sheaf::RunWithout(path, keys);
  sheaf::Run(path, keys, /*is_run=*/false, /*in_background=*/false);
  sheaf::Run(path, keys, /*is_run=*/true, /*in_background=*/false);
  sheaf::Run(path, keys, /*is_run=*/false, /*in_background=*/true);
  return 0;
}
