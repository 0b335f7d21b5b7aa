#include "cli/blob_text.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "cli/failure.h"

namespace sheaf::cli {
namespace {

struct Ending {
  std::string_view ending, type;
};
constexpr Ending kTypes[] = {
    {"7z", "application/x-7z-compressed"},
    {"avif", "image/avif"},
    {"bmp", "image/bmp"},
    {"bz2", "application/x-bzip2"},
    {"css", "text/css"},
    {"csv", "text/csv"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"epub", "application/epub+zip"},
    {"flac", "audio/flac"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"htm", "text/html"},
    {"html", "text/html"},
    {"ico", "image/x-icon"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript"},
    {"json", "application/json"},
    {"jsonl", "application/jsonl"},
    {"log", "text/plain"},
    {"m4a", "audio/mp4"},
    {"md", "text/markdown"},
    {"mkv", "video/x-matroska"},
    {"mov", "video/quicktime"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"odt", "application/vnd.oasis.opendocument.text"},
    {"ogg", "audio/ogg"},
    {"parquet", "application/vnd.apache.parquet"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"tsv", "text/tab-separated-values"},
    {"txt", "text/plain"},
    {"wasm", "application/wasm"},
    {"wav", "audio/wav"},
    {"webm", "video/webm"},
    {"webp", "image/webp"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"xml", "application/xml"},
    {"xz", "application/x-xz"},
    {"yaml", "application/yaml"},
    {"yml", "application/yaml"},
    {"zip", "application/zip"},
    {"zst", "application/zstd"},
};

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return Printable(text);
}

}  // namespace

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

std::string OwnerText(const BlobOwner& owner) {
  return Printable(owner.of) + ":" + KeyText(owner.key);
}

Json BlobJson(const BlobInfo& info) {
  const auto exact = [](absl::Time time) {
    return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone());
  };
  const BlobAttributes& a = info.attributes;
  Json json = {{"key", KeyJson(info.key)},
               {"number", info.number},
               {"size", info.size},
               {"stored", info.stored_size},
               {"created", exact(info.created)},
               {"modified", exact(info.modified)}};
  if (!a.content_type.empty()) json["type"] = a.content_type;
  if (!a.name.empty()) json["name"] = a.name;
  if (!a.name_space.empty()) json["namespace"] = a.name_space;
  if (!a.tags.empty()) json["tags"] = a.tags;
  if (a.owner.has_value())
    json["owner"] = {{"of", a.owner->of}, {"key", KeyJson(a.owner->key)}};
  if (a.owner.has_value() && a.owner->keep) json["owner"]["keep"] = true;
  if (info.expires_at != absl::InfiniteFuture()) json["expires"] = exact(info.expires_at);
  if (a.zstd_level != 0) json["zstd"] = a.zstd_level;
  if (!info.sha256.empty()) json["sha256"] = absl::BytesToHexString(info.sha256);
  if (!a.metadata.empty()) json["metadata"] = Json::parse(a.metadata, nullptr, false);
  for (const BlobLink& link : info.links) {
    Json& one = json["links"].emplace_back();
    one = {{"relation", ToString(link.relation)}, {"to", KeyJson(link.to)}};
    if (!link.context.empty()) one["context"] = link.context;
  }
  return json;
}

absl::StatusOr<absl::Time> ParseBlobTime(std::string_view option, std::string_view text) {
  absl::Time time;
  std::string problem;
  const std::string given(text);
  const bool is_time = absl::ParseTime("%Y-%m-%d", given, &time, &problem) ||
                       absl::ParseTime(absl::RFC3339_full, given, &time, &problem);
  // Abseil reads "infinite-future" as well, which no blob was made at.
  if (is_time && time != absl::InfiniteFuture() && time != absl::InfinitePast())
    return time;
  if (is_time) problem = "it never comes";
  return WithHint(UsageError(std::string(option) + ": " + Printable(text) +
                             " is no time: " + problem),
                  "2026-11-22 and 2026-11-22T19:30:00Z are");
}

absl::StatusOr<BlobOwner> ParseBlobOwner(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == text.npos || colon == 0)
    return WithHint(UsageError("--owner: " + Printable(text) + " is not OF:KEY"),
                    "notes:today is the document today of the collection notes; a graph "
                    "or a table may "
                    "stand for OF as well");
  SHEAF_ASSIGN_OR_RETURN(DocumentKey key, ParseKey(text.substr(colon + 1)));
  return BlobOwner{std::string(text.substr(0, colon)), std::move(key)};
}

