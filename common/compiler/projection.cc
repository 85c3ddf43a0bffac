#include "common/compiler/projection.h"

#include <cstdint>
#include <string>
#include <utility>

#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

// Weights that nobody would put in place of a layer.
constexpr int64_t kMostWeights = 1 << 26;
constexpr int64_t kMostStride = 4;

v1::Value Int(int64_t number) {
  v1::Value value;
  value.set_int_value(number);
  return value;
}

v1::Value Ints(const std::vector<int64_t>& numbers) {
  v1::Value value;
  for (const int64_t number : numbers)
    value.mutable_list_value()->add_values()->set_int_value(number);
  return value;
}

v1::Node Layer(std::string type, std::vector<std::pair<std::string, v1::Value>> params) {
  v1::Node node;
  node.set_type(std::move(type));
  for (auto& [name, value] : params) (*node.mutable_params())[name] = std::move(value);
  return node;
}

// Sizes from dimension `from` on; nothing where one is open or too large.
std::vector<int64_t> Sizes(const ir::TensorType& type, int from) {
  std::vector<int64_t> out;
  for (int d = from; d < type.rank(); ++d) {
    if (!type.dim(d).IsConst() || type.dim(d).value() < 1 || type.dim(d).value() > kMostWeights)
      return {};
    out.push_back(type.dim(d).value());
  }
  return out;
}

// 0 where it is too large.
int64_t Product(const std::vector<int64_t>& sizes) {
  int64_t product = 1;
  for (const int64_t size : sizes) {
    product *= size;
    if (product > kMostWeights) return 0;
  }
  return product;
}

// The step of a convolution of width 1 that gives these sizes; 0 where there is none.
int64_t Stride(const ir::TensorType& from, const ir::TensorType& to) {
  for (int64_t step = 1; step <= kMostStride; ++step) {
    bool fits = true;
    for (int d = 2; d < from.rank(); ++d) {
      const ir::Dim size =
          step == 1 ? from.dim(d) : (from.dim(d) - ir::Dim(1)).FloorDiv(step) + ir::Dim(1);
      fits = fits && size == to.dim(d);
    }
    if (fits) return step;
  }
  return 0;
}

// Channels in dimension 1, space behind it.
std::vector<v1::Node> Convolution(const ir::TensorType& from, const ir::TensorType& to) {
  const std::string dims = fmt::format("{}d", from.rank() - 2);
  std::vector<std::pair<std::string, v1::Value>> params = {{"out_channels", Int(to.dim(1).value())},
                                                           {"kernel_size", Int(1)}};
  if (const int64_t step = Stride(from, to); step > 0) {
    if (step > 1) params.emplace_back("stride", Int(step));
    return {Layer("Conv" + dims, std::move(params))};
  }
  const std::vector<int64_t> space = Sizes(to, 2);
  if (space.empty()) return {};
  std::vector<v1::Node> out = {Layer("AdaptiveAvgPool" + dims, {{"output_size", Ints(space)}})};
  if (from.dim(1) != to.dim(1)) out.push_back(Layer("Conv" + dims, std::move(params)));
  return out;
}

// Through a single dimension.
std::vector<v1::Node> Through(const ir::TensorType& from, const ir::TensorType& to) {
  std::vector<int64_t> left = Sizes(from, 1), right = Sizes(to, 1);
  if (left.size() + 1 != static_cast<size_t>(from.rank()) ||
      right.size() + 1 != static_cast<size_t>(to.rank())) {
    return {};
  }
  const int64_t in = Product(left), out = Product(right);
  if (in == 0 || out == 0 || in > kMostWeights / out) return {};
  std::vector<v1::Node> chain;
  if (in != out) {
    if (left.empty()) chain.push_back(Layer("Unsqueeze", {{"dim", Int(1)}}));
    if (left.size() > 1) chain.push_back(Layer("Flatten", {}));
    chain.push_back(Layer("Linear", {{"out_features", Int(out)}}));
    if (right.size() == 1) return chain;
  }
  right.insert(right.begin(), -1);
  chain.push_back(Layer("Reshape", {{"shape", Ints(right)}}));
  return chain;
}

std::vector<v1::Node> Shaped(const ir::TensorType& from, const ir::TensorType& to) {
  const int rank = from.rank();
  const bool learned = from.dtype == v1::DATA_TYPE_FLOAT32;
  bool front = rank == to.rank() && rank > 0;  // all dimensions but the last agree
  for (int d = 0; front && d + 1 < rank; ++d) front = from.dim(d) == to.dim(d);
  if (learned && front && from.dim(-1).IsConst() && to.dim(-1).IsConst() && to.dim(-1).value() > 0)
    return {Layer("Linear", {{"out_features", Int(to.dim(-1).value())}})};
  if (rank == 0 || to.rank() == 0 || from.dim(0) != to.dim(0)) return {};
  if (learned && rank == to.rank() && rank >= 3 && rank <= 5 && from.dim(1).IsConst() &&
      to.dim(1).IsConst() && to.dim(1).value() > 0) {
    return Convolution(from, to);
  }
  return learned || Product(Sizes(from, 1)) == Product(Sizes(to, 1)) ? Through(from, to)
                                                                     : std::vector<v1::Node>();
}

bool IsFloat(v1::DataType dtype) { return dtype == v1::DATA_TYPE_FLOAT32; }

}  // namespace

std::vector<v1::Node> Projection(const ir::TensorType& from, const ir::TensorType& to) {
  const auto cast = [&] {
    v1::Value dtype;
    dtype.set_dtype_value(to.dtype);
    return Layer("Cast", {{"dtype", std::move(dtype)}});
  };
  std::vector<v1::Node> chain;
  ir::TensorType here = from;
  if (from.dtype != to.dtype && IsFloat(to.dtype)) {
    chain.push_back(cast());
    here.dtype = to.dtype;
  }
  if (here.shape != to.shape) {
    std::vector<v1::Node> layers = Shaped(here, to);
    if (layers.empty()) return {};
    for (v1::Node& layer : layers) chain.push_back(std::move(layer));
  }
  if (here.dtype != to.dtype) chain.push_back(cast());
  return chain;
}

}  // namespace graphkiln::compiler
