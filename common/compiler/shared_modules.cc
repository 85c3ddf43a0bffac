#include "common/compiler/shared_modules.h"

#include <utility>

#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

// The connected ports of a composite: its class has no arguments for the others.
std::string Presence(const Instance& instance) {
  std::string ports;
  for (size_t p = 0; instance.composite != nullptr && p < instance.inputs.size(); ++p) {
    if (instance.inputs[p].kind == Tree::Kind::kNone) continue;
    ports += (ports.empty() ? "" : ", ") + instance.composite->inputs(static_cast<int>(p)).name();
  }
  return ports;
}

}  // namespace

bool SharedModules::Agrees(const Instance& instance, const Report::Place& place, Report& report) {
  const auto [it, first] =
      modules_.try_emplace(instance.weights_path,
                           Module{std::string(instance.type), instance.params, Presence(instance)});
  if (first) return true;
  const auto& [type, params, ports] = it->second;
  const auto fail = [&](std::string message, std::string expected,
                        std::string found) -> v1::Diagnostic& {
    v1::Diagnostic& diagnostic = report.ErrorAt(place, "SHARED_MODULE", std::move(message));
    diagnostic.set_rule("SHARED_C1");
    diagnostic.set_expected(std::move(expected));
    diagnostic.set_found(std::move(found));
    return diagnostic;
  };
  if (type != instance.type) {
    fail("nodes that share weights must have one type", type, std::string(instance.type));
    return false;
  }
  if (instance.composite != nullptr && Presence(instance) != ports) {
    fail("composites that share weights must have the same ports connected", ports,
         Presence(instance));
    return false;
  }
  for (const nodes::Params::Entry& entry : instance.params.entries()) {
    const nodes::ParamValue* other = params.Find(entry.name);
    if (other != nullptr && *other == entry.value) continue;
    fail(fmt::format("nodes that share weights must have one {}", entry.name),
         other != nullptr ? nodes::ToPython(*other) : "none", nodes::ToPython(entry.value))
        .set_param(entry.name);
    return false;
  }
  return true;
}

}  // namespace graphkiln::compiler
