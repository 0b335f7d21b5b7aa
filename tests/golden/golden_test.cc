// Files of every format version ever released, read twice: byte by byte with nothing
// but the tables in the headers (the decoder below uses no code of the library), and
// by opening them. So what the tables say stays true (DESIGN I10).
//
//   v1.sheaf          closed: two tables, one of two levels, a collection, a value of
//                     three pages and one with an index of chunks
//   v1-crashed.sheaf  and its log (without the zeros behind its end), as kill -9
//                     left them
//
// SHEAF_WRITE_GOLDEN=1 in the environment writes them anew, with the ids in them fixed.
// Do that for a new version only: what was released stays as it is.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <set>

#include "absl/strings/str_cat.h"
#include "tests/api/damage_util.h"
#include "tests/support/command.h"

namespace sheaf::test {
namespace {

std::string GoldenPath(const std::string& name) {
  return absl::StrCat(SHEAF_SOURCE_DIR, "/tests/golden/", name);
}

// --- What is in them ------------------------------------------------------------------

std::string FruitKey(int i) { return absl::StrCat("fruit/", 1000 + i); }
std::string FruitValue(int i) {
  return absl::StrCat("value ", i, std::string(static_cast<size_t>(i % 60), '.'));
}
std::string LongText(size_t size) {
  std::string text;
  while (text.size() < size) absl::StrAppend(&text, "line ", text.size(), "\n");
  text.resize(size);
  return text;
}

absl::Status FillGolden(Database* db) {
  return db->Write([](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Table fruit, txn.table("fruit"));
    for (int i = 0; i < 150; ++i)
      SHEAF_RETURN_IF_ERROR(fruit.Put(FruitKey(i), FruitValue(i)));
    SHEAF_RETURN_IF_ERROR(fruit.Put("long", LongText(9000)));
    SHEAF_RETURN_IF_ERROR(fruit.Put("longer", LongText(65473)));
    SHEAF_ASSIGN_OR_RETURN(Collection notes, txn.collection("notes"));
    SHEAF_RETURN_IF_ERROR(notes.Put(7, "{\"seven\": 7}"));
    SHEAF_RETURN_IF_ERROR(notes.Put("name", "[true, null, \"\\u00e4\"]"));
    return txn.typed_table("typed", "u64", "str").status();
  });
}

Content GoldenContent() {
  Content content;
  for (int i = 0; i < 150; ++i) content["fruit"][FruitKey(i)] = FruitValue(i);
  content["fruit"]["long"] = LongText(9000);
  content["fruit"]["longer"] = LongText(65473);
  content["notes"] = {{"7", "{\"seven\":7}"}, {"name", "[true,null,\"ä\"]"}};
  content["typed"] = {};
  return content;
}

absl::Status ChangeGolden(Database* db, int i) {
  return db->Write([&](WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(Table fruit, txn.table("fruit"));
    SHEAF_RETURN_IF_ERROR(fruit.Put(absl::StrCat("late/", i), FruitValue(i)));
    if (i == 1) SHEAF_RETURN_IF_ERROR(fruit.Delete("longer").status());
    if (i == 2) {
      KeyRange range;
      range.from = FruitKey(10);
      range.to = FruitKey(120);
      SHEAF_RETURN_IF_ERROR(fruit.DeleteRange(range).status());
      return txn.Rename("typed", "renamed");
    }
    return i == 3 ? txn.Drop("notes") : absl::OkStatus();
  });
}

Content CrashedContent() {
  Content content = GoldenContent();
  auto& fruit = content["fruit"];
  for (int i = 0; i < 4; ++i) fruit[absl::StrCat("late/", i)] = FruitValue(i);
  fruit.erase("longer");
  fruit.erase(fruit.lower_bound(FruitKey(10)), fruit.lower_bound(FruitKey(120)));
  content.erase("notes");
  content["renamed"] = std::move(content["typed"]);
  content.erase("typed");
  return content;
}

// --- Writing them -----------------------------------------------------------------------

std::string WithFixedId(const std::string& file) {
  PageEditor editor(file);
  editor.EditSuperblock([](pager::Superblock* s) {
    for (size_t i = 0; i < s->database_id.size(); ++i)
      s->database_id[i] = static_cast<uint8_t>(0xd0 + i);
  });
  return editor.file();
}

std::string MakeGolden() {
  auto fs = pager::NewMemoryFileSystem();
  auto db = OpenSample(fs.get());
  EXPECT_TRUE(db.ok() && FillGolden(db->get()).ok());
  EXPECT_TRUE((*db)->Close().ok());
  db->reset();
  return WithFixedId(ReadWholeFile(fs.get(), kPath));
}

void WriteGolden() {
  WriteFile(GoldenPath("v1.sheaf"), MakeGolden());
  auto fs = pager::NewMemoryFileSystem();
  auto db = OpenSample(fs.get());
  ASSERT_TRUE(db.ok() && FillGolden(db->get()).ok());
  ASSERT_TRUE((*db)->Checkpoint().ok());
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(ChangeGolden(db->get(), i).ok());
  WriteFile(GoldenPath("v1-crashed.sheaf"), ReadWholeFile(fs.get(), kPath));
  const std::string log = ReadWholeFile(fs.get(), kLogPath);
  WriteFile(GoldenPath("v1-crashed.sheaf-log"),
            log.substr(0, log.find_last_not_of('\0') + 1));
}

// --- Reading them by the tables -------------------------------------------------------------

class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}
  uint64_t At(size_t offset, size_t size) const {
    uint64_t value = 0;
    for (size_t i = size; i-- > 0;)
      value = value << 8 | static_cast<uint8_t>(bytes_.at(offset + i));
    return value;
  }
  std::string Text(size_t offset, size_t size) const {
    EXPECT_LE(offset + size, bytes_.size());
    return std::string(bytes_.substr(offset, size));
  }
  // LEB128; moves `*offset` behind it.
  uint64_t Varint(size_t* offset) const {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const uint64_t byte = At((*offset)++, 1);
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  }
  bool AllZero(size_t begin, size_t end) const {
    for (size_t i = begin; i < end; ++i)
      if (bytes_.at(i) != 0) return false;
    return true;
  }
  uint32_t Crc32c(size_t begin, size_t end) const {
    uint32_t crc = 0xffffffff;
    for (size_t i = begin; i < end; ++i) {
      crc ^= static_cast<uint8_t>(bytes_.at(i));
      for (int bit = 0; bit < 8; ++bit)
        crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
    }
    return ~crc;
  }

 private:
  std::string_view bytes_;
};

