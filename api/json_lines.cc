#include "sheaf/json_lines.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <new>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "api/internal/handles.h"
#include "api/internal/stream_lines.h"
#include "catalog/tick.h"
#include "document/json_codec.h"
#include "document/schema.h"
#include "pager/status_macros.h"

namespace sheaf {

// Both threads number names alike: each begins with the names that the collection had, and
// a batch says which are new. As long as the collection numbers them so too, which other
// writers and rows of its indexes may prevent, its bytes are stored as they are; else they
// are encoded again.
using document::NameTable;
using document::Schema;

namespace {
using internal::AtLine, internal::StreamLines;
using SchemaRef = std::shared_ptr<const Schema>;

constexpr size_t kBatchBytes = 8 << 20;     // of text
constexpr size_t kBytesWaiting = 16 << 20;  // from where on no more batches are taken

struct Row {
  std::optional<DocumentKey> key;
  size_t end;  // of its bytes in those of the batch
  uint64_t line;
};

// Of one transaction, or a part of it.
struct Batch {
  std::vector<std::string> new_names;
  std::vector<Row> rows;
  std::string bytes;  // of all of them: no memory goes from thread to thread row by row
  size_t text_bytes = 0;
  bool ends_commit = false;
  bool is_last = false;
  absl::Status status;  // what ends the import behind the rows
  uint64_t line = 0;    // where that is
};

absl::StatusOr<DocumentKey> KeyOf(const DocumentView& document, const std::string& path) {
  const std::optional<DocumentView> value = FindPath(document, path);
  if (!value.has_value())
    return absl::InvalidArgumentError(absl::StrCat("has no field ", path, ", its key"));
  std::optional<DocumentKey> key = internal::KeyOf(*value);
  if (key.has_value()) return *std::move(key);
  return absl::InvalidArgumentError(absl::StrCat(
      "field ", path, ", its key, is neither text, a 64-bit integer nor bytes"));
}

// Batches on their way from the thread that reads to the one that writes.
class Queue {
 public:
  // False: nobody wants it any more.
  bool Put(std::unique_ptr<Batch> batch) ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(this, &Queue::HasRoom));
    if (is_stopped_) return false;
    bytes_waiting_ += batch->text_bytes;
    batches_.push_back(std::move(batch));
    return true;
  }
  std::unique_ptr<Batch> Take() ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(this, &Queue::HasSome));
    std::unique_ptr<Batch> batch = std::move(batches_.front());
    batches_.pop_front();
    bytes_waiting_ -= batch->text_bytes;
    return batch;
  }
  void Stop() ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    is_stopped_ = true;
  }

 private:
  bool HasRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return is_stopped_ || bytes_waiting_ < kBytesWaiting;
  }
  bool HasSome() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return !batches_.empty(); }

  absl::Mutex mu_;
  std::deque<std::unique_ptr<Batch>> batches_ ABSL_GUARDED_BY(mu_);
  size_t bytes_waiting_ ABSL_GUARDED_BY(mu_) = 0;
  bool is_stopped_ ABSL_GUARDED_BY(mu_) = false;
};

// The thread that reads.
class Converter {
 public:
  Converter(LineSource* lines, const NameTable* names, const ImportOptions& options,
            Queue* queue)
      : lines_(*lines), names_(names), options_(options), queue_(*queue) {}

  void Run() {
    for (bool more = true; more;) {
      auto batch = std::make_unique<Batch>();
      try {
        batch->status = Fill(batch.get());
        for (; names_sent_ < names_.size(); ++names_sent_)
          batch->new_names.emplace_back(names_.NameOf(names_sent_));
      } catch (const std::bad_alloc&) {  // no exception may leave the thread
        batch->status = absl::ResourceExhaustedError("out of memory");
      }
      batch->line = line_number_;
      batch->is_last = batch->is_last || !batch->status.ok();
      more = !batch->is_last;
      if (!queue_.Put(std::move(batch))) return;
    }
  }

 private:
  absl::Status Fill(Batch* batch) {
    while (batch->text_bytes < kBatchBytes && !batch->ends_commit) {
      ++line_number_;
      SHEAF_ASSIGN_OR_RETURN(const std::optional<std::string_view> line, lines_.Next());
      if (!line.has_value()) {
        batch->is_last = batch->ends_commit = true;
      } else if (line->find_first_not_of(" \t\r") != line->npos) {
        const absl::Status added = Add(*line, batch);
        if (!added.ok()) return AtLine(line_number_, added);
        batch->text_bytes += line->size();
        batch->ends_commit = EndsCommit(line->size());
      }
    }
    return absl::OkStatus();
  }

