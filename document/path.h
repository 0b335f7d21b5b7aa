// Path: where a value is in a document, "author.name" or "tags.0".
//
// There are two ways to follow it. First goes through objects by name and through arrays
// by number, and there is at most one value at its end. ForEach follows MongoDB's rules of
// filters: through an array it goes by number, and into each object that is an element,
// so there may be many.
//
// Thread-compatible; walking a const one is safe from any thread.
#ifndef DOCUMENT_PATH_H_
#define DOCUMENT_PATH_H_
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "document/binary.h"

namespace sheaf::document {

// What ForEach visits where a path ends in an array.
enum class ArrayEnd {
  kWhole,             // the array
  kElements,          // its elements
  kElementsAndWhole,  // first these, then it
};

class Path {
 public:
  static constexpr size_t kBytesMax = 1000, kPartsMax = 100, kNumbersMax = 16;

  Path() = default;  // leads to the value where it begins
  // kInvalidArgument: empty, or a part is, or begins with a dollar; too long.
  static absl::StatusOr<Path> Parse(std::string_view text);

  const std::string& text() const { return text_; }
  size_t size() const { return steps_.size(); }
  std::string_view part(size_t i) const { return steps_[i].name.text(); }

  // Looks its names up in `names`, which makes it quicker in documents of that table and
  // changes nothing in others. Requires: the table outlives it and loses no names.
  void Bind(const NameTable& names);

  std::optional<View> First(const View& root) const;

  // Null stands for a way that ends early; a path into an array without objects has none
  // at all. The visitor returns true to stop, which is then returned.
  using VisitFn = absl::FunctionRef<bool(const View* value)>;
  // `*through_array` is set when an array was on the way, its end apart.
  bool ForEach(const View& root, ArrayEnd end, VisitFn visit,
               bool* through_array = nullptr) const {
    return Walk(root, 0, end, visit, through_array);
  }

 private:
  struct Step {
    FieldName name;
    std::optional<uint64_t> index;  // if it can be one of an array
  };
  bool Walk(View value, size_t step, ArrayEnd end, VisitFn visit,
            bool* through_array) const;
  bool WalkArray(const View& array, size_t step, ArrayEnd end, VisitFn visit,
                 bool* through_array) const;

  std::string text_;
  std::vector<Step> steps_;
};

}  // namespace sheaf::document
#endif  // DOCUMENT_PATH_H_
