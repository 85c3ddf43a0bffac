#include <algorithm>
#include <cctype>
#include <utility>

#include "common/base/status.h"
#include "common/compiler/composite.h"
#include "common/compiler/container.h"
#include "common/compiler/graph_scope.h"
#include "common/compiler/identifiers.h"
#include "common/compiler/regroup.h"
#include "common/compiler/regroup_keys.h"
#include "common/graph/references.h"
#include "common/nodes/registry.h"
#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

absl::Status Refuse(std::string message) { return absl::InvalidArgumentError(std::move(message)); }

// The type of a composite's parameter that holds the value; empty where there is none.
std::string ParamTypeOf(const v1::Value& value) {
  switch (value.kind_case()) {
    case v1::Value::kBoolValue:
      return "bool";
    case v1::Value::kIntValue:
      return "int";
    case v1::Value::kDoubleValue:
      return "float";
    case v1::Value::kStringValue:
      return "string";
    case v1::Value::kListValue:
      for (const v1::Value& item : value.list_value().values()) {
        if (item.kind_case() != v1::Value::kIntValue) return "";
      }
      return "int[]";
    default:
      return "";
  }
}

// `$name` in a text.
void FindVariables(const std::string& text, const v1::Graph& graph, std::vector<std::string>* out) {
  const auto word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
  for (size_t at = text.find('$'); at != std::string::npos; at = text.find('$', at + 1)) {
    size_t end = at + 1;
    while (end < text.size() && word(text[end])) ++end;
    const std::string name = text.substr(at + 1, end - at - 1);
    if (graph.variables().contains(name) && std::find(out->begin(), out->end(), name) == out->end())
      out->push_back(name);
  }
}

void FindVariables(const v1::Value& value, const v1::Graph& graph, std::vector<std::string>* out) {
  if (value.kind_case() == v1::Value::kExpression) FindVariables(value.expression(), graph, out);
  for (const v1::Value& item : value.list_value().values()) FindVariables(item, graph, out);
}

// Containers nest at most 64 levels.
void FindVariables(const v1::Node& node, const v1::Graph& graph, std::vector<std::string>* out) {
  for (const auto& [name, value] : node.params()) FindVariables(value, graph, out);
  for (const v1::CompositeNode& child : node.children()) {
    for (const std::string& text :
         {child.when(), child.repeat(), child.node().type(), child.node().id()})
      FindVariables(text, graph, out);
    FindVariables(child.node(), graph, out);
  }
}

class Collapser {
 public:
  Collapser(const v1::Graph& graph, const CompileResult& compiled, const CollapseArgs& args)
      : graph_(graph), compiled_(compiled), args_(args), instances_(InstancesOf(compiled, -1)) {}

  absl::StatusOr<Regrouped> Run() {
    RETURN_IF_ERROR(Names());
    RETURN_IF_ERROR(Chosen());
    RETURN_IF_ERROR(Closed());
    RETURN_IF_ERROR(Inside());
    RETURN_IF_ERROR(Parameters());
    RETURN_IF_ERROR(Outside());
    const CompileResult after = Compile(out_.graph);
    if (!after.ok) {
      return absl::FailedPreconditionError(FirstError(after, "the composite").message());
    }
    StringMap<std::string> moved;
    const Instance* parent = FindInstance(InstancesOf(after, -1), args_.id);
    const InstancesById inside =
        parent != nullptr ? InstancesOf(after, static_cast<int>(parent - after.instances.data()))
                          : InstancesById();
    for (const std::string& id : args_.nodes) {
      const Instance* from = FindInstance(instances_, id);
      const Instance* to = FindInstance(inside, id);
      if (from != nullptr && to != nullptr) moved.emplace(from->weights_path, to->weights_path);
    }
    RETURN_IF_ERROR(FillKeys(compiled_, moved, after, &out_));
    return std::move(out_);
  }

 private:
  absl::Status Names() {
    const bool taken = nodes::FindNode(args_.type) != nullptr || IsContainer(args_.type) ||
                       CompositeLibrary(graph_.composites()).Find(args_.type) != nullptr;
    if (taken)
      return Refuse(fmt::format("there is a type {} already", QuoteForMessage(args_.type)));
    if (ToIdentifier(args_.type) != args_.type)
      return Refuse(fmt::format("{} is no name for a type", QuoteForMessage(args_.type)));
    if (args_.id.empty()) return Refuse("the new node needs an id");
    return absl::OkStatus();
  }

