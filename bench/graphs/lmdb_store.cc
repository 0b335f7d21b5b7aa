// LMDB as an adjacency store: two named databases, by tail and by head, of 32-bit ids with
// MDB_DUPSORT | MDB_DUPFIXED | MDB_INTEGERKEY | MDB_INTEGERDUP, so that neighbours lie as
// arrays in its pages. Environment: NOTLS, NOMEMINIT; commits are synced.
//
// Loads sort first and append. A list is read a page at a time (MDB_GET_MULTIPLE), or, as
// "cursor", one neighbour at a time (MDB_NEXT_DUP). Words: their JSON text by id, one field
// of it by simdjson; their pointers as edges.
#include <lmdb.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include <simdjson.h>

#include "bench/engine.h"  // Fail
#include "bench/graphs/store.h"

namespace sheaf::bench::graphs {
namespace {

constexpr size_t kMapBytes = size_t{64} << 30;
constexpr unsigned kListFlags =
    MDB_CREATE | MDB_DUPSORT | MDB_DUPFIXED | MDB_INTEGERKEY | MDB_INTEGERDUP;

void Check(int code, const char* what) {
  if (code != MDB_SUCCESS) [[unlikely]]
    Fail("lmdb", std::string(what) + ": " + mdb_strerror(code));
}
MDB_val ToVal(const uint32_t& id) { return {sizeof(id), const_cast<uint32_t*>(&id)}; }

class Environment {
 public:
  explicit Environment(const std::string& dir) {
    Check(mdb_env_create(&env_), "create");
    Check(mdb_env_set_mapsize(env_, kMapBytes), "map size");
    Check(mdb_env_set_maxdbs(env_, 4), "databases");
    Check(mdb_env_open(env_, dir.c_str(), MDB_NOTLS | MDB_NOMEMINIT, 0644), "open");
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() { mdb_env_close(env_); }
  MDB_txn* Begin(unsigned flags) {
    MDB_txn* txn = nullptr;
    Check(mdb_txn_begin(env_, nullptr, flags, &txn), "begin");
    return txn;
  }
  MDB_dbi OpenTable(const char* name, unsigned flags) {
    MDB_txn* const txn = Begin(0);
    MDB_dbi dbi = 0;
    Check(mdb_dbi_open(txn, name, flags, &dbi), "table");
    Check(mdb_txn_commit(txn), "commit");
    return dbi;
  }

 private:
  MDB_env* env_ = nullptr;
};

// Appends edges, sorted by key, then value.
void Append(MDB_txn* txn, MDB_dbi dbi, std::vector<Edge>* edges) {
  std::sort(edges->begin(), edges->end());
  MDB_cursor* cursor = nullptr;
  Check(mdb_cursor_open(txn, dbi, &cursor), "cursor");
  for (size_t i = 0; i < edges->size(); ++i) {
    const Edge& edge = (*edges)[i];
    const bool is_first = i == 0 || (*edges)[i - 1].from != edge.from;
    MDB_val key = ToVal(edge.from), value = ToVal(edge.to);
    Check(mdb_cursor_put(cursor, &key, &value, is_first ? MDB_APPEND : MDB_APPENDDUP),
          "append");
  }
  mdb_cursor_close(cursor);
}

template <LmdbReads kReads>
class LmdbLists {
 public:
  LmdbLists(MDB_txn* txn, MDB_dbi out, MDB_dbi in) {
    Check(mdb_cursor_open(txn, out, &cursors_[0]), "cursor");
    Check(mdb_cursor_open(txn, in, &cursors_[1]), "cursor");
  }
  ~LmdbLists() {
    for (MDB_cursor* const cursor : cursors_) mdb_cursor_close(cursor);
  }
  template <class Fn>
  void ForEach(Way way, uint32_t v, Fn fn) const {
    MDB_cursor* const cursor = cursors_[int(way)];
    MDB_val key = ToVal(v), value;
    int code = mdb_cursor_get(cursor, &key, &value, MDB_SET_KEY);
    if constexpr (kReads == LmdbReads::kMultiple) {
      if (code == MDB_SUCCESS)
        code = mdb_cursor_get(cursor, &key, &value, MDB_GET_MULTIPLE);
    }
    while (code == MDB_SUCCESS) {
      const auto* const ids = static_cast<const uint32_t*>(value.mv_data);
      for (size_t i = 0; i < value.mv_size / sizeof(uint32_t); ++i) fn(ids[i]);
      code = mdb_cursor_get(
          cursor, &key, &value,
          kReads == LmdbReads::kMultiple ? MDB_NEXT_MULTIPLE : MDB_NEXT_DUP);
    }
    if (code != MDB_NOTFOUND) Check(code, "read");
  }

 private:
  MDB_cursor* cursors_[2];
};

template <LmdbReads kReads>
class LmdbStore final : public Store {
 public:
  explicit LmdbStore(const StoreOptions& options)
      : env_(options.dir), vertex_count_(options.data->vertex_count) {
    out_ = env_.OpenTable("out", kListFlags);
    in_ = env_.OpenTable("in", kListFlags);
  }
  ~LmdbStore() override {
    searcher_.reset();
    lists_.reset();
    if (read_ != nullptr) mdb_txn_abort(read_);
  }

