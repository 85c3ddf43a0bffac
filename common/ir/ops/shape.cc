// Shapes that are named anew, dimensions in another order, concatenation.
#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/ir/ops/element_types.h"
#include "common/ir/ops/families.h"
#include "common/ir/type_context.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

absl::Status InferFlatten(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  ASSIGN_OR_RETURN(const int start,
                   c.WrapDim("FLATTEN_C1", "start_dim", c.Int("start_dim"), self.rank()));
  ASSIGN_OR_RETURN(const int end,
                   c.WrapDim("FLATTEN_C1", "end_dim", c.Int("end_dim"), self.rank()));
  if (start > end) {
    return c.Fail("FLATTEN_C2", "start_dim", "start_dim must not come after end_dim",
                  fmt::format("at most {}", end), fmt::format("{}", start), "PARAM_RANGE");
  }
  if (self.rank() == 0) return c.Output({self.dtype, {Dim(1)}});
  TensorType out{self.dtype, {}};
  Dim product(1);
  for (int i = 0; i < self.rank(); ++i) {
    if (i < start || i > end) {
      out.shape.push_back(self.dim(i));
      continue;
    }
    product = product * self.dim(i);
    if (i == end) out.shape.push_back(product);
  }
  return c.Output(std::move(out));
}

// One size may be -1 and follows from the others.
absl::Status InferReshape(TypeContext& c, const char* sizes) {
  const TensorType& self = c.tensor("self");
  TensorType out{self.dtype, c.Dims(sizes)};
  int open = -1;
  Dim known(1);
  for (int i = 0; i < out.rank(); ++i) {
    if (out.dim(i).IsConst() && out.dim(i).value() < 0) {
      if (open >= 0 || out.dim(i).value() != -1) {
        return c.Fail("RESHAPE_C2", sizes, "at most one size may be -1, all others are 0 or more",
                      "sizes of 0 or more", ShapeText(out.shape), "PARAM_RANGE");
      }
      open = i;
    } else {
      known = known * out.dim(i);
    }
  }
  const Dim total = self.Numel();
  if (open >= 0) {
    const auto rest = total.DivideExact(known);
    if (!rest) {
      return c.Fail("RESHAPE_C1", "self", "the elements cannot be divided into this shape",
                    fmt::format("a multiple of {} elements", known.ToString()),
                    fmt::format("{} with {} elements", TypeText(self), total.ToString()));
    }
    out = out.WithDim(open, *rest);
  } else if (total != known) {
    return c.Fail("RESHAPE_C1", "self", "the number of elements must stay the same",
                  fmt::format("{} elements for {}", known.ToString(), ShapeText(out.shape)),
                  fmt::format("{} with {} elements", TypeText(self), total.ToString()));
  }
  return c.Output(std::move(out));
}

absl::Status InferUnflatten(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  if (self.rank() == 0) {
    return c.Fail("UNFLATTEN_C1", "self", "a scalar has no dimension to unfold", "rank 1 or more",
                  TypeText(self), "RANK_MISMATCH");
  }
  ASSIGN_OR_RETURN(const int d, c.WrapDim("UNFLATTEN_C1", "dim", c.Int("dim"), self.rank()));
  Shape sizes = c.Dims("sizes");
  Dim known(1);
  int open = -1;
  bool legal = !sizes.empty();
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (!sizes[i].IsConst() || sizes[i].value() >= 0) {
      known = known * sizes[i];
    } else {
      legal = legal && open < 0 && sizes[i].value() == -1;
      open = static_cast<int>(i);
    }
  }
  if (!legal) {
    return c.Fail("UNFLATTEN_C2", "sizes", "sizes must name at least one size, -1 at most once",
                  "sizes of 0 or more, and one -1", ShapeText(sizes), "PARAM_RANGE");
  }
  const std::optional<Dim> rest = open >= 0 ? self.dim(d).DivideExact(known) : known;
  if (!rest || (open < 0 && known != self.dim(d))) {
    return c.Fail("UNFLATTEN_C3", "self",
                  fmt::format("dimension {} cannot be unfolded into {}", d, ShapeText(sizes)),
                  fmt::format("{} {}", open >= 0 ? "a multiple of" : "size", known.ToString()),
                  TypeText(self));
  }
  if (open >= 0) sizes[static_cast<size_t>(open)] = *rest;
  TensorType out = self;
  out.shape.erase(out.shape.begin() + d);
  out.shape.insert(out.shape.begin() + d, sizes.begin(), sizes.end());
  return c.Output(std::move(out));
}

absl::Status InferPermute(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  const std::vector<int64_t> dims = c.Ints("dims");
  if (static_cast<int>(dims.size()) != self.rank()) {
    return c.Fail("PERMUTE_C1", "self", "dims must name every dimension once",
                  fmt::format("rank {}", dims.size()), TypeText(self), "RANK_MISMATCH");
  }
  std::vector<bool> used(dims.size(), false);
  TensorType out{self.dtype, {}};
  for (const int64_t dim : dims) {
    ASSIGN_OR_RETURN(const int d, c.WrapDim("PERMUTE_C2", "dims", dim, self.rank()));
    if (used[static_cast<size_t>(d)]) {
      return c.Fail("PERMUTE_C2", "dims", "dims must name every dimension once",
                    "each dimension once", fmt::format("{} twice", dim), "PARAM_RANGE");
    }
    used[static_cast<size_t>(d)] = true;
    out.shape.push_back(self.dim(d));
  }
  return c.Output(std::move(out));
}

