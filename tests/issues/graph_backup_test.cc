// A compacted backup gave trees other numbers, but a graph finds its parts by its own: the
// copy had lost them.
#include <gtest/gtest.h>

#include "sheaf/backup.h"
#include "tests/api/damage_util.h"
#include "tests/crash/graph_changes.h"

namespace sheaf::test {
namespace {

TEST(GraphBackup, ACompactedCopyHasTheGraph) {
  auto fs = pager::NewMemoryFileSystem();
  auto db = *OpenSample(fs.get());
  const absl::Status filled = db->Write([](WriteTransaction& txn) -> absl::Status {
    // Numbers neither begin with 1 nor follow the order of names.
    for (const char* name : {"zz", "m", "a"}) {
      SHEAF_RETURN_IF_ERROR(txn.table(name).status());
      SHEAF_ASSIGN_OR_RETURN(Graph g, txn.graph(absl::StrCat(name, " graph")));
      SHEAF_RETURN_IF_ERROR(g.AddVertex({"L"}, R"({"n":1})").status());
      SHEAF_RETURN_IF_ERROR(g.AddEdge(0, name, 0, 2, R"({"e":1})").status());
    }
    SHEAF_RETURN_IF_ERROR(txn.Drop("zz graph"));
    return txn.Drop("a");
  });
  ASSERT_TRUE(filled.ok()) << filled;
  BackupOptions options;
  options.compact = true;
  ASSERT_TRUE(db->Backup("/copy.sheaf", options).ok());
  Options open;
  open.file_system = fs.get();
  auto copy = *Database::Open("/copy.sheaf", open);
  const CheckReport report = *copy->Check();
  for (const CheckFinding& f : report.findings) ADD_FAILURE() << f.what;
  for (const char* name : {"m graph", "a graph"}) {
    const ReadTransaction before = db->BeginRead(), after = copy->BeginRead();
    EXPECT_EQ(*ReadGraph(*after.graph(name)), *ReadGraph(*before.graph(name))) << name;
  }
}

}  // namespace
}  // namespace sheaf::test
