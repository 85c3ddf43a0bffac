// Channels into pixels and back, channels among groups.
#include <utility>

#include "common/base/status.h"
#include "common/ir/ops/element_types.h"
#include "common/ir/ops/families.h"
#include "common/ir/ops/window.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

// Larger factors are mistakes; their squares stay far from overflow.
constexpr int64_t kMostFactor = 1 << 20;

absl::StatusOr<int64_t> Factor(TypeContext& c, std::string_view arg) {
  const int64_t factor = c.Int(arg);
  if (factor >= 1 && factor <= kMostFactor) return factor;
  return c.Fail("SHUFFLE_C3", arg, fmt::format("{} is out of range", arg),
                fmt::format("1 to {}", kMostFactor), fmt::format("{}", factor), "PARAM_RANGE");
}

absl::Status AtLeast3(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  if (self.rank() >= 3) return absl::OkStatus();
  return c.Fail("SHUFFLE_C1", "self", "self must have a channel and spatial dimensions",
                "rank 3 or more", TypeText(self), "RANK_MISMATCH");
}

// dim(d) / by.
absl::StatusOr<Dim> Part(TypeContext& c, int d, int64_t by) {
  const TensorType& self = c.tensor("self");
  const Dim& dim = self.dim(d);
  if (c.MultipleOf(dim, by)) return dim.FloorDiv(by);
  return c.Fail(
      "SHUFFLE_C2", "self", fmt::format("dimension {} cannot be divided", d + self.rank()),
      fmt::format("a multiple of {} in dimension {}", by, d + self.rank()), TypeText(self));
}

absl::Status InferPixelShuffle(TypeContext& c) {
  RETURN_IF_ERROR(AtLeast3(c));
  ASSIGN_OR_RETURN(const int64_t r, Factor(c, "upscale_factor"));
  const TensorType& self = c.tensor("self");
  ASSIGN_OR_RETURN(Dim channels, Part(c, -3, r * r));
  const int rank = self.rank();
  return c.Output(self.WithDim(rank - 3, std::move(channels))
                      .WithDim(rank - 2, self.dim(-2) * Dim(r))
                      .WithDim(rank - 1, self.dim(-1) * Dim(r)));
}

absl::Status InferPixelUnshuffle(TypeContext& c) {
  RETURN_IF_ERROR(AtLeast3(c));
  ASSIGN_OR_RETURN(const int64_t r, Factor(c, "downscale_factor"));
  const TensorType& self = c.tensor("self");
  ASSIGN_OR_RETURN(Dim height, Part(c, -2, r));
  ASSIGN_OR_RETURN(Dim width, Part(c, -1, r));
  const int rank = self.rank();
  return c.Output(self.WithDim(rank - 3, self.dim(-3) * Dim(r * r))
                      .WithDim(rank - 2, std::move(height))
                      .WithDim(rank - 1, std::move(width)));
}

absl::Status InferChannelShuffle(TypeContext& c) {
  RETURN_IF_ERROR(AtLeast3(c));
  ASSIGN_OR_RETURN(const int64_t groups, Factor(c, "groups"));
  const TensorType& self = c.tensor("self");
  RETURN_IF_ERROR(Part(c, 1 - self.rank(), groups).status());
  return c.OutputLike("self");
}

struct Entry {
  std::string_view name, schema;
  absl::Status (*infer)(TypeContext&);
};

constexpr Entry kEntries[] = {
    {"aten.pixel_shuffle.default", "(Tensor self, int upscale_factor) -> Tensor",
     InferPixelShuffle},
    {"aten.pixel_unshuffle.default", "(Tensor self, int downscale_factor) -> Tensor",
     InferPixelUnshuffle},
    {"aten.channel_shuffle.default", "(Tensor self, SymInt groups) -> Tensor", InferChannelShuffle},
};

}  // namespace

void AddShuffle(std::vector<OpDef>& ops) {
  for (const Entry& entry : kEntries) {
    ops.push_back({.name = entry.name,
                   .schema = entry.schema,
                   .infer = entry.infer,
                   .flops = NoFlops,
                   .rules = {{"SHUFFLE_C1", "self has a channel and spatial dimensions"},
                             {"SHUFFLE_C2", "the divided dimension is a multiple of the divisor"},
                             {"SHUFFLE_C3", "the factor or number of groups is from 1 to 2^20"}}});
  }
}

}  // namespace graphkiln::ir::ops
