// PageWriter: the pages of the running write transaction. It copies a page the
// first time it is touched (copy-on-write) and remembers which pages the
// transaction made and which it gave up, so that commit, rollback and savepoints
// know what becomes free.
//
// A page may be changed in place only when it was made under the current stamp
// and has not been written to the file. Setting a savepoint begins a new stamp,
// which freezes all pages made before it.
//
// Pointers it hands out stay good until the next Reserve. Pages it did not make
// are pinned until then.
//
// Single-writer.
#ifndef PAGER_PAGE_WRITER_H_
#define PAGER_PAGE_WRITER_H_
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pager/page.h"
#include "pager/pager.h"

namespace sheaf::pager {

class PageWriter {
 public:
  explicit PageWriter(Pager* pager)
      : pager_(*pager), buffer_(pager->buffer()), slot_(buffer_.slots().Acquire()) {}
  ~PageWriter() {
    Unpin();
    buffer_.slots().Release(slot_);
  }
  PageWriter(const PageWriter&) = delete;
  PageWriter& operator=(const PageWriter&) = delete;

  // Called before the first page is made, until it succeeded once.
  void set_before_first_page(std::function<absl::Status()> fn) {
    before_first_page_ = std::move(fn);
  }
  // Starts a transaction with this stamp. Requires: the one before has ended.
  void Begin(Stamp stamp);
  // Later pages get this stamp; earlier ones are frozen.
  void NewStamp(Stamp stamp) {
    stamp_ = stamp;
    ++generation_;
  }
  Stamp stamp() const { return stamp_; }

  // Call before an operation that makes up to `pages` base pages.
  absl::Status Reserve(uint64_t pages) {
    if (!pinned_.empty()) Unpin();
    if (buffer_.HasRoom(pages)) [[likely]]
      return absl::OkStatus();
    ++generation_;
    return buffer_.Reserve(pages);
  }
  // While this stays the same, pages of the current stamp are where they were.
  uint64_t generation() const { return generation_; }

  // Before pages are looked at by Peek: they stay until the guard ends, or until they
  // are copied. No page is loaded meanwhile, nor the first page made: see Prepare.
  void Enter(std::optional<EpochGuard>* guard) { guard->emplace(buffer_, slot_); }
  // The page, to be read under a guard; null when it is not in memory.
  const char* Peek(const PageRef& ref) { return buffer_.Peek(ref.id); }
  absl::Status Load(const PageRef& ref) { return buffer_.Load(ref); }
  bool prepared() const { return before_first_page_ == nullptr; }
  // What has to be done before the first page is made; New does it unasked.
  absl::Status Prepare();

  // A new page: header set, the rest undefined. `leaf_refs` as in PageRef.
  absl::StatusOr<char*> New(PageKind kind, uint32_t pages, PageRef* ref);
  // New pages side by side, 1 to `pages_max`, each a node of its own of the current stamp,
  // that have no place in memory: the caller writes them to the file before anybody can
  // come to read them. See WriteRun.
  absl::StatusOr<PageAllocator::Run> NewRun(uint32_t pages_max);
  // Seals the images of such pages, in place, and writes them. A full disk is the caller's
  // to undo; any other failure poisons.
  absl::Status WriteRun(const PageAllocator::Run& run, absl::Span<char> images);
  // Is the page one that the transaction made, and no rollback took back?
  bool Holds(const PageRef& ref) const;
  // Changes when pages that were made may be gone: at a rollback, also to a savepoint, and
  // where a transaction begins.
  uint64_t epoch() const { return epoch_; }
  uint64_t transaction() const { return transaction_; }  // how many began
  // The page, to be read. Stays until the next Reserve.
  absl::StatusOr<const char*> Read(const PageRef& ref);
  // The page, to be changed in place; null when it must be copied first, into a
  // page from New, after which the caller gives up the old one.
  char* InPlace(const PageRef& ref) { return buffer_.WritablePage(ref, stamp_); }
  // The page is no longer part of the transaction's trees.
  void GiveUp(const PageRef& ref);

  struct Mark {
    size_t given_up = 0;
    Stamp stamp = 0;
  };
  // What RollbackTo needs. NewStamp follows.
  Mark SetMark() const { return {given_up_.size(), stamp_}; }
  // Frees what was made after the mark, takes back what was given up after it.
  void RollbackTo(const Mark& mark);

  // Ends the transaction. Returns the pages that the version before it had and this
  // one lacks, until the next Begin. Pages made and given up again are freed.
  absl::Span<const PageRef> Commit();
  void Rollback();

  ReaderSlot* slot() const { return slot_; }
  uint64_t pages_given_up() const { return given_up_.size(); }
  // In base pages, of those behind the first `from`.
  uint64_t base_pages_given_up(size_t from) const {
    uint64_t pages = 0;
    for (; from < given_up_.size(); ++from) pages += given_up_[from].pages;
    return pages;
  }
  Pager& pager() { return pager_; }

 private:
  void Unpin();
  // Pages made after this stamp and not freed since; forgets them.
  std::vector<PageRef> TakeMade(Stamp after);

  Pager& pager_;
  BufferManager& buffer_;
  ReaderSlot* const slot_;
  Stamp first_stamp_ = 0;
  Stamp stamp_ = 0;
  uint64_t generation_ = 0;
  std::vector<PageRef> made_;  // some of them freed since: of each id the first so many
  absl::flat_hash_map<PageId, uint32_t> freed_;
  struct MadeRun : PageAllocator::Run {
    Stamp birth = 0;
  };
  std::vector<MadeRun> made_runs_;
  uint64_t epoch_ = 0, transaction_ = 0;
  std::vector<PageRef> given_up_;  // not yet free
  std::vector<PageId> pinned_;
  std::function<absl::Status()> before_first_page_;
};

}  // namespace sheaf::pager
#endif  // PAGER_PAGE_WRITER_H_
