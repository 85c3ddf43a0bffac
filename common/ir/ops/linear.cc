// Matrix products of layers.
#include "common/base/status.h"
#include "common/ir/ops/element_types.h"
#include "common/ir/ops/families.h"
#include "common/ir/type_context.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

// `bias` stands for one value per output feature.
absl::Status CheckBias(TypeContext& c, std::string_view rule, const Dim& features) {
  if (!c.Has("bias")) return absl::OkStatus();
  const TensorType& bias = c.tensor("bias");
  if (bias.rank() <= 1 && (bias.Numel() == features || bias.Numel().IsConst(1))) {
    return absl::OkStatus();
  }
  return c.Fail(rule, "bias", "there is one bias per output feature",
                fmt::format("[{}]", features.ToString()), TypeText(bias));
}

absl::Status InferLinear(TypeContext& c) {
  const TensorType& input = c.tensor("input");
  const TensorType& weight = c.tensor("weight");
  if (input.rank() == 0) {
    return c.Fail("LINEAR_C2", "input", "input must have at least one dimension", "rank 1 or more",
                  TypeText(input), "RANK_MISMATCH");
  }
  if (c.Has("bias") || weight.rank() != 1) RETURN_IF_ERROR(c.Rank("LINEAR_C4", "weight", {2}));
  RETURN_IF_ERROR(c.SameDType("LINEAR_C3", "input", "weight"));
  RETURN_IF_ERROR(CheckAccept(c, "LINEAR_C3", "input", kNotTruth, input.dtype));
  if (input.dim(-1) != weight.dim(-1)) {
    return c.Fail("LINEAR_C1", "input", "the last dimension must be in_features",
                  TypeText(input.WithDim(-1, weight.dim(-1))), TypeText(input));
  }
  if (weight.rank() == 1) {
    return c.Output({input.dtype, {input.shape.begin(), input.shape.end() - 1}});
  }
  RETURN_IF_ERROR(CheckBias(c, "LINEAR_C5", weight.dim(0)));
  if (c.Has("bias")) RETURN_IF_ERROR(c.SameDType("LINEAR_C6", "bias", "weight"));
  return c.Output(input.WithDim(-1, weight.dim(0)));
}

absl::Status InferBilinear(TypeContext& c) {
  const TensorType& a = c.tensor("input1");
  const TensorType& b = c.tensor("input2");
  const TensorType& weight = c.tensor("weight");
  if (a.rank() == 0) {
    return c.Fail("BILINEAR_C1", "input1", "input1 must have at least one dimension",
                  "rank 1 or more", TypeText(a), "RANK_MISMATCH");
  }
  RETURN_IF_ERROR(c.Rank("BILINEAR_C4", "weight", {3}));
  RETURN_IF_ERROR(c.SameDType("BILINEAR_C3", "input1", "weight"));
  RETURN_IF_ERROR(c.SameDType("BILINEAR_C3", "input2", "weight"));
  if (b.rank() != a.rank() || b.WithDim(-1, a.dim(-1)).shape != a.shape) {
    return c.Fail("BILINEAR_C1", "input2", "all sizes but the last must be those of input1",
                  TypeText(a.WithDim(-1, weight.dim(2))), TypeText(b),
                  a.rank() == b.rank() ? "SHAPE_MISMATCH" : "RANK_MISMATCH");
  }
  for (const auto& [arg, d] : {std::pair<const char*, int>{"input1", 1}, {"input2", 2}}) {
    const TensorType& input = c.tensor(arg);
    if (input.dim(-1) == weight.dim(d)) continue;
    return c.Fail("BILINEAR_C2", arg, fmt::format("the last dimension must be in{}_features", d),
                  TypeText(input.WithDim(-1, weight.dim(d))), TypeText(input));
  }
  RETURN_IF_ERROR(CheckBias(c, "BILINEAR_C5", weight.dim(0)));
  return c.Output(a.WithDim(-1, weight.dim(0)));
}

// Two tensors that broadcast; an error names the second one.
absl::StatusOr<TensorType> Broadcasted(TypeContext& c, std::string_view rule) {
  const TensorType& a = c.tensor("x1");
  const TensorType& b = c.tensor("x2");
  auto shape = Broadcast(a.shape, b.shape);
  if (!shape) {
    return c.Fail(rule, "x2", "the shapes do not broadcast", TypeText(a), TypeText(b));
  }
  return TensorType{Promote(a.dtype, b.dtype), *std::move(shape)};
}

