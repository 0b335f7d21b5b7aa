// wordnet_to_graph [FOLDER] <SYNSETS: prints WordNet as a graph for `sheaf graph load`, one
// vertex or edge a line as JSON. SYNSETS: what wordnet_to_jsonl prints; FOLDER: where the
// index files are.
//
// A vertex is a synset: its id the number of its line from 0, its label its part of speech,
// its name that of its first word with part and sense: dog.n.1 is the first meaning that
// index.noun gives for the noun dog. An edge is a pointer; one between two words of the
// synsets has them as properties.
#include <cstdint>
#include <fstream>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace {

using Json = nlohmann::ordered_json;

// "dog n" and a synset's offset to the number of the sense.
using Senses = std::map<std::pair<std::string, std::string>, int>;

void ReadIndex(const std::string& path, char letter, Senses* senses) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with(' ')) continue;  // the licence
    // lemma pos synsets pointers symbol… senses tagged offset…
    std::istringstream fields(line);
    std::string lemma, pos, symbol, offset;
    size_t synsets = 0, pointers = 0;
    fields >> lemma >> pos >> synsets >> pointers;
    for (size_t i = 0; i < pointers + 2; ++i) fields >> symbol;
    for (size_t i = 1; i <= synsets; ++i) {
      if (!(fields >> offset)) throw std::runtime_error(path + ": " + lemma);
      (*senses)[{lemma, letter + offset}] = static_cast<int>(i);
    }
  }
}

std::string NameOf(const Json& synset, const Senses& senses) {
  const std::string id = synset["id"], word = synset["words"][0];
  std::string lemma = word;
  for (char& c : lemma)
    c = c == ' ' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const auto found = senses.find({lemma, id});
  if (found == senses.end())
    throw std::runtime_error("no sense of " + word + " is " + id);
  return word + "." + id[0] + "." + std::to_string(found->second);
}

std::string LabelOf(std::string part) {
  part[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(part[0])));
  return part;
}

void Run(const std::string& folder) {
  Senses senses;
  ReadIndex(folder + "/index.noun", 'n', &senses);
  ReadIndex(folder + "/index.verb", 'v', &senses);
  ReadIndex(folder + "/index.adj", 'a', &senses);
  ReadIndex(folder + "/index.adv", 'r', &senses);
  std::vector<Json> synsets;
  std::map<std::string, uint64_t> number_of;
  for (std::string line; std::getline(std::cin, line);) {
    synsets.push_back(Json::parse(line));
    number_of.emplace(synsets.back()["id"], synsets.size() - 1);
  }
  for (uint64_t id = 0; id < synsets.size(); ++id) {
    const Json& synset = synsets[id];
    const Json properties = {{"name", NameOf(synset, senses)},
                             {"synset", synset["id"]},
                             {"words", synset["words"]},
                             {"gloss", synset["gloss"]}};
    std::cout << Json{{"id", id},
                      {"labels", {LabelOf(synset["pos"])}},
                      {"properties", properties}}
                     .dump()
              << '\n';
  }
  for (uint64_t id = 0; id < synsets.size(); ++id)
    for (const Json& pointer : synsets[id]["pointers"]) {
      Json edge = {
          {"from", id}, {"type", pointer["type"]}, {"to", number_of.at(pointer["to"])}};
      if (pointer["source"] != 0)
        edge["properties"] = {{"source", pointer["source"]},
                              {"target", pointer["target"]}};
      std::cout << edge.dump() << '\n';
    }
  std::cout.flush();
}

}  // namespace

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  try {
    Run(argc > 1 ? argv[1] : "/usr/share/wordnet");
  } catch (const std::exception& error) {
    std::cerr << "wordnet_to_graph: " << error.what() << '\n';
    return 1;
  }
  return std::cout ? 0 : 1;
}
