#include "common/compiler/fixes/edits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/graph/writer.h"
#include "nlohmann/json.hpp"
#include "tests/unit/common/compiler/testing.h"

namespace graphkiln::compiler {
namespace {

constexpr char kGraph[] = R"(
graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  a: {type: ReLU, in: x}
  b: {type: Tanh, in: a}
  sum: {type: Add, in: [a, b, x]}
  pair: {type: Bilinear, in: [a, b], params: {out_features: 3}}
outputs: {y: sum, z: pair}
)";

// The graph's nodes and outputs as text after one fix.
std::string After(const v1::Fix& fix) {
  v1::Graph graph = ReadOrDie(kGraph);
  const absl::Status status = ApplyFix(fix, &graph);
  if (!status.ok()) return std::string(status.message());
  const nlohmann::ordered_json json = graph::ToJson(graph);
  return json["nodes"].dump() + json.value("outputs", nlohmann::ordered_json::object()).dump();
}

TEST(ApplyFix, AddedNodesStandBeforeTheirUse) {
  v1::Fix fix;
  v1::Node& node = *fix.add_edits()->mutable_add_node()->mutable_node();
  node.set_id("new");
  node.set_type("ELU");
  node.add_inputs()->mutable_value()->mutable_reference()->set_node("a");
  v1::Connect& connect = *fix.add_edits()->mutable_connect();
  connect.mutable_source()->set_node("new");
  connect.set_node("b");
  connect.set_port("input");
  EXPECT_THAT(
      After(fix),
      testing::StartsWith(
          R"({"a":{"type":"ReLU","in":"x"},"new":{"type":"ELU","in":"a"},"b":{"type":"Tanh","in":"new"},)"));
  *fix.mutable_edits(0)->mutable_add_node()->mutable_node()->mutable_id() = "x";
  EXPECT_THAT(After(fix), testing::HasSubstr("twice"));
}

TEST(ApplyFix, AddedNodesReplaceThoseOfTheirId) {
  v1::Fix fix;
  v1::Node& node = *fix.add_edits()->mutable_add_node()->mutable_node();
  node.set_id("b");
  node.set_type("ELU");
  node.add_inputs()->mutable_value()->mutable_reference()->set_node("x");
  EXPECT_THAT(After(fix),
              testing::StartsWith(R"({"a":{"type":"ReLU","in":"x"},"b":{"type":"ELU","in":"x"},)"
                                  R"("sum":{"type":"Add","in":["a","b","x"]},)"));
}

TEST(ApplyFix, RemovingANodeTakesItsEdgesAlong) {
  v1::Fix fix;
  fix.add_edits()->mutable_remove_node()->set_node("b");
  EXPECT_EQ(
      After(fix),
      R"({"a":{"type":"ReLU","in":"x"},"sum":{"type":"Add","in":["a","x"]},)"
      R"("pair":{"type":"Bilinear","in":"a","params":{"out_features":3}}}{"y":"sum","z":"pair"})");
  fix.mutable_edits(0)->mutable_remove_node()->set_node("sum");
  EXPECT_THAT(After(fix), testing::EndsWith(R"({"z":"pair"})"));
  fix.mutable_edits(0)->mutable_remove_node()->set_node("nobody");
  EXPECT_THAT(After(fix), testing::HasSubstr("nobody"));
}

TEST(ApplyFix, ParametersAndTypes) {
  v1::Fix fix;
  v1::SetParam& set = *fix.add_edits()->mutable_set_param();
  set.set_node("pair");
  set.set_param("bias");
  set.mutable_value()->set_bool_value(false);
  v1::UnsetParam& unset = *fix.add_edits()->mutable_unset_param();
  unset.set_node("pair");
  unset.set_param("out_features");
  v1::SetType& type = *fix.add_edits()->mutable_set_type();
  type.set_node("a");
  type.set_type("GELU");
  const std::string after = After(fix);
  EXPECT_THAT(after, testing::HasSubstr(R"("in":["a","b"],"params":{"bias":false}})"));
  EXPECT_THAT(after, testing::HasSubstr(R"("a":{"type":"GELU")"));
}

TEST(ApplyFix, ReferencesFollowARenamedNode) {
  v1::Fix fix;
  v1::RenameNode& rename = *fix.add_edits()->mutable_rename_node();
  rename.set_node("a");
  rename.set_new_id("first");
  EXPECT_EQ(After(fix),
            R"({"first":{"type":"ReLU","in":"x"},"b":{"type":"Tanh","in":"first"},)"
            R"("sum":{"type":"Add","in":["first","b","x"]},)"
            R"("pair":{"type":"Bilinear","in":["first","b"],"params":{"out_features":3}}})"
            R"({"y":"sum","z":"pair"})");
  rename.set_new_id("x");
  EXPECT_THAT(After(fix), testing::HasSubstr("twice"));
}

TEST(ApplyFix, ConnectAtPositionsPortsAndOutputs) {
  v1::Fix fix;
  v1::Connect& connect = *fix.add_edits()->mutable_connect();
  connect.mutable_source()->set_node("x");
  connect.set_node("sum");
  connect.set_port("inputs");
  connect.set_position(1);
  EXPECT_THAT(After(fix), testing::HasSubstr(R"("in":["a","x","x"])"));
  connect.set_position(3);
  EXPECT_THAT(After(fix), testing::HasSubstr(R"("in":["a","b","x","x"])"));
  connect.set_position(4);
  EXPECT_THAT(After(fix), testing::HasSubstr("position"));
  connect.clear_position();
  EXPECT_THAT(After(fix), testing::HasSubstr(R"("sum":{"type":"Add","in":"x"})"));
  connect.set_node("pair");
  connect.set_port("input2");
  EXPECT_THAT(After(fix), testing::HasSubstr(R"("in":["a","x"],"params")"));
  connect.set_node("");
  connect.set_port("z");
  EXPECT_THAT(After(fix), testing::EndsWith(R"({"y":"sum","z":"x"})"));
  connect.set_port("more");
  EXPECT_THAT(After(fix), testing::EndsWith(R"({"y":"sum","z":"pair","more":"x"})"));
}

TEST(ApplyFix, DisconnectAtPositionsAndPorts) {
  v1::Fix fix;
  v1::Disconnect& disconnect = *fix.add_edits()->mutable_disconnect();
  disconnect.set_node("sum");
  disconnect.set_port("inputs");
  disconnect.set_position(0);
  EXPECT_THAT(After(fix), testing::HasSubstr(R"("in":["b","x"])"));
  disconnect.clear_position();
  EXPECT_THAT(After(fix), testing::HasSubstr(R"("sum":{"type":"Add"})"));
  disconnect.set_node("pair");
  disconnect.set_port("input1");
  EXPECT_THAT(After(fix), testing::HasSubstr(R"("in":{"input2":"b"})"));
}

TEST(SplitPort, ReadsPositions) {
  EXPECT_EQ(SplitPort("input"), (std::pair<std::string, int>("input", -1)));
  EXPECT_EQ(SplitPort("inputs[12]"), (std::pair<std::string, int>("inputs", 12)));
}

}  // namespace
}  // namespace graphkiln::compiler
