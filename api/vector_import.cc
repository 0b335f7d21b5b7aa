#include "sheaf/vector_import.h"

#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/internal/handles.h"
#include "api/internal/stream_lines.h"
#include "catalog/tick.h"
#include "pager/status_macros.h"
#include "vector/vector_file.h"

namespace sheaf {

using internal::AtLine, internal::StreamLines;
using vectors::VectorFileReader;

namespace {

constexpr uint64_t kVectorsATick = 256;

bool IsEnded(const absl::Status& status) {
  return absl::IsCancelled(status) || absl::IsDeadlineExceeded(status);
}

absl::StatusOr<VectorFileReader> OpenFile(std::istream* in, VectorFormat format) {
  if (format == VectorFormat::kJsonLines)
    return absl::InvalidArgumentError("JSON lines are no file of vectors");
  return VectorFileReader::Open(in, static_cast<vectors::VectorFileFormat>(format));
}

std::string Where(uint64_t number, uint64_t byte) {
  return absl::StrCat("vector ", number, " (byte ", byte, "): ");
}

// One line of JSON, taken apart.
struct Line {
  std::optional<DocumentKey> key;
  std::vector<float> vector;
  std::string metadata;  // empty: there are none
};

absl::StatusOr<std::string> MetadataOf(const DocumentView& object,
                                       const VectorImportOptions& options) {
  DocumentBuilder metadata;
  bool has_some = false;
  metadata->BeginObject();
  for (auto c = object.fields(); c.Valid(); c.Next()) {
    if (c.name() == options.vector_field) continue;
    if (c.name() == options.key_field && c.name() == "_id") continue;
    metadata->CopyName(c);
    metadata->Copy(c.value());
    has_some = true;
  }
  metadata->End();
  if (!has_some) return std::string();
  SHEAF_ASSIGN_OR_RETURN(const Document document, metadata.Build());
  return document.ToJson();
}

absl::StatusOr<Line> ParseLine(std::string_view json,
                               const VectorImportOptions& options) {
  SHEAF_ASSIGN_OR_RETURN(const Document document, Document::FromJson(json));
  const DocumentView root = document.root();
  if (root.kind() != DocumentKind::kObject)
    return absl::InvalidArgumentError("is no JSON object");
  Line line;
  const std::optional<DocumentView> key = root.Field(options.key_field);
  if (!key.has_value())
    return absl::InvalidArgumentError(
        absl::StrCat("has no field ", options.key_field, ", its key"));
  line.key = internal::KeyOf(*key);
  if (!line.key.has_value())
    return absl::InvalidArgumentError(
        absl::StrCat("field ", options.key_field,
                     ", its key, is neither text, a 64-bit integer nor bytes"));
  const std::optional<DocumentView> field = root.Field(options.vector_field);
  if (!field.has_value())
    return absl::InvalidArgumentError(
        absl::StrCat("has no field ", options.vector_field, ", its vector"));
  absl::StatusOr<std::vector<float>> vector = VectorOf(*field);
  if (!vector.ok()) return internal::At("field " + options.vector_field, vector.status());
  line.vector = *std::move(vector);
  SHEAF_ASSIGN_OR_RETURN(line.metadata, MetadataOf(root, options));
  return line;
}

class VectorImporter {
 public:
  VectorImporter(const VectorImportOptions& options, VectorImportCounts* counts)
      : options_(options), counts_(*counts) {}

  // Into one of these two.
  void Into(VectorIndex* index) { index_ = *index; }
  absl::Status Into(WriteTransaction* txn, std::string_view name) {
    absl::StatusOr<VectorIndex> there = txn->vectors(name);
    if (absl::IsNotFound(there.status()) && options_.index.has_value()) {
      txn_ = txn;
      name_ = std::string(name);
      if (options_.index->dimensions == 0) return absl::OkStatus();
      return Make(options_.index->dimensions);
    }
    SHEAF_RETURN_IF_ERROR(there.status());
    if (options_.index.has_value()) {
      VectorOptions wanted = *options_.index;
      if (wanted.dimensions == 0) wanted.dimensions = there->options().dimensions;
      SHEAF_RETURN_IF_ERROR(txn->vectors(name, wanted).status());
    }
    index_ = *std::move(there);
    return absl::OkStatus();
  }

