// The inverse of maximum pools.
#include <iterator>

#include "common/nodes/body.h"
#include "common/nodes/families.h"
#include "fmt/format.h"

namespace graphkiln::nodes {
namespace {

std::vector<ParamSpec> UnpoolParams(int spatial) {
  ParamSpec size = Ints("output_size");
  size.count = spatial;
  return {IntN("kernel_size", spatial).Required().Min(1).Doc("the pool's"),
          IntN("stride", spatial).Nullable().Min(1).Doc("the pool's; null: kernel_size"),
          IntN("padding", spatial).Default(0).Min(0).Doc("the pool's"),
          size.Nullable().Min(1).AtCall().Doc(
              "spatial sizes of the pool's input, where several give the same output; null: the "
              "smallest")};
}

// The size that the pool's input had. Empty after a failure.
ir::Shape UnpooledSize(Body& b, int spatial) {
  const ir::TensorType& type = b.TypeOf(b.In("input"));
  const std::vector<int64_t> kernel = b.Ints("kernel_size");
  const std::vector<int64_t> stride = b.IsNull("stride") ? kernel : b.Ints("stride");
  const std::vector<int64_t> padding = b.Ints("padding");
  const std::vector<int64_t> given = b.Ints("output_size");
  ir::Shape sizes;
  for (int i = 0; i < spatial; ++i) {
    const size_t s = static_cast<size_t>(i);
    ir::Dim size = (type.dim(i - spatial) - ir::Dim(1)) * ir::Dim(stride[s]) + ir::Dim(kernel[s]) -
                   ir::Dim(padding[s]) * ir::Dim(2);
    if (!given.empty()) {
      const bool fits = !size.IsConst() || (given[s] > size.value() - stride[s] &&
                                            given[s] < size.value() + stride[s]);
      if (!fits) {
        Failure failure;
        failure.code = "PARAM_RANGE";
        failure.rule = "UNPOOL_C4";
        failure.param = "output_size";
        failure.message = "no pool makes the input from this size";
        failure.expected = fmt::format("{} to {} in dimension {}", size.value() - stride[s] + 1,
                                       size.value() + stride[s] - 1, i);
        failure.found = fmt::format("{}", given[s]);
        b.Fail(std::move(failure));
        return {};
      }
      size = ir::Dim(given[s]);
    }
    sizes.push_back(std::move(size));
  }
  return sizes;
}

// The one-dimensional pool's tensors as images of width 1.
ir::Argument AsImage(Body& b, std::string_view port) {
  ir::Shape shape = b.TypeOf(b.In(port)).shape;
  shape.emplace_back(1);
  return b.Call("aten.reshape.default", {b.In(port), shape});
}

void UnpoolBody(Body& b, int spatial) {
  const ir::TensorType type = b.TypeOf(b.In("input"));
  if (type.rank() != spatial + 1 && type.rank() != spatial + 2) {
    Failure failure;
    failure.code = "RANK_MISMATCH";
    failure.rule = "POOL_C1";
    failure.port = "input";
    failure.message = fmt::format("input must have rank {} or {}", spatial + 1, spatial + 2);
    failure.expected = fmt::format("rank {} or {}", spatial + 1, spatial + 2);
    failure.found = ir::TypeText(type);
    return b.Fail(std::move(failure));
  }
  ir::Shape size = UnpooledSize(b, spatial);
  if (!b.ok()) return;
  if (spatial == 1) {
    size.emplace_back(1);
    const ir::Argument image =
        b.Call("aten.max_unpool2d.default", {AsImage(b, "input"), AsImage(b, "indices"), size});
    const ir::TensorType result = type.WithDim(type.rank() - 1, size[0]);
    return b.Return(b.Call("aten.reshape.default", {image, result.shape}));
  }
  if (spatial == 2) {
    return b.Return(b.Call("aten.max_unpool2d.default", {b.In("input"), b.In("indices"), size}));
  }
  const std::vector<int64_t> kernel = b.Ints("kernel_size");
  b.Return(b.Call("aten.max_unpool3d.default",
                  {b.In("input"), b.In("indices"), size,
                   b.IsNull("stride") ? kernel : b.Ints("stride"), b.Ints("padding")}));
}

struct UnpoolType {
  std::string_view name, python, shapes, input, indices, output;
  void (*body)(Body&);
};

constexpr UnpoolType kTypes[] = {
    {"MaxUnpool1d", "nn.MaxUnpool1d", "[B, C, L] or [C, L]", "float32[2, 3, 4]", "int64[2, 3, 4]",
     "float32[2, 3, 8]", [](Body& b) { UnpoolBody(b, 1); }},
    {"MaxUnpool2d", "nn.MaxUnpool2d", "[B, C, H, W] or [C, H, W]", "float32[2, 3, 4, 4]",
     "int64[2, 3, 4, 4]", "float32[2, 3, 8, 8]", [](Body& b) { UnpoolBody(b, 2); }},
    {"MaxUnpool3d", "nn.MaxUnpool3d", "[B, C, D, H, W] or [C, D, H, W]", "float32[2, 3, 2, 4, 4]",
     "int64[2, 3, 2, 4, 4]", "float32[2, 3, 4, 8, 8]", [](Body& b) { UnpoolBody(b, 3); }},
};

}  // namespace

void AddUnpoolNodes(std::vector<NodeDef>& nodes) {
  for (size_t i = 0; i < std::size(kTypes); ++i) {
    const UnpoolType& type = kTypes[i];
    nodes.push_back(
        {.name = type.name,
         .category = "pool",
         .doc =
             "Puts maxima back to where a MaxPool with return_indices found them; all else is 0.",
         .params = UnpoolParams(static_cast<int>(i) + 1),
         .inputs = {{.name = "input", .doc = std::string(type.shapes)},
                    {.name = "indices", .doc = "positions in the output, int64, input's shape"}},
         .body = type.body,
         .python = Python::Module(type.python),
         .example = {.inputs = {std::string(type.input), std::string(type.indices)},
                     .params = {{"kernel_size", int64_t{2}}},
                     .outputs = {std::string(type.output)}}});
  }
}

}  // namespace graphkiln::nodes
