#include "catalog/expiry.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "pager/status_macros.h"

namespace sheaf::catalog {

using btree::BTree;

namespace {

constexpr char kAt = 'a', kOfKey = 'k';
constexpr std::string_view kSettings = "s";
// The hidden ones are kept in memory up to so many, once that pays.
constexpr uint64_t kKeysMax = uint64_t{64} << 10;
constexpr uint64_t kAskedShare = 4;
constexpr size_t kRunMin = 32;  // shorter ones are deleted one by one

void AppendBigEndian(uint64_t number, std::string* out) {
  for (int shift = 56; shift >= 0; shift -= 8)
    out->push_back(static_cast<char>(number >> shift));
}

int64_t BigEndianAt(std::string_view bytes, size_t at) {
  uint64_t number = 0;
  for (const char c : bytes.substr(at, 8)) number = number << 8 | static_cast<uint8_t>(c);
  return static_cast<int64_t>(number);
}

// Of negative instants there are none.
std::string AtRow(int64_t instant, std::string_view key = {}) {
  std::string row(1, kAt);
  row.reserve(9 + key.size());
  AppendBigEndian(static_cast<uint64_t>(instant), &row);
  row.append(key);
  return row;
}

std::string KeyRow(std::string_view key) {
  std::string row(1, kOfKey);
  return row.append(key);
}

std::string Encode(const EntryExpiry& expiry) {
  std::string out;
  AppendBigEndian(static_cast<uint64_t>(expiry.at), &out);
  AppendBigEndian(static_cast<uint64_t>(expiry.sliding), &out);
  return out;
}

absl::Status Malformed() { return absl::DataLossError("a row of expiries is malformed"); }

absl::StatusOr<EntryExpiry> Decode(std::string_view value) {
  if (value.size() != 16) return Malformed();
  const EntryExpiry expiry{BigEndianAt(value, 0), BigEndianAt(value, 8)};
  if (expiry.at < 0 || expiry.sliding < 0) return Malformed();
  return expiry;
}

bool IsAtRow(std::string_view row) { return row.size() > 9 && row[0] == kAt; }
bool IsKeyRow(std::string_view row) { return row.size() > 1 && row[0] == kOfKey; }

}  // namespace

std::string ExpiryName(TreeId owner) {
  return absl::StrCat(std::string(kExpiryNamePrefix), owner);
}

std::optional<TreeId> OwnerOfExpiries(std::string_view name) {
  if (!name.starts_with(kExpiryNamePrefix)) return std::nullopt;
  TreeId id = 0;
  if (!absl::SimpleAtoi(std::string(name.substr(kExpiryNamePrefix.size())), &id))
    return std::nullopt;
  return id;
}

absl::Status LostExpiries(const TreeRecord& owner) {
  return absl::DataLossError(
      absl::StrCat(owner.name, ": when its entries expire is lost"));
}

absl::Status CheckExpiringKey(std::string_view key) {
  if (key.size() <= kExpiringKeyMax) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("key of ", key.size(),
                   " bytes: that of an entry that expires has 1 to ", kExpiringKeyMax));
}

// --- Reading ------------------------------------------------------------------

absl::StatusOr<uint64_t> Expiries::Count() const {
  return rows_.reader().Rank(std::string(1, kAt + 1));
}

absl::StatusOr<uint64_t> Expiries::Hidden() {
  if (hidden_.has_value() && counted_at_ == changes()) return *hidden_;
  SHEAF_ASSIGN_OR_RETURN(hidden_, rows_.reader().Rank(AtRow(now_ + 1)));
  counted_at_ = changes();
  asked_ = 0;
  keys_.reset();
  return *hidden_;
}

absl::Status Expiries::ForEachHidden(
    absl::FunctionRef<bool(std::string_view key)> fn) const {
  btree::TreeCursor cursor = rows_.NewCursor();
  for (cursor.SeekFirst(); cursor.Valid(); cursor.Next()) {
    const std::string_view row = cursor.key();
    if (row[0] != kAt) break;
    if (!IsAtRow(row)) return Malformed();
    if (BigEndianAt(row, 1) > now_ || !fn(row.substr(9))) break;
  }
  return cursor.status();
}

absl::StatusOr<std::optional<int64_t>> Expiries::NextInstant() const {
  return FirstAtOrAfter(std::string(1, kAt));
}

absl::StatusOr<std::optional<int64_t>> Expiries::NextInstantToCome() const {
  return FirstAtOrAfter(AtRow(now_ + 1));
}

