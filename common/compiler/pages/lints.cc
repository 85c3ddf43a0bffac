// Pages of codes of what is legal, but hardly meant.
#include "common/compiler/pages/families.h"

namespace graphkiln::compiler {

void AddLintsPages(std::vector<CodePage>& pages) {
  pages.push_back(
      {.code = "BATCH_OF_ONE",
       .title = "Batch normalisation sees one sample",
       .text = "In training, batch normalisation takes mean and deviation over the batch. With "
               "a fixed batch of one sample they say nothing about the data, and with one "
               "value per channel PyTorch refuses to train. Leave the batch open (`B`), or use "
               "a normalisation of each sample by itself.",
       .wrong = R"(graphkiln: 1
inputs: {x: {shape: [1, 4]}}
nodes:
  bn: {type: BatchNorm1d, in: x}
outputs: {y: bn}
)",
       .right = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  bn: {type: BatchNorm1d, in: x}
outputs: {y: bn}
)",
       .fixes = "GroupNorm, which looks at each sample by itself"});
  pages.push_back(
      {.code = "DUPLICATE_BRANCH",
       .title = "Two nodes do the same",
       .text = "Both have one type, the same parameters and the same inputs, no weights and no "
               "randomness, so both give the same values. One is enough; often one of the "
               "inputs is a slip.",
       .wrong = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  a: {type: Tanh, in: x}
  b: {type: Tanh, in: x}
  sum: {type: Add, in: [a, b]}
outputs: {y: sum}
)",
       .right = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  a: {type: Tanh, in: x}
  sum: {type: Add, in: [a, a]}
outputs: {y: sum}
)",
       .fixes = "use the first node in both places"});
  pages.push_back(
      {.code = "MODE_WITHOUT_EFFECT",
       .title = "A compile mode that changes nothing",
       .text = "`compile: freeze`, `constant` and `export` are about weights, and `constant` about "
               "what can be computed once besides. The node has no weights, and nothing of it can "
               "be computed without an input of the graph, so the plan is the same without the "
               "mode. `kiln plan` says so."});
  pages.push_back(
      {.code = "NO_GRADIENT",
       .title = "Weights that cannot learn",
       .text = "Every way from these weights to the outputs goes through something without a "
               "gradient: Detach, ArgMax, comparisons, a cast to whole numbers. Training would "
               "leave them as they started. Freeze the node (`compile: freeze`) where that is "
               "meant.",
       .wrong = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: 3}}
  cut: {type: Detach, in: fc}
  out: {type: Linear, in: cut, params: {out_features: 3}}
outputs: {y: out}
)",
       .right = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: 3}}
  out: {type: Linear, in: fc, params: {out_features: 3}}
outputs: {y: out}
)"});
  pages.push_back(
      {.code = "SOFTMAX_BEFORE_LOSS",
       .title = "A loss applies an activation that its input has gone through",
       .text = "CrossEntropyLoss applies the softmax itself, BCEWithLogitsLoss the sigmoid. "
               "Applied twice, probabilities of nearly 1 look like logits of 1: the loss "
               "cannot become small and gradients are weak. Give the loss the numbers before "
               "the activation; for probabilities at inference, keep the activation on an "
               "output of its own.",
       .wrong = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}, t: {dtype: int64, shape: [B]}}
nodes:
  p: {type: Softmax, in: x, params: {dim: 1}}
  loss: {type: CrossEntropyLoss, in: [p, t]}
outputs: {y: loss}
)",
       .right = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}, t: {dtype: int64, shape: [B]}}
nodes:
  loss: {type: CrossEntropyLoss, in: [x, t]}
outputs: {y: loss}
)",
       .fixes = "remove the activation"});
}

}  // namespace graphkiln::compiler
