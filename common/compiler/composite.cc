#include "common/compiler/composite.h"

#include <algorithm>
#include <utility>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/resources.h"
#include "common/base/status.h"
#include "common/compiler/container.h"
#include "common/graph/references.h"
#include "common/graph/text.h"
#include "common/nodes/given_params.h"
#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

constexpr uint64_t kMaxBlockFile = 1 << 20;
// Nodes of one composite after repetition; the compiler bounds the sum over all composites besides.
constexpr int64_t kMaxExpanded = 100'000;
constexpr int kMaxAliases = 64;

class Expander {
 public:
  Expander(const v1::Composite& composite, const Report::Place& place, Report& report,
           int64_t* budget, bool container)
      : composite_(composite),
        place_(place),
        report_(report),
        budget_(budget),
        container_(container) {}

  std::optional<Expansion> Run(const nodes::Params& params, const std::vector<PortType>& inputs) {
    for (const nodes::Params::Entry& entry : params.entries())
      out_.scope.Set(entry.name, nodes::ToValue(entry.value));
    for (int i = 0; i < composite_.inputs_size(); ++i) {
      const PortType& input = inputs[static_cast<size_t>(i)];
      out_.scope.SetInput(composite_.inputs(i).name(), input.type, input.present);
    }
    if (!Ranks(inputs) || !Bindings() || !Constraints()) return std::nullopt;
    for (const v1::CompositeNode& node : composite_.nodes()) {
      if (!Node(node)) return std::nullopt;
    }
    for (const v1::GraphOutput& output : composite_.outputs()) out_.outputs.push_back(output);
    for (v1::Node& node : out_.nodes) {
      for (v1::NodeInput& input : *node.mutable_inputs()) {
        if (!Rewrite(input.mutable_value())) return std::nullopt;
      }
    }
    for (v1::GraphOutput& output : out_.outputs) {
      if (!Named(output.mutable_value()) || !Rewrite(output.mutable_value())) return std::nullopt;
    }
    return std::move(out_);
  }

 private:
  bool Ranks(const std::vector<PortType>& inputs) {
    bool ok = true;
    for (int i = 0; i < composite_.inputs_size(); ++i) {
      const v1::CompositePort& port = composite_.inputs(i);
      const ir::TensorType* type = inputs[static_cast<size_t>(i)].type;
      if (type == nullptr || port.ranks_size() == 0) continue;
      if (std::find(port.ranks().begin(), port.ranks().end(), type->rank()) != port.ranks().end())
        continue;
      std::string expected;
      for (const int rank : port.ranks())
        expected += fmt::format("{}{}", expected.empty() ? "rank " : " or ", rank);
      v1::Diagnostic& diagnostic = report_.ErrorAt(
          place_, "RANK_MISMATCH",
          fmt::format("{} of {} must have {}", port.name(), composite_.name(), expected));
      diagnostic.set_port(port.name());
      diagnostic.set_expected(expected);
      diagnostic.set_found(ir::TypeText(*type));
      ok = false;
    }
    return ok;
  }

  bool Bindings() {
    for (const v1::CompositeBinding& binding : composite_.let()) {
      const auto value = Evaluate(binding.expression(), out_.scope);
      if (!value.ok())
        return Fault(fmt::format("{}: {}", binding.name(), std::string(value.status().message())));
      out_.scope.Set(binding.name(), *value);
    }
    return true;
  }

  bool Constraints() {
    bool ok = true;
    for (const v1::CompositeRequirement& constraint : composite_.constraints()) {
      const auto value = Evaluate(constraint.expression(), out_.scope);
      if (!value.ok()) return Fault(std::string(value.status().message()));
      if (IsTrue(*value)) continue;
      ok = false;
      const auto text = Interpolate(constraint.message(), out_.scope);
      v1::Diagnostic& diagnostic =
          report_.ErrorAt(place_, "COMPOSITE_RULE", text.ok() ? *text : constraint.message());
      diagnostic.set_rule(constraint.rule());
      diagnostic.set_param(constraint.param());
      diagnostic.set_port(constraint.port());
      diagnostic.set_expected(constraint.expression());
      if (const auto found = out_.scope.Variable(constraint.param());
          found && !constraint.param().empty()) {
        diagnostic.set_found(nodes::ValueText(*found));
      }
    }
    return ok;
  }

