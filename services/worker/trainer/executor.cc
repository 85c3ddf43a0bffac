#include "services/worker/trainer/executor.h"

#include <ATen/core/List.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>
#include <string>
#include <utility>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "services/worker/trainer/failure.h"
#include "services/worker/trainer/torch_guard.h"

namespace graphkiln::trainer {
namespace {

absl::Status WrongShape(const PlanInput& input, const at::Tensor& tensor) {
  return UserFault(reason::kDataInvalid,
                   fmt::format("input {} must be {}, found [{}]", QuoteForMessage(input.name),
                               ir::ShapeText(input.shape), fmt::join(tensor.sizes().vec(), ", ")));
}

}  // namespace

Executor::Executor(const Plan& plan)
    : plan_(plan), slots_(static_cast<size_t>(plan.num_slots())), sizes_(plan.sizes().size()) {}

void Executor::SetParameters(absl::Span<const at::Tensor> parameters) {
  size_t slot = static_cast<size_t>(plan_.first_parameter());
  for (const at::Tensor& parameter : parameters) slots_[slot++] = parameter;
}

absl::Status Executor::Run(absl::Span<const at::Tensor> inputs, bool training,
                           std::vector<at::Tensor>* outputs) {
  RETURN_IF_ERROR(BindInputs(inputs));
  size_t next = 0;
  const std::vector<PlanCall>& calls = plan_.calls();
  const absl::Status status = CatchTorch(
      [&] { return next < calls.size() ? plan_.Describe(calls[next]) : std::string("outputs"); },
      [&] {
        for (; next < calls.size(); ++next) Execute(calls[next], training);
        outputs->clear();
        for (const PlanOutput& output : plan_.outputs()) {
          outputs->push_back(slots_[static_cast<size_t>(output.slot)].toTensor());
        }
      });
  ReleaseResults();
  return status;
}

absl::Status Executor::BindInputs(absl::Span<const at::Tensor> inputs) {
  const std::vector<PlanInput>& wanted = plan_.inputs();
  if (inputs.size() != wanted.size()) {
    return UserFault(reason::kDataInvalid,
                     fmt::format("{} inputs wanted, {} given", wanted.size(), inputs.size()));
  }
  bool same = true;
  size_t position = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].scalar_type() != wanted[i].dtype) {
      return UserFault(
          reason::kDataInvalid,
          fmt::format("input {} must be {}, found {}", QuoteForMessage(wanted[i].name),
                      c10::toString(wanted[i].dtype), c10::toString(inputs[i].scalar_type())));
    }
    if (inputs[i].dim() != static_cast<int64_t>(wanted[i].shape.size())) {
      return WrongShape(wanted[i], inputs[i]);
    }
    for (const int64_t size : inputs[i].sizes()) {
      if (position == bound_sizes_.size()) {
        bound_sizes_.push_back(size);
        same = false;
      } else if (bound_sizes_[position] != size) {
        bound_sizes_[position] = size;
        same = false;
      }
      ++position;
    }
    slots_[i] = inputs[i];
  }
  if (same && position == bound_sizes_.size()) return absl::OkStatus();
  const absl::Status status = BindSymbols(inputs);
  if (!status.ok()) bound_sizes_.clear();
  return status;
}

