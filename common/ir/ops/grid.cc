// Sampling at given places: spatial transformers.
#include <utility>

#include "common/base/status.h"
#include "common/ir/ops/families.h"
#include "common/ir/ops/window.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

constexpr int64_t kBicubic = 2;

absl::Status InferSampler(TypeContext& c, std::initializer_list<int> ranks) {
  const TensorType& input = c.tensor("input");
  const TensorType& grid = c.tensor("grid");
  RETURN_IF_ERROR(c.Rank("GRID_C1", "input", ranks));
  RETURN_IF_ERROR(c.Rank("GRID_C1", "grid", {input.rank()}));
  RETURN_IF_ERROR(c.Floating("GRID_C2", "input"));
  RETURN_IF_ERROR(c.SameDType("GRID_C2", "input", "grid"));
  const int spatial = input.rank() - 2;
  const TensorType fitting = grid.WithDim(0, input.dim(0)).WithDim(grid.rank() - 1, Dim(spatial));
  if (grid != fitting) {
    return c.Fail("GRID_C3", "grid",
                  "grid must have input's batch, and one coordinate per spatial dimension at its "
                  "end",
                  TypeText(fitting), TypeText(grid));
  }
  RETURN_IF_ERROR(NonEmpty(c, "GRID_C4", "input", 2));
  const int64_t mode = c.Int("interpolation_mode");
  if (mode < 0 || mode > (spatial == 2 ? 2 : 1)) {
    return c.Fail(
        "GRID_C5", "interpolation_mode",
        mode == kBicubic ? "bicubic interpolation takes images only"
                         : "there is no such interpolation",
        spatial == 2 ? "0 (bilinear), 1 (nearest) or 2 (bicubic)" : "0 (bilinear) or 1 (nearest)",
        fmt::format("{}", mode), "PARAM_RANGE");
  }
  if (c.Int("padding_mode") < 0 || c.Int("padding_mode") > 2) {
    return c.Fail("GRID_C6", "padding_mode", "there is no such padding",
                  "0 (zeros), 1 (border) or 2 (reflection)",
                  fmt::format("{}", c.Int("padding_mode")), "PARAM_RANGE");
  }
  TensorType out{input.dtype, {input.dim(0), input.dim(1)}};
  for (int i = 0; i < spatial; ++i) out.shape.push_back(grid.dim(1 + i));
  return c.Output(std::move(out));
}

absl::Status InferAffineGrid(TypeContext& c) {
  const TensorType& theta = c.tensor("theta");
  const Shape size = c.Dims("size");
  RETURN_IF_ERROR(c.Floating("AFFINE_C2", "theta"));
  bool fits = size.size() == 4 || size.size() == 5;
  for (const Dim& dim : size) fits = fits && c.AtLeast(dim, 1);
  if (!fits) {
    return c.Fail("AFFINE_C1", "size", "size must be that of a batch of images or volumes",
                  "4 or 5 sizes of 1 or more", ShapeText(size), "PARAM_RANGE");
  }
  const int spatial = static_cast<int>(size.size()) - 2;
  const TensorType fitting{theta.dtype, {size[0], Dim(spatial), Dim(spatial + 1)}};
  if (theta != fitting) {
    return c.Fail("AFFINE_C3", "theta", "theta must hold one matrix for each element of the batch",
                  TypeText(fitting), TypeText(theta));
  }
  TensorType out{theta.dtype, {size[0]}};
  for (int i = 0; i < spatial; ++i) out.shape.push_back(size[static_cast<size_t>(2 + i)]);
  out.shape.emplace_back(spatial);
  return c.Output(std::move(out));
}

// Each result is a weighted sum of the corners around its place.
Dim SamplerFlops(const TypeContext& c) {
  return c.output(0).Numel() * Dim(c.tensor("input").rank() == 5 ? 16 : 8);
}

std::vector<Rule> SamplerRules() {
  return {{"GRID_C1", "input and grid have rank 4 (images) or 5 (volumes)"},
          {"GRID_C2", "input and grid have one floating-point type"},
          {"GRID_C3", "grid has input's batch and one coordinate per spatial dimension"},
          {"GRID_C4", "no spatial dimension of input is empty"},
          {"GRID_C5", "the interpolation exists for this rank"},
          {"GRID_C6", "the padding mode exists"}};
}

struct Entry {
  std::string_view name;
  absl::Status (*infer)(TypeContext&);
};

constexpr Entry kSamplers[] = {
    {"aten.grid_sampler.default", [](TypeContext& c) { return InferSampler(c, {4, 5}); }},
    {"aten.grid_sampler_2d.default", [](TypeContext& c) { return InferSampler(c, {4}); }},
    {"aten.grid_sampler_3d.default", [](TypeContext& c) { return InferSampler(c, {5}); }},
};

}  // namespace

void AddGrid(std::vector<OpDef>& ops) {
  for (const Entry& entry : kSamplers) {
    ops.push_back({.name = entry.name,
                   .schema = "(Tensor input, Tensor grid, int interpolation_mode, int "
                             "padding_mode, bool align_corners) -> Tensor",
                   .infer = entry.infer,
                   .flops = SamplerFlops,
                   .rules = SamplerRules(),
                   .saved = "input grid"});
  }
  ops.push_back({.name = "aten.affine_grid_generator.default",
                 .schema = "(Tensor theta, SymInt[] size, bool align_corners) -> Tensor",
                 .infer = InferAffineGrid,
                 .flops =
                     [](const TypeContext& c) {
                       return c.output(0).Numel() * Dim(2 * c.tensor("theta").dim(-1).value());
                     },
                 .rules = {{"AFFINE_C1", "size is that of a batch of images or volumes"},
                           {"AFFINE_C2", "theta is floating-point"},
                           {"AFFINE_C3", "theta holds one matrix for each element of the batch"}}});
}

}  // namespace graphkiln::ir::ops
