#include "pager/assert.h"

#include <cstdio>
#include <cstdlib>

namespace sheaf::pager {

void AssertionFailed(const char* fact, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, fact);
  std::abort();
}

}  // namespace sheaf::pager
