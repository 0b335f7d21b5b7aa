// shell: commands on one database, typed one after the other.
//
// A line is a command as `sheaf` takes it, without the file. Each opens the database for
// itself, so others may use it between two lines. On a terminal there are a history
// (~/.sheaf_history), completion of commands and names, and the time each took; from a
// pipe lines are run as they come, and the first that fails ends it.
#include <editline/readline.h>
#include <stdlib.h>
#include <unistd.h>

#include <iostream>
#include <set>

#include "cli/commands.h"
#include "cli/failure.h"
#include "cli/shell_words.h"
#include "cli/text.h"

namespace sheaf::cli {
namespace {

constexpr int kHistoryMax = 1000;
constexpr const char* kCommandNames[] = {
    "find",   "count",  "get",  "put",    "delete", "merge",     "incr",
    "decr",   "cas",    "scan", "update", "remove", "index",     "graph",
    "vector", "blob",   "list", "stat",   "check",  "compact",   "compress",
    "import", "export", "help", "quit",   "backup", "checkpoint"};

// What completion offers; the library of lines wants it without an argument.
std::set<std::string>& Names() {
  static std::set<std::string>* const names = new std::set<std::string>;
  return *names;
}

char* NextMatch(const char* text, int state) {
  static std::vector<std::string>* const matches = new std::vector<std::string>;
  if (state == 0) {
    matches->clear();
    for (const std::string& name : Names())
      if (name.starts_with(text)) matches->push_back(name);
  }
  const auto at = static_cast<size_t>(state);
  return at < matches->size() ? strdup((*matches)[at].c_str()) : nullptr;
}

char** Complete(const char* text, int, int) {
  return rl_completion_matches(text, NextMatch);
}

class Lines {
 public:
  explicit Lines(Output& out) : is_terminal_(isatty(STDIN_FILENO) != 0), out_(out) {
    if (!is_terminal_) return;
    rl_readline_name = "sheaf";
    rl_attempted_completion_function = Complete;
    using_history();
    stifle_history(kHistoryMax);
    if (const char* home = getenv("HOME"))
      history_ = std::string(home) + "/.sheaf_history";
    if (!history_.empty()) read_history(history_.c_str());
  }
  ~Lines() {
    if (is_terminal_ && !history_.empty()) write_history(history_.c_str());
  }
  bool is_terminal() const { return is_terminal_; }

  // The words of the next command; none at the end.
  std::optional<std::vector<std::string>> Next(const std::string& prompt) {
    std::string text, line;
    while (Read(text.empty() ? prompt : "... ", &line)) {
      text += (text.empty() ? "" : "\n") + line;
      std::optional<std::vector<std::string>> words = SplitWords(text);
      if (!words.has_value()) continue;
      if (is_terminal_ && !words->empty()) add_history(text.c_str());
      return words;
    }
    if (text.empty()) return std::nullopt;
    return std::vector<std::string>{text};  // as it is: the command will refuse it
  }

 private:
  bool Read(const std::string& prompt, std::string* line) {
    if (!is_terminal_) return static_cast<bool>(std::getline(std::cin, *line));
    out_.Flush();
    char* const typed = readline(prompt.c_str());
    if (typed == nullptr) {
      out_.WriteLine("");
      return false;
    }
    line->assign(typed);
    free(typed);
    return true;
  }

  const bool is_terminal_;
  Output& out_;
  std::string history_;
};

// The names of collections and of their fields.
void LearnNames(const Arguments& args) {
  Names().insert(std::begin(kCommandNames), std::end(kCommandNames));
  const auto db = OpenFile(args, OpenFor::kReading);
  if (!db.ok()) return;
  const ReadTransaction read = (*db)->BeginRead();
  const auto trees = read.List();
  if (!trees.ok()) return;
  for (const TreeInfo& tree : *trees) {
    Names().insert(tree.name);
    const auto collection = read.collection(tree.name);
    if (!collection.ok()) continue;
    QueryOptions few;
    few.limit = 20;
    auto cursor = collection->Query("{}", few);
    while (cursor.ok() && cursor->Next()) {
      if (cursor->document().kind() != DocumentKind::kObject) continue;
      for (auto c = cursor->document().fields(); c.Valid(); c.Next())
        Names().insert(std::string(c.name()));
    }
  }
}

// {"find", "orders", …} as main would have got it.
std::vector<std::string> WithFile(std::vector<std::string> words,
                                  const Arguments& shell) {
  const bool has_action = words[0] == "index" || words[0] == "graph" ||
                          words[0] == "vector" || words[0] == "blob";
  const size_t at = std::min<size_t>(words.size(), has_action ? 2 : 1);
  words.insert(words.begin() + static_cast<ptrdiff_t>(at), shell.file);
  words.insert(words.begin(), "sheaf");
  if (shell.is_json) words.push_back("--json");
  return words;
}

absl::Status RunWords(const std::vector<std::string>& words, Session& session) {
  std::vector<std::string> line = words;
  if (words[0] == "help")
    line.insert(line.begin(), "sheaf");
  else
    line = WithFile(std::move(line), session.args);
  std::vector<const char*> argv;
  for (const std::string& word : line) argv.push_back(word.c_str());
  SHEAF_ASSIGN_OR_RETURN(Arguments args,
                         ParseArguments(static_cast<int>(argv.size()), argv.data()));
  if (args.command == "shell") return UsageError("this is the shell already");
  args.opened_by = session.args.opened_by;
  Session inner{args, session.out, session.err};
  return RunCommand(inner).status();
}

}  // namespace

CommandResult Shell(Session& session) {
  Arguments args = session.args;
  // Asked once.
  SHEAF_ASSIGN_OR_RETURN(args.opened_by, KeyOf(args, OpenFor::kReading));
  { SHEAF_ASSIGN_OR_RETURN(const auto db, OpenFile(args, OpenFor::kReading)); }
  Session inner{args, session.out, session.err};
  Lines lines(session.out);
  if (lines.is_terminal()) {
    LearnNames(args);
    session.out.WriteLine(
        "Commands as `sheaf` has them, without the file; JSON without "
        "quotes around it. help, quit.");
  }
  while (auto words = lines.Next("sheaf> ")) {
    if (words->empty()) continue;
    if ((*words)[0] == "quit" || (*words)[0] == "exit") break;
    const int64_t begun = MonotonicMicros();
    const absl::Status done = RunWords(*words, inner);
    session.out.Flush();
    if (!done.ok()) {
      if (!lines.is_terminal()) return done;
      PrintFailure(done, args.is_json, session.err);
      session.err.Flush();
    }
    if (lines.is_terminal() && !args.is_json)
      session.out.WriteLine(session.out.Paint(
          Tone::kFaint, Seconds(static_cast<double>(MonotonicMicros() - begun) / 1e6)));
    if (!session.out.ok()) break;
  }
  return kExitOk;
}

}  // namespace sheaf::cli
