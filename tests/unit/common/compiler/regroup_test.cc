#include "common/compiler/regroup.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <random>
#include <set>

#include "common/base/file.h"
#include "common/base/resources.h"
#include "common/compiler/plan.h"
#include "common/compiler/regroup_keys.h"
#include "common/graph/writer.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "tests/unit/common/compiler/testing.h"

namespace graphkiln::compiler {
namespace {

v1::Graph Template(const std::string& name) {
  const auto text = ReadFile(ResourceDir() + "/templates/models/" + name + ".kiln.yaml", 1 << 20);
  EXPECT_TRUE(text.ok());
  return ReadOrDie(text.ok() ? *text : "");
}

// Operators with the types that they give, in no order, and the outputs.
std::string Essence(const CompileResult& r) {
  std::vector<std::string> lines;
  for (const ir::Call& call : r.module->calls) {
    std::string line(call.op->name);
    for (const ir::ValueId id : call.outputs) line += " " + ir::TypeText(r.module->type(id));
    lines.push_back(line);
  }
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  for (const ir::Output& output : r.module->outputs)
    text += output.name + " " + ir::TypeText(r.module->type(output.value)) + "\n";
  return text;
}

// state_dict keys and types, with the keys that they have afterwards.
std::map<std::string, std::string> Weights(const CompileResult& r, const Regrouped* changed) {
  std::map<std::string, std::string> keys, out;
  if (changed != nullptr) keys.insert(changed->keys.begin(), changed->keys.end());
  for (const ir::Parameter& parameter : r.module->parameters) {
    const auto it = keys.find(parameter.key);
    out[it != keys.end() ? it->second : parameter.key] =
        ir::TypeText(r.module->type(parameter.value));
  }
  return out;
}

void ExpectSame(const v1::Graph& before, const Regrouped& changed) {
  const CompileResult a = Compile(before), b = Compile(changed.graph);
  ASSERT_TRUE(a.ok) << Findings(a);
  ASSERT_TRUE(b.ok) << Findings(b);
  EXPECT_EQ(Essence(a), Essence(b));
  EXPECT_EQ(Weights(a, &changed), Weights(b, nullptr));
  // What is written reads back as the same graph.
  EXPECT_EQ(graph::WriteJson(ReadOrDie(graph::WriteYaml(changed.graph))),
            graph::WriteJson(changed.graph));
}

// Every composite of a template, one after the other, until none is left.
TEST(Unpack, TemplatesCanBeTakenApart) {
  for (const char* name :
       {"resnet18", "se_resnet", "mobilenet_v3_small", "unet", "tcn", "bert_tiny", "two_tower"}) {
    SCOPED_TRACE(name);
    v1::Graph graph = Template(name);
    for (int round = 0; round < 60; ++round) {
      const CompileResult r = Compile(graph);
      ASSERT_TRUE(r.ok) << Findings(r);
      const auto composite =
          std::find_if(r.instances.begin(), r.instances.end(),
                       [](const Instance& i) { return i.parent < 0 && i.composite != nullptr; });
      if (composite == r.instances.end()) break;
      const auto unpacked = Unpack(graph, {composite->id});
      ASSERT_TRUE(unpacked.ok()) << composite->id << ": " << unpacked.status().ToString();
      if (round % 8 == 0) ExpectSame(graph, *unpacked);
      graph = unpacked->graph;
    }
  }
}

// What a plan does to each weight, under the keys that it has afterwards, and to the calls.
std::string PlanText(const v1::Graph& graph, const Regrouped* changed) {
  const CompileResult compiled = Compile(graph);
  EXPECT_TRUE(compiled.ok) << Findings(compiled);
  if (!compiled.ok) return "";
  const auto plan = MakePlan(graph, compiled);
  EXPECT_TRUE(plan.ok()) << plan.status().ToString();
  if (!plan.ok()) return "";
  std::map<std::string, std::string> keys, lines;
  if (changed != nullptr) keys.insert(changed->keys.begin(), changed->keys.end());
  const auto now = [&](const std::string& key) {
    const auto it = keys.find(key);
    return it == keys.end() ? key : it->second;
  };
  for (const PlannedRegion& region : plan->regions) {  // inner ones come later
    for (const std::string& key : region.keys) lines[now(key)] = v1::CompileMode_Name(region.mode);
  }
  const std::set<std::string> folded(plan->folded_keys.begin(), plan->folded_keys.end());
  for (const ir::Parameter& parameter : plan->program.parameters) {
    if (folded.contains(parameter.key)) continue;
    lines[now(parameter.key)] +=
        fmt::format(" {}{}", parameter.trainable ? "learns" : "stays", parameter.buffer ? "!" : "");
  }
  std::vector<std::string> calls;
  for (const ir::Call& call : plan->program.calls) calls.emplace_back(call.op->name);
  for (const ir::Call& call : plan->folded.calls)
    calls.push_back(fmt::format("{} once", call.op->name));
  std::sort(calls.begin(), calls.end());
  std::string text = fmt::format("{} constants\n", folded.size());
  for (const auto& [key, line] : lines) text += key + ": " + line + "\n";
  return text + fmt::format("{}", fmt::join(calls, "\n"));
}

// Modes of composites hold for their parts, whatever the mode, and a part's own mode counts more.
TEST(Unpack, PlansStayWhatTheyWere) {
  std::mt19937 random(11);
  const auto any = [&](int count) {
    return std::uniform_int_distribution<int>(0, count - 1)(random);
  };
  std::vector<std::pair<std::string, v1::Graph>> graphs;
  for (const char* name : {"resnet18", "unet", "tcn", "bert_tiny", "two_tower", "film"})
    graphs.emplace_back(name, Template(name));
  graphs.emplace_back("constants", ReadOrDie(R"(
graphkiln: 1
inputs: {x: {shape: [B, 4]}}
composites:
  Table:
    inputs: {x: {}}
    nodes:
      base: {type: Parameter, params: {shape: [4, 4]}}
      act: {type: Tanh, in: base}
      scaled: {type: MatMul, in: [act, base]}
      mix: {type: MatMul, in: [x, scaled]}
    outputs: {out: mix}
nodes:
  stack: {type: Sequential, in: x, children: [{type: Linear, params: {out_features: 4}}, {type: Sequential, children: [{type: Tanh}, {type: Linear, compile: freeze, params: {out_features: 4}}]}]}
  table: {type: Table, in: stack}
outputs: {y: table}
)"));
  int unpacked = 0, with_modes = 0;
  for (auto& [name, first] : graphs) {
    for (int round = 0; round < 4; ++round) {
      SCOPED_TRACE(fmt::format("{} round {}", name, round));
      v1::Graph graph = first;
      for (v1::Node& node : *graph.mutable_nodes()) {
        if (!node.module().empty()) continue;  // one mode for shared weights
        node.set_compile_mode(std::array{v1::COMPILE_MODE_RUNTIME, v1::COMPILE_MODE_FREEZE,
                                         v1::COMPILE_MODE_CONSTANT,
                                         v1::COMPILE_MODE_EXPORT}[static_cast<size_t>(any(4))]);
      }
      for (int step = 0; step < 3; ++step) {
        const CompileResult r = Compile(graph);
        ASSERT_TRUE(r.ok) << Findings(r);
        std::vector<std::string> ids;
        for (const Instance& i : r.instances) {
          if (i.parent < 0 && i.composite != nullptr) ids.push_back(i.id);
        }
        if (ids.empty()) break;
        const auto after =
            Unpack(graph, {ids[static_cast<size_t>(any(static_cast<int>(ids.size())))]});
        ASSERT_TRUE(after.ok()) << after.status().ToString();
        const std::string plan = PlanText(graph, &*after);
        ASSERT_EQ(plan, PlanText(after->graph, nullptr));
        ++unpacked;
        with_modes += plan.find("COMPILE_MODE_EXPORT") != std::string::npos ? 1 : 0;
        graph = after->graph;
      }
    }
  }
  EXPECT_GT(unpacked, 40);
  EXPECT_GT(with_modes, 20);
}

constexpr char kTied[] = R"(
graphkiln: 1
variables: {width: 8}
inputs: {ids: {dtype: int64, shape: [B, T]}, other: {dtype: int64, shape: [B, T]}}
composites:
  Reader:
    params: {width: {type: int}}
    inputs: {ids: {}}
    nodes:
      table: {type: Embedding, in: ids, params: {num_embeddings: 50, embedding_dim: $width}}
      rnn: {type: GRU, in: table, params: {hidden_size: $width, batch_first: true}}
    outputs: {all: rnn.output, last: rnn.h_n}
nodes:
  a: {type: Reader, in: ids, params: {width: $width}}
  b: {type: Reader, in: other, module: a}
  sum: {type: Add, in: [a.all, b.all]}
  table: {type: WeightOf, in: a, params: {name: table.weight}}
  logits: {type: FunctionalLinear, in: [sum, table]}
outputs: {logits: logits, last: b.last, pair: b}
)";

TEST(Unpack, SharedAndTiedWeightsStayOne) {
  const v1::Graph graph = ReadOrDie(kTied);
  const auto unpacked = Unpack(graph, {"b"});
  ASSERT_TRUE(unpacked.ok()) << unpacked.status().ToString();
  ExpectSame(graph, *unpacked);
  ASSERT_GE(unpacked->keys.size(), 1u);
  EXPECT_EQ(unpacked->keys[0],
            (std::pair<std::string, std::string>("a.table.weight", "a_table.weight")));
}

TEST(Unpack, RefusesWhatHoldsNothing) {
  const v1::Graph graph = ReadOrDie(kTied);
  EXPECT_EQ(Unpack(graph, {"sum"}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Unpack(graph, {"none"}).status().code(), absl::StatusCode::kNotFound);
  v1::Graph muted = graph;
  muted.mutable_nodes(0)->set_mode(v1::NODE_MODE_BYPASSED);
  muted.mutable_nodes(0)->set_type("Nothing");
  EXPECT_EQ(Unpack(muted, {"b"}).status().code(), absl::StatusCode::kFailedPrecondition);
}

constexpr char kNested[] = R"(
graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  a:
    type: Sequential
    in: x
    children:
      - type: Linear
        params: {out_features: 4}
      - type: Sequential
        children: [{type: Linear, params: {out_features: 4}}, {type: ReLU}]
  b: {type: Sequential, in: a, module: a}
  c: {type: Sequential, in: b, children: [{type: Linear, params: {out_features: 2}}]}
outputs: {y: c}
)";

TEST(Unpack, SeveralAtOnce) {
  const v1::Graph graph = ReadOrDie(kNested);
  const auto one = Unpack(graph, {"b"});
  ASSERT_TRUE(one.ok()) << one.status().ToString();
  // `a` is taken apart with `b`, whose weights it shares.
  const auto both = Unpack(graph, {"a", "b", "a"});
  ASSERT_TRUE(both.ok()) << both.status().ToString();
  EXPECT_EQ(graph::WriteJson(both->graph), graph::WriteJson(one->graph));
  EXPECT_EQ(both->keys, one->keys);
  // What arises by the first can be taken apart, too.
  const auto all = Unpack(graph, {"c", "a_1", "a", "b_1"});
  ASSERT_TRUE(all.ok()) << all.status().ToString();
  ExpectSame(graph, *all);
  for (const v1::Node& node : all->graph.nodes()) EXPECT_NE(node.type(), "Sequential") << node.id();
  EXPECT_EQ(Unpack(graph, {"a", "none"}).status().code(), absl::StatusCode::kNotFound);
}

// The name of the weight is a variable of the graph, and not the default.
TEST(Regroup, TheNameOfAWeightMayBeAnExpression) {
  const v1::Graph graph = ReadOrDie(R"(
graphkiln: 1
variables: {which: bias}
inputs: {x: {shape: [B, 4]}}
nodes:
  l: {type: LayerNorm, in: x, params: {normalized_shape: [4]}}
  w: {type: WeightOf, in: l, params: {name: $which}}
  s: {type: Add, in: [l, w]}
outputs: {y: s}
)");
  const auto collapsed = Collapse(graph, {{"l"}, "Named", "norm"});
  ASSERT_TRUE(collapsed.ok()) << collapsed.status().ToString();
  ExpectSame(graph, *collapsed);
  const auto name = [](const v1::Graph& of) {
    for (const v1::Node& node : of.nodes()) {
      if (node.id() == "w") return node.params().at("name").string_value();
    }
    return std::string();
  };
  EXPECT_EQ(name(collapsed->graph), "l.bias");
  v1::Graph named = collapsed->graph;
  (*named.mutable_variables())["which"].set_string_value("l.bias");
  for (v1::Node& node : *named.mutable_nodes()) {
    if (node.id() == "w") (*node.mutable_params())["name"].set_expression("$which");
  }
  const auto back = Unpack(named, {"norm"});
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  ExpectSame(named, *back);
  EXPECT_EQ(name(back->graph), "bias");
}

TEST(Regroup, WeightsLearnAsBefore) {
  const std::string text = R"(
inputs: {x: {shape: [B, 4]}}
nodes: {f: {type: Linear, in: x, params: {out_features: 2, bias: false}}}
outputs: {y: f}
)";
  const v1::Graph graph = ReadOrDie(text);
  v1::Graph frozen = graph;
  frozen.mutable_nodes(0)->set_compile_mode(v1::COMPILE_MODE_FREEZE);
  const CompileResult learns = Compile(graph), stays = Compile(frozen);
  Regrouped out;
  EXPECT_TRUE(FillKeys(stays, {}, stays, &out).ok());
  EXPECT_EQ(FillKeys(learns, {}, stays, &out).message(),
            "the weight \"f.weight\" would no longer be trained");
  EXPECT_EQ(FillKeys(stays, {}, learns, &out).code(), absl::StatusCode::kFailedPrecondition);
  ir::Module module = *stays.module;
  module.parameters[0].buffer = true;
  CompileResult buffer;
  buffer.module = std::make_shared<const ir::Module>(module);
  EXPECT_EQ(FillKeys(buffer, {}, stays, &out).message(),
            "the weight \"f.weight\" would no longer be a buffer");
}

constexpr char kPlain[] = R"(
graphkiln: 1
variables: {width: 6, sizes: [3, 3]}
inputs: {x: {shape: [B, 3, 8, 8]}}
nodes:
  stem: {type: Conv2d, in: x, params: {out_channels: $width, kernel_size: $sizes, padding: 1}}
  conv: {type: Conv2d, in: stem, params: {out_channels: $width, kernel_size: $sizes, padding: 1}}
  norm: {type: BatchNorm2d, in: conv}
  act: {type: ReLU, in: norm}
  twin: {type: Conv2d, in: act, module: conv}
  sum: {type: Add, in: [twin, stem]}
  pool: {type: Mean, in: sum, params: {dim: [2, 3]}}
  fc: {type: Linear, in: pool, params: {out_features: 2}}
outputs: {y: fc, seen: act}
)";

