#include "common/nodes/example.h"

#include <algorithm>
#include <map>

#include "absl/status/status.h"
#include "common/base/status.h"
#include "common/ir/op_def.h"
#include "common/nodes/body.h"
#include "common/nodes/given_params.h"
#include "fmt/format.h"

namespace graphkiln::nodes {
namespace {

// Weights under their bare names.
class ExampleWeights final : public WeightStore {
 public:
  explicit ExampleWeights(ir::Module& module) : module_(module) {}
  std::optional<ir::ValueId> Declare(std::string_view name, ir::TensorType type,
                                     const ir::Initializer& init, bool buffer, bool persistent,
                                     Failure*) override {
    const ir::ValueId id = module_.AddValue({ir::ValueKind::kTensor, std::move(type)});
    module_.parameters.push_back({std::string(name), id, init, buffer, !buffer, persistent});
    return id;
  }

 private:
  ir::Module& module_;
};

}  // namespace

absl::StatusOr<ir::TensorType> ParseType(std::string_view text) {
  const size_t open = text.find('[');
  if (open == std::string_view::npos || text.back() != ']') {
    return absl::InvalidArgumentError(fmt::format("{} is no tensor type", QuoteForMessage(text)));
  }
  ir::TensorType type;
  type.dtype = ir::ParseDType(text.substr(0, open));
  if (type.dtype == v1::DATA_TYPE_UNSPECIFIED)
    return absl::InvalidArgumentError("unknown element type");
  const std::string_view sizes = text.substr(open + 1, text.size() - open - 2);
  if (TrimView(sizes).empty()) return type;
  for (const std::string_view size : SplitView(sizes, ',')) {
    ASSIGN_OR_RETURN(ir::Dim dim, ir::Dim::Parse(TrimView(size)));
    type.shape.push_back(std::move(dim));
  }
  return type;
}

absl::StatusOr<TypedExample> TypeExample(const NodeDef& def) {
  TypedExample typed;
  std::map<std::string, v1::Value> given;
  for (const auto& [name, value] : def.example.params) given[name] = ToValue(value);
  std::string fault;
  ResolveParams(def.params, ViewOf(given), &typed.params,
                [&](ParamIssue issue) { fault = issue.message; });
  if (!fault.empty()) return absl::InternalError(fmt::format("example of {}: {}", def.name, fault));
  PortValues inputs(def.inputs.size());
  size_t port = 0;
  for (const std::string& text : def.example.inputs) {
    ASSIGN_OR_RETURN(ir::TensorType type, ParseType(text));
    const ir::ValueId id = typed.module.AddValue({ir::ValueKind::kTensor, std::move(type)});
    typed.module.inputs.push_back({fmt::format("input{}", typed.module.inputs.size()), id});
    inputs[port].connected = true;
    inputs[port].values.push_back(id);
    if (!def.inputs[port].variadic) ++port;
  }
  Failure failure;
  if (!InferParams(def, inputs, typed.module, &typed.params, &failure)) {
    return absl::InternalError(fmt::format("example of {}: {}", def.name, failure.message));
  }
  ExampleWeights weights(typed.module);
  Body body(def, typed.params, inputs, typed.module, weights, -1);
  def.body(body);
  if (!body.ok())
    return absl::InternalError(fmt::format("example of {}: {}", def.name, body.failure()->message));
  if (def.outputs[0].many) {
    for (size_t i = 0; i < body.results().size(); ++i)
      typed.module.outputs.push_back({fmt::format("{}", i), body.results()[i]});
    return typed;
  }
  for (const int i : def.ActiveOutputs(typed.params)) {
    typed.module.outputs.push_back(
        {def.outputs[static_cast<size_t>(i)].name, body.results()[static_cast<size_t>(i)]});
  }
  return typed;
}

void DescribeExample(const NodeDef& def, v1::NodeType* type) {
  v1::NodeExample* example = type->mutable_example();
  for (const auto& [name, value] : def.example.params)
    (*example->mutable_params())[name] = ToValue(value);
  if (def.op != nullptr) type->add_operators(std::string(def.op->name));
  if (def.picks || def.reads_weight || def.example.outputs.empty()) return;
  const auto typed = TypeExample(def);
  if (!typed.ok()) {
    GRAPHKILN_BUG("registry.example", std::string(typed.status().message()));
    return;
  }
  for (const ir::Input& input : typed->module.inputs)
    *example->add_inputs() = ir::ToProto(typed->module.type(input.value));
  for (const ir::Output& output : typed->module.outputs)
    *example->add_outputs() = ir::ToProto(typed->module.type(output.value));
  std::vector<std::string> operators;
  for (const ir::Call& call : typed->module.calls) operators.emplace_back(call.op->name);
  std::sort(operators.begin(), operators.end());
  operators.erase(std::unique(operators.begin(), operators.end()), operators.end());
  for (std::string& op : operators) type->add_operators(std::move(op));
  for (const ir::Parameter& parameter : typed->module.parameters) {
    v1::WeightInfo* weight = type->add_weights();
    weight->set_name(parameter.key);
    *weight->mutable_spec() = ir::ToProto(typed->module.type(parameter.value));
    weight->set_buffer(parameter.buffer);
  }
}

}  // namespace graphkiln::nodes
