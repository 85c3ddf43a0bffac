// Parts of a tensor: by position, by range, by other tensors.
#include <algorithm>
#include <cstdlib>
#include <limits>

#include "common/base/status.h"
#include "common/ir/ops/element_types.h"
#include "common/ir/ops/families.h"
#include "common/ir/type_context.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

absl::Status NeedsDims(TypeContext& c, std::string_view rule) {
  if (c.tensor("self").rank() > 0) return absl::OkStatus();
  return c.Fail(rule, "self", "a scalar has no dimension to take a part of", "rank 1 or more",
                TypeText(c.tensor("self")), "RANK_MISMATCH");
}

absl::Status CheckIndex(TypeContext& c, const TensorType& index, int list_index = -1) {
  if (index.dtype == v1::DATA_TYPE_INT64 || index.dtype == v1::DATA_TYPE_INT32)
    return absl::OkStatus();
  return c.Fail("INDEX_C1", list_index < 0 ? "index" : "indices", "positions are whole numbers",
                "int64 or int32", TypeText(index), "DTYPE_MISMATCH", list_index);
}

absl::Status InferSelect(TypeContext& c) {
  RETURN_IF_ERROR(NeedsDims(c, "SELECT_C1"));
  const TensorType& self = c.tensor("self");
  ASSIGN_OR_RETURN(const int d, c.WrapDim("SELECT_C2", "dim", c.Int("dim"), self.rank()));
  const Dim& size = self.dim(d);
  const int64_t index = c.Int("index");
  const int64_t far = std::clamp(index, -Dim::kSaturated, Dim::kSaturated);
  if (!c.AtLeast(size, far < 0 ? -far : far + 1)) {
    return c.Fail("SELECT_C3", "index", "the index lies outside of the dimension",
                  fmt::format("{} to {}", -size.value(), size.value() - 1),
                  fmt::format("{}", index), "PARAM_RANGE");
  }
  TensorType out = self;
  out.shape.erase(out.shape.begin() + d);
  return c.Output(std::move(out));
}

// A bound of a slice as a position in 0..size; positions in an open dimension must exist.
Dim Bound(TypeContext& c, const std::optional<Dim>& given, const Dim& size, const Dim& absent) {
  if (!given) return absent;
  if (!given->IsConst()) {
    c.AtLeast(*given, 0);
    c.AtLeast(size - *given, 0);
    return *given;
  }
  const int64_t at = given->value();
  if (at >= std::numeric_limits<int32_t>::max()) return size;  // exporters' `to the end`
  if (!size.IsConst()) {
    c.AtLeast(size, std::abs(std::max(at, -Dim::kSaturated)));
    return at < 0 ? size + Dim(at) : Dim(at);
  }
  return Dim(std::clamp<int64_t>(at < 0 ? at + size.value() : at, 0, size.value()));
}

absl::Status InferSlice(TypeContext& c) {
  RETURN_IF_ERROR(NeedsDims(c, "SLICE_C1"));
  const TensorType& self = c.tensor("self");
  ASSIGN_OR_RETURN(const int d, c.WrapDim("SLICE_C2", "dim", c.Int("dim"), self.rank()));
  const int64_t step = c.Int("step");
  if (step < 1) {
    return c.Fail("SLICE_C3", "step", "a slice goes forward", "1 or more", fmt::format("{}", step),
                  "PARAM_RANGE");
  }
  const Dim& size = self.dim(d);
  const Dim start = Bound(c, c.Size("start"), size, Dim(0));
  const Dim end = Bound(c, c.Size("end"), size, size);
  Dim length = end - start;
  if (!c.AtLeast(length, 0)) length = Dim(0);
  return c.Output(self.WithDim(d, length.CeilDiv(step)));
}

