// Pools with a sliding window: maxima and means.
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

std::vector<ParamSpec> AvgPoolParams(int spatial) {
  std::vector<ParamSpec> params = {
      IntN("kernel_size", spatial).Required().Min(1).Doc("size of the window"),
      IntN("stride", spatial).Nullable().Min(1).Doc("step of the window; null: kernel_size"),
      IntN("padding", spatial)
          .Default(0)
          .Min(0)
          .Doc("zeros added on both sides, at most half of the kernel"),
      Bool("ceil_mode").Default(ParamValue(false)).Doc("rounds the output size up"),
      Bool("count_include_pad").Default(ParamValue(true)).Doc("counts the padding in the mean")};
  if (spatial > 1) {
    params.push_back(
        Int("divisor_override").Nullable().Min(1).Doc("divisor instead of the window's size"));
  }
  return params;
}

void AvgPoolBody(Body& b, int spatial) {
  const std::vector<int64_t> kernel = b.Ints("kernel_size");
  const std::vector<int64_t> stride = b.IsNull("stride") ? kernel : b.Ints("stride");
  std::vector<ir::Argument> args = {b.In("input"),
                                    kernel,
                                    stride,
                                    b.Ints("padding"),
                                    b.Flag("ceil_mode"),
                                    b.Flag("count_include_pad")};
  if (spatial > 1 && !b.IsNull("divisor_override")) args.push_back(b.Int("divisor_override"));
  b.Return(b.Call(fmt::format("aten.avg_pool{}d.default", spatial), std::move(args)));
}

struct PoolType {
  std::string_view max, avg, shapes, python_max, python_avg, max_doc, avg_doc, input, output;
  void (*max_body)(Body&);
  void (*avg_body)(Body&);
};

constexpr PoolType kTypes[] = {
    {"MaxPool1d", "AvgPool1d", "[B, C, L] or [C, L]", "nn.MaxPool1d", "nn.AvgPool1d",
     "Maximum of a sliding window over [B, C, L] or [C, L].",
     "Mean of a sliding window over [B, C, L] or [C, L].", "float32[2, 3, 8]", "float32[2, 3, 4]",
     [](Body& b) { MaxPoolBody(b, 1); }, [](Body& b) { AvgPoolBody(b, 1); }},
    {"MaxPool2d", "AvgPool2d", "[B, C, H, W] or [C, H, W]", "nn.MaxPool2d", "nn.AvgPool2d",
     "Maximum of a sliding window over [B, C, H, W] or [C, H, W].",
     "Mean of a sliding window over [B, C, H, W] or [C, H, W].", "float32[2, 3, 8, 8]",
     "float32[2, 3, 4, 4]", [](Body& b) { MaxPoolBody(b, 2); }, [](Body& b) { AvgPoolBody(b, 2); }},
    {"MaxPool3d", "AvgPool3d", "[B, C, D, H, W] or [C, D, H, W]", "nn.MaxPool3d", "nn.AvgPool3d",
     "Maximum of a sliding window over [B, C, D, H, W] or [C, D, H, W].",
     "Mean of a sliding window over [B, C, D, H, W] or [C, D, H, W].", "float32[2, 3, 4, 8, 8]",
     "float32[2, 3, 2, 4, 4]", [](Body& b) { MaxPoolBody(b, 3); },
     [](Body& b) { AvgPoolBody(b, 3); }},
};

}  // namespace

void AddPoolNodes(std::vector<NodeDef>& nodes) {
  for (int spatial = 1; spatial <= 3; ++spatial) {
    const PoolType& type = kTypes[spatial - 1];
    const Example example = {.inputs = {std::string(type.input)},
                             .params = {{"kernel_size", int64_t{2}}},
                             .outputs = {std::string(type.output)}};
    nodes.push_back({.name = type.max,
                     .category = "pool",
                     .doc = type.max_doc,
                     .params = MaxPoolParams(spatial),
                     .inputs = {{.name = "input", .doc = std::string(type.shapes)}},
                     .outputs = MaxPoolOutputs(),
                     .body = type.max_body,
                     .python = Python::Module(type.python_max),
                     .example = example});
    nodes.push_back({.name = type.avg,
                     .category = "pool",
                     .doc = type.avg_doc,
                     .params = AvgPoolParams(spatial),
                     .inputs = {{.name = "input", .doc = std::string(type.shapes)}},
                     .body = type.avg_body,
                     .python = Python::Module(type.python_avg),
                     .example = example});
  }
}

}  // namespace graphkiln::nodes
