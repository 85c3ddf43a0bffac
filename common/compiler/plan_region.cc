#include "common/compiler/plan_region.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <string>

#include "common/base/strings.h"
#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

bool IsSymbol(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](unsigned char c) { return std::isalnum(c) || c == '_'; });
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
    names_.insert(node.module().empty() ? node.id() : node.module());
    if (!node.module().empty()) node.set_id(node.module());
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
    std::string name = wanted;
    for (int n = 2; !names_.insert(name).second; ++n) name = fmt::format("{}_{}", wanted, n);
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
  StringSet names_;
  std::map<int32_t, std::string> inputs_;       // by value
  std::map<std::string, std::string> symbols_;  // by size expression
  StringSet taken_;                             // symbols of the program
  int last_symbol_ = 0;
};

}  // namespace

v1::Graph RegionGraph(const v1::Graph& graph, const v1::Node& node, const Instance& instance,
                      const ir::Module& module) {
  return Writer(graph, node, instance, module).Run();
}

}  // namespace graphkiln::compiler
