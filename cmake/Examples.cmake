# Each examples/<name>.cc is a whole program; it runs as a test in a fresh empty folder.
file(GLOB example_sources CONFIGURE_DEPENDS examples/*.cc)
foreach(source ${example_sources})
  get_filename_component(name ${source} NAME_WE)
  add_executable(example_${name} ${source})
  set_target_properties(example_${name} PROPERTIES OUTPUT_NAME ${name}
      RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/examples)
  target_link_libraries(example_${name} PRIVATE sheaf_static)
  add_test(NAME example_${name}
           COMMAND ${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:example_${name}>
                   -DFOLDER=${PROJECT_BINARY_DIR}/examples/run/${name}
                   -P ${PROJECT_SOURCE_DIR}/cmake/RunInFreshFolder.cmake)
  set_tests_properties(example_${name} PROPERTIES LABELS fast TIMEOUT 120)
endforeach()
