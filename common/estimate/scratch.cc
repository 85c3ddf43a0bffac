#include "common/estimate/scratch.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "common/ir/op_def.h"
#include "common/ir/type_context.h"
#include "common/ir/types.h"

namespace graphkiln::estimate {
namespace {

// oneDNN computes on blocks of so many channels. Forward reads fewer from plain images, and so does
// the gradient of the weights below half of that.
constexpr int64_t kBlock = 16;
constexpr int64_t kHalfBlock = 8;
// ATen's own kernels serve small inputs: a kernel of one element for less than so many images, and
// one image of less than so many elements. ATen decides so on one core.
constexpr int64_t kManyImages = 16;
constexpr int64_t kLargeImage = 20480;
constexpr int64_t kWideKernel = 3;

int64_t Padded(int64_t channels) {
  return Times(channels / kBlock + (channels % kBlock > 0), kBlock);
}

int64_t PerChannel(int64_t elements, int64_t channels) {
  return channels > 0 ? elements / channels : 0;
}

// One convolution as its kernels see it; all counts are elements.
struct Convolution {
  int64_t in = 0, out = 0, weight = 0;
  int64_t in_channels = 0, out_channels = 0;
  int64_t groups = 1;
  int64_t kernel = 1;    // elements of one channel's kernel
  int64_t columns = 0;   // windows side by side, of all images that are computed at a time
  bool single = false;   // the kernel has one element
  bool library = false;  // oneDNN's
  int64_t dtype_bytes = 0;

