// Records of blobs: BlobInfo as a document, and back.
#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "api/internal/blob_state.h"
#include "document/json.h"
#include "pager/status_macros.h"
#include "sheaf/where.h"

namespace sheaf {

namespace {

struct RelationName {
  BlobRelation relation;
  std::string_view name;
};
constexpr RelationName kRelations[] = {{BlobRelation::kDerived, "derived"},
                                       {BlobRelation::kSimilar, "similar"},
                                       {BlobRelation::kContradicts, "contradicts"},
                                       {BlobRelation::kSupports, "supports"},
                                       {BlobRelation::kSupersedes, "supersedes"}};

}  // namespace

std::string_view ToString(BlobRelation relation) {
  for (const RelationName& r : kRelations)
    if (r.relation == relation) return r.name;
  return "unknown";
}

absl::StatusOr<BlobRelation> ParseBlobRelation(std::string_view text) {
  for (const RelationName& r : kRelations)
    if (r.name == text) return r.relation;
  return absl::InvalidArgumentError(absl::StrCat(
      "relation \"", std::string(text),
      "\": there are derived, similar, contradicts, supports and supersedes"));
}

namespace internal {

namespace {

absl::Status TooLong(std::string_view what, size_t size) {
  return absl::InvalidArgumentError(absl::StrCat(std::string(what), " of ", size,
                                                 " bytes: up to ", kBlobTextBytesMax,
                                                 " are allowed"));
}

absl::Status CheckText(std::string_view what, std::string_view text) {
  if (text.size() > kBlobTextBytesMax) return TooLong(what, text.size());
  if (document::IsValidUtf8(text)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(std::string(what), ": is not UTF-8"));
}

// A number or a text as it is, any other key as it is encoded.
absl::Status WriteKey(const DocumentKey& key, document::Writer* writer) {
  SHEAF_ASSIGN_OR_RETURN(const std::string encoded, EncodeKey(key));
  if (key.is_number())
    writer->Int(key.number());
  else if (key.is_text())
    writer->String(key.text());
  else
    writer->Bytes(encoded);
  return absl::OkStatus();
}

absl::StatusOr<std::string> KeyJson(const DocumentKey& key) {
  DocumentBuilder builder;
  SHEAF_RETURN_IF_ERROR(WriteKey(key, &*builder.operator->()));
  SHEAF_ASSIGN_OR_RETURN(const Document document, builder.Build());
  return document.ToJson();
}

absl::Status Damaged(const DocumentKey& key, std::string_view field) {
  return absl::DataLossError(absl::StrCat("the record of blob ", key.ToString(), ": ",
                                          std::string(field), " is damaged"));
}

// Reads the fields of one record; remembers the first that is not what it should be.
class RecordReader {
 public:
  RecordReader(const DocumentKey& key, const DocumentView& record)
      : key_(key), record_(record) {}

  std::string Text(std::string_view field) { return TextOf(record_, field); }
  std::string TextOf(const DocumentView& of, std::string_view field) {
    const std::optional<DocumentView> value = of.Field(field);
    if (!value.has_value()) return {};
    if (value->kind() == DocumentKind::kString) return std::string(value->string_value());
    if (value->kind() == DocumentKind::kBytes) return std::string(value->bytes_value());
    Fail(field);
    return {};
  }
  uint64_t Number(std::string_view field) {
    const std::optional<DocumentView> value = record_.Field(field);
    if (value.has_value() && value->kind() == DocumentKind::kInt &&
        value->int_value() >= 0)
      return static_cast<uint64_t>(value->int_value());
    Fail(field);
    return 0;
  }
  absl::Time Time(std::string_view field) {
    const std::optional<DocumentView> value = record_.Field(field);
    if (value.has_value() && value->kind() == DocumentKind::kTimestamp)
      return absl::FromUnixMicros(value->timestamp_micros());
    Fail(field);
    return absl::UnixEpoch();
  }
  DocumentKey Key(const DocumentView& of, std::string_view field) {
    const std::optional<DocumentView> value = of.Field(field);
    if (value.has_value() && value->kind() == DocumentKind::kBytes) {
      absl::StatusOr<DocumentKey> key = DecodeKey(value->bytes_value());
      if (key.ok()) return *std::move(key);
    } else if (value.has_value()) {
      std::optional<DocumentKey> key = KeyOf(*value);
      if (key.has_value()) return *std::move(key);
    }
    Fail(field);
    return 0;
  }
  std::optional<DocumentView> Field(std::string_view field, DocumentKind kind) {
    std::optional<DocumentView> value = record_.Field(field);
    if (!value.has_value() || value->kind() == kind) return value;
    Fail(field);
    return std::nullopt;
  }
  void Fail(std::string_view field) {
    if (status_.ok()) status_ = Damaged(key_, field);
  }
  const absl::Status& status() const { return status_; }

