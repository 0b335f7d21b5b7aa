// merge, incr, decr, cas: values of a table that change by what they were.
#include "cli/commands.h"
#include "cli/failure.h"
#include "cli/merge_text.h"
#include "cli/text.h"

namespace sheaf::cli {
namespace {

absl::StatusOr<HybridTime> TimeOf(const MergeArguments& merge) {
  const std::optional<HybridTime> at = HybridTime::Parse(*merge.at);
  if (at.has_value()) return *at;
  return UsageError("--at " + Printable(*merge.at) +
                    " is not a timestamp: milliseconds since 1970 and a counter below "
                    "65536, as in 1763838775123.0");
}

// Of kLastWriter. Without --at it is now, and above what is there.
absl::StatusOr<std::string> Stamped(const MergeArguments& merge,
                                    const std::optional<Value>& existing,
                                    const std::string& value) {
  if (merge.at.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(const HybridTime at, TimeOf(merge));
    return MergeValue::Stamped(at, value);
  }
  HybridTime last;
  if (existing.has_value())
    if (const auto stamped = MergeValue::ReadStamped(existing->view()))
      last = stamped->first;
  HybridClock clock(absl::Minutes(1), last);
  return MergeValue::Stamped(clock.Tick(), value);
}

absl::StatusOr<std::string> OperandOf(const MergeArguments& merge, MergeOperator op) {
  if (op == MergeOperator::kCount) return std::string();
  if (!merge.operand.has_value())
    return UsageError("merge " + std::string(NameOf(op)) + " needs an OPERAND");
  return ParseValue(FormOf(op), *merge.operand);
}

void PrintValue(Session& session, std::string_view key, ValueForm form,
                std::string_view value) {
  if (!session.args.is_json) return session.out.WriteLine(ValueText(form, value));
  Json result = {{"table", session.args.collection}};
  SetBytes("key", key, &result);
  SetValue(form, value, &result);
  session.out.WriteLine(Dump(result));
}

// Merges in a transaction of its own; prints what came of it.
CommandResult RunMerge(Session& session, MergeOperator op, const std::string& operand) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(const std::string key, ParseBytes(args.key));
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kWritingOrCreating));
  std::string merged;
  const absl::Status written = db->Write([&](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Table table, txn.table(args.collection));
    std::string bytes = operand;
    if (op == MergeOperator::kLastWriter) {
      SHEAF_ASSIGN_OR_RETURN(const std::optional<Value> existing, table.Find(key));
      SHEAF_ASSIGN_OR_RETURN(bytes, Stamped(args.merge, existing, operand));
    }
    SHEAF_RETURN_IF_ERROR(table.Merge(key, op, bytes));
    SHEAF_ASSIGN_OR_RETURN(const Value value, table.Get(key));
    merged = std::string(value.view());
    return absl::OkStatus();
  });
  // Not what is not found: the operand is too large for what is there.
  if (absl::IsOutOfRange(written))
    return WithDetails(NameError(args, written), {{"exit", kExitUsage}});
  if (!written.ok()) return NameError(args, written);
  SHEAF_RETURN_IF_ERROR(At(args.file, db->Close()));
  PrintValue(session, key, FormOf(op), merged);
  return kExitOk;
}

// What `cas` compares and puts: EXPECTED and DESIRED, but for those that an option
// replaces.
struct Exchange {
  std::optional<std::string> expected, desired;
};
absl::StatusOr<Exchange> ExchangeOf(const MergeArguments& merge) {
  std::vector<std::string> words;
  for (const auto& word : {merge.expected, merge.desired})
    if (word.has_value()) words.push_back(*word);
  const size_t wanted = 2u - (merge.is_absent ? 1 : 0) - (merge.deletes ? 1 : 0);
  if (words.size() != wanted)
    return UsageError(
        "cas takes EXPECTED and DESIRED; --absent stands for the first and "
        "--delete for the second");
  const ValueForm form = FormOf(merge.form);
  Exchange exchange;
  if (!merge.is_absent) {
    SHEAF_ASSIGN_OR_RETURN(exchange.expected, ParseValue(form, words.front()));
  }
  if (!merge.deletes) {
    SHEAF_ASSIGN_OR_RETURN(exchange.desired, ParseValue(form, words.back()));
  }
  return exchange;
}

absl::Status NotAsExpected(const Arguments& args, const std::string& key,
                           const std::optional<std::string>& found) {
  Json details = {{"exit", kExitNotFound}};
  const ValueForm form = FormOf(args.merge.form);
  if (found.has_value()) SetValue(form, *found, &details);
  return WithDetails(
      absl::AbortedError(args.file + ": " + Printable(args.collection) + " " +
                         BytesText(key) + ": " +
                         (found.has_value() ? "the value is " + ValueText(form, *found)
                                            : "there is no value") +
                         "; nothing was changed"),
      details);
}

}  // namespace

CommandResult Merge(Session& session) {
  const MergeArguments& merge = session.args.merge;
  SHEAF_ASSIGN_OR_RETURN(const MergeOperator op, MergeOperatorOf(merge.op));
  if (merge.at.has_value() && op != MergeOperator::kLastWriter)
    return UsageError("--at is for last_writer");
  SHEAF_ASSIGN_OR_RETURN(const std::string operand, OperandOf(merge, op));
  return RunMerge(session, op, operand);
}

CommandResult Increment(Session& session) {
  return RunMerge(session, MergeOperator::kAdd, MergeValue::Int(session.args.merge.by));
}

CommandResult Decrement(Session& session) {
  const int64_t by = session.args.merge.by;
  if (by == INT64_MIN)
    return UsageError("-9223372036854775808 has no opposite: take it off in two steps");
  return RunMerge(session, MergeOperator::kAdd, MergeValue::Int(-by));
}

CommandResult CompareAndSet(Session& session) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(const std::string key, ParseBytes(args.key));
  SHEAF_ASSIGN_OR_RETURN(const Exchange exchange, ExchangeOf(args.merge));
  SHEAF_ASSIGN_OR_RETURN(auto db,
                         OpenFile(args, args.merge.is_absent ? OpenFor::kWritingOrCreating
                                                             : OpenFor::kWriting));
  bool is_set = false;
  std::optional<std::string> found;
  const absl::Status written = db->Write([&](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Table table, txn.table(args.collection));
    SHEAF_ASSIGN_OR_RETURN(const std::optional<Value> value, table.Find(key));
    if (value.has_value()) found = std::string(value->view());
    SHEAF_ASSIGN_OR_RETURN(is_set,
                           table.CompareAndSet(key, exchange.expected, exchange.desired));
    // Rolled back, so that no table is made by the way.
    return is_set ? absl::OkStatus() : NotAsExpected(args, key, found);
  });
  if (!written.ok())
    return is_set || !absl::IsAborted(written) ? NameError(args, written) : written;
  SHEAF_RETURN_IF_ERROR(At(args.file, db->Close()));
  if (args.is_json) {
    Json result = {{"table", args.collection}};
    SetBytes("key", key, &result);
    result["set"] = true;
    session.out.WriteLine(Dump(result));
  } else {
    session.out.WriteLine(Printable(args.collection) + " " + BytesText(key) +
                          (exchange.desired.has_value() ? ": set" : ": deleted"));
  }
  return kExitOk;
}

}  // namespace sheaf::cli
