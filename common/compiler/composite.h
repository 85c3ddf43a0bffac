// Composites: node types that are data. The library holds the built-in ones
// (templates/blocks/*.yaml) and those that a graph brings along; expansion turns one instance into
// plain nodes.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/strings.h"
#include "common/compiler/expression.h"
#include "common/compiler/report.h"
#include "common/ir/types.h"
#include "graphkiln/v1/graph.pb.h"
#include "graphkiln/v1/node_registry_service.pb.h"

namespace graphkiln::compiler {

class CompositeLibrary {
 public:
  // `own` shadow the built-in ones and must outlive the library.
  explicit CompositeLibrary(const google::protobuf::RepeatedPtrField<v1::Composite>& own);

  // Null where unknown.
  const v1::Composite* Find(std::string_view type) const;
  std::vector<std::string> Names() const;

 private:
  StringMap<const v1::Composite*> own_;
};

// The built-in composites, read once from the resources; ordered by name. A file that cannot be
// read is a fault of the installation and is logged.
const std::vector<v1::Composite>& BuiltInComposites();

// What clients get, in the form of all other node types.
v1::NodeType Describe(const v1::Composite& composite);
// The parameters as the registry's descriptions.
std::vector<nodes::ParamSpec> ParamsOf(const v1::Composite& composite);

// Values that expressions inside of a composite see.
class CompositeScope final : public ExpressionScope {
 public:
  void Set(std::string_view name, v1::Value value) {
    variables_[std::string(name)] = std::move(value);
  }
  // `type` is null where no tensor stands at the port.
  void SetInput(std::string_view port, const ir::TensorType* type, bool present) {
    inputs_[std::string(port)] = {type, present};
  }
  std::optional<v1::Value> Variable(std::string_view name) const override;
  std::optional<v1::Value> InputDim(std::string_view port, int64_t dim) const override;
  std::optional<int64_t> InputRank(std::string_view port) const override;
  std::optional<bool> InputPresent(std::string_view port) const override;

 private:
  struct Input {
    const ir::TensorType* type;
    bool present;
  };
  StringMap<v1::Value> variables_;
  StringMap<Input> inputs_;
};

// What reaches a port of an instance.
struct PortType {
  const ir::TensorType* type = nullptr;  // null where no tensor
  bool present = true;
};

// The plain nodes and outputs of one instance: conditions decided, repetitions written out,
// references to absent nodes replaced.
struct Expansion {
  std::vector<v1::Node> nodes;
  std::vector<v1::GraphOutput> outputs;
  CompositeScope scope;
};

// `params` are checked already, `inputs` tell of the ports in order. Faults are reported at
// `place`; nothing is returned then. Every node written out is taken from `budget`, also where a
// fault follows. `container`: the composite is one that a container stands for.
std::optional<Expansion> Expand(const v1::Composite& composite, const nodes::Params& params,
                                const std::vector<PortType>& inputs, const Report::Place& place,
                                Report& report, int64_t* budget, bool container);

}  // namespace graphkiln::compiler
