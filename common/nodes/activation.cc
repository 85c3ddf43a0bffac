// Activations and dropout.
#include "common/nodes/body.h"
#include "common/nodes/families.h"

namespace graphkiln::nodes {
namespace {

ParamSpec InPlace() {
  return Bool("inplace")
      .Default(ParamValue(false))
      .Doc("a hint for memory; never changes another node's value");
}

}  // namespace

void AddActivationNodes(std::vector<NodeDef>& nodes) {
  nodes.push_back({.name = "ReLU",
                   .category = "activation",
                   .doc = "max(0, x), element by element.",
                   .params = {InPlace()},
                   .body = [](Body& b) { b.Return(b.Call("aten.relu.default", {b.In("input")})); },
                   .python = Python::Module("nn.ReLU"),
                   .example = {.inputs = {"float32[2, 3]"}, .outputs = {"float32[2, 3]"}}});
  nodes.push_back(
      {.name = "GELU",
       .category = "activation",
       .doc = "x * Phi(x) with the normal distribution's Phi, or its tanh approximation.",
       .params =
           {Text("approximate").Default("none").Choices({"none", "tanh"}).Doc("which formula")},
       .body =
           [](Body& b) {
             b.Return(b.Call("aten.gelu.default", {b.In("input"), b.Text("approximate")}));
           },
       .python = Python::Module("nn.GELU"),
       .example = {.inputs = {"float32[2, 3]"}, .outputs = {"float32[2, 3]"}}});
  nodes.push_back(
      {.name = "Sigmoid",
       .category = "activation",
       .doc = "1 / (1 + exp(-x)), element by element.",
       .body = [](Body& b) { b.Return(b.Call("aten.sigmoid.default", {b.In("input")})); },
       .python = Python::Module("nn.Sigmoid"),
       .example = {.inputs = {"float32[2, 3]"}, .outputs = {"float32[2, 3]"}}});
  nodes.push_back({.name = "Tanh",
                   .category = "activation",
                   .doc = "Hyperbolic tangent, element by element.",
                   .body = [](Body& b) { b.Return(b.Call("aten.tanh.default", {b.In("input")})); },
                   .python = Python::Module("nn.Tanh"),
                   .example = {.inputs = {"float32[2, 3]"}, .outputs = {"float32[2, 3]"}}});
  nodes.push_back(
      {.name = "Softmax",
       .category = "activation",
       .doc = "exp(x) divided by its sum along dim.",
       .params = {Int("dim").Required().Doc("dimension along which the results sum to 1")},
       .body = [](Body& b) { b.Return(b.Call("aten.softmax.int", {b.In("input"), b.Int("dim")})); },
       .python = Python::Module("nn.Softmax"),
       .example = {.inputs = {"float32[2, 3]"},
                   .params = {{"dim", int64_t{-1}}},
                   .outputs = {"float32[2, 3]"}}});
  nodes.push_back(
      {.name = "Dropout",
       .category = "regularisation",
       .doc = "While training, zeroes elements with probability p and scales the others by 1 / (1 "
              "- p).",
       .params = {Float("p").Default(0.5).Range(0, 1).Doc("probability of an element to be zeroed"),
                  InPlace()},
       .body =
           [](Body& b) {
             b.Return(
                 b.Call("aten.dropout.default", {b.In("input"), b.Float("p"), ir::TrainingArg{}}));
           },
       .python = Python::Module("nn.Dropout"),
       .example = {.inputs = {"float32[2, 3]"}, .outputs = {"float32[2, 3]"}}});
}

}  // namespace graphkiln::nodes
