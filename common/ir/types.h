// Tensor types: element type and shape. Values of the IR, ports of nodes and messages to users
// speak in these.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/ir/dim.h"
#include "graphkiln/v1/value.pb.h"

namespace graphkiln::ir {

using v1::DataType;

// `float32` for DATA_TYPE_FLOAT32; `unknown` for unspecified.
std::string_view DTypeName(DataType dtype);
// Reads PyTorch's names and the usual short ones (f32, int64, long, ...); unspecified where
// unknown.
DataType ParseDType(std::string_view name);
int64_t DTypeBytes(DataType dtype);
bool IsFloating(DataType dtype);
bool IsIntegral(DataType dtype);  // without bool

struct TensorType {
  DataType dtype = v1::DATA_TYPE_FLOAT32;
  Shape shape;

  int rank() const { return static_cast<int>(shape.size()); }
  // Size of a dimension; negative counts from the end. REQUIRES: -rank <= i < rank.
  const Dim& dim(int i) const { return shape[static_cast<size_t>(i < 0 ? i + rank() : i)]; }
  Dim Numel() const;
  TensorType WithDim(int i, Dim size) const;
  TensorType WithDType(DataType d) const;
  friend bool operator==(const TensorType& a, const TensorType& b) {
    return a.dtype == b.dtype && a.shape == b.shape;
  }
  friend bool operator!=(const TensorType& a, const TensorType& b) { return !(a == b); }
};

// `[B, 3, 32]`.
std::string ShapeText(const Shape& shape);
// `float32[B, 3, 32]`.
std::string TypeText(const TensorType& type);

v1::TensorSpec ToProto(const TensorType& type);
void ToProto(const TensorType& type, v1::TensorSpec* spec);  // which is empty
// Refuses negative sizes, malformed symbols, more than 64 dimensions.
absl::StatusOr<TensorType> FromProto(const v1::TensorSpec& spec);

}  // namespace graphkiln::ir