  bool Node(const v1::CompositeNode& template_node) {
    const v1::Node& node = template_node.node();
    if (!template_node.when().empty()) {
      const auto present = Evaluate(template_node.when(), out_.scope);
      if (!present.ok()) return Fault(std::string(present.status().message()));
      if (!IsTrue(*present)) {
        v1::Argument stand_in =
            template_node.has_otherwise() ? template_node.otherwise() : FirstInput(node);
        if (!Named(&stand_in)) return false;
        aliases_[node.id()] = std::move(stand_in);
        return true;
      }
    }
    if (template_node.repeat().empty()) {
      if (!Spend()) return false;
      out_.nodes.push_back(node);
      return Evaluated(out_.nodes.back());
    }
    const auto repeat = Evaluate(template_node.repeat(), out_.scope);
    if (!repeat.ok()) return Fault(std::string(repeat.status().message()));
    const int64_t times = repeat->int_value();
    if (repeat->kind_case() != v1::Value::kIntValue || times < 0 ||
        times > kMaxExpanded - static_cast<int64_t>(out_.nodes.size())) {
      return Fault(
          fmt::format("{} would be repeated {} times", node.id(), nodes::ValueText(*repeat)));
    }
    for (int64_t i = 0; i < times; ++i) {
      if (!Spend()) return false;
      v1::Node copy = node;
      copy.set_id(fmt::format("{}.{}", node.id(), i));
      if (!node.name().empty()) copy.set_name(fmt::format("{}.{}", node.name(), i));
      v1::Value index;
      index.set_int_value(i);
      out_.scope.Set("i", index);
      if (i > 0 && copy.inputs_size() > 0) {
        v1::Argument previous;
        previous.mutable_reference()->set_node(fmt::format("{}.{}", node.id(), i - 1));
        *copy.mutable_inputs(0)->mutable_value() = previous;
      }
      out_.nodes.push_back(std::move(copy));
      // `$i` differs from copy to copy, so its parameters are evaluated here.
      if (!Evaluated(out_.nodes.back())) return false;
    }
    if (times == 0) {
      v1::Argument stand_in = FirstInput(node);
      if (!Named(&stand_in)) return false;
      aliases_[node.id()] = std::move(stand_in);
    } else {
      v1::Argument last;
      last.mutable_reference()->set_node(fmt::format("{}.{}", node.id(), times - 1));
      aliases_[node.id()] = last;
    }
    return true;
  }

  bool Evaluated(v1::Node& node) {
    const auto type = Interpolate(node.type(), out_.scope);
    if (!type.ok()) return Fault(std::string(type.status().message()));
    node.set_type(*type);
    for (const auto& [name, param] : InOrder(*node.mutable_params())) {
      v1::Value& value = *param;
      auto evaluated = EvaluateAll(value, out_.scope);
      if (!evaluated.ok())
        return Fault(
            fmt::format("{}.{}: {}", node.id(), name, std::string(evaluated.status().message())));
      value = *std::move(evaluated);
    }
    for (v1::NodeInput& input : *node.mutable_inputs()) {
      if (!Named(input.mutable_value())) return false;
    }
    const absl::Status children =
        EvaluateChildren(out_.scope, &node, container_ ? nullptr : budget_);
    if (absl::IsResourceExhausted(children)) {
      if (*budget_ == -1) report_.ErrorAt(place_, "LIMIT", std::string(children.message()));
      return false;
    }
    if (!children.ok())
      return Fault(fmt::format("{}: {}", node.id(), std::string(children.message())));
    return true;
  }

