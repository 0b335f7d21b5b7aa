// The seeds of the fuzzers are what they are meant to be, and the canary dies
// (RELIABILITY R8). With SHEAF_WRITE_CORPUS=1 in the environment the seeds are
// written anew; commit what changed.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <random>

#include "absl/strings/str_cat.h"
#include "btree/dense_node.h"
#include "document/collection_codec.h"
#include "document/index_entry.h"
#include "document/json_codec.h"
#include "document/schema.h"
#include "graph/adjacency.h"
#include "graph/graph_reader.h"
#include "graph/pattern.h"
#include "graph/vertex_record.h"
#include "pager/coding.h"
#include "tests/api/damage_util.h"
#include "tests/support/command.h"

namespace sheaf::test {
namespace {

const std::string& CorpusFolder() {
  static const std::string folder = absl::StrCat(SHEAF_SOURCE_DIR, "/tests/fuzz/corpus/");
  return folder;
}

using Seeds = std::map<std::string, std::string>;

std::string FileWith(const std::function<absl::Status(WriteTransaction&)>& fill) {
  auto fs = pager::NewMemoryFileSystem();
  auto db = OpenSample(fs.get());
  EXPECT_TRUE(db.ok() && (*db)->Write(fill).ok());
  EXPECT_TRUE((*db)->Close().ok());
  db->reset();
  return ReadWholeFile(fs.get(), kPath);
}

Seeds WholeFileSeeds() {
  const std::string empty = FileWith([](WriteTransaction&) { return absl::OkStatus(); });
  const std::string small = FileWith([](WriteTransaction& txn) -> absl::Status {
    SHEAF_RETURN_IF_ERROR(txn.table("t")->Put("key1", "value"));
    return txn.collection("c")->Append("{\"a\":1}").status();
  });
  const std::string levels = FileWith([](WriteTransaction& txn) -> absl::Status {
    for (int i = 0; i < 120; ++i)
      SHEAF_RETURN_IF_ERROR(
          txn.table("t")->Put(absl::StrCat("key", i * 7 % 200),
                              std::string(static_cast<size_t>(90 + i % 20), 'v')));
    return txn.table("empty").status();
  });
  const std::string large = FileWith([](WriteTransaction& txn) -> absl::Status {
    SHEAF_RETURN_IF_ERROR(txn.table("t")->Put("big", std::string(5000, 'v')));
    return txn.table("t")->Put("bigger", std::string(66000, 'v'));
  });
  const std::string compressed = FileWith([](WriteTransaction& txn) -> absl::Status {
    constexpr Compression kKind{CompressionKind::kZstd, 3, true, 20};
    SHEAF_ASSIGN_OR_RETURN(Table table, txn.table("t", {.compression = kKind}));
    for (int i = 0; i < 60; ++i)
      SHEAF_RETURN_IF_ERROR(table.Put(
          absl::StrCat("key", i),
          absl::StrCat("{\"number\":", i * 77, ",\"what\":\"something compressible\"}")));
    SHEAF_RETURN_IF_ERROR(table.Put("long", std::string(100'000, 'l')));
    return txn.table("l", {.compression = Compression{CompressionKind::kLz4}})
        ->Put("key", std::string(900, 'v'));
  });
  Seeds seeds;
  for (const auto& [name, file] : {std::pair("empty", empty),
                                   {"small", small},
                                   {"levels", levels},
                                   {"large", large},
                                   {"compressed", compressed}}) {
    seeds[absl::StrCat(name, "_as_is")] = '\0' + file;
    seeds[absl::StrCat(name, "_sealed")] = '\x01' + file;
    seeds[absl::StrCat(name, "_repaired")] =
        (std::string(name) == "levels" ? '\x0f' : '\x17') + file;
  }
  seeds["newer_format"] = '\x01' + small;
  seeds["newer_format"][1 + 72] = '\x02';
  return seeds;
}

// Pages of real trees, from their kind on.
Seeds NodeSeeds() {
  Seeds seeds;
  PageEditor editor(MakeSample().file);
  const pager::PageRef root = editor.Tree("table").root.page;
  const auto add = [&](const char* name, pager::PageId id, char changes) {
    seeds[name] = std::string(1, '\0') + changes +
                  std::string(editor.page(id) + pager::PageHeader::kKind,
                              pager::kPageBytes - pager::PageHeader::kKind);
  };
  add("inner", root.id, 1);
  add("leaf", editor.Descendant(root, 1).id, 2);
  add("leaf_of_large", editor.PagesOf(root).at(2).id, 3);
  add("catalog", editor.superblock().catalog_root.id, 4);
  add("collection", editor.Tree("notes").root.page.id, 5);
  for (auto& [name, seed] : seeds) {  // kinds are told by one bit here
    seed[2] = name == "inner" ? 1 : 0;
  }
  return seeds;
}

Seeds TableSeeds() {
  Seeds seeds;
  for (uint32_t seed = 1; seed <= 12; ++seed) {
    std::mt19937 random(seed);
    std::string ops(60 * seed, '\0');
    for (char& c : ops) c = static_cast<char>(random());
    seeds[absl::StrCat("random", seed)] = ops;
  }
  std::string crashes;
  for (int i = 0; i < 40; ++i)
    crashes += {15, static_cast<char>(i), 100, 2, static_cast<char>(i % 3), 4, 1, 0};
  seeds["crashes"] = crashes;
  std::string savepoints;
  for (int i = 0; i < 40; ++i)
    savepoints += {12, static_cast<char>(i * 5), 50, 5, 16, static_cast<char>(i), 120, 6};
  seeds["savepoints"] = savepoints;
  std::string compression;
  for (int i = 0; i < 60; ++i)
    compression += {12, static_cast<char>(i * 5), 50,  15, static_cast<char>(i * 37), 5,
                    16, static_cast<char>(i),     120, 15, static_cast<char>(i * 11), 6};
  seeds["compression"] = compression;
  return seeds;
}

// Behind the byte that chooses: see document_fuzz.cc.
Seeds DocumentSeeds() {
  const char* const kJson[] = {
      R"({"a":[1,-5,300,18446744073709551615,0.5,0.1,null,true],"b":{"c":"text"}})",
      R"([{"$date":"2026-01-02T03:04:05Z"},{"$binary":{"base64":"AAEC","subType":"00"}},{"$vector":[1,2]}])",
      R"({"words":["\u00e4\ud83c\udf3e"],"deep":{"a":{"a":{"a":[[[]]]}}},"own":{"$numberDouble":"NaN"}})"};
  const char* const kFilters[] = {
      R"({"a":{"$gt":1,"$lte":3},"b.c":{"$in":[1.5,"x",null]}})",
      R"({"$or":[{"words":{"$regex":"^o","$options":"i"}},{"a":{"$elemMatch":{"b":{"$exists":true}}}}]})",
      R"({"a":{"$not":{"$size":2}},"words":{"$all":["one"]},"b":{"$type":"object"},"a.0":{"$mod":[4,1]}})"};
  const char* const kUpdates[] = {
      R"({"$set":{"a.1.b":3,"b.x.y":[1]},"$unset":{"a.0":1},"$inc":{"b.c":2},"$max":{"deep.n":7}})",
      R"({"$push":{"words":{"$each":["x",1],"$position":1,"$sort":-1,"$slice":-3}},"$pull":{"a":{"$gte":1}}})",
      R"({"$rename":{"b.c":"n"},"$addToSet":{"words":{"$each":["one","new"]}},"$pop":{"a":-1}})",
      R"({"$setOnInsert":{"k":1},"$mul":{"b.c":2},"$pullAll":{"a":[1,{"b":2}]},"$currentDate":{"t":true}})"};
  const char* const kPatches[] = {
      R"([{"op":"add","path":"/a/1","value":{"x":1}},{"op":"remove","path":"/a/0"},{"op":"copy","from":"/a","path":"/c"}])",
      R"([{"op":"test","path":"/b","value":{"c":1.5}},{"op":"move","from":"/b","path":"/a/-"},{"op":"replace","path":"/deep/a","value":null}])"};
  Seeds seeds;
  int i = 0;
  for (const char* json : kJson) {
    document::NameTable names;
    for (const char* name : {"a", "b", "c", "words", "deep"}) names.Intern(name);
    const auto binary = document::JsonToBinary(json, &names);
    EXPECT_TRUE(binary.ok()) << binary.status();
    seeds[absl::StrCat("binary", ++i)] = '\0' + *binary;
    seeds[absl::StrCat("json", i)] = '\x01' + std::string(json);
  }
  for (const char* filter : kFilters)
    seeds[absl::StrCat("filter", ++i)] = '\x02' + std::string(filter);
  i = 0;
  for (const char* update : kUpdates)
    seeds[absl::StrCat("update", ++i)] = '\x03' + std::string(update);
  for (const char* patch : kPatches)
    seeds[absl::StrCat("patch", ++i)] = '\x04' + std::string(patch);
  seeds["merge_patch"] =
      '\x05' + std::string(R"({"a":null,"b":{"c":[1],"d":{"e":null}},"deep":{"a":5}})");
  return seeds;
}

// Of the indexes of index_entry_fuzz.cc: for each what it makes of documents, and these.
Seeds IndexEntrySeeds() {
  const std::string long_text(600, 't');
  const std::string documents[] = {
      R"({"a":1,"b":{"c":"text"},"words":"w","deep":{"a":-2.5}})",
      R"({"a":[1,2,"x",null,[3]],"b":[],"words":["one","tw\u0000","ö"]})",
      R"({"a":{"$date":"2026-01-02T03:04:05Z"},"b":{"c":{"$binary":{"base64":"AAEC","subType":"00"}}},"words":true})",
      R"({"a":18446744073709551615,"b":{"c":1e300},"words":{"x":[{}]},"deep":{"a":{"$vector":[1,2]}}})",
      absl::StrCat(R"({"a":")", long_text, R"(","words":")", long_text, "\"}")};
  const char* const definitions[] = {
      R"({"name":"single","fields":{"a":1}})",
      R"({"name":"compound","fields":{"a":1,"b.c":-1}})",
      R"({"name":"unique","fields":{"words":-1},"unique":true})",
      R"({"name":"sparse","fields":{"deep.a":1,"b":-1},"sparse":true})"};
  document::Schema schema;
  for (const char* name : {"a", "b", "c", "words", "deep"})
    EXPECT_TRUE(schema.TakeRow(document::EncodeNameRow(name)).ok());
  for (const char* definition : definitions) {
    document::Index index;
    index.definition = *IndexDefinition::Parse(definition);
    index.tree = "\x01" + index.definition.name;
    EXPECT_TRUE(schema.TakeRow(document::EncodeIndexRow(index)).ok());
  }
  Seeds seeds;
  for (size_t d = 0; d < std::size(documents); ++d) {
    const auto binary = document::JsonToBinary(documents[d], &schema.names());
    EXPECT_TRUE(binary.ok()) << binary.status();
    const char key_quarter = d == 4 ? 125 : 1;
    seeds[absl::StrCat("binary", d)] = std::string("\x01") + key_quarter + *binary;
    seeds[absl::StrCat("json", d)] = std::string("\x02") + key_quarter + documents[d];
    for (size_t i = 0; i < std::size(definitions); ++i) {
      document::IndexEntries of;
      EXPECT_TRUE(
          EntriesOf(schema.indexes()[i], RootOf(*binary, schema.names()), &of).ok());
      if (of.entries.empty()) continue;
      const std::string key = d == 4 ? *document::EncodeTextKey(long_text)
                                     : document::EncodeNumberKey(static_cast<int64_t>(d));
      const document::StoredEntry stored =
          EncodeEntry(schema.indexes()[i], of.entries.back(), key);
      std::string& seed = seeds[absl::StrCat(schema.indexes()[i].definition.name, d)];
      seed = {0, static_cast<char>(i), static_cast<char>(stored.key.size() >> 8),
              static_cast<char>(stored.key.size() & 0xff)};
      seed += stored.key + stored.value;
    }
    schema.ForgetNewNames();
  }
  return seeds;
}

// Rows as schema_fuzz.cc cuts them.
Seeds SchemaSeeds() {
  const auto row_of = [](const std::string& row) {
    EXPECT_LT(row.size(), 256u);
    return static_cast<char>(row.size()) + row;
  };
  const auto index_row = [&](const char* definition) {
    document::Index index;
    index.definition = *IndexDefinition::Parse(definition);
    index.tree = "\x01" + std::string("7.1");
    return row_of(EncodeIndexRow(index));
  };
  const auto name = [&](const std::string& text) {
    return row_of(document::EncodeNameRow(text));
  };
  const auto fact = [&](uint32_t row, document::Fact fact) {
    return row_of(document::EncodeFactRow(row, fact));
  };
  const std::string lost = row_of(document::EncodeLostRow());
  using document::Fact;
  Seeds seeds;
  seeds["names"] = "\x02" + name("a") + name("") + name("lost-3") + lost + name("ö") +
                   name(std::string(64, 'n'));
  seeds["indexes"] =
      "\x03" + name("a") +
      index_row(R"({"fields":{"a":1,"b.0.c":-1},"unique":true,"sparse":true})") +
      name("b") + fact(1, Fact::kThroughArrays) + fact(1, Fact::kReady) +
      index_row(
          R"({"name":"some","fields":{"a":1},"filter":{"b":{"$gt":1.5},"a":{"$in":[1,"x"]}}})") +
      fact(5, Fact::kCut) + fact(5, Fact::kFailed);
  seeds["dropped"] = std::string(1, '\0') + index_row(R"({"fields":{"a":1}})") +
                     fact(0, Fact::kDropped) + index_row(R"({"fields":{"a":-1}})") +
                     index_row(R"({"fields":{"a":1}})") + fact(3, Fact::kReady);
  seeds["refused"] = "\x01" + name("a") + name("a") + name(std::string(65, 'n')) +
                     name("\xff") + row_of("") + row_of("\x05") + row_of("\x02") +
                     fact(0, Fact::kReady) + name("b");
  std::string many = "\x7f";
  for (int i = 0; i < 4094; ++i) many += lost;
  seeds["many"] = many + name("a") + index_row(R"({"fields":{"a":1}})") + name("full") +
                  fact(4095, Fact::kReady) + lost;
  return seeds;
}

// Lists of all forms behind their vertex, and steps: see adjacency_fuzz.cc.
Seeds AdjacencySeeds() {
  using graph::AdjacentEdge;
  const std::vector<AdjacentEdge> long_list = [] {
    std::vector<AdjacentEdge> edges;
    for (uint64_t i = 0; i < 150; ++i) edges.push_back({1000 + i * i * i});
    return edges;
  }();
  const std::pair<const char*, std::vector<AdjacentEdge>> lists[] = {
      {"empty", {}},
      {"one", {{7}}},
      {"two", {{7}, {70'000}}},
      {"four", {{1}, {2}, {300}, {1 << 25}}},
      {"seven", {{1}, {2}, {3}, {400}, {500}, {70'000}, {1 << 30}}},
      {"long", long_list},
      {"counted", {{1}, {5}, {5, 1, 1}, {5, 1, 2}, {9}}},
      {"ordinals", {{1, 1, 3}, {5}, {5, 1, 2}, {9, 1, 255}}},
      {"large_ordinals", {{1, 1, 3}, {5, 1, 70'000}, {5, 1, 70'001}}},
      {"byte_weights", {{1, 0}, {2, 255}, {3, 7}, {4}, {5, 2}}},
      {"float_weights", {{1, 0.5}, {2, -1}, {3, 1e9}}},
      {"double_weights", {{1, 0.1}, {2, 0.2}, {3}}},
      {"same_weights", {{1, 0.1}, {2, 0.1}, {3, 0.1}}},
      {"properties", {{1}, {2, 1, 0, true}, {300, 1, 0, true}, {4000}}},
      {"wide", {{1}, {1ull << 33}, {1ull << 60}, {~0ull}}},
      {"all", {{1, 0.1, 1, true}, {1, 2, 5}, {1ull << 40, 3, 1000}}}};
  Seeds seeds;
  for (const auto& [name, edges] : lists) {
    std::string& seed = seeds[name];
    seed.assign(9, '\0');
    pager::EncodeFixed64(seed.data() + 1, 5);
    graph::EncodeAdjacency(edges, 5, &seed);
  }
  std::mt19937 random(1);
  for (const char what : {0, 1, 15}) {  // without columns, with ordinals, with all
    std::string& steps = seeds[absl::StrCat("steps", static_cast<int>(what))];
    steps = "\x01";
    for (int i = 0; i < 150; ++i) {
      const auto erase = static_cast<char>(random() % 4 == 0);
      steps += {static_cast<char>((random() & what) << 1 | erase),
                static_cast<char>(random() % (i < 100 ? 8 : 256)),
                static_cast<char>(random() % 64), static_cast<char>(random() % 4)};
    }
  }
  return seeds;
}

// A leaf of bytes, one of a large record, one of vertices, and an index page.
Seeds DensePageSeeds() {
  using btree::DenseRecords;
  Seeds seeds;
  std::string page;
  const auto begin = [&](pager::PageKind kind, uint32_t pages) {
    page.assign(pages * pager::kPageBytes, '\0');
    pager::InitPageHeader(page.data(), kind, pages, 100, 7);
  };
  const auto add = [&](const char* name) {
    const auto pages = static_cast<char>(page.size() / pager::kPageBytes - 1);
    seeds[name] = std::string{pages, '\5'} + page.substr(pager::PageHeader::kKind);
    seeds[name][2] = std::string_view(name) == "index" ? 1 : 0;
  };
  begin(pager::PageKind::kDenseLeaf, 1);
  btree::DenseLeaf bytes(page.data());
  bytes.Init(40, 3, 9, DenseRecords::kBytes);
  for (uint32_t slot = 0; slot < 24; slot += 1 + slot % 3)
    bytes.Set(slot, std::string(1 + slot * 5, 'r'));
  bytes.Remove(0);
  add("bytes");
  begin(pager::PageKind::kDenseLeaf, 2);
  btree::DenseLeaf large(page.data());
  large.Init(7, 1, 9, DenseRecords::kBytes);
  for (uint32_t slot = 0; slot < 8; ++slot) large.Set(slot, std::string(900, 'r'));
  add("large");
  begin(pager::PageKind::kDenseLeaf, 1);
  btree::DenseLeaf vertices(page.data());
  vertices.Init(0, 2, 9, DenseRecords::kVertices);
  for (uint32_t slot = 0; slot < 16; ++slot) {
    graph::VertexRecord record;
    if (slot % 2 == 0) record.labels = {3, 70};
    const std::vector<graph::AdjacentEdge> edges = {
        {slot + 1}, {slot + 9, 2.5, slot % 2, slot % 3 == 0}, {1000}};
    for (const bool in : {false, true}) {
      if (slot % 5 == 0) continue;
      record.lists.push_back({graph::ListKey{1, in, false}, ""});
      graph::EncodeAdjacency(edges, slot, &record.lists.back().bytes);
      if (slot % 4 == 1)
        record.lists.push_back({{200, in, true}, graph::EncodeCount(100'000)});
    }
    vertices.Set(slot, record.Encode());
  }
  add("vertices");
  begin(pager::PageKind::kDenseIndex, 1);
  btree::DenseIndex index(page.data());
  index.Init(1, 335, 9, DenseRecords::kVertices);
  index.SetChildren(0, 4, {50, 3, 1, false});
  index.SetChildren(6, 7, {60, 7, 2, false});
  add("index");
  return seeds;
}

Seeds PatternSeeds() {
  return {
      {"all",
       R"((a:Person {"age":{"$gt":30}})-[k:KNOWS {since: 2010}]->(b)<-[:WROTE|EDITED*1..3]-(c:Book), (a)-->(d))"},
      {"labels", "(a:X|Y:Z&W {_id: 5}), (:`a ``b`:größe)--(a)<-->(a {b.c: 1})"},
      {"lengths", "(a)-[*2]->(b)-[x*0..64]-(c)<-[:T*..3 {w: null}]-(d)"},
      {"no_bound", "(a)-[*2..]->(b)"},
      {"strings", R"((a {s: 'it\'s "so"', "t": "\u0041", l: [1, [], {$in: [TRUE]}]}))"},
      {"wrong_filter", "(a {b: {$gtx: 1}})-->("}};
}

void WriteOrCompare(const char* fuzzer, const Seeds& seeds) {
  const std::string folder = CorpusFolder() + fuzzer + "/";
  if (std::getenv("SHEAF_WRITE_CORPUS") != nullptr) {
    std::filesystem::create_directories(folder);
    for (const auto& [name, bytes] : seeds) WriteFile(folder + name, bytes);
  }
  for (const auto& [name, bytes] : seeds) {
    ASSERT_TRUE(std::filesystem::exists(folder + name)) << folder + name;
    EXPECT_LE(bytes.size(), 200000u);
  }
}

TEST(Corpus, WholeFiles) {
  WriteOrCompare("whole_file_fuzz", WholeFileSeeds());
  // They are databases still, so that the fuzzer begins inside.
  for (const char* name : {"empty_as_is", "small_as_is", "levels_as_is", "large_as_is",
                           "compressed_as_is"}) {
    auto fs = pager::NewMemoryFileSystem();
    WriteWholeFile(fs.get(), kPath,
                   ReadFile(CorpusFolder() + "whole_file_fuzz/" + name).substr(1));
    const Verdict v = Judge(fs.get(), kPath, true);
    EXPECT_TRUE(v.open.ok() && v.read.ok() && !v.noticed()) << name << "\n"
                                                            << v.ToString();
  }
}

TEST(Corpus, Nodes) {
  WriteOrCompare("node_validate_fuzz", NodeSeeds());
  for (const auto& [name, seed] : NodeSeeds()) {
    std::string page(pager::kPageBytes, '\0');
    const std::string bytes = ReadFile(CorpusFolder() + "node_validate_fuzz/" + name);
    page.replace(pager::PageHeader::kKind, std::string::npos, bytes, 2,
                 std::string::npos);
    page[pager::PageHeader::kKind] = name == "inner" ? 3 : 2;
    const absl::Status valid = btree::ValidateNode(page.data());
    EXPECT_TRUE(valid.ok()) << name << ": " << valid;
  }
}

TEST(Corpus, TableOperations) { WriteOrCompare("table_ops_fuzz", TableSeeds()); }

TEST(Corpus, Documents) { WriteOrCompare("document_fuzz", DocumentSeeds()); }

TEST(Corpus, IndexEntries) { WriteOrCompare("index_entry_fuzz", IndexEntrySeeds()); }

TEST(Corpus, AdjacencyLists) { WriteOrCompare("adjacency_fuzz", AdjacencySeeds()); }

TEST(Corpus, DensePages) {
  WriteOrCompare("dense_page_fuzz", DensePageSeeds());
  graph::RegisterRecords();
  for (const auto& [name, seed] : DensePageSeeds()) {
    std::string page(pager::PageHeader::kKind, '\0');
    page += ReadFile(CorpusFolder() + "dense_page_fuzz/" + name).substr(2);
    const absl::Status valid = name == "index" ? btree::ValidateDenseIndex(page.data())
                                               : btree::ValidateDenseLeaf(page.data());
    EXPECT_TRUE(valid.ok()) << name << ": " << valid;
  }
}

TEST(Corpus, Patterns) {
  WriteOrCompare("pattern_fuzz", PatternSeeds());
  for (const auto& [name, text] : PatternSeeds())
    EXPECT_EQ(GraphPattern::Parse(text).ok(),
              name != "no_bound" && name != "wrong_filter")
        << name << ": " << GraphPattern::Parse(text).status();
}

TEST(Corpus, Schemas) { WriteOrCompare("schema_fuzz", SchemaSeeds()); }

TEST(Canary, Dies) {
  const std::string command =
      absl::StrCat(SHEAF_BINARY_DIR, "/fuzz/canary_fuzz --seconds=10 --seed=1 2>&1");
  FILE* const pipe = popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string text(4096, '\0');
  text.resize(fread(text.data(), 1, text.size(), pipe));
  EXPECT_NE(pclose(pipe), 0) << "it passed";
  EXPECT_NE(text.find("the canary's bug was found"), std::string::npos) << text;
}

}  // namespace
}  // namespace sheaf::test
