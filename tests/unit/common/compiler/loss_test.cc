#include "common/compiler/loss.h"

#include <gtest/gtest.h>

#include "common/base/status_matchers.h"
#include "common/ir/verify.h"
#include "tests/unit/common/compiler/testing.h"

namespace graphkiln::compiler {
namespace {

CompileResult Model(const char* shape) {
  return CompileText(
      std::string("graphkiln: 1\ninputs: {x: {shape: ") + shape +
      "}}\nnodes: {fc: {type: Linear, in: x, params: {out_features: 3}}}\noutputs: {y: fc}\n");
}

v1::Component Loss(const char* type) {
  v1::Component loss;
  loss.set_type(type);
  return loss;
}

TEST(AppendLoss, TargetsAreTypedByTheLoss) {
  const auto model = Model("[B, 4]");
  ASSERT_TRUE(model.ok);
  std::vector<v1::Diagnostic> diagnostics;
  ASSERT_OK_AND_ASSIGN(const ir::Module ce,
                       AppendLoss(*model.module, Loss("CrossEntropyLoss"), &diagnostics));
  ASSERT_OK(ir::Verify(ce));
  EXPECT_EQ(ce.inputs.back().name, "target");
  EXPECT_EQ(ir::TypeText(ce.type(ce.inputs.back().value)), "int64[B]");
  EXPECT_EQ(ce.outputs.back().name, "loss");
  EXPECT_EQ(ir::TypeText(ce.type(ce.outputs.back().value)), "float32[]");
  ASSERT_OK_AND_ASSIGN(const ir::Module mse,
                       AppendLoss(*model.module, Loss("MSELoss"), &diagnostics));
  EXPECT_EQ(ir::TypeText(mse.type(mse.inputs.back().value)), "float32[B, 3]");
  EXPECT_TRUE(diagnostics.empty());
}

TEST(AppendLoss, ClassWeightsAreConstantsOutsideOfTheStateDict) {
  const auto model = Model("[B, 4]");
  std::vector<v1::Diagnostic> diagnostics;
  v1::Component loss = Loss("CrossEntropyLoss");
  auto* weight = (*loss.mutable_params())["weight"].mutable_list_value();
  for (const double v : {0.5, 2.0, 1.0}) weight->add_values()->set_double_value(v);
  ASSERT_OK_AND_ASSIGN(const ir::Module ce, AppendLoss(*model.module, loss, &diagnostics));
  ASSERT_OK(ir::Verify(ce));
  ASSERT_EQ(ce.parameters.size(), model.module->parameters.size() + 1);
  const ir::Parameter& constant = ce.parameters.back();
  EXPECT_EQ(constant.init.values, (std::vector<double>{0.5, 2.0, 1.0}));
  EXPECT_TRUE(constant.buffer);
  EXPECT_FALSE(constant.trainable);
  EXPECT_FALSE(constant.persistent);
  weight->add_values()->set_double_value(1);
  EXPECT_FALSE(AppendLoss(*model.module, loss, &diagnostics).ok());
  ASSERT_EQ(diagnostics.size(), 1u);
  EXPECT_EQ(diagnostics[0].expected(), "[3]");
}

TEST(AppendLoss, OutputsStandAtThePortsInTheirOrder) {
  const auto model = CompileText(
      "graphkiln: 1\ninputs: {x: {shape: [B, 4]}}\nnodes:\n"
      "  a: {type: Linear, in: x, params: {out_features: 1}}\n"
      "  b: {type: Softplus, in: a}\noutputs: {mean: a, variance: b}\n");
  ASSERT_TRUE(model.ok);
  std::vector<v1::Diagnostic> diagnostics;
  ASSERT_OK_AND_ASSIGN(const ir::Module nll,
                       AppendLoss(*model.module, Loss("GaussianNLLLoss"), &diagnostics));
  ASSERT_OK(ir::Verify(nll));
  EXPECT_EQ(ir::TypeText(nll.type(nll.inputs.back().value)), "float32[B, 1]");
  // One output is too few, and three rows are more than a job's target.
  const auto one = Model("[B, 4]");
  EXPECT_FALSE(AppendLoss(*one.module, Loss("GaussianNLLLoss"), &diagnostics).ok());
  ASSERT_EQ(diagnostics.size(), 1u);
  EXPECT_EQ(diagnostics[0].code(), "ARITY");
  EXPECT_FALSE(AppendLoss(*one.module, Loss("TripletMarginLoss"), &diagnostics).ok());
  EXPECT_EQ(diagnostics[1].code(), "UNSUPPORTED");
}

TEST(AppendLoss, FaultsAreLocatedAtTheJobsKeys) {
  const auto model = Model("[B, 4]");
  std::vector<v1::Diagnostic> diagnostics;
  EXPECT_FALSE(AppendLoss(*model.module, Loss("CrosEntropyLoss"), &diagnostics).ok());
  ASSERT_EQ(diagnostics.size(), 1u);
  EXPECT_EQ(diagnostics[0].path(), "loss.type");
  EXPECT_EQ(diagnostics[0].expected(), "CrossEntropyLoss");
  v1::Component loss = Loss("MSELoss");
  (*loss.mutable_params())["reduction"].set_string_value("none");
  EXPECT_FALSE(AppendLoss(*model.module, loss, &diagnostics).ok());
  EXPECT_EQ(diagnostics[1].path(), "loss.reduction");
  loss = Loss("CrossEntropyLoss");
  (*loss.mutable_params())["label_smoothing"].set_double_value(2);
  EXPECT_FALSE(AppendLoss(*model.module, loss, &diagnostics).ok());
  EXPECT_EQ(diagnostics[2].code(), "PARAM_RANGE");
  EXPECT_FALSE(AppendLoss(*model.module, Loss("Linear"), &diagnostics).ok());
}

}  // namespace
}  // namespace graphkiln::compiler