absl::Status InferNarrow(TypeContext& c) {
  RETURN_IF_ERROR(NeedsDims(c, "SLICE_C1"));
  const TensorType& self = c.tensor("self");
  ASSIGN_OR_RETURN(const int d, c.WrapDim("SLICE_C2", "dim", c.Int("dim"), self.rank()));
  const Dim& size = self.dim(d);
  const Dim length = c.Size("length").value_or(Dim(0));
  const int64_t start = c.Int("start");
  const bool negative = !c.AtLeast(length, 0);
  const Dim from = start < 0 ? size + Dim(start) : Dim(start);
  const bool fits = !negative && c.AtLeast(from, 0) && c.AtLeast(size - from, 0) &&
                    c.AtLeast(size - from - length, 0);
  if (!fits) {
    return c.Fail("NARROW_C1", negative ? "length" : "start",
                  "start and length lie inside of the dimension",
                  fmt::format("a part of {} elements", size.ToString()),
                  fmt::format("{} elements from {}", length.ToString(), start), "PARAM_RANGE");
  }
  return c.Output(self.WithDim(d, length));
}

// `index` may be smaller than `other` in every dimension, apart from `dim` where `skip` says so.
absl::Status IndexFits(TypeContext& c, std::string_view rule, std::string_view other, int dim,
                       bool skip) {
  const TensorType& index = c.tensor("index");
  const TensorType& type = c.tensor(other);
  bool fits = index.rank() == type.rank();
  for (int i = 0; fits && i < index.rank(); ++i) {
    const Dim& a = index.dim(i);
    const Dim& b = type.dim(i);
    fits = (skip && i == dim) || a == b || c.AtLeast(b - a, 0);
  }
  if (fits) return absl::OkStatus();
  return c.Fail(rule, "index",
                fmt::format("index must not be larger than {}{}", other,
                            skip ? " in other dimensions than dim" : ""),
                TypeText(type), TypeText(index),
                index.rank() == type.rank() ? "SHAPE_MISMATCH" : "RANK_MISMATCH");
}

absl::Status InferGather(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  const TensorType& index = c.tensor("index");
  RETURN_IF_ERROR(CheckIndex(c, index));
  ASSIGN_OR_RETURN(const int d, c.WrapDim("GATHER_C1", "dim", c.Int("dim"), self.rank()));
  RETURN_IF_ERROR(IndexFits(c, "GATHER_C2", "self", d, true));
  return c.Output(index.WithDType(self.dtype));
}

absl::Status InferScatter(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  RETURN_IF_ERROR(CheckIndex(c, c.tensor("index")));
  ASSIGN_OR_RETURN(const int d, c.WrapDim("GATHER_C1", "dim", c.Int("dim"), self.rank()));
  RETURN_IF_ERROR(IndexFits(c, "GATHER_C2", "self", d, true));
  if (c.op().ArgIndex("src") >= 0) {
    RETURN_IF_ERROR(c.SameDType("SAME_C1", "src", "self"));
    RETURN_IF_ERROR(IndexFits(c, "SCATTER_C1", "src", d, false));
  }
  return c.OutputLike("self");
}

absl::Status InferIndexSelect(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  const TensorType& index = c.tensor("index");
  RETURN_IF_ERROR(CheckIndex(c, index));
  RETURN_IF_ERROR(c.Rank("INDEX_SELECT_C1", "index", {0, 1}));
  ASSIGN_OR_RETURN(const int d, c.WrapDim("GATHER_C1", "dim", c.Int("dim"), self.rank()));
  if (self.rank() == 0) return c.Output(self);
  return c.Output(self.WithDim(d, index.Numel()));
}

