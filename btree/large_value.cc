#include "btree/large_value.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "btree/large_index.h"
#include "btree/large_reader.h"
#include "pager/status_macros.h"

namespace sheaf::btree {

using namespace pager;  // NOLINT: the coding functions

namespace {

uint32_t ValuePagesFor(uint64_t payload) {
  return static_cast<uint32_t>((payload + PageHeader::kSize + kPageBytes - 1) /
                               kPageBytes);
}

absl::StatusOr<PageRef> WriteChunk(PageWriter* writer, std::string_view bytes) {
  const uint32_t pages = ValuePagesFor(bytes.size());
  SHEAF_RETURN_IF_ERROR(writer->Reserve(pages));
  PageRef ref;
  SHEAF_ASSIGN_OR_RETURN(char* page, writer->New(PageKind::kValue, pages, &ref));
  EncodeFixed32(page + kLargeSizeAt, static_cast<uint32_t>(bytes.size()));
  std::memcpy(page + PageHeader::kSize, bytes.data(), bytes.size());
  const size_t used = PageHeader::kSize + bytes.size();
  std::memset(page + used, 0, pages * kPageBytes - used);
  return ref;
}

// Of a value of so many bytes, those that stay in the leaf: where that saves a page.
uint64_t TailBytes(uint64_t size) {
  if (size > kChunkBytes + LargeRef::kTailMax) return 0;
  const uint64_t last = (size + PageHeader::kSize) % kPageBytes;
  const bool saves = size + PageHeader::kSize > kPageBytes && last <= LargeRef::kTailMax;
  return saves ? last : 0;
}

using Moves = absl::FunctionRef<bool(const PageRef&)>;

absl::StatusOr<PageRef> MoveChunk(PageWriter* writer, const PageRef& ref, Moves moves) {
  if (!moves(ref)) return ref;
  BufferManager& buffer = writer->pager().buffer();
  SHEAF_ASSIGN_OR_RETURN(const char* page, buffer.Pin(ref));
  PinnedPage pin(&buffer, ref.id, page);
  if (PageKindOf(page) != PageKind::kValue)
    return PageDamaged(ref.id, "is not a chunk of a large value");
  SHEAF_ASSIGN_OR_RETURN(
      const PageRef copy,
      WriteChunk(writer, {page + PageHeader::kSize, DecodeFixed32(page + kLargeSizeAt)}));
  writer->GiveUp(ref);
  return copy;
}

// An index page of a level below `above`, and all under it.
absl::StatusOr<PageRef> MoveTree(PageWriter* writer, const PageRef& ref, uint32_t above,
                                 Moves moves) {
  std::vector<PageRef> below;
  uint32_t level = 0, chunk_pages = 0;
  {
    SHEAF_ASSIGN_OR_RETURN(const PinnedPage page, PinIndex(&writer->pager(), ref, above));
    level = LevelOf(page.data());
    chunk_pages = ChunkPagesOf(page.data());
    for (uint32_t i = 0; i < LargeCount(page.data()); ++i)
      below.push_back(IndexRef(page.data(), i));
  }
  bool changed = moves(ref);
  for (PageRef& child : below) {
    SHEAF_ASSIGN_OR_RETURN(const PageRef moved,
                           level == 1 ? MoveChunk(writer, child, moves)
                                      : MoveTree(writer, child, level, moves));
    changed = changed || moved != child;
    child = moved;
  }
  if (!changed) return ref;
  SHEAF_ASSIGN_OR_RETURN(const PageRef copy,
                         WriteIndex(writer, level, chunk_pages, below));
  writer->GiveUp(ref);
  return copy;
}

}  // namespace

absl::StatusOr<PinnedPage> PinIndex(Pager* pager, const PageRef& ref, uint32_t above) {
  SHEAF_ASSIGN_OR_RETURN(const char* page, pager->buffer().Pin(ref));
  PinnedPage pin(&pager->buffer(), ref.id, page);
  if (PageKindOf(page) != PageKind::kValueIndex || LevelOf(page) >= above)
    return PageDamaged(ref.id, "is not the index of a large value");
  return pin;
}

absl::StatusOr<PageRef> WriteIndex(PageWriter* writer, uint32_t level,
                                   uint32_t chunk_pages, absl::Span<const PageRef> refs) {
  const uint64_t payload = refs.size() * PageRef::kEncodedSize;
  const uint32_t pages = ValuePagesFor(payload);
  SHEAF_RETURN_IF_ERROR(writer->Reserve(pages));
  PageRef ref;
  SHEAF_ASSIGN_OR_RETURN(char* page, writer->New(PageKind::kValueIndex, pages, &ref));
  ref.leaf_refs = true;
  page[PageHeader::kLevel] = static_cast<char>(level);
  EncodeFixed32(page + kLargeSizeAt, static_cast<uint32_t>(refs.size()));
  page[kLargeChunkPagesAt] =
      static_cast<char>(chunk_pages == kNodePagesMax ? 0 : chunk_pages);
  char* at = page + PageHeader::kSize;
  for (const PageRef& r : refs) {
    EncodePageRef(at, r);
    at += PageRef::kEncodedSize;
  }
  std::memset(at, 0, static_cast<size_t>(page + pages * kPageBytes - at));
  return ref;
}

absl::StatusOr<LargeRef> MoveLarge(PageWriter* writer, const LargeRef& ref, Moves moves) {
  // First of all it is looked at whole: that there is no end to it is found here.
  SHEAF_RETURN_IF_ERROR(
      WalkLarge(&writer->pager(), ref, [](const PageRef&) { return absl::OkStatus(); }));
  LargeRef moved = ref;
  SHEAF_ASSIGN_OR_RETURN(moved.page, ref.in_pages <= kChunkBytes
                                         ? MoveChunk(writer, ref.page, moves)
                                         : MoveTree(writer, ref.page, 3, moves));
  return moved;
}

absl::StatusOr<LargeRef> WriteLarge(PageWriter* writer, std::string_view value) {
  const uint64_t tail = TailBytes(value.size());
  if (value.size() - tail <= kChunkBytes) {
    const std::string_view in_pages = value.substr(0, value.size() - tail);
    SHEAF_ASSIGN_OR_RETURN(const PageRef ref, WriteChunk(writer, in_pages));
    return LargeRef{ref, in_pages.size(), value.substr(in_pages.size())};
  }
  std::vector<PageRef> level;
  for (size_t at = 0; at < value.size(); at += kChunkBytes) {
    SHEAF_ASSIGN_OR_RETURN(const PageRef ref,
                           WriteChunk(writer, value.substr(at, kChunkBytes)));
    level.push_back(ref);
  }
  for (uint32_t height = 1;; ++height) {
    std::vector<PageRef> above;
    for (size_t at = 0; at < level.size(); at += kRefsPerIndex) {
      SHEAF_ASSIGN_OR_RETURN(const PageRef ref, WriteIndex(writer, height, kNodePagesMax,
                                                           absl::MakeSpan(level).subspan(
                                                               at, kRefsPerIndex)));
      above.push_back(ref);
    }
    level.swap(above);
    if (level.size() == 1) return LargeRef{level[0], value.size()};
  }
}

absl::Status ReadLarge(Pager* pager, const LargeRef& ref, uint64_t offset,
                       absl::Span<char> out) {
  return LargeReader(pager, ref).Read(offset, out);
}

absl::Status WholeLarge(Pager* pager, const LargeRef& ref, std::string* buffer,
                        std::string_view* out) {
  char last = 0;
  if (ref.in_pages > 0)
    SHEAF_RETURN_IF_ERROR(
        ReadLarge(pager, ref, ref.in_pages - 1, absl::MakeSpan(&last, 1)));
  buffer->resize(ref.size());
  *out = *buffer;
  return ReadLarge(pager, ref, 0, absl::MakeSpan(buffer->data(), buffer->size()));
}

absl::Status WholeValue(Pager* pager, const NodeView::LeafValue& value,
                        std::string* buffer, std::string_view* out) {
  *out = value.bytes;
  if (!value.is_large) return absl::OkStatus();
  return WholeLarge(pager, DecodeLargeRef(value.bytes), buffer, out);
}

absl::Status CheckLargeSize(Pager* pager, const LargeRef& ref) {
  if (ref.in_pages <= kChunkBytes ||
      ref.in_pages / kPageBytes < pager->allocator().page_end())
    return absl::OkStatus();
  return PageDamaged(ref.page.id,
                     absl::StrCat("a value of ", ref.in_pages,
                                  " bytes, which is more than the file has"));
}

absl::StatusOr<uint64_t> ChunkBytesOf(Pager* pager, const LargeRef& ref) {
  if (ref.in_pages <= kChunkBytes) return kChunkBytes;
  SHEAF_ASSIGN_OR_RETURN(const PinnedPage root, PinIndex(pager, ref.page, 3));
  return ChunkBytesOf(ChunkPagesOf(root.data()));
}

namespace {

// Visits the pages of one value, those of the index before what they list.
class Walk {
 public:
  using Fn = absl::FunctionRef<absl::Status(const PageRef&, uint64_t chunk)>;
  static constexpr uint64_t kNoChunk = ~uint64_t{0};  // it is of the index

