#include "common/compiler/container.h"

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/nodes/param_spec.h"
#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

constexpr std::array<std::string_view, 3> kContainers = {"ModuleDict", "ModuleList", "Sequential"};
constexpr int kMaxDepth = 64;
// Of one node, on all levels together.
constexpr int64_t kMaxChildren = 100'000;

absl::Status Fault(std::string text) { return absl::InvalidArgumentError(std::move(text)); }

// `$i` of a repetition, around all else.
class Counted final : public ExpressionScope {
 public:
  Counted(const ExpressionScope& outer, int64_t i) : outer_(outer), i_(i) {}
  std::optional<v1::Value> Variable(std::string_view name) const override {
    if (name != "i") return outer_.Variable(name);
    v1::Value value;
    value.set_int_value(i_);
    return value;
  }
  std::optional<v1::Value> InputDim(std::string_view port, int64_t dim) const override {
    return outer_.InputDim(port, dim);
  }
  std::optional<int64_t> InputRank(std::string_view port) const override {
    return outer_.InputRank(port);
  }
  std::optional<bool> InputPresent(std::string_view port) const override {
    return outer_.InputPresent(port);
  }

 private:
  const ExpressionScope& outer_;
  const int64_t i_;
};

class Evaluator {
 public:
  explicit Evaluator(int64_t* budget) : budget_(budget) {}

  // Depth is bounded by kMaxDepth.
  absl::Status Children(const ExpressionScope& scope, v1::Node* node, int depth) {
    if (node->children_size() == 0) return absl::OkStatus();
    if (depth > kMaxDepth) return Fault("containers nest at most 64 levels");
    google::protobuf::RepeatedPtrField<v1::CompositeNode> written;
    written.Swap(node->mutable_children());
    for (const v1::CompositeNode& child : written) {
      if (!child.when().empty()) {
        ASSIGN_OR_RETURN(const v1::Value present, Evaluate(child.when(), scope));
        if (!IsTrue(present)) continue;
      }
      if (child.repeat().empty()) {
        RETURN_IF_ERROR(One(scope, child.node(), node, depth));
        continue;
      }
      ASSIGN_OR_RETURN(const v1::Value times, Evaluate(child.repeat(), scope));
      if (times.kind_case() != v1::Value::kIntValue || times.int_value() < 0 ||
          times.int_value() > kMaxChildren) {
        return Fault(fmt::format("a child would be repeated {} times", nodes::ValueText(times)));
      }
      const std::string& id = child.node().id();
      if (!id.empty() && id.find('{') == std::string::npos) {
        return Fault(fmt::format("the key {} of a repeated child needs the number: {{$i}}",
                                 QuoteForMessage(id)));
      }
      for (int64_t i = 0; i < times.int_value(); ++i)
        RETURN_IF_ERROR(One(Counted(scope, i), child.node(), node, depth));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status One(const ExpressionScope& scope, const v1::Node& written, v1::Node* parent,
                   int depth) {
    if (++count_ > kMaxChildren) return Fault("a container holds at most 100,000 nodes");
    if (budget_ != nullptr && --*budget_ < 0) {
      return absl::ResourceExhaustedError(
          "the composites and containers of the graph expand to too many nodes");
    }
    v1::Node* node = parent->add_children()->mutable_node();
    *node = written;
    if (node->id().empty()) {
      node->set_id(fmt::format("{}", parent->children_size() - 1));
    } else {
      ASSIGN_OR_RETURN(*node->mutable_id(), Interpolate(node->id(), scope));
    }
    ASSIGN_OR_RETURN(*node->mutable_type(), Interpolate(node->type(), scope));
    for (const auto& [name, param] : InOrder(*node->mutable_params())) {
      v1::Value& value = *param;
      auto evaluated = EvaluateAll(value, scope);
      if (!evaluated.ok()) {
        return Fault(
            fmt::format("{}.{}: {}", node->id(), name, std::string(evaluated.status().message())));
      }
      value = *std::move(evaluated);
    }
    return Children(scope, node, depth + 1);
  }

  int64_t* const budget_;
  int64_t count_ = 0;
};

void Refer(const std::string& node, v1::Argument* out) { out->mutable_reference()->set_node(node); }

}  // namespace

bool IsContainer(std::string_view type) {
  return std::find(kContainers.begin(), kContainers.end(), type) != kContainers.end();
}

std::vector<std::string> ContainerNames() { return {kContainers.begin(), kContainers.end()}; }

v1::NodeType DescribeContainer(std::string_view type) {
  const bool chain = type == "Sequential";
  v1::NodeType out;
  out.set_name(std::string(type));
  out.set_category("container");
  out.set_doc(chain ? "Holds nodes in `children`, a list or a map by key; each takes what the one "
                      "before gives, the first one the container's input."
                    : "Holds nodes in `children`, a list or a map by key; each takes the "
                      "container's input. The result has one port per child, called by its key.");
  out.set_since_version(1);
  v1::PortInfo* input = out.add_inputs();
  input->set_name("input");
  input->set_doc("any value that the children take");
  v1::PortInfo* output = out.add_outputs();
  output->set_name(chain ? "output" : "KEY");
  output->set_doc(chain ? "what the last child gives; without children the input"
                        : "what the child KEY gives; in a list 0, 1, ...");
  out.set_python("nn." + std::string(type));
  out.set_bypass("identity, where the output has the input's type");
  out.set_composite(true);
  return out;
}

absl::Status EvaluateChildren(const ExpressionScope& scope, v1::Node* node, int64_t* budget) {
  return Evaluator(budget).Children(scope, node, 0);
}

absl::StatusOr<std::shared_ptr<const v1::Composite>> ContainerComposite(const v1::Node& node) {
  auto out = std::make_shared<v1::Composite>();
  out->set_name(node.type());
  out->add_inputs()->set_name("input");
  const bool chain = node.type() == "Sequential";
  if (!chain && node.children_size() == 0)
    return Fault(fmt::format("a {} needs a child", node.type()));
  std::string last = "input";
  for (const v1::CompositeNode& child : node.children()) {
    if (child.node().inputs_size() > 0) {
      return Fault(
          fmt::format("the child {} takes what the {} hands it, it has no inputs of its own",
                      QuoteForMessage(child.node().id()), node.type()));
    }
    v1::CompositeNode* inner = out->add_nodes();
    *inner = child;
    Refer(last, inner->mutable_node()->add_inputs()->mutable_value());
    if (chain) {
      last = child.node().id();
      continue;
    }
    v1::GraphOutput* output = out->add_outputs();
    output->set_name(child.node().id());
    Refer(child.node().id(), output->mutable_value());
  }
  if (chain) {
    v1::GraphOutput* output = out->add_outputs();
    output->set_name("output");
    Refer(last, output->mutable_value());
  }
  return out;
}

}  // namespace graphkiln::compiler
