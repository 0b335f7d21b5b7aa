// scan: entries of a collection or a table in key order.
#include <algorithm>

#include "cli/commands.h"
#include "cli/failure.h"
#include "cli/rows.h"
#include "cli/text.h"

namespace sheaf::cli {
namespace {

// Counts entries and ends the scan at the limit or when nobody reads any more.
class Limit {
 public:
  Limit(const Arguments& args, const Output& out)
      : left_(args.limit.value_or(UINT64_MAX)), out_(out) {}
  bool is_zero() const { return left_ == 0; }
  bool GoesOn() { return --left_ > 0 && out_.ok(); }

 private:
  uint64_t left_;
  const Output& out_;
};

absl::StatusOr<DocumentRange> DocumentRangeOf(const Arguments& args) {
  DocumentRange range;
  range.prefix = args.prefix;
  range.reverse = args.is_reverse;
  if (args.from.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(range.from, ParseKey(*args.from));
  }
  if (args.to.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(range.to, ParseKey(*args.to));
  }
  return range;
}

absl::Status ScanDocuments(Session& session, const ReadTransaction& read) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(DocumentRange range, DocumentRangeOf(args));
  auto collection = read.collection(args.collection);
  if (!collection.ok()) return NameError(args, collection.status());
  Limit limit(args, session.out);
  if (limit.is_zero()) return absl::OkStatus();
  RowPrinter rows(session.out);
  return At(args.file, collection->ForEach(range, [&](const DocumentKey& key,
                                                      std::string_view json) {
    if (args.is_json) {
      session.out.WriteLine(args.keys_only ? Dump(KeyJson(key)) : json);
    } else if (args.keys_only) {
      session.out.WriteLine(KeyText(key));
    } else {
      rows.Add(KeyText(key), Beginning(json, session.out));
    }
    return limit.GoesOn();
  }));
}

absl::StatusOr<KeyRange> KeyRangeOf(const Arguments& args) {
  KeyRange range;
  if (args.prefix.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(std::string prefix, ParseBytes(*args.prefix));
    range = KeyRange::Prefix(prefix);
  }
  if (args.from.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(std::string from, ParseBytes(*args.from));
    range.from = std::max(range.from.value_or(""), from);
  }
  if (args.to.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(std::string to, ParseBytes(*args.to));
    range.to = range.to.has_value() ? std::min(*range.to, to) : to;
  }
  return range;
}

absl::Status ScanTable(Session& session, const ReadTransaction& read) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(KeyRange range, KeyRangeOf(args));
  auto table = read.table(args.collection);
  if (!table.ok()) return NameError(args, table.status());
  Limit limit(args, session.out);
  if (limit.is_zero()) return absl::OkStatus();
  RowPrinter rows(session.out);
  auto show = [&](std::string_view key, std::string_view value) {
    if (args.is_json) {
      Json entry;
      SetBytes("key", key, &entry);
      if (!args.keys_only) SetBytes("value", value, &entry);
      session.out.WriteLine(Dump(entry));
    } else if (args.keys_only) {
      session.out.WriteLine(BytesText(key));
    } else {
      rows.Add(BytesText(key),
               BytesText(session.out.is_terminal() ? value.substr(0, 4096) : value));
    }
    return limit.GoesOn();
  };
  return At(args.file, args.is_reverse ? table->ForEachReverse(range, show)
                                       : table->ForEach(range, show));
}

}  // namespace

CommandResult Scan(Session& session) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kReading));
  ReadTransaction read = db->BeginRead();
  SHEAF_RETURN_IF_ERROR(args.is_table ? ScanTable(session, read)
                                      : ScanDocuments(session, read));
  return kExitOk;
}

}  // namespace sheaf::cli
