// Rows of a collection's schema (RELIABILITY R8): whatever they hold, each is taken or
// refused as damaged or too new, and one that is refused changes nothing. What was taken
// is the same in one piece, and when some rows are taken later; indexes come back from
// their rows.
//
// The input: after how many rows the schema is put in one piece (1), then rows: size (1),
// bytes.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "document/schema.h"
#include "tests/support/exact_bytes.h"

namespace sheaf::document {
namespace {

using test::Require;

constexpr size_t kRowsMax = 6000;  // more than there can be names

std::vector<std::string> RowsOf(std::string_view bytes) {
  std::vector<std::string> rows;
  while (!bytes.empty() && rows.size() < kRowsMax) {
    const auto size = static_cast<uint8_t>(bytes[0]);
    rows.emplace_back(bytes.substr(1, size));
    bytes.remove_prefix(std::min<size_t>(1 + size_t{size}, bytes.size()));
  }
  return rows;
}

void RequireSame(const Index& a, const Index& b) {
  Require(a.definition == b.definition, "another definition");
  Require(a.tree == b.tree && a.row == b.row, "another tree");
  Require(a.state == b.state, "another state");
  Require(a.through_arrays == b.through_arrays && a.cut == b.cut, "other facts");
  Require(a.paths.size() == b.paths.size(), "other paths");
}

void RequireSame(const Schema& a, const Schema& b) {
  Require(a.rows() == b.rows(), "another number of rows");
  Require(a.names().size() == b.names().size(), "another number of names");
  for (uint32_t id = 0; id < a.names().size(); ++id) {
    const std::string_view name = a.names().NameOf(id);
    Require(name == b.names().NameOf(id), "another name");
    Require(a.names().Find(name) == b.names().Find(name), "a name is found elsewhere");
  }
  Require(a.indexes().size() == b.indexes().size(), "another number of indexes");
  for (const Index& index : a.indexes()) {
    const Index* const other = b.FindIndex(index.definition.name);
    Require(other != nullptr, "an index is not found");
    RequireSame(index, *other);
  }
}

// Takes it by both; they agree.
void Take(const std::string& row, Schema* whole, Schema* later) {
  const uint32_t rows = whole->rows(), names = whole->names().size();
  const Schema::Indexes indexes = whole->index_list();
  const absl::Status status = whole->TakeRow(row);
  Require(status.ok() || absl::IsDataLoss(status) || absl::IsUnimplemented(status),
          "a strange refusal");
  Require(whole->rows() == rows + (status.ok() ? 1 : 0), "rows are not counted");
  if (!status.ok())
    Require(whole->names().size() == names && whole->index_list() == indexes,
            "what was refused changed something");
  if (later != nullptr) Require(later->TakeRow(row) == status, "taken later, it differs");
}

void TakeAgain(const Index& index) {
  Schema other;
  Require(other.TakeRow(EncodeIndexRow(index)).ok(), "an index's own row is refused");
  const Index& there = other.indexes()[0];
  Require(there.definition == index.definition && there.tree == index.tree,
          "another index comes back");
  Require(other.TakeRow(EncodeFactRow(0, Fact::kReady)).ok(), "a fact is refused");
  Require(other.indexes()[0].state == IndexState::kReady, "a fact is not noted");
}

void TryRows(size_t early, const std::vector<std::string>& rows) {
  Schema whole;
  std::unique_ptr<Schema> later;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i == early) later = std::make_unique<Schema>(whole.Flatten());
    Take(rows[i], &whole, later.get());
  }
  const std::shared_ptr<const Schema> flat = whole.Flatten();
  RequireSame(whole, *flat);
  RequireSame(*flat, whole);
  for (uint32_t id = 0; id < flat->names().size(); ++id)
    Require(flat->names().JsonOf(id).size >= 3, "a name has no JSON");
  if (later != nullptr) {
    RequireSame(whole, *later);
    RequireSame(*later->Flatten(), *flat);
  }
  for (const Index& index : flat->indexes()) TakeAgain(index);
}

}  // namespace
}  // namespace sheaf::document

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  sheaf::document::TryRows(data[0], sheaf::document::RowsOf(rest));
  return 0;
}
