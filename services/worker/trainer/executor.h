// Runs a Plan: one forward per call of Run, with or without autograd as the calling thread's grad
// mode says.
//
// Owned by one job; parameters are put in once and stay, inputs come with every run. Not
// thread-safe.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/stack.h>

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "services/worker/trainer/plan.h"

namespace graphkiln::trainer {

class Executor {
 public:
  /// `plan` must outlive the executor.
  explicit Executor(const Plan& plan);

  /// REQUIRES: as many tensors as the plan has parameters, in their order.
  void SetParameters(absl::Span<const at::Tensor> parameters);

  /// One pass. `inputs` in the plan's order; their sizes bind the symbols. On success `outputs`
  /// holds the results in order. Errors name the node of the failing call.
  absl::Status Run(absl::Span<const at::Tensor> inputs, bool training,
                   std::vector<at::Tensor>* outputs);

 private:
  absl::Status BindInputs(absl::Span<const at::Tensor> inputs);
  absl::Status BindSymbols(absl::Span<const at::Tensor> inputs);
  c10::IValue MakeValue(const PlanArgument& argument, bool training);
  void Execute(const PlanCall& call, bool training);
  void ReleaseResults();

  const Plan& plan_;
  std::vector<c10::IValue> slots_;
  torch::jit::Stack stack_;
  // Sizes of the inputs for which sizes_ was computed; equal sizes skip the work.
  std::vector<int64_t> bound_sizes_;
  std::vector<int64_t> sizes_;
};

}  // namespace graphkiln::trainer
