#include "common/compiler/type_pass.h"

#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "common/base/strings.h"
#include "common/compiler/composite.h"
#include "common/compiler/weights.h"
#include "common/nodes/body.h"
#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

// Of all composites together; a hostile definition that doubles itself ends here.
constexpr size_t kMaxInstances = 200'000;
constexpr size_t kMaxNesting = 64;
// Nodes of composites written out, also of those that turn out to be wrong.
constexpr int64_t kMaxExpanded = 400'000;
// Tuples and dicts: parts and levels of one, and parts of all together. A chain of nodes that each
// give their input twice ends here.
constexpr uint32_t kMaxTree = 10'000;
constexpr int kMaxTreeDepth = 64;
constexpr int64_t kMaxTrees = 1'000'000;

constexpr char kTreeLimit[] =
    "tuples and dicts hold at most 10,000 values in 64 levels, all of a graph 1,000,000";

// One graph being typed: the user's, or the inside of a composite instance.
struct Frame {
  std::shared_ptr<const NormalGraph> graph;
  size_t next = 0;
  std::vector<Tree> inputs;
  std::vector<Tree> results;
  std::string path, weights_path;  // empty, or ending without a dot
  Report::Place place;             // of the composite around
  bool shared = false, frozen = false;
  bool xavier = false;    // weights inside start so
  int parent = -1;        // instance of the composite
  int parent_node = -1;   // node in the frame below that receives the result
  size_t first_call = 0;  // of the module, when the composite was entered
};

class Typer {
 public:
  Typer(const CompositeLibrary& composites, Report& report)
      : composites_(composites), report_(report) {}

  Typed Run(const NormalGraph& graph, const std::vector<ir::TensorType>& input_types) {
    Frame root;
    root.graph = std::shared_ptr<const NormalGraph>(
        &graph, [](const NormalGraph*) {});  // owned by the caller
    for (size_t i = 0; i < input_types.size(); ++i) {
      const ir::ValueId id = out_.module.AddValue({ir::ValueKind::kTensor, input_types[i]});
      out_.module.inputs.push_back({graph.inputs[i], id});
      root.inputs.push_back(Tree::Tensor(id));
    }
    root.results.resize(graph.nodes.size());
    stack_.push_back(std::move(root));
    while (stack_.size() > 1 || stack_.back().next < stack_.back().graph->order.size()) {
      if (stack_.back().next < stack_.back().graph->order.size()) {
        Visit(stack_.back().graph->order[stack_.back().next++]);
      } else {
        Leave();
      }
    }
    Frame& frame = stack_.back();
    for (const auto& [name, arg] : graph.outputs) {
      out_.outputs.emplace_back(name, Value(frame, arg));
      if (TooLarge(out_.outputs.back().second)) {
        report_.Error("LIMIT", kTreeLimit).set_path("outputs." + name);
        out_.outputs.back().second = Tree();
      }
    }
    out_.results = std::move(frame.results);
    return std::move(out_);
  }

 private:
  static std::string Join(const std::string& path, const std::string& name) {
    return path.empty() ? name : path + "." + name;
  }

  Report::Place PlaceOf(const Frame& frame, const NormalNode& node) const {
    if (frame.place.node.empty()) return {node.id, ""};
    return {frame.place.node, frame.place.path + "." + node.id};
  }

  // Depth of arguments is bounded by the normaliser. What grows too large is unknown.
  Tree Value(const Frame& frame, const Arg& arg) {
    Tree tree;
    switch (arg.kind) {
      case Arg::Kind::kInput:
        return frame.inputs[static_cast<size_t>(arg.index)];
      case Arg::Kind::kNode: {
        const Tree& result = frame.results[static_cast<size_t>(arg.index)];
        if (arg.port < 0) return result;
        return Port(frame.graph->nodes[static_cast<size_t>(arg.index)], result, arg.port);
      }
      case Arg::Kind::kList:
        tree.kind = Tree::Kind::kTuple;
        return Items(frame, arg, std::move(tree));
      case Arg::Kind::kMap:
        tree.kind = Tree::Kind::kDict;
        tree.names = arg.names;
        return Items(frame, arg, std::move(tree));
      case Arg::Kind::kLiteral:
        tree.kind = Tree::Kind::kLiteral;
        tree.literal = arg.literal;
        return tree;
      case Arg::Kind::kUnknown:
        return tree;
    }
    return tree;
  }

