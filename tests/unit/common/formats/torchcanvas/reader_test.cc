#include "common/formats/torchcanvas/reader.h"

#include <gtest/gtest.h>

#include <string>

#include "common/formats/tell.h"
#include "common/formats/torchcanvas/writer.h"
#include "common/formats/visdl/reader.h"
#include "common/graph/text.h"
#include "nlohmann/json.hpp"

namespace graphkiln::formats::torchcanvas {
namespace {

using Json = nlohmann::ordered_json;

struct Read {
  v1::Graph graph;
  std::vector<v1::Diagnostic> findings;
};

Read ReadJson(const Json& json) {
  Read read;
  const auto root = ReadText(json.dump(), TextLimits(), nullptr);
  EXPECT_TRUE(root.ok());
  EXPECT_EQ(TellText(*root), "torchcanvas");
  graph::SourceMap positions;
  read.graph = torchcanvas::ReadGraph(*root, "g.json", &positions, &read.findings);
  return read;
}

Json Written(const v1::Graph& graph) {
  std::vector<v1::Diagnostic> findings;
  const auto text = WriteGraph(graph, nullptr, &findings);
  EXPECT_TRUE(text.has_value());
  return text ? Json::parse(*text) : Json();
}

// The order of keys has no meaning.
nlohmann::json Sorted(const Json& json) { return nlohmann::json::parse(json.dump()); }

Json Convolution(int kernel, int stride) {
  return Json::parse(R"({"version": "0.2", "nodes": [{"id": "x", "type": "Input"},
    {"id": "c", "type": "Conv2d", "params": {"out_channels": 2, "kernel_size": )" +
                     std::to_string(kernel) + R"(, "stride": )" + std::to_string(stride) + R"(}}],
    "edges": [["x", "c"]], "inputs": ["x"], "outputs": ["c"]})");
}

TEST(TorchCanvasReader, SameIsWrittenOutForLargerSteps) {
  const auto padding = [](const v1::Graph& graph) {
    return graph.nodes(graph.nodes_size() - 1).params().at("padding");
  };
  EXPECT_EQ(padding(ReadJson(Convolution(4, 1)).graph).string_value(), "same");
  EXPECT_EQ(padding(ReadJson(Convolution(5, 2)).graph).int_value(), 2);
  const Read even = ReadJson(Convolution(4, 2));
  ASSERT_EQ(even.graph.nodes_size(), 2);
  EXPECT_EQ(even.graph.nodes(0).type(), "ZeroPad2d");
  EXPECT_EQ(even.graph.nodes(0).params().at("padding").list_value().values(0).int_value(), 1);
  EXPECT_EQ(even.graph.nodes(0).params().at("padding").list_value().values(1).int_value(), 2);
  ASSERT_EQ(even.findings.size(), 1u);
  EXPECT_EQ(even.findings[0].code(), "TC_SAME_EVEN_KERNEL");
  EXPECT_EQ(even.findings[0].fixes(0).edits(0).set_param().value().int_value(), 2);
  for (int kernel = 1; kernel <= 5; ++kernel) {
    for (int stride = 1; stride <= 3; ++stride) {
      const Json file = Convolution(kernel, stride);
      EXPECT_EQ(Sorted(Written(ReadJson(file).graph)), Sorted(file)) << kernel << " " << stride;
    }
  }
}

TEST(TorchCanvasReader, InputsThatAreNotListedComeLast) {
  const Read read = ReadJson(Json::parse(
      R"({"nodes": [{"id": "a", "type": "Input"}, {"id": "b", "type": "Input"},
    {"id": "s", "type": "Add"}], "edges": [["a", "s"], ["b", "s"]], "inputs": ["b"],
    "outputs": ["s"]})"));
  ASSERT_EQ(read.graph.inputs_size(), 2);
  EXPECT_EQ(read.graph.inputs(0).name(), "b");
  EXPECT_EQ(read.graph.inputs(1).name(), "a");
  ASSERT_EQ(read.findings.size(), 1u);
  EXPECT_EQ(read.findings[0].code(), "TC_UNLISTED_INPUT");
  EXPECT_EQ(read.findings[0].path(), "nodes[0]");
}

TEST(TorchCanvasReader, LayoutsAreFollowedThroughWhatKeepsThem) {
  const Read read = ReadJson(Json::parse(
      R"({"nodes": [{"id": "x", "type": "Input"},
    {"id": "c", "type": "Conv1d", "params": {"out_channels": 4, "kernel_size": 3}},
    {"id": "r", "type": "ReLU"}, {"id": "t", "type": "Permute_BCT_to_BTH"},
    {"id": "g", "type": "GRUBlock", "params": {"hidden_size": 3}},
    {"id": "h", "type": "GRUBlock", "params": {"hidden_size": 3}}],
    "edges": [["x", "c"], ["c", "r"], ["r", "g"], ["r", "t"], ["t", "h"]], "inputs": ["x"],
    "outputs": ["g", "h"]})"));
  ASSERT_EQ(read.findings.size(), 1u);
  EXPECT_EQ(read.findings[0].code(), "TC_LAYOUT");
  EXPECT_EQ(read.findings[0].path(), "edges[2]");
  EXPECT_EQ(read.findings[0].node(), "g");
  EXPECT_EQ(read.findings[0].fixes(0).edits(0).add_node().node().id(), "g_permute");
}