struct Ref {
  uint64_t id, birth, pages;
  bool leaf_refs;
};

class Decoder {
 public:
  explicit Decoder(const std::string& file) : file_(file) {}

  Content Decode() {
    Superblock();
    Content content;
    if (catalog_.id == 0) return content;
    std::map<std::string, std::string> names;
    for (const auto& [key, value] : Entries(catalog_, -1, 1)) {
      if (key[0] == 'n') {
        EXPECT_EQ(value.size(), 20u);
        EXPECT_TRUE(Bytes(value).AllZero(0, 12));
        names[key.substr(1)] = value.substr(12);
        continue;
      }
      TreeRecord(key, value, &content);
    }
    EXPECT_EQ(names.size(), content.size());
    for (const auto& [name, id] : names)
      EXPECT_TRUE(content.contains(name) && ids_[name] == Bytes(id).At(0, 8)) << name;
    Map();
    return content;
  }

  std::map<int, int> kinds;  // pages of each kind

 private:
  Bytes Page(const Ref& ref, int kind) {
    EXPECT_LE((ref.id + ref.pages) * 4096, file_.size());
    const std::string_view all = file_;
    const Bytes page(all.substr(ref.id * 4096, ref.pages * 4096));
    EXPECT_EQ(page.At(0, 4), page.Crc32c(4, ref.pages * 4096)) << "page " << ref.id;
    EXPECT_TRUE(kind == 0 || page.At(4, 1) == static_cast<uint64_t>(kind)) << ref.id;
    EXPECT_EQ(page.At(5, 1), ref.pages);
    EXPECT_EQ(page.At(8, 8), ref.id);
    EXPECT_EQ(page.At(16, 8), ref.birth);
    EXPECT_TRUE(page.AllZero(24, 52)) << "nonce and tag of a plain file";
    ++kinds[static_cast<int>(page.At(4, 1))];
    for (uint64_t i = 0; i < ref.pages; ++i) EXPECT_TRUE(used_.insert(ref.id + i).second);
    return page;
  }
  static Ref RefAt(const Bytes& bytes, size_t at) {
    const uint64_t word = bytes.At(at, 6);
    return {word >> 5, bytes.At(at + 6, 6), (word >> 1 & 15) + 1, (word & 1) != 0};
  }

