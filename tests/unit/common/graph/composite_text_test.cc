// The `composites:` part of the native text form (common/graph/composite_text.cc).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/graph/text.h"

namespace graphkiln::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Result {
  v1::Graph graph;
  std::vector<std::string> findings;  // "CODE line:column path"
};

Result Read(std::string_view text) {
  Result result;
  std::vector<v1::Diagnostic> diagnostics;
  absl::StatusOr<v1::Graph> graph = ReadGraph(text, "blocks.yaml", nullptr, &diagnostics);
  if (graph.ok()) result.graph = *std::move(graph);
  for (const v1::Diagnostic& d : diagnostics) {
    result.findings.push_back(d.code() + " " + std::to_string(d.line()) + ":" +
                              std::to_string(d.column()) + " " + d.path());
  }
  return result;
}

TEST(CompositeText, ReadsEveryPart) {
  const Result r = Read(
      "graphkiln: 1\n"
      "composites:\n"
      "  SE:\n"
      "    doc: gate\n"
      "    since: 1\n"
      "    params:\n"
      "      reduction: {type: int, default: 16, min: 1, max: 64, doc: factor}\n"
      "      act: {type: string, choices: [relu, gelu]}\n"
      "    inputs: {input: {ranks: [3, 4], doc: features}}\n"
      "    let: {channels: 'input.dim(1)'}\n"
      "    constraints:\n"
      "      - {that: '$channels >= 1', message: too few, param: reduction, port: input, rule: "
      "SE_C1}\n"
      "    nodes:\n"
      "      fc: {type: Linear, in: input, params: {out_features: '$channels // 2'}, when: "
      "'$reduction > 1', otherwise: input}\n"
      "      act: {type: 'Act{1}', in: fc, repeat: 3}\n"
      "    outputs: {output: act}\n");
  EXPECT_THAT(r.findings, IsEmpty());
  ASSERT_EQ(r.graph.composites_size(), 1);
  const v1::Composite& c = r.graph.composites(0);
  EXPECT_EQ(c.name(), "SE");
  EXPECT_EQ(c.since_version(), 1);
  EXPECT_EQ(c.params(0).default_value().int_value(), 16);
  EXPECT_EQ(c.params(0).minimum(), 1.0);
  EXPECT_EQ(c.params(0).maximum(), 64.0);
  EXPECT_THAT(c.params(1).choices(), ElementsAre("relu", "gelu"));
  EXPECT_THAT(c.inputs(0).ranks(), ElementsAre(3, 4));
  EXPECT_EQ(c.let(0).expression(), "input.dim(1)");
  EXPECT_EQ(c.constraints(0).rule(), "SE_C1");
  EXPECT_EQ(c.nodes(0).when(), "$reduction > 1");
  EXPECT_EQ(c.nodes(0).otherwise().reference().node(), "input");
  EXPECT_EQ(c.nodes(0).node().params().at("out_features").expression(), "$channels // 2");
  EXPECT_EQ(c.nodes(1).repeat(), "3");
  EXPECT_EQ(c.outputs(0).value().reference().node(), "act");
}

TEST(CompositeText, FindingsAreLocated) {
  const Result r = Read(
      "graphkiln: 1\n"
      "composites:\n"
      "  A: [1]\n"
      "  B: {inputs: {x: {}}}\n"
      "  C:\n"
      "    params: {p: {type: tensor}, q: 3}\n"
      "    inputs: {x: {}}\n"
      "    nodes: {n: {in: x}}\n"
      "    outputs: {y: n}\n"
      "    outpts: {y: n}\n");
  EXPECT_THAT(r.findings, ElementsAre("SYNTAX 3:6 composites.A", "MISSING_KEY 4:3 composites.B",
                                      "PARAM_RANGE 6:17 composites.C.params.p.type",
                                      "SYNTAX 6:36 composites.C.params.q",
                                      "MISSING_KEY 8:13 composites.C.nodes.n.type",
                                      "UNKNOWN_FIELD 10:5 composites.C.outpts"));
}

}  // namespace
}  // namespace graphkiln::graph
