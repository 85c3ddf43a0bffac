// Operators that PyTorch's decompositions make of modules and no module calls: memory without
// values, views by strides, draws, products of three.
#include <optional>
#include <utility>

#include "common/base/status.h"
#include "common/ir/ops/element_types.h"
#include "common/ir/ops/families.h"
#include "common/ir/type_context.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

// The elements lie inside of self's; sizes and strides are numbers, or the extent cannot be known.
absl::Status InferStrided(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  const Shape size = c.Dims("size");
  const Shape stride = c.Dims("stride");
  if (size.size() != stride.size()) {
    return c.Fail("AS_STRIDED_C1", "stride", "each size has its stride",
                  fmt::format("{}", size.size()), fmt::format("{}", stride.size()), "ARITY");
  }
  Dim extent = c.Size("storage_offset").value_or(Dim(0)) + Dim(1);
  bool legal = c.AtLeast(extent, 1);
  bool empty = false;
  for (size_t i = 0; i < size.size(); ++i) {
    legal = legal && c.AtLeast(size[i], 0) && c.AtLeast(stride[i], 0);
    empty = empty || size[i].IsConst(0);
    extent = extent + (size[i] - Dim(1)) * stride[i];
  }
  if (!legal || (!empty && !c.AtLeast(self.Numel() - extent, 0))) {
    return c.Fail("AS_STRIDED_C2", "size", "the view leaves the tensor",
                  fmt::format("at most {} elements", self.Numel().ToString()),
                  legal ? fmt::format("{} elements", extent.ToString()) : ShapeText(size));
  }
  return c.Output({self.dtype, size});
}

absl::Status InferBroadcast(TypeContext& c) {
  Shape shape;
  const std::vector<const TensorType*> tensors = c.tensors("tensors");
  for (size_t i = 0; i < tensors.size(); ++i) {
    auto both = Broadcast(shape, tensors[i]->shape);
    if (!both) {
      return c.Fail("BROADCAST_TENSORS_C1", "tensors", "the tensors do not broadcast",
                    ShapeText(shape), TypeText(*tensors[i]), "SHAPE_MISMATCH", static_cast<int>(i));
    }
    shape = *std::move(both);
  }
  for (const TensorType* tensor : tensors) RETURN_IF_ERROR(c.Output({tensor->dtype, shape}));
  return absl::OkStatus();
}

absl::Status InferBernoulli(TypeContext& c) {
  const double p = c.Float("p");
  if (!(p >= 0 && p <= 1)) {
    return c.Fail("BERNOULLI_C1", "p", "a probability is between 0 and 1", "0 to 1",
                  fmt::format("{}", p), "PARAM_RANGE");
  }
  return c.OutputLike("self");
}

absl::Status Once(TypeContext& c, std::string_view list, int64_t dim, bool named) {
  if (!named) return absl::OkStatus();
  return c.Fail("TRILINEAR_C3", list, "each dimension stands once", "distinct dimensions",
                fmt::format("{} twice", dim), "PARAM_RANGE");
}

// The sizes of `arg`, with none at the places that `expand` names.
absl::StatusOr<std::vector<std::optional<Dim>>> Expanded(TypeContext& c, std::string_view arg,
                                                         std::string_view expand, int rank) {
  const std::vector<int64_t> places = c.Ints(expand);
  const TensorType& type = c.tensor(arg);
  std::vector<bool> place(static_cast<size_t>(rank), false);
  for (const int64_t dim : places) {
    ASSIGN_OR_RETURN(const int d, c.WrapDim("TRILINEAR_C3", expand, dim, rank));
    RETURN_IF_ERROR(Once(c, expand, dim, place[static_cast<size_t>(d)]));
    place[static_cast<size_t>(d)] = true;
  }
  std::vector<std::optional<Dim>> out;
  size_t next = 0;
  for (int i = 0; i < rank; ++i) {
    if (place[static_cast<size_t>(i)]) {
      out.emplace_back();
    } else if (next < type.shape.size()) {
      out.emplace_back(type.shape[next++]);
    }
  }
  if (static_cast<int>(out.size()) == rank && next == type.shape.size()) return out;
  return c.Fail("TRILINEAR_C1", expand, "the places and the dimensions make one rank",
                fmt::format("{} places", rank - type.rank()), fmt::format("{}", places.size()),
                "PARAM_RANGE");
}

