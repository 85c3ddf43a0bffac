// Small programs and a stand-in for the daemon, for the trainer's unit tests.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <initializer_list>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "services/worker/launch/fd.h"
#include "services/worker/launch/frame.h"
#include "services/worker/trainer/protos.h"
#include "services/worker/trainer/session.h"

namespace graphkiln::trainer {

/// A folder that goes with the test.
class TempDir {
 public:
  TempDir() : path_(*MakeTempDir("kiln-trainer-test-")) {}
  ~TempDir() { RemoveTree(path_).IgnoreError(); }
  std::string file(const std::string& name) const { return JoinPath(path_, name); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Builds an IrModule call by call. Sizes: -1 is the symbol B.
class ProgramBuilder {
 public:
  using Shape = std::vector<int64_t>;

  ProgramBuilder() {
    ir_.set_schema_version(1);
    ir_.set_name("test");
    ir_.add_symbols("B");
  }

  int Input(const std::string& name, api::DataType dtype, const Shape& shape) {
    api::IrInput* input = ir_.add_inputs();
    input->set_name(name);
    *input->mutable_spec() = Spec(dtype, shape);
    return Value(dtype, shape);
  }

  int Parameter(const std::string& key, const Shape& shape, double bound) {
    api::IrParameter* parameter = ir_.add_parameters();
    parameter->set_key(key);
    *parameter->mutable_spec() = Spec(api::DATA_TYPE_FLOAT32, shape);
    parameter->set_trainable(true);
    parameter->set_persistent(true);
    parameter->mutable_init()->set_kind(api::IrInitializer::KIND_UNIFORM);
    parameter->mutable_init()->set_low(-bound);
    parameter->mutable_init()->set_high(bound);
    return Value(api::DATA_TYPE_FLOAT32, shape);
  }

  static api::IrArgument V(int value) {
    api::IrArgument argument;
    argument.set_value(value);
    return argument;
  }
  static api::IrArgument I(int64_t number) {
    api::IrArgument argument;
    argument.set_int_value(number);
    return argument;
  }
  static api::IrArgument D(double number) {
    api::IrArgument argument;
    argument.set_double_value(number);
    return argument;
  }
  static api::IrArgument None() {
    api::IrArgument argument;
    argument.set_none(api::NULL_VALUE_UNSPECIFIED);
    return argument;
  }
  static api::IrArgument Training() {
    api::IrArgument argument;
    argument.set_training(api::NULL_VALUE_UNSPECIFIED);
    return argument;
  }
  static api::IrArgument Size(const std::string& expression) {
    api::IrArgument argument;
    argument.set_size_expression(expression);
    return argument;
  }
  static api::IrArgument List(std::initializer_list<api::IrArgument> items) {
    api::IrArgument argument;
    argument.mutable_list();
    for (const api::IrArgument& item : items) *argument.mutable_list()->add_items() = item;
    return argument;
  }

  int Call(const std::string& node, const std::string& op,
           std::initializer_list<api::IrArgument> args, const Shape& shape,
           api::DataType dtype = api::DATA_TYPE_FLOAT32) {
    api::IrSource* source = ir_.add_sources();
    source->set_node(node);
    source->set_type("Test");
    api::IrCall* call = ir_.add_calls();
    call->set_op(op);
    call->set_num_outputs(1);
    call->set_source(ir_.sources_size() - 1);
    for (const api::IrArgument& argument : args) *call->add_args() = argument;
    return Value(dtype, shape);
  }

  int Linear(const std::string& node, int x, int weight, int bias, const Shape& shape) {
    return Call(node, "aten.linear.default", {V(x), V(weight), V(bias)}, shape);
  }

  void Output(const std::string& name, int value) {
    api::IrOutput* output = ir_.add_outputs();
    output->set_name(name);
    output->set_value(value);
  }

  api::IrModule& ir() { return ir_; }

 private:
  static api::TensorSpec Spec(api::DataType dtype, const Shape& shape) {
    api::TensorSpec spec;
    spec.set_dtype(dtype);
    for (const int64_t size : shape) {
      if (size < 0) {
        spec.add_shape()->set_symbol("B");
      } else {
        spec.add_shape()->set_size(size);
      }
    }
    return spec;
  }

  int Value(api::DataType dtype, const Shape& shape) {
    api::IrValue* value = ir_.add_values();
    value->set_kind(api::IrValue::KIND_TENSOR);
    *value->mutable_spec() = Spec(dtype, shape);
    return ir_.values_size() - 1;
  }

  api::IrModule ir_;
};

/// Linear(in, hidden), ReLU, Dropout(p), Linear(hidden, classes), cross entropy on class indices.
inline api::IrModule ClassifierProgram(int64_t in, int64_t hidden, int64_t classes,
                                       double dropout) {
  using B = ProgramBuilder;
  ProgramBuilder b;
  const int x = b.Input("x", api::DATA_TYPE_FLOAT32, {-1, in});
  const int target = b.Input("target", api::DATA_TYPE_INT64, {-1});
  const int w1 = b.Parameter("fc1.weight", {hidden, in}, 0.4);
  const int b1 = b.Parameter("fc1.bias", {hidden}, 0.4);
  const int w2 = b.Parameter("fc2.weight", {classes, hidden}, 0.3);
  const int b2 = b.Parameter("fc2.bias", {classes}, 0.3);
  int h = b.Linear("fc1", x, w1, b1, {-1, hidden});
  h = b.Call("act", "aten.relu.default", {B::V(h)}, {-1, hidden});
  h = b.Call("drop", "aten.dropout.default", {B::V(h), B::D(dropout), B::Training()}, {-1, hidden});
  const int logits = b.Linear("fc2", h, w2, b2, {-1, classes});
  const int loss =
      b.Call("loss", "aten.cross_entropy_loss.default",
             {B::V(logits), B::V(target), B::None(), B::I(1), B::I(-100), B::D(0.0)}, {});
  b.Output("logits", logits);
  b.Output("loss", loss);
  return b.ir();
}

inline void SetNumber(api::Component* component, const std::string& name, double value) {
  (*component->mutable_params())[name].set_double_value(value);
}

/// A classifier on synthetic data with shuffle, dropout, validation and test part.
inline v1::TrainerCommand TrainCommand(const std::string& work_dir, int64_t epochs) {
  v1::TrainerCommand command;
  v1::StartTraining* start = command.mutable_train();
  *start->mutable_ir() = ClassifierProgram(6, 16, 3, 0.25);
  start->set_work_dir(work_dir);
  api::JobSpec* job = start->mutable_job();
  job->set_kind(api::JOB_KIND_TRAIN);
  job->mutable_data()->mutable_synthetic()->set_rows(100);
  job->mutable_data()->mutable_synthetic()->set_classes(3);
  job->mutable_data()->set_batch_size(16);
  job->mutable_data()->mutable_split()->set_validation(0.2);
  job->mutable_data()->mutable_split()->set_test(0.1);
  job->mutable_data()->set_normalize(api::NORMALIZATION_STANDARD);
  job->mutable_optimizer()->set_type("Adam");
  SetNumber(job->mutable_optimizer(), "lr", 0.01);
  job->add_metrics("accuracy");
  job->set_epochs(epochs);
  job->set_seed(5);
  return command;
}

/// Plays the daemon: runs a session in a thread, gathers its reports, may answer them.
class FakeDaemon {
 public:
  using Answer = std::function<void(const v1::TrainerReport&, FakeDaemon&)>;

  v1::Finished Run(const v1::TrainerCommand& command, const Answer& answer = nullptr) {
    auto pair = *worker::MakeSocketPair();
    socket_ = std::move(pair.first);
    std::thread session([&] { exit_code = ServeSession(std::move(pair.second), SystemClock()); });
    Send(command);
    v1::Finished finished;
    while (true) {
      v1::TrainerReport report;
      if (!worker::ReadMessage(socket_.get(), &report).ok()) break;
      if (report.has_finished()) finished = report.finished();
      reports.push_back(report);
      if (answer != nullptr) answer(report, *this);
    }
    session.join();
    return finished;
  }

  void Send(const v1::TrainerCommand& command) {
    worker::WriteMessage(socket_.get(), command).IgnoreError();
  }

  std::vector<api::Event> Events(api::Event::PayloadCase kind) const {
    std::vector<api::Event> found;
    for (const v1::TrainerReport& report : reports) {
      for (const api::Event& event : report.events().events()) {
        if (event.payload_case() == kind) found.push_back(event);
      }
    }
    return found;
  }

  std::vector<double> Losses() const {
    std::vector<double> losses;
    for (const api::Event& event : Events(api::Event::kStep)) losses.push_back(event.step().loss());
    return losses;
  }

  std::vector<v1::TrainerReport> reports;
  int exit_code = -1;

 private:
  worker::Fd socket_;
};

}  // namespace graphkiln::trainer
