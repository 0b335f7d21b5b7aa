// Vectors: what is near, among what a filter lets pass, beside the documents they belong to.
#include <sheaf/sheaf.h>

#include <iostream>
#include <vector>

// A stand-in for what a model computes: three numbers.
using Embedding = std::vector<float>;

absl::Status Fill(sheaf::WriteTransaction& txn) {
  SHEAF_ASSIGN_OR_RETURN(
      sheaf::VectorIndex colours,
      txn.vectors("colours", {.dimensions = 3, .metric = sheaf::Metric::kL2}));
  SHEAF_RETURN_IF_ERROR(colours.Put("red", Embedding{1, 0, 0}, R"({"warm": true})"));
  SHEAF_RETURN_IF_ERROR(
      colours.Put("orange", Embedding{1, 0.6f, 0}, R"({"warm": true})"));
  SHEAF_RETURN_IF_ERROR(colours.Put("navy", Embedding{0, 0, 0.5f}, R"({"warm": false})"));
  SHEAF_RETURN_IF_ERROR(colours.Put("teal", Embedding{0, 0.5f, 0.5f}));

  // Or a field of documents: the index follows them.
  SHEAF_ASSIGN_OR_RETURN(sheaf::Collection words, txn.collection("words"));
  SHEAF_RETURN_IF_ERROR(words.CreateVectorIndex(
      "meaning", "at", {.dimensions = 2, .metric = sheaf::Metric::kCosine}));
  SHEAF_RETURN_IF_ERROR(words.Put("dog", R"({"at": [1, 0.1], "kind": "noun"})"));
  SHEAF_RETURN_IF_ERROR(words.Put("bark", R"({"at": [0.9, 0.3], "kind": "verb"})"));
  return words.Put("sheaf", R"({"at": [-0.2, 1], "kind": "noun"})");
}

void Print(const sheaf::VectorResult& result) {
  for (const sheaf::VectorMatch& match : result.matches)
    std::cout << match.key.ToString() << " " << match.distance << "\n";
}

absl::Status Ask(const sheaf::ReadTransaction& read) {
  SHEAF_ASSIGN_OR_RETURN(const sheaf::VectorIndexReader colours, read.vectors("colours"));
  SHEAF_ASSIGN_OR_RETURN(const sheaf::VectorResult near,
                         colours.Search(Embedding{0.9f, 0.2f, 0}, {.k = 2}));
  Print(near);
  SHEAF_ASSIGN_OR_RETURN(
      const sheaf::VectorResult cold,
      colours.Search(Embedding{0.9f, 0.2f, 0}, {.k = 2, .filter = R"({"warm": false})"}));
  Print(cold);
  SHEAF_ASSIGN_OR_RETURN(const sheaf::VectorIndexReader meaning, read.vectors("meaning"));
  SHEAF_ASSIGN_OR_RETURN(
      const sheaf::VectorResult like,
      meaning.SearchByKey("dog",
                          {.k = 1, .filter = (sheaf::Where("kind") == "verb").json()}));
  Print(like);
  return absl::OkStatus();
}

absl::Status Run() {
  SHEAF_ASSIGN_OR_RETURN(auto db, sheaf::Database::Open("vectors.sheaf"));
  SHEAF_RETURN_IF_ERROR(db->Write(Fill));
  // After many were put: builds the graph at once, with all processors.
  SHEAF_RETURN_IF_ERROR(db->OptimizeVectors("colours").status());
  SHEAF_RETURN_IF_ERROR(Ask(db->BeginRead()));
  return db->Close();
}

int main() {
  const absl::Status status = Run();
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
