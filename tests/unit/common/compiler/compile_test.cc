#include "common/compiler/compile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/common/compiler/testing.h"

namespace graphkiln::compiler {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> Keys(const CompileResult& result) {
  std::vector<std::string> keys;
  if (result.module == nullptr) return keys;
  for (const ir::Parameter& p : result.module->parameters)
    keys.push_back(p.key + " " + ir::ShapeText(result.module->type(p.value).shape));
  return keys;
}

TEST(Compile, MlpWithVariables) {
  const auto r = CompileText(R"(
graphkiln: 1
name: iris_mlp
variables: {hidden: 16, twice: $hidden * 2}
inputs: {x: {dtype: float32, shape: [B, 4]}}
nodes:
  fc1: {type: Linear, in: x, params: {out_features: $twice}}
  act: {type: ReLU, in: fc1}
  out: {type: Linear, in: act, params: {out_features: 3, bias: false}}
outputs: {logits: out}
)");
  EXPECT_TRUE(r.ok) << Findings(r);
  EXPECT_THAT(Keys(r), ElementsAre("fc1.weight [32, 4]", "fc1.bias [32]", "out.weight [3, 32]"));
  EXPECT_EQ(Shapes(r, "out"), "[B, 3]");
  ASSERT_EQ(r.module->outputs.size(), 1u);
  EXPECT_EQ(r.module->outputs[0].name, "logits");
}

TEST(Compile, EveryErrorInOneAnswerAndTheRestStaysTyped) {
  const auto r = CompileText(R"(
graphkiln: 1
inputs: {x: {dtype: float32, shape: [B, 3, 8, 8]}}
nodes:
  conv: {type: Conv2d, in: x, params: {out_channels: 4, kernel_sise: 3}}
  after: {type: ReLU, in: conv}
  pool: {type: MaxPool2d, in: x, params: {kernel_size: 9}}
  typo: {type: Lienar, in: x}
  fine: {type: ReLU, in: x}
  lost: {type: ReLU, in: nowhere}
outputs: {y: fine, z: after}
)");
  EXPECT_FALSE(r.ok);
  EXPECT_EQ(r.module, nullptr);
  EXPECT_EQ(Findings(r),
            "UNKNOWN_TYPE typo\n"
            "UNKNOWN_REFERENCE lost input\n"
            "UNKNOWN_PARAM conv kernel_sise\n"
            "SHAPE_MISMATCH pool input\n");
  EXPECT_EQ(Shapes(r, "fine"), "[B, 3, 8, 8]");
  EXPECT_EQ(Shapes(r, "after"), "");
  EXPECT_EQ(r.diagnostics[0].fixes(0).edits(0).set_type().type(), "Linear");
  EXPECT_EQ(r.diagnostics[2].fixes(0).edits(1).set_param().param(), "kernel_size");
  EXPECT_EQ(r.diagnostics[3].rule(), "POOL_C2");
}

TEST(Compile, GivenSizesAreCheckedAgainstTheInput) {
  const auto r = CompileText(R"(
graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes: {fc: {type: Linear, in: x, params: {in_features: 5, out_features: 3}}}
outputs: {y: fc}
)");
  ASSERT_EQ(r.diagnostics.size(), 1u);
  EXPECT_EQ(r.diagnostics[0].code(), "SHAPE_MISMATCH");
  EXPECT_EQ(r.diagnostics[0].param(), "in_features");
  EXPECT_EQ(r.diagnostics[0].expected(), "float32[B, 5]");
  EXPECT_EQ(r.diagnostics[0].found(), "float32[B, 4]");
  EXPECT_EQ(r.diagnostics[0].fixes(0).edits(0).set_param().value().int_value(), 4);
}

TEST(Compile, CycleIsReportedOnceAndCut) {
  const auto r = CompileText(R"(
graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  a: {type: Add, in: [x, c]}
  b: {type: ReLU, in: a}
  c: {type: ReLU, in: b}
outputs: {y: c}
)");
  EXPECT_EQ(Findings(r), "CYCLE b\n");
  EXPECT_THAT(r.diagnostics[0].found(), HasSubstr("a"));
}

TEST(Compile, TupleNeedsGet) {
  const char* text = R"(
graphkiln: 1
inputs: {x: {shape: [B, 5, 3]}}
nodes:
  gru: {type: GRU, in: x, params: {hidden_size: 4, batch_first: true}}
  fc: {type: Linear, in: %s, params: {out_features: 2}}
outputs: {y: fc}
)";
  const auto with = [&](const char* in) {
    std::string yaml(text);
    yaml.replace(yaml.find("%s"), 2, in);
    return CompileText(yaml);
  };
  const auto bad = with("gru");
  EXPECT_EQ(Findings(bad), "TUPLE_NEEDS_GET fc input\n");
  EXPECT_EQ(bad.diagnostics[0].found(), "(float32[B, 5, 4], float32[1, B, 4])");
  EXPECT_EQ(Shapes(with("gru.output"), "fc"), "[B, 5, 2]");
  EXPECT_EQ(Shapes(with("gru.h_n"), "fc"), "[1, B, 2]");
  EXPECT_EQ(Findings(with("gru.h_m")), "UNKNOWN_PORT fc input\n");
}

