#include "sheaf/blob_store.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/internal/blob_state.h"
#include "catalog/measure.h"
#include "catalog/tick.h"
#include "pager/status_macros.h"

namespace sheaf {

using blobs::ContentReader;
using blobs::ContentWriter;
using internal::BlobState;
using internal::BlobStream;
using internal::CheckHandle;

namespace {

absl::Status BehindTheEnd(uint64_t offset, uint64_t size) {
  return absl::OutOfRangeError(
      absl::StrCat("byte ", offset, " of a blob of ", size, " bytes"));
}

// One that has gone takes its stream with it.
absl::StatusOr<std::shared_ptr<BlobStream>> NewStream(
    const std::shared_ptr<BlobState>& state, const DocumentKey& key) {
  auto stream = std::make_shared<BlobStream>();
  stream->state = state;
  stream->key = key;
  SHEAF_ASSIGN_OR_RETURN(stream->encoded, state->KeyOf(key));
  internal::TransactionState& txn = *state->tree->txn;
  std::weak_ptr<BlobStream>& there =
      txn.streams[{state->tree->open->record().id, stream->encoded}];
  if (const std::shared_ptr<BlobStream> other = there.lock();
      other != nullptr && other->CheckOpen().ok())
    return absl::FailedPreconditionError(
        absl::StrCat(state->tree->name, ": another writer has blob ", key.ToString(),
                     " at work: finish or abort it first"));
  there = stream;
  stream->epoch = txn.write->page_writer()->epoch();
  return stream;
}

}  // namespace

// --- BlobReader ---------------------------------------------------------------

struct BlobReader::Rep {
  std::shared_ptr<BlobState> state;
  DocumentKey key = 0;
  std::unique_ptr<ContentReader> content;
  uint64_t size = 0, position = 0;
  uint64_t changes = 0;  // of the store, in a write transaction, when it was opened

  absl::Status Open() {
    SHEAF_ASSIGN_OR_RETURN(const std::string encoded, state->KeyOf(key));
    SHEAF_ASSIGN_OR_RETURN(content, state->contents.Open(encoded));
    if (content == nullptr) return state->NoSuchBlob(key);
    changes = Changes();
    return absl::OkStatus();
  }
  uint64_t Changes() const {
    return state->tree->open == nullptr ? 0 : *state->tree->open->changes();
  }
  // What was opened may have been given up since.
  absl::Status Refresh() {
    SHEAF_RETURN_IF_ERROR(state->Live());
    if (content != nullptr && changes == Changes()) return absl::OkStatus();
    content = nullptr;
    SHEAF_RETURN_IF_ERROR(Open());
    if (content->size() == size) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat(state->tree->name, ": blob ", key.ToString(),
                     " has changed since it was opened: open it again"));
  }
};

BlobReader::BlobReader(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}
BlobReader::BlobReader(BlobReader&&) noexcept = default;
BlobReader& BlobReader::operator=(BlobReader&&) noexcept = default;
BlobReader::~BlobReader() = default;

uint64_t BlobReader::size() const { return rep_->size; }
uint64_t BlobReader::position() const { return rep_->position; }

absl::Status BlobReader::Seek(uint64_t position) {
  if (position > size()) return BehindTheEnd(position, size());
  rep_->position = position;
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> BlobReader::ReadAt(uint64_t offset, absl::Span<char> out) {
  SHEAF_RETURN_IF_ERROR(rep_->Refresh());
  if (offset > size()) return BehindTheEnd(offset, size());
  const uint64_t n = std::min<uint64_t>(out.size(), size() - offset);
  SHEAF_RETURN_IF_ERROR(rep_->content->Read(offset, out.subspan(0, n)));
  return n;
}

absl::StatusOr<uint64_t> BlobReader::Read(absl::Span<char> out) {
  SHEAF_ASSIGN_OR_RETURN(const uint64_t n, ReadAt(rep_->position, out));
  rep_->position += n;
  return n;
}

// --- BlobWriter ---------------------------------------------------------------

BlobWriter::BlobWriter(std::shared_ptr<BlobStream> stream) : stream_(std::move(stream)) {}
BlobWriter::BlobWriter(BlobWriter&&) noexcept = default;
BlobWriter& BlobWriter::operator=(BlobWriter&& other) noexcept {
  if (this != &other) {
    Abort();
    stream_ = std::move(other.stream_);
  }
  return *this;
}
BlobWriter::~BlobWriter() { Abort(); }

void BlobWriter::Abort() {
  if (stream_ != nullptr) stream_->content = nullptr;
}

absl::Status BlobWriter::Append(std::string_view bytes) {
  SHEAF_RETURN_IF_ERROR(stream_->CheckOpen());
  SHEAF_RETURN_IF_ERROR(stream_->content->Append(bytes));
  stream_->size += bytes.size();
  return absl::OkStatus();
}

uint64_t BlobWriter::size() const { return stream_->size; }

absl::Status BlobWriter::Finish() {
  SHEAF_RETURN_IF_ERROR(stream_->CheckOpen());
  BlobState& state = *stream_->state;
  SHEAF_ASSIGN_OR_RETURN(std::optional<BlobInfo> info, state.FindInfo(stream_->key));
  const std::unique_ptr<ContentWriter> content = std::move(stream_->content);
  SHEAF_ASSIGN_OR_RETURN(const ContentWriter::Finished finished, content->Finish());
  return state.tree->txn->write->Fail(state.Store(
      stream_->key, stream_->encoded, stream_->attributes, std::move(info), finished));
}

// --- BlobStoreReader ----------------------------------------------------------

BlobStoreReader::BlobStoreReader(std::shared_ptr<BlobState> state)
    : state_(std::move(state)) {}

const std::string& BlobStoreReader::name() const {
  static const std::string kNone;
  return state_ == nullptr ? kNone : state_->tree->name;
}

absl::StatusOr<uint64_t> BlobStoreReader::size() const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  return state_->records.size();
}

