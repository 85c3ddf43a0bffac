// Arithmetic on graph variables and composite parameters: `$width * 2`, `$stride != 1 or $c !=
// input.dim(1)`.
//
// Python's operators and precedence: or, and, not, comparisons, + -, * / // %, unary -, `a if c
// else b`, lists, indexing, min, max, len, int. Text is at most 4,096 characters, nesting at
// most 64. Pure; any thread.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "graphkiln/v1/value.pb.h"

namespace graphkiln::compiler {

class ExpressionScope {
 public:
  virtual ~ExpressionScope() = default;
  // Value of `$name`.
  virtual std::optional<v1::Value> Variable(std::string_view name) const = 0;
  // Size of dimension `dim` (may be negative) of an input port, and its rank; nothing where there
  // are none.
  virtual std::optional<v1::Value> InputDim(std::string_view port, int64_t dim) const = 0;
  virtual std::optional<int64_t> InputRank(std::string_view port) const = 0;
  // Whether something is connected to an optional port.
  virtual std::optional<bool> InputPresent(std::string_view /*port*/) const { return std::nullopt; }
};

absl::StatusOr<v1::Value> Evaluate(std::string_view text, const ExpressionScope& scope);
// Python's truth of a value.
bool IsTrue(const v1::Value& value);
// Replaces every `{expression}` in the text by its value.
absl::StatusOr<std::string> Interpolate(std::string_view text, const ExpressionScope& scope);
// Replaces all expressions in a value, also in lists and maps (64 levels).
absl::StatusOr<v1::Value> EvaluateAll(const v1::Value& value, const ExpressionScope& scope);

}  // namespace graphkiln::compiler
