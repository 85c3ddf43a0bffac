// Where passes put diagnostics: builds them, places them at the user's own node, counts errors,
// bounds their number.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/nodes/body.h"
#include "common/nodes/param_spec.h"
#include "graphkiln/v1/diagnostic.pb.h"

namespace graphkiln::compiler {

class Report {
 public:
  // Inside a composite all findings belong to the user's node; `path` tells where in it.
  struct Place {
    std::string node;
    std::string path;  // empty at the top level

    // Of a node inside the composite that stands here; of the user's own node where *this is empty.
    Place Inside(const std::string& id) const {
      return node.empty() ? Place{id, ""} : Place{node, path + "." + id};
    }
  };

  v1::Diagnostic& Error(std::string_view code, std::string message) {
    return Add(v1::SEVERITY_ERROR, code, std::move(message));
  }
  v1::Diagnostic& Warning(std::string_view code, std::string message) {
    return Add(v1::SEVERITY_WARNING, code, std::move(message));
  }
  v1::Diagnostic& Hint(std::string_view code, std::string message) {
    return Add(v1::SEVERITY_HINT, code, std::move(message));
  }

  // A node of the top level reports as itself; one inside a composite as the user's node around it.
  v1::Diagnostic& ErrorAt(const Place& place, std::string_view code, std::string message);
  v1::Diagnostic& ParamIssue(const Place& place, const nodes::ParamIssue& issue);
  void NodeFailure(const Place& place, const nodes::Failure& failure);

  int errors() const { return errors_; }
  const std::vector<v1::Diagnostic>& diagnostics() const { return diagnostics_; }
  std::vector<v1::Diagnostic> Take() { return std::move(diagnostics_); }

 private:
  v1::Diagnostic& Add(v1::Severity severity, std::string_view code, std::string message);

  std::vector<v1::Diagnostic> diagnostics_;
  v1::Diagnostic overflow_;  // what comes after the limit goes here and is dropped
  bool cut_ = false;         // something was dropped
  int errors_ = 0;
};

}  // namespace graphkiln::compiler
