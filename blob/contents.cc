#include "blob/contents.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "btree/large_value.h"
#include "pager/assert.h"
#include "pager/coding.h"
#include "pager/status_macros.h"

namespace sheaf::blobs {

using btree::BTree;

namespace {

constexpr size_t kCopyBytes = size_t{256} << 10;

absl::Status Damaged(const catalog::TreeView& view, const std::string& what) {
  return absl::DataLossError(absl::StrCat(view.record().name, ": ", what));
}

std::string Fixed64(uint64_t value) {
  std::string bytes(8, '\0');
  pager::EncodeFixed64(bytes.data(), value);
  return bytes;
}

}  // namespace

// --- Reading ------------------------------------------------------------------

absl::StatusOr<btree::Found> Contents::FindRow(Row row, std::string_view key) const {
  btree::Found found;
  SHEAF_RETURN_IF_ERROR(view_.reader().Find(RowKey(row, key), &found));
  return found;
}

absl::StatusOr<std::optional<Contents::Found>> Contents::Find(
    std::string_view key) const {
  for (const Row row : kBlobRows) {
    SHEAF_ASSIGN_OR_RETURN(btree::Found found, FindRow(row, key));
    if (found.found) return Found{row, std::move(found)};
  }
  return std::optional<Found>();
}

absl::StatusOr<std::string> Contents::ValueOf(const btree::Found& found) const {
  std::string buffer;
  std::string_view value;
  SHEAF_RETURN_IF_ERROR(view_.ValueOf(found, &buffer, &value));
  return std::string(value);
}

absl::StatusOr<std::unique_ptr<ContentReader>> Contents::Open(
    std::string_view key) const {
  SHEAF_ASSIGN_OR_RETURN(std::optional<Found> found, Find(key));
  if (!found.has_value()) return nullptr;
  if (found->row == Row::kShared) {
    SHEAF_ASSIGN_OR_RETURN(const std::string digest, ValueOf(found->value));
    SHEAF_ASSIGN_OR_RETURN(found->value, FindRow(Row::kDigest, digest));
    if (!found->value.found) return Damaged(view_, "a content that blobs share is lost");
  }
  return ContentReader::Open(view_.context().pager, std::move(found->value),
                             found->row == Row::kCompressed
                                 ? ContentReader::Form::kFrames
                                 : ContentReader::Form::kPlain);
}

absl::StatusOr<std::optional<uint64_t>> Contents::ReadAt(std::string_view key,
                                                         uint64_t offset,
                                                         absl::Span<char> out) const {
  const auto size_from = [&](uint64_t size) -> absl::StatusOr<uint64_t> {
    if (offset <= size) return std::min<uint64_t>(out.size(), size - offset);
    return absl::OutOfRangeError(
        absl::StrCat("byte ", offset, " of a blob of ", size, " bytes"));
  };
  SHEAF_ASSIGN_OR_RETURN(const btree::Found own, FindRow(Row::kOwn, key));
  if (own.found) {
    SHEAF_ASSIGN_OR_RETURN(const uint64_t n, size_from(own.size()));
    if (!own.is_large)
      std::memcpy(out.data(), own.bytes.data() + offset, n);
    else
      SHEAF_RETURN_IF_ERROR(
          btree::ReadLarge(view_.context().pager, own.large, offset, out.subspan(0, n)));
    return std::optional(n);
  }
  SHEAF_ASSIGN_OR_RETURN(const std::unique_ptr<ContentReader> reader, Open(key));
  if (reader == nullptr) return std::optional<uint64_t>();
  SHEAF_ASSIGN_OR_RETURN(const uint64_t n, size_from(reader->size()));
  SHEAF_RETURN_IF_ERROR(reader->Read(offset, out.subspan(0, n)));
  return std::optional(n);
}

absl::StatusOr<bool> Contents::Has(std::string_view key) const {
  SHEAF_ASSIGN_OR_RETURN(const std::optional<Found> found, Find(key));
  return found.has_value();
}

absl::StatusOr<uint64_t> Contents::CountOf(std::string_view digest) const {
  SHEAF_ASSIGN_OR_RETURN(const btree::Found found, FindRow(Row::kCount, digest));
  if (!found.found) return 0;
  SHEAF_ASSIGN_OR_RETURN(const std::string bytes, ValueOf(found));
  if (bytes.size() != 8) return Damaged(view_, "a count of blobs is no number");
  return pager::DecodeFixed64(bytes.data());
}

absl::StatusOr<uint64_t> Contents::SharedBy(std::string_view key) const {
  SHEAF_ASSIGN_OR_RETURN(const btree::Found found, FindRow(Row::kShared, key));
  if (!found.found) return 0;
  SHEAF_ASSIGN_OR_RETURN(const std::string digest, ValueOf(found));
  return CountOf(digest);
}

absl::StatusOr<bool> Contents::IsShared(std::string_view name_space) const {
  SHEAF_ASSIGN_OR_RETURN(const btree::Found found, FindRow(Row::kNamespace, name_space));
  return found.found;
}

absl::Status Contents::ForEachKey(
    absl::FunctionRef<absl::Status(std::string_view key, Row row)> fn) const {
  for (const Row row : kBlobRows) {
    btree::TreeCursor cursor = view_.NewCursor();
    const char first = static_cast<char>(row);
    for (cursor.Seek({&first, 1}); cursor.Valid() && cursor.key()[0] == first;
         cursor.Next())
      SHEAF_RETURN_IF_ERROR(fn(cursor.key().substr(1), row));
    SHEAF_RETURN_IF_ERROR(cursor.status());
  }
  return absl::OkStatus();
}

absl::StatusOr<Contents::Stats> Contents::Measure(
    absl::FunctionRef<absl::Status(uint64_t)> tick) const {
  Stats stats;
  uint64_t rows = 0;
  std::string digest;  // 'd' rows come before the 'n' rows, in the same order
  std::map<std::string, uint64_t> sizes;
  btree::TreeCursor cursor = view_.NewCursor();
  for (cursor.SeekFirst(); cursor.Valid(); cursor.Next()) {
    const btree::NodeView::LeafValue value = cursor.value();
    const std::string_view key = cursor.key().substr(1);
    switch (static_cast<Row>(cursor.key()[0])) {
      case Row::kOwn:
        ++stats.own, stats.own_bytes += value.size;
        break;
      case Row::kCompressed:
        ++stats.compressed, stats.compressed_bytes += value.size;
        break;
      case Row::kShared:
        ++stats.shared;
        break;
      case Row::kDigest:
        ++stats.digests, stats.digest_bytes += value.size;
        sizes.emplace(key, value.size);
        break;
      case Row::kCount:
        if (const auto it = sizes.find(std::string(key));
            it != sizes.end() && value.bytes.size() == 8)
          stats.shared_bytes += it->second * pager::DecodeFixed64(value.bytes.data());
        break;
      case Row::kNamespace:
        break;
    }
    SHEAF_RETURN_IF_ERROR(tick(++rows));
  }
  SHEAF_RETURN_IF_ERROR(cursor.status());
  return stats;
}

// By digest, how many 's' rows name it.
absl::StatusOr<std::map<std::string, uint64_t>> Contents::CountShared() const {
  std::map<std::string, uint64_t> counted;
  SHEAF_RETURN_IF_ERROR(ForEachKey([&](std::string_view key, Row row) -> absl::Status {
    if (row != Row::kShared) return absl::OkStatus();
    SHEAF_ASSIGN_OR_RETURN(const btree::Found found, FindRow(row, key));
    SHEAF_ASSIGN_OR_RETURN(std::string digest, ValueOf(found));
    ++counted[std::move(digest)];
    return absl::OkStatus();
  }));
  return counted;
}

absl::Status Contents::Check(absl::FunctionRef<void(const std::string& what)> problem,
                             absl::FunctionRef<absl::Status(uint64_t)> tick) const {
  SHEAF_ASSIGN_OR_RETURN(const auto counted, CountShared());
  uint64_t keys = 0;
  SHEAF_RETURN_IF_ERROR(ForEachKey([&](std::string_view key, Row row) -> absl::Status {
    for (const Row other : kBlobRows) {
      SHEAF_ASSIGN_OR_RETURN(const btree::Found found, FindRow(other, key));
      if (found.found && other != row) problem("a blob has two contents");
    }
    return tick(++keys);
  }));
  for (const auto& [digest, count] : counted) {
    SHEAF_ASSIGN_OR_RETURN(const btree::Found found, FindRow(Row::kDigest, digest));
    if (!found.found)
      problem(absl::StrCat("content ", absl::BytesToHexString(digest), " is lost"));
  }
  for (const Row row : {Row::kDigest, Row::kCount}) {
    btree::TreeCursor cursor = view_.NewCursor();
    const char first = static_cast<char>(row);
    for (cursor.Seek({&first, 1}); cursor.Valid() && cursor.key()[0] == first;
         cursor.Next()) {
      const std::string digest(cursor.key().substr(1));
      const auto it = counted.find(digest);
      const absl::StatusOr<uint64_t> count = CountOf(digest);
      if (it == counted.end() || !count.ok() || *count != it->second)
        problem(absl::StrCat("content ", absl::BytesToHexString(digest),
                             ": its count is not that of its blobs"));
    }
    SHEAF_RETURN_IF_ERROR(cursor.status());
  }
  return absl::OkStatus();
}

// --- Changing -----------------------------------------------------------------

absl::Status Contents::PutRow(Row row, std::string_view key, std::string_view value) {
  bool existed = false;
  return tree_->PutStored(RowKey(row, key), value, BTree::PutMode::kUpsert, &existed);
}

absl::Status Contents::SetShared(std::string_view name_space, bool shared) {
  if (shared) return PutRow(Row::kNamespace, name_space, {"\1", 1});
  return tree_->Delete(RowKey(Row::kNamespace, name_space)).status();
}

absl::Status Contents::AddToCount(std::string_view digest, int64_t delta) {
  SHEAF_ASSIGN_OR_RETURN(const uint64_t before, CountOf(digest));
  const uint64_t count = before + static_cast<uint64_t>(delta);
  if (delta < 0 && before == 0)
    return Damaged(view_, "a content is shared by fewer blobs than have it");
  if (count > 0) return PutRow(Row::kCount, digest, Fixed64(count));
  SHEAF_RETURN_IF_ERROR(tree_->Delete(RowKey(Row::kCount, digest)).status());
  return tree_->Delete(RowKey(Row::kDigest, digest)).status();
}

absl::Status Contents::PutContent(Row row, std::string_view key,
                                  const ContentWriter::Finished& content) {
  if (!content.large.has_value()) return PutRow(row, key, content.bytes);
  return tree_->PutLarge(
      RowKey(row, key), *content.large,
      content.continues ? BTree::OldValue::kTakenOver : BTree::OldValue::kGiveUp);
}

absl::Status Contents::PutShared(std::string_view key,
                                 const ContentWriter::Finished& content) {
  const std::string_view digest(content.digest->data(), content.digest->size());
  SHEAF_ASSIGN_OR_RETURN(const btree::Found there, FindRow(Row::kDigest, digest));
  if (!there.found)
    SHEAF_RETURN_IF_ERROR(PutContent(Row::kDigest, digest, content));
  else if (content.large.has_value())  // what was written is there already
    SHEAF_RETURN_IF_ERROR(btree::GiveUpLarge(txn_->page_writer(), *content.large));
  SHEAF_RETURN_IF_ERROR(AddToCount(digest, 1));
  return PutRow(Row::kShared, key, digest);
}

// What the key had, and has not any more.
absl::Status Contents::Remove(Row row, std::string_view key, std::string_view digest) {
  if (row == Row::kShared) return AddToCount(digest, -1);
  return tree_->Delete(RowKey(row, key)).status();
}

absl::Status Contents::Replace(std::string_view key, bool is_new,
                               const ContentWriter::Finished& content, bool shared) {
  std::optional<Row> old;
  std::string old_digest;
  if (!is_new) {
    SHEAF_ASSIGN_OR_RETURN(const std::optional<Found> found, Find(key));
    if (found.has_value()) {
      old = found->row;
      if (*old == Row::kShared) {
        SHEAF_ASSIGN_OR_RETURN(old_digest, ValueOf(found->value));
      }
    }
  }
  Row row = content.compressed ? Row::kCompressed : Row::kOwn;
  if (shared && content.digest.has_value()) row = Row::kShared;
  SHEAF_RETURN_IF_ERROR(row == Row::kShared ? PutShared(key, content)
                                            : PutContent(row, key, content));
  if (!old.has_value()) return absl::OkStatus();
  if (*old == Row::kShared && row != Row::kShared)
    SHEAF_RETURN_IF_ERROR(tree_->Delete(RowKey(Row::kShared, key)).status());
  return *old == row && row != Row::kShared ? absl::OkStatus()
                                            : Remove(*old, key, old_digest);
}

absl::StatusOr<bool> Contents::DeleteRows(std::string_view key) {
  Row row;
  std::string digest;
  {
    SHEAF_ASSIGN_OR_RETURN(const std::optional<Found> found, Find(key));
    if (!found.has_value()) return false;
    row = found->row;
    if (row == Row::kShared) {
      SHEAF_ASSIGN_OR_RETURN(digest, ValueOf(found->value));
      SHEAF_RETURN_IF_ERROR(tree_->Delete(RowKey(row, key)).status());
    }
  }
  SHEAF_RETURN_IF_ERROR(Remove(row, key, digest));
  return true;
}

// Has it all that is needed to read it, and no row that comes before it?
absl::StatusOr<bool> Contents::IsWhole(Row row, std::string_view key) const {
  SHEAF_ASSIGN_OR_RETURN(const std::optional<Found> first, Find(key));
  if (first->row != row) return false;
  const absl::Status opened = Open(key).status();
  if (absl::IsDataLoss(opened)) return false;
  SHEAF_RETURN_IF_ERROR(opened);
  return true;
}

absl::Status Contents::Repair() {
  std::vector<std::string> lost;  // whole keys
  SHEAF_RETURN_IF_ERROR(ForEachKey([&](std::string_view key, Row row) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(const bool is_whole, IsWhole(row, key));
    if (!is_whole) lost.push_back(RowKey(row, key));
    return absl::OkStatus();
  }));
  for (const std::string& row : lost) SHEAF_RETURN_IF_ERROR(tree_->Delete(row).status());
  lost.clear();
  SHEAF_ASSIGN_OR_RETURN(const auto counted, CountShared());
  for (const Row row : {Row::kDigest, Row::kCount}) {
    btree::TreeCursor cursor = view_.NewCursor();
    const char first = static_cast<char>(row);
    for (cursor.Seek({&first, 1}); cursor.Valid() && cursor.key()[0] == first;
         cursor.Next())
      if (!counted.contains(std::string(cursor.key().substr(1))))
        lost.emplace_back(cursor.key());
    SHEAF_RETURN_IF_ERROR(cursor.status());
  }
  for (const std::string& row : lost) SHEAF_RETURN_IF_ERROR(tree_->Delete(row).status());
  for (const auto& [digest, count] : counted)
    SHEAF_RETURN_IF_ERROR(PutRow(Row::kCount, digest, Fixed64(count)));
  return absl::OkStatus();
}

