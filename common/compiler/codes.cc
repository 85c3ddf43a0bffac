#include "common/compiler/codes.h"

namespace graphkiln::compiler {
namespace {

constexpr CodePage kPages[] = {
    {"ARGUMENT_TYPE", "A value of the wrong kind arrives at a port",
     "A port that takes a tensor got a constant, nothing, or a tuple or dict where something else "
     "is expected. Connect a "
     "node or an input of the graph."},
    {"ARITY", "Too few or too many values",
     "The node type takes a certain number of inputs; `kiln explain TYPE` lists its ports. Ports "
     "that take lists accept "
     "`[a, b]`."},
    {"BAD_EXPRESSION", "An expression cannot be computed",
     "Expressions such as `$width * 2` know the graph's variables, + - * / // %, comparisons, `a "
     "if c else b`, min, max, "
     "len and int. The message names the character."},
    {"BAD_ID", "A node id is empty or too long", "Ids are free text of 1 to 1,024 bytes."},
    {"BAD_SHAPE", "An input has no legal shape",
     "Sizes are whole numbers of 0 or more, or symbols such as `B`, or arithmetic on symbols such "
     "as `(T+3)//2`."},
    {"BAD_VERSION", "The graph was written for a newer version",
     "Update this program, or write the graph as version 1."},
    {"BYPASS_SHAPE", "A bypassed node changes its input's type",
     "A bypassed node passes its first input through, which works only where the result has the "
     "same shape and element "
     "type."},
    {"COMPOSITE_RULE", "A condition of a composite does not hold",
     "Composites state conditions on parameters and inputs; the message says which one. `kiln "
     "explain TYPE` lists the "
     "parameters."},
    {"CYCLE", "The graph goes in circles",
     "A node depends on its own result. Cut one of the edges that the diagnostic lists."},
    {"DATA_INVALID", "The data cannot be read",
     "The message names file, line and column of the first bad cell: a number that is none, a "
     "missing cell, a label out "
     "of range, a row that is too long."},
    {"DTYPE_MISMATCH", "Element types do not fit",
     "For example whole numbers where a floating-point tensor is needed. Change the dtype of the "
     "input, or put a node "
     "between that converts."},
    {"DUPLICATE_ID", "A name is used twice",
     "Inputs and nodes share one space of names; outputs have their own."},
    {"DUPLICATE_KEY", "A key stands twice in a map",
     "Which of the two values is meant would be a guess; remove one."},
    {"INTERNAL", "A fault of this program", "Please report it together with the graph."},
    {"LIMIT", "A limit is reached",
     "Graphs have at most 200,000 nodes and 64 MiB, files nest at most 64 levels, composites "
     "expand to at most 200,000 "
     "nodes."},
    {"MISSING_INPUT", "Nothing is connected to a port",
     "Connect a node or an input of the graph to the port."},
    {"MISSING_KEY", "A required key is absent",
     "The diagnostic names the key and where it belongs."},
    {"MISSING_PARAM", "A required parameter is absent",
     "`kiln explain TYPE` lists the parameters of the node type."},
    {"MISSING_SHAPE", "The shape of an input is not known",
     "The file's format has no input shapes; give them with `--input NAME=DIMS[:DTYPE]`."},
    {"NO_INPUTS", "The graph has no input", "Declare at least one input with its shape."},
    {"NO_OUTPUTS", "The graph has no output", "Name at least one node as output."},
    {"PARAM_RANGE", "A parameter is out of range", "The diagnostic names the legal values."},
    {"PARAM_TYPE", "A parameter has the wrong type",
     "The diagnostic names the type that is expected."},
    {"RANK_MISMATCH", "A tensor has the wrong number of dimensions",
     "For example a picture without a channel dimension. Reshape, Flatten or Permute between the "
     "nodes changes the rank."},
    {"SHAPE_MISMATCH", "Sizes do not fit",
     "The diagnostic shows the expected and the found shape; open sizes are shown by their "
     "symbols."},
    {"SHARED_MODULE", "Nodes that share weights differ",
     "`module: NODE` uses the other node's weights: both need one type, and inputs that give the "
     "weights one shape."},
    {"SIZE_OVERFLOW", "A tensor would be larger than any machine's memory",
     "Check the parameters for a slip of the keyboard."},
    {"SYMBOLIC_WEIGHT", "A weight would have an open size",
     "Weights exist before the first forward, so the sizes that they follow from must be fixed "
     "numbers. Give the input a "
     "fixed size in that dimension."},
    {"SYNTAX", "The file cannot be read",
     "The message names line and column of the first character that does not fit."},
    {"TUPLE_NEEDS_GET", "Several values arrive where one is expected",
     "Some nodes give several values, such as GRU (output, h_n). Name the port (`gru.output`), or "
     "put a Get between."},
    {"UNKNOWN_FIELD", "A key has no meaning here",
     "It is kept, but does nothing; often it is a misspelling."},
    {"UNKNOWN_KEY", "A key has no meaning here",
     "Job files are strict, so that a misspelt option never goes unnoticed."},
    {"UNKNOWN_PARAM", "The node type has no such parameter",
     "Names are torch.nn's; `kiln explain TYPE` lists them."},
    {"UNKNOWN_PORT", "There is no such port", "`kiln explain TYPE` lists the ports."},
    {"UNKNOWN_REFERENCE", "There is no such node",
     "References name a node, `node.port`, or an input of the graph."},
    {"UNKNOWN_TYPE", "There is no such type", "`kiln explain` lists all node types."},
    {"UNSUPPORTED", "Not available in this version", "The message says what is missing."},
    {"UNUSED_NODE", "No output depends on a node",
     "The node is computed in vain; connect it or remove it."},
};

}  // namespace

absl::Span<const CodePage> CodePages() { return kPages; }

const CodePage* FindCode(std::string_view code) {
  for (const CodePage& page : kPages) {
    if (page.code == code) return &page;
  }
  return nullptr;
}

}  // namespace graphkiln::compiler
