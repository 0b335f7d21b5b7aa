#include "cli/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <initializer_list>

namespace sheaf::cli {
namespace {

std::atomic<int> noted_signal = 0;
static_assert(std::atomic<int>::is_always_lock_free);  // a handler may use it
int wake_pipe[2] = {-1, -1};

void Wake() {
  ssize_t ignored = write(wake_pipe[1], "!", 1);
  static_cast<void>(ignored);  // a pipe that is full is readable, too
}

void Note(int number) {
  int saved_errno = errno;
  noted_signal = number;
  Wake();
  errno = saved_errno;
}

void SetHandler(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;
  sigaction(number, &action, nullptr);
}

}  // namespace

Interrupt::Interrupt() {
  noted_signal = 0;
  if (pipe2(wake_pipe, O_CLOEXEC | O_NONBLOCK) != 0) return;
  for (int number : {SIGINT, SIGTERM}) SetHandler(number, Note);
}

Interrupt::~Interrupt() {
  for (int number : {SIGINT, SIGTERM}) SetHandler(number, SIG_DFL);
  for (int& fd : wake_pipe) {
    if (fd >= 0) close(fd);
    fd = -1;
  }
}

int Interrupt::signal_number() const { return noted_signal; }
int Interrupt::fd() const { return wake_pipe[0]; }
void Interrupt::EndWait() const { Wake(); }

}  // namespace sheaf::cli
