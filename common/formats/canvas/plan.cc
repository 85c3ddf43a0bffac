#include "common/formats/canvas/plan.h"

#include <algorithm>

#include "common/base/strings.h"
#include "common/formats/canvas/mode.h"

namespace graphkiln::formats::canvas {

Plan MakePlan(const Program& program) {
  StringMap<Mode> modes;
  for (const auto& [name, region] : program.region_programs) modes[name] = EffectiveMode(region);
  Plan plan;
  for (const auto& [name, spec] : program.regions) {
    const auto known = modes.find(name);
    switch (known != modes.end() ? known->second : Mode::kRuntime) {
      case Mode::kRuntime:
        plan.runtime.push_back(name);
        plan.active.push_back(name);
        break;
      case Mode::kFreeze:
        plan.frozen.push_back(name);
        plan.active.push_back(name);
        break;
      case Mode::kConstant:
        plan.constant.push_back(name);
        break;
      case Mode::kExport:
        plan.exported.push_back(name);
        break;
    }
  }
  plan.eliminated = program.regions.size() - plan.active.size();
  for (auto* names : {&plan.frozen, &plan.constant, &plan.exported, &plan.runtime, &plan.active})
    std::sort(names->begin(), names->end());
  const StringSet active(plan.active.begin(), plan.active.end());
  if (program.topology) {
    for (const Connection& connection : *program.topology) {
      if (active.contains(connection.src) && active.contains(connection.dst))
        plan.connections.emplace_back(connection.src, connection.dst);
    }
  }
  return plan;
}

Program Reduced(const Program& program, const Plan& plan) {
  if (plan.eliminated == 0) return program;
  Program out = program;
  const StringSet active(plan.active.begin(), plan.active.end());
  const auto gone = [&](const auto& entry) { return !active.contains(entry.first); };
  std::erase_if(out.regions, gone);
  std::erase_if(out.region_programs, gone);
  StringSet left;
  if (out.topology) {
    std::erase_if(*out.topology, [&](const Connection& connection) {
      return !active.contains(connection.src) || !active.contains(connection.dst);
    });
    for (const Connection& connection : *out.topology)
      left.insert(connection.src + "|" + connection.dst);
    if (out.topology->empty()) out.topology.reset();
  }
  std::erase_if(out.connection_programs,
                [&](const auto& entry) { return !left.contains(entry.first); });
  return out;
}

}  // namespace graphkiln::formats::canvas
