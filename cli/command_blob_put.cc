// blob put: a content as it comes; blob set: what is known about it.
#include <algorithm>
#include <filesystem>

#include "cli/blob_text.h"
#include "cli/byte_source.h"
#include "cli/commands.h"
#include "cli/expiry_text.h"
#include "cli/failure.h"

namespace sheaf::cli {
namespace {

constexpr size_t kPieceBytes = size_t{256} << 10;
// What is shared or compressed is written anew for each piece over it.
constexpr size_t kOverwritePieceBytes = size_t{8} << 20;

// Of a new blob: what was said, then what the names tell.
absl::StatusOr<BlobAttributes> AttributesOf(const Arguments& args) {
  const BlobArguments& of = args.blob;
  BlobAttributes attributes;
  if (of.source != "-") {
    const std::string name = std::filesystem::path(of.source).filename();
    if (IsUtf8(name) && name.size() <= kBlobTextBytesMax) attributes.name = name;
  }
  SHEAF_RETURN_IF_ERROR(SetAttributes(of, &attributes));
  SHEAF_ASSIGN_OR_RETURN(attributes.expiry, ExpiryOf(args));
  if (of.type.has_value()) return attributes;
  for (const std::string& name : {attributes.name, of.source, args.key})
    if (attributes.content_type.empty())
      attributes.content_type = ContentTypeOfName(name);
  return attributes;
}

// What writes a part leaves all else as it is.
absl::Status CheckPart(const Arguments& args) {
  const BlobArguments& of = args.blob;
  if (!of.appends && !of.at.has_value()) return absl::OkStatus();
  if (of.appends && of.at.has_value())
    return UsageError("--append and --at exclude each other");
  if (!of.type.has_value() && !of.name.has_value() && !of.name_space.has_value() &&
      of.tags.empty() && !args.ttl.has_value() && !args.expires_at.has_value() &&
      !args.is_forever && !of.owner.has_value() && !of.metadata.has_value() &&
      of.zstd_level == 0)
    return absl::OkStatus();
  return WithHint(UsageError(std::string(of.appends ? "--append" : "--at") +
                             " changes the content, not what is known about it"),
                  "`sheaf blob set` changes that");
}

class Putter {
 public:
  Putter(Session& session, const DocumentKey& key, BlobAttributes attributes,
         ByteSource* source)
      : args_(session.args),
        key_(key),
        attributes_(std::move(attributes)),
        source_(*source),
        line_(session.err) {}

  absl::Status Run(BlobStore& store) {
    SHEAF_ASSIGN_OR_RETURN(is_replaced_, store.Contains(key_));
    const absl::Status status =
        args_.blob.at.has_value() ? Overwrite(store, *args_.blob.at) : Stream(store);
    line_.Clear();
    // Of a whole blob it is the owner that is not there, and the library says so.
    if (absl::IsNotFound(status) && (args_.blob.appends || args_.blob.at.has_value()))
      return WithHint(BlobError(args_, key_, status),
                      "without --append and --at it is made");
    SHEAF_RETURN_IF_ERROR(status);
    absl::StatusOr<BlobInfo> info = store.Info(key_);
    if (absl::IsNotFound(info.status())) {  // it has expired already
      info_.key = key_;
      info_.size = info_.stored_size = source_.bytes_taken();
      return absl::OkStatus();
    }
    SHEAF_ASSIGN_OR_RETURN(info_, std::move(info));
    return absl::OkStatus();
  }

  bool is_replaced() const { return is_replaced_; }
  const BlobInfo& info() const { return info_; }

 private:
  absl::Status Stream(BlobStore& store) {
    SHEAF_ASSIGN_OR_RETURN(BlobWriter writer, args_.blob.appends
                                                  ? store.Continue(key_)
                                                  : store.NewWriter(key_, attributes_));
    SHEAF_RETURN_IF_ERROR(ForEachPiece(
        kPieceBytes, [&](std::string_view piece) { return writer.Append(piece); }));
    return writer.Finish();
  }

  absl::Status Overwrite(BlobStore& store, uint64_t offset) {
    // Before anything is read: there is such a blob, and it reaches so far.
    SHEAF_RETURN_IF_ERROR(store.Overwrite(key_, offset, ""));
    return ForEachPiece(kOverwritePieceBytes, [&](std::string_view piece) {
      const uint64_t begin = offset;
      offset += piece.size();
      return store.Overwrite(key_, begin, piece);
    });
  }

  absl::Status ForEachPiece(size_t bytes,
                            absl::FunctionRef<absl::Status(std::string_view)> fn) {
    const std::optional<uint64_t> wanted = args_.blob.size;
    while (true) {
      SHEAF_ASSIGN_OR_RETURN(const std::string_view piece, source_.Next(bytes));
      if (wanted.has_value() && (piece.empty() ? source_.bytes_taken() != *wanted
                                               : source_.bytes_taken() > *wanted))
        return absl::AbortedError(
            source_.name() + " has " +
            (piece.empty() ? "ended after " + Thousands(source_.bytes_taken()) + " of "
                           : "more than ") +
            Counted(*wanted, "byte", "bytes"));
      if (piece.empty()) return absl::OkStatus();
      SHEAF_RETURN_IF_ERROR(fn(piece));
      if (line_.IsDue()) ShowProgress(wanted.value_or(source_.bytes_total()));
    }
  }

