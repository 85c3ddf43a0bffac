// A node type as users see it: documentation, parameters, ports, weights and body, Python spelling,
// bypass, example.
//
// One expression per type in a family file; types, costs, emitters, palette, reference and tests
// derive from it. Nothing here knows shapes: they follow from the operators that the body calls.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/ir/op_def.h"
#include "common/nodes/param_spec.h"

namespace graphkiln::nodes {

class Body;

struct PortSpec {
  std::string name = {};
  std::string doc = {};
  bool optional = false;
  bool variadic = false;  // takes a list of values
  int at_least = 1;       // for variadic ports
  int at_most = 1 << 20;
  bool any_value = false;  // takes tuples and dicts, too (Get)
  bool holes = false;      // for variadic ports: null may stand among the values
  bool keyword = false;    // Python's call names it
};

struct OutputSpec {
  std::string name = "output";
  std::string doc = {};
  // Where the value stands in the module's Python result: {} is the result itself, {1, 0} is
  // result[1][0].
  std::vector<int> path = {};
  // The only port of a type that gives a tuple of tensors, as many as its parameters say (Chunk).
  bool many = false;
  // The port exists only where this boolean parameter is true; with a single port left, it is the
  // result itself.
  std::string when = "";
  // The same for what no single boolean tells.
  bool (*exists)(const Params&) = nullptr;
};

// How Python writes the node. A function takes the ports by position and the parameters by name.
// Templates name ports and parameters: `{input}`, `{dim}`; a variadic
// port stands as a list
// `[a, b]`, or joined: `{inputs|+}` gives `a + b`.
struct Python {
  // A parameter is an attribute of the class itself, not of a module in it.
  enum class Kind { kModule, kFunction, kExpression, kOperator, kParameter };
  Kind kind = Kind::kModule;
  std::string text;  // `nn.Linear`, or an expression template
  // The template of an instance, where it depends on the parameters.
  std::string (*choose)(const Params&) = nullptr;
  // Where the parameter `when` is given, the instance is a module of a class that the generated
  // file defines: `definition` with `{name}` for its name, `name` if that is free.
  struct Class {
    std::string name = {}, when = {}, definition = {};
  };
  Class own = {};

  bool IsOwnClass(const Params& instance) const {
    return !own.when.empty() && !instance.IsNull(own.when);
  }

  static Python Module(std::string_view name) { return {Kind::kModule, std::string(name)}; }
  // `torch.ops.aten.add.Tensor`; the arguments follow from the schema.
  static Python Operator(std::string_view text) { return {Kind::kOperator, std::string(text)}; }
  static Python Function(std::string_view name) { return {Kind::kFunction, std::string(name)}; }
  static Python Expression(std::string_view text) { return {Kind::kExpression, std::string(text)}; }
};

// What leaves a bypassed node (ablation). Whatever passes through must have the rank and element
// type of the node's own result; its sizes may differ, and what follows is typed anew.
struct Bypass {
  enum class Kind {
    kInput,       // the first input leaves by the first output; the other outputs have no value
    kEach,        // the first input leaves by every output (a tensor that is taken apart)
    kPorts,       // each output has an input of its own
    kNotAllowed,  // bypassing makes no sense (a loss)
  };
  Kind kind = Kind::kInput;
  // kPorts: by output, the input port; a variadic port gives its values one after the other.
  std::vector<std::string_view> ports = {};

  static Bypass Each() { return {Kind::kEach}; }
  static Bypass Ports(std::vector<std::string_view> ports) {
    return {Kind::kPorts, std::move(ports)};
  }
  static Bypass NotAllowed() { return {Kind::kNotAllowed}; }
};

// What a job hands a loss as its port `target`.
enum class LossTarget {
  kNone,       // a job cannot use the loss: it needs more than one column of targets
  kLikeInput,  // numbers of the prediction's type
  kClass,      // one class index per row: the prediction's shape without its class dimension
};

struct Example {
  std::vector<std::string>
      inputs;  // types such as `float32[2, 3]`; for variadic ports, one per value
  std::vector<std::pair<std::string, ParamValue>> params;
  std::vector<std::string> outputs;
};

struct NodeDef {
  std::string_view name;
  std::string_view category;
  int since_version = 1;
  std::string_view doc;
  std::vector<ParamSpec> params = {};
  std::vector<PortSpec> inputs = {{.name = "input"}};
  std::vector<OutputSpec> outputs = {{}};
  void (*body)(Body&) = nullptr;
  Python python;
  // Python's result is a tuple, also where one port is left of it.
  bool tuple_result = false;
  Bypass bypass = {};
  Example example;
  // For losses.
  LossTarget target = LossTarget::kNone;
  // Get alone: picks from a tuple or dict without a call; its body takes a part of a tensor.
  bool picks = false;
  // WeightOf alone: gives a weight of the node at its input; has no body and makes no call.
  bool reads_weight = false;
  // The types `aten.*` alone: the operator that is the whole body.
  const ir::OpDef* op = nullptr;

  const ParamSpec* FindParam(std::string_view param) const;
  int InputIndex(std::string_view port) const;   // -1 where unknown
  int OutputIndex(std::string_view port) const;  // -1 where unknown
  // What leaves by the output port of a bypassed node: an input port and the position in it, where
  // that is variadic; nothing where the output has no value then.
  std::optional<std::pair<int, int>> BypassOf(int output) const;
  // In words, for people.
  std::string BypassText() const;
  // Indices of the output ports that an instance with these parameters has.
  std::vector<int> ActiveOutputs(const Params& instance) const;
};

}  // namespace graphkiln::nodes
