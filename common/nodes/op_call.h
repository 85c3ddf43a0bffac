// Bodies of nodes that are one operator, made from its name: what the tables of such nodes hold.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "common/nodes/body.h"

namespace graphkiln::nodes {

// A name as a template argument.
template <size_t kSize>
struct OpName {
  constexpr OpName(const char (&text)[kSize]) { std::copy_n(text, kSize, data); }  // NOLINT
  constexpr std::string_view view() const { return {data, kSize - 1}; }
  char data[kSize] = {};
};

// op(input).
template <OpName kOp>
void CallUnary(Body& b) {
  b.Return(b.Call(kOp.view(), {b.In("input")}));
}

// op(input, other) of two tensors.
template <OpName kOp>
void CallBinary(Body& b) {
  b.Return(b.Call(kOp.view(), {b.In("input"), b.In("other")}));
}

// A parameter of type Number or Bool as an operator's argument; none where it is null.
inline ir::Argument NumberArgument(const Body& b, std::string_view param) {
  const ParamValue* value = b.params().Find(param);
  if (value == nullptr) return {};
  if (const bool* flag = std::get_if<bool>(value)) return *flag;
  if (const int64_t* whole = std::get_if<int64_t>(value)) return *whole;
  if (const double* real = std::get_if<double>(value)) return *real;
  return {};
}

// A list parameter; none where it is null.
inline ir::Argument IntsArgument(const Body& b, std::string_view param) {
  if (b.IsNull(param)) return {};
  return b.Ints(param);
}

// The second operand, a tensor at the port `other` or a number in the parameter of that name:
// `kTensor` or `kScalar` is called.
template <OpName kTensor, OpName kScalar>
void CallWithOther(Body& b) {
  if (b.HasIn("other") != b.IsNull("other")) {
    Failure failure;
    failure.code = "MISSING_PARAM";
    failure.rule = "OTHER_C1";
    failure.param = "other";
    failure.message =
        "exactly one second operand is needed: a tensor at the port other or a number";
    failure.expected = "a tensor or a number";
    failure.found = b.HasIn("other") ? "both" : "neither";
    b.Fail(std::move(failure));
    return;
  }
  b.Return(b.HasIn("other") ? b.Call(kTensor.view(), {b.In("input"), b.In("other")})
                            : b.Call(kScalar.view(), {b.In("input"), NumberArgument(b, "other")}));
}

}  // namespace graphkiln::nodes
