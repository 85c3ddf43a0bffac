#include "common/compiler/inactive.h"

#include <gtest/gtest.h>

#include "common/compiler/fixes/edits.h"
#include "common/nodes/example.h"
#include "common/nodes/registry.h"
#include "tests/unit/common/compiler/testing.h"

namespace graphkiln::compiler {
namespace {

// The type's example as a graph, its node called `n`.
v1::Graph ExampleGraph(const nodes::NodeDef& def) {
  v1::Graph graph;
  v1::Node node;
  node.set_id("n");
  node.set_type(std::string(def.name));
  for (const auto& [name, value] : def.example.params)
    (*node.mutable_params())[name] = nodes::ToValue(value);
  size_t port = 0;
  for (const std::string& text : def.example.inputs) {
    v1::GraphInput& input = *graph.add_inputs();
    input.set_name("x" + std::to_string(graph.inputs_size()));
    *input.mutable_spec() = ir::ToProto(*nodes::ParseType(text));
    v1::NodeInput& at = *node.add_inputs();
    at.set_port(def.inputs[port].name);
    v1::Argument* argument = at.mutable_value();
    if (def.inputs[port].variadic) {
      if (node.inputs_size() > 1) node.mutable_inputs()->RemoveLast();
      argument = node.mutable_inputs(0)->mutable_value()->mutable_list()->add_items();
    } else {
      ++port;
    }
    argument->mutable_reference()->set_node(input.name());
  }
  if (graph.inputs_size() == 0) {
    graph.add_inputs()->set_name("x1");
    graph.mutable_inputs(0)->mutable_spec()->set_dtype(v1::DATA_TYPE_FLOAT32);
  }
  *graph.add_nodes() = node;
  v1::GraphOutput& output = *graph.add_outputs();
  output.set_name("y");
  v1::Reference& result = *output.mutable_value()->mutable_reference();
  result.set_node("n");
  if (!def.outputs[0].many) result.set_port(def.outputs[0].name);
  return graph;
}

std::vector<const nodes::NodeDef*> AllTypes() {
  std::vector<const nodes::NodeDef*> all = nodes::AllNodes();
  for (const nodes::NodeDef* def : nodes::OperatorNodes()) {
    // Those without an example are covered by the rule that all share.
    if (!def->example.outputs.empty()) all.push_back(def);
  }
  return all;
}

// A bypassed node leaves its input and nothing else, or an error with fixes of which each works.
TEST(Inactive, EveryTypeStandsAsideOrSaysWhyNot) {
  int aside = 0, refused = 0, projected = 0;
  for (const nodes::NodeDef* def : AllTypes()) {
    if (def->picks || def->reads_weight) continue;
    SCOPED_TRACE(std::string(def->name));
    v1::Graph graph = ExampleGraph(*def);
    const CompileResult normal = Compile(graph);
    ASSERT_TRUE(normal.ok) << Findings(normal);
    graph.mutable_nodes(0)->set_mode(v1::NODE_MODE_BYPASSED);
    CompileOptions options;
    options.most_fixes = 0;  // what the type pass offers itself
    const CompileResult r = Compile(graph, options);
    if (r.ok) {
      ++aside;
      EXPECT_TRUE(r.module->calls.empty());
      EXPECT_TRUE(r.assumptions.empty());
      EXPECT_TRUE(r.module->parameters.empty());
      for (const ir::Output& output : r.module->outputs) {
        bool input = false;
        for (const ir::Input& in : r.module->inputs) input = input || in.value == output.value;
        EXPECT_TRUE(input);
      }
      EXPECT_EQ(r.module->outputs.size(), normal.module->outputs.size());
    } else {
      ++refused;
    }
    for (const v1::Diagnostic& d : r.diagnostics) {
      EXPECT_EQ(d.code(), "BYPASS_SHAPE");
      EXPECT_EQ(d.node(), "n");
      EXPECT_GE(d.fixes_size(), 1);
      for (const v1::Fix& fix : d.fixes()) {
        v1::Graph fixed = graph;
        EXPECT_TRUE(ApplyFix(fix, &fixed).ok());
        const CompileResult again = Compile(fixed);
        EXPECT_TRUE(again.ok) << fix.ShortDebugString() << Findings(again);
        if (!again.ok) continue;
        // What stands in gives what the node gave.
        projected += fix.edits(0).add_node().node().type() != def->name ? 1 : 0;
        EXPECT_EQ(again.module->type(again.module->outputs[0].value),
                  normal.module->type(normal.module->outputs[0].value));
      }
    }
  }
  EXPECT_GE(aside, 150);
  EXPECT_GE(refused, 30);
  EXPECT_GE(projected, 40);
}

TEST(Inactive, NoWeightStaysBehind) {
  const auto r = CompileText(R"(
graphkiln: 1
inputs: {x: {shape: [B, 3]}}
nodes:
  l1: {type: Linear, in: x, params: {out_features: 32}}
  l2: {type: Linear, in: l1, params: {out_features: 16}, mode: bypassed}
  rest: {type: TransformerEncoderLayer, in: l2, params: {nhead: 2}, mode: muted}
  l3: {type: Linear, in: l2, params: {out_features: 1}}
outputs: {y: l3}
)");
  ASSERT_TRUE(r.ok) << Findings(r);
  std::string keys;
  for (const ir::Parameter& parameter : r.module->parameters) keys += parameter.key + " ";
  EXPECT_EQ(keys, "l1.weight l1.bias l3.weight l3.bias ");
  EXPECT_EQ(r.module->calls.size(), 2u);
  EXPECT_EQ(r.module->sources.size(), 2u);
}

TEST(Inactive, AStandInKeepsTheKeys) {
  const auto r = CompileText(R"(
graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  a: {type: Linear, in: x, params: {out_features: 4}, mode: bypassed}
  b: {type: Linear, in: a, module: a}
  c: {type: Linear, in: b, module: a}
outputs: {y: c}
)");
  ASSERT_TRUE(r.ok) << Findings(r);
  ASSERT_EQ(r.module->parameters.size(), 2u);
  EXPECT_EQ(r.module->parameters[0].key, "a.weight");
  EXPECT_EQ(r.module->calls.size(), 2u);
}

TEST(Inactive, AMutedJoinWithOneValueLeftIsThatValue) {
  const auto r = CompileText(R"(
graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  gone: {type: Tanh, in: x, mode: muted}
  sum: {type: Add, in: [gone, x]}
outputs: {y: sum}
)");
  ASSERT_TRUE(r.ok) << Findings(r);
  EXPECT_TRUE(r.module->calls.empty());
  EXPECT_EQ(r.module->outputs[0].value, r.module->inputs[0].value);
}

}  // namespace
}  // namespace graphkiln::compiler