absl::StatusOr<std::optional<int64_t>> Expiries::FirstAtOrAfter(
    std::string_view row) const {
  btree::TreeCursor cursor = rows_.NewCursor();
  const bool there = cursor.Seek(row) && IsAtRow(cursor.key());
  SHEAF_RETURN_IF_ERROR(cursor.status());
  if (!there) return std::optional<int64_t>();
  return std::optional<int64_t>(BigEndianAt(cursor.key(), 1));
}

absl::StatusOr<bool> Expiries::HasKeys() {
  SHEAF_ASSIGN_OR_RETURN(const uint64_t hidden, Hidden());
  if (keys_.has_value()) return true;
  if (hidden > kKeysMax) return false;
  std::vector<std::string> keys;
  keys.reserve(hidden);
  SHEAF_RETURN_IF_ERROR(ForEachHidden([&](std::string_view key) {
    keys.emplace_back(key);
    return true;
  }));
  std::sort(keys.begin(), keys.end());
  keys_ = std::move(keys);
  return true;
}

absl::StatusOr<bool> Expiries::IsHidden(std::string_view key) {
  SHEAF_ASSIGN_OR_RETURN(const uint64_t hidden, Hidden());
  if (hidden == 0) return false;
  // Whoever asks often, as scans do, had better have them all in memory.
  if (keys_.has_value() || ++asked_ > hidden / kAskedShare) {
    SHEAF_ASSIGN_OR_RETURN(const bool has, HasKeys());
    if (has) return std::binary_search(keys_->begin(), keys_->end(), key);
  }
  SHEAF_ASSIGN_OR_RETURN(const std::optional<EntryExpiry> expiry, Find(key));
  return expiry.has_value() && expiry->at <= now_;
}

absl::StatusOr<uint64_t> Expiries::HiddenIn(std::string_view from,
                                            const std::string* to) {
  SHEAF_ASSIGN_OR_RETURN(const uint64_t hidden, Hidden());
  if (hidden == 0 || (from.empty() && to == nullptr)) return hidden;
  SHEAF_ASSIGN_OR_RETURN(const bool has, HasKeys());
  if (has) {
    const auto begin = std::lower_bound(keys_->begin(), keys_->end(), from);
    const auto end = to == nullptr ? keys_->end()
                                   : std::lower_bound(keys_->begin(), keys_->end(), *to);
    return end > begin ? static_cast<uint64_t>(end - begin) : 0;
  }
  uint64_t count = 0;
  SHEAF_RETURN_IF_ERROR(ForEachHidden([&](std::string_view key) {
    count += key >= from && (to == nullptr || key < *to);
    return true;
  }));
  return count;
}

absl::StatusOr<std::optional<EntryExpiry>> Expiries::Find(std::string_view key) const {
  if (key.size() > kExpiringKeyMax) return std::optional<EntryExpiry>();
  btree::Found found;
  SHEAF_RETURN_IF_ERROR(rows_.reader().Find(KeyRow(key), &found));
  if (!found.found) return std::optional<EntryExpiry>();
  SHEAF_ASSIGN_OR_RETURN(const EntryExpiry expiry, Decode(found.bytes));
  return std::optional<EntryExpiry>(expiry);
}

absl::StatusOr<std::optional<DefaultExpiry>> Expiries::Default() const {
  btree::Found found;
  SHEAF_RETURN_IF_ERROR(rows_.reader().Find(kSettings, &found));
  if (!found.found) return std::optional<DefaultExpiry>();
  if (found.bytes.size() != 9) return Malformed();
  return std::optional<DefaultExpiry>(
      DefaultExpiry{BigEndianAt(found.bytes, 0), found.bytes[8] != 0});
}

// --- Writing ------------------------------------------------------------------

absl::Status Expiries::Put(std::string_view row, std::string_view value) {
  bool existed = false;
  return open_->Put(row, value, BTree::PutMode::kUpsert, &existed);
}

absl::Status Expiries::Set(std::string_view key, const EntryExpiry& expiry) {
  SHEAF_RETURN_IF_ERROR(CheckExpiringKey(key));
  SHEAF_ASSIGN_OR_RETURN(const std::optional<EntryExpiry> old, Find(key));
  if (old == expiry) return absl::OkStatus();
  if (old.has_value() && old->at != expiry.at)
    SHEAF_RETURN_IF_ERROR(open_->Delete(AtRow(old->at, key)).status());
  if (!old.has_value() || old->at != expiry.at)
    SHEAF_RETURN_IF_ERROR(Put(AtRow(expiry.at, key), {}));
  SHEAF_RETURN_IF_ERROR(Put(KeyRow(key), Encode(expiry)));
  txn_->NoteExpiry(expiry.at);
  return absl::OkStatus();
}

