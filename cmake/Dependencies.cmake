# The foreign libraries, as Debian packages them. tools/setup.sh installs them.
# sheafConfig.cmake and sheaf.pc name the same ones: change all three together.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(absl REQUIRED)
find_package(OpenSSL 3.0 REQUIRED COMPONENTS Crypto)
find_package(simdjson REQUIRED)
find_package(roaring REQUIRED)  # sets of vectors
pkg_check_modules(ISAL REQUIRED IMPORTED_TARGET libisal)  # CRC32C
pkg_check_modules(LZ4 REQUIRED IMPORTED_TARGET liblz4)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
pkg_check_modules(HWY IMPORTED_TARGET libhwy)  # optional: SIMD dispatched at run time
find_package(CLI11 QUIET)                      # the command only
find_package(nlohmann_json 3 QUIET)            # headers; the command only
pkg_check_modules(EDIT IMPORTED_TARGET libedit)  # lines of the shell; the command only

if(SHEAF_CLI AND NOT (CLI11_FOUND AND nlohmann_json_FOUND AND EDIT_FOUND))
  message(FATAL_ERROR "The command needs CLI11, nlohmann_json and libedit: run tools/setup.sh "
                      "or configure with -DSHEAF_CLI=OFF")
endif()

# What public headers show, and hence what every user links.
set(SHEAF_PUBLIC_LIBRARIES
    absl::base absl::btree absl::cleanup absl::core_headers absl::flat_hash_map
    absl::flat_hash_set absl::function_ref absl::hash absl::inlined_vector absl::span
    absl::status absl::statusor absl::strings absl::str_format absl::synchronization
    absl::time Threads::Threads)
set(SHEAF_PRIVATE_LIBRARIES
    OpenSSL::Crypto PkgConfig::ISAL PkgConfig::LZ4 PkgConfig::ZSTD PkgConfig::RE2
    simdjson::simdjson roaring::roaring)
if(HWY_FOUND)
  list(APPEND SHEAF_PRIVATE_LIBRARIES PkgConfig::HWY)
endif()
