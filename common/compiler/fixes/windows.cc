// Fixes of kernels and windows that reach over the end of what they slide over, and of the sizes
// that they leave.
#include <algorithm>
#include <set>

#include "common/compiler/fixes/generators.h"

namespace graphkiln::compiler {
namespace {

constexpr int kFarthest = 8;  // nodes upstream
constexpr int64_t kLargest = int64_t{1} << 30;

// A parameter that is one number for all dimensions or a list; empty where it is neither.
std::vector<int64_t> Window(const v1::Node& node, const char* name, int64_t absent, size_t count) {
  const auto it = node.params().find(name);
  std::vector<int64_t> out;
  if (it == node.params().end() || it->second.has_null_value()) {
    out.assign(count, absent);
  } else if (it->second.kind_case() == v1::Value::kIntValue) {
    out.assign(count, it->second.int_value());
  } else if (it->second.list_value().values_size() == static_cast<int>(count)) {
    for (const v1::Value& item : it->second.list_value().values()) out.push_back(item.int_value());
  } else {
    out.assign(count, absent);
  }
  for (int64_t& value : out) value = std::clamp<int64_t>(value, -kLargest, kLargest);
  return out;
}

v1::Value Compact(const std::vector<int64_t>& values) {
  const bool one =
      std::all_of(values.begin(), values.end(), [&](int64_t value) { return value == values[0]; });
  return one ? IntValue(values[0]) : IntsValue(values);
}

}  // namespace

void FixWindow(const Site& site, Proposals& out) {
  if (!site.node->params().contains("kernel_size") || site.inputs.empty() || !site.inputs[0].type)
    return;
  const ir::TensorType& type = *site.inputs[0].type;
  const auto it = site.node->params().find("kernel_size");
  const bool conv = site.node->type().find("Conv") != std::string::npos;
  size_t count = 1;
  for (const char digit : {'2', '3'}) {
    if (site.node->type().find(std::string(1, digit) + "d") != std::string::npos)
      count = static_cast<size_t>(digit - '0');
  }
  if (it->second.has_list_value())
    count = static_cast<size_t>(it->second.list_value().values_size());
  if (count == 0 || static_cast<int>(count) >= type.rank()) return;
  const std::vector<int64_t> kernel = Window(*site.node, "kernel_size", 1, count);
  const std::vector<int64_t> padding = Window(*site.node, "padding", 0, count);
  const std::vector<int64_t> dilation = Window(*site.node, "dilation", 1, count);
  std::vector<int64_t> needed = padding, same = padding, fitting = kernel, half = padding,
                       unpadded = kernel;
  for (size_t i = 0; i < count; ++i) {
    const ir::Dim& dim = type.dim(type.rank() - static_cast<int>(count) + static_cast<int>(i));
    half[i] = std::min(padding[i], kernel[i] / 2);
    if (!dim.IsConst() || dim.value() > kLargest) continue;
    const int64_t reach = dilation[i] * (kernel[i] - 1) + 1;
    needed[i] = std::max(padding[i], (reach - dim.value() + 1) / 2);
    same[i] = std::max(needed[i], (reach - 1) / 2);
    if (dilation[i] < 1) continue;
    fitting[i] = std::min(kernel[i], (dim.value() + 2 * padding[i] - 1) / dilation[i] + 1);
    unpadded[i] = std::min(kernel[i], dim.value());
  }
  if (half != padding) out.SetParam(kNatural, "padding", Compact(half));
  if (conv && same != padding) out.SetParam(kPossible, "padding", Compact(same));
  if (needed != padding) out.SetParam(kPossible, "padding", Compact(needed));
  for (const auto& smaller : {fitting, unpadded}) {
    if (smaller != kernel && *std::min_element(smaller.begin(), smaller.end()) > 0)
      out.SetParam(kNatural, "kernel_size", Compact(smaller));
  }
  if (site.node->params().contains("dilation")) out.SetParam(kPossible, "dilation", IntValue(1));
  if (site.node->params().contains("stride")) out.SetParam(kPossible, "stride", IntValue(1));
  if (site.node->params().contains("output_padding"))
    out.SetParam(kPossible, "output_padding", IntValue(0));
  if (conv) {
    std::vector<int64_t> centre;
    for (size_t i = 0; i < count; ++i)
      centre.push_back(std::max<int64_t>(0, dilation[i] * (kernel[i] - 1) / 2));
    out.SetParam(kPossible, "padding", Compact(centre));
  }
}

void FixUpstreamWindows(const Site& site, Proposals& out) {
  constexpr size_t kMostInputs = 4;
  for (size_t i = 0; i < std::min(site.inputs.size(), kMostInputs); ++i) {
    if (!site.inputs[i].source) continue;
    int at = site.view.FindNode(site.inputs[i].source->node());
    int found = 0;
    for (int step = 0; at >= 0 && step < kFarthest && found < 2; ++step) {
      const v1::Node& above = site.view.node(at);
      if (above.params().contains("kernel_size")) {
        ++found;
        const int64_t kernel = Window(above, "kernel_size", 1, 1)[0];
        const int64_t stride = Window(above, "stride", 1, 1)[0];
        const int64_t padding = Window(above, "padding", 0, 1)[0];
        std::set<int64_t> paddings = {(kernel - 1) / 2, padding - 1, padding + 1, 0};
        for (const int64_t s : {1, 2}) {
          if (s != stride) out.SetParam(kPossible, above.id(), "stride", IntValue(s));
        }
        for (const int64_t p : paddings) {
          if (p != padding && p >= 0) out.SetParam(kPossible, above.id(), "padding", IntValue(p));
        }
        for (const int64_t k : {kernel - 1, kernel + 1, int64_t{3}}) {
          if (k != kernel && k > 0) out.SetParam(kPossible, above.id(), "kernel_size", IntValue(k));
        }
      }
      if (above.inputs_size() != 1 || !above.inputs(0).value().has_reference()) break;
      at = site.view.FindNode(above.inputs(0).value().reference().node());
    }
  }
}

}  // namespace graphkiln::compiler
