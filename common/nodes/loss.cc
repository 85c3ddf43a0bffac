// Losses. Node types like all others; the compiler appends the job's loss to the program.
#include "common/nodes/body.h"
#include "common/nodes/families.h"
#include "fmt/format.h"

namespace graphkiln::nodes {
namespace {

ParamSpec Reduction() {
  return Text("reduction")
      .Default("mean")
      .Choices({"none", "mean", "sum"})
      .Doc("how the elements are joined");
}

// at::Reduction.
int64_t ReductionCode(const Body& b) {
  const std::string& text = b.Text("reduction");
  return text == "none" ? 0 : text == "sum" ? 2 : 1;
}

std::vector<PortSpec> Ports(std::string_view target) {
  return {{.name = "input", .doc = "the prediction"},
          {.name = "target", .doc = std::string(target)}};
}

NodeDef ElementLoss(std::string_view name, std::string_view python, std::string_view doc,
                    void (*body)(Body&)) {
  return {.name = name,
          .category = "loss",
          .doc = doc,
          .params = {Reduction()},
          .inputs = Ports("of the prediction's shape"),
          .body = body,
          .python = Python::Module(python),
          .bypass = Bypass::kNotAllowed,
          .example = {.inputs = {"float32[4, 3]", "float32[4, 3]"}, .outputs = {"float32[]"}},
          .target = LossTarget::kLikeInput};
}

}  // namespace

void AddLossNodes(std::vector<NodeDef>& nodes) {
  nodes.push_back(ElementLoss("MSELoss", "nn.MSELoss", "Mean of squared differences.", [](Body& b) {
    b.Return(b.Call("aten.mse_loss.default", {b.In("input"), b.In("target"), ReductionCode(b)}));
  }));
  nodes.push_back(ElementLoss("L1Loss", "nn.L1Loss", "Mean of absolute differences.", [](Body& b) {
    b.Return(b.Call("aten.l1_loss.default", {b.In("input"), b.In("target"), ReductionCode(b)}));
  }));
  nodes.push_back(
      {.name = "CrossEntropyLoss",
       .category = "loss",
       .doc = "Cross entropy between logits [B, C, ...] and class indices [B, ...] (int64), or "
              "probabilities [B, C, ...].",
       .params = {Int("ignore_index").Default(-100).Doc("class index that does not count"),
                  Reduction(),
                  Float("label_smoothing")
                      .Default(0)
                      .Range(0, 1)
                      .Doc("share of the target spread over all classes")},
       .inputs = {{.name = "input", .doc = "logits [B, C, ...] or [C]"},
                  {.name = "target",
                   .doc = "class indices [B, ...], or probabilities [B, C, ...]"}},
       .body =
           [](Body& b) {
             b.Return(b.Call("aten.cross_entropy_loss.default",
                             {b.In("input"), b.In("target"), ir::Argument(), ReductionCode(b),
                              b.Int("ignore_index"), b.Float("label_smoothing")}));
           },
       .python = Python::Module("nn.CrossEntropyLoss"),
       .bypass = Bypass::kNotAllowed,
       .example = {.inputs = {"float32[4, 3]", "int64[4]"}, .outputs = {"float32[]"}},
       .target = LossTarget::kClass});
}

}  // namespace graphkiln::nodes
