// SQLite with edges in a table (src, dst) WITHOUT ROWID and an index (dst, src). WAL,
// synchronous FULL, a cache as given, memory-mapped reading, prepared statements; searches
// are recursive queries. Loads sort first, insert in one transaction, then make the index,
// and end with the log folded into the file.
#include <sqlite3.h>

#include <algorithm>

#include "bench/engine.h"  // Fail
#include "bench/graphs/store.h"

namespace sheaf::bench::graphs {
namespace {

class Connection {
 public:
  Connection(const StoreOptions& options, const char* name) {
    Must(sqlite3_open((options.dir + "/" + name).c_str(), &db_));
    Run("PRAGMA journal_mode=WAL");
    Run("PRAGMA synchronous=FULL");
    Run("PRAGMA cache_size=-" + std::to_string(options.cache_bytes_max / 1024));
    Run("PRAGMA mmap_size=68719476736");
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    for (sqlite3_stmt* const s : statements_) sqlite3_finalize(s);
    sqlite3_close(db_);
  }
  void Must(int code) {
    if (code != SQLITE_OK) [[unlikely]]
      Fail("sqlite", sqlite3_errmsg(db_));
  }
  void Run(const std::string& sql) {
    Must(sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr));
  }
  sqlite3_stmt* Prepare(const char* sql) {
    sqlite3_stmt* s = nullptr;
    Must(sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, nullptr));
    statements_.push_back(s);
    return s;
  }
  void Bind(sqlite3_stmt* s, int at, int64_t value) {
    Must(sqlite3_bind_int64(s, at, value));
  }
  bool Step(sqlite3_stmt* s) {
    const int code = sqlite3_step(s);
    if (code != SQLITE_ROW && code != SQLITE_DONE) [[unlikely]]
      Fail("sqlite", sqlite3_errmsg(db_));
    return code == SQLITE_ROW;
  }
  void Execute(sqlite3_stmt* s) {
    Step(s);
    sqlite3_reset(s);
  }
  // The one number that the statement gives, -1 for no row.
  int64_t Number(sqlite3_stmt* s) {
    const int64_t number = Step(s) ? sqlite3_column_int64(s, 0) : -1;
    sqlite3_reset(s);
    return number;
  }
  void Insert(sqlite3_stmt* s, const Edge& edge) {
    Bind(s, 1, edge.from);
    Bind(s, 2, edge.to);
    Execute(s);
  }

 private:
  sqlite3* db_ = nullptr;
  std::vector<sqlite3_stmt*> statements_;
};

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(const StoreOptions& options) : db_(options, "graph.db") {
    db_.Run(
        "CREATE TABLE IF NOT EXISTS e(src INTEGER, dst INTEGER, PRIMARY KEY(src,dst)) "
        "WITHOUT ROWID");
    insert_ = db_.Prepare("INSERT INTO e VALUES(?1,?2)");
  }

  void Load(absl::Span<const Edge> edges) override {
    std::vector<Edge> sorted(edges.begin(), edges.end());
    std::sort(sorted.begin(), sorted.end());
    db_.Run("BEGIN");
    for (const Edge& edge : sorted) db_.Insert(insert_, edge);
    db_.Run("COMMIT");
    db_.Run("CREATE INDEX into_dst ON e(dst,src)");
    db_.Run("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  void AddEdges(absl::Span<const Edge> edges) override {
    db_.Run("BEGIN");
    for (const Edge& edge : edges) db_.Insert(insert_, edge);
    db_.Run("COMMIT");
  }

  void BeginReading() override {
    db_.Run("BEGIN");
    neighbours_ = db_.Prepare("SELECT dst FROM e WHERE src=?1");
    within_ = db_.Prepare(
        "WITH RECURSIVE r(v,d) AS (VALUES(?1,0) UNION SELECT e.dst,r.d+1 FROM r JOIN e "
        "ON e.src=r.v WHERE r.d<?2) SELECT count(DISTINCT v) FROM r");
    all_ = db_.Prepare(
        "WITH RECURSIVE r(v) AS (VALUES(?1) UNION SELECT e.dst FROM r JOIN e ON "
        "e.src=r.v) SELECT count(*) FROM r");
    // Rows come as they are found, by distance: the first is the shortest.
    path_ = db_.Prepare(
        "WITH RECURSIVE r(v,d) AS (VALUES(?1,0) UNION SELECT e.dst,r.d+1 FROM r JOIN e "
        "ON e.src=r.v WHERE r.d<64) SELECT d FROM r WHERE v=?2 LIMIT 1");
    db_.Number(db_.Prepare("SELECT sum(dst) FROM e"));
  }
  Found Neighbours(uint32_t vertex) override {
    Found found;
    db_.Bind(neighbours_, 1, vertex);
    while (db_.Step(neighbours_))
      ++found.count, found.sum += uint64_t(sqlite3_column_int64(neighbours_, 0));
    sqlite3_reset(neighbours_);
    return found;
  }
  uint64_t Reach(uint32_t start, uint32_t hops) override {
    sqlite3_stmt* const s = hops == kAnyHops ? all_ : within_;
    db_.Bind(s, 1, start);
    if (hops != kAnyHops) db_.Bind(s, 2, hops);
    return uint64_t(db_.Number(s));
  }
  uint32_t Hops(uint32_t from, uint32_t to) override {
    db_.Bind(path_, 1, from);
    db_.Bind(path_, 2, to);
    return uint32_t(db_.Number(path_));
  }

 private:
  Connection db_;
  sqlite3_stmt *insert_, *neighbours_, *within_, *all_, *path_;
};