  void Superblock() {
    const Bytes two[2] = {Page({0, Bytes(file_).At(16, 8), 1, false}, 1),
                          Page({1, Bytes(file_).At(16, 8), 1, false}, 1)};
    for (const Bytes& s : two) {
      EXPECT_EQ(s.Text(64, 8), "SheafDB\n");
      EXPECT_EQ(s.At(72, 4), 1u);
      EXPECT_EQ(s.At(76, 4), 4096u);
      for (size_t i = 0; i < 16; ++i) EXPECT_EQ(s.At(80 + i, 1), 0xd0 + i);
      EXPECT_EQ(s.At(104, 8), s.At(16, 8)) << "version is the birth";
      EXPECT_LT(s.At(104, 8), s.At(112, 8)) << "next_stamp";
      EXPECT_EQ(s.At(120, 8) * 4096, file_.size()) << "page_end";
      EXPECT_EQ(s.At(128, 8), 4u) << "next_tree_id";
      EXPECT_EQ(s.At(148, 4), 1u) << "map_count";
      EXPECT_EQ(s.At(152, 8), 0u) << "closed cleanly: no log";
      EXPECT_EQ(s.At(172, 4), 0u) << "features";
      EXPECT_TRUE(s.AllZero(176, 192) && s.AllZero(192 + 12, 4096)) << "reserved";
    }
    catalog_ = RefAt(two[0], 136);
    map_ = RefAt(two[0], 192);
    EXPECT_EQ(two[0].At(96, 8), two[1].At(96, 8)) << "sequence";
  }

  void TreeRecord(const std::string& key, const std::string& value, Content* content) {
    EXPECT_EQ(key.size(), 9u);
    EXPECT_EQ(key[0], 'i');
    uint64_t id = 0;
    for (size_t i = 1; i < 9; ++i) id = id << 8 | static_cast<uint8_t>(key[i]);
    const Bytes record(value);
    const Ref root = RefAt(record, 0);
    const uint64_t kind = record.At(18, 1);
    EXPECT_EQ(record.At(19, 1), 0u);
    size_t at = 28;
    std::string strings[3];
    for (std::string& s : strings) {
      const uint64_t size = record.Varint(&at);
      s = record.Text(at, size);
      at += size;
    }
    EXPECT_EQ(at, value.size());
    EXPECT_EQ(strings[1], strings[0] == "typed" ? "u64" : "");
    EXPECT_EQ(strings[2], strings[0] == "typed" ? "str" : "");
    EXPECT_EQ(kind, strings[0] == "notes" ? 2u : 1u);
    EXPECT_EQ(record.At(20, 8), strings[0] == "notes" ? (uint64_t{1} << 63) + 7 : 0)
        << "counter";
    ids_[strings[0]] = id;
    auto& entries = (*content)[strings[0]];
    tree_ = id;
    if (root.id != 0) entries = Entries(root, -1, 0);
    EXPECT_EQ(entries.size(), record.At(12, 6));
  }

