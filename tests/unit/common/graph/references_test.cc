#include "common/graph/references.h"

#include <string>

#include "gtest/gtest.h"

namespace graphkiln::graph {
namespace {

v1::Argument To(const std::string& node) {
  v1::Argument argument;
  argument.mutable_reference()->set_node(node);
  return argument;
}

// [a, {k: b, l: [c]}, 1, d]
v1::Argument Nested() {
  v1::Argument argument;
  auto& list = *argument.mutable_list();
  *list.add_items() = To("a");
  auto& map = *list.add_items()->mutable_map();
  v1::ArgumentEntry* k = map.add_entries();
  k->set_name("k");
  *k->mutable_value() = To("b");
  v1::ArgumentEntry* l = map.add_entries();
  l->set_name("l");
  *l->mutable_value()->mutable_list()->add_items() = To("c");
  list.add_items()->mutable_literal()->set_int_value(1);
  *list.add_items() = To("d");
  return argument;
}

std::string Names(const v1::Argument& argument) {
  std::string names;
  VisitReferences(argument, [&](const v1::Reference& reference) { names += reference.node(); });
  return names;
}

TEST(References, AreVisitedInTheOrderOfTheText) {
  EXPECT_EQ(Names(Nested()), "abcd");
  EXPECT_EQ(Names(To("x")), "x");
  EXPECT_EQ(Names(v1::Argument()), "");
  EXPECT_TRUE(Mentions(Nested(), "c"));
  EXPECT_FALSE(Mentions(Nested(), "k"));
}

TEST(References, WhatReplacesOneIsNotVisited) {
  v1::Argument argument = Nested();
  std::string visited;
  VisitReferring(argument, [&](v1::Argument& at) {
    visited += at.reference().node();
    at = at.reference().node() == "c" ? Nested() : To(at.reference().node() + "'");
  });
  EXPECT_EQ(visited, "abcd");
  EXPECT_EQ(Names(argument), "a'b'abcdd'");
}

TEST(References, AreRewrittenAtAnyDepth) {
  v1::Argument argument;
  v1::Argument* at = &argument;
  for (int depth = 0; depth < 1000; ++depth) at = at->mutable_list()->add_items();
  *at = To("deep");
  RewriteReferences(argument, [](v1::Reference& reference) { reference.set_node("renamed"); });
  EXPECT_EQ(Names(argument), "renamed");
}

}  // namespace
}  // namespace graphkiln::graph
