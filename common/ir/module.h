// The ATen-level IR in memory: a flat list of operator calls on numbered values.
//
// Built by the compiler, rewritten by passes, checked by the verifier, sent as v1::IrModule,
// executed by the trainer. A plain value: copyable, no threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "common/base/boxed.h"
#include "common/ir/assumptions.h"
#include "common/ir/types.h"
#include "graphkiln/v1/ir.pb.h"

namespace graphkiln::ir {

struct OpDef;

struct ValueId {
  int32_t index = -1;
  bool valid() const { return index >= 0; }
  friend bool operator==(ValueId a, ValueId b) { return a.index == b.index; }
  friend bool operator!=(ValueId a, ValueId b) { return a.index != b.index; }
};

// Nearly always one: kept in place.
using ValueIds = absl::InlinedVector<ValueId, 4>;

// Run-time values that are no constants.
struct NoneArg {};
// The run-time flag; as a number `value` or 0.
struct TrainingArg {
  double value = 1;
};
struct NotTrainingArg {};
struct DeviceArg {};  // the device of the run

// One argument of a call: two words, as a large module has millions. Lists are shared by copies.
class Argument {
 public:
  using List = std::vector<Argument>;
  Argument() = default;
  Argument(ValueId v) : v_(v) {}       // NOLINT: arguments are written as plain C++ values
  Argument(bool v) : v_(v) {}          // NOLINT
  Argument(int v) : v_(int64_t{v}) {}  // NOLINT
  Argument(int64_t v) : v_(v) {}       // NOLINT
  Argument(double v) : v_(v) {}        // NOLINT
  Argument(const char* v) : Argument(std::string(v)) {}  // NOLINT
  Argument(std::string v) : v_(Boxed(std::move(v))) {}   // NOLINT
  Argument(DataType v) : v_(v) {}                        // NOLINT
  Argument(TrainingArg v) : v_(v) {}                     // NOLINT
  Argument(NotTrainingArg v) : v_(v) {}                  // NOLINT
  Argument(DeviceArg v) : v_(v) {}                       // NOLINT
  Argument(List v) : v_(Boxed(std::move(v))) {}          // NOLINT
  // A size; plain numbers are stored as numbers.
  Argument(const Dim& v) {  // NOLINT
    if (v.IsConst()) {
      v_ = v.value();
    } else {
      v_ = v;
    }
  }
  Argument(const std::vector<int64_t>& v) : Argument(List(v.begin(), v.end())) {}  // NOLINT
  Argument(const Shape& v) : Argument(List(v.begin(), v.end())) {}                 // NOLINT

  bool IsNone() const { return std::holds_alternative<NoneArg>(v_); }
  template <class T>
  const T* As() const {
    if constexpr (kBoxed<T>) {
      const auto* box = std::get_if<Boxed<T>>(&v_);
      return box != nullptr ? &**box : nullptr;
    } else {
      return std::get_if<T>(&v_);
    }
  }
  template <class T>
  T* As() {
    if constexpr (kBoxed<T>) {
      auto* box = std::get_if<Boxed<T>>(&v_);
      return box != nullptr ? &box->Mutable() : nullptr;
    } else {
      return std::get_if<T>(&v_);
    }
  }

 private:
  template <class T>
  static constexpr bool kBoxed = std::is_same_v<T, List> || std::is_same_v<T, std::string>;

  std::variant<NoneArg, ValueId, bool, int64_t, double, Boxed<std::string>, Dim, DataType,
               Boxed<List>, TrainingArg, NotTrainingArg, DeviceArg>
      v_;
};
static_assert(sizeof(Argument) == 2 * sizeof(void*));

// Calls `visit(ValueId&)` for every value in the argument, also in lists (one level of nesting, as
// in ATen schemas). An argument that may be changed gives up what it shares: pass a const one to
// look.
template <class Arg, class F>
void VisitValues(Arg& argument, F&& visit) {
  if (auto* value = argument.template As<ValueId>()) {
    visit(*value);
  } else if (auto* list = argument.template As<Argument::List>()) {
    for (auto& item : *list) {
      if (auto* inner = item.template As<ValueId>()) visit(*inner);
    }
  }
}

enum class ValueKind { kTensor, kInt, kFloat, kBool };

struct Value {
  ValueKind kind = ValueKind::kTensor;
  TensorType type;  // for tensors
};

struct Initializer {
  enum class Kind { kConstant, kUniform, kNormal, kArange, kValues };
  Kind kind = Kind::kConstant;
  double a = 0;  // constant: value; uniform: low; normal: mean
  double b = 0;  // uniform: high; normal: std
  std::optional<int64_t> zero_row;
  std::vector<double> values = {};  // for kValues: one per element

  static Initializer Constant(double v) { return {Kind::kConstant, v, 0, {}}; }
  static Initializer Uniform(double bound) { return {Kind::kUniform, -bound, bound, {}}; }
  static Initializer Normal(double mean, double std) { return {Kind::kNormal, mean, std, {}}; }
  static Initializer Values(std::vector<double> values) {
    return {Kind::kValues, 0, 0, {}, std::move(values)};
  }
};

struct Input {
  std::string name;
  ValueId value;
};

struct Parameter {
  std::string key;  // state_dict key
  ValueId value;
  Initializer init;
  bool buffer = false;
  bool trainable = true;
  bool persistent = true;
};

struct Call {
  const OpDef* op = nullptr;
  std::vector<Argument> args;  // in the schema's order, complete
  ValueIds outputs;
  int32_t source = -1;  // index into Module::sources
};

struct Output {
  std::string name;
  ValueId value;
};

struct Source {
  std::string node;  // the user's node id
  std::string path;  // path inside composites
  std::string type;
};

struct Module {
  std::string name;
  std::vector<Input> inputs;
  std::vector<Parameter> parameters;
  std::vector<Call> calls;
  std::vector<Value> values;
  std::vector<Output> outputs;
  std::vector<Source> sources;
  Assumptions assumptions;  // of open sizes, by the calls
  int64_t sizes = 0;        // weights of all sizes that calls gave; see call_builder.h

  // Fetches the arguments of a call that is looked at soon: in a large module they lie anywhere.
  void Prefetch(size_t call) const {
    if (call < calls.size()) __builtin_prefetch(calls[call].args.data());
  }

  const TensorType& type(ValueId id) const { return values[static_cast<size_t>(id.index)].type; }
  ValueId AddValue(Value value) {
    values.push_back(std::move(value));
    return ValueId{static_cast<int32_t>(values.size()) - 1};
  }
};

// Symbols in the inputs' shapes, in order of first occurrence.
std::vector<std::string> InputSymbols(const Module& module);

// Numbers the values canonically: inputs, parameters, outputs of calls.
v1::IrModule ToProto(const Module& module);
// Refuses unknown operators, malformed types, values out of range; run Verify on the result.
absl::StatusOr<Module> FromProto(const v1::IrModule& proto);

// One line per input, parameter, call and output; for people and goldens.
std::string ToText(const Module& module);

}  // namespace graphkiln::ir
