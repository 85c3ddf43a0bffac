// Softmaxes. Names and parameters are torch.nn's; `dim` is required, because torch guesses it with
// a warning.
#include "common/nodes/body.h"
#include "common/nodes/families.h"
#include "common/nodes/ranks.h"

namespace graphkiln::nodes {
namespace {

NodeDef Softmax(std::string_view name, std::string_view python, std::string_view doc,
                std::string_view dim_doc, void (*body)(Body&)) {
  return {.name = name,
          .category = "activation",
          .doc = doc,
          .params = {Int("dim").Required().Doc(dim_doc)},
          .inputs = {{.name = "input", .doc = "[...], any shape"}},
          .outputs = {{.doc = "[...], of the input's shape"}},
          .body = body,
          .python = Python::Module(python),
          .example = {.inputs = {"float32[2, 3]"},
                      .params = {{"dim", int64_t{-1}}},
                      .outputs = {"float32[2, 3]"}}};
}

void Softmax2dBody(Body& b) {
  if (!CheckRank(b, "SOFTMAX_C4", {3, 4})) return;
  b.Return(b.Call("aten.softmax.int", {b.In("input"), -3}));
}

}  // namespace

void AddSoftmaxNodes(std::vector<NodeDef>& nodes) {
  nodes.push_back(Softmax("Softmax", "nn.Softmax", "exp(x) divided by its sum along dim.",
                          "dimension along which the results sum to 1", [](Body& b) {
                            b.Return(b.Call("aten.softmax.int", {b.In("input"), b.Int("dim")}));
                          }));
  nodes.push_back(Softmax(
      "LogSoftmax", "nn.LogSoftmax", "log(softmax(x)) along dim, without overflow.",
      "dimension along which the exponentials of the results sum to 1",
      [](Body& b) { b.Return(b.Call("aten.log_softmax.int", {b.In("input"), b.Int("dim")})); }));
  nodes.push_back(Softmax("Softmin", "nn.Softmin", "exp(-x) divided by its sum along dim.",
                          "dimension along which the results sum to 1", [](Body& b) {
                            const auto negative = b.Call("aten.neg.default", {b.In("input")});
                            b.Return(b.Call("aten.softmax.int", {negative, b.Int("dim")}));
                          }));
  nodes.push_back(
      {.name = "Softmax2d",
       .category = "activation",
       .doc = "Softmax over the channels at each place of an image.",
       .inputs = {{.name = "input", .doc = "[B, C, H, W] or [C, H, W]"}},
       .outputs = {{.doc = "of the input's shape; sums to 1 over C"}},
       .body = Softmax2dBody,
       .python = Python::Module("nn.Softmax2d"),
       .example = {.inputs = {"float32[2, 3, 4, 4]"}, .outputs = {"float32[2, 3, 4, 4]"}}});
}

}  // namespace graphkiln::nodes
