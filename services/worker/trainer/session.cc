#include "services/worker/trainer/session.h"

#include <c10/core/Device.h>

#include <memory>
#include <string>
#include <utility>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "services/worker/trainer/channel.h"
#include "services/worker/trainer/failure.h"
#include "services/worker/trainer/forward.h"
#include "services/worker/trainer/process.h"
#include "services/worker/trainer/setup.h"
#include "services/worker/trainer/smoke.h"
#include "services/worker/trainer/training_loop.h"

namespace graphkiln::trainer {
namespace {

absl::StatusOr<c10::Device> DeviceOf(const api::JobSpec& job) {
  const std::string& wanted = job.resources().device();
  if (wanted.empty() || wanted == "any" || wanted == "cpu") return c10::Device(c10::kCPU);
  return UserFault(reason::kUnsupported, "this trainer has no device " + wanted);
}

absl::Status Train(const v1::StartTraining& start, Channel& channel, Clock& clock,
                   v1::Finished* finished) {
  const api::JobSpec& job = start.job();
  ASSIGN_OR_RETURN(const c10::Device device, DeviceOf(job));
  RETURN_IF_ERROR(FileFault(MakeDirs(start.work_dir())));
  SetComputeThreads(job.resources().cores());
  SeedGenerators(job.seed());
  // Data may take long to load; nothing is lost by ending meanwhile.
  absl::StatusOr<std::unique_ptr<Setup>> setup = Setup::Create(start, device, [&] {
    const Wishes& wishes = channel.Poll();
    return wishes.cancel || wishes.release;
  });
  if (absl::IsCancelled(setup.status()) && !channel.wishes().cancel) {
    finished->set_outcome(v1::Finished::OUTCOME_RELEASED);
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(setup.status());
  switch (job.kind()) {
    case api::JOB_KIND_TRAIN:
      return TrainingLoop(**setup, channel, clock).Run(finished);
    case api::JOB_KIND_SMOKE:
      return RunSmoke(**setup, channel, finished);
    default:
      return UserFault(reason::kUnsupported,
                       "jobs of kind " + api::JobKind_Name(job.kind()) + " are not implemented");
  }
}

absl::Status Obey(const v1::TrainerCommand& command, Channel& channel, Clock& clock,
                  v1::Finished* finished) {
  switch (command.kind_case()) {
    case v1::TrainerCommand::kTrain:
      return Train(command.train(), channel, clock, finished);
    case v1::TrainerCommand::kForward:
      SetComputeThreads(1);
      return RunForwardOnce(command.forward(), c10::Device(c10::kCPU), clock, finished);
    case v1::TrainerCommand::kCancel:
    case v1::TrainerCommand::kCheckpointAndStop:
    case v1::TrainerCommand::kFinishEarly:
      return absl::CancelledError("CANCELLED: stopped before the start");
    default:
      return absl::InternalError("INTERNAL: the first command starts nothing");
  }
}

}  // namespace

int ServeSession(worker::Fd socket, Clock& clock) {
  Channel channel(std::move(socket), clock);
  const absl::StatusOr<v1::TrainerCommand> command = channel.ReadCommand();
  if (!command.ok()) {
    // Closed unused: the daemon needed no trainer after all.
    return worker::IsEndOfStream(command.status()) ? 0 : 1;
  }
  v1::Finished finished;
  const absl::Status status = Obey(*command, channel, clock, &finished);
  if (finished.outcome() == v1::Finished::OUTCOME_UNSPECIFIED) {
    finished.set_outcome(OutcomeOf(status));
    finished.set_reason(std::string(MessageOf(status)));
  }
  // A reason may quote bytes from files; protobuf refuses a message whose text is not UTF-8.
  if (!IsValidUtf8(finished.reason()))
    finished.set_reason(QuoteForMessage(finished.reason(), 1024));
  if (!status.ok() && !absl::IsCancelled(status)) KILN_ERROR("{}", MessageOf(status));
  const absl::Status sent = channel.SendFinished(finished);
  if (!sent.ok()) KILN_WARN("the end could not be reported: {}", MessageOf(sent));
  return sent.ok() ? 0 : 1;
}

}  // namespace graphkiln::trainer
