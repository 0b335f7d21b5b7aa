// Salvage of a graph: of a file with any one page destroyed what comes back is a graph that
// agrees with itself, has nothing that was not there, and misses little.
#include <gtest/gtest.h>

#include <set>

#include "pager/page.h"
#include "sheaf/salvage.h"
#include "tests/api/damage_util.h"
#include "tests/crash/graph_changes.h"

namespace sheaf::test {
namespace {

constexpr char kOut[] = "/saved.sheaf";
constexpr VertexId kVertices = 1500;

absl::Status Fill(Database* db) {
  return db->Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Graph g, txn.graph("g"));
    for (VertexId id = 0; id < kVertices; ++id) {
      const std::vector<std::string_view> labels(id % 3 == 0 ? 1 : 0, "Third");
      SHEAF_RETURN_IF_ERROR(g.AddVertexAs(
          id, labels, id % 2 == 0 ? absl::StrCat("{\"n\":", id, "}") : "{}"));
    }
    for (VertexId id = 0; id < kVertices; ++id) {
      const auto add = [&](VertexId from, const char* type, VertexId to) {
        return g
            .AddEdge(from, type, to, id % 7 == 0 ? 2 : 1,
                     id % 5 == 0 ? absl::StrCat("{\"e\":", id, "}") : "{}")
            .status();
      };
      SHEAF_RETURN_IF_ERROR(add(id, "NEXT", (id + 1) % kVertices));
      SHEAF_RETURN_IF_ERROR(add(id, "FAR", id * 37 % kVertices));
      SHEAF_RETURN_IF_ERROR(add(0, "HUB", id));
    }
    return absl::OkStatus();
  });
}

// Edges without what hangs on them, and vertices.
std::set<std::string> NamesOf(const GraphContents& contents, char kind) {
  std::set<std::string> names;
  for (const auto& [name, value] : contents)
    if (name[0] == kind) names.insert(name);
  return names;
}

TEST(SalvageGraph, AnyOnePageDestroyed) {
  auto fs = pager::NewMemoryFileSystem();
  GraphContents before;
  {
    auto db = *OpenSample(fs.get());
    ASSERT_TRUE(Fill(db.get()).ok());
    before = *ReadGraph(*db->BeginRead().graph("g"));
    ASSERT_TRUE(db->Close().ok());
  }
  const std::string file = ReadWholeFile(fs.get(), kPath);
  const std::set<std::string> vertices = NamesOf(before, 'v'),
                              edges = NamesOf(before, 'e');
  SalvageOptions options;
  options.file_system = fs.get();
  options.overwrite = true;
  uint64_t whole = 0, repaired = 0;
  for (size_t page = 0; page < file.size() / pager::kPageBytes; page += kPageStep) {
    SCOPED_TRACE(page);
    std::string bytes = file;
    for (size_t at = 0; at < pager::kPageBytes; at += 512)
      bytes[page * pager::kPageBytes + at + 100] ^= 0x55;
    WriteWholeFile(fs.get(), kPath, bytes);
    const auto report = Salvage(kPath, kOut, options);
    ASSERT_TRUE(report.ok()) << report.status();
    Options open;
    open.file_system = fs.get();
    auto db = *Database::Open(kOut, open);
    const CheckReport check = *db->Check();
    ASSERT_TRUE(check.ok()) << check.findings[0].what;
    const ReadTransaction read = db->BeginRead();
    const auto graph = read.graph("g");
    if (!graph.ok()) continue;  // the catalog's only leaf
    const GraphContents after = *ReadGraph(*graph);
    whole += after == before;
    for (const std::string& note : report->notes) repaired += note.starts_with("g: what");
    const auto some = NamesOf(after, 'v');
    for (const std::string& name : some) ASSERT_TRUE(vertices.contains(name)) << name;
    EXPECT_GT(some.size(), kVertices * 9 / 10);
    const auto found = NamesOf(after, 'e');
    EXPECT_GT(found.size(), edges.size() * 9 / 10);
    for (const std::string& name : found) {
      // A type whose name is lost has another.
      const bool is_known = name.find("lost-") != name.npos || edges.contains(name);
      ASSERT_TRUE(is_known) << name;
    }
  }
  EXPECT_GT(whole, 3 / kPageStep);  // free pages, superblocks, what is above the leaves
  EXPECT_GT(repaired, 10 / kPageStep);
}

}  // namespace
}  // namespace sheaf::test
