// What the log's tests share: groups that know their own content, and a reading of
// a whole log into memory.
#ifndef TESTS_PAGER_LOG_TEST_UTIL_H_
#define TESTS_PAGER_LOG_TEST_UTIL_H_
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "pager/log.h"

namespace sheaf::pager {

inline constexpr char kLogPath[] = "/test.sheaf-log";
inline constexpr uint64_t kTestGroupBytesMax = uint64_t{64} << 20;
inline constexpr LogIdentity kTestIdentity = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 0xabcdef};

struct LogGroup {
  TxnId txn = 0;
  std::string payload;
  LogPosition end;

  friend bool operator==(const LogGroup& a, const LogGroup& b) {
    return a.txn == b.txn && a.payload == b.payload && a.end.lsn == b.end.lsn &&
           a.end.chain == b.end.chain;
  }
};

// Looks random, differs between transactions, costs little to make.
inline std::string PayloadOf(TxnId txn, size_t size) {
  std::string payload(size, '\0');
  uint64_t word = txn * 0x9e3779b97f4a7c15 + size;
  for (size_t i = 0; i < size; ++i) {
    if (i % 8 == 0) word = word * 6364136223846793005 + 1442695040888963407;
    payload[i] = static_cast<char>(word >> (i % 8 * 8));
  }
  return payload;
}

inline LogGroup AppendGroup(Log* log, TxnId txn, size_t size) {
  LogGroup group = {txn, PayloadOf(txn, size), {}};
  group.end = log->Append(txn, group.payload);
  return group;
}

struct RecoveredLog {
  std::unique_ptr<Log> log;
  std::vector<LogGroup> groups;
};

inline absl::StatusOr<RecoveredLog> RecoverLog(
    FileSystem* fs, LogPosition start, Log::Access access = Log::Access::kReadOnly,
    const std::string& path = kLogPath) {
  RecoveredLog recovered;
  auto log = Log::Recover(fs, path, kTestIdentity, start, access, kTestGroupBytesMax,
                          [&](TxnId txn, std::string_view payload, LogPosition end) {
                            recovered.groups.push_back({txn, std::string(payload), end});
                            return absl::OkStatus();
                          });
  if (!log.ok()) return log.status();
  recovered.log = *std::move(log);
  return recovered;
}

// Not EXPECT_EQ: nobody wants megabytes of payload in a message.
inline bool IsPrefix(const std::vector<LogGroup>& prefix,
                     const std::vector<LogGroup>& all) {
  return prefix.size() <= all.size() &&
         std::equal(prefix.begin(), prefix.end(), all.begin());
}

}  // namespace sheaf::pager
#endif  // TESTS_PAGER_LOG_TEST_UTIL_H_
