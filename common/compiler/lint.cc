#include "common/compiler/lint.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "common/base/strings.h"
#include "common/compiler/fixes/edits.h"
#include "common/compiler/fixes/site.h"
#include "common/graph/references.h"
#include "common/ir/op_def.h"
#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

constexpr size_t kAhead = 8;

// A loss that applies an activation itself.
struct LossPair {
  std::string_view loss, loss_type, activation, name;
};
constexpr LossPair kPairs[] = {
    {"aten.cross_entropy_loss.default", "CrossEntropyLoss", "aten.softmax.int", "Softmax"},
    {"aten.cross_entropy_loss.default", "CrossEntropyLoss", "aten.log_softmax.int", "LogSoftmax"},
    {"aten.binary_cross_entropy_with_logits.default", "BCEWithLogitsLoss", "aten.sigmoid.default",
     "Sigmoid"},
};

// The user's own types whose whole body is the activation.
bool IsPlain(const v1::Node& node, std::string_view activation) {
  return node.type() == activation || (node.type() == "Softmax2d" && activation == "Softmax");
}

class Linter {
 public:
  Linter(const v1::Graph& graph, const CompileResult& result, Report& report)
      : graph_(graph), result_(result), module_(*result.module), report_(report) {}

  void Run() {
    Calls();
    Gradients();
    Duplicates();
  }

 private:
  const ir::Source* SourceOf(const ir::Call& call) const {
    return call.source < 0 ? nullptr : &module_.sources[static_cast<size_t>(call.source)];
  }

  const GraphView& View() {
    if (!view_) view_.emplace(graph_, result_.nodes);
    return *view_;
  }

  void Calls() {
    const ir::OpDef* norm = ir::FindOp("aten.batch_norm.default");
    const ir::OpDef* losses[std::size(kPairs)];
    for (size_t i = 0; i < std::size(kPairs); ++i) losses[i] = ir::FindOp(kPairs[i].loss);
    for (const ir::Call& call : module_.calls) {
      if (call.op == norm) OneSample(call);
      for (size_t i = 0; i < std::size(kPairs); ++i) {
        if (call.op == losses[i]) Activation(call, kPairs[i]);
      }
    }
  }

  // The call that a value comes from; only graphs with losses pay for the table.
  const ir::Call* ProducerOf(ir::ValueId value) {
    if (producers_.empty()) {
      producers_.resize(module_.values.size(), -1);
      for (size_t c = 0; c < module_.calls.size(); ++c) {
        for (const ir::ValueId out : module_.calls[c].outputs)
          producers_[static_cast<size_t>(out.index)] = static_cast<int>(c);
      }
    }
    const int call = producers_[static_cast<size_t>(value.index)];
    return call < 0 ? nullptr : &module_.calls[static_cast<size_t>(call)];
  }

  void Activation(const ir::Call& loss, const LossPair& pair) {
    const ir::ValueId* input = loss.args.empty() ? nullptr : loss.args[0].As<ir::ValueId>();
    const ir::Call* before = input == nullptr ? nullptr : ProducerOf(*input);
    const ir::Source* at = SourceOf(loss);
    if (before == nullptr || at == nullptr || before->op->name != pair.activation) return;
    const ir::Source* from = SourceOf(*before);
    v1::Diagnostic& diagnostic = report_.Warning(
        "SOFTMAX_BEFORE_LOSS",
        fmt::format("{} applies {} itself; its input has gone through one already", pair.loss_type,
                    pair.activation == "aten.sigmoid.default" ? "the sigmoid" : "the softmax"));
    diagnostic.set_node(at->node);
    diagnostic.set_port("input");
    diagnostic.set_expected("numbers of any size (logits)");
    if (from == nullptr) return;
    diagnostic.set_found(fmt::format("the result of {}", QuoteForMessage(from->node)));
    RemoveBetween(at->node, from->node, pair, diagnostic);
  }

