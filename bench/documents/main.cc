// sheaf_documents_bench: documents beside SQLite with its JSON functions, in one run,
// interleaved; medians and ratios (above 1: Sheaf is quicker, or smaller).
//
//   sheaf_documents_bench [--n=1000000] [--repeats=3] [--dir=PATH] [--json=FILE]
//                         [--documents=FILE] [--only=WORKLOAD]
//
// Orders are generated: about 260 bytes of JSON with a nested customer, seeded. SQLite has
// them as text in a table by integer key, prepared statements, expression indexes on
// json_extract, WAL with synchronous=NORMAL, a cache of the same size and memory-mapped
// reading; it is not asked to check the JSON it stores, and gets the lines cut. Sheaf imports
// the text with the two threads of ImportJsonLines, and commits with kProcess, which
// promises the same. Both write 1,000 documents a transaction. Rows are read to their end.
//
// get_…_together is of 16 documents by key in one call; SQLite's has 16 parameters in an IN.
//
// `documents` are JSON Lines with a text `id` each (WordNet): import and bytes on disk.
#include <sheaf/sheaf.h>
#include <stdio.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <sqlite3.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"

namespace sheaf::bench {
namespace {

struct Settings {
  uint64_t n = 1'000'000;
  int repeats = 3;
  std::string dir = "documents-bench", json, documents, only;
};

constexpr uint64_t kBatch = 1000;
constexpr size_t kTogether = 16;  // documents of one call
constexpr uint64_t kCacheBytes = 512 << 20;
constexpr const char* kIndexes[] = {
    R"({"name": "number", "fields": {"number": 1}, "unique": true})",
    R"({"name": "customer", "fields": {"customer.id": 1, "day": -1}})",
    R"({"name": "total", "fields": {"total": 1}})"};
constexpr const char* kSqlIndexes[] = {
    "CREATE UNIQUE INDEX number ON d(json_extract(doc,'$.number'))",
    "CREATE INDEX customer ON d(json_extract(doc,'$.customer.id'),"
    "json_extract(doc,'$.day') DESC)",
    "CREATE INDEX total ON d(json_extract(doc,'$.total'))"};

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

uint64_t Mix(uint64_t x) {
  x *= 0x9e3779b97f4a7c15;
  x ^= x >> 29, x *= 0xbf58476d1ce4e5b9, x ^= x >> 32;
  return x;
}

std::string NumberOf(uint64_t i) {  // each once
  return absl::StrFormat("O-%09u", (i * 48'271 + 11) % 100'000'007);
}

std::string Order(uint64_t i) {
  static constexpr const char* kCities[] = {"Wien", "Prag", "Bern",  "Paris", "Lissabon",
                                            "Oslo", "Rom",  "Kyoto", "Lima",  "Boston"};
  const uint64_t r = Mix(i);
  return absl::StrFormat(
      R"({"number":"%s","customer":{"id":%u,"name":"customer %u","city":"%s","score":%u},)"
      R"("day":%u,"total":%u.%02u,"paid":%s,"lines":[{"sku":"S%05u","count":%u,"price":%u.5},)"
      R"({"sku":"S%05u","count":%u,"price":%u.25}]})",
      NumberOf(i), r % 10'000, r % 10'000, kCities[r % 10], r / 10 % 1000,
      18'000 + r / 100 % 3000, r / 7 % 900, r % 90 + 10, r % 3 == 0 ? "true" : "false",
      r % 30'000, r % 9 + 1, r / 3 % 100, r / 5 % 30'000, r / 11 % 5 + 1, r / 13 % 80);
}
struct Orders {
  std::vector<std::string> lines;
  std::string text;  // the same
};

// --- The two ------------------------------------------------------------------------

class Store {
 public:
  virtual ~Store() = default;
  virtual void Insert(const Orders& orders) = 0;  // keys from 1
  virtual uint64_t GetJson(uint64_t key) = 0;     // bytes
  virtual uint64_t GetField(uint64_t key) = 0;    // bytes of a nested text
  // Documents; of each its JSON, or the nested text.
  virtual uint64_t GetTogether(const std::vector<int64_t>& keys, bool json) = 0;
  virtual uint64_t FindUnique(const std::string& number) = 0;  // bytes of its JSON
  // Rows, at most 100: of each its JSON, or one number out of it.
  virtual uint64_t FindRange(uint64_t customer, uint64_t day, bool json) = 0;
  virtual uint64_t ScanFilter(uint64_t score) = 0;  // rows
  virtual double Group() = 0;                       // a checksum
  virtual void Checkpoint() = 0;
};

class SheafStore : public Store {
 public:
  SheafStore(const std::string& path, bool indexed, const Compression& compression = {}) {
    Options options;
    options.cache_bytes_max = kCacheBytes;
    options.durability = Durability::kProcess;
    options.compression = compression;
    db_ = Take(Database::Open(path, options));
    Check(db_->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(Collection c, txn.collection("d"));
      if (!indexed) return absl::OkStatus();
      for (const char* json : kIndexes)
        SHEAF_RETURN_IF_ERROR(c.CreateIndex(Take(IndexDefinition::Parse(json))));
      return absl::OkStatus();
    }));
  }
  void Insert(const Orders& orders) override {
    std::istringstream in(orders.text);
    ImportOptions options;
    options.documents_a_commit = kBatch;
    ImportCounts counts;
    Check(ImportJsonLines(db_.get(), "d", in, options, &counts));
  }
  void Read() {
    read_.emplace(db_->BeginRead());
    c_ = Take(read_->collection("d"));
  }
  uint64_t GetJson(uint64_t key) override {
    return Take(c_.Get(static_cast<int64_t>(key))).size();
  }
  uint64_t GetField(uint64_t key) override {
    uint64_t size = 0;
    Take(c_.Visit(static_cast<int64_t>(key), [&](const DocumentView& d) {
      size = FindPath(d, "customer.city")->string_value().size();
    }));
    return size;
  }
  uint64_t GetTogether(const std::vector<int64_t>& keys, bool json) override {
    const std::vector<DocumentKey> wanted(keys.begin(), keys.end());
    uint64_t documents = 0;
    Check(c_.VisitMany(wanted, [&](size_t, const DocumentView& d) {
      documents += json ? Take(ToJson(d)).size() > 0
                        : FindPath(d, "customer.city")->string_value().size() > 0;
    }));
    return documents;
  }
  uint64_t FindUnique(const std::string& number) override {
    uint64_t size = 0;
    Take(c_.VisitUnique("number", {number},
                        [&](const DocumentKey&, const DocumentView& d) {
                          size = Take(ToJson(d)).size();
                        }));
    return size;
  }
  uint64_t FindRange(uint64_t customer, uint64_t day, bool json) override {
    QueryOptions options;
    options.limit = 100;
    DocumentCursor cursor =
        Take(c_.Query(Where("customer.id") == customer && Where("day") >= day, options));
    uint64_t rows = 0;
    while (cursor.Next())
      rows += json ? Take(cursor.Json()).size() > 0
                   : FindPath(cursor.document(), "total")->double_value() > 0;
    Check(cursor.status());
    return rows;
  }
  uint64_t ScanFilter(uint64_t score) override {
    return Take(c_.Count(Where("customer.score") > score));
  }
  double Group() override {
    double sum = 0;
    Check(c_.Group(
        R"({"_id": "$customer.city", "sum": {"$sum": "$total"}})", "{}",
        [&](const DocumentView& row) { sum += row.Field("sum")->double_value(); }));
    return sum;
  }
  void Checkpoint() override { Check(db_->Checkpoint()); }

 private:
  std::unique_ptr<Database> db_;
  std::optional<ReadTransaction> read_;
  CollectionReader c_;
};

class SqliteStore : public Store {
 public:
  SqliteStore(const std::string& path, bool indexed, const char* key = "INTEGER") {
    Must(sqlite3_open(path.c_str(), &db_));
    Run("PRAGMA journal_mode=WAL");
    Run("PRAGMA synchronous=NORMAL");
    Run(absl::StrCat("PRAGMA cache_size=-", kCacheBytes / 1024));
    Run("PRAGMA mmap_size=4294967296");
    Run(absl::StrCat("CREATE TABLE d(id ", key, " PRIMARY KEY, doc TEXT)",
                     key[0] == 'T' ? " WITHOUT ROWID" : ""));
    if (indexed)
      for (const char* sql : kSqlIndexes) Run(sql);
    insert_ = Prepare("INSERT INTO d VALUES(?,?)");
    get_ = Prepare("SELECT doc FROM d WHERE id=?");
    field_ = Prepare("SELECT json_extract(doc,'$.customer.city') FROM d WHERE id=?");
    const std::string several = absl::StrCat(
        " FROM d WHERE id IN (?",
        absl::StrJoin(std::vector<std::string>(kTogether - 1, ",?"), ""), ")");
    together_ = Prepare("SELECT doc" + several);
    fields_ = Prepare("SELECT json_extract(doc,'$.customer.city')" + several);
    unique_ = Prepare("SELECT doc FROM d WHERE json_extract(doc,'$.number')=?");
    range_total_ = Prepare(
        "SELECT json_extract(doc,'$.total') FROM d WHERE "
        "json_extract(doc,'$.customer.id')=? AND json_extract(doc,'$.day')>=? LIMIT 100");
    range_ = Prepare(
        "SELECT doc FROM d WHERE json_extract(doc,'$.customer.id')=? AND "
        "json_extract(doc,'$.day')>=? LIMIT 100");
    scan_ =
        Prepare("SELECT count(*) FROM d WHERE json_extract(doc,'$.customer.score')>?");
    group_ = Prepare(
        "SELECT json_extract(doc,'$.customer.city') AS city, "
        "sum(json_extract(doc,'$.total')) FROM d GROUP BY city");
  }
  ~SqliteStore() override {
    for (sqlite3_stmt* s : statements_) sqlite3_finalize(s);
    sqlite3_close(db_);
  }
  void Insert(const Orders& orders) override {
    const std::vector<std::string>& documents = orders.lines;
    for (size_t at = 0; at < documents.size();) {
      Run("BEGIN");
      for (uint64_t i = 0; i < kBatch && at < documents.size(); ++i, ++at) {
        sqlite3_bind_int64(insert_, 1, static_cast<int64_t>(at + 1));
        Bind(insert_, 2, documents[at]);
        sqlite3_step(insert_);
        Must(sqlite3_reset(insert_));
      }
      Run("COMMIT");
    }
  }
  void Read() { Run("BEGIN"); }  // as the other reads in one transaction
  void InsertByText(const std::vector<std::string>& documents) {
    for (size_t at = 0; at < documents.size();) {
      Run("BEGIN");
      for (uint64_t i = 0; i < kBatch && at < documents.size(); ++i, ++at) {
        Bind(insert_, 1, IdOf(documents[at]));
        Bind(insert_, 2, documents[at]);
        sqlite3_step(insert_);
        Must(sqlite3_reset(insert_));
      }
      Run("COMMIT");
    }
  }
  static std::string IdOf(const std::string& json) {  // {"id":"…", first
    return json.substr(7, json.find('"', 7) - 7);
  }
  uint64_t GetJson(uint64_t key) override { return ByKey(get_, key); }
  uint64_t GetField(uint64_t key) override { return ByKey(field_, key); }
  uint64_t GetTogether(const std::vector<int64_t>& keys, bool json) override {
    sqlite3_stmt* const s = json ? together_ : fields_;
    for (size_t i = 0; i < kTogether; ++i)
      sqlite3_bind_int64(s, static_cast<int>(i + 1), keys[i]);
    uint64_t documents = 0;
    while (sqlite3_step(s) == SQLITE_ROW) documents += ColumnOf(s).size() > 0;
    sqlite3_reset(s);
    return documents;
  }
  uint64_t FindUnique(const std::string& number) override {
    Bind(unique_, 1, number);
    return Text(unique_);
  }
  uint64_t FindRange(uint64_t customer, uint64_t day, bool json) override {
    sqlite3_stmt* const s = json ? range_ : range_total_;
    sqlite3_bind_int64(s, 1, static_cast<int64_t>(customer));
    sqlite3_bind_int64(s, 2, static_cast<int64_t>(day));
    uint64_t rows = 0;
    while (sqlite3_step(s) == SQLITE_ROW)
      rows += json ? ColumnOf(s).size() > 0 : sqlite3_column_double(s, 0) > 0;
    sqlite3_reset(s);
    return rows;
  }
  uint64_t ScanFilter(uint64_t score) override {
    sqlite3_bind_int64(scan_, 1, static_cast<int64_t>(score));
    sqlite3_step(scan_);
    const auto count = static_cast<uint64_t>(sqlite3_column_int64(scan_, 0));
    sqlite3_reset(scan_);
    return count;
  }
  double Group() override {
    double sum = 0;
    while (sqlite3_step(group_) == SQLITE_ROW) sum += sqlite3_column_double(group_, 1);
    sqlite3_reset(group_);
    return sum;
  }
  void Checkpoint() override { Run("PRAGMA wal_checkpoint(TRUNCATE)"); }

