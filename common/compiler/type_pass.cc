#include "common/compiler/type_pass.h"

#include <memory>
#include <optional>
#include <utility>

#include "common/base/strings.h"
#include "common/compiler/composite.h"
#include "common/compiler/inactive.h"
#include "common/compiler/known_params.h"
#include "common/compiler/ports.h"
#include "common/compiler/weight_of.h"
#include "common/compiler/weights.h"
#include "common/nodes/body.h"
#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

// Of all composites together; a hostile definition that doubles itself ends here.
constexpr size_t kMaxInstances = 200'000;
constexpr size_t kMaxNesting = 64;
// Memory is set aside after so many nodes, for at most so many of anything.
constexpr size_t kSample = 128;
constexpr size_t kMostReserved = 1'000'000;

// One graph being typed: the user's, or the inside of a composite instance.
struct Frame {
  std::shared_ptr<const Expansion> expansion;  // which `graph` points into; null for the user's
  std::shared_ptr<const NormalGraph> graph;
  size_t next = 0;
  std::vector<Tree> inputs;
  std::vector<Tree> results;
  std::string path, weights_path;  // empty, or ending without a dot
  Report::Place place;             // of the composite around
  bool shared = false, frozen = false;
  bool xavier = false;   // weights inside start so
  int parent = -1;       // instance of the composite
  int parent_node = -1;  // node in the frame below that receives the result
  Mark mark = {};        // of the module, when the composite was entered

  Values::Scope scope() const { return {*graph, inputs, results}; }
};

class Typer {
 public:
  Typer(const CompositeLibrary& composites, Report& report, int64_t* budget)
      : composites_(composites), report_(report), budget_(budget) {}

  Typed Run(const NormalGraph& graph,
            const std::vector<std::optional<ir::TensorType>>& input_types) {
    Frame root;
    root.graph = std::shared_ptr<const NormalGraph>(
        &graph, [](const NormalGraph*) {});  // owned by the caller
    for (size_t i = 0; i < input_types.size(); ++i) {
      const ir::ValueId id =
          out_.module.AddValue({ir::ValueKind::kTensor, input_types[i].value_or(ir::TensorType())});
      out_.module.inputs.push_back({graph.inputs[i], id});
      root.inputs.push_back(input_types[i] ? Tree::Tensor(id) : Tree());
    }
    root.results.resize(graph.nodes.size());
    out_.instances.reserve(graph.nodes.size());
    out_.module.sources.reserve(graph.nodes.size());
    stack_.push_back(std::move(root));
    Finish();
    Frame& frame = stack_.back();
    out_.inputs = std::move(frame.inputs);
    out_.results = std::move(frame.results);
    out_.values = std::move(values_);
    return std::move(out_);
  }

  TypedNode RunNode(const NormalGraph& graph, int node, const std::vector<Tree>& inputs,
                    WeightTable* weights, std::vector<Tree>* results, ir::Module* module) {
    Frame root;
    root.graph = std::shared_ptr<const NormalGraph>(&graph, [](const NormalGraph*) {});
    root.next = graph.order.size();  // no other node
    root.inputs = inputs;
    root.results = std::move(*results);
    root.results[static_cast<size_t>(node)] = Tree();
    out_.module = std::move(*module);
    if (weights != nullptr) {
      shared_ = std::move(weights->modules);
      keys_ = std::move(weights->keys);
      out_.module.parameters = std::move(weights->parameters);
    }
    stack_.push_back(std::move(root));
    Visit(node);
    Finish();
    *results = std::move(stack_.back().results);
    module->values = std::move(out_.module.values);
    if (weights != nullptr)
      *weights = {std::move(shared_), std::move(keys_), std::move(out_.module.parameters)};
    module->sizes = out_.module.sizes;
    return {out_.instances.size(), values_.kept(), out_.weights};
  }

 private:
  // Visits all nodes that are left, also those inside of composites.
  void Finish() {
    while (stack_.size() > 1 || stack_.back().next < stack_.back().graph->order.size()) {
      if (stack_.back().next < stack_.back().graph->order.size()) {
        if (stack_.size() == 1 && stack_.back().next == kSample) Reserve();
        Visit(stack_.back().graph->order[stack_.back().next++]);
      } else {
        Leave();
      }
    }
  }

  // What the first nodes have made tells about what all will make.
  void Reserve() {
    const size_t times = stack_[0].graph->order.size() / kSample + 1;
    const auto reserve = [times](auto& some) {
      some.reserve(std::min<size_t>(some.size() * times, kMostReserved));
    };
    reserve(out_.module.values);
    reserve(out_.module.parameters);
    reserve(out_.module.calls);
  }

  static std::string Join(const std::string& path, const std::string& name) {
    return path.empty() ? name : path + "." + name;
  }

