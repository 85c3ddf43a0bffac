// Pages of codes about files and limits.
#include "common/compiler/pages/families.h"

namespace graphkiln::compiler {

void AddFilesPages(std::vector<CodePage>& pages) {
  pages.push_back({.code = "BAD_VERSION",
                   .title = "The graph was written for a newer version",
                   .text = "Update this program, or write the graph as version 1.",
                   .wrong = R"(graphkiln: 2
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: 3}}
outputs: {y: fc}
)",
                   .right = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: 3}}
outputs: {y: fc}
)"});
  pages.push_back(
      {.code = "DATA_INVALID",
       .title = "The data cannot be read",
       .text = "The message names file, line and column of the first bad cell: a number that "
               "is none, a missing cell, a label out of range, a row that is too long."});
  pages.push_back({.code = "DUPLICATE_KEY",
                   .title = "A key stands twice in a map",
                   .text = "Which of the two values is meant would be a guess; remove one.",
                   .wrong = R"(graphkiln: 1
name: a
name: b
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: 3}}
outputs: {y: fc}
)",
                   .right = R"(graphkiln: 1
name: a
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: 3}}
outputs: {y: fc}
)"});
  pages.push_back({.code = "INTERNAL",
                   .title = "A fault of this program",
                   .text = "Please report it together with the graph."});
  pages.push_back(
      {.code = "LIMIT",
       .title = "A limit is reached",
       .text = "Graphs have at most 200,000 nodes and 64 MiB, files nest at most 64 levels, "
               "composites expand to at most 200,000 nodes."});
  pages.push_back({.code = "MISSING_KEY",
                   .title = "A required key is absent",
                   .text = "The diagnostic names the key and where it belongs.",
                   .wrong = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {in: x, params: {out_features: 3}}
outputs: {y: fc}
)",
                   .right = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: 3}}
outputs: {y: fc}
)"});
  pages.push_back({.code = "MISSING_SHAPE",
                   .title = "The shape of an input is not known",
                   .text = "The file's format has no input shapes; give them with `--input "
                           "NAME=DIMS[:DTYPE]`.",
                   .wrong = R"(graphkiln: 1
inputs: {x: {shape: null}}
nodes:
  fc: {type: Linear, in: x, params: {in_features: 4, out_features: 3}}
outputs: {y: fc}
)",
                   .right = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {in_features: 4, out_features: 3}}
outputs: {y: fc}
)",
                   .fixes = "a shape that the nodes behind can take"});
  pages.push_back(
      {.code = "SYNTAX",
       .title = "The file cannot be read",
       .text = "The message names line and column of the first character that does not fit.",
       .wrong = R"(graphkiln: 1
inputs: [x
)",
       .right = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: 3}}
outputs: {y: fc}
)"});
  pages.push_back({.code = "TA_UNUSED_MODULE",
                   .title = "A TorchArc module that the graph does not call",
                   .text = "TorchArc drops it without a word. It has no weights and does nothing "
                           "here either, but is kept in the file when that is written back."});
  pages.push_back({.code = "TC_LAYOUT",
                   .title = "Channels first data reaches a recurrent node of TorchCanvas",
                   .text = "Convolutions give [B, C, T], recurrent blocks read [B, T, H]: without "
                           "a Permute_BCT_to_BTH between them, channels are taken for steps."});
  pages.push_back({.code = "TC_SAME_EVEN_KERNEL",
                   .title = "\"same\" with an even kernel in a TorchCanvas file",
                   .text = "Here the size stays, with one more zero behind than in front. "
                           "TorchCanvas pads kernel_size // 2 on both sides, which gives one "
                           "element more; set the padding to that number for its result."});
  pages.push_back({.code = "TC_UNLISTED_INPUT",
                   .title = "An Input node of TorchCanvas that is not among the inputs",
                   .text = "It becomes the last input of the graph; add it to `inputs`."});
  pages.push_back({.code = "VD_INPUTS",
                   .title = "Several nodes of a VisDL graph read the data set",
                   .text = "The node without an incoming edge reads the data set, and there is one "
                           "of them: a Split hands parts of the columns to several nodes."});
  pages.push_back({.code = "VD_OUTPUTS",
                   .title = "Several nodes of a VisDL graph could be its output",
                   .text = "The node without an outgoing edge is the model's output. Where there "
                           "are several, VisDL drops all but the last one without a word."});
  pages.push_back({.code = "UNKNOWN_FIELD",
                   .title = "A key has no meaning here",
                   .text = "It is kept, but does nothing; often it is a misspelling.",
                   .wrong = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, parms: {}, params: {out_features: 3}}
outputs: {y: fc}
)",
                   .right = R"(graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc: {type: Linear, in: x, params: {out_features: 3}}
outputs: {y: fc}
)"});
  pages.push_back(
      {.code = "UNKNOWN_KEY",
       .title = "A key has no meaning here",
       .text = "Job files are strict, so that a misspelt option never goes unnoticed."});
  pages.push_back({.code = "UNSUPPORTED",
                   .title = "Not available in this version",
                   .text = "The message says what is missing."});
}

}  // namespace graphkiln::compiler
