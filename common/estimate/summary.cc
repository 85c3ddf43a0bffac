#include "common/estimate/summary.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/strings.h"
#include "common/compiler/loss.h"
#include "common/estimate/memory.h"
#include "common/estimate/sizes.h"
#include "common/ir/types.h"

namespace graphkiln::estimate {
namespace {

constexpr int kAdamMoments = 2;
// Backward of a product costs two products of the same size.
constexpr int64_t kTrainingFactor = 3;
constexpr int64_t kDefaultBatch = 32;

void Named(std::string name, const ir::TensorType& type, v1::NamedSpec* out) {
  out->set_name(std::move(name));
  *out->mutable_spec() = ir::ToProto(type);
}

// Costs of the user's nodes; what happens inside of a composite belongs to it.
void NodeCosts(const compiler::CompileResult& compiled, const Sizes& sizes, const Memory& memory,
               v1::SummarizeResponse* out) {
  const ir::Module& module = *compiled.module;
  StringMap<int> index;
  for (const v1::NodeTypes& node : compiled.nodes) {
    index.emplace(node.id(), out->nodes_size());
    v1::NodeCost* cost = out->add_nodes();
    cost->set_id(node.id());
    cost->set_type(node.type());
    *cost->mutable_outputs() = node.outputs();
  }
  for (size_t c = 0; c < module.calls.size(); ++c) {
    const ir::Call& call = module.calls[c];
    if (call.source < 0) continue;
    const auto it = index.find(module.sources[static_cast<size_t>(call.source)].node);
    if (it == index.end()) continue;
    v1::NodeCost* cost = out->mutable_nodes(it->second);
    cost->set_flops(Plus(cost->flops(), sizes.Flops(call)));
    cost->set_activations(Plus(cost->activations(), memory.saved_by_call[c]));
  }
  // Keys start with the node's identifier; shared weights are counted at their owner.
  StringMap<int> owner;
  for (const compiler::Instance& instance : compiled.instances) {
    const auto it = index.find(instance.id);
    if (instance.parent < 0 && instance.path == instance.weights_path && it != index.end())
      owner.emplace(instance.path, it->second);
  }
  for (const ir::Parameter& parameter : module.parameters) {
    if (parameter.buffer) continue;
    const auto it = owner.find(std::string_view(parameter.key).substr(0, parameter.key.find('.')));
    if (it == owner.end()) continue;
    v1::NodeCost* cost = out->mutable_nodes(it->second);
    cost->set_parameters(Plus(cost->parameters(), sizes.Elements(parameter.value)));
  }
}

// Moments that the optimizer keeps for each parameter.
int OptimizerStates(const v1::Component& optimizer) {
  if (optimizer.type() != "SGD") {
    const auto amsgrad = optimizer.params().find("amsgrad");
    const bool largest = amsgrad != optimizer.params().end() && amsgrad->second.bool_value();
    return kAdamMoments + (largest ? 1 : 0);
  }
  const auto it = optimizer.params().find("momentum");
  if (it == optimizer.params().end()) return 0;
  return it->second.double_value() != 0 || it->second.int_value() != 0 ? 1 : 0;
}

}  // namespace

v1::SummarizeResponse Summarize(const compiler::CompileResult& compiled, const Symbols& symbols) {
  const ir::Module& module = *compiled.module;
  const Sizes sizes(module, symbols);
  const Memory memory = MeasureMemory(module, sizes);
  v1::SummarizeResponse out;
  for (const ir::Parameter& parameter : module.parameters) {
    const int64_t elements = sizes.Elements(parameter.value);
    if (parameter.buffer) {
      out.set_buffers(Plus(out.buffers(), elements));
    } else {
      out.set_parameters(Plus(out.parameters(), elements));
      if (parameter.trainable) out.set_trainable(Plus(out.trainable(), elements));
    }
    if (parameter.persistent)
      Named(parameter.key, module.type(parameter.value), out.add_state_dict());
  }
  for (const ir::Input& input : module.inputs)
    Named(input.name, module.type(input.value), out.add_inputs());
  for (const ir::Output& output : module.outputs)
    Named(output.name, module.type(output.value), out.add_outputs());
  for (const ir::Call& call : module.calls) out.set_flops(Plus(out.flops(), sizes.Flops(call)));
  v1::MemorySummary* bytes = out.mutable_memory();
  bytes->set_parameters(memory.parameters);
  bytes->set_gradients(memory.gradients);
  bytes->set_optimizer(Times(memory.gradients, kAdamMoments));
  bytes->set_activations(memory.activations);
  bytes->set_peak_inference(Plus(memory.parameters, memory.inference));
  bytes->set_peak_training(Plus(memory.parameters, Plus(bytes->optimizer(), memory.training)));
  NodeCosts(compiled, sizes, memory, &out);
  return out;
}

v1::Estimate EstimateJob(const ir::Module& module, const v1::JobSpec& job) {
  std::vector<v1::Diagnostic> ignored;  // the job's own check reports a loss that does not fit
  const auto with_loss = compiler::AppendLoss(module, job.loss(), &ignored);
  const ir::Module& program = with_loss.ok() ? *with_loss : module;
  const int64_t batch = job.data().batch_size() > 0 ? job.data().batch_size() : kDefaultBatch;
  Symbols symbols;
  for (const ir::Input& input : module.inputs) {
    const ir::TensorType& type = module.type(input.value);
    if (type.rank() > 0 && type.dim(0).IsSymbol()) symbols[type.dim(0).ToString()] = batch;
  }
  const Sizes sizes(program, symbols);
  const Memory memory = MeasureMemory(program, sizes);
  int64_t flops = 0;
  for (const ir::Call& call : program.calls) flops = Plus(flops, sizes.Flops(call));
  const bool trains = job.kind() != v1::JOB_KIND_EVALUATE && job.kind() != v1::JOB_KIND_PREDICT;
  v1::Estimate out;
  out.set_step_flops(static_cast<double>(trains ? Times(flops, kTrainingFactor) : flops));
  if (trains) {
    const int64_t states = Times(memory.gradients, OptimizerStates(job.optimizer()));
    out.set_peak_bytes(Plus(Plus(memory.parameters, states), memory.training));
  } else {
    out.set_peak_bytes(Plus(memory.parameters, memory.inference));
  }
  return out;
}

}  // namespace graphkiln::estimate