  void Visit(int index) {
    Frame& frame = stack_.back();
    const NormalNode& node = frame.graph->nodes[static_cast<size_t>(index)];
    const Report::Place place = frame.place.Inside(node.id);
    // Where a bound of the whole graph is reached, nothing more gets a type.
    if (node.broken || node.in_cycle || full_) return CheckParams(node, place);
    absl::InlinedVector<Tree, 1> inputs;
    inputs.reserve(node.inputs.size());
    std::optional<Tree> instead;  // of the node's own result, where parts of its inputs are muted
    for (size_t p = 0; p < node.inputs.size(); ++p) {
      const bool variadic = node.def != nullptr && node.def->inputs[p].variadic;
      Tree tree = values_.At(frame.scope(), node.inputs[p], variadic);
      if (values_.TooLarge(tree)) {
        if (!full_) report_.ErrorAt(place, "LIMIT", Values::kLimit);
        full_ = values_.full();
        return;
      }
      if (!FillGap(node, p, values_.left_out(), place, *stack_.front().graph, tree, instead,
                   report_))
        return CheckParams(node, place);
      // An earlier error is the cause; what the parameters say is checked all the same.
      if (!IsKnown(tree)) return CheckParams(node, place);
      inputs.push_back(std::move(tree));
    }
    if (instead) {
      frame.results[static_cast<size_t>(index)] = *std::move(instead);
      return CheckParams(node, place);
    }
    if (out_.instances.size() >= kMaxInstances) {
      if (!full_)
        report_.ErrorAt(place, "LIMIT",
                        fmt::format("composites expand to more than {} nodes", kMaxInstances));
      full_ = true;
      return;
    }
    Instance instance;
    instance.id = node.id;
    instance.identifier = node.identifier;
    instance.path = Join(frame.path, node.identifier);
    const bool shares = node.module >= 0;
    instance.weights_path = Join(
        frame.weights_path,
        shares ? frame.graph->nodes[static_cast<size_t>(node.module)].identifier : node.identifier);
    instance.def = node.def;
    instance.composite = node.composite;
    instance.type = node.def != nullptr ? std::string_view(node.def->name) : node.composite->name();
    instance.container = node.own != nullptr;
    instance.compile_mode = node.compile_mode;
    instance.parent = frame.parent;
    instance.inputs = std::move(inputs);
    const nodes::Params* known =
        node.def != nullptr ? known_.Find(*node.def, node.params) : nullptr;
    if (known != nullptr) {
      instance.params = *known;
    } else if (!ResolveParams(node, place, &instance.params)) {
      return;
    }
    const bool shared = frame.shared || shares || node.is_owner;
    if (!Connected(node, instance, place)) return;
    // Frozen, constant and exported weights do not learn; the plan does the rest.
    const bool frozen = frame.frozen || (node.compile_mode != v1::COMPILE_MODE_UNSPECIFIED &&
                                         node.compile_mode != v1::COMPILE_MODE_RUNTIME);
    if (node.composite != nullptr) {
      Enter(index, node, std::move(instance), place, shared, frozen);
    } else if (node.def->reads_weight) {
      if (!IsActive(node)) return StandAside(index, node, std::move(instance), place, shared);
      if (!ReadWeight(*frame.graph, node, frame.weights_path, keys_, out_.module, place, instance,
                      report_)) {
        return;
      }
      frame.results[static_cast<size_t>(index)] = instance.output;
      out_.instances.push_back(std::move(instance));
    } else if (node.def->picks && !instance.inputs[0].IsTensor()) {
      const Tree* item = PickItem(instance, place, out_.module, report_);
      if (item == nullptr) return;
      instance.output = *item;
      if (!IsActive(node)) return StandAside(index, node, std::move(instance), place, shared);
      frame.results[static_cast<size_t>(index)] = instance.output;
      out_.instances.push_back(std::move(instance));
    } else {
      Instantiate(index, node, std::move(instance), place, known != nullptr, shared, frozen);
    }
  }

  // The result of a node that is bypassed or muted; what it put into the module is taken back
  // afterwards.
  void StandAside(int index, const NormalNode& node, Instance instance, const Report::Place& place,
                  bool shared) {
    Tree& result = stack_.back().results[static_cast<size_t>(index)];
    if (node.mode == v1::NODE_MODE_MUTED) {
      result = Muted(place);
      return;
    }
    auto tree = Bypassed(*stack_.back().graph, node, instance, place, shared, out_.module, report_);
    if (!tree) return;
    instance.output = *std::move(tree);
    instance.bypassed = true;
    result = instance.output;
    out_.instances.push_back(std::move(instance));
  }

