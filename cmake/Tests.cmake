# One binary a folder: tests/<dir>/*_test.cc -> <dir>_tests (label fast) and
# *_slow_test.cc -> <dir>_slow_tests (label slow). tests/race also has the label tsan.
# tests/support/*.cc is linked into all of them.
find_package(GTest REQUIRED)

set(layer_dirs ${SHEAF_FOLDERS})
list(REMOVE_ITEM layer_dirs api)
set(whole_dirs api cli crash fuzz golden issues race install layering)
set(test_dirs ${layer_dirs})
if(SHEAF_WHOLE)
  list(APPEND test_dirs ${whole_dirs})
endif()

set(test_timeout_fast 120)
set(test_timeout_slow 600)
if(SHEAF_SANITIZE)
  set(test_timeout_fast 1200)
  set(test_timeout_slow 1800)
endif()

file(GLOB support_sources CONFIGURE_DEPENDS tests/support/*.cc)
file(WRITE ${PROJECT_BINARY_DIR}/test_anchor.cc.new
     "// Keeps sheaf_test_support buildable while tests/support has no sources.\n")
file(COPY_FILE ${PROJECT_BINARY_DIR}/test_anchor.cc.new ${PROJECT_BINARY_DIR}/test_anchor.cc
     ONLY_IF_DIFFERENT)
add_library(sheaf_test_support STATIC ${support_sources} ${PROJECT_BINARY_DIR}/test_anchor.cc)
target_link_libraries(sheaf_test_support
    PUBLIC sheaf_static ${SHEAF_PRIVATE_LIBRARIES} nlohmann_json::nlohmann_json
           GTest::gtest GTest::gmock)
target_compile_definitions(sheaf_test_support PUBLIC
    SHEAF_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
    SHEAF_BINARY_DIR="${PROJECT_BINARY_DIR}"
    SHEAF_CLI_PATH="${PROJECT_BINARY_DIR}/sheaf")
if(SHEAF_SANITIZE MATCHES "thread")  # see the file
  set(tsan_source ${PROJECT_SOURCE_DIR}/tests/support/tsan/absl_for_tsan.cc)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${tsan_source})
  file(STRINGS ${tsan_source} wrapped REGEX "_ZNK?4absl[A-Za-z0-9_]+\"")
  add_library(sheaf_absl_for_tsan OBJECT ${tsan_source})
  target_link_libraries(sheaf_absl_for_tsan PRIVATE ${SHEAF_PUBLIC_LIBRARIES})
  target_sources(sheaf_test_support INTERFACE $<TARGET_OBJECTS:sheaf_absl_for_tsan>)
  foreach(line ${wrapped})
    string(REGEX MATCH "_ZNK?4absl[A-Za-z0-9_]+" symbol "${line}")
    target_link_options(sheaf_test_support INTERFACE -Wl,--wrap=${symbol})
  endforeach()
endif()
# Tests are compiled a third quicker so, under sanitizers more than twice; the library
# they test is not.
set(test_options $<IF:$<CONFIG:RelWithDebInfo>,-O1,-O0>)
if(SHEAF_SANITIZE MATCHES "undefined")
  list(APPEND test_options -fno-sanitize=undefined)
endif()
target_compile_options(sheaf_test_support PRIVATE ${test_options})
if(SHEAF_PCH)
  target_precompile_headers(sheaf_test_support PRIVATE
      <cstdint> <map> <memory> <optional> <string> <string_view> <vector>
      <gmock/gmock.h> <gtest/gtest.h>
      <absl/container/flat_hash_map.h> <absl/status/statusor.h> <absl/strings/str_cat.h>
      <absl/synchronization/mutex.h> <absl/time/time.h> <absl/types/span.h>)
endif()

if(NOT SHEAF_CLI)
  list(REMOVE_ITEM test_dirs cli)
endif()
# What runs the built command or installs the library must wait for them.
set(needs_cli cli_tests cli_slow_tests crash_tests crash_slow_tests install_slow_tests)

# These begin first, the last of them before all, so that none is left to run alone.
set(longest install_slow_tests graph_tests crash_tests cli_tests api_tests api_slow_tests
    crash_slow_tests)

function(sheaf_add_test_binary name label timeout)
  add_executable(${name} ${ARGN})
  set_target_properties(${name} PROPERTIES
      RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  target_link_libraries(${name} PRIVATE sheaf_test_support GTest::gtest_main)
  target_compile_options(${name} PRIVATE ${test_options})
  if(SHEAF_PCH)
    target_precompile_headers(${name} REUSE_FROM sheaf_test_support)
  endif()
  if(name IN_LIST needs_cli)
    if(TARGET sheaf_cli)
      add_dependencies(${name} sheaf_cli)
    endif()
    add_dependencies(${name} sheaf_shared)
  endif()
  if(name MATCHES "^cli_")
    target_link_libraries(${name} PRIVATE sheaf_cli_objects)
    add_dependencies(${name} wordnet_to_jsonl wordnet_to_graph)
  endif()
  if(name MATCHES "^install_")
    target_compile_definitions(${name} PRIVATE
        SHEAF_CXX="${CMAKE_CXX_COMPILER}" SHEAF_VERSION_TEXT="${PROJECT_VERSION}"
        SHEAF_INSTALL_LIBDIR="${CMAKE_INSTALL_LIBDIR}")
  endif()
  add_test(NAME ${name} COMMAND ${name})
  list(FIND longest ${name} place)
  math(EXPR cost "${place} + 1")
  set_tests_properties(${name} PROPERTIES LABELS "${label}" TIMEOUT ${timeout} COST ${cost})
  if("fast" IN_LIST label)
    add_dependencies(sheaf_fast_tests ${name})
  endif()
endfunction()

add_custom_target(sheaf_fast_tests)  # all that carries the label fast, but examples
add_custom_target(sheaf_tsan_tests)  # all that carries the label tsan

foreach(dir ${test_dirs})
  file(GLOB fast_sources CONFIGURE_DEPENDS tests/${dir}/*_test.cc)
  set(slow_sources ${fast_sources})
  list(FILTER fast_sources EXCLUDE REGEX "_slow_test\\.cc$")
  list(FILTER slow_sources INCLUDE REGEX "_slow_test\\.cc$")
  if(dir STREQUAL "install")  # its one test builds programs: slow whatever its name
    list(APPEND slow_sources ${fast_sources})
    set(fast_sources)
  endif()
  set(extra_label)
  if(dir STREQUAL "race")
    set(extra_label tsan)
  endif()
  if(fast_sources)
    sheaf_add_test_binary(${dir}_tests "fast;${extra_label}" ${test_timeout_fast}
                          ${fast_sources})
  endif()
  if(slow_sources)
    sheaf_add_test_binary(${dir}_slow_tests "slow;${extra_label}" ${test_timeout_slow}
                          ${slow_sources})
  endif()
endforeach()
foreach(name race_tests race_slow_tests)
  if(TARGET ${name})
    add_dependencies(sheaf_tsan_tests ${name})
  endif()
endforeach()