  void Load(absl::Span<const Edge> edges) override {
    MDB_txn* const txn = env_.Begin(0);
    std::vector<Edge> sorted(edges.begin(), edges.end());
    Append(txn, out_, &sorted);
    for (Edge& edge : sorted) std::swap(edge.from, edge.to);
    Append(txn, in_, &sorted);
    Check(mdb_txn_commit(txn), "commit");
  }
  void AddEdges(absl::Span<const Edge> edges) override {
    MDB_txn* const txn = env_.Begin(0);
    for (const Edge& edge : edges) {
      MDB_val from = ToVal(edge.from), to = ToVal(edge.to);
      Check(mdb_put(txn, out_, &from, &to, MDB_NODUPDATA), "put");
      from = ToVal(edge.from), to = ToVal(edge.to);
      Check(mdb_put(txn, in_, &to, &from, MDB_NODUPDATA), "put");
    }
    Check(mdb_txn_commit(txn), "commit");
  }

  void BeginReading() override {
    read_ = env_.Begin(MDB_RDONLY);
    lists_.emplace(read_, out_, in_);
    searcher_.emplace(*lists_, vertex_count_);
    uint64_t sum = 0;
    for (const Way way : {Way::kOut, Way::kIn})
      for (uint32_t v = 0; v < vertex_count_; ++v)
        lists_->ForEach(way, v, [&](uint32_t w) { sum += w; });
    Require(sum > 0, "lmdb", "empty");
  }
  Found Neighbours(uint32_t vertex) override {
    Found found;
    lists_->ForEach(Way::kOut, vertex,
                    [&](uint32_t w) { ++found.count, found.sum += w; });
    return found;
  }
  uint64_t Reach(uint32_t start, uint32_t hops) override {
    return searcher_->Reach(start, hops);
  }
  uint32_t Hops(uint32_t from, uint32_t to) override { return searcher_->Hops(from, to); }

 private:
  Environment env_;
  const uint32_t vertex_count_;
  MDB_dbi out_ = 0, in_ = 0;
  MDB_txn* read_ = nullptr;
  std::optional<LmdbLists<kReads>> lists_;
  std::optional<Searcher<LmdbLists<kReads>>> searcher_;
};

class LmdbWordStore final : public WordStore {
 public:
  explicit LmdbWordStore(const StoreOptions& options) : env_(options.dir) {
    words_ = env_.OpenTable("words", MDB_CREATE | MDB_INTEGERKEY);
    out_ = env_.OpenTable("out", kListFlags);
    in_ = env_.OpenTable("in", kListFlags);
  }
  ~LmdbWordStore() override {
    if (read_ != nullptr) mdb_txn_abort(read_);
  }

  void Load(absl::Span<const Word> words) override {
    MDB_txn* const txn = env_.Begin(0);
    std::vector<Edge> edges;
    for (uint32_t i = 0; i < words.size(); ++i) {
      MDB_val key = ToVal(i);
      MDB_val value{words[i].json.size(), const_cast<char*>(words[i].json.data())};
      Check(mdb_put(txn, words_, &key, &value, MDB_APPEND), "put");
      for (const auto& [type, to] : words[i].pointers) edges.push_back({i, to});
    }
    for (const MDB_dbi dbi : {out_, in_}) {
      std::sort(edges.begin(), edges.end());
      edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
      Append(txn, dbi, &edges);
      for (Edge& edge : edges) std::swap(edge.from, edge.to);
    }
    Check(mdb_txn_commit(txn), "commit");
  }
  void BeginReading() override { read_ = env_.Begin(MDB_RDONLY); }
  uint64_t GetJson(uint32_t vertex) override {
    const MDB_val value = Get(vertex);
    const std::string text(static_cast<const char*>(value.mv_data), value.mv_size);
    return text.size();
  }
  uint64_t GetGloss(uint32_t vertex) override {
    const MDB_val value = Get(vertex);
    const size_t capacity = value.mv_size + simdjson::SIMDJSON_PADDING;
    if (padded_.size() < capacity) padded_.resize(2 * capacity);
    memcpy(padded_.data(), value.mv_data, value.mv_size);
    auto document = parser_.iterate(padded_.data(), value.mv_size, padded_.size());
    std::string_view gloss;
    if (document["gloss"].get_string().get(gloss) != simdjson::SUCCESS)
      Fail("lmdb", "no gloss");
    return gloss.size();
  }

 private:
  MDB_val Get(uint32_t vertex) {
    MDB_val key = ToVal(vertex), value;
    Check(mdb_get(read_, words_, &key, &value), "get");
    return value;
  }

  Environment env_;
  MDB_dbi words_ = 0, out_ = 0, in_ = 0;
  MDB_txn* read_ = nullptr;
  simdjson::ondemand::parser parser_;
  std::vector<char> padded_;
};

}  // namespace

std::unique_ptr<Store> NewLmdbStore(const StoreOptions& options, LmdbReads reads) {
  if (reads == LmdbReads::kMultiple)
    return std::make_unique<LmdbStore<LmdbReads::kMultiple>>(options);
  return std::make_unique<LmdbStore<LmdbReads::kCursor>>(options);
}
std::unique_ptr<WordStore> NewLmdbWordStore(const StoreOptions& options) {
  return std::make_unique<LmdbWordStore>(options);
}

}  // namespace sheaf::bench::graphs
