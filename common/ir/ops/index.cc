// Parts of a tensor: by position, by range, by other tensors.
#include <algorithm>

#include "common/base/status.h"
#include "common/ir/ops/element_types.h"
#include "common/ir/ops/families.h"
#include "common/ir/ops/index_rules.h"
#include "common/ir/type_context.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

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

absl::Status InferSlice(TypeContext& c) {
  ASSIGN_OR_RETURN(TensorType part, SliceType(c));
  return c.Output(std::move(part));
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

absl::Status InferGather(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  const TensorType& index = c.tensor("index");
  RETURN_IF_ERROR(CheckIndex(c, index));
  ASSIGN_OR_RETURN(const int d, c.WrapDim("GATHER_C1", "dim", c.Int("dim"), self.rank()));
  RETURN_IF_ERROR(IndexFits(c, "GATHER_C2", "self", d, true));
  return c.Output(index.WithDType(self.dtype));
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

absl::Status InferIndex(TypeContext& c) {
  ASSIGN_OR_RETURN(TensorType part, IndexedType(c));
  return c.Output(std::move(part));
}

}  // namespace

void AddIndex(std::vector<OpDef>& ops) {
  const Rule scalar{"SLICE_C1", "self has rank 1 or more"};
  const Rule slice_dim{"SLICE_C2", "dim exists in self"};
  const Rule whole{"INDEX_C1", "positions are int64 or int32"};
  const Rule dim{"GATHER_C1", "dim exists in self"};
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
      InferSlice, SliceRules(), "", true);
  add("aten.narrow.default", "(Tensor self, int dim, SymInt start, SymInt length) -> Tensor",
      InferNarrow,
      {scalar, slice_dim, {"NARROW_C1", "start and length lie inside of the dimension"}}, "", true);
  add("aten.gather.default",
      "(Tensor self, int dim, Tensor index, *, bool sparse_grad=False) -> Tensor", InferGather,
      {whole, dim, GatherRule()}, "index", false);
  add("aten.index_select.default", "(Tensor self, int dim, Tensor index) -> Tensor",
      InferIndexSelect, {whole, dim, {"INDEX_SELECT_C1", "index has rank 0 or 1"}}, "index", false);
  add("aten.index.Tensor", "(Tensor self, Tensor?[] indices) -> Tensor", InferIndex, IndexRules(),
      "indices", false);
}

}  // namespace graphkiln::ir::ops
