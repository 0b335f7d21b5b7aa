// Workload: operations on a database beside a model of what it must hold, and
// the judgement of what is found after a crash (RELIABILITY R1, R2).
//
// The model keeps every committed state with the number of I/O events at which
// the commit began, when it was acknowledged, and as what. A crash image at
// point p must hold one of the states that had begun by then, at or after the
// last one acknowledged as durable; if nothing that was written is lost (the
// process was killed, not the machine), at or after the last acknowledged
// kProcess commit.
//
// Thread-compatible.
#ifndef TESTS_CRASH_WORKLOAD_H_
#define TESTS_CRASH_WORKLOAD_H_
#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sheaf/database.h"
#include "sheaf/status_macros.h"
#include "tests/crash/blob_changes.h"
#include "tests/crash/graph_changes.h"
#include "tests/crash/vector_changes.h"
#include "tests/support/faulty_file.h"

namespace sheaf::test {

inline constexpr char kCrashPath[] = "/db.sheaf";

// Name ("t:", "c:" or "g:" before it) to entries. Large values are kept as length and
// hash, so that a hundred states cost nothing.
using Contents = std::map<std::string, std::map<std::string, std::string>>;

inline std::string Digest(std::string_view value) {
  if (value.size() <= 2000) return std::string(value);
  return absl::StrCat("#", value.size(), ":", std::hash<std::string_view>()(value));
}

// Bytes that differ all over by the seed, made fast.
inline std::string BigValue(uint64_t seed, size_t size) {
  std::string value(size, '\0');
  uint64_t x = seed * 0x9e3779b97f4a7c15 + 1;
  for (size_t i = 0; i < size; i += 8) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    for (size_t j = i; j < std::min(size, i + 8); ++j)
      value[j] = static_cast<char>(x >> (j - i) * 8);
  }
  return value;
}

inline absl::StatusOr<Contents> ReadContents(Database* db) {
  Contents contents;
  ReadTransaction read = db->BeginRead();
  SHEAF_ASSIGN_OR_RETURN(const std::vector<TreeInfo> trees, read.List());
  for (const TreeInfo& tree : trees) {
    if (tree.kind == TreeKind::kCollection) {
      SHEAF_ASSIGN_OR_RETURN(const CollectionReader reader, read.collection(tree.name));
      auto& entries = contents["c:" + tree.name];
      SHEAF_RETURN_IF_ERROR(
          reader.ForEach({}, [&](const DocumentKey& key, std::string_view json) {
            entries[key.ToString()] = Digest(json);
            return true;
          }));
      continue;
    }
    if (tree.kind == TreeKind::kGraph) {
      SHEAF_ASSIGN_OR_RETURN(const GraphReader reader, read.graph(tree.name));
      SHEAF_ASSIGN_OR_RETURN(contents["g:" + tree.name], ReadGraph(reader));
      continue;
    }
    if (tree.kind == TreeKind::kVectors) {
      SHEAF_ASSIGN_OR_RETURN(const VectorIndexReader reader, read.vectors(tree.name));
      SHEAF_ASSIGN_OR_RETURN(const VectorContents vectors, ReadVectors(reader));
      SHEAF_RETURN_IF_ERROR(FindsAll(reader, vectors));
      contents["v:" + tree.name] = ToStrings(vectors);
      continue;
    }
    if (tree.kind == TreeKind::kBlobs) {
      SHEAF_ASSIGN_OR_RETURN(const BlobStoreReader reader, read.blobs(tree.name));
      SHEAF_ASSIGN_OR_RETURN(contents["b:" + tree.name], ReadBlobs(reader));
      continue;
    }
    SHEAF_ASSIGN_OR_RETURN(const TableReader reader, read.table(tree.name));
    auto& entries = contents["t:" + tree.name];
    SHEAF_RETURN_IF_ERROR(reader.ForEach(
        KeyRange::All(), [&](std::string_view key, std::string_view value) {
          entries[std::string(key)] = Digest(value);
          return true;
        }));
    SHEAF_ASSIGN_OR_RETURN(const uint64_t size, reader.size());
    if (size != entries.size() || size != tree.entry_count)
      return absl::InternalError(
          absl::StrCat(tree.name, ": size() is ", size, ", found ", entries.size()));
  }
  return contents;
}

