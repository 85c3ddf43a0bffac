// Recurrent networks of one step.
#include "common/nodes/body.h"
#include "common/nodes/families.h"
#include "common/nodes/initializers.h"

namespace graphkiln::nodes {
namespace {

std::vector<ParamSpec> CellParams() {
  return {Int("input_size").InferredFrom("input", -1).Min(1).Doc("features of the input"),
          Int("hidden_size").Required().Min(1).Doc("features of the state"),
          Bool("bias").Default(ParamValue(true)).Doc("learned biases")};
}

const char* const kInputDoc = "[B, input_size] or [input_size]";
const char* const kStateDoc = "[B, hidden_size] or [hidden_size]; zeros where absent";

// One step; a single sample becomes a batch of one for the call.
struct Step {
  ir::Argument input;
  bool batched = true;
  std::vector<ir::Argument> weights;  // w_ih, w_hh, b_ih, b_hh
};

std::optional<Step> ReadStep(Body& b, int64_t gates) {
  Step step;
  step.input = b.In("input");
  const ir::TensorType type = b.TypeOf(step.input);
  if (type.rank() != 1 && type.rank() != 2) {
    Failure failure;
    failure.code = "RANK_MISMATCH";
    failure.rule = "RNN_CELL_C1";
    failure.port = "input";
    failure.message = "input must be one step";
    failure.expected = "[B, features] or [features]";
    failure.found = ir::TypeText(type);
    b.Fail(std::move(failure));
    return std::nullopt;
  }
  step.batched = type.rank() == 2;
  if (!step.batched) {
    step.input = b.Call("aten.reshape.default", {step.input, ir::Shape{1, type.dim(0)}});
  }
  const int64_t hidden = b.Int("hidden_size");
  const ir::Initializer init = UniformByWidth(hidden);
  step.weights = {b.Weight("weight_ih", {gates * hidden, b.Int("input_size")}, init),
                  b.Weight("weight_hh", {gates * hidden, hidden}, init), ir::Argument(),
                  ir::Argument()};
  if (b.Flag("bias")) {
    step.weights[2] = b.Weight("bias_ih", {gates * hidden}, init);
    step.weights[3] = b.Weight("bias_hh", {gates * hidden}, init);
  }
  return step;
}

ir::Argument State(Body& b, const Step& step, const ir::Argument& given) {
  const ir::TensorType& input = b.TypeOf(step.input);
  if (given.IsNone() && b.ok()) {
    return b.Call("aten.zeros.default", {ir::Shape{input.dim(0), b.Int("hidden_size")}, input.dtype,
                                         ir::Argument(), ir::DeviceArg{}});
  }
  const ir::TensorType& type = b.TypeOf(given);
  if (step.batched || type.rank() != 1) return given;
  return b.Call("aten.reshape.default", {given, ir::Shape{1, type.dim(0)}});
}

void Return(Body& b, const Step& step, std::string_view port, const ir::Argument& value) {
  if (!b.ok()) return;
  b.Return(port, step.batched
                     ? value
                     : b.Call("aten.reshape.default", {value, ir::Shape{b.TypeOf(value).dim(1)}}));
}

void PlainBody(Body& b, const char* op, int64_t gates) {
  const auto step = ReadStep(b, gates);
  if (!step) return;
  const ir::Argument state = State(b, *step, b.In("hx"));
  const auto& w = step->weights;
  Return(b, *step, "output", b.Call(op, {step->input, state, w[0], w[1], w[2], w[3]}));
}

void LstmBody(Body& b) {
  const auto step = ReadStep(b, 4);
  if (!step) return;
  const std::vector<ir::Argument> given = b.Ins("hx");
  const ir::Argument h0 = State(b, *step, given.empty() ? ir::Argument() : given[0]);
  const ir::Argument c0 = State(b, *step, given.size() < 2 ? ir::Argument() : given[1]);
  const auto& w = step->weights;
  const auto next = b.CallMany("aten.lstm_cell.default",
                               {step->input, ir::Argument::List{h0, c0}, w[0], w[1], w[2], w[3]});
  if (next.size() < 2) return;
  Return(b, *step, "h", next[0]);
  Return(b, *step, "c", next[1]);
}

}  // namespace

void AddRnnCellNodes(std::vector<NodeDef>& nodes) {
  std::vector<ParamSpec> plain = CellParams();
  plain.push_back(Text("nonlinearity")
                      .Default("tanh")
                      .Choices({"tanh", "relu"})
                      .Doc("what bends the sum of input and state"));
  const Example example = {.inputs = {"float32[2, 3]"},
                           .params = {{"hidden_size", int64_t{4}}},
                           .outputs = {"float32[2, 4]"}};
  const PortSpec input = {.name = "input", .doc = kInputDoc};
  const PortSpec state = {.name = "hx", .doc = kStateDoc, .optional = true};
  nodes.push_back({.name = "RNNCell",
                   .category = "rnn",
                   .doc = "One step of a recurrent network: h' = tanh(W_ih x + b_ih + W_hh h + "
                          "b_hh). Gives the next state.",
                   .params = std::move(plain),
                   .inputs = {input, state},
                   .outputs = {{.doc = "the next state [B, hidden_size]"}},
                   .body =
                       [](Body& b) {
                         PlainBody(b,
                                   b.Text("nonlinearity") == "relu" ? "aten.rnn_relu_cell.default"
                                                                    : "aten.rnn_tanh_cell.default",
                                   1);
                       },
                   .python = Python::Module("nn.RNNCell"),
                   .bypass = Bypass::Ports({"hx"}),
                   .example = example});
  nodes.push_back({.name = "GRUCell",
                   .category = "rnn",
                   .doc = "One step of a gated recurrent unit. Gives the next state.",
                   .params = CellParams(),
                   .inputs = {input, state},
                   .outputs = {{.doc = "the next state [B, hidden_size]"}},
                   .body = [](Body& b) { PlainBody(b, "aten.gru_cell.default", 3); },
                   .python = Python::Module("nn.GRUCell"),
                   .bypass = Bypass::Ports({"hx"}),
                   .example = example});
  nodes.push_back({.name = "LSTMCell",
                   .category = "rnn",
                   .doc = "One step of a long short-term memory. Gives (h, c), the next state and "
                          "the next cell.",
                   .params = CellParams(),
                   .inputs = {input,
                              {.name = "hx",
                               .doc = "pair of state and cell; zeros where absent",
                               .optional = true,
                               .variadic = true,
                               .at_least = 2,
                               .at_most = 2}},
                   .outputs = {{.name = "h", .doc = "the next state [B, hidden_size]", .path = {0}},
                               {.name = "c", .doc = "the next cell [B, hidden_size]", .path = {1}}},
                   .body = LstmBody,
                   .python = Python::Module("nn.LSTMCell"),
                   .bypass = Bypass::Ports({"hx", "hx"}),
                   .example = {.inputs = {"float32[2, 3]"},
                               .params = {{"hidden_size", int64_t{4}}},
                               .outputs = {"float32[2, 4]", "float32[2, 4]"}}});
}

}  // namespace graphkiln::nodes
