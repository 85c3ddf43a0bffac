#include "clients/cli/progress.h"

#include "common/base/fake_clock.h"
#include "gtest/gtest.h"

namespace graphkiln::cli {
namespace {

TEST(EtaText, MinutesAndHours) {
  EXPECT_EQ(EtaText(0), "00:00");
  EXPECT_EQ(EtaText(12.4), "00:12");
  EXPECT_EQ(EtaText(3723), "1:02:03");
  EXPECT_EQ(EtaText(1e12), "--:--");
  EXPECT_EQ(EtaText(-1), "--:--");
}

TEST(ShortNumber, Units) {
  EXPECT_EQ(ShortNumber(950), "950");
  EXPECT_EQ(ShortNumber(1800), "1.8k");
  EXPECT_EQ(ShortNumber(2.4e6), "2.4M");
}

v1::Event Step(int64_t step, double loss) {
  v1::Event event;
  event.mutable_step()->set_step(step);
  event.mutable_step()->set_loss(loss);
  return event;
}

TEST(Progress, LineTellsShareRateAndRest) {
  Context context;
  FakeClock clock;
  Progress progress(&context, &clock);
  v1::Job job;
  job.set_total_steps(469);
  job.mutable_spec()->mutable_data()->set_batch_size(32);
  progress.SetJob(job);
  progress.Show(Step(1, 2.0));
  EXPECT_EQ(progress.Line(), "step 1/469  0%  loss 2");
  clock.Advance(absl::Seconds(7));
  progress.Show(Step(120, 0.412));
  // 119 steps in 7 s: 17 a second, 544 rows; 349 steps are left.
  EXPECT_EQ(progress.Line(), "step 120/469  25%  loss 0.412  544 samples/s  eta 00:21");
}

TEST(Progress, RateIsThatOfTheLastSeconds) {
  Context context;
  FakeClock clock;
  Progress progress(&context, &clock);
  v1::Job job;
  job.set_total_steps(2000);
  job.mutable_spec()->mutable_data()->set_batch_size(11);
  progress.SetJob(job);
  // A slow minute, one step a second, then a hundred of them.
  int64_t step = 0;
  for (int i = 0; i < 60; ++i) {
    progress.Show(Step(++step, 1));
    clock.Advance(absl::Seconds(1));
  }
  for (int i = 0; i < 1200; ++i) {
    progress.Show(Step(++step, 1));
    clock.Advance(absl::Milliseconds(10));
  }
  EXPECT_EQ(progress.Line(), "step 1260/2000  63%  loss 1  1.1k samples/s  eta 00:07");
}

TEST(Progress, StepsThatArriveTogetherHaveTheirOwnTimes) {
  Context context;
  FakeClock clock;
  Progress progress(&context, &clock);
  v1::Job job;
  job.set_total_steps(101);
  progress.SetJob(job);
  for (int64_t i = 1; i <= 21; ++i) {
    v1::Event event = Step(i, 1);
    event.mutable_time()->set_seconds(1000);
    event.mutable_time()->set_nanos(static_cast<int32_t>(i) * 10'000'000);
    progress.Show(event);
  }
  EXPECT_EQ(progress.Line(), "step 21/101  20%  loss 1  eta 00:01");
}

TEST(Progress, WithoutATotalThereIsNoShare) {
  Context context;
  FakeClock clock;
  Progress progress(&context, &clock);
  progress.Show(Step(5, 1.5));
  EXPECT_EQ(progress.Line(), "step 5  loss 1.5");
}

TEST(Progress, ARetryStartsTheRateAnew) {
  Context context;
  FakeClock clock;
  Progress progress(&context, &clock);
  progress.Show(Step(100, 1));
  clock.Advance(absl::Seconds(1));
  progress.Show(Step(50, 1));
  EXPECT_EQ(progress.Line(), "step 50  loss 1");
}

}  // namespace
}  // namespace graphkiln::cli
