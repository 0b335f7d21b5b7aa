// AppendMap: one range of a file as memory, for many small writes to blocks that
// are already there. A store costs a tenth of a pwrite and survives kill -9 just
// the same.
//
// A store that the system cannot serve kills the process (SIGBUS), so this is
// offered only where that has no ordinary cause: the range is read and made
// writable at once, by a call that returns errors, and only on file systems that
// overwrite in place (on others a store may need a new block on a full disk).
//
// Thread-compatible. Does nothing but on Linux.
#ifndef PAGER_APPEND_MAP_H_
#define PAGER_APPEND_MAP_H_
#include <cstddef>
#include <cstdint>

namespace sheaf::pager {

class AppendMap {
 public:
  AppendMap() = default;
  ~AppendMap() { Unmap(); }
  AppendMap(const AppendMap&) = delete;
  AppendMap& operator=(const AppendMap&) = delete;

  // The range as memory, instead of the one mapped before; nullptr when it is not
  // to be had. Requires: the file has the range and its blocks were written.
  char* Map(int descriptor, uint64_t offset, uint64_t size);

 private:
  void Unmap();

  void* memory_ = nullptr;  // begins at a page's boundary
  size_t bytes_ = 0;
};

}  // namespace sheaf::pager
#endif  // PAGER_APPEND_MAP_H_
