// Proves that what `cmake --install` puts into an empty prefix is enough to build and
// run an application: with find_package against both libraries, and with pkg-config.
// The application is tests/install/consumer/.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

struct Outcome {
  int code = -1;
  std::string output;  // standard output and standard error
};

Outcome Shell(const std::string& command) {
  Outcome outcome;
  FILE* pipe = popen(("exec 2>&1; " + command).c_str(), "r");
  if (pipe == nullptr) return outcome;
  char buffer[4096];
  for (size_t n; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
    outcome.output.append(buffer, n);
  }
  const int status = pclose(pipe);
  outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

std::string Quoted(const fs::path& path) { return "'" + path.string() + "'"; }

// Installs once into a fresh prefix, removed at the end.
class Install : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    work_ = fs::temp_directory_path() / ("sheaf-install-" + std::to_string(getpid()));
    fs::remove_all(work_);
    fs::create_directories(work_);
    installed_ =
        Shell("cmake --install " SHEAF_BINARY_DIR " --prefix " + Quoted(Prefix()));
  }

  static void TearDownTestSuite() { fs::remove_all(work_); }

  void SetUp() override { ASSERT_EQ(installed_.code, 0) << installed_.output; }

  static fs::path Prefix() { return work_ / "prefix"; }
  static fs::path Library() { return Prefix() / SHEAF_INSTALL_LIBDIR; }
  static fs::path Consumer() {
    return fs::path(SHEAF_SOURCE_DIR) / "tests" / "install" / "consumer";
  }

  // Runs the built application in an empty folder.
  static void ExpectRuns(const fs::path& program) {
    const fs::path folder = work_ / ("run-" + program.filename().string());
    fs::create_directories(folder);
    const Outcome run = Shell("cd " + Quoted(folder) + " && " + Quoted(program));
    EXPECT_EQ(run.code, 0) << program << ": " << run.output;
    EXPECT_NE(run.output.find("sheaf " SHEAF_VERSION_TEXT), std::string::npos)
        << run.output;
  }

  static fs::path work_;
  static Outcome installed_;
};

fs::path Install::work_;
Outcome Install::installed_;

TEST_F(Install, PutsEveryPartInItsPlace) {
  const fs::path include = Prefix() / "include" / "sheaf";
  const std::vector<fs::path> parts = {
      include / "version.h",
      include / "status_macros.h",
      Library() / "libsheaf.a",
      Library() / "libsheaf.so",
      Library() / "cmake" / "sheaf" / "sheafConfig.cmake",
      Library() / "cmake" / "sheaf" / "sheafConfigVersion.cmake",
      Library() / "pkgconfig" / "sheaf.pc",
  };
  for (const fs::path& part : parts) EXPECT_TRUE(fs::exists(part)) << part;
  for (const auto& entry : fs::directory_iterator(include)) {
    EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(entry))) << entry;
  }
}

TEST_F(Install, CommandRuns) {
  const fs::path command = Prefix() / "bin" / "sheaf";
  if (!fs::exists(SHEAF_CLI_PATH)) GTEST_SKIP() << "the command was not built";
  const Outcome run = Shell(Quoted(command) + " --version");
  EXPECT_EQ(run.code, 0) << run.output;
}

fs::path HeaderInTree(const std::string& name) {  // of sheaf/<name>
  return fs::weakly_canonical(fs::path(SHEAF_BINARY_DIR) / "include" / "sheaf" / name);
}

// What the library's sources include before all else: those headers the build without
// precompiled headers (preset asan) has compiled by themselves.
std::set<fs::path> HeadersIncludedFirst() {
  std::set<fs::path> headers;
  for (const auto& folder : fs::directory_iterator(SHEAF_SOURCE_DIR)) {
    if (!folder.is_directory()) continue;
    for (const auto& file : fs::directory_iterator(folder)) {
      if (file.path().extension() != ".cc") continue;
      std::ifstream source(file.path());
      std::string line;
      while (std::getline(source, line) && line.rfind("#include", 0) != 0) continue;
      if (line.rfind("#include \"", 0) != 0 || line.back() != '"') continue;
      const fs::path path = line.substr(10, line.size() - 11);
      headers.insert(path.parent_path() == "sheaf"
                         ? HeaderInTree(path.filename())
                         : fs::weakly_canonical(SHEAF_SOURCE_DIR / path));
    }
  }
  return headers;
}

TEST_F(Install, EveryHeaderCompilesByItself) {
  const std::set<fs::path> known = HeadersIncludedFirst();
  const std::string compile = SHEAF_CXX
                              " -std=c++20 -Wall -Wextra -Werror -fsyntax-only -I" +
                              Quoted(Prefix() / "include") + " -x c++ - || exit 1;";
  std::string commands, all;
  int alone = 0;
  for (const auto& entry : fs::directory_iterator(Prefix() / "include" / "sheaf")) {
    const std::string name = entry.path().filename().string();
    const std::string include = "#include <sheaf/" + name + ">\n";
    all += include;
    if (known.count(HeaderInTree(name)) != 0) continue;
    ++alone;
    commands += " echo " + name + "; printf '" + include + "' | " + compile;
  }
  EXPECT_GT(known.size(), 40u);  // or the sources were not found
  EXPECT_GT(alone, 5);
  const Outcome compiled = Shell(commands + " printf '" + all + "' | " + compile);
  EXPECT_EQ(compiled.code, 0) << compiled.output;
}

TEST_F(Install, FindPackageGivesBothLibraries) {
  const fs::path build = work_ / "find-package";
  const Outcome built = Shell("cmake -S " + Quoted(Consumer()) + " -B " + Quoted(build) +
                              " -DCMAKE_CXX_COMPILER=" SHEAF_CXX " -DCMAKE_PREFIX_PATH=" +
                              Quoted(Prefix()) + " && cmake --build " + Quoted(build));
  ASSERT_EQ(built.code, 0) << built.output;
  ExpectRuns(build / "consumer_static");
  ExpectRuns(build / "consumer_shared");
}

TEST_F(Install, PkgConfigGivesTheSharedLibrary) {
  const fs::path program = work_ / "consumer_pkg_config";
  const std::string find = "PKG_CONFIG_PATH=" + Quoted(Library() / "pkgconfig");
  const Outcome built =
      Shell("flags=$(" + find +
            " pkg-config --cflags --libs sheaf) && " SHEAF_CXX " -std=c++20 " +
            Quoted(Consumer() / "main.cc") + " -o " + Quoted(program) +
            " $flags -Wl,-rpath," + Quoted(Library()));
  ASSERT_EQ(built.code, 0) << built.output;
  ExpectRuns(program);
}

TEST_F(Install, PkgConfigKnowsTheStaticLibrary) {
  const fs::path program = work_ / "consumer_pkg_config_static";
  const std::string find = "PKG_CONFIG_PATH=" + Quoted(Library() / "pkgconfig");
  const Outcome built =
      Shell("flags=$(" + find +
            " pkg-config --static --cflags --libs sheaf) && " SHEAF_CXX " -std=c++20 " +
            Quoted(Consumer() / "main.cc") + " -o " + Quoted(program) +
            " $(echo \"$flags\" | sed 's/-lsheaf/-l:libsheaf.a/')");
  ASSERT_EQ(built.code, 0) << built.output;
  ExpectRuns(program);
}

}  // namespace
