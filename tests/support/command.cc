#include "tests/support/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

namespace sheaf::test {
namespace {

void Require(bool holds, const char* what) {
  if (holds) return;
  fprintf(stderr, "tests/support/command: %s: %s\n", what, strerror(errno));
  abort();
}

// In the child: `fd` becomes `number`, or `number` is closed.
void Install(int fd, int number) {
  if (fd < 0) {
    close(number);
  } else {
    dup2(fd, number);
  }
}

[[noreturn]] void RunChild(const Launch& launch, char* const* argv) {
  // Out of the way of 0 to 2 first: one of them may be what another is to be.
  int fds[3] = {launch.in, launch.out, launch.err};
  for (int& fd : fds) {
    if (fd >= 0) fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  }
  for (int number = 0; number < 3; ++number) Install(fds[number], number);
  if (launch.user != 0 && setuid(launch.user) != 0) _exit(126);
  execv(SHEAF_CLI_PATH, argv);
  _exit(127);
}

int TemporaryFile() {
  char path[] = "/tmp/sheaf_command_XXXXXX";
  int fd = mkostemp(path, O_CLOEXEC);
  Require(fd >= 0, "mkostemp");
  unlink(path);
  return fd;
}

std::string TakeFile(int fd) {
  Require(lseek(fd, 0, SEEK_SET) == 0, "lseek");
  std::string text = ReadAll(fd);
  close(fd);
  return text;
}

}  // namespace

pid_t StartCommand(const Launch& launch) {
  std::vector<std::string> words = {SHEAF_CLI_PATH};
  words.insert(words.end(), launch.args.begin(), launch.args.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t pid = fork();
  Require(pid >= 0, "fork");
  if (pid == 0) RunChild(launch, argv.data());
  return pid;
}

int WaitForCommand(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) Require(errno == EINTR, "waitpid");
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

Outcome RunCommand(Launch launch, std::string_view input) {
  launch.in = TemporaryFile(), launch.out = TemporaryFile(), launch.err = TemporaryFile();
  WriteAll(launch.in, input);
  Require(lseek(launch.in, 0, SEEK_SET) == 0, "lseek");
  Outcome outcome;
  outcome.exit = WaitForCommand(StartCommand(launch));
  close(launch.in);
  outcome.out = TakeFile(launch.out);
  outcome.err = TakeFile(launch.err);
  return outcome;
}

Pipe::Pipe() {
  int ends[2];
  Require(pipe2(ends, O_CLOEXEC) == 0, "pipe2");
  read_end = ends[0], write_end = ends[1];
}

Pipe::~Pipe() {
  CloseRead();
  CloseWrite();
}

void Pipe::CloseRead() {
  if (read_end >= 0) close(read_end);
  read_end = -1;
}

void Pipe::CloseWrite() {
  if (write_end >= 0) close(write_end);
  write_end = -1;
}

std::string ReadLine(int fd) {
  std::string line;
  for (char c; read(fd, &c, 1) == 1 && c != '\n';) line += c;
  return line;
}

std::string ReadAll(int fd) {
  std::string text;
  char buffer[4096];
  ssize_t got;
  while ((got = read(fd, buffer, sizeof buffer)) != 0) {
    // A terminal whose other side is gone answers EIO, not the end of a file.
    if (got < 0 && errno == EIO) break;
    Require(got > 0 || errno == EINTR, "read");
    if (got > 0) text.append(buffer, static_cast<size_t>(got));
  }
  return text;
}

void WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    ssize_t written = write(fd, text.data(), text.size());
    Require(written > 0, "write");
    text.remove_prefix(static_cast<size_t>(written));
  }
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  Require(file.good(), path.c_str());
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

void WriteFile(const std::string& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  Require(file.good(), path.c_str());
}

}  // namespace sheaf::test
