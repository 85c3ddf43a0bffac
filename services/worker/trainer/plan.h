// An IR module made ready to run: operators looked up once in LibTorch's dispatcher, constant
// arguments built, values given slots and freed at their last use.
//
// Compiled once per job (services/worker/trainer/session), then read-only; executed by Executor.
// Thread-compatible.
#pragma once

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/ir/dim.h"
#include "common/ir/module.h"
#include "services/worker/trainer/protos.h"

namespace graphkiln::trainer {

/// How the executor makes one argument of a call.
struct PlanArgument {
  enum class Kind : uint8_t {
    kConstant,    // `constant` as it is
    kSlot,        // the value in `slot`
    kLastUse,     // the same, moved out: nothing reads the slot afterwards
    kFlag,        // the run-time training flag, negated or not, as bool; as number `constant` or 0
    kSize,        // the size expression numbered `slot`
    kTensorList,  // `items` as Tensor[]
    kOptionalList,  // `items` as Tensor?[]
    kIntList,       // `items` as int[]
  };
  Kind kind = Kind::kConstant;
  bool negated = false;
  bool as_number = false;
  int32_t slot = -1;
  c10::IValue constant;
  std::vector<PlanArgument> items;
};

struct PlanCall {
  c10::OperatorHandle op;
  std::vector<PlanArgument> args;
  std::vector<int32_t> outputs;  // slots, -1 where nobody reads the result
  bool returns_list = false;     // the one result is a list that fills all outputs
  int32_t source = -1;
};

struct PlanInput {
  std::string name;
  at::ScalarType dtype = at::kFloat;
  ir::Shape shape;
};

struct PlanOutput {
  std::string name;
  int32_t slot = -1;
};

class Plan {
 public:
  /// Refuses operators outside the allow-list, arguments that do not fit the schema and malformed
  /// modules (IR_INVALID). `device` is what device arguments become.
  static absl::StatusOr<Plan> Compile(const api::IrModule& module, c10::Device device);

  const std::vector<PlanInput>& inputs() const { return inputs_; }
  const std::vector<PlanCall>& calls() const { return calls_; }
  const std::vector<PlanOutput>& outputs() const { return outputs_; }
  const ir::Shape& sizes() const { return sizes_; }
  /// Input symbols in order of first occurrence; every size expression uses only these.
  const std::vector<std::string>& symbols() const { return symbols_; }
  /// What must hold of the symbols before the calls may run.
  const std::vector<ir::Assumption>& assumptions() const { return assumptions_; }
  /// For messages: ` for node "rows"`; empty where no node is known.
  std::string Needs(const ir::Assumption& assumption) const;
  /// Slots: inputs from 0, then parameters, then results.
  int num_slots() const { return num_slots_; }
  int first_parameter() const { return static_cast<int>(inputs_.size()); }
  int num_parameters() const { return num_parameters_; }
  /// For messages: `node "fc1" (Linear)`, with the operator.
  std::string Describe(const PlanCall& call) const;

 private:
  friend class PlanCompiler;

  std::vector<PlanInput> inputs_;
  std::vector<PlanCall> calls_;
  std::vector<PlanOutput> outputs_;
  ir::Shape sizes_;
  std::vector<std::string> symbols_;
  std::vector<ir::Assumption> assumptions_;
  std::vector<ir::Source> sources_;
  int num_slots_ = 0;
  int num_parameters_ = 0;
};

}  // namespace graphkiln::trainer
