// What of OpenTree compresses: see catalog/compression.h.
//
// A value is encoded before it is put and logged, so the log, a replay, a backup and
// salvage carry what is stored and need no dictionary. The first dictionary is trained in
// the transaction that brings the tree to `dictionary_at` entries, which are then encoded
// again with it.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "btree/large_value.h"
#include "catalog/compression.h"
#include "catalog/observer.h"
#include "catalog/tree_source.h"
#include "catalog/write_txn.h"
#include "pager/status_macros.h"

namespace sheaf::catalog {

using btree::BTree;
using pager::Codec;
using pager::ValueCodec;

namespace {

// What is encoded again once there is a dictionary, which longer values hardly need.
constexpr size_t kShortValue = 64 << 10, kEncodedAgainMax = 2 << 20;
constexpr size_t kWaitingMax = 16 << 20;
constexpr uint64_t kSamples = 4000;  // of a whole tree

// No dictionary could be made of that many.
void TrainLater(TreeCompression* compression, uint64_t entries) {
  uint64_t& at = compression->wanted.dictionary_at;
  if (entries >= at) at = 4 * entries;
}

}  // namespace

// --- Values -----------------------------------------------------------------

absl::StatusOr<DictionaryRef> OpenTree::Dictionary(uint32_t version) {
  SHEAF_RETURN_IF_ERROR(CheckAlive());
  for (const DictionaryRef& made : made_)
    if (made->version() == version) return made;
  return txn_.store_.dictionaries().Get(txn_.context_, txn_.base_.catalog, record_.id,
                                        version);
}

void OpenTree::ForgetDictionaries() {
  current_.reset();
  opener_.Reset();
  std::erase_if(made_, [this](const DictionaryRef& made) {
    return made->version() > record_.compression.dictionaries;
  });
}

absl::Status OpenTree::PrepareToPut() {
  const TreeCompression& c = record_.compression;
  if (c.encoded && c.UsesDictionary() &&
      (current_ == nullptr || current_->version() != c.dictionary)) {
    SHEAF_ASSIGN_OR_RETURN(current_, Dictionary(c.dictionary));
  }
  return absl::OkStatus();
}

absl::Status OpenTree::Encode(std::string_view value, std::string* stored) {
  SHEAF_RETURN_IF_ERROR(PrepareToPut());
  const TreeCompression& c = record_.compression;
  stored->clear();
  ValueCodec::Encode(value, static_cast<Codec>(c.wanted.kind), c.wanted.level,
                     c.UsesDictionary() ? current_.get() : nullptr, stored);
  return absl::OkStatus();
}

absl::Status OpenTree::Open(std::string_view stored, std::string* buffer,
                            std::string_view* out) {
  *out = stored;
  return record_.compression.encoded ? OpenEncoded(stored, buffer, out)
                                     : absl::OkStatus();
}

absl::Status OpenTree::OpenEncoded(std::string_view stored, std::string* buffer,
                                   std::string_view* out) {
  return opener_.Open(
      stored, [this](uint32_t version) { return Dictionary(version); }, buffer, out);
}

absl::Status OpenTree::Put(std::string_view key, std::string_view value,
                           BTree::PutMode mode, bool* existed) {
  if (!record_.compression.encoded) return PutStored(key, value, mode, existed);
  SHEAF_RETURN_IF_ERROR(CheckAlive());
  SHEAF_RETURN_IF_ERROR(CheckEncodable(value.size()));
  SHEAF_RETURN_IF_ERROR(txn_.Broken(Encode(value, &stored_)));
  SHEAF_RETURN_IF_ERROR(PutStored(key, stored_, mode, existed));
  if (stored_.capacity() > kShortValue) stored_ = std::string();
  return TrainingIsDue() ? txn_.Broken(TrainFromEntries()) : absl::OkStatus();
}

// --- Settings ---------------------------------------------------------------

absl::Status OpenTree::StoreCompression(const TreeCompression& compression) {
  SHEAF_RETURN_IF_ERROR(CheckAlive());
  if (compression == record_.compression) return absl::OkStatus();
  if (IsDense(record_.kind))
    return absl::DataLossError(
        absl::StrCat(record_.name, ": records of a dense tree are not compressed"));
  const uint32_t given_out = record_.compression.dictionaries;
  record_.compression = compression;
  record_.compression.dictionaries = std::max(given_out, compression.dictionaries);
  tree_.Reset(tree_.root(), record_.values());
  changed_ = txn_.changed_ = true;
  if (std::string* log = txn_.LogFor(sizeof compression))
    AppendCompression(log, record_.id, record_.compression);
  return absl::OkStatus();
}

absl::Status OpenTree::AddDictionary(uint32_t version, std::string_view bytes) {
  SHEAF_RETURN_IF_ERROR(CheckAlive());
  absl::StatusOr<DictionaryRef> made = pager::Dictionary::Make(bytes, version);
  if (!made.ok()) return absl::DataLossError(made.status().message());
  SHEAF_RETURN_IF_ERROR(
      txn_.Broken(StoreDictionary(&txn_.catalog_, record_.id, version, bytes)));
  made_.push_back(*std::move(made));
  record_.compression.dictionaries = std::max(record_.compression.dictionaries, version);
  changed_ = txn_.changed_ = true;
  if (std::string* log = txn_.LogFor(bytes.size()))
    AppendDictionary(log, record_.id, version, bytes);
  return absl::OkStatus();
}

absl::Status OpenTree::SetCompression(const Compression& wanted) {
  SHEAF_RETURN_IF_ERROR(CheckAlive());
  SHEAF_RETURN_IF_ERROR(CheckCompression(wanted));
  TreeCompression next = BeginCompression(wanted);
  next.dictionary = record_.compression.dictionary;
  next.dictionaries = record_.compression.dictionaries;
  if (root().page) {
    if (next.encoded && !record_.compression.encoded)
      return absl::FailedPreconditionError(absl::StrCat(
          record_.name,
          ": holds values that were put without compression: it has to be recompressed"));
    next.encoded = record_.compression.encoded;
  }
  return StoreCompression(next);
}

// --- Dictionaries -----------------------------------------------------------

bool OpenTree::TrainingIsDue() const {
  const TreeCompression& c = record_.compression;
  return c.wanted.dictionary && c.dictionary == 0 &&
         root().entries >= c.wanted.dictionary_at;
}

// Numbers the dictionary in `*next`. Where the samples are too few or too different, it is
// to be tried again later.
absl::StatusOr<std::string> OpenTree::Train(const Samples& samples,
                                            TreeCompression* next) {
  const absl::Time begin = absl::Now();
  absl::StatusOr<std::string> bytes = samples.Train(next->wanted);
  if (!bytes.ok()) {
    TrainLater(next, root().entries);
    return bytes;
  }
  next->dictionary = ++next->dictionaries;
  if (Observer* observer = txn_.store_.options().observer)
    observer->OnTrain(
        {record_.name, next->dictionary, bytes->size(), absl::Now() - begin});
  return bytes;
}

absl::Status OpenTree::TrainFrom(const Samples& samples) {
  TreeCompression next = record_.compression;
  const absl::StatusOr<std::string> bytes = Train(samples, &next);
  if (bytes.ok()) SHEAF_RETURN_IF_ERROR(AddDictionary(next.dictionary, *bytes));
  return StoreCompression(next);
}

// The value a cursor is at; false when it has more than `bytes_max` bytes or is damaged.
absl::StatusOr<bool> OpenTree::ReadShort(const btree::NodeView::LeafValue& v,
                                         uint64_t bytes_max, std::string* buffer,
                                         std::string_view* value) {
  pager::Pager* const pager = txn_.context_.pager;
  ValueCodec::Head head{.size = v.size};
  absl::Status status;
  if (record_.compression.encoded) {
    const absl::StatusOr<ValueCodec::Head> read = ReadHead(pager, v);
    status = read.status();
    if (read.ok()) head = *read;
  }
  std::string_view stored;
  if (status.ok() && head.size > bytes_max) return false;
  if (status.ok()) status = btree::WholeValue(pager, v, &large_, &stored);
  if (status.ok()) status = Open(stored, buffer, value);
  if (status.ok() || absl::IsDataLoss(status)) return status.ok();
  return status;
}

// Values from all of the tree, evenly.
absl::Status OpenTree::TakeSamples(Samples* samples) {
  const uint64_t entries = root().entries, n = std::min<uint64_t>(entries, kSamples);
  btree::TreeCursor cursor(txn_.context_, &tree_.root(), nullptr);
  std::string buffer;
  std::string_view value;
  for (uint64_t i = 0; i < n && !samples->full(); ++i) {
    SHEAF_ASSIGN_OR_RETURN(
        const std::string key,
        btree::TreeReader(txn_.context_, tree_.root()).KeyAt(entries * i / n));
    if (!cursor.Seek(key)) return cursor.status();
    SHEAF_ASSIGN_OR_RETURN(
        const bool is_short,
        ReadShort(cursor.value(), Samples::kValueBytesMax, &buffer, &value));
    if (is_short) samples->Add(value);
  }
  return absl::OkStatus();
}

// What is damaged already is no reason to refuse what is put: it is left out.
absl::Status OpenTree::TrainFromEntries() {
  Samples samples;
  const absl::Status taken = TakeSamples(&samples);
  if (!taken.ok() && !absl::IsDataLoss(taken)) return taken;
  SHEAF_RETURN_IF_ERROR(TrainFrom(samples));
  if (record_.compression.dictionary == 0) return absl::OkStatus();
  const absl::Status again = EncodeAgain();
  return absl::IsDataLoss(again) ? txn_.broken_ : again;
}

absl::Status OpenTree::EncodeAgain() {
  size_t bytes = 0;
  std::string key, buffer, again;
  std::string_view value;
  btree::TreeCursor cursor(txn_.context_, &tree_.root(), tree_.changes());
  for (cursor.SeekFirst(); cursor.Valid() && bytes < kEncodedAgainMax; cursor.Next()) {
    key = cursor.key();
    const uint64_t stored = cursor.value().size;
    SHEAF_ASSIGN_OR_RETURN(const bool is_short,
                           ReadShort(cursor.value(), kShortValue, &buffer, &value));
    if (!is_short) continue;
    SHEAF_RETURN_IF_ERROR(Encode(value, &again));
    bytes += value.size();
    if (again.size() >= stored) continue;
    bool existed = false;
    SHEAF_RETURN_IF_ERROR(PutStored(key, again, BTree::PutMode::kUpsert, &existed));
  }
  return cursor.status();
}

// --- Bulk -------------------------------------------------------------------

// Encodes what another source has; the first entries wait for the dictionary that is
// trained from them.
class OpenTree::EncodedSource {
 public:
  EncodedSource(OpenTree* tree, BTree::NextFn next) : tree_(*tree), next_(next) {}

