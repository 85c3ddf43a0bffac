// Normalisations.
#include "common/base/status.h"
#include "common/ir/ops/families.h"
#include "common/ir/type_context.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

absl::Status InferBatchNorm(TypeContext& c) {
  const TensorType& input = c.tensor("input");
  if (input.rank() < 2) {
    return c.Fail("BATCH_NORM_C1", "input", "input needs a batch and a channel dimension",
                  "rank 2 or more", TypeText(input), "RANK_MISMATCH");
  }
  RETURN_IF_ERROR(c.Floating("BATCH_NORM_C2", "input"));
  for (const char* arg : {"weight", "bias", "running_mean", "running_var"}) {
    if (!c.Has(arg)) continue;
    if (c.tensor(arg).Numel() != input.dim(1)) {
      return c.Fail("BATCH_NORM_C3", "input", "the channel dimension must be num_features",
                    TypeText(input.WithDim(1, c.tensor(arg).Numel())), TypeText(input));
    }
  }
  return c.OutputLike("input");
}

absl::Status InferLayerNorm(TypeContext& c) {
  const TensorType& input = c.tensor("input");
  RETURN_IF_ERROR(c.Floating("LAYER_NORM_C2", "input"));
  const std::vector<Dim> normalized = c.Dims("normalized_shape");
  const int n = static_cast<int>(normalized.size());
  bool fits = n >= 1 && n <= input.rank();
  for (int i = 0; fits && i < n; ++i)
    fits = input.dim(input.rank() - n + i) == normalized[static_cast<size_t>(i)];
  if (!fits) {
    std::string expected = ShapeText(normalized);
    expected.insert(1, "..., ");
    return c.Fail("LAYER_NORM_C1", "input", "the last dimensions must be normalized_shape",
                  expected, TypeText(input));
  }
  return c.OutputLike("input");
}

}  // namespace

void AddNorm(std::vector<OpDef>& ops) {
  ops.push_back(
      {.name = "aten.batch_norm.default",
       .schema =
           "(Tensor input, Tensor? weight, Tensor? bias, Tensor(a!)? running_mean, "
           "Tensor(b!)? running_var, bool training, float momentum, float eps, bool cudnn_enabled) "
           "-> Tensor",
       .infer = InferBatchNorm,
       .flops = [](const TypeContext& c) { return c.output(0).Numel() * Dim(6); },
       .rules = {{"BATCH_NORM_C1", "input has rank 2 or more"},
                 {"BATCH_NORM_C2", "input is floating-point"},
                 {"BATCH_NORM_C3", "input's second dimension equals the number of features"}},
       .saved = "input"});
  ops.push_back(
      {.name = "aten.layer_norm.default",
       .schema =
           "(Tensor input, SymInt[] normalized_shape, Tensor? weight=None, Tensor? bias=None, "
           "float eps=1e-05, bool cudnn_enable=True) -> Tensor",
       .infer = InferLayerNorm,
       .flops = [](const TypeContext& c) { return c.output(0).Numel() * Dim(8); },
       .rules = {{"LAYER_NORM_C1", "input's last dimensions equal normalized_shape"},
                 {"LAYER_NORM_C2", "input is floating-point"}},
       .saved = "input"});
}

}  // namespace graphkiln::ir::ops