TEST(Collapse, AndBackAgain) {
  const v1::Graph graph = ReadOrDie(kPlain);
  const auto collapsed =
      Collapse(graph, {{"conv", "norm", "act", "twin", "sum"}, "Block", "block"});
  ASSERT_TRUE(collapsed.ok()) << collapsed.status().ToString();
  ExpectSame(graph, *collapsed);
  EXPECT_EQ(collapsed->graph.nodes_size(), 4);
  ASSERT_EQ(collapsed->graph.composites_size(), 1);
  const v1::Composite& block = collapsed->graph.composites(0);
  EXPECT_EQ(block.inputs_size(), 1);
  EXPECT_EQ(block.params_size(), 2);
  EXPECT_EQ(block.outputs_size(), 2);
  EXPECT_EQ(collapsed->keys[0],
            (std::pair<std::string, std::string>("conv.weight", "block.conv.weight")));
  const auto back = Unpack(collapsed->graph, {"block"});
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  ExpectSame(collapsed->graph, *back);
  // The same nodes with the same types as at first.
  const CompileResult first = Compile(graph), again = Compile(back->graph);
  ASSERT_EQ(first.nodes.size(), again.nodes.size());
  for (const char* id : {"conv", "norm", "act", "twin", "sum"})
    EXPECT_EQ(Shapes(first, id), Shapes(again, std::string("block_") + id)) << id;
  EXPECT_EQ(Essence(first), Essence(again));
}

