// Runs a fuzzer without libFuzzer: replays the files and folders given as arguments,
// then, with --seconds=N, feeds it mutations of what it read. The seed is printed
// first; the same seed and corpus give the same inputs in the same order. Before each
// input is tried it is written to --last=FILE when that is given, so that what crashed
// can be kept: copy it into tests/fuzz/corpus/<fuzzer>/ together with the fix.
//
//   some_fuzz [--seconds=N] [--seed=S] [--last=FILE] [corpus file or folder]...
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using Bytes = std::string;

constexpr size_t kInputBytesMax = size_t{1} << 20;

struct Settings {
  double seconds = 0;
  uint64_t seed = std::random_device()();
  std::string last;
  std::vector<std::string> corpus;
};

[[noreturn]] void Usage(std::string_view argument) {
  std::fprintf(stderr, "not understood: %.*s\n", static_cast<int>(argument.size()),
               argument.data());
  std::exit(2);
}

Settings ParseArguments(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.starts_with("--seconds=")) {
      settings.seconds = std::atof(argument.c_str() + 10);
    } else if (argument.starts_with("--seed=")) {
      settings.seed = std::strtoull(argument.c_str() + 7, nullptr, 0);
    } else if (argument.starts_with("--last=")) {
      settings.last = argument.substr(7);
    } else if (argument.starts_with("-")) {
      Usage(argument);
    } else {
      settings.corpus.push_back(argument);
    }
  }
  return settings;
}

std::vector<std::string> FilesUnder(const std::vector<std::string>& roots) {
  std::vector<std::string> files;
  for (const std::string& root : roots) {
    if (!std::filesystem::exists(root)) Usage(root);
    if (!std::filesystem::is_directory(root)) files.push_back(root);
    if (!std::filesystem::is_directory(root)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      if (entry.is_regular_file()) files.push_back(entry.path().string());
    }
  }
  std::sort(files.begin(), files.end());  // the order of a folder is not defined
  return files;
}

Bytes ReadWhole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) Usage(path);
  return Bytes(std::istreambuf_iterator<char>(in), {});
}

void Try(const Bytes& input, const std::string& last) {
  if (!last.empty()) std::ofstream(last, std::ios::binary) << input;
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

class Mutator {
 public:
  Mutator(uint64_t seed, std::vector<Bytes> corpus)
      : random_(seed), corpus_(std::move(corpus)) {
    if (corpus_.empty()) corpus_.emplace_back();
  }

  Bytes Next() {
    Bytes input = corpus_[Below(corpus_.size())];
    for (uint64_t steps = 1 + Below(8); steps > 0; --steps) MutateOnce(input);
    if (input.size() > kInputBytesMax) input.resize(kInputBytesMax);
    return input;
  }

 private:
  uint64_t Below(uint64_t bound) { return bound == 0 ? 0 : random_() % bound; }

  void MutateOnce(Bytes& input) {
    if (input.empty()) return Insert(input, 0);
    const size_t at = Below(input.size());
    const size_t count = 1 + Below(std::min<size_t>(64, input.size() - at));
    switch (Below(8)) {
      case 0:
        input[at] = static_cast<char>(input[at] ^ (1 << Below(8)));
        break;
      case 1:
        input[at] = static_cast<char>(random_());
        break;
      case 2:
        OverwriteWithInteresting(input, at);
        break;
      case 3:
        input.erase(at, count);
        break;
      case 4:
        Insert(input, at);
        break;
      case 5:
        input.insert(at, Bytes(input, at, count));
        break;
      case 6:
        input.resize(at);
        break;
      case 7:
        Splice(input, at);
        break;
    }
  }

  void Insert(Bytes& input, size_t at) {
    Bytes fresh(1 + Below(16), '\0');
    for (char& byte : fresh) byte = static_cast<char>(random_());
    input.insert(at, fresh);
  }

  // Sizes, counts and offsets break at these values.
  void OverwriteWithInteresting(Bytes& input, size_t at) {
    static constexpr uint64_t kValues[] = {
        0,           1,      0x7f,       0x80,        0xff,        0x7fff,
        0x8000,      0xffff, 0x7fffffff, 0x80000000u, 0xffffffffu, ~uint64_t{0} >> 1,
        ~uint64_t{0}};
    const uint64_t value = kValues[Below(std::size(kValues))];
    const size_t width = std::min<size_t>(size_t{1} << Below(4), input.size() - at);
    for (size_t i = 0; i < width; ++i)
      input[at + i] = static_cast<char>(value >> (8 * i));
  }

  // The rest of this input is replaced by the rest of another one.
  void Splice(Bytes& input, size_t at) {
    const Bytes& other = corpus_[Below(corpus_.size())];
    input.resize(at);
    input.append(other, Below(other.size() + 1), kInputBytesMax);
  }

  std::mt19937_64 random_;
  std::vector<Bytes> corpus_;
};

}  // namespace

int main(int argc, char** argv) {
  const Settings settings = ParseArguments(argc, argv);
  std::printf("seed %llu\n", static_cast<unsigned long long>(settings.seed));
  std::fflush(stdout);

  std::vector<Bytes> corpus;
  for (const std::string& path : FilesUnder(settings.corpus)) {
    corpus.push_back(ReadWhole(path));
    Try(corpus.back(), settings.last);
  }
  Try(Bytes(), settings.last);

  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::duration<double>(settings.seconds);
  const size_t replayed = corpus.size();
  Mutator mutator(settings.seed, std::move(corpus));
  uint64_t mutations = 0;
  for (; Clock::now() < end; ++mutations) Try(mutator.Next(), settings.last);
  std::printf("replayed %zu files, tried %llu mutations\n", replayed,
              static_cast<unsigned long long>(mutations));
  return 0;
}
