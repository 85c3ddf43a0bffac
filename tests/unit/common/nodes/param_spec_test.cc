#include "common/nodes/param_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/nodes/given_params.h"

namespace graphkiln::nodes {
namespace {

using ::testing::ElementsAre;

v1::Value V(int64_t v) {
  v1::Value value;
  value.set_int_value(v);
  return value;
}
v1::Value V(double v) {
  v1::Value value;
  value.set_double_value(v);
  return value;
}
v1::Value V(const char* v) {
  v1::Value value;
  value.set_string_value(v);
  return value;
}
v1::Value Null() {
  v1::Value value;
  value.set_null_value(v1::NULL_VALUE_UNSPECIFIED);
  return value;
}
v1::Value List(std::vector<int64_t> items) {
  v1::Value value;
  value.mutable_list_value();
  for (const int64_t i : items) value.mutable_list_value()->add_values()->set_int_value(i);
  return value;
}

struct Outcome {
  Params params;
  std::vector<ParamIssue> issues;
  bool ok;
};
Outcome Resolve(std::vector<ParamSpec> specs, std::map<std::string, v1::Value> given) {
  Outcome out;
  out.ok = ResolveParams(specs, ViewOf(given), &out.params,
                         [&](ParamIssue issue) { out.issues.push_back(issue); });
  return out;
}

TEST(ParamSpec, OneNumberStandsForAllDimensions) {
  const auto specs = std::vector<ParamSpec>{IntN("kernel_size", 2).Required().Min(1)};
  EXPECT_THAT(Resolve(specs, {{"kernel_size", V(int64_t{3})}}).params.Ints("kernel_size", 2),
              ElementsAre(3, 3));
  EXPECT_THAT(Resolve(specs, {{"kernel_size", List({3, 5})}}).params.Ints("kernel_size", 2),
              ElementsAre(3, 5));
  EXPECT_FALSE(Resolve(specs, {{"kernel_size", List({1, 2, 3})}}).ok);
  EXPECT_FALSE(Resolve(specs, {{"kernel_size", List({1, 0})}}).ok);
  EXPECT_FALSE(Resolve(specs, {{"kernel_size", V("same")}}).ok);
}

TEST(ParamSpec, EveryFaultIsReportedOnce) {
  const auto out =
      Resolve({Int("out_features").Required().Min(1), Float("p").Default(0.5).Range(0, 1),
               Bool("bias").Default(ParamValue(true))},
              {{"out_featurs", V(int64_t{3})}, {"p", V(2.0)}, {"bias", V(int64_t{1})}});
  // The misspelt one is not missing besides.
  ASSERT_EQ(out.issues.size(), 3u);
  EXPECT_EQ(out.issues[0].code, "UNKNOWN_PARAM");
  EXPECT_EQ(out.issues[0].rename_to, "out_features");
  EXPECT_EQ(out.issues[1].code, "PARAM_RANGE");
  EXPECT_EQ(out.issues[1].suggested->double_value(), 1.0);
  EXPECT_EQ(out.issues[2].code, "PARAM_TYPE");
  EXPECT_EQ(out.issues[2].expected, "bool");
}

TEST(ParamSpec, NullOnlyWhereLegal) {
  EXPECT_TRUE(Resolve({Float("momentum").Default(0.1).Nullable()}, {{"momentum", Null()}})
                  .params.IsNull("momentum"));
  EXPECT_FALSE(Resolve({Float("p").Default(0.1)}, {{"p", Null()}}).ok);
}

TEST(ParamSpec, WholeFloatsAreInts) {
  EXPECT_EQ(Resolve({Int("n").Required()}, {{"n", V(3.0)}}).params.Int("n"), 3);
  EXPECT_FALSE(Resolve({Int("n").Required()}, {{"n", V(3.5)}}).ok);
  EXPECT_EQ(Resolve({Float("x").Required()}, {{"x", V(int64_t{2})}}).params.Float("x"), 2.0);
}

TEST(ParamSpec, NanIsOutsideEveryRange) {
  EXPECT_FALSE(Resolve({Float("p").Default(0.5).Range(0, 1)}, {{"p", V(std::nan(""))}}).ok);
}

TEST(ParamSpec, DefaultsAndWhatWasGiven) {
  const auto out = Resolve({Int("a").Default(1), Int("b").Default(2)}, {{"b", V(int64_t{2})}});
  ASSERT_EQ(out.params.entries().size(), 2u);
  EXPECT_FALSE(out.params.entries()[0].given);
  EXPECT_TRUE(out.params.entries()[1].given);
  EXPECT_EQ(out.params.Int("a"), 1);
}

TEST(ParamSpec, PythonSpelling) {
  EXPECT_EQ(ToPython(ParamValue(1.0)), "1.0");
  EXPECT_EQ(ToPython(ParamValue(1e-5)), "1e-05");
  EXPECT_EQ(ToPython(ParamValue(std::vector<int64_t>{2})), "(2,)");
  EXPECT_EQ(ToPython(ParamValue(std::string("a\"b\\\n"))), "\"a\\\"b\\\\\\x0a\"");
  EXPECT_EQ(ToPython(ParamValue(std::monostate())), "None");
  EXPECT_EQ(ToPython(ParamValue(true)), "True");
}

TEST(ParamSpec, TypeTextTellsAllThatIsLegal) {
  EXPECT_EQ(TypeText(IntN("padding", 2).Choices({"same", "valid"})),
            "int | int[2] | \"same\" | \"valid\"");
  EXPECT_EQ(TypeText(Float("m").Nullable()), "float | null");
}

}  // namespace
}  // namespace graphkiln::nodes