absl::Status Executor::BindSymbols(absl::Span<const at::Tensor> inputs) {
  StringMap<int64_t> symbols;
  const auto lookup = [&](std::string_view name) -> std::optional<int64_t> {
    const auto found = symbols.find(name);
    if (found == symbols.end()) return std::nullopt;
    return found->second;
  };
  for (size_t i = 0; i < inputs.size(); ++i) {
    const PlanInput& input = plan_.inputs()[i];
    for (size_t d = 0; d < input.shape.size(); ++d) {
      if (!input.shape[d].IsSymbol()) continue;
      const int64_t size = inputs[i].size(static_cast<int64_t>(d));
      const auto [entry, added] = symbols.try_emplace(input.shape[d].ToString(), size);
      if (!added && entry->second != size) return WrongShape(input, inputs[i]);
    }
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    const PlanInput& input = plan_.inputs()[i];
    for (size_t d = 0; d < input.shape.size(); ++d) {
      const absl::StatusOr<int64_t> size = input.shape[d].Evaluate(lookup);
      if (!size.ok()) return InputFault(reason::kIrInvalid, size.status());
      if (*size != inputs[i].size(static_cast<int64_t>(d))) return WrongShape(input, inputs[i]);
    }
  }
  for (const ir::Assumption& assumption : plan_.assumptions()) {
    const absl::StatusOr<bool> holds = assumption.Holds(lookup);
    if (!holds.ok()) return InputFault(reason::kIrInvalid, holds.status());
    if (*holds) continue;
    const absl::StatusOr<int64_t> size = assumption.size.Evaluate(lookup);
    return UserFault(reason::kDataInvalid,
                     fmt::format("the program is made for inputs where {}{}; here {} is {}",
                                 assumption.ToString(), plan_.Needs(assumption),
                                 assumption.size.ToString(), size.value_or(0)));
  }
  for (size_t i = 0; i < sizes_.size(); ++i) {
    const absl::StatusOr<int64_t> size = plan_.sizes()[i].Evaluate(lookup);
    if (!size.ok()) return InputFault(reason::kIrInvalid, size.status());
    sizes_[i] = *size;
  }
  return absl::OkStatus();
}

c10::IValue Executor::MakeValue(const PlanArgument& argument, bool training) {
  using Kind = PlanArgument::Kind;
  switch (argument.kind) {
    case Kind::kConstant:
      return argument.constant;
    case Kind::kSlot:
      return slots_[static_cast<size_t>(argument.slot)];
    case Kind::kLastUse:
      return std::exchange(slots_[static_cast<size_t>(argument.slot)], c10::IValue());
    case Kind::kFlag: {
      const bool flag = training != argument.negated;
      if (!argument.as_number) return flag;
      if (flag) return argument.constant;
      return argument.constant.isDouble() ? c10::IValue(0.0) : c10::IValue(int64_t{0});
    }
    case Kind::kSize:
      return sizes_[static_cast<size_t>(argument.slot)];
    case Kind::kTensorList: {
      c10::List<at::Tensor> list;
      list.reserve(argument.items.size());
      for (const PlanArgument& item : argument.items) {
        list.push_back(MakeValue(item, training).toTensor());
      }
      return list;
    }
    case Kind::kOptionalList: {
      c10::List<std::optional<at::Tensor>> list;
      list.reserve(argument.items.size());
      for (const PlanArgument& item : argument.items) {
        list.push_back(MakeValue(item, training).toOptional<at::Tensor>());
      }
      return list;
    }
    case Kind::kIntList: {
      c10::List<int64_t> list;
      list.reserve(argument.items.size());
      for (const PlanArgument& item : argument.items) {
        list.push_back(MakeValue(item, training).toInt());
      }
      return list;
    }
  }
  return {};
}

void Executor::Execute(const PlanCall& call, bool training) {
  stack_.clear();
  for (const PlanArgument& argument : call.args) stack_.push_back(MakeValue(argument, training));
  call.op.callBoxed(stack_);
  if (call.returns_list) {
    const c10::List<c10::IValue> list = stack_[0].toList();
    TORCH_CHECK(list.size() == call.outputs.size(), "the operator returned ", list.size(),
                " values, ", call.outputs.size(), " expected");
    for (size_t i = 0; i < call.outputs.size(); ++i) {
      if (call.outputs[i] >= 0) slots_[static_cast<size_t>(call.outputs[i])] = list.get(i);
    }
  } else {
    for (size_t i = 0; i < call.outputs.size(); ++i) {
      if (call.outputs[i] >= 0) {
        slots_[static_cast<size_t>(call.outputs[i])] = std::move(stack_[i]);
      }
    }
  }
  stack_.clear();
}

// Nothing of a run stays but the parameters: inputs and results are the caller's now, and after an
// error half a graph must not linger.
void Executor::ReleaseResults() {
  stack_.clear();
  const size_t first = static_cast<size_t>(plan_.first_parameter());
  const size_t last = first + static_cast<size_t>(plan_.num_parameters());
  for (size_t i = 0; i < first; ++i) slots_[i] = {};
  for (size_t i = last; i < slots_.size(); ++i) slots_[i] = {};
}

}  // namespace graphkiln::trainer
