// Reductions: one rule, one line for each operator.
#include <algorithm>
#include <cmath>

#include "common/base/status.h"
#include "common/ir/ops/element_types.h"
#include "common/ir/ops/families.h"
#include "common/ir/type_context.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

// What an empty list of dimensions means: all of them, none, or nothing legal.
enum class Empty { kAll, kNone, kIllegal };

// The shape without the reduced dimensions.
absl::StatusOr<Shape> ReducedShape(TypeContext& c, Empty empty, bool needs_elements) {
  const TensorType& self = c.tensor("self");
  // A scalar has one dimension to name, too.
  std::vector<bool> reduced(static_cast<size_t>(std::max(self.rank(), 1)), false);
  const std::vector<int64_t> dims = c.Ints("dim");
  const bool given = c.Has("dim");
  if (dims.empty() && given && empty == Empty::kIllegal) {
    return c.Fail("REDUCE_C4", "dim", "no dimension is named", "at least one dimension", "[]",
                  "PARAM_RANGE");
  }
  if (dims.empty() && !(given && empty == Empty::kNone))
    std::fill(reduced.begin(), reduced.end(), true);
  for (const int64_t dim : dims) {
    ASSIGN_OR_RETURN(const int d, c.WrapDim("REDUCE_C1", "dim", dim, self.rank()));
    if (reduced[static_cast<size_t>(d)]) {
      return c.Fail("REDUCE_C2", "dim", "each dimension is reduced once", "distinct dimensions",
                    fmt::format("{} twice", dim), "PARAM_RANGE");
    }
    reduced[static_cast<size_t>(d)] = true;
  }
  Shape shape;
  for (int i = 0; i < self.rank(); ++i) {
    if (!reduced[static_cast<size_t>(i)]) {
      shape.push_back(self.dim(i));
      continue;
    }
    if (needs_elements && !c.AtLeast(self.dim(i), 1)) {
      return c.Fail("REDUCE_C5", "self", "nothing has no extreme element",
                    fmt::format("a size of 1 or more in dimension {}", i), TypeText(self));
    }
    if (c.Flag("keepdim")) shape.emplace_back(1);
  }
  return shape;
}

template <int kAccept, Result kResult, Empty kEmpty = Empty::kAll, bool kNeedsElements = false>
absl::Status Infer(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  const auto wanted = c.DType("dtype");
  RETURN_IF_ERROR(CheckAccept(c, "REDUCE_C3", "self", kAccept, self.dtype));
  ASSIGN_OR_RETURN(Shape shape, ReducedShape(c, kEmpty, kNeedsElements));
  const DataType dtype = wanted ? *wanted : Apply(kResult, self.dtype);
  RETURN_IF_ERROR(c.Output({dtype, shape}));
  if (c.op().num_returns == 1) return absl::OkStatus();
  // The second result: where the extreme elements stand, or the mean beside the variance.
  const bool index = c.op().name != "aten.var_mean.correction";
  return c.Output({index ? v1::DATA_TYPE_INT64 : self.dtype, std::move(shape)});
}

// A mean is computed in the wanted type.
absl::Status InferMean(TypeContext& c) {
  const DataType dtype = c.DType("dtype").value_or(c.tensor("self").dtype);
  RETURN_IF_ERROR(CheckAccept(c, "REDUCE_C3", "self", kInexact, dtype));
  return Infer<kAny, Result::kSame>(c);
}

// The wanted type holds every number of self's.
absl::Status InferVectorNorm(TypeContext& c) {
  if (const auto wanted = c.DType("dtype")) {
    const DataType self = c.tensor("self").dtype;
    if (!Accepts(kInexact, *wanted) || IsComplex(*wanted) != IsComplex(self) ||
        Promote(self, *wanted) != *wanted) {
      return c.Fail("REDUCE_C6", "dtype", "the type must hold every number of self's",
                    fmt::format("{} or wider", DTypeName(self)), std::string(DTypeName(*wanted)),
                    "DTYPE_MISMATCH");
    }
  }
  // These are extremes, and nothing has none.
  const double ord = c.Float("ord");
  return ord < 0 || std::isinf(ord) ? Infer<kInexact, Result::kMagnitude, Empty::kAll, true>(c)
                                    : Infer<kInexact, Result::kMagnitude>(c);
}

absl::Status InferNorm(TypeContext& c) {
  const double p = c.Has("p") ? c.Float("p") : 2;
  return p < 0 || std::isinf(p) ? Infer<kInexact, Result::kMagnitude, Empty::kAll, true>(c)
                                : Infer<kInexact, Result::kMagnitude>(c);
}

// PyTorch's oldest truth values were bytes, and those stay bytes.
absl::Status InferLogical(TypeContext& c) {
  return c.tensor("self").dtype == v1::DATA_TYPE_UINT8
             ? Infer<kAny, Result::kSame, Empty::kNone>(c)
             : Infer<kAny, Result::kTruth, Empty::kNone>(c);
}

struct Row {
  std::string_view name, schema;
  absl::Status (*infer)(TypeContext&);
  std::string_view saved = "";
  bool differentiable = true;
};