absl::StatusOr<bool> BlobStoreReader::Contains(const DocumentKey& key) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  return state_->records.Contains(key);
}

absl::StatusOr<BlobReader> BlobStoreReader::Open(const DocumentKey& key) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  auto rep = std::make_unique<BlobReader::Rep>();
  rep->state = state_;
  rep->key = key;
  SHEAF_RETURN_IF_ERROR(rep->Open());
  rep->size = rep->content->size();
  return BlobReader(std::move(rep));
}

absl::StatusOr<std::string> BlobStoreReader::Get(const DocumentKey& key) const {
  SHEAF_ASSIGN_OR_RETURN(BlobReader reader, Open(key));
  // The last byte first: only a content whose pages are there gets memory.
  char last = 0;
  if (reader.size() > 0)
    SHEAF_RETURN_IF_ERROR(
        reader.ReadAt(reader.size() - 1, absl::MakeSpan(&last, 1)).status());
  std::string bytes(reader.size(), '\0');
  SHEAF_RETURN_IF_ERROR(
      reader.ReadAt(0, absl::MakeSpan(bytes.data(), bytes.size())).status());
  return bytes;
}

absl::StatusOr<uint64_t> BlobStoreReader::ReadRange(const DocumentKey& key,
                                                    uint64_t offset,
                                                    absl::Span<char> out) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const std::string encoded, state_->KeyOf(key));
  SHEAF_ASSIGN_OR_RETURN(const std::optional<uint64_t> n,
                         state_->contents.ReadAt(encoded, offset, out));
  return n.has_value() ? absl::StatusOr<uint64_t>(*n) : state_->NoSuchBlob(key);
}

absl::StatusOr<BlobInfo> BlobStoreReader::Info(const DocumentKey& key) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(std::optional<BlobInfo> info, state_->FindInfo(key));
  if (!info.has_value()) return state_->NoSuchBlob(key);
  return *std::move(info);
}

absl::StatusOr<BlobInfo> BlobStoreReader::InfoByNumber(uint64_t number) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const std::optional<DocumentKey> key,
                         state_->records.FindUnique("number", {number}));
  if (key.has_value()) return Info(*key);
  return absl::NotFoundError(absl::StrCat(name(), ": no blob has number ", number));
}

absl::Status BlobStoreReader::ForEach(const BlobQuery& query, InfoFn fn) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const std::string filter, internal::FilterOf(query));
  QueryOptions options;
  options.sort = query.sort.empty() ? R"({"number":1})" : query.sort;
  options.skip = query.skip;
  options.limit = query.limit;
  options.progress = query.progress;
  SHEAF_ASSIGN_OR_RETURN(DocumentCursor cursor, state_->records.Query(filter, options));
  while (cursor.Next()) {
    SHEAF_ASSIGN_OR_RETURN(const BlobInfo info,
                           internal::ParseRecord(cursor.key(), cursor.document()));
    if (!fn(info)) return absl::OkStatus();
  }
  return cursor.status();
}

absl::StatusOr<uint64_t> BlobStoreReader::Count(const BlobQuery& query) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const std::string filter, internal::FilterOf(query));
  QueryOptions options;
  options.skip = query.skip;
  options.limit = query.limit;
  options.progress = query.progress;
  return state_->records.Count(filter, options);
}

