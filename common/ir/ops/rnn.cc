// Recurrent networks as single operators.
#include "common/base/status.h"
#include "common/ir/ops/families.h"
#include "common/ir/type_context.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

// Sizes of a recurrent call. `hidden` is the width of the state that leaves a step (proj_size where
// there is one).
struct Recurrent {
  TensorType output, state, cell;
};

absl::StatusOr<Recurrent> InferRecurrent(TypeContext& c, int gates, bool cell) {
  const TensorType& input = c.tensor("input");
  RETURN_IF_ERROR(c.Rank("RNN_C1", "input", {3}));
  const std::vector<const TensorType*> params = c.tensors("params");
  const int64_t layers = c.Int("num_layers");
  const int directions = c.Flag("bidirectional") ? 2 : 1;
  const bool biases = c.Flag("has_biases");
  const size_t least = static_cast<size_t>(layers * directions * (biases ? 4 : 2));
  const bool projected =
      cell && params.size() == static_cast<size_t>(layers * directions * (biases ? 5 : 3));
  if (params.empty() || (params.size() != least && !projected)) {
    return c.Fail("RNN_C2", "params", "the number of weights does not fit layers and directions",
                  fmt::format("{}", least), fmt::format("{}", params.size()), "ARITY");
  }
  if (input.dtype != params[0]->dtype) {
    return c.Fail("RNN_C3", "input", "input must have the element type of the weights",
                  std::string(DTypeName(params[0]->dtype)), std::string(DTypeName(input.dtype)),
                  "DTYPE_MISMATCH");
  }
  if (input.dim(2) != params[0]->dim(1)) {
    return c.Fail("RNN_C4", "input", "the last dimension must be input_size",
                  TypeText(input.WithDim(2, params[0]->dim(1))), TypeText(input));
  }
  if (!c.AtLeast(input.dim(c.Flag("batch_first") ? 1 : 0), 1)) {
    return c.Fail("RNN_C6", "input", "a sequence has at least one step", "1 step or more",
                  TypeText(input));
  }
  const Dim width = params[0]->dim(0).FloorDiv(gates);
  const Dim hidden = projected ? params[biases ? 4 : 2]->dim(0) : width;
  const Dim& batch = input.dim(c.Flag("batch_first") ? 0 : 1);
  Recurrent r;
  r.output = input.WithDim(2, hidden * Dim(directions));
  r.state = {input.dtype, {Dim(layers * directions), batch, hidden}};
  r.cell = {input.dtype, {Dim(layers * directions), batch, width}};
  return r;
}

absl::Status CheckState(TypeContext& c, const char* arg, const TensorType& found,
                        const TensorType& expected, int index) {
  if (found == expected) return absl::OkStatus();
  return c.Fail("RNN_C5", arg, "the initial state has the wrong type", TypeText(expected),
                TypeText(found), "SHAPE_MISMATCH", index);
}

// Two products per gate and step, counted over all weights.
Dim RecurrentFlops(const TypeContext& c) {
  const TensorType& input = c.tensor("input");
  Dim weights(0);
  for (const TensorType* param : c.tensors("params")) {
    if (param->rank() == 2) weights = weights + param->Numel();
  }
  return input.dim(0) * input.dim(1) * weights * Dim(2);
}

// Elements that the CPU's kernels keep for backward: measured of every step, layer and direction
// per element of the state. Between two layers stands the input of the upper one.
Dim Kept(const TypeContext& c, int64_t per_element, int64_t per_seam) {
  const TensorType& input = c.tensor("input");
  const int64_t directions = c.Flag("bidirectional") ? 2 : 1;
  const int64_t layers = c.Int("num_layers");
  const Dim state = input.dim(0) * input.dim(1) * Dim(directions) * c.tensors("params")[1]->dim(1);
  return state * Dim(per_element * layers + per_seam * (layers - 1));
}