 private:
  static void Bind(sqlite3_stmt* s, int at, const std::string& text) {
    sqlite3_bind_text(s, at, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
  }
  void Must(int result) {
    if (result == SQLITE_OK) return;
    fprintf(stderr, "sqlite: %s\n", sqlite3_errmsg(db_));
    exit(1);
  }
  void Run(const std::string& sql) {
    Must(sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr));
  }
  sqlite3_stmt* Prepare(const std::string& sql) {
    sqlite3_stmt* s = nullptr;
    Must(sqlite3_prepare_v2(db_, sql.c_str(), -1, &s, nullptr));
    statements_.push_back(s);
    return s;
  }
  static std::string ColumnOf(sqlite3_stmt* s) {
    return {reinterpret_cast<const char*>(sqlite3_column_text(s, 0)),
            static_cast<size_t>(sqlite3_column_bytes(s, 0))};
  }
  uint64_t ByKey(sqlite3_stmt* s, uint64_t key) {
    sqlite3_bind_int64(s, 1, static_cast<int64_t>(key));
    return Text(s);
  }
  uint64_t Text(sqlite3_stmt* s) {  // of the one row
    sqlite3_step(s);
    const std::string text = ColumnOf(s);
    sqlite3_reset(s);
    return text.size();
  }

  sqlite3* db_ = nullptr;
  std::vector<sqlite3_stmt*> statements_;
  sqlite3_stmt *insert_, *get_, *field_, *together_, *fields_, *unique_, *range_,
      *range_total_, *scan_, *group_;
};

// --- The run ------------------------------------------------------------------------

class Bench {
 public:
  explicit Bench(const Settings& settings) : settings_(settings) {
    std::filesystem::remove_all(settings.dir);
    std::filesystem::create_directories(settings.dir);
  }