absl::Status InferCosineSimilarity(TypeContext& c) {
  if (c.Float("eps") < 0) {
    return c.Fail("COSINE_SIMILARITY_C4", "eps", "eps must not be negative", "0 or more",
                  fmt::format("{}", c.Float("eps")), "PARAM_RANGE");
  }
  ASSIGN_OR_RETURN(TensorType out, Broadcasted(c, "COSINE_SIMILARITY_C1"));
  if (!IsFloating(out.dtype)) {
    return c.Fail("COSINE_SIMILARITY_C2", "x1", "one of both must be floating-point",
                  "a floating-point tensor", TypeText(c.tensor("x1")), "DTYPE_MISMATCH");
  }
  ASSIGN_OR_RETURN(const int d, c.WrapDim("COSINE_SIMILARITY_C3", "dim", c.Int("dim"), out.rank()));
  if (out.rank() > 0) out.shape.erase(out.shape.begin() + d);
  return c.Output(std::move(out));
}

absl::Status InferPairwiseDistance(TypeContext& c) {
  ASSIGN_OR_RETURN(TensorType out, Broadcasted(c, "PAIRWISE_DISTANCE_C1"));
  for (const char* arg : {"x1", "x2"}) {
    if (c.tensor(arg).dtype != v1::DATA_TYPE_BOOL) continue;
    return c.Fail("PAIRWISE_DISTANCE_C2", arg, "truth values have no difference", "a number",
                  TypeText(c.tensor(arg)), "DTYPE_MISMATCH");
  }
  if (!IsFloating(out.dtype)) out.dtype = v1::DATA_TYPE_FLOAT32;
  if (out.rank() == 0) return c.Output(std::move(out));
  if (c.Flag("keepdim")) return c.Output(out.WithDim(-1, Dim(1)));
  out.shape.pop_back();
  return c.Output(std::move(out));
}

}  // namespace

void AddLinear(std::vector<OpDef>& ops) {
  ops.push_back({.name = "aten.linear.default",
                 .schema = "(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor",
                 .infer = InferLinear,
                 .flops =
                     [](const TypeContext& c) {
                       return c.output(0).Numel() * c.tensor("weight").dim(-1) * Dim(2);
                     },
                 .rules = {{"LINEAR_C1", "input's last dimension equals weight's last dimension"},
                           {"LINEAR_C2", "input has rank 1 or more"},
                           {"LINEAR_C3", "input and weight have one element type, a number"},
                           {"LINEAR_C4", "weight has rank 2, or 1 where there is no bias"},
                           {"LINEAR_C5", "bias has one value per output feature"},
                           {"LINEAR_C6", "bias has weight's element type"}},
                 .product = true,
                 .saved = "input weight"});
  ops.push_back(
      {.name = "aten.bilinear.default",
       .schema = "(Tensor input1, Tensor input2, Tensor weight, Tensor? bias=None) -> Tensor",
       .infer = InferBilinear,
       .flops =
           [](const TypeContext& c) {
             // x1 W for each feature, then the product with x2.
             const TensorType& weight = c.tensor("weight");
             const Dim per_output = (weight.dim(1) * Dim(2) + Dim(2)) * weight.dim(2);
             return c.output(0).Numel() * (c.Has("bias") ? per_output + Dim(1) : per_output);
           },
       .rules = {{"BILINEAR_C1", "both inputs have the same sizes before the last one"},
                 {"BILINEAR_C2", "the last dimensions are those of weight"},
                 {"BILINEAR_C3", "inputs and weight have one element type"},
                 {"BILINEAR_C4", "weight has rank 3"},
                 {"BILINEAR_C5", "bias has one value per output feature"}},
       .product = true,
       .saved = "input1 input2 weight"});
  ops.push_back({.name = "aten.cosine_similarity.default",
                 .schema = "(Tensor x1, Tensor x2, int dim=1, float eps=1e-08) -> Tensor",
                 .infer = InferCosineSimilarity,
                 .flops = [](const TypeContext& c) { return c.tensor("x1").Numel() * Dim(6); },
                 .rules = {{"COSINE_SIMILARITY_C1", "the shapes broadcast"},
                           {"COSINE_SIMILARITY_C2", "x1 or x2 is floating-point"},
                           {"COSINE_SIMILARITY_C3", "dim exists in the broadcast shape"},
                           {"COSINE_SIMILARITY_C4", "eps is not negative"}},
                 .saved = "x1 x2"});
  ops.push_back({.name = "aten.pairwise_distance.default",
                 .schema = "(Tensor x1, Tensor x2, float p=2., float eps=1e-06, bool "
                           "keepdim=False) -> Tensor",
                 .infer = InferPairwiseDistance,
                 .flops = [](const TypeContext& c) { return c.tensor("x1").Numel() * Dim(4); },
                 .rules = {{"PAIRWISE_DISTANCE_C1", "the shapes broadcast"},
                           {"PAIRWISE_DISTANCE_C2", "x1 and x2 are numbers"}},
                 .saved = "x1 x2 result"});
}

}  // namespace graphkiln::ir::ops
