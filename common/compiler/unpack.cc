#include <algorithm>
#include <optional>
#include <utility>

#include "absl/types/span.h"
#include "common/base/status.h"
#include "common/compiler/composite.h"
#include "common/compiler/regroup.h"
#include "common/compiler/regroup_keys.h"
#include "common/graph/references.h"
#include "common/nodes/registry.h"
#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

// Far more than anyone wants to see as plain nodes.
constexpr int64_t kMostNodes = 100'000;
// References that are replaced. Composites that hand a list of their input on, one behind the
// other, would double them each time.
constexpr int64_t kMostRedirects = 2'000'000;

// One composite node and what takes its place.
struct Unpacked {
  const v1::Node* node = nullptr;
  const Instance* instance = nullptr;
  size_t owner = 0;                    // whose weights it shares: the position of it or another
  StringMap<const Instance*> parts;    // by identifier
  std::vector<v1::Node> nodes;         // renamed
  StringMap<std::string> names;        // inner id to new id
  std::vector<v1::Argument> outputs;   // by output
  StringMap<v1::Argument> ports;       // what stands at the connected ports
  std::vector<std::string> out_names;  // of the outputs
};

class Unpacker {
 public:
  Unpacker(const v1::Graph& graph, const CompileResult& compiled)
      : graph_(graph), compiled_(compiled), instances_(InstancesOf(compiled, -1)) {}

  absl::StatusOr<Regrouped> Run(absl::Span<const std::string> ids) {
    StringMap<const v1::Node*> nodes;
    StringMap<std::vector<const v1::Node*>> sharers;
    for (const v1::Node& node : graph_.nodes()) {
      names_.Take(node.id());
      nodes.emplace(node.id(), &node);
      if (!node.module().empty()) sharers[node.module()].push_back(&node);
    }
    for (const v1::GraphInput& input : graph_.inputs()) names_.Take(input.name());
    for (const std::string& id : ids) {
      const auto chosen = nodes.find(id);
      if (chosen == nodes.end())
        return absl::NotFoundError(fmt::format("there is no node {}", QuoteForMessage(id)));
      const std::string& shared = chosen->second->module();
      const v1::Node* owner = shared.empty() ? chosen->second : nodes.at(shared);
      if (index_.contains(owner->id())) continue;  // shares weights with an earlier one
      const size_t first = unpacked_.size();
      RETURN_IF_ERROR(Open(*owner, first));
      for (const v1::Node* node : sharers[owner->id()]) RETURN_IF_ERROR(Open(*node, first));
    }
    Parts();
    for (Unpacked& unpacked : unpacked_) Fill(unpacked);
    RETURN_IF_ERROR(Write());
    const CompileResult after = Compile(out_.graph);
    if (!after.ok) return absl::FailedPreconditionError(FirstError(after, "the result").message());
    StringMap<std::string> moved;
    const InstancesById now = InstancesOf(after, -1);
    for (size_t u = 0; u < unpacked_.size(); ++u) {
      if (unpacked_[u].owner != u) continue;
      for (const auto& [identifier, part] : unpacked_[u].parts) {
        const Instance* to = FindInstance(now, unpacked_[u].names[part->id]);
        if (to != nullptr) moved.emplace(part->weights_path, to->weights_path);
      }
    }
    RETURN_IF_ERROR(FillKeys(compiled_, moved, after, &out_));
    return std::move(out_);
  }

 private:
  // Expands the node and names what it holds.
  absl::Status Open(const v1::Node& node, size_t owner) {
    const Instance* instance = FindInstance(instances_, node.id());
    if (instance != nullptr && instance->composite == nullptr) {
      return absl::InvalidArgumentError(fmt::format("{} is a {}, which holds no nodes",
                                                    QuoteForMessage(node.id()), instance->type));
    }
    if (instance == nullptr || instance->bypassed) {
      return absl::FailedPreconditionError(fmt::format(
          "{} takes no part (bypassed, muted or behind a muted node)", QuoteForMessage(node.id())));
    }
    index_.emplace(node.id(), unpacked_.size());
    Unpacked& out = unpacked_.emplace_back();
    out.node = &node;
    out.instance = instance;
    out.owner = owner;
    std::vector<PortType> types;
    for (const Tree& tree : instance->inputs) {
      types.push_back({tree.IsTensor() ? &compiled_.module->type(tree.value) : nullptr,
                       tree.kind != Tree::Kind::kNone});
    }
    Report report;
    auto expansion = Expand(*instance->composite, instance->params, types, {node.id(), ""}, report,
                            &budget_, instance->container);
    if (!expansion) return absl::FailedPreconditionError("the composite does not expand");
    for (v1::Node& inner : expansion->nodes) {
      std::string name = fmt::format("{}_{}", node.id(), inner.id());
      std::replace(name.begin(), name.end(), '.', '_');
      out.names.emplace(inner.id(), names_.New(name));
      out.nodes.push_back(std::move(inner));
    }
    for (const v1::GraphOutput& output : expansion->outputs) {
      out.outputs.push_back(output.value());
      out.out_names.push_back(output.name());
    }
    Ports(*instance->composite, node, &out);
    if (!instance->composite->init().empty()) {
      out_.notes.push_back(
          fmt::format("{} starts its weights by {}; its parts start each as its own type does",
                      QuoteForMessage(node.id()), instance->composite->init()));
    }
    return absl::OkStatus();
  }

