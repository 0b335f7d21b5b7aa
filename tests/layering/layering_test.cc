// Proves that an include only points down the table of DESIGN.md, section 2, that each
// foreign library has one door, that public headers show Abseil and the standard
// library only, and that files and functions stay short. It reads the sources as text
// and names file and line of every break.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Names = std::set<std::string_view>;

constexpr int kFileLinesMax = 800;
constexpr int kFunctionLinesMax = 70;

// Functions that may stay longer: "folder/file.cc:first line of the function".
const Names kLongFunctions = {};

const Names kPager = {"pager"};
const Names kBtree = {"pager", "btree"};
const Names kCatalog = {"pager", "btree", "catalog"};

Names With(Names names, std::initializer_list<std::string_view> more) {
  names.insert(more.begin(), more.end());
  return names;
}

// The table: which folders a folder may include. "sheaf" stands for the public headers,
// which belong to api; those below it own a few of them (kPublicBelowApi).
const std::map<std::string_view, Names> kMayInclude = {
    {"pager", kPager},
    {"btree", kBtree},
    {"catalog", kCatalog},
    {"document", With(kCatalog, {"document"})},
    {"graph", With(kCatalog, {"document", "graph"})},
    {"vector", With(kCatalog, {"vector"})},
    {"blob", With(kCatalog, {"blob"})},
    {"api", With(kCatalog, {"document", "graph", "vector", "blob", "api", "sheaf"})},
    {"cli", {"cli", "sheaf"}},
};

// Public headers that live below api, each installed under its file name.
const std::map<std::string_view, std::string_view> kPublicBelowApi = {
    {"sheaf/status_macros.h", "pager"},
    {"sheaf/encryption_key.h", "pager"},
    {"sheaf/key.h", "btree"},
    {"sheaf/options.h", "catalog"},
    {"sheaf/observer.h", "catalog"},
    {"sheaf/hybrid_clock.h", "catalog"},
    {"sheaf/merge.h", "catalog"},
    {"sheaf/binary.h", "document"},
    {"sheaf/names.h", "document"},
    {"sheaf/index.h", "document"},
    {"sheaf/algorithm_options.h", "graph"},
    {"sheaf/centrality.h", "graph"},
    {"sheaf/closure.h", "graph"},
    {"sheaf/community.h", "graph"},
    {"sheaf/components.h", "graph"},
    {"sheaf/connectivity.h", "graph"},
    {"sheaf/cycles.h", "graph"},
    {"sheaf/direction.h", "graph"},
    {"sheaf/dominators.h", "graph"},
    {"sheaf/flow.h", "graph"},
    {"sheaf/graph_projection.h", "graph"},
    {"sheaf/order.h", "graph"},
    {"sheaf/paths.h", "graph"},
    {"sheaf/pattern.h", "graph"},
    {"sheaf/shortest_paths.h", "graph"},
    {"sheaf/spanning_tree.h", "graph"},
    {"sheaf/strong_components.h", "graph"},
    {"sheaf/vertex_lists.h", "graph"},
    {"sheaf/metric.h", "vector"},
    {"sheaf/vector_options.h", "vector"},
};

// Where a foreign library may be included: files or whole folders ("vector/").
struct Door {
  std::string_view prefix;
  std::vector<std::string_view> places;
};
const Door kDoors[] = {
    {"openssl/", {"pager/cipher.cc"}},
    {"lz4", {"pager/compression.cc"}},
    {"zstd", {"pager/compression.cc"}},
    {"zdict", {"pager/compression.cc"}},
    {"isa-l", {"pager/checksum.cc"}},
    {"hnswlib/", {"vector/"}},
    {"hwy/", {"vector/"}},
    {"simdjson", {"document/"}},
    {"re2/", {"document/filter.cc"}},
    {"nlohmann/", {"cli/"}},
    {"CLI/", {"cli/"}},
    {"editline/", {"cli/command_shell.cc"}},
};

struct SourceFile {
  std::string path;  // from the root of the tree: "pager/page.cc"
  std::string folder;
  std::vector<std::string> lines;
};

struct Include {
  const SourceFile* file;
  int line;
  bool quoted;
  std::string target;  // what stands between the quotes or brackets
};

std::string Place(const SourceFile& file, int line) {
  return file.path + ":" + std::to_string(line);
}

SourceFile ReadSource(const std::filesystem::path& root,
                      const std::filesystem::path& path) {
  SourceFile file{.path = path.lexically_relative(root).string(),
                  .folder = path.lexically_relative(root).begin()->string(),
                  .lines = {}};
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) file.lines.push_back(line);
  return file;
}

const std::vector<SourceFile>& Sources() {
  static const auto* const files = [] {
    auto* found = new std::vector<SourceFile>;
    const std::filesystem::path root = SHEAF_SOURCE_DIR;
    for (const auto& [folder, unused] : kMayInclude) {
      if (!std::filesystem::exists(root / folder)) continue;
      for (const auto& entry :
           std::filesystem::recursive_directory_iterator(root / folder)) {
        const std::string extension = entry.path().extension().string();
        if (extension != ".h" && extension != ".cc" && extension != ".in") continue;
        found->push_back(ReadSource(root, entry.path()));
      }
    }
    return found;
  }();
  return *files;
}

