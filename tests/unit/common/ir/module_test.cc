#include "common/ir/module.h"

#include <gtest/gtest.h>

#include "common/base/status_matchers.h"
#include "common/ir/call_builder.h"
#include "common/ir/op_def.h"
#include "common/ir/verify.h"

namespace graphkiln::ir {
namespace {

// x[B, 4] -> linear -> relu, with the values deliberately out of canonical order.
Module Sample() {
  Module m;
  m.name = "sample";
  const ValueId w = m.AddValue({ValueKind::kTensor, {v1::DATA_TYPE_FLOAT32, {3, 4}}});
  const ValueId x =
      m.AddValue({ValueKind::kTensor, {v1::DATA_TYPE_FLOAT32, {Dim::Symbol("B"), 4}}});
  m.inputs.push_back({"x", x});
  m.parameters.push_back({"fc.weight", w, Initializer::Uniform(0.5), false, true, true});
  m.sources.push_back({"fc", "fc", "Linear"});
  OpError error;
  auto y = AppendCall(m, *FindOp("aten.linear.default"), {x, w}, 0, &error);
  EXPECT_TRUE(y.ok());
  auto z = AppendCall(m, *FindOp("aten.relu.default"), {(*y)[0]}, 0, &error);
  EXPECT_TRUE(z.ok());
  m.outputs.push_back({"y", (*z)[0]});
  return m;
}

TEST(Module, ProtoRoundTripIsStable) {
  const Module m = Sample();
  ASSERT_OK(Verify(m));
  const v1::IrModule proto = ToProto(m);
  EXPECT_EQ(proto.inputs(0).name(), "x");
  EXPECT_EQ(proto.calls(0).args(0).value(), 0);  // inputs come first in canonical numbering
  EXPECT_EQ(proto.calls(0).args(1).value(), 1);
  EXPECT_EQ(proto.symbols(0), "B");
  ASSERT_OK_AND_ASSIGN(const Module back, FromProto(proto));
  ASSERT_OK(Verify(back));
  EXPECT_EQ(ToProto(back).SerializeAsString(), proto.SerializeAsString());
}

TEST(Module, TextNamesEverything) {
  EXPECT_EQ(ToText(Sample()),
            "ir 1 \"sample\"\n"
            "input %1 \"x\" : float32[B, 4]\n"
            "parameter %0 \"fc.weight\" : float32[3, 4]\n"
            "%2 = aten.linear.default(%1, %0, None) : float32[B, 3]  # \"fc\"\n"
            "%3 = aten.relu.default(%2) : float32[B, 3]  # \"fc\"\n"
            "output %3 \"y\"\n");
}

TEST(Module, AssumptionsTravelWithTheProgram) {
  Module m = Sample();
  m.assumptions.Add({*Dim::Parse("B"), 5, 1, 0});
  m.assumptions.Add({*Dim::Parse("B+1"), 0, 4, -1});
  const v1::IrModule proto = ToProto(m);
  ASSERT_OK_AND_ASSIGN(const Module back, FromProto(proto));
  EXPECT_EQ(ToProto(back).SerializeAsString(), proto.SerializeAsString());
  EXPECT_THAT(ToText(back), ::testing::EndsWith("assume B is 5 or more  # \"fc\"\n"
                                                "assume B+1 is a multiple of 4\n"));
  for (const int64_t size : {3, 4, 5, 7, 8, 11}) {
    const auto b = [&](std::string_view) { return std::optional<int64_t>(size); };
    EXPECT_EQ(*back.assumptions.all()[0].Holds(b), size >= 5) << size;
    EXPECT_EQ(*back.assumptions.all()[1].Holds(b), (size + 1) % 4 == 0) << size;
  }
  // From outside: no division by what is not there, no source that does not exist.
  v1::IrModule odd = proto;
  odd.mutable_assumptions(0)->set_source(9);
  odd.mutable_assumptions(1)->set_multiple_of(0);
  ASSERT_OK_AND_ASSIGN(const Module read, FromProto(odd));
  EXPECT_EQ(read.assumptions.all()[0].source, -1);
  EXPECT_EQ(read.assumptions.all()[1].multiple_of, 1);
  odd.mutable_assumptions(0)->set_size("B apples");
  EXPECT_FALSE(FromProto(odd).ok());
}

TEST(Module, ForeignProgramsAreRefused) {
  v1::IrModule proto = ToProto(Sample());
  v1::IrModule bad = proto;
  bad.mutable_calls(0)->set_op("aten.from_file.default");
  EXPECT_THAT(FromProto(bad),
              StatusIs(absl::StatusCode::kInvalidArgument, ::testing::HasSubstr("not allowed")));
  bad = proto;
  bad.mutable_calls(0)->mutable_args(0)->set_value(99);
  EXPECT_FALSE(FromProto(bad).ok());
  bad = proto;
  bad.mutable_calls(0)->set_num_outputs(1 << 30);
  EXPECT_FALSE(FromProto(bad).ok());
  bad = proto;
  bad.mutable_outputs(0)->set_value(-1);
  EXPECT_FALSE(FromProto(bad).ok());
  bad = proto;
  bad.set_schema_version(2);
  EXPECT_FALSE(FromProto(bad).ok());
}

}  // namespace
}  // namespace graphkiln::ir
