#include "services/worker/trainer/smoke.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "services/worker/trainer/failure.h"
#include "services/worker/trainer/results.h"
#include "services/worker/trainer/torch_guard.h"

namespace graphkiln::trainer {
namespace {

constexpr int64_t kDefaultSteps = 50;
// The loss must fall by this share of its first value.
constexpr double kLeastFall = 0.1;
constexpr std::string_view kSmokeFailed = "SMOKE_FAILED";

// Names of parameters whose gradient is absent, zero everywhere or not finite.
std::vector<std::string> DeadParameters(const Parameters& parameters) {
  std::vector<std::string> findings;
  for (const NamedTensor& parameter : parameters.Trainable()) {
    const at::Tensor& gradient = parameter.tensor.grad();
    const std::string name = QuoteForMessage(parameter.name);
    if (!gradient.defined()) {
      findings.push_back(fmt::format("parameter {} receives no gradient", name));
    } else if (!gradient.isfinite().all().item<bool>()) {
      findings.push_back(fmt::format("the gradient of parameter {} is not finite", name));
    } else if (!gradient.any().item<bool>()) {
      findings.push_back(fmt::format("the gradient of parameter {} is zero", name));
    }
  }
  return findings;
}

}  // namespace

absl::Status RunSmoke(Setup& setup, Channel& channel, v1::Finished* finished) {
  const int64_t configured = setup.job().smoke().overfit_steps();
  const int64_t steps = configured > 0 ? configured : kDefaultSteps;
  channel.SendStarted(steps, 0);
  api::Event event;
  api::VerdictEvent* verdict = event.mutable_verdict();
  double first = 0;
  double last = 0;
  bool released = false;
  const auto run = [&]() -> absl::Status {
    Table batch;
    RETURN_IF_ERROR(CatchTorch([] { return std::string("making a batch"); },
                               [&] {
                                 setup.batches().BeginEpoch(1);
                                 batch = setup.batches().At(0);
                               }));
    for (int64_t step = 1; step <= steps; ++step) {
      const Wishes& wishes = channel.Poll();
      if (wishes.cancel) return absl::CancelledError("CANCELLED: cancelled");
      if (wishes.release) {
        // So short a run has no checkpoint; the next one starts anew.
        released = true;
        return absl::OkStatus();
      }
      // The gradients of one step are the least that a verdict can stand on.
      if (wishes.finish_early && step > 1) {
        finished->set_stopped_early(true);
        return absl::OkStatus();
      }
      ASSIGN_OR_RETURN(last, setup.TrainStep(batch, setup.optimizer().base_rate(), step));
      finished->set_step(step);
      channel.EmitStep(step, 1, last, setup.optimizer().base_rate());
      if (step > 1) continue;
      first = last;
      RETURN_IF_ERROR(CatchTorch([] { return std::string("looking at gradients"); },
                                 [&] {
                                   for (std::string& finding : DeadParameters(setup.parameters())) {
                                     verdict->add_findings(std::move(finding));
                                   }
                                 }));
    }
    return absl::OkStatus();
  };
  absl::Status status = run();
  if (released) {
    finished->set_outcome(v1::Finished::OUTCOME_RELEASED);
    return absl::OkStatus();
  }
  if (status.ok()) {
    const bool fell = last <= first * (1 - kLeastFall) || last < 1e-6;
    const std::string finding =
        fmt::format("loss went from {:.6g} to {:.6g} in {} steps on one batch of {} rows", first,
                    last, finished->step(), setup.batches().batch_size());
    verdict->add_findings(finding);
    if (finished->stopped_early()) {
      verdict->add_findings(
          fmt::format("stopped early, after {} of {} steps", finished->step(), steps));
    }
    verdict->set_passed(fell);
    // Who stops it before its time has the verdict so far, not a failure.
    if (!fell && !finished->stopped_early()) status = UserFault(kSmokeFailed, finding);
  } else if (!absl::IsCancelled(status)) {
    verdict->add_findings(std::string(MessageOf(status)));
  }
  if (!absl::IsCancelled(status)) {
    channel.Emit(std::move(event));
  }
  (*finished->mutable_metrics())["first_loss"] = first;
  (*finished->mutable_metrics())["last_loss"] = last;
  finished->set_outcome(OutcomeOf(status));
  finished->set_reason(std::string(MessageOf(status)));
  finished->mutable_measured()->set_peak_bytes(PeakResidentBytes());
  return status;
}

}  // namespace graphkiln::trainer
