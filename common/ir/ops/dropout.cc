// Dropouts: all draw random numbers while training.
#include "common/base/status.h"
#include "common/ir/ops/families.h"
#include "common/ir/type_context.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

absl::Status InferDropout(TypeContext& c) {
  const double p = c.Float("p");
  if (!(p >= 0 && p <= 1)) {
    return c.Fail("DROPOUT_C1", "p", "a probability is between 0 and 1", "0 to 1",
                  fmt::format("{}", p), "PARAM_RANGE");
  }
  RETURN_IF_ERROR(c.Floating("DROPOUT_C2", "input"));
  return c.OutputLike("input");
}

// Whole channels are dropped: there must be channels.
absl::Status InferFeatureDropout(TypeContext& c) {
  const TensorType& input = c.tensor("input");
  if (input.rank() < 2) {
    return c.Fail("DROPOUT_C3", "input", "input needs a batch and a channel dimension",
                  "rank 2 or more", TypeText(input), "RANK_MISMATCH");
  }
  return InferDropout(c);
}

// Outside of training, and where nothing is dropped.
bool HandsOn(const TypeContext& c, bool training) {
  const Argument& train = c.arg("train");
  const bool trains = train.As<TrainingArg>() != nullptr      ? training
                      : train.As<NotTrainingArg>() != nullptr ? !training
                                                              : c.Flag("train");
  return !trains || c.Float("p") == 0;
}

OpDef Dropout(std::string_view name) {
  return {
      .name = name,
      .schema = "(Tensor input, float p, bool train) -> Tensor",
      .infer = InferDropout,
      .flops = [](const TypeContext& c) { return c.output(0).Numel() * Dim(2); },
      .rules = {{"DROPOUT_C1", "p is between 0 and 1"}, {"DROPOUT_C2", "input is floating-point"}},
      .random = true,
      .hands_on = HandsOn,
      .saved = "mask"};
}

}  // namespace

void AddDropout(std::vector<OpDef>& ops) {
  ops.push_back(Dropout("aten.dropout.default"));
  ops.push_back(Dropout("aten.alpha_dropout.default"));
  // Also gives which elements were kept.
  ops.push_back(Dropout("aten.native_dropout.default"));
  ops.back().schema = "(Tensor input, float p, bool? train) -> (Tensor, Tensor)";
  ops.back().infer = [](TypeContext& c) {
    RETURN_IF_ERROR(InferDropout(c));
    return c.Output(c.tensor("input").WithDType(v1::DATA_TYPE_BOOL));
  };
  for (const char* name : {"aten.feature_dropout.default", "aten.feature_alpha_dropout.default"}) {
    ops.push_back(Dropout(name));
    ops.back().infer = InferFeatureDropout;
    ops.back().rules.push_back({"DROPOUT_C3", "input has rank 2 or more"});
    ops.back().saved = "";  // one number per channel
  }
}

}  // namespace graphkiln::ir::ops
