// The kernels that torch.export decomposes normalisations into; besides the result they give the
// statistics that backward needs. No node type calls them: they come from other formats.
#include "common/base/status.h"
#include "common/ir/ops/families.h"
#include "common/ir/ops/norm_rules.h"
#include "common/ir/type_context.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

template <int64_t kPerElement>
Dim Times(const TypeContext& c) {
  return c.output(0).Numel() * Dim(kPerElement);
}

// Half precisions keep their statistics in float32.
DataType StatisticsType(DataType dtype) {
  return DTypeBytes(dtype) < 4 ? v1::DATA_TYPE_FLOAT32 : dtype;
}

absl::Status InferNativeLayerNorm(TypeContext& c) {
  RETURN_IF_ERROR(CheckLayerNorm(c));
  RETURN_IF_ERROR(c.OutputLike("input"));
  TensorType statistics = c.tensor("input").WithDType(StatisticsType(c.tensor("input").dtype));
  const int normalized = static_cast<int>(c.Dims("normalized_shape").size());
  for (int i = 1; i <= normalized; ++i) statistics = statistics.WithDim(-i, Dim(1));
  for (int i = 1; i < c.op().num_returns; ++i) RETURN_IF_ERROR(c.Output(statistics));
  return absl::OkStatus();
}

absl::Status InferNativeGroupNorm(TypeContext& c) {
  const TensorType& input = c.tensor("input");
  RETURN_IF_ERROR(c.Floating("GROUP_NORM_C5", "input"));
  const auto size = [&](std::string_view name) {
    const Dim* symbol = c.arg(name).As<Dim>();
    return symbol != nullptr ? *symbol : Dim(c.Int(name));
  };
  const Dim n = size("N");
  const Dim channels = size("C");
  if (input.rank() < 2 || input.Numel() != n * channels * size("HxW") || input.dim(1) != channels) {
    return c.Fail("GROUP_NORM_C7", "input", "N, C and HxW must be the sizes of input",
                  fmt::format("[{}, {}, ...] of {} elements", n.ToString(), channels.ToString(),
                              (n * channels * size("HxW")).ToString()),
                  TypeText(input));
  }
  RETURN_IF_ERROR(CheckGroups(c, "group", channels));
  RETURN_IF_ERROR(c.OutputLike("input"));
  const TensorType statistics{StatisticsType(input.dtype), {n, Dim(c.Int("group"))}};
  RETURN_IF_ERROR(c.Output(statistics));
  return c.Output(statistics);
}

// The mean and the inverse deviation per channel; then a reserve of cuDNN's, then the changed
// running statistics.
absl::Status InferNativeBatchNorm(TypeContext& c, bool reserve, bool statistics_out) {
  RETURN_IF_ERROR(CheckBatchNorm(c));
  RETURN_IF_ERROR(c.OutputLike("input"));
  const TensorType& input = c.tensor("input");
  const TensorType saved{StatisticsType(input.dtype), {input.dim(1)}};
  RETURN_IF_ERROR(c.Output(saved));
  RETURN_IF_ERROR(c.Output(saved));
  if (reserve) RETURN_IF_ERROR(c.Output({v1::DATA_TYPE_UINT8, {Dim(0)}}));
  if (!statistics_out) return absl::OkStatus();
  RETURN_IF_ERROR(c.OutputLike("running_mean"));
  return c.OutputLike("running_var");
}

template <bool kReserve, bool kStatisticsOut>
absl::Status InferBatch(TypeContext& c) {
  return InferNativeBatchNorm(c, kReserve, kStatisticsOut);
}

OpDef BatchNorm(std::string_view name, std::string_view schema,
                absl::Status (*infer)(TypeContext&)) {
  return {.name = name,
          .schema = schema,
          .infer = infer,
          .flops = Times<6>,
          .rules = BatchNormRules(),
          .saved = "input"};
}

}  // namespace

