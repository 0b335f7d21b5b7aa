// LevelDB as its users run it.
//   block cache         LRU of the given size; Bloom filter, 10 bits a key
//   compression         none, as for every engine here
//   write buffer        64 MiB, as RocksDB's default; files of 16 MiB
//   kSync               WriteOptions::sync
//   kProcess, kNone     the log is written, not synced (it has no log-less
//   mode)
// Iterators are kept for as long as a snapshot. Settle() compacts everything.
#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/filter_policy.h>
#include <leveldb/options.h>
#include <leveldb/write_batch.h>

#include <algorithm>

#include "bench/engine.h"

namespace sheaf::bench {
namespace {

constexpr uint64_t kWriteBufferBytes = uint64_t{64} << 20;

void Check(const leveldb::Status& status, std::string_view what) {
  if (!status.ok()) [[unlikely]] {
    Fail("leveldb", std::string(what) + ": " + status.ToString());
  }
}

leveldb::Slice ToSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

std::string_view ToView(const leveldb::Slice& slice) {
  return {slice.data(), slice.size()};
}

class LeveldbSession final : public Session {
 public:
  LeveldbSession(leveldb::DB* db, Durability durability) : db_(db) {
    write_options_.sync = durability == Durability::kSync;
  }

  void BeginSnapshot() override {
    in_snapshot_ = true;
    iterator_.reset();
  }
  void EndSnapshot() override {
    in_snapshot_ = false;
    iterator_.reset();
  }

  std::optional<std::string_view> Get(std::string_view key) override {
    const leveldb::Status status = db_->Get(read_options_, ToSlice(key), &value_);
    if (status.IsNotFound()) return std::nullopt;
    Check(status, "get");
    return value_;
  }

  Touched ScanFrom(std::string_view key, uint64_t limit) override {
    PrepareIterator();
    iterator_->Seek(ToSlice(key));
    return Scan(limit);
  }
  Touched ScanAll() override {
    PrepareIterator();
    iterator_->SeekToFirst();
    return Scan(UINT64_MAX);
  }

  void BeginBatch(WriteOrder) override { batch_.Clear(); }
  void Put(std::string_view key, std::string_view value) override {
    batch_.Put(ToSlice(key), ToSlice(value));
  }
  void Delete(std::string_view key) override { batch_.Delete(ToSlice(key)); }
  void CommitBatch() override { Check(db_->Write(write_options_, &batch_), "commit"); }
  void PutCommit(std::string_view key, std::string_view value) override {
    Check(db_->Put(write_options_, ToSlice(key), ToSlice(value)), "put");
  }

 private:
  void PrepareIterator() {
    if (in_snapshot_ && iterator_ != nullptr) return;
    iterator_.reset(db_->NewIterator(read_options_));
  }
  Touched Scan(uint64_t limit) {
    Touched touched;
    for (; touched.entries < limit && iterator_->Valid(); iterator_->Next()) {
      touched.Entry(ToView(iterator_->key()), ToView(iterator_->value()));
    }
    Check(iterator_->status(), "scan");
    return touched;
  }

  leveldb::DB* db_;
  const leveldb::ReadOptions read_options_;
  leveldb::WriteOptions write_options_;
  std::string value_;
  leveldb::WriteBatch batch_;
  std::unique_ptr<leveldb::Iterator> iterator_;
  bool in_snapshot_ = false;
};

class LeveldbEngine final : public Engine {
 public:
  void Open(const EngineOptions& options) override {
    durability_ = options.durability;
    cache_.reset(leveldb::NewLRUCache(options.cache_bytes_max));
    filter_.reset(leveldb::NewBloomFilterPolicy(10));
    leveldb::Options level;
    level.create_if_missing = true;
    level.compression = leveldb::kNoCompression;
    level.block_cache = cache_.get();
    level.filter_policy = filter_.get();
    // The write buffer holds about 1.5 bytes for every byte of log.
    level.write_buffer_size = std::max(kWriteBufferBytes, 2 * options.log_bytes_min);
    level.max_file_size = 16 << 20;
    leveldb::DB* db = nullptr;
    Check(leveldb::DB::Open(level, options.dir, &db), "open");
    db_.reset(db);
  }
  std::unique_ptr<Session> NewSession() override {
    return std::make_unique<LeveldbSession>(db_.get(), durability_);
  }
  // An empty synced write: the log is synced up to and including it.
  void Sync() override {
    leveldb::WriteOptions synced;
    synced.sync = true;
    leveldb::WriteBatch empty;
    Check(db_->Write(synced, &empty), "sync");
  }
  void Settle() override { db_->CompactRange(nullptr, nullptr); }
  void Close() override {
    Sync();  // closing alone would leave it to the kernel
    db_.reset();
    cache_.reset();
    filter_.reset();
  }
  std::string Describe() const override {
    return "LevelDB " + std::to_string(leveldb::kMajorVersion) + "." +
           std::to_string(leveldb::kMinorVersion) +
           "; Bloom 10 bits, 64 MiB write buffer, no compression";
  }

 private:
  // Destroyed in reverse: the database before what it points to.
  std::unique_ptr<leveldb::Cache> cache_;
  std::unique_ptr<const leveldb::FilterPolicy> filter_;
  std::unique_ptr<leveldb::DB> db_;
  Durability durability_ = Durability::kProcess;
};

}  // namespace

std::unique_ptr<Engine> NewLeveldbEngine() { return std::make_unique<LeveldbEngine>(); }

}  // namespace sheaf::bench
