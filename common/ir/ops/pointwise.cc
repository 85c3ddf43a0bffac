// Arithmetic, comparison and choice, element by element: one rule serves all, one line is an
// operator.
#include "common/base/status.h"
#include "common/ir/ops/element_types.h"
#include "common/ir/ops/families.h"
#include "common/ir/type_context.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

// Factors and weights do not take part in the choice of the element type.
bool IsOperand(const SchemaArg& arg) {
  return arg.type == SchemaArg::Type::kScalar && arg.name != "alpha" && arg.name != "value" &&
         arg.name != "weight";
}

absl::Status CheckTruth(TypeContext& c, std::string_view rule, std::string_view arg) {
  return CheckAccept(c, rule, arg, kTruth, c.tensor(arg).dtype);
}

// All tensors broadcast; all operands but a condition have one element type together.
absl::Status InferElements(TypeContext& c, int accept, Result result) {
  Promotion promotion;
  Shape shape;
  std::string_view first;
  for (const SchemaArg& arg : c.op().args) {
    if (!c.Has(arg.name)) continue;
    if (IsOperand(arg)) promotion.Number(c.NumberType(arg.name));
    if (arg.type != SchemaArg::Type::kTensor) continue;
    const TensorType& type = c.tensor(arg.name);
    if (arg.name == "condition") {
      RETURN_IF_ERROR(CheckTruth(c, "WHERE_C1", arg.name));
    } else {
      promotion.Tensor(type);
      if (first.empty()) first = arg.name;
    }
    auto wider = Broadcast(shape, type.shape);
    if (!wider) {
      return c.Fail("BROADCAST_C1", arg.name, "the shapes do not broadcast",
                    TypeText({type.dtype, shape}), TypeText(type));
    }
    shape = *std::move(wider);
  }
  const DataType dtype = promotion.Result();
  RETURN_IF_ERROR(CheckAccept(c, "DTYPE_C1", first, accept, dtype));
  RETURN_IF_ERROR(CheckFactor(c, "alpha", dtype));
  return c.Output({Apply(result, dtype), std::move(shape)});
}

template <int kAccept, Result kResult>
absl::Status Infer(TypeContext& c) {
  return InferElements(c, kAccept, kResult);
}

// Truth values are not subtracted, not even beside numbers.
absl::Status InferSub(TypeContext& c) {
  for (const SchemaArg& arg : c.op().args) {
    const bool tensor = arg.type == SchemaArg::Type::kTensor;
    if (!tensor && !IsOperand(arg)) continue;
    RETURN_IF_ERROR(CheckAccept(c, "DTYPE_C1", arg.name, kNotTruth,
                                tensor ? c.tensor(arg.name).dtype : c.NumberType(arg.name)));
  }
  return InferElements(c, kNotTruth, Result::kSame);
}

absl::Status InferDivMode(TypeContext& c) {
  if (!c.Has("rounding_mode")) return InferElements(c, kAny, Result::kFloat);
  const std::string& mode = c.Text("rounding_mode");
  if (mode != "trunc" && mode != "floor") {
    return c.Fail("DIV_C1", "rounding_mode", "there is no such rounding mode",
                  "null, trunc or floor", mode, "PARAM_RANGE");
  }
  return InferElements(c, kRealNumbers, Result::kSame);
}

absl::Status InferAddcdiv(TypeContext& c) {
  const auto whole = [&c](std::string_view arg) {
    const DataType dtype = c.tensor(arg).dtype;
    return IsIntegral(dtype) || dtype == v1::DATA_TYPE_BOOL;
  };
  if (whole("tensor1") && whole("tensor2")) {
    return c.Fail("ADDCDIV_C1", "tensor2", "two whole numbers are not divided here",
                  "floating-point numbers in tensor1 or tensor2", TypeText(c.tensor("tensor2")),
                  "DTYPE_MISMATCH");
  }
  return InferElements(c, kInexact, Result::kSame);
}

absl::Status InferPower(TypeContext& c) {
  const DataType dtype = c.tensor("self").dtype;
  const int64_t* exponent = c.arg("exponent").As<int64_t>();
  if ((IsIntegral(dtype) || dtype == v1::DATA_TYPE_BOOL) && exponent != nullptr && *exponent < 0) {
    return c.Fail("POW_C1", "exponent", "whole numbers have no negative powers", "0 or more",
                  fmt::format("{}", *exponent), "PARAM_RANGE");
  }
  return InferElements(c, kAny, Result::kSame);
}

absl::Status InferClamp(TypeContext& c) {
  if (!c.Has("min") && !c.Has("max")) {
    return c.Fail("CLAMP_C1", "min", "there is no bound", "min, max or both", "neither",
                  "MISSING_PARAM");
  }
  return InferElements(c, kRealNumbers, Result::kSame);
}