absl::Status Expiries::Clear(std::string_view key) {
  SHEAF_ASSIGN_OR_RETURN(const std::optional<EntryExpiry> old, Find(key));
  if (!old.has_value()) return absl::OkStatus();
  SHEAF_RETURN_IF_ERROR(open_->Delete(AtRow(old->at, key)).status());
  return open_->Delete(KeyRow(key)).status();
}

absl::Status Expiries::Change(std::string_view key, const ExpiryChange& change) {
  ExpiryChange wanted = change;
  if (change.kind == ExpiryChange::Kind::kKeep) {
    SHEAF_ASSIGN_OR_RETURN(const std::optional<EntryExpiry> old, Find(key));
    if (!old.has_value()) return absl::OkStatus();
    // What has expired was not there.
    if (old->at <= now_)
      wanted.kind = ExpiryChange::Kind::kDefault;
    else
      return old->sliding > 0 ? Set(key, {now_ + old->sliding, old->sliding})
                              : absl::OkStatus();
  }
  if (wanted.kind == ExpiryChange::Kind::kDefault) {
    SHEAF_ASSIGN_OR_RETURN(const std::optional<DefaultExpiry> usual, Default());
    wanted.kind = ExpiryChange::Kind::kNever;
    if (usual.has_value())
      wanted = {ExpiryChange::Kind::kSet,
                {now_ + usual->after, usual->slides ? usual->after : 0}};
  }
  return wanted.kind == ExpiryChange::Kind::kSet ? Set(key, wanted.expiry) : Clear(key);
}

absl::Status Expiries::ClearRange(std::string_view from, const std::string* to) {
  const std::string first = KeyRow(from),
                    end = to == nullptr ? std::string(1, kOfKey + 1) : KeyRow(*to);
  SHEAF_ASSIGN_OR_RETURN(const uint64_t below, rows_.reader().Rank(first));
  SHEAF_ASSIGN_OR_RETURN(const uint64_t behind, rows_.reader().Rank(end));
  if (behind <= below) return absl::OkStatus();
  SHEAF_ASSIGN_OR_RETURN(const uint64_t count, Count());
  if (behind - below == count) {  // all
    const std::string all = std::string(1, kAt + 1);
    SHEAF_RETURN_IF_ERROR(open_->DeleteRange(std::string(1, kAt), &all).status());
    return open_->DeleteRange(first, &end).status();
  }
  btree::TreeCursor cursor = rows_.NewCursor();
  std::vector<std::string> rows;
  for (cursor.Seek(first); cursor.Valid() && cursor.key() < end; cursor.Next()) {
    SHEAF_ASSIGN_OR_RETURN(const EntryExpiry expiry, Decode(cursor.value().bytes));
    rows.push_back(AtRow(expiry.at, cursor.key().substr(1)));
  }
  SHEAF_RETURN_IF_ERROR(cursor.status());
  std::sort(rows.begin(), rows.end());
  SHEAF_RETURN_IF_ERROR(DeleteKeys(txn_, open_, rows));
  return open_->DeleteRange(first, &end).status();
}

absl::Status Expiries::ClearFirst(absl::Span<const std::string> keys) {
  if (keys.empty()) return absl::OkStatus();
  std::vector<std::string> rows;
  rows.reserve(keys.size());
  for (const std::string& key : keys) rows.push_back(KeyRow(key));
  SHEAF_ASSIGN_OR_RETURN(const std::optional<EntryExpiry> last, Find(keys.back()));
  if (!last.has_value()) return Malformed();
  std::string end = AtRow(last->at, keys.back());
  end.push_back('\0');
  SHEAF_RETURN_IF_ERROR(open_->DeleteRange(std::string(1, kAt), &end).status());
  std::sort(rows.begin(), rows.end());
  return DeleteKeys(txn_, open_, rows);
}

absl::Status Expiries::SetDefault(const std::optional<DefaultExpiry>& expiry) {
  if (!expiry.has_value()) return open_->Delete(kSettings).status();
  std::string value;
  AppendBigEndian(static_cast<uint64_t>(expiry->after), &value);
  value.push_back(expiry->slides ? '\1' : '\0');
  return Put(kSettings, value);
}

