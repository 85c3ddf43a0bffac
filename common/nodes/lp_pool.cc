// Pools of powers: (sum of x^p over a window)^(1/p).
#include "common/nodes/body.h"
#include "common/nodes/families.h"
#include "fmt/format.h"

namespace graphkiln::nodes {
namespace {

std::vector<ParamSpec> LpPoolParams(int spatial) {
  // torch.nn's one-dimensional pool takes plain numbers only.
  const auto sizes = [&](const char* name) {
    return spatial == 1 ? Int(name) : IntN(name, spatial);
  };
  return {Float("norm_type").Required().Above(0).Doc("p; with 1 the sum"),
          sizes("kernel_size").Required().Min(1).Doc("size of the window"),
          sizes("stride").Nullable().Min(1).Doc("step of the window; null: kernel_size"),
          Bool("ceil_mode").Default(ParamValue(false)).Doc("rounds the output size up")};
}

// As torch.nn.functional: the mean times the size of a full window, also where the border cuts a
// window off.
void LpPoolBody(Body& b, int spatial) {
  const double p = b.Float("norm_type");
  const std::vector<int64_t> kernel = b.params().Ints("kernel_size", spatial);
  const std::vector<int64_t> stride =
      b.IsNull("stride") ? kernel : b.params().Ints("stride", spatial);
  double window = 1;
  for (const int64_t k : kernel) window *= static_cast<double>(k);
  const auto mean = b.Call(fmt::format("aten.avg_pool{}d.default", spatial),
                           {b.Call("aten.pow.Tensor_Scalar", {b.In("input"), p}), kernel, stride,
                            std::vector<int64_t>(kernel.size(), 0), b.Flag("ceil_mode")});
  const auto positive = b.Call("aten.relu.default", {b.Call("aten.abs.default", {mean})});
  const auto sum =
      b.Call("aten.mul.Scalar",
             {b.Call("aten.mul.Tensor", {b.Call("aten.sign.default", {mean}), positive}), window});
  b.Return(b.Call("aten.pow.Tensor_Scalar", {sum, 1.0 / p}));
}

}  // namespace

void AddLpPoolNodes(std::vector<NodeDef>& nodes) {
  nodes.push_back({.name = "LPPool1d",
                   .category = "pool",
                   .doc = "Power average of a sliding window over [B, C, L] or [C, L]: (sum "
                          "x^norm_type)^(1/norm_type).",
                   .params = LpPoolParams(1),
                   .inputs = {{.name = "input", .doc = "[B, C, L] or [C, L]"}},
                   .body = [](Body& b) { LpPoolBody(b, 1); },
                   .python = Python::Module("nn.LPPool1d"),
                   .example = {.inputs = {"float32[2, 3, 8]"},
                               .params = {{"norm_type", 2.0}, {"kernel_size", int64_t{2}}},
                               .outputs = {"float32[2, 3, 4]"}}});
  nodes.push_back({.name = "LPPool2d",
                   .category = "pool",
                   .doc = "Power average of a sliding window over [B, C, H, W] or [C, H, W]: (sum "
                          "x^norm_type)^(1/norm_type).",
                   .params = LpPoolParams(2),
                   .inputs = {{.name = "input", .doc = "[B, C, H, W] or [C, H, W]"}},
                   .body = [](Body& b) { LpPoolBody(b, 2); },
                   .python = Python::Module("nn.LPPool2d"),
                   .example = {.inputs = {"float32[2, 3, 8, 8]"},
                               .params = {{"norm_type", 2.0}, {"kernel_size", int64_t{2}}},
                               .outputs = {"float32[2, 3, 4, 4]"}}});
  nodes.push_back({.name = "LPPool3d",
                   .category = "pool",
                   .doc = "Power average of a sliding window over [B, C, D, H, W] or [C, D, H, W]: "
                          "(sum x^norm_type)^(1/norm_type).",
                   .params = LpPoolParams(3),
                   .inputs = {{.name = "input", .doc = "[B, C, D, H, W] or [C, D, H, W]"}},
                   .body = [](Body& b) { LpPoolBody(b, 3); },
                   .python = Python::Module("nn.LPPool3d"),
                   .example = {.inputs = {"float32[2, 3, 4, 8, 8]"},
                               .params = {{"norm_type", 2.0}, {"kernel_size", int64_t{2}}},
                               .outputs = {"float32[2, 3, 2, 4, 4]"}}});
}

}  // namespace graphkiln::nodes