  // Takes what stands before the activation instead; the activation goes where nothing else uses
  // it.
  void RemoveBetween(const std::string& loss, const std::string& activation, const LossPair& pair,
                     v1::Diagnostic& diagnostic) {
    const int loss_node = View().FindNode(loss);
    const int node = View().FindNode(activation);
    if (loss_node < 0 || node < 0 || View().node(loss_node).type() != pair.loss_type ||
        !IsPlain(View().node(node), pair.name) || View().node(node).inputs_size() != 1)
      return;
    const v1::Argument& source = View().node(node).inputs(0).value();
    if (!source.has_reference()) return;
    v1::Fix& fix = *diagnostic.add_fixes();
    fix.set_description(fmt::format("remove {}", QuoteForMessage(activation)));
    v1::Connect& connect = *fix.add_edits()->mutable_connect();
    *connect.mutable_source() = source.reference();
    connect.set_node(loss);
    connect.set_port("input");
    bool output = false;
    for (const v1::GraphOutput& o : graph_.outputs()) {
      graph::VisitReferences(o.value(),
                             [&](const v1::Reference& r) { output |= r.node() == activation; });
    }
    if (output || View().Consumers(node).size() != 1) return;
    fix.add_edits()->mutable_remove_node()->set_node(activation);
  }

  void OneSample(const ir::Call& call) {
    const ir::ValueId* input = call.args.empty() ? nullptr : call.args[0].As<ir::ValueId>();
    const ir::Source* at = SourceOf(call);
    if (input == nullptr || at == nullptr) return;
    const ir::TensorType& type = module_.type(*input);
    if (type.rank() < 2 || !type.dim(0).IsConst(1)) return;
    bool single = true;
    for (int d = 2; d < type.rank(); ++d) single &= type.dim(d).IsConst(1);
    v1::Diagnostic& diagnostic =
        report_.Hint("BATCH_OF_ONE",
                     single ? "in training there is one value per channel, which has no deviation"
                            : "in training the statistics are those of a single sample");
    diagnostic.set_node(at->node);
    diagnostic.set_port("input");
    diagnostic.set_expected("a batch of 2 or more, or an open one");
    diagnostic.set_found(ir::TypeText(type));
    const int node = View().FindNode(at->node);
    if (node < 0 || !View().node(node).type().starts_with("BatchNorm")) return;
    const int64_t channels = type.dim(1).IsConst() ? type.dim(1).value() : 1;
    if (single && channels < 2) return;
    // Normalises each sample by itself and has the same weights.
    v1::Fix& fix = *diagnostic.add_fixes();
    fix.set_description("change the type to GroupNorm");
    v1::SetType& edit = *fix.add_edits()->mutable_set_type();
    edit.set_node(at->node);
    edit.set_type("GroupNorm");
    v1::SetParam& groups = *fix.add_edits()->mutable_set_param();
    groups.set_node(at->node);
    groups.set_param("num_groups");
    groups.mutable_value()->set_int_value(1);
    for (const char* param : {"num_features", "momentum", "track_running_stats"}) {
      if (!View().node(node).params().contains(param)) continue;
      v1::UnsetParam& unset = *fix.add_edits()->mutable_unset_param();
      unset.set_node(at->node);
      unset.set_param(param);
    }
  }

  // Backwards from the outputs through all that differentiates.
  void Gradients() {
    std::vector<bool> reached(module_.values.size(), false);
    bool any = false;
    const auto reach = [&](ir::ValueId id) {
      if (!id.valid() || !ir::IsFloating(module_.type(id).dtype)) return;
      reached[static_cast<size_t>(id.index)] = any = true;
    };
    for (const ir::Output& output : module_.outputs) reach(output.value);
    if (!any) return NoOutput();
    for (size_t c = module_.calls.size(); c-- > 0;) {
      module_.Prefetch(c - kAhead);  // wraps beyond the last call
      const ir::Call& call = module_.calls[c];
      if (!call.op->differentiable) continue;
      bool wanted = false;
      for (const ir::ValueId out : call.outputs) wanted |= reached[static_cast<size_t>(out.index)];
      if (!wanted) continue;
      for (const ir::Argument& arg : call.args) ir::VisitValues(arg, reach);
    }
    std::vector<const ir::Parameter*> lost;
    for (const ir::Parameter& parameter : module_.parameters) {
      if (parameter.trainable && !parameter.buffer &&
          !reached[static_cast<size_t>(parameter.value.index)])
        lost.push_back(&parameter);
    }
    if (!lost.empty()) Lost(lost);
  }

  // For people who classify with an ArgMax in the graph: it runs, but a job could not train it.
  void NoOutput() {
    bool trainable = false;
    for (const ir::Parameter& parameter : module_.parameters) trainable |= parameter.trainable;
    if (!trainable || module_.outputs.empty()) return;
    v1::Diagnostic& diagnostic =
        report_.Hint("NO_GRADIENT", "no output has a gradient, so nothing here can learn");
    diagnostic.set_path("outputs." + graph_.outputs(0).name());
    diagnostic.set_expected("a floating-point output");
    diagnostic.set_found(ir::TypeText(module_.type(module_.outputs[0].value)));
  }

