// Normalisations of each sample by itself: over the last dimensions, over groups of channels, over
// neighbouring channels. Names, parameters and defaults are torch.nn's.
#include "common/nodes/body.h"
#include "common/nodes/families.h"
#include "common/nodes/ranks.h"

namespace graphkiln::nodes {
namespace {

using ir::Initializer;

ParamSpec NormalizedShape() {
  return IntsOrInt("normalized_shape")
      .InferredFrom("input", -1)
      .Min(1)
      .Doc("sizes of the normalised dimensions");
}

void LayerNormBody(Body& b) {
  const std::vector<int64_t> shape = b.Ints("normalized_shape");
  ir::Argument weight, bias;
  if (b.Flag("elementwise_affine")) {
    weight = b.Weight("weight", shape, Initializer::Constant(1));
    if (b.Flag("bias")) bias = b.Weight("bias", shape, Initializer::Constant(0));
  }
  b.Return(b.Call("aten.layer_norm.default", {b.In("input"), shape, weight, bias, b.Float("eps")}));
}

void RmsNormBody(Body& b) {
  const std::vector<int64_t> shape = b.Ints("normalized_shape");
  ir::Argument weight;
  if (b.Flag("elementwise_affine")) {
    weight = b.Weight("weight", shape, Initializer::Constant(1));
  }
  const ir::Argument eps = b.IsNull("eps") ? ir::Argument() : ir::Argument(b.Float("eps"));
  b.Return(b.Call("aten.rms_norm.default", {b.In("input"), shape, weight, eps}));
}

void GroupNormBody(Body& b) {
  const int64_t channels = b.Int("num_channels");
  ir::Argument weight, bias;
  if (b.Flag("affine")) {
    weight = b.Weight("weight", {channels}, Initializer::Constant(1));
    bias = b.Weight("bias", {channels}, Initializer::Constant(0));
  }
  b.Return(b.Call("aten.group_norm.default",
                  {b.In("input"), b.Int("num_groups"), weight, bias, b.Float("eps")}));
}

// Squares of the input as [B, 1, C, everything else], so that pooling over the third dimension sums
// over channels.
ir::Argument Squares(Body& b, const ir::TensorType& type) {
  ir::TensorType rows{type.dtype, {type.dim(0), ir::Dim(1), type.dim(1), ir::Dim(1)}};
  for (int i = 2; i < type.rank(); ++i) rows = rows.WithDim(3, rows.dim(3) * type.dim(i));
  const ir::Argument x = b.In("input");
  return b.Call("aten.reshape.default", {b.Call("aten.mul.Tensor", {x, x}), rows.shape});
}

// The sum over `low` channels before, the channel itself and `high` after it, divided by size.
ir::Argument Neighbours(Body& b, const ir::Argument& squares, int64_t low, int64_t high) {
  const ir::Argument padded =
      b.Call("aten.pad.default", {squares, std::vector<int64_t>{0, 0, low, high}});
  return b.Call("aten.avg_pool2d.default",
                {padded, std::vector<int64_t>{low + high + 1, 1}, std::vector<int64_t>{1, 1}, 0,
                 false, true, b.Int("size")});
}

// x / (k + alpha * mean) ^ beta.
void Respond(Body& b, const ir::Argument& mean) {
  const ir::Argument x = b.In("input");
  ir::Argument scale = b.Call("aten.reshape.default", {mean, b.TypeOf(x).shape});
  scale = b.Call("aten.mul.Scalar", {scale, b.Float("alpha")});
  scale = b.Call("aten.add.Scalar", {scale, b.Float("k")});
  scale = b.Call("aten.pow.Tensor_Scalar", {scale, b.Float("beta")});
  b.Return(b.Call("aten.div.Tensor", {x, scale}));
}

void LocalResponseNormBody(Body& b) {
  const ir::TensorType type = b.TypeOf(b.In("input"));
  if (type.rank() < 3) {
    Failure failure;
    failure.code = "RANK_MISMATCH";
    failure.rule = "RESPONSE_NORM_C1";
    failure.port = "input";
    failure.message = "input must have rank 3 or more";
    failure.expected = "rank 3 or more";
    failure.found = ir::TypeText(type);
    return b.Fail(std::move(failure));
  }
  const int64_t size = b.Int("size");
  Respond(b, Neighbours(b, Squares(b, type), size / 2, (size - 1) / 2));
}

// torch's window has (size - 1) / 2 channels on both sides, and channel 0 never leaves it again:
// its square counts in all later channels, too. The values are torch's; the gradient is theirs,
// where torch's own backward sums over other channels than its forward.
void CrossMapBody(Body& b) {
  if (!CheckRank(b, "RESPONSE_NORM_C1", {4})) return;
  const ir::TensorType type = b.TypeOf(b.In("input"));
  if (!type.dim(1).IsConst()) {
    Failure failure;
    failure.code = "UNSUPPORTED";
    failure.rule = "RESPONSE_NORM_C2";
    failure.port = "input";
    failure.message = "the number of channels must be known";
    failure.expected = "a fixed size in dimension 1";
    failure.found = ir::TypeText(type);
    return b.Fail(std::move(failure));
  }
  const ir::Argument squares = Squares(b, type);
  const int64_t half = (b.Int("size") - 1) / 2;
  ir::Argument mean = Neighbours(b, squares, half, half);
  const int64_t later = type.dim(1).value() - half - 1;
  if (later > 0) {
    ir::TensorType row = b.TypeOf(squares).WithDim(2, ir::Dim(1));
    ir::Argument first = b.Call("aten.select.int", {squares, 2, 0});
    first = b.Call("aten.reshape.default", {first, row.shape});
    first =
        b.Call("aten.pad.default", {first, std::vector<int64_t>{0, 0, 0, later - 1}, "replicate"});
    first = b.Call("aten.pad.default", {first, std::vector<int64_t>{0, 0, half + 1, 0}});
    first = b.Call("aten.mul.Scalar", {first, 1.0 / static_cast<double>(b.Int("size"))});
    mean = b.Call("aten.add.Tensor", {mean, first});
  }
  Respond(b, mean);
}

NodeDef ResponseNormNode(std::string_view name, std::string_view python, std::string_view doc,
                         std::string_view shape, void (*body)(Body&)) {
  return {
      .name = name,
      .category = "norm",
      .doc = doc,
      .params = {Int("size").Required().Min(1).Max(1 << 20).Doc("number of channels that count"),
                 Float("alpha").Default(1e-4).Doc("factor of the mean of squares"),
                 Float("beta").Default(0.75).Doc("exponent"),
                 Float("k").Default(1.0).Doc("added to the mean of squares")},
      .inputs = {{.name = "input", .doc = std::string(shape)}},
      .outputs = {{.doc = "of the input's shape"}},
      .body = body,
      .python = Python::Module(python),
      .example = {.inputs = {"float32[2, 6, 4, 4]"},
                  .params = {{"size", int64_t{3}}},
                  .outputs = {"float32[2, 6, 4, 4]"}}};
}

}  // namespace

void AddNormLayerNodes(std::vector<NodeDef>& nodes) {
  nodes.push_back(
      {.name = "LayerNorm",
       .category = "norm",
       .doc = "Normalises over the last dimensions, which must equal normalized_shape.",
       .params =
           {NormalizedShape(), Float("eps").Default(1e-5).Min(0).Doc("added to the variance"),
            Bool("elementwise_affine").Default(ParamValue(true)).Doc("learned scale and shift"),
            Bool("bias").Default(ParamValue(true)).Doc("learned shift, where there is a scale")},
       .inputs = {{.name = "input", .doc = "[..., *normalized_shape]"}},
       .outputs = {{.doc = "of the input's shape"}},
       .body = LayerNormBody,
       .python = Python::Module("nn.LayerNorm"),
       .example = {.inputs = {"float32[2, 3, 4]"}, .outputs = {"float32[2, 3, 4]"}}});
  nodes.push_back(
      {.name = "RMSNorm",
       .category = "norm",
       .doc = "x / sqrt(mean of squares + eps) over the last dimensions, times a learned scale.",
       .params = {NormalizedShape(),
                  Float("eps").Nullable().Min(0).Doc(
                      "added to the mean of squares; null: the element type's epsilon"),
                  Bool("elementwise_affine").Default(ParamValue(true)).Doc("learned scale")},
       .inputs = {{.name = "input", .doc = "[..., *normalized_shape]"}},
       .outputs = {{.doc = "of the input's shape"}},
       .body = RmsNormBody,
       .python = Python::Module("nn.RMSNorm"),
       .example = {.inputs = {"float32[2, 3, 4]"}, .outputs = {"float32[2, 3, 4]"}}});
  nodes.push_back(
      {.name = "GroupNorm",
       .category = "norm",
       .doc =
           "Splits the channels into num_groups groups and normalises each group of each sample.",
       .params =
           {Int("num_groups").Required().Min(1).Doc("number of groups; divides num_channels"),
            Int("num_channels").InferredFrom("input", 1).Min(1).Doc("channels of the input"),
            Float("eps").Default(1e-5).Min(0).Doc("added to the variance"),
            Bool("affine").Default(ParamValue(true)).Doc("learned scale and shift per channel")},
       .inputs = {{.name = "input", .doc = "[B, num_channels, ...]"}},
       .outputs = {{.doc = "of the input's shape"}},
       .body = GroupNormBody,
       .python = Python::Module("nn.GroupNorm"),
       .example = {.inputs = {"float32[2, 6, 4, 4]"},
                   .params = {{"num_groups", int64_t{3}}},
                   .outputs = {"float32[2, 6, 4, 4]"}}});
  nodes.push_back(ResponseNormNode("LocalResponseNorm", "nn.LocalResponseNorm",
                                   "x / (k + alpha * mean of squares over size neighbouring "
                                   "channels) ^ beta.",
                                   "[B, C, ...], rank 3 or more", LocalResponseNormBody));
  nodes.push_back(ResponseNormNode("CrossMapLRN2d", "nn.CrossMapLRN2d",
                                   "LocalResponseNorm with torch's old window: an even size counts "
                                   "one channel less, and channel 0 counts in all later windows.",
                                   "[B, C, H, W]", CrossMapBody));
}

}  // namespace graphkiln::nodes
