#include "common/compiler/loss.h"

#include <map>
#include <utility>

#include "absl/status/status.h"
#include "common/base/strings.h"
#include "common/nodes/body.h"
#include "common/nodes/registry.h"
#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

// Losses have no weights.
class NoWeights final : public nodes::WeightStore {
 public:
  std::optional<ir::ValueId> Declare(const std::string& name, const ir::TensorType&,
                                     const ir::Initializer&, bool, bool,
                                     nodes::Failure* failure) override {
    failure->code = "UNSUPPORTED";
    failure->message = fmt::format("a loss with the weight {} cannot be used by a job", name);
    return std::nullopt;
  }
};

// Class indices for a loss over classes, otherwise the prediction's own type.
ir::TensorType TargetType(const nodes::NodeDef& def, const ir::TensorType& prediction) {
  if (def.name != "CrossEntropyLoss") return prediction;
  ir::TensorType target = prediction.WithDType(v1::DATA_TYPE_INT64);
  if (target.rank() > 0) target.shape.erase(target.shape.begin() + (target.rank() == 1 ? 0 : 1));
  return target;
}

}  // namespace

absl::StatusOr<ir::Module> AppendLoss(const ir::Module& module, const v1::Component& loss,
                                      std::vector<v1::Diagnostic>* diagnostics) {
  const auto fail = [&](std::string_view code, std::string param, std::string message,
                        std::string expected, std::string found) {
    v1::Diagnostic& diagnostic = diagnostics->emplace_back();
    diagnostic.set_severity(v1::SEVERITY_ERROR);
    diagnostic.set_code(std::string(code));
    diagnostic.set_message(std::move(message));
    diagnostic.set_param(param);
    diagnostic.set_path(std::move(param));
    diagnostic.set_expected(std::move(expected));
    diagnostic.set_found(std::move(found));
    return absl::InvalidArgumentError(diagnostic.message());
  };
  const nodes::NodeDef* def = nodes::FindNode(loss.type());
  if (def == nullptr || def->category != "loss") {
    std::vector<std::string> names;
    std::string all;
    for (const nodes::NodeDef* known : nodes::NodesOf("loss")) {
      names.emplace_back(known->name);
      all += (all.empty() ? "" : ", ") + names.back();
    }
    const auto near = NearestName(loss.type(), names);
    return fail("UNKNOWN_TYPE", "loss.type",
                fmt::format("there is no loss {}", QuoteForMessage(loss.type())),
                near ? *near : all, loss.type());
  }
  nodes::Params params;
  const std::map<std::string, v1::Value> given(loss.params().begin(), loss.params().end());
  absl::Status resolved;
  nodes::ResolveParams(def->params, given, &params, [&](nodes::ParamIssue issue) {
    resolved = fail(issue.code, "loss." + issue.param, issue.message, issue.expected, issue.found);
  });
  if (!resolved.ok()) return resolved;
  if (params.Has("reduction") && params.Text("reduction") == "none") {
    return fail("PARAM_RANGE", "loss.reduction", "training needs one number", "mean or sum",
                "none");
  }
  if (module.outputs.empty())
    return fail("NO_OUTPUTS", "graph", "the graph has no output", "an output", "none");
  ir::Module out = module;
  const ir::ValueId prediction = out.outputs[0].value;
  const ir::ValueId target =
      out.AddValue({ir::ValueKind::kTensor, TargetType(*def, out.type(prediction))});
  out.inputs.push_back({"target", target});
  std::vector<nodes::PortValue> ports(def->inputs.size());
  ports[0] = {true, {prediction}};
  ports[1] = {true, {target}};
  const int32_t source = static_cast<int32_t>(out.sources.size());
  out.sources.push_back({"loss", "loss", std::string(def->name)});
  NoWeights weights;
  nodes::Body body(*def, params, ports, out, weights, source);
  def->body(body);
  if (!body.ok()) {
    const nodes::Failure& failure = *body.failure();
    return fail(failure.code, "loss.type", fmt::format("{}: {}", def->name, failure.message),
                failure.expected, failure.found);
  }
  out.outputs.push_back({"loss", body.results()[0]});
  return out;
}

}  // namespace graphkiln::compiler
