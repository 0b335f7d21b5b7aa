// Contents: the rows of a blob store, read and changed: which content belongs to which key,
// and how many keys share one.
//
// Keys are those of documents, encoded. Belongs to its transaction. Thread-compatible;
// what changes things is single-writer.
#ifndef BLOB_CONTENTS_H_
#define BLOB_CONTENTS_H_
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "blob/content_reader.h"
#include "blob/content_writer.h"
#include "blob/layout.h"
#include "catalog/tree_view.h"

namespace sheaf::blobs {

class Contents {
 public:
  // Of a snapshot, or (with both) of the running write transaction.
  explicit Contents(catalog::TreeView view) : view_(std::move(view)) {}
  Contents(catalog::WriteTxn* txn, catalog::OpenTree* tree)
      : view_(txn, tree), txn_(txn), tree_(tree) {}

  // Null: the key has no content.
  absl::StatusOr<std::unique_ptr<ContentReader>> Open(std::string_view key) const;
  // Fills `out` from `offset` on as far as there is something, with less ado than Open, and
  // says how much that was; null: the key has no content. kOutOfRange: `offset` lies behind
  // the end.
  absl::StatusOr<std::optional<uint64_t>> ReadAt(std::string_view key, uint64_t offset,
                                                 absl::Span<char> out) const;
  absl::StatusOr<bool> Has(std::string_view key) const;
  // How many keys share the content of this one; 0: it is its own, or there is none.
  absl::StatusOr<uint64_t> SharedBy(std::string_view key) const;
  absl::StatusOr<bool> IsShared(std::string_view name_space) const;

  struct Stats {
    uint64_t own = 0, compressed = 0, shared = 0;  // keys by their row
    uint64_t digests = 0;                          // contents that are shared
    uint64_t own_bytes = 0, compressed_bytes = 0, digest_bytes = 0;  // as stored
    uint64_t shared_bytes = 0;  // that keys of shared contents have together
  };
  // Looks at every row, and into none. `tick` hears of rows.
  absl::StatusOr<Stats> Measure(absl::FunctionRef<absl::Status(uint64_t)> tick) const;
  // What is always true (layout.h), but not the bytes of contents.
  absl::Status Check(absl::FunctionRef<void(const std::string& what)> problem,
                     absl::FunctionRef<absl::Status(uint64_t)> tick) const;
  // Calls `fn` with the key of every blob, in the order of rows, until an error.
  absl::Status ForEachKey(
      absl::FunctionRef<absl::Status(std::string_view key, Row row)> fn) const;

  // --- of a write transaction; an error of these (but of Continue) leaves only Rollback

  absl::Status SetShared(std::string_view name_space, bool shared);
  // The key has this content from now on; what it had before goes, if it is not new.
  // `shared`: is found by its digest, where it has one.
  absl::Status Put(std::string_view key, bool is_new,
                   const ContentWriter::Finished& content, bool shared);
  absl::StatusOr<bool> Delete(std::string_view key);
  // Writes over a range inside a content that was streamed and is the key's own. False, and
  // nothing has changed: it is another.
  absl::StatusOr<bool> Overwrite(std::string_view key, uint64_t offset,
                                 std::string_view bytes);
  // Of a salvaged store: makes true what always is (layout.h). Rows of contents that are
  // lost go, and counts are taken anew.
  absl::Status Repair();
  // A stream that goes on behind the content of the key. Copies one that is not as above,
  // by `options`. Requires: there is one.
  absl::StatusOr<std::unique_ptr<ContentWriter>> Continue(std::string_view key,
                                                          const ContentOptions& options);

 private:
  struct Found {
    Row row{};
    btree::Found value;
  };
  absl::StatusOr<std::optional<Found>> Find(std::string_view key) const;
  absl::StatusOr<btree::Found> FindRow(Row row, std::string_view key) const;
  absl::StatusOr<std::string> ValueOf(const btree::Found& found) const;
  absl::StatusOr<uint64_t> CountOf(std::string_view digest) const;
  absl::Status AddToCount(std::string_view digest, int64_t delta);
  absl::Status PutRow(Row row, std::string_view key, std::string_view value);
  absl::Status PutContent(Row row, std::string_view key,
                          const ContentWriter::Finished& content);
  absl::Status Replace(std::string_view key, bool is_new,
                       const ContentWriter::Finished& content, bool shared);
  absl::Status PutShared(std::string_view key, const ContentWriter::Finished& content);
  absl::StatusOr<bool> DeleteRows(std::string_view key);
  absl::Status Remove(Row row, std::string_view key, std::string_view digest);
  absl::StatusOr<std::optional<btree::LargeRef>> FindStreamed(std::string_view key) const;
  absl::Status CopyInto(std::string_view key, ContentWriter* writer) const;
  absl::StatusOr<bool> IsWhole(Row row, std::string_view key) const;
  absl::StatusOr<std::map<std::string, uint64_t>> CountShared() const;

  catalog::TreeView view_;
  catalog::WriteTxn* txn_ = nullptr;
  catalog::OpenTree* tree_ = nullptr;
};

}  // namespace sheaf::blobs
#endif  // BLOB_CONTENTS_H_
