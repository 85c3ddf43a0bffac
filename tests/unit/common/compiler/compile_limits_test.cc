// Sizes at and beyond the limits: nothing overflows, and what is too much is said. Graphs that
// arrive as bytes or text nest at most 100 levels; those made in memory are nested more deeply
// here.
#include <gtest/gtest.h>

#include <string>

#include "common/compiler/compile.h"
#include "common/ir/verify.h"
#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

void Refer(const std::string& node, v1::Argument* argument) {
  argument->mutable_reference()->set_node(node);
}

v1::Graph Empty() {
  v1::Graph graph;
  v1::GraphInput* input = graph.add_inputs();
  input->set_name("x");
  input->mutable_spec()->add_shape()->set_symbol("B");
  input->mutable_spec()->add_shape()->set_size(8);
  return graph;
}

void Output(const std::string& node, v1::Graph* graph) {
  v1::GraphOutput* output = graph->add_outputs();
  output->set_name("y");
  Refer(node, output->mutable_value());
}

v1::Node* Add(const std::string& id, const std::string& type, const std::string& source,
              v1::Graph* graph) {
  v1::Node* node = graph->add_nodes();
  node->set_id(id);
  node->set_type(type);
  Refer(source, node->add_inputs()->mutable_value());
  return node;
}

// `backwards`: the last node stands first, so that the order is found by going all the way down.
v1::Graph Chain(int nodes, bool backwards) {
  v1::Graph graph = Empty();
  for (int k = 0; k < nodes; ++k) {
    const int i = backwards ? nodes - 1 - k : k;
    Add(fmt::format("n{}", i), "ReLU", i == 0 ? "x" : fmt::format("n{}", i - 1), &graph);
  }
  Output(fmt::format("n{}", nodes - 1), &graph);
  return graph;
}

std::vector<std::string> Codes(const CompileResult& result) {
  std::vector<std::string> codes;
  for (const v1::Diagnostic& d : result.diagnostics) codes.push_back(d.code());
  return codes;
}

const std::vector<std::string> kLimit = {"LIMIT"};

TEST(Limits, AMillionNodesAreRefusedAtOnce) {
  const CompileResult result = Compile(Chain(1'000'000, false));
  EXPECT_EQ(Codes(result), kLimit);
  EXPECT_TRUE(result.nodes.empty());
}

