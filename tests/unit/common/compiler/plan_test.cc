#include "common/compiler/plan.h"

#include "common/compiler/plan_region.h"
#include "common/graph/writer.h"
#include "common/ir/fold.h"
#include "common/ir/prune.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "tests/unit/common/compiler/testing.h"

namespace graphkiln::compiler {
namespace {

struct Planned {
  v1::Graph graph;
  CompileResult compiled;
  Plan plan;
};

Planned PlanText(std::string_view yaml) {
  Planned out;
  out.graph = ReadOrDie(yaml);
  out.compiled = Compile(out.graph);
  EXPECT_TRUE(out.compiled.ok) << Findings(out.compiled);
  auto plan = MakePlan(out.graph, out.compiled);
  EXPECT_TRUE(plan.ok()) << plan.status().ToString();
  if (plan.ok()) out.plan = *std::move(plan);
  return out;
}

std::string Keys(const ir::Module& module) {
  std::string out;
  for (const ir::Parameter& p : module.parameters) {
    out += p.key + (p.buffer ? " buffer" : "") + (p.trainable ? " learns" : "") + "\n";
  }
  return out;
}

std::string Calls(const ir::Module& module) {
  std::string out;
  for (const ir::Call& call : module.calls) out += std::string(call.op->name) + "\n";
  return out;
}

TEST(Plan, ModesDecideWhatLearns) {
  const Planned p = PlanText(R"(
inputs: {x: {shape: [B, 4]}}
nodes:
  a: {type: Linear, in: x, params: {out_features: 4, bias: false}, compile: freeze}
  b: {type: Linear, in: a, params: {out_features: 4, bias: false}, compile: constant}
  c: {type: Linear, in: b, params: {out_features: 4, bias: false}, compile: export}
  d: {type: Linear, in: c, params: {out_features: 4, bias: false}, compile: runtime}
outputs: {y: d}
)");
  EXPECT_EQ(Keys(p.plan.program), "a.weight\nb.weight buffer\nc.weight\nd.weight learns\n");
  // Without the plan the same weights learn; constants are parameters still.
  EXPECT_EQ(Keys(*p.compiled.module), "a.weight\nb.weight\nc.weight\nd.weight learns\n");
  EXPECT_EQ(fmt::format("{} {} {} {} {}", p.plan.frozen, p.plan.constant, p.plan.exported,
                        p.plan.runtime, p.plan.active),
            R"(["a"] ["b"] ["c"] ["d"] ["a", "d"])");
  EXPECT_TRUE(p.plan.connections.empty());
  EXPECT_EQ(p.plan.eliminated, 2u);
}

TEST(Plan, DeadCodeGoesButStatisticsOfLiveNodesStay) {
  const Planned p = PlanText(R"(
inputs: {x: {shape: [4, 3]}, z: {shape: [4, 3]}}
nodes:
  norm: {type: BatchNorm1d, in: x}
  again: {type: BatchNorm1d, in: z, module: norm}
  alone: {type: BatchNorm1d, in: z}
  lost: {type: Linear, in: alone, params: {out_features: 2}}
outputs: {y: norm}
)");
  EXPECT_EQ(fmt::format("{}", p.plan.dead), R"(["again", "alone", "lost"])");
  // `again` changes the running statistics that `norm` reads: its call stays, `alone`'s goes.
  EXPECT_EQ(Calls(p.plan.program).find("aten.linear"), std::string::npos);
  EXPECT_EQ(Keys(p.plan.program).find("alone"), std::string::npos);
  int norms = 0;
  for (const ir::Call& call : p.plan.program.calls)
    norms += call.op->name.find("batch_norm") != std::string_view::npos;
  EXPECT_EQ(norms, 2);
}

TEST(Plan, OnlyConstantRegionsAreFolded) {
  constexpr std::string_view kGraph = R"(
inputs: {{x: {{shape: [B, 3]}}}}
nodes:
  at: {{type: aten.arange.default, params: {{end: 3}}, compile: {0}}}
  table: {{type: Embedding, in: at, params: {{num_embeddings: 3, embedding_dim: 3}}, compile: {0}}}
  noisy: {{type: Dropout, in: table, compile: {0}}}
  sum: {{type: aten.matmul.default, in: [x, noisy]}}
outputs: {{y: sum}}
)";
  const Planned frozen = PlanText(fmt::format(fmt::runtime(kGraph), "freeze"));
  EXPECT_EQ(Calls(frozen.plan.program), Calls(*frozen.compiled.module));
  EXPECT_TRUE(frozen.plan.folded_keys.empty());
  const Planned constant = PlanText(fmt::format(fmt::runtime(kGraph), "constant"));
  // Dropout differs between training and evaluation, so it runs.
  EXPECT_EQ(Calls(constant.plan.program), "aten.dropout.default\naten.matmul.default\n");
  EXPECT_EQ(Calls(constant.plan.folded), "aten.arange.default\naten.embedding.default\n");
  EXPECT_EQ(fmt::format("{}", constant.plan.folded_keys), R"(["table.value"])");
  EXPECT_EQ(Keys(constant.plan.program), "table.value buffer\n");
  EXPECT_TRUE(constant.plan.folded.inputs.empty());
  const Planned mixed = PlanText(fmt::format(fmt::runtime(kGraph), "runtime"));
  EXPECT_TRUE(mixed.plan.folded_keys.empty());
}

TEST(Plan, OpenSizesAreNotFolded) {
  const Planned p = PlanText(R"(
inputs: {x: {shape: [B, T]}}
nodes:
  ones: {type: aten.ones_like.default, in: x, compile: constant}
  sum: {type: Add, in: [x, ones]}
outputs: {y: sum}
)");
  EXPECT_TRUE(p.plan.folded_keys.empty());
  ASSERT_EQ(p.plan.diagnostics.size(), 1u);  // the mode changes nothing
  EXPECT_EQ(p.plan.diagnostics[0].node(), "ones");
}

TEST(Plan, ARegionAloneTypesLikeInItsGraph) {
  const Planned p = PlanText(R"(
variables: {w: 6}
inputs: {x: {shape: [B, 3, H, H]}}
nodes:
  pool: {type: MaxPool2d, in: x, params: {kernel_size: 2}}
  conv: {type: Conv2d, in: pool, params: {out_channels: $w, kernel_size: 1}}
  other: {type: Conv2d, in: pool, params: {out_channels: $w, kernel_size: 1}, module: conv, compile: export}
  both: {type: Concat, in: [conv, other, conv], params: {dim: 1}, compile: export}
outputs: {y: both}
)");
  std::vector<std::string> texts;
  for (const PlannedRegion& region : p.plan.regions) {
    const Instance& instance = p.compiled.instances[static_cast<size_t>(region.instance)];
    const v1::Graph alone =
        RegionGraph(p.graph, p.graph.nodes(region.node), instance, *p.compiled.module);
    const CompileResult compiled = Compile(alone);
    EXPECT_EQ(Findings(compiled), "") << graph::WriteYaml(alone);
    ASSERT_TRUE(compiled.ok);
    texts.push_back(Keys(*compiled.module));
    texts.push_back(ir::TypeText(compiled.module->type(compiled.module->outputs[0].value)));
  }
  // It shares another node's weights and keeps their keys; sizes that are no plain symbol are open.
  EXPECT_EQ(texts[0], "conv.weight learns\nconv.bias learns\n");
  EXPECT_EQ(texts[1], "float32[B, 6, D1, D1]");
  EXPECT_EQ(texts[3], "float32[B, 18, D1, D1]");
  EXPECT_EQ(fmt::format("{}", p.plan.regions[0].keys), R"(["conv.bias", "conv.weight"])");
}

TEST(Plan, SymbolsOfARegionAreNoneOfTheGraph) {
  const Planned p = PlanText(R"(
inputs: {x: {shape: [B, 3, D1, T]}}
nodes:
  pool: {type: MaxPool2d, in: x, params: {kernel_size: [1, 2]}}
  conv: {type: Conv2d, in: pool, params: {out_channels: 3, kernel_size: 1}, compile: export}
outputs: {y: conv}
)");
  ASSERT_EQ(p.plan.regions.size(), 1u);
  const PlannedRegion& region = p.plan.regions[0];
  const v1::Graph alone =
      RegionGraph(p.graph, p.graph.nodes(region.node),
                  p.compiled.instances[static_cast<size_t>(region.instance)], *p.compiled.module);
  const CompileResult compiled = Compile(alone);
  ASSERT_TRUE(compiled.ok) << Findings(compiled);
  EXPECT_EQ(ir::TypeText(compiled.module->type(compiled.module->outputs[0].value)),
            "float32[B, 3, D1, D2]");
}

TEST(Plan, TheWeightOfAParameterHasItsMode) {
  const Planned p = PlanText(R"(
inputs: {x: {shape: [B, 4]}}
nodes:
  p: {type: Parameter, params: {shape: [4]}, compile: freeze}
  p2: {type: Parameter, params: {shape: [4]}, compile: constant}
  sum: {type: Add, in: [x, p]}
  all: {type: Add, in: [sum, p2]}
outputs: {y: all}
)");
  EXPECT_TRUE(p.plan.diagnostics.empty());
  ASSERT_EQ(p.plan.regions.size(), 2u);
  EXPECT_EQ(fmt::format("{} {}", p.plan.regions[0].keys, p.plan.regions[1].keys),
            R"(["p"] ["p2"])");
  EXPECT_EQ(Keys(p.plan.program), "p\np2 buffer\n");
}

std::string Found(const Plan& plan) {
  std::string out;
  for (const v1::Diagnostic& d : plan.diagnostics)
    out += fmt::format("{} {}|{}: {}\n", d.code(), d.node(), d.path(), d.message());
  return out;
}

TEST(Plan, FindingsNameTheUsersNode) {
  const Planned p = PlanText(R"(
inputs: {x: {shape: [B, 4]}}
nodes:
  the act: {type: ReLU, in: x, compile: freeze}
  the box:
    type: Sequential
    in: the act
    children: {fc: {type: Linear, params: {out_features: 4}}, act: {type: Tanh, compile: export}}
outputs: {y: the box}
)");
  EXPECT_EQ(Found(p.plan),
            "MODE_WITHOUT_EFFECT the act|: ReLU \"the act\": it has no weights, so the compile "
            "mode freeze changes nothing\n"
            "MODE_WITHOUT_EFFECT the box|.act: Tanh \"the_box.act\": it has no weights, so the "
            "compile mode export changes nothing\n");
}

TEST(Plan, DifferentModesOfSharedWeightsAreTold) {
  constexpr std::string_view kGraph = R"(
inputs: {{x: {{shape: [B, 4]}}}}
nodes:
  a 1: {{type: Linear, in: x, params: {{out_features: 4}}, compile: {}}}
  b 1: {{type: Linear, in: a 1, module: a 1, compile: {}}}
outputs: {{y: b 1}}
)";
  const auto found = [&](std::string_view a, std::string_view b) {
    return Found(PlanText(fmt::format(fmt::runtime(kGraph), a, b)).plan);
  };
  EXPECT_EQ(found("freeze", "freeze"), "");
  EXPECT_EQ(found("freeze", "constant"),
            "SHARED_MODULE a 1|: \"b 1\" and \"a 1\" share weights: the compile mode constant of "
            "the first holds for both\n");
  EXPECT_EQ(found("export", "runtime"),
            "SHARED_MODULE b 1|: \"a 1\" and \"b 1\" share weights: the compile mode export of "
            "the first holds for both\n");
}

