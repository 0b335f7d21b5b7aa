// Proves that the catalog's entries and the log's operations come back as they were
// written, that their bytes are those in tree_record.h, and that cut or changed
// bytes give an error and nothing else. (R8)
#include "catalog/tree_record.h"

#include <gtest/gtest.h>

#include <random>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace sheaf::catalog {
namespace {

TreeRecord Sample() {
  TreeRecord record;
  record.id = 0x0102030405060708;
  record.root = {{77, 99, 1, true}, 123456789012};
  record.kind = TreeKind::kCollection;
  record.counter = 0x8000000000000005;
  record.name = "größe";
  record.key_type = "u64";
  record.value_type = std::string(200, 't');
  return record;
}

TreeRecord CompressedSample() {
  TreeRecord record = Sample();
  record.compression.encoded = true;
  record.compression.wanted = {CompressionKind::kZstd, 7, true, 500};
  record.compression.dictionary = 3;
  record.compression.dictionaries = 300;
  return record;
}

class TreeRecords : public testing::TestWithParam<TreeRecord> {};
INSTANTIATE_TEST_SUITE_P(All, TreeRecords, testing::Values(Sample(), CompressedSample()),
                         [](const auto& info) {
                           return info.param.compression.encoded ? "Compressed" : "Plain";
                         });

TEST_P(TreeRecords, ComesBack) {
  const TreeRecord record = GetParam();
  const auto decoded = DecodeTreeRecord(TreeKey(record.id), EncodeTreeRecord(record));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->id, record.id);
  EXPECT_EQ(decoded->root.page, record.root.page);
  EXPECT_EQ(decoded->root.entries, record.root.entries);
  EXPECT_EQ(decoded->kind, record.kind);
  EXPECT_EQ(decoded->counter, record.counter);
  EXPECT_EQ(decoded->name, record.name);
  EXPECT_EQ(decoded->key_type, record.key_type);
  EXPECT_EQ(decoded->value_type, record.value_type);
  EXPECT_EQ(decoded->compression, record.compression);
  EXPECT_EQ(*DecodeNameEntry(EncodeNameEntry(record.id)), record.id);
}

TEST(TreeRecord, BytesAreAsDocumented) {
  TreeRecord record = Sample();
  record.name = "n";
  record.value_type = "v";
  EXPECT_EQ(absl::BytesToHexString(TreeKey(record.id)), "690102030405060708");
  EXPECT_EQ(NameKey("ab"), "nab");
  EXPECT_EQ(absl::BytesToHexString(EncodeTreeRecord(record)),
            "a10900000000"      // page 77 << 5 | leaf_refs
            "630000000000"      // birth 99
            "141a99be1c00"      // entries
            "0200"              // kind, flags
            "0500000000000080"  // counter
            "016e"
            "03753634"
            "0176");
  record.compression = CompressedSample().compression;
  record.compression.wanted.level = 4;
  EXPECT_EQ(absl::BytesToHexString(EncodeTreeRecord(record)).substr(36),
            "0201"              // kind, flags
            "0500000000000080"  // counter
            "016e"
            "03753634"
            "0176"
            "01020401"  // encoded, zstd, level, dictionary wanted
            "03"        // of version 3
            "ac02"      // of 300
            "f403");    // at 500 entries
  EXPECT_EQ(absl::BytesToHexString(EncodeNameEntry(5)),
            std::string(24, '0') + "0500000000000000");
}

TEST_P(TreeRecords, CutAndChangedBytes) {
  const TreeRecord record = GetParam();
  const std::string whole = EncodeTreeRecord(record);
  const std::string key = TreeKey(record.id);
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_TRUE(absl::IsDataLoss(DecodeTreeRecord(key, whole.substr(0, size)).status()))
        << size;
  EXPECT_TRUE(absl::IsDataLoss(DecodeTreeRecord(key, whole + "x").status()));
  EXPECT_TRUE(absl::IsDataLoss(DecodeTreeRecord("i", whole).status()));
  EXPECT_TRUE(absl::IsDataLoss(DecodeTreeRecord("", whole).status()));
  EXPECT_TRUE(absl::IsDataLoss(DecodeNameEntry("short").status()));
  std::string changed = whole;
  changed[18] = 99;
  EXPECT_TRUE(absl::IsDataLoss(DecodeTreeRecord(key, changed).status()));
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    changed = whole;
    for (uint64_t n = 1 + random() % 3; n > 0; --n)
      changed[random() % changed.size()] = static_cast<char>(random());
    const absl::Status status = DecodeTreeRecord(key, changed).status();
    EXPECT_TRUE(status.ok() || absl::IsDataLoss(status)) << status;
  }
}

TEST(TreeRecord, Names) {
  for (const std::string good :
       {"a", " ", "a/b", "größe", "\xf0\x9f\x8c\xbe", "\xc2\x80"})
    EXPECT_TRUE(CheckTreeName(good).ok()) << good;
  EXPECT_TRUE(CheckTreeName(std::string(kTreeNameMax, 'n')).ok());
  for (const std::string bad :
       {"", "\x1f", "\x7f", "a\tb", "\x80", "\xc0\x80", "\xc3", "\xe0\x80\x80",
        "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf0\x9f\x8c"})
    EXPECT_TRUE(absl::IsInvalidArgument(CheckTreeName(bad))) << absl::CHexEscape(bad);
  EXPECT_TRUE(absl::IsInvalidArgument(CheckTreeName(std::string(kTreeNameMax + 1, 'n'))));
}

