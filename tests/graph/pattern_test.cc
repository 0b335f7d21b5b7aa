// GraphPattern: what is taken and what it means, what is refused, where and why.
#include "graph/pattern.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace sheaf::graph {
namespace {

// In a form that shows all of it: vertices by number, then edges.
std::string Show(const GraphPattern& pattern) {
  std::string out;
  for (const PatternVertex& vertex : pattern.vertices) {
    absl::StrAppend(&out, "(", vertex.name);
    for (const auto& any : vertex.labels)
      absl::StrAppend(&out, ":", absl::StrJoin(any, "|"));
    for (const VertexId id : vertex.ids) absl::StrAppend(&out, "#", id);
    absl::StrAppend(&out, vertex.filter, ")");
  }
  for (const PatternEdge& edge : pattern.edges) {
    absl::StrAppend(&out, " ", edge.from,
                    edge.direction == Direction::kOut  ? ">"
                    : edge.direction == Direction::kIn ? "<"
                                                       : "-",
                    edge.to, "[", edge.name, ":", absl::StrJoin(edge.types, "|"));
    if (edge.hops_min != 1 || edge.hops_max != 1)
      absl::StrAppend(&out, "*", edge.hops_min, "..", edge.hops_max);
    absl::StrAppend(&out, edge.filter, "]");
  }
  return out;
}

TEST(GraphPattern, Takes) {
  const struct {
    const char *text, *shows;
  } kCases[] = {
      {"()", "()"},
      {" ( a ) ", "(a)"},
      {"(a:X)", "(a:X)"},
      {"(:X:Y)", "(:X:Y)"},
      {"(:X&Y)", "(:X:Y)"},
      {"(a:X|Y:Z)", "(a:X|Y:Z)"},
      {"(`a b`:`c``d`)", "(a b:c`d)"},
      {"(größe:Größe)", "(größe:Größe)"},
      {"(a)-->(b)", "(a)(b) 0>1[:]"},
      {"(a)<--(b)", "(a)(b) 0<1[:]"},
      {"(a)--(b)", "(a)(b) 0-1[:]"},
      {"(a)<-->(b)", "(a)(b) 0-1[:]"},
      {"(a)-[]->(b)", "(a)(b) 0>1[:]"},
      {"(a) - [ k : KNOWS ] - > (b)", "(a)(b) 0>1[k:KNOWS]"},
      {"(a) - [ k : KNOWS ] -> (b)", "(a)(b) 0>1[k:KNOWS]"},
      {"(a)<-[k:A|B|:C]-(b)", "(a)(b) 0<1[k:A|B|C]"},
      {"(a)-[*2]->(b)", "(a)(b) 0>1[:*2..2]"},
      {"(a)-[p:T*..3]-(b)", "(a)(b) 0-1[p:T*1..3]"},
      {"(a)-[*0..64 {x:1}]->(b)", "(a)(b) 0>1[:*0..64{\"x\":1}]"},
      {"(a)-[ * 1 .. 1 ]->(b)", "(a)(b) 0>1[:]"},
      {"(a)-->(b)-->(a)", "(a)(b) 0>1[:] 1>0[:]"},
      {"(a)-->(a)", "(a) 0>0[:]"},
      {"()-->()", "()() 0>1[:]"},
      {"(a)-->(b)<--(c), (a)-->(d),(e)", "(a)(b)(c)(d)(e) 0>1[:] 1<2[:] 0>3[:]"},
      {R"((a:P {"age":{"$gt":30}}))", R"((a:P{"age":{"$gt":30}}))"},
      {"(a {age:{$gt:30}, name:'x'})", R"((a{"age":{"$gt":30},"name":"x"}))"},
      {"(a {})", "(a)"},
      {"(a {a.b: 1, t: TRUE, n: Null, f: -1.5e+3})",
       R"((a{"a.b":1,"t":true,"n":null,"f":-1.5e+3}))"},
      {"(a {s: 'it\\'s \"so\"', u: \"a\\\"b\\u0041\"})",
       R"((a{"s":"it's \"so\"","u":"a\"b\u0041"}))"},
      {"(a {x: {$in: [1, 'b', [], [[2]], {c: 3}]}})",
       R"((a{"x":{"$in":[1,"b",[],[[2]],{"c":3}]}}))"},
      {"(a {_id: 5})", "(a#5)"},
      {"(a {_id: 5, b: 1, \"c\": 2})", R"((a#5{"b":1,"c":2}))"},
      {"(a {b: 1, _id: 5})", R"((a#5{"b":1}))"},
      {"(a {_id: {$in: [1, 2]}})", R"((a{"_id":{"$in":[1,2]}}))"},
      {"(a {_id: 99999999999999999})", R"((a{"_id":99999999999999999}))"},
      {"(a {_id: -5})", R"((a{"_id":-5}))"},
      {"(a {b: {_id: 5}})", R"((a{"b":{"_id":5}}))"},
      {"(a:X {b:1})-->(a:Y {c:2}), (a {_id:7, d:3})",
       R"((a:X:Y#7{"$and":[{"b":1},{"c":2},{"d":3}]}) 0>0[:])"},
      {"(a)-[k:KNOWS {since:2010}]->(b)", "(a)(b) 0>1[k:KNOWS{\"since\":2010}]"},
  };
  for (const auto& c : kCases) {
    const absl::StatusOr<GraphPattern> pattern = GraphPattern::Parse(c.text);
    ASSERT_TRUE(pattern.ok()) << c.text << " " << pattern.status();
    EXPECT_EQ(Show(*pattern), c.shows) << c.text;
    EXPECT_TRUE(pattern->Check().ok()) << c.text;
  }
}

TEST(GraphPattern, Refuses) {
  const std::string many_names(GraphPattern::kTextBytesMax, 'a');
  std::string long_chain = "(a)", crowd = "(a)";
  for (int i = 0; i < 65; ++i) {
    long_chain += "-->(a)";
    crowd += ",()";
  }
  const struct {
    std::string text, error;
  } kCases[] = {
      {"", "byte 0: expected '(' and a vertex, found the end"},
      {"a", "byte 0: expected '(' and a vertex, found 'a'"},
      {"(", "byte 1: expected ')', found the end"},
      {"(a b)", "byte 3: expected ')', found 'b'"},
      {"(1)", "byte 1: expected ')', found '1'"},
      {"(a:)", "byte 3: expected a label, found ')'"},
      {"(a:X|)", "byte 5: expected a label, found ')'"},
      {"(:X&)", "byte 4: expected a label, found ')'"},
      {"(&X)", "byte 1: expected ')', found '&'"},
      {"(``)", "byte 1: a name must not be empty"},
      {"(`a)", "byte 1: the backquote is not closed"},
      {"(a),", "byte 4: expected '(' and a vertex, found the end"},
      {"(a) (b)", "byte 4: expected ',' or an edge, found '('"},
      {"(a)é", "byte 3: expected ',' or an edge, found 'é'"},
      {"(a)-", "byte 4: expected '-', found the end"},
      {"(a)->(b)", "byte 4: expected '-', found '>'"},
      {"(a)<(b)", "byte 4: expected '-', found '('"},
      {"(a)-[k->(b)", "byte 6: expected ']', found '-'"},
      {"(a)-[:]->(b)", "byte 6: expected a type, found ']'"},
      {"(a)-[:A|]->(b)", "byte 8: expected a type, found ']'"},
      {"(a)-[k]->", "byte 9: expected '(' and a vertex, found the end"},
      {"(a)-[a]->(b)", "byte 5: a is a vertex"},
      {"(a)-[k]->(k)", "byte 10: k is an edge"},
      {"(a)-[k]->(b)-[k]->(c)", "byte 14: there is an edge k already"},
      {"(a)-[*]->(b)", "byte 5: a path needs a greatest length: write *1..N"},
      {"(a)-[*2..]->(b)", "byte 5: a path needs a greatest length: write *2..N"},
      {"(a)-[*..]->(b)", "byte 5: a path needs a greatest length: write *1..N"},
      {"(a)-[*3..2]->(b)", "byte 5: the least length is above the greatest"},
      {"(a)-[*1..65]->(b)", "byte 5: a path has at most 64 edges"},
      {"(a)-[*99999999999]->(b)", "byte 5: a path has at most 64 edges"},
      {"(a {)", "byte 4: expected the name of a property, found ')'"},
      {"(a {1:2})", "byte 4: expected the name of a property, found '1'"},
      {"(a {b 1})", "byte 6: expected ':', found '1'"},
      {"(a {b:})", "byte 6: expected a value, found '}'"},
      {"(a {b:1,})", "byte 8: expected the name of a property, found '}'"},
      {"(a {b:1 c:2})", "byte 8: expected ',' or '}', found 'c'"},
      {"(a {b:[1})", "byte 8: expected ',' or ']', found '}'"},
      {"(a {b:'x})", "byte 6: the string is not closed"},
      {"(a {b:'x\\", "byte 6: the string is not closed"},
      {"(a {_id:1}), (a {_id:2})", "byte 16: a has an _id already"},
      {many_names + "()", "it has 65538 bytes; at most 65536"},
      {long_chain, "byte 393: more than 64 edges"},
      {crowd, "byte 195: more than 64 vertices"},
      {"(a {b:" + std::string(200, '['), "byte 106: properties nested too deep"},
  };
  for (const auto& c : kCases) {
    const absl::Status status = GraphPattern::Parse(c.text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << c.text;
    EXPECT_EQ(status.message(),
              absl::StrCat("pattern", c.error[0] == 'i' ? ": " : ", ", c.error))
        << c.text;
  }
  // What the filter says of itself.
  for (const char* text : {"(a {b:{$gtx:1}})", "(a {b:abc})", "(a {b:1,b:01})",
                           "(a)-[{b:{$in:1}}]->(c)", "(a {b:'\n'})"}) {
    const absl::Status status = GraphPattern::Parse(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_NE(status.message().find("these properties: "), std::string::npos) << status;
  }
}

}  // namespace
}  // namespace sheaf::graph
