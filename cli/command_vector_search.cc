// vector search: the nearest vectors to a query, or to each of a file.
#include <cerrno>
#include <cstring>
#include <fstream>

#include "cli/commands.h"
#include "cli/failure.h"
#include "cli/graph_vertices.h"
#include "cli/rows.h"
#include "cli/vector_text.h"

namespace sheaf::cli {
namespace {

const char* PlanName(VectorPlan plan) {
  switch (plan) {
    case VectorPlan::kGraph:
      return "graph";
    case VectorPlan::kFiltered:
      return "filtered";
    case VectorPlan::kExact:
      return "exact";
  }
  return "unknown";
}

const char* PlanText(VectorPlan plan) {
  switch (plan) {
    case VectorPlan::kGraph:
      return "by the graph";
    case VectorPlan::kFiltered:
      return "by the graph, of which only what passes the filter is found";
    case VectorPlan::kExact:
      return "compared one by one";
  }
  return "unknown";
}

std::string Figure(double number) {
  char text[32];
  snprintf(text, sizeof(text), "%.6g", number);
  return text;
}

VectorSearchOptions OptionsOf(const Arguments& args) {
  const VectorArguments& of = args.vector;
  VectorSearchOptions options;
  options.k = of.k.value_or(options.k);
  if (!of.efs.empty()) options.ef = of.efs[0];
  if (of.is_exact) options.plan = VectorPlan::kExact;
  options.radius = of.radius;
  options.filter = of.filter;
  options.progress = ProgressOf(args, {});
  return options;
}

class Searcher {
 public:
  Searcher(Session& session, const VectorIndexReader& index)
      : session_(session),
        args_(session.args),
        index_(index),
        options_(OptionsOf(args_)) {}

  absl::Status Run() {
    const VectorArguments& of = args_.vector;
    if (of.from_key.has_value()) return RunKey();
    if (of.from_file.has_value()) return RunFile(*of.from_file);
    SHEAF_ASSIGN_OR_RETURN(const std::vector<float> query, ParseVector(of.vector));
    return RunVector(VectorView(query), "the vector");
  }

 private:
  // With --radius and no -k all of them.
  bool TakesAll() const {
    return args_.vector.radius.has_value() && !args_.vector.k.has_value();
  }

  absl::Status RunKey() {
    SHEAF_ASSIGN_OR_RETURN(const DocumentKey key, ParseKey(*args_.vector.from_key));
    begun_ = MonotonicMicros();
    if (!TakesAll()) {
      SHEAF_ASSIGN_OR_RETURN(const VectorResult result,
                             index_.SearchByKey(key, options_));
      return Show(result);
    }
    SHEAF_ASSIGN_OR_RETURN(const std::string bytes, index_.GetBytes(key));
    SHEAF_ASSIGN_OR_RETURN(
        VectorResult result,
        index_.SearchRadius(VectorView::Bytes(bytes), *args_.vector.radius, options_));
    std::erase_if(result.matches,
                  [&](const VectorMatch& match) { return match.key == key; });
    return Show(result);
  }

  absl::Status RunVector(const VectorView& query, std::string_view name) {
    begun_ = MonotonicMicros();
    const absl::StatusOr<VectorResult> result =
        TakesAll() ? index_.SearchRadius(query, *args_.vector.radius, options_)
                   : index_.Search(query, options_);
    if (!result.ok()) return At(name, result.status());
    return Show(*result);
  }

  absl::Status RunFile(const std::string& path) {
    SHEAF_ASSIGN_OR_RETURN(const VectorFormat format, VectorFormatOf("", path));
    if (format == VectorFormat::kJsonLines)
      return UsageError("--from: of .fvecs, .bvecs or .npy only");
    std::ifstream in(path, std::ios::binary);
    if (!in)
      return absl::NotFoundError(path + ": cannot be opened: " + std::strerror(errno));
    absl::Status status;
    uint64_t number = 0;
    const absl::Status read = ReadVectors(in, format, [&](absl::Span<const float> query) {
      number_ = number++;
      status = RunVector(VectorView(query), "vector " + std::to_string(*number_));
      return status.ok() && session_.out.ok();
    });
    if (!read.ok()) return At(path, read);
    return status.ok() ? status : At(path, status);
  }

