#include "clients/cli/progress.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "clients/cli/documents.h"
#include "fmt/format.h"

namespace graphkiln::cli {
namespace {

constexpr absl::Duration kRefresh = absl::Milliseconds(100);
constexpr absl::Duration kRateWindow = absl::Seconds(10);
constexpr absl::Duration kSampleEvery = absl::Milliseconds(100);

}  // namespace

std::string EtaText(double seconds) {
  if (!(seconds >= 0) || seconds > 360'000) return "--:--";
  const auto total = static_cast<int64_t>(std::llround(seconds));
  if (total >= 3600) {
    return fmt::format("{}:{:02}:{:02}", total / 3600, total / 60 % 60, total % 60);
  }
  return fmt::format("{:02}:{:02}", total / 60, total % 60);
}

std::string ShortNumber(double value) {
  if (value >= 1e6) return fmt::format("{:.1f}M", value / 1e6);
  if (value >= 1e3) return fmt::format("{:.1f}k", value / 1e3);
  return fmt::format("{:.0f}", value);
}

void Progress::SetJob(const v1::Job& job) {
  total_steps_ = std::max(total_steps_, job.total_steps());
  batch_size_ = job.spec().data().batch_size();
}

int64_t Progress::TotalSteps() const { return std::max(total_steps_, int64_t{0}); }

std::string Progress::Line() const {
  std::string line;
  const int64_t total = TotalSteps();
  if (total > 0) {
    const double share = std::min(1.0, static_cast<double>(step_) / static_cast<double>(total));
    line = fmt::format("step {}/{}  {:.0f}%", step_, total, std::floor(share * 100));
  } else {
    line = fmt::format("step {}", step_);
  }
  if (has_loss_) line += fmt::format("  loss {:.4g}", loss_);
  const double rate = Rate();
  if (rate > 0) {
    if (batch_size_ > 0) {
      line += fmt::format("  {} samples/s", ShortNumber(rate * static_cast<double>(batch_size_)));
    }
    if (total > step_) {
      line += fmt::format("  eta {}", EtaText(static_cast<double>(total - step_) / rate));
    }
  }
  return line;
}

// By the trainer's time: events come in batches, whose arrival says nothing of the steps' pace.
void Progress::Sampled(const v1::Event& event) {
  const absl::Duration time = event.has_time() ? absl::Seconds(event.time().seconds()) +
                                                     absl::Nanoseconds(event.time().nanos())
                                               : clock_->Monotonic();
  const Sample sample{time, event.step().step()};
  if (!samples_.empty() && sample.step < samples_.back().step) samples_.clear();  // a retry
  const size_t count = samples_.size();
  if (count < 2 || time - samples_[count - 2].time >= kSampleEvery) {
    samples_.push_back(sample);
  } else {
    samples_.back() = sample;
  }
  while (samples_.size() > 2 && time - samples_[1].time >= kRateWindow) samples_.pop_front();
}

double Progress::Rate() const {
  if (samples_.size() < 2) return 0;
  const double seconds = absl::ToDoubleSeconds(samples_.back().time - samples_.front().time);
  const auto steps = static_cast<double>(samples_.back().step - samples_.front().step);
  return seconds > 0 ? steps / seconds : 0;
}

void Progress::Show(const v1::Event& event) {
  if (context_->quiet) return;
  switch (event.payload_case()) {
    case v1::Event::kStep: {
      Sampled(event);
      step_ = event.step().step();
      loss_ = event.step().loss();
      has_loss_ = true;
      Refresh(/*force=*/false);
      break;
    }
    case v1::Event::kEpoch: {
      const v1::EpochEvent& epoch = event.epoch();
      epochs_seen_ = true;
      step_ = std::max(step_, epoch.step());
      if (epoch.total_epochs() > 0 && epoch.epoch() > 0 && total_steps_ == 0) {
        total_steps_ = epoch.step() * epoch.total_epochs() / epoch.epoch();
      }
      std::string text =
          epoch.total_epochs() > 0
              ? fmt::format("epoch {}/{}  train_loss {:.4g}", epoch.epoch(), epoch.total_epochs(),
                            epoch.train_loss())
              : fmt::format("epoch {}  train_loss {:.4g}", epoch.epoch(), epoch.train_loss());
      if (epoch.has_val_loss()) text += fmt::format("  val_loss {:.4g}", epoch.val_loss());
      for (const auto& [name, value] :
           std::map<std::string, double>(epoch.metrics().begin(), epoch.metrics().end())) {
        if (name != "val_loss" && name != "train_loss")
          text += fmt::format("  {} {:.4g}", name, value);
      }
      Permanent(text);
      Refresh(/*force=*/true);
      break;
    }
    case v1::Event::kState: {
      std::string text(StateName(event.state().state()));
      if (!event.state().worker().empty()) text += " on " + ShortName(event.state().worker());
      if (!event.state().reason().empty()) text += ": " + event.state().reason();
      Permanent(text);
      break;
    }
    case v1::Event::kLog:
      if (event.log().level() == "warning" || event.log().level() == "error") {
        Permanent(fmt::format("{}: {}", event.log().level(), event.log().message()));
      }
      break;
    case v1::Event::kGap:
      if (context_->verbose) Permanent(fmt::format("{} events are missing", event.gap().count()));
      break;
    case v1::Event::kVerdict:
      Permanent(fmt::format("verdict: {}", event.verdict().passed() ? "passed" : "FAILED"));
      for (const std::string& finding : event.verdict().findings()) Permanent("  " + finding);
      break;
    default:
      break;
  }
}

void Progress::Refresh(bool force) {
  const absl::Duration now = clock_->Monotonic();
  if (context_->stderr_is_terminal()) {
    if (!force && now - shown_time_ < kRefresh) return;
    shown_time_ = now;
    fmt::print(stderr, "\r\x1b[K{}", Line());
    std::fflush(stderr);
    line_shown_ = true;
    return;
  }
  // Without a terminal and without epochs: a line for every tenth of the way.
  const int64_t total = TotalSteps();
  if (epochs_seen_ || total <= 0 || step_ * 100 < next_plain_percent_ * total) return;
  while (next_plain_percent_ * total <= step_ * 100) next_plain_percent_ += 10;
  fmt::print(stderr, "{}\n", Line());
}

void Progress::Clear() {
  if (!line_shown_) return;
  fmt::print(stderr, "\r\x1b[K");
  line_shown_ = false;
}

void Progress::Permanent(const std::string& text) {
  Clear();
  fmt::print(stderr, "{}\n", text);
}

}  // namespace graphkiln::cli
