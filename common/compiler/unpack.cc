#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/status.h"
#include "common/compiler/composite.h"
#include "common/compiler/regroup.h"
#include "common/compiler/regroup_keys.h"
#include "common/nodes/registry.h"
#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

// Far more than anyone wants to see as plain nodes.
constexpr int64_t kMostNodes = 100'000;

// One composite node and what takes its place.
struct Unpacked {
  const v1::Node* node = nullptr;
  int instance = -1;
  std::vector<v1::Node> nodes;         // renamed
  StringMap<std::string> names;        // inner id to new id
  std::vector<v1::Argument> outputs;   // by output
  StringMap<v1::Argument> ports;       // what stands at the connected ports
  std::vector<std::string> out_names;  // of the outputs
};

class Unpacker {
 public:
  Unpacker(const v1::Graph& graph, const CompileResult& compiled)
      : graph_(graph), compiled_(compiled) {}

  absl::StatusOr<Regrouped> Run(const std::string& id) {
    const v1::Node* chosen = nullptr;
    for (const v1::Node& node : graph_.nodes()) {
      names_.Take(node.id());
      if (node.id() == id) chosen = &node;
    }
    for (const v1::GraphInput& input : graph_.inputs()) names_.Take(input.name());
    if (chosen == nullptr)
      return absl::NotFoundError(fmt::format("there is no node {}", QuoteForMessage(id)));
    const std::string owner = chosen->module().empty() ? id : chosen->module();
    std::vector<const v1::Node*> group;  // the owner of the weights first
    for (const v1::Node& node : graph_.nodes()) {
      if (node.id() == owner) group.insert(group.begin(), &node);
      if (node.module() == owner) group.push_back(&node);
    }
    for (const v1::Node* node : group) RETURN_IF_ERROR(Open(*node));
    for (Unpacked& unpacked : unpacked_) RETURN_IF_ERROR(Fill(unpacked));
    RETURN_IF_ERROR(Write());
    const CompileResult after = Compile(out_.graph);
    if (!after.ok) return absl::InternalError(FirstError(after, "the result").message());
    StringMap<std::string> moved;
    for (size_t i = 0; i < compiled_.instances.size(); ++i) {
      const Instance& inner = compiled_.instances[i];
      if (inner.parent != unpacked_[0].instance) continue;
      const int at = FindInstance(after, unpacked_[0].names[inner.id], -1);
      if (at >= 0)
        moved.emplace(inner.weights_path, after.instances[static_cast<size_t>(at)].weights_path);
    }
    RETURN_IF_ERROR(FillKeys(compiled_, moved, after, &out_));
    return std::move(out_);
  }

