// What the commands of `graph` share: vertices as people write and read them.
#ifndef CLI_GRAPH_VERTICES_H_
#define CLI_GRAPH_VERTICES_H_
#include <sheaf/sheaf.h>

#include <string>
#include <string_view>
#include <vector>

#include "cli/commands.h"
#include "cli/text.h"

namespace sheaf::cli {

// The vertices that `text` means, see `sheaf graph get --help`, at most `max` of them.
// kNotFound: none.
absl::StatusOr<std::vector<VertexId>> FindVertices(const GraphReader& graph,
                                                   const std::string& text,
                                                   const std::string& by,
                                                   uint64_t max = 1'000'000);
// kInvalidArgument: it means several.
absl::StatusOr<VertexId> FindVertex(const GraphReader& graph, const std::string& text,
                                    const std::string& by);

// {"id": 7, "labels": […], "properties": {…}}.
Json VertexJson(const Vertex& vertex);
Json EdgeJson(const EdgeId& id);
std::string EdgeText(const EdgeId& id);
// What a person knows a vertex by: the property `by` if it has it, else its properties.
std::string Caption(const Vertex& vertex, const std::string& by);

// For GraphViz; what stands twice is drawn once.
absl::Status PrintDot(Session& session, const GraphReader& graph,
                      const std::vector<VertexId>& vertices,
                      const std::vector<EdgeId>& edges);

Direction DirectionOf(const Arguments& args);
EdgeSelection EdgesOf(const Arguments& args);
Progress ProgressOf(const Arguments& args, Progress shown);

}  // namespace sheaf::cli
#endif  // CLI_GRAPH_VERTICES_H_
