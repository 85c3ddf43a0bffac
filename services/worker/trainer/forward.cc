#include "services/worker/trainer/forward.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/tensors/safetensors.h"
#include "services/worker/trainer/dtype.h"
#include "services/worker/trainer/executor.h"
#include "services/worker/trainer/failure.h"
#include "services/worker/trainer/parameters.h"
#include "services/worker/trainer/plan.h"
#include "services/worker/trainer/results.h"
#include "services/worker/trainer/tensor_file.h"
#include "services/worker/trainer/torch_guard.h"

namespace graphkiln::trainer {
namespace {

absl::StatusOr<std::vector<at::Tensor>> ReadInputs(const std::string& path, const Plan& plan,
                                                   c10::Device device) {
  const absl::StatusOr<tensors::SafetensorsFile> file = tensors::SafetensorsFile::Open(path);
  if (!file.ok()) return InputFault(reason::kDataInvalid, file.status());
  std::vector<at::Tensor> inputs;
  for (const PlanInput& input : plan.inputs()) {
    const tensors::TensorView* view = file->Find(input.name);
    if (view == nullptr) {
      return UserFault(reason::kDataInvalid,
                       fmt::format("the inputs hold no tensor {}", QuoteForMessage(input.name)));
    }
    absl::StatusOr<at::Tensor> tensor = CopyTensor(*view);
    if (!tensor.ok()) return InputFault(reason::kDataInvalid, tensor.status());
    inputs.push_back(tensor->to(device));
  }
  for (const tensors::NamedTensor& item : file->tensors()) {
    bool known = false;
    for (const PlanInput& input : plan.inputs()) known = known || input.name == item.name;
    if (!known) {
      return UserFault(reason::kDataInvalid,
                       fmt::format("the model has no input {}", QuoteForMessage(item.name)));
    }
  }
  return inputs;
}

}  // namespace

absl::Status RunForwardOnce(const v1::RunForward& request, c10::Device device, Clock& clock,
                            v1::Finished* finished) {
  ASSIGN_OR_RETURN(const Plan plan, Plan::Compile(request.ir(), device));
  ASSIGN_OR_RETURN(Parameters parameters, Parameters::Create(request.ir(), device));
  // What the file does not hold (buffers outside the state_dict) has its first value.
  RETURN_IF_ERROR(parameters.Initialise(request.seed()));
  RETURN_IF_ERROR(parameters.Load(request.weights_path()));
  ASSIGN_OR_RETURN(const std::vector<at::Tensor> inputs,
                   ReadInputs(request.inputs_path(), plan, device));
  at::manual_seed(request.seed());
  Executor executor(plan);
  executor.SetParameters(parameters.tensors());
  std::vector<at::Tensor> outputs;
  const at::NoGradGuard no_grad;
  const absl::Duration begin = clock.Monotonic();
  RETURN_IF_ERROR(executor.Run(inputs, request.train_mode(), &outputs));
  finished->set_seconds(absl::ToDoubleSeconds(clock.Monotonic() - begin));

  std::vector<NamedTensor> named;
  for (size_t i = 0; i < outputs.size(); ++i) {
    // Two outputs may be one value or views of one memory: each file entry gets its own bytes.
    named.push_back({plan.outputs()[i].name, outputs[i]});
    v1::OutputSpec* output = finished->add_outputs();
    output->set_name(named.back().name);
    *output->mutable_spec() = SpecOf(outputs[i]);
  }
  absl::Status written;
  RETURN_IF_ERROR(
      CatchTorch([] { return std::string("writing the outputs"); },
                 [&] { written = WriteTensorFile(request.outputs_path(), named, {}); }));
  RETURN_IF_ERROR(FileFault(written));
  finished->mutable_measured()->set_peak_bytes(PeakResidentBytes());
  return absl::OkStatus();
}

}  // namespace graphkiln::trainer
