#include "common/graph/value_json.h"

#include <gtest/gtest.h>

#include "nlohmann/json.hpp"

namespace graphkiln::graph {
namespace {

v1::Value Everything() {
  v1::Value value;
  auto& fields = *value.mutable_map_value()->mutable_fields();
  fields["z_text"].set_string_value("costs $5");
  fields["bool"].set_bool_value(true);
  fields["int"].set_int_value(-(int64_t{1} << 62));
  fields["real"].set_double_value(0.1);
  fields["expression"].set_expression("$width * 2");
  fields["dtype"].set_dtype_value(v1::DATA_TYPE_BFLOAT16);
  fields["unset"];
  v1::Value& pair = *fields["list"].mutable_list_value()->add_values();
  pair.mutable_list_value()->add_values()->set_int_value(1);
  pair.mutable_list_value()->add_values()->set_string_value("$");
  return value;
}

TEST(ValueJsonTest, EveryKindInOrderOfItsKeys) {
  EXPECT_EQ(
      ValueJson(Everything()).dump(),
      R"({"bool":true,"dtype":"bfloat16","expression":"$width * 2","int":-4611686018427387904,)"
      R"("list":[[1,"$"]],"real":0.1,"unset":null,"z_text":"costs $5"})");
}

TEST(ValueJsonTest, GraphFilesDoubleTheDollarOfATextButNotOfAnExpression) {
  const auto json = ValueJson(Everything(), TextForm::kGraphFile);
  EXPECT_EQ(json["z_text"], "costs $$5");
  EXPECT_EQ(json["list"][0][1], "$$");
  EXPECT_EQ(json["expression"], "$width * 2");
}

TEST(ValueJsonTest, AnUnknownTypeIsItsNumber) {
  v1::Value value;
  value.set_dtype_value(static_cast<v1::DataType>(12345));
  EXPECT_EQ(ValueJson(value), "12345");
}

}  // namespace
}  // namespace graphkiln::graph
