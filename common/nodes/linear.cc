// Linear layers.
#include "common/nodes/body.h"
#include "common/nodes/families.h"
#include "common/nodes/initializers.h"

namespace graphkiln::nodes {

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
       .body =
           [](Body& b) {
             const int64_t in = b.Int("in_features");
             const int64_t out = b.Int("out_features");
             const auto weight = b.Weight("weight", {out, in}, KaimingUniform(in));
             const auto bias =
                 b.Flag("bias") ? b.Weight("bias", {out}, UniformByWidth(in)) : ir::Argument();
             b.Return(b.Call("aten.linear.default", {b.In("input"), weight, bias}));
           },
       .python = Python::Module("nn.Linear"),
       .example = {.inputs = {"float32[2, 3]"},
                   .params = {{"out_features", int64_t{4}}},
                   .outputs = {"float32[2, 4]"}}});
}

}  // namespace graphkiln::nodes