  // One finding for each node of the user's, not for what no output depends on at all.
  void Lost(const std::vector<const ir::Parameter*>& lost) {
    StringSet done;
    for (const v1::Diagnostic& diagnostic : report_.diagnostics()) {
      if (diagnostic.code() == "UNUSED_NODE") done.insert(diagnostic.node());
    }
    StringMap<std::string> nodes;  // the user's node by the first part of a key
    for (const Instance& instance : result_.instances) {
      if (instance.parent >= 0) continue;
      if (instance.bypassed) done.insert(instance.id);
      nodes.emplace(instance.weights_path, instance.id);
    }
    // What stands inside of something bypassed makes no call either.
    for (const Instance& instance : result_.instances) {
      if (instance.bypassed && instance.parent >= 0)
        done.insert(result_.instances[Root(instance)].id);
    }
    for (const ir::Parameter* parameter : lost) {
      const auto it =
          nodes.find(std::string_view(parameter->key).substr(0, parameter->key.find('.')));
      if (it == nodes.end() || !done.insert(it->second).second) continue;
      v1::Diagnostic& diagnostic = report_.Warning(
          "NO_GRADIENT", fmt::format("no gradient reaches {}, so it cannot learn", parameter->key));
      diagnostic.set_node(it->second);
      diagnostic.set_expected("a way to a floating-point output through operators with a gradient");
    }
  }

  size_t Root(const Instance& instance) const {
    int at = instance.parent;
    while (result_.instances[static_cast<size_t>(at)].parent >= 0)
      at = result_.instances[static_cast<size_t>(at)].parent;
    return static_cast<size_t>(at);
  }

  static void Mix(const Tree& tree, uint64_t& hash) {
    hash = absl::HashOf(hash, static_cast<int>(tree.kind), tree.value.index);
    for (const Tree& item : tree.items) Mix(item, hash);
  }

  static bool Equal(const Tree& a, const Tree& b) {
    if (a.kind != b.kind || a.value != b.value || a.items.size() != b.items.size()) return false;
    if (a.kind == Tree::Kind::kLiteral || a.kind == Tree::Kind::kDict) return false;
    for (size_t i = 0; i < a.items.size(); ++i) {
      if (!Equal(a.items[i], b.items[i])) return false;
    }
    return true;
  }

  static bool EqualParams(const nodes::Params& a, const nodes::Params& b) {
    if (a == b) return true;
    if (a.entries().size() != b.entries().size()) return false;
    for (size_t i = 0; i < a.entries().size(); ++i) {
      if (a.entries()[i].name != b.entries()[i].name ||
          a.entries()[i].value != b.entries()[i].value)
        return false;
    }
    return true;
  }

  // The tensor at the first port; nothing where there is none.
  static ir::ValueId FirstValue(const Instance& instance) {
    const Tree* tree = instance.inputs.empty() ? nullptr : &instance.inputs[0];
    if (tree != nullptr && !tree->items.empty()) tree = &tree->items[0];
    return tree != nullptr && tree->IsTensor() ? tree->value : ir::ValueId();
  }

