#include "common/compiler/graph_scope.h"

#include <gtest/gtest.h>

#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

v1::Graph Chain(int length) {
  v1::Graph graph;
  auto& variables = *graph.mutable_variables();
  variables["v0"].set_int_value(1);
  for (int i = 1; i <= length; ++i)
    variables[fmt::format("v{}", i)].set_expression(fmt::format("$v{} + 1", i - 1));
  return graph;
}

int64_t IntOf(const GraphScope& scope, std::string_view name) {
  const auto value = scope.Variable(name);
  return value ? value->int_value() : -1;
}

// Neither the depth of a chain nor who asks first makes a difference.
TEST(GraphScope, ChainsOfAnyLength) {
  const v1::Graph graph = Chain(5'000);
  const GraphScope last(graph);
  EXPECT_EQ(IntOf(last, "v5000"), 5'001);
  const GraphScope middle(graph);
  EXPECT_EQ(IntOf(middle, "v50"), 51);
  EXPECT_EQ(IntOf(middle, "v5000"), 5'001);
}

TEST(GraphScope, NestingInVariablesIsNotTheirSum) {
  v1::Graph graph;
  auto& variables = *graph.mutable_variables();
  variables["v0"].set_int_value(7);
  for (int i = 1; i <= 64; ++i) {
    variables[fmt::format("v{}", i)].set_expression(
        fmt::format("{}$v{}{}", std::string(62, '('), i - 1, std::string(62, ')')));
  }
  const GraphScope scope(graph);
  EXPECT_EQ(IntOf(scope, "v64"), 7);
}

TEST(GraphScope, CirclesHaveNoValue) {
  v1::Graph graph = Chain(2);
  auto& variables = *graph.mutable_variables();
  variables["a"].set_expression("$b + 1");
  variables["b"].set_expression("$a + 1");
  variables["behind"].set_expression("$a");
  variables["self"].set_expression("$self");
  variables["text"].set_expression("len(['$text'])");
  const GraphScope scope(graph);
  for (const char* name : {"a", "b", "behind", "self", "absent"})
    EXPECT_FALSE(scope.Variable(name).has_value()) << name;
  EXPECT_EQ(IntOf(scope, "text"), 1);
  EXPECT_EQ(IntOf(scope, "v2"), 3);
}

TEST(GraphScope, ReadsOfLargeVariablesAreBounded) {
  v1::Graph graph;
  auto& list = *(*graph.mutable_variables())["a"].mutable_list_value();
  for (int i = 0; i < 100'000; ++i) list.add_values()->set_int_value(i);
  std::string many = "len([";
  for (int i = 0; i < 500; ++i) many += "$a,";
  many.back() = ']';
  (*graph.mutable_variables())["many"].set_expression(many + ")");
  (*graph.mutable_variables())["one"].set_expression("len($a)");
  const GraphScope scope(graph);
  EXPECT_EQ(IntOf(scope, "one"), 100'000);
  EXPECT_FALSE(scope.Variable("many").has_value());
}

}  // namespace
}  // namespace graphkiln::compiler