  int64_t BlockedIn() const { return Times(PerChannel(in, in_channels), Padded(in_channels)); }
  int64_t BlockedOut() const { return Times(PerChannel(out, out_channels), Padded(out_channels)); }
  int64_t BlockedWeight(bool plain_input) const {
    if (groups > 1) return weight;
    return Times(Times(plain_input ? in_channels : Padded(in_channels), Padded(out_channels)),
                 kernel);
  }
};

bool Any(const std::vector<int64_t>& values, int64_t usual) {
  return std::any_of(values.begin(), values.end(), [&](int64_t v) { return v != usual; });
}

bool IsConvolution(std::string_view name) {
  return name.starts_with("aten.conv1d.") || name.starts_with("aten.conv2d.") ||
         name.starts_with("aten.conv3d.");
}

std::optional<Convolution> ConvolutionOf(const ir::Call& call, const ir::Module& module,
                                         const Sizes& sizes) {
  if (!IsConvolution(call.op->name) || call.outputs.empty()) return std::nullopt;
  const ir::TypeContext context(*call.op, call.args, module.values);
  const ir::TensorType& input = context.tensor("input");
  const ir::TensorType& weight = context.tensor("weight");
  const int spatial = weight.rank() - 2;
  const bool batched = input.rank() == weight.rank();
  const int64_t images = batched ? sizes.Evaluate(input.dim(0)) : 1;
  Convolution c;
  c.dtype_bytes = ir::DTypeBytes(input.dtype);
  c.in = sizes.Elements(*call.args[0].As<ir::ValueId>());
  c.weight = sizes.Elements(*call.args[1].As<ir::ValueId>());
  c.out = sizes.Elements(call.outputs[0]);
  c.in_channels = sizes.Evaluate(input.dim(batched ? 1 : 0));
  c.out_channels = sizes.Evaluate(weight.dim(0));
  c.groups = std::max<int64_t>(context.Int("groups"), 1);
  bool flat = true;  // one element in the last two dimensions
  bool wide = spatial >= 2;
  for (int d = 0; d < spatial; ++d) {
    const int64_t size = sizes.Evaluate(weight.dim(2 + d));
    c.kernel = Times(c.kernel, size);
    if (d < spatial - 2) continue;
    flat = flat && size == 1;
    wide = wide && size > kWideKernel;
  }
  c.single = c.kernel == 1;
  const bool strided = Any(context.Ints("stride", spatial), 1);
  const bool dilated = Any(context.Ints("dilation", spatial), 1);
  const bool named = context.arg("padding").As<std::string>() != nullptr;
  const bool padded = !named && Any(context.Ints("padding", spatial), 0);
  c.library = input.dtype != v1::DATA_TYPE_FLOAT64 &&
              (strided || dilated || images >= kManyImages || !flat) &&
              (c.groups > 1 || wide || images > 1 || c.in > kLargeImage);
  if (!c.single || strided || padded) {
    c.columns = Times(Times(c.in_channels / c.groups, c.kernel), PerChannel(c.out, c.out_channels));
    if (dilated && images > 0) c.columns /= images;
  }
  return c;
}

// The input and the result in blocks, then the result in blocks and as it is handed out.
int64_t Forward(const Convolution& c) {
  if (!c.library) return c.columns;
  const bool plain = c.in_channels < kBlock && !c.single;
  const int64_t blocked = c.BlockedOut();
  const int64_t computing =
      Plus(Plus(plain ? 0 : c.BlockedIn(), blocked), c.BlockedWeight(plain)) - c.out;
  return std::max(computing, blocked);
}

// The gradient of the input, then that of the weights; the first is handed out in between.
int64_t Backward(const Convolution& c, bool input_gradient) {
  if (!c.library) return c.columns;
  const bool plain = c.in_channels <= kHalfBlock && !c.single;
  const int64_t blocked = c.BlockedOut();
  const int64_t of_weight =
      Plus(Plus(plain ? 0 : c.BlockedIn(), blocked), c.BlockedWeight(plain)) - c.weight;
  if (!input_gradient) return std::max<int64_t>(of_weight, 0);
  const int64_t of_input =
      Plus(Plus(c.BlockedIn(), blocked), c.BlockedWeight(false)) - c.weight - c.in;
  return std::max({of_weight, of_input, int64_t{0}});
}

// Attention goes over the scores in tiles of so many columns and of rows that grow with the number
// of queries.
int64_t AttentionTile(const ir::Call& call, const ir::Module& module, const Sizes& sizes,
                      bool backward) {
  constexpr int64_t kColumns = 512;
  const ir::TypeContext context(*call.op, call.args, module.values);
  const ir::TensorType& query = context.tensor("query");
  const int64_t queries = sizes.Evaluate(query.dim(-2));
  const int64_t rows = std::min<int64_t>(queries, queries >= 768 ? 256 : queries >= 192 ? 64 : 32);
  const int64_t columns = std::min(kColumns, sizes.Evaluate(context.tensor("key").dim(-2)));
  const int64_t tile = Times(rows, columns);
  return backward ? Times(tile, 2)
                  : Plus(tile, Times(rows, Plus(sizes.Evaluate(query.dim(-1)), 2)));
}

bool IsAttention(const ir::Call& call) {
  return call.op->name == "aten.scaled_dot_product_attention.default" && !call.outputs.empty();
}

// ATen's recurrent kernels go step by step: the products of all inputs of one direction, the states
// of the steps, and each direction's states in one, before they are joined. Without gradients the
// layer's input is there for its own sake.
int64_t Steps(const ir::Call& call, const ir::Module& module, const Sizes& sizes, bool training) {
  const ir::TypeContext context(*call.op, call.args, module.values);
  const std::vector<const ir::TensorType*> weights = context.tensors("params");
  if (weights.size() < 2) return 0;
  const int64_t width = sizes.Evaluate(weights[1]->dim(-1));
  const ir::TensorType& input = context.tensor("input");
  const int64_t states =
      Times(Times(sizes.Evaluate(input.dim(0)), sizes.Evaluate(input.dim(1))), width);
  const int64_t gates = PerChannel(sizes.Evaluate(weights[0]->dim(0)), width);
  const int64_t directions = context.Flag("bidirectional") ? 2 : 1;
  int64_t count = gates + directions;
  if (directions > 1) count += directions;
  if (!training && context.Int("num_layers") > 1) count += directions;
  return Times(Times(states, count), ir::DTypeBytes(input.dtype));
}

bool GoesStepByStep(const ir::Call& call) {
  return call.op->name == "aten.gru.input" || call.op->name == "aten.rnn_tanh.input" ||
         call.op->name == "aten.rnn_relu.input";
}

}  // namespace

int64_t ForwardScratch(const ir::Call& call, const ir::Module& module, const Sizes& sizes,
                       bool training) {
  if (GoesStepByStep(call)) return Steps(call, module, sizes, training);
  if (const auto convolution = ConvolutionOf(call, module, sizes))
    return Times(Forward(*convolution), convolution->dtype_bytes);
  if (IsAttention(call))
    return Times(AttentionTile(call, module, sizes, false), int64_t{sizeof(float)});
  return 0;
}

int64_t BackwardScratch(const ir::Call& call, const ir::Module& module, const Sizes& sizes,
                        bool first_gradient) {
  if (const auto convolution = ConvolutionOf(call, module, sizes))
    return Times(Backward(*convolution, first_gradient), convolution->dtype_bytes);
  if (IsAttention(call))
    return Times(AttentionTile(call, module, sizes, true), int64_t{sizeof(float)});
  return 0;
}

}  // namespace graphkiln::estimate
