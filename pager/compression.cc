#include "pager/compression.h"

#define ZDICT_STATIC_LINKING_ONLY  // training with tables of a chosen size
#define ZSTD_STATIC_LINKING_ONLY   // frames without magic number
#include <lz4.h>
#include <zdict.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <limits>

#include "absl/strings/str_cat.h"
#include "pager/assert.h"
#include "pager/coding.h"
#include "pager/status_macros.h"

namespace sheaf::pager {

static_assert(kCompressedMax <= LZ4_MAX_INPUT_SIZE);

namespace {

constexpr char kAsIs = 0, kLz4 = 1, kZstd = 2, kZstdDictionary = 3, kLz4Dictionary = 4;
// What frames of up to kCompressedMax bytes have, of whatever level. What claims more has
// no memory taken for it.
constexpr int kWindowLogMax = 23;
// Shorter values cannot win anything.
constexpr size_t kShortest = 16;

absl::Status Damaged(std::string_view what) {
  return absl::DataLossError(absl::StrCat("compressed value: ", std::string(what)));
}

absl::Status NotAValue() { return Damaged("its bytes are not those of a value"); }

// Of the thread: making one costs more than compressing a document.
struct Contexts {
  ZSTD_CCtx* const compress = ZSTD_createCCtx();
  ZSTD_DCtx* const decompress = ZSTD_createDCtx();
  ZSTD_DCtx* const frames = ZSTD_createDCtx();  // with magic numbers
  Contexts() {
    if (decompress == nullptr) return;
    ZSTD_DCtx_setParameter(decompress, ZSTD_d_format, ZSTD_f_zstd1_magicless);
    ZSTD_DCtx_setParameter(decompress, ZSTD_d_windowLogMax, kWindowLogMax);
  }
  ~Contexts() {
    ZSTD_freeCCtx(compress);
    ZSTD_freeDCtx(decompress);
    ZSTD_freeDCtx(frames);
  }
};
Contexts& OfThread() {
  thread_local Contexts contexts;
  return contexts;
}

void SetFrameFormat(ZSTD_CCtx* context) {
  ZSTD_CCtx_setParameter(context, ZSTD_c_format, ZSTD_f_zstd1_magicless);
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 0);
  ZSTD_CCtx_setParameter(context, ZSTD_c_dictIDFlag, 0);
}

void AppendVarint(std::string* out, uint64_t value) {
  const size_t before = out->size();
  out->resize(before + VarintBytes(value));
  EncodeVarint64(out->data() + before, value);
}

bool ReadVarint(std::string_view* in, uint64_t* value) {
  const char* const end = DecodeVarint64(in->data(), in->data() + in->size(), value);
  if (end == nullptr) return false;
  in->remove_prefix(static_cast<size_t>(end - in->data()));
  return true;
}

// What stands before the compressed bytes.
struct ParsedHead {
  char tag = kAsIs;
  uint32_t dictionary = 0;
  uint64_t size = 0;
  std::string_view body;
};

absl::StatusOr<ParsedHead> ParseHead(std::string_view encoded) {
  if (encoded.empty()) return Damaged("it has no tag");
  ParsedHead head;
  head.tag = encoded[0];
  encoded.remove_prefix(1);
  head.body = encoded;
  head.size = encoded.size();
  if (head.tag == kAsIs) return head;
  if (head.tag < kAsIs || head.tag > kLz4Dictionary)
    return Damaged(absl::StrCat("its tag is ", static_cast<int>(head.tag)));
  uint64_t version = 0;
  if (head.tag >= kZstdDictionary &&
      (!ReadVarint(&encoded, &version) || version == 0 || version > UINT32_MAX))
    return Damaged("its dictionary's version is impossible");
  head.dictionary = static_cast<uint32_t>(version);
  if (!ReadVarint(&encoded, &head.size) || head.size > kCompressedMax)
    return Damaged("its size is impossible");
  head.body = encoded;
  return head;
}

}  // namespace

// --- Dictionaries -----------------------------------------------------------