  bool Next(std::string_view* key, std::string_view* stored) {
    if (!std::exchange(begun_, true)) status_ = Begin();
    if (!status_.ok() || !Take(key, stored)) return false;
    status_ = tree_.Encode(*stored, &stored_);
    *stored = stored_;
    return status_.ok();
  }
  const absl::Status& status() const { return status_; }

 private:
  absl::Status Begin() {
    const TreeCompression& c = tree_.record_.compression;
    if (!c.wanted.dictionary || c.dictionary != 0) return absl::OkStatus();
    Samples samples;
    std::string_view key, value;
    size_t bytes = 0;
    const auto enough = [&] {
      return waiting_.size() >= c.wanted.dictionary_at || samples.full() ||
             bytes >= kWaitingMax;
    };
    while (!enough() && next_(&key, &value)) {
      bytes += key.size() + value.size();
      samples.Add(value);
      waiting_.emplace_back(key, value);
    }
    return enough() ? tree_.TrainFrom(samples) : absl::OkStatus();
  }
  bool Take(std::string_view* key, std::string_view* value) {
    if (at_ == waiting_.size()) {
      waiting_.clear();
      at_ = 0;
      return next_(key, value);
    }
    *key = waiting_[at_].first;
    *value = waiting_[at_++].second;
    return true;
  }

