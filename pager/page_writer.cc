#include "pager/page_writer.h"

#include <utility>

#include "pager/assert.h"
#include "pager/status_macros.h"

namespace sheaf::pager {

void PageWriter::Begin(Stamp stamp) {
  SHEAF_ASSERT(made_.empty());
  SHEAF_ASSERT(given_up_.empty());
  first_stamp_ = stamp_ = stamp;
  none_made_ = true;
  ++generation_;
}

absl::StatusOr<char*> PageWriter::New(PageKind kind, uint32_t pages, PageRef* ref) {
  if (none_made_ && before_first_page_) SHEAF_RETURN_IF_ERROR(before_first_page_());
  none_made_ = false;
  SHEAF_ASSIGN_OR_RETURN(const PageId id, pager_.allocator().Allocate(pages));
  *ref = PageRef{id, stamp_, pages, false};
  SHEAF_ASSIGN_OR_RETURN(char* page, buffer_.NewPage(kind, *ref));
  made_[id] = *ref;
  return page;
}

absl::StatusOr<const char*> PageWriter::Read(const PageRef& ref) {
  if (const char* own = buffer_.WritablePage(ref, stamp_)) return own;
  SHEAF_ASSIGN_OR_RETURN(const char* page, buffer_.Pin(ref));
  pinned_.push_back(ref.id);
  return page;
}

void PageWriter::GiveUp(const PageRef& ref) {
  // Written under this stamp already: the place must not be written again under
  // the same (id, birth), so it stays taken until the transaction ends.
  if (ref.birth == stamp_ && buffer_.WritablePage(ref, stamp_) != nullptr) {
    made_.erase(ref.id);
    pager_.allocator().Free(ref);
    return;
  }
  given_up_.push_back(ref);
}

void PageWriter::RollbackTo(const Mark& mark) {
  Unpin();
  given_up_.resize(mark.given_up);
  std::vector<PageRef> gone;
  for (const auto& [id, ref] : made_)
    if (ref.birth > mark.stamp) gone.push_back(ref);
  for (const PageRef& ref : gone) made_.erase(ref.id);
  pager_.allocator().FreeAll(gone);
}

std::vector<PageRef> PageWriter::Commit() {
  Unpin();
  std::vector<PageRef> published, own;
  for (const PageRef& ref : given_up_)
    (ref.birth >= first_stamp_ ? own : published).push_back(ref);
  pager_.allocator().FreeAll(own);
  given_up_.clear();
  made_.clear();
  return published;
}

void PageWriter::Rollback() {
  Unpin();
  std::vector<PageRef> all;
  all.reserve(made_.size());
  for (const auto& [id, ref] : made_) all.push_back(ref);
  pager_.allocator().FreeAll(all);
  given_up_.clear();
  made_.clear();
}

void PageWriter::Unpin() {
  for (PageId id : pinned_) buffer_.Unpin(id);
  pinned_.clear();
}

}  // namespace sheaf::pager