  // For a node that cannot be typed.
  void CheckParams(const NormalNode& node, const Report::Place& place) {
    if (node.bad_params || (node.def == nullptr && node.composite == nullptr)) return;
    nodes::Params params;
    ResolveParams(node, place, &params);
  }

  bool ResolveParams(const NormalNode& node, const Report::Place& place, nodes::Params* params) {
    return nodes::ResolveParams(
        node.def != nullptr ? node.def->params : SpecsOf(node), node.params, params,
        [&](nodes::ParamIssue issue) { ReportParam(node, place, std::move(issue)); });
  }

  // Of a composite, made once for all its instances. Containers have none.
  const std::vector<nodes::ParamSpec>& SpecsOf(const NormalNode& node) {
    static const std::vector<nodes::ParamSpec>* const kNone = new std::vector<nodes::ParamSpec>();
    if (node.own != nullptr) return *kNone;
    auto& specs = specs_[node.composite];
    if (specs == nullptr)
      specs = std::make_unique<const std::vector<nodes::ParamSpec>>(ParamsOf(*node.composite));
    return *specs;
  }

  // Inside of a composite, an optional port hands on nothing where nothing is connected to it.
  bool Connected(const NormalNode& node, const Instance& instance, const Report::Place& place) {
    bool ok = true;
    for (size_t p = 0; p < instance.inputs.size(); ++p) {
      const bool optional = node.def != nullptr
                                ? node.def->inputs[p].optional
                                : node.composite->inputs(static_cast<int>(p)).optional();
      if (optional || instance.inputs[p].kind != Tree::Kind::kNone) continue;
      const std::string name = node.def != nullptr
                                   ? node.def->inputs[p].name
                                   : node.composite->inputs(static_cast<int>(p)).name();
      report_.ErrorAt(place, "MISSING_INPUT", fmt::format("nothing is connected to {}", name))
          .set_port(name);
      ok = false;
    }
    return ok;
  }

  void ReportParam(const NormalNode& node, const Report::Place& place, nodes::ParamIssue issue) {
    v1::Diagnostic& diagnostic = report_.ParamIssue(place, issue);
    if (!issue.rename_to || !place.path.empty()) return;
    v1::Fix* fix = diagnostic.add_fixes();
    fix->set_description(fmt::format("rename {} to {}", issue.param, *issue.rename_to));
    v1::UnsetParam* unset = fix->add_edits()->mutable_unset_param();
    unset->set_node(place.node);
    unset->set_param(issue.param);
    v1::SetParam* set = fix->add_edits()->mutable_set_param();
    set->set_node(place.node);
    set->set_param(*issue.rename_to);
    for (const nodes::GivenParam& given : node.params) {
      if (given.name == issue.param) *set->mutable_value() = *given.value;
    }
  }

  // `known`: the parameters are those of another instance, also what that one inferred.
  void Instantiate(int index, const NormalNode& node, Instance instance, const Report::Place& place,
                   bool known, bool shared, bool frozen) {
    const nodes::NodeDef& def = *node.def;
    auto ports = TensorsAt(def, instance, place, out_.module, report_);
    if (!ports) return;
    nodes::Failure failure;
    if (known && !nodes::InferParams(def, *ports, out_.module, &instance.params, &failure)) {
      known = false;
      failure = nodes::Failure();
      instance.params = nodes::Params();
      if (!ResolveParams(node, place, &instance.params)) return;
    }
    if (!known && !nodes::InferParams(def, *ports, out_.module, &instance.params, &failure)) {
      return report_.NodeFailure(place, failure);
    }
    if (shared && !shared_.Agrees(instance, place, report_)) return;
    const Mark mark = MarkOf(out_.module);
    const int32_t source = static_cast<int32_t>(out_.module.sources.size());
    out_.module.sources.push_back({place.node, instance.path, std::string(instance.type)});
    // Identifiers in the user's graph differ, and none is a group of another.
    const bool alone = stack_.size() == 1 && !shared;
    Weights weights(out_.module, keys_, &out_.weights, instance.weights_path, alone, shared, frozen,
                    stack_.back().xavier);
    nodes::Body body(def, instance.params, *ports, out_.module, weights, source);
    def.body(body);
    if (!body.ok()) {
      // What is full is told once, at the node that found it so.
      if (body.failure()->code != "LIMIT") return report_.NodeFailure(place, *body.failure());
      if (!full_) report_.ErrorAt(place, "LIMIT", body.failure()->message);
      full_ = true;
      return;
    }
    instance.output = ResultOf(def, instance.params, body.results());
    if (!known) known_.Add(def, node.params, instance.params);
    if (!IsActive(node)) {
      StandAside(index, node, std::move(instance), place, shared);
      TakeBack(mark, out_.module, keys_);
      return;
    }
    stack_.back().results[static_cast<size_t>(index)] = instance.output;
    out_.instances.push_back(std::move(instance));
  }

