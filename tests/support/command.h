// Runs the built `sheaf` command as a process of its own, from tests.
#ifndef TESTS_SUPPORT_COMMAND_H_
#define TESTS_SUPPORT_COMMAND_H_
#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace sheaf::test {

// What the command is given; descriptors that are -1 are closed in it.
struct Launch {
  std::vector<std::string> args;
  int in = -1, out = -1, err = -1;
  uid_t user = 0;  // another than root: the command runs as that user
};
pid_t StartCommand(const Launch& launch);
// Its exit code, or 128 + n when signal n ended it.
int WaitForCommand(pid_t pid);

struct Outcome {
  int exit = -1;
  std::string out, err;
};
// Requires: `input`, what is printed and what is complained about fit any pipe or
// file; `launch` leaves descriptors alone. Uses files in the system's temporary
// folder, so nothing can block.
Outcome RunCommand(Launch launch, std::string_view input = "");

struct Pipe {
  Pipe();
  ~Pipe();
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void CloseRead();
  void CloseWrite();
  int read_end = -1, write_end = -1;  // closed in the command unless handed to it
};
std::string ReadLine(int fd);  // without its end; empty at the end of the input
std::string ReadAll(int fd);
void WriteAll(int fd, std::string_view text);

std::string ReadFile(const std::string& path);
void WriteFile(const std::string& path, std::string_view bytes);

}  // namespace sheaf::test
#endif  // TESTS_SUPPORT_COMMAND_H_
