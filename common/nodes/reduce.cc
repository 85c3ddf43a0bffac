// Reductions.
#include "common/nodes/body.h"
#include "common/nodes/families.h"

namespace graphkiln::nodes {

void AddReduceNodes(std::vector<NodeDef>& nodes) {
  const auto params = [] {
    return std::vector<ParamSpec>{
        IntsOrInt("dim").Required().Doc("dimensions that are reduced"),
        Bool("keepdim").Default(ParamValue(false)).Doc("keeps them with size 1")};
  };
  nodes.push_back(
      {.name = "Mean",
       .category = "reduce",
       .doc = "Arithmetic mean over the given dimensions.",
       .params = params(),
       .body =
           [](Body& b) {
             b.Return(b.Call("aten.mean.dim", {b.In("input"), b.Ints("dim"), b.Flag("keepdim")}));
           },
       .python = Python::Expression("{input}.mean(dim={dim}, keepdim={keepdim})"),
       .example = {.inputs = {"float32[2, 3, 4]"},
                   .params = {{"dim", std::vector<int64_t>{1, 2}}},
                   .outputs = {"float32[2]"}}});
  nodes.push_back(
      {.name = "Max",
       .category = "reduce",
       .doc = "Largest element over the given dimensions; equal maxima share the gradient.",
       .params = params(),
       .body =
           [](Body& b) {
             b.Return(
                 b.Call("aten.amax.default", {b.In("input"), b.Ints("dim"), b.Flag("keepdim")}));
           },
       .python = Python::Expression("{input}.amax(dim={dim}, keepdim={keepdim})"),
       .example = {.inputs = {"float32[2, 3, 4]"},
                   .params = {{"dim", int64_t{1}}},
                   .outputs = {"float32[2, 4]"}}});
}

}  // namespace graphkiln::nodes
