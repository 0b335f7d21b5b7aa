// sheaf_blobs_bench: blobs beside plain files, SQLite's incremental blobs, LMDB and RocksDB.
//
// One process; what is measured goes round the engines in turn, each repeat beginning with
// another, after what the one before left unwritten was written; a figure is the median of
// the repeats. Writes are durable when they return: a file by fsync (its name is not synced,
// which Sheaf's blobs do not need either), SQLite with WAL and synchronous=FULL, LMDB and
// RocksDB with sync. Reads are warm.
//   write, read    one blob in pieces of 64 KiB; Sheaf verifies checksums
//   range          4 KiB anywhere in a blob of 64 MiB
//   put, get 4k    blobs of 4 KiB, in transactions of 100; one after the other, at random
//   memory         the most memory beyond the cache's budget while a huge blob streams in
//                  and out
#include <fcntl.h>
#include <lmdb.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <sheaf/sheaf.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace sheaf::bench {
namespace {

constexpr size_t kPiece = 64 << 10, kRange = 4 << 10, kSmall = 4 << 10;

struct Settings {
  uint64_t repeats = 7;
  uint64_t huge_mib = 1024;
  std::string dir = "/tmp/sheaf-blobs-bench", json;
};

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "sheaf_blobs_bench: %s\n", what.c_str());
  std::exit(1);
}
void Check(bool fine, const std::string& what) {
  if (!fine) Fail(what);
}
void Check(const absl::Status& status) { Check(status.ok(), status.ToString()); }
void Check(const rocksdb::Status& status) { Check(status.ok(), status.ToString()); }
template <class T>
T Take(absl::StatusOr<T> value) {
  Check(value.status());
  return *std::move(value);
}

double Now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

class Engine {
 public:
  virtual ~Engine() = default;
  virtual const char* name() const = 0;
  virtual void Open(const std::string& dir) = 0;
  // Large blobs. False: it does not do them.
  virtual bool Write(int, std::string_view) { return false; }
  virtual uint64_t Read(int, absl::Span<char>) { return 0; }
  virtual void OpenRanges(int) {}
  virtual void Range(uint64_t, absl::Span<char>) {}
  virtual void CloseRanges() {}
  // Small ones: `count` from `first` on in one transaction.
  virtual bool PutSmall(int, int, std::string_view) { return false; }
  virtual void BeginGets() {}
  virtual void GetSmall(int, absl::Span<char>) {}
  virtual void EndGets() {}
};

class Sheaf final : public Engine {
 public:
  const char* name() const override { return "sheaf"; }
  void Open(const std::string& dir) override {
    db_ = Take(Database::Open(dir + "/b.sheaf"));
  }
  bool Write(int id, std::string_view bytes) override {
    Check(db_->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(BlobStore store, txn.blobs("large"));
      SHEAF_ASSIGN_OR_RETURN(BlobWriter writer, store.NewWriter(id));
      for (size_t at = 0; at < bytes.size(); at += kPiece)
        SHEAF_RETURN_IF_ERROR(writer.Append(bytes.substr(at, kPiece)));
      return writer.Finish();
    }));
    return true;
  }
  uint64_t Read(int id, absl::Span<char> piece) override {
    const ReadTransaction read = db_->BeginRead();
    BlobReader reader = Take(Take(read.blobs("large")).Open(id));
    uint64_t all = 0;
    while (const uint64_t n = Take(reader.Read(piece))) all += n;
    return all;
  }
  void OpenRanges(int id) override {
    read_.emplace(db_->BeginRead());
    reader_.emplace(Take(Take(read_->blobs("large")).Open(id)));
  }
  void Range(uint64_t offset, absl::Span<char> out) override {
    Check(Take(reader_->ReadAt(offset, out)) == out.size(), "a short range");
  }
  void CloseRanges() override {
    reader_.reset();
    read_.reset();
  }
  bool PutSmall(int first, int count, std::string_view bytes) override {
    Check(db_->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(BlobStore store, txn.blobs("small"));
      for (int i = 0; i < count; ++i) SHEAF_RETURN_IF_ERROR(store.Put(first + i, bytes));
      return absl::OkStatus();
    }));
    return true;
  }
  void BeginGets() override {
    read_.emplace(db_->BeginRead());
    store_.emplace(Take(read_->blobs("small")));
  }
  void GetSmall(int id, absl::Span<char> out) override {
    Check(Take(store_->ReadRange(id, 0, out)) == out.size(), "a short blob");
  }
  void EndGets() override {
    store_.reset();
    read_.reset();
  }

 private:
  std::unique_ptr<Database> db_;
  std::optional<ReadTransaction> read_;
  std::optional<BlobStoreReader> store_;
  std::optional<BlobReader> reader_;
};

