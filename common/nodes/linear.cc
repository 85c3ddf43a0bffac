// Linear layers, similarities and distances. Names, parameters and defaults are torch.nn's.
#include "common/nodes/body.h"
#include "common/nodes/families.h"
#include "common/nodes/initializers.h"

namespace graphkiln::nodes {
namespace {

void LinearBody(Body& b) {
  const int64_t in = b.Int("in_features");
  const int64_t out = b.Int("out_features");
  const auto weight = b.Weight("weight", {out, in}, KaimingUniform(in));
  const auto bias = b.Flag("bias") ? b.Weight("bias", {out}, UniformByWidth(in)) : ir::Argument();
  b.Return(b.Call("aten.linear.default", {b.In("input"), weight, bias}));
}

void BilinearBody(Body& b) {
  const int64_t in1 = b.Int("in1_features");
  const int64_t out = b.Int("out_features");
  // Both uniform within 1 / sqrt(in1_features).
  const auto init = UniformByWidth(in1);
  const auto weight = b.Weight("weight", {out, in1, b.Int("in2_features")}, init);
  const auto bias = b.Flag("bias") ? b.Weight("bias", {out}, init) : ir::Argument();
  b.Return(b.Call("aten.bilinear.default", {b.In("input1"), b.In("input2"), weight, bias}));
}

std::vector<PortSpec> Pair(std::string_view doc) {
  return {{.name = "x1", .doc = std::string(doc)},
          {.name = "x2", .doc = "a tensor that broadcasts with x1"}};
}

}  // namespace

void AddLinearNodes(std::vector<NodeDef>& nodes) {
  nodes.push_back(
      {.name = "Linear",
       .category = "linear",
       .doc = "y = x W^T + b over the last dimension: [..., in_features] -> [..., out_features].",
       .params =
           {Int("in_features").InferredFrom("input", -1).Min(1).Doc("size of each input sample"),
            Int("out_features").Required().Min(1).Doc("size of each output sample"),
            Bool("bias").Default(ParamValue(true)).Doc("adds a learned bias")},
       .inputs = {{.name = "input", .doc = "[..., in_features]"}},
       .outputs = {{.name = "output", .doc = "[..., out_features]"}},
       .body = LinearBody,
       .python = Python::Module("nn.Linear"),
       .example = {.inputs = {"float32[2, 3]"},
                   .params = {{"out_features", int64_t{4}}},
                   .outputs = {"float32[2, 4]"}}});
  nodes.push_back(
      {.name = "FunctionalLinear",
       .category = "linear",
       .doc = "y = x W^T + b with a weight that another node gives: [..., in] -> [..., out].",
       .inputs = {{.name = "input", .doc = "[..., in]"},
                  {.name = "weight", .doc = "[out, in]"},
                  {.name = "bias", .doc = "[out]", .optional = true}},
       .outputs = {{.name = "output", .doc = "[..., out]"}},
       .body =
           [](Body& b) {
             b.Return(b.Call("aten.linear.default", {b.In("input"), b.In("weight"), b.In("bias")}));
           },
       .python = Python::Function("nn.functional.linear"),
       .example = {.inputs = {"float32[2, 3]", "float32[4, 3]"}, .outputs = {"float32[2, 4]"}}});
  nodes.push_back(
      {.name = "Bilinear",
       .category = "linear",
       .doc =
           "y = x1^T A x2 + b over the last dimensions: each output feature has its own matrix A.",
       .params =
           {Int("in1_features").InferredFrom("input1", -1).Min(1).Doc("size of each first sample"),
            Int("in2_features").InferredFrom("input2", -1).Min(1).Doc("size of each second sample"),
            Int("out_features").Required().Min(1).Doc("size of each output sample"),
            Bool("bias").Default(ParamValue(true)).Doc("adds a learned bias")},
       .inputs = {{.name = "input1", .doc = "[..., in1_features]"},
                  {.name = "input2", .doc = "[..., in2_features], all else as in input1"}},
       .outputs = {{.name = "output", .doc = "[..., out_features]"}},
       .body = BilinearBody,
       .python = Python::Module("nn.Bilinear"),
       .example = {.inputs = {"float32[2, 3]", "float32[2, 4]"},
                   .params = {{"out_features", int64_t{5}}},
                   .outputs = {"float32[2, 5]"}}});
  nodes.push_back(
      {.name = "CosineSimilarity",
       .category = "linear",
       .doc = "x1 . x2 / (|x1| |x2|) along dim, between -1 and 1; the dimension disappears.",
       .params = {Int("dim").Default(1).Doc("dimension of the vectors"),
                  Float("eps").Default(1e-8).Min(0).Doc("smallest product of norms to divide by")},
       .inputs = Pair("[..., N, ...]"),
       .outputs = {{.doc = "[...], without dim"}},
       .body =
           [](Body& b) {
             b.Return(b.Call("aten.cosine_similarity.default",
                             {b.In("x1"), b.In("x2"), b.Int("dim"), b.Float("eps")}));
           },
       .python = Python::Module("nn.CosineSimilarity"),
       .example = {.inputs = {"float32[2, 3]", "float32[2, 3]"}, .outputs = {"float32[2]"}}});
  nodes.push_back(
      {.name = "PairwiseDistance",
       .category = "linear",
       .doc = "The p-norm of x1 - x2 over the last dimension.",
       .params =
           {Float("p").Default(2.0).Doc("degree of the norm; inf gives the largest difference"),
            Float("eps").Default(1e-6).Doc("added to the differences, against division by 0"),
            Bool("keepdim").Default(ParamValue(false)).Doc("keeps the last dimension with size 1")},
       .inputs = Pair("[..., N]"),
       .outputs = {{.doc = "[...]"}},
       .body =
           [](Body& b) {
             b.Return(
                 b.Call("aten.pairwise_distance.default",
                        {b.In("x1"), b.In("x2"), b.Float("p"), b.Float("eps"), b.Flag("keepdim")}));
           },
       .python = Python::Module("nn.PairwiseDistance"),
       .example = {.inputs = {"float32[2, 3]", "float32[2, 3]"}, .outputs = {"float32[2]"}}});
}

}  // namespace graphkiln::nodes
