// Pages of codes about parameters.
#include "common/compiler/pages/families.h"

namespace graphkiln::compiler {

void AddParamsPages(std::vector<CodePage>& pages) {
  pages.push_back({.code = "BAD_EXPRESSION",
                   .title = "An expression cannot be computed",
                   .text =
                       "Expressions such as `$width * 2` know the graph's variables, + - * / // %, "
                       "comparisons, `a if c else b`, min, max, len and int. The message names the "
                       "character.",
                   .wrong = R"(graphkiln: 1
variables: {width: 3}
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: $widht}}
outputs: {y: fc}
)",
                   .right = R"(graphkiln: 1
variables: {width: 3}
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: $width}}
outputs: {y: fc}
)",
                   .fixes = "the nearest variable; the default of the parameter"});
  pages.push_back(
      {.code = "COMPOSITE_RULE",
       .title = "A condition of a composite does not hold",
       .text = "Composites state conditions on parameters and inputs; the message says which "
               "one. `kiln explain TYPE` lists the parameters.",
       .wrong = R"(graphkiln: 1
inputs: {x: {shape: [B, 3, 32, 32]}}
nodes:
  block: {type: ResidualBlock, in: x, params: {out_channels: 3, kernel_size: 4}}
outputs: {y: block}
)",
       .right = R"(graphkiln: 1
inputs: {x: {shape: [B, 3, 32, 32]}}
nodes:
  block: {type: ResidualBlock, in: x, params: {out_channels: 3, kernel_size: 3}}
outputs: {y: block}
)",
       .fixes = "another value of the parameter; a permutation or flattening before the port"});
  pages.push_back({.code = "MISSING_PARAM",
                   .title = "A required parameter is absent",
                   .text = "`kiln explain TYPE` lists the parameters of the node type.",
                   .wrong = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x}
outputs: {y: fc}
)",
                   .right = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: 3}}
outputs: {y: fc}
)",
                   .fixes = "the value that the nodes behind ask for, or a usual one"});
  pages.push_back({.code = "PARAM_RANGE",
                   .title = "A parameter is out of range",
                   .text = "The diagnostic names the legal values.",
                   .wrong = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  act: {type: Dropout, in: x, params: {p: 1.5}}
outputs: {y: act}
)",
                   .right = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  act: {type: Dropout, in: x, params: {p: 0.5}}
outputs: {y: act}
)",
                   .fixes = "the nearest legal value; the default; a number that divides"});
  pages.push_back({.code = "PARAM_TYPE",
                   .title = "A parameter has the wrong type",
                   .text = "The diagnostic names the type that is expected.",
                   .wrong = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: three}}
outputs: {y: fc}
)",
                   .right = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: 3}}
outputs: {y: fc}
)",
                   .fixes = "the value of the right type that the text reads as; the default"});
  pages.push_back(
      {.code = "UNKNOWN_PARAM",
       .title = "The node type has no such parameter",
       .text = "Names are torch.nn's; `kiln explain TYPE` lists them.",
       .wrong = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {out_featurs: 3}}
outputs: {y: fc}
)",
       .right = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: 3}}
outputs: {y: fc}
)",
       .fixes = "the nearest name; the name of a required parameter that is missing; remove it"});
}

}  // namespace graphkiln::compiler
