// Maxima over windows whose places are drawn at random in each forward.
#include "common/nodes/body.h"
#include "common/nodes/families.h"
#include "fmt/format.h"

namespace graphkiln::nodes {
namespace {

std::vector<ParamSpec> FractionalParams(int spatial) {
  return {
      IntN("kernel_size", spatial).Required().Min(1).Doc("size of the windows"),
      IntN("output_size", spatial).Nullable().Min(1).Doc("sizes of the output; or output_ratio"),
      FloatsOrFloat("output_ratio", spatial)
          .Nullable()
          .Above(0)
          .Max(1)
          .Doc("sizes of the output as a part of the input's, above 0 and below 1"),
      Bool("return_indices")
          .Default(ParamValue(false))
          .Doc("also gives the positions of the maxima")};
}

void FailParam(Body& b, const char* param, std::string message, std::string expected,
               std::string found) {
  Failure failure;
  failure.code = "PARAM_RANGE";
  failure.rule = "FRACTIONAL_C3";
  failure.param = param;
  failure.message = std::move(message);
  failure.expected = std::move(expected);
  failure.found = std::move(found);
  b.Fail(std::move(failure));
}

// Empty after a failure.
std::vector<int64_t> OutputSize(Body& b, int spatial) {
  if (b.IsNull("output_size") == b.IsNull("output_ratio")) {
    FailParam(b, "output_size", "exactly one of output_size and output_ratio is needed", "one",
              b.IsNull("output_size") ? "none" : "both");
    return {};
  }
  if (!b.IsNull("output_size")) return b.Ints("output_size");
  const ir::TensorType& type = b.TypeOf(b.In("input"));
  std::vector<int64_t> sizes;
  for (const double ratio : b.params().Floats("output_ratio", spatial)) {
    const int d = type.rank() - spatial + static_cast<int>(sizes.size());
    if (ratio >= 1) {
      FailParam(b, "output_ratio", "output_ratio must be between 0 and 1", "above 0 and below 1",
                fmt::format("{}", ratio));
      return {};
    }
    // The operator refuses an input without this dimension.
    const ir::Dim dim = d >= 0 ? type.dim(d) : ir::Dim(2);
    if (!dim.IsConst()) {
      FailParam(b, "output_ratio", "a ratio needs a fixed size of the input", "output_size",
                ir::TypeText(type));
      return {};
    }
    sizes.push_back(ir::FloorScale(dim, ratio)->value());
  }
  return sizes;
}

void FractionalBody(Body& b, const char* op, int spatial) {
  const std::vector<int64_t> size = OutputSize(b, spatial);
  if (!b.ok()) return;
  const ir::TensorType& type = b.TypeOf(b.In("input"));
  // Where the rank is wrong, the pool itself says so: any samples do then.
  const bool batched = type.rank() == spatial + 2;
  const ir::Dim channels = type.rank() > spatial ? type.dim(-1 - spatial) : ir::Dim(1);
  const ir::Argument samples =
      b.Call("aten.rand.default", {ir::Shape{batched ? type.dim(0) : ir::Dim(1), channels, spatial},
                                   type.dtype,
                                   {},
                                   ir::DeviceArg{}});
  const std::vector<ir::Argument> results =
      b.CallMany(op, {b.In("input"), b.Ints("kernel_size"), size, samples});
  if (results.empty()) return;
  b.Return("output", results[0]);
  b.Return("indices", results[1]);
}

std::vector<OutputSpec> Outputs() {
  return {{.name = "output", .doc = "the maxima", .path = {0}},
          {.name = "indices",
           .doc = "positions of the maxima, with return_indices",
           .path = {1},
           .when = "return_indices"}};
}

}  // namespace

void AddFractionalPoolNodes(std::vector<NodeDef>& nodes) {
  nodes.push_back(
      {.name = "FractionalMaxPool2d",
       .category = "pool",
       .doc = "Maximum over overlapping windows whose places are drawn anew in each forward, in "
              "evaluation, too.",
       .params = FractionalParams(2),
       .inputs = {{.name = "input", .doc = "[B, C, H, W] or [C, H, W]"}},
       .outputs = Outputs(),
       .body = [](Body& b) { FractionalBody(b, "aten.fractional_max_pool2d.default", 2); },
       .python = Python::Module("nn.FractionalMaxPool2d"),
       .example = {.inputs = {"float32[2, 3, 9, 9]"},
                   .params = {{"kernel_size", int64_t{2}}, {"output_ratio", 0.5}},
                   .outputs = {"float32[2, 3, 4, 4]"}}});
  nodes.push_back(
      {.name = "FractionalMaxPool3d",
       .category = "pool",
       .doc = "Maximum over overlapping windows whose places are drawn anew in each forward, in "
              "evaluation, too.",
       .params = FractionalParams(3),
       .inputs = {{.name = "input", .doc = "[B, C, D, H, W] or [C, D, H, W]"}},
       .outputs = Outputs(),
       .body = [](Body& b) { FractionalBody(b, "aten.fractional_max_pool3d.default", 3); },
       .python = Python::Module("nn.FractionalMaxPool3d"),
       .example = {
           .inputs = {"float32[2, 3, 6, 9, 9]"},
           .params = {{"kernel_size", int64_t{2}}, {"output_size", std::vector<int64_t>{3, 4, 4}}},
           .outputs = {"float32[2, 3, 3, 4, 4]"}}});
}

}  // namespace graphkiln::nodes
