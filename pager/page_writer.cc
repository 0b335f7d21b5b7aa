#include "pager/page_writer.h"

#include <algorithm>
#include <utility>

#include "pager/assert.h"
#include "pager/status_macros.h"

namespace sheaf::pager {

namespace {

// Lists of pages up to this size are kept for the next transaction.
constexpr size_t kListKeep = 4096;

}  // namespace

void PageWriter::Begin(Stamp stamp) {
  SHEAF_ASSERT(made_.empty() && made_runs_.empty());
  given_up_.clear();
  if (given_up_.capacity() > kListKeep) given_up_.shrink_to_fit();
  if (made_.capacity() > kListKeep) made_.shrink_to_fit();
  first_stamp_ = stamp_ = stamp;
  ++epoch_;
  ++transaction_;
  ++generation_;
}

absl::Status PageWriter::Prepare() {
  if (prepared()) return absl::OkStatus();
  SHEAF_RETURN_IF_ERROR(before_first_page_());
  before_first_page_ = nullptr;
  return absl::OkStatus();
}

absl::StatusOr<char*> PageWriter::New(PageKind kind, uint32_t pages, PageRef* ref) {
  SHEAF_RETURN_IF_ERROR(Prepare());
  SHEAF_ASSIGN_OR_RETURN(const PageId id, pager_.allocator().Allocate(pages));
  *ref = PageRef{id, stamp_, pages, false};
  SHEAF_ASSIGN_OR_RETURN(char* page, buffer_.NewPage(kind, *ref));
  made_.push_back(*ref);
  return page;
}

absl::StatusOr<PageAllocator::Run> PageWriter::NewRun(uint32_t pages_max) {
  SHEAF_RETURN_IF_ERROR(Prepare());
  SHEAF_ASSIGN_OR_RETURN(const PageAllocator::Run run,
                         pager_.allocator().AllocateRun(pages_max));
  if (!made_runs_.empty()) {
    MadeRun& last = made_runs_.back();
    if (last.birth == stamp_ && last.first + last.pages == run.first) {
      last.pages += run.pages;
      return run;
    }
  }
  made_runs_.push_back({run, stamp_});
  return run;
}

absl::Status PageWriter::WriteRun(const PageAllocator::Run& run,
                                  absl::Span<char> images) {
  SHEAF_ASSERT(images.size() == run.pages * kPageBytes);
  SHEAF_RETURN_IF_ERROR(pager_.error());
  for (char* page = images.data(); page < images.data() + images.size();
       page += kPageBytes)
    SHEAF_RETURN_IF_ERROR(pager_.codec().Seal(page, kPageBytes));
  const uint64_t offset = run.first * kPageBytes;
  const absl::Status written =
      pager_.file().Write(offset, {images.data(), images.size()});
  // The commit will sync it: the device may begin.
  if (written.ok()) pager_.file().StartWriteback(offset, images.size());
  return absl::IsResourceExhausted(written) ? written : pager_.Poison(written);
}

bool PageWriter::Holds(const PageRef& ref) const {
  return std::any_of(made_runs_.begin(), made_runs_.end(),
                     [&](const MadeRun& run) {
                       return run.birth == ref.birth && run.first <= ref.id &&
                              ref.id < run.first + run.pages;
                     }) ||
         std::find_if(made_.begin(), made_.end(), [&](const PageRef& made) {
           return made.id == ref.id && made.birth == ref.birth;
         }) != made_.end();
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
    ++freed_[ref.id];
    pager_.allocator().Free(ref);
    return;
  }
  given_up_.push_back(ref);
}

std::vector<PageRef> PageWriter::TakeMade(Stamp after) {
  std::vector<PageRef> taken;
  std::erase_if(made_, [&](const PageRef& ref) {
    const auto it = freed_.find(ref.id);
    if (it != freed_.end() && it->second > 0) {
      --it->second;
      return true;
    }
    if (ref.birth > after) taken.push_back(ref);
    return ref.birth > after;
  });
  freed_.clear();
  std::erase_if(made_runs_, [&](const MadeRun& run) {
    if (run.birth <= after) return false;
    for (uint32_t i = 0; i < run.pages; ++i) taken.push_back({run.first + i, run.birth});
    return true;
  });
  return taken;
}

void PageWriter::RollbackTo(const Mark& mark) {
  ++epoch_;
  Unpin();
  given_up_.resize(mark.given_up);
  pager_.allocator().FreeAll(TakeMade(mark.stamp));
}

absl::Span<const PageRef> PageWriter::Commit() {
  Unpin();
  const auto own =
      std::partition(given_up_.begin(), given_up_.end(),
                     [this](const PageRef& ref) { return ref.birth < first_stamp_; });
  pager_.allocator().FreeAll(
      absl::MakeSpan(given_up_).subspan(static_cast<size_t>(own - given_up_.begin())));
  given_up_.erase(own, given_up_.end());
  made_.clear();
  made_runs_.clear();
  freed_.clear();
  return given_up_;
}

void PageWriter::Rollback() {
  ++epoch_;
  Unpin();
  pager_.allocator().FreeAll(TakeMade(0));
  given_up_.clear();
}

void PageWriter::Unpin() {
  for (PageId id : pinned_) buffer_.Unpin(id);
  pinned_.clear();
}

}  // namespace sheaf::pager