// What `slot` holds, or what `make` makes for it; of two who make one at once the first
// wins. Null when there is no memory.
template <class T, class Make, class Free>
const T* MadeOnce(std::atomic<T*>& slot, Make make, Free free) {
  T* there = slot.load(std::memory_order_acquire);
  if (there != nullptr) return there;
  T* const made = make();
  if (slot.compare_exchange_strong(there, made, std::memory_order_acq_rel)) return made;
  free(made);
  return there;
}

// What encodes is made when first needed: most who read never write.
struct Dictionary::Digested {
  explicit Digested(std::string_view dictionary)
      : bytes(dictionary),
        to_open(ZSTD_createDDict_byReference(bytes.data(), bytes.size())) {}
  ~Digested() {
    for (std::atomic<ZSTD_CDict*>& level : levels) ZSTD_freeCDict(level.load());
    LZ4_freeStream(lz4.load());
    ZSTD_freeDDict(to_open);
  }
  const ZSTD_CDict* ForZstd(int level) {
    return MadeOnce(
        levels[level],
        [&] { return ZSTD_createCDict_byReference(bytes.data(), bytes.size(), level); },
        ZSTD_freeCDict);
  }
  const LZ4_stream_t* ForLz4() {
    const auto make = [&] {
      LZ4_stream_t* const stream = LZ4_createStream();
      if (stream != nullptr)
        LZ4_loadDict(stream, bytes.data(), static_cast<int>(bytes.size()));
      return stream;
    };
    return MadeOnce(lz4, make, LZ4_freeStream);
  }

  const std::string bytes;
  ZSTD_DDict* const to_open;
  std::atomic<ZSTD_CDict*> levels[kZstdLevelMax + 1] = {};
  std::atomic<LZ4_stream_t*> lz4{nullptr};
};

Dictionary::~Dictionary() = default;
std::string_view Dictionary::bytes() const { return digested_->bytes; }

absl::StatusOr<std::shared_ptr<const Dictionary>> Dictionary::Make(std::string_view bytes,
                                                                   uint32_t version) {
  if (bytes.empty() || bytes.size() > kDictionaryBytesMax || version == 0 ||
      ZDICT_getDictID(bytes.data(), bytes.size()) == 0)
    return absl::InvalidArgumentError(
        absl::StrCat("dictionary: ", bytes.size(), " bytes that are none"));
  std::shared_ptr<Dictionary> dictionary(new Dictionary);
  dictionary->version_ = version;
  dictionary->digested_ = std::make_unique<Digested>(bytes);
  if (dictionary->digested_->to_open == nullptr)
    return absl::InvalidArgumentError("dictionary: it cannot be digested");
  return dictionary;
}

absl::StatusOr<std::string> TrainDictionary(std::string_view samples,
                                            const std::vector<size_t>& sizes,
                                            size_t bytes_max) {
  std::string bytes(std::min(bytes_max, kDictionaryBytesMax), '\0');
  // As ZDICT_trainFromBuffer has it, but for tables that are as large as it takes: its own
  // have 4 MiB each, for a few kilobytes, too.
  ZDICT_fastCover_params_t parameters = {};
  parameters.d = 8;
  parameters.steps = 4;
  parameters.f = std::clamp<unsigned>(std::bit_width(samples.size()) + 1, 12, 20);
  const size_t n = ZDICT_optimizeTrainFromBuffer_fastCover(
      bytes.data(), bytes.size(), samples.data(), sizes.data(),
      static_cast<unsigned>(sizes.size()), &parameters);
  if (ZDICT_isError(n) != 0)
    return absl::FailedPreconditionError(
        absl::StrCat("no dictionary can be made of ", sizes.size(), " values of ",
                     samples.size(), " bytes: ", ZDICT_getErrorName(n)));
  bytes.resize(n);
  return bytes;
}

// --- Values -----------------------------------------------------------------

