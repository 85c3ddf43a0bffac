#include "services/worker/trainer/plan.h"

#include "common/ir/op_def.h"
#include "tests/unit/services/worker/trainer/testing.h"

namespace graphkiln::trainer {
namespace {

using B = ProgramBuilder;
using ::testing::HasSubstr;

const c10::Device kCpu(c10::kCPU);

absl::Status CompileStatus(const api::IrModule& ir) { return Plan::Compile(ir, kCpu).status(); }

TEST(PlanTest, GivesValuesAwayAtTheirLastUseOnly) {
  const auto plan = Plan::Compile(ClassifierProgram(6, 4, 3, 0), kCpu);
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_EQ(plan->calls().size(), 5u);
  using Kind = PlanArgument::Kind;
  EXPECT_EQ(plan->calls()[0].args[0].kind, Kind::kSlot) << "an input stays";
  EXPECT_EQ(plan->calls()[0].args[1].kind, Kind::kSlot) << "a parameter stays";
  EXPECT_EQ(plan->calls()[1].args[0].kind, Kind::kLastUse);
  EXPECT_EQ(plan->calls()[2].args[2].kind, Kind::kFlag);
  EXPECT_EQ(plan->calls()[4].args[0].kind, Kind::kSlot) << "an output of the program stays";
  EXPECT_EQ(plan->num_parameters(), 4);
  EXPECT_EQ(plan->first_parameter(), 2);
}

TEST(PlanTest, RefusesOperatorsOutsideTheTable) {
  ProgramBuilder b;
  const int x = b.Input("x", api::DATA_TYPE_FLOAT32, {-1, 2});
  b.Output("y", b.Call("n", "aten.from_file.default", {B::V(x)}, {-1, 2}));
  const absl::Status status = CompileStatus(b.ir());
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("IR_INVALID"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("from_file"));
}

TEST(PlanTest, RefusesMissingArgumentsAndUnknownValues) {
  api::IrModule short_call = ClassifierProgram(6, 4, 3, 0);
  short_call.mutable_calls(0)->mutable_args()->RemoveLast();
  EXPECT_THAT(std::string(CompileStatus(short_call).message()), HasSubstr("IR_INVALID"));
  api::IrModule wild = ClassifierProgram(6, 4, 3, 0);
  wild.mutable_calls(0)->mutable_args(0)->set_value(1'000'000);
  EXPECT_THAT(std::string(CompileStatus(wild).message()), HasSubstr("IR_INVALID"));
  api::IrModule ahead = ClassifierProgram(6, 4, 3, 0);
  ahead.mutable_calls(0)->mutable_args(0)->set_value(ahead.values_size() - 1);
  EXPECT_THAT(std::string(CompileStatus(ahead).message()), HasSubstr("IR_INVALID"));
}

TEST(PlanTest, RefusesALieAboutTypes) {
  api::IrModule ir = ClassifierProgram(6, 4, 3, 0);
  ir.mutable_values(6)->mutable_spec()->mutable_shape(1)->set_size(5);  // fc1 gives 4
  EXPECT_THAT(std::string(CompileStatus(ir).message()), HasSubstr("IR_INVALID"));
}

TEST(PlanTest, EveryOperatorOfTheTableIsLibTorchs) {
  for (const ir::OpDef* op : ir::AllOps()) {
    std::string name(op->name.substr(0, op->name.rfind('.')));
    std::string overload(op->name.substr(op->name.rfind('.') + 1));
    if (overload == "default") overload.clear();
    name.replace(name.find('.'), 1, "::");
    const auto handle = c10::Dispatcher::singleton().findSchema({name, overload});
    ASSERT_TRUE(handle.has_value()) << op->name;
    std::vector<std::string> theirs;
    for (const c10::Argument& argument : handle->schema().arguments()) {
      theirs.push_back(argument.name());
    }
    std::vector<std::string> ours;
    for (const ir::SchemaArg& argument : op->args) ours.push_back(argument.name);
    EXPECT_EQ(ours, theirs) << op->name;
    EXPECT_EQ(static_cast<size_t>(op->num_returns), handle->schema().returns().size()) << op->name;
  }
}

}  // namespace
}  // namespace graphkiln::trainer
