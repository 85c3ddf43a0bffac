// Recurrent networks of one step.
#include "common/base/status.h"
#include "common/ir/ops/families.h"
#include "common/ir/type_context.h"

namespace graphkiln::ir::ops {
namespace {

// The type of the next state; `gates` blocks of rows stand in each weight.
absl::StatusOr<TensorType> InferCell(TypeContext& c, const TensorType& state, int gates,
                                     int index) {
  const TensorType& input = c.tensor("input");
  const TensorType& weight = c.tensor("w_ih");
  RETURN_IF_ERROR(c.Rank("RNN_CELL_C1", "input", {2}));
  RETURN_IF_ERROR(c.SameDType("RNN_CELL_C2", "input", "w_ih"));
  if (input.dim(1) != weight.dim(1)) {
    return c.Fail("RNN_CELL_C3", "input", "the last dimension must be input_size",
                  TypeText(input.WithDim(1, weight.dim(1))), TypeText(input));
  }
  TensorType next{input.dtype, {input.dim(0), weight.dim(0).FloorDiv(gates)}};
  if (state != next) {
    return c.Fail("RNN_CELL_C4", "hx", "the state has the wrong type", TypeText(next),
                  TypeText(state), "SHAPE_MISMATCH", index);
  }
  return next;
}

Dim CellFlops(const TypeContext& c) {
  return c.tensor("input").dim(0) * (c.tensor("w_ih").Numel() + c.tensor("w_hh").Numel()) * Dim(2);
}

std::vector<Rule> Rules() {
  return {{"RNN_CELL_C1", "input has rank 2"},
          {"RNN_CELL_C2", "input and weights have one element type"},
          {"RNN_CELL_C3", "input's last dimension equals input_size"},
          {"RNN_CELL_C4", "the state is [batch, hidden]"}};
}

template <int gates>
absl::Status InferPlain(TypeContext& c) {
  ASSIGN_OR_RETURN(TensorType next, InferCell(c, c.tensor("hx"), gates, -1));
  return c.Output(std::move(next));
}

absl::Status InferLstm(TypeContext& c) {
  const std::vector<const TensorType*> hx = c.tensors("hx");
  if (hx.size() != 2) {
    return c.Fail("RNN_CELL_C5", "hx", "the state is a pair", "2 tensors",
                  std::to_string(hx.size()), "ARITY");
  }
  ASSIGN_OR_RETURN(const TensorType next, InferCell(c, *hx[0], 4, 0));
  RETURN_IF_ERROR(InferCell(c, *hx[1], 4, 1).status());
  RETURN_IF_ERROR(c.Output(next));
  return c.Output(next);
}

}  // namespace

void AddRnnCell(std::vector<OpDef>& ops) {
  constexpr std::string_view kSchema =
      "(Tensor input, Tensor hx, Tensor w_ih, Tensor w_hh, Tensor? b_ih=None, Tensor? b_hh=None) "
      "-> Tensor";
  for (const std::string_view name : {"aten.rnn_tanh_cell.default", "aten.rnn_relu_cell.default"}) {
    ops.push_back({.name = name,
                   .schema = kSchema,
                   .infer = InferPlain<1>,
                   .flops = CellFlops,
                   .rules = Rules(),
                   .product = true,
                   .saved = "input hx result"});
  }
  // What the kernels keep besides: the gates and what the new state is made of.
  ops.push_back({.name = "aten.gru_cell.default",
                 .schema = kSchema,
                 .infer = InferPlain<3>,
                 .flops = CellFlops,
                 .rules = Rules(),
                 .product = true,
                 .saved = "input hx",
                 .workspace = [](const TypeContext& c) { return c.output(0).Numel() * Dim(7); }});
  std::vector<Rule> lstm = Rules();
  lstm.push_back({"RNN_CELL_C5", "the state is a pair of hidden state and cell"});
  ops.push_back(
      {.name = "aten.lstm_cell.default",
       .schema = "(Tensor input, Tensor[] hx, Tensor w_ih, Tensor w_hh, Tensor? b_ih=None, Tensor? "
                 "b_hh=None) -> (Tensor, Tensor)",
       .infer = InferLstm,
       .flops = CellFlops,
       .rules = std::move(lstm),
       .product = true,
       .saved = "input hx",
       .workspace = [](const TypeContext& c) { return c.output(0).Numel() * Dim(6); }});
}

}  // namespace graphkiln::ir::ops
