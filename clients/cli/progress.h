// How a followed job is shown on stderr: one refreshed line on a terminal, plain lines otherwise.
#pragma once

#include <deque>
#include <string>

#include "absl/time/time.h"
#include "clients/cli/context.h"
#include "common/base/clock.h"
#include "graphkiln/v1/job.pb.h"

namespace graphkiln::cli {

class Progress {
 public:
  Progress(Context* context, Clock* clock) : context_(context), clock_(clock) {}

  /// What the job is known to be; again whenever it was fetched.
  void SetJob(const v1::Job& job);
  void Show(const v1::Event& event);
  /// Removes the refreshed line, so that other output starts on a clean one.
  void Clear();

  /// `step 120/469  26%  loss 0.412  1.8k samples/s  eta 00:12`
  std::string Line() const;

 private:
  void Refresh(bool force);
  void Permanent(const std::string& text);
  int64_t TotalSteps() const;

  Context* context_;
  Clock* clock_;
  int64_t total_steps_ = 0;
  int64_t batch_size_ = 0;
  int64_t step_ = 0;
  double loss_ = 0;
  bool has_loss_ = false;
  struct Sample {
    absl::Duration time;
    int64_t step;
  };
  void Sampled(const v1::Event& event);
  /// Steps per second over the last seconds; 0 where unknown.
  double Rate() const;

  std::deque<Sample> samples_;  // of a recent window, rising; the last is the newest step
  absl::Duration shown_time_ = -absl::InfiniteDuration();
  int64_t next_plain_percent_ = 10;
  bool line_shown_ = false;
  bool epochs_seen_ = false;
};

/// `00:12`, `1:02:03`.
std::string EtaText(double seconds);
/// `950`, `1.8k`, `2.4M`.
std::string ShortNumber(double value);

}  // namespace graphkiln::cli
