// Documents of arbitrary bytes, JSON, filters, updates and patches (RELIABILITY R8): views
// stay inside the bytes, what Validate accepts prints and comes back the same, JSON that
// is taken means the same to both parsers, a filter that is taken matches or does not, and
// what an update or a patch makes is valid. What else is done with documents of arbitrary
// bytes ends, and stays inside them.
//
// The input's first byte chooses: 0 a binary document, 1 JSON, 2 a filter, which is also
// taken for a projection and a group, 3 an update, 4 a JSON Patch, 5 a merge patch; the
// rest is that.
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "document/compare.h"
#include "document/distinct.h"
#include "document/filter.h"
#include "document/group.h"
#include "document/json_codec.h"
#include "document/patch.h"
#include "document/path.h"
#include "document/projection.h"
#include "document/update.h"
#include "tests/support/exact_bytes.h"

namespace sheaf::document {
namespace {

using test::Require;

NameTable& Names() {
  static NameTable* const names = [] {
    auto* made = new NameTable;
    for (const char* name : {"a", "b", "c", "words", "deep"}) made->Intern(name);
    return made;
  }();
  return *names;
}

void TryPath(const View& root) {
  static const Path path = *Path::Parse("words.0.a");
  static const Path bound = [] {
    Path made = path;
    made.Bind(Names());
    return made;
  }();
  const auto walk = [&](const Path& way) {
    uint64_t bytes = 0;
    way.ForEach(root, ArrayEnd::kElementsAndWhole, [&](const View* value) {
      bytes = bytes * 31 + (value == nullptr ? 1 : value->bytes().size());
      return false;
    });
    return bytes;
  };
  Require(walk(path) == walk(bound), "a bound path leads elsewhere");
  Require(path.First(root).has_value() == bound.First(root).has_value(),
          "a bound path ends elsewhere");
}

// Keeps no names: what is copied may bring new ones.
void TryResults(const View& root, const Projection& projection, GroupBy* group) {
  Writer writer(&Names());
  const uint32_t names = Names().size();
  (void)projection.Apply(root, &writer);
  (void)writer.Finish();
  (void)group->Add(root);
  (void)group->Add(root);
  group->Finish();
  while (group->Next(&writer)) (void)writer.Finish();
  Names().Truncate(names);
}

void TryBinary(std::string_view bytes) {
  const std::string copy(bytes);  // ends where it ends
  const bool valid = Validate(copy, Names()).ok();
  const View root = RootOf(copy, Names());
  (void)Compare(root, root);
  (void)Hash(root);
  (void)root.Field("words");
  TryPath(root);
  static const Projection projection = *Projection::Parse(R"({"a.b":0,"words":0})");
  GroupBy group = *GroupBy::Parse(
      R"({"_id":{"a":"$a","b":"$words.0"},"s":{"$sum":"$b"},"m":{"$max":"$deep"}})",
      1 << 20);
  TryResults(root, projection, &group);
  Distinct distinct(*Path::Parse("a"), 1 << 20);
  (void)distinct.Add(root);
  (void)distinct.Finish();
  const absl::StatusOr<std::string> json = BinaryToJson(copy, Names());
  Require(!valid || json.ok(), "valid, and cannot be printed");
  if (!valid) return;
  Require(Compare(root, root) == 0, "differs from itself");
  Writer writer(&Names());
  const uint32_t names = Names().size();
  writer.Copy(root);
  const absl::StatusOr<std::string> again = writer.Finish();
  Require(again.ok(), "a valid document cannot be written");
  Require(Compare(RootOf(*again, Names()), root) == 0, "a copy differs");
  Names().Truncate(names);
}

void TryJson(std::string_view text) {
  JsonLimits limits;
  limits.depth_max = 100;
  NameTable names;
  const absl::StatusOr<std::string> document = JsonToBinary(text, &names, limits);
  const absl::Status grammar = MinifyJson(text, limits).status();
  Require(grammar.ok() || !document.ok(), "taken, though it is no JSON");
  if (!document.ok()) return;
  Require(Validate(*document, names).ok(), "what was written is not valid");
  const absl::StatusOr<std::string> json = BinaryToJson(*document, names);
  Require(json.ok(), "what was written cannot be printed");
  NameTable others;
  const absl::StatusOr<std::string> again = JsonToBinary(*json, &others);
  Require(again.ok(), "what was printed is refused");
  Require(Compare(RootOf(*document, names), RootOf(*again, others)) == 0,
          "what was printed means something else");
}

View Sample() {
  static const std::string* const document = new std::string(*JsonToBinary(
      R"({"a":[1,{"b":2},[3],"x",null],"b":{"c":1.5},"words":["one","two"],"deep":{"a":{"b":[]}}})",
      &Names()));
  return RootOf(*document, Names());
}

void TryFilter(std::string_view text) {
  const absl::StatusOr<Filter> filter = Filter::Parse(text);
  const View root = Sample();
  if (filter.ok())
    Require(filter->Matches(root) == filter->BoundTo(Names()).Matches(root),
            "a bound filter means something else");
  const absl::StatusOr<Projection> projection = Projection::Parse(text);
  absl::StatusOr<GroupBy> group = GroupBy::Parse(text, 1 << 20);
  if (!group.ok()) group = GroupBy::Parse(R"({"_id":null})", 1 << 20);
  TryResults(root, projection.ok() ? *projection : Projection(), &*group);
}

// Of the sample and of one that lacks most of it.
void TryChange(
    absl::FunctionRef<absl::StatusOr<std::string>(const View& document)> change) {
  static const std::string* const other =
      new std::string(*JsonToBinary(R"({"b":[[],{"a":[0]}],"c":0})", &Names()));
  const uint32_t names = Names().size();
  for (const View& document : {Sample(), RootOf(*other, Names())}) {
    const absl::StatusOr<std::string> after = change(document);
    if (after.ok())
      Require(Validate(*after, Names()).ok(), "what was made is not valid");
    else
      Require(!absl::IsDataLoss(after.status()),
              "a valid document is said to be damaged");
    Names().Truncate(names);
  }
}

void TryUpdate(std::string_view text) {
  const absl::StatusOr<Update> update = Update::Parse(text);
  if (!update.ok()) return;
  const auto stored = [&](const View& document) {
    return update->Apply(document, &Names(), 0);
  };
  const auto inserted = [&](const View& document) {
    return update->ApplyToNew(document, &Names(), 0);
  };
  TryChange(stored);
  TryChange(inserted);
}

void TryPatch(std::string_view text) {
  const auto patched = [&](const View& document) {
    return ApplyJsonPatch(document, text, &Names());
  };
  TryChange(patched);
}

void TryMerge(std::string_view text) {
  const auto merged = [&](const View& document) {
    return ApplyMergePatch(document, text, &Names());
  };
  TryChange(merged);
}

}  // namespace
}  // namespace sheaf::document

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  constexpr void (*kTry[])(std::string_view) = {
      sheaf::document::TryBinary, sheaf::document::TryJson,  sheaf::document::TryFilter,
      sheaf::document::TryUpdate, sheaf::document::TryPatch, sheaf::document::TryMerge};
  kTry[data[0] % std::size(kTry)](rest);
  return 0;
}
