#include "common/emit/python/members.h"

#include "common/base/strings.h"
#include "common/compiler/identifiers.h"
#include "fmt/format.h"

namespace graphkiln::emit::python {

using compiler::CompileResult;
using compiler::Instance;

namespace {

std::string Suffix(std::string_view part) {
  std::string out;
  for (const char c : part) {
    const bool word =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    out += word ? c : '_';
  }
  return out.substr(0, 60);
}

}  // namespace

bool IsOwnClass(const Instance& instance) {
  return instance.def != nullptr && instance.def->python.IsOwnClass(instance.params);
}

bool IsPick(const Instance& instance) {
  return instance.def != nullptr && instance.def->picks && !instance.inputs[0].IsTensor();
}

bool IsModule(const Instance& instance) {
  if (instance.bypassed) return false;
  return instance.composite != nullptr ||
         (!instance.def->picks && instance.def->python.kind == nodes::Python::Kind::kModule) ||
         IsOwnClass(instance);
}

bool IsParameter(const Instance& instance) {
  return !instance.bypassed && instance.def != nullptr &&
         instance.def->python.kind == nodes::Python::Kind::kParameter;
}

bool IsOwner(const CompileResult& compiled, const Instance& instance) {
  const std::string_view parent =
      instance.parent >= 0
          ? std::string_view(compiled.instances[static_cast<size_t>(instance.parent)].weights_path)
          : "";
  std::string own =
      parent.empty() ? instance.identifier : fmt::format("{}.{}", parent, instance.identifier);
  return own == instance.weights_path;
}

bool HasAttribute(const CompileResult& compiled, const Instance& instance) {
  return (IsModule(instance) || IsParameter(instance)) && IsOwner(compiled, instance);
}

bool IsNumber(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::string NameStem(const Instance& instance) {
  std::string stem = instance.identifier;
  if (IsNumber(stem)) stem = compiler::ToIdentifier(ToLowerAscii(instance.type)) + "_" + stem;
  for (char& c : stem) {
    if (c == '.') c = '_';
  }
  return stem;
}

std::vector<std::pair<ir::ValueId, std::string>> PortNames(const Instance& instance,
                                                           const std::string& stem) {
  std::vector<std::pair<ir::ValueId, std::string>> out;
  std::vector<std::string> ports;
  if (instance.def != nullptr) {
    for (const int port : instance.def->ActiveOutputs(instance.params)) {
      ports.push_back(instance.def->outputs[static_cast<size_t>(port)].name);
    }
  } else {
    for (const v1::GraphOutput& output : instance.composite->outputs())
      ports.push_back(output.name());
  }
  size_t i = 0;
  compiler::VisitTensors(instance.output, "", [&](const std::string& path, ir::ValueId id) {
    const bool by_port = i < ports.size() &&
                         (instance.def != nullptr || instance.output.items.size() == ports.size());
    const std::string part = by_port ? ports[i] : path;
    out.emplace_back(id, i == 0 || part.empty() ? stem : fmt::format("{}_{}", stem, Suffix(part)));
    ++i;
  });
  return out;
}

}  // namespace graphkiln::emit::python
