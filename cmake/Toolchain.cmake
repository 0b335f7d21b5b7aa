# Compiler, linker and flags. Nothing is compiled for the machine at hand
# (-march=native): what runs here must run anywhere.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Build type" FORCE)
endif()
# SHEAF_ASSERT does not depend on NDEBUG: it stays on in release builds.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g -D_GLIBCXX_ASSERTIONS")
set(CMAKE_CXX_FLAGS_SANITIZE "-O2 -g1 -D_GLIBCXX_ASSERTIONS")

# Members left out of a braced list are value-initialised on purpose.
set(sheaf_warnings -Wall -Wextra -Wno-missing-field-initializers)
if(SHEAF_WERROR)
  list(APPEND sheaf_warnings -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  list(APPEND sheaf_warnings -Wthread-safety)
else()
  # GCC 12 guesses these from inlined library code and is often wrong
  # (GCC bugs 105329, 105562): worth seeing, not worth stopping for.
  list(APPEND sheaf_warnings -Wno-restrict -Wno-error=maybe-uninitialized
       -Wno-error=array-bounds -Wno-error=stringop-overflow -Wno-error=stringop-overread)
endif()
add_compile_options(${sheaf_warnings})

if(SHEAF_SANITIZE)
  # memcpy of no bytes from an empty view's null is harmless (and allowed by C2Y).
  add_compile_options(-fsanitize=${SHEAF_SANITIZE} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  if(SHEAF_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize=nonnull-attribute)
  endif()
  add_link_options(-fsanitize=${SHEAF_SANITIZE})
endif()
if(SHEAF_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_program(SHEAF_LLD ld.lld)
if(SHEAF_LLD)
  add_link_options(-fuse-ld=lld)
endif()

find_program(SHEAF_CCACHE ccache)
if(SHEAF_CCACHE)
  # ccache needs to be told that precompiled headers are in use.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      ${SHEAF_CCACHE})
  if(SHEAF_PCH AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-fpch-preprocess)
  endif()
endif()
