#include "common/compiler/report.h"

#include <utility>

#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

// A hostile graph of 200,000 wrong nodes must not become a gigabyte of text.
constexpr size_t kMaxDiagnostics = 10'000;
// Warnings and hints leave room for errors.
constexpr size_t kMaxOthers = 9'000;

}  // namespace

v1::Diagnostic& Report::Add(v1::Severity severity, std::string_view code, std::string message) {
  if (severity == v1::SEVERITY_ERROR) ++errors_;
  const size_t room = severity == v1::SEVERITY_ERROR ? kMaxDiagnostics : kMaxOthers;
  if (diagnostics_.size() >= room && !cut_) {
    // No error of its own: whether the graph is legal is told by the findings themselves.
    cut_ = true;
    v1::Diagnostic& note = diagnostics_.emplace_back();
    note.set_severity(v1::SEVERITY_WARNING);
    note.set_code("LIMIT");
    note.set_message(fmt::format("more than {} findings; the rest is left out", room));
  }
  v1::Diagnostic* const diagnostic =
      diagnostics_.size() < room ? &diagnostics_.emplace_back() : &overflow_;
  diagnostic->Clear();
  diagnostic->set_severity(severity);
  diagnostic->set_code(std::string(code));
  diagnostic->set_message(std::move(message));
  return *diagnostic;
}

v1::Diagnostic& Report::ErrorAt(const Place& place, std::string_view code, std::string message) {
  if (!place.path.empty()) message = fmt::format("inside {}: {}", place.path, message);
  v1::Diagnostic& diagnostic = Error(code, std::move(message));
  diagnostic.set_node(place.node);
  if (!place.path.empty()) diagnostic.set_path(place.path);
  return diagnostic;
}

v1::Diagnostic& Report::ParamIssue(const Place& place, const nodes::ParamIssue& issue) {
  v1::Diagnostic& diagnostic = ErrorAt(place, issue.code, issue.message);
  diagnostic.set_param(issue.param);
  diagnostic.set_expected(issue.expected);
  diagnostic.set_found(issue.found);
  // The inside of a composite is not the user's to edit.
  if (issue.suggested && place.path.empty()) {
    v1::Fix* fix = diagnostic.add_fixes();
    fix->set_description(
        fmt::format("set {} to {}", issue.param, nodes::ValueText(*issue.suggested)));
    v1::SetParam* edit = fix->add_edits()->mutable_set_param();
    edit->set_node(place.node);
    edit->set_param(issue.param);
    *edit->mutable_value() = *issue.suggested;
  }
  return diagnostic;
}

void Report::NodeFailure(const Place& place, const nodes::Failure& failure) {
  v1::Diagnostic& diagnostic = ErrorAt(place, failure.code, failure.message);
  diagnostic.set_rule(failure.rule);
  diagnostic.set_expected(failure.expected);
  diagnostic.set_found(failure.found);
  if (!place.path.empty()) return;
  diagnostic.set_port(failure.list_index >= 0 && !failure.port.empty()
                          ? fmt::format("{}[{}]", failure.port, failure.list_index)
                          : failure.port);
  diagnostic.set_param(failure.param);
  if (failure.suggested && !failure.param.empty()) {
    v1::Fix* fix = diagnostic.add_fixes();
    fix->set_description(
        fmt::format("set {} to {}", failure.param, nodes::ValueText(*failure.suggested)));
    v1::SetParam* edit = fix->add_edits()->mutable_set_param();
    edit->set_node(place.node);
    edit->set_param(failure.param);
    *edit->mutable_value() = *failure.suggested;
  }
}

}  // namespace graphkiln::compiler