  void ShowProgress(uint64_t total) {
    line_.Show(Printable(source_.name()) + ": " + ByteSize(source_.bytes_taken()) +
               (total == 0 ? "" : " of " + ByteSize(total)));
  }

  const Arguments& args_;
  const DocumentKey& key_;
  const BlobAttributes attributes_;
  ByteSource& source_;
  ProgressLine line_;
  bool is_replaced_ = false;
  BlobInfo info_;
};

// Makes file and store, if need be.
absl::Status PutNew(const Arguments& args, Putter& put) {
  SHEAF_ASSIGN_OR_RETURN(auto db, OpenFile(args, OpenFor::kWritingOrCreating));
  absl::Status of_name;
  const absl::Status done = db->Write([&](WriteTransaction& txn) -> absl::Status {
    absl::StatusOr<BlobStore> store = txn.blobs(args.collection);
    of_name = store.status();
    return store.ok() ? put.Run(*store) : of_name;
  });
  if (!of_name.ok()) return NameError(args, of_name);
  return done.ok() ? At(args.file, db->Close()) : At(args.file, done);
}

void PrintPut(Session& session, const Putter& put, uint64_t bytes, double seconds) {
  const Arguments& args = session.args;
  const BlobArguments& of = args.blob;
  const BlobInfo& info = put.info();
  const bool is_part = of.appends || of.at.has_value();
  if (args.is_json) {
    return session.out.WriteLine(Dump({{"store", args.collection},
                                       {"key", KeyJson(info.key)},
                                       {"replaced", put.is_replaced() && !is_part},
                                       {"written", bytes},
                                       {"size", info.size},
                                       {"stored", info.stored_size},
                                       {"number", info.number},
                                       {"seconds", seconds}}));
  }
  std::string text = Printable(args.collection) + " " + KeyText(info.key) + ": ";
  if (is_part)
    text += ByteSize(bytes) + (of.appends ? " appended" : " written") + ", has " +
            ByteSize(info.size);
  else
    text += (put.is_replaced() ? "replaced, " : "stored, ") + ByteSize(info.size);
  if (info.attributes.zstd_level != 0)
    text += ", compressed to " + ByteSize(info.stored_size);
  session.out.WriteLine(text + " in " + Seconds(seconds));
}

}  // namespace

CommandResult PutBlob(Session& session) {
  const Arguments& args = session.args;
  const bool is_part = args.blob.appends || args.blob.at.has_value();
  SHEAF_ASSIGN_OR_RETURN(const DocumentKey key, ParseKey(args.key));
  SHEAF_RETURN_IF_ERROR(CheckPart(args));
  SHEAF_ASSIGN_OR_RETURN(BlobAttributes attributes, AttributesOf(args));
  const Interrupt interrupt;
  SHEAF_ASSIGN_OR_RETURN(ByteSource source,
                         ByteSource::Open(args.blob.source, interrupt));
  const int64_t begun = MonotonicMicros();
  Putter put(session, key, std::move(attributes), &source);
  const absl::Status done =
      is_part ? ChangeBlobs(args, [&](BlobStore& store) { return put.Run(store); })
              : PutNew(args, put);
  if (absl::IsCancelled(done) || absl::IsAborted(done))
    return WithHint(done, "nothing was stored");
  SHEAF_RETURN_IF_ERROR(done);
  PrintPut(session, put, source.bytes_taken(),
           static_cast<double>(MonotonicMicros() - begun) / 1e6);
  return kExitOk;
}

CommandResult SetBlobAttributes(Session& session) {
  const Arguments& args = session.args;
  SHEAF_ASSIGN_OR_RETURN(const DocumentKey key, ParseKey(args.key));
  SHEAF_ASSIGN_OR_RETURN(const std::optional<Expiry> expiry, ExpiryOf(args));
  BlobInfo info;
  SHEAF_RETURN_IF_ERROR(ChangeBlobs(args, [&](BlobStore& store) -> absl::Status {
    absl::StatusOr<BlobInfo> there = store.Info(key);
    if (!there.ok()) return BlobError(args, key, there.status());
    SHEAF_RETURN_IF_ERROR(SetAttributes(args.blob, &there->attributes));
    SHEAF_RETURN_IF_ERROR(store.SetAttributes(key, there->attributes));
    if (expiry.has_value()) SHEAF_RETURN_IF_ERROR(store.SetExpiry(key, *expiry));
    SHEAF_ASSIGN_OR_RETURN(info, store.Info(key));
    return absl::OkStatus();
  }));
  session.out.WriteLine(args.is_json ? Dump(BlobJson(info))
                                     : Printable(args.collection) + " " + KeyText(key) +
                                           ": changed");
  return kExitOk;
}

}  // namespace sheaf::cli