  void Run() {
    Orders orders;
    for (uint64_t i = 0; i < settings_.n; ++i) {
      orders.lines.push_back(Order(i));
      absl::StrAppend(&orders.text, orders.lines.back(), "\n");
    }
    for (int repeat = 0; repeat < settings_.repeats; ++repeat) {
      for (const bool indexed : {false, true}) {
        SheafStore sheaf(Fresh("sheaf.sheaf"), indexed);
        SqliteStore sqlite(Fresh("sqlite.db"), indexed);
        Both(
            indexed ? "import_3_indexes" : "import",
            [&](Store& store) { store.Insert(orders), store.Checkpoint(); }, sheaf,
            sqlite);
        if (!indexed) {
          Size("orders", "sheaf.sheaf", "sqlite.db");
          sheaf.Read(), sqlite.Read();
          Both(
              "filter_scan", [](Store& s) { Same(s.ScanFilter(900)); }, sheaf, sqlite);
          Both(
              "group_by", [](Store& s) { s.Group(); }, sheaf, sqlite);
          continue;
        }
        sheaf.Read(), sqlite.Read();
        Lookups(sheaf, sqlite);
      }
    }
    if (!settings_.documents.empty()) WordNet();
    Print();
  }

 private:
  static void Same(uint64_t rows) {  // what both must find
    static std::map<int, uint64_t>* const seen = new std::map<int, uint64_t>;
    const auto [it, first] = seen->emplace(0, rows);
    if (it->second == rows) return;
    Different(rows, it->second);
  }
  static void Different(uint64_t a, uint64_t b) {
    fprintf(stderr, "they find different things: %llu, and %llu\n",
            static_cast<unsigned long long>(a), static_cast<unsigned long long>(b));
    exit(1);
  }

