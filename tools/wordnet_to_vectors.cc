// wordnet_to_vectors <SYNSETS >OUT: prints what synsets mean as vectors, one a line as JSON:
// {"id":"n02084071","pos":"noun","vector":[...]}, 128 numbers of four digits, of unit length. SYNSETS:
// what wordnet_to_jsonl prints. Two synsets that mean the like have a large inner product.
//
// Latent semantic analysis (Deerwester and others 1990): A is the matrix of synsets by
// terms, weighted by tf-idf. Terms of a synset are the words of its lemmas, of its gloss,
// and of the lemmas it points to: glosses alone are too short, they make a dog akin to all
// that "has been". A synset's vector is its row of A in the space of the 128 largest
// singular vectors. They are found by randomized range finding with power iterations
// (Halko, Martinsson, Tropp 2011, algorithm 4.4) on the side of the terms, of which there
// are fewer, and a Rayleigh-Ritz step at the end. The same program makes the same of the
// same input: the seed is fixed, and there are no threads.
//
// Left out, and counted on stderr: synsets whose words say nothing about others, since they
// stand in no other synset or in very many.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <map>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <nlohmann/json.hpp>

namespace {

constexpr size_t kDimensions = 128;
constexpr size_t kColumns = kDimensions + 16;  // more than wanted make the last ones good
constexpr int kPowerIterations = 3;
constexpr double kShareMax = 0.005;  // of the synsets; words of more tell nothing
// What a word counts as, by where it stands. None is below 1: see the logarithm.
constexpr double kLemma = 2, kGloss = 1, kPointer = 1;
constexpr double kFlattening = 0.5;  // singular values to this power: see Vectors()

// Rows one behind the other.
struct Matrix {
  explicit Matrix(size_t rows) : values(rows * kColumns) {}
  size_t rows() const { return values.size() / kColumns; }
  float* row(size_t i) { return values.data() + i * kColumns; }
  const float* row(size_t i) const { return values.data() + i * kColumns; }
  std::vector<float> values;
};

// kColumns by kColumns.
using Square = std::vector<double>;

struct Cell {
  uint32_t term;
  float weight;
};

struct Corpus {
  std::vector<std::string> ids, pos;
  std::vector<std::vector<Cell>> rows;
  size_t term_count = 0;
};

// Plurals lose their s (Harman 1991), so that dogs are of the dog.
std::string Stem(std::string word) {
  const auto ends = [&](std::string_view end) { return word.ends_with(end); };
  if (word.size() < 4 || !ends("s") || ends("us") || ends("ss") || ends("is"))
    return word;
  if (ends("ies") && !ends("eies") && !ends("aies"))
    return word.replace(word.size() - 3, 3, "y");
  if (ends("xes") || ends("ches") || ends("shes") || ends("sses")) word.pop_back();
  word.pop_back();
  return word;
}

// Words are runs of letters, those above ASCII among them; 's is none.
template <typename Function>
void ForEachWord(std::string_view text, Function function) {
  std::string word;
  for (size_t i = 0; i <= text.size(); ++i) {
    const auto c = static_cast<unsigned char>(i < text.size() ? text[i] : ' ');
    if (std::isalpha(c) || c >= 0x80) {
      word += static_cast<char>(std::tolower(c));
      continue;
    }
    if (word.size() > 1) function(Stem(word));
    word.clear();
  }
}

// How often each word counts, in an order that is the same everywhere.
using Counts = std::map<std::string, double>;

struct Synset {
  Counts counts;
  std::vector<std::string> lemmas, pointers;
};

Synset ReadSynset(const nlohmann::json& json) {
  Synset synset;
  json.at("words").get_to(synset.lemmas);
  for (const std::string& lemma : synset.lemmas)
    ForEachWord(lemma, [&](const std::string& word) { synset.counts[word] += kLemma; });
  const std::string gloss = json.at("gloss");
  ForEachWord(gloss, [&](const std::string& word) { synset.counts[word] += kGloss; });
  for (const auto& pointer : json.at("pointers"))
    synset.pointers.push_back(pointer.at("to"));
  return synset;
}

Corpus ReadCorpus(std::istream& in) {
  Corpus corpus;
  std::vector<Synset> synsets;
  std::unordered_map<std::string, size_t> number_of;
  for (std::string line; std::getline(in, line);) {
    const auto json = nlohmann::json::parse(line);
    corpus.ids.push_back(json.at("id"));
    corpus.pos.push_back(json.at("pos"));
    number_of[corpus.ids.back()] = synsets.size();
    synsets.push_back(ReadSynset(json));
  }
  std::unordered_map<std::string, uint32_t> terms;
  for (const Synset& synset : synsets) {
    Counts counts = synset.counts;
    for (const std::string& id : synset.pointers) {
      const auto found = number_of.find(id);
      if (found == number_of.end()) continue;  // the input is a part of WordNet
      for (const std::string& lemma : synsets[found->second].lemmas)
        ForEachWord(lemma, [&](const std::string& word) { counts[word] += kPointer; });
    }
    std::vector<Cell>& row = corpus.rows.emplace_back();
    for (const auto& [word, count] : counts) {
      const auto next = static_cast<uint32_t>(terms.size());
      const uint32_t term = terms.emplace(word, next).first->second;
      row.push_back({term, static_cast<float>(1 + std::log(count))});
    }
  }
  corpus.term_count = terms.size();
  return corpus;
}

// Makes weights tf-idf, without the words of one synset or of very many, and rows of unit
// length: long glosses count no more than short ones. Rows may become empty.
void Weigh(Corpus* corpus) {
  std::vector<double> frequency(corpus->term_count);
  for (const auto& row : corpus->rows)
    for (const Cell& cell : row) ++frequency[cell.term];
  const auto count = static_cast<double>(corpus->rows.size());
  // For a small part of WordNet 20, but not all there are: the logarithm would be 0.
  const double most = std::min(count - 1, std::max(20.0, kShareMax * count));
  for (auto& row : corpus->rows) {
    std::erase_if(row, [&](const Cell& cell) {
      return frequency[cell.term] < 2 || frequency[cell.term] > most;
    });
    double squares = 0;
    for (Cell& cell : row) {
      cell.weight *= static_cast<float>(std::log(count / frequency[cell.term]));
      squares += cell.weight * cell.weight;
    }
    for (Cell& cell : row) cell.weight /= static_cast<float>(std::sqrt(squares));
  }
}

void AddScaled(float factor, const float* from, float* to) {
  for (size_t k = 0; k < kColumns; ++k) to[k] += factor * from[k];
}

// A * terms.
Matrix OfSynsets(const Corpus& corpus, const Matrix& terms) {
  Matrix out(corpus.rows.size());
  for (size_t i = 0; i < out.rows(); ++i)
    for (const Cell& cell : corpus.rows[i])
      AddScaled(cell.weight, terms.row(cell.term), out.row(i));
  return out;
}

// The transpose of A * synsets.
Matrix OfTerms(const Corpus& corpus, const Matrix& synsets) {
  Matrix out(corpus.term_count);
  for (size_t i = 0; i < synsets.rows(); ++i)
    for (const Cell& cell : corpus.rows[i])
      AddScaled(cell.weight, synsets.row(i), out.row(cell.term));
  return out;
}

// The inner products of the columns.
Square Gram(const Matrix& matrix) {
  Square gram(kColumns * kColumns);
  for (size_t i = 0; i < matrix.rows(); ++i) {
    const float* row = matrix.row(i);
    for (size_t a = 0; a < kColumns; ++a) {
      double* to = gram.data() + a * kColumns;
      for (size_t b = a; b < kColumns; ++b) to[b] += row[a] * row[b];
    }
  }
  for (size_t a = 0; a < kColumns; ++a)
    for (size_t b = 0; b < a; ++b) gram[a * kColumns + b] = gram[b * kColumns + a];
  return gram;
}

struct Eigen {
  std::vector<double> values;  // the largest first
  Square vectors;              // in columns
};

// Turns the plane of axes p and q so that their element becomes 0.
void Rotate(Square* matrix, Square* vectors, size_t p, size_t q) {
  const auto at = [&](size_t i, size_t j) -> double& {
    return (*matrix)[i * kColumns + j];
  };
  if (at(p, q) == 0) return;
  const double theta = (at(q, q) - at(p, p)) / (2 * at(p, q));
  const double t = (theta < 0 ? -1 : 1) / (std::abs(theta) + std::hypot(theta, 1));
  const double cosine = 1 / std::hypot(t, 1), sine = t * cosine;
  const auto turn = [&](double* a, double* b) {
    const double was = *a;
    *a = cosine * was - sine * *b;
    *b = sine * was + cosine * *b;
  };
  for (size_t i = 0; i < kColumns; ++i) turn(&at(i, p), &at(i, q));
  for (size_t i = 0; i < kColumns; ++i) turn(&at(p, i), &at(q, i));
  for (size_t i = 0; i < kColumns; ++i)
    turn(&(*vectors)[i * kColumns + p], &(*vectors)[i * kColumns + q]);
}

// Of a symmetric matrix, by Jacobi's rotations.
Eigen EigenOf(Square matrix) {
  constexpr int kSweeps = 8;  // enough: they converge quadratically
  Square vectors(kColumns * kColumns);
  for (size_t i = 0; i < kColumns; ++i) vectors[i * kColumns + i] = 1;
  for (int sweep = 0; sweep < kSweeps; ++sweep)
    for (size_t p = 0; p < kColumns; ++p)
      for (size_t q = p + 1; q < kColumns; ++q) Rotate(&matrix, &vectors, p, q);
  std::vector<size_t> order(kColumns);
  std::iota(order.begin(), order.end(), 0);
  const auto value = [&](size_t i) { return matrix[i * kColumns + i]; };
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return value(a) > value(b); });
  Eigen eigen{std::vector<double>(kColumns), Square(kColumns * kColumns)};
  for (size_t k = 0; k < kColumns; ++k) {
    eigen.values[k] = value(order[k]);
    for (size_t i = 0; i < kColumns; ++i)
      eigen.vectors[i * kColumns + k] = vectors[i * kColumns + order[k]];
  }
  return eigen;
}