class Files final : public Engine {
 public:
  const char* name() const override { return "files"; }
  void Open(const std::string& dir) override { dir_ = dir; }
  bool Write(int id, std::string_view bytes) override {
    const int file = open(PathOf(id).c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    Check(file >= 0, "open");
    for (size_t at = 0; at < bytes.size(); at += kPiece) {
      const std::string_view piece = bytes.substr(at, kPiece);
      Check(write(file, piece.data(), piece.size()) == static_cast<ssize_t>(piece.size()),
            "write");
    }
    Check(fsync(file) == 0, "fsync");
    close(file);
    return true;
  }
  uint64_t Read(int id, absl::Span<char> piece) override {
    const int file = open(PathOf(id).c_str(), O_RDONLY);
    uint64_t all = 0;
    for (ssize_t n; (n = read(file, piece.data(), piece.size())) > 0;)
      all += static_cast<uint64_t>(n);
    close(file);
    return all;
  }
  void OpenRanges(int id) override { ranges_ = open(PathOf(id).c_str(), O_RDONLY); }
  void Range(uint64_t offset, absl::Span<char> out) override {
    Check(pread(ranges_, out.data(), out.size(), static_cast<off_t>(offset)) ==
              static_cast<ssize_t>(out.size()),
          "pread");
  }
  void CloseRanges() override { close(ranges_); }

 private:
  std::string PathOf(int id) const { return absl::StrCat(dir_, "/", id); }
  std::string dir_;
  int ranges_ = -1;
};

class Sqlite final : public Engine {
 public:
  ~Sqlite() override {
    for (sqlite3_stmt* statement : {insert_, select_, begin_, commit_})
      sqlite3_finalize(statement);
    sqlite3_close(db_);
  }
  const char* name() const override { return "sqlite"; }
  void Open(const std::string& dir) override {
    Do(sqlite3_open((dir + "/b.db").c_str(), &db_));
    for (const char* sql :
         {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL",
          "PRAGMA cache_size=-262144", "CREATE TABLE b(id INTEGER PRIMARY KEY, v BLOB)",
          "CREATE TABLE s(id INTEGER PRIMARY KEY, v BLOB)"})
      Do(sqlite3_exec(db_, sql, nullptr, nullptr, nullptr));
    insert_ = Prepare("INSERT INTO s VALUES(?, ?)");
    select_ = Prepare("SELECT v FROM s WHERE id = ?");
    begin_ = Prepare("BEGIN IMMEDIATE");
    commit_ = Prepare("COMMIT");
  }
  bool Write(int id, std::string_view bytes) override {
    Step(begin_);
    sqlite3_stmt* const insert =
        Prepare("INSERT OR REPLACE INTO b VALUES(?, zeroblob(?))");
    sqlite3_bind_int(insert, 1, id);
    sqlite3_bind_int64(insert, 2, static_cast<int64_t>(bytes.size()));
    Step(insert);
    sqlite3_finalize(insert);
    sqlite3_blob* const blob = OpenBlob(id, 1);
    for (size_t at = 0; at < bytes.size(); at += kPiece) {
      const std::string_view piece = bytes.substr(at, kPiece);
      Do(sqlite3_blob_write(blob, piece.data(), static_cast<int>(piece.size()),
                            static_cast<int>(at)));
    }
    Do(sqlite3_blob_close(blob));
    Step(commit_);
    return true;
  }
  uint64_t Read(int id, absl::Span<char> piece) override {
    sqlite3_blob* const blob = OpenBlob(id, 0);
    const int size = sqlite3_blob_bytes(blob);
    for (int at = 0; at < size; at += static_cast<int>(piece.size()))
      Do(sqlite3_blob_read(blob, piece.data(),
                           std::min<int>(size - at, static_cast<int>(piece.size())), at));
    Do(sqlite3_blob_close(blob));
    return static_cast<uint64_t>(size);
  }
  void OpenRanges(int id) override { ranges_ = OpenBlob(id, 0); }
  void Range(uint64_t offset, absl::Span<char> out) override {
    Do(sqlite3_blob_read(ranges_, out.data(), static_cast<int>(out.size()),
                         static_cast<int>(offset)));
  }
  void CloseRanges() override { Do(sqlite3_blob_close(ranges_)); }
  bool PutSmall(int first, int count, std::string_view bytes) override {
    Step(begin_);
    for (int i = 0; i < count; ++i) {
      sqlite3_bind_int(insert_, 1, first + i);
      sqlite3_bind_blob(insert_, 2, bytes.data(), static_cast<int>(bytes.size()),
                        SQLITE_STATIC);
      Step(insert_);
    }
    Step(commit_);
    return true;
  }
  void BeginGets() override { Do(sqlite3_exec(db_, "BEGIN", nullptr, nullptr, nullptr)); }
  void GetSmall(int id, absl::Span<char> out) override {
    sqlite3_bind_int(select_, 1, id);
    Check(sqlite3_step(select_) == SQLITE_ROW, "no such row");
    std::copy_n(static_cast<const char*>(sqlite3_column_blob(select_, 0)), out.size(),
                out.data());
    sqlite3_reset(select_);
  }
  void EndGets() override { Step(commit_); }

