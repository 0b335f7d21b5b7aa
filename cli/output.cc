#include "cli/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

namespace sheaf::cli {
namespace {

constexpr size_t kBufferBytes = 64 << 10;
constexpr int64_t kProgressIntervalUs = 100'000;

bool WantsColour() {
  const char* no_color = getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') return false;
  const char* term = getenv("TERM");
  return term != nullptr && std::string_view(term) != "dumb";
}

const char* EscapeCode(Tone tone) {
  switch (tone) {
    case Tone::kPlain:
      return "";
    case Tone::kStrong:
      return "\033[1m";
    case Tone::kFaint:
      return "\033[2m";
    case Tone::kKey:
      return "\033[36m";
    case Tone::kText:
      return "\033[32m";
    case Tone::kNumber:
      return "\033[33m";
    case Tone::kGood:
      return "\033[1;32m";
    case Tone::kBad:
      return "\033[1;31m";
  }
  return "";
}

std::string Formatted(const char* format, double number) {
  char text[64];
  snprintf(text, sizeof text, format, number);
  return text;
}

}  // namespace

Output::Output(int fd) : fd_(fd), is_terminal_(isatty(fd) == 1) {
  if (!is_terminal_) return;
  has_colour_ = WantsColour();
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) == 0) columns_ = size.ws_col;
}

void Output::Write(std::string_view text) {
  if (!ok()) return;
  buffer_.append(text);
  if (buffer_.size() >= kBufferBytes) Flush();
}

void Output::WriteLine(std::string_view text) {
  Write(text);
  Write("\n");
}

void Output::Flush() {
  std::string_view rest = buffer_;
  while (ok() && !rest.empty()) {
    ssize_t written = write(fd_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) error_ = errno;
    if (written > 0) rest.remove_prefix(static_cast<size_t>(written));
  }
  buffer_.clear();
}

std::string Output::Paint(Tone tone, std::string_view text) const {
  if (!has_colour_ || tone == Tone::kPlain) return std::string(text);
  return EscapeCode(tone) + std::string(text) + "\033[0m";
}

std::string Thousands(uint64_t number) {
  std::string text = std::to_string(number);
  for (size_t i = text.size(); i > 3; i -= 3) text.insert(i - 3, ",");
  return text;
}

std::string ByteSize(uint64_t bytes) {
  static constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double size = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  while (size >= 1023.95 && unit + 1 < std::size(kUnits)) size /= 1024, ++unit;
  bool is_whole = bytes % 1024 == 0 && unit == 0;
  return Formatted(is_whole ? "%.0f " : "%.1f ", size) + kUnits[unit];
}

std::string Seconds(double seconds) {
  if (seconds < 0.0995) return Formatted("%.1f ms", seconds * 1000);
  return Formatted(seconds < 10 ? "%.2f s" : "%.1f s", seconds);
}

std::string Counted(uint64_t count, std::string_view one, std::string_view many) {
  return Thousands(count) + " " + std::string(count == 1 ? one : many);
}

uint64_t DisplayWidth(std::string_view text) {
  uint64_t width = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\033') {  // our own colours: up to the m
      while (i < text.size() && text[i] != 'm') ++i;
    } else if ((text[i] & 0xc0) != 0x80) {
      ++width;
    }
  }
  return width;
}

std::string Shortened(std::string text, uint64_t columns) {
  if (columns == 0 || text.size() <= columns || DisplayWidth(text) <= columns)
    return text;
  size_t end = 0;
  for (uint64_t width = 0; end < text.size(); ++end) {
    bool starts_character = (text[end] & 0xc0) != 0x80;
    if (starts_character && ++width == columns) break;
  }
  text.resize(end);
  return text + "…";
}

std::vector<uint64_t> TextTable::Widths() const {
  std::vector<uint64_t> widths(alignment_.size(), 0);
  auto widen = [&](const std::vector<std::string>& cells) {
    for (size_t i = 0; i < cells.size(); ++i) {
      widths[i] = std::max(widths[i], DisplayWidth(cells[i]));
    }
  };
  widen(header_);
  for (const auto& row : rows_) widen(row);
  return widths;
}

std::string TextTable::Line(const std::vector<std::string>& cells,
                            const std::vector<uint64_t>& widths) const {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    std::string padding(widths[i] - DisplayWidth(cells[i]), ' ');
    if (i > 0) line += "  ";
    line += alignment_[i] == Align::kRight ? padding + cells[i] : cells[i] + padding;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

void TextTable::Print(Output& out, std::string_view indent) const {
  std::vector<uint64_t> widths = Widths();
  if (!header_.empty()) {
    out.Write(indent);
    out.WriteLine(out.Paint(Tone::kFaint, Line(header_, widths)));
  }
  for (const auto& row : rows_) {
    if (!out.ok()) return;
    out.Write(indent);
    out.WriteLine(Line(row, widths));
  }
}

bool ProgressLine::IsDue() {
  if (!out_.is_terminal()) return false;
  int64_t now_us = MonotonicMicros();
  if (now_us < next_us_) return false;
  next_us_ = now_us + kProgressIntervalUs;
  return true;
}

void ProgressLine::Show(const std::string& text) {
  if (!out_.is_terminal()) return;
  out_.Write("\r\033[K" + Shortened(text, out_.columns() > 1 ? out_.columns() - 1 : 0));
  out_.Flush();
  is_shown_ = true;
}

void ProgressLine::Clear() {
  if (!is_shown_) return;
  out_.Write("\r\033[K");
  out_.Flush();
  is_shown_ = false;
}

int64_t MonotonicMicros() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

}  // namespace sheaf::cli
