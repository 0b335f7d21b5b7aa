// RocksDB as its users run it.
//   block cache         LRU of the given size; Bloom filter, 10 bits a key
//   data blocks         16 KiB with a hash index: faster than 4 KiB in each read
//                       workload (one noisy run of 200 k entries)
//   compression         none, as for every engine here
//   write buffers       64 MiB (the default), two background jobs (two cores), no
//                       concurrent memtable writes: faster in each write workload
//                       (the same kind of run)
//   kSync               WriteOptions::sync
//   kProcess            WAL written at every commit, not synced (the default)
//   kNone               no WAL; Sync() flushes the write buffer instead
// Point reads use PinnableSlice, MultiGet is native, iterators are kept and
// refreshed. Settle() compacts all levels.
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/iterator.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/version.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <array>

#include "bench/engine.h"

namespace sheaf::bench {
namespace {

void Check(const rocksdb::Status& status, std::string_view what) {
  if (!status.ok()) [[unlikely]] {
    Fail("rocksdb", std::string(what) + ": " + status.ToString());
  }
}

rocksdb::Slice ToSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

std::string_view ToView(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

rocksdb::WriteOptions ToWriteOptions(Durability durability) {
  rocksdb::WriteOptions options;
  options.sync = durability == Durability::kSync;
  options.disableWAL = durability == Durability::kNone;
  return options;
}

class RocksdbSession final : public Session {
 public:
  RocksdbSession(rocksdb::DB* db, Durability durability)
      : db_(db), write_options_(ToWriteOptions(durability)) {}

  void BeginSnapshot() override {
    in_snapshot_ = true;
    iterator_stale_ = true;
  }
  void EndSnapshot() override { in_snapshot_ = false; }

  std::optional<std::string_view> Get(std::string_view key) override {
    value_.Reset();
    const rocksdb::Status status =
        db_->Get(read_options_, db_->DefaultColumnFamily(), ToSlice(key), &value_);
    if (status.IsNotFound()) return std::nullopt;
    Check(status, "get");
    return ToView(value_);
  }

  Touched MultiGet(absl::Span<const std::string_view> keys) override {
    Require(keys.size() <= kMultiGetMax, "rocksdb", "too many keys");
    std::array<rocksdb::Slice, kMultiGetMax> slices;
    std::transform(keys.begin(), keys.end(), slices.begin(), ToSlice);
    db_->MultiGet(read_options_, db_->DefaultColumnFamily(), keys.size(), slices.data(),
                  values_.data(), statuses_.data());
    Touched touched;
    for (size_t i = 0; i < keys.size(); ++i) {
      if (!statuses_[i].IsNotFound()) {
        Check(statuses_[i], "multi-get");
        touched.Value(ToView(values_[i]));
      }
      values_[i].Reset();
    }
    return touched;
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
    Check(batch_.Put(ToSlice(key), ToSlice(value)), "put");
  }
  void Delete(std::string_view key) override {
    Check(batch_.Delete(ToSlice(key)), "delete");
  }
  void CommitBatch() override { Check(db_->Write(write_options_, &batch_), "commit"); }
  void PutCommit(std::string_view key, std::string_view value) override {
    Check(db_->Put(write_options_, ToSlice(key), ToSlice(value)), "put");
  }

 private:
  static constexpr size_t kMultiGetMax = 64;

  void PrepareIterator() {
    if (iterator_ == nullptr) {
      iterator_.reset(db_->NewIterator(read_options_));
    } else if (!in_snapshot_ || iterator_stale_) {
      Check(iterator_->Refresh(), "refresh");
    }
    iterator_stale_ = false;
  }
  Touched Scan(uint64_t limit) {
    Touched touched;
    for (; touched.entries < limit && iterator_->Valid(); iterator_->Next()) {
      touched.Entry(ToView(iterator_->key()), ToView(iterator_->value()));
    }
    Check(iterator_->status(), "scan");
    return touched;
  }

  rocksdb::DB* db_;
  const rocksdb::ReadOptions read_options_;
  const rocksdb::WriteOptions write_options_;
  rocksdb::PinnableSlice value_;
  std::array<rocksdb::PinnableSlice, kMultiGetMax> values_;
  std::array<rocksdb::Status, kMultiGetMax> statuses_;
  rocksdb::WriteBatch batch_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
  bool in_snapshot_ = false;
  bool iterator_stale_ = true;
};

class RocksdbEngine final : public Engine {
 public:
  void Open(const EngineOptions& options) override {
    durability_ = options.durability;
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = rocksdb::NewLRUCache(options.cache_bytes_max);
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    table.block_size = 16 << 10;
    table.data_block_index_type =
        rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
    rocksdb::Options rocks;
    rocks.create_if_missing = true;
    rocks.compression = rocksdb::kNoCompression;
    rocks.max_background_jobs = 2;
    rocks.allow_concurrent_memtable_write = false;
    rocks.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    // The write buffer holds about 1.5 bytes for every byte of log.
    rocks.write_buffer_size =
        std::max<uint64_t>(rocks.write_buffer_size, 2 * options.log_bytes_min);
    rocksdb::DB* db = nullptr;
    Check(rocksdb::DB::Open(rocks, options.dir, &db), "open");
    db_.reset(db);
  }
  std::unique_ptr<Session> NewSession() override {
    return std::make_unique<RocksdbSession>(db_.get(), durability_);
  }
  void Sync() override {
    if (durability_ == Durability::kNone) {
      Check(db_->Flush(rocksdb::FlushOptions()), "flush");
    } else {
      Check(db_->FlushWAL(/*sync=*/true), "sync");
    }
  }
  void Settle() override { Check(db_->CompactRange({}, nullptr, nullptr), "compact"); }
  void Close() override {
    Check(db_->Close(), "close");
    db_.reset();
  }
  std::string Describe() const override {
    return "RocksDB " + rocksdb::GetRocksVersionAsString(false) +
           "; Bloom 10 bits, 16 KiB blocks with hash index, 64 MiB write "
           "buffers, no compression, 2 background jobs";
  }

 private:
  std::unique_ptr<rocksdb::DB> db_;
  Durability durability_ = Durability::kProcess;
};

}  // namespace

std::unique_ptr<Engine> NewRocksdbEngine() { return std::make_unique<RocksdbEngine>(); }

}  // namespace sheaf::bench
