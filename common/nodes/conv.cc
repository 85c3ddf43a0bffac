// Convolutions.
#include "common/nodes/body.h"
#include "common/nodes/families.h"
#include "common/nodes/initializers.h"
#include "fmt/format.h"

namespace graphkiln::nodes {
namespace {

std::vector<ParamSpec> ConvParams(int spatial) {
  return {
      Int("in_channels").InferredFrom("input", -1 - spatial).Min(1).Doc("channels of the input"),
      Int("out_channels").Required().Min(1).Doc("channels of the output"),
      IntN("kernel_size", spatial).Required().Min(1).Doc("size of the kernel"),
      IntN("stride", spatial).Default(1).Min(1).Doc("step of the kernel"),
      IntN("padding", spatial)
          .Default(0)
          .Min(0)
          .Choices({"same", "valid"})
          .Doc("zeros added on both sides; same keeps the size at stride 1"),
      IntN("dilation", spatial).Default(1).Min(1).Doc("distance between kernel elements"),
      Int("groups").Default(1).Min(1).Doc("blocked connections from input to output channels"),
      Bool("bias").Default(ParamValue(true)).Doc("adds a learned bias"),
      Text("padding_mode")
          .Default("zeros")
          .Choices({"zeros", "reflect", "replicate", "circular"})
          .Doc("what stands in the padding")};
}

// Padding of both sides of each dimension, last dimension first, as aten.pad wants it. For `same`,
// an odd remainder goes to the end, as in torch.nn.
std::vector<int64_t> BothSides(Body& b, const std::vector<int64_t>& kernel,
                               const std::vector<int64_t>& dilation) {
  std::vector<int64_t> sides;
  const bool text = b.params().IsText("padding");
  const std::vector<int64_t> given =
      text ? std::vector<int64_t>(kernel.size(), 0) : b.Ints("padding");
  for (size_t i = kernel.size(); i-- > 0;) {
    if (b.Text("padding") == "same") {
      const int64_t total = dilation[i] * (kernel[i] - 1);
      sides.push_back(total / 2);
      sides.push_back(total - total / 2);
    } else {
      sides.push_back(given[i]);
      sides.push_back(given[i]);
    }
  }
  return sides;
}

void ConvBody(Body& b, int spatial) {
  const int64_t in = b.Int("in_channels");
  const int64_t out = b.Int("out_channels");
  const int64_t groups = b.Int("groups");
  const std::vector<int64_t> kernel = b.Ints("kernel_size");
  const std::vector<int64_t> stride = b.Ints("stride");
  const std::vector<int64_t> dilation = b.Ints("dilation");
  for (const char* name : {"in_channels", "out_channels"}) {
    if (b.Int(name) % groups != 0) {
      Failure failure;
      failure.code = "PARAM_RANGE";
      failure.rule = "CONV_C4";
      failure.param = "groups";
      failure.message = fmt::format("{} must be divisible by groups", name);
      failure.expected = fmt::format("a divisor of {}", b.Int(name));
      failure.found = fmt::format("{}", groups);
      failure.suggested.emplace().set_int_value(1);
      return b.Fail(std::move(failure));
    }
  }
  std::vector<int64_t> shape = {out, in / groups};
  int64_t fan_in = in / groups;
  for (const int64_t k : kernel) {
    shape.push_back(k);
    fan_in = k > (int64_t{1} << 40) / fan_in ? int64_t{1} << 40 : fan_in * k;
  }
  const auto weight = b.Weight("weight", shape, KaimingUniform(fan_in));
  const auto bias =
      b.Flag("bias") ? b.Weight("bias", {out}, UniformByWidth(fan_in)) : ir::Argument();
  const std::string op = fmt::format("aten.conv{}d.", spatial);
  const std::string& mode = b.Text("padding_mode");
  if (mode != "zeros") {
    if (b.Text("padding") == "same" && stride != std::vector<int64_t>(kernel.size(), 1)) {
      Failure failure;
      failure.code = "PARAM_RANGE";
      failure.rule = "CONV_C5";
      failure.param = "stride";
      failure.message = "padding \"same\" needs stride 1";
      failure.expected = "1";
      failure.found = ToPython(stride);
      return b.Fail(std::move(failure));
    }
    const auto padded =
        b.Call("aten.pad.default", {b.In("input"), BothSides(b, kernel, dilation), mode});
    b.Return(b.Call(op + "default", {padded, weight, bias, stride,
                                     std::vector<int64_t>(kernel.size(), 0), dilation, groups}));
    return;
  }
  if (b.params().IsText("padding")) {
    b.Return(b.Call(op + "padding",
                    {b.In("input"), weight, bias, stride, b.Text("padding"), dilation, groups}));
    return;
  }
  b.Return(b.Call(op + "default",
                  {b.In("input"), weight, bias, stride, b.Ints("padding"), dilation, groups}));
}

}  // namespace

void AddConvNodes(std::vector<NodeDef>& nodes) {
  nodes.push_back({.name = "Conv1d",
                   .category = "conv",
                   .doc = "1-D convolution over [B, C, L] or [C, L]; L becomes "
                          "(L + 2*padding - dilation*(kernel_size-1) - 1) // stride + 1.",
                   .params = ConvParams(1),
                   .inputs = {{.name = "input", .doc = "[B, in_channels, L] or [in_channels, L]"}},
                   .body = [](Body& b) { ConvBody(b, 1); },
                   .python = Python::Module("nn.Conv1d"),
                   .example = {.inputs = {"float32[2, 3, 16]"},
                               .params = {{"out_channels", int64_t{4}},
                                          {"kernel_size", int64_t{3}},
                                          {"padding", int64_t{1}}},
                               .outputs = {"float32[2, 4, 16]"}}});
  nodes.push_back(
      {.name = "Conv2d",
       .category = "conv",
       .doc = "2-D convolution over [B, C, H, W] or [C, H, W]; each of H, W becomes "
              "(H + 2*padding - dilation*(kernel_size-1) - 1) // stride + 1.",
       .params = ConvParams(2),
       .inputs = {{.name = "input", .doc = "[B, in_channels, H, W] or [in_channels, H, W]"}},
       .body = [](Body& b) { ConvBody(b, 2); },
       .python = Python::Module("nn.Conv2d"),
       .example = {.inputs = {"float32[2, 3, 8, 8]"},
                   .params = {{"out_channels", int64_t{4}},
                              {"kernel_size", int64_t{3}},
                              {"stride", int64_t{2}}},
                   .outputs = {"float32[2, 4, 3, 3]"}}});
  nodes.push_back(
      {.name = "Conv3d",
       .category = "conv",
       .doc = "3-D convolution over [B, C, D, H, W] or [C, D, H, W]; each of D, H, W becomes "
              "(D + 2*padding - dilation*(kernel_size-1) - 1) // stride + 1.",
       .params = ConvParams(3),
       .inputs = {{.name = "input", .doc = "[B, in_channels, D, H, W] or [in_channels, D, H, W]"}},
       .body = [](Body& b) { ConvBody(b, 3); },
       .python = Python::Module("nn.Conv3d"),
       .example = {.inputs = {"float32[2, 3, 4, 8, 8]"},
                   .params = {{"out_channels", int64_t{4}},
                              {"kernel_size", int64_t{3}},
                              {"padding", std::vector<int64_t>{1, 0, 0}}},
                   .outputs = {"float32[2, 4, 4, 6, 6]"}}});
}

}  // namespace graphkiln::nodes
