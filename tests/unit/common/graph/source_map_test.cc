#include "common/graph/source_map.h"

#include <gtest/gtest.h>

namespace graphkiln::graph {
namespace {

TEST(SourceMap, TheMostSpecificPartWins) {
  SourceMap map;
  map.file = "net.yaml";
  map.Add("nodes.fc", {3, 3});
  map.Add("nodes.fc.params.bias", {5, 7});
  map.Add("nodes.fc.in", {4, 5});
  v1::Diagnostic d;
  d.set_node("fc");
  d.set_param("bias");
  map.Locate(d);
  EXPECT_EQ(d.line(), 5);
  EXPECT_EQ(d.column(), 7);
  EXPECT_EQ(d.file(), "net.yaml");
  EXPECT_EQ(d.path(), "nodes.fc.params.bias");
  v1::Diagnostic port;
  port.set_node("fc");
  port.set_port("inputs[1]");
  map.Locate(port);
  EXPECT_EQ(port.line(), 4);
  v1::Diagnostic absent;
  absent.set_node("fc");
  absent.set_param("out_features");  // not written in the file
  map.Locate(absent);
  EXPECT_EQ(absent.line(), 3);
  v1::Diagnostic unknown;
  unknown.set_node("other");
  map.Locate(unknown);
  EXPECT_EQ(unknown.line(), 0);
}

}  // namespace
}  // namespace graphkiln::graph
