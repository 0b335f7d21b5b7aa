#include "cli/vector_text.h"

#include <charconv>
#include <cmath>

#include "cli/failure.h"

namespace sheaf::cli {

absl::StatusOr<std::vector<float>> ParseVector(std::string_view json) {
  const absl::StatusOr<Document> document = Document::FromJson(json);
  if (document.ok()) {
    absl::StatusOr<std::vector<float>> vector = VectorOf(document->root());
    if (vector.ok()) return vector;
    return At("the vector", vector.status());
  }
  const std::optional<JsonError> error = FindJsonError(json);
  if (!error.has_value()) return At("the vector", document.status());
  return WithDetails(
      absl::InvalidArgumentError("the vector is not JSON at column " +
                                 std::to_string(error->column) + ": " + error->what),
      {{"column", error->column}, {"byte", error->byte}, {"excerpt", error->excerpt}});
}

Json FloatJson(float number) {
  if (!std::isfinite(number)) return nullptr;
  char text[64];
  const std::to_chars_result end = std::to_chars(text, text + sizeof(text), number);
  return Json::parse(text, end.ptr);
}

Json VectorJson(absl::Span<const float> vector) {
  Json json = Json::array();
  for (const float component : vector) json.push_back(FloatJson(component));
  return json;
}

namespace {

template <class Value>
void Take(const std::optional<Value>& given, Value* to) {
  if (given.has_value()) *to = *given;
}

}  // namespace

VectorOptions VectorOptionsOf(const Arguments& args, VectorOptions usual) {
  const VectorArguments& of = args.vector;
  Take(of.dimensions, &usual.dimensions);
  if (of.metric.has_value())
    usual.metric = vectors::MetricNamed(*of.metric).value_or(usual.metric);
  if (of.element.has_value())
    usual.element = vectors::ElementNamed(*of.element).value_or(usual.element);
  // They go together: to name one is enough.
  if (usual.element == Element::kBit && !of.metric.has_value())
    usual.metric = Metric::kHamming;
  if (usual.metric == Metric::kHamming && !of.element.has_value())
    usual.element = Element::kBit;
  if (of.kind.has_value())
    usual.kind = *of.kind == "flat" ? VectorIndexKind::kFlat : VectorIndexKind::kHnsw;
  if (of.code.has_value())
    usual.code = *of.code == "exact" ? VectorCode::kExact : VectorCode::kByte;
  if (usual.element == Element::kBit) usual.code = VectorCode::kExact;
  Take(of.m, &usual.m);
  Take(of.ef_construction, &usual.ef_construction);
  Take(of.ef_search, &usual.ef_search);
  Take(of.seed, &usual.seed);
  return usual;
}

Json VectorOptionsJson(const VectorOptions& options) {
  return {{"dimensions", options.dimensions},
          {"metric", NameOf(options.metric)},
          {"element", NameOf(options.element)},
          {"kind", NameOf(options.kind)},
          {"m", options.m},
          {"ef_construction", options.ef_construction},
          {"ef_search", options.ef_search},
          {"code", NameOf(options.code)},
          {"seed", options.seed}};
}

std::string VectorOptionsText(const VectorOptions& options) {
  std::string text = Counted(options.dimensions, "dimension", "dimensions") + " of " +
                     std::string(NameOf(options.element)) + ", " +
                     std::string(NameOf(options.metric)) + ", " +
                     std::string(NameOf(options.kind));
  if (options.kind == VectorIndexKind::kFlat) return text;
  return text + ", m " + std::to_string(options.m) + ", ef_construction " +
         std::to_string(options.ef_construction) + ", ef_search " +
         std::to_string(options.ef_search) + ", code " +
         std::string(NameOf(options.code));
}

absl::Status CheckSameOptions(const std::string& index, const VectorOptions& there,
                              const VectorOptions& wanted) {
  const Json has = VectorOptionsJson(there), is = VectorOptionsJson(wanted);
  std::string differences;
  for (const auto& [name, value] : has.items()) {
    if (value == is[name] || name == "ef_search") continue;
    const auto text = [](const Json& v) {
      return v.is_string() ? v.get<std::string>() : Dump(v);
    };
    differences += (differences.empty() ? "" : ", ") + name + " is " + text(value) +
                   ", not " + text(is[name]);
  }
  if (differences.empty()) return absl::OkStatus();
  return WithHint(absl::FailedPreconditionError(Printable(index) +
                                                ": is there already: " + differences),
                  "what an index is made with stays; make another one");
}

std::string BriefSeconds(double seconds) {
  if (seconds >= 1e-3) return Seconds(seconds);
  return std::to_string(std::llround(seconds * 1e6)) + " µs";
}

absl::StatusOr<VectorFormat> VectorFormatOf(const std::string& format,
                                            const std::string& path) {
  const std::string name = format.empty() ? path : "." + format;
  const std::optional<VectorFormat> of_name = VectorFormatOfName(name);
  if (of_name.has_value()) return *of_name;
  return WithHint(UsageError(Printable(path) + ": which format is it?"),
                  "names end in .fvecs, .bvecs, .npy or .jsonl");
}

CommandResult LookAtVectors(
    Session& session, absl::FunctionRef<absl::Status(const VectorIndexReader&)> look) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kReading));
  const ReadTransaction read = db->BeginRead();
  const absl::StatusOr<VectorIndexReader> index = read.vectors(args.collection);
  if (!index.ok()) return NameError(args, index.status());
  const absl::Status done = look(*index);
  return done.ok() ? CommandResult(kExitOk) : At(args.file, done);
}

}  // namespace sheaf::cli