// The columns become the eigenvectors of their Gram matrix, each times the eigenvalue to
// this power: -1/2 makes them orthonormal. What is nothing but rounding becomes 0.
void Turn(Matrix* matrix, const Eigen& eigen, double power) {
  std::vector<float> factors(kColumns * kColumns);
  for (size_t k = 0; k < kColumns; ++k) {
    if (eigen.values[k] <= 1e-10 * eigen.values[0]) continue;
    const double scale = std::pow(eigen.values[k], power);
    for (size_t i = 0; i < kColumns; ++i)
      factors[i * kColumns + k] =
          static_cast<float>(eigen.vectors[i * kColumns + k] * scale);
  }
  std::vector<float> turned(kColumns);
  for (size_t r = 0; r < matrix->rows(); ++r) {
    std::fill(turned.begin(), turned.end(), 0.f);
    for (size_t i = 0; i < kColumns; ++i)
      AddScaled(matrix->row(r)[i], factors.data() + i * kColumns, turned.data());
    std::copy(turned.begin(), turned.end(), matrix->row(r));
  }
}

// Of A = U S V*, rows of U S^kFlattening: with S itself a few large topics (plants, places)
// would drown what tells their members apart, with none of it all topics count the same.
Matrix Vectors(const Corpus& corpus) {
  Matrix terms(corpus.term_count);
  std::mt19937_64 random(1);
  for (float& value : terms.values) value = (random() >> 63) == 0 ? -1.f : 1.f;
  for (int i = 0; i < kPowerIterations; ++i) {
    terms = OfTerms(corpus, OfSynsets(corpus, terms));
    Turn(&terms, EigenOf(Gram(terms)), -0.5);
  }
  Matrix synsets = OfSynsets(corpus, terms);
  // Its Gram matrix has the squares of S.
  Turn(&synsets, EigenOf(Gram(synsets)), (kFlattening - 1) / 2);
  return synsets;
}

