// What golden files are made and looked into with.
#ifndef TESTS_GOLDEN_GOLDEN_UTIL_H_
#define TESTS_GOLDEN_GOLDEN_UTIL_H_
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "btree/dense_reader.h"
#include "catalog/store.h"
#include "catalog/tree_view.h"
#include "graph/graph_reader.h"
#include "tests/api/damage_util.h"

namespace sheaf::test {

// Of a database that `fill` filled in one transaction.
inline std::string MakeFile(absl::FunctionRef<absl::Status(WriteTransaction&)> fill) {
  auto fs = pager::NewMemoryFileSystem();
  auto db = OpenSample(fs.get());
  EXPECT_TRUE(db.ok()) << db.status();
  const absl::Status filled = (*db)->Write(fill);
  EXPECT_TRUE(filled.ok()) << filled;
  EXPECT_TRUE((*db)->Close().ok());
  db->reset();
  return ReadWholeFile(fs.get(), kPath);
}

// All there is in a file, past the models: by tree, then by key.
inline Content TreesOf(const std::string& file) {
  auto fs = pager::NewMemoryFileSystem();
  WriteWholeFile(fs.get(), kPath, file);
  graph::RegisterRecords();
  Options options;
  options.background_checkpoints = false;
  options.file_system = fs.get();
  const auto store = *catalog::Store::Open(fs.get(), kPath, options, false);
  Content content;
  const catalog::Snapshot snapshot(store.get());
  const auto trees = *snapshot.ListTrees();
  for (const catalog::TreeRecord& record : trees) {
    const catalog::TreeView tree(store.get(), &snapshot, record);
    if (catalog::IsDense(record.kind)) {
      btree::DenseCursor cursor(tree.context(), &tree.root());
      for (bool valid = cursor.Seek(0); valid; valid = cursor.Next())
        content[record.name][absl::StrCat(cursor.key())] = cursor.record();
      EXPECT_TRUE(cursor.status().ok()) << cursor.status();
      continue;
    }
    btree::TreeCursor cursor = tree.NewCursor();
    std::string buffer;
    std::string_view value;
    for (cursor.SeekFirst(); cursor.Valid(); cursor.Next()) {
      EXPECT_TRUE(tree.ValueAt(cursor, &buffer, &value).ok());
      content[record.name][std::string(cursor.key())] = value;
    }
    EXPECT_TRUE(cursor.status().ok()) << cursor.status();
  }
  return content;
}

}  // namespace sheaf::test
#endif  // TESTS_GOLDEN_GOLDEN_UTIL_H_
