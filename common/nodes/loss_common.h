// What the loss nodes have in common. Used by the loss*.cc files.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/nodes/body.h"
#include "common/nodes/node_def.h"

namespace graphkiln::nodes {

inline ParamSpec Reduction() {
  return Text("reduction")
      .Default("mean")
      .Choices({"none", "mean", "sum"})
      .Doc("how the elements are joined");
}

// at::Reduction.
inline int64_t ReductionCode(const Body& b) {
  const std::string& text = b.Text("reduction");
  return text == "none" ? 0 : text == "mean" ? 1 : 2;
}

// Joins the elements of a loss that is no operator of its own.
inline ir::Argument Join(Body& b, const ir::Argument& elements) {
  switch (ReductionCode(b)) {
    case 0:
      return elements;
    case 1:
      return b.Call("aten.mean.default", {elements});
    default:
      return b.Call("aten.sum.default", {elements});
  }
}

inline ParamSpec ClassWeights(std::string_view doc) {
  return Floats("weight").Nullable().Tensor().Doc(doc);
}

struct LossForm {
  std::string_view name, python, doc;
};

// A loss of the ports `input` and `target`.
inline NodeDef Loss(const LossForm& form, std::vector<ParamSpec> params, std::string_view input,
                    std::string_view target, void (*body)(Body&), LossTarget kind) {
  return {.name = form.name,
          .category = "loss",
          .doc = form.doc,
          .params = std::move(params),
          .inputs = {{.name = "input", .doc = std::string(input)},
                     {.name = "target", .doc = std::string(target)}},
          .outputs = {{.doc = "a scalar; with reduction none, one value per element or row"}},
          .body = body,
          .python = Python::Module(form.python),
          .bypass = Bypass::NotAllowed(),
          .example = {.inputs = {"float32[4, 3]",
                                 kind == LossTarget::kClass ? "int64[4]" : "float32[4, 3]"},
                      .outputs = {"float32[]"}},
          .target = kind};
}

}  // namespace graphkiln::nodes
