#include "common/estimate/scratch.h"

#include <algorithm>

#include "common/base/strings.h"
#include "common/ir/op_def.h"
#include "common/ir/types.h"

namespace graphkiln::estimate {
namespace {

// oneDNN computes on blocks of so many channels and reads so few from plain images.
constexpr int64_t kBlock = 16;
constexpr int64_t kPlain = 8;
// With a kernel of one element, small batches are products of plain matrices.
constexpr int64_t kSmallBatch = 16;

int64_t Blocked(int64_t elements, int64_t channels) {
  if (channels <= 0) return 0;
  return Times(elements / channels, (channels + kBlock - 1) / kBlock * kBlock);
}

// The input and the result in blocks, then the result in blocks and as it is handed out.
int64_t Convolution(const ir::Call& call, const ir::Module& module, const Sizes& sizes) {
  const ir::ValueId* input = call.args[0].As<ir::ValueId>();
  const ir::ValueId* weight = call.args[1].As<ir::ValueId>();
  if (input == nullptr || weight == nullptr || call.outputs.empty()) return 0;
  const ir::TensorType& kernel = module.type(*weight);
  const ir::TensorType& in = module.type(*input);
  if (in.rank() != kernel.rank() || in.rank() < 3) return 0;
  bool single = true;
  for (int d = 2; d < kernel.rank(); ++d) single = single && kernel.dim(d).IsConst(1);
  if (single && sizes.Evaluate(in.dim(0)) < kSmallBatch) return 0;
  const int64_t channels = sizes.Evaluate(in.dim(1));
  const int64_t out = sizes.Elements(call.outputs[0]);
  const int64_t blocked_out = Blocked(out, sizes.Evaluate(kernel.dim(0)));
  const int64_t blocked_in =
      channels > kPlain || single ? Blocked(sizes.Elements(*input), channels) : 0;
  const int64_t computing = Plus(Plus(blocked_in, blocked_out), sizes.Elements(*weight)) - out;
  return Times(std::max(computing, blocked_out), ir::DTypeBytes(in.dtype));
}

}  // namespace

int64_t Scratch(const ir::Call& call, const ir::Module& module, const Sizes& sizes) {
  const std::string_view name = call.op->name;
  const bool convolution = name == "aten.conv1d.default" || name == "aten.conv2d.default" ||
                           name == "aten.conv3d.default" || name == "aten.conv1d.padding" ||
                           name == "aten.conv2d.padding" || name == "aten.conv3d.padding";
  return convolution ? Convolution(call, module, sizes) : 0;
}

}  // namespace graphkiln::estimate