TEST(Compile, GetPicksFromNestedTuples) {
  const auto r = CompileText(R"(
graphkiln: 1
inputs: {x: {shape: [7, B, 3]}}
nodes:
  lstm: {type: LSTM, in: x, params: {hidden_size: 4, proj_size: 2, num_layers: 2}}
  state: {type: Get, in: lstm, params: {index: 1}}
  cell: {type: Get, in: state, params: {index: -1}}
  none: {type: Get, in: state, params: {index: 2}}
outputs: {y: cell}
)");
  EXPECT_EQ(Findings(r), "UNUSED_NODE none\nPARAM_RANGE none input\n");
  EXPECT_EQ(Shapes(r, "lstm"), "[7, B, 2] [2, B, 2] [2, B, 4]");
  EXPECT_EQ(Shapes(r, "cell"), "[2, B, 4]");
}

TEST(Compile, CompositesAreTypedAgainstTheirInputs) {
  const auto r = CompileText(R"(
graphkiln: 1
inputs: {x: {shape: [B, 4, 8, 8]}, s: {shape: [B, 4, 9]}}
nodes:
  same: {type: ResidualBlock, in: x, params: {out_channels: 4}}
  down: {type: ResidualBlock, in: same, params: {out_channels: 8, stride: 2}}
  se: {type: SEBlock, in: down, params: {reduction: 4}}
  line: {type: ResidualBlock, in: s, params: {out_channels: 4}}
outputs: {y: se, z: line}
)");
  ASSERT_TRUE(r.ok) << Findings(r);
  EXPECT_EQ(Shapes(r, "se"), "[B, 8, 4, 4]");
  EXPECT_EQ(Shapes(r, "line"), "[B, 4, 9]");
  const auto keys = Keys(r);
  EXPECT_THAT(keys, ::testing::Contains("same.conv1.weight [4, 4, 3, 3]"));
  EXPECT_THAT(keys, ::testing::Contains("down.projection.weight [8, 4, 1, 1]"));
  EXPECT_THAT(keys, ::testing::Not(::testing::Contains(HasSubstr("same.projection"))));
  EXPECT_THAT(keys, ::testing::Contains("se.fc1.weight [2, 8]"));
  EXPECT_THAT(keys, ::testing::Contains("line.conv1.weight [4, 4, 3]"));
}

