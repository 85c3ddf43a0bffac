// Resizing by interpolation, in the form that takes a size or factors.
#include <optional>
#include <utility>

#include "common/base/status.h"
#include "common/ir/ops/element_types.h"
#include "common/ir/ops/families.h"
#include "common/ir/ops/window.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

// The result's spatial sizes: given, or the input's times the factors, rounded down.
absl::StatusOr<Shape> ResultSize(TypeContext& c, int spatial) {
  const TensorType& input = c.tensor("input");
  const char* arg = c.Has("output_size") ? "output_size" : "scale_factors";
  const Shape given = c.Dims("output_size");
  const std::vector<double> factors = c.Floats("scale_factors");
  const size_t count = c.Has("output_size") ? given.size() : factors.size();
  if (c.Has("output_size") == c.Has("scale_factors") || count != static_cast<size_t>(spatial)) {
    return c.Fail(
        "UPSAMPLE_C3", arg, "either a size or a factor is needed for each spatial dimension",
        fmt::format("{} sizes or {} factors", spatial, spatial),
        c.Has("output_size") && c.Has("scale_factors") ? "both" : fmt::format("{}", count),
        "PARAM_RANGE");
  }
  if (c.Has("output_size")) return given;
  Shape sizes;
  for (int i = 0; i < spatial; ++i) {
    const double factor = factors[static_cast<size_t>(i)];
    if (!(factor > 0)) {
      return c.Fail("UPSAMPLE_C4", arg, "a factor must be larger than 0", "more than 0",
                    fmt::format("{}", factor), "PARAM_RANGE");
    }
    std::optional<Dim> size = FloorScale(input.dim(2 + i), factor);
    if (!size) {
      return c.Fail(
          "UPSAMPLE_C5", "input",
          fmt::format("no expression gives {} times the open size {}", factor,
                      input.dim(2 + i).ToString()),
          fmt::format("a fixed size in dimension {}, or a factor such as 0.5, 1.5 or 2", 2 + i),
          TypeText(input));
    }
    sizes.push_back(*std::move(size));
  }
  return sizes;
}

template <int kSpatial>
absl::Status InferUpsample(TypeContext& c) {
  RETURN_IF_ERROR(c.Floating("UPSAMPLE_C2", "input"));
  RETURN_IF_ERROR(c.Rank("UPSAMPLE_C1", "input", {kSpatial + 2}));
  RETURN_IF_ERROR(NonEmpty(c, "UPSAMPLE_C6", "input", 1));
  ASSIGN_OR_RETURN(Shape sizes, ResultSize(c, kSpatial));
  TensorType out = c.tensor("input");
  for (int i = 0; i < kSpatial; ++i) {
    Dim& size = sizes[static_cast<size_t>(i)];
    if (!c.AtLeast(size, 1)) {
      return c.Fail("UPSAMPLE_C4", c.Has("output_size") ? "output_size" : "scale_factors",
                    "the result would be empty",
                    fmt::format("a size of 1 or more in dimension {}", 2 + i), size.ToString(),
                    "PARAM_RANGE");
    }
    out = out.WithDim(2 + i, std::move(size));
  }
  return c.Output(std::move(out));
}

// A multiply-add for each input element that a result stems from.
template <int kTaps>
Dim TapFlops(const TypeContext& c) {
  return c.output(0).Numel() * Dim(2 * kTaps);
}

struct Entry {
  std::string_view name, schema;
  absl::Status (*infer)(TypeContext&);
  Dim (*flops)(const TypeContext&);
};

constexpr std::string_view kNearest =
    "(Tensor input, SymInt[]? output_size, float[]? scale_factors) -> Tensor";
constexpr std::string_view kAligned =
    "(Tensor input, SymInt[]? output_size, bool align_corners, float[]? scale_factors) -> Tensor";

constexpr Entry kEntries[] = {
    {"aten.upsample_nearest1d.vec", kNearest, InferUpsample<1>, NoFlops},
    {"aten.upsample_nearest2d.vec", kNearest, InferUpsample<2>, NoFlops},
    {"aten.upsample_nearest3d.vec", kNearest, InferUpsample<3>, NoFlops},
    {"aten._upsample_nearest_exact1d.vec", kNearest, InferUpsample<1>, NoFlops},
    {"aten._upsample_nearest_exact2d.vec", kNearest, InferUpsample<2>, NoFlops},
    {"aten._upsample_nearest_exact3d.vec", kNearest, InferUpsample<3>, NoFlops},
    {"aten.upsample_linear1d.vec", kAligned, InferUpsample<1>, TapFlops<2>},
    {"aten.upsample_bilinear2d.vec", kAligned, InferUpsample<2>, TapFlops<4>},
    {"aten.upsample_trilinear3d.vec", kAligned, InferUpsample<3>, TapFlops<8>},
    {"aten.upsample_bicubic2d.vec", kAligned, InferUpsample<2>, TapFlops<16>},
    {"aten._upsample_bilinear2d_aa.vec", kAligned, InferUpsample<2>, TapFlops<4>},
    {"aten._upsample_bicubic2d_aa.vec", kAligned, InferUpsample<2>, TapFlops<16>},
};

}  // namespace

void AddUpsample(std::vector<OpDef>& ops) {
  for (const Entry& entry : kEntries) {
    ops.push_back(
        {.name = entry.name,
         .schema = entry.schema,
         .infer = entry.infer,
         .flops = entry.flops,
         .rules = {{"UPSAMPLE_C1", "input has a batch, a channel and the spatial dimensions"},
                   {"UPSAMPLE_C2", "input is floating-point"},
                   {"UPSAMPLE_C3", "either sizes or factors are given, one per spatial dimension"},
                   {"UPSAMPLE_C4", "factors are above 0 and sizes 1 or more"},
                   {"UPSAMPLE_C5", "an open size is scaled by a fraction of a power of two"},
                   {"UPSAMPLE_C6", "no dimension but the batch is empty"}}});
  }
}

}  // namespace graphkiln::ir::ops
