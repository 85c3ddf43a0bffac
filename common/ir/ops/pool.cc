// Pools with a sliding window: maxima and means.
#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/ir/ops/element_types.h"
#include "common/ir/ops/families.h"
#include "common/ir/ops/window.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

struct Window {
  int64_t kernel, stride, padding, dilation;
  bool ceil;
};

// PyTorch's pooling size. The last window is the last that fits; with ceil_mode it may reach over
// the end, but must start inside the input or its left padding. Both bounds divide by the stride,
// and a floor is monotonous, so that the smaller one is known for open sizes, too.
absl::StatusOr<Dim> PooledSize(TypeContext& c, int d, const Window& w) {
  if (w.padding > w.kernel / 2) {
    return c.Fail("POOL_C3", "padding", "padding is at most half of the kernel",
                  fmt::format("at most {}", w.kernel / 2), fmt::format("{}", w.padding),
                  "PARAM_RANGE");
  }
  const TensorType& self = c.tensor("self");
  const int64_t reach = w.dilation * (w.kernel - 1) + 1;
  int64_t last = 2 * w.padding - reach;
  if (w.ceil) last = std::min(last + w.stride - 1, w.padding - 1);
  Dim size = (self.dim(d) + Dim(last)).FloorDiv(w.stride) + Dim(1);
  if (!c.AtLeast(size, 1)) {
    return c.Fail("POOL_C2", "self", "the window is larger than the padded input",
                  fmt::format("at least {} in dimension {}", -last, d), TypeText(self));
  }
  return size;
}

absl::StatusOr<TensorType> Pooled(TypeContext& c, int spatial, bool dilated) {
  const TensorType& self = c.tensor("self");
  RETURN_IF_ERROR(c.Rank("POOL_C1", "self", {spatial + 1, spatial + 2}));
  RETURN_IF_ERROR(NonEmpty(c, "POOL_C5", "self", self.rank() - spatial - 1));
  ASSIGN_OR_RETURN(const std::vector<int64_t> kernel, WindowInts(c, "kernel_size", spatial, 1));
  std::vector<int64_t> stride = kernel;
  if (!c.Dims("stride").empty()) {
    ASSIGN_OR_RETURN(stride, WindowInts(c, "stride", spatial, 1));
  }
  ASSIGN_OR_RETURN(const std::vector<int64_t> padding, WindowInts(c, "padding", spatial, 0));
  std::vector<int64_t> dilation(kernel.size(), 1);
  if (dilated) {
    ASSIGN_OR_RETURN(dilation, WindowInts(c, "dilation", spatial, 1));
  }
  TensorType out = self;
  for (size_t i = 0; i < kernel.size(); ++i) {
    const int d = self.rank() - spatial + static_cast<int>(i);
    const Window window = {kernel[i], stride[i], padding[i], dilation[i], c.Flag("ceil_mode")};
    ASSIGN_OR_RETURN(Dim size, PooledSize(c, d, window));
    out = out.WithDim(d, std::move(size));
  }
  return out;
}

// The one-dimensional kernel without positions knows floating-point numbers only.
template <int kSpatial>
absl::Status InferMax(TypeContext& c) {
  RETURN_IF_ERROR(CheckAccept(c, "POOL_C7", "self", kSpatial == 1 ? kReal : kRealNumbers,
                              c.tensor("self").dtype));
  ASSIGN_OR_RETURN(TensorType out, Pooled(c, kSpatial, true));
  return c.Output(std::move(out));
}

template <int kSpatial>
absl::Status InferMaxWithIndices(TypeContext& c) {
  RETURN_IF_ERROR(CheckAccept(c, "POOL_C7", "self", kRealNumbers, c.tensor("self").dtype));
  ASSIGN_OR_RETURN(TensorType out, Pooled(c, kSpatial, true));
  RETURN_IF_ERROR(c.Output(out));
  return c.Output(out.WithDType(v1::DATA_TYPE_INT64));
}

template <int kSpatial>
absl::Status InferAvg(TypeContext& c) {
  RETURN_IF_ERROR(c.Floating("POOL_C4", "self"));
  if (c.Has("divisor_override") && c.Int("divisor_override") == 0) {
    return c.Fail("POOL_C6", "divisor_override", "nothing can be divided by 0", "another number",
                  "0", "PARAM_RANGE");
  }
  ASSIGN_OR_RETURN(TensorType out, Pooled(c, kSpatial, false));
  if constexpr (kSpatial == 3) {
    // The one pool whose kernel must fit without the padding.
    const TensorType& input = c.tensor("self");
    const std::vector<int64_t> kernel = c.Ints("kernel_size", 3);
    for (int i = 0; i < 3; ++i) {
      const Dim& size = input.dim(input.rank() - 3 + i);
      if (c.AtLeast(size, kernel[static_cast<size_t>(i)])) continue;
      return c.Fail("POOL_C2", "self", "the kernel is larger than the input without its padding",
                    fmt::format("{} or more", kernel[static_cast<size_t>(i)]), size.ToString());
    }
  }
  return c.Output(std::move(out));
}

