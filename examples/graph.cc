// A property graph: who knows whom, who is how far away, who matters most.
#include <sheaf/sheaf.h>

#include <iostream>

absl::Status Fill(sheaf::WriteTransaction& txn) {
  SHEAF_ASSIGN_OR_RETURN(sheaf::Graph people, txn.graph("people"));
  sheaf::IndexDefinition by_name;
  by_name.name = "name";
  by_name.fields = {{"name"}};
  by_name.unique = true;
  SHEAF_RETURN_IF_ERROR(people.CreateVertexIndex(by_name));
  SHEAF_ASSIGN_OR_RETURN(const sheaf::VertexId ann,
                         people.AddVertex({"Person"}, R"({"name": "Ann", "age": 31})"));
  SHEAF_ASSIGN_OR_RETURN(const sheaf::VertexId bob,
                         people.AddVertex({"Person"}, R"({"name": "Bob", "age": 25})"));
  SHEAF_ASSIGN_OR_RETURN(const sheaf::VertexId eve,
                         people.AddVertex({"Person"}, R"({"name": "Eve", "age": 40})"));
  SHEAF_RETURN_IF_ERROR(
      people.AddEdge(ann, "KNOWS", bob, 0.5, R"({"since": 2010})").status());
  SHEAF_RETURN_IF_ERROR(people.AddEdge(bob, "KNOWS", eve).status());
  return people.AddEdge(eve, "LIKES", ann).status();
}

absl::Status Ask(const sheaf::GraphReader& people) {
  // Vertices by their properties: the language and the indexes of collections.
  SHEAF_ASSIGN_OR_RETURN(const sheaf::CollectionReader vertices, people.vertices());
  SHEAF_ASSIGN_OR_RETURN(sheaf::DocumentCursor young,
                         vertices.Query(sheaf::Where("age") < 35));
  while (young.Next()) {
    const auto id = static_cast<sheaf::VertexId>(young.key().number());
    SHEAF_ASSIGN_OR_RETURN(const uint64_t friends, people.Degree(id));
    std::cout << young.document().Field("name")->string_value() << " has " << friends
              << " edges out\n";
  }
  SHEAF_RETURN_IF_ERROR(young.status());
  // What is two steps away from Ann, who is vertex 0.
  SHEAF_ASSIGN_OR_RETURN(const std::vector<sheaf::VertexId> far,
                         sheaf::KHop(people, 0, 2));
  std::cout << far.size() << " two steps away\n";
  // A pattern: someone who likes somebody that knows someone.
  SHEAF_ASSIGN_OR_RETURN(
      sheaf::MatchCursor match,
      sheaf::Match(people, "(a)-[:LIKES]->(b:Person {age: 31})-[:KNOWS]->(c)"));
  while (match.Next()) {
    SHEAF_ASSIGN_OR_RETURN(const sheaf::VertexId a, match.vertex("a"));
    SHEAF_ASSIGN_OR_RETURN(const sheaf::Vertex who, people.Get(a));
    std::cout << who.properties << "\n";
  }
  return match.status();
}

absl::Status Run() {
  SHEAF_ASSIGN_OR_RETURN(auto db, sheaf::Database::Open("people.sheaf"));
  SHEAF_RETURN_IF_ERROR(db->Write(Fill));
  const sheaf::ReadTransaction read = db->BeginRead();
  SHEAF_ASSIGN_OR_RETURN(const sheaf::GraphReader people, read.graph("people"));
  SHEAF_RETURN_IF_ERROR(Ask(people));
  // An algorithm over all of the snapshot; its result becomes a property.
  SHEAF_ASSIGN_OR_RETURN(const sheaf::GraphProjection all, people.Project());
  SHEAF_ASSIGN_OR_RETURN(const sheaf::Scores ranks, sheaf::PageRank(all));
  return db->Write([&](sheaf::WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(sheaf::Graph graph, txn.graph("people"));
    return graph.WriteBack(all, "rank", absl::MakeConstSpan(ranks.scores));
  });
}

int main() {
  const absl::Status status = Run();
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