  // Decides references that are expressions: `{'norm1' if $norm_first else 'src'}`.
  bool Named(v1::Argument* argument) {
    absl::Status fault;
    graph::RewriteReferences(*argument, [&](v1::Reference& reference) {
      if (!fault.ok() || reference.node().find('{') == std::string::npos) return;
      const auto text = Interpolate(reference.node(), out_.scope);
      if (!text.ok()) {
        fault = text.status();
        return;
      }
      const size_t dot = text->rfind('.');
      if (!Declared(*text) && dot != std::string::npos && Declared(text->substr(0, dot))) {
        reference.set_node(text->substr(0, dot));
        reference.set_port(text->substr(dot + 1));
      } else {
        reference.set_node(*text);
      }
    });
    return fault.ok() || Fault(std::string(fault.message()));
  }

  bool Declared(std::string_view id) {
    if (declared_.empty()) {
      for (const v1::CompositeNode& node : composite_.nodes()) declared_.insert(node.node().id());
    }
    return declared_.contains(id);
  }

  static v1::Argument FirstInput(const v1::Node& node) {
    return node.inputs_size() > 0 ? node.inputs(0).value() : v1::Argument();
  }

  // Replaces references to absent or repeated nodes.
  bool Rewrite(v1::Argument* argument) {
    bool circle = false;
    graph::VisitReferring(*argument, [&](v1::Argument& at) {
      for (int hops = 0; at.has_reference() && !circle; ++hops) {
        const auto it = aliases_.find(at.reference().node());
        if (it == aliases_.end()) break;
        circle = hops > kMaxAliases;
        const std::string port = at.reference().port();
        v1::Argument target = it->second;
        if (!port.empty() && target.has_reference() && target.reference().port().empty()) {
          target.mutable_reference()->set_port(port);
        }
        at = std::move(target);
      }
    });
    return !circle || Fault("nodes stand for each other in a circle");
  }

  bool Spend() {
    if (--*budget_ >= 0) return true;
    // Said once, by whoever comes first: containers draw on the budget, too.
    if (*budget_ == -1)
      report_.ErrorAt(place_, "LIMIT", "the composites of the graph expand to too many nodes");
    return false;
  }

  // A fault of the composite's definition.
  bool Fault(std::string message) {
    report_.ErrorAt(place_, "COMPOSITE_RULE", fmt::format("{}: {}", composite_.name(), message));
    return false;
  }

  const v1::Composite& composite_;
  const Report::Place& place_;
  Report& report_;
  int64_t* budget_;
  const bool container_;  // what it holds is counted already
  Expansion out_;
  StringMap<v1::Argument> aliases_;
  StringSet declared_;  // ids of the composite's nodes; filled in when first asked for
};

}  // namespace

const std::vector<v1::Composite>& BuiltInComposites() {
  static const std::vector<v1::Composite>* const kComposites = [] {
    auto* composites = new std::vector<v1::Composite>();
    const std::string dir = TemplatesDir() + "/blocks";
    auto files = ListDir(dir);
    if (!files.ok()) {
      KILN_ERROR("no composites: {}", std::string(files.status().message()));
      return composites;
    }
    std::sort(files->begin(), files->end());
    for (const std::string& file : *files) {
      if (file.size() < 5 || file.substr(file.size() - 5) != ".yaml") continue;
      const auto text = ReadFile(dir + "/" + file, kMaxBlockFile);
      graph::SourceMap positions;
      std::vector<v1::Diagnostic> diagnostics;
      const auto graph = text.ok() ? graph::ReadGraph(*text, file, &positions, &diagnostics)
                                   : absl::StatusOr<v1::Graph>(text.status());
      if (!graph.ok()) {
        KILN_ERROR("composite file {}: {}", file, std::string(graph.status().message()));
        continue;
      }
      for (const v1::Composite& composite : graph->composites()) composites->push_back(composite);
    }
    return composites;
  }();
  return *kComposites;
}

CompositeLibrary::CompositeLibrary(const google::protobuf::RepeatedPtrField<v1::Composite>& own) {
  for (const v1::Composite& composite : own) own_.emplace(composite.name(), &composite);
}

const v1::Composite* CompositeLibrary::Find(std::string_view type) const {
  if (const auto it = own_.find(type); it != own_.end()) return it->second;
  static const StringMap<const v1::Composite*>* const kBuiltIn = [] {
    auto* map = new StringMap<const v1::Composite*>();
    for (const v1::Composite& composite : BuiltInComposites())
      map->emplace(composite.name(), &composite);
    return map;
  }();
  const auto it = kBuiltIn->find(type);
  return it != kBuiltIn->end() ? it->second : nullptr;
}

