#include "btree/large_value.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pager/status_macros.h"

namespace sheaf::btree {

using namespace pager;  // NOLINT: the coding functions

namespace {

constexpr size_t kSizeAt = PageHeader::kKindFields;
constexpr uint64_t kRefsPerIndex = kChunkBytes / PageRef::kEncodedSize;

uint32_t PagesFor(uint64_t payload) {
  return static_cast<uint32_t>((payload + PageHeader::kSize + kPageBytes - 1) /
                               kPageBytes);
}

absl::StatusOr<PageRef> WriteChunk(PageWriter* writer, std::string_view bytes) {
  const uint32_t pages = PagesFor(bytes.size());
  SHEAF_RETURN_IF_ERROR(writer->Reserve(pages));
  PageRef ref;
  SHEAF_ASSIGN_OR_RETURN(char* page, writer->New(PageKind::kValue, pages, &ref));
  EncodeFixed32(page + kSizeAt, static_cast<uint32_t>(bytes.size()));
  std::memcpy(page + PageHeader::kSize, bytes.data(), bytes.size());
  const size_t used = PageHeader::kSize + bytes.size();
  std::memset(page + used, 0, pages * kPageBytes - used);
  return ref;
}

absl::StatusOr<PageRef> WriteIndex(PageWriter* writer, uint32_t level,
                                   absl::Span<const PageRef> refs) {
  const uint64_t payload = refs.size() * PageRef::kEncodedSize;
  const uint32_t pages = PagesFor(payload);
  SHEAF_RETURN_IF_ERROR(writer->Reserve(pages));
  PageRef ref;
  SHEAF_ASSIGN_OR_RETURN(char* page, writer->New(PageKind::kValueIndex, pages, &ref));
  ref.leaf_refs = true;
  page[PageHeader::kLevel] = static_cast<char>(level);
  EncodeFixed32(page + kSizeAt, static_cast<uint32_t>(refs.size()));
  char* at = page + PageHeader::kSize;
  for (const PageRef& r : refs) {
    EncodePageRef(at, r);
    at += PageRef::kEncodedSize;
  }
  std::memset(at, 0, static_cast<size_t>(page + pages * kPageBytes - at));
  return ref;
}

// Each byte of a value is in the file once, so no value is larger than the file.
absl::Status CheckSize(Pager* pager, const LargeRef& ref) {
  if (ref.size <= kChunkBytes || ref.size / kPageBytes < pager->allocator().page_end())
    return absl::OkStatus();
  return PageDamaged(
      ref.page.id,
      absl::StrCat("a value of ", ref.size, " bytes, which is more than the file has"));
}

uint32_t IndexCount(const char* page) { return DecodeFixed32(page + kSizeAt); }
absl::Status LeadsOutside(const PageRef& ref) {
  return PageDamaged(ref.id, "part of a large value, but behind the end of the file");
}
PageRef IndexRef(const char* page, uint64_t i) {
  return DecodePageRef(page + PageHeader::kSize + i * PageRef::kEncodedSize);
}

// The page of chunk `index` of a value that has an index, through its levels.
absl::StatusOr<PageRef> FindChunk(Pager* pager, PageRef ref, uint64_t index) {
  for (uint32_t level_below = 3;;) {
    SHEAF_ASSIGN_OR_RETURN(const char* page, pager->buffer().Pin(ref));
    PinnedPage pin(&pager->buffer(), ref.id, page);
    if (PageKindOf(page) != PageKind::kValueIndex || LevelOf(page) >= level_below)
      return PageDamaged(ref.id, "is not the index of a large value");
    level_below = LevelOf(page);
    const uint64_t span = level_below == 2 ? kRefsPerIndex : 1;
    if (index / span >= IndexCount(page))
      return PageDamaged(ref.id,
                         absl::StrCat("lists too few chunks: ", IndexCount(page)));
    const PageRef child = IndexRef(page, index / span);
    if (level_below == 1) return child;
    ref = child;
    index %= span;
  }
}

absl::Status ReadChunk(Pager* pager, const PageRef& ref, uint64_t offset,
                       absl::Span<char> out) {
  SHEAF_ASSIGN_OR_RETURN(const char* page, pager->buffer().Pin(ref));
  PinnedPage pin(&pager->buffer(), ref.id, page);
  if (PageKindOf(page) != PageKind::kValue ||
      offset + out.size() > DecodeFixed32(page + kSizeAt))
    return PageDamaged(ref.id, "is shorter than the value it is part of");
  std::memcpy(out.data(), page + PageHeader::kSize + offset, out.size());
  return absl::OkStatus();
}

}  // namespace

namespace {

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
      WriteChunk(writer, {page + PageHeader::kSize, DecodeFixed32(page + kSizeAt)}));
  writer->GiveUp(ref);
  return copy;
}