 private:
  void Do(int result) { Check(result == SQLITE_OK, sqlite3_errmsg(db_)); }
  void Step(sqlite3_stmt* statement) {
    Check(sqlite3_step(statement) == SQLITE_DONE, sqlite3_errmsg(db_));
    sqlite3_reset(statement);
  }
  sqlite3_stmt* Prepare(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    Do(sqlite3_prepare_v2(db_, sql, -1, &statement, nullptr));
    return statement;
  }
  sqlite3_blob* OpenBlob(int id, int write) {
    sqlite3_blob* blob = nullptr;
    Do(sqlite3_blob_open(db_, "main", "b", "v", id, write, &blob));
    return blob;
  }
  sqlite3* db_ = nullptr;
  sqlite3_stmt *insert_ = nullptr, *select_ = nullptr, *begin_ = nullptr,
               *commit_ = nullptr;
  sqlite3_blob* ranges_ = nullptr;
};

class Lmdb final : public Engine {
 public:
  ~Lmdb() override {
    if (env_ != nullptr) mdb_env_close(env_);
  }
  const char* name() const override { return "lmdb"; }
  void Open(const std::string& dir) override {
    Do(mdb_env_create(&env_));
    Do(mdb_env_set_mapsize(env_, size_t{16} << 30));
    Do(mdb_env_open(env_, dir.c_str(), 0, 0644));
    MDB_txn* txn = nullptr;
    Do(mdb_txn_begin(env_, nullptr, 0, &txn));
    Do(mdb_dbi_open(txn, nullptr, MDB_INTEGERKEY, &dbi_));
    Do(mdb_txn_commit(txn));
  }
  bool PutSmall(int first, int count, std::string_view bytes) override {
    MDB_txn* txn = nullptr;
    Do(mdb_txn_begin(env_, nullptr, 0, &txn));
    for (uint32_t id = static_cast<uint32_t>(first); count-- > 0; ++id) {
      MDB_val key{sizeof id, &id};
      MDB_val value{bytes.size(), const_cast<char*>(bytes.data())};
      Do(mdb_put(txn, dbi_, &key, &value, 0));
    }
    Do(mdb_txn_commit(txn));
    return true;
  }
  void BeginGets() override { Do(mdb_txn_begin(env_, nullptr, MDB_RDONLY, &read_)); }
  void GetSmall(int number, absl::Span<char> out) override {
    uint32_t id = static_cast<uint32_t>(number);
    MDB_val key{sizeof id, &id}, value;
    Do(mdb_get(read_, dbi_, &key, &value));
    std::copy_n(static_cast<const char*>(value.mv_data), out.size(), out.data());
  }
  void EndGets() override { mdb_txn_abort(read_); }

