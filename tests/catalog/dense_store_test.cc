// A dense tree in a database: through savepoints, rollbacks and commits, replayed from the
// log, compacted, copied, salvaged and given a new file key beside its model; and every
// crash image of a random life is the state after some commit (RELIABILITY R1-R3, R9).
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "btree/dense_reader.h"
#include "catalog/backup.h"
#include "catalog/salvage.h"
#include "catalog/store.h"
#include "catalog/write_txn.h"
#include "pager/status_macros.h"
#include "tests/support/crash_images.h"
#include "tests/support/faulty_file.h"

namespace sheaf::catalog {
namespace {

using btree::BTree;
using btree::DenseKey;
using Model = std::map<DenseKey, std::string>;

constexpr char kPath[] = "/d.sheaf";

absl::StatusOr<std::unique_ptr<Store>> OpenStore(pager::FileSystem* fs,
                                                 const std::string& path = kPath) {
  Options options;
  options.background_checkpoints = false;
  return Store::Open(fs, path, options, false);
}

absl::StatusOr<Model> Read(Store* store) {
  Model model;
  const Snapshot snapshot(store);
  SHEAF_ASSIGN_OR_RETURN(const std::optional<TreeRecord> record, snapshot.FindTree("g"));
  if (!record.has_value()) return model;
  btree::DenseCursor cursor(snapshot.context(), &record->root);
  for (bool valid = cursor.Seek(0); valid; valid = cursor.Next())
    model[cursor.key()] = std::string(cursor.record());
  SHEAF_RETURN_IF_ERROR(cursor.status());
  SHEAF_ASSIGN_OR_RETURN(const CheckResult check,
                         store->Check(CheckLevel::kFull, Progress()));
  for (const auto& problem : check.problems)
    return absl::DataLossError(absl::StrCat("page ", problem.page, ": ", problem.what));
  return model;
}

// Builds the tree anew: the old records, most of them changed, some gone, and new ones.
absl::Status Rebuild(WriteTxn* txn, OpenTree* tree, Model* model,
                     std::mt19937_64* random) {
  Model next = *model;
  std::erase_if(next, [&](const auto&) { return (*random)() % 7 == 0; });
  for (auto& [key, record] : next)
    if (record.size() < 3900 && (*random)() % 2 == 0)
      record.append(1 + (*random)() % 30, '+');
  for (int i = 0; i < 100; ++i)
    next[(*random)() % 1000] = std::string(1 + (*random)() % 200, 'n');
  btree::DenseCursor old(txn->context(), &tree->root());
  old.Seek(0);
  auto at = next.begin();
  std::string key;
  const bool is_refused = (*random)() % 4 == 0;
  const auto take = [&](std::string_view* k, std::string_view* record) {
    if (at == next.end()) return false;
    while (old.Valid() && old.key() < at->first) old.Next();
    if (old.Valid() && old.key() == at->first) {
      EXPECT_EQ(old.record(), model->at(at->first));
    }
    *k = key = EncodeDenseKey(at->first);
    *record = at++->second;
    return true;
  };
  const absl::Status replaced = tree->ReplaceStored(take, [&](uint64_t) {
    return is_refused ? absl::DataLossError("stop") : absl::OkStatus();
  });
  EXPECT_EQ(replaced.code(),
            is_refused ? absl::StatusCode::kDataLoss : absl::StatusCode::kOk);
  if (replaced.ok()) *model = std::move(next);
  return is_refused ? absl::OkStatus() : replaced;
}

// One transaction of random changes, with a savepoint that is kept or not.
absl::StatusOr<Model> Change(Store* store, Model model, std::mt19937_64* random) {
  SHEAF_ASSIGN_OR_RETURN(auto txn, store->BeginWrite(absl::InfiniteDuration()));
  SHEAF_ASSIGN_OR_RETURN(OpenTree * tree, txn->FindTree("g"));
  if (tree == nullptr) {
    SHEAF_ASSIGN_OR_RETURN(tree, txn->CreateTree("g", TreeKind::kGraph, "", ""));
  }
  Model at_savepoint = model;
  SHEAF_ASSIGN_OR_RETURN(uint64_t savepoint, txn->SetSavepoint());
  for (int i = 0; i < 60; ++i) {
    const DenseKey key = (*random)() % 5 == 0 ? (*random)() % 100'000 : (*random)() % 600;
    if ((*random)() % 3 > 0) {
      const size_t size =
          (*random)() % 20 == 0 ? 1 + (*random)() % 4000 : 1 + (*random)() % 120;
      const std::string record(size, static_cast<char>('a' + i % 26));
      bool existed = false;
      SHEAF_RETURN_IF_ERROR(
          tree->Put(EncodeDenseKey(key), record, BTree::PutMode::kUpsert, &existed));
      EXPECT_EQ(existed, model.contains(key));
      model[key] = record;
    } else {
      SHEAF_ASSIGN_OR_RETURN(const bool existed, tree->Delete(EncodeDenseKey(key)));
      EXPECT_EQ(existed, model.erase(key) == 1);
    }
    if ((*random)() % 100 == 0)
      SHEAF_RETURN_IF_ERROR(Rebuild(txn.get(), tree, &model, random));
    if ((*random)() % 20 == 0) {
      if ((*random)() % 2 == 0) {
        SHEAF_RETURN_IF_ERROR(txn->RollbackTo(savepoint));
        model = at_savepoint;
      } else {
        SHEAF_RETURN_IF_ERROR(txn->Release(savepoint));
        SHEAF_ASSIGN_OR_RETURN(savepoint, txn->SetSavepoint());
        at_savepoint = model;
      }
    }
  }
  SHEAF_RETURN_IF_ERROR(txn->Commit(Durability::kFull));
  return model;
}

TEST(DenseStore, LivesThroughAllThatTablesLiveThrough) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    test::FaultyFileSystem fs;
    std::unique_ptr<Store> store = *OpenStore(&fs);
    Model model;
    for (int round = 0; round < 40; ++round) {
      absl::StatusOr<Model> changed = Change(store.get(), model, &random);
      ASSERT_TRUE(changed.ok()) << changed.status();
      model = *std::move(changed);
      switch (random() % 6) {
        case 0:  // what is not in a checkpoint is replayed
          store.reset();
          store = *OpenStore(&fs);
          break;
        case 1:
          ASSERT_TRUE(store->Checkpoint().ok());
          break;
        case 2:
          ASSERT_TRUE(store->Compact(Progress()).ok());
          break;
      }
      const absl::StatusOr<Model> read = Read(store.get());
      ASSERT_TRUE(read.ok()) << read.status();
      ASSERT_TRUE(*read == model) << "round " << round;
    }
    std::unique_ptr<Store> copy = *OpenStore(&fs, "/copy.sheaf");
    ASSERT_TRUE(CopyTrees(store.get(), copy.get(), Progress()).ok());
    EXPECT_TRUE(*Read(copy.get()) == model);
    std::unique_ptr<Store> saved = *OpenStore(&fs, "/saved.sheaf");
    ASSERT_TRUE(store->Close().ok());
    store.reset();
    const auto salvaged = Salvage(&fs, kPath, EncryptionKey(), saved.get(), Progress());
    ASSERT_TRUE(salvaged.ok()) << salvaged.status();
    EXPECT_TRUE(*Read(saved.get()) == model);
  }
}

