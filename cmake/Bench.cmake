# sheaf_bench: Sheaf and its peers in one process run.
file(GLOB bench_sources CONFIGURE_DEPENDS bench/*.cc)
pkg_check_modules(LMDB IMPORTED_TARGET lmdb)
pkg_check_modules(ROCKSDB IMPORTED_TARGET rocksdb)
pkg_check_modules(WIREDTIGER IMPORTED_TARGET wiredtiger)
pkg_check_modules(SQLITE IMPORTED_TARGET sqlite3)
find_package(leveldb QUIET)
set(missing)
foreach(peer LMDB ROCKSDB WIREDTIGER SQLITE leveldb)
  if(NOT ${peer}_FOUND)
    list(APPEND missing ${peer})
  endif()
endforeach()
if(missing)
  message(WARNING "sheaf_bench is not built; missing: ${missing} (tools/setup.sh --bench)")
elseif(bench_sources)
  add_executable(sheaf_bench ${bench_sources})
  target_link_libraries(sheaf_bench PRIVATE
      sheaf_static nlohmann_json::nlohmann_json PkgConfig::LMDB PkgConfig::ROCKSDB
      PkgConfig::WIREDTIGER PkgConfig::SQLITE leveldb::leveldb)
endif()

# sheaf_merge_bench: counters beside RocksDB's merge operator.
if(ROCKSDB_FOUND)
  add_executable(sheaf_merge_bench bench/merge/main.cc)
  target_link_libraries(sheaf_merge_bench PRIVATE sheaf_static PkgConfig::ROCKSDB)
endif()

# sheaf_blobs_bench: blobs beside plain files and the peers.
if(LMDB_FOUND AND ROCKSDB_FOUND AND SQLITE_FOUND)
  add_executable(sheaf_blobs_bench bench/blobs/main.cc)
  target_link_libraries(sheaf_blobs_bench PRIVATE
      sheaf_static nlohmann_json::nlohmann_json PkgConfig::LMDB PkgConfig::ROCKSDB
      PkgConfig::SQLITE)
endif()
# sheaf_expiry_bench: what expires, beside readers.
add_executable(sheaf_expiry_bench bench/expiry/main.cc)
target_link_libraries(sheaf_expiry_bench PRIVATE sheaf_static)

# sheaf_documents_bench: documents, indexes and queries beside SQLite's JSON functions.
# sheaf_keeping_bench: encryption, compression, backup and compaction against doing without.
if(SQLITE_FOUND)
  add_executable(sheaf_documents_bench bench/documents/main.cc)
  target_link_libraries(sheaf_documents_bench PRIVATE
      sheaf_static nlohmann_json::nlohmann_json PkgConfig::SQLITE)
  add_executable(sheaf_keeping_bench bench/keeping/main.cc)
  target_link_libraries(sheaf_keeping_bench PRIVATE
      sheaf_static nlohmann_json::nlohmann_json PkgConfig::SQLITE)
endif()

# sheaf_graphs_bench: graphs beside LMDB as an adjacency store, SQLite and rows in memory.
if(LMDB_FOUND AND SQLITE_FOUND)
  file(GLOB graphs_sources CONFIGURE_DEPENDS bench/graphs/*.cc)
  add_executable(sheaf_graphs_bench ${graphs_sources} bench/child.cc)
  target_link_libraries(sheaf_graphs_bench PRIVATE
      sheaf_static nlohmann_json::nlohmann_json simdjson::simdjson PkgConfig::LMDB
      PkgConfig::SQLITE)
endif()

# sheaf_vectors_bench: vector indexes beside hnswlib and FAISS. Peers, and exact searches,
# are compiled for this machine, as whoever wants speed of them would.
find_path(HNSWLIB_INCLUDE_DIR hnswlib/hnswlib.h)
find_package(OpenMP QUIET)
find_package(faiss QUIET CONFIG)
if(HNSWLIB_INCLUDE_DIR AND OpenMP_CXX_FOUND AND faiss_FOUND)
  file(GLOB vectors_sources CONFIGURE_DEPENDS bench/vectors/*.cc)
  add_executable(sheaf_vectors_bench ${vectors_sources} bench/child.cc)
  set(for_this_machine -O3 -march=native)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    list(APPEND for_this_machine -mprefer-vector-width=512)
  endif()
  set_source_files_properties(
      bench/vectors/exact.cc bench/vectors/faiss_index.cc bench/vectors/hnswlib_index.cc
      PROPERTIES COMPILE_OPTIONS "${for_this_machine}")
  target_link_libraries(sheaf_vectors_bench PRIVATE
      sheaf_static nlohmann_json::nlohmann_json faiss OpenMP::OpenMP_CXX)
else()
  message(WARNING "sheaf_vectors_bench is not built; missing: hnswlib, OpenMP or FAISS "
                  "(tools/setup.sh --bench)")
endif()