TEST(Compile, CompositeRulesAreReportedAtTheUsersNode) {
  const auto r = CompileText(R"(
graphkiln: 1
inputs: {x: {shape: [B, 4, 8, 8]}}
nodes:
  even: {type: ResidualBlock, in: x, params: {out_channels: 4, kernel_size: 2}}
  se: {type: SEBlock, in: x}
  flat: {type: Flatten, in: x}
  rank: {type: SEBlock, in: flat}
outputs: {y: se, z: even, w: rank}
)");
  EXPECT_EQ(Findings(r),
            "COMPOSITE_RULE even kernel_size\n"
            "COMPOSITE_RULE se reduction\n"
            "RANK_MISMATCH rank input\n");
  EXPECT_EQ(r.diagnostics[0].rule(), "RESIDUAL_C1");
  EXPECT_THAT(r.diagnostics[1].message(), HasSubstr("reduction 8 leaves nothing of 4 channels"));
}

TEST(Compile, OwnCompositesWithRepetition) {
  const auto r = CompileText(R"(
graphkiln: 1
composites:
  Tower:
    params: {depth: {type: int, default: 2, min: 0}, width: {type: int}}
    inputs: {input: {}}
    nodes:
      layers: {type: Linear, in: input, params: {out_features: $width + $i}, repeat: $depth}
      act: {type: ReLU, in: layers}
    outputs: {output: act}
inputs: {x: {shape: [B, 3]}}
nodes:
  t: {type: Tower, in: x, params: {width: 4}}
  none: {type: Tower, in: x, params: {width: 4, depth: 0}}
outputs: {y: t, z: none}
)");
  ASSERT_TRUE(r.ok) << Findings(r);
  EXPECT_THAT(Keys(r), ElementsAre("t.layers.0.weight [4, 3]", "t.layers.0.bias [4]",
                                   "t.layers.1.weight [5, 4]", "t.layers.1.bias [5]"));
  EXPECT_EQ(Shapes(r, "none"), "[B, 3]");
}

TEST(Compile, ExplodingCompositesAreBounded) {
  std::string text =
      "graphkiln: 1\ncomposites:\n  C0: {inputs: {input: {}}, nodes: {a: {type: ReLU, in: input}}, "
      "outputs: {output: a}}\n";
  for (int i = 1; i < 40; ++i) {
    text += "  C" + std::to_string(i) + ": {inputs: {input: {}}, nodes: {a: {type: C" +
            std::to_string(i - 1) + ", in: input}, b: {type: C" + std::to_string(i - 1) +
            ", in: a}}, outputs: {output: b}}\n";
  }
  text += "inputs: {x: {shape: [B, 3]}}\nnodes: {n: {type: C39, in: x}}\noutputs: {y: n}\n";
  const auto r = CompileText(text);
  EXPECT_FALSE(r.ok);
  EXPECT_EQ(r.diagnostics[0].code(), "LIMIT");
}

TEST(Compile, CompositeThatContainsItselfEnds) {
  const auto r = CompileText(R"(
graphkiln: 1
composites:
  Loop: {inputs: {input: {}}, nodes: {a: {type: Loop, in: input}}, outputs: {output: a}}
inputs: {x: {shape: [B, 3]}}
nodes: {n: {type: Loop, in: x}}
outputs: {y: n}
)");
  EXPECT_EQ(Findings(r), "LIMIT n\n");
}

TEST(Compile, SharedModulesUseOneWeight) {
  const auto r = CompileText(R"(
graphkiln: 1
inputs: {x: {shape: [B, 4]}, y: {shape: [B, 4]}, z: {shape: [B, 5]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: 2}}
  twin: {type: Linear, in: y, module: fc}
  odd: {type: Linear, in: z, module: fc}
outputs: {a: fc, b: twin, c: odd}
)");
  EXPECT_EQ(Findings(r), "SHARED_MODULE odd in_features\n");
  EXPECT_EQ(Shapes(r, "twin"), "[B, 2]");
}

TEST(Compile, NestedOutputsAreNamedByPositionOrKey) {
  const auto single = CompileText(R"(
graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes: {a: {type: ReLU, in: x}, b: {type: Tanh, in: x}}
outputs: {out: [a, b]}
)");
  ASSERT_TRUE(single.ok) << Findings(single);
  EXPECT_EQ(single.module->outputs[0].name, "0");
  EXPECT_EQ(single.module->outputs[1].name, "1");
}

