// Nodes that join several values.
#include "common/nodes/families.h"
#include "common/nodes/op_call.h"

namespace graphkiln::nodes {
namespace {

void Fold(Body& b, const char* op) {
  const std::vector<ir::Argument> parts = b.Ins("inputs");
  ir::Argument sum = parts.empty() ? ir::Argument() : parts[0];
  for (size_t i = 1; i < parts.size(); ++i) sum = b.Call(op, {sum, parts[i]});
  b.Return(sum);
}

// Stacks the inputs along dim, then reduces that dimension.
template <OpName kOp>
void StackAndReduce(Body& b) {
  const auto stacked = b.Call("aten.stack.default", {b.Ins("inputs"), b.Int("dim")});
  if (kOp.view() == "aten.prod.dim_int")
    return b.Return(b.Call(kOp.view(), {stacked, b.Int("dim")}));
  b.Return(b.Call(kOp.view(), {stacked, std::vector<int64_t>{b.Int("dim")}}));
}

void Stack(Body& b) { b.Return(b.Call("aten.stack.default", {b.Ins("inputs"), b.Int("dim")})); }

void Concat(Body& b) { b.Return(b.Call("aten.cat.default", {b.Ins("inputs"), b.Int("dim")})); }

// Lists of tensors joined into one; the Merge types are TorchArc's.
void AddMerges(std::vector<NodeDef>& nodes) {
  const auto add = [&](std::string_view name, std::string_view doc, int dim, void (*body)(Body&),
                       std::string_view python, const char* output) {
    nodes.push_back(
        {.name = name,
         .category = "combine",
         .doc = doc,
         .params = {Int("dim").Default(dim).Doc("dimension along which they join")},
         .inputs = {{.name = "inputs", .doc = "tensors of one rank", .variadic = true}},
         .body = body,
         .python = Python::Expression(python),
         .example = {.inputs = {"float32[2, 3]", "float32[2, 3]"}, .outputs = {output}}});
  };
  add("Stack", "Joins equal shapes along a new dimension.", 0, Stack,
      "torch.stack({inputs}, dim={dim})", "float32[2, 2, 3]");
  add("MergeConcat", "Joins the inputs along dim; all other sizes must agree.", 1, Concat,
      "torch.cat({inputs}, dim={dim})", "float32[2, 6]");
  add("MergeStack", "Joins equal shapes along a new dimension.", 1, Stack,
      "torch.stack({inputs}, dim={dim})", "float32[2, 2, 3]");
  add("MergeSum", "Sum of inputs of one shape.", 1, StackAndReduce<"aten.sum.dim_IntList">,
      "torch.stack({inputs}, dim={dim}).sum(dim={dim})", "float32[2, 3]");
  add("MergeProd", "Product of inputs of one shape.", 1, StackAndReduce<"aten.prod.dim_int">,
      "torch.stack({inputs}, dim={dim}).prod(dim={dim})", "float32[2, 3]");
  add("MergeMean", "Mean of inputs of one shape.", 1, StackAndReduce<"aten.mean.dim">,
      "torch.stack({inputs}, dim={dim}).mean(dim={dim})", "float32[2, 3]");
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
       .body = Concat,
       .python = Python::Expression("torch.cat({inputs}, dim={dim})"),
       .example = {.inputs = {"float32[2, 3]", "float32[2, 5]"}, .outputs = {"float32[2, 8]"}}});
  AddMerges(nodes);
}

}  // namespace graphkiln::nodes
