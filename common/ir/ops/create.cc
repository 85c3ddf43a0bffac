// Tensors out of nothing, and copies: constructors, casts, triangles, sizes.
#include <algorithm>
#include <cmath>
#include <deque>
#include <optional>

#include "common/base/status.h"
#include "common/ir/ops/element_types.h"
#include "common/ir/ops/families.h"
#include "common/ir/type_context.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

absl::Status InferFilled(TypeContext& c) {
  // The element type of a fill value is its own where none is named.
  const DataType standard =
      c.Has("fill_value") ? c.NumberType("fill_value") : v1::DATA_TYPE_FLOAT32;
  const DataType dtype = c.DType("dtype").value_or(standard);
  RETURN_IF_ERROR(CheckHolds(c, "FILL_C1", "fill_value", dtype));
  return c.Output({dtype, c.Dims("size")});
}

// Like `self`, in another element type where one is named, with another size where one is named.
absl::Status InferLike(TypeContext& c) {
  TensorType out = c.tensor("self");
  if (const auto dtype = c.DType("dtype")) out.dtype = *dtype;
  if (c.Has("size")) out.shape = c.Dims("size");
  RETURN_IF_ERROR(CheckHolds(c, "FILL_C1", "fill_value", out.dtype));
  return c.Output(std::move(out));
}

// ceil((end - start) / step), where one of them may be an open size.
std::optional<Dim> Count(TypeContext& c) {
  const bool stepped = c.Has("step");
  const auto start = c.Has("start") ? c.Size("start") : std::optional<Dim>(Dim(0));
  const auto end = c.Size("end");
  const auto step = stepped ? c.Size("step") : std::optional<Dim>(Dim(1));
  if (start && end && step && (!start->IsConst() || !end->IsConst())) {
    if (!step->IsConst() || step->value() < 1) return std::nullopt;
    return (*end - *start).CeilDiv(step->value());
  }
  const double first = c.Has("start") ? c.Float("start") : 0;
  const double width = stepped ? c.Float("step") : 1;
  const double count = std::ceil((c.Float("end") - first) / width);
  if (width == 0 || (c.Float("end") - first) * width < 0 || !std::isfinite(count) || count < 0 ||
      count > 1e18)
    return std::nullopt;
  return Dim(static_cast<int64_t>(count));
}

absl::Status InferArange(TypeContext& c) {
  const auto count = Count(c);
  if (!count) {
    return c.Fail("ARANGE_C1", c.Has("step") ? "step" : "end", "the steps do not lead to the end",
                  "a step towards end", "", "PARAM_RANGE");
  }
  bool whole = true;
  for (const char* arg : {"start", "end", "step"})
    whole = whole && (!c.Has(arg) || !IsFloating(c.NumberType(arg)));
  const DataType standard = whole ? v1::DATA_TYPE_INT64 : v1::DATA_TYPE_FLOAT32;
  const DataType dtype = c.DType("dtype").value_or(standard);
  // With whole numbers the steps would be cut to whole ones, down to 0.
  if (dtype == v1::DATA_TYPE_BOOL || (IsIntegral(dtype) && !whole)) {
    return c.Fail("ARANGE_C2", "dtype", "the type does not hold the steps", "a floating-point type",
                  std::string(DTypeName(dtype)), "DTYPE_MISMATCH");
  }
  return c.Output({dtype, {*count}});
}

absl::Status InferEye(TypeContext& c) {
  const Dim n = c.Size("n").value_or(Dim(0));
  return c.Output({c.DType("dtype").value_or(v1::DATA_TYPE_FLOAT32),
                   {n, c.Has("m") ? c.Size("m").value_or(n) : n}});
}

absl::Status InferScalarTensor(TypeContext& c) {
  const DataType dtype = c.DType("dtype").value_or(v1::DATA_TYPE_FLOAT32);
  RETURN_IF_ERROR(CheckHolds(c, "FILL_C1", "s", dtype));
  return c.Output({dtype, {}});
}

absl::Status InferTriangle(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  if (self.rank() >= 2) return c.OutputLike("self");
  return c.Fail("TRIANGLE_C1", "self", "a triangle has two dimensions", "rank 2 or more",
                TypeText(self), "RANK_MISMATCH");
}

absl::Status InferSymSize(TypeContext& c) {
  RETURN_IF_ERROR(c.WrapDim("SIZE_C1", "dim", c.Int("dim"), c.tensor("self").rank()).status());
  c.AddScalarOutput(ValueKind::kInt);
  return absl::OkStatus();
}

constexpr std::string_view kPlacement =
    "*, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None";

struct Row {
  std::string_view name, schema;
  absl::Status (*infer)(TypeContext&);
  bool differentiable = false;
  bool view = false;
};

