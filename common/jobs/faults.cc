#include "common/jobs/faults.h"

#include "fmt/format.h"
#include "fmt/ranges.h"

namespace graphkiln::jobs {

absl::Span<const compiler::CodePage> JobCodePages() {
  static constexpr compiler::CodePage kPages[] = {
      {"DATASET_UNKNOWN", "There is no such dataset",
       "`kiln get datasets` lists those of the server; `kiln cp FILE dataset/NAME` stores one."},
      {"FILE_NOT_FOUND", "A file that the job names does not exist",
       "Paths in a job file are relative to the job file's folder."},
      {"FILE_NOT_UPLOADED", "The job names a file that the server does not have",
       "Clients upload the files of a job before they submit it; paths of the client's machine "
       "mean "
       "nothing on the server."},
      {"FILE_UNREADABLE", "A file that the job names cannot be read",
       "The message says why: permissions, a folder, or a file beyond the limit."},
      {"INPUT_MISMATCH", "The data does not fit the graph",
       "`data.inputs` gives each graph input as many columns as one of its rows has elements; the "
       "first "
       "dimension of an input is the batch."},
      {"KEY_CONFLICT", "Two keys exclude each other",
       "Remove one of them; the message names both."},
      {"KEY_RANGE", "The value of a key is not legal", "The diagnostic names the legal values."},
      {"KEY_TYPE", "The value of a key has the wrong type",
       "The diagnostic names the type that is expected; `kiln explain job` lists all keys."},
      {"METRIC_MISMATCH", "The metric does not fit the loss",
       "Accuracy counts classes; mse, mae and r2 measure numbers."},
      {"WEIGHTS_UNKNOWN", "There are no such weights",
       "`weights` names a job with a checkpoint, or a file of the job's own."},
  };
  return kPages;
}

v1::Diagnostic* AddFault(std::vector<v1::Diagnostic>* diagnostics, std::string_view code,
                         std::string_view path, std::string message) {
  v1::Diagnostic& diagnostic = diagnostics->emplace_back();
  diagnostic.set_severity(v1::SEVERITY_ERROR);
  diagnostic.set_code(std::string(code));
  diagnostic.set_path(std::string(path));
  diagnostic.set_message(std::move(message));
  return &diagnostic;
}

bool HasErrorAt(const std::vector<v1::Diagnostic>& diagnostics, std::string_view path) {
  for (const v1::Diagnostic& diagnostic : diagnostics) {
    if (diagnostic.severity() != v1::SEVERITY_ERROR || diagnostic.path().empty()) continue;
    const std::string_view at = diagnostic.path();
    if (!path.starts_with(at)) continue;
    if (path.size() == at.size() || path[at.size()] == '.') return true;
  }
  return false;
}

void Locate(const JobPositions& positions, std::string_view file,
            std::vector<v1::Diagnostic>* diagnostics) {
  for (v1::Diagnostic& diagnostic : *diagnostics) {
    if (diagnostic.line() != 0 || !diagnostic.file().empty()) continue;
    std::string_view path = diagnostic.path();
    while (true) {
      const auto it = positions.find(path);
      if (it != positions.end()) {
        diagnostic.set_file(it->second.line == 0 ? fmt::format("--set {}", path)
                                                 : std::string(file));
        diagnostic.set_line(it->second.line);
        diagnostic.set_column(it->second.column);
        break;
      }
      if (path.empty()) {
        diagnostic.set_file(std::string(file));
        break;
      }
      const size_t dot = path.rfind('.');
      path = dot == std::string_view::npos ? std::string_view() : path.substr(0, dot);
    }
  }
}

void SuggestName(v1::Diagnostic* diagnostic, std::string_view name,
                 absl::Span<const std::string> candidates) {
  const auto near = NearestName(name, candidates);
  if (!near) return;
  diagnostic->add_fixes()->set_description(fmt::format("write {} instead", *near));
}

}  // namespace graphkiln::jobs