  Tree Items(const Frame& frame, const Arg& arg, Tree tree) {
    for (const Arg& item : arg.items) {
      tree.Add(Value(frame, item));
      if (tree.size <= kMaxTree && tree.depth <= kMaxTreeDepth) continue;
      grown_ = true;
      return Tree();
    }
    return tree;
  }

  // Counts what is kept of tuples and dicts; true where the limit is passed, now or while the value
  // was built.
  bool TooLarge(const Tree& tree) {
    if (tree.size > 1) trees_ += tree.size;
    const bool grown = grown_ || trees_ > kMaxTrees;
    grown_ = false;
    return grown;
  }

  static Tree Port(const NormalNode& node, const Tree& result, int port) {
    if (node.composite != nullptr) {
      if (node.composite->outputs_size() == 1) return result;
      return static_cast<size_t>(port) < result.items.size()
                 ? result.items[static_cast<size_t>(port)]
                 : Tree();
    }
    // A plain result stands for its only port.
    const Tree* at = &result;
    if (result.IsTensor()) return port == 0 ? result : Tree();
    for (const int step : node.def->outputs[static_cast<size_t>(port)].path) {
      if (static_cast<size_t>(step) >= at->items.size()) return Tree();
      at = &at->items[static_cast<size_t>(step)];
    }
    return *at;
  }

