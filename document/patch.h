// JSON Patch (RFC 6902) and JSON Merge Patch (RFC 7396) on binary documents.
//
//   [{"op": "test", "path": "/a/b", "value": 1}, {"op": "move", "from": "/a", "path": "/c"}]
//   {"a": {"b": null}, "c": [1, 2]}
//
// All or nothing: what comes back is a new document, or what is wrong. New names are added
// to `names`, whatever comes of it. The root may be any value, and cannot be removed.
//
// Values in a patch may be extended JSON (json_codec.h), which are values like any: a
// merge does not look into {"$date": …}. "test" compares numbers by value, as compare.h,
// and objects whatever the order of their fields. Fields keep their order, new ones come
// behind them.
//
// What a path leads through is taken apart, the rest stays bytes until all is written; a
// patch that makes too many parts is refused, as one whose result is too large or too
// deep. An operation costs the children of what its paths lead through.
//
// Pure functions: any thread.
#ifndef DOCUMENT_PATCH_H_
#define DOCUMENT_PATCH_H_
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "document/binary.h"

namespace sheaf::document {

// kInvalidArgument: the patch is none, or too much. kFailedPrecondition: a path leads
// nowhere in this document, or a test fails. Both name the operation, the first being 0,
// and the path. kDataLoss: the document is damaged.
absl::StatusOr<std::string> ApplyJsonPatch(const View& document,
                                           std::string_view patch_json, NameTable* names);

// kInvalidArgument: it is no JSON, or the result would be too large or too deep.
// kDataLoss: the document is damaged.
absl::StatusOr<std::string> ApplyMergePatch(const View& document,
                                            std::string_view patch_json,
                                            NameTable* names);

}  // namespace sheaf::document
#endif  // DOCUMENT_PATCH_H_