inline std::string Brief(const Contents& contents) {
  std::string text;
  for (const auto& [name, entries] : contents) {
    absl::StrAppend(&text, name, "{", entries.size(), ":");
    size_t shown = 0;
    for (const auto& [key, value] : entries)
      if (++shown <= 6)
        absl::StrAppend(&text, " ", key.substr(0, 12), "=", value.substr(0, 24));
    absl::StrAppend(&text, "} ");
  }
  return text;
}

inline absl::Status CheckClean(Database* db) {
  SHEAF_ASSIGN_OR_RETURN(const CheckReport report, db->Check());
  if (report.ok()) return absl::OkStatus();
  std::string text = "Check() is not clean:";
  for (size_t i = 0; i < std::min<size_t>(report.findings.size(), 5); ++i)
    absl::StrAppend(&text, " [page ", report.findings[i].page, ": ",
                    report.findings[i].what, "]");
  return absl::InternalError(text);
}

inline EncryptionKey CrashKey(char fill) {
  return *EncryptionKey::Raw(std::string(32, fill));
}

// While a key is changed a crash may leave either; `options->key` is then the right one.
inline absl::StatusOr<std::unique_ptr<Database>> OpenByEitherKey(Options* options) {
  auto db = Database::Open(kCrashPath, *options);
  if (!absl::IsPermissionDenied(db.status()) || options->key.is_none()) return db;
  options->key = CrashKey(options->key.secret() == CrashKey('k').secret() ? 'r' : 'k');
  return Database::Open(kCrashPath, *options);
}

// Trains from the few values that crash tests have.
inline constexpr Compression kCrashCompression{CompressionKind::kZstd, 1, true, 12};

// Values that have much in common.
inline std::string SmallValue(uint64_t number) {
  return absl::StrCat("{\"number\":", number, ",\"what\":\"a small value in a crash\"}");
}

enum class Op : uint8_t {
  kPutSmall,
  kPutLarge,
  kDelete,
  kDeleteRange,
  kCreate,
  kDrop,
  kRename,
  kInsertDocument,
  kSavepoint,
  kBulkLoad,
  kCommitFull,
  kCommitProcess,
  kCommitNone,
  kCheckpoint,
  kReopen,
  kCompact,
  kRotateKey,  // and rekey; nothing in a plain database
  kRecompress,
  kChangeDocument,  // its entries in indexes, too; or makes or drops an index
  kChangeGraph,
  kChangeVectors,
  kLinkVectors,
  kChangeBlobs,
};
inline constexpr int kOpCount = 23;

inline const char* NameOf(Op op) {
  constexpr const char* kNames[kOpCount] = {"put",
                                            "put-large",
                                            "delete",
                                            "delete-range",
                                            "create",
                                            "drop",
                                            "rename",
                                            "insert",
                                            "savepoint",
                                            "bulk-load",
                                            "commit",
                                            "commit-process",
                                            "commit-none",
                                            "checkpoint",
                                            "reopen",
                                            "compact",
                                            "rotate-key",
                                            "recompress",
                                            "change-document",
                                            "change-graph",
                                            "change-vectors",
                                            "link-vectors",
                                            "change-blobs"};
  return kNames[static_cast<int>(op)];
}

inline std::string ToString(const std::vector<Op>& ops) {
  std::string text;
  for (const Op op : ops) absl::StrAppend(&text, text.empty() ? "" : ", ", NameOf(op));
  return text;
}

class Workload {
 public:
  struct State {
    Contents contents;
    size_t begun = 0;                               // event counts
    size_t durable = SIZE_MAX, process = SIZE_MAX;  // not acknowledged so far
  };

  Workload(FaultyFileSystem* fs, Options options) : fs_(*fs), options_(options) {
    options_.file_system = fs;
    options_.background_checkpoints = options_.background_linking = false;
    states_.push_back({});
    states_.back().durable = states_.back().process = 0;
  }