  OpenTree& tree_;
  BTree::NextFn next_;
  bool begun_ = false;
  std::vector<std::pair<std::string, std::string>> waiting_;
  size_t at_ = 0;
  std::string stored_;
  absl::Status status_;
};

absl::Status OpenTree::BulkLoad(BTree::NextFn next,
                                absl::FunctionRef<absl::Status(uint64_t)> tick) {
  if (!record_.compression.encoded) return BulkLoadStored(next, tick);
  SHEAF_RETURN_IF_ERROR(CheckAlive());
  const TreeCompression before = record_.compression;
  EncodedSource source(this, next);
  absl::Status loaded =
      BulkLoadStored([&](std::string_view* key,
                         std::string_view* stored) { return source.Next(key, stored); },
                     tick);
  if (loaded.ok() && !source.status().ok()) {
    SHEAF_RETURN_IF_ERROR(txn_.Broken(tree_.Clear()));
    loaded = absl::IsInvalidArgument(source.status()) ? source.status()
                                                      : txn_.Broken(source.status());
  }
  if (loaded.ok() || !txn_.broken_.ok() || root().page) return loaded;
  // The table is empty again: what its values had in common is none of the next ones'.
  SHEAF_RETURN_IF_ERROR(
      txn_.Broken(txn_.DeleteDictionaries(record_, before.dictionary + 1)));
  SHEAF_RETURN_IF_ERROR(StoreCompression(before));
  return loaded;
}

absl::Status OpenTree::Recompress(const Compression& wanted,
                                  absl::FunctionRef<absl::Status(uint64_t)> tick) {
  SHEAF_RETURN_IF_ERROR(CheckAlive());
  SHEAF_RETURN_IF_ERROR(CheckCompression(wanted));
  TreeCompression next = BeginCompression(wanted);
  next.dictionaries = record_.compression.dictionaries;
  DictionaryRef made;
  if (wanted.dictionary && root().entries >= wanted.dictionary_at) {
    Samples samples;
    SHEAF_RETURN_IF_ERROR(TakeSamples(&samples));
    const absl::StatusOr<std::string> bytes = Train(samples, &next);
    if (bytes.ok()) {
      SHEAF_ASSIGN_OR_RETURN(made, pager::Dictionary::Make(*bytes, next.dictionary));
    }
  }
  if (txn_.logging_) txn_.by_checkpoint_ = true;
  BTree rebuilt(&txn_.writer_, {},
                next.encoded ? btree::Values::kEncoded : btree::Values::kPlain,
                static_cast<uint32_t>(record_.id));
  const absl::Status built = Rebuild(next, made.get(), &rebuilt, tick);
  if (absl::IsInvalidArgument(built) || absl::IsCancelled(built) ||
      absl::IsDeadlineExceeded(built))
    return built;  // and nothing has changed
  SHEAF_RETURN_IF_ERROR(txn_.Broken(built));
  return txn_.Broken(Replace(next, made, rebuilt.root()));
}

absl::Status OpenTree::Rebuild(const TreeCompression& next,
                               const pager::Dictionary* dictionary, BTree* rebuilt,
                               absl::FunctionRef<absl::Status(uint64_t)> tick) {
  TreeSource source(txn_.context_, record_.kind, &tree_.root());
  absl::Status opened;
  std::string buffer, stored;
  const auto take = [&](std::string_view* key, std::string_view* value) {
    if (!source.Next(key, value)) return false;
    opened = Open(*value, &buffer, value);
    if (opened.ok() && next.encoded) opened = CheckEncodable(value->size());
    if (!opened.ok() || !next.encoded) return opened.ok();
    stored.clear();
    ValueCodec::Encode(*value, static_cast<Codec>(next.wanted.kind), next.wanted.level,
                       dictionary, &stored);
    *value = stored;
    return true;
  };
  const absl::Status built = rebuilt->BulkLoad(take, tick);
  if (absl::IsInvalidArgument(built))  // it was in order when it was put
    return absl::DataLossError(
        absl::StrCat(record_.name, ": is damaged: ", std::string(built.message())));
  SHEAF_RETURN_IF_ERROR(built);
  if (opened.ok()) opened = source.status();
  if (!opened.ok()) SHEAF_RETURN_IF_ERROR(rebuilt->Clear());
  return opened;
}

absl::Status OpenTree::Replace(const TreeCompression& next, const DictionaryRef& made,
                               const btree::TreeRoot& root) {
  SHEAF_RETURN_IF_ERROR(tree_.Clear());
  changed_ = txn_.changed_ = true;
  SHEAF_RETURN_IF_ERROR(txn_.DeleteDictionaries(record_, 0));
  SHEAF_RETURN_IF_ERROR(StoreCompression(next));
  tree_.Reset(root, record_.values());
  return made == nullptr ? absl::OkStatus()
                         : AddDictionary(made->version(), made->bytes());
}

}  // namespace sheaf::catalog
