// The inverse of maximum pools: maxima go back to where they came from, zeros elsewhere.
#include <utility>

#include "common/base/status.h"
#include "common/ir/ops/element_types.h"
#include "common/ir/ops/families.h"
#include "common/ir/ops/window.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

template <int kSpatial>
absl::Status InferUnpool(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  const TensorType& indices = c.tensor("indices");
  RETURN_IF_ERROR(c.Floating("POOL_C4", "self"));
  RETURN_IF_ERROR(c.Rank("POOL_C1", "self", {kSpatial + 1, kSpatial + 2}));
  RETURN_IF_ERROR(NonEmpty(c, "POOL_C5", "self", self.rank() - kSpatial - 1));
  if (indices.dtype != v1::DATA_TYPE_INT64) {
    return c.Fail("UNPOOL_C1", "indices", "indices must be int64, as maximum pools give them",
                  TypeText(self.WithDType(v1::DATA_TYPE_INT64)), TypeText(indices),
                  "DTYPE_MISMATCH");
  }
  if (indices.shape != self.shape) {
    return c.Fail("UNPOOL_C2", "indices", "there must be one index for each element",
                  TypeText(self.WithDType(v1::DATA_TYPE_INT64)), TypeText(indices));
  }
  const Shape size = c.Dims("output_size");
  bool fits = static_cast<int>(size.size()) == kSpatial;
  for (const Dim& dim : size) fits = fits && c.AtLeast(dim, 1);
  if (!fits) {
    return c.Fail("UNPOOL_C3", "output_size", "output_size must name each spatial dimension",
                  fmt::format("{} sizes of 1 or more", kSpatial), ShapeText(size), "PARAM_RANGE");
  }
  if (kSpatial == 3) {
    RETURN_IF_ERROR(WindowInts(c, "stride", 3, 1).status());
    RETURN_IF_ERROR(WindowInts(c, "padding", 3, 0).status());
  }
  TensorType out = self;
  for (int i = 0; i < kSpatial; ++i)
    out = out.WithDim(self.rank() - kSpatial + i, size[static_cast<size_t>(i)]);
  return c.Output(std::move(out));
}

std::vector<Rule> Rules() {
  return {{"POOL_C1", "self has a channel and the spatial dimensions, with or without a batch"},
          {"POOL_C4", "self is floating-point"},
          {"POOL_C5", "no dimension but the batch is empty"},
          {"UNPOOL_C1", "indices is int64"},
          {"UNPOOL_C2", "indices has self's shape"},
          {"UNPOOL_C3", "output_size names each spatial dimension"}};
}

}  // namespace

void AddUnpool(std::vector<OpDef>& ops) {
  ops.push_back({.name = "aten.max_unpool2d.default",
                 .schema = "(Tensor self, Tensor indices, SymInt[2] output_size) -> Tensor",
                 .infer = InferUnpool<2>,
                 .flops = NoFlops,
                 .rules = Rules(),
                 .saved = "indices"});
  std::vector<Rule> rules = Rules();
  rules.push_back(WindowRule());
  ops.push_back({.name = "aten.max_unpool3d.default",
                 .schema = "(Tensor self, Tensor indices, SymInt[3] output_size, int[3] stride, "
                           "int[3] padding) -> Tensor",
                 .infer = InferUnpool<3>,
                 .flops = NoFlops,
                 .rules = std::move(rules),
                 .saved = "indices"});
}

}  // namespace graphkiln::ir::ops