namespace {

// Appends the compressed bytes; false, with `*out` as it was, when it did not work.
template <class Fn>
bool AppendCompressed(size_t bound, std::string* out, Fn compress) {
  const size_t before = out->size();
  out->resize(before + bound);
  const size_t n = compress(out->data() + before, bound);
  out->resize(before + n);
  return n > 0;
}

bool AppendZstd(std::string_view value, int level, const ZSTD_CDict* dictionary,
                std::string* out) {
  ZSTD_CCtx* const context = OfThread().compress;
  if (context == nullptr) return false;
  ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters);
  SetFrameFormat(context);
  if (dictionary != nullptr)
    ZSTD_CCtx_refCDict(context, dictionary);
  else
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
  return AppendCompressed(
      ZSTD_compressBound(value.size()), out, [&](char* to, size_t room) -> size_t {
        const size_t n = ZSTD_compress2(context, to, room, value.data(), value.size());
        return ZSTD_isError(n) != 0 ? 0 : n;
      });
}

bool AppendLz4(std::string_view value, const LZ4_stream_t* dictionary, std::string* out) {
  const int size = static_cast<int>(value.size());
  return AppendCompressed(
      static_cast<size_t>(LZ4_compressBound(size)), out,
      [&](char* to, size_t bound) -> size_t {
        const int room = static_cast<int>(bound);
        if (dictionary == nullptr)
          return static_cast<size_t>(LZ4_compress_default(value.data(), to, size, room));
        LZ4_stream_t stream = *dictionary;  // 16 KiB; what was loaded stays as it is
        return static_cast<size_t>(
            LZ4_compress_fast_continue(&stream, value.data(), to, size, room, 1));
      });
}

}  // namespace

void ValueCodec::Encode(std::string_view value, Codec codec, int level,
                        const Dictionary* dictionary, std::string* out) {
  const size_t before = out->size();
  level = std::clamp(level, kZstdLevelMin, kZstdLevelMax);
  const bool is_lz4 = codec == Codec::kLz4;
  bool done = false;
  if (codec == Codec::kNone || value.size() < kShortest ||
      value.size() > kCompressedMax) {
    // As it is.
  } else if (dictionary == nullptr) {
    out->push_back(is_lz4 ? kLz4 : kZstd);
    AppendVarint(out, value.size());
    done =
        is_lz4 ? AppendLz4(value, nullptr, out) : AppendZstd(value, level, nullptr, out);
  } else {
    out->push_back(is_lz4 ? kLz4Dictionary : kZstdDictionary);
    AppendVarint(out, dictionary->version());
    AppendVarint(out, value.size());
    Dictionary::Digested& digested = *dictionary->digested_;
    const LZ4_stream_t* const lz4 = is_lz4 ? digested.ForLz4() : nullptr;
    const ZSTD_CDict* const zstd = is_lz4 ? nullptr : digested.ForZstd(level);
    done = (lz4 != nullptr && AppendLz4(value, lz4, out)) ||
           (zstd != nullptr && AppendZstd(value, level, zstd, out));
  }
  if (done && out->size() - before < 1 + value.size()) return;
  out->resize(before);
  out->push_back(kAsIs);
  out->append(value);
}

absl::StatusOr<ValueCodec::Head> ValueCodec::ReadHead(std::string_view head,
                                                      uint64_t encoded_size) {
  SHEAF_ASSIGN_OR_RETURN(const ParsedHead parsed, ParseHead(head));
  const bool as_is = parsed.tag == kAsIs;
  return Head{as_is ? encoded_size - 1 : parsed.size, as_is, parsed.dictionary};
}

absl::StatusOr<bool> ValueCodec::IsAsIs(std::string_view head) {
  if (head.empty()) return Damaged("it has no tag");
  return head[0] == kAsIs;
}

