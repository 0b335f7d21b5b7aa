// put, get, delete: single entries of a collection or a table.
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "cli/commands.h"
#include "cli/expiry_text.h"
#include "cli/failure.h"
#include "cli/merge_text.h"
#include "cli/text.h"

namespace sheaf::cli {
namespace {

// More than the library takes, so that it is the one that refuses.
constexpr uint64_t kDocumentReadMax = (uint64_t{64} << 20) * 2;
constexpr uint64_t kTableReadMax = kValueBytesMax + 1;

absl::StatusOr<std::string> ReadStandardInput(uint64_t bytes_max) {
  constexpr size_t kStep = 1 << 16;
  std::string text;
  while (text.size() < bytes_max) {
    size_t size = text.size();
    text.resize(size + kStep);
    ssize_t got = read(STDIN_FILENO, text.data() + size, kStep);
    text.resize(size + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) break;
    if (got < 0 && errno != EINTR) {
      return absl::UnknownError(std::string("cannot read standard input: ") +
                                strerror(errno));
    }
  }
  return text;
}

// Says where the text is wrong when it is not JSON.
absl::Status DocumentError(const absl::Status& status, std::string_view json) {
  if (status.code() != absl::StatusCode::kInvalidArgument) return status;
  std::optional<JsonError> error = FindJsonError(json);
  if (!error.has_value()) return status;
  std::string where =
      "line " + std::to_string(error->line) + ", column " + std::to_string(error->column);
  return WithDetails(absl::InvalidArgumentError("the document is not JSON at " + where +
                                                ": " + error->what),
                     {{"line", error->line},
                      {"column", error->column},
                      {"byte", error->byte},
                      {"excerpt", error->excerpt}});
}

absl::StatusOr<bool> PutDocument(Database& db, const std::string& name,
                                 const DocumentKey& key, std::string_view json,
                                 const std::optional<Expiry>& expiry) {
  bool is_replaced = false;
  SHEAF_RETURN_IF_ERROR(db.Write([&](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Collection collection, txn.collection(name));
    SHEAF_ASSIGN_OR_RETURN(is_replaced, collection.Contains(key));
    return DocumentError(collection.Put(key, json, expiry), json);
  }));
  return is_replaced;
}

absl::StatusOr<bool> PutBytes(Database& db, const std::string& name, std::string_view key,
                              std::string_view value,
                              const std::optional<Expiry>& expiry) {
  bool is_replaced = false;
  SHEAF_RETURN_IF_ERROR(db.Write([&](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Table table, txn.table(name));
    SHEAF_ASSIGN_OR_RETURN(is_replaced, table.Contains(key));
    return expiry.has_value() ? table.Put(key, value, *expiry) : table.Put(key, value);
  }));
  return is_replaced;
}

absl::StatusOr<std::string> ValueOf(const Arguments& args) {
  if (args.value == "-")
    return ReadStandardInput(args.is_table ? kTableReadMax : kDocumentReadMax);
  return args.is_table ? ParseBytes(args.value) : args.value;
}

// A key as it was given: of a document or, with --table, bytes.
struct EntryKey {
  std::optional<DocumentKey> document;
  std::string bytes;

  std::string Text() const {
    return document.has_value() ? KeyText(*document) : BytesText(bytes);
  }
  void SetJson(Json* object) const {
    if (document.has_value()) {
      (*object)["key"] = KeyJson(*document);
    } else {
      SetBytes("key", bytes, object);
    }
  }
};

absl::StatusOr<EntryKey> ParseEntryKey(const Arguments& args) {
  EntryKey key;
  if (args.is_table) {
    SHEAF_ASSIGN_OR_RETURN(key.bytes, ParseBytes(args.key));
  } else {
    SHEAF_ASSIGN_OR_RETURN(key.document, ParseKey(args.key));
  }
  return key;
}

absl::Status NoSuchKey(const Arguments& args, const EntryKey& key) {
  return absl::NotFoundError(args.file + ": " + Printable(args.collection) +
                             " has no key " + key.Text());
}