  // Which argument stands at which port, as the compiler counts them.
  static void Ports(const v1::Composite& composite, const v1::Node& node, Unpacked* out) {
    StringSet named;
    int next = 0;
    for (const v1::NodeInput& input : node.inputs()) {
      if (!input.port().empty()) {
        named.insert(input.port());
        out->ports[input.port()] = input.value();
        continue;
      }
      while (next < composite.inputs_size() && named.contains(composite.inputs(next).name()))
        ++next;
      if (next < composite.inputs_size())
        out->ports[composite.inputs(next++).name()] = input.value();
    }
  }

  // What the instances of the nodes hold.
  void Parts() {
    std::vector<Unpacked*> of(compiled_.instances.size(), nullptr);
    for (Unpacked& unpacked : unpacked_)
      of[static_cast<size_t>(unpacked.instance - compiled_.instances.data())] = &unpacked;
    for (const Instance& part : compiled_.instances) {
      Unpacked* whole = part.parent >= 0 ? of[static_cast<size_t>(part.parent)] : nullptr;
      if (whole != nullptr) whole->parts.emplace(part.identifier, &part);
    }
  }

  // Renames the inside and connects it to what stands at the ports.
  void Fill(Unpacked& unpacked) {
    Unpacked& owner = unpacked_[unpacked.owner];
    const bool sharer = &unpacked != &owner;
    for (v1::Node& node : unpacked.nodes) {
      const std::string inner = node.id();
      if (!node.module().empty()) {
        node.set_module(owner.names[node.module()]);
      } else if (sharer && HasModule(node)) {
        node.set_module(owner.names[inner]);
      }
      node.set_id(unpacked.names[inner]);
      // What a part says of itself counts more, as in the plan of the whole.
      if (unpacked.node->compile_mode() > v1::COMPILE_MODE_RUNTIME &&
          node.compile_mode() <= v1::COMPILE_MODE_RUNTIME) {
        node.set_compile_mode(unpacked.node->compile_mode());
      }
      for (v1::NodeInput& input : *node.mutable_inputs()) Connect(unpacked, input.mutable_value());
    }
    for (v1::Argument& output : unpacked.outputs) Connect(unpacked, &output);
  }

  bool HasModule(const v1::Node& node) const {
    const nodes::NodeDef* def = nodes::FindNode(node.type());
    return def == nullptr || def->python.kind == nodes::Python::Kind::kModule ||
           def->python.kind == nodes::Python::Kind::kParameter;
  }

  static void Connect(const Unpacked& unpacked, v1::Argument* argument) {
    // Items that stand for an empty port are left out of lists, as the compiler does.
    if (argument->has_list()) {
      v1::ArgumentList kept;
      for (v1::Argument& item : *argument->mutable_list()->mutable_items()) {
        Connect(unpacked, &item);
        if (!(item.has_literal() && item.literal().kind_case() == v1::Value::kNullValue))
          *kept.add_items() = std::move(item);
      }
      *argument->mutable_list() = std::move(kept);
      return;
    }
    graph::VisitReferring(*argument, [&](v1::Argument& at) {
      const std::string& id = at.reference().node();
      if (const auto inner = unpacked.names.find(id); inner != unpacked.names.end()) {
        at.mutable_reference()->set_node(inner->second);
        return;
      }
      const auto port = unpacked.ports.find(id);
      if (port != unpacked.ports.end()) {
        v1::Argument value = port->second;
        at = std::move(value);
      } else {
        at.mutable_literal()->set_null_value(v1::NULL_VALUE_UNSPECIFIED);
      }
    });
  }

  // One reference to an unpacked node by what it gives.
  static absl::Status Replace(const Unpacked& unpacked, v1::Argument& at) {
    const std::string port = at.reference().port();
    if (unpacked.outputs.size() == 1) {
      at = v1::Argument(unpacked.outputs[0]);
      return absl::OkStatus();
    }
    if (port.empty()) {
      v1::ArgumentList all;
      for (const v1::Argument& output : unpacked.outputs) *all.add_items() = output;
      *at.mutable_list() = std::move(all);
      return absl::OkStatus();
    }
    for (size_t i = 0; i < unpacked.outputs.size(); ++i) {
      if (unpacked.out_names[i] != port) continue;
      at = v1::Argument(unpacked.outputs[i]);
      return absl::OkStatus();
    }
    return absl::FailedPreconditionError(fmt::format(
        "{} has no output {}", QuoteForMessage(unpacked.node->id()), QuoteForMessage(port)));
  }