  absl::Status Add(std::string_view line, Batch* batch) {
    Row row;
    row.line = line_number_;
    SHEAF_ASSIGN_OR_RETURN(const std::string bytes,
                           document::JsonToBinary(line, &names_));
    if (!options_.key_field.empty()) {
      SHEAF_ASSIGN_OR_RETURN(row.key,
                             KeyOf(document::RootOf(bytes, names_), options_.key_field));
    }
    batch->bytes += bytes;
    row.end = batch->bytes.size();
    batch->rows.push_back(std::move(row));
    return absl::OkStatus();
  }

  // Whether the transaction has enough with a document more.
  bool EndsCommit(size_t text_bytes) {
    ++commit_documents_, commit_bytes_ += text_bytes;
    if (commit_documents_ < options_.documents_a_commit &&
        commit_bytes_ < options_.bytes_a_commit)
      return false;
    commit_documents_ = commit_bytes_ = 0;
    return true;
  }

  LineSource& lines_;
  NameTable names_;
  uint32_t names_sent_ = names_.size();
  const ImportOptions& options_;
  Queue& queue_;
  uint64_t line_number_ = 0;
  uint64_t commit_documents_ = 0, commit_bytes_ = 0;  // of the transaction
};

}  // namespace

// The thread that writes.
class internal::ImportWriter {
 public:
  ImportWriter(Database* db, std::string_view collection, const NameTable* names,
               const ImportOptions& options, ImportCounts* counts)
      : db_(*db),
        name_(collection),
        names_(std::make_shared<NameTable>(names)),
        options_(options),
        counts_(*counts) {}

  // What is known of a collection before: null where it is not there.
  static absl::StatusOr<SchemaRef> SchemaOf(Database* db, std::string_view collection) {
    const ReadTransaction txn = db->BeginRead();
    const absl::StatusOr<CollectionReader> there = txn.collection(collection);
    if (absl::IsNotFound(there.status())) return nullptr;
    SHEAF_RETURN_IF_ERROR(there.status());
    return there->state_->Schema();
  }

  // Of a transaction in which a line is wrong nothing is kept.
  absl::Status Write(Batch* batch) {
    for (const std::string& name : batch->new_names) names_->Intern(name);
    if (!batch->status.ok()) counts_.failed_line = batch->line;
    SHEAF_RETURN_IF_ERROR(batch->status);
    if (!batch->rows.empty()) SHEAF_RETURN_IF_ERROR(PutRows(batch));
    if (batch->ends_commit && txn_.has_value()) SHEAF_RETURN_IF_ERROR(Commit());
    return catalog::Tick(options_.progress, "the import",
                         {counts_.documents + rows_, 0, "documents"});
  }

 private:
  absl::Status Begin() {
    SHEAF_ASSIGN_OR_RETURN(WriteTransaction txn, db_.BeginWrite());
    txn_ = std::move(txn);
    SHEAF_ASSIGN_OR_RETURN(Collection collection,
                           txn_->collection(name_, options_.collection));
    collection_ = std::move(collection);
    SHEAF_ASSIGN_OR_RETURN(size_before_, collection_->size());
    names_shared_ = 0;
    return absl::OkStatus();
  }

  // Whether the collection numbers all names as the batches do. Those that it does not
  // have get the next numbers.
  absl::StatusOr<bool> ShareNames() {
    SHEAF_ASSIGN_OR_RETURN(const std::shared_ptr<Schema> schema,
                           collection_->state_->writer->schema());
    NameTable& names = schema->names();
    for (; names_shared_ < names_->size(); ++names_shared_) {
      const std::string_view name = names_->NameOf(names_shared_);
      if (names_->Find(name) != names_shared_) continue;  // of no document
      if (names.size() == names_shared_) names.Intern(name);
      if (names.Find(name) != names_shared_) return false;
    }
    return true;
  }

  absl::Status Put(const std::optional<DocumentKey>& key, std::string_view bytes,
                   bool names_are_shared) {
    if (names_are_shared) return collection_->PutEncoded(key, bytes);
    const Document document(std::string(bytes), names_);
    return key.has_value() ? collection_->Put(*key, document)
                           : collection_->Append(document).status();
  }

