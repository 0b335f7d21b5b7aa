// sheaf_keeping_bench: what keeping data safe costs. Sheaf against itself without it, and
// copying against cp, in one run, interleaved; medians and ratios.
//
//   sheaf_keeping_bench [--n=1000000] [--repeats=3] [--dir=PATH] [--json=FILE]
//                       [--documents=FILE]
//
// Entries have 16-byte keys in random order and 100-byte values, half of whose bytes are
// random. `cp` is the system's, without cloning, then fsync of the copy, since a backup
// is synced, too. Files are in the system's cache throughout: what is measured is the
// work, not the disk. `compact` is the time to shorten a file of which half the entries
// were deleted against that to copy the file as it was; `compact_moved` counts the bytes
// that were moved, against those of a copy of what is left.
//
// `documents` are JSON Lines with a text `id` each: the size of a collection of them,
// however compressed, against a table of JSON text in SQLite (without row ids, vacuumed),
// and reading them at random from the cache, compressed against not.
#include <fcntl.h>
#include <sheaf/sheaf.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <sqlite3.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace sheaf::bench {
namespace {

struct Settings {
  uint64_t n = 1'000'000;
  int repeats = 3;
  std::string dir = "keeping-bench", json, documents;
};

struct Document {
  std::string id, json;
};
struct Kind {
  const char* name;
  Compression compression;
};
constexpr Kind kKinds[] = {{"uncompressed", {}},
                           {"lz4", {CompressionKind::kLz4}},
                           {"zstd", {CompressionKind::kZstd}},
                           {"lz4_dictionary", {CompressionKind::kLz4, 3, true}},
                           {"zstd_dictionary", {CompressionKind::kZstd, 3, true}}};

void Check(const absl::Status& status) {
  if (status.ok()) return;
  fprintf(stderr, "%s\n", status.ToString().c_str());
  exit(1);
}
template <class T>
T Take(absl::StatusOr<T> value) {
  Check(value.status());
  return *std::move(value);
}

double SecondsOf(absl::FunctionRef<void()> fn) {
  const absl::Time begin = absl::Now();
  fn();
  return absl::ToDoubleSeconds(absl::Now() - begin);
}

std::string Key(uint64_t i) {  // in random order
  uint64_t x = i * 0x9e3779b97f4a7c15;
  x ^= x >> 29, x *= 0xbf58476d1ce4e5b9, x ^= x >> 32;
  char text[17];
  snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(x));
  return text;
}

class Runner {
 public:
  explicit Runner(Settings settings) : s_(std::move(settings)) {
    std::filesystem::create_directories(s_.dir);
  }

  void Run() {
    for (int repeat = 0; repeat < s_.repeats; ++repeat) {
      for (const bool encrypted : {repeat % 2 == 0, repeat % 2 != 0}) Measure(encrypted);
      MeasureCopies();
      if (!s_.documents.empty()) MeasureDocuments();
    }
    Report();
  }

 private:
  std::string Path(const char* name) const { return s_.dir + "/" + name; }
  std::string File(bool encrypted) const {
    return Path(encrypted ? "encrypted.sheaf" : "plain.sheaf");
  }
  Options OptionsFor(bool encrypted, uint64_t cache) const {
    Options options;
    options.cache_bytes_max = cache;
    if (encrypted) options.key = *EncryptionKey::Raw(std::string(32, 'k'));
    return options;
  }
  void Note(const std::string& workload, const char* engine, const char* unit,
            double value) {
    values_[workload][engine].push_back(value);
    units_[workload] = unit;
  }

  void Load(Database* db) {
    std::mt19937_64 random(1);
    std::string value(100, 'v');
    for (uint64_t at = 0; at < s_.n;) {
      Check(db->Write(
          [&](WriteTransaction& txn) -> absl::Status {
            SHEAF_ASSIGN_OR_RETURN(Table table, txn.table("t"));
            for (int i = 0; i < 1000 && at < s_.n; ++i, ++at) {
              for (size_t b = 0; b < 50; ++b) value[b] = static_cast<char>(random());
              SHEAF_RETURN_IF_ERROR(table.Put(Key(at), value));
            }
            return absl::OkStatus();
          },
          {.durability = Durability::kProcess}));
    }
    Check(db->Checkpoint());
  }