TEST(Limits, DeepChainsInEitherOrder) {
  for (const bool backwards : {false, true}) {
    const CompileResult result = Compile(Chain(10'000, backwards));
    ASSERT_TRUE(result.ok);
    EXPECT_EQ(result.module->calls.size(), 10'000u);
    EXPECT_TRUE(ir::Verify(*result.module).ok());
    EXPECT_EQ(result.nodes[0].outputs[0].dim(1), ir::Dim(8));
  }
}

// Every node closes a cycle of its own with the first one.
TEST(Limits, AsManyCyclesAsNodes) {
  v1::Graph graph = Empty();
  constexpr int kNodes = 150'000;
  for (int i = 0; i < kNodes; ++i) {
    v1::Node* node =
        Add(fmt::format("n{}", i), "Add", i + 1 < kNodes ? fmt::format("n{}", i + 1) : "x", &graph);
    Refer("n0", node->add_inputs()->mutable_value());
  }
  Output("n0", &graph);
  const CompileResult result = Compile(graph);
  EXPECT_FALSE(result.ok);
  ASSERT_FALSE(result.diagnostics.empty());
  // The deepest node is met first; its cycle goes through all others.
  EXPECT_EQ(result.diagnostics[0].code(), "CYCLE");
  EXPECT_EQ(result.diagnostics[0].node(), fmt::format("n{}", kNodes - 1));
  EXPECT_EQ(result.diagnostics[0].found(),
            "n0 <- n1 <- n2 <- n3 <- n4 <- n5 <- n6 <- n7 <- n8 <- n9 <- ... <- n0");
}

TEST(Limits, AsManyNodesAsAllowed) {
  const CompileResult result = Compile(Chain(200'000, true));
  EXPECT_TRUE(result.ok);
  EXPECT_EQ(Codes(Compile(Chain(200'001, false))), kLimit);
}

TEST(Limits, ACircleOfAllNodes) {
  v1::Graph graph = Chain(10'000, false);
  Refer("n9999", graph.mutable_nodes(0)->mutable_inputs(0)->mutable_value());
  EXPECT_EQ(Codes(Compile(graph)), std::vector<std::string>{"CYCLE"});
}

TEST(Limits, NestedArguments) {
  for (const bool map : {false, true}) {
    v1::Graph graph = Empty();
    v1::Node* node = Add("cat", "Concat", "x", &graph);
    v1::Argument* at = node->mutable_inputs(0)->mutable_value();
    for (int depth = 0; depth < 1'000; ++depth) {
      at =
          map ? at->mutable_map()->add_entries()->mutable_value() : at->mutable_list()->add_items();
    }
    Refer("x", at);
    Output("cat", &graph);
    EXPECT_EQ(Codes(Compile(graph))[0], "LIMIT");
  }
}

TEST(Limits, NestedValues) {
  v1::Graph graph = Empty();
  v1::Node* node = Add("pad", "ConstantPad1d", "x", &graph);
  v1::Value* at = &(*node->mutable_params())["padding"];
  for (int depth = 0; depth < 1'000; ++depth) at = at->mutable_list_value()->add_values();
  at->set_int_value(1);
  Output("pad", &graph);
  const CompileResult result = Compile(graph);
  EXPECT_FALSE(result.ok);
}

TEST(Limits, NestedExpressions) {
  for (const std::string& text :
       {"$" + std::string(2'000, '(') + "1" + std::string(2'000, ')'),
        "$" + std::string(4'000, '-') + "1", "$1" + std::string(10'000, '0'),
        "$" + std::string(2'000, '[') + std::string(2'000, ']')}) {
    v1::Graph graph = Empty();
    v1::Node* node = Add("fc", "Linear", "x", &graph);
    (*node->mutable_params())["out_features"].set_expression(text);
    Output("fc", &graph);
    EXPECT_EQ(Codes(Compile(graph)), std::vector<std::string>{"BAD_EXPRESSION"})
        << text.substr(0, 9);
  }
}

// Composite `c<i>` holds `copies` of the one below it; `c0` is a ReLU.
v1::Graph Nested(int levels, int copies) {
  v1::Graph graph = Empty();
  for (int level = 0; level < levels; ++level) {
    v1::Composite* composite = graph.add_composites();
    composite->set_name(fmt::format("c{}", level));
    composite->add_inputs()->set_name("input");
    std::string last = "input";
    for (int copy = 0; copy < copies; ++copy) {
      v1::Node* node = composite->add_nodes()->mutable_node();
      node->set_id(fmt::format("n{}", copy));
      node->set_type(level == 0 ? "ReLU" : fmt::format("c{}", level - 1));
      Refer(last, node->add_inputs()->mutable_value());
      last = node->id();
    }
    composite->add_outputs()->set_name("output");
    Refer(last, composite->mutable_outputs(0)->mutable_value());
  }
  Add("top", fmt::format("c{}", levels - 1), "x", &graph);
  Output("top", &graph);
  return graph;
}

TEST(Limits, NestedComposites) {
  EXPECT_TRUE(Compile(Nested(60, 1)).ok);
  EXPECT_EQ(Codes(Compile(Nested(10'000, 1))), kLimit);
  // 2^40 nodes in forty short definitions.
  const std::vector<std::string> codes = Codes(Compile(Nested(40, 2)));
  ASSERT_FALSE(codes.empty());
  EXPECT_EQ(codes[0], "LIMIT");
}

TEST(Limits, NestedContainers) {
  for (const int depth : {60, 1'000}) {
    v1::Graph graph = Empty();
    v1::Node* at = Add("top", "Sequential", "x", &graph);
    for (int i = 0; i < depth; ++i) {
      at = at->add_children()->mutable_node();
      at->set_type("Sequential");
    }
    Output("top", &graph);
    const CompileResult result = Compile(graph);
    EXPECT_EQ(result.ok, depth < 64);
    if (!result.ok) {
      EXPECT_EQ(Codes(result), std::vector<std::string>{"COMPOSITE_RULE"});
    }
  }
}

TEST(Limits, RepetitionWithoutEnd) {
  v1::Graph graph = Empty();
  v1::Node* top = Add("top", "Sequential", "x", &graph);
  v1::CompositeNode* child = top->add_children();
  child->mutable_node()->set_type("ReLU");
  child->set_repeat("1000000000000");
  Output("top", &graph);
  EXPECT_EQ(Codes(Compile(graph)), std::vector<std::string>{"COMPOSITE_RULE"});
}

v1::Graph Wide(int nodes, const std::string& type) {
  v1::Graph graph = Empty();
  for (int i = 0; i < nodes; ++i) {
    Add(fmt::format("n{}", i), type, "x", &graph);
    v1::GraphOutput* output = graph.add_outputs();
    output->set_name(fmt::format("y{}", i));
    Refer(fmt::format("n{}", i), output->mutable_value());
  }
  return graph;
}

// The only error stands at the node that crosses the bound.
void ExpectLimitAt(const v1::Graph& graph, const std::string& node, const std::string& what) {
  const CompileResult result = Compile(graph);
  ASSERT_FALSE(result.ok);
  EXPECT_EQ(result.diagnostics[0].code(), "LIMIT");
  EXPECT_EQ(result.diagnostics[0].node(), node);
  EXPECT_NE(result.diagnostics[0].message().find(what), std::string::npos)
      << result.diagnostics[0].message();
  int limits = 0;
  for (const v1::Diagnostic& d : result.diagnostics) limits += d.code() == "LIMIT" ? 1 : 0;
  EXPECT_EQ(limits, 1);
}

TEST(Limits, WeightsOfAllNodesTogether) {
  v1::Graph graph = Wide(1'000, "LSTM");
  for (v1::Node& node : *graph.mutable_nodes()) {
    (*node.mutable_params())["hidden_size"].set_int_value(2);
    (*node.mutable_params())["num_layers"].set_int_value(1'000);  // of four weights each
  }
  ExpectLimitAt(graph, "n125", "more than 500000 weights");
  // Those that are shared count as well: each node's call names them all.
  for (int i = 1; i < 1'000; ++i) graph.mutable_nodes(i)->set_module("n0");
  ExpectLimitAt(graph, "n125", "more than 500000 weights");
}

TEST(Limits, ValuesOfAllNodesTogether) {
  v1::Graph graph = Wide(300, "Unbind");
  graph.mutable_inputs(0)->mutable_spec()->mutable_shape(0)->set_size(60'000);
  ExpectLimitAt(graph, "n13", "more than 800000 values");  // the input is one
}

TEST(Limits, SizesOfAllNodesTogether) {
  v1::Graph graph = Chain(100'000, false);
  for (int i = 0; i < 62; ++i) graph.mutable_inputs(0)->mutable_spec()->add_shape()->set_size(1);
  ExpectLimitAt(graph, "n46875", "more than 3000000 sizes");
}

TEST(Limits, SizesInsideOfSizes) {
  v1::Graph graph = Empty();
  graph.mutable_inputs(0)->mutable_spec()->add_shape()->set_symbol("T");
  std::string last = "x";
  for (int i = 0; i < 20'000; ++i) {
    const std::string pool = fmt::format("p{}", i);
    (*Add(pool, "MaxPool1d", last, &graph)->mutable_params())["kernel_size"].set_int_value(2);
    last = fmt::format("c{}", i);
    v1::Node* join = Add(last, "Concat", pool, &graph);
    Refer("x", join->add_inputs()->mutable_value());
    (*join->mutable_params())["dim"].set_int_value(-1);
  }
  Output(last, &graph);
  const CompileResult result = Compile(graph);
  ASSERT_EQ(Codes(result), std::vector<std::string>{"SIZE_OVERFLOW"});
  EXPECT_EQ(result.diagnostics[0].node(), "p16");
  EXPECT_EQ(result.diagnostics[0].rule(), "TENSOR_C3");
}

// Each node gives its input twice.
TEST(Limits, TuplesThatDouble) {
  v1::Graph graph = Empty();
  std::string last = "x";
  for (int i = 0; i < 100; ++i) {
    v1::Node* node = graph.add_nodes();
    node->set_id(fmt::format("n{}", i));
    node->set_type("Get");
    v1::ArgumentList* both = node->add_inputs()->mutable_value()->mutable_list();
    v1::ArgumentList* inner = both->add_items()->mutable_list();
    Refer(last, inner->add_items());
    Refer(last, inner->add_items());
    (*node->mutable_params())["index"].set_int_value(0);
    last = node->id();
  }
  Output(last, &graph);
  EXPECT_EQ(Codes(Compile(graph))[0], "LIMIT");
}

}  // namespace
}  // namespace graphkiln::compiler