absl::StatusOr<bool> Expiries::Touch(std::string_view key) {
  SHEAF_ASSIGN_OR_RETURN(const std::optional<EntryExpiry> old, Find(key));
  if (!old.has_value() || old->at <= now_ || old->sliding == 0) return false;
  SHEAF_RETURN_IF_ERROR(Set(key, {now_ + old->sliding, old->sliding}));
  return true;
}

absl::Status DeleteKeys(WriteTxn* txn, OpenTree* tree,
                        absl::Span<const std::string> keys) {
  if (keys.size() >= kRunMin) {
    const btree::TreeReader reader(txn->context(), tree->root());
    SHEAF_ASSIGN_OR_RETURN(const uint64_t first, reader.Rank(keys.front()));
    SHEAF_ASSIGN_OR_RETURN(const uint64_t last, reader.Rank(keys.back()));
    if (last - first == keys.size() - 1) {
      // They are neighbours, unless some are missing.
      std::string end = keys.back();
      end.push_back('\0');
      SHEAF_ASSIGN_OR_RETURN(const uint64_t behind, reader.Rank(end));
      if (behind - first == keys.size())
        return tree->DeleteRange(keys.front(), &end).status();
    }
    const size_t half = keys.size() / 2;
    SHEAF_RETURN_IF_ERROR(DeleteKeys(txn, tree, keys.subspan(0, half)));
    return DeleteKeys(txn, tree, keys.subspan(half));
  }
  for (const std::string& key : keys) SHEAF_RETURN_IF_ERROR(tree->Delete(key).status());
  return absl::OkStatus();
}

// --- Of a tree in a write transaction -------------------------------------------

absl::StatusOr<Expiries*> OpenTree::FindExpiries() {
  SHEAF_RETURN_IF_ERROR(CheckAlive());
  if (expiries_ == nullptr) {
    SHEAF_ASSIGN_OR_RETURN(OpenTree * part, txn_.FindTree(ExpiryName(record_.id)));
    if (part == nullptr) return LostExpiries(record_);
    expiries_ = std::make_unique<Expiries>(&txn_, part);
  }
  return expiries_.get();
}

absl::StatusOr<Expiries*> OpenTree::MakeExpiries() {
  SHEAF_RETURN_IF_ERROR(CheckAlive());
  if (!record_.expires)
    SHEAF_RETURN_IF_ERROR(
        txn_.CreateTree(ExpiryName(record_.id), TreeKind::kExpiry, {}, {}).status());
  return FindExpiries();
}

absl::Status OpenTree::ChangeExpiry(std::string_view key, const ExpiryChange& change) {
  if (!record_.expires && change.kind != ExpiryChange::Kind::kSet)
    return absl::OkStatus();
  SHEAF_ASSIGN_OR_RETURN(Expiries* const expiries, MakeExpiries());
  return expiries->Change(key, change);
}

absl::Status OpenTree::CheckExpiry(std::string_view key, const ExpiryChange& change) {
  const bool may_expire = change.kind == ExpiryChange::Kind::kSet ||
                          (record_.expires && change.kind != ExpiryChange::Kind::kNever);
  if (!may_expire || key.size() <= kExpiringKeyMax) return absl::OkStatus();
  if (change.kind == ExpiryChange::Kind::kSet) return CheckExpiringKey(key);
  SHEAF_ASSIGN_OR_RETURN(Expiries* const expiries, FindExpiries());
  SHEAF_ASSIGN_OR_RETURN(const auto usual, expiries->Default());
  return usual.has_value() ? CheckExpiringKey(key) : absl::OkStatus();
}

absl::Status OpenTree::PutExpiring(std::string_view key, std::string_view value,
                                   const ExpiryChange& change) {
  SHEAF_RETURN_IF_ERROR(CheckExpiry(key, change));
  bool existed = false;
  SHEAF_RETURN_IF_ERROR(Put(key, value, BTree::PutMode::kUpsert, &existed));
  return ChangeExpiry(key, change);
}

absl::Status OpenTree::ClearExpiry(std::string_view key) {
  if (!record_.expires) return absl::OkStatus();
  SHEAF_ASSIGN_OR_RETURN(Expiries* const expiries, FindExpiries());
  return expiries->Clear(key);
}