TEST(TorchCanvasReader, FaultsArePlaced) {
  const Read read = ReadJson(Json::parse(
      R"({"nodes": [{"id": "x", "type": "Input"}, {"id": "f", "type": "Lineer"},
    {"id": "x", "type": "ReLU"}], "edges": [["x", "f"], ["f", "gone"]], "inputs": ["f"],
    "outputs": ["head"]})"));
  std::vector<std::string> found;
  for (const v1::Diagnostic& d : read.findings) {
    if (d.severity() == v1::SEVERITY_ERROR) found.push_back(d.code() + " " + d.path());
  }
  const std::vector<std::string> wanted = {"UNKNOWN_TYPE nodes[1].type", "DUPLICATE_ID nodes[2].id",
                                           "UNKNOWN_REFERENCE edges[1]", "ARGUMENT_TYPE inputs[0]",
                                           "UNKNOWN_REFERENCE outputs[0]"};
  EXPECT_EQ(found, wanted);
}

v1::Graph Native(std::string_view text) {
  std::vector<v1::Diagnostic> findings;
  const auto graph = graph::ReadGraph(text, "g", nullptr, &findings);
  EXPECT_TRUE(graph.ok()) << graph.status();
  return graph.ok() ? *graph : v1::Graph();
}

TEST(TorchCanvasWriter, WhatAnotherFormatKeptIsNotWritten) {
  const auto root = ReadText(
      R"({"nodes": [{"id": "a", "node_type": "Linear", "params": {"out_features": 3}, "color": "red"}],
      "edges": [], "name": "n", "foo": 1})",
      TextLimits(), nullptr);
  ASSERT_TRUE(root.ok());
  std::vector<v1::Diagnostic> findings;
  const v1::Graph graph = visdl::ReadGraph(*root, "v.json", nullptr, &findings);
  EXPECT_EQ(Written(graph), Json::parse(R"({"version": "0.2", "metadata": {"name": "n"},
    "nodes": [{"id": "x", "type": "Input", "params": {}},
              {"id": "a", "type": "Linear", "params": {"out_features": 3}}],
    "edges": [["x", "a"]], "inputs": ["x"], "outputs": ["a"]})"));
}

TEST(TorchCanvasWriter, WhatIsNoEntryIsNotWritten) {
  for (const char* kept :
       {"{}", "[1]", "5", "{type: 5}", "{type: Gone}", "{type: ReLU, params: 3}"}) {
    const v1::Graph graph = Native(
        std::string("{inputs: {x: {}}, nodes: {a: {type: ReLU, in: x, origin: {pad_of: x, node: ") +
        kept +
        "}}}, outputs: {y: a}, origin: {format: torchcanvas, fields: 7, edges: {a: 1}, "
        "order: 8, inputs: {x: " +
        kept + "}}}");
    EXPECT_EQ(Written(graph)["nodes"], Json::parse(R"([{"id": "x", "type": "Input", "params": {}},
                              {"id": "a", "type": "ReLU", "params": {}}])"))
        << kept;
  }
}

TEST(TorchCanvasWriter, PartsOfASumAreNoInputs) {
  const Json file = Written(
      Native("{inputs: {x: {}, a_1: {}}, nodes: {a: {type: Add, in: [[x, a_1, x]]}, b: {type: "
             "ReLU, in: a}, c: {type: ReLU, in: a_1}}, outputs: {b: b, c: c}}"));
  std::vector<std::string> ids;
  for (const Json& node : file["nodes"]) ids.push_back(node["id"]);
  EXPECT_EQ(ids, (std::vector<std::string>{"x", "a_1", "a_1_", "a", "b", "c"}));
  EXPECT_EQ(file["edges"][0], Json::parse(R"(["x", "a_1_"])"));
  EXPECT_EQ(file["edges"][1], Json::parse(R"(["a_1", "a_1_"])"));
}

}  // namespace
}  // namespace graphkiln::formats::torchcanvas
