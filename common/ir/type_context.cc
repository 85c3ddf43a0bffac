#include "common/ir/type_context.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "common/base/whole.h"
#include "fmt/format.h"

namespace graphkiln::ir {
namespace {

// No tensor of this many elements fits any machine; larger ones are mistakes and would overflow
// later arithmetic.
constexpr int64_t kMaxNumel = int64_t{1} << 50;
constexpr int kMaxRank = 64;

}  // namespace

const Argument& TypeContext::arg(std::string_view name) const {
  static const Argument* const kNone = new Argument();
  const int i = op_.ArgIndex(name);
  return i >= 0 && static_cast<size_t>(i) < args_.size() ? args_[static_cast<size_t>(i)] : *kNone;
}

const TensorType& TypeContext::tensor(std::string_view name) const {
  static const TensorType* const kEmpty = new TensorType();
  const ValueId* id = arg(name).As<ValueId>();
  return id != nullptr ? values_[static_cast<size_t>(id->index)].type : *kEmpty;
}

std::vector<const TensorType*> TypeContext::tensors(std::string_view name) const {
  std::vector<const TensorType*> types;
  VisitValues(arg(name), [&](const ValueId& id) {
    types.push_back(&values_[static_cast<size_t>(id.index)].type);
  });
  return types;
}

int64_t TypeContext::Int(std::string_view name) const {
  const Argument& a = arg(name);
  if (const int64_t* v = a.As<int64_t>()) return *v;
  if (const double* v = a.As<double>()) return SaturatedInt64(*v);
  return 0;
}

double TypeContext::Float(std::string_view name) const {
  const Argument& a = arg(name);
  if (const double* v = a.As<double>()) return *v;
  if (const int64_t* v = a.As<int64_t>()) return static_cast<double>(*v);
  return 0;
}

bool TypeContext::Flag(std::string_view name) const {
  const bool* v = arg(name).As<bool>();
  return v != nullptr && *v;
}

const std::string& TypeContext::Text(std::string_view name) const {
  static const std::string* const kEmpty = new std::string();
  const std::string* v = arg(name).As<std::string>();
  return v != nullptr ? *v : *kEmpty;
}

std::vector<int64_t> TypeContext::Ints(std::string_view name, int count) const {
  std::vector<int64_t> out;
  const Argument& a = arg(name);
  if (const int64_t* v = a.As<int64_t>()) out.push_back(*v);
  if (const auto* list = a.As<Argument::List>()) {
    for (const Argument& item : *list) {
      const int64_t* v = item.As<int64_t>();
      out.push_back(v != nullptr ? *v : 0);
    }
  }
  if (out.size() == 1 && count > 1) out.resize(static_cast<size_t>(count), out[0]);
  return out;
}

std::vector<double> TypeContext::Floats(std::string_view name) const {
  std::vector<double> out;
  if (const auto* list = arg(name).As<Argument::List>()) {
    for (const Argument& item : *list) {
      const double* v = item.As<double>();
      const int64_t* n = item.As<int64_t>();
      out.push_back(v != nullptr ? *v : n != nullptr ? static_cast<double>(*n) : 0);
    }
  }
  return out;
}

Shape TypeContext::Dims(std::string_view name) const {
  Shape out;
  if (const int64_t* v = arg(name).As<int64_t>()) out.emplace_back(*v);
  if (const Dim* d = arg(name).As<Dim>()) out.push_back(*d);
  if (const auto* list = arg(name).As<Argument::List>()) {
    for (const Argument& item : *list) {
      if (const int64_t* v = item.As<int64_t>()) out.emplace_back(*v);
      if (const Dim* d = item.As<Dim>()) out.push_back(*d);
    }
  }
  return out;
}

std::optional<DataType> TypeContext::DType(std::string_view name) const {
  const DataType* v = arg(name).As<DataType>();
  return v != nullptr ? std::optional<DataType>(*v) : std::nullopt;
}

std::optional<Dim> TypeContext::Size(std::string_view name) const {
  const Argument& a = arg(name);
  if (const int64_t* v = a.As<int64_t>()) return Dim(*v);
  if (const Dim* d = a.As<Dim>()) return *d;
  return std::nullopt;
}

DataType TypeContext::NumberType(std::string_view name) const {
  const Argument& a = arg(name);
  if (a.As<bool>() != nullptr) return v1::DATA_TYPE_BOOL;
  if (a.As<double>() != nullptr) return v1::DATA_TYPE_FLOAT32;
  if (const ValueId* id = a.As<ValueId>()) {
    const ValueKind kind = values_[static_cast<size_t>(id->index)].kind;
    if (kind == ValueKind::kFloat) return v1::DATA_TYPE_FLOAT32;
    if (kind == ValueKind::kBool) return v1::DATA_TYPE_BOOL;
  }
  return v1::DATA_TYPE_INT64;
}

absl::StatusOr<int> TypeContext::WrapDim(std::string_view rule, std::string_view arg, int64_t dim,
                                         int rank) {
  const int64_t bound = std::max(rank, 1);
  if (dim < -bound || dim >= bound) {
    return Fail(rule, arg,
                fmt::format("dimension {} does not exist in a tensor of rank {}", dim, rank),
                fmt::format("{} to {}", -bound, bound - 1), fmt::format("{}", dim), "PARAM_RANGE");
  }
  return static_cast<int>(dim < 0 ? dim + bound : dim);
}

bool TypeContext::AtLeast(const Dim& size, int64_t least) {
  if (size.IsConst()) return size.value() >= least;
  const std::optional<int64_t> bound = size.LowerBound();
  if (!bound || *bound < least) assumptions_.push_back(ir::AtLeast(size, least));
  return true;
}

bool TypeContext::MultipleOf(const Dim& size, int64_t by) {
  if (size.IsConst()) return size.value() % by == 0;
  if (!size.DivideExact(Dim(by))) assumptions_.push_back({size, 0, by});
  return true;
}

absl::Status TypeContext::Output(TensorType type) {
  if (type.rank() > kMaxRank) {
    return Fail("TENSOR_C1", "", fmt::format("the result would have {} dimensions", type.rank()),
                "at most 64 dimensions", "", "SIZE_OVERFLOW");
  }
  int64_t numel = 1;
  for (const Dim& d : type.shape) {
    const bool natural = AtLeast(d, 0);
    if (!d.IsConst()) continue;
    if (d.IsSaturated()) {
      return Fail("TENSOR_C3", "",
                  "a size of the result is beyond all numbers, or its expression too long",
                  fmt::format("at most {} characters, {} terms, {} divisions inside each other",
                              Dim::kMostText, Dim::kMostTerms, Dim::kMostDivisions),
                  "", "SIZE_OVERFLOW");
    }
    if (!natural) {
      return Fail("TENSOR_C2", "", "the result would have a negative size", "sizes of 0 or more",
                  ShapeText(type.shape));
    }
    if (d.value() > kMaxNumel || (d.value() > 0 && numel > kMaxNumel / d.value())) {
      return Fail("TENSOR_C3", "", "the result would be larger than any machine's memory",
                  "at most 2^50 elements", ShapeText(type.shape), "SIZE_OVERFLOW");
    }
    numel *= std::max<int64_t>(d.value(), 1);
  }
  outputs_.push_back({ValueKind::kTensor, std::move(type)});
  return absl::OkStatus();
}

absl::Status TypeContext::Fail(std::string_view rule, std::string_view arg, std::string message,
                               std::string expected, std::string found, std::string_view code,
                               int list_index) {
  OpError& error = error_.emplace();
  error.code = std::string(code);
  error.rule = std::string(rule);
  error.arg = std::string(arg);
  error.list_index = list_index;
  error.message = std::move(message);
  error.expected = std::move(expected);
  error.found = std::move(found);
  return absl::InvalidArgumentError(error.message);
}

absl::Status TypeContext::Rank(std::string_view rule, std::string_view arg,
                               std::initializer_list<int> ranks) {
  const TensorType& type = tensor(arg);
  for (const int rank : ranks) {
    if (type.rank() == rank) return absl::OkStatus();
  }
  std::string expected;
  for (const int rank : ranks)
    expected += fmt::format("{}{}", expected.empty() ? "rank " : " or ", rank);
  return Fail(rule, arg, fmt::format("{} must have {}", arg, expected), expected, TypeText(type),
              "RANK_MISMATCH");
}

absl::Status TypeContext::Floating(std::string_view rule, std::string_view arg) {
  const TensorType& type = tensor(arg);
  if (IsFloating(type.dtype)) return absl::OkStatus();
  return Fail(rule, arg, fmt::format("{} must be floating-point", arg), "a floating-point tensor",
              TypeText(type), "DTYPE_MISMATCH");
}

absl::Status TypeContext::SameDType(std::string_view rule, std::string_view a, std::string_view b) {
  const TensorType& x = tensor(a);
  const TensorType& y = tensor(b);
  if (x.dtype == y.dtype) return absl::OkStatus();
  return Fail(rule, a, fmt::format("{} must have the element type of {}", a, b),
              std::string(DTypeName(y.dtype)), std::string(DTypeName(x.dtype)), "DTYPE_MISMATCH");
}

std::optional<Dim> FloorScale(const Dim& size, double factor) {
  if (size.IsConst()) {
    const double scaled = std::floor(static_cast<double>(size.value()) * factor);
    return Dim(std::clamp(SaturatedInt64(scaled), -Dim::kSaturated, Dim::kSaturated));
  }
  constexpr int kMostHalvings = 10;
  constexpr double kMostNumerator = 1 << 20;
  for (int k = 0; k <= kMostHalvings; ++k) {
    const double numerator = std::ldexp(factor, k);
    if (numerator > kMostNumerator) break;
    if (numerator != std::floor(numerator)) continue;
    return (size * Dim(static_cast<int64_t>(numerator))).FloorDiv(int64_t{1} << k);
  }
  return std::nullopt;
}

std::optional<Shape> Broadcast(const Shape& a, const Shape& b) {
  const size_t rank = std::max(a.size(), b.size());
  Shape out(rank);
  for (size_t i = 0; i < rank; ++i) {
    const Dim x = i < a.size() ? a[a.size() - 1 - i] : Dim(1);
    const Dim y = i < b.size() ? b[b.size() - 1 - i] : Dim(1);
    if (x == y || y.IsConst(1)) {
      out[rank - 1 - i] = x;
    } else if (x.IsConst(1)) {
      out[rank - 1 - i] = y;
    } else {
      return std::nullopt;
    }
  }
  return out;
}

DataType Promote(DataType a, DataType b) {
  if (a == b) return a;
  const auto category = [](DataType t) {
    if (t == v1::DATA_TYPE_BOOL) return 0;
    if (IsIntegral(t)) return 1;
    if (IsFloating(t)) return 2;
    return 3;
  };
  if (category(a) != category(b)) {
    const DataType high = category(a) > category(b) ? a : b;
    const DataType low = category(a) > category(b) ? b : a;
    // A complex64 beside a float64 becomes complex128; otherwise the higher category wins
    // unchanged.
    if (high == v1::DATA_TYPE_COMPLEX64 && low == v1::DATA_TYPE_FLOAT64)
      return v1::DATA_TYPE_COMPLEX128;
    return high;
  }
  // Half precisions of different kinds meet in float32; uint8 with int8 in int16; otherwise the
  // wider one.
  if (DTypeBytes(a) == DTypeBytes(b)) {
    return IsFloating(a) ? v1::DATA_TYPE_FLOAT32 : v1::DATA_TYPE_INT16;
  }
  return DTypeBytes(a) > DTypeBytes(b) ? a : b;
}

}  // namespace graphkiln::ir
