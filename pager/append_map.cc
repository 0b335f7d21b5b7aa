#include "pager/append_map.h"

#ifdef __linux__
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>
#endif

namespace sheaf::pager {

#if defined(__linux__) && defined(MADV_POPULATE_WRITE)
namespace {

constexpr long kXfsMagic = 0x58465342;  // not in linux/magic.h

bool OverwritesInPlace(int descriptor) {
  struct statfs info;
  if (fstatfs(descriptor, &info) != 0) return false;
  const long type = static_cast<long>(info.f_type);
  return type == EXT4_SUPER_MAGIC || type == kXfsMagic || type == TMPFS_MAGIC;
}

}  // namespace

char* AppendMap::Map(int descriptor, uint64_t offset, uint64_t size) {
  Unmap();
  if (!OverwritesInPlace(descriptor)) return nullptr;
  const uint64_t before = offset % static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  const size_t bytes = static_cast<size_t>(before + size);
  void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
                            descriptor, static_cast<off_t>(offset - before));
  if (memory == MAP_FAILED) return nullptr;
  memory_ = memory;
  bytes_ = bytes;
  if (madvise(memory_, bytes_, MADV_POPULATE_WRITE) != 0) {  // or older than Linux 5.14
    Unmap();
    return nullptr;
  }
  (void)madvise(memory_, bytes_, MADV_DONTFORK);  // a child has no business here
  return static_cast<char*>(memory_) + before;
}

void AppendMap::Unmap() {
  if (memory_ != nullptr) munmap(memory_, bytes_);
  memory_ = nullptr;
  bytes_ = 0;
}
#else
char* AppendMap::Map(int, uint64_t, uint64_t) { return nullptr; }
void AppendMap::Unmap() {}
#endif

}  // namespace sheaf::pager
