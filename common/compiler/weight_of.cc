#include "common/compiler/weight_of.h"

#include "fmt/format.h"

namespace graphkiln::compiler {

bool ReadWeight(const NormalGraph& graph, const NormalNode& node, const std::string& prefix,
                WeightKeys& keys, ir::Module& module, const Report::Place& place,
                Instance& instance, Report& report) {
  const Arg& arg = node.inputs[0][0];
  const NormalNode* owner =
      arg.kind == Arg::Kind::kNode ? &graph.nodes[static_cast<size_t>(arg.index)] : nullptr;
  if (owner != nullptr && owner->module >= 0)
    owner = &graph.nodes[static_cast<size_t>(owner->module)];
  const std::string& name = instance.params.Text("name");
  if (owner != nullptr) {
    instance.weights_path =
        prefix.empty() ? owner->identifier : fmt::format("{}.{}", prefix, owner->identifier);
    const std::string key = fmt::format("{}.{}", instance.weights_path, name);
    if (const ir::Parameter* weight = keys.Find(module.parameters, key)) {
      instance.output = Tree::Tensor(weight->value);
      return true;
    }
  }
  v1::Diagnostic& diagnostic = report.ErrorAt(
      place, "UNKNOWN_REFERENCE",
      owner != nullptr
          ? fmt::format("{} has no weight {}", QuoteForMessage(owner->id), QuoteForMessage(name))
          : "only a node has weights");
  diagnostic.set_rule("WEIGHT_OF_C1");
  diagnostic.set_expected("a weight of the node at the input");
  diagnostic.set_found(name.substr(0, 200));
  if (place.path.empty()) diagnostic.set_param("name");
  return false;
}

}  // namespace graphkiln::compiler