std::string AllOps() {
  std::string log;
  const std::string to = "to";
  AppendCreate(&log, Sample());
  AppendPut(&log, 1, "key", std::string(300, 'v'));
  AppendDelete(&log, 2, "gone");
  AppendDeleteRange(&log, 3, "from", &to);
  AppendDeleteRange(&log, 4, "", nullptr);
  AppendRename(&log, 5, "new name");
  AppendDrop(&log, 6);
  AppendCounter(&log, 7, 0x1122334455667788);
  AppendCompression(&log, 8, CompressedSample().compression);
  AppendDictionary(&log, 9, 77, "the bytes");
  return log;
}

TEST(LogOps, ComeBackInOrder) {
  const std::string log = AllOps();
  std::string_view in = log;
  Op op;
  ASSERT_TRUE(TakeOp(&in, &op).ok());
  EXPECT_EQ(op.code, OpCode::kCreate);
  EXPECT_EQ(op.tree, Sample().id);
  EXPECT_EQ(op.kind, TreeKind::kCollection);
  EXPECT_EQ(op.key, Sample().name);
  EXPECT_EQ(op.key_type, Sample().key_type);
  EXPECT_EQ(op.value_type, Sample().value_type);
  ASSERT_TRUE(TakeOp(&in, &op).ok());
  EXPECT_EQ(op.code, OpCode::kPut);
  EXPECT_EQ(op.tree, 1u);
  EXPECT_EQ(op.key, "key");
  EXPECT_EQ(op.value, std::string(300, 'v'));
  ASSERT_TRUE(TakeOp(&in, &op).ok());
  EXPECT_EQ(op.code, OpCode::kDelete);
  EXPECT_EQ(op.key, "gone");
  ASSERT_TRUE(TakeOp(&in, &op).ok());
  EXPECT_EQ(op.code, OpCode::kDeleteRange);
  EXPECT_EQ(op.key, "from");
  EXPECT_TRUE(op.has_to);
  EXPECT_EQ(op.value, "to");
  ASSERT_TRUE(TakeOp(&in, &op).ok());
  EXPECT_EQ(op.tree, 4u);
  EXPECT_EQ(op.key, "");
  EXPECT_FALSE(op.has_to);
  ASSERT_TRUE(TakeOp(&in, &op).ok());
  EXPECT_EQ(op.code, OpCode::kRename);
  EXPECT_EQ(op.key, "new name");
  ASSERT_TRUE(TakeOp(&in, &op).ok());
  EXPECT_EQ(op.code, OpCode::kDrop);
  EXPECT_EQ(op.tree, 6u);
  ASSERT_TRUE(TakeOp(&in, &op).ok());
  EXPECT_EQ(op.code, OpCode::kCounter);
  EXPECT_EQ(op.counter, 0x1122334455667788u);
  ASSERT_TRUE(TakeOp(&in, &op).ok());
  EXPECT_EQ(op.code, OpCode::kCompression);
  EXPECT_EQ(op.tree, 8u);
  EXPECT_EQ(op.compression, CompressedSample().compression);
  ASSERT_TRUE(TakeOp(&in, &op).ok());
  EXPECT_EQ(op.code, OpCode::kDictionary);
  EXPECT_EQ(op.tree, 9u);
  EXPECT_EQ(op.dictionary, 77u);
  EXPECT_EQ(op.value, "the bytes");
  EXPECT_TRUE(in.empty());
  EXPECT_TRUE(absl::IsDataLoss(TakeOp(&in, &op)));
}

TEST(LogOps, UnknownOperationSaysSo) {
  for (const int code : {0, 10, 200}) {
    const std::string log = {static_cast<char>(code), 1};
    std::string_view in = log;
    Op op;
    EXPECT_TRUE(absl::IsUnimplemented(TakeOp(&in, &op))) << code;
  }
}

TEST(LogOps, CutAndChangedBytes) {
  const std::string whole = AllOps();
  std::mt19937_64 random(2);
  for (int i = 0; i < 30'000; ++i) {
    std::string log = whole.substr(0, i < 500 ? whole.size() * i / 500 : whole.size());
    if (i >= 500)
      for (uint64_t n = 1 + random() % 3; n > 0; --n)
        log[random() % log.size()] = static_cast<char>(random());
    std::string_view in = log;
    absl::Status status;
    Op op;
    while (!in.empty() && status.ok()) {
      const size_t before = in.size();
      status = TakeOp(&in, &op);
      ASSERT_LT(in.size(), before);  // it always gets on
      if (status.ok()) {
        EXPECT_TRUE(op.key.empty() ||
                    op.key.data() + op.key.size() <= log.data() + log.size());
      }
    }
    EXPECT_TRUE(status.ok() || absl::IsDataLoss(status) || absl::IsUnimplemented(status))
        << status;
  }
}

}  // namespace
}  // namespace sheaf::catalog
