// Pools whose windows follow from the size of the result.
#include <utility>

#include "common/base/status.h"
#include "common/ir/ops/families.h"
#include "common/ir/ops/window.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

// Dimensions from `full` on are not empty; negative ones count from the spatial dimensions.
absl::StatusOr<TensorType> Adapted(TypeContext& c, int spatial, int full) {
  const TensorType& self = c.tensor("self");
  RETURN_IF_ERROR(c.Floating("POOL_C4", "self"));
  RETURN_IF_ERROR(c.Rank("POOL_C1", "self", {spatial + 1, spatial + 2}));
  const int first = full > 0 ? full : self.rank() - spatial + full;
  RETURN_IF_ERROR(NonEmpty(c, "POOL_C5", "self", first));
  Shape size = c.Dims("output_size");
  if (c.Size("output_size")) size.resize(static_cast<size_t>(spatial), size[0]);
  bool fits = static_cast<int>(size.size()) == spatial;
  for (const Dim& dim : size) fits = fits && c.AtLeast(dim, 0);
  if (!fits) {
    return c.Fail("ADAPTIVE_C1", "output_size", "output_size must name each spatial dimension",
                  fmt::format("{} sizes of 0 or more", spatial), ShapeText(size), "PARAM_RANGE");
  }
  TensorType out = self;
  for (int i = 0; i < spatial; ++i)
    out = out.WithDim(self.rank() - spatial + i, size[static_cast<size_t>(i)]);
  return out;
}

template <int kSpatial>
absl::Status InferAvg(TypeContext& c) {
  // There may be no channels, but PyTorch's kernel for volumes takes the second dimension for one
  // of theirs, be it the channels or not.
  ASSIGN_OR_RETURN(TensorType out, Adapted(c, kSpatial, kSpatial == 3 ? 1 : 0));
  return c.Output(std::move(out));
}

template <int kSpatial>
absl::Status InferMax(TypeContext& c) {
  ASSIGN_OR_RETURN(TensorType out, Adapted(c, kSpatial, -1));
  RETURN_IF_ERROR(c.Output(out));
  return c.Output(out.WithDType(v1::DATA_TYPE_INT64));
}

// Each input element stands in about one window.
Dim InputFlops(const TypeContext& c) { return c.tensor("self").Numel(); }

struct Entry {
  std::string_view name, schema;
  absl::Status (*infer)(TypeContext&);
  std::string_view saved;
};

constexpr Entry kEntries[] = {
    {"aten.adaptive_avg_pool1d.default", "(Tensor self, int[1] output_size) -> Tensor", InferAvg<1>,
     "self"},
    {"aten.adaptive_avg_pool2d.default", "(Tensor self, SymInt[2] output_size) -> Tensor",
     InferAvg<2>, "self"},
    {"aten.adaptive_avg_pool3d.default", "(Tensor self, SymInt[3] output_size) -> Tensor",
     InferAvg<3>, "self"},
    {"aten._adaptive_avg_pool2d.default", "(Tensor self, SymInt[2] output_size) -> Tensor",
     InferAvg<2>, "self"},
    {"aten._adaptive_avg_pool3d.default", "(Tensor self, SymInt[3] output_size) -> Tensor",
     InferAvg<3>, "self"},
    {"aten.adaptive_max_pool1d.default", "(Tensor self, int[1] output_size) -> (Tensor, Tensor)",
     InferMax<1>, "self result"},
    {"aten.adaptive_max_pool2d.default", "(Tensor self, int[2] output_size) -> (Tensor, Tensor)",
     InferMax<2>, "self result"},
    {"aten.adaptive_max_pool3d.default", "(Tensor self, int[3] output_size) -> (Tensor, Tensor)",
     InferMax<3>, "self result"},
};

}  // namespace

void AddAdaptivePool(std::vector<OpDef>& ops) {
  for (const Entry& entry : kEntries) {
    ops.push_back(
        {.name = entry.name,
         .schema = entry.schema,
         .infer = entry.infer,
         .flops = InputFlops,
         .rules = {{"POOL_C1",
                    "self has a channel and the spatial dimensions, with or without a batch"},
                   {"POOL_C4", "self is floating-point"},
                   {"POOL_C5", "no spatial dimension is empty"},
                   {"ADAPTIVE_C1", "output_size names each spatial dimension"}},
         .saved = entry.saved});
  }
}

}  // namespace graphkiln::ir::ops
