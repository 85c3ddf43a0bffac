// Pooling.
#include <algorithm>

#include "common/base/status.h"
#include "common/ir/ops/families.h"
#include "common/ir/type_context.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

struct Window {
  int64_t kernel, stride, padding, dilation;
  bool ceil;
};

// PyTorch's pooling size: with ceil_mode the last window must start inside the input or its left
// padding.
absl::StatusOr<Dim> PooledSize(TypeContext& c, const char* arg, const TensorType& input, int d,
                               const Window& w) {
  if (w.padding * 2 > w.kernel) {
    return c.Fail("POOL_C3", "padding", "padding is at most half of the kernel",
                  fmt::format("at most {}", w.kernel / 2), fmt::format("{}", w.padding),
                  "PARAM_RANGE");
  }
  const Dim& size = input.dim(d);
  const int64_t reach = w.dilation * (w.kernel - 1) + 1;
  const Dim free = size + Dim(2 * w.padding - reach);
  const Dim rounded = w.ceil ? free + Dim(w.stride - 1) : free;
  if (!rounded.IsConst()) return rounded.FloorDiv(w.stride) + Dim(1);
  int64_t out = rounded.FloorDiv(w.stride).value() + 1;
  if (w.ceil && (out - 1) * w.stride >= size.value() + w.padding) --out;
  if (out < 1 || (rounded.value() < 0)) {
    return c.Fail("POOL_C2", arg, "the window is larger than the padded input",
                  fmt::format("at least {} in dimension {}", reach - 2 * w.padding, d),
                  TypeText(input));
  }
  return Dim(out);
}

absl::Status InferPool(TypeContext& c, int spatial, bool indices, bool dilated) {
  const TensorType& self = c.tensor("self");
  RETURN_IF_ERROR(c.Rank("POOL_C1", "self", {spatial + 1, spatial + 2}));
  const std::vector<int64_t> kernel = c.Ints("kernel_size", spatial);
  std::vector<int64_t> stride = c.Ints("stride", spatial);
  if (stride.empty()) stride = kernel;
  const std::vector<int64_t> padding = c.Ints("padding", spatial);
  std::vector<int64_t> dilation(static_cast<size_t>(spatial), 1);
  if (dilated) dilation = c.Ints("dilation", spatial);
  TensorType out = self;
  for (int i = 0; i < spatial; ++i) {
    const size_t s = static_cast<size_t>(i);
    const int d = self.rank() - spatial + i;
    ASSIGN_OR_RETURN(Dim size, PooledSize(c, "self", self, d,
                                          {kernel[s], std::max<int64_t>(stride[s], 1), padding[s],
                                           dilation[s], c.Flag("ceil_mode")}));
    out = out.WithDim(d, std::move(size));
  }
  if (indices) {
    RETURN_IF_ERROR(c.Output(out));
    return c.Output(out.WithDType(v1::DATA_TYPE_INT64));
  }
  return c.Output(std::move(out));
}

absl::Status InferAdaptive(TypeContext& c, int spatial) {
  const TensorType& self = c.tensor("self");
  RETURN_IF_ERROR(c.Rank("POOL_C1", "self", {spatial + 1, spatial + 2}));
  const std::vector<Dim> size = c.Dims("output_size");
  TensorType out = self;
  for (int i = 0; i < spatial && i < static_cast<int>(size.size()); ++i) {
    out = out.WithDim(self.rank() - spatial + i, size[static_cast<size_t>(i)]);
  }
  return c.Output(std::move(out));
}

Dim WindowFlops(const TypeContext& c) {
  Dim window(1);
  const int spatial = c.op().name.find("1d") != std::string_view::npos ? 1 : 2;
  for (const int64_t k : c.Ints("kernel_size", spatial)) window = window * Dim(k);
  return c.output(0).Numel() * window;
}

std::vector<Rule> PoolRules() {
  return {{"POOL_C1", "self has a channel and the spatial dimensions, with or without a batch"},
          {"POOL_C2", "the dilated window fits into the padded input"},
          {"POOL_C3", "padding is at most half of the kernel"}};
}

}  // namespace

void AddPool(std::vector<OpDef>& ops) {
  ops.push_back({.name = "aten.max_pool1d.default",
                 .schema = "(Tensor self, int[1] kernel_size, int[1] stride=[], int[1] padding=0, "
                           "int[1] dilation=1, "
                           "bool ceil_mode=False) -> Tensor",
                 .infer = [](TypeContext& c) { return InferPool(c, 1, false, true); },
                 .flops = WindowFlops,
                 .rules = PoolRules(),
                 .saved = "self index"});
  ops.push_back({.name = "aten.max_pool1d_with_indices.default",
                 .schema = "(Tensor self, int[1] kernel_size, int[1] stride=[], int[1] padding=0, "
                           "int[1] dilation=1, "
                           "bool ceil_mode=False) -> (Tensor, Tensor)",
                 .infer = [](TypeContext& c) { return InferPool(c, 1, true, true); },
                 .flops = WindowFlops,
                 .rules = PoolRules(),
                 .saved = "self result"});
  ops.push_back({.name = "aten.max_pool2d.default",
                 .schema = "(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, "
                           "int[2] dilation=1, "
                           "bool ceil_mode=False) -> Tensor",
                 .infer = [](TypeContext& c) { return InferPool(c, 2, false, true); },
                 .flops = WindowFlops,
                 .rules = PoolRules(),
                 .saved = "self index"});
  ops.push_back({.name = "aten.max_pool2d_with_indices.default",
                 .schema = "(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, "
                           "int[2] dilation=1, "
                           "bool ceil_mode=False) -> (Tensor, Tensor)",
                 .infer = [](TypeContext& c) { return InferPool(c, 2, true, true); },
                 .flops = WindowFlops,
                 .rules = PoolRules(),
                 .saved = "self result"});
  ops.push_back({.name = "aten.avg_pool2d.default",
                 .schema = "(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, "
                           "bool ceil_mode=False, "
                           "bool count_include_pad=True, int? divisor_override=None) -> Tensor",
                 .infer =
                     [](TypeContext& c) {
                       RETURN_IF_ERROR(c.Floating("POOL_C4", "self"));
                       return InferPool(c, 2, false, false);
                     },
                 .flops = WindowFlops,
                 .rules =
                     [] {
                       std::vector<Rule> rules = PoolRules();
                       rules.push_back({"POOL_C4", "self is floating-point"});
                       return rules;
                     }()});
  ops.push_back(
      {.name = "aten.adaptive_avg_pool2d.default",
       .schema = "(Tensor self, SymInt[2] output_size) -> Tensor",
       .infer =
           [](TypeContext& c) {
             RETURN_IF_ERROR(c.Floating("POOL_C4", "self"));
             return InferAdaptive(c, 2);
           },
       .flops = [](const TypeContext& c) { return c.tensor("self").Numel(); },
       .rules = {{"POOL_C1",
                  "self has a channel and two spatial dimensions, with or without a batch"},
                 {"POOL_C4", "self is floating-point"}}});
}

}  // namespace graphkiln::ir::ops
