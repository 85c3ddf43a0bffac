// Normalisations as modules call them; the kernels below them stand in norm_native.cc.
#include "common/base/status.h"
#include "common/ir/ops/families.h"
#include "common/ir/ops/norm_rules.h"
#include "common/ir/type_context.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {

namespace {

// Scales and statistics have input's element type; float32 goes with half precisions, too.
absl::Status CheckScaleTypes(TypeContext& c, std::string_view rule) {
  const DataType input = c.tensor("input").dtype;
  for (const char* arg : {"weight", "bias", "running_mean", "running_var"}) {
    if (!c.Has(arg) || c.tensor(arg).dtype == input) continue;
    if (DTypeBytes(input) < 4 && c.tensor(arg).dtype == v1::DATA_TYPE_FLOAT32) continue;
    return c.Fail(rule, "input", fmt::format("input must have the element type of {}", arg),
                  std::string(DTypeName(c.tensor(arg).dtype)), std::string(DTypeName(input)),
                  "DTYPE_MISMATCH");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckBatchNorm(TypeContext& c) {
  const TensorType& input = c.tensor("input");
  if (input.rank() < 2) {
    return c.Fail("BATCH_NORM_C1", "input", "input needs a batch and a channel dimension",
                  "rank 2 or more", TypeText(input), "RANK_MISMATCH");
  }
  RETURN_IF_ERROR(c.Floating("BATCH_NORM_C2", "input"));
  RETURN_IF_ERROR(CheckScaleTypes(c, "BATCH_NORM_C2"));
  for (const char* arg : {"weight", "bias", "running_mean", "running_var"}) {
    if (!c.Has(arg)) continue;
    if (c.tensor(arg).Numel() != input.dim(1)) {
      return c.Fail("BATCH_NORM_C3", "input", "the channel dimension must be num_features",
                    TypeText(input.WithDim(1, c.tensor(arg).Numel())), TypeText(input));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckLayerNorm(TypeContext& c) {
  const TensorType& input = c.tensor("input");
  RETURN_IF_ERROR(c.Floating("LAYER_NORM_C2", "input"));
  // The root mean square, which has no bias, promotes instead.
  if (c.op().ArgIndex("bias") >= 0) RETURN_IF_ERROR(CheckScaleTypes(c, "LAYER_NORM_C2"));
  const Shape normalized = c.Dims("normalized_shape");
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
  for (const char* arg : {"weight", "bias"}) {
    if (!c.Has(arg) || c.tensor(arg).shape == normalized) continue;
    return c.Fail("LAYER_NORM_C3", arg, fmt::format("{} must have the shape normalized_shape", arg),
                  ShapeText(normalized), TypeText(c.tensor(arg)));
  }
  return absl::OkStatus();
}

absl::Status CheckGroups(TypeContext& c, std::string_view arg, const Dim& channels) {
  const int64_t groups = c.Int(arg);
  if (groups < 1) {
    return c.Fail("GROUP_NORM_C2", arg, "there is at least one group", "1 or more",
                  fmt::format("{}", groups), "PARAM_RANGE");
  }
  if (!channels.DivideExact(Dim(groups))) {
    return c.Fail("GROUP_NORM_C3", "input",
                  fmt::format("{} channels cannot be split into {} equal groups",
                              channels.ToString(), groups),
                  fmt::format("a multiple of {} channels", groups), TypeText(c.tensor("input")));
  }
  for (const char* scale : {"weight", "bias"}) {
    if (!c.Has(scale) || c.tensor(scale).Numel() == channels) continue;
    return c.Fail("GROUP_NORM_C4", "input", "the channel dimension must be num_channels",
                  fmt::format("{} channels", c.tensor(scale).Numel().ToString()),
                  TypeText(c.tensor("input")));
  }
  return absl::OkStatus();
}

namespace {

template <int64_t kPerElement>
Dim Times(const TypeContext& c) {
  return c.output(0).Numel() * Dim(kPerElement);
}

absl::Status InferGroupNorm(TypeContext& c) {
  const TensorType& input = c.tensor("input");
  if (input.rank() < 2) {
    return c.Fail("GROUP_NORM_C1", "input", "input needs a batch and a channel dimension",
                  "rank 2 or more", TypeText(input), "RANK_MISMATCH");
  }
  RETURN_IF_ERROR(c.Floating("GROUP_NORM_C5", "input"));
  RETURN_IF_ERROR(CheckScaleTypes(c, "GROUP_NORM_C5"));
  RETURN_IF_ERROR(CheckGroups(c, "num_groups", input.dim(1)));
  const Dim numel = input.Numel();
  const int64_t groups = c.Int("num_groups");
  if (numel.IsConst(groups) || (!numel.IsConst() && !c.AtLeast(numel - Dim(groups), 1))) {
    return c.Fail("GROUP_NORM_C6", "input", "one value per group has no deviation",
                  "more than one value per group", TypeText(input));
  }
  return c.OutputLike("input");
}

absl::Status InferInstanceNorm(TypeContext& c) {
  const TensorType& input = c.tensor("input");
  if (input.rank() < 3) {
    return c.Fail("INSTANCE_NORM_C1", "input",
                  "input needs a batch, a channel and at least one spatial dimension",
                  "rank 3 or more", TypeText(input), "RANK_MISMATCH");
  }
  RETURN_IF_ERROR(c.Floating("INSTANCE_NORM_C2", "input"));
  RETURN_IF_ERROR(CheckScaleTypes(c, "INSTANCE_NORM_C2"));
  for (const char* arg : {"weight", "bias", "running_mean", "running_var"}) {
    if (!c.Has(arg) || c.tensor(arg).Numel() == input.dim(1)) continue;
    return c.Fail("INSTANCE_NORM_C3", "input", "the channel dimension must be num_features",
                  TypeText(input.WithDim(1, c.tensor(arg).Numel())), TypeText(input));
  }
  if (c.Has("weight") && !c.AtLeast(input.dim(0), 1)) {
    return c.Fail("INSTANCE_NORM_C5", "input", "the weights are repeated for each example",
                  "a batch of 1 or more", TypeText(input));
  }
  const bool* own = c.arg("use_input_stats").As<bool>();
  if (own == nullptr || *own) {
    // One value has no deviation.
    Dim spatial(1);
    for (int i = 2; i < input.rank(); ++i) spatial = spatial * input.dim(i);
    if (!c.AtLeast(spatial, 2)) {
      return c.Fail("INSTANCE_NORM_C4", "input", "one value per channel has no deviation",
                    "more than one spatial element", TypeText(input));
    }
  }
  return c.OutputLike("input");
}

absl::Status InferLayerNorm(TypeContext& c) {
  RETURN_IF_ERROR(CheckLayerNorm(c));
  return c.OutputLike("input");
}

}  // namespace

std::vector<Rule> BatchNormRules() {
  return {{"BATCH_NORM_C1", "input has rank 2 or more"},
          {"BATCH_NORM_C2", "input is floating-point, of the type of weights and statistics"},
          {"BATCH_NORM_C3", "input's second dimension equals the number of features"}};
}

std::vector<Rule> LayerNormRules() {
  return {{"LAYER_NORM_C1", "input's last dimensions equal normalized_shape"},
          {"LAYER_NORM_C2", "input is floating-point, of the type of weight and bias"},
          {"LAYER_NORM_C3", "weight and bias have the shape normalized_shape"}};
}

std::vector<Rule> GroupNormRules() {
  return {{"GROUP_NORM_C2", "there is at least one group"},
          {"GROUP_NORM_C3", "the channels divide into the groups"},
          {"GROUP_NORM_C4", "weight and bias have one value per channel"},
          {"GROUP_NORM_C5", "input is floating-point, of the type of weight and bias"}};
}

void AddNorm(std::vector<OpDef>& ops) {
  ops.push_back(
      {.name = "aten.batch_norm.default",
       .schema =
           "(Tensor input, Tensor? weight, Tensor? bias, Tensor(a!)? running_mean, "
           "Tensor(b!)? running_var, bool training, float momentum, float eps, bool cudnn_enabled) "
           "-> Tensor",
       .infer =
           [](TypeContext& c) {
             RETURN_IF_ERROR(CheckBatchNorm(c));
             return c.OutputLike("input");
           },
       .flops = Times<6>,
       .rules = BatchNormRules(),
       .saved = "input"});
  ops.push_back(
      {.name = "aten.instance_norm.default",
       .schema = "(Tensor input, Tensor? weight, Tensor? bias, Tensor(a!)? running_mean, "
                 "Tensor(b!)? running_var, bool use_input_stats, float momentum, float "
                 "eps, bool cudnn_enabled) -> Tensor",
       .infer = InferInstanceNorm,
       .flops = Times<6>,
       .rules = {{"INSTANCE_NORM_C1", "input has rank 3 or more"},
                 {"INSTANCE_NORM_C2",
                  "input is floating-point, of the type of weights and statistics"},
                 {"INSTANCE_NORM_C3", "input's second dimension equals the number of features"},
                 {"INSTANCE_NORM_C4", "there is more than one spatial element"},
                 {"INSTANCE_NORM_C5", "with weights, the batch is not empty"}},
       .saved = "input"});
  ops.push_back(
      {.name = "aten.layer_norm.default",
       .schema =
           "(Tensor input, SymInt[] normalized_shape, Tensor? weight=None, Tensor? bias=None, "
           "float eps=1e-05, bool cudnn_enable=True) -> Tensor",
       .infer = InferLayerNorm,
       .flops = Times<8>,
       .rules = LayerNormRules(),
       .saved = "input"});
  ops.push_back({.name = "aten.rms_norm.default",
                 .schema = "(Tensor input, SymInt[] normalized_shape, Tensor? weight=None, float? "
                           "eps=None) -> Tensor",
                 .infer = InferLayerNorm,
                 .flops = Times<5>,
                 .rules = LayerNormRules(),
                 .saved = "input"});
  ops.push_back({.name = "aten.group_norm.default",
                 .schema = "(Tensor input, int num_groups, Tensor? weight=None, Tensor? bias=None, "
                           "float eps=1e-05, bool cudnn_enabled=True) -> Tensor",
                 .infer = InferGroupNorm,
                 .flops = Times<8>,
                 .rules = GroupNormRules(),
                 .saved = "input"});
  ops.back().rules.push_back({"GROUP_NORM_C1", "input has rank 2 or more"});
  ops.back().rules.push_back({"GROUP_NORM_C6", "there is more than one value per group"});
}

}  // namespace graphkiln::ir::ops
