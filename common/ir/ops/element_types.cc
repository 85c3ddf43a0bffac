#include "common/ir/ops/element_types.h"

#include <cmath>
#include <limits>

#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

DataType PromoteKnown(DataType a, DataType b) {
  if (a == v1::DATA_TYPE_UNSPECIFIED) return b;
  return b == v1::DATA_TYPE_UNSPECIFIED ? a : Promote(a, b);
}

// The lower priority raises the category only.
DataType Combine(DataType higher, DataType lower) {
  if (higher == v1::DATA_TYPE_UNSPECIFIED) return lower;
  if (IsComplex(higher)) return higher;
  if (IsFloating(higher)) {
    if (!IsComplex(lower)) return higher;
    return higher == v1::DATA_TYPE_FLOAT64 ? v1::DATA_TYPE_COMPLEX128 : v1::DATA_TYPE_COMPLEX64;
  }
  if (higher == v1::DATA_TYPE_BOOL || IsFloating(lower) || IsComplex(lower))
    return PromoteKnown(higher, lower);
  return higher;
}

}  // namespace

bool IsComplex(DataType dtype) {
  return dtype == v1::DATA_TYPE_COMPLEX64 || dtype == v1::DATA_TYPE_COMPLEX128;
}

bool Accepts(int accept, DataType dtype) {
  const int kind = dtype == v1::DATA_TYPE_BOOL ? kTruth
                   : IsIntegral(dtype)         ? kWhole
                   : IsFloating(dtype)         ? kReal
                                               : kComplex;
  return (accept & kind) != 0;
}

std::string AcceptText(int accept) {
  switch (accept) {
    case kNotComplex:
      return "real numbers or truth values";
    case kNotTruth:
      return "numbers";
    case kRealNumbers:
      return "real numbers";
    case kReal:
    case kInexact:
      return "a floating-point tensor";
    case kDiscrete:
      return "whole numbers or truth values";
    case kTruth:
      return "truth values";
    case kWhole:
      return "whole numbers";
    default:
      return "any tensor";
  }
}

DataType Apply(Result result, DataType dtype) {
  const bool discrete = Accepts(kDiscrete, dtype);
  switch (result) {
    case Result::kSame:
      return dtype;
    case Result::kFloat:
      return discrete ? v1::DATA_TYPE_FLOAT32 : dtype;
    case Result::kTruth:
      return v1::DATA_TYPE_BOOL;
    case Result::kMagnitude:
      if (!IsComplex(dtype)) return dtype;
      return dtype == v1::DATA_TYPE_COMPLEX64 ? v1::DATA_TYPE_FLOAT32 : v1::DATA_TYPE_FLOAT64;
    case Result::kNumber:
      return dtype == v1::DATA_TYPE_BOOL ? v1::DATA_TYPE_INT64 : dtype;
    case Result::kSum:
      return discrete ? v1::DATA_TYPE_INT64 : dtype;
    case Result::kIndex:
      return v1::DATA_TYPE_INT64;
  }
  return dtype;
}

absl::Status CheckAccept(TypeContext& c, std::string_view rule, std::string_view arg, int accept,
                         DataType dtype) {
  if (Accepts(accept, dtype)) return absl::OkStatus();
  const std::string found =
      c.arg(arg).As<ValueId>() != nullptr ? TypeText(c.tensor(arg)) : std::string(DTypeName(dtype));
  return c.Fail(rule, arg, fmt::format("the operator is not defined for {}", DTypeName(dtype)),
                AcceptText(accept), found, "DTYPE_MISMATCH");
}

absl::Status CheckHolds(TypeContext& c, std::string_view rule, std::string_view arg,
                        DataType dtype) {
  if (!c.Has(arg) || dtype == v1::DATA_TYPE_BOOL || IsComplex(dtype)) return absl::OkStatus();
  const double number = c.Float(arg);
  double least = 0;
  double most = 0;
  if (IsFloating(dtype)) {
    if (!std::isfinite(number)) return absl::OkStatus();
    most = dtype == v1::DATA_TYPE_FLOAT16    ? 65504.0
           : dtype == v1::DATA_TYPE_BFLOAT16 ? 0x1.FEp127
           : dtype == v1::DATA_TYPE_FLOAT32  ? std::numeric_limits<float>::max()
                                             : std::numeric_limits<double>::max();
    least = -most;
  } else {
    const bool wraps = dtype == v1::DATA_TYPE_UINT8;
    most = std::ldexp(1.0, static_cast<int>(DTypeBytes(dtype)) * 8 - (wraps ? 0 : 1)) - 1;
    const bool whole = !IsFloating(c.NumberType(arg));
    least = !wraps ? -most - 1 : whole ? -most : 0;
  }
  if (least <= number && number <= most) return absl::OkStatus();
  return c.Fail(rule, arg, fmt::format("{} cannot hold the number", DTypeName(dtype)),
                fmt::format("{} to {}", least, most), fmt::format("{}", number), "PARAM_RANGE");
}

void Promotion::Tensor(const TensorType& type) {
  DataType& at = type.rank() > 0 ? tensors_ : scalars_;
  at = PromoteKnown(at, type.dtype);
}

void Promotion::Number(DataType dtype) { numbers_ = PromoteKnown(numbers_, dtype); }

DataType Promotion::Result() const { return Combine(tensors_, Combine(scalars_, numbers_)); }

absl::Status CheckFactor(TypeContext& c, std::string_view arg, DataType result) {
  if (!c.Has(arg)) return absl::OkStatus();
  const DataType factor = c.NumberType(arg);
  const bool fraction = IsFloating(factor) && Accepts(kDiscrete, result);
  const bool truth = factor == v1::DATA_TYPE_BOOL && result != v1::DATA_TYPE_BOOL;
  if (!fraction && !truth) return absl::OkStatus();
  return c.Fail("FACTOR_C1", arg, fmt::format("{} does not fit {}", arg, DTypeName(result)),
                fraction ? "a whole number" : "a number", std::string(DTypeName(factor)),
                "DTYPE_MISMATCH");
}

}  // namespace graphkiln::ir::ops