  void Enter(int index, const NormalNode& node, Instance instance, const Report::Place& place,
             bool shared, bool frozen) {
    if (shared && !shared_.Agrees(instance, place, report_)) return;
    if (stack_.size() > kMaxNesting) {
      report_.ErrorAt(place, "LIMIT",
                      fmt::format("composites nest more than {} levels", kMaxNesting));
      return;
    }
    std::vector<PortType> types;
    for (const Tree& tree : instance.inputs) {
      types.push_back({tree.IsTensor() ? &out_.module.type(tree.value) : nullptr,
                       tree.kind != Tree::Kind::kNone});
    }
    auto expansion = Expand(*node.composite, instance.params, types, place, report_, budget_,
                            node.own != nullptr);
    if (!expansion) return;
    auto owned = std::make_shared<Expansion>(*std::move(expansion));
    NormaliseArgs args;
    for (const v1::CompositePort& port : node.composite->inputs())
      args.inputs.push_back(port.name());
    for (const v1::Node& inner : owned->nodes) args.nodes.push_back(&inner);
    for (const v1::GraphOutput& output : owned->outputs) args.outputs.push_back(&output);
    args.scope = &owned->scope;
    args.composites = &composites_;
    args.container = node.own != nullptr;
    args.budget = budget_;
    args.outer = {place.node, place.path.empty() ? node.type : place.path};
    const int errors = report_.errors();
    auto graph = std::make_shared<NormalGraph>(Normalise(args, report_));
    if (report_.errors() > errors) return;
    Frame frame;
    frame.results.resize(graph->nodes.size());
    frame.expansion = owned;
    frame.graph = graph;
    frame.inputs.assign(instance.inputs.begin(), instance.inputs.end());
    frame.path = instance.path;
    frame.weights_path = instance.weights_path;
    frame.place = args.outer;
    frame.shared = shared;
    frame.frozen = frozen;
    frame.xavier = stack_.back().xavier || node.composite->init() == "xavier_uniform";
    frame.parent = static_cast<int>(out_.instances.size());
    frame.parent_node = index;
    frame.mark = MarkOf(out_.module);
    out_.instances.push_back(std::move(instance));
    if (node.own != nullptr) out_.keep_alive.push_back(node.own);
    stack_.push_back(std::move(frame));
  }

  void Leave() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    std::vector<Tree> outputs;
    for (const auto& [name, arg] : frame.graph->outputs)
      outputs.push_back(values_.Of(frame.scope(), arg));
    Tree result = outputs.size() == 1 ? std::move(outputs[0]) : Tree::Tuple(std::move(outputs));
    if (values_.TooLarge(result)) {
      if (!full_) report_.ErrorAt(frame.place, "LIMIT", Values::kLimit);
      full_ = values_.full();
      result = Tree();
    }
    Instance& instance = out_.instances[static_cast<size_t>(frame.parent)];
    Frame& outer = stack_.back();
    const NormalNode& node = outer.graph->nodes[static_cast<size_t>(frame.parent_node)];
    instance.output = std::move(result);
    if (!IsActive(node)) {
      Instance inactive = std::move(instance);
      out_.instances.erase(out_.instances.begin() + frame.parent, out_.instances.end());
      if (IsKnown(inactive.output)) {
        StandAside(frame.parent_node, node, std::move(inactive), outer.place.Inside(node.id),
                   frame.shared);
      }
      TakeBack(frame.mark, out_.module, keys_);
      return;
    }
    outer.results[static_cast<size_t>(frame.parent_node)] = instance.output;
  }

  const CompositeLibrary& composites_;
  Report& report_;
  Typed out_;
  std::vector<Frame> stack_;
  WeightKeys keys_;
  absl::flat_hash_map<const v1::Composite*, std::unique_ptr<const std::vector<nodes::ParamSpec>>>
      specs_;
  KnownParams known_;
  SharedModules shared_;
  Values values_;
  int64_t* const budget_;
  bool full_ = false;  // a limit was reported
};

}  // namespace

Typed TypeGraph(const NormalGraph& graph,
                const std::vector<std::optional<ir::TensorType>>& input_types,
                const CompositeLibrary& composites, Report& report, int64_t* budget) {
  return Typer(composites, report, budget).Run(graph, input_types);
}

TypedNode TypeNode(const NormalGraph& graph, int node, const std::vector<Tree>& inputs,
                   const CompositeLibrary& composites, WeightTable* weights,
                   std::vector<Tree>* results, ir::Module* module, Report& report,
                   int64_t* budget) {
  return Typer(composites, report, budget).RunNode(graph, node, inputs, weights, results, module);
}

}  // namespace graphkiln::compiler