absl::Status InferTrilinear(TypeContext& c) {
  const int rank = c.tensor("i1").rank() + static_cast<int>(c.Ints("expand1").size());
  std::vector<std::optional<Dim>> shape(static_cast<size_t>(rank));
  for (const auto& [arg, expand] :
       {std::pair{"i1", "expand1"}, std::pair{"i2", "expand2"}, std::pair{"i3", "expand3"}}) {
    RETURN_IF_ERROR(c.SameDType("SAME_C1", arg, "i1"));
    ASSIGN_OR_RETURN(const std::vector<std::optional<Dim>> wide, Expanded(c, arg, expand, rank));
    // Sizes of 1 stretch where `expand` made them, not where the tensors have them.
    for (size_t i = 0; i < wide.size(); ++i) {
      if (!wide[i]) continue;
      if (shape[i] && *shape[i] != *wide[i]) {
        return c.Fail("TRILINEAR_C2", arg, "the factors have one size in each dimension",
                      fmt::format("{} in dimension {}", shape[i]->ToString(), i),
                      wide[i]->ToString());
      }
      shape[i] = wide[i];
    }
  }
  if (const int64_t unroll = c.Int("unroll_dim"); unroll < 0 || unroll >= rank) {
    return c.Fail("TRILINEAR_C4", "unroll_dim", "the kernel goes along a dimension",
                  fmt::format("0 to {}", rank - 1), fmt::format("{}", unroll), "PARAM_RANGE");
  }
  std::vector<bool> summed(shape.size(), false);
  for (const int64_t dim : c.Ints("sumdim")) {
    ASSIGN_OR_RETURN(const int d, c.WrapDim("TRILINEAR_C3", "sumdim", dim, rank));
    RETURN_IF_ERROR(Once(c, "sumdim", dim, summed[static_cast<size_t>(d)]));
    summed[static_cast<size_t>(d)] = true;
  }
  // PyTorch multiplies truth values where nothing is summed; its kernels of sums have none.
  RETURN_IF_ERROR(CheckAccept(c, "TRILINEAR_C5", "i1", kNotTruth, c.tensor("i1").dtype));
  Shape out;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (!summed[i]) out.push_back(shape[i].value_or(Dim(1)));
  }
  return c.Output({c.tensor("i1").dtype, std::move(out)});
}

}  // namespace

void AddDecomposed(std::vector<OpDef>& ops) {
  ops.push_back(
      {.name = "aten.as_strided.default",
       .schema = "(Tensor self, SymInt[] size, SymInt[] stride, SymInt? storage_offset=None) -> "
                 "Tensor",
       .infer = InferStrided,
       .flops = NoFlops,
       .rules = {{"AS_STRIDED_C1", "size and stride have one length"},
                 {"AS_STRIDED_C2", "the view lies inside of self"}},
       .view = true});
  ops.push_back({.name = "aten.broadcast_tensors.default",
                 .schema = "(Tensor[] tensors) -> Tensor[]",
                 .infer = InferBroadcast,
                 .flops = NoFlops,
                 .rules = {{"BROADCAST_TENSORS_C1", "the tensors broadcast"}},
                 .view = true});
  ops.push_back({.name = "aten.bernoulli.p",
                 .schema = "(Tensor self, float p, *, Generator? generator=None) -> Tensor",
                 .infer = InferBernoulli,
                 .flops = NoFlops,
                 .rules = {{"BERNOULLI_C1", "p is between 0 and 1"}},
                 .random = true});
  ops.push_back(
      {.name = "aten._trilinear.default",
       .schema = "(Tensor i1, Tensor i2, Tensor i3, int[] expand1, int[] expand2, int[] "
                 "expand3, int[] sumdim, int unroll_dim=1) -> Tensor",
       .infer = InferTrilinear,
       .rules = {{"SAME_C1", "all tensors have one element type"},
                 {"TRILINEAR_C1", "dimensions and places make one rank"},
                 {"TRILINEAR_C2", "the factors have one size in each dimension that they share"},
                 {"TRILINEAR_C3", "the dimensions exist, each stands once"},
                 {"TRILINEAR_C4", "unroll_dim names a dimension from the front"},
                 {"TRILINEAR_C5", "the tensors hold numbers"}},
       .saved = "i1 i2 i3"});
}

}  // namespace graphkiln::ir::ops