Dim LstmKept(const TypeContext& c) {
  const bool projected = c.output(1).dim(2) != c.output(2).dim(2);
  if (!projected) return Kept(c, 15, 1);  // oneDNN's workspace
  // Four gates, the cell and its tanh; they are as wide as the cell.
  return c.tensor("input").dim(0) * c.tensor("input").dim(1) * c.output(2).dim(2) *
         c.output(2).dim(0) * Dim(6);
}

std::vector<Rule> Rules() {
  return {{"RNN_C1", "input has rank 3"},
          {"RNN_C2", "there are weights for every layer and direction"},
          {"RNN_C3", "input and weights have one element type"},
          {"RNN_C4", "input's last dimension equals input_size"},
          {"RNN_C5", "the initial state is [layers * directions, batch, hidden]"},
          {"RNN_C6", "a sequence has one step or more"}};
}

}  // namespace

void AddRnn(std::vector<OpDef>& ops) {
  ops.push_back({.name = "aten.gru.input",
                 .schema = "(Tensor input, Tensor hx, Tensor[] params, bool has_biases, int "
                           "num_layers, float dropout, "
                           "bool train, bool bidirectional, bool batch_first) -> (Tensor, Tensor)",
                 .infer =
                     [](TypeContext& c) {
                       ASSIGN_OR_RETURN(Recurrent r, InferRecurrent(c, 3, false));
                       RETURN_IF_ERROR(CheckState(c, "hx", c.tensor("hx"), r.state, -1));
                       RETURN_IF_ERROR(c.Output(std::move(r.output)));
                       return c.Output(std::move(r.state));
                     },
                 .flops = RecurrentFlops,
                 .rules = Rules(),
                 .random = true,
                 .product = true,
                 .saved = "input result params",
                 .workspace = [](const TypeContext& c) { return Kept(c, 6, 1); }});
  for (const std::string_view name : {"aten.rnn_tanh.input", "aten.rnn_relu.input"}) {
    ops.push_back({.name = name,
                   .schema = "(Tensor input, Tensor hx, Tensor[] params, bool has_biases, int "
                             "num_layers, float dropout, bool train, bool bidirectional, bool "
                             "batch_first) -> (Tensor, Tensor)",
                   .infer =
                       [](TypeContext& c) {
                         ASSIGN_OR_RETURN(Recurrent r, InferRecurrent(c, 1, false));
                         RETURN_IF_ERROR(CheckState(c, "hx", c.tensor("hx"), r.state, -1));
                         RETURN_IF_ERROR(c.Output(std::move(r.output)));
                         return c.Output(std::move(r.state));
                       },
                   .flops = RecurrentFlops,
                   .rules = Rules(),
                   .random = true,
                   .product = true,
                   .saved = "input result params",
                   .workspace = [](const TypeContext& c) { return Kept(c, 0, 2); }});
  }
  ops.push_back(
      {.name = "aten.lstm.input",
       .schema = "(Tensor input, Tensor[] hx, Tensor[] params, bool has_biases, int num_layers, "
                 "float dropout, bool train, bool bidirectional, bool batch_first) "
                 "-> (Tensor, Tensor, Tensor)",
       .infer =
           [](TypeContext& c) {
             ASSIGN_OR_RETURN(Recurrent r, InferRecurrent(c, 4, true));
             const std::vector<const TensorType*> hx = c.tensors("hx");
             if (hx.size() != 2) {
               return c.Fail("RNN_C5", "hx", "the initial state is a pair", "2 tensors",
                             fmt::format("{}", hx.size()), "ARITY");
             }
             RETURN_IF_ERROR(CheckState(c, "hx", *hx[0], r.state, 0));
             RETURN_IF_ERROR(CheckState(c, "hx", *hx[1], r.cell, 1));
             RETURN_IF_ERROR(c.Output(std::move(r.output)));
             RETURN_IF_ERROR(c.Output(std::move(r.state)));
             return c.Output(std::move(r.cell));
           },
       .flops = RecurrentFlops,
       .rules = Rules(),
       .random = true,
       .product = true,
       .saved = "input result params",
       .workspace = LstmKept});
}

}  // namespace graphkiln::ir::ops