void AddNormNative(std::vector<OpDef>& ops) {
  ops.push_back({.name = "aten.native_layer_norm.default",
                 .schema = "(Tensor input, SymInt[] normalized_shape, Tensor? weight, Tensor? "
                           "bias, float eps) -> (Tensor, Tensor, Tensor)",
                 .infer = InferNativeLayerNorm,
                 .flops = Times<8>,
                 .rules = LayerNormRules(),
                 .saved = "input"});
  ops.push_back({.name = "aten._fused_rms_norm.default",
                 .schema = "(Tensor input, int[] normalized_shape, Tensor? weight, float? eps) -> "
                           "(Tensor, Tensor)",
                 .infer = InferNativeLayerNorm,
                 .flops = Times<5>,
                 .rules = LayerNormRules(),
                 .saved = "input"});
  ops.push_back({.name = "aten.native_group_norm.default",
                 .schema = "(Tensor input, Tensor? weight, Tensor? bias, SymInt N, SymInt C, "
                           "SymInt HxW, int group, float eps) -> (Tensor, Tensor, Tensor)",
                 .infer = InferNativeGroupNorm,
                 .flops = Times<8>,
                 .rules = GroupNormRules(),
                 .saved = "input"});
  ops.back().rules.push_back({"GROUP_NORM_C7", "N, C and HxW are the sizes of input"});

  ops.push_back(BatchNorm("aten.native_batch_norm.default",
                          "(Tensor input, Tensor? weight, Tensor? bias, Tensor(a!)? running_mean, "
                          "Tensor(b!)? running_var, bool training, float momentum, float eps) -> "
                          "(Tensor, Tensor, Tensor)",
                          InferBatch<false, false>));
  ops.push_back(BatchNorm("aten._native_batch_norm_legit.default",
                          "(Tensor input, Tensor? weight, Tensor? bias, Tensor(a!) running_mean, "
                          "Tensor(b!) running_var, bool training, float momentum, float eps) -> "
                          "(Tensor, Tensor, Tensor)",
                          InferBatch<false, false>));
  ops.push_back(BatchNorm("aten._native_batch_norm_legit.no_stats",
                          "(Tensor input, Tensor? weight, Tensor? bias, bool training, float "
                          "momentum, float eps) -> (Tensor, Tensor, Tensor)",
                          InferBatch<false, false>));
  ops.push_back(BatchNorm("aten._native_batch_norm_legit_no_training.default",
                          "(Tensor input, Tensor? weight, Tensor? bias, Tensor running_mean, "
                          "Tensor running_var, float momentum, float eps) -> (Tensor, Tensor, "
                          "Tensor)",
                          InferBatch<false, false>));
  ops.push_back(BatchNorm("aten._native_batch_norm_legit_functional.default",
                          "(Tensor input, Tensor? weight, Tensor? bias, Tensor running_mean, "
                          "Tensor running_var, bool training, float momentum, float eps) -> "
                          "(Tensor, Tensor, Tensor, Tensor running_mean_out, Tensor "
                          "running_var_out)",
                          InferBatch<false, true>));
  ops.push_back(BatchNorm("aten._batch_norm_with_update.default",
                          "(Tensor input, Tensor? weight, Tensor? bias, Tensor(a!) running_mean, "
                          "Tensor(b!) running_var, float momentum, float eps) -> (Tensor, Tensor, "
                          "Tensor, Tensor)",
                          InferBatch<true, false>));
  ops.push_back(BatchNorm("aten._batch_norm_with_update_functional.default",
                          "(Tensor input, Tensor? weight, Tensor? bias, Tensor running_mean, "
                          "Tensor running_var, float momentum, float eps) -> (Tensor, Tensor, "
                          "Tensor, Tensor, Tensor running_mean_out, Tensor running_var_out)",
                          InferBatch<true, true>));
  ops.push_back(BatchNorm("aten._batch_norm_no_update.default",
                          "(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, "
                          "Tensor? running_var, float momentum, float eps) -> (Tensor, Tensor, "
                          "Tensor, Tensor)",
                          InferBatch<true, false>));
}

}  // namespace graphkiln::ir::ops