  absl::Status PutRows(Batch* batch) {
    if (!txn_.has_value()) SHEAF_RETURN_IF_ERROR(Begin());
    SHEAF_ASSIGN_OR_RETURN(const bool names_are_shared, ShareNames());
    size_t begin = 0;
    for (const Row& row : batch->rows) {
      const std::string_view bytes(batch->bytes.data() + begin, row.end - begin);
      const absl::Status put = Put(row.key, bytes, names_are_shared);
      begin = row.end;
      if (put.ok()) continue;
      counts_.failed_line = row.line;
      return AtLine(row.line, put);
    }
    rows_ += batch->rows.size();
    last_line_ = batch->rows.back().line;
    return absl::OkStatus();
  }

  absl::Status Commit() {
    SHEAF_ASSIGN_OR_RETURN(const uint64_t size_after, collection_->size());
    collection_.reset();
    SHEAF_RETURN_IF_ERROR(txn_->Commit());
    txn_.reset();
    counts_.documents += rows_;
    counts_.replaced += rows_ - (size_after - size_before_);
    counts_.commits += 1;
    counts_.last_line = last_line_;
    rows_ = 0;
    return absl::OkStatus();
  }

  Database& db_;
  const std::string_view name_;
  const std::shared_ptr<NameTable> names_;  // of the batches until now
  const ImportOptions& options_;
  ImportCounts& counts_;
  std::optional<WriteTransaction> txn_;
  std::optional<Collection> collection_;
  uint32_t names_shared_ = 0;          // so many of the transaction's are known to be
  uint64_t size_before_ = 0;           // of the collection
  uint64_t rows_ = 0, last_line_ = 0;  // of the transaction
};

absl::Status ImportJsonLines(Database* db, std::string_view collection, LineSource& lines,
                             const ImportOptions& options, ImportCounts* counts) {
  *counts = {};
  SHEAF_ASSIGN_OR_RETURN(const SchemaRef schema,
                         internal::ImportWriter::SchemaOf(db, collection));
  const NameTable* const names = schema == nullptr ? nullptr : &schema->names();
  Queue queue;
  Converter converter(&lines, names, options, &queue);
  bool is_last = false;
  std::thread thread([&] { converter.Run(); });
  const absl::Cleanup join = [&] {
    queue.Stop();
    if (!is_last) lines.Stop();
    thread.join();
  };
  // Rolls back before the thread is waited for, which may take its time.
  internal::ImportWriter writer(db, collection, names, options, counts);
  while (!is_last) {
    const std::unique_ptr<Batch> batch = queue.Take();
    is_last = batch->is_last;
    SHEAF_RETURN_IF_ERROR(writer.Write(batch.get()));
  }
  return absl::OkStatus();
}

absl::Status ImportJsonLines(Database* db, std::string_view collection, std::istream& in,
                             const ImportOptions& options, ImportCounts* counts) {
  StreamLines lines(&in);
  return ImportJsonLines(db, collection, lines, options, counts);
}

absl::Status ExportJsonLines(const CollectionReader& collection, std::ostream& out,
                             const ExportOptions& options, uint64_t* documents) {
  *documents = 0;
  QueryOptions query;
  query.sort = R"({"_id":1})";
  query.progress = options.progress;
  std::string name;
  if (!options.key_field.empty()) {
    document::AppendJsonString(options.key_field, &name);
    // The key takes the place of a field that is called so. (Of a path there is none.)
    if (options.key_field.find_first_of(".$") == std::string::npos)
      query.project = absl::StrCat("{", name, ":0}");
  }
  SHEAF_ASSIGN_OR_RETURN(DocumentCursor cursor, collection.Query(options.filter, query));
  std::string line;
  while (cursor.Next()) {
    line.clear();
    if (!name.empty()) {
      absl::StrAppend(&line, "{", name, ":");
      if (cursor.key().is_number())
        absl::StrAppend(&line, cursor.key().number());
      else
        document::AppendJsonString(cursor.key().ToString(), &line);
    }
    const size_t begin = line.size();
    SHEAF_RETURN_IF_ERROR(document::AppendJson(cursor.document(), &line));
    if (!name.empty()) {
      if (line[begin] != '{')
        return absl::FailedPreconditionError(
            absl::StrCat(collection.name(), ": the document ", cursor.key().ToString(),
                         " is no object, which could take its key"));
      // Its fields go on behind the key.
      if (line[begin + 1] == '}')
        line.erase(begin, 1);
      else
        line[begin] = ',';
    }
    line.push_back('\n');
    out.write(line.data(), static_cast<std::streamsize>(line.size()));
    if (!out) return absl::UnavailableError("the stream takes no more");
    ++*documents;
  }
  return cursor.status();
}

}  // namespace sheaf
