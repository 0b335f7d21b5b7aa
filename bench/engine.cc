#include "bench/engine.h"

#include <unistd.h>

#include <cstdio>

namespace sheaf::bench {
namespace {

struct Maker {
  std::string_view name;
  std::unique_ptr<Engine> (*make)();
};

constexpr Maker kMakers[] = {
    {"sheaf", NewSheafEngine},      {"lmdb", NewLmdbEngine},
    {"lmdb_map", NewLmdbMapEngine}, {"rocksdb", NewRocksdbEngine},
    {"leveldb", NewLeveldbEngine},  {"wiredtiger", NewWiredtigerEngine},
    {"sqlite", NewSqliteEngine},
};

}  // namespace

std::vector<std::string> EngineNames() {
  std::vector<std::string> names;
  for (const Maker& maker : kMakers) names.emplace_back(maker.name);
  return names;
}

std::unique_ptr<Engine> NewEngine(std::string_view name) {
  for (const Maker& maker : kMakers) {
    if (maker.name == name) return maker.make();
  }
  Fail("engine", name);
}

Touched Session::MultiGet(absl::Span<const std::string_view> keys) {
  Touched touched;
  for (std::string_view key : keys) {
    if (auto value = Get(key)) touched.Value(*value);
  }
  return touched;
}

void Fail(std::string_view where, std::string_view what) {
  std::fprintf(stderr, "sheaf_bench: %.*s: %.*s\n", int(where.size()), where.data(),
               int(what.size()), what.data());
  std::fflush(stderr);
  _exit(1);
}

}  // namespace sheaf::bench
