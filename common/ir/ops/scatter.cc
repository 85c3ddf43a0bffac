// Copies of a tensor with other values in a part of it.
#include "common/base/status.h"
#include "common/ir/ops/element_types.h"
#include "common/ir/ops/families.h"
#include "common/ir/ops/index_rules.h"
#include "common/ir/type_context.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

absl::Status InferScatter(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  RETURN_IF_ERROR(CheckIndex(c, c.tensor("index")));
  ASSIGN_OR_RETURN(const int d, c.WrapDim("GATHER_C1", "dim", c.Int("dim"), self.rank()));
  RETURN_IF_ERROR(IndexFits(c, "GATHER_C2", "self", d, true));
  if (c.op().ArgIndex("src") >= 0) {
    RETURN_IF_ERROR(c.SameDType("SAME_C1", "src", "self"));
    RETURN_IF_ERROR(IndexFits(c, "SCATTER_C1", "src", d, false));
  } else {
    RETURN_IF_ERROR(CheckHolds(c, "SCATTER_C2", "value", self.dtype));
  }
  return c.OutputLike("self");
}

// `values` stretches over the part that it is written to.
absl::Status Stretches(TypeContext& c, std::string_view rule, std::string_view values,
                       const TensorType& part) {
  const auto wide = Broadcast(part.shape, c.tensor(values).shape);
  if (wide && *wide == part.shape) return absl::OkStatus();
  return c.Fail(rule, values, "the values do not stretch over what they are written to",
                ShapeText(part.shape), TypeText(c.tensor(values)));
}

absl::Status InferSliceScatter(TypeContext& c) {
  ASSIGN_OR_RETURN(const TensorType part, SliceType(c));
  if (c.tensor("src").shape != part.shape) {
    return c.Fail("SLICE_SCATTER_C1", "src", "src must have the shape of the slice",
                  ShapeText(part.shape), TypeText(c.tensor("src")));
  }
  return c.OutputLike("self");
}

absl::Status InferIndexPut(TypeContext& c) {
  ASSIGN_OR_RETURN(const TensorType part, IndexedType(c, true));
  RETURN_IF_ERROR(c.SameDType("SAME_C1", "values", "self"));
  RETURN_IF_ERROR(Stretches(c, "INDEX_PUT_C1", "values", part));
  return c.OutputLike("self");
}

absl::Status InferCopy(TypeContext& c) {
  RETURN_IF_ERROR(Stretches(c, "COPY_C1", "src", c.tensor("self")));
  return c.OutputLike("self");
}

}  // namespace

void AddScatter(std::vector<OpDef>& ops) {
  const Rule whole{"INDEX_C1", "positions are int64 or int32"};
  const Rule dim{"GATHER_C1", "dim exists in self"};
  const Rule same{"SAME_C1", "all tensors have one element type"};
  const auto add = [&](std::string_view name, std::string_view schema,
                       absl::Status (*infer)(TypeContext&), std::vector<Rule> rules,
                       std::string_view saved) {
    ops.push_back({.name = name,
                   .schema = schema,
                   .infer = infer,
                   .flops = NoFlops,
                   .rules = std::move(rules),
                   .saved = saved});
  };
  add("aten.scatter.value", "(Tensor self, int dim, Tensor index, Scalar value) -> Tensor",
      InferScatter,
      {whole, dim, GatherRule(), {"SCATTER_C2", "self's element type holds the value"}}, "index");
  for (const char* name : {"aten.scatter.src", "aten.scatter_add.default"}) {
    add(name, "(Tensor self, int dim, Tensor index, Tensor src) -> Tensor", InferScatter,
        {whole,
         dim,
         GatherRule(),
         same,
         {"SCATTER_C1", "index has src's rank and no larger sizes"}},
        "index");
  }
  std::vector<Rule> slice = SliceRules();
  slice.push_back({"SLICE_SCATTER_C1", "src has the shape of the slice"});
  add("aten.slice_scatter.default",
      "(Tensor self, Tensor src, int dim=0, SymInt? start=None, SymInt? end=None, SymInt step=1) "
      "-> Tensor",
      InferSliceScatter, std::move(slice), "");
  std::vector<Rule> put = IndexRules();
  put[0] = {"INDEX_C1", "positions are int64 or int32, or truth values"};
  put.push_back({"INDEX_C4", "a mask of truth values has the sizes of the dimensions it covers"});
  put.push_back({"INDEX_C5", "a mask stands alone"});
  put.push_back(same);
  put.push_back({"INDEX_PUT_C1", "values broadcasts to the part that the indices name"});
  add("aten.index_put.default",
      "(Tensor self, Tensor?[] indices, Tensor values, bool accumulate=False) -> Tensor",
      InferIndexPut, std::move(put), "indices");
  add("aten.copy.default", "(Tensor self, Tensor src, bool non_blocking=False) -> Tensor",
      InferCopy, {{"COPY_C1", "src broadcasts to self"}}, "");
  ops.back().differentiable = false;  // PyTorch has no derivative for it
}

}  // namespace graphkiln::ir::ops
