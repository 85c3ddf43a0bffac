#include "clients/cli/data_check.h"

#include <charconv>
#include <optional>

#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/jobs/faults.h"
#include "common/jobs/registry.h"
#include "common/jobs/split_check.h"
#include "common/tensors/csv_table.h"
#include "fmt/format.h"

namespace graphkiln::cli {
namespace {

constexpr uint64_t kWholeFileBytes = 64ull << 20;

class CsvChecker {
 public:
  CsvChecker(const std::string& path, const ir::Module& model, const v1::JobSpec& job,
             std::vector<v1::Diagnostic>* diagnostics)
      : path_(path), model_(model), job_(job), diagnostics_(diagnostics) {}

  void Run() {
    auto reader = tensors::CsvReader::Open(path_, tensors::CsvOptions());
    if (!reader.ok()) return Refuse(reader.status(), "data.csv");
    const size_t before = diagnostics_->size();
    Columns(reader->columns());
    if (diagnostics_->size() != before) return;
    const auto size = FileSize(path_);
    if (size.ok() && *size <= kWholeFileBytes) Cells();
  }

 private:
  // "file:line:column: message" becomes a located diagnostic.
  void Refuse(const absl::Status& status, std::string_view key) {
    auto* fault = jobs::AddFault(diagnostics_, "DATA_INVALID", key, "");
    std::string_view message = MessageOf(status);
    if (message.starts_with(path_ + ":")) {
      message.remove_prefix(path_.size() + 1);
      int line = 0;
      int column = 0;
      const char* end = message.data() + message.size();
      auto [at, error] = std::from_chars(message.data(), end, line);
      if (error == std::errc() && at != end && *at == ':') {
        auto [at2, error2] = std::from_chars(at + 1, end, column);
        if (error2 == std::errc() && at2 != end && *at2 == ':') {
          message = TrimView(message.substr(static_cast<size_t>(at2 + 1 - message.data())));
          fault->set_line(line);
          fault->set_column(column);
        }
      }
      fault->set_file(path_);
    }
    fault->set_message(std::string(TrimView(message)));
  }

  static std::optional<int64_t> RowElements(const ir::TensorType& type) {
    int64_t count = 1;
    for (int i = 1; i < type.rank(); ++i) {
      if (!type.dim(i).IsConst()) return std::nullopt;
      count *= type.dim(i).value();
    }
    return count;
  }

  void Columns(const std::vector<std::string>& header) {
    const std::string& target = job_.data().target();
    bool has_target = false;
    for (const std::string& column : header) has_target |= column == target;
    if (!has_target && !target.empty()) {
      auto* fault =
          jobs::AddFault(diagnostics_, "DATA_INVALID", "data.target",
                         fmt::format("{} has no column {}{}", path_, QuoteForMessage(target),
                                     tensors::SeparatorHint(header)));
      jobs::SuggestName(fault, target, header);
      fault->set_found(QuoteForMessage(target));
    }
    for (const ir::Input& input : model_.inputs) {
      const auto it = job_.data().inputs().find(input.name);
      if (it == job_.data().inputs().end()) continue;
      const std::string key = fmt::format("data.inputs.{}", input.name);
      const std::vector<std::string> patterns(it->second.columns().begin(),
                                              it->second.columns().end());
      const auto selected = tensors::SelectColumns(header, patterns, {target});
      if (!selected.ok()) {
        auto* fault = jobs::AddFault(diagnostics_, "DATA_INVALID", key,
                                     fmt::format("{}: {}", path_, MessageOf(selected.status())));
        if (patterns.size() == 1) jobs::SuggestName(fault, patterns[0], header);
        continue;
      }
      const auto wanted = RowElements(model_.type(input.value));
      if (!wanted || *wanted == static_cast<int64_t>(selected->size())) continue;
      auto* fault =
          jobs::AddFault(diagnostics_, "INPUT_MISMATCH", key,
                         fmt::format("input {} takes {} columns, but {} of {} are selected",
                                     input.name, *wanted, selected->size(), path_));
      fault->set_expected(
          fmt::format("{} columns for {}", *wanted, ir::TypeText(model_.type(input.value))));
      fault->set_found(fmt::format("{} columns", selected->size()));
    }
  }

  void Cells() {
    tensors::CsvRequest request;
    const bool classes = jobs::LossTask(job_.loss().type()) == jobs::Task::kClassification;
    const std::string& target = job_.data().target();
    request.no_glob = {target};
    for (const ir::Input& input : model_.inputs) {
      const auto it = job_.data().inputs().find(input.name);
      if (it == job_.data().inputs().end()) continue;
      tensors::CsvGroup& group = request.groups.emplace_back();
      group.columns.assign(it->second.columns().begin(), it->second.columns().end());
      const bool whole = ir::IsIntegral(model_.type(input.value).dtype);
      group.dtype = whole ? tensors::DType::kI64 : tensors::DType::kF32;
    }
    if (classes) {
      request.classes = {target};
    } else if (!target.empty()) {
      request.groups.push_back({{target}, tensors::DType::kF32});
    }
    const auto table = tensors::ReadCsv(path_, request, tensors::CsvOptions());
    if (!table.ok()) return Refuse(table.status(), "data.csv");
    jobs::CheckSplit(job_.data().split(), table->rows, diagnostics_);
    if (classes && !table->classes.empty()) Labels(table->classes[0]);
  }

  void Labels(const tensors::CsvClasses& labels) {
    const ir::TensorType& output = model_.type(model_.outputs[0].value);
    if (output.rank() < 2 || !output.dim(1).IsConst()) return;
    const int64_t classes = output.dim(1).value();
    if (labels.largest < classes) return;
    auto* fault = jobs::AddFault(
        diagnostics_, "DATA_INVALID", "data.target",
        labels.names.empty()
            ? fmt::format("label {} is out of range: the output has {} classes{}", labels.largest,
                          classes, tensors::FirstClassHint(labels))
            : fmt::format("{} has {} different labels, but the output has {} classes",
                          QuoteForMessage(labels.column), labels.names.size(), classes));
    fault->set_file(path_);
    fault->set_line(static_cast<int>(labels.largest_position.line));
    fault->set_column(static_cast<int>(labels.largest_position.column));
    fault->set_expected(fmt::format("0 to {}", classes - 1));
    fault->set_found(fmt::format("{}", labels.largest));
  }

  const std::string& path_;
  const ir::Module& model_;
  const v1::JobSpec& job_;
  std::vector<v1::Diagnostic>* diagnostics_;
};

}  // namespace

void CheckCsv(const std::string& path, const ir::Module& model, const v1::JobSpec& job,
              std::vector<v1::Diagnostic>* diagnostics) {
  CsvChecker(path, model, job, diagnostics).Run();
}

}  // namespace graphkiln::cli
