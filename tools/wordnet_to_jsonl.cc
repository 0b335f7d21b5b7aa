// wordnet_to_jsonl [FOLDER]: prints WordNet's synsets as JSON documents, one a
// line, nouns first: what the demo imports. FOLDER defaults to where Debian's
// package wordnet-base puts data.noun and its sisters.
//
// A line of those files (see `man 5 wndb`), fields separated by one space:
//
//   offset lexfile type word_count (word lex_id)* pointer_count
//     (symbol offset pos source+target)* [frame_count ("+" frame word)*] "|" gloss
//
// offset is 8 decimal digits; word_count, lex_id, source, target and word are
// hexadecimal; pointer_count, lexfile and the frame fields decimal. Lines that
// begin with a space are the licence.
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace {

using Json = nlohmann::ordered_json;

struct Part {
  const char* file;
  const char* name;
  char letter;  // begins the ids, as in n00001740
};
constexpr Part kParts[] = {{"data.noun", "noun", 'n'},
                           {"data.verb", "verb", 'v'},
                           {"data.adj", "adjective", 'a'},
                           {"data.adv", "adverb", 'r'}};

std::string PointerType(const std::string& symbol, char letter) {
  static const std::map<std::string, const char*> kTypes = {{"!", "antonym"},
                                                            {"@", "hypernym"},
                                                            {"@i", "instance hypernym"},
                                                            {"~", "hyponym"},
                                                            {"~i", "instance hyponym"},
                                                            {"#m", "member holonym"},
                                                            {"#s", "substance holonym"},
                                                            {"#p", "part holonym"},
                                                            {"%m", "member meronym"},
                                                            {"%s", "substance meronym"},
                                                            {"%p", "part meronym"},
                                                            {"=", "attribute"},
                                                            {"+", "derivation"},
                                                            {"*", "entailment"},
                                                            {">", "cause"},
                                                            {"^", "also see"},
                                                            {"$", "verb group"},
                                                            {"&", "similar to"},
                                                            {"<", "participle of"},
                                                            {";c", "topic"},
                                                            {"-c", "topic member"},
                                                            {";r", "region"},
                                                            {"-r", "region member"},
                                                            {";u", "usage"},
                                                            {"-u", "usage member"}};
  if (symbol == "\\") return letter == 'r' ? "derived from adjective" : "pertainym";
  auto found = kTypes.find(symbol);
  if (found == kTypes.end()) throw std::runtime_error("unknown pointer symbol " + symbol);
  return found->second;
}

// Takes one field after the other from a line.
class Fields {
 public:
  explicit Fields(std::string_view line) : rest_(line) {}

  std::string Text() {
    size_t end = rest_.find(' ');
    if (end == std::string_view::npos || end == 0)
      throw std::runtime_error("a field is missing");
    std::string text(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return text;
  }
  unsigned long Number(int base) { return Parse(Text(), base); }
  static unsigned long Parse(const std::string& text, int base) {
    size_t used = 0;
    unsigned long number = std::stoul(text, &used, base);
    if (used != text.size()) throw std::runtime_error("not a number: " + text);
    return number;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

// The "s" of adjective satellites is a kind of "a" and shares its offsets.
std::string SynsetId(char letter, const std::string& offset) {
  if (offset.size() != 8) throw std::runtime_error("not an offset: " + offset);
  return (letter == 's' ? 'a' : letter) + offset;
}

// Appends to `words`; a syntactic marker such as galore(ip) goes to `markers`.
void AddWord(std::string word, Json* words, Json* markers) {
  if (size_t open = word.rfind('('); word.ends_with(')') && open != std::string::npos) {
    std::string marker = word.substr(open + 1, word.size() - open - 2);
    markers->push_back({{"word", words->size() + 1}, {"marker", marker}});
    word.resize(open);
  }
  for (char& c : word) {
    if (c == '_') c = ' ';
  }
  words->push_back(word);
}

Json Pointer(Fields& fields, char letter) {
  std::string symbol = fields.Text();
  std::string offset = fields.Text();
  std::string pos = fields.Text();
  unsigned long ends = fields.Number(16);  // source and target, a byte each
  return {{"type", PointerType(symbol, letter)},
          {"symbol", symbol},
          {"to", SynsetId(pos.at(0), offset)},
          {"source", ends >> 8},
          {"target", ends & 0xff}};
}

Json Frames(Fields& fields) {
  Json frames = Json::array();
  for (unsigned long n = fields.Number(10); n > 0; --n) {
    if (fields.Text() != "+")
      throw std::runtime_error("a verb frame does not begin with +");
    unsigned long frame = fields.Number(10);
    frames.push_back({{"frame", frame}, {"word", fields.Number(16)}});
  }
  return frames;
}

std::string Gloss(std::string_view text) {
  if (!text.starts_with("| ")) throw std::runtime_error("no gloss");
  text.remove_prefix(2);
  size_t end = text.find_last_not_of(" \r");
  return std::string(text.substr(0, end + 1));
}

Json Synset(std::string_view line, const Part& part) {
  Fields fields(line);
  std::string offset = fields.Text();
  unsigned long lexfile = fields.Number(10);
  bool is_satellite = fields.Text() == "s";
  Json words = Json::array(), markers = Json::array(), pointers = Json::array();
  for (unsigned long n = fields.Number(16); n > 0; --n) {
    AddWord(fields.Text(), &words, &markers);
    fields.Text();  // lex_id: only tells equal words of one lexfile apart
  }
  for (unsigned long n = fields.Number(10); n > 0; --n) {
    pointers.push_back(Pointer(fields, part.letter));
  }
  Json frames = part.letter == 'v' ? Frames(fields) : Json();
  Json synset = {{"id", SynsetId(part.letter, offset)}, {"pos", part.name}};
  if (is_satellite) synset["satellite"] = true;
  synset["words"] = words;
  if (!markers.empty()) synset["markers"] = markers;
  synset["gloss"] = Gloss(fields.rest());
  synset["lexfile"] = lexfile;
  synset["pointers"] = pointers;
  if (!frames.is_null()) synset["frames"] = frames;
  return synset;
}

void Convert(const std::string& folder, const Part& part) {
  std::string path = folder + "/" + part.file;
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::string line;
  for (uint64_t number = 1; std::getline(file, line); ++number) {
    if (line.starts_with(' ')) continue;
    try {
      std::cout << Synset(line, part).dump() << '\n';
    } catch (const std::exception& error) {
      throw std::runtime_error(path + ", line " + std::to_string(number) + ": " +
                               error.what());
    }
  }
  if (file.bad() || !std::cout) throw std::runtime_error("reading or writing failed");
}

}  // namespace

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  std::string folder = argc > 1 ? argv[1] : "/usr/share/wordnet";
  try {
    for (const Part& part : kParts) Convert(folder, part);
    std::cout.flush();
  } catch (const std::exception& error) {
    std::cerr << "wordnet_to_jsonl: " << error.what() << '\n';
    return 1;
  }
  return std::cout ? 0 : 1;
}
