// Convolutions.
#include "common/ir/ops/conv.h"

#include <utility>

#include "common/base/status.h"
#include "common/ir/ops/element_types.h"
#include "common/ir/ops/families.h"
#include "common/ir/ops/window.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {

absl::Status CheckConvOperands(TypeContext& c, int spatial, bool transposed) {
  const TensorType& input = c.tensor("input");
  const TensorType& weight = c.tensor("weight");
  RETURN_IF_ERROR(c.Rank("CONV_C1", "input", {spatial + 1, spatial + 2}));
  RETURN_IF_ERROR(c.Rank("CONV_C7", "weight", {spatial + 2}));
  RETURN_IF_ERROR(c.SameDType("CONV_C2", "input", "weight"));
  RETURN_IF_ERROR(CheckAccept(c, "CONV_C2", "input", kNotTruth, input.dtype));
  // The meta device does not look, and no kernel runs.
  RETURN_IF_ERROR(NonEmpty(c, "CONV_C11", "weight", 2));
  const int64_t groups = c.Int("groups");
  const Dim& first = weight.dim(0);
  if (groups < 1 || !c.AtLeast(first, groups) || !c.MultipleOf(first, groups)) {
    const char* what = transposed ? "in_channels" : "out_channels";
    return c.Fail("CONV_C4", "groups", fmt::format("{} must be divisible by groups", what),
                  fmt::format("a divisor of {}", first.ToString()), fmt::format("{}", groups),
                  "PARAM_RANGE");
  }
  const int channel_dim = input.rank() - spatial - 1;
  const Dim expected = transposed ? first : weight.dim(1) * Dim(groups);
  if (input.dim(channel_dim) != expected) {
    return c.Fail("CONV_C3", "input", "the channel dimension must be in_channels",
                  TypeText(input.WithDim(channel_dim, expected)), TypeText(input));
  }
  if (!c.Has("bias")) return absl::OkStatus();
  const TensorType& bias = c.tensor("bias");
  const TensorType fitting{weight.dtype, {transposed ? weight.dim(1) * Dim(groups) : first}};
  if (bias == fitting) return absl::OkStatus();
  return c.Fail("CONV_C8", "bias", "bias must have one number for each output channel",
                TypeText(fitting), TypeText(bias));
}

absl::Status InferConv(TypeContext& c, int spatial) {
  RETURN_IF_ERROR(CheckConvOperands(c, spatial, false));
  const TensorType& input = c.tensor("input");
  const TensorType& weight = c.tensor("weight");
  ASSIGN_OR_RETURN(const std::vector<int64_t> stride, WindowInts(c, "stride", spatial, 1));
  ASSIGN_OR_RETURN(const std::vector<int64_t> dilation, WindowInts(c, "dilation", spatial, 1));
  // The .padding overloads name it.
  const std::string* mode = c.arg("padding").As<std::string>();
  std::vector<int64_t> padding(static_cast<size_t>(spatial), 0);
  if (mode == nullptr) {
    ASSIGN_OR_RETURN(padding, WindowInts(c, "padding", spatial, 0));
  } else if (*mode != "same" && *mode != "valid") {
    return c.Fail("CONV_C9", "padding", "there is no such padding", "\"same\" or \"valid\"",
                  mode->substr(0, 100), "PARAM_RANGE");
  }
  const int channel_dim = input.rank() - spatial - 1;
  TensorType out = input.WithDim(channel_dim, weight.dim(0));
  for (int i = 0; i < spatial; ++i) {
    const size_t s = static_cast<size_t>(i);
    const int d = channel_dim + 1 + i;
    if (mode != nullptr && *mode == "same") {
      if (stride[s] != 1) {
        return c.Fail("CONV_C5", "stride", "padding \"same\" needs stride 1", "1",
                      fmt::format("{}", stride[s]), "PARAM_RANGE");
      }
      if (c.AtLeast(input.dim(d), 1)) continue;
      return c.Fail("CONV_C6", "input", "there is nothing to go over",
                    fmt::format("at least 1 in dimension {}", d), TypeText(input));
    }
    const Dim reach = (weight.dim(2 + i) - Dim(1)) * Dim(dilation[s]) + Dim(1);
    const Dim free = input.dim(d) + Dim(2 * padding[s]) - reach;
    if (!c.AtLeast(input.dim(d), 1) || !c.AtLeast(free, 0)) {
      return c.Fail(
          "CONV_C6", "input", "the kernel is larger than the padded input",
          fmt::format("at least {} in dimension {}", (reach - Dim(2 * padding[s])).ToString(), d),
          TypeText(input));
    }
    out = out.WithDim(d, free.FloorDiv(stride[s]) + Dim(1));
  }
  return c.Output(std::move(out));
}

