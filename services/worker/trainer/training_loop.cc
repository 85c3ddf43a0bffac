#include "services/worker/trainer/training_loop.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "common/base/file.h"
#include "common/base/status.h"
#include "services/worker/trainer/checkpoint.h"
#include "services/worker/trainer/failure.h"
#include "services/worker/trainer/results.h"
#include "services/worker/trainer/torch_guard.h"

namespace graphkiln::trainer {
namespace {

// Periodic checkpoints that the daemon has not committed yet; beyond that the next one is left out,
// so a slow upload fills neither the disk nor the time of training.
constexpr int kMaxUncommitted = 4;
constexpr absl::Duration kSystemEvery = absl::Seconds(2);

absl::Status Cancelled() { return absl::CancelledError("CANCELLED: cancelled"); }

double CpuSeconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

TrainingLoop::TrainingLoop(Setup& setup, Channel& channel, Clock& clock)
    : setup_(setup),
      channel_(channel),
      clock_(clock),
      job_(setup.job()),
      progress_(setup.progress()),
      first_step_(progress_.step),
      seconds_before_(progress_.train_seconds),
      start_(clock.Monotonic()),
      last_report_(start_),
      last_cpu_seconds_(CpuSeconds()) {}

absl::Status TrainingLoop::Run(v1::Finished* finished) {
  channel_.SendStarted(TotalSteps(), progress_.step);
  const auto finish = [&](v1::Finished::Outcome outcome, const absl::Status& status) {
    finished->set_outcome(outcome);
    finished->set_reason(std::string(MessageOf(status)));
    finished->set_step(progress_.step);
    finished->set_epoch(progress_.epochs_done);
    finished->set_stopped_early(stopped_early_);
    for (const auto& [name, value] : progress_.metrics)
      (*finished->mutable_metrics())[name] = value;
    finished->mutable_measured()->set_peak_bytes(PeakResidentBytes());
    finished->mutable_measured()->set_steps_per_second(StepsPerSecond());
    return status;
  };
  const absl::StatusOr<End> end = Train();
  progress_.train_seconds = SecondsSoFar();
  if (!end.ok()) return finish(OutcomeOf(end.status()), end.status());
  if (*end == End::kReleased) {
    return finish(v1::Finished::OUTCOME_RELEASED, absl::OkStatus());
  }
  // A run that ends inside an epoch has no validation of its last step yet.
  absl::Status status;
  if (validated_step_ != progress_.step && setup_.validation().rows > 0) {
    status = Evaluate(setup_.validation(), "val_", &progress_.metrics);
  }
  if (status.ok()) status = Evaluate(setup_.test(), "test_", &progress_.metrics);
  if (!status.ok()) return finish(OutcomeOf(status), status);
  (void)finish(v1::Finished::OUTCOME_SUCCEEDED, absl::OkStatus());
  status = WriteResults(setup_, progress_, finished);
  return finish(OutcomeOf(status), status);
}

absl::StatusOr<TrainingLoop::End> TrainingLoop::Train() {
  Batches& batches = setup_.batches();
  while (!LimitReached()) {
    RETURN_IF_ERROR(CatchTorch([] { return std::string("shuffling"); },
                               [&] { batches.BeginEpoch(progress_.epoch()); }));
    const double rate = setup_.schedule().RateAt(progress_.epoch());
    while (progress_.position < batches.rows() && !LimitReached()) {
      const Wishes& wishes = channel_.Poll();
      if (wishes.cancel) return Cancelled();
      if (wishes.any()) {
        progress_.train_seconds = SecondsSoFar();
        RETURN_IF_ERROR(WriteCheckpoint(/*best=*/false, /*required=*/true));
        if (wishes.release) return End::kReleased;
        stopped_early_ = true;
        return End::kDone;
      }
      RETURN_IF_ERROR(Step(rate));
      const int64_t every = job_.checkpoint().every_steps();
      if (every > 0 && progress_.step % every == 0) {
        RETURN_IF_ERROR(WriteCheckpoint(/*best=*/false, /*required=*/false));
      }
    }
    if (progress_.position < batches.rows()) break;
    RETURN_IF_ERROR(FinishEpoch());
  }
  return End::kDone;
}

absl::Status TrainingLoop::Step(double rate) {
  const absl::Duration begin = clock_.Monotonic();
  Table batch;
  RETURN_IF_ERROR(CatchTorch([] { return std::string("making a batch"); },
                             [&] { batch = setup_.batches().At(progress_.position); }));
  const int64_t step = progress_.step + 1;
  const absl::StatusOr<double> loss = setup_.TrainStep(batch, rate, step);
  if (!loss.ok()) return loss.status();
  progress_.step = step;
  progress_.position += batch.rows;
  progress_.loss_sum += setup_.evaluator().LossSum(*loss, batch.rows);
  progress_.loss_rows += batch.rows;
  if (step != first_step_ + 1) stepping_ += clock_.Monotonic() - begin;
  channel_.EmitStep(step, progress_.epoch(), *loss, rate);
  ReportSystem();
  return absl::OkStatus();
}

absl::Status TrainingLoop::FinishEpoch() {
  std::map<std::string, double>& metrics = progress_.metrics;
  metrics["train_loss"] = progress_.loss_sum / static_cast<double>(progress_.loss_rows);
  api::Event event;
  api::EpochEvent* epoch = event.mutable_epoch();
  epoch->set_epoch(progress_.epoch());
  epoch->set_total_epochs(TotalEpochs());
  epoch->set_train_loss(metrics["train_loss"]);
  epoch->set_step(progress_.step);
  if (setup_.validation().rows > 0) {
    std::map<std::string, double> values;
    RETURN_IF_ERROR(Evaluate(setup_.validation(), "val_", &values));
    validated_step_ = progress_.step;
    for (const auto& [name, value] : values) {
      metrics[name] = value;
      if (name == "val_loss") {
        epoch->set_val_loss(value);
      } else {
        (*epoch->mutable_metrics())[name] = value;
      }
    }
  }
  channel_.Emit(std::move(event));
  ++progress_.epochs_done;
  progress_.position = 0;
  progress_.loss_sum = 0;
  progress_.loss_rows = 0;
  const bool best = IsBest();
  const int64_t every = job_.checkpoint().every_epochs();
  if (best || (every > 0 && progress_.epochs_done % every == 0)) {
    return WriteCheckpoint(best, /*required=*/best);
  }
  return absl::OkStatus();
}

absl::Status TrainingLoop::Evaluate(const Table& part, const std::string& prefix,
                                    std::map<std::string, double>* values) {
  return setup_.evaluator().Run(part, prefix, [&] { return channel_.Poll().cancel; }, values);
}

bool TrainingLoop::IsBest() {
  if (!job_.checkpoint().has_best()) return false;
  const auto found = progress_.metrics.find(job_.checkpoint().best().metric());
  if (found == progress_.metrics.end() || !std::isfinite(found->second)) return false;
  const bool larger = job_.checkpoint().best().mode() == "max";
  if (progress_.best.has_value() &&
      (larger ? found->second <= *progress_.best : found->second >= *progress_.best)) {
    return false;
  }
  progress_.best = found->second;
  return true;
}

absl::Status TrainingLoop::WriteCheckpoint(bool best, bool required) {
  if (!required && channel_.uncommitted() >= kMaxUncommitted) {
    channel_.Log("warning", fmt::format("checkpoint at step {} left out: {} wait for their upload",
                                        progress_.step, channel_.uncommitted()));
    return absl::OkStatus();
  }
  progress_.train_seconds = SecondsSoFar();
  const std::string path =
      JoinPath(setup_.start().work_dir(),
               fmt::format("checkpoint-{}-{}.safetensors", progress_.step, checkpoint_number_++));
  ASSIGN_OR_RETURN(
      v1::CheckpointWritten description,
      trainer::WriteCheckpoint(path, {&job_, &setup_.parameters(), &setup_.optimizer()}, progress_,
                               setup_.normalizer()));
  description.set_best(best);
  channel_.SendCheckpoint(description);
  return absl::OkStatus();
}

bool TrainingLoop::LimitReached() const {
  if (job_.epochs() > 0 && progress_.epochs_done >= job_.epochs()) return true;
  if (job_.steps() > 0 && progress_.step >= job_.steps()) return true;
  if (!job_.has_time_limit()) return false;
  const double limit = static_cast<double>(job_.time_limit().seconds()) +
                       static_cast<double>(job_.time_limit().nanos()) * 1e-9;
  return limit > 0 && SecondsSoFar() >= limit;
}

int64_t TrainingLoop::TotalSteps() const {
  int64_t total = job_.steps();
  if (job_.epochs() > 0) {
    int64_t by_epochs = 0;
    if (__builtin_mul_overflow(job_.epochs(), setup_.batches().steps_per_epoch(), &by_epochs)) {
      by_epochs = std::numeric_limits<int64_t>::max();  // never reached
    }
    total = total > 0 ? std::min(total, by_epochs) : by_epochs;
  }
  return total;
}

int64_t TrainingLoop::TotalEpochs() const {
  const int64_t per_epoch = setup_.batches().steps_per_epoch();
  const int64_t steps = TotalSteps();
  return steps / per_epoch + (steps % per_epoch > 0 ? 1 : 0);
}

double TrainingLoop::SecondsSoFar() const {
  return seconds_before_ + absl::ToDoubleSeconds(clock_.Monotonic() - start_);
}

double TrainingLoop::StepsPerSecond() const {
  const int64_t counted = progress_.step - first_step_ - 1;
  const double seconds = absl::ToDoubleSeconds(stepping_);
  return counted > 0 && seconds > 0 ? static_cast<double>(counted) / seconds : 0;
}

void TrainingLoop::ReportSystem() {
  const absl::Duration now = clock_.Monotonic();
  if (now - last_report_ < kSystemEvery) return;
  const double cpu = CpuSeconds();
  api::Event event;
  auto& values = *event.mutable_system()->mutable_values();
  values["cpu_ratio"] = (cpu - last_cpu_seconds_) / absl::ToDoubleSeconds(now - last_report_);
  values["peak_rss_bytes"] = static_cast<double>(PeakResidentBytes());
  last_report_ = now;
  last_cpu_seconds_ = cpu;
  channel_.Emit(std::move(event));
}

}  // namespace graphkiln::trainer
