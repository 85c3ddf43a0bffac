// The rules that diagnostics name (`rule`), for `kiln explain RULE`: those of operators stand in
// the operator table, those of composites in their files, those of nodes and of whole graphs here.
// Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace graphkiln::compiler {

struct RulePage {
  std::string label;
  // What holds where the rule is kept; several operators may say it in words of their own.
  std::vector<std::string> texts;
  // Node types that it is asked of; empty: of all.
  std::vector<std::string> types;
  // The type whose example keeps it; empty where no single type has one.
  std::string example;
};

// Nothing where unknown.
std::optional<RulePage> FindRule(std::string_view label);
// In order.
std::vector<std::string> RuleLabels();

}  // namespace graphkiln::compiler