constexpr auto kSum = Infer<kAny, Result::kSum>;
constexpr auto kExtreme = Infer<kNotComplex, Result::kSame, Empty::kAll, true>;
constexpr auto kWhere = Infer<kRealNumbers, Result::kIndex, Empty::kAll, true>;
constexpr auto kSpread = Infer<kInexact, Result::kMagnitude>;
constexpr auto kLogSumExp = Infer<kAny, Result::kFloat, Empty::kIllegal>;

constexpr std::string_view kAll = "(Tensor self) -> Tensor";
constexpr std::string_view kAllTyped = "(Tensor self, *, ScalarType? dtype=None) -> Tensor";
constexpr std::string_view kDimsTyped =
    "(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor";
constexpr std::string_view kOne = "(Tensor self, int dim, bool keepdim=False) -> Tensor";
constexpr std::string_view kPair =
    "(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)";
constexpr std::string_view kDims = "(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor";
constexpr std::string_view kSomeDims =
    "(Tensor self, int[]? dim=None, bool keepdim=False) -> Tensor";
constexpr std::string_view kArg = "(Tensor self, int? dim=None, bool keepdim=False) -> Tensor";
constexpr std::string_view kUnbiased = "(Tensor self, bool unbiased=True) -> Tensor";
constexpr std::string_view kUnbiasedDims =
    "(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) -> Tensor";
constexpr std::string_view kCorrection =
    "(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> Tensor";

constexpr Row kRows[] = {
    {"aten.sum.default", kAllTyped, kSum},
    {"aten.sum.dim_IntList", kDimsTyped, kSum},
    {"aten.mean.default", kAllTyped, InferMean},
    {"aten.mean.dim", kDimsTyped, InferMean},
    {"aten.prod.default", kAllTyped, kSum, "self result"},
    {"aten.prod.dim_int",
     "(Tensor self, int dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor", kSum,
     "self result"},
    {"aten.max.default", kAll, kExtreme, "self result"},
    {"aten.max.dim", kPair, kExtreme, "index"},
    {"aten.min.default", kAll, kExtreme, "self result"},
    {"aten.min.dim", kPair, kExtreme, "index"},
    {"aten.amax.default", kDims, kExtreme, "self result"},
    {"aten.amin.default", kDims, kExtreme, "self result"},
    {"aten.argmax.default", kArg, kWhere, "", false},
    {"aten.argmin.default", kArg, kWhere, "", false},
    {"aten.var.default", kUnbiased, kSpread, "self"},
    {"aten.var.dim", kUnbiasedDims, kSpread, "self"},
    {"aten.var.correction", kCorrection, kSpread, "self"},
    {"aten.std.default", kUnbiased, kSpread, "self result"},
    {"aten.std.dim", kUnbiasedDims, kSpread, "self result"},
    {"aten.std.correction", kCorrection, kSpread, "self result"},
    {"aten.var_mean.correction",
     "(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> (Tensor, "
     "Tensor)",
     kSpread, "self"},
    {"aten.norm.Scalar", "(Tensor self, Scalar p=2) -> Tensor", InferNorm, "self result"},
    {"aten.norm.ScalarOpt_dim",
     "(Tensor self, Scalar? p, int[1] dim, bool keepdim=False) -> Tensor", InferNorm,
     "self result"},
    {"aten.linalg_vector_norm.default",
     "(Tensor self, Scalar ord=2, int[1]? dim=None, bool keepdim=False, *, ScalarType? "
     "dtype=None) -> Tensor",
     InferVectorNorm, "self result"},
    {"aten.logsumexp.default", "(Tensor self, int[1] dim, bool keepdim=False) -> Tensor",
     kLogSumExp, "self result"},
    {"aten.all.default", kAll, InferLogical, "", false},
    {"aten.all.dim", kOne, InferLogical, "", false},
    {"aten.all.dims", kSomeDims, InferLogical, "", false},
    {"aten.any.default", kAll, InferLogical, "", false},
    {"aten.any.dim", kOne, InferLogical, "", false},
    {"aten.any.dims", kSomeDims, InferLogical, "", false},
};

std::vector<Rule> RulesOf(const Row& row) {
  std::vector<Rule> rules;
  if (row.schema.find(" dim") != std::string_view::npos) {
    rules.push_back({"REDUCE_C1", "the reduced dimensions exist in self"});
    if (row.schema.find("[") != std::string_view::npos)
      rules.push_back({"REDUCE_C2", "each dimension is reduced once"});
  }
  if (row.infer != kSum && row.infer != InferLogical && row.infer != kLogSumExp)
    rules.push_back({"REDUCE_C3", "the reduction is defined for the element type of self"});
  if (row.infer == InferVectorNorm)
    rules.push_back({"REDUCE_C6", "dtype holds every number of self's type"});
  if (row.infer == kLogSumExp) rules.push_back({"REDUCE_C4", "dim names at least one dimension"});
  if (row.infer == kExtreme || row.infer == kWhere || row.infer == InferVectorNorm ||
      row.infer == InferNorm)
    rules.push_back({"REDUCE_C5", "the reduced dimensions are not empty"});
  return rules;
}

}  // namespace

void AddReduce(std::vector<OpDef>& ops) {
  for (const Row& row : kRows) {
    ops.push_back({.name = row.name,
                   .schema = row.schema,
                   .infer = row.infer,
                   .flops = InputFlops,
                   .rules = RulesOf(row),
                   .differentiable = row.differentiable,
                   .saved = row.saved});
  }
}

}  // namespace graphkiln::ir::ops
