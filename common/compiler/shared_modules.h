// Nodes that share weights are one module in Python, so all that makes the module must agree.
// Called by the type pass; one object per compilation.
#pragma once

#include <string>

#include "common/base/strings.h"
#include "common/compiler/compile.h"
#include "common/compiler/report.h"

namespace graphkiln::compiler {

class SharedModules {
 public:
  // Compares with the first node of the same weights path; reports what differs.
  bool Agrees(const Instance& instance, const Report::Place& place, Report& report);

 private:
  struct Module {
    std::string type;
    nodes::Params params;
    std::string ports;
  };
  StringMap<Module> modules_;  // by weights path
};

}  // namespace graphkiln::compiler
