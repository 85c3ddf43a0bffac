// Dropouts: random while training, the identity otherwise.
#include "common/nodes/body.h"
#include "common/nodes/families.h"
#include "common/nodes/ranks.h"

namespace graphkiln::nodes {
namespace {

NodeDef Dropout(std::string_view name, std::string_view python, std::string_view doc,
                std::string_view shape, void (*body)(Body&), std::string_view example) {
  return {.name = name,
          .category = "regularisation",
          .doc = doc,
          .params = {Float("p").Default(0.5).Range(0, 1).Doc("probability of being dropped"),
                     Bool("inplace")
                         .Default(ParamValue(false))
                         .Doc("a hint for memory; never changes another node's value")},
          .inputs = {{.name = "input", .doc = std::string(shape)}},
          .outputs = {{.doc = "of the input's shape"}},
          .body = body,
          .python = Python::Module(python),
          .example = {.inputs = {std::string(example)}, .outputs = {std::string(example)}}};
}

void Plain(Body& b, const char* op) {
  b.Return(b.Call(op, {b.In("input"), b.Float("p"), ir::TrainingArg{}}));
}

// Whole channels, the second dimension; an input without a batch gets one for the time of the call.
void Channels(Body& b, int unbatched, int batched) {
  if (!CheckRank(b, "DROPOUT_C4", {unbatched, batched})) return;
  WithBatch(b, unbatched, [&](const ir::Argument& input) {
    return b.Call("aten.feature_dropout.default", {input, b.Float("p"), ir::TrainingArg{}});
  });
}

}  // namespace

void AddDropoutNodes(std::vector<NodeDef>& nodes) {
  nodes.push_back(Dropout(
      "Dropout", "nn.Dropout",
      "While training, zeroes elements with probability p and scales the "
      "others by 1 / (1 - p).",
      "[...], any shape", [](Body& b) { Plain(b, "aten.dropout.default"); }, "float32[2, 3]"));
  nodes.push_back(Dropout(
      "Dropout1d", "nn.Dropout1d",
      "While training, zeroes whole channels of sequences with probability p "
      "and scales the others by 1 / (1 - p).",
      "[B, C, L] or [C, L]", [](Body& b) { Channels(b, 2, 3); }, "float32[2, 3, 4]"));
  // torch takes three dimensions as [B, C, L] here, so there is no form without a batch.
  nodes.push_back(Dropout(
      "Dropout2d", "nn.Dropout2d",
      "While training, zeroes whole channels of images with probability p and "
      "scales the others by 1 / (1 - p). Three dimensions are [B, C, L], two [B, C].",
      "[B, C, H, W], [B, C, L] or [B, C]",
      [](Body& b) {
        if (!CheckRank(b, "DROPOUT_C4", {2, 3, 4})) return;
        Plain(b, "aten.feature_dropout.default");
      },
      "float32[2, 3, 4, 4]"));
  nodes.push_back(Dropout(
      "Dropout3d", "nn.Dropout3d",
      "While training, zeroes whole channels of volumes with probability p and "
      "scales the others by 1 / (1 - p).",
      "[B, C, D, H, W] or [C, D, H, W]", [](Body& b) { Channels(b, 4, 5); },
      "float32[2, 3, 4, 4, 4]"));
  nodes.push_back(Dropout(
      "AlphaDropout", "nn.AlphaDropout",
      "While training, sets elements to SELU's negative limit with probability "
      "p and rescales, so that mean 0 and variance 1 stay.",
      "[...], any shape", [](Body& b) { Plain(b, "aten.alpha_dropout.default"); },
      "float32[2, 3]"));
  nodes.push_back(Dropout(
      "FeatureAlphaDropout", "nn.FeatureAlphaDropout",
      "AlphaDropout of whole channels (dimension 1).", "[B, C, ...]",
      [](Body& b) { Plain(b, "aten.feature_alpha_dropout.default"); }, "float32[2, 3, 4]"));
}

}  // namespace graphkiln::nodes