absl::Status Contents::CopyInto(std::string_view key, ContentWriter* writer) const {
  SHEAF_ASSIGN_OR_RETURN(const std::unique_ptr<ContentReader> reader, Open(key));
  SHEAF_ASSERT(reader != nullptr);
  std::string piece;
  for (uint64_t at = 0; at < reader->size(); at += piece.size()) {
    piece.resize(std::min<uint64_t>(kCopyBytes, reader->size() - at));
    SHEAF_RETURN_IF_ERROR(reader->Read(at, absl::MakeSpan(piece.data(), piece.size())));
    SHEAF_RETURN_IF_ERROR(writer->Append(piece));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<btree::LargeRef>> Contents::FindStreamed(
    std::string_view key) const {
  SHEAF_ASSIGN_OR_RETURN(const btree::Found own, FindRow(Row::kOwn, key));
  if (!own.found || !own.is_large) return std::optional<btree::LargeRef>();
  SHEAF_ASSIGN_OR_RETURN(const bool streamed,
                         btree::IsStreamed(view_.context().pager, own.large));
  return streamed ? std::optional(own.large) : std::nullopt;
}

absl::StatusOr<std::unique_ptr<ContentWriter>> Contents::Continue(
    std::string_view key, const ContentOptions& options) {
  SHEAF_ASSIGN_OR_RETURN(const std::optional<btree::LargeRef> old, FindStreamed(key));
  auto writer = std::make_unique<ContentWriter>(
      txn_->page_writer(), old.has_value() ? ContentOptions() : options);
  SHEAF_RETURN_IF_ERROR(old.has_value() ? writer->Continue(*old)
                                        : CopyInto(key, writer.get()));
  return writer;
}

absl::StatusOr<bool> Contents::Overwrite(std::string_view key, uint64_t offset,
                                         std::string_view bytes) {
  SHEAF_ASSIGN_OR_RETURN(const std::optional<btree::LargeRef> old, FindStreamed(key));
  if (!old.has_value()) return false;
  SHEAF_ASSIGN_OR_RETURN(const btree::LargeRef changed,
                         btree::OverwriteLarge(txn_->page_writer(), *old, offset, bytes));
  SHEAF_RETURN_IF_ERROR(txn_->Fail(
      tree_->PutLarge(RowKey(Row::kOwn, key), changed, BTree::OldValue::kTakenOver)));
  return true;
}

absl::Status Contents::Put(std::string_view key, bool is_new,
                           const ContentWriter::Finished& content, bool shared) {
  return txn_->Fail(Replace(key, is_new, content, shared));
}

absl::StatusOr<bool> Contents::Delete(std::string_view key) {
  absl::StatusOr<bool> existed = DeleteRows(key);
  if (!existed.ok()) return txn_->Fail(existed.status());
  return existed;
}

}  // namespace sheaf::blobs
