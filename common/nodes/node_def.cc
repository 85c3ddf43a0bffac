#include "common/nodes/node_def.h"

#include <algorithm>

#include "fmt/format.h"

namespace graphkiln::nodes {

const ParamSpec* NodeDef::FindParam(std::string_view param) const {
  for (const ParamSpec& spec : params) {
    if (spec.name == param) return &spec;
  }
  return nullptr;
}

int NodeDef::InputIndex(std::string_view port) const {
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].name == port) return static_cast<int>(i);
  }
  return -1;
}

int NodeDef::OutputIndex(std::string_view port) const {
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].name == port) return static_cast<int>(i);
  }
  return -1;
}

std::vector<int> NodeDef::ActiveOutputs(const Params& instance) const {
  std::vector<int> active;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const OutputSpec& output = outputs[i];
    if ((output.when.empty() || instance.Flag(output.when)) &&
        (output.exists == nullptr || output.exists(instance)))
      active.push_back(static_cast<int>(i));
  }
  return active;
}

std::optional<std::pair<int, int>> NodeDef::BypassOf(int output) const {
  if (inputs.empty() || bypass.kind == Bypass::Kind::kNotAllowed) return std::nullopt;
  if (bypass.kind == Bypass::Kind::kEach) return std::pair(0, 0);
  if (bypass.kind == Bypass::Kind::kInput) {
    if (output > 0) return std::nullopt;
    return std::pair(0, 0);
  }
  if (static_cast<size_t>(output) >= bypass.ports.size()) return std::nullopt;
  const auto first = bypass.ports.begin();
  const std::string_view port = first[output];
  return std::pair(InputIndex(port), static_cast<int>(std::count(first, first + output, port)));
}

std::string NodeDef::BypassText() const {
  if (inputs.empty() || bypass.kind == Bypass::Kind::kNotAllowed) return "not allowed";
  std::string text;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const auto from = BypassOf(static_cast<int>(i));
    if (!from) continue;
    const PortSpec& port = inputs[static_cast<size_t>(from->first)];
    text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", outputs[i].name, port.name);
    if (port.variadic) text += fmt::format("[{}]", from->second);
  }
  return text + ", where rank and element type agree";
}

}  // namespace graphkiln::nodes