TEST(DenseStore, DroppedTreesGiveTheirPagesBack) {
  std::mt19937_64 random(1);
  test::FaultyFileSystem fs;
  std::unique_ptr<Store> store = *OpenStore(&fs);
  Model model;
  for (int i = 0; i < 20; ++i) model = *Change(store.get(), model, &random);
  auto txn = *store->BeginWrite(absl::InfiniteDuration());
  ASSERT_TRUE(txn->DropTree("g").ok());
  ASSERT_TRUE(txn->Commit(Durability::kFull).ok());
  ASSERT_TRUE(store->Checkpoint().ok());
  EXPECT_TRUE(Read(store.get())->empty());
  EXPECT_TRUE(store->Check(CheckLevel::kFull, Progress())->problems.empty());
}

// A leaf is lost: the records of the others are all there.
TEST(DenseStore, SalvageLeavesOutWhatIsLost) {
  std::mt19937_64 random(2);
  test::FaultyFileSystem fs;
  std::unique_ptr<Store> store = *OpenStore(&fs);
  Model model;
  for (int i = 0; i < 20; ++i) model = *Change(store.get(), model, &random);
  ASSERT_TRUE(store->Close().ok());
  store.reset();
  auto file = *fs.Open(kPath, pager::OpenMode::kReadWrite);
  std::string page(pager::kPageBytes, '\0');
  int damaged = 0;
  const uint64_t pages = *file->Size() / pager::kPageBytes;
  for (uint64_t id = 2; id < pages && damaged < 2; ++id) {
    ASSERT_TRUE(
        file->Read(id * pager::kPageBytes, absl::MakeSpan(page.data(), page.size()))
            .ok());
    const pager::PageKind kind = pager::PageKindOf(page.data());
    if (pager::PageIdOf(page.data()) != id) continue;
    if (kind !=
        (damaged == 0 ? pager::PageKind::kDenseLeaf : pager::PageKind::kDenseIndex))
      continue;
    page[2000] ^= 1;
    ASSERT_TRUE(file->Write(id * pager::kPageBytes, page).ok());
    ++damaged;
    id = 1;
  }
  ASSERT_EQ(damaged, 2);
  std::unique_ptr<Store> saved = *OpenStore(&fs, "/saved.sheaf");
  const auto salvaged = Salvage(&fs, kPath, EncryptionKey(), saved.get(), Progress());
  ASSERT_TRUE(salvaged.ok()) << salvaged.status();
  const absl::StatusOr<Model> read = Read(saved.get());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_LT(read->size(), model.size());
  EXPECT_GT(read->size(), model.size() / 2);
  for (const auto& [key, record] : *read) EXPECT_TRUE(model.at(key) == record) << key;
}