  std::string Fresh(const std::string& name) {
    for (const char* suffix : {"", "-wal", "-shm", "-log"})
      std::filesystem::remove(Path(name + suffix));
    return Path(name);
  }
  std::string Path(const std::string& name) const { return settings_.dir + "/" + name; }

  void Both(const std::string& what, const std::function<void(Store&)>& fn, Store& sheaf,
            Store& sqlite) {
    const bool is_wanted =
        settings_.only.empty() || settings_.only == what || what.starts_with("import");
    if (!is_wanted) return;
    const bool sheaf_first = runs_++ % 2 == 0;
    for (const bool is_sheaf : {sheaf_first, !sheaf_first}) {
      const absl::Time begin = absl::Now();
      fn(is_sheaf ? sheaf : sqlite);
      seconds_[what][is_sheaf ? 0 : 1].push_back(
          absl::ToDoubleSeconds(absl::Now() - begin));
    }
  }

  void Lookups(Store& sheaf, Store& sqlite) {
    const uint64_t n = settings_.n;
    const uint64_t steps = std::min<uint64_t>(n, 200'000);
    const auto key = [n](uint64_t i) { return Mix(i) % n; };
    Both(
        "get_json",
        [&](Store& s) {
          for (uint64_t i = 0; i < steps; ++i) s.GetJson(key(i) + 1);
        },
        sheaf, sqlite);
    Both(
        "get_field",
        [&](Store& s) {
          for (uint64_t i = 0; i < steps; ++i) s.GetField(key(i) + 1);
        },
        sheaf, sqlite);
    uint64_t found[2] = {};
    for (const bool json : {true, false})
      Both(
          json ? "get_json_together" : "get_field_together",
          [&](Store& s) {
            std::vector<int64_t> keys(kTogether);
            for (uint64_t i = 0; i < steps / kTogether; ++i) {
              for (size_t k = 0; k < kTogether; ++k)  // each another one
                keys[k] = static_cast<int64_t>((key(i) + k * (n / kTogether)) % n + 1);
              found[&s == &sheaf] += s.GetTogether(keys, json);
            }
          },
          sheaf, sqlite);
    Both(
        "find_unique",
        [&](Store& s) {
          for (uint64_t i = 0; i < steps / 2; ++i)
            found[&s == &sheaf] += s.FindUnique(NumberOf(key(i))) > 0;
        },
        sheaf, sqlite);
    for (const bool json : {true, false})
      Both(
          json ? "range_compound_json" : "range_compound",
          [&](Store& s) {
            for (uint64_t i = 0; i < steps / 100; ++i)
              found[&s == &sheaf] += s.FindRange(key(i) % 10'000, 18'000, json);
          },
          sheaf, sqlite);
    if (found[0] != found[1]) Different(found[0], found[1]);
  }

  void WordNet() {
    std::vector<std::string> documents;
    std::ifstream in(settings_.documents);
    std::string text;
    for (std::string line; std::getline(in, line);) {
      absl::StrAppend(&text, line, "\n");
      documents.push_back(line);
    }
    const Compression kinds[] = {{}, {CompressionKind::kZstd, 3, true}};
    for (const Compression& compression : kinds) {
      Options options;
      options.compression = compression;
      options.durability = Durability::kProcess;
      const absl::Time begin = absl::Now();
      {
        const auto db = Take(Database::Open(Fresh("words.sheaf"), options));
        std::istringstream lines(text);
        ImportOptions import;
        import.key_field = "id";
        import.documents_a_commit = kBatch;
        ImportCounts counts;
        Check(ImportJsonLines(db.get(), "d", lines, import, &counts));
        Check(db->Checkpoint());
      }
      const double sheaf_seconds = absl::ToDoubleSeconds(absl::Now() - begin);
      SqliteStore sqlite(Fresh("words.db"), false, "TEXT");
      const absl::Time sqlite_begin = absl::Now();
      sqlite.InsertByText(documents);
      sqlite.Checkpoint();
      if (compression == Compression{}) {
        seconds_["wordnet_import"][0].push_back(sheaf_seconds);
        seconds_["wordnet_import"][1].push_back(
            absl::ToDoubleSeconds(absl::Now() - sqlite_begin));
      }
      Size(compression == Compression{} ? "wordnet" : "wordnet_zstd_dictionary",
           "words.sheaf", "words.db");
    }
  }

  void Size(const std::string& what, const std::string& sheaf,
            const std::string& sqlite) {
    bytes_[what][0] = static_cast<double>(std::filesystem::file_size(Path(sheaf)));
    bytes_[what][1] = static_cast<double>(std::filesystem::file_size(Path(sqlite)));
  }

  static double Median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
  }