  void Measure(bool encrypted) {
    const char* const engine = encrypted ? "encrypted" : "plain";
    const std::string path = File(encrypted);
    std::filesystem::remove(path);
    auto db = Take(Database::Open(path, OptionsFor(encrypted, uint64_t{512} << 20)));
    const double load = SecondsOf([&] { Load(db.get()); });
    Note("load_random", engine, "entries/s", static_cast<double>(s_.n) / load);
    Note("point_read_cached", engine, "reads/s", PointReads(db.get()));
    Check(db->Close());
    db = Take(Database::Open(path, OptionsFor(encrypted, uint64_t{8} << 20)));
    uint64_t entries = 0;
    const double scan = SecondsOf([&] {
      const ReadTransaction read = db->BeginRead();
      Check(Take(read.table("t"))
                .ForEach(KeyRange::All(), [&](std::string_view, std::string_view) {
                  ++entries;
                  return true;
                }));
    });
    Note("scan_from_file", engine, "entries/s", static_cast<double>(entries) / scan);
    Note("point_read_from_file", engine, "reads/s", PointReads(db.get()));
    Check(db->Close());
  }

  double PointReads(Database* db) {
    std::mt19937_64 random(2);
    uint64_t reads = 0;
    const ReadTransaction read = db->BeginRead();
    const TableReader table = Take(read.table("t"));
    for (int i = 0; i < 20'000; ++i) (void)Take(table.Find(Key(random() % s_.n)));
    const absl::Time end = absl::Now() + absl::Seconds(2);
    const double seconds = SecondsOf([&] {
      while (absl::Now() < end)
        for (int i = 0; i < 1000; ++i, ++reads)
          if (!Take(table.Find(Key(random() % s_.n))).has_value()) exit(1);
    });
    return static_cast<double>(reads) / seconds;
  }

  double CpSeconds(const std::string& from, const std::string& to) {
    return SecondsOf([&] {
      const std::string command =
          absl::StrCat("cp --reflink=never '", from, "' '", to, "'");
      if (system(command.c_str()) != 0) exit(1);
      const int fd = open(to.c_str(), O_RDWR);
      if (fd < 0 || fsync(fd) != 0) exit(1);
      close(fd);
    });
  }

  static double MegaBytes(uint64_t bytes) { return static_cast<double>(bytes) / 1e6; }

  void MeasureCopies() {
    const std::string copy = Path("copy"), path = File(false);
    for (const bool encrypted : {false, true}) {
      const std::string from = File(encrypted);
      const double bytes = MegaBytes(std::filesystem::file_size(from));
      std::filesystem::remove(copy);
      const double cp = CpSeconds(from, copy);
      std::filesystem::remove(copy);
      auto db = Take(Database::Open(from, OptionsFor(encrypted, uint64_t{64} << 20)));
      const double backup = SecondsOf([&] { Take(db->Backup(copy)); });
      const char* const workload = encrypted ? "backup_encrypted" : "backup";
      Note(workload, "cp", "MB/s", bytes / cp);
      Note(workload, "sheaf", "MB/s", bytes / backup);
      Check(db->Close());
    }
    // Half of the keys go, evenly over the file's beginning.
    auto db = Take(Database::Open(path, OptionsFor(false, uint64_t{256} << 20)));
    Check(db->Write([](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(Table table, txn.table("t"));
      KeyRange half;
      half.to = "8";
      return table.DeleteRange(half).status();
    }));
    Check(db->Checkpoint());
    std::filesystem::remove(copy);
    const double cp = CpSeconds(path, copy);
    CompactReport report;
    const double compact = SecondsOf([&] { report = Take(db->Compact()); });
    Check(db->Close());
    Note("compact", "cp", "MB/s of file", MegaBytes(report.bytes_before) / cp);
    Note("compact", "sheaf", "MB/s of file", MegaBytes(report.bytes_before) / compact);
    std::filesystem::remove(copy);
    const double cp_after = CpSeconds(path, copy);
    Note("compact_moved", "cp", "MB/s", MegaBytes(report.bytes_after) / cp_after);
    Note("compact_moved", "sheaf", "MB/s",
         MegaBytes(report.pages_moved * 4096) / compact);
  }

  static std::vector<Document> ReadDocuments(const std::string& path) {
    std::vector<Document> documents;
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);)
      documents.push_back({nlohmann::json::parse(line).at("id"), line});
    return documents;
  }

  void MeasureDocuments() {
    if (documents_.empty()) documents_ = ReadDocuments(s_.documents);
    Note("document_bytes", "sqlite", "bytes", SqliteBytes());
    for (const Kind& kind : kKinds) {
      const std::string path = Path("documents.sheaf");
      std::filesystem::remove(path);
      auto db = Take(Database::Open(path));
      const double load = SecondsOf([&] { LoadDocuments(db.get(), kind.compression); });
      Note("document_load", kind.name, "documents/s",
           static_cast<double>(documents_.size()) / load);
      Note("document_read", kind.name, "reads/s", DocumentReads(db.get()));
      Check(db->Close());
      Note("document_bytes", kind.name, "bytes",
           static_cast<double>(std::filesystem::file_size(path)));
    }
  }

  void LoadDocuments(Database* db, const Compression& compression) {
    for (size_t at = 0; at < documents_.size();) {
      Check(db->Write(
          [&](WriteTransaction& txn) -> absl::Status {
            SHEAF_ASSIGN_OR_RETURN(
                Collection c, txn.collection("documents", {.compression = compression}));
            for (int i = 0; i < 1000 && at < documents_.size(); ++i, ++at)
              SHEAF_RETURN_IF_ERROR(c.Put(documents_[at].id, documents_[at].json));
            return absl::OkStatus();
          },
          {.durability = Durability::kProcess}));
    }
    Check(db->Checkpoint());
  }

  double DocumentReads(Database* db) {
    std::mt19937_64 random(3);
    uint64_t reads = 0;
    const ReadTransaction read = db->BeginRead();
    const CollectionReader c = Take(read.collection("documents"));
    const auto one = [&] {
      const Document& d = documents_[random() % documents_.size()];
      if (Take(c.Get(d.id)).size() > d.json.size()) exit(1);
    };
    for (int i = 0; i < 20'000; ++i) one();
    const absl::Time end = absl::Now() + absl::Seconds(1);
    const double seconds = SecondsOf([&] {
      while (absl::Now() < end)
        for (int i = 0; i < 1000; ++i, ++reads) one();
    });
    return static_cast<double>(reads) / seconds;
  }

  double SqliteBytes() {
    const std::string path = Path("documents.sqlite");
    std::filesystem::remove(path);
    sqlite3* db = nullptr;
    sqlite3_stmt* insert = nullptr;
    const auto run = [&](const char* sql) {
      if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK) exit(1);
    };
    if (sqlite3_open(path.c_str(), &db) != SQLITE_OK) exit(1);
    run("CREATE TABLE documents (id TEXT PRIMARY KEY, json TEXT) WITHOUT ROWID; BEGIN");
    sqlite3_prepare_v2(db, "INSERT INTO documents VALUES (?, ?)", -1, &insert, nullptr);
    for (const Document& d : documents_) {
      sqlite3_bind_text(insert, 1, d.id.data(), static_cast<int>(d.id.size()), nullptr);
      sqlite3_bind_text(insert, 2, d.json.data(), static_cast<int>(d.json.size()),
                        nullptr);
      if (sqlite3_step(insert) != SQLITE_DONE) exit(1);
      sqlite3_reset(insert);
    }
    sqlite3_finalize(insert);
    run("COMMIT; VACUUM");
    sqlite3_close(db);
    return static_cast<double>(std::filesystem::file_size(path));
  }

  static double Median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
  }

  void Report() {
    struct Row {
      const char* workload;
      const char* of;
      const char* to;
      double bar;
    };
    constexpr Row kRows[] = {{"point_read_cached", "encrypted", "plain", 1.0},
                             {"load_random", "encrypted", "plain", 0.7},
                             {"scan_from_file", "encrypted", "plain", 0.7},
                             {"point_read_from_file", "encrypted", "plain", 0},
                             {"backup", "sheaf", "cp", 0.7},
                             {"backup_encrypted", "sheaf", "cp", 0.7},
                             {"compact", "sheaf", "cp", 0.7},
                             {"compact_moved", "sheaf", "cp", 0},
                             {"document_bytes", "uncompressed", "sqlite", 0},
                             {"document_bytes", "lz4", "sqlite", 0},
                             {"document_bytes", "zstd", "sqlite", 0},
                             {"document_bytes", "lz4_dictionary", "sqlite", 0.5},
                             {"document_bytes", "zstd_dictionary", "sqlite", 0.5},
                             {"document_read", "lz4", "uncompressed", 0},
                             {"document_read", "zstd", "uncompressed", 0},
                             {"document_read", "lz4_dictionary", "uncompressed", 0.6},
                             {"document_read", "zstd_dictionary", "uncompressed", 0.6},
                             {"document_load", "lz4_dictionary", "uncompressed", 0},
                             {"document_load", "zstd_dictionary", "uncompressed", 0}};
    printf(
        "| workload | unit | measured | against | ratio | bar "
        "|\n|---|---|---|---|---|---|\n");
    for (const Row& row : kRows) {
      if (!values_.contains(row.workload)) continue;
      const double a = Median(values_[row.workload][row.of]);
      const double b = Median(values_[row.workload][row.to]);
      printf("| %s | %s | %s %.4g | %s %.4g | %.2f | %s |\n", row.workload,
             units_[row.workload].c_str(), row.of, a, row.to, b, a / b,
             row.bar > 0 ? absl::StrCat(row.bar).c_str() : "");
    }
    if (s_.json.empty()) return;
    nlohmann::json rows = nlohmann::json::array();
    for (const auto& [workload, engines] : values_)
      for (const auto& [engine, values] : engines)
        rows.push_back({{"workload", workload},
                        {"engine", engine},
                        {"value", Median(values)},
                        {"unit", units_[workload]},
                        {"repeats", values.size()}});
    std::ofstream(s_.json) << rows.dump(1) << "\n";
  }

  const Settings s_;
  std::vector<Document> documents_;
  std::map<std::string, std::map<std::string, std::vector<double>>> values_;
  std::map<std::string, std::string> units_;
};

int Main(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    const size_t equals = arg.find('=');
    const std::string_view name = arg.substr(0, equals);
    const std::string value(equals == arg.npos ? "" : arg.substr(equals + 1));
    if (name == "--n" && absl::SimpleAtoi(value, &settings.n)) continue;
    if (name == "--repeats" && absl::SimpleAtoi(value, &settings.repeats)) continue;
    if (name == "--dir")
      settings.dir = value;
    else if (name == "--json")
      settings.json = value;
    else if (name == "--documents")
      settings.documents = value;
    else {
      fprintf(stderr,
              "usage: sheaf_keeping_bench [--n=N] [--repeats=N] [--dir=PATH] "
              "[--json=FILE] [--documents=FILE]\n");
      return 2;
    }
  }
  Runner(settings).Run();
  return 0;
}

}  // namespace
}  // namespace sheaf::bench

int main(int argc, char** argv) { return sheaf::bench::Main(argc, argv); }