 private:
  const DocumentKey& key_;
  const DocumentView& record_;
  absl::Status status_;
};

void ReadLinks(const DocumentView& links, RecordReader* reader, BlobInfo* info) {
  for (document::ArrayCursor c = links.elements(); c.Valid(); c.Next()) {
    if (c.value().kind() != DocumentKind::kObject) return reader->Fail("links");
    const absl::StatusOr<BlobRelation> relation =
        ParseBlobRelation(reader->TextOf(c.value(), "relation"));
    if (!relation.ok()) return reader->Fail("links");
    info->links.push_back(
        {*relation, reader->Key(c.value(), "to"), reader->TextOf(c.value(), "context")});
  }
}

void WriteText(std::string_view name, std::string_view text, document::Writer* w) {
  if (text.empty()) return;
  w->Name(name);
  w->String(text);
}

void WriteInt(std::string_view name, uint64_t value, document::Writer* w) {
  w->Name(name);
  w->Int(static_cast<int64_t>(value));
}

void WriteTime(std::string_view name, absl::Time time, document::Writer* w) {
  w->Name(name);
  w->Timestamp(absl::ToUnixMicros(time));
}

absl::Status WriteAttributes(const BlobAttributes& a,
                             const std::optional<OwnerEntry>& owner,
                             document::Writer* w) {
  WriteText("type", a.content_type, w);
  WriteText("name", a.name, w);
  WriteText("namespace", a.name_space, w);
  if (!a.tags.empty()) {
    w->Name("tags"), w->BeginArray();
    for (const std::string& tag : a.tags) w->String(tag);
    w->End();
  }
  if (owner.has_value()) {
    w->Name("owner"), w->BeginObject();
    WriteInt("tree", owner->tree, w);
    w->Name("key"), w->Bytes(owner->key);
    if (owner->keep) w->Name("keep"), w->Bool(true);
    w->End();
  }
  if (a.zstd_level != 0) WriteInt("zstd", static_cast<uint64_t>(a.zstd_level), w);
  if (a.metadata.empty()) return absl::OkStatus();
  SHEAF_ASSIGN_OR_RETURN(const Document metadata, Document::FromJson(a.metadata));
  w->Name("metadata");
  w->Copy(metadata.root());
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckAttributes(const BlobAttributes& a) {
  SHEAF_RETURN_IF_ERROR(CheckText("content_type", a.content_type));
  SHEAF_RETURN_IF_ERROR(CheckText("name", a.name));
  SHEAF_RETURN_IF_ERROR(CheckText("name_space", a.name_space));
  if (a.tags.size() > kBlobTagsMax)
    return absl::InvalidArgumentError(absl::StrCat(
        "tags: there are ", a.tags.size(), "; up to ", kBlobTagsMax, " are allowed"));
  for (const std::string& tag : a.tags) {
    SHEAF_RETURN_IF_ERROR(CheckText("a tag", tag));
    if (tag.empty()) return absl::InvalidArgumentError("a tag is empty");
  }
  if (a.zstd_level < 0 || a.zstd_level > pager::kZstdLevelMax)
    return absl::InvalidArgumentError(absl::StrCat("zstd_level is ", a.zstd_level,
                                                   ": 1 to ", pager::kZstdLevelMax,
                                                   " are allowed, and 0 for none"));
  if (a.owner.has_value()) {
    SHEAF_RETURN_IF_ERROR(catalog::CheckTreeName(a.owner->of));
    SHEAF_RETURN_IF_ERROR(EncodeKey(a.owner->key).status());
  }
  if (!a.metadata.empty()) {
    absl::StatusOr<Document> metadata = Document::FromJson(a.metadata);
    if (!metadata.ok()) return At("metadata", metadata.status());
    if (metadata->root().kind() != DocumentKind::kObject)
      return absl::InvalidArgumentError("the metadata are not a JSON object");
  }
  return absl::OkStatus();
}

absl::Status CheckLink(const BlobLink& link) {
  SHEAF_RETURN_IF_ERROR(CheckText("a link's context", link.context));
  SHEAF_RETURN_IF_ERROR(ParseBlobRelation(ToString(link.relation)).status());
  return EncodeKey(link.to).status();
}

absl::Status WriteRecord(const BlobInfo& info, const std::optional<OwnerEntry>& owner,
                         document::Writer* w) {
  w->BeginObject();
  WriteInt("number", info.number, w);
  WriteInt("size", info.size, w);
  WriteInt("stored", info.stored_size, w);
  WriteTime("created", info.created, w);
  WriteTime("modified", info.modified, w);
  SHEAF_RETURN_IF_ERROR(WriteAttributes(info.attributes, owner, w));
  if (!info.sha256.empty()) w->Name("sha256"), w->Bytes(info.sha256);
  if (!info.links.empty()) {
    w->Name("links"), w->BeginArray();
    for (const BlobLink& link : info.links) {
      w->BeginObject();
      WriteText("relation", ToString(link.relation), w);
      w->Name("to");
      SHEAF_RETURN_IF_ERROR(WriteKey(link.to, w));
      WriteText("context", link.context, w);
      w->End();
    }
    w->End();
  }
  w->End();
  return absl::OkStatus();
}

absl::StatusOr<BlobInfo> ParseRecord(const DocumentKey& key, const DocumentView& record,
                                     std::optional<OwnerEntry>* owner) {
  owner->reset();
  if (record.kind() != DocumentKind::kObject) return Damaged(key, "it");
  RecordReader reader(key, record);
  BlobInfo info;
  info.key = key;
  info.number = reader.Number("number");
  info.size = reader.Number("size");
  info.stored_size = reader.Number("stored");
  info.created = reader.Time("created");
  info.modified = reader.Time("modified");
  BlobAttributes& a = info.attributes;
  a.content_type = reader.Text("type");
  a.name = reader.Text("name");
  a.name_space = reader.Text("namespace");
  info.sha256 = reader.Text("sha256");
  if (record.Field("zstd").has_value())
    a.zstd_level = static_cast<int>(std::min<uint64_t>(reader.Number("zstd"), 100));
  if (const auto tags = reader.Field("tags", DocumentKind::kArray)) {
    for (document::ArrayCursor c = tags->elements(); c.Valid(); c.Next()) {
      if (c.value().kind() != DocumentKind::kString) return Damaged(key, "tags");
      a.tags.emplace_back(c.value().string_value());
    }
  }
  if (const auto of = reader.Field("owner", DocumentKind::kObject)) {
    const std::optional<DocumentView> tree = of->Field("tree");
    if (!tree.has_value() || tree->kind() != DocumentKind::kInt || tree->int_value() < 1)
      return Damaged(key, "owner");
    *owner = OwnerEntry{static_cast<catalog::TreeId>(tree->int_value()),
                        reader.TextOf(*of, "key"), of->Field("keep").has_value()};
  }
  if (const auto metadata = reader.Field("metadata", DocumentKind::kObject)) {
    SHEAF_ASSIGN_OR_RETURN(a.metadata, ToJson(*metadata));
  }
  if (const auto links = reader.Field("links", DocumentKind::kArray))
    ReadLinks(*links, &reader, &info);
  SHEAF_RETURN_IF_ERROR(reader.status());
  return info;
}

absl::StatusOr<std::string> FilterOf(const BlobQuery& query,
                                     const std::optional<OwnerEntry>& owner) {
  std::vector<std::string> all;
  const auto add = [&](const Condition& condition) { all.push_back(condition.json()); };
  if (query.name_space.has_value())
    add(query.name_space->empty() ? Where("namespace").Exists(false)
                                  : Where("namespace") == *query.name_space);
  if (!query.tag.empty()) add(Where("tags") == query.tag);
  if (owner.has_value()) {
    DocumentBuilder builder;
    builder->Bytes(owner->key);
    SHEAF_ASSIGN_OR_RETURN(const Document key, builder.Build());
    SHEAF_ASSIGN_OR_RETURN(std::string json, key.ToJson());
    add(Where("owner.tree") == owner->tree);
    add(Where("owner.key") == FilterValue::Json(std::move(json)));
  }
  if (query.created_from.has_value()) add(Where("created") >= *query.created_from);
  if (query.created_to.has_value()) add(Where("created") < *query.created_to);
  if (query.number_from.has_value()) add(Where("number") >= *query.number_from);
  if (!query.filter.empty()) all.push_back(query.filter);
  if (all.empty()) return std::string("{}");
  if (all.size() == 1) return all[0];
  return absl::StrCat("{\"$and\":[", absl::StrJoin(all, ","), "]}");
}

absl::StatusOr<std::string> FilterOfLinks(const DocumentKey& to,
                                          std::optional<BlobRelation> relation) {
  SHEAF_ASSIGN_OR_RETURN(std::string key, KeyJson(to));
  const Condition points = Where("to") == FilterValue::Json(key);
  const Condition any = Where("links.to") == FilterValue::Json(std::move(key));
  if (!relation.has_value()) return any.json();
  return (any &&
          Where("links").ElemMatch(points && Where("relation") == ToString(*relation)))
      .json();
}

}  // namespace internal
}  // namespace sheaf
