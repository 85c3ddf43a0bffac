// Pages of codes about shapes and element types.
#include "common/compiler/pages/families.h"

namespace graphkiln::compiler {

void AddTypesPages(std::vector<CodePage>& pages) {
  pages.push_back(
      {.code = "ARGUMENT_TYPE",
       .title = "A value of the wrong kind arrives at a port",
       .text = "A port that takes a tensor got a constant, nothing, or a tuple or dict where "
               "something else is expected. Connect a node or an input of the graph.",
       .wrong = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: [3], params: {out_features: 3}}
outputs: {y: fc}
)",
       .right = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: 3}}
outputs: {y: fc}
)",
       .fixes = "connect a node or an input of the graph; take one item of a tuple"});
  pages.push_back(
      {.code = "BAD_SHAPE",
       .title = "An input has no legal shape",
       .text = "Sizes are whole numbers of 0 or more, or symbols such as `B`, or arithmetic on "
               "symbols such as `(T+3)//2`.",
       .wrong = R"(graphkiln: 1
inputs: {x: {shape: [B, -4]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: 3}}
outputs: {y: fc}
)",
       .right = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: 3}}
outputs: {y: fc}
)",
       .fixes = "the shape as it was probably meant; a shape that the nodes behind can take"});
  pages.push_back({.code = "BYPASS_SHAPE",
                   .title = "A bypassed node cannot stand aside, or changes sizes",
                   .text =
                       "A bypassed node hands its first input on (`kiln explain TYPE` names the "
                       "rule of its type), which needs a result of the same rank and element type; "
                       "its other outputs have no value. Sizes may differ: what follows is typed "
                       "anew, or takes a projection in the node's place.",
                   .wrong = R"(graphkiln: 1
inputs: {x: {shape: [B, 3, 4]}}
nodes:
  flat: {type: Flatten, in: x, mode: bypassed}
outputs: {y: flat}
)",
                   .right = R"(graphkiln: 1
inputs: {x: {shape: [B, 3, 4]}}
nodes:
  flat: {type: Reshape, in: x, params: {shape: [-1, 12]}}
outputs: {y: flat}
)",
                   .fixes = "layers that stand in for the node; the node takes part again"});
  pages.push_back(
      {.code = "DTYPE_MISMATCH",
       .title = "Element types do not fit",
       .text = "For example whole numbers where a floating-point tensor is needed. Change the "
               "dtype of the input, or put a node between that converts.",
       .wrong = R"(graphkiln: 1
inputs: {x: {dtype: int64, shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: 3}}
outputs: {y: fc}
)",
       .right = R"(graphkiln: 1
inputs: {x: {dtype: int64, shape: [B, 4]}}
nodes:
  cast: {type: Cast, in: x, params: {dtype: float32}}
  fc: {type: Linear, in: cast, params: {out_features: 3}}
outputs: {y: fc}
)",
       .fixes = "a Cast before the port"});
  pages.push_back(
      {.code = "RANK_MISMATCH",
       .title = "A tensor has the wrong number of dimensions",
       .text = "For example a picture without a channel dimension. Reshape, Flatten or Permute "
               "between the nodes changes the rank.",
       .wrong = R"(graphkiln: 1
inputs: {x: {shape: [B, 32]}}
nodes:
  conv: {type: Conv2d, in: x, params: {out_channels: 8, kernel_size: 3}}
outputs: {y: conv}
)",
       .right = R"(graphkiln: 1
inputs: {x: {shape: [B, 1, 32, 32]}}
nodes:
  conv: {type: Conv2d, in: x, params: {out_channels: 8, kernel_size: 3}}
outputs: {y: conv}
)",
       .fixes = "Unsqueeze, Squeeze, Flatten or Permute before the port; the type for another "
                "number of dimensions"});
  pages.push_back(
      {.code = "SHAPE_MISMATCH",
       .title = "Sizes do not fit",
       .text = "The diagnostic shows the expected and the found shape; open sizes are shown by "
               "their symbols.",
       .wrong = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {in_features: 8, out_features: 3}}
outputs: {y: fc}
)",
       .right = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {in_features: 4, out_features: 3}}
outputs: {y: fc}
)",
       .fixes = "the size that arrives; the size that the node before gives; Flatten or Permute "
                "where that makes the sizes fit; padding, kernel or stride of a window; a 1x1 "
                "projection before a merge"});
  pages.push_back({.code = "SIZE_OVERFLOW",
                   .title = "A tensor would be larger than any machine's memory",
                   .text =
                       "Check the parameters for a slip of the keyboard. Where sizes are open, "
                       "their expressions have at most 4,096 characters, 256 terms and 16 "
                       "divisions inside each other: pooling and joining by turns makes them grow.",
                   .wrong = R"(graphkiln: 1
inputs: {x: {shape: [B, 2000000]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: 2000000}}
outputs: {y: fc}
)",
                   .right = R"(graphkiln: 1
inputs: {x: {shape: [B, 2000000]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: 3}}
outputs: {y: fc}
)",
                   .fixes = "a usual size"});
  pages.push_back(
      {.code = "SYMBOLIC_WEIGHT",
       .title = "A weight would have an open size",
       .text = "Weights exist before the first forward, so the sizes that they follow from "
               "must be fixed numbers. Give the input a fixed size in that dimension.",
       .wrong = R"(graphkiln: 1
inputs: {x: {shape: [4, T]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: 3}}
outputs: {y: fc}
)",
       .right = R"(graphkiln: 1
inputs: {x: {shape: [T, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: 3}}
outputs: {y: fc}
)",
       .fixes = "Permute, so that a fixed size stands where the weight follows from it"});
}

}  // namespace graphkiln::compiler