namespace {

// Up to here memory is taken for what a value says of itself; behind it for as much as
// has come out.
constexpr uint64_t kTrusted = uint64_t{1} << 20;

absl::Status OpenLz4(const ParsedHead& head, std::string_view dictionary,
                     std::string* buffer) {
  // LZ4 makes at most 255 bytes of one.
  if (head.size / 255 > head.body.size() ||
      head.body.size() > std::numeric_limits<int>::max())
    return NotAValue();
  buffer->resize(head.size);
  const int size = static_cast<int>(head.size);
  const int n = LZ4_decompress_safe_usingDict(
      head.body.data(), buffer->data(), static_cast<int>(head.body.size()), size,
      dictionary.data(), static_cast<int>(dictionary.size()));
  return n == size ? absl::OkStatus() : NotAValue();
}

absl::Status NoMemory() {
  return absl::ResourceExhaustedError("no memory to open a compressed value");
}

absl::Status ZstdResult(size_t result, bool whole) {
  if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation) return NoMemory();
  return ZSTD_isError(result) != 0 || !whole ? NotAValue() : absl::OkStatus();
}

absl::Status OpenZstd(const ParsedHead& head, const ZSTD_DDict* dictionary,
                      std::string* buffer) {
  ZSTD_DCtx* const context = OfThread().decompress;
  if (context == nullptr) return NoMemory();
  if (head.size <= kTrusted) {
    buffer->resize(head.size);
    const size_t n =
        ZSTD_decompress_usingDDict(context, buffer->data(), buffer->size(),
                                   head.body.data(), head.body.size(), dictionary);
    return ZstdResult(n, n == head.size);
  }
  ZSTD_DCtx_reset(context, ZSTD_reset_session_only);
  ZSTD_DCtx_refDDict(context, dictionary);
  buffer->resize(kTrusted);
  ZSTD_inBuffer in = {head.body.data(), head.body.size(), 0};
  ZSTD_outBuffer out = {buffer->data(), buffer->size(), 0};
  for (;;) {
    const size_t left = ZSTD_decompressStream(context, &out, &in);
    if (ZSTD_isError(left) != 0 || left == 0)
      return ZstdResult(left, out.pos == head.size && in.pos == in.size);
    // Cut off, or longer than it says.
    if (out.pos < out.size || out.size == head.size) return NotAValue();
    buffer->resize(std::min<uint64_t>(head.size, out.size * 2));
    out = {buffer->data(), buffer->size(), out.pos};
  }
}

}  // namespace

absl::Status ValueCodec::Decode(std::string_view encoded, const Dictionary* dictionary,
                                std::string* buffer, std::string_view* out) {
  SHEAF_ASSIGN_OR_RETURN(const ParsedHead head, ParseHead(encoded));
  if (head.tag == kAsIs) {
    *out = head.body;
    return absl::OkStatus();
  }
  if (head.dictionary != 0 &&
      (dictionary == nullptr || dictionary->version() != head.dictionary))
    return Damaged(absl::StrCat("it needs dictionary ", head.dictionary));
  const bool with = head.dictionary != 0;
  const bool is_lz4 = head.tag == kLz4 || head.tag == kLz4Dictionary;
  SHEAF_RETURN_IF_ERROR(
      is_lz4 ? OpenLz4(head, with ? dictionary->bytes() : std::string_view(), buffer)
             : OpenZstd(head, with ? dictionary->digested_->to_open : nullptr, buffer));
  *out = *buffer;
  return absl::OkStatus();
}

// --- Frames -------------------------------------------------------------------

absl::Status CompressFrame(std::string_view content, int level, std::string* out) {
  ZSTD_CCtx* const context = OfThread().compress;
  if (context == nullptr) return NoMemory();
  ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters);
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
  const size_t begin = out->size();
  out->resize(begin + ZSTD_compressBound(content.size()));
  const size_t n = ZSTD_compress2(context, out->data() + begin, out->size() - begin,
                                  content.data(), content.size());
  if (ZSTD_isError(n) != 0) return NoMemory();  // nothing else can be wrong
  out->resize(begin + n);
  return absl::OkStatus();
}

absl::Status DecompressFrame(std::string_view frame, absl::Span<char> out) {
  ZSTD_DCtx* const context = OfThread().frames;
  if (context == nullptr) return NoMemory();
  const size_t n =
      ZSTD_decompressDCtx(context, out.data(), out.size(), frame.data(), frame.size());
  if (ZSTD_isError(n) == 0 && n == out.size()) return absl::OkStatus();
  return Damaged("a frame does not hold what its table says");
}

}  // namespace sheaf::pager