 private:
  // Expands the node and names what it holds.
  absl::Status Open(const v1::Node& node) {
    const int at = FindInstance(compiled_, node.id(), -1);
    const Instance* instance = at >= 0 ? &compiled_.instances[static_cast<size_t>(at)] : nullptr;
    if (instance != nullptr && instance->composite == nullptr) {
      return absl::InvalidArgumentError(fmt::format("{} is a {}, which holds no nodes",
                                                    QuoteForMessage(node.id()), instance->type));
    }
    if (instance == nullptr || instance->bypassed) {
      return absl::FailedPreconditionError(fmt::format(
          "{} takes no part (bypassed, muted or behind a muted node)", QuoteForMessage(node.id())));
    }
    Unpacked& out = unpacked_.emplace_back();
    out.node = &node;
    out.instance = at;
    std::vector<PortType> types;
    for (const Tree& tree : instance->inputs) {
      types.push_back({tree.IsTensor() ? &compiled_.module->type(tree.value) : nullptr,
                       tree.kind != Tree::Kind::kNone});
    }
    Report report;
    int64_t budget = kMostNodes;
    auto expansion = Expand(*instance->composite, instance->params, types, {node.id(), ""}, report,
                            &budget, instance->container);
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

  // Renames the inside and connects it to what stands at the ports.
  absl::Status Fill(Unpacked& unpacked) {
    const bool sharer = &unpacked != &unpacked_[0];
    for (v1::Node& node : unpacked.nodes) {
      const std::string inner = node.id();
      if (!node.module().empty()) {
        node.set_module(unpacked_[0].names[node.module()]);
      } else if (sharer && HasModule(node)) {
        node.set_module(unpacked_[0].names[inner]);
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
    return absl::OkStatus();
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
    VisitReferences(*argument, [&](v1::Argument& at) {
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

  // What a reference to an unpacked node means.
  absl::Status Redirect(v1::Argument* argument) {
    absl::Status status;
    // What stands at a port may be the result of another node that is unpacked.
    for (size_t round = 0; round <= unpacked_.size(); ++round) {
      bool again = false;
      VisitReferences(*argument, [&](v1::Argument& at) {
        for (const Unpacked& unpacked : unpacked_) {
          if (at.reference().node() != unpacked.node->id()) continue;
          again = true;
          const std::string port = at.reference().port();
          if (unpacked.outputs.size() == 1) {
            v1::Argument value = unpacked.outputs[0];
            at = std::move(value);
            return;
          }
          if (port.empty()) {
            v1::ArgumentList all;
            for (const v1::Argument& output : unpacked.outputs) *all.add_items() = output;
            *at.mutable_list() = std::move(all);
            return;
          }
          for (size_t i = 0; i < unpacked.outputs.size(); ++i) {
            if (unpacked.out_names[i] != port) continue;
            v1::Argument value = unpacked.outputs[i];
            at = std::move(value);
            return;
          }
          status = absl::InternalError("an output is missing");
          return;
        }
      });
      if (!again || !status.ok()) break;
    }
    return status;
  }

  // `WeightOf` names weights by their path, which begins with the node inside now.
  absl::Status RedirectWeight(v1::Node* node) {
    if (node->type() != "WeightOf" || node->inputs_size() != 1) return absl::OkStatus();
    const v1::Argument& from = node->inputs(0).value();
    for (const Unpacked& unpacked : unpacked_) {
      if (!from.has_reference() || from.reference().node() != unpacked.node->id()) continue;
      const auto param = node->params().find("name");
      const std::string name =
          param != node->params().end() ? param->second.string_value() : std::string("weight");
      for (const Instance& inner : compiled_.instances) {
        if (inner.parent != unpacked.instance) continue;
        if (name.rfind(inner.identifier + ".", 0) != 0) continue;
        v1::Reference& reference = *node->mutable_inputs(0)->mutable_value()->mutable_reference();
        reference.set_node(unpacked.names.find(inner.id)->second);
        reference.clear_port();
        (*node->mutable_params())["name"].set_string_value(
            name.substr(inner.identifier.size() + 1));
        return absl::OkStatus();
      }
      return absl::FailedPreconditionError(fmt::format(
          "{} reads {} of {}, which no node inside has as a weight", QuoteForMessage(node->id()),
          QuoteForMessage(name), QuoteForMessage(unpacked.node->id())));
    }
    return absl::OkStatus();
  }

  absl::Status Write() {
    out_.graph = graph_;
    out_.graph.clear_nodes();
    for (const v1::Node& node : graph_.nodes()) {
      const auto it = std::find_if(unpacked_.begin(), unpacked_.end(),
                                   [&](const Unpacked& u) { return u.node == &node; });
      if (it == unpacked_.end()) {
        *out_.graph.add_nodes() = node;
        continue;
      }
      for (const v1::Node& inner : it->nodes) *out_.graph.add_nodes() = inner;
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
  std::vector<Unpacked> unpacked_;  // the owner of the weights first
  FreeNames names_;
  Regrouped out_;
};

}  // namespace

absl::StatusOr<Regrouped> Unpack(const v1::Graph& graph, const std::string& id) {
  const CompileResult compiled = Compile(graph);
  RETURN_IF_ERROR(FirstError(compiled, "the graph"));
  return Unpacker(graph, compiled).Run(id);
}

absl::StatusOr<Regrouped> UnpackAll(const v1::Graph& graph, const std::vector<std::string>& ids) {
  Regrouped all;
  all.graph = graph;
  StringMap<std::string> first;  // a key of now to that of the beginning
  std::vector<std::string> order;
  for (const std::string& id : ids) {
    ASSIGN_OR_RETURN(Regrouped next, Unpack(all.graph, id));
    StringMap<std::string> moved = first;
    for (const auto& [from, to] : next.keys) {
      const auto it = first.find(from);
      if (it == first.end()) order.push_back(from);
      moved.erase(from);
      moved[to] = it == first.end() ? from : it->second;
    }
    first = std::move(moved);
    all.graph = std::move(next.graph);
    for (std::string& note : next.notes) all.notes.push_back(std::move(note));
  }
  StringMap<std::string> now;
  for (const auto& [to, from] : first) now[from] = to;
  for (const std::string& from : order) all.keys.emplace_back(from, now[from]);
  return all;
}

}  // namespace graphkiln::compiler