TEST(Collapse, ATiedWeightIsReadFromInside) {
  const v1::Graph graph = ReadOrDie(kTied);
  const auto collapsed = Collapse(graph, {{"a", "b"}, "Both", "both"});
  ASSERT_TRUE(collapsed.ok()) << collapsed.status().ToString();
  ExpectSame(graph, *collapsed);
}

TEST(Collapse, ATiedWeightIsReadThroughASharer) {
  v1::Graph graph = ReadOrDie(kTied);
  for (v1::Node& node : *graph.mutable_nodes()) {
    if (node.id() == "table")
      node.mutable_inputs(0)->mutable_value()->mutable_reference()->set_node("b");
  }
  const auto collapsed = Collapse(graph, {{"a", "b"}, "Both", "both"});
  ASSERT_TRUE(collapsed.ok()) << collapsed.status().ToString();
  ExpectSame(graph, *collapsed);
  const auto unpacked = Unpack(graph, {"a"});
  ASSERT_TRUE(unpacked.ok()) << unpacked.status().ToString();
  ExpectSame(graph, *unpacked);
}

TEST(Collapse, RefusesWhatCannotBeOneNode) {
  const v1::Graph graph = ReadOrDie(kPlain);
  const auto message = [&](CollapseArgs args) {
    return std::string(Collapse(graph, args).status().message());
  };
  EXPECT_EQ(message({{"stem", "sum"}, "Block", "block"}),
            "a path leaves the chosen nodes and comes back through \"twin\": choose it, too");
  EXPECT_EQ(message({{"conv", "norm"}, "Block", "block"}),
            "\"twin\" shares the weights of \"conv\": choose both or none");
  EXPECT_EQ(message({{"fc"}, "Linear", "block"}), "there is a type \"Linear\" already");
  EXPECT_EQ(message({{"fc"}, "Block", "sum"}), "\"sum\" is another node");
  EXPECT_EQ(message({{"fc"}, "Block", "x"}), "\"x\" is an input");
  EXPECT_EQ(message({{"nothing"}, "Block", "block"}), "there is no node \"nothing\"");
}

}  // namespace
}  // namespace graphkiln::compiler
