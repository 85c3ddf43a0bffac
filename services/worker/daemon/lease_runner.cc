#include "services/worker/daemon/lease_runner.h"

#include <signal.h>

#include <algorithm>
#include <utility>

#include "common/base/log.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "fmt/format.h"
#include "services/worker/daemon/backoff.h"
#include "services/worker/daemon/event_time.h"
#include "services/worker/daemon/trainer_mailbox.h"

namespace graphkiln::worker {
namespace {

using trainer::v1::CheckpointWritten;
using trainer::v1::StartTraining;
using trainer::v1::TrainerCommand;
using v1::FinishLeaseRequest;

/// Attempts where the coordinator answers, but with an error that repeating is not known to cure.
constexpr int kAttempts = 3;

TrainerCommand CommandFor(StopKind kind) {
  TrainerCommand command;
  if (kind == StopKind::kFinishEarly) {
    command.mutable_finish_early();
  } else if (kind == StopKind::kCheckpoint) {
    command.mutable_checkpoint_and_stop();
  } else {
    command.mutable_cancel();
  }
  return command;
}

/// Digest of the job's data file; empty where it needs none.
absl::StatusOr<std::string> DataArtifact(const graphkiln::v1::DataSpec& data) {
  using graphkiln::v1::DataSpec;
  switch (data.source_case()) {
    case DataSpec::kCsv:
      return data.csv().artifact();
    case DataSpec::kNpy:
      return data.npy().artifact();
    case DataSpec::kNpz:
      return data.npz().artifact();
    case DataSpec::kSafetensors:
      return data.safetensors().artifact();
    case DataSpec::kIdx:
      return data.idx().artifact();
    case DataSpec::kImages:
      return data.images().artifact();
    case DataSpec::kDataset:
      return absl::InvalidArgumentError("the data set of the job was not resolved to a file");
    case DataSpec::kSynthetic:
    case DataSpec::SOURCE_NOT_SET:
      return std::string();
  }
  return std::string();
}

}  // namespace

LeaseRunner::LeaseRunner(Services services, LeaseId id, v1::LeaseSpec spec)
    : services_(std::move(services)), id_(std::move(id)) {
  services_.events.Open(id_);
  thread_ = std::thread([this, spec = std::move(spec)]() mutable { Run(std::move(spec)); });
}

LeaseRunner::LeaseRunner(Services services, LeaseId id, LeaseFolder folder, PendingEnd end)
    : services_(std::move(services)), id_(std::move(id)), folder_(std::move(folder)) {
  thread_ = std::thread([this, end = std::move(end)]() mutable { HandOver(std::move(end)); });
}

LeaseRunner::~LeaseRunner() {
  abandon_.Cancel();
  prepare_.Cancel();
  uploads_.Cancel();
  {
    std::lock_guard lock(mu_);
    stop_ = std::max(stop_, StopKind::kCancel);
    if (trainer_ != nullptr) {
      trainer_->Signal(SIGKILL);
    }
  }
  thread_.join();
}

StopKind LeaseRunner::stop() const {
  std::lock_guard lock(mu_);
  return stop_;
}

bool LeaseRunner::RaiseStop(StopKind kind) {
  if (kind <= stop_) {
    return false;
  }
  stop_ = kind;
  if (kind >= StopKind::kCheckpoint) {
    prepare_.Cancel();
  }
  if (kind >= StopKind::kCancel) {
    uploads_.Cancel();
  }
  if (kind == StopKind::kFence) {
    abandon_.Cancel();
  }
  return true;
}

void LeaseRunner::Stop(StopKind kind) {
  std::lock_guard lock(mu_);
  if (RaiseStop(kind) && trainer_ != nullptr) {
    // A trainer that is gone ends the lease by itself.
    trainer_->Send(CommandFor(kind)).IgnoreError();
  }
}

void LeaseRunner::Signal(StopKind kind, int signal) {
  std::lock_guard lock(mu_);
  RaiseStop(kind);
  if (trainer_ != nullptr) {
    signalled_ = true;
    trainer_->Signal(signal);
  }
}

void LeaseRunner::Fence() { Signal(StopKind::kFence, SIGKILL); }

void LeaseRunner::Log(const char* level, std::string message) {
  KILN_INFO("{}: {}", ToString(id_), message);
  graphkiln::v1::Event event;
  SetTime(services_.clock.Now(), event.mutable_time());
  event.mutable_log()->set_level(level);
  event.mutable_log()->set_message(std::move(message));
  services_.events.Append(id_, std::move(event));
}

void LeaseRunner::Run(v1::LeaseSpec spec) {
  absl::StatusOr<StartTraining> start = Prepare(spec);
  spec.Clear();
  PendingEnd end;
  if (start.ok()) {
    end = RunTrainer(*start);
    BlameCache(&end.finish);
  } else {
    end.finish = DescribeFailedStart(id_, stop(), start.status());
  }
  start = absl::CancelledError("used");  // frees the program
  pins_.clear();
  // Kept with the result: a later process has no events of its own to count.
  end.finish.set_last_event_seq(services_.events.last_seq(id_));
  if (!abandon_.cancelled()) {
    if (folder_.has_value()) {
      if (const absl::Status saved = folder_->Save(end); !saved.ok()) {
        // The result is then only as durable as this process.
        Log("warning", fmt::format("cannot keep the result on disk: {}", MessageOf(saved)));
      }
    }
    services_.listener.OnEnded(id_);
  }
  HandOver(std::move(end));
}

void LeaseRunner::BlameCache(FinishLeaseRequest* finish) const {
  const bool sound = std::all_of(pins_.begin(), pins_.end(),
                                 [](const ArtifactCache::Pin& pin) { return pin.Sound(); });
  if (sound || finish->outcome() != FinishLeaseRequest::OUTCOME_FAILED_USER) {
    return;
  }
  finish->set_outcome(FinishLeaseRequest::OUTCOME_FAILED_INFRA);
  finish->set_reason(fmt::format("CACHE_DAMAGED: a cached file changed while the job used it ({})",
                                 finish->reason()));
}

absl::StatusOr<StartTraining> LeaseRunner::Prepare(const v1::LeaseSpec& spec) {
  ASSIGN_OR_RETURN(folder_, LeaseFolder::Create(services_.leases_root, id_));
  StartTraining start;
  const auto fetch = [&](const std::string& sha256, std::string* path) -> absl::Status {
    ASSIGN_OR_RETURN(ArtifactCache::Pin pin, services_.cache.Get(sha256, prepare_));
    *path = pin.path();
    pins_.push_back(std::move(pin));
    return absl::OkStatus();
  };
  ASSIGN_OR_RETURN(const std::string data, DataArtifact(spec.job().data()));
  if (!data.empty()) {
    RETURN_IF_ERROR(fetch(data, start.mutable_data_path()));
  }
  if (spec.has_resume_from()) {
    RETURN_IF_ERROR(fetch(spec.resume_from().artifact(), start.mutable_checkpoint_path()));
  } else if (spec.job().weights().has_file()) {
    RETURN_IF_ERROR(fetch(spec.job().weights().file().artifact(), start.mutable_weights_path()));
  } else if (spec.job().weights().has_job()) {
    return absl::InvalidArgumentError("the weights of the job were not resolved to a file");
  }
  start.set_work_dir(folder_->work_dir());
  *start.mutable_job() = spec.job();
  *start.mutable_ir() = spec.ir();
  return start;
}

PendingEnd LeaseRunner::RunTrainer(const StartTraining& start) {
  out_of_memory_kills_ = services_.host.OutOfMemoryKills();
  mailbox_ =
      std::make_shared<TrainerMailbox>(id_, services_.events, services_.listener, services_.clock);
  PendingEnd failed;
  {
    std::lock_guard lock(mu_);
    if (stop_ >= StopKind::kCheckpoint) {
      failed.finish = DescribeFailedStart(id_, stop_, absl::CancelledError("stopped"));
      return failed;
    }
    trainer_ = services_.pool.Launch(mailbox_);
    TrainerCommand command;
    *command.mutable_train() = start;
    absl::Status sent = trainer_->Send(command);
    if (sent.ok() && stop_ == StopKind::kFinishEarly) {
      sent = trainer_->Send(CommandFor(stop_));
    }
    if (!sent.ok() && !absl::IsUnavailable(sent)) {
      trainer_.reset();
      failed.finish = DescribeFailedStart(id_, stop_, sent);
      return failed;
    }
  }
  TrainerEnd end;
  absl::Duration wait = absl::InfiniteDuration();
  while (true) {
    std::optional<TrainerMailbox::Item> item = mailbox_->Wait(wait);
    if (!item.has_value()) {
      Signal(StopKind::kNone, SIGKILL);  // it said its end long ago
      wait = absl::InfiniteDuration();
    } else if (item->checkpoint.has_value()) {
      HandleCheckpoint(*item->checkpoint);
    } else if (item->finished.has_value()) {
      end.finished = std::move(item->finished);
      wait = services_.exit_timeout;
    } else {
      end.exit = *std::move(item->exit);
      break;
    }
  }
  {
    std::lock_guard lock(mu_);
    trainer_.reset();
    end.stop = stop_;
    end.signalled = signalled_;
  }
  end.out_of_memory = services_.host.OutOfMemoryKills() > out_of_memory_kills_;
  end.step = mailbox_->step();
  end.epoch = mailbox_->epoch();
  end.peak_bytes = mailbox_->peak_bytes();
  return MakeEnd(end);
}

void LeaseRunner::ReleaseCheckpoint(const std::string& path) {
  TrainerCommand command;
  command.mutable_checkpoint_committed()->set_path(path);
  std::lock_guard lock(mu_);
  if (trainer_ != nullptr) {
    trainer_->Send(command).IgnoreError();
  }
}

absl::Status LeaseRunner::StoreCheckpoint(const CheckpointWritten& written) {
  RETURN_IF_ERROR(services_.api.Upload(written.path(), written.sha256(), uploads_));
  return services_.api.CommitCheckpoint(DescribeCheckpoint(id_, written), uploads_);
}

absl::Status LeaseRunner::StoreUnstored() {
  absl::Status first;
  // In the order of their steps, because the job continues from the one that came last.
  for (std::optional<CheckpointWritten>* slot : {&unstored_best_, &unstored_}) {
    if (!slot->has_value()) {
      continue;
    }
    const absl::Status status = StoreCheckpoint(**slot);
    if (status.ok()) {
      ReleaseCheckpoint((*slot)->path());
      slot->reset();
      continue;
    }
    if (IsTransient(status) || IsFenced(status)) {
      return status;  // the next one would fare alike
    }
    first.Update(status);
  }
  return first;
}

void LeaseRunner::HandleCheckpoint(const CheckpointWritten& written) {
  const auto replace = [&](std::optional<CheckpointWritten>* slot) {
    if (slot->has_value()) {
      ReleaseCheckpoint((*slot)->path());
    }
    slot->reset();
  };
  replace(&unstored_);  // this one is newer
  if (written.best()) {
    replace(&unstored_best_);  // and better
    unstored_best_ = written;
  } else {
    unstored_ = written;
  }
  Backoff backoff(services_.first_pause, services_.longest_pause, services_.random);
  for (int failures = 0;;) {
    const absl::Status status = StoreUnstored();
    if (status.ok() || uploads_.cancelled()) {
      return;
    }
    if (IsFenced(status)) {
      services_.listener.OnFenced(id_);
      return;
    }
    if (!IsTransient(status) && ++failures >= kAttempts) {
      Log("warning", fmt::format("the checkpoint of step {} could not be stored: {}",
                                 written.step(), MessageOf(status)));
      return;
    }
    // A newer checkpoint or the end of the trainer is not kept waiting: what is unstored by then is
    // superseded or handed over with the end.
    if (mailbox_->WaitAny(backoff.Next())) {
      return;
    }
  }
}

}  // namespace graphkiln::worker
