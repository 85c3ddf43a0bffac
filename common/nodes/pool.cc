// Pooling.
#include "common/nodes/body.h"
#include "common/nodes/families.h"
#include "fmt/format.h"

namespace graphkiln::nodes {
namespace {

std::vector<ParamSpec> MaxPoolParams(int spatial) {
  return {IntN("kernel_size", spatial).Required().Min(1).Doc("size of the window"),
          IntN("stride", spatial).Nullable().Min(1).Doc("step of the window; null: kernel_size"),
          IntN("padding", spatial)
              .Default(0)
              .Min(0)
              .Doc("at most half of the kernel, never chosen as maximum"),
          IntN("dilation", spatial).Default(1).Min(1).Doc("distance between window elements"),
          Bool("return_indices")
              .Default(ParamValue(false))
              .Doc("also gives the positions of the maxima"),
          Bool("ceil_mode").Default(ParamValue(false)).Doc("rounds the output size up")};
}

void MaxPoolBody(Body& b, int spatial) {
  const std::vector<int64_t> kernel = b.Ints("kernel_size");
  const std::vector<int64_t> stride = b.IsNull("stride") ? kernel : b.Ints("stride");
  const std::string op = fmt::format("aten.max_pool{}d{}.default", spatial,
                                     b.Flag("return_indices") ? "_with_indices" : "");
  const std::vector<ir::Argument> results = b.CallMany(
      op,
      {b.In("input"), kernel, stride, b.Ints("padding"), b.Ints("dilation"), b.Flag("ceil_mode")});
  if (results.empty()) return;
  b.Return("output", results[0]);
  if (results.size() > 1) b.Return("indices", results[1]);
}

std::vector<OutputSpec> MaxPoolOutputs() {
  return {{.name = "output", .doc = "the maxima", .path = {0}},
          {.name = "indices",
           .doc = "positions of the maxima, with return_indices",
           .path = {1},
           .when = "return_indices"}};
}

}  // namespace

void AddPoolNodes(std::vector<NodeDef>& nodes) {
  nodes.push_back({.name = "MaxPool1d",
                   .category = "pool",
                   .doc = "Maximum of a sliding window over [B, C, L] or [C, L].",
                   .params = MaxPoolParams(1),
                   .inputs = {{.name = "input", .doc = "[B, C, L] or [C, L]"}},
                   .outputs = MaxPoolOutputs(),
                   .body = [](Body& b) { MaxPoolBody(b, 1); },
                   .python = Python::Module("nn.MaxPool1d"),
                   .example = {.inputs = {"float32[2, 3, 8]"},
                               .params = {{"kernel_size", int64_t{2}}},
                               .outputs = {"float32[2, 3, 4]"}}});
  nodes.push_back({.name = "MaxPool2d",
                   .category = "pool",
                   .doc = "Maximum of a sliding window over [B, C, H, W] or [C, H, W].",
                   .params = MaxPoolParams(2),
                   .inputs = {{.name = "input", .doc = "[B, C, H, W] or [C, H, W]"}},
                   .outputs = MaxPoolOutputs(),
                   .body = [](Body& b) { MaxPoolBody(b, 2); },
                   .python = Python::Module("nn.MaxPool2d"),
                   .example = {.inputs = {"float32[2, 3, 8, 8]"},
                               .params = {{"kernel_size", int64_t{2}}},
                               .outputs = {"float32[2, 3, 4, 4]"}}});
  nodes.push_back(
      {.name = "AvgPool2d",
       .category = "pool",
       .doc = "Mean of a sliding window over [B, C, H, W] or [C, H, W].",
       .params =
           {IntN("kernel_size", 2).Required().Min(1).Doc("size of the window"),
            IntN("stride", 2).Nullable().Min(1).Doc("step of the window; null: kernel_size"),
            IntN("padding", 2)
                .Default(0)
                .Min(0)
                .Doc("zeros added on both sides, at most half of the kernel"),
            Bool("ceil_mode").Default(ParamValue(false)).Doc("rounds the output size up"),
            Bool("count_include_pad")
                .Default(ParamValue(true))
                .Doc("counts the padding in the mean"),
            Int("divisor_override").Nullable().Min(1).Doc("divisor instead of the window's size")},
       .inputs = {{.name = "input", .doc = "[B, C, H, W] or [C, H, W]"}},
       .body =
           [](Body& b) {
             const std::vector<int64_t> kernel = b.Ints("kernel_size");
             const std::vector<int64_t> stride = b.IsNull("stride") ? kernel : b.Ints("stride");
             const ir::Argument divisor = b.IsNull("divisor_override")
                                              ? ir::Argument()
                                              : ir::Argument(b.Int("divisor_override"));
             b.Return(b.Call("aten.avg_pool2d.default",
                             {b.In("input"), kernel, stride, b.Ints("padding"), b.Flag("ceil_mode"),
                              b.Flag("count_include_pad"), divisor}));
           },
       .python = Python::Module("nn.AvgPool2d"),
       .example = {.inputs = {"float32[2, 3, 8, 8]"},
                   .params = {{"kernel_size", int64_t{2}}},
                   .outputs = {"float32[2, 3, 4, 4]"}}});
  nodes.push_back(
      {.name = "AdaptiveAvgPool2d",
       .category = "pool",
       .doc = "Mean over windows chosen such that the output has the given size.",
       .params = {IntN("output_size", 2).Required().Min(1).Doc("height and width of the output")},
       .inputs = {{.name = "input", .doc = "[B, C, H, W] or [C, H, W]"}},
       .body =
           [](Body& b) {
             b.Return(b.Call("aten.adaptive_avg_pool2d.default",
                             {b.In("input"), b.Ints("output_size")}));
           },
       .python = Python::Module("nn.AdaptiveAvgPool2d"),
       .example = {.inputs = {"float32[2, 3, 8, 8]"},
                   .params = {{"output_size", int64_t{1}}},
                   .outputs = {"float32[2, 3, 1, 1]"}}});
}

}  // namespace graphkiln::nodes