  Walk(Pager* pager, const LargeRef& value, Fn fn)
      : pager_(*pager),
        value_(value),
        fn_(fn),
        page_end_(pager->allocator().page_end()) {}

  absl::Status Run() {
    SHEAF_RETURN_IF_ERROR(CheckLargeSize(&pager_, value_));
    SHEAF_RETURN_IF_ERROR(CheckInside(value_.page));
    if (value_.in_pages <= kChunkBytes) return fn_(value_.page, 0);
    SHEAF_ASSIGN_OR_RETURN(chunk_bytes_, ChunkBytesOf(&pager_, value_));
    chunks_wanted_ = (value_.in_pages + chunk_bytes_ - 1) / chunk_bytes_;
    SHEAF_RETURN_IF_ERROR(VisitIndex(value_.page, 3, true));
    if (chunks_ == chunks_wanted_) return absl::OkStatus();
    return PageDamaged(value_.page.id, absl::StrCat("a value of ", value_.in_pages,
                                                    " bytes has ", chunks_, " chunks"));
  }

 private:
  absl::Status CheckInside(const PageRef& ref) const {
    if (ref.id + ref.pages <= page_end_) return absl::OkStatus();
    return PageDamaged(ref.id, "part of a large value, but behind the end of the file");
  }

  absl::Status VisitIndex(const PageRef& ref, uint32_t above, bool last) {
    SHEAF_RETURN_IF_ERROR(CheckInside(ref));
    SHEAF_RETURN_IF_ERROR(fn_(ref, kNoChunk));
    std::vector<PageRef> below;
    {
      SHEAF_ASSIGN_OR_RETURN(const PinnedPage page, PinIndex(&pager_, ref, above));
      above = LevelOf(page.data());
      const uint32_t count = LargeCount(page.data());
      if (!last && count != kRefsPerIndex)
        return PageDamaged(ref.id, absl::StrCat("lists too few pages: ", count));
      for (uint32_t i = 0; i < count; ++i) below.push_back(IndexRef(page.data(), i));
    }
    if (above == 1 && below.size() > chunks_wanted_ - chunks_)
      return PageDamaged(ref.id, absl::StrCat("lists more chunks than a value of ",
                                              value_.in_pages, " bytes has"));
    for (size_t i = 0; i < below.size(); ++i) {
      if (above == 1) {
        SHEAF_RETURN_IF_ERROR(CheckInside(below[i]));
        SHEAF_RETURN_IF_ERROR(fn_(below[i], chunks_++));
      } else {
        SHEAF_RETURN_IF_ERROR(VisitIndex(below[i], above, i + 1 == below.size()));
      }
    }
    return absl::OkStatus();
  }