absl::StatusOr<std::vector<BlobInfo>> BlobStoreReader::PointingTo(
    const DocumentKey& key, std::optional<BlobRelation> relation) const {
  BlobQuery query;
  SHEAF_ASSIGN_OR_RETURN(query.filter, internal::FilterOfLinks(key, relation));
  std::vector<BlobInfo> found;
  SHEAF_RETURN_IF_ERROR(ForEach(query, [&](const BlobInfo& info) {
    found.push_back(info);
    return true;
  }));
  return found;
}

absl::StatusOr<std::vector<DocumentKey>> BlobStoreReader::Chain(
    const DocumentKey& key, BlobRelation relation) const {
  SHEAF_ASSIGN_OR_RETURN(std::optional<BlobInfo> info, Info(key));
  std::vector<DocumentKey> chain;
  std::set<std::string> seen;
  while (info.has_value()) {
    SHEAF_ASSIGN_OR_RETURN(const std::string encoded, state_->KeyOf(info->key));
    if (!seen.insert(encoded).second) break;
    chain.push_back(info->key);
    const auto next =
        std::find_if(info->links.begin(), info->links.end(),
                     [&](const BlobLink& link) { return link.relation == relation; });
    if (next == info->links.end()) break;
    const DocumentKey to = next->to;
    SHEAF_ASSIGN_OR_RETURN(info, state_->FindInfo(to));
  }
  return chain;
}

absl::StatusOr<std::vector<DocumentKey>> BlobStoreReader::Path(const DocumentKey& from,
                                                               const DocumentKey& to,
                                                               uint64_t blobs_max) const {
  SHEAF_RETURN_IF_ERROR(Info(from).status());
  SHEAF_RETURN_IF_ERROR(Info(to).status());
  SHEAF_ASSIGN_OR_RETURN(const std::string goal, state_->KeyOf(to));
  SHEAF_ASSIGN_OR_RETURN(const std::string start, state_->KeyOf(from));
  std::map<std::string, std::string> before = {{start, start}};  // by encoded keys
  std::deque<std::string> queue = {start};
  while (!queue.empty() && before.count(goal) == 0) {
    const std::string at = std::move(queue.front());
    queue.pop_front();
    SHEAF_ASSIGN_OR_RETURN(const DocumentKey key, internal::DecodeKey(at));
    SHEAF_ASSIGN_OR_RETURN(const std::optional<BlobInfo> info, state_->FindInfo(key));
    if (!info.has_value()) continue;  // a link to what is not there
    for (const BlobLink& link : info->links) {
      SHEAF_ASSIGN_OR_RETURN(std::string next, state_->KeyOf(link.to));
      if (before.emplace(next, at).second) queue.push_back(std::move(next));
    }
    if (before.size() > blobs_max)
      return absl::ResourceExhaustedError(
          absl::StrCat(name(), ": no way found among the nearest ", blobs_max, " blobs"));
  }
  std::vector<DocumentKey> path;
  if (before.count(goal) == 0) return path;
  for (std::string at = goal;; at = before[at]) {
    SHEAF_ASSIGN_OR_RETURN(DocumentKey key, internal::DecodeKey(at));
    path.push_back(std::move(key));
    if (at == start) break;
  }
  std::reverse(path.begin(), path.end());
  return path;
}

absl::StatusOr<bool> BlobStoreReader::IsShared(std::string_view name_space) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  return state_->contents.IsShared(name_space);
}

absl::StatusOr<BlobStats> BlobStoreReader::Stats(const Progress& progress) const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(
      const blobs::Contents::Stats contents, state_->contents.Measure([&](uint64_t rows) {
        return catalog::Tick(progress, "the statistics", {rows, 0, "contents looked at"});
      }));
  BlobStats stats;
  stats.blobs = contents.own + contents.compressed + contents.shared;
  stats.shared_blobs = contents.shared;
  stats.shared_contents = contents.digests;
  stats.compressed_blobs = contents.compressed;
  stats.stored_bytes =
      contents.own_bytes + contents.compressed_bytes + contents.digest_bytes;
  stats.content_bytes = contents.own_bytes + contents.shared_bytes;
  BlobQuery compressed;
  compressed.filter = R"({"zstd":{"$exists":true}})";
  if (contents.compressed > 0)
    SHEAF_RETURN_IF_ERROR(ForEach(compressed, [&](const BlobInfo& info) {
      stats.content_bytes += info.size;
      return true;
    }));
  return stats;
}

// --- BlobStore ----------------------------------------------------------------

absl::Status BlobStore::Put(const DocumentKey& key, std::string_view bytes,
                            const BlobAttributes& attributes) {
  SHEAF_ASSIGN_OR_RETURN(BlobWriter writer, NewWriter(key, attributes));
  SHEAF_RETURN_IF_ERROR(writer.Append(bytes));
  return writer.Finish();
}