 private:
  void Do(int result) { Check(result == 0, mdb_strerror(result)); }
  MDB_env* env_ = nullptr;
  MDB_dbi dbi_ = 0;
  MDB_txn* read_ = nullptr;
};

// With the options of bench/rocksdb_engine.cc, which says why, but that values of 4 KiB go
// to blob files where that is quicker.
class RocksDb final : public Engine {
 public:
  explicit RocksDb(bool blob_files) : blob_files_(blob_files) {}
  const char* name() const override { return blob_files_ ? "rocksdb blob" : "rocksdb"; }
  void Open(const std::string& dir) override {
    rocksdb::BlockBasedTableOptions table;
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    table.block_size = 16 << 10;
    table.block_cache = rocksdb::NewLRUCache(256 << 20);
    rocksdb::Options options;
    options.create_if_missing = true;
    options.compression = rocksdb::kNoCompression;
    options.max_background_jobs = 2;
    options.enable_blob_files = blob_files_;
    options.min_blob_size = 1024;
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    rocksdb::DB* db = nullptr;
    Check(rocksdb::DB::Open(options, dir, &db));
    db_.reset(db);
  }
  bool PutSmall(int first, int count, std::string_view bytes) override {
    rocksdb::WriteBatch batch;
    for (int i = 0; i < count; ++i)
      Check(batch.Put(KeyOf(first + i), rocksdb::Slice(bytes.data(), bytes.size())));
    rocksdb::WriteOptions options;
    options.sync = true;
    Check(db_->Write(options, &batch));
    return true;
  }
  void GetSmall(int id, absl::Span<char> out) override {
    Check(
        db_->Get(rocksdb::ReadOptions(), db_->DefaultColumnFamily(), KeyOf(id), &value_));
    std::copy_n(value_.data(), out.size(), out.data());
    value_.Reset();
  }

 private:
  static std::string KeyOf(int id) { return absl::StrFormat("%08d", id); }
  const bool blob_files_;
  std::unique_ptr<rocksdb::DB> db_;
  rocksdb::PinnableSlice value_;
};

// --- The measurements -----------------------------------------------------------

class Run {
 public:
  explicit Run(const Settings& settings) : settings_(settings) {}

  void All() {
    Memory();
    engines_.push_back(std::make_unique<Sheaf>());
    engines_.push_back(std::make_unique<Files>());
    engines_.push_back(std::make_unique<Sqlite>());
    engines_.push_back(std::make_unique<Lmdb>());
    engines_.push_back(std::make_unique<RocksDb>(false));
    engines_.push_back(std::make_unique<RocksDb>(true));
    for (size_t i = 0; i < engines_.size(); ++i) {
      const std::string dir = absl::StrCat(settings_.dir, "/", i);
      std::filesystem::create_directories(dir);
      engines_[i]->Open(dir);
    }
    // One kind after the other: none pays for what another left to be written.
    for (uint64_t r = 0; r < settings_.repeats; ++r) Small(static_cast<int>(r));
    for (uint64_t r = 0; r < settings_.repeats; ++r) Large(r, 1, 8);
    for (uint64_t r = 0; r < settings_.repeats; ++r) Large(r, 64, 1);
  }
  void Print() const {
    std::printf("%-16s %12s", "", "sheaf");
    for (size_t i = 1; i < engines_.size(); ++i)
      std::printf(" %18s", engines_[i]->name());
    std::printf("\n");
    for (const auto& [row, by_engine] : figures_) {
      const double ours = Median(by_engine.at("sheaf"));
      std::printf("%-16s %12.1f", row.c_str(), ours);
      for (size_t i = 1; i < engines_.size(); ++i) {
        const auto it = by_engine.find(engines_[i]->name());
        if (it == by_engine.end()) {
          std::printf(" %18s", "-");
          continue;
        }
        const double theirs = Median(it->second);
        std::printf(" %10.1f (%5.2f)", theirs, ours / theirs);
      }
      std::printf("\n");
    }
    std::printf("MiB/s, of ranges, puts and gets thousands a second; (sheaf / peer)\n");
    std::printf("memory beyond the cache's budget, %llu MiB streamed: %.1f MiB\n",
                static_cast<unsigned long long>(settings_.huge_mib), memory_mib_);
  }
  void WriteJson() const {
    nlohmann::json json = {{"memory_mib", memory_mib_}, {"huge_mib", settings_.huge_mib}};
    for (const auto& [row, by_engine] : figures_)
      for (const auto& [engine, figures] : by_engine)
        json["rows"][row][engine] = Median(figures);
    std::ofstream(settings_.json) << json.dump(1) << "\n";
  }

