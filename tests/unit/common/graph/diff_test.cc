#include "common/graph/diff.h"

#include <gtest/gtest.h>

#include "common/graph/text.h"

namespace graphkiln::graph {
namespace {

v1::Graph Read(std::string_view text) {
  std::vector<v1::Diagnostic> diagnostics;
  return *ReadGraph(text, "g", nullptr, &diagnostics);
}

TEST(Diff, NamesNodesAndFields) {
  const v1::Graph a = Read(
      "graphkiln: 1\ninputs: {x: {shape: [B, 4]}}\nnodes: {a: {type: Linear, in: x, params: "
      "{out_features: 3}}, b: {type: ReLU, in: a}}\noutputs: {y: b}\n");
  const v1::Graph b = Read(
      "graphkiln: 1\ninputs: {x: {shape: [B, 5]}}\nnodes: {a: {type: Linear, in: x, params: "
      "{out_features: 4, bias: false}}, c: {type: ReLU, in: a}}\noutputs: {y: c}\n");
  EXPECT_TRUE(Diff(a, a).equal());
  const v1::DiffGraphsResponse diff = Diff(a, b);
  EXPECT_FALSE(diff.equal());
  ASSERT_EQ(diff.added_size(), 1);
  EXPECT_EQ(diff.added(0), "c");
  EXPECT_EQ(diff.removed(0), "b");
  std::string changes;
  for (const v1::FieldChange& c : diff.changed())
    changes += c.node() + " " + c.field() + " " + c.from() + " " + c.to() + "\n";
  EXPECT_EQ(changes,
            " inputs.x {\"dtype\":\"float32\",\"shape\":[\"B\",4]} "
            "{\"dtype\":\"float32\",\"shape\":[\"B\",5]}\n"
            " outputs.y \"b\" \"c\"\n"
            "a params.bias  false\n"
            "a params.out_features 3 4\n");
}

}  // namespace
}  // namespace graphkiln::graph
