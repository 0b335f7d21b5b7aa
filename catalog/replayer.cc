#include "catalog/replayer.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "pager/status_macros.h"

namespace sheaf::catalog {
namespace {

uint64_t HeadOf(std::string_view key) {
  uint64_t head = 0;
  for (size_t i = 0; i < sizeof(head); ++i)
    head = head << 8 | (i < key.size() ? static_cast<uint8_t>(key[i]) : 0);
  return head;
}

}  // namespace

Replayer::Replayer(WriteTxn* txn, uint64_t bytes_max)
    : txn_(*txn), bytes_max_(bytes_max) {}

absl::Status Replayer::Apply(std::string_view group) {
  Op op;
  while (!group.empty()) {
    SHEAF_RETURN_IF_ERROR(TakeOp(&group, &op));
    if (op.code == OpCode::kPut || op.code == OpCode::kDelete) {
      SHEAF_RETURN_IF_ERROR(Gather(op));
      continue;
    }
    if (op.code == OpCode::kCounter) {  // no other operation looks at it
      SHEAF_ASSIGN_OR_RETURN(OpenTree * tree, Open(op.tree));
      SHEAF_RETURN_IF_ERROR(tree->SetCounter(op.counter));
      continue;
    }
    SHEAF_RETURN_IF_ERROR(Finish());
    if (op.code == OpCode::kCreate) {
      if (op.tree < txn_.next_tree_id_)
        return absl::DataLossError(
            absl::StrCat("log: tree ", op.tree, " is created a second time"));
      SHEAF_RETURN_IF_ERROR(
          txn_.CreateTree(op.key, op.kind, op.key_type, op.value_type, op.tree).status());
      continue;
    }
    SHEAF_ASSIGN_OR_RETURN(OpenTree * tree, Open(op.tree));
    SHEAF_RETURN_IF_ERROR(ApplyNow(tree, op));
  }
  return absl::OkStatus();
}

absl::StatusOr<OpenTree*> Replayer::Open(TreeId id) {
  SHEAF_ASSIGN_OR_RETURN(OpenTree * tree, txn_.OpenById(id));
  if (tree == nullptr)
    return absl::DataLossError(
        absl::StrCat("log: an operation on tree ", id, ", which does not exist"));
  return tree;
}

absl::Status Replayer::ApplyNow(OpenTree* tree, const Op& op) {
  bool existed = false;
  switch (op.code) {
    case OpCode::kPut:
      return tree->PutStored(op.key, op.value, btree::BTree::PutMode::kUpsert, &existed);
    case OpCode::kDelete:
      return tree->Delete(op.key).status();
    case OpCode::kDeleteRange: {
      const std::string to(op.value);
      return tree->DeleteRange(op.key, op.has_to ? &to : nullptr).status();
    }
    case OpCode::kCompression:
      return tree->StoreCompression(op.compression);
    case OpCode::kDictionary:
      return tree->AddDictionary(op.dictionary, op.value);
    case OpCode::kRename:
      return txn_.RenameTree(tree->record().name, op.key);
    case OpCode::kDrop:
      return txn_.DropOpenTree(tree);
    default:
      return absl::InternalError("replay: an operation of another kind");
  }
}

absl::Status Replayer::Gather(const Op& op) {
  const uint64_t size = op.key.size() + op.value.size();
  const uint64_t own = sizeof(Gathered);
  if (bytes_end_ + size + (gathered_.size() + 1) * own > bytes_max_)
    SHEAF_RETURN_IF_ERROR(Finish());
  if (size + own > bytes_max_) {
    SHEAF_ASSIGN_OR_RETURN(OpenTree * tree, Open(op.tree));
    return ApplyNow(tree, op);
  }
  if (bytes_ == nullptr) bytes_.reset(new char[bytes_max_]);
  char* const at = bytes_.get() + bytes_end_;
  std::copy(op.key.begin(), op.key.end(), at);
  const bool is_put = op.code == OpCode::kPut;
  if (is_put) std::copy(op.value.begin(), op.value.end(), at + op.key.size());
  gathered_.push_back({op.tree, HeadOf(op.key), gathered_.size(), bytes_end_,
                       static_cast<uint32_t>(op.key.size()), is_put, op.value.size()});
  bytes_end_ += size;
  return absl::OkStatus();
}

bool Replayer::Before(const Gathered& a, const Gathered& b) const {
  if (a.tree != b.tree) return a.tree < b.tree;
  if (a.head != b.head) return a.head < b.head;
  const int order = KeyOf(a).compare(KeyOf(b));
  return order != 0 ? order < 0 : a.order < b.order;
}

absl::Status Replayer::Finish() {
  std::sort(gathered_.begin(), gathered_.end(),
            [this](const Gathered& a, const Gathered& b) { return Before(a, b); });
  OpenTree* tree = nullptr;
  for (size_t i = 0; i < gathered_.size(); ++i) {
    const Gathered& g = gathered_[i];
    if (i == 0 || g.tree != gathered_[i - 1].tree) {
      SHEAF_ASSIGN_OR_RETURN(tree, Open(g.tree));
    }
    if (i + 1 < gathered_.size() && gathered_[i + 1].tree == g.tree &&
        gathered_[i + 1].head == g.head && KeyOf(gathered_[i + 1]) == KeyOf(g))
      continue;  // what came later decides
    Op op;
    op.code = g.is_put ? OpCode::kPut : OpCode::kDelete;
    op.key = KeyOf(g);
    op.value = {bytes_.get() + g.at + g.key_size, g.is_put ? g.value_size : 0};
    SHEAF_RETURN_IF_ERROR(ApplyNow(tree, op));
  }
  gathered_.clear();
  bytes_end_ = 0;
  return absl::OkStatus();
}

}  // namespace sheaf::catalog
