#include "common/compiler/expression_values.h"

#include <cmath>

#include "absl/status/status.h"
#include "common/graph/equal.h"
#include "common/nodes/param_spec.h"
#include "fmt/format.h"

namespace graphkiln::compiler {

v1::Value Int(int64_t v) {
  v1::Value out;
  out.set_int_value(v);
  return out;
}
v1::Value Real(double v) {
  v1::Value out;
  out.set_double_value(v);
  return out;
}
v1::Value Bool(bool v) {
  v1::Value out;
  out.set_bool_value(v);
  return out;
}
bool IsInt(const v1::Value& v) {
  return v.kind_case() == v1::Value::kIntValue || v.kind_case() == v1::Value::kBoolValue;
}
bool IsNumber(const v1::Value& v) { return IsInt(v) || v.kind_case() == v1::Value::kDoubleValue; }
int64_t AsInt(const v1::Value& v) {
  return v.kind_case() == v1::Value::kBoolValue ? v.bool_value() : v.int_value();
}
double AsReal(const v1::Value& v) {
  return v.kind_case() == v1::Value::kDoubleValue ? v.double_value()
                                                  : static_cast<double>(AsInt(v));
}

bool Less(const v1::Value& a, const v1::Value& b) {
  return IsInt(a) && IsInt(b) ? AsInt(a) < AsInt(b) : AsReal(a) < AsReal(b);
}

bool Equal(const v1::Value& a, const v1::Value& b) {
  if (IsNumber(a) && IsNumber(b))
    return IsInt(a) && IsInt(b) ? AsInt(a) == AsInt(b) : AsReal(a) == AsReal(b);
  return graph::Equal(a, b);
}

absl::StatusOr<v1::Value> Calculate(std::string_view op, const v1::Value& a, const v1::Value& b) {
  if (!IsNumber(a) || !IsNumber(b)) {
    return absl::InvalidArgumentError(fmt::format("{} needs numbers, found {} and {}", op,
                                                  nodes::ValueText(a), nodes::ValueText(b)));
  }
  if ((op == "/" || op == "//" || op == "%") && AsReal(b) == 0)
    return absl::InvalidArgumentError("division by zero");
  if (IsInt(a) && IsInt(b) && op != "/") {
    const int64_t x = AsInt(a);
    const int64_t y = AsInt(b);
    int64_t r = 0;
    bool overflow = false;
    if (op == "+") {
      overflow = __builtin_add_overflow(x, y, &r);
    } else if (op == "-") {
      overflow = __builtin_sub_overflow(x, y, &r);
    } else if (op == "*") {
      overflow = __builtin_mul_overflow(x, y, &r);
    } else if (y == -1) {
      // Its own case: the smallest number divided by -1 does not exist.
      overflow = op == "//" && __builtin_sub_overflow(int64_t{0}, x, &r);
    } else {
      const int64_t q = x / y - ((x % y != 0 && (x < 0) != (y < 0)) ? 1 : 0);
      r = op == "//" ? q : x - q * y;
    }
    if (overflow) return absl::InvalidArgumentError("the result is too large");
    return Int(r);
  }
  const double x = AsReal(a);
  const double y = AsReal(b);
  if (op == "+") return Real(x + y);
  if (op == "-") return Real(x - y);
  if (op == "*") return Real(x * y);
  if (op == "/") return Real(x / y);
  if (op == "//") return Real(std::floor(x / y));
  return Real(x - std::floor(x / y) * y);
}

}  // namespace graphkiln::compiler