absl::Status InferLerp(TypeContext& c) {
  RETURN_IF_ERROR(c.SameDType("SAME_C1", "end", "self"));
  if (c.op().args[2].type == SchemaArg::Type::kTensor)
    RETURN_IF_ERROR(c.SameDType("SAME_C1", "weight", "self"));
  return InferElements(c, kInexact, Result::kSame);
}

absl::Status InferMaskedFill(TypeContext& c) {
  RETURN_IF_ERROR(CheckTruth(c, "MASK_C1", "mask"));
  if (c.op().args[2].type == SchemaArg::Type::kTensor)
    RETURN_IF_ERROR(c.Rank("MASK_C2", "value", {0}));
  const TensorType& self = c.tensor("self");
  if (c.op().args[2].type != SchemaArg::Type::kTensor)
    RETURN_IF_ERROR(CheckHolds(c, "MASK_C3", "value", self.dtype));
  auto shape = Broadcast(self.shape, c.tensor("mask").shape);
  if (!shape) {
    return c.Fail("BROADCAST_C1", "mask", "the shapes do not broadcast", TypeText(self),
                  TypeText(c.tensor("mask")));
  }
  return c.Output({self.dtype, *std::move(shape)});
}

constexpr std::string_view kUnary = "(Tensor self) -> Tensor";
constexpr std::string_view kBinary = "(Tensor self, Tensor other) -> Tensor";
constexpr std::string_view kNumber = "(Tensor self, Scalar other) -> Tensor";
constexpr std::string_view kScaled = "(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor";
constexpr std::string_view kScaledNumber = "(Tensor self, Scalar other, Scalar alpha=1) -> Tensor";

struct Row {
  std::string_view name, schema;
  absl::Status (*infer)(TypeContext&);
  std::string_view saved = "";
  bool differentiable = true;
  std::string_view passes = "";
};

constexpr auto kKeepReal = Infer<kRealNumbers, Result::kSame>;
constexpr auto kBetween = Infer<kNotComplex, Result::kSame>;
constexpr auto kToFloat = Infer<kAny, Result::kFloat>;
constexpr auto kRealToFloat = Infer<kNotComplex, Result::kFloat>;
constexpr auto kPlain = Infer<kAny, Result::kSame>;
constexpr auto kToTruth = Infer<kAny, Result::kTruth>;
constexpr auto kOrdered = Infer<kNotComplex, Result::kTruth>;
constexpr auto kBits = Infer<kDiscrete, Result::kSame>;

