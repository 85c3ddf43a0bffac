#include "services/worker/trainer/setup.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "services/worker/trainer/checkpoint.h"
#include "services/worker/trainer/failure.h"
#include "services/worker/trainer/split.h"
#include "services/worker/trainer/torch_guard.h"

namespace graphkiln::trainer {
namespace {

constexpr char kTarget[] = "target";
constexpr char kLoss[] = "loss";
// Evaluation needs no gradients, so larger batches fit.
constexpr int64_t kEvaluationBatch = 256;

// Rows of the table that an input indexes directly, so that made-up token ids stay in range.
int64_t IndexLimit(const api::IrModule& ir, int input) {
  int64_t limit = 0;
  for (const api::IrCall& call : ir.calls()) {
    if (call.op() != "aten.embedding.default" || call.args_size() < 2) continue;
    if (call.args(1).kind_case() != api::IrArgument::kValue || call.args(1).value() != input) {
      continue;
    }
    if (call.args(0).kind_case() != api::IrArgument::kValue) continue;
    const int32_t table = call.args(0).value();
    if (table < 0 || table >= ir.values_size() || ir.values(table).spec().shape_size() != 2)
      continue;
    const int64_t rows = ir.values(table).spec().shape(0).size();
    limit = limit == 0 ? rows : std::min(limit, rows);
  }
  return limit;
}

// Class indices count the scores' dimension 1 (dimension 0 of a model without batch dimension).
int64_t ClassCount(const api::IrModule& ir) {
  const int32_t value = ir.outputs(0).value();
  if (value < 0 || value >= ir.values_size()) return 0;
  const api::TensorSpec& spec = ir.values(value).spec();
  if (spec.shape_size() < 2 || spec.shape(1).kind_case() != api::Dim::kSize) return 0;
  return spec.shape(1).size();
}

Table ToDevice(Table table, c10::Device device) {
  for (at::Tensor& input : table.inputs) input = input.to(device);
  table.target = table.target.to(device);
  return table;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Setup>> Setup::Create(const v1::StartTraining& start,
                                                     c10::Device device,
                                                     const Interrupted& interrupted) {
  std::unique_ptr<Setup> setup(new Setup(start));
  RETURN_IF_ERROR(setup->MakeModel(device));
  RETURN_IF_ERROR(setup->MakeData(device, interrupted));
  return setup;
}

absl::Status Setup::MakeModel(c10::Device device) {
  const api::IrModule& ir = start_.ir();
  if (ir.inputs_size() < 2 || ir.inputs(ir.inputs_size() - 1).name() != kTarget ||
      ir.outputs_size() < 2 || ir.outputs(ir.outputs_size() - 1).name() != kLoss) {
    return UserFault(reason::kIrInvalid,
                     "the program's last input must be target and its last output loss");
  }
  const api::Precision precision = job().precision();
  if (precision != api::PRECISION_UNSPECIFIED && precision != api::PRECISION_FLOAT32) {
    return UserFault(reason::kUnsupported, fmt::format("precision {} is not implemented",
                                                       api::Precision_Name(precision)));
  }
  ASSIGN_OR_RETURN(plan_, Plan::Compile(ir, device));
  ASSIGN_OR_RETURN(parameters_, Parameters::Create(ir, device));
  RETURN_IF_ERROR(parameters_.Initialise(job().seed()));
  if (!start_.weights_path().empty()) {
    RETURN_IF_ERROR(parameters_.Load(start_.weights_path()));
  }
  if (parameters_.Trainable().empty()) {
    return UserFault(reason::kUnsupported, "the model has no trainable parameters");
  }
  ASSIGN_OR_RETURN(optimizer_, Optimizer::Create(job().optimizer(), parameters_.Trainable()));
  ASSIGN_OR_RETURN(Schedule schedule, Schedule::Create(job().scheduler(), optimizer_->base_rate()));
  schedule_ = std::make_unique<Schedule>(std::move(schedule));
  executor_ = std::make_unique<Executor>(plan_);
  executor_->SetParameters(parameters_.tensors());
  return absl::OkStatus();
}

absl::StatusOr<TableRequest> Setup::MakeRequest() const {
  TableRequest request;
  request.spec = &job().data();
  request.inputs.assign(plan_.inputs().begin(), plan_.inputs().end() - 1);
  request.target = plan_.inputs().back();
  request.seed = job().seed();
  if (c10::isIntegralType(request.target.dtype, /*includeBool=*/false)) {
    request.classes = ClassCount(start_.ir());
  }
  for (int i = 0; i < static_cast<int>(request.inputs.size()); ++i) {
    request.index_limits.push_back(IndexLimit(start_.ir(), i));
  }
  return request;
}

absl::Status Setup::MakeData(c10::Device device, const Interrupted& interrupted) {
  const auto go_on = [&] {
    return interrupted && interrupted() ? absl::CancelledError("CANCELLED: cancelled")
                                        : absl::OkStatus();
  };
  ASSIGN_OR_RETURN(TableRequest request, MakeRequest());
  request.interrupted = interrupted;
  ASSIGN_OR_RETURN(const int64_t fixed_batch, FixedBatch(request));
  ASSIGN_OR_RETURN(Table table, LoadTable(request, start_.data_path()));
  class_names_ = table.class_names;

  const api::SplitSpec& split = job().data().split();
  std::vector<int64_t> classes;
  if (split.stratify()) {
    if (!c10::isIntegralType(request.target.dtype, false) || table.target.numel() != table.rows) {
      return UserFault(reason::kDataInvalid, "data.split.stratify needs one class index per row");
    }
    const at::Tensor labels = table.target.to(at::kLong).contiguous();
    const auto* data = labels.const_data_ptr<int64_t>();
    classes.assign(data, data + table.rows);
  }
  ASSIGN_OR_RETURN(const SplitRows rows, SplitTable(split, job().seed(), table.rows, classes));
  train_rows_ = static_cast<int64_t>(rows.train.size());
  RETURN_IF_ERROR(go_on());

  Table train;
  RETURN_IF_ERROR(CatchTorch([] { return std::string("dividing the data"); },
                             [&] {
                               train = table.Select(rows.train);
                               validation_ = table.Select(rows.validation);
                               test_ = table.Select(rows.test);
                             }));
  table = {};
  RETURN_IF_ERROR(go_on());

  // After the data's own checks, before anything is scaled: a checkpoint brings the numbers of its
  // run.
  bool restored = false;
  if (!start_.checkpoint_path().empty()) {
    ASSIGN_OR_RETURN(
        RestoredCheckpoint checkpoint,
        RestoreCheckpoint(start_.checkpoint_path(), {&job(), &parameters_, optimizer_.get()}));
    progress_ = std::move(checkpoint.progress);
    normalizer_ = std::move(checkpoint.normalizer);
    restored = true;
  }
  RETURN_IF_ERROR(CatchTorch([] { return std::string("normalizing the data"); },
                             [&] {
                               if (!restored) {
                                 normalizer_ = Normalizer::Fit(job().data().normalize(),
                                                               train.names, train.inputs);
                               }
                               for (Table* part : {&train, &validation_, &test_}) {
                                 normalizer_.Apply(part->names, part->inputs);
                                 *part = ToDevice(std::move(*part), device);
                               }
                             }));

  RETURN_IF_ERROR(go_on());
  batches_ = std::make_unique<Batches>(std::move(train), job().data(), job().seed(), fixed_batch);
  if (batches_->rows() == 0) {
    return UserFault(reason::kDataInvalid,
                     fmt::format("{} training rows do not fill one batch of {}", train_rows_,
                                 batches_->batch_size()));
  }
  ASSIGN_OR_RETURN(
      Evaluator evaluator,
      Evaluator::Create(
          job(), request.target.dtype, *executor_,
          fixed_batch > 0 ? fixed_batch : std::max(kEvaluationBatch, batches_->batch_size()),
          fixed_batch > 0));
  evaluator_ = std::make_unique<Evaluator>(std::move(evaluator));
  return absl::OkStatus();
}

absl::StatusOr<double> Setup::TrainStep(const Table& batch, double rate, int64_t step) {
  RETURN_IF_ERROR(executor_->Run(batch.ProgramInputs(), /*training=*/true, &outputs_));
  double value = 0;
  bool finite = false;
  RETURN_IF_ERROR(CatchTorch([&] { return fmt::format("step {}", step); },
                             [&] {
                               const at::Tensor& loss = outputs_.back();
                               TORCH_CHECK(loss.numel() == 1, "the loss must be one number, found ",
                                           loss.numel());
                               value = loss.item<double>();
                               finite = std::isfinite(value);
                               if (!finite) return;
                               optimizer_->ClearGradients();
                               loss.backward();
                               optimizer_->Step(rate);
                             }));
  outputs_.clear();
  if (!finite) {
    return UserFault(reason::kNumerics, fmt::format("loss became {} at step {}",
                                                    std::isnan(value) ? "nan" : "infinite", step));
  }
  return value;
}

}  // namespace graphkiln::trainer