  // A database with tables "a" and "b" and collection "c", some of it in the file
  // and some in the log. The recording starts behind that.
  absl::Status Prepare() {
    SHEAF_RETURN_IF_ERROR(Open());
    SHEAF_RETURN_IF_ERROR(Begin());
    SHEAF_RETURN_IF_ERROR(Put("a", "hole", BigValue(2, 60'000)));
    SHEAF_RETURN_IF_ERROR(Run(Op::kCommitFull));
    SHEAF_RETURN_IF_ERROR(Run(Op::kCheckpoint));
    SHEAF_RETURN_IF_ERROR(Fill());
    SHEAF_RETURN_IF_ERROR(Run(Op::kCommitFull));
    SHEAF_RETURN_IF_ERROR(Begin());
    SHEAF_ASSIGN_OR_RETURN(Table a, txn_->table("a"));
    SHEAF_RETURN_IF_ERROR(a.Delete("hole").status());
    next_["t:a"].erase("hole");
    SHEAF_RETURN_IF_ERROR(Run(Op::kCommitFull));
    SHEAF_RETURN_IF_ERROR(Run(Op::kReopen));
    SHEAF_RETURN_IF_ERROR(Run(Op::kPutSmall));
    SHEAF_RETURN_IF_ERROR(Run(Op::kCommitFull));
    StartRecording();
    return absl::OkStatus();
  }

  // Requires: all that was committed is durable.
  void StartRecording() {
    fs_.RestartRecording();
    State last = states_.back();
    last.begun = last.durable = last.process = 0;
    states_ = {last};
  }

  // The disk holds this; nothing was opened yet.
  void StartWith(const Contents& contents) { states_[0].contents = contents; }

  absl::Status Open() {
    SHEAF_ASSIGN_OR_RETURN(db_, OpenByEitherKey(&options_));
    if (uncertain_) return Settle();
    return absl::OkStatus();
  }

  // What broke a promise, whatever else was returned.
  const absl::Status& violation() const { return violation_; }
  // The file system may lose what only the operating system was given.
  bool may_lose_process_commits = false;

  // Durability is chosen where a transaction begins, so look ahead to its commit.
  absl::Status RunAll(const std::vector<Op>& ops, std::vector<size_t>* ends = nullptr) {
    for (size_t i = 0; i < ops.size(); ++i) {
      if (!txn_.has_value()) durability_ = DurabilityFrom(ops, i);
      SHEAF_RETURN_IF_ERROR(Run(ops[i]));
      if (ends != nullptr) ends->push_back(fs_.event_count());
    }
    return absl::OkStatus();
  }

  static Durability DurabilityFrom(const std::vector<Op>& ops, size_t i) {
    for (; i < ops.size(); ++i) {
      if (ops[i] == Op::kCommitProcess) return Durability::kProcess;
      if (ops[i] == Op::kCommitNone) return Durability::kNone;
      if (ops[i] == Op::kCommitFull) break;
    }
    return Durability::kFull;
  }

  // The same for one operation of a sequence whose durability is that of its next
  // commit, wherever in the sequence it stands.
  absl::Status RunInSequence(Op op, const std::vector<Op>& ops) {
    if (sequence_at_ >= ops.size()) sequence_at_ = 0;
    if (!txn_.has_value()) durability_ = DurabilityFrom(ops, sequence_at_);
    ++sequence_at_;
    return Run(op);
  }

  // After an error the transaction, if there was one, is rolled back. Opens the
  // database again when that failed before.
  absl::Status Run(Op op) {
    ++step_;
    if (db_ == nullptr) SHEAF_RETURN_IF_ERROR(Open());
    absl::Status status = RunOp(op);
    if (!status.ok()) txn_.reset();
    return status;
  }

  absl::Status RunOp(Op op) {
    switch (op) {
      case Op::kCommitFull:
        return Commit(Durability::kFull);
      case Op::kCommitProcess:
        return Commit(Durability::kProcess);
      case Op::kCommitNone:
        return Commit(Durability::kNone);
      case Op::kCheckpoint:
        SHEAF_RETURN_IF_ERROR(db_->Checkpoint());
        Acknowledge(Durability::kFull);
        return absl::OkStatus();
      case Op::kReopen:
        SHEAF_RETURN_IF_ERROR(Close());
        return Open();
      case Op::kCompact:
        if (txn_.has_value()) return absl::OkStatus();  // it would wait for it
        SHEAF_RETURN_IF_ERROR(db_->Compact().status());
        Acknowledge(Durability::kFull);
        return absl::OkStatus();
      case Op::kRotateKey:
        return txn_.has_value() ? absl::OkStatus() : RotateKey();
      case Op::kLinkVectors:
        return txn_.has_value() ? absl::OkStatus() : LinkVectors();
      default:
        return Change(op);
    }
  }

  // To the other of two keys, which the file has either of from now on.
  absl::Status RotateKey() {
    if (options_.key.is_none()) return absl::OkStatus();
    const EncryptionKey next =
        options_.key.secret() == CrashKey('k').secret() ? CrashKey('r') : CrashKey('k');
    SHEAF_RETURN_IF_ERROR(db_->RotateFileKey(next));
    options_.key = next;
    Acknowledge(Durability::kFull);
    return absl::OkStatus();
  }

  absl::Status Close() {
    txn_.reset();
    const absl::Status closed = db_ != nullptr ? db_->Close() : absl::OkStatus();
    db_.reset();
    uncertain_ |= failed_ || !closed.ok();
    if (closed.ok()) Acknowledge(Durability::kFull);
    return closed;
  }

  // Forgets the handle as the death of the process would; nothing more is written
  // because the file system fails everything from now on.
  void Abandon() {
    Fault fault;
    fault.repeat = Fault::Repeat::kForEver;
    fs_.Inject(fault);
    txn_.reset();
    db_.reset();
    fs_.ClearFaults();
  }

  bool in_transaction() const { return txn_.has_value(); }
  Database* db() { return db_.get(); }
  const Options& options() const { return options_; }
  const std::vector<State>& states() const { return states_; }
  size_t event_count() const { return fs_.event_count(); }

  // OK when `contents` is a state that a crash at `point` may leave.
  absl::Status Judge(const Contents& contents, size_t point, bool process_only) const {
    size_t floor = 0;
    for (size_t i = 0; i < states_.size(); ++i) {
      if (states_[i].durable <= point) floor = i;
      if (process_only && states_[i].process <= point) floor = i;
    }
    for (size_t i = floor; i < states_.size() && states_[i].begun <= point; ++i)
      if (states_[i].contents == contents) return absl::OkStatus();
    for (size_t i = 0; i < states_.size(); ++i)
      if (states_[i].contents == contents)
        return absl::InternalError(absl::StrCat("found state ", i, " of ", states_.size(),
                                                ", acknowledged is ", floor));
    return absl::InternalError(absl::StrCat(
        "found no state of the history (", floor, " to ", states_.size() - 1,
        "): ", Brief(contents), "\nexpected e.g. ", Brief(states_[floor].contents),
        "\nor ", Brief(states_.back().contents)));
  }

  // Opens what a crash at `point` left, judges it and goes on with it.
  absl::Status Verify(size_t point, bool process_only, FaultyFileSystem* crashed) const {
    Options options = options_;
    options.file_system = crashed;
    SHEAF_ASSIGN_OR_RETURN(std::unique_ptr<Database> db, OpenByEitherKey(&options));
    SHEAF_ASSIGN_OR_RETURN(Contents contents, ReadContents(db.get()));
    SHEAF_RETURN_IF_ERROR(Judge(contents, point, process_only));
    SHEAF_RETURN_IF_ERROR(CheckClean(db.get()));
    SHEAF_RETURN_IF_ERROR(db->Write([&](WriteTransaction& txn) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(Table table, txn.table("a"));
      return table.Put("after", "the crash");
    }));
    contents["t:a"]["after"] = "the crash";
    SHEAF_RETURN_IF_ERROR(db->Close());
    db.reset();
    SHEAF_ASSIGN_OR_RETURN(db, Database::Open(kCrashPath, options));
    SHEAF_ASSIGN_OR_RETURN(const Contents again, ReadContents(db.get()));
    if (again != contents)
      return absl::InternalError(
          absl::StrCat("after one more commit and a close: ", Brief(again), "\nexpected ",
                       Brief(contents)));
    SHEAF_RETURN_IF_ERROR(CheckClean(db.get()));
    return db->Close();
  }

  // Sizes of what the operations write.
  size_t large_bytes = 200'000;
  int bulk_entries = 300;
  std::mt19937_64* random = nullptr;  // keys are chosen by it, if there is one

 private:
  // A commit failed before the database was opened again: which state is it in?
  absl::Status Settle() {
    SHEAF_ASSIGN_OR_RETURN(Contents contents, ReadContents(db_.get()));
    const absl::Status status = Judge(contents, SIZE_MAX - 1, !may_lose_process_commits);
    if (violation_.ok()) violation_ = status;
    PushState(std::move(contents));
    uncertain_ = false;
    return absl::OkStatus();
  }

  void PushState(Contents contents) {
    State state;
    state.contents = std::move(contents);
    state.begun = fs_.event_count();
    state.durable = state.process = SIZE_MAX;
    states_.push_back(std::move(state));
  }

  absl::Status Begin() {
    if (txn_.has_value()) return absl::OkStatus();
    if (uncertain_) SHEAF_RETURN_IF_ERROR(Settle());
    WriteOptions write;
    write.durability = durability_;
    absl::StatusOr<WriteTransaction> txn = db_->BeginWrite(write);
    if (!txn.ok()) return txn.status();
    txn_.emplace(*std::move(txn));
    next_ = states_.back().contents;
    return absl::OkStatus();
  }

  absl::Status Commit(Durability durability) {
    durability_ = durability;
    SHEAF_RETURN_IF_ERROR(Begin());  // an empty one, if there is none
    PushState(next_);
    const absl::Status status = txn_->Commit();
    txn_.reset();
    if (!status.ok()) {  // it may be found after a crash, but is not visible now
      PushState(Contents(states_[states_.size() - 2].contents));
      failed_ = true;
      return status;
    }
    Acknowledge(durability);
    return absl::OkStatus();
  }

  // All states so far are as safe as `durability` says.
  void Acknowledge(Durability durability) {
    const size_t now = fs_.event_count();
    for (State& state : states_) {
      if (durability == Durability::kFull) state.durable = std::min(state.durable, now);
      if (durability != Durability::kNone) state.process = std::min(state.process, now);
    }
  }

  uint64_t Below(uint64_t n) { return random != nullptr ? (*random)() % n : step_ % n; }

  absl::Status Put(const std::string& table, const std::string& key,
                   const std::string& value) {
    SHEAF_ASSIGN_OR_RETURN(Table t, txn_->table(table));
    SHEAF_RETURN_IF_ERROR(t.Put(key, value));
    next_["t:" + table][key] = Digest(value);
    return absl::OkStatus();
  }

  absl::Status Fill() {
    SHEAF_RETURN_IF_ERROR(Begin());
    for (int i = 0; i < 20; ++i)
      SHEAF_RETURN_IF_ERROR(Put("a", absl::StrCat("key", 10 + i), SmallValue(1000 + i)));
    SHEAF_RETURN_IF_ERROR(Put("a", "large", BigValue(1, 20'000)));
    for (int i = 0; i < 3; ++i)
      SHEAF_RETURN_IF_ERROR(Put("b", absl::StrCat("b", i), std::string(500, 'b')));
    SHEAF_ASSIGN_OR_RETURN(Collection c, txn_->collection("c"));
    SHEAF_RETURN_IF_ERROR(CreateIndex(c, R"({"fields":{"step":-1}})"));
    SHEAF_RETURN_IF_ERROR(CreateIndex(c, R"({"fields":{"tags":1},"sparse":true})"));
    SHEAF_RETURN_IF_ERROR(Insert());
    for (int i = 0; i < 6; ++i) SHEAF_RETURN_IF_ERROR(ChangeGraph());
    return Insert();
  }

  absl::Status Insert() {
    SHEAF_ASSIGN_OR_RETURN(Collection c, txn_->collection("c"));
    const std::string json =
        absl::StrCat("{\"step\":", step_, ",\"tags\":[", step_ % 3, ",\"x\"]}");
    SHEAF_ASSIGN_OR_RETURN(const int64_t key, c.Append(json));
    next_["c:c"][DocumentKey(key).ToString()] = Digest(json);
    return absl::OkStatus();
  }

  absl::Status CreateIndex(Collection& c, const char* json) {
    SHEAF_ASSIGN_OR_RETURN(const IndexDefinition definition,
                           IndexDefinition::Parse(json));
    return c.CreateIndex(definition);
  }

  absl::Status ChangeDocument() {
    auto& documents = next_["c:c"];
    SHEAF_ASSIGN_OR_RETURN(Collection c, txn_->collection("c"));
    const uint64_t what = Below(4);
    if (what == 0 || documents.empty()) {
      SHEAF_ASSIGN_OR_RETURN(const std::vector<IndexInfo> indexes, c.Indexes());
      const bool is_there = std::any_of(
          indexes.begin(), indexes.end(),
          [](const IndexInfo& info) { return info.definition.name == "more"; });
      return is_there ? c.DropIndex("more")
                      : CreateIndex(
                            c, R"({"name":"more","fields":{"more.deep":-1,"step":1}})");
    }
    auto it = documents.begin();
    std::advance(it, Below(documents.size()));
    const DocumentKey key(static_cast<int64_t>(std::stoll(it->first)));
    if (what == 1) {
      documents.erase(it);
      return c.Delete(key).status();
    }
    // With names that are new to the collection, now and then.
    const std::string json =
        absl::StrCat("{\"step\":-", step_, ",\"more\":[{\"deep\":", step_ % 5,
                     "},{\"deep\":null}],\"n", step_ % 7, "\":1.5}");
    it->second = Digest(json);
    return c.Put(key, json);
  }

  absl::Status ChangeGraph() {
    SHEAF_ASSIGN_OR_RETURN(Graph g, txn_->graph("g"));
    const auto below = [&](uint64_t n) { return Below(n); };
    return GraphChanges(std::move(g), &next_["g:g"], below).Change(step_);
  }

  absl::Status ChangeVectors() {
    const auto below = [&](uint64_t n) { return Below(n); };
    return ChangeVectorTexts(*txn_->vectors("v", SmallVectors()), &next_["v:v"], below,
                             step_);
  }

  absl::Status ChangeBlobs() {
    SHEAF_ASSIGN_OR_RETURN(BlobStore b, txn_->blobs("files"));
    const auto below = [&](uint64_t n) { return Below(n); };
    return BlobChanges(std::move(b), &next_["b:files"], below).Change(step_);
  }

  absl::Status LinkVectors() {
    SHEAF_ASSIGN_OR_RETURN(const bool did, LinkAllVectors(db_.get(), "v", step_));
    if (did) Acknowledge(Durability::kFull);
    return absl::OkStatus();
  }

  absl::Status Change(Op op) {
    SHEAF_RETURN_IF_ERROR(Begin());
    static const std::map<std::string, std::string>* const kNone =
        new std::map<std::string, std::string>;
    const auto& a = next_.contains("t:a") ? next_["t:a"] : *kNone;
    switch (op) {
      case Op::kPutSmall:
        return Put("a", absl::StrCat("key", 10 + Below(40)), SmallValue(step_));
      case Op::kPutLarge:
        return Put("a", absl::StrCat("large", Below(3)),
                   BigValue(step_ + 7, large_bytes + Below(5000)));
      case Op::kDelete:
        return Delete(Below(a.size() + 1));
      case Op::kDeleteRange:
        return DeleteRange();
      case Op::kCreate:
        return Create(absl::StrCat("t", Below(random != nullptr ? 12 : 1000)));
      case Op::kDrop:
        return Drop();
      case Op::kRename:
        return Rename();
      case Op::kInsertDocument:
        return Insert();
      case Op::kSavepoint:
        return SavepointAndBack();
      case Op::kRecompress:
        return Recompress();
      case Op::kChangeDocument:
        return ChangeDocument();
      case Op::kChangeGraph:
        return ChangeGraph();
      case Op::kChangeVectors:
        return ChangeVectors();
      case Op::kChangeBlobs:
        return ChangeBlobs();
      case Op::kBulkLoad:
        return BulkLoad(absl::StrCat("bulk", Below(random != nullptr ? 4 : 1000)));
      default:
        return absl::InternalError("not a change");
    }
  }

  absl::Status Delete(size_t rank) {
    auto& a = next_["t:a"];
    SHEAF_ASSIGN_OR_RETURN(Table t, txn_->table("a"));
    auto it = a.begin();
    std::advance(it, std::min(rank, a.size()));
    const std::string key = it == a.end() ? "absent" : it->first;
    SHEAF_ASSIGN_OR_RETURN(const bool existed, t.Delete(key));
    if (existed != (a.erase(key) == 1))
      return absl::InternalError(absl::StrCat("delete of ", key, ": existed ", existed));
    return absl::OkStatus();
  }

  absl::Status DeleteRange() {
    auto& a = next_["t:a"];
    SHEAF_ASSIGN_OR_RETURN(Table t, txn_->table("a"));
    KeyRange range;
    auto from = a.begin();
    std::advance(from, Below(a.size() + 1));
    if (from == a.end()) from = a.begin();
    if (from != a.begin()) range.from = from->first;
    SHEAF_ASSIGN_OR_RETURN(const uint64_t gone, t.DeleteRange(range));
    if (gone != static_cast<uint64_t>(std::distance(from, a.end())))
      return absl::InternalError(absl::StrCat("delete-range removed ", gone));
    a.erase(from, a.end());
    return absl::OkStatus();
  }

  absl::Status Create(const std::string& name) {
    SHEAF_RETURN_IF_ERROR(txn_->table(name).status());
    next_["t:" + name];
    return absl::OkStatus();
  }

  // "b", or the last table there is.
  absl::Status Drop() {
    std::string name = next_.contains("t:b") ? "t:b" : next_.rbegin()->first;
    if (name[0] == 'c') return absl::OkStatus();  // keep the collection
    SHEAF_RETURN_IF_ERROR(txn_->Drop(name.substr(2)));
    next_.erase(name);
    return absl::OkStatus();
  }

  // "a", if it is there: from plain to compressed and back, or with another dictionary.
  absl::Status Recompress() {
    if (!next_.contains("t:a")) return absl::OkStatus();
    const bool from_plain = options_.compression == Compression{};
    const bool to_plain = from_plain && step_ % 2 == 0;
    return txn_->Recompress("a", to_plain ? Compression{} : kCrashCompression);
  }

  absl::Status Rename() {
    std::string from = "t:b", to = "t:b2";
    if (next_.contains(to)) std::swap(from, to);
    if (!next_.contains(from)) from = "t:a";
    if (next_.contains(to) || !next_.contains(from)) return absl::OkStatus();
    SHEAF_RETURN_IF_ERROR(txn_->Rename(from.substr(2), to.substr(2)));
    next_[to] = std::move(next_[from]);
    next_.erase(from);
    return absl::OkStatus();
  }

  // Changes of every kind, taken back. Leaves everything as it was.
  absl::Status SavepointAndBack() {
    const Contents before = next_;
    SHEAF_ASSIGN_OR_RETURN(const Savepoint savepoint, txn_->SetSavepoint());
    SHEAF_RETURN_IF_ERROR(Put("a", "undone", "x"));
    SHEAF_RETURN_IF_ERROR(Put("a", "undone2", BigValue(step_, 9000)));
    SHEAF_RETURN_IF_ERROR(Delete(0));
    SHEAF_RETURN_IF_ERROR(Put("undone", "k", "v"));
    SHEAF_RETURN_IF_ERROR(Rename());
    SHEAF_RETURN_IF_ERROR(Insert());
    SHEAF_RETURN_IF_ERROR(ChangeDocument());
    SHEAF_RETURN_IF_ERROR(ChangeGraph());
    SHEAF_RETURN_IF_ERROR(ChangeVectors());
    SHEAF_RETURN_IF_ERROR(ChangeBlobs());
    SHEAF_RETURN_IF_ERROR(Recompress());
    SHEAF_RETURN_IF_ERROR(DeleteRange());
    SHEAF_RETURN_IF_ERROR(Drop());
    SHEAF_RETURN_IF_ERROR(txn_->RollbackTo(savepoint));
    next_ = before;
    return absl::OkStatus();
  }

  absl::Status BulkLoad(const std::string& name) {
    auto& entries = next_["t:" + name];
    SHEAF_ASSIGN_OR_RETURN(Table t, txn_->table(name));
    if (!entries.empty()) {
      SHEAF_RETURN_IF_ERROR(t.DeleteRange(KeyRange::All()).status());
      entries.clear();
    }
    int i = 0;
    std::string k, v;
    return t.BulkLoad([&](std::string_view* key, std::string_view* value) {
      if (i == bulk_entries) return false;
      k = absl::StrCat("k", 100'000 + i);
      v = SmallValue(i) + std::string(static_cast<size_t>(i % 200), 'a' + i % 26);
      if (i == bulk_entries / 2) v = BigValue(step_, 30'000);
      entries[k] = Digest(v);
      *key = k, *value = v;
      ++i;
      return true;
    });
  }

  FaultyFileSystem& fs_;
  Options options_;
  std::unique_ptr<Database> db_;
  std::optional<WriteTransaction> txn_;  // goes before the database
  Durability durability_ = Durability::kFull;
  Contents next_;  // as the open transaction sees it
  std::vector<State> states_;
  absl::Status violation_;
  bool failed_ = false;     // a commit, since the beginning
  bool uncertain_ = false;  // and the database was closed since
  uint64_t step_ = 0;
  size_t sequence_at_ = 0;
};

}  // namespace sheaf::test
#endif  // TESTS_CRASH_WORKLOAD_H_
