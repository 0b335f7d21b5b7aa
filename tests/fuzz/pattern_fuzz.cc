// Texts of patterns (RELIABILITY R8): whatever they are, each is taken or refused as a
// wrong argument at a byte of it; what is taken passes its own check, has filters that are
// filters, and comes out the same again, also with space around it.
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "graph/pattern.h"
#include "tests/support/exact_bytes.h"

namespace sheaf {
namespace {

using test::Require;

void RequireSame(const GraphPattern& a, const GraphPattern& b) {
  Require(a.vertices.size() == b.vertices.size(), "another number of vertices");
  Require(a.edges.size() == b.edges.size(), "another number of edges");
  for (size_t i = 0; i < a.vertices.size(); ++i) {
    const PatternVertex &v = a.vertices[i], &w = b.vertices[i];
    Require(v.name == w.name && v.labels == w.labels, "another vertex");
    Require(v.filter == w.filter && v.ids == w.ids, "another filter");
  }
  for (size_t i = 0; i < a.edges.size(); ++i) {
    const PatternEdge &e = a.edges[i], &f = b.edges[i];
    Require(e.from == f.from && e.to == f.to, "other ends");
    Require(e.direction == f.direction && e.types == f.types, "another edge");
    Require(e.hops_min == f.hops_min && e.hops_max == f.hops_max, "another length");
    Require(e.name == f.name && e.filter == f.filter, "another filter of an edge");
  }
}

// "pattern, byte 5: …"
void RequireGoodRefusal(const absl::Status& status, size_t size) {
  Require(absl::IsInvalidArgument(status), "a strange refusal");
  std::string_view message(status.message().data(), status.message().size());
  constexpr std::string_view kAtByte = "pattern, byte ";
  if (!message.starts_with(kAtByte)) {
    Require(size > GraphPattern::kTextBytesMax, "a refusal that does not say where");
    return;
  }
  message.remove_prefix(kAtByte.size());
  uint64_t byte = 0;
  const size_t digits = message.find(':');
  Require(digits != message.npos && absl::SimpleAtoi({message.data(), digits}, &byte),
          "a refusal without a byte");
  Require(byte <= size, "a byte behind the end");
}

void Try(std::string_view text) {
  const absl::StatusOr<GraphPattern> pattern = GraphPattern::Parse(text);
  if (!pattern.ok()) return RequireGoodRefusal(pattern.status(), text.size());
  Require(pattern->Check().ok(), "what was taken cannot be looked for");
  const absl::StatusOr<GraphPattern> again =
      GraphPattern::Parse(absl::StrCat(" ", std::string(text), "\n"));
  if (text.size() + 2 > GraphPattern::kTextBytesMax) return;
  Require(again.ok(), "with space around it is refused");
  RequireSame(*pattern, *again);
}

}  // namespace
}  // namespace sheaf

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sheaf::Try({reinterpret_cast<const char*>(data), size});
  return 0;
}