std::vector<std::string> CompositeLibrary::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, composite] : own_) names.push_back(name);
  for (const v1::Composite& composite : BuiltInComposites()) names.push_back(composite.name());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::vector<nodes::ParamSpec> ParamsOf(const v1::Composite& composite) {
  std::vector<nodes::ParamSpec> specs;
  for (const v1::CompositeParam& param : composite.params()) {
    const std::string& type = param.type();
    nodes::ParamSpec spec = type == "float"    ? nodes::Float(param.name())
                            : type == "bool"   ? nodes::Bool(param.name())
                            : type == "string" ? nodes::Text(param.name())
                            : type == "int[]"  ? nodes::Ints(param.name())
                                               : nodes::Int(param.name());
    if (param.has_minimum()) spec.Min(param.minimum());
    if (param.has_maximum()) spec.Max(param.maximum());
    if (param.choices_size() > 0) spec.Choices({param.choices().begin(), param.choices().end()});
    spec.Doc(param.doc());
    if (param.has_default_value()) {
      // The default passes the same check as a given value.
      nodes::Params checked;
      nodes::ResolveParams({spec}, {{{param.name(), &param.default_value()}}}, &checked,
                           [](const nodes::ParamIssue&) {});
      if (const nodes::ParamValue* value = checked.Find(param.name())) spec.Default(*value);
    } else {
      spec.Required();
    }
    specs.push_back(std::move(spec));
  }
  return specs;
}

v1::NodeType Describe(const v1::Composite& composite) {
  v1::NodeType type;
  type.set_name(composite.name());
  type.set_category("composite");
  type.set_doc(composite.doc());
  type.set_since_version(std::max(composite.since_version(), 1));
  for (const nodes::ParamSpec& spec : ParamsOf(composite))
    *type.add_params() = nodes::Describe(spec);
  for (const v1::CompositePort& port : composite.inputs()) {
    v1::PortInfo* info = type.add_inputs();
    info->set_name(port.name());
    info->set_doc(port.doc());
    info->set_optional(port.optional());
  }
  for (const v1::GraphOutput& output : composite.outputs())
    type.add_outputs()->set_name(output.name());
  type.set_python("a class of its own");
  type.set_bypass(
      "the first input leaves by the first output, where that has its rank and element type");
  type.set_composite(true);
  return type;
}

std::optional<v1::Value> CompositeScope::Variable(std::string_view name) const {
  const auto it = variables_.find(name);
  return it != variables_.end() ? std::optional<v1::Value>(it->second) : std::nullopt;
}

std::optional<v1::Value> CompositeScope::InputDim(std::string_view port, int64_t dim) const {
  const auto it = inputs_.find(port);
  if (it == inputs_.end() || it->second.type == nullptr) return std::nullopt;
  const ir::TensorType& type = *it->second.type;
  if (dim < -type.rank() || dim >= type.rank()) return std::nullopt;
  const ir::Dim& size = type.dim(static_cast<int>(dim));
  if (!size.IsConst()) return std::nullopt;
  v1::Value value;
  value.set_int_value(size.value());
  return value;
}

std::optional<int64_t> CompositeScope::InputRank(std::string_view port) const {
  const auto it = inputs_.find(port);
  if (it == inputs_.end() || it->second.type == nullptr) return std::nullopt;
  return it->second.type->rank();
}

std::optional<bool> CompositeScope::InputPresent(std::string_view port) const {
  const auto it = inputs_.find(port);
  return it != inputs_.end() ? std::optional<bool>(it->second.present) : std::nullopt;
}

std::optional<Expansion> Expand(const v1::Composite& composite, const nodes::Params& params,
                                const std::vector<PortType>& inputs, const Report::Place& place,
                                Report& report, int64_t* budget, bool container) {
  return Expander(composite, place, report, budget, container).Run(params, inputs);
}

}  // namespace graphkiln::compiler
