#include "common/jobs/model_check.h"

#include <map>
#include <optional>
#include <string>

#include "common/base/strings.h"
#include "common/compiler/lint.h"
#include "common/jobs/faults.h"
#include "common/jobs/registry.h"
#include "fmt/format.h"

namespace graphkiln::jobs {
namespace {

class ModelChecker {
 public:
  ModelChecker(const ir::Module& model, v1::JobSpec* job, std::vector<v1::Diagnostic>* diagnostics)
      : model_(model), job_(job), diagnostics_(diagnostics) {}

  void Run() {
    for (const ir::Input& input : model_.inputs) InputShape(input);
    BatchSize();
    const bool files = job_->data().has_csv() || !job_->data().dataset().empty();
    if (files) Columns();
    if (job_->has_loss() && !model_.outputs.empty()) Target(files);
  }

 private:
  v1::Diagnostic* Fault(std::string_view code, std::string_view path, std::string message) {
    return AddFault(diagnostics_, code, path, std::move(message));
  }

  // One row is one sample: the first dimension is the batch, all others are known.
  void InputShape(const ir::Input& input) {
    const ir::TensorType& type = model_.type(input.value);
    if (type.rank() == 0) {
      Fault(
          "INPUT_MISMATCH", "graph",
          fmt::format("input {} is a scalar; a batch of rows needs a first dimension", input.name))
          ->set_found(ir::TypeText(type));
      return;
    }
    for (int i = 1; i < type.rank(); ++i) {
      if (type.dim(i).IsConst()) continue;
      auto* fault =
          Fault("INPUT_MISMATCH", "graph",
                fmt::format("input {} has a free size besides the batch; rows have one size",
                            input.name));
      fault->set_expected("fixed sizes after the first dimension");
      fault->set_found(ir::TypeText(type));
      return;
    }
    const ir::Dim& batch = type.dim(0);
    if (!batch.IsConst()) return;
    if (batch.value() != job_->data().batch_size()) {
      auto* fault = Fault(
          "INPUT_MISMATCH", "data.batch_size",
          fmt::format("input {} takes batches of exactly {} rows", input.name, batch.value()));
      fault->set_expected(fmt::format("{}", batch.value()));
      fault->set_found(fmt::format("{}", job_->data().batch_size()));
      fault->add_fixes()->set_description(
          fmt::format("make the first dimension of {} a symbol such as B", input.name));
    }
  }

  // The graph was typed for any batch; what its nodes need of it is checked where it has a number.
  void BatchSize() {
    const int64_t rows = job_->data().batch_size();
    if (rows < 1) return;  // told elsewhere
    StringSet batches;
    for (const ir::Input& input : model_.inputs) {
      const ir::TensorType& type = model_.type(input.value);
      if (type.rank() > 0 && type.dim(0).IsSymbol()) batches.insert(type.dim(0).ToString());
    }
    for (const ir::Assumption& assumption : model_.assumptions.all()) {
      const auto holds = assumption.Holds([&](std::string_view symbol) {
        return batches.contains(symbol) ? std::optional(rows) : std::nullopt;
      });
      if (!holds.ok() || *holds) continue;
      const std::string node =
          assumption.source < 0
              ? std::string("the graph")
              : fmt::format(
                    "node {} of the graph",
                    QuoteForMessage(model_.sources[static_cast<size_t>(assumption.source)].node));
      auto* fault = Fault("INPUT_MISMATCH", "data.batch_size",
                          fmt::format("{} cannot take batches of {} rows", node, rows));
      fault->set_expected(assumption.ToString());
      fault->set_found(fmt::format("{}", rows));
    }
  }

  void Columns() {
    auto& inputs = *job_->mutable_data()->mutable_inputs();
    if (inputs.empty() && !HasErrorAt(*diagnostics_, "data.inputs")) {
      if (model_.inputs.size() == 1) {
        inputs[model_.inputs[0].name].add_columns("*");
      } else if (!HasErrorUnderInputs()) {
        Fault("MISSING_KEY", "data.inputs",
              fmt::format("the graph has {} inputs; say which columns each of them takes",
                          model_.inputs.size()));
      }
      return;
    }
    std::vector<std::string> names;
    for (const ir::Input& input : model_.inputs) names.push_back(input.name);
    for (const auto& [name, columns] :
         std::map<std::string, v1::ColumnList>(inputs.begin(), inputs.end())) {
      const std::string path = fmt::format("data.inputs.{}", name);
      const ir::Input* input = FindInput(name);
      if (input == nullptr) {
        auto* fault = Fault("INPUT_MISMATCH", path,
                            fmt::format("the graph has no input {}", QuoteForMessage(name)));
        fault->set_found(QuoteForMessage(name));
        SuggestName(fault, name, names);
        if (fault->fixes_size() == 0 && names.size() == 1) {
          fault->add_fixes()->set_description(fmt::format("write {} instead", names[0]));
        }
        continue;
      }
      PlainColumns(*input, path, columns);
    }
    for (const std::string& name : names) {
      const std::string path = fmt::format("data.inputs.{}", name);
      if (inputs.contains(name) || HasErrorAt(*diagnostics_, path)) continue;
      Fault("INPUT_MISMATCH", "data.inputs",
            fmt::format("input {} of the graph has no columns", name));
    }
  }

