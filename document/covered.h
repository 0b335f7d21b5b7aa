// CoveredReader: documents out of the entries of an index, for who reads no more of them
// than the index has.
//
// An entry tells a document's values where no array was on the way, none was cut, and none
// is null, which may stand for a field that is missing, or a number that only compares
// equal to the one that was there. Of others the document itself must be read.
//
// Thread-compatible.
#ifndef DOCUMENT_COVERED_H_
#define DOCUMENT_COVERED_H_
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "document/binary.h"
#include "document/index_entry.h"
#include "document/schema.h"

namespace sheaf::document {

class CoveredReader {
 public:
  // None: the index lacks one of the paths, or cannot tell of them.
  static std::optional<CoveredReader> Of(const Index& index,
                                         const std::vector<std::string>& paths);

  // A document with the index's fields, of names(), in the order of their paths. False: the
  // entry does not tell.
  bool Read(const EntryView& entry, std::string* document);
  const NameTable& names() const { return *names_; }

 private:
  struct Field {
    std::vector<std::string> parts;
    size_t at;  // in the index
  };
  std::unique_ptr<NameTable> names_ = std::make_unique<NameTable>();
  std::vector<bool> descending_;
  std::vector<Field> fields_;  // by path
};

}  // namespace sheaf::document
#endif  // DOCUMENT_COVERED_H_
