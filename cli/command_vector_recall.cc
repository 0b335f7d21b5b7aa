// vector recall: what searches find of what is there.
#include <algorithm>
#include <cmath>

#include "cli/commands.h"
#include "cli/failure.h"
#include "cli/graph_vertices.h"
#include "cli/vector_text.h"

namespace sheaf::cli {
namespace {

// Of searches from all keys of the sample.
struct Measured {
  uint64_t found = 0, wanted = 0;
  uint64_t estimates = 0, exact = 0;
  int64_t micros = 0;
};

class Recall {
 public:
  Recall(Session& session, const VectorIndexReader& index, const Interrupt* interrupt)
      : session_(session),
        index_(index),
        line_(session.err),
        progress_(ProgressOf(session.args, ShownOn(line_, interrupt))) {
    options_.k = session.args.vector.k.value_or(options_.k);
    options_.progress.deadline = progress_.deadline;
  }

  absl::Status Run() {
    SHEAF_RETURN_IF_ERROR(TakeSample());
    std::vector<uint32_t> efs = session_.args.vector.efs;
    if (efs.empty()) efs.push_back(std::max(index_.options().ef_search, options_.k));
    SHEAF_RETURN_IF_ERROR(FindExact(efs.size() + 2));
    SHEAF_RETURN_IF_ERROR(Measure(efs[0]).status());  // what it reads is in memory then
    std::vector<Measured> measured;
    for (const uint32_t ef : efs) {
      SHEAF_ASSIGN_OR_RETURN(measured.emplace_back(), Measure(ef));
    }
    line_.Clear();
    if (session_.args.is_json)
      ShowJson(efs, measured);
    else
      ShowText(efs, measured);
    return absl::OkStatus();
  }

 private:
  // Evenly from all of them.
  absl::Status TakeSample() {
    SHEAF_ASSIGN_OR_RETURN(const uint64_t size, index_.size());
    const uint64_t wanted = std::min(session_.args.vector.sample, size);
    if (wanted == 0)
      return absl::FailedPreconditionError(index_.name() +
                                           ": there is nothing to sample");
    uint64_t number = 0, taken = 0;
    return index_.ForEach([&](const DocumentKey& key, std::string_view) {
      if (static_cast<double>(number++) * static_cast<double>(wanted) >=
          static_cast<double>(taken) * static_cast<double>(size)) {
        keys_.push_back(key);
        ++taken;
      }
      return taken < wanted;
    });
  }

  absl::Status FindExact(size_t rounds) {
    rounds_ = rounds;
    VectorSearchOptions options = options_;
    options.plan = VectorPlan::kExact;
    for (const DocumentKey& key : keys_) {
      SHEAF_ASSIGN_OR_RETURN(const VectorResult result, Search(key, options, &exact_));
      exact_.wanted += result.matches.size();
      nearest_.push_back(result.matches.size());
      farthest_.push_back(result.matches.empty() ? 0 : result.matches.back().distance);
    }
    exact_.found = exact_.wanted;
    return absl::OkStatus();
  }

  absl::StatusOr<Measured> Measure(uint32_t ef) {
    Measured measured;
    measured.wanted = exact_.wanted;
    VectorSearchOptions options = options_;
    options.ef = ef;
    for (size_t i = 0; i < keys_.size(); ++i) {
      SHEAF_ASSIGN_OR_RETURN(const VectorResult result,
                             Search(keys_[i], options, &measured));
      const auto near = std::count_if(
          result.matches.begin(), result.matches.end(),
          [&](const VectorMatch& match) { return match.distance <= farthest_[i]; });
      measured.found += std::min(static_cast<size_t>(near), nearest_[i]);
    }
    return measured;
  }

  absl::StatusOr<VectorResult> Search(const DocumentKey& key,
                                      const VectorSearchOptions& options,
                                      Measured* measured) {
    if (!progress_.report({++done_, keys_.size() * rounds_, "searches"}))
      return absl::CancelledError("the measurement was cancelled");
    const int64_t begun = MonotonicMicros();
    absl::StatusOr<VectorResult> result = index_.SearchByKey(key, options);
    measured->micros += MonotonicMicros() - begun;
    if (!result.ok()) return result;
    measured->estimates += result->estimates;
    measured->exact += result->exact;
    return result;
  }

  double Mean(uint64_t sum) const {
    return static_cast<double>(sum) / static_cast<double>(keys_.size());
  }
  double MeanSeconds(const Measured& measured) const {
    return Mean(static_cast<uint64_t>(measured.micros)) / 1e6;
  }
  // Of nothing everything is found.
  static double Share(const Measured& measured) {
    return measured.wanted == 0 ? 1
                                : static_cast<double>(measured.found) /
                                      static_cast<double>(measured.wanted);
  }

  void ShowJson(const std::vector<uint32_t>& efs, const std::vector<Measured>& measured) {
    Json json = {{"index", session_.args.collection},
                 {"k", options_.k},
                 {"sample", keys_.size()},
                 {"exact_seconds", MeanSeconds(exact_)},
                 {"exact_distances", Mean(exact_.estimates + exact_.exact)}};
    json["searches"] = Json::array();
    for (size_t i = 0; i < efs.size(); ++i)
      json["searches"].push_back({{"ef", efs[i]},
                                  {"recall", Share(measured[i])},
                                  {"seconds", MeanSeconds(measured[i])},
                                  {"estimates", Mean(measured[i].estimates)},
                                  {"exact", Mean(measured[i].exact)}});
    session_.out.WriteLine(Dump(json));
  }

  void ShowText(const std::vector<uint32_t>& efs, const std::vector<Measured>& measured) {
    session_.out.WriteLine("the nearest " + Thousands(options_.k) + " to " +
                           Counted(keys_.size(), "vector", "vectors"));
    TextTable table(std::vector<Align>(5, Align::kRight));
    table.SetHeader({"ef", "recall", "time", "estimated", "computed"});
    const auto add = [&](const std::string& name, const Measured& of) {
      char share[32];
      snprintf(share, sizeof(share), "%.4f", Share(of));
      table.AddRow({name, share, BriefSeconds(MeanSeconds(of)),
                    Thousands(static_cast<uint64_t>(std::llround(Mean(of.estimates)))),
                    Thousands(static_cast<uint64_t>(std::llround(Mean(of.exact))))});
    };
    for (size_t i = 0; i < efs.size(); ++i) add(std::to_string(efs[i]), measured[i]);
    add("exact", exact_);
    table.Print(session_.out);
  }

  Session& session_;
  const VectorIndexReader& index_;
  ProgressLine line_;
  Progress progress_;
  VectorSearchOptions options_;
  std::vector<DocumentKey> keys_;
  // Of each key: how many are nearest, and how far the last of them is.
  std::vector<size_t> nearest_;
  std::vector<float> farthest_;
  Measured exact_;
  uint64_t done_ = 0, rounds_ = 1;
};

}  // namespace

CommandResult MeasureRecall(Session& session) {
  const Interrupt interrupt;
  CommandResult result = LookAtVectors(session, [&](const VectorIndexReader& index) {
    return Recall(session, index, &interrupt).Run();
  });
  if (absl::IsCancelled(result.status())) return kExitSignal + interrupt.signal_number();
  return result;
}

}  // namespace sheaf::cli