// self[i, :, j]: the index tensors broadcast; their dimensions take the place of the first one
// where they stand side by side, and come first otherwise.
absl::Status InferIndex(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  const auto* list = c.arg("indices").As<Argument::List>();
  const std::vector<const TensorType*> indices = c.tensors("indices");
  const size_t count = list != nullptr ? list->size() : 0;
  if (count > self.shape.size() || indices.empty()) {
    return c.Fail("INDEX_C2", "indices", "there is at most one index for each dimension",
                  fmt::format("1 to {}", self.rank()), fmt::format("{}", count), "ARITY");
  }
  std::vector<Dim> shape;
  for (size_t i = 0; i < indices.size(); ++i) {
    RETURN_IF_ERROR(CheckIndex(c, *indices[i], static_cast<int>(i)));
    auto wider = Broadcast(shape, indices[i]->shape);
    if (!wider) {
      return c.Fail("INDEX_C3", "indices", "the index tensors do not broadcast", ShapeText(shape),
                    TypeText(*indices[i]), "SHAPE_MISMATCH", static_cast<int>(i));
    }
    shape = *std::move(wider);
  }
  size_t first = count, last = 0;
  std::vector<Dim> rest;  // dimensions that no tensor indexes
  for (size_t i = 0; i < self.shape.size(); ++i) {
    if (i < count && !(*list)[i].IsNone()) {
      first = std::min(first, i);
      last = i;
    } else {
      rest.push_back(self.shape[i]);
    }
  }
  const bool together = last - first + 1 == indices.size();
  rest.insert(rest.begin() + static_cast<int64_t>(together ? first : 0), shape.begin(),
              shape.end());
  return c.Output({self.dtype, std::move(rest)});
}

}  // namespace

void AddIndex(std::vector<OpDef>& ops) {
  const Rule scalar{"SLICE_C1", "self has rank 1 or more"};
  const Rule slice_dim{"SLICE_C2", "dim exists in self"};
  const Rule whole{"INDEX_C1", "positions are int64 or int32"};
  const Rule dim{"GATHER_C1", "dim exists in self"};
  const Rule fits{"GATHER_C2", "index has self's rank and, but for dim, no larger sizes"};
  const auto add = [&](std::string_view name, std::string_view schema,
                       absl::Status (*infer)(TypeContext&), std::vector<Rule> rules,
                       std::string_view saved, bool view) {
    ops.push_back({.name = name,
                   .schema = schema,
                   .infer = infer,
                   .flops = NoFlops,
                   .rules = std::move(rules),
                   .view = view,
                   .saved = saved});
  };
  add("aten.select.int", "(Tensor self, int dim, SymInt index) -> Tensor", InferSelect,
      {{"SELECT_C1", "self has rank 1 or more"},
       {"SELECT_C2", "dim exists in self"},
       {"SELECT_C3", "index lies inside of the dimension"}},
      "", true);
  add("aten.slice.Tensor",
      "(Tensor self, int dim=0, SymInt? start=None, SymInt? end=None, SymInt step=1) -> Tensor",
      InferSlice, {scalar, slice_dim, {"SLICE_C3", "step is 1 or more"}}, "", true);
  add("aten.narrow.default", "(Tensor self, int dim, SymInt start, SymInt length) -> Tensor",
      InferNarrow,
      {scalar, slice_dim, {"NARROW_C1", "start and length lie inside of the dimension"}}, "", true);
  add("aten.gather.default",
      "(Tensor self, int dim, Tensor index, *, bool sparse_grad=False) -> Tensor", InferGather,
      {whole, dim, fits}, "index", false);
  add("aten.index_select.default", "(Tensor self, int dim, Tensor index) -> Tensor",
      InferIndexSelect, {whole, dim, {"INDEX_SELECT_C1", "index has rank 0 or 1"}}, "index", false);
  add("aten.index.Tensor", "(Tensor self, Tensor?[] indices) -> Tensor", InferIndex,
      {whole,
       {"INDEX_C2", "there is one index at least and at most one for each dimension"},
       {"INDEX_C3", "the index tensors broadcast"}},
      "indices", false);
  const Rule same{"SAME_C1", "all tensors have one element type"};
  const Rule source{"SCATTER_C1", "index has src's rank and no larger sizes"};
  add("aten.scatter.value", "(Tensor self, int dim, Tensor index, Scalar value) -> Tensor",
      InferScatter, {whole, dim, fits}, "index", false);
  for (const char* name : {"aten.scatter.src", "aten.scatter_add.default"}) {
    add(name, "(Tensor self, int dim, Tensor index, Tensor src) -> Tensor", InferScatter,
        {whole, dim, fits, same, source}, "index", false);
  }
}

}  // namespace graphkiln::ir::ops
