// Convolutions and padding.
#include <algorithm>

#include "common/base/status.h"
#include "common/ir/ops/families.h"
#include "common/ir/type_context.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

// Shared by all spatial ranks; `same` and `valid` stand in `padding` for the .padding overloads.
absl::Status InferConv(TypeContext& c, int spatial) {
  const TensorType& input = c.tensor("input");
  const TensorType& weight = c.tensor("weight");
  RETURN_IF_ERROR(c.Rank("CONV_C1", "input", {spatial + 1, spatial + 2}));
  RETURN_IF_ERROR(c.SameDType("CONV_C2", "input", "weight"));
  const bool batched = input.rank() == spatial + 2;
  const int channel_dim = batched ? 1 : 0;
  const int64_t groups = c.Int("groups");
  const Dim& channels = input.dim(channel_dim);
  const Dim expected = weight.dim(1) * Dim(groups);
  if (channels != expected) {
    return c.Fail("CONV_C3", "input", "the channel dimension must be in_channels",
                  TypeText(input.WithDim(channel_dim, expected)), TypeText(input));
  }
  if (groups < 1 || (weight.dim(0).IsConst() && weight.dim(0).value() % groups != 0)) {
    return c.Fail("CONV_C4", "groups", "out_channels must be divisible by groups",
                  fmt::format("a divisor of {}", weight.dim(0).ToString()),
                  fmt::format("{}", groups), "PARAM_RANGE");
  }
  const std::vector<int64_t> stride = c.Ints("stride", spatial);
  const std::vector<int64_t> dilation = c.Ints("dilation", spatial);
  const bool same = c.Text("padding") == "same";
  std::vector<int64_t> padding(static_cast<size_t>(spatial), 0);
  if (c.arg("padding").As<std::string>() == nullptr) padding = c.Ints("padding", spatial);
  TensorType out = input.WithDim(channel_dim, weight.dim(0));
  for (int i = 0; i < spatial; ++i) {
    const size_t s = static_cast<size_t>(i);
    const int d = channel_dim + 1 + i;
    if (same) {
      if (stride[s] != 1) {
        return c.Fail("CONV_C5", "stride", "padding \"same\" needs stride 1", "1",
                      fmt::format("{}", stride[s]), "PARAM_RANGE");
      }
      continue;
    }
    const Dim reach = (weight.dim(2 + i) - Dim(1)) * Dim(dilation[s]) + Dim(1);
    const Dim free = input.dim(d) + Dim(2 * padding[s]) - reach;
    if (free.IsConst() && free.value() < 0) {
      return c.Fail(
          "CONV_C6", "input", "the kernel is larger than the padded input",
          fmt::format("at least {} in dimension {}", (reach - Dim(2 * padding[s])).ToString(), d),
          TypeText(input));
    }
    out = out.WithDim(d, free.FloorDiv(std::max<int64_t>(stride[s], 1)) + Dim(1));
  }
  return c.Output(std::move(out));
}

Dim ConvFlops(const TypeContext& c) {
  const TensorType& weight = c.tensor("weight");
  Dim per_output(2);
  for (int i = 1; i < weight.rank(); ++i) per_output = per_output * weight.dim(i);
  return c.output(0).Numel() * (c.Has("bias") ? per_output + Dim(1) : per_output);
}

std::vector<Rule> ConvRules() {
  return {{"CONV_C1", "input has a channel and the spatial dimensions, with or without a batch"},
          {"CONV_C2", "input and weight have one element type"},
          {"CONV_C3", "input's channels equal weight's input channels times groups"},
          {"CONV_C4", "the output channels are divisible by groups"},
          {"CONV_C5", "padding \"same\" needs stride 1"},
          {"CONV_C6", "the dilated kernel fits into the padded input"}};
}

absl::Status InferPad(TypeContext& c) {
  const TensorType& input = c.tensor("self");
  const std::vector<int64_t> pad = c.Ints("pad");
  const int dims = static_cast<int>(pad.size() / 2);
  if (pad.size() % 2 != 0 || dims > input.rank()) {
    return c.Fail("PAD_C1", "pad", "pad holds two numbers for each padded dimension",
                  fmt::format("at most {} numbers", 2 * input.rank()),
                  fmt::format("{}", pad.size()), "PARAM_RANGE");
  }
  const std::string& mode = c.Text("mode");
  TensorType out = input;
  for (int i = 0; i < dims; ++i) {
    const int d = input.rank() - 1 - i;
    const int64_t before = pad[static_cast<size_t>(2 * i)];
    const int64_t after = pad[static_cast<size_t>(2 * i + 1)];
    const Dim& size = input.dim(d);
    if (size.IsConst()) {
      // Reflection reads inside the border, wrapping reads at most the whole row.
      const int64_t most = mode == "reflect" ? size.value() - 1 : size.value();
      if ((mode == "reflect" || mode == "circular") && std::max(before, after) > most) {
        return c.Fail("PAD_C2", "self", fmt::format("{} padding must not exceed the input", mode),
                      fmt::format("padding of at most {}", most),
                      fmt::format("{}", std::max(before, after)));
      }
    }
    out = out.WithDim(d, size + Dim(before) + Dim(after));
  }
  return c.Output(std::move(out));
}

}  // namespace

void AddConv(std::vector<OpDef>& ops) {
  ops.push_back({.name = "aten.conv1d.default",
                 .schema = "(Tensor input, Tensor weight, Tensor? bias=None, SymInt[1] stride=1, "
                           "SymInt[1] padding=0, "
                           "SymInt[1] dilation=1, SymInt groups=1) -> Tensor",
                 .infer = [](TypeContext& c) { return InferConv(c, 1); },
                 .flops = ConvFlops,
                 .rules = ConvRules(),
                 .saved = "input weight"});
  ops.push_back({.name = "aten.conv1d.padding",
                 .schema = "(Tensor input, Tensor weight, Tensor? bias=None, SymInt[1] stride=1, "
                           "str padding=\"valid\", "
                           "SymInt[1] dilation=1, SymInt groups=1) -> Tensor",
                 .infer = [](TypeContext& c) { return InferConv(c, 1); },
                 .flops = ConvFlops,
                 .rules = ConvRules(),
                 .saved = "input weight"});
  ops.push_back({.name = "aten.conv2d.default",
                 .schema = "(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=1, "
                           "SymInt[2] padding=0, "
                           "SymInt[2] dilation=1, SymInt groups=1) -> Tensor",
                 .infer = [](TypeContext& c) { return InferConv(c, 2); },
                 .flops = ConvFlops,
                 .rules = ConvRules(),
                 .saved = "input weight"});
  ops.push_back({.name = "aten.conv2d.padding",
                 .schema = "(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=1, "
                           "str padding=\"valid\", "
                           "SymInt[2] dilation=1, SymInt groups=1) -> Tensor",
                 .infer = [](TypeContext& c) { return InferConv(c, 2); },
                 .flops = ConvFlops,
                 .rules = ConvRules(),
                 .saved = "input weight"});
  ops.push_back(
      {.name = "aten.pad.default",
       .schema = "(Tensor self, SymInt[] pad, str mode=\"constant\", float? value=None) -> Tensor",
       .infer = InferPad,
       .flops = [](const TypeContext&) { return Dim(0); },
       .rules = {{"PAD_C1", "pad holds two numbers for each of the last dimensions"},
                 {"PAD_C2", "reflected and circular padding does not exceed the input"}}});
}

}  // namespace graphkiln::ir::ops
