# The library: every folder compiled once (sheaf_objects), linked twice.

# Files of one folder together; those that have options of their own are left out.
function(sheaf_unity target)
  if(NOT SHEAF_UNITY)
    return()
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  # GCC takes a class that a source file completes with types of its own for one of a header.
  target_compile_options(${target} PRIVATE
      $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  foreach(source ${ARGN})
    get_filename_component(folder ${source} DIRECTORY)
    get_filename_component(folder ${folder} NAME)
    math(EXPR count_${folder} "${count_${folder}} + 1")
    math(EXPR group "(${count_${folder}} - 1) / 8")
    set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${folder}_${group})
  endforeach()
endfunction()

# Public headers say "sheaf/x.h" to each other. In the tree that path is a folder of
# links in the build folder; installed it is include/sheaf.
set(public_include ${PROJECT_BINARY_DIR}/include)
file(MAKE_DIRECTORY ${public_include}/sheaf)
file(GLOB public_headers CONFIGURE_DEPENDS api/*.h)
foreach(header pager/status_macros.h pager/encryption_key.h btree/key.h catalog/options.h catalog/observer.h
        catalog/hybrid_clock.h catalog/merge.h
        document/binary.h document/names.h document/index.h
        graph/algorithm_options.h graph/centrality.h graph/closure.h
        graph/community.h graph/components.h graph/connectivity.h
        graph/cycles.h graph/direction.h graph/dominators.h
        graph/flow.h graph/graph_projection.h graph/order.h
        graph/paths.h graph/pattern.h graph/shortest_paths.h graph/spanning_tree.h
        graph/strong_components.h graph/vertex_lists.h
        vector/metric.h vector/vector_options.h)  # "Installed as <sheaf/…>"
  if(EXISTS ${PROJECT_SOURCE_DIR}/${header})
    list(APPEND public_headers ${PROJECT_SOURCE_DIR}/${header})
  endif()
endforeach()
file(GLOB old_links ${public_include}/sheaf/*.h)
foreach(link ${old_links})  # a header that is gone must not be found any more
  if(IS_SYMLINK ${link} AND NOT EXISTS ${link})
    file(REMOVE ${link})
  endif()
endforeach()
foreach(header ${public_headers})
  get_filename_component(name ${header} NAME)
  file(CREATE_LINK ${header} ${public_include}/sheaf/${name} SYMBOLIC)
endforeach()
configure_file(api/version.h.in ${public_include}/sheaf/version.h @ONLY)

set(library_sources)
foreach(folder ${SHEAF_FOLDERS})
  file(GLOB found CONFIGURE_DEPENDS ${folder}/*.cc)
  list(APPEND library_sources ${found})
endforeach()
if(NOT library_sources)  # nothing written yet: CMake wants one file
  file(WRITE ${PROJECT_BINARY_DIR}/empty.cc "")
  set(library_sources ${PROJECT_BINARY_DIR}/empty.cc)
endif()

add_library(sheaf_objects OBJECT ${library_sources})
sheaf_unity(sheaf_objects ${library_sources})
set_target_properties(sheaf_objects PROPERTIES POSITION_INDEPENDENT_CODE ON)
target_include_directories(sheaf_objects PUBLIC ${PROJECT_SOURCE_DIR} ${public_include})
target_link_libraries(sheaf_objects PUBLIC ${SHEAF_PUBLIC_LIBRARIES} ${SHEAF_PRIVATE_LIBRARIES})
# Not with clang, so that one build shows that every file includes what it uses.
if(SHEAF_PCH AND NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_precompile_headers(sheaf_objects PRIVATE
      <algorithm> <cstdint> <memory> <optional> <string> <string_view> <utility> <vector>
      <absl/container/flat_hash_map.h> <absl/status/statusor.h> <absl/strings/str_cat.h>
      <absl/synchronization/mutex.h> <absl/time/time.h> <absl/types/span.h>)
endif()

# With pragmas or macros of their own.
set_source_files_properties(pager/compression.cc vector/bulk_build.cc
    vector/distance_kernels.cc PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
# Compilers turn its loops with roots and maxima into vector instructions only so; and what
# they compute is the same on every machine, as graphs have to be.
set_source_files_properties(vector/code.cc PROPERTIES
    COMPILE_OPTIONS "-fno-math-errno;-fno-trapping-math;-ffp-contract=off"
    SKIP_PRECOMPILE_HEADERS ON)

add_library(sheaf_static STATIC $<TARGET_OBJECTS:sheaf_objects>)
add_library(sheaf_shared SHARED $<TARGET_OBJECTS:sheaf_objects>)
set_target_properties(sheaf_static PROPERTIES EXPORT_NAME static)
set_target_properties(sheaf_shared PROPERTIES EXPORT_NAME shared
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
foreach(library sheaf_static sheaf_shared)
  set_target_properties(${library} PROPERTIES OUTPUT_NAME sheaf LINKER_LANGUAGE CXX)
  target_include_directories(${library} PUBLIC
      $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<BUILD_INTERFACE:${public_include}>
      $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(${library} PUBLIC ${SHEAF_PUBLIC_LIBRARIES}
                                   PRIVATE ${SHEAF_PRIVATE_LIBRARIES})
  target_compile_features(${library} PUBLIC cxx_std_20)
endforeach()
if(NOT SHEAF_SANITIZE AND NOT SHEAF_FUZZ)  # their runtimes are in the executable
  target_link_options(sheaf_shared PRIVATE -Wl,--no-undefined)
endif()

# Installation.
include(CMakePackageConfigHelpers)
set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/sheaf)
install(TARGETS sheaf_static sheaf_shared EXPORT sheafTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${public_headers} ${public_include}/sheaf/version.h
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/sheaf)
install(EXPORT sheafTargets NAMESPACE sheaf:: DESTINATION ${config_dir})
configure_package_config_file(cmake/sheafConfig.cmake.in
    ${PROJECT_BINARY_DIR}/sheafConfig.cmake INSTALL_DESTINATION ${config_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/sheafConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)  # before 1.0 a minor version may change anything
install(FILES ${PROJECT_BINARY_DIR}/sheafConfig.cmake
              ${PROJECT_BINARY_DIR}/sheafConfigVersion.cmake DESTINATION ${config_dir})
set(SHEAF_PC_HWY "")
if(HWY_FOUND)
  set(SHEAF_PC_HWY " libhwy")
endif()
# The prefix is found from where sheaf.pc lies, so an installation may be moved.
file(RELATIVE_PATH SHEAF_PC_UP /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(cmake/sheaf.pc.in ${PROJECT_BINARY_DIR}/sheaf.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/sheaf.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
