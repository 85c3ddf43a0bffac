#include "common/compiler/repair.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/graph/diff.h"
#include "fmt/format.h"
#include "tests/unit/common/compiler/testing.h"

namespace graphkiln::compiler {
namespace {

// `CODE node: what was done` per fix.
std::string Done(const Repair& repair) {
  std::string out;
  for (const v1::Diagnostic& d : repair.applied) {
    EXPECT_EQ(d.fixes_size(), 1);
    out += fmt::format("{} {}: {}\n", d.code(), d.node(), d.fixes(0).description());
  }
  return out;
}

TEST(Repair, AValidGraphStaysAsItIs) {
  const v1::Graph graph = ReadOrDie(
      "graphkiln: 1\n"
      "inputs: {x: {shape: [B, 4]}}\n"
      "outputs: {y: a}\n"
      "nodes: {a: {type: ReLU, in: x}}\n");
  const Repair repair = RepairGraph(graph);
  EXPECT_TRUE(repair.result.ok);
  EXPECT_TRUE(repair.applied.empty());
  EXPECT_EQ(repair.graph.SerializeAsString(), graph.SerializeAsString());
}

TEST(Repair, FaultsBehindFaultsAreMendedInRounds) {
  const Repair repair = RepairGraph(ReadOrDie(R"(
graphkiln: 1
inputs: {x: {shape: [B, 3, 8, 8]}}
nodes:
  conv: {type: Conv2, in: x, params: {in_channels: 4, out_channels: 8, kernel_size: 3}}
  act: {type: ReLU, in: convv}
  fc: {type: Linear, in: act, params: {in_features: 288, out_feature: 5}}
  out: {type: Linear, in: fc, params: {in_features: 6, out_features: 2}}
outputs: {y: out}
)"));
  EXPECT_TRUE(repair.result.ok) << Findings(repair.result) << Done(repair);
  EXPECT_EQ(Shapes(repair.result, "out"), "[B, 2]");
  EXPECT_THAT(Done(repair), testing::HasSubstr("insert Flatten(start_dim=1)"));
}

TEST(Repair, DeadEndsAreConnectedWhereSomethingIsMissing) {
  const Repair repair = RepairGraph(ReadOrDie(R"(
graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  a: {type: Linear, in: x, params: {out_features: 8}}
  b: {type: Linear, in: x, params: {out_features: 8}}
  sum: {type: Add, in: [a]}
outputs: {y: sum}
)"));
  EXPECT_TRUE(repair.result.ok) << Findings(repair.result);
  EXPECT_EQ(Done(repair), "ARITY sum: connect \"b\" to inputs[1]\n");
}

TEST(Repair, WarningsAreMendedHintsAreNot) {
  const Repair repair = RepairGraph(ReadOrDie(R"(
graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  a: {type: Tanh, in: x}
  b: {type: Tanh, in: x}
  sum: {type: Add, in: [a, b]}
  idle: {type: ReLU, in: sum}
  idler: {type: ReLU, in: idle}
outputs: {y: sum}
)"));
  EXPECT_EQ(Done(repair),
            "UNUSED_NODE idle: remove the node\nUNUSED_NODE idler: remove the node\n");
  EXPECT_EQ(Findings(repair.result), "DUPLICATE_BRANCH b\n");
}

// Behind a guess, what is of no use may be what the user meant: it is told, not removed.
TEST(Repair, RemovesNothingWhereErrorsWereMended) {
  const Repair repair = RepairGraph(ReadOrDie(R"(
graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  film1: {type: Linear, in: x, params: {out_features: 4}}
  relu: {type: ReLU, in: film1}
  film2: {type: Linear, in: relu, params: {out_features: 4}}
  out: {type: Tanh, in: film}
outputs: {y: out}
)"));
  EXPECT_TRUE(repair.result.ok) << Findings(repair.result);
  EXPECT_EQ(repair.graph.nodes_size(), 4);
  EXPECT_EQ(repair.applied.size(), 1u) << Done(repair);
}

// A type whose name is far from what was written fits by chance.
TEST(Repair, UnknownTypesBecomeNeighboursOnly) {
  for (const char* type : {"Frobnicate", "Zzzzqqq", "Dense"}) {
    v1::Graph graph = ReadOrDie(R"(
graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes: {a: {type: T, in: x}}
outputs: {y: a}
)");
    graph.mutable_nodes(0)->set_type(type);
    const Repair repair = RepairGraph(graph);
    EXPECT_FALSE(repair.result.ok) << type;
    EXPECT_EQ(repair.graph.nodes(0).type(), type);
  }
  v1::Graph graph = ReadOrDie(R"(
graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes: {a: {type: Linaer, in: x, params: {out_features: 3}}}
outputs: {y: a}
)");
  EXPECT_EQ(RepairGraph(graph).graph.nodes(0).type(), "Linear");
}

TEST(Repair, WhatNothingMendsStays) {
  const v1::Graph graph = ReadOrDie(
      "graphkiln: 1\n"
      "inputs: {x: {shape: [B, 4]}}\n"
      "outputs: {y: a}\n"
      "nodes: {a: {type: Qqqqqqqq, in: x}}\n");
  const Repair repair = RepairGraph(graph);
  EXPECT_FALSE(repair.result.ok);
  EXPECT_TRUE(repair.applied.empty());
}

// Each error costs a bounded number of trials, and each trial a bounded part of the graph.
TEST(Repair, ManyErrorsInALargeGraph) {
  v1::Graph graph = ReadOrDie(
      "graphkiln: 1\n"
      "inputs: {x: {shape: [B, 4]}}\n"
      "outputs: {y: a}\n"
      "nodes: {a: {type: ReLU, in: x}}\n");
  std::string last = "a";
  for (int i = 0; i < 300; ++i) {
    v1::Node& node = *graph.add_nodes();
    node.set_id(fmt::format("fc{}", i));
    node.set_type(i % 3 == 0 ? "Linaer" : "Linear");
    (*node.mutable_params())["out_features"].set_int_value(4);
    node.add_inputs()->mutable_value()->mutable_reference()->set_node(last);
    last = node.id();
  }
  graph.mutable_outputs(0)->mutable_value()->mutable_reference()->set_node(last);
  const Repair repair = RepairGraph(graph);
  EXPECT_TRUE(repair.result.ok);
  EXPECT_EQ(repair.applied.size(), 100u);
}

}  // namespace
}  // namespace graphkiln::compiler
