// Sampling at given places: spatial transformers.
#include <algorithm>
#include <iterator>

#include "common/nodes/body.h"
#include "common/nodes/families.h"

namespace graphkiln::nodes {
namespace {

// In the order of ATen's numbers.
const std::vector<std::string>& Modes() {
  static const auto* const kModes = new std::vector<std::string>{"bilinear", "nearest", "bicubic"};
  return *kModes;
}
const std::vector<std::string>& PaddingModes() {
  static const auto* const kModes = new std::vector<std::string>{"zeros", "border", "reflection"};
  return *kModes;
}

int64_t Number(const std::vector<std::string>& names, const std::string& name) {
  return std::distance(names.begin(), std::find(names.begin(), names.end(), name));
}

}  // namespace

void AddGridNodes(std::vector<NodeDef>& nodes) {
  nodes.push_back(
      {.name = "GridSample",
       .category = "resize",
       .doc = "Values of the input at the grid's places, whose coordinates (x, y or x, y, z) go "
              "from -1 to 1 across the input.",
       .params = {Text("mode")
                      .Default("bilinear")
                      .Choices(Modes())
                      .Doc("how values between the input's are found; bicubic takes images only"),
                  Text("padding_mode")
                      .Default("zeros")
                      .Choices(PaddingModes())
                      .Doc("what stands outside of the input"),
                  Bool("align_corners")
                      .Default(ParamValue(false))
                      .Doc("-1 and 1 are the centres of the border's elements, not their edges")},
       .inputs = {{.name = "input", .doc = "[B, C, H, W] or [B, C, D, H, W]"},
                  {.name = "grid", .doc = "[B, h, w, 2] or [B, d, h, w, 3]"}},
       .outputs = {{.doc = "[B, C, h, w] or [B, C, d, h, w]"}},
       .body =
           [](Body& b) {
             b.Return(
                 b.Call("aten.grid_sampler.default",
                        {b.In("input"), b.In("grid"), Number(Modes(), b.Text("mode")),
                         Number(PaddingModes(), b.Text("padding_mode")), b.Flag("align_corners")}));
           },
       .python = Python::Expression(
           "nn.functional.grid_sample({input}, {grid}, mode={mode}, padding_mode={padding_mode}, "
           "align_corners={align_corners})"),
       .example = {.inputs = {"float32[2, 3, 4, 4]", "float32[2, 5, 6, 2]"},
                   .outputs = {"float32[2, 3, 5, 6]"}}});
  nodes.push_back(
      {.name = "AffineGrid",
       .category = "resize",
       .doc = "The places that GridSample reads for an affine map of images or volumes; theta has "
              "one matrix for each element of the batch.",
       .params = {Ints("size").Required().Min(1).Doc(
                      "channels and spatial sizes of the output, without the batch: C, H, W or C, "
                      "D, H, W"),
                  Bool("align_corners")
                      .Default(ParamValue(false))
                      .Doc("-1 and 1 are the centres of the border's elements, not their edges")},
       .inputs = {{.name = "theta", .doc = "[B, 2, 3] or [B, 3, 4]"}},
       .outputs = {{.doc = "[B, H, W, 2] or [B, D, H, W, 3]"}},
       .body =
           [](Body& b) {
             const ir::TensorType& theta = b.TypeOf(b.In("theta"));
             // The operator refuses a theta without a batch.
             ir::Shape size = {theta.rank() > 0 ? theta.dim(0) : ir::Dim(1)};
             for (const int64_t n : b.Ints("size")) size.emplace_back(n);
             b.Return(b.Call("aten.affine_grid_generator.default",
                             {b.In("theta"), size, b.Flag("align_corners")}));
           },
       .python =
           Python::Expression("nn.functional.affine_grid({theta}, ({theta}.shape[0], *{size}), "
                              "align_corners={align_corners})"),
       .example = {.inputs = {"float32[2, 2, 3]"},
                   .params = {{"size", std::vector<int64_t>{3, 4, 5}}},
                   .outputs = {"float32[2, 4, 5, 2]"}}});
}

}  // namespace graphkiln::nodes