constexpr Row kRows[] = {
    {"aten.abs.default", kUnary, Infer<kNotTruth, Result::kMagnitude>, "self"},
    {"aten.neg.default", kUnary, Infer<kNotTruth, Result::kSame>},
    {"aten.positive.default", kUnary, Infer<kNotTruth, Result::kSame>},
    {"aten.sign.default", kUnary, Infer<kNotComplex, Result::kSame>},
    {"aten.floor.default", kUnary, kKeepReal},
    {"aten.ceil.default", kUnary, kKeepReal},
    {"aten.trunc.default", kUnary, kKeepReal},
    {"aten.round.default", kUnary, kKeepReal},
    {"aten.round.decimals", "(Tensor self, *, int decimals) -> Tensor",
     Infer<kReal, Result::kSame>},
    {"aten.exp.default", kUnary, kToFloat, "result"},
    {"aten.exp2.default", kUnary, kToFloat, "result"},
    {"aten.expm1.default", kUnary, kToFloat, "result"},
    {"aten.log.default", kUnary, kToFloat, "self"},
    {"aten.log1p.default", kUnary, kToFloat, "self"},
    {"aten.log2.default", kUnary, kToFloat, "self"},
    {"aten.log10.default", kUnary, kToFloat, "self"},
    {"aten.sqrt.default", kUnary, kToFloat, "result"},
    {"aten.rsqrt.default", kUnary, kToFloat, "result"},
    {"aten.square.default", kUnary, Infer<kAny, Result::kNumber>, "self"},
    {"aten.reciprocal.default", kUnary, kToFloat, "result"},
    {"aten.sin.default", kUnary, kToFloat, "self"},
    {"aten.cos.default", kUnary, kToFloat, "self"},
    {"aten.tan.default", kUnary, kToFloat, "result"},
    {"aten.asin.default", kUnary, kToFloat, "self"},
    {"aten.acos.default", kUnary, kToFloat, "self"},
    {"aten.atan.default", kUnary, kToFloat, "self"},
    {"aten.sinh.default", kUnary, kToFloat, "self"},
    {"aten.cosh.default", kUnary, kToFloat, "self"},
    {"aten.erf.default", kUnary, kRealToFloat, "self"},
    {"aten.erfc.default", kUnary, kRealToFloat, "self"},
    {"aten.isnan.default", kUnary, kToTruth, "", false},
    {"aten.isinf.default", kUnary, kToTruth, "", false},
    {"aten.nan_to_num.default",
     "(Tensor self, float? nan=None, float? posinf=None, float? neginf=None) -> Tensor", kPlain,
     "self"},
    {"aten.logical_not.default", kUnary, kToTruth, "", false},
    {"aten.logical_and.default", kBinary, kToTruth, "", false},
    {"aten.logical_or.default", kBinary, kToTruth, "", false},
    {"aten.logical_xor.default", kBinary, kToTruth, "", false},
    {"aten.bitwise_not.default", kUnary, kBits, "", false},
    {"aten.bitwise_and.Tensor", kBinary, kBits, "", false},
    {"aten.bitwise_or.Tensor", kBinary, kBits, "", false},
    {"aten.bitwise_xor.Tensor", kBinary, kBits, "", false},
    {"aten.add.Tensor", kScaled, kPlain, "", true, "self other"},
    {"aten.add.Scalar", kScaledNumber, kPlain, "", true, "self"},
    {"aten.sub.Tensor", kScaled, InferSub, "", true, "self"},
    {"aten.sub.Scalar", kScaledNumber, InferSub, "", true, "self"},
    {"aten.rsub.Tensor", kScaled, InferSub, "", true, "other"},
    {"aten.rsub.Scalar", kScaledNumber, InferSub},
    {"aten.mul.Tensor", kBinary, kPlain, "self other"},
    {"aten.mul.Scalar", kNumber, kPlain},
    {"aten.div.Tensor", kBinary, kToFloat, "self other"},
    {"aten.div.Scalar", kNumber, kToFloat},
    {"aten.div.Tensor_mode", "(Tensor self, Tensor other, *, str? rounding_mode) -> Tensor",
     InferDivMode, "self other"},
    {"aten.div.Scalar_mode", "(Tensor self, Scalar other, *, str? rounding_mode) -> Tensor",
     InferDivMode},
    {"aten.floor_divide.default", kBinary, kKeepReal, "", false},
    {"aten.floor_divide.Scalar", kNumber, kKeepReal, "", false},
    {"aten.remainder.Tensor", kBinary, kKeepReal, "self other"},
    {"aten.remainder.Scalar", kNumber, kKeepReal},
    {"aten.fmod.Tensor", kBinary, kKeepReal, "self other"},
    {"aten.fmod.Scalar", kNumber, kKeepReal},
    {"aten.pow.Tensor_Tensor", "(Tensor self, Tensor exponent) -> Tensor",
     Infer<kNotTruth, Result::kSame>, "self exponent result"},
    {"aten.pow.Tensor_Scalar", "(Tensor self, Scalar exponent) -> Tensor", InferPower, "self"},
    {"aten.pow.Scalar", "(Scalar self, Tensor exponent) -> Tensor", kPlain, "exponent result"},
    {"aten.maximum.default", kBinary, Infer<kNotComplex, Result::kSame>, "self other"},
    {"aten.minimum.default", kBinary, Infer<kNotComplex, Result::kSame>, "self other"},
    {"aten.atan2.default", kBinary, kRealToFloat, "self other"},
    {"aten.clamp.default", "(Tensor self, Scalar? min=None, Scalar? max=None) -> Tensor",
     InferClamp, "self"},
    {"aten.clamp.Tensor", "(Tensor self, Tensor? min=None, Tensor? max=None) -> Tensor", InferClamp,
     "self min max"},
    {"aten.clamp_min.default", "(Tensor self, Scalar min) -> Tensor", kKeepReal, "self"},
    {"aten.clamp_max.default", "(Tensor self, Scalar max) -> Tensor", kKeepReal, "self"},
    {"aten.clamp_min.Tensor", "(Tensor self, Tensor min) -> Tensor", kBetween, "self min"},
    {"aten.clamp_max.Tensor", "(Tensor self, Tensor max) -> Tensor", kBetween, "self max"},
    {"aten.lerp.Scalar", "(Tensor self, Tensor end, Scalar weight) -> Tensor", InferLerp},
    {"aten.lerp.Tensor", "(Tensor self, Tensor end, Tensor weight) -> Tensor", InferLerp,
     "self end weight"},
    {"aten.addcmul.default",
     "(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor",
     Infer<kNotTruth, Result::kSame>, "tensor1 tensor2"},
    {"aten.addcdiv.default",
     "(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor", InferAddcdiv,
     "tensor1 tensor2"},
    {"aten.eq.Tensor", kBinary, kToTruth, "", false},
    {"aten.eq.Scalar", kNumber, kToTruth, "", false},
    {"aten.ne.Tensor", kBinary, kToTruth, "", false},
    {"aten.ne.Scalar", kNumber, kToTruth, "", false},
    {"aten.lt.Tensor", kBinary, kOrdered, "", false},
    {"aten.lt.Scalar", kNumber, kOrdered, "", false},
    {"aten.le.Tensor", kBinary, kOrdered, "", false},
    {"aten.le.Scalar", kNumber, kOrdered, "", false},
    {"aten.gt.Tensor", kBinary, kOrdered, "", false},
    {"aten.gt.Scalar", kNumber, kOrdered, "", false},
    {"aten.ge.Tensor", kBinary, kOrdered, "", false},
    {"aten.ge.Scalar", kNumber, kOrdered, "", false},
    {"aten.where.self", "(Tensor condition, Tensor self, Tensor other) -> Tensor", kPlain,
     "condition"},
    {"aten.where.ScalarSelf", "(Tensor condition, Scalar self, Tensor other) -> Tensor", kPlain,
     "condition"},
    {"aten.where.ScalarOther", "(Tensor condition, Tensor self, Scalar other) -> Tensor", kPlain,
     "condition"},
    {"aten.where.Scalar", "(Tensor condition, Scalar self, Scalar other) -> Tensor", kPlain, "",
     false},
    {"aten.masked_fill.Scalar", "(Tensor self, Tensor mask, Scalar value) -> Tensor",
     InferMaskedFill, "mask"},
    {"aten.masked_fill.Tensor", "(Tensor self, Tensor mask, Tensor value) -> Tensor",
     InferMaskedFill, "mask"},
};

