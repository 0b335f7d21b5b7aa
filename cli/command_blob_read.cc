// blob cat, blob range: a content, or a part of one, as bytes.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/escaping.h"
#include "cli/blob_text.h"
#include "cli/commands.h"
#include "cli/failure.h"

namespace sheaf::cli {
namespace {

// A multiple of 3, so that pieces in base64 follow one another.
constexpr uint64_t kReadPieceBytes = uint64_t{3} << 16;

absl::Status CannotWrite(const std::string& path) {
  return absl::UnknownError("cannot write " + path + ": " + strerror(errno));
}

// A part of a content, on its way out.
class Part {
 public:
  Part(BlobReader* reader, uint64_t offset, uint64_t size, Output& err,
       const Interrupt& interrupt)
      : reader_(*reader),
        offset_(offset),
        size_(size),
        line_(err),
        interrupt_(interrupt) {}

  uint64_t offset() const { return offset_; }
  uint64_t size() const { return size_; }
  void HideProgress() { shows_progress_ = false; }

  // Until `fn` returns false.
  absl::Status ForEachPiece(absl::FunctionRef<bool(std::string_view)> fn) {
    std::string piece;
    for (uint64_t done = 0; done < size_; done += piece.size()) {
      piece.resize(std::min(kReadPieceBytes, size_ - done));
      SHEAF_ASSIGN_OR_RETURN(
          const uint64_t got,
          reader_.ReadAt(offset_ + done, absl::MakeSpan(piece.data(), piece.size())));
      if (got != piece.size()) return absl::DataLossError("the content ends early");
      if (!fn(piece)) break;
      if (interrupt_.signal_number() != 0)
        return WithDetails(absl::CancelledError("interrupted"),
                           {{"exit", kExitSignal + interrupt_.signal_number()}});
      if (shows_progress_ && line_.IsDue())
        line_.Show(ByteSize(done) + " of " + ByteSize(size_));
    }
    line_.Clear();
    return absl::OkStatus();
  }

 private:
  BlobReader& reader_;
  const uint64_t offset_, size_;
  ProgressLine line_;
  bool shows_progress_ = true;
  const Interrupt& interrupt_;
};

// What a terminal is given: lines, nothing that it would obey.
class TerminalText {
 public:
  explicit TerminalText(Output* out) : out_(*out) {}
  ~TerminalText() {
    if (!rest_.empty()) out_.WriteLine(Printable(rest_));
  }
  // False: the bytes are no text, and nothing was shown of them.
  bool Add(std::string_view bytes) {
    rest_.append(bytes);
    const size_t end = rest_.rfind('\n');
    if (!is_begun_ && bytes.find('\0') != bytes.npos) return rest_.clear(), false;
    is_begun_ = true;
    if (end == rest_.npos && rest_.size() < kLineBytesMax) return out_.ok();
    if (end == rest_.npos) rest_ += '\n';  // what is as long as this is no line
    size_t begin = 0;
    for (size_t at; (at = rest_.find('\n', begin)) != rest_.npos; begin = at + 1)
      out_.WriteLine(Printable(std::string_view(rest_).substr(begin, at - begin)));
    rest_.erase(0, begin);
    return true;
  }