  Pager& pager_;
  const LargeRef value_;
  const Fn fn_;
  const PageId page_end_;
  uint64_t chunk_bytes_ = 0, chunks_wanted_ = 0, chunks_ = 0;
};

}  // namespace

absl::Status WalkLarge(Pager* pager, const LargeRef& ref,
                       absl::FunctionRef<absl::Status(const PageRef&)> fn) {
  return Walk(pager, ref, [&](const PageRef& page, uint64_t) { return fn(page); }).Run();
}

absl::Status CheckChunks(Pager* pager, const LargeRef& ref) {
  SHEAF_ASSIGN_OR_RETURN(const uint64_t chunk_bytes, ChunkBytesOf(pager, ref));
  const auto check = [&](const PageRef& r, uint64_t chunk) -> absl::Status {
    if (chunk == Walk::kNoChunk) return absl::OkStatus();
    const uint64_t size = std::min(chunk_bytes, ref.in_pages - chunk * chunk_bytes);
    SHEAF_ASSIGN_OR_RETURN(const char* page, pager->buffer().Pin(r));
    const PinnedPage pin(&pager->buffer(), r.id, page);
    if (PageKindOf(page) == PageKind::kValue && LargeCount(page) == size)
      return absl::OkStatus();
    return PageDamaged(r.id, absl::StrCat("is not the value, or the chunk of one, of ",
                                          size, " bytes that it should be"));
  };
  return Walk(pager, ref, check).Run();
}

absl::Status GiveUpLarge(PageWriter* writer, const LargeRef& ref) {
  std::vector<PageRef> pages;
  SHEAF_RETURN_IF_ERROR(WalkLarge(&writer->pager(), ref, [&](const PageRef& r) {
    pages.push_back(r);
    return absl::OkStatus();
  }));
  for (const PageRef& r : pages) writer->GiveUp(r);
  return absl::OkStatus();
}

absl::Status ValidateValuePage(const char* page) {
  const uint64_t size = DecodeFixed32(page + kLargeSizeAt);
  if (size > PagesOf(page) * kPageBytes - PageHeader::kSize)
    return PageDamaged(PageIdOf(page), absl::StrCat("size is ", size));
  if (LevelOf(page) != 0) return PageDamaged(PageIdOf(page), "level of a value is not 0");
  return absl::OkStatus();
}

absl::Status ValidateValueIndex(const char* page) {
  const uint64_t count = LargeCount(page);
  if (count == 0 ||
      count > (PagesOf(page) * kPageBytes - PageHeader::kSize) / PageRef::kEncodedSize)
    return PageDamaged(PageIdOf(page), absl::StrCat("count is ", count));
  if (LevelOf(page) < 1 || LevelOf(page) > 2)
    return PageDamaged(PageIdOf(page), absl::StrCat("level is ", LevelOf(page)));
  if (ChunkPagesOf(page) > kNodePagesMax)
    return PageDamaged(PageIdOf(page),
                       absl::StrCat("chunks are of ", ChunkPagesOf(page), " pages"));
  for (uint64_t i = 0; i < count; ++i) {
    const PageRef ref = IndexRef(page, i);
    if (ref.id < 2 || ref.id >= kPageIdEnd - kNodePagesMax || ref.birth > BirthOf(page))
      return PageDamaged(PageIdOf(page), absl::StrCat("entry ", i, " is page ", ref.id,
                                                      " of birth ", ref.birth));
  }
  return absl::OkStatus();
}

void ForEachValueIndexRef(const char* page, absl::FunctionRef<void(const PageRef&)> fn) {
  for (uint32_t i = 0; i < LargeCount(page); ++i) fn(IndexRef(page, i));
}

std::string DescribeValuePage(const char* page) {
  return absl::StrCat(PageKindOf(page) == PageKind::kValue ? "\"size\":" : "\"count\":",
                      DecodeFixed32(page + kLargeSizeAt));
}

}  // namespace sheaf::btree
