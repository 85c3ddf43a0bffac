#include "common/compiler/graph_scope.h"

#include <utility>
#include <vector>

namespace graphkiln::compiler {
namespace {

// The variables that a value names; readers bound the depth of values to 64.
void Names(const v1::Value& value, StringSet* names) {
  if (value.kind_case() == v1::Value::kExpression) VariablesIn(value.expression(), names);
  for (const v1::Value& item : value.list_value().values()) Names(item, names);
}

}  // namespace

std::optional<v1::Value> GraphScope::Variable(std::string_view name) const {
  if (!evaluated_) {
    evaluated_ = true;
    EvaluateVariables();
  }
  const auto it = values_.find(name);
  if (it == values_.end()) return std::nullopt;
  return it->second;
}

void GraphScope::EvaluateVariables() const {
  const auto& variables = graph_.variables();
  StringMap<size_t> missing;  // how many that it names have no value yet
  StringMap<std::vector<std::string_view>> users;
  std::vector<std::string_view> ready;
  for (const auto& [name, value] : variables) {
    StringSet names;
    Names(value, &names);
    size_t count = 0;
    for (const std::string& used : names) {
      const auto it = variables.find(used);
      if (it == variables.end()) continue;
      users[it->first].emplace_back(name);
      ++count;
    }
    missing[name] = count;
    if (count == 0) ready.emplace_back(name);
  }
  while (!ready.empty()) {
    const std::string_view name = ready.back();
    ready.pop_back();
    auto value = EvaluateAll(variables.find(std::string(name))->second, *this);
    if (value.ok()) values_[std::string(name)] = *std::move(value);
    const auto it = users.find(name);
    if (it == users.end()) continue;
    for (const std::string_view user : it->second) {
      if (--missing.find(user)->second == 0) ready.push_back(user);
    }
  }
}

}  // namespace graphkiln::compiler