 private:
  static double Median(std::vector<double> figures) {
    std::sort(figures.begin(), figures.end());
    return figures[figures.size() / 2];
  }
  void Add(const std::string& row, const Engine& engine, double figure) {
    figures_[row][engine.name()].push_back(figure);
  }
  static uint64_t PeakBytes() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
      absl::string_view rest = line;
      uint64_t kib = 0;
      if (absl::ConsumePrefix(&rest, "VmHWM:") && absl::ConsumeSuffix(&rest, "kB") &&
          absl::SimpleAtoi(rest, &kib))
        return kib << 10;
    }
    return 0;
  }

  // Before anything else has taken memory.
  void Memory() {
    if (settings_.huge_mib == 0) return;
    const std::string dir = settings_.dir + "/huge";
    std::filesystem::create_directories(dir);
    Options options;
    options.cache_bytes_max = 64 << 20;
    std::string piece(kPiece, 'p');
    {
      const auto db = Take(Database::Open(dir + "/h.sheaf", options));
      const uint64_t before = PeakBytes();
      Check(db->Write([&](WriteTransaction& txn) -> absl::Status {
        SHEAF_ASSIGN_OR_RETURN(BlobStore store, txn.blobs("b"));
        SHEAF_ASSIGN_OR_RETURN(BlobWriter writer, store.NewWriter("huge"));
        for (uint64_t i = 0; i < settings_.huge_mib * 16; ++i) {
          std::copy_n(reinterpret_cast<const char*>(&i), sizeof i, piece.data());
          SHEAF_RETURN_IF_ERROR(writer.Append(piece));
        }
        return writer.Finish();
      }));
      const ReadTransaction read = db->BeginRead();
      BlobReader reader = Take(Take(read.blobs("b")).Open("huge"));
      uint64_t n = 0;
      while (Take(reader.Read(absl::MakeSpan(piece))) > 0) {
        Check(std::equal(piece.data(), piece.data() + sizeof n,
                         reinterpret_cast<const char*>(&n)),
              "other bytes");
        ++n;
      }
      Check(n == settings_.huge_mib * 16, "not all of it");
      const double more = static_cast<double>(PeakBytes() - before);
      memory_mib_ = (more - static_cast<double>(options.cache_bytes_max)) / (1 << 20);
    }
    std::filesystem::remove_all(dir);
  }

  Engine* Turn(uint64_t repeat, size_t turn) {
    sync();
    return engines_[(repeat + turn) % engines_.size()].get();
  }

  void Large(uint64_t repeat, uint64_t mib, int count) {
    std::string bytes(mib << 20, '\0');
    std::mt19937_64 random(repeat);
    for (size_t at = 0; at < bytes.size(); at += 8) {
      const uint64_t word = random();
      std::copy_n(reinterpret_cast<const char*>(&word), 8, bytes.data() + at);
    }
    std::vector<char> piece(kPiece);
    const double mibs = static_cast<double>(mib) * count;
    for (size_t turn = 0; turn < engines_.size(); ++turn) {
      Engine* const engine = Turn(repeat, turn);
      const int first = static_cast<int>(mib * 1000);
      double begin = Now();
      bool does = true;
      for (int i = 0; i < count && does; ++i) does = engine->Write(first + i, bytes);
      if (!does) continue;
      Add(absl::StrCat("write ", mib, " MiB"), *engine, mibs / (Now() - begin));
      // Twice: warm.
      for (int pass = 0; pass < 2; ++pass) {
        begin = Now();
        for (int i = 0; i < count; ++i)
          Check(engine->Read(first + i, absl::MakeSpan(piece)) == bytes.size(), "short");
        if (pass == 1)
          Add(absl::StrCat("read ", mib, " MiB"), *engine, mibs / (Now() - begin));
      }
      if (mib < 64) continue;
      engine->OpenRanges(first);
      for (const int ranges : {60'000, 20'000}) {  // warm after the first
        begin = Now();
        for (int i = 0; i < ranges; ++i)
          engine->Range(random() % (bytes.size() - kRange),
                        absl::MakeSpan(piece.data(), kRange));
        if (ranges == 20'000)
          Add("range 4 KiB", *engine, ranges / (Now() - begin) / 1000);
      }
      engine->CloseRanges();
    }
  }

  void Small(int repeat) {
    constexpr int kBatch = 100, kBatches = 20, kGets = 20'000;
    const std::string bytes(kSmall, static_cast<char>('a' + repeat));
    std::vector<char> out(kSmall);
    for (size_t turn = 0; turn < engines_.size(); ++turn) {
      Engine* const engine = Turn(static_cast<uint64_t>(repeat), turn);
      double begin = Now();
      bool does = true;
      for (int i = 0; i < kBatches && does; ++i)
        does = engine->PutSmall((repeat * kBatches + i) * kBatch, kBatch, bytes);
      if (!does) continue;
      Add("put 4 KiB", *engine, kBatch * kBatches / (Now() - begin) / 1000);
      std::mt19937_64 random(static_cast<uint64_t>(repeat));
      const auto blobs = static_cast<uint64_t>((repeat + 1) * kBatches * kBatch);
      engine->BeginGets();
      begin = Now();
      for (int i = 0; i < kGets; ++i)
        engine->GetSmall(static_cast<int>(random() % blobs), absl::MakeSpan(out));
      Add("get 4 KiB", *engine, kGets / (Now() - begin) / 1000);
      engine->EndGets();
    }
  }

  const Settings settings_;
  std::vector<std::unique_ptr<Engine>> engines_;
  std::map<std::string, std::map<std::string, std::vector<double>>> figures_;
  double memory_mib_ = 0;
};

int Main(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    absl::string_view argument = argv[i];
    if (absl::ConsumePrefix(&argument, "--repeats=")) {
      Check(absl::SimpleAtoi(argument, &settings.repeats) && settings.repeats > 0,
            "--repeats");
    } else if (absl::ConsumePrefix(&argument, "--huge-mib=")) {
      Check(absl::SimpleAtoi(argument, &settings.huge_mib), "--huge-mib");
    } else if (absl::ConsumePrefix(&argument, "--dir=")) {
      settings.dir = std::string(argument);
    } else if (absl::ConsumePrefix(&argument, "--json=")) {
      settings.json = std::string(argument);
    } else {
      Fail(
          "usage: sheaf_blobs_bench [--repeats=N] [--huge-mib=N] [--dir=DIR] "
          "[--json=FILE]");
    }
  }
  std::filesystem::remove_all(settings.dir);
  Run run(settings);
  run.All();
  run.Print();
  if (!settings.json.empty()) run.WriteJson();
  std::filesystem::remove_all(settings.dir);
  return 0;
}

}  // namespace
}  // namespace sheaf::bench

int main(int argc, char** argv) { return sheaf::bench::Main(argc, argv); }
