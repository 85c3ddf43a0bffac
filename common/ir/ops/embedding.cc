// Look-up tables.
#include "common/base/status.h"
#include "common/ir/ops/families.h"
#include "common/ir/type_context.h"

namespace graphkiln::ir::ops {
namespace {

absl::Status CheckIndices(TypeContext& c) {
  const TensorType& indices = c.tensor("indices");
  if (indices.dtype == v1::DATA_TYPE_INT64 || indices.dtype == v1::DATA_TYPE_INT32)
    return absl::OkStatus();
  return c.Fail("EMBEDDING_C1", "indices", "indices must be whole numbers", "int64 or int32",
                TypeText(indices), "DTYPE_MISMATCH");
}

}  // namespace

void AddEmbedding(std::vector<OpDef>& ops) {
  ops.push_back(
      {.name = "aten.embedding.default",
       .schema =
           "(Tensor weight, Tensor indices, SymInt padding_idx=-1, bool scale_grad_by_freq=False, "
           "bool sparse=False) -> Tensor",
       .infer =
           [](TypeContext& c) {
             RETURN_IF_ERROR(CheckIndices(c));
             TensorType out{c.tensor("weight").dtype, c.tensor("indices").shape};
             out.shape.push_back(c.tensor("weight").dim(1));
             return c.Output(std::move(out));
           },
       .flops = [](const TypeContext&) { return Dim(0); },
       .rules = {{"EMBEDDING_C1", "indices are int64 or int32"}},
       .saved = "indices"});
  // Scales rows that are about to be looked up and exceed max_norm, in place.
  ops.push_back(
      {.name = "aten.embedding_renorm_.default",
       .schema = "(Tensor(a!) self, Tensor indices, float max_norm, float norm_type) -> Tensor(a!)",
       .infer =
           [](TypeContext& c) {
             RETURN_IF_ERROR(CheckIndices(c));
             return c.OutputLike("self");
           },
       .rules = {{"EMBEDDING_C1", "indices are int64 or int32"}},
       .differentiable = false,
       .view = true});
}

}  // namespace graphkiln::ir::ops
