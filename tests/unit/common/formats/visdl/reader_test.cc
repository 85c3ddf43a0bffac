#include "common/formats/visdl/reader.h"

#include <gtest/gtest.h>

#include <string>

#include "common/formats/tell.h"
#include "common/formats/torchcanvas/reader.h"
#include "common/formats/visdl/job.h"
#include "common/formats/visdl/writer.h"
#include "common/graph/text.h"
#include "nlohmann/json.hpp"

namespace graphkiln::formats::visdl {
namespace {

struct Read {
  v1::Graph graph;
  std::vector<v1::Diagnostic> findings;
};

Read ReadJson(const std::string& text) {
  Read read;
  const auto root = ReadText(text, TextLimits(), nullptr);
  EXPECT_TRUE(root.ok());
  EXPECT_EQ(TellText(*root), "visdl");
  graph::SourceMap positions;
  read.graph = visdl::ReadGraph(*root, "g.json", &positions, &read.findings);
  return read;
}

constexpr char kPair[] = R"({"graph": {
  "nodes": [
    {"id": "s", "node_type": "Split", "params": {"split_sizes": " 2, 1 "}},
    {"id": "a", "node_type": "Linear", "params": {"in_features": null}, "disabled": true},
    {"id": "d", "node_type": "DotProduct", "params": {}}],
  "edges": [
    {"id": "q", "source_node": "s", "source_output": 1, "target_node": "d", "target_input": "input_b", "order": 0},
    {"id": "p", "source_node": "a", "source_output": 0, "target_node": "d", "target_input": "input_a", "order": 0},
    {"id": "r", "source_node": "s", "source_output": 0, "target_node": "a", "target_input": "prev_specs", "order": 0}],
  "name": "Pair"}, "config": {"input_columns": "u, v,w,"}})";

TEST(VisDLReader, ReadsAPairOfGraphAndConfig) {
  const Read read = ReadJson(kPair);
  EXPECT_TRUE(read.findings.empty());
  ASSERT_EQ(read.graph.nodes_size(), 3);
  EXPECT_EQ(read.graph.name(), "Pair");
  EXPECT_EQ(read.graph.inputs(0).spec().shape(1).size(), 3);
  EXPECT_EQ(read.graph.nodes(0).params().at("split_sizes").list_value().values(1).int_value(), 1);
  const v1::Node& linear = read.graph.nodes(1);
  EXPECT_EQ(linear.mode(), v1::NODE_MODE_BYPASSED);
  EXPECT_EQ(linear.params().at("out_features").int_value(), 64);
  EXPECT_FALSE(linear.params().contains("in_features"));
  EXPECT_EQ(linear.name(), "n_a");
  EXPECT_EQ(linear.inputs(0).value().reference().port(), "output_a");
  EXPECT_EQ(read.graph.nodes(2).inputs(0).port(), "input_a");
  EXPECT_EQ(read.graph.nodes(2).inputs(1).value().reference().port(), "output_b");
  EXPECT_EQ(read.graph.outputs(0).value().reference().node(), "d");
}

TEST(VisDLReader, IsWrittenBack) {
  std::vector<v1::Diagnostic> lacks;
  const auto text = WriteGraph(ReadJson(kPair).graph, nullptr, &lacks);
  ASSERT_TRUE(text.has_value());
  EXPECT_EQ(nlohmann::json::parse(*text), nlohmann::json::parse(kPair));
}

TEST(VisDLReader, WhatWasChangedIsWrittenAnew) {
  v1::Graph graph = ReadJson(kPair).graph;
  (*graph.mutable_nodes(1)->mutable_params())["out_features"].set_int_value(2);
  graph.mutable_nodes(1)->set_mode(v1::NODE_MODE_NORMAL);
  std::vector<v1::Diagnostic> lacks;
  const auto text = WriteGraph(graph, nullptr, &lacks);
  ASSERT_TRUE(text.has_value());
  const nlohmann::json node = nlohmann::json::parse(*text)["graph"]["nodes"][1];
  EXPECT_EQ(node["disabled"], false);
  EXPECT_EQ(node["params"], nlohmann::json({{"out_features", 2}}));
}

TEST(VisDLReader, OneNodeReadsTheDataAndOneIsTheOutput) {
  const Read read = ReadJson(
      R"({"nodes": [{"id": "a", "node_type": "ReLU"}, {"id": "b", "node_type": "ReLU"}], "edges": []})");
  ASSERT_EQ(read.findings.size(), 2u);
  EXPECT_EQ(read.findings[0].code(), "VD_INPUTS");
  EXPECT_EQ(read.findings[1].code(), "VD_OUTPUTS");
  EXPECT_EQ(read.findings[1].path(), "nodes[1]");
}

v1::Graph Native(std::string_view text) {
  std::vector<v1::Diagnostic> findings;
  const auto graph = graph::ReadGraph(text, "g", nullptr, &findings);
  EXPECT_TRUE(graph.ok()) << graph.status();
  return graph.ok() ? *graph : v1::Graph();
}

TEST(VisDLWriter, WhatAnotherFormatKeptIsNotWritten) {
  const auto root = ReadText(
      R"({"version": "0.2", "metadata": {"name": "q"}, "nodes": [{"id": "x", "type": "Input"},
      {"id": "a", "type": "Linear", "params": {"out_features": 3}}], "edges": [["x", "a"]],
      "inputs": ["x"], "outputs": ["a"]})",
      TextLimits(), nullptr);
  ASSERT_TRUE(root.ok());
  std::vector<v1::Diagnostic> findings;
  const auto text =
      WriteGraph(torchcanvas::ReadGraph(*root, "g", nullptr, &findings), nullptr, &findings);
  ASSERT_TRUE(text.has_value());
  EXPECT_EQ(nlohmann::json::parse(*text), nlohmann::json::parse(R"({"name": "q", "edges": [],
    "nodes": [{"id": "a", "node_type": "Linear", "params": {"out_features": 3}, "disabled": false,
    "position": {"x": 0, "y": 0}}]})"));
}

TEST(VisDLWriter, AnUnknownLayerIsToldOnce) {
  std::vector<v1::Diagnostic> findings;
  EXPECT_FALSE(WriteGraph(Native("{inputs: {x: {}}, nodes: {l: {type: ReLU, in: x}, "
                                 "m: {type: Softplus, in: l}, r: {type: ReLU, in: m}, "
                                 "s: {type: Add, in: [r, m]}}, outputs: {y: s}}"),
                          nullptr, &findings));
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].node(), "m");
}

TEST(VisDLJob, NeedsOneInput) {
  constexpr std::string_view kRest = ", origin: {format: visdl, saved: {config: {lr: 0.1}}}}";
  for (const std::string_view inputs : {"{}", "{a: {}, b: {}}"}) {
    std::vector<v1::Diagnostic> findings;
    EXPECT_FALSE(WriteJob(Native("{inputs: " + std::string(inputs) +
                                 ", nodes: {p: {type: Parameter, params: {shape: [3]}}}, "
                                 "outputs: {y: p}" +
                                 std::string(kRest)),
                          nullptr, &findings));
    ASSERT_EQ(findings.size(), 1u);
    EXPECT_NE(findings[0].message().find("number of inputs"), std::string::npos);
  }
}

}  // namespace
}  // namespace graphkiln::formats::visdl