TEST(Compile, BadInputsAndOutputs) {
  EXPECT_EQ(Findings(Compile(v1::Graph())), "NO_INPUTS \nNO_OUTPUTS \n");
  v1::Graph graph = ReadOrDie(
      "graphkiln: 1\ninputs: {x: {shape: [B, 4]}}\nnodes: {a: {type: ReLU, in: x}}\noutputs: {y: "
      "a}\n");
  graph.mutable_inputs(0)->mutable_spec()->mutable_shape(1)->set_size(-4);
  EXPECT_EQ(Findings(Compile(graph)), "BAD_SHAPE \n");
  graph.set_schema_version(9);
  graph.mutable_inputs(0)->mutable_spec()->mutable_shape(1)->set_size(4);
  EXPECT_EQ(Findings(Compile(graph)), "BAD_VERSION \n");
}

TEST(Compile, HostileSizesEndInADiagnostic) {
  const auto r = CompileText(R"(
graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: 9000000000000000}}
  big: {type: Embedding, in: x, params: {num_embeddings: 2000000000, embedding_dim: 2000000000}}
outputs: {a: fc, b: big}
)");
  EXPECT_EQ(Findings(r), "PARAM_RANGE fc out_features\nSIZE_OVERFLOW big\n");
}

TEST(Compile, DeepGraphsDoNotRecurse) {
  v1::Graph graph;
  graph.set_name("deep");
  v1::GraphInput* input = graph.add_inputs();
  input->set_name("x");
  input->mutable_spec()->add_shape()->set_symbol("B");
  std::string last = "x";
  for (int i = 0; i < 100000; ++i) {
    v1::Node* node = graph.add_nodes();
    node->set_id("n" + std::to_string(i));
    node->set_type("ReLU");
    node->add_inputs()->mutable_value()->mutable_reference()->set_node(last);
    last = node->id();
  }
  v1::GraphOutput* output = graph.add_outputs();
  output->set_name("y");
  output->mutable_value()->mutable_reference()->set_node(last);
  const auto r = Compile(graph);
  EXPECT_TRUE(r.ok);
  EXPECT_EQ(r.module->calls.size(), 100000u);
}

TEST(Compile, IdsHaveALength) {
  v1::Graph graph = ReadOrDie(
      "graphkiln: 1\n"
      "inputs: {x: {shape: [B, 4]}}\n"
      "outputs: {y: a}\n"
      "nodes: {a: {type: ReLU, in: x}, b: {type: Tanh, in: a}}\n");
  graph.mutable_nodes(1)->set_id(std::string(1025, 'b'));
  graph.mutable_outputs(0)->mutable_value()->mutable_reference()->set_node(std::string(1025, 'b'));
  const CompileResult result = Compile(graph);
  ASSERT_EQ(result.diagnostics.size(), 1u);
  EXPECT_EQ(result.diagnostics[0].code(), "BAD_ID");
  EXPECT_EQ(result.diagnostics[0].fixes_size(), 1);
}

TEST(Compile, InputsWithoutShapesAreAskedFor) {
  v1::Graph graph = ReadOrDie(
      "graphkiln: 1\n"
      "inputs: {x: {shape: [B, 4]}}\n"
      "outputs: {y: a}\n"
      "nodes: {a: {type: ReLU, in: x}}\n");
  graph.mutable_inputs(0)->set_shape_known(false);
  const CompileResult result = Compile(graph);
  ASSERT_FALSE(result.diagnostics.empty());
  EXPECT_EQ(result.diagnostics[0].code(), "MISSING_SHAPE");
  EXPECT_EQ(result.diagnostics[0].path(), "inputs.x");
}

TEST(Compile, UnusedNodesAreWarnedAbout) {
  const auto r = CompileText(R"(
graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes: {a: {type: ReLU, in: x}, dead: {type: ReLU, in: a}}
outputs: {y: a}
)");
  EXPECT_TRUE(r.ok);
  EXPECT_EQ(Findings(r), "UNUSED_NODE dead\n");
}

}  // namespace
}  // namespace graphkiln::compiler