  void Print() {
    nlohmann::ordered_json json;
    printf("%-28s %12s %12s %8s\n", "seconds", "sheaf", "sqlite", "ratio");
    for (auto& [what, pair] : seconds_) {
      const double a = Median(pair[0]), b = Median(pair[1]);
      printf("%-28s %12.4f %12.4f %8.2f\n", what.c_str(), a, b, b / a);
      json["ratios"][what] = b / a;
    }
    printf("%-28s %12s %12s %8s\n", "bytes", "sheaf", "sqlite", "of it");
    for (auto& [what, pair] : bytes_) {
      printf("%-28s %12.0f %12.0f %8.2f\n", what.c_str(), pair[0], pair[1],
             pair[0] / pair[1]);
      json["bytes"][what] = pair[0] / pair[1];
    }
    if (!settings_.json.empty()) std::ofstream(settings_.json) << json.dump(1) << "\n";
  }

  const Settings settings_;
  int runs_ = 0;
  std::map<std::string, std::map<int, std::vector<double>>> seconds_;
  std::map<std::string, std::map<int, double>> bytes_;
};

Settings Parse(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const auto value = [&](std::string_view name) {
      return argument.starts_with(name) ? std::string(argument.substr(name.size())) : "";
    };
    bool ok = true;
    if (const std::string v = value("--n="); !v.empty())
      ok = absl::SimpleAtoi(v, &settings.n);
    else if (const std::string r = value("--repeats="); !r.empty())
      ok = absl::SimpleAtoi(r, &settings.repeats);
    else if (const std::string d = value("--dir="); !d.empty())
      settings.dir = d;
    else if (const std::string j = value("--json="); !j.empty())
      settings.json = j;
    else if (const std::string f = value("--documents="); !f.empty())
      settings.documents = f;
    else if (const std::string o = value("--only="); !o.empty())
      settings.only = o;
    else
      ok = false;
    if (ok) continue;
    fprintf(stderr, "unknown argument %s\n", argv[i]);
    exit(2);
  }
  return settings;
}

}  // namespace
}  // namespace sheaf::bench

int main(int argc, char** argv) {
  sheaf::bench::Bench(sheaf::bench::Parse(argc, argv)).Run();
}
