// A store in memory with a graph in it, for writing and for reading.
#ifndef TESTS_GRAPH_GRAPH_TEST_UTIL_H_
#define TESTS_GRAPH_GRAPH_TEST_UTIL_H_
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "catalog/store.h"
#include "graph/graph_writer.h"
#include "tests/support/faulty_file.h"

namespace sheaf::graph {

inline std::unique_ptr<catalog::Store> OpenStore(test::FaultyFileSystem* fs) {
  RegisterRecords();
  Options options;
  options.background_checkpoints = false;
  auto store = catalog::Store::Open(fs, "/g.sheaf", options, false);
  EXPECT_TRUE(store.ok()) << store.status();
  return *std::move(store);
}

// A write transaction with the graph, made if it is not there.
struct Writing {
  explicit Writing(catalog::Store* store) {
    txn = *store->BeginWrite(absl::InfiniteDuration());
    graph = *txn->FindTree("g");
    if (graph == nullptr) {
      graph = *txn->CreateTree("g", catalog::TreeKind::kGraph, "", "");
      EXPECT_TRUE(txn->CreateTree(PartsName(graph->record().id),
                                  catalog::TreeKind::kGraphPart, "", "")
                      .ok());
    }
    parts = std::make_unique<document::CollectionWriter>(
        txn.get(), *txn->FindTree(PartsName(graph->record().id)), &cache);
    writer = std::make_unique<GraphWriter>(txn.get(), graph, parts.get());
  }
  NameId Name(const std::string& name) { return *writer->NameOf(name); }

  document::SchemaCache cache;
  std::unique_ptr<catalog::WriteTxn> txn;
  catalog::OpenTree* graph = nullptr;
  std::unique_ptr<document::CollectionWriter> parts;
  std::unique_ptr<GraphWriter> writer;
};

// The graph of what is committed.
struct Reading {
  explicit Reading(catalog::Store* store) : snapshot(store) {
    const auto record = *snapshot.FindTree("g");
    if (!record.has_value()) return;
    const auto part = *snapshot.FindTree(PartsName(record->id));
    graph.emplace(store, &snapshot, *record);
    parts.emplace(store, &snapshot, *part);
    reader.emplace(&*graph, &*parts);
    schema = *cache.Get(*parts);
  }

  document::SchemaCache cache;
  const catalog::Snapshot snapshot;
  std::optional<catalog::TreeView> graph, parts;
  std::optional<GraphReader> reader;  // none: there is no graph
  std::shared_ptr<const document::Schema> schema;
};

}  // namespace sheaf::graph
#endif  // TESTS_GRAPH_GRAPH_TEST_UTIL_H_