// An index page of a level below `above`, and all under it.
absl::StatusOr<PageRef> MoveTree(PageWriter* writer, const PageRef& ref, uint32_t above,
                                 Moves moves) {
  std::vector<PageRef> below;
  uint32_t level = 0;
  {
    BufferManager& buffer = writer->pager().buffer();
    SHEAF_ASSIGN_OR_RETURN(const char* page, buffer.Pin(ref));
    PinnedPage pin(&buffer, ref.id, page);
    level = LevelOf(page);
    if (PageKindOf(page) != PageKind::kValueIndex || level >= above)
      return PageDamaged(ref.id, "is not the index of a large value");
    for (uint32_t i = 0; i < IndexCount(page); ++i) below.push_back(IndexRef(page, i));
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
  SHEAF_ASSIGN_OR_RETURN(const PageRef copy, WriteIndex(writer, level, below));
  writer->GiveUp(ref);
  return copy;
}

}  // namespace

absl::StatusOr<LargeRef> MoveLarge(PageWriter* writer, const LargeRef& ref, Moves moves) {
  // First of all it is looked at whole: that there is no end to it is found here.
  SHEAF_RETURN_IF_ERROR(
      WalkLarge(&writer->pager(), ref, [](const PageRef&) { return absl::OkStatus(); }));
  LargeRef moved = ref;
  SHEAF_ASSIGN_OR_RETURN(moved.page, ref.size <= kChunkBytes
                                         ? MoveChunk(writer, ref.page, moves)
                                         : MoveTree(writer, ref.page, 3, moves));
  return moved;
}

absl::StatusOr<LargeRef> WriteLarge(PageWriter* writer, std::string_view value) {
  if (value.size() <= kChunkBytes) {
    SHEAF_ASSIGN_OR_RETURN(const PageRef ref, WriteChunk(writer, value));
    return LargeRef{ref, value.size()};
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
      SHEAF_ASSIGN_OR_RETURN(
          const PageRef ref,
          WriteIndex(writer, height, absl::MakeSpan(level).subspan(at, kRefsPerIndex)));
      above.push_back(ref);
    }
    level.swap(above);
    if (level.size() == 1) return LargeRef{level[0], value.size()};
  }
}

absl::Status ReadLarge(Pager* pager, const LargeRef& ref, uint64_t offset,
                       absl::Span<char> out) {
  if (offset + out.size() > ref.size)
    return PageDamaged(ref.page.id, "a value is shorter than asked for");
  SHEAF_RETURN_IF_ERROR(CheckSize(pager, ref));
  if (ref.size <= kChunkBytes) return ReadChunk(pager, ref.page, offset, out);
  while (!out.empty()) {
    const uint64_t index = offset / kChunkBytes, within = offset % kChunkBytes;
    const uint64_t n = std::min<uint64_t>(out.size(), kChunkBytes - within);
    SHEAF_ASSIGN_OR_RETURN(const PageRef chunk, FindChunk(pager, ref.page, index));
    SHEAF_RETURN_IF_ERROR(ReadChunk(pager, chunk, within, out.subspan(0, n)));
    out.remove_prefix(n);
    offset += n;
  }
  return absl::OkStatus();
}

absl::Status WholeLarge(Pager* pager, const LargeRef& ref, std::string* buffer,
                        std::string_view* out) {
  char last = 0;
  if (ref.size > 0)
    SHEAF_RETURN_IF_ERROR(ReadLarge(pager, ref, ref.size - 1, absl::MakeSpan(&last, 1)));
  buffer->resize(ref.size);
  *out = *buffer;
  return ReadLarge(pager, ref, 0, absl::MakeSpan(buffer->data(), buffer->size()));
}

absl::Status WholeValue(Pager* pager, const NodeView::LeafValue& value,
                        std::string* buffer, std::string_view* out) {
  *out = value.bytes;
  if (!value.is_large) return absl::OkStatus();
  return WholeLarge(pager, DecodeLargeRef(value.bytes.data()), buffer, out);
}

