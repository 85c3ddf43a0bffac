#include "common/compiler/loss.h"

#include <utility>

#include "absl/status/status.h"
#include "common/base/strings.h"
#include "common/nodes/body.h"
#include "common/nodes/given_params.h"
#include "common/nodes/registry.h"
#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

// Class weights and the like: constants of the job, no part of the model's state_dict.
class Constants final : public nodes::WeightStore {
 public:
  explicit Constants(ir::Module& module) : module_(module) {}
  std::optional<ir::ValueId> Declare(std::string_view name, ir::TensorType type,
                                     const ir::Initializer& init, bool, bool,
                                     nodes::Failure*) override {
    const ir::ValueId id = module_.AddValue({ir::ValueKind::kTensor, std::move(type)});
    // No node's path has parentheses.
    module_.parameters.push_back({fmt::format("(loss).{}", name), id, init, /*buffer=*/true,
                                  /*trainable=*/false, /*persistent=*/false});
    return id;
  }

 private:
  ir::Module& module_;
};

// Class indices for a loss over classes, otherwise the prediction's own type.
ir::TensorType TargetType(const nodes::NodeDef& def, const ir::TensorType& prediction) {
  if (def.target != nodes::LossTarget::kClass) return prediction;
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
  absl::Status resolved;
  const nodes::GivenParams given = nodes::ViewOf(loss.params());
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
  if (def->target == nodes::LossTarget::kNone) {
    return fail("UNSUPPORTED", "loss.type",
                fmt::format("{} needs more than a target; a job has one", def->name),
                "a loss of a prediction and a target", loss.type());
  }
  ir::Module out = module;
  const ir::ValueId target =
      out.AddValue({ir::ValueKind::kTensor, TargetType(*def, out.type(out.outputs[0].value))});
  out.inputs.push_back({"target", target});
  // The graph's outputs in their order stand at the other ports.
  nodes::PortValues ports(def->inputs.size());
  size_t next = 0;
  for (size_t p = 0; p < ports.size(); ++p) {
    if (def->inputs[p].name == "target") {
      ports[p] = {true, {target}};
    } else if (next < module.outputs.size()) {
      ports[p] = {true, {module.outputs[next++].value}};
    } else if (!def->inputs[p].optional) {
      return fail(
          "ARITY", "loss.type",
          fmt::format("{} takes an output of the graph as {}", def->name, def->inputs[p].name),
          fmt::format("{} or more outputs", next + 1), fmt::format("{}", module.outputs.size()));
    }
  }
  const int32_t source = static_cast<int32_t>(out.sources.size());
  out.sources.push_back({"loss", "loss", std::string(def->name)});
  Constants weights(out);
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