  absl::Status Chosen() {
    for (int i = 0; i < graph_.nodes_size(); ++i) index_.emplace(graph_.nodes(i).id(), i);
    chosen_.resize(static_cast<size_t>(graph_.nodes_size()), false);
    for (const std::string& id : args_.nodes) {
      const auto it = index_.find(id);
      if (it == index_.end())
        return absl::NotFoundError(fmt::format("there is no node {}", QuoteForMessage(id)));
      chosen_[static_cast<size_t>(it->second)] = true;
    }
    if (args_.nodes.empty()) return Refuse("no node was chosen");
    for (const v1::GraphInput& input : graph_.inputs()) {
      if (input.name() == args_.id)
        return Refuse(fmt::format("{} is an input", QuoteForMessage(args_.id)));
    }
    const auto same = index_.find(args_.id);
    if (same != index_.end() && !chosen_[static_cast<size_t>(same->second)])
      return Refuse(fmt::format("{} is another node", QuoteForMessage(args_.id)));
    return absl::OkStatus();
  }

  bool IsChosen(const std::string& id) const {
    const auto it = index_.find(id);
    return it != index_.end() && chosen_[static_cast<size_t>(it->second)];
  }

  // No weights shared over the border, and no way out and in again.
  absl::Status Closed() {
    std::vector<std::vector<int>> users(static_cast<size_t>(graph_.nodes_size()));
    for (int i = 0; i < graph_.nodes_size(); ++i) {
      const v1::Node& node = graph_.nodes(i);
      const bool inside = chosen_[static_cast<size_t>(i)];
      if (!node.module().empty() && IsChosen(node.module()) != inside) {
        return Refuse(fmt::format("{} shares the weights of {}: choose both or none",
                                  QuoteForMessage(node.id()), QuoteForMessage(node.module())));
      }
      v1::Node copy = node;
      for (v1::NodeInput& input : *copy.mutable_inputs()) {
        graph::VisitReferring(*input.mutable_value(), [&](v1::Argument& at) {
          const auto it = index_.find(at.reference().node());
          if (it != index_.end()) users[static_cast<size_t>(it->second)].push_back(i);
        });
      }
    }
    std::vector<int> stack;
    std::vector<bool> reached(chosen_.size(), false);
    for (size_t i = 0; i < chosen_.size(); ++i) {
      if (chosen_[i]) stack.push_back(static_cast<int>(i));
    }
    while (!stack.empty()) {
      const auto at = static_cast<size_t>(stack.back());
      stack.pop_back();
      for (const int user : users[at]) {
        const auto to = static_cast<size_t>(user);
        if (chosen_[to] && !chosen_[at]) {
          return Refuse(
              fmt::format("a path leaves the chosen nodes and comes back through {}: "
                          "choose it, too",
                          QuoteForMessage(graph_.nodes(static_cast<int>(at)).id())));
        }
        if (chosen_[to] || reached[to]) continue;
        reached[to] = true;
        stack.push_back(user);
      }
    }
    return absl::OkStatus();
  }

  static std::string KeyOf(const v1::Reference& reference) {
    return reference.node() + "\n" + reference.port();
  }

  static std::string NameOf(const v1::Reference& reference) {
    return ToIdentifier(reference.port().empty() ? reference.node()
                                                 : reference.node() + "_" + reference.port());
  }

  // The nodes with what comes from outside as ports.
  absl::Status Inside() {
    composite_.set_name(args_.type);
    composite_.set_doc(fmt::format("{} nodes of {}.", args_.nodes.size(),
                                   graph_.name().empty() ? "a graph" : graph_.name()));
    for (const std::string& id : args_.nodes) ports_.Take(id);
    StringMap<std::string> port_of;
    for (int i = 0; i < graph_.nodes_size(); ++i) {
      if (!chosen_[static_cast<size_t>(i)]) continue;
      v1::Node* node = composite_.add_nodes()->mutable_node();
      *node = graph_.nodes(i);
      absl::Status status;
      for (v1::NodeInput& input : *node->mutable_inputs()) {
        graph::VisitReferring(*input.mutable_value(), [&](v1::Argument& at) {
          if (IsChosen(at.reference().node())) return;
          if (node->type() == "WeightOf") {
            status = Refuse(fmt::format("{} reads a weight of {}: choose both or none",
                                        QuoteForMessage(node->id()),
                                        QuoteForMessage(at.reference().node())));
          }
          const auto [it, first] = port_of.try_emplace(KeyOf(at.reference()));
          if (first) {
            it->second = ports_.New(NameOf(at.reference()));
            composite_.add_inputs()->set_name(it->second);
            v1::NodeInput* outer = node_.add_inputs();
            outer->set_port(it->second);
            *outer->mutable_value()->mutable_reference() = at.reference();
          }
          at.mutable_reference()->set_node(it->second);
          at.mutable_reference()->clear_port();
        });
      }
      RETURN_IF_ERROR(status);
    }
    if (composite_.inputs_size() == 0)
      return Refuse("a composite needs an input: nothing from outside reaches the chosen nodes");
    return absl::OkStatus();
  }

