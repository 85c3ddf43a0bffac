#include "common/estimate/layers.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "common/base/strings.h"
#include "common/ir/op_def.h"
#include "common/ir/types.h"

namespace graphkiln::estimate {
namespace {

using compiler::Instance;

struct Cost {
  int64_t parameters = 0, trainable = 0, flops = 0, multiply_adds = 0, activations = 0;

  void Add(const Cost& other) {
    parameters = Plus(parameters, other.parameters);
    trainable = Plus(trainable, other.trainable);
    flops = Plus(flops, other.flops);
    multiply_adds = Plus(multiply_adds, other.multiply_adds);
    activations = Plus(activations, other.activations);
  }
};

// The type with the sizes that follow from the given symbols.
v1::TensorSpec Bound(const ir::TensorType& type, const std::map<std::string, int64_t>& symbols) {
  v1::TensorSpec spec = ir::ToProto(type);
  if (symbols.empty()) return spec;
  for (int d = 0; d < type.rank(); ++d) {
    if (type.dim(d).IsConst()) continue;
    const auto size = type.dim(d).Evaluate([&](std::string_view symbol) -> std::optional<int64_t> {
      const auto it = symbols.find(std::string(symbol));
      return it != symbols.end() ? std::optional<int64_t>(it->second) : std::nullopt;
    });
    if (size.ok()) spec.mutable_shape(d)->set_size(*size);
  }
  return spec;
}

void Kernel(const Instance& instance, v1::LayerCost* out) {
  constexpr std::string_view kName = "kernel_size";
  if (instance.def == nullptr || !instance.params.Has(kName)) return;
  const nodes::ParamValue& value = *instance.params.Find(kName);
  if (!std::holds_alternative<int64_t>(value) &&
      !std::holds_alternative<std::vector<int64_t>>(value))
    return;
  const auto spec = std::find_if(instance.def->params.begin(), instance.def->params.end(),
                                 [&](const nodes::ParamSpec& p) { return p.name == kName; });
  const int count = spec != instance.def->params.end() ? spec->count : 0;
  for (const int64_t size : instance.params.Ints(kName, count)) out->add_kernel(size);
}

}  // namespace

void AddLayers(const compiler::CompileResult& compiled, const Sizes& sizes,
               const std::map<std::string, int64_t>& symbols,
               const std::vector<int64_t>& saved_by_source, int depth, v1::SummarizeResponse* out) {
  const ir::Module& module = *compiled.module;
  const std::vector<Instance>& instances = compiled.instances;
  StringMap<size_t> by_path;
  StringMap<size_t> owner;  // of the weights below a path
  for (size_t i = 0; i < instances.size(); ++i) {
    by_path.emplace(instances[i].path, i);
    if (instances[i].def != nullptr && instances[i].path == instances[i].weights_path)
      owner.emplace(instances[i].path, i);
  }
  std::vector<Cost> costs(instances.size());
  std::vector<int64_t> flops(module.sources.size(), 0);
  std::vector<int64_t> multiply_adds(module.sources.size(), 0);
  for (const ir::Call& call : module.calls) {
    if (call.source < 0) continue;
    const auto source = static_cast<size_t>(call.source);
    const int64_t count = sizes.Flops(call);
    flops[source] = Plus(flops[source], count);
    if (call.op->product) multiply_adds[source] = Plus(multiply_adds[source], count / 2);
  }
  for (size_t s = 0; s < module.sources.size(); ++s) {
    const auto it = by_path.find(module.sources[s].path);
    if (it == by_path.end()) continue;
    costs[it->second].Add({0, 0, flops[s], multiply_adds[s], saved_by_source[s]});
  }
  for (const ir::Parameter& parameter : module.parameters) {
    if (parameter.buffer) continue;
    std::string_view prefix = parameter.key;
    auto it = owner.end();
    while (it == owner.end() && prefix.find('.') != prefix.npos) {
      prefix = prefix.substr(0, prefix.rfind('.'));
      it = owner.find(prefix);
    }
    if (it == owner.end()) continue;
    const int64_t elements = sizes.Elements(parameter.value);
    costs[it->second].Add({elements, parameter.trainable ? elements : 0, 0, 0, 0});
  }
  // A composite stands before what it holds.
  std::vector<int> level(instances.size(), 0);
  for (size_t i = 0; i < instances.size(); ++i) {
    if (instances[i].parent >= 0) level[i] = level[static_cast<size_t>(instances[i].parent)] + 1;
  }
  for (size_t i = instances.size(); i-- > 0;) {
    if (instances[i].parent >= 0) costs[static_cast<size_t>(instances[i].parent)].Add(costs[i]);
  }
  for (size_t i = 0; i < instances.size(); ++i) {
    if (level[i] >= depth) continue;
    const Instance& instance = instances[i];
    v1::LayerCost* layer = out->add_layers();
    layer->set_path(instance.path);
    layer->set_name(instance.id);
    layer->set_type(std::string(instance.type));
    layer->set_depth(level[i]);
    for (const compiler::Tree& input : instance.inputs) {
      compiler::VisitTensors(input, "", [&](const std::string&, ir::ValueId id) {
        *layer->add_inputs() = Bound(module.type(id), symbols);
      });
    }
    compiler::VisitTensors(instance.output, "", [&](const std::string&, ir::ValueId id) {
      *layer->add_outputs() = Bound(module.type(id), symbols);
    });
    layer->set_parameters(costs[i].parameters);
    layer->set_trainable(costs[i].trainable);
    Kernel(instance, layer);
    layer->set_flops(costs[i].flops);
    layer->set_multiply_adds(costs[i].multiply_adds);
    layer->set_activations(costs[i].activations);
    const auto source = by_path.find(instance.weights_path);
    layer->set_shared(instance.path != instance.weights_path && source != by_path.end() &&
                      costs[source->second].parameters > 0);
  }
}

}  // namespace graphkiln::estimate