 private:
  static constexpr size_t kLineBytesMax = 4 << 20;
  Output& out_;
  bool is_begun_ = false;
  std::string rest_;
};

absl::Status WriteText(Part& part, Output& out) {
  part.HideProgress();  // the terminal may be the same
  TerminalText text(&out);
  bool is_text = true;
  SHEAF_RETURN_IF_ERROR(part.ForEachPiece([&](std::string_view piece) {
    is_text = text.Add(piece);
    return is_text && out.ok();
  }));
  if (is_text || !out.ok()) return absl::OkStatus();
  return WithHint(UsageError("the content is no text, which a terminal could show"),
                  "--output PATH writes it to a file, | hands it on");
}

absl::Status WriteBase64(Part& part, const DocumentKey& key, Output& out) {
  out.Write("{\"key\":" + Dump(KeyJson(key)) +
            ",\"offset\":" + std::to_string(part.offset()) +
            ",\"size\":" + std::to_string(part.size()) + ",\"base64\":\"");
  SHEAF_RETURN_IF_ERROR(part.ForEachPiece([&](std::string_view piece) {
    out.Write(absl::Base64Escape({piece.data(), piece.size()}));
    return out.ok();
  }));
  out.WriteLine("\"}");
  return absl::OkStatus();
}

absl::Status WriteInto(Part& part, int fd, const std::string& path) {
  Output file(fd);
  SHEAF_RETURN_IF_ERROR(part.ForEachPiece([&](std::string_view piece) {
    file.Write(piece);
    return file.ok();
  }));
  file.Flush();
  errno = file.error();
  return file.ok() ? absl::OkStatus() : CannotWrite(path);
}

// What is there stays until all is written; a pipe or a device is written to as it is.
absl::Status WriteFile(Part& part, const std::string& path) {
  struct stat there {};
  const bool is_there = stat(path.c_str(), &there) == 0;
  if (is_there && S_ISDIR(there.st_mode)) return errno = EISDIR, CannotWrite(path);
  if (is_there && !S_ISREG(there.st_mode)) {
    const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) return CannotWrite(path);
    const absl::Cleanup close_it = [fd] { close(fd); };
    return WriteInto(part, fd, path);
  }
  std::error_code ignored;
  std::string target = std::filesystem::canonical(path, ignored);  // behind a link
  if (!is_there) target = path;
  const std::string draft = target + ".part-" + std::to_string(getpid());
  const int fd = open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                      is_there ? there.st_mode & 0777 : 0666);
  if (fd < 0) return CannotWrite(path);
  absl::Cleanup remove = [&] { unlink(draft.c_str()); };
  absl::Status written = WriteInto(part, fd, path);
  if (written.ok() && fsync(fd) != 0) written = CannotWrite(path);
  if (close(fd) != 0 && written.ok()) written = CannotWrite(path);
  SHEAF_RETURN_IF_ERROR(written);
  if (rename(draft.c_str(), target.c_str()) != 0) return CannotWrite(path);
  std::move(remove).Cancel();
  return absl::OkStatus();
}

CommandResult Read(Session& session, uint64_t offset, uint64_t length) {
  const Arguments& args = session.args;
  const std::string& path = args.blob.output;
  SHEAF_ASSIGN_OR_RETURN(const DocumentKey key, ParseKey(args.key));
  const Interrupt interrupt;
  return LookAtBlobs(session, [&](const BlobStoreReader& store) -> absl::Status {
    absl::StatusOr<BlobReader> reader = store.Open(key);
    if (!reader.ok()) return BlobError(args, key, reader.status());
    SHEAF_RETURN_IF_ERROR(reader->Seek(offset));
    Part part(&*reader, offset, std::min(length, reader->size() - offset), session.err,
              interrupt);
    if (path.empty() && args.is_json) return WriteBase64(part, key, session.out);
    if (path.empty() && session.out.is_terminal()) return WriteText(part, session.out);
    if (path.empty())
      return part.ForEachPiece([&](std::string_view piece) {
        session.out.Write(piece);
        return session.out.ok();
      });
    SHEAF_RETURN_IF_ERROR(WriteFile(part, path));
    session.out.WriteLine(
        args.is_json
            ? Dump({{"key", KeyJson(key)}, {"size", part.size()}, {"output", path}})
            : Printable(args.collection) + " " + KeyText(key) + ": " +
                  ByteSize(part.size()) + " into " + Printable(path));
    return absl::OkStatus();
  });
}

}  // namespace

CommandResult CatBlob(Session& session) { return Read(session, 0, kBlobBytesMax); }

CommandResult ReadBlobRange(Session& session) {
  return Read(session, session.args.blob.offset, session.args.blob.length);
}

}  // namespace sheaf::cli