TEST(DenseStore, EveryCrashImageIsACommit) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    test::FaultyFileSystem fs;
    std::unique_ptr<Store> store = *OpenStore(&fs);
    struct State {
      size_t begun, acknowledged;  // in I/O events
      Model model;
    };
    std::vector<State> states = {{0, 0, {}}};
    for (int round = 0; round < 8; ++round) {
      const size_t begun = fs.event_count();
      absl::StatusOr<Model> changed = Change(store.get(), states.back().model, &random);
      ASSERT_TRUE(changed.ok()) << changed.status();
      states.push_back({begun, fs.event_count(), *std::move(changed)});
      if (random() % 3 == 0) {
        ASSERT_TRUE(store->Checkpoint().ok());
      }
      if (random() % 4 == 0) {
        ASSERT_TRUE(store->Compact(Progress()).ok());
      }
    }
    const test::Recording recording = fs.recording();
    const auto visit = [&](const test::CrashImage& image,
                           test::FaultyFileSystem* disk) -> absl::Status {
      SHEAF_ASSIGN_OR_RETURN(std::unique_ptr<Store> found, OpenStore(disk));
      SHEAF_ASSIGN_OR_RETURN(const Model read, Read(found.get()));
      for (size_t i = 0; i < states.size(); ++i) {
        const bool lost =
            i + 1 < states.size() && states[i + 1].acknowledged <= image.point;
        if (states[i].begun <= image.point && !lost && read == states[i].model)
          return absl::OkStatus();
      }
      return absl::InternalError("is no state that it may be");
    };
    test::CrashOptions options;
    options.seed = seed;
    options.images_per_point_max = 4;
    const auto counts = test::ForEachCrashImage(recording, options, visit);
    ASSERT_TRUE(counts.ok()) << counts.status();
    EXPECT_GT(counts->images, 200u);
  }
}

}  // namespace
}  // namespace sheaf::catalog
