#include "document/nearest.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace sheaf::document {
namespace {

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string_view Nearest(std::string_view name, absl::Span<const char* const> known) {
  std::string_view nearest;
  size_t distance_min = 3;
  for (const char* candidate : known) {
    const size_t distance = EditDistance(name.substr(0, 20), candidate);
    if (distance < distance_min) distance_min = distance, nearest = candidate;
  }
  return nearest;
}

}  // namespace sheaf::document
