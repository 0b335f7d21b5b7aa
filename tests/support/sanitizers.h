// Which sanitizer the tests are built with, by GCC or by clang: under one a test may try
// fewer of many equal cases.
#ifndef TESTS_SUPPORT_SANITIZERS_H_
#define TESTS_SUPPORT_SANITIZERS_H_

#if !defined(__has_feature)
#define __has_feature(name) 0
#endif

namespace sheaf::test {

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
inline constexpr bool kAddressSanitizer = true;
#else
inline constexpr bool kAddressSanitizer = false;
#endif

#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
inline constexpr bool kThreadSanitizer = true;
#else
inline constexpr bool kThreadSanitizer = false;
#endif

}  // namespace sheaf::test

#endif  // TESTS_SUPPORT_SANITIZERS_H_