std::vector<Include> IncludesOf(const SourceFile& file) {
  std::vector<Include> includes;
  for (size_t i = 0; i < file.lines.size(); ++i) {
    const std::string& line = file.lines[i];
    const size_t hash = line.find_first_not_of(" \t");
    if (hash == std::string::npos || line[hash] != '#') continue;
    const size_t word = line.find_first_not_of(" \t", hash + 1);
    if (word == std::string::npos || line.compare(word, 7, "include") != 0) continue;
    const size_t open = line.find_first_of("\"<", word + 7);
    if (open == std::string::npos) continue;
    const size_t close = line.find_first_of("\">", open + 1);
    if (close == std::string::npos) continue;
    includes.push_back({.file = &file,
                        .line = static_cast<int>(i) + 1,
                        .quoted = line[open] == '"',
                        .target = line.substr(open + 1, close - open - 1)});
  }
  return includes;
}

std::vector<Include> AllIncludes() {
  std::vector<Include> all;
  for (const SourceFile& file : Sources()) {
    for (Include& include : IncludesOf(file)) all.push_back(std::move(include));
  }
  return all;
}

std::string FolderOf(std::string_view target) {
  const size_t slash = target.find('/');
  return std::string(slash == std::string_view::npos ? "" : target.substr(0, slash));
}

bool IsOurs(std::string_view folder) {
  return folder == "sheaf" || kMayInclude.contains(folder) || folder == "tests" ||
         folder == "bench" || folder == "examples";
}

// A public header that lives below api counts as a file of its own folder.
std::string OwnerOf(const std::string& target) {
  const auto below = kPublicBelowApi.find(target);
  return below == kPublicBelowApi.end() ? FolderOf(target) : std::string(below->second);
}

bool MayInclude(const Include& include) {
  const Names& allowed = kMayInclude.at(include.file->folder);
  return allowed.contains(OwnerOf(include.target)) ||
         allowed.contains(FolderOf(include.target));
}

const Door* DoorOf(const Include& include) {
  for (const Door& door : kDoors) {
    if (include.target.starts_with(door.prefix)) return &door;
  }
  return nullptr;
}

bool MayUseDoor(const Include& include, const Door& door) {
  return std::any_of(door.places.begin(), door.places.end(), [&](std::string_view place) {
    return include.file->path.starts_with(place);
  });
}

bool IsPublicHeader(const SourceFile& file) {
  const std::string name = std::filesystem::path(file.path).filename().string();
  const auto below = kPublicBelowApi.find("sheaf/" + name);
  if (below != kPublicBelowApi.end() && below->second == file.folder) return true;
  return file.folder == "api" && file.path.find("/internal/") == std::string::npos &&
         (file.path.ends_with(".h") || file.path.ends_with(".in"));
}

TEST(Layering, FindsTheSources) {
  EXPECT_GE(Sources().size(), 5u) << "nothing to check under " SHEAF_SOURCE_DIR;
}

TEST(Layering, IncludesPointDown) {
  for (const Include& include : AllIncludes()) {
    if (!IsOurs(FolderOf(include.target))) continue;
    EXPECT_TRUE(MayInclude(include))
        << Place(*include.file, include.line) << ": " << include.file->folder
        << " may not include \"" << include.target << "\"";
  }
}

TEST(Layering, OneDoorForEachForeignLibrary) {
  for (const Include& include : AllIncludes()) {
    const Door* door = DoorOf(include);
    if (door == nullptr) continue;
    EXPECT_TRUE(MayUseDoor(include, *door))
        << Place(*include.file, include.line) << ": <" << include.target
        << "> belongs in " << door->places.front();
  }
}

TEST(Layering, PublicHeadersShowAbseilAndTheStandardLibraryOnly) {
  for (const SourceFile& file : Sources()) {
    if (!IsPublicHeader(file)) continue;
    for (const Include& include : IncludesOf(file)) {
      const std::string folder = FolderOf(include.target);
      const bool allowed = include.quoted ? folder == "sheaf" || folder == "absl"
                                          : folder == "absl" || folder.empty();
      EXPECT_TRUE(allowed) << Place(file, include.line) << ": a public header includes "
                           << include.target;
      EXPECT_FALSE(!include.quoted && include.target.ends_with(".h"))
          << Place(file, include.line) << ": <" << include.target
          << "> is not of the C++ standard library";
    }
  }
}

TEST(Layering, OursAreQuotedAndNamedFromTheRoot) {
  for (const Include& include : AllIncludes()) {
    EXPECT_TRUE(!include.quoted || include.target.find('/') != std::string::npos)
        << Place(*include.file, include.line) << ": write the folder: \""
        << include.target << "\"";
    EXPECT_EQ(include.target.find(".."), std::string::npos)
        << Place(*include.file, include.line);
    EXPECT_FALSE(include.target.ends_with(".cc"))
        << Place(*include.file, include.line) << ": includes a source file";
  }
}