  // Of a node and everything below it.
  std::map<std::string, std::string> Entries(const Ref& ref, int level, uint64_t flags) {
    const Bytes page = Page(ref, 0);
    const uint64_t n = page.At(52, 2), heap = page.At(54, 2), p = page.At(58, 2);
    const size_t end = ref.pages * 4096, slots = 64 + (p + 7) / 8 * 8;
    const int own_level = static_cast<int>(page.At(6, 1));
    EXPECT_EQ(page.At(4, 1), own_level == 0 ? 2u : 3u);
    EXPECT_TRUE(level < 0 || own_level == level);
    EXPECT_EQ(page.At(7, 1), flags);
    EXPECT_EQ(page.At(60, 4), flags == 0 ? tree_ : 0);  // the catalog's flag is 1
    EXPECT_TRUE(page.AllZero(64 + p, slots)) << "padding";
    EXPECT_TRUE(page.AllZero(slots + 8 * n, end - heap)) << "gap of page " << ref.id;
    uint64_t bytes = page.At(56, 2);
    std::map<std::string, std::string> entries;
    for (uint64_t i = 0; i < n; ++i) {
      const size_t slot = slots + 8 * i;
      const uint64_t head = page.At(slot, 4), suffix = page.At(slot + 6, 2);
      const uint64_t rest = suffix > 4 ? suffix - 4 : 0;
      size_t cell = page.At(slot + 4, 2);
      const size_t begin = cell;
      EXPECT_GE(cell, end - heap);
      const uint64_t tag = own_level == 0 ? page.Varint(&cell) : 0;
      std::string key = page.Text(64, p);
      for (uint64_t k = 0; k < 4 && k < suffix; ++k)
        key.push_back(static_cast<char>(head >> (24 - 8 * k)));
      key += page.Text(cell, rest);
      cell += rest;
      if (own_level == 0) {
        const bool large = (tag & 1) != 0;
        const uint64_t size = (large ? 18 : 0) + (tag >> 1);
        entries[key] = large ? Large(RefAt(page, cell), page.At(cell + 12, 6)) +
                                   page.Text(cell + 18, tag >> 1)
                             : page.Text(cell, size);
        bytes += cell + size - begin;
        continue;
      }
      const Ref child = RefAt(page, cell);
      auto below = Entries(child, own_level - 1, flags);
      EXPECT_EQ(below.size(), page.At(cell + 12, 6)) << "entries below";
      if (i > 0 && !below.empty()) {
        EXPECT_LE(key, below.begin()->first);
        EXPECT_GT(key, entries.rbegin()->first);
      }
      entries.merge(below);
      bytes += cell + 18 - begin;
    }
    EXPECT_EQ(bytes, heap) << "page " << ref.id;
    return entries;
  }

  std::string Large(const Ref& ref, uint64_t size) {
    if (size <= 65472) return Chunk(ref, size);
    const Bytes index = Page(ref, 5);
    EXPECT_EQ(index.At(6, 1), 1u) << "level";
    std::string value;
    for (uint64_t i = 0; i < index.At(52, 4); ++i)
      value += Chunk(RefAt(index, 64 + 12 * i),
                     std::min<uint64_t>(65472, size - value.size()));
    EXPECT_EQ(value.size(), size);
    return value;
  }
  std::string Chunk(const Ref& ref, uint64_t size) {
    const Bytes page = Page(ref, 4);
    EXPECT_EQ(page.At(52, 4), size);
    EXPECT_TRUE(page.AllZero(56, 64) && page.AllZero(64 + size, ref.pages * 4096));
    return page.Text(64, size);
  }

