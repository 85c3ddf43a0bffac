// Nodes that join several values.
#include "common/nodes/body.h"
#include "common/nodes/families.h"

namespace graphkiln::nodes {
namespace {

void Fold(Body& b, const char* op) {
  const std::vector<ir::Argument> parts = b.Ins("inputs");
  ir::Argument sum = parts.empty() ? ir::Argument() : parts[0];
  for (size_t i = 1; i < parts.size(); ++i) sum = b.Call(op, {sum, parts[i]});
  b.Return(sum);
}

}  // namespace

void AddCombineNodes(std::vector<NodeDef>& nodes) {
  nodes.push_back(
      {.name = "Add",
       .category = "combine",
       .doc = "Sum of all inputs, element by element, with broadcasting.",
       .inputs = {{.name = "inputs",
                   .doc = "two or more tensors that broadcast",
                   .variadic = true,
                   .at_least = 2}},
       .body = [](Body& b) { Fold(b, "aten.add.Tensor"); },
       .python = Python::Expression("{inputs|+}"),
       .example = {.inputs = {"float32[2, 3]", "float32[2, 3]"}, .outputs = {"float32[2, 3]"}}});
  nodes.push_back(
      {.name = "Mul",
       .category = "combine",
       .doc = "Product of all inputs, element by element, with broadcasting.",
       .inputs = {{.name = "inputs",
                   .doc = "two or more tensors that broadcast",
                   .variadic = true,
                   .at_least = 2}},
       .body = [](Body& b) { Fold(b, "aten.mul.Tensor"); },
       .python = Python::Expression("{inputs|*}"),
       .example = {.inputs = {"float32[2, 3]", "float32[2, 1]"}, .outputs = {"float32[2, 3]"}}});
  nodes.push_back(
      {.name = "Concat",
       .category = "combine",
       .doc = "Joins the inputs along dim; all other sizes must agree.",
       .params = {Int("dim").Default(1).Doc("dimension along which the inputs are joined")},
       .inputs =
           {{.name = "inputs", .doc = "tensors of one rank", .variadic = true, .at_least = 1}},
       .body =
           [](Body& b) { b.Return(b.Call("aten.cat.default", {b.Ins("inputs"), b.Int("dim")})); },
       .python = Python::Expression("torch.cat({inputs}, dim={dim})"),
       .example = {.inputs = {"float32[2, 3]", "float32[2, 5]"}, .outputs = {"float32[2, 8]"}}});
}

}  // namespace graphkiln::nodes
