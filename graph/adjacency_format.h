// What the head of an adjacency list says; the bytes are in graph/adjacency.h.
#ifndef GRAPH_ADJACENCY_FORMAT_H_
#define GRAPH_ADJACENCY_FORMAT_H_
#include <cstddef>
#include <cstdint>

namespace sheaf::graph {

inline constexpr uint8_t kHeadThree = 0x40, kHeadTwo = 0x50, kHeadOne = 0x54,
                         kHeadNone = 0x55, kHeadMore = 0x56, kHeadFlags = 0x80;
// With a control byte in the head; with the number of edges in it.
inline constexpr uint32_t kTinyCountMax = 4, kHeadCountMax = 46;
static_assert(kHeadMore - (kTinyCountMax + 1) + kHeadCountMax == kHeadFlags - 1);

inline constexpr uint8_t kOrdinalsMask = 0x03, kWeightsMask = 0x1c,
                         kPropertiesFlag = 0x20, kWideFlag = 0x40;
inline constexpr uint8_t kColumnsMask = kOrdinalsMask | kWeightsMask | kPropertiesFlag;
static_assert((kColumnsMask | kWideFlag | kHeadFlags) == 0xff);

enum class OrdinalForm : uint8_t { kZero = 0, kCounted = 1, kByte = 2, kFixed32 = 3 };
inline OrdinalForm OrdinalFormOf(uint8_t flags) {
  return static_cast<OrdinalForm>(flags & kOrdinalsMask);
}
inline size_t OrdinalBytes(OrdinalForm form) {
  return form == OrdinalForm::kByte ? 1 : form == OrdinalForm::kFixed32 ? 4 : 0;
}

// Of the flag's three bits; kWeightOfAll or one for each edge.
inline constexpr uint8_t kWeightShift = 2, kWeightOfAll = 4;
enum class WeightForm : uint8_t { kOne = 0, kByte = 1, kFloat = 2, kDouble = 3 };
inline WeightForm WeightFormOf(uint8_t flags) {
  return static_cast<WeightForm>(flags >> kWeightShift & 3);
}
inline bool IsWeightOfAll(uint8_t flags) {
  return (flags >> kWeightShift & kWeightOfAll) != 0;
}
inline size_t WeightBytes(WeightForm form) {
  constexpr size_t kBytes[] = {0, 1, 4, 8};
  return kBytes[static_cast<uint8_t>(form)];
}

inline size_t ControlBytes(uint32_t edges) {
  return edges < 2 ? 0 : (size_t{edges} + 2) / 4;
}
inline size_t PropertyBytes(uint32_t edges) { return (size_t{edges} + 7) / 8; }

}  // namespace sheaf::graph
#endif  // GRAPH_ADJACENCY_FORMAT_H_