Dim ConvFlops(const TypeContext& c) {
  const TensorType& weight = c.tensor("weight");
  Dim per_output(2);
  for (int i = 1; i < weight.rank(); ++i) per_output = per_output * weight.dim(i);
  return c.output(0).Numel() * per_output;
}

std::vector<Rule> ConvOperandRules() {
  return {{"CONV_C1", "input has a channel and the spatial dimensions, with or without a batch"},
          {"CONV_C2", "input and weight have one element type, a number"},
          {"CONV_C3", "input's channels are those that weight and groups ask for"},
          {"CONV_C4", "weight's first size is divisible by groups"},
          {"CONV_C7", "weight has two channel dimensions and the spatial ones"},
          {"CONV_C8", "bias has one number of weight's type for each output channel"},
          {"CONV_C11", "the kernel has a size of 1 or more in each dimension"},
          WindowRule()};
}

std::vector<Rule> ConvRules() {
  std::vector<Rule> rules = ConvOperandRules();
  rules.push_back({"CONV_C5", "padding \"same\" needs stride 1"});
  rules.push_back({"CONV_C6", "the dilated kernel fits into the padded input"});
  rules.push_back({"CONV_C9", "named padding is same or valid"});
  return rules;
}

namespace {

template <int kSpatial>
absl::Status InferConvN(TypeContext& c) {
  return InferConv(c, kSpatial);
}

// The one operator that all convolutions of torch.export's core form are; always with a batch.
absl::Status InferConvolution(TypeContext& c) {
  RETURN_IF_ERROR(c.Rank("CONV_C7", "weight", {3, 4, 5}));
  const int rank = c.tensor("weight").rank();
  RETURN_IF_ERROR(c.Rank("CONV_C10", "input", {rank}));
  RETURN_IF_ERROR(WindowInts(c, "output_padding", rank - 2, 0).status());
  return c.Flag("transposed") ? InferConvTranspose(c, rank - 2) : InferConv(c, rank - 2);
}

struct Entry {
  std::string_view name, schema;
  absl::Status (*infer)(TypeContext&);
};

constexpr Entry kEntries[] = {
    {"aten.conv1d.default",
     "(Tensor input, Tensor weight, Tensor? bias=None, SymInt[1] stride=1, SymInt[1] padding=0, "
     "SymInt[1] dilation=1, SymInt groups=1) -> Tensor",
     InferConvN<1>},
    {"aten.conv1d.padding",
     "(Tensor input, Tensor weight, Tensor? bias=None, SymInt[1] stride=1, str padding=\"valid\", "
     "SymInt[1] dilation=1, SymInt groups=1) -> Tensor",
     InferConvN<1>},
    {"aten.conv2d.default",
     "(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=1, SymInt[2] padding=0, "
     "SymInt[2] dilation=1, SymInt groups=1) -> Tensor",
     InferConvN<2>},
    {"aten.conv2d.padding",
     "(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=1, str padding=\"valid\", "
     "SymInt[2] dilation=1, SymInt groups=1) -> Tensor",
     InferConvN<2>},
    {"aten.conv3d.default",
     "(Tensor input, Tensor weight, Tensor? bias=None, SymInt[3] stride=1, SymInt[3] padding=0, "
     "SymInt[3] dilation=1, SymInt groups=1) -> Tensor",
     InferConvN<3>},
    {"aten.conv3d.padding",
     "(Tensor input, Tensor weight, Tensor? bias=None, SymInt[3] stride=1, str padding=\"valid\", "
     "SymInt[3] dilation=1, SymInt groups=1) -> Tensor",
     InferConvN<3>},
};

}  // namespace

void AddConv(std::vector<OpDef>& ops) {
  for (const Entry& entry : kEntries) {
    ops.push_back({.name = entry.name,
                   .schema = entry.schema,
                   .infer = entry.infer,
                   .flops = ConvFlops,
                   .rules = ConvRules(),
                   .product = true,
                   .saved = "input weight"});
  }
  std::vector<Rule> rules = ConvRules();
  for (const Rule& rule : ConvTransposeRules()) {
    if (rule.label.substr(0, 7) == "CONV_T_") rules.push_back(rule);
  }
  rules.push_back({"CONV_C10", "input has a batch, a channel and the spatial dimensions"});
  ops.push_back({.name = "aten.convolution.default",
                 .schema = "(Tensor input, Tensor weight, Tensor? bias, SymInt[] stride, SymInt[] "
                           "padding, SymInt[] dilation, bool transposed, SymInt[] output_padding, "
                           "SymInt groups) -> Tensor",
                 .infer = InferConvolution,
                 .flops =
                     [](const TypeContext& c) {
                       return c.Flag("transposed") ? ConvTransposeFlops(c) : ConvFlops(c);
                     },
                 .rules = std::move(rules),
                 .product = true,
                 .saved = "input weight"});
}

}  // namespace graphkiln::ir::ops
