// Along which edges of a vertex an algorithm goes. Installed as <sheaf/direction.h>.
#ifndef SHEAF_DIRECTION_H_
#define SHEAF_DIRECTION_H_
#include <cstdint>

namespace sheaf {

enum class Direction : uint8_t { kOut = 1, kIn = 2, kBoth = 3 };

}  // namespace sheaf
#endif  // SHEAF_DIRECTION_H_
