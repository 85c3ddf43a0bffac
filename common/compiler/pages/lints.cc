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
       .fixes = "GroupNorm, which looks at each sample by itself",
       .costs = "The running statistics are those of single samples: evaluation differs from "
                "training, and losses jump. With one value per channel PyTorch stops with an error "
                "at the first step.",
       .false_alarm =
           "Where the graph is only ever evaluated, the running statistics of its weights "
           "serve and the batch does not matter."});
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
       .fixes = "use the first node in both places",
       .costs = "The second node's time and the memory that it keeps for the backward pass.",
       .false_alarm =
           "Where both are to be changed apart from each other later, or one of them is to "
           "be bypassed. Nodes with weights or random numbers are never meant by this."});
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
)",
       .costs = "The weights keep their first, random values; their share of the forward pass is "
                "spent, the optimizer holds state for them, and the loss stops early.",
       .false_alarm = "Random features and target networks are meant to stay as they are: "
                      "`compile: freeze` says so, and ends the warning."});
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
       .fixes = "remove the activation",
       .costs =
           "Gradients shrink by the slope of the activation, so training takes several times as "
           "many steps; the loss of a perfect prediction of ten classes is 1.46, not 0.",
       .false_alarm =
           "A temperature or an attention over classes may end in a softmax whose result "
           "serves as logits on purpose; that is rare, and a Linear after it ends the "
           "warning. LogSoftmax before CrossEntropyLoss changes no value: it costs its "
           "time alone."});
}

}  // namespace graphkiln::compiler