  // Without globs the number of columns is known before the data is.
  void PlainColumns(const ir::Input& input, const std::string& path,
                    const v1::ColumnList& columns) {
    for (const std::string& column : columns.columns()) {
      if (column.find_first_of("*?") != std::string::npos) return;
      if (column == job_->data().target()) {
        Fault("INPUT_MISMATCH", path,
              fmt::format("column {} is the target and cannot be an input too",
                          QuoteForMessage(column)));
        return;
      }
    }
    const ir::TensorType& type = model_.type(input.value);
    int64_t wanted = 1;
    for (int i = 1; i < type.rank(); ++i) {
      if (!type.dim(i).IsConst()) return;
      wanted *= type.dim(i).value();
    }
    if (type.rank() == 0 || wanted == columns.columns_size()) return;
    auto* fault =
        Fault("INPUT_MISMATCH", path, fmt::format("input {} takes {} columns", input.name, wanted));
    fault->set_expected(fmt::format("{} columns for {}", wanted, ir::TypeText(type)));
    fault->set_found(fmt::format("{} columns", columns.columns_size()));
  }

  void Target(bool files) {
    const ir::TensorType& output = model_.type(model_.outputs[0].value);
    const Task task = LossTask(job_->loss().type());
    if (const std::string twice = compiler::RedundantActivation(model_, job_->loss().type());
        !twice.empty()) {
      auto* fault = Fault("SOFTMAX_BEFORE_LOSS", "loss",
                          fmt::format("{} applies itself what {} in the graph has done already",
                                      job_->loss().type(), twice));
      fault->set_severity(v1::SEVERITY_WARNING);
      fault->set_expected("numbers of any size (logits)");
      fault->set_found(fmt::format("the result of {}", twice));
      fault->add_fixes()->set_description(fmt::format("make the input of {} the output", twice));
    }
    if (task == Task::kClassification) {
      if (output.rank() < 2) {
        Fault("INPUT_MISMATCH", "loss",
              fmt::format("{} needs an output of rank 2, [batch, classes]", job_->loss().type()))
            ->set_found(ir::TypeText(output));
        return;
      }
      if (files && output.rank() != 2) {
        Fault("INPUT_MISMATCH", "data.target",
              "a target column has one class for each row, but the output has further dimensions")
            ->set_found(ir::TypeText(output));
      }
      if (job_->data().has_synthetic()) SyntheticClasses(output);
    } else if (task == Task::kRegression && files) {
      for (int i = 1; i < output.rank(); ++i) {
        if (output.dim(i).IsConst() && output.dim(i).value() == 1) continue;
        auto* fault = Fault("INPUT_MISMATCH", "data.target",
                            "a target column has one number for each row, but the output has more");
        fault->set_expected("an output of shape [batch, 1] or [batch]");
        fault->set_found(ir::TypeText(output));
        return;
      }
    }
  }

  void SyntheticClasses(const ir::TensorType& output) {
    v1::SyntheticSource* synthetic = job_->mutable_data()->mutable_synthetic();
    const ir::Dim& classes = output.dim(1);
    if (synthetic->classes() == 0 && classes.IsConst()) synthetic->set_classes(classes.value());
    if (synthetic->classes() == 0) {
      Fault("MISSING_KEY", "data.synthetic.classes",
            fmt::format("{} needs the number of classes", job_->loss().type()));
    } else if (classes.IsConst() && synthetic->classes() > classes.value()) {
      auto* fault = Fault("KEY_RANGE", "data.synthetic.classes",
                          fmt::format("the output has only {} classes", classes.value()));
      fault->set_expected(fmt::format("at most {}", classes.value()));
      fault->set_found(fmt::format("{}", synthetic->classes()));
    }
  }

  const ir::Input* FindInput(std::string_view name) const {
    for (const ir::Input& input : model_.inputs) {
      if (input.name == name) return &input;
    }
    return nullptr;
  }
  bool HasErrorUnderInputs() const {
    for (const v1::Diagnostic& diagnostic : *diagnostics_) {
      if (diagnostic.path().starts_with("data.inputs.")) return true;
    }
    return false;
  }

  const ir::Module& model_;
  v1::JobSpec* job_;
  std::vector<v1::Diagnostic>* diagnostics_;
};

}  // namespace

void CheckModel(const ir::Module& model, v1::JobSpec* job,
                std::vector<v1::Diagnostic>* diagnostics) {
  ModelChecker(model, job, diagnostics).Run();
}

}  // namespace graphkiln::jobs
