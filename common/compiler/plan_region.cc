#include "common/compiler/plan_region.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <string>

#include "common/base/free_names.h"
#include "common/base/strings.h"
#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

bool IsSymbol(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](unsigned char c) { return std::isalnum(c) || c == '_'; });
}

// Keys of weights that are not the node's id.
void Name(const std::string& path, v1::Node* node) {
  if (path.find('.') != std::string::npos || (path != node->id() && !node->module().empty()))
    node->set_name(path);
}

class Writer {
 public:
  Writer(const v1::Graph& graph, const v1::Node& node, const Instance& instance,
         const ir::Module& module)
      : instance_(instance), module_(module) {
    *out_.mutable_variables() = graph.variables();
    *out_.mutable_composites() = graph.composites();
    out_.set_name(instance.identifier);
    *out_.add_nodes() = node;
  }

  v1::Graph Run() {
    v1::Node& node = *out_.mutable_nodes(0);
    names_.Take(node.module().empty() ? node.id() : node.module());
    if (!node.module().empty()) {
      node.set_id(node.module());
      Name(instance_.weights_path, &node);
    }
    node.clear_module();
    node.clear_compile_mode();
    node.clear_inputs();
    for (size_t p = 0; p < instance_.inputs.size(); ++p) {
      const Tree& tree = instance_.inputs[p];
      if (tree.kind == Tree::Kind::kNone) continue;
      v1::NodeInput* input = node.add_inputs();
      input->set_port(PortName(p));
      *input->mutable_value() = ToArgument(tree, input->port());
    }
    Outputs(node.id());
    return std::move(out_);
  }

  // Names that inputs must not have.
  void Take(const std::string& name) { names_.Take(name); }

 private:
  std::string PortName(size_t p) const {
    return instance_.def != nullptr ? std::string(instance_.def->inputs[p].name)
                                    : instance_.composite->inputs(static_cast<int>(p)).name();
  }

  // Values nest at most 64 levels, as the type pass makes sure.
  v1::Argument ToArgument(const Tree& tree, const std::string& name) {
    v1::Argument out;
    switch (tree.kind) {
      case Tree::Kind::kTensor:
        out.mutable_reference()->set_node(Input(tree.value, name));
        break;
      case Tree::Kind::kTuple:
        out.mutable_list();
        for (size_t i = 0; i < tree.items.size(); ++i)
          *out.mutable_list()->add_items() =
              ToArgument(tree.items[i], fmt::format("{}_{}", name, i));
        break;
      case Tree::Kind::kDict:
        out.mutable_map();
        for (size_t i = 0; i < tree.items.size(); ++i) {
          v1::ArgumentEntry* entry = out.mutable_map()->add_entries();
          entry->set_name(tree.names[i]);
          *entry->mutable_value() = ToArgument(tree.items[i], fmt::format("{}_{}", name, i));
        }
        break;
      case Tree::Kind::kLiteral:
        *out.mutable_literal() = tree.literal;
        break;
      case Tree::Kind::kNone:
      case Tree::Kind::kUnknown:
      case Tree::Kind::kMuted:  // neither reaches a node that takes part
      case Tree::Kind::kWithheld:
        out.mutable_literal()->set_null_value(v1::NULL_VALUE_UNSPECIFIED);
        break;
    }
    return out;
  }

  // The input that brings a value; one that comes twice is one input.
  std::string Input(ir::ValueId value, const std::string& wanted) {
    const auto [known, first] = inputs_.try_emplace(value.index);
    if (!first) return known->second;
    const std::string name = names_.New(wanted);
    known->second = name;
    v1::GraphInput* input = out_.add_inputs();
    input->set_name(name);
    *input->mutable_spec() = ir::ToProto(module_.type(value));
    for (v1::Dim& dim : *input->mutable_spec()->mutable_shape()) {
      if (dim.kind_case() == v1::Dim::kSymbol && !IsSymbol(dim.symbol())) {
        const auto [symbol, fresh] = symbols_.try_emplace(dim.symbol());
        if (fresh) symbol->second = FreeSymbol();
        dim.set_symbol(symbol->second);
      }
    }
    return name;
  }

  // A name that no size of the program bears.
  std::string FreeSymbol() {
    if (taken_.empty()) {
      for (const std::string& symbol : ir::InputSymbols(module_)) taken_.insert(symbol);
    }
    std::string name;
    do {
      name = fmt::format("D{}", ++last_symbol_);
    } while (taken_.contains(name));
    return name;
  }

