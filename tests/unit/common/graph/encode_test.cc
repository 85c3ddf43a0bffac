#include "common/graph/encode.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "graphkiln/v1/graph.pb.h"
#include "graphkiln/v1/value.pb.h"

namespace graphkiln::graph {
namespace {

v1::Value Text(const char* text) {
  v1::Value value;
  value.set_string_value(text);
  return value;
}

TEST(Encode, OrderOfMapEntriesDoesNotCount) {
  v1::MapValue a, b;
  for (const char* key : {"x", "y", "zz"}) (*a.mutable_fields())[key] = Text(key);
  for (const char* key : {"zz", "y", "x"}) (*b.mutable_fields())[key] = Text(key);
  EXPECT_EQ(Encode(a), Encode(b));
}

TEST(Encode, TellsAllElseApart) {
  std::set<std::string> seen;
  const auto add = [&](const google::protobuf::Message& message) {
    EXPECT_TRUE(seen.insert(Encode(message)).second) << message.ShortDebugString();
  };
  add(v1::Value());
  add(Text(""));
  add(Text("a"));
  v1::Value value;
  value.set_expression("a");
  add(value);
  value.set_int_value(0);
  add(value);
  value.set_double_value(0.0);
  add(value);
  value.set_double_value(-0.0);
  add(value);
  value.set_double_value(std::nan(""));
  add(value);
  value.set_bool_value(false);
  add(value);
  value.set_null_value(v1::NULL_VALUE_UNSPECIFIED);
  add(value);
  value.mutable_list_value();
  add(value);
  *value.mutable_list_value()->add_values() = Text("ab");
  add(value);
  *value.mutable_list_value()->mutable_values(0) = Text("a");
  *value.mutable_list_value()->add_values() = Text("b");
  add(value);
}

TEST(Encode, FieldsOfLaterVersionsCount) {
  v1::Reference reference;
  reference.set_node("a");
  const std::string plain = Encode(reference);
  reference.GetReflection()->MutableUnknownFields(&reference)->AddVarint(1000, 1);
  EXPECT_NE(Encode(reference), plain);
}

}  // namespace
}  // namespace graphkiln::graph