// False: the row of A, of length 1, has next to nothing in this space; what is left of it
// may be rounding.
bool AppendVector(const float* vector, std::string* out) {
  constexpr double kSquaresMin = 1e-10;
  double squares = 0;
  for (size_t k = 0; k < kDimensions; ++k) squares += vector[k] * vector[k];
  if (squares < kSquaresMin) return false;
  const double length = std::sqrt(squares);
  for (size_t k = 0; k < kDimensions; ++k) {
    char text[32];
    const auto end = std::to_chars(text, text + sizeof text, vector[k] / length,
                                   std::chars_format::general, 4);
    *out += k == 0 ? '[' : ',';
    out->append(text, end.ptr);
  }
  *out += ']';
  return true;
}

void Run() {
  Corpus corpus = ReadCorpus(std::cin);
  Weigh(&corpus);
  const Matrix vectors = Vectors(corpus);
  size_t left_out = 0;
  for (size_t i = 0; i < corpus.ids.size(); ++i) {
    std::string line = "{\"id\":" + nlohmann::json(corpus.ids[i]).dump() +
                       ",\"pos\":" + nlohmann::json(corpus.pos[i]).dump() +
                       ",\"vector\":";
    if (AppendVector(vectors.row(i), &line)) {
      std::cout << line << "}\n";
    } else {
      ++left_out;
    }
  }
  std::cout.flush();
  std::cerr << "wordnet_to_vectors: " << left_out << " of " << corpus.ids.size()
            << " synsets are left out: their words stand in no other or in very many\n";
}

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  try {
    Run();
  } catch (const std::exception& error) {
    std::cerr << "wordnet_to_vectors: " << error.what() << '\n';
    return 1;
  }
  return std::cout ? 0 : 1;
}
