#include "vector/index.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "pager/status_macros.h"

namespace sheaf::vectors {

using catalog::OpenTree;
using catalog::TreeKind;
using catalog::TreeRecord;

namespace {

struct Part {
  std::string (*name)(catalog::TreeId);
  TreeKind kind;
};
constexpr Part kParts[] = {{KeysName, TreeKind::kVectorPart},
                           {NodesName, TreeKind::kVectorNodes},
                           {LevelsName, TreeKind::kVectorNodes}};

constexpr size_t kDirectoriesKept = 16;
constexpr std::ptrdiff_t kStatesKept = 2;  // of an index

absl::Status Lost(const TreeRecord& index, const std::string& part) {
  return absl::DataLossError(
      absl::StrCat(index.name, ": the tree ", part.substr(1), " of it is lost"));
}

}  // namespace

absl::Status MakeParts(catalog::WriteTxn* txn, catalog::TreeId index) {
  for (const Part& part : kParts) {
    const std::string name = part.name(index);
    SHEAF_ASSIGN_OR_RETURN(const OpenTree* const there, txn->FindTree(name));
    if (there == nullptr)
      SHEAF_RETURN_IF_ERROR(txn->CreateTree(name, part.kind, {}, {}).status());
  }
  return absl::OkStatus();
}

absl::StatusOr<OpenTree*> CreateIndex(catalog::WriteTxn* txn, std::string_view name,
                                      const Options& options, std::string_view owner) {
  SHEAF_ASSIGN_OR_RETURN(
      OpenTree* const vectors,
      txn->CreateTree(name, TreeKind::kVectors, owner, OptionsText(Layout(options))));
  SHEAF_RETURN_IF_ERROR(MakeParts(txn, vectors->record().id));
  return vectors;
}

std::shared_ptr<const btree::DenseDirectory> Directories::Get(const Layout& layout,
                                                              Slot slot_end,
                                                              const TreeRecord& nodes) {
  if (!nodes.root.page || layout.node_records > 1) return nullptr;
  absl::MutexLock lock(&mu_);
  for (const Kept& kept : kept_)
    if (kept.directory->IsOf(nodes.root)) return kept.directory;
  const auto of_index = [&](const Kept& kept) { return kept.nodes == nodes.id; };
  const auto last = std::find_if(kept_.rbegin(), kept_.rend(), of_index);
  auto directory = std::make_shared<const btree::DenseDirectory>(
      nodes.root, slot_end, layout.node_packing.in_group,
      static_cast<uint32_t>(layout.node_bytes),
      last == kept_.rend() ? nullptr : last->directory.get());
  if (!directory->ok()) return nullptr;
  if (std::count_if(kept_.begin(), kept_.end(), of_index) == kStatesKept)
    kept_.erase(std::find_if(kept_.begin(), kept_.end(), of_index));
  else if (kept_.size() == kDirectoriesKept)
    kept_.erase(kept_.begin());
  kept_.push_back({nodes.id, directory});
  return directory;
}

absl::StatusOr<std::unique_ptr<VectorReader>> OpenIndex(catalog::Store* store,
                                                        const catalog::Snapshot* snapshot,
                                                        const TreeRecord& record,
                                                        Directories* directories) {
  SHEAF_ASSIGN_OR_RETURN(Layout layout, ParseOptionsText(record.value_type));
  std::vector<catalog::TreeView> views;
  for (const Part& part : kParts) {
    const std::string name = part.name(record.id);
    SHEAF_ASSIGN_OR_RETURN(std::optional<TreeRecord> found, snapshot->FindTree(name));
    if (!found.has_value() || found->kind != part.kind) return Lost(record, name);
    views.emplace_back(store, snapshot, *std::move(found));
  }
  auto places = directories->Get(
      layout,
      SlotEnd(layout, record.counter, record.root.entries, views[0].root().entries),
      views[1].record());
  return std::make_unique<VectorReader>(std::move(layout),
                                        catalog::TreeView(store, snapshot, record),
                                        views[0], views[1], views[2], std::move(places));
}

absl::StatusOr<std::unique_ptr<VectorWriter>> OpenIndex(catalog::WriteTxn* txn,
                                                        OpenTree* vectors) {
  SHEAF_ASSIGN_OR_RETURN(const Layout layout,
                         ParseOptionsText(vectors->record().value_type));
  OpenTree* trees[std::size(kParts)];
  for (size_t i = 0; i < std::size(kParts); ++i) {
    const std::string name = kParts[i].name(vectors->record().id);
    SHEAF_ASSIGN_OR_RETURN(trees[i], txn->FindTree(name));
    if (trees[i] == nullptr || trees[i]->record().kind != kParts[i].kind)
      return Lost(vectors->record(), name);
  }
  return std::make_unique<VectorWriter>(
      layout, txn, VectorWriter::Trees{vectors, trees[0], trees[1], trees[2]});
}

absl::Status DropParts(catalog::WriteTxn* txn, catalog::TreeId index) {
  for (const Part& part : kParts) {
    const std::string name = part.name(index);
    SHEAF_ASSIGN_OR_RETURN(const OpenTree* const tree, txn->FindTree(name));
    if (tree != nullptr) SHEAF_RETURN_IF_ERROR(txn->DropTree(name));
  }
  return absl::OkStatus();
}

}  // namespace sheaf::vectors
