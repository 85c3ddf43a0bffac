// Normalisations.
#include "common/nodes/body.h"
#include "common/nodes/families.h"
#include "fmt/format.h"

namespace graphkiln::nodes {
namespace {

using ir::Initializer;

std::vector<ParamSpec> BatchNormParams() {
  return {
      Int("num_features").InferredFrom("input", 1).Min(1).Doc("channels of the input"),
      Float("eps").Default(1e-5).Min(0).Doc("added to the variance"),
      Float("momentum")
          .Default(0.1)
          .Nullable()
          .Doc("share of the new batch in the running statistics; null: all batches alike"),
      Bool("affine").Default(ParamValue(true)).Doc("learned scale and shift"),
      Bool("track_running_stats").Default(ParamValue(true)).Doc("keeps statistics for evaluation")};
}

void BatchNormBody(Body& b, std::initializer_list<int> ranks) {
  const ir::TensorType& type = b.TypeOf(b.In("input"));
  bool fits = false;
  std::string legal;
  for (const int rank : ranks) {
    fits = fits || type.rank() == rank;
    legal += fmt::format("{}{}", legal.empty() ? "rank " : " or ", rank);
  }
  if (!fits) {
    Failure failure;
    failure.code = "RANK_MISMATCH";
    failure.rule = "BATCH_NORM_C1";
    failure.port = "input";
    failure.message = fmt::format("input must have {}", legal);
    failure.expected = legal;
    failure.found = ir::TypeText(type);
    return b.Fail(std::move(failure));
  }
  const int64_t n = b.Int("num_features");
  ir::Argument weight, bias, mean, var;
  if (b.Flag("affine")) {
    weight = b.Weight("weight", {n}, Initializer::Constant(1));
    bias = b.Weight("bias", {n}, Initializer::Constant(0));
  }
  ir::Argument momentum = b.Float("momentum");
  // Without running statistics, those of the batch serve in evaluation, too.
  ir::Argument training = true;
  if (b.Flag("track_running_stats")) {
    mean = b.Buffer("running_mean", {n}, Initializer::Constant(0));
    var = b.Buffer("running_var", {n}, Initializer::Constant(1));
    const auto batches =
        b.Buffer("num_batches_tracked", {}, Initializer::Constant(0), v1::DATA_TYPE_INT64);
    training = ir::TrainingArg{};
    const auto count = b.Call("aten.add_.Scalar", {batches, ir::TrainingArg{}});
    if (b.IsNull("momentum")) {
      // The cumulative mean: the n-th batch has weight 1/n.
      momentum = b.Call("aten.item.default", {b.Call("aten.reciprocal.default", {count})});
    }
  } else if (b.IsNull("momentum")) {
    momentum = 0.0;
  }
  b.Return(b.Call("aten.batch_norm.default", {b.In("input"), weight, bias, mean, var, training,
                                              momentum, b.Float("eps"), true}));
}

}  // namespace

void AddNormNodes(std::vector<NodeDef>& nodes) {
  nodes.push_back(
      {.name = "BatchNorm1d",
       .category = "norm",
       .doc = "Batch normalisation of [B, C] or [B, C, L] per channel: (x - mean) / sqrt(var + "
              "eps) * weight + bias.",
       .params = BatchNormParams(),
       .inputs = {{.name = "input", .doc = "[B, num_features] or [B, num_features, L]"}},
       .body = [](Body& b) { BatchNormBody(b, {2, 3}); },
       .python = Python::Module("nn.BatchNorm1d"),
       .example = {.inputs = {"float32[4, 3]"}, .outputs = {"float32[4, 3]"}}});
  nodes.push_back(
      {.name = "BatchNorm2d",
       .category = "norm",
       .doc = "Batch normalisation of [B, C, H, W] per channel: (x - mean) / sqrt(var + eps) * "
              "weight + bias.",
       .params = BatchNormParams(),
       .inputs = {{.name = "input", .doc = "[B, num_features, H, W]"}},
       .body = [](Body& b) { BatchNormBody(b, {4}); },
       .python = Python::Module("nn.BatchNorm2d"),
       .example = {.inputs = {"float32[4, 3, 5, 5]"}, .outputs = {"float32[4, 3, 5, 5]"}}});
  nodes.push_back(
      {.name = "LayerNorm",
       .category = "norm",
       .doc = "Normalises over the last dimensions, which must equal normalized_shape.",
       .params =
           {IntsOrInt("normalized_shape")
                .InferredFrom("input", -1)
                .Min(1)
                .Doc("sizes of the normalised dimensions"),
            Float("eps").Default(1e-5).Min(0).Doc("added to the variance"),
            Bool("elementwise_affine").Default(ParamValue(true)).Doc("learned scale and shift"),
            Bool("bias").Default(ParamValue(true)).Doc("learned shift, where there is a scale")},
       .inputs = {{.name = "input", .doc = "[..., *normalized_shape]"}},
       .body =
           [](Body& b) {
             const std::vector<int64_t> shape = b.Ints("normalized_shape");
             ir::Argument weight, bias;
             if (b.Flag("elementwise_affine")) {
               weight = b.Weight("weight", shape, Initializer::Constant(1));
               if (b.Flag("bias")) bias = b.Weight("bias", shape, Initializer::Constant(0));
             }
             b.Return(b.Call("aten.layer_norm.default",
                             {b.In("input"), shape, weight, bias, b.Float("eps")}));
           },
       .python = Python::Module("nn.LayerNorm"),
       .example = {.inputs = {"float32[2, 3, 4]"}, .outputs = {"float32[2, 3, 4]"}}});
}

}  // namespace graphkiln::nodes
