#include "common/ir/prune.h"

#include <algorithm>
#include <utility>

#include "common/ir/op_def.h"

namespace graphkiln::ir {

std::vector<bool> LiveCalls(const Module& module) {
  constexpr int32_t kNone = -1;
  std::vector<int32_t> producer(module.values.size(), kNone);
  std::vector<std::vector<int32_t>> writers(module.values.size());  // calls that change a value
  for (size_t i = 0; i < module.calls.size(); ++i) {
    const Call& call = module.calls[i];
    const int32_t index = static_cast<int32_t>(i);
    for (const ValueId id : call.outputs) producer[static_cast<size_t>(id.index)] = index;
    if (!call.op->mutates) continue;
    for (size_t a = 0; a < call.args.size(); ++a) {
      if (!call.op->args[a].written) continue;
      VisitValues(call.args[a], [&](const ValueId& id) {
        writers[static_cast<size_t>(id.index)].push_back(index);
      });
    }
  }
  std::vector<bool> live(module.calls.size(), false);
  std::vector<int32_t> open;
  const auto add = [&](int32_t call) {
    if (call == kNone || live[static_cast<size_t>(call)]) return;
    live[static_cast<size_t>(call)] = true;
    open.push_back(call);
  };
  for (const Output& output : module.outputs)
    add(producer[static_cast<size_t>(output.value.index)]);
  while (!open.empty()) {
    const Call& call = module.calls[static_cast<size_t>(open.back())];
    open.pop_back();
    for (const Argument& argument : call.args) {
      VisitValues(argument, [&](const ValueId& id) {
        const size_t value = static_cast<size_t>(id.index);
        add(producer[value]);
        for (const int32_t writer : writers[value]) add(writer);
        writers[value].clear();  // once is enough
      });
    }
  }
  return live;
}

void Prune(Module& module) {
  const std::vector<bool> live = LiveCalls(module);
  std::vector<bool> read(module.values.size(), false);
  std::vector<Call> calls;
  for (size_t i = 0; i < module.calls.size(); ++i) {
    if (!live[i]) continue;
    for (const Argument& argument : module.calls[i].args) {
      VisitValues(argument, [&](const ValueId& id) { read[static_cast<size_t>(id.index)] = true; });
    }
    calls.push_back(std::move(module.calls[i]));
  }
  module.calls = std::move(calls);
  for (const Output& output : module.outputs) read[static_cast<size_t>(output.value.index)] = true;
  std::erase_if(module.parameters, [&](const Parameter& parameter) {
    return !read[static_cast<size_t>(parameter.value.index)];
  });
}

}  // namespace graphkiln::ir
