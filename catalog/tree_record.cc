#include "catalog/tree_record.h"

#include "absl/strings/str_cat.h"
#include "btree/dense_node.h"
#include "catalog/compression.h"
#include "pager/coding.h"
#include "pager/status_macros.h"

namespace sheaf::catalog {

using namespace pager;  // NOLINT: the coding functions

namespace {

constexpr PageId kRootIdEnd = kPageIdEnd - kNodePagesMax;
constexpr uint8_t kHasCompression = 1, kExpires = 2;  // flags
constexpr size_t kEntries = 12, kKind = 18, kFlags = 19, kCounter = 20, kStrings = 28;

void AppendNumber(std::string* out, uint64_t value) {
  char buffer[kVarint64BytesMax];
  out->append(buffer, static_cast<size_t>(EncodeVarint64(buffer, value) - buffer));
}

void AppendString(std::string* out, std::string_view text) {
  AppendNumber(out, text.size());
  out->append(text);
}

void AppendHead(std::string* log, OpCode code, TreeId tree) {
  log->push_back(static_cast<char>(code));
  AppendNumber(log, tree);
}

bool TakeNumber(std::string_view* in, uint64_t* value) {
  const char* end = in->data() + in->size();
  const char* p = DecodeVarint64(in->data(), end, value);
  if (p == nullptr) return false;
  in->remove_prefix(static_cast<size_t>(p - in->data()));
  return true;
}

bool TakeString(std::string_view* in, std::string_view* out) {
  uint64_t size = 0;
  if (!TakeNumber(in, &size) || size > in->size()) return false;
  *out = in->substr(0, size);
  in->remove_prefix(size);
  return true;
}

bool IsKind(uint64_t kind) {
  return kind >= static_cast<uint64_t>(TreeKind::kTable) &&
         kind <= static_cast<uint64_t>(TreeKind::kBlobs);
}

void EncodeCompression(std::string* out, const TreeCompression& c) {
  out->push_back(c.encoded ? '\1' : '\0');
  out->push_back(static_cast<char>(c.wanted.kind));
  out->push_back(static_cast<char>(c.wanted.level));
  out->push_back(c.wanted.dictionary ? '\1' : '\0');
  AppendNumber(out, c.dictionary);
  AppendNumber(out, c.dictionaries);
  AppendNumber(out, c.wanted.dictionary_at);
}

bool TakeCompression(std::string_view* in, TreeCompression* c) {
  if (in->size() < 4) return false;
  const auto byte = [&](size_t i) { return static_cast<uint8_t>((*in)[i]); };
  const bool flags_possible = byte(0) <= 1 && byte(3) <= 1;
  c->encoded = byte(0) == 1;
  c->wanted = {static_cast<CompressionKind>(byte(1)), byte(2), byte(3) == 1};
  in->remove_prefix(4);
  uint64_t version = 0, last = 0;
  if (!flags_possible || !TakeNumber(in, &version) || !TakeNumber(in, &last) ||
      version > last || last >= UINT32_MAX || !TakeNumber(in, &c->wanted.dictionary_at) ||
      !CheckCompression(c->wanted).ok())
    return false;
  c->dictionary = static_cast<uint32_t>(version);
  c->dictionaries = static_cast<uint32_t>(last);
  return true;
}

// Length of the UTF-8 sequence at the front, 0 when there is none.
size_t Utf8Length(std::string_view s) {
  const auto b = [&](size_t i) { return static_cast<uint8_t>(s[i]); };
  const auto tail = [&](size_t i) { return i < s.size() && (b(i) & 0xc0) == 0x80; };
  if (b(0) < 0x80) return 1;
  if (b(0) >= 0xc2 && b(0) < 0xe0 && tail(1)) return 2;
  if (b(0) >= 0xe0 && b(0) < 0xf0 && tail(1) && tail(2)) {
    const uint32_t c = (b(0) & 15u) << 12 | (b(1) & 63u) << 6 | (b(2) & 63u);
    return c >= 0x800 && (c < 0xd800 || c > 0xdfff) ? 3 : 0;
  }
  if (b(0) >= 0xf0 && b(0) < 0xf5 && tail(1) && tail(2) && tail(3)) {
    const uint32_t c =
        (b(0) & 7u) << 18 | (b(1) & 63u) << 12 | (b(2) & 63u) << 6 | (b(3) & 63u);
    return c >= 0x10000 && c < 0x110000 ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string TreeKey(TreeId id) { return absl::StrCat("i", EncodeDenseKey(id)); }

std::string EncodeDenseKey(uint64_t number) {
  std::string key(8, '\0');
  for (size_t i = 8; i-- > 0; number >>= 8) key[i] = static_cast<char>(number);
  return key;
}

std::optional<uint64_t> DecodeDenseKey(std::string_view key) {
  if (key.size() != 8) return std::nullopt;
  uint64_t number = 0;
  for (const char c : key) number = number << 8 | static_cast<uint8_t>(c);
  return number < btree::kDenseKeyEnd ? std::optional(number) : std::nullopt;
}

std::string NameKey(std::string_view name) {
  return absl::StrCat("n", std::string(name));
}

std::string EncodeTreeRecord(const TreeRecord& record) {
  std::string out(kStrings, '\0');
  PageRef root = record.root.page;
  root.leaf_refs = true;  // whoever follows it must look into the page
  EncodePageRef(out.data(), root);
  EncodeFixed48(out.data() + kEntries, record.root.entries);
  out[kKind] = static_cast<char>(record.kind);
  EncodeFixed64(out.data() + kCounter, record.counter);
  AppendString(&out, record.name);
  AppendString(&out, record.key_type);
  AppendString(&out, record.value_type);
  if (record.compression != TreeCompression{}) {
    out[kFlags] = kHasCompression;
    EncodeCompression(&out, record.compression);
  }
  if (record.expires) out[kFlags] = static_cast<char>(out[kFlags] | kExpires);
  return out;
}

absl::StatusOr<TreeRecord> DecodeTreeRecord(std::string_view key,
                                            std::string_view value) {
  TreeRecord record;
  std::string_view name, key_type, value_type;
  if (key.size() != 9 || key[0] != 'i' || value.size() < kStrings)
    return absl::DataLossError("catalog: a tree record is cut off");
  for (char c : key.substr(1)) record.id = record.id << 8 | static_cast<uint8_t>(c);
  record.root.page = DecodePageRef(value.data());
  record.root.entries = DecodeFixed48(value.data() + kEntries);
  const auto kind = static_cast<uint8_t>(value[kKind]);
  const auto flags = static_cast<uint8_t>(value[kFlags]);
  record.counter = DecodeFixed64(value.data() + kCounter);
  value.remove_prefix(kStrings);
  // Its leaf should have been validated as one of references. Doubt that as well.
  const PageRef& root = record.root.page;
  const bool root_possible = !root || (root.id >= 2 && root.id < kRootIdEnd);
  if (!root_possible || flags > (kHasCompression | kExpires) || !IsKind(kind) ||
      !TakeString(&value, &name) || !TakeString(&value, &key_type) ||
      !TakeString(&value, &value_type) ||
      ((flags & kHasCompression) != 0 && !TakeCompression(&value, &record.compression)) ||
      !value.empty() ||
      (IsDense(static_cast<TreeKind>(kind)) && record.compression.encoded))
    return absl::DataLossError(
        absl::StrCat("catalog: the record of tree ", record.id, " is malformed"));
  record.kind = static_cast<TreeKind>(kind);
  record.expires = (flags & kExpires) != 0;
  record.name = std::string(name);
  record.key_type = std::string(key_type);
  record.value_type = std::string(value_type);
  return record;
}

std::string EncodeNameEntry(TreeId id) {
  std::string out(PageRef::kEncodedSize + 8, '\0');
  EncodeFixed64(out.data() + PageRef::kEncodedSize, id);
  return out;
}

absl::StatusOr<TreeId> DecodeNameEntry(std::string_view value) {
  if (value.size() != PageRef::kEncodedSize + 8)
    return absl::DataLossError("catalog: a name entry has the wrong size");
  return DecodeFixed64(value.data() + PageRef::kEncodedSize);
}

absl::StatusOr<std::optional<TreeRecord>> FindInCatalog(const btree::ReadContext& context,
                                                        const btree::TreeRoot& root,
                                                        TreeId id) {
  btree::Found found;
  const std::string key = TreeKey(id);
  SHEAF_RETURN_IF_ERROR(btree::TreeReader(context, root).Find(key, &found));
  if (!found.found) return std::nullopt;
  return DecodeTreeRecord(key, found.bytes);
}

absl::StatusOr<std::optional<TreeRecord>> FindInCatalog(const btree::ReadContext& context,
                                                        const btree::TreeRoot& root,
                                                        std::string_view name) {
  btree::Found found;
  SHEAF_RETURN_IF_ERROR(btree::TreeReader(context, root).Find(NameKey(name), &found));
  if (!found.found) return std::nullopt;
  SHEAF_ASSIGN_OR_RETURN(const TreeId id, DecodeNameEntry(found.bytes));
  SHEAF_ASSIGN_OR_RETURN(std::optional<TreeRecord> record,
                         FindInCatalog(context, root, id));
  if (!record.has_value())
    return absl::DataLossError(
        absl::StrCat("catalog: the record of tree ", id, " is missing"));
  if (record->name != name)
    return absl::DataLossError(absl::StrCat("catalog: the name ", std::string(name),
                                            " leads to tree ", id,
                                            ", which is not so called"));
  return record;
}

absl::Status CheckTreeName(std::string_view name, TreeKind kind) {
  const auto bad = [&](const char* why) {
    return absl::InvalidArgumentError(
        absl::StrCat("name: ", why, "; 1 to ", kTreeNameMax,
                     " bytes of UTF-8 without control characters"));
  };
  if (name.empty()) return bad("is empty");
  if (name.size() > kTreeNameMax) return bad("is too long");
  if (IsPart(kind)) {
    if (!name.starts_with(kPartNamePrefix)) return bad("is none of an index or part");
    name.remove_prefix(kPartNamePrefix.size());
  }
  while (!name.empty()) {
    const auto first = static_cast<uint8_t>(name[0]);
    if (first < 0x20 || first == 0x7f) return bad("has a control character");
    const size_t length = Utf8Length(name);
    if (length == 0) return bad("is not UTF-8");
    name.remove_prefix(length);
  }
  return absl::OkStatus();
}

void AppendPut(std::string* log, TreeId tree, std::string_view key,
               std::string_view value) {
  AppendHead(log, OpCode::kPut, tree);
  AppendString(log, key);
  AppendString(log, value);
}

void AppendDelete(std::string* log, TreeId tree, std::string_view key) {
  AppendHead(log, OpCode::kDelete, tree);
  AppendString(log, key);
}

void AppendDeleteRange(std::string* log, TreeId tree, std::string_view from,
                       const std::string* to) {
  AppendHead(log, OpCode::kDeleteRange, tree);
  AppendString(log, from);
  log->push_back(to == nullptr ? '\0' : '\1');
  if (to != nullptr) AppendString(log, *to);
}

void AppendCreate(std::string* log, const TreeRecord& record) {
  AppendHead(log, OpCode::kCreate, record.id);
  AppendNumber(log, static_cast<uint64_t>(record.kind));
  AppendString(log, record.name);
  AppendString(log, record.key_type);
  AppendString(log, record.value_type);
}

void AppendRename(std::string* log, TreeId tree, std::string_view name) {
  AppendHead(log, OpCode::kRename, tree);
  AppendString(log, name);
}

void AppendDrop(std::string* log, TreeId tree) { AppendHead(log, OpCode::kDrop, tree); }

void AppendCounter(std::string* log, TreeId tree, uint64_t counter) {
  AppendHead(log, OpCode::kCounter, tree);
  char buffer[8];
  EncodeFixed64(buffer, counter);
  log->append(buffer, sizeof(buffer));
}

void AppendCompression(std::string* log, TreeId tree,
                       const TreeCompression& compression) {
  AppendHead(log, OpCode::kCompression, tree);
  EncodeCompression(log, compression);
}

void AppendDictionary(std::string* log, TreeId tree, uint32_t version,
                      std::string_view bytes) {
  AppendHead(log, OpCode::kDictionary, tree);
  AppendNumber(log, version);
  AppendString(log, bytes);
}

absl::Status TakeOp(std::string_view* in, Op* op) {
  const auto malformed = [&] {
    return absl::DataLossError("log: a committed group holds a malformed operation");
  };
  if (in->empty()) return malformed();
  op->code = static_cast<OpCode>((*in)[0]);
  in->remove_prefix(1);
  if (!TakeNumber(in, &op->tree)) return malformed();
  bool ok = true;
  uint64_t kind = 0, version = 0;
  switch (op->code) {
    case OpCode::kPut:
      ok = TakeString(in, &op->key) && TakeString(in, &op->value);
      break;
    case OpCode::kDelete:
      ok = TakeString(in, &op->key);
      break;
    case OpCode::kDeleteRange:
      ok =
          TakeString(in, &op->key) && !in->empty() && static_cast<uint8_t>((*in)[0]) <= 1;
      if (!ok) break;
      op->has_to = (*in)[0] == 1;
      in->remove_prefix(1);
      if (op->has_to) ok = TakeString(in, &op->value);
      break;
    case OpCode::kCreate:
      ok = TakeNumber(in, &kind) && IsKind(kind) && TakeString(in, &op->key) &&
           TakeString(in, &op->key_type) && TakeString(in, &op->value_type);
      op->kind = static_cast<TreeKind>(kind);
      break;
    case OpCode::kRename:
      ok = TakeString(in, &op->key);
      break;
    case OpCode::kDrop:
      break;
    case OpCode::kCounter:
      ok = in->size() >= 8;
      if (!ok) break;
      op->counter = DecodeFixed64(in->data());
      in->remove_prefix(8);
      break;
    case OpCode::kCompression:
      ok = TakeCompression(in, &op->compression);
      break;
    case OpCode::kDictionary:
      ok =
          TakeNumber(in, &version) && version <= UINT32_MAX && TakeString(in, &op->value);
      op->dictionary = static_cast<uint32_t>(version);
      break;
    default:
      return absl::UnimplementedError(
          absl::StrCat("log: operation ", static_cast<int>(op->code),
                       " is unknown: written by a newer version?"));
  }
  return ok ? absl::OkStatus() : malformed();
}

}  // namespace sheaf::catalog