absl::StatusOr<std::vector<TreeId>> ListExpiring(const btree::ReadContext& context,
                                                 const btree::TreeRoot& catalog) {
  std::vector<TreeId> owners;
  const std::string first = NameKey(kExpiryNamePrefix);
  btree::TreeCursor names(context, &catalog, nullptr);
  for (names.Seek(first); names.Valid() && names.key().starts_with(first); names.Next())
    if (const std::optional<TreeId> owner = OwnerOfExpiries(names.key().substr(1)))
      owners.push_back(*owner);
  SHEAF_RETURN_IF_ERROR(names.status());
  return owners;
}

// --- Check and repair -----------------------------------------------------------

absl::Status CheckExpiries(const TreeView& rows, HasEntryFn has_entry,
                           absl::FunctionRef<void(const std::string& what)> problem,
                           absl::FunctionRef<absl::Status(uint64_t)> tick) {
  uint64_t at = 0, of_key = 0, looked_at = 0, wrong = 0, orphans = 0;
  const Expiries expiries(rows, 0);
  btree::TreeCursor cursor = rows.NewCursor();
  for (cursor.SeekFirst(); cursor.Valid(); cursor.Next()) {
    if (++looked_at % 1024 == 0) SHEAF_RETURN_IF_ERROR(tick(looked_at));
    const std::string_view row = cursor.key();
    if (row == kSettings) {
      wrong += cursor.value().size != 9;
      continue;
    }
    if (IsAtRow(row)) {
      ++at;
      const absl::StatusOr<std::optional<EntryExpiry>> expiry =
          expiries.Find(row.substr(9));
      if (!expiry.ok() && !absl::IsDataLoss(expiry.status())) return expiry.status();
      wrong += !expiry.ok() || !expiry->has_value() ||
               (*expiry)->at != BigEndianAt(row, 1) || cursor.value().size != 0;
      continue;
    }
    if (!IsKeyRow(row) || cursor.value().is_large || !Decode(cursor.value().bytes).ok()) {
      ++wrong;
      continue;
    }
    ++of_key;
    SHEAF_ASSIGN_OR_RETURN(const bool there, has_entry(row.substr(1)));
    orphans += !there;
  }
  SHEAF_RETURN_IF_ERROR(cursor.status());
  const auto tell = [&](uint64_t count, const char* what) {
    if (count > 0) problem(absl::StrCat(count, " ", what));
  };
  tell(wrong, "rows of expiries are malformed or disagree");
  tell(orphans, "expiries are of entries that are not there");
  if (at != of_key)
    problem(absl::StrCat(at, " instants of expiry for ", of_key, " entries that expire"));
  return absl::OkStatus();
}

absl::Status RepairExpiries(WriteTxn* txn, OpenTree* rows, HasEntryFn has_entry) {
  Expiries expiries(txn, rows);
  const TreeView view(txn, rows);
  std::vector<std::string> lost;
  std::vector<std::pair<std::string, EntryExpiry>> kept;
  btree::TreeCursor cursor = view.NewCursor();
  for (cursor.SeekFirst(); cursor.Valid(); cursor.Next()) {
    const std::string_view row = cursor.key();
    if (row == kSettings && cursor.value().size == 9) continue;
    const std::string_view key = IsAtRow(row) ? row.substr(9) : row.substr(1);
    absl::StatusOr<bool> there = IsAtRow(row) || IsKeyRow(row) ? has_entry(key) : false;
    if (!there.ok()) return there.status();
    lost.emplace_back(row);  // and made anew
    if (!*there) continue;
    if (IsAtRow(row)) {
      SHEAF_ASSIGN_OR_RETURN(const bool known, [&]() -> absl::StatusOr<bool> {
        const auto found = expiries.Find(key);
        return found.ok() && found->has_value();
      }());
      if (!known) kept.push_back({std::string(key), {BigEndianAt(row, 1), 0}});
      continue;
    }
    const absl::StatusOr<EntryExpiry> expiry =
        cursor.value().is_large ? Malformed() : Decode(cursor.value().bytes);
    if (expiry.ok()) kept.push_back({std::string(key), *expiry});
  }
  SHEAF_RETURN_IF_ERROR(cursor.status());
  for (const std::string& row : lost) SHEAF_RETURN_IF_ERROR(rows->Delete(row).status());
  for (const auto& [key, expiry] : kept) SHEAF_RETURN_IF_ERROR(expiries.Set(key, expiry));
  return absl::OkStatus();
}

}  // namespace sheaf::catalog