TEST(Plan, AGraphWithErrorsHasNone) {
  const v1::Graph graph =
      ReadOrDie("inputs: {x: {shape: [2]}}\nnodes: {a: {type: Nope, in: x}}\noutputs: {y: a}\n");
  EXPECT_EQ(MakePlan(graph, Compile(graph)).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(Plan, LongChainsAndManyRegions) {
  v1::Graph graph;
  graph.add_inputs()->set_name("x");
  graph.mutable_inputs(0)->mutable_spec()->add_shape()->set_symbol("B");
  std::string last = "x";
  for (int i = 0; i < 20'000; ++i) {
    v1::Node* node = graph.add_nodes();
    node->set_id(fmt::format("n{}", i));
    node->set_type("ReLU");
    node->set_compile_mode(i % 3 == 0 ? v1::COMPILE_MODE_EXPORT : v1::COMPILE_MODE_CONSTANT);
    node->add_inputs()->mutable_value()->mutable_reference()->set_node(last);
    last = node->id();
  }
  graph.add_outputs()->set_name("y");
  graph.mutable_outputs(0)->mutable_value()->mutable_reference()->set_node(last);
  const CompileResult compiled = Compile(graph);
  ASSERT_TRUE(compiled.ok);
  const auto plan = MakePlan(graph, compiled);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->exported.size() + plan->constant.size(), 20'000u);
  EXPECT_EQ(plan->program.calls.size(), 20'000u);
}

}  // namespace
}  // namespace graphkiln::compiler
