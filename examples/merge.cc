// Merges: counters of many threads, sets, averages, last writers and a function of one's
// own, on tables, documents and edges.
#include <sheaf/sheaf.h>

#include <iostream>
#include <thread>
#include <vector>

using sheaf::MergeOperator, sheaf::MergeValue;

// A merge operator of our own: the operand is put in front of a list of the latest three.
// It sees the key, the value if there is one, and the operand; none would delete the entry.
absl::StatusOr<std::optional<std::string>> Latest(
    std::string_view, std::optional<std::string_view> existing,
    std::string_view operand) {
  std::string list(operand);
  if (existing.has_value()) list.append(",").append(*existing);
  size_t end = list.find(',');
  for (int i = 1; i < 3 && end != std::string::npos; ++i) end = list.find(',', end + 1);
  return std::optional<std::string>(list.substr(0, end));
}

// Threads that count share commits, and no count is lost.
absl::Status CountByThreads(sheaf::Database& db) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&db] {
      for (int i = 0; i < 25; ++i) {
        const absl::StatusOr<int64_t> visits = db.Increment("visits", "home");
        if (!visits.ok()) std::cerr << visits.status() << "\n";
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  // Several merges as one: all of them, or none.
  sheaf::WriteBatch batch;
  batch.Merge("visits", "home", MergeOperator::kAdd, MergeValue::Int(11));
  batch.Merge("pages", "home", MergeOperator::kUnion, MergeValue::Set({"new", "red"}));
  batch.MergeWith("pages", "seen", "latest", "home");
  return db.Apply(batch);
}

absl::Status MergeOthers(sheaf::WriteTransaction& txn) {
  // Typed tables check that the operator goes with the type.
  SHEAF_ASSIGN_OR_RETURN(auto stock,
                         (sheaf::OpenTyped<std::string, int64_t>(txn, "stock")));
  SHEAF_RETURN_IF_ERROR(stock.Increment("ink", 12).status());
  SHEAF_RETURN_IF_ERROR(stock.Merge("ink", MergeOperator::kMin, 10));
  SHEAF_ASSIGN_OR_RETURN(const bool taken, stock.CompareAndSet("ink", 10, 9));
  std::cout << "taken: " << (taken ? "yes" : "no") << "\n";

  // Of two writers the one with the later timestamp, in whatever order they come.
  SHEAF_ASSIGN_OR_RETURN(sheaf::Table names, txn.table("names"));
  sheaf::HybridClock clock;
  const std::string early = MergeValue::Stamped(clock.Tick(), "Ann"),
                    late = MergeValue::Stamped(clock.Tick(), "Anna");
  for (const std::string& one : {late, early})
    SHEAF_RETURN_IF_ERROR(names.Merge("7", MergeOperator::kLastWriter, one));

  SHEAF_ASSIGN_OR_RETURN(sheaf::Collection notes, txn.collection("notes"));
  SHEAF_RETURN_IF_ERROR(notes.Upsert("a", R"({
      "$merge": {"grade": {"fn": "average", "value": 3}, "reads": {"fn": "count"}},
      "$bit": {"flags": {"or": 4}}})"));
  SHEAF_ASSIGN_OR_RETURN(
      const bool updated,
      notes.UpdateIf("a", R"({"reads": 1})", R"({"$set": {"first": true}})"));
  std::cout << "updated: " << (updated ? "yes" : "no") << "\n";

  SHEAF_ASSIGN_OR_RETURN(sheaf::Graph words, txn.graph("words"));
  SHEAF_RETURN_IF_ERROR(words.MergeVertex(1, R"({"$inc": {"seen": 1}})"));
  SHEAF_RETURN_IF_ERROR(words.MergeVertex(2, R"({"$inc": {"seen": 1}})"));
  for (int i = 0; i < 3; ++i)  // is added with weight 1, then counts
    SHEAF_RETURN_IF_ERROR(
        words.MergeEdgeWeight({1, "NEAR", 2}, MergeOperator::kCount, 1).status());
  return absl::OkStatus();
}

absl::Status Show(const sheaf::ReadTransaction& read) {
  SHEAF_ASSIGN_OR_RETURN(const sheaf::TableReader visits, read.table("visits"));
  SHEAF_ASSIGN_OR_RETURN(const sheaf::Value home, visits.Get("home"));
  std::cout << "visits: " << MergeValue::ReadInt(home.view()).value() << "\n";  // 111
  SHEAF_ASSIGN_OR_RETURN(const sheaf::TableReader names, read.table("names"));
  SHEAF_ASSIGN_OR_RETURN(const sheaf::Value name, names.Get("7"));
  std::cout << "name: " << MergeValue::ReadStamped(name.view())->second << "\n";  // Anna
  SHEAF_ASSIGN_OR_RETURN(const sheaf::CollectionReader notes, read.collection("notes"));
  SHEAF_ASSIGN_OR_RETURN(const std::string note, notes.Get("a"));
  std::cout << "note: " << note << "\n";
  SHEAF_ASSIGN_OR_RETURN(const sheaf::GraphReader words, read.graph("words"));
  SHEAF_ASSIGN_OR_RETURN(const sheaf::Edge near, words.GetEdge({1, "NEAR", 2}));
  std::cout << "near: " << near.weight << "\n";  // 3
  return absl::OkStatus();
}

absl::Status Run() {
  sheaf::Options options;
  options.merge_functions["latest"] = Latest;  // at each opening: the file has no code
  SHEAF_ASSIGN_OR_RETURN(auto db, sheaf::Database::Open("merge.sheaf", options));
  SHEAF_RETURN_IF_ERROR(CountByThreads(*db));
  SHEAF_RETURN_IF_ERROR(db->Write(MergeOthers));
  return db->Read([](sheaf::ReadTransaction& read) { return Show(read); });
}

int main() {
  const absl::Status status = Run();
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