// Two classes of one name in one namespace, in headers that no file includes together, are
// undefined: the linker keeps the destructor of either. graph::WeightSearch was such a pair.
// Unity builds show those of source files.
using ClassNames =
    std::map<std::string, std::string>;  // namespace::name, and where it is

void TakeClassesOf(const SourceFile& file, ClassNames* classes) {
  std::string scope;
  for (size_t i = 0; i < file.lines.size(); ++i) {
    const std::string& line = file.lines[i];
    if (line.starts_with("namespace ") && line.ends_with(" {"))
      scope = line.substr(10, line.size() - 12);
    if (!(line.starts_with("class ") || line.starts_with("struct ")) ||
        line.ends_with(";"))
      continue;
    const std::string head =
        line.substr(0, std::min({line.size(), line.find(" : "), line.find(" {")}));
    if (head.find('<') != std::string::npos) continue;  // a specialisation
    const size_t end = head.find_last_not_of(" ") + 1;
    size_t begin = head.find_last_of(" ", end - 1) + 1;
    if (head.substr(begin, end - begin) == "final")
      begin = head.find_last_of(" ", begin - 2) + 1;
    const std::string name = scope + "::" + head.substr(begin, end - begin);
    const auto [at, is_new] =
        classes->try_emplace(name, Place(file, static_cast<int>(i) + 1));
    EXPECT_TRUE(is_new) << name << ": " << Place(file, static_cast<int>(i) + 1) << " and "
                        << at->second;
  }
}

TEST(Layering, AClassIsDefinedOnce) {
  ClassNames classes;
  for (const SourceFile& file : Sources())
    if (file.path.ends_with(".h")) TakeClassesOf(file, &classes);
  EXPECT_GT(classes.size(), 200u);
}

TEST(Layering, FilesStayShort) {
  for (const SourceFile& file : Sources()) {
    EXPECT_LE(file.lines.size(), static_cast<size_t>(kFileLinesMax)) << file.path;
  }
}

// Code is formatted by clang-format, so a function outside a class has its head at
// column 0, a body that opens with a line ending in "{" and a last line that is exactly
// "}". Classes and arrays end in "};", so they are not taken for functions; a function
// written inside a class is not seen.
struct Function {
  int first_line;
  int line_count;
  std::string head;
};

bool BeginsDeclaration(const std::string& line) {
  if (line.empty()) return false;
  constexpr std::string_view kNot = " \t#/})]>\"";
  return kNot.find(line[0]) == std::string_view::npos && !line.starts_with("namespace") &&
         !line.starts_with("extern \"C\" {");
}

std::string WithoutComment(const std::string& line) {
  return line.substr(0, line.find("  //"));
}

std::vector<Function> FunctionsOf(const SourceFile& file) {
  std::vector<Function> functions;
  int first = 0;  // line of the head; 0 outside of any declaration
  bool in_body = false;
  for (size_t i = 0; i < file.lines.size(); ++i) {
    const std::string line = WithoutComment(file.lines[i]);
    const int number = static_cast<int>(i) + 1;
    if (first == 0 && BeginsDeclaration(line)) first = number;
    if (first == 0) continue;
    if (in_body && line == "}") {
      functions.push_back({first, number - first + 1, file.lines[first - 1]});
    }
    const bool body_ends = in_body && line.starts_with("}");
    const bool head_ends =
        !in_body && (line.empty() || line.ends_with(";") || line.ends_with("}"));
    if (body_ends || head_ends) first = 0;
    in_body = first != 0 && (in_body || line.ends_with("{"));
  }
  return functions;
}

TEST(Layering, FunctionsStayShort) {
  for (const SourceFile& file : Sources()) {
    for (const Function& function : FunctionsOf(file)) {
      if (kLongFunctions.contains(file.path + ":" + function.head)) continue;
      EXPECT_LE(function.line_count, kFunctionLinesMax)
          << Place(file, function.first_line) << ": " << function.head;
    }
  }
}

// The counter itself: a test that cannot fail proves nothing.
TEST(Layering, FunctionCounterSeesLongAndShortOnes) {
  SourceFile file{.path = "x.cc", .folder = "pager", .lines = {}};
  file.lines = {"namespace a {",
                "",
                "class C {",
                " public:",
                "  int f() {",
                "    return 1;",
                "  }",
                "};",
                "",
                "int Declared(int a,",
                "             int b);",
                "const int kList[] = {",
                "    1,",
                "};",
                "",
                "template <typename T>",
                "int Two(T a) {",
                "  return a;  // }",
                "",
                "  // text",
                "}",
                "int One() { return 1; }",
                "int Three() {",
                "  return 3;",
                "}",
                "}  // namespace a"};
  const std::vector<Function> found = FunctionsOf(file);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].head, "template <typename T>");
  EXPECT_EQ(found[0].line_count, 6);
  EXPECT_EQ(found[1].first_line, 23);
  EXPECT_EQ(found[1].line_count, 3);
}

}  // namespace
