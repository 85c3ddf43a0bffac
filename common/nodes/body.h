// What a node's body sees: parameters, input values, weights, and operators to call.
//
// A body is written as if nothing could fail; after the first failure all calls return an empty
// argument and do nothing, and the failure is reported at the node in the node's own words (port or
// parameter). Used by the compiler's type pass, one Body per instance; not thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
#include "common/ir/call_builder.h"
#include "common/ir/module.h"
#include "common/nodes/node_def.h"

namespace graphkiln::nodes {

// Why an instance has no type.
struct Failure {
  std::string code = "SHAPE_MISMATCH";
  std::string rule, port, param, message, expected, found;
  int list_index = -1;
  std::optional<v1::Value> suggested;  // a value for `param` that would be right
};

// Values at one input port.
struct PortValue {
  bool connected = false;
  ir::ValueIds values;  // exactly one unless the port is variadic
};
using PortValues = absl::InlinedVector<PortValue, 2>;  // by port

// Gives weights their place in the module: the compiler decides on keys and sharing.
class WeightStore {
 public:
  virtual ~WeightStore() = default;
  // Returns the value of the weight `name`, declaring it where it does not exist yet. Nothing on
  // conflict with a shared module's weight; `failure` then says why.
  virtual std::optional<ir::ValueId> Declare(std::string_view name, ir::TensorType type,
                                             const ir::Initializer& init, bool buffer,
                                             bool persistent, Failure* failure) = 0;
};

class Body {
 public:
  // All references must outlive the body.
  Body(const NodeDef& def, const Params& params, absl::Span<const PortValue> inputs,
       ir::Module& module, WeightStore& weights, int32_t source);

  const NodeDef& def() const { return def_; }

  // Parameters.
  const Params& params() const { return params_; }
  int64_t Int(std::string_view name) const { return params_.Int(name); }
  double Float(std::string_view name) const { return params_.Float(name); }
  bool Flag(std::string_view name) const { return params_.Flag(name); }
  const std::string& Text(std::string_view name) const { return params_.Text(name); }
  bool IsNull(std::string_view name) const { return params_.IsNull(name); }
  std::vector<int64_t> Ints(std::string_view name) const;

  // Inputs.
  bool HasIn(std::string_view port) const;
  ir::Argument In(std::string_view port) const;                // None where not connected
  std::vector<ir::Argument> Ins(std::string_view port) const;  // variadic
  const ir::TensorType& TypeOf(const ir::Argument& value) const;
  // False where `size` is less than `least`; what is not certain of an open size is recorded.
  bool AtLeast(const ir::Dim& size, int64_t least);

  // Weights; `init` as torch.nn's reset_parameters.
  ir::Argument Weight(std::string_view name, std::vector<int64_t> shape,
                      const ir::Initializer& init);
  ir::Argument Buffer(std::string_view name, std::vector<int64_t> shape,
                      const ir::Initializer& init, v1::DataType dtype = v1::DATA_TYPE_FLOAT32);

  // A buffer of the rank-1 list of numbers `name`, where it is given; None otherwise (a loss's
  // class weights).
  ir::Argument ListBuffer(std::string_view name);

  // Calls an operator and returns its first output; trailing arguments may be left to their
  // defaults.
  ir::Argument Call(std::string_view op, std::vector<ir::Argument> args);
  std::vector<ir::Argument> CallMany(std::string_view op, std::vector<ir::Argument> args);

  // Sets an output port.
  void Return(std::string_view port, const ir::Argument& value);
  void Return(const ir::Argument& value) { Return(def_.outputs[0].name, value); }
  // For a port with `many`.
  void ReturnAll(const std::vector<ir::Argument>& values);

  void Fail(Failure failure);
  bool ok() const { return !failure_.has_value(); }
  const std::optional<Failure>& failure() const { return failure_; }
  // By output port, or all values of the only port where that has `many`; complete when ok().
  absl::Span<const ir::ValueId> results() const { return results_; }

 private:
  ir::Argument Declare(std::string_view name, std::vector<int64_t> shape,
                       const ir::Initializer& init, bool buffer, v1::DataType dtype);
  // The outputs; none after a failure.
  ir::ValueIds Append(std::string_view op, std::vector<ir::Argument> args);
  // The port that a value comes from; -1 where it comes from none.
  int OriginOf(ir::ValueId id);
  void Translate(const ir::OpDef& op, const ir::OpError& error,
                 const std::vector<ir::Argument>& args);

  const NodeDef& def_;
  const Params& params_;
  const absl::Span<const PortValue> inputs_;
  ir::Module& module_;
  WeightStore& weights_;
  const int32_t source_;
  std::optional<Failure> failure_;
  Failure conflict_;  // of a weight; made once, for every weight needs one to write to
  ir::ValueIds results_;
  // Values and the port that they come from, also through calls: (value, port index).
  absl::InlinedVector<std::pair<ir::ValueId, int>, 8> origins_;
  absl::flat_hash_map<int32_t, int>
      index_;  // of the first `indexed_` of them, where there are many
  size_t indexed_ = 0;
};

// Fills in inferred parameters from the inputs' types and checks given ones against them.
bool InferParams(const NodeDef& def, absl::Span<const PortValue> inputs, const ir::Module& module,
                 Params* params, Failure* failure);

}  // namespace graphkiln::nodes
