// Arithmetic on graph variables and composite parameters: `$width * 2`, `$stride != 1 or $c !=
// input.dim(1)`.
//
// Python's operators and precedence: or, and, not, comparisons, + -, * / // %, unary -, `a if c
// else b`, lists, indexing, min, max, len, int. Text is at most 4,096 characters, nesting at
// most 64, a value at most 16 KiB. As in Python, a branch that is not taken is not evaluated. Pure;
// any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/base/strings.h"
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
// Adds the names of all `$name` in the text.
void VariablesIn(std::string_view text, StringSet* names);
// The entries of a map by name: the order of a proto's map is random, and the first fault ends what
// goes through it.
std::map<std::string_view, v1::Value*> InOrder(google::protobuf::Map<std::string, v1::Value>& map);
// Replaces all expressions in a value, also in lists (64 levels); maps hold none.
absl::StatusOr<v1::Value> EvaluateAll(const v1::Value& value, const ExpressionScope& scope);

}  // namespace graphkiln::compiler
