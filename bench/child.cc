#include "bench/child.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <new>
#include <sstream>

#include "bench/engine.h"  // Require

namespace sheaf::bench {
namespace {

pid_t Fork() {
  std::fflush(nullptr);
  const pid_t pid = fork();
  Require(pid >= 0, "fork", "failed");
  // Nothing goes on filling the disk when the harness is gone.
  if (pid == 0) prctl(PR_SET_PDEATHSIG, SIGKILL);
  return pid;
}

std::string ReadAll(int fd) {
  std::string text;
  char buffer[4096];
  ssize_t size;
  while ((size = read(fd, buffer, sizeof(buffer))) > 0) {
    text.append(buffer, size_t(size));
  }
  return text;
}

void WriteFigures(int fd, const Figures& figures) {
  std::ostringstream text;
  text.precision(17);
  for (const auto& [name, value] : figures) text << name << ' ' << value << '\n';
  const std::string bytes = text.str();
  Require(write(fd, bytes.data(), bytes.size()) == ssize_t(bytes.size()), "pipe",
          "short write");
}

// A line "VmHWM:   123 kB" of /proc/self/status.
uint64_t StatusBytes(const std::string& field) {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    if (word != field + ":") continue;
    uint64_t kib = 0;
    status >> kib;
    return kib << 10;
  }
  Fail("/proc/self/status", field);
}

}  // namespace

Figures RunChild(unsigned seconds_max, const std::function<void(Figures&)>& body) {
  int ends[2];
  Require(pipe(ends) == 0, "pipe", "failed");
  const pid_t pid = Fork();
  if (pid == 0) {
    close(ends[0]);
    alarm(seconds_max);
    Figures figures;
    body(figures);
    WriteFigures(ends[1], figures);
    _exit(0);
  }
  close(ends[1]);
  std::istringstream text(ReadAll(ends[0]));
  close(ends[0]);
  int status = 0;
  waitpid(pid, &status, 0);
  if (WIFSIGNALED(status)) {
    std::fprintf(stderr, "sheaf_bench: child ended by signal %d\n", WTERMSIG(status));
  }
  Figures figures;
  if (status != 0) return figures;
  std::string name;
  double value = 0;
  while (text >> name >> value) figures[name] = value;
  return figures;
}

SharedCounter::SharedCounter() {
  void* memory = mmap(nullptr, sizeof(*value_), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  Require(memory != MAP_FAILED, "mmap", "failed");
  value_ = new (memory) std::atomic<uint64_t>(0);
}

SharedCounter::~SharedCounter() { munmap(value_, sizeof(*value_)); }

uint64_t KillChild(unsigned seconds_max, uint64_t enough,
                   const std::function<void(std::atomic<uint64_t>& acknowledged)>& body) {
  SharedCounter acknowledged;
  const pid_t pid = Fork();
  if (pid == 0) {
    alarm(seconds_max);
    body(*acknowledged);
    _exit(0);
  }
  int status = 0;
  while ((*acknowledged).load() < enough) {
    if (waitpid(pid, &status, WNOHANG) != 0) return 0;
    usleep(1000);
  }
  kill(pid, SIGKILL);
  waitpid(pid, &status, 0);
  const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  return killed ? (*acknowledged).load() : 0;
}

uint64_t ResidentBytes() { return StatusBytes("VmRSS"); }
uint64_t PeakResidentBytes() { return StatusBytes("VmHWM"); }

void ResetPeakMemory() {
  std::ofstream refs("/proc/self/clear_refs");
  refs << "5" << std::flush;
  Require(refs.good(), "/proc/self/clear_refs", "cannot reset the peak");
}

}  // namespace sheaf::bench
