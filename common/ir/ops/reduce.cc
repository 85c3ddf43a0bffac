// Reductions.
#include <algorithm>

#include "common/base/status.h"
#include "common/ir/ops/families.h"
#include "common/ir/type_context.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

// An absent or empty `dim` means all dimensions.
absl::Status InferReduce(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  std::vector<bool> reduced(static_cast<size_t>(self.rank()), false);
  const std::vector<int64_t> dims = c.Ints("dim");
  if (dims.empty()) std::fill(reduced.begin(), reduced.end(), true);
  for (const int64_t dim : dims) {
    ASSIGN_OR_RETURN(const int d, c.WrapDim("REDUCE_C1", "dim", dim, self.rank()));
    if (self.rank() == 0) continue;
    if (reduced[static_cast<size_t>(d)]) {
      return c.Fail("REDUCE_C2", "dim", "each dimension is reduced once", "distinct dimensions",
                    fmt::format("{} twice", dim), "PARAM_RANGE");
    }
    reduced[static_cast<size_t>(d)] = true;
  }
  TensorType out{self.dtype, {}};
  if (const auto dtype = c.DType("dtype")) out.dtype = *dtype;
  for (int i = 0; i < self.rank(); ++i) {
    if (!reduced[static_cast<size_t>(i)]) {
      out.shape.push_back(self.dim(i));
    } else if (c.Flag("keepdim")) {
      out.shape.emplace_back(1);
    }
  }
  return c.Output(std::move(out));
}

absl::Status InferMean(TypeContext& c) {
  if (!c.DType("dtype")) RETURN_IF_ERROR(c.Floating("REDUCE_C3", "self"));
  return InferReduce(c);
}

Dim InputFlops(const TypeContext& c) { return c.tensor("self").Numel(); }

}  // namespace

void AddReduce(std::vector<OpDef>& ops) {
  const std::vector<Rule> rules = {{"REDUCE_C1", "the reduced dimensions exist in self"},
                                   {"REDUCE_C2", "each dimension is reduced once"}};
  std::vector<Rule> mean = rules;
  mean.push_back({"REDUCE_C3", "self is floating-point"});
  ops.push_back(
      {.name = "aten.mean.dim",
       .schema =
           "(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
       .infer = InferMean,
       .flops = InputFlops,
       .rules = mean});
  ops.push_back({.name = "aten.amax.default",
                 .schema = "(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor",
                 .infer = InferReduce,
                 .flops = InputFlops,
                 .rules = rules,
                 .saved = "self result"});
}

}  // namespace graphkiln::ir::ops
