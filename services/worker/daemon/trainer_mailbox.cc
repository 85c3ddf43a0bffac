#include "services/worker/daemon/trainer_mailbox.h"

#include <algorithm>
#include <utility>

#include "google/protobuf/timestamp.pb.h"
#include "services/worker/daemon/event_time.h"

namespace graphkiln::worker {
namespace {

using graphkiln::v1::Event;

/// States and committed checkpoints are the coordinator's to tell. A gap is the trainer's: it left
/// steps out because this side did not read fast enough.
bool IsTrainersToTell(const Event& event) {
  return event.payload_case() != Event::PAYLOAD_NOT_SET && !event.has_state() &&
         !event.has_checkpoint();
}

}  // namespace

const char* LevelOfLine(std::string_view line) {
  // "TIME L program[pid] text", L one of D I W E.
  const size_t space = line.find(' ');
  if (space == 0 || space == std::string_view::npos || line[0] < '0' || line[0] > '9' ||
      space + 2 >= line.size() || line[space + 2] != ' ') {
    return "info";
  }
  switch (line[space + 1]) {
    case 'D':
      return "debug";
    case 'W':
      return "warning";
    case 'E':
      return "error";
    default:
      return "info";
  }
}

void TrainerMailbox::OnForked(pid_t) {}

void TrainerMailbox::OnReport(trainer::v1::TrainerReport report) {
  if (report.has_started()) {
    {
      std::lock_guard lock(mu_);
      step_ = std::max(step_, report.started().first_step());
    }
    listener_.OnTrainerStarted(id_);
    return;
  }
  if (report.has_events()) {
    int64_t step = 0;
    for (Event& event : *report.mutable_events()->mutable_events()) {
      if (!IsTrainersToTell(event)) {
        continue;
      }
      if (event.has_step()) {
        step = event.step().step();
      }
      {
        std::lock_guard lock(mu_);
        step_ = std::max(step_, step);
        if (event.has_epoch()) {
          epoch_ = std::max(epoch_, event.epoch().epoch());
        }
        if (event.has_system()) {
          const auto peak = event.system().values().find("peak_rss_bytes");
          if (peak != event.system().values().end() && peak->second > 0 && peak->second < 0x1p60) {
            peak_bytes_ = std::max(peak_bytes_, static_cast<int64_t>(peak->second));
          }
        }
      }
      if (!event.has_time()) {
        SetTime(clock_.Now(), event.mutable_time());
      }
      events_.Append(id_, std::move(event));
    }
    if (step > 0) {
      listener_.OnStep(id_, step);
    }
    return;
  }
  Item item;
  if (report.has_checkpoint()) {
    item.checkpoint = std::move(*report.mutable_checkpoint());
  } else if (report.has_finished()) {
    item.finished = std::move(*report.mutable_finished());
  } else {
    return;
  }
  Put(std::move(item));
}

void TrainerMailbox::OnLogLine(std::string_view line) {
  Event event;
  SetTime(clock_.Now(), event.mutable_time());
  event.mutable_log()->set_level(LevelOfLine(line));
  event.mutable_log()->set_message(std::string(line));
  events_.Append(id_, std::move(event));
}

void TrainerMailbox::OnExit(const TrainerExit& exit) {
  Item item;
  item.exit = exit;
  Put(std::move(item));
}

void TrainerMailbox::Put(Item item) {
  {
    std::lock_guard lock(mu_);
    items_.push_back(std::move(item));
  }
  changed_.notify_all();
}

std::optional<TrainerMailbox::Item> TrainerMailbox::Wait(absl::Duration timeout) {
  std::unique_lock lock(mu_);
  const auto any = [this] { return !items_.empty(); };
  if (timeout == absl::InfiniteDuration()) {
    changed_.wait(lock, any);
  } else if (!changed_.wait_for(lock, absl::ToChronoMilliseconds(timeout), any)) {
    return std::nullopt;
  }
  Item item = std::move(items_.front());
  items_.pop_front();
  return item;
}

bool TrainerMailbox::WaitAny(absl::Duration timeout) {
  std::unique_lock lock(mu_);
  return changed_.wait_for(lock, absl::ToChronoMilliseconds(timeout),
                           [this] { return !items_.empty(); });
}

int64_t TrainerMailbox::step() const {
  std::lock_guard lock(mu_);
  return step_;
}

int64_t TrainerMailbox::epoch() const {
  std::lock_guard lock(mu_);
  return epoch_;
}

int64_t TrainerMailbox::peak_bytes() const {
  std::lock_guard lock(mu_);
  return peak_bytes_;
}

}  // namespace graphkiln::worker