  absl::Status Run(const VectorSource& source) {
    std::optional<StreamLines> of_stream;
    LineSource* lines = source.lines;
    if (lines == nullptr && source.in != nullptr) lines = &of_stream.emplace(source.in);
    if (lines == nullptr)
      return absl::InvalidArgumentError("a source has neither lines nor a stream");
    SHEAF_RETURN_IF_ERROR(source.format == VectorFormat::kJsonLines
                              ? TakeLines(lines)
                              : TakeFile(source.in, source.format));
    // Somebody may have cancelled it while it waited for its end.
    if (index_.has_value()) return Tick();
    return absl::InvalidArgumentError(
        absl::StrCat("there are no vectors, so it is not known of how many dimensions ",
                     name_, " is to be"));
  }

 private:
  absl::Status Make(size_t dimensions) {
    if (index_.has_value()) return absl::OkStatus();
    VectorOptions options = *options_.index;
    if (options.dimensions == 0) options.dimensions = static_cast<uint32_t>(dimensions);
    SHEAF_ASSIGN_OR_RETURN(index_, txn_->vectors(name_, options, options_.tree));
    counts_.made = true;
    return absl::OkStatus();
  }

  absl::Status TakeFile(std::istream* in, VectorFormat format) {
    if (in == nullptr) return absl::InvalidArgumentError("the source has no stream");
    SHEAF_ASSIGN_OR_RETURN(VectorFileReader reader, OpenFile(in, format));
    if (reader.dimensions() > 0) SHEAF_RETURN_IF_ERROR(Make(reader.dimensions()));
    total_ = reader.count().value_or(0);
    std::vector<float> vector;
    for (uint64_t number = 0;; ++number) {
      const uint64_t byte = reader.byte();
      SHEAF_ASSIGN_OR_RETURN(const bool more, reader.Next(&vector));
      if (!more) return absl::OkStatus();
      SHEAF_RETURN_IF_ERROR(PutNumbered(number, byte, vector));
      if (counts_.vectors % kVectorsATick == 0) SHEAF_RETURN_IF_ERROR(Tick());
    }
  }

  absl::Status PutNumbered(uint64_t number, uint64_t byte,
                           const std::vector<float>& vector) {
    const auto left = static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) -
                      static_cast<uint64_t>(options_.first_key);
    if (options_.first_key > 0 && number > left)
      return absl::InvalidArgumentError(
          absl::StrCat(Where(number, byte), "its key is beyond 64 bits"));
    const DocumentKey key(options_.first_key + static_cast<int64_t>(number));
    const absl::Status put = Put(key, vector, {});
    if (put.ok()) return put;
    return absl::Status(put.code(), absl::StrCat(Where(number, byte), put.message()));
  }

  absl::Status TakeLines(LineSource* lines) {
    for (uint64_t number = 1;; ++number) {
      SHEAF_ASSIGN_OR_RETURN(const std::optional<std::string_view> text, lines->Next());
      if (!text.has_value()) return absl::OkStatus();
      if (text->find_first_not_of(" \t\r") == text->npos) continue;
      const absl::Status taken = TakeLine(*text);
      if (!taken.ok()) return IsEnded(taken) ? taken : AtLine(number, taken);
      if (counts_.vectors % kVectorsATick == 0) SHEAF_RETURN_IF_ERROR(Tick());
    }
  }

  absl::Status TakeLine(std::string_view text) {
    SHEAF_ASSIGN_OR_RETURN(const Line line, ParseLine(text, options_));
    return Put(*line.key, line.vector, line.metadata);
  }

