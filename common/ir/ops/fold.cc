// Sliding blocks as columns, and columns summed back into place.
#include <utility>

#include "common/base/status.h"
#include "common/ir/ops/element_types.h"
#include "common/ir/ops/families.h"
#include "common/ir/ops/window.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

// Elements of one block, and how many blocks an image has.
struct Blocks {
  Dim elements = 1;
  Dim count = 1;
};

absl::StatusOr<Blocks> CountBlocks(TypeContext& c, std::string_view arg, const Dim& height,
                                   const Dim& width) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> kernel, WindowInts(c, "kernel_size", 2, 1));
  ASSIGN_OR_RETURN(const std::vector<int64_t> dilation, WindowInts(c, "dilation", 2, 1));
  ASSIGN_OR_RETURN(const std::vector<int64_t> padding, WindowInts(c, "padding", 2, 0));
  ASSIGN_OR_RETURN(const std::vector<int64_t> stride, WindowInts(c, "stride", 2, 1));
  Blocks blocks;
  for (size_t i = 0; i < 2; ++i) {
    const int64_t reach = dilation[i] * (kernel[i] - 1) + 1;
    const Dim& size = i == 0 ? height : width;
    const Dim count = (size + Dim(2 * padding[i] - reach)).FloorDiv(stride[i]) + Dim(1);
    if (!c.AtLeast(count, 1)) {
      return c.Fail("FOLD_C3", arg, "the block is larger than the padded image",
                    fmt::format("a size of {} or more", reach - 2 * padding[i]), size.ToString());
    }
    blocks.elements = blocks.elements * Dim(kernel[i]);
    blocks.count = blocks.count * count;
  }
  return blocks;
}

absl::Status InferUnfold(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  RETURN_IF_ERROR(CheckAccept(c, "FOLD_C2", "self", kTruth | kInexact, self.dtype));
  RETURN_IF_ERROR(c.Rank("FOLD_C1", "self", {3, 4}));
  RETURN_IF_ERROR(NonEmpty(c, "FOLD_C6", "self", self.rank() - 3));
  ASSIGN_OR_RETURN(const Blocks blocks, CountBlocks(c, "self", self.dim(-2), self.dim(-1)));
  TensorType out{self.dtype, {self.dim(-3) * blocks.elements, blocks.count}};
  if (self.rank() == 4) out.shape.insert(out.shape.begin(), self.dim(0));
  return c.Output(std::move(out));
}

absl::Status InferFold(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  RETURN_IF_ERROR(CheckAccept(c, "FOLD_C2", "self", kTruth | kInexact, self.dtype));
  RETURN_IF_ERROR(c.Rank("FOLD_C1", "self", {2, 3}));
  RETURN_IF_ERROR(NonEmpty(c, "FOLD_C6", "self", self.rank() - 2));
  const Shape size = c.Dims("output_size");
  bool fits = size.size() == 2;
  for (const Dim& dim : size) fits = fits && c.AtLeast(dim, 1);
  if (!fits) {
    return c.Fail("FOLD_C7", "output_size", "output_size must be the image's height and width",
                  "2 sizes of 1 or more", ShapeText(size), "PARAM_RANGE");
  }
  ASSIGN_OR_RETURN(const Blocks blocks, CountBlocks(c, "output_size", size[0], size[1]));
  const std::optional<Dim> channels = self.dim(-2).DivideExact(blocks.elements);
  if (!channels) {
    return c.Fail("FOLD_C4", "self", "the columns must hold whole blocks",
                  fmt::format("a multiple of {} in dimension {}", blocks.elements.ToString(),
                              self.rank() - 2),
                  TypeText(self));
  }
  if (self.dim(-1) != blocks.count) {
    return c.Fail("FOLD_C5", "self", "there must be one column for each block of the image",
                  TypeText(self.WithDim(self.rank() - 1, blocks.count)), TypeText(self));
  }
  TensorType out{self.dtype, {*channels, size[0], size[1]}};
  if (self.rank() == 3) out.shape.insert(out.shape.begin(), self.dim(0));
  return c.Output(std::move(out));
}

std::vector<Rule> Rules() {
  return {{"FOLD_C1", "self has the dimensions of an image or of columns, with or without a batch"},
          {"FOLD_C2", "self holds no whole numbers"},
          {"FOLD_C3", "the dilated block fits into the padded image"},
          {"FOLD_C6", "no dimension but the batch is empty"},
          WindowRule()};
}

}  // namespace

void AddFold(std::vector<OpDef>& ops) {
  ops.push_back({.name = "aten.im2col.default",
                 .schema = "(Tensor self, int[2] kernel_size, int[2] dilation, int[2] padding, "
                           "int[2] stride) -> Tensor",
                 .infer = InferUnfold,
                 .flops = NoFlops,
                 .rules = Rules()});
  std::vector<Rule> rules = Rules();
  rules.push_back({"FOLD_C4", "the columns hold whole blocks"});
  rules.push_back({"FOLD_C5", "there is one column for each block of the image"});
  rules.push_back({"FOLD_C7", "output_size is the image's height and width"});
  ops.push_back({.name = "aten.col2im.default",
                 .schema = "(Tensor self, SymInt[2] output_size, int[2] kernel_size, int[2] "
                           "dilation, int[2] padding, int[2] stride) -> Tensor",
                 .infer = InferFold,
                 .flops = [](const TypeContext& c) { return c.tensor("self").Numel(); },
                 .rules = std::move(rules)});
}

}  // namespace graphkiln::ir::ops
