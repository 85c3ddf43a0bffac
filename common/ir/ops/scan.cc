// Operators along one dimension that keep it: running sums, sorting, softmax in its decomposed
// form.
#include "common/base/status.h"
#include "common/ir/ops/element_types.h"
#include "common/ir/ops/families.h"
#include "common/ir/type_context.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

template <int kAccept, Result kResult>
absl::Status InferScan(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  RETURN_IF_ERROR(CheckAccept(c, "SCAN_C2", "self", kAccept, self.dtype));
  RETURN_IF_ERROR(c.WrapDim("SCAN_C1", "dim", c.Int("dim"), self.rank()).status());
  const DataType dtype = c.DType("dtype").value_or(Apply(kResult, self.dtype));
  if (c.Has("dtype")) RETURN_IF_ERROR(CheckAccept(c, "SCAN_C2", "dtype", kNotTruth, dtype));
  RETURN_IF_ERROR(c.Output(self.WithDType(dtype)));
  if (c.op().num_returns == 1) return absl::OkStatus();
  return c.Output(self.WithDType(v1::DATA_TYPE_INT64));
}

absl::Status InferTopK(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  RETURN_IF_ERROR(CheckAccept(c, "SCAN_C2", "self", kRealNumbers, self.dtype));
  ASSIGN_OR_RETURN(const int d, c.WrapDim("SCAN_C1", "dim", c.Int("dim"), self.rank()));
  const Dim k = c.Size("k").value_or(Dim(0));
  const Dim size = self.rank() > 0 ? self.dim(d) : Dim(1);
  if (!c.AtLeast(k, 0) || !c.AtLeast(size - k, 0)) {
    return c.Fail("TOPK_C1", "k", "there are not that many elements",
                  fmt::format("0 to {}", size.ToString()), k.ToString(), "PARAM_RANGE");
  }
  const TensorType out = self.rank() > 0 ? self.WithDim(d, k) : self;
  RETURN_IF_ERROR(c.Output(out));
  return c.Output(out.WithDType(v1::DATA_TYPE_INT64));
}

struct Row {
  std::string_view name, schema;
  absl::Status (*infer)(TypeContext&);
  std::string_view saved = "";
  bool differentiable = true;
};

constexpr std::string_view kTyped = "(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor";
constexpr std::string_view kPair = "(Tensor self, int dim) -> (Tensor values, Tensor indices)";
constexpr auto kSumScan = InferScan<kAny, Result::kSum>;
constexpr auto kSort = InferScan<kNotComplex, Result::kSame>;
constexpr auto kArgSort = InferScan<kNotComplex, Result::kIndex>;

constexpr Row kRows[] = {
    {"aten.cumsum.default", kTyped, kSumScan},
    {"aten.cumprod.default", kTyped, kSumScan, "self result"},
    {"aten.cummax.default", kPair, kSort, "index"},
    {"aten.cummin.default", kPair, kSort, "index"},
    {"aten.logcumsumexp.default", "(Tensor self, int dim) -> Tensor",
     InferScan<kInexact, Result::kSame>, "self result"},
    {"aten.sort.default",
     "(Tensor self, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)", kSort,
     "index"},
    {"aten.sort.stable",
     "(Tensor self, *, bool? stable, int dim=-1, bool descending=False) -> (Tensor values, Tensor "
     "indices)",
     kSort, "index"},
    {"aten.argsort.default", "(Tensor self, int dim=-1, bool descending=False) -> Tensor", kArgSort,
     "", false},
    {"aten.argsort.stable",
     "(Tensor self, *, bool stable, int dim=-1, bool descending=False) -> Tensor", kArgSort, "",
     false},
};

}  // namespace

void AddScan(std::vector<OpDef>& ops) {
  const Rule dim{"SCAN_C1", "dim exists in self"};
  const Rule types{"SCAN_C2", "the operator is defined for the element type of self"};
  for (const Row& row : kRows) {
    std::vector<Rule> rules = {dim};
    if (row.infer != kSumScan) rules.push_back(types);
    ops.push_back({.name = row.name,
                   .schema = row.schema,
                   .infer = row.infer,
                   .flops = InputFlops,
                   .rules = std::move(rules),
                   .differentiable = row.differentiable,
                   .saved = row.saved});
  }
  ops.push_back({.name = "aten.topk.default",
                 .schema = "(Tensor self, SymInt k, int dim=-1, bool largest=True, bool "
                           "sorted=True) -> (Tensor values, Tensor indices)",
                 .infer = InferTopK,
                 .flops = InputFlops,
                 .rules = {dim, types, {"TOPK_C1", "the dimension has k elements"}},
                 .saved = "index"});
}

}  // namespace graphkiln::ir::ops
