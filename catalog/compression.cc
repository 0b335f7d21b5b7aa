#include "catalog/compression.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "btree/large_value.h"
#include "pager/coding.h"
#include "pager/status_macros.h"

namespace sheaf::catalog {

using pager::ValueCodec;

namespace {

constexpr size_t kHead = pager::PageRef::kEncodedSize + 4, kPieceBytes = 900;
constexpr size_t kKeyBytes = 1 + 8 + 4 + 2;
constexpr size_t kCachedMax = 64;
constexpr uint64_t kDictionaryAtMin = 10;

constexpr size_t kTrainedBytes = 16 << 10;
constexpr size_t kSamplesBytesMax = 4 << 20;
constexpr size_t kSamplesMax = 10'000;
constexpr size_t kTriedMax = 500;

void AppendBigEndian(std::string* out, uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out->push_back(static_cast<char>(value >> 8 * i));
}

uint64_t TakeBigEndian(std::string_view* in, size_t bytes) {
  uint64_t value = 0;
  for (const char c : in->substr(0, bytes)) value = value << 8 | static_cast<uint8_t>(c);
  in->remove_prefix(bytes);
  return value;
}

}  // namespace

absl::Status CheckCompression(const Compression& compression) {
  if (compression.kind > CompressionKind::kZstd)
    return absl::InvalidArgumentError(
        absl::StrCat("compression.kind: ", static_cast<int>(compression.kind),
                     " is none of kNone, kLz4, kZstd"));
  if (compression.level < pager::kZstdLevelMin ||
      compression.level > pager::kZstdLevelMax)
    return absl::InvalidArgumentError(
        absl::StrCat("compression.level: ", compression.level, "; ", pager::kZstdLevelMin,
                     " to ", pager::kZstdLevelMax, " are possible"));
  if (compression.dictionary_at < kDictionaryAtMin)
    return absl::InvalidArgumentError(
        absl::StrCat("compression.dictionary_at: ", compression.dictionary_at,
                     " values; ", kDictionaryAtMin, " or more are needed"));
  if (compression.dictionary && compression.kind == CompressionKind::kNone)
    return absl::InvalidArgumentError(
        "compression.dictionary: is of no use without a kind");
  return absl::OkStatus();
}

absl::Status CheckEncodable(uint64_t value_bytes) {
  if (value_bytes < btree::kValueSizeMax) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("value of ", value_bytes,
                                                 " bytes: ", btree::kValueSizeMax - 1,
                                                 " are allowed where it is compressed"));
}

TreeCompression BeginCompression(const Compression& wanted) {
  TreeCompression c;
  c.encoded = wanted.kind != CompressionKind::kNone;
  if (c.encoded) c.wanted = wanted;
  return c;
}

// --- Dictionaries -----------------------------------------------------------

std::string DictionaryPrefix(TreeId tree) {
  std::string key(kFirstDictionaryKey);
  AppendBigEndian(&key, tree, 8);
  return key;
}

std::string DictionaryKey(TreeId tree, uint32_t version, uint16_t piece) {
  std::string key = DictionaryPrefix(tree);
  AppendBigEndian(&key, version, 4);
  AppendBigEndian(&key, piece, 2);
  return key;
}

absl::StatusOr<DictionaryPiece> DecodeDictionaryPiece(std::string_view key,
                                                      std::string_view value) {
  DictionaryPiece p;
  if (key.size() != kKeyBytes || value.size() <= kHead)
    return absl::DataLossError("catalog: a piece of a dictionary is cut off");
  key.remove_prefix(kFirstDictionaryKey.size());
  p.tree = TakeBigEndian(&key, 8);
  p.version = static_cast<uint32_t>(TakeBigEndian(&key, 4));
  p.piece = static_cast<uint16_t>(TakeBigEndian(&key, 2));
  p.size = pager::DecodeFixed32(value.data() + pager::PageRef::kEncodedSize);
  p.bytes = value.substr(kHead);
  const uint64_t begin = uint64_t{p.piece} * kPieceBytes;
  if (p.size > pager::kDictionaryBytesMax || begin >= p.size ||
      p.bytes.size() != std::min<uint64_t>(kPieceBytes, p.size - begin))
    return absl::DataLossError(absl::StrCat("catalog: a piece of dictionary ", p.version,
                                            " of tree ", p.tree, " is malformed"));
  return p;
}

absl::Status StoreDictionary(btree::BTree* catalog, TreeId tree, uint32_t version,
                             std::string_view bytes) {
  for (uint16_t piece = 0; piece * kPieceBytes < bytes.size(); ++piece) {
    std::string value(kHead, '\0');
    pager::EncodeFixed32(value.data() + pager::PageRef::kEncodedSize,
                         static_cast<uint32_t>(bytes.size()));
    value.append(bytes.substr(piece * kPieceBytes, kPieceBytes));
    bool existed = false;
    SHEAF_RETURN_IF_ERROR(catalog->Put(DictionaryKey(tree, version, piece), value,
                                       btree::BTree::PutMode::kUpsert, &existed));
  }
  return absl::OkStatus();
}

