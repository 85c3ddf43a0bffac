// Numbers as expressions count: Python's whole numbers (of 64 bits), floats and truth values. Used
// by the parser of expressions; pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"
#include "graphkiln/v1/value.pb.h"

namespace graphkiln::compiler {

v1::Value Int(int64_t v);
v1::Value Real(double v);
v1::Value Bool(bool v);
// Whole numbers and truth values.
bool IsInt(const v1::Value& v);
bool IsNumber(const v1::Value& v);
// REQUIRES: IsInt(v).
int64_t AsInt(const v1::Value& v);
// REQUIRES, as for Less: numbers.
double AsReal(const v1::Value& v);
bool Less(const v1::Value& a, const v1::Value& b);
bool Equal(const v1::Value& a, const v1::Value& b);
// `op` is one of + - * / // %, with Python's rounding. What is no number, a division by zero and a
// result beyond 64 bits are errors.
absl::StatusOr<v1::Value> Calculate(std::string_view op, const v1::Value& a, const v1::Value& b);

}  // namespace graphkiln::compiler
