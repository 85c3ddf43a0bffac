// Arithmetic and choice, element by element: one line for each function.
#include "common/nodes/families.h"
#include "common/nodes/op_call.h"

namespace graphkiln::nodes {
namespace {

struct UnaryRow {
  std::string_view name, doc;
  void (*body)(Body&);
  std::string_view python;
  const char* output = "float32[2, 3]";
};

constexpr UnaryRow kUnary[] = {
    {"Abs", "Absolute value, element by element.", CallUnary<"aten.abs.default">, "{input}.abs()"},
    {"Neg", "The negative, element by element.", CallUnary<"aten.neg.default">, "-{input}"},
    {"Sign", "-1, 0 or 1, element by element.", CallUnary<"aten.sign.default">, "{input}.sign()"},
    {"Floor", "The next whole number below, element by element.", CallUnary<"aten.floor.default">,
     "{input}.floor()"},
    {"Ceil", "The next whole number above, element by element.", CallUnary<"aten.ceil.default">,
     "{input}.ceil()"},
    {"Round", "The nearest whole number, halves to the even one.", CallUnary<"aten.round.default">,
     "{input}.round()"},
    {"Exp", "e to the power of each element.", CallUnary<"aten.exp.default">, "{input}.exp()"},
    {"Expm1", "exp(x) - 1, exact for small x.", CallUnary<"aten.expm1.default">, "{input}.expm1()"},
    {"Log", "Natural logarithm, element by element.", CallUnary<"aten.log.default">,
     "{input}.log()"},
    {"Log1p", "log(1 + x), exact for small x.", CallUnary<"aten.log1p.default">, "{input}.log1p()"},
    {"Sqrt", "Square root, element by element.", CallUnary<"aten.sqrt.default">, "{input}.sqrt()"},
    {"Rsqrt", "1 / sqrt(x), element by element.", CallUnary<"aten.rsqrt.default">,
     "{input}.rsqrt()"},
    {"Square", "x * x, element by element.", CallUnary<"aten.square.default">, "{input}.square()"},
    {"Reciprocal", "1 / x, element by element.", CallUnary<"aten.reciprocal.default">,
     "{input}.reciprocal()"},
    {"Sin", "Sine, element by element.", CallUnary<"aten.sin.default">, "{input}.sin()"},
    {"Cos", "Cosine, element by element.", CallUnary<"aten.cos.default">, "{input}.cos()"},
    {"Erf", "Error function, element by element.", CallUnary<"aten.erf.default">, "{input}.erf()"},
    {"LogicalNot", "True where the element is 0 or false.", CallUnary<"aten.logical_not.default">,
     "{input}.logical_not()", "bool[2, 3]"},
    {"Detach", "The same values without a gradient to what is before.",
     CallUnary<"aten.detach.default">, "{input}.detach()"},
};

struct OtherRow {
  std::string_view name, doc;
  void (*body)(Body&);
  std::string_view python;
  const char* output = "float32[2, 3]";
};

// The second operand is a tensor or a number.
constexpr OtherRow kOther[] = {
    {"Sub", "input - other, element by element, with broadcasting.",
     CallWithOther<"aten.sub.Tensor", "aten.sub.Scalar">, "{input} - {other}"},
    {"Div", "input / other, element by element, with broadcasting; whole numbers give float32.",
     CallWithOther<"aten.div.Tensor", "aten.div.Scalar">, "{input} / {other}"},
    {"FloorDiv", "input / other, rounded down, with broadcasting.",
     CallWithOther<"aten.floor_divide.default", "aten.floor_divide.Scalar">, "{input} // {other}"},
    {"Remainder", "What is left of a division rounded down; has the sign of other.",
     CallWithOther<"aten.remainder.Tensor", "aten.remainder.Scalar">, "{input} % {other}"},
    {"Pow", "input to the power of other, with broadcasting.",
     CallWithOther<"aten.pow.Tensor_Tensor", "aten.pow.Tensor_Scalar">,
     "torch.pow({input}, {other})"},
    {"Equal", "True where both are equal, with broadcasting.",
     CallWithOther<"aten.eq.Tensor", "aten.eq.Scalar">, "{input} == {other}", "bool[2, 3]"},
    {"NotEqual", "True where both differ, with broadcasting.",
     CallWithOther<"aten.ne.Tensor", "aten.ne.Scalar">, "{input} != {other}", "bool[2, 3]"},
    {"Less", "True where input < other, with broadcasting.",
     CallWithOther<"aten.lt.Tensor", "aten.lt.Scalar">, "{input} < {other}", "bool[2, 3]"},
    {"LessEqual", "True where input <= other, with broadcasting.",
     CallWithOther<"aten.le.Tensor", "aten.le.Scalar">, "{input} <= {other}", "bool[2, 3]"},
    {"Greater", "True where input > other, with broadcasting.",
     CallWithOther<"aten.gt.Tensor", "aten.gt.Scalar">, "{input} > {other}", "bool[2, 3]"},
    {"GreaterEqual", "True where input >= other, with broadcasting.",
     CallWithOther<"aten.ge.Tensor", "aten.ge.Scalar">, "{input} >= {other}", "bool[2, 3]"},
};

constexpr OtherRow kPairs[] = {
    {"Minimum", "The smaller of both, element by element, with broadcasting.",
     CallBinary<"aten.minimum.default">, "torch.minimum({input}, {other})"},
    {"Maximum", "The larger of both, element by element, with broadcasting.",
     CallBinary<"aten.maximum.default">, "torch.maximum({input}, {other})"},
    {"LogicalAnd", "True where both are other than 0.", CallBinary<"aten.logical_and.default">,
     "torch.logical_and({input}, {other})", "bool[2, 3]"},
    {"LogicalOr", "True where one is other than 0.", CallBinary<"aten.logical_or.default">,
     "torch.logical_or({input}, {other})", "bool[2, 3]"},
    {"LogicalXor", "True where exactly one is other than 0.",
     CallBinary<"aten.logical_xor.default">, "torch.logical_xor({input}, {other})", "bool[2, 3]"},
};

void AddChoice(std::vector<NodeDef>& nodes) {
  nodes.push_back(
      {.name = "Where",
       .category = "math",
       .doc = "Elements of input where condition is true, of other elsewhere, with broadcasting.",
       .inputs = {{.name = "condition", .doc = "truth values"},
                  {.name = "input", .doc = "taken where condition is true"},
                  {.name = "other", .doc = "taken elsewhere"}},
       .body =
           [](Body& b) {
             b.Return(b.Call("aten.where.self", {b.In("condition"), b.In("input"), b.In("other")}));
           },
       .python = Python::Expression("torch.where({condition}, {input}, {other})"),
       .bypass = Bypass::Ports({"input"}),
       .example = {.inputs = {"bool[2, 3]", "float32[2, 3]", "float32[3]"},
                   .outputs = {"float32[2, 3]"}}});
  nodes.push_back(
      {.name = "MaskedFill",
       .category = "math",
       .doc = "Input with value where mask is true.",
       .params = {Number("value").Required().Doc("what is put there, such as -inf")},
       .inputs = {{.name = "input"}, {.name = "mask", .doc = "truth values that broadcast"}},
       .body =
           [](Body& b) {
             b.Return(b.Call("aten.masked_fill.Scalar",
                             {b.In("input"), b.In("mask"), NumberArgument(b, "value")}));
           },
       .python = Python::Expression("{input}.masked_fill({mask}, {value})"),
       .example = {.inputs = {"float32[2, 3]", "bool[2, 3]"},
                   .params = {{"value", 0.0}},
                   .outputs = {"float32[2, 3]"}}});
  nodes.push_back(
      {.name = "Clamp",
       .category = "math",
       .doc = "Keeps each element between min and max; one of them may be left open.",
       .params = {Number("min").Nullable().Doc("lower bound"),
                  Number("max").Nullable().Doc("upper bound")},
       .body =
           [](Body& b) {
             b.Return(b.Call("aten.clamp.default",
                             {b.In("input"), NumberArgument(b, "min"), NumberArgument(b, "max")}));
           },
       .python = Python::Expression("{input}.clamp(min={min}, max={max})"),
       .example = {.inputs = {"float32[2, 3]"},
                   .params = {{"min", -1.0}, {"max", 1.0}},
                   .outputs = {"float32[2, 3]"}}});
  nodes.push_back({.name = "Cast",
                   .category = "math",
                   .doc = "The same values in another element type.",
                   .params = {DType("dtype").Required().Doc("element type of the output")},
                   .body =
                       [](Body& b) {
                         b.Return(
                             b.Call("aten.to.dtype", {b.In("input"), b.params().DType("dtype")}));
                       },
                   .python = Python::Expression("{input}.to({dtype})"),
                   .example = {.inputs = {"int64[2, 3]"},
                               .params = {{"dtype", v1::DATA_TYPE_FLOAT32}},
                               .outputs = {"float32[2, 3]"}}});
}

}  // namespace

void AddPointwiseNodes(std::vector<NodeDef>& nodes) {
  for (const UnaryRow& row : kUnary) {
    nodes.push_back({.name = row.name,
                     .category = "math",
                     .doc = row.doc,
                     .body = row.body,
                     .python = Python::Expression(row.python),
                     .example = {.inputs = {"float32[2, 3]"}, .outputs = {row.output}}});
  }
  for (const OtherRow& row : kOther) {
    nodes.push_back(
        {.name = row.name,
         .category = "math",
         .doc = row.doc,
         .params = {Number("other").Nullable().Doc("a number in place of a tensor")},
         .inputs = {{.name = "input"},
                    {.name = "other",
                     .doc = "second operand, where the parameter is null",
                     .optional = true}},
         .body = row.body,
         .python = Python::Expression(row.python),
         .example = {.inputs = {"float32[2, 3]", "float32[3]"}, .outputs = {row.output}}});
  }
  for (const OtherRow& row : kPairs) {
    nodes.push_back(
        {.name = row.name,
         .category = "math",
         .doc = row.doc,
         .inputs = {{.name = "input"}, {.name = "other", .doc = "second operand"}},
         .body = row.body,
         .python = Python::Expression(row.python),
         .example = {.inputs = {"float32[2, 3]", "float32[3]"}, .outputs = {row.output}}});
  }
  AddChoice(nodes);
}

}  // namespace graphkiln::nodes