absl::Status InferTranspose(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  const std::string& first = c.op().args[1].name;
  const std::string& second = c.op().args[2].name;
  ASSIGN_OR_RETURN(const int a, c.WrapDim("TRANSPOSE_C1", first, c.Int(first), self.rank()));
  ASSIGN_OR_RETURN(const int b, c.WrapDim("TRANSPOSE_C1", second, c.Int(second), self.rank()));
  TensorType out = self;
  if (self.rank() > 0)
    std::swap(out.shape[static_cast<size_t>(a)], out.shape[static_cast<size_t>(b)]);
  return c.Output(std::move(out));
}

absl::Status InferCat(TypeContext& c) {
  const std::vector<const TensorType*> parts = c.tensors("tensors");
  if (parts.empty()) {
    return c.Fail("CAT_C1", "tensors", "there is nothing to concatenate", "at least one tensor",
                  "none", "ARITY");
  }
  TensorType out = *parts[0];
  if (out.rank() == 0) {
    return c.Fail("CAT_C2", "tensors", "scalars cannot be concatenated", "rank 1 or more",
                  TypeText(out), "RANK_MISMATCH", 0);
  }
  ASSIGN_OR_RETURN(const int d, c.WrapDim("CAT_C3", "dim", c.Int("dim"), out.rank()));
  for (size_t i = 1; i < parts.size(); ++i) {
    const TensorType& part = *parts[i];
    bool fits = part.rank() == out.rank();
    for (int k = 0; fits && k < out.rank(); ++k) fits = k == d || part.dim(k) == out.dim(k);
    if (!fits) {
      return c.Fail("CAT_C4", "tensors", fmt::format("all sizes but dimension {} must agree", d),
                    fmt::format("{} apart from dimension {}", TypeText(*parts[0]), d),
                    TypeText(part), part.rank() == out.rank() ? "SHAPE_MISMATCH" : "RANK_MISMATCH",
                    static_cast<int>(i));
    }
    out = out.WithDim(d, out.dim(d) + part.dim(d));
    out.dtype = Promote(out.dtype, part.dtype);
  }
  return c.Output(std::move(out));
}

}  // namespace

void AddShape(std::vector<OpDef>& ops) {
  ops.push_back({.name = "aten.flatten.using_ints",
                 .schema = "(Tensor self, int start_dim=0, int end_dim=-1) -> Tensor",
                 .infer = InferFlatten,
                 .flops = NoFlops,
                 .rules = {{"FLATTEN_C1", "start_dim and end_dim exist in self"},
                           {"FLATTEN_C2", "start_dim does not come after end_dim"}},
                 .view = true});
  ops.push_back({.name = "aten.alias.default",
                 .schema = "(Tensor(a) self) -> Tensor(a)",
                 .infer = [](TypeContext& c) { return c.OutputLike("self"); },
                 .flops = NoFlops,
                 .view = true});
  ops.push_back(
      {.name = "aten.unflatten.int",
       .schema = "(Tensor(a) self, int dim, SymInt[] sizes) -> Tensor(a)",
       .infer = InferUnflatten,
       .flops = NoFlops,
       .rules = {{"UNFLATTEN_C1", "dim exists in self, which has rank 1 or more"},
                 {"UNFLATTEN_C2", "at least one size is given, at most one of them is -1"},
                 {"UNFLATTEN_C3", "the sizes multiply to dimension dim"}},
       .view = true});
  ops.push_back({.name = "aten.reshape.default",
                 .schema = "(Tensor self, SymInt[] shape) -> Tensor",
                 .infer = [](TypeContext& c) { return InferReshape(c, "shape"); },
                 .flops = NoFlops,
                 .rules = {{"RESHAPE_C1", "the number of elements stays the same"},
                           {"RESHAPE_C2", "at most one size is -1"}},
                 .view = true});
  for (const char* name : {"aten.view.default", "aten._unsafe_view.default"}) {
    ops.push_back({.name = name,
                   .schema = "(Tensor self, SymInt[] size) -> Tensor",
                   .infer = [](TypeContext& c) { return InferReshape(c, "size"); },
                   .flops = NoFlops,
                   .rules = {{"RESHAPE_C1", "the number of elements stays the same"},
                             {"RESHAPE_C2", "at most one size is -1"}},
                   .view = true});
  }
  ops.push_back({.name = "aten.permute.default",
                 .schema = "(Tensor self, int[] dims) -> Tensor",
                 .infer = InferPermute,
                 .flops = NoFlops,
                 .rules = {{"PERMUTE_C1", "dims has one entry for each dimension"},
                           {"PERMUTE_C2", "dims names each dimension once"}},
                 .view = true});
  // By either name.
  for (const auto& [name, schema] :
       {std::pair{"aten.transpose.int", "(Tensor self, int dim0, int dim1) -> Tensor"},
        std::pair{"aten.swapaxes.default", "(Tensor self, int axis0, int axis1) -> Tensor"}}) {
    ops.push_back({.name = name,
                   .schema = schema,
                   .infer = InferTranspose,
                   .flops = NoFlops,
                   .rules = {{"TRANSPOSE_C1", "both dimensions exist in self"}},
                   .view = true});
  }
  ops.push_back({.name = "aten.cat.default",
                 .schema = "(Tensor[] tensors, int dim=0) -> Tensor",
                 .infer = InferCat,
                 .flops = NoFlops,
                 .rules = {{"CAT_C1", "there is at least one tensor"},
                           {"CAT_C2", "the tensors have rank 1 or more"},
                           {"CAT_C3", "dim exists in the first tensor"},
                           {"CAT_C4", "all sizes but dim agree"}},
                 .passes = "tensors"});
}

}  // namespace graphkiln::ir::ops