  absl::Status Parameters() {
    std::vector<std::string> used;
    for (int i = 0; i < graph_.nodes_size(); ++i) {
      if (chosen_[static_cast<size_t>(i)]) FindVariables(graph_.nodes(i), graph_, &used);
    }
    const GraphScope scope(graph_);
    for (const std::string& name : used) {
      const auto value = scope.Variable(name);
      const std::string type = value ? ParamTypeOf(*value) : "";
      if (type.empty()) {
        return Refuse(fmt::format("the variable {} has a value that no parameter can have",
                                  QuoteForMessage(name)));
      }
      v1::CompositeParam* param = composite_.add_params();
      param->set_name(name);
      param->set_type(type);
      param->set_doc("the graph's variable of this name");
      (*node_.mutable_params())[name].set_expression("$" + name);
    }
    return absl::OkStatus();
  }

  // The rest of the graph with the composite node among it.
  absl::Status Outside() {
    out_.graph = graph_;
    out_.graph.clear_nodes();
    node_.set_id(args_.id);
    node_.set_type(args_.type);
    int last = 0;
    for (int i = 0; i < graph_.nodes_size(); ++i) {
      if (chosen_[static_cast<size_t>(i)]) last = i;
    }
    for (int i = 0; i < graph_.nodes_size(); ++i) {
      if (i == last) *out_.graph.add_nodes() = node_;
      if (!chosen_[static_cast<size_t>(i)]) *out_.graph.add_nodes() = graph_.nodes(i);
      if (chosen_[static_cast<size_t>(i)])
        out_.graph.mutable_view()->mutable_nodes()->erase(graph_.nodes(i).id());
    }
    StringMap<std::string> output_of;
    std::vector<v1::Argument*> redirected;
    FreeNames names;
    const auto redirect = [&](v1::Argument& at) {
      if (!IsChosen(at.reference().node())) return;
      const auto [it, first] = output_of.try_emplace(KeyOf(at.reference()));
      if (first) {
        it->second = names.New(NameOf(at.reference()));
        v1::GraphOutput* output = composite_.add_outputs();
        output->set_name(it->second);
        *output->mutable_value()->mutable_reference() = at.reference();
      }
      at.mutable_reference()->set_node(args_.id);
      at.mutable_reference()->set_port(it->second);
      redirected.push_back(&at);
    };
    for (v1::Node& node : *out_.graph.mutable_nodes()) {
      if (node.id() == args_.id) continue;
      if (Weight(&node)) continue;
      for (v1::NodeInput& input : *node.mutable_inputs())
        graph::VisitReferring(*input.mutable_value(), redirect);
    }
    for (v1::GraphOutput& output : *out_.graph.mutable_outputs())
      graph::VisitReferring(*output.mutable_value(), redirect);
    if (composite_.outputs_size() == 0)
      return Refuse(
          "a composite needs an output: nothing outside takes what the chosen nodes give");
    if (composite_.outputs_size() == 1) {
      composite_.mutable_outputs(0)->set_name("output");
      for (v1::Argument* at : redirected) at->mutable_reference()->clear_port();
    }
    *out_.graph.add_composites() = composite_;
    return absl::OkStatus();
  }

  // A weight that is read from outside lies one level deeper now.
  bool Weight(v1::Node* node) const {
    if (node->type() != "WeightOf" || node->inputs_size() != 1) return false;
    v1::Argument* from = node->mutable_inputs(0)->mutable_value();
    if (!from->has_reference() || !IsChosen(from->reference().node())) return false;
    const Instance* owner = FindInstance(instances_, from->reference().node());
    const Instance* reader = FindInstance(instances_, node->id());
    if (owner == nullptr || reader == nullptr) return false;
    // The name as it was resolved: it may be an expression.
    (*node->mutable_params())["name"].set_string_value(
        fmt::format("{}.{}", owner->weights_path, reader->params.Text("name")));
    from->mutable_reference()->set_node(args_.id);
    from->mutable_reference()->clear_port();
    return true;
  }

  const v1::Graph& graph_;
  const CompileResult& compiled_;
  const CollapseArgs& args_;
  const InstancesById instances_;  // of the graph's own nodes
  StringMap<int> index_;
  std::vector<bool> chosen_;
  FreeNames ports_;
  v1::Composite composite_;
  v1::Node node_;  // the new one
  Regrouped out_;
};

}  // namespace

absl::StatusOr<Regrouped> Collapse(const v1::Graph& graph, const CollapseArgs& args) {
  const CompileResult compiled = Compile(graph);
  RETURN_IF_ERROR(FirstError(compiled, "the graph"));
  return Collapser(graph, compiled, args).Run();
}

}  // namespace graphkiln::compiler