absl::Status SetAttributes(const BlobArguments& given, BlobAttributes* attributes) {
  BlobAttributes& a = *attributes;
  if (given.type.has_value()) a.content_type = *given.type;
  if (given.name.has_value()) a.name = *given.name;
  if (given.name_space.has_value()) a.name_space = *given.name_space;
  if (given.metadata.has_value()) a.metadata = *given.metadata;
  if (!given.tags.empty()) a.tags = given.tags;
  if (a.tags.size() == 1 && a.tags[0].empty()) a.tags.clear();
  if (given.owner.has_value()) a.owner.reset();
  if (given.owner.has_value() && !given.owner->empty()) {
    SHEAF_ASSIGN_OR_RETURN(a.owner, ParseBlobOwner(*given.owner));
    a.owner->keep = given.keeps;
  }
  if (given.zstd_level != 0) a.zstd_level = given.zstd_level;
  return absl::OkStatus();
}

std::string ContentTypeOfName(std::string_view name) {
  const size_t dot = name.rfind('.');
  if (dot == name.npos || name.find('/', dot) != name.npos) return "";
  const std::string ending = absl::AsciiStrToLower(std::string(name.substr(dot + 1)));
  for (const Ending& known : kTypes)
    if (known.ending == ending) return std::string(known.type);
  return "";
}

absl::Status BlobError(const Arguments& args, const DocumentKey& key,
                       const absl::Status& status) {
  if (!absl::IsNotFound(status)) return At(args.file, status);
  return absl::NotFoundError(args.file + ": " + Printable(args.collection) +
                             " has no blob " + KeyText(key));
}

CommandResult LookAtBlobs(Session& session,
                          absl::FunctionRef<absl::Status(const BlobStoreReader&)> look) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kReading));
  const ReadTransaction read = db->BeginRead();
  const absl::StatusOr<BlobStoreReader> store = read.blobs(args.collection);
  if (!store.ok()) return NameError(args, store.status());
  const absl::Status done = look(*store);
  return done.ok() ? CommandResult(kExitOk) : At(args.file, done);
}

absl::Status ChangeBlobs(const Arguments& args,
                         absl::FunctionRef<absl::Status(BlobStore&)> change) {
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kWriting));
  const absl::Status there = db->BeginRead().blobs(args.collection).status();
  if (absl::IsNotFound(there))
    return WithHint(At(args.file, there), "`sheaf blob put` makes one");
  if (!there.ok()) return NameError(args, there);
  const absl::Status done = db->Write([&](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(BlobStore store, txn.blobs(args.collection));
    return change(store);
  });
  if (!done.ok()) return At(args.file, done);
  return At(args.file, db->Close());
}

bool BlobRows::Add(const BlobInfo& info) {
  constexpr size_t kRowsOfATable = 500;  // which is as wide as the widest of them
  const Arguments& args = session_.args;
  if (args.keys_only)
    session_.out.WriteLine(args.is_json ? Dump(KeyJson(info.key)) : KeyText(info.key));
  else if (args.is_json)
    session_.out.WriteLine(Dump(BlobJson(info)));
  else
    waiting_.push_back(info);
  if (waiting_.size() == kRowsOfATable) Print();
  return session_.out.ok();
}

void BlobRows::Print() {
  if (waiting_.empty()) return;
  struct Column {
    const char* title;
    std::string (*text)(const BlobInfo&);
    Align align = Align::kLeft;
  };
  static constexpr Column kColumns[] = {
      {"key", [](const BlobInfo& i) { return KeyText(i.key); }},
      {"size", [](const BlobInfo& i) { return ByteSize(i.size); }, Align::kRight},
      {"type", [](const BlobInfo& i) { return Printable(i.attributes.content_type); }},
      {"name", [](const BlobInfo& i) { return Printable(i.attributes.name); }},
      {"namespace", [](const BlobInfo& i) { return Printable(i.attributes.name_space); }},
      {"tags", [](const BlobInfo& i) { return Joined(i.attributes.tags); }},
      {"owner",
       [](const BlobInfo& i) {
         return i.attributes.owner.has_value() ? OwnerText(*i.attributes.owner) : "";
       }},
      {"created", [](const BlobInfo& i) { return TimeText(i.created); }},
  };
  std::vector<const Column*> shown;  // that hold something
  for (const Column& column : kColumns)
    if (std::any_of(waiting_.begin(), waiting_.end(),
                    [&](const BlobInfo& info) { return !column.text(info).empty(); }))
      shown.push_back(&column);
  const uint64_t width =
      session_.out.is_terminal()
          ? std::max<uint64_t>(22, session_.out.columns() / shown.size()) - 2
          : 0;
  std::vector<Align> alignment;
  std::vector<std::string> titles;
  for (const Column* column : shown) {
    alignment.push_back(column->align);
    titles.push_back(column->title);
  }
  TextTable table(alignment);
  table.SetHeader(titles);
  for (const BlobInfo& info : waiting_) {
    std::vector<std::string> row;
    for (const Column* column : shown)
      row.push_back(Shortened(column->text(info), width));
    table.AddRow(std::move(row));
  }
  table.Print(session_.out);
  waiting_.clear();
}

}  // namespace sheaf::cli
