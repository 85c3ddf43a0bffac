// What an operator's type rule sees: the types of its arguments, and where it puts the types of its
// outputs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "common/ir/op_def.h"

namespace graphkiln::ir {

// Why a call has no type. The compiler turns it into a diagnostic at the node.
struct OpError {
  std::string code = "SHAPE_MISMATCH";
  std::string rule;
  std::string arg;      // name of the argument in the schema
  int list_index = -1;  // position in a list argument
  std::string message;
  std::string expected;
  std::string found;
};

class TypeContext {
 public:
  // `values` must outlive the context.
  TypeContext(const OpDef& op, absl::Span<const Argument> args, const std::vector<Value>& values)
      : op_(op), args_(args), values_(values) {}

  const OpDef& op() const { return op_; }
  const Argument& arg(std::string_view name) const;
  bool Has(std::string_view name) const { return !arg(name).IsNone(); }
  // REQUIRES: a tensor stands there (checked by the builder against the schema).
  const TensorType& tensor(std::string_view name) const;
  std::vector<const TensorType*> tensors(std::string_view name) const;
  int64_t Int(std::string_view name) const;
  double Float(std::string_view name) const;
  bool Flag(std::string_view name) const;
  const std::string& Text(std::string_view name) const;
  // A list of ints; one that is shorter than `count` and has one element is repeated (ATen's rule).
  std::vector<int64_t> Ints(std::string_view name, int count = 0) const;
  std::vector<double> Floats(std::string_view name) const;
  // A list of sizes; one size is a list of one.
  Shape Dims(std::string_view name) const;
  std::optional<DataType> DType(std::string_view name) const;
  // A whole number or a size expression; nothing where neither stands there.
  std::optional<Dim> Size(std::string_view name) const;
  // Element type of a number as PyTorch counts it: bool, int64 or float32.
  DataType NumberType(std::string_view name) const;

  // Checks that `dim` is in [-rank, rank) and makes it non-negative.
  absl::StatusOr<int> WrapDim(std::string_view rule, std::string_view arg, int64_t dim, int rank);

  // False where `size` is less than `least`. What is not certain of an open size is recorded as an
  // assumption.
  bool AtLeast(const Dim& size, int64_t least);
  // Likewise: divisible by `by`. REQUIRES: by > 0.
  bool MultipleOf(const Dim& size, int64_t by);
  const std::vector<Assumption>& assumptions() const { return assumptions_; }
  std::vector<Assumption> TakeAssumptions() { return std::move(assumptions_); }

  // No size of an output is negative: what follows for open sizes is recorded.
  absl::Status Output(TensorType type);
  absl::Status OutputLike(std::string_view arg) { return Output(tensor(arg)); }
  using Outputs = absl::InlinedVector<Value, 1>;
  const Outputs& outputs() const { return outputs_; }
  Outputs TakeOutputs() { return std::move(outputs_); }
  const TensorType& output(int i) const { return outputs_[static_cast<size_t>(i)].type; }
  void AddScalarOutput(ValueKind kind) { outputs_.push_back({kind, {}}); }

  // return c.Fail("LINEAR_C1", "input", "last dim must be in_features", expected, found);
  absl::Status Fail(std::string_view rule, std::string_view arg, std::string message,
                    std::string expected = "", std::string found = "",
                    std::string_view code = "SHAPE_MISMATCH", int list_index = -1);
  // Fails with RANK_MISMATCH unless the rank of `arg` is among `ranks`.
  absl::Status Rank(std::string_view rule, std::string_view arg, std::initializer_list<int> ranks);
  // Fails with DTYPE_MISMATCH unless the argument is floating.
  absl::Status Floating(std::string_view rule, std::string_view arg);
  // Fails with DTYPE_MISMATCH unless both have one element type.
  absl::Status SameDType(std::string_view rule, std::string_view a, std::string_view b);

  bool has_error() const { return error_.has_value(); }
  // REQUIRES: has_error().
  const OpError& error() const { return *error_; }

 private:
  const OpDef& op_;
  absl::Span<const Argument> args_;
  const std::vector<Value>& values_;
  Outputs outputs_;
  std::vector<Assumption> assumptions_;
  std::optional<OpError> error_;
};

// PyTorch's broadcasting; nothing where the shapes do not fit. A symbol broadcasts with 1 and with
// itself.
std::optional<Shape> Broadcast(const Shape& a, const Shape& b);
// floor(size * factor) as floating-point arithmetic has it. Nothing where the size is open and the
// factor no fraction with a small power of two below (2, 1.5, 0.25): no expression is that number.
// REQUIRES: factor > 0.
std::optional<Dim> FloorScale(const Dim& size, double factor);
// PyTorch's promotion of two tensor element types.
DataType Promote(DataType a, DataType b);

}  // namespace graphkiln::ir
