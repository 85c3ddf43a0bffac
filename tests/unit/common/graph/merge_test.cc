#include "common/graph/merge.h"

#include <gtest/gtest.h>

#include <random>

#include "common/graph/diff.h"
#include "common/graph/merge_order.h"
#include "common/graph/rename.h"
#include "common/graph/text.h"
#include "common/graph/writer.h"
#include "fmt/format.h"

namespace graphkiln::graph {
namespace {

v1::Graph Read(std::string_view text) {
  std::vector<v1::Diagnostic> diagnostics;
  v1::Graph graph = *ReadGraph(text, "g", nullptr, &diagnostics);
  for (const v1::Diagnostic& d : diagnostics) ADD_FAILURE() << d.ShortDebugString();
  return graph;
}

constexpr std::string_view kBase = R"(
variables: {width: 8}
inputs: {x: {shape: [B, 4]}, m: {shape: [B]}}
nodes:
  a: {type: Linear, in: x, params: {out_features: $width}}
  b: {type: ReLU, in: a}
  c: {type: Linear, in: b, params: {out_features: 3, bias: true}}
outputs: {y: c, z: b}
)";

std::string With(std::string_view from, std::string_view to) {
  std::string text(kBase);
  text.replace(text.find(from), from.size(), to);
  return text;
}

std::string Conflicts(const Merged& merged) {
  std::string out;
  for (const MergeConflict& c : merged.conflicts)
    out += fmt::format("{}|{}|{}|{}|{}\n", c.node, c.field, c.base, c.ours, c.theirs);
  return out;
}

TEST(Merge, DisjointEditsAreBothThere) {
  const v1::Graph base = Read(kBase);
  const v1::Graph ours = Read(With("bias: true", "bias: false"));
  const v1::Graph theirs = Read(With("out_features: 3", "out_features: 5"));
  const auto merged = Merge(base, ours, theirs);
  ASSERT_TRUE(merged.ok());
  EXPECT_EQ(Conflicts(*merged), "");
  const auto& params = merged->graph.nodes(2).params();
  EXPECT_EQ(params.at("bias").bool_value(), false);
  EXPECT_EQ(params.at("out_features").int_value(), 5);
}

TEST(Merge, ConflictsNameNodeAndField) {
  const v1::Graph base = Read(kBase);
  const v1::Graph ours = Read(With("out_features: 3", "out_features: 4"));
  const v1::Graph theirs = Read(With("out_features: 3", "out_features: 5"));
  for (const auto& [side, wanted] : {std::pair{Side::kOurs, 4}, {Side::kTheirs, 5}}) {
    const auto merged = Merge(base, ours, theirs, side);
    ASSERT_TRUE(merged.ok());
    EXPECT_EQ(Conflicts(*merged), "c|params.out_features|3|4|5\n");
    EXPECT_EQ(merged->graph.nodes(2).params().at("out_features").int_value(), wanted);
  }
  const v1::Graph shape = Read(With("shape: [B, 4]", "shape: [B, 5]"));
  const v1::Graph other = Read(With("shape: [B, 4]", "shape: [B, 6]"));
  EXPECT_EQ(Conflicts(*Merge(base, shape, other)),
            "|inputs.x.shape|[\"B\",4]|[\"B\",5]|[\"B\",6]\n");
  const v1::Graph wide = Read(With("width: 8", "width: 9"));
  const v1::Graph wider = Read(With("width: 8", "width: 10"));
  EXPECT_EQ(Conflicts(*Merge(base, wide, wider)), "|variables.width|8|9|10\n");
}

// A map without entries is not written; it is still one that loses its last entry.
TEST(Merge, TheLastEntryGoesHereAnotherComesThere) {
  const v1::Graph base = Read(kBase);
  const v1::Graph ours = Read(With("params: {out_features: $width}", "params: {}"));
  const v1::Graph theirs =
      Read(With("{out_features: $width}", "{out_features: $width, bias: false}"));
  const auto merged = Merge(base, ours, theirs, Side::kOurs);
  ASSERT_TRUE(merged.ok());
  EXPECT_EQ(Conflicts(*merged), "");
  const auto& params = merged->graph.nodes(0).params();
  EXPECT_EQ(params.size(), 1u);
  EXPECT_FALSE(params.at("bias").bool_value());
}

TEST(Merge, AnInputHereAndANodeThereWithOneName) {
  const v1::Graph base = Read(kBase);
  const v1::Graph ours = Read(With("m: {shape: [B]}", "m: {shape: [B]}, n: {shape: [B]}"));
  const v1::Graph theirs = Read(With("  b: {type", "  n: {type: Tanh, in: a}\n  b: {type"));
  const auto merged = Merge(base, ours, theirs, Side::kOurs);
  ASSERT_TRUE(merged.ok());
  ASSERT_EQ(merged->conflicts.size(), 1u);
  EXPECT_EQ(merged->conflicts[0].node, "n");
  EXPECT_EQ(merged->conflicts[0].reason, "an input has the same name");
}

// What is too large to be read is not half a graph.
TEST(Merge, MoreNodesThanAGraphMayHave) {
  const v1::Graph base = Read(kBase);
  v1::Graph ours = base, theirs = base;
  for (int i = 0; i < 101'000; ++i) {
    for (auto& [graph, letter] : {std::pair{&ours, 'o'}, std::pair{&theirs, 't'}}) {
      v1::Node* node = graph->add_nodes();
      node->set_id(fmt::format("{}{}", letter, i));
      node->set_type("ReLU");
    }
  }
  const auto merged = Merge(base, ours, theirs, Side::kOurs);
  EXPECT_EQ(merged.status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Merge, RemovedHereChangedThere) {
  const v1::Graph base = Read(kBase);
  v1::Graph ours =
      Read(With("  c: {type: Linear, in: b, params: {out_features: 3, bias: true}}\n", ""));
  ours.mutable_outputs(0)->mutable_value()->mutable_reference()->set_node("b");
  const v1::Graph theirs = Read(With("out_features: 3", "out_features: 5"));
  EXPECT_EQ(Conflicts(*Merge(base, ours, theirs)),
            "c|params|{\"bias\":true,\"out_features\":3}||"
            "{\"bias\":true,\"out_features\":5}\n");
  EXPECT_EQ(Merge(base, ours, base)->graph.nodes_size(), 2);
}

TEST(Merge, AReferenceToWhatTheOtherSideRemoved) {
  const v1::Graph base = Read(kBase);
  v1::Graph ours =
      Read(With("  c: {type: Linear, in: b, params: {out_features: 3, bias: true}}\n", ""));
  ours.mutable_outputs(0)->mutable_value()->mutable_reference()->set_node("b");
  const v1::Graph theirs = Read(With("outputs:", "  d: {type: ReLU, in: c}\noutputs:"));
  const auto merged = Merge(base, ours, theirs);
  ASSERT_EQ(merged->conflicts.size(), 1u);
  EXPECT_EQ(merged->conflicts[0].node, "d");
  EXPECT_EQ(merged->conflicts[0].field, "in");
  EXPECT_NE(merged->conflicts[0].reason.find("\"c\""), std::string::npos);
}

TEST(Merge, ARenameHereAndAChangeThere) {
  const v1::Graph base = Read(kBase);
  v1::Graph ours = base;
  RenameNodes({{"c", "head"}, {"b", "act"}}, &ours);
  EXPECT_EQ(FindRenames(base, ours),
            (std::vector<std::pair<std::string, std::string>>{{"b", "act"}, {"c", "head"}}));
  const v1::Graph theirs = Read(With("out_features: 3", "out_features: 5"));
  for (const auto& merged : {Merge(base, ours, theirs), Merge(base, theirs, ours)}) {
    ASSERT_TRUE(merged.ok());
    EXPECT_EQ(Conflicts(*merged), "");
    v1::Graph wanted = theirs;
    RenameNodes({{"c", "head"}, {"b", "act"}}, &wanted);
    EXPECT_TRUE(Diff(merged->graph, wanted).equal()) << WriteYaml(merged->graph);
  }
  v1::Graph third = base;
  RenameNodes({{"c", "out"}}, &third);
  const auto merged = Merge(base, ours, third);
  EXPECT_EQ(Conflicts(*merged), "c|id|\"c\"|\"head\"|\"out\"\n");
  EXPECT_TRUE(Diff(merged->graph, ours).equal());
}

TEST(Merge, OrderOfOutputs) {
  const v1::Graph base = Read(kBase);
  const v1::Graph ours = Read(With("{y: c, z: b}", "{z: b, y: c}"));
  const v1::Graph theirs = Read(With("{y: c, z: b}", "{y: c, w: a, z: b}"));
  EXPECT_FALSE(Diff(base, ours).equal());
  const auto merged = Merge(base, ours, theirs);
  EXPECT_EQ(Conflicts(*merged), "");
  std::string names;
  for (const v1::GraphOutput& output : merged->graph.outputs()) names += output.name();
  EXPECT_EQ(names, "zyw");
}

TEST(MergeOrder, BothMoved) {
  const MergedOrder order =
      MergeOrder({"a", "b", "c"}, {"b", "a", "c"}, {"a", "c", "b"}, {"a", "b", "c"}, true);
  EXPECT_TRUE(order.conflict);
  EXPECT_EQ(order.names, (std::vector<std::string>{"a", "c", "b"}));
}

TEST(FindRenames, AChainOfManyAndTwins) {
  v1::Graph from, to;
  for (int i = 0; i < 20'000; ++i) {
    for (auto& [graph, prefix] : {std::pair{&from, "n"}, {&to, "m"}}) {
      v1::Node* node = graph->add_nodes();
      node->set_id(fmt::format("{}{}", prefix, i));
      node->set_type("ReLU");
      node->add_inputs()->mutable_value()->mutable_reference()->set_node(
          i == 0 ? "x" : fmt::format("{}{}", prefix, i - 1));
    }
  }
  const auto pairs = FindRenames(from, to);
  ASSERT_EQ(pairs.size(), 20'000u);
  EXPECT_EQ(pairs[19'999], (std::pair<std::string, std::string>("n19999", "m19999")));
  // Equal twins are paired in their order; another count is a guess, and none is made.
  const v1::Graph two =
      Read("nodes: {a: {type: ReLU, in: x}, b: {type: ReLU, in: x}}\ninputs: {x: {shape: []}}");
  const v1::Graph same =
      Read("nodes: {c: {type: ReLU, in: x}, d: {type: ReLU, in: x}}\ninputs: {x: {shape: []}}");
  const v1::Graph three = Read(
      "nodes: {c: {type: ReLU, in: x}, d: {type: ReLU, in: x}, e: {type: ReLU, in: x}}\ninputs: "
      "{x: {shape: []}}");
  EXPECT_EQ(FindRenames(two, same),
            (std::vector<std::pair<std::string, std::string>>{{"a", "c"}, {"b", "d"}}));
  EXPECT_TRUE(FindRenames(two, three).empty());
}

// Random graphs and edits.
class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  int Below(int n) { return static_cast<int>(engine_() % static_cast<uint32_t>(n)); }

  v1::Graph Graph() {
    v1::Graph graph;
    graph.set_schema_version(1);
    v1::GraphInput* input = graph.add_inputs();
    input->set_name("x");
    input->mutable_spec()->set_dtype(v1::DATA_TYPE_FLOAT32);
    input->mutable_spec()->add_shape()->set_symbol("B");
    const int count = 3 + Below(8);
    for (int i = 0; i < count; ++i) AddNode(&graph, fmt::format("n{}", i));
    v1::GraphOutput* output = graph.add_outputs();
    output->set_name("y");
    output->mutable_value()->mutable_reference()->set_node(graph.nodes(count - 1).id());
    return graph;
  }

  void AddNode(v1::Graph* graph, const std::string& id) {
    const int before = graph->nodes_size();
    const std::string source =
        before == 0 || Below(4) == 0 ? "x" : graph->nodes(Below(before)).id();
    v1::Node* node = graph->add_nodes();
    node->set_id(id);
    node->set_type(Below(2) == 0 ? "Linear" : "Tanh");
    node->add_inputs()->mutable_value()->mutable_reference()->set_node(source);
    (*node->mutable_params())["k"].set_int_value(Below(100));
  }

  // Changes nodes of even (`odd` false) or odd places only, and adds some.
  void Edit(v1::Graph* graph, bool odd, const std::string& prefix) {
    for (int i = odd ? 1 : 0; i < graph->nodes_size(); i += 2) {
      v1::Node* node = graph->mutable_nodes(i);
      switch (Below(4)) {
        case 0:
          (*node->mutable_params())["k"].set_int_value(100 + Below(100));
          break;
        case 1:
          (*node->mutable_params())[prefix].set_bool_value(true);
          break;
        case 2:
          node->set_compile_mode(v1::COMPILE_MODE_FREEZE);
          break;
        default:
          break;
      }
    }
    for (int i = Below(3); i > 0; --i) AddNode(graph, fmt::format("{}{}", prefix, i));
  }

 private:
  std::mt19937 engine_;
};

TEST(Merge, RandomEdits) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const v1::Graph base = random.Graph();
    EXPECT_TRUE(Diff(base, base).equal());
    v1::Graph ours = base, theirs = base;
    random.Edit(&ours, false, "ours");
    random.Edit(&theirs, true, "theirs");
    // The difference applied to the first gives the second.
    EXPECT_TRUE(Diff(Merge(base, base, theirs)->graph, theirs).equal());
    EXPECT_TRUE(Diff(Merge(base, ours, base)->graph, ours).equal());
    // Disjoint edits: all of them, on either side, whichever is whose.
    const auto merged = Merge(base, ours, theirs);
    ASSERT_TRUE(merged.ok());
    EXPECT_EQ(Conflicts(*merged), "");
    EXPECT_TRUE(Diff(merged->graph, Merge(base, theirs, ours)->graph).equal());
    for (const v1::Graph* side : {&ours, &theirs}) {
      const v1::DiffGraphsResponse wanted = Diff(base, *side), got = Diff(base, merged->graph);
      for (const v1::FieldChange& change : wanted.changed()) {
        const auto same = [&](const v1::FieldChange& c) {
          return c.SerializeAsString() == change.SerializeAsString();
        };
        EXPECT_TRUE(std::any_of(got.changed().begin(), got.changed().end(), same))
            << change.ShortDebugString();
      }
      for (const std::string& id : wanted.added()) {
        EXPECT_TRUE(std::find(got.added().begin(), got.added().end(), id) != got.added().end());
      }
    }
    // One more edit of both sides in one place is the only conflict.
    (*ours.mutable_nodes(0)->mutable_params())["k"].set_int_value(-1);
    (*theirs.mutable_nodes(0)->mutable_params())["k"].set_int_value(-2);
    const auto clash = Merge(base, ours, theirs);
    ASSERT_EQ(clash->conflicts.size(), 1u);
    EXPECT_EQ(clash->conflicts[0].node, base.nodes(0).id());
    EXPECT_EQ(clash->conflicts[0].field, "params.k");
    EXPECT_EQ(clash->conflicts[0].ours + clash->conflicts[0].theirs, "-1-2");
  }
}

}  // namespace
}  // namespace graphkiln::graph