  absl::Status Put(const DocumentKey& key, const std::vector<float>& vector,
                   std::string_view metadata) {
    SHEAF_RETURN_IF_ERROR(Make(vector.size()));
    SHEAF_ASSIGN_OR_RETURN(const bool is_there, index_->Contains(key));
    const absl::Status put =
        metadata.empty() ? index_->Put(key, vector) : index_->Put(key, vector, metadata);
    if (!put.ok()) return WithoutKey(key, put);
    ++counts_.vectors;
    counts_.replaced += is_there;
    return absl::OkStatus();
  }

  // Where it stands says more.
  absl::Status WithoutKey(const DocumentKey& key, const absl::Status& status) const {
    std::string message(status.message());
    const std::string beginning =
        absl::StrCat(index_->name(), ": vector ", key.ToString(), ": ");
    if (message.starts_with(beginning)) message.erase(0, beginning.size());
    return absl::Status(status.code(), message);
  }

  absl::Status Tick() const {
    return catalog::Tick(options_.progress, "the import",
                         {counts_.vectors, total_, "vectors"});
  }

  const VectorImportOptions& options_;
  VectorImportCounts& counts_;
  WriteTransaction* txn_ = nullptr;  // of an index that is to be made
  std::string name_;
  std::optional<VectorIndex> index_;
  uint64_t total_ = 0;
};

}  // namespace

std::optional<VectorFormat> VectorFormatOfName(std::string_view path) {
  if (path.ends_with(".jsonl")) return VectorFormat::kJsonLines;
  const auto format = vectors::FormatOfName(path);
  if (!format.has_value()) return std::nullopt;
  return static_cast<VectorFormat>(*format);
}

absl::Status ImportVectors(Database* db, std::string_view index,
                           const VectorSource& source, const VectorImportOptions& options,
                           VectorImportCounts* counts) {
  *counts = {};
  const absl::Status imported = db->Write([&](WriteTransaction& txn) -> absl::Status {
    VectorImporter importer(options, counts);
    SHEAF_RETURN_IF_ERROR(importer.Into(&txn, index));
    return importer.Run(source);
  });
  if (!imported.ok()) *counts = {};
  return imported;
}

absl::Status ImportVectors(VectorIndex* index, const VectorSource& source,
                           const VectorImportOptions& options,
                           VectorImportCounts* counts) {
  *counts = {};
  VectorImporter importer(options, counts);
  importer.Into(index);
  return importer.Run(source);
}

absl::Status ReadVectors(std::istream& in, VectorFormat format,
                         absl::FunctionRef<bool(absl::Span<const float> vector)> fn) {
  SHEAF_ASSIGN_OR_RETURN(VectorFileReader reader, OpenFile(&in, format));
  std::vector<float> vector;
  for (;;) {
    SHEAF_ASSIGN_OR_RETURN(const bool more, reader.Next(&vector));
    if (!more || !fn(vector)) return absl::OkStatus();
  }
}

absl::StatusOr<std::vector<float>> VectorOf(const DocumentView& value) {
  if (value.kind() == DocumentKind::kVector) return value.vector_value();
  if (value.kind() != DocumentKind::kArray)
    return absl::InvalidArgumentError("is no array of numbers");
  std::vector<float> vector;
  for (auto c = value.elements(); c.Valid(); c.Next()) {
    double number = 0;
    if (c.value().kind() == DocumentKind::kInt)
      number = static_cast<double>(c.value().int_value());
    else if (c.value().kind() == DocumentKind::kUint)
      number = static_cast<double>(c.value().uint_value());
    else if (c.value().kind() == DocumentKind::kDouble)
      number = c.value().double_value();
    else
      return absl::InvalidArgumentError(
          absl::StrCat("component ", vector.size(), " is no number"));
    // Of one above the largest float the conversion is undefined.
    if (std::isfinite(number) && std::abs(number) > std::numeric_limits<float>::max())
      return absl::InvalidArgumentError(
          absl::StrCat("component ", vector.size(), " does not fit a float"));
    vector.push_back(static_cast<float>(number));
  }
  return vector;
}

}  // namespace sheaf
