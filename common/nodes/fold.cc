// Sliding blocks of images as columns and back.
#include "common/nodes/body.h"
#include "common/nodes/families.h"

namespace graphkiln::nodes {
namespace {

std::vector<ParamSpec> BlockParams() {
  return {IntN("kernel_size", 2).Required().Min(1).Doc("size of the blocks"),
          IntN("dilation", 2).Default(1).Min(1).Doc("distance between elements of a block"),
          IntN("padding", 2).Default(0).Min(0).Doc("zeros added on both sides of the image"),
          IntN("stride", 2).Default(1).Min(1).Doc("distance between blocks")};
}

}  // namespace

void AddFoldNodes(std::vector<NodeDef>& nodes) {
  nodes.push_back(
      {.name = "Unfold",
       .category = "shape",
       .doc = "The sliding blocks of an image as columns: [B, C*prod(kernel_size), blocks].",
       .params = BlockParams(),
       .inputs = {{.name = "input", .doc = "[B, C, H, W] or [C, H, W]"}},
       .body =
           [](Body& b) {
             b.Return(b.Call("aten.im2col.default",
                             {b.In("input"), b.Ints("kernel_size"), b.Ints("dilation"),
                              b.Ints("padding"), b.Ints("stride")}));
           },
       .python = Python::Module("nn.Unfold"),
       .example = {.inputs = {"float32[2, 3, 5, 6]"},
                   .params = {{"kernel_size", std::vector<int64_t>{2, 3}}},
                   .outputs = {"float32[2, 18, 16]"}}});
  std::vector<ParamSpec> params = BlockParams();
  params.insert(params.begin(),
                IntN("output_size", 2).Required().Min(1).Doc("height and width of the image"));
  nodes.push_back(
      {.name = "Fold",
       .category = "shape",
       .doc = "Sums columns of sliding blocks into an image: [B, C, *output_size].",
       .params = std::move(params),
       .inputs = {{.name = "input",
                   .doc = "[B, C*prod(kernel_size), blocks] or [C*prod(kernel_size), blocks]"}},
       .body =
           [](Body& b) {
             b.Return(b.Call("aten.col2im.default",
                             {b.In("input"), b.Ints("output_size"), b.Ints("kernel_size"),
                              b.Ints("dilation"), b.Ints("padding"), b.Ints("stride")}));
           },
       .python = Python::Module("nn.Fold"),
       .example = {.inputs = {"float32[2, 18, 16]"},
                   .params = {{"output_size", std::vector<int64_t>{5, 6}},
                              {"kernel_size", std::vector<int64_t>{2, 3}}},
                   .outputs = {"float32[2, 3, 5, 6]"}}});
}

}  // namespace graphkiln::nodes