  void Visit(int index) {
    Frame& frame = stack_.back();
    const NormalNode& node = frame.graph->nodes[static_cast<size_t>(index)];
    const Report::Place place = PlaceOf(frame, node);
    if (node.broken) return CheckParams(node, place);
    std::vector<Tree> inputs;
    for (size_t p = 0; p < node.inputs.size(); ++p) {
      const bool variadic = node.def != nullptr && node.def->inputs[p].variadic;
      Tree tree;
      if (node.inputs[p].empty()) {
        tree.kind = Tree::Kind::kNone;
      } else if (variadic) {
        tree.kind = Tree::Kind::kTuple;
        bool skipped = false;
        for (const Arg& arg : node.inputs[p]) {
          Tree value = Value(frame, arg);
          if (value.kind == Tree::Kind::kNone) {
            skipped = true;
            continue;
          }
          // A tuple given to a port that takes several values is taken apart.
          if (node.inputs[p].size() == 1 && value.kind == Tree::Kind::kTuple) {
            tree = std::move(value);
          } else {
            tree.Add(std::move(value));
          }
        }
        // Optional ports of the composite around that nothing is connected to.
        if (skipped && tree.items.empty()) tree.kind = Tree::Kind::kNone;
      } else {
        tree = Value(frame, node.inputs[p][0]);
      }
      if (TooLarge(tree)) {
        if (!full_) report_.ErrorAt(place, "LIMIT", kTreeLimit);
        full_ = trees_ > kMaxTrees;
        return;
      }
      // An earlier error is the cause; what the parameters say is checked all the same.
      if (!IsKnown(tree)) return CheckParams(node, place);
      inputs.push_back(std::move(tree));
    }
    if (out_.instances.size() >= kMaxInstances) {
      if (!full_)
        report_.ErrorAt(place, "LIMIT",
                        fmt::format("composites expand to more than {} nodes", kMaxInstances));
      full_ = true;
      return;
    }
    if (node.mode == v1::NODE_MODE_MUTED || node.compile_mode == v1::COMPILE_MODE_CONSTANT ||
        node.compile_mode == v1::COMPILE_MODE_EXPORT) {
      report_.ErrorAt(place, "UNSUPPORTED",
                      node.mode == v1::NODE_MODE_MUTED
                          ? "muted nodes cannot run yet"
                          : "constant and exported nodes cannot run yet");
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
    instance.type = node.type;
    instance.def = node.def;
    instance.composite = node.composite;
    instance.container = node.own != nullptr;
    instance.parent = frame.parent;
    instance.inputs = std::move(inputs);
    const bool ok = nodes::ResolveParams(
        node.def != nullptr ? node.def->params : ParamsOf(*node.composite), node.params,
        &instance.params,
        [&](nodes::ParamIssue issue) { ReportParam(node, place, std::move(issue)); });
    if (!ok) return;
    const bool shared = frame.shared || shares || IsShared(*frame.graph, index);
    if (!Connected(node, instance, place)) return;
    const bool frozen = frame.frozen || node.compile_mode == v1::COMPILE_MODE_FREEZE;
    if (node.composite != nullptr) {
      Enter(index, node, std::move(instance), place, shared, frozen);
    } else if (node.def->picks) {
      Pick(index, std::move(instance), place);
    } else {
      Instantiate(index, node, std::move(instance), place, shared, frozen);
    }
  }

  // For a node that cannot be typed.
  void CheckParams(const NormalNode& node, const Report::Place& place) {
    if (node.bad_params || (node.def == nullptr && node.composite == nullptr)) return;
    nodes::Params params;
    nodes::ResolveParams(
        node.def != nullptr ? node.def->params : ParamsOf(*node.composite), node.params, &params,
        [&](nodes::ParamIssue issue) { ReportParam(node, place, std::move(issue)); });
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

  // Nodes that share weights are one module in Python, so all that makes the module must agree.
  bool SharesWell(const Instance& instance, const Report::Place& place) {
    const auto [it, first] = shared_.try_emplace(
        instance.weights_path, SharedModule{instance.type, instance.params, Presence(instance)});
    if (first) return true;
    const auto& [type, params, ports] = it->second;
    const auto fail = [&](std::string message, std::string expected,
                          std::string found) -> v1::Diagnostic& {
      v1::Diagnostic& diagnostic = report_.ErrorAt(place, "SHARED_MODULE", std::move(message));
      diagnostic.set_rule("SHARED_C1");
      diagnostic.set_expected(std::move(expected));
      diagnostic.set_found(std::move(found));
      return diagnostic;
    };
    if (type != instance.type) {
      fail("nodes that share weights must have one type", type, instance.type);
      return false;
    }
    if (instance.composite != nullptr && Presence(instance) != ports) {
      fail("composites that share weights must have the same ports connected", ports,
           Presence(instance));
      return false;
    }
    for (const nodes::Params::Entry& entry : instance.params.entries()) {
      const nodes::ParamValue* other = params.Find(entry.name);
      if (other != nullptr && *other == entry.value) continue;
      fail(fmt::format("nodes that share weights must have one {}", entry.name),
           other != nullptr ? nodes::ToPython(*other) : "none", nodes::ToPython(entry.value))
          .set_param(entry.name);
      return false;
    }
    return true;
  }

  // The connected ports of a composite: its class has no arguments for the others.
  static std::string Presence(const Instance& instance) {
    std::string ports;
    for (size_t p = 0; instance.composite != nullptr && p < instance.inputs.size(); ++p) {
      if (instance.inputs[p].kind == Tree::Kind::kNone) continue;
      ports += (ports.empty() ? "" : ", ") + instance.composite->inputs(static_cast<int>(p)).name();
    }
    return ports;
  }

  // True where another node names this one as its module: whichever comes first declares the
  // weights.
  bool IsShared(const NormalGraph& graph, int index) {
    auto& owners = owners_[&graph];
    if (!owners) {
      owners.emplace();
      for (const NormalNode& node : graph.nodes) {
        if (node.module >= 0) owners->insert(node.module);
      }
    }
    return owners->contains(index);
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
    *set->mutable_value() = node.params.at(issue.param);
  }

  // Tensors at the ports, or a diagnostic about what stands there instead.
  std::optional<std::vector<nodes::PortValue>> Tensors(const nodes::NodeDef& def,
                                                       const Instance& instance,
                                                       const Report::Place& place) {
    std::vector<nodes::PortValue> ports(def.inputs.size());
    bool ok = true;
    for (size_t p = 0; p < def.inputs.size(); ++p) {
      const Tree& tree = instance.inputs[p];
      if (tree.kind == Tree::Kind::kNone) continue;
      ports[p].connected = true;
      const std::vector<Tree> single = {tree};
      const std::vector<Tree>& values = def.inputs[p].variadic ? tree.items : single;
      for (size_t i = 0; i < values.size(); ++i) {
        if (values[i].IsTensor()) {
          ports[p].values.push_back(values[i].value);
          continue;
        }
        if (def.inputs[p].holes && values[i].kind == Tree::Kind::kLiteral &&
            values[i].literal.kind_case() == v1::Value::kNullValue) {
          ports[p].values.emplace_back();
          continue;
        }
        ok = false;
        const bool tuple =
            values[i].kind == Tree::Kind::kTuple || values[i].kind == Tree::Kind::kDict;
        v1::Diagnostic& diagnostic =
            report_.ErrorAt(place, tuple ? "TUPLE_NEEDS_GET" : "ARGUMENT_TYPE",
                            tuple ? "several values arrive where one tensor is expected; name the "
                                    "output port or put a Get between"
                                  : "a tensor is expected");
        diagnostic.set_port(def.inputs[p].variadic ? fmt::format("{}[{}]", def.inputs[p].name, i)
                                                   : def.inputs[p].name);
        diagnostic.set_expected("a tensor");
        diagnostic.set_found(TreeText(values[i], out_.module));
      }
      const int count = static_cast<int>(values.size());
      if (def.inputs[p].variadic &&
          (count < def.inputs[p].at_least || count > def.inputs[p].at_most)) {
        ok = false;
        v1::Diagnostic& diagnostic = report_.ErrorAt(
            place, "ARITY",
            fmt::format("{} takes {}{} values at {}", instance.type,
                        def.inputs[p].at_least == def.inputs[p].at_most ? "" : "at least ",
                        def.inputs[p].at_least, def.inputs[p].name));
        diagnostic.set_port(def.inputs[p].name);
        diagnostic.set_expected(fmt::format("{}", def.inputs[p].at_least));
        diagnostic.set_found(fmt::format("{}", count));
      }
    }
    if (!ok) return std::nullopt;
    return ports;
  }

  void Instantiate(int index, const NormalNode& node, Instance instance, const Report::Place& place,
                   bool shared, bool frozen) {
    const nodes::NodeDef& def = *node.def;
    auto ports = Tensors(def, instance, place);
    if (!ports) return;
    nodes::Failure failure;
    if (!nodes::InferParams(def, *ports, out_.module, &instance.params, &failure)) {
      return report_.NodeFailure(place, failure);
    }
    if (shared && !SharesWell(instance, place)) return;
    // A bypassed node is typed like any other, then its calls are taken back.
    const size_t calls = out_.module.calls.size();
    const int32_t source = static_cast<int32_t>(out_.module.sources.size());
    out_.module.sources.push_back({place.node, instance.path, instance.type});
    Weights weights(out_.module, keys_, instance.weights_path, shared, frozen,
                    stack_.back().xavier);
    nodes::Body body(def, instance.params, *ports, out_.module, weights, source);
    def.body(body);
    if (!body.ok()) return report_.NodeFailure(place, *body.failure());
    instance.output = Results(def, instance.params, body.results());
    if (node.mode == v1::NODE_MODE_BYPASSED) {
      if (!Bypass(def, *ports, instance, place)) return;
      out_.module.calls.resize(calls);
    }
    stack_.back().results[static_cast<size_t>(index)] = instance.output;
    out_.instances.push_back(std::move(instance));
  }

  bool Bypass(const nodes::NodeDef& def, const std::vector<nodes::PortValue>& ports,
              Instance& instance, const Report::Place& place) {
    const bool has_input = !ports.empty() && !ports[0].values.empty();
    if (def.bypass == nodes::Bypass::kIdentity && has_input && instance.output.IsTensor() &&
        out_.module.type(instance.output.value) == out_.module.type(ports[0].values[0])) {
      instance.output = Tree::Tensor(ports[0].values[0]);
      instance.bypassed = true;
      return true;
    }
    v1::Diagnostic& diagnostic = report_.ErrorAt(
        place, "BYPASS_SHAPE",
        fmt::format("{} cannot be bypassed: its result differs from its input", instance.type));
    if (has_input) diagnostic.set_expected(ir::TypeText(out_.module.type(ports[0].values[0])));
    diagnostic.set_found(TreeText(instance.output, out_.module));
    return false;
  }

  // Puts the values at the places that the ports' paths name.
  static Tree Results(const nodes::NodeDef& def, const nodes::Params& params,
                      const std::vector<ir::ValueId>& values) {
    if (def.outputs[0].many) {
      std::vector<Tree> items;
      for (const ir::ValueId id : values) items.push_back(Tree::Tensor(id));
      return Tree::Tuple(std::move(items));
    }
    const std::vector<int> active = def.ActiveOutputs(params);
    if (active.size() == 1) return Tree::Tensor(values[static_cast<size_t>(active[0])]);
    Tree tree;
    tree.kind = Tree::Kind::kTuple;
    for (const int port : active) {
      Tree* at = &tree;
      for (const int step : def.outputs[static_cast<size_t>(port)].path) {
        at->kind = Tree::Kind::kTuple;
        if (static_cast<size_t>(step) >= at->items.size())
          at->items.resize(static_cast<size_t>(step) + 1);
        at = &at->items[static_cast<size_t>(step)];
      }
      *at = Tree::Tensor(values[static_cast<size_t>(port)]);
    }
    Measure(tree);
    return tree;
  }

  void Pick(int index, Instance instance, const Report::Place& place) {
    const Tree& tree = instance.inputs[0];
    const nodes::Params& params = instance.params;
    const auto fail = [&](std::string code, std::string message, std::string expected) {
      v1::Diagnostic& diagnostic = report_.ErrorAt(place, code, std::move(message));
      diagnostic.set_expected(std::move(expected));
      diagnostic.set_found(TreeText(tree, out_.module));
      diagnostic.set_port("input");
    };
    const bool by_key = !params.IsNull("key");
    if (by_key == !params.IsNull("index")) {
      v1::Diagnostic& diagnostic =
          report_.ErrorAt(place, "MISSING_PARAM", "exactly one of index and key is needed");
      diagnostic.set_param("index");
      return;
    }
    if (by_key) {
      if (tree.kind != Tree::Kind::kDict)
        return fail("ARGUMENT_TYPE", "a key picks from a dict", "a dict");
      for (size_t i = 0; i < tree.names.size(); ++i) {
        if (tree.names[i] == params.Text("key")) return Picked(index, std::move(instance), i);
      }
      return fail("PARAM_RANGE",
                  fmt::format("there is no key {}", QuoteForMessage(params.Text("key"))),
                  "one of the keys");
    }
    if (tree.kind != Tree::Kind::kTuple)
      return fail("ARGUMENT_TYPE", "an index picks from a tuple", "a tuple");
    const int64_t n = static_cast<int64_t>(tree.items.size());
    int64_t i = params.Int("index");
    if (i < 0) i += n;
    if (i < 0 || i >= n) {
      return fail("PARAM_RANGE", fmt::format("there is no item {}", params.Int("index")),
                  fmt::format("{} to {}", -n, n - 1));
    }
    Picked(index, std::move(instance), static_cast<size_t>(i));
  }

  void Picked(int index, Instance instance, size_t item) {
    instance.output = instance.inputs[0].items[item];
    stack_.back().results[static_cast<size_t>(index)] = instance.output;
    out_.instances.push_back(std::move(instance));
  }

  void Enter(int index, const NormalNode& node, Instance instance, const Report::Place& place,
             bool shared, bool frozen) {
    if (shared && !SharesWell(instance, place)) return;
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
    auto expansion = Expand(*node.composite, instance.params, types, place, report_, &expandable_);
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
    args.outer = {place.node, place.path.empty() ? node.type : place.path};
    const int errors = report_.errors();
    auto graph = std::make_shared<NormalGraph>(Normalise(args, report_));
    if (report_.errors() > errors) return;
    Frame frame;
    frame.results.resize(graph->nodes.size());
    frame.graph = graph;
    frame.inputs = instance.inputs;
    frame.path = instance.path;
    frame.weights_path = instance.weights_path;
    frame.place = args.outer;
    frame.shared = shared;
    frame.frozen = frozen;
    frame.xavier = stack_.back().xavier || node.composite->init() == "xavier_uniform";
    frame.parent = static_cast<int>(out_.instances.size());
    frame.parent_node = index;
    frame.first_call = out_.module.calls.size();
    out_.instances.push_back(std::move(instance));
    out_.keep_alive.push_back(owned);
    if (node.own != nullptr) out_.keep_alive.push_back(node.own);
    stack_.push_back(std::move(frame));
  }

  void Leave() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    std::vector<Tree> outputs;
    for (const auto& [name, arg] : frame.graph->outputs) outputs.push_back(Value(frame, arg));
    Tree result = outputs.size() == 1 ? std::move(outputs[0]) : Tree::Tuple(std::move(outputs));
    if (TooLarge(result)) {
      if (!full_) report_.ErrorAt(frame.place, "LIMIT", kTreeLimit);
      full_ = trees_ > kMaxTrees;
      result = Tree();
    }
    Instance& instance = out_.instances[static_cast<size_t>(frame.parent)];
    Frame& outer = stack_.back();
    const NormalNode& node = outer.graph->nodes[static_cast<size_t>(frame.parent_node)];
    if (node.mode == v1::NODE_MODE_BYPASSED && IsKnown(result)) {
      const bool same =
          result.IsTensor() && !instance.inputs.empty() && instance.inputs[0].IsTensor() &&
          out_.module.type(result.value) == out_.module.type(instance.inputs[0].value);
      if (!same) {
        report_.ErrorAt(
            PlaceOf(outer, node), "BYPASS_SHAPE",
            fmt::format("{} cannot be bypassed: its result differs from its input", node.type));
        result = Tree();
      } else {
        result = instance.inputs[0];
        instance.bypassed = true;
        out_.module.calls.resize(frame.first_call);
      }
    }
    instance.output = result;
    outer.results[static_cast<size_t>(frame.parent_node)] = std::move(result);
    owners_.erase(frame.graph.get());
  }

  const CompositeLibrary& composites_;
  Report& report_;
  Typed out_;
  std::vector<Frame> stack_;
  StringMap<int> keys_;
  struct SharedModule {
    std::string type;
    nodes::Params params;
    std::string ports;
  };
  StringMap<SharedModule> shared_;  // by weights path
  absl::flat_hash_map<const NormalGraph*, std::optional<absl::flat_hash_set<int>>> owners_;
  int64_t expandable_ = kMaxExpanded;
  int64_t trees_ = 0;   // parts of tuples and dicts made so far
  bool grown_ = false;  // a value just built passed the limit
  bool full_ = false;   // the limit was reported
};

}  // namespace

Typed TypeGraph(const NormalGraph& graph, const std::vector<ir::TensorType>& input_types,
                const CompositeLibrary& composites, Report& report) {
  return Typer(composites, report).Run(graph, input_types);
}

}  // namespace graphkiln::compiler
