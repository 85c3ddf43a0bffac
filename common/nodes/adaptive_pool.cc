// Pools whose windows follow from the size of the result.
#include "common/nodes/body.h"
#include "common/nodes/families.h"

namespace graphkiln::nodes {
namespace {

// One dimension takes no null, as in torch.nn.
ParamSpec SizeParam(int spatial) {
  ParamSpec spec = IntN("output_size", spatial).Required().Min(1);
  if (spatial == 1) return spec.Doc("length of the output");
  return spec.NullItems().Doc(
      "sizes of the output, the last dimension last; null keeps the input's size");
}

// output_size with the input's sizes where it says null.
ir::Shape OutputSize(Body& b, int spatial) {
  const ir::TensorType& type = b.TypeOf(b.In("input"));
  ir::Shape sizes;
  for (const int64_t size : b.Ints("output_size")) {
    const int d = type.rank() - spatial + static_cast<int>(sizes.size());
    // The operator refuses an input without this dimension.
    sizes.push_back(size != kNullItem ? ir::Dim(size) : d >= 0 ? type.dim(d) : ir::Dim(1));
  }
  return sizes;
}

void AvgBody(Body& b, const char* op, int spatial) {
  b.Return(b.Call(op, {b.In("input"), OutputSize(b, spatial)}));
}

void MaxBody(Body& b, const char* op, int spatial) {
  const std::vector<ir::Argument> results = b.CallMany(op, {b.In("input"), OutputSize(b, spatial)});
  if (results.empty()) return;
  b.Return("output", results[0]);
  b.Return("indices", results[1]);
}

struct AdaptiveType {
  std::string_view name, python;
  int spatial;
  bool maximum;
  std::string_view shapes, input, output;
  void (*body)(Body&);
};

constexpr AdaptiveType kTypes[] = {
    {"AdaptiveAvgPool1d", "nn.AdaptiveAvgPool1d", 1, false, "[B, C, L] or [C, L]",
     "float32[2, 3, 8]", "float32[2, 3, 1]",
     [](Body& b) { AvgBody(b, "aten.adaptive_avg_pool1d.default", 1); }},
    {"AdaptiveAvgPool2d", "nn.AdaptiveAvgPool2d", 2, false, "[B, C, H, W] or [C, H, W]",
     "float32[2, 3, 8, 8]", "float32[2, 3, 1, 1]",
     [](Body& b) { AvgBody(b, "aten.adaptive_avg_pool2d.default", 2); }},
    {"AdaptiveAvgPool3d", "nn.AdaptiveAvgPool3d", 3, false, "[B, C, D, H, W] or [C, D, H, W]",
     "float32[2, 3, 4, 8, 8]", "float32[2, 3, 1, 1, 1]",
     [](Body& b) { AvgBody(b, "aten.adaptive_avg_pool3d.default", 3); }},
    {"AdaptiveMaxPool1d", "nn.AdaptiveMaxPool1d", 1, true, "[B, C, L] or [C, L]",
     "float32[2, 3, 8]", "float32[2, 3, 1]",
     [](Body& b) { MaxBody(b, "aten.adaptive_max_pool1d.default", 1); }},
    {"AdaptiveMaxPool2d", "nn.AdaptiveMaxPool2d", 2, true, "[B, C, H, W] or [C, H, W]",
     "float32[2, 3, 8, 8]", "float32[2, 3, 1, 1]",
     [](Body& b) { MaxBody(b, "aten.adaptive_max_pool2d.default", 2); }},
    {"AdaptiveMaxPool3d", "nn.AdaptiveMaxPool3d", 3, true, "[B, C, D, H, W] or [C, D, H, W]",
     "float32[2, 3, 4, 8, 8]", "float32[2, 3, 1, 1, 1]",
     [](Body& b) { MaxBody(b, "aten.adaptive_max_pool3d.default", 3); }},
};

}  // namespace

void AddAdaptivePoolNodes(std::vector<NodeDef>& nodes) {
  for (const AdaptiveType& type : kTypes) {
    std::vector<ParamSpec> params = {SizeParam(type.spatial)};
    std::vector<OutputSpec> outputs = {{.name = "output", .doc = "the means"}};
    if (type.maximum) {
      params.push_back(Bool("return_indices")
                           .Default(ParamValue(false))
                           .Doc("also gives the positions of the maxima"));
      outputs = {{.name = "output", .doc = "the maxima", .path = {0}},
                 {.name = "indices",
                  .doc = "positions of the maxima, with return_indices",
                  .path = {1},
                  .when = "return_indices"}};
    }
    nodes.push_back(
        {.name = type.name,
         .category = "pool",
         .doc = type.maximum
                    ? "Maximum over windows chosen such that the output has the given size."
                    : "Mean over windows chosen such that the output has the given size.",
         .params = std::move(params),
         .inputs = {{.name = "input", .doc = std::string(type.shapes)}},
         .outputs = std::move(outputs),
         .body = type.body,
         .python = Python::Module(type.python),
         .example = {.inputs = {std::string(type.input)},
                     .params = {{"output_size", int64_t{1}}},
                     .outputs = {std::string(type.output)}}});
  }
}

}  // namespace graphkiln::nodes
