#include "common/graph/writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "common/base/file.h"
#include "common/base/resources.h"
#include "common/base/status_matchers.h"
#include "common/graph/canonical.h"
#include "common/graph/text.h"
#include "nlohmann/json.hpp"

namespace graphkiln::graph {
namespace {

using ::testing::HasSubstr;

v1::Graph Read(std::string_view text) {
  std::vector<v1::Diagnostic> diagnostics;
  absl::StatusOr<v1::Graph> graph = ReadGraph(text, "g", nullptr, &diagnostics);
  EXPECT_TRUE(graph.ok()) << graph.status() << "\n" << text;
  for (const v1::Diagnostic& d : diagnostics) {
    if (d.severity() == v1::SEVERITY_ERROR) ADD_FAILURE() << d.ShortDebugString() << "\n" << text;
  }
  return graph.ok() ? *std::move(graph) : v1::Graph();
}

// Map fields have no order on the wire, so equality is judged by the text form.
void ExpectRoundTrip(const v1::Graph& graph) {
  for (const std::string& text : {WriteYaml(graph), WriteJson(graph)}) {
    const v1::Graph again = Read(text);
    EXPECT_EQ(WriteJson(again), WriteJson(graph)) << text;
    EXPECT_EQ(WriteYaml(again), WriteYaml(graph));
    EXPECT_EQ(ContentHash(again), ContentHash(graph)) << text;
  }
}

v1::Graph OneNode(const std::string& id) {
  v1::Graph graph;
  graph.set_schema_version(1);
  v1::GraphInput* input = graph.add_inputs();
  input->set_name("x");
  input->mutable_spec()->set_dtype(v1::DATA_TYPE_FLOAT32);
  input->mutable_spec()->add_shape()->set_symbol("B");
  v1::Node* node = graph.add_nodes();
  node->set_id(id);
  node->set_type("ReLU");
  node->add_inputs()->mutable_value()->mutable_reference()->set_node("x");
  v1::GraphOutput* output = graph.add_outputs();
  output->set_name("y");
  output->mutable_value()->mutable_reference()->set_node(id);
  return graph;
}

TEST(Writer, EveryTemplateComesBackEqual) {
  for (const char* folder : {"/templates/models", "/templates/blocks"}) {
    const std::string dir = ResourceDir() + folder;
    ASSERT_OK_AND_ASSIGN(const std::vector<std::string> names, ListDir(dir));
    ASSERT_FALSE(names.empty());
    for (const std::string& name : names) {
      SCOPED_TRACE(name);
      ASSERT_OK_AND_ASSIGN(const std::string text, ReadFile(JoinPath(dir, name), 1 << 20));
      ExpectRoundTrip(Read(text));
    }
  }
}

TEST(Writer, AnyIdComesBack) {
  for (const std::string& id : {std::string("a"),
                                std::string("true"),
                                std::string("null"),
                                std::string("~"),
                                std::string("1"),
                                std::string("1.5"),
                                std::string("-"),
                                std::string("<<"),
                                std::string("layer1.0.conv"),
                                std::string("a: b"),
                                std::string("#x"),
                                std::string("'\""),
                                std::string("a\nb\tc\\"),
                                std::string("\x7f\x1b[31m"),
                                std::string("größe €😀"),
                                std::string("\xc2\x85\xe2\x80\xa8"),
                                std::string("$x"),
                                std::string("{{7*7}}"),
                                std::string("\"; import os #"),
                                std::string(1024, 'n'),
                                std::string(1024, '"')}) {
    SCOPED_TRACE(id.substr(0, 40));
    const v1::Graph graph = OneNode(id);
    ExpectRoundTrip(graph);
    const v1::Graph again = Read(WriteYaml(graph));
    ASSERT_EQ(again.nodes_size(), 1);
    EXPECT_EQ(again.nodes(0).id(), id);
    EXPECT_EQ(again.outputs(0).value().reference().node(), id);
    EXPECT_EQ(Read(WriteJson(graph)).nodes(0).id(), id);
  }
}

TEST(Writer, EveryKindOfValueComesBackFromBothForms) {
  v1::Graph graph = OneNode("n");
  auto& params = *graph.mutable_nodes(0)->mutable_params();
  params["null"].set_null_value(v1::NULL_VALUE_UNSPECIFIED);
  params["yes"].set_bool_value(true);
  params["int"].set_int_value(std::numeric_limits<int64_t>::min());
  params["third"].set_double_value(1.0 / 3.0);
  params["tiny"].set_double_value(5e-324);
  params["whole"].set_double_value(-2.0);
  params["inf"].set_double_value(HUGE_VAL);
  params["minus"].set_double_value(-HUGE_VAL);
  params["nan"].set_double_value(std::nan(""));
  params["text"].set_string_value("$+inf and $width");
  params["number"].set_string_value("1e3");
  params["empty"].set_string_value("");
  params["expression"].set_expression("$width * 2");
  params["list"].mutable_list_value()->add_values()->mutable_list_value();
  (*params["map"].mutable_map_value()->mutable_fields())["k"].set_int_value(1);
  ExpectRoundTrip(graph);
  for (const std::string& text : {WriteYaml(graph), WriteJson(graph)}) {
    const v1::Graph again = Read(text);
    const auto& back = again.nodes(0).params();
    EXPECT_EQ(back.at("null").kind_case(), v1::Value::kNullValue);
    EXPECT_EQ(back.at("int").int_value(), std::numeric_limits<int64_t>::min());
    EXPECT_EQ(back.at("third").double_value(), 1.0 / 3.0);
    EXPECT_EQ(back.at("tiny").double_value(), 5e-324);
    EXPECT_EQ(back.at("whole").kind_case(), v1::Value::kDoubleValue);
    EXPECT_EQ(back.at("inf").double_value(), HUGE_VAL);
    EXPECT_EQ(back.at("minus").double_value(), -HUGE_VAL);
    EXPECT_TRUE(std::isnan(back.at("nan").double_value()));
    EXPECT_EQ(back.at("text").string_value(), "$+inf and $width");
    EXPECT_EQ(back.at("number").string_value(), "1e3");
    EXPECT_EQ(back.at("empty").kind_case(), v1::Value::kStringValue);
    EXPECT_EQ(back.at("expression").expression(), "$width * 2");
    EXPECT_EQ(back.at("list").list_value().values(0).kind_case(), v1::Value::kListValue);
    EXPECT_EQ(back.at("map").map_value().fields().at("k").int_value(), 1);
  }
}

TEST(Writer, MapsNamedLikeTheNotationsStayMaps) {
  for (const std::vector<std::string>& names : std::vector<std::vector<std::string>>{
           {"value"}, {"map"}, {"ref"}, {"ref", "port"}, {"value", "policy"}}) {
    v1::Graph graph = OneNode("n");
    v1::ArgumentMap* map = graph.mutable_outputs(0)->mutable_value()->mutable_map();
    for (const std::string& name : names) {
      v1::ArgumentEntry* entry = map->add_entries();
      entry->set_name(name);
      entry->mutable_value()->mutable_reference()->set_node("n");
    }
    ExpectRoundTrip(graph);
    const v1::Graph again = Read(WriteYaml(graph));
    ASSERT_EQ(again.outputs(0).value().map().entries_size(), static_cast<int>(names.size()));
    for (size_t i = 0; i < names.size(); ++i) {
      const v1::ArgumentEntry& entry = again.outputs(0).value().map().entries(static_cast<int>(i));
      EXPECT_EQ(entry.name(), names[i]);
      EXPECT_EQ(entry.value().reference().node(), "n");
    }
  }
}

TEST(Writer, PortsLiteralsModesAndUnknownKeysComeBack) {
  const v1::Graph graph = Read(
      "graphkiln: 1\n"
      "future: {deep: [1, x]}\n"
      "inputs: {x: {shape: [B, 4], doc: pixels}}\n"
      "nodes:\n"
      "  a.b: {type: GRU, in: {input: x, hx: null}, mode: bypassed, compile: freeze, colour: red}\n"
      "  c: {type: Mul, in: [{ref: a.b, port: output}, 2.5], module: a.b, doc: d}\n"
      "  d: {type: Where, in: {condition: {value: [1, 2]}, input: c}, mode: muted}\n"
      "outputs: {y: [c, {k: d}]}\n"
      "labels: {team: demo}\n"
      "view: {c: {x: 1, y: -2.5, collapsed: true}}\n");
  ExpectRoundTrip(graph);
  const v1::Graph again = Read(WriteYaml(graph));
  EXPECT_EQ(again.nodes(0).mode(), v1::NODE_MODE_BYPASSED);
  EXPECT_EQ(again.nodes(0).compile_mode(), v1::COMPILE_MODE_FREEZE);
  EXPECT_EQ(again.nodes(0).extra().fields().at("colour").string_value(), "red");
  EXPECT_EQ(again.nodes(1).inputs(0).value().reference().port(), "output");
  EXPECT_EQ(again.nodes(1).inputs(1).value().literal().double_value(), 2.5);
  EXPECT_EQ(again.nodes(2).inputs(0).value().literal().list_value().values_size(), 2);
  EXPECT_TRUE(again.extra().fields().contains("future"));
  EXPECT_EQ(again.labels().at("team"), "demo");
  EXPECT_TRUE(again.view().nodes().at("c").collapsed());
}

TEST(Writer, DuplicatesOfAProtoAreWrittenSoThatTheReaderSeesThem) {
  v1::Graph graph = OneNode("n");
  *graph.add_nodes() = graph.nodes(0);
  std::vector<v1::Diagnostic> diagnostics;
  EXPECT_FALSE(ReadGraph(WriteYaml(graph), "g", nullptr, &diagnostics).ok());
  ASSERT_EQ(diagnostics.size(), 1u);
  EXPECT_EQ(diagnostics[0].code(), "DUPLICATE_KEY");
}

TEST(Writer, UnknownKeysNeverReplaceKnownOnes) {
  v1::Graph graph = OneNode("n");
  (*graph.mutable_nodes(0)->mutable_extra()->mutable_fields())["type"].set_string_value("Evil");
  (*graph.mutable_extra()->mutable_fields())["nodes"].set_string_value("none");
  EXPECT_EQ(Read(WriteYaml(graph)).nodes(0).type(), "ReLU");
}

// Every kind of entry that a graph can have many of. A search per entry would take minutes here.
TEST(Writer, ManyEntriesOfEveryKind) {
  constexpr int kMany = 100'000;
  v1::Graph graph = OneNode("n");
  v1::Composite* composite = graph.add_composites();
  composite->set_name("C");
  for (int i = 0; i < kMany; ++i) {
    const std::string name = "e" + std::to_string(i);
    (*graph.mutable_view()->mutable_nodes())[name].set_x(i);
    (*graph.mutable_labels())[name] = name;
    (*graph.mutable_extra()->mutable_fields())[name].set_int_value(i);
    (*graph.mutable_nodes(0)->mutable_extra()->mutable_fields())[name].set_int_value(i);
    *graph.add_inputs() = graph.inputs(0);
    graph.mutable_inputs(i + 1)->set_name(name);
    composite->add_params()->set_name(name);
    composite->add_inputs()->set_name(name);
    composite->add_let()->set_name(name);
    composite->add_nodes()->mutable_node()->set_id(name);
    composite->add_outputs()->set_name(name);
    graph.add_composites()->set_name(name);
  }
  const auto json = ToJson(graph);
  EXPECT_EQ(json["view"].size(), size_t{kMany});
  EXPECT_EQ(json["view"].back()["x"].get<double>(), kMany - 1);
  EXPECT_EQ(json["labels"].size(), size_t{kMany});
  EXPECT_EQ(json["inputs"].size(), size_t{kMany + 1});
  EXPECT_EQ(json["composites"].size(), size_t{kMany + 1});
  EXPECT_EQ(json["nodes"]["n"].size(), size_t{kMany + 2});
  for (const char* part : {"params", "inputs", "let", "nodes", "outputs"})
    EXPECT_EQ(json["composites"]["C"][part].size(), size_t{kMany}) << part;
}

TEST(Writer, InvalidUtf8IsReplacedNotThrown) {
  EXPECT_THAT(WriteJson(OneNode("a\xff")), HasSubstr("a\xef\xbf\xbd"));
  Read(WriteYaml(OneNode("a\xff")));
}

}  // namespace
}  // namespace graphkiln::graph
