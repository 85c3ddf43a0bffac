// Recurrent networks.
#include "common/nodes/body.h"
#include "common/nodes/families.h"
#include "common/nodes/initializers.h"
#include "fmt/format.h"

namespace graphkiln::nodes {
namespace {

std::vector<ParamSpec> RecurrentParams() {
  return {Int("input_size").InferredFrom("input", -1).Min(1).Doc("features of each step"),
          Int("hidden_size").Required().Min(1).Doc("features of the state"),
          Int("num_layers").Default(1).Range(1, 1000).Doc("stacked layers"),
          Bool("bias").Default(ParamValue(true)).Doc("learned biases"),
          Bool("batch_first")
              .Default(ParamValue(false))
              .Doc("[B, T, features] instead of [T, B, features]"),
          Float("dropout").Default(0).Range(0, 1).Doc(
              "dropout after each layer but the last, while training"),
          Bool("bidirectional")
              .Default(ParamValue(false))
              .Doc("also runs from the end to the beginning")};
}

// Weights in torch.nn's order and names; `projected` is the width of the state (proj_size or
// hidden_size).
std::vector<ir::Argument> DeclareWeights(Body& b, int64_t gates, int64_t proj) {
  const int64_t hidden = b.Int("hidden_size");
  const int64_t state = proj > 0 ? proj : hidden;
  const int directions = b.Flag("bidirectional") ? 2 : 1;
  const ir::Initializer init = UniformByWidth(hidden);
  std::vector<ir::Argument> weights;
  for (int64_t layer = 0; layer < b.Int("num_layers"); ++layer) {
    for (int direction = 0; direction < directions; ++direction) {
      const std::string suffix = fmt::format("_l{}{}", layer, direction == 1 ? "_reverse" : "");
      const int64_t in = layer == 0 ? b.Int("input_size") : state * directions;
      weights.push_back(b.Weight("weight_ih" + suffix, {gates * hidden, in}, init));
      weights.push_back(b.Weight("weight_hh" + suffix, {gates * hidden, state}, init));
      if (b.Flag("bias")) {
        weights.push_back(b.Weight("bias_ih" + suffix, {gates * hidden}, init));
        weights.push_back(b.Weight("bias_hh" + suffix, {gates * hidden}, init));
      }
      if (proj > 0) weights.push_back(b.Weight("weight_hr" + suffix, {proj, hidden}, init));
    }
  }
  return weights;
}

// Sequences without a batch get one for the call.
struct Sequence {
  ir::Argument input;
  bool batched;
  ir::Dim batch;
};

ir::Shape Insert(ir::Shape shape, int at) {
  shape.insert(shape.begin() + at, ir::Dim(1));
  return shape;
}

std::optional<Sequence> ReadSequence(Body& b) {
  ir::Argument input = b.In("input");
  const ir::TensorType type = b.TypeOf(input);
  const bool first = b.Flag("batch_first");
  if (type.rank() == 3) return Sequence{input, true, type.dim(first ? 0 : 1)};
  if (type.rank() == 2) {
    input = b.Call("aten.reshape.default", {input, Insert(type.shape, first ? 0 : 1)});
    return Sequence{input, false, ir::Dim(1)};
  }
  Failure failure;
  failure.code = "RANK_MISMATCH";
  failure.rule = "RNN_C1";
  failure.port = "input";
  failure.message = "input must be a sequence";
  failure.expected =
      first ? "[B, T, features] or [T, features]" : "[T, B, features] or [T, features]";
  failure.found = ir::TypeText(type);
  b.Fail(std::move(failure));
  return std::nullopt;
}

ir::Argument State(Body& b, const Sequence& seq, ir::Argument given, int64_t width) {
  const int64_t layers = b.Int("num_layers") * (b.Flag("bidirectional") ? 2 : 1);
  if (given.IsNone()) {
    const v1::DataType dtype = b.TypeOf(seq.input).dtype;
    return b.Call("aten.zeros.default",
                  {ir::Shape{layers, seq.batch, width}, dtype, ir::Argument(), ir::DeviceArg{}});
  }
  if (!seq.batched && b.TypeOf(given).rank() == 2) {
    return b.Call("aten.reshape.default", {given, Insert(b.TypeOf(given).shape, 1)});
  }
  if (!seq.batched) {
    Failure failure;
    failure.code = "RANK_MISMATCH";
    failure.rule = "RNN_C7";
    failure.port = "hx";
    failure.message = "a sequence without a batch has a state without one";
    failure.expected = fmt::format("[{}, {}]", layers, width);
    failure.found = ir::TypeText(b.TypeOf(given));
    b.Fail(std::move(failure));
  }
  return given;
}

ir::Argument Squeeze(Body& b, const Sequence& seq, const ir::Argument& value, int at) {
  if (seq.batched || !b.ok()) return value;
  ir::Shape shape = b.TypeOf(value).shape;
  shape.erase(shape.begin() + at);
  return b.Call("aten.reshape.default", {value, shape});
}

void PlainBody(Body& b, const char* op, int64_t gates) {
  const auto seq = ReadSequence(b);
  if (!seq) return;
  const auto weights = DeclareWeights(b, gates, 0);
  const auto h0 = State(b, *seq, b.In("hx"), b.Int("hidden_size"));
  const auto results = b.CallMany(
      op, {seq->input, h0, weights, b.Flag("bias"), b.Int("num_layers"), b.Float("dropout"),
           ir::TrainingArg{}, b.Flag("bidirectional"), b.Flag("batch_first")});
  if (results.size() < 2) return;
  b.Return("output", Squeeze(b, *seq, results[0], b.Flag("batch_first") ? 0 : 1));
  b.Return("h_n", Squeeze(b, *seq, results[1], 1));
}

void LstmBody(Body& b) {
  const auto seq = ReadSequence(b);
  if (!seq) return;
  const int64_t proj = b.Int("proj_size");
  if (proj >= b.Int("hidden_size")) {
    Failure failure;
    failure.code = "PARAM_RANGE";
    failure.rule = "LSTM_C1";
    failure.param = "proj_size";
    failure.message = "proj_size must be smaller than hidden_size";
    failure.expected = fmt::format("0 to {}", b.Int("hidden_size") - 1);
    failure.found = fmt::format("{}", proj);
    return b.Fail(std::move(failure));
  }
  const auto weights = DeclareWeights(b, 4, proj);
  const std::vector<ir::Argument> given = b.Ins("hx");
  const auto at = [&](size_t i) { return i < given.size() ? given[i] : ir::Argument(); };
  const auto h0 = State(b, *seq, at(0), proj > 0 ? proj : b.Int("hidden_size"));
  const auto c0 = State(b, *seq, at(1), b.Int("hidden_size"));
  const auto results = b.CallMany(
      "aten.lstm.input",
      {seq->input, ir::Argument::List{h0, c0}, weights, b.Flag("bias"), b.Int("num_layers"),
       b.Float("dropout"), ir::TrainingArg{}, b.Flag("bidirectional"), b.Flag("batch_first")});
  if (results.size() < 3) return;
  b.Return("output", Squeeze(b, *seq, results[0], b.Flag("batch_first") ? 0 : 1));
  b.Return("h_n", Squeeze(b, *seq, results[1], 1));
  b.Return("c_n", Squeeze(b, *seq, results[2], 1));
}

}  // namespace

void AddRnnNodes(std::vector<NodeDef>& nodes) {
  std::vector<ParamSpec> plain = RecurrentParams();
  plain.insert(plain.begin() + 3, Text("nonlinearity")
                                      .Default("tanh")
                                      .Choices({"tanh", "relu"})
                                      .Doc("what bends the sum of input and state"));
  nodes.push_back(
      {.name = "RNN",
       .category = "rnn",
       .doc = "Elman's recurrent network: h' = tanh(W_ih x + b_ih + W_hh h + b_hh). Gives (output, "
              "h_n): all steps of the last layer, and the last state of every layer and direction.",
       .params = std::move(plain),
       .inputs = {{.name = "input",
                   .doc = "[T, B, input_size], or [B, T, input_size] with batch_first"},
                  {.name = "hx",
                   .doc = "first state [layers * directions, B, hidden_size]; zeros where absent",
                   .optional = true}},
       .outputs = {{.name = "output", .doc = "[T, B, directions * hidden_size]", .path = {0}},
                   {.name = "h_n", .doc = "[layers * directions, B, hidden_size]", .path = {1}}},
       .body =
           [](Body& b) {
             PlainBody(
                 b,
                 b.Text("nonlinearity") == "relu" ? "aten.rnn_relu.input" : "aten.rnn_tanh.input",
                 1);
           },
       .python = Python::Module("nn.RNN"),
       .bypass = Bypass::Ports({"input", "hx"}),
       .example = {.inputs = {"float32[5, 2, 3]"},
                   .params = {{"hidden_size", int64_t{4}}},
                   .outputs = {"float32[5, 2, 4]", "float32[1, 2, 4]"}}});
  nodes.push_back(
      {.name = "GRU",
       .category = "rnn",
       .doc = "Gated recurrent units. Gives (output, h_n): all steps of the last layer, and the "
              "last state of "
              "every layer and direction.",
       .params = RecurrentParams(),
       .inputs = {{.name = "input",
                   .doc = "[T, B, input_size], or [B, T, input_size] with batch_first"},
                  {.name = "hx",
                   .doc = "first state [layers * directions, B, hidden_size]; zeros where absent",
                   .optional = true}},
       .outputs = {{.name = "output", .doc = "[T, B, directions * hidden_size]", .path = {0}},
                   {.name = "h_n", .doc = "[layers * directions, B, hidden_size]", .path = {1}}},
       .body = [](Body& b) { PlainBody(b, "aten.gru.input", 3); },
       .python = Python::Module("nn.GRU"),
       .bypass = Bypass::Ports({"input", "hx"}),
       .example = {.inputs = {"float32[5, 2, 3]"},
                   .params = {{"hidden_size", int64_t{4}}},
                   .outputs = {"float32[5, 2, 4]", "float32[1, 2, 4]"}}});
  std::vector<ParamSpec> lstm = RecurrentParams();
  lstm.push_back(
      Int("proj_size").Default(0).Min(0).Doc("projects the state to this width; 0: no projection"));
  nodes.push_back(
      {.name = "LSTM",
       .category = "rnn",
       .doc = "Long short-term memory. Gives (output, (h_n, c_n)).",
       .params = std::move(lstm),
       .inputs = {{.name = "input",
                   .doc = "[T, B, input_size], or [B, T, input_size] with batch_first"},
                  {.name = "hx",
                   .doc = "pair of first state and first cell; zeros where absent",
                   .optional = true,
                   .variadic = true,
                   .at_least = 2,
                   .at_most = 2}},
       .outputs = {{.name = "output", .doc = "[T, B, directions * width]", .path = {0}},
                   {.name = "h_n", .doc = "[layers * directions, B, width]", .path = {1, 0}},
                   {.name = "c_n", .doc = "[layers * directions, B, hidden_size]", .path = {1, 1}}},
       .body = LstmBody,
       .python = Python::Module("nn.LSTM"),
       .bypass = Bypass::Ports({"input", "hx", "hx"}),
       .example = {.inputs = {"float32[5, 2, 3]"},
                   .params = {{"hidden_size", int64_t{4}}},
                   .outputs = {"float32[5, 2, 4]", "float32[1, 2, 4]", "float32[1, 2, 4]"}}});
}

}  // namespace graphkiln::nodes
