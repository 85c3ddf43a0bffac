// Element types as PyTorch treats them: which an operator takes, and which comes out of several.
//
// Used by the type rules of the operator families. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/ir/type_context.h"

namespace graphkiln::ir::ops {

// Sets of element types.
enum Accept : int {
  kTruth = 1,
  kWhole = 2,
  kReal = 4,
  kComplex = 8,
  kAny = 15,
  kNotComplex = kTruth | kWhole | kReal,
  kNotTruth = kWhole | kReal | kComplex,
  kRealNumbers = kWhole | kReal,
  kInexact = kReal | kComplex,
  kDiscrete = kTruth | kWhole,
};

// How the result's element type follows from the operands' common one.
enum class Result {
  kSame,
  kFloat,      // whole numbers and truth values become float32
  kTruth,      // bool
  kMagnitude,  // complex numbers become real
  kNumber,     // truth values become int64
  kSum,        // whole numbers and truth values become int64
  kIndex,      // int64
};

bool IsComplex(DataType dtype);
bool Accepts(int accept, DataType dtype);
// `a floating-point tensor`: what the set stands for.
std::string AcceptText(int accept);
DataType Apply(Result result, DataType dtype);
// Fails with DTYPE_MISMATCH at `arg` unless the set holds `dtype`.
absl::Status CheckAccept(TypeContext& c, std::string_view rule, std::string_view arg, int accept,
                         DataType dtype);

// The element type of several operands: tensors with dimensions decide first; scalar tensors, then
// plain numbers, raise the category only.
class Promotion {
 public:
  void Tensor(const TensorType& type);
  void Number(DataType dtype);
  DataType Result() const;

 private:
  DataType tensors_ = v1::DATA_TYPE_UNSPECIFIED;
  DataType scalars_ = v1::DATA_TYPE_UNSPECIFIED;
  DataType numbers_ = v1::DATA_TYPE_UNSPECIFIED;
};

// Fails with PARAM_RANGE at the number `arg` unless `dtype` holds it, as PyTorch converts numbers:
// unsigned types wrap negative whole numbers round, and truth values are made of anything.
absl::Status CheckHolds(TypeContext& c, std::string_view rule, std::string_view arg,
                        DataType dtype);

// A number that scales whole numbers must be whole (`alpha`, `beta`).
absl::Status CheckFactor(TypeContext& c, std::string_view arg, DataType result);
inline Rule FactorRule() { return {"FACTOR_C1", "alpha and beta are whole for whole numbers"}; }

inline Dim NoFlops(const TypeContext&) { return Dim(0); }
inline Dim InputFlops(const TypeContext& c) { return c.tensor("self").Numel(); }

}  // namespace graphkiln::ir::ops