// One comparison or addition per element of the window.
template <int kSpatial>
Dim WindowFlops(const TypeContext& c) {
  Dim window(1);
  for (const int64_t k : c.Ints("kernel_size", kSpatial)) window = window * Dim(k);
  return c.output(0).Numel() * window;
}

std::vector<Rule> PoolRules() {
  return {{"POOL_C1", "self has a channel and the spatial dimensions, with or without a batch"},
          {"POOL_C2", "the dilated window fits into the padded input"},
          {"POOL_C3", "padding is at most half of the kernel"},
          {"POOL_C5", "no dimension but the batch is empty"},
          WindowRule()};
}

struct Entry {
  std::string_view name, schema;
  absl::Status (*infer)(TypeContext&);
  Dim (*flops)(const TypeContext&);
};

constexpr Entry kMax[] = {
    {"aten.max_pool1d.default",
     "(Tensor self, int[1] kernel_size, int[1] stride=[], int[1] padding=0, int[1] dilation=1, "
     "bool ceil_mode=False) -> Tensor",
     InferMax<1>, WindowFlops<1>},
    {"aten.max_pool2d.default",
     "(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, int[2] dilation=1, "
     "bool ceil_mode=False) -> Tensor",
     InferMax<2>, WindowFlops<2>},
    {"aten.max_pool3d.default",
     "(Tensor self, int[3] kernel_size, int[3] stride=[], int[3] padding=0, int[3] dilation=1, "
     "bool ceil_mode=False) -> Tensor",
     InferMax<3>, WindowFlops<3>},
};

constexpr Entry kMaxWithIndices[] = {
    {"aten.max_pool1d_with_indices.default",
     "(Tensor self, int[1] kernel_size, int[1] stride=[], int[1] padding=0, int[1] dilation=1, "
     "bool ceil_mode=False) -> (Tensor, Tensor)",
     InferMaxWithIndices<1>, WindowFlops<1>},
    {"aten.max_pool2d_with_indices.default",
     "(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, int[2] dilation=1, "
     "bool ceil_mode=False) -> (Tensor, Tensor)",
     InferMaxWithIndices<2>, WindowFlops<2>},
    {"aten.max_pool3d_with_indices.default",
     "(Tensor self, int[3] kernel_size, int[3] stride=[], int[3] padding=0, int[3] dilation=1, "
     "bool ceil_mode=False) -> (Tensor, Tensor)",
     InferMaxWithIndices<3>, WindowFlops<3>},
};

constexpr Entry kAvg[] = {
    {"aten.avg_pool1d.default",
     "(Tensor self, int[1] kernel_size, int[1] stride=[], int[1] padding=0, "
     "bool ceil_mode=False, bool count_include_pad=True) -> Tensor",
     InferAvg<1>, WindowFlops<1>},
    {"aten.avg_pool2d.default",
     "(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, bool ceil_mode=False, "
     "bool count_include_pad=True, int? divisor_override=None) -> Tensor",
     InferAvg<2>, WindowFlops<2>},
    {"aten.avg_pool3d.default",
     "(Tensor self, int[3] kernel_size, int[3] stride=[], int[3] padding=0, bool ceil_mode=False, "
     "bool count_include_pad=True, int? divisor_override=None) -> Tensor",
     InferAvg<3>, WindowFlops<3>},
};

void Add(std::vector<OpDef>& ops, const Entry& entry, std::vector<Rule> rules,
         std::string_view saved) {
  ops.push_back({.name = entry.name,
                 .schema = entry.schema,
                 .infer = entry.infer,
                 .flops = entry.flops,
                 .rules = std::move(rules),
                 .saved = saved});
}

}  // namespace

void AddPool(std::vector<OpDef>& ops) {
  std::vector<Rule> numbers = PoolRules();
  numbers.push_back({"POOL_C7", "self holds real numbers"});
  for (const Entry& entry : kMax) Add(ops, entry, numbers, "self index");
  for (const Entry& entry : kMaxWithIndices) Add(ops, entry, numbers, "self result");
  for (const Entry& entry : kAvg) {
    std::vector<Rule> rules = PoolRules();
    rules.push_back({"POOL_C4", "self is floating-point"});
    rules.push_back({"POOL_C6", "the divisor is not 0"});
    Add(ops, entry, std::move(rules), "self");
  }
}

}  // namespace graphkiln::ir::ops
