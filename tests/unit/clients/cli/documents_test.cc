#include "clients/cli/documents.h"

#include "gtest/gtest.h"

namespace graphkiln::cli {
namespace {

TEST(DiagnosticJson, LeavesOutWhatHasNoValue) {
  v1::Diagnostic d;
  d.set_severity(v1::SEVERITY_WARNING);
  d.set_code("X");
  d.set_message("m");
  EXPECT_EQ(DiagnosticJson(d).dump(), R"({"severity":"warning","code":"X","message":"m"})");
  d.set_node("fc1");
  d.set_line(3);
  d.set_column(5);
  auto* fix = d.add_fixes();
  fix->set_description("do");
  auto* set = fix->add_edits()->mutable_set_param();
  set->set_node("fc1");
  set->set_param("bias");
  set->mutable_value()->set_bool_value(false);
  EXPECT_EQ(DiagnosticJson(d).dump(),
            R"({"severity":"warning","code":"X","message":"m","node":"fc1","line":3,"column":5,)"
            R"("fixes":[{"description":"do","edits":[{"op":"set_param","node":"fc1",)"
            R"("param":"bias","value":false}]}]})");
}

TEST(WorkerStateText, ShowsThatNoJobsCome) {
  v1::Worker worker;
  worker.set_state(v1::WORKER_STATE_ACTIVE);
  EXPECT_EQ(WorkerStateText(worker), "ACTIVE");
  worker.set_cordoned(true);
  EXPECT_EQ(WorkerStateText(worker), "ACTIVE,CORDONED");
  worker.set_state(v1::WORKER_STATE_DRAINING);  // says so itself
  EXPECT_EQ(WorkerStateText(worker), "DRAINING");
}

TEST(JobDocument, HasTheReleasedKeys) {
  v1::Job job;
  job.set_name("projects/default/jobs/a");
  job.set_state(v1::JOB_STATE_SUCCEEDED);
  job.set_worker("workers/w");
  (*job.mutable_metrics())["val_loss"] = 0.5;
  job.mutable_start_time()->set_seconds(1'700'000'000);
  const Json json = JobJson(job);
  for (const char* key :
       {"name", "state", "reason", "kind", "graph_hash", "epoch", "step", "total_steps", "metrics",
        "attempts", "worker", "create_time", "start_time", "end_time", "checkpoints",
        "pending_reason", "estimate", "measured"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_EQ(json["name"], "a");
  EXPECT_EQ(json["state"], "SUCCEEDED");
  EXPECT_EQ(json["worker"], "w");
  EXPECT_EQ(json["start_time"], "2023-11-14T22:13:20Z");
  EXPECT_TRUE(json["end_time"].is_null());
  EXPECT_EQ(json["metrics"]["val_loss"], 0.5);
  for (const char* key : {"peak_bytes", "first_loss_seconds", "steps_per_second"}) {
    EXPECT_TRUE(json["measured"].contains(key)) << key;
  }
}

TEST(EventDocument, EachTypeHasItsKeys) {
  v1::Event event;
  event.set_job("projects/default/jobs/a");
  event.set_seq(4);
  event.mutable_step()->set_step(7);
  event.mutable_step()->set_loss(0.25);
  Json json = EventJson(event, "tok");
  EXPECT_EQ(json["type"], "step");
  EXPECT_EQ(json["seq"], 4);
  EXPECT_EQ(json["step"], 7);
  EXPECT_EQ(json["loss"], 0.25);
  EXPECT_EQ(json["token"], "tok");

  event.mutable_epoch()->set_epoch(2);
  json = EventJson(event, "tok");
  EXPECT_EQ(json["type"], "epoch");
  EXPECT_TRUE(json["val_loss"].is_null());
  event.mutable_gap()->set_count(9);
  EXPECT_EQ(EventJson(event, "")["count"], 9);
  event.mutable_state()->set_state(v1::JOB_STATE_RUNNING);
  EXPECT_EQ(EventJson(event, "")["state"], "RUNNING");
}

TEST(TimeJson, BadTimesAreNull) {
  google::protobuf::Timestamp time;
  time.set_seconds(-1);
  time.set_nanos(-5);
  EXPECT_TRUE(TimeJson(time).is_null());
  time.set_seconds(INT64_MAX);
  time.set_nanos(0);
  EXPECT_TRUE(TimeJson(time).is_null());
}

TEST(ShortName, OnlyTheDefaultProjectIsShort) {
  EXPECT_EQ(ShortName("projects/default/jobs/a"), "a");
  EXPECT_EQ(ShortName("projects/p/jobs/a"), "projects/p/jobs/a");
  EXPECT_EQ(ShortName("workers/w"), "w");
  EXPECT_EQ(ShortName(""), "");
}

TEST(SpecJson, SymbolsAreStrings) {
  v1::TensorSpec spec;
  spec.set_dtype(v1::DATA_TYPE_INT64);
  spec.add_shape()->set_symbol("B");
  spec.add_shape()->set_size(3);
  EXPECT_EQ(SpecJson(spec).dump(), R"({"shape":["B",3],"dtype":"int64"})");
  EXPECT_EQ(ShapeText(spec), "int64[B, 3]");
}

}  // namespace
}  // namespace graphkiln::cli