absl::Status ForEachDictionary(const btree::ReadContext& context,
                               const btree::TreeRoot& catalog, TreeId tree,
                               DictionaryFn fn, uint32_t first, uint32_t last) {
  btree::TreeCursor cursor(context, &catalog, nullptr);
  const std::string prefix = DictionaryPrefix(tree);
  std::string bytes;
  for (cursor.Seek(DictionaryKey(tree, first, 0));
       cursor.Valid() && cursor.key().substr(0, prefix.size()) == prefix; cursor.Next()) {
    SHEAF_ASSIGN_OR_RETURN(const DictionaryPiece p,
                           DecodeDictionaryPiece(cursor.key(), cursor.value().bytes));
    if (p.version > last) break;
    if (p.piece * kPieceBytes != bytes.size())
      return absl::DataLossError(absl::StrCat("catalog: a piece of dictionary ",
                                              p.version, " of tree ", tree,
                                              " is missing"));
    bytes.append(p.bytes);
    if (bytes.size() < p.size) continue;
    SHEAF_RETURN_IF_ERROR(fn(p.version, bytes));
    bytes.clear();
  }
  SHEAF_RETURN_IF_ERROR(cursor.status());
  if (bytes.empty()) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("catalog: the newest dictionary of tree ", tree, " is not whole"));
}

absl::StatusOr<DictionaryRef> LoadDictionary(const btree::ReadContext& context,
                                             const btree::TreeRoot& catalog, TreeId tree,
                                             uint32_t version) {
  absl::StatusOr<DictionaryRef> made = absl::DataLossError(
      absl::StrCat("catalog: dictionary ", version, " of tree ", tree, " is missing"));
  SHEAF_RETURN_IF_ERROR(ForEachDictionary(
      context, catalog, tree,
      [&](uint32_t, const std::string& bytes) {
        made = pager::Dictionary::Make(bytes, version);
        return absl::OkStatus();
      },
      version, version));
  if (made.ok() || absl::IsDataLoss(made.status())) return made;
  return absl::DataLossError(
      absl::StrCat("catalog: dictionary ", version, " of tree ", tree, " is none"));
}

absl::StatusOr<DictionaryRef> DictionaryCache::Get(const btree::ReadContext& context,
                                                   const btree::TreeRoot& catalog,
                                                   TreeId tree, uint32_t version) {
  const auto find = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) -> DictionaryRef {
    for (Entry& e : entries_) {
      if (e.tree != tree || e.dictionary->version() != version) continue;
      e.used = ++clock_;
      return e.dictionary;
    }
    return nullptr;
  };
  {
    absl::MutexLock lock(&mu_);
    if (DictionaryRef there = find()) return there;
  }
  SHEAF_ASSIGN_OR_RETURN(DictionaryRef loaded,
                         LoadDictionary(context, catalog, tree, version));
  absl::MutexLock lock(&mu_);
  if (DictionaryRef there = find()) return there;
  if (entries_.size() < kCachedMax) entries_.emplace_back();
  Entry& oldest =
      *std::min_element(entries_.begin(), entries_.end(),
                        [](const Entry& a, const Entry& b) { return a.used < b.used; });
  oldest = {tree, loaded, ++clock_};
  return loaded;
}

absl::StatusOr<ValueCodec::Head> ReadHead(pager::Pager* pager,
                                          const btree::NodeView::LeafValue& stored) {
  if (!stored.is_large) return ValueCodec::ReadHead(stored.bytes, stored.size);
  char bytes[ValueCodec::kHeadBytesMax];
  const absl::Span<char> head(bytes, std::min<uint64_t>(stored.size, sizeof bytes));
  SHEAF_RETURN_IF_ERROR(
      btree::ReadLarge(pager, btree::DecodeLargeRef(stored.bytes), 0, head));
  return ValueCodec::ReadHead({head.data(), head.size()}, stored.size);
}

absl::Status ValueOpener::Open(std::string_view encoded, LoadFn load, std::string* buffer,
                               std::string_view* out) {
  SHEAF_ASSIGN_OR_RETURN(const ValueCodec::Head head,
                         ValueCodec::ReadHead(encoded, encoded.size()));
  const uint32_t version = head.dictionary;
  if (version != 0 && (dictionary_ == nullptr || dictionary_->version() != version)) {
    SHEAF_ASSIGN_OR_RETURN(dictionary_, load(version));
  }
  return ValueCodec::Decode(encoded, dictionary_.get(), buffer, out);
}

// --- Training ---------------------------------------------------------------

bool Samples::full() const {
  return sizes_.size() >= kSamplesMax || bytes_.size() >= kSamplesBytesMax;
}

void Samples::Add(std::string_view value) {
  if (value.empty() || value.size() > kValueBytesMax || full()) return;
  sizes_.push_back(value.size());
  bytes_.append(value);
}

absl::StatusOr<std::string> Samples::Train(const Compression& compression) const {
  SHEAF_ASSIGN_OR_RETURN(std::string bytes,
                         pager::TrainDictionary(bytes_, sizes_, kTrainedBytes));
  SHEAF_ASSIGN_OR_RETURN(const DictionaryRef dictionary,
                         pager::Dictionary::Make(bytes, 1));
  std::string with, without;
  const int level = std::min(compression.level, Compression{}.level);  // quick
  const size_t step = sizes_.size() / kTriedMax + 1;
  for (size_t i = 0, at = 0; i < sizes_.size(); at += sizes_[i++]) {
    if (i % step != 0) continue;
    const std::string_view sample = std::string_view(bytes_).substr(at, sizes_[i]);
    const auto codec = static_cast<pager::Codec>(compression.kind);
    ValueCodec::Encode(sample, codec, level, dictionary.get(), &with);
    ValueCodec::Encode(sample, codec, level, nullptr, &without);
  }
  if (with.size() < without.size() / 20 * 19) return bytes;
  return absl::FailedPreconditionError("the values have too little in common");
}

}  // namespace sheaf::catalog
