// PageEditor: a database file as bytes, to be damaged on purpose. Edits seal the
// page again, so that what is wrong with it is its content and not its checksum:
// the file somebody would write who knows the format and means harm
// (RELIABILITY R9, B8, B9).
//
// Beside it, what the tests of damaged files share: whole files in and out of a
// FileSystem, and the question what a database makes of one.
#ifndef TESTS_SUPPORT_PAGE_EDITOR_H_
#define TESTS_SUPPORT_PAGE_EDITOR_H_
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "btree/node.h"
#include "catalog/tree_record.h"
#include "pager/file.h"
#include "pager/page.h"
#include "pager/superblock.h"
#include "sheaf/database.h"

namespace sheaf::test {

class PageEditor {
 public:
  // Requires: `file` is whole pages, the superblocks among them.
  explicit PageEditor(std::string file) : file_(std::move(file)) {}

  const std::string& file() const { return file_; }
  uint64_t page_count() const { return file_.size() / pager::kPageBytes; }
  void Resize(uint64_t pages) { file_.resize(pages * pager::kPageBytes); }
  char* page(pager::PageId id) { return file_.data() + id * pager::kPageBytes; }
  const char* page(pager::PageId id) const {
    return file_.data() + id * pager::kPageBytes;
  }

  // The node that begins there: its checksum is set right.
  void Seal(pager::PageId id);
  void Edit(pager::PageId id, const std::function<void(char*)>& edit);

  pager::Superblock superblock() const;
  // Both copies.
  void EditSuperblock(const std::function<void(pager::Superblock*)>& edit);

  // --- Trees. The catalog must be one leaf.
  catalog::TreeRecord Tree(std::string_view name) const;
  // The record may not change its size.
  void EditTree(std::string_view name,
                const std::function<void(catalog::TreeRecord*)>& edit);
  // Follows slot 0 down from the root; depth 0: the root itself.
  pager::PageRef Descendant(const pager::PageRef& root, int depth) const;
  // All pages below, itself included, parents first.
  std::vector<pager::PageRef> PagesOf(const pager::PageRef& root) const;
  // Where the cell's value, or the child's reference, of a slot begins.
  char* CellBody(pager::PageId id, uint32_t slot);
  void SetChild(pager::PageId id, uint32_t slot, const btree::ChildRef& child);

  // A copy of the page under a new id at the end of the file, not yet referred
  // to by anybody, marked live in the map. Returns its reference.
  pager::PageRef AppendCopy(const pager::PageRef& ref);

  // --- The map. One chunk.
  pager::PageRef map_index() const { return superblock().map.index[0]; }
  pager::PageRef map_page() const;
  bool IsLive(pager::PageId id) const;
  // With the count in the map's index kept right.
  void SetLive(pager::PageId id, bool live);
  std::vector<pager::PageId> LivePages() const;

 private:
  std::string file_;
};

std::string ReadWholeFile(pager::FileSystem* fs, const std::string& path);
void WriteWholeFile(pager::FileSystem* fs, const std::string& path,
                    std::string_view bytes);

// Everything in a database, tables and collections, by name and encoded key.
using Content = std::map<std::string, std::map<std::string, std::string>>;
absl::StatusOr<Content> ReadContent(Database* db);

// What a database makes of a file.
struct Verdict {
  absl::Status open;   // of Open
  absl::Status read;   // of reading all of it, forwards and by key
  Content content;     // when `read` is OK
  absl::Status check;  // of Check, as a call
  CheckReport report;

  // Somebody who looks would know.
  bool noticed() const { return !open.ok() || !check.ok() || !report.ok(); }
  std::string ToString() const;
};
Verdict Judge(pager::FileSystem* fs, const std::string& path, bool read_only);

// Codes that damage may have. Nothing else may come out of a damaged file.
bool IsDamageCode(const absl::Status& status);

}  // namespace sheaf::test
#endif  // TESTS_SUPPORT_PAGE_EDITOR_H_
