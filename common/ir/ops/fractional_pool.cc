// Maxima over windows whose places are drawn at random, and the numbers that place them.
#include <utility>

#include "common/base/status.h"
#include "common/ir/ops/element_types.h"
#include "common/ir/ops/families.h"
#include "common/ir/ops/window.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

template <int kSpatial>
absl::Status InferFractional(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  RETURN_IF_ERROR(c.Floating("POOL_C4", "self"));
  RETURN_IF_ERROR(c.Rank("POOL_C1", "self", {kSpatial + 1, kSpatial + 2}));
  RETURN_IF_ERROR(NonEmpty(c, "POOL_C5", "self", self.rank() - kSpatial - 1));
  ASSIGN_OR_RETURN(const std::vector<int64_t> kernel, WindowInts(c, "kernel_size", kSpatial, 1));
  for (const char* arg : {"kernel_size", "output_size"}) {
    if (c.Size(arg) || static_cast<int>(c.Dims(arg).size()) == kSpatial) continue;
    return c.Fail("WINDOW_C1", arg, fmt::format("{} must have {} numbers", arg, kSpatial),
                  fmt::format("{} numbers, or one for all", kSpatial), ShapeText(c.Dims(arg)),
                  "PARAM_RANGE");
  }
  ASSIGN_OR_RETURN(const std::vector<int64_t> size, WindowInts(c, "output_size", kSpatial, 1));
  const int first = self.rank() - kSpatial;
  TensorType out = self;
  for (int i = 0; i < kSpatial; ++i) {
    const size_t s = static_cast<size_t>(i);
    const Dim& dim = self.dim(first + i);
    // PyTorch wants one element more in three dimensions than in two.
    const int64_t least = size[s] + kernel[s] - (kSpatial == 3 ? 0 : 1);
    if (!c.AtLeast(dim, least)) {
      return c.Fail("FRACTIONAL_C1", "self", "the windows are too large or too many for the input",
                    fmt::format("at least {} in dimension {}", least, first + i), TypeText(self));
    }
    out = out.WithDim(first + i, Dim(size[s]));
  }
  const TensorType samples{
      self.dtype,
      {self.rank() == kSpatial + 2 ? self.dim(0) : Dim(1), self.dim(first - 1), Dim(kSpatial)}};
  if (c.tensor("random_samples") != samples) {
    return c.Fail("FRACTIONAL_C2", "random_samples",
                  "there must be one random number for each channel and spatial dimension",
                  TypeText(samples), TypeText(c.tensor("random_samples")));
  }
  RETURN_IF_ERROR(c.Output(out));
  return c.Output(out.WithDType(v1::DATA_TYPE_INT64));
}

template <int kSpatial>
Dim WindowFlops(const TypeContext& c) {
  Dim window(1);
  for (const int64_t k : c.Ints("kernel_size", kSpatial)) window = window * Dim(k);
  return c.output(0).Numel() * window;
}

std::vector<Rule> Rules() {
  return {{"POOL_C1", "self has a channel and the spatial dimensions, with or without a batch"},
          {"POOL_C4", "self is floating-point"},
          {"POOL_C5", "no dimension but the batch is empty"},
          {"FRACTIONAL_C1", "the windows have room in the input"},
          {"FRACTIONAL_C2", "random_samples has one number per channel and spatial dimension"},
          WindowRule()};
}

}  // namespace

void AddFractionalPool(std::vector<OpDef>& ops) {
  ops.push_back({.name = "aten.fractional_max_pool2d.default",
                 .schema = "(Tensor self, int[2] kernel_size, int[2] output_size, Tensor "
                           "random_samples) -> (Tensor, Tensor)",
                 .infer = InferFractional<2>,
                 .flops = WindowFlops<2>,
                 .rules = Rules(),
                 .saved = "self result"});
  ops.push_back({.name = "aten.fractional_max_pool3d.default",
                 .schema = "(Tensor self, int[3] kernel_size, int[3] output_size, Tensor "
                           "random_samples) -> (Tensor, Tensor)",
                 .infer = InferFractional<3>,
                 .flops = WindowFlops<3>,
                 .rules = Rules(),
                 .saved = "self result"});
  ops.push_back(
      {.name = "aten.rand.default",
       .schema =
           "(SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, "
           "bool? pin_memory=None) -> Tensor",
       .infer =
           [](TypeContext& c) {
             const DataType dtype = c.DType("dtype").value_or(v1::DATA_TYPE_FLOAT32);
             if (!IsFloating(dtype)) {
               return c.Fail("RAND_C1", "dtype", "random numbers from 0 to 1 are floating-point",
                             "a floating-point type", std::string(DTypeName(dtype)),
                             "DTYPE_MISMATCH");
             }
             return c.Output({dtype, c.Dims("size")});
           },
       .flops = NoFlops,
       .rules = {{"RAND_C1", "dtype is floating-point"}},
       .differentiable = false,
       .random = true});
}

}  // namespace graphkiln::ir::ops
