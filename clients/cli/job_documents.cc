// The documents of jobs, events and workers.
#include <map>

#include "clients/cli/documents.h"
#include "fmt/format.h"

namespace graphkiln::cli {
namespace {

Json NumbersJson(const google::protobuf::Map<std::string, double>& numbers) {
  Json json = Json::object();
  for (const auto& [name, value] : std::map<std::string, double>(numbers.begin(), numbers.end())) {
    json[name] = value;
  }
  return json;
}

template <class Map>
Json TextsJson(const Map& texts) {
  Json json = Json::object();
  for (const auto& [name, value] : std::map<std::string, std::string>(texts.begin(), texts.end())) {
    json[name] = value;
  }
  return json;
}

Json CheckpointJson(const v1::Checkpoint& checkpoint) {
  return {{"step", checkpoint.step()},
          {"epoch", checkpoint.epoch()},
          {"sha256", checkpoint.artifact()},
          {"bytes", checkpoint.bytes()},
          {"time", TimeJson(checkpoint.create_time())},
          {"best", checkpoint.best()}};
}

std::string_view WithoutPrefix(std::string_view name, std::string_view prefix) {
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return lower;
}

}  // namespace

std::string_view StateName(v1::JobState state) {
  return WithoutPrefix(v1::JobState_Name(state), "JOB_STATE_");
}

bool IsTerminal(v1::JobState state) {
  return state == v1::JOB_STATE_SUCCEEDED || state == v1::JOB_STATE_FAILED ||
         state == v1::JOB_STATE_CANCELLED;
}

Json JobJson(const v1::Job& job) {
  Json json;
  json["name"] = ShortName(job.name());
  json["uid"] = job.uid();
  json["state"] = std::string(StateName(job.state()));
  json["reason"] = job.reason();
  json["kind"] = Lower(WithoutPrefix(v1::JobKind_Name(job.spec().kind()), "JOB_KIND_"));
  json["graph_hash"] = job.graph_hash();
  json["epoch"] = job.epoch();
  json["step"] = job.step();
  json["total_steps"] = job.total_steps();
  json["metrics"] = NumbersJson(job.metrics());
  json["attempts"] = job.attempts();
  json["worker"] = ShortName(job.worker());
  json["create_time"] = TimeJson(job.create_time());
  json["start_time"] = TimeJson(job.start_time());
  json["end_time"] = TimeJson(job.end_time());
  json["checkpoints"] = Json::array();
  for (const v1::Checkpoint& checkpoint : job.checkpoints()) {
    json["checkpoints"].push_back(CheckpointJson(checkpoint));
  }
  json["pending_reason"] = job.pending_reason();
  json["estimate"] = {{"peak_bytes", job.estimate().peak_bytes()},
                      {"step_flops", job.estimate().step_flops()}};
  json["measured"] = {{"peak_bytes", job.measured().peak_bytes()},
                      {"first_loss_seconds", job.measured().first_loss_seconds()},
                      {"steps_per_second", job.measured().steps_per_second()}};
  json["artifacts"] = TextsJson(job.artifacts());
  if (job.stopped_early()) json["stopped_early"] = true;
  json["labels"] = TextsJson(job.spec().labels());
  json["history"] = Json::array();
  for (const v1::Attempt& attempt : job.history()) {
    json["history"].push_back({{"worker", ShortName(attempt.worker())},
                               {"start_time", TimeJson(attempt.start_time())},
                               {"end_time", TimeJson(attempt.end_time())},
                               {"outcome", attempt.outcome()},
                               {"first_step", attempt.first_step()}});
  }
  return json;
}

std::string_view EventType(const v1::Event& event) {
  switch (event.payload_case()) {
    case v1::Event::kState:
      return "state";
    case v1::Event::kStep:
      return "step";
    case v1::Event::kEpoch:
      return "epoch";
    case v1::Event::kNode:
      return "node";
    case v1::Event::kLog:
      return "log";
    case v1::Event::kSystem:
      return "system";
    case v1::Event::kCheckpoint:
      return "checkpoint";
    case v1::Event::kVerdict:
      return "verdict";
    case v1::Event::kGap:
      return "gap";
    case v1::Event::PAYLOAD_NOT_SET:
      break;
  }
  return "unknown";  // of a newer server
}

Json EventJson(const v1::Event& event, std::string_view token) {
  Json json;
  json["job"] = ShortName(event.job());
  json["seq"] = event.seq();
  json["time"] = TimeJson(event.time());
  json["type"] = std::string(EventType(event));
  switch (event.payload_case()) {
    case v1::Event::kState:
      json["state"] = std::string(StateName(event.state().state()));
      json["reason"] = event.state().reason();
      json["worker"] = ShortName(event.state().worker());
      json["attempts"] = event.state().attempts();
      break;
    case v1::Event::kStep:
      json["step"] = event.step().step();
      json["epoch"] = event.step().epoch();
      json["loss"] = event.step().loss();
      if (!event.step().values().empty()) json["values"] = NumbersJson(event.step().values());
      break;
    case v1::Event::kEpoch:
      json["epoch"] = event.epoch().epoch();
      json["total_epochs"] = event.epoch().total_epochs();
      json["train_loss"] = event.epoch().train_loss();
      json["val_loss"] = event.epoch().has_val_loss() ? Json(event.epoch().val_loss()) : nullptr;
      json["metrics"] = NumbersJson(event.epoch().metrics());
      json["step"] = event.epoch().step();
      break;
    case v1::Event::kNode:
      json["node"] = event.node().node();
      json["values"] = NumbersJson(event.node().values());
      break;
    case v1::Event::kLog:
      json["level"] = event.log().level();
      json["message"] = event.log().message();
      break;
    case v1::Event::kSystem:
      json["values"] = NumbersJson(event.system().values());
      break;
    case v1::Event::kCheckpoint:
      json["checkpoint"] = CheckpointJson(event.checkpoint().checkpoint());
      json["step"] = event.checkpoint().checkpoint().step();
      break;
    case v1::Event::kVerdict:
      json["passed"] = event.verdict().passed();
      json["findings"] = std::vector<std::string>(event.verdict().findings().begin(),
                                                  event.verdict().findings().end());
      break;
    case v1::Event::kGap:
      json["first_missing"] = event.gap().first_missing();
      json["last_missing"] = event.gap().last_missing();
      json["count"] = event.gap().count();
      break;
    case v1::Event::PAYLOAD_NOT_SET:
      break;
  }
  json["token"] = std::string(token);
  return json;
}

std::string WorkerStateText(const v1::Worker& worker) {
  std::string state(WithoutPrefix(v1::WorkerState_Name(worker.state()), "WORKER_STATE_"));
  if (worker.cordoned() && worker.state() != v1::WORKER_STATE_DRAINING) state += ",CORDONED";
  return state;
}

Json WorkerJson(const v1::Worker& worker) {
  Json json;
  json["name"] = ShortName(worker.name());
  json["state"] = std::string(WithoutPrefix(v1::WorkerState_Name(worker.state()), "WORKER_STATE_"));
  json["reason"] = worker.reason();
  json["cordoned"] = worker.cordoned();
  json["used_slots"] = worker.used_slots();
  json["jobs"] = Json::array();
  for (const std::string& job : worker.jobs()) json["jobs"].push_back(ShortName(job));
  json["report_time"] = TimeJson(worker.report_time());
  const v1::Inventory& inventory = worker.inventory();
  json["slots"] = inventory.slots();
  json["cores"] = inventory.cores();
  json["memory_bytes"] = inventory.memory_bytes();
  json["devices"] = Json::array();
  for (const v1::Device& device : inventory.devices()) {
    json["devices"].push_back(
        {{"id", device.id()}, {"model", device.model()}, {"memory_bytes", device.memory_bytes()}});
  }
  json["version"] = inventory.version();
  json["torch_version"] = inventory.torch_version();
  json["host"] = inventory.host();
  json["labels"] = TextsJson(inventory.labels());
  return json;
}

}  // namespace graphkiln::cli
