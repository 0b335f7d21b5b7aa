// Projection: what of a document is wanted, in MongoDB's language.
//
//   {"title": 1, "author.name": 1}    these fields
//   {"notes": 0, "author.mail": 0}    all but these
//
// Behind a path stand 1 or true, 0 or false; the two kinds are not mixed. Only "_id", the
// key, may be given either way in both: it is wanted unless it is given 0. A path goes
// through objects and, by no number, into each element of an array. What is no object on
// its way is left out where fields are named that are wanted, and kept where some are not.
//
// Immutable: any thread.
#ifndef DOCUMENT_PROJECTION_H_
#define DOCUMENT_PROJECTION_H_
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "document/binary.h"

namespace sheaf::document {

class Projection {
 public:
  // All is wanted.
  Projection() = default;

  // kInvalidArgument names the path and what is wrong with it or its operand, or the two
  // paths that do not go together.
  static absl::StatusOr<Projection> Parse(std::string_view json);

  bool wants_key() const { return wants_key_; }
  bool wants_all() const { return !is_inclusion_ && root_.children.empty(); }
  // Names what is wanted, not what is not.
  bool is_inclusion() const { return is_inclusion_; }
  // The paths that are wanted, of an inclusion, without the key, in the order given.
  const std::vector<std::string>& fields() const { return fields_; }

  // Writes what is wanted as one value, in the document's order. A field "_id" that the
  // document itself has goes by wants_key. Where fields are named that are wanted, a
  // document that is neither object nor array becomes {}. kDataLoss: it is damaged; the
  // writer is then of no more use.
  absl::Status Apply(const View& document, Writer* out) const;
  // Only its fields, into the object that is open: behind a key, say. Of what is no object
  // there are none.
  absl::Status ApplyFields(const View& document, Writer* out) const;

 private:
  struct Node {
    std::string name;
    std::vector<Node> children;  // by name; none: the path ends here
    const Node* Find(std::string_view child) const;
  };
  absl::Status Add(std::string_view text);
  void WriteFields(const View& object, const Node& node, Writer* out) const;
  void WriteValue(const View& value, const Node& node, Writer* out) const;

  Node root_;
  bool is_inclusion_ = false, wants_key_ = true;
  std::vector<std::string> fields_;
};

}  // namespace sheaf::document
#endif  // DOCUMENT_PROJECTION_H_
