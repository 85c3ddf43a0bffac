#include "common/nodes/lazy.h"

namespace graphkiln::nodes {
namespace {

constexpr LazyType kLazyTypes[] = {
    {"LazyLinear", "Linear"},
    {"LazyConv1d", "Conv1d"},
    {"LazyConv2d", "Conv2d"},
    {"LazyConv3d", "Conv3d"},
    {"LazyConvTranspose1d", "ConvTranspose1d"},
    {"LazyConvTranspose2d", "ConvTranspose2d"},
    {"LazyConvTranspose3d", "ConvTranspose3d"},
    {"LazyBatchNorm1d", "BatchNorm1d"},
    {"LazyBatchNorm2d", "BatchNorm2d"},
    {"LazyBatchNorm3d", "BatchNorm3d"},
    {"LazyInstanceNorm1d", "InstanceNorm1d"},
    {"LazyInstanceNorm2d", "InstanceNorm2d"},
    {"LazyInstanceNorm3d", "InstanceNorm3d"},
};

}  // namespace

absl::Span<const LazyType> LazyTypes() { return kLazyTypes; }

}  // namespace graphkiln::nodes
