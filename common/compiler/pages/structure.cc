// Pages of codes about nodes and what connects them.
#include "common/compiler/pages/families.h"

namespace graphkiln::compiler {

void AddStructurePages(std::vector<CodePage>& pages) {
  pages.push_back(
      {.code = "ARITY",
       .title = "Too few or too many values",
       .text = "The node type takes a certain number of inputs; `kiln explain TYPE` lists its "
               "ports. Ports that take lists accept `[a, b]`.",
       .wrong = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  act: {type: ReLU, in: [x, x]}
outputs: {y: act}
)",
       .right = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  act: {type: ReLU, in: x}
outputs: {y: act}
)",
       .fixes = "disconnect what is too much; connect what nothing else uses"});
  pages.push_back({.code = "BAD_ID",
                   .title = "A node id is empty or too long",
                   .text = "Ids are free text of 1 to 1,024 bytes.",
                   .fixes = "another id"});
  pages.push_back({.code = "CYCLE",
                   .title = "The graph goes in circles",
                   .text =
                       "A node depends on its own result. Cut one of the edges that the diagnostic "
                       "lists.",
                   .wrong = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  a: {type: ReLU, in: fc}
  fc: {type: Linear, in: a, params: {out_features: 3}}
outputs: {y: fc}
)",
                   .right = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  a: {type: ReLU, in: x}
  fc: {type: Linear, in: a, params: {out_features: 3}}
outputs: {y: fc}
)",
                   .fixes = "another source for the port that closes the circle"});
  pages.push_back({.code = "DUPLICATE_ID",
                   .title = "A name is used twice",
                   .text = "Inputs and nodes share one space of names; outputs have their own.",
                   .wrong = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  x: {type: ReLU, in: x}
outputs: {y: x}
)",
                   .right = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  act: {type: ReLU, in: x}
outputs: {y: act}
)",
                   .fixes = "another id for the second one"});
  pages.push_back({.code = "MISSING_INPUT",
                   .title = "Nothing is connected to a port",
                   .text = "Connect a node or an input of the graph to the port.",
                   .wrong = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, params: {out_features: 3}}
outputs: {y: fc}
)",
                   .right = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: 3}}
outputs: {y: fc}
)",
                   .fixes = "connect what nothing else uses, or what stands before the node"});
  pages.push_back({.code = "MUTED_OUTPUT",
                   .title = "An output hangs on a muted node",
                   .text =
                       "A muted node takes along all that cannot do without it: nodes with a "
                       "required input that it feeds, but not those that join several values "
                       "(`Add`, `Concat`), which go on with the rest. Outputs among them are left "
                       "out; one must stay.",
                   .wrong = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: 3}, mode: muted}
outputs: {y: fc}
)",
                   .right = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: 3}, mode: muted}
  sum: {type: Add, in: [x, fc]}
outputs: {y: sum}
)",
                   .fixes = "the muted node takes part again"});
  pages.push_back(
      {.code = "NO_INPUTS",
       .title = "The graph has no input",
       .text = "Declare at least one input with its shape. The shape that is offered "
               "is one that the nodes can take; check its sizes.",
       .wrong = R"(graphkiln: 1
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
       .fixes = "declare the names that nodes read as inputs, with types that they take"});
  pages.push_back({.code = "NO_OUTPUTS",
                   .title = "The graph has no output",
                   .text = "Name at least one node as output.",
                   .wrong = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: 3}}
)",
                   .right = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: 3}}
outputs: {y: fc}
)",
                   .fixes = "connect the last unused node"});
  pages.push_back(
      {.code = "SHARED_MODULE",
       .title = "Nodes that share weights differ",
       .text = "`module: NODE` uses the other node's weights: both need one type, and inputs "
               "that give the weights one shape.",
       .wrong = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  a: {type: Linear, in: x, params: {out_features: 4}}
  fc: {type: Linear, in: a, module: a, params: {out_features: 3}}
outputs: {y: fc}
)",
       .right = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  a: {type: Linear, in: x, params: {out_features: 4}}
  fc: {type: Linear, in: a, module: a}
outputs: {y: fc}
)",
       .fixes = "the type and parameters of the other node"});
  pages.push_back({.code = "TUPLE_NEEDS_GET",
                   .title = "Several values arrive where one is expected",
                   .text =
                       "Some nodes give several values, such as GRU (output, h_n). Name the port "
                       "(`gru.output`), or put a Get between.",
                   .wrong = R"(graphkiln: 1
inputs: {x: {shape: [10, B, 4]}}
nodes:
  gru: {type: GRU, in: x, params: {hidden_size: 8}}
  fc: {type: Linear, in: gru, params: {out_features: 3}}
outputs: {y: fc}
)",
                   .right = R"(graphkiln: 1
inputs: {x: {shape: [10, B, 4]}}
nodes:
  gru: {type: GRU, in: x, params: {hidden_size: 8}}
  fc: {type: Linear, in: gru.output, params: {out_features: 3}}
outputs: {y: fc}
)",
                   .fixes = "name the first output port; put a Get between"});
  pages.push_back({.code = "UNKNOWN_PORT",
                   .title = "There is no such port",
                   .text = "`kiln explain TYPE` lists the ports.",
                   .wrong = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: {inptu: x}, params: {out_features: 3}}
outputs: {y: fc}
)",
                   .right = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: 3}}
outputs: {y: fc}
)",
                   .fixes = "the nearest name; a port that is free"});
  pages.push_back({.code = "UNKNOWN_REFERENCE",
                   .title = "There is no such node",
                   .text = "References name a node, `node.port`, or an input of the graph.",
                   .wrong = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: xx, params: {out_features: 3}}
outputs: {y: fc}
)",
                   .right = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: 3}}
outputs: {y: fc}
)",
                   .fixes = "the nearest name; what nothing else uses"});
  pages.push_back({.code = "UNKNOWN_TYPE",
                   .title = "There is no such type",
                   .text = "`kiln explain` lists all node types.",
                   .wrong = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linaer, in: x, params: {out_features: 3}}
outputs: {y: fc}
)",
                   .right = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: 3}}
outputs: {y: fc}
)",
                   .fixes = "the nearest type; a type that has the parameters"});
  pages.push_back({.code = "UNUSED_NODE",
                   .title = "No output depends on a node",
                   .text = "The node is computed in vain; connect it or remove it.",
                   .wrong = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: 3}}
  idle: {type: ReLU, in: x}
outputs: {y: fc}
)",
                   .right = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: 3}}
outputs: {y: fc}
)",
                   .fixes = "remove the node",
                   .costs = "Its weights take memory and stand in the state_dict, but never learn.",
                   .false_alarm =
                       "A node that is connected later, or that an experiment has cut off "
                       "for a while; `mode: muted` says that it takes no part."});
}

}  // namespace graphkiln::compiler