  void Outputs(const std::string& id) {
    const auto add = [&](std::string name, const std::string& port) {
      v1::GraphOutput* output = out_.add_outputs();
      output->set_name(std::move(name));
      output->mutable_value()->mutable_reference()->set_node(id);
      output->mutable_value()->mutable_reference()->set_port(port);
    };
    std::vector<std::string> ports;
    if (instance_.def != nullptr) {
      for (const int p : instance_.def->ActiveOutputs(instance_.params))
        ports.push_back(instance_.def->outputs[static_cast<size_t>(p)].name);
    } else {
      for (const v1::GraphOutput& output : instance_.composite->outputs())
        ports.push_back(output.name());
    }
    if (ports.size() <= 1) return add("output", "");  // the whole result
    for (const std::string& port : ports) add(port, port);
  }

  const Instance& instance_;
  const ir::Module& module_;
  v1::Graph out_;
  FreeNames names_;
  std::map<int32_t, std::string> inputs_;       // by value
  std::map<std::string, std::string> symbols_;  // by size expression
  StringSet taken_;                             // symbols of the program
  int last_symbol_ = 0;
};

// The node that an instance is, without its inputs.
v1::Node NodeOf(const Instance& instance) {
  v1::Node node;
  node.set_id(instance.identifier);
  Name(instance.identifier, &node);
  node.set_type(std::string(instance.type));
  if (instance.container) {
    *node.mutable_children() = instance.composite->nodes();
    for (v1::CompositeNode& child : *node.mutable_children()) child.mutable_node()->clear_inputs();
  }
  for (const nodes::Params::Entry& entry : instance.params.entries()) {
    if (entry.given) (*node.mutable_params())[entry.name] = nodes::ToValue(entry.value);
  }
  return node;
}

std::string FreeType(const v1::Graph& graph, std::string_view stem) {
  StringSet taken;
  for (const v1::Composite& composite : graph.composites()) taken.insert(composite.name());
  std::string name(stem);
  for (int n = 2; taken.contains(name); ++n) name = fmt::format("{}{}", stem, n);
  return name;
}

// The graph's only node becomes a container's only child: in containers keys are numbers, too.
bool WrapInContainer(const std::string& id, v1::Graph* graph) {
  if (graph->inputs_size() != 1) return false;
  v1::Node node;
  node.set_id(id);
  Name(id, &node);
  node.set_type("Sequential");
  node.add_inputs()->mutable_value()->mutable_reference()->set_node(graph->inputs(0).name());
  *node.add_children()->mutable_node() = graph->nodes(0);
  node.mutable_children(0)->mutable_node()->clear_inputs();
  *graph->mutable_nodes(0) = std::move(node);
  graph->clear_outputs();  // all that the child gives
  v1::GraphOutput* output = graph->add_outputs();
  output->set_name("output");
  output->mutable_value()->mutable_reference()->set_node(id);
  return true;
}

// All that the graph does becomes a composite with one node of it, called `id`.
void Wrap(const std::string& id, v1::Graph* graph) {
  v1::Composite composite;
  composite.set_name(FreeType(*graph, "Part"));
  v1::Node node;
  node.set_id(id);
  Name(id, &node);
  node.set_type(composite.name());
  for (const v1::GraphInput& input : graph->inputs()) {
    composite.add_inputs()->set_name(input.name());
    v1::NodeInput* value = node.add_inputs();
    value->set_port(input.name());
    value->mutable_value()->mutable_reference()->set_node(input.name());
  }
  for (const v1::Node& inner : graph->nodes()) *composite.add_nodes()->mutable_node() = inner;
  *composite.mutable_outputs() = graph->outputs();
  for (v1::GraphOutput& output : *graph->mutable_outputs()) {
    v1::Reference& reference = *output.mutable_value()->mutable_reference();
    reference.set_node(id);
    reference.set_port(graph->outputs_size() > 1 ? output.name() : "");
  }
  graph->clear_nodes();
  *graph->add_nodes() = std::move(node);
  *graph->add_composites() = std::move(composite);
}

}  // namespace

std::optional<v1::Graph> PartGraph(const v1::Graph& graph, const std::vector<Instance>& instances,
                                   int index, const ir::Module& module) {
  const Instance& instance = instances[static_cast<size_t>(index)];
  if (instance.weights_path != instance.path) return std::nullopt;
  std::vector<const Instance*> around;  // the inner ones first
  for (int i = instance.parent; i >= 0; i = around.back()->parent)
    around.push_back(&instances[static_cast<size_t>(i)]);
  Writer writer(graph, NodeOf(instance), instance, module);
  for (const Instance* outer : around) writer.Take(outer->identifier);
  v1::Graph out = writer.Run();
  for (const Instance* outer : around) {
    if (!outer->container) {
      Wrap(outer->identifier, &out);
    } else if (!WrapInContainer(outer->identifier, &out)) {
      return std::nullopt;
    }
  }
  return out;
}

v1::Graph RegionGraph(const v1::Graph& graph, const v1::Node& node, const Instance& instance,
                      const ir::Module& module) {
  return Writer(graph, node, instance, module).Run();
}

}  // namespace graphkiln::compiler