// `%` stands for kPlacement.
constexpr Row kRows[] = {
    {"aten.zeros.default", "(SymInt[] size, %) -> Tensor", InferFilled},
    {"aten.ones.default", "(SymInt[] size, %) -> Tensor", InferFilled},
    {"aten.full.default", "(SymInt[] size, Scalar fill_value, %) -> Tensor", InferFilled},
    {"aten.zeros_like.default", "(Tensor self, %, MemoryFormat? memory_format=None) -> Tensor",
     InferLike},
    {"aten.ones_like.default", "(Tensor self, %, MemoryFormat? memory_format=None) -> Tensor",
     InferLike},
    {"aten.full_like.default",
     "(Tensor self, Scalar fill_value, %, MemoryFormat? memory_format=None) -> Tensor", InferLike},
    {"aten.new_zeros.default", "(Tensor self, SymInt[] size, %) -> Tensor", InferLike},
    {"aten.new_ones.default", "(Tensor self, SymInt[] size, %) -> Tensor", InferLike},
    {"aten.new_full.default", "(Tensor self, SymInt[] size, Scalar fill_value, %) -> Tensor",
     InferLike},
    {"aten.arange.default", "(Scalar end, %) -> Tensor", InferArange},
    {"aten.arange.start", "(Scalar start, Scalar end, %) -> Tensor", InferArange},
    {"aten.arange.start_step", "(Scalar start, Scalar end, Scalar step=1, %) -> Tensor",
     InferArange},
    {"aten.eye.default", "(SymInt n, %) -> Tensor", InferEye},
    {"aten.eye.m", "(SymInt n, SymInt m, %) -> Tensor", InferEye},
    {"aten.scalar_tensor.default", "(Scalar s, %) -> Tensor", InferScalarTensor},
    {"aten.tril.default", "(Tensor self, SymInt diagonal=0) -> Tensor", InferTriangle, true},
    {"aten.triu.default", "(Tensor self, SymInt diagonal=0) -> Tensor", InferTriangle, true},
    {"aten.clone.default", "(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor",
     InferLike, true},
    {"aten.contiguous.default", "(Tensor self, *, MemoryFormat memory_format=0) -> Tensor",
     InferLike, true},
    {"aten.lift_fresh_copy.default", "(Tensor self) -> Tensor", InferLike, true},
    {"aten.detach.default", "(Tensor self) -> Tensor", InferLike, false, true},
    {"aten.to.dtype",
     "(Tensor self, ScalarType dtype, bool non_blocking=False, bool copy=False, MemoryFormat? "
     "memory_format=None) -> Tensor",
     InferLike, true},
    {"aten._to_copy.default",
     "(Tensor self, %, bool non_blocking=False, MemoryFormat? memory_format=None) -> Tensor",
     InferLike, true},
};

// The views that the table's entries hold; like the table, the texts stay to the end.
std::string_view Schema(std::string_view text) {
  static auto* const kWritten = new std::deque<std::string>();
  const size_t at = text.find('%');
  if (at == std::string_view::npos) return text;
  return kWritten->emplace_back(
      fmt::format("{}{}{}", text.substr(0, at), kPlacement, text.substr(at + 1)));
}

}  // namespace

void AddCreate(std::vector<OpDef>& ops) {
  for (const Row& row : kRows) {
    std::vector<Rule> rules;
    if (row.infer == InferArange) {
      rules.push_back({"ARANGE_C1", "step leads from start to end"});
      rules.push_back({"ARANGE_C2", "dtype holds the steps"});
    }
    if (row.schema.find("fill_value") != std::string_view::npos || row.infer == InferScalarTensor)
      rules.push_back({"FILL_C1", "the element type holds the number"});
    if (row.infer == InferTriangle) rules.push_back({"TRIANGLE_C1", "self has rank 2 or more"});
    ops.push_back({.name = row.name,
                   .schema = Schema(row.schema),
                   .infer = row.infer,
                   .flops = NoFlops,
                   .rules = std::move(rules),
                   .differentiable = row.differentiable,
                   .view = row.view});
  }
  const auto convert = std::find_if(ops.begin(), ops.end(),
                                    [](const OpDef& op) { return op.name == "aten.to.dtype"; });
  convert->hands_on = [](const TypeContext& c, bool) {
    return !c.Flag("copy") && c.output(0).dtype == c.tensor("self").dtype;
  };
  ops.push_back({.name = "aten.sym_size.int",
                 .schema = "(Tensor self, int dim) -> SymInt",
                 .infer = InferSymSize,
                 .flops = NoFlops,
                 .rules = {{"SIZE_C1", "dim exists in self"}},
                 .differentiable = false});
}

}  // namespace graphkiln::ir::ops