  // What a reference to an unpacked node means.
  absl::Status Redirect(v1::Argument* argument) {
    absl::Status status;
    // What stands at a port may be the result of another node that is unpacked.
    for (size_t round = 0; round <= unpacked_.size(); ++round) {
      bool again = false;
      graph::VisitReferring(*argument, [&](v1::Argument& at) {
        const auto found = index_.find(at.reference().node());
        if (found == index_.end() || !status.ok()) return;
        if (--redirects_ < 0) {
          status = absl::ResourceExhaustedError("the graph would have too many connections");
          return;
        }
        again = true;
        status = Replace(unpacked_[found->second], at);
      });
      if (!again || !status.ok()) break;
    }
    return status;
  }

  // `WeightOf` names weights by their path, which begins with the node inside now.
  absl::Status RedirectWeight(v1::Node* node) {
    if (node->type() != "WeightOf" || node->inputs_size() != 1) return absl::OkStatus();
    const v1::Argument& from = node->inputs(0).value();
    const auto found = from.has_reference() ? index_.find(from.reference().node()) : index_.end();
    const Instance* reader = FindInstance(instances_, node->id());
    if (found == index_.end() || reader == nullptr) return absl::OkStatus();
    const Unpacked& unpacked = unpacked_[found->second];
    // The name as it was resolved: it may be an expression. Identifiers may hold dots.
    const std::string& name = reader->params.Text("name");
    for (size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1)) {
      const auto part = unpacked.parts.find(std::string_view(name).substr(0, dot));
      if (part == unpacked.parts.end()) continue;
      v1::Reference& reference = *node->mutable_inputs(0)->mutable_value()->mutable_reference();
      reference.set_node(unpacked.names.find(part->second->id)->second);
      reference.clear_port();
      (*node->mutable_params())["name"].set_string_value(name.substr(dot + 1));
      return absl::OkStatus();
    }
    return absl::FailedPreconditionError(fmt::format(
        "{} reads {} of {}, which no node inside has as a weight", QuoteForMessage(node->id()),
        QuoteForMessage(name), QuoteForMessage(unpacked.node->id())));
  }

  absl::Status Write() {
    out_.graph = graph_;
    out_.graph.clear_nodes();
    for (const v1::Node& node : graph_.nodes()) {
      const auto it = index_.find(node.id());
      if (it == index_.end()) {
        *out_.graph.add_nodes() = node;
        continue;
      }
      for (const v1::Node& inner : unpacked_[it->second].nodes) *out_.graph.add_nodes() = inner;
      out_.graph.mutable_view()->mutable_nodes()->erase(node.id());
    }
    for (v1::Node& node : *out_.graph.mutable_nodes()) {
      RETURN_IF_ERROR(RedirectWeight(&node));
      for (v1::NodeInput& input : *node.mutable_inputs())
        RETURN_IF_ERROR(Redirect(input.mutable_value()));
    }
    for (v1::GraphOutput& output : *out_.graph.mutable_outputs())
      RETURN_IF_ERROR(Redirect(output.mutable_value()));
    return absl::OkStatus();
  }

  const v1::Graph& graph_;
  const CompileResult& compiled_;
  const InstancesById instances_;   // of the graph's own nodes
  std::vector<Unpacked> unpacked_;  // owners of weights before those that share them
  StringMap<size_t> index_;         // of unpacked_, by id
  int64_t budget_ = kMostNodes;
  int64_t redirects_ = kMostRedirects;
  FreeNames names_;
  Regrouped out_;
};

using Keys = std::vector<std::pair<std::string, std::string>>;

// Names of before and after two changes.
Keys Composed(const Keys& first, const Keys& second) {
  StringMap<std::string> of(second.begin(), second.end());
  Keys out;
  for (const auto& [from, between] : first) {
    const auto it = of.find(between);
    const std::string to = it != of.end() ? it->second : between;
    if (it != of.end()) of.erase(it);
    if (from != to) out.emplace_back(from, to);
  }
  for (const auto& [from, to] : second) {
    if (of.contains(from)) out.emplace_back(from, to);
  }
  return out;
}

}  // namespace

absl::StatusOr<Regrouped> Unpack(const v1::Graph& graph, absl::Span<const std::string> ids) {
  Regrouped all;
  all.graph = graph;
  std::vector<std::string> left(ids.begin(), ids.end());
  // Each round takes apart what is there; ids that are not may arise by it.
  do {
    StringSet here;
    for (const v1::Node& node : all.graph.nodes()) here.insert(node.id());
    const auto later = std::stable_partition(
        left.begin(), left.end(), [&](const std::string& id) { return here.contains(id); });
    const std::vector<std::string> now(left.begin(), later == left.begin() ? left.end() : later);
    const CompileResult compiled = Compile(all.graph);
    RETURN_IF_ERROR(FirstError(compiled, "the graph"));
    ASSIGN_OR_RETURN(Regrouped next, Unpacker(all.graph, compiled).Run(now));
    all.graph = std::move(next.graph);
    all.keys = Composed(all.keys, next.keys);
    for (std::string& note : next.notes) all.notes.push_back(std::move(note));
    left.erase(left.begin(), later);
  } while (!left.empty());
  return all;
}

}  // namespace graphkiln::compiler
