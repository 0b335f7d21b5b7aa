// Of the names that are known, the one that somebody meant who wrote another.
#ifndef DOCUMENT_NEAREST_H_
#define DOCUMENT_NEAREST_H_
#include <string_view>

#include "absl/types/span.h"

namespace sheaf::document {

// Empty when none is within two letters of it.
std::string_view Nearest(std::string_view name, absl::Span<const char* const> known);

}  // namespace sheaf::document
#endif  // DOCUMENT_NEAREST_H_