  void Map() {
    const Bytes index = Page(map_, 7);
    EXPECT_EQ(index.At(52, 4), 1u) << "chunks";
    const Ref ref = RefAt(index, 64);
    const Bytes bits = Page(ref, 6);
    used_.erase(0);
    used_.erase(1);
    uint64_t live = 0;
    for (uint64_t page = 0; page < 32256; ++page) {
      const bool is_live = (bits.At(64 + page / 8, 1) >> page % 8 & 1) != 0;
      EXPECT_EQ(is_live, used_.contains(page)) << "page " << page;
      live += is_live;
    }
    EXPECT_EQ(index.At(64 + 12, 4), live);
  }

  const std::string& file_;
  Ref catalog_{}, map_{};
  std::map<std::string, uint64_t> ids_;
  uint64_t tree_ = 0;  // being read
  std::set<uint64_t> used_;
};

// Documents are stored with a byte before them that says how; keys of collections
// are encoded. Here only their number is compared, without the rows of the schema.
void ExpectSameContent(const Content& raw, const Content& expected) {
  ASSERT_EQ(raw.size(), expected.size());
  for (const auto& [name, entries] : expected) {
    ASSERT_TRUE(raw.contains(name)) << name;
    if (name == "notes") {
      const auto is_document = [](const auto& entry) { return entry.first[0] >= 0x10; };
      EXPECT_EQ(std::count_if(raw.at(name).begin(), raw.at(name).end(), is_document),
                entries.size());
    } else {
      EXPECT_TRUE(raw.at(name) == entries) << name;
    }
  }
}

class GoldenTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (std::getenv("SHEAF_WRITE_GOLDEN") != nullptr) WriteGolden();
  }
};

TEST_F(GoldenTest, Version1ByTheTables) {
  const std::string file = ReadFile(GoldenPath("v1.sheaf"));
  ASSERT_GE(file.size(), 8192u);
  Decoder decoder(file);
  ExpectSameContent(decoder.Decode(), GoldenContent());
  for (int kind = 1; kind <= 7; ++kind)
    EXPECT_GT(decoder.kinds[kind], 0) << "kind " << kind;
}

TEST_F(GoldenTest, Version1Opens) {
  const std::string file = ReadFile(GoldenPath("v1.sheaf"));
  auto fs = pager::NewMemoryFileSystem();
  WriteWholeFile(fs.get(), kPath, file);
  const Verdict v = Judge(fs.get(), kPath, true);
  EXPECT_TRUE(v.open.ok() && v.read.ok() && !v.noticed()) << v.ToString();
  EXPECT_TRUE(v.content == GoldenContent());
  // And it can be gone on with.
  {
    auto db = OpenSample(fs.get());
    ASSERT_TRUE(db.ok());
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(ChangeGolden(db->get(), i).ok());
    ASSERT_TRUE((*db)->Close().ok());
  }
  EXPECT_TRUE(Judge(fs.get(), kPath, true).content == CrashedContent());
}

TEST_F(GoldenTest, Version1AfterACrash) {
  auto fs = pager::NewMemoryFileSystem();
  WriteWholeFile(fs.get(), kPath, ReadFile(GoldenPath("v1-crashed.sheaf")));
  std::string log = ReadFile(GoldenPath("v1-crashed.sheaf-log"));
  ASSERT_GT(log.size(), 4096u + 64u);
  log.resize(4096 + (1 << 20));
  WriteWholeFile(fs.get(), kLogPath, log);
  for (const bool read_only : {true, false}) {
    const Verdict v = Judge(fs.get(), kPath, read_only);
    EXPECT_TRUE(v.open.ok() && v.read.ok() && !v.noticed()) << v.ToString();
    EXPECT_TRUE(v.content == CrashedContent());
  }
}

// What this library writes today is by the tables as well.
TEST_F(GoldenTest, WhatIsWrittenTodayIsByTheTables) {
  const std::string file = MakeGolden();
  ExpectSameContent(Decoder(file).Decode(), GoldenContent());
}

}  // namespace
}  // namespace sheaf::test