CommandResult GetBytes(Session& session, const ReadTransaction& read,
                       const EntryKey& key) {
  const Arguments& args = session.args;
  auto table = read.table(args.collection);
  if (!table.ok()) return NameError(args, table.status());
  SHEAF_ASSIGN_OR_RETURN(std::optional<Value> value, table->Find(key.bytes));
  if (!value.has_value()) return NoSuchKey(args, key);
  const ValueForm form = FormOf(args.merge.form);
  if (!args.is_json) {
    session.out.WriteLine(ValueText(form, value->view()));
    return kExitOk;
  }
  Json object;
  SetBytes("key", key.bytes, &object);
  SetValue(form, value->view(), &object);
  session.out.WriteLine(Dump(object));
  return kExitOk;
}

CommandResult GetDocument(Session& session, const ReadTransaction& read,
                          const EntryKey& key) {
  const Arguments& args = session.args;
  auto collection = read.collection(args.collection);
  if (!collection.ok()) return NameError(args, collection.status());
  SHEAF_ASSIGN_OR_RETURN(std::optional<std::string> json,
                         collection->Find(*key.document));
  if (!json.has_value()) return NoSuchKey(args, key);
  session.out.WriteLine(args.is_json ? *json : PrettyJson(*json, session.out));
  return kExitOk;
}

// A write transaction would create the name: look first.
absl::Status RequireName(Database& db, const Arguments& args) {
  ReadTransaction read = db.BeginRead();
  return NameError(args, args.is_table ? read.table(args.collection).status()
                                       : read.collection(args.collection).status());
}

absl::StatusOr<bool> DeleteEntry(Database& db, const Arguments& args,
                                 const EntryKey& key) {
  bool was_there = false;
  SHEAF_RETURN_IF_ERROR(db.Write([&](WriteTransaction& txn) -> absl::Status {
    if (args.is_table) {
      SHEAF_ASSIGN_OR_RETURN(Table table, txn.table(args.collection));
      SHEAF_ASSIGN_OR_RETURN(was_there, table.Delete(key.bytes));
    } else {
      SHEAF_ASSIGN_OR_RETURN(Collection collection, txn.collection(args.collection));
      SHEAF_ASSIGN_OR_RETURN(was_there, collection.Delete(*key.document));
    }
    return absl::OkStatus();
  }));
  return was_there;
}

// {"collection": …, "key": …, "<what>": true or false}, or a line for a person.
void PrintDone(Session& session, const EntryKey& key, const char* what, bool holds,
               const std::string& line) {
  if (!session.args.is_json) return session.out.WriteLine(line);
  Json result = {{"collection", session.args.collection}};
  key.SetJson(&result);
  result[what] = holds;
  session.out.WriteLine(Dump(result));
}

}  // namespace

CommandResult Put(Session& session) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(EntryKey key, ParseEntryKey(args));
  SHEAF_ASSIGN_OR_RETURN(const std::optional<Expiry> expiry, ExpiryOf(args));
  SHEAF_ASSIGN_OR_RETURN(std::string value, ValueOf(args));
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kWritingOrCreating));
  absl::StatusOr<bool> is_replaced =
      args.is_table ? PutBytes(*db, args.collection, key.bytes, value, expiry)
                    : PutDocument(*db, args.collection, *key.document, value, expiry);
  if (!is_replaced.ok()) return NameError(args, is_replaced.status());
  SHEAF_RETURN_IF_ERROR(At(args.file, db->Close()));
  PrintDone(session, key, "replaced", *is_replaced,
            Printable(args.collection) + " " + key.Text() +
                (*is_replaced ? ": replaced" : ": stored"));
  return kExitOk;
}

CommandResult Get(Session& session) {
  const Arguments& args = session.args;
  if (!args.merge.form.empty() && !args.is_table)
    return UsageError("--as is for values of tables: with --table");
  SHEAF_ASSIGN_OR_RETURN(EntryKey key, ParseEntryKey(args));
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kReading));
  ReadTransaction read = db->BeginRead();
  return args.is_table ? GetBytes(session, read, key) : GetDocument(session, read, key);
}

CommandResult Delete(Session& session) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(EntryKey key, ParseEntryKey(args));
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kWriting));
  SHEAF_RETURN_IF_ERROR(RequireName(*db, args));
  absl::StatusOr<bool> was_there = DeleteEntry(*db, args, key);
  if (!was_there.ok()) return At(args.file, was_there.status());
  SHEAF_RETURN_IF_ERROR(At(args.file, db->Close()));
  if (!*was_there) return NoSuchKey(args, key);
  PrintDone(session, key, "deleted", true,
            Printable(args.collection) + " " + key.Text() + ": deleted");
  return kExitOk;
}

}  // namespace sheaf::cli
