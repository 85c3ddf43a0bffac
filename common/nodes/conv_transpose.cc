// Transposed convolutions.
#include "common/nodes/body.h"
#include "common/nodes/families.h"
#include "common/nodes/initializers.h"
#include "fmt/format.h"

namespace graphkiln::nodes {
namespace {

std::vector<ParamSpec> TransposeParams(int spatial) {
  return {
      Int("in_channels").InferredFrom("input", -1 - spatial).Min(1).Doc("channels of the input"),
      Int("out_channels").Required().Min(1).Doc("channels of the output"),
      IntN("kernel_size", spatial).Required().Min(1).Doc("size of the kernel"),
      IntN("stride", spatial)
          .Default(1)
          .Min(1)
          .Doc("distance of the input's elements in the output"),
      IntN("padding", spatial).Default(0).Min(0).Doc("cut off from both sides of the output"),
      IntN("output_padding", spatial)
          .Default(0)
          .Min(0)
          .Doc("added to one side of the output; smaller than stride or dilation"),
      Int("groups").Default(1).Min(1).Doc("blocked connections from input to output channels"),
      Bool("bias").Default(ParamValue(true)).Doc("adds a learned bias"),
      IntN("dilation", spatial).Default(1).Min(1).Doc("distance between kernel elements"),
      Text("padding_mode").Default("zeros").Choices({"zeros"}).Doc("zeros is the only one")};
}

void TransposeBody(Body& b, const char* op) {
  const int64_t in = b.Int("in_channels");
  const int64_t out = b.Int("out_channels");
  const int64_t groups = b.Int("groups");
  for (const char* name : {"in_channels", "out_channels"}) {
    if (b.Int(name) % groups == 0) continue;
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
  std::vector<int64_t> shape = {in, out / groups};
  int64_t fan_in = out / groups;
  for (const int64_t k : b.Ints("kernel_size")) {
    shape.push_back(k);
    fan_in = k > (int64_t{1} << 40) / fan_in ? int64_t{1} << 40 : fan_in * k;
  }
  const auto weight = b.Weight("weight", shape, KaimingUniform(fan_in));
  const auto bias =
      b.Flag("bias") ? b.Weight("bias", {out}, UniformByWidth(fan_in)) : ir::Argument();
  b.Return(b.Call(op, {b.In("input"), weight, bias, b.Ints("stride"), b.Ints("padding"),
                       b.Ints("output_padding"), groups, b.Ints("dilation")}));
}

}  // namespace

void AddConvTransposeNodes(std::vector<NodeDef>& nodes) {
  nodes.push_back(
      {.name = "ConvTranspose1d",
       .category = "conv",
       .doc = "Transposed 1-D convolution over [B, C, L] or [C, L]; L becomes (L-1)*stride - "
              "2*padding + dilation*(kernel_size-1) + output_padding + 1.",
       .params = TransposeParams(1),
       .inputs = {{.name = "input", .doc = "[B, in_channels, L] or [in_channels, L]"}},
       .body = [](Body& b) { TransposeBody(b, "aten.conv_transpose1d.default"); },
       .python = Python::Module("nn.ConvTranspose1d"),
       .example = {.inputs = {"float32[2, 3, 8]"},
                   .params = {{"out_channels", int64_t{4}},
                              {"kernel_size", int64_t{2}},
                              {"stride", int64_t{2}}},
                   .outputs = {"float32[2, 4, 16]"}}});
  nodes.push_back(
      {.name = "ConvTranspose2d",
       .category = "conv",
       .doc = "Transposed 2-D convolution over [B, C, H, W] or [C, H, W]; each of H, W becomes "
              "(H-1)*stride - 2*padding + dilation*(kernel_size-1) + output_padding + 1.",
       .params = TransposeParams(2),
       .inputs = {{.name = "input", .doc = "[B, in_channels, H, W] or [in_channels, H, W]"}},
       .body = [](Body& b) { TransposeBody(b, "aten.conv_transpose2d.input"); },
       .python = Python::Module("nn.ConvTranspose2d"),
       .example = {.inputs = {"float32[2, 3, 8, 8]"},
                   .params = {{"out_channels", int64_t{4}},
                              {"kernel_size", int64_t{3}},
                              {"stride", int64_t{2}},
                              {"padding", int64_t{1}},
                              {"output_padding", int64_t{1}}},
                   .outputs = {"float32[2, 4, 16, 16]"}}});
  nodes.push_back(
      {.name = "ConvTranspose3d",
       .category = "conv",
       .doc = "Transposed 3-D convolution over [B, C, D, H, W] or [C, D, H, W]; each of D, H, W "
              "becomes (D-1)*stride - 2*padding + dilation*(kernel_size-1) + output_padding + 1.",
       .params = TransposeParams(3),
       .inputs = {{.name = "input", .doc = "[B, in_channels, D, H, W] or [in_channels, D, H, W]"}},
       .body = [](Body& b) { TransposeBody(b, "aten.conv_transpose3d.input"); },
       .python = Python::Module("nn.ConvTranspose3d"),
       .example = {.inputs = {"float32[2, 3, 4, 4, 4]"},
                   .params = {{"out_channels", int64_t{4}},
                              {"kernel_size", int64_t{2}},
                              {"stride", int64_t{2}}},
                   .outputs = {"float32[2, 4, 8, 8, 8]"}}});
}

}  // namespace graphkiln::nodes
