#include "services/coordinator/core/progress.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "common/base/status_matchers.h"

namespace graphkiln::coordinator {
namespace {

v1::Event Step(int64_t step, double loss) {
  v1::Event event;
  event.mutable_step()->set_step(step);
  event.mutable_step()->set_loss(loss);
  (*event.mutable_step()->mutable_values())["lr"] = 0.1;
  return event;
}

v1::Event Epoch() {
  v1::Event event;
  event.mutable_epoch()->set_epoch(2);
  event.mutable_epoch()->set_total_epochs(5);
  event.mutable_epoch()->set_step(20);
  event.mutable_epoch()->set_train_loss(0.5);
  event.mutable_epoch()->set_val_loss(0.6);
  (*event.mutable_epoch()->mutable_metrics())["accuracy"] = 0.9;
  return event;
}

TEST(ProgressTest, TheJobShowsTheLatestFigures) {
  v1::Job job;
  ApplyProgress(Step(3, 1.5), job);
  EXPECT_EQ(job.step(), 3);
  EXPECT_EQ(job.metrics().at("loss"), 1.5);
  ApplyProgress(Epoch(), job);
  EXPECT_EQ(job.epoch(), 2);
  EXPECT_EQ(job.step(), 20);
  EXPECT_EQ(job.total_steps(), 50);
  EXPECT_EQ(job.metrics().at("val_loss"), 0.6);
  EXPECT_EQ(job.metrics().at("accuracy"), 0.9);
}

TEST(ProgressTest, EventsBecomeSeries) {
  SeriesCollector collector;
  collector.Add(Step(1, 3.0));
  collector.Add(Step(2, 2.0));
  collector.Add(Epoch());
  EXPECT_EQ(collector.points(), 7);
  const std::vector<SeriesPoints> series = collector.Take();
  ASSERT_EQ(series.size(), 5u);
  EXPECT_EQ(series[0].name, "loss");
  EXPECT_EQ(series[0].steps, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(series[0].values, (std::vector<double>{3.0, 2.0}));
  EXPECT_EQ(series[1].name, "lr");
  EXPECT_EQ(series[3].name, "val_loss");
  EXPECT_EQ(series[3].steps, std::vector<int64_t>{20});
}

TEST(ProgressTest, WhatAWorkerMaySendIsBounded) {
  CoreOptions options;
  options.max_values_per_event = 2;
  EXPECT_OK(CheckEvent(Step(1, 1), options));
  EXPECT_FALSE(CheckEvent(v1::Event(), options).ok());
  EXPECT_FALSE(CheckEvent(Step(-1, 1), options).ok());
  v1::Event many = Step(1, 1);
  for (const char* name : {"a", "b", "c"}) (*many.mutable_step()->mutable_values())[name] = 1;
  EXPECT_FALSE(CheckEvent(many, options).ok());
}

TEST(ProgressTest, NewSeriesBeyondTheBoundAreTakenOut) {
  CoreOptions options;
  options.max_series_per_job = 2;
  options.max_series_name_bytes = 3;
  StringSet known = {"a"};
  v1::Event event;
  auto& values = *event.mutable_step()->mutable_values();
  for (const char* name : {"a", "b", "c", "long"}) values[name] = 1;
  EXPECT_EQ(RefuseNewSeries(event, options, known), 2);
  EXPECT_EQ(values.size(), 2u);
  EXPECT_TRUE(values.contains("a"));
  EXPECT_EQ(known.size(), 2u);
  v1::Event again;
  (*again.mutable_epoch()->mutable_metrics())["a"] = 1;
  EXPECT_EQ(RefuseNewSeries(again, options, known), 0);
}

TEST(ProgressTest, ManySeriesCostNoSearch) {
  SeriesCollector collector;  // quadratic, this would take minutes
  for (int event = 0; event < 25; ++event) {
    v1::Event step = Step(event, 1);
    auto& values = *step.mutable_step()->mutable_values();
    for (int i = 0; i < 4'000; ++i) values[fmt::format("s{}", event * 4'000 + i)] = 1;
    collector.Add(step);
  }
  EXPECT_EQ(collector.points(), 100'025 + 25);
  EXPECT_EQ(collector.Take().size(), 100'002u);
  EXPECT_TRUE(collector.Take().empty());
}

}  // namespace
}  // namespace graphkiln::coordinator
