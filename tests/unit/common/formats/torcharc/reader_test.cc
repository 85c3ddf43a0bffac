#include "common/formats/torcharc/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/formats/tell.h"
#include "common/formats/torcharc/writer.h"
#include "common/graph/text.h"
#include "common/graph/writer.h"

namespace graphkiln::formats::torcharc {
namespace {

struct Read {
  v1::Graph graph;
  graph::SourceMap positions;
  std::vector<v1::Diagnostic> findings;
};

Read ReadText(std::string_view text) {
  Read read;
  const auto root = graphkiln::ReadText(text, TextLimits(), nullptr);
  EXPECT_TRUE(root.ok()) << root.status();
  if (!root.ok()) return read;
  EXPECT_EQ(TellText(*root), "torcharc");
  read.graph = torcharc::ReadGraph(*root, "m.yaml", &read.positions, &read.findings);
  return read;
}

std::string Written(const v1::Graph& graph) {
  std::vector<v1::Diagnostic> findings;
  const auto text = WriteGraph(graph, nullptr, &findings);
  EXPECT_TRUE(text.has_value());
  return text.value_or("");
}

constexpr std::string_view kShared = R"(modules:
  conv:
    Sequential:
      - LazyConv2d: {out_channels: 4, kernel_size: 3}
      - ReLU:
  add: {MergeSum: }
graph:
  input: [a, conv]
  modules:
    conv~left: [a]
    conv~right: [conv]
    add: [[conv~left, conv~right]]
  output: {sum: add, left: conv~left}
)";

TEST(TorchArcReader, CallsOfOneModuleShareItsWeightsUnderItsName) {
  const Read read = ReadText(kShared);
  EXPECT_TRUE(read.findings.empty());
  ASSERT_EQ(read.graph.nodes_size(), 3);
  const v1::Node& left = read.graph.nodes(0);
  EXPECT_EQ(left.id(), "conv~left");
  EXPECT_EQ(left.name(), "conv");
  EXPECT_EQ(left.children(0).node().type(), "Conv2d");
  EXPECT_EQ(read.graph.nodes(1).module(), "conv~left");
  EXPECT_EQ(read.graph.nodes(1).inputs(0).value().reference().node(), "conv");
  EXPECT_EQ(read.graph.nodes(2).inputs(0).value().list().items_size(), 2);
  EXPECT_EQ(read.graph.output_form(), v1::OUTPUT_FORM_DICT);
  EXPECT_FALSE(read.graph.inputs(0).shape_known());
}

TEST(TorchArcReader, IsWrittenBackAlsoByWayOfOurOwnForm) {
  const v1::Graph graph = ReadText(kShared).graph;
  const std::string text = Written(graph);
  EXPECT_EQ(Written(ReadText(text).graph), text);
  std::vector<v1::Diagnostic> findings;
  const auto native = graph::ReadGraph(graph::WriteYaml(graph), "g", nullptr, &findings);
  ASSERT_TRUE(native.ok());
  EXPECT_TRUE(findings.empty());
  EXPECT_EQ(Written(*native), text);
}

TEST(TorchArcReader, WhatWasChangedIsWrittenAnew) {
  v1::Graph graph = ReadText(R"(modules:
  a: {compact: {layer: {type: LazyLinear, keys: [out_features], args: [3, 4]}}}
graph: {input: x, modules: {a: [x]}, output: a}
)")
                        .graph;
  EXPECT_NE(Written(graph).find("compact"), std::string::npos);
  v1::Node* second = graph.mutable_nodes(0)->mutable_children(1)->mutable_node();
  (*second->mutable_params())["out_features"].set_int_value(5);
  const std::string text = Written(graph);
  EXPECT_EQ(text.find("compact"), std::string::npos);
  EXPECT_NE(text.find("out_features: 5"), std::string::npos);
}

TEST(TorchArcReader, AFaultIsPlacedAtItsKey) {
  const Read read = ReadText(R"(modules:
  a:
    Sequential:
      - Dropout: {p: 2}
graph: {input: x, modules: {a: [x]}, output: b}
)");
  ASSERT_EQ(read.findings.size(), 2u);
  EXPECT_EQ(read.findings[0].code(), "PARAM_RANGE");
  EXPECT_EQ(read.findings[0].path(), "modules.a.Sequential[0].Dropout.p");
  EXPECT_EQ(read.findings[0].node(), "a");
  EXPECT_EQ(read.findings[0].line(), 4);
  EXPECT_EQ(read.findings[0].column(), 19);
  EXPECT_EQ(read.findings[1].path(), "graph.output");
}

TEST(TorchArcReader, WhatTheCompilerFindsIsPlacedInTheFile) {
  const Read read = ReadText(R"(modules:
  a:
    Sequential: [{LazyLinear: {out_features: 3}}]
graph: {input: x, modules: {a: [x]}, output: a}
)");
  v1::Diagnostic inside;
  inside.set_node("a");
  inside.set_path("Sequential.0");
  inside.set_param("out_features");
  read.positions.Locate(inside);
  EXPECT_EQ(inside.path(), "modules.a.Sequential[0].LazyLinear.out_features");
  EXPECT_EQ(inside.line(), 3);
  v1::Diagnostic port;
  port.set_node("a");
  port.set_port("input");
  read.positions.Locate(port);
  EXPECT_EQ(port.path(), "graph.modules.a[0]");
}

TEST(TorchArcReader, LayersOfACompactTableAreBounded) {
  std::string text = "modules:\n  a: {compact: {prelayer: [";
  for (int i = 0; i < 1000; ++i) text += "{ReLU: }, ";
  text += "], layer: {type: LazyLinear, keys: [out_features], args: [";
  for (int i = 0; i < 1000; ++i) text += "1, ";
  const Read read = ReadText(text + "]}}}\ngraph: {input: x, modules: {a: [x]}, output: a}\n");
  ASSERT_FALSE(read.findings.empty());
  EXPECT_EQ(read.findings[0].code(), "LIMIT");
  EXPECT_LE(read.graph.nodes(0).children_size(), 200'001);
}

v1::Graph Native(std::string_view text) {
  std::vector<v1::Diagnostic> findings;
  const auto graph = graph::ReadGraph(text, "g", nullptr, &findings);
  EXPECT_TRUE(graph.ok()) << graph.status();
  return graph.ok() ? *graph : v1::Graph();
}

TEST(TorchArcWriter, EqualNamesAreNumbered) {
  constexpr int kCount = 3000;
  v1::Graph graph = Native("{nodes: {a: {type: ReLU, in: x, name: m}}, inputs: {x: {}}}");
  for (int i = 0; i < kCount; ++i) {
    v1::Node* node = graph.add_nodes();
    *node = graph.nodes(0);
    node->set_id("n" + std::to_string(i));
  }
  graph.add_outputs()->mutable_value()->mutable_reference()->set_node("n0");
  const std::string text = Written(graph);
  EXPECT_LT(text.size(), 100u * kCount);
  EXPECT_EQ(Written(ReadText(text).graph), text);
}

TEST(TorchArcWriter, AnOutputAloneIsTheResult) {
  const std::string alone = Written(
      Native("{inputs: {x: {}}, nodes: {p: {type: MaxPool2d, in: x, params: {kernel_size: 2}}, "
             "s: {type: ReLU, in: p.output}}, outputs: {y: s}}"));
  EXPECT_EQ(alone.find("Get"), std::string::npos) << alone;
  const std::string both = Written(
      Native("{inputs: {x: {}}, nodes: {p: {type: MaxPool2d, in: x, params: {kernel_size: 2, "
             "return_indices: true}}, s: {type: ReLU, in: p.output}}, outputs: {y: s}}"));
  EXPECT_NE(both.find("Get"), std::string::npos) << both;
}

TEST(TorchArcWriter, WhatAnotherFormatKeptIsNotWritten) {
  constexpr std::string_view kText =
      "{inputs: {x: {}}, nodes: {a: {type: ReLU, in: x, origin: {module: {ReLU: {inplace: true}}, "
      "id: a~z}}}, outputs: {y: a}, origin: {format: ";
  constexpr std::string_view kRest =
      ", fields: {note: 1}, graph_fields: {more: 2}, unused: {b: {ReLU: }}, input_list: true}}";
  const std::string other = Written(Native(std::string(kText) + "visdl" + std::string(kRest)));
  EXPECT_EQ(other, Written(Native("{inputs: {x: {}}, nodes: {a: {type: ReLU, in: x}}, "
                                  "outputs: {y: a}}")));
  EXPECT_THAT(Written(Native(std::string(kText) + "torcharc" + std::string(kRest))),
              testing::AllOf(testing::HasSubstr("note"), testing::HasSubstr("more"),
                             testing::HasSubstr("b:"), testing::HasSubstr("a~z")));
}

}  // namespace
}  // namespace graphkiln::formats::torcharc
