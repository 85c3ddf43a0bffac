#include "common/estimate/summary.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/compiler/loss.h"
#include "common/estimate/layers.h"
#include "common/estimate/memory.h"
#include "common/estimate/numbers.h"
#include "common/estimate/sizes.h"
#include "common/ir/op_def.h"
#include "common/ir/types.h"

namespace graphkiln::estimate {
namespace {

// Backward of a product costs two products of the same size.
constexpr int64_t kTrainingFactor = 3;
constexpr int64_t kDefaultBatch = 32;

void Named(std::string name, const ir::TensorType& type, v1::NamedSpec* out) {
  out->set_name(std::move(name));
  *out->mutable_spec() = ir::ToProto(type);
}

// Costs of the user's nodes; what happens inside of a composite belongs to it.
void NodeCosts(const compiler::CompileResult& compiled, const Sizes& sizes,
               const std::vector<int64_t>& saved_by_source, v1::SummarizeResponse* out) {
  const ir::Module& module = *compiled.module;
  StringMap<int> index;
  for (const compiler::NodeTypes& node : compiled.nodes) {
    index.emplace(node.id, out->nodes_size());
    v1::NodeCost* cost = out->add_nodes();
    cost->set_id(node.id);
    cost->set_type(node.type);
    for (const ir::TensorType& type : node.outputs) ir::ToProto(type, cost->add_outputs());
  }
  for (const ir::Call& call : module.calls) {
    if (call.source < 0) continue;
    const auto it = index.find(module.sources[static_cast<size_t>(call.source)].node);
    if (it == index.end()) continue;
    v1::NodeCost* cost = out->mutable_nodes(it->second);
    cost->set_flops(Plus(cost->flops(), sizes.Flops(call)));
  }
  for (size_t s = 0; s < module.sources.size(); ++s) {
    const auto it = index.find(module.sources[s].node);
    if (it == index.end()) continue;
    v1::NodeCost* cost = out->mutable_nodes(it->second);
    cost->set_activations(Plus(cost->activations(), saved_by_source[s]));
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

struct Measured {
  ir::Module module;  // in the run's element types
  Memory memory;
};

absl::StatusOr<Measured> Measure(const ir::Module& module, const Symbols& symbols,
                                 const v1::Numbers& numbers) {
  ASSIGN_OR_RETURN(ir::Module program, WithNumbers(module, numbers));
  Memory memory = MeasureMemory(program, Sizes(program, symbols));
  return Measured{std::move(program), std::move(memory)};
}

v1::MemorySummary MemoryWith(const Memory& memory, int64_t moments) {
  v1::MemorySummary out;
  out.set_parameters(memory.parameters);
  out.set_gradients(memory.gradients);
  out.set_optimizer(Times(memory.gradients, moments));
  out.set_activations(memory.activations);
  out.set_peak_inference(Plus(memory.parameters, memory.inference));
  out.set_peak_training(Plus(memory.parameters, Plus(out.optimizer(), memory.training)));
  out.set_inputs(memory.inputs);
  out.set_forward_backward(memory.training - memory.inputs);
  return out;
}

// Every optimizer with every precision that the program runs in.
void Compare(const ir::Module& module, const SummaryOptions& options, v1::SummarizeResponse* out) {
  if (options.optimizers.empty()) return;
  std::vector<std::pair<v1::Numbers, Memory>> measured;
  for (const NumbersKind& kind : AllNumbers()) {
    v1::Numbers numbers;
    numbers.set_precision(kind.precision);
    numbers.set_pure(kind.pure);
    auto found = Measure(module, options.symbols, numbers);
    if (found.ok()) measured.emplace_back(std::move(numbers), std::move(found->memory));
  }
  for (const auto& [optimizer, moments] : options.optimizers) {
    for (const auto& [numbers, memory] : measured) {
      v1::MemoryEstimate* estimate = out->add_estimates();
      estimate->set_optimizer(optimizer);
      *estimate->mutable_numbers() = numbers;
      *estimate->mutable_memory() = MemoryWith(memory, moments);
    }
  }
}

}  // namespace

absl::StatusOr<v1::SummarizeResponse> Summarize(const compiler::CompileResult& compiled,
                                                const SummaryOptions& options) {
  const ir::Module& module = *compiled.module;
  const Sizes sizes(module, options.symbols);
  ASSIGN_OR_RETURN(const Measured measured, Measure(module, options.symbols, options.numbers));
  std::vector<int64_t> saved_by_source(module.sources.size(), 0);
  for (size_t c = 0; c < measured.module.calls.size(); ++c) {
    const int32_t source = measured.module.calls[c].source;
    if (source < 0) continue;
    int64_t& saved = saved_by_source[static_cast<size_t>(source)];
    saved = Plus(saved, measured.memory.saved_by_call[c]);
  }
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
  for (const ir::Call& call : module.calls) {
    const int64_t count = sizes.Flops(call);
    out.set_flops(Plus(out.flops(), count));
    if (call.op->product) out.set_multiply_adds(Plus(out.multiply_adds(), count / 2));
  }
  *out.mutable_memory() = MemoryWith(measured.memory, options.moments);
  NodeCosts(compiled, sizes, saved_by_source, &out);
  if (options.depth > 0)
    AddLayers(compiled, sizes, options.symbols, saved_by_source, options.depth, &out);
  Compare(module, options, &out);
  return out;
}

v1::Estimate EstimateJob(const ir::Module& module, const v1::JobSpec& job, int64_t moments) {
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
  v1::Numbers numbers;
  numbers.set_precision(job.precision());
  const auto measured = Measure(program, symbols, numbers);
  const Memory memory = measured.ok() ? measured->memory : MeasureMemory(program, sizes);
  int64_t flops = 0;
  for (const ir::Call& call : program.calls) flops = Plus(flops, sizes.Flops(call));
  const bool trains = job.kind() != v1::JOB_KIND_EVALUATE && job.kind() != v1::JOB_KIND_PREDICT;
  v1::Estimate out;
  out.set_step_flops(static_cast<double>(trains ? Times(flops, kTrainingFactor) : flops));
  if (trains) {
    out.set_peak_bytes(MemoryWith(memory, moments).peak_training());
  } else {
    out.set_peak_bytes(MemoryWith(memory, moments).peak_inference());
  }
  return out;
}

}  // namespace graphkiln::estimate
