#include "catalog/page_scan.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "catalog/store.h"
#include "pager/status_macros.h"

namespace sheaf::catalog {

using pager::kPageBytes;
using pager::PageId;
using pager::PageRef;

namespace {

constexpr size_t kBufferPages = 256;

}  // namespace

absl::Duration RateLimit::Spend(uint64_t bytes) {
  if (bytes_per_second_ == 0) return absl::ZeroDuration();
  spent_ += bytes;
  const auto due =
      absl::Seconds(static_cast<double>(spent_) / static_cast<double>(bytes_per_second_));
  const auto gone = absl::FromChrono(std::chrono::steady_clock::now() - begin_);
  return std::max(due - gone, absl::ZeroDuration());
}

PageScan::PageScan(Store* store)
    : pager_(store->pager()), slot_(store->pager().buffer().slots().Acquire()) {
  slot_->since_ns.store(CoarseNow(), std::memory_order_relaxed);
  store->versions().AcquireDurable(slot_);
  superblock_ = pager_.superblock();
}

PageScan::~PageScan() { pager_.buffer().slots().Release(slot_); }

// While the lock is held, since the keys may be others afterwards.
absl::Status PageScan::MakeSuperblocks(Store* store,
                                       const std::optional<EncryptionKey>& key) {
  pager::Superblock s = superblock_;
  s.log_id = 0;
  s.log.chain = 0;
  if (key.has_value()) {
    const Options& o = store->options();
    SHEAF_ASSIGN_OR_RETURN(
        s.key_wrap, pager_.WrapForCopy(*key, {o.scrypt_log2_n, o.scrypt_r, o.scrypt_p}));
  }
  superblocks_.resize(2 * kPageBytes);
  for (const PageId id : {0, 1})
    SHEAF_RETURN_IF_ERROR(pager::EncodeSuperblock(
        s, id, superblocks_.data() + id * kPageBytes, pager_.codec().keys()));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<PageScan>> PageScan::Begin(Store* store,
                                                          const ScanOptions& options) {
  std::unique_ptr<PageScan> scan(new PageScan(store));
  SHEAF_RETURN_IF_ERROR(scan->pager_.allocator().ForEachLive(
      options.begin, options.end, [&](PageId first, uint64_t count) {
        const PageId from = std::max(first, options.begin),
                     to = std::min(first + count, options.end);
        if (from >= to) return;
        scan->runs_.push_back({from, to - from});
        scan->pages_ += to - from;
      }));
  SHEAF_RETURN_IF_ERROR(scan->CopyMapPages(options));
  if (options.for_copy) SHEAF_RETURN_IF_ERROR(scan->MakeSuperblocks(store, options.key));
  return scan;
}

absl::Status PageScan::CopyMapPages(const ScanOptions& options) {
  for (const PageRef& ref : pager_.allocator().MapPages()) {
    if (ref.id < options.begin || ref.id >= options.end) continue;
    std::string node(ref.pages * kPageBytes, '\0');
    SHEAF_RETURN_IF_ERROR(pager_.file().Read(ref.id * kPageBytes,
                                             absl::MakeSpan(node.data(), node.size())));
    for (uint32_t i = 0; i < ref.pages; ++i)
      map_pages_[ref.id + i] = node.substr(i * kPageBytes, kPageBytes);
  }
  return absl::OkStatus();
}

// Those of the map come from memory: in the file there may be others by now, or nothing.
absl::Status PageScan::ReadPages(PageId first, absl::Span<char> out) {
  const size_t pages = out.size() / kPageBytes;
  for (size_t at = 0; at < pages;) {
    if (const auto it = map_pages_.find(first + at); it != map_pages_.end()) {
      std::memcpy(out.data() + at++ * kPageBytes, it->second.data(), kPageBytes);
      continue;
    }
    size_t end = at + 1;
    while (end < pages && !map_pages_.contains(first + end)) ++end;
    absl::Status status = pager_.file().Read(
        (first + at) * kPageBytes, out.subspan(at * kPageBytes, (end - at) * kPageBytes));
    if (absl::IsOutOfRange(status))
      status = absl::DataLossError("lies behind the end of the file, which was cut off");
    SHEAF_RETURN_IF_ERROR(status);
    at = end;
  }
  return absl::OkStatus();
}

absl::Status PageScan::OpenCopy(const char* page, size_t bytes, const PageRef& ref) {
  scratch_.assign(page, page + bytes);
  return pager_.codec().Open(scratch_.data(), bytes, ref);
}

absl::StatusOr<size_t> PageScan::Verify(PageId first, std::string_view bytes,
                                        bool is_last, Depth depth, DamageFn damage) {
  size_t at = 0;
  while (at < bytes.size()) {
    const char* const page = bytes.data() + at;
    const PageId id = first + at / kPageBytes;
    const uint32_t said = pager::PagesOf(page);
    const uint32_t pages = std::clamp<uint32_t>(said, 1, pager::kNodePagesMax);
    const bool fits = at + pages * kPageBytes <= bytes.size();
    if (!fits && !is_last) break;
    const size_t size = (fits ? pages : 1) * kPageBytes;
    const PageRef ref{id, pager::BirthOf(page), said, false};
    absl::Status status;
    if (!fits || said != pages || pager::PageIdOf(page) != id)
      status = absl::DataLossError("page header: it is not the page that belongs here");
    else if (depth == Depth::kChecksums || pager_.codec().keys() == nullptr)
      status = pager::VerifyPage(page, size, ref);
    else
      status = OpenCopy(page, size, ref);
    // What follows a page whose header is lost may be the rest of it.
    const bool is_rest = damaged_before_ && pager::PageIdOf(page) != id;
    damaged_before_ = !status.ok();
    if (!status.ok() && !is_rest) SHEAF_RETURN_IF_ERROR(damage(id, status));
    at += status.ok() ? size : kPageBytes;
  }
  return at;
}

absl::Status PageScan::Run(Depth depth, RateLimit* rate, BytesFn bytes, DamageFn damage,
                           absl::FunctionRef<absl::Status(uint64_t)> tick) {
  std::vector<char> buffer(kBufferPages * kPageBytes);
  uint64_t done = 0;
  for (const auto& [run, count] : runs_) {
    damaged_before_ = false;
    uint64_t batch = kBufferPages;
    for (uint64_t at = 0; at < count;) {
      SHEAF_RETURN_IF_ERROR(tick(done));
      const uint64_t pages = std::min<uint64_t>(count - at, batch);
      const absl::Span<char> out(buffer.data(), pages * kPageBytes);
      const absl::Status read = ReadPages(run + at, out);
      uint64_t taken = pages;
      if (!read.ok() && pages > pager::kNodePagesMax) {
        batch = pages / 2;  // the pages beside the bad one can be read
        continue;
      }
      if (!read.ok()) {
        SHEAF_RETURN_IF_ERROR(damage(run + at, read));
        damaged_before_ = true;
        batch = kBufferPages;
      } else {
        const std::string_view view(out.data(), out.size());
        SHEAF_ASSIGN_OR_RETURN(
            const size_t verified,
            Verify(run + at, view, at + pages == count, depth, damage));
        taken = verified / kPageBytes;
        SHEAF_RETURN_IF_ERROR(bytes(run + at, view.substr(0, verified)));
      }
      at += taken;
      done += taken;
      for (absl::Duration wait = rate->Spend(taken * kPageBytes);
           wait > absl::ZeroDuration(); wait = rate->Spend(0)) {
        absl::SleepFor(std::min(wait, absl::Milliseconds(20)));
        SHEAF_RETURN_IF_ERROR(tick(done));
      }
    }
  }
  return tick(done);
}

absl::Status Store::ScrubSlice(uint64_t slice, uint64_t bytes_per_second,
                               PageScan::DamageFn damage,
                               absl::FunctionRef<absl::Status(uint64_t)> tick) {
  ScanOptions options;
  // No node crosses the border of two chunks of the page map.
  options.begin = slice * pager::kChunkPages;
  options.end = options.begin + pager::kChunkPages;
  options.checkpoints = false;
  if (slice == 0) SHEAF_RETURN_IF_ERROR(ScrubSuperblocks(damage));
  const absl::StatusOr<std::unique_ptr<PageScan>> scan = BeginScan(options);
  if (absl::IsDataLoss(scan.status())) return damage(0, scan.status());  // the map itself
  SHEAF_RETURN_IF_ERROR(scan.status());
  RateLimit rate(bytes_per_second);
  return (*scan)->Run(
      PageScan::Depth::kTags, &rate,
      [](PageId, std::string_view) { return absl::OkStatus(); }, damage, tick);
}

uint64_t Store::ScrubSlices() const {
  return (pager_->allocator().page_end() + pager::kChunkPages - 1) / pager::kChunkPages;
}

absl::Status Store::ScrubSuperblocks(PageScan::DamageFn damage) {
  if (in_memory_) return absl::OkStatus();
  absl::MutexLock lock(&checkpoint_mu_);  // nobody writes them now
  char page[kPageBytes];
  for (const PageId id : {0, 1}) {
    absl::Status status = pager_->file().Read(id * kPageBytes, absl::MakeSpan(page));
    if (status.ok())
      status = pager::DecodeSuperblock(page, id, pager_->codec().keys()).status();
    if (!status.ok()) SHEAF_RETURN_IF_ERROR(damage(id, status));
  }
  return absl::OkStatus();
}

}  // namespace sheaf::catalog
