// Interrupt: turns Ctrl-C and a polite kill into something a loop can see.
//
// While one lives, the first SIGINT or SIGTERM is noted and makes fd() readable,
// so that a wait for input ends; the second one ends the process as usual.
// At most one at a time. Thread-safe.
#ifndef CLI_INTERRUPT_H_
#define CLI_INTERRUPT_H_

namespace sheaf::cli {

class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  int signal_number() const;  // 0: none came
  int fd() const;
  void EndWait() const;  // makes fd() readable, without a signal
};

}  // namespace sheaf::cli
#endif  // CLI_INTERRUPT_H_