absl::Status WalkLarge(Pager* pager, const LargeRef& ref,
                       absl::FunctionRef<absl::Status(const PageRef&)> fn) {
  const PageId end = pager->allocator().page_end();
  const auto visit = [&](const PageRef& page) {
    return page.id + page.pages <= end ? fn(page) : LeadsOutside(page);
  };
  SHEAF_RETURN_IF_ERROR(CheckSize(pager, ref));
  SHEAF_RETURN_IF_ERROR(visit(ref.page));
  if (ref.size <= kChunkBytes) return absl::OkStatus();
  std::vector<PageRef> level = {ref.page};
  const uint64_t chunks_wanted = (ref.size + kChunkBytes - 1) / kChunkBytes;
  uint64_t chunks = 0;
  for (uint32_t height = 3; !level.empty();) {
    std::vector<PageRef> below;
    uint32_t found = 0;
    for (const PageRef& r : level) {
      SHEAF_ASSIGN_OR_RETURN(const char* page, pager->buffer().Pin(r));
      PinnedPage pin(&pager->buffer(), r.id, page);
      if (PageKindOf(page) != PageKind::kValueIndex || LevelOf(page) >= height ||
          (found != 0 && LevelOf(page) != found))
        return PageDamaged(r.id, "is not the index of a large value");
      found = LevelOf(page);
      for (uint32_t i = 0; i < IndexCount(page); ++i) below.push_back(IndexRef(page, i));
      if (below.size() > chunks_wanted)
        return PageDamaged(r.id, absl::StrCat("lists more chunks than a value of ",
                                              ref.size, " bytes has"));
    }
    for (const PageRef& r : below) SHEAF_RETURN_IF_ERROR(visit(r));
    height = found;
    if (height == 1) {
      chunks = below.size();
      break;
    }
    level.swap(below);
  }
  if (chunks != chunks_wanted)
    return PageDamaged(ref.page.id, absl::StrCat("a value of ", ref.size, " bytes has ",
                                                 chunks, " chunks"));
  return absl::OkStatus();
}

absl::Status CheckChunkSize(Pager* pager, const LargeRef& ref, uint64_t index,
                            uint64_t size) {
  PageRef chunk = ref.page;
  if (ref.size > kChunkBytes) {
    SHEAF_ASSIGN_OR_RETURN(chunk, FindChunk(pager, ref.page, index));
  }
  SHEAF_ASSIGN_OR_RETURN(const char* page, pager->buffer().Pin(chunk));
  PinnedPage pin(&pager->buffer(), chunk.id, page);
  if (PageKindOf(page) == PageKind::kValue && DecodeFixed32(page + kSizeAt) == size)
    return absl::OkStatus();
  return PageDamaged(chunk.id, absl::StrCat("is not the value, or the chunk of one, of ",
                                            size, " bytes that it should be"));
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
  const uint64_t size = DecodeFixed32(page + kSizeAt);
  if (size > PagesOf(page) * kPageBytes - PageHeader::kSize)
    return PageDamaged(PageIdOf(page), absl::StrCat("size is ", size));
  if (LevelOf(page) != 0) return PageDamaged(PageIdOf(page), "level of a value is not 0");
  return absl::OkStatus();
}

absl::Status ValidateValueIndex(const char* page) {
  const uint64_t count = IndexCount(page);
  if (count == 0 ||
      count > (PagesOf(page) * kPageBytes - PageHeader::kSize) / PageRef::kEncodedSize)
    return PageDamaged(PageIdOf(page), absl::StrCat("count is ", count));
  if (LevelOf(page) < 1 || LevelOf(page) > 2)
    return PageDamaged(PageIdOf(page), absl::StrCat("level is ", LevelOf(page)));
  for (uint64_t i = 0; i < count; ++i) {
    const PageRef ref = IndexRef(page, i);
    if (ref.id < 2 || ref.id >= kPageIdEnd - kNodePagesMax || ref.birth > BirthOf(page))
      return PageDamaged(PageIdOf(page), absl::StrCat("entry ", i, " is page ", ref.id,
                                                      " of birth ", ref.birth));
  }
  return absl::OkStatus();
}

void ForEachValueIndexRef(const char* page, absl::FunctionRef<void(const PageRef&)> fn) {
  for (uint32_t i = 0; i < IndexCount(page); ++i) fn(IndexRef(page, i));
}

std::string DescribeValuePage(const char* page) {
  return absl::StrCat(PageKindOf(page) == PageKind::kValue ? "\"size\":" : "\"count\":",
                      DecodeFixed32(page + kSizeAt));
}

}  // namespace sheaf::btree