class SqliteWordStore final : public WordStore {
 public:
  explicit SqliteWordStore(const StoreOptions& options) : db_(options, "words.db") {
    db_.Run("CREATE TABLE v(id INTEGER PRIMARY KEY, doc TEXT)");
    db_.Run(
        "CREATE TABLE e(src INTEGER, type TEXT, dst INTEGER, PRIMARY KEY(src,type,dst)) "
        "WITHOUT ROWID");
    db_.Run("CREATE INDEX into_dst ON e(dst,type,src)");
    get_ = db_.Prepare("SELECT doc FROM v WHERE id=?1");
    gloss_ = db_.Prepare("SELECT json_extract(doc,'$.gloss') FROM v WHERE id=?1");
  }

  void Load(absl::Span<const Word> words) override {
    sqlite3_stmt* const vertex = db_.Prepare("INSERT INTO v VALUES(?1,?2)");
    sqlite3_stmt* const edge = db_.Prepare("INSERT OR IGNORE INTO e VALUES(?1,?3,?2)");
    db_.Run("BEGIN");
    for (uint32_t i = 0; i < words.size(); ++i) {
      BindText(vertex, 2, words[i].json);
      db_.Bind(vertex, 1, i);
      db_.Execute(vertex);
      for (const auto& [type, to] : words[i].pointers) {
        BindText(edge, 3, type);
        db_.Insert(edge, {i, to});
      }
    }
    db_.Run("COMMIT");
    db_.Run("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  void BeginReading() override { db_.Run("BEGIN"); }
  uint64_t GetJson(uint32_t vertex) override { return TextSize(get_, vertex); }
  uint64_t GetGloss(uint32_t vertex) override { return TextSize(gloss_, vertex); }

 private:
  void BindText(sqlite3_stmt* s, int at, const std::string& text) {
    db_.Must(sqlite3_bind_text(s, at, text.data(), int(text.size()), SQLITE_STATIC));
  }
  uint64_t TextSize(sqlite3_stmt* s, uint32_t vertex) {
    db_.Bind(s, 1, vertex);
    Require(db_.Step(s), "sqlite", "no such word");
    const std::string text(reinterpret_cast<const char*>(sqlite3_column_text(s, 0)),
                           size_t(sqlite3_column_bytes(s, 0)));
    sqlite3_reset(s);
    return text.size();
  }

  Connection db_;
  sqlite3_stmt *get_, *gloss_;
};

}  // namespace

std::unique_ptr<Store> NewSqliteStore(const StoreOptions& options) {
  return std::make_unique<SqliteStore>(options);
}
std::unique_ptr<WordStore> NewSqliteWordStore(const StoreOptions& options) {
  return std::make_unique<SqliteWordStore>(options);
}

}  // namespace sheaf::bench::graphs
