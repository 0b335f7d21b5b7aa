// SHEAF_ASSERT: what we built ourselves is asserted, in release builds too.
// One fact to a line. Bytes from a file are never asserted: they get a Status.
#ifndef PAGER_ASSERT_H_
#define PAGER_ASSERT_H_

namespace sheaf::pager {
// Prints the fact and the place, then aborts.
[[noreturn]] void AssertionFailed(const char* fact, const char* file, int line);
}  // namespace sheaf::pager

#define SHEAF_ASSERT(fact)                                        \
  do {                                                            \
    if (!(fact)) [[unlikely]]                                     \
      ::sheaf::pager::AssertionFailed(#fact, __FILE__, __LINE__); \
  } while (false)
#endif  // PAGER_ASSERT_H_