absl::StatusOr<BlobWriter> BlobStore::NewWriter(const DocumentKey& key,
                                                const BlobAttributes& attributes) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  absl::Status status = internal::CheckAttributes(attributes);
  if (!status.ok()) return internal::At(name(), status);
  SHEAF_ASSIGN_OR_RETURN(const blobs::ContentOptions options,
                         state_->OptionsOf(attributes));
  SHEAF_ASSIGN_OR_RETURN(std::shared_ptr<BlobStream> stream, NewStream(state_, key));
  stream->attributes = attributes;
  stream->content =
      std::make_unique<ContentWriter>(state_->tree->txn->write->page_writer(), options);
  return BlobWriter(std::move(stream));
}

absl::StatusOr<BlobWriter> BlobStore::Continue(const DocumentKey& key) {
  SHEAF_ASSIGN_OR_RETURN(BlobInfo info, Info(key));
  SHEAF_ASSIGN_OR_RETURN(const blobs::ContentOptions options,
                         state_->OptionsOf(info.attributes));
  SHEAF_ASSIGN_OR_RETURN(std::shared_ptr<BlobStream> stream, NewStream(state_, key));
  stream->attributes = std::move(info.attributes);
  SHEAF_ASSIGN_OR_RETURN(stream->content,
                         state_->contents.Continue(stream->encoded, options));
  stream->size = stream->content->size();
  return BlobWriter(std::move(stream));
}

absl::Status BlobStore::Append(const DocumentKey& key, std::string_view bytes) {
  SHEAF_ASSIGN_OR_RETURN(BlobWriter writer, Continue(key));
  SHEAF_RETURN_IF_ERROR(writer.Append(bytes));
  return writer.Finish();
}

absl::Status BlobStore::Overwrite(const DocumentKey& key, uint64_t offset,
                                  std::string_view bytes) {
  SHEAF_ASSIGN_OR_RETURN(BlobInfo info, Info(key));
  if (offset > info.size) return BehindTheEnd(offset, info.size);
  SHEAF_ASSIGN_OR_RETURN(const std::string encoded, state_->KeyOf(key));
  // Two parts: over what there is, and behind it.
  const uint64_t inside = std::min<uint64_t>(bytes.size(), info.size - offset);
  if (inside > 0)
    SHEAF_RETURN_IF_ERROR(
        state_->Overwrite(std::move(info), encoded, offset, bytes.substr(0, inside)));
  bytes.remove_prefix(inside);
  return bytes.empty() ? absl::OkStatus() : Append(key, bytes);
}

absl::StatusOr<bool> BlobStore::Delete(const DocumentKey& key) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const std::string encoded, state_->KeyOf(key));
  SHEAF_ASSIGN_OR_RETURN(const bool existed, state_->records.Delete(key));
  if (!existed) return false;
  SHEAF_RETURN_IF_ERROR(state_->contents.Delete(encoded).status());
  return true;
}

absl::Status BlobStore::SetAttributes(const DocumentKey& key,
                                      const BlobAttributes& attributes) {
  SHEAF_ASSIGN_OR_RETURN(BlobInfo info, Info(key));
  absl::Status status = internal::CheckAttributes(attributes);
  if (!status.ok()) return internal::At(name(), status);
  const int zstd_level = info.attributes.zstd_level;
  info.attributes = attributes;
  info.attributes.zstd_level = zstd_level;
  return state_->PutRecord(std::move(info));
}

absl::Status BlobStore::Link(const DocumentKey& key, const BlobLink& link) {
  SHEAF_ASSIGN_OR_RETURN(BlobInfo info, Info(key));
  absl::Status status = internal::CheckLink(link);
  if (!status.ok()) return internal::At(name(), status);
  const auto same =
      std::find_if(info.links.begin(), info.links.end(), [&](const BlobLink& other) {
        return other.relation == link.relation && other.to == link.to;
      });
  if (same != info.links.end())
    *same = link;
  else
    info.links.push_back(link);
  return state_->PutRecord(std::move(info));
}

absl::StatusOr<bool> BlobStore::Unlink(const DocumentKey& key, BlobRelation relation,
                                       const DocumentKey& to) {
  SHEAF_ASSIGN_OR_RETURN(BlobInfo info, Info(key));
  const size_t gone = std::erase_if(info.links, [&](const BlobLink& link) {
    return link.relation == relation && link.to == to;
  });
  if (gone == 0) return false;
  SHEAF_RETURN_IF_ERROR(state_->PutRecord(std::move(info)));
  return true;
}

absl::Status BlobStore::SetShared(std::string_view name_space, bool shared) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  BlobAttributes attributes;
  attributes.name_space = std::string(name_space);
  absl::Status status = internal::CheckAttributes(attributes);
  if (!status.ok()) return internal::At(name(), status);
  return state_->contents.SetShared(name_space, shared);
}

}  // namespace sheaf