  absl::Status Show(const VectorResult& result) {
    const double seconds = static_cast<double>(MonotonicMicros() - begun_) / 1e6;
    return args_.is_json ? ShowJson(result, seconds) : ShowText(result, seconds);
  }

  absl::Status ShowJson(const VectorResult& result, double seconds) {
    Json json = Json::object();
    if (number_.has_value()) json["query"] = *number_;
    Json& matches = json["matches"] = Json::array();
    for (const VectorMatch& match : result.matches) {
      SHEAF_ASSIGN_OR_RETURN(const std::optional<std::string> metadata,
                             index_.Metadata(match.key));
      Json& one = matches.emplace_back(Json::object());
      one["key"] = KeyJson(match.key);
      one["distance"] = FloatJson(match.distance);
      if (metadata.has_value()) one["metadata"] = Json::parse(*metadata);
    }
    json["plan"] = PlanName(result.plan);
    json["selectivity"] = result.selectivity;
    json["estimates"] = result.estimates;
    json["exact"] = result.exact;
    json["pending"] = result.pending;
    json["seconds"] = seconds;
    session_.out.WriteLine(Dump(json));
    return absl::OkStatus();
  }

  absl::Status ShowText(const VectorResult& result, double seconds) {
    Output& out = session_.out;
    if (number_.has_value())
      out.WriteLine(out.Paint(Tone::kStrong, "vector " + std::to_string(*number_)));
    bool has_metadata = false;
    std::vector<std::vector<std::string>> rows;
    for (const VectorMatch& match : result.matches) {
      SHEAF_ASSIGN_OR_RETURN(const std::optional<std::string> metadata,
                             index_.Metadata(match.key));
      has_metadata = has_metadata || metadata.has_value();
      std::string shown = Beginning(metadata.value_or(""), out);
      if (out.columns() > 0) shown = Shortened(shown, out.columns() / 2);
      rows.push_back({std::to_string(rows.size() + 1), KeyText(match.key),
                      Figure(match.distance), std::move(shown)});
    }
    std::vector<Align> alignment = {Align::kRight, Align::kLeft, Align::kRight};
    std::vector<std::string> header = {"rank", "key", "distance"};
    if (has_metadata) alignment.push_back(Align::kLeft), header.push_back("metadata");
    TextTable table(alignment);
    table.SetHeader(header);
    for (std::vector<std::string>& row : rows) {
      row.resize(header.size());
      table.AddRow(std::move(row));
    }
    if (!rows.empty()) table.Print(out);
    if (args_.explains) Explain(result, seconds);
    return absl::OkStatus();
  }

  void Explain(const VectorResult& result, double seconds) {
    std::string text = PlanText(result.plan);
    if (!args_.vector.filter.empty())
      text += "; the filter was thought to let " + Figure(result.selectivity * 100) +
              " % pass";
    text += "\n" + Counted(result.estimates, "distance", "distances") + " estimated, " +
            Thousands(result.exact) + " computed, " + Thousands(result.pending) +
            " of vectors that are not linked yet; " + BriefSeconds(seconds);
    session_.out.WriteLine(text);
  }

  Session& session_;
  const Arguments& args_;
  const VectorIndexReader& index_;
  VectorSearchOptions options_;
  std::optional<uint64_t> number_;  // of the query, in a file
  int64_t begun_ = 0;
};

}  // namespace

CommandResult SearchVectors(Session& session) {
  const VectorArguments& of = session.args.vector;
  if (!of.vector.empty() + of.from_key.has_value() + of.from_file.has_value() != 1)
    return UsageError("vector search: from where? One of --vector, --key and --from");
  return LookAtVectors(session, [&](const VectorIndexReader& index) {
    return Searcher(session, index).Run();
  });
}

}  // namespace sheaf::cli
