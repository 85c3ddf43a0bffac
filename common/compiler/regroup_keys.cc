#include "common/compiler/regroup_keys.h"

#include "fmt/format.h"

namespace graphkiln::compiler {

absl::Status FirstError(const CompileResult& compiled, std::string_view what) {
  if (compiled.ok) return absl::OkStatus();
  for (const v1::Diagnostic& diagnostic : compiled.diagnostics) {
    if (diagnostic.severity() != v1::SEVERITY_ERROR) continue;
    return absl::FailedPreconditionError(
        fmt::format("{} has errors: {}{}{}", what, diagnostic.node(),
                    diagnostic.node().empty() ? "" : ": ", diagnostic.message()));
  }
  return absl::InternalError(fmt::format("{} does not compile", what));
}

InstancesById InstancesOf(const CompileResult& compiled, int parent) {
  InstancesById out;
  for (const Instance& instance : compiled.instances) {
    if (instance.parent == parent) out.emplace(instance.id, &instance);
  }
  return out;
}

const Instance* FindInstance(const InstancesById& instances, std::string_view id) {
  const auto it = instances.find(id);
  return it != instances.end() ? it->second : nullptr;
}

namespace {

std::string KindOf(const ir::Parameter& parameter) {
  return fmt::format("{}{}", parameter.persistent ? "" : "transient and ",
                     parameter.buffer      ? "a buffer"
                     : parameter.trainable ? "trained"
                                           : "frozen");
}

}  // namespace

absl::Status FillKeys(const CompileResult& before, const StringMap<std::string>& moved,
                      const CompileResult& after, Regrouped* out) {
  StringMap<const ir::Parameter*> left;
  for (const ir::Parameter& parameter : after.module->parameters)
    left.emplace(parameter.key, &parameter);
  for (const ir::Parameter& parameter : before.module->parameters) {
    std::string key = parameter.key;
    for (size_t end = key.size(); end != std::string::npos && end > 0;
         end = key.rfind('.', end - 1)) {
      const auto it = moved.find(key.substr(0, end));
      if (it == moved.end()) continue;
      key = it->second + key.substr(end);
      break;
    }
    const auto it = left.find(key);
    if (it == left.end() ||
        after.module->type(it->second->value) != before.module->type(parameter.value)) {
      return absl::FailedPreconditionError(
          fmt::format("the weight {} would be lost", QuoteForMessage(parameter.key)));
    }
    const ir::Parameter& now = *it->second;
    if (now.trainable != parameter.trainable || now.buffer != parameter.buffer ||
        now.persistent != parameter.persistent) {
      return absl::FailedPreconditionError(fmt::format("the weight {} would no longer be {}",
                                                       QuoteForMessage(parameter.key),
                                                       KindOf(parameter)));
    }
    left.erase(it);
    if (key != parameter.key) out->keys.emplace_back(parameter.key, std::move(key));
  }
  if (!left.empty())
    return absl::FailedPreconditionError("there would be weights that were not there");
  return absl::OkStatus();
}

}  // namespace graphkiln::compiler