  // Nodes of one type with one input each and no weights give one result.
  void Duplicates() {
    // Only of values that several nodes take.
    std::vector<uint8_t> readers(module_.values.size(), 0);
    for (const Instance& instance : result_.instances) {
      const ir::ValueId value = instance.parent >= 0 ? ir::ValueId() : FirstValue(instance);
      if (!value.valid()) continue;
      uint8_t& count = readers[static_cast<size_t>(value.index)];
      count = static_cast<uint8_t>(std::min(count + 1, 2));
    }
    absl::flat_hash_map<uint64_t, const Instance*> first;
    std::vector<std::pair<const Instance*, const Instance*>> pairs;
    for (const Instance& instance : result_.instances) {
      const ir::ValueId value = instance.parent >= 0 ? ir::ValueId() : FirstValue(instance);
      if (value.valid() && readers[static_cast<size_t>(value.index)] < 2) continue;
      if (instance.parent >= 0 || instance.def == nullptr || instance.bypassed ||
          instance.inputs.empty() || instance.def->picks || instance.def->reads_weight)
        continue;
      uint64_t hash = absl::HashOf(instance.def);
      for (const Tree& input : instance.inputs) Mix(input, hash);
      const auto [it, fresh] = first.emplace(hash, &instance);
      if (fresh || it->second->def != instance.def) continue;
      bool equal = EqualParams(it->second->params, instance.params);
      for (size_t i = 0; equal && i < instance.inputs.size(); ++i)
        equal = Equal(it->second->inputs[i], instance.inputs[i]);
      if (equal) pairs.emplace_back(it->second, &instance);
    }
    if (pairs.empty()) return;
    StringSet own;  // weights, or randomness
    for (const ir::Parameter& parameter : module_.parameters)
      own.insert(parameter.key.substr(0, parameter.key.find('.')));
    StringSet random;
    for (const ir::Call& call : module_.calls) {
      if (const ir::Source* at = SourceOf(call); call.op->random && at != nullptr)
        random.insert(at->node);
    }
    constexpr size_t kMostPairs = 100;
    for (size_t i = 0; i < std::min(pairs.size(), kMostPairs); ++i) {
      const auto& [one, other] = pairs[i];
      if (own.contains(other->weights_path) || own.contains(one->weights_path) ||
          random.contains(other->id))
        continue;
      Duplicate(one->id, other->id);
    }
  }

  void Duplicate(const std::string& one, const std::string& other) {
    v1::Diagnostic& diagnostic = report_.Hint(
        "DUPLICATE_BRANCH",
        fmt::format("the node does the same as {} with the same inputs", QuoteForMessage(one)));
    diagnostic.set_node(other);
    diagnostic.set_found(one.substr(0, 200));
    const int node = View().FindNode(other);
    v1::Fix fix;
    bool plain = node >= 0;  // every use is one that an edit can change
    const auto connect = [&](const v1::Reference& from, std::string to, std::string port,
                             int position) {
      v1::Connect& edit = *fix.add_edits()->mutable_connect();
      *edit.mutable_source() = from;
      edit.mutable_source()->set_node(one);
      edit.set_node(std::move(to));
      edit.set_port(std::move(port));
      if (position >= 0) edit.set_position(position);
    };
    if (!plain) return;
    for (const int consumer : View().Consumers(node)) {
      const v1::Node& to = View().node(consumer);
      const auto ports = InputPorts(graph_, to);
      if (!ports) return;
      int uses = 0;
      for (const v1::NodeInput& input : to.inputs()) {
        graph::VisitReferences(input.value(),
                               [&](const v1::Reference& r) { uses += r.node() == other ? 1 : 0; });
      }
      for (const Arrival& arrival : Arrivals(*ports, to)) {
        if (!arrival.value->has_reference() || arrival.value->reference().node() != other) continue;
        --uses;
        connect(arrival.value->reference(), to.id(),
                (*ports)[static_cast<size_t>(arrival.port)].name, arrival.position);
      }
      plain &= uses == 0;
    }
    for (const v1::GraphOutput& output : graph_.outputs()) {
      bool uses = false;
      graph::VisitReferences(output.value(),
                             [&](const v1::Reference& r) { uses |= r.node() == other; });
      if (!uses) continue;
      plain &= output.value().has_reference();
      if (plain) connect(output.value().reference(), "", output.name(), -1);
    }
    if (!plain) return;
    fix.add_edits()->mutable_remove_node()->set_node(other);
    fix.set_description(fmt::format("use {} instead", QuoteForMessage(one)));
    *diagnostic.add_fixes() = std::move(fix);
  }

  const v1::Graph& graph_;
  const CompileResult& result_;
  const ir::Module& module_;
  Report& report_;
  std::optional<GraphView> view_;
  std::vector<int> producers_;
};

}  // namespace

void Lint(const v1::Graph& graph, const CompileResult& result, Report& report) {
  Linter(graph, result, report).Run();
}

std::string RedundantActivation(const ir::Module& module, std::string_view loss) {
  if (module.outputs.empty()) return "";
  for (size_t c = module.calls.size(); c-- > 0;) {
    const ir::Call& call = module.calls[c];
    if (call.outputs.empty() || call.outputs[0] != module.outputs[0].value) continue;
    for (const LossPair& pair : kPairs) {
      if (pair.loss_type == loss && pair.activation == call.op->name) return std::string(pair.name);
    }
    return "";
  }
  return "";
}

}  // namespace graphkiln::compiler