// The rules that the row's inference can report.
std::vector<Rule> RulesOf(const Row& row) {
  std::vector<Rule> rules;
  const auto is = [&](auto infer) { return row.infer == infer; };
  const size_t first = row.schema.find("Tensor");
  if (row.schema.find("Tensor", first + 1) < row.schema.find("->"))
    rules.push_back({"BROADCAST_C1", "the shapes broadcast"});
  if (!is(kPlain) && !is(InferPower) && !is(kToFloat) && !is(kToTruth) && !is(InferMaskedFill))
    rules.push_back({"DTYPE_C1", "the operator is defined for the element types"});
  if (row.schema == kScaled || row.schema == kScaledNumber) rules.push_back(FactorRule());
  if (is(InferDivMode)) rules.push_back({"DIV_C1", "rounding_mode is null, trunc or floor"});
  if (is(InferAddcdiv))
    rules.push_back({"ADDCDIV_C1", "tensor1 and tensor2 are not both whole numbers"});
  if (is(InferPower)) rules.push_back({"POW_C1", "whole numbers have exponents of 0 or more"});
  if (is(InferClamp)) rules.push_back({"CLAMP_C1", "min or max is given"});
  if (is(InferLerp)) rules.push_back({"SAME_C1", "all tensors have one element type"});
  if (row.schema.find("condition") != std::string_view::npos)
    rules.push_back({"WHERE_C1", "condition holds truth values"});
  if (!is(InferMaskedFill)) return rules;
  rules.push_back({"MASK_C1", "mask holds truth values"});
  if (row.schema.find("Tensor value") != std::string_view::npos)
    rules.push_back({"MASK_C2", "value has rank 0"});
  else
    rules.push_back({"MASK_C3", "self's element type holds the value"});
  return rules;
}

absl::Status InferInPlaceScalar(TypeContext& c) { return c.OutputLike("self"); }

absl::Status InferItem(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  if (!self.Numel().IsConst(1)) {
    return c.Fail("ITEM_C1", "self", "only one element is a number", "one element", TypeText(self));
  }
  c.AddScalarOutput(IsFloating(self.dtype)             ? ValueKind::kFloat
                    : self.dtype == v1::DATA_TYPE_BOOL ? ValueKind::kBool
                                                       : ValueKind::kInt);
  return absl::OkStatus();
}

}  // namespace

void AddPointwise(std::vector<OpDef>& ops) {
  for (const Row& row : kRows) {
    ops.push_back({.name = row.name,
                   .schema = row.schema,
                   .infer = row.infer,
                   .rules = RulesOf(row),
                   .differentiable = row.differentiable,
                   .passes = row.passes,
                   .saved = row.saved});
  }
  // Counts of batches: the run-time flag is added, so that evaluation leaves them as they are.
  ops.push_back({.name = "aten.add_.Scalar",
                 .schema = "(Tensor(a!) self, Scalar other, Scalar alpha=1) -> Tensor(a!)",
                 .infer = InferInPlaceScalar,
                 .differentiable = false,
                 .view = true});
  ops.push_back({.name = "aten.item.default",
                 .schema = "(Tensor self) -> Scalar",
                 .infer = InferItem,
                 .flops = NoFlops,
                 .rules = {{"ITEM_C1", "self has exactly one element"}},
                 .differentiable = false});
}

}  // namespace graphkiln::ir::ops
